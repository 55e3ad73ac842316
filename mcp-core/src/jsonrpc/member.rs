//! Single members of an object, found in JSON that was checked before.
//!
//! What [`decode`](super::decode) gave is JSON: whoever wants a few members of it need not parse it again. So nothing is validated
//! here, only strings and brackets are told apart. Of what is no JSON something comes out, and nothing panics.

use alloc::borrow::Cow;
use alloc::string::String;
use core::fmt;

/// The values that `object` has under these names, as JSON; `None` where there is none or it is `null`. `object` is the text of
/// a value in a message that was [decoded](super::decode).
///
/// ```
/// use mcp_core::jsonrpc::pick;
///
/// let [name, arguments] = pick(r#"{"name":"add","other":{"name":7}, "arguments": {"a":1} }"#, ["name", "arguments"])?;
/// assert_eq!((name, arguments), (Some(r#""add""#), Some(r#"{"a":1}"#)));
/// # Ok::<(), mcp_core::jsonrpc::Unclear>(())
/// ```
///
/// # Errors
///
/// [`Unclear`]: readers would disagree about what it says.
pub fn pick<'a, const N: usize>(object: &'a str, names: [&str; N]) -> Result<[Option<&'a str>; N], Unclear> {
    let mut found = [None; N];
    fill(object, &names, &mut found)?;
    Ok(found.map(|value| value.filter(|json| *json != "null")))
}

/// It is no object, or has one of the names twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unclear;

impl fmt::Display for Unclear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it is no object, or has a member twice")
    }
}

impl core::error::Error for Unclear {}

/// The same for any number of names, built once.
fn fill<'a>(object: &'a str, names: &[&str], found: &mut [Option<&'a str>]) -> Result<(), Unclear> {
    if !object.starts_with('{') {
        return Err(Unclear);
    }
    for (member, json) in members(object) {
        if let Some(place) = names.iter().position(|name| member == *name)
            && found[place].replace(json).is_some()
        {
            return Err(Unclear);
        }
    }
    Ok(())
}

/// The members of an object in their order: each name, and its value as JSON; none of what is no object. `object` is as for
/// [`pick`].
pub fn members(object: &str) -> impl Iterator<Item = (Cow<'_, str>, &str)> {
    MembersOf { rest: object.strip_prefix('{').unwrap_or_default() }
}

/// What is left of an object behind its opening brace, or behind the value of a member.
struct MembersOf<'a> {
    rest: &'a str,
}

impl<'a> Iterator for MembersOf<'a> {
    type Item = (Cow<'a, str>, &'a str);

    /// ```text
    /// , "name" : {"value":1} , "next":...
    ///    ^    ^  ^          ^
    ///   from to  value      end
    /// ```
    fn next(&mut self) -> Option<Self::Item> {
        let bytes = self.rest.as_bytes();
        let from = bytes.iter().position(|byte| *byte == b'"')? + 1;
        let name = string(bytes, from)?;
        let colon = name.end + bytes[name.end..].iter().position(|byte| *byte == b':')?;
        let value = self.rest.get(colon + 1..)?.trim_ascii_start();
        let (value, rest) = value.split_at_checked(value_end(value.as_bytes()))?;
        let as_written = self.rest.get(from..name.end)?;
        let name = match name.has_escapes {
            false => Cow::Borrowed(as_written),
            // With half a surrogate pair it is no text: it stays as it is written.
            true => text_of(&self.rest[from - 1..=name.end]).unwrap_or(Cow::Borrowed(as_written)),
        };
        self.rest = rest;
        Some((name, value.trim_ascii_end()))
    }
}

/// The text of a JSON string: a slice of it unless it has escapes. `None` of JSON of another type, and of half a surrogate pair.
pub fn text_of(json: &str) -> Option<Cow<'_, str>> {
    let plain = json.strip_prefix('"')?.strip_suffix('"')?;
    match special(plain.as_bytes()) {
        None => Some(Cow::Borrowed(plain)),
        Some(_) => serde_json::from_str::<String>(json).ok().map(Cow::Owned),
    }
}

/// A string in JSON.
struct Quoted {
    /// Where the quotation mark stands behind it.
    end: usize,
    has_escapes: bool,
}

/// The string whose first byte is at `from`.
fn string(json: &[u8], from: usize) -> Option<Quoted> {
    let (mut end, mut has_escapes) = (from, false);
    loop {
        end += special(json.get(end..)?)?;
        if json[end] == b'"' {
            return Some(Quoted { end, has_escapes });
        }
        (end, has_escapes) = (end + 2, true);
    }
}

