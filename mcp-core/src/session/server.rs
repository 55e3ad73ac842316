//! The server's side of a session.

use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::claim::Claim;
use super::lifecycle::{Phase, Step, Violation};
use super::offers::ClientOffers;
use super::pending::Pending;
use crate::jsonrpc::{
    ErrorId, ErrorObject, ErrorResponse, Message, Notification, Request, RequestId, Response, code, write_error,
    write_result,
};
use crate::limits::Limits;
use crate::revision::ProtocolVersion;
use crate::types::method::Sender;
use crate::types::tolerance::null_is_default;
use crate::types::{
    CancelledParams, Implementation, JsonObject, LoggingLevel, Method, ServerCapabilities, SetLevelParams,
};

mod ask;
mod reply;

pub use ask::AskKey;
use ask::Watched;
pub use reply::{InputRequired, Reply};

/// The server's side of a session: handshake, `ping`, log level, requests in flight. It holds little, so that a server can have
/// thousands: what all sessions share comes in as a [`ServerProfile`].
///
/// A request of the stateless revision is a session of its own, with one request ([`ServerSession::stateless`]), so that
/// whoever carries out requests need not ask which era they came from.
#[derive(Debug)]
pub struct ServerSession {
    phase: Phase,
    version: ProtocolVersion,
    /// The lowest level of log messages that is wanted, if any is.
    level: Option<LoggingLevel>,
    offers: ClientOffers,
    pending: Pending<RequestId<'static>>,
    /// What the client was asked and has not answered.
    asked: Pending<()>,
    watched: Watched,
}

/// What a server says of itself; shared by all its sessions.
#[derive(Debug, Clone, Copy)]
pub struct ServerProfile<'a> {
    /// Who it is.
    pub info: &'a Implementation,
    /// What it offers.
    pub capabilities: &'a ServerCapabilities,
    /// How to use it, for a model.
    pub instructions: Option<&'a str>,
}

/// Names a request in flight within its session; never given out twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestKey(u64);

/// What a message from the client means.
#[derive(Debug)]
#[non_exhaustive]
pub enum ServerEvent<'a> {
    /// A request to carry out and then to [`respond`](ServerSession::respond) to.
    Request {
        /// Names it until it is answered.
        key: RequestKey,
        /// Which method: one that a client may send in the session's revision.
        method: Method,
        /// Its parameters as raw JSON.
        params: Option<&'a RawValue>,
    },
    /// The session answered by itself; the answer is in `out`.
    Answered,
    /// The client is ready (R-LM-23).
    Initialized,
    /// The client gave up a request. It is no longer in flight: stop working, send nothing (R-LM-78).
    Cancelled {
        /// The request.
        key: RequestKey,
        /// Why, for logs.
        reason: Option<Cow<'a, str>>,
    },
    /// The client answered what it was asked ([`ServerSession::ask`]).
    Reply {
        /// The question.
        ask: AskKey,
        /// Its result as raw JSON, or why there is none.
        outcome: Result<&'a RawValue, ErrorObject<'a>>,
    },
    /// Another notification that a client may send in the session's revision.
    Notification {
        /// Which one.
        method: Method,
        /// Its parameters as raw JSON.
        params: Option<&'a RawValue>,
    },
    /// Nothing to do. Worth a line in a log.
    Ignored(IgnoredByServer),
}

/// Why a message changed nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum IgnoredByServer {
    /// An answer, though nothing was asked.
    UnknownResponse,
    /// A notification that the revision does not know from a client (R-LM-34).
    UnknownNotification,
    /// A notification that may not come now.
    Violation(Violation),
    /// A cancellation of no request in flight, or one that names none (R-LM-79).
    UnknownCancellation,
}

impl fmt::Display for IgnoredByServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownResponse => f.write_str("an answer to no request"),
            Self::UnknownNotification => f.write_str("an unknown notification"),
            Self::Violation(violation) => violation.fmt(f),
            Self::UnknownCancellation => f.write_str("a cancellation of no request in flight"),
        }
    }
}

impl ServerSession {
    /// A session in which nothing was said yet.
    pub const fn new() -> Self {
        Self {
            phase: Phase::New,
            version: ProtocolVersion::OLDEST,
            level: Some(LoggingLevel::Info),
            offers: ClientOffers::NONE,
            pending: Pending::new(),
            asked: Pending::new(),
            watched: Watched::new(),
        }
    }

