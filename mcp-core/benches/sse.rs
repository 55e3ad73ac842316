//! How fast the event-stream decoder is, beside the least that finding lines or moving bytes costs.
//!
//! `cargo bench -p mcp-core --bench sse`
//!
//! A read is modelled as a copy from the source into [`Decoder::space`], as a socket's read would be; its cost is part of ours and, but
//! for the third case, not of the limit's. The source is about 1 MiB and is read over and over, reads going on across its
//! end and stopping wherever they happen to stop in an event; one decoder lives through all of it. Source and buffer lie in the
//! second-level cache of most machines.
//!
//! Small pieces are measured twice: handed over with [`Decoder::push`], as by a caller that has read them elsewhere, and read into the
//! decoder's space. The copy that stands for a read makes the second look worse than it is: the bytes are searched while
//! the processor still holds them in its store queue, and to read them back from there stalls it for about 5 ns. Between a read from a socket and
//! the search lies the end of a system call.

use std::hint::black_box;

use mcp_core::Limits;
use mcp_core::sse::Decoder;
use memchr::memchr_iter;

mod harness;

use harness::{Case, Target, compare};

/// Bytes of source.
const SOURCE: usize = 1 << 20;

/// Bytes of a read, unless a case says otherwise.
const READ: usize = 16 * 1024;

fn main() {
    short_events();
    messages();
    messages_with_cr_lf();
    large_events();
    small_pieces();
}

/// 40 bytes: a `data` line and the empty line.
fn short_events() {
    let source = Source::of(&event("data: ", 40), READ);
    compare(&source.case("events of 40 bytes", 40, Target::SpeedAtLeast(0.45)), source.decode(), || {
        lines(source.once())
    });
}

/// 1 KB: `event: message`, a `data` line with JSON, the empty line.
fn messages() {
    let source = Source::of(&event("event: message\ndata: ", 1024), READ);
    compare(&source.case("messages of 1 KB", 1024, Target::SpeedAtLeast(0.45)), source.decode(), || {
        lines(source.once())
    });
}

/// As before, lines ending in CR LF, which is what servers written in Python send.
fn messages_with_cr_lf() {
    let event = String::from_utf8(event("event: message\ndata: ", 1021)).expect("text").replace('\n', "\r\n");
    let source = Source::of(event.as_bytes(), READ);
    compare(&source.case("messages of 1 KB with CR LF", 1024, Target::None), source.decode(), || lines(source.once()));
}

/// 1 MB in one line.
fn large_events() {
    let source = Source::of(&event("data: ", 1_000_000), READ);
    let mut copy = vec![0; source.once().len()];
    let case = source.case("events of 1 MB (limit: memcpy)", 1_000_000, Target::SpeedAtLeast(0.35));
    compare(&case, source.decode(), || {
        copy.copy_from_slice(black_box(source.once()));
        black_box(&copy).len()
    });
}

/// 1 KB events of which every read brings 100 bytes. The limit searches each piece by itself.
fn small_pieces() {
    let source = Source::of(&event("event: message\ndata: ", 1024), 100);
    let limit = || source.once().chunks(100).map(lines).fold(0, usize::wrapping_add);
    let case = source.case("messages of 1 KB in pieces of 100 bytes", 100, Target::SpeedAtLeast(0.45));
    compare(&case, source.decode_pushed(), limit);
    compare(&source.case("the same, read into the decoder's space", 100, Target::None), source.decode(), limit);
}

/// Positions of all line feeds, one search for each.
fn lines(bytes: &[u8]) -> usize {
    memchr_iter(b'\n', black_box(bytes)).fold(0, usize::wrapping_add)
}

/// An event of `length` bytes whose payload looks like JSON.
fn event(before: &str, length: usize) -> Vec<u8> {
    let payload = length - before.len() - 2;
    let text = r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"value"}},"#;
    [before.as_bytes(), &text.as_bytes().repeat(payload / text.len() + 1)[..payload], b"\n\n"].concat()
}

/// Whole events, as many as fit.
struct Source {
    /// The events, and the first bytes once more, so that a read across the end is one piece.
    bytes: Vec<u8>,
    /// Bytes of the events.
    length: usize,
    read: usize,
}

impl Source {
    fn of(event: &[u8], read: usize) -> Self {
        let mut bytes = event.repeat(SOURCE / event.len());
        let length = bytes.len();
        bytes.extend_from_within(..read);
        Self { bytes, length, read }
    }

    fn once(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    fn case(&self, name: &'static str, item: usize, target: Target) -> Case {
        Case { name, bytes: self.length, items: self.length / item, target }
    }

    /// Reads into the decoder's space.
    fn decode(&self) -> impl FnMut() -> usize {
        self.decode_with(|decoder, bytes| {
            let room = decoder.space(self.read).expect("the streams are within the limits");
            room[..bytes.len()].copy_from_slice(bytes);
            decoder.filled(bytes.len());
        })
    }

    /// Hands over bytes that were read elsewhere.
    fn decode_pushed(&self) -> impl FnMut() -> usize {
        self.decode_with(|decoder, bytes| decoder.push(bytes).expect("the streams are within the limits"))
    }

    /// A pass over as many bytes as the source has, from where the last pass stopped.
    fn decode_with(&self, feed: impl Fn(&mut Decoder, &[u8])) -> impl FnMut() -> usize {
        let mut decoder = Decoder::new(&Limits::default());
        let mut at = 0;
        move || {
            let (mut left, mut sum) = (self.length, 0);
            while left > 0 {
                let n = self.read.min(left);
                feed(&mut decoder, &self.bytes[at..at + n]);
                left -= n;
                at = if at + n >= self.length { at + n - self.length } else { at + n };
                while let Some(event) = decoder.next_event().expect("the streams are within the limits") {
                    sum += black_box(&event).data.len();
                }
            }
            sum
        }
    }
}
