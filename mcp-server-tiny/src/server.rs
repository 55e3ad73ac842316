//! A server before it listens: what it offers and its settings.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use core::net::{IpAddr, Ipv4Addr};
use core::time::Duration;

use mcp_core::revision::ProtocolVersion;
use mcp_core::types::{CacheHints, CacheScope, Implementation};

use crate::call::Call;
use crate::config::{Config, Limits, Timeouts};
use crate::engine::Engine;
use crate::engine::answer::Sole;
use crate::error::Error;
use crate::pipe::Pipe;
use crate::prompt::{IntoPrompt, Prompt};
use crate::resource::{IntoContents, Resource, ResourceTemplate};
use crate::result::{IntoToolResult, ToolError};
use crate::service::Service;
use crate::tool::Tool;

/// A server that does not listen yet: tools and settings, one call each, then [`Server::bind`] or [`Server::engine`].
#[must_use = "a server does nothing before it is bound"]
pub struct Server {
    pub(crate) service: Service,
    pub(crate) config: Config,
}

impl Server {
    /// A server called `name` at `version`, as clients are told (`serverInfo`).
    pub fn new(name: &str, version: &str) -> Self {
        Self { service: Service::new(name, version), config: Config::default() }
    }

    /// Offers a tool. `handler` is called for each call whose arguments fit what the tool declares; see [`Call`] for
    /// the thread it runs on. It returns anything that is [`IntoToolResult`]. A mistake in the tool is reported by
    /// [`Server::bind`].
    pub fn tool<R, F>(mut self, tool: Tool, handler: F) -> Self
    where
        R: IntoToolResult,
        F: Fn(&mut Call<'_>) -> Result<R, ToolError> + Send + Sync + 'static,
    {
        self.service.tool(tool, handler);
        self
    }

    /// Offers a prompt. `handler` is called when all arguments are there that the prompt cannot do without. It returns
    /// anything that is [`IntoPrompt`]. A mistake in the prompt is reported by [`Server::bind`].
    pub fn prompt<R, F>(mut self, prompt: Prompt, handler: F) -> Self
    where
        R: IntoPrompt,
        F: Fn(&mut Call<'_>) -> Result<R, ToolError> + Send + Sync + 'static,
    {
        self.service.prompt(prompt, handler);
        self
    }

    /// Offers a resource that is always the same: [`Resource::text`], [`Resource::bytes`].
    pub fn resource(mut self, resource: Resource) -> Self {
        self.service.resource(resource);
        self
    }

    /// Offers a resource whose contents `handler` gives each time it is read: anything that is [`IntoContents`].
    pub fn resource_with<R, F>(mut self, resource: Resource, handler: F) -> Self
    where
        R: IntoContents,
        F: Fn(&mut Call<'_>) -> Result<R, ToolError> + Send + Sync + 'static,
    {
        self.service.resource_with(resource, handler);
        self
    }

    /// Offers all resources whose URIs follow a pattern. The variables of the pattern are the arguments of `handler`; it
    /// gives the contents, or `None` for a URI that names nothing.
    pub fn resource_template<R, F>(mut self, template: ResourceTemplate, handler: F) -> Self
    where
        R: IntoContents,
        F: Fn(&mut Call<'_>) -> Result<R, ToolError> + Send + Sync + 'static,
    {
        self.service.resource_template(template, handler);
        self
    }

    /// Tells clients that there are tools also while there are none yet: the first may come [later](crate::Offers).
    pub fn declare_tools(mut self) -> Self {
        self.service.declare_tools();
        self
    }

    /// The same of prompts.
    pub fn declare_prompts(mut self) -> Self {
        self.service.declare_prompts();
        self
    }

    /// The same of resources and templates.
    pub fn declare_resources(mut self) -> Self {
        self.service.declare_resources();
        self
    }

    /// Has all requests answered by the delegate that `make` makes, in place of what is registered. What clients are told of the
    /// server, its name among it, is what `announced` says. See [`delegate`](crate::delegate).
    #[cfg(feature = "std")]
    pub fn delegate<D: crate::delegate::Delegate + 'static>(
        mut self,
        announced: crate::delegate::Announced,
        make: impl FnOnce(crate::delegate::Clients) -> D,
    ) -> Self {
        self.service.delegate(announced, make);
        self
    }

    /// How long clients from 2026-07-28 on may keep lists and what they read, and who may share it (R-LM-57). Not at all
    /// unless set; a resource may [say otherwise](Resource::cache).
    pub fn cache(mut self, time_to_live: Duration, scope: CacheScope) -> Self {
        let millis = u32::try_from(time_to_live.as_millis()).unwrap_or(u32::MAX);
        self.service.set_cache(CacheHints::new(millis, scope));
        self
    }

    /// What protects the state of calls that [ask their client](Call::elicit), where it travels by way of the client
    /// (2026-07-28). Servers that share the work, or are restarted in the middle of it, need the same key. Random for each
    /// process unless set; without `std`, [`Server::engine`] draws one from its entropy, and [`Server::pipe`], which has none,
    /// needs it.
    pub fn state_key(mut self, key: [u8; 32]) -> Self {
        self.service.set_state_key(key);
        self
    }

    /// How long the state of calls that ask their client is good for, where it travels by way of the client (2026-07-28).
    /// 10 minutes unless set.
    pub fn state_lifetime(mut self, lifetime: Duration) -> Self {
        self.service.set_state_lifetime(lifetime);
        self
    }

    /// How long a call waits for what it asked its client, up to 2025-11-25. 5 minutes unless set.
    pub fn input_timeout(mut self, timeout: Duration) -> Self {
        self.service.set_input_timeout(timeout);
        self
    }

    /// How many threads the tools [on workers](Tool::on_worker) have at most, and how many calls may wait for one;
    /// one more is answered 503. Threads start when they are first needed. 4 and 64 unless set.
    #[cfg(feature = "std")]
    pub fn workers(mut self, threads: usize, queue: usize) -> Self {
        self.service.set_workers(threads, queue);
        self
    }

    /// Tells models how to use the server.
    pub fn instructions(mut self, instructions: impl Into<String>) -> Self {
        self.service.set_instructions(instructions);
        self
    }

    /// Changes what clients are told of the server beside its name and version: `.info(|info| info.title =
    /// Some("Calendar".into()))`.
    pub fn info(mut self, change: impl FnOnce(&mut Implementation)) -> Self {
        change(self.service.info_mut());
        self
    }

    /// How many tools, prompts or resources a list answers at a time. All unless set.
    pub fn page_size(mut self, offers: usize) -> Self {
        self.service.set_page_size(offers);
        self
    }

    /// Sends no log messages to clients: [`Call::log`] then does nothing.
    pub fn without_logging(mut self) -> Self {
        self.service.disable_logging();
        self
    }

    /// Where a GET opens an event stream, and where messages are posted. `/sse` and `/messages` unless set.
    pub fn paths(mut self, stream: impl Into<String>, messages: impl Into<String>) -> Self {
        self.config.sse_path = stream.into();
        self.config.message_path = messages.into();
        self
    }

    /// The one endpoint of Streamable HTTP. `/mcp` unless set (R-SH-1, R-ST-1).
    pub fn mcp_path(mut self, path: impl Into<String>) -> Self {
        self.config.mcp_path = path.into();
        self
    }

    /// Turns HTTP+SSE off: there is nothing at its two paths then.
    pub fn without_http_sse(mut self) -> Self {
        self.config.carriers.http_sse = None;
        self
    }

    /// Turns the sessions of Streamable HTTP off: only requests that stand alone (2026-07-28) are served at its endpoint, and
    /// GET and DELETE are answered 405 (R-ST-4).
    pub fn without_sessions(mut self) -> Self {
        self.config.carriers.sessions = false;
        self
    }

    /// Answers a GET of the endpoint of Streamable HTTP with 405 (R-SH-21): sessions have no stream of their own, and nothing is told
    /// that belongs to no request. For servers that can spare no connection for one, such as a device with a single line.
    pub fn without_listening(mut self) -> Self {
        self.config.carriers.listening = None;
        self
    }

    /// Turns requests that stand alone (2026-07-28) off: clients need a handshake. Together with
    /// [`without_sessions`](Self::without_sessions) it turns Streamable HTTP off.
    pub fn without_stateless(mut self) -> Self {
        self.config.carriers.stateless = false;
        self
    }

    /// What a reverse proxy puts before the paths, such as `/tools`: clients are told to post there, whether or not the
    /// proxy strips it on the way here (R-SSE-22).
    pub fn public_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.config.public_prefix = prefix.into();
        self
    }

    /// Serves requests to `host` (any port) or `host:port` beside those to loopback names (R-SEC-3). Needed behind a
    /// reverse proxy that keeps the public name.
    pub fn allow_host(mut self, host: impl Into<String>) -> Self {
        self.config.allowed_hosts.push(host.into());
        self
    }

    /// Lets pages of `origin`, such as `https://app.example`, use the server (R-SEC-2).
    pub fn allow_origin(mut self, origin: impl Into<String>) -> Self {
        self.config.allowed_origins.push(origin.into());
        self
    }

    /// Demands one of the tokens given so from every request, as `Authorization: Bearer` (R-SSE-7).
    pub fn bearer(mut self, token: impl Into<String>) -> Self {
        self.config.bearer_tokens.push(token.into());
        self
    }

    /// Answers every request over Streamable HTTP with an event stream. Otherwise one before whose response nothing is sent
    /// is answered with JSON.
    pub fn always_event_streams(mut self) -> Self {
        self.config.sole = Sole::Events;
        self
    }

    /// Sends a comment on streams that were silent for so long; `None` sends none. 15 seconds unless set (R-SSE-30).
    pub fn keep_alive(mut self, every: Option<Duration>) -> Self {
        self.config.timeouts.keep_alive = every;
        self
    }

    /// Changes bounds on connections, sessions and bytes: `.limits(|limits| limits.sessions = 10)`.
    pub fn limits(mut self, change: impl FnOnce(&mut Limits)) -> Self {
        change(&mut self.config.limits);
        self
    }

    /// Changes bounds on messages: `.message_limits(|limits| limits.depth = 32)`.
    pub fn message_limits(mut self, change: impl FnOnce(&mut mcp_core::Limits)) -> Self {
        change(&mut self.config.messages);
        self
    }

    /// Changes deadlines: `.timeouts(|timeouts| timeouts.head = Duration::from_secs(3))`.
    pub fn timeouts(mut self, change: impl FnOnce(&mut Timeouts)) -> Self {
        change(&mut self.config.timeouts);
        self
    }

    /// The server without sockets, for whoever owns the bytes. `entropy` fills in 16 bytes that nobody can guess and
    /// says whether it could. Hosts and origins are checked as for a listener on loopback.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] for a setting that cannot work.
    pub fn engine(self, entropy: impl FnMut(&mut [u8; 16]) -> bool + Send + 'static) -> Result<Engine, Error> {
        self.engine_at(IpAddr::V4(Ipv4Addr::LOCALHOST), Box::new(entropy))
    }

    pub(crate) fn engine_at(mut self, address: IpAddr, entropy: crate::engine::Entropy) -> Result<Engine, Error> {
        if !self.config.carriers.sessions {
            self.service.set_versions(&ProtocolVersion::STATELESS);
        }
        #[cfg(not(feature = "std"))]
        let mut entropy = entropy;
        #[cfg(not(feature = "std"))]
        self.service.draw_state_key(&mut *entropy);
        let (config, service) = self.checked()?;
        Engine::new(config, service, address, entropy)
    }

    /// The server at one end of a stream of lines, for whoever owns the bytes; see [`Pipe`]. Without `std` there is no
    /// randomness here: handlers that [ask](Call::elicit) need a [`state_key`](Self::state_key) for clients of 2026-07-28, who
    /// are told otherwise that the question cannot be asked.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] for a setting that cannot work.
    pub fn pipe(self) -> Result<Pipe, Error> {
        let (config, service) = self.checked()?;
        Ok(Pipe::new(&config, service))
    }

    fn checked(mut self) -> Result<(Config, Service), Error> {
        self.service.check().map_err(|mistake| Error::Setting(mistake.to_string().into()))?;
        self.service.set_message_limits(self.config.messages.clone());
        Ok((self.config, self.service))
    }
}

impl core::fmt::Debug for Server {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        // Not the settings: there are tokens among them.
        f.debug_struct("Server").finish_non_exhaustive()
    }
}
