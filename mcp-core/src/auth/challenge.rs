//! What a server asks for in `WWW-Authenticate` (R-AU-1; RFC 9110, section 11.6.1).

use alloc::borrow::ToOwned as _;
use alloc::string::String;
use alloc::vec::Vec;

/// Challenges that are read of one answer. 16: servers send one or two.
const MOST_CHALLENGES: usize = 16;
/// Parameters that are read of one challenge.
const MOST_PARAMETERS: usize = 32;

/// One way to authenticate that a server offers: a scheme and its parameters.
///
/// ```
/// use mcp_core::auth::Challenge;
///
/// let value = r#"Bearer error="insufficient_scope", scope="files:read files:write""#;
/// let challenges = Challenge::parse([value]);
/// assert!(challenges[0].is("bearer"));
/// assert_eq!(challenges[0].parameter("scope"), Some("files:read files:write"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    scheme: String,
    token: Option<String>,
    parameters: Vec<(String, String)>,
}

impl Challenge {
    /// The challenges of all values of `WWW-Authenticate` that an answer has, in their order. What cannot be read is passed over;
    /// of one answer 16 challenges are read at most.
    pub fn parse<'a>(values: impl IntoIterator<Item = &'a str>) -> Vec<Self> {
        let mut challenges = Vec::new();
        for value in values {
            read(value, &mut challenges);
        }
        challenges.truncate(MOST_CHALLENGES);
        challenges
    }

    /// The scheme as it came, such as `Bearer`.
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// Whether it is of this scheme, in whatever case.
    pub fn is(&self, scheme: &str) -> bool {
        self.scheme.eq_ignore_ascii_case(scheme)
    }

    /// The value of a parameter, its name in whatever case, without quotes and escapes.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let found = self.parameters.iter().find(|(own, _)| own.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The value that some schemes have instead of parameters, such as that of `Negotiate`.
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }
}

/// Reads one value of the header, which may hold several challenges.
fn read(value: &str, challenges: &mut Vec<Challenge>) {
    let mut rest = value;
    while challenges.len() <= MOST_CHALLENGES {
        rest = rest.trim_start_matches(|c: char| c == ',' || is_space(c));
        let (word, after) = split(rest, is_token);
        if word.is_empty() {
            // Something that no name begins with: passed over, up to the next comma.
            let Some(comma) = rest.find(',') else { return };
            rest = &rest[comma..];
            continue;
        }
        let spaced = after.trim_start_matches(is_space);
        match (spaced.strip_prefix('='), challenges.last_mut()) {
            (Some(after), Some(challenge)) => {
                let (value, after) = parameter_value(after.trim_start_matches(is_space));
                if challenge.parameters.len() < MOST_PARAMETERS {
                    challenge.parameters.push((word.to_owned(), value));
                }
                rest = after;
            }
            (Some(after), None) => rest = parameter_value(after.trim_start_matches(is_space)).1,
            (None, _) => {
                let (token, after) = token68(spaced);
                let token = token.map(str::to_owned);
                challenges.push(Challenge { scheme: word.to_owned(), token, parameters: Vec::new() });
                rest = after;
            }
        }
    }
}

/// A token or a quoted string, and what follows it.
fn parameter_value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let (token, rest) = split(text, |c| c != ',' && !is_space(c));
        return (token.to_owned(), rest);
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return (value, &quoted[at + 1..]),
            '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
            other => value.push(other),
        }
    }
    // Without its end.
    (value, "")
}

/// A value without a name, if that is what follows a scheme: it ends the challenge, and may end with `=`.
fn token68(text: &str) -> (Option<&str>, &str) {
    let (word, after) = split(text, |c| c.is_ascii_alphanumeric() || "-._~+/".contains(c));
    let padded = after.trim_start_matches('=');
    let ends = padded.trim_start_matches(is_space);
    if word.is_empty() || !(ends.is_empty() || ends.starts_with(',')) {
        return (None, text);
    }
    (Some(&text[..text.len() - padded.len()]), ends)
}

fn split(text: &str, is_part: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !is_part(c)).unwrap_or(text.len()))
}

fn is_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)
}

/// Also the ends of lines, for headers that are folded.
fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use alloc::vec;

    /// As `scheme token name=value ...`, challenges divided by ` | `.
    fn read_all(values: &[&str]) -> String {
        let shown = Challenge::parse(values.iter().copied()).into_iter().map(|challenge| {
            let parameters = challenge.parameters.iter().map(|(name, value)| format!(" {name}={value}"));
            let token = challenge.token.as_ref().map(|token| format!(" {token}")).unwrap_or_default();
            format!("{}{token}{}", challenge.scheme, parameters.collect::<String>())
        });
        shown.collect::<Vec<_>>().join(" | ")
    }

    /// R-AU-1
    #[test]
    fn challenges_are_read_in_every_form_that_servers_write_them() {
        for (values, expected) in [
            (&["Bearer"][..], "Bearer"),
            (&["bearer realm=\"x\""], "bearer realm=x"),
            (&["Bearer realm=x,scope=\"a b\" , error=invalid_token"], "Bearer realm=x scope=a b error=invalid_token"),
            (&["Bearer realm = \"a, b\", scope\t=\t\"c\""], "Bearer realm=a, b scope=c"),
            (
                &[r#"Bearer error_description="say \"please\" \\ now""#],
                r#"Bearer error_description=say "please" \ now"#,
            ),
            (&["Basic realm=\"a\", Bearer scope=\"b\""], "Basic realm=a | Bearer scope=b"),
            (&["Basic, Bearer"], "Basic | Bearer"),
            (&["Basic realm=a", "Bearer scope=b"], "Basic realm=a | Bearer scope=b"),
            (&["Negotiate YWJj==, Bearer scope=b"], "Negotiate YWJj== | Bearer scope=b"),
            (&["Bearer realm=\"x\",\r\n\tscope=\"y\""], "Bearer realm=x scope=y"),
            (&[",, ,Bearer ,, realm=x ,"], "Bearer realm=x"),
            (&["Bearer resource_metadata=https://h/m?a=b"], "Bearer resource_metadata=https://h/m?a=b"),
            (&["Bearer realm=\"no end"], "Bearer realm=no end"),
            (&["Bearer realm=\"ends with \\"], "Bearer realm=ends with "),
            (&["realm=x"], ""),
            (&["\"\" , Bearer"], "Bearer"),
            (&["größe"], "gr"),
            (&["", " , "], ""),
        ] {
            assert_eq!(read_all(values), expected, "{values:?}");
        }
    }

    #[test]
    fn an_answer_has_so_many_challenges_and_no_more() {
        let many = vec!["Bearer"; 100].join(", ");
        assert_eq!(Challenge::parse([many.as_str(), many.as_str()]).len(), MOST_CHALLENGES);
        let many = format!("Bearer {}", vec!["a=b"; 100].join(", "));
        assert_eq!(Challenge::parse([many.as_str()])[0].parameters.len(), MOST_PARAMETERS);
    }

    #[test]
    fn a_name_is_found_in_whatever_case() {
        let challenge = &Challenge::parse(["BEARER Scope=a"])[0];
        assert!(challenge.is("bearer"));
        assert_eq!(challenge.parameter("scope"), Some("a"));
        assert_eq!(challenge.parameter("error"), None);
    }
}
