//! Connections on a line that knows of none.
//!
//! Clients come and go at the other end of a serial line, one at a time, and the device is not told. As long as requests are
//! complete that does not matter: HTTP means the same whoever sends the next one. What matters is a client that leaves in the
//! middle of a request, and one that was refused before it had sent all of its request: where does the next request begin?
//!
//! * Bytes that come after the line was quiet for [`QUIET`] and look like the beginning of a request are one. What was there
//!   of another is forgotten.
//! * After a refusal, and after the start of the device, the position is lost: everything up to such a beginning is dropped. If
//!   there may have been a request in it, whoever sent it is told to try again (503), so that nobody waits in vain.
//! * A request that is not complete in time is answered 408.
//!
//! Without the quiet the middle of a body could pose as a request, one that a web page has put there, past the checks of
//! `Host` and `Origin`. See README.md for what that leaves open.

use core::time::Duration;

use mcp_core::time::Instant;
use mcp_server_tiny::Engine;
use mcp_server_tiny::engine::{ConnId, Next};

use crate::uart::Uart;

/// A client that pauses for as long in the middle of a request, and goes on with what looks like a request, is not understood.
const QUIET: Duration = Duration::from_millis(50);

/// The beginnings of requests.
const STARTS: [&[u8]; 5] = [b"POST /", b"GET /", b"DELETE /", b"OPTIONS /", b"HEAD /"];

/// The longest of them.
const START_BYTES: usize = 9;

/// For whoever may have sent a request while the position was lost.
const BUSY: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// The line and the server at its end.
pub(crate) struct Line {
    engine: Engine,
    state: State,
    /// When the last byte came.
    last: Instant,
    /// Bytes after a quiet time that may become the beginning of a request; `None`: they have been judged.
    held: Option<Held>,
    /// Whether the last answer was a refusal.
    refused: bool,
}

#[derive(Default)]
struct Held {
    bytes: [u8; START_BYTES],
    count: usize,
}

enum State {
    /// Whatever comes is a request.
    Between,
    /// A connection, on which anything may stand.
    Open(ConnId),
    /// Where the next request begins is not known.
    Lost(Passed),
}

/// What went by while the position was lost.
#[derive(Default)]
struct Passed {
    last: u64,
    may_be_request: bool,
}

enum Start {
    Is,
    MayBecome,
    IsNot,
}

impl Line {
    pub(crate) fn new(engine: Engine) -> Self {
        // A client may have begun before the device was ready.
        let state = State::Lost(Passed::default());
        Self { engine, state, last: Instant::ZERO, held: None, refused: false }
    }

    /// Bytes came.
    pub(crate) fn heard(&mut self, now: Instant, mut bytes: &[u8]) {
        if now.since(self.last) >= QUIET && !matches!(self.state, State::Between) {
            self.held = Some(Held::default());
        }
        self.last = now;
        while let (Some(held), [first, rest @ ..]) = (&mut self.held, bytes) {
            bytes = rest;
            held.bytes[held.count] = *first;
            held.count += 1;
            match held.start() {
                Start::MayBecome => {}
                Start::Is => {
                    self.begin(now);
                    self.give_held(now);
                }
                Start::IsNot => self.give_held(now),
            }
        }
        self.give(now, bytes);
    }

    /// Does what is due and sends what there is to send. To be called after each look at the line.
    pub(crate) fn turn(&mut self, now: Instant, uart: &Uart) {
        let is_quiet = now.since(self.last) >= QUIET;
        if is_quiet {
            self.give_held(now);
        }
        if self.engine.next_wake().is_some_and(|due| due <= now) {
            self.engine.handle_timeouts(now);
        }
        while let Some(conn) = self.engine.next_ready() {
            let output = self.engine.output(conn);
            if !output.is_empty() {
                self.refused = !output.starts_with(b"HTTP/1.1 2");
                uart.write(output);
                let count = output.len();
                self.engine.sent(conn, now, count);
            }
            if self.engine.next(conn) != Next::Wait {
                self.engine.closed(conn);
                self.state = if self.refused { State::Lost(Passed::default()) } else { State::Between };
            }
        }
        if let State::Lost(passed) = &mut self.state
            && is_quiet
            && passed.may_be_request
        {
            *passed = Passed::default();
            uart.write(BUSY);
        }
    }

    /// Whatever stood on the line is over.
    fn begin(&mut self, now: Instant) {
        if let State::Open(conn) = self.state {
            self.engine.closed(conn);
        }
        self.refused = false;
        self.state = self.engine.accept(now).map_or(State::Lost(Passed::default()), State::Open);
    }

    fn give_held(&mut self, now: Instant) {
        if let Some(held) = self.held.take() {
            self.give(now, &held.bytes[..held.count]);
        }
    }

    fn give(&mut self, now: Instant, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        if matches!(self.state, State::Between) {
            self.begin(now);
        }
        match &mut self.state {
            State::Open(conn) => self.engine.received(*conn, now, bytes),
            State::Lost(passed) => bytes.iter().for_each(|byte| passed.note(*byte)),
            State::Between => {}
        }
    }
}

impl Held {
    fn start(&self) -> Start {
        let bytes = &self.bytes[..self.count];
        if STARTS.contains(&bytes) {
            Start::Is
        } else if STARTS.iter().any(|start| start.starts_with(bytes)) {
            Start::MayBecome
        } else {
            Start::IsNot
        }
    }
}

impl Passed {
    /// What every request has in its first line.
    fn note(&mut self, byte: u8) {
        self.last = self.last << 8 | u64::from(byte);
        self.may_be_request |= self.last.to_be_bytes() == *b" HTTP/1.";
    }
}
