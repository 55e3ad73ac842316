//! The two buffers of one connection: input that is parsed in place, output that is gathered.

use std::{fmt, io};

use ureq::unversioned::transport::Buffers;

use super::exchange;

/// Input starts at this size: an answer to a POST, or a read of small events.
const INPUT_BYTES: usize = 8 << 10;
/// Once a read fills the input, later reads may be this large.
const INPUT_BYTES_MOST: usize = 64 << 10;
/// Output starts at this size: a head and a small body.
const OUTPUT_BYTES: usize = 4 << 10;
/// Output is gathered up to this size, then written.
const OUTPUT_BYTES_MOST: usize = 64 << 10;
/// The least room that is offered for output: ureq writes whole lines of a head, and longer ones get [more](exchange::longest_line).
const OUTPUT_ROOM: usize = 2 << 10;

/// What ureq reads from and writes to.
///
/// ```text
/// input   [ parsed | unparsed | room ]      0 <= start <= end <= len
///                  ^start     ^end
/// output  [ gathered | room ]               0 <= gathered <= len
/// ```
#[derive(Debug, Default)]
pub(super) struct IoBuffers {
    input: Vec<u8>,
    start: usize,
    end: usize,
    /// Whether the last look at the input used any of it. When not, only more input can help.
    progressed: bool,
    output: Vec<u8>,
    gathered: usize,
}

/// The peer sent a head, or the framing of a chunk, that does not end.
#[derive(Debug)]
pub(super) struct EndlessFraming;

impl fmt::Display for EndlessFraming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a head or the framing of a chunk does not end within {INPUT_BYTES_MOST} bytes")
    }
}

impl std::error::Error for EndlessFraming {}

impl IoBuffers {
    /// Room for one read.
    ///
    /// # Errors
    /// When the buffer is full although nothing of it can be parsed: a head without end, or chunk framing without end.
    pub(super) fn read_room(&mut self) -> io::Result<&mut [u8]> {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        } else if self.end == self.input.len() {
            self.input.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        if self.end == self.input.len() {
            if self.input.len() >= INPUT_BYTES_MOST {
                return Err(io::Error::new(io::ErrorKind::InvalidData, EndlessFraming));
            }
            self.input.resize((self.input.len() * 2).max(INPUT_BYTES), 0);
        }
        Ok(&mut self.input[self.end..])
    }

    /// `n` bytes came into the room.
    pub(super) fn read(&mut self, n: usize) {
        self.end += n;
        if n > 0 && self.end == self.input.len() && self.input.len() < INPUT_BYTES_MOST {
            // A full read says that more is waiting: fewer, larger reads from now on.
            self.input.resize(INPUT_BYTES_MOST, 0);
        }
    }

    /// `n` bytes of [`Buffers::output`] are to be sent. Says whether they should be sent before more is gathered.
    pub(super) fn gather(&mut self, n: usize) -> bool {
        self.gathered += n;
        self.gathered + OUTPUT_ROOM > OUTPUT_BYTES_MOST
    }

    /// Puts `bytes` before the one at `at` of the `amount` that stand in [`Buffers::output`], not yet gathered.
    pub(super) fn insert(&mut self, at: usize, bytes: &[u8], amount: usize) {
        let (from, end) = (self.gathered + at, self.gathered + amount);
        if self.output.len() < end + bytes.len() {
            self.output.resize(end + bytes.len(), 0);
        }
        self.output.copy_within(from..end, from + bytes.len());
        self.output[from..from + bytes.len()].copy_from_slice(bytes);
    }

    /// What is to be sent.
    pub(super) fn gathered(&self) -> &[u8] {
        &self.output[..self.gathered]
    }

    fn make_output_room(&mut self) {
        let room = OUTPUT_ROOM.max(exchange::longest_line());
        if self.output.len() - self.gathered < room {
            self.output.resize((self.output.len() * 2).max(OUTPUT_BYTES).max(self.gathered + room), 0);
        }
    }

    /// All of it has been sent, or never will be.
    pub(super) fn clear_output(&mut self) {
        self.gathered = 0;
    }
}

impl Buffers for IoBuffers {
    fn output(&mut self) -> &mut [u8] {
        self.make_output_room();
        &mut self.output[self.gathered..]
    }

    fn input(&self) -> &[u8] {
        &self.input[self.start..self.end]
    }

    fn input_append_buf(&mut self) -> &mut [u8] {
        // ureq itself never reads; the transport uses `read_room`, which can refuse.
        &mut self.input[self.end..]
    }

    fn input_appended(&mut self, amount: usize) {
        self.read(amount);
    }

    fn input_consume(&mut self, amount: usize) {
        self.progressed = amount > 0;
        self.start += amount;
    }

    fn tmp_and_output(&mut self) -> (&mut [u8], &mut [u8]) {
        // The first part is for bodies of unknown length, which this crate does not send.
        self.make_output_room();
        (&mut self.input[self.end..], &mut self.output[self.gathered..])
    }

    fn can_use_input(&self) -> bool {
        self.start < self.end && self.progressed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_is_gathered_until_it_is_large() {
        let mut buffers = IoBuffers::default();
        buffers.output()[..4].copy_from_slice(b"head");
        assert!(!buffers.gather(4));
        buffers.output()[..4].copy_from_slice(b"body");
        assert!(!buffers.gather(4));
        assert_eq!(buffers.gathered(), b"headbody");
        loop {
            let room = buffers.output().len();
            if buffers.gather(room) {
                break;
            }
        }
        assert!(buffers.gathered().len() <= OUTPUT_BYTES_MOST);
        buffers.clear_output();
        assert!(buffers.gathered().is_empty());
    }

    #[test]
    fn input_that_cannot_be_parsed_does_not_grow_without_end() {
        let mut buffers = IoBuffers::default();
        let mut read = 0;
        while let Ok(room) = buffers.read_room() {
            let n = room.len();
            buffers.read(n);
            buffers.input_consume(0);
            read += n;
        }
        assert_eq!(read, INPUT_BYTES_MOST);
    }

    #[test]
    fn parsed_input_makes_room() {
        let mut buffers = IoBuffers::default();
        for round in 0..100 {
            let room = buffers.read_room().unwrap();
            room[..3].copy_from_slice(b"abc");
            buffers.read(3);
            assert!(buffers.input().ends_with(b"abc"), "round {round}");
            let keep = usize::from(round % 2 == 0);
            buffers.input_consume(buffers.input().len() - keep);
            assert!(buffers.can_use_input() == (keep > 0));
        }
        assert!(buffers.input.len() <= INPUT_BYTES);
    }
}
