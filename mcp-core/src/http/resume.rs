//! What to do when a stream ended before the reply (R-SH, sections F and G; R-ST-33).
//!
//! Between 2025-03-26 and 2025-11-25 a stream on which an id was seen goes on in a GET with that id, after a pause that the
//! server may set; this is also how a server of 2025-11-25 makes its clients poll. A stream without ids is lost with its reply
//! (R-SH-37). From 2026-07-28 on every broken stream is, and the request may be made again where that is safe.
//!
//! ```
//! use core::time::Duration;
//! use mcp_core::http::resume::{Ended, ResumePolicy, Resumption};
//! use mcp_core::revision::ProtocolVersion;
//! use mcp_core::time::Instant;
//!
//! let mut stream = Resumption::new(ProtocolVersion::V2025_11_25, ResumePolicy::default());
//! stream.handle_event();
//! let now = Instant::from_elapsed(Duration::from_secs(60));
//! // What the decoder remembers: the last id, and `retry: 500`.
//! assert_eq!(stream.handle_end(now, b"3-17", Some(Duration::from_millis(500))), Ended::ResumeAt(now + Duration::from_millis(500)));
//! assert_eq!(stream.handle_end(now, b"", None), Ended::Lost);
//! ```

use core::time::Duration;

use crate::revision::ProtocolVersion;
use crate::time::Instant;

/// The shortest pause, whatever a server asks for. 50 ms: one that answers each request with an event and `retry: 0` would otherwise
/// be asked without a pause for as long as the call may take. Later than asked for is allowed, sooner is not (R-SH-41).
pub const SHORTEST_DELAY: Duration = Duration::from_millis(50);

/// How often and how soon a stream is resumed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ResumePolicy {
    /// The first pause, where the server set none. 1 s: what TypeScript and Python wait (R-SH-44).
    pub first_delay: Duration,
    /// The longest pause of ours; a server may ask for more, up to [`Limits::retry_millis`](crate::Limits::retry_millis). 30 s:
    /// TypeScript's.
    pub longest_delay: Duration,
    /// Attempts in a row that bring no event, before the reply counts as lost. 5, some thirteen seconds with the pauses above:
    /// enough for a server to be started again. The official SDKs give up after two.
    pub attempts: u32,
}

impl Default for ResumePolicy {
    fn default() -> Self {
        Self { first_delay: Duration::from_secs(1), longest_delay: Duration::from_secs(30), attempts: 5 }
    }
}

/// One stream over all its connections, from the request that opened it to the reply.
#[derive(Debug, Clone)]
pub struct Resumption {
    policy: ResumePolicy,
    version: ProtocolVersion,
    /// Connections in a row that ended without an event, or were not made.
    in_vain: u32,
    has_event: bool,
}

/// What the end of a connection means for its stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Resume it at this time and not before, with a GET that names the last event (R-SH-33, R-SH-41).
    ResumeAt(Instant),
    /// The reply is lost: no id was seen on the stream (R-SH-37), or the revision knows no resumption (R-ST-33).
    Lost,
    /// The reply counts as lost after so many attempts in a row that brought nothing.
    GivenUp {
        /// [`ResumePolicy::attempts`]
        attempts: u32,
    },
}

impl Resumption {
    /// A stream that was just opened in a session of this revision.
    pub fn new(version: ProtocolVersion, policy: ResumePolicy) -> Self {
        Self { policy, version, in_vain: 0, has_event: false }
    }

    /// An event came, also one without data: the connection was not in vain (R-SH-44).
    pub fn handle_event(&mut self) {
        self.has_event = true;
    }

    /// The connection ended without the reply, or an attempt to resume failed in a way that may pass. `last_event_id` is the
    /// last id seen on this stream, empty for none, and `retry` the pause that the server last asked for, as the
    /// [`Decoder`](crate::sse::Decoder) has them.
    ///
    /// The server's pause is kept to the millisecond (R-SH-41), but never shorter than [`SHORTEST_DELAY`]; attempts in vain make
    /// it longer, by half each.
    pub fn handle_end(&mut self, now: Instant, last_event_id: &[u8], retry: Option<Duration>) -> Ended {
        if !self.version.has_resumption() || last_event_id.is_empty() {
            return Ended::Lost;
        }
        self.in_vain = if self.has_event { 0 } else { self.in_vain.saturating_add(1) };
        self.has_event = false;
        if self.in_vain >= self.policy.attempts {
            return Ended::GivenUp { attempts: self.policy.attempts };
        }
        Ended::ResumeAt(now + self.delay(retry))
    }

    fn delay(&self, retry: Option<Duration>) -> Duration {
        let first = retry.unwrap_or(self.policy.first_delay).max(SHORTEST_DELAY);
        let longest = self.policy.longest_delay.max(first);
        let mut delay = first.min(longest);
        for _ in 0..self.in_vain {
            if delay >= longest {
                break;
            }
            delay = delay.saturating_add(delay / 2);
        }
        delay.min(longest)
    }
}

