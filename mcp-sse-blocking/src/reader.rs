//! Who reads the event stream: the role of the reader, and how it is passed on.
//!
//! One thread at a time reads. A thread that waits for a reply reads itself when nobody else does: the reply then reaches
//! it without a second thread (the *leader*). Others wait at their [slots](crate::slot); the leader hands them what is
//! theirs, and when it leaves, the role. When nobody waits, the thread `mcp-read` (the *keeper*) reads, so that pings are
//! answered and the end of the stream is noticed. It does not fight for the role: after the stream was led it lets a short
//! [`TICK`] pass without a leader before it takes over, so that one call after the other never waits for it.
//!
//! ```text
//!             take                    reply for me, deadline
//!   nobody ---------> a caller leads -----------------------> the next waiting caller, else nobody
//!      | TICK without a leader, or a started call is in flight
//!      +------------> the keeper leads --- after an event, when a caller waits or was served ---> the same
//! ```

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::value::RawValue;

use crate::carrier::{Filled, Incoming, Loss, SharedStream};
use crate::engine::Engine;
use crate::error::{Delivery, Error};
use crate::intake::Taken;
use crate::pending::Pending;
use crate::slot::{Found, Progress, Slot};

/// How long the stream is left alone after a call before the keeper reads it.
const TICK: Duration = Duration::from_millis(20);
/// How long the keeper sleeps at most while somebody else leads; a leader that leaves wakes it then.
const LONGEST_NAP: Duration = Duration::from_secs(10);

/// Who has the role and who wants it.
#[derive(Debug, Default)]
pub(crate) struct Roles {
    state: Mutex<State>,
    keeper: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Somebody reads the stream, or was told to.
    leading: bool,
    /// How often the role was given back.
    led: u64,
    /// Callers who wait at their slots and could read, in the order in which they came.
    waiting: VecDeque<Arc<Slot>>,
    /// Started calls in flight: their threads cannot read.
    jobs: usize,
    /// The keeper will not look by itself soon.
    napping: bool,
    /// The stream is over.
    over: bool,
}

/// The role of the reader; given on when dropped.
struct Role<'a>(&'a Roles);

enum Led<R> {
    /// The reply came and was decoded.
    Replied(Result<R, Error>),
    /// There is something at the caller's slot.
    Look,
    OutOfTime,
}

/// What is left after the failure of a stream.
enum After {
    /// Nothing.
    Over,
    /// The session, and a stream that waits for its next peer.
    Between,
}

impl Roles {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the role, or a place among those who wait for it.
    fn take_or_wait(&self, slot: &Arc<Slot>) -> Option<Role<'_>> {
        let mut state = self.state();
        if !state.leading && !state.over {
            state.leading = true;
            return Some(Role(self));
        }
        state.waiting.push_back(Arc::clone(slot));
        None
    }

    /// Does not want the role any more. Gives it on when it was handed over in the meantime and not yet taken.
    pub(crate) fn leave(&self, slot: &Slot) {
        let mut state = self.state();
        if let Some(at) = state.waiting.iter().position(|waiting| waiting.id == slot.id) {
            state.waiting.remove(at);
        }
    }

    /// Leaves for good: a role that was handed over is handed on.
    fn resign(&self, slot: &Slot) {
        self.leave(slot);
        if slot.take_lead() {
            drop(Role(self));
        }
    }

    /// A started call needs a reader that is not itself.
    pub(crate) fn job_began(&self) {
        let mut state = self.state();
        state.jobs += 1;
        if !state.leading {
            self.keeper.notify_one();
        }
    }

    pub(crate) fn job_ended(&self) {
        self.state().jobs -= 1;
    }

    pub(crate) fn end(&self) {
        self.state().over = true;
        self.keeper.notify_one();
    }

    fn somebody_waits(&self) -> bool {
        !self.state().waiting.is_empty()
    }
}

impl Drop for Role<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.led += 1;
        match state.waiting.pop_front() {
            // Under the lock: once a slot is out of the list it must find the role at its side.
            Some(next) => next.lead(),
            None => {
                state.leading = false;
                if state.jobs > 0 || state.napping {
                    self.0.keeper.notify_one();
                }
            }
        }
    }
}

