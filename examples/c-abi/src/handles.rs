//! Objects behind numbers.
//!
//! A handle is the number of an object, never given out twice. Freeing takes the object off its shelf;
//! whoever is in the middle of using it on another thread goes on, and the object ends with the last of them.
//! So a handle that was freed, is freed again, or belongs to another kind of object is found to be wrong, and
//! no pointer has to be trusted.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::error::{Fault, Status};

/// The number of the last handle. 0 is no handle.
static LAST: AtomicU64 = AtomicU64::new(0);

/// A number that no handle has had.
pub(crate) fn next_number() -> u64 {
    LAST.fetch_add(1, Ordering::Relaxed) + 1
}

/// The objects of one kind.
pub(crate) struct Shelf<T> {
    kind: &'static str,
    objects: Mutex<BTreeMap<u64, Arc<T>>>,
}

impl<T> Shelf<T> {
    pub(crate) const fn new(kind: &'static str) -> Self {
        Self { kind, objects: Mutex::new(BTreeMap::new()) }
    }

    /// Puts an object on the shelf and gives its number.
    pub(crate) fn put(&self, object: T) -> u64 {
        let number = next_number();
        self.objects().insert(number, Arc::new(object));
        number
    }

    /// The object with this number.
    pub(crate) fn get(&self, number: u64) -> Result<Arc<T>, Fault> {
        self.objects().get(&number).cloned().ok_or_else(|| self.no_such(number))
    }

    /// Takes the object with this number off the shelf.
    pub(crate) fn take(&self, number: u64) -> Result<Arc<T>, Fault> {
        self.objects().remove(&number).ok_or_else(|| self.no_such(number))
    }

    fn no_such(&self, number: u64) -> Fault {
        let kind = self.kind;
        match number {
            0 => Fault::new(Status::Handle, format!("a handle of {kind} is wanted and 0 is given")),
            _ => Fault::new(Status::Handle, format!("the handle is not that of {kind}, or was freed")),
        }
    }

    fn objects(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<T>>> {
        // A map is whole between any two statements that hold the lock.
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
