//! What can go wrong, by whose fault it is.

pub(crate) mod status;

use std::fmt;
use std::time::Duration;

use mcp_core::http::EndpointError;
use mcp_core::http::era::Undetected;
use mcp_core::jsonrpc;
use mcp_core::limits::LimitExceeded;
use mcp_core::time::Cause;

use crate::credentials::CredentialsError;
use crate::input::InputError;
use crate::reconnect::NotConnected;
use crate::spawn::Exited;

pub use self::status::{Status, StatusKind};

/// Why something did not work. The variant says whose fault it is.
///
/// An error may be cloned: when a stream ends, every call in flight gets the same one. No `Display` or `Debug` shows a
/// credential or the query of a URL.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Error {
    /// The caller's: an address, header or argument that cannot be used. Nothing was sent.
    Usage(String),
    /// The peer answered the request with a JSON-RPC error. Not a failed tool, which is a result with `is_error`.
    Rpc(jsonrpc::Error),
    /// The peer broke the protocol.
    Peer(PeerError),
    /// The peer passed a bound of [`Limits`](mcp_core::Limits), which the error names.
    Limit(LimitExceeded),
    /// An HTTP answer that is no success. The message that it answers was not taken over; the session goes on.
    Status(Box<Status>),
    /// The server does not know the session (any more). Over HTTP+SSE everything in flight is lost with it
    /// (R-SSE-28); over Streamable HTTP a session was opened anew and lost again at once (R-SH-51).
    SessionGone(Box<Status>),
    /// A deadline passed.
    Timeout(Timeout),
    /// The network, or TLS.
    Transport(TransportError),
    /// The event stream ended before the reply, and the rest could not be had. Over HTTP+SSE the session ended with it
    /// (R-SSE-39), over Streamable HTTP only this request (R-SH-37, R-ST-33).
    StreamEnded(Delivery),
    /// There are no credentials to be had for the request.
    Credentials(Box<CredentialsError>),
    /// The server was a child process and ended, or closed its output (R-IO-17).
    Exited(Box<Exited>),
    /// The server needs input before it can answer, and did not get it.
    Input(Box<InputError>),
    /// The hook of [`Builder::transform`](crate::Builder::transform) did not take a payload, panicked, or gave too much; which of
    /// them, in words.
    Transform(String),
    /// The call was cancelled by this program.
    Cancelled(Delivery),
    /// The client was closed by this program.
    Closed(Delivery),
    /// The session was lost, and there was no other in time for the request: the client is
    /// [reconnecting](crate::Reconnect::new). Nothing was sent.
    NotConnected(Box<NotConnected>),
}

/// Whether a request that got no answer may have been acted on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Delivery {
    /// No byte of it left: it may be sent again, over a new session if need be.
    NotSent,
    /// It was sent, wholly or in part: the server may have acted on it.
    Sent,
}

/// How the peer broke the protocol.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum PeerError {
    /// What was found at the URL is not an event stream.
    NotAnEventStream {
        /// What it is, in words, with its media type.
        found: String,
        /// The beginning of the body.
        excerpt: String,
    },
    /// The answer to a request is a success, but of a media type that carries no message.
    NotAnAnswer {
        /// What it is, in words, with its media type.
        found: String,
        /// The beginning of the body.
        excerpt: String,
    },
    /// The server took a request over and gave no answer to it.
    NoAnswer,
    /// No way was found to speak to the server; says what was tried and what came of each attempt.
    Undetected(Box<Undetected>),
    /// The URL for messages, or that of a redirect, cannot be used (R-SSE-18 to R-SSE-20).
    Endpoint(EndpointError),
    /// Message after message came, but no `endpoint` event: a stream, but not one of MCP's HTTP+SSE.
    NoEndpoint,
    /// More redirects than are followed.
    TooManyRedirects,
    /// The HTTP of the peer cannot be understood, or is larger than an answer's head may be.
    Http(String),
    /// The answer to a request is no JSON-RPC message.
    Message(String),
    /// The result of a request has another form than its method says.
    Result {
        /// The method.
        method: String,
        /// What is wrong with it.
        problem: String,
    },
    /// An event has another form than its reader expects.
    Event {
        /// What it is called.
        name: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The server chose a protocol revision that this library does not speak, or that has no handshake.
    ProtocolVersion(String),
    /// A page of a list repeats the cursor of an earlier one (R-LM-87).
    RepeatedCursor,
}

