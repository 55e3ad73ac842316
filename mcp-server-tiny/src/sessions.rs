//! The sessions of the handshake eras, and the tokens by which their clients find them.
//!
//! One over HTTP+SSE lives as long as its stream and is found by the token in the URI for its posts. One over Streamable HTTP is found by
//! `Mcp-Session-Id` and may have any number of streams, also none.

use alloc::boxed::Box;
use alloc::vec::Vec;

use mcp_core::http::is_same_secret;
use mcp_core::session::{RequestKey, ServerSession};
use mcp_core::time::Instant;

use crate::engine::replay::Replay;
use crate::parts::HttpSse;
use crate::slab::{Key, Slab};
use crate::timers::Armed;

/// 128 random bits (R-SSE-35).
pub(crate) type Secret = [u8; 16];

/// The header line that tells a client the id of its session.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SessionLine([u8; SESSION_LINE.len() + TOKEN_DIGITS + 2]);

const SESSION_LINE: &[u8] = b"Mcp-Session-Id: ";

impl SessionLine {
    pub(crate) fn as_str(&self) -> &str {
        // Digits and ASCII are UTF-8.
        core::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// What makes the token of a session: where it is, for a lookup without search, and its secret.
#[derive(Clone, Copy)]
pub(crate) struct Token {
    slot: u32,
    secret: Secret,
}

impl Token {
    fn digits(self) -> [u8; TOKEN_DIGITS] {
        let mut digits = [0; TOKEN_DIGITS];
        let slot = self.slot.to_be_bytes();
        for (pair, byte) in digits.chunks_exact_mut(2).zip(slot.iter().chain(&self.secret)) {
            pair.copy_from_slice(&[byte >> 4, byte & 15].map(|digit| b"0123456789abcdef"[usize::from(digit)]));
        }
        digits
    }

    pub(crate) fn line(self) -> SessionLine {
        let mut line = [0; SESSION_LINE.len() + TOKEN_DIGITS + 2];
        let (name, rest) = line.split_at_mut(SESSION_LINE.len());
        name.copy_from_slice(SESSION_LINE);
        let (digits, end) = rest.split_at_mut(TOKEN_DIGITS);
        digits.copy_from_slice(&self.digits());
        end.copy_from_slice(b"\r\n");
        SessionLine(line)
    }
}

impl core::fmt::Debug for Token {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Token(...)")
    }
}

/// Hexadecimal digits of a token: four bytes of row and the secret.
const TOKEN_DIGITS: usize = 2 * (4 + size_of::<Secret>());

/// One session.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) state: ServerSession,
    pub(crate) carrier: Carrier,
    secret: Secret,
    /// The credential that opened it; what comes later has to carry the same (R-SSE-36).
    pub(crate) credential: Option<Box<[u8]>>,
    pub(crate) opened: Instant,
    /// When the last message came, or a call that took its time had something to say.
    pub(crate) active: Instant,
}

/// How messages of a session travel.
#[derive(Debug)]
pub(crate) enum Carrier {
    /// HTTP+SSE: the connection of its one stream.
    Stream(Key, HttpSse),
    /// Streamable HTTP.
    Streams(Box<Streams>),
}

/// Which carrier a token has to be for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CarrierKind {
    Stream,
    Streams,
}

/// The streams of a session over Streamable HTTP.
#[derive(Debug, Default)]
pub(crate) struct Streams {
    /// The stream that a GET opened; its number is 0.
    pub(crate) listener: Listener,
    /// The number of the stream used last.
    newest: u32,
    /// Requests in flight, and the rows of the exchanges that their answers are part of.
    pub(crate) calls: Vec<(RequestKey, Key)>,
    /// What may have to be sent again.
    pub(crate) replay: Replay,
    /// When it is looked at.
    pub(crate) armed: Armed,
}

/// The one stream of a session that belongs to no request (R-SH-28).
#[derive(Debug, Default)]
pub(crate) struct Listener {
    /// The connection that carries it.
    pub(crate) conn: Option<Key>,
    /// The number of its last event; `None`: nobody ever listened, so nobody can come back.
    pub(crate) newest: Option<u32>,
}

impl Streams {
    /// The number for another stream.
    pub(crate) fn next(&mut self) -> u32 {
        // A session has served four billion streams when numbers come again.
        self.newest = self.newest.wrapping_add(1).max(1);
        self.newest
    }

    /// The exchange that the answer to a request is part of.
    pub(crate) fn exchange(&self, request: RequestKey) -> Option<Key> {
        self.calls.iter().find(|(key, _)| *key == request).map(|(_, exchange)| *exchange)
    }
}

impl Session {
    /// Its token; `key` is where it is.
    pub(crate) fn token(&self, key: Key) -> Token {
        Token { slot: key.slot, secret: self.secret }
    }

    /// The connection of its one stream, over HTTP+SSE.
    pub(crate) fn stream(&self) -> Option<Key> {
        match self.carrier {
            Carrier::Stream(conn, _) => Some(conn),
            Carrier::Streams(_) => None,
        }
    }

    /// Its streams, over Streamable HTTP.
    pub(crate) fn streams(&self) -> Option<&Streams> {
        match &self.carrier {
            Carrier::Stream(..) => None,
            Carrier::Streams(streams) => Some(streams),
        }
    }

