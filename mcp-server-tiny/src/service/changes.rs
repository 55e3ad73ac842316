//! Changes that clients may want to hear of, on their way from handlers and other threads to the carrier.

use alloc::collections::VecDeque;
#[cfg(feature = "std")]
use alloc::sync::Arc;
use alloc::vec::Vec;
#[cfg(not(feature = "std"))]
use core::cell::RefCell;
#[cfg(feature = "std")]
use core::sync::atomic::{AtomicBool, Ordering};
#[cfg(feature = "std")]
use std::sync::{Mutex, MutexGuard, PoisonError};

use mcp_core::session::ServerSession;
use mcp_core::types::Change;
use serde::Serialize;

#[cfg(feature = "std")]
use crate::deferred::Mailbox;

/// Changes that may wait for the carrier. 1024: it takes them each time it wakes, and each is there once.
const CHANGES: usize = 1024;

/// The changes that nobody has told of yet; one for all calls of a service.
#[derive(Default)]
#[cfg_attr(feature = "std", derive(Clone))]
pub(crate) struct Changes {
    #[cfg(feature = "std")]
    shared: Arc<Shared>,
    #[cfg(not(feature = "std"))]
    queue: RefCell<VecDeque<Change<'static>>>,
}

#[cfg(feature = "std")]
#[derive(Default)]
struct Shared {
    queue: Mutex<VecDeque<Change<'static>>>,
    /// Whether there is any: to look costs no lock.
    any: AtomicBool,
    mailbox: Mailbox,
}

#[cfg(feature = "std")]
impl Changes {
    /// Wakes the loop of this mailbox.
    pub(super) fn new(mailbox: Mailbox) -> Self {
        Self { shared: Arc::new(Shared { mailbox, ..Shared::default() }) }
    }

    pub(crate) fn announce(&self, change: Change<'static>) {
        let mut queue = self.lock();
        push(&mut queue, change);
        self.shared.any.store(true, Ordering::Release);
        drop(queue);
        self.shared.mailbox.wake();
    }

    pub(super) fn next(&self) -> Option<Change<'static>> {
        if !self.shared.any.load(Ordering::Acquire) {
            return None;
        }
        let mut queue = self.lock();
        let change = queue.pop_front();
        if queue.is_empty() {
            self.shared.any.store(false, Ordering::Release);
        }
        change
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Change<'static>>> {
        self.shared.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(not(feature = "std"))]
impl Changes {
    pub(crate) fn announce(&self, change: Change<'static>) {
        push(&mut self.queue.borrow_mut(), change);
    }

    pub(super) fn next(&self) -> Option<Change<'static>> {
        self.queue.borrow_mut().pop_front()
    }
}

/// Queues a change, unless it is there already: clients ask what is new, and hear of both by one notification.
fn push(queue: &mut VecDeque<Change<'static>>, change: Change<'static>) {
    if queue.contains(&change) {
        return;
    }
    if queue.len() >= CHANGES {
        log::warn!("a change was not announced: {CHANGES} others wait for the loop");
        return;
    }
    queue.push_back(change);
}

/// Tells the clients of a server of changes, from any thread. Cloned freely; outliving the server is harmless.
#[cfg(feature = "std")]
#[derive(Clone)]
pub struct Notifier(pub(super) Changes);

#[cfg(feature = "std")]
impl Notifier {
    /// Has every client told that wants to know. Returns at once; what was announced and not told yet is told once.
    pub fn announce(&self, change: Change<'static>) {
        self.0.announce(change);
    }
}

#[cfg(feature = "std")]
impl core::fmt::Debug for Notifier {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Notifier").finish_non_exhaustive()
    }
}

/// Appends the notification of a change for the client of a session with a handshake. False when its revision does not
/// have it, or it is not subscribed to the resource: then nothing is to be sent. Who listens in a revision without
/// sessions said what it wants to hear, and its carrier remembers that.
pub fn notify(change: &Change<'_>, session: &ServerSession, out: &mut Vec<u8>) -> bool {
    #[derive(Serialize)]
    struct Updated<'a> {
        uri: &'a str,
    }
    #[derive(Serialize)]
    struct Nothing {}
    if !session.version().has_handshake() {
        return false;
    }
    match change {
        Change::Resource(uri) => session.watches(uri) && session.notify(change.method(), &Updated { uri }, out),
        _ => session.notify(change.method(), &Nothing {}, out),
    }
}
