//! What must not be shown, and text without it.
//!
//! Secrets are known by what they are: values of headers that carry credentials or a session, queries of URLs and long parts
//! of their paths, what a caller says is one. [`Masked`] leaves them out wherever else they occur, for instance in the body of a
//! message. A text is searched as a whole before it is cut, so that none is shown in part; one that is written in another way
//! (in Base64, or with `\u` escapes that nobody needs) is not recognised.

use std::fmt::{self, Write as _};
use std::sync::{Arc, PoisonError, RwLock};

use ureq::http::header::{HeaderName, HeaderValue};

/// What stands in the place of a secret.
pub(super) const MASK: &str = "***";

/// Shorter ones are not looked for in texts: `1` or `true` may be the value of a header, and is in every message.
const SHORTEST: usize = 6;

/// A part of a path that is as long may be a token (R-SSE-14): 16 characters, as many as 64 bits have in hexadecimal digits.
const LONG_SEGMENT: usize = 16;

/// Secrets that are kept of each kind that comes and goes; the oldest goes first. 64: a server may give out a new cookie with
/// every answer, and whoever provides credentials new ones for every request.
const KEPT: usize = 64;

/// Whose secret it is. What many new ones make forgotten is of their own kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    /// What the caller set for as long as the client lives. Kept as long: they are as many as the caller's settings.
    Callers,
    /// What is sent and changes: credentials that a provider gives, parts of URLs.
    Sent,
    /// What the server gave out.
    Servers,
}

/// The secrets that are known.
#[derive(Default)]
pub(super) struct Secrets(RwLock<Arc<Known>>);

/// The secrets at one moment.
#[derive(Clone)]
pub(super) struct Known {
    callers: Vec<Box<str>>,
    sent: Vec<Box<str>>,
    servers: Vec<Box<str>>,
    /// Whether a secret begins with this byte.
    begins: [bool; 256],
}

impl Default for Known {
    fn default() -> Self {
        Self { callers: Vec::new(), sent: Vec::new(), servers: Vec::new(), begins: [false; 256] }
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets")
    }
}

impl Secrets {
    /// From now on `secret` is left out, in each of the forms in which it may be written.
    pub(super) fn add(&self, whose: Whose, secret: &str) {
        if secret.len() < SHORTEST || self.now().holds(whose, secret) {
            return;
        }
        let json = serde_json::to_string(secret).unwrap_or_default();
        for form in [secret, json.trim_matches('"')] {
            if form.len() >= SHORTEST {
                let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
                if known.holds(whose, form) {
                    continue;
                }
                let mut new = (**known).clone();
                new.add(whose, form);
                *known = Arc::new(new);
            }
        }
    }

    /// A value of a header: all of it, and its credentials without the scheme.
    pub(super) fn add_header(&self, whose: Whose, value: &HeaderValue) {
        let value = String::from_utf8_lossy(value.as_bytes());
        self.add(whose, &value);
        if let Some((_, credentials)) = value.trim().split_once(' ') {
            self.add(whose, credentials.trim());
        }
    }

    /// The values of a `Cookie` or `Set-Cookie`.
    pub(super) fn add_cookies(&self, whose: Whose, value: &HeaderValue) {
        let value = String::from_utf8_lossy(value.as_bytes());
        for (_, value) in value.split(';').filter_map(|pair| pair.split_once('=')) {
            self.add(whose, value.trim());
        }
    }

    /// What may be a token in a URL or in a reference to one: its query and the long parts of its path.
    pub(super) fn add_url(&self, whose: Whose, url: &str) {
        let (path, query) = split(url);
        if let Some(query) = query {
            let query = query.trim_start_matches(['?', '#']);
            self.add(whose, query);
            for value in query.split(['&', ';', '#']).map(|pair| pair.split_once('=').map_or(pair, |(_, value)| value))
            {
                self.add(whose, value);
                self.add(whose, &percent_decoded(value));
            }
        }
        // Without the scheme and the host, which are nobody's secret.
        let path = path.split_once("://").map_or(path, |(_, rest)| rest.split_once('/').map_or("", |(_, path)| path));
        for segment in path.split('/').filter(|segment| is_long(segment)) {
            self.add(whose, segment);
        }
    }