/// Where a value ends that stands at the beginning, with the white space behind it.
fn value_end(json: &[u8]) -> usize {
    let (mut at, mut depth) = (0, 0_usize);
    while let Some(byte) = json.get(at) {
        match byte {
            b'"' => at = string(json, at + 1).map_or(json.len(), |string| string.end),
            b'{' | b'[' => depth += 1,
            b'}' | b']' | b',' if depth == 0 => return at,
            b'}' | b']' => depth -= 1,
            _ => {}
        }
        at += 1;
    }
    json.len()
}

/// Where a quotation mark or a backslash stands first. Most strings are names and words, for which a search made for long
/// ones takes longer to begin than to end: the first bytes are looked at eight at a time.
#[inline]
fn special(bytes: &[u8]) -> Option<usize> {
    const WORDS: usize = 8;
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    // The highest bit of each byte that equals `byte`; above the first of them a bit may be wrong, below it none is.
    let equal = |word: u64, byte: u8| {
        let zero = word ^ (ONES * u64::from(byte));
        zero.wrapping_sub(ONES) & !zero & (ONES << 7)
    };
    let (words, _) = bytes.as_chunks::<8>();
    let words = &words[..words.len().min(WORDS)];
    for (at, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let found = equal(word, b'"') | equal(word, b'\\');
        if found != 0 {
            // Bits by eight are bytes.
            return Some(at * 8 + found.trailing_zeros() as usize / 8);
        }
    }
    let seen = words.len() * 8;
    memchr::memchr2(b'"', b'\\', &bytes[seen..]).map(|at| seen + at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn members_are_found_however_they_are_spelled_and_laid_out() {
        for (object, expected) in [
            ("{}", &[][..]),
            ("{ }", &[]),
            (r#"{"a":1,"b":{"a":2},"\u0061":[3]}"#, &[("a", "1"), ("b", r#"{"a":2}"#), ("a", "[3]")]),
            ("{ \"a\" : -1.5e3 ,\n\t\"b\"\r:\"c\" }", &[("a", "-1.5e3"), ("b", r#""c""#)]),
            (
                r#"{"a":"}\",","b":["{",{"c":"]"}],"d":"\\","ä":"ö"}"#,
                &[("a", r#""}\",""#), ("b", r#"["{",{"c":"]"}]"#), ("d", r#""\\""#), ("ä", r#""ö""#)],
            ),
            (r#"{"\ud800":null,"\"":true}"#, &[(r"\ud800", "null"), ("\"", "true")]),
            (r#"["a"]"#, &[]),
            ("7", &[]),
        ] {
            let found: Vec<_> = members(object).collect();
            let found: Vec<_> = found.iter().map(|(name, json)| (&**name, *json)).collect();
            assert_eq!(found, expected, "{object}");
        }
    }

    #[test]
    fn what_is_no_json_is_read_without_a_panic() {
        let text = r#"{"a":{"b":["\"ä",{}]},"c":"\\"}"#;
        for (from, _) in text.char_indices() {
            for (to, _) in text.char_indices().filter(|(to, _)| *to >= from) {
                let _ = members(&text[from..to]).count();
            }
        }
        for odd in
            ["{\"", "{\"a", "{\"a\"", "{\"a\":", "{\"a\":\"", "{\"a\":\"\\", "{\"\\", "{\"a\":}", "{\"a\":1}]]}\"b\":2"]
        {
            let _ = members(odd).count();
        }
    }

    #[test]
    fn the_end_of_a_string_is_found_wherever_it_is() {
        for length in 0..200 {
            let plain = "\u{a2}\u{dc}!#]["[..].repeat(25);
            let plain = &plain.as_bytes()[..length];
            assert_eq!(special(plain), None);
            for mark in *b"\"\\" {
                for at in 0..length {
                    let mut bytes = plain.to_vec();
                    bytes[at] = mark;
                    assert_eq!(special(&bytes), Some(at), "{length}");
                }
            }
        }
    }

    /// Two readers may each take another one.
    #[test]
    fn what_is_there_twice_is_not_picked() {
        assert_eq!(pick(r#"{"a":1,"b":2,"b":3}"#, ["a"]), Ok([Some("1")]));
        assert_eq!(pick(r#"{"a":1,"b":2,"b":3}"#, ["a", "b"]), Err(Unclear));
        assert_eq!(pick(r#"{"a":null,"\u0061":3}"#, ["a"]), Err(Unclear));
        assert_eq!(pick(r#"{"a":null}"#, ["a", "b"]), Ok([None, None]));
        for other in ["[]", "null", "\"{}\"", "7"] {
            assert_eq!(pick(other, ["a"]), Err(Unclear), "{other}");
        }
    }
}
