//! Ctrl-C: the call that is being waited for is cancelled, and the server told. Before there is one, and the second time, the
//! program ends at once.

use std::sync::{Arc, Mutex, PoisonError};

use mcp_sse_blocking::Canceller;

use crate::exit::Exit;
use crate::output;

/// Watches for Ctrl-C until the program ends.
#[derive(Debug)]
pub(crate) struct Interrupt {
    call: Arc<Mutex<Option<Canceller>>>,
}

impl Interrupt {
    /// To be made once.
    pub(crate) fn new() -> Self {
        let call: Arc<Mutex<Option<Canceller>>> = Arc::default();
        let watched = Arc::clone(&call);
        let watching = ctrlc::set_handler(move || {
            let canceller = watched.lock().unwrap_or_else(PoisonError::into_inner).take();
            if !canceller.is_some_and(|canceller| canceller.cancel("interrupted by the user")) {
                std::process::exit(Exit::Interrupted as i32);
            }
        });
        if let Err(error) = watching {
            // Ctrl-C ends the program then as it ends any other.
            output::say(format!("Ctrl-C cannot be watched: {error}"));
        }
        Self { call }
    }

    /// From now on Ctrl-C cancels this call.
    pub(crate) fn cancels(&self, canceller: Canceller) {
        *self.call.lock().unwrap_or_else(PoisonError::into_inner) = Some(canceller);
    }
}
