//! Settings of a client, one room a subject. The way from an address to a session is in [`connect`](crate::connect).

pub(crate) mod auth;
mod compression;
pub(crate) mod events;
mod http;
pub(crate) mod insight;
pub(crate) mod proxy;
pub(crate) mod reconnect;
#[cfg_attr(not(feature = "tls"), path = "builder/tls_left_out.rs")]
pub(crate) mod tls;

use std::fmt;
use std::time::Duration;

use mcp_core::Limits;
use mcp_core::http::Url;
use mcp_core::revision::ProtocolVersion;
use mcp_core::types::{ClientCapabilities, Implementation};

use crate::background::{Handlers, LogMessage, Notification};
use crate::cache::CacheSize;
use crate::client::Client;
use crate::connect;
use crate::error::Error;
use crate::input::InputHandlers;

#[cfg(feature = "compression")]
pub use self::compression::Compression;
use self::events::EventOptions;
pub(crate) use self::http::HttpOptions;
pub use self::http::Transport;
use self::insight::InsightOptions;
use self::reconnect::ReconnectOptions;

/// Settings of a client, made by [`Client::builder`], [`Client::spawn_builder`] and their kin.
///
/// Every wait has a deadline; its setting is named in the error when it passes. Settings of HTTP mean nothing where lines are
/// spoken.
pub struct Builder {
    place: Place,
    pub(crate) common: Common,
    http: HttpOptions,
}

/// What to connect to.
pub(crate) enum Place {
    /// A server behind a URL.
    Url(String),
    /// Anything else: how to connect to it.
    Other(Opener),
}

/// Opens what is behind no URL.
pub(crate) type Opener = Box<dyn FnOnce(Common) -> Result<Client, Error> + Send>;

/// The settings that every carrier needs.
pub(crate) struct Common {
    pub(crate) idle_timeout: Option<Duration>,
    pub(crate) call_timeout: Option<Duration>,
    pub(crate) limits: Limits,
    pub(crate) client_info: Implementation,
    pub(crate) capabilities: ClientCapabilities,
    /// The revision that the caller asked for.
    pub(crate) version: Option<ProtocolVersion>,
    pub(crate) handlers: Handlers,
    /// Who answers what servers ask.
    pub(crate) input: InputHandlers,
    pub(crate) cache: CacheSize,
    pub(crate) events: EventOptions,
    pub(crate) reconnect: ReconnectOptions,
    pub(crate) insight: InsightOptions,
}

impl Common {
    /// What this client says it can do, in the form that `version` has.
    pub(crate) fn capabilities_in(&self, version: ProtocolVersion) -> ClientCapabilities {
        let mut capabilities = self.capabilities.clone();
        self.input.declare(&mut capabilities, version);
        capabilities
    }
}

impl Builder {
    pub(crate) fn new(url: &str) -> Self {
        Self::over(Place::Url(url.to_owned()))
    }

    pub(crate) fn over(place: Place) -> Self {
        let common = Common {
            idle_timeout: Some(Duration::from_secs(300)),
            call_timeout: Some(Duration::from_secs(60)),
            limits: Limits::default(),
            client_info: Implementation::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION")),
            capabilities: ClientCapabilities::default(),
            version: None,
            handlers: Handlers::default(),
            input: InputHandlers::default(),
            cache: CacheSize::default(),
            events: EventOptions::default(),
            reconnect: ReconnectOptions::default(),
            insight: InsightOptions::default(),
        };
        let http = HttpOptions::default();
        Self { place, common, http }
    }

    /// How long an event stream may be silent; comments end a silence too (R-SSE-31). 300 s by default, as in the official
    /// Python client. `None` waits for ever: there are servers that say nothing for hours. A stream of HTTP+SSE takes the
    /// session with it, and the [policy](Self::reconnect) says whether there is another; over Streamable HTTP the rest is asked for where the server gave ids to its events (R-SH-33).
    pub fn idle_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.common.idle_timeout = timeout.into();
        self
    }

    /// How long a request may take from its start to its reply, whatever the server sends in between, and however often it is made
    /// again; also finding out what the server speaks, and the handshake. 60 s
    /// by default, as in the official TypeScript client. A call may have [its own](crate::CallOptions::timeout). `None` waits
    /// until the stream ends.
    pub fn call_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.common.call_timeout = timeout.into();
        self
    }

    /// Bounds on what the server can make grow.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.common.limits = limits;
        self
    }

    /// Who this client says it is.
    pub fn client_info(mut self, info: Implementation) -> Self {
        self.common.client_info = info;
        self
    }

    /// What this client says it can do; nothing by default. For `experimental` entries and extensions: what is answered by
    /// handlers such as [`on_sampling`](Self::on_sampling) is declared with them, and what has no handler is refused with
    /// -32601.
    pub fn capabilities(mut self, capabilities: ClientCapabilities) -> Self {
        self.common.capabilities = capabilities;
        self
    }

    /// The revision to speak. With a handshake: the one to offer, of which the server may choose an older one (R-SSE-40); nothing
    /// newer is asked for. 2026-07-28: that and no other. By default it is found out, the newest first.
    pub fn protocol_version(mut self, version: ProtocolVersion) -> Self {
        self.common.version = Some(version);
        self
    }

    /// Runs `handler` on each log message of the server, on a thread of the client's own: one at a time, in order, with no lock
    /// held, so that it may call the client it is given. While it runs, up to 1024 notifications of up to 16 MiB wait;
    /// what comes beyond is dropped, and the log of this program says so.
    ///
    /// In 2026-07-28 servers send none before they are [asked for](Client::set_log_level) (R-LM-91).
    pub fn on_log(mut self, handler: impl FnMut(&Client, &LogMessage) + Send + 'static) -> Self {
        self.common.handlers.log = Some(Box::new(handler));
        self
    }

    /// Runs `handler` on each notification of the server that is neither progress nor a log message, on the same thread and
    /// under the same rules as [`on_log`](Self::on_log).
    pub fn on_notification(mut self, handler: impl FnMut(&Client, &Notification) + Send + 'static) -> Self {
        self.common.handlers.notification = Some(Box::new(handler));
        self
    }

    /// Connects: finds out what the server speaks, and shakes hands where the revision has a handshake. What was found out is
    /// remembered for the URL, as long as this process lives, an older era for ten minutes.
    ///
    /// With an explicit [policy](crate::Reconnect::new) a server that refuses the connection, or says 503 or 429, is tried again
    /// with its pauses, as long as there is time.
    ///
    /// Blocks for `call_timeout` at most, over HTTP+SSE for `endpoint_timeout` and `call_timeout` more. Where there are handlers
    /// a session over Streamable HTTP opens its own stream, which may take another second; a failure takes up to a second
    /// more, for closing what was opened.
    ///
    /// # Errors
    ///
    /// See [`Error`]: every variant but `Cancelled` may come.
    pub fn connect(self) -> Result<Client, Error> {
        let Self { place, mut common, http } = self;
        common.insight.begin()?;
        let watch = common.reconnect.begin()?;
        let connected = match place {
            Place::Url(url) => connect::to_url(&url, http, common),
            Place::Other(open) => open(common),
        };
        connected.inspect_err(|error| watch.fail(error))
    }
}

impl fmt::Debug for Builder {
    /// Without secrets: values of headers, queries, keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("place", &self.place)
            .field("http", &self.http)
            .field("idle_timeout", &self.common.idle_timeout)
            .field("call_timeout", &self.common.call_timeout)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Place {
    /// Without the query, which may be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(url) => Url::parse(url).ok().fmt(f),
            Self::Other(_) => f.write_str("no URL"),
        }
    }
}
