//! How to read what the schemas do not have. For `deserialize_with`.

use alloc::string::String;
use alloc::vec::Vec;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::{Number, Value};

/// Reads `null` as what an absent member means; `Option` does this by itself.
///
/// Peers write it for what is empty or not set: Go for a list without elements, Java and Python for optional members. A session
/// should not fail for that.
pub(crate) fn null_is_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// Reads what cannot be read as what an absent member means.
///
/// For hints on how to show something (R-FS-4), which are not worth the text or the list of tools that they stand in.
pub(super) fn unreadable_is_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: for<'a> Deserialize<'a> + Default,
{
    let hints = Value::deserialize(deserializer)?;
    Ok(T::deserialize(hints).unwrap_or_default())
}

/// Reads a number of things, also when it is written as `100.0`: in JSON Schema that is an integer, and programs whose numbers
/// are floats write it so.
pub(super) fn whole_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let number = Number::deserialize(deserializer)?;
    let is_whole = |float: &f64| *float >= 0.0 && *float <= (1_u64 << 53) as f64 && *float % 1.0 == 0.0;
    let whole = number.as_u64().or_else(|| number.as_f64().filter(is_whole).map(|float| float as u64));
    whole.ok_or_else(|| D::Error::custom("a number of things is an integer that is not negative"))
}

/// Reads any value of a member that is there, so that `null` is told apart from an absent member (R-FS-17).
pub(super) fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// Reads one text where a list of them belongs as a list of one. For hints: anything else is an empty list.
///
/// Drafts of 2025-11-25 had the sizes of an icon as one text, and servers still write them so.
pub(super) fn text_or_list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::String(text) => alloc::vec![text],
        Value::Array(list) => list.into_iter().filter_map(|item| String::deserialize(item).ok()).collect(),
        _ => Vec::new(),
    })
}
