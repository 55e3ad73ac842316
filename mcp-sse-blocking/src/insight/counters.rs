//! What is counted, on whatever thread it happens: atomics only, no lock.
//!
//! Nothing is ordered by these counters and nothing is decided by them, so that all accesses are relaxed.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use mcp_core::time::Instant;

use super::histogram::Histogram;
use super::metrics::{CallCounts, CallTimes, ErrorCounts};
use crate::clock;
use crate::error::Error;

/// A number that rises.
#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    pub(super) fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// Of a number that falls as well.
    pub(super) fn remove_one(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }

    /// Adds one and gives the new number.
    pub(super) fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(super) fn now(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// All that is counted of a client.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) connects: Counter,
    pub(super) reconnects: Counter,
    pub(super) losses: Counter,
    pub(super) resumptions: Counter,
    pub(super) connections: Counter,
    pub(super) open_connections: Counter,
    pub(super) events: Counter,
    pub(super) messages_sent: Counter,
    pub(super) messages_received: Counter,
    pub(super) bytes_sent: Counter,
    pub(super) bytes_received: Counter,
    pub(super) slow_calls: Counter,
    pub(super) standing: Standing,
    pub(super) calls: Tally,
    pub(super) requests: Tally,
    pub(super) errors: Errors,
}

/// Since when there is a session, and how long there was one before.
#[derive(Debug, Default)]
pub(super) struct Standing {
    /// Nanoseconds of the program's clock, and 1; 0 for none.
    since: AtomicU64,
    before: AtomicU64,
}

impl Standing {
    /// A session was opened. Whether it took the place of one that stood until now.
    pub(super) fn begin(&self) -> bool {
        self.change(nanos_now() + 1)
    }

    /// The session is over. Whether there was one.
    pub(super) fn end(&self) -> bool {
        self.change(0)
    }

    pub(super) fn stands(&self) -> bool {
        self.since.load(Ordering::Relaxed) > 0
    }

    /// Each stretch of time is added by whoever took its beginning out.
    fn change(&self, since: u64) -> bool {
        let old = self.since.swap(since, Ordering::Relaxed);
        if old > 0 {
            self.before.fetch_add(nanos_now().saturating_sub(old - 1), Ordering::Relaxed);
        }
        old > 0
    }

    /// How long the session that is has stood, and all of them together.
    pub(super) fn now(&self) -> (Option<Duration>, Duration) {
        let before = Duration::from_nanos(self.before.load(Ordering::Relaxed));
        let since = self.since.load(Ordering::Relaxed);
        let standing = (since > 0).then(|| Duration::from_nanos(nanos_now().saturating_sub(since - 1)));
        (standing, before + standing.unwrap_or_default())
    }
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Ok,
    ToolError,
    Refused,
    TimedOut,
    Cancelled,
    Lost,
    Broken,
    Unanswered,
    Unusable,
}

impl Outcome {
    pub(super) fn of(error: &Error) -> Self {
        #[allow(
            unreachable_patterns,
            reason = "a new kind of error counts as a refusal until somebody says what it is"
        )]
        match error {
            Error::Rpc(_) | Error::Status(_) => Self::Refused,
            Error::Timeout(_) => Self::TimedOut,
            Error::Cancelled(_) | Error::Closed(_) => Self::Cancelled,
            Error::Transport(_)
            | Error::StreamEnded(_)
            | Error::Exited(_)
            | Error::SessionGone(_)
            | Error::NotConnected(_) => Self::Lost,
            Error::Peer(_) | Error::Limit(_) => Self::Broken,
            Error::Input(_) => Self::Unanswered,
            Error::Usage(_) | Error::Credentials(_) => Self::Unusable,
            _ => Self::Refused,
        }
    }
}

/// Calls of one sort: how they ended, and how long they took.
#[derive(Debug, Default)]
pub(super) struct Tally {
    ended: [Counter; 9],
    pub(super) in_flight: Counter,
    sum: Counter,
    /// Turned around, so that nothing at all is the largest: `u64::MAX` less the shortest.
    shortest: AtomicU64,
    longest: AtomicU64,
    /// Made with the first call: most clients of a program that looks at none of this make few.
    times: OnceLock<Box<Histogram>>,
}

