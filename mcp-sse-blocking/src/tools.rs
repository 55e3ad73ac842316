//! Tools: listing them, calling them and starting calls.

use std::sync::Arc;

use mcp_core::http::ParamHeaders;
use mcp_core::text::Excerpt;
use mcp_core::types::{CallToolParams, CallToolResult, JsonObject, Method, Tool};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::call::Job;
use crate::carrier::Carrier;
use crate::client::{Client, raw, read};
use crate::engine::Engine;
use crate::error::Error;
use crate::insight::Insight;
use crate::list::Tools;
use crate::options::CallOptions;
use crate::pending::{Repeat, Want};
use crate::slot::Waiter;

impl Client {
    /// The tools of the server, page after page, each fetched when the one before is used up.
    ///
    /// Over Streamable HTTP of 2026-07-28 tools whose annotations break a rule are left out, and the log says which and why
    /// (R-ST-49): nobody could say which headers a call of them needs.
    pub fn tools(&self) -> Tools<'_> {
        Tools::new(self)
    }

    /// Calls a tool and waits for its result. `arguments` serialize to a JSON object; `()` stands for none.
    ///
    /// A tool that fails says so in its result, with [`is_error`](CallToolResult::is_error). When the server asks for input, the
    /// handlers of the client answer; see [`Builder::on_elicitation`](crate::Builder::on_elicitation).
    ///
    /// # Errors
    ///
    /// [`Error::Rpc`] when the server refuses the call, for instance because it has no such tool; [`Error::Timeout`] when
    /// `call_timeout` passes, after which the server is told that nobody waits; [`Error::Input`] when the server needs input
    /// that nobody gives.
    pub fn call<A: Serialize + ?Sized>(&self, name: &str, arguments: &A) -> Result<CallToolResult, Error> {
        self.call_with(name, arguments, CallOptions::new())
    }

    /// As [`call`](Self::call), with a deadline of its own, with progress, or otherwise.
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call).
    pub fn call_with<A: Serialize + ?Sized>(
        &self,
        name: &str,
        arguments: &A,
        mut options: CallOptions<'_>,
    ) -> Result<CallToolResult, Error> {
        let want = options.want(self.engine())?;
        let want = Want { repeat: self.engine().hints.repeat(name, want.repeat), ..want };
        let mut tell = |progress| {
            if let Some(tell) = &mut options.on_progress {
                tell(progress);
            }
        };
        let arguments = tool_arguments(arguments)?;
        let params = CallToolParams::new(name, Some(&arguments));
        let timed = Insight::call(&**self.engine().insight());
        let outcome = self
            .engine()
            .converse(Method::ToolsCall, &params, &want, Some(&mut tell), |result, _| read_result(self, result));
        timed.end_call(&outcome, name);
        outcome
    }

    /// Starts a call and returns when the server has taken it over, which most do at once: the [`Job`] gives its progress and
    /// its result, and may be cancelled from another thread. Servers that run a tool inside the POST (the official Java SDK)
    /// take it over when it is done. Over Streamable HTTP, in 2026-07-28, with an explicit [policy](crate::Reconnect::new), and
    /// when it is [idempotent](CallOptions::idempotent), it returns at once: the call has a thread
    /// of its own, which also runs the handlers when the server asks for input.
    ///
    /// # Errors
    ///
    /// When the call could not be sent.
    pub fn start<A: Serialize + ?Sized>(&self, name: &str, arguments: &A) -> Result<Job, Error> {
        self.start_with(name, arguments, CallOptions::new())
    }

    /// As [`start`](Self::start), with a deadline of its own or otherwise. It begins now, not when the result is asked for.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub fn start_with<A: Serialize + ?Sized>(
        &self,
        name: &str,
        arguments: &A,
        options: CallOptions<'_>,
    ) -> Result<Job, Error> {
        let want = options.want(self.engine())?;
        let repeat = self.engine().hints.repeat(name, want.repeat);
        let want = Want { waiter: Waiter::Job, progress: true, repeat, ..want };
        let arguments = tool_arguments(arguments)?;
        let params = CallToolParams::new(name, Some(&arguments));
        let timed = Insight::call(Arc::clone(self.engine().insight()));
        // One request is all of it where its reply comes on a stream that somebody reads anyway.
        // One that may have to be made again has a thread that sees to it.
        let may_repeat = want.repeat == Repeat::Safe || self.engine().standing.policy.is_at_once();
        let is_one = self.protocol_version().has_server_requests() && !may_repeat;
        if matches!(self.engine().carrier, Carrier::Shared(_)) && is_one {
            let begun = self.engine().begin(Method::ToolsCall.name(), &params, &want);
            return match begun.and_then(|mut call| call.send().map(|()| call)) {
                Ok(call) => Ok(Job::new(self.clone(), call, timed, name)),
                Err(error) => Err(timed.failed(error, name)),
            };
        }
        let params = raw(&params)?;
        let started = self.engine().start(want, move |engine, want| {
            let mut tell = |progress| {
                if let Some(job) = &want.job {
                    job.slot.progress(progress);
                }
            };
            engine.converse(Method::ToolsCall, &*params, want, Some(&mut tell), |result, _| Ok(result.to_owned()))
        });
        match started {
            Ok(call) => Ok(Job::new(self.clone(), call, timed, name)),
            Err(error) => Err(timed.failed(error, name)),
        }
    }
}

/// Servers differ about absent arguments, so that none is sent as an empty object (R-FS-23).
fn tool_arguments<A: Serialize + ?Sized>(arguments: &A) -> Result<Box<RawValue>, Error> {
    let arguments = raw(arguments)?;
    match arguments.get() {
        "null" => raw(&JsonObject::new()),
        object if object.starts_with('{') => Ok(arguments),
        _ => Err(Error::Usage("the arguments of a tool must serialize to a JSON object".into())),
    }
}

/// Reads the result of a call. Before 2026-07-28 structured content is an object, so that `null` says that there is none
/// (R-FS-17).
pub(crate) fn read_result(client: &Client, result: &RawValue) -> Result<CallToolResult, Error> {
    let result: CallToolResult = read(Method::ToolsCall.name(), result)?;
    Ok(result.read_in(client.protocol_version()))
}

/// Leaves out the tools whose annotations break a rule, where annotations mean something (R-ST-49).
pub(crate) fn admit(engine: &Engine, tools: &mut Vec<Tool>) {
    if !engine.mirrors() {
        return;
    }
    tools.retain(|tool| match ParamHeaders::of_schema(tool.input_schema.get()) {
        Ok(_) => true,
        Err(error) => {
            engine.warn(format_args!("the tool `{}` is left out: {error}", Excerpt::new(&tool.name, 64)));
            false
        }
    });
}
