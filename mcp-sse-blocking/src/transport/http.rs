//! HTTP for the client: what all requests have in common, and the two that HTTP+SSE makes.
//!
//! ureq speaks it, over [connections of our own](super::connection). Left to us: credentials, redirects (ureq would follow them to
//! other hosts and drop a POST's body) and the second try on a connection that had gone stale, all in [`send`](Http::send); and
//! bounds on what is read of an answer.

#[cfg(feature = "oauth")]
mod fetch;
mod send;

use std::borrow::Cow;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mcp_core::http::{Answer, Url, headers};
use mcp_core::time::{Cause, Deadline};
use ureq::BodyReader;
use ureq::http::Uri;
use ureq::http::header::{self, HeaderMap, HeaderName, HeaderValue};

use super::agent::Agent;
use super::answer::{beginning, described, discard, not_a_stream, text};
use super::buffers::EndlessFraming;
use super::decode::{self, Decoded, Encodings};
use super::exchange::{Outcome, Stop};
use super::place::Place;
use super::pool::Room;
use super::tls::Tls;
use crate::builder::proxy::Way;
use crate::credentials::guard::Guard;
use crate::error::{Delivery, Error, PeerError, Timeout, TransportError};
use crate::insight::{Heard, Insight};

#[cfg(feature = "oauth")]
pub(crate) use self::fetch::Fetch;

/// What is being done when a message goes out, for errors.
pub(crate) const SENDING: &str = "sending a message to";

/// What all requests of a client have in common.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settings {
    /// Sent with every request (R-SSE-42). The values are marked sensitive.
    pub(crate) headers: HeaderMap,
    pub(crate) connect_timeout: Option<Duration>,
    pub(crate) tls: Arc<Tls>,
    pub(crate) way: Way,
    /// Is told what goes over the wire.
    pub(crate) insight: Arc<Insight>,
    /// What answers may be compressed with.
    pub(crate) encodings: Encodings,
    /// Gives the credentials of each request.
    pub(crate) guard: Option<Arc<Guard>>,
}

/// The HTTP side of one client.
#[derive(Debug)]
pub(crate) struct Http {
    agent: Agent,
    connect_timeout: Option<Duration>,
    stream_headers: HeaderMap,
    message_headers: HeaderMap,
    closed: Arc<Closed>,
    insight: Arc<Insight>,
    pub(super) encodings: Encodings,
    guard: Option<Arc<Guard>>,
    /// What all of its requests have in common; for a successor too.
    settings: Settings,
}

/// Whether the client was closed.
#[derive(Debug, Default)]
struct Closed(AtomicBool);

impl Stop for Closed {
    fn is_stopped(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// One request.
pub(crate) struct Outgoing<'a> {
    pub(crate) verb: Verb,
    pub(crate) target: &'a Target,
    pub(crate) headers: &'a HeaderMap,
    /// Of a POST; empty otherwise.
    pub(crate) body: &'a [u8],
    pub(crate) deadline: Option<Deadline>,
    /// Gives the request up from another thread, at the latest after [`exchange::STOP_CHECK`].
    pub(crate) stop: Option<Arc<dyn Stop>>,
    pub(crate) again: Again,
    /// Whether it counts among the requests whose connections are bounded.
    pub(crate) room: Room,
    /// For errors.
    pub(crate) doing: &'static str,
}

/// How a request is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    Get,
    Post,
    Delete,
}

/// Whether a request that met a stale connection may be sent a second time although bytes of it had left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Again {
    Yes,
    No,
}

/// Where POSTs go.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) url: Url,
    uri: Uri,
    place: Arc<Place>,
}

/// An open event stream.
pub(crate) struct OpenStream {
    /// Where it was found after redirects.
    pub(crate) url: Url,
    pub(crate) body: Decoded<BodyReader<'static>>,
    pub(crate) heard: Heard,
}

impl Verb {
    fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Delete => "DELETE",
        }
    }
}

impl Target {
    /// # Errors
    /// When the URL is one of https and the feature `tls` is off. Our own reader of URLs is as strict as ureq's, so that nothing
    /// else is expected.
    pub(crate) fn new(url: Url) -> Result<Self, Error> {
        #[cfg(not(feature = "tls"))]
        if url.is_https() {
            return Err(Error::Usage(format!("{url} cannot be used: {}", super::tls::WANTED)));
        }
        let unusable = |error: &dyn std::fmt::Display| Error::Usage(format!("{url} cannot be used: {error}"));
        let uri: Uri = url.as_str().parse().map_err(|error| unusable(&error))?;
        let place = Place::of(&uri).map_err(|error| unusable(&error))?;
        Ok(Self { uri, place: Arc::new(place), url })
    }
}

