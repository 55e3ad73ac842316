//! Request ids: integers and strings, compared by type and value.

use alloc::borrow::Cow;
use alloc::string::String;
use core::fmt;

use serde::de::{Deserialize, Deserializer, Error as _};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::limits::{Limit, LimitExceeded, Limits};
use crate::text::Excerpt;

/// The id of a request (R-LM-2): an integer or a string, never null.
///
/// `7` and `"7"` are different ids. Integers keep every digit up to 38 of them (R-LM-12); a number with a fraction or an
/// exponent is no id.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum RequestId<'a> {
    /// An integer.
    Integer(i128),
    /// A string.
    String(Cow<'a, str>),
}

impl RequestId<'_> {
    /// The same id, borrowed from this one.
    pub fn as_borrowed(&self) -> RequestId<'_> {
        match self {
            Self::Integer(integer) => RequestId::Integer(*integer),
            Self::String(string) => RequestId::String(Cow::Borrowed(string)),
        }
    }

    /// The same id without the borrow; allocates for a string.
    pub fn into_owned(self) -> RequestId<'static> {
        match self {
            Self::Integer(integer) => RequestId::Integer(integer),
            Self::String(string) => RequestId::String(Cow::Owned(string.into_owned())),
        }
    }

    /// The id as an unsigned integer, as this library issues them.
    pub fn as_u64(&self) -> Option<u64> {
        match self {
            Self::Integer(integer) => u64::try_from(*integer).ok(),
            Self::String(_) => None,
        }
    }
}

impl<'a> RequestId<'a> {
    /// Reads the JSON text of an id. `None` when it is JSON of another type.
    pub(crate) fn from_json(text: &'a str, limits: &Limits) -> Result<Option<Self>, LimitExceeded> {
        if text.len() > limits.id_bytes.saturating_add(2) {
            return Err(LimitExceeded { limit: Limit::IdBytes, bound: limits.id_bytes });
        }
        let Some(quoted) = text.strip_prefix('"') else {
            return Ok(text.parse().ok().map(Self::Integer));
        };
        match quoted.strip_suffix('"') {
            Some(plain) if !plain.contains('\\') => Ok(Some(Self::String(Cow::Borrowed(plain)))),
            _ => Ok(serde_json::from_str::<String>(text).ok().map(|string| Self::String(Cow::Owned(string)))),
        }
    }
}

impl From<u64> for RequestId<'_> {
    fn from(integer: u64) -> Self {
        Self::Integer(integer.into())
    }
}

impl<'a> From<&'a str> for RequestId<'a> {
    fn from(string: &'a str) -> Self {
        Self::String(Cow::Borrowed(string))
    }
}

impl Serialize for RequestId<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            // Most ids fit; only the others need the formatter for 128 bits.
            Self::Integer(integer) => match i64::try_from(*integer) {
                Ok(small) => serializer.serialize_i64(small),
                Err(_) => serializer.serialize_i128(*integer),
            },
            Self::String(string) => serializer.serialize_str(string),
        }
    }
}

/// Reads an id inside parameters, with the default bound on its length.
impl<'de: 'a, 'a> Deserialize<'de> for RequestId<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?;
        Self::from_json(raw.get(), &Limits::default())
            .map_err(D::Error::custom)?
            .ok_or_else(|| D::Error::custom("an id is a string or an integer"))
    }
}

impl fmt::Display for RequestId<'_> {
    /// For logs and errors: a string in quotes and cut to 64 characters.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(integer) => integer.fmt(f),
            Self::String(string) => write!(f, "\"{}\"", Excerpt::new(string, 64)),
        }
    }
}

/// The id of an error response: `null` and absent are told apart (R-LM-6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ErrorId<'a> {
    /// The request that failed.
    Known(RequestId<'a>),
    /// `null`: the sender could not read the request's id.
    Null,
    /// No member `id`, as 2025-11-25 allows for the same case.
    Absent,
}

impl ErrorId<'_> {
    /// The same id without the borrow.
    pub fn into_owned(self) -> ErrorId<'static> {
        match self {
            Self::Known(id) => ErrorId::Known(id.into_owned()),
            Self::Null => ErrorId::Null,
            Self::Absent => ErrorId::Absent,
        }
    }
}

impl<'a> From<RequestId<'a>> for ErrorId<'a> {
    fn from(id: RequestId<'a>) -> Self {
        Self::Known(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<RequestId<'_>> {
        RequestId::from_json(text, &Limits::default()).unwrap()
    }

    #[test]
    fn an_integer_and_a_string_of_its_digits_are_different_ids() {
        assert_eq!(read("1"), Some(RequestId::Integer(1)));
        assert_eq!(read("\"1\""), Some(RequestId::from("1")));
        assert_ne!(read("1"), read("\"1\""));
    }

    #[test]
    fn digits_beyond_two_to_the_53_are_echoed_exactly() {
        for text in ["9007199254740993", "-9223372036854775809", "170141183460469231731687303715884105727"] {
            assert_eq!(serde_json::to_string(&read(text).unwrap()).unwrap(), text);
        }
    }

    #[test]
    fn a_plain_string_is_borrowed_and_an_escaped_one_is_read() {
        assert!(matches!(read("\"a\""), Some(RequestId::String(Cow::Borrowed("a")))));
        assert_eq!(read(r#""a\u0062""#), Some(RequestId::from("ab")));
        assert_eq!(read("\"\""), Some(RequestId::from("")));
    }

    #[test]
    fn a_log_tells_a_string_from_an_integer() {
        assert_eq!(alloc::format!("{} {}", RequestId::from(7), RequestId::from("7")), "7 \"7\"");
    }

    #[test]
    fn other_json_is_no_id() {
        for text in ["null", "true", "1.0", "1e3", "{}", "[1]"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
