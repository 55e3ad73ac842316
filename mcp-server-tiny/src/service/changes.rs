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
#[cfg(feature = "std")]
use crate::offers::Offers;

/// Changes that may wait for the carrier. 1024: it takes them each time it wakes, and each is there once.
const CHANGES: usize = 1024;

/// A change of what is offered, to be made on the thread of the loop.
#[cfg(feature = "std")]
pub(crate) type Edit = alloc::boxed::Box<dyn FnOnce(&mut Offers<'_>) + Send>;

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
    queues: Mutex<Queues>,
    /// Whether there is any: to look costs no lock.
    any: AtomicBool,
    mailbox: Mailbox,
}

#[cfg(feature = "std")]
#[derive(Default)]
struct Queues {
    /// Made before anything is told.
    edits: VecDeque<Edit>,
    changes: VecDeque<Change<'static>>,
}

#[cfg(feature = "std")]
impl Changes {
    /// Wakes the loop of this mailbox.
    pub(super) fn new(mailbox: Mailbox) -> Self {
        Self { shared: Arc::new(Shared { mailbox, ..Shared::default() }) }
    }

    pub(crate) fn announce(&self, change: Change<'static>) {
        self.put(|queues| {
            push(&mut queues.changes, change);
            true
        });
    }

    /// False when too many wait already.
    pub(crate) fn edit(&self, edit: impl FnOnce(&mut Offers<'_>) + Send + 'static) -> bool {
        self.put(|queues| {
            let has_room = queues.edits.len() < CHANGES;
            if has_room {
                queues.edits.push_back(alloc::boxed::Box::new(edit));
            }
            has_room
        })
    }

    fn put(&self, put: impl FnOnce(&mut Queues) -> bool) -> bool {
        let mut queues = self.lock();
        let is_in = put(&mut queues);
        self.shared.any.store(true, Ordering::Release);
        drop(queues);
        self.shared.mailbox.wake();
        is_in
    }

    pub(super) fn next(&self) -> Option<Change<'static>> {
        self.take(|queues| queues.changes.pop_front())
    }

    pub(super) fn next_edit(&self) -> Option<Edit> {
        self.take(|queues| queues.edits.pop_front())
    }

    fn take<T>(&self, take: impl FnOnce(&mut Queues) -> Option<T>) -> Option<T> {
        if !self.shared.any.load(Ordering::Acquire) {
            return None;
        }
        let mut queues = self.lock();
        let taken = take(&mut queues);
        if queues.edits.is_empty() && queues.changes.is_empty() {
            self.shared.any.store(false, Ordering::Release);
        }
        taken
    }

    fn lock(&self) -> MutexGuard<'_, Queues> {
        self.shared.queues.lock().unwrap_or_else(PoisonError::into_inner)
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

    /// Changes what the server offers: see [`Handle::edit`](crate::Handle::edit).
    #[must_use = "nothing is changed when it is false"]
    pub fn edit(&self, change: impl FnOnce(&mut Offers<'_>) + Send + 'static) -> bool {
        self.0.edit(change)
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
