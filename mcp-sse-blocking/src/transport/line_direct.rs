//! A server that is bytes in, bytes out, in the same process and without a thread: it runs on whichever thread writes to it.
//!
//! It runs with no lock held: whoever wants it meanwhile waits with a deadline, also when it is the server itself that calls its
//! client, and closing does not wait for it to come back.

use std::io::{self, IoSlice};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::line::{Came, Duplex};
use crate::log_target;

/// How often a server that has said nothing is asked whether it has something to say by now: work that it does elsewhere may be
/// done.
const ASK: Duration = Duration::from_millis(10);

/// How long closing waits for a server that runs.
const FINISH_TIME: Duration = Duration::from_millis(300);

/// Takes the bytes of its client, none when it is only asked, and appends what it has to say.
pub(crate) type Step = Box<dyn FnMut(&[u8], &mut Vec<u8>) + Send>;

/// A server around which a client is.
pub(crate) struct Direct {
    server: Mutex<Server>,
    /// Notified when the server is there again.
    back: Condvar,
    inbox: Mutex<Inbox>,
    changed: Condvar,
}

/// Where the server is.
enum Server {
    Here(Step),
    /// A thread runs it.
    Running,
    /// It was shut down while a thread runs it.
    Leaving,
    /// It was shut down, or has panicked.
    Gone,
}

#[derive(Default)]
struct Inbox {
    bytes: Vec<u8>,
    /// So many of them were read.
    read: usize,
    closed: bool,
}

/// What became of an attempt to run the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ran {
    Yes,
    /// Somebody else ran it all the time.
    Busy,
    /// There is none any more.
    Gone,
}

/// The server while it runs: back in its place when dropped, if it came back by itself and is still wanted.
struct Run<'a> {
    direct: &'a Direct,
    step: Option<Step>,
    is_sound: bool,
}

impl Drop for Run<'_> {
    fn drop(&mut self) {
        let step = self.step.take().filter(|_| self.is_sound);
        let mut server = self.direct.server();
        let dropped = match &*server {
            Server::Running => {
                *server = step.map_or(Server::Gone, Server::Here);
                None
            }
            _ => step,
        };
        drop(server);
        // Code of the caller's: before it counts as gone, and without the lock.
        drop(dropped);
        let mut server = self.direct.server();
        if let Server::Leaving = *server {
            *server = Server::Gone;
        }
        drop(server);
        self.direct.back.notify_all();
    }
}

impl Direct {
    pub(crate) fn new(step: Step) -> Self {
        Self {
            server: Mutex::new(Server::Here(step)),
            back: Condvar::new(),
            inbox: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    fn server(&self) -> MutexGuard<'_, Server> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn inbox(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until nobody runs the server, up to `wait`.
    fn await_idle(&self, wait: Option<Duration>) -> MutexGuard<'_, Server> {
        let is_running = |server: &mut Server| matches!(server, Server::Running);
        let server = self.server();
        match wait {
            None => self.back.wait_while(server, is_running).unwrap_or_else(PoisonError::into_inner),
            Some(wait) => {
                self.back.wait_timeout_while(server, wait, is_running).unwrap_or_else(PoisonError::into_inner).0
            }
        }
    }

    /// Gives the server something to read and takes what it writes.
    fn step(&self, input: &[&[u8]], wait: Option<Duration>) -> Ran {
        let mut server = self.await_idle(wait);
        let step = match std::mem::replace(&mut *server, Server::Running) {
            Server::Here(step) => step,
            Server::Running => return Ran::Busy,
            gone @ (Server::Leaving | Server::Gone) => {
                *server = gone;
                return Ran::Gone;
            }
        };
        drop(server);
        let mut run = Run { direct: self, step: Some(step), is_sound: false };
        let mut output = Vec::new();
        if let Some(step) = &mut run.step {
            for part in input {
                step(part, &mut output);
            }
        }
        run.is_sound = true;
        // While nobody else can run it, so that what it says stays in order.
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
        drop(run);
        Ran::Yes
    }
}

impl Duplex for Direct {
    /// Runs the server, however long it takes.
    fn write(&self, parts: &[IoSlice<'_>], wait: Option<Duration>) -> io::Result<usize> {
        let parts: Vec<&[u8]> = parts.iter().map(|part| &**part).collect();
        match self.step(&parts, wait) {
            Ran::Yes => Ok(parts.iter().map(|part| part.len()).sum()),
            Ran::Busy => Ok(0),
            Ran::Gone => Err(io::ErrorKind::BrokenPipe.into()),
        }
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
                // Who runs it now is asking already.
                if self.step(&[&[]], Some(Duration::ZERO)) == Ran::Gone {
                    return Ok(Came::End);
                }
                inbox = self.inbox();
            }
        }
    }

    fn shut_down(&self) {
        self.inbox().closed = true;
        self.changed.notify_all();
        let mut server = self.server();
        let next = if let Server::Running | Server::Leaving = *server { Server::Leaving } else { Server::Gone };
        let was = std::mem::replace(&mut *server, next);
        drop(server);
        self.back.notify_all();
        drop(was);
    }

    fn finish(&self, wait: Option<Duration>) {
        let wait = wait.map_or(FINISH_TIME, |wait| wait.min(FINISH_TIME));
        let is_leaving = |server: &mut Server| matches!(server, Server::Leaving);
        let waited = self.back.wait_timeout_while(self.server(), wait, is_leaving);
        if waited.unwrap_or_else(PoisonError::into_inner).1.timed_out() {
            log::warn!(target: log_target::CLIENT, "a server in this process is left behind: it still runs");
        }
    }

    fn place(&self) -> String {
        "a server in this process".into()
    }
}
