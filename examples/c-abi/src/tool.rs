//! Handlers of the caller's, and what they have at hand while they run.

use std::cell::RefCell;
use std::ffi::{c_char, c_void};
use std::time::Duration;

use mcp_core::types::{Change, LoggingLevel};
use mcp_server_tiny::{Call, ToolError};

use crate::border::{enter, quietly};
use crate::callback::{Userdata, shown};
use crate::error::{Fault, Status};
use crate::handles::next_number;
use crate::reply::{Kind, Reply};
use crate::text::{Input, Out, bytes};

/// Answers a call. `call` is good until it returns, on this thread only. Before that exactly one of the
/// functions that begin with `mcp_call_reply` or `mcp_call_fail` is to be called; or `mcp_call_defer`, to
/// answer later; or none when a question to the client has no answer yet (`MCP_STATUS_ASKED`). Not NULL.
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

/// A call whose handler runs on this thread.
struct Frame {
    number: u64,
    /// The call, whose lifetime is that of the frame.
    call: *mut c_void,
    /// A function looks at it just now: one that is called meanwhile, from the callback of the log, must not.
    is_looked_at: bool,
    kind: Kind,
    said: Said,
}

/// What became of a call so far.
pub(crate) enum Said {
    Nothing,
    Reply(Result<Reply, ToolError>),
    /// A question to the client came to nothing, which is the answer unless the handler gives another.
    Fault(ToolError),
    /// A question to the client is on its way, and the handler runs again.
    Question(ToolError),
    /// The answer comes later.
    Deferred,
}

thread_local! {
    /// The calls whose handlers run on this thread: more than one where a handler calls a client whose server
    /// is here.
    static FRAMES: RefCell<Vec<Frame>> = const { RefCell::new(Vec::new()) };
}

/// Runs a handler of the caller's.
pub(crate) fn run(handler: Run, userdata: &Userdata, kind: Kind, call: &mut Call<'_>) -> Result<Reply, ToolError> {
    let number = next_number();
    let call = std::ptr::from_mut(call).cast();
    let frame = Frame { number, call, is_looked_at: false, kind, said: Said::Nothing };
    FRAMES.with_borrow_mut(|frames| frames.push(frame));
    handler(userdata.pointer(), CallHandle { id: number });
    // The last frame is this one: those of handlers that ran meanwhile on this thread are gone.
    let frame = FRAMES.with_borrow_mut(Vec::pop);
    match frame.map_or(Said::Nothing, |frame| frame.said) {
        Said::Nothing => Err(ToolError::new("the handler gave no answer")),
        Said::Reply(reply) => reply,
        Said::Fault(error) | Said::Question(error) => Err(error),
        Said::Deferred => Ok(Reply::Later),
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

/// Sends a log message. `level` is 0 debug, 1 info, 2 notice, 3 warning, 4 error, 5 critical, 6 alert, 7
/// emergency.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_call_log(call: CallHandle, level: i32, text: *const c_char, length: usize) -> Status {
    nothing(|| {
        let text = Input { what: "the text", data: text, length };
        let (level, text) = (level_of(level)?, text.required()?);
        with(call, |call| call.log(level, text))
    })
}

/// Waits for so many milliseconds; on a worker it ends at once with `MCP_STATUS_CANCELLED` when nobody waits
/// for the answer any more. On the thread that runs the server everybody waits.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_call_sleep(call: CallHandle, ms: u64) -> Status {
    nothing(|| {
        let slept = with(call, |call| call.sleep(Duration::from_millis(ms)))?;
        slept.map_err(|error| Fault::new(Status::Cancelled, error.message()))
    })
}

/// The revision of the protocol that the client speaks, such as `2025-11-25`. Good as long as the library.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_call_revision(call: CallHandle, text: *mut *const c_char, length: *mut usize) -> Status {
    lend(call, text, length, |call| call.version().as_str())
}

/// A number that is that of the client's session for as long as the server runs; in 2026-07-28, which has
/// none, that of this request. 0 for a call that is none.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_call_session(call: CallHandle) -> u64 {
    // The first is 0 there.
    quietly(0, || with(call, |call| call.session().saturating_add(1)).unwrap_or(0))
}

/// Tells all clients that the list of tools is another one now.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_call_tools_changed(call: CallHandle) -> Status {
    nothing(|| with(call, |call| call.announce(Change::Tools)))
}

/// Tells all clients that the list of prompts is another one now.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_call_prompts_changed(call: CallHandle) -> Status {
    nothing(|| with(call, |call| call.announce(Change::Prompts)))
}

/// Tells all clients that the list of resources is another one now.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_call_resources_changed(call: CallHandle) -> Status {
    nothing(|| with(call, |call| call.announce(Change::Resources)))
}

/// Tells the clients that subscribed to a resource that it has changed.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_call_resource_updated(call: CallHandle, uri: *const c_char, length: usize) -> Status {
    nothing(|| {
        let uri = Input { what: "the URI", data: uri, length };
        let change = Change::Resource(uri.required()?.to_owned().into());
        with(call, |call| call.announce(change))
    })
}

