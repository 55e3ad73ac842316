//! Newline framing: one message a line, as stdio carries them (R-IO).
//!
//! Reads land in the decoder's buffer and a message is a slice of it, as with the [event decoder](crate::sse::Decoder). To write,
//! append a message with one of the `write_*` functions, which keep it on one line, and then a `\n`.
//!
//! ```
//! use mcp_core::jsonrpc::ndjson::Decoder;
//! use mcp_core::Limits;
//!
//! let mut decoder = Decoder::new(&Limits::default());
//! decoder.push(b"{\"jsonrpc\":\"2.0\",\"method\":\"a\"}\r\n\n{\"json")?;
//! assert_eq!(decoder.next_message()?, Some(&br#"{"jsonrpc":"2.0","method":"a"}"#[..]));
//! assert_eq!(decoder.next_message()?, None); // an empty line is no message, and the next one is not complete
//! # Ok::<(), mcp_core::limits::LimitExceeded>(())
//! ```

use alloc::vec::Vec;
use core::ops::Range;

use crate::Limits;
use crate::limits::{Limit, LimitExceeded};

/// What a drained buffer may keep.
const KEEP: usize = 64 * 1024;

/// Finds messages in a stream of lines that arrives in pieces.
///
/// The buffer grows by doubling. It stays below four times [`Limits::message_bytes`] and twice a read's length as long as messages
/// are taken out before the next read; one larger than 64 KiB is given back when it is drained.
#[derive(Debug)]
pub struct Decoder {
    /// Initialised throughout, so that reads can land in it.
    buf: Vec<u8>,
    /// Where the first line begins that was not handed out. At most `searched`.
    next: usize,
    /// There is no line end in `next..searched`. At most `end`.
    searched: usize,
    /// End of the input. At most `buf.len()`.
    end: usize,
    /// Bound of one line.
    bound: usize,
    failed: bool,
}

impl Decoder {
    /// A decoder at the start of a stream.
    pub fn new(limits: &Limits) -> Self {
        Self { buf: Vec::new(), next: 0, searched: 0, end: 0, bound: limits.message_bytes, failed: false }
    }

    /// Free room of the buffer, to read into: `min` bytes or more.
    ///
    /// # Errors
    ///
    /// [`Limit::MessageBytes`] when [`next_message`](Self::next_message) ended with it.
    pub fn space(&mut self, min: usize) -> Result<&mut [u8], LimitExceeded> {
        self.check()?;
        if self.next == self.end {
            (self.next, self.searched, self.end) = (0, 0, 0);
            if self.buf.len() > KEEP.max(min) {
                self.buf = Vec::new();
            }
        }
        if self.buf.len() - self.end < min {
            self.make_room(min);
        }
        Ok(&mut self.buf[self.end..])
    }

    /// Takes the first `n` bytes of the last [`space`](Self::space) as input.
    ///
    /// # Panics
    ///
    /// If that space was shorter than `n`.
    pub fn filled(&mut self, n: usize) {
        assert!(n <= self.buf.len() - self.end, "more bytes filled than there was space for");
        self.end += n;
    }

    /// Takes a copy of `bytes` as input: for callers that have them already.
    ///
    /// # Errors
    ///
    /// Those of [`space`](Self::space).
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), LimitExceeded> {
        self.space(bytes.len())?[..bytes.len()].copy_from_slice(bytes);
        self.filled(bytes.len());
        Ok(())
    }

    /// The next line that is not empty, without its end; `None` when more input is needed.
    ///
    /// # Errors
    ///
    /// [`Limit::MessageBytes`] when a line is longer. The stream is lost: every further call answers the same.
    pub fn next_message(&mut self) -> Result<Option<&[u8]>, LimitExceeded> {
        self.check()?;
        loop {
            let Some(ahead) = memchr::memchr(b'\n', &self.buf[self.searched..self.end]) else {
                self.searched = self.end;
                return self.bounded(self.next..self.end).map(|_| None);
            };
            let line_end = self.searched + ahead;
            let line = self.next..line_end;
            self.next = line_end + 1;
            self.searched = self.next;
            let line = self.bounded(line)?;
            if !line.is_empty() {
                return Ok(Some(&self.buf[line]));
            }
        }
    }

    /// Bytes that have not become a message: after the end of the stream, a message that was cut off.
    pub fn buffered(&self) -> usize {
        self.end - self.next
    }

    /// The line without the CR of a program in text mode on Windows, unless it is too long even so.
    fn bounded(&mut self, line: Range<usize>) -> Result<Range<usize>, LimitExceeded> {
        let line = if self.buf[line.clone()].last() == Some(&b'\r') { line.start..line.end - 1 } else { line };
        self.failed = line.len() > self.bound;
        self.check().map(|()| line)
    }

    fn check(&self) -> Result<(), LimitExceeded> {
        if self.failed {
            return Err(LimitExceeded { limit: Limit::MessageBytes, bound: self.bound });
        }
        Ok(())
    }

    /// Moves what is there to the front, and grows when that is not enough. An unfinished line is bounded, hence so is the
    /// buffer, as long as messages are taken out before the next read.
    fn make_room(&mut self, min: usize) {
        let live = self.end - self.next;
        if self.buf.len() - live >= min && self.next >= live {
            self.buf.copy_within(self.next..self.end, 0);
        } else {
            let mut buf = alloc::vec![0; (live + min).max(self.buf.len() * 2)];
            buf[..live].copy_from_slice(&self.buf[self.next..self.end]);
            self.buf = buf;
        }
        self.searched -= self.next;
        (self.next, self.end) = (0, live);
    }
}
