//! Taking a request body out of the bytes after its head (RFC 9112 sections 6 and 7).
//!
//! A body arrives in pieces of any size; [`Body::take`] appends what belongs to it to a buffer of the caller and says how
//! many input bytes it used. Memory is taken for bytes that came, never for a length that was announced.

use alloc::vec::Vec;

use super::Refusal;
use super::head::TOO_LARGE;

/// Bytes of chunk extensions and trailers that are skipped in one body. 4 KiB: nobody sends any; they are not kept.
const SKIPPED_BYTES: u16 = 4 * 1024;

/// How a request body is delimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// There is none.
    None,
    /// So many bytes.
    Sized(usize),
    /// Chunks, each with its size.
    Chunked,
}

/// Where the bytes of a body go.
#[derive(Debug)]
pub enum Sink<'a> {
    /// Appended here, up to so many bytes in all; one more is 413.
    Keep(&'a mut Vec<u8>, usize),
    /// Counted and dropped: the request was answered without its body.
    Drop,
}

/// A body of which some bytes are still to come.
#[derive(Debug)]
pub struct Body {
    state: State,
    /// Bytes left of the chunk, or of the whole body when it is sized; the value read so far while in [`State::Size`].
    left: usize,
    /// Digits of the chunk size so far.
    digits: u8,
    skipped: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Sized,
    Size,
    /// White space after the size: only an extension may follow.
    SizeBlank,
    Extension,
    SizeLf,
    Data,
    DataCr,
    DataLf,
    TrailerStart,
    Trailer,
    TrailerLf,
    EndLf,
    Done,
}

/// What one call of [`Body::take`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    /// Input bytes that belonged to the body.
    pub used: usize,
    /// Whether the body is complete; what follows is the next request.
    pub complete: bool,
}

impl Body {
    /// The body that a head with `framing` announces.
    pub fn new(framing: Framing) -> Self {
        let (state, left) = match framing {
            Framing::None => (State::Done, 0),
            Framing::Sized(0) => (State::Done, 0),
            Framing::Sized(length) => (State::Sized, length),
            Framing::Chunked => (State::Size, 0),
        };
        Self { state, left, digits: 0, skipped: 0 }
    }

    /// Whether all of it was taken.
    pub fn is_complete(&self) -> bool {
        self.state == State::Done
    }

    /// Takes what `input` has of the body.
    ///
    /// # Errors
    ///
    /// 413 past the bound of `sink`; 400 for a chunk without a size, with one that overflows, or not ended by CR LF, and
    /// for more than 4 KiB of extensions and trailers. The body cannot be taken on after an error.
    pub fn take(&mut self, input: &[u8], sink: &mut Sink<'_>) -> Result<Taken, Refusal> {
        let mut used = 0;
        while self.state != State::Done && used < input.len() {
            if matches!(self.state, State::Sized | State::Data) {
                used += self.data(&input[used..], sink)?;
            } else {
                self.state = self.between(input[used], sink)?;
                used += 1;
            }
        }
        Ok(Taken { used, complete: self.is_complete() })
    }

    fn data(&mut self, input: &[u8], sink: &mut Sink<'_>) -> Result<usize, Refusal> {
        let piece = &input[..input.len().min(self.left)];
        if let Sink::Keep(kept, bound) = sink {
            if piece.len() > bound.saturating_sub(kept.len()) {
                return Err(TOO_LARGE);
            }
            kept.extend_from_slice(piece);
        }
        self.left -= piece.len();
        if self.left == 0 {
            self.state = if self.state == State::Sized { State::Done } else { State::DataCr };
        }
        Ok(piece.len())
    }

    /// One byte between the data of two chunks.
    fn between(&mut self, byte: u8, sink: &Sink<'_>) -> Result<State, Refusal> {
        const SIZE: Refusal = Refusal::bad_request("a chunk has no valid size");
        const END: Refusal = Refusal::bad_request("a line of the chunked body does not end in CR LF");
        match (self.state, byte) {
            (State::Size, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                // 16 digits hold any size; more are zeros sent without end.
                self.digits += 1;
                let digit = (byte as char).to_digit(16).unwrap_or(0) as usize;
                self.left = self.left.checked_mul(16).filter(|_| self.digits <= 16).ok_or(SIZE)? + digit;
                Ok(State::Size)
            }
            (State::Size, _) if self.digits == 0 => Err(SIZE),
            (State::Size | State::SizeBlank, b';') => Ok(State::Extension),
            (State::Size | State::SizeBlank, b' ' | b'\t') => self.skip(State::SizeBlank),
            (State::Size, b'\r') => Ok(State::SizeLf),
            (State::Size | State::SizeBlank, b'\n') => Err(END),
            (State::Size | State::SizeBlank, _) => Err(SIZE),

            (State::Extension, b'\r') => Ok(State::SizeLf),
            (State::Trailer, b'\r') => Ok(State::TrailerLf),
            (State::TrailerStart, b'\r') => Ok(State::EndLf),
            (State::Extension | State::Trailer | State::TrailerStart, b'\n') => Err(END),
            (State::Extension, _) => self.skip(State::Extension),
            (State::Trailer | State::TrailerStart, _) => self.skip(State::Trailer),

            (State::SizeLf, b'\n') => self.sized(sink),
            (State::DataCr, b'\r') => Ok(State::DataLf),
            (State::DataLf, b'\n') => {
                (self.left, self.digits) = (0, 0);
                Ok(State::Size)
            }
            (State::TrailerLf, b'\n') => Ok(State::TrailerStart),
            (State::EndLf, b'\n') => Ok(State::Done),
            _ => Err(END),
        }
    }

    /// The line with the size is over. A size that cannot fit is refused before its data is read.
    fn sized(&self, sink: &Sink<'_>) -> Result<State, Refusal> {
        match sink {
            _ if self.left == 0 => Ok(State::TrailerStart),
            Sink::Keep(kept, bound) if self.left > bound.saturating_sub(kept.len()) => Err(TOO_LARGE),
            _ => Ok(State::Data),
        }
    }

    fn skip(&mut self, next: State) -> Result<State, Refusal> {
        self.skipped += 1;
        if self.skipped > SKIPPED_BYTES {
            return Err(Refusal::bad_request("the chunked body has too many extensions or trailers"));
        }
        Ok(next)
    }
}
