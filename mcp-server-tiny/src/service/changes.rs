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
    /// The service is gone: nobody will look.
    closed: bool,
}

#[cfg(feature = "std")]
impl Changes {
    /// Wakes the loop of this mailbox.
    pub(super) fn new(mailbox: Mailbox) -> Self {
        Self { shared: Arc::new(Shared { mailbox, ..Shared::default() }) }
    }

    pub(crate) fn announce(&self, change: Change<'static>) {
        let refused = self.put(change, |queues, change| push(&mut queues.changes, change));
        // Not under the lock: a logger may announce something too.
        if refused.is_some() {
            note_refused();
        }
    }

    /// False when too many wait already, and when the service is gone.
    pub(crate) fn edit(&self, edit: impl FnOnce(&mut Offers<'_>) + Send + 'static) -> bool {
        let edit: Edit = alloc::boxed::Box::new(edit);
        // One that is refused is dropped here, after the lock: what it holds is the program's.
        let refused = self.put(edit, |queues, edit| {
            if queues.edits.len() >= CHANGES {
                return Some(edit);
            }
            queues.edits.push_back(edit);
            None
        });
        refused.is_none()
    }

    /// Puts something into the queues, or gives it back.
    fn put<T>(&self, what: T, put: impl FnOnce(&mut Queues, T) -> Option<T>) -> Option<T> {
        let mut queues = self.lock();
        if queues.closed {
            return Some(what);
        }
        let refused = put(&mut queues, what);
        self.shared.any.store(true, Ordering::Release);
        drop(queues);
        self.shared.mailbox.wake();
        refused
    }

    /// Drops what waits, now and from now on: an edit may hold what holds these queues.
    pub(super) fn close(&self) {
        let mut queues = self.lock();
        let left = core::mem::replace(&mut *queues, Queues { closed: true, ..Queues::default() });
        drop(queues);
        drop(left);
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
        if push(&mut self.queue.borrow_mut(), change).is_some() {
            note_refused();
        }
    }

    pub(super) fn next(&self) -> Option<Change<'static>> {
        self.queue.borrow_mut().pop_front()
    }
}

/// Queues a change, unless it is there already: clients ask what is new, and hear of both by one notification. Gives back
/// one for which there is no room.
fn push(queue: &mut VecDeque<Change<'static>>, change: Change<'static>) -> Option<Change<'static>> {
    if queue.contains(&change) {
        return None;
    }
    if queue.len() >= CHANGES {
        return Some(change);
    }
    queue.push_back(change);
    None
}

fn note_refused() {
    log::warn!("a change was not announced: the server has ended, or {CHANGES} others wait for its loop");
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
