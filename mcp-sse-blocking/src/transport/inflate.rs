//! Decompression that can be interrupted anywhere and goes on as if nothing had been.
//!
//! The readers of `flate2` read ahead of what they give out, and forget what they had of a header when the source says that it
//! is out of time. Here that is an everyday affair: an event stream is read until a deadline, and later again. So its raw decoder is
//! driven by a machine that keeps its place: what is taken from the source is decoded before more is taken, what can be given
//! is given at once, and a failure of the source changes nothing.
//!
//! ```text
//! gzip     ( head, blocks, tail )*        each a member (RFC 1952)
//! deflate  zlib's frame around blocks     (RFC 1950), or the blocks alone (RFC 1951)
//! ```
//!
//! A peer that sends blocks with nothing in them, or heads without end, is bounded by the deadlines of the exchange, which are
//! looked at between two reads of the source.

use std::fmt;
use std::io::{self, Read};

use flate2::{Crc, Decompress, FlushDecompress, Status};

use super::decode::Coding;
use super::exchange;

/// Bytes that are taken from the source at once. 8 KiB: what a socket has at hand.
const INPUT_BYTES: usize = 8 << 10;
/// Bytes of the head of a member, whose name and comment have no bound of their own.
const HEAD_BYTES: usize = 64 << 10;
/// Bytes of the tail: a checksum and a length.
const TAIL_BYTES: usize = 8;

/// The source, decompressed.
pub(crate) struct Inflate<R> {
    source: R,
    input: Box<[u8]>,
    /// `start..end` of the input is not decoded yet.
    start: usize,
    end: usize,
    place: Place,
    /// What is read with the place: bytes of the head of a member.
    head: Head,
    tail: [u8; TAIL_BYTES],
    decoder: Decompress,
    crc: Crc,
}

/// Where in the data the next byte stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Before the first byte of gzip.
    First,
    /// Before the first byte of what may be zlib's frame.
    Frame,
    /// In the head of a member, or between two.
    Head,
    /// In blocks; of a member, which has a tail, or not.
    Blocks { member: bool },
    /// In the tail, so many bytes of which were read.
    Tail(usize),
    /// Behind all of it.
    End,
    /// Somebody has decompressed it already.
    Plain,
    /// It cannot be read.
    Damaged(&'static str),
}

/// How far the head of a member was read.
#[derive(Debug, Clone, Copy, Default)]
struct Head {
    /// Bytes of it so far.
    bytes: usize,
    flags: u8,
    /// The parts that are still to come, in their order, and how far the first of them was read.
    part: Part,
    /// Bytes of the part that are still to come, where it has a length.
    left: usize,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Part {
    #[default]
    Fixed,
    ExtraLength,
    Extra,
    Name,
    Comment,
    Checksum,
    Over,
}

/// Compressed data that cannot be read; in an [`io::Error`].
#[derive(Debug)]
pub(super) struct Damaged(&'static str);

/// Compressed data that is not all there; in an [`io::Error`].
#[derive(Debug)]
pub(super) struct Truncated;

impl<R: Read> Inflate<R> {
    pub(super) fn new(coding: Coding, source: R) -> Self {
        Self {
            source,
            input: vec![0; INPUT_BYTES].into_boxed_slice(),
            start: 0,
            end: 0,
            place: if coding == Coding::Gzip { Place::First } else { Place::Frame },
            head: Head::default(),
            tail: [0; TAIL_BYTES],
            decoder: Decompress::new(false),
            crc: Crc::new(),
        }
    }

    /// Takes more from the source, behind what is there; false at its end.
    fn take(&mut self) -> io::Result<bool> {
        // Whoever sends without end and says nothing is still bounded in time.
        exchange::left().and_then(|_| exchange::check_stop()).map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?;
        self.input.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
        let n = self.source.read(&mut self.input[self.end..])?;
        self.end += n;
        Ok(n > 0)
    }

    /// The source is at its end here.
    fn ended(&mut self) -> io::Result<usize> {
        match self.place {
            Place::First | Place::Frame if self.start == self.end => self.place = Place::End,
            Place::Head if self.head.bytes == 0 => self.place = Place::End,
            Place::End | Place::Plain => {}
            _ => return Err(io::Error::new(io::ErrorKind::UnexpectedEof, Truncated)),
        }
        Ok(0)
    }

    /// Decodes what is there into `out`; the number of bytes, of which there are none when more is needed or the place changed.
    fn blocks(&mut self, out: &mut [u8], member: bool) -> usize {
        let (read, written) = (self.decoder.total_in(), self.decoder.total_out());
        let status = self.decoder.decompress(&self.input[self.start..self.end], out, FlushDecompress::None);
        // Both are of this call, and no larger than what it was given.
        self.start += (self.decoder.total_in() - read) as usize;
        let written = (self.decoder.total_out() - written) as usize;
        if member {
            self.crc.update(&out[..written]);
        }
        match status {
            Ok(Status::StreamEnd) => self.place = if member { Place::Tail(0) } else { Place::End },
            Ok(Status::Ok | Status::BufError) => {}
            Err(_) => self.place = Place::Damaged("its blocks cannot be read"),
        }
        written
    }

    /// Reads the tail of a member as far as it is there.
    fn tail(&mut self, read: usize) {
        let n = (TAIL_BYTES - read).min(self.end - self.start);
        self.tail[read..read + n].copy_from_slice(&self.input[self.start..self.start + n]);
        self.start += n;
        if read + n < TAIL_BYTES {
            self.place = Place::Tail(read + n);
            return;
        }
        let word =
            |at: usize| u32::from_le_bytes([self.tail[at], self.tail[at + 1], self.tail[at + 2], self.tail[at + 3]]);
        self.place = if word(0) != self.crc.sum() || word(4) != self.crc.amount() {
            Place::Damaged("its checksum is wrong")
        } else {
            self.decoder.reset(false);
            self.crc.reset();
            self.head = Head::default();
            Place::Head
        };
    }
}

impl<R: Read> Read for Inflate<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        loop {
            let there = self.end - self.start;
            match self.place {
                Place::First if there > 0 => {
                    // No JSON and no event begins with this byte. Some put the header on data that they do not compress; and a
                    // program that also uses ureq with its own decoder gets it decoded.
                    self.place = if self.input[self.start] == 0x1f { Place::Head } else { Place::Plain };
                    continue;
                }
                Place::Frame if there > 1 => {
                    let (first, second) = (self.input[self.start], self.input[self.start + 1]);
                    self.decoder = Decompress::new(is_zlib(first, second));
                    self.place = Place::Blocks { member: false };
                    continue;
                }
                Place::Head if there > 0 => {
                    match self.head.read(&self.input[self.start..self.end]) {
                        Ok(n) => self.start += n,
                        Err(problem) => self.place = Place::Damaged(problem),
                    }
                    if self.head.part == Part::Over {
                        self.place = Place::Blocks { member: true };
                    }
                    continue;
                }
                // Also without more of the source: the decoder may have kept something back.
                Place::Blocks { member } => {
                    let written = self.blocks(out, member);
                    if written > 0 {
                        return Ok(written);
                    }
                    if self.place != (Place::Blocks { member })
                        || self.start < self.end && there != self.end - self.start
                    {
                        continue;
                    }
                    if self.start < self.end {
                        // There is room, there is input, and yet it does not go on.
                        self.place = Place::Damaged("its blocks cannot be read");
                        continue;
                    }
                }
                Place::Tail(read) if there > 0 => {
                    self.tail(read);
                    continue;
                }
                Place::Plain if there > 0 => {
                    let n = there.min(out.len());
                    out[..n].copy_from_slice(&self.input[self.start..self.start + n]);
                    self.start += n;
                    return Ok(n);
                }
                Place::Plain => return self.source.read(out),
                Place::End if there > 0 => {
                    self.place = Place::Damaged("something follows its end");
                    continue;
                }
                Place::Damaged(problem) => return Err(io::Error::new(io::ErrorKind::InvalidData, Damaged(problem))),
                _ => {}
            }
            if !self.take()? {
                return self.ended();
            }
        }
    }
}

