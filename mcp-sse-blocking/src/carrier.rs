//! What carries the messages of a client, and what the engine asks of it.
//!
//! A *shared stream* brings the replies to all requests: HTTP+SSE, and lines over a pipe. Whoever waits reads it in turn; the
//! module [`reader`](crate::reader) has the rules. Its two sides are a [`Sink`] and a [`SharedStream`].

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mcp_core::sse::Event;
use mcp_core::time::{Cause, Deadline};
use mcp_core::types::InitializeParams;

use crate::connect::Via;
use crate::error::{Delivery, Error};
use crate::pending::Repeat;
use crate::streamable::Streamable;
use crate::transport::exchange::Stop;

/// How messages travel.
pub(crate) enum Carrier {
    /// One stream brings all replies.
    Shared(Shared),
    /// Each request is an exchange of its own.
    Streamable(Box<Streamable>),
}

/// A carrier whose one stream brings all replies.
pub(crate) struct Shared {
    sink: Box<dyn Sink>,
    /// Held by whoever has the role of the reader. Taken out when the session is over.
    stream: Mutex<Option<Box<dyn SharedStream>>>,
}

/// A message that did not reach its peer, as far as is known.
#[derive(Debug)]
pub(crate) struct Unsent {
    /// The [number](Sink::number) of the peer that it was to reach: there may be another one by now.
    pub(crate) peer: u64,
    pub(crate) error: Error,
}

impl From<Unsent> for Error {
    fn from(unsent: Unsent) -> Self {
        unsent.error
    }
}

/// Sends messages, from any thread.
pub(crate) trait Sink: Send + Sync {
    /// Sends one message. Once this returns `Ok`, the peer has it. `peer` is the [number](Sink::number) of the one that it is for,
    /// if it is not for any; it reaches no other. `stop` gives it up from another thread. `repeat` says whether it may be sent once
    /// more when it was lost on its way.
    fn post(
        &self,
        message: &[u8],
        peer: Option<u64>,
        deadline: Option<Deadline>,
        stop: Option<Arc<dyn Stop>>,
        repeat: Repeat,
    ) -> Result<(), Unsent>;

    /// Ends whatever blocks in [`Sink::post`] or [`SharedStream::fill`], on whatever thread, and refuses what comes after. Does
    /// not block; a second time does nothing.
    fn shut_down(&self);

    /// Whether it was shut down.
    fn is_shut_down(&self) -> bool;

    /// Called once after [`Sink::shut_down`], when the client is closed: may block until `deadline`, for a child process to end.
    fn finish(&self, deadline: Deadline) {
        let _ = deadline;
    }

    /// An `endpoint` event came on the stream of the peer with this number; only HTTP+SSE has them.
    fn handle_endpoint(&self, peer: u64, data: &str) -> Result<(), Error> {
        let _ = (peer, data);
        Ok(())
    }

    /// With whom: a URL without its query, or the name of a program.
    fn place(&self) -> String;

    /// What it is, for people.
    fn via(&self) -> Via {
        Via::Lines
    }

    /// The number of the peer that there is, or that there was last: they are counted.
    fn number(&self) -> u64 {
        0
    }

    /// Asked before each request: lets the reader come to the end of a peer that was found gone by a writer.
    fn settle(&self, deadline: Option<Deadline>) {
        let _ = deadline;
    }

    /// Opens a peer in place of one that is gone, within `deadline`. One thread at a time.
    fn restart(&self, deadline: Option<Deadline>) -> Result<(), Error> {
        let _ = deadline;
        Err(Error::Closed(Delivery::NotSent))
    }

    /// What the session with a new peer begins with; `None` where [`Sink::restart`] has seen to that.
    fn hello(&self) -> Option<&InitializeParams> {
        None
    }

    /// The peer with this number is of no use any more: what reads its stream is told so.
    fn give_up(&self, peer: u64, error: &Error) {
        let _ = (peer, error);
    }
}

/// What the failure of a stream means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loss {
    /// The end.
    Final,
    /// Everything in flight is lost; there may be another peer, whose stream this one waits for.
    New,
    /// It is the stream of a peer that was given up already.
    Known,
}

/// Brings what the peer sends. One thread at a time reads it.
pub(crate) trait SharedStream: Send {
    /// What is here already; never waits.
    fn next(&mut self) -> Result<Option<Incoming<'_>>, Error>;

