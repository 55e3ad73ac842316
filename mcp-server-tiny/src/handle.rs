//! Speaking to a server that runs, from elsewhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mcp_core::types::Change;

use crate::service::Notifier;

/// Stops the server it belongs to and tells its clients of changes, from any thread. Cloned freely; outliving the server
/// is harmless.
#[derive(Debug, Clone)]
pub struct Handle {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    stop: AtomicBool,
    waker: mio::Waker,
    notifier: Notifier,
}

impl Handle {
    pub(crate) fn new(waker: mio::Waker, notifier: Notifier) -> Self {
        Self { shared: Arc::new(Shared { stop: AtomicBool::new(false), waker, notifier }) }
    }

    /// Tells every client that wants to know that the list of tools is another one now. Changes that were announced and not
    /// told yet are told once. Returns at once, as do the three below.
    pub fn tools_changed(&self) {
        self.shared.notifier.announce(Change::Tools);
    }

    /// The same of the list of prompts.
    pub fn prompts_changed(&self) {
        self.shared.notifier.announce(Change::Prompts);
    }

    /// The same of the list of resources.
    pub fn resources_changed(&self) {
        self.shared.notifier.announce(Change::Resources);
    }

    /// Tells every client that subscribed to a resource, or to one that contains it, that it has changed.
    pub fn resource_updated(&self, uri: impl Into<String>) {
        self.shared.notifier.announce(Change::Resource(uri.into().into()));
    }

    /// Asks the server to stop and returns at once. Answers in flight are still sent, within
    /// [`Timeouts::stop`](crate::config::Timeouts::stop); streams end; then [`Bound::run`](crate::Bound::run) returns.
    /// Not for use inside a signal handler itself, but from a thread that waits for signals.
    pub fn stop(&self) {
        self.shared.stop.store(true, Ordering::Release);
        self.shared.wake();
    }

    /// Whether a stop was asked for.
    pub fn is_stopping(&self) -> bool {
        self.shared.stop.load(Ordering::Acquire)
    }

    /// Makes the loop go round once. Belongs to what the handle belongs to, and so holds neither.
    pub(crate) fn waker(&self) -> impl Fn() + Send + Sync + use<> {
        let shared = Arc::downgrade(&self.shared);
        move || {
            if let Some(shared) = shared.upgrade() {
                shared.wake();
            }
        }
    }
}

impl Shared {
    fn wake(&self) {
        if let Err(error) = self.waker.wake() {
            log::warn!("the loop could not be woken: {error}");
        }
    }
}
