//! Messages as lines: one JSON-RPC message a line, over two streams of bytes (R-IO-2).
//!
//! [`LineSink`] writes and [`LineStream`] reads. Which bytes they are is the business of a [`Duplex`]: the pipes of a child
//! process, a pipe in memory, or any reader and writer behind threads of their own. Nothing here knows JSON-RPC.

use std::io::{self, IoSlice};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mcp_core::Limits;
use mcp_core::jsonrpc::ndjson::Decoder;
use mcp_core::time::{Cause, Deadline};

use super::exchange::{STOP_CHECK, Stop};
use super::link::{Again, Awaited, Fresh, Link, Peer, out_of_time};
use crate::carrier::{Filled, Incoming, Loss, SharedStream, Sink, Unsent};
use crate::clock;
use crate::error::{Delivery, Error, TransportError};
use crate::pending::Repeat;

/// The least room that a read is given. 16 KiB: a quarter of what a pipe holds.
const READ_BYTES: usize = 16 << 10;

/// Bytes to and from a peer. Every wait has a bound or ends with [`Duplex::shut_down`].
pub(crate) trait Duplex: Send + Sync {
    /// Writes as much of `parts` as there is room for, waiting for room up to `wait`; none is for ever. `Ok(0)` is no room in
    /// time. One thread at a time writes.
    fn write(&self, parts: &[IoSlice<'_>], wait: Option<Duration>) -> io::Result<usize>;

    /// Reads what is there, waiting for it up to `wait`; none is for ever. One thread at a time reads.
    fn read(&self, room: &mut [u8], wait: Option<Duration>) -> io::Result<Came>;

    /// Ends whatever waits in the two above, on any thread, and closes the way to the peer. Does not block.
    fn shut_down(&self);

    /// Blocks until what belongs to it is gone, up to `wait`, and not for ever where that is none.
    fn finish(&self, wait: Option<Duration>) {
        let _ = wait;
    }

    /// Why nothing more comes from the peer; asked once its stream has ended. May block for a moment, to learn it.
    fn ending(&self) -> Error {
        Error::StreamEnded(Delivery::NotSent)
    }

    /// With whom, for errors and logs.
    fn place(&self) -> String;
}

/// What one read brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Came {
    /// So many bytes, at least one.
    Bytes(usize),
    /// Nothing in this time; perhaps less time than was asked for.
    Nothing,
    /// There will be nothing more.
    End,
}

impl Peer for dyn Duplex {
    fn end(&self) {
        self.shut_down();
    }

    fn await_end(&self, wait: Option<Duration>) {
        self.finish(wait);
    }

    fn name(&self) -> String {
        self.place()
    }
}

/// What a line stream leads to.
type LineLink = Link<dyn Duplex, Decoder>;

/// The two sides of one line stream.
pub(crate) fn over(duplex: &Arc<dyn Duplex>, limits: &Limits) -> (LineSink, LineStream) {
    let link = Link::new(Arc::clone(duplex));
    let sink = LineSink { link: Arc::clone(&link), turn: Mutex::default(), turned: Condvar::new() };
    let (duplex, decoder) = (Arc::clone(duplex), Decoder::new(limits));
    (sink, LineStream { link, duplex, number: 0, decoder, at: At::Peer })
}

/// Writes messages: each with its newline in one piece, one after the other, from any thread (R-IO-30).
pub(crate) struct LineSink {
    link: Arc<LineLink>,
    turn: Mutex<Turn>,
    turned: Condvar,
}

/// Who writes. A flag and not a lock that is held while writing: waiting for one's turn has a deadline as well.
#[derive(Debug, Default)]
struct Turn {
    taken: bool,
    waiting: usize,
    /// What is missing of a message whose sender gave up half-way. It goes first: without its end, the next message would
    /// become a part of it.
    rest: Vec<u8>,
    /// The number of the peer that has the beginning.
    rest_of: u64,
}

/// The turn to write; given on when dropped.
struct MyTurn<'a> {
    sink: &'a LineSink,
    peer: Arc<dyn Duplex>,
    number: u64,
    rest: Vec<u8>,
}

/// How long a sender waits.
struct Patience<'a> {
    deadline: Option<Deadline>,
    stop: Option<&'a dyn Stop>,
}

impl LineSink {
    /// From now on a peer that is gone can be started again.
    pub(crate) fn begin_again_with(&self, again: Box<dyn Again<dyn Duplex, Decoder>>) {
        self.link.begin_again_with(again);
    }

