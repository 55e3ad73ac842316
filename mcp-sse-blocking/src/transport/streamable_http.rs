//! Streamable HTTP: each message is a POST of its own, answered with JSON or with an event stream (R-SH, R-ST).
//!
//! Nothing here knows what a message says. What is judged here is the head of an answer: which of the few things it is, and
//! what of its body may be read.

use std::borrow::Cow;
use std::io::{self, Read};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mcp_core::Limits;
use mcp_core::http::{Answer, Carried, RequestHead, SessionId, Url, headers, may_hold_error};
use mcp_core::limits::{Limit, LimitExceeded};
use mcp_core::revision::ProtocolVersion;
use mcp_core::time::{Cause, Deadline};
use ureq::Body;
use ureq::http::Response;
use ureq::http::header::{HeaderMap, HeaderName, HeaderValue};

use super::answer::{beginning, described, discard, not_an_answer, soon, text};
use super::event_stream::{Ended, EventStream};
use super::exchange::{self, Bounds, Stop};
use super::http::{Again, Http, OpenStream, Outgoing, SENDING, Target, Verb};
use super::pool::Room;
use crate::error::{Error, PeerError, Status};
use crate::events::{PayloadForm, Transformer};
use crate::plain::Plain;

/// As this map of headers wants it.
const SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");

/// How long the end of an event stream is waited for once the reply was on it: with it the connection can be used again.
const LINGER: Duration = Duration::from_millis(20);

/// A server that left so many streams open after the reply is not waited for any more.
const PATIENCE: u8 = 2;

/// The endpoint of a server, and what requests to it have in common.
pub(crate) struct Endpoint {
    pub(crate) http: Http,
    pub(crate) limits: Limits,
    pub(crate) idle_timeout: Option<Duration>,
    /// What JSON bodies go through before they are read.
    pub(crate) transformer: Option<Transformer>,
    /// Of a server that speaks JSON without JSON-RPC.
    pub(crate) plain: Option<Plain>,
    context: Mutex<Arc<Context>>,
    /// Streams in a row whose end did not come soon after the reply.
    left_open: AtomicU8,
}

/// What the requests of one session have in common. A new session is a new one.
#[derive(Clone)]
pub(crate) struct Context {
    /// Where the endpoint is, after redirects.
    pub(crate) target: Target,
    post: HeaderMap,
    get: HeaderMap,
    session: Option<SessionId>,
    /// Counts the sessions of this client.
    pub(crate) generation: u64,
}

/// What came as the answer to a POST or a GET.
pub(crate) struct Answered {
    pub(crate) reply: Reply,
    /// The session id that it assigns (R-SH-45).
    pub(crate) session: Option<HeaderValue>,
}

/// What an answer is.
#[allow(clippy::large_enum_variant, reason = "it is made and taken apart on the spot")]
pub(crate) enum Reply {
    /// A success without a message: 202 as a rule (R-SH-8).
    Accepted,
    /// One JSON body, whole.
    Json(Vec<u8>),
    /// An event stream, from which nothing was read.
    Stream(EventStream),
    /// A status that is no success.
    Refused(Refused),
}

/// An answer with a status that is no success. Its body may be a message all the same (R-ST-32).
pub(crate) struct Refused {
    /// What its status means.
    pub(crate) answer: Answer,
    pub(crate) status: Status,
    pub(crate) body: Vec<u8>,
}

/// Headers that repeat parts of a message (R-ST, sections B and F).
pub(crate) type Mirrored = Vec<(HeaderName, HeaderValue)>;

/// What a POST needs beside its message.
pub(crate) struct Posting<'a> {
    pub(crate) message: &'a [u8],
    /// Headers that repeat parts of the message.
    pub(crate) mirrored: &'a Mirrored,
    pub(crate) deadline: Option<Deadline>,
    pub(crate) stop: Option<Arc<dyn Stop>>,
    pub(crate) again: Again,
    /// Whether it counts among the requests whose connections are bounded.
    pub(crate) room: Room,
}

