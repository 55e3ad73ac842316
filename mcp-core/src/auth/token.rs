//! How a token is asked for, and what came (R-AU-27, R-AU-42 to R-AU-47; RFC 6749, sections 4.1.3, 4.4 and 6).

use alloc::string::{String, ToString as _};
use core::fmt;
use core::time::Duration;

use serde::Deserialize;

use super::authorization::Code;
use super::form::{basic, push};
use super::registration::refusal;
use super::{AuthError, AuthMethod, Registration, Scopes};
use crate::text::Excerpt;

/// A POST to a token endpoint. All of it is secret.
pub struct TokenRequest {
    /// The body, of the media type [`FORM`].
    pub form: String,
    /// The value of `Authorization`, if there is one.
    pub authorization: Option<String>,
}

/// The media type of a form.
pub const FORM: &str = "application/x-www-form-urlencoded";

impl TokenRequest {
    /// For a code.
    pub fn code(code: &Code, registration: &Registration, resource: &str) -> Self {
        let mut request = Self::begin("authorization_code", resource);
        push(&mut request.form, "code", &code.code);
        push(&mut request.form, "code_verifier", &code.verifier);
        push(&mut request.form, "redirect_uri", &code.redirect_uri);
        request.authenticated(registration)
    }

    /// For a refresh token. Scopes are not named: what there was goes on.
    pub fn refresh(refresh_token: &str, registration: &Registration, resource: &str) -> Self {
        let mut request = Self::begin("refresh_token", resource);
        push(&mut request.form, "refresh_token", refresh_token);
        request.authenticated(registration)
    }

    /// For the client itself, without a person (R-AU-47).
    pub fn client_credentials(registration: &Registration, resource: &str, scopes: &Scopes) -> Self {
        let mut request = Self::begin("client_credentials", resource);
        if !scopes.is_empty() {
            push(&mut request.form, "scope", &scopes.to_string());
        }
        request.authenticated(registration)
    }

    fn begin(grant_type: &str, resource: &str) -> Self {
        let mut form = String::new();
        push(&mut form, "grant_type", grant_type);
        push(&mut form, "resource", resource);
        Self { form, authorization: None }
    }

    fn authenticated(mut self, registration: &Registration) -> Self {
        let id = &registration.client_id;
        match (registration.auth_method, &registration.client_secret) {
            (AuthMethod::Basic, Some(secret)) => self.authorization = Some(basic(id, secret)),
            (AuthMethod::Post, Some(secret)) => {
                push(&mut self.form, "client_id", id);
                push(&mut self.form, "client_secret", secret);
            }
            _ => push(&mut self.form, "client_id", id),
        }
        self
    }
}

/// What a token endpoint gave.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tokens {
    /// What requests carry.
    pub access_token: String,
    /// What the next one is had with. None leaves the one before as it is, if there was one.
    pub refresh_token: Option<String>,
    /// How long it counts, from the answer on; not said by all.
    pub expires_in: Option<Duration>,
    /// What it is good for, when that is something else than what was asked for.
    pub scope: Option<Scopes>,
}

/// The longest that a token is taken to count. A year: some say `31536000000`, in milliseconds.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

impl Tokens {
    /// Reads what a token endpoint answered.
    ///
    /// # Errors
    /// When it refuses, when there is no token in it that a header could carry, or one that is not Bearer.
    pub fn read(status: u16, answer: &[u8]) -> Result<Self, AuthError> {
        const WHICH: &str = "answer of the token endpoint";
        #[derive(Deserialize)]
        struct Answer {
            access_token: String,
            // Required, and left out by some.
            token_type: Option<String>,
            expires_in: Option<Seconds>,
            refresh_token: Option<String>,
            scope: Option<String>,
        }
        // A number, which some write as text.
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Seconds {
            Number(f64),
            Text(String),
        }
        if status != 200 {
            return Err(refusal("token endpoint", status, answer));
        }
        let answer: Answer = serde_json::from_slice(answer).map_err(|error| {
            // Some refuse with a success.
            match refusal("token endpoint", status, answer) {
                AuthError::Refused(refused) if !refused.error.is_empty() => AuthError::Refused(refused),
                // The parser quotes what it does not expect, which may be a token.
                _ => AuthError::Document(
                    WHICH,
                    alloc::format!("it is not as it should be at line {} column {}", error.line(), error.column()),
                ),
            }
        })?;
        if let Some(other) = answer.token_type.filter(|kind| !kind.eq_ignore_ascii_case("bearer")) {
            return Err(AuthError::TokenType(Excerpt::new(&other, 80).to_string()));
        }
        if answer.access_token.is_empty() || !answer.access_token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(AuthError::Document(WHICH, "its token is none that a header could carry".into()));
        }
        let expires_in = answer.expires_in.and_then(|seconds| match seconds {
            Seconds::Number(seconds) => Some(seconds),
            Seconds::Text(text) => text.trim().parse().ok(),
        });
        // Not a number, and less than nothing, say that it counts no more.
        let expires_in = expires_in
            .map(|seconds| Duration::try_from_secs_f64(seconds.min(LONGEST.as_secs_f64())).unwrap_or_default());
        Ok(Self {
            access_token: answer.access_token,
            refresh_token: answer.refresh_token.filter(|token| !token.is_empty()),
            expires_in,
            scope: answer.scope.filter(|scope| !scope.is_empty()).map(|scope| Scopes::parse(&scope)),
        })
    }
}

