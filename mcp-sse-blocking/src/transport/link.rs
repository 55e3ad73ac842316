//! What a shared stream leads to now: a peer, or nobody until another one is opened (R-IO-17, R-SSE-39).
//!
//! A peer is a child process, or a session of HTTP+SSE. When it is gone, the reader finds out and waits for the next one; a
//! thread that was told to opens it ([`standing`](crate::standing) says who and when). Peers are numbered: what was meant for
//! one never reaches the next.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use mcp_core::time::{Cause, Deadline};

use crate::carrier::{Loss, Unsent};
use crate::clock;
use crate::error::{Delivery, Error, Timeout};
use crate::log_target;

/// How long the reader has for what a peer said before it went.
const DOUBT: Duration = Duration::from_secs(1);

/// The far end of a shared stream.
pub(crate) trait Peer: Send + Sync {
    /// Ends whatever waits for it, on any thread, and closes the way to it. Does not block; a second time does nothing.
    fn end(&self);

    /// Blocks until what belongs to it is gone, up to `wait`, and not for ever where that is none.
    fn await_end(&self, wait: Option<Duration>) {
        let _ = wait;
    }

    /// With whom, for errors and logs.
    fn name(&self) -> String;
}

/// Opens a peer in place of one that is gone. `S` is what its stream goes on from.
pub(crate) trait Again<P: ?Sized, S>: Send + Sync {
    /// A new peer. Whatever is opened is told to `opened` at once, so that it can be closed from elsewhere.
    fn start(&self, deadline: Option<Deadline>, opened: &dyn Fn(&Arc<P>)) -> Result<Fresh<P, S>, Error>;
}

/// A new peer, and its stream.
pub(crate) struct Fresh<P: ?Sized, S> {
    pub(crate) peer: Arc<P>,
    pub(crate) stream: S,
}

/// What a reader without a peer waited for.
pub(super) enum Awaited<P: ?Sized, S> {
    /// A peer, and its number.
    Fresh(Fresh<P, S>, u64),
    OutOfTime,
    ShutDown,
}

pub(super) struct Link<P: ?Sized, S> {
    state: Mutex<State<P, S>>,
    changed: Condvar,
    down: AtomicBool,
    /// Of the peer that there is, or that there was last.
    number: AtomicU64,
    /// There is none.
    is_lost: AtomicBool,
    /// Who writes has found the peer gone; the reader, who takes what it said last, has not come to that yet.
    doubted: AtomicBool,
    again: OnceLock<Box<dyn Again<P, S>>>,
}

struct State<P: ?Sized, S> {
    peer: Arc<P>,
    /// Why there is no peer.
    lost: Option<Error>,
    /// A peer for the reader to go on with.
    fresh: Option<Fresh<P, S>>,
    /// What is being opened.
    opened: Option<Arc<P>>,
}

impl<P: Peer + ?Sized, S> Link<P, S> {
    pub(super) fn new(peer: Arc<P>) -> Arc<Self> {
        let state = State { peer, lost: None, fresh: None, opened: None };
        Arc::new(Self {
            state: Mutex::new(state),
            changed: Condvar::new(),
            down: AtomicBool::new(false),
            number: AtomicU64::new(0),
            is_lost: AtomicBool::new(false),
            doubted: AtomicBool::new(false),
            again: OnceLock::new(),
        })
    }

    /// From now on a peer that is gone can be replaced.
    pub(super) fn begin_again_with(&self, again: Box<dyn Again<P, S>>) {
        let _ = self.again.set(again);
    }

