//! The event stream that answers a request, from its first event to the reply, over as many connections as that takes.
//!
//! When and how often the rest of a stream is asked for, the core decides ([`mcp_core::http::resume`]).

use mcp_core::http::Answer;
use mcp_core::http::resume::{Ended, ResumePolicy, Resumption};
use mcp_core::revision::ProtocolVersion;
use mcp_core::time::{Cause, Deadline, Instant};
use serde_json::value::RawValue;

use super::Streamable;
use crate::carrier::Filled;
use crate::clock;
use crate::engine::Engine;
use crate::error::{Delivery, Error};
use crate::intake::Taken;
use crate::log_target;
use crate::pending::Pending;
use crate::slot::{Found, Progress};
use crate::transport::event_stream::EventStream;
use crate::transport::streamable_http::{Context, Reply};

/// What a caller's turn at a stream ended with.
enum Turn<R> {
    Done(Result<R, Error>),
    /// The stream ended or broke before the reply.
    Lost(Error),
}

impl Engine {
    /// Reads the event stream that answers a request up to the reply. When it is lost before, the rest is asked for where
    /// there is a way to (R-SH-33, R-SH-42).
    pub(super) fn follow<R>(
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
                Ok(Reply::Stream(rest)) => {
                    self.insight().resumed();
                    return Ok(Some(stream.resumed_with(rest)));
                }
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
}

/// Waits until `at`, unless the call is ended or its deadline comes first. False then.
fn pause(call: &Pending, at: Instant) -> bool {
    let until = Deadline { at, cause: Cause::Call };
    let until = call.deadline.filter(|deadline| deadline.at < at).unwrap_or(until);
    call.slot.wait_settled(until);
    !call.slot.is_settled() && !call.is_late()
}
