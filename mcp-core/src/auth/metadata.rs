//! The documents that say whom a server trusts, and what that one can do (RFC 9728, RFC 8414, OpenID Connect Discovery).

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::{AuthError, AuthMethod, place};
use crate::http::Url;

/// Authorization servers that are read of one document. 16: there is one, in all likelihood.
const MOST_SERVERS: usize = 16;

/// What a server says of itself (RFC 9728).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct ProtectedResource {
    /// What a token is asked for, as it was written: it goes into requests byte for byte (R-AU-27).
    pub resource: String,
    /// The issuers of tokens that it takes, at least one.
    #[serde(default)]
    pub authorization_servers: Vec<String>,
    /// The scopes that make sense here.
    #[serde(default)]
    pub scopes_supported: Option<Vec<String>>,
}

impl ProtectedResource {
    /// Reads what a client of `endpoint` found.
    ///
    /// # Errors
    /// When it is no such document, is of another resource (R-AU-11), or names no authorization server (R-AU-8).
    pub fn read(document: &[u8], endpoint: &Url) -> Result<Self, AuthError> {
        let mut read: Self = serde_json::from_slice(document)
            .map_err(|error| AuthError::document("metadata of the resource", &error))?;
        if !is_part_of(endpoint, &read.resource) {
            return Err(AuthError::OtherResource(AuthError::mismatch(&read.resource, &place::canonical(endpoint))));
        }
        read.authorization_servers.truncate(MOST_SERVERS);
        if read.authorization_servers.is_empty() {
            return Err(AuthError::NoServer);
        }
        Ok(read)
    }
}

/// Whether `endpoint` is `resource` or lies below it: the same origin, and a path that begins with its segments.
fn is_part_of(endpoint: &Url, resource: &str) -> bool {
    let Ok(resource) = Url::parse(resource) else { return false };
    let whole = resource.path().trim_end_matches('/');
    let below = endpoint.path().strip_prefix(whole);
    let is_query_same = resource.query().is_none_or(|query| endpoint.query() == Some(query));
    is_query_same
        && resource.is_same_origin(endpoint)
        && below.is_some_and(|below| below.is_empty() || below.starts_with('/'))
}

/// What an authorization server can do (RFC 8414, section 2).
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(default)]
#[non_exhaustive]
pub struct AuthorizationServer {
    /// Who it is: compared byte for byte.
    pub issuer: String,
    /// Where people are sent.
    pub authorization_endpoint: Option<String>,
    /// Where tokens are had.
    pub token_endpoint: Option<String>,
    /// Where clients register themselves.
    pub registration_endpoint: Option<String>,
    /// The scopes that it knows.
    pub scopes_supported: Option<Vec<String>>,
    /// How clients may authenticate when they ask for tokens.
    pub token_endpoint_auth_methods_supported: Option<Vec<String>>,
    /// How a code may be tied to its client; without it there is no authorization (R-AU-18).
    pub code_challenge_methods_supported: Option<Vec<String>>,
    /// Whether the id of a client may be the URL of a document about it (R-AU-20).
    pub client_id_metadata_document_supported: Option<bool>,
    /// Whether what comes back from the browser says who sent it (R-AU-31).
    pub authorization_response_iss_parameter_supported: Option<bool>,
}

impl AuthorizationServer {
    /// Reads what was found for `issuer`.
    ///
    /// # Errors
    /// When it is no such document, or another issuer's (R-AU-17): no endpoint of it may be used.
    pub fn read(document: &[u8], issuer: &str) -> Result<Self, AuthError> {
        let read: Self = serde_json::from_slice(document)
            .map_err(|error| AuthError::document("metadata of the authorization server", &error))?;
        if read.issuer != issuer {
            return Err(AuthError::OtherIssuer(AuthError::mismatch(&read.issuer, issuer)));
        }
        Ok(read)
    }

    /// A server of 2025-03-26 that is its own authorization server and says nothing of it (R-AU-51).
    pub fn unspoken(endpoint: &Url) -> Self {
        let base = place::base(endpoint);
        let at = |path: &str| Some([&*base, path].concat());
        Self {
            authorization_endpoint: at("/authorize"),
            token_endpoint: at("/token"),
            registration_endpoint: at("/register"),
            code_challenge_methods_supported: Some(Vec::from(["S256".into()])),
            issuer: base,
            ..Self::default()
        }
    }

    /// That it does PKCE with S256.
    ///
    /// # Errors
    /// When it does not say so (R-AU-18, R-AU-26).
    pub fn check_pkce(&self) -> Result<(), AuthError> {
        let methods = self.code_challenge_methods_supported.as_deref().unwrap_or_default();
        if methods.iter().any(|method| method == "S256") { Ok(()) } else { Err(AuthError::NoPkce) }
    }

    /// Where people are sent, by a client of `resource`.
    ///
    /// # Errors
    /// When there is none, or none that may be used (R-AU-32, R-AU-33).
    pub fn authorization_endpoint(&self, resource: &Url) -> Result<Url, AuthError> {
        endpoint("authorization endpoint", self.authorization_endpoint.as_deref(), resource)
    }

    /// Where tokens are had.
    ///
    /// # Errors
    /// When there is none, or none that may be used (R-AU-32).
    pub fn token_endpoint(&self, resource: &Url) -> Result<Url, AuthError> {
        endpoint("token endpoint", self.token_endpoint.as_deref(), resource)
    }

    /// Where clients register.
    ///
    /// # Errors
    /// When there is none, or none that may be used (R-AU-32).
    pub fn registration_endpoint(&self, resource: &Url) -> Result<Url, AuthError> {
        endpoint("registration endpoint", self.registration_endpoint.as_deref(), resource)
    }

