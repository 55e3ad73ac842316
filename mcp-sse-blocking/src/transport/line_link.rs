//! What a line stream leads to now: a peer, or nobody until it is started again (R-IO-17).
//!
//! A peer that is gone is started again by the next thread that wants to make a request, which waits for it with the deadline
//! of that request; others wait for that thread. In a row it is started so often, and with pauses that double. The row ends
//! with the first bytes that a peer sends after its greeting.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use mcp_core::jsonrpc::ndjson::Decoder;
use mcp_core::time::{Cause, Deadline};

use super::line::{Duplex, out_of_time};
use crate::carrier::Ready;
use crate::clock;
use crate::error::{Delivery, Error};
use crate::log_target;

/// The pause before the second start in a row; it doubles from there.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How long the reader has for what a peer said before it went.
const DOUBT: Duration = Duration::from_secs(1);

/// Starts a peer that is gone.
pub(crate) trait Again: Send + Sync {
    /// A new peer with which the session stands as it did. Whatever is opened is told to `opened` at once, so that it can be
    /// closed from elsewhere.
    fn start(&self, deadline: Option<Deadline>, opened: &dyn Fn(&Arc<dyn Duplex>)) -> Result<Fresh, Error>;

    /// How often in a row.
    fn attempts(&self) -> u32;
}

/// A new peer, and what it has sent already.
pub(crate) struct Fresh {
    pub(crate) duplex: Arc<dyn Duplex>,
    pub(crate) decoder: Decoder,
}

/// What a reader without a peer waited for.
pub(super) enum Awaited {
    Fresh(Fresh),
    OutOfTime,
    ShutDown,
}

pub(super) struct Link {
    state: Mutex<State>,
    changed: Condvar,
    down: AtomicBool,
    /// Looked at before each request.
    lost: AtomicBool,
    /// Who writes has found the peer gone; the reader, who takes what it said last, has not come to that yet.
    doubted: AtomicBool,
    again: OnceLock<Box<dyn Again>>,
}

struct State {
    duplex: Arc<dyn Duplex>,
    /// Counts the peers.
    generation: u64,
    /// Why there is no peer.
    lost: Option<Error>,
    /// A peer for the reader to go on with.
    fresh: Option<Fresh>,
    /// Somebody starts one, which is this as soon as it is there.
    starting: bool,
    opened: Option<Arc<dyn Duplex>>,
    /// Starts without a sign of life since.
    attempts: u32,
    started: Instant,
}

impl Link {
    pub(super) fn new(duplex: Arc<dyn Duplex>) -> Arc<Self> {
        let state = State {
            duplex,
            generation: 0,
            lost: None,
            fresh: None,
            starting: false,
            opened: None,
            attempts: 0,
            started: Instant::now(),
        };
        Arc::new(Self {
            state: Mutex::new(state),
            changed: Condvar::new(),
            down: AtomicBool::new(false),
            lost: AtomicBool::new(false),
            doubted: AtomicBool::new(false),
            again: OnceLock::new(),
        })
    }

