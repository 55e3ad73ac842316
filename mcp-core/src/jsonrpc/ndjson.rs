//! Newline framing: one message a line, as stdio carries them (R-IO).
//!
//! Reads land in the decoder's buffer and a message is a slice of it, as with the [event decoder](crate::sse::Decoder). To write,
//! append a message with one of the `write_*` functions, which keep it on one line, and then a `\n`.
//!
//! What is tolerated is what programs are seen to write: a CR before the LF, lines without anything but white space (R-IO-26), a
//! byte order mark before the first line, and a last line without an end, when the input is over. Whether a line is JSON
//! is not looked at here.
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

/// What a buffer may keep of its size when little is in it.
const KEEP: usize = 64 * 1024;

/// U+FEFF in UTF-8. Programs for Windows put it before their first line; in front of JSON it is an error (RFC 8259, 8.1).
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Finds messages in a stream of lines that arrives in pieces.
///
/// The buffer grows by doubling. It stays below four times [`Limits::message_bytes`] and twice a read's length as long as messages
/// are taken out before the next read; one larger than 64 KiB is given back once a fourth of it would do.
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
    /// No line has ended yet: a byte order mark may stand before the first.
    first: bool,
    /// There is no more input: what is left is a line.
    over: bool,
}

impl Decoder {
    /// A decoder at the start of a stream.
    pub fn new(limits: &Limits) -> Self {
        let bound = limits.message_bytes;
        Self { buf: Vec::new(), next: 0, searched: 0, end: 0, bound, failed: false, first: true, over: false }
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
        }
        let needed = self.end - self.next + min;
        if self.buf.len() > KEEP && needed <= self.buf.len() / 4 {
            self.resize(needed.max(KEEP));
        } else if self.buf.len() - self.end < min {
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

    /// There is no more input. A last line without an end becomes a message like any other.
    pub fn finish(&mut self) {
        self.over = true;
    }

    /// The next line that is not blank, without its end; `None` when more input is needed.
    ///
    /// # Errors
    ///
    /// [`Limit::MessageBytes`] when a line is longer. The stream is lost: every further call answers the same.
    pub fn next_message(&mut self) -> Result<Option<&[u8]>, LimitExceeded> {
        self.check()?;
        loop {
            let line = match memchr::memchr(b'\n', &self.buf[self.searched..self.end]) {
                Some(ahead) => {
                    let line = self.next..self.searched + ahead;
                    self.next = line.end + 1;
                    line
                }
                None if self.over => {
                    let line = self.next..self.end;
                    self.next = self.end;
                    line
                }
                None => {
                    self.searched = self.end;
                    return self.bounded(self.next..self.end).map(|_| None);
                }
            };
            self.searched = self.next;
            let line = self.bounded(line)?;
            self.first = false;
            if !self.buf[line.clone()].iter().all(u8::is_ascii_whitespace) {
                return Ok(Some(&self.buf[line]));
            }
            if self.next == self.end {
                return Ok(None);
            }
        }
    }

    /// Bytes that have not become a message: after the end of the stream, a message that was cut off.
    pub fn buffered(&self) -> usize {
        self.end - self.next
    }

    /// The line without the CR of a program in text mode on Windows and without a byte order mark, unless it is too long even so.
    fn bounded(&mut self, mut line: Range<usize>) -> Result<Range<usize>, LimitExceeded> {
        let bytes = &self.buf[line.clone()];
        if self.first && bytes.starts_with(BYTE_ORDER_MARK) {
            line.start += BYTE_ORDER_MARK.len();
        }
        if bytes.last() == Some(&b'\r') {
            line.end -= 1;
        }
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
            return self.resize((live + min).max(self.buf.len() * 2));
        }
        self.searched -= self.next;
        (self.next, self.end) = (0, live);
    }

    /// Moves what is there into a buffer of this size.
    fn resize(&mut self, size: usize) {
        let live = self.end - self.next;
        let mut buf = alloc::vec![0; size];
        buf[..live].copy_from_slice(&self.buf[self.next..self.end]);
        self.buf = buf;
        self.searched -= self.next;
        (self.next, self.end) = (0, live);
    }
}
