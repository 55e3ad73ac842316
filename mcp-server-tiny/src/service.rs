//! What a server does for its clients: it lists its tools and carries out calls.
//!
//! A [`Service`] knows messages, not sockets. Whoever owns the bytes gives each
//! [`ServerEvent::Request`](mcp_core::session::ServerEvent::Request) of a session to [`Service::handle`], and each
//! request that nobody waits for any more to [`Service::cancel`]. What is to be sent goes into an [`Outbox`]. With
//! `std`, answers of workers and of deferred replies come as [`Mail`].
//!
//! ```
//! use mcp_core::Limits;
//! use mcp_core::jsonrpc::{Payload, decode};
//! use mcp_core::session::{ServerEvent, ServerSession};
//! use mcp_server_tiny::call::Call;
//! use mcp_server_tiny::service::{Origin, Outcome, Service, WhenBusy};
//! use mcp_server_tiny::tool::Tool;
//!
//! let mut service = Service::new("greeter", "1.0.0");
//! service.tool(Tool::new("greet").param::<String>("name", "whom"), |call: &mut Call<'_>| {
//!     Ok(format!("Hello, {}!", call.arg::<&str>("name")?))
//! });
//!
//! let mut session = ServerSession::new();
//! // One message a line; an event stream has an outbox of its own.
//! let mut out = Vec::new();
//! for line in [
//!     r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"doc","version":"1"}}}"#,
//!     r#"{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"greet","arguments":{"name":"Ada"}}}"#,
//! ] {
//!     let Ok(Payload::Message(message)) = decode(line.as_bytes(), &Limits::default()) else { panic!() };
//!     out.clear();
//!     let event = session.handle_message(&service.profile(), &Limits::default(), message, &mut out);
//!     if let ServerEvent::Request { key, method, params } = event {
//!         let origin = Origin { session: 1, key, when_busy: WhenBusy::Answer };
//!         assert_eq!(service.handle(&mut session, &origin, method, params, &mut out), Outcome::Answered);
//!     }
//! }
//! let answer = r#"{"jsonrpc":"2.0","id":2,"result":{"content":[{"type":"text","text":"Hello, Ada!"}]}}"#;
//! assert_eq!(String::from_utf8(out).unwrap().trim_end(), answer);
//! ```

#[cfg(feature = "std")]
mod later;
mod list;
mod outbox;
mod run;

#[cfg(not(feature = "std"))]
use alloc::boxed::Box as Shared;
use alloc::format;
use alloc::string::String;
#[cfg(feature = "std")]
use alloc::sync::Arc as Shared;
use alloc::vec::Vec;

use mcp_core::jsonrpc::{ErrorObject, code};
use mcp_core::session::{Reply, RequestKey, ServerProfile, ServerSession};
use mcp_core::text::Excerpt;
use mcp_core::types::{
    CallToolParams, Implementation, JsonObject, Method, PaginatedParams, ServerCapabilities, ToolsCapability,
};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::call::{Arguments, Call, Here, Link, Reporter};
#[cfg(feature = "std")]
pub use crate::deferred::Mail;
use crate::result::{Answer, Failed, IntoToolResult, SentAs, ToolError, ToolResult};
#[cfg(feature = "std")]
use crate::tool::Place;
use crate::tool::{Definition, RegistrationError, Tool};
#[cfg(feature = "std")]
use later::{LaterCalls, Work};
use list::Pages;
pub use outbox::{Kind, Outbox};
use run::{Handler, run};

/// Which request it is that is being handled, so that an answer can find its way back later.
#[derive(Debug, Clone, Copy)]
pub struct Origin {
    /// The number of the session, chosen by whoever owns the sessions and never used twice. Not its secret id.
    pub session: u64,
    /// The request within its session, from the [`ServerEvent`](mcp_core::session::ServerEvent).
    pub key: RequestKey,
    /// What is to happen when all workers are taken.
    pub when_busy: WhenBusy,
}

/// What happens to a call for which no worker is free and the queue is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenBusy {
    /// It is taken out of flight unanswered, and [`Outcome::Busy`] is returned: the carrier refuses it, for example
    /// with status 503.
    Refuse,
    /// It is answered with an error: for a call that came in a batch, or by a carrier that cannot refuse.
    Answer,
}

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a request that is `Busy` has no answer"]
pub enum Outcome {
    /// Its answer is in the outbox.
    Answered,
    /// Its answer comes later, as mail ([`Service::next_mail`]).
    Later,
    /// All workers are taken and the queue is full. The request is no longer in flight and has no answer.
    Busy,
}

/// The tools of a server and the calls that are being carried out. One for all sessions.
pub struct Service {
    info: Implementation,
    capabilities: ServerCapabilities,
    instructions: Option<String>,
    /// In the order of their registration, which is also that of the list (R-FS-10).
    tools: Vec<Registered>,
    /// Indices into `tools`, sorted by name.
    by_name: Vec<usize>,
    mistake: Option<RegistrationError>,
    pages: Pages,
    #[cfg(feature = "std")]
    later: LaterCalls,
}

struct Registered {
    definition: Shared<Definition>,
    handler: Shared<Handler>,
}