    fn turn(&self) -> MutexGuard<'_, Turn> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_turn(&self, peer: Option<u64>, patience: &Patience<'_>) -> Result<MyTurn<'_>, Unsent> {
        let mut turn = self.turn();
        turn.waiting += 1;
        while turn.taken {
            let Ok(slice) = patience.slice(self) else { break };
            turn = match slice {
                None => self.turned.wait(turn).unwrap_or_else(PoisonError::into_inner),
                Some(slice) => self.turned.wait_timeout(turn, slice).unwrap_or_else(PoisonError::into_inner).0,
            };
        }
        turn.waiting -= 1;
        if turn.taken {
            let error = patience.slice(self).err().unwrap_or(Error::Closed(Delivery::NotSent));
            return Err(Unsent { peer: peer.unwrap_or_else(|| self.number()), error });
        }
        let (peer, number) = self.link.peer(peer).inspect_err(|_| {
            // It was perhaps the only one that was woken.
            self.turned.notify_one();
        })?;
        turn.taken = true;
        let rest = std::mem::take(&mut turn.rest);
        let rest = if turn.rest_of == number { rest } else { Vec::new() };
        Ok(MyTurn { sink: self, peer, number, rest })
    }
}

impl Sink for LineSink {
    fn post(
        &self,
        message: &[u8],
        peer: Option<u64>,
        deadline: Option<Deadline>,
        stop: Option<Arc<dyn Stop>>,
        _: Repeat,
    ) -> Result<(), Unsent> {
        let patience = Patience { deadline, stop: stop.as_deref() };
        let mut turn = self.take_turn(peer, &patience)?;
        let peer = turn.number;
        let written = turn.finish_rest(&patience).and_then(|()| turn.write(message, b"\n", &patience));
        written.map_err(|error| Unsent { peer, error })
    }

    fn shut_down(&self) {
        self.link.shut_down();
        // Under the lock: whoever is about to wait has seen the flag or is woken.
        let _turn = self.turn();
        self.turned.notify_all();
    }

    fn is_shut_down(&self) -> bool {
        self.link.is_down()
    }

    fn finish(&self, _: Deadline) {
        self.link.finish();
    }

    fn place(&self) -> String {
        self.link.name()
    }

    fn number(&self) -> u64 {
        self.link.number()
    }

    fn settle(&self, deadline: Option<Deadline>) {
        self.link.settle_doubt(deadline);
    }

    fn restart(&self, deadline: Option<Deadline>) -> Result<(), Error> {
        self.link.restart(deadline)
    }
}

impl MyTurn<'_> {
    /// Writes what an earlier sender left.
    fn finish_rest(&mut self, patience: &Patience<'_>) -> Result<(), Error> {
        let rest = std::mem::take(&mut self.rest);
        let done = self.write(&rest, &[], patience);
        if done.is_err() && self.rest.is_empty() {
            self.rest = rest;
        }
        done.map_err(|error| error.with_delivery(Delivery::NotSent))
    }

    /// Writes `message` and `end`; when that fails half-way, what is missing is kept for the next turn.
    fn write(&mut self, message: &[u8], end: &[u8], patience: &Patience<'_>) -> Result<(), Error> {
        let whole = message.len() + end.len();
        let mut written = 0;
        while written < whole {
            let of_end = written.saturating_sub(message.len());
            let missing = [&message[written.min(message.len())..], &end[of_end..]];
            let wrote = patience.slice(self.sink).map_err(|over| over.with_delivery(delivery(written)));
            let wrote = wrote.and_then(|wait| {
                let wrote = self.peer.write(&missing.map(IoSlice::new), wait);
                wrote.map_err(|error| self.failure(&error, delivery(written)))
            });
            match wrote {
                Ok(n) => written += n,
                Err(error) => {
                    if written > 0 {
                        self.rest = missing.concat();
                    }
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// What a failure to write means. A pipe without a reader is a peer that is gone (R-IO-34); a socket of Windows calls it aborted.
    fn failure(&self, error: &io::Error, delivery: Delivery) -> Error {
        match error.kind() {
            _ if self.sink.is_shut_down() => Error::Closed(delivery),
            io::ErrorKind::BrokenPipe
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::NotConnected => {
                let ending = self.peer.ending();
                if !matches!(&ending, Error::Exited(exited) if exited.is_running) {
                    self.sink.link.doubt();
                }
                ending.with_delivery(delivery)
            }
            _ => transport_failure("writing a message to", &*self.peer, error, delivery),
        }
    }
}

impl Drop for MyTurn<'_> {
    fn drop(&mut self) {
        let mut turn = self.sink.turn();
        turn.taken = false;
        (turn.rest, turn.rest_of) = (std::mem::take(&mut self.rest), self.number);
        if turn.waiting > 0 {
            self.sink.turned.notify_one();
        }
    }
}

impl Patience<'_> {
    /// How long to wait before looking again; none is for ever.
    ///
    /// # Errors
    /// Why not to wait any longer.
    fn slice(&self, sink: &LineSink) -> Result<Option<Duration>, Error> {
        if sink.is_shut_down() || self.stop.is_some_and(Stop::is_stopped) {
            return Err(Error::Closed(Delivery::NotSent));
        }
        let check = self.stop.is_some().then_some(STOP_CHECK);
        let Some(deadline) = self.deadline else { return Ok(check) };
        let left = deadline.at.since(clock::now());
        if left.is_zero() {
            return Err(out_of_time(deadline));
        }
        Ok(Some(check.map_or(left, |check| left.min(check))))
    }
}

/// Reads messages. One thread at a time.
pub(crate) struct LineStream {
    link: Arc<LineLink>,
    duplex: Arc<dyn Duplex>,
    /// Of the peer.
    number: u64,
    decoder: Decoder,
    at: At,
}

/// Where a reader is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Peer,
    /// At the end of what the peer sends; there may be a last message.
    End,
    /// The peer is gone; there may be another.
    Between,
}

