//! May this request be served? The checks of `Host` and `Origin` against DNS rebinding and foreign web pages.
//!
//! A web page can make a browser on this machine talk to a server on this machine. `Origin` tells which page asked, and
//! browsers leave it out of some GETs; `Host` tells by which name the server was reached, and a page that rebinds its
//! own name cannot hide that name. Both are checked on every request, the GET and the POSTs, before anything happens
//! (R-SSE-5, R-SSE-43, R-SEC-1 to 3). Whoever sends neither is no browser, and is let through: these checks are no
//! authentication.
//!
//! ```
//! use mcp_core::http::{HostPolicy, OriginPolicy};
//! use core::net::Ipv4Addr;
//!
//! let hosts = HostPolicy::for_listener(Ipv4Addr::LOCALHOST.into());
//! assert!(hosts.check(Some("localhost:8000")).is_ok());
//! let refusal = hosts.check(Some("rebound.example:8000")).unwrap_err();
//! assert_eq!(refusal.to_string(), "host `rebound.example:8000` is not served here; the setting `allow_host` allows it");
//!
//! let mut origins = OriginPolicy::for_listener(Ipv4Addr::LOCALHOST.into());
//! origins.allow("https://app.example")?;
//! assert_eq!(origins.check(Some("https://app.example"))?, Some("https://app.example"));
//! assert!(origins.check(Some("https://app.example.evil.example")).is_err());
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```

use super::authority::{Authority, Host, Origin};
use super::excerpt;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::net::IpAddr;

/// Which values of `Host` are served.
///
/// Every policy serves the loopback spellings with any port, and requests without `Host`, which HTTP/1.0 allows and no
/// browser sends.
#[derive(Debug, Clone)]
pub struct HostPolicy {
    listed: Vec<ListedHost>,
    serves_unlisted: bool,
}

#[derive(Debug, Clone)]
struct ListedHost {
    host: Box<str>,
    port: Option<u16>,
}

impl HostPolicy {
    /// The policy for a listener at this address. On loopback only loopback hosts are served until others are allowed
    /// (R-SEC-3); elsewhere nobody can know by which names the server is reached, so all are served until one is allowed.
    pub fn for_listener(address: IpAddr) -> Self {
        if Host::from(address).is_loopback() { Self::loopback() } else { Self::any() }
    }

    /// Serves loopback hosts and those that are allowed.
    pub fn loopback() -> Self {
        Self { listed: Vec::new(), serves_unlisted: false }
    }

    /// Serves every host until one is allowed; from then on only loopback hosts and those allowed.
    pub fn any() -> Self {
        Self { listed: Vec::new(), serves_unlisted: true }
    }

    /// Serves `host` with any port, or `host:port` with this one.
    ///
    /// # Errors
    ///
    /// When it is no host: a URL, a pattern, a percent escape.
    pub fn allow(&mut self, host: &str) -> Result<(), InvalidSetting> {
        let invalid = || InvalidSetting { setting: ALLOW_HOST, value: excerpt(host), wanted: "a host or host:port" };
        let authority = Authority::parse(host).ok_or_else(invalid)?;
        let text = &host[..host.len() - authority_port_len(host)];
        self.listed.push(ListedHost { host: text.into(), port: authority.port });
        self.serves_unlisted = false;
        Ok(())
    }

    /// Checks the value of `Host`, text or bytes. Allocates only to refuse.
    ///
    /// # Errors
    ///
    /// [`Refusal::Host`], also for a value that is no host.
    pub fn check<T: AsRef<[u8]> + ?Sized>(&self, host: Option<&T>) -> Result<(), Refusal> {
        let Some(host) = host else { return Ok(()) };
        let host = host.as_ref();
        let authority = core::str::from_utf8(host).ok().and_then(Authority::parse);
        match authority {
            Some(authority) if self.serves(&authority) => Ok(()),
            _ => Err(Refusal::Host(excerpt(&String::from_utf8_lossy(host)))),
        }
    }

    fn serves(&self, asked: &Authority<'_>) -> bool {
        self.serves_unlisted || asked.host.is_loopback() || self.listed.iter().any(|listed| listed.matches(asked))
    }
}

impl ListedHost {
    fn matches(&self, asked: &Authority<'_>) -> bool {
        (self.port.is_none() || self.port == asked.port) && Host::parse(&self.host) == Some(asked.host)
    }
}

/// Bytes of `:port` at the end of what is known to be an authority.
fn authority_port_len(authority: &str) -> usize {
    match authority.rfind(':') {
        Some(colon) if !authority.ends_with(']') => authority.len() - colon,
        _ => 0,
    }
}

/// Which origins may use the server from a browser.
///
/// Origins match by scheme, host and port, never by a part of their text (R-SEC-2). A request without `Origin` is
/// always let through. There is no way to allow all origins.
#[derive(Debug, Clone)]
pub struct OriginPolicy {
    listed: Vec<Origin>,
    allows_loopback: bool,
}

impl OriginPolicy {
    /// The policy for a listener at this address: [`OriginPolicy::loopback`] on loopback, else [`OriginPolicy::listed`].
    pub fn for_listener(address: IpAddr) -> Self {
        if Host::from(address).is_loopback() { Self::loopback() } else { Self::listed() }
    }

    /// Allows http and https pages that this machine serves, at any port, and those that are allowed. It is what the
    /// official servers do on loopback, and what local tools such as the MCP inspector need.
    pub fn loopback() -> Self {
        Self { listed: Vec::new(), allows_loopback: true }
    }

    /// Allows only the origins that are allowed one by one; none at first.
    pub fn listed() -> Self {
        Self { listed: Vec::new(), allows_loopback: false }
    }

    /// Allows one origin: `https://app.example`, `http://app.example:3000`, `vscode-webview://id`.
    ///
    /// # Errors
    ///
    /// When it is no origin: `null`, `*`, a host without scheme, a URL with a path.
    pub fn allow(&mut self, origin: &str) -> Result<(), InvalidSetting> {
        let invalid = || InvalidSetting {
            setting: ALLOW_ORIGIN,
            value: excerpt(origin),
            wanted: "an origin such as https://app.example:3000",
        };
        self.listed.push(Origin::parse(origin).ok_or_else(invalid)?);
        Ok(())
    }

    /// Checks all values of `Origin` that a request has, text or bytes. Gives the allowed one as it was sent, which is
    /// what [`cors`](super::cors) answers with; `None` when the request has none.
    ///
    /// # Errors
    ///
    /// A [`Refusal`] for an origin that is not allowed or cannot be read (`null` among them), or for more than one.
    pub fn check<'a, T, I>(&self, origins: I) -> Result<Option<&'a str>, Refusal>
    where
        T: AsRef<[u8]> + ?Sized + 'a,
        I: IntoIterator<Item = &'a T>,
    {
        let mut origins = origins.into_iter();
        let Some(text) = origins.next() else { return Ok(None) };
        if origins.next().is_some() {
            return Err(Refusal::ManyOrigins);
        }
        let text = text.as_ref();
        let readable = core::str::from_utf8(text).ok().and_then(|text| Some((text, Origin::parse(text)?)));
        match readable {
            Some((text, origin)) if self.allows(&origin) => Ok(Some(text)),
            Some((text, _)) => Err(Refusal::Origin(excerpt(text))),
            None => Err(Refusal::UnreadableOrigin(excerpt(&String::from_utf8_lossy(text)))),
        }
    }

    fn allows(&self, origin: &Origin) -> bool {
        let is_local_page = matches!(origin.scheme(), "http" | "https") && origin.host().is_loopback();
        (self.allows_loopback && is_local_page) || self.listed.contains(origin)
    }
}