impl Service {
    /// A service without tools, by its name and version.
    pub fn new(name: impl Into<String>, version: impl Into<String>) -> Self {
        let mut capabilities = ServerCapabilities::default();
        capabilities.logging = Some(JsonObject::new());
        Self {
            info: Implementation::new(name, version),
            capabilities,
            instructions: None,
            tools: Vec::new(),
            by_name: Vec::new(),
            mistake: None,
            pages: Pages::new(),
            #[cfg(feature = "std")]
            later: LaterCalls::default(),
        }
    }

    /// Registers a tool. The handler is called for each call whose arguments fit what the tool declares; see [`Call`]
    /// for where it runs. A mistake in the tool is kept for [`check`](Self::check), and the tool is left out.
    pub fn tool<R, F>(&mut self, tool: Tool, handler: F)
    where
        R: IntoToolResult,
        F: Fn(&mut Call<'_>) -> Result<R, ToolError> + Send + Sync + 'static,
    {
        match self.checked(tool) {
            Ok((definition, at)) => {
                self.by_name.insert(at, self.tools.len());
                let handler = move |call: &mut Call<'_>| handler(call).and_then(R::into_tool_result);
                self.tools.push(Registered { definition: Shared::new(definition), handler: Shared::new(handler) });
                self.capabilities.tools.get_or_insert_with(ToolsCapability::default);
                self.pages.forget();
            }
            Err(mistake) => {
                log::error!("{mistake}");
                self.mistake.get_or_insert(mistake);
            }
        }
    }

    /// Whether all tools could be registered. A server asks before it begins to serve.
    ///
    /// # Errors
    ///
    /// The first [`RegistrationError`].
    pub fn check(&self) -> Result<(), RegistrationError> {
        self.mistake.clone().map_or(Ok(()), Err)
    }

    /// Who the server is, to be filled in with a title, a description, icons.
    pub fn info_mut(&mut self) -> &mut Implementation {
        &mut self.info
    }

    /// Tells models how to use the server.
    pub fn set_instructions(&mut self, instructions: impl Into<String>) {
        self.instructions = Some(instructions.into());
    }

    /// How many tools `tools/list` answers at a time, at least one. Without it, all of them.
    pub fn set_page_size(&mut self, tools: usize) {
        self.pages.set_size(tools);
    }

    /// Turns log messages to clients off: [`Call::log`] then does nothing, and the capability is not declared.
    pub fn disable_logging(&mut self) {
        self.capabilities.logging = None;
    }

    /// What the server says of itself in the handshake; for
    /// [`ServerSession::handle_message`](mcp_core::session::ServerSession::handle_message).
    pub fn profile(&self) -> ServerProfile<'_> {
        profile(&self.info, &self.capabilities, self.instructions.as_deref())
    }

    /// Carries out a request that the session has taken in. Handlers that are not on a worker run before this returns.
    pub fn handle(
        &mut self,
        session: &mut ServerSession,
        origin: &Origin,
        method: Method,
        params: Option<&RawValue>,
        outbox: &mut dyn Outbox,
    ) -> Outcome {
        match method {
            Method::ToolsCall => self.call(session, origin, params, outbox),
            // Also without tools: an empty list (R-FS-9).
            Method::ToolsList => self.list(session, origin.key, params, outbox),
            _ => refuse(session, origin.key, code::METHOD_NOT_FOUND, "this server does not offer it", outbox),
        }
    }

    /// Nobody waits for a request any more: the client gave it up
    /// ([`ServerEvent::Cancelled`](mcp_core::session::ServerEvent::Cancelled)), or its session is over
    /// ([`ServerSession::close`]). Tells its handler.
    pub fn cancel(&mut self, session: u64, key: RequestKey) {
        #[cfg(feature = "std")]
        self.later.cancel(session, key);
        #[cfg(not(feature = "std"))]
        let _ = (session, key);
    }

    fn checked(&self, tool: Tool) -> Result<(Definition, usize), RegistrationError> {
        let definition = Definition::new(tool)?;
        match self.position(&definition.name) {
            Ok(_) => Err(RegistrationError::duplicate(&definition.name)),
            Err(at) => Ok((definition, at)),
        }
    }

    fn position(&self, name: &str) -> Result<usize, usize> {
        self.by_name.binary_search_by(|index| self.tools[*index].definition.name.as_str().cmp(name))
    }

    fn list(
        &mut self,
        session: &mut ServerSession,
        key: RequestKey,
        params: Option<&RawValue>,
        outbox: &mut dyn Outbox,
    ) -> Outcome {
        let params = params.map_or(Ok(PaginatedParams::default()), |params| serde_json::from_str(params.get()));
        let tools = self.tools.iter().map(|tool| &*tool.definition);
        let page = params.ok().and_then(|params| self.pages.page(session.version(), params.cursor.as_deref(), tools));
        let profile = profile(&self.info, &self.capabilities, self.instructions.as_deref());
        match page {
            Some(page) => outbox.message(Kind::Answer, &mut |out| respond(session, &profile, key, page, out)),
            None => return refuse(session, key, code::INVALID_PARAMS, "unknown cursor", outbox),
        }
        Outcome::Answered
    }

