//! How long to leave a server alone that does not keep a stream of changes open (R-ST-45).

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use mcp_core::time::Instant;

/// The first pause before a broken stream is asked for again.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// The longest one.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// How often in a row a broken stream is asked for in vain before the subscription fails: about five minutes.
const ATTEMPTS: u32 = 10;

/// How long to leave a server alone that does not keep a stream open.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    /// Streams in a row that did not stand for long.
    broken: u32,
    /// Of them, those at the end that were not opened at all.
    in_vain: u32,
}

impl Backoff {
    /// The pause before the next attempt, after a stream that stood for this long, or was not opened at all. `None` when that
    /// was so too often.
    pub(crate) fn after(&mut self, stood: Option<Duration>) -> Option<Duration> {
        match stood {
            Some(stood) if stood >= LONGEST_PAUSE => *self = Self { broken: 1, in_vain: 0 },
            Some(_) => *self = Self { broken: self.broken.saturating_add(1), in_vain: 0 },
            None => *self = Self { broken: self.broken.saturating_add(1), in_vain: self.in_vain + 1 },
        }
        (self.in_vain <= ATTEMPTS).then(|| pause(self.broken))
    }
}

/// How long to leave a peer alone that ends again and again while nobody asks anything of it.
#[derive(Debug)]
pub(crate) struct Losses {
    backoff: Backoff,
    /// When the peer was lost before, or was there first.
    before: Instant,
}

impl Losses {
    pub(crate) fn new(now: Instant) -> Self {
        Self { backoff: Backoff::default(), before: now }
    }

    /// The pause before it is started again.
    pub(crate) fn after(&mut self, now: Instant) -> Duration {
        let stood = now.since(std::mem::replace(&mut self.before, now));
        self.backoff.after(Some(stood)).unwrap_or(LONGEST_PAUSE)
    }
}

/// Grows from one attempt to the next, and has a random part, so that the clients of a server that comes back do not all come
/// at once (R-LM-60).
fn pause(failures: u32) -> Duration {
    let full = FIRST_PAUSE.saturating_mul(1 << failures.min(16).saturating_sub(1)).min(LONGEST_PAUSE);
    let part = RandomState::new().hash_one(failures) % 1000;
    full / 2 + full / 2 * u32::try_from(part).unwrap_or(0) / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_a_bound_and_are_not_all_the_same() {
        let mut full = FIRST_PAUSE;
        for failures in 1..=ATTEMPTS {
            for _ in 0..20 {
                let pause = pause(failures);
                assert!(pause >= full / 2 && pause <= full, "{failures}: {pause:?}");
            }
            full = (full * 2).min(LONGEST_PAUSE);
        }
        let first = pause(9);
        assert!((0..50).any(|_| pause(9) != first));
    }

    #[test]
    fn a_server_that_breaks_every_stream_is_asked_less_and_less_often_and_one_that_opens_none_only_so_often() {
        // R-LM-60, R-ST-45
        let mut backoff = Backoff::default();
        let brief = Some(Duration::from_millis(1));
        let pauses: Vec<_> = (0..30).map(|_| backoff.after(brief).unwrap()).collect();
        assert!(pauses[0] <= FIRST_PAUSE && pauses[29] >= LONGEST_PAUSE / 2, "{pauses:?}");
        assert!(backoff.after(Some(LONGEST_PAUSE)).unwrap() <= FIRST_PAUSE);
        for _ in 0..ATTEMPTS {
            assert!(backoff.after(None).is_some());
        }
        assert!(backoff.after(None).is_none());
    }
}
