//! The one loop: sockets and readiness, bytes between them and the engine. Nothing is decided here.
//!
//! One thread serves all connections. Sockets are non-blocking, registered once for both directions and edge-triggered;
//! a read that returns less than was asked for has emptied the socket, so no second one is made to be told so
//! ([`SHORT_IS_ALL`]). An event or an answer is one write, made in the turn that produced it. A `tools/call` costs a
//! read, two writes and its share of a poll.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, ToSocketAddrs};
use std::time::{Duration, Instant as Clock};

use mcp_core::time::Instant;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token, Waker};

use crate::engine::{ConnId, Engine, Next};
use crate::error::Error;
use crate::handle::Handle;
use crate::server::Server;

const LISTENER: Token = Token(usize::MAX);
const WAKER: Token = Token(usize::MAX - 1);

/// Bytes of one read. 64 KiB: a head and a usual body many times over; one buffer serves all connections.
const READ_BYTES: usize = 64 * 1024;
/// Reads of one connection in one turn, so that a peer that sends without end does not keep the others waiting.
const READS_A_TURN: usize = 4;
/// Connections taken in in one turn, for the same reason.
const ACCEPTS_A_TURN: usize = 64;
/// How long no connections are taken in when the system has no more files for them; one that closes ends it as well.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Whether a read or a write that does less than was asked for says that there is no more to read or no more room, and
/// the system will tell when that changes. So it is with epoll and kqueue. Elsewhere `mio` tells only after an attempt that would
/// have blocked.
const SHORT_IS_ALL: bool = cfg!(any(
    target_os = "linux",
    target_os = "android",
    target_os = "freebsd",
    target_os = "netbsd",
    target_os = "openbsd",
    target_vendor = "apple",
));

/// A server that listens. [`Bound::run`] serves until it is stopped; who owns a loop calls [`Bound::turn`] instead.
#[derive(Debug)]
pub struct Bound {
    engine: Engine,
    poll: Poll,
    events: Events,
    listener: Option<TcpListener>,
    address: SocketAddr,
    /// By [`ConnId::index`].
    sockets: Vec<Option<Socket>>,
    scratch: Vec<u8>,
    /// Connections that had more to read than one turn allows, each once.
    unread: Vec<ConnId>,
    /// Whether the listener may have more connections; until when it is left alone.
    accepting: bool,
    accept_after: Option<Clock>,
    accept_failed: bool,
    origin: Clock,
    handle: Handle,
    /// Whether workers and deferred replies may have something to say.
    has_mail: bool,
    /// Whether the engine was told to stop.
    stopping: bool,
}

#[derive(Debug)]
struct Socket {
    id: ConnId,
    stream: TcpStream,
    /// Whether it is in [`Bound::unread`]: its turn comes there, whatever is heard of it meanwhile.
    unread: bool,
    /// Whether it may have more to read than the engine wanted.
    paused: bool,
}

impl Server {
    /// Listens at `port` of this machine alone, 127.0.0.1; 0 lets the system choose (R-SSE-6, R-SEC-4).
    ///
    /// # Errors
    ///
    /// As [`Server::bind`].
    pub fn bind_local(self, port: u16) -> Result<Bound, Error> {
        self.bind((Ipv4Addr::LOCALHOST, port))
    }

    /// Listens at `address`; the first that works of several. Only loopback addresses should be used without thought:
    /// on others every host name is served until [`Server::allow_host`] names some, and everybody who reaches it unless
    /// [`Server::bearer`] is set. A line in the log says so.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] for a setting that cannot work, [`Error::Io`] when nothing can listen there.
    pub fn bind(self, address: impl ToSocketAddrs) -> Result<Bound, Error> {
        let mut refused = io::Error::new(io::ErrorKind::InvalidInput, "the address names no socket address");
        for address in address.to_socket_addrs()? {
            match TcpListener::bind(address) {
                Ok(listener) => return Bound::new(self, listener),
                Err(error) => refused = error,
            }
        }
        Err(refused.into())
    }
}

impl Bound {
    fn new(server: Server, mut listener: TcpListener) -> Result<Self, Error> {
        let address = listener.local_addr()?;
        if !address.ip().is_loopback() && server.config.bearer_tokens.is_empty() {
            log::warn!("whoever reaches this server can use it: it is not on loopback and `bearer` is not set");
        }
        let entropy = |secret: &mut [u8; 16]| getrandom::fill(secret).is_ok();
        let mut engine = server.engine_at(address.ip(), Box::new(entropy))?;
        let poll = Poll::new()?;
        poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
        let handle = Handle::new(Waker::new(poll.registry(), WAKER)?, engine.service_mut().notifier());
        engine.service_mut().wake_with(handle.waker());
        log::info!("listening on port {}", address.port());
        Ok(Self {
            engine,
            poll,
            events: Events::with_capacity(256),
            listener: Some(listener),
            address,
            sockets: Vec::new(),
            scratch: vec![0; READ_BYTES],
            unread: Vec::new(),
            accepting: false,
            accept_after: None,
            accept_failed: false,
            origin: Clock::now(),
            handle,
            has_mail: false,
            stopping: false,
        })
    }

