//! What an `error` event of a plain stream says, and what it asks for.

use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Event, is_object};

/// How long a server that limits its clients is left alone when it does not say how long.
const RATE_LIMIT_WAIT: Duration = Duration::from_secs(60);
/// The longest that it can ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(60 * 60);

/// What a plain `error` event says. Untrusted text.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EventError {
    /// What it means here.
    pub kind: EventErrorKind,
    /// The code as it came.
    pub code: String,
    /// What it says.
    pub message: String,
}

/// What the code of an `error` event means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventErrorKind {
    /// `AUTHENTICATION_FAILED`: the credentials are not taken any more.
    AuthenticationFailed,
    /// `RATE_LIMITED`: the server wants to be left alone.
    RateLimited {
        /// For how long: what `retry_after` says, in seconds and at most an hour, else 60 s.
        wait: Duration,
    },
    /// Something else.
    Other,
}

impl Event {
    /// What a plain event that is called `error` says, in the form `{"event": "error", "error": {"code", "message"}}`.
    pub fn error(&self) -> Option<EventError> {
        self.0.member.as_deref().filter(|member| *member == "error")?;
        let outer: Outer<'_> = serde_json::from_slice(&self.0.data).ok()?;
        let error = outer.error.filter(|error| is_object(error.get().as_bytes()))?;
        let Said { code, message, retry_after } = serde_json::from_str(error.get()).ok()?;
        let code = code.map(text).unwrap_or_default();
        let kind = match code.as_str() {
            "AUTHENTICATION_FAILED" => EventErrorKind::AuthenticationFailed,
            "RATE_LIMITED" => EventErrorKind::RateLimited { wait: wait(retry_after.or(outer.retry_after)) },
            _ => EventErrorKind::Other,
        };
        Some(EventError { kind, code, message: message.map(text).unwrap_or_default() })
    }
}

/// A member of another type than expected spoils no other.
#[derive(Deserialize)]
struct Outer<'a> {
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    #[serde(borrow)]
    retry_after: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Said<'a> {
    #[serde(borrow)]
    code: Option<&'a RawValue>,
    #[serde(borrow)]
    message: Option<&'a RawValue>,
    #[serde(borrow)]
    retry_after: Option<&'a RawValue>,
}

/// A text, or the JSON that stands in its place.
fn text(json: &RawValue) -> String {
    serde_json::from_str(json.get()).unwrap_or_else(|_| json.get().to_owned())
}

/// How long a server that says so many seconds is left alone.
fn wait(seconds: Option<&RawValue>) -> Duration {
    // A number, or a text that is one, as `Retry-After` has it.
    let seconds = seconds.and_then(|seconds| text(seconds).trim().parse::<f64>().ok());
    let asked = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    match (asked, seconds) {
        (Some(asked), _) => asked.min(LONGEST_WAIT),
        // More seconds than a duration can hold.
        (None, Some(seconds)) if seconds > 0.0 => LONGEST_WAIT,
        _ => RATE_LIMIT_WAIT,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(data: &str) -> Event {
        Event::new("", "", data.as_bytes())
    }

    #[test]
    fn what_an_error_event_asks_for_is_typed() {
        let kind = |data: &str| plain(data).error().map(|error| error.kind);
        let limited = |seconds| Some(EventErrorKind::RateLimited { wait: Duration::from_secs(seconds) });
        for (error, wait) in [
            (r#""error":{"code":"RATE_LIMITED","message":"slow down"}"#, 60),
            (r#""error":{"code":"RATE_LIMITED","retry_after":5}"#, 5),
            (r#""error":{"code":"RATE_LIMITED"},"retry_after":7"#, 7),
            (r#""error":{"code":"RATE_LIMITED","message":[],"retry_after":"8.0"}"#, 8),
            (r#""error":{"code":"RATE_LIMITED","retry_after":"soon"}"#, 60),
            (r#""error":{"code":"RATE_LIMITED","retry_after":"NaN"}"#, 60),
            (r#""error":{"code":"RATE_LIMITED","retry_after":"inf"}"#, 3600),
            (r#""error":{"code":"RATE_LIMITED","retry_after":1e9}"#, 3600),
            (r#""error":{"code":"RATE_LIMITED","retry_after":1e300}"#, 3600),
            (r#""error":{"code":"RATE_LIMITED","retry_after":-1}"#, 60),
        ] {
            assert_eq!(kind(&format!(r#"{{"event":"error",{error}}}"#)), limited(wait), "{error}");
        }
        let refused = plain(r#"{"event":"error","error":{"code":"AUTHENTICATION_FAILED","message":"expired"}}"#);
        let refused = refused.error().unwrap();
        assert_eq!((refused.kind, &*refused.message), (EventErrorKind::AuthenticationFailed, "expired"));
        assert_eq!(kind(r#"{"event":"error","error":{"code":17}}"#), Some(EventErrorKind::Other));
        assert_eq!(kind(r#"{"event":"data","error":{"code":"RATE_LIMITED"}}"#), None);
        assert_eq!(kind(r#"{"event":"error","error":"x"}"#), None);
    }
}
