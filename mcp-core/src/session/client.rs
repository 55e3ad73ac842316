//! The client's side of a session.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::error::{ApiMisuse, HandshakeError};
use super::lifecycle::{Phase, Step};
use super::offers::ClientOffers;
use super::pending::Pending;
use crate::jsonrpc::{
    ErrorId, ErrorObject, ErrorResponse, Message, Notification, RequestId, Response, write_notification,
    write_request_with_meta,
};
use crate::limits::Limits;
use crate::revision::ProtocolVersion;
use crate::text::Excerpt;
use crate::time::{Deadline, Instant};
use crate::types::{CancelledParams, InitializeResult, JsonObject, LoggingLevel, LoggingMessage, Method, Progress};

mod again;
mod asked;
mod handshake;
mod meta;

pub use asked::AskedKey;
pub use meta::ClientProfile;
use meta::{Identity, Meta};

/// The client's side of a session: gives out ids, matches answers, takes in what the server asks.
///
/// With a handshake it is opened by [`initialize`](Self::initialize). [Without one](Self::stateless) it operates at once, each
/// request says in its `_meta` what the handshake would have said, and a server has nothing to ask. Whoever makes requests
/// need not know which of the two it is.
///
/// Each command appends the one message that it sends to `out`.
#[derive(Debug)]
pub struct ClientSession {
    limits: Limits,
    phase: Phase,
    pending: Pending<InFlight>,
    /// The key of `initialize`, once it was sent: it must not be cancelled (R-LM-27).
    handshake: Option<u64>,
    version: Option<ProtocolVersion>,
    server: Option<Box<InitializeResult>>,
    /// What the server may ask, as was declared to it.
    offers: ClientOffers,
    /// What it asked and was not answered.
    asked: Pending<RequestId<'static>>,
    /// What every request says of this client, where there is no handshake.
    identity: Option<Box<Identity>>,
}

/// A request that has no answer yet.
#[derive(Debug)]
struct InFlight {
    deadline: Option<Deadline>,
    progress: WantsProgress,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WantsProgress {
    Yes,
    No,
}

/// How a request is to be made.
#[derive(Debug, Clone, Copy)]
pub struct RequestOptions<'a> {
    /// When [`ClientSession::handle_timeout`] gives it up.
    pub deadline: Option<Deadline>,
    /// Ask for progress notifications; the token is the request's id (R-LM-82).
    pub progress: bool,
    /// The lowest level of log messages that are wanted while it is worked on, where each request says so (R-LM-91);
    /// otherwise that of [`ClientSession::set_level`].
    pub level: Option<LoggingLevel>,
    /// More members for its `_meta` (R-LM-43, R-LM-45); those of the protocol are written over them.
    pub meta: Option<&'a JsonObject>,
}

impl RequestOptions<'_> {
    /// No deadline, no progress, nothing of the caller's in `_meta`.
    pub const PLAIN: Self = Self { deadline: None, progress: false, level: None, meta: None };
}

