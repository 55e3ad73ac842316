//! Text from peers, made fit for logs and errors.

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

impl fmt::Display for Excerpt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.text.chars();
        for character in rest.by_ref().take(self.characters) {
            f.write_char(if character.is_control() { '\u{FFFD}' } else { character })?;
        }
        if rest.as_str().is_empty() { Ok(()) } else { f.write_str("...") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn an_excerpt_is_cut_and_has_no_control_characters() {
        assert_eq!(Excerpt::new("ab\x1b[2Jcd", 4).to_string(), "ab\u{FFFD}[...");
        assert_eq!(Excerpt::new("abcd", 4).to_string(), "abcd");
    }
}
