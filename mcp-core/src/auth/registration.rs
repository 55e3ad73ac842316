//! As whom a client asks: what it is registered as, or how it registers itself (R-AU-20 to R-AU-25; RFC 7591).

use alloc::borrow::ToOwned as _;
use alloc::string::String;
use core::fmt;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{AuthError, AuthorizationServer};

/// What a client is at one authorization server. Never shown to another one (R-AU-25).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Registration {
    /// The id.
    pub client_id: String,
    /// The secret, of a client that can keep one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<String>,
    /// How it authenticates when it asks for tokens.
    pub auth_method: AuthMethod,
}

/// How a client authenticates at the token endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum AuthMethod {
    /// It has no secret.
    #[serde(rename = "none")]
    None,
    /// `Authorization: Basic`.
    #[serde(rename = "client_secret_basic")]
    Basic,
    /// In the form.
    #[serde(rename = "client_secret_post")]
    Post,
}

impl AuthMethod {
    /// The name that metadata and registrations have for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Basic => "client_secret_basic",
            Self::Post => "client_secret_post",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        [Self::None, Self::Basic, Self::Post].into_iter().find(|method| method.name() == name)
    }

    /// That of a client with a secret, or of one without.
    pub fn of(server: &AuthorizationServer, has_secret: bool) -> Self {
        match has_secret {
            false => Self::None,
            true if server.takes(Self::Basic) || !server.takes(Self::Post) => Self::Basic,
            true => Self::Post,
        }
    }

    /// That which a client on a person's machine asks for: it can keep no secret that would be worth the name, and has one where
    /// the server wants it.
    pub fn wished(server: &AuthorizationServer) -> Self {
        let is_open = server.token_endpoint_auth_methods_supported.is_none() || server.takes(Self::None);
        if is_open { Self::None } else { Self::of(server, true) }
    }
}

impl Registration {
    /// One that was made beforehand, or the URL of a [document about the client](document).
    pub fn known(client_id: &str, client_secret: Option<&str>, server: &AuthorizationServer) -> Self {
        Self {
            client_id: client_id.to_owned(),
            client_secret: client_secret.map(str::to_owned),
            auth_method: AuthMethod::of(server, client_secret.is_some()),
        }
    }

    /// What a client says of itself to be registered, as JSON (R-AU-24, R-AU-43). Without scopes: they would be all that it
    /// could ask for later.
    pub fn request(name: &str, redirect_uri: &str, method: AuthMethod) -> String {
        alloc::format!("{}", description(name, redirect_uri, method))
    }

    /// Reads what a registration at `server` was answered. A secret without a word on how it is shown is shown as the server takes
    /// it, by `Authorization: Basic` where it does not say (RFC 7591, section 2).
    ///
    /// # Errors
    /// When it was refused, or cannot be read.
    pub fn read(status: u16, answer: &[u8], server: &AuthorizationServer) -> Result<Self, AuthError> {
        const ENDPOINT: &str = "registration endpoint";
        #[derive(Deserialize)]
        struct Answer {
            client_id: String,
            client_secret: Option<String>,
            token_endpoint_auth_method: Option<String>,
        }
        if !(200..300).contains(&status) {
            return Err(refusal(ENDPOINT, status, answer));
        }
        let Answer { client_id, client_secret, token_endpoint_auth_method } = serde_json::from_slice(answer)
            .map_err(|error| AuthError::document("answer of the registration endpoint", &error))?;
        let client_secret = client_secret.filter(|secret| !secret.is_empty());
        let named = match token_endpoint_auth_method.as_deref() {
            None => AuthMethod::of(server, true),
            Some(name) => AuthMethod::from_name(name).ok_or_else(|| {
                let problem = alloc::format!("the method `{}` is not known", crate::text::Excerpt::new(name, 80));
                AuthError::Document("answer of the registration endpoint", problem)
            })?,
        };
        // Without a secret there is nothing to authenticate with.
        let auth_method = if client_secret.is_some() { named } else { AuthMethod::None };
        Ok(Self { client_id, client_secret, auth_method })
    }
}

/// The document that a client whose id is a URL has at this URL (R-AU-21).
///
/// ```
/// let url = "https://app.example/client.json";
/// let document = mcp_core::auth::registration::document(url, "App", "http://127.0.0.1/callback");
/// assert!(document.contains(url));
/// ```
pub fn document(client_id: &str, name: &str, redirect_uri: &str) -> String {
    let mut document = description(name, redirect_uri, AuthMethod::None);
    document["client_id"] = client_id.into();
    alloc::format!("{document}")
}

fn description(name: &str, redirect_uri: &str, method: AuthMethod) -> serde_json::Value {
    json!({
        "client_name": name,
        "redirect_uris": [redirect_uri],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": method.name(),
        "application_type": application_type(redirect_uri),
    })
}

/// `native` for what runs on a person's machine, `web` for what people reach over the network (R-AU-24).
fn application_type(redirect_uri: &str) -> &'static str {
    let is_web = crate::http::Url::parse(redirect_uri).is_ok_and(|url| url.is_https() && !url.host().is_loopback());
    if is_web { "web" } else { "native" }
}

/// What an endpoint that refuses says.
pub(super) fn refusal(endpoint: &'static str, status: u16, answer: &[u8]) -> AuthError {
    #[derive(Deserialize, Default)]
    struct Answer {
        #[serde(default)]
        error: String,
        #[serde(default)]
        error_description: Option<String>,
    }
    let Answer { error, error_description } = serde_json::from_slice(answer).unwrap_or_default();
    AuthError::refused(endpoint, Some(status), &error, &error_description.unwrap_or_default())
}

