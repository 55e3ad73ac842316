//! Which proxy leads to a server: what the caller says, or else what the environment says.
//!
//! The variables are read as curl reads them: `http_proxy` for http, `https_proxy` for https, `all_proxy` for what has none,
//! `no_proxy` for what is gone to directly; names in capitals mean the same, those in small letters come first. Two exceptions:
//! * `HTTP_PROXY` in capitals means nothing where `REQUEST_METHOD` is set: in a CGI program it is what a client of that
//!   program sent as a header `Proxy` (CVE-2016-5385, "httpoxy").
//! * This machine is never behind a proxy of the environment. MCP servers often run beside their client, and a proxy
//!   elsewhere would look for them on itself. A proxy of the [caller](Choice::Url) is used for every server.

use std::sync::Arc;
use std::{fmt, io};

use mcp_core::http::{Authority, Host};

use super::no_proxy::NoProxy;
use super::place::Place;

/// Which proxy the caller wants.
#[derive(Debug, Clone, Default)]
pub(crate) enum Choice {
    /// What the environment names.
    #[default]
    Environment,
    /// None.
    Direct,
    /// This one.
    Url(Proxy),
}

/// Which proxy leads where.
#[derive(Debug, Default)]
pub(crate) struct Proxies {
    http: Option<Setting>,
    https: Option<Setting>,
    except: NoProxy,
    /// Whether this machine is gone to directly.
    spares_loopback: bool,
}

/// A proxy, or why what was set is none; said only when it is needed.
#[derive(Debug, Clone)]
struct Setting {
    proxy: Result<Proxy, String>,
    /// Where it comes from.
    name: &'static str,
}

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

impl Proxies {
    /// Those that lead where the caller wants; `read` reads a variable of the environment.
    pub(crate) fn new(choice: &Choice, read: impl Fn(&str) -> Option<String>) -> Self {
        match choice {
            Choice::Environment => Self::of_environment(read),
            Choice::Direct => Self::default(),
            Choice::Url(proxy) => {
                let setting = Setting { proxy: Ok(proxy.clone()), name: "proxy" };
                Self { http: Some(setting.clone()), https: Some(setting), ..Self::default() }
            }
        }
    }

    fn of_environment(read: impl Fn(&str) -> Option<String>) -> Self {
        // What is set to nothing is not set, as everywhere.
        let read = |name: &str| read(name).filter(|value| !value.trim().is_empty());
        let first = |names: &[&'static str]| {
            let (name, value) = names.iter().find_map(|name| Some((*name, read(name)?)))?;
            Some(Setting { proxy: Proxy::parse(value.trim()), name })
        };
        let capitals = if read("REQUEST_METHOD").is_some() { "http_proxy" } else { "HTTP_PROXY" };
        Self {
            http: first(&["http_proxy", capitals, "all_proxy", "ALL_PROXY"]),
            https: first(&["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]),
            except: read("no_proxy").or_else(|| read("NO_PROXY")).map(|list| NoProxy::parse(&list)).unwrap_or_default(),
            spares_loopback: true,
        }
    }

    /// The proxy on the way to `place`.
    ///
    /// # Errors
    /// When what the environment names is no proxy.
    pub(super) fn to(&self, place: &Place) -> io::Result<Option<&Proxy>> {
        let setting = if place.is_https { &self.https } else { &self.http };
        let Some(setting) = setting else { return Ok(None) };
        if (self.spares_loopback && is_this_machine(&place.host())) || self.except.matches(place) {
            return Ok(None);
        }
        match &setting.proxy {
            Ok(proxy) => Ok(Some(proxy)),
            Err(problem) => {
                let problem = format!("the environment's `{}` cannot be used: {problem}", setting.name);
                Err(io::Error::new(io::ErrorKind::InvalidInput, problem))
            }
        }
    }
}

/// `*.localhost` too (RFC 6761, section 6.3).
fn is_this_machine(host: &Host<'_>) -> bool {
    match host {
        Host::Name(name) => {
            let name = name.trim_end_matches('.');
            name.eq_ignore_ascii_case("localhost") || name.to_ascii_lowercase().ends_with(".localhost")
        }
        Host::V4(address) => address.is_loopback(),
        Host::V6(address) => std::net::IpAddr::from(*address).to_canonical().is_loopback(),
    }
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
            "https" => (Kind::Http, true, 443),
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
            io::ErrorKind::UnexpectedEof => self.told(io::ErrorKind::ConnectionAborted, "hung up before it had answered"),
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

    fn environment<'a>(variables: &'a [(&'a str, &'a str)]) -> Proxies {
        Proxies::new(&Choice::Environment, |name| {
            variables.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned())
        })
    }

