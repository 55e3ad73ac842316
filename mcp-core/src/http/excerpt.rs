//! A peer's text, cut and made harmless for a message.

use alloc::string::String;

/// Characters that a message shows of a value.
const SHOWN: usize = 80;

/// The first 80 characters of `text`, with everything that a terminal could obey replaced (R-SEC-25).
pub(super) fn excerpt(text: &str) -> String {
    let mut out = String::new();
    for (shown, c) in text.chars().enumerate() {
        if shown == SHOWN {
            out.push_str("...");
            break;
        }
        out.push(if is_harmless(c) { c } else { char::REPLACEMENT_CHARACTER });
    }
    out
}

/// Neither a control character nor one that changes the direction of the text after it.
fn is_harmless(c: char) -> bool {
    !c.is_control() && !matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_value_is_cut_and_control_characters_are_replaced() {
        assert_eq!(excerpt("a\x1b[2Jb\r\n"), "a\u{fffd}[2Jb\u{fffd}\u{fffd}");
        assert_eq!(excerpt(&"x".repeat(80)), "x".repeat(80));
        assert_eq!(excerpt(&"é".repeat(81)), "é".repeat(80) + "...");
    }
}
