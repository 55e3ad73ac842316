//! Absolute http and https URLs, kept byte for byte, and the resolution of references against them.
//!
//! The path and query of an `endpoint` event are opaque (R-SSE-14): a session token may stand anywhere in them, and
//! what the server sent must go back as it came. That rules out the `url` crate, which rewrites escapes and brings a
//! Unicode library with it. `fluent-uri` 0.4 and `iri-string` 0.7 keep bytes and are `no_std`, but refuse what RFC 3986
//! leaves out and servers still put into queries (`|`, `{}`, `[0]`), and know neither ports nor origins. What was left
//! to gain was the removal of dot segments, some twenty lines of the hundred below.
//!
//! Implements RFC 3986, section 5.2, in its strict form: `http:path` is no relative reference.

use super::authority::{Authority, HTTP_PORT, HTTPS_PORT, Host, Origin};
use super::endpoint::EndpointError;
use super::excerpt;
use alloc::string::String;
use core::fmt;
use core::ops::Range;
use core::str::FromStr;

/// Bytes that a URL may have. 8 KiB: a usual limit for a request line.
pub const MAX_URL_BYTES: usize = 8 << 10;

/// An absolute http or https URL as it was given, without its fragment.
///
/// Two changes are made to the text: a fragment is cut off, for it is never sent, and an empty path becomes `/`.
/// `Display` and `Debug` show everything but the query, which is a secret in this protocol; [`Url::as_str`] is the full text.
/// A token that a server hides in a path segment is shown.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Url {
    text: String,
    is_https: bool,
    /// The bytes of `text` between `//` and the path; they are an [`Authority`].
    authority: Range<usize>,
    /// Where `?` stands in `text`, or its length. Never before the path.
    path_end: usize,
}

impl Url {
    /// Reads an absolute URL.
    ///
    /// # Errors
    ///
    /// When it is empty or too long, has a scheme other than http and https, user information (R-SSE-20), no host that
    /// can be read, or a character that no URL has: controls, spaces, non-ASCII, `"`, `<`, `>`, `\` and the backtick.
    pub fn parse(text: &str) -> Result<Self, EndpointError> {
        let text = checked(text)?;
        let Some((scheme, rest)) = split_scheme(text) else {
            return Err(EndpointError::Scheme(String::new()));
        };
        let is_https = is_https(scheme)?;
        let rest = rest.strip_prefix("//").ok_or_else(|| EndpointError::Host(String::new()))?;
        let authority_len = rest.find(['/', '?']).unwrap_or(rest.len());
        let start = text.len() - rest.len();
        let authority = start..start + authority_len;
        check_authority(&text[authority.clone()])?;

        let mut owned = String::with_capacity(text.len() + 1);
        owned.push_str(&text[..authority.end]);
        if !text[authority.end..].starts_with('/') {
            owned.push('/');
        }
        owned.push_str(&text[authority.end..]);
        // An authority has no `?`, and neither has a scheme.
        let path_end = owned.find('?').unwrap_or(owned.len());
        Ok(Self { text: owned, is_https, authority, path_end })
    }