    pub(super) fn now(&self) -> Arc<Known> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Known {
    fn add(&mut self, whose: Whose, secret: &str) {
        let (kept, most) = match whose {
            Whose::Callers => (&mut self.callers, usize::MAX),
            Whose::Sent => (&mut self.sent, KEPT),
            Whose::Servers => (&mut self.servers, KEPT),
        };
        if kept.len() >= most {
            kept.remove(0);
        }
        kept.push(secret.into());
        let mut begins = [false; 256];
        for secret in self.all() {
            begins[usize::from(secret.as_bytes()[0])] = true;
        }
        self.begins = begins;
    }

    fn all(&self) -> impl Iterator<Item = &str> {
        self.callers.iter().chain(&self.sent).chain(&self.servers).map(|secret| &**secret)
    }

    /// The beginning of a text without secrets, also not the beginning of one at its end.
    pub(super) fn cleared(&self, text: &str) -> String {
        let (text, cut) = text.strip_suffix("...").map_or((text, ""), |text| (text, "..."));
        let ends_with_part = |secret: &str| {
            // The scheme before a token is none of it: a challenge that is `Bearer` and no more is to be read.
            let is_scheme = |word: &str| ["bearer", "basic"].iter().any(|known| word.eq_ignore_ascii_case(known));
            let scheme = secret.find(' ').filter(|at| is_scheme(&secret[..*at])).map_or(0, |at| at + 1);
            let parts = (scheme + SHORTEST..secret.len()).rev().filter(|end| secret.is_char_boundary(*end));
            parts.map(|end| &secret[..end]).find(|part| text.ends_with(part)).map_or(0, str::len)
        };
        let longest = self.all().map(ends_with_part).max().unwrap_or(0);
        let whole = &text[..text.len() - longest];
        let cleared = Masked { known: self, text: whole, characters: usize::MAX }.to_string();
        cleared + if longest > 0 { MASK } else { "" } + cut
    }

    /// Whether a secret is known for as long as one of `whose` is.
    fn holds(&self, whose: Whose, secret: &str) -> bool {
        let is_known = |kept: &[Box<str>]| kept.iter().any(|known| **known == *secret);
        is_known(&self.callers)
            || match whose {
                Whose::Callers => false,
                // The newest stays the longest, so that one that is used again need not be moved there.
                Whose::Sent => is_known(&self.sent),
                Whose::Servers => is_known(&self.sent) || is_known(&self.servers),
            }
    }

    /// Bytes of the longest secret that `text` begins with.
    fn at(&self, text: &[u8]) -> usize {
        if !text.first().is_some_and(|first| self.begins[usize::from(*first)]) {
            return 0;
        }
        self.all().filter(|secret| text.starts_with(secret.as_bytes())).map(str::len).max().unwrap_or(0)
    }
}

/// A text without what is secret in it and without control characters, cut to so many characters with a note.
pub(super) struct Masked<'a> {
    pub(super) known: &'a Known,
    pub(super) text: &'a str,
    pub(super) characters: usize,
}

impl fmt::Display for Masked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut shown, mut secret_until) = (0, 0);
        for (at, character) in self.text.char_indices() {
            let secret = self.known.at(&self.text.as_bytes()[at..]);
            if shown >= self.characters {
                return write!(f, "... (cut; {} bytes in all)", self.text.len());
            }
            if secret > 0 {
                if at >= secret_until {
                    f.write_str(MASK)?;
                    shown += MASK.len();
                }
                // Two that overlap are one.
                secret_until = secret_until.max(at + secret);
            }
            if at < secret_until {
                continue;
            }
            match character {
                '\n' => f.write_str("\\n")?,
                '\r' => f.write_str("\\r")?,
                '\t' => f.write_char(' ')?,
                character if is_harmless(character) => f.write_char(character)?,
                _ => f.write_char('\u{FFFD}')?,
            }
            shown += 1;
        }
        Ok(())
    }
}