const ALLOW_HOST: &str = "allow_host";
const ALLOW_ORIGIN: &str = "allow_origin";

/// Why a request is not served. Values are cut and free of control characters.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// The server is not reached by this name.
    Host(String),
    /// Pages of this origin may not use the server.
    Origin(String),
    /// This is no origin; `null`, which sandboxed pages and local files send, is none.
    UnreadableOrigin(String),
    /// There is more than one `Origin`.
    ManyOrigins,
}

impl Refusal {
    /// The status to refuse with: 403 (R-SEC-1; for the host, SDKs use 403 or 421).
    pub fn status(&self) -> u16 {
        403
    }

    /// The setting that would let the request through; `None` when none would.
    pub fn setting(&self) -> Option<&'static str> {
        match self {
            Self::Host(_) => Some(ALLOW_HOST),
            Self::Origin(_) => Some(ALLOW_ORIGIN),
            Self::UnreadableOrigin(_) | Self::ManyOrigins => None,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(host) => write!(f, "host `{host}` is not served here")?,
            Self::Origin(origin) => write!(f, "origin `{origin}` is not allowed")?,
            Self::UnreadableOrigin(origin) => write!(f, "origin `{origin}` cannot be told from others")?,
            Self::ManyOrigins => f.write_str("the request has more than one origin")?,
        }
        self.setting().map_or(Ok(()), |setting| write!(f, "; the setting `{setting}` allows it"))
    }
}

