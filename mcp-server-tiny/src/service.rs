//! What a server does for its clients: it lists what it offers, carries out calls and asks back.
//!
//! A [`Service`] knows messages, not sockets. Whoever owns the bytes gives each
//! [`ServerEvent::Request`](mcp_core::session::ServerEvent::Request) of a session to [`Service::handle`], and each
//! request that nobody waits for any more to [`Service::cancel`]. What is to be sent goes into an [`Outbox`]. With
//! `std`, answers of workers and of deferred replies come as [`Mail`]. Answers of clients to questions go to
//! [`Service::resume`], and changes that clients may want to hear of come from [`Service::next_change`].
//!
//! ```
//! use mcp_core::Limits;
//! use mcp_core::jsonrpc::{Payload, decode};
//! use mcp_core::session::{ServerEvent, ServerSession};
//! use mcp_core::time::Instant;
//! use mcp_server_tiny::call::Call;
//! use mcp_server_tiny::service::{Origin, Outcome, Service};
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
//!         let origin = Origin::new(1, key, Instant::ZERO);
//!         assert_eq!(service.handle(&mut session, &origin, method, params, &mut out), Outcome::Answered);
//!     }
//! }
//! let answer = r#"{"jsonrpc":"2.0","id":2,"result":{"content":[{"type":"text","text":"Hello, Ada!"}]}}"#;
//! assert_eq!(String::from_utf8(out).unwrap().trim_end(), answer);
//! ```

mod changes;
mod complete;
#[cfg(feature = "std")]
pub(crate) mod delegated;
mod details;
mod discover;
mod input;
#[cfg(feature = "std")]
mod later;
mod list;
mod offer;
mod outbox;
mod params;
mod prompts;
mod resources;
mod run;
mod seal;
mod tools;

use alloc::boxed::Box;
#[cfg(not(feature = "std"))]
use alloc::boxed::Box as Shared;
use alloc::string::String;
#[cfg(feature = "std")]
use alloc::sync::Arc as Shared;
use core::time::Duration;

use mcp_core::Limits;
use mcp_core::http::ParamHeaders;
use mcp_core::jsonrpc::{ErrorObject, code};
use mcp_core::revision::ProtocolVersion;
use mcp_core::session::{RequestKey, ServerProfile, ServerSession};
use mcp_core::time::Instant;
use mcp_core::types::{
    CacheHints, CacheScope, Change, Implementation, JsonObject, Method, ServerCapabilities, ToolsCapability,
};
use serde_json::value::RawValue;

use crate::call::Call;
#[cfg(feature = "std")]
pub use crate::deferred::Mail;
use crate::mistake::{Fault, RegistrationError};
use crate::offers::Offers;
use crate::result::{IntoToolResult, ToolError};
use crate::tool::{self, Tool};
pub(crate) use changes::Changes;
#[cfg(feature = "std")]
pub use changes::Notifier;
pub use changes::notify;
pub(crate) use complete::complete;
#[cfg(feature = "std")]
pub(crate) use delegated::Hub;
#[cfg(feature = "std")]
pub use delegated::Notice;
pub(crate) use details::{Details, describe};
use input::Inputs;
pub use input::Overdue;
pub(crate) use input::{Leave, Left, leave};
#[cfg(feature = "std")]
use later::LaterCalls;
pub(crate) use list::Listed;
use list::{ListRequest, Pages};
use offer::Entry;
pub(crate) use offer::{Family, Handler, Offer, OfferKind, Output, PROGRESS_RATE, Place, Promise, Route};
pub use outbox::{Kind, Outbox};
use prompts::Prompts;
use resources::Resources;
use run::Which;
pub(crate) use run::respond;
pub(crate) use seal::{Sealed, open};

/// Which request it is that is being handled, so that an answer can find its way back later.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    /// The number of the session, chosen by whoever owns the sessions and never used twice. Not its secret id. For a
    /// request without a session, a number that no session and no other request has.
    pub session: u64,
    /// The request within its session, from the [`ServerEvent`](mcp_core::session::ServerEvent).
    pub key: RequestKey,
    /// What is to happen when all workers are taken.
    pub when_busy: WhenBusy,
    /// The time.
    pub now: Instant,
    /// What the caller authenticated with, if it did, such as its token. What a call knows from earlier rounds is only
    /// taken from a caller with the same (R-LM-72).
    pub credential: Option<&'a [u8]>,
}

