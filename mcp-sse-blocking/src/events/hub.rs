//! Who listens to what comes unasked.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::queue::Queue;
use super::{Event, EventFilter, Transformer};
use crate::error::Error;
use crate::feed::End;

/// Gives each event to those who listen. One for each client.
#[derive(Default)]
pub(crate) struct Hub {
    /// What payloads go through before they are read.
    pub(crate) transformer: Option<Transformer>,
    queues: Mutex<Vec<Arc<Queue>>>,
    /// The one that was there from the beginning, until somebody takes it.
    first: Mutex<Option<Arc<Queue>>>,
    /// How many there are: most clients have none, and no event is made for nobody.
    count: AtomicUsize,
}

impl Hub {
    /// `first` is for who listens from the beginning.
    pub(crate) fn new(transformer: Option<Transformer>, first: Option<EventFilter>) -> Self {
        let hub = Self { transformer, ..Self::default() };
        if let Some(filter) = first {
            let queue = Arc::new(Queue::new(filter));
            hub.enter(&queue);
            *hub.first() = Some(queue);
        }
        hub
    }

    /// What was kept from the beginning; once.
    pub(super) fn take_first(&self) -> Option<Arc<Queue>> {
        self.first().take()
    }

    fn first(&self) -> MutexGuard<'_, Option<Arc<Queue>>> {
        self.first.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether anybody listens.
    pub(crate) fn has_listeners(&self) -> bool {
        self.count.load(Ordering::Acquire) > 0
    }

    /// Gives it to all whose filter names it. Never waits.
    pub(crate) fn offer(&self, event: &Event) {
        self.each(|queue| queue.offer(event));
    }

    /// The session was lost, and there is to be another.
    pub(crate) fn lost(&self) {
        self.each(|queue| queue.lost());
    }

    /// A stream was lost and opened again.
    pub(crate) fn missed(&self) {
        self.each(|queue| queue.missed());
    }

    /// Nothing more comes: the session is over, or its only stream.
    pub(crate) fn end(&self, error: &Error) {
        let end = match error {
            Error::Closed(_) => End::Over,
            error => End::Failed(error.clone()),
        };
        self.each(|queue| queue.end(end.clone()));
    }

    pub(super) fn enter(&self, queue: &Arc<Queue>) {
        let mut queues = self.queues();
        queues.push(Arc::clone(queue));
        self.count.store(queues.len(), Ordering::Release);
    }

    pub(super) fn leave(&self, queue: &Arc<Queue>) {
        let mut queues = self.queues();
        queues.retain(|other| !Arc::ptr_eq(other, queue));
        self.count.store(queues.len(), Ordering::Release);
    }

    /// With no lock held but that of the queue.
    fn each(&self, tell: impl Fn(&Queue)) {
        if self.has_listeners() {
            let queues = self.queues().clone();
            queues.iter().for_each(|queue| tell(queue));
        }
    }

    fn queues(&self) -> MutexGuard<'_, Vec<Arc<Queue>>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
