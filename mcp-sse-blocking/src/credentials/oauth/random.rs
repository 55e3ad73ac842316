//! Random bytes and SHA-256, of the library that TLS has already.

use rustls::crypto::ring::cipher_suite::TLS13_AES_128_GCM_SHA256;

use mcp_core::auth::Entropy;

use crate::transport::tls::provider;

/// The random bytes of one authorization.
///
/// # Errors
/// When the system gives none.
pub(super) fn entropy() -> Result<Entropy, String> {
    let mut entropy = Entropy { verifier: [0; 32], state: [0; 32] };
    let random = provider().secure_random;
    let filled = random.fill(&mut entropy.verifier).and_then(|()| random.fill(&mut entropy.state));
    filled.map(|()| entropy).map_err(|_| "the system gives no random bytes".into())
}

/// SHA-256.
pub(super) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let hash = TLS13_AES_128_GCM_SHA256.tls13().map(|suite| suite.common.hash_provider.hash(bytes));
    // A suite of TLS 1.3 that is named after the hash has it, of 32 bytes. Anything else would be refused by the server.
    let mut out = [0; 32];
    if let Some(hash) = hash.as_ref().map(AsRef::as_ref)
        && hash.len() == out.len()
    {
        out.copy_from_slice(hash);
    }
    out
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
