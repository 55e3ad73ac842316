//! Where events wait until somebody takes them: a bounded queue that says what it dropped.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use mcp_core::time::Deadline;

use super::{Event, EventFilter};
use crate::clock;
use crate::error::Error;
use crate::feed::{End, Missed};

/// Where one listener's events wait.
#[derive(Debug)]
pub(super) struct Queue {
    filter: EventFilter,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Waiting>,
    /// Of the events that wait.
    bytes: usize,
    events: usize,
    /// Events that were dropped and not yet told of.
    dropped: u64,
    breach: Breach,
    end: Option<End>,
}

/// Whether the loss of a session is still to be told of.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Breach {
    /// None was lost since the last one that was told of.
    #[default]
    None,
    /// One was lost: before the first event of the next, or once that stands.
    Lost,
    /// It was told of before an event of the next session, which does not stand yet.
    Told,
}

#[derive(Debug)]
enum Waiting {
    Event(Event),
    /// The stream broke here, and was opened again. Never two in a row.
    Break,
}

/// What is taken from a queue.
#[derive(Debug)]
pub(super) enum Taken {
    Event(Event),
    Missed(Missed),
    /// Nothing more comes; the error only once.
    End(Result<(), Error>),
}

impl Queue {
    pub(super) fn new(filter: EventFilter) -> Self {
        Self { filter, state: Mutex::default(), changed: Condvar::new() }
    }

    pub(super) fn filter(&self) -> &EventFilter {
        &self.filter
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The state is whole between any two statements that hold the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in an event, if it has one of the names. Never waits.
    pub(super) fn offer(&self, event: &Event) {
        if !self.filter.names(event) {
            return;
        }
        let mut state = self.state();
        if state.end.is_some() {
            return;
        }
        if state.breach == Breach::Lost {
            state.tell_break();
            state.breach = Breach::Told;
        }
        if event.bytes() > self.filter.most_bytes {
            state.dropped += 1;
        } else {
            while state.events == self.filter.most || state.bytes + event.bytes() > self.filter.most_bytes {
                state.drop_oldest();
            }
            state.events += 1;
            state.bytes += event.bytes();
            state.waiting.push_back(Waiting::Event(event.clone()));
        }
        drop(state);
        self.changed.notify_all();
    }

    /// The session was lost. Told once there is another.
    pub(super) fn lost(&self) {
        self.state().breach = Breach::Lost;
    }

    /// Events may have been missed: the stream broke, and was opened again just now.
    pub(super) fn missed(&self) {
        let mut state = self.state();
        if std::mem::take(&mut state.breach) != Breach::Told {
            state.tell_break();
        }
        drop(state);
        self.changed.notify_all();
    }

    /// Nothing more comes after what waits. The first time counts.
    pub(super) fn end(&self, end: End) {
        self.state().end.get_or_insert(end);
        self.changed.notify_all();
    }

    /// Whether nothing more comes but what waits already.
    pub(super) fn has_ended(&self) -> bool {
        self.state().end.is_some()
    }

    /// Takes the next thing, waiting for it; `None` when the deadline passed first.
    pub(super) fn wait(&self, deadline: Option<Deadline>) -> Option<Taken> {
        let mut state = self.state();
        loop {
            if let Some(taken) = state.take() {
                return Some(taken);
            }
            state = match deadline.map(|deadline| deadline.at.since(clock::now())) {
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(left) if left.is_zero() => return None,
                Some(left) => self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0,
            };
        }
    }
}

impl State {
    fn tell_break(&mut self) {
        if self.end.is_none() && !matches!(self.waiting.back(), Some(Waiting::Break)) {
            self.waiting.push_back(Waiting::Break);
        }
    }

    /// Drops the oldest event, of which there is one, and what came before it.
    fn drop_oldest(&mut self) {
        while let Some(oldest) = self.waiting.pop_front() {
            // A break before it says nothing that the count of the dropped does not say.
            if let Waiting::Event(event) = oldest {
                self.events -= 1;
                self.bytes -= event.bytes();
                self.dropped += 1;
                return;
            }
        }
    }

