//! A started call that has a thread of its own: over Streamable HTTP somebody must read its answer while its caller does
//! something else.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::engine::Engine;
use crate::error::{Delivery, Error};
use crate::pending::{Pending, Want};
use crate::slot::{Outcome, Slot, Waiter};

/// A started call as its thread, its caller and its cancellers share it.
#[derive(Debug)]
pub(crate) struct JobThread {
    /// Where the caller finds progress and the outcome.
    pub(crate) slot: Arc<Slot>,
    attempt: Mutex<Attempt>,
}

/// The request that the thread has in flight. There may be several, one after the other, until the call has its outcome.
#[derive(Debug, Clone, Copy)]
enum Attempt {
    None,
    Request(u64),
    /// There will be no other.
    Stopped,
}

impl JobThread {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { slot: Arc::new(Slot::new(0, Waiter::Job)), attempt: Mutex::new(Attempt::None) })
    }

    fn attempt(&self) -> MutexGuard<'_, Attempt> {
        self.attempt.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A request is made for the call.
    ///
    /// # Errors
    /// [`Error::Cancelled`] when nobody wants the outcome any more.
    pub(crate) fn enter(&self, id: u64) -> Result<(), Error> {
        let mut attempt = self.attempt();
        if let Attempt::Stopped = *attempt {
            return Err(Error::Cancelled(Delivery::NotSent));
        }
        *attempt = Attempt::Request(id);
        Ok(())
    }

    /// Whether it has its outcome: a result, or a cancellation.
    pub(crate) fn is_over(&self) -> bool {
        self.slot.is_settled()
    }

    /// The request has its answer.
    pub(crate) fn leave(&self) {
        let mut attempt = self.attempt();
        if let Attempt::Request(_) = *attempt {
            *attempt = Attempt::None;
        }
    }
}

impl Engine {
    /// Runs a started call on a thread of its own. `run` makes its requests with the [`Want`] that it is given; what it returns
    /// is the outcome, and progress that it hands to the slot of the job reaches the caller.
    ///
    /// # Errors
    /// When the session is over, or there is no thread to be had.
    pub(crate) fn start(
        &self,
        want: Want,
        run: impl FnOnce(&Engine, &Want) -> Outcome + Send + 'static,
    ) -> Result<Pending, Error> {
        let engine = self.arc().ok_or(Error::Closed(Delivery::NotSent))?;
        if let Some(ended) = self.ended() {
            return Err(ended.with_delivery(Delivery::NotSent));
        }
        let job = JobThread::new();
        let pending = Pending::of_job(Arc::clone(&engine), Arc::clone(&job), &want);
        let want = Want { waiter: Waiter::Job, job: Some(Arc::clone(&job)), ..want };
        self.background
            .spawn("mcp-call", move || job.slot.settle(run(&engine, &want)))
            .map_err(|error| Error::Usage(format!("a thread cannot be started: {error}")))?;
        Ok(pending)
    }

    /// Gives a started call up, telling the server in the background where there is something to tell. False when it was over.
    pub(crate) fn cancel_job(&self, job: &JobThread, reason: &str) -> bool {
        let attempt = std::mem::replace(&mut *job.attempt(), Attempt::Stopped);
        let was_open = !job.slot.is_settled();
        if let Attempt::Request(id) = attempt {
            self.cancel(id, reason, Some(Err(Error::Cancelled(Delivery::Sent))));
        }
        job.slot.settle(Err(Error::Cancelled(Delivery::Sent)));
        was_open
    }
}