    /// Its streams, over Streamable HTTP.
    pub(crate) fn streams_mut(&mut self) -> Option<&mut Streams> {
        match &mut self.carrier {
            Carrier::Stream(..) => None,
            Carrier::Streams(streams) => Some(streams),
        }
    }
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

    /// Opens a session.
    pub(crate) fn open(
        &mut self,
        now: Instant,
        state: ServerSession,
        carrier: Carrier,
        secret: Secret,
        credential: Option<&[u8]>,
    ) -> Key {
        let credential = credential.map(Box::from);
        self.rows.insert(Session { state, carrier, secret, credential, opened: now, active: now })
    }

    /// Appends the token of a session.
    pub(crate) fn write_token(&self, key: Key, out: &mut Vec<u8>) {
        let Some(session) = self.rows.get(key) else { return };
        out.extend(session.token(key).digits());
    }

    /// The session of a token, sent with `credential`. Secrets are compared in constant time.
    pub(crate) fn find(&self, token: &[u8], credential: Option<&[u8]>, kind: CarrierKind) -> Result<Key, TokenFault> {
        let (slot, secret) = parse_token(token).ok_or(TokenFault::Malformed)?;
        let key = self.rows.key(slot).ok_or(TokenFault::Unknown)?;
        let session = self.rows.get(key).ok_or(TokenFault::Unknown)?;
        let is_owner = match (&session.credential, credential) {
            (Some(own), Some(sent)) => is_same_secret(own, sent),
            (Some(_), None) => false,
            // A stream without credential is bound to nothing but its token.
            (None, _) => true,
        };
        let is_carried_so = match session.carrier {
            Carrier::Stream(..) => kind == CarrierKind::Stream,
            Carrier::Streams(_) => kind == CarrierKind::Streams,
        };
        if is_same_secret(&session.secret, &secret) & is_owner & is_carried_so {
            Ok(key)
        } else {
            Err(TokenFault::Unknown)
        }
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

fn parse_token(token: &[u8]) -> Option<(u32, Secret)> {
    if token.len() != TOKEN_DIGITS {
        return None;
    }
    let mut bytes = [0u8; TOKEN_DIGITS / 2];
    for (byte, digits) in bytes.iter_mut().zip(token.chunks_exact(2)) {
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

    fn open(sessions: &mut Sessions, secret: Secret, credential: Option<&[u8]>) -> Key {
        let carrier = Carrier::Streams(Box::default());
        sessions.open(Instant::ZERO, ServerSession::new(), carrier, secret, credential)
    }

    fn find(sessions: &Sessions, token: &str, credential: Option<&[u8]>) -> Result<Key, TokenFault> {
        sessions.find(token.as_bytes(), credential, CarrierKind::Streams)
    }

    fn token(sessions: &Sessions, key: Key) -> String {
        let mut token = Vec::new();
        sessions.write_token(key, &mut token);
        String::from_utf8(token).unwrap()
    }

    #[test]
    fn a_token_finds_its_session_and_nothing_close_to_it_does() {
        let mut sessions = Sessions::default();
        let key = open(&mut sessions, [0xa5; 16], None);
        let good = token(&sessions, key);
        assert_eq!(good, "00000000a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5");
        assert_eq!(find(&sessions, &good, None), Ok(key));
        assert_eq!(find(&sessions, &good.to_uppercase(), None), Err(TokenFault::Malformed));
        assert_eq!(find(&sessions, &good[1..], None), Err(TokenFault::Malformed));
        assert_eq!(find(&sessions, "", None), Err(TokenFault::Malformed));
        assert_eq!(find(&sessions, &good.replace("a5a5a5", "a5a4a5"), None), Err(TokenFault::Unknown));
        assert_eq!(find(&sessions, &good.replacen("00000000", "00000001", 1), None), Err(TokenFault::Unknown));
        sessions.remove(key);
        assert_eq!(find(&sessions, &good, None), Err(TokenFault::Unknown));
    }

    #[test]
    fn a_session_is_bound_to_the_credential_of_its_stream() {
        // R-SSE-36
        let mut sessions = Sessions::default();
        let key = open(&mut sessions, [1; 16], Some(b"Bearer a"));
        let token = token(&sessions, key);
        assert_eq!(find(&sessions, &token, Some(b"Bearer a")), Ok(key));
        assert_eq!(find(&sessions, &token, Some(b"Bearer b")), Err(TokenFault::Unknown));
        assert_eq!(find(&sessions, &token, None), Err(TokenFault::Unknown));
    }

    #[test]
    fn a_token_is_good_for_its_own_carrier_only() {
        let mut sessions = Sessions::default();
        let key = open(&mut sessions, [1; 16], None);
        let token = token(&sessions, key);
        assert_eq!(sessions.find(token.as_bytes(), None, CarrierKind::Stream), Err(TokenFault::Unknown));
        assert_eq!(find(&sessions, &token, None), Ok(key));
    }

    #[test]
    fn a_session_costs_less_than_half_a_kilobyte() {
        let size = size_of::<Session>() + size_of::<Streams>();
        assert!(size <= 448, "{size} bytes");
    }
}
