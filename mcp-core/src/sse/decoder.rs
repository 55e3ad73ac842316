//! Lines to events.
//!
//! Follows "interpreting an event stream" of the [WHATWG HTML Standard][standard], on bytes: CR, LF, colon and space cannot
//! occur inside a multi-byte sequence, so that splitting first and decoding later gives what decoding first gives (R-EV-4).
//!
//! [standard]: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;
use core::time::Duration;

use super::line::Lines;
use crate::Limits;
use crate::limits::{Limit, LimitExceeded};

/// The type of an event that names none (R-EV-23).
const MESSAGE: &[u8] = b"message";

/// One event, borrowed from the decoder until it is asked for the next.
///
/// The bytes are those of the stream: they need not be UTF-8. The `_str` methods give the text that the standard asks for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Event<'a> {
    /// The type; `message` when the stream names none.
    pub event: &'a [u8],
    /// The values of the event's `data` lines, with an LF between two of them. May be empty.
    pub data: &'a [u8],
    /// The last event id of the stream at this event: that of the event itself or of an earlier one. May be empty.
    pub id: &'a [u8],
}

impl<'a> Event<'a> {
    /// The type as text, ill-formed UTF-8 replaced by U+FFFD (R-EV-3).
    pub fn event_str(&self) -> Cow<'a, str> {
        String::from_utf8_lossy(self.event)
    }

    /// The data as text, ill-formed UTF-8 replaced by U+FFFD (R-EV-3). `Cow::Owned` says that something was replaced (R-EV-36).
    pub fn data_str(&self) -> Cow<'a, str> {
        String::from_utf8_lossy(self.data)
    }

    /// The id as text, ill-formed UTF-8 replaced by U+FFFD (R-EV-3).
    pub fn id_str(&self) -> Cow<'a, str> {
        String::from_utf8_lossy(self.id)
    }

    /// Whether MCP takes the data for a JSON-RPC message: the type is `message`, named or by default, and there is data
    /// (R-EV-33, R-EV-34). Events of other types are to be ignored, those without data only carry an id.
    pub fn carries_message(&self) -> bool {
        self.event == MESSAGE && !self.data.is_empty()
    }
}

impl fmt::Debug for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("event", &self.event_str())
            .field("data", &self.data_str())
            .field("id", &self.id_str())
            .finish()
    }
}

/// Reads an event stream that arrives in pieces.
///
/// Put bytes in with [`space`](Self::space) and [`filled`](Self::filled), or with [`push`](Self::push); then take events
/// with [`next_event`](Self::next_event) until it answers `None`, before the next bytes. How the stream is cut into pieces
/// makes no difference to what comes out (R-EV-7).
///
/// Memory: nothing is allocated before the first `space`, and the buffer never passes [`Limits::buffered_bytes`].
/// It doubles when it has to grow. A buffer of more than 64 KiB is given back by a `space` that finds nothing buffered,
/// if what came in since the last such `space` would have fitted into 64 KiB: not at once, so that large events one after
/// the other do not pay for memory each time, but at the next read after them.
pub struct Decoder {
    lines: Lines,
    /// Whether the unfinished event has a `data` line; its data is what `lines` keeps.
    has_data: bool,
    /// Where the data of the event is that is being handed out.
    data: Range<usize>,
    /// The type of the unfinished event; empty stands for [`MESSAGE`] as well. A copy, because joining data lines writes over
    /// the lines between them.
    event: Vec<u8>,
    /// The event was handed out: its type is cleared when the next one is asked for (R-EV-24).
    dispatched: bool,
    /// The last `id` field, if `id_pending`; else of no meaning.
    next_id: Vec<u8>,
    /// `next_id` takes effect at the next empty line (R-EV-18).
    id_pending: bool,
    last_id: Vec<u8>,
    retry: Option<Duration>,
    failed: Option<LimitExceeded>,
    bounds: Bounds,
}

/// The numbers of [`Limits`] that matter here.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    line: usize,
    data: usize,
    buffer: usize,
    id: usize,
    event: usize,
    retry: u64,
}

/// How far [`Decoder::advance`] came.
enum Step {
    Event,
    NeedMore,
    Failed(LimitExceeded),
}

