//! What can go wrong, in numbers that stay what they are.

use std::ffi::c_char;
use std::fmt::Write as _;

use mcp_sse_blocking::Delivery;

use crate::border::{enter, untold};
use crate::text::Out;

/// Bytes of a message, with the NUL at its end. Messages of the library are shorter; what a server says is cut.
pub const MESSAGE: usize = 1024;

/// What became of a call of a function. The numbers are fixed for ever; new ones are added at the end.
#[repr(i32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It worked. A tool that failed says so in its result, with `isError`.
    Ok = 0,
    /// The caller's mistake: an address, a name, an argument that cannot be used. Nothing was sent.
    Usage = 1,
    /// The server answered with a JSON-RPC error: see `rpc_code`.
    Rpc = 2,
    /// The server broke the protocol.
    Peer = 3,
    /// The server passed a bound; the message names it.
    Limit = 4,
    /// An HTTP answer that is no success: see `http_status`.
    Http = 5,
    /// The server does not know the session any more.
    SessionGone = 6,
    /// A deadline passed; the message names its setting.
    Timeout = 7,
    /// The network, or TLS.
    Transport = 8,
    /// The event stream ended before the reply.
    StreamEnded = 9,
    /// The server was a child process and ended.
    Exited = 10,
    /// The server needs input before it can answer, and nobody gives it.
    Input = 11,
    /// The call was cancelled by this program.
    Cancelled = 12,
    /// The client was closed by this program.
    Closed = 13,
    /// A pointer is NULL that must not be.
    Null = 14,
    /// Text is not UTF-8.
    Utf8 = 15,
    /// Text is not JSON, or not of the shape that is wanted.
    Json = 16,
    /// A configuration file cannot be used; the message has its first faults.
    Config = 17,
    /// The handle is 0, was freed, or belongs to another kind of object.
    Handle = 18,
    /// Right, but not now: from within a callback that cannot do it, or after the object was used up.
    State = 19,
    /// The credentials of the client could not be had.
    Credentials = 20,
    /// There is no connection, and opening another one takes longer than the call may wait.
    NotConnected = 21,
    /// No failure: a question to the client is on its way. Return from the handler without an answer; it runs
    /// again, with this one.
    Asked = 22,
    /// A fault of the library itself. It goes on working; please report it.
    Panic = 99,
}

/// More about a call that did not work. The caller's own: no memory belongs to it, so there is nothing to be
/// freed, and it need not be initialised.
#[repr(C)]
pub struct ErrorInfo {
    /// The same as the function gave back.
    pub status: Status,
    /// Whether the server may have acted on the request: 1 it was sent, 0 it was not, -1 it was answered or
    /// there was none.
    pub delivery: i32,
    /// The code of the server's JSON-RPC error; else 0.
    pub rpc_code: i64,
    /// The HTTP status; else 0.
    pub http_status: i32,
    /// How long the server asks to be left alone, in milliseconds; -1 when it does not.
    pub retry_after_ms: i64,
    /// How many bytes of the message there are, without the NUL at its end.
    pub message_length: usize,
    /// What was wrong, as UTF-8 with a NUL at its end. Never a secret.
    pub message: [c_char; MESSAGE],
}

/// Why the last function on this thread that had no place for it did not do what it was asked to: it takes no
/// `mcp_error`, or was given NULL. Gives its status and, in `error`, its message; `MCP_STATUS_OK` when there
/// was none. What works in between does not change it.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_last_problem(error: *mut ErrorInfo) -> Status {
    enter(Out(error), || untold().map_or(Ok(()), Err))
}

/// Why a function did not do what it was asked to.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    pub(crate) status: Status,
    message: String,
    delivery: i32,
    rpc_code: i64,
    http_status: i32,
    retry_after_ms: i64,
}

impl Fault {
    pub(crate) fn new(status: Status, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), delivery: -1, rpc_code: 0, http_status: 0, retry_after_ms: -1 }
    }

    /// Of a request that was not sent for this reason.
    pub(crate) fn unsent(status: Status, message: impl Into<String>) -> Self {
        Self { delivery: 0, ..Self::new(status, message) }
    }

    /// The other side answered with an error of JSON-RPC.
    pub(crate) fn rpc(code: i64, message: impl Into<String>) -> Self {
        Self { rpc_code: code, ..Self::new(Status::Rpc, message) }
    }

    /// What the caller gets to see.
    pub(crate) fn info(&self) -> ErrorInfo {
        // At the border of a character.
        let end = (0..MESSAGE.min(self.message.len() + 1)).rev().find(|&end| self.message.is_char_boundary(end));
        let text = &self.message.as_bytes()[..end.unwrap_or(0)];
        let mut message = [0; MESSAGE];
        for (place, byte) in message.iter_mut().zip(text) {
            *place = *byte as c_char;
        }
        ErrorInfo {
            status: self.status,
            delivery: self.delivery,
            rpc_code: self.rpc_code,
            http_status: self.http_status,
            retry_after_ms: self.retry_after_ms,
            message_length: text.len(),
            message,
        }
    }
}

impl ErrorInfo {
    /// That nothing is wrong.
    pub(crate) fn none() -> Self {
        Fault::new(Status::Ok, "").info()
    }
}

impl From<mcp_sse_blocking::Error> for Fault {
    fn from(error: mcp_sse_blocking::Error) -> Self {
        use mcp_sse_blocking::Error;

        let mut fault = Self::new(Status::Usage, error.to_string());
        fault.delivery = match error.delivery() {
            Some(Delivery::NotSent) => 0,
            Some(Delivery::Sent) => 1,
            None => -1,
        };
        fault.status = match &error {
            Error::Usage(_) => Status::Usage,
            Error::Rpc(error) => {
                fault.rpc_code = error.code;
                Status::Rpc
            }
            Error::Peer(_) => Status::Peer,
            Error::Limit(_) => Status::Limit,
            Error::Status(status) | Error::SessionGone(status) => {
                fault.http_status = status.code.into();
                let wait = status.wait().map(|wait| i64::try_from(wait.as_millis()).unwrap_or(i64::MAX));
                fault.retry_after_ms = wait.unwrap_or(-1);
                if matches!(error, Error::Status(_)) { Status::Http } else { Status::SessionGone }
            }
            Error::Timeout(_) => Status::Timeout,
            Error::Transport(_) => Status::Transport,
            Error::StreamEnded(_) => Status::StreamEnded,
            Error::Exited(_) => Status::Exited,
            Error::Input(_) => Status::Input,
            Error::Cancelled(_) => Status::Cancelled,
            Error::Closed(_) => Status::Closed,
            Error::Credentials(_) => Status::Credentials,
            Error::NotConnected(_) => Status::NotConnected,
            // A kind that is newer than these numbers: the message says what it is.
            _ => Status::Transport,
        };
        fault
    }
}

impl From<mcp_server_tiny::Error> for Fault {
    fn from(error: mcp_server_tiny::Error) -> Self {
        let status = match &error {
            mcp_server_tiny::Error::Setting(_) => Status::Usage,
            _ => Status::Transport,
        };
        Self::new(status, error.to_string())
    }
}

impl From<mcp_sse_blocking::config::ConfigError> for Fault {
    fn from(error: mcp_sse_blocking::config::ConfigError) -> Self {
        Self::new(Status::Config, error.to_string())
    }
}

impl From<serde_json::Error> for Fault {
    fn from(error: serde_json::Error) -> Self {
        let mut message = String::from("the text is not the JSON that is wanted: ");
        let _ = write!(message, "{error}");
        Self::new(Status::Json, message)
    }
}
