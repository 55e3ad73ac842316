//! The server's engine under a clock that the test moves: no sockets, no waiting.

use std::time::Duration;

use mcp_core::time::Instant;
use mcp_server_tiny::Server;
use mcp_server_tiny::engine::{ConnId, Engine, Next};

use crate::raw_http::{INITIALIZE, INITIALIZED, RawAnswer, post};
use crate::schema_judge::Side;
use crate::wire_judge::{Verdict, Wire as Judge};

/// An engine, its clock, and what its connections were sent.
#[derive(Debug)]
pub struct RawEngine {
    /// The engine itself.
    pub engine: Engine,
    now: Instant,
    wires: Vec<Wire>,
    /// What the engine sends is judged; the test fails at its end.
    verdict: Verdict,
}

#[derive(Debug)]
struct Wire {
    id: ConnId,
    sent: Vec<u8>,
    judge: Judge,
    reads: bool,
    half_closed: bool,
    closed: bool,
}

/// A session in an engine.
#[derive(Debug, Clone)]
pub struct EngineSession {
    /// The connection of its stream.
    pub stream: ConnId,
    /// A connection for its posts.
    pub posts: ConnId,
    /// The data of the `endpoint` event.
    pub endpoint: String,
}

impl RawEngine {
    /// An engine of `server`; its secrets count up from 1.
    ///
    /// # Panics
    ///
    /// When a setting cannot work.
    pub fn new(server: Server) -> Self {
        let mut count = 0u128;
        let entropy = move |secret: &mut [u8; 16]| {
            count += 1;
            *secret = count.to_be_bytes();
            true
        };
        Self {
            engine: server.engine(entropy).expect("the settings work"),
            now: Instant::ZERO,
            wires: Vec::new(),
            verdict: Verdict::default(),
        }
    }

    /// The test's time.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// Moves the clock, stopping wherever the engine wants to be woken.
    pub fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        let mut wakes = 0;
        while let Some(at) = self.engine.next_wake().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.engine.handle_timeouts(self.now);
            self.settle();
            wakes += 1;
            assert!(wakes < 1_000_000, "the engine wants to be woken without end");
        }
        self.now = end;
    }

    /// A new connection.
    ///
    /// # Panics
    ///
    /// When the engine takes none.
    pub fn connect(&mut self) -> ConnId {
        self.try_connect().expect("there is room for a connection")
    }

    /// A new connection, if there is room.
    pub fn try_connect(&mut self) -> Option<ConnId> {
        let id = self.engine.accept(self.now)?;
        let judge = self.verdict.wire(Side::Server);
        self.wires.push(Wire { id, sent: Vec::new(), judge, reads: true, half_closed: false, closed: false });
        Some(id)
    }

    /// The peer of `id` sends bytes.
    pub fn send(&mut self, id: ConnId, bytes: impl AsRef<[u8]>) {
        self.wire(id).judge.requested(bytes.as_ref());
        self.engine.received(id, self.now, bytes.as_ref());
        self.settle();
    }

    /// The peer of `id` ends its side.
    pub fn end(&mut self, id: ConnId) {
        self.engine.ended(id, self.now);
        self.settle();
    }

    /// The peer of `id` stops reading, or begins again.
    pub fn reads(&mut self, id: ConnId, reads: bool) {
        self.wire(id).reads = reads;
        if reads {
            self.flush(id);
        }
        self.settle();
    }

    /// Takes what was sent to `id` so far.
    pub fn taken(&mut self, id: ConnId) -> String {
        String::from_utf8_lossy(&std::mem::take(&mut self.wire(id).sent)).into_owned()
    }

    /// Takes the next answer sent to `id`.
    ///
    /// # Panics
    ///
    /// When there is none.
    pub fn answer(&mut self, id: ConnId) -> RawAnswer {
        let sent = &mut self.wire(id).sent;
        RawAnswer::take_from(sent).unwrap_or_else(|| panic!("no answer in {:?}", String::from_utf8_lossy(sent)))
    }

    /// Sends a request on `id` and takes its answer.
    pub fn ask(&mut self, id: ConnId, request: impl AsRef<[u8]>) -> RawAnswer {
        self.send(id, request);
        self.answer(id)
    }

    /// Sends a request on a connection of its own, which then ends, and gives its answer.
    pub fn connect_and_ask(&mut self, request: &str) -> RawAnswer {
        let id = self.connect();
        let answer = self.ask(id, request);
        self.end(id);
        answer
    }

    /// Whether the engine has closed `id`.
    pub fn is_closed(&mut self, id: ConnId) -> bool {
        self.wire(id).closed
    }

    /// Whether the engine has closed its side of `id` and waits for the peer's end.
    pub fn is_half_closed(&mut self, id: ConnId) -> bool {
        self.wire(id).half_closed
    }

    /// Opens `/sse` and a connection for posts.
    ///
    /// # Panics
    ///
    /// When the answer is no event stream with an endpoint.
    pub fn open(&mut self) -> EngineSession {
        self.open_at("/sse")
    }

    /// The same at another path.
    ///
    /// # Panics
    ///
    /// As [`RawEngine::open`].
    pub fn open_at(&mut self, path: &str) -> EngineSession {
        let stream = self.connect();
        self.send(stream, format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        let text = self.taken(stream);
        let endpoint = text.split_once("data: ").and_then(|(_, rest)| rest.lines().next()).expect("an endpoint");
        let endpoint = endpoint.to_owned();
        EngineSession { stream, posts: self.connect(), endpoint }
    }

    /// Opens `/sse` and shakes hands; the stream is empty afterwards.
    pub fn initialized(&mut self) -> EngineSession {
        let session = self.open();
        self.post(&session, INITIALIZE);
        self.post(&session, INITIALIZED);
        self.taken(session.stream);
        session
    }

    /// Posts a message to a session and gives the answer to the post.
    pub fn post(&mut self, session: &EngineSession, message: &str) -> RawAnswer {
        self.ask(session.posts, post(&session.endpoint, message))
    }

    /// Does what the engine asks for until it asks for nothing.
    pub fn settle(&mut self) {
        while let Some(id) = self.engine.next_ready() {
            self.flush(id);
        }
    }

    fn flush(&mut self, id: ConnId) {
        let Some(wire) = self.wires.iter_mut().find(|wire| wire.id == id) else { return };
        let output = self.engine.output(id);
        let count = if wire.reads { output.len() } else { 0 };
        if !output.is_empty() {
            wire.sent.extend_from_slice(&output[..count]);
            wire.judge.answered(&output[..count]);
            self.engine.sent(id, self.now, count);
        }
        match self.engine.next(id) {
            Next::Wait => {}
            Next::HalfClose => {
                wire.half_closed = true;
                self.engine.half_closed(id);
            }
            Next::Close => {
                wire.closed = true;
                self.engine.closed(id);
            }
        }
    }

    fn wire(&mut self, id: ConnId) -> &mut Wire {
        self.wires.iter_mut().find(|wire| wire.id == id).expect("the connection was made here")
    }
}
