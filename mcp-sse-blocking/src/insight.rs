//! What can be seen of a client at work: counters, warnings of slow calls, and a trace of the wire.
//!
//! One [`Insight`] belongs to one client, from before its first connection to its end, over all sessions that it has one after
//! the other. Whoever does something that counts says so here, in one line, from any thread. Counting takes no lock; what is
//! only for the trace or the log costs nothing while there is neither.

mod counters;
mod histogram;
mod mask;
mod metrics;
mod openmetrics;
mod timed;
mod trace;
mod wire;

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use mcp_core::http::Url;
use mcp_core::sse::Event;
use mcp_core::text::Excerpt;
use ureq::http::Response;
use ureq::http::header::{HeaderMap, HeaderValue};

use self::counters::Counters;
use self::mask::{Masked, Secrets, Whose, masked_url};
use self::timed::Kind;
use self::trace::{Trace, Way, head, shown};
use self::wire::Counted;
use crate::client::Client;
use crate::clock;
use crate::engine::Engine;
use crate::error::{Error, PeerError, Status};
use crate::log_target;
use crate::transport::line::Duplex;

pub use self::metrics::{CallCounts, CallTimes, ErrorCounts, Metrics};
pub(crate) use self::timed::{Timed, tool_name};
pub(crate) use self::trace::Writer;
pub(crate) use self::wire::{Heard, Wire};

/// Characters of the name of a tool that are shown.
const NAME_CHARACTERS: usize = 64;

/// What is seen of one client.
#[derive(Debug, Default)]
pub(crate) struct Insight {
    counters: Counters,
    server: Mutex<String>,
    secrets: Secrets,
    slow_call: Option<Duration>,
    trace: Option<Trace>,
    /// The number of the line stream that is spoken over; 0 over HTTP.
    line: AtomicU64,
}

impl Insight {
    pub(crate) fn new(slow_call: Option<Duration>, trace: Option<Writer>) -> Arc<Self> {
        Arc::new(Self { slow_call, trace: trace.map(Trace::new), ..Self::default() })
    }

    /// The first session is open.
    pub(crate) fn connected(&self, server: &str) {
        server.clone_into(&mut self.server.lock().unwrap_or_else(PoisonError::into_inner));
        self.counters.connects.add(1);
        self.counters.standing.begin();
    }

    /// A session took the place of one that was lost.
    pub(crate) fn reconnected(&self) {
        self.counters.connects.add(1);
        self.counters.reconnects.add(1);
        if self.counters.standing.begin() {
            // Nobody has said so before: it was noticed when the new one was opened.
            self.counters.losses.add(1);
        }
    }

    /// The server is there again, with the session that it had, unless a new one was told of.
    pub(crate) fn regained(&self) {
        if !self.counters.standing.stands() {
            self.reconnected();
        }
    }

    /// The session is over, or lost for now.
    pub(crate) fn disconnected(&self, why: &Error) {
        if self.counters.standing.end() && !matches!(why, Error::Closed(_)) {
            self.counters.losses.add(1);
        }
    }

    /// The rest of an event stream was had on another.
    pub(crate) fn resumed(&self) {
        self.counters.resumptions.add(1);
    }

    /// A connection was opened.
    pub(crate) fn wire(self: &Arc<Self>) -> Wire {
        Wire::new(Arc::clone(self))
    }

    /// A line stream was opened: the same one, with its bytes counted.
    pub(crate) fn line(self: &Arc<Self>, inner: Arc<dyn Duplex>) -> Arc<dyn Duplex> {
        let wire = self.wire();
        self.line.store(wire.number(), Ordering::Relaxed);
        if let Some(trace) = self.trace() {
            trace.write(wire.number(), Way::Out, format_args!("opened: {}", inner.place()));
        }
        Arc::new(Counted { inner, wire })
    }

    /// A message is about to be written.
    pub(crate) fn sent(&self, message: &[u8]) {
        self.counters.messages_sent.add(1);
        self.log_message("-->", message);
        self.trace_line(Way::Out, message);
    }

    /// A message came.
    pub(crate) fn received(&self, message: &[u8]) {
        self.counters.messages_received.add(1);
        self.log_message("<--", message);
        self.trace_line(Way::In, message);
    }

    /// From now on `secret`, which is about to be sent, is left out of the trace and of the messages in the log, until 64 others
    /// have been. Six bytes at least.
    pub(crate) fn secret(&self, secret: &str) {
        self.secrets.add(Whose::Sent, secret);
    }