impl Origin<'_> {
    /// A request of somebody unknown, which is answered in any case.
    pub fn new(session: u64, key: RequestKey, now: Instant) -> Self {
        Self { session, key, when_busy: WhenBusy::Answer, now, credential: None }
    }
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
    /// Its answer comes later: as mail ([`Service::next_mail`]), or once its client answered what it was asked
    /// ([`Service::resume`]).
    Later,
    /// All workers are taken and the queue is full. The request is no longer in flight and has no answer.
    Busy,
}

/// What a server offers, and the calls that are being carried out. One for all sessions.
pub struct Service {
    info: Implementation,
    capabilities: ServerCapabilities,
    instructions: Option<String>,
    tools: Family<tool::Listing>,
    tool_pages: Pages,
    /// Behind pointers: most servers have tools only.
    prompts: Option<Box<Prompts>>,
    resources: Option<Box<Resources>>,
    completion: Option<Route>,
    mistake: Option<RegistrationError>,
    /// Offers on a page of a list.
    page_size: usize,
    hints: CacheHints,
    versions: &'static [ProtocolVersion],
    limits: Limits,
    inputs: Inputs,
    elicitations: u64,
    changes: Changes,
    /// Whether clients can be told of changes.
    tells: bool,
    #[cfg(feature = "std")]
    later: LaterCalls,
    /// Who answers in place of what is registered. Behind a pointer, so that only programs with one contain what it takes.
    #[cfg(feature = "std")]
    seam: Option<Box<dyn delegated::Seam>>,
}

impl Service {
    /// A service that offers nothing yet, by its name and version.
    pub fn new(name: impl Into<String>, version: impl Into<String>) -> Self {
        let mut capabilities = ServerCapabilities::default();
        capabilities.logging = Some(JsonObject::new());
        #[cfg(feature = "std")]
        let later = LaterCalls::default();
        Self {
            info: Implementation::new(name, version),
            capabilities,
            instructions: None,
            tools: Family::new(),
            tool_pages: Pages::new(),
            prompts: None,
            resources: None,
            completion: None,
            mistake: None,
            page_size: usize::MAX,
            hints: CacheHints::new(0, CacheScope::Private),
            versions: &VERSIONS,
            limits: Limits::default(),
            inputs: Inputs::new(),
            elicitations: 0,
            #[cfg(feature = "std")]
            changes: Changes::new(later.mailbox().clone()),
            #[cfg(not(feature = "std"))]
            changes: Changes::default(),
            tells: true,
            #[cfg(feature = "std")]
            later,
            #[cfg(feature = "std")]
            seam: None,
        }
    }

