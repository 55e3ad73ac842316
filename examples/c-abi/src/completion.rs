//! Proposing values for arguments of prompts and variables of templates while somebody types them.

use std::ffi::{c_char, c_void};
use std::sync::{Arc, Mutex, PoisonError};

use mcp_server_tiny::completion::Typed;

use crate::border::enter;
use crate::callback::{Userdata, shown};
use crate::error::{Fault, Status};
use crate::handles::Shelf;
use crate::text::{Input, Out};

static COMPLETIONS: Shelf<Completing> = Shelf::new("a completion");

/// A request for proposals, while its callback runs. A number: 0 is none.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct CompletionHandle {
    /// The number.
    pub id: u64,
}

/// Proposes values for what somebody types, by `mcp_completion_propose` once for each. `completion` is good
/// until it returns. On the thread that runs the server, which serves nobody else meanwhile.
pub type Complete = Option<extern "C" fn(userdata: *mut c_void, completion: CompletionHandle)>;

struct Completing {
    argument: String,
    typed: String,
    /// What was filled in before.
    earlier: Vec<(String, String)>,
    proposed: Mutex<Vec<String>>,
}

/// The name of the argument or variable. Good until the callback returns.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_completion_argument(
    completion: CompletionHandle,
    name: *mut *const c_char,
    length: *mut usize,
) -> Status {
    lend(completion, name, length, |completing| Ok(Some(&completing.argument)))
}

/// The beginning of its value, perhaps empty. Good until the callback returns.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_completion_typed(
    completion: CompletionHandle,
    text: *mut *const c_char,
    length: *mut usize,
) -> Status {
    lend(completion, text, length, |completing| Ok(Some(&completing.typed)))
}

/// Another argument of the same prompt or template; NULL when it was not filled in before, or the client does
/// not say so. Good until the callback returns.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_completion_earlier(
    completion: CompletionHandle,
    argument: *const c_char,
    argument_length: usize,
    value: *mut *const c_char,
    length: *mut usize,
) -> Status {
    let argument = Input { what: "the name of the argument", data: argument, length: argument_length };
    lend(completion, value, length, |completing| {
        let argument = argument.required()?;
        let found = completing.earlier.iter().find(|(name, _)| name == argument);
        Ok(found.map(|(_, value)| value.as_str()))
    })
}

/// Proposes a value, after those before. Of more than 100 the first are sent, so the best come first.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_completion_propose(completion: CompletionHandle, value: *const c_char, length: usize) -> Status {
    enter(Out(std::ptr::null_mut()), || {
        let value = Input { what: "the value", data: value, length };
        let completing = COMPLETIONS.get(completion.id)?;
        let value = value.required()?.to_owned();
        completing.proposed.lock().unwrap_or_else(PoisonError::into_inner).push(value);
        Ok(())
    })
}

/// Has a callback propose values for an argument, one of `all`.
pub(crate) fn completer(
    complete: Complete,
    userdata: &Arc<Userdata>,
    argument: &str,
    all: &[String],
) -> impl Fn(&Typed<'_>) -> Vec<String> + Send + Sync + use<> {
    let (userdata, argument, all) = (Arc::clone(userdata), argument.to_owned(), all.to_owned());
    move |typed| {
        let earlier = all.iter().filter_map(|name| Some((name.clone(), typed.earlier(name)?.to_owned())));
        let id = COMPLETIONS.put(Completing {
            argument: argument.clone(),
            typed: typed.value().to_owned(),
            earlier: earlier.collect(),
            proposed: Mutex::default(),
        });
        if let Some(complete) = complete {
            complete(userdata.pointer(), CompletionHandle { id });
        }
        let Ok(completing) = COMPLETIONS.take(id) else { return Vec::new() };
        std::mem::take(&mut *completing.proposed.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn lend(
    completion: CompletionHandle,
    text: *mut *const c_char,
    length: *mut usize,
    part: impl FnOnce(&Completing) -> Result<Option<&str>, Fault>,
) -> Status {
    enter(Out(std::ptr::null_mut()), || {
        let places = (Out(text), Out(length));
        places.0.required("the text")?;
        places.1.required("the length")?;
        // It is on its shelf until the callback returns, and this does not change there.
        let completing = COMPLETIONS.get(completion.id)?;
        let (text, length) = part(&completing)?.map_or((std::ptr::null(), 0), shown);
        places.0.set(text);
        places.1.set(length);
        Ok(())
    })
}