    /// The session that one request of a stateless revision is: in flight already, with what it [claims](Claim).
    pub fn stateless(version: ProtocolVersion, id: &RequestId<'_>, claim: &Claim<'_>) -> (Self, RequestKey) {
        let mut session = Self::new();
        session.phase = Phase::Operating;
        session.version = version;
        session.level = claim.level;
        session.offers = claim.offers;
        let key = session.pending.next_key();
        // The first of its table: there is room whatever the bound.
        let inserted = session.pending.insert(id.clone().into_owned(), 1);
        debug_assert!(inserted.is_ok(), "the table was empty");
        (session, RequestKey(key))
    }

    /// Where the session stands.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// The revision that was agreed on; the oldest before the handshake.
    pub fn version(&self) -> ProtocolVersion {
        self.version
    }

    /// The lowest level of log messages that the client wants, if it wants any (R-LM-90, R-LM-91).
    pub fn level(&self) -> Option<LoggingLevel> {
        self.level
    }

    /// What the client can be asked.
    pub fn offers(&self) -> ClientOffers {
        self.offers
    }

    /// How many requests are in flight.
    pub fn in_flight(&self) -> usize {
        self.pending.len()
    }

    /// Takes in a message from the client. Whatever has to be sent because of it, at most one message, is appended to `out`.
    pub fn handle_message<'a>(
        &mut self,
        profile: &ServerProfile<'_>,
        limits: &Limits,
        message: Message<'a>,
        out: &mut Vec<u8>,
    ) -> ServerEvent<'a> {
        match message {
            Message::Request(request) => self.handle_request(profile, limits, request, out),
            Message::Notification(notification) => self.handle_notification(&notification),
            Message::Response(Response { id, result }) => self.handle_reply(&id, Ok(result)),
            Message::Error(ErrorResponse { id: ErrorId::Known(id), error }) => self.handle_reply(&id, Err(error)),
            Message::Error(_) => ServerEvent::Ignored(IgnoredByServer::UnknownResponse),
        }
    }

    /// Ends the session and gives the requests whose work is in vain.
    pub fn close(&mut self) -> impl Iterator<Item = RequestKey> + '_ {
        self.phase = Phase::Closed;
        let _ = self.asked.drain().count();
        self.pending.drain().map(|(key, _)| RequestKey(key))
    }

    fn handle_request<'a>(
        &mut self,
        profile: &ServerProfile<'_>,
        limits: &Limits,
        request: Request<'a>,
        out: &mut Vec<u8>,
    ) -> ServerEvent<'a> {
        let known = Method::from_name(&request.method)
            .filter(|method| !method.is_notification() && method.may_come_from(Sender::Client));
        let step = match known {
            Some(Method::Initialize) => Step::Initialize,
            Some(Method::Ping) => Step::Ping,
            _ => Step::Request,
        };
        let phase = match self.phase.after(step) {
            Ok(phase) => phase,
            Err(violation) => return refuse(&request.id, code::INVALID_REQUEST, violation.reason(), out),
        };
        match known.filter(|method| *method == Method::Initialize || method.exists_in(self.version)) {
            None => refuse(&request.id, code::METHOD_NOT_FOUND, "method not found", out),
            Some(Method::Initialize) => self.initialize(profile, &request, phase, out),
            Some(Method::Ping) => {
                reply(&request.id, &JsonObject::new(), out);
                ServerEvent::Answered
            }
            Some(Method::LoggingSetLevel) => self.set_level(profile, &request, out),
            Some(method) => self.admit(limits, method, request, out),
        }
    }

    fn initialize<'a>(
        &mut self,
        profile: &ServerProfile<'_>,
        request: &Request<'a>,
        initializing: Phase,
        out: &mut Vec<u8>,
    ) -> ServerEvent<'a> {
        let Some(hello) = read::<Hello<'_>>(request.params).filter(Hello::is_complete) else {
            return refuse(
                &request.id,
                code::INVALID_PARAMS,
                "`initialize` needs `protocolVersion`, `capabilities` and `clientInfo`",
                out,
            );
        };
        self.version = ProtocolVersion::negotiate(&hello.protocol_version);
        self.offers = hello.capabilities;
        self.phase = initializing.after(Step::InitializeResult).unwrap_or(initializing);
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Answer<'a> {
            protocol_version: &'a str,
            capabilities: &'a ServerCapabilities,
            server_info: &'a Implementation,
            #[serde(skip_serializing_if = "Option::is_none")]
            instructions: Option<&'a str>,
        }
        let answer = Answer {
            protocol_version: self.version.as_str(),
            capabilities: profile.capabilities,
            server_info: profile.info,
            instructions: profile.instructions,
        };
        reply(&request.id, &answer, out);
        ServerEvent::Answered
    }

    fn set_level<'a>(
        &mut self,
        profile: &ServerProfile<'_>,
        request: &Request<'a>,
        out: &mut Vec<u8>,
    ) -> ServerEvent<'a> {
        if profile.capabilities.logging.is_none() {
            return refuse(&request.id, code::METHOD_NOT_FOUND, "this server does not log", out);
        }
        let Some(params) = read::<SetLevelParams>(request.params) else {
            return refuse(&request.id, code::INVALID_PARAMS, "unknown log level", out);
        };
        self.level = Some(params.level);
        reply(&request.id, &JsonObject::new(), out);
        ServerEvent::Answered
    }

    /// Takes a request into the table of those in flight.
    fn admit<'a>(
        &mut self,
        limits: &Limits,
        method: Method,
        request: Request<'a>,
        out: &mut Vec<u8>,
    ) -> ServerEvent<'a> {
        let Request { id, params, .. } = request;
        if self.pending.iter().any(|(_, pending)| *pending == id) {
            return refuse(&id, code::INVALID_REQUEST, "a request with this id is in flight", out);
        }
        match self.pending.insert(id.clone().into_owned(), limits.requests_in_flight) {
            Ok(key) => {
                // Who asks is ready, whether or not it has said so (R-LM-31): from now on it is told what changes.
                self.phase = Phase::Operating;
                ServerEvent::Request { key: RequestKey(key), method, params }
            }
            Err(_) => refuse(&id, code::INTERNAL_ERROR, "too many requests in flight", out),
        }
    }

    fn handle_notification<'a>(&mut self, notification: &Notification<'a>) -> ServerEvent<'a> {
        let ignored = |why| ServerEvent::Ignored(why);
        let known = Method::from_name(&notification.method)
            .filter(|method| method.is_notification() && method.may_come_from(Sender::Client));
        match known {
            Some(Method::NotificationsInitialized) => match self.phase.after(Step::Initialized) {
                Ok(phase) => {
                    self.phase = phase;
                    ServerEvent::Initialized
                }
                Err(violation) => ignored(IgnoredByServer::Violation(violation)),
            },
            Some(Method::NotificationsCancelled) => {
                let cancelled = read::<CancelledParams<'_>>(notification.params)
                    .and_then(|params| Some((self.take(&params.request_id)?, params.reason)));
                match cancelled {
                    Some((key, reason)) => ServerEvent::Cancelled { key, reason },
                    None => ignored(IgnoredByServer::UnknownCancellation),
                }
            }
            Some(method) if method.exists_in(self.version) => match self.phase.after(Step::Notification) {
                Ok(_) => ServerEvent::Notification { method, params: notification.params },
                Err(violation) => ignored(IgnoredByServer::Violation(violation)),
            },
            _ => ignored(IgnoredByServer::UnknownNotification),
        }
    }

    fn take(&mut self, id: &RequestId<'_>) -> Option<RequestKey> {
        let key = self.pending.iter().find(|(_, pending)| *pending == id).map(|(key, _)| key)?;
        self.pending.remove(key);
        Some(RequestKey(key))
    }
}

