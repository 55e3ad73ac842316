//! The one queue of deadlines.
//!
//! A connection has at most one entry that counts, [`Armed`]. A deadline that moves later, which is what happens with
//! every call, touches nothing: when the entry comes up it is looked at, found too early, and put back. Only a deadline
//! that moves earlier puts in a new entry; the old one is recognized as stale when it comes up.

use alloc::collections::BinaryHeap;
use core::cmp::Reverse;

use mcp_core::time::Instant;

use crate::slab::Key;

/// Deadlines in their order.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    queue: BinaryHeap<Reverse<(Instant, Key)>>,
}

/// The entry of a connection that counts, if there is one; kept by the connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Armed(Option<Instant>);

impl Timers {
    /// Makes sure that `key` comes up at `due` or earlier.
    pub(crate) fn arm(&mut self, key: Key, armed: &mut Armed, due: Instant) {
        if armed.0.is_none_or(|at| due < at) {
            armed.0 = Some(due);
            self.queue.push(Reverse((due, key)));
        }
    }

    /// How many entries there are, stale ones among them.
    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }

    /// Forgets the entries that do not count.
    pub(crate) fn retain(&mut self, counts: impl Fn(Instant, Key) -> bool) {
        self.queue.retain(|Reverse((at, key))| counts(*at, *key));
    }

    /// When the next entry comes up; early wake-ups are possible, late ones are not.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.queue.peek().map(|Reverse((at, _))| *at)
    }

    /// The next entry that has come up. The caller drops it if it is not [`Armed::is`], or else disarms and acts.
    pub(crate) fn pop(&mut self, now: Instant) -> Option<(Instant, Key)> {
        let Reverse((at, _)) = *self.queue.peek()?;
        if at > now {
            return None;
        }
        self.queue.pop().map(|Reverse(entry)| entry)
    }
}

impl Armed {
    /// Whether the entry at `at` is the one that counts.
    pub(crate) fn is(&self, at: Instant) -> bool {
        self.0 == Some(at)
    }

    /// Whether an entry comes up at `due` or earlier.
    #[cfg(test)]
    pub(crate) fn covers(&self, due: Instant) -> bool {
        self.0.is_some_and(|at| at <= due)
    }

    /// Forgets the entry, which has come up.
    pub(crate) fn disarm(&mut self) {
        self.0 = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::time::Duration;

    fn at(seconds: u64) -> Instant {
        Instant::from_elapsed(Duration::from_secs(seconds))
    }

    #[test]
    fn a_deadline_that_moves_later_costs_no_entry_and_one_that_moves_earlier_costs_one() {
        let (mut timers, mut armed, key) = (Timers::default(), Armed::default(), Key::default());
        timers.arm(key, &mut armed, at(10));
        timers.arm(key, &mut armed, at(20));
        assert_eq!(timers.queue.len(), 1);
        timers.arm(key, &mut armed, at(5));
        assert_eq!((timers.queue.len(), timers.next()), (2, Some(at(5))));
        assert_eq!(timers.pop(at(4)), None);
        assert_eq!(timers.pop(at(5)), Some((at(5), key)));
        assert!(armed.is(at(5)) && !armed.is(at(10)));
    }
}
