//! Messages to bytes: one message, on one line, appended to a buffer of the caller's.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use serde::Serialize;

use super::error::ErrorObject;
use super::id::{ErrorId, RequestId};

/// Appends a request. Parameters must serialize to an object, or to `null` for none.
///
/// # Errors
///
/// [`EncodeError`] when the parameters cannot be written; `out` is then as it was.
pub fn write_request<P: Serialize + ?Sized>(
    out: &mut Vec<u8>,
    id: &RequestId<'_>,
    method: &str,
    params: &P,
) -> Result<(), EncodeError> {
    write_request_with_meta(out, id, method, params, &())
}

/// Appends a request whose parameters get `meta` as their `_meta` (R-LM-40), unless it serializes to `null`.
///
/// The parameters must not have a `_meta` of their own.
///
/// # Errors
///
/// [`EncodeError`] when a value cannot be written; `out` is then as it was.
pub fn write_request_with_meta<P: Serialize + ?Sized, M: Serialize + ?Sized>(
    out: &mut Vec<u8>,
    id: &RequestId<'_>,
    method: &str,
    params: &P,
    meta: &M,
) -> Result<(), EncodeError> {
    message(out, &mut |out| {
        out.extend_from_slice(br#"{"jsonrpc":"2.0","id":"#);
        json(out, id)?;
        call(out, method, params, meta)
    })
}

/// Appends a notification. Parameters as in [`write_request`].
///
/// # Errors
///
/// [`EncodeError`] when the parameters cannot be written; `out` is then as it was.
pub fn write_notification<P: Serialize + ?Sized>(
    out: &mut Vec<u8>,
    method: &str,
    params: &P,
) -> Result<(), EncodeError> {
    message(out, &mut |out| {
        out.extend_from_slice(br#"{"jsonrpc":"2.0""#);
        call(out, method, params, &())
    })
}

/// Appends the answer to a request that succeeded.
///
/// # Errors
///
/// [`EncodeError`] when the result cannot be written; `out` is then as it was.
pub fn write_result<R: Serialize + ?Sized>(
    out: &mut Vec<u8>,
    id: &RequestId<'_>,
    result: &R,
) -> Result<(), EncodeError> {
    message(out, &mut |out| {
        out.extend_from_slice(br#"{"jsonrpc":"2.0","id":"#);
        json(out, id)?;
        out.extend_from_slice(br#","result":"#);
        json(out, result)?;
        out.push(b'}');
        Ok(())
    })
}

/// Appends the answer to a request that succeeded, with `members` before those of `result`. Both serialize to objects that have
/// no member in common.
///
/// # Errors
///
/// [`EncodeError`] when one of them cannot be written or is no object; `out` is then as it was.
pub fn write_result_with<M: Serialize + ?Sized, R: Serialize + ?Sized>(
    out: &mut Vec<u8>,
    id: &RequestId<'_>,
    members: &M,
    result: &R,
) -> Result<(), EncodeError> {
    write_result_after(out, id, &mut |out| json(out, members), result)
}

/// The same with an object of members that `write` appends.
pub(crate) fn write_result_after<R: Serialize + ?Sized>(
    out: &mut Vec<u8>,
    id: &RequestId<'_>,
    write: Write<'_>,
    result: &R,
) -> Result<(), EncodeError> {
    message(out, &mut |out| {
        out.extend_from_slice(br#"{"jsonrpc":"2.0","id":"#);
        json(out, id)?;
        out.extend_from_slice(br#","result":"#);
        let start = out.len();
        write(out)?;
        merge(out, start, &mut |out| json(out, result))?;
        out.push(b'}');
        Ok(())
    })
}

/// Appends the answer to a request that failed, or whose id could not be read.
pub fn write_error(out: &mut Vec<u8>, id: &ErrorId<'_>, error: &ErrorObject<'_>) {
    let written = message(out, &mut |out| {
        out.extend_from_slice(br#"{"jsonrpc":"2.0""#);
        match id {
            ErrorId::Absent => {}
            ErrorId::Null => out.extend_from_slice(br#","id":null"#),
            ErrorId::Known(id) => {
                out.extend_from_slice(br#","id":"#);
                json(out, id)?;
            }
        }
        out.extend_from_slice(br#","error":"#);
        json(out, error)?;
        out.push(b'}');
        Ok(())
    });
    debug_assert!(written.is_ok(), "numbers, strings and raw JSON serialize");
}

/// A value could not be written as JSON: the caller's fault.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum EncodeError {
    /// Its `Serialize` failed, or it has a map whose keys are no strings.
    Serialize(String),
    /// Parameters that are no object, or a result that is none although it needs members beside its own.
    NotAnObject,
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Serialize(error) => write!(f, "the value cannot be written as JSON: {error}"),
            Self::NotAnObject => {
                f.write_str("parameters and results must serialize to an object, or parameters to null")
            }
        }
    }
}

impl core::error::Error for EncodeError {}

/// Appends something. Not a type parameter, so that what calls it is built once and not for each type of result.
type Write<'a> = &'a mut dyn FnMut(&mut Vec<u8>) -> Result<(), EncodeError>;

/// Runs `write`; takes back what it wrote when it fails, and keeps the message on one line when it does not.
fn message(out: &mut Vec<u8>, write: Write<'_>) -> Result<(), EncodeError> {
    let start = out.len();
    let written = write(out);
    if written.is_err() {
        out.truncate(start);
    }
    // Raw JSON that a caller passes along may be spread over lines; those line ends are white space, since inside strings
    // they are escaped. Events and stdio end a message at a line end (R-SSE-45).
    let mut at = start;
    while let Some(found) = memchr::memchr2(b'\n', b'\r', &out[at..]) {
        out[at + found] = b' ';
        at += found + 1;
    }
    written
}

/// Writes `,"method":...,"params":{...}}`.
fn call<P: Serialize + ?Sized, M: Serialize + ?Sized>(
    out: &mut Vec<u8>,
    method: &str,
    params: &P,
    meta: &M,
) -> Result<(), EncodeError> {
    out.extend_from_slice(br#","method":"#);
    json(out, method)?;
    let before = out.len();
    out.extend_from_slice(br#","params":"#);
    let start = out.len();
    out.extend_from_slice(br#"{"_meta":"#);
    let value = out.len();
    json(out, meta)?;
    if &out[value..] == b"null" {
        out.truncate(start);
    } else {
        out.push(b'}');
    }
    merge(out, start, &mut |out| json(out, params))?;
    if out.len() == start {
        out.truncate(before);
    }
    out.push(b'}');
    Ok(())
}

/// Appends the members of the value that `write` writes, an object or `null`, to the object that `out` holds from `start` on; where there is none,
/// the value itself, or nothing for `null`.
fn merge(out: &mut Vec<u8>, start: usize, write: Write<'_>) -> Result<(), EncodeError> {
    if &out[start..] == b"{}" {
        out.truncate(start);
    }
    let is_alone = out.len() == start;
    if !is_alone {
        // Its closing brace is where the opening one of the value will be.
        out.pop();
    }
    let at = out.len();
    write(out)?;
    match &out[at..] {
        b"null" if is_alone => out.truncate(at),
        b"null" => {
            out.truncate(at);
            out.push(b'}');
        }
        [b'{', .., b'}'] if is_alone => {}
        // Raw JSON of a caller may have white space where there are no members.
        [b'{', inside @ .., b'}'] if inside.trim_ascii_start().is_empty() => {
            out.truncate(at);
            out.push(b'}');
        }
        [b'{', .., b'}'] => out[at] = b',',
        _ => return Err(EncodeError::NotAnObject),
    }
    Ok(())
}

/// Appends `value` as compact JSON.
pub(crate) fn json<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) -> Result<(), EncodeError> {
    #[cfg(feature = "std")]
    let written = serde_json::to_writer(out, value);
    // Without `std` the crate has no public writer: one buffer in between.
    #[cfg(not(feature = "std"))]
    let written = serde_json::to_vec(value).map(|json| out.extend_from_slice(&json));
    written.map_err(|error| EncodeError::Serialize(error.to_string()))
}