impl fmt::Debug for Tokens {
    /// Without the tokens.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let refresh_token = self.refresh_token.as_ref().map(|_| "***");
        let mut shown = f.debug_struct("Tokens");
        shown.field("access_token", &"***").field("refresh_token", &refresh_token);
        shown.field("expires_in", &self.expires_in).field("scope", &self.scope).finish()
    }
}

impl fmt::Debug for TokenRequest {
    /// Without what is secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenRequest(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    fn registration(auth_method: AuthMethod) -> Registration {
        Registration { client_id: "i/d".into(), client_secret: Some("s&t".into()), auth_method }
    }

    /// R-AU-27
    #[test]
    fn every_request_for_a_token_names_what_it_is_for() {
        let code = Code { code: "c".into(), verifier: "v".into(), redirect_uri: "http://127.0.0.1:7/".into() };
        let resource = "https://h";
        let request = TokenRequest::code(&code, &registration(AuthMethod::None), resource);
        let expected = "grant_type=authorization_code&resource=https%3A%2F%2Fh&code=c&code_verifier=v\
                        &redirect_uri=http%3A%2F%2F127.0.0.1%3A7%2F&client_id=i%2Fd";
        assert_eq!((&*request.form, request.authorization), (expected, None));
        let request = TokenRequest::refresh("r", &registration(AuthMethod::Post), resource);
        let expected =
            "grant_type=refresh_token&resource=https%3A%2F%2Fh&refresh_token=r&client_id=i%2Fd&client_secret=s%26t";
        assert_eq!((&*request.form, request.authorization), (expected, None));
        let request =
            TokenRequest::client_credentials(&registration(AuthMethod::Basic), resource, &Scopes::parse("a b"));
        let expected = "grant_type=client_credentials&resource=https%3A%2F%2Fh&scope=a%20b";
        assert_eq!((&*request.form, request.authorization.as_deref()), (expected, Some("Basic aSUyRmQ6cyUyNnQ=")));
    }

    #[test]
    fn tokens_are_read_as_servers_write_them() {
        for (answer, expected) in [
            (r#"{"access_token":"t","token_type":"Bearer"}"#, (None, None, None)),
            (r#"{"access_token":"t","token_type":"bearer","expires_in":3600}"#, (None, Some(3600), None)),
            (r#"{"access_token":"t","expires_in":"60","refresh_token":"r"}"#, (Some("r"), Some(60), None)),
            (r#"{"access_token":"t","expires_in":-1,"refresh_token":"","scope":"a b"}"#, (None, Some(0), Some("a b"))),
            (r#"{"access_token":"t","expires_in":1e300,"scope":""}"#, (None, Some(LONGEST.as_secs()), None)),
            (r#"{"access_token":"t","expires_in":"soon"}"#, (None, None, None)),
            (r#"{"access_token":"t","expires_in":"NaN"}"#, (None, Some(LONGEST.as_secs()), None)),
        ] {
            let read = Tokens::read(200, answer.as_bytes()).unwrap();
            let scope = read.scope.map(|scope| scope.to_string());
            let found = (read.refresh_token.as_deref(), read.expires_in.map(|d| d.as_secs()), scope.as_deref());
            assert_eq!((&*read.access_token, found), ("t", expected), "{answer}");
        }
    }

    #[test]
    fn what_is_no_token_is_refused_and_not_shown() {
        for (status, answer, problem) in [
            (
                400,
                r#"{"error":"invalid_grant","error_description":"expired"}"#,
                "the token endpoint refuses with status 400: invalid_grant: expired",
            ),
            (200, r#"{"error":"bad_code"}"#, "the token endpoint refuses with status 200: bad_code"),
            (500, "hidden", "the token endpoint refuses with status 500"),
            (
                200,
                r#"{"access_token":["hidden"]}"#,
                "the answer of the token endpoint cannot be read: it is not as it should be at line 1 column",
            ),
            (200, r#"{"access_token":"hidden","token_type":"DPoP"}"#, "the token is of the type `DPoP` and not Bearer"),
            (200, r#"{"access_token":""}"#, "the answer of the token endpoint cannot be read: its token is none that"),
            (
                200,
                r#"{"access_token":"hidden\r\nX: y"}"#,
                "the answer of the token endpoint cannot be read: its token is none",
            ),
        ] {
            let error = Tokens::read(status, answer.as_bytes()).unwrap_err();
            assert!(error.to_string().starts_with(problem), "{error}");
            assert!(!format!("{error} {error:?}").contains("hidden"), "{error:?}");
            assert_eq!(error.is_invalid_grant(), answer.contains("invalid_grant"));
        }
        let tokens = Tokens::read(200, br#"{"access_token":"hidden","refresh_token":"hidden"}"#).unwrap();
        assert!(!format!("{tokens:?}").contains("hidden"));
    }
}
