//! The two pipes to a child process, with waits that have a bound (Unix).
//!
//! Reading is `poll` and `read`, writing is `write` alone as long as there is room: a call is three system calls on the
//! thread that makes it. Sockets in the place of the pipes would do with two, their timeouts being their own, but a byte through a
//! Unix socket takes longer than through a pipe by more than the third one costs, and some programs open `/dev/stdin`
//! anew, which a socket refuses.

use std::fs::File;
use std::io::{self, IoSlice, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::line::Came;

/// Ends all waits on the pipes of one child, once and for ever.
pub(super) struct Waker {
    /// Closing it is the signal: the other end then reports a hang-up to every `poll`.
    writer: Mutex<Option<PipeWriter>>,
    reader: PipeReader,
}

/// The end of a pipe that is read.
pub(super) struct Input {
    pipe: File,
    waker: Arc<Waker>,
}

/// The end of a pipe that is written.
pub(super) struct Output {
    /// Shared with a thread that is writing, so that closing never takes a descriptor away under it.
    pipe: Mutex<Option<Arc<File>>>,
    waker: Arc<Waker>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ready {
    Yes,
    NotYet,
    Woken,
}

impl Waker {
    pub(super) fn new() -> io::Result<Arc<Self>> {
        let (reader, writer) = io::pipe()?;
        Ok(Arc::new(Self { writer: Mutex::new(Some(writer)), reader }))
    }

    pub(super) fn wake(&self) {
        lock(&self.writer).take();
    }

    /// Waits until `pipe` is ready for `events`.
    fn wait(&self, pipe: &File, events: PollFlags, wait: Option<Duration>) -> io::Result<Ready> {
        let mut both = [PollFd::new(pipe.as_fd(), events), PollFd::new(self.reader.as_fd(), PollFlags::POLLIN)];
        match poll(&mut both, timeout(wait)) {
            Ok(0) | Err(Errno::EINTR) => Ok(Ready::NotYet),
            Ok(_) if both[1].any() == Some(true) => Ok(Ready::Woken),
            Ok(_) => Ok(Ready::Yes),
            Err(error) => Err(error.into()),
        }
    }
}

impl Input {
    pub(super) fn new(pipe: impl Into<OwnedFd>, waker: &Arc<Waker>) -> io::Result<Self> {
        Ok(Self { pipe: nonblocking(pipe)?, waker: Arc::clone(waker) })
    }

    /// Reads what is there, waiting for it; after [`Waker::wake`] it is at its end.
    pub(super) fn read(&self, room: &mut [u8], wait: Option<Duration>) -> io::Result<Came> {
        match self.waker.wait(&self.pipe, PollFlags::POLLIN, wait)? {
            Ready::Yes => self.read_now(room),
            Ready::NotYet => Ok(Came::Nothing),
            Ready::Woken => Ok(Came::End),
        }
    }

    /// Reads what is there.
    pub(super) fn read_now(&self, room: &mut [u8]) -> io::Result<Came> {
        match (&self.pipe).read(room) {
            Ok(0) => Ok(Came::End),
            Ok(n) => Ok(Came::Bytes(n)),
            Err(error) if is_early(&error) => Ok(Came::Nothing),
            Err(error) => Err(error),
        }
    }
}

impl Input {
    /// Reads what is there and forgets it, then waits a little for more, woken or not.
    pub(super) fn discard(&self, wait: Duration) {
        let mut room = [0; 4 << 10];
        let mut ready = [PollFd::new(self.pipe.as_fd(), PollFlags::POLLIN)];
        match poll(&mut ready, timeout(Some(wait))) {
            Ok(1..) if matches!(self.read_now(&mut room), Ok(Came::Bytes(_))) => {}
            Ok(0) => {}
            // Ready for ever, because it has ended.
            _ => std::thread::sleep(wait),
        }
    }
}

impl Output {
    pub(super) fn new(pipe: impl Into<OwnedFd>, waker: &Arc<Waker>) -> io::Result<Self> {
        Ok(Self { pipe: Mutex::new(Some(Arc::new(nonblocking(pipe)?))), waker: Arc::clone(waker) })
    }

    pub(super) fn write(&self, parts: &[IoSlice<'_>], wait: Option<Duration>) -> io::Result<usize> {
        let Some(pipe) = lock(&self.pipe).clone() else { return Err(io::ErrorKind::NotConnected.into()) };
        loop {
            match (&*pipe).write_vectored(parts) {
                Err(error) if is_early(&error) => {}
                done => return done,
            }
            match self.waker.wait(&pipe, PollFlags::POLLOUT, wait)? {
                Ready::Yes => {}
                Ready::NotYet => return Ok(0),
                Ready::Woken => return Err(io::ErrorKind::NotConnected.into()),
            }
        }
    }

    /// The peer sees the end of its input, as soon as nobody is writing any more.
    pub(super) fn close(&self) {
        lock(&self.pipe).take();
    }
}

/// Our ends are descriptions of their own: the child's stay blocking.
fn nonblocking(pipe: impl Into<OwnedFd>) -> io::Result<File> {
    let pipe = File::from(pipe.into());
    let flags = OFlag::from_bits_retain(fcntl(&pipe, FcntlArg::F_GETFL)?);
    fcntl(&pipe, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK))?;
    Ok(pipe)
}

/// In whole milliseconds, at least one: zero would not wait at all. A day at most; whoever waits for longer looks again.
fn timeout(wait: Option<Duration>) -> PollTimeout {
    const DAY: u128 = 24 * 60 * 60 * 1000;
    let Some(wait) = wait else { return PollTimeout::NONE };
    let millis = wait.as_micros().div_ceil(1000).clamp(1, DAY);
    i32::try_from(millis).ok().and_then(|millis| PollTimeout::try_from(millis).ok()).unwrap_or(PollTimeout::MAX)
}

fn is_early(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    #[test]
    fn a_timeout_is_rounded_up_and_has_an_end() {
        assert_eq!(timeout(None), PollTimeout::NONE);
        assert_eq!(timeout(Some(Duration::from_nanos(1))), PollTimeout::from(1u8));
        assert_eq!(timeout(Some(Duration::from_micros(1001))), PollTimeout::from(2u8));
        assert_eq!(timeout(Some(Duration::MAX)).as_millis(), Some(24 * 60 * 60 * 1000));
    }

    #[test]
    fn a_reader_and_a_writer_are_woken_wherever_they_wait() {
        let waker = Waker::new().unwrap();
        let (reader, _held) = io::pipe().unwrap();
        let (_unread, writer) = io::pipe().unwrap();
        let input = Input::new(reader, &waker).unwrap();
        let output = Output::new(writer, &waker).unwrap();
        thread::scope(|scope| {
            let read = scope.spawn(|| input.read(&mut [0; 16], None).unwrap());
            let written = scope.spawn(|| {
                let parts = [IoSlice::new(&[0; 1 << 16])];
                while output.write(&parts, None).is_ok() {}
            });
            waker.wake();
            assert_eq!(read.join().unwrap(), Came::End);
            written.join().unwrap();
        });
    }

    #[test]
    fn a_full_pipe_takes_a_part_and_then_nothing() {
        let waker = Waker::new().unwrap();
        let (_unread, writer) = io::pipe().unwrap();
        let output = Output::new(writer, &waker).unwrap();
        let large = vec![0; 1 << 21];
        let parts = [IoSlice::new(&large)];
        let first = output.write(&parts, Some(Duration::from_millis(1))).unwrap();
        assert!(first > 0 && first < large.len());
        assert_eq!(output.write(&parts, Some(Duration::from_millis(1))).unwrap(), 0);
    }

    // R-IO-34
    #[test]
    fn a_peer_that_closed_is_an_error_to_write_to_and_the_end_to_read_from() {
        let waker = Waker::new().unwrap();
        let (reader, writer) = io::pipe().unwrap();
        let output = Output::new(writer, &waker).unwrap();
        drop(reader);
        let error = output.write(&[IoSlice::new(b"x")], None).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
        let (reader, writer) = io::pipe().unwrap();
        let input = Input::new(reader, &waker).unwrap();
        drop(writer);
        assert_eq!(input.read(&mut [0; 4], None).unwrap(), Came::End);
    }
}
