//! The client as its user sees it.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use mcp_core::revision::ProtocolVersion;
use mcp_core::text::Excerpt;
use mcp_core::time::{Cause, Deadline};
use mcp_core::types::{
    Implementation, InitializeResult, JsonObject, LoggingLevel, Method, Root, ServerCapabilities, SetLevelParams,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::{RawValue, to_raw_value};

use crate::builder::Builder;
use crate::clock;
use crate::connect::Connection;
use crate::engine::Engine;
use crate::error::{Delivery, Error, PeerError};
use crate::pending::Want;

/// Characters that are shown of what is wrong with a result.
const PROBLEM_CHARACTERS: usize = 256;

/// A session with a server.
///
/// Cloning is cheap and gives another handle to the same session; many threads may call at once. The session is closed by
/// [`close`](Client::close) or when the last handle is dropped, which takes a second at most, whatever the server does; a child
/// process may be given longer to end ([`Command::grace`](crate::Command::grace)).
///
/// A call waits on the thread that makes it, which also reads the reply off the stream. No call waits longer than its
/// deadline, and none of them takes more memory than [`Limits`](mcp_core::Limits) allow.
pub struct Client {
    handle: Arc<Handle>,
    /// Lent to a handler for one notification: it does not keep the session open. A clone of it does.
    lent: bool,
}

/// What the handles share; dropped with the last of them.
pub(crate) struct Handle {
    /// Handles of the caller's: those that are not lent. The last one closes.
    owned: AtomicUsize,
    session: Session,
    server: InitializeResult,
    connection: Connection,
}

/// Closes the session when dropped.
pub(crate) struct Session(pub(crate) Arc<Engine>);

impl Client {
    /// Connects to the server at `url`, with the defaults of [`Client::builder`]. Which transport and which revision it speaks is
    /// found out: [`connection`](Self::connection) tells.
    ///
    /// Blocks until the server can be called.
    ///
    /// # Errors
    ///
    /// Whatever can be wrong with an address, a network and a server; see [`Error`].
    pub fn connect(url: &str) -> Result<Self, Error> {
        Self::builder(url).connect()
    }

    /// Settings for a connection to the server at `url`, for instance `http://localhost:8000/mcp`; of HTTP+SSE it is the URL of the
    /// event stream (R-SSE-13).
    pub fn builder(url: &str) -> Builder {
        Builder::new(url)
    }

    pub(crate) fn new(session: Session, server: InitializeResult, connection: Connection) -> Self {
        let owned = AtomicUsize::new(1);
        session.0.features.opened(&server.server_info, connection.version);
        Self { handle: Arc::new(Handle { owned, session, server, connection }), lent: false }
    }

    pub(crate) fn downgrade(&self) -> Weak<Handle> {
        Arc::downgrade(&self.handle)
    }

    /// A client to lend to a handler; `None` when there is none any more.
    pub(crate) fn lend(handle: &Weak<Handle>) -> Option<Self> {
        Some(Self { handle: handle.upgrade()?, lent: true })
    }

    pub(crate) fn engine(&self) -> &Arc<Engine> {
        &self.handle.session.0
    }

    /// Who the server says it is. Untrusted: for people and logs.
    pub fn server_info(&self) -> &Implementation {
        &self.handle.server.server_info
    }

    /// What the server offers.
    pub fn capabilities(&self) -> &ServerCapabilities {
        &self.handle.server.capabilities
    }

    /// How to use the server, for a model. Untrusted.
    pub fn instructions(&self) -> Option<&str> {
        self.handle.server.instructions.as_deref()
    }

    /// The revision that was agreed on. A session that took the place of a lost one may speak another (R-SH-51); a child
    /// process that is started again and does is refused.
    pub fn protocol_version(&self) -> ProtocolVersion {
        self.engine().table().session.version().unwrap_or(self.handle.connection.version)
    }

    /// How the server is spoken to, and how many requests it took to find that out.
    pub fn connection(&self) -> &Connection {
        &self.handle.connection
    }

    /// Makes any request. `params` serialize to a JSON object; `()` stands for none. The result is read as `R`; use
    /// `Box<RawValue>` for the JSON as it came. Nothing is added to it: neither pages nor rounds of input nor a cache.
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call); [`Error::Peer`] when the result is no `R`.
    pub fn request<P: Serialize + ?Sized, R: DeserializeOwned>(&self, method: &str, params: &P) -> Result<R, Error> {
        // The caller's `Serialize` and `Deserialize` may do anything, so they run without a lock.
        let params = raw(params)?;
        let want = Want::within(self.engine().call_timeout);
        self.engine().insight().measure(|| {
            let result = self.engine().request(method, &params, &want, None, |result| Ok(result.to_owned()))?;
            read(method, &result)
        })
    }

    /// Sends a notification. Returns when the server has taken it over.
    ///
    /// # Errors
    ///
    /// When it could not be sent.
    pub fn notify<P: Serialize + ?Sized>(&self, method: &str, params: &P) -> Result<(), Error> {
        let message = self.engine().notification(method, &raw(params)?)?;
        let deadline =
            self.engine().call_timeout.map(|timeout| Deadline::after(clock::now(), timeout, Cause::Response));
        self.engine().tell(&message, deadline).map_err(|error| error.after(self.engine().call_timeout))
    }

    /// Asks the server for a sign of life and waits for it: by `ping`, and in 2026-07-28, which has none (R-LM-76), by
    /// `server/discover`, which every server answers and which changes nothing.
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call).
    pub fn ping(&self) -> Result<(), Error> {
        let method =
            if Method::Ping.exists_in(self.protocol_version()) { Method::Ping } else { Method::ServerDiscover };
        self.request::<_, JsonObject>(method.name(), &()).map(drop)
    }

    /// Asks for log messages of this level and above. They reach the handler set by
    /// [`Builder::on_log`](crate::Builder::on_log).
    ///
    /// With a handshake the server is told at once (R-LM-90), and again in a session that takes the place of a lost one. In
    /// 2026-07-28 every request says it from now on, and nothing is sent here; before the first time, and without
    /// [`CallOptions::log_level`](crate::CallOptions::log_level) for single calls, a server sends none (R-LM-91).
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call); servers without logging answer with [`Error::Rpc`].
    pub fn set_log_level(&self, level: LoggingLevel) -> Result<(), Error> {
        if !Method::LoggingSetLevel.exists_in(self.protocol_version()) {
            self.engine().table().session.set_level(Some(level));
            return Ok(());
        }
        self.request::<_, JsonObject>(Method::LoggingSetLevel.name(), &SetLevelParams { level })?;
        *self.engine().features.level() = Some(level);
        Ok(())
    }

    /// Takes other roots in place of those of [`Builder::roots`](crate::Builder::roots), and tells the server where the revision
    /// has a notification for that (R-FC-2); in 2026-07-28 it finds out when it asks the next time.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] for a root that is no `file` URI or leads upwards with `..`, and when no roots were declared; else when
    /// the notification could not be sent.
    pub fn set_roots(&self, roots: impl IntoIterator<Item = Root>) -> Result<(), Error> {
        self.engine().features.input.set_roots(roots.into_iter().collect())?;
        self.tell_roots_changed()
    }

    /// Tells the server that what [`Builder::on_roots`](crate::Builder::on_roots) answers has changed, where the revision has a
    /// notification for that (R-FC-2).
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] when no roots were declared; else when the notification could not be sent.
    pub fn tell_roots_changed(&self) -> Result<(), Error> {
        if !self.engine().features.input.has_roots() {
            return Err(Error::Usage("roots have to be declared with the builder, before the client connects".into()));
        }
        let changed = Method::NotificationsRootsListChanged;
        if changed.exists_in(self.protocol_version()) { self.notify(changed.name(), &()) } else { Ok(()) }
    }

    /// Whether the session stands, as far as is known here: whether the [state](Self::state) is [`State::Ready`](crate::State::Ready).
    pub fn is_connected(&self) -> bool {
        self.engine().standing.watch.is_ready()
    }

    /// Closes the session for all handles: calls in flight fail with [`Error::Closed`], connections are shut down, threads
    /// end. Takes a second at most, and with a child process as long as [`Command::grace`](crate::Command::grace) says. Dropping the
    /// last handle does the same.
    ///
    /// May be called from a handler: its own thread then ends when the handler returns. Handlers that hold a handle of their
    /// own keep the session open until somebody calls this.
    pub fn close(&self) {
        self.handle.session.close();
    }
}

