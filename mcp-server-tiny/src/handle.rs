//! Stopping a server from elsewhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Stops the server it belongs to, from any thread. Cloned freely; outliving the server is harmless.
#[derive(Debug, Clone)]
pub struct Handle {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    stop: AtomicBool,
    waker: mio::Waker,
}

impl Handle {
    pub(crate) fn new(waker: mio::Waker) -> Self {
        Self { shared: Arc::new(Shared { stop: AtomicBool::new(false), waker }) }
    }

    /// Asks the server to stop and returns at once. Answers in flight are still sent, within
    /// [`Timeouts::stop`](crate::config::Timeouts::stop); streams end; then [`Bound::run`](crate::Bound::run) returns.
    /// Not for use inside a signal handler itself, but from a thread that waits for signals.
    pub fn stop(&self) {
        self.shared.stop.store(true, Ordering::Release);
        self.wake();
    }

    /// Whether a stop was asked for.
    pub fn is_stopping(&self) -> bool {
        self.shared.stop.load(Ordering::Acquire)
    }

    /// Makes the loop go round once.
    pub(crate) fn wake(&self) {
        if let Err(error) = self.shared.waker.wake() {
            log::warn!("the loop could not be woken: {error}");
        }
    }
}