impl Tally {
    pub(super) fn record(&self, outcome: Outcome, took: Duration) {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.ended[outcome as usize].add(1);
        self.sum.add(nanos);
        raise(&self.shortest, u64::MAX - nanos);
        raise(&self.longest, nanos);
        self.times.get_or_init(Box::default).record(nanos);
    }

    pub(super) fn now(&self) -> CallCounts {
        let count = |outcome: Outcome| self.ended[outcome as usize].now();
        CallCounts {
            ok: count(Outcome::Ok),
            tool_error: count(Outcome::ToolError),
            refused: count(Outcome::Refused),
            timed_out: count(Outcome::TimedOut),
            cancelled: count(Outcome::Cancelled),
            lost: count(Outcome::Lost),
            broken: count(Outcome::Broken),
            unanswered: count(Outcome::Unanswered),
            unusable: count(Outcome::Unusable),
            in_flight: self.in_flight.now(),
            times: self.times(),
        }
    }

    fn times(&self) -> Option<CallTimes> {
        let counts = self.times.get()?.counts();
        let count = counts.all();
        let (min, max) = (u64::MAX - self.shortest.load(Ordering::Relaxed), self.longest.load(Ordering::Relaxed));
        // The middle of a bucket may lie beyond the only value in it.
        let percentile =
            |percent| counts.percentile(percent).map(|nanos| Duration::from_nanos(nanos.clamp(min, max.max(min))));
        let sum = self.sum.now();
        Some(CallTimes {
            min: Duration::from_nanos(min),
            // A call that ends while this is read may be in the sum and not in the number.
            mean: Duration::from_nanos(sum.checked_div(count)?.clamp(min, max.max(min))),
            max: Duration::from_nanos(max),
            p50: percentile(50)?,
            p90: percentile(90)?,
            p99: percentile(99)?,
            sum: Duration::from_nanos(sum),
            count,
        })
    }
}

/// Failures by kind.
#[derive(Debug, Default)]
pub(super) struct Errors([Counter; 16]);

impl Errors {
    pub(super) fn record(&self, error: &Error) {
        self.0[kind(error)].add(1);
    }

    pub(super) fn now(&self) -> ErrorCounts {
        let [
            usage,
            rpc,
            peer,
            limit,
            status,
            session_gone,
            timeout,
            transport,
            stream_ended,
            exited,
            input,
            cancelled,
            closed,
            credentials,
            not_connected,
            other,
        ] = self.0.each_ref().map(Counter::now);
        ErrorCounts {
            usage,
            rpc,
            peer,
            limit,
            status,
            session_gone,
            timeout,
            transport,
            stream_ended,
            exited,
            input,
            cancelled,
            closed,
            credentials,
            not_connected,
            other,
        }
    }
}

/// In the order of the names above.
fn kind(error: &Error) -> usize {
    #[allow(unreachable_patterns, reason = "a new kind of error counts among the others until it has a counter")]
    match error {
        Error::Usage(_) => 0,
        Error::Rpc(_) => 1,
        Error::Peer(_) => 2,
        Error::Limit(_) => 3,
        Error::Status(_) => 4,
        Error::SessionGone(_) => 5,
        Error::Timeout(_) => 6,
        Error::Transport(_) => 7,
        Error::StreamEnded(_) => 8,
        Error::Exited(_) => 9,
        Error::Input(_) => 10,
        Error::Cancelled(_) => 11,
        Error::Closed(_) => 12,
        Error::Credentials(_) => 13,
        Error::NotConnected(_) => 14,
        _ => 15,
    }
}

/// Most values change nothing, and a look is cheaper than an exchange.
fn raise(highest: &AtomicU64, value: u64) {
    if highest.load(Ordering::Relaxed) < value {
        highest.fetch_max(value, Ordering::Relaxed);
    }
}

fn nanos_now() -> u64 {
    u64::try_from(clock::now().since(Instant::ZERO).as_nanos()).unwrap_or(u64::MAX)
}
