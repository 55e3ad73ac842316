//! The server without sockets: connections, sessions and deadlines, bytes in and bytes out.
//!
//! Whoever owns the bytes (the loop of [`Bound`](crate::Bound), another HTTP server, a UART, a test) tells the engine
//! what happened and does what it asks for:
//!
//! ```text
//! accept -> received / ended -> next_ready: output, sent, next -> closed
//!                 next_wake -> handle_timeouts -> next_ready ...
//! ```
//!
//! One engine serves all carriers of HTTP at once, each at its path:
//!
//! | Path | Carrier | What is kept of a client |
//! | --- | --- | --- |
//! | `/mcp` | Streamable HTTP without a handshake (2026-07-28) | nothing between two requests |
//! | `/mcp` | Streamable HTTP with one (2025-03-26 to 2025-11-25) | a session, found by `Mcp-Session-Id`; what it may have to be sent again |
//! | `/sse`, `/messages` | HTTP+SSE (2024-11-05) | a session for as long as its stream is open |
//!
//! A request arrives on one connection and what it brings about may leave on others: the stream of its session (R-SSE-25), a
//! call that waited for it, everybody who wants to know what it changed. So one engine holds all connections; after any
//! input ask [`Engine::next_ready`] which of them have something to send.
//!
//! ```
//! use mcp_core::time::Instant;
//! use mcp_server_tiny::engine::{ConnId, Engine, Next};
//! use mcp_server_tiny::{Server, Tool};
//!
//! /// What the engine sends on a connection, once it has seen `bytes` there.
//! fn exchange(engine: &mut Engine, conn: ConnId, bytes: &str) -> String {
//!     let now = Instant::ZERO; // the caller's clock
//!     engine.received(conn, now, bytes.as_bytes());
//!     let mut sent = String::new();
//!     while let Some(ready) = engine.next_ready() {
//!         let output = engine.output(ready);
//!         let count = output.len(); // as many as the connection takes
//!         sent += std::str::from_utf8(output).unwrap();
//!         engine.sent(ready, now, count);
//!         assert_eq!(engine.next(ready), Next::Wait);
//!     }
//!     sent
//! }
//!
//! let server = Server::new("clock", "1.0.0").tool(Tool::new("time"), |_| Ok("noon"));
//! let mut engine = server.engine(|secret| {
//!     *secret = [7; 16]; // not for production: these bits let clients in
//!     true
//! })?;
//!
//! let stream = engine.accept(Instant::ZERO).expect("there is room");
//! let opened = exchange(&mut engine, stream, "GET /sse HTTP/1.1\r\nHost: localhost\r\n\r\n");
//! let (_, endpoint) = opened.trim_end().split_once("event: endpoint\ndata: ").unwrap();
//!
//! let posts = engine.accept(Instant::ZERO).expect("there is room");
//! let mut post = |body: &str| {
//!     let length = body.len();
//!     let head = format!("POST {endpoint} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json");
//!     exchange(&mut engine, posts, &format!("{head}\r\nContent-Length: {length}\r\n\r\n{body}"))
//! };
//! post(r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"doc","version":"1"}}}"#);
//! let sent = post(r#"{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"time"}}"#);
//! assert!(sent.starts_with("HTTP/1.1 202 Accepted\r\n")); // on the connection of the posts
//! assert!(sent.ends_with("\"result\":{\"content\":[{\"type\":\"text\",\"text\":\"noon\"}]}}\n\n")); // on the stream
//! # Ok::<(), mcp_server_tiny::Error>(())
//! ```
//!
//! The engine never waits, and no peer can make it: handlers run inside [`Engine::received`] unless they are on workers.

mod admission;
pub(crate) mod answer;
mod endpoint;
mod exchange;
mod input;
mod listen;
mod outbox;
pub(crate) mod replay;
mod stateful;
mod stateless;
mod streams;
mod subscriptions;
#[cfg(test)]
mod tests;
mod timeouts;

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::fmt;
use core::net::IpAddr;

use mcp_core::time::Instant;
use mcp_core::types::Change;

