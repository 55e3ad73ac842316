//! What is wrong with what servers say during an authorization.

use alloc::boxed::Box;
use alloc::string::{String, ToString as _};
use core::fmt;

use crate::http::EndpointError;
use crate::text::{Excerpt, parser_message};

/// Why an authorization goes no further. Shows neither tokens nor codes; text of a server is cut, without control characters.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuthError {
    /// A URL that a server named cannot be used: which one, and why.
    Url(&'static str, EndpointError),
    /// A URL is http where only https will do (R-AU-32): which one, and its origin.
    Insecure(&'static str, String),
    /// A URL leads to this machine, for a server that is not on it (R-SEC-17): which one.
    Inward(&'static str),
    /// A document cannot be read: which one, and why.
    Document(&'static str, String),
    /// The metadata are those of another resource (R-AU-11).
    OtherResource(Box<Mismatch>),
    /// The metadata of the resource name no authorization server (R-AU-8).
    NoServer,
    /// The metadata of the authorization server say that they are another one's (R-AU-17).
    OtherIssuer(Box<Mismatch>),
    /// The authorization server does not say that it does PKCE with S256 (R-AU-18).
    NoPkce,
    /// The authorization server names no such endpoint.
    NoEndpoint(&'static str),
    /// What came back from the browser has no `state`, or another one (R-AU-29).
    State,
    /// What came back from the browser is from another issuer, or does not say from whom although it should (R-AU-31).
    RedirectIssuer,
    /// What came back from the browser has this parameter twice, or not at all.
    Redirect(&'static str),
    /// The authorization server, or its user, refuses: where, the code of the error and its description.
    Refused(Box<Refused>),
    /// The token is of another type than Bearer.
    TokenType(String),
}

/// What was found, and what was expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// What was found.
    pub found: String,
    /// What was expected.
    pub expected: String,
}

/// An error of OAuth (RFC 6749, sections 4.1.2.1 and 5.2; RFC 7591, section 3.2.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Which endpoint said so, such as `token endpoint`.
    pub endpoint: &'static str,
    /// The status of its answer; none of a redirect.
    pub status: Option<u16>,
    /// The code, such as `invalid_grant`. Empty when there is none.
    pub error: String,
    /// What it says to people. Empty when it says nothing.
    pub description: String,
}

impl AuthError {
    /// Whether the grant that was shown counts no more, so that another one has to be had (R-AU-46).
    pub fn is_invalid_grant(&self) -> bool {
        matches!(self, Self::Refused(refused) if refused.error == "invalid_grant")
    }

    /// Whether the authorization server does not know the client any more.
    pub fn is_invalid_client(&self) -> bool {
        matches!(self, Self::Refused(refused) if matches!(&*refused.error, "invalid_client" | "unauthorized_client"))
    }

    pub(super) fn document(which: &'static str, error: &serde_json::Error) -> Self {
        Self::Document(which, parser_message(error))
    }

    pub(super) fn mismatch(found: &str, expected: &str) -> Box<Mismatch> {
        let cut = |text: &str| Excerpt::new(text, 256).to_string();
        Box::new(Mismatch { found: cut(found), expected: cut(expected) })
    }

    pub(super) fn refused(endpoint: &'static str, status: Option<u16>, error: &str, description: &str) -> Self {
        let cut = |text: &str| Excerpt::new(text, 256).to_string();
        Self::Refused(Box::new(Refused { endpoint, status, error: cut(error), description: cut(description) }))
    }
}

impl fmt::Display for AuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(which, error) => write!(f, "the {which} cannot be used: {error}"),
            Self::Insecure(which, origin) => {
                write!(f, "the {which} at {origin} is not https, and http is for servers on this machine only")
            }
            Self::Inward(which) => {
                write!(f, "the {which} is on this machine, which a server elsewhere has no business to lead to")
            }
            Self::Document(which, problem) => write!(f, "the {which} cannot be read: {problem}"),
            Self::OtherResource(of) => write!(
                f,
                "the metadata are those of another resource: `{}` instead of `{}` or what it is part of",
                of.found, of.expected
            ),
            Self::NoServer => f.write_str("the metadata of the resource name no authorization server"),
            Self::OtherIssuer(of) => write!(
                f,
                "the metadata are those of another authorization server: the issuer `{}` instead of `{}`",
                of.found, of.expected
            ),
            Self::NoPkce => {
                f.write_str("the authorization server does not say that it does PKCE with S256 (`code_challenge_methods_supported`)")
            }
            Self::NoEndpoint(which) => write!(f, "the authorization server has no {which}"),
            Self::State => f.write_str("what came back from the browser has not the `state` that was sent there"),
            Self::RedirectIssuer => {
                f.write_str("what came back from the browser is not from the authorization server that was asked (`iss`)")
            }
            Self::Redirect(which) => write!(f, "what came back from the browser has not one `{which}`"),
            Self::Refused(refused) => refused.fmt(f),
            Self::TokenType(found) => write!(f, "the token is of the type `{found}` and not Bearer"),
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the {} refuses", self.endpoint)?;
        if let Some(status) = self.status {
            write!(f, " with status {status}")?;
        }
        if !self.error.is_empty() {
            write!(f, ": {}", self.error)?;
        }
        if self.description.is_empty() { Ok(()) } else { write!(f, ": {}", self.description) }
    }
}

impl core::error::Error for AuthError {}
