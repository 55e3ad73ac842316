//! The socket below ureq: it can be shut down from another thread, keeps its own deadlines and writes a request at once.
//!
//! Against ureq's own transport:
//! * Output is gathered until an answer is awaited, so that head and body of a POST are one system call.
//! * Deadlines are those of the [exchange](super::exchange), not of ureq. The timeout of the socket itself is left alone
//!   while it is not later than the deadline: a read that wakes too early looks at the clock and sleeps again.
//! * A read that ran into a deadline may be repeated later; nothing is lost, with TLS on top as well.
//! * A write that fails is reported only when there is no answer to read either: a server may refuse a large body before it
//!   has read it, and close.
//! * The socket is registered with the agent before the first byte, so that `Agent::shutdown` ends whatever blocks on it:
//!   a read, a write or a TLS handshake. Opening a TCP connection cannot be interrupted without `unsafe`, so it is tried
//!   in slices with a look at the stop flag between them.
//!
//! Not here: proxies. A connection goes straight to the host of the URL.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use mcp_core::time::Instant;
use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, NextTimeout, ShutdownHandle, Transport};
use ureq::{Error, Timeout};

use super::buffers::IoBuffers;
use super::exchange::{self, Over};
use crate::clock;
use crate::insight::{Insight, Wire};

/// A connection that was idle for less than this is used again unseen. Servers keep idle connections for 5 s and more
/// (uvicorn and node: 5 s), so that a look, three system calls, pays only after a pause.
const TRUSTED_IDLE: Duration = Duration::from_secs(1);

/// How long one try to open a TCP connection may take before the stop flag is looked at. The kernel repeats its first packet
/// after a second; a try in slices does the same, from another port. A server that took longer once is given more.
const CONNECT_SLICE: Duration = Duration::from_millis(750);

/// The shortest timeout that is asked of the system; zero would mean for ever.
const SHORTEST: Duration = Duration::from_millis(1);

/// Opens TCP connections for ureq.
#[derive(Debug)]
pub(super) struct SocketConnector {
    timeout: Option<Duration>,
    /// Microseconds that the slowest connection took so far.
    slowest: AtomicU64,
    insight: Arc<Insight>,
}

impl SocketConnector {
    pub(super) fn new(timeout: Option<Duration>, insight: Arc<Insight>) -> Self {
        Self { timeout, slowest: AtomicU64::new(0), insight }
    }

    /// Tries one address after the other, all within the deadline of the exchange.
    fn connect_any(&self, addresses: &[SocketAddr]) -> Result<TcpStream, Error> {
        let slice = CONNECT_SLICE.max(Duration::from_micros(self.slowest.load(Ordering::Relaxed)) * 3);
        let mut failure = Error::HostNotFound;
        for (index, address) in addresses.iter().enumerate() {
            let (start, last) = (clock::now(), index + 1 == addresses.len());
            match connect_one(address, last, slice) {
                Ok(stream) => {
                    let took = clock::now().since(start).as_micros();
                    self.slowest.fetch_max(u64::try_from(took).unwrap_or(u64::MAX), Ordering::Relaxed);
                    return Ok(stream);
                }
                Err(error) => failure = error,
            }
            // Out of time altogether, not only with this address.
            exchange::left().map_err(over)?;
        }
        Err(failure)
    }
}

impl Connector<()> for SocketConnector {
    type Out = Socket;

    fn connect(&self, details: &ConnectionDetails<'_>, _: Option<()>) -> Result<Option<Socket>, Error> {
        exchange::connecting(self.timeout);
        let stream = Arc::new(self.connect_any(&details.addrs)?);
        stream.set_nodelay(true)?;
        // Two lines, because the coercion to a trait object needs a place of its own.
        let handle: Weak<TcpStream> = Arc::downgrade(&stream);
        let handle: Weak<dyn ShutdownHandle> = handle;
        (details.register_shutdown)(handle)?;
        Ok(Some(Socket::new(stream, details.needs_tls(), self.insight.wire())))
    }
}

