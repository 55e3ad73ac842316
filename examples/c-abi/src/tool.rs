//! Handlers of the caller's, and what they have at hand while they run.

use std::cell::RefCell;
use std::ffi::{c_char, c_void};

use mcp_core::types::{CallToolResult, LoggingLevel};
use mcp_server_tiny::result::ToolResult;
use mcp_server_tiny::{Call, IntoToolResult, Json, ToolError};
use serde_json::value::RawValue;

use crate::border::{enter, quietly};
use crate::callback::{Userdata, shown};
use crate::error::{Fault, Status};
use crate::handles::next_number;
use crate::text::{Input, Out};

/// Answers a call. `call` is good until it returns, on this thread only. Exactly one of the functions that begin with
/// `mcp_call_reply` or `mcp_call_fail` is to be called before that. Not NULL.
pub type Handler = Option<extern "C" fn(userdata: *mut c_void, call: CallHandle)>;

/// The same where there is one.
pub(crate) type Run = extern "C" fn(userdata: *mut c_void, call: CallHandle);

/// A call while its handler runs. A number: 0 is none.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct CallHandle {
    /// The number.
    pub id: u64,
}

/// What a handler said.
pub(crate) enum Reply {
    Text(String),
    Json(Box<RawValue>),
    Result(Box<CallToolResult>),
}

/// A call whose handler runs on this thread.
struct Frame {
    number: u64,
    /// The call, whose lifetime is that of the frame.
    call: *mut c_void,
    /// A function looks at it just now: one that is called meanwhile, from the callback of the log, must not.
    is_looked_at: bool,
    reply: Option<Result<Reply, ToolError>>,
}

thread_local! {
    /// The calls whose handlers run on this thread: more than one where a handler calls a client whose server is here.
    static FRAMES: RefCell<Vec<Frame>> = const { RefCell::new(Vec::new()) };
}

/// Runs a handler of the caller's.
pub(crate) fn run(handler: Run, userdata: &Userdata, call: &mut Call<'_>) -> Result<Reply, ToolError> {
    let number = next_number();
    let call = std::ptr::from_mut(call).cast();
    FRAMES.with_borrow_mut(|frames| frames.push(Frame { number, call, is_looked_at: false, reply: None }));
    handler(userdata.pointer(), CallHandle { id: number });
    // The last frame is this one: those of handlers that ran meanwhile on this thread are gone.
    let frame = FRAMES.with_borrow_mut(Vec::pop);
    frame.and_then(|frame| frame.reply).unwrap_or_else(|| Err(ToolError::new("the handler gave no answer")))
}

impl IntoToolResult for Reply {
    fn into_tool_result(self) -> Result<ToolResult, ToolError> {
        match self {
            Self::Text(text) => text.into_tool_result(),
            Self::Json(json) => Json(json).into_tool_result(),
            Self::Result(result) => result.into_tool_result(),
        }
    }
}

/// The name of the tool or prompt, or the URI of the resource. Good until the handler returns.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_call_name(call: CallHandle, name: *mut *const c_char, length: *mut usize) -> Status {
    lend(call, name, length, |call| call.name())
}

/// The arguments, a JSON object. Good until the handler returns.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_call_arguments(call: CallHandle, json: *mut *const c_char, length: *mut usize) -> Status {
    lend(call, json, length, |call| call.raw_arguments())
}

/// Whether nobody waits for the answer any more: 1 or 0.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_call_is_cancelled(call: CallHandle) -> i32 {
    quietly(0, || with(call, |call| call.is_cancelled()).unwrap_or(true).into())
}

/// Tells how far the call has come. `total` may be NaN, `message` NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_call_progress(
    call: CallHandle,
    progress: f64,
    total: f64,
    message: *const c_char,
    length: usize,
) -> Status {
    nothing(|| {
        let message = Input { what: "the message", data: message, length };
        let message = message.optional()?;
        with(call, |call| call.progress(progress, (!total.is_nan()).then_some(total), message))
    })
}