    /// The full text, query included. Not for logs.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// `http` or `https`.
    pub fn scheme(&self) -> &'static str {
        if self.is_https { "https" } else { "http" }
    }

    /// Whether the scheme is https.
    pub fn is_https(&self) -> bool {
        self.is_https
    }

    /// Host and port as they were written: the value of the `Host` header.
    pub fn authority(&self) -> &str {
        &self.text[self.authority.clone()]
    }

    /// The host.
    pub fn host(&self) -> Host<'_> {
        self.parsed_authority().host
    }

    /// The port to connect to: the one written, or the scheme's default.
    pub fn port(&self) -> u16 {
        let default = if self.is_https { HTTPS_PORT } else { HTTP_PORT };
        self.parsed_authority().port.unwrap_or(default)
    }

    /// The path; it starts with `/`.
    pub fn path(&self) -> &str {
        &self.text[self.authority.end..self.path_end]
    }

    /// The query without its `?`; `None` when there is none, which is not the same as an empty one. Not for logs.
    pub fn query(&self) -> Option<&str> {
        self.text.get(self.path_end + 1..)
    }

    /// Path and query: the target of a request. Not for logs.
    pub fn path_and_query(&self) -> &str {
        &self.text[self.authority.end..]
    }

    /// Scheme, host and port.
    pub fn origin(&self) -> Origin {
        Origin::new(self.scheme(), self.parsed_authority())
    }

    /// Whether scheme, host and port are equal (R-SSE-19).
    pub fn is_same_origin(&self, other: &Self) -> bool {
        self.is_https == other.is_https && self.port() == other.port() && self.host() == other.host()
    }

    fn parsed_authority(&self) -> Authority<'_> {
        // Checked when the URL was made; the fallback is never reached and keeps this free of panics.
        let text = self.authority();
        Authority::parse(text).unwrap_or(Authority { host: Host::Name(text), port: None })
    }
}

impl FromStr for Url {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        Self::parse(text)
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text[..self.path_end])?;
        if self.query().is_some() { f.write_str("?...") } else { Ok(()) }
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Url({self})")
    }
}

/// Resolves a reference against the URL it was found at (RFC 3986, section 5.2; R-SSE-18).
///
/// Dot segments of the path are removed; nothing else is touched: escapes, empty segments, a final slash and the query
/// stay as they are, and a fragment is dropped. Says nothing about whether the result may be used: see
/// [`resolve_endpoint`](super::resolve_endpoint).
///
/// # Errors
///
/// As [`Url::parse`]; an empty reference, or one that is only a fragment, is refused as well.
pub fn resolve(base: &Url, reference: &str) -> Result<Url, EndpointError> {
    let reference = checked(reference)?;
    let mut text = String::with_capacity(base.text.len() + reference.len());
    let (hierarchy, query) = split_query(reference);
    if let Some((scheme, rest)) = split_scheme(hierarchy) {
        is_https(scheme)?;
        let rest = rest.strip_prefix("//").ok_or_else(|| EndpointError::Host(String::new()))?;
        text.push_str(scheme);
        text.push(':');
        push_network_path(&mut text, rest);
    } else if let Some(rest) = hierarchy.strip_prefix("//") {
        text.push_str(base.scheme());
        text.push(':');
        push_network_path(&mut text, rest);
    } else {
        text.push_str(&base.text[..base.authority.end]);
        if hierarchy.is_empty() {
            text.push_str(base.path());
        } else if hierarchy.starts_with('/') {
            push_without_dots(&mut text, hierarchy);
        } else {
            // The reference takes the place of what follows the last slash; a path of a base always has one.
            let kept = base.path().rfind('/').map_or(0, |slash| slash + 1);
            let mut merged = String::with_capacity(kept + hierarchy.len());
            merged.push_str(&base.path()[..kept]);
            merged.push_str(hierarchy);
            push_without_dots(&mut text, &merged);
        }
    }
    text.push_str(query);
    Url::parse(&text)
}

/// `host/path` after `//`.
fn push_network_path(text: &mut String, rest: &str) {
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    text.push_str("//");
    text.push_str(authority);
    push_without_dots(text, path);
}

/// Appends a path that is empty or starts with `/`, without its `.` and `..` segments (RFC 3986, section 5.2.4).
/// What was in `text` before is never removed, however many `..` there are.
fn push_without_dots(text: &mut String, path: &str) {
    let floor = text.len();
    // The first piece is what stands before the first slash: nothing.
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        match segment {
            "." | ".." => {
                if segment == ".." {
                    let parent = text[floor..].rfind('/').unwrap_or(0);
                    text.truncate(floor + parent);
                }
                if is_last {
                    text.push('/');
                }
            }
            _ => {
                text.push('/');
                text.push_str(segment);
            }
        }
    }
}

