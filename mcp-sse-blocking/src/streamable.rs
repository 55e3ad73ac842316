//! Streamable HTTP as a carrier: one request over an exchange of its own, on the thread that makes it.
//!
//! The request is POSTed, and its answer is JSON or an event stream (R-SH-9, R-ST-14). On the stream come, before the reply,
//! progress and logs, and in the handshake eras what the server asks; the [`intake`](crate::intake) sorts them. A stream that
//! is lost is asked for again where the revision allows it: the module [`follow`].

mod follow;
mod renewal;

use std::sync::Arc;
use std::time::Duration;

use mcp_core::http::Answer;
use mcp_core::jsonrpc::{self, ErrorId, Message, Payload};
use mcp_core::time::Deadline;
use mcp_core::types::InitializeParams;
use serde_json::value::RawValue;

use self::renewal::Renewal;
use crate::engine::Engine;
use crate::error::{Delivery, Error, PeerError};
use crate::intake::Taken;
use crate::listen::Listening;
use crate::log_target;
use crate::pending::{Pending, Repeat};
use crate::slot::Progress;
use crate::transport::exchange::Stop;
use crate::transport::pool::Room;
use crate::transport::streamable_http::{Context, Endpoint, Mirrored, Posting, Refused, Reply, closing};

/// How long ending the session at the server may take: a part of the second that closing has.
const GOODBYE_TIME: Duration = Duration::from_millis(300);

/// Streamable HTTP of one client.
pub(crate) struct Streamable {
    pub(crate) endpoint: Endpoint,
    /// Said at the start of each session. `None` in the stateless revision, which has none.
    pub(crate) hello: Option<InitializeParams>,
    pub(crate) listening: Listening,
    renewal: Renewal,
}

impl Streamable {
    pub(crate) fn new(endpoint: Endpoint, hello: Option<InitializeParams>) -> Self {
        Self { endpoint, hello, listening: Listening::default(), renewal: Renewal::default() }
    }

    /// Ends every exchange and whatever waits between two, and refuses new ones.
    pub(crate) fn shut_down(&self) {
        self.endpoint.http.shut_down();
        self.listening.end();
        self.renewal.wake();
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
        repeat: Repeat,
    ) -> Result<(), Error> {
        let posting = Posting { message, mirrored, deadline, stop, again: repeat.into(), room: Room::Free };
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
        self.insight().sent(&message);
        let mirrored = self.mirrored(&message)?;
        let posting = Posting {
            message: &message,
            mirrored: &mirrored,
            deadline: call.deadline,
            stop: call.stop(),
            again: call.repeat.into(),
            // A subscription stays open for as long as it lives.
            room: if call.slot.feed().is_some() { Room::Free } else { Room::Counted },
        };
        let reply = match carrier.endpoint.post(context, &posting) {
            Ok(answered) => answered.reply,
            Err(error) => return Err(self.failed(call, error)),
        };
        call.delivered(Delivery::Sent);
        drop(message);
        if !matches!(reply, Reply::Refused(_)) {
            self.standing.heard();
        }
        match reply {
            Reply::Json(body) => match self.take_answer(&body, call, decode) {
                Some(outcome) => outcome,
                None => Err(self.failed(call, self.error_without_id(&body).unwrap_or(PeerError::NoAnswer.into()))),
            },
            Reply::Stream(stream) => self.follow(carrier, context, call, stream, on_progress, decode),
            Reply::Accepted => Err(self.failed(call, PeerError::NoAnswer.into())),
            Reply::Refused(refused) => match self.judge(refused, call, decode) {
                Ok(result) => Ok(result),
                Err(error) => Err(self.failed(call, error)),
            },
        }
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
        if !self.is_error(&refused.body) {
            return Err(refused.into_error());
        }
        if let Some(outcome) = self.take_answer(&refused.body, call, decode) {
            return outcome;
        }
        Err(self.error_without_id(&refused.body).unwrap_or_else(|| refused.into_error()))
    }

    /// Completes the failure of an exchange: what ended the call from elsewhere comes first.
    fn failed(&self, call: &mut Pending, error: Error) -> Error {
        if let Some(Err(other)) = call.slot.take_outcome() {
            return call.failed(other);
        }
        // Between the end of the session and the telling of its calls, a reply is one that nobody waits for.
        if let Some(ended) = self.ended() {
            return call.failed(ended);
        }
        match error {
            Error::Timeout(timeout) if !timeout.has_own_cause() => {
                call.delivered(timeout.delivery);
                call.expired()
            }
            Error::Closed(delivery) => call.failed(self.ended().unwrap_or(Error::Closed(delivery))),
            error => {
                call.abandon(error.delivery());
                call.timed(error)
            }
        }
    }

    /// Whether a body is a JSON-RPC error.
    fn is_error(&self, body: &[u8]) -> bool {
        matches!(jsonrpc::decode(body, &self.limits), Ok(Payload::Message(Message::Error(_))))
    }

    /// The error of an answer that names no request: HTTP says which one it belongs to (R-LM-6).
    fn error_without_id(&self, body: &[u8]) -> Option<Error> {
        match jsonrpc::decode(body, &self.limits).ok()? {
            Payload::Message(Message::Error(error)) if !matches!(error.id, ErrorId::Known(_)) => {
                Some(Error::Rpc(error.error.to_owned()))
            }
            _ => None,
        }
    }
}