    /// Registers a tool. The handler is called for each call whose arguments fit what the tool declares; see [`Call`]
    /// for where it runs. A mistake in the tool is kept for [`check`](Self::check), and the tool is left out.
    pub fn tool<R, F>(&mut self, tool: Tool, handler: F)
    where
        R: IntoToolResult,
        F: Fn(&mut Call<'_>) -> Result<R, ToolError> + Send + Sync + 'static,
    {
        let added = self.add_tool(tool, handler);
        self.note(added);
    }

    pub(crate) fn add_tool<R, F>(&mut self, tool: Tool, handler: F) -> Result<(), RegistrationError>
    where
        R: IntoToolResult,
        F: Fn(&mut Call<'_>) -> Result<R, ToolError> + Send + Sync + 'static,
    {
        let (offer, listing) = tool.checked()?;
        let duplicate = RegistrationError::new(OfferKind::Tool, &offer.name, Fault::Duplicate);
        let handler = move |call: &mut Call<'_>| handler(call).and_then(R::into_tool_result).map(Output::Tool);
        if !self.tools.insert(offer, listing, handler) {
            return Err(duplicate);
        }
        self.declare_tools();
        self.tool_pages.forget();
        Ok(())
    }

    pub(crate) fn remove_tool(&mut self, name: &str) -> bool {
        self.tool_pages.forget();
        self.tools.remove(name)
    }

    /// Says that there are tools, also while there are none.
    pub(crate) fn declare_tools(&mut self) {
        self.capabilities.tools.get_or_insert_with(ToolsCapability::default).list_changed = self.tells;
    }

    /// There is no way to tell clients of changes: nothing of the kind is declared, and no subscription is taken.
    pub(crate) fn keep_silent(&mut self) {
        self.tells = false;
        let ServerCapabilities { tools, prompts, resources, .. } = &mut self.capabilities;
        if let Some(tools) = tools {
            tools.list_changed = false;
        }
        if let Some(prompts) = prompts {
            prompts.list_changed = false;
        }
        if let Some(resources) = resources {
            (resources.subscribe, resources.list_changed) = (false, false);
        }
    }

    /// Whether everything could be registered. A server asks before it begins to serve.
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

    /// How many offers a list answers at a time, at least one. Without it, all of them.
    pub fn set_page_size(&mut self, offers: usize) {
        self.page_size = offers.max(1);
        self.tool_pages.forget();
        if let Some(prompts) = &mut self.prompts {
            prompts.pages.forget();
        }
        if let Some(resources) = &mut self.resources {
            resources.forget();
        }
    }

    /// How long clients from 2026-07-28 on may keep lists, what `server/discover` says, and what a resource says that has
    /// no hints of its own (R-LM-57). Not at all, unless set.
    pub fn set_cache(&mut self, hints: CacheHints) {
        self.hints = hints;
    }

    /// Turns log messages to clients off: [`Call::log`] then does nothing, and the capability is not declared.
    pub fn disable_logging(&mut self) {
        self.capabilities.logging = None;
    }

    /// The revisions that `server/discover` names: those that the carrier serves. All of them, newest first, unless set.
    pub fn set_versions(&mut self, versions: &'static [ProtocolVersion]) {
        self.versions = versions;
    }

    /// The revisions that `server/discover` names.
    pub fn versions(&self) -> &'static [ProtocolVersion] {
        self.versions
    }

    /// Bounds on messages, of which questions and subscriptions have some.
    pub fn set_message_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// What protects the state of calls that [ask](Call::elicit), in revisions where it travels by way of the client
    /// (R-LM-72). Servers that share the work, or that are restarted in the middle of it, need the same key; it is then
    /// also valid for as long as the time of day says, where there is a clock (`std`). Random unless set; without `std`,
    /// [`Server::engine`](crate::Server::engine) draws one from its entropy.
    pub fn set_state_key(&mut self, key: [u8; 32]) {
        self.inputs.key = Some(key);
        #[cfg(feature = "std")]
        {
            self.inputs.time_of_day = Some(time_of_day);
        }
    }

    /// Draws the key that protects the state of calls that ask, unless one was given.
    #[cfg(not(feature = "std"))]
    pub(crate) fn draw_state_key(&mut self, entropy: &mut dyn FnMut(&mut [u8; 16]) -> bool) {
        let (mut first, mut second) = ([0; 16], [0; 16]);
        if self.inputs.key.is_none() && entropy(&mut first) && entropy(&mut second) {
            let mut key = [0; 32];
            key[..16].copy_from_slice(&first);
            key[16..].copy_from_slice(&second);
            self.inputs.key = Some(key);
        }
    }

    /// How long the state of calls that ask is good for, in revisions where it travels by way of the client. 10 minutes
    /// unless set.
    pub fn set_state_lifetime(&mut self, lifetime: Duration) {
        self.inputs.state_lifetime = lifetime;
    }

    /// How long a call waits for what it asked its client, in revisions where it waits. 5 minutes unless set.
    pub fn set_input_timeout(&mut self, timeout: Duration) {
        self.inputs.timeout = timeout;
    }

    /// What the server says of itself in the handshake; for
    /// [`ServerSession::handle_message`](mcp_core::session::ServerSession::handle_message).
    pub fn profile(&self) -> ServerProfile<'_> {
        profile(&self.info, &self.capabilities, self.instructions.as_deref())
    }

    /// Which arguments of a tool are repeated in headers, if there is such a tool (R-ST-58).
    pub fn param_headers(&self, tool: &str) -> Option<&ParamHeaders> {
        self.tools.find(tool).map(|tool| &tool.listing.headers)
    }

    /// Carries out a request that the session has taken in. Handlers that are not on a worker run before this returns.
    pub fn handle(
        &mut self,
        session: &mut ServerSession,
        origin: &Origin<'_>,
        method: Method,
        params: Option<&RawValue>,
        outbox: &mut dyn Outbox,
    ) -> Outcome {
        let is_served = self.tells || !matches!(method, Method::ResourcesSubscribe | Method::ResourcesUnsubscribe);
        #[cfg(feature = "std")]
        if self.seam.is_some() && is_served && method != Method::ServerDiscover {
            return self.hand_over(session, origin, (method, params), outbox);
        }
        match method {
            Method::ToolsCall => self.call_tool(session, origin, params, outbox),
            // Also without tools: an empty list (R-FS-9).
            Method::ToolsList => self.list_tools(session, origin, params, outbox),
            Method::ServerDiscover => self.discover(session, origin, outbox),
            _ => match self.route(method).filter(|_| is_served) {
                Some(route) => route(self, session, origin, method, params, outbox),
                None => {
                    let text = alloc::format!("this server does not offer `{}`", method.name());
                    refuse(session, origin.key, code::METHOD_NOT_FOUND, &text, outbox)
                }
            },
        }
    }

