//! A server that is bytes in, bytes out, in the same process and without a thread: it runs on whichever thread writes to it.

use std::io::{self, IoSlice};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::line::{Came, Duplex};

/// How often a server that has said nothing is asked whether it has something to say by now: work that it does elsewhere may be
/// done.
const ASK: Duration = Duration::from_millis(10);

/// Takes the bytes of its client, none when it is only asked, and appends what it has to say.
pub(crate) type Step = Box<dyn FnMut(&[u8], &mut Vec<u8>) + Send>;

/// A server around which a client is.
pub(crate) struct Direct {
    /// Gone once it was shut down.
    step: Mutex<Option<Step>>,
    inbox: Mutex<Inbox>,
    changed: Condvar,
}

#[derive(Default)]
struct Inbox {
    bytes: Vec<u8>,
    /// So many of them were read.
    read: usize,
    closed: bool,
}

impl Direct {
    pub(crate) fn new(step: Step) -> Self {
        Self { step: Mutex::new(Some(step)), inbox: Mutex::default(), changed: Condvar::new() }
    }

    fn inbox(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives the server something to read and takes what it writes. False when there is none any more.
    fn step(&self, input: &[&[u8]]) -> bool {
        // A server that panics is gone: the lock is poisoned then, and stays so.
        let Ok(mut step) = self.step.lock() else { return false };
        let Some(step) = &mut *step else { return false };
        let mut output = Vec::new();
        for part in input {
            step(part, &mut output);
        }
        if !output.is_empty() {
            let mut inbox = self.inbox();
            if inbox.bytes.is_empty() {
                inbox.bytes = output;
            } else {
                inbox.bytes.extend_from_slice(&output);
            }
            drop(inbox);
            self.changed.notify_all();
        }
        true
    }
}

impl Duplex for Direct {
    /// Runs the server, however long it takes.
    fn write(&self, parts: &[IoSlice<'_>], _: Option<Duration>) -> io::Result<usize> {
        let parts: Vec<&[u8]> = parts.iter().map(|part| &**part).collect();
        let whole = parts.iter().map(|part| part.len()).sum();
        if self.step(&parts) { Ok(whole) } else { Err(io::ErrorKind::BrokenPipe.into()) }
    }

    fn read(&self, room: &mut [u8], wait: Option<Duration>) -> io::Result<Came> {
        let until = wait.and_then(|wait| Instant::now().checked_add(wait));
        let mut inbox = self.inbox();
        loop {
            if inbox.read < inbox.bytes.len() {
                let n = room.len().min(inbox.bytes.len() - inbox.read);
                room[..n].copy_from_slice(&inbox.bytes[inbox.read..inbox.read + n]);
                inbox.read += n;
                if inbox.read == inbox.bytes.len() {
                    (inbox.bytes, inbox.read) = (Vec::new(), 0);
                }
                return Ok(Came::Bytes(n));
            }
            if inbox.closed {
                return Ok(Came::End);
            }
            let left = until.map_or(ASK, |until| until.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                return Ok(Came::Nothing);
            }
            let (waited, late) =
                self.changed.wait_timeout(inbox, left.min(ASK)).unwrap_or_else(PoisonError::into_inner);
            inbox = waited;
            if late.timed_out() && !inbox.closed {
                drop(inbox);
                if !self.step(&[&[]]) {
                    return Ok(Came::End);
                }
                inbox = self.inbox();
            }
        }
    }

    fn shut_down(&self) {
        self.inbox().closed = true;
        self.changed.notify_all();
        // Whoever runs the server now finds it gone afterwards; to wait for that would be to block.
        if let Ok(mut step) = self.step.try_lock() {
            step.take();
        }
    }

    fn finish(&self) {
        if let Ok(mut step) = self.step.lock() {
            step.take();
        }
    }

    fn place(&self) -> String {
        "a server in this process".into()
    }
}
