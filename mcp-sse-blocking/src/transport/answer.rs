//! What is read of an answer beside its message: words for an error, and the rest of a body whose connection is to be used again.

use std::borrow::Cow;
use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use mcp_core::http::{Answer, headers, is_event_stream};
use mcp_core::text::Excerpt;
use mcp_core::time::{Cause, Deadline};
use serde::Deserialize;
use ureq::Body;
use ureq::http::Response;

use super::decode;
use super::exchange::{self, Bounds, Stop};
use crate::clock;
use crate::error::{Delivery, Error, PeerError, Status, status};

/// Bytes that are read of the body of an answer to a POST to keep its connection. 64 KiB: `Accepted` has 8.
const DISCARDED_BYTES: usize = 64 << 10;
/// How long that may take once the head has come: the message is taken over, only the connection is at stake.
const DISCARD_TIME: Duration = Duration::from_secs(1);
/// Bytes of a body that are shown in an error.
const EXCERPT_BYTES: usize = 512;

/// A header as text.
pub(super) fn text<'a>(response: &'a Response<Body>, name: &str) -> Option<&'a str> {
    response.headers().get(name)?.to_str().ok()
}

/// The answer to a GET is no event stream.
pub(super) fn not_a_stream(answer: Answer, mut response: Response<Body>, deadline: Option<Deadline>) -> Error {
    let media_type = text(&response, headers::CONTENT_TYPE).unwrap_or("no media type");
    let found = format!("{answer} ({})", Excerpt::new(media_type, 80));
    let excerpt = readable(&beginning(&mut response, deadline));
    PeerError::NotAnEventStream { found, excerpt }.into()
}

/// The answer to a POST carries no message.
pub(super) fn not_an_answer(mut response: Response<Body>, deadline: Option<Deadline>) -> Error {
    let media = text(&response, headers::CONTENT_TYPE).unwrap_or("no media type");
    let found = format!("a body that is neither an event stream nor JSON ({})", Excerpt::new(media, 80));
    let excerpt = readable(&beginning(&mut response, deadline));
    PeerError::NotAnAnswer { found, excerpt }.into()
}

/// How the server wants to be authenticated to.
pub(super) fn www_authenticate(response: &Response<Body>) -> Vec<String> {
    let values = response.headers().get_all(headers::WWW_AUTHENTICATE).into_iter();
    values.filter_map(|value| value.to_str().ok()).map(str::to_owned).collect()
}

/// What an answer that is no success means, for people.
pub(super) fn described(answer: Answer, response: &Response<Body>, excerpt: &[u8]) -> Status {
    let meaning = match answer {
        Answer::RedirectAsGet => "a redirect that would lose the message",
        Answer::SessionGone => "the server does not know the session",
        Answer::Unauthorized => "credentials are missing or wrong",
        Answer::Forbidden => "the server refuses this client, its origin or its host",
        Answer::NotFound => "there is nothing at this URL",
        Answer::NotAllowed => "the method is not allowed at this URL",
        Answer::NotOffered => "the server offers no stream",
        Answer::Conflict => "the server is at work on the same already",
        Answer::TooLarge => "the message is too large for the server",
        Answer::RetryLater => "the server is too busy",
        Answer::Refused => "the server refuses the request",
        _ => "the server failed",
    };
    let retry_after = text(response, headers::RETRY_AFTER);
    Status {
        code: response.status().as_u16(),
        meaning,
        excerpt: said(excerpt),
        www_authenticate: www_authenticate(response),
        wait: retry_after.and_then(|value| status::wait(value, text(response, "date"))),
        retry_after: retry_after.map(str::to_owned),
        delivery: response.extensions().get::<SentBefore>().map(|SentBefore| Delivery::Sent),
    }
}

