//! Serving one client over a reader and a writer, standard input and output above all (R-IO).
//!
//! The thread that calls [`Server::serve`] reads, runs handlers and writes. A second one, `mcp-mail`, is started when a worker or
//! a deferred reply first has something to say, or a question to the client has a deadline; it writes what they have to
//! say while the first waits for input.

use std::io::{self, Read, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant as Clock};

use mcp_core::time::Instant;

use crate::error::Error;
use crate::pipe::Pipe;
use crate::server::Server;

/// Bytes of one read.
const READ_BYTES: usize = 64 << 10;

impl Server {
    /// Serves the client at the other end of standard input and output, and returns when input ends: that is how a client
    /// ends a server (R-IO-23). Requests that are in flight then are still answered, within
    /// [`Timeouts::stop`](crate::config::Timeouts::stop).
    ///
    /// Nothing else may write to standard output (R-IO-4): let handlers log, and loggers write to standard error.
    ///
    /// # Errors
    ///
    /// As [`Server::serve`].
    pub fn serve_stdio(self) -> Result<(), Error> {
        self.serve(io::stdin(), io::stdout())
    }

    /// Serves the client at the other end of any two byte streams, one message a line, and returns when `reader` ends or
    /// `writer` is closed. Blocks in `reader`, and in `writer` for as long as the client does not read: who wants to bound
    /// that gives a writer that fails after a while, or owns the bytes with [`Server::pipe`]. Handlers that are not on workers
    /// run on this thread.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] for a setting that cannot work; [`Error::Io`] when a stream fails, or a line is longer than
    /// [`Server::message_limits`] allow (R-IO-29).
    pub fn serve(self, mut reader: impl Read, writer: impl Write + Send + 'static) -> Result<(), Error> {
        let grace = self.config.timeouts.stop;
        let pipe = self.pipe()?;
        let shared = Arc::new(Shared {
            state: Mutex::new(State { pipe, writer, failed: None }),
            written: Condvar::new(),
            mail: OnceLock::new(),
            origin: Clock::now(),
        });
        let waker = Arc::downgrade(&shared);
        shared.state().pipe.service_mut().wake_with(move || {
            if let Some(shared) = waker.upgrade() {
                shared.wake_mail();
            }
        });
        let served = shared.read_all(&mut reader);
        shared.drain(grace);
        let mut state = shared.state();
        state.pipe.stop();
        state.write();
        match (served, state.failed.take()) {
            // The client is gone (R-IO-34).
            (_, Some(error)) if is_closed(&error) => Ok(()),
            (_, Some(error)) => Err(error.into()),
            (served, None) => served,
        }
    }
}

struct Shared<W> {
    state: Mutex<State<W>>,
    /// Something was delivered and written.
    written: Condvar,
    /// Wakes the thread that delivers mail, once there is one.
    mail: OnceLock<SyncSender<()>>,
    origin: Clock,
}

struct State<W> {
    pipe: Pipe,
    writer: W,
    failed: Option<io::Error>,
}

impl<W: Write + Send + 'static> Shared<W> {
    fn state(&self) -> MutexGuard<'_, State<W>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Instant {
        Instant::from_elapsed(self.origin.elapsed())
    }

    /// The one loop: lines in, answers out.
    fn read_all(self: &Arc<Self>, reader: &mut impl Read) -> Result<(), Error> {
        let mut buffer = vec![0; READ_BYTES];
        loop {
            let count = match reader.read(&mut buffer) {
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.into()),
            };
            let mut state = self.state();
            let mut taken = match &buffer[..count] {
                [] => state.pipe.ended(self.now()),
                bytes => state.pipe.received(self.now(), bytes),
            }
            .map(|()| true);
            state.write();
            while taken == Ok(true) && state.failed.is_none() {
                taken = state.pipe.go_on(self.now());
                state.write();
            }
            if let Err(exceeded) = taken {
                return Err(io::Error::new(io::ErrorKind::InvalidData, exceeded.to_string()).into());
            }
            if count == 0 || state.failed.is_some() {
                return Ok(());
            }
            let has_deadline = state.pipe.next_wake().is_some();
            drop(state);
            if has_deadline {
                self.wake_mail();
            }
        }
    }

    /// Lets what is in flight be answered.
    fn drain(&self, grace: Duration) {
        let is_busy = |state: &mut State<W>| state.failed.is_none() && state.pipe.in_flight() > 0;
        let state = self.written.wait_timeout_while(self.state(), grace, is_busy);
        drop(state.unwrap_or_else(PoisonError::into_inner));
    }

    fn wake_mail(self: &Arc<Self>) {
        let sender = self.mail.get_or_init(|| {
            let (sender, woken) = sync_channel(1);
            let shared = Arc::downgrade(self);
            let started = thread::Builder::new().name("mcp-mail".into()).spawn(move || deliver_all(&shared, &woken));
            if let Err(error) = started {
                log::error!("no thread for answers of workers: {error}");
            }
            sender
        });
        // One that is on its way is enough.
        let _ = sender.try_send(());
    }
}

impl<W: Write> State<W> {
    /// Writes what there is, all of it: a client that does not read holds its server up, and nobody else.
    fn write(&mut self) {
        while self.failed.is_none() && !self.pipe.output().is_empty() {
            let output = self.pipe.output();
            match self.writer.write(output) {
                Ok(0) => self.failed = Some(io::ErrorKind::WriteZero.into()),
                Ok(count) => self.pipe.sent(count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => self.failed = Some(error),
            }
        }
        if let (None, Err(error)) = (&self.failed, self.writer.flush()) {
            self.failed = Some(error);
        }
        if self.failed.is_some() {
            // Nobody takes answers, though input may be open: no handler is to work in vain, and nothing is to pile up.
            self.pipe.stop();
            self.pipe.sent(usize::MAX);
        }
    }
}

/// The loop of `mcp-mail`. Ends with the server.
fn deliver_all<W: Write + Send + 'static>(shared: &Weak<Shared<W>>, woken: &Receiver<()>) {
    let mut wait = None;
    loop {
        let heard = match wait {
            None => woken.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(wait) => woken.recv_timeout(wait),
        };
        let Some(shared) = shared.upgrade().filter(|_| heard != Err(RecvTimeoutError::Disconnected)) else { return };
        loop {
            let now = shared.now();
            let mut state = shared.state();
            state.pipe.handle_timeouts(now);
            let has_more = state.pipe.deliver_replies(now);
            state.write();
            wait = state.pipe.next_wake().map(|at| at.since(now));
            drop(state);
            shared.written.notify_all();
            if !has_more {
                break;
            }
        }
    }
}

/// Whether it is the client that closed: a socket of Windows calls that aborted.
fn is_closed(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, WriteZero};
    matches!(error.kind(), BrokenPipe | ConnectionReset | ConnectionAborted | WriteZero)
}
