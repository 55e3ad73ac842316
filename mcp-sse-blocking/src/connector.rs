//! A client that can be started and stopped again and again.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::builder::Builder;
use crate::client::Client;
use crate::error::{Delivery, Error};
use crate::state::State;

/// A recipe for a client, and the client while it is started: for programs that connect and disconnect by hand.
///
/// ```no_run
/// use mcp_sse_blocking::{Client, Connector, Error};
///
/// let server = Connector::new(|| Client::builder("http://localhost:8000/sse"));
/// server.start()?;
/// assert!(server.is_connected());
/// println!("{} tools", server.client()?.tools().count());
/// server.stop();
/// assert!(!server.is_connected());
/// server.start()?;
/// # Ok::<(), Error>(())
/// ```
///
/// Where a scope says how long a client is needed, [`Client`] alone is enough: it connects when it is made and closes when it
/// is dropped.
///
/// ```no_run
/// use mcp_sse_blocking::{Client, Error};
///
/// fn list() -> Result<(), Error> {
///     let client = Client::connect("http://localhost:8000/sse")?;
///     for tool in client.tools() {
///         println!("{}", tool?.name);
///     }
///     Ok(()) // It is closed here, whichever way the function is left.
/// }
/// # list().ok();
/// ```
///
/// A connector may be shared by threads. Dropping it stops it.
pub struct Connector {
    recipe: Box<dyn Fn() -> Builder + Send + Sync>,
    /// Held while a client is made, so that there is one at most.
    starting: Mutex<()>,
    current: Mutex<Current>,
}

#[derive(Default)]
struct Current {
    client: Option<Client>,
    /// How often it was stopped: what was begun before that is not wanted any more.
    stops: u64,
}

impl Connector {
    /// `recipe` is run for each start. It should say the same each time.
    pub fn new(recipe: impl Fn() -> Builder + Send + Sync + 'static) -> Self {
        Self { recipe: Box::new(recipe), starting: Mutex::default(), current: Mutex::default() }
    }

    /// Connects, and gives the client. Where it is started, it gives the client that there is, also while that is reconnecting;
    /// one that is [closed](State::Closed) makes room for a new one.
    ///
    /// Blocks as [`Builder::connect`] does; whoever starts at the same time waits for that, and gets the same client.
    ///
    /// # Errors
    ///
    /// As [`Builder::connect`]; [`Error::Closed`] when it was stopped meanwhile.
    pub fn start(&self) -> Result<Client, Error> {
        let _starting = self.starting.lock().unwrap_or_else(PoisonError::into_inner);
        let stops = {
            let current = self.current();
            if let Some(client) = current.client.as_ref().filter(|client| !client.state().is_closed()) {
                return Ok(client.clone());
            }
            current.stops
        };
        let client = (self.recipe)().connect()?;
        let mut current = self.current();
        if current.stops != stops {
            drop(current);
            client.close();
            return Err(Error::Closed(Delivery::NotSent));
        }
        let before = current.client.replace(client.clone());
        drop(current);
        drop(before);
        Ok(client)
    }

    /// Closes the client, for all handles of it; takes as long as [`Client::close`]. Where it is not started this does nothing;
    /// a start that is under way on another thread fails.
    pub fn stop(&self) {
        let client = {
            let mut current = self.current();
            current.stops += 1;
            current.client.take()
        };
        if let Some(client) = client {
            client.close();
        }
    }

    /// The client.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`] when it is not started.
    pub fn client(&self) -> Result<Client, Error> {
        self.current().client.clone().ok_or(Error::Closed(Delivery::NotSent))
    }

    /// Whether it is started and its session stands: [`Client::is_connected`].
    pub fn is_connected(&self) -> bool {
        let client = self.current().client.clone();
        client.is_some_and(|client| client.is_connected())
    }

    /// Where its client stands; `None` when it is not started.
    pub fn state(&self) -> Option<State> {
        let client = self.current().client.clone();
        client.map(|client| client.state())
    }

    fn current(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Connector {
    fn drop(&mut self) {
        self.stop();
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector").field("client", &self.current().client).finish_non_exhaustive()
    }
}
