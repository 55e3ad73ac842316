//! What goes wrong at a client's session: by the server's fault in the handshake, or by the caller's at a command.

use alloc::string::String;
use core::fmt;

use super::lifecycle::Violation;
use crate::jsonrpc::{EncodeError, Error};
use crate::limits::LimitExceeded;
use crate::revision::ProtocolVersion;
use crate::text::Excerpt;
use crate::types::Method;

/// Why the handshake failed.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum HandshakeError {
    /// The server refused it.
    Refused(Error),
    /// The server's answer is no `InitializeResult`; with what the parser says, cut.
    Malformed(String),
    /// The server answered with a revision that this library does not know, or that has no handshake.
    UnsupportedVersion(String),
}

impl fmt::Display for HandshakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(error) => write!(f, "the server refused `initialize`: {error}"),
            Self::Malformed(error) => write!(f, "the server's answer to `initialize` is malformed: {error}"),
            Self::UnsupportedVersion(version) => write!(
                f,
                "the server speaks protocol version `{}`; supported are {} to {}",
                Excerpt::new(version, 32),
                ProtocolVersion::OLDEST,
                ProtocolVersion::LATEST_HANDSHAKE
            ),
        }
    }
}

impl core::error::Error for HandshakeError {}

/// A command that could not be carried out: the caller's fault, nothing was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ApiMisuse {
    /// The session is not where the command needs it.
    Phase(Violation),
    /// There are too many requests in flight.
    Limit(LimitExceeded),
    /// The parameters cannot be written.
    Encode(EncodeError),
    /// The peer did not offer it, or the session's revision does not have it (R-LM-26).
    NotOffered(Method),
}

impl fmt::Display for ApiMisuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Phase(violation) => violation.fmt(f),
            Self::Limit(exceeded) => exceeded.fmt(f),
            Self::Encode(error) => error.fmt(f),
            Self::NotOffered(method) => write!(f, "the peer does not offer `{}`", method.name()),
        }
    }
}

impl core::error::Error for ApiMisuse {}

impl From<Violation> for ApiMisuse {
    fn from(violation: Violation) -> Self {
        Self::Phase(violation)
    }
}

impl From<LimitExceeded> for ApiMisuse {
    fn from(exceeded: LimitExceeded) -> Self {
        Self::Limit(exceeded)
    }
}

impl From<EncodeError> for ApiMisuse {
    fn from(error: EncodeError) -> Self {
        Self::Encode(error)
    }
}
