//! What is this answer? From its status and media type, for the two requests of HTTP+SSE.

use super::media::{is_event_stream, is_json};
use crate::limits::Limits;
use core::fmt;
use core::time::Duration;

/// What an answer means, by its head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Answer {
    /// An event stream begins.
    EventStream,
    /// A JSON body.
    Json,
    /// A success with a body of another media type: no MCP server, or a page that a proxy put in front of it.
    OtherMediaType,
    /// A message was taken over. Its body means nothing; the reply comes on the stream (R-SSE-25).
    Accepted,
    /// There is no stream, and the client is to stop asking for it (R-EV-29).
    Stop,
    /// A redirect that keeps the method, or one of a GET. It may be followed within the origin (R-SSE-20):
    /// [`resolve_redirect`](super::resolve_redirect) says where.
    Redirect,
    /// A redirect that would turn a POST into a GET and so lose the message. Not followed.
    RedirectAsGet,
    /// The server does not know the session: all requests in flight are lost, a new session is needed (R-SSE-28).
    SessionGone,
    /// Credentials are missing or wrong (R-SSE-42).
    Unauthorized,
    /// The server refuses this client, its origin or its host.
    Forbidden,
    /// There is nothing at this URL.
    NotFound,
    /// There is something at this URL, which does not know the method.
    NotAllowed,
    /// The message is too large for the server.
    TooLarge,
    /// The server is too busy; [`retry_after`] may say for how long.
    RetryLater,
    /// Another 4xx: this request is wrong.
    Refused,
    /// A 5xx, or a status that makes no sense here.
    Failed,
}

impl Answer {
    /// What the answer to the GET of an event stream means (R-SSE-16, R-EV-28).
    pub fn to_stream_request(status: u16, content_type: Option<&str>) -> Self {
        match status {
            204 => Self::Stop,
            200..=299 => match content_type {
                Some(content_type) if is_event_stream(content_type) => Self::EventStream,
                Some(content_type) if is_json(content_type) => Self::Json,
                _ => Self::OtherMediaType,
            },
            301 | 302 | 303 | 307 | 308 => Self::Redirect,
            404 | 410 => Self::NotFound,
            _ => Self::of_status(status),
        }
    }

    /// What the answer to the POST of a message means (R-SSE-24, 25, 28). `body` is the beginning of its body; only a 400
    /// is looked into, for servers use that status both for an unknown session and for a message they cannot read.
    pub fn to_message(status: u16, body: &[u8]) -> Self {
        match status {
            200..=299 => Self::Accepted,
            301..=303 => Self::RedirectAsGet,
            307 | 308 => Self::Redirect,
            404 | 410 => Self::SessionGone,
            400 if speaks_of_a_session(body) => Self::SessionGone,
            _ => Self::of_status(status),
        }
    }

    fn of_status(status: u16) -> Self {
        match status {
            401 => Self::Unauthorized,
            // 421 is how Python's server refuses a `Host` (R-SSE-43).
            403 | 421 => Self::Forbidden,
            405 => Self::NotAllowed,
            413 => Self::TooLarge,
            429 | 503 => Self::RetryLater,
            400..=499 => Self::Refused,
            _ => Self::Failed,
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EventStream => "an event stream",
            Self::Json => "a JSON body",
            Self::OtherMediaType => "a body that is neither an event stream nor JSON",
            Self::Accepted => "accepted",
            Self::Stop => "there is no stream",
            Self::Redirect => "a redirect",
            Self::RedirectAsGet => "a redirect that would lose the message",
            Self::SessionGone => "the session is gone",
            Self::Unauthorized => "credentials are missing or wrong",
            Self::Forbidden => "the server refuses this client",
            Self::NotFound => "there is nothing at this URL",
            Self::NotAllowed => "the method is not allowed at this URL",
            Self::TooLarge => "the message is too large for the server",
            Self::RetryLater => "the server is too busy",
            Self::Refused => "the server refuses the request",
            Self::Failed => "the server failed",
        })
    }
}

/// How long a `Retry-After` asks to wait, at most [`Limits::retry_millis`]. `None` for a date, which needs a calendar.
pub fn retry_after(value: &str, limits: &Limits) -> Option<Duration> {
    let value = value.trim();
    if value.is_empty() || !value.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    // Only a number too large for its type fails to parse here.
    let seconds = value.parse().unwrap_or(u64::MAX);
    Some(Duration::from_millis(limits.retry_millis).min(Duration::from_secs(seconds)))
}

/// `Session not found` (C#), `No transport found for sessionId` (TypeScript's examples), `session_id is required`
/// (Python): the word is what they have in common.
fn speaks_of_a_session(body: &[u8]) -> bool {
    const WORD: &[u8] = b"session";
    body.windows(WORD.len()).any(|window| window.eq_ignore_ascii_case(WORD))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_begins_with_a_success_of_the_right_media_type_only() {
        let answer = Answer::to_stream_request;
        assert_eq!(answer(200, Some("text/event-stream; charset=utf-8")), Answer::EventStream);
        assert_eq!(answer(201, Some("Text/Event-Stream")), Answer::EventStream);
        assert_eq!(answer(200, Some("application/json")), Answer::Json);
        assert_eq!(answer(200, Some("text/html")), Answer::OtherMediaType);
        assert_eq!(answer(200, None), Answer::OtherMediaType);
        assert_eq!(answer(204, Some("text/event-stream")), Answer::Stop);
        assert_eq!(answer(404, Some("text/event-stream")), Answer::NotFound);
        assert_eq!(answer(500, Some("text/event-stream")), Answer::Failed);
    }

    #[test]
    fn any_success_takes_a_message_over() {
        for status in [200, 202, 204, 299] {
            assert_eq!(Answer::to_message(status, b"{\"jsonrpc\":\"2.0\"}"), Answer::Accepted);
        }
    }

    #[test]
    fn a_post_follows_only_redirects_that_keep_the_method() {
        for status in [307, 308] {
            assert_eq!(Answer::to_message(status, b""), Answer::Redirect);
        }
        for status in [301, 302, 303] {
            assert_eq!(Answer::to_message(status, b""), Answer::RedirectAsGet);
            assert_eq!(Answer::to_stream_request(status, None), Answer::Redirect);
        }
        for status in [300, 304, 305, 399] {
            assert_eq!(Answer::to_message(status, b""), Answer::Failed);
        }
    }

    #[test]
    fn a_session_is_gone_by_status_or_by_what_a_400_says() {
        for status in [404, 410] {
            assert_eq!(Answer::to_message(status, b""), Answer::SessionGone);
        }
        for body in
            ["Session not found", "No transport found for sessionId", "session_id is required", "INVALID SESSION"]
        {
            assert_eq!(Answer::to_message(400, body.as_bytes()), Answer::SessionGone, "{body}");
        }
        for body in ["", "Could not parse message", "sessio", "\u{fffd}"] {
            assert_eq!(Answer::to_message(400, body.as_bytes()), Answer::Refused, "{body}");
        }
        assert_eq!(Answer::to_message(500, b"session"), Answer::Failed);
    }

    #[test]
    fn a_wait_is_a_number_of_seconds_and_is_capped() {
        let limits = Limits::default();
        assert_eq!(retry_after(" 3 ", &limits), Some(Duration::from_secs(3)));
        assert_eq!(retry_after("99999999999999999999999", &limits), Some(Duration::from_secs(3600)));
        for value in ["", "-1", "+1", "1.5", "Fri, 20 Nov 2026 08:00:00 GMT"] {
            assert_eq!(retry_after(value, &limits), None, "{value}");
        }
    }
}