impl fmt::Debug for Registration {
    /// Without the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let secret = self.client_secret.as_ref().map(|_| "***");
        let mut shown = f.debug_struct("Registration");
        shown
            .field("client_id", &self.client_id)
            .field("client_secret", &secret)
            .field("auth_method", &self.auth_method);
        shown.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use alloc::string::ToString as _;
    use alloc::vec::Vec;

    fn server(methods: Option<&[&str]>) -> AuthorizationServer {
        let methods = methods.map(|methods| methods.iter().map(|&method| method.to_owned()).collect::<Vec<_>>());
        AuthorizationServer { token_endpoint_auth_methods_supported: methods, ..AuthorizationServer::default() }
    }

    #[test]
    fn a_client_authenticates_as_the_server_can() {
        let (none, basic, post) = (AuthMethod::None, AuthMethod::Basic, AuthMethod::Post);
        for (listed, with_secret, wished) in [
            (None, basic, none),
            (Some(&["none"][..]), basic, none),
            (Some(&["client_secret_post"]), post, post),
            (Some(&["client_secret_basic"]), basic, basic),
            (Some(&["client_secret_post", "client_secret_basic"]), basic, basic),
            (Some(&["none", "client_secret_post"]), post, none),
            (Some(&["private_key_jwt"]), basic, basic),
        ] {
            assert_eq!(AuthMethod::of(&server(listed), true), with_secret, "{listed:?}");
            assert_eq!(AuthMethod::wished(&server(listed)), wished, "{listed:?}");
            assert_eq!(AuthMethod::of(&server(listed), false), none);
        }
    }

    /// R-AU-24, R-AU-43
    #[test]
    fn a_client_says_of_itself_what_a_server_has_to_know() {
        let request = Registration::request("App", "http://127.0.0.1:7/callback", AuthMethod::None);
        let request: serde_json::Value = serde_json::from_str(&request).unwrap();
        let expected = json!({
            "client_name": "App", "redirect_uris": ["http://127.0.0.1:7/callback"], "response_types": ["code"],
            "grant_types": ["authorization_code", "refresh_token"], "token_endpoint_auth_method": "none",
            "application_type": "native",
        });
        assert_eq!(request, expected);
        assert_eq!(application_type("https://app.example/back"), "web");
        assert_eq!(application_type("https://localhost/back"), "native");
        assert_eq!(application_type("com.example.app:/back"), "native");
    }

    /// R-AU-21
    #[test]
    fn the_document_about_a_client_names_its_own_url() {
        let url = "https://app.example/client.json";
        let document = document(url, "App", "http://127.0.0.1/callback");
        let document: serde_json::Value = serde_json::from_str(&document).unwrap();
        assert_eq!(document["client_id"], url);
        assert_eq!(document["client_name"], "App");
        assert_eq!(document["redirect_uris"], json!(["http://127.0.0.1/callback"]));
    }

    #[test]
    fn the_answer_to_a_registration_is_what_counts() {
        for (answer, expected) in [
            (r#"{"client_id":"a"}"#, ("a", None, AuthMethod::None)),
            (r#"{"client_id":"a","client_secret":""}"#, ("a", None, AuthMethod::None)),
            (r#"{"client_id":"a","client_secret":"s"}"#, ("a", Some("s"), AuthMethod::Basic)),
            (
                r#"{"client_id":"a","client_secret":"s","token_endpoint_auth_method":"client_secret_post"}"#,
                ("a", Some("s"), AuthMethod::Post),
            ),
            (
                r#"{"client_id":"a","client_secret":"s","token_endpoint_auth_method":"client_secret_basic"}"#,
                ("a", Some("s"), AuthMethod::Basic),
            ),
            (
                r#"{"client_id":"a","client_secret":"s","token_endpoint_auth_method":"none"}"#,
                ("a", Some("s"), AuthMethod::None),
            ),
        ] {
            let read = Registration::read(201, answer.as_bytes(), &server(None)).unwrap();
            assert_eq!((&*read.client_id, read.client_secret.as_deref(), read.auth_method), expected, "{answer}");
            assert!(!format!("{read:?}").contains("\"s\""), "{read:?}");
        }
        let secret = br#"{"client_id":"a","client_secret":"s"}"#;
        let read = Registration::read(201, secret, &server(Some(&["none", "client_secret_post"]))).unwrap();
        assert_eq!(read.auth_method, AuthMethod::Post, "one that the server takes");
        for (status, answer, problem) in [
            (
                400,
                r#"{"error":"invalid_redirect_uri","error_description":"no http"}"#,
                "the registration endpoint refuses with status 400: invalid_redirect_uri: no http",
            ),
            (403, "<html>", "the registration endpoint refuses with status 403"),
            (
                201,
                "{}",
                "the answer of the registration endpoint cannot be read: missing field `client_id` at line 1 column 2",
            ),
            (
                201,
                r#"{"client_id":"a","token_endpoint_auth_method":"x"}"#,
                "the answer of the registration endpoint cannot be read: the method `x` is not known",
            ),
        ] {
            let read = Registration::read(status, answer.as_bytes(), &server(None));
            assert_eq!(read.unwrap_err().to_string(), problem);
        }
    }
}