    /// Whether this scope is one that it lists.
    pub fn lists_scope(&self, scope: &str) -> bool {
        self.scopes_supported.as_deref().unwrap_or_default().iter().any(|listed| listed == scope)
    }

    /// Whether clients may authenticate this way. Without a list there is only Basic (RFC 8414, section 2).
    pub fn takes(&self, method: AuthMethod) -> bool {
        match &self.token_endpoint_auth_methods_supported {
            Some(methods) => methods.iter().any(|listed| listed == method.name()),
            None => method == AuthMethod::Basic,
        }
    }
}

fn endpoint(which: &'static str, named: Option<&str>, resource: &Url) -> Result<Url, AuthError> {
    place::checked(which, named.ok_or(AuthError::NoEndpoint(which))?, resource)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use alloc::string::ToString as _;

    /// R-AU-11
    #[test]
    fn the_resource_is_the_server_or_what_it_is_part_of() {
        for (endpoint, resource, is_its) in [
            ("https://h/mcp", "https://h/mcp", true),
            ("https://h/mcp", "https://h", true),
            ("https://h/mcp", "https://h/", true),
            ("https://h/mcp", "HTTPS://H:443/mcp", true),
            ("https://h/a/mcp", "https://h/a", true),
            ("https://h/a/mcp", "https://h/a/", true),
            ("https://h/mcp", "https://h/mcp/", true),
            ("https://h/mcp", "https://h/m", false),
            ("https://h/mcp", "https://h/mcp/more", false),
            ("https://h/mcp", "https://h/MCP", false),
            ("https://h/mcp", "https://evil.example/mcp", false),
            ("https://h/mcp", "https://h:8443/mcp", false),
            ("https://h/mcp", "http://h/mcp", false),
            ("https://h/mcp", "https://h.evil.example/mcp", false),
            ("https://h/mcp", "https://h/mcp?tenant=1", false),
            ("https://h/mcp?tenant=1", "https://h/mcp?tenant=1", true),
            ("https://h/mcp?tenant=1", "https://h/mcp", true),
            ("https://h/mcp", "", false),
        ] {
            let document = format!(r#"{{"resource":"{resource}","authorization_servers":["https://a"]}}"#);
            let read = ProtectedResource::read(document.as_bytes(), &Url::parse(endpoint).unwrap());
            assert_eq!(read.is_ok(), is_its, "{endpoint} {resource}: {read:?}");
            if let Ok(read) = read {
                assert_eq!(read.resource, resource, "byte for byte");
            }
        }
    }

    /// R-AU-8
    #[test]
    fn metadata_without_what_they_are_for_are_refused() {
        let endpoint = Url::parse("https://h/mcp").unwrap();
        for (document, problem) in [
            (r#"{"resource":"https://h"}"#, "the metadata of the resource name no authorization server"),
            (r#"{"resource":"https://h","authorization_servers":[]}"#, "the metadata of the resource name no"),
            (
                r#"{"authorization_servers":["https://a"]}"#,
                "the metadata of the resource cannot be read: missing field",
            ),
            ("[]", "the metadata of the resource cannot be read"),
            ("<html>", "the metadata of the resource cannot be read"),
            (r#"{"resource":"https://e","authorization_servers":["https://a"]}"#, "the metadata are those of another"),
        ] {
            let error = ProtectedResource::read(document.as_bytes(), &endpoint).unwrap_err().to_string();
            assert!(error.starts_with(problem), "{document}: {error}");
        }
    }

    /// R-AU-17
    #[test]
    fn an_issuer_is_compared_byte_for_byte() {
        let read = |issuer: &str| {
            AuthorizationServer::read(format!(r#"{{"issuer":"{issuer}"}}"#).as_bytes(), "https://a.example/t")
        };
        assert!(read("https://a.example/t").is_ok());
        for other in ["https://a.example/t/", "https://A.example/t", "https://a.example:443/t", "https://a.example", ""]
        {
            assert!(matches!(read(other), Err(AuthError::OtherIssuer(_))), "{other}");
        }
        assert!(matches!(AuthorizationServer::read(b"{}", "https://a"), Err(AuthError::OtherIssuer(_))));
    }

    /// R-AU-18, R-AU-26
    #[test]
    fn there_is_no_authorization_without_s256() {
        for (methods, is_done) in [
            ("", false),
            (r#","code_challenge_methods_supported":["plain"]"#, false),
            (r#","code_challenge_methods_supported":["plain","S256"]"#, true),
        ] {
            let document = format!(r#"{{"issuer":"https://a"{methods}}}"#);
            let read = AuthorizationServer::read(document.as_bytes(), "https://a").unwrap();
            assert_eq!(read.check_pkce().is_ok(), is_done, "{methods}");
        }
    }

    #[test]
    fn each_endpoint_is_looked_at_before_it_is_used() {
        let document = br#"{"issuer":"https://a","token_endpoint":"http://a/token","authorization_endpoint":"javascript:x","registration_endpoint":null}"#;
        let read = AuthorizationServer::read(document, "https://a").unwrap();
        let resource = Url::parse("https://h/mcp").unwrap();
        assert!(matches!(read.token_endpoint(&resource), Err(AuthError::Insecure("token endpoint", _))));
        assert!(matches!(read.authorization_endpoint(&resource), Err(AuthError::Url(..))));
        let missing = read.registration_endpoint(&resource).unwrap_err();
        assert_eq!(missing.to_string(), "the authorization server has no registration endpoint");
    }
}
