//! Base64 with the standard alphabet and padding (RFC 4648, section 4), in its one canonical form.
//!
//! MCP needs it for header values ([`http::value`](crate::http::value)), for binary content and for sealed state. The `base64`
//! crate was weighed: it brings eight alphabets and engines, tables of 256 entries and loops unrolled for throughput, where the
//! values here are names and short texts. These two functions are less code than its configuration, and refuse by nature what
//! has to be refused here: a text decodes only if encoding the result gives the same text (R-ST-56).

use alloc::string::String;
use alloc::vec::Vec;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Appends `bytes` in Base64.
///
/// ```
/// let mut out = String::new();
/// mcp_core::base64::encode(b"Hello", &mut out);
/// assert_eq!(out, "SGVsbG8=");
/// ```
pub fn encode(bytes: &[u8], out: &mut String) {
    out.reserve(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for digit in 0..4 {
            // A chunk of n bytes has n + 1 digits.
            let letter = ALPHABET[(bits >> (18 - 6 * digit) & 63) as usize];
            out.push(if digit <= chunk.len() { letter.into() } else { '=' });
        }
    }
}

/// The bytes that `text` stands for. `None` for a text that is not what [`encode`] writes: another alphabet, white space, padding
/// that is missing or too long, bits beyond the last byte.
///
/// ```
/// assert_eq!(mcp_core::base64::decode(b"SGVsbG8="), Some(b"Hello".to_vec()));
/// assert_eq!(mcp_core::base64::decode(b"SGVsbG8"), None);
/// assert_eq!(mcp_core::base64::decode(b"SGVsbG9="), None); // its last digit has bits that no byte takes
/// ```
pub fn decode(text: &[u8]) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(4) {
        return None;
    }
    let padding = text.iter().rev().take(2).take_while(|byte| **byte == b'=').count();
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut count) = (0_u32, 0);
    for byte in &text[..text.len() - padding] {
        bits = bits << 6 | digit(*byte)?;
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    (bits == 0).then_some(out)
}

fn digit(byte: u8) -> Option<u32> {
    let value = match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(value.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4648, section 10, and the vectors of R-ST-57.
    #[test]
    fn texts_are_written_and_read_as_the_standard_has_them() {
        for (plain, encoded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
            ("Hello, 世界", "SGVsbG8sIOS4lueVjA=="),
            ("=?base64?literal?=", "PT9iYXNlNjQ/bGl0ZXJhbD89"),
        ] {
            let mut out = String::new();
            encode(plain.as_bytes(), &mut out);
            assert_eq!(out, encoded);
            assert_eq!(decode(encoded.as_bytes()).as_deref(), Some(plain.as_bytes()), "{encoded}");
        }
    }

    /// R-ST-56
    #[test]
    fn a_text_in_another_form_is_refused() {
        for text in [
            "Z", "Zg", "Zg=", "Zg===", "Zh==", "Zm9=", "=", "==", "====", "Zg==Zg==", "Zm8-", "Zm8_", " Zg==", "Zg==\n",
        ] {
            assert_eq!(decode(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn every_byte_survives_at_every_length() {
        let bytes: Vec<u8> = (0..=255).collect();
        for length in 0..=bytes.len() {
            let mut out = String::new();
            encode(&bytes[..length], &mut out);
            assert_eq!(decode(out.as_bytes()).as_deref(), Some(&bytes[..length]));
        }
    }
}