/// Whether data begins with the frame of zlib: its method, a window that it can have, and a checksum over both.
fn is_zlib(first: u8, second: u8) -> bool {
    first & 0x0f == 8 && first >> 4 <= 7 && (u16::from(first) << 8 | u16::from(second)) % 31 == 0
}

impl Head {
    /// Reads more of the head; says how much of it was one.
    fn read(&mut self, input: &[u8]) -> Result<usize, &'static str> {
        for (index, byte) in input.iter().enumerate() {
            self.take(*byte)?;
            if self.part == Part::Over {
                return Ok(index + 1);
            }
        }
        Ok(input.len())
    }

    fn take(&mut self, byte: u8) -> Result<(), &'static str> {
        const CHECKSUM: u8 = 1 << 1;
        const EXTRA: u8 = 1 << 2;
        const NAME: u8 = 1 << 3;
        const COMMENT: u8 = 1 << 4;
        const RESERVED: u8 = 0xe0;
        let at = self.bytes;
        self.bytes += 1;
        if self.bytes > HEAD_BYTES {
            return Err("the head of a member has more than 65536 bytes");
        }
        let is_part_over = match self.part {
            Part::Fixed => {
                match (at, byte) {
                    (0, 0x1f) | (1, 0x8b) | (2, 8) | (4..=9, _) => {}
                    (3, flags) if flags & RESERVED == 0 => self.flags = flags,
                    _ => return Err("it does not begin as gzip does"),
                }
                at == 9
            }
            // The low byte first.
            Part::ExtraLength if self.left == 0 => {
                self.left = 0x1_0000 | usize::from(byte);
                false
            }
            Part::ExtraLength => {
                self.left = (self.left & 0xff) | usize::from(byte) << 8;
                true
            }
            Part::Extra | Part::Checksum => {
                self.left -= 1;
                self.left == 0
            }
            Part::Name | Part::Comment => byte == 0,
            Part::Over => false,
        };
        while is_part_over && self.part != Part::Over {
            let has = |flag: u8| self.flags & flag != 0;
            let (next, is_there) = match self.part {
                Part::Fixed => (Part::ExtraLength, has(EXTRA)),
                Part::ExtraLength => (Part::Extra, has(EXTRA) && self.left > 0),
                Part::Extra => (Part::Name, has(NAME)),
                Part::Name => (Part::Comment, has(COMMENT)),
                Part::Comment => (Part::Checksum, has(CHECKSUM)),
                Part::Checksum | Part::Over => (Part::Over, true),
            };
            self.part = next;
            if is_there {
                if next == Part::Checksum {
                    // Not compared: what it guards is passed over.
                    self.left = 2;
                }
                break;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Damaged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a compressed answer is damaged: {}", self.0)
    }
}

impl std::error::Error for Damaged {}

impl fmt::Display for Truncated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a compressed answer ended in the middle")
    }
}

impl std::error::Error for Truncated {}

#[cfg(test)]
mod tests;
