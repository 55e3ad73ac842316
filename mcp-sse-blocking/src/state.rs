//! Where a client stands with its server, and who wants to know.
//!
//! A client publishes each change once. Whoever looks on reads the last [`KEPT`] of them from one place, at a pace of their
//! own: nobody who looks away for long costs memory, holds the client up, or misses what is true in the end.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use mcp_core::time::{Cause, Deadline};

use crate::builder::reconnect::StateHandler;
use crate::client::Client;
use crate::clock;
use crate::error::Error;
use crate::log_target;

/// Changes that are kept for those who look on. 64: two dozen attempts and their ends; the oldest go first.
const KEPT: usize = 64;

/// How long a client that could not be opened waits for its handler.
const JOIN_TIME: Duration = Duration::from_secs(1);

/// Where a client stands with its server.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum State {
    /// It connects for the first time.
    Connecting,
    /// It can be called. Over Streamable HTTP, which has no standing connection: the last that was heard of the server was good.
    Ready,
    /// The session was lost, and another is to take its place.
    Reconnecting {
        /// Which attempt is made or waited for, counted from 1 and anew after a success. 0 while nothing is tried: the next
        /// request will ([`Reconnect::on_demand`](crate::Reconnect::on_demand)).
        attempt: u32,
    },
    /// It is over: every later call fails at once.
    Closed {
        /// Why; [`Error::Closed`] when this program closed it.
        why: Error,
    },
}

impl State {
    /// Whether the client can be called without first reaching its server anew.
    pub fn is_ready(&self) -> bool {
        matches!(self, Self::Ready)
    }

    /// Whether it is over.
    pub fn is_closed(&self) -> bool {
        matches!(self, Self::Closed { .. })
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connecting => f.write_str("connecting"),
            Self::Ready => f.write_str("ready"),
            Self::Reconnecting { attempt: 0 } => f.write_str("disconnected, to be connected again by the next request"),
            Self::Reconnecting { attempt } => write!(f, "reconnecting, attempt {attempt}"),
            Self::Closed { why } => write!(f, "closed: {why}"),
        }
    }
}

impl Client {
    /// Where the client stands now. Never waits.
    ///
    /// The end of a stream is seen within some 20 ms when nothing is being called; a peer that is gone without a word is found
    /// out by a deadline only. Over Streamable HTTP, where nothing stands between two requests, it is what the last one found.
    pub fn state(&self) -> State {
        self.engine().standing.watch.now()
    }

    /// The changes of the [state](Self::state), beginning with the one that holds now.
    ///
    /// ```no_run
    /// use mcp_sse_blocking::{Client, Reconnect};
    ///
    /// let client = Client::builder("http://localhost:8000/sse").reconnect(Reconnect::new()).connect()?;
    /// for state in client.watch() {
    ///     println!("{state}");
    /// }
    /// # Ok::<(), mcp_sse_blocking::Error>(())
    /// ```
    pub fn watch(&self) -> States {
        self.engine().standing.watch.states()
    }
}

/// The states of a client, one after the other: an iterator that waits for the next one, and ends after
/// [`State::Closed`].
///
/// The last 64 changes wait for who looks on; older ones are left out, the newest never is. It does not keep the client open.
/// May be cloned and sent to another thread: the copy goes on from the same place.
#[derive(Debug, Clone)]
pub struct States {
    watch: Watch,
    /// The number of the next one.
    next: u64,
}

impl States {
    /// The next state, if it comes within `timeout`. `None` also when the last one was given: see
    /// [`is_over`](Self::is_over).
    pub fn next_within(&mut self, timeout: Duration) -> Option<State> {
        // A timeout beyond what the clock can say is none.
        self.wait(Instant::now().checked_add(timeout))
    }

    /// Whether nothing more comes.
    pub fn is_over(&self) -> bool {
        self.watch.lock().is_over(self.next)
    }

