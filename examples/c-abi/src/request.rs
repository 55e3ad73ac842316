//! Calls and other requests, and how they are made.

use std::ffi::{c_char, c_void};
use std::time::Duration;

use mcp_sse_blocking::{CallOptions, Job};
use serde_json::value::RawValue;

use crate::border::enter;
use crate::callback::shown;
use crate::cancel::{self, Cancel};
use crate::client::{ClientHandle, answer, client_of};
use crate::error::{ErrorInfo, Fault, Status};
use crate::text::{Input, Out, Text};

/// Told how far a call has come, on the thread that makes the call. `total` is NaN when it is not known,
/// `message` NULL when there is none.
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

/// Calls a tool and waits for its result, a JSON object as the server wrote it. `arguments` is a JSON object
/// or NULL; `settings` may be NULL.
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
        let tool = tool.required()?;
        run(settings, |options| client.start_with(tool, arguments.as_raw(), options))
    })
}

/// Makes any request; `params` is a JSON object or NULL. The result is JSON as the server wrote it. What the
/// server asks in 2026-07-28 before it answers is not answered: it is the result. See
/// `mcp_client_request_with`.
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

/// Makes any request as `mcp_client_call` makes calls: with a deadline of its own, with progress, cancelled
/// from another thread, and with the callbacks of the options answering what the server asks before it
/// answers. `resources/read` with `{"uri":..}`, `prompts/get` with `{"name":..}`, one page of `tools/list`.
/// `params` is a JSON object or NULL, `settings` may be NULL. Of methods that the library does not know the
/// result is taken as it is.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_client_request_with(
    client: ClientHandle,
    method: *const c_char,
    method_length: usize,
    params: *const c_char,
    params_length: usize,
    settings: *const CallSettings,
    result: *mut Text,
    error: *mut ErrorInfo,
) -> Status {
    answer(client, result, error, |client| {
        let method = Input { what: "the method", data: method, length: method_length };
        let params = Input { what: "the parameters", data: params, length: params_length }.object()?;
        let method = method.required()?;
        run(settings, |options| client.start_request(method, params.as_raw(), options))
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
        let client = client_of(client)?;
        let method = Input { what: "the method", data: method, length: method_length };
        let params = Input { what: "the parameters", data: params, length: params_length }.object()?;
        Ok(client.notify(method.required()?, params.as_raw())?)
    })
}

/// Starts something as its settings say, tells its progress, and waits for its result.
fn run(
    settings: *const CallSettings,
    start: impl FnOnce(CallOptions<'static>) -> Result<Job, mcp_sse_blocking::Error>,
) -> Result<Text, Fault> {
    // SAFETY: the header demands of a pointer to settings that it is NULL or points to some.
    let settings = unsafe { settings.as_ref() };
    let cancel = settings.map(|settings| cancel::token(settings.cancel)).transpose()?.flatten();
    if cancel.as_ref().is_some_and(|cancel| cancel.is_triggered()) {
        return Err(Fault::unsent(Status::Cancelled, "cancelled by the caller before it was sent"));
    }
    let mut job = start(settings.map_or_else(CallOptions::new, options))?;
    let _registered = cancel.map(|cancel| cancel.register(job.canceller()));
    if let Some((tell, userdata)) = settings.and_then(|settings| Some((settings.on_progress?, settings.userdata))) {
        for progress in &mut job {
            let message = progress.message.as_deref().map(shown);
            let (message, length) = message.unwrap_or((std::ptr::null(), 0));
            tell(userdata, progress.progress, progress.total.unwrap_or(f64::NAN), message, length);
        }
    }
    Ok(Text::json(&job.json()?))
}

fn options(settings: &CallSettings) -> CallOptions<'static> {
    let options = match settings.timeout_ms {
        0 => CallOptions::new(),
        ms => match u64::try_from(ms) {
            Ok(ms) => CallOptions::new().timeout(Duration::from_millis(ms)),
            Err(_) => CallOptions::new().no_timeout(),
        },
    };
    if settings.idempotent != 0 { options.idempotent() } else { options }
}