use crate::config::{Access, Config};
use crate::conn::{Buffers, Conn, Phase};
use crate::engine::exchange::Exchange;
use crate::error::Error;
use crate::offers::Offers;
use crate::parts::Listening;
use crate::service::Service;
use crate::sessions::{Secret, Sessions};
use crate::slab::{Key, Slab};
use crate::timers::Timers;

/// Fills in random bits that nobody can guess, and says whether it could (R-SSE-35).
pub(crate) type Entropy = Box<dyn FnMut(&mut Secret) -> bool + Send>;

/// Names a connection of one engine; never given out twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ConnId(pub(crate) Key);

impl ConnId {
    /// A small number that no other open connection has: an index for whoever keeps a table beside the engine's.
    pub fn index(self) -> usize {
        self.0.slot as usize
    }
}

/// What to do with a connection whose output was sent as far as it can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Nothing until it has input, or room for output.
    Wait,
    /// Close the sending side, then call [`Engine::half_closed`] and go on reading.
    HalfClose,
    /// Close it, then call [`Engine::closed`].
    Close,
}

/// Replies delivered at a time: a worker that reports without end must not keep the loop from everybody else.
#[cfg(feature = "std")]
const MAIL_A_TURN: usize = 256;

/// All connections and sessions of a server.
pub struct Engine {
    config: Config,
    access: Access,
    service: Service,
    entropy: Entropy,
    conns: Slab<Conn>,
    sessions: Sessions,
    /// Requests over Streamable HTTP whose answers are not complete.
    exchanges: Slab<Exchange>,
    /// Those of them that are subscriptions.
    subscriptions: Vec<Key>,
    /// Deadlines of connections.
    timers: Timers,
    /// Deadlines of sessions that do not depend on a connection.
    session_timers: Timers,
    buffers: Buffers,
    /// For a message that may turn out not to be sent.
    scratch: Vec<u8>,
    /// Connections whose answer is complete and which may have sent more requests meanwhile.
    resumed: VecDeque<Key>,
    /// Bytes kept to be sent again, of all sessions.
    replayed: usize,
    /// Connections to look after, each once.
    ready: VecDeque<Key>,
    /// Bytes of requests that arrived in part, of all connections.
    held: usize,
    /// Bytes of output that wait, of all connections.
    unsent: usize,
    /// The latest time that the caller told.
    latest: Instant,
    /// When a stop was asked for: until when requests in flight are waited for.
    stopping: Option<Instant>,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("connections", &self.conns.len())
            .field("sessions", &self.sessions.len())
            .finish_non_exhaustive()
    }
}

impl Engine {
    /// An engine for a listener at `address`, which decides what hosts and origins are served.
    pub(crate) fn new(config: Config, mut service: Service, address: IpAddr, entropy: Entropy) -> Result<Self, Error> {
        if let Some(fault) = config.fault() {
            return Err(Error::Setting(fault.into()));
        }
        let access = config.access(address).map_err(|fault| Error::Setting(alloc::format!("{fault}").into()))?;
        if Listening::BUILT.is_none() {
            service.keep_silent();
        }
        let buffers = Buffers::new(config.limits.spare_bytes);
        Ok(Self {
            config,
            access,
            service,
            entropy,
            conns: Slab::default(),
            sessions: Sessions::default(),
            exchanges: Slab::default(),
            subscriptions: Vec::new(),
            timers: Timers::default(),
            session_timers: Timers::default(),
            buffers,
            scratch: Vec::new(),
            resumed: VecDeque::new(),
            replayed: 0,
            latest: Instant::ZERO,
            ready: VecDeque::new(),
            held: 0,
            unsent: 0,
            stopping: None,
        })
    }

    /// Takes a connection in. One for which there is no room is taken in as well, to be answered 503. `None` when there is
    /// no room even for that, or the server is being stopped: close it.
    pub fn accept(&mut self, now: Instant) -> Option<ConnId> {
        let room = self.config.limits.connections;
        if self.conns.len() >= room.saturating_add(self.config.limits.turned_away) || self.stopping.is_some() {
            return None;
        }
        // Connections that are gone have left their deadlines behind: with a new connection for each request, many.
        if self.timers.len() > 64 + 4 * self.conns.len() {
            let conns = &self.conns;
            self.timers.retain(|at, key| conns.get(key).is_some_and(|conn| conn.armed.is(at)));
        }
        let is_too_many = self.conns.len() >= room && !self.make_room(now);
        let key = self.conns.insert(Conn::new(now));
        if is_too_many {
            self.refuse(key, now, input::TOO_MANY);
        }
        self.arm(key);
        Some(ConnId(key))
    }

