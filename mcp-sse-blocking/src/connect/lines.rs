//! Opening a line stream: a child process, or what the caller gives.

use std::io::{Read, Write};
use std::sync::Arc;
use std::time::Duration;

use mcp_core::Limits;
use mcp_core::http::era::Era;
use mcp_core::jsonrpc::ndjson::Decoder;
use mcp_core::revision::ProtocolVersion;
use mcp_core::session::ClientSession;
use mcp_core::time::{Cause, Deadline};
use mcp_core::types::InitializeParams;

use super::Opening;
use super::detect::discovered as discovered_by;
use super::greeting::{self, Found, Line, Manner};
use super::opening::initialize_params;
use crate::builder::{Builder, Common, Place};
use crate::carrier::{Carrier, Shared, Sink as _};
use crate::client::Client;
use crate::clock;
use crate::error::{Delivery, Error, PeerError, TransportError};
use crate::events::Transformer;
use crate::insight::Insight;
use crate::log_target;
use crate::memory;
use crate::spawn::Command;
use crate::transport::line::Duplex;
use crate::transport::line_direct::Direct;
use crate::transport::line_threads::Threads;
use crate::transport::link::{Again, Fresh};
use crate::transport::stdio::Child;

/// How long `server/discover` may take where no setting says it.
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);

