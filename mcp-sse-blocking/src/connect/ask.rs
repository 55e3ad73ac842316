//! One message to a server with which there is no session yet, and what came back.

use mcp_core::Limits;
use mcp_core::http::era::Finding;
use mcp_core::jsonrpc::{self, Message, Payload};
use mcp_core::time::Deadline;
use ureq::http::header::HeaderValue;

use super::early::Early;
use crate::carrier::Filled;
use crate::error::{Delivery, Error, PeerError, Timeout};
use crate::events::Transformer;
use crate::log_target;
use crate::transport::event_stream::EventStream;
use crate::transport::http::Again;
use crate::transport::pool::Room;
use crate::transport::streamable_http::{Context, Endpoint, Mirrored, Posting, Reply};

/// What came back.
pub(super) struct Heard {
    pub(super) status: u16,
    /// The JSON-RPC answer, if there is one.
    pub(super) message: Option<Vec<u8>>,
    /// Why there is none; with an error status also beside one.
    pub(super) refusal: Option<Error>,
    pub(super) session: Option<HeaderValue>,
    /// What else came, to be taken in once there is a session.
    pub(super) early: Early,
}

impl Heard {
    /// Tells `take` what this is evidence of.
    pub(super) fn finding<R>(&self, limits: &Limits, take: impl FnOnce(Finding<'_>) -> R) -> R {
        match self.message.as_deref().map(|message| jsonrpc::decode(message, limits)) {
            Some(Ok(Payload::Message(Message::Response(response)))) => take(Finding::Result(response.result)),
            Some(Ok(Payload::Message(Message::Error(error)))) => take(Finding::Error(self.status, &error.error)),
            _ => take(Finding::Status(self.status)),
        }
    }

    /// The error of an answer that is none, or that is an error.
    pub(super) fn into_error(self, limits: &Limits) -> Error {
        let said = self.message.as_deref().and_then(|message| match jsonrpc::decode(message, limits) {
            Ok(Payload::Message(Message::Error(error))) => Some(Error::Rpc(error.error.to_owned())),
            _ => None,
        });
        match (said, self.refusal) {
            (Some(said), _) if !matches!(self.status, 401 | 403) => said,
            (_, Some(refusal)) => refusal,
            (said, None) => said.unwrap_or(PeerError::NoAnswer.into()),
        }
    }
}

/// Sends `message` and reads until its answer has come.
///
/// # Errors
/// When nothing came back, or what cannot be an answer of any kind.
pub(super) fn ask(
    endpoint: &Endpoint,
    context: &Context,
    message: &[u8],
    mirrored: &Mirrored,
    deadline: Option<Deadline>,
) -> Result<Heard, Error> {
    // Whatever is asked here may be asked twice: nothing is remembered of a handshake that nobody finished.
    let posting = Posting { message, mirrored, deadline, stop: None, again: Again::Yes, room: Room::Counted };
    endpoint.http.insight().sent(message);
    let mut heard = Heard { status: 200, message: None, refusal: None, session: None, early: Early::default() };
    let answered = match endpoint.post(context, &posting) {
        Ok(answered) => answered,
        // A success that is no answer is evidence too.
        Err(error @ Error::Peer(PeerError::NotAnAnswer { .. })) => {
            heard.refusal = Some(error);
            return Ok(heard);
        }
        Err(error) => return Err(error),
    };
    heard.session = answered.session;
    match answered.reply {
        Reply::Json(body) => {
            if is_answer(&body, &endpoint.limits) {
                heard.message = Some(body);
            }
        }
        Reply::Stream(stream) => {
            let (stream, message) = await_answer(stream, endpoint, deadline, &mut heard.early)?;
            heard.message = message;
            endpoint.leave(stream);
        }
        Reply::Accepted => {}
        Reply::Refused(refused) => {
            heard.status = refused.status.code;
            heard.message = is_answer(&refused.body, &endpoint.limits).then(|| refused.body.clone());
            heard.refusal = Some(refused.into_error());
        }
    }
    match &heard.message {
        Some(message) => endpoint.http.insight().received(message),
        None => log::trace!(target: log_target::WIRE, "<-- no message, but status {}", heard.status),
    }
    Ok(heard)
}

/// Reads the stream up to the answer.
fn await_answer(
    mut stream: EventStream,
    endpoint: &Endpoint,
    deadline: Option<Deadline>,
    early: &mut Early,
) -> Result<(EventStream, Option<Vec<u8>>), Error> {
    loop {
        while let Some(event) = stream.next_event()? {
            if !event.carries_message() {
                continue;
            }
            let data = Transformer::through(endpoint.transformer.as_ref(), &event)?;
            if is_answer(&data, &endpoint.limits) {
                let answer = data.into_owned();
                return Ok((stream, Some(answer)));
            }
            if early.keep(&data).is_err() {
                return Ok((stream, None));
            }
        }
        match stream.fill(deadline)? {
            Filled::Bytes => {}
            Filled::End => return Err(Error::StreamEnded(Delivery::Sent)),
            Filled::OutOfTime(cause) => {
                return Err(Error::Timeout(Timeout { cause, after: None, delivery: Delivery::Sent }));
            }
        }
    }
}

/// Whether this is the answer to a request. There was only one.
fn is_answer(data: &[u8], limits: &Limits) -> bool {
    matches!(jsonrpc::decode(data, limits), Ok(Payload::Message(Message::Response(_) | Message::Error(_))))
}
