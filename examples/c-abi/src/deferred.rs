//! Answers that are given after the handler has returned.

use std::ffi::c_char;
use std::sync::{Mutex, PoisonError};

use mcp_server_tiny::{Deferred, ToolError};

use crate::border::{enter, quietly};
use crate::error::{ErrorInfo, Fault, Status};
use crate::handles::Shelf;
use crate::reply::{Kind, Reply};
use crate::text::{Input, Out};
use crate::tool::{CallHandle, Said, level_of, note, unanswered, with};

/// `None` once it was answered.
static DEFERRED: Shelf<Mutex<Option<Deferred>>> = Shelf::new("a deferred call");

/// A call that is answered after its handler has returned, from any thread. A number: 0 is none.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct DeferredHandle {
    /// The number.
    pub id: u64,
}

/// Takes the call of a tool along, to be answered later: the handler returns without an answer. Of its own
/// functions only those that look at the call are for use from now on. Freed with `mcp_deferred_free`.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_call_defer(call: CallHandle, deferred: *mut DeferredHandle, error: *mut ErrorInfo) -> Status {
    enter(Out(error), || {
        let place = Out(deferred);
        place.required("the deferred call")?;
        if unanswered(call)? != Kind::Tool {
            return Err(Fault::new(Status::Usage, "only the call of a tool can be answered later"));
        }
        let taken = with(call, |call| call.defer())?;
        note(call, Said::Deferred)?;
        place.set(DeferredHandle { id: DEFERRED.put(Mutex::new(Some(taken))) });
        Ok(())
    })
}

/// Whether nobody waits for the answer any more: 1 or 0. 1 once it was answered.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_deferred_is_cancelled(deferred: DeferredHandle) -> i32 {
    quietly(1, || with_open(deferred, |open| open.is_cancelled()).unwrap_or(true).into())
}

/// Tells how far the call has come, as `mcp_call_progress`. Never blocks.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_deferred_progress(
    deferred: DeferredHandle,
    progress: f64,
    total: f64,
    message: *const c_char,
    length: usize,
) -> Status {
    enter(Out(std::ptr::null_mut()), || {
        let message = Input { what: "the message", data: message, length };
        let message = message.optional()?;
        with_open(deferred, |open| open.progress(progress, (!total.is_nan()).then_some(total), message))
    })
}

/// Sends a log message, as `mcp_call_log`. Never blocks.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_deferred_log(deferred: DeferredHandle, level: i32, text: *const c_char, length: usize) -> Status {
    enter(Out(std::ptr::null_mut()), || {
        let text = Input { what: "the text", data: text, length };
        let (level, text) = (level_of(level)?, text.required()?);
        with_open(deferred, |open| open.log(level, text))
    })
}

/// Answers with text. Never blocks, as those below; to nobody when the client gave the call up.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_deferred_reply_text(deferred: DeferredHandle, text: *const c_char, length: usize) -> Status {
    let text = Input { what: "the text", data: text, length };
    answer(deferred, || Ok(Ok(Reply::text(&text)?)))
}

/// Answers with JSON, as `mcp_call_reply_json`.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_deferred_reply_json(deferred: DeferredHandle, json: *const c_char, length: usize) -> Status {
    let json = Input { what: "the JSON", data: json, length };
    answer(deferred, || Ok(Ok(Reply::json(&json)?)))
}

/// Answers with a whole result, as `mcp_call_reply_result`.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_deferred_reply_result(deferred: DeferredHandle, json: *const c_char, length: usize) -> Status {
    let json = Input { what: "the result", data: json, length };
    answer(deferred, || Ok(Ok(Reply::result(Kind::Tool, &json)?)))
}

/// Answers that the call failed, and why; for the model that made it.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_deferred_fail(deferred: DeferredHandle, text: *const c_char, length: usize) -> Status {
    let text = Input { what: "the text", data: text, length };
    answer(deferred, || Ok(Err(ToolError::new(text.required()?))))
}

/// Frees it. A call that was not answered fails, with a text that says so.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_deferred_free(deferred: DeferredHandle) {
    quietly((), || drop(DEFERRED.take(deferred.id)));
}

/// Answers it, once.
fn answer(deferred: DeferredHandle, make: impl FnOnce() -> Result<Result<Reply, ToolError>, Fault>) -> Status {
    enter(Out(std::ptr::null_mut()), || {
        let shelf = DEFERRED.get(deferred.id)?;
        let reply = make()?;
        let open = shelf.lock().unwrap_or_else(PoisonError::into_inner).take();
        open.ok_or_else(answered)?.answer(reply);
        Ok(())
    })
}

fn with_open<R>(deferred: DeferredHandle, look: impl FnOnce(&Deferred) -> R) -> Result<R, Fault> {
    let shelf = DEFERRED.get(deferred.id)?;
    let open = shelf.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(look(open.as_ref().ok_or_else(answered)?))
}

fn answered() -> Fault {
    Fault::new(Status::State, "the call was answered already")
}