    /// Reads once, waiting for bytes until `deadline`, or until the stream has been silent for too long.
    ///
    /// # Errors
    /// Those that end the session.
    fn fill(&mut self, deadline: Option<Deadline>) -> Result<Filled, Error>;

    /// The [number](Sink::number) of the peer whose stream it is.
    fn number(&self) -> u64 {
        0
    }

    /// Asked after an error, and after the end: what it means (R-IO-17, R-SSE-39).
    fn loss(&self) -> Loss {
        Loss::Final
    }

    /// Gives its peer up because of this, and waits for the next one from here on. Not asked after a [`Loss::Final`].
    fn let_go(&mut self, error: &Error) {
        let _ = error;
    }

    /// How long the peer wants to be left alone before it is reached again.
    fn retry(&self) -> Option<Duration> {
        None
    }
}

/// One thing that came on a shared stream.
pub(crate) enum Incoming<'a> {
    /// An event of the stream of the peer with this [number](Sink::number).
    Event(Event<'a>, u64),
    /// A message as it stands.
    Message(&'a [u8]),
    /// One that was seen when it came, and kept until there was somebody to take it in.
    Kept(&'a [u8]),
}

/// What one read brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Filled {
    /// Bytes; perhaps not yet an event.
    Bytes,
    /// The reader's own deadline passed. Nothing is lost: somebody else may read on.
    OutOfTime(Cause),
    /// The end. An unfinished event is dropped (R-EV-26).
    End,
}

impl Carrier {
    /// Ends whatever blocks, and refuses what comes after.
    pub(crate) fn shut_down(&self) {
        match self {
            Self::Shared(shared) => shared.sink.shut_down(),
            Self::Streamable(streamable) => streamable.shut_down(),
        }
    }

    /// Whether it was shut down.
    pub(crate) fn is_shut_down(&self) -> bool {
        match self {
            Self::Shared(shared) => shared.sink.is_shut_down(),
            Self::Streamable(streamable) => streamable.endpoint.http.is_closed(),
        }
    }

    /// What the peer is told before [`Carrier::shut_down`], when the client is closed; within `deadline`.
    pub(crate) fn say_goodbye(&self, deadline: Deadline) {
        match self {
            Self::Shared(_) => {}
            Self::Streamable(streamable) => streamable.say_goodbye(deadline),
        }
    }

    /// What closing may wait for, after [`Carrier::shut_down`].
    pub(crate) fn finish(&self, deadline: Deadline) {
        match self {
            Self::Shared(shared) => shared.sink.finish(deadline),
            Self::Streamable(_) => {}
        }
    }

    /// With whom: a URL without its query, or the name of a program.
    pub(crate) fn place(&self) -> String {
        match self {
            Self::Shared(shared) => shared.sink.place(),
            Self::Streamable(streamable) => streamable.endpoint.context().target.url.to_string(),
        }
    }

    /// The number of the session that there is, or that there was last: see [`Sink::number`].
    pub(crate) fn number(&self) -> u64 {
        match self {
            Self::Shared(shared) => shared.sink.number(),
            Self::Streamable(streamable) => streamable.endpoint.context().generation,
        }
    }

    /// What it is, for people.
    pub(crate) fn via(&self) -> Via {
        match self {
            Self::Shared(shared) => shared.sink.via(),
            Self::Streamable(streamable) if streamable.endpoint.plain.is_some() => Via::Plain,
            Self::Streamable(_) => Via::StreamableHttp,
        }
    }

    pub(crate) fn streamable(&self) -> Option<&Streamable> {
        match self {
            Self::Shared(_) => None,
            Self::Streamable(streamable) => Some(streamable),
        }
    }

    pub(crate) fn shared(&self) -> Option<&Shared> {
        match self {
            Self::Shared(shared) => Some(shared),
            Self::Streamable(_) => None,
        }
    }
}

impl Shared {
    pub(crate) fn new(sink: impl Sink + 'static, stream: impl SharedStream + 'static) -> Self {
        Self { sink: Box::new(sink), stream: Mutex::new(Some(Box::new(stream))) }
    }

    pub(crate) fn sink(&self) -> &dyn Sink {
        &*self.sink
    }

    pub(crate) fn stream(&self) -> MutexGuard<'_, Option<Box<dyn SharedStream>>> {
        self.stream.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
