//! What a client does when it loses its server: the policy, and its pauses.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use mcp_core::http::resume::SHORTEST_DELAY;

use crate::error::{Delivery, Error};

/// What a client does when the session with its server is lost: the stream ended, the child process exited, the network
/// failed, the server forgot the session. Set by [`Builder::reconnect`](crate::Builder::reconnect).
///
/// Whatever it says, three things hold. A new session is a new one: hands are shaken again, the log level and the subscriptions
/// to resources are asked for again, [subscriptions](crate::Client::listen) say that changes may have been missed, and nothing
/// of the old session reaches the new one. Calls that were in flight fail, with an error whose
/// [`delivery`](Error::delivery) says whether the server may have acted, unless repeating them
/// [does no harm](crate::CallOptions::idempotent). And there is a pause of 50 ms at least between two attempts
/// that the client makes by itself.
///
/// | | [`on_demand`](Self::on_demand) | [`new`](Self::new) | [`never`](Self::never) |
/// | --- | --- | --- | --- |
/// | who opens the new session | the next request, which waits for it | the client, at once, in the background | nobody: the client is closed |
/// | calls made meanwhile | try once, and fail with what that failed with | wait for it within their deadline | fail at once |
/// | a request that was certainly not processed | goes into the new session where the server forgot the old one, or ended | is made again, within its deadline | fails |
/// | `connect` to a server that is not up yet | fails | tries again, within `call_timeout` | fails |
///
/// ```
/// use std::time::Duration;
/// use mcp_sse_blocking::Reconnect;
///
/// // Ten attempts in a row, five seconds apart at first and a minute at most.
/// let policy = Reconnect::new().interval(Duration::from_secs(5)).longest(Duration::from_secs(60)).attempts(Some(10));
/// # drop(policy);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reconnect {
    pub(crate) when: When,
    interval: Duration,
    longest: Duration,
    pub(crate) attempts: Option<u32>,
}

/// Who opens a session in place of a lost one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    /// Nobody.
    Never,
    /// The next request.
    OnDemand,
    /// The client, in the background.
    AtOnce,
}

impl Reconnect {
    /// The next request opens a new session, in one attempt, and is made in it. The default, for every carrier: a server that was
    /// restarted costs the calls that were in flight, and no client. Where somebody listens, to [changes](crate::Client::listen) or
    /// [events](crate::Client::events), and nobody calls, the client tries by itself, at intervals that grow from half a second to
    /// a minute.
    ///
    /// Attempts in vain that follow each other have pauses between them, which grow from 100 ms to 5 s; a request waits for
    /// them within its deadline. A child process is started [so often in a row](crate::Command::restarts).
    pub fn on_demand() -> Self {
        let (interval, longest) = (Duration::from_millis(100), Duration::from_secs(5));
        Self { when: When::OnDemand, interval, longest, attempts: None }
    }

    /// No new session: the loss closes the client, and every later call fails with its reason.
    pub fn never() -> Self {
        Self { when: When::Never, ..Self::on_demand() }
    }

    /// The client opens a new session by itself, in the background: after 1 s, after growing pauses up to 60 s, for as long as it
    /// takes. [`interval`](Self::interval), [`longest`](Self::longest) and [`attempts`](Self::attempts) say otherwise.
    ///
    /// A server that says by `retry:` or `Retry-After` how long it wants to be left alone is left alone for that long.
    pub fn new() -> Self {
        let (interval, longest) = (Duration::from_secs(1), Duration::from_secs(60));
        Self { when: When::AtOnce, interval, longest, attempts: None }
    }

    /// The pause before the first attempt, or where requests make them before the second; it doubles with each attempt in vain.
    /// 50 ms is the least. A random part of up to a
    /// quarter is taken off each pause, so that the clients of a server that comes back do not all come at once.
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// The longest pause. A server may ask for a longer one, up to an hour ([`Limits::retry_millis`](crate::Limits)).
    pub fn longest(mut self, longest: Duration) -> Self {
        self.longest = longest;
        self
    }

    /// How many attempts in a row may be in vain before the client is closed. The count begins again once a new session has been
    /// of use: something came in it after its handshake, or it stood for ten seconds. `None`: there is no such number.
    pub fn attempts(mut self, attempts: impl Into<Option<u32>>) -> Self {
        self.attempts = attempts.into();
        self
    }

