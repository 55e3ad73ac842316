//! Where a connection leads: what two requests must have in common to share one.

use std::{fmt, io};

use mcp_core::http::{Authority, Host};
use ureq::http::Uri;

/// Scheme, host and port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(super) is_https: bool,
    /// A name in lower case, or an address; an IPv6 address has its brackets.
    pub(super) host: String,
    pub(super) port: u16,
}

impl Place {
    /// # Errors
    /// Our own reader of URLs is stricter, so this is not expected.
    pub(super) fn of(uri: &Uri) -> io::Result<Self> {
        let unusable = || io::Error::new(io::ErrorKind::InvalidInput, "the URL has no scheme or no host");
        let is_https = uri.scheme_str().ok_or_else(unusable)? == "https";
        let authority = Authority::parse(uri.authority().ok_or_else(unusable)?.as_str()).ok_or_else(unusable)?;
        let port = authority.port.unwrap_or(if is_https { 443 } else { 80 });
        Ok(Self { is_https, host: authority.host.to_string().to_ascii_lowercase(), port })
    }

    pub(super) fn host(&self) -> Host<'_> {
        Host::parse(&self.host).unwrap_or(Host::Name(&self.host))
    }

    /// Without brackets.
    #[cfg(any(feature = "tls", feature = "socks"))]
    pub(super) fn bare_host(&self) -> &str {
        self.host.trim_start_matches('[').trim_end_matches(']')
    }
}

impl fmt::Display for Place {
    /// `host:port`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}