    /// Closes connections that wait for a next request, those that have waited longest, so that others can be taken in.
    /// False when there are none. For when the system has no more of what a connection needs; at the limit of
    /// connections it is done without being asked.
    pub fn make_room(&mut self, now: Instant) -> bool {
        self.evict(now)
    }

    /// Takes in bytes that the peer sent. All of them are used or kept; nothing has to be given again.
    pub fn received(&mut self, id: ConnId, now: Instant, bytes: &[u8]) {
        self.take_input(id.0, now, bytes);
        // A request that is over has left a deadline that may be later than that for the next one.
        self.arm(id.0);
        self.settle(now);
    }

    /// Whether more input of a connection can be taken in now. False while requests wait behind an answer that is not complete,
    /// or behind answers that are not sent, and there are many of them: leave them where they are until the connection comes up again
    /// ([`next_ready`](Self::next_ready)). Input that is given all the same is kept, up to a bound past which the
    /// connection is closed.
    pub fn wants_input(&self, id: ConnId) -> bool {
        let Some(conn) = self.conns.get(id.0) else { return true };
        !conn.may_hold_requests() || conn.input.len() < self.config.limits.head_bytes
    }

    /// The peer will send no more. A complete request is still answered; a stream ends, and over HTTP+SSE its session
    /// (R-SSE-37). A request that stands alone and is not answered yet is cancelled (R-ST-35).
    pub fn ended(&mut self, id: ConnId, now: Instant) {
        self.take_end(id.0, now);
        self.settle(now);
    }

    /// A connection that has something to send or is to be closed, until there is none. Each comes up once for any number of
    /// changes; one whose output could not be sent comes up again only by a change, or by the caller's own doing when
    /// there is room again.
    pub fn next_ready(&mut self) -> Option<ConnId> {
        while let Some(key) = self.ready.pop_front() {
            if let Some(conn) = self.conns.get_mut(key) {
                conn.ready = false;
                return Some(ConnId(key));
            }
        }
        None
    }

    /// What is to be sent next, as much as there is.
    pub fn output(&self, id: ConnId) -> &[u8] {
        self.conns.get(id.0).map_or(&[], Conn::unsent)
    }

    /// The first `count` bytes of the output were sent. To be called with 0 as well when the peer takes none: its time
    /// to read begins to run.
    pub fn sent(&mut self, id: ConnId, now: Instant, count: usize) {
        let Some(conn) = self.conns.get_mut(id.0) else { return };
        conn.note_sent(now, count, &mut self.buffers);
        let has_stalled = conn.stalled.is_some();
        let has_waited = conn.waits_for_room();
        self.count(id.0);
        if has_stalled {
            self.arm(id.0);
        }
        if has_waited {
            self.resumed.push_back(id.0);
            self.settle(now);
        }
    }

    /// What to do once the output was sent as far as it can be.
    pub fn next(&self, id: ConnId) -> Next {
        let Some(conn) = self.conns.get(id.0) else { return Next::Close };
        match conn.phase {
            Phase::Dead => Next::Close,
            _ if !conn.unsent().is_empty() => Next::Wait,
            Phase::Ending => Next::Close,
            Phase::Lingering { half_closed: false } => Next::HalfClose,
            _ => Next::Wait,
        }
    }

    /// The sending side was closed, as [`Next::HalfClose`] asks for.
    pub fn half_closed(&mut self, id: ConnId) {
        if let Some(Conn { phase: Phase::Lingering { half_closed }, .. }) = self.conns.get_mut(id.0) {
            *half_closed = true;
        }
    }

    /// The connection is gone, for whatever reason; so is an HTTP+SSE session whose stream it carried, and a request that
    /// stands alone.
    pub fn closed(&mut self, id: ConnId) {
        self.detach(id.0, self.latest);
        let Some(conn) = self.conns.remove(id.0) else { return };
        self.held -= conn.held();
        self.unsent -= conn.counted;
        self.buffers.give(conn.output);
    }

