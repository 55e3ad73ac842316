//! Which scopes are asked for (R-AU-36 to R-AU-40, R-AU-43).

use alloc::borrow::ToOwned as _;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::AuthorizationServer;

/// Scopes that are asked for at once. 128: a list of a large provider has some fifty.
const MOST_SCOPES: usize = 128;
/// Bytes of one scope. 512: those of some providers are URLs.
const SCOPE_BYTES: usize = 512;

/// What a token is to be good for: scopes, each once, in the order in which they came.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scopes(Vec<String>);

impl Scopes {
    /// The scopes of a text that divides them by spaces. Left out is what no scope can be (RFC 6749, section 3.3), and what is
    /// too long or too much.
    pub fn parse(text: &str) -> Self {
        let mut scopes = Self::default();
        text.split(' ').for_each(|scope| scopes.add(scope));
        scopes
    }

    /// Those that are asked for at first: of the challenge, else all that the resource supports, else none, which leaves it to the
    /// authorization server (R-AU-36). Those that were `wanted` come on top.
    pub fn initial(wanted: &Self, challenged: Option<&str>, supported: Option<&[String]>) -> Self {
        let mut scopes = wanted.clone();
        match (challenged, supported) {
            (Some(challenged), _) => scopes.extend(&Self::parse(challenged)),
            // Somebody chose: all that there is would be too much.
            (None, Some(supported)) if wanted.is_empty() => supported.iter().for_each(|scope| scopes.add(scope)),
            (None, _) => {}
        }
        scopes
    }

    /// With `offline_access`, when the authorization server lists it (R-AU-43) and something else is asked for: by itself it would
    /// take the place of what the server gives unasked.
    pub fn offline(mut self, server: &AuthorizationServer) -> Self {
        if !self.is_empty() && server.lists_scope("offline_access") {
            self.add("offline_access");
        }
        self
    }

    /// Adds those of `other` (R-AU-39).
    pub fn extend(&mut self, other: &Self) {
        other.0.iter().for_each(|scope| self.add(scope));
    }

    /// Whether all of `other` are among these: asking once more would change nothing (R-AU-40).
    pub fn hold(&self, other: &Self) -> bool {
        other.0.iter().all(|scope| self.0.contains(scope))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn add(&mut self, scope: &str) {
        let is_scope = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
        let is_one = !scope.is_empty() && scope.len() <= SCOPE_BYTES && scope.bytes().all(is_scope);
        if is_one && self.0.len() < MOST_SCOPES && !self.0.iter().any(|own| own == scope) {
            self.0.push(scope.to_owned());
        }
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, scope) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str(" ")?;
            }
            f.write_str(scope)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use alloc::string::ToString as _;

    /// R-AU-36, R-AU-37
    #[test]
    fn the_challenge_comes_before_what_is_supported() {
        let supported = ["x".to_owned(), "y".to_owned()];
        for (wanted, challenged, supported, expected) in [
            ("", Some("a b"), Some(&supported[..]), "a b"),
            ("", None, Some(&supported), "x y"),
            ("", None, None, ""),
            ("w", None, Some(&supported), "w"),
            ("w", Some("a w"), None, "w a"),
            ("", Some(""), Some(&supported), ""),
        ] {
            let scopes = Scopes::initial(&Scopes::parse(wanted), challenged, supported);
            assert_eq!(scopes.to_string(), expected);
        }
    }

    /// R-AU-43
    #[test]
    fn offline_access_is_asked_for_only_where_it_is_listed() {
        let listed = AuthorizationServer {
            scopes_supported: Some(Vec::from(["offline_access".to_owned()])),
            ..AuthorizationServer::default()
        };
        assert_eq!(Scopes::parse("a").offline(&listed).to_string(), "a offline_access");
        assert_eq!(Scopes::parse("").offline(&listed).to_string(), "");
        assert_eq!(Scopes::parse("a").offline(&AuthorizationServer::default()).to_string(), "a");
    }

    /// R-AU-39, R-AU-40
    #[test]
    fn a_step_up_asks_for_both_and_asks_for_nothing_twice() {
        let mut scopes = Scopes::parse("a b");
        assert!(!scopes.hold(&Scopes::parse("b c")));
        scopes.extend(&Scopes::parse("b c"));
        assert_eq!(scopes.to_string(), "a b c");
        assert!(scopes.hold(&Scopes::parse("b c")));
    }

    #[test]
    fn what_no_scope_can_be_is_left_out() {
        assert_eq!(Scopes::parse(" a  b\ta c\u{7f} \"d\" e\\ ü files:read a ").to_string(), "a files:read");
        assert_eq!(Scopes::parse(&"x".repeat(SCOPE_BYTES + 1)).to_string(), "");
        let many = (0..1000).map(|n| format!("s{n} ")).collect::<String>();
        assert_eq!(Scopes::parse(&many).0.len(), MOST_SCOPES);
    }
}