/// Tries one address; unless it is the last, with half of the time that is left.
fn connect_one(address: &SocketAddr, last: bool, slice: Duration) -> Result<TcpStream, Error> {
    let Some(left) = exchange::left().map_err(over)? else { return Ok(TcpStream::connect(address)?) };
    let until = clock::now() + if last { left } else { left / 2 };
    let slice = if exchange::can_be_stopped() { slice } else { Duration::MAX };
    loop {
        let left = until.since(clock::now()).max(SHORTEST);
        match TcpStream::connect_timeout(address, left.min(slice)) {
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {}
            done => return Ok(done?),
        }
        exchange::check_stop().map_err(over)?;
        exchange::left().map_err(over)?;
        if until <= clock::now() {
            return Err(Error::Io(io::ErrorKind::TimedOut.into()));
        }
    }
}

/// A TCP connection with its buffers.
pub(super) struct Socket {
    /// Shared with the agent, which shuts it down.
    stream: Arc<TcpStream>,
    buffers: IoBuffers,
    /// What the socket's own timeouts are set to.
    read_timeout: Option<Duration>,
    write_timeout: Option<Duration>,
    last_used: Instant,
    tls: bool,
    /// Why nothing can be written any more.
    write_failed: Option<io::Error>,
    wire: Wire,
}

impl Socket {
    fn new(stream: Arc<TcpStream>, tls: bool, wire: Wire) -> Self {
        Self {
            stream,
            buffers: IoBuffers::default(),
            read_timeout: None,
            write_timeout: None,
            last_used: clock::now(),
            tls,
            write_failed: None,
            wire,
        }
    }

    /// Writes what was gathered.
    fn flush(&mut self) -> Result<(), Error> {
        let mut written = 0;
        while self.write_failed.is_none() && written < self.buffers.gathered().len() {
            let left = exchange::left().map_err(over)?;
            set_timeout(&mut self.write_timeout, left, |timeout| self.stream.set_write_timeout(timeout))?;
            match (&*self.stream).write(&self.buffers.gathered()[written..]) {
                Ok(0) => self.write_failed = Some(io::ErrorKind::WriteZero.into()),
                Ok(n) => {
                    written += n;
                    self.wire.sent(n);
                }
                Err(error) if is_early(&error) => {
                    exchange::check_stop().map_err(over)?;
                    raise_timeout(&mut self.write_timeout, left, |timeout| self.stream.set_write_timeout(timeout))?;
                }
                Err(error) => self.write_failed = Some(error),
            }
        }
        self.buffers.clear_output();
        Ok(())
    }

    /// Whether an idle connection still stands, asked without waiting.
    fn still_stands(&self) -> io::Result<bool> {
        if is_silent(&self.stream) {
            return Ok(true);
        }
        self.stream.set_nonblocking(true)?;
        let peeked = self.stream.peek(&mut [0]);
        self.stream.set_nonblocking(false)?;
        Ok(match peeked {
            Err(error) => error.kind() == io::ErrorKind::WouldBlock,
            Ok(0) => false,
            // Without TLS these are bytes that nobody asked for, such as a 408. With TLS they may be session tickets.
            Ok(_) => self.tls,
        })
    }
}

impl Transport for Socket {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, _: NextTimeout) -> Result<(), Error> {
        if self.buffers.gather(amount) { self.flush() } else { Ok(()) }
    }

    fn await_input(&mut self, _: NextTimeout) -> Result<bool, Error> {
        self.flush()?;
        loop {
            let left = exchange::left().map_err(over)?;
            set_timeout(&mut self.read_timeout, left, |timeout| self.stream.set_read_timeout(timeout))?;
            match (&*self.stream).read(self.buffers.read_room()?) {
                Ok(0) => return self.write_failed.take().map_or(Ok(false), |error| Err(Error::Io(error))),
                Ok(n) => {
                    self.buffers.read(n);
                    self.wire.received(n);
                    self.last_used = clock::now();
                    return Ok(true);
                }
                Err(error) if is_early(&error) => {
                    exchange::check_stop().map_err(over)?;
                    raise_timeout(&mut self.read_timeout, left, |timeout| self.stream.set_read_timeout(timeout))?;
                }
                Err(error) => return Err(Error::Io(self.write_failed.take().unwrap_or(error))),
            }
        }
    }

    fn is_open(&mut self) -> bool {
        let trusted = exchange::trusts_fresh_connections() && clock::now().since(self.last_used) < TRUSTED_IDLE;
        self.write_failed.is_none() && (trusted || self.still_stands().unwrap_or(false))
    }
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket").field("peer", &self.stream.peer_addr().ok()).finish_non_exhaustive()
    }
}

