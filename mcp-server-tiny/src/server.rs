//! A server before it listens: what it offers and its settings.

use alloc::boxed::Box;
use alloc::string::String;
use core::net::{IpAddr, Ipv4Addr};
use core::time::Duration;

use crate::config::{Config, Limits, Timeouts};
use crate::engine::Engine;
use crate::error::Error;
use crate::service::Service;

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

    /// Where a GET opens an event stream, and where messages are posted. `/sse` and `/messages` unless set.
    pub fn paths(mut self, stream: impl Into<String>, messages: impl Into<String>) -> Self {
        self.config.sse_path = stream.into();
        self.config.message_path = messages.into();
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

    /// The server without sockets, for whoever owns the bytes. `entropy` fills in 16 bytes that nobody can guess and says
    /// whether it could. Hosts and origins are checked as for a listener on loopback.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] for a setting that cannot work.
    pub fn engine(self, entropy: impl FnMut(&mut [u8; 16]) -> bool + Send + 'static) -> Result<Engine, Error> {
        self.engine_at(IpAddr::V4(Ipv4Addr::LOCALHOST), Box::new(entropy))
    }

    pub(crate) fn engine_at(self, address: IpAddr, entropy: crate::engine::Entropy) -> Result<Engine, Error> {
        Engine::new(self.config, self.service, address, entropy)
    }
}

impl core::fmt::Debug for Server {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        // Not the settings: there are tokens among them.
        f.debug_struct("Server").finish_non_exhaustive()
    }
}
