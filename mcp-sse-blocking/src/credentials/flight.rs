//! Something that one thread does for all that want it at the same time.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use mcp_core::time::Deadline;

use crate::clock;
use crate::transport::exchange::{STOP_CHECK, Stop};

/// At most one thread is under way; what it comes back with is for all who wanted it before it came.
#[derive(Debug)]
pub(super) struct Flight<T> {
    state: Mutex<State<T>>,
    landed: Condvar,
}

#[derive(Debug)]
struct State<T> {
    is_flying: bool,
    /// Counts what was brought.
    landings: u64,
    last: Option<T>,
}

/// Why somebody who waited for another thread has nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Left {
    OutOfTime,
    Stopped,
}

/// Whether what a thread came back with is for the others as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Share {
    Yes,
    /// It failed for a reason of its own: another one goes.
    No,
}

/// How long somebody may wait for another thread.
#[derive(Clone, Copy)]
pub(super) struct Patience<'a> {
    pub(super) deadline: Option<Deadline>,
    pub(super) stop: Option<&'a dyn Stop>,
}

impl<T> Default for Flight<T> {
    fn default() -> Self {
        Self { state: Mutex::new(State { is_flying: false, landings: 0, last: None }), landed: Condvar::new() }
    }
}

impl<T: Clone> Flight<T> {
    /// How often something was brought; waits while somebody is under way.
    pub(super) fn landings(&self, patience: Patience<'_>) -> Result<u64, Left> {
        let mut state = self.state();
        while state.is_flying {
            state = self.wait(state, patience)?;
        }
        Ok(state.landings)
    }

    /// What was brought last, and its number.
    pub(super) fn last(&self) -> (u64, Option<T>) {
        let state = self.state();
        (state.landings, state.last.clone())
    }

    /// What was brought after `seen`: by a thread that is under way, or else by `fly` on this one.
    pub(super) fn join(&self, seen: u64, patience: Patience<'_>, fly: impl FnOnce() -> (T, Share)) -> Result<T, Left> {
        let mut state = self.state();
        loop {
            if state.landings != seen
                && let Some(last) = &state.last
            {
                return Ok(last.clone());
            }
            if !state.is_flying {
                break;
            }
            state = self.wait(state, patience)?;
        }
        state.is_flying = true;
        drop(state);
        // Also when `fly` panics: nobody waits for it then.
        let landing = Landing(self);
        let (brought, share) = fly();
        if share == Share::Yes {
            let mut state = self.state();
            state.landings += 1;
            state.last = Some(brought.clone());
        }
        drop(landing);
        Ok(brought)
    }

    /// As [`join`](Self::join), with `fly` on a thread of its own, which goes on when this one has no patience any more. It must
    /// not panic.
    #[cfg(feature = "oauth")]
    pub(super) fn join_apart<F>(
        self: &std::sync::Arc<Self>,
        seen: u64,
        patience: Patience<'_>,
        fly: F,
    ) -> Result<T, Left>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let mut fly = Some(fly);
        let mut state = self.state();
        loop {
            if state.landings != seen
                && let Some(last) = &state.last
            {
                return Ok(last.clone());
            }
            if !state.is_flying {
                // It came back with nothing, which takes a panic; or there is no thread to be had.
                let Some(fly) = fly.take() else { return Err(Left::Stopped) };
                state.is_flying = true;
                drop(state);
                let flight = std::sync::Arc::clone(self);
                let apart = std::thread::Builder::new().name("mcp-oauth".into()).spawn(move || {
                    let landing = Landing(&flight);
                    let brought = fly();
                    let mut state = flight.state();
                    state.landings += 1;
                    state.last = Some(brought);
                    drop(state);
                    drop(landing);
                });
                state = self.state();
                if apart.is_err() {
                    state.is_flying = false;
                }
                continue;
            }
            state = self.wait(state, patience)?;
        }
    }

    fn wait<'a>(
        &self,
        state: MutexGuard<'a, State<T>>,
        patience: Patience<'_>,
    ) -> Result<MutexGuard<'a, State<T>>, Left> {
        if patience.stop.is_some_and(|stop| stop.is_stopped()) {
            return Err(Left::Stopped);
        }
        let left = patience.deadline.map(|deadline| deadline.at.since(clock::now()));
        if left.is_some_and(|left| left.is_zero()) {
            return Err(Left::OutOfTime);
        }
        let wait = left.map_or(STOP_CHECK, |left| left.min(STOP_CHECK));
        Ok(self.landed.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner).0)
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Landing<'a, T: Clone>(&'a Flight<T>);

impl<T: Clone> Drop for Landing<'_, T> {
    fn drop(&mut self) {
        self.0.state().is_flying = false;
        self.0.landed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::sync::{Arc, Barrier};
    use std::thread;
    use std::time::Duration;

    use mcp_core::time::Cause;

    use super::*;

    const FOR_EVER: Patience<'static> = Patience { deadline: None, stop: None };

    #[test]
    fn one_thread_goes_for_all() {
        let (flight, flights) = (Arc::new(Flight::default()), Arc::new(AtomicU32::new(0)));
        let start = Arc::new(Barrier::new(50));
        let threads: Vec<_> = (0..50)
            .map(|_| {
                let (flight, flights, start) = (Arc::clone(&flight), Arc::clone(&flights), Arc::clone(&start));
                thread::spawn(move || {
                    let seen = flight.landings(FOR_EVER).unwrap();
                    start.wait();
                    flight.join(seen, FOR_EVER, || (flights.fetch_add(1, Ordering::Relaxed) + 1, Share::Yes)).unwrap()
                })
            })
            .collect();
        for thread in threads {
            assert_eq!(thread.join().unwrap(), 1);
        }
        assert_eq!(flight.join(1, FOR_EVER, || (2, Share::Yes)), Ok(2), "whoever saw the first wants another");
    }

    #[test]
    fn who_waits_has_a_deadline_and_takes_over_from_one_that_brings_nothing() {
        let flight = Arc::new(Flight::default());
        let (underway, other) = (Arc::new(Barrier::new(2)), Arc::clone(&flight));
        let there = Arc::clone(&underway);
        let pilot = thread::spawn(move || {
            other.join(0, FOR_EVER, || {
                there.wait();
                there.wait();
                (0, Share::No)
            })
        });
        underway.wait();
        let soon = Deadline::after(clock::now(), Duration::from_millis(1), Cause::Call);
        let hurried = Patience { deadline: Some(soon), stop: None };
        assert_eq!(flight.join(0, hurried, || (1, Share::Yes)), Err(Left::OutOfTime));
        assert_eq!(flight.landings(hurried), Err(Left::OutOfTime));
        underway.wait();
        assert_eq!(flight.join(0, FOR_EVER, || (2, Share::Yes)), Ok(2));
        assert_eq!(pilot.join().unwrap(), Ok(0));
    }

    #[test]
    fn a_panic_leaves_the_way_free() {
        let flight = Arc::new(Flight::<u32>::default());
        let other = Arc::clone(&flight);
        let panicked = thread::spawn(move || other.join(0, FOR_EVER, || panic!("as planned"))).join();
        assert!(panicked.is_err());
        assert_eq!(flight.join(0, FOR_EVER, || (7, Share::Yes)), Ok(7));
    }
}
