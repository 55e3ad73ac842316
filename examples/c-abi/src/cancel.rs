//! Cancelling calls from other threads.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mcp_sse_blocking::Canceller;

use crate::border::{enter, quietly};
use crate::error::{ErrorInfo, Fault, Status};
use crate::handles::Shelf;
use crate::text::Out;

static CANCELS: Shelf<Token> = Shelf::new("a cancellation");

/// Cancels calls from another thread: given to calls, then triggered. A number: 0 is none.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Cancel {
    /// The number.
    pub id: u64,
}

/// What is shared by whoever cancels and the calls.
#[derive(Default)]
pub(crate) struct Token(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    is_triggered: bool,
    calls: Vec<(u64, Canceller)>,
    last: u64,
}

/// A call that can be cancelled, as long as this lives.
pub(crate) struct Registered {
    token: Arc<Token>,
    number: u64,
}

/// A new one, not triggered.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_cancel_new(cancel: *mut Cancel, error: *mut ErrorInfo) -> Status {
    enter(Out(error), || {
        let place = Out(cancel);
        place.required("the cancellation")?;
        place.set(Cancel { id: CANCELS.put(Token::default()) });
        Ok(())
    })
}

/// Cancels the calls that it was given to, and those that it will be given to: they end at once with
/// `MCP_STATUS_CANCELLED`. From any thread.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_cancel_trigger(cancel: Cancel) -> Status {
    enter(Out(std::ptr::null_mut()), || {
        CANCELS.get(cancel.id)?.trigger();
        Ok(())
    })
}

/// Frees it. Calls that it was given to go on.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_cancel_free(cancel: Cancel) {
    quietly((), || drop(CANCELS.take(cancel.id)));
}

/// The token behind the number; `None` for 0.
pub(crate) fn token(cancel: Cancel) -> Result<Option<Arc<Token>>, Fault> {
    if cancel.id == 0 { Ok(None) } else { CANCELS.get(cancel.id).map(Some) }
}

impl Token {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn trigger(&self) {
        let mut inner = self.inner();
        inner.is_triggered = true;
        let calls = std::mem::take(&mut inner.calls);
        drop(inner);
        for (_, call) in calls {
            call.cancel("cancelled by the caller");
        }
    }

    pub(crate) fn is_triggered(&self) -> bool {
        self.inner().is_triggered
    }

    /// Has a call cancelled with the others, at once when they were.
    pub(crate) fn register(self: Arc<Self>, call: Canceller) -> Registered {
        let mut inner = self.inner();
        inner.last += 1;
        let number = inner.last;
        if inner.is_triggered {
            drop(inner);
            call.cancel("cancelled by the caller");
        } else {
            inner.calls.push((number, call));
            drop(inner);
        }
        Registered { token: self, number }
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.token.inner().calls.retain(|(number, _)| *number != self.number);
    }
}
