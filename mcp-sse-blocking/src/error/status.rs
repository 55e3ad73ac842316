//! An HTTP answer that is no success: what kind it is, and how long it asks to wait.

use std::fmt;
use std::time::{Duration, SystemTime};

use mcp_core::http::{self, Date};
use mcp_core::text::Excerpt;

use super::Delivery;
use crate::credentials::Challenge;
use crate::transport::answer::said;

/// The longest wait that a server may ask for. One hour, as for the `retry` of an event stream; nobody waits that long for a
/// call, and a number of years is a mistake.
const LONGEST_WAIT: Duration = Duration::from_secs(60 * 60);

/// An HTTP answer that is no success.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Status {
    /// The status code.
    pub code: u16,
    /// What it means here, in words.
    pub meaning: &'static str,
    /// The beginning of the body, 512 bytes at most, control characters replaced. Of a JSON body that holds an error, what the
    /// error says.
    pub excerpt: String,
    /// The values of `WWW-Authenticate`, as they came: how to authenticate. [`Challenge::parse`] reads them.
    pub www_authenticate: Vec<String>,
    /// The value of `Retry-After`, as it came. [`Status::wait`] reads it.
    pub retry_after: Option<String>,
    /// What it asks for, counted from the answer.
    pub(crate) wait: Option<Duration>,
    /// Of a request that failed because the server said this to another one.
    pub(crate) delivery: Option<Delivery>,
}

/// What kind of refusal a [`Status`] is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum StatusKind {
    /// 401: credentials are missing, wrong or expired.
    Unauthorized,
    /// 403 and 421: the server knows who asks, and refuses; or it refuses the host or origin of the request.
    Forbidden {
        /// The `error` of the challenge, such as `insufficient_scope` (R-AU-38).
        error: Option<String>,
        /// The scopes that it asks for.
        scope: Option<String>,
    },
    /// 404 and 410: there is nothing at this URL, or the session is gone.
    NotFound,
    /// 405: the method is not allowed at this URL.
    NotAllowed,
    /// 409: the server is at work on the same already.
    Conflict,
    /// 413: the message is too large for the server.
    TooLarge,
    /// 429: too many requests. [`Status::wait`] may say for how long.
    RateLimited,
    /// 502, 503 and 504: the server cannot serve now. [`Status::wait`] may say for how long.
    Unavailable,
    /// 3xx: a redirect that is not followed, because the message would be lost.
    Redirect,
    /// Another 4xx: this request is wrong.
    Refused,
    /// Another 5xx, or a status that makes no sense here.
    Failed,
}

impl Status {
    /// What kind of refusal it is, for programs.
    pub fn kind(&self) -> StatusKind {
        match self.code {
            401 => StatusKind::Unauthorized,
            403 | 421 => {
                let challenges = Challenge::parse(self.www_authenticate.iter().map(String::as_str));
                let said = |name: &str| challenges.iter().find_map(|challenge| challenge.parameter(name));
                let said = |name: &str| said(name).map(str::to_owned);
                StatusKind::Forbidden { error: said("error"), scope: said("scope") }
            }
            404 | 410 => StatusKind::NotFound,
            405 => StatusKind::NotAllowed,
            409 => StatusKind::Conflict,
            413 => StatusKind::TooLarge,
            429 => StatusKind::RateLimited,
            502..=504 => StatusKind::Unavailable,
            300..=399 => StatusKind::Redirect,
            400..=499 => StatusKind::Refused,
            _ => StatusKind::Failed,
        }
    }

    /// How long the server asks to be left alone, from its answer on: `Retry-After` as seconds or as a date, one hour at most.
    /// `None` when it does not say, or says it in a way that cannot be read. A date counts from the server's own clock, if the
    /// answer has its `Date`.
    pub fn wait(&self) -> Option<Duration> {
        self.wait
    }

    /// Shows what the body says.
    pub(crate) fn show(&mut self, body: &[u8]) {
        self.excerpt = said(body);
    }
}

/// How long a `Retry-After` asks to wait, in an answer of this `date`.
pub(crate) fn wait(retry_after: &str, date: Option<&str>) -> Option<Duration> {
    let by_our_clock = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).ok().map(Date::from_unix);
    let answered = date.and_then(Date::parse).or_else(by_our_clock);
    http::retry_after(retry_after, answered, LONGEST_WAIT)
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HTTP status {}, {}", self.code, self.meaning)?;
        match self.kind() {
            StatusKind::Unauthorized => f.write_str(" (settings `bearer`, `credentials`)")?,
            StatusKind::Forbidden { scope: Some(scope), .. } => {
                write!(f, " (it asks for the scope `{}`)", Excerpt::new(&scope, 80))?;
            }
            StatusKind::RateLimited | StatusKind::Unavailable if self.wait.is_some() => {
                write!(f, " (it asks to wait {:?})", self.wait.unwrap_or_default())?;
            }
            _ => {}
        }
        if self.excerpt.is_empty() { Ok(()) } else { write!(f, ": {}", self.excerpt) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(code: u16, challenge: &str) -> Status {
        let www_authenticate = vec![challenge.to_owned()];
        Status {
            code,
            meaning: "refused",
            excerpt: "no".into(),
            www_authenticate,
            retry_after: None,
            wait: None,
            delivery: None,
        }
    }

    #[test]
    fn a_date_counts_from_the_answers_own_or_else_by_our_clock() {
        let date = Some("Fri, 20 Nov 2026 08:00:00 GMT");
        assert_eq!(wait("Fri, 20 Nov 2026 08:00:07 GMT", date), Some(Duration::from_secs(7)));
        assert_eq!(wait("Fri, 20 Nov 1998 07:00:00 GMT", None), Some(Duration::ZERO));
        assert_eq!(wait("Fri, 20 Nov 9998 07:00:00 GMT", Some("no date")), Some(LONGEST_WAIT));
    }

    /// R-AU-38
    #[test]
    fn a_403_says_which_scope_is_missing() {
        let status = status(403, r#"Bearer error="insufficient_scope", scope="a b""#);
        let (error, scope) = (Some("insufficient_scope".to_owned()), Some("a b".to_owned()));
        assert_eq!(status.kind(), StatusKind::Forbidden { error, scope });
        assert_eq!(status.to_string(), "HTTP status 403, refused (it asks for the scope `a b`): no");
    }

    #[test]
    fn every_code_is_of_a_kind() {
        for (code, kind) in [
            (401, StatusKind::Unauthorized),
            (403, StatusKind::Forbidden { error: None, scope: None }),
            (404, StatusKind::NotFound),
            (410, StatusKind::NotFound),
            (405, StatusKind::NotAllowed),
            (409, StatusKind::Conflict),
            (413, StatusKind::TooLarge),
            (429, StatusKind::RateLimited),
            (503, StatusKind::Unavailable),
            (301, StatusKind::Redirect),
            (418, StatusKind::Refused),
            (500, StatusKind::Failed),
            (100, StatusKind::Failed),
        ] {
            assert_eq!(status(code, "").kind(), kind, "{code}");
        }
    }

    #[test]
    fn the_error_says_what_to_do() {
        let shown = status(401, "Bearer").to_string();
        assert_eq!(shown, "HTTP status 401, refused (settings `bearer`, `credentials`): no");
        let limited = Status { wait: Some(Duration::from_secs(3)), ..status(429, "") };
        assert_eq!(limited.to_string(), "HTTP status 429, refused (it asks to wait 3s): no");
    }
}
