//! An event stream as the body of an answer: its head, and how its end is told (RFC 9112 sections 6.3 and 7.1).
//!
//! A stream that owns its connection ends where the connection ends. One that answers a POST is sent in chunks, so that the next
//! request finds the connection open. Each event is one chunk; its size is written with a fixed number of digits, so that
//! it can be filled in behind the event's back and the event is written once, where it is sent from.

use alloc::vec::Vec;

use super::Persistence;
use super::response::end_head;

/// How the end of a stream is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Delimiter {
    /// By the end of the connection: what HTTP/1.0 understands, and all that is needed where nothing follows. Each event
    /// says itself where it ends and one cut short is dropped by the grammar, so chunks would only repeat that.
    #[default]
    Close,
    /// By an empty chunk; another answer may follow.
    Chunks,
}

impl Delimiter {
    /// What an answer to a request with this persistence is to use.
    pub fn of(persistence: Persistence) -> Self {
        match persistence {
            Persistence::KeepAlive => Self::Chunks,
            // HTTP/1.0 has no chunks, and a connection that closes needs none.
            Persistence::KeepAliveHttp10 | Persistence::Close => Self::Close,
        }
    }
}

/// Appends the head of an event stream (R-SSE-34, R-ST-18). `fields` are whole lines, each with its CR LF; the caller vouches that no
/// value holds CR, LF or NUL.
///
/// `no-transform` and `X-Accel-Buffering` keep proxies from compressing or holding back events.
pub fn write_event_stream_head(out: &mut Vec<u8>, fields: &[&str], delimiter: Delimiter) {
    out.extend_from_slice(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache, no-transform\r\n\
          X-Accel-Buffering: no\r\n",
    );
    fields.iter().for_each(|lines| out.extend_from_slice(lines.as_bytes()));
    match delimiter {
        Delimiter::Close => end_head(out, Persistence::Close),
        Delimiter::Chunks => out.extend_from_slice(b"Transfer-Encoding: chunked\r\n\r\n"),
    }
}

/// A chunk that was begun; to be given to [`finish`](Chunk::finish) or [`discard`](Chunk::discard) with the same buffer.
#[derive(Debug)]
#[must_use = "a chunk that is not finished has no size"]
pub struct Chunk {
    start: usize,
    delimiter: Delimiter,
}

/// The size of a chunk before it is known. Eight hexadecimal digits: four gigabytes; leading zeros are part of the grammar.
const SIZE: &[u8] = b"00000000\r\n";

impl Chunk {
    /// What is appended to `out` from here to [`finish`](Self::finish) is one chunk, or simply more of the stream.
    pub fn begin(out: &mut Vec<u8>, delimiter: Delimiter) -> Self {
        let start = out.len();
        if delimiter == Delimiter::Chunks {
            out.extend_from_slice(SIZE);
        }
        Self { start, delimiter }
    }

    /// Ends it. One without content is taken back: an empty chunk would end the stream.
    pub fn finish(self, out: &mut Vec<u8>) {
        if self.delimiter == Delimiter::Close {
            return;
        }
        let mut size = out.len() - self.start - SIZE.len();
        if size == 0 {
            return self.discard(out);
        }
        for digit in out[self.start..self.start + SIZE.len() - 2].iter_mut().rev() {
            *digit = b"0123456789abcdef"[size & 15];
            size >>= 4;
        }
        out.extend_from_slice(b"\r\n");
    }

    /// Takes it back, with all that was appended since.
    pub fn discard(self, out: &mut Vec<u8>) {
        out.truncate(self.start);
    }
}

/// Appends what tells the end of a stream; nothing for one that ends with its connection.
pub fn write_end(out: &mut Vec<u8>, delimiter: Delimiter) {
    if delimiter == Delimiter::Chunks {
        out.extend_from_slice(b"0\r\n\r\n");
    }
}
