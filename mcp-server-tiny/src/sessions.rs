//! The sessions of HTTP+SSE: each lives as long as its stream and is found by the token in the URI for its posts.

use alloc::boxed::Box;
use alloc::vec::Vec;

use mcp_core::http::is_same_secret;
use mcp_core::session::ServerSession;
use mcp_core::time::Instant;

use crate::slab::{Key, Slab};

/// 128 random bits (R-SSE-35).
pub(crate) type Secret = [u8; 16];

/// Hexadecimal digits of a token: four bytes of row and the secret.
const TOKEN_DIGITS: usize = 2 * (4 + size_of::<Secret>());

/// One session.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) state: ServerSession,
    /// The connection that carries its stream.
    pub(crate) conn: Key,
    secret: Secret,
    /// The credential of the GET; the posts have to carry the same (R-SSE-36).
    credential: Option<Box<[u8]>>,
    pub(crate) opened: Instant,
    /// When the last message came, or a call that took its time had something to say.
    pub(crate) active: Instant,
}

/// All sessions.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    rows: Slab<Session>,
}

/// Why a token leads to no session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenFault {
    /// It is none that this server gives out.
    Malformed,
    /// There is no such session, or it is not this client's: the two are not told apart.
    Unknown,
}

impl Sessions {
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Opens a session whose stream is `conn`.
    pub(crate) fn open(&mut self, now: Instant, conn: Key, secret: Secret, credential: Option<&[u8]>) -> Key {
        let credential = credential.map(Box::from);
        self.rows.insert(Session { state: ServerSession::new(), conn, secret, credential, opened: now, active: now })
    }

    /// Appends the token of a session: where it is, for a lookup without search, and its secret.
    pub(crate) fn write_token(&self, key: Key, out: &mut Vec<u8>) {
        let Some(session) = self.rows.get(key) else { return };
        for byte in key.slot.to_be_bytes().iter().chain(&session.secret) {
            out.extend([byte >> 4, byte & 15].map(|digit| b"0123456789abcdef"[usize::from(digit)]));
        }
    }

    /// The session of a token, sent with `credential`. Secrets are compared in constant time.
    pub(crate) fn find(&self, token: &str, credential: Option<&[u8]>) -> Result<Key, TokenFault> {
        let (slot, secret) = parse_token(token).ok_or(TokenFault::Malformed)?;
        let key = self.rows.key(slot).ok_or(TokenFault::Unknown)?;
        let session = self.rows.get(key).ok_or(TokenFault::Unknown)?;
        let is_owner = match (&session.credential, credential) {
            (Some(own), Some(sent)) => is_same_secret(own, sent),
            (Some(_), None) => false,
            // A stream without credential is bound to nothing but its token.
            (None, _) => true,
        };
        if is_same_secret(&session.secret, &secret) & is_owner { Ok(key) } else { Err(TokenFault::Unknown) }
    }

    /// The keys of all sessions.
    pub(crate) fn keys(&self) -> impl Iterator<Item = Key> + '_ {
        self.rows.keys()
    }

    pub(crate) fn get(&self, key: Key) -> Option<&Session> {
        self.rows.get(key)
    }

    pub(crate) fn get_mut(&mut self, key: Key) -> Option<&mut Session> {
        self.rows.get_mut(key)
    }

    pub(crate) fn remove(&mut self, key: Key) -> Option<Session> {
        self.rows.remove(key)
    }
}

fn parse_token(token: &str) -> Option<(u32, Secret)> {
    if token.len() != TOKEN_DIGITS {
        return None;
    }
    let mut bytes = [0u8; TOKEN_DIGITS / 2];
    for (byte, digits) in bytes.iter_mut().zip(token.as_bytes().chunks_exact(2)) {
        *byte = hex(digits[0])? << 4 | hex(digits[1])?;
    }
    let (slot, secret) = bytes.split_first_chunk::<4>()?;
    Some((u32::from_be_bytes(*slot), secret.try_into().ok()?))
}

fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;

    fn token(sessions: &Sessions, key: Key) -> String {
        let mut token = Vec::new();
        sessions.write_token(key, &mut token);
        String::from_utf8(token).unwrap()
    }

    #[test]
    fn a_token_finds_its_session_and_nothing_close_to_it_does() {
        let mut sessions = Sessions::default();
        let key = sessions.open(Instant::ZERO, Key::default(), [0xa5; 16], None);
        let good = token(&sessions, key);
        assert_eq!(good, "00000000a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5");
        assert_eq!(sessions.find(&good, None), Ok(key));
        assert_eq!(sessions.find(&good.to_uppercase(), None), Err(TokenFault::Malformed));
        assert_eq!(sessions.find(&good[1..], None), Err(TokenFault::Malformed));
        assert_eq!(sessions.find("", None), Err(TokenFault::Malformed));
        assert_eq!(sessions.find(&good.replace("a5a5a5", "a5a4a5"), None), Err(TokenFault::Unknown));
        assert_eq!(sessions.find(&good.replacen("00000000", "00000001", 1), None), Err(TokenFault::Unknown));
        sessions.remove(key);
        assert_eq!(sessions.find(&good, None), Err(TokenFault::Unknown));
    }

    #[test]
    fn a_session_is_bound_to_the_credential_of_its_stream() {
        // R-SSE-36
        let mut sessions = Sessions::default();
        let key = sessions.open(Instant::ZERO, Key::default(), [1; 16], Some(b"Bearer a"));
        let token = token(&sessions, key);
        assert_eq!(sessions.find(&token, Some(b"Bearer a")), Ok(key));
        assert_eq!(sessions.find(&token, Some(b"Bearer b")), Err(TokenFault::Unknown));
        assert_eq!(sessions.find(&token, None), Err(TokenFault::Unknown));
    }
}
