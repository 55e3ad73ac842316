//! Sessions of Streamable HTTP (2025-03-26 to 2025-11-25): ids, the version header, and which requests are refused before
//! anybody reads their body (R-SH, sections B, D, F, H, I and J).
//!
//! Where the specification leaves the answer open we answer what most peers do (section J), and refuse less:
//!
//! * `Accept` of a POST must take both JSON and event streams (R-SH-6), of a GET event streams (R-SH-20); a missing header and
//!   ranges such as `*/*` take everything, as HTTP has it. The official servers want both names spelled out; a request by hand
//!   or from a plain HTTP library is no danger, only an answer that nobody can read would be.
//! * A `MCP-Protocol-Version` that is served but is not the negotiated one is let through (a SHOULD of the client, R-SH-58), and
//!   the session keeps the negotiated one.
//! * The JSON body of a refusal has the code of JSON-RPC that fits. Numbers such as TypeScript's -32001 have no shared meaning.

use alloc::boxed::Box;
use alloc::string::ToString;
use core::fmt;

use super::headers::Field;
use super::{accepts_event_stream, accepts_json};
use crate::jsonrpc::{Error, code};
use crate::revision::ProtocolVersion;

/// Bytes that the id of a session may have. 8 KiB: what fits a header line; some servers keep a token in it.
pub const MAX_SESSION_ID_BYTES: usize = 8 << 10;

/// The methods of the endpoint, for the `Allow` of a 405 (R-SH-1, R-SH-21, R-SH-53).
pub const ALLOWED: &str = "GET, POST, DELETE";
/// The same for a server that serves the stateless revision only (R-ST-4, R-ST-29).
pub const ALLOWED_STATELESS: &str = "POST";

/// The id of a session: a secret, which neither `Debug` nor an error shows (R-SH-54).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SessionId(Box<str>);

impl SessionId {
    /// The id in the header of an answer, or of a request. `None` when it is empty, has more than [`MAX_SESSION_ID_BYTES`], or
    /// another character than 0x21 to 0x7E (R-SH-47): a client ignores it or disconnects, a server does not know it.
    pub fn parse(value: &[u8]) -> Option<Self> {
        is_valid_session_id(value).then(|| core::str::from_utf8(value).ok())?.map(|id| Self(id.into()))
    }

    /// The id, for the header.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionId(...)")
    }
}

/// Whether a value can be the id of a session (R-SH-47).
pub fn is_valid_session_id(value: &[u8]) -> bool {
    (1..=MAX_SESSION_ID_BYTES).contains(&value.len()) && value.iter().all(|byte| matches!(byte, b'!'..=b'~'))
}

/// The revision that a request belongs to: the negotiated one, else that of its header, else 2025-03-26 (R-SH-59). `served` are
/// the revisions with a handshake that this server speaks.
///
/// # Errors
///
/// [`Refused::Version`] for a header that is there twice, is no revision, or one that is not served (R-SH-60).
pub fn version_of(
    header: Field<'_>,
    negotiated: Option<ProtocolVersion>,
    served: &[ProtocolVersion],
) -> Result<ProtocolVersion, Refused> {
    let named = match header {
        Field::Absent => return Ok(negotiated.unwrap_or(ProtocolVersion::UNNAMED)),
        Field::Repeated => None,
        Field::Once(value) => core::str::from_utf8(value.trim_ascii()).ok().and_then(ProtocolVersion::from_handshake),
    };
    let named = named.filter(|version| served.contains(version)).ok_or(Refused::Version)?;
    Ok(negotiated.unwrap_or(named))
}

/// Whether the client of a POST reads both kinds of answers (R-SH-6, R-ST-5).
///
/// # Errors
///
/// [`Refused::NotAcceptable`].
pub fn check_post_accept(accept: Option<&str>) -> Result<(), Refused> {
    let takes_both = accepts_json(accept) && accepts_event_stream(accept);
    if takes_both { Ok(()) } else { Err(Refused::NotAcceptable) }
}

/// Whether the client of a GET reads an event stream (R-SH-20).
///
/// # Errors
///
/// [`Refused::NotAcceptable`].
pub fn check_get_accept(accept: Option<&str>) -> Result<(), Refused> {
    if accepts_event_stream(accept) { Ok(()) } else { Err(Refused::NotAcceptable) }
}

/// Why a request to the endpoint is refused, before or instead of what its body asks (section J).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Refused {
    /// It needs a session and names none, or names two (R-SH-49).
    SessionMissing,
    /// There is no such session, or no longer (R-SH-50). Also the session of somebody else (R-SEC-10), and an id that cannot be
    /// one: a client then opens a new session (R-SH-51).
    SessionUnknown,
    /// Its `MCP-Protocol-Version` is none that is served (R-SH-60).
    Version,
    /// The client does not read what would be answered.
    NotAcceptable,
    /// The body is no JSON by its `Content-Type` (R-SH-11, R-SEC-6).
    MediaType,
    /// The endpoint has no such HTTP method.
    Method,
    /// The session has its one stream open (R-SH-28), or the stream to resume is still connected (R-SH-36).
    StreamTaken,
    /// `Last-Event-ID` is none of ours, or of an event that is no longer kept (R-SH-36).
    EventUnknown,
    /// The body is larger than the server takes.
    TooLarge,
    /// There are too many sessions.
    TooManySessions,
}

