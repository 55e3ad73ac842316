//! The client.

use std::ffi::c_char;
use std::sync::Arc;

use mcp_core::types::{CompletionReference, Root};
use mcp_sse_blocking::Client;
use serde::Serialize;

use crate::border::{enter, quietly};
use crate::error::{ErrorInfo, Fault, Status};
use crate::handles::Shelf;
use crate::options::{self, Options};
use crate::text::{Input, Out, Text};
use crate::tool::level_of;

static CLIENTS: Shelf<Client> = Shelf::new("a client");

/// A session with a server. Any thread may use it, several at once. A number: 0 is none.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ClientHandle {
    /// The number.
    pub id: u64,
}

/// Connects. The options are used up; they are still to be freed.
///
/// Blocks for the call timeout at most; over HTTP+SSE for that of the endpoint more.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_client_connect(options: Options, client: *mut ClientHandle, error: *mut ErrorInfo) -> Status {
    enter(Out(error), || {
        let place = Out(client);
        place.required("the client")?;
        let client = options::connect(options)?;
        place.set(ClientHandle { id: CLIENTS.put(client) });
        Ok(())
    })
}

/// Closes the session: calls in flight on other threads end with `MCP_STATUS_CLOSED`. Takes a second at most,
/// with a child process three. Twice is fine.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_client_close(client: ClientHandle) -> Status {
    enter(Out(std::ptr::null_mut()), || {
        CLIENTS.get(client.id)?.close();
        Ok(())
    })
}

/// Closes the session and frees the client. Twice is fine.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_client_free(client: ClientHandle) {
    quietly((), || {
        if let Ok(client) = CLIENTS.take(client.id) {
            client.close();
        }
    });
}

/// Whether the session stands, as far as is known here: 1 or 0.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_client_is_connected(client: ClientHandle) -> i32 {
    quietly(0, || CLIENTS.get(client.id).is_ok_and(|client| client.is_connected()).into())
}

/// How the server is spoken to, in words: URL, transport, revision.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_client_connection(client: ClientHandle, text: *mut Text, error: *mut ErrorInfo) -> Status {
    answer(client, text, error, |client| Ok(Text::new(&client.connection().to_string())))
}

/// Who the server says it is, as a JSON object with `name` and `version`.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_client_server_info(client: ClientHandle, json: *mut Text, error: *mut ErrorInfo) -> Status {
    answer(client, json, error, |client| written(client.server_info()))
}

/// What the client has done so far, as OpenMetrics text.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_client_metrics(client: ClientHandle, text: *mut Text, error: *mut ErrorInfo) -> Status {
    answer(client, text, error, |client| Ok(Text::new(&client.metrics().to_openmetrics())))
}

/// How to use the server, as it says itself, for models. Nothing (`data` is NULL) when it says nothing.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_client_instructions(client: ClientHandle, text: *mut Text, error: *mut ErrorInfo) -> Status {
    answer(client, text, error, |client| Ok(client.instructions().map_or(Text::NONE, Text::new)))
}

/// What the server can do, as a JSON object: its capabilities as the protocol has them.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_client_capabilities(client: ClientHandle, json: *mut Text, error: *mut ErrorInfo) -> Status {
    answer(client, json, error, |client| written(client.capabilities()))
}

/// The revision of the protocol that is spoken, such as `2025-11-25`.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_client_revision(client: ClientHandle, text: *mut Text, error: *mut ErrorInfo) -> Status {
    answer(client, text, error, |client| Ok(Text::new(client.protocol_version().as_str())))
}

/// The tools of the server, all pages of them, as a JSON array.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_client_tools(client: ClientHandle, json: *mut Text, error: *mut ErrorInfo) -> Status {
    answer(client, json, error, |client| all(client.tools()))
}

/// The resources of the server, as a JSON array.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_client_resources(client: ClientHandle, json: *mut Text, error: *mut ErrorInfo) -> Status {
    answer(client, json, error, |client| all(client.resources()))
}

/// The templates of resources, as a JSON array.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_client_resource_templates(
    client: ClientHandle,
    json: *mut Text,
    error: *mut ErrorInfo,
) -> Status {
    answer(client, json, error, |client| all(client.resource_templates()))
}

/// Reads a resource: a JSON object with `contents`.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_client_read_resource(
    client: ClientHandle,
    uri: *const c_char,
    uri_length: usize,
    result: *mut Text,
    error: *mut ErrorInfo,
) -> Status {
    answer(client, result, error, |client| {
        let uri = Input { what: "the URI", data: uri, length: uri_length };
        written(&client.read_resource(uri.required()?)?)
    })
}

