//! The place where a call in flight finds what the reader of the stream has for it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};

use mcp_core::time::{Deadline, Instant};
use serde_json::value::RawValue;

use crate::clock;
use crate::error::Error;
use crate::feed::Feed;
use crate::transport::exchange::Stop;

/// Progress notifications that are kept for a call until it looks. Older ones are dropped: the last one says it all.
pub(crate) const PROGRESS_KEPT: usize = 64;

/// Bytes of their messages that are kept. 1 MiB: far more than is meant to be read by people.
const PROGRESS_BYTES: usize = 1 << 20;

/// How far a call is, as the server told it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Progress {
    /// How far; rises from one notification to the next, and may have a fraction.
    pub progress: f64,
    /// How far there is to go, when the server knows.
    pub total: Option<f64>,
    /// What is being done.
    pub message: Option<String>,
    /// How many notifications before this one were dropped because nobody took them: the last 64 are kept, and of those as
    /// many as have a megabyte of messages.
    pub dropped: u64,
}

/// Who waits at a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waiter {
    /// A thread inside `call`: it may read the stream itself.
    Caller,
    /// A started call, which another thread may cancel: its thread must not be blocked in a read.
    Job,
}

/// The reply, or why there will be none.
pub(crate) type Outcome = Result<Box<RawValue>, Error>;

/// One call in flight, shared by its waiter and whoever reads the stream.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) id: u64,
    pub(crate) waiter: Waiter,
    state: Mutex<State>,
    /// Notified on each change. Beside a queue that drops its oldest entry a channel would be a second copy of it.
    changed: Condvar,
    settled: AtomicBool,
    /// When a started call had its outcome: nobody may look for long.
    settled_at: OnceLock<Instant>,
    /// The subscription that the request is made for.
    feed: Option<Arc<Feed>>,
    /// The number of the session that the request was registered in.
    pub(crate) peer: u64,
}

#[derive(Debug, Default)]
struct State {
    outcome: Option<Outcome>,
    progress: VecDeque<Progress>,
    /// Of the messages of `progress`.
    bytes: usize,
    dropped: u64,
    /// The role of the reader was handed to this waiter.
    lead: bool,
}

/// What a waiter finds at its slot, in this order.
#[derive(Debug)]
pub(crate) enum Found {
    Progress(Progress),
    Outcome(Outcome),
    /// The stream is to be read by this thread now.
    Lead,
    Nothing,
}

impl Slot {
    pub(crate) fn new(id: u64, waiter: Waiter) -> Self {
        let (state, changed, settled) = (Mutex::default(), Condvar::new(), AtomicBool::new(false));
        Self { id, waiter, state, changed, settled, settled_at: OnceLock::new(), feed: None, peer: 0 }
    }

    /// Its changes go to this subscription.
    pub(crate) fn feeding(mut self, feed: Option<Arc<Feed>>) -> Self {
        self.feed = feed;
        self
    }

    /// The same in the session with this number.
    pub(crate) fn at(self, peer: u64) -> Self {
        Self { peer, ..self }
    }

