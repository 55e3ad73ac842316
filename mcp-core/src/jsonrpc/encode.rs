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
    message(out, |out| {
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
    message(out, |out| {
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
    message(out, |out| {
        out.extend_from_slice(br#"{"jsonrpc":"2.0","id":"#);
        json(out, id)?;
        out.extend_from_slice(br#","result":"#);
        json(out, result)?;
        out.push(b'}');
        Ok(())
    })
}

/// Appends the answer to a request that failed, or whose id could not be read.
pub fn write_error(out: &mut Vec<u8>, id: &ErrorId<'_>, error: &ErrorObject<'_>) {
    let written = message(out, |out| {
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
    /// Parameters that are no object.
    ParamsNotAnObject,
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Serialize(error) => write!(f, "the value cannot be written as JSON: {error}"),
            Self::ParamsNotAnObject => f.write_str("parameters must serialize to an object or to null"),
        }
    }
}

impl core::error::Error for EncodeError {}

/// Runs `write`; takes back what it wrote when it fails, and keeps the message on one line when it does not.
fn message(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>) -> Result<(), EncodeError>) -> Result<(), EncodeError> {
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
    out.extend_from_slice(br#","params":{"_meta":"#);
    let value = out.len();
    json(out, meta)?;
    let has_meta = &out[value..] != b"null";
    if has_meta {
        out.push(b',');
    } else {
        out.truncate(before);
        out.extend_from_slice(br#","params":"#);
    }
    let members = out.len();
    json(out, params)?;
    // Raw JSON of a caller may have white space where there are no members.
    let is_empty = match &out[members..] {
        b"null" => true,
        [b'{', inside @ .., b'}'] => inside.trim_ascii_start().is_empty(),
        _ => false,
    };
    match &out[members..] {
        _ if is_empty && has_meta => {
            out.truncate(members - 1);
            out.push(b'}');
        }
        b"null" => out.truncate(before),
        // The object was opened before its `_meta`.
        [b'{', .., b'}'] if has_meta => drop(out.remove(members)),
        [b'{', .., b'}'] => {}
        _ => return Err(EncodeError::ParamsNotAnObject),
    }
    out.push(b'}');
    Ok(())
}

/// Appends `value` as compact JSON.
fn json<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) -> Result<(), EncodeError> {
    #[cfg(feature = "std")]
    let written = serde_json::to_writer(out, value);
    // Without `std` the crate has no public writer: one buffer in between.
    #[cfg(not(feature = "std"))]
    let written = serde_json::to_vec(value).map(|json| out.extend_from_slice(&json));
    written.map_err(|error| EncodeError::Serialize(error.to_string()))
}