    fn wait(&mut self, until: Option<Instant>) -> Option<State> {
        let mut changes = self.watch.lock();
        loop {
            if let Some((number, state)) = changes.since(self.next) {
                self.next = number + 1;
                return Some(state);
            }
            if changes.is_over(self.next) {
                return None;
            }
            let changed = &self.watch.0.changed;
            changes = match until {
                None => changed.wait(changes).unwrap_or_else(PoisonError::into_inner),
                Some(until) => {
                    let left = until.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return None;
                    }
                    changed.wait_timeout(changes, left).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }
}

impl Iterator for States {
    type Item = State;

    /// Waits for the next state; `None` after the last.
    fn next(&mut self) -> Option<State> {
        self.wait(None)
    }
}

/// Where changes are published.
#[derive(Debug, Clone)]
pub(crate) struct Watch(Arc<Published>);

#[derive(Debug)]
struct Published {
    changes: Mutex<Changes>,
    changed: Condvar,
    /// The thread that runs the handler.
    teller: Mutex<Option<Teller>>,
}

/// A thread that tells the states to a handler.
#[derive(Debug)]
struct Teller {
    thread: JoinHandle<()>,
    /// Disconnected once it is done.
    done: Receiver<Infallible>,
}

#[derive(Debug)]
struct Changes {
    /// Never empty: the last is the one that holds.
    kept: VecDeque<State>,
    /// The number of the first of them.
    first: u64,
}

impl Default for Watch {
    fn default() -> Self {
        let changes = Changes { kept: VecDeque::from([State::Connecting]), first: 0 };
        Self(Arc::new(Published { changes: Mutex::new(changes), changed: Condvar::new(), teller: Mutex::default() }))
    }
}

impl Watch {
    fn lock(&self) -> MutexGuard<'_, Changes> {
        self.0.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What holds.
    pub(crate) fn now(&self) -> State {
        self.lock().now().clone()
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.lock().now().is_ready()
    }

    /// From here on this holds. Nothing follows the end.
    pub(crate) fn publish(&self, state: State) {
        let mut changes = self.lock();
        if changes.now().is_closed() {
            return;
        }
        if changes.kept.len() == KEPT {
            changes.kept.pop_front();
            changes.first += 1;
        }
        changes.kept.push_back(state);
        drop(changes);
        self.0.changed.notify_all();
    }

    /// Runs `handler` on each state from now on, on the thread `mcp-state`, which ends with [`State::Closed`].
    pub(crate) fn tell(&self, mut handler: StateHandler) -> io::Result<()> {
        let states = self.states();
        let (alive, done) = bounded(0);
        let thread = thread::Builder::new().name("mcp-state".into()).spawn(move || {
            let _alive: Sender<Infallible> = alive;
            for state in states {
                if catch_unwind(AssertUnwindSafe(|| handler(&state))).is_err() {
                    log::error!(target: log_target::CLIENT, "a handler panicked");
                }
            }
        })?;
        *self.0.teller.lock().unwrap_or_else(PoisonError::into_inner) = Some(Teller { thread, done });
        Ok(())
    }

    /// There will be no client.
    pub(crate) fn fail(&self, error: &Error) {
        self.publish(State::Closed { why: error.clone() });
        self.join(Deadline::after(clock::now(), JOIN_TIME, Cause::Close));
    }

    /// Waits until the handler has been told of the end, but not beyond `deadline`. It does not wait for itself.
    pub(crate) fn join(&self, deadline: Deadline) {
        if !self.lock().now().is_closed() {
            return;
        }
        let Some(teller) = self.0.teller.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
        if teller.thread.thread().id() == thread::current().id() {
            return;
        }
        match teller.done.recv_timeout(deadline.at.since(clock::now())) {
            Err(RecvTimeoutError::Disconnected) => drop(teller.thread.join()),
            _ => {
                log::warn!(target: log_target::CLIENT, "the thread mcp-state is left behind: its handler does not return")
            }
        }
    }

    /// Looks on from now.
    pub(crate) fn states(&self) -> States {
        let changes = self.lock();
        let next = changes.end() - 1;
        drop(changes);
        States { watch: self.clone(), next }
    }
}

impl Changes {
    fn now(&self) -> &State {
        // Never empty; what stands in for it is what a client begins with.
        self.kept.back().unwrap_or(&State::Connecting)
    }

    /// The number that the next change will have.
    fn end(&self) -> u64 {
        self.first + self.kept.len() as u64
    }

    /// The change with this number, or the oldest after it that is kept.
    fn since(&self, number: u64) -> Option<(u64, State)> {
        let number = number.max(self.first);
        let at = usize::try_from(number - self.first).ok()?;
        Some((number, self.kept.get(at)?.clone()))
    }

    fn is_over(&self, next: u64) -> bool {
        next >= self.end() && self.now().is_closed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Delivery;

    fn closed() -> State {
        State::Closed { why: Error::Closed(Delivery::NotSent) }
    }

    #[test]
    fn who_looks_on_sees_each_change_once_and_the_end_last() {
        let watch = Watch::default();
        let states = watch.states();
        watch.publish(State::Ready);
        watch.publish(State::Reconnecting { attempt: 1 });
        let late = watch.states();
        watch.publish(closed());
        watch.publish(State::Ready);
        let said = |states: States| states.map(|state| state.to_string()).collect::<Vec<_>>();
        let end = "closed: the client was closed";
        assert_eq!(said(states), ["connecting", "ready", "reconnecting, attempt 1", end]);
        assert_eq!(said(late), ["reconnecting, attempt 1", end]);
    }

    #[test]
    fn what_waits_is_bounded_and_the_newest_is_kept() {
        let watch = Watch::default();
        let mut states = watch.states();
        for attempt in 1..=3 * KEPT as u32 {
            watch.publish(State::Reconnecting { attempt });
        }
        assert_eq!(watch.lock().kept.len(), KEPT);
        let told: Vec<State> = std::iter::from_fn(|| states.next_within(Duration::ZERO)).collect();
        assert_eq!(told.len(), KEPT);
        assert!(matches!(told.last(), Some(State::Reconnecting { attempt }) if *attempt == 3 * KEPT as u32));
        assert!(!states.is_over());
    }

    #[test]
    fn whoever_waits_is_woken_by_a_change() {
        let watch = Watch::default();
        let mut states = watch.states();
        assert!(matches!(states.next(), Some(State::Connecting)));
        let waiting = std::thread::spawn(move || (states.next(), states.next()));
        watch.publish(State::Ready);
        watch.publish(closed());
        let (first, second) = waiting.join().unwrap();
        assert!(matches!((first, second), (Some(State::Ready), Some(State::Closed { .. }))));
    }
}