/// What the body of a refusal says: the message of a JSON-RPC error or of `{"error": ...}`, else its beginning.
pub(crate) fn said(body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Refusal<'a> {
        #[serde(borrow)]
        error: Said<'a>,
        // That of OAuth (RFC 6750, section 3).
        #[serde(borrow, default)]
        error_description: Option<Cow<'a, str>>,
    }
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Said<'a> {
        Text(#[serde(borrow)] Cow<'a, str>),
        Object {
            #[serde(borrow)]
            message: Cow<'a, str>,
        },
    }
    match serde_json::from_slice(body) {
        Ok(Refusal { error: Said::Text(error), error_description: Some(description) }) => {
            readable(format!("{error}: {description}").as_bytes())
        }
        Ok(Refusal { error: Said::Text(text) | Said::Object { message: text }, .. }) => readable(text.as_bytes()),
        Err(_) => readable(body),
    }
}

/// Marks an answer to a request that had been sent before, on a connection that broke without an answer: what this answer says of
/// it, a refusal most of all, says nothing of what became of it then.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SentBefore;

/// The beginning of a body, as an error shows it.
pub(crate) fn readable(excerpt: &[u8]) -> String {
    Excerpt::new(String::from_utf8_lossy(excerpt).trim(), EXCERPT_BYTES).to_string()
}

/// The first bytes of a body, as far as they come soon.
pub(super) fn beginning(response: &mut Response<Body>, deadline: Option<Deadline>) -> Vec<u8> {
    let mut excerpt = Vec::new();
    let Some(body) = decode::refusal(response) else { return excerpt };
    let bounds = Bounds { deadline: Some(soon(deadline)), ..Bounds::default() };
    // Whatever goes wrong here, the status is what matters.
    let _ = exchange::run(bounds, || body.take(EXCERPT_BYTES as u64).read_to_end(&mut excerpt));
    excerpt
}

/// Reads the body of a success to its end, so that its connection can be used again; gives the connection up when the
/// body is long, slow or an event stream. Neither the deadline of the call nor its reply waits for that.
pub(super) fn discard(mut response: Response<Body>, deadline: Option<Deadline>, stop: Arc<dyn Stop>) {
    if response.body().content_length() == Some(0)
        || text(&response, headers::CONTENT_TYPE).is_some_and(is_event_stream)
    {
        return;
    }
    let mut body = response.body_mut().as_reader();
    let bounds = Bounds { deadline: Some(soon(deadline)), stop: Some(stop), ..Bounds::default() };
    let (_, _) = exchange::run(bounds, || {
        let mut scratch = [0; 1024];
        let mut discarded = 0;
        while discarded < DISCARDED_BYTES {
            match body.read(&mut scratch) {
                Ok(n) if n > 0 => discarded += n,
                _ => break,
            }
        }
    });
}

/// How long a body may be read that says nothing any more, within the deadline of its exchange.
pub(super) fn soon(deadline: Option<Deadline>) -> Deadline {
    let soon = Deadline::after(clock::now(), DISCARD_TIME, Cause::Response);
    deadline.filter(|deadline| deadline.at < soon.at).unwrap_or(soon)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_shown_by_its_message() {
        for (body, expected) in [
            (
                r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"Session \"x\" is gone"}}"#,
                "Session \"x\" is gone",
            ),
            (r#"{"error":"Method not found"}"#, "Method not found"),
            (r#"{"error":"invalid_token","error_description":"it expired"}"#, "invalid_token: it expired"),
            (r#"{"error":{"code":"RATE_LIMITED","message":"slow down\u001b[2J"}}"#, "slow down\u{fffd}[2J"),
            (r#"{"detail":"Not Found"}"#, r#"{"detail":"Not Found"}"#),
            (r#"{"error":7}"#, r#"{"error":7}"#),
            (r#"{"error":"cut"#, r#"{"error":"cut"#),
            (" not here \n", "not here"),
            ("", ""),
        ] {
            assert_eq!(said(body.as_bytes()), expected, "{body}");
        }
        let long = format!(r#"{{"error":"{}"}}"#, "x".repeat(10_000));
        assert!(said(long.as_bytes()).len() < EXCERPT_BYTES + 10, "it is cut");
    }
}
