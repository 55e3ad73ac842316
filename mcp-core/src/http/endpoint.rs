//! Where the messages of HTTP+SSE go, and whether they may go there.
//!
//! The server names the URL for the client's messages in its first event. It is untrusted text: a server, or whoever
//! can inject one event, could otherwise point the caller's credentials at another host, or at one that only the caller
//! can reach (R-SSE-19, R-SEC-18). So the resolved URL must have the origin of the stream, and there is no way to
//! switch this off: who knows better sets the message URL by hand.

use super::authority::Origin;
use super::url::{Url, resolve};
use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;

/// Redirects that a request may be led through. 5: one for the scheme or the final slash is usual, more is a loop.
pub const MAX_REDIRECTS: usize = 5;

/// The URL for messages that the data of an `endpoint` event stands for (R-SSE-18, 19, 20).
///
/// `stream` is the URL of the event stream, after redirects. Spaces and tabs around `data` are ignored, as they are by
/// the official clients.
///
/// # Errors
///
/// When `data` is no reference, or leads to another origin. The setting `message_url` is the way around both.
pub fn resolve_endpoint(stream: &Url, data: &str) -> Result<Url, EndpointError> {
    let endpoint = resolve(stream, data.trim_matches([' ', '\t']))?;
    if endpoint.is_same_origin(stream) {
        return Ok(endpoint);
    }
    Err(EndpointError::OtherOrigin(Box::new(Crossing { from: stream.origin(), to: endpoint.origin() })))
}

/// The URL for messages that the caller has set, in place of the one that the server names; it may be relative to the event stream.
/// Another origin is the caller's decision, and the credentials go there. Not so that they are sent in the clear after a stream
/// that was encrypted: from https it leads to https, or to this machine (R-SEC-17, R-SEC-26).
///
/// # Errors
///
/// When `set` is no reference, or leads from https to the http of another machine.
pub fn resolve_message_url(stream: &Url, set: &str) -> Result<Url, EndpointError> {
    let url = resolve(stream, set.trim_matches([' ', '\t']))?;
    let is_in_the_clear = stream.scheme() == "https" && url.scheme() == "http" && !url.host().is_loopback();
    if is_in_the_clear {
        return Err(EndpointError::InTheClear(Box::new(Crossing { from: stream.origin(), to: url.origin() })));
    }
    Ok(url)
}

/// The URL that a redirect with this `Location` leads to (R-SSE-20, R-SEC-26). Whether a redirect may be followed with
/// the method of the request is [`Answer::Redirect`](super::Answer::Redirect); their number is [`MAX_REDIRECTS`].
///
/// # Errors
///
/// When there is no `Location`, when it is no reference, or when it leads to another origin, which includes going from
/// https to http and back.
pub fn resolve_redirect(from: &Url, location: Option<&str>) -> Result<Url, EndpointError> {
    let location = location.ok_or(EndpointError::NoLocation)?;
    let to = resolve(from, location.trim_matches([' ', '\t']))?;
    if to.is_same_origin(from) {
        return Ok(to);
    }
    Err(EndpointError::RedirectedAway(Box::new(Crossing { from: from.origin(), to: to.origin() })))
}

/// From one origin to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crossing {
    /// Where we are.
    pub from: Origin,
    /// Where we were to go.
    pub to: Origin,
}

/// Why a URL cannot be used. Its `Display` never shows a query or a password.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum EndpointError {
    /// There is no text, or only a fragment.
    Empty,
    /// It has this many bytes, more than [`MAX_URL_BYTES`](super::url::MAX_URL_BYTES).
    TooLong(usize),
    /// A character that no URL has, and the byte it stands at.
    Character {
        /// The character.
        character: char,
        /// Its offset in bytes.
        at: usize,
    },
    /// The scheme, cut, is neither http nor https. Empty when there is none.
    Scheme(String),
    /// It has a user name or a password (R-SSE-20).
    UserInformation,
    /// The host and port, cut, cannot be read. Empty when there is no host.
    Host(String),
    /// An `endpoint` event leads to another origin than that of the stream (R-SSE-19).
    OtherOrigin(Box<Crossing>),
    /// A redirect leads to another origin (R-SSE-20).
    RedirectedAway(Box<Crossing>),
    /// A redirect does not say where to.
    NoLocation,
    /// The URL for messages is one of http, on another machine, and the stream is one of https.
    InTheClear(Box<Crossing>),
}

