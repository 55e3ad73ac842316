//! Streamable HTTP as a carrier: one request over an exchange of its own, on the thread that makes it.
//!
//! The request is POSTed, and its answer is JSON or an event stream (R-SH-9, R-ST-14). On the stream come, before the reply,
//! progress and logs, and in the handshake eras what the server asks; the [`intake`](crate::intake) sorts them. A stream that
//! is lost is asked for again where the revision allows it: see `follow`.

use std::borrow::Cow;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use mcp_core::http::resume::{Ended, ResumePolicy, Resumption};
use mcp_core::http::{Answer, RequestHead, headers};
use mcp_core::jsonrpc::{self, ErrorId, Message, Payload};
use mcp_core::revision::ProtocolVersion;
use mcp_core::text::Excerpt;
use mcp_core::time::{Cause, Deadline, Instant};
use mcp_core::types::{InitializeParams, Method};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::carrier::Filled;
use crate::clock;
use crate::connect;
use crate::engine::{Engine, WIRE_CHARACTERS};
use crate::error::{Delivery, Error, PeerError};
use crate::intake::Taken;
use crate::listen::Listening;
use crate::log_target;
use crate::pending::{Pending, Repeat};
use crate::slot::{Found, Progress};
use crate::transport::event_stream::EventStream;
use crate::transport::exchange::Stop;
use crate::transport::http::Again;
use crate::transport::streamable_http::{Context, Endpoint, Mirrored, Posting, Refused, Reply, closing, header};

/// How long opening a session anew may take where no setting says it.
const RENEWAL_TIME: Duration = Duration::from_secs(60);

/// How long ending the session at the server may take: a part of the second that closing has.
const GOODBYE_TIME: Duration = Duration::from_millis(300);

/// Streamable HTTP of one client.
pub(crate) struct Streamable {
    pub(crate) endpoint: Endpoint,
    /// Said at the start of each session. `None` in the stateless revision, which has none.
    pub(crate) hello: Option<InitializeParams>,
    pub(crate) listening: Listening,
    renewal: Mutex<Renewal>,
    renewed: Condvar,
}

/// Whether somebody is opening a new session.
#[derive(Debug, Default)]
struct Renewal {
    running: bool,
}

/// What a caller's turn at a stream ended with.
enum Turn<R> {
    Done(Result<R, Error>),
    /// The stream ended or broke before the reply.
    Lost(Error),
}

impl Streamable {
    pub(crate) fn new(endpoint: Endpoint, hello: Option<InitializeParams>) -> Self {
        Self { endpoint, hello, listening: Listening::default(), renewal: Mutex::default(), renewed: Condvar::new() }
    }

    /// Ends every exchange and whatever waits between two, and refuses new ones.
    pub(crate) fn shut_down(&self) {
        self.endpoint.http.shut_down();
        self.listening.end();
        self.renewed.notify_all();
    }

    /// Ends the session at the server (R-SH-52). What it says to that, or whether it says anything, changes nothing.
    pub(crate) fn say_goodbye(&self, deadline: Deadline) {
        let context = self.endpoint.context();
        if context.has_session()
            && let Err(error) = self.endpoint.delete(&context, closing(deadline, GOODBYE_TIME))
        {
            log::debug!(target: log_target::HTTP, "the session was not ended at the server: {error}");
        }
    }

    /// Sends a message that is no request: a notification, or the answer to what the server asked.
    pub(crate) fn post(
        &self,
        message: &[u8],
        mirrored: &Mirrored,
        deadline: Option<Deadline>,
        stop: Option<Arc<dyn Stop>>,
    ) -> Result<(), Error> {
        let posting = Posting { message, mirrored, deadline, stop, again: Again::Yes };
        match self.endpoint.post(&self.endpoint.context(), &posting)?.reply {
            // Whatever else comes with a success means nothing.
            Reply::Accepted | Reply::Json(_) | Reply::Stream(_) => Ok(()),
            Reply::Refused(refused) => Err(refused.into_error()),
        }
    }
}

