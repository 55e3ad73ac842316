//! Handlers that ask their client, and run again with the answer.

use std::ffi::c_char;

use mcp_server_tiny::ToolError;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::border::{enter, quietly};
use crate::error::{ErrorInfo, Fault, Status};
use crate::text::{Input, Out, Text};
use crate::tool::{CallHandle, Said, has_question, note, unanswered, with};

/// Asks the client's user, by a form or by a page to visit. `params` is a JSON object as the protocol has it:
/// `message` and `requestedSchema`, or `mode` with `url`, `message` and `url`; `key` tells the questions of
/// one call apart. Not for secrets.
///
/// The first time the answer is `MCP_STATUS_ASKED`: the question is on its way, and the handler is to return
/// without an answer. With the answer of the client it **runs again from its start**, and this gives
/// `MCP_STATUS_OK` and the answer: a JSON object with `action` (`accept`, `decline` or `cancel`) and, of a
/// form that was accepted, `content`, which fits the form. So ask first, act afterwards. Several questions go
/// out in one round when they are asked before the handler returns.
///
/// Another status is why there will be no answer: `MCP_STATUS_INPUT` the client cannot be asked, or its
/// answer cannot be used; `MCP_STATUS_RPC` it answered with an error; `MCP_STATUS_STATE` the call was
/// answered or deferred. A handler that then returns without an answer has the call fail for that reason.
/// Never blocks.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_call_elicit(
    call: CallHandle,
    key: *const c_char,
    key_length: usize,
    params: *const c_char,
    params_length: usize,
    answer: *mut Text,
    error: *mut ErrorInfo,
) -> Status {
    let params = Input { what: "the parameters", data: params, length: params_length };
    ask(call, (key, key_length), answer, error, |call, key| {
        let params = serde_json::from_str(params.required()?)?;
        with(call, |call| call.elicit(key, params))
    })
}

/// Has the client's model go on with a conversation: as `mcp_call_elicit`, with `messages`, `maxTokens` and
/// so on as parameters, and an answer with `role`, `content` and `model`.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_call_sample(
    call: CallHandle,
    key: *const c_char,
    key_length: usize,
    params: *const c_char,
    params_length: usize,
    answer: *mut Text,
    error: *mut ErrorInfo,
) -> Status {
    let params = Input { what: "the parameters", data: params, length: params_length };
    ask(call, (key, key_length), answer, error, |call, key| {
        let params = serde_json::from_str(params.required()?)?;
        with(call, |call| call.sample(key, params))
    })
}

/// Asks where the client lets the server work: as `mcp_call_elicit`, with an answer with `roots`.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_call_roots(
    call: CallHandle,
    key: *const c_char,
    key_length: usize,
    answer: *mut Text,
    error: *mut ErrorInfo,
) -> Status {
    ask(call, (key, key_length), answer, error, |call, key| with(call, |call| call.roots(key)))
}

/// What the client of the call can be asked, as bits: 1 forms, 2 pages to visit, 4 roots, 8 sampling, 16
/// sampling with tools, 32 sampling with what it knows of servers. 0 for a call that is none.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_call_offers(call: CallHandle) -> u32 {
    quietly(0, || {
        let Ok(offers) = with(call, |call| call.offers()) else { return 0 };
        let all = [
            offers.elicitation_form,
            offers.elicitation_url,
            offers.roots,
            offers.sampling,
            offers.sampling_tools,
            offers.sampling_context,
        ];
        all.into_iter().zip(0..).map(|(offered, bit)| u32::from(offered) << bit).sum()
    })
}

/// Keeps a value, any JSON, for when the handler runs again because of a question. Up to 2025-11-25 the
/// server remembers it; in 2026-07-28 it travels with the question, protected against change but readable for
/// the client.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_call_keep(
    call: CallHandle,
    key: *const c_char,
    key_length: usize,
    json: *const c_char,
    length: usize,
) -> Status {
    enter(Out(std::ptr::null_mut()), || {
        let key = Input { what: "the key", data: key, length: key_length };
        let json = Input { what: "the value", data: json, length };
        let (key, value) = (key.required()?, RawValue::from_string(json.required()?.to_owned())?);
        with(call, |call| call.keep(key, &value))?.map_err(|error| of_memory(&error))
    })
}

/// What an earlier run of the handler kept for this call: its JSON, or nothing (`data` is NULL).
#[unsafe(no_mangle)]
pub extern "C" fn mcp_call_kept(
    call: CallHandle,
    key: *const c_char,
    key_length: usize,
    json: *mut Text,
    error: *mut ErrorInfo,
) -> Status {
    enter(Out(error), || {
        let key = Input { what: "the key", data: key, length: key_length };
        let place = Out(json);
        place.required("the value")?;
        place.set(Text::NONE);
        let key = key.required()?;
        let kept = with(call, |call| call.kept::<Box<RawValue>>(key))?.map_err(|error| of_memory(&error))?;
        if let Some(kept) = kept {
            place.set(Text::json(&kept));
        }
        Ok(())
    })
}

/// Asks, or gives the answer.
fn ask<A: Serialize>(
    call: CallHandle,
    key: (*const c_char, usize),
    answer: *mut Text,
    error: *mut ErrorInfo,
    put: impl FnOnce(CallHandle, &str) -> Result<Result<A, ToolError>, Fault>,
) -> Status {
    enter(Out(error), || {
        let key = Input { what: "the key", data: key.0, length: key.1 };
        let place = Out(answer);
        place.required("the answer")?;
        place.set(Text::NONE);
        // Others may be asked beside one that is on its way.
        if !has_question(call)? {
            unanswered(call)?;
        }
        let found = put(call, key.required()?)?;
        let error = match found {
            Ok(answer) => {
                place.set(Text::new(&serde_json::to_string(&answer)?));
                return Ok(());
            }
            Err(error) => error,
        };
        let fault = why(&error);
        if error.is_question() {
            note(call, Said::Question(error))?;
        } else if !has_question(call)? {
            note(call, Said::Fault(error))?;
        }
        Err(fault)
    })
}

/// Why there is no answer.
fn why(error: &ToolError) -> Fault {
    if error.is_question() {
        return Fault::new(
            Status::Asked,
            "the client is asked: return from the handler, which runs again with the answer",
        );
    }
    match error.refusal() {
        Some(refusal) => Fault::rpc(refusal.code, error.message()),
        None => Fault::new(Status::Input, error.message()),
    }
}

/// What the client sent back is not what it was given.
fn of_memory(error: &ToolError) -> Fault {
    Fault::new(Status::Peer, error.message())
}
