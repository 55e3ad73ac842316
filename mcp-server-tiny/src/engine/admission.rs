//! May this request be served, and what is it? Decided from its head alone, before its body is read and before anything
//! happens (R-SEC-1).

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use mcp_core::http::session::Refused;
use mcp_core::http::{cors, is_json, is_same_secret};
use mcp_core::jsonrpc::{self, ErrorId};

use super::Engine;
use super::endpoint::allowed;
use super::replay::EventId;
use crate::config::{Access, Config, trim_slash};
use crate::conn::Terms;
use crate::http1::{Head, Method, Status};
use crate::parts::{HttpSse, Listening};
use crate::sessions::{CarrierKind, TokenFault};
use crate::slab::Key;

/// What a request is.
#[derive(Debug)]
pub(super) enum Verdict {
    /// It opens an event stream; with the credential it came with.
    OpenStream(Option<Box<[u8]>>, HttpSse),
    /// Its body is a message to this session.
    Message(Key, HttpSse),
    /// Its body is a message to the endpoint of Streamable HTTP.
    Post,
    /// It opens a stream of this session, or goes on with the one on which an event was sent.
    Listen(Key, Option<EventId>, Listening),
    /// It ends this session.
    EndSession(Key),
    /// It is answered without more.
    Answer(Answer),
}

/// An answer that needs no body of the request.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: Status,
    /// Header lines.
    pub(super) fields: Cow<'static, str>,
    pub(super) content_type: &'static str,
    pub(super) text: Cow<'static, str>,
}

impl Answer {
    pub(super) fn new(status: Status, text: impl Into<Cow<'static, str>>) -> Self {
        Self { status, fields: Cow::Borrowed(""), content_type: TEXT, text: text.into() }
    }

    /// A refusal at the endpoint of Streamable HTTP, with a JSON-RPC error as its body (R-SH, section J).
    pub(super) fn of_refusal(refused: Refused) -> Self {
        let mut body = Vec::new();
        jsonrpc::write_error(&mut body, &ErrorId::Null, &refused.error().as_object());
        let status = Status::from_code(refused.status()).unwrap_or(Status::BadRequest);
        let fields = if status == Status::ServiceUnavailable { "Retry-After: 1\r\n" } else { "" };
        // JSON is UTF-8.
        let text = String::from_utf8(body).unwrap_or_default();
        Self { content_type: "application/json", ..Self::new(status, text) }.with(fields)
    }

    pub(super) fn with(self, fields: &'static str) -> Self {
        Self { fields: Cow::Borrowed(fields), ..self }
    }

    /// 503 with the time after which another attempt makes sense.
    pub(super) fn busy(text: &'static str) -> Self {
        Self::new(Status::ServiceUnavailable, text).with("Retry-After: 1\r\n")
    }
}

const TEXT: &str = "text/plain; charset=utf-8";

/// The resources: two of HTTP+SSE, and the endpoint of Streamable HTTP.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Resource {
    Endpoint,
    Stream(HttpSse),
    Messages(HttpSse),
}

impl Engine {
    /// Judges a request by its head.
    pub(super) fn judge(&self, head: &Head<'_, '_>) -> (Terms, Verdict) {
        let mut terms = Terms { persistence: head.persistence, head_only: head.method == Method::Head, cors: None };
        let verdict = match check_source(&self.access, head) {
            Err(answer) => Err(answer),
            Ok(origin) => {
                terms.cors = origin.map(|origin| lines(|put| cors::answer_headers(origin, put)));
                self.admit(head, origin)
            }
        };
        if matches!(&verdict, Err(answer) if answer.status == Status::NoContent) {
            // A preflight's answer has lines of its own.
            terms.cors = None;
        }
        (terms, verdict.unwrap_or_else(Verdict::Answer))
    }

    fn admit(&self, head: &Head<'_, '_>, origin: Option<&str>) -> Result<Verdict, Answer> {
        let resource = resource(&self.config, head.path).ok_or_else(|| {
            Answer::new(Status::NotFound, "there is nothing at this path; the setting `paths` names them")
        })?;
        let (wanted, allow, methods) = match resource {
            Resource::Endpoint => {
                let (allow, methods) = allowed(&self.config);
                (None, allow, methods)
            }
            Resource::Stream(_) => (Some(Method::Get), "Allow: GET\r\n", "GET"),
            Resource::Messages(_) => (Some(Method::Post), "Allow: POST\r\n", "POST"),
        };
        if let (Method::Options, Some(origin), Some(_)) = (head.method, origin, head.preflight_method) {
            let asked = head.field("Access-Control-Request-Headers").and_then(|value| core::str::from_utf8(value).ok());
            let lines = lines(|put| cors::preflight_headers(origin, methods, asked, put));
            return Err(Answer { fields: Cow::Owned(lines.into()), ..Answer::new(Status::NoContent, "") });
        }
        if wanted.is_some_and(|wanted| head.method != wanted) {
            let text = format!("only {methods} is served here");
            return Err(Answer::new(Status::MethodNotAllowed, text).with(allow));
        }
        self.check_token(head)?;
        match resource {
            Resource::Endpoint => self.admit_at_endpoint(head),
            Resource::Stream(part) => Ok(Verdict::OpenStream(head.authorization.map(Box::from), part)),
            Resource::Messages(part) => self.admit_message(head).map(|session| Verdict::Message(session, part)),
        }
    }