/// The text without its fragment, or why it is no URL at all.
fn checked(text: &str) -> Result<&str, EndpointError> {
    if text.len() > MAX_URL_BYTES {
        return Err(EndpointError::TooLong(text.len()));
    }
    // Browsers read `\` as `/`, the standard knows no such character: refusing it leaves nothing to disagree about. The
    // others end a URL where one is quoted, and HTTP libraries refuse them in a path.
    let is_refused = |c: char| !c.is_ascii_graphic() || matches!(c, '"' | '<' | '>' | '\\' | '`');
    if let Some((at, character)) = text.char_indices().find(|&(_, c)| is_refused(c)) {
        return Err(EndpointError::Character { character, at });
    }
    match text.split('#').next() {
        None | Some("") => Err(EndpointError::Empty),
        Some(text) => Ok(text),
    }
}

/// Splits before `?`, which stays with the query.
fn split_query(reference: &str) -> (&str, &str) {
    reference.split_at(reference.find('?').unwrap_or(reference.len()))
}

/// Splits at a colon that stands before any slash. RFC 3986 has no relative reference with such a colon, so that
/// whatever stands before it is meant as a scheme.
fn split_scheme(text: &str) -> Option<(&str, &str)> {
    let colon = text.find([':', '/', '?'])?;
    text[colon..].strip_prefix(':').map(|rest| (&text[..colon], rest))
}

fn is_https(scheme: &str) -> Result<bool, EndpointError> {
    if scheme.eq_ignore_ascii_case("https") {
        Ok(true)
    } else if scheme.eq_ignore_ascii_case("http") {
        Ok(false)
    } else {
        Err(EndpointError::Scheme(excerpt(scheme)))
    }
}

fn check_authority(authority: &str) -> Result<(), EndpointError> {
    // Checked first, so that no password is shown as a host that cannot be read.
    if authority.contains('@') {
        return Err(EndpointError::UserInformation);
    }
    match Authority::parse(authority) {
        Some(_) => Ok(()),
        None => Err(EndpointError::Host(excerpt(authority))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn the_parts_of_a_url_are_slices_of_it() {
        let url = Url::parse("https://Host.example:8443/a%2Fb/?session_id=1#top").unwrap();
        assert_eq!(url.as_str(), "https://Host.example:8443/a%2Fb/?session_id=1");
        assert_eq!((url.scheme(), url.authority(), url.port()), ("https", "Host.example:8443", 8443));
        assert_eq!((url.path(), url.query()), ("/a%2Fb/", Some("session_id=1")));
        assert_eq!(url.path_and_query(), "/a%2Fb/?session_id=1");
        assert_eq!(url.origin().to_string(), "https://host.example:8443");
    }

    #[test]
    fn an_empty_path_becomes_a_slash_and_an_empty_query_stays() {
        assert_eq!(Url::parse("http://h").unwrap().as_str(), "http://h/");
        assert_eq!(Url::parse("http://h?x").unwrap().as_str(), "http://h/?x");
        assert_eq!(Url::parse("http://h/?").unwrap().query(), Some(""));
        assert_eq!(Url::parse("http://h/").unwrap().query(), None);
    }

    #[test]
    fn neither_display_nor_debug_shows_the_query() {
        let url = Url::parse("http://h/m?sessionId=hidden").unwrap();
        assert_eq!(url.to_string(), "http://h/m?...");
        assert_eq!(alloc::format!("{url:?}"), "Url(http://h/m?...)");
    }

    #[test]
    fn the_longest_url_is_accepted_and_one_byte_more_is_not() {
        let longest = String::from("http://h/") + &"a".repeat(MAX_URL_BYTES - 9);
        assert!(Url::parse(&longest).is_ok());
        assert_eq!(Url::parse(&(longest + "a")), Err(EndpointError::TooLong(MAX_URL_BYTES + 1)));
    }
}