    pub(crate) fn feed(&self) -> Option<&Arc<Feed>> {
        self.feed.as_ref()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The state is whole between any two statements that hold the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn settle(&self, outcome: Outcome) {
        if self.waiter == Waiter::Job {
            let _ = self.settled_at.set(clock::now());
        }
        let mut state = self.state();
        if state.outcome.is_none() {
            state.outcome = Some(outcome);
        }
        drop(state);
        self.settled.store(true, Ordering::Release);
        self.changed.notify_all();
    }

    pub(crate) fn progress(&self, mut progress: Progress) {
        progress.dropped = 0;
        let mut state = self.state();
        state.bytes += progress.bytes();
        state.progress.push_back(progress);
        while state.progress.len() > PROGRESS_KEPT || (state.bytes > PROGRESS_BYTES && state.progress.len() > 1) {
            let dropped = state.pop_progress();
            state.dropped += u64::from(dropped.is_some());
        }
        drop(state);
        self.changed.notify_all();
    }

    pub(crate) fn lead(&self) {
        self.state().lead = true;
        self.changed.notify_all();
    }

    /// Takes the next thing that is here. `Lead` comes last, so that a waiter whose reply has come hands the role on.
    pub(crate) fn take(&self) -> Found {
        self.state().take()
    }

    /// Takes the next thing, waiting for it; `Nothing` when the deadline passed first.
    pub(crate) fn wait(&self, deadline: Option<Deadline>) -> Found {
        let mut state = self.state();
        loop {
            match state.take() {
                Found::Nothing => {}
                found => return found,
            }
            state = match deadline.map(|deadline| deadline.at.since(clock::now())) {
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(left) if left.is_zero() => return Found::Nothing,
                Some(left) => self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0,
            };
        }
    }

    /// Waits until there is an outcome, or for the deadline; takes nothing.
    pub(crate) fn wait_settled(&self, deadline: Deadline) {
        let mut state = self.state();
        while state.outcome.is_none() {
            let left = deadline.at.since(clock::now());
            if left.is_zero() {
                return;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Whether there was an outcome.
    pub(crate) fn is_settled(&self) -> bool {
        self.settled.load(Ordering::Acquire)
    }

    /// When there was an outcome, of a started call; else now.
    pub(crate) fn settled_at(&self) -> Instant {
        self.settled_at.get().copied().unwrap_or_else(clock::now)
    }

    /// Whether there is neither progress nor an outcome.
    pub(crate) fn is_empty(&self) -> bool {
        let state = self.state();
        state.progress.is_empty() && state.outcome.is_none()
    }

    /// Takes the outcome, if there is one, past any progress.
    pub(crate) fn take_outcome(&self) -> Option<Outcome> {
        self.state().outcome.take()
    }

    /// Whether the role of the reader was handed over and not taken.
    pub(crate) fn take_lead(&self) -> bool {
        std::mem::take(&mut self.state().lead)
    }
}

impl Progress {
    fn bytes(&self) -> usize {
        self.message.as_ref().map_or(0, String::len)
    }
}

impl State {
    fn pop_progress(&mut self) -> Option<Progress> {
        let progress = self.progress.pop_front()?;
        self.bytes -= progress.bytes();
        Some(progress)
    }

    fn take(&mut self) -> Found {
        if let Some(mut progress) = self.pop_progress() {
            progress.dropped = std::mem::take(&mut self.dropped);
            return Found::Progress(progress);
        }
        if let Some(outcome) = self.outcome.take() {
            return Found::Outcome(outcome);
        }
        if std::mem::take(&mut self.lead) { Found::Lead } else { Found::Nothing }
    }
}

impl Stop for Slot {
    /// The outcome is here: its POST need not be waited for.
    fn is_stopped(&self) -> bool {
        self.is_settled()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(progress: f64) -> Progress {
        Progress { progress, total: None, message: None, dropped: 0 }
    }

    #[test]
    fn the_oldest_progress_is_dropped_and_counted() {
        let slot = Slot::new(1, Waiter::Job);
        for step in 0..PROGRESS_KEPT + 3 {
            slot.progress(progress(step as f64));
        }
        let Found::Progress(first) = slot.take() else { panic!() };
        assert_eq!((first.progress, first.dropped), (3.0, 3));
        let Found::Progress(second) = slot.take() else { panic!() };
        assert_eq!((second.progress, second.dropped), (4.0, 0));
    }

    #[test]
    fn long_messages_are_bounded_by_their_bytes_and_the_last_is_kept() {
        let slot = Slot::new(1, Waiter::Job);
        for step in 0..5 {
            slot.progress(Progress { message: Some("x".repeat(400_000)), ..progress(f64::from(step)) });
        }
        let Found::Progress(first) = slot.take() else { panic!() };
        assert_eq!((first.progress, first.dropped), (3.0, 3));
        slot.progress(Progress { message: Some("x".repeat(4_000_000)), ..progress(5.0) });
        let Found::Progress(last) = slot.take() else { panic!() };
        assert_eq!((last.progress, last.dropped), (5.0, 1));
        assert!(slot.is_empty());
    }

    #[test]
    fn progress_comes_before_the_outcome_and_the_outcome_before_the_role() {
        let slot = Slot::new(1, Waiter::Caller);
        slot.lead();
        slot.settle(Err(Error::StreamEnded(crate::Delivery::Sent)));
        slot.progress(progress(1.0));
        assert!(matches!(slot.wait(None), Found::Progress(_)));
        assert!(matches!(slot.take(), Found::Outcome(Err(Error::StreamEnded(_)))));
        assert!(matches!(slot.take(), Found::Lead));
        assert!(matches!(slot.take(), Found::Nothing));
    }
}
