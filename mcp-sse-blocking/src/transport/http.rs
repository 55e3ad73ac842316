//! HTTP for the client: one GET that stays open, many POSTs, redirects within the origin.
//!
//! ureq carries it over [our sockets](super::socket). Left to us: redirects (ureq would follow them to other hosts and
//! drop a POST's body), bounds on what is read of an answer, and the second try on a connection that had gone stale.
//!
//! **The second try.** A server may close an idle connection at the moment it is used again. A POST is sent once more, on
//! a fresh connection, when all of this holds: the connection had carried an exchange before, it failed without one byte
//! of an answer, no deadline had passed, and nobody gave up on the request. A server that read the request and then died
//! without an answer looks the same; but a session lives on its open stream, so whoever lost the process lost the session,
//! and the second try finds nobody to act on it twice.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mcp_core::http::endpoint::MAX_REDIRECTS;
use mcp_core::http::{Answer, Url, headers, resolve_redirect};
use mcp_core::text::Excerpt;
use mcp_core::time::{Cause, Deadline};
use ureq::config::AutoHeaderValue;
use ureq::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use ureq::http::{Method, Request, Response, Uri};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::unversioned::transport::{Connector, RustlsConnector};
use ureq::{Agent, Body, BodyReader};

use super::buffers::EndlessFraming;
use super::exchange::{self, Bounds, Outcome, Stop};
use super::resolver::OnceResolver;
use super::socket::{Observer, SocketConnector};
use crate::clock;
use crate::error::{Delivery, Error, PeerError, Status, Timeout, TransportError};
use crate::log_target;

/// Bytes of an answer's head. 16 KiB: twice what servers usually accept of a request's.
const HEAD_BYTES: usize = 16 << 10;
/// Bytes that are read of the body of an answer to a POST to keep its connection. 64 KiB: `Accepted` has 8.
const DISCARDED_BYTES: usize = 64 << 10;
/// How long that may take once the head has come: the message is taken over, only the connection is at stake.
const DISCARD_TIME: Duration = Duration::from_secs(1);
/// Bytes of a body that are shown in an error.
const EXCERPT_BYTES: usize = 512;
/// Idle connections for POSTs that are kept: more only help who calls from more threads at once.
const IDLE_CONNECTIONS: usize = 8;

/// What all requests of a client have in common.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    /// Sent with every request (R-SSE-42). The values are marked sensitive.
    pub(crate) headers: HeaderMap,
    pub(crate) connect_timeout: Option<Duration>,
    /// Instead of Mozilla's.
    pub(crate) roots: Option<RootCerts>,
}

/// The HTTP side of one client.
#[derive(Debug)]
pub(crate) struct Http {
    agent: Agent,
    connect_timeout: Option<Duration>,
    stream_headers: HeaderMap,
    message_headers: HeaderMap,
    closed: Arc<Closed>,
}

/// Whether the client was closed.
#[derive(Debug, Default)]
struct Closed(AtomicBool);

impl Stop for Closed {
    fn is_stopped(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// Where POSTs go.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) url: Url,
    uri: Uri,
}

/// An open event stream.
pub(crate) struct OpenStream {
    /// Where it was found after redirects.
    pub(crate) url: Url,
    pub(crate) body: BodyReader<'static>,
}

impl Target {
    /// # Errors
    /// When the URL cannot be a request's; our own reader of URLs is as strict as ureq's, so this is not expected.
    pub(crate) fn new(url: Url) -> Result<Self, Error> {
        let uri = url.as_str().parse().map_err(|error| Error::Usage(format!("{url} cannot be used: {error}")))?;
        Ok(Self { url, uri })
    }
}

impl Http {
    pub(crate) fn new(settings: Settings) -> Self {
        let tls = match settings.roots {
            None => TlsConfig::default(),
            Some(roots) => TlsConfig::builder().root_certs(roots).build(),
        };
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .accept(AutoHeaderValue::None)
            // Without one, a server may not compress: a decoder would have to be bounded as well.
            .accept_encoding(AutoHeaderValue::None)
            .user_agent(AutoHeaderValue::None)
            .max_response_header_size(HEAD_BYTES)
            .max_idle_connections(IDLE_CONNECTIONS)
            .max_idle_connections_per_host(IDLE_CONNECTIONS)
            .timeout_await_100(None)
            .tls_config(tls)
            .build();
        let connector =
            SocketConnector::new(settings.connect_timeout).chain(RustlsConnector::default()).chain(Observer);
        let resolver = OnceResolver::new(settings.connect_timeout);
        Self {
            agent: Agent::with_parts(config, connector, resolver),
            connect_timeout: settings.connect_timeout,
            stream_headers: all_headers(&headers::STREAM_REQUEST, &settings.headers),
            message_headers: all_headers(&headers::MESSAGE_REQUEST, &settings.headers),
            closed: Arc::default(),
        }
    }

