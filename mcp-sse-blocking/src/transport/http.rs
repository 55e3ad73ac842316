//! HTTP for the client: requests, and redirects within the origin.
//!
//! ureq carries it over [our sockets](super::socket). Left to us: redirects (ureq would follow them to other hosts and
//! drop a POST's body), bounds on what is read of an answer, and the second try on a connection that had gone stale.
//!
//! **The second try.** A server may close an idle connection at the moment it is used again. A POST is sent again, on
//! another connection, when all of this holds: the connection had carried an exchange before, it failed without one byte
//! of an answer, no deadline had passed, and nobody gave up on the request; at most once for each idle connection, and
//! once on a fresh one. A server that read the request and then died
//! without an answer looks the same; but a session of HTTP+SSE lives on its open stream, so whoever lost the process lost the
//! session, and the second try finds nobody to act on it twice. Over Streamable HTTP a call is answered on its own POST, so
//! that a connection may be lost while it is carried out: there only what is [safe to repeat](Again) is sent again. For the
//! rest each connection is looked at before it is used, however short it was idle.

use std::borrow::Cow;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mcp_core::http::endpoint::MAX_REDIRECTS;
use mcp_core::http::{Answer, Url, headers, resolve_redirect};
use mcp_core::time::{Cause, Deadline};
use ureq::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use ureq::http::{Method, Request, Response, StatusCode, Uri};
use ureq::{Body, BodyReader};

use super::agent::Agent;
use super::answer::{beginning, described, discard, not_a_stream, text, www_authenticate};
use super::buffers::EndlessFraming;
use super::decode::{self, Decoded, Encodings};
use super::exchange::{self, Bounds, Outcome, Stop, Trust};
use super::pool::Room;
use super::tls::Tls;
use crate::builder::proxy::Way;
use crate::credentials::CredentialsError;
use crate::credentials::guard::{Carried as Credentials, For, Guard, Header as CredentialHeader};
use crate::error::{Delivery, Error, PeerError, Timeout, TransportError};
use crate::insight::{Heard, Insight};
use crate::log_target;

/// Bytes of a line in the head of a request. 64 KiB: far more than servers take.
const LINE_BYTES: usize = 64 << 10;

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