/// Which deadline passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timeout {
    /// What it was set for. [`Timeout::setting`] is the setting.
    pub cause: Cause,
    /// How long it was, when that is known.
    pub after: Option<Duration>,
    /// Whether the request may have been acted on.
    pub delivery: Delivery,
}

/// The network failed, or TLS.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct TransportError {
    /// What was being done, to be followed by whom it concerns: `sending a message to`.
    pub doing: &'static str,
    /// With whom: scheme, host and port, or the name of a program.
    pub origin: String,
    /// The kind of failure, as the system names it.
    pub kind: std::io::ErrorKind,
    /// The failure in words.
    pub problem: String,
    /// Whether the request may have been acted on.
    pub delivery: Delivery,
}

impl Error {
    /// Whether the server may have acted on the request that failed. `None` when it certainly saw it and answered, when there was
    /// no request, and when the server broke the protocol or passed a bound: what it made of a request is not known then.
    pub fn delivery(&self) -> Option<Delivery> {
        match self {
            Self::Usage(_) | Self::Credentials(_) | Self::NotConnected(_) => Some(Delivery::NotSent),
            Self::Timeout(timeout) => Some(timeout.delivery),
            Self::Transport(error) => Some(error.delivery),
            Self::StreamEnded(delivery) | Self::Cancelled(delivery) | Self::Closed(delivery) => Some(*delivery),
            Self::Exited(exited) => Some(exited.delivery),
            // Only when it was said to another request.
            Self::Status(status) | Self::SessionGone(status) => status.delivery,
            Self::Input(_) | Self::Rpc(_) | Self::Peer(_) | Self::Limit(_) | Self::Transform(_) => None,
        }
    }

    /// The same error; a timeout that does not know yet how long it was says this.
    pub(crate) fn after(mut self, after: Option<Duration>) -> Self {
        if let Self::Timeout(timeout) = &mut self {
            timeout.after = timeout.after.or(after);
        }
        self
    }

    /// The same failure of a request with this delivery.
    pub(crate) fn with_delivery(mut self, new: Delivery) -> Self {
        match &mut self {
            Self::Timeout(timeout) => timeout.delivery = new,
            Self::Transport(error) => error.delivery = new,
            Self::StreamEnded(delivery) | Self::Cancelled(delivery) | Self::Closed(delivery) => *delivery = new,
            Self::Exited(exited) => exited.delivery = new,
            Self::Status(status) | Self::SessionGone(status) => status.delivery = Some(new),
            _ => {}
        }
        self
    }
}

impl Timeout {
    /// Whether it is told as it is, rather than as the deadline of the call that it kept from its answer.
    pub(crate) fn has_own_cause(&self) -> bool {
        matches!(self.cause, Cause::Connect | Cause::Proxy | Cause::Room | Cause::IdleRead)
    }

    /// The setting of the builder that the deadline comes from.
    pub fn setting(&self) -> &'static str {
        match self.cause {
            Cause::Connect | Cause::Proxy => "connect_timeout",
            Cause::Room => "max_connections",
            Cause::Endpoint => "endpoint_timeout",
            Cause::IdleRead => "idle_timeout",
            _ => "call_timeout",
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(problem) => f.write_str(problem),
            Self::Rpc(error) => write!(f, "the server answered {error}"),
            Self::Peer(error) => error.fmt(f),
            Self::Limit(error) => error.fmt(f),
            Self::Status(status) => status.fmt(f),
            Self::SessionGone(status) => write!(f, "the session is gone: {status}"),
            Self::Timeout(timeout) => timeout.fmt(f),
            Self::Transport(error) => error.fmt(f),
            Self::Credentials(error) => error.fmt(f),
            Self::Exited(exited) => exited.fmt(f),
            Self::Input(error) => error.fmt(f),
            Self::Transform(problem) => write!(f, "the hook of `transform` {problem}"),
            Self::StreamEnded(delivery) => write!(f, "the event stream ended before the reply{delivery}"),
            Self::Cancelled(delivery) => write!(f, "the call was cancelled{delivery}"),
            Self::Closed(delivery) => write!(f, "the client was closed{delivery}"),
            Self::NotConnected(error) => error.fmt(f),
        }
    }
}

