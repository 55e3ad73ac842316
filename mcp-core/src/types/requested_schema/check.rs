//! Whether what was filled in fits the form (R-FC-22).

use alloc::borrow::ToOwned;
use alloc::string::String;
use core::cmp::Ordering;
use core::fmt;

use serde_json::{Number, Value};

use super::{MultiSelectSchema, NumberKind, NumberSchema, PrimitiveSchema, RequestedSchema, StringSchema};
use crate::text::Excerpt;
use crate::types::meta::JsonObject;

/// A field that is not as the form asks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentFault {
    /// The name of the field.
    pub field: String,
    what: &'static str,
}

impl fmt::Display for ContentFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the field `{}` {}", Excerpt::new(&self.field, 64), self.what)
    }
}

impl core::error::Error for ContentFault {}

pub(super) fn check(schema: &RequestedSchema, content: &JsonObject) -> Result<(), ContentFault> {
    let fault = |field: &str, what| Err(ContentFault { field: field.to_owned(), what });
    if let Some(missing) = schema.required.iter().find(|name| !content.contains_key(*name)) {
        return fault(missing, "is required and missing");
    }
    for (name, property) in schema.properties.iter() {
        if let Some(what) = content.get(name).and_then(|value| misfit(property, value)) {
            return fault(name, what);
        }
    }
    Ok(())
}

/// What keeps a value from being what a field takes.
fn misfit(schema: &PrimitiveSchema, value: &Value) -> Option<&'static str> {
    match (schema, value) {
        (PrimitiveSchema::String(schema), Value::String(text)) => text_misfit(schema, text),
        (PrimitiveSchema::String(_), _) => Some("has to be a text"),
        (PrimitiveSchema::Number(schema), Value::Number(number)) => number_misfit(schema, number),
        (PrimitiveSchema::Number(_), _) => Some("has to be a number"),
        (PrimitiveSchema::Boolean(_), Value::Bool(_)) => None,
        (PrimitiveSchema::Boolean(_), _) => Some("has to be true or false"),
        (PrimitiveSchema::SingleSelect(schema), Value::String(text)) => {
            let is_option = schema.options.iter().any(|option| option.value == *text);
            (!is_option).then_some("is none of the options")
        }
        (PrimitiveSchema::SingleSelect(_), _) => Some("has to be one of the options"),
        (PrimitiveSchema::MultiSelect(schema), Value::Array(chosen)) => choice_misfit(schema, chosen),
        (PrimitiveSchema::MultiSelect(_), _) => Some("has to be a list of options"),
        (PrimitiveSchema::Unknown(_), _) => None,
    }
}

fn text_misfit(schema: &StringSchema, text: &str) -> Option<&'static str> {
    let characters = text.chars().count() as u64;
    if schema.min_length.is_some_and(|min| characters < min) {
        return Some("is too short");
    }
    if schema.max_length.is_some_and(|max| characters > max) {
        return Some("is too long");
    }
    match schema.format.as_deref() {
        Some("email") if !is_email(text) => Some("has to be a mail address"),
        Some("uri") if !is_uri(text) => Some("has to be a URI"),
        Some("date") if !is_date(text) => Some("has to be a date such as 2025-11-25"),
        Some("date-time") if !is_date_time(text) => Some("has to be a time such as 2025-11-25T12:00:00Z"),
        _ => None,
    }
}

fn number_misfit(schema: &NumberSchema, number: &Number) -> Option<&'static str> {
    // In JSON 2.0 is an integer.
    let is_integer = number.is_i64() || number.is_u64() || number.as_f64().is_some_and(|float| float % 1.0 == 0.0);
    if schema.kind == NumberKind::Integer && !is_integer {
        return Some("has to be a number without a fraction");
    }
    if schema.minimum.as_ref().is_some_and(|minimum| order(number, minimum) == Some(Ordering::Less)) {
        return Some("is too small");
    }
    if schema.maximum.as_ref().is_some_and(|maximum| order(number, maximum) == Some(Ordering::Greater)) {
        return Some("is too large");
    }
    None
}

/// Integers are compared with all their digits, others as floats.
fn order(left: &Number, right: &Number) -> Option<Ordering> {
    match (left.as_i128(), right.as_i128()) {
        (Some(left), Some(right)) => Some(left.cmp(&right)),
        _ => left.as_f64()?.partial_cmp(&right.as_f64()?),
    }
}

fn choice_misfit(schema: &MultiSelectSchema, chosen: &[Value]) -> Option<&'static str> {
    let is_option = |value: &Value| schema.options.iter().any(|option| value == option.value.as_str());
    let count = chosen.len() as u64;
    if !chosen.iter().all(is_option) {
        Some("has something that is none of the options")
    } else if schema.min_items.is_some_and(|min| count < min) {
        Some("has too few options")
    } else if schema.max_items.is_some_and(|max| count > max) {
        Some("has too many options")
    } else {
        None
    }
}

