//! Which events somebody wants, and how many may wait for them.

use std::fmt;
use std::sync::Arc;

use super::Event;

/// Events that wait. 1024: a burst fits.
const WAITING: usize = 1024;
/// Bytes of theirs. 16 MiB: four of the largest messages.
const WAITING_BYTES: usize = 16 << 20;

/// Which events somebody wants, and how many may wait.
///
/// ```
/// use mcp_sse_blocking::events::EventFilter;
///
/// // By name: a method, the member `event` of plain JSON, or the type of an event.
/// let updates = EventFilter::new().name("data_update").name("notifications/tools/list_changed");
/// // Of those, what matters; and no more of them than this.
/// let urgent = updates.matching(|event| event.priority().unwrap_or(0.0) >= 5.0).queue(100, 1 << 20);
/// # drop(urgent);
/// ```
#[derive(Clone)]
pub struct EventFilter {
    names: Vec<String>,
    predicate: Option<Predicate>,
    pub(super) most: usize,
    pub(super) most_bytes: usize,
}

type Predicate = Arc<dyn Fn(&Event) -> bool + Send + Sync>;

impl EventFilter {
    /// Every event.
    pub fn new() -> Self {
        Self::default()
    }

    /// Events with this name, beside those named before: a method, the member `event` of plain JSON, or the type of an event.
    /// What has another name takes no room in the queue.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.names.push(name.into());
        self
    }

    /// Of the events with these names, those that `predicate` says yes to; called several times, all must say yes.
    ///
    /// It runs where the events are taken, on that thread and with no lock held, so that a slow one delays nobody else. What it
    /// says no to has taken room in the queue until then.
    pub fn matching(mut self, predicate: impl Fn(&Event) -> bool + Send + Sync + 'static) -> Self {
        self.predicate = Some(match self.predicate.take() {
            None => Arc::new(predicate),
            Some(before) => Arc::new(move |event| before(event) && predicate(event)),
        });
        self
    }

    /// How many events may wait, and how many bytes: 1024 and 16 MiB by default. When there is no room the oldest are dropped,
    /// and [`Heard::Missed`](super::Heard::Missed) says how many. At least one event may wait, whatever is said here, as long
    /// as it is within the bytes. Handlers share one queue with bounds of its own: see
    /// [`Builder::on_event`](crate::Builder::on_event).
    pub fn queue(mut self, events: usize, bytes: usize) -> Self {
        (self.most, self.most_bytes) = (events.max(1), bytes);
        self
    }

    /// Whether the names let it pass.
    pub(crate) fn names(&self, event: &Event) -> bool {
        self.names.is_empty() || self.names.iter().any(|name| event.is(name))
    }

    /// Whether the predicate lets it pass. Runs code of the caller's.
    pub(crate) fn accepts(&self, event: &Event) -> bool {
        self.predicate.as_ref().is_none_or(|predicate| predicate(event))
    }
}

impl Default for EventFilter {
    fn default() -> Self {
        Self { names: Vec::new(), predicate: None, most: WAITING, most_bytes: WAITING_BYTES }
    }
}

impl From<&str> for EventFilter {
    /// Events with this name.
    fn from(name: &str) -> Self {
        Self::new().name(name)
    }
}

impl From<String> for EventFilter {
    /// Events with this name.
    fn from(name: String) -> Self {
        Self::new().name(name)
    }
}

impl<const N: usize> From<[&str; N]> for EventFilter {
    /// Events with one of these names.
    fn from(names: [&str; N]) -> Self {
        names.into_iter().fold(Self::new(), Self::name)
    }
}

impl fmt::Debug for EventFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventFilter")
            .field("names", &self.names)
            .field("has_predicate", &self.predicate.is_some())
            .field("queue", &(self.most, self.most_bytes))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_predicates_all_have_to_let_an_event_pass() {
        let event = |data: &str| Event::new("", "", data.as_bytes());
        let (a, b) = (event(r#"{"event":"a","priority":9}"#), event(r#"{"event":"b"}"#));
        let filter = EventFilter::from(["a", "c"]);
        assert_eq!((filter.names(&a), filter.names(&b)), (true, false));
        assert!(EventFilter::new().names(&a) && EventFilter::from("message").names(&b));
        let at_least = |least: f64| move |event: &Event| event.priority().unwrap_or(0.0) >= least;
        assert!(filter.clone().matching(at_least(5.0)).accepts(&a));
        assert!(!filter.clone().matching(at_least(5.0)).matching(at_least(10.0)).accepts(&a));
        assert!(!filter.clone().matching(at_least(10.0)).matching(at_least(5.0)).accepts(&a));
        assert!(filter.accepts(&b), "without a predicate");
    }
}