impl fmt::Display for EndpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the URL is empty"),
            Self::TooLong(bytes) => {
                write!(f, "the URL has {bytes} bytes, more than {}", super::url::MAX_URL_BYTES)
            }
            Self::Character { character, at } => {
                write!(f, "the URL has the character {character:?} at byte {at}, which must be percent-encoded")
            }
            Self::Scheme(scheme) if scheme.is_empty() => f.write_str("the URL does not start with http:// or https://"),
            // `localhost:8000/sse` is a URL of the scheme `localhost` to those who read it by the book.
            Self::Scheme(scheme) => write!(f, "the URL starts with `{scheme}:`, not with http:// or https://"),
            Self::UserInformation => {
                f.write_str("the URL has a user name or password; credentials belong into a header")
            }
            Self::Host(host) if host.is_empty() => f.write_str("the URL has no host"),
            Self::Host(host) => write!(f, "the URL has the host `{host}`, which cannot be read"),
            Self::OtherOrigin(crossing) => write!(
                f,
                "the server at {} wants messages sent to {}, another origin; the setting `message_url` allows it",
                crossing.from, crossing.to
            ),
            Self::RedirectedAway(crossing) => write!(
                f,
                "a redirect leads from {} to {}, another origin; connect to the new URL if it is meant",
                crossing.from, crossing.to
            ),
            Self::NoLocation => f.write_str("a redirect does not say where to"),
            Self::InTheClear(crossing) => write!(
                f,
                "messages and credentials would go to {} in the clear, although the stream is at {}; it has to be a URL of https",
                crossing.to, crossing.from
            ),
        }
    }
}

impl core::error::Error for EndpointError {}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    fn stream() -> Url {
        Url::parse("http://h:8000/mcp/sse?token=hidden").unwrap()
    }

    #[test]
    fn an_endpoint_of_another_origin_is_refused_and_the_error_names_both_but_no_query() {
        let error = resolve_endpoint(&stream(), "http://evil.example/m?sessionId=hidden").unwrap_err().to_string();
        assert_eq!(
            error,
            "the server at http://h:8000 wants messages sent to http://evil.example, another origin; the setting `message_url` allows it"
        );
    }

    #[test]
    fn a_redirect_of_the_same_origin_keeps_the_slash_it_adds() {
        let to = resolve_redirect(&stream(), Some("/messages/?session_id=1")).unwrap();
        assert_eq!(to.as_str(), "http://h:8000/messages/?session_id=1");
        assert_eq!(resolve_redirect(&stream(), None), Err(EndpointError::NoLocation));
        let error = resolve_redirect(&stream(), Some("https://h:8000/sse")).unwrap_err();
        assert!(error.to_string().starts_with("a redirect leads from http://h:8000 to https://h:8000,"), "{error}");
    }

    /// R-SEC-17, R-SEC-26
    #[test]
    fn what_the_caller_sets_may_be_elsewhere_but_not_in_the_clear_after_https() {
        let (secure, plain) = (Url::parse("https://h/sse?token=hidden").unwrap(), stream());
        for (stream, set, expected) in [
            (&secure, "/m?x", "https://h/m?x"),
            (&secure, "https://other.example:8443/m", "https://other.example:8443/m"),
            (&secure, "http://127.0.0.1:8000/m", "http://127.0.0.1:8000/m"),
            (&secure, "http://localhost/m", "http://localhost/m"),
            (&secure, "http://[::1]/m", "http://[::1]/m"),
            (&plain, "http://other.example/m", "http://other.example/m"),
            (&plain, "https://other.example/m", "https://other.example/m"),
        ] {
            assert_eq!(resolve_message_url(stream, set).unwrap().as_str(), expected);
        }
        for set in
            ["http://h/m?token=hidden", "HTTP://h:443/m", "http://localhost.example/m", "http://127.0.0.1.example/m"]
        {
            let error = resolve_message_url(&secure, set).unwrap_err();
            assert!(matches!(&error, EndpointError::InTheClear(_)), "{set}: {error}");
            assert!(!error.to_string().contains("hidden"), "{error}");
        }
        assert_eq!(resolve_message_url(&secure, "//other.example/m").unwrap().scheme(), "https");
        assert!(matches!(resolve_message_url(&secure, "ftp://h/m"), Err(EndpointError::Scheme(_))));
    }

    #[test]
    fn a_password_is_not_shown() {
        for text in ["http://user:hidden@h/m", "//user:hidden@h/m"] {
            let error = resolve_endpoint(&stream(), text).unwrap_err();
            assert_eq!(error, EndpointError::UserInformation);
        }
        assert!(!resolve_endpoint(&stream(), "http://h:hid den@h").unwrap_err().to_string().contains("hidden"));
    }
}
