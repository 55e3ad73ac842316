//! Where a person is sent to say yes, and whether that is what comes back (R-AU-26 to R-AU-34; RFC 7636, RFC 9207).

use alloc::borrow::ToOwned as _;
use alloc::string::{String, ToString as _};
use core::fmt;

use super::form::{base64_url, parameters, push};
use super::{AuthError, AuthorizationServer, Scopes};
use crate::http::{Url, is_same_secret};

/// Random bytes for one authorization. Used once, and kept from everybody.
#[derive(Clone)]
pub struct Entropy {
    /// Of the verifier.
    pub verifier: [u8; 32],
    /// Of the state.
    pub state: [u8; 32],
}

/// One authorization that is under way: what was sent to the browser, and what must come back.
pub struct Authorization {
    url: String,
    state: String,
    verifier: String,
    redirect_uri: String,
    /// Whose answer it must be; recorded before anybody is sent there (R-AU-30).
    issuer: String,
    /// Whether the answer must say whose it is.
    says_issuer: bool,
}

/// What an authorization is asked with.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// As whom.
    pub client_id: &'a str,
    /// Where the browser is sent afterwards.
    pub redirect_uri: &'a str,
    /// What the token is for, byte for byte (R-AU-27).
    pub resource: &'a str,
    /// Which scopes; none leaves it to the server.
    pub scopes: &'a Scopes,
}

/// What the browser brought back: to be exchanged for tokens, once.
pub struct Code {
    /// The code.
    pub code: String,
    /// What shows that it is ours.
    pub verifier: String,
    /// The same as before, which the server compares.
    pub redirect_uri: String,
}

impl Authorization {
    /// An authorization at `endpoint` of `server`. The hash is SHA-256, which the core does not bring.
    pub fn new(
        server: &AuthorizationServer,
        endpoint: &Url,
        wanted: Wanted<'_>,
        entropy: &Entropy,
        sha256: impl FnOnce(&[u8]) -> [u8; 32],
    ) -> Self {
        let (verifier, state) = (base64_url(&entropy.verifier), base64_url(&entropy.state));
        let mut url = endpoint.as_str().to_owned();
        if endpoint.query().is_none() {
            url.push('?');
        }
        push(&mut url, "response_type", "code");
        push(&mut url, "client_id", wanted.client_id);
        push(&mut url, "redirect_uri", wanted.redirect_uri);
        push(&mut url, "state", &state);
        push(&mut url, "code_challenge", &challenge(&verifier, sha256));
        push(&mut url, "code_challenge_method", "S256");
        push(&mut url, "resource", wanted.resource);
        if !wanted.scopes.is_empty() {
            push(&mut url, "scope", &wanted.scopes.to_string());
        }
        if wanted.scopes.hold(&Scopes::parse("offline_access")) {
            // OpenID Connect gives it only to those who ask the person again (section 11 of its core).
            push(&mut url, "prompt", "consent");
        }
        Self {
            url,
            state,
            verifier,
            redirect_uri: wanted.redirect_uri.to_owned(),
            issuer: server.issuer.clone(),
            says_issuer: server.authorization_response_iss_parameter_supported == Some(true),
        }
    }

    /// Where the person is sent. Not for logs.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Whether the query of a redirect is an answer to this authorization at all: whatever else comes is not ours, and says
    /// nothing about it (R-AU-29).
    pub fn is_answered_by(&self, query: &str) -> bool {
        only(query, "state")
            .is_ok_and(|state| state.is_some_and(|state| is_same_secret(state.as_bytes(), self.state.as_bytes())))
    }

    /// Reads the query of a redirect.
    ///
    /// # Errors
    /// When it is not an answer to this authorization (R-AU-29), from another issuer (R-AU-31), or a refusal, which is believed
    /// only after both.
    pub fn code(self, query: &str) -> Result<Code, AuthError> {
        if !self.is_answered_by(query) {
            return Err(AuthError::State);
        }
        match only(query, "iss")? {
            Some(issuer) if issuer != self.issuer => return Err(AuthError::RedirectIssuer),
            None if self.says_issuer => return Err(AuthError::RedirectIssuer),
            _ => {}
        }
        if let Some(error) = only(query, "error")? {
            let description = only(query, "error_description")?.unwrap_or_default();
            return Err(AuthError::refused("authorization endpoint", None, &error, &description));
        }
        let code = only(query, "code")?.filter(|code| !code.is_empty()).ok_or(AuthError::Redirect("code"))?;
        Ok(Code { code, verifier: self.verifier, redirect_uri: self.redirect_uri })
    }
}

/// The value of a parameter that may stand there once (RFC 6749, section 3.1).
fn only(query: &str, name: &'static str) -> Result<Option<String>, AuthError> {
    let mut found = parameters(query).filter(|(own, _)| own == name).map(|(_, value)| value);
    match (found.next(), found.next()) {
        (_, Some(_)) => Err(AuthError::Redirect(name)),
        (value, None) => Ok(value),
    }
}

/// What stands for a verifier until it is shown (RFC 7636, section 4.2).
fn challenge(verifier: &str, sha256: impl FnOnce(&[u8]) -> [u8; 32]) -> String {
    base64_url(&sha256(verifier.as_bytes()))
}

impl fmt::Debug for Authorization {
    /// Without what is secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authorization").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

impl fmt::Debug for Code {
    /// Without what is secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code(***)")
    }
}

