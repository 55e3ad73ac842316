//! What a call may report while it works: progress that rises and neither floods its client nor the loop.

use alloc::borrow::{Cow, ToOwned};
use alloc::string::String;
use alloc::vec::Vec;

use mcp_core::session::{RequestKey, ServerSession};
use mcp_core::types::{Progress, ProgressToken};

/// Log messages of one call in a row, and in a second after that (R-LM-92). 100: more than a person reads.
const LOGS: u32 = 100;

/// How far a call is.
#[derive(Debug, Clone)]
pub(crate) struct Note {
    progress: f64,
    total: Option<f64>,
    message: Option<String>,
    /// Writes it. Not called by its name, so that only programs whose handlers report contain it.
    write: WriteNote,
}

type WriteNote = fn(&Note, &ServerSession, RequestKey, &ProgressToken<'_>, &mut Vec<u8>) -> bool;

impl Note {
    /// Appends the notification. False when the request is no longer in flight.
    pub(crate) fn write(
        &self,
        session: &ServerSession,
        key: RequestKey,
        token: &ProgressToken<'_>,
        out: &mut Vec<u8>,
    ) -> bool {
        (self.write)(self, session, key, token, out)
    }

    pub(crate) fn under<'a>(&'a self, token: &'a ProgressToken<'_>) -> Progress<'a> {
        let progress_token = match token {
            ProgressToken::Integer(integer) => ProgressToken::Integer(*integer),
            ProgressToken::String(string) => ProgressToken::String(Cow::Borrowed(string)),
        };
        let message = self.message.as_deref().map(Cow::Borrowed);
        Progress { progress_token, progress: self.progress, total: self.total, message }
    }
}

/// Decides which reports of one call go out.
#[derive(Debug)]
pub(crate) struct Reporter {
    last: Option<f64>,
    /// The newest note that came too soon. It goes out before the result, unless a newer one did.
    held: Option<Note>,
    progress: Pace,
    logs: Pace,
}

impl Reporter {
    /// `rate` progress notifications in a row, and in a second after that (R-LM-84).
    pub(crate) const fn new(rate: u32) -> Self {
        Self { last: None, held: None, progress: Pace::new(rate), logs: Pace::new(LOGS) }
    }

    /// The same for a run of a handler after one that got as far as this.
    pub(crate) const fn after(mut self, progress: Option<f64>) -> Self {
        self.last = progress;
        self
    }

    /// How far the call has said it is.
    pub(crate) const fn last(&self) -> Option<f64> {
        self.last
    }

    /// The note to send now, if any. Numbers that do not rise are dropped (R-LM-83).
    pub(crate) fn progress(&mut self, progress: f64, total: Option<f64>, message: Option<&str>) -> Option<Note> {
        let rises = self.last.is_none_or(|last| progress > last);
        if !rises || !progress.is_finite() {
            return None;
        }
        self.last = Some(progress);
        let total = total.filter(|total| total.is_finite());
        let write: WriteNote = |note, session, key, token, out| session.progress(key, &note.under(token), out);
        let note = Note { progress, total, message: message.map(ToOwned::to_owned), write };
        self.held = None;
        if self.progress.allows() {
            return Some(note);
        }
        self.held = Some(note);
        None
    }

    /// Whether a log message may go out now.
    pub(crate) fn log(&mut self) -> bool {
        self.logs.allows()
    }

    /// The note to send before the result, if any.
    pub(crate) fn rest(&mut self) -> Option<Note> {
        self.held.take()
    }
}

/// So many at once, and so many a second after that. Without a clock, which is `std`'s, only the former.
#[derive(Debug)]
struct Pace {
    #[cfg(feature = "std")]
    per_second: u32,
    left: u32,
    #[cfg(feature = "std")]
    filled: Option<std::time::Instant>,
}

impl Pace {
    const fn new(per_second: u32) -> Self {
        Self {
            left: per_second,
            #[cfg(feature = "std")]
            per_second,
            #[cfg(feature = "std")]
            filled: None,
        }
    }

    fn allows(&mut self) -> bool {
        #[cfg(feature = "std")]
        self.fill(std::time::Instant::now());
        let allows = self.left > 0;
        self.left = self.left.saturating_sub(1);
        allows
    }

    #[cfg(feature = "std")]
    fn fill(&mut self, now: std::time::Instant) {
        let filled = *self.filled.get_or_insert(now);
        let earned = now.saturating_duration_since(filled).as_millis() * u128::from(self.per_second) / 1000;
        if earned > 0 {
            let left = u128::from(self.left).saturating_add(earned).min(self.per_second.into());
            self.left = u32::try_from(left).unwrap_or(self.per_second);
            self.filled = Some(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(reporter: &mut Reporter, progress: f64) -> bool {
        reporter.progress(progress, None, None).is_some()
    }

    #[test]
    fn progress_that_does_not_rise_is_dropped() {
        let mut reporter = Reporter::new(20);
        let steps = [0.0, 1.0, 1.0, 0.5, f64::NAN, f64::INFINITY, 1.5];
        let sent: alloc::vec::Vec<bool> = steps.iter().map(|step| sent(&mut reporter, *step)).collect();
        assert_eq!(sent, [true, true, false, false, false, false, true]);
    }

    #[cfg(feature = "std")]
    #[test]
    fn a_pace_gives_a_burst_and_then_so_many_a_second() {
        let start = std::time::Instant::now();
        let mut pace = Pace::new(20);
        let mut taken = |after: u64| {
            pace.fill(start + core::time::Duration::from_millis(after));
            let taken = pace.left;
            pace.left = 0;
            taken
        };
        assert_eq!(taken(0), 20);
        assert_eq!(taken(49), 0);
        assert_eq!(taken(50), 1);
        assert_eq!(taken(150), 2);
        assert_eq!(taken(10_000), 20, "what was not used is not saved up");
    }

    #[test]
    fn of_what_comes_too_soon_the_newest_is_kept_for_the_end() {
        let mut reporter = Reporter::new(20);
        reporter.progress.left = 1;
        #[cfg(feature = "std")]
        {
            // A clock that stands still for the test.
            reporter.progress.per_second = 0;
        }
        assert!(sent(&mut reporter, 1.0));
        assert!(!sent(&mut reporter, 2.0));
        assert!(!sent(&mut reporter, 3.0));
        assert_eq!(reporter.rest().map(|note| note.progress), Some(3.0));
        assert!(reporter.rest().is_none());
    }
}
