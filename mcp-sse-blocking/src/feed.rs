//! Where changes of the server wait until their subscription looks: a bounded queue that says what it dropped.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mcp_core::time::Deadline;
use mcp_core::types::SubscriptionFilter;
use mcp_core::types::subscriptions;

use crate::clock;
use crate::error::Error;

/// Changes that wait. 1024: as many resources as a session may be subscribed to, and each waits once.
const WAITING: usize = 1024;

/// Something changed on the server.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Change {
    /// The list of tools.
    Tools,
    /// The list of prompts.
    Prompts,
    /// The list of resources or of templates.
    Resources,
    /// The resource with this URI: one that was subscribed to, or one inside of it (R-FS-29).
    Resource(String),
    /// Changes may have gone unnoticed: whatever the subscription is about is to be fetched again.
    Missed(Missed),
}

/// Why changes, or events, may have gone unnoticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Missed {
    /// The stream broke, and was opened again just now (R-ST-45).
    Reconnected,
    /// More waited to be looked at than may, 1024 changes or [as many events as were asked for](crate::EventFilter::queue): so
    /// many were dropped.
    Dropped(u64),
}

/// What a subscription waits at.
#[derive(Debug)]
pub(crate) struct Feed {
    /// What was asked for.
    filter: SubscriptionFilter,
    /// Bytes of a URI. A longer one is dropped and counted.
    uri_bytes: usize,
    ended_by: EndedBy,
    state: Mutex<State>,
    changed: Condvar,
}

/// Who says that nothing more comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EndedBy {
    /// The end of the session.
    Session,
    /// The thread that makes its requests, which knows better why: their failure comes before the end that may follow it.
    Request,
}

#[derive(Debug, Default)]
struct State {
    /// None twice: a change that nobody looked at yet tells of the next one as well.
    waiting: VecDeque<Change>,
    dropped: u64,
    reconnected: bool,
    /// What the server said it would tell of, the last time it was asked.
    acknowledged: Option<SubscriptionFilter>,
    /// How often it said so.
    acknowledgements: u64,
    /// The session is over: there is nothing to pause for.
    hurry: bool,
    end: Option<End>,
}

/// Why nothing more comes.
#[derive(Debug, Clone)]
pub(crate) enum End {
    /// The server ended it, or the program did.
    Over,
    /// It failed; told once.
    Failed(Error),
}

/// What a subscription finds.
#[derive(Debug)]
pub(crate) enum Found {
    Change(Change),
    Nothing,
    End(Result<(), Error>),
}

