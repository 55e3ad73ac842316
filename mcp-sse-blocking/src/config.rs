//! Settings, and the way from an address to a session.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use mcp_core::Limits;
use mcp_core::http::{Url, headers, resolve_endpoint};
use mcp_core::revision::ProtocolVersion;
use mcp_core::time::{Cause, Deadline};
use mcp_core::types::{ClientCapabilities, Implementation, InitializeParams};
use ureq::http::header::{HeaderMap, HeaderName, HeaderValue};
use ureq::tls::{PemItem, RootCerts, parse_pem};

use crate::background::{Background, Handlers, LogMessage, Notification};
use crate::client::{Client, Session};
use crate::clock;
use crate::engine::{Engine, MessageTarget};
use crate::error::{Delivery, Error, PeerError, Timeout};
use crate::log_target;
use crate::transport::http::{Http, Settings, Target};
use crate::transport::http_sse::{EventStream, Filled};

/// Messages that are kept when they come before the `endpoint` event (R-SSE-17). 64: servers send none.
const EARLY_MESSAGES: usize = 64;
/// Bytes of them. 4 MiB: one of the largest messages.
const EARLY_BYTES: usize = 4 << 20;

/// Settings of a client, made by [`Client::builder`].
///
/// Every wait has a deadline; its setting is named in the error when it passes.
pub struct Builder {
    url: String,
    message_url: Option<String>,
    headers: Vec<(String, String)>,
    roots: Option<Vec<u8>>,
    connect_timeout: Duration,
    endpoint_timeout: Duration,
    idle_timeout: Option<Duration>,
    call_timeout: Option<Duration>,
    limits: Limits,
    client_info: Implementation,
    capabilities: ClientCapabilities,
    version: ProtocolVersion,
    handlers: Handlers,
}

