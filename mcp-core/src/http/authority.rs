//! Hosts, ports and origins: the parts of a URL that decide whom we talk to.
//!
//! One parser serves the client's URLs, the `Host` header and the `Origin` header, so that the three cannot disagree
//! about who `[::1]` is. It is stricter than a browser: no percent escapes, no zone identifiers, no numbers such as
//! `0x7f000001` read as addresses. What it cannot read is refused, never guessed.

use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A host as it is written in a URL, borrowed from it.
///
/// Names compare without regard to case, addresses by value: `[0:0:0:0:0:0:0:1]` is `[::1]`. A name with a final dot is
/// another name than the one without, as browsers have it. There are no other kinds of host (RFC 3986, section 3.2.2).
#[derive(Debug, Clone, Copy)]
pub enum Host<'a> {
    /// A name. Letters, digits, `-`, `_` and `.`; not resolved, not lower-cased.
    Name(&'a str),
    /// An IPv4 address, four decimal numbers.
    V4(Ipv4Addr),
    /// An IPv6 address, written in brackets.
    V6(Ipv6Addr),
}

impl<'a> Host<'a> {
    /// Reads a host; `None` when it is empty or has characters that no host has.
    pub fn parse(text: &'a str) -> Option<Self> {
        if let Some(inner) = text.strip_prefix('[') {
            return inner.strip_suffix(']')?.parse().ok().map(Self::V6);
        }
        if let Ok(address) = text.parse() {
            return Some(Self::V4(address));
        }
        let is_name = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        (!text.is_empty() && text.bytes().all(is_name)).then_some(Self::Name(text))
    }

    /// Whether it is this machine by its spelling: `localhost`, 127.0.0.0/8 or `[::1]` (R-SEC-3). Names are not looked
    /// up; `localhost.example.com` is not this machine.
    pub fn is_loopback(&self) -> bool {
        match self {
            Self::Name(name) => name.eq_ignore_ascii_case("localhost"),
            Self::V4(address) => address.is_loopback(),
            Self::V6(address) => address.is_loopback(),
        }
    }

    /// Whether it may lead to this machine: under a name that means it ([`is_loopback`](Self::is_loopback) says which are sure to
    /// do so), with a final dot or in the domain `localhost` (RFC 6761, section 6.3), as an IPv4 address that is written as one of
    /// IPv6, or as the address that is none, which systems connect to themselves. For refusing what leads here, never for
    /// allowing it.
    pub fn is_here(&self) -> bool {
        let address = match self {
            Self::Name(name) => {
                let name = name.strip_suffix('.').unwrap_or(name);
                let last = name.rsplit('.').next().unwrap_or(name);
                return last.eq_ignore_ascii_case("localhost");
            }
            Self::V4(address) => IpAddr::V4(*address),
            Self::V6(address) => IpAddr::V6(*address).to_canonical(),
        };
        address.is_loopback() || address.is_unspecified()
    }
}

impl PartialEq for Host<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Name(a), Self::Name(b)) => a.eq_ignore_ascii_case(b),
            (Self::V4(a), Self::V4(b)) => a == b,
            (Self::V6(a), Self::V6(b)) => a == b,
            _ => false,
        }
    }
}

impl Eq for Host<'_> {}

impl From<IpAddr> for Host<'_> {
    fn from(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::V4(address),
            IpAddr::V6(address) => Self::V6(address),
        }
    }
}

impl fmt::Display for Host<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::V4(address) => address.fmt(f),
            Self::V6(address) => write!(f, "[{address}]"),
        }
    }
}

/// A host and, where one is written, a port: what stands in a `Host` header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Authority<'a> {
    /// The host.
    pub host: Host<'a>,
    /// The port as written; `None` also for `h:`, which RFC 3986 allows.
    pub port: Option<u16>,
}

impl<'a> Authority<'a> {
    /// Reads `host` or `host:port`; `None` when it is neither. User information is not part of it.
    pub fn parse(text: &'a str) -> Option<Self> {
        // The colons inside the brackets of an IPv6 address are not the one before the port.
        let host_end = if text.starts_with('[') {
            text.rfind(']').map_or(text.len(), |bracket| bracket + 1)
        } else {
            memchr::memchr(b':', text.as_bytes()).unwrap_or(text.len())
        };
        let (host, rest) = text.split_at(host_end);
        let port = match rest.strip_prefix(':') {
            None if rest.is_empty() => None,
            None => return None,
            Some("") => None,
            Some(digits) => Some(parse_port(digits)?),
        };
        Some(Self { host: Host::parse(host)?, port })
    }
}

impl fmt::Display for Authority<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.host.fmt(f)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

/// `str::parse` would take `+80` as well.
fn parse_port(digits: &str) -> Option<u16> {
    if digits.bytes().all(|b| b.is_ascii_digit()) { digits.parse().ok() } else { None }
}

/// Scheme, host and port: what must be equal for two URLs to belong to the same party.
///
/// The default ports of http and https are filled in, so `http://h` equals `http://H:80`. The schemes of desktop
/// applications (`vscode-webview://...`) are origins too; they have no default port.
#[derive(Clone)]
pub struct Origin {
    scheme: Box<str>,
    host: Box<str>,
    port: Option<u16>,
}

