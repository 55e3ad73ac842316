//! What every function goes through: no panic crosses, and an error is a status and, for who wants it, a
//! message.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::error::{ErrorInfo, Fault, Status};
use crate::text::Out;

thread_local! {
    /// What a function on this thread had to say last, and had no place for.
    static UNTOLD: RefCell<Option<Fault>> = const { RefCell::new(None) };
}

/// Does `work` for a caller on the other side.
pub(crate) fn enter(error: Out<ErrorInfo>, work: impl FnOnce() -> Result<(), Fault>) -> Status {
    // What is shared is behind locks that forgive a panic, so nothing is seen half-done afterwards.
    let done = catch_unwind(AssertUnwindSafe(work));
    let fault = match done {
        Ok(Ok(())) => {
            error.set(ErrorInfo::none());
            return Status::Ok;
        }
        Ok(Err(fault)) => fault,
        Err(_) => Fault::new(Status::Panic, "a fault of the library itself; it goes on working"),
    };
    error.set(fault.info());
    let status = fault.status;
    if error.is_nowhere() {
        // When the thread is at its end there is nobody to ask for it.
        let _ = UNTOLD.try_with(|untold| untold.replace(Some(fault)));
    }
    status
}

/// What a function on this thread had to say last, and had no place for.
pub(crate) fn untold() -> Option<Fault> {
    UNTOLD.try_with(|untold| untold.borrow().clone()).ok().flatten()
}

/// The same for what cannot fail in a way that anybody could mend.
pub(crate) fn quietly<T>(otherwise: T, work: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or(otherwise)
}
