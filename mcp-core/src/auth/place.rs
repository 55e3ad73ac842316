//! Where metadata are, and whether a URL that a server named may be used.
//!
//! A server names URLs that its client then reads, or sends its user to. So that none leads where only the client can go
//! (R-SEC-16, R-SEC-17): https always, and http, or this machine at all, only for a server that is on this machine itself.
//! Private networks beyond it are not refused: that is where the servers of a house have theirs. Nor does a token go to a server
//! that is spoken to over http beyond this machine: everybody on the way could read it.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec;
use alloc::vec::Vec;

use super::AuthError;
use crate::http::{Url, resolve};

const RESOURCE_METADATA: &str = "/.well-known/oauth-protected-resource";
const SERVER_METADATA: &str = "/.well-known/oauth-authorization-server";
const OPENID_CONFIGURATION: &str = "/.well-known/openid-configuration";

/// Where the metadata of the resource at `endpoint` may be, in the order in which they are looked for (R-AU-10): where the
/// challenge says (`resource_metadata`), or else at the well-known place for this path, then at the one for the host.
///
/// # Errors
/// A URL that must not be used.
pub fn of_resource(endpoint: &Url, announced: Option<&str>) -> Result<Vec<Url>, AuthError> {
    const WHICH: &str = "URL of the resource's metadata";
    may_have_token(endpoint)?;
    if let Some(announced) = announced {
        let url = resolve(endpoint, announced.trim()).map_err(|error| AuthError::Url(WHICH, error))?;
        return Ok(vec![usable(WHICH, url, endpoint)?]);
    }
    let base = base(endpoint);
    let path = if endpoint.path() == "/" { "" } else { endpoint.path() };
    let query = endpoint.query().map(|query| format!("?{query}")).unwrap_or_default();
    let mut places = vec![format!("{base}{RESOURCE_METADATA}{path}{query}")];
    if !path.is_empty() || !query.is_empty() {
        places.push(format!("{base}{RESOURCE_METADATA}"));
    }
    places.iter().map(|place| checked(WHICH, place, endpoint)).collect()
}

/// Whether a token may be sent to the server at `endpoint`: over https, or to this machine.
///
/// # Errors
/// When everybody on the way could read it.
pub fn may_have_token(endpoint: &Url) -> Result<(), AuthError> {
    match endpoint.is_https() || endpoint.host().is_loopback() {
        true => Ok(()),
        false => Err(AuthError::Insecure("server", endpoint.origin().to_string())),
    }
}

/// Where the metadata of an authorization server may be, in the order in which they are looked for (R-AU-15, R-AU-16).
///
/// # Errors
/// An issuer that is no URL that may be used, or that has a query (RFC 8414, section 2).
pub fn of_issuer(issuer: &str, resource: &Url) -> Result<Vec<Url>, AuthError> {
    const WHICH: &str = "authorization server";
    let url = checked(WHICH, issuer, resource)?;
    if url.query().is_some() {
        return Err(AuthError::Document("issuer", "it has a query".into()));
    }
    let (base, path) = (base(&url), url.path().trim_end_matches('/'));
    let mut places = vec![format!("{base}{SERVER_METADATA}{path}"), format!("{base}{OPENID_CONFIGURATION}{path}")];
    if !path.is_empty() {
        places.push(format!("{base}{path}{OPENID_CONFIGURATION}"));
    }
    places.iter().map(|place| checked(WHICH, place, resource)).collect()
}

/// A URL that a server named for `which` purpose, if it may be used by a client of `resource`.
///
/// # Errors
/// When it is no URL of http or https, not https except on this machine, or on this machine for a server that is not.
pub fn checked(which: &'static str, text: &str, resource: &Url) -> Result<Url, AuthError> {
    usable(which, Url::parse(text).map_err(|error| AuthError::Url(which, error))?, resource)
}

fn usable(which: &'static str, url: Url, resource: &Url) -> Result<Url, AuthError> {
    if url.host().is_here() && !resource.host().is_here() {
        return Err(AuthError::Inward(which));
    }
    if !url.is_https() && !url.host().is_loopback() {
        return Err(AuthError::Insecure(which, url.origin().to_string()));
    }
    Ok(url)
}

/// The canonical form of the URL of a server: what a token is asked for when no metadata name the resource (R-AU-28).
pub fn canonical(endpoint: &Url) -> String {
    let path = if endpoint.path() == "/" { "" } else { endpoint.path() };
    format!("{}{path}", endpoint.origin())
}

