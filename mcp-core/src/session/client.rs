//! The client's side of a session.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::error::{ApiMisuse, HandshakeError};
use super::lifecycle::{Phase, Step};
use super::pending::Pending;
use crate::jsonrpc::{
    ErrorId, ErrorObject, ErrorResponse, Message, Notification, Request, RequestId, Response, code, write_error,
    write_notification, write_request_with_meta, write_result,
};
use crate::limits::Limits;
use crate::revision::ProtocolVersion;
use crate::text::{Excerpt, parser_message};
use crate::time::{Deadline, Instant};
use crate::types::{
    CancelledParams, InitializeParams, InitializeResult, JsonObject, LoggingMessage, Method, Progress, RequestMeta,
};

/// The client's side of a session: gives out ids, matches answers, answers what the server asks.
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
#[derive(Debug, Clone, Copy, Default)]
pub struct RequestOptions {
    /// When [`ClientSession::handle_timeout`] gives it up.
    pub deadline: Option<Deadline>,
    /// Ask for progress notifications; the token is the request's id (R-LM-82).
    pub progress: bool,
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
    /// The server asked something; the answer is in `out`.
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
    /// A cancellation of something that the server asked: it was answered at once.
    Cancellation,
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
            Self::Cancellation => f.write_str("a cancellation of a request that was answered at once"),
        }
    }
}

impl ClientSession {
    /// A session in which nothing was said yet.
    pub fn new(limits: Limits) -> Self {
        Self { limits, phase: Phase::New, pending: Pending::new(), handshake: None, version: None, server: None }
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

    /// Sends `initialize` and gives its id. The answer comes as [`ClientEvent::Initialized`] or
    /// [`ClientEvent::HandshakeFailed`].
    ///
    /// # Errors
    ///
    /// [`ApiMisuse`] when it was sent already.
    pub fn initialize(
        &mut self,
        params: &InitializeParams,
        deadline: Option<Deadline>,
        out: &mut Vec<u8>,
    ) -> Result<u64, ApiMisuse> {
        let phase = self.phase.after(Step::Initialize)?;
        let options = RequestOptions { deadline, progress: false };
        let id = self.send(Method::Initialize.name(), params, options, out)?;
        self.phase = phase;
        self.handshake = Some(id);
        Ok(id)
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
        options: RequestOptions,
        out: &mut Vec<u8>,
    ) -> Result<u64, ApiMisuse> {
        self.phase.after(if method == Method::Ping.name() { Step::Ping } else { Step::Request })?;
        self.send(method, params, options, out)
    }

    fn send<P: Serialize + ?Sized>(
        &mut self,
        method: &str,
        params: &P,
        options: RequestOptions,
        out: &mut Vec<u8>,
    ) -> Result<u64, ApiMisuse> {
        let RequestOptions { deadline, progress } = options;
        let progress = if progress { WantsProgress::Yes } else { WantsProgress::No };
        let id = self.pending.insert(InFlight { deadline, progress }, self.limits.requests_in_flight)?;
        let request_id = RequestId::from(id);
        let written = match progress {
            WantsProgress::No => write_request_with_meta(out, &request_id, method, params, &()),
            WantsProgress::Yes => {
                let meta = RequestMeta { progress_token: Some(request_id.clone()) };
                write_request_with_meta(out, &request_id, method, params, &meta)
            }
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
            Message::Request(request) => answer(&request, out),
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

    fn handle_initialize_result<'a>(&mut self, result: &RawValue, out: &mut Vec<u8>) -> ClientEvent<'a> {
        let result = match serde_json::from_str::<InitializeResult>(result.get()) {
            Ok(result) => result,
            Err(error) => return self.fail_handshake(HandshakeError::Malformed(parser_message(&error))),
        };
        let Some(version) = ProtocolVersion::from_handshake(&result.protocol_version) else {
            return self.fail_handshake(HandshakeError::UnsupportedVersion(result.protocol_version));
        };
        self.version = Some(version);
        self.server = Some(Box::new(result));
        // The answer opens the session, and the notification follows it in the same breath.
        self.enter(Step::InitializeResult);
        self.enter(Step::Initialized);
        let written = write_notification(out, Method::NotificationsInitialized.name(), &());
        debug_assert!(written.is_ok(), "there are no parameters");
        ClientEvent::Initialized
    }

    fn fail_handshake<'a>(&mut self, error: HandshakeError) -> ClientEvent<'a> {
        self.enter(Step::InitializeError);
        ClientEvent::HandshakeFailed(error)
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
            Some(Method::NotificationsCancelled) => Some(ClientEvent::Ignored(IgnoredByClient::Cancellation)),
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

/// Answers what a server asks of a client that offers nothing: `ping` with `{}` (R-LM-75), the rest with -32601 (R-LM-34).
fn answer<'a>(request: &Request<'_>, out: &mut Vec<u8>) -> ClientEvent<'a> {
    if Method::from_name(&request.method) == Some(Method::Ping) {
        let written = write_result(out, &request.id, &JsonObject::new());
        debug_assert!(written.is_ok(), "an empty object serializes");
    } else {
        let error = ErrorObject::new(code::METHOD_NOT_FOUND, "method not supported by this client");
        write_error(out, &request.id.clone().into(), &error);
    }
    ClientEvent::Answered
}

fn read<'a, T: Deserialize<'a>>(params: Option<&'a RawValue>) -> Option<T> {
    serde_json::from_str(params?.get()).ok()
}
