//! Events by the batch: so many, or what came within a time, whichever is first.

use std::time::Duration;

use mcp_core::time::{Cause, Deadline};

use super::{Event, Events, Heard};
use crate::clock;
use crate::error::Error;
use crate::feed::Missed;

/// Events that are given together.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Batch {
    /// In their order. Empty only where `missed` says something.
    pub events: Vec<Event>,
    /// Why events are missing before these.
    pub missed: Option<Missed>,
}

/// Events in batches: made by [`Events::batches`]. An iterator that waits for the next one.
#[derive(Debug)]
pub struct Batches {
    events: Events,
    size: usize,
    time: Duration,
    /// What ended the last batch, to be told with or after it.
    left: Option<Left>,
}

#[derive(Debug)]
enum Left {
    Missed(Missed),
    Error(Error),
    End,
}

impl Batches {
    pub(super) fn new(events: Events, size: usize, time: Duration) -> Self {
        Self { events, size: size.max(1), time, left: None }
    }

    /// The next batch, if its first event comes within `timeout`; it may then take the time of a batch more. `None` also when
    /// nothing more comes: see [`is_over`](Self::is_over).
    ///
    /// # Errors
    ///
    /// Why the session ended, once.
    pub fn next_within(&mut self, timeout: Duration) -> Result<Option<Batch>, Error> {
        self.collect(Some(Deadline::after(clock::now(), timeout, Cause::Call)))
    }

    /// Whether nothing more comes but what waits already.
    pub fn is_over(&self) -> bool {
        self.events.is_over()
    }

    /// Collects a batch whose first event comes before `first`.
    fn collect(&mut self, first: Option<Deadline>) -> Result<Option<Batch>, Error> {
        let mut batch = Batch::default();
        let (mut deadline, mut bytes) = (first, 0);
        match self.left.take() {
            None => {}
            Some(Left::Missed(missed)) => batch.missed = Some(missed),
            Some(Left::Error(error)) => return Err(error),
            Some(Left::End) => {
                self.left = Some(Left::End);
                return Ok(None);
            }
        }
        loop {
            let heard = match self.events.wait(deadline) {
                // The time of the batch, or of who waits for it, has passed.
                None => break,
                Some(Ok(None)) => Err(Left::End),
                Some(Ok(Some(Heard::Event(event)))) => Ok(event),
                Some(Ok(Some(Heard::Missed(missed)))) => Err(Left::Missed(missed)),
                Some(Err(error)) => Err(Left::Error(error)),
            };
            match heard {
                Ok(event) => {
                    if batch.events.is_empty() {
                        deadline = Some(Deadline::after(clock::now(), self.time, Cause::Call));
                    }
                    bytes += event.bytes();
                    batch.events.push(event);
                    if batch.events.len() == self.size || bytes >= self.events.most_bytes() {
                        break;
                    }
                }
                // Nothing came before it: it belongs to this batch.
                Err(Left::Missed(missed)) if batch.events.is_empty() && batch.missed.is_none() => {
                    batch.missed = Some(missed);
                }
                Err(left) => {
                    self.left = Some(left);
                    break;
                }
            }
        }
        match (batch.events.is_empty() && batch.missed.is_none(), self.left.take()) {
            (true, Some(Left::Error(error))) => Err(error),
            (true, left) => {
                self.left = left;
                Ok(None)
            }
            (false, left) => {
                self.left = left;
                Ok(Some(batch))
            }
        }
    }
}

impl Iterator for Batches {
    type Item = Result<Batch, Error>;

    /// Waits for the next batch; `None` when nothing more comes.
    fn next(&mut self) -> Option<Self::Item> {
        // Without a deadline there is nothing only at the end.
        self.collect(None).transpose()
    }
}