    /// The caller's headers, whose values are secrets all of them, for as long as the client lives.
    pub(crate) fn secret_headers(&self, headers: &HeaderMap) {
        for (name, value) in headers {
            self.secrets.add_header(Whose::Callers, value);
            if name == "cookie" {
                self.secrets.add_cookies(Whose::Callers, value);
            }
        }
    }

    /// A URL of the caller's: what may be a token in it is a secret.
    pub(crate) fn secret_url(&self, url: &str) {
        self.secrets.add_url(Whose::Callers, url);
    }

    /// The id of a session that the server assigned (R-SH-54), whether anything is traced now or logged later.
    pub(crate) fn secret_session(&self, id: Option<&HeaderValue>) {
        if let Some(id) = id {
            self.secrets.add_header(Whose::Servers, id);
        }
    }

    /// A request over HTTP is about to be written. Its number in the trace, to be given to the two below.
    pub(crate) fn request(&self, verb: &'static str, url: &Url, headers: &HeaderMap, body: &[u8]) -> u64 {
        if self.shows() {
            self.learn(Whose::Sent, headers);
            self.secrets.add_url(Whose::Sent, url.path_and_query());
        }
        let Some(trace) = self.trace() else { return 0 };
        let exchange = trace.next_exchange();
        let known = self.secrets.now();
        let first = format!("{verb} {}", masked_url(url.as_str()));
        trace.write(exchange, Way::Out, shown(&known, &head(&first, headers)));
        if !body.is_empty() {
            trace.write(exchange, Way::Out, shown(&known, &String::from_utf8_lossy(body)));
        }
        exchange
    }

    /// The head of the answer came.
    pub(crate) fn answered<B>(&self, exchange: u64, answer: &mut Response<B>) {
        if self.shows() {
            self.learn(Whose::Servers, answer.headers());
        }
        let Some(trace) = self.trace() else { return };
        let first = format!("{:?} {} on connection {}", answer.version(), answer.status(), wire::last_used());
        trace.write(exchange, Way::In, shown(&self.secrets.now(), &head(&first, answer.headers())));
        answer.extensions_mut().insert(Exchange(exchange));
    }

    /// There is no answer.
    pub(crate) fn unanswered(&self, exchange: u64, why: &Error) {
        if let Some(trace) = self.trace() {
            trace.write(exchange, Way::In, format_args!("nothing: {}", shown(&self.secrets.now(), &why.to_string())));
        }
    }

    /// The body of an answer, to be read by whoever is told this.
    pub(crate) fn heard<B>(self: &Arc<Self>, answer: &Response<B>) -> Heard {
        let exchange = answer.extensions().get::<Exchange>().map_or(0, |exchange| exchange.0);
        Heard { insight: Arc::clone(self), exchange }
    }

    /// The same error, without the secrets of this client that the server may have repeated in a page for people.
    pub(crate) fn clear(&self, mut error: Error) -> Error {
        match &mut error {
            Error::Status(status) | Error::SessionGone(status) => self.clear_status(status),
            Error::Peer(PeerError::NotAnEventStream { excerpt, .. } | PeerError::NotAnAnswer { excerpt, .. }) => {
                self.clear_text(excerpt);
            }
            _ => {}
        }
        error
    }

    pub(crate) fn clear_status(&self, status: &mut Status) {
        let texts = status.www_authenticate.iter_mut().chain(&mut status.retry_after);
        texts.chain([&mut status.excerpt]).for_each(|text| self.clear_text(text));
    }

    /// Takes secrets out of what a server said.
    pub(crate) fn clear_text(&self, text: &mut String) {
        *text = self.secrets.now().cleared(text);
    }

    /// A call of a tool begins.
    pub(crate) fn call<I: Borrow<Self>>(insight: I) -> Timed<I> {
        Timed::new(insight, Kind::Call)
    }

    /// Makes a request that is no call of a tool.
    pub(crate) fn measure<R>(&self, request: impl FnOnce() -> Result<R, Error>) -> Result<R, Error> {
        let timed = Timed::new(self, Kind::Request);
        let outcome = request();
        timed.end(&outcome, "", clock::now());
        outcome
    }