impl Refused {
    /// The error for who made the request, when its body says nothing better.
    pub(crate) fn into_error(self) -> Error {
        match self.answer {
            Answer::SessionGone => Error::SessionGone(Box::new(self.status)),
            _ => Error::Status(Box::new(self.status)),
        }
    }
}

impl Context {
    /// What is sent while there is no session: no id, no revision (R-SH-61).
    fn new(http: &Http, target: Target) -> Self {
        let blank = RequestHead::default();
        let post = http.headers_with(blank.post_response());
        let get = http.headers_with(blank.get(None));
        Self { target, post, get, session: None, generation: 0 }
    }

    /// The same in the session with this id, if the server assigned one (R-SH-48), of this revision (R-SH-58, R-ST-7).
    ///
    /// # Errors
    /// [`PeerError::Http`] for an id that is too long or has other characters than the visible ones (R-SH-47).
    pub(crate) fn in_session(mut self, id: Option<&HeaderValue>, version: ProtocolVersion) -> Result<Self, Error> {
        if let Some(id) = id {
            let problem = "the id of the session is too long, or has characters other than visible ASCII (R-SH-47)";
            let parsed = SessionId::parse(id.as_bytes()).ok_or_else(|| PeerError::Http(problem.into()))?;
            self.session = Some(parsed);
        }
        let head = RequestHead { version: Some(version), session: self.session.as_ref() };
        for (name, value) in head.delete() {
            let (name, mut value) = header(name, &value)?;
            // The id is a secret (R-SH-54).
            value.set_sensitive(true);
            self.post.insert(&name, value.clone());
            self.get.insert(name, value);
        }
        Ok(self)
    }

    pub(crate) fn carried(&self) -> Carried {
        if self.session.is_some() { Carried::Session } else { Carried::NoSession }
    }

    pub(crate) fn has_session(&self) -> bool {
        self.session.is_some()
    }
}

/// A header of the core's as ureq wants it.
pub(crate) fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), Error> {
    // Names of headers are matched without regard to case, this map wants them lower.
    let name = HeaderName::try_from(name.to_ascii_lowercase());
    match (name, HeaderValue::from_str(value)) {
        (Ok(name), Ok(value)) => Ok((name, value)),
        _ => Err(Error::Usage("a header of the request has a value that cannot be sent".into())),
    }
}

impl Endpoint {
    pub(crate) fn new(http: Http, target: Target, limits: Limits, idle_timeout: Option<Duration>) -> Self {
        let context = Mutex::new(Arc::new(Context::new(&http, target)));
        Self { http, limits, idle_timeout, transformer: None, plain: None, context, left_open: AtomicU8::new(0) }
    }

