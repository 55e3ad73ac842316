//! Events to bytes.
//!
//! Every function appends to a buffer that the caller owns. What is written is what the most modest reader takes
//! (R-EV-39): `name: value` with one space, lines that end in LF, always a colon, no byte order mark. Payloads are split at CR LF, LF and
//! CR into one `data` line each (R-EV-38), so no payload can end an event early or begin a field of its own; a reader gets LF for
//! each of the three.
//!
//! [`event`] writes one whole event. [`id`], [`retry`] and [`field`] write single lines that belong to the event written next.
//! A writer of JSON that wants no copy goes between [`begin`] and [`finish`]:
//!
//! ```
//! use mcp_core::sse::{self, encode};
//!
//! let mut out = Vec::new();
//! let mark = sse::begin(&mut out, "message");
//! out.extend_from_slice(br#"{"jsonrpc":"2.0","method":"ping","id":1}"#);
//! sse::finish(&mut out, mark);
//!
//! encode::id(&mut out, "7")?;
//! encode::event(&mut out, "note", "two\nlines")?;
//!
//! let written = concat!(
//!     "event: message\n",
//!     "data: {\"jsonrpc\":\"2.0\",\"method\":\"ping\",\"id\":1}\n",
//!     "\n",
//!     "id: 7\n",
//!     "event: note\n",
//!     "data: two\n",
//!     "data: lines\n",
//!     "\n",
//! );
//! assert_eq!(out, written.as_bytes());
//! # Ok::<(), sse::EncodeError>(())
//! ```

use alloc::vec::Vec;
use core::fmt;

/// A value that an event stream cannot carry in this place; nothing was written. The caller's mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EncodeError {
    /// CR or LF in a field's value: it would end the line.
    LineEndInValue,
    /// CR, LF or a colon in a field's name: it would end the name.
    LineEndOrColonInName,
    /// A field's name is empty: the line would be a comment.
    EmptyName,
    /// NUL in an id: readers ignore such an id (R-EV-16).
    NulInId,
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LineEndInValue => "the value of an event-stream field contains CR or LF",
            Self::LineEndOrColonInName => "the name of an event-stream field contains CR, LF or a colon",
            Self::EmptyName => "the name of an event-stream field is empty",
            Self::NulInId => "the id of an event contains NUL",
        })
    }
}

impl core::error::Error for EncodeError {}

/// Appends an event of type `event` with `data`, which should be UTF-8. An empty type writes no `event` line: readers
/// take `message` then.
///
/// # Errors
///
/// [`EncodeError::LineEndInValue`] for CR or LF in the type.
pub fn event(out: &mut Vec<u8>, event: &str, data: impl AsRef<[u8]>) -> Result<(), EncodeError> {
    event_line(out, event)?;
    data_lines(out, data.as_ref());
    out.push(b'\n');
    Ok(())
}

/// Appends the `id` line of the event written next. An empty id clears the reader's.
///
/// # Errors
///
/// [`EncodeError::NulInId`] and [`EncodeError::LineEndInValue`].
pub fn id(out: &mut Vec<u8>, id: &str) -> Result<(), EncodeError> {
    if memchr::memchr(0, id.as_bytes()).is_some() {
        return Err(EncodeError::NulInId);
    }
    value_line(out, "id", id)
}

/// Appends a `retry` line: how many milliseconds the reader should wait before it reconnects.
pub fn retry(out: &mut Vec<u8>, millis: u64) {
    // 20 digits hold every u64.
    let mut digits = [0; 20];
    let mut at = digits.len();
    let mut rest = millis;
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    line(out, b"retry: ", &digits[at..]);
}