    /// Opens the event stream at `url` (R-SSE-15, R-SSE-16), following redirects within the origin (R-SSE-20).
    pub(crate) fn open(&self, url: &Url, deadline: Option<Deadline>) -> Result<OpenStream, Error> {
        let mut target = Target::new(url.clone())?;
        for _ in 0..=MAX_REDIRECTS {
            let request = request(Method::GET, &target, &self.stream_headers, ());
            let bounds = Bounds { deadline, stop: None };
            let (response, outcome) = exchange::run(bounds, || self.agent.run(request));
            let mut response =
                response.map_err(|error| self.failure(error, outcome, "opening the event stream", &target.url))?;
            let answer = Answer::to_stream_request(response.status().as_u16(), text(&response, headers::CONTENT_TYPE));
            match answer {
                Answer::EventStream if is_encoded(&response) => {
                    return Err(PeerError::Http("the event stream is compressed, unasked".into()).into());
                }
                Answer::EventStream => {
                    return Ok(OpenStream { url: target.url, body: response.into_body().into_reader() });
                }
                Answer::Redirect => target = redirected(&target, &response)?,
                Answer::Json | Answer::OtherMediaType | Answer::Stop => {
                    return Err(not_a_stream(answer, response, deadline));
                }
                _ => {
                    let excerpt = beginning(&mut response, deadline);
                    return Err(Error::Status(Box::new(described(answer, &response, &excerpt))));
                }
            }
        }
        Err(PeerError::TooManyRedirects.into())
    }

    /// Sends one message. Once this returns `Ok`, the server has taken it over; the reply comes on the stream (R-SSE-25).
    ///
    /// `stop` gives the request up from another thread, at the latest after [`exchange::STOP_CHECK`].
    pub(crate) fn post(
        &self,
        target: &Target,
        message: &[u8],
        deadline: Option<Deadline>,
        stop: Option<Arc<dyn Stop>>,
    ) -> Result<(), Error> {
        // Closing shuts sockets down; this is for the one that is not open yet.
        let stop = stop.unwrap_or_else(|| Arc::clone(&self.closed) as Arc<dyn Stop>);
        let mut redirect: Option<Target> = None;
        for _ in 0..=MAX_REDIRECTS {
            let target = redirect.as_ref().unwrap_or(target);
            let mut response = self.post_once(target, message, deadline, &stop)?;
            let code = response.status().as_u16();
            if response.status().is_success() {
                discard(response, deadline, stop);
                return Ok(());
            }
            // Only a 400 has to be looked into to know what it means; an excerpt is wanted of all.
            let excerpt = beginning(&mut response, deadline);
            match Answer::to_message(code, &excerpt) {
                Answer::Redirect => redirect = Some(redirected(target, &response)?),
                answer @ Answer::SessionGone => {
                    return Err(Error::SessionGone(Box::new(described(answer, &response, &excerpt))));
                }
                answer => return Err(Error::Status(Box::new(described(answer, &response, &excerpt)))),
            }
        }
        Err(PeerError::TooManyRedirects.into())
    }