    fn call(
        &mut self,
        session: &mut ServerSession,
        origin: &Origin,
        params: Option<&RawValue>,
        outbox: &mut dyn Outbox,
    ) -> Outcome {
        let malformed = "`tools/call` needs a `name`; `arguments`, if any, are an object";
        let Some(Ok(params)) = params.map(|params| serde_json::from_str::<CallToolParams<'_>>(params.get())) else {
            return refuse(session, origin.key, code::INVALID_PARAMS, malformed, outbox);
        };
        let Ok(at) = self.position(&params.name) else {
            let text = format!("unknown tool: {}", Excerpt::new(&params.name, 64));
            return refuse(session, origin.key, code::INVALID_PARAMS, &text, outbox);
        };
        let tool = &self.tools[self.by_name[at]];
        let Some(arguments) = Arguments::parse(params.arguments) else {
            return refuse(session, origin.key, code::INVALID_PARAMS, malformed, outbox);
        };
        if let Err(error) = arguments.check(&tool.definition.name, &tool.definition.parameters) {
            return answer(session, &self.profile(), origin.key, &tool.definition, &Err(error), outbox);
        }
        let token = params.meta.as_ref().and_then(|meta| meta.progress_token.as_ref());
        let logs = self.capabilities.logging.is_some();
        #[cfg(feature = "std")]
        if let Place::Worker(make) = tool.definition.place {
            let work = Work { tool, session, origin, token, logs, arguments: arguments.raw() };
            return match self.later.submit(&work, make) {
                Ok(()) => Outcome::Later,
                Err(busy) => busy.answer(session, origin, outbox),
            };
        }
        let here = Here {
            session,
            number: origin.session,
            key: origin.key,
            token,
            logs,
            reporter: Reporter::new(tool.definition.progress_rate),
            outbox,
            #[cfg(feature = "std")]
            mailbox: self.later.mailbox(),
            #[cfg(feature = "std")]
            deferred: None,
            #[cfg(feature = "std")]
            shared: &tool.definition,
        };
        let mut call = Call::new(&tool.definition, &arguments, Link::Here(here));
        let mut result = run(&*tool.handler, &mut call);
        let is_later = result.as_ref().is_ok_and(ToolResult::is_later);
        #[cfg(feature = "std")]
        if let Some(deferred) = call.deferred() {
            if is_later {
                self.later.register(deferred);
                return Outcome::Later;
            }
            // The handler answers after all.
            deferred.cancel();
        }
        call.finish();
        if is_later {
            result = Err(never_answered(&tool.definition));
        }
        answer(
            session,
            &profile(&self.info, &self.capabilities, self.instructions.as_deref()),
            origin.key,
            &tool.definition,
            &result,
            outbox,
        )
    }
}

/// What a service says of itself, out of its parts: some callers hold the others.
fn profile<'a>(
    info: &'a Implementation,
    capabilities: &'a ServerCapabilities,
    instructions: Option<&'a str>,
) -> ServerProfile<'a> {
    ServerProfile { info, capabilities, instructions }
}

/// Answers with a result or an error, as the session's revision has it.
fn answer(
    session: &mut ServerSession,
    profile: &ServerProfile<'_>,
    key: RequestKey,
    definition: &Definition,
    result: &Result<ToolResult, ToolError>,
    outbox: &mut dyn Outbox,
) -> Outcome {
    let version = session.version();
    match result {
        Ok(result) => {
            if definition.output_schema.is_some() && !result.is_structured() {
                log::warn!("tool `{}` has an output schema but returned no structured result", definition.name);
            }
            outbox.message(Kind::Answer, &mut |out| respond(session, profile, key, &Answer { result, version }, out));
        }
        Err(error) => outbox.message(Kind::Answer, &mut |out| match error.sent_as(version) {
            SentAs::Result(text) => respond(session, profile, key, &Failed::new(text), out),
            SentAs::Error(object) => session.respond_error(key, &object, out),
        }),
    }
    Outcome::Answered
}

fn respond<R: Serialize + ?Sized>(
    session: &mut ServerSession,
    profile: &ServerProfile<'_>,
    key: RequestKey,
    result: &R,
    out: &mut Vec<u8>,
) -> bool {
    session.respond(profile, key, &Reply::new(result), out).unwrap_or_else(|error| {
        log::error!("a result could not be written: {error}");
        session.respond_error(key, &ErrorObject::new(code::INTERNAL_ERROR, "the result cannot be written"), out)
    })
}

fn refuse(session: &mut ServerSession, key: RequestKey, code: i64, message: &str, outbox: &mut dyn Outbox) -> Outcome {
    outbox.message(Kind::Answer, &mut |out| session.respond_error(key, &ErrorObject::new(code, message), out));
    Outcome::Answered
}

/// A handler promised an answer by a deferred reply that it did not take.
fn never_answered(definition: &Definition) -> ToolError {
    log::error!("the handler of tool `{}` returned `Later` without `Call::defer`", definition.name);
    ToolError::protocol(code::INTERNAL_ERROR, "the tool gave no answer")
}