/// Something on both sides of one `@`, and no white space: whether mail arrives there, only mail can tell.
fn is_email(text: &str) -> bool {
    match text.rsplit_once('@') {
        Some((local, domain)) => {
            let is_quoted = local.starts_with('"') && local.ends_with('"') && local.len() > 1;
            !local.is_empty()
                && !domain.is_empty()
                && (is_quoted || !local.contains('@'))
                && !domain.starts_with('.')
                && !domain.ends_with('.')
                && !text.contains(|c: char| c.is_whitespace() || c.is_control())
        }
        None => false,
    }
}

/// A scheme and something after it, in the characters of RFC 3986.
fn is_uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
    is_scheme && !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte))
}

/// `2025-11-25`, with as many days as the month has.
fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return false;
    }
    let (Some(year), Some(month), Some(day)) = (digits(&bytes[..4]), digits(&bytes[5..7]), digits(&bytes[8..])) else {
        return false;
    };
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if is_leap => 29,
        2 => 28,
        _ => 0,
    };
    (1..=days).contains(&day)
}

/// A date, `T`, a time of day with or without a fraction, and `Z` or a distance from it (RFC 3339).
fn is_date_time(text: &str) -> bool {
    let Some((date, time)) = text.split_once(['T', 't']) else { return false };
    let Some(zone) = time.find(['Z', 'z', '+', '-']) else { return false };
    let (time, zone) = time.split_at(zone);
    let (clock, fraction) = time.split_once('.').map_or((time, None), |(clock, fraction)| (clock, Some(fraction)));
    let is_fraction = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_zone = matches!(zone, "Z" | "z") || is_clock(&zone[1..], &[23, 59]);
    is_date(date) && is_clock(clock, &[23, 59, 60]) && fraction.is_none_or(is_fraction) && is_zone
}

/// Two digits for each bound, with colons between, none of them above its bound.
fn is_clock(text: &str, bounds: &[u32]) -> bool {
    let mut parts = text.split(':');
    let all = bounds.iter().all(|bound| {
        let part = parts.next().map(str::as_bytes).filter(|part| part.len() == 2);
        part.and_then(digits).is_some_and(|number| number <= *bound)
    });
    all && parts.next().is_none()
}

fn digits(bytes: &[u8]) -> Option<u32> {
    bytes.iter().try_fold(0u32, |number, byte| match byte {
        b'0'..=b'9' => Some(number * 10 + u32::from(byte - b'0')),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn formats_are_told_apart() {
        for (is, good, bad) in [
            (
                is_email as fn(&str) -> bool,
                &["a@b", "a.b+c@d.example", "\"a@b\"@c"][..],
                &["", "a", "@b", "a@", "a b@c", "a@.b", "a@b@c"][..],
            ),
            (is_uri, &["a:b", "https://x/y?z#w", "urn:a:b"], &["", "x", ":a", "1a:b", "a:", "a:b c", "a:\u{e4}"]),
            (
                is_date,
                &["2025-11-25", "2024-02-29", "2000-02-29"],
                &[
                    "",
                    "2025-02-29",
                    "1900-02-29",
                    "2025-13-01",
                    "2025-00-01",
                    "2025-1-01",
                    "2025-01-00",
                    "2025-04-31",
                    "2025-01-01Z",
                    "20\u{e4}5-01-01",
                ],
            ),
            (
                is_date_time,
                &["2025-11-25T12:00:00Z", "2025-11-25t23:59:60.5+14:00", "2025-11-25T00:00:00.000-01:30"],
                &[
                    "",
                    "2025-11-25",
                    "2025-11-25T12:00:00",
                    "2025-11-25T24:00:00Z",
                    "2025-11-25T12:00Z",
                    "2025-11-25T12:00:00.Z",
                    "2025-11-25T12:00:00+1:00",
                    "2025-11-25T12:00:00Z1",
                    "2025-11-25T12:00:00\u{e4}",
                ],
            ),
        ] {
            for text in good {
                assert!(is(text), "{text}");
            }
            for text in bad {
                assert!(!is(text), "{text}");
            }
        }
    }

    #[test]
    fn a_fault_names_the_field() {
        let form = RequestedSchema::new().required("name", StringSchema::new());
        let fault = form.check(&JsonObject::new()).map_err(|fault| fault.to_string());
        assert_eq!(fault, Err("the field `name` is required and missing".to_string()));
    }
}