    /// What was counted so far.
    pub(crate) fn metrics(&self) -> Metrics {
        let counters = &self.counters;
        let (connected, connected_total) = counters.standing.now();
        Metrics {
            server: self.server.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            name: None,
            connects: counters.connects.now(),
            reconnects: counters.reconnects.now(),
            losses: counters.losses.now(),
            resumptions: counters.resumptions.now(),
            connected,
            connected_total,
            connections: counters.connections.now(),
            open_connections: counters.open_connections.now(),
            events: counters.events.now(),
            messages_sent: counters.messages_sent.now(),
            messages_received: counters.messages_received.now(),
            bytes_sent: counters.bytes_sent.now(),
            bytes_received: counters.bytes_received.now(),
            calls: counters.calls.now(),
            requests: counters.requests.now(),
            slow_calls: counters.slow_calls.now(),
            errors: counters.errors.now(),
        }
    }

    /// The trace, if there is one and it is on.
    fn trace(&self) -> Option<&Trace> {
        self.trace.as_ref().filter(|trace| trace.is_on())
    }

    /// Whether anything of what goes over the wire is shown anywhere.
    fn shows(&self) -> bool {
        self.trace().is_some() || log::log_enabled!(target: log_target::WIRE, log::Level::Trace)
    }

    /// Takes note of the secrets in a head.
    fn learn(&self, whose: Whose, headers: &HeaderMap) {
        for (name, value) in headers {
            match name.as_str() {
                "cookie" | "set-cookie" => self.secrets.add_cookies(whose, value),
                "location" | "content-location" => {
                    self.secrets.add_url(whose, &String::from_utf8_lossy(value.as_bytes()));
                }
                // An id of an event is short, and a number as a rule: not to be looked for elsewhere.
                "last-event-id" => {}
                _ if mask::is_secret(name, value) => self.secrets.add_header(whose, value),
                _ => {}
            }
        }
    }

    fn log_message(&self, arrow: &str, message: &[u8]) {
        if log::log_enabled!(target: log_target::WIRE, log::Level::Trace) {
            let (known, text) = (self.secrets.now(), String::from_utf8_lossy(message));
            let characters = crate::engine::WIRE_CHARACTERS;
            log::trace!(target: log_target::WIRE, "{arrow} {}", Masked { known: &known, text: &text, characters });
        }
    }

    /// A message over a line stream; over HTTP they are traced with the exchanges that they belong to.
    fn trace_line(&self, way: Way, message: &[u8]) {
        let Some(trace) = self.trace() else { return };
        let line = self.line.load(Ordering::Relaxed);
        if line > 0 {
            trace.write(line, way, shown(&self.secrets.now(), &String::from_utf8_lossy(message)));
        }
    }

    fn trace_in(&self, exchange: u64, message: &[u8]) {
        if let Some(trace) = self.trace() {
            trace.write(exchange, Way::In, shown(&self.secrets.now(), &String::from_utf8_lossy(message)));
        }
    }

    fn trace_end(&self, exchange: u64) {
        if let Some(trace) = self.trace() {
            trace.write(exchange, Way::In, "the end of the stream");
        }
    }

    fn see_event(&self, exchange: u64, event: &Event<'_>) {
        let is_endpoint = event.event == b"endpoint";
        if is_endpoint {
            // R-SSE-14
            self.secrets.add_url(Whose::Servers, event.data_str().trim());
        }
        let Some(trace) = self.trace() else { return };
        let data = event.data_str();
        let known = self.secrets.now();
        let data = if is_endpoint { masked_url(&data).into() } else { data };
        let name = event.event_str();
        let name = Excerpt::new(&name, NAME_CHARACTERS);
        trace.write(exchange, Way::In, format_args!("event {name}: {}", shown(&known, &data)));
    }
}

/// The number of an exchange, kept with its answer.
#[derive(Debug, Clone, Copy)]
struct Exchange(u64);

impl Engine {
    /// What is seen of the client.
    pub(crate) fn insight(&self) -> &Arc<Insight> {
        &self.features.insight
    }
}

impl Client {
    /// What this client has done so far: connections, messages, bytes, calls and how long they took. Shared by all handles;
    /// goes on over all sessions that the client has one after the other.
    ///
    /// Never waits for a call, and makes none wait.
    pub fn metrics(&self) -> Metrics {
        self.engine().insight().metrics()
    }
}

impl fmt::Display for Metrics {
    /// As OpenMetrics text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_openmetrics())
    }
}
