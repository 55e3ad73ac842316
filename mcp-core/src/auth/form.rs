//! Forms, queries and the alphabet of Base64 that URLs have.

use alloc::borrow::ToOwned as _;
use alloc::string::String;
use alloc::vec::Vec;

use crate::base64;

/// Appends `name=value`, after an `&` where something stands already. A space becomes `%20`, which both forms and queries have.
pub(super) fn push(form: &mut String, name: &str, value: &str) {
    if !form.is_empty() && !form.ends_with(['?', '&']) {
        form.push('&');
    }
    form.push_str(name);
    form.push('=');
    encode(value, form);
}

/// Appends `text`, with all but the unreserved characters of RFC 3986 escaped.
pub(super) fn encode(text: &str, out: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(byte.into());
        } else {
            out.push('%');
            out.push(DIGITS[usize::from(byte >> 4)].into());
            out.push(DIGITS[usize::from(byte & 15)].into());
        }
    }
}

/// The parameters of a query. What is no UTF-8 has replacement characters instead.
pub(super) fn parameters(query: &str) -> impl Iterator<Item = (String, String)> {
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decoded(name), decoded(value))
    })
}

fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escaped = bytes.get(at + 1..at + 3).filter(|_| bytes[at] == b'%').and_then(|digits| {
            let digit = |byte: u8| char::from(byte).to_digit(16);
            u8::try_from(digit(digits[0])? << 4 | digit(digits[1])?).ok()
        });
        out.push(escaped.unwrap_or(if bytes[at] == b'+' { b' ' } else { bytes[at] }));
        at += if escaped.is_some() { 3 } else { 1 };
    }
    match String::from_utf8(out) {
        Ok(text) => text,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    }
}

/// Base64 with the alphabet of URLs, without padding (RFC 4648, section 5).
pub(super) fn base64_url(bytes: &[u8]) -> String {
    let mut standard = String::new();
    base64::encode(bytes, &mut standard);
    let letters = standard.trim_end_matches('=').chars();
    letters
        .map(|letter| {
            if letter == '+' {
                '-'
            } else if letter == '/' {
                '_'
            } else {
                letter
            }
        })
        .collect()
}

/// `id:secret` as Basic has it: both encoded as in a form first (RFC 6749, section 2.3.1).
pub(super) fn basic(id: &str, secret: &str) -> String {
    let mut pair = String::new();
    encode(id, &mut pair);
    pair.push(':');
    encode(secret, &mut pair);
    let mut value = "Basic ".to_owned();
    base64::encode(pair.as_bytes(), &mut value);
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn what_is_encoded_is_decoded() {
        let mut query = String::new();
        push(&mut query, "a", "b c+d&e=f%/ü~");
        push(&mut query, "g", "");
        assert_eq!(query, "a=b%20c%2Bd%26e%3Df%25%2F%C3%BC~&g=");
        let read: Vec<_> = parameters(&query).collect();
        assert_eq!(read, vec![("a".into(), "b c+d&e=f%/ü~".into()), ("g".into(), String::new())]);
    }

    #[test]
    fn a_query_is_read_whatever_stands_in_it() {
        for (query, value) in [
            ("a=b+c", "b c"),
            ("a=%", "%"),
            ("a=%4", "%4"),
            ("a=%zz%41", "%zzA"),
            ("a=%ff", "\u{fffd}"),
            ("a", ""),
            ("a=b=c", "b=c"),
            ("a=%ü", "%ü"),
        ] {
            assert_eq!(parameters(query).next().unwrap(), ("a".into(), value.into()), "{query}");
        }
        assert_eq!(parameters("&&").count(), 0);
    }

    #[test]
    fn basic_encodes_before_it_encodes() {
        // RFC 6749, section 2.3.1.
        assert_eq!(basic("s6BhdRkqt3", "7Fjfp0ZBr1KtDRbnfVdmIw"), "Basic czZCaGRSa3F0Mzo3RmpmcDBaQnIxS3REUmJuZlZkbUl3");
        assert_eq!(basic("a:b", "ü"), "Basic YSUzQWI6JUMzJUJD");
    }
}