impl core::error::Error for Refusal {}

/// A value given to a setting is not of its kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidSetting {
    setting: &'static str,
    value: String,
    wanted: &'static str,
}

impl fmt::Display for InvalidSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the setting `{}` needs {}, not `{}`", self.setting, self.wanted, self.value)
    }
}

impl core::error::Error for InvalidSetting {}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn an_allowed_host_is_served_with_any_port_unless_one_is_named() {
        let mut hosts = HostPolicy::loopback();
        hosts.allow("App.example").unwrap();
        hosts.allow("one.example:8000").unwrap();
        hosts.allow("[2001:db8::1]").unwrap();
        for host in ["app.example", "APP.EXAMPLE:9", "one.example:8000", "[2001:db8:0::1]:80", "localhost"] {
            assert_eq!(hosts.check(Some(host)), Ok(()), "{host}");
        }
        for host in ["one.example", "one.example:80", "xapp.example", "app.example.evil.example", "[2001:db8::2]", ""] {
            assert!(hosts.check(Some(host)).is_err(), "{host}");
        }
    }

    #[test]
    fn a_listener_elsewhere_serves_every_host_until_one_is_allowed() {
        let mut hosts = HostPolicy::for_listener([0, 0, 0, 0].into());
        assert_eq!(hosts.check(Some("anything.example")), Ok(()));
        hosts.allow("app.example").unwrap();
        assert!(hosts.check(Some("anything.example")).is_err());
        assert_eq!(hosts.check(Some("app.example")), Ok(()));
    }

    #[test]
    fn a_request_without_host_and_origin_is_served() {
        assert_eq!(HostPolicy::loopback().check(None::<&str>), Ok(()));
        assert_eq!(OriginPolicy::listed().check(None::<&str>), Ok(None));
    }

    #[test]
    fn settings_that_are_no_hosts_or_origins_are_refused() {
        for host in ["", "*", "http://h", "h/", "u@h", "h:x"] {
            assert!(HostPolicy::any().allow(host).is_err(), "{host}");
        }
        for origin in ["", "*", "null", "h", "https://h/", "https://*.h"] {
            assert!(OriginPolicy::listed().allow(origin).is_err(), "{origin}");
        }
        assert_eq!(
            HostPolicy::any().allow("http://h").unwrap_err().to_string(),
            "the setting `allow_host` needs a host or host:port, not `http://h`"
        );
    }

    #[test]
    fn bytes_that_are_no_text_are_refused_and_shown_harmlessly() {
        let refusal = OriginPolicy::loopback().check(Some(b"http://\xff\x1b[2J".as_slice())).unwrap_err();
        assert_eq!(refusal.to_string(), "origin `http://\u{fffd}\u{fffd}[2J` cannot be told from others");
        assert!(HostPolicy::any().check(Some(b"\xff".as_slice())).is_err());
    }
}