/// What a request does when it is made twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Effect {
    /// The same as once: it only reads, or the server calls it idempotent.
    Repeatable,
    /// Perhaps more than once.
    Unknown,
}

/// Whether a request whose reply is lost may be made again by itself, under a new id. `attempts` is how often it was made.
///
/// Once more, when twice is like once (R-ST-33, R-SH-56): the server may have done the work although the reply was lost, and
/// whoever fails twice is not helped by haste. All else is for the caller to decide.
pub fn may_repeat(effect: Effect, attempts: u32) -> bool {
    effect == Effect::Repeatable && attempts < 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    const NOW: Instant = Instant::ZERO;

    fn stream(version: ProtocolVersion) -> Resumption {
        Resumption::new(version, ResumePolicy::default())
    }

    fn millis(ended: Ended) -> Option<u128> {
        match ended {
            Ended::ResumeAt(at) => Some(at.since(NOW).as_millis()),
            _ => None,
        }
    }

    /// R-SH-33, R-SH-37, R-ST-20, R-ST-33
    #[test]
    fn only_a_stream_with_ids_of_a_revision_with_resumption_is_resumed() {
        for version in ProtocolVersion::ALL {
            assert_eq!(stream(version).handle_end(NOW, b"", None), Ended::Lost, "{version}");
            let resumes = matches!(stream(version).handle_end(NOW, b"1", None), Ended::ResumeAt(_));
            assert_eq!(resumes, version.has_resumption(), "{version}");
        }
        assert_eq!(stream(ProtocolVersion::V2026_07_28).handle_end(NOW, b"1", None), Ended::Lost);
    }

    /// R-SH-41, R-SH-44
    #[test]
    fn attempts_in_vain_come_at_growing_intervals_and_end() {
        let mut stream = stream(ProtocolVersion::V2025_06_18);
        stream.handle_event();
        let delays: Vec<_> = (0..5).map_while(|_| millis(stream.handle_end(NOW, b"1", None))).collect();
        assert_eq!(delays, [1000, 1500, 2250, 3375, 5062]);
        assert_eq!(stream.handle_end(NOW, b"1", None), Ended::GivenUp { attempts: 5 });
        assert_eq!(stream.handle_end(NOW, b"1", None), Ended::GivenUp { attempts: 5 }, "it stays given up");
    }

    /// R-SH-42, R-SH-44: a server that lets its clients poll sends an event on each connection.
    #[test]
    fn an_event_starts_the_count_anew() {
        let mut stream = stream(ProtocolVersion::V2025_11_25);
        for _ in 0..100 {
            stream.handle_event();
            assert_eq!(millis(stream.handle_end(NOW, b"1", None)), Some(1000));
            assert_eq!(millis(stream.handle_end(NOW, b"1", None)), Some(1500));
        }
    }

    /// R-SH-41
    #[test]
    fn the_pause_that_the_server_asks_for_is_never_cut() {
        let retry = |millis| Some(Duration::from_millis(millis));
        let mut stream = stream(ProtocolVersion::V2025_11_25);
        stream.handle_event();
        for (asked, expected) in [(500, 500), (500, 750), (60_000, 60_000)] {
            assert_eq!(millis(stream.handle_end(NOW, b"1", retry(asked))), Some(expected));
        }
        stream.handle_event();
        assert_eq!(millis(stream.handle_end(NOW, b"1", retry(3_600_000))), Some(3_600_000));
        assert_eq!(
            millis(stream.handle_end(NOW, b"1", retry(29_000))),
            Some(30_000),
            "ours is not longer than the longest"
        );
    }

    #[test]
    fn a_server_that_asks_for_no_pause_is_given_one() {
        let mut stream = stream(ProtocolVersion::V2025_11_25);
        for _ in 0..100 {
            stream.handle_event();
            assert_eq!(millis(stream.handle_end(NOW, b"1", Some(Duration::ZERO))), Some(50));
        }
    }

    #[test]
    fn no_policy_overflows() {
        let policy = ResumePolicy { first_delay: Duration::MAX, longest_delay: Duration::MAX, attempts: u32::MAX };
        let mut stream = Resumption::new(ProtocolVersion::V2025_11_25, policy);
        for _ in 0..1000 {
            assert!(matches!(stream.handle_end(NOW, b"1", None), Ended::ResumeAt(_)));
        }
        let never = ResumePolicy { attempts: 0, ..ResumePolicy::default() };
        let mut stream = Resumption::new(ProtocolVersion::V2025_11_25, never);
        assert_eq!(stream.handle_end(NOW, b"1", None), Ended::GivenUp { attempts: 0 });
    }

    /// R-ST-33, R-SH-56
    #[test]
    fn only_what_can_be_repeated_is_and_only_once() {
        assert!(may_repeat(Effect::Repeatable, 1));
        assert!(!may_repeat(Effect::Repeatable, 2));
        assert!(!may_repeat(Effect::Unknown, 1));
    }
}