/// What a message from the server means.
#[derive(Debug)]
#[non_exhaustive]
pub enum ClientEvent<'a> {
    /// The handshake is done. `out` holds `notifications/initialized`, to be sent before anything else.
    Initialized,
    /// The handshake failed: disconnect.
    HandshakeFailed(HandshakeError),
    /// A request succeeded.
    Response {
        /// The id that [`ClientSession::request`] gave.
        id: u64,
        /// The result as raw JSON.
        result: &'a RawValue,
    },
    /// A request failed.
    Error {
        /// The id that [`ClientSession::request`] gave.
        id: u64,
        /// What the server says.
        error: ErrorObject<'a>,
    },
    /// A request in flight makes progress.
    Progress {
        /// The id that [`ClientSession::request`] gave.
        id: u64,
        /// How far it is.
        progress: Progress<'a>,
    },
    /// The server logs something.
    Log(LoggingMessage<'a>),
    /// Another notification that the revision knows, or one that nobody knows (R-LM-34: to be ignored, or shown).
    Notification(Notification<'a>),
    /// The server asks what this client offers: [`respond`](ClientSession::respond) to it.
    Request {
        /// Names the question until it is answered.
        key: AskedKey,
        /// What it asks for.
        method: Method,
        /// Its parameters as raw JSON.
        params: Option<&'a RawValue>,
    },
    /// The server does not want the answer to a question any more: send none (R-LM-78).
    Withdrawn {
        /// The question.
        key: AskedKey,
    },
    /// The server ended a request of this client's that had no end of its own, a subscription; no answer follows.
    Ended {
        /// The id that [`ClientSession::request`] gave.
        id: u64,
    },
    /// The server asked something that needs no thought; the answer is in `out`.
    Answered,
    /// Nothing to do. Worth a line in a log.
    Ignored(IgnoredByClient<'a>),
}

/// Why a message changed nothing.
#[derive(Debug)]
#[non_exhaustive]
pub enum IgnoredByClient<'a> {
    /// An answer to no request in flight: late, repeated, or with an id of the wrong type (R-LM-4, R-LM-79).
    UnknownResponse(RequestId<'a>),
    /// An error that names no request (R-LM-6).
    ErrorWithoutRequest(ErrorObject<'a>),
    /// Progress of no request in flight (R-LM-84).
    UnknownProgress,
    /// Parameters that do not fit their notification.
    MalformedNotification(Notification<'a>),
    /// A cancellation of something that the server did not ask, or that was answered.
    Cancellation,
    /// A request, in a revision whose servers have none (R-ST-16): no answer may be sent (R-ST-6).
    RequestInStateless,
}

impl fmt::Display for IgnoredByClient<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownResponse(id) => write!(f, "an answer to request {id}, which is not in flight"),
            Self::ErrorWithoutRequest(error) => write!(f, "an error without a request: {error}"),
            Self::UnknownProgress => f.write_str("progress of a request that is not in flight"),
            Self::MalformedNotification(it) => {
                write!(f, "parameters that do not fit `{}`", Excerpt::new(&it.method, 64))
            }
            Self::Cancellation => f.write_str("a cancellation of a question that is not open"),
            Self::RequestInStateless => f.write_str("a request, in a revision whose servers send none"),
        }
    }
}

impl ClientSession {
    /// A session in which nothing was said yet.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            phase: Phase::New,
            pending: Pending::new(),
            handshake: None,
            version: None,
            server: None,
            offers: ClientOffers::NONE,
            asked: Pending::new(),
            identity: None,
        }
    }

    /// A session of a revision without a handshake: it operates at once.
    ///
    /// # Errors
    ///
    /// [`ApiMisuse`] when the profile cannot be written.
    pub fn stateless(limits: Limits, version: ProtocolVersion, profile: &ClientProfile<'_>) -> Result<Self, ApiMisuse> {
        debug_assert!(!version.has_handshake(), "this revision begins with `initialize`");
        let mut session = Self::new(limits);
        session.phase = Phase::Operating;
        session.version = Some(version);
        session.identity = Some(Box::new(Identity::new(profile)?));
        Ok(session)
    }

    /// Takes another revision without a handshake from now on: the one that was used is not served (R-ST-26).
    pub fn set_version(&mut self, version: ProtocolVersion) {
        debug_assert!(self.identity.is_some() && !version.has_handshake(), "a handshake's revision stays");
        self.version = Some(version);
    }

    /// Asks for log messages of this level and above with every request from now on, where each request says so (R-LM-91).
    /// With a handshake that is said once, by `logging/setLevel`.
    pub fn set_level(&mut self, level: Option<LoggingLevel>) {
        if let Some(identity) = &mut self.identity {
            identity.level = level;
        }
    }

    /// Where the session stands.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// The revision that was agreed on, once the handshake is done.
    pub fn version(&self) -> Option<ProtocolVersion> {
        self.version
    }

    /// What the server said of itself, once the handshake is done.
    pub fn server(&self) -> Option<&InitializeResult> {
        self.server.as_deref()
    }

    /// Sends a request and gives its id. Parameters serialize to an object without `_meta`, or to `null` for none.
    ///
    /// # Errors
    ///
    /// [`ApiMisuse`] when the handshake is not done, too many requests are in flight, or the parameters cannot be written.
    pub fn request<P: Serialize + ?Sized>(
        &mut self,
        method: &str,
        params: &P,
        options: RequestOptions<'_>,
        out: &mut Vec<u8>,
    ) -> Result<u64, ApiMisuse> {
        self.phase.after(if method == Method::Ping.name() { Step::Ping } else { Step::Request })?;
        self.send(method, params, options, out)
    }

    fn send<P: Serialize + ?Sized>(
        &mut self,
        method: &str,
        params: &P,
        options: RequestOptions<'_>,
        out: &mut Vec<u8>,
    ) -> Result<u64, ApiMisuse> {
        let RequestOptions { deadline, progress, level, meta } = options;
        let wants = if progress { WantsProgress::Yes } else { WantsProgress::No };
        let id = self.pending.insert(InFlight { deadline, progress: wants }, self.limits.requests_in_flight)?;
        let request_id = RequestId::from(id);
        let stateless = self.identity.as_deref().zip(self.version);
        let written = if stateless.is_none() && meta.is_none() && !progress {
            write_request_with_meta(out, &request_id, method, params, &())
        } else {
            let token = progress.then(|| request_id.as_borrowed());
            write_request_with_meta(out, &request_id, method, params, &Meta { own: meta, stateless, level, token })
        };
        if let Err(error) = written {
            self.pending.remove(id);
            return Err(error.into());
        }
        Ok(id)
    }

    /// Sends a notification. Parameters as in [`request`](Self::request).
    ///
    /// # Errors
    ///
    /// [`ApiMisuse`] when the handshake is not done (R-LM-24) or the session is closed, or the parameters cannot be written.
    pub fn notify<P: Serialize + ?Sized>(
        &mut self,
        method: &str,
        params: &P,
        out: &mut Vec<u8>,
    ) -> Result<(), ApiMisuse> {
        self.phase.after(Step::Notification)?;
        Ok(write_notification(out, method, params)?)
    }

    /// Gives up a request: its answer will be ignored, and the server is told (R-LM-77). False when it is not in flight any
    /// more. Giving up `initialize` tells the server nothing (R-LM-27): disconnect.
    pub fn cancel(&mut self, id: u64, reason: Option<&str>, out: &mut Vec<u8>) -> bool {
        if self.pending.remove(id).is_none() {
            return false;
        }
        if self.handshake != Some(id) {
            let params = CancelledParams { request_id: id.into(), reason: reason.map(Into::into) };
            let written = write_notification(out, Method::NotificationsCancelled.name(), &params);
            debug_assert!(written.is_ok(), "an id and a text serialize");
        }
        true
    }

    /// Forgets a request that could not be sent; `initialize` may then be tried again. False when it is not in flight any more.
    pub fn forget(&mut self, id: u64) -> bool {
        let was_in_flight = self.pending.remove(id).is_some();
        if was_in_flight && self.handshake == Some(id) {
            self.enter(Step::InitializeError);
        }
        was_in_flight
    }

    /// Takes in a message from the server. Whatever has to be sent because of it, at most one message, is appended to `out`.
    pub fn handle_message<'a>(&mut self, message: Message<'a>, out: &mut Vec<u8>) -> ClientEvent<'a> {
        match message {
            Message::Response(response) => self.handle_response(response, out),
            Message::Error(error) => self.handle_error(error),
            Message::Notification(notification) => self.handle_notification(notification),
            Message::Request(request) => self.handle_request(&request, out),
        }
    }

    /// The earliest deadline of a request in flight.
    pub fn next_timeout(&self) -> Option<Instant> {
        self.pending.iter().filter_map(|(_, request)| request.deadline).map(|deadline| deadline.at).min()
    }

    /// One request whose deadline passed; ask until there is none. The request is still in flight:
    /// [`cancel`](Self::cancel) it, so that the server learns of it (R-LM-29).
    pub fn handle_timeout(&mut self, now: Instant) -> Option<(u64, Deadline)> {
        let passed = self.pending.iter().find_map(|(id, request)| {
            let deadline = request.deadline.filter(|deadline| deadline.has_passed(now))?;
            Some((id, deadline))
        })?;
        if let Some(request) = self.pending.find(passed.0) {
            request.deadline = None;
        }
        Some(passed)
    }

    /// Ends the session and gives the requests that will get no answer any more.
    pub fn close(&mut self) -> impl Iterator<Item = u64> + '_ {
        self.enter(Step::Close);
        let _ = self.asked.drain().count();
        self.pending.drain().map(|(id, _)| id)
    }

    fn handle_response<'a>(&mut self, response: Response<'a>, out: &mut Vec<u8>) -> ClientEvent<'a> {
        let Some(id) = self.settle(&response.id) else {
            return ClientEvent::Ignored(IgnoredByClient::UnknownResponse(response.id));
        };
        if self.handshake == Some(id) {
            return self.handle_initialize_result(response.result, out);
        }
        ClientEvent::Response { id, result: response.result }
    }

    /// Takes a step that the table allows here: an answer to `initialize` is only looked at while one is in flight.
    fn enter(&mut self, step: Step) {
        let phase = self.phase.after(step);
        debug_assert!(phase.is_ok(), "{step:?} in {:?}", self.phase);
        self.phase = phase.unwrap_or(self.phase);
    }

    fn handle_error<'a>(&mut self, response: ErrorResponse<'a>) -> ClientEvent<'a> {
        let ErrorResponse { id, error } = response;
        let ErrorId::Known(request_id) = id else {
            return ClientEvent::Ignored(IgnoredByClient::ErrorWithoutRequest(error));
        };
        match self.settle(&request_id) {
            None => ClientEvent::Ignored(IgnoredByClient::UnknownResponse(request_id)),
            Some(id) if self.handshake == Some(id) => self.fail_handshake(HandshakeError::Refused(error.to_owned())),
            Some(id) => ClientEvent::Error { id, error },
        }
    }

    /// Takes the request that an answer belongs to out of the table: our ids are integers, a string is none of them (R-LM-4).
    fn settle(&mut self, id: &RequestId<'_>) -> Option<u64> {
        let id = id.as_u64()?;
        self.pending.remove(id).map(|_| id)
    }

    fn handle_notification<'a>(&mut self, notification: Notification<'a>) -> ClientEvent<'a> {
        let known = Method::from_name(&notification.method);
        let params = notification.params;
        let event = match known {
            Some(Method::NotificationsProgress) => read(params).map(|progress| self.handle_progress(progress)),
            Some(Method::NotificationsMessage) => read(params).map(ClientEvent::Log),
            Some(Method::NotificationsCancelled) => read(params).map(|params| self.handle_cancelled(&params)),
            _ => return ClientEvent::Notification(notification),
        };
        event.unwrap_or(ClientEvent::Ignored(IgnoredByClient::MalformedNotification(notification)))
    }

    fn handle_progress<'a>(&mut self, progress: Progress<'a>) -> ClientEvent<'a> {
        let id = progress.progress_token.as_u64();
        match id.and_then(|id| Some((id, self.pending.find(id)?))) {
            Some((id, request)) if request.progress == WantsProgress::Yes => ClientEvent::Progress { id, progress },
            _ => ClientEvent::Ignored(IgnoredByClient::UnknownProgress),
        }
    }
}

fn read<'a, T: Deserialize<'a>>(params: Option<&'a RawValue>) -> Option<T> {
    serde_json::from_str(params?.get()).ok()
}
