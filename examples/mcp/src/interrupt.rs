//! Ctrl-C: what is being waited for is cancelled and the server told, then the session closed. Before there is one, and the
//! second time, the program ends at once.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use mcp_sse_blocking::{Canceller, Client, terminate_children};

use crate::exit::Exit;
use crate::output;

/// Watches for Ctrl-C until the program ends.
pub(crate) struct Interrupt {
    stops: Arc<Mutex<Stops>>,
}

/// What the first Ctrl-C does, the last set first.
#[derive(Default)]
struct Stops {
    call: Option<Canceller>,
    client: Option<Client>,
    server: Option<Stop>,
}

/// Stops what is served; false when that is being done for too long already.
type Stop = Box<dyn FnMut() -> bool + Send>;

impl Interrupt {
    /// To be made once.
    pub(crate) fn new() -> Self {
        let stops: Arc<Mutex<Stops>> = Arc::default();
        let watched = Arc::clone(&stops);
        let watching = ctrlc::set_handler(move || {
            let Stops { call, client, server } =
                std::mem::take(&mut *watched.lock().unwrap_or_else(PoisonError::into_inner));
            if call.is_some_and(|call| call.cancel("interrupted by the user")) {
                return;
            }
            if let Some(mut stop) = server
                && stop()
            {
                watched.lock().unwrap_or_else(PoisonError::into_inner).server = Some(stop);
                return;
            }
            match client {
                // On a thread of its own: closing takes a while, and the next Ctrl-C is not to wait for it.
                Some(client) => drop(thread::spawn(move || client.close())),
                None => exit(),
            }
        });
        if let Err(error) = watching {
            // Ctrl-C ends the program then as it ends any other.
            output::say(format!("Ctrl-C cannot be watched: {error}"));
        }
        Self { stops }
    }

    /// From now on Ctrl-C closes this client, whose calls then fail.
    pub(crate) fn closes(&self, client: &Client) {
        self.stops.lock().unwrap_or_else(PoisonError::into_inner).client = Some(client.clone());
    }

    /// From now on Ctrl-C stops what is served, each time until `stop` says false: then it ends the program.
    pub(crate) fn stops(&self, stop: impl FnMut() -> bool + Send + 'static) {
        self.stops.lock().unwrap_or_else(PoisonError::into_inner).server = Some(Box::new(stop));
    }

    /// From now on Ctrl-C cancels this call, and nothing else.
    pub(crate) fn cancels(&self, canceller: Canceller) {
        self.stops.lock().unwrap_or_else(PoisonError::into_inner).call = Some(canceller);
    }

    /// From now on Ctrl-C ends the program.
    pub(crate) fn ends(&self) {
        drop(std::mem::take(&mut *self.stops.lock().unwrap_or_else(PoisonError::into_inner)));
    }
}

/// Ends the program. A server that it started does not outlive it, also when there is no session yet that could be closed.
fn exit() -> ! {
    terminate_children();
    std::process::exit(Exit::Interrupted as i32)
}

impl std::fmt::Debug for Interrupt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Interrupt")
    }
}
