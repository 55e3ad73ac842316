//! Text, bytes and places for results: the pointers of the caller's.

use std::ffi::{CStr, c_char};
use std::{ptr, slice};

use mcp_core::types::RawJson;
use serde_json::value::RawValue;

use crate::error::{Fault, Status};

/// As a length: the text ends with its first NUL.
pub const NUL_TERMINATED: usize = usize::MAX;

/// Text that the library made, and the caller frees with `mcp_string_free`. UTF-8, with a NUL behind its last
/// byte that `length` does not count; text may hold others.
#[repr(C)]
pub struct Text {
    /// The bytes; NULL when there is none.
    pub data: *mut c_char,
    /// How many.
    pub length: usize,
}

/// Text of the caller's.
pub(crate) struct Input {
    pub(crate) what: &'static str,
    pub(crate) data: *const c_char,
    pub(crate) length: usize,
}

/// Where a result goes; nowhere when it is NULL.
pub(crate) struct Out<T>(pub(crate) *mut T);

impl Input {
    /// The text; `None` when it is NULL.
    pub(crate) fn optional(&self) -> Result<Option<&str>, Fault> {
        if self.data.is_null() {
            return Ok(None);
        }
        let bytes = if self.length == NUL_TERMINATED {
            // SAFETY: the caller says that there is a NUL, which the header demands of whoever passes this
            // length.
            unsafe { CStr::from_ptr(self.data) }.to_bytes()
        } else {
            bytes(self.what, self.data.cast(), self.length)?
        };
        match str::from_utf8(bytes) {
            Ok(text) => Ok(Some(text)),
            Err(error) => {
                let (what, at) = (self.what, error.valid_up_to());
                Err(Fault::new(Status::Utf8, format!("{what} is not UTF-8, from byte {at} on")))
            }
        }
    }

    /// The text, which must be there.
    pub(crate) fn required(&self) -> Result<&str, Fault> {
        self.optional()?.ok_or_else(|| Fault::new(Status::Null, format!("{} is NULL", self.what)))
    }

    /// A JSON object; an empty one when it is NULL.
    pub(crate) fn object(&self) -> Result<RawJson, Fault> {
        let text = self.optional()?.unwrap_or("{}");
        let wrong = |problem: String| Fault::new(Status::Json, format!("{} {problem}", self.what));
        let json = RawJson::from_text(text).map_err(|error| wrong(format!("is not JSON: {error}")))?;
        if json.get().trim_start().starts_with('{') { Ok(json) } else { Err(wrong("is no JSON object".into())) }
    }
}

/// Bytes of the caller's.
pub(crate) fn bytes<'a>(what: &str, data: *const u8, length: usize) -> Result<&'a [u8], Fault> {
    if data.is_null() || length == 0 {
        return Ok(&[]);
    }
    // No object is larger: this was -1, as of a `read` that failed, or `MCP_NUL_TERMINATED` for bytes.
    if isize::try_from(length).is_err() {
        return Err(Fault::new(Status::Usage, format!("{what} cannot have a length of {length}")));
    }
    // SAFETY: the header demands of whoever passes a pointer and a length that so many bytes can be read
    // there until the function returns, and none of ours keeps them longer. No more than `isize::MAX`.
    Ok(unsafe { slice::from_raw_parts(data, length) })
}

impl<T> Out<T> {
    /// Puts the result there.
    pub(crate) fn set(&self, value: T) {
        if !self.0.is_null() {
            // SAFETY: the header demands of whoever passes a pointer for a result that one can be written
            // there. What was there is not read: it need not have been anything.
            unsafe { ptr::write(self.0, value) };
        }
    }

    /// Whether nobody wants the result.
    pub(crate) fn is_nowhere(&self) -> bool {
        self.0.is_null()
    }

    /// That there is a place for a result that must not be lost.
    pub(crate) fn required(&self, what: &str) -> Result<(), Fault> {
        if self.0.is_null() { Err(Fault::new(Status::Null, format!("the place for {what} is NULL"))) } else { Ok(()) }
    }
}

impl Text {
    /// No text.
    pub(crate) const NONE: Self = Self { data: ptr::null_mut(), length: 0 };

    /// A copy for the caller.
    pub(crate) fn new(text: &str) -> Self {
        let mut bytes = Vec::with_capacity(text.len() + 1);
        bytes.extend_from_slice(text.as_bytes());
        bytes.push(0);
        let data = Box::into_raw(bytes.into_boxed_slice()).cast();
        Self { data, length: text.len() }
    }

    pub(crate) fn json(value: &RawValue) -> Self {
        Self::new(value.get())
    }
}

/// Frees text that the library gave, and empties the place that it is in. NULL, and text that was freed in
/// this place before, are fine; a copy of freed text is not.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_string_free(text: *mut Text) {
    if text.is_null() {
        return;
    }
    // SAFETY: not NULL, and the header demands that it points to a text of the library's.
    let text = unsafe { &mut *text };
    let given = std::mem::replace(text, Text::NONE);
    if !given.data.is_null() {
        let bytes = ptr::slice_from_raw_parts_mut(given.data.cast::<u8>(), given.length + 1);
        // SAFETY: made by `Text::new` from a boxed slice of exactly this length; the place was emptied, so
        // that it is freed once.
        drop(unsafe { Box::from_raw(bytes) });
    }
}