impl Engine {
    /// Makes the request and reads its answer.
    pub(crate) fn exchange<R>(
        &self,
        carrier: &Streamable,
        context: &Context,
        call: &mut Pending,
        on_progress: Option<&mut dyn FnMut(Progress)>,
        decode: &mut dyn FnMut(&RawValue) -> Result<R, Error>,
    ) -> Result<R, Error> {
        let message = call.take_message();
        log::trace!(target: log_target::WIRE, "--> {}", Excerpt::new(&String::from_utf8_lossy(&message), WIRE_CHARACTERS));
        let mirrored = self.mirrored(&message)?;
        let posting = Posting {
            message: &message,
            mirrored: &mirrored,
            deadline: call.deadline,
            stop: call.stop(),
            again: if call.repeat == Repeat::Safe { Again::Yes } else { Again::No },
        };
        let reply = match carrier.endpoint.post(context, &posting) {
            Ok(answered) => answered.reply,
            Err(error) => return Err(self.failed(call, error)),
        };
        call.delivered(Delivery::Sent);
        drop(message);
        match reply {
            Reply::Json(body) => match self.take_answer(&body, call, decode) {
                Some(outcome) => outcome,
                None => Err(self.failed(call, answer_without_id(&body).unwrap_or(PeerError::NoAnswer.into()))),
            },
            Reply::Stream(stream) => self.follow(carrier, context, call, stream, on_progress, decode),
            Reply::Accepted => Err(self.failed(call, PeerError::NoAnswer.into())),
            Reply::Refused(refused) => match self.judge(refused, call, decode) {
                Ok(result) => Ok(result),
                Err(error) => Err(self.failed(call, error)),
            },
        }
    }

