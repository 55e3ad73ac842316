//! Random bytes and SHA-256. Not of the library that TLS has: a client may be without TLS.

use mcp_core::auth::Entropy;

/// The random bytes of one authorization.
///
/// # Errors
/// When the system gives none.
pub(super) fn entropy() -> Result<Entropy, String> {
    let mut entropy = Entropy { verifier: [0; 32], state: [0; 32] };
    let filled = getrandom::fill(&mut entropy.verifier).and_then(|()| getrandom::fill(&mut entropy.state));
    filled.map(|()| entropy).map_err(|_| "the system gives no random bytes".into())
}

/// SHA-256.
pub(super) fn sha256(bytes: &[u8]) -> [u8; 32] {
    hmac_sha256::Hash::hash(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_that_of_the_standard() {
        // FIPS 180-2, appendix B.1.
        assert_eq!(sha256(b"abc")[..8], [0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea]);
        assert_eq!(sha256(b"")[28..], [0x78, 0x52, 0xb8, 0x55]);
    }

    #[test]
    fn no_two_authorizations_have_the_same_bytes() {
        let (a, b) = (entropy().unwrap(), entropy().unwrap());
        assert!(a.verifier != b.verifier && a.state != b.state && a.verifier != a.state);
    }
}