/// Neither a control character nor one that turns the direction of the text after it.
fn is_harmless(character: char) -> bool {
    let is_turning =
        matches!(character, '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
    !character.is_control() && !is_turning
}

/// Whether the values of headers of this name are secrets.
pub(super) fn is_secret(name: &HeaderName, value: &HeaderValue) -> bool {
    const PARTS: [&str; 9] =
        ["auth", "cookie", "session", "token", "secret", "password", "key", "credential", "signature"];
    // Two say how to authenticate, not with what; the revision stands in every handshake.
    if matches!(name.as_str(), "www-authenticate" | "proxy-authenticate" | "mcp-protocol-version") {
        return false;
    }
    value.is_sensitive() || name.as_str() == "last-event-id" || PARTS.iter().any(|part| name.as_str().contains(part))
}

/// A URL, or a reference to one, without its query and without the long parts of its path.
pub(super) fn masked_url(url: &str) -> String {
    let (path, query) = split(url);
    let mut masked = String::with_capacity(path.len() + 4);
    for (index, segment) in path.split('/').enumerate() {
        if index > 0 {
            masked.push('/');
        }
        // The third is the host, which is nobody's secret.
        let is_host = index == 2 && path.contains("://");
        masked.push_str(if is_long(segment) && !is_host { MASK } else { segment });
    }
    if query.is_some() {
        masked.push('?');
        masked.push_str(MASK);
    }
    masked
}

fn split(url: &str) -> (&str, Option<&str>) {
    match url.find(['?', '#']) {
        Some(at) => (&url[..at], Some(&url[at..])),
        None => (url, None),
    }
}

fn is_long(segment: &str) -> bool {
    segment.len() >= LONG_SEGMENT
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let escaped = match (first, after) {
            (b'%', [high, low, ..]) => hex(*high).zip(hex(*low)),
            _ => None,
        };
        match escaped {
            Some((high, low)) => {
                bytes.push(high << 4 | low);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(all: &[&str]) -> Secrets {
        let secrets = Secrets::default();
        all.iter().for_each(|secret| secrets.add(Whose::Callers, secret));
        secrets
    }

    fn masked(secrets: &Secrets, text: &str, characters: usize) -> String {
        Masked { known: &secrets.now(), text, characters }.to_string()
    }

    #[test]
    fn secrets_are_left_out_wherever_they_are() {
        let secrets = secrets(&["hunter2", "p\"ss/word"]);
        assert_eq!(masked(&secrets, "a hunter2, hunter2hunter2 hunter", 99), "a ***, ****** hunter");
        assert_eq!(masked(&secrets, r#"{"x":"p\"ss/word"}"#, 99), r#"{"x":"***"}"#, "as JSON has it");
        assert_eq!(masked(&secrets, "ümlaut hunter2 ü", 99), "ümlaut *** ü");
    }

    #[test]
    fn of_two_secrets_that_overlap_nothing_is_shown() {
        let secrets = secrets(&["abcdef", "defghi", "abcdefgh"]);
        assert_eq!(masked(&secrets, "-abcdefghi-", 99), "-***-");
    }

    #[test]
    fn what_is_cut_shows_no_part_of_a_secret() {
        let secrets = secrets(&["hunter2"]);
        for characters in 0..20 {
            let text = masked(&secrets, "12345678hunter2 and so on", characters);
            assert!(!text.contains('h') && text.contains("cut; 25 bytes"), "{text}");
        }
        assert_eq!(masked(&secrets, "1234", 4), "1234", "what fits is not cut");
    }

    #[test]
    fn an_excerpt_that_ends_in_a_secret_shows_no_part_of_it() {
        let known = secrets(&["hunter2-is-long"]).now();
        assert_eq!(known.cleared("page of hunter2-is-long, hunter2-is"), "page of ***, ***");
        assert_eq!(known.cleared("page of hunter2-is..."), "page of ***...", "one that was cut");
        assert_eq!(known.cleared("page of hunt"), "page of hunt", "as short as any word");
        let of_scheme = secrets(&["Bearer hunter2-is-long", "hunter2-is-long"]).now();
        assert_eq!(of_scheme.cleared("Bearer"), "Bearer", "what a server asks for");
        assert_eq!(of_scheme.cleared("Bearer hunter2-is"), "***");
    }

    #[test]
    fn what_is_too_short_to_be_told_from_other_text_is_shown() {
        assert_eq!(masked(&secrets(&["1", "", "abcde"]), "1 abcde", 99), "1 abcde");
    }

    #[test]
    fn lines_stay_lines_and_terminals_are_left_alone() {
        assert_eq!(masked(&secrets(&[]), "a\nb\r\x1b[2J\u{202e}", 99), "a\\nb\\r\u{FFFD}[2J\u{FFFD}");
    }

    #[test]
    fn urls_are_shown_without_what_may_be_a_token() {
        assert_eq!(masked_url("http://host.example.com:1/sse?key=x"), "http://host.example.com:1/sse?***");
        assert_eq!(masked_url("/messages/0123456789abcdef/x#f"), "/messages/***/x?***");
        assert_eq!(masked_url("/messages"), "/messages");
    }

    #[test]
    fn the_parts_of_a_url_are_known_by_themselves() {
        let secrets = Secrets::default();
        secrets.add_url(Whose::Servers, "/messages/0123456789abcdef?sessionId=hidden%2Fone&x=1");
        assert_eq!(masked(&secrets, "hidden/one hidden%2Fone 0123456789abcdef 1", 99), "*** *** *** 1");
        secrets.add_url(Whose::Callers, "https://a-long-name.example.com/another-long-segment");
        let text = masked(&secrets, "a-long-name.example.com another-long-segment", 99);
        assert_eq!(text, "a-long-name.example.com ***", "a host is no secret");
    }

    #[test]
    fn a_server_cannot_push_out_what_the_caller_keeps_secret() {
        let secrets = secrets(&["hunter2"]);
        for n in 0..1000 {
            secrets.add(Whose::Servers, &format!("cookie-{n}"));
        }
        assert_eq!(masked(&secrets, "hunter2 cookie-999 cookie-1 ", 99), "*** *** cookie-1 ");
        assert!(secrets.now().servers.len() <= KEPT);
    }

    #[test]
    fn new_credentials_push_out_older_ones_and_never_what_the_caller_set() {
        let secrets = secrets(&["hunter2"]);
        for n in 0..1000 {
            secrets.add(Whose::Sent, &format!("token-{n}"));
            secrets.add(Whose::Servers, &format!("cookie-{n}"));
        }
        assert_eq!(
            masked(&secrets, "hunter2 token-999 cookie-999 token-1 cookie-1 ", 99),
            "*** *** *** token-1 cookie-1 "
        );
        let known = secrets.now();
        assert_eq!((known.callers.len(), known.sent.len(), known.servers.len()), (1, KEPT, KEPT));
    }

    #[test]
    fn what_the_caller_sets_stays_although_it_was_sent_or_given_out_before() {
        let secrets = secrets(&[]);
        for whose in [Whose::Servers, Whose::Sent, Whose::Callers] {
            secrets.add(whose, "hunter2");
        }
        for n in 0..1000 {
            secrets.add(Whose::Sent, &format!("token-{n}"));
            secrets.add(Whose::Servers, &format!("cookie-{n}"));
        }
        assert_eq!(masked(&secrets, "hunter2", 99), "***");
    }

    #[test]
    fn headers_that_carry_credentials_are_known_by_name() {
        let value = HeaderValue::from_static("x");
        for name in ["authorization", "cookie", "set-cookie", "mcp-session-id", "x-api-key", "x-auth-token"] {
            assert!(is_secret(&HeaderName::from_static(name), &value), "{name}");
        }
        for name in ["content-type", "www-authenticate", "mcp-protocol-version", "mcp-name", "retry-after"] {
            assert!(!is_secret(&HeaderName::from_static(name), &value), "{name}");
        }
        let mut sensitive = value;
        sensitive.set_sensitive(true);
        assert!(is_secret(&HeaderName::from_static("x-tenant"), &sensitive), "whatever the caller set");
    }
}
