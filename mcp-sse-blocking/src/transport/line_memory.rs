//! Two ends in one process: what is written to one is read from the other.
//!
//! For a server in the same program, in tests and for embedding. Each way has a buffer of bounded size; a writer waits for
//! room and a reader for bytes. A client on one end needs no thread for it, as its waits have deadlines here; the server on
//! the other end runs on a thread of the program's own.
//!
//! ```
//! use std::io::{BufRead, BufReader, Write};
//!
//! let (mut here, there) = mcp_sse_blocking::memory::pair();
//! let server = std::thread::spawn(move || {
//!     let mut writer = there.clone();
//!     for line in BufReader::new(there).lines() {
//!         writeln!(writer, "{} there", line?)?;
//!     }
//!     Ok::<(), std::io::Error>(())
//! });
//! writeln!(here, "hello")?;
//! let mut answer = String::new();
//! BufReader::new(here.clone()).read_line(&mut answer)?;
//! assert_eq!(answer, "hello there\n");
//! drop(here);
//! server.join().unwrap()?;
//! # Ok::<(), std::io::Error>(())
//! ```

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, IoSlice, Read, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::line::{Came, Duplex};

/// What one way holds. 64 KiB, as a pipe of the system does.
const CAPACITY: usize = 64 << 10;

/// Two ends that are connected to each other, with 64 KiB of room each way.
pub fn pair() -> (End, End) {
    let (one, other) = (Arc::new(Way::default()), Arc::new(Way::default()));
    let end = |input: &Arc<Way>, output: &Arc<Way>| End {
        side: Arc::new(Side { input: Arc::clone(input), output: Arc::clone(output) }),
    };
    (end(&one, &other), end(&other, &one))
}

/// One end of a [`pair`]. Clones are the same end: one may read while another writes.
///
/// When the last clone is dropped, the other end finds what was written before and then the end of its input, and can write
/// no more.
#[derive(Clone)]
pub struct End {
    side: Arc<Side>,
}

/// Closes both ways when dropped.
struct Side {
    input: Arc<Way>,
    output: Arc<Way>,
}

/// Bytes on their way in one direction.
#[derive(Default)]
struct Way {
    state: Mutex<State>,
    /// Notified when bytes came, when room came, and when it was closed. Only one thread waits at a time as a rule: a reader
    /// when it is empty, a writer when it is full.
    changed: Condvar,
}

#[derive(Default)]
struct State {
    bytes: VecDeque<u8>,
    /// Nobody writes any more.
    ended: bool,
    /// Nobody reads any more.
    unread: bool,
}

impl End {
    /// Closes this end, whoever else has a clone of it. Whoever waits in a read or write at it finds it closed, too.
    pub fn close(&self) {
        self.side.close();
    }
}

impl Side {
    fn close(&self) {
        self.output.change(|state| state.ended = true);
        self.input.change(|state| (state.unread, state.ended, state.bytes) = (true, true, VecDeque::new()));
    }
}

impl Drop for Side {
    fn drop(&mut self) {
        self.close();
    }
}

impl Way {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state());
        self.changed.notify_all();
    }

    /// Waits until `look` finds something, up to `wait`.
    fn wait_for<T>(&self, wait: Option<Duration>, mut look: impl FnMut(&mut State) -> Option<T>) -> Option<T> {
        let until = wait.and_then(|wait| Instant::now().checked_add(wait));
        let mut state = self.state();
        loop {
            if let Some(found) = look(&mut state) {
                drop(state);
                self.changed.notify_all();
                return Some(found);
            }
            state = match until.map(|until| until.saturating_duration_since(Instant::now())) {
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(Duration::ZERO) => return None,
                Some(left) => self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0,
            };
        }
    }

    fn read(&self, room: &mut [u8], wait: Option<Duration>) -> Came {
        let came = self.wait_for(wait, |state| match state.bytes.read(room) {
            Ok(n) if n > 0 => {
                if state.bytes.is_empty() && state.bytes.capacity() > CAPACITY {
                    state.bytes = VecDeque::new();
                }
                Some(Came::Bytes(n))
            }
            _ => state.ended.then_some(Came::End),
        });
        came.unwrap_or(Came::Nothing)
    }

    fn write(&self, parts: &[IoSlice<'_>], wait: Option<Duration>) -> io::Result<usize> {
        let wrote = self.wait_for(wait, |state| {
            if state.unread || state.ended {
                return Some(Err(io::ErrorKind::BrokenPipe.into()));
            }
            let mut wrote = 0;
            for part in parts {
                let n = part.len().min(CAPACITY - state.bytes.len());
                state.bytes.extend(&part[..n]);
                wrote += n;
            }
            (wrote > 0).then_some(Ok(wrote))
        });
        wrote.unwrap_or(Ok(0))
    }
}

impl Read for End {
    /// Waits for bytes; 0 once the other end is closed and all was read.
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        if room.is_empty() {
            return Ok(0);
        }
        match self.side.input.read(room, None) {
            Came::Bytes(n) => Ok(n),
            Came::Nothing | Came::End => Ok(0),
        }
    }
}

impl Write for End {
    /// Waits for room.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.is_empty() { Ok(0) } else { self.side.output.write(&[IoSlice::new(bytes)], None) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Duplex for End {
    fn write(&self, parts: &[IoSlice<'_>], wait: Option<Duration>) -> io::Result<usize> {
        self.side.output.write(parts, wait)
    }

    fn read(&self, room: &mut [u8], wait: Option<Duration>) -> io::Result<Came> {
        Ok(self.side.input.read(room, wait))
    }

    fn shut_down(&self) {
        self.close();
    }

    fn place(&self) -> String {
        "a server in this process".into()
    }
}

impl fmt::Debug for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("End").finish_non_exhaustive()
    }
}