impl fmt::Debug for Entropy {
    /// Without what is secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Entropy(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    const ENTROPY: Entropy = Entropy { verifier: [7; 32], state: [8; 32] };
    const STATE: &str = "CAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg";

    fn begin(says_issuer: Option<bool>) -> Authorization {
        let server = AuthorizationServer {
            issuer: "https://a.example".into(),
            authorization_response_iss_parameter_supported: says_issuer,
            ..AuthorizationServer::default()
        };
        let wanted = Wanted {
            client_id: "id/1",
            redirect_uri: "http://127.0.0.1:7/callback",
            resource: "https://h.example",
            scopes: &Scopes::parse("a b"),
        };
        let endpoint = Url::parse("https://a.example/authorize").unwrap();
        Authorization::new(&server, &endpoint, wanted, &ENTROPY, |_| [9; 32])
    }

    /// RFC 7636, appendix B; R-AU-26. The hash is that of the appendix: the core has none.
    #[test]
    fn a_challenge_is_the_hash_of_its_verifier() {
        let random = [
            116, 24, 223, 180, 151, 153, 224, 37, 79, 250, 96, 125, 216, 173, 187, 186, 22, 212, 37, 77, 105, 214, 191,
            240, 91, 88, 5, 88, 83, 132, 141, 121,
        ];
        let hash = [
            19, 211, 30, 150, 26, 26, 216, 236, 47, 22, 177, 12, 76, 152, 46, 8, 118, 168, 120, 173, 109, 241, 68, 86,
            110, 225, 137, 74, 203, 112, 249, 195,
        ];
        let verifier = base64_url(&random);
        assert_eq!(verifier, "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
        let challenge = challenge(&verifier, |bytes| {
            assert_eq!(bytes, verifier.as_bytes());
            hash
        });
        assert_eq!(challenge, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }

    /// R-AU-26, R-AU-27, R-AU-29
    #[test]
    fn a_person_is_sent_there_with_all_that_is_needed() {
        let challenge = "CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk";
        let expected = format!(
            "https://a.example/authorize?response_type=code&client_id=id%2F1&redirect_uri=http%3A%2F%2F127.0.0.1%3A7%2Fcallback\
             &state={STATE}&code_challenge={challenge}&code_challenge_method=S256&resource=https%3A%2F%2Fh.example&scope=a%20b"
        );
        assert_eq!(begin(None).url(), expected);
        let server = AuthorizationServer::default();
        let scopes = Scopes::default();
        let wanted = Wanted { client_id: "i", redirect_uri: "r", resource: "h", scopes: &scopes };
        let endpoint = Url::parse("https://a.example/authorize?tenant=1").unwrap();
        let url = Authorization::new(&server, &endpoint, wanted, &ENTROPY, |_| [9; 32]).url;
        assert!(url.starts_with("https://a.example/authorize?tenant=1&response_type=code&"), "{url}");
        assert!(!url.contains("scope"), "{url}");
    }

    /// R-AU-29, R-AU-31
    #[test]
    fn only_the_answer_that_was_asked_for_is_taken() {
        let (ours, not_said) = ("iss=https%3A%2F%2Fa.example", "");
        let wrong = |iss: &'static str| iss;
        for (says, iss, is_taken) in [
            (Some(true), ours, true),
            (Some(true), not_said, false),
            (Some(false), ours, true),
            (None, not_said, true),
            (Some(false), not_said, true),
            (None, wrong("iss=https://evil.example"), false),
            (None, wrong("iss=https%3A%2F%2Fa.example%2F"), false),
            (Some(true), wrong("iss=https://A.example"), false),
            (Some(true), wrong("iss=https://a.example:443"), false),
            (Some(true), wrong("iss="), false),
        ] {
            let code = begin(says).code(&format!("code=c%2B1&state={STATE}&{iss}"));
            match code {
                Ok(Code { code, redirect_uri, .. }) => {
                    assert!(is_taken, "{says:?} {iss}");
                    assert_eq!((&*code, &*redirect_uri), ("c+1", "http://127.0.0.1:7/callback"));
                }
                Err(error) => assert!(!is_taken && error == AuthError::RedirectIssuer, "{says:?} {iss}: {error}"),
            }
        }
        for query in
            ["code=c", "code=c&state=", "code=c&state=other", &format!("code=c&state={STATE}&state={STATE}"), ""]
        {
            assert_eq!(begin(None).code(query).unwrap_err(), AuthError::State, "{query}");
            assert!(!begin(None).is_answered_by(query));
        }
        assert!(begin(None).is_answered_by(&format!("error=x&state={STATE}")));
        assert_eq!(begin(None).code(&format!("state={STATE}")).unwrap_err(), AuthError::Redirect("code"));
        assert_eq!(begin(None).code(&format!("state={STATE}&code=a&code=b")).unwrap_err(), AuthError::Redirect("code"));
    }

    /// R-AU-31
    #[test]
    fn a_refusal_is_shown_only_when_it_is_theirs() {
        let refusal = format!("error=access_denied&error_description=not+%1b%5B2Jyou&state={STATE}");
        let error = begin(None).code(&refusal).unwrap_err().to_string();
        assert_eq!(error, "the authorization endpoint refuses: access_denied: not \u{fffd}[2Jyou");
        for forged in [format!("{refusal}&iss=https://evil.example"), refusal.replace(STATE, "other")] {
            let error = begin(None).code(&forged).unwrap_err().to_string();
            assert!(!error.contains("denied"), "{error}");
        }
        assert!(!begin(Some(true)).code(&refusal).unwrap_err().to_string().contains("denied"));
    }
}