    /// What is offered, to be changed while requests come in.
    pub fn offers(&mut self) -> Offers<'_> {
        Offers::new(self)
    }

    #[cfg(feature = "std")]
    fn edit(&mut self, edit: changes::Edit) {
        let edited = run::guard("change of", "offers", || {
            edit(&mut Offers::new(self));
            Ok(())
        });
        // It is in the log.
        drop(edited);
    }

    fn route(&self, method: Method) -> Option<Route> {
        match method {
            Method::PromptsList | Method::PromptsGet => self.prompts.as_ref().map(|prompts| prompts.route),
            Method::ResourcesList
            | Method::ResourcesTemplatesList
            | Method::ResourcesRead
            | Method::ResourcesSubscribe
            | Method::ResourcesUnsubscribe => self.resources.as_ref().map(|resources| resources.route),
            Method::CompletionComplete => self.completion,
            _ => None,
        }
    }

    /// Nobody waits for a request any more and nobody can be asked: its session is over
    /// ([`ServerSession::close`]), or the client that made it without a session is gone. Tells its handler. A client that
    /// gave a request up is there to be told more: see [`Service::cancelled`].
    pub fn cancel(&mut self, session: u64, key: RequestKey) {
        self.forget_waiting(session, key);
        #[cfg(feature = "std")]
        self.later.cancel(session, key);
    }

    /// Has every client told that wants to know of a change.
    pub fn announce(&self, change: Change<'static>) {
        self.changes.announce(change);
    }

    /// The next change to tell clients of ([`notify`]). To be asked until there is none, after each call into the service
    /// and, with `std`, when the loop was woken and there is no more mail. With `std` it also makes the changes of what is offered
    /// that others have [asked for](Notifier::edit).
    pub fn next_change(&mut self) -> Option<Change<'static>> {
        #[cfg(feature = "std")]
        while let Some(edit) = self.changes.next_edit() {
            self.edit(edit);
        }
        // What nobody can be told is not kept either.
        while !self.tells && self.changes.next().is_some() {}
        self.changes.next()
    }

    fn note(&mut self, added: Result<(), RegistrationError>) {
        let Err(mistake) = added else { return };
        log::error!("{mistake}");
        self.mistake.get_or_insert(mistake);
    }

    #[cfg_attr(
        not(feature = "std"),
        expect(clippy::borrowed_box, reason = "with `std` it is shared, and cloned for workers")
    )]
    fn offered(&self, which: Which) -> Option<(&Shared<Offer>, &Shared<Handler>)> {
        match which {
            Which::Tool(number) => self.tools.entry(number).map(Entry::shared),
            Which::Prompt(number) => self.prompts.as_ref()?.family.entry(number).map(Entry::shared),
            Which::Resource(number) => self.resources.as_ref()?.fixed.entry(number).map(Entry::shared),
            Which::Template(number) => self.resources.as_ref()?.templates.entry(number).map(Entry::shared),
        }
    }

    /// A number that no other elicitation has.
    fn next_elicitation(&mut self) -> u64 {
        self.elicitations += 1;
        self.elicitations
    }
}

#[cfg(feature = "std")]
impl Drop for Service {
    fn drop(&mut self) {
        self.changes.close();
    }
}

/// All, newest first.
static VERSIONS: [ProtocolVersion; ProtocolVersion::ALL.len()] = {
    let mut versions = ProtocolVersion::ALL;
    let mut at = 0;
    while at < versions.len() {
        versions[at] = ProtocolVersion::ALL[versions.len() - 1 - at];
        at += 1;
    }
    versions
};

#[cfg(feature = "std")]
fn time_of_day() -> u64 {
    let elapsed = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
}

/// What a service says of itself, out of its parts: some callers hold the others.
fn profile<'a>(
    info: &'a Implementation,
    capabilities: &'a ServerCapabilities,
    instructions: Option<&'a str>,
) -> ServerProfile<'a> {
    ServerProfile { info, capabilities, instructions }
}

fn refuse(session: &mut ServerSession, key: RequestKey, code: i64, message: &str, outbox: &mut dyn Outbox) -> Outcome {
    outbox.message(Kind::Answer, &mut |out| session.respond_error(key, &ErrorObject::new(code, message), out));
    Outcome::Answered
}