    fn state(&self) -> MutexGuard<'_, State<P, S>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_down(&self) -> bool {
        self.down.load(Ordering::Acquire)
    }

    /// The number of the peer that there is, or that there was last.
    pub(super) fn number(&self) -> u64 {
        self.number.load(Ordering::Acquire)
    }

    /// Whether the peer with this number is the one that there is.
    pub(super) fn is_current(&self, number: u64) -> bool {
        self.number() == number && !self.is_lost.load(Ordering::Acquire)
    }

    /// The peer with this number, or whichever there is, and its number.
    ///
    /// # Errors
    /// Why there is none.
    pub(super) fn peer(&self, number: Option<u64>) -> Result<(Arc<P>, u64), Unsent> {
        let state = self.state();
        // Changed under the lock.
        let now = self.number();
        let error = match &state.lost {
            _ if self.is_down() => Error::Closed(Delivery::NotSent),
            // What was said of another one is not why it is gone.
            _ if number.is_some_and(|number| number != now) => Error::StreamEnded(Delivery::NotSent),
            Some(lost) => lost.clone().with_delivery(Delivery::NotSent),
            None => return Ok((Arc::clone(&state.peer), now)),
        };
        Err(Unsent { peer: number.unwrap_or(now), error })
    }

    pub(super) fn name(&self) -> String {
        self.state().peer.name()
    }

    /// What it means that the stream of the peer with this number brings nothing more.
    pub(super) fn loss(&self, number: u64) -> Loss {
        if self.is_down() || self.again.get().is_none() {
            return Loss::Final;
        }
        if self.is_current(number) { Loss::New } else { Loss::Known }
    }

    /// The peer with this number is gone, or cannot be understood any more; what is left of it is ended.
    pub(super) fn lose(&self, number: u64, error: &Error) {
        let mut state = self.state();
        if state.lost.is_some() || self.number() != number {
            return;
        }
        state.lost = Some(error.clone());
        self.is_lost.store(true, Ordering::Release);
        let peer = Arc::clone(&state.peer);
        drop(state);
        peer.end();
        self.changed.notify_all();
    }

    /// The writer has found its peer gone.
    pub(super) fn doubt(&self) {
        self.doubted.store(true, Ordering::Release);
    }

    /// Waits until the reader has come to the end of a peer that the writer found gone.
    pub(super) fn settle_doubt(&self, deadline: Option<Deadline>) {
        if !self.doubted.load(Ordering::Acquire) {
            return;
        }
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
    pub(super) fn await_fresh(&self, deadline: Option<Deadline>) -> Awaited<P, S> {
        let mut state = self.state();
        loop {
            if self.is_down() {
                return Awaited::ShutDown;
            }
            if let Some(fresh) = state.fresh.take() {
                return Awaited::Fresh(fresh, self.number());
            }
            state = match self.wait(state, deadline) {
                Ok(state) => state,
                Err(_) => return Awaited::OutOfTime,
            };
        }
    }

    /// Opens another peer in place of the one that is gone. One thread at a time.
    pub(super) fn restart(&self, deadline: Option<Deadline>) -> Result<(), Error> {
        let Some(again) = self.again.get() else { return Err(Error::Closed(Delivery::NotSent)) };
        // Two of them at once might be in each other's way.
        let gone = Arc::clone(&self.state().peer);
        gone.end();
        gone.await_end(deadline.map(|deadline| deadline.at.since(clock::now())));
        let late = deadline.filter(|deadline| deadline.has_passed(clock::now()));
        let fresh = match late {
            _ if self.is_down() => Err(Error::Closed(Delivery::NotSent)),
            Some(late) => Err(out_of_time(late)),
            None => again.start(deadline, &|opened| {
                self.state().opened = Some(Arc::clone(opened));
                if self.is_down() {
                    opened.end();
                }
            }),
        };
        let mut state = self.state();
        let opened = state.opened.take();
        if let Some(opened) = &opened {
            // It is what the next start, or closing, has to wait for.
            state.peer = Arc::clone(opened);
        }
        let outcome = match fresh {
            Ok(fresh) if !self.is_down() => {
                log::debug!(target: log_target::CLIENT, "{} was reached again", fresh.peer.name());
                self.number.fetch_add(1, Ordering::AcqRel);
                self.is_lost.store(false, Ordering::Release);
                state.peer = Arc::clone(&fresh.peer);
                state.lost = None;
                state.fresh = Some(fresh);
                Ok(())
            }
            _ if self.is_down() => Err(Error::Closed(Delivery::NotSent)),
            Ok(_) => Err(Error::Closed(Delivery::NotSent)),
            Err(error) => Err(error.with_delivery(Delivery::NotSent)),
        };
        drop(state);
        if let (Err(_), Some(opened)) = (&outcome, opened) {
            opened.end();
        }
        self.changed.notify_all();
        outcome
    }

    fn wait<'a>(
        &'a self,
        state: MutexGuard<'a, State<P, S>>,
        deadline: Option<Deadline>,
    ) -> Result<MutexGuard<'a, State<P, S>>, Error> {
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
        let (peer, opened) = (Arc::clone(&state.peer), state.opened.clone());
        drop(state);
        peer.end();
        if let Some(opened) = opened {
            opened.end();
        }
        self.changed.notify_all();
    }

    pub(super) fn finish(&self) {
        let state = self.state();
        let (peer, opened) = (Arc::clone(&state.peer), state.opened.clone());
        drop(state);
        peer.await_end(None);
        if let Some(opened) = opened {
            opened.await_end(None);
        }
    }
}

pub(super) fn out_of_time(deadline: Deadline) -> Error {
    Error::Timeout(Timeout { cause: deadline.cause, after: None, delivery: Delivery::NotSent })
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Far(AtomicBool);

    impl Peer for Far {
        fn end(&self) {
            self.0.store(true, Ordering::Release);
        }

        fn name(&self) -> String {
            "the far end".into()
        }
    }

    struct Opens;

    impl Again<Far, ()> for Opens {
        fn start(&self, _: Option<Deadline>, opened: &dyn Fn(&Arc<Far>)) -> Result<Fresh<Far, ()>, Error> {
            let peer = Arc::new(Far(AtomicBool::new(false)));
            opened(&peer);
            Ok(Fresh { peer, stream: () })
        }
    }

    fn gone() -> Error {
        Error::Usage("it said so".into())
    }

    /// What a writer finds out may be told when its peer was replaced long ago.
    #[test]
    fn what_is_said_of_one_peer_is_never_taken_for_the_next() {
        let link = Link::<Far, ()>::new(Arc::new(Far(AtomicBool::new(false))));
        link.begin_again_with(Box::new(Opens));
        let (first, number) = link.peer(None).unwrap();
        link.lose(number, &gone());
        let unsent = link.peer(None).err().unwrap();
        assert_eq!((unsent.peer, unsent.error.to_string()), (0, gone().to_string()), "which one was lost, and why");
        link.restart(None).unwrap();
        let (second, number) = link.peer(None).unwrap();
        assert!(number == 1 && first.0.load(Ordering::Acquire) && !second.0.load(Ordering::Acquire));
        // Late.
        link.lose(0, &gone());
        assert!(link.is_current(1) && !second.0.load(Ordering::Acquire));
        let unsent = link.peer(Some(0)).err().unwrap();
        assert!(unsent.peer == 0 && matches!(unsent.error, Error::StreamEnded(Delivery::NotSent)));
        assert_eq!((link.loss(0), link.loss(1)), (Loss::Known, Loss::New));
        link.lose(1, &gone());
        let unsent = link.peer(Some(0)).err().unwrap();
        assert!(matches!(unsent.error, Error::StreamEnded(_)), "why the second was lost is not why the first is gone");
    }
}
