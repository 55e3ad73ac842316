//! Time as the caller tells it.
//!
//! The core has no clock. Every function that needs the time takes an [`Instant`], which the shell derives from
//! whatever it has: `std::time::Instant`, a hardware timer, or a number that a test moves.

use core::fmt;
use core::ops::Add;
use core::time::Duration;

/// A point on the caller's clock: nanoseconds since an origin of the caller's choice.
///
/// The clock must not run backwards; the origin may be anything, usually the start of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Instant(u64);

impl Instant {
    /// The origin of the clock.
    pub const ZERO: Self = Self(0);

    /// The point `elapsed` after the origin, saturating after some 584 years.
    pub fn from_elapsed(elapsed: Duration) -> Self {
        Self::ZERO + elapsed
    }

    /// How long after `earlier` this point is; zero when it is not after it.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    fn add(self, by: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(by.as_nanos()).unwrap_or(u64::MAX)))
    }
}

/// What a deadline was set for; its `Display` is how a timeout is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cause {
    /// Opening the connection: name lookup, TCP and TLS.
    Connect,
    /// Room for a connection: as many requests as may have one have one.
    Room,
    /// The proxy on the way to the server: reaching it, and its word that it has reached the server.
    Proxy,
    /// The head of the answer to a request over HTTP.
    Response,
    /// The `endpoint` event of HTTP+SSE (R-SSE-17).
    Endpoint,
    /// Bytes on an open event stream (R-SSE-31).
    IdleRead,
    /// One call from its start to its result (R-LM-29).
    Call,
    /// The handshake.
    Initialize,
    /// The end of a stream that is being closed.
    Close,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "connect",
            Self::Room => "room for a connection",
            Self::Proxy => "proxy",
            Self::Response => "response",
            Self::Endpoint => "endpoint",
            Self::IdleRead => "idle read",
            Self::Call => "call",
            Self::Initialize => "initialize",
            Self::Close => "close",
        })
    }
}

/// A point in time and what it was set for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline {
    /// When it passes.
    pub at: Instant,
    /// What it was set for.
    pub cause: Cause,
}

impl Deadline {
    /// A deadline `after` from `now`.
    pub fn after(now: Instant, after: Duration, cause: Cause) -> Self {
        Self { at: now + after, cause }
    }

    /// Whether it has passed: at the very instant it has.
    pub fn has_passed(&self, now: Instant) -> bool {
        now >= self.at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_has_passed_at_its_instant_and_not_before() {
        let deadline = Deadline::after(Instant::ZERO, Duration::from_nanos(5), Cause::Call);
        assert!(!deadline.has_passed(Instant::from_elapsed(Duration::from_nanos(4))));
        assert!(deadline.has_passed(Instant::from_elapsed(Duration::from_nanos(5))));
    }

    #[test]
    fn the_far_future_saturates() {
        let end = Instant::ZERO + Duration::MAX;
        assert_eq!(end + Duration::from_secs(1), end);
        assert_eq!(Instant::ZERO.since(end), Duration::ZERO);
    }
}