    /// R-SSE-7: one of the configured tokens, compared with all of them in constant time each.
    fn check_token(&self, head: &Head<'_, '_>) -> Result<(), Answer> {
        let tokens = &self.config.bearer_tokens;
        if tokens.is_empty() {
            return Ok(());
        }
        let sent = head.authorization.and_then(bearer).unwrap_or_default();
        let known = tokens.iter().fold(false, |known, token| known | is_same_secret(token.as_bytes(), sent));
        if known {
            return Ok(());
        }
        let answer =
            Answer::new(Status::Unauthorized, "a bearer token is needed; the setting `bearer` names those accepted");
        Err(answer.with("WWW-Authenticate: Bearer\r\n"))
    }

    fn admit_message(&self, head: &Head<'_, '_>) -> Result<Key, Answer> {
        let Some(token) = head.query.and_then(session_id) else {
            return Err(Answer::new(
                Status::BadRequest,
                "`sessionId` is missing from the query; post to the URI of the `endpoint` event",
            ));
        };
        let key =
            self.sessions.find(token.as_bytes(), head.authorization, CarrierKind::Stream).map_err(
                |fault| match fault {
                    TokenFault::Malformed => Answer::new(Status::BadRequest, "`sessionId` is malformed"),
                    TokenFault::Unknown => {
                        Answer::new(Status::NotFound, "there is no such session; it ended with its event stream")
                    }
                },
            )?;
        // Requiring JSON makes browsers ask first (R-SEC-6).
        if !head.content_type.and_then(|value| core::str::from_utf8(value).ok()).is_some_and(is_json) {
            return Err(Answer::new(Status::UnsupportedMediaType, "the content type of a message is application/json"));
        }
        let backlog = self
            .sessions
            .get(key)
            .and_then(|session| self.conns.get(session.stream()?))
            .map_or(0, |conn| conn.unsent().len());
        if backlog >= self.config.limits.output_bytes / 2 {
            return Err(Answer::busy(
                "the event stream of this session is not being read; `output_bytes` bounds what waits",
            ));
        }
        Ok(key)
    }
}

/// `Host` and `Origin` (R-SSE-5, R-SSE-43). Gives the origin of a page that may use the server.
fn check_source<'a>(access: &Access, head: &Head<'_, 'a>) -> Result<Option<&'a str>, Answer> {
    let refused = |refusal: mcp_core::http::Refusal| Answer::new(Status::Forbidden, refusal.to_string());
    access.hosts.check(head.host).map_err(refused)?;
    access.origins.check(head.origin).map_err(refused)
}

/// With and without the public prefix, with and without a slash at the end (R-SSE-22, R-SSE-50).
fn resource(config: &Config, path: &str) -> Option<Resource> {
    let at = |path: &str| {
        let path = trim_slash(path);
        let is = |own: &str| path == trim_slash(own);
        if config.carriers.streamable_http() && is(&config.mcp_path) {
            return Some(Resource::Endpoint);
        }
        let part = config.carriers.http_sse?;
        if is(&config.message_path) {
            return Some(Resource::Messages(part));
        }
        is(&config.sse_path).then_some(Resource::Stream(part))
    };
    at(path).or_else(|| {
        let inner = path.strip_prefix(config.public_prefix.as_str())?;
        if config.public_prefix.is_empty() { None } else { at(inner) }
    })
}

/// What a request authenticates with: its token, or whatever else it sends as `Authorization`.
pub(super) fn token(authorization: &[u8]) -> &[u8] {
    bearer(authorization).unwrap_or(authorization)
}

/// The token of `Bearer <token>`; the scheme in any case.
fn bearer(authorization: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = authorization.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii())
}

fn session_id(query: &str) -> Option<&str> {
    query.split('&').find_map(|pair| pair.strip_prefix("sessionId=")).filter(|token| !token.is_empty())
}

/// The header lines that `write` puts.
fn lines(write: impl FnOnce(&mut dyn FnMut(&'static str, &str))) -> Box<str> {
    let mut lines = String::new();
    write(&mut |name, value| {
        for part in [name, ": ", value, "\r\n"] {
            lines.push_str(part);
        }
    });
    lines.into_boxed_str()
}
