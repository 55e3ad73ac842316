//! A call from its registration to its outcome, as the side that makes it sees it.

use std::sync::Arc;
use std::time::Duration;

use mcp_core::time::{Cause, Deadline};

use crate::clock;
use crate::engine::Engine;
use crate::error::{Delivery, Error, Timeout};
use crate::slot::{Slot, Waiter};
use crate::transport::exchange::Stop;

/// A call on its way. Dropped before its outcome was taken, it gives the call up and tells the server.
pub(crate) struct Pending {
    engine: Arc<Engine>,
    pub(crate) slot: Arc<Slot>,
    pub(crate) deadline: Option<Deadline>,
    timeout: Option<Duration>,
    message: Vec<u8>,
    delivery: Delivery,
    finished: bool,
}

/// How a request is to be made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Want {
    pub(crate) waiter: Waiter,
    pub(crate) timeout: Option<Duration>,
    pub(crate) progress: bool,
}

impl Pending {
    pub(crate) fn new(
        engine: Arc<Engine>,
        slot: Arc<Slot>,
        deadline: Option<Deadline>,
        timeout: Option<Duration>,
        message: Vec<u8>,
    ) -> Self {
        Self { engine, slot, deadline, timeout, message, delivery: Delivery::NotSent, finished: false }
    }

    /// Sends the request on this thread. When its reply is here already, what became of the POST does not matter.
    pub(crate) fn send(&mut self) -> Result<(), Error> {
        let stop = Arc::clone(&self.slot) as Arc<dyn Stop>;
        let sent = self.engine.post(&self.message, self.deadline, Some(stop));
        // The largest part of a call that may wait for minutes.
        self.message = Vec::new();
        let Err(error) = sent else {
            self.delivery = Delivery::Sent;
            return Ok(());
        };
        self.delivery = error.delivery().unwrap_or(Delivery::Sent);
        if self.slot.is_stopped() {
            return Ok(());
        }
        Err(match error {
            Error::Timeout(timeout) if timeout.cause != Cause::Connect => self.expired(),
            error => {
                self.finished = true;
                self.engine.forget(self.slot.id);
                error
            }
        })
    }

    /// Whether the deadline passed without an outcome. Looked at before progress is told: a server that sends it faster than
    /// it is listened to would keep the slot from ever being empty, and the call from ending.
    pub(crate) fn is_late(&self) -> bool {
        !self.slot.is_stopped() && self.deadline.is_some_and(|deadline| deadline.has_passed(clock::now()))
    }

    /// The deadline passed: the call is given up.
    pub(crate) fn expired(&mut self) -> Error {
        if let Some(outcome) = self.slot.take_outcome().and_then(Result::err) {
            return self.failed(outcome);
        }
        let cause = self.deadline.map_or(Cause::Call, |deadline| deadline.cause);
        let (after, delivery) = (self.timeout, self.delivery);
        self.give_up("the deadline of the client passed");
        Error::Timeout(Timeout { cause, after, delivery })
    }

    /// The outcome was taken.
    pub(crate) fn finish(&mut self) {
        self.finished = true;
    }

    /// The outcome was an error: completes it with what is known here.
    pub(crate) fn failed(&mut self, error: Error) -> Error {
        self.finished = true;
        error.with_delivery(self.delivery)
    }

    fn give_up(&mut self, reason: &str) {
        if !std::mem::replace(&mut self.finished, true) {
            match self.delivery {
                Delivery::Sent => drop(self.engine.cancel(self.slot.id, reason, None)),
                Delivery::NotSent => self.engine.forget(self.slot.id),
            }
        }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.give_up("nobody waits for the result any more");
        if self.slot.waiter == Waiter::Job {
            self.engine.roles.job_ended();
        }
    }
}