impl Engine {
    /// The shared stream, when there is one and it stands.
    fn stream(&self) -> Option<MutexGuard<'_, Option<Box<dyn SharedStream>>>> {
        Some(self.carrier.shared()?.stream())
    }

    /// Waits for the reply of a call, reading the stream when nobody else does. `decode` is run on the reply where it lies,
    /// in the buffer of the stream; progress is told between two turns at the stream, with no role and no lock held.
    pub(crate) fn wait_for<R>(
        &self,
        call: &mut Pending,
        mut on_progress: Option<&mut dyn FnMut(Progress)>,
        decode: impl FnOnce(&RawValue) -> Result<R, Error>,
    ) -> Result<R, Error> {
        let mut decode = Some(decode);
        let slot = Arc::clone(&call.slot);
        let mut found = slot.take();
        loop {
            let role = match found {
                Found::Progress(progress) => {
                    self.roles.resign(&slot);
                    if call.is_late() {
                        return Err(call.expired());
                    }
                    if let Some(tell) = &mut on_progress {
                        tell(progress);
                    }
                    found = slot.take();
                    continue;
                }
                Found::Outcome(outcome) => {
                    self.roles.resign(&slot);
                    return match outcome {
                        Ok(result) => {
                            call.finish();
                            // It is taken at most once: both places that take it return.
                            let Some(decode) = decode.take() else { return Err(Error::Closed(Delivery::Sent)) };
                            decode(&result)
                        }
                        Err(error) => Err(call.failed(error)),
                    };
                }
                Found::Lead => Some(Role(&self.roles)),
                Found::Nothing => self.roles.take_or_wait(&slot),
            };
            found = match role {
                Some(role) => match self.lead(role, call, &mut decode) {
                    Led::Replied(reply) => return reply,
                    Led::OutOfTime => return Err(call.expired()),
                    Led::Look => slot.take(),
                },
                None => match slot.wait(call.deadline) {
                    Found::Nothing => {
                        self.roles.resign(&slot);
                        return Err(call.expired());
                    }
                    found => found,
                },
            };
        }
    }

    /// Reads the stream until there is something for `call`.
    fn lead<R, F>(&self, _role: Role<'_>, call: &mut Pending, decode: &mut Option<F>) -> Led<R>
    where
        F: FnOnce(&RawValue) -> Result<R, Error>,
    {
        // Locked after the role was taken and so released before it is given on.
        let mut stream = self.stream();
        // The keeper drops the stream when the session is over; what ended it is at the caller's slot.
        let Some(Some(stream)) = stream.as_deref_mut() else { return Led::Look };
        // The reader before us may have served this call between its last look at its slot and its taking of the role.
        // From here on nobody else can.
        if !call.slot.is_empty() {
            return Led::Look;
        }
        loop {
            match stream.next() {
                Ok(Some(incoming)) => match self.take_heard(incoming, Some(call.slot.id)) {
                    Taken::Reply(result) => {
                        call.finish();
                        let Some(decode) = decode.take() else { return Led::Look };
                        return Led::Replied(decode(result));
                    }
                    Taken::Refused(error) => return Led::Replied(Err(call.failed(Error::Rpc(error)))),
                    Taken::Mine => return Led::Look,
                    Taken::ForCaller | Taken::Other => continue,
                },
                Ok(None) => {}
                Err(error) => {
                    self.stream_failed(&mut **stream, error);
                    return Led::Look;
                }
            }
            match stream.fill(call.deadline) {
                Ok(Filled::Bytes) => {}
                Ok(Filled::OutOfTime(_)) => return Led::OutOfTime,
                Ok(Filled::End) => {
                    self.stream_failed(&mut **stream, Error::StreamEnded(Delivery::Sent));
                    return Led::Look;
                }
                Err(error) => {
                    self.stream_failed(&mut **stream, error);
                    return Led::Look;
                }
            }
        }
    }

    /// The keeper's thread. When the session is over it drops the stream, and with it the last socket.
    pub(crate) fn keep(&self) {
        self.keep_watch();
        if let Some(mut stream) = self.stream() {
            *stream = None;
        }
    }

    /// The one loop of the keeper.
    fn keep_watch(&self) {
        let mut state = self.roles.state();
        // As if the stream had just been led: the handshake comes first, on the thread that connects.
        let mut seen = state.led.wrapping_sub(1);
        let mut nap = TICK;
        loop {
            if state.over {
                return;
            }
            let undisturbed = state.led == seen;
            if !state.leading && (state.jobs > 0 || undisturbed) {
                state.leading = true;
                drop(state);
                self.keep_reading(Role(&self.roles));
                state = self.roles.state();
                nap = TICK;
            } else {
                // Somebody leads for long, waiting for a slow tool: no need to look often.
                nap = if state.leading && undisturbed { (nap * 2).min(LONGEST_NAP) } else { TICK };
                seen = state.led;
            }
            if state.over {
                return;
            }
            if !state.leading && state.jobs > 0 {
                continue;
            }
            state.napping = nap > TICK;
            state = self.roles.keeper.wait_timeout(state, nap).unwrap_or_else(PoisonError::into_inner).0;
            state.napping = false;
        }
    }

    /// Reads the stream until it is over or a caller would rather do so.
    fn keep_reading(&self, _role: Role<'_>) {
        let mut stream = self.stream();
        let Some(Some(stream)) = stream.as_deref_mut() else { return };
        loop {
            let mut served = false;
            let event = loop {
                match stream.next() {
                    Ok(Some(incoming)) => served |= matches!(self.take_heard(incoming, None), Taken::ForCaller),
                    Ok(None) => break Ok(()),
                    Err(error) => break Err(error),
                }
            };
            if let Err(error) = event {
                match self.stream_failed(&mut **stream, error) {
                    After::Over => return,
                    After::Between => continue,
                }
            }
            if served || self.roles.somebody_waits() {
                return;
            }
            match stream.fill(None) {
                Ok(Filled::Bytes | Filled::OutOfTime(_)) => {}
                ended => {
                    let error = ended.err().unwrap_or(Error::StreamEnded(Delivery::Sent));
                    match self.stream_failed(&mut **stream, error) {
                        After::Over => return,
                        After::Between => {}
                    }
                }
            }
        }
    }

    /// Takes in what the server sends, which is of use by that.
    fn take_heard<'a>(&self, incoming: Incoming<'a>, own: Option<u64>) -> Taken<'a> {
        self.standing.heard();
        self.take_incoming(incoming, own)
    }

    /// The stream brings nothing more as it is: the session is over, or only what is in flight is lost.
    fn stream_failed(&self, stream: &mut dyn SharedStream, error: Error) -> After {
        let asked = stream.retry();
        match stream.loss() {
            // Before anybody is refused: who finds the peer gone knows that it is lost.
            Loss::New => self.lose(stream.number(), &error, asked),
            // Whoever gave the session up has seen to what was in flight.
            Loss::Known => {}
            Loss::Final => {
                self.end(error);
                return After::Over;
            }
        }
        stream.let_go(&error);
        if self.ended().is_some() { After::Over } else { After::Between }
    }
}

#[cfg(test)]
mod tests;
