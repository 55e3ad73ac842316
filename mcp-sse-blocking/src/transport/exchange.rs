//! What one HTTP exchange may take and what became of it, known to the socket that carries it.
//!
//! ureq hands its own timeouts down to a transport, but the only way to give one request other timeouts than the next is a
//! copy of its whole configuration, and nothing comes back up except an error. Both ways matter here: each call has its
//! own deadline, and a lost request must say whether it had been sent. An exchange runs on one thread from its start to its
//! end, so the two sides meet in a thread-local [`Exchange`].

use std::cell::{Cell, RefCell};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use mcp_core::time::{Cause, Deadline};

use super::place::Place;
use super::pool::Room;
use crate::clock;

thread_local! {
    static EXCHANGE: Exchange = const { Exchange::new() };
}

/// The exchange that runs on this thread.
struct Exchange {
    /// When the exchange as a whole must be over; none is for ever.
    deadline: Cell<Option<Deadline>>,
    /// When a connection that is being opened must be open. Set by the connector, cleared when it is done.
    connect: Cell<Option<Deadline>>,
    /// Set by another thread that no longer wants the answer.
    stop: RefCell<Option<Arc<dyn Stop>>>,
    progress: Cell<Progress>,
    expired: Cell<Option<Cause>>,
    stopped: Cell<bool>,
    trust: Cell<Trust>,
    room: Cell<Room>,
    place: RefCell<Option<Arc<Place>>>,
    longest_line: Cell<usize>,
}

/// How far an exchange came.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    /// The connection had carried an exchange before.
    pub(crate) reused: bool,
    /// What is written from here on is the request: not a word to a proxy, and not the handshake of TLS.
    pub(crate) begun: bool,
    /// Bytes of the request have left, for all that the system says. Before that the server cannot have acted on it.
    pub(crate) sent: bool,
    /// Bytes of the answer have come.
    pub(crate) answered: bool,
}

/// How an exchange ended, from the socket's view.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Outcome {
    pub(crate) progress: Progress,
    /// The deadline that ended it.
    pub(crate) expired: Option<Cause>,
    /// Another thread ended it through its stop flag.
    pub(crate) stopped: bool,
}

/// The bounds of an exchange in time.
#[derive(Clone, Default)]
pub(crate) struct Bounds {
    pub(crate) deadline: Option<Deadline>,
    /// Looked at every [`STOP_CHECK`] while the socket is silent.
    pub(crate) stop: Option<Arc<dyn Stop>>,
    pub(crate) trust: Trust,
    /// Whether it counts among the requests whose connections are bounded.
    pub(crate) room: Room,
    /// Where a request goes: known before ureq says it once more, as a URL. None where no connection is asked for.
    pub(crate) place: Option<Arc<Place>>,
    /// Bytes of the longest line in the head of the request: ureq writes each in one piece.
    pub(crate) longest_line: usize,
}

/// Whether an idle connection is used again unseen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Trust {
    /// When it was idle for no more than a moment: servers keep connections longer.
    #[default]
    WhileFresh,
    /// The request cannot be sent twice.
    Never,
}

/// Something that another thread may set to say that an exchange need not be finished.
pub(crate) trait Stop: Send + Sync {
    fn is_stopped(&self) -> bool;
}

/// How often a silent socket looks at the stop flag: rarely enough to cost nothing, often enough for a person.
pub(crate) const STOP_CHECK: Duration = Duration::from_millis(200);

/// The socket must not wait any longer. The [`Outcome`] says why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Over;

impl From<Over> for io::Error {
    fn from(_: Over) -> Self {
        io::ErrorKind::TimedOut.into()
    }
}

impl Exchange {
    const fn new() -> Self {
        Self {
            deadline: Cell::new(None),
            connect: Cell::new(None),
            stop: RefCell::new(None),
            progress: Cell::new(Progress { reused: false, begun: false, sent: false, answered: false }),
            expired: Cell::new(None),
            stopped: Cell::new(false),
            trust: Cell::new(Trust::WhileFresh),
            room: Cell::new(Room::Free),
            place: RefCell::new(None),
            longest_line: Cell::new(0),
        }
    }
}

/// Runs `exchange` within `bounds` and says how it ended.
pub(crate) fn run<T>(bounds: Bounds, exchange: impl FnOnce() -> T) -> (T, Outcome) {
    EXCHANGE.with(|it| {
        it.deadline.set(bounds.deadline);
        it.connect.set(None);
        it.stop.replace(bounds.stop);
        it.progress.set(Progress::default());
        it.expired.set(None);
        it.stopped.set(false);
        it.trust.set(bounds.trust);
        it.room.set(bounds.room);
        it.place.replace(bounds.place);
        it.longest_line.set(bounds.longest_line);
    });
    let answer = exchange();
    let outcome = EXCHANGE.with(|it| {
        // It may be a whole call: not kept until this thread's next exchange.
        it.stop.take();
        Outcome { progress: it.progress.get(), expired: it.expired.take(), stopped: it.stopped.get() }
    });
    (answer, outcome)
}

/// A connection is being opened; it has `within` to open. `cause` is what it is waited for at first: the server or a proxy.
pub(super) fn connecting(within: Option<Duration>, cause: Cause) {
    EXCHANGE.with(|it| it.connect.set(within.map(|within| Deadline::after(clock::now(), within, cause))));
}

