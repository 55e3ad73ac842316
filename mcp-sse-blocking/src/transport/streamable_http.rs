//! Streamable HTTP: each message is a POST of its own, answered with JSON or with an event stream (R-SH, R-ST).
//!
//! Nothing here knows what a message says. What is judged here is the head of an answer: which of the few things it is, and
//! what of its body may be read.

use std::io::Read;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mcp_core::Limits;
use mcp_core::http::{Answer, Url, headers, is_event_stream, is_json};
use mcp_core::limits::{Limit, LimitExceeded};
use mcp_core::text::Excerpt;
use mcp_core::time::{Cause, Deadline};
use ureq::Body;
use ureq::http::Response;
use ureq::http::header::{HeaderMap, HeaderName, HeaderValue};

use super::event_stream::{Ended, EventStream};
use super::exchange::{self, Bounds, Stop};
use super::http::{
    Again, Http, OpenStream, Outgoing, SENDING, Target, Verb, beginning, described, discard, refuse_compressed, text,
};
use crate::error::{Error, PeerError, Status};

/// What a client sends with each POST (R-SH-6, R-SH-11, R-ST-5).
const POST_HEADERS: [(&str, &str); 2] =
    [(headers::ACCEPT, "application/json, text/event-stream"), (headers::CONTENT_TYPE, headers::JSON)];

/// How long the end of an event stream is waited for once the reply was on it: with it the connection can be used again.
const LINGER: Duration = Duration::from_millis(20);

/// A server that left so many streams open after the reply is not waited for any more.
const PATIENCE: u8 = 2;

/// The endpoint of a server, and what requests to it have in common.
pub(crate) struct Endpoint {
    pub(crate) http: Http,
    pub(crate) limits: Limits,
    pub(crate) idle_timeout: Option<Duration>,
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
    session: Option<HeaderValue>,
    /// Counts the sessions of this client.
    pub(crate) generation: u64,
}

/// What came as the answer to a POST or a GET.
pub(crate) struct Answered {
    pub(crate) reply: Reply,
    /// The session id that it assigns (R-SH-45).
    pub(crate) session: Option<HeaderValue>,
    /// Where the endpoint was found, if elsewhere.
    pub(crate) moved: Option<Target>,
}

/// What an answer is.
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
    pub(crate) status: Status,
    pub(crate) body: Vec<u8>,
    /// The request named a session, and the server does not know it (R-SH-51).
    pub(crate) session_lost: bool,
}

/// What a POST needs beside its message.
pub(crate) struct Posting<'a> {
    pub(crate) message: &'a [u8],
    /// Headers that repeat parts of the message.
    pub(crate) mirrored: &'a [(HeaderName, HeaderValue)],
    pub(crate) deadline: Option<Deadline>,
    pub(crate) stop: Option<Arc<dyn Stop>>,
    pub(crate) again: Again,
}

impl Refused {
    /// The error for who made the request, when its body says nothing better.
    pub(crate) fn into_error(self) -> Error {
        if self.session_lost { Error::SessionGone(Box::new(self.status)) } else { Error::Status(Box::new(self.status)) }
    }
}

impl Context {
    /// What is sent while there is no session: no id, no revision (R-SH-61).
    fn new(http: &Http, target: Target) -> Self {
        let post = http.headers_with(&POST_HEADERS);
        let get = http.headers_with(&headers::STREAM_REQUEST);
        Self { target, post, get, session: None, generation: 0 }
    }

    /// The same with the id of a session, which is a secret (R-SH-48, R-SH-54).
    ///
    /// # Errors
    /// [`PeerError::Http`] for an id with other characters than the visible ones (R-SH-47).
    pub(crate) fn with_session(mut self, id: &HeaderValue) -> Result<Self, Error> {
        if id.is_empty() || !id.as_bytes().iter().all(u8::is_ascii_graphic) {
            let problem = "the id of the session has characters other than visible ASCII (R-SH-47)";
            return Err(PeerError::Http(problem.into()).into());
        }
        let mut id = id.clone();
        id.set_sensitive(true);
        self.set(headers::MCP_SESSION_ID, &id);
        self.session = Some(id);
        Ok(self)
    }

    /// The same with the revision that was agreed on (R-SH-58, R-ST-7).
    pub(crate) fn with_version(mut self, version: &'static str) -> Self {
        self.set(headers::MCP_PROTOCOL_VERSION, &HeaderValue::from_static(version));
        self
    }

    pub(crate) fn has_session(&self) -> bool {
        self.session.is_some()
    }

    fn set(&mut self, name: &'static str, value: &HeaderValue) {
        // Names of headers are matched without regard to case, this map wants them lower.
        if let Ok(name) = HeaderName::try_from(name.to_ascii_lowercase()) {
            self.post.insert(&name, value.clone());
            self.get.insert(name, value.clone());
        }
    }
}