impl Default for ServerSession {
    fn default() -> Self {
        Self::new()
    }
}

/// What a server needs of a client's `InitializeParams`. Who the client is stays unread: typed, with icons, it would be a
/// tenth of what a small server weighs beyond std.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Hello<'a> {
    #[serde(borrow)]
    protocol_version: Cow<'a, str>,
    #[serde(default, deserialize_with = "null_is_default")]
    capabilities: ClientOffers,
    #[serde(borrow)]
    client_info: &'a RawValue,
}

impl Hello<'_> {
    fn is_complete(&self) -> bool {
        self.client_info.get().starts_with('{')
    }
}

fn refuse<'a>(id: &RequestId<'_>, code: i64, message: &'static str, out: &mut Vec<u8>) -> ServerEvent<'a> {
    write_error(out, &id.clone().into(), &ErrorObject::new(code, message));
    ServerEvent::Answered
}

fn reply<R: Serialize>(id: &RequestId<'_>, result: &R, out: &mut Vec<u8>) {
    let written = write_result(out, id, result);
    debug_assert!(written.is_ok(), "the protocol's own objects serialize");
}

fn read<'a, T: Deserialize<'a>>(params: Option<&'a RawValue>) -> Option<T> {
    serde_json::from_str(params?.get()).ok()
}