/// Whether there is nothing to read, not even the end; one system call, and the answer of nearly every idle connection.
#[cfg(unix)]
fn is_silent(stream: &TcpStream) -> bool {
    use std::os::fd::AsFd as _;

    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

    poll(&mut [PollFd::new(stream.as_fd(), PollFlags::POLLIN)], PollTimeout::ZERO) == Ok(0)
}

/// Not to be had with one call here.
#[cfg(not(unix))]
fn is_silent(_: &TcpStream) -> bool {
    false
}

/// Makes the socket wake up no later than `left` from now; a system call only when it would sleep longer.
fn set_timeout(
    current: &mut Option<Duration>,
    left: Option<Duration>,
    set: impl FnOnce(Option<Duration>) -> io::Result<()>,
) -> io::Result<()> {
    let Some(latest) = shortest(left, stop_check()) else { return Ok(()) };
    if current.is_some_and(|current| current <= latest) {
        return Ok(());
    }
    // Half of a long wait, so that the next call with the same deadline, a little less of it left, finds it fitting.
    let timeout = if latest > Duration::from_secs(1) { latest / 2 } else { latest.max(SHORTEST) };
    match set(Some(timeout)) {
        Ok(()) => *current = Some(timeout),
        // macOS refuses once the peer has closed with bytes of ours unread; its answer may still be there to read.
        Err(error) if cfg!(target_os = "macos") && error.kind() == io::ErrorKind::InvalidInput => {}
        Err(error) => return Err(error),
    }
    Ok(())
}

/// The socket woke up before the deadline: the next sleep may be longer.
fn raise_timeout(
    current: &mut Option<Duration>,
    left: Option<Duration>,
    set: impl FnOnce(Option<Duration>) -> io::Result<()>,
) -> io::Result<()> {
    let longest = shortest(left, stop_check());
    if *current != longest {
        // A deadline that was just looked at; the time since then only makes the next wake-up a little late.
        set(longest.map(|longest| longest.max(SHORTEST)))?;
        *current = longest;
    }
    Ok(())
}

fn stop_check() -> Option<Duration> {
    exchange::can_be_stopped().then_some(exchange::STOP_CHECK)
}

fn shortest(a: Option<Duration>, b: Option<Duration>) -> Option<Duration> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

/// The timeout of the socket passed (Unix and Windows name it differently), or a signal came.
fn is_early(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted)
}

/// ureq's word for it; which deadline it was stands in the outcome of the exchange.
fn over(_: Over) -> Error {
    Error::Timeout(Timeout::Global)
}

/// Ends the time for connecting and observes the connection above TLS.
#[derive(Debug)]
pub(super) struct Observer;

impl<In: Transport> Connector<In> for Observer {
    type Out = Observed<In>;

    fn connect(&self, _: &ConnectionDetails<'_>, chained: Option<In>) -> Result<Option<Observed<In>>, Error> {
        exchange::connected();
        Ok(chained.map(|inner| Observed { inner, used: false, idle: true }))
    }
}

/// A connection that tells the [exchange](super::exchange) how far it came.
#[derive(Debug)]
pub(super) struct Observed<T> {
    inner: T,
    used: bool,
    /// Nothing has been sent since the connection was opened or taken from the pool.
    idle: bool,
}

