//! Connections between two requests, and how many there may be at once.
//!
//! ureq's own pool is left empty: a connection that it lets go of comes back here, if it may be used again. So there is one lock
//! under which a request finds an idle connection, the room to open another, or waits for either.
//!
//! **What counts.** A [request](Room::Counted) has a connection from when it is sent until its answer has been read, be it a
//! stream of minutes. [What may not wait](Room::Free) does not count: notifications, answers to what the server asked, event
//! streams that stay open, the end of the session. Were they to wait, a call that waits for the server, which waits for our
//! answer, which waits for the call's connection, would end with its deadline only.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::{fmt, io};

use mcp_core::time::{Cause, Instant};

use super::connection::Carried;
use super::exchange;
use super::place::Place;
use super::stream::Idle;
use crate::clock;

/// A connection that was idle for less than this is used again unseen. Servers keep idle connections for 5 s and more
/// (uvicorn and node: 5 s), so that a look, three system calls, pays only after a pause.
const TRUSTED_IDLE: Duration = Duration::from_secs(1);

/// An idle connection is kept this long: servers close theirs after 5 s to 75 s, and what they closed is of no use.
const KEPT_IDLE: Duration = Duration::from_secs(15);

/// How many connections a client may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Requests that have a connection at once; none is without bound.
    pub(crate) open: Option<usize>,
    /// Connections that are kept while nobody uses them.
    pub(crate) idle: usize,
}

/// Whether an exchange counts among those that [`Counts::open`] bounds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Room {
    /// It does: it may have to wait.
    Counted,
    /// It does not.
    #[default]
    Free,
}

/// The connections of one client.
pub(super) struct Pool {
    counts: Counts,
    state: Mutex<State>,
    /// Something came back.
    freed: Condvar,
}

#[derive(Default)]
struct State {
    /// The one that was used last is at the back.
    idle: VecDeque<Kept>,
    /// Requests that count and have a connection.
    busy: usize,
    /// Requests that wait for room. To wake nobody is a system call all the same.
    waiting: usize,
    closed: bool,
}

struct Kept {
    place: Arc<Place>,
    since: Instant,
    carried: Box<Carried>,
}

/// Room for one connection, given back when dropped.
pub(super) struct Permit {
    pool: Arc<Pool>,
    room: Room,
}

impl Default for Counts {
    fn default() -> Self {
        Self { open: None, idle: 8 }
    }
}

impl Pool {
    pub(super) fn new(counts: Counts) -> Arc<Self> {
        Arc::new(Self { counts, state: Mutex::default(), freed: Condvar::new() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The state is whole between any two statements that hold the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Room for the exchange of this thread, and an idle connection to `place` if there is one. Waits for room until the deadline
    /// of the exchange.
    ///
    /// # Errors
    /// When there was no room until then, or the pool is closed.
    pub(super) fn enter(self: &Arc<Self>, place: &Place, room: Room) -> io::Result<(Permit, Option<Box<Carried>>)> {
        let mut state = self.state();
        loop {
            if state.closed {
                return Err(closed());
            }
            if room == Room::Free || self.counts.open.is_none_or(|most| state.busy < most) {
                break;
            }
            state = self.wait(state)?;
        }
        if room == Room::Counted {
            state.busy += 1;
        }
        let permit = Permit { pool: Arc::clone(self), room };
        drop(state);
        while let Some(kept) = self.take(place) {
            let mut carried = kept.carried;
            let is_fresh = clock::now().since(kept.since) < TRUSTED_IDLE && exchange::trusts_fresh_connections();
            if is_fresh || carried.idle() == Idle::Silent {
                return Ok((permit, Some(carried)));
            }
        }
        Ok((permit, None))
    }

    /// The idle connection to `place` that was used last.
    fn take(&self, place: &Place) -> Option<Kept> {
        let mut state = self.state();
        let gone = state.expire();
        let at = state.idle.iter().rposition(|kept| *kept.place == *place);
        let kept = at.and_then(|at| state.idle.remove(at));
        drop(state);
        // Closing is a system call: not under the lock.
        drop(gone);
        kept
    }

    fn wait<'a>(&self, mut state: MutexGuard<'a, State>) -> io::Result<MutexGuard<'a, State>> {
        // Before the wait and not after it: who was woken takes the room, or nobody else would be woken for it.
        exchange::check_stop()?;
        let Ok(left) = exchange::left() else {
            exchange::expire(Cause::Room);
            return Err(io::ErrorKind::TimedOut.into());
        };
        let look = if exchange::can_be_stopped() { Some(exchange::STOP_CHECK) } else { None };
        state.waiting += 1;
        let mut state = match left.into_iter().chain(look).min() {
            Some(left) => self.freed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0,
            None => self.freed.wait(state).unwrap_or_else(PoisonError::into_inner),
        };
        state.waiting -= 1;
        Ok(state)
    }

    /// Closes what is idle and refuses whoever asks from now on.
    pub(super) fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        let idle = std::mem::take(&mut state.idle);
        drop(state);
        drop(idle);
        self.freed.notify_all();
    }

    /// How many connections are kept idle at most.
    pub(super) fn most_idle(&self) -> usize {
        self.counts.idle
    }
}

impl State {
    /// Takes out what was idle for too long.
    fn expire(&mut self) -> Vec<Kept> {
        let now = clock::now();
        let young = self.idle.iter().position(|kept| now.since(kept.since) < KEPT_IDLE).unwrap_or(self.idle.len());
        self.idle.drain(..young).collect()
    }
}

impl Permit {
    /// Gives the room back, and the connection with it, to be used again.
    pub(super) fn give_back(self, place: Arc<Place>, carried: Box<Carried>) {
        let pool = Arc::clone(&self.pool);
        let mut state = pool.state();
        let mut gone = state.expire();
        if !state.closed && pool.counts.idle > 0 {
            state.idle.push_back(Kept { place, since: clock::now(), carried });
            // Those who are about to wake take what is idle first: together they are no more than may be open.
            let busy = state.busy - usize::from(self.room == Room::Counted);
            let most =
                pool.counts.open.map_or(pool.counts.idle, |open| pool.counts.idle.min(open.saturating_sub(busy)));
            while state.idle.len() > most {
                gone.extend(state.idle.pop_front());
            }
        }
        drop(state);
        drop(gone);
        // The room itself goes with `self`.
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if self.room == Room::Counted {
            let mut state = self.pool.state();
            state.busy -= 1;
            let has_waiting = state.waiting > 0;
            drop(state);
            if has_waiting {
                self.pool.freed.notify_one();
            }
        }
    }
}

/// As ureq says it once it is shut down.
pub(super) fn closed() -> io::Error {
    io::Error::new(io::ErrorKind::NotConnected, "the client is closed")
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("counts", &self.counts).finish_non_exhaustive()
    }
}
