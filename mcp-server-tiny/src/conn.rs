//! One connection: what of its input is incomplete, what of its output is unsent, and where it stands.
//!
//! A connection that waits, which is what an event stream does most of its life, holds no buffer: input is parsed where
//! the caller read it to and only an incomplete request is copied; an output buffer is borrowed from [`Buffers`] and
//! given back when its last byte is sent.

use alloc::boxed::Box;
use alloc::vec::Vec;

use mcp_core::time::Instant;

use crate::http1::{Body, Persistence, Scan};
use crate::parts::{HttpSse, Listening};
use crate::slab::Key;
use crate::timers::Armed;

/// One connection.
#[derive(Debug)]
pub(crate) struct Conn {
    pub(crate) phase: Phase,
    /// The bytes of a head that is incomplete, or of requests that wait until the one before them is answered.
    pub(crate) input: Vec<u8>,
    pub(crate) scan: Scan,
    /// Bytes to send, of which the first `sent` are sent. Empty and without memory when nothing waits.
    pub(crate) output: Vec<u8>,
    pub(crate) sent: usize,
    /// How many bytes of `output` are counted in what waits in all.
    pub(crate) counted: usize,
    /// When the phase began, or on a stream when something was last written.
    pub(crate) since: Instant,
    /// Since when the peer has read nothing although there is something to read.
    pub(crate) stalled: Option<Instant>,
    pub(crate) armed: Armed,
    /// The stream that was answered with on it last: its session and its number there.
    pub(crate) answered: Option<(Key, u32)>,
    /// Whether it is in the list of connections to look after.
    pub(crate) ready: bool,
    /// Whether the peer has ended its side while requests of it waited for room.
    pub(crate) has_ended: bool,
}

/// Where a connection stands.
#[derive(Debug)]
pub(crate) enum Phase {
    /// No request has begun.
    Idle,
    /// A head is incomplete.
    Head,
    /// A body is incomplete.
    Body(Box<Pending>),
    /// It carries the one stream of this HTTP+SSE session; input means nothing.
    Stream(Key, HttpSse),
    /// It carries the stream that this session opened with a GET (R-SH-19); input means nothing.
    Listening(Key, Listening),
    /// Its request is being answered: the row of the exchange. Input is kept until the answer is complete.
    Answering(Key),
    /// It is closed when the output is sent.
    Ending,
    /// As `Ending`, but input may still come: our side is closed first, so that the answer is not lost to a reset.
    Lingering {
        /// Whether our side is closed.
        half_closed: bool,
    },
    /// It is to be closed now, whatever is unsent.
    Dead,
}

/// A request whose body is incomplete.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) terms: Terms,
    pub(crate) action: Action,
    pub(crate) body: Body,
    pub(crate) kept: Vec<u8>,
}

/// What a request is once its body is complete.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// A message to this HTTP+SSE session.
    Message(Key, HttpSse),
    /// A message to the endpoint of Streamable HTTP. Its head, to be read again: the body decides what its fields mean.
    Post(Box<[u8]>),
    /// Answered already; the body is read to find the next request.
    Skip,
}

/// What the answer to a request has to know of its head.
#[derive(Debug, Clone)]
pub(crate) struct Terms {
    pub(crate) persistence: Persistence,
    pub(crate) head_only: bool,
    /// Header lines for a page of an allowed origin.
    pub(crate) cors: Option<Box<str>>,
}

impl Pending {
    /// Bytes that it keeps.
    pub(crate) fn held(&self) -> usize {
        self.kept.len() + if let Action::Post(head) = &self.action { head.len() } else { 0 }
    }
}

impl Conn {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            phase: Phase::Idle,
            input: Vec::new(),
            scan: Scan::default(),
            output: Vec::new(),
            sent: 0,
            counted: 0,
            since: now,
            stalled: None,
            armed: Armed::default(),
            answered: None,
            ready: false,
            has_ended: false,
        }
    }

    /// Bytes that are not sent yet.
    pub(crate) fn unsent(&self) -> &[u8] {
        &self.output[self.sent..]
    }

    /// Bytes of requests that arrived in part.
    pub(crate) fn held(&self) -> usize {
        self.input.len() + if let Phase::Body(pending) = &self.phase { pending.held() } else { 0 }
    }

    /// Whether its input may be requests that wait, behind an answer that is not complete or behind many that are not sent.
    pub(crate) fn may_hold_requests(&self) -> bool {
        matches!(self.phase, Phase::Answering(_) | Phase::Idle)
    }

    /// Whether requests wait until the answers before them are sent.
    pub(crate) fn waits_for_room(&self) -> bool {
        matches!(self.phase, Phase::Idle) && !self.input.is_empty()
    }

    /// The buffer to append output to.
    pub(crate) fn writer(&mut self, buffers: &mut Buffers) -> &mut Vec<u8> {
        if self.output.capacity() == 0 {
            self.output = buffers.take();
        }
        &mut self.output
    }

    /// Drops what is unsent.
    pub(crate) fn discard_output(&mut self) {
        (self.output, self.sent, self.stalled) = (Vec::new(), 0, None);
    }

    /// Gives back a buffer that was taken for nothing.
    pub(crate) fn give_back(&mut self, buffers: &mut Buffers) {
        if self.output.is_empty() {
            buffers.give(core::mem::take(&mut self.output));
        }
    }

    /// Notes that the peer was given `count` bytes, which may be none.
    pub(crate) fn note_sent(&mut self, now: Instant, count: usize, buffers: &mut Buffers) {
        self.sent = self.output.len().min(self.sent + count);
        if self.sent == self.output.len() {
            self.stalled = None;
            self.sent = 0;
            buffers.give(core::mem::take(&mut self.output));
            return;
        }
        if count > 0 || self.stalled.is_none() {
            self.stalled = Some(now);
        }
        // Half of a long backlog is gone: move the rest, so that the buffer neither grows with all that was ever sent nor
        // stays as large as it once had to be while a peer never reads the last bytes.
        if self.sent >= 64 * 1024 && self.sent * 2 >= self.output.len() {
            self.output.drain(..self.sent);
            self.output.shrink_to(64 * 1024);
            self.sent = 0;
        }
    }
}

/// Buffers that nobody needs at the moment, so that a busy server does not ask the allocator for each call.
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    spare: Vec<Vec<u8>>,
    /// The largest buffer kept.
    bytes: usize,
}

impl Buffers {
    /// Buffers kept. As many as one turn of a busy loop has in use.
    const SPARE: usize = 16;

    /// None yet; those that are kept have at most so many bytes together.
    pub(crate) fn new(bytes: usize) -> Self {
        Self { spare: Vec::new(), bytes: bytes / Self::SPARE }
    }

    /// An empty buffer.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        self.spare.pop().unwrap_or_else(|| Vec::with_capacity(512))
    }

    /// Takes a buffer back.
    pub(crate) fn give(&mut self, mut buffer: Vec<u8>) {
        if (1..=self.bytes).contains(&buffer.capacity()) && self.spare.len() < Self::SPARE {
            buffer.clear();
            self.spare.push(buffer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_that_leaves_the_last_bytes_unread_does_not_hold_all_that_was_sent_to_it() {
        let (mut conn, mut buffers) = (Conn::new(Instant::ZERO), Buffers::new(0));
        conn.writer(&mut buffers).resize(1 << 20, b'x');
        conn.note_sent(Instant::ZERO, (1 << 20) - 10, &mut buffers);
        assert_eq!(conn.unsent().len(), 10);
        assert!(conn.output.capacity() <= 64 << 10, "{} bytes", conn.output.capacity());
    }
}