impl<T: Transport> Transport for Observed<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        if self.idle {
            self.idle = false;
            exchange::note(|progress| (progress.reused, progress.sent) = (self.used, true));
        }
        self.inner.transmit_output(amount, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        let came = self.inner.await_input(timeout)?;
        if came && !self.idle {
            self.idle = true;
            self.used = true;
            exchange::note(|progress| progress.answered = true);
        }
        Ok(came)
    }

    fn is_open(&mut self) -> bool {
        self.inner.is_open()
    }

    fn is_tls(&self) -> bool {
        self.inner.is_tls()
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener};

    use super::*;

    fn pair(tls: bool) -> (Socket, TcpStream) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (Socket::new(Arc::new(stream), tls, Arc::<Insight>::default().wire()), listener.accept().unwrap().0)
    }

    /// Waits until something has come, without taking it.
    fn await_arrival(socket: &Socket) {
        let _ = socket.stream.peek(&mut [0]);
    }

    #[test]
    fn an_idle_connection_stands_until_its_peer_closes_it_or_speaks_unasked() {
        let (socket, peer) = pair(false);
        assert!(socket.still_stands().unwrap());
        drop(peer);
        await_arrival(&socket);
        assert!(!socket.still_stands().unwrap());

        let (socket, mut peer) = pair(false);
        peer.write_all(b"HTTP/1.1 408 Request Timeout\r\n\r\n").unwrap();
        await_arrival(&socket);
        assert!(!socket.still_stands().unwrap());

        let (socket, mut peer) = pair(true);
        peer.write_all(b"a session ticket").unwrap();
        await_arrival(&socket);
        assert!(socket.still_stands().unwrap());
    }

    #[test]
    fn a_connection_that_cannot_be_written_is_still_read_and_not_kept() {
        let (mut socket, mut peer) = pair(false);
        peer.write_all(b"HTTP/1.1 413 Too Large\r\n\r\n").unwrap();
        socket.stream.shutdown(std::net::Shutdown::Write).unwrap();
        exchange::run(exchange::Bounds::default(), || {
            socket.buffers().output()[..4].copy_from_slice(b"body");
            socket.transmit_output(4, NextTimeout::default()).unwrap();
            assert!(socket.await_input(NextTimeout::default()).unwrap());
            assert!(socket.buffers().input().starts_with(b"HTTP/1.1 413"));
            assert!(!socket.is_open());
            drop(peer);
            let error = socket.await_input(NextTimeout::default()).unwrap_err();
            assert!(matches!(error, Error::Io(error) if error.kind() == io::ErrorKind::BrokenPipe));
        });
    }

    // Other systems refuse at once what the queue has no room for.
    #[cfg(target_os = "linux")]
    #[test]
    fn opening_a_connection_can_be_stopped_whichever_address_is_tried() {
        struct Stopped;
        impl exchange::Stop for Stopped {
            fn is_stopped(&self) -> bool {
                true
            }
        }
        // Nobody takes what is in its queue: once that is full, connections hang.
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let slice = Duration::from_millis(50);
        let mut queued = Vec::new();
        while let Ok(stream) = TcpStream::connect_timeout(&address, slice) {
            queued.push(stream);
        }
        for last in [true, false] {
            let cause = mcp_core::time::Cause::Call;
            let deadline = mcp_core::time::Deadline::after(clock::now(), Duration::from_secs(30), cause);
            let bounds = exchange::Bounds {
                deadline: Some(deadline),
                stop: Some(Arc::new(Stopped)),
                ..exchange::Bounds::default()
            };
            let (refused, outcome) = exchange::run(bounds, || connect_one(&address, last, slice));
            assert!(matches!(refused, Err(Error::Timeout(_))) && outcome.stopped, "last: {last}");
        }
    }

    #[test]
    fn the_sockets_timeout_is_set_only_when_it_is_too_long() {
        exchange::run(exchange::Bounds::default(), || {
            let mut current = None;
            let mut calls = Vec::new();
            for left in [60_000, 59_999, 30_000, 29_000, 100, 60_000] {
                set_timeout(&mut current, Some(Duration::from_millis(left)), |timeout| {
                    calls.push(timeout.unwrap().as_millis());
                    Ok(())
                })
                .unwrap();
            }
            assert_eq!(calls, [30_000, 14_500, 100]);
            raise_timeout(&mut current, Some(Duration::from_secs(60)), |_| Ok(())).unwrap();
            assert_eq!(current, Some(Duration::from_secs(60)), "too short a sleep is made longer when it ends early");
        });
    }
}