/// From here the server is waited for, and no longer a proxy.
pub(super) fn past_proxy() {
    EXCHANGE.with(|it| it.connect.set(it.connect.get().map(|deadline| Deadline { cause: Cause::Connect, ..deadline })));
}

/// The connection is open: from here only the deadline of the whole exchange counts.
pub(super) fn connected() {
    EXCHANGE.with(|it| it.connect.set(None));
}

/// How long the exchange may still take; none is for ever.
pub(super) fn left() -> Result<Option<Duration>, Over> {
    EXCHANGE.with(|it| {
        let Some(deadline) = earlier(it.connect.get(), it.deadline.get()) else { return Ok(None) };
        let left = deadline.at.since(clock::now());
        if left.is_zero() {
            it.expired.set(Some(deadline.cause));
            return Err(Over);
        }
        Ok(Some(left))
    })
}

/// The deadline for `cause` passed while something else than the socket was waited for.
pub(super) fn expire(cause: Cause) {
    EXCHANGE.with(|it| it.expired.set(Some(cause)));
}

/// Looks at the stop flag. Asked only when the socket was silent for [`STOP_CHECK`]: a reply on the stream usually
/// overtakes the answer to its POST by microseconds, and the connection is worth more than those.
pub(super) fn check_stop() -> Result<(), Over> {
    EXCHANGE.with(|it| {
        let stopped = it.stop.borrow().as_ref().is_some_and(|stop| stop.is_stopped());
        it.stopped.set(stopped);
        if stopped { Err(Over) } else { Ok(()) }
    })
}

/// Whether another thread may end the exchange through a stop flag.
pub(super) fn can_be_stopped() -> bool {
    EXCHANGE.with(|it| it.stop.borrow().is_some())
}

/// Whether an idle connection may be used again unseen.
pub(super) fn trusts_fresh_connections() -> bool {
    EXCHANGE.with(|it| it.trust.get() == Trust::WhileFresh)
}

/// Whether the exchange counts among the requests whose connections are bounded.
pub(super) fn room() -> Room {
    EXCHANGE.with(|it| it.room.get())
}

/// Where the request of the exchange goes.
pub(super) fn place() -> Option<Arc<Place>> {
    EXCHANGE.with(|it| it.place.borrow().clone())
}

/// Bytes of the longest line in the head of the request.
pub(super) fn longest_line() -> usize {
    EXCHANGE.with(|it| it.longest_line.get())
}

/// Notes how far the exchange came.
pub(super) fn note(change: impl FnOnce(&mut Progress)) {
    EXCHANGE.with(|it| {
        let mut progress = it.progress.get();
        change(&mut progress);
        it.progress.set(progress);
    });
}

/// Bytes left, on whatever connection: notes that they are of the request.
pub(super) fn note_written() {
    note(|progress| progress.sent |= progress.begun);
}

fn earlier(a: Option<Deadline>, b: Option<Deadline>) -> Option<Deadline> {
    match (a, b) {
        (Some(a), Some(b)) => Some(if b.at < a.at { b } else { a }),
        (a, b) => a.or(b),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use mcp_core::time::Instant;

    use super::*;

    fn bounds(within: Duration) -> Bounds {
        Bounds { deadline: Some(Deadline::after(clock::now(), within, Cause::Call)), ..Bounds::default() }
    }

    #[test]
    fn an_exchange_names_the_deadline_that_ended_it() {
        let past =
            Bounds { deadline: Some(Deadline { at: Instant::ZERO, cause: Cause::Endpoint }), ..Bounds::default() };
        let (waited, outcome) = run(past, left);
        assert_eq!(waited, Err(Over));
        assert_eq!(outcome.expired, Some(Cause::Endpoint));
        let (_, outcome) = run(Bounds::default(), || ());
        assert_eq!(outcome.expired, None, "it does not outlive its exchange");
    }

    #[test]
    fn while_connecting_the_earlier_deadline_counts() {
        let ((), outcome) = run(bounds(Duration::from_secs(60)), || {
            connecting(Some(Duration::ZERO), Cause::Connect);
            assert_eq!(left(), Err(Over));
            connected();
            assert!(left().is_ok());
        });
        assert_eq!(outcome.expired, Some(Cause::Connect));
    }

    #[test]
    fn a_stop_flag_is_seen_when_it_is_looked_at() {
        #[derive(Default)]
        struct Flag(AtomicBool);
        impl Stop for Flag {
            fn is_stopped(&self) -> bool {
                self.0.load(Ordering::Relaxed)
            }
        }
        let flag = Arc::new(Flag::default());
        let (looks, outcome) =
            run(Bounds { stop: Some(Arc::clone(&flag) as Arc<dyn Stop>), ..Bounds::default() }, || {
                let before = check_stop();
                flag.0.store(true, Ordering::Relaxed);
                (before, left(), check_stop())
            });
        assert_eq!(looks, (Ok(()), Ok(None), Err(Over)));
        assert!(outcome.stopped);
        assert_eq!(Arc::strong_count(&flag), 1, "it is let go with its exchange");
    }
}