impl Client {
    /// Starts a server as a child process and connects to it over its standard input and output, with the defaults of
    /// [`Client::spawn_builder`].
    ///
    /// Blocks until the server has said which revision it speaks. Dropping the last handle closes its input and waits until
    /// it has ended; one that does not end by itself is terminated, then killed, with all that it started
    /// ([`Command::grace`]).
    ///
    /// Writing to a server that is gone raises `SIGPIPE`. Programs in Rust ignore it; where `main` is in another language,
    /// it has to see to that itself.
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
            over(&(Arc::new(threads) as Arc<dyn Duplex>), common)
        })))
    }

    /// Connects to a server at the other end of a pipe in memory, without a thread for it. With the defaults of
    /// [`Client::over_memory_builder`].
    ///
    /// # Errors
    ///
    /// Whatever can be wrong with a server; see [`Error`].
    pub fn over_memory(end: memory::End) -> Result<Self, Error> {
        Self::over_memory_builder(end).connect()
    }

    /// Settings for a client over a pipe in memory. Those of HTTP and of event streams mean nothing here.
    pub fn over_memory_builder(end: memory::End) -> Builder {
        Builder::over(Place::Other(Box::new(move |common| over(&(Arc::new(end) as Arc<dyn Duplex>), common))))
    }

    /// Connects to a server that is bytes in, bytes out: `step` is given what the client sends, in pieces of any size, and appends
    /// what the server has to say. `Server::in_process` of `mcp-server-tiny` is such a closure. With the defaults of
    /// [`Client::around_builder`].
    ///
    /// The server runs on the thread that makes the request, one at a time, and its answer is there when it returns: no other
    /// thread, no copy through the system. A deadline is not looked at while it runs. While a reply is waited for that was
    /// not there at once, `step` is called every 10 ms with nothing, for what other threads have done meanwhile. A handler that
    /// runs in `step` must not call this client: it would wait for itself until its deadline.
    ///
    /// ```
    /// use mcp_sse_blocking::Client;
    /// use mcp_sse_blocking::mcp_core::{Limits, jsonrpc::ndjson::Decoder};
    /// use serde_json::{Value, json};
    ///
    /// // Any server that needs no thread of its own; this one can do nothing but greet.
    /// let mut lines = Decoder::new(&Limits::default());
    /// let client = Client::around(move |bytes, out| {
    ///     lines.push(bytes).expect("lines are short");
    ///     while let Some(line) = lines.next_message().expect("lines are short") {
    ///         let message: Value = serde_json::from_slice(line).expect("clients write JSON");
    ///         let mut answer = json!({"jsonrpc": "2.0", "id": message["id"]});
    ///         match message["method"].as_str() {
    ///             Some("initialize") => {
    ///                 let server = json!({"name": "inside", "version": "1"});
    ///                 answer["result"] = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "serverInfo": server});
    ///             }
    ///             _ if message["id"].is_null() => continue,
    ///             _ => answer["error"] = json!({"code": -32601, "message": "method not found"}),
    ///         }
    ///         out.extend_from_slice(answer.to_string().as_bytes());
    ///         out.push(b'\n');
    ///     }
    /// })?;
    /// assert_eq!(client.server_info().name, "inside");
    /// # Ok::<(), mcp_sse_blocking::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Whatever can be wrong with a server; see [`Error`].
    pub fn around(step: impl FnMut(&[u8], &mut Vec<u8>) + Send + 'static) -> Result<Self, Error> {
        Self::around_builder(step).connect()
    }

    /// Settings for a client around a server. Those of HTTP and of event streams mean nothing here.
    pub fn around_builder(step: impl FnMut(&[u8], &mut Vec<u8>) + Send + 'static) -> Builder {
        let direct = Direct::new(Box::new(step));
        Builder::over(Place::Other(Box::new(move |common| over(&(Arc::new(direct) as Arc<dyn Duplex>), common))))
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

fn spawn(command: &Command, mut common: Common) -> Result<Client, Error> {
    let manner = Manner { common: &common, probe_timeout: command.probe_timeout, can_start_again: true };
    let found = greeting::find(&manner, || Ok(common.insight.of_client().line(Child::start(command)?)))?;
    let again = Respawn {
        command: command.clone(),
        hello: found.era.eq(&Era::Handshake).then(|| initialize_params(&common)),
        version: found.session.version(),
        limits: common.limits.clone(),
        timeout: common.call_timeout,
        insight: Arc::clone(common.insight.of_client()),
        transformer: common.events.transformer(&common.limits),
    };
    common.reconnect.policy = common.reconnect.policy.at_most(command.restarts);
    if common.reconnect.policy.may_try() {
        found.line.sink.begin_again_with(Box::new(again));
    }
    open(found, common)
}

fn over(duplex: &Arc<dyn Duplex>, common: Common) -> Result<Client, Error> {
    let manner = Manner { common: &common, probe_timeout: PROBE_TIMEOUT, can_start_again: false };
    let counted = common.insight.of_client().line(Arc::clone(duplex));
    open(greeting::find(&manner, || Ok(Arc::clone(&counted)))?, common)
}

/// The client of a server that was found.
fn open(found: Found, common: Common) -> Result<Client, Error> {
    let Found { line, closing, era, session, discovered, requests } = found;
    log::debug!(target: log_target::CLIENT, "{} is {era}, found in {requests} requests", line.sink.place());
    let carrier = Carrier::Shared(Shared::new(line.sink, line.stream));
    // From here on, every way out closes what was opened.
    let opening = Opening::opened(carrier, session, common)?;
    closing.let_go();
    for data in line.early {
        opening.engine().take_kept(&data);
    }
    let opening = opening.found_in(requests);
    match era {
        Era::Stateless(version) => opening.with_server(discovered_by(discovered.as_deref(), version)?, version),
        _ => opening,
    }
    .into_client()
}

/// Starts a child process again and greets it as its predecessor was greeted (R-IO-17).
struct Respawn {
    command: Command,
    /// `None` in a revision without a handshake: such a server takes any request at once.
    hello: Option<InitializeParams>,
    version: Option<ProtocolVersion>,
    limits: Limits,
    timeout: Option<Duration>,
    insight: Arc<Insight>,
    transformer: Option<Transformer>,
}

impl Again<dyn Duplex, Decoder> for Respawn {
    fn start(
        &self,
        deadline: Option<Deadline>,
        opened: &dyn Fn(&Arc<dyn Duplex>),
    ) -> Result<Fresh<dyn Duplex, Decoder>, Error> {
        let child = self.insight.line(Child::start(&self.command)?);
        opened(&child);
        let mut line = Line::new(&child, &self.limits, &self.insight).transformed_by(self.transformer.clone());
        // Whoever waits for it has a deadline, which its end might not keep: the next start waits for that.
        self.greet(&mut line, deadline).inspect_err(|_| child.shut_down())?;
        Ok(line.stream.into_fresh())
    }
}

impl Respawn {
    fn greet(&self, line: &mut Line, deadline: Option<Deadline>) -> Result<(), Error> {
        let Some(hello) = &self.hello else { return Ok(()) };
        let own = self.timeout.map(|timeout| Deadline::after(clock::now(), timeout, Cause::Initialize));
        let session = line.shake_hands(ClientSession::new(self.limits.clone()), hello, deadline.or(own))?;
        if session.version() != self.version {
            let version = session.version().map_or("none", ProtocolVersion::as_str);
            return Err(PeerError::ProtocolVersion(version.into()).into());
        }
        Ok(())
    }
}

fn no_threads(error: &std::io::Error) -> Error {
    Error::Transport(TransportError {
        doing: "starting the threads of a line stream in",
        origin: "this process".into(),
        kind: error.kind(),
        problem: error.to_string(),
        delivery: Delivery::NotSent,
    })
}