impl Endpoint {
    pub(crate) fn new(http: Http, target: Target, limits: Limits, idle_timeout: Option<Duration>) -> Self {
        let context = Mutex::new(Arc::new(Context::new(&http, target)));
        Self { http, limits, idle_timeout, context, left_open: AtomicU8::new(0) }
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

    /// From now on, requests belong to another session.
    pub(crate) fn enter(&self, mut context: Context) {
        let mut now = self.context.lock().unwrap_or_else(PoisonError::into_inner);
        context.generation = now.generation + 1;
        *now = Arc::new(context);
    }

    /// Sends one message and reads the answer as far as it is one piece.
    pub(crate) fn post(&self, context: &Context, posting: &Posting<'_>) -> Result<Answered, Error> {
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
            let Ok(id) = HeaderValue::from_bytes(last_event_id) else {
                return Err(PeerError::Http("the id of an event cannot stand in a header".into()).into());
            };
            headers.insert(HeaderName::from_static("last-event-id"), id);
        }
        let outgoing = Outgoing {
            verb: Verb::Get,
            target: &context.target,
            headers: &headers,
            body: b"",
            deadline,
            stop,
            again: Again::Yes,
            doing: "opening an event stream",
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
            doing: "ending the session",
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
        let session = response.headers().get("mcp-session-id").cloned();
        let url = &moved.as_ref().unwrap_or(outgoing.target).url;
        let reply = if response.status().is_success() {
            self.success(response, outgoing, url)?
        } else {
            Reply::Refused(self.refusal(response, outgoing, url, context))
        };
        Ok(Answered { reply, session, moved })
    }

    fn success(&self, response: Response<Body>, outgoing: &Outgoing<'_>, url: &Url) -> Result<Reply, Error> {
        let media = text(&response, headers::CONTENT_TYPE);
        if response.status().as_u16() == 202 || response.body().content_length() == Some(0) {
            // A body that comes with it anyway means nothing.
            let stop = outgoing.stop.clone().unwrap_or_else(|| self.http.closed());
            discard(response, outgoing.deadline, stop);
            return Ok(Reply::Accepted);
        }
        if media.is_some_and(is_event_stream) {
            refuse_compressed(&response)?;
            let open = OpenStream { url: url.clone(), body: response.into_body().into_reader() };
            let stream = EventStream::new(open, &self.limits, self.idle_timeout);
            return Ok(Reply::Stream(stream.stopped_by(outgoing.stop.clone())));
        }
        if media.is_some_and(is_json) {
            refuse_compressed(&response)?;
            return Ok(Reply::Json(self.body(response, outgoing, url)?));
        }
        Err(not_an_answer(response, outgoing.deadline))
    }

    /// Reads a body to its end.
    fn body(&self, response: Response<Body>, outgoing: &Outgoing<'_>, url: &Url) -> Result<Vec<u8>, Error> {
        let bound = self.limits.message_bytes;
        let length = response.body().content_length().and_then(|length| usize::try_from(length).ok());
        // What the head says is believed up to a point.
        let mut body = Vec::with_capacity(length.unwrap_or(0).min(64 << 10));
        let reader = response.into_body().into_reader();
        let bounds = Bounds { deadline: outgoing.deadline, stop: outgoing.stop.clone() };
        let (read, outcome) = exchange::run(bounds, || reader.take(bound as u64 + 1).read_to_end(&mut body));
        if let Err(error) = read {
            let failure = self.http.failure(ureq::Error::from(error), outcome, "reading an answer", url);
            return Err(failure.with_delivery(crate::Delivery::Sent));
        }
        if body.len() > bound {
            return Err(LimitExceeded { limit: Limit::MessageBytes, bound }.into());
        }
        Ok(body)
    }

    fn refusal(&self, mut response: Response<Body>, outgoing: &Outgoing<'_>, url: &Url, context: &Context) -> Refused {
        let code = response.status().as_u16();
        let session_lost = context.has_session() && matches!(code, 404 | 410);
        let answer = match code {
            404 | 410 if !session_lost => Answer::NotFound,
            code => Answer::to_message(code, b""),
        };
        let mut status = described(answer, &response, b"");
        let body = if text(&response, headers::CONTENT_TYPE).is_some_and(is_json) {
            // Whatever goes wrong here, the status is what matters.
            self.body(response, outgoing, url).unwrap_or_default()
        } else {
            beginning(&mut response, outgoing.deadline)
        };
        status.show(&body);
        Refused { status, body, session_lost }
    }
}

fn not_an_answer(mut response: Response<Body>, deadline: Option<Deadline>) -> Error {
    let media = text(&response, headers::CONTENT_TYPE).unwrap_or("no media type");
    let found = format!("a body that is neither an event stream nor JSON ({})", Excerpt::new(media, 80));
    let excerpt = super::http::readable(&beginning(&mut response, deadline));
    PeerError::NotAnAnswer { found, excerpt }.into()
}

/// The deadline of something that is done while closing.
pub(crate) fn closing(deadline: Deadline, most: Duration) -> Deadline {
    let soon = Deadline::after(crate::clock::now(), most, Cause::Close);
    if soon.at < deadline.at { soon } else { deadline }
}
