//! A proxy: how it is written, how it is spoken to, and what is said of it when it fails.
//!
//! Its credentials are shown by nothing here, and its name is in every error that is about it.

use std::sync::Arc;
use std::{fmt, io};

use mcp_core::http::Authority;

use super::place::Place;

/// A proxy.
#[derive(Clone)]
pub(crate) struct Proxy(Arc<Parts>);

struct Parts {
    pub(super) kind: Kind,
    place: Place,
    /// User and password, decoded.
    credentials: Option<(String, String)>,
}

/// How a proxy is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// HTTP; with TLS to the proxy itself if its place says so.
    Http,
    /// SOCKS 4.
    #[cfg(feature = "socks")]
    Socks4(Lookup),
    /// SOCKS 5.
    #[cfg(feature = "socks")]
    Socks5(Lookup),
}

/// Who looks up the name of the server.
#[cfg(feature = "socks")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lookup {
    Here,
    ByProxy,
}

impl Proxy {
    /// Reads `[scheme://][user[:password]@]host[:port]`; without a scheme it is http.
    ///
    /// # Errors
    /// What is wrong with it, without a word of it that may be a secret.
    pub(crate) fn parse(url: &str) -> Result<Self, String> {
        let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
        let (kind, is_https, default_port) = match &*scheme.to_ascii_lowercase() {
            "http" => (Kind::Http, false, 80),
            #[cfg(feature = "tls")]
            "https" => (Kind::Http, true, 443),
            #[cfg(not(feature = "tls"))]
            "https" => return Err(super::tls::WANTED.into()),
            #[cfg(feature = "socks")]
            "socks5" | "socks" => (Kind::Socks5(Lookup::Here), false, 1080),
            #[cfg(feature = "socks")]
            "socks5h" => (Kind::Socks5(Lookup::ByProxy), false, 1080),
            #[cfg(feature = "socks")]
            "socks4" => (Kind::Socks4(Lookup::Here), false, 1080),
            #[cfg(feature = "socks")]
            "socks4a" => (Kind::Socks4(Lookup::ByProxy), false, 1080),
            #[cfg(not(feature = "socks"))]
            "socks5" | "socks" | "socks5h" | "socks4" | "socks4a" => {
                return Err("a proxy that speaks SOCKS needs the feature `socks` of mcp-sse-blocking".into());
            }
            _ => return Err("its scheme is none of http, https, socks5, socks5h, socks4 and socks4a".into()),
        };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let (credentials, authority) = match authority.rsplit_once('@') {
            Some((credentials, authority)) => (Some(read_credentials(credentials)?), authority),
            None => (None, authority),
        };
        let authority = Authority::parse(authority).ok_or("it has no host, or no port that can be read")?;
        let port = authority.port.unwrap_or(default_port);
        let place = Place { is_https, host: authority.host.to_string().to_ascii_lowercase(), port };
        Ok(Self(Arc::new(Parts { kind, place, credentials })))
    }

    pub(super) fn kind(&self) -> Kind {
        self.0.kind
    }

    /// Where it is.
    pub(super) fn place(&self) -> &Place {
        &self.0.place
    }

    /// User and password.
    #[cfg(feature = "socks")]
    pub(super) fn credentials(&self) -> Option<(&str, &str)> {
        self.0.credentials.as_ref().map(|(user, password)| (user.as_str(), password.as_str()))
    }

    /// The value of `Proxy-Authorization`.
    pub(super) fn basic_credentials(&self) -> Option<String> {
        let (user, password) = self.0.credentials.as_ref()?;
        let mut value = String::from("Basic ");
        mcp_core::base64::encode(format!("{user}:{password}").as_bytes(), &mut value);
        Some(value)
    }

    /// It answered 407.
    pub(super) fn unauthorized(&self) -> io::Error {
        self.told(
            io::ErrorKind::PermissionDenied,
            match &self.0.credentials {
                None => "wants credentials (407): its URL has none, as in `http://user:password@host:port`",
                Some(_) => "does not accept the credentials in its URL (407)",
            },
        )
    }

    /// An error that says what the proxy does or does not do.
    pub(super) fn told(&self, kind: io::ErrorKind, predicate: impl fmt::Display) -> io::Error {
        io::Error::new(kind, Told(format!("{self} {predicate}")))
    }

