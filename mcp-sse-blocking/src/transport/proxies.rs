//! Which proxy leads to a server: what the caller says, or else what the environment says.
//!
//! The variables are read as curl reads them: `http_proxy` for http, `https_proxy` for https, `all_proxy` for what has none,
//! `no_proxy` for what is gone to directly; names in capitals mean the same, those in small letters come first. Two exceptions:
//! * `HTTP_PROXY` in capitals means nothing where `REQUEST_METHOD` is set: in a CGI program it is what a client of that
//!   program sent as a header `Proxy` (CVE-2016-5385, "httpoxy"). On Windows, where names have no case, neither does `http_proxy`.
//! * This machine is never behind a proxy of the environment. MCP servers often run beside their client, and a proxy
//!   elsewhere would look for them on itself. A proxy of the [caller](Choice::Url) is used for every server.

use std::io;

use mcp_core::http::Host;

use super::no_proxy::NoProxy;
use super::place::Place;
use super::proxy::Proxy;

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
        let of_http: &[_] = match (read("REQUEST_METHOD"), read("request_method")) {
            (None, _) => &["http_proxy", "HTTP_PROXY"],
            (Some(_), None) => &["http_proxy"],
            // The same variable, by its other name.
            (Some(_), Some(_)) => &[],
        };
        Self {
            http: first(of_http).or_else(|| first(&["all_proxy", "ALL_PROXY"])),
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
            (&[("HTTPS_PROXY", "a:443")], "direct", "the proxy http://a:443"),
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
        // An environment whose names have no case.
        let variables = [("HTTP_PROXY", "a:1"), ("ALL_PROXY", "d:4"), cgi];
        let windows = Proxies::of_environment(|name| {
            let found = variables.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
            found.map(|(_, value)| (*value).to_owned())
        });
        assert_eq!(way(&windows, "http://mcp.example/"), "the proxy http://d:4");
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
}