    /// From now on a peer that is gone can be started again.
    pub(super) fn begin_again_with(&self, again: Box<dyn Again>) {
        let _ = self.again.set(again);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_down(&self) -> bool {
        self.down.load(Ordering::Acquire)
    }

    /// The peer, if there is one, and its number.
    pub(super) fn peer(&self) -> Result<(Arc<dyn Duplex>, u64), Error> {
        let state = self.state();
        match &state.lost {
            _ if self.is_down() => Err(Error::Closed(Delivery::NotSent)),
            Some(lost) => Err(lost.clone().with_delivery(Delivery::NotSent)),
            None => Ok((Arc::clone(&state.duplex), state.generation)),
        }
    }

    pub(super) fn place(&self) -> String {
        self.state().duplex.place()
    }

    /// The peer is alive: the next start is the first in a row.
    pub(super) fn peer_spoke(&self) {
        let mut state = self.state();
        state.attempts = 0;
    }

    /// The reader has found that its peer is gone, or cannot be understood any more. Says whether it can be started again;
    /// what is left of it is ended then.
    pub(super) fn lose(&self, error: &Error) -> bool {
        if self.is_down() || self.again.get().is_none_or(|again| again.attempts() == 0) {
            return false;
        }
        let mut state = self.state();
        state.lost = Some(error.clone());
        let duplex = Arc::clone(&state.duplex);
        drop(state);
        self.lost.store(true, Ordering::Release);
        duplex.shut_down();
        self.changed.notify_all();
        true
    }

    /// The writer has found its peer gone.
    pub(super) fn doubt(&self) {
        self.doubted.store(true, Ordering::Release);
    }

    /// Waits until the reader has come to the end of a peer that the writer found gone.
    fn settle_doubt(&self, deadline: Option<Deadline>) {
        let until = Deadline::after(clock::now(), DOUBT, Cause::Call);
        let until = deadline.filter(|deadline| deadline.at < until.at).unwrap_or(until);
        let mut state = self.state();
        while state.lost.is_none() && !self.is_down() && !until.has_passed(clock::now()) {
            state = match self.wait(state, Some(until)) {
                Ok(state) => state,
                Err(_) => break,
            };
        }
        self.doubted.store(false, Ordering::Release);
    }

    /// The reader waits for the next peer.
    pub(super) fn await_fresh(&self, deadline: Option<Deadline>) -> Awaited {
        let mut state = self.state();
        loop {
            if self.is_down() {
                return Awaited::ShutDown;
            }
            if let Some(fresh) = state.fresh.take() {
                return Awaited::Fresh(fresh);
            }
            state = match self.wait(state, deadline) {
                Ok(state) => state,
                Err(_) => return Awaited::OutOfTime,
            };
        }
    }

    /// Starts the peer again if it is gone. Asked before each request.
    pub(super) fn ready(&self, deadline: Option<Deadline>) -> Result<Ready, Error> {
        if !self.lost.load(Ordering::Acquire) {
            if !self.doubted.load(Ordering::Acquire) {
                return Ok(Ready::AsBefore);
            }
            self.settle_doubt(deadline);
            if !self.lost.load(Ordering::Acquire) {
                return Ok(Ready::AsBefore);
            }
        }
        let Some(again) = self.again.get() else { return Ok(Ready::AsBefore) };
        let Some(gone) = self.take_over(&**again, deadline)? else { return Ok(Ready::AsBefore) };
        // Two of them at once might be in each other's way.
        gone.finish(deadline.map(|deadline| deadline.at.since(clock::now())));
        let late = deadline.filter(|deadline| deadline.has_passed(clock::now()));
        let fresh = if self.is_down() {
            Err(Error::Closed(Delivery::NotSent))
        } else if let Some(late) = late {
            // Nothing was started: that does not count as an attempt.
            let mut state = self.state();
            state.attempts = state.attempts.saturating_sub(1);
            drop(state);
            Err(out_of_time(late))
        } else {
            again.start(deadline, &|opened| {
                self.state().opened = Some(Arc::clone(opened));
                if self.is_down() {
                    opened.shut_down();
                }
            })
        };
        let mut state = self.state();
        state.starting = false;
        if let Some(opened) = state.opened.take() {
            // It is what the next start, or closing, has to wait for.
            state.duplex = opened;
        }
        let outcome = match fresh {
            Ok(fresh) if !self.is_down() => {
                log::debug!(target: log_target::CLIENT, "{} was started again", fresh.duplex.place());
                state.generation += 1;
                state.lost = None;
                state.fresh = Some(fresh);
                self.lost.store(false, Ordering::Release);
                Ok(Ready::Renewed)
            }
            Ok(fresh) => {
                fresh.duplex.shut_down();
                Err(Error::Closed(Delivery::NotSent))
            }
            Err(_) if self.is_down() => Err(Error::Closed(Delivery::NotSent)),
            Err(error) => Err(error.with_delivery(Delivery::NotSent)),
        };
        drop(state);
        self.changed.notify_all();
        outcome
    }

    /// Becomes the thread that starts the peer, after the pause; gives the one that is gone. `None` when another thread was
    /// faster.
    fn take_over(&self, again: &dyn Again, deadline: Option<Deadline>) -> Result<Option<Arc<dyn Duplex>>, Error> {
        let mut state = self.state();
        loop {
            if self.is_down() {
                return Err(Error::Closed(Delivery::NotSent));
            }
            let Some(lost) = &state.lost else { return Ok(None) };
            if state.starting {
                state = self.wait(state, deadline)?;
                continue;
            }
            if state.attempts >= again.attempts() {
                return Err(lost.clone().with_delivery(Delivery::NotSent));
            }
            let pause = pause(state.attempts).saturating_sub(state.started.elapsed());
            if pause.is_zero() {
                break;
            }
            let until = Deadline::after(clock::now(), pause, Cause::Call);
            let is_first = deadline.is_none_or(|deadline| until.at < deadline.at);
            state = match self.wait(state, if is_first { Some(until) } else { deadline }) {
                Ok(state) => state,
                Err(_) if is_first => self.state(),
                Err(error) => return Err(error),
            };
        }
        state.starting = true;
        state.attempts += 1;
        state.started = Instant::now();
        Ok(Some(Arc::clone(&state.duplex)))
    }

    fn wait<'a>(
        &'a self,
        state: MutexGuard<'a, State>,
        deadline: Option<Deadline>,
    ) -> Result<MutexGuard<'a, State>, Error> {
        let Some(deadline) = deadline else {
            return Ok(self.changed.wait(state).unwrap_or_else(PoisonError::into_inner));
        };
        let left = deadline.at.since(clock::now());
        if left.is_zero() {
            return Err(out_of_time(deadline));
        }
        Ok(self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0)
    }

    pub(super) fn shut_down(&self) {
        self.down.store(true, Ordering::Release);
        let state = self.state();
        let (duplex, opened) = (Arc::clone(&state.duplex), state.opened.clone());
        drop(state);
        duplex.shut_down();
        if let Some(opened) = opened {
            opened.shut_down();
        }
        self.changed.notify_all();
    }

    pub(super) fn finish(&self) {
        let state = self.state();
        let (duplex, opened) = (Arc::clone(&state.duplex), state.opened.clone());
        drop(state);
        duplex.finish(None);
        if let Some(opened) = opened {
            opened.finish(None);
        }
    }
}

/// The pause before a start, counted from the one before, when so many failed in a row.
fn pause(attempts: u32) -> Duration {
    match attempts {
        0 => Duration::ZERO,
        more => FIRST_PAUSE.saturating_mul(1 << (more - 1).min(16)).min(LONGEST_PAUSE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let pauses: Vec<u128> = (0..9).map(|attempts| pause(attempts).as_millis()).collect();
        assert_eq!(pauses, [0, 100, 200, 400, 800, 1600, 3200, 5000, 5000]);
        assert_eq!(pause(u32::MAX), LONGEST_PAUSE);
    }
}