impl Decoder {
    /// A decoder at the start of a stream.
    pub fn new(limits: &Limits) -> Self {
        let bounds = Bounds {
            line: limits.line_bytes,
            data: limits.event_bytes,
            buffer: limits.buffered_bytes,
            id: limits.event_id_bytes,
            event: limits.event_type_bytes,
            retry: limits.retry_millis,
        };
        Self {
            lines: Lines::new(bounds.buffer),
            has_data: false,
            data: 0..0,
            event: Vec::new(),
            dispatched: false,
            next_id: Vec::new(),
            id_pending: false,
            last_id: Vec::new(),
            retry: None,
            failed: None,
            bounds,
        }
    }

    /// Free room of the buffer, to read into: `min` bytes or more, fewer only where [`Limits::buffered_bytes`] leaves no more,
    /// never none.
    ///
    /// # Errors
    ///
    /// [`Limit::BufferedBytes`] when the buffer is full, which taking events cures if there are any; and the error that
    /// [`next_event`](Self::next_event) ended with.
    #[inline]
    pub fn space(&mut self, min: usize) -> Result<&mut [u8], LimitExceeded> {
        match self.failed {
            Some(failed) => Err(failed),
            None => {
                self.lines.space(min).ok_or(LimitExceeded { limit: Limit::BufferedBytes, bound: self.bounds.buffer })
            }
        }
    }

    /// Takes the first `n` bytes of the last [`space`](Self::space) as input.
    ///
    /// # Panics
    ///
    /// If that space was shorter than `n`.
    #[inline]
    pub fn filled(&mut self, n: usize) {
        self.lines.filled(n);
    }

    /// Takes a copy of `bytes` as input: for callers that have them already.
    ///
    /// # Errors
    ///
    /// Those of [`space`](Self::space), also when there is room for some of the bytes but not for all; none is taken then.
    #[inline]
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), LimitExceeded> {
        match self.failed {
            Some(failed) => Err(failed),
            None if self.lines.push(bytes) => Ok(()),
            None => Err(LimitExceeded { limit: Limit::BufferedBytes, bound: self.bounds.buffer }),
        }
    }

    /// The next event; `None` when more input is needed.
    ///
    /// # Errors
    ///
    /// [`Limit::LineBytes`], [`Limit::EventBytes`], [`Limit::EventIdBytes`] or [`Limit::EventTypeBytes`] when the stream passes
    /// that bound. The stream is lost: every further call answers the same error, until [`finish`](Self::finish).
    #[inline]
    pub fn next_event(&mut self) -> Result<Option<Event<'_>>, LimitExceeded> {
        // The way out for small pieces, of which most end no line. A decoder that failed is at a start and does not take it.
        if self.lines.is_searched() && self.lines.unfinished() <= self.bounds.line {
            return Ok(None);
        }
        match self.advance() {
            Step::Event => Ok(Some(Event {
                event: if self.event.is_empty() { MESSAGE } else { &self.event },
                data: self.lines.bytes(self.data.clone()),
                id: &self.last_id,
            })),
            Step::NeedMore => Ok(None),
            Step::Failed(failed) => Err(failed),
        }
    }

    /// The id of the last event that had one, also one without data; empty when there was none or it was cleared.
    ///
    /// A client that reconnects sends it back in `Last-Event-ID` unless it is empty (R-EV-31).
    pub fn last_event_id(&self) -> &[u8] {
        &self.last_id
    }

    /// How long the server wants a client to wait before it reconnects: its last `retry`, at most [`Limits::retry_millis`].
    pub fn retry(&self) -> Option<Duration> {
        self.retry
    }

    /// Bytes of input that have not become an event: the unfinished event's data and what was not looked at yet.
    pub fn buffered(&self) -> usize {
        self.lines.buffered()
    }

    /// Bytes of memory that the buffer takes up, for those who count; the type says by which rule it is given back.
    pub fn allocated(&self) -> usize {
        self.lines.allocated()
    }

    /// The stream has ended: an event without its empty line is dropped, and so is its id (R-EV-26).
    ///
    /// The decoder is ready for the start of another stream then, after an error too. It has given its buffer back and still
    /// knows [`last_event_id`](Self::last_event_id) and [`retry`](Self::retry): they belong to all connections of one source.
    pub fn finish(&mut self) {
        self.lines.reset();
        self.has_data = false;
        self.event.clear();
        self.dispatched = false;
        self.id_pending = false;
        self.failed = None;
    }

    /// Reads lines up to the end of an event with data, and notes where that data is.
    ///
    /// The answer fits into registers; a whole event that went through memory here cost short events as much again as finding
    /// them.
    fn advance(&mut self) -> Step {
        if let Some(failed) = self.failed {
            return Step::Failed(failed);
        }
        if self.dispatched {
            self.dispatched = false;
            self.event.clear();
        }
        while let Some(line) = self.lines.next_line() {
            if line.is_empty() {
                if self.dispatch() {
                    return Step::Event;
                }
            } else if let Err(limit) = self.field(line) {
                return self.fail(limit);
            }
        }
        if self.lines.unfinished() > self.bounds.line { self.fail(Limit::LineBytes) } else { Step::NeedMore }
    }

    /// R-EV-20 to R-EV-24: the empty line.
    #[inline]
    fn dispatch(&mut self) -> bool {
        if self.id_pending {
            self.id_pending = false;
            core::mem::swap(&mut self.last_id, &mut self.next_id);
        }
        if !self.has_data {
            self.event.clear();
            return false;
        }
        self.has_data = false;
        self.dispatched = true;
        self.data = self.lines.release();
        true
    }

    /// R-EV-10 to R-EV-19: a line that is not empty.
    #[inline]
    fn field(&mut self, line: Range<usize>) -> Result<(), Limit> {
        if line.len() > self.bounds.line {
            return Err(Limit::LineBytes);
        }
        let bytes = self.lines.bytes(line.clone());
        match value_of(b"data", bytes) {
            Some(at) => self.data(line.start + at..line.end),
            None => self.other_field(line),
        }
    }

    #[inline]
    fn data(&mut self, value: Range<usize>) -> Result<(), Limit> {
        let joined = if self.has_data { self.lines.kept() + 1 + value.len() } else { value.len() };
        if joined > self.bounds.data {
            return Err(Limit::EventBytes);
        }
        if self.has_data {
            self.lines.join(value);
        } else {
            self.has_data = true;
            self.lines.keep(value);
        }
        Ok(())
    }

    /// A comment, or a field that is not `data`. Comments and unknown fields touch nothing.
    fn other_field(&mut self, line: Range<usize>) -> Result<(), Limit> {
        let line = self.lines.bytes(line);
        if let Some(at) = value_of(b"event", line) {
            // `message` is what an empty type means (R-EV-23): the usual name needs no copy.
            let value = if line[at..] == *MESSAGE { &[] } else { &line[at..] };
            replace(&mut self.event, value, self.bounds.event, Limit::EventTypeBytes)?;
        } else if let Some(at) = value_of(b"id", line) {
            if memchr::memchr(0, &line[at..]).is_none() {
                replace(&mut self.next_id, &line[at..], self.bounds.id, Limit::EventIdBytes)?;
                self.id_pending = true;
            }
        } else if let Some(at) = value_of(b"retry", line)
            && let Some(millis) = digits(&line[at..])
        {
            self.retry = Some(Duration::from_millis(millis.min(self.bounds.retry)));
        }
        Ok(())
    }

    #[cold]
    fn fail(&mut self, limit: Limit) -> Step {
        let bound = match limit {
            Limit::EventBytes => self.bounds.data,
            Limit::EventIdBytes => self.bounds.id,
            Limit::EventTypeBytes => self.bounds.event,
            _ => self.bounds.line,
        };
        let failed = LimitExceeded { limit, bound };
        // Nothing of this stream will be read any more; its memory need not wait for the decoder's end.
        self.lines.reset();
        self.failed = Some(failed);
        Step::Failed(failed)
    }
}