    /// One POST, or two when the first met a stale connection.
    fn post_once(
        &self,
        target: &Target,
        message: &[u8],
        deadline: Option<Deadline>,
        stop: &Arc<dyn Stop>,
    ) -> Result<Response<Body>, Error> {
        let mut tries = 0;
        let mut sent = false;
        loop {
            tries += 1;
            let request = request(Method::POST, target, &self.message_headers, message);
            let bounds = Bounds { deadline, stop: Some(Arc::clone(stop)) };
            let (response, outcome) = exchange::run(bounds, || self.agent.run(request));
            match response {
                Ok(response) => return Ok(response),
                Err(error) if tries <= IDLE_CONNECTIONS + 1 && self.was_stale(&error, outcome) => {
                    sent |= outcome.progress.sent;
                    log::debug!(target: log_target::HTTP, "the server had closed an idle connection; sending again on another");
                }
                Err(error) => {
                    let failure = self.failure(error, outcome, "sending a message", &target.url);
                    // What an earlier try sent stays sent.
                    return Err(if sent { failure.with_delivery(Delivery::Sent) } else { failure });
                }
            }
        }
    }

    /// Whether a request may be sent again; the module says when.
    fn was_stale(&self, error: &ureq::Error, outcome: Outcome) -> bool {
        let io = matches!(error, ureq::Error::Io(error) if error.kind() != io::ErrorKind::NotConnected);
        io && outcome.progress.reused
            && !outcome.progress.answered
            && outcome.expired.is_none()
            && !outcome.stopped
            && !self.is_closed()
    }

    /// Ends every exchange, on whatever thread it runs, and refuses new ones.
    pub(crate) fn shut_down(&self) {
        self.closed.0.store(true, Ordering::Release);
        self.agent.clone().shutdown();
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.is_stopped()
    }

    /// What became of an exchange that failed below HTTP.
    fn failure(&self, error: ureq::Error, outcome: Outcome, doing: &'static str, url: &Url) -> Error {
        let delivery = if outcome.progress.sent { Delivery::Sent } else { Delivery::NotSent };
        if self.is_closed() {
            return Error::Closed(delivery);
        }
        if outcome.stopped {
            return Error::Cancelled(delivery);
        }
        if let Some(cause) = outcome.expired {
            let after = (cause == Cause::Connect).then_some(self.connect_timeout).flatten();
            return Error::Timeout(Timeout { cause, after, delivery });
        }
        transport_failure(error, doing, url, delivery)
    }
}

/// An error of ureq in our words.
pub(crate) fn transport_failure(error: ureq::Error, doing: &'static str, url: &Url, delivery: Delivery) -> Error {
    let (kind, problem) = match error {
        ureq::Error::Protocol(error) => return PeerError::Http(error.to_string()).into(),
        ureq::Error::LargeResponseHeader(_, most) => {
            return PeerError::Http(format!("the head of an answer has more than {most} bytes")).into();
        }
        ureq::Error::Io(error) if error.get_ref().is_some_and(|inner| inner.is::<EndlessFraming>()) => {
            return PeerError::Http(EndlessFraming.to_string()).into();
        }
        ureq::Error::Io(error) => (error.kind(), error.to_string()),
        other => (io::ErrorKind::Other, other.to_string()),
    };
    Error::Transport(TransportError { doing, origin: url.origin().to_string(), kind, problem, delivery })
}

fn all_headers(own: &[(&'static str, &'static str)], callers: &HeaderMap) -> HeaderMap {
    let mut all = HeaderMap::with_capacity(own.len() + callers.len() + 4);
    all.insert(header::USER_AGENT, HeaderValue::from_static(concat!("mcp-sse-blocking/", env!("CARGO_PKG_VERSION"))));
    for (name, value) in own {
        // Names of headers are matched without regard to case, this map wants them lower.
        if let Ok(name) = HeaderName::try_from(name.to_ascii_lowercase()) {
            all.insert(name, HeaderValue::from_static(value));
        }
    }
    for (name, value) in callers {
        all.append(name, value.clone());
    }
    all
}

fn request<B>(method: Method, target: &Target, headers: &HeaderMap, body: B) -> Request<B> {
    let mut request = Request::new(body);
    *request.method_mut() = method;
    *request.uri_mut() = target.uri.clone();
    *request.headers_mut() = headers.clone();
    request
}

fn redirected(from: &Target, response: &Response<Body>) -> Result<Target, Error> {
    let to = resolve_redirect(&from.url, text(response, headers::LOCATION)).map_err(PeerError::Endpoint)?;
    log::debug!(target: log_target::HTTP, "redirected to {to}");
    Target::new(to)
}

fn text<'a>(response: &'a Response<Body>, name: &str) -> Option<&'a str> {
    response.headers().get(name)?.to_str().ok()
}