    /// The headers that repeat parts of a request.
    ///
    /// # Errors
    /// [`Error::Usage`] for an argument that a header has to repeat and none can.
    pub(crate) fn mirrored(&self, message: &[u8]) -> Result<Mirrored, Error> {
        #[derive(Deserialize)]
        struct Own<'a> {
            #[serde(borrow)]
            method: Cow<'a, str>,
            #[serde(borrow)]
            params: Option<&'a RawValue>,
        }
        #[derive(Deserialize)]
        struct ToolCall<'a> {
            #[serde(borrow)]
            name: Cow<'a, str>,
            #[serde(borrow)]
            arguments: Option<&'a RawValue>,
        }
        let version = self.session(|session| session.version());
        if version.is_none_or(|version| version.has_handshake()) {
            return Ok(Mirrored::new());
        }
        let Ok(own) = serde_json::from_slice::<Own<'_>>(message) else { return Ok(Mirrored::new()) };
        let mut all = mirrored_by(&RequestHead { version, session: None }, &own.method, own.params);
        if own.method == Method::ToolsCall.name()
            && let Some(Ok(call)) = own.params.map(|params| serde_json::from_str::<ToolCall<'_>>(params.get()))
            && let Some(annotated) = self.param_headers.of(&call.name)
        {
            let values = annotated.values(call.arguments).map_err(|error| Error::Usage(error.to_string()))?;
            for (name, value) in values {
                all.push(header(name, &value)?);
            }
        }
        Ok(all)
    }

    /// Takes in a body that is to hold the reply; `None` when it does not.
    fn take_answer<R>(
        &self,
        body: &[u8],
        call: &mut Pending,
        decode: &mut dyn FnMut(&RawValue) -> Result<R, Error>,
    ) -> Option<Result<R, Error>> {
        match self.take_data(body, Some(call.slot.id)) {
            Taken::Reply(result) => {
                call.finish();
                Some(decode(result))
            }
            Taken::Refused(error) => Some(Err(call.failed(Error::Rpc(error)))),
            Taken::Mine | Taken::ForCaller | Taken::Other => self.outcome(call, decode),
        }
    }

    /// What lies at the slot of the call: its reply went there when it could not be taken where it lay, and so did the end of
    /// the session.
    fn outcome<R>(
        &self,
        call: &mut Pending,
        decode: &mut dyn FnMut(&RawValue) -> Result<R, Error>,
    ) -> Option<Result<R, Error>> {
        Some(match call.slot.take_outcome()? {
            Ok(result) => {
                call.finish();
                decode(&result)
            }
            Err(error) => Err(call.failed(error)),
        })
    }

    /// What an answer with another status than a success means (R-ST-32): the session is lost, this client is not let in, or
    /// what the body says.
    fn judge<R>(
        &self,
        refused: Refused,
        call: &mut Pending,
        decode: &mut dyn FnMut(&RawValue) -> Result<R, Error>,
    ) -> Result<R, Error> {
        if refused.answer == Answer::SessionGone || matches!(refused.status.code, 401 | 403) {
            return Err(refused.into_error());
        }
        if !jsonrpc_error(&refused.body) {
            return Err(refused.into_error());
        }
        if let Some(outcome) = self.take_answer(&refused.body, call, decode) {
            return outcome;
        }
        Err(answer_without_id(&refused.body).unwrap_or_else(|| refused.into_error()))
    }

    /// Completes the failure of an exchange: what ended the call from elsewhere comes first.
    fn failed(&self, call: &mut Pending, error: Error) -> Error {
        if let Some(Err(other)) = call.slot.take_outcome() {
            return call.failed(other);
        }
        match error {
            Error::Timeout(timeout) if !matches!(timeout.cause, Cause::Connect | Cause::IdleRead) => {
                call.delivered(timeout.delivery);
                call.expired()
            }
            Error::Closed(delivery) => call.failed(self.ended().unwrap_or(Error::Closed(delivery))),
            error => {
                call.abandon(error.delivery());
                error
            }
        }
    }

    /// Reads the event stream that answers a request up to the reply. When it is lost before, the rest is asked for where
    /// there is a way to (R-SH-33, R-SH-42).
    fn follow<R>(
        &self,
        carrier: &Streamable,
        context: &Context,
        call: &mut Pending,
        mut stream: EventStream,
        mut on_progress: Option<&mut dyn FnMut(Progress)>,
        decode: &mut dyn FnMut(&RawValue) -> Result<R, Error>,
    ) -> Result<R, Error> {
        let mut resumption = None;
        loop {
            let lost = match self.read_reply(call, &mut stream, &mut on_progress, decode) {
                Turn::Done(outcome) => {
                    if matches!(outcome, Ok(_) | Err(Error::Rpc(_))) {
                        carrier.endpoint.leave(stream);
                    }
                    return outcome;
                }
                Turn::Lost(error) => error,
            };
            let resumption = resumption.get_or_insert_with(|| {
                let version = self.session(|session| session.version()).unwrap_or(ProtocolVersion::LATEST);
                Resumption::new(version, ResumePolicy::default())
            });
            if stream.had_events() {
                resumption.handle_event();
            }
            stream = match self.resume(carrier, context, call, stream, lost, resumption)? {
                Some(stream) => stream,
                None => return self.outcome(call, decode).unwrap_or_else(|| Err(call.expired())),
            };
        }
    }

    fn read_reply<R>(
        &self,
        call: &mut Pending,
        stream: &mut EventStream,
        on_progress: &mut Option<&mut dyn FnMut(Progress)>,
        decode: &mut dyn FnMut(&RawValue) -> Result<R, Error>,
    ) -> Turn<R> {
        loop {
            loop {
                let event = match stream.next_event() {
                    Ok(Some(event)) => event,
                    Ok(None) => break,
                    Err(error) => return Turn::Done(Err(self.failed(call, error))),
                };
                match self.take_event(&event, Some(call.slot.id)) {
                    Taken::Reply(result) => {
                        call.finish();
                        return Turn::Done(decode(result));
                    }
                    Taken::Refused(error) => return Turn::Done(Err(call.failed(Error::Rpc(error)))),
                    Taken::Mine => {
                        if let Some(outcome) = self.look(call, on_progress, decode) {
                            return Turn::Done(outcome);
                        }
                    }
                    Taken::ForCaller | Taken::Other => {}
                }
            }
            // A stream that is never silent is not left by the socket, which looks for this only while it waits.
            if call.slot.is_settled()
                && let Some(outcome) = self.look(call, on_progress, decode)
            {
                return Turn::Done(outcome);
            }
            if call.is_late() {
                return Turn::Done(Err(call.expired()));
            }
            match stream.fill(call.deadline) {
                Ok(Filled::Bytes) => {}
                Ok(Filled::OutOfTime(_)) => return Turn::Done(Err(call.expired())),
                Ok(Filled::End) => return Turn::Lost(Error::StreamEnded(Delivery::Sent)),
                Err(error @ (Error::Limit(_) | Error::Peer(_) | Error::Cancelled(_))) => {
                    return Turn::Done(Err(self.failed(call, error)));
                }
                Err(error) => return Turn::Lost(error),
            }
        }
    }

    /// Tells the progress that is at the slot; what else is there ends the call.
    fn look<R>(
        &self,
        call: &mut Pending,
        on_progress: &mut Option<&mut dyn FnMut(Progress)>,
        decode: &mut dyn FnMut(&RawValue) -> Result<R, Error>,
    ) -> Option<Result<R, Error>> {
        loop {
            match call.slot.take() {
                Found::Progress(_) if call.is_late() => return Some(Err(call.expired())),
                Found::Progress(progress) => {
                    if let Some(tell) = on_progress {
                        tell(progress);
                    }
                }
                Found::Outcome(Ok(result)) => {
                    call.finish();
                    return Some(decode(&result));
                }
                Found::Outcome(Err(error)) => return Some(Err(call.failed(error))),
                Found::Lead | Found::Nothing => return None,
            }
        }
    }

    /// Asks for the rest of a stream that was lost before the reply. `None` when the call was ended meanwhile.
    ///
    /// # Errors
    /// The loss, when there is no way to the rest.
    fn resume(
        &self,
        carrier: &Streamable,
        context: &Context,
        call: &mut Pending,
        stream: EventStream,
        mut lost: Error,
        resumption: &mut Resumption,
    ) -> Result<Option<EventStream>, Error> {
        loop {
            let ended = resumption.handle_end(clock::now(), stream.last_event_id(), stream.retry());
            let Ended::ResumeAt(at) = ended else {
                return Err(self.failed(call, lost.with_delivery(Delivery::Sent)));
            };
            log::debug!(target: log_target::HTTP, "the stream of a reply ended before it; asking for the rest soon");
            if !pause(call, at) {
                return Ok(None);
            }
            let answered = carrier.endpoint.listen(context, stream.last_event_id(), call.deadline, call.stop());
            lost = match answered.map(|answered| answered.reply) {
                Ok(Reply::Stream(rest)) => return Ok(Some(stream.resumed_with(rest))),
                // Worth another attempt (R-SH-36).
                Ok(Reply::Refused(refused))
                    if matches!(refused.answer, Answer::Conflict | Answer::RetryLater | Answer::Failed) =>
                {
                    refused.into_error()
                }
                Ok(Reply::Refused(refused)) => {
                    log::debug!(target: log_target::HTTP, "the rest is refused: {}", refused.status);
                    return Err(self.failed(call, Error::StreamEnded(Delivery::Sent)));
                }
                Ok(Reply::Accepted | Reply::Json(_)) => {
                    return Err(self.failed(call, Error::StreamEnded(Delivery::Sent)));
                }
                Err(error @ Error::Transport(_)) => error,
                Err(error) => return Err(self.failed(call, error)),
            };
        }
    }

    /// Sends a notification of the caller's; into a new session when the server has lost the one that was (R-SH-51).
    pub(crate) fn tell(&self, message: &[u8], deadline: Option<Deadline>) -> Result<(), Error> {
        let session = self.carrier.streamable().map(|carrier| (carrier, carrier.endpoint.context().generation));
        match (self.post(message, deadline, None), session) {
            (Err(Error::SessionGone(_)), Some((carrier, generation))) => {
                self.renew(carrier, generation, deadline)?;
                self.post(message, deadline, None)
            }
            (sent, _) => sent,
        }
    }

    /// Opens a new session in place of the one that the server does not know any more: once, however many threads find out
    /// (R-SH-51).
    pub(crate) fn renew(&self, carrier: &Streamable, lost: u64, deadline: Option<Deadline>) -> Result<(), Error> {
        let Some(hello) = &carrier.hello else { return Ok(()) };
        let mut renewal = carrier.renewal.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if carrier.endpoint.context().generation != lost {
                return Ok(());
            }
            if let Some(ended) = self.ended() {
                return Err(ended.with_delivery(Delivery::NotSent));
            }
            if !renewal.running {
                break;
            }
            let left = deadline.map_or(Duration::MAX, |deadline| deadline.at.since(clock::now()));
            if left.is_zero() {
                return Err(Error::Timeout(crate::Timeout {
                    cause: Cause::Call,
                    after: None,
                    delivery: Delivery::NotSent,
                }));
            }
            let left = left.min(Duration::from_secs(1));
            renewal = carrier.renewed.wait_timeout(renewal, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        renewal.running = true;
        drop(renewal);
        // Others wait for this, also those whose calls have a deadline.
        let within = self.call_timeout.unwrap_or(RENEWAL_TIME);
        let own = Deadline::after(clock::now(), within, Cause::Initialize);
        let deadline = Some(deadline.filter(|deadline| deadline.at < own.at).unwrap_or(own));
        log::debug!(target: log_target::CLIENT, "the server does not know the session any more; opening another");
        let opened = connect::streamable::open_session(&carrier.endpoint, hello, deadline);
        if let Ok(opened) = &opened {
            carrier.endpoint.enter(opened.context.clone());
        }
        carrier.renewal.lock().unwrap_or_else(PoisonError::into_inner).running = false;
        carrier.renewed.notify_all();
        opened.map(|opened| {
            self.adopt(opened.session);
            for data in opened.early {
                self.take_data(&data, None);
            }
            self.session_renewed();
        })
    }
}