/// Appends a line for a field that the standard does not name; readers that do not know it ignore it (R-EV-19).
///
/// # Errors
///
/// [`EncodeError::EmptyName`], [`EncodeError::LineEndOrColonInName`] and [`EncodeError::LineEndInValue`] (R-EV-37).
pub fn field(out: &mut Vec<u8>, name: &str, value: &str) -> Result<(), EncodeError> {
    if name.is_empty() {
        return Err(EncodeError::EmptyName);
    }
    if memchr::memchr3(b'\r', b'\n', b':', name.as_bytes()).is_some() {
        return Err(EncodeError::LineEndOrColonInName);
    }
    value_line(out, name, value)
}

/// Appends a comment and an empty line, on their own between two events: sent now and then, it keeps idle proxies from
/// closing the connection (R-EV-32). Text of several lines becomes several comment lines.
pub fn comment(out: &mut Vec<u8>, text: &str) {
    for piece in pieces(text.as_bytes()) {
        line(out, b": ", piece);
    }
    out.push(b'\n');
}

/// An event that was begun; to be given to [`finish`] or [`discard`] together with the same buffer.
#[derive(Debug)]
#[must_use = "an event that is not finished swallows the next one"]
pub struct Mark {
    /// Where the event begins.
    start: usize,
    /// Where its payload begins.
    payload: usize,
}

/// What stands before the first byte of a payload.
const DATA: &[u8] = b"data: ";

/// Begins an event of type `event`, or without one if that is empty: what is appended to `out` from here to [`finish`] is its
/// payload.
///
/// # Panics
///
/// If the type contains CR or LF. It is the program's own text; for others there is [`event()`].
pub fn begin(out: &mut Vec<u8>, event: &'static str) -> Mark {
    let start = out.len();
    assert!(event_line(out, event).is_ok(), "CR or LF in an event type");
    out.extend_from_slice(DATA);
    Mark { start, payload: out.len() }
}

/// Ends an event. JSON that is written without line ends, the usual case, stays where it is; a payload with CR or LF in it is
/// split into several `data` lines here.
///
/// # Panics
///
/// If `out` was cut shorter than it was at [`begin`].
pub fn finish(out: &mut Vec<u8>, mark: Mark) {
    if memchr::memchr2(b'\r', b'\n', &out[mark.payload..]).is_some() {
        // Raw JSON that somebody indented, for one.
        let payload = out.split_off(mark.payload);
        out.truncate(mark.payload - DATA.len());
        data_lines(out, &payload);
    } else {
        out.push(b'\n');
    }
    out.push(b'\n');
}

/// Takes an event back that was begun, with all that was appended since: for a payload that could not be written.
pub fn discard(out: &mut Vec<u8>, mark: Mark) {
    out.truncate(mark.start);
}

fn event_line(out: &mut Vec<u8>, event: &str) -> Result<(), EncodeError> {
    if event.is_empty() { Ok(()) } else { value_line(out, "event", event) }
}

fn value_line(out: &mut Vec<u8>, name: &str, value: &str) -> Result<(), EncodeError> {
    if memchr::memchr2(b'\r', b'\n', value.as_bytes()).is_some() {
        return Err(EncodeError::LineEndInValue);
    }
    out.extend_from_slice(name.as_bytes());
    line(out, b": ", value.as_bytes());
    Ok(())
}

fn data_lines(out: &mut Vec<u8>, data: &[u8]) {
    out.reserve(data.len() + DATA.len() + 2);
    for piece in pieces(data) {
        line(out, DATA, piece);
    }
}

fn line(out: &mut Vec<u8>, before: &[u8], value: &[u8]) {
    out.extend_from_slice(before);
    out.extend_from_slice(value);
    out.push(b'\n');
}

/// The lines of `text`, at least one: CR LF, LF and CR each stand between two.
fn pieces(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(text);
    core::iter::from_fn(move || {
        let text = rest?;
        let Some(at) = memchr::memchr2(b'\r', b'\n', text) else {
            rest = None;
            return Some(text);
        };
        let after = &text[at + 1..];
        rest = Some(if text[at] == b'\r' { after.strip_prefix(b"\n").unwrap_or(after) } else { after });
        Some(&text[..at])
    })
}