fn is_encoded(response: &Response<Body>) -> bool {
    text(response, "content-encoding").is_some_and(|encoding| !encoding.trim().eq_ignore_ascii_case("identity"))
}

fn not_a_stream(answer: Answer, mut response: Response<Body>, deadline: Option<Deadline>) -> Error {
    let media_type = text(&response, headers::CONTENT_TYPE).unwrap_or("no media type");
    let found = format!("{answer} ({})", Excerpt::new(media_type, 80));
    let excerpt = readable(&beginning(&mut response, deadline));
    PeerError::NotAnEventStream { found, excerpt }.into()
}

fn described(answer: Answer, response: &Response<Body>, excerpt: &[u8]) -> Status {
    let meaning = match answer {
        Answer::RedirectAsGet => "a redirect that would lose the message",
        Answer::SessionGone => "the server does not know the session",
        Answer::Unauthorized => "credentials are missing or wrong",
        Answer::Forbidden => "the server refuses this client, its origin or its host",
        Answer::NotFound => "there is nothing at this URL",
        Answer::NotAllowed => "the method is not allowed at this URL",
        Answer::TooLarge => "the message is too large for the server",
        Answer::RetryLater => "the server is too busy",
        Answer::Refused => "the server refuses the request",
        _ => "the server failed",
    };
    let all = |name: &str| response.headers().get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    Status {
        code: response.status().as_u16(),
        meaning,
        excerpt: readable(excerpt),
        www_authenticate: all("www-authenticate").map(str::to_owned).collect(),
        retry_after: all("retry-after").next().map(str::to_owned),
    }
}

fn readable(excerpt: &[u8]) -> String {
    Excerpt::new(String::from_utf8_lossy(excerpt).trim(), EXCERPT_BYTES).to_string()
}

/// The first bytes of a body, as far as they come soon.
fn beginning(response: &mut Response<Body>, deadline: Option<Deadline>) -> Vec<u8> {
    let mut excerpt = Vec::new();
    let body = response.body_mut().as_reader();
    let bounds = Bounds { deadline: Some(soon(deadline)), stop: None };
    // Whatever goes wrong here, the status is what matters.
    let _ = exchange::run(bounds, || body.take(EXCERPT_BYTES as u64).read_to_end(&mut excerpt));
    excerpt
}

/// Reads the body of a success to its end, so that its connection can be used again; gives the connection up when the
/// body is long, slow or an event stream. Neither the deadline of the call nor its reply waits for that.
fn discard(mut response: Response<Body>, deadline: Option<Deadline>, stop: Arc<dyn Stop>) {
    if response.body().content_length() == Some(0) || is_event_stream(&response) {
        return;
    }
    let mut body = response.body_mut().as_reader();
    let bounds = Bounds { deadline: Some(soon(deadline)), stop: Some(stop) };
    let (_, _) = exchange::run(bounds, || {
        let mut scratch = [0; 1024];
        let mut discarded = 0;
        while discarded < DISCARDED_BYTES {
            match body.read(&mut scratch) {
                Ok(n) if n > 0 => discarded += n,
                _ => break,
            }
        }
    });
}

/// How long a body may be read that says nothing any more, within the deadline of its exchange.
fn soon(deadline: Option<Deadline>) -> Deadline {
    let soon = Deadline::after(clock::now(), DISCARD_TIME, Cause::Response);
    deadline.filter(|deadline| deadline.at < soon.at).unwrap_or(soon)
}

fn is_event_stream(response: &Response<Body>) -> bool {
    text(response, headers::CONTENT_TYPE).is_some_and(|media| {
        media.trim_start().get(..17).is_some_and(|m| m.eq_ignore_ascii_case(headers::EVENT_STREAM))
    })
}