impl Refused {
    /// The status of the answer.
    pub fn status(self) -> u16 {
        match self {
            Self::SessionMissing | Self::Version | Self::EventUnknown => 400,
            Self::SessionUnknown => 404,
            Self::Method => 405,
            Self::NotAcceptable => 406,
            Self::StreamTaken => 409,
            Self::TooLarge => 413,
            Self::MediaType => 415,
            Self::TooManySessions => 503,
        }
    }

    /// The JSON-RPC error for the body of the answer, without the id of a request (R-SH-8).
    pub fn error(self) -> Error {
        let code = if self == Self::TooManySessions { code::INTERNAL_ERROR } else { code::INVALID_REQUEST };
        Error::new(code, self.to_string())
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SessionMissing => "header `Mcp-Session-Id` is needed, once; `initialize` gives one",
            Self::SessionUnknown => "session not found",
            Self::Version => "header `MCP-Protocol-Version` names no revision that is served",
            Self::NotAcceptable => "header `Accept` takes no `text/event-stream`, or for a POST no `application/json`",
            Self::MediaType => "header `Content-Type` is not `application/json`",
            Self::Method => "the endpoint has no such method",
            Self::StreamTaken => "the stream is open already",
            Self::EventUnknown => "header `Last-Event-ID` names no event that is kept",
            Self::TooLarge => "the body is too large",
            Self::TooManySessions => "there are too many sessions",
        })
    }
}

impl core::error::Error for Refused {}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use alloc::vec;

    /// R-SH-47, R-SH-54
    #[test]
    fn the_id_of_a_session_is_visible_ascii_and_is_not_shown() {
        for id in [&b"6f1c"[..], b"!", b"~", b"a.b-c_d/e+f==", &vec![b'a'; MAX_SESSION_ID_BYTES]] {
            assert_eq!(SessionId::parse(id).unwrap().as_str().as_bytes(), id);
        }
        for id in [
            &b""[..],
            b"a b",
            b" a",
            b"a\t",
            b"a\x7f",
            b"a\xc3\xa4",
            b"a\r\n",
            b"\0",
            &[b'a'; MAX_SESSION_ID_BYTES + 1],
        ] {
            assert_eq!(SessionId::parse(id), None, "{id:?}");
        }
        assert_eq!(format!("{:?}", SessionId::parse(b"secret")), "Some(SessionId(...))");
    }

    /// R-SH-58, R-SH-59, R-SH-60
    #[test]
    fn a_request_belongs_to_the_negotiated_revision_if_there_is_one() {
        use ProtocolVersion::{V2025_03_26 as A, V2025_06_18 as B, V2025_11_25 as C};
        let served = [A, B, C];
        let once = |value: &'static str| Field::Once(value.as_bytes());
        for (header, negotiated, expected) in [
            (Field::Absent, None, Ok(A)),
            (Field::Absent, Some(C), Ok(C)),
            (once("2025-06-18"), None, Ok(B)),
            (once(" 2025-06-18 "), Some(B), Ok(B)),
            (once("2025-06-18"), Some(C), Ok(C)),
            (once("2024-11-05"), None, Err(Refused::Version)), // not in `served`
            (once("2026-07-28"), Some(C), Err(Refused::Version)),
            (once("v999.0.0"), Some(C), Err(Refused::Version)),
            (once(""), Some(C), Err(Refused::Version)),
            (Field::Once(b"\xff"), None, Err(Refused::Version)),
            (Field::Repeated, Some(C), Err(Refused::Version)),
        ] {
            assert_eq!(version_of(header, negotiated, &served), expected, "{header:?} {negotiated:?}");
        }
    }

    /// R-SH-6, R-SH-20
    #[test]
    fn a_client_must_read_what_may_be_answered() {
        for (accept, post, get) in [
            (Some("application/json, text/event-stream"), true, true),
            (Some("text/event-stream;q=0.5,application/json"), true, true),
            (Some("*/*"), true, true),
            (None, true, true),
            (Some("text/event-stream"), false, true),
            (Some("application/json"), false, false),
            (Some("text/html"), false, false),
            (Some(""), false, false),
        ] {
            assert_eq!(
                (check_post_accept(accept).is_ok(), check_get_accept(accept).is_ok()),
                (post, get),
                "{accept:?}"
            );
        }
    }

    /// R-SH-36, R-SH-49, R-SH-50, R-SH-60; section J
    #[test]
    fn a_refusal_has_the_status_that_peers_use() {
        for (refused, status) in [
            (Refused::SessionMissing, 400),
            (Refused::SessionUnknown, 404),
            (Refused::Version, 400),
            (Refused::NotAcceptable, 406),
            (Refused::MediaType, 415),
            (Refused::Method, 405),
            (Refused::StreamTaken, 409),
            (Refused::EventUnknown, 400),
            (Refused::TooLarge, 413),
            (Refused::TooManySessions, 503),
        ] {
            assert_eq!(refused.status(), status);
            assert!(!refused.error().message.is_empty());
        }
    }
}
