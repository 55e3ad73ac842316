//! A header that says who asks.

use std::fmt;

use mcp_core::http::headers;
use ureq::http::header::{HeaderName, HeaderValue};

use super::Secret;

/// A header with a secret in it. What cannot stand in a header is refused when it is to be sent, with the name of the
/// [source](super::Credentials::source) it came from.
///
/// It takes the place of a header of the same name that the [builder](crate::Builder::header) was given.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential {
    header: String,
    scheme: &'static str,
    secret: Secret,
}

impl Credential {
    /// `Authorization: Bearer` with this token (R-AU-2).
    pub fn bearer(token: impl Into<Secret>) -> Self {
        Self { header: headers::AUTHORIZATION.into(), scheme: "Bearer ", secret: token.into() }
    }

    /// Another header, or `Authorization` of another scheme, with this value: `X-Api-Key`, for those servers that have one.
    pub fn header(name: &str, value: impl Into<Secret>) -> Self {
        Self { header: name.to_owned(), scheme: "", secret: value.into() }
    }

    /// The secret in it: the token, or the value of the header.
    pub fn secret(&self) -> &Secret {
        &self.secret
    }

    /// As it is sent.
    ///
    /// # Errors
    /// What is wrong with it, in words that do not show it.
    pub(super) fn to_header(&self) -> Result<(HeaderName, HeaderValue), String> {
        let name = self.header.escape_debug();
        if !headers::is_valid_name(&self.header) {
            return Err(format!("`{name}`, which no header is named"));
        }
        if headers::is_transport_header(&self.header) {
            return Err(format!("the header `{name}`, which is set by the transport"));
        }
        let secret = self.secret.expose();
        let what = if self.scheme.is_empty() { "value" } else { "token" };
        if secret.trim().is_empty() {
            return Err(format!("an empty {what}"));
        }
        if !headers::is_valid_value(secret) {
            return Err(format!("a {what} with a line end or another control character"));
        }
        // RFC 6750: `b64token`, to which this is kind. A space in a token is most often two tokens, or a sentence.
        if !self.scheme.is_empty() && !secret.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(format!("a {what} with a space or a character beyond ASCII"));
        }
        let (Ok(name), Ok(mut value)) = (
            HeaderName::try_from(self.header.to_ascii_lowercase()),
            HeaderValue::from_str(&format!("{}{secret}", self.scheme)),
        ) else {
            return Err(format!("a {what} that cannot be sent"));
        };
        value.set_sensitive(true);
        Ok((name, value))
    }
}

impl fmt::Debug for Credential {
    /// Without the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credential({:?}: {}***)", self.header, self.scheme)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_is_a_header() {
        let (name, value) = Credential::bearer("t.o~k/e+n=").to_header().unwrap();
        assert_eq!((name.as_str(), value.as_bytes()), ("authorization", &b"Bearer t.o~k/e+n="[..]));
        assert!(value.is_sensitive());
        let (name, value) = Credential::header("X-Api-Key", "a b").to_header().unwrap();
        assert_eq!((name.as_str(), value.as_bytes()), ("x-api-key", &b"a b"[..]));
    }

    #[test]
    fn what_cannot_be_sent_is_refused_and_not_shown() {
        for (credential, problem) in [
            (Credential::bearer(""), "an empty token"),
            (Credential::bearer(" \t"), "an empty token"),
            (Credential::bearer("hidden\r\nX-Evil: 1"), "a token with a line end or another control character"),
            (Credential::bearer("hidden hidden"), "a token with a space or a character beyond ASCII"),
            (Credential::bearer("hidd€n"), "a token with a space or a character beyond ASCII"),
            (Credential::header("X-Key", "hid\0den"), "a value with a line end or another control character"),
            (Credential::header("X Key", "hidden"), "`X Key`, which no header is named"),
            (Credential::header("Content-Length", "7"), "the header `Content-Length`, which is set by the transport"),
        ] {
            assert_eq!(credential.to_header().unwrap_err(), problem);
            assert!(!format!("{credential:?}").contains("hid"));
        }
    }
}