impl LineStream {
    /// What has been read and not looked at, for a stream that goes on with it.
    pub(crate) fn into_fresh(self) -> Fresh<dyn Duplex, Decoder> {
        Fresh { peer: self.duplex, stream: self.decoder }
    }

    /// Reads once from the peer.
    fn read(&mut self, deadline: Option<Deadline>) -> Result<Filled, Error> {
        loop {
            let wait = deadline.map(|deadline| deadline.at.since(clock::now()));
            if let (Some(deadline), Some(Duration::ZERO)) = (deadline, wait) {
                return Ok(Filled::OutOfTime(deadline.cause));
            }
            match self.duplex.read(self.decoder.space(READ_BYTES)?, wait) {
                Ok(Came::Bytes(n)) => {
                    self.decoder.filled(n);
                    return Ok(Filled::Bytes);
                }
                Ok(Came::Nothing) => {}
                Ok(Came::End) => {
                    // A last line may have no end (R-IO-26): it is looked at before the end is told.
                    self.at = At::End;
                    self.decoder.finish();
                    return Ok(Filled::Bytes);
                }
                Err(error) => {
                    let doing = "reading messages of";
                    return Err(transport_failure(doing, &*self.duplex, &error, Delivery::NotSent));
                }
            }
        }
    }
}

impl SharedStream for LineStream {
    fn next(&mut self) -> Result<Option<Incoming<'_>>, Error> {
        match self.at {
            At::Between => Ok(None),
            _ => Ok(self.decoder.next_message()?.map(Incoming::Message)),
        }
    }

    fn fill(&mut self, deadline: Option<Deadline>) -> Result<Filled, Error> {
        match self.at {
            At::Peer => self.read(deadline),
            At::End => Err(self.duplex.ending()),
            At::Between => match self.link.await_fresh(deadline) {
                Awaited::Fresh(Fresh { peer, stream }, number) => {
                    (self.duplex, self.decoder, self.number, self.at) = (peer, stream, number, At::Peer);
                    Ok(Filled::Bytes)
                }
                Awaited::OutOfTime => Ok(Filled::OutOfTime(deadline.map_or(Cause::Call, |deadline| deadline.cause))),
                Awaited::ShutDown => Err(Error::Closed(Delivery::NotSent)),
            },
        }
    }

    /// A peer that is gone, or that cannot be understood any more, may be started again.
    fn number(&self) -> u64 {
        self.number
    }

    fn loss(&self) -> Loss {
        self.link.loss(self.number)
    }

    fn let_go(&mut self, error: &Error) {
        self.link.lose(self.number, error);
        self.at = At::Between;
    }
}

fn delivery(written: usize) -> Delivery {
    if written > 0 { Delivery::Sent } else { Delivery::NotSent }
}

fn transport_failure(doing: &'static str, duplex: &dyn Duplex, error: &io::Error, delivery: Delivery) -> Error {
    Error::Transport(TransportError {
        doing,
        origin: duplex.place(),
        kind: error.kind(),
        problem: error.to_string(),
        delivery,
    })
}
