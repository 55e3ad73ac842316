//! Opening a line stream: a child process, or what the caller gives.

use std::io::{Read, Write};
use std::sync::Arc;

use super::Opening;
use crate::carrier::{Carrier, Shared};
use crate::client::Client;
use crate::config::{Builder, Common, Place};
use crate::error::{Delivery, Error, TransportError};
use crate::memory;
use crate::spawn::Command;
use crate::transport::line::{self, Duplex};
use crate::transport::line_threads::Threads;
use crate::transport::stdio::Child;

impl Client {
    /// Starts a server as a child process and connects to it over its standard input and output, with the defaults of
    /// [`Client::spawn_builder`].
    ///
    /// Blocks until the server has said which revision it speaks. Dropping the last handle closes its input and waits until
    /// it has ended; one that does not end by itself is terminated, then killed, with all that it started
    /// ([`Command::grace`]).
    ///
    /// # Errors
    ///
    /// [`Error::Transport`] when the program cannot be started, [`Error::Exited`] when it ends before it has answered, and
    /// whatever else can be wrong with a server; see [`Error`].
    pub fn spawn(command: Command) -> Result<Self, Error> {
        Self::spawn_builder(command).connect()
    }

    /// Settings for a client of a child process. Those of HTTP and of event streams mean nothing here.
    pub fn spawn_builder(command: Command) -> Builder {
        Builder::over(Place::Other(Box::new(move |common| spawn(&command, common))))
    }

    /// Connects to a server that is at the other end of `reader` and `writer`, whatever they are: each message is a line
    /// (R-IO-21). With the defaults of [`Client::over_builder`].
    ///
    /// Reading and writing have a thread each, as they may block for ever: `mcp-line-read` and `mcp-line-write`. Deadlines hold
    /// all the same. Closing drops the writer and waits half a second for the two; a thread that is still blocked then is
    /// left behind, and the log says so. [`Streams::on_close`] can end such a read.
    ///
    /// # Errors
    ///
    /// Whatever can be wrong with a server; see [`Error`].
    pub fn over(reader: impl Read + Send + 'static, writer: impl Write + Send + 'static) -> Result<Self, Error> {
        Self::over_builder(Streams::new(reader, writer)).connect()
    }

    /// Settings for a client over a reader and a writer. Those of HTTP and of event streams mean nothing here.
    pub fn over_builder(streams: Streams) -> Builder {
        Builder::over(Place::Other(Box::new(move |common| {
            let Streams { name, reader, writer, on_close } = streams;
            let threads = Threads::start(name, reader, writer, on_close).map_err(|error| no_threads(&error))?;
            open(&(Arc::new(threads) as Arc<dyn Duplex>), common)
        })))
    }

    /// Connects to a server at the other end of a pipe in memory, without a thread for it. With the defaults of
    /// [`Client::memory_builder`].
    ///
    /// # Errors
    ///
    /// Whatever can be wrong with a server; see [`Error`].
    pub fn over_memory(end: memory::End) -> Result<Self, Error> {
        Self::memory_builder(end).connect()
    }

    /// Settings for a client over a pipe in memory. Those of HTTP and of event streams mean nothing here.
    pub fn memory_builder(end: memory::End) -> Builder {
        Builder::over(Place::Other(Box::new(move |common| open(&(Arc::new(end) as Arc<dyn Duplex>), common))))
    }
}

/// A reader and a writer that lead to a server: a serial port, a socket, a pipe that somebody else opened.
///
/// ```no_run
/// use std::net::{Shutdown, TcpStream};
/// use mcp_sse_blocking::{Client, Streams};
///
/// let socket = TcpStream::connect("127.0.0.1:4000")?;
/// let (writer, close) = (socket.try_clone()?, socket.try_clone()?);
/// let streams = Streams::new(socket, writer).named("the calendar").on_close(move || drop(close.shutdown(Shutdown::Both)));
/// let client = Client::over_builder(streams).connect()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Streams {
    name: String,
    reader: Box<dyn Read + Send>,
    writer: Box<dyn Write + Send>,
    on_close: Option<Box<dyn FnOnce() + Send>>,
}

impl Streams {
    /// Messages are read from `reader` and written to `writer`.
    pub fn new(reader: impl Read + Send + 'static, writer: impl Write + Send + 'static) -> Self {
        let name = "a reader and a writer".into();
        Self { name, reader: Box::new(reader), writer: Box::new(writer), on_close: None }
    }

    /// What logs and errors call it.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Runs `close` once, when the client is closed or its session is over: it should end a read and a write that block, and
    /// not block itself.
    pub fn on_close(mut self, close: impl FnOnce() + Send + 'static) -> Self {
        self.on_close = Some(Box::new(close));
        self
    }
}

impl std::fmt::Debug for Streams {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Streams").field("name", &self.name).finish_non_exhaustive()
    }
}

fn spawn(command: &Command, common: Common) -> Result<Client, Error> {
    open(&(Child::start(command)? as Arc<dyn Duplex>), common)
}

fn open(duplex: &Arc<dyn Duplex>, common: Common) -> Result<Client, Error> {
    let (sink, stream) = line::over(duplex, &common.limits);
    Opening::new(Carrier::Shared(Shared::new(sink, stream)), common)?.shake_hands()
}

fn no_threads(error: &std::io::Error) -> Error {
    Error::Transport(TransportError {
        doing: "starting the threads of a line stream",
        origin: "this process".into(),
        kind: error.kind(),
        problem: error.to_string(),
        delivery: Delivery::NotSent,
    })
}
