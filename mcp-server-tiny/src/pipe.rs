//! The server at one end of a byte stream that carries one message a line: stdio, a serial line, a pipe within the process
//! (R-IO). Bytes in and bytes out, without threads or sockets; with `std`,
//! [`Server::serve_stdio`](crate::Server::serve_stdio) moves the bytes.
//!
//! One client is at the other end. It may shake hands and so open a session, send requests that stand alone, or both: each
//! request says itself which it is.
//!
//! ```
//! use mcp_core::time::Instant;
//! use mcp_server_tiny::{Server, Tool};
//!
//! let server = Server::new("clock", "1.0.0").tool(Tool::new("time"), |_| Ok("noon"));
//! let mut pipe = server.pipe()?;
//!
//! let now = Instant::ZERO; // the caller's clock
//! let meta = r#"{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#;
//! let call = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"time","_meta":{meta}}}}}"#);
//! pipe.received(now, format!("{call}\n").as_bytes())?;
//! let sent = String::from_utf8(pipe.output().to_vec()).unwrap();
//! assert!(sent.contains(r#""content":[{"type":"text","text":"noon"}]"#) && sent.ends_with("}\n"));
//! pipe.sent(sent.len());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod desk;

use core::fmt;

use mcp_core::jsonrpc::ndjson;
use mcp_core::limits::LimitExceeded;
use mcp_core::time::Instant;

use crate::config::Config;
use crate::offers::Offers;
use crate::service::Service;
use desk::Desk;

/// A server at one end of a stream of lines.
pub struct Pipe {
    decoder: ndjson::Decoder,
    desk: Desk,
    /// How many bytes of the output are sent.
    sent: usize,
    /// Whether lines may wait until there is room for their answers.
    holds_lines: bool,
}

impl Pipe {
    pub(crate) fn new(config: &Config, service: Service) -> Self {
        let decoder = ndjson::Decoder::new(&config.messages);
        Self { decoder, desk: Desk::new(config, service), sent: 0, holds_lines: false }
    }

    /// Takes in bytes that the client sent. Handlers that are not on workers run before this returns. While
    /// [`wants_input`](Self::wants_input) is false it is better not to read more. Short lines may have long answers: lines
    /// past `limits.output_bytes` of these wait until some are sent, and [`next_wake`](Self::next_wake) says so.
    ///
    /// # Errors
    ///
    /// [`LimitExceeded`] when a line is longer than `message_limits` allow (R-IO-29). Where the next one begins is then
    /// unknown; every further call says the same.
    pub fn received(&mut self, now: Instant, bytes: &[u8]) -> Result<(), LimitExceeded> {
        self.decoder.push(bytes)?;
        self.take_lines(now)
    }

    /// The client will send nothing more: a last line without an end counts. What is in flight may still be answered;
    /// [`in_flight`](Self::in_flight) says whether anything is.
    ///
    /// # Errors
    ///
    /// As [`received`](Self::received).
    pub fn ended(&mut self, now: Instant) -> Result<(), LimitExceeded> {
        self.decoder.finish();
        let taken = self.take_lines(now);
        self.desk.has_ended = true;
        taken
    }

    fn take_lines(&mut self, now: Instant) -> Result<(), LimitExceeded> {
        while self.wants_input() {
            self.holds_lines = false;
            let Some(line) = self.decoder.next_message()? else { return Ok(()) };
            self.desk.take(now, line);
            self.holds_lines = true;
        }
        Ok(())
    }

    /// Whether lines waited for room that there is now.
    fn has_lines(&self) -> bool {
        self.holds_lines && self.wants_input()
    }

    /// Takes in lines that waited for room, if there is some now.
    #[cfg(feature = "std")]
    pub(crate) fn go_on(&mut self, now: Instant) -> Result<bool, LimitExceeded> {
        let goes_on = self.has_lines();
        if goes_on {
            self.take_lines(now)?;
        }
        Ok(goes_on)
    }

    /// What is to be sent next, as much as there is.
    pub fn output(&self) -> &[u8] {
        &self.desk.out[self.sent..]
    }

    /// The first `count` bytes of the output were sent.
    pub fn sent(&mut self, count: usize) {
        self.sent = self.desk.out.len().min(self.sent.saturating_add(count));
        if self.sent == self.desk.out.len() {
            self.sent = 0;
            self.desk.out.clear();
            self.desk.out.shrink_to(KEPT);
        } else if self.sent >= KEPT && self.sent * 2 >= self.desk.out.len() {
            self.desk.out.drain(..self.sent);
            self.sent = 0;
        }
    }

    /// Whether more input is welcome: not while more than `limits.output_bytes` wait for a client that does not read.
    pub fn wants_input(&self) -> bool {
        self.output().len() <= self.desk.output_bytes
    }

    /// How many requests have no answer yet. Subscriptions do not count: they have none. Nor do calls that asked their
    /// client something, once input has [ended](Self::ended): nobody can answer them.
    pub fn in_flight(&self) -> usize {
        self.desk.in_flight()
    }

    /// When to call [`handle_timeouts`](Self::handle_timeouts) at the latest.
    pub fn next_wake(&self) -> Option<Instant> {
        if self.has_lines() { Some(Instant::ZERO) } else { self.desk.service.next_timeout() }
    }

    /// Does what is due: calls whose client did not answer a question in time fail, and lines that waited for room are taken in.
    pub fn handle_timeouts(&mut self, now: Instant) {
        self.desk.handle_timeouts(now);
        if self.has_lines() {
            // A line that is too long is told of again by the next call that can.
            let _ = self.take_lines(now);
        }
    }

    /// Sends some of what workers, deferred replies and notifiers have to say, and says whether there may be more: then it is
    /// to be called again after what there is now was sent.
    #[cfg(feature = "std")]
    pub fn deliver_replies(&mut self, now: Instant) -> bool {
        self.desk.deliver_replies(now)
    }

    /// What is offered, to be changed. The client is told as soon as the pipe is next given something to do.
    pub fn offers(&mut self) -> Offers<'_> {
        self.desk.service.offers()
    }

    /// Ends everything: subscriptions are told so (R-ST-45), and requests in flight are cancelled.
    pub fn stop(&mut self) {
        self.desk.stop();
    }

    #[cfg(feature = "std")]
    pub(crate) fn service_mut(&mut self) -> &mut Service {
        &mut self.desk.service
    }
}

/// What the output buffer may keep of its size when it is empty.
const KEPT: usize = 64 << 10;

impl fmt::Debug for Pipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipe").field("in_flight", &self.in_flight()).finish_non_exhaustive()
    }
}