/// Scheme and authority of the URL of a server: where it is its own authorization server (R-AU-50).
pub fn base(url: &Url) -> String {
    format!("{}://{}", url.scheme(), url.authority())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    fn shown(places: Result<Vec<Url>, AuthError>) -> String {
        match places {
            Ok(places) => places.iter().map(Url::as_str).collect::<Vec<_>>().join(" "),
            Err(error) => error.to_string(),
        }
    }

    /// R-AU-10
    #[test]
    fn the_metadata_of_a_resource_are_looked_for_in_order() {
        const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";
        for (endpoint, announced, expected) in [
            ("https://h/public/mcp", None, format!("https://h{WELL_KNOWN}/public/mcp https://h{WELL_KNOWN}")),
            ("https://h:8443/mcp/", None, format!("https://h:8443{WELL_KNOWN}/mcp/ https://h:8443{WELL_KNOWN}")),
            ("https://h", None, format!("https://h{WELL_KNOWN}")),
            ("https://h/?t=1", None, format!("https://h{WELL_KNOWN}?t=1 https://h{WELL_KNOWN}")),
            ("https://h/mcp", Some("https://else.where/a?b=c"), "https://else.where/a?b=c".into()),
            ("https://h/mcp", Some("/meta"), "https://h/meta".into()),
            ("http://localhost:80/mcp", Some("http://[::1]/m"), "http://[::1]/m".into()),
        ] {
            assert_eq!(shown(of_resource(&url(endpoint), announced)), expected, "{endpoint} {announced:?}");
        }
    }

    /// R-AU-15, R-AU-16
    #[test]
    fn the_metadata_of_an_authorization_server_are_looked_for_in_order() {
        const OAUTH: &str = ".well-known/oauth-authorization-server";
        const OPENID: &str = ".well-known/openid-configuration";
        for (issuer, expected) in [
            ("https://a", format!("https://a/{OAUTH} https://a/{OPENID}")),
            ("https://a/", format!("https://a/{OAUTH} https://a/{OPENID}")),
            ("https://a:1/t1", format!("https://a:1/{OAUTH}/t1 https://a:1/{OPENID}/t1 https://a:1/t1/{OPENID}")),
            ("https://a/t/1/", format!("https://a/{OAUTH}/t/1 https://a/{OPENID}/t/1 https://a/t/1/{OPENID}")),
            ("https://a/t?x", "the issuer cannot be read: it has a query".into()),
        ] {
            assert_eq!(shown(of_issuer(issuer, &url("https://h/mcp"))), expected, "{issuer}");
        }
    }

    #[test]
    fn no_token_goes_over_a_network_in_the_clear() {
        for endpoint in ["http://h.example/mcp", "http://10.0.0.7/mcp", "http://0.0.0.0:1/mcp"] {
            let error = of_resource(&url(endpoint), Some("https://a.example/m")).unwrap_err().to_string();
            assert!(error.starts_with("the server at http://") && error.contains(" is not https"), "{error}");
        }
        for endpoint in ["https://h.example/mcp", "http://localhost/mcp", "http://127.0.0.1/mcp", "http://[::1]/mcp"] {
            assert!(of_resource(&url(endpoint), None).is_ok(), "{endpoint}");
        }
    }

    /// R-AU-32, R-SEC-16, R-SEC-17, R-SEC-19
    #[test]
    fn no_server_leads_its_client_where_it_should_not_go() {
        let (local, remote) = (url("http://127.0.0.1:7/mcp"), url("https://h/mcp"));
        assert!(checked("page", "http://localhost:9/a", &local).is_ok());
        assert!(checked("page", "https://a.example/", &local).is_ok());
        assert!(checked("page", "https://10.0.0.7/", &remote).is_ok(), "servers of a house");
        for (text, problem) in [
            ("http://a.example/x?y=hidden", "the page at http://a.example is not https, and http is for"),
            ("http://localhost.example/", "the page at http://localhost.example is not https"),
            ("https://localhost/", "the page is on this machine, which a server elsewhere has no business to lead to"),
            ("http://127.1.2.3/", "the page is on this machine"),
            ("http://[::1]:80/", "the page is on this machine"),
            ("https://localhost./", "the page is on this machine"),
            ("https://a.localhost/", "the page is on this machine"),
            ("https://[::ffff:127.0.0.1]/", "the page is on this machine"),
            ("https://0.0.0.0/", "the page is on this machine"),
            ("https://[::]/", "the page is on this machine"),
            ("https://[::ffff:0.0.0.0]/", "the page is on this machine"),
            ("javascript:alert(1)", "the page cannot be used"),
            ("file:///etc/passwd", "the page cannot be used"),
            ("https://user:hidden@a.example/", "the page cannot be used"),
            ("https://a.example/$(touch x) `x`", "the page cannot be used"),
            ("/relative", "the page cannot be used"),
        ] {
            let error = checked("page", text, &remote).unwrap_err().to_string();
            assert!(error.starts_with(problem), "{text}: {error}");
            assert!(!error.contains("hidden"), "{error}");
        }
        assert!(checked("page", "http://a.example/", &local).is_err(), "also for a server on this machine");
        for text in ["http://0.0.0.0/", "http://[::]/", "http://localhost./"] {
            assert!(checked("page", text, &local).is_err(), "it may be elsewhere: {text}");
        }
    }

    /// R-AU-28
    #[test]
    fn a_canonical_url_has_small_letters_and_no_final_slash_of_its_own() {
        for (given, expected) in [
            ("HTTPS://Host.Example", "https://host.example"),
            ("https://h:8443/", "https://h:8443"),
            ("https://h/MCP/#x", "https://h/MCP/"),
            ("https://h/mcp?token=hidden", "https://h/mcp"),
        ] {
            assert_eq!(canonical(&url(given)), expected);
        }
    }
}