/// The prompts of the server, as a JSON array.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_client_prompts(client: ClientHandle, json: *mut Text, error: *mut ErrorInfo) -> Status {
    answer(client, json, error, |client| all(client.prompts()))
}

/// Gets a prompt: a JSON object with `messages`. `arguments` is a JSON object of strings, or NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_client_get_prompt(
    client: ClientHandle,
    prompt: *const c_char,
    prompt_length: usize,
    arguments: *const c_char,
    arguments_length: usize,
    result: *mut Text,
    error: *mut ErrorInfo,
) -> Status {
    answer(client, result, error, |client| {
        let prompt = Input { what: "the name of the prompt", data: prompt, length: prompt_length };
        let arguments = Input { what: "the arguments", data: arguments, length: arguments_length }.object()?;
        written(&client.get_prompt(prompt.required()?, arguments.as_raw())?)
    })
}

/// Proposes values for an argument of a prompt, or for a variable of a template when `reference` contains a
/// colon: a JSON object with `values`.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_client_complete(
    client: ClientHandle,
    reference: *const c_char,
    reference_length: usize,
    argument: *const c_char,
    argument_length: usize,
    value: *const c_char,
    value_length: usize,
    result: *mut Text,
    error: *mut ErrorInfo,
) -> Status {
    answer(client, result, error, |client| {
        let reference = Input { what: "the prompt or template", data: reference, length: reference_length };
        let argument = Input { what: "the name of the argument", data: argument, length: argument_length };
        let value = Input { what: "the value", data: value, length: value_length };
        let reference = reference.required()?;
        let reference = if reference.contains(':') {
            CompletionReference::resource(reference)
        } else {
            CompletionReference::prompt(reference)
        };
        written(&client.complete(reference, argument.required()?, value.required()?, &())?)
    })
}

/// Asks the server for a sign of life and waits for it.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_client_ping(client: ClientHandle, error: *mut ErrorInfo) -> Status {
    enter(Out(error), || Ok(CLIENTS.get(client.id)?.ping()?))
}

/// Asks for log messages of this level and above, which reach the callback of `mcp_options_on_log`: 0 debug,
/// 1 info, 2 notice, 3 warning, 4 error, 5 critical, 6 alert, 7 emergency. In 2026-07-28 servers send none
/// before this was called, and nothing is sent here; else the server is told at once.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_client_set_log_level(client: ClientHandle, level: i32, error: *mut ErrorInfo) -> Status {
    enter(Out(error), || {
        let client = CLIENTS.get(client.id)?;
        Ok(client.set_log_level(level_of(level)?)?)
    })
}

/// Takes other roots in place of those of `mcp_options_add_root`, a JSON array of objects with `uri` and, if
/// you like, `name`, and tells the server where the revision has a notification for that. `MCP_STATUS_USAGE`
/// when none were declared, and for what can be no root.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_client_set_roots(
    client: ClientHandle,
    json: *const c_char,
    length: usize,
    error: *mut ErrorInfo,
) -> Status {
    enter(Out(error), || {
        let client = CLIENTS.get(client.id)?;
        let json = Input { what: "the roots", data: json, length };
        let roots: Vec<Root> = serde_json::from_str(json.required()?)?;
        Ok(client.set_roots(roots)?)
    })
}

/// Tells the server that what the callback of `mcp_options_on_roots` answers has changed, where the revision
/// has a notification for that.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_client_tell_roots_changed(client: ClientHandle, error: *mut ErrorInfo) -> Status {
    enter(Out(error), || Ok(CLIENTS.get(client.id)?.tell_roots_changed()?))
}

/// The client behind a handle.
pub(crate) fn client_of(client: ClientHandle) -> Result<Arc<Client>, Fault> {
    CLIENTS.get(client.id)
}

/// Does what gives a text.
pub(crate) fn answer(
    client: ClientHandle,
    text: *mut Text,
    error: *mut ErrorInfo,
    work: impl FnOnce(&Client) -> Result<Text, Fault>,
) -> Status {
    enter(Out(error), || {
        let place = Out(text);
        place.required("the result")?;
        place.set(Text::NONE);
        place.set(work(&*CLIENTS.get(client.id)?)?);
        Ok(())
    })
}

fn all<T: Serialize>(items: impl Iterator<Item = Result<T, mcp_sse_blocking::Error>>) -> Result<Text, Fault> {
    written(&items.collect::<Result<Vec<_>, _>>()?)
}

fn written<T: Serialize + ?Sized>(value: &T) -> Result<Text, Fault> {
    Ok(Text::new(&serde_json::to_string(value)?))
}