impl Builder {
    pub(crate) fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            message_url: None,
            headers: Vec::new(),
            roots: None,
            connect_timeout: Duration::from_secs(10),
            endpoint_timeout: Duration::from_secs(30),
            idle_timeout: Some(Duration::from_secs(300)),
            call_timeout: Some(Duration::from_secs(60)),
            limits: Limits::default(),
            client_info: Implementation::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION")),
            capabilities: ClientCapabilities::default(),
            version: ProtocolVersion::LATEST_HANDSHAKE,
            handlers: Handlers::default(),
        }
    }

    /// A header for the GET and every POST (R-SSE-42). May be given several times. The value is a secret: it is in no log and
    /// no error, and never goes to another origin.
    ///
    /// [`connect`](Self::connect) refuses names and values that cannot stand in a header, and headers that belong to the
    /// transport, such as `Content-Length`. `Accept-Encoding` is left out: compressed answers are not read.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// `Authorization: Bearer` with this token.
    pub fn bearer(self, token: &str) -> Self {
        self.header(headers::AUTHORIZATION, &format!("Bearer {token}"))
    }

    /// Sends messages to this URL whatever the `endpoint` event says; it may be relative to the URL of the event stream, and
    /// of another origin. For servers that announce what cannot be reached from here.
    pub fn message_url(mut self, url: &str) -> Self {
        self.message_url = Some(url.to_owned());
        self
    }

    /// Certificates, in PEM, that servers' certificates may be signed by, instead of Mozilla's list; for private authorities and
    /// tests.
    pub fn root_certificates_pem(mut self, pem: &[u8]) -> Self {
        self.roots = Some(pem.to_owned());
        self
    }

    /// How long opening one connection may take: name lookup, TCP and TLS. 10 s by default.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// How long it may take until the `endpoint` event has come, beginning with the request for the stream (R-SSE-17). 30 s by
    /// default.
    pub fn endpoint_timeout(mut self, timeout: Duration) -> Self {
        self.endpoint_timeout = timeout;
        self
    }

    /// How long the event stream may be silent; comments end a silence too (R-SSE-31). 300 s by default, as in the official
    /// Python client. `None` waits for ever: there are servers that say nothing for hours.
    pub fn idle_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.idle_timeout = timeout.into();
        self
    }

    /// How long a request may take from its start to its reply, whatever the server sends in between; also the handshake. 60 s
    /// by default, as in the official TypeScript client. A call may have [its own](crate::CallOptions::timeout). `None` waits
    /// until the stream ends.
    pub fn call_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.call_timeout = timeout.into();
        self
    }

    /// Bounds on what the server can make grow.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Who this client says it is.
    pub fn client_info(mut self, info: Implementation) -> Self {
        self.client_info = info;
        self
    }

    /// What this client says it can do; nothing by default. Requests of the server other than `ping` are answered with
    /// -32601, so that only `experimental` entries make sense here.
    pub fn capabilities(mut self, capabilities: ClientCapabilities) -> Self {
        self.capabilities = capabilities;
        self
    }

    /// The revision to offer. The newest one with a handshake by default; the server may choose an older one (R-SSE-40).
    pub fn protocol_version(mut self, version: ProtocolVersion) -> Self {
        self.version = version;
        self
    }

    /// Runs `handler` on each log message of the server, on a thread of the client's own: one at a time, in order, with no lock
    /// held, so that it may call the client it is given. While it runs, up to 1024 notifications of up to 16 MiB wait;
    /// what comes beyond is dropped, and the log of this program says so.
    pub fn on_log(mut self, handler: impl FnMut(&Client, &LogMessage) + Send + 'static) -> Self {
        self.handlers.log = Some(Box::new(handler));
        self
    }

    /// Runs `handler` on each notification of the server that is neither progress nor a log message, on the same thread and
    /// under the same rules as [`on_log`](Self::on_log).
    pub fn on_notification(mut self, handler: impl FnMut(&Client, &Notification) + Send + 'static) -> Self {
        self.handlers.notification = Some(Box::new(handler));
        self
    }

    /// Opens the event stream, waits for the endpoint and shakes hands. Blocks for `endpoint_timeout` and `call_timeout`
    /// together at most; a failure takes up to a second more, for closing what was opened.
    ///
    /// # Errors
    ///
    /// See [`Error`]: every variant but `Cancelled` may come.
    pub fn connect(self) -> Result<Client, Error> {
        let url = Url::parse(&self.url).map_err(|error| Error::Usage(error.to_string()))?;
        let fixed = match &self.message_url {
            None => None,
            Some(message_url) => {
                let resolved = mcp_core::http::resolve(&url, message_url);
                Some(Target::new(resolved.map_err(|error| Error::Usage(format!("`message_url`: {error}")))?)?)
            }
        };
        if !self.version.has_handshake() {
            let problem = format!("revision {} has no handshake and no HTTP+SSE", self.version);
            return Err(Error::Usage(problem));
        }
        let http = Http::new(Settings {
            headers: self.header_map()?,
            connect_timeout: Some(self.connect_timeout),
            roots: self.root_certificates()?,
        });

        // The stream, and where messages go.
        let deadline = Deadline::after(clock::now(), self.endpoint_timeout, Cause::Endpoint);
        let open = http.open(&url, Some(deadline)).map_err(|error| error.after(Some(self.endpoint_timeout)))?;
        let mut stream = EventStream::new(open, &self.limits, self.idle_timeout);
        let mut early = Vec::new();
        let target = match fixed {
            Some(target) => MessageTarget { target: Arc::new(target), fixed: true },
            None => {
                let target = await_endpoint(&mut stream, deadline, &mut early);
                let target = target.map_err(|error| error.after(Some(self.endpoint_timeout)))?;
                MessageTarget { target: Arc::new(target), fixed: false }
            }
        };
        log::debug!(target: log_target::CLIENT, "{} is open, messages go to {}", stream.url(), target.target.url.origin());

        // The session. From here on, every way out closes what was opened.
        let (background, notices) = Background::new(&self.handlers);
        let engine = Engine::new(http, self.limits.clone(), self.call_timeout, stream, target, background);
        let session = Session(Arc::clone(&engine));
        engine.background.start_reader(&engine).map_err(|error| no_thread(&error))?;
        for data in early {
            engine.take_data(&data, None);
        }
        let params = InitializeParams {
            protocol_version: self.version.as_str().to_owned(),
            capabilities: self.capabilities,
            client_info: self.client_info,
        };
        let mut handshake = engine.begin_handshake(&params, self.call_timeout)?;
        handshake.send()?;
        engine.wait_for(&mut handshake, None, |_| Ok(()))?;
        let deadline = handshake.deadline;
        drop(handshake);
        // Sent and taken over before any request follows (R-LM-23, R-SSE-48), and a part of the handshake in time as well.
        engine.post(&engine.take_initialized(), deadline, None).map_err(|error| error.after(self.call_timeout))?;
        let agreed = engine.session(|session| Some((session.server()?.clone(), session.version()?)));
        let (server, version) = agreed.ok_or_else(|| engine.ended().unwrap_or(Error::Closed(Delivery::Sent)))?;
        let client = Client::new(session, server, version);
        if let Some(notices) = notices {
            engine
                .background
                .start_handlers(client.downgrade(), notices, self.handlers)
                .map_err(|error| no_thread(&error))?;
        }
        Ok(client)
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

/// Reads the stream up to its `endpoint` event; sends nothing meanwhile and keeps messages that come too early (R-SSE-17).
fn await_endpoint(stream: &mut EventStream, deadline: Deadline, early: &mut Vec<Vec<u8>>) -> Result<Target, Error> {
    let url = stream.url().clone();
    let mut bytes = 0;
    loop {
        while let Some(event) = stream.next_event()? {
            if event.event == b"endpoint" {
                return Target::new(resolve_endpoint(&url, &event.data_str()).map_err(PeerError::Endpoint)?);
            }
            if event.carries_message() {
                bytes += event.data.len();
                if early.len() == EARLY_MESSAGES || bytes > EARLY_BYTES {
                    return Err(PeerError::NoEndpoint.into());
                }
                early.push(event.data.to_owned());
            }
        }
        match stream.fill(Some(deadline))? {
            Filled::Bytes => {}
            Filled::End => return Err(Error::StreamEnded(Delivery::NotSent)),
            Filled::OutOfTime(cause) => {
                return Err(Error::Timeout(Timeout { cause, after: None, delivery: Delivery::NotSent }));
            }
        }
    }
}

fn no_thread(error: &std::io::Error) -> Error {
    Error::Usage(format!("a thread cannot be started: {error}"))
}

impl fmt::Debug for Builder {
    /// Without the values of headers and without queries.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Builder")
            .field("url", &Url::parse(&self.url).ok())
            .field("headers", &names)
            .field("connect_timeout", &self.connect_timeout)
            .field("endpoint_timeout", &self.endpoint_timeout)
            .field("idle_timeout", &self.idle_timeout)
            .field("call_timeout", &self.call_timeout)
            .finish_non_exhaustive()
    }
}
