//! The client.

use std::ffi::{c_char, c_void};
use std::time::Duration;

use mcp_core::types::CompletionReference;
use mcp_sse_blocking::{CallOptions, Client};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::border::{enter, quietly};
use crate::callback::shown;
use crate::cancel::{self, Cancel};
use crate::error::{ErrorInfo, Fault, Status};
use crate::handles::Shelf;
use crate::options::{self, Options};
use crate::text::{Input, Out, Text};

static CLIENTS: Shelf<Client> = Shelf::new("a client");

/// A session with a server. Any thread may use it, several at once. A number: 0 is none.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ClientHandle {
    /// The number.
    pub id: u64,
}

/// Told how far a call has come, on the thread that makes the call. `total` is NaN when it is not known, `message` NULL when there is
/// none.
pub type OnProgress = Option<
    extern "C" fn(userdata: *mut c_void, progress: f64, total: f64, message: *const c_char, message_length: usize),
>;

/// How a call is made. All zero is as `mcp_client_call` without them does it.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct CallSettings {
    /// How long it may take in all, in milliseconds; 0: as long as the options say; negative: for ever.
    pub timeout_ms: i64,
    /// Not 0: making it twice is as good as once, so it may be made again when its answer was lost.
    pub idempotent: i32,
    /// What may cancel it.
    pub cancel: Cancel,
    /// Told of its progress; may be NULL.
    pub on_progress: OnProgress,
    /// Given to `on_progress`.
    pub userdata: *mut c_void,
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

/// Closes the session: calls in flight on other threads end with `MCP_STATUS_CLOSED`. Takes a second at most, with a child process three. Twice
/// is fine.
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

/// The tools of the server, all pages of them, as a JSON array.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_client_tools(client: ClientHandle, json: *mut Text, error: *mut ErrorInfo) -> Status {
    answer(client, json, error, |client| all(client.tools()))
}

/// Calls a tool and waits for its result, a JSON object as the server wrote it. `arguments` is a JSON object or NULL; `settings` may be
/// NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_client_call(
    client: ClientHandle,
    tool: *const c_char,
    tool_length: usize,
    arguments: *const c_char,
    arguments_length: usize,
    settings: *const CallSettings,
    result: *mut Text,
    error: *mut ErrorInfo,
) -> Status {
    answer(client, result, error, |client| {
        let tool = Input { what: "the name of the tool", data: tool, length: tool_length };
        let arguments = Input { what: "the arguments", data: arguments, length: arguments_length }.object()?;
        // SAFETY: the header demands of a pointer to settings that it is NULL or points to some.
        let settings = unsafe { settings.as_ref() };
        let mut options = CallOptions::new();
        if let Some(settings) = settings {
            options = match settings.timeout_ms {
                0 => options,
                ms => match u64::try_from(ms) {
                    Ok(ms) => options.timeout(Duration::from_millis(ms)),
                    Err(_) => options.no_timeout(),
                },
            };
            if settings.idempotent != 0 {
                options = options.idempotent();
            }
        }
        let cancel = settings.map(|settings| cancel::token(settings.cancel)).transpose()?.flatten();
        if cancel.as_ref().is_some_and(|cancel| cancel.is_triggered()) {
            return Err(Fault::unsent(Status::Cancelled, "cancelled by the caller before it was sent"));
        }
        let mut job = client.start_with(tool.required()?, arguments.as_raw(), options)?;
        let _registered = cancel.map(|cancel| cancel.register(job.canceller()));
        if let Some((tell, userdata)) = settings.and_then(|settings| Some((settings.on_progress?, settings.userdata))) {
            for progress in &mut job {
                let message = progress.message.as_deref().map(shown);
                let (message, length) = message.unwrap_or((std::ptr::null(), 0));
                tell(userdata, progress.progress, progress.total.unwrap_or(f64::NAN), message, length);
            }
        }
        Ok(Text::json(&job.json()?))
    })
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

/// Proposes values for an argument of a prompt, or for a variable of a template when `reference` contains a colon: a JSON object with
/// `values`.
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

/// Makes any request; `params` is a JSON object or NULL. The result is JSON as the server wrote it.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_client_request(
    client: ClientHandle,
    method: *const c_char,
    method_length: usize,
    params: *const c_char,
    params_length: usize,
    result: *mut Text,
    error: *mut ErrorInfo,
) -> Status {
    answer(client, result, error, |client| {
        let method = Input { what: "the method", data: method, length: method_length };
        let params = Input { what: "the parameters", data: params, length: params_length }.object()?;
        let result: Box<RawValue> = client.request(method.required()?, params.as_raw())?;
        Ok(Text::json(&result))
    })
}

/// Sends any notification; `params` is a JSON object or NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_client_notify(
    client: ClientHandle,
    method: *const c_char,
    method_length: usize,
    params: *const c_char,
    params_length: usize,
    error: *mut ErrorInfo,
) -> Status {
    enter(Out(error), || {
        let client = CLIENTS.get(client.id)?;
        let method = Input { what: "the method", data: method, length: method_length };
        let params = Input { what: "the parameters", data: params, length: params_length }.object()?;
        Ok(client.notify(method.required()?, params.as_raw())?)
    })
}

/// Asks the server for a sign of life and waits for it.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_client_ping(client: ClientHandle, error: *mut ErrorInfo) -> Status {
    enter(Out(error), || Ok(CLIENTS.get(client.id)?.ping()?))
}

/// Does what gives a text.
fn answer(
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
