//! How deep a message is nested, counted without parsing it.

/// Whether arrays and objects in `json` nest deeper than `bound`.
///
/// A message with no more opening brackets than `bound` cannot: counting those needs no look at strings, which makes it a
/// matter of vector additions. Only the others are walked.
pub(super) fn exceeds(json: &[u8], bound: usize) -> bool {
    opening_brackets(json) > bound && depth(json) > bound
}

fn opening_brackets(json: &[u8]) -> usize {
    // `[` and `{` differ in one bit only. Sums of bytes over at most 255 of them stay in a byte, which the compiler turns
    // into vector additions.
    let bracket = |sum: u8, byte: &u8| sum + u8::from(byte | 0x20 == b'{');
    json.chunks(255).map(|chunk| usize::from(chunk.iter().fold(0, bracket))).sum()
}

fn depth(json: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let mut bytes = json.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'{' | b'[' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => skip_string(&mut bytes),
            _ => {}
        }
    }
    deepest
}

/// Moves past the closing quote of a string whose opening quote was read.
fn skip_string(bytes: &mut core::slice::Iter<'_, u8>) {
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => return,
            b'\\' => drop(bytes.next()),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn brackets_in_strings_do_not_count() {
        assert!(!exceeds(br#"["[[[[", "\"[[["]"#, 1));
        assert!(exceeds(br#"["[[[[", []]"#, 1));
    }

    #[test]
    fn wide_is_not_deep() {
        let wide: Vec<u8> = b"[".iter().chain(b"{},".repeat(1000).iter()).chain(b"{}]").copied().collect();
        assert!(!exceeds(&wide, 2));
        assert!(exceeds(&wide, 1));
    }

    #[test]
    fn the_bound_itself_is_allowed() {
        for depth in [1, 2, 255, 256, 1000] {
            let json: Vec<u8> = b"[".repeat(depth).into_iter().chain(b"]".repeat(depth)).collect();
            assert!(!exceeds(&json, depth));
            assert!(exceeds(&json, depth - 1));
        }
    }
}
