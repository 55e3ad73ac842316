//! Speaking to a server that runs, from elsewhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mcp_core::types::Change;

use crate::offers::Offers;
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

    /// Changes what the server offers: `change` runs on the thread of the server, between two requests, and then every client is told that
    /// wants to know. Returns at once. False when 1024 such changes wait already, and when the server is gone: then this one is not made. A panic in
    /// `change` goes to the log and does no other harm.
    ///
    /// ```no_run
    /// # use mcp_server_tiny::{Server, Tool};
    /// let mut server = Server::new("calendar", "1.0.0").declare_tools().bind("127.0.0.1:0")?;
    /// let handle = server.handle();
    /// std::thread::spawn(move || {
    ///     let added = handle.edit(|offers| {
    ///         if let Err(mistake) = offers.tool(Tool::new("today"), |_| Ok("Friday")) {
    ///             log::error!("{mistake}");
    ///         }
    ///     });
    ///     assert!(added);
    /// });
    /// server.run()?;
    /// # Ok::<(), mcp_server_tiny::Error>(())
    /// ```
    #[must_use = "nothing is changed when it is false"]
    pub fn edit(&self, change: impl FnOnce(&mut Offers<'_>) + Send + 'static) -> bool {
        self.shared.notifier.edit(change)
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