    /// The same with a bound on the attempts that requests make, where the policy has none of its own.
    pub(crate) fn at_most(mut self, attempts: u32) -> Self {
        if self.when == When::OnDemand {
            self.attempts = self.attempts.or(Some(attempts));
        }
        self
    }

    /// The pause before the attempt with this number in a row, counted from 1. A request that is the first to want a session
    /// waits for nothing.
    pub(crate) fn pause(&self, attempt: u32) -> Duration {
        let doublings = match self.when {
            When::AtOnce => attempt.saturating_sub(1),
            _ if attempt <= 1 => return Duration::ZERO,
            _ => attempt - 2,
        };
        let first = self.interval.max(SHORTEST_DELAY);
        let full = first.saturating_mul(1 << doublings.min(16)).min(self.longest.max(first));
        // Any number will do that differs from client to client.
        let part = u32::try_from(RandomState::new().hash_one(attempt) % 1000).unwrap_or(0);
        (full - full / 4 / 1000 * part).max(SHORTEST_DELAY)
    }

    /// Whether a session that is lost may have a successor.
    pub(crate) fn may_try(&self) -> bool {
        self.when != When::Never && self.attempts != Some(0)
    }

    /// Whether there may be an attempt with this number in a row, counted from 1.
    pub(crate) fn allows(&self, attempt: u32) -> bool {
        self.when != When::Never && self.attempts.is_none_or(|most| attempt <= most)
    }

    /// Whether a session that is lost has no successor.
    pub(crate) fn is_never(&self) -> bool {
        self.when == When::Never
    }

    /// Whether the client sees to it by itself that there is a session.
    pub(crate) fn is_at_once(&self) -> bool {
        self.when == When::AtOnce
    }
}

impl Default for Reconnect {
    /// As [`on_demand`](Self::on_demand).
    fn default() -> Self {
        Self::on_demand()
    }
}

/// There was no session in time: the client is reconnecting.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct NotConnected {
    /// Which attempt was made or waited for.
    pub attempt: u32,
    /// How long the request waited.
    pub after: Option<Duration>,
    /// What the last attempt failed with; before there was one, how the session was lost.
    pub why: Error,
}

impl fmt::Display for NotConnected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("there was no session")?;
        if let Some(after) = self.after {
            write!(f, " within {after:?}")?;
        }
        let why = self.why.clone().with_delivery(Delivery::NotSent);
        write!(f, " (setting `call_timeout`): reconnecting, attempt {}; the last failure: {why}", self.attempt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn pauses_double_up_to_the_longest_and_are_not_all_the_same() {
        // R-LM-60
        let policy = Reconnect::new().interval(SECOND).longest(5 * SECOND);
        for (attempt, full) in [(1, 1), (2, 2), (3, 4), (4, 5), (5, 5), (u32::MAX, 5)] {
            for _ in 0..20 {
                let pause = policy.pause(attempt);
                assert!(pause > full * SECOND * 3 / 4 - SECOND / 100 && pause <= full * SECOND, "{attempt}: {pause:?}");
            }
        }
        assert!((0..50).any(|_| policy.pause(4) != policy.pause(4)));
    }

    #[test]
    fn there_is_a_pause_whatever_the_settings_are() {
        let policy = Reconnect::new().interval(Duration::ZERO).longest(Duration::ZERO);
        assert!((1..40).all(|attempt| policy.pause(attempt) == SHORTEST_DELAY));
        // Where requests try, the first one does so at once.
        let pauses = [1, 2, 3].map(|attempt| Reconnect::on_demand().pause(attempt).is_zero());
        assert_eq!(pauses, [true, false, false]);
        assert!(Reconnect::on_demand().pause(40) <= 5 * SECOND);
    }

    #[test]
    fn who_waited_in_vain_is_told_for_how_long_and_why() {
        let why = Error::StreamEnded(Delivery::Sent);
        let error = Error::NotConnected(Box::new(NotConnected { attempt: 3, after: Some(2 * SECOND), why }));
        assert_eq!(
            error.to_string(),
            "there was no session within 2s (setting `call_timeout`): reconnecting, attempt 3; the last failure: \
             the event stream ended before the reply"
        );
        assert_eq!(error.delivery(), Some(Delivery::NotSent));
    }
}