    /// When to call [`Engine::handle_timeouts`] at the latest. It may turn out that nothing was due.
    pub fn next_wake(&self) -> Option<Instant> {
        let due = [self.timers.next(), self.session_timers.next(), self.service.next_timeout(), self.stopping];
        due.into_iter().flatten().min()
    }

    /// Does what is due: comments on idle streams, answers to slow requests, ends of what took too long.
    pub fn handle_timeouts(&mut self, now: Instant) {
        self.give_up_overdue(now);
        self.fire(now);
        self.settle(now);
    }

    /// Sends some of what workers and deferred replies have to say, and says whether there may be more: then it is to be
    /// called again after what there is now was sent. To be called first after the waker of the service called.
    #[cfg(feature = "std")]
    pub fn deliver_replies(&mut self, now: Instant) -> bool {
        for _ in 0..MAIL_A_TURN {
            let Some(mail) = self.service.next_mail() else {
                // Changes wake the loop as well.
                self.settle(now);
                return false;
            };
            self.deliver(now, mail);
            self.settle(now);
        }
        true
    }

    /// Ends everything in order: connections between two requests at once, streams when their requests in flight are
    /// answered, all that is left after [`Timeouts::stop`](crate::config::Timeouts::stop).
    pub fn stop(&mut self, now: Instant) {
        self.begin_stop(now);
    }

    /// Whether a stop was asked for and the last connection is gone.
    pub fn is_stopped(&self) -> bool {
        self.stopping.is_some() && self.conns.len() == 0
    }

    /// Has every client told that wants to know of a change, as soon as the engine is next given something to do.
    pub fn announce(&self, change: Change<'static>) {
        self.service.announce(change);
    }

    /// What is offered, to be changed. Clients are told as soon as the engine is next given something to do.
    pub fn offers(&mut self) -> Offers<'_> {
        self.service.offers()
    }

    /// Sets how the owner of the loop is woken when another thread has done something for it: a worker or a deferred reply has
    /// something to say, or a change was announced. [`deliver_replies`](Self::deliver_replies) is then to be called until it
    /// gives false. `wake` is called on any thread, must not block or use the engine, and is not called again before that. Only the
    /// first one counts; without it the owner looks now and then while there are [`later_calls`](Self::later_calls).
    #[cfg(feature = "std")]
    pub fn wake_with(&mut self, wake: impl Fn() + Send + Sync + 'static) {
        self.service.wake_with(wake);
    }

    /// How many calls are carried out elsewhere: on workers, or by whoever has their deferred reply. While there are any,
    /// [`deliver_replies`](Self::deliver_replies) may have something to do at any time.
    #[cfg(feature = "std")]
    pub fn later_calls(&self) -> usize {
        self.service.later_calls()
    }

    /// How many connections are open.
    pub fn connections(&self) -> usize {
        self.conns.len()
    }

    /// How many sessions are open.
    pub fn sessions(&self) -> usize {
        self.sessions.len()
    }

    #[cfg_attr(not(feature = "std"), expect(dead_code, reason = "only the loop needs to reach the service"))]
    pub(crate) fn service_mut(&mut self) -> &mut Service {
        &mut self.service
    }

    /// What follows from anything that happened: to be done before the engine gives control back.
    fn settle(&mut self, now: Instant) {
        self.latest = now;
        self.tell_changes(now);
        self.resume_input(now);
        self.shed(now);
    }

    /// Puts a connection into the list of those to look after. To be called when its output has grown.
    fn touch(&mut self, key: Key) {
        self.count(key);
        if let Some(conn) = self.conns.get_mut(key)
            && !conn.ready
        {
            conn.ready = true;
            self.ready.push_back(key);
        }
    }

    /// Counts what waits on a connection now.
    fn count(&mut self, key: Key) {
        let Some(conn) = self.conns.get_mut(key) else { return };
        self.unsent = self.unsent - conn.counted + conn.output.len();
        conn.counted = conn.output.len();
    }
}