    /// What went wrong on the way to it or with it; what says so already stays as it is.
    pub(super) fn failed(&self, error: io::Error) -> io::Error {
        if error.get_ref().is_some_and(|inner| inner.is::<Told>()) {
            return error;
        }
        match error.kind() {
            io::ErrorKind::UnexpectedEof => {
                self.told(io::ErrorKind::ConnectionAborted, "hung up before it had answered")
            }
            kind => self.told(kind, format!("cannot be reached: {error}")),
        }
    }
}

/// An error that names the proxy.
#[derive(Debug)]
struct Told(String);

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Told {}

impl fmt::Display for Proxy {
    /// Without credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.0.kind {
            Kind::Http if self.0.place.is_https => "https",
            Kind::Http => "http",
            #[cfg(feature = "socks")]
            Kind::Socks4(Lookup::Here) => "socks4",
            #[cfg(feature = "socks")]
            Kind::Socks4(Lookup::ByProxy) => "socks4a",
            #[cfg(feature = "socks")]
            Kind::Socks5(Lookup::Here) => "socks5",
            #[cfg(feature = "socks")]
            Kind::Socks5(Lookup::ByProxy) => "socks5h",
        };
        write!(f, "the proxy {scheme}://{}", self.0.place)
    }
}

impl fmt::Debug for Proxy {
    /// Without credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

fn read_credentials(text: &str) -> Result<(String, String), String> {
    let (user, password) = text.split_once(':').unwrap_or((text, ""));
    let decoded = |text| decode(text).filter(|text| !text.contains(char::is_control));
    let both = decoded(user).zip(decoded(password));
    both.ok_or_else(|| "its user or password is not percent-encoded UTF-8 without control characters".into())
}

/// `%41` for `A`.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        bytes.push(if byte == b'%' {
            let (digits, after) = rest.split_at_checked(2)?;
            rest = after;
            let digit = |at: usize| char::from(digits[at]).to_digit(16);
            u8::try_from(digit(0)? * 16 + digit(1)?).ok()?
        } else {
            byte
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_has_many_spellings() {
        for (url, read) in [
            ("proxy", "the proxy http://proxy:80"),
            ("proxy:3128", "the proxy http://proxy:3128"),
            ("HTTP://Proxy.Example:3128/", "the proxy http://proxy.example:3128"),
            ("http://user:pass@[::1]:8080", "the proxy http://[::1]:8080"),
            ("http://us%40er:p%3Ass@h", "the proxy http://h:80"),
        ] {
            assert_eq!(Proxy::parse(url).unwrap().to_string(), read);
        }
        #[cfg(feature = "tls")]
        assert_eq!(Proxy::parse("https://proxy").unwrap().to_string(), "the proxy https://proxy:443");
        for url in [
            "",
            "http://",
            "http://h:x",
            "ftp://h",
            "http://a b",
            "http://%zz@h",
            "http://%0a@h",
            "http://%ff@h",
            "http://%4@h",
        ] {
            assert!(Proxy::parse(url).is_err(), "{url}");
        }
    }

    #[test]
    fn credentials_are_decoded_and_never_shown() {
        let proxy = Proxy::parse("http://us%40er:p%3A%25ss@h").unwrap();
        assert_eq!(proxy.basic_credentials().unwrap(), "Basic dXNAZXI6cDolc3M=");
        let shown = format!("{proxy} {proxy:?} {}", proxy.unauthorized());
        assert!(!shown.contains("us@er") && !shown.contains("p:%ss") && !shown.contains("dXN"), "{shown}");
    }

    #[cfg(feature = "socks")]
    #[test]
    fn socks_has_four_names() {
        for (url, kind) in [
            ("socks5://h", Kind::Socks5(Lookup::Here)),
            ("socks5h://h", Kind::Socks5(Lookup::ByProxy)),
            ("socks4://h", Kind::Socks4(Lookup::Here)),
            ("socks4a://h", Kind::Socks4(Lookup::ByProxy)),
        ] {
            let proxy = Proxy::parse(url).unwrap();
            assert_eq!((proxy.kind(), proxy.to_string()), (kind, format!("the proxy {url}:1080")));
        }
    }

    #[cfg(not(feature = "tls"))]
    #[test]
    fn tls_wants_its_feature() {
        assert!(Proxy::parse("https://h").unwrap_err().contains("`tls`"));
    }

    #[cfg(not(feature = "socks"))]
    #[test]
    fn socks_wants_its_feature() {
        assert!(Proxy::parse("socks5://h").unwrap_err().contains("`socks`"));
    }
}
