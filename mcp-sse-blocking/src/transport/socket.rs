//! The socket below ureq: it can be shut down from another thread, keeps its own deadlines and writes a request at once.
//!
//! Against ureq's own transport:
//! * Output is gathered until an answer is awaited, so that head and body of a POST are one system call.
//! * Deadlines are those of the [exchange](super::exchange), not of ureq. The timeout of the socket itself is left alone
//!   while it is not later than the deadline: a read that wakes too early looks at the clock and sleeps again.
//! * A read that ran into a deadline may be repeated later; nothing is lost, with TLS on top as well.
//! * The socket is registered with the agent before the first byte, so that `Agent::shutdown` ends whatever blocks on it:
//!   a read, a write or a TLS handshake. Opening a TCP connection cannot be interrupted without `unsafe`, so it is tried
//!   in slices with a look at the stop flag between them.
//!
//! Not here: proxies. A connection goes straight to the host of the URL.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Weak};
use std::time::Duration;

use mcp_core::time::Instant;
use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, NextTimeout, ShutdownHandle, Transport};
use ureq::{Error, Timeout};

use super::buffers::IoBuffers;
use super::exchange::{self, Over};
use crate::clock;

/// A connection that was idle for less than this is used again unseen. Servers keep idle connections for 5 s and more
/// (uvicorn and node: 5 s), so that a look, three system calls, pays only after a pause.
const TRUSTED_IDLE: Duration = Duration::from_secs(1);

/// How long one try to open a TCP connection may take before the stop flag is looked at, once the server is known to
/// answer. The kernel repeats its first packet after a second; a try in slices does the same, from another port.
const CONNECT_SLICE: Duration = Duration::from_millis(750);

/// The shortest timeout that is asked of the system; zero would mean for ever.
const SHORTEST: Duration = Duration::from_millis(1);

/// Opens TCP connections for ureq.
#[derive(Debug)]
pub(super) struct SocketConnector {
    pub(super) connect_timeout: Option<Duration>,
}

impl Connector<()> for SocketConnector {
    type Out = Socket;

    fn connect(&self, details: &ConnectionDetails<'_>, _: Option<()>) -> Result<Option<Socket>, Error> {
        exchange::connecting(self.connect_timeout);
        let stream = Arc::new(connect_any(&details.addrs)?);
        stream.set_nodelay(true)?;
        // Two lines, because the coercion to a trait object needs a place of its own.
        let handle: Weak<TcpStream> = Arc::downgrade(&stream);
        let handle: Weak<dyn ShutdownHandle> = handle;
        (details.register_shutdown)(handle)?;
        Ok(Some(Socket {
            stream,
            buffers: IoBuffers::default(),
            read_timeout: None,
            write_timeout: None,
            last_used: clock::now(),
            tls: details.needs_tls(),
        }))
    }
}

/// Tries one address after the other, all within the deadline of the exchange.
fn connect_any(addresses: &[SocketAddr]) -> Result<TcpStream, Error> {
    let mut failure = Error::HostNotFound;
    for (index, address) in addresses.iter().enumerate() {
        let last = index + 1 == addresses.len();
        match connect_one(address, last) {
            Ok(stream) => return Ok(stream),
            Err(error) => failure = error,
        }
        // Out of time altogether, not only with this address.
        exchange::left().map_err(over)?;
    }
    Err(failure)
}

/// Tries one address; unless it is the last, with half of the time that is left.
fn connect_one(address: &SocketAddr, last: bool) -> Result<TcpStream, Error> {
    let Some(mut left) = exchange::left().map_err(over)? else { return Ok(TcpStream::connect(address)?) };
    if !last {
        return Ok(TcpStream::connect_timeout(address, (left / 2).max(SHORTEST))?);
    }
    let slice = if exchange::can_be_stopped() { CONNECT_SLICE } else { Duration::MAX };
    loop {
        match TcpStream::connect_timeout(address, left.min(slice)) {
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {}
            done => return Ok(done?),
        }
        exchange::check_stop().map_err(over)?;
        left = exchange::left().map_err(over)?.unwrap_or(slice).max(SHORTEST);
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
}

impl Socket {
    /// Writes what was gathered.
    fn flush(&mut self) -> Result<(), Error> {
        let mut written = 0;
        while written < self.buffers.gathered().len() {
            let left = exchange::left().map_err(over)?;
            set_timeout(&mut self.write_timeout, left, |timeout| self.stream.set_write_timeout(timeout))?;
            match (&*self.stream).write(&self.buffers.gathered()[written..]) {
                Ok(0) => return Err(Error::Io(io::ErrorKind::WriteZero.into())),
                Ok(n) => written += n,
                Err(error) if is_early(&error) => {
                    exchange::check_stop().map_err(over)?;
                    raise_timeout(&mut self.write_timeout, left, |timeout| self.stream.set_write_timeout(timeout))?;
                }
                Err(error) => {
                    self.buffers.clear_output();
                    return Err(Error::Io(error));
                }
            }
        }
        self.buffers.clear_output();
        Ok(())
    }

    /// Whether an idle connection still stands, asked without waiting.
    fn still_stands(&self) -> io::Result<bool> {
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
                Ok(n) => {
                    self.buffers.read(n);
                    self.last_used = clock::now();
                    return Ok(n > 0);
                }
                Err(error) if is_early(&error) => {
                    exchange::check_stop().map_err(over)?;
                    raise_timeout(&mut self.read_timeout, left, |timeout| self.stream.set_read_timeout(timeout))?;
                }
                Err(error) => return Err(Error::Io(error)),
            }
        }
    }

    fn is_open(&mut self) -> bool {
        clock::now().since(self.last_used) < TRUSTED_IDLE || self.still_stands().unwrap_or(false)
    }
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket").field("peer", &self.stream.peer_addr().ok()).finish_non_exhaustive()
    }
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
    set(Some(timeout))?;
    *current = Some(timeout);
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
    use super::*;

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