    fn take(&mut self) -> Option<Taken> {
        // First: what was dropped came before what still waits.
        match std::mem::take(&mut self.dropped) {
            0 => {}
            dropped => return Some(Taken::Missed(Missed::Dropped(dropped))),
        }
        match self.waiting.pop_front() {
            Some(Waiting::Event(event)) => {
                self.events -= 1;
                self.bytes -= event.bytes();
                return Some(Taken::Event(event));
            }
            Some(Waiting::Break) => return Some(Taken::Missed(Missed::Reconnected)),
            None => {}
        }
        match self.end.as_mut()? {
            End::Over => Some(Taken::End(Ok(()))),
            End::Failed(error) => {
                let error = error.clone();
                self.end = Some(End::Over);
                Some(Taken::End(Err(error)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::thread;
    use std::time::Duration;

    use mcp_core::time::Cause;

    use super::*;
    use crate::error::Delivery;

    fn event(data: &str) -> Event {
        Event::new("", "", data.as_bytes())
    }

    fn queue(most: usize, bytes: usize) -> Queue {
        Queue::new(EventFilter::new().queue(most, bytes))
    }

    /// What is there, without waiting.
    fn all(queue: &Queue) -> Vec<String> {
        let now = Deadline { at: clock::now(), cause: Cause::Call };
        let mut all = Vec::new();
        while let Some(taken) = queue.wait(Some(now)) {
            all.push(match taken {
                Taken::Event(event) => event.text().into_owned(),
                Taken::Missed(missed) => format!("{missed:?}"),
                Taken::End(end) => {
                    all.push(format!("end: {}", end.is_ok()));
                    return all;
                }
            });
        }
        all
    }

    #[test]
    fn events_come_in_their_order_and_the_oldest_are_dropped_and_counted() {
        let queue = queue(2, usize::MAX);
        for data in ["a", "b", "c", "d"] {
            queue.offer(&event(data));
        }
        assert_eq!(all(&queue), ["Dropped(2)", "c", "d"]);
        queue.offer(&event("e"));
        assert_eq!(all(&queue), ["e"], "what was told of is not told of again");
    }

    #[test]
    fn bytes_are_bounded_at_the_bound_below_and_above() {
        let bytes = event("12345").bytes();
        for (bound, left) in [(2 * bytes, 2), (2 * bytes - 1, 1), (2 * bytes + 1, 2), (bytes, 1), (bytes - 1, 0)] {
            let queue = queue(10, bound);
            queue.offer(&event("12345"));
            queue.offer(&event("67890"));
            let state = queue.state();
            assert_eq!((state.events, state.dropped), (left, 2 - left as u64), "{bound}");
            assert!(state.bytes <= bound);
        }
    }

    #[test]
    fn breaks_stand_where_they_happened_and_do_not_pile_up() {
        let queue = queue(2, usize::MAX);
        queue.offer(&event("a"));
        queue.missed();
        queue.missed();
        queue.offer(&event("b"));
        assert_eq!(all(&queue), ["a", "Reconnected", "b"]);
        for _ in 0..100 {
            queue.missed();
            queue.offer(&event("c"));
        }
        assert!(queue.state().waiting.len() <= 4);
        assert_eq!(all(&queue), ["Dropped(98)", "Reconnected", "c", "Reconnected", "c"]);
    }

    /// Its first events may come before it is known to stand.
    #[test]
    fn a_lost_session_is_told_of_once_and_before_anything_of_the_next() {
        let queue = queue(9, usize::MAX);
        queue.offer(&event("a"));
        queue.lost();
        queue.offer(&event("b"));
        queue.missed();
        queue.offer(&event("c"));
        assert_eq!(all(&queue), ["a", "Reconnected", "b", "c"]);
        queue.lost();
        assert!(all(&queue).is_empty(), "there is no other yet");
        queue.missed();
        queue.offer(&event("d"));
        queue.missed();
        assert_eq!(all(&queue), ["Reconnected", "d", "Reconnected"], "the stream of one session may break as well");
    }

    #[test]
    fn what_waits_comes_before_the_end_and_an_error_is_told_once() {
        let queue = queue(9, usize::MAX);
        queue.offer(&event("a"));
        queue.end(End::Failed(Error::StreamEnded(Delivery::Sent)));
        queue.end(End::Over);
        queue.offer(&event("late"));
        queue.missed();
        assert_eq!(all(&queue), ["a", "end: false"]);
        assert_eq!(all(&queue), ["end: true"]);
    }

    #[test]
    fn whoever_waits_is_woken_by_an_event_and_by_the_end() {
        for wake in [|queue: &Queue| queue.offer(&event("a")), |queue: &Queue| queue.end(End::Over)] {
            let queue = Arc::new(queue(1, usize::MAX));
            let waiting = thread::spawn({
                let queue = Arc::clone(&queue);
                move || queue.wait(Some(Deadline { at: clock::now() + Duration::from_secs(10), cause: Cause::Call }))
            });
            wake(&queue);
            assert!(waiting.join().unwrap().is_some());
        }
    }
}
