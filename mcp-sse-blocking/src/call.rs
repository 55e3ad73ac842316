//! Calls that run while their caller does something else.

use std::fmt;
use std::sync::{Arc, Weak};

use mcp_core::types::CallToolResult;
use serde_json::value::RawValue;

use crate::client::Client;
use crate::engine::Engine;
use crate::error::{Delivery, Error};
use crate::insight::{Insight, Timed};
use crate::job::JobThread;
use crate::pending::Pending;
use crate::slot::{Found, Outcome, Progress};
use crate::tools::read_result;

/// A call that was started: an iterator over its progress, then its [`result`](Job::result).
///
/// Dropping it before the result was taken cancels the call. It keeps the client open.
pub struct Job {
    // Before the client, so that the cancellation leaves while there is a session.
    call: Pending,
    client: Client,
    /// As it came, once it is here.
    outcome: Option<Outcome>,
    /// The same, read, once somebody looked at it.
    result: Option<Result<CallToolResult, Error>>,
    /// Until there is an outcome.
    timed: Option<Timed<Arc<Insight>>>,
    tool: String,
}

impl Job {
    pub(crate) fn new(client: Client, call: Pending, timed: Timed<Arc<Insight>>, tool: &str) -> Self {
        let mut job = Self::untimed(client, call);
        (job.timed, job.tool) = (Some(timed), tool.to_owned());
        job
    }

    /// Of a request that is no call of a tool: it is counted elsewhere.
    pub(crate) fn untimed(client: Client, call: Pending) -> Self {
        Self { call, client, outcome: None, result: None, timed: None, tool: String::new() }
    }

    /// A way to cancel the call from another thread.
    pub fn canceller(&self) -> Canceller {
        let call = match self.call.job() {
            Some(job) => Called::Job(Arc::clone(job)),
            None => Called::Request(self.call.slot.id),
        };
        Canceller { engine: Arc::downgrade(self.client.engine()), call }
    }

    /// Waits for the result; progress that nobody took is dropped.
    ///
    /// # Errors
    ///
    /// As [`Client::call`](crate::Client::call); [`Error::Cancelled`] when it was cancelled.
    pub fn result(mut self) -> Result<CallToolResult, Error> {
        if let Some(result) = self.result.take() {
            return result;
        }
        let outcome = self.wait()?;
        read_result(&self.client, &outcome)
    }

    /// As [`result`](Self::result), as the JSON that came: with what is not known here, its order, and every digit of a number.
    /// It is not looked at: whoever hands it on leaves it to others whether it is the result of a tool.
    ///
    /// # Errors
    ///
    /// As [`result`](Self::result).
    pub fn json(mut self) -> Result<Box<RawValue>, Error> {
        self.wait()
    }

    /// The result, if it is here; never waits. After the deadline of the call that is [`Error::Timeout`].
    pub fn try_result(&mut self) -> Option<&Result<CallToolResult, Error>> {
        if self.outcome.is_none() {
            match self.call.slot.take_outcome() {
                Some(outcome) => self.settle(outcome),
                None if self.call.is_late() => self.expire(),
                None => {}
            }
        }
        if let (None, Some(outcome)) = (&self.result, &self.outcome) {
            self.result = Some(match outcome {
                Ok(result) => read_result(&self.client, result),
                Err(error) => Err(error.clone()),
            });
        }
        self.result.as_ref()
    }

    fn wait(&mut self) -> Outcome {
        loop {
            if let Some(outcome) = self.outcome.take() {
                return outcome;
            }
            let _ = self.next();
        }
    }

    fn settle(&mut self, outcome: Outcome) {
        let outcome = match outcome {
            Ok(result) => {
                self.call.finish();
                Ok(result)
            }
            Err(error) => Err(self.client.engine().explain(self.call.failed(error))),
        };
        self.end(outcome);
    }

    fn expire(&mut self) {
        let expired = self.call.expired();
        self.end(Err(expired));
    }

    fn end(&mut self, outcome: Outcome) {
        if let Some(timed) = self.timed.take() {
            timed.end_raw(&outcome, &self.tool, self.call.slot.settled_at());
        }
        self.outcome = Some(outcome);
    }
}

impl Iterator for Job {
    type Item = Progress;

    /// Waits for progress; `None` when the result is here, or never will be.
    fn next(&mut self) -> Option<Progress> {
        if self.outcome.is_some() {
            return None;
        }
        loop {
            match self.call.slot.wait(self.call.deadline) {
                Found::Progress(_) if self.call.is_late() => self.expire(),
                Found::Progress(progress) => return Some(progress),
                Found::Outcome(outcome) => self.settle(outcome),
                // The role of the reader is not given to jobs.
                Found::Lead => continue,
                Found::Nothing => self.expire(),
            }
            return None;
        }
    }
}

impl Drop for Job {
    /// An outcome that nobody took is counted all the same.
    fn drop(&mut self) {
        if let (Some(timed), Some(outcome)) = (self.timed.take(), self.call.slot.take_outcome()) {
            timed.end_raw(&outcome, &self.tool, self.call.slot.settled_at());
            self.call.finish();
        }
    }
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job").field("id", &self.call.slot.id).finish_non_exhaustive()
    }
}

/// Cancels a call from another thread. Does not keep the client open.
#[derive(Clone)]
pub struct Canceller {
    engine: Weak<Engine>,
    call: Called,
}

/// What is cancelled.
#[derive(Debug, Clone)]
enum Called {
    Request(u64),
    Job(Arc<JobThread>),
}

impl Canceller {
    /// Of a call whose thread is not a [`Job`]'s.
    pub(crate) fn of_job(engine: &Arc<Engine>, job: &Arc<JobThread>) -> Self {
        Self { engine: Arc::downgrade(engine), call: Called::Job(Arc::clone(job)) }
    }

    /// Frees whoever waits for the call at once, with [`Error::Cancelled`], and tells the server in the background
    /// (R-LM-77). False when the call was over already.
    pub fn cancel(&self, reason: &str) -> bool {
        let Some(engine) = self.engine.upgrade() else { return false };
        match &self.call {
            Called::Request(id) => engine.cancel(*id, reason, Some(Err(Error::Cancelled(Delivery::Sent)))),
            Called::Job(job) => engine.cancel_job(job, reason),
        }
    }
}

impl fmt::Debug for Canceller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Canceller").finish_non_exhaustive()
    }
}