/// Answers with text.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_call_reply_text(call: CallHandle, text: *const c_char, length: usize) -> Status {
    let text = Input { what: "the text", data: text, length };
    reply(call, |_| Reply::text(&text))
}

/// Answers with JSON: a tool with structured content where the revision has it, and text; a resource with
/// text; a prompt with what the user says.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_call_reply_json(call: CallHandle, json: *const c_char, length: usize) -> Status {
    let json = Input { what: "the JSON", data: json, length };
    reply(call, |_| Reply::json(&json))
}

/// Answers with a whole result, a JSON object as the protocol has it: that of a tool has `content`, that of a
/// prompt `messages`, that of a resource `contents`. `MCP_STATUS_JSON` when it is none; the call then still
/// wants an answer.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_call_reply_result(call: CallHandle, json: *const c_char, length: usize) -> Status {
    let json = Input { what: "the result", data: json, length };
    reply(call, |kind| Reply::result(kind, &json))
}

/// Answers with bytes: what is in a resource. Nothing else is bytes.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_call_reply_bytes(call: CallHandle, data: *const u8, length: usize) -> Status {
    reply(call, |kind| Reply::bytes(kind, bytes("the resource", data, length)?))
}

/// Answers that there is no such resource.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_call_reply_missing(call: CallHandle) -> Status {
    reply(call, Reply::missing)
}

/// Answers that the call failed, and why; for the model that made it.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_call_fail(call: CallHandle, text: *const c_char, length: usize) -> Status {
    nothing(|| {
        let text = Input { what: "the text", data: text, length };
        say(call, Err(ToolError::new(text.required()?)))
    })
}

/// Answers that the arguments are wrong in a way that their schema does not tell.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_call_fail_arguments(call: CallHandle, text: *const c_char, length: usize) -> Status {
    nothing(|| {
        let text = Input { what: "the text", data: text, length };
        say(call, Err(ToolError::invalid_arguments(text.required()?)))
    })
}

/// Answers with an error of JSON-RPC, for what is not the failure of a tool. Codes of your own lie outside of
/// -32768 to -32000.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_call_fail_rpc(call: CallHandle, code: i64, text: *const c_char, length: usize) -> Status {
    nothing(|| {
        let text = Input { what: "the text", data: text, length };
        say(call, Err(ToolError::protocol(code, text.required()?)))
    })
}

fn nothing(work: impl FnOnce() -> Result<(), Fault>) -> Status {
    enter(Out(std::ptr::null_mut()), work)
}

fn reply(call: CallHandle, make: impl FnOnce(Kind) -> Result<Reply, Fault>) -> Status {
    nothing(|| {
        let kind = unanswered(call)?;
        say(call, Ok(make(kind)?))
    })
}

fn say(call: CallHandle, reply: Result<Reply, ToolError>) -> Result<(), Fault> {
    unanswered(call)?;
    note(call, Said::Reply(reply))
}

/// What kind of call it is, if it still wants an answer.
pub(crate) fn unanswered(call: CallHandle) -> Result<Kind, Fault> {
    frame(call, |frame| {
        let problem = match frame.said {
            Said::Nothing | Said::Fault(_) => return Ok(frame.kind),
            Said::Reply(_) => "the call was answered already",
            Said::Question(_) => "a question is on its way: return from the handler, which runs again with the answer",
            Said::Deferred => "the answer to the call was left to its `mcp_deferred`",
        };
        Err(Fault::new(Status::State, problem))
    })?
}

/// Takes note of what became of the call.
pub(crate) fn note(call: CallHandle, said: Said) -> Result<(), Fault> {
    frame(call, |frame| frame.said = said)
}

/// What became of the call so far is a question that is on its way.
pub(crate) fn has_question(call: CallHandle) -> Result<bool, Fault> {
    frame(call, |frame| matches!(frame.said, Said::Question(_)))
}

fn frame<R>(call: CallHandle, look: impl FnOnce(&mut Frame) -> R) -> Result<R, Fault> {
    FRAMES.with_borrow_mut(|frames| Ok(look(frames.iter_mut().find(|frame| frame.number == call.id).ok_or_else(over)?)))
}

/// The level that a number stands for.
pub(crate) fn level_of(level: i32) -> Result<LoggingLevel, Fault> {
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
    let level = usize::try_from(level).ok().and_then(|level| LEVELS.get(level).copied());
    level.ok_or_else(|| Fault::new(Status::Usage, "there is no such level"))
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
pub(crate) fn with<R>(call: CallHandle, look: impl FnOnce(&mut Call<'_>) -> R) -> Result<R, Fault> {
    // The borrow ends before `look`, which may run a callback of the caller's.
    let found = frame(call, |frame| {
        if std::mem::replace(&mut frame.is_looked_at, true) {
            return Err(Fault::new(Status::State, "the call is at work on another function"));
        }
        Ok(frame.call)
    })??;
    let _looking = Looking(call.id);
    // SAFETY: a frame is there while `run` has the call borrowed for its handler, and for nobody else; it is
    // found on the thread of the handler only, and by one function at a time. What the handler is lent by
    // `lend` belongs to the request, which outlives the handler.
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