impl Clone for Client {
    fn clone(&self) -> Self {
        self.handle.owned.fetch_add(1, Ordering::Relaxed);
        Self { handle: Arc::clone(&self.handle), lent: false }
    }
}

impl Drop for Client {
    /// The last handle closes while it is still one: handlers run on what came before, and are given a client.
    fn drop(&mut self) {
        if !self.lent && self.handle.owned.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.close();
        }
    }
}

impl fmt::Debug for Client {
    /// Without the URL for messages: the token of the session may be anywhere in it (R-SSE-14).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("place", &self.engine().carrier.place())
            .field("server", &self.server_info().name)
            .field("version", &self.protocol_version())
            .field("connected", &self.is_connected())
            .finish()
    }
}

impl Session {
    pub(crate) fn close(&self) {
        let deadline = self.0.background.flush();
        // Calls in flight learn first what ends them: some servers end their streams as soon as the session does.
        self.0.end_after(Error::Closed(Delivery::NotSent), || self.0.carrier.say_goodbye(deadline));
        self.0.carrier.finish(deadline);
        self.0.background.join(deadline);
        self.0.standing.watch.join(deadline);
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.close();
    }
}

pub(crate) fn raw<T: Serialize + ?Sized>(value: &T) -> Result<Box<RawValue>, Error> {
    to_raw_value(value).map_err(|error| Error::Usage(format!("the value cannot be written as JSON: {error}")))
}

/// Reads a result as what its method returns. What the parser says quotes the peer's text in full, so it is cut.
pub(crate) fn read<'a, R: serde::Deserialize<'a>>(method: &str, result: &'a RawValue) -> Result<R, Error> {
    serde_json::from_str(result.get()).map_err(|error| {
        let problem = Excerpt::new(&error.to_string(), PROBLEM_CHARACTERS).to_string();
        PeerError::Result { method: method.to_owned(), problem }.into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handles_go_from_thread_to_thread() {
        fn travels<T: Send + 'static>() {}
        fn is_shared<T: Sync>() {}
        travels::<Client>();
        is_shared::<Client>();
        travels::<crate::Job>();
        travels::<crate::Canceller>();
        is_shared::<crate::Canceller>();
        travels::<crate::Subscription>();
        travels::<Error>();
        is_shared::<Error>();
    }
}
