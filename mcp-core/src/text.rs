//! Text from peers, made fit for logs and errors.

use alloc::string::{String, ToString as _};
use core::fmt::{self, Write as _};

/// The beginning of a text that a peer chose: cut to a length, control characters replaced (R-SEC-25).
pub struct Excerpt<'a> {
    text: &'a str,
    characters: usize,
}

impl<'a> Excerpt<'a> {
    /// At most so many characters of `text`.
    pub fn new(text: &'a str, characters: usize) -> Self {
        Self { text, characters }
    }
}

/// What a parser says of a peer's text. It quotes what it did not expect, in full: cut to 256 characters.
pub(crate) fn parser_message(error: &serde_json::Error) -> String {
    Excerpt::new(&error.to_string(), 256).to_string()
}

impl fmt::Display for Excerpt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.text.chars();
        for character in rest.by_ref().take(self.characters) {
            f.write_char(if is_harmless(character) { character } else { '\u{FFFD}' })?;
        }
        if rest.as_str().is_empty() { Ok(()) } else { f.write_str("...") }
    }
}

/// Neither a control character nor one that turns the direction of the text after it.
fn is_harmless(character: char) -> bool {
    let is_turning =
        matches!(character, '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
    !character.is_control() && !is_turning
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn an_excerpt_is_cut_and_has_no_control_characters() {
        assert_eq!(Excerpt::new("ab\x1b[2Jcd", 4).to_string(), "ab\u{FFFD}[...");
        assert_eq!(Excerpt::new("abcd", 4).to_string(), "abcd");
        for turning in ["\u{061C}", "\u{200F}", "\u{202E}", "\u{2066}"] {
            assert_eq!(Excerpt::new(&(String::from("a") + turning + "b"), 4).to_string(), "a\u{FFFD}b");
        }
    }
}