/// Without the buffer: it is long, and what is in it may be secret.
impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder")
            .field("buffered", &self.buffered())
            .field("retry", &self.retry)
            .field("failed", &self.failed)
            .finish_non_exhaustive()
    }
}

/// Where the value begins when `line` is the field `name`, whose name has no colon: behind the colon and one space (R-EV-11), or
/// at the end of a line without colon (R-EV-12). Names compare exactly (R-EV-13).
#[inline]
fn value_of(name: &[u8], line: &[u8]) -> Option<usize> {
    match line.strip_prefix(name)? {
        [b':', b' ', ..] => Some(name.len() + 2),
        [b':', ..] => Some(name.len() + 1),
        [] => Some(name.len()),
        _ => None,
    }
}

fn replace(buffer: &mut Vec<u8>, value: &[u8], bound: usize, limit: Limit) -> Result<(), Limit> {
    if value.len() > bound {
        return Err(limit);
    }
    buffer.clear();
    buffer.extend_from_slice(value);
    Ok(())
}

/// A number in ASCII digits and nothing else, at least one; saturating (R-EV-17).
fn digits(value: &[u8]) -> Option<u64> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(value.iter().fold(0_u64, |sum, digit| sum.saturating_mul(10).saturating_add(u64::from(digit - b'0'))))
}