    /// Where it listens: with the port that the system chose if 0 was asked for.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// What stops it from another thread.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// How many sessions are open.
    pub fn sessions(&self) -> usize {
        self.engine.sessions()
    }

    /// How many connections are open.
    pub fn connections(&self) -> usize {
        self.engine.connections()
    }

    /// Serves on this thread until [`Handle::stop`] is called and the last stream has ended.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when the system's readiness interface fails. What happens on single connections never ends the run.
    pub fn run(mut self) -> Result<(), Error> {
        while !self.is_stopped() {
            self.turn(None)?;
        }
        Ok(())
    }

    /// Whether it was stopped and the last connection is gone.
    pub fn is_stopped(&self) -> bool {
        self.engine.is_stopped()
    }

    /// Waits until something happens, for `timeout` at most (`None`: as long as it takes), and serves what happened. For
    /// who owns the loop; a timeout of zero never waits.
    ///
    /// # Errors
    ///
    /// As [`Bound::run`].
    pub fn turn(&mut self, timeout: Option<Duration>) -> Result<(), Error> {
        let patience = self.patience(timeout);
        match self.poll.poll(&mut self.events, patience) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error.into()),
            Err(_) => self.events.clear(),
            Ok(()) => {}
        }
        let now = self.now();
        // Streams are looked at before connections are taken in: an event can then never mean a successor of its socket.
        self.serve_unread(now);
        let events = std::mem::replace(&mut self.events, Events::with_capacity(0));
        for event in &events {
            // Again for each: a handler may have taken its time.
            let now = self.now();
            match event.token() {
                LISTENER => self.accepting = true,
                WAKER => self.has_mail = true,
                Token(index) => {
                    let Some(Some(&Socket { id, unread, .. })) = self.sockets.get(index).map(Option::as_ref) else {
                        continue;
                    };
                    if event.is_writable() && !self.engine.output(id).is_empty() {
                        self.flush(id, now);
                    }
                    if !unread && (event.is_readable() || event.is_read_closed() || event.is_error()) {
                        // A hang-up may lie behind what was sent before it: then short reads prove nothing.
                        self.read(id, now, event.is_read_closed() || event.is_error());
                    }
                    self.flush_ready(now);
                }
            }
        }
        self.events = events;
        if self.has_mail {
            self.has_mail = self.engine.deliver_replies(self.now());
        }
        if self.handle.is_stopping() && !self.stopping {
            self.stop(now);
        }
        self.engine.handle_timeouts(now);
        self.flush_ready(now);
        self.accept(now);
        Ok(())
    }

    fn now(&self) -> Instant {
        Instant::from_elapsed(self.origin.elapsed())
    }

    /// How long to wait: for the caller's timeout, the engine's next deadline, the end of a pause.
    fn patience(&self, timeout: Option<Duration>) -> Option<Duration> {
        let can_accept = self.accepting && self.accept_after.is_none();
        let has_to_stop = self.handle.is_stopping() && !self.stopping;
        if !self.unread.is_empty() || self.has_mail || can_accept || has_to_stop {
            return Some(Duration::ZERO);
        }
        let due = self.engine.next_wake().map(|at| at.since(self.now()));
        let pause = self.accept_after.map(|at| at.saturating_duration_since(Clock::now()));
        // The system waits in whole milliseconds and would otherwise wake a moment too early, to wait for nothing.
        let due = [due, pause].into_iter().flatten().min().map(|wait| wait + Duration::from_millis(1));
        [due, timeout].into_iter().flatten().min()
    }

    fn serve_unread(&mut self, now: Instant) {
        for id in std::mem::take(&mut self.unread) {
            if let Some(Some(socket)) = self.sockets.get_mut(id.index())
                && socket.id == id
            {
                socket.unread = false;
                self.read(id, now, true);
                self.flush_ready(now);
            }
        }
    }

    /// Reads what there is. `to_end`: until the system says that there is no more.
    fn read(&mut self, id: ConnId, now: Instant, to_end: bool) {
        for _ in 0..READS_A_TURN {
            let Some(Some(socket)) = self.sockets.get_mut(id.index()) else { return };
            socket.paused = !self.engine.wants_input(id);
            if socket.paused {
                // What lies before a hang-up will not be answered any more.
                if to_end {
                    self.engine.ended(id, now);
                }
                return;
            }
            match socket.stream.read(&mut self.scratch) {
                Ok(0) => return self.engine.ended(id, now),
                Ok(n) => {
                    self.engine.received(id, now, &self.scratch[..n]);
                    if SHORT_IS_ALL && n < self.scratch.len() && !to_end {
                        return;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return self.close(id),
            }
        }
        let Some(Some(socket)) = self.sockets.get_mut(id.index()) else { return };
        socket.unread = true;
        self.unread.push(id);
    }

    fn flush_ready(&mut self, now: Instant) {
        while let Some(id) = self.engine.next_ready() {
            self.flush(id, now);
        }
    }

    /// Sends what there is and does what comes after it.
    fn flush(&mut self, id: ConnId, now: Instant) {
        let Some(Some(socket)) = self.sockets.get_mut(id.index()) else { return };
        loop {
            let output = self.engine.output(id);
            if output.is_empty() {
                break;
            }
            let wanted = output.len();
            match socket.stream.write(output) {
                Ok(n) => {
                    self.engine.sent(id, now, n);
                    if SHORT_IS_ALL && n < wanted {
                        break;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.engine.sent(id, now, 0);
                    break;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return self.close(id),
            }
        }
        match self.engine.next(id) {
            Next::Wait if socket.paused && self.engine.wants_input(id) => {
                (socket.paused, socket.unread) = (false, true);
                self.unread.push(id);
            }
            Next::Wait => {}
            Next::HalfClose => {
                let closed = socket.stream.shutdown(Shutdown::Write);
                self.engine.half_closed(id);
                if closed.is_err() {
                    self.close(id);
                }
            }
            Next::Close => self.close(id),
        }
    }

    fn close(&mut self, id: ConnId) {
        if let Some(slot) = self.sockets.get_mut(id.index()) {
            // Closing the socket takes it out of the poll as well.
            *slot = None;
        }
        self.engine.closed(id);
        self.accept_after = None;
    }

    fn accept(&mut self, now: Instant) {
        if !self.accepting || self.accept_after.is_some_and(|at| at > Clock::now()) {
            return;
        }
        self.accept_after = None;
        for _ in 0..ACCEPTS_A_TURN {
            let Some(listener) = &self.listener else { return };
            match listener.accept() {
                Ok((stream, _)) => {
                    self.accept_failed = false;
                    self.take_in(stream, now);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.accepting = false;
                    return;
                }
                // The peer went away while it waited.
                Err(error) if matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::Interrupted) => {
                }
                // Too many open files, usually.
                Err(_) if self.engine.make_room(now) => self.flush_ready(now),
                Err(error) => {
                    // The connection stays in the queue: trying at once would spin. Said
                    // once for a row of failures.
                    if !std::mem::replace(&mut self.accept_failed, true) {
                        log::warn!("no connection can be taken in: {error}");
                    }
                    self.accept_after = Some(Clock::now() + ACCEPT_PAUSE);
                    return;
                }
            }
        }
    }

    fn take_in(&mut self, mut stream: TcpStream, now: Instant) {
        // Without this an event waits for the acknowledgement of the one before, up to 44 ms.
        if stream.set_nodelay(true).is_err() {
            return;
        }
        let Some(id) = self.engine.accept(now) else {
            log::debug!("a connection closed: there are more than `limits.connections` allows");
            return;
        };
        let token = Token(id.index());
        if self.poll.registry().register(&mut stream, token, Interest::READABLE | Interest::WRITABLE).is_err() {
            return self.engine.closed(id);
        }
        if self.sockets.len() <= id.index() {
            self.sockets.resize_with(id.index() + 1, || None);
        }
        self.sockets[id.index()] = Some(Socket { id, stream, unread: false, paused: false });
        self.flush_ready(now);
    }

    fn stop(&mut self, now: Instant) {
        log::info!("stopping");
        self.stopping = true;
        self.accepting = false;
        // A pause that nobody ends would wake the loop all the time.
        self.accept_after = None;
        // Closing the listener refuses whoever still comes.
        self.listener = None;
        self.engine.stop(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_that_sends_without_end_gets_no_more_turns_the_longer_it_does() {
        let mut bound = Server::new("test", "1").bind_local(0).unwrap();
        let mut peer = std::net::TcpStream::connect(bound.local_addr()).unwrap();
        peer.set_nonblocking(true).unwrap();
        // A body that nobody wants, in chunks of a megabyte: reading it is nearly all there is to do.
        peer.write_all(b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n").unwrap();
        let chunk = [b"100000\r\n".as_slice(), &[b'x'; 1 << 20], b"\r\n"].concat();
        let mut sent = 0;
        let mut behind = 0;
        for _ in 0..100 {
            // More than one turn reads, as far as there is room: the system then tells of new bytes each time.
            while let Ok(n) = peer.write(&chunk[sent..]) {
                sent = (sent + n) % chunk.len();
            }
            bound.turn(Some(Duration::from_millis(10))).unwrap();
            behind = behind.max(bound.unread.len());
            assert!(behind <= 1, "{behind} turns for one connection");
        }
        assert_eq!(behind, 1, "it had more to read than one turn allows");
    }
}
