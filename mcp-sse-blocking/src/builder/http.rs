//! Settings of connections over HTTP: which transport, which headers, how long.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use mcp_core::http::{Url, headers};
use ureq::http::header::{HeaderMap, HeaderName, HeaderValue};

use super::Builder;
use super::auth::AuthOptions;
use super::compression;
use super::proxy::ProxyOptions;
use super::tls::TlsOptions;
use crate::error::Error;
use crate::transport::decode::Encodings;
use crate::transport::http::Settings;

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
    /// No MCP transport, but what some servers speak instead: the URL is that of a stream of plain events, and
    /// [`message_url`](Builder::message_url) where `{"method", "params"}` is POSTed, without `jsonrpc` and ids, and answered in
    /// the body of the answer by `{"tools": [...]}`, `{"content": [...]}` or `{"error": ...}`.
    ///
    /// Nothing is asked of such a server to connect, nothing is known of it, and it is sent no notifications. What
    /// [`Client::tools`](crate::Client::tools) and [`Client::call`](crate::Client::call) do is as elsewhere;
    /// [`Client::events`](crate::Client::events) gives what comes on the stream, which is opened when somebody listens and again
    /// whenever it ends. Without a `message_url` there is only the stream.
    Plain,
}

/// The settings of connections over HTTP.
pub(crate) struct HttpOptions {
    pub(crate) message_url: Option<String>,
    headers: Vec<(String, String)>,
    connect_timeout: Duration,
    pub(crate) endpoint_timeout: Duration,
    pub(crate) transport: Transport,
    /// What answers may be compressed with, when that is set.
    pub(super) encodings: Option<Encodings>,
    pub(super) auth: AuthOptions,
    pub(super) tls: TlsOptions,
    pub(super) proxy: ProxyOptions,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            message_url: None,
            headers: Vec::new(),
            connect_timeout: Duration::from_secs(10),
            endpoint_timeout: Duration::from_secs(30),
            transport: Transport::Detect,
            encodings: None,
            auth: AuthOptions::default(),
            tls: TlsOptions::default(),
            proxy: ProxyOptions::default(),
        }
    }
}

impl Builder {
    /// A header for every HTTP request (R-SSE-42). May be given several times. The value is a secret: it is in no log and
    /// no error, and goes to no other origin than those of the URL and of the [`message_url`](Self::message_url) that this program
    /// has set.
    ///
    /// [`connect`](Self::connect) refuses names and values that cannot stand in a header, and headers that belong to the
    /// transport, such as `Content-Length`. Of `Accept-Encoding` that is sent which can be read: gzip and deflate with the feature
    /// `compression`, nothing without.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.http.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// `Authorization: Bearer` with this token.
    pub fn bearer(self, token: &str) -> Self {
        self.header(headers::AUTHORIZATION, &format!("Bearer {token}"))
    }

    /// Over HTTP+SSE, sends messages to this URL whatever the `endpoint` event says; it may be relative to the URL of the event
    /// stream, and of another origin: headers and credentials are sent there too. For servers that announce what cannot be reached
    /// from here. No other transport is tried then, unless [`Transport::Plain`] says that requests to this URL are no JSON-RPC.
    ///
    /// [`connect`](Self::connect) refuses to go from a stream of https to messages over http, except to this machine: they and the
    /// credentials would be readable by anyone on the way (R-SEC-17).
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

    /// How long opening one connection may take: name lookup, TCP, a proxy and TLS. 10 s by default.
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
}

impl HttpOptions {
    /// What requests to the server at `url` have in common.
    ///
    /// # Errors
    /// [`Error::Usage`]: a header or a certificate that cannot be used.
    pub(crate) fn settings(&self, url: &Url) -> Result<Settings, Error> {
        Ok(Settings {
            headers: self.header_map()?,
            connect_timeout: Some(self.connect_timeout),
            tls: Arc::new(self.tls.settings()?),
            way: self.proxy.way()?,
            insight: Arc::default(),
            encodings: self.encodings.unwrap_or_else(|| self.encodings_of_header()),
            guard: self.auth.guard(url),
        })
    }

    /// What the caller's `Accept-Encoding` asks for.
    fn encodings_of_header(&self) -> Encodings {
        let own = self.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("accept-encoding"));
        compression::asked_for(own.map(|(_, value)| value.as_str()))
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
                // Of this, only what can be read is asked for.
                continue;
            }
            if name.eq_ignore_ascii_case(headers::AUTHORIZATION) && !value.is_ascii() {
                return refuse("has a value with characters other than ASCII, which no credentials have");
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
}

impl fmt::Debug for HttpOptions {
    /// Without the values of headers.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("HttpOptions")
            .field("headers", &names)
            .field("connect_timeout", &self.connect_timeout)
            .field("endpoint_timeout", &self.endpoint_timeout)
            .finish_non_exhaustive()
    }
}
