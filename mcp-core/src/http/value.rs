//! What stands in a header that repeats a value of the body (`Mcp-Name`, `Mcp-Param-*`), and what it says.
//!
//! A header cannot hold every text, and HTTP takes white space around a value away. What would not arrive as it was sent is
//! wrapped: `=?base64?` + Base64 of its UTF-8 + `?=`. Implements R-ST-52 to R-ST-57 for both sides.
//!
//! ```
//! use mcp_core::http::value;
//!
//! assert_eq!(value::encode("us west 1"), "us west 1");
//! assert_eq!(value::encode("Hello, 世界"), "=?base64?SGVsbG8sIOS4lueVjA==?=");
//! assert_eq!(value::decode(b"=?base64?SGVsbG8sIOS4lueVjA==?=")?, "Hello, 世界");
//! # Ok::<(), mcp_core::http::value::ValueError>(())
//! ```

use alloc::borrow::Cow;
use alloc::string::String;
use core::fmt;

use crate::base64;

const PREFIX: &str = "=?base64?";
const SUFFIX: &str = "?=";

/// The value of the header for `value`: the same where it arrives as it is, which most names do, else wrapped (R-ST-53, R-ST-54).
/// A tab is wrapped too: legal in HTTP, yet not everywhere kept.
pub fn encode(value: &str) -> Cow<'_, str> {
    if is_plain(value) {
        return Cow::Borrowed(value);
    }
    let mut out = String::with_capacity(PREFIX.len() + value.len().div_ceil(3) * 4 + SUFFIX.len());
    out.push_str(PREFIX);
    base64::encode(value.as_bytes(), &mut out);
    out.push_str(SUFFIX);
    Cow::Owned(out)
}

/// What the value of a header says. White space around it is not part of it (R-ST-10).
///
/// The markers count only as they are written here: in another case, or with one of them missing, they are text (R-ST-55). A
/// wrapped value is taken even where it need not have been wrapped.
///
/// # Errors
///
/// [`ValueError`] for bytes that no plain value has, and for a wrapped one that is no canonical Base64 of UTF-8 (R-ST-56). All
/// of them are answered with error -32020 (R-ST-24).
pub fn decode(value: &[u8]) -> Result<Cow<'_, str>, ValueError> {
    let value = value.trim_ascii();
    if let Some(wrapped) = unwrapped(value) {
        let bytes = base64::decode(wrapped).ok_or(ValueError::Base64)?;
        return String::from_utf8(bytes).map(Cow::Owned).map_err(|_| ValueError::Utf8);
    }
    if !value.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\t')) {
        return Err(ValueError::Character);
    }
    core::str::from_utf8(value).map(Cow::Borrowed).map_err(|_| ValueError::Utf8)
}

/// Whether a value arrives in a header as it is.
fn is_plain(value: &str) -> bool {
    let is_wrapped = value.starts_with(PREFIX) && value.ends_with(SUFFIX);
    let is_padded = value.starts_with(' ') || value.ends_with(' ');
    !is_wrapped && !is_padded && value.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

/// What stands between the markers. They may not share the `?` of `=?base64?=`: we wrap such a text, and read it as it is.
fn unwrapped(value: &[u8]) -> Option<&[u8]> {
    value.strip_prefix(PREFIX.as_bytes())?.strip_suffix(SUFFIX.as_bytes())
}

/// Why the value of a header says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ValueError {
    /// A control character, or one beyond ASCII.
    Character,
    /// What the markers enclose is no canonical Base64.
    Base64,
    /// What the markers enclose is no UTF-8.
    Utf8,
}

impl fmt::Display for ValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Character => "has a character that no header value has",
            Self::Base64 => "is marked as Base64 and is none, or not in its canonical form",
            Self::Utf8 => "is Base64 of bytes that are no UTF-8",
        })
    }
}

impl core::error::Error for ValueError {}

#[cfg(test)]
mod tests {
    use super::*;

    /// R-ST-52, R-ST-53, R-ST-54, R-ST-57
    #[test]
    fn a_value_is_plain_where_it_arrives_as_it_is_and_wrapped_elsewhere() {
        for (value, header) in [
            ("", ""),
            ("get_weather", "get_weather"),
            ("us west 1", "us west 1"),
            ("~!\"'", "~!\"'"),
            ("file:///a%20b", "file:///a%20b"),
            ("Hello, 世界", "=?base64?SGVsbG8sIOS4lueVjA==?="),
            (" padded ", "=?base64?IHBhZGRlZCA=?="),
            ("end ", "=?base64?ZW5kIA==?="),
            (" ", "=?base64?IA==?="),
            ("\t", "=?base64?CQ==?="),
            ("a\tb", "=?base64?YQli?="),
            ("line1\nline2", "=?base64?bGluZTEKbGluZTI=?="),
            ("\0", "=?base64?AA==?="),
            ("\x7f", "=?base64?fw==?="),
            ("=?base64?literal?=", "=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?="),
            ("=?base64??=", "=?base64?PT9iYXNlNjQ/Pz0=?="),
            ("=?base64?=", "=?base64?PT9iYXNlNjQ/PQ==?="),
            ("=?BASE64?literal?=", "=?BASE64?literal?="),
            ("=?base64?literal", "=?base64?literal"),
            ("literal?=", "literal?="),
        ] {
            assert_eq!(encode(value), header);
            assert_eq!(decode(header.as_bytes()).as_deref(), Ok(value), "{header}");
        }
    }

    /// R-ST-10, R-ST-55
    #[test]
    fn what_is_read_need_not_be_what_would_be_written() {
        for (header, value) in [
            (" get_weather\t", "get_weather"),
            ("a\tb", "a\tb"),
            ("=?base64?SGVsbG8=?=", "Hello"),
            (" =?base64?SGVsbG8=?= ", "Hello"),
            ("=?base64??=", ""),
            ("=?base64?=", "=?base64?="),
            ("=?Base64?SGVsbG8=?=", "=?Base64?SGVsbG8=?="),
            ("=?base64?SGVsbG8=", "=?base64?SGVsbG8="),
            ("SGVsbG8=?=", "SGVsbG8=?="),
            ("SGVsbG8=", "SGVsbG8="),
        ] {
            assert_eq!(decode(header.as_bytes()).as_deref(), Ok(value), "{header}");
        }
    }

    /// R-ST-24, R-ST-56
    #[test]
    fn a_value_that_says_nothing_is_refused() {
        for (header, error) in [
            (&b"=?base64?SGVsbG8?="[..], ValueError::Base64),
            (b"=?base64?SGVs!G8=?=", ValueError::Base64),
            (b"=?base64?SGVsbG9=?=", ValueError::Base64),
            (b"=?base64?SGVs bG8=?=", ValueError::Base64),
            (b"=?base64?/w==?=", ValueError::Utf8),
            (b"gr\xc3\xb6\xc3\x9fe", ValueError::Character),
            (b"\xff", ValueError::Character),
            (b"a\0b", ValueError::Character),
            (b"a\x7f", ValueError::Character),
        ] {
            assert_eq!(decode(header), Err(error), "{header:?}");
        }
    }

    #[test]
    fn what_is_written_is_always_a_header_value_and_read_back() {
        for character in (0..=0x300).filter_map(char::from_u32) {
            for value in [String::from(character), alloc::format!("a{character}b")] {
                let header = encode(&value);
                assert!(super::super::headers::is_valid_value(&header));
                assert_eq!(decode(header.as_bytes()).as_deref(), Ok(&value[..]));
            }
        }
    }
}
