//! A call from its registration to its outcome, as the side that makes it sees it.

use std::sync::Arc;
use std::time::Duration;

use mcp_core::time::{Cause, Deadline};
use mcp_core::types::{JsonObject, LoggingLevel};

use crate::clock;
use crate::engine::Engine;
use crate::error::{Delivery, Error, Timeout};
use crate::feed::Feed;
use crate::job::JobThread;
use crate::slot::{Slot, Waiter};
use crate::transport::exchange::Stop;
use crate::transport::http::Again;

/// A call on its way. Dropped before its outcome was taken, it gives the call up and tells the server.
pub(crate) struct Pending {
    engine: Arc<Engine>,
    pub(crate) slot: Arc<Slot>,
    pub(crate) deadline: Option<Deadline>,
    timeout: Option<Duration>,
    message: Vec<u8>,
    delivery: Delivery,
    finished: bool,
    pub(crate) repeat: Repeat,
    part: Part,
    /// The [number](crate::carrier::Carrier::number) of the session that it was registered in.
    pub(crate) peer: u64,
    /// How often a session had been lost by then.
    pub(crate) losses: u64,
}

/// What this is a part of.
enum Part {
    /// One request that somebody waits for.
    Call,
    /// One request of a started call, whose thread waits for it.
    AttemptOf(Arc<JobThread>),
    /// A started call with a thread of its own.
    Job(Arc<JobThread>),
}

/// How a request is to be made.
#[derive(Debug, Clone)]
pub(crate) struct Want {
    pub(crate) waiter: Waiter,
    /// How long it may take in all; `deadline` is when that is over.
    pub(crate) timeout: Option<Duration>,
    pub(crate) deadline: Option<Deadline>,
    pub(crate) progress: bool,
    pub(crate) repeat: Repeat,
    /// The started call that it is made for, when that has a thread of its own.
    pub(crate) job: Option<Arc<JobThread>>,
    /// The subscription that it is made for.
    pub(crate) feed: Option<Arc<Feed>>,
    /// The lowest level of log messages that are wanted, where each request says so.
    pub(crate) level: Option<LoggingLevel>,
    /// The caller's members of its `_meta`.
    pub(crate) meta: Option<Arc<JsonObject>>,
}

/// Whether a request may be made again when nothing is known of what became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// The server may have acted on it: that is told instead.
    Never,
    /// Doing it twice is as good as doing it once.
    Safe,
}

impl From<Repeat> for Again {
    fn from(repeat: Repeat) -> Self {
        match repeat {
            Repeat::Never => Self::No,
            Repeat::Safe => Self::Yes,
        }
    }
}

impl Want {
    /// Within `timeout` from now; without progress, and never repeated.
    pub(crate) fn within(timeout: Option<Duration>) -> Self {
        let deadline = timeout.map(|timeout| Deadline::after(clock::now(), timeout, Cause::Call));
        Self {
            waiter: Waiter::Caller,
            timeout,
            deadline,
            progress: false,
            repeat: Repeat::Never,
            job: None,
            feed: None,
            level: None,
            meta: None,
        }
    }
}

impl Pending {
    pub(crate) fn new(engine: Arc<Engine>, slot: Arc<Slot>, want: &Want, message: Vec<u8>) -> Self {
        Self {
            engine,
            slot,
            deadline: want.deadline,
            timeout: want.timeout,
            message,
            delivery: Delivery::NotSent,
            finished: false,
            repeat: want.repeat,
            part: want.job.clone().map_or(Part::Call, Part::AttemptOf),
            peer: 0,
            losses: 0,
        }
    }

    /// The same in the session with this number, after so many losses.
    pub(crate) fn with_peer(mut self, peer: u64, losses: u64) -> Self {
        (self.peer, self.losses) = (peer, losses);
        self
    }

    /// Whether the request left.
    pub(crate) fn delivery(&self) -> Delivery {
        self.delivery
    }

    /// A started call whose requests another thread makes.
    pub(crate) fn of_job(engine: Arc<Engine>, job: Arc<JobThread>, want: &Want) -> Self {
        let mut pending = Self::new(engine, Arc::clone(&job.slot), want, Vec::new());
        pending.delivery = Delivery::Sent;
        pending.part = Part::Job(job);
        pending
    }

    /// The thread of a started call, if it has one.
    pub(crate) fn job(&self) -> Option<&Arc<JobThread>> {
        match &self.part {
            Part::Job(job) => Some(job),
            Part::Call | Part::AttemptOf(_) => None,
        }
    }

    /// The request, to be sent by somebody else.
    pub(crate) fn take_message(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.message)
    }

    /// Ends a wait for the answer from another thread, when there is one that may.
    pub(crate) fn stop(&self) -> Option<Arc<dyn Stop>> {
        matches!(self.part, Part::AttemptOf(_)).then(|| Arc::clone(&self.slot) as Arc<dyn Stop>)
    }

    /// Whether it was sent by somebody else.
    pub(crate) fn delivered(&mut self, delivery: Delivery) {
        self.delivery = delivery;
    }

    /// There will be no outcome: nobody is told.
    pub(crate) fn abandon(&mut self, delivery: Option<Delivery>) {
        self.delivery = delivery.unwrap_or(Delivery::Sent);
        self.finished = true;
        self.engine.forget(self.slot.id);
    }

    /// Sends the request on this thread. When its reply is here already, what became of the POST does not matter.
    pub(crate) fn send(&mut self) -> Result<(), Error> {
        let stop = Arc::clone(&self.slot) as Arc<dyn Stop>;
        let sent = self.engine.post(&self.message, Some(self.peer), self.deadline, Some(stop), self.repeat);
        // The largest part of a call that may wait for minutes.
        self.message = Vec::new();
        let Err(error) = sent else {
            self.delivery = Delivery::Sent;
            return Ok(());
        };
        self.delivery = match &error {
            // A server that does not know the session has not looked at the request (R-SSE-28), unless it was sent before.
            Error::SessionGone(_) => error.delivery().unwrap_or(Delivery::NotSent),
            error => error.delivery().unwrap_or(Delivery::Sent),
        };
        if self.slot.is_stopped() {
            return Ok(());
        }
        Err(match error {
            Error::Timeout(timeout) if !timeout.has_own_cause() => self.expired(),
            error => {
                self.finished = true;
                self.engine.forget(self.slot.id);
                self.timed(error)
            }
        })
    }

    /// Whether the deadline passed without an outcome. Looked at before progress is told: a server that sends it faster than
    /// it is listened to would keep the slot from ever being empty, and the call from ending.
    pub(crate) fn is_late(&self) -> bool {
        !self.slot.is_stopped() && self.deadline.is_some_and(|deadline| deadline.has_passed(clock::now()))
    }

    /// A wait for room has the time of the whole call.
    pub(crate) fn timed(&self, error: Error) -> Error {
        match error {
            Error::Timeout(timeout) if timeout.cause == Cause::Room => error.after(self.timeout),
            error => error,
        }
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
            if let Part::Job(job) = &self.part {
                self.engine.cancel_job(job, reason);
                return;
            }
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
        match &self.part {
            Part::AttemptOf(job) => job.leave(),
            Part::Call => {}
            // Its attempts are counted, not the call itself.
            Part::Job(_) => return,
        }
        if self.slot.waiter == Waiter::Job {
            self.engine.roles.job_ended();
        }
    }
}