impl Origin {
    /// Reads an origin as an `Origin` header or a setting has it: `scheme://host` or `scheme://host:port` and nothing
    /// after it. `None` for everything else: `null`, a path, user information.
    pub fn parse(text: &str) -> Option<Self> {
        let (scheme, authority) = text.split_once("://")?;
        let mut bytes = scheme.bytes();
        let is_scheme = bytes.next().is_some_and(|b| b.is_ascii_alphabetic())
            && bytes.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
        is_scheme.then(|| Authority::parse(authority).map(|authority| Self::new(scheme, authority)))?
    }

    pub(super) fn new(scheme: &str, authority: Authority<'_>) -> Self {
        let scheme = scheme.to_ascii_lowercase();
        let port = authority.port.or_else(|| default_port(&scheme));
        let mut host = String::new();
        // Writing to a string cannot fail.
        let _ = fmt::write(&mut host, format_args!("{}", authority.host));
        host.make_ascii_lowercase();
        Self { scheme: scheme.into(), host: host.into(), port }
    }

    /// The scheme in lower case.
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// The host, names in lower case.
    pub fn host(&self) -> Host<'_> {
        // What was stored is the spelling of a host.
        Host::parse(&self.host).unwrap_or(Host::Name(&self.host))
    }

    /// The port, also where it is the scheme's default; `None` when the scheme has none.
    pub fn port(&self) -> Option<u16> {
        self.port
    }
}

impl PartialEq for Origin {
    fn eq(&self, other: &Self) -> bool {
        self.scheme == other.scheme && self.port == other.port && self.host() == other.host()
    }
}

impl Eq for Origin {}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.host)?;
        match self.port {
            Some(port) if self.port != default_port(&self.scheme) => write!(f, ":{port}"),
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Origin({self})")
    }
}

pub(super) const HTTP_PORT: u16 = 80;
pub(super) const HTTPS_PORT: u16 = 443;

fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(HTTP_PORT),
        "https" => Some(HTTPS_PORT),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn an_authority_is_a_host_and_perhaps_a_port() {
        let read = |text| Authority::parse(text).map(|a| a.to_string());
        for text in ["h", "h:80", "127.0.0.1:8000", "[::1]", "[::1]:8000", "a-b_c.example."] {
            assert_eq!(read(text).as_deref(), Some(text));
        }
        assert_eq!(read("h:").as_deref(), Some("h"));
        assert_eq!(read("h:0080").as_deref(), Some("h:80"));
        for text in [
            "",
            ":80",
            "h:x",
            "h:+8",
            "h:-8",
            "h:65536",
            "h:8:8",
            "::1",
            "[::1",
            "::1]",
            "[::1]8",
            "[::1%25eth0]",
            "[v1.x]",
            "a b",
            "a%62",
            "u@h",
            "h/",
            "é",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn addresses_compare_by_value_and_names_without_case() {
        assert_eq!(Host::parse("[0:0:0:0:0:0:0:1]"), Host::parse("[::1]"));
        assert_eq!(Host::parse("LocalHost"), Host::parse("localhost"));
        assert_ne!(Host::parse("127.0.0.1"), Host::parse("127.1"));
        assert_ne!(Host::parse("example.com."), Host::parse("example.com"));
    }

    #[test]
    fn only_the_loopback_spellings_are_loopback() {
        let loopback = |text: &str| Host::parse(text).is_some_and(|host| host.is_loopback());
        for text in ["localhost", "LOCALHOST", "127.0.0.1", "127.255.0.9", "[::1]", "[0::1]"] {
            assert!(loopback(text), "{text}");
        }
        for text in [
            "localhost.evil.com",
            "evillocalhost",
            "localhost.",
            "127.0.0.1.evil.com",
            "128.0.0.1",
            "2130706433",
            "0x7f000001",
            "127.1",
            "0.0.0.0",
            "[::]",
            "[::2]",
            "[::ffff:127.0.0.1]",
        ] {
            assert!(!loopback(text), "{text}");
        }
    }

    #[test]
    fn what_may_lead_here_is_more() {
        let here = |text: &str| Host::parse(text).is_some_and(|host| host.is_here());
        for text in [
            "localhost",
            "LocalHost.",
            "a.localhost",
            "127.0.0.9",
            "0.0.0.0",
            "[::]",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "[::ffff:0:0]",
        ] {
            assert!(here(text), "{text}");
        }
        for text in ["localhost.evil.com", "evillocalhost", "localhost..", "10.0.0.1", "[::2]", "[::ffff:10.0.0.1]"] {
            assert!(!here(text), "{text}");
        }
    }

    #[test]
    fn default_ports_are_filled_in_and_left_out_of_the_text() {
        let origin = |text| Origin::parse(text).unwrap();
        assert_eq!(origin("HTTP://H"), origin("http://h:80"));
        assert_eq!(origin("https://h"), origin("https://h:443"));
        assert_ne!(origin("http://h"), origin("https://h"));
        assert_ne!(origin("http://h:443"), origin("https://h"));
        assert_eq!(origin("HTTP://H:80").to_string(), "http://h");
        assert_eq!(origin("https://h:80").to_string(), "https://h:80");
        assert_eq!(origin("vscode-webview://AB12").to_string(), "vscode-webview://ab12");
    }

    #[test]
    fn an_origin_is_nothing_but_scheme_host_and_port() {
        for text in [
            "null",
            "",
            "h",
            "http:h",
            "http://",
            "http://h/",
            "http://h?x",
            "http://u@h",
            "://h",
            "1a://h",
            "ht tp://h",
            "http://h, http://h",
        ] {
            assert_eq!(Origin::parse(text), None, "{text}");
        }
    }
}