impl fmt::Display for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotSent => "",
            Self::Sent => "; the request had been sent",
        })
    }
}

impl fmt::Display for PeerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAnEventStream { found, excerpt } => {
                write!(f, "there is no event stream at this URL but {found}")?;
                if excerpt.is_empty() { Ok(()) } else { write!(f, ": {excerpt}") }
            }
            Self::NotAnAnswer { found, excerpt } => {
                write!(f, "the server answers with {found}")?;
                if excerpt.is_empty() { Ok(()) } else { write!(f, ": {excerpt}") }
            }
            Self::Undetected(undetected) => undetected.fmt(f),
            Self::NoAnswer => f.write_str("the server took the request over but its answer is no reply to it"),
            Self::Endpoint(
                error @ (EndpointError::OtherOrigin(_) | EndpointError::RedirectedAway(_) | EndpointError::NoLocation),
            ) => error.fmt(f),
            Self::Endpoint(error) => write!(f, "the server names a URL that cannot be used: {error}"),
            Self::NoEndpoint => f.write_str("the event stream does not begin with an `endpoint` event"),
            Self::TooManyRedirects => {
                write!(f, "more than {} redirects", mcp_core::http::endpoint::MAX_REDIRECTS)
            }
            Self::Http(problem) => write!(f, "the server's HTTP cannot be understood: {problem}"),
            Self::Message(problem) => write!(f, "the server's answer is no JSON-RPC message: {problem}"),
            Self::Result { method, problem } => write!(f, "the result of `{method}` cannot be read: {problem}"),
            Self::Event { name, problem } => write!(f, "the event `{name}` cannot be read: {problem}"),
            Self::ProtocolVersion(version) => {
                write!(f, "the server chose protocol revision `{version}`, which is not known here or has no handshake")
            }
            Self::RepeatedCursor => f.write_str("the server's list goes in circles: a cursor was repeated"),
        }
    }
}

impl fmt::Display for Timeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, within) = match self.cause {
            Cause::Proxy => ("the proxy did not answer".to_owned(), "within"),
            Cause::Room => ("no connection came free".to_owned(), "within"),
            cause => (format!("the {cause} deadline passed"), "after"),
        };
        f.write_str(&what)?;
        if let Some(after) = self.after {
            write!(f, " {within} {after:?}")?;
        }
        write!(f, " (setting `{}`){}", self.setting(), self.delivery)
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}{}", self.doing, self.origin, self.problem, self.delivery)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Rpc(error) => Some(error),
            Self::Input(error) => Some(error),
            Self::NotConnected(error) => Some(&error.why),
            Self::Limit(error) => Some(error),
            Self::Credentials(error) => Some(error),
            Self::Peer(PeerError::Endpoint(error)) => Some(error),
            _ => None,
        }
    }
}

impl From<LimitExceeded> for Error {
    fn from(error: LimitExceeded) -> Self {
        Self::Limit(error)
    }
}

impl From<PeerError> for Error {
    fn from(error: PeerError) -> Self {
        Self::Peer(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_names_its_deadline_and_its_setting() {
        let timeout = Timeout { cause: Cause::Call, after: Some(Duration::from_secs(60)), delivery: Delivery::Sent };
        assert_eq!(
            Error::Timeout(timeout).to_string(),
            "the call deadline passed after 60s (setting `call_timeout`); the request had been sent"
        );
    }

    #[test]
    fn an_error_is_small_enough_to_return() {
        assert!(size_of::<Error>() <= 96, "{}", size_of::<Error>());
    }
}
