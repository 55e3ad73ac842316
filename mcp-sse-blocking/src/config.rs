//! Settings of a client. The way from an address to a session is in [`connect`](crate::connect).

use std::fmt;
use std::time::Duration;

use mcp_core::Limits;
use mcp_core::http::{Url, headers};
use mcp_core::revision::ProtocolVersion;
use mcp_core::types::{ClientCapabilities, Implementation};
use ureq::http::header::{HeaderMap, HeaderName, HeaderValue};
use ureq::tls::{PemItem, RootCerts, parse_pem};

use crate::background::{Handlers, LogMessage, Notification};
use crate::cache::CacheSize;
use crate::client::Client;
use crate::connect;
use crate::error::Error;
use crate::input::InputHandlers;
use crate::log_target;
use crate::transport::http::Settings;

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
}

impl Common {
    /// What this client says it can do, in the form that `version` has.
    pub(crate) fn capabilities_in(&self, version: ProtocolVersion) -> ClientCapabilities {
        let mut capabilities = self.capabilities.clone();
        self.input.declare(&mut capabilities, version);
        capabilities
    }
}

/// How a server behind a URL is spoken to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Transport {
    /// Whatever the server speaks: it is found out, the newest first.
    #[default]
    Detect,
    /// Streamable HTTP without a handshake, as of 2026-07-28.
    Stateless,
    /// Streamable HTTP with a handshake: 2025-03-26 to 2025-11-25.
    StreamableHttp,
    /// HTTP+SSE, the transport of 2024-11-05: the URL is that of the event stream.
    HttpSse,
}

/// The settings of connections over HTTP.
pub(crate) struct HttpOptions {
    pub(crate) message_url: Option<String>,
    headers: Vec<(String, String)>,
    roots: Option<Vec<u8>>,
    connect_timeout: Duration,
    pub(crate) endpoint_timeout: Duration,
    pub(crate) transport: Transport,
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
        };
        let http = HttpOptions {
            message_url: None,
            headers: Vec::new(),
            roots: None,
            connect_timeout: Duration::from_secs(10),
            endpoint_timeout: Duration::from_secs(30),
            transport: Transport::Detect,
        };
        Self { place, common, http }
    }

    /// A header for every HTTP request (R-SSE-42). May be given several times. The value is a secret: it is in no log and
    /// no error, and never goes to another origin.
    ///
    /// [`connect`](Self::connect) refuses names and values that cannot stand in a header, and headers that belong to the
    /// transport, such as `Content-Length`. `Accept-Encoding` is left out: compressed answers are not read.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.http.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// `Authorization: Bearer` with this token.
    pub fn bearer(self, token: &str) -> Self {
        self.header(headers::AUTHORIZATION, &format!("Bearer {token}"))
    }

    /// Over HTTP+SSE, sends messages to this URL whatever the `endpoint` event says; it may be relative to the URL of the event
    /// stream, and of another origin. For servers that announce what cannot be reached from here. No other transport is tried
    /// then.
    pub fn message_url(mut self, url: &str) -> Self {
        self.http.message_url = Some(url.to_owned());
        self
    }

    /// Speaks only this transport, for those who know what the server speaks: nothing is found out, and no request is spent on
    /// it.
    pub fn transport(mut self, transport: Transport) -> Self {
        self.http.transport = transport;
        self
    }

    /// Certificates, in PEM, that servers' certificates may be signed by, instead of Mozilla's list; for private authorities and
    /// tests.
    pub fn root_certificates_pem(mut self, pem: &[u8]) -> Self {
        self.http.roots = Some(pem.to_owned());
        self
    }

    /// How long opening one connection may take: name lookup, TCP and TLS. 10 s by default.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.http.connect_timeout = timeout;
        self
    }

    /// Over HTTP+SSE, how long it may take until the `endpoint` event has come, beginning with the request for the stream
    /// (R-SSE-17). 30 s by default.
    pub fn endpoint_timeout(mut self, timeout: Duration) -> Self {
        self.http.endpoint_timeout = timeout;
        self
    }

    /// How long an event stream may be silent; comments end a silence too (R-SSE-31). 300 s by default, as in the official
    /// Python client. `None` waits for ever: there are servers that say nothing for hours. A stream of HTTP+SSE takes the
    /// session with it; over Streamable HTTP the rest is asked for where the server gave ids to its events (R-SH-33).
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
    /// Blocks for `call_timeout` at most, over HTTP+SSE for `endpoint_timeout` and `call_timeout` more. Where there are handlers
    /// a session over Streamable HTTP opens its own stream, which may take another second; a failure takes up to a second
    /// more, for closing what was opened.
    ///
    /// # Errors
    ///
    /// See [`Error`]: every variant but `Cancelled` may come.
    pub fn connect(self) -> Result<Client, Error> {
        let Self { place, common, http } = self;
        match place {
            Place::Url(url) => connect::to_url(&url, http, common),
            Place::Other(open) => open(common),
        }
    }
}

impl HttpOptions {
    /// What requests have in common.
    ///
    /// # Errors
    /// [`Error::Usage`]: a header or a certificate that cannot be used.
    pub(crate) fn settings(&self) -> Result<Settings, Error> {
        Ok(Settings {
            headers: self.header_map()?,
            connect_timeout: Some(self.connect_timeout),
            roots: self.root_certificates()?,
        })
    }

    fn header_map(&self) -> Result<HeaderMap, Error> {
        let mut map = HeaderMap::new();
        for (name, value) in &self.headers {
            let refuse = |problem: &str| Err(Error::Usage(format!("the header `{}` {problem}", name.escape_debug())));
            if !headers::is_valid_name(name) {
                return refuse("has a name that no header has");
            }
            if headers::is_transport_header(name) {
                return refuse("is set by the transport");
            }
            if name.eq_ignore_ascii_case("accept-encoding") {
                log::warn!(target: log_target::CLIENT, "`{name}` is not sent: compressed answers are not read");
                continue;
            }
            let (Ok(name), true) = (HeaderName::try_from(name), headers::is_valid_value(value)) else {
                return refuse("has a value with a line end or another control character");
            };
            let Ok(mut value) = HeaderValue::from_bytes(value.as_bytes()) else {
                return refuse("has a value that cannot be sent");
            };
            value.set_sensitive(true);
            map.append(name, value);
        }
        Ok(map)
    }

    fn root_certificates(&self) -> Result<Option<RootCerts>, Error> {
        let Some(pem) = &self.roots else { return Ok(None) };
        let mut certificates = Vec::new();
        for item in parse_pem(pem) {
            match item {
                Ok(PemItem::Certificate(certificate)) => certificates.push(certificate),
                Ok(_) => {}
                Err(error) => return Err(Error::Usage(format!("the root certificates cannot be read: {error}"))),
            }
        }
        if certificates.is_empty() {
            return Err(Error::Usage("there is no certificate among the root certificates".into()));
        }
        Ok(Some(RootCerts::new_with_certs(&certificates)))
    }
}

impl fmt::Debug for Builder {
    /// Without the values of headers and without queries.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.http.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Builder")
            .field("place", &self.place)
            .field("headers", &names)
            .field("connect_timeout", &self.http.connect_timeout)
            .field("endpoint_timeout", &self.http.endpoint_timeout)
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