/// Waits until `at`, unless the call is ended or its deadline comes first. False then.
fn pause(call: &Pending, at: Instant) -> bool {
    let until = Deadline { at, cause: Cause::Call };
    let until = call.deadline.filter(|deadline| deadline.at < at).unwrap_or(until);
    call.slot.wait_settled(until);
    !call.slot.is_settled() && !call.is_late()
}

/// Whether a body is a JSON-RPC error.
fn jsonrpc_error(body: &[u8]) -> bool {
    matches!(jsonrpc::decode(body, &mcp_core::Limits::default()), Ok(Payload::Message(Message::Error(_))))
}

/// The error of an answer that names no request: HTTP says which one it belongs to (R-LM-6).
fn answer_without_id(body: &[u8]) -> Option<Error> {
    match jsonrpc::decode(body, &mcp_core::Limits::default()).ok()? {
        Payload::Message(Message::Error(error)) if !matches!(error.id, ErrorId::Known(_)) => {
            Some(Error::Rpc(error.error.to_owned()))
        }
        _ => None,
    }
}

/// The headers of a request that repeat what its body says, in revisions that have them (R-ST-8, R-ST-9).
pub(crate) fn mirrored_by(head: &RequestHead<'_>, method: &str, params: Option<&RawValue>) -> Mirrored {
    let is_mirror = |name: &str| matches!(name, headers::MCP_METHOD | headers::MCP_NAME);
    let repeated = head.post(method, params).filter(|(name, _)| is_mirror(name));
    repeated.filter_map(|(name, value)| header(name, &value).ok()).collect()
}