impl Feed {
    pub(crate) fn new(filter: SubscriptionFilter, uri_bytes: usize, ended_by: EndedBy) -> Self {
        Self { filter, uri_bytes, ended_by, state: Mutex::default(), changed: Condvar::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The state is whole between any two statements that hold the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in a change, if it was asked for (R-ST-42).
    pub(crate) fn offer(&self, change: &subscriptions::Change<'_>) {
        if !self.filter.admits(change) {
            return;
        }
        let mut state = self.state();
        if state.end.is_some() {
            return;
        }
        let change = match change {
            subscriptions::Change::Tools => Change::Tools,
            subscriptions::Change::Prompts => Change::Prompts,
            subscriptions::Change::Resources => Change::Resources,
            subscriptions::Change::Resource(uri) if uri.len() <= self.uri_bytes => Change::Resource(uri.to_string()),
            subscriptions::Change::Resource(_) => {
                state.dropped += 1;
                drop(state);
                return self.changed.notify_all();
            }
        };
        if state.waiting.contains(&change) {
            return;
        }
        if state.waiting.len() == WAITING {
            state.waiting.pop_front();
            state.dropped += 1;
        }
        state.waiting.push_back(change);
        drop(state);
        self.changed.notify_all();
    }

    /// Changes may have been missed.
    pub(crate) fn missed(&self) {
        self.state().reconnected = true;
        self.changed.notify_all();
    }

    /// The server says what it will tell of. The second time the stream had been broken in between.
    pub(crate) fn acknowledge(&self, filter: SubscriptionFilter) {
        let mut state = self.state();
        state.reconnected |= state.acknowledgements > 0;
        state.acknowledgements += 1;
        state.acknowledged = Some(filter);
        drop(state);
        self.changed.notify_all();
    }

    /// What the server said it would tell of.
    pub(crate) fn acknowledged(&self) -> Option<SubscriptionFilter> {
        self.state().acknowledged.clone()
    }

    /// How often it said so.
    pub(crate) fn acknowledgements(&self) -> u64 {
        self.state().acknowledgements
    }

    /// Nothing more comes. The first time counts.
    pub(crate) fn end(&self, end: End) {
        self.state().end.get_or_insert(end);
        self.changed.notify_all();
    }

    /// The session is over.
    pub(crate) fn session_ended(&self, error: &Error) {
        match (self.ended_by, error) {
            (EndedBy::Request, _) => {
                self.state().hurry = true;
                self.changed.notify_all();
            }
            (EndedBy::Session, Error::Closed(_)) => self.end(End::Over),
            (EndedBy::Session, error) => self.end(End::Failed(error.clone())),
        }
    }

    /// Whether it hears of changes until the session ends.
    pub(crate) fn is_of_session(&self) -> bool {
        self.ended_by == EndedBy::Session && !self.has_ended()
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.state().end.is_some()
    }

    /// Waits until the server has said what it will tell of; `None` when the deadline passed first.
    pub(crate) fn wait_acknowledged(&self, deadline: Option<Deadline>) -> Option<Result<(), Error>> {
        self.wait_for(deadline, |state| match (&state.acknowledged, &state.end) {
            (_, Some(End::Failed(error))) => Some(Err(error.clone())),
            (Some(_), _) | (None, Some(End::Over)) => Some(Ok(())),
            (None, None) => None,
        })
    }

    /// Waits for `pause`, or until the session is over or nothing more is to come. False in the last case.
    pub(crate) fn pause(&self, pause: Duration) -> bool {
        let deadline = Deadline { at: clock::now() + pause, cause: mcp_core::time::Cause::Call };
        let _ = self.wait_for(Some(deadline), |state| (state.hurry || state.end.is_some()).then_some(()));
        !self.has_ended()
    }

    /// Takes the next thing, waiting for it; `Nothing` when the deadline passed first.
    pub(crate) fn wait(&self, deadline: Option<Deadline>) -> Found {
        self.wait_for(deadline, State::take).unwrap_or(Found::Nothing)
    }

    fn wait_for<R>(&self, deadline: Option<Deadline>, mut look: impl FnMut(&mut State) -> Option<R>) -> Option<R> {
        let mut state = self.state();
        loop {
            if let Some(found) = look(&mut state) {
                return Some(found);
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
    fn take(&mut self) -> Option<Found> {
        // First: what follows came after it.
        if std::mem::take(&mut self.reconnected) {
            return Some(Found::Change(Change::Missed(Missed::Reconnected)));
        }
        match std::mem::take(&mut self.dropped) {
            0 => {}
            dropped => return Some(Found::Change(Change::Missed(Missed::Dropped(dropped)))),
        }
        if let Some(change) = self.waiting.pop_front() {
            return Some(Found::Change(change));
        }
        match self.end.as_mut()? {
            End::Over => Some(Found::End(Ok(()))),
            End::Failed(error) => {
                let error = error.clone();
                self.end = Some(End::Over);
                Some(Found::End(Err(error)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::thread;

    use mcp_core::time::Cause;
    use serde_json::json;

    use super::*;

    fn feed(filter: serde_json::Value) -> Feed {
        Feed::new(serde_json::from_value(filter).unwrap(), 64, EndedBy::Session)
    }

    fn everything() -> Feed {
        let filter = json!({"toolsListChanged": true, "promptsListChanged": true, "resourcesListChanged": true,
            "resourceSubscriptions": ["file:///"]});
        feed(filter)
    }

    fn all(feed: &Feed) -> Vec<Change> {
        let now = Deadline { at: clock::now(), cause: Cause::Call };
        let taken = std::iter::from_fn(|| match feed.wait(Some(now)) {
            Found::Change(change) => Some(change),
            Found::Nothing | Found::End(_) => None,
        });
        taken.collect()
    }

    fn resource(uri: &str) -> subscriptions::Change<'_> {
        subscriptions::Change::Resource(uri.into())
    }

    #[test]
    fn only_what_was_asked_for_is_told() {
        // R-ST-42
        let feed = feed(json!({"toolsListChanged": true, "resourceSubscriptions": ["file:///a"]}));
        feed.offer(&subscriptions::Change::Prompts);
        feed.offer(&subscriptions::Change::Tools);
        feed.offer(&resource("file:///b"));
        feed.offer(&resource("file:///a/b"));
        assert_eq!(all(&feed), [Change::Tools, Change::Resource("file:///a/b".into())]);
    }

    #[test]
    fn a_change_that_waits_is_told_once_and_one_that_was_looked_at_again() {
        let feed = everything();
        for _ in 0..3 {
            feed.offer(&subscriptions::Change::Tools);
            feed.offer(&subscriptions::Change::Resources);
        }
        assert_eq!(all(&feed), [Change::Tools, Change::Resources]);
        feed.offer(&subscriptions::Change::Tools);
        assert_eq!(all(&feed), [Change::Tools]);
    }

    #[test]
    fn what_is_dropped_is_counted_and_told_first() {
        let feed = everything();
        for number in 0..WAITING + 2 {
            feed.offer(&resource(&format!("file:///{number}")));
        }
        feed.offer(&resource(&format!("file:///{}", "x".repeat(64))));
        let told = all(&feed);
        assert_eq!(told[0], Change::Missed(Missed::Dropped(3)));
        assert_eq!(told[1], Change::Resource("file:///2".into()));
        assert_eq!(told.len(), WAITING + 1);
    }

    #[test]
    fn a_second_acknowledgement_says_that_changes_may_have_been_missed() {
        // R-ST-45
        let feed = everything();
        feed.acknowledge(SubscriptionFilter::default());
        assert_eq!(all(&feed), []);
        feed.offer(&subscriptions::Change::Tools);
        feed.acknowledge(SubscriptionFilter::default());
        assert_eq!(all(&feed), [Change::Missed(Missed::Reconnected), Change::Tools]);
    }

    #[test]
    fn after_the_end_what_came_before_is_told_and_a_failure_once() {
        let feed = everything();
        feed.offer(&subscriptions::Change::Tools);
        feed.end(End::Failed(Error::StreamEnded(crate::Delivery::Sent)));
        feed.end(End::Over);
        feed.offer(&subscriptions::Change::Prompts);
        assert!(matches!(feed.wait(None), Found::Change(Change::Tools)));
        assert!(matches!(feed.wait(None), Found::End(Err(Error::StreamEnded(_)))));
        assert!(matches!(feed.wait(None), Found::End(Ok(()))));
    }

    #[test]
    fn the_end_of_the_session_is_that_of_a_subscription_without_a_request() {
        let error = Error::StreamEnded(crate::Delivery::Sent);
        let by_session = everything();
        by_session.session_ended(&error);
        assert!(matches!(by_session.wait(None), Found::End(Err(Error::StreamEnded(_)))));
        let closed = everything();
        closed.session_ended(&Error::Closed(crate::Delivery::Sent));
        assert!(matches!(closed.wait(None), Found::End(Ok(()))));
        let by_request = Feed::new(SubscriptionFilter::default(), 64, EndedBy::Request);
        by_request.session_ended(&error);
        assert!(!by_request.has_ended());
        // But it does not sleep any more.
        assert!(by_request.pause(Duration::from_secs(600)));
    }

    #[test]
    fn whoever_waits_is_woken_by_a_change_an_end_and_a_deadline() {
        let feed = Arc::new(everything());
        let waiter = Arc::clone(&feed);
        let waiting = thread::spawn(move || (waiter.wait(None), waiter.wait(None)));
        feed.offer(&subscriptions::Change::Tools);
        feed.end(End::Over);
        let (first, second) = waiting.join().unwrap();
        assert!(matches!(first, Found::Change(Change::Tools)) && matches!(second, Found::End(Ok(()))));
        assert!(!feed.pause(Duration::from_secs(60)));
        let open = everything();
        let deadline = Deadline { at: clock::now(), cause: Cause::Call };
        assert!(matches!(open.wait(Some(deadline)), Found::Nothing));
        assert!(open.wait_acknowledged(Some(deadline)).is_none());
    }
}