impl Http {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            agent: Agent::new(&settings),
            connect_timeout: settings.connect_timeout,
            insight: Arc::clone(&settings.insight),
            stream_headers: all_headers(fixed(&headers::STREAM_REQUEST), &settings),
            message_headers: all_headers(fixed(&headers::MESSAGE_REQUEST), &settings),
            closed: Arc::default(),
            encodings: settings.encodings,
            guard: settings.guard.clone(),
            settings,
        }
    }

    /// Another one with the same settings: it shares no connection with this one, and looks names up anew.
    pub(crate) fn anew(&self) -> Self {
        Self::new(self.settings.clone())
    }

    /// The headers of a request: these, and those that all requests of this client have.
    pub(super) fn headers_with<'a>(&self, own: impl Iterator<Item = (&'static str, Cow<'a, str>)>) -> HeaderMap {
        all_headers(own, &self.settings)
    }

    /// Opens the event stream at `url` (R-SSE-15, R-SSE-16), following redirects within the origin (R-SSE-20).
    pub(crate) fn open(&self, url: &Url, deadline: Option<Deadline>) -> Result<OpenStream, Error> {
        let target = Target::new(url.clone())?;
        let outgoing = Outgoing {
            verb: Verb::Get,
            target: &target,
            headers: &self.stream_headers,
            body: b"",
            deadline,
            stop: None,
            again: Again::Yes,
            room: Room::Free,
            doing: "opening the event stream at",
        };
        let (mut response, moved) = self.send(&outgoing)?;
        match Answer::to_stream_request(response.status().as_u16(), text(&response, headers::CONTENT_TYPE)) {
            Answer::EventStream => {
                let heard = self.insight.heard(&response);
                Ok(OpenStream { url: moved.unwrap_or(target).url, body: self.encodings.body(response)?, heard })
            }
            answer @ (Answer::Json | Answer::OtherMediaType | Answer::Stop) => {
                Err(self.insight.heard(&response).page(not_a_stream(answer, response, deadline)))
            }
            answer => {
                let excerpt = beginning(&mut response, deadline);
                self.insight.heard(&response).body(&excerpt);
                Err(Error::Status(Box::new(described(answer, &response, &excerpt))))
            }
        }
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
        again: Again,
    ) -> Result<(), Error> {
        let outgoing = Outgoing {
            verb: Verb::Post,
            target,
            headers: &self.message_headers,
            body: message,
            deadline,
            // A request has somebody who may give it up; what is no request has to go out whatever else is on its way.
            room: if stop.is_some() { Room::Counted } else { Room::Free },
            stop,
            again,
            doing: SENDING,
        };
        let (mut response, _) = self.send(&outgoing)?;
        let code = response.status().as_u16();
        if response.status().is_success() {
            discard(response, deadline, self.stop(&outgoing));
            return Ok(());
        }
        // Only a 400 has to be looked into to know what it means; an excerpt is wanted of all.
        let excerpt = beginning(&mut response, deadline);
        self.insight.heard(&response).body(&excerpt);
        Err(match Answer::to_message(code, &excerpt) {
            answer @ Answer::SessionGone => Error::SessionGone(Box::new(described(answer, &response, &excerpt))),
            answer => Error::Status(Box::new(described(answer, &response, &excerpt))),
        })
    }

    /// Closing shuts sockets down; without a stop of its own, a request has one for the socket that is not open yet.
    fn stop(&self, outgoing: &Outgoing<'_>) -> Arc<dyn Stop> {
        outgoing.stop.clone().unwrap_or_else(|| self.closed())
    }

    /// Ends every exchange, on whatever thread it runs, and refuses new ones.
    pub(crate) fn shut_down(&self) {
        self.closed.0.store(true, Ordering::Release);
        self.agent.shut_down();
    }

    /// A session is opened anew: names are looked up again for its connections.
    pub(crate) fn look_up_again(&self) {
        self.agent.look_up_again();
    }

    /// Stops a request when the client is closed.
    pub(super) fn closed(&self) -> Arc<dyn Stop> {
        Arc::clone(&self.closed) as Arc<dyn Stop>
    }

    pub(crate) fn insight(&self) -> &Arc<Insight> {
        &self.insight
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.is_stopped()
    }

    /// What became of an exchange that failed below HTTP.
    pub(super) fn failure(&self, error: ureq::Error, outcome: Outcome, doing: &'static str, url: &Url) -> Error {
        let delivery = if outcome.progress.sent { Delivery::Sent } else { Delivery::NotSent };
        if self.is_closed() {
            return Error::Closed(delivery);
        }
        if outcome.stopped {
            return Error::Cancelled(delivery);
        }
        if let Some(cause) = outcome.expired {
            let after = matches!(cause, Cause::Connect | Cause::Proxy).then_some(self.connect_timeout).flatten();
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
        // What was compressed says what it was.
        ureq::Error::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof && !decode::is_truncated(&error) => {
            (error.kind(), "the server closed the connection".into())
        }
        #[cfg(feature = "compression")]
        ureq::Error::Io(error) if error.get_ref().is_some_and(|inner| inner.is::<super::inflate::Damaged>()) => {
            return PeerError::Http(error.to_string()).into();
        }
        ureq::Error::Io(error) => (error.kind(), error.to_string()),
        other => (io::ErrorKind::Other, other.to_string()),
    };
    Error::Transport(TransportError { doing, origin: url.origin().to_string(), kind, problem, delivery })
}

fn all_headers<'a>(own: impl Iterator<Item = (&'static str, Cow<'a, str>)>, settings: &Settings) -> HeaderMap {
    let mut all = HeaderMap::with_capacity(settings.headers.len() + 8);
    all.insert(header::USER_AGENT, HeaderValue::from_static(concat!("mcp-sse-blocking/", env!("CARGO_PKG_VERSION"))));
    for (name, value) in own {
        // Names of headers are matched without regard to case, this map wants them lower.
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name.to_ascii_lowercase()), HeaderValue::from_str(&value))
        {
            all.insert(name, value);
        }
    }
    if let Some(encodings) = settings.encodings.header() {
        all.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(encodings));
    }
    for (name, value) in &settings.headers {
        all.append(name, value.clone());
    }
    all
}

/// Headers whose values are fixed.
fn fixed(own: &'static [(&'static str, &'static str)]) -> impl Iterator<Item = (&'static str, Cow<'static, str>)> {
    own.iter().map(|(name, value)| (*name, Cow::Borrowed(*value)))
}
