//! An open socket: it can be shut down from another thread, and keeps its own deadlines.
//!
//! Against ureq's own transport:
//! * Deadlines are those of the [exchange](super::exchange), not of ureq. The timeout of the socket itself is left alone
//!   while it is not later than the deadline: a read that wakes too early looks at the clock and sleeps again.
//! * A read that ran into a deadline may be repeated later; nothing is lost, with TLS on top as well.
//! * A write that fails is reported only when there is no answer to read either: a server may refuse a large body before it
//!   has read it, and close.
//!
//! The socket is registered with the agent before the first byte, so that shutting the agent down ends whatever blocks on it:
//! a read, a write or a TLS handshake.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use super::exchange;
use super::stream::{Idle, Stream};
use crate::insight::Wire;

/// The shortest timeout that is asked of the system; zero would mean for ever.
const SHORTEST: Duration = Duration::from_millis(1);

/// A TCP connection.
pub(super) struct Socket {
    /// Shared with the agent, which shuts it down.
    stream: Arc<TcpStream>,
    /// What the socket's own timeouts are set to.
    read_timeout: Option<Duration>,
    write_timeout: Option<Duration>,
    /// Why nothing can be written any more.
    write_failed: Option<io::Error>,
    wire: Wire,
}

impl Socket {
    pub(super) fn new(stream: Arc<TcpStream>, wire: Wire) -> Self {
        Self { stream, read_timeout: None, write_timeout: None, write_failed: None, wire }
    }

    /// What a look without waiting finds.
    fn look(&self) -> io::Result<Idle> {
        if is_silent(&self.stream) {
            return Ok(Idle::Silent);
        }
        self.stream.set_nonblocking(true)?;
        let peeked = self.stream.peek(&mut [0]);
        self.stream.set_nonblocking(false)?;
        Ok(match peeked {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Idle::Silent,
            Err(_) | Ok(0) => Idle::Gone,
            Ok(_) => Idle::Spoke,
        })
    }
}

impl Stream for Socket {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let left = exchange::left()?;
            set_timeout(&mut self.read_timeout, left, |timeout| self.stream.set_read_timeout(timeout))?;
            match (&*self.stream).read(into) {
                Ok(0) => return self.write_failed.take().map_or(Ok(0), Err),
                Ok(n) => {
                    self.wire.received(n);
                    return Ok(n);
                }
                Err(error) if is_early(&error) => {
                    exchange::check_stop()?;
                    raise_timeout(&mut self.read_timeout, left, |timeout| self.stream.set_read_timeout(timeout))?;
                }
                Err(error) => return Err(self.write_failed.take().unwrap_or(error)),
            }
        }
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut written = 0;
        while self.write_failed.is_none() && written < bytes.len() {
            let left = exchange::left()?;
            set_timeout(&mut self.write_timeout, left, |timeout| self.stream.set_write_timeout(timeout))?;
            match (&*self.stream).write(&bytes[written..]) {
                Ok(0) => self.write_failed = Some(io::ErrorKind::WriteZero.into()),
                Ok(n) => {
                    written += n;
                    self.wire.sent(n);
                    exchange::note_written();
                }
                Err(error) if is_early(&error) => {
                    exchange::check_stop()?;
                    raise_timeout(&mut self.write_timeout, left, |timeout| self.stream.set_write_timeout(timeout))?;
                }
                Err(error) => self.write_failed = Some(error),
            }
        }
        Ok(())
    }

    fn idle(&mut self) -> Idle {
        if self.write_failed.is_some() { Idle::Gone } else { self.look().unwrap_or(Idle::Gone) }
    }

    fn is_writable(&self) -> bool {
        self.write_failed.is_none()
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

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener};

    use super::*;

    fn pair() -> (Socket, TcpStream) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (Socket::new(Arc::new(stream), Wire::default()), listener.accept().unwrap().0)
    }

    /// Waits until something has come, without taking it.
    fn await_arrival(socket: &Socket) {
        let _ = socket.stream.peek(&mut [0]);
    }

    #[test]
    fn an_idle_socket_tells_silence_from_words_and_from_the_end() {
        let (mut socket, peer) = pair();
        assert_eq!(socket.idle(), Idle::Silent);
        drop(peer);
        await_arrival(&socket);
        assert_eq!(socket.idle(), Idle::Gone);

        let (mut socket, mut peer) = pair();
        peer.write_all(b"HTTP/1.1 408 Request Timeout\r\n\r\n").unwrap();
        await_arrival(&socket);
        assert_eq!(socket.idle(), Idle::Spoke);
    }

    #[test]
    fn a_socket_that_cannot_be_written_is_still_read_and_not_kept() {
        let (mut socket, mut peer) = pair();
        peer.write_all(b"HTTP/1.1 413 Too Large\r\n\r\n").unwrap();
        socket.stream.shutdown(std::net::Shutdown::Write).unwrap();
        exchange::run(exchange::Bounds::default(), || {
            socket.write_all(b"body").unwrap();
            let mut answer = [0; 64];
            assert!(socket.read(&mut answer).unwrap() > 0);
            assert!(answer.starts_with(b"HTTP/1.1 413"));
            assert_eq!(socket.idle(), Idle::Gone);
            drop(peer);
            // Whatever the system calls it.
            let why = (&*socket.stream).write(b"body").unwrap_err();
            assert_eq!(socket.read(&mut answer).unwrap_err().kind(), why.kind());
        });
    }

    #[test]
    fn a_request_is_sent_once_bytes_of_it_have_left_and_not_before() {
        let sent = |peer_is_gone: bool, begun: bool| {
            let (mut socket, mut peer) = pair();
            if peer_is_gone {
                // What it closes with bytes unread is reset, and takes none.
                (&*socket.stream).write_all(b"unread").unwrap();
                peer.read_exact(&mut [0]).unwrap();
                drop(peer);
                await_arrival(&socket);
            }
            let ((), outcome) = exchange::run(exchange::Bounds::default(), || {
                exchange::note(|progress| progress.begun = begun);
                socket.write_all(b"POST").unwrap();
            });
            assert_eq!(socket.is_writable(), !peer_is_gone);
            outcome.progress.sent
        };
        assert!(sent(false, true));
        assert!(!sent(true, true), "nobody can have read it");
        assert!(!sent(false, false), "a handshake is no request");
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
