//! Text of a server, made fit for a terminal.
//!
//! It may hold control characters that move the cursor, change the title of the window or hide what follows. On a terminal
//! they are left out (R-SEC-25); a pipe gets every byte.

use std::borrow::Cow;
use std::fmt::Write as _;

use mcp_core::text::Excerpt;

/// Characters of a cell or a line.
const LINE: usize = 1000;

/// The text without what a terminal would act on: control characters but for line ends and tabs, and changes of the direction of
/// text.
pub(crate) fn harmless(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_harmless) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().filter(|character| is_harmless(*character)).collect())
}

/// A name, or anything else that has to stay in one line: cut, and with a mark for each control character.
pub(crate) fn one_line(text: &str) -> String {
    Excerpt::new(text, LINE).to_string()
}

/// The first line that says something; nothing without one.
pub(crate) fn first_line(text: Option<&str>) -> String {
    text.and_then(|text| text.trim().lines().next()).map(|line| one_line(line.trim_end())).unwrap_or_default()
}

/// JSON that means the same, with escapes in place of what a terminal would act on: it may only stand in strings.
pub(crate) fn harmless_json(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_harmless) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            // Outside of strings, a line end like any other.
            '\r' => escaped.push('\n'),
            character if is_harmless(character) => escaped.push(character),
            character => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    let _ = write!(escaped, "\\u{unit:04x}");
                }
            }
        }
    }
    Cow::Owned(escaped)
}

fn is_harmless(character: char) -> bool {
    match character {
        '\n' | '\t' => true,
        '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => false,
        character => !character.is_control(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_acts_on_is_left() {
        assert_eq!(harmless("a\tb\n\x1b[2Jc\x07\u{9b}d\r\u{202E}e"), "a\tb\n[2Jcde");
    }

    #[test]
    fn json_for_a_terminal_means_the_same() {
        let json = "{\"a\":\r\n\"\u{7f}\u{9b}2J\u{202E}ä\"}";
        let shown = harmless_json(json);
        assert_eq!(shown, "{\"a\":\n\n\"\\u007f\\u009b2J\\u202eä\"}");
        let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(value(&shown), value(json));
    }

    #[test]
    fn one_line_stays_one() {
        assert_eq!(one_line("a\nb\u{1b}"), "a\u{FFFD}b\u{FFFD}");
        assert_eq!(first_line(Some("\n  a \nb")), "a");
        assert_eq!(first_line(None), "");
    }
}