/// Sends a log message. `level` is 0 debug, 1 info, 2 notice, 3 warning, 4 error, 5 critical, 6 alert, 7 emergency.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_call_log(call: CallHandle, level: i32, text: *const c_char, length: usize) -> Status {
    const LEVELS: [LoggingLevel; 8] = [
        LoggingLevel::Debug,
        LoggingLevel::Info,
        LoggingLevel::Notice,
        LoggingLevel::Warning,
        LoggingLevel::Error,
        LoggingLevel::Critical,
        LoggingLevel::Alert,
        LoggingLevel::Emergency,
    ];
    nothing(|| {
        let text = Input { what: "the text", data: text, length };
        let level = usize::try_from(level).ok().and_then(|level| LEVELS.get(level).copied());
        let level = level.ok_or_else(|| Fault::new(Status::Usage, "there is no such level"))?;
        let text = text.required()?;
        with(call, |call| call.log(level, text))
    })
}

/// Answers with text.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_call_reply_text(call: CallHandle, text: *const c_char, length: usize) -> Status {
    nothing(|| {
        let text = Input { what: "the text", data: text, length };
        reply(call, Ok(Reply::Text(text.required()?.to_owned())))
    })
}

/// Answers with JSON: as structured content where the revision has it, and as text.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_call_reply_json(call: CallHandle, json: *const c_char, length: usize) -> Status {
    nothing(|| {
        let json = Input { what: "the JSON", data: json, length };
        reply(call, Ok(Reply::Json(RawValue::from_string(json.required()?.to_owned())?)))
    })
}

/// Answers a tool with a whole result: a JSON object with `content`, and what else results have.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_call_reply_result(call: CallHandle, json: *const c_char, length: usize) -> Status {
    nothing(|| {
        let json = Input { what: "the result", data: json, length };
        reply(call, Ok(Reply::Result(Box::new(serde_json::from_str(json.required()?)?))))
    })
}

/// Answers that the call failed, and why; for the model that made it.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_call_fail(call: CallHandle, text: *const c_char, length: usize) -> Status {
    nothing(|| {
        let text = Input { what: "the text", data: text, length };
        reply(call, Err(ToolError::new(text.required()?)))
    })
}

fn nothing(work: impl FnOnce() -> Result<(), Fault>) -> Status {
    enter(Out(std::ptr::null_mut()), work)
}

fn reply(call: CallHandle, reply: Result<Reply, ToolError>) -> Result<(), Fault> {
    FRAMES.with_borrow_mut(|frames| {
        let frame = frames.iter_mut().find(|frame| frame.number == call.id).ok_or_else(over)?;
        if frame.reply.is_some() {
            return Err(Fault::new(Status::State, "the call was answered already"));
        }
        frame.reply = Some(reply);
        Ok(())
    })
}

/// Gives a part of the call to its handler.
fn lend(
    call: CallHandle,
    text: *mut *const c_char,
    length: *mut usize,
    part: impl for<'c> FnOnce(&'c Call<'_>) -> &'c str,
) -> Status {
    nothing(|| {
        let places = (Out(text), Out(length));
        places.0.required("the text")?;
        places.1.required("the length")?;
        let (text, length) = with(call, |call| shown(part(call)))?;
        places.0.set(text);
        places.1.set(length);
        Ok(())
    })
}

/// Looks at the call behind a number.
fn with<R>(call: CallHandle, look: impl FnOnce(&mut Call<'_>) -> R) -> Result<R, Fault> {
    // The borrow ends before `look`, which may run a callback of the caller's.
    let found = FRAMES.with_borrow_mut(|frames| {
        let frame = frames.iter_mut().find(|frame| frame.number == call.id).ok_or_else(over)?;
        if std::mem::replace(&mut frame.is_looked_at, true) {
            return Err(Fault::new(Status::State, "the call is at work on another function"));
        }
        Ok(frame.call)
    })?;
    let _looking = Looking(call.id);
    // SAFETY: a frame is there while `run` has the call borrowed for its handler, and for nobody else; it is found on the
    // thread of the handler only, and by one function at a time. What the handler is lent by `lend` belongs to the request,
    // which outlives the handler.
    let call = unsafe { &mut *found.cast::<Call<'_>>() };
    Ok(look(call))
}

/// A function looks at this call as long as this lives.
struct Looking(u64);

impl Drop for Looking {
    fn drop(&mut self) {
        FRAMES.with_borrow_mut(|frames| {
            if let Some(frame) = frames.iter_mut().find(|frame| frame.number == self.0) {
                frame.is_looked_at = false;
            }
        });
    }
}

fn over() -> Fault {
    Fault::new(Status::Handle, "the call is none whose handler runs on this thread")
}
