//! What is this answer? From its status and media type, for the requests of HTTP+SSE and of Streamable HTTP.

use super::media::{is_event_stream, is_json};
use super::unknown_session::says_unknown_session;
use core::fmt;

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
    /// A message was taken over. Its body means nothing; over HTTP+SSE the reply comes on the stream (R-SSE-25), over Streamable
    /// HTTP there is none (R-SH-8).
    Accepted,
    /// There is no stream, and the client is to stop asking for it (R-EV-29).
    Stop,
    /// A redirect that keeps the method, or one of a GET. It may be followed within the origin (R-SSE-20):
    /// [`resolve_redirect`](super::resolve_redirect) says where.
    Redirect,
    /// A redirect that would turn a POST into a GET and so lose the message. Not followed.
    RedirectAsGet,
    /// The server does not know the session: all requests in flight are lost, a new session is needed (R-SSE-28, R-SH-51).
    SessionGone,
    /// Credentials are missing or wrong (R-SSE-42).
    Unauthorized,
    /// The server refuses this client, its origin or its host.
    Forbidden,
    /// There is nothing at this URL.
    NotFound,
    /// There is something at this URL, which does not know the method.
    NotAllowed,
    /// The server offers no stream of its own; the session stays usable (R-SH-21, R-SH-25).
    NotOffered,
    /// The stream is open already (R-SH-28, R-SH-36).
    Conflict,
    /// The message is too large for the server.
    TooLarge,
    /// The server is too busy; [`retry_after`](super::retry_after()) may say for how long.
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
    /// is looked into, for servers use that status both for an unknown session and for a message they cannot read:
    /// [`unknown_session`](super::unknown_session) tells the two apart.
    pub fn to_message(status: u16, body: &[u8]) -> Self {
        match status {
            200..=299 => Self::Accepted,
            301..=303 => Self::RedirectAsGet,
            307 | 308 => Self::Redirect,
            404 | 410 => Self::SessionGone,
            400 if says_unknown_session(body) => Self::SessionGone,
            _ => Self::of_status(status),
        }
    }

    /// What the answer to a POST of Streamable HTTP means (R-SH-8 to R-SH-10, R-SH-51, R-ST-13, R-ST-14). Whether the request
    /// carried the id of a session decides what a 404 means.
    ///
    /// An answer with [`may_hold_error`] is read before it is judged by this.
    pub fn to_post(status: u16, content_type: Option<&str>, carried: Carried) -> Self {
        match status {
            202 | 204 => Self::Accepted,
            200..=299 => match content_type {
                Some(content_type) if is_event_stream(content_type) => Self::EventStream,
                Some(content_type) if is_json(content_type) => Self::Json,
                _ => Self::OtherMediaType,
            },
            301..=303 => Self::RedirectAsGet,
            307 | 308 => Self::Redirect,
            404 | 410 if carried == Carried::Session => Self::SessionGone,
            404 | 410 => Self::NotFound,
            _ => Self::of_status(status),
        }
    }

    /// What the answer to the GET of a session's own stream means (R-SH-21, R-SH-25, R-SH-28). A 404 is no lost session here:
    /// servers without the stream answer so, and the next POST tells.
    pub fn to_listening(status: u16, content_type: Option<&str>) -> Self {
        match (status, content_type) {
            (204, _) => Self::NotOffered,
            (200..=299, Some(content_type)) if is_event_stream(content_type) => Self::EventStream,
            (200..=299 | 400 | 404..=406 | 410 | 501, _) => Self::NotOffered,
            (301 | 302 | 303 | 307 | 308, _) => Self::Redirect,
            _ => Self::of_status(status),
        }
    }

    /// What the answer to the GET that resumes a stream means (R-SH-33, R-SH-36). [`Answer::Conflict`] and
    /// [`Answer::RetryLater`] are worth another attempt; all others but the event stream mean that the reply is lost.
    pub fn to_resumption(status: u16, content_type: Option<&str>, carried: Carried) -> Self {
        match status {
            404 | 410 if carried == Carried::Session => Self::SessionGone,
            _ => Self::to_listening(status, content_type),
        }
    }

    /// Whether the answer to a DELETE says that the session is over. A client that is leaving ignores it otherwise (R-SH-55).
    pub fn ends_session(status: u16) -> bool {
        matches!(status, 200..=299 | 404 | 410)
    }

    fn of_status(status: u16) -> Self {
        match status {
            401 => Self::Unauthorized,
            // 421 is how Python's server refuses a `Host` (R-SSE-43).
            403 | 421 => Self::Forbidden,
            405 => Self::NotAllowed,
            409 => Self::Conflict,
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
            Self::NotOffered => "the server offers no stream",
            Self::Conflict => "the stream is open already",
            Self::TooLarge => "the message is too large for the server",
            Self::RetryLater => "the server is too busy",
            Self::Refused => "the server refuses the request",
            Self::Failed => "the server failed",
        })
    }
}