    /// What requests have in common now.
    pub(crate) fn context(&self) -> Arc<Context> {
        Arc::clone(&self.context.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What requests have in common before there is a session.
    pub(crate) fn blank(&self) -> Context {
        let now = self.context();
        Context { generation: now.generation, ..Context::new(&self.http, now.target.clone()) }
    }

    /// The endpoint was found elsewhere: later requests go there at once.
    fn relocate(&self, target: Target) {
        let mut now = self.context.lock().unwrap_or_else(PoisonError::into_inner);
        *now = Arc::new(Context { target, ..(**now).clone() });
    }

    /// From now on, requests belong to another session.
    pub(crate) fn enter(&self, mut context: Context) {
        let mut now = self.context.lock().unwrap_or_else(PoisonError::into_inner);
        context.generation = now.generation + 1;
        *now = Arc::new(context);
    }

    /// Sends one message and reads the answer as far as it is one piece.
    pub(crate) fn post(&self, context: &Context, posting: &Posting<'_>) -> Result<Answered, Error> {
        match &self.plain {
            None => self.post_as_it_is(context, posting),
            Some(plain) => plain.post(posting, &self.limits, |posting| self.post_as_it_is(context, posting)),
        }
    }

    fn post_as_it_is(&self, context: &Context, posting: &Posting<'_>) -> Result<Answered, Error> {
        let mirrored;
        let headers = if posting.mirrored.is_empty() {
            &context.post
        } else {
            let mut all = context.post.clone();
            for (name, value) in posting.mirrored {
                all.insert(name, value.clone());
            }
            mirrored = all;
            &mirrored
        };
        let outgoing = Outgoing {
            verb: Verb::Post,
            target: &context.target,
            headers,
            body: posting.message,
            deadline: posting.deadline,
            stop: posting.stop.clone(),
            again: posting.again,
            room: posting.room,
            doing: SENDING,
        };
        self.answer(context, &outgoing)
    }

    /// Asks for an event stream: the session's own (R-SH-19), or the rest of one that was broken off (R-SH-33).
    pub(crate) fn listen(
        &self,
        context: &Context,
        last_event_id: &[u8],
        deadline: Option<Deadline>,
        stop: Option<Arc<dyn Stop>>,
    ) -> Result<Answered, Error> {
        let mut headers = context.get.clone();
        if !last_event_id.is_empty() {
            let Ok(mut id) = HeaderValue::from_bytes(last_event_id) else {
                return Err(PeerError::Http("the id of an event cannot stand in a header".into()).into());
            };
            // Whoever knows it may take the rest of the stream.
            id.set_sensitive(true);
            headers.insert(HeaderName::from_static("last-event-id"), id);
        }
        let outgoing = Outgoing {
            verb: Verb::Get,
            target: self.plain.as_ref().map_or(&context.target, |plain| &plain.stream),
            headers: &headers,
            body: b"",
            deadline,
            stop,
            again: Again::Yes,
            room: Room::Free,
            doing: "opening an event stream at",
        };
        self.answer(context, &outgoing)
    }

    /// Ends the session at the server, whatever it says to that (R-SH-52, R-SH-53, R-SH-55).
    pub(crate) fn delete(&self, context: &Context, deadline: Deadline) -> Result<(), Error> {
        let outgoing = Outgoing {
            verb: Verb::Delete,
            target: &context.target,
            headers: &context.get,
            body: b"",
            deadline: Some(deadline),
            stop: None,
            again: Again::Yes,
            room: Room::Free,
            doing: "ending the session at",
        };
        self.http.send(&outgoing).map(drop)
    }

    /// The reply was on this stream: its end is waited for a moment, so that its connection can be used again (R-SH-18).
    pub(crate) fn leave(&self, stream: EventStream) {
        let left_open = self.left_open.load(Ordering::Relaxed);
        let moment = if left_open < PATIENCE { LINGER } else { Duration::ZERO };
        match stream.leave(moment) {
            Ended::Yes => self.left_open.store(0, Ordering::Relaxed),
            Ended::No => self.left_open.store(left_open.saturating_add(1), Ordering::Relaxed),
        }
    }

    fn answer(&self, context: &Context, outgoing: &Outgoing<'_>) -> Result<Answered, Error> {
        let (response, moved) = self.http.send(outgoing)?;
        let session = response.headers().get(SESSION_ID).cloned();
        let url = &moved.as_ref().unwrap_or(outgoing.target).url;
        let (status, media) = (response.status().as_u16(), text(&response, headers::CONTENT_TYPE));
        let answer = match outgoing.verb {
            Verb::Get => Answer::to_resumption(status, media, context.carried()),
            Verb::Post | Verb::Delete => Answer::to_post(status, media, context.carried()),
        };
        let reply = match answer {
            Answer::EventStream => {
                let heard = self.http.insight().heard(&response);
                let open = OpenStream { url: url.clone(), body: self.http.encodings.body(response)?, heard };
                let stream = EventStream::new(open, &self.limits, self.idle_timeout);
                Reply::Stream(stream.stopped_by(outgoing.stop.clone()))
            }
            Answer::Json => {
                let heard = self.http.insight().heard(&response);
                let body = self.body(response, outgoing, outgoing.deadline, url)?;
                heard.body(&body);
                Reply::Json(self.transformed(body)?)
            }
            _ if response.status().is_success()
                && (matches!(answer, Answer::Accepted) || response.body().content_length() == Some(0)) =>
            {
                // A body that comes with it anyway means nothing.
                let stop = outgoing.stop.clone().unwrap_or_else(|| self.http.closed());
                discard(response, outgoing.deadline, stop);
                Reply::Accepted
            }
            Answer::OtherMediaType => {
                return Err(self.http.insight().heard(&response).page(not_an_answer(response, outgoing.deadline)));
            }
            answer => Reply::Refused(self.refusal(answer, response, outgoing, url)),
        };
        if let (Verb::Post, Some(moved)) = (outgoing.verb, moved) {
            self.relocate(moved);
        }
        Ok(Answered { reply, session })
    }

    /// Reads a body to its end.
    fn body(
        &self,
        response: Response<Body>,
        outgoing: &Outgoing<'_>,
        deadline: Option<Deadline>,
        url: &Url,
    ) -> Result<Vec<u8>, Error> {
        let bound = self.limits.message_bytes;
        let length = response.body().content_length().and_then(|length| usize::try_from(length).ok());
        // What the head says is believed up to a point. One byte more, so that the end is seen without another buffer.
        let mut body = vec![0; length.map_or(4 << 10, |length| length.saturating_add(1).min(64 << 10))];
        let mut filled = 0;
        let mut reader = self.http.encodings.body(response)?;
        let bounds = Bounds { deadline, stop: outgoing.stop.clone(), ..Bounds::default() };
        let (read, outcome) = exchange::run(bounds, || -> io::Result<()> {
            let mut rest = (&mut reader).take((bound as u64).saturating_add(1));
            loop {
                if filled == body.len() {
                    body.resize(2 * filled, 0);
                }
                match rest.read(&mut body[filled..])? {
                    0 => return Ok(()),
                    n => filled += n,
                }
                // A body that comes in drops is never silent, which is when the socket looks for this.
                if outgoing.stop.as_ref().is_some_and(|stop| stop.is_stopped()) {
                    return Err(io::ErrorKind::Interrupted.into());
                }
            }
        });
        if let Err(error) = read {
            let failure = self.http.failure(ureq::Error::from(error), outcome, "reading an answer of", url);
            return Err(failure.with_delivery(crate::Delivery::Sent));
        }
        if filled > bound {
            return Err(LimitExceeded { limit: Limit::MessageBytes, bound }.into());
        }
        body.truncate(filled);
        Ok(body)
    }

    /// A body as the caller's hook makes it.
    fn transformed(&self, body: Vec<u8>) -> Result<Vec<u8>, Error> {
        let Some(transformer) = &self.transformer else { return Ok(body) };
        let other = match transformer.whole(PayloadForm::Body, &body)? {
            // The usual answer of a hook that has nothing to do.
            Cow::Borrowed(same) if std::ptr::eq(same, &raw const body[..]) => None,
            other => Some(other.into_owned()),
        };
        Ok(other.unwrap_or(body))
    }

    fn refusal(&self, answer: Answer, mut response: Response<Body>, outgoing: &Outgoing<'_>, url: &Url) -> Refused {
        let heard = self.http.insight().heard(&response);
        let mut status = described(answer, &response, b"");
        let body = if may_hold_error(status.code, text(&response, headers::CONTENT_TYPE)) {
            // Whatever goes wrong here, the status is what matters. A stream is asked for without a deadline, but its refusal is no
            // stream.
            let deadline = if outgoing.verb == Verb::Post { outgoing.deadline } else { Some(soon(outgoing.deadline)) };
            self.body(response, outgoing, deadline, url).unwrap_or_default()
        } else {
            beginning(&mut response, outgoing.deadline)
        };
        heard.body(&body);
        status.show(&body);
        // What the hook does not take is shown to people, and is no message.
        let body = self.transformed(body).unwrap_or_default();
        self.http.insight().clear_status(&mut status);
        Refused { answer, status, body }
    }
}

/// The deadline of something that is done while closing.
pub(crate) fn closing(deadline: Deadline, most: Duration) -> Deadline {
    let soon = Deadline::after(crate::clock::now(), most, Cause::Close);
    if soon.at < deadline.at { soon } else { deadline }
}