/// Whether a request that met a stale connection may be sent a second time.
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
    /// When the URL cannot be a request's; our own reader of URLs is as strict as ureq's, so this is not expected.
    pub(crate) fn new(url: Url) -> Result<Self, Error> {
        let uri = url.as_str().parse().map_err(|error| Error::Usage(format!("{url} cannot be used: {error}")))?;
        Ok(Self { url, uri })
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
            again: Again::Yes,
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

    /// Makes a request, with the credentials that there are; once more with others, when the server refuses them with 401 (R-AU-7):
    /// it was not processed. Follows redirects within the origin (R-SSE-20); also says where it ended up, if elsewhere. The
    /// answer is judged by nobody yet.
    ///
    /// # Errors
    /// When there is no answer, a redirect that cannot be followed, or no credentials although there should be.
    pub(crate) fn send(&self, outgoing: &Outgoing<'_>) -> Result<(Response<Body>, Option<Target>), Error> {
        let stop = self.stop(outgoing);
        let Some(guard) = &self.guard else { return self.follow(outgoing, None, &stop) };
        let of = For { url: &outgoing.target.url, deadline: outgoing.deadline, stop: &*stop };
        let without = |error| self.without_credentials(error, outgoing.deadline);
        let carried = guard.credential(of).map_err(without)?;
        let (response, moved) = self.follow(outgoing, Some(&carried), &stop)?;
        if response.status() != StatusCode::UNAUTHORIZED {
            return Ok((response, moved));
        }
        let mut www_authenticate = www_authenticate(&response);
        www_authenticate.iter_mut().for_each(|value| self.insight.clear_text(value));
        let Some(renewed) = guard.renewed(of, &carried, www_authenticate).map_err(without)? else {
            return Ok((response, moved));
        };
        log::debug!(target: log_target::HTTP, "the server refused the credentials; sending again with others");
        discard(response, outgoing.deadline, Arc::clone(&stop));
        self.follow(outgoing, Some(&renewed), &stop)
    }

    /// The server at `url` says on a stream that the credentials which were sent last are not taken any more: the provider is
    /// asked again. Whether there are others now; without a provider there are none.
    ///
    /// # Errors
    /// When the provider fails.
    pub(crate) fn renew_credentials(&self, url: &Url, deadline: Option<Deadline>) -> Result<bool, Error> {
        let Some(guard) = &self.guard else { return Ok(false) };
        let stop = self.closed();
        guard
            .rejected(For { url, deadline, stop: &*stop })
            .map_err(|error| self.without_credentials(error, deadline))
    }

    /// What becomes of a request for which there are no credentials.
    fn without_credentials(&self, error: CredentialsError, deadline: Option<Deadline>) -> Error {
        let delivery = Delivery::NotSent;
        match deadline {
            _ if self.is_closed() => Error::Closed(delivery),
            _ if error.is_stopped() => Error::Cancelled(delivery),
            Some(Deadline { cause, .. }) if error.is_out_of_time() => {
                Error::Timeout(Timeout { cause, after: None, delivery })
            }
            _ => Error::Credentials(Box::new(error)),
        }
    }

    /// Makes a request and follows redirects.
    fn follow(
        &self,
        outgoing: &Outgoing<'_>,
        carried: Option<&Credentials>,
        stop: &Arc<dyn Stop>,
    ) -> Result<(Response<Body>, Option<Target>), Error> {
        // Nothing that a server says back shows it.
        if let Some(secret) = carried.and_then(Credentials::new_secret) {
            self.insight.secret(secret.expose());
        }
        let credential = carried.and_then(Credentials::header);
        let mut redirect: Option<Target> = None;
        for _ in 0..=MAX_REDIRECTS {
            let target = redirect.as_ref().unwrap_or(outgoing.target);
            let response = self.send_once(outgoing, target, credential, stop)?;
            let code = response.status().as_u16();
            let is_redirect = match outgoing.verb {
                Verb::Get => Answer::to_stream_request(code, None) == Answer::Redirect,
                Verb::Post | Verb::Delete => Answer::to_message(code, b"") == Answer::Redirect,
            };
            if !is_redirect {
                return Ok((response, redirect));
            }
            redirect = Some(redirected(target, &response)?);
            discard(response, outgoing.deadline, Arc::clone(stop));
        }
        Err(PeerError::TooManyRedirects.into())
    }

    /// Closing shuts sockets down; without a stop of its own, a request has one for the socket that is not open yet.
    fn stop(&self, outgoing: &Outgoing<'_>) -> Arc<dyn Stop> {
        outgoing.stop.clone().unwrap_or_else(|| self.closed())
    }

    /// One request, or more when the first met stale connections.
    fn send_once(
        &self,
        outgoing: &Outgoing<'_>,
        target: &Target,
        credential: Option<&CredentialHeader>,
        stop: &Arc<dyn Stop>,
    ) -> Result<Response<Body>, Error> {
        let with_credential;
        let headers = match credential {
            None => outgoing.headers,
            Some((name, value)) => {
                let mut headers = outgoing.headers.clone();
                headers.insert(name, value.clone());
                with_credential = headers;
                &with_credential
            }
        };
        let longest_line = longest_line(headers, target);
        if longest_line > LINE_BYTES {
            return Err(Error::Usage(format!(
                "a header or the URL makes a line of {longest_line} bytes in the head of a request, more than {LINE_BYTES}"
            )));
        }
        let mut tries = 0;
        let mut sent = false;
        loop {
            tries += 1;
            let trust = if outgoing.again == Again::Yes { Trust::WhileFresh } else { Trust::Never };
            let bounds = Bounds { deadline: outgoing.deadline, stop: Some(Arc::clone(stop)), trust, room: outgoing.room, longest_line };
            let traced = self.insight.request(outgoing.verb.name(), &target.url, headers, outgoing.body);
            let (response, outcome) = match outgoing.verb {
                Verb::Get => {
                    let request = request(Method::GET, target, headers, ());
                    exchange::run(bounds, || self.agent.run(request))
                }
                Verb::Post => {
                    let request = request(Method::POST, target, headers, outgoing.body);
                    exchange::run(bounds, || self.agent.run(request))
                }
                Verb::Delete => {
                    let request = request(Method::DELETE, target, headers, ());
                    exchange::run(bounds, || self.agent.run(request))
                }
            };
            match response {
                Ok(mut response) => {
                    self.insight.answered(traced, &mut response);
                    return Ok(response);
                }
                Err(error)
                    if tries <= self.agent.most_idle() + 1
                        && (outgoing.again == Again::Yes || !outcome.progress.sent)
                        && self.was_stale(&error, outcome) =>
                {
                    sent |= outcome.progress.sent;
                    log::debug!(target: log_target::HTTP, "the server had closed an idle connection; sending again on another");
                }
                Err(error) => {
                    let failure = self.failure(error, outcome, outgoing.doing, &target.url);
                    self.insight.unanswered(traced, &failure);
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

/// Bytes of the longest line in the head of a request.
fn longest_line(headers: &HeaderMap, target: &Target) -> usize {
    // With what stands around a value: the method, the version, a colon and the ends of two lines.
    const AROUND: usize = 32;
    let headers = headers.iter().map(|(name, value)| name.as_str().len() + value.len());
    headers.chain([target.url.as_str().len()]).max().unwrap_or_default() + AROUND
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
    // Without the path: of a message's URL any part may be the token of the session (R-SSE-14).
    log::debug!(target: log_target::HTTP, "redirected within {}", to.origin());
    Target::new(to)
}