/// Whether a request of Streamable HTTP carried the id of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Carried {
    /// It did.
    Session,
    /// It did not: it opened a session, the server has none, or the revision knows none (R-SH-56).
    NoSession,
}

/// Whether the body of an answer to a POST may be a JSON-RPC error, to be read before the status is looked at (R-ST-32): the
/// media type is JSON and the status no success. Servers answer one and the same error with 200, 400 or 404.
///
/// Only an error under the id of the request answers it, and one without an id where nothing else was asked on this POST. A
/// session that is gone stays gone whatever the body says ([`Answer::SessionGone`]).
pub fn may_hold_error(status: u16, content_type: Option<&str>) -> bool {
    status >= 400 && content_type.is_some_and(is_json)
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
        for body in ["", "Could not parse message", "Invalid message: {\"session\":1}", "sessio", "\u{fffd}"] {
            assert_eq!(Answer::to_message(400, body.as_bytes()), Answer::Refused, "{body}");
        }
        assert_eq!(Answer::to_message(500, b"Session not found"), Answer::Failed);
    }

    /// R-SH-8, R-SH-9, R-SH-10, R-SH-51, R-SH-56, R-ST-14
    #[test]
    fn a_post_is_answered_by_json_by_a_stream_or_by_nothing() {
        let (json, stream, html) =
            (Some("application/json; charset=utf-8"), Some("Text/Event-Stream"), Some("text/html"));
        for (status, content_type, expected) in [
            (200, json, Answer::Json),
            (201, json, Answer::Json),
            (200, stream, Answer::EventStream),
            (200, html, Answer::OtherMediaType),
            (200, None, Answer::OtherMediaType),
            (202, None, Answer::Accepted),
            (202, json, Answer::Accepted), // a body where none should be is tolerated
            (204, None, Answer::Accepted),
            (302, None, Answer::RedirectAsGet),
            (307, None, Answer::Redirect),
            (400, json, Answer::Refused),
            (401, json, Answer::Unauthorized),
            (403, None, Answer::Forbidden),
            (405, html, Answer::NotAllowed),
            (409, json, Answer::Conflict),
            (413, None, Answer::TooLarge),
            (429, None, Answer::RetryLater),
            (503, None, Answer::RetryLater),
            (500, json, Answer::Failed),
            (500, stream, Answer::Failed),
            (100, None, Answer::Failed),
        ] {
            for carried in [Carried::Session, Carried::NoSession] {
                assert_eq!(Answer::to_post(status, content_type, carried), expected, "{status} {content_type:?}");
            }
        }
        for status in [404, 410] {
            assert_eq!(Answer::to_post(status, json, Carried::Session), Answer::SessionGone);
            assert_eq!(Answer::to_post(status, json, Carried::NoSession), Answer::NotFound);
        }
    }

    /// R-SH-21, R-SH-25, R-SH-28
    #[test]
    fn a_session_does_without_a_stream_that_is_not_offered() {
        let (json, stream) = (Some("application/json"), Some("text/event-stream"));
        assert_eq!(Answer::to_listening(200, stream), Answer::EventStream);
        for (status, content_type) in [
            (405, None),
            (400, json),
            (404, json),
            (410, None),
            (501, None),
            (406, None),
            (200, json),
            (200, None),
            (204, None),
        ] {
            assert_eq!(Answer::to_listening(status, content_type), Answer::NotOffered, "{status}");
        }
        assert_eq!(Answer::to_listening(409, json), Answer::Conflict);
        assert_eq!(Answer::to_listening(401, json), Answer::Unauthorized);
        assert_eq!(Answer::to_listening(503, None), Answer::RetryLater);
        assert_eq!(Answer::to_listening(500, None), Answer::Failed);
    }

    /// R-SH-36, R-SH-51
    #[test]
    fn a_stream_that_cannot_be_resumed_is_told_from_a_session_that_is_gone() {
        let resumption = |status| Answer::to_resumption(status, Some("application/json"), Carried::Session);
        assert_eq!(resumption(404), Answer::SessionGone);
        assert_eq!(resumption(409), Answer::Conflict);
        for status in [400, 405, 200] {
            assert_eq!(resumption(status), Answer::NotOffered, "{status}");
        }
        assert_eq!(Answer::to_resumption(404, None, Carried::NoSession), Answer::NotOffered);
    }

    /// R-SH-55
    #[test]
    fn a_session_is_over_when_the_server_says_so_or_does_not_know_it() {
        for (status, is_over) in
            [(200, true), (202, true), (204, true), (404, true), (405, false), (400, false), (500, false)]
        {
            assert_eq!(Answer::ends_session(status), is_over, "{status}");
        }
    }

    /// R-ST-32
    #[test]
    fn json_at_any_status_that_is_no_success_is_read_first() {
        for status in [400, 401, 403, 404, 405, 500, 503] {
            assert!(may_hold_error(status, Some("application/json;charset=utf-8")), "{status}");
            assert!(!may_hold_error(status, Some("text/plain")) && !may_hold_error(status, None), "{status}");
        }
        assert!(!may_hold_error(202, Some("application/json")));
    }
}
