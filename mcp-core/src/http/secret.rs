//! Comparison of secrets.

use core::hint::black_box;

/// Whether two secrets are equal, in a time that depends on their lengths only, so that nobody finds a token out byte by
/// byte (R-SSE-36). Lengths are not secret.
///
/// This is the best that safe code can ask of the compiler; [`black_box`] keeps it from leaving the loop early today,
/// and carries no promise.
pub fn is_same_secret(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut difference = 0;
    for (a, b) in a.iter().zip(b) {
        difference = black_box(difference | (a ^ b));
    }
    difference == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_equal_secrets_are_the_same() {
        assert!(is_same_secret(b"", b""));
        assert!(is_same_secret(b"token", b"token"));
        for other in [b"tokeN", b"Token", b"to\0en"] {
            assert!(!is_same_secret(b"token", other));
        }
        assert!(!is_same_secret(b"token", b"toke"));
    }
}