    fn way(proxies: &Proxies, url: &str) -> String {
        let place = Place::of(&url.parse().unwrap()).unwrap();
        match proxies.to(&place) {
            Ok(Some(proxy)) => proxy.to_string(),
            Ok(None) => "direct".into(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn the_environment_is_read_as_curl_reads_it() {
        for (variables, http, https) in [
            (&[][..], "direct", "direct"),
            (&[("http_proxy", "http://a:1")], "the proxy http://a:1", "direct"),
            (&[("HTTP_PROXY", "a:1")], "the proxy http://a:1", "direct"),
            (&[("HTTP_PROXY", "a:1"), ("http_proxy", "b:2")], "the proxy http://b:2", "direct"),
            (&[("HTTP_PROXY", "a:1"), ("http_proxy", " ")], "the proxy http://a:1", "direct"),
            (&[("HTTPS_PROXY", "https://a")], "direct", "the proxy https://a:443"),
            (&[("ALL_PROXY", "a:1"), ("https_proxy", "b:2")], "the proxy http://a:1", "the proxy http://b:2"),
            (&[("all_proxy", "a:1"), ("ALL_PROXY", "b:2")], "the proxy http://a:1", "the proxy http://a:1"),
            (&[("ALL_PROXY", "a:1"), ("NO_PROXY", "elsewhere.example,mcp.example")], "direct", "direct"),
            (
                &[("ALL_PROXY", "a:1"), ("no_proxy", "x"), ("NO_PROXY", "*")],
                "the proxy http://a:1",
                "the proxy http://a:1",
            ),
            (&[("ALL_PROXY", "a:1"), ("NO_PROXY", "mcp.example:443")], "the proxy http://a:1", "direct"),
        ] {
            let proxies = environment(variables);
            assert_eq!(way(&proxies, "http://mcp.example/mcp"), http, "{variables:?}");
            assert_eq!(way(&proxies, "https://mcp.example/mcp"), https, "{variables:?}");
        }
    }

    #[test]
    fn what_a_client_of_a_cgi_program_sent_is_no_proxy() {
        let cgi = ("REQUEST_METHOD", "GET");
        let proxies = environment(&[("HTTP_PROXY", "a:1"), cgi]);
        assert_eq!(way(&proxies, "http://mcp.example/"), "direct");
        let proxies = environment(&[("HTTP_PROXY", "a:1"), ("http_proxy", "b:2"), ("HTTPS_PROXY", "c:3"), cgi]);
        assert_eq!(way(&proxies, "http://mcp.example/"), "the proxy http://b:2");
        assert_eq!(way(&proxies, "https://mcp.example/"), "the proxy http://c:3");
    }

    #[test]
    fn this_machine_is_behind_no_proxy_of_the_environment_but_behind_one_of_the_caller() {
        let environment = environment(&[("ALL_PROXY", "a:1")]);
        let chosen = Proxies::new(&Choice::Url(Proxy::parse("a:1").unwrap()), |_| None);
        let direct = Proxies::new(&Choice::Direct, |_| Some("a:1".into()));
        for host in [
            "localhost",
            "LOCALHOST",
            "localhost.",
            "a.localhost",
            "127.0.0.1",
            "127.9.9.9",
            "[::1]",
            "[::ffff:127.0.0.1]",
        ] {
            let url = format!("http://{host}:8000/mcp");
            assert_eq!(way(&environment, &url), "direct", "{host}");
            assert_eq!(way(&chosen, &url), "the proxy http://a:1", "{host}");
            assert_eq!(way(&direct, &url), "direct", "{host}");
        }
        for host in ["localhost.example.com", "notlocalhost", "10.0.0.1", "[2001:db8::1]"] {
            assert_eq!(way(&environment, &format!("http://{host}/mcp")), "the proxy http://a:1", "{host}");
            assert_eq!(way(&direct, &format!("http://{host}/mcp")), "direct", "{host}");
        }
    }

    #[test]
    fn a_variable_that_cannot_be_used_is_named_once_it_is_needed_and_not_quoted() {
        let proxies = environment(&[("https_proxy", "ftp://user:hidden@proxy")]);
        assert_eq!(way(&proxies, "http://mcp.example/"), "direct");
        assert_eq!(way(&proxies, "https://localhost/"), "direct");
        let said = way(&proxies, "https://mcp.example/");
        assert!(said.starts_with("the environment's `https_proxy` cannot be used: its scheme"), "{said}");
        assert!(!said.contains("hidden"), "{said}");
    }

    #[test]
    fn a_proxy_has_many_spellings() {
        for (url, read) in [
            ("proxy", "the proxy http://proxy:80"),
            ("proxy:3128", "the proxy http://proxy:3128"),
            ("HTTP://Proxy.Example:3128/", "the proxy http://proxy.example:3128"),
            ("https://proxy", "the proxy https://proxy:443"),
            ("http://user:pass@[::1]:8080", "the proxy http://[::1]:8080"),
            ("http://us%40er:p%3Ass@h", "the proxy http://h:80"),
        ] {
            assert_eq!(Proxy::parse(url).unwrap().to_string(), read);
        }
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
        let choice = Choice::Url(proxy.clone());
        let proxies = Proxies::new(&choice, |_| None);
        let shown = format!("{proxy} {proxy:?} {choice:?} {proxies:?} {}", proxy.unauthorized());
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

    #[cfg(not(feature = "socks"))]
    #[test]
    fn socks_wants_its_feature() {
        assert!(Proxy::parse("socks5://h").unwrap_err().contains("`socks`"));
    }
}
