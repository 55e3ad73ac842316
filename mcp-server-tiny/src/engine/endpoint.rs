//! The one endpoint of Streamable HTTP, for both of its eras: what a POST, a GET or a DELETE is (R-SH-1, R-ST-1).
//!
//! The body of a POST decides which era it belongs to: a request that claims a revision in its `_meta` stands alone, everything
//! else belongs to a session or opens one.

use alloc::vec::Vec;

use mcp_core::http::session::{Refused, check_get_accept, check_post_accept, version_of};
use mcp_core::http::stateless::{needs_claim, status_of};
use mcp_core::http::{Field, accepts_event_stream, accepts_json, is_json};
use mcp_core::jsonrpc::{self, ErrorId, ErrorObject, Message, Payload};
use mcp_core::revision::ProtocolVersion;
use mcp_core::session::{Claim, ClaimFault};
use mcp_core::time::Instant;
use mcp_core::types::Method as McpMethod;
use serde_json::value::RawValue;

use super::Engine;
use super::admission::{Answer, Verdict};
use super::answer::{Statuses, Writing};
use super::replay::EventId;
use crate::config::{Carriers, Config};
use crate::conn::Terms;
use crate::http1::{Framing, Head, Method, Response, Status};
use crate::sessions::CarrierKind;
use crate::slab::Key;

/// A POST whose body is complete.
pub(super) struct Post<'p, 'a> {
    /// Its connection.
    pub(super) conn: Key,
    pub(super) now: Instant,
    pub(super) terms: &'p Terms,
    pub(super) head: &'p Head<'p, 'a>,
}

impl Engine {
    /// Judges a request to the endpoint by its head.
    pub(super) fn admit_at_endpoint(&self, head: &Head<'_, '_>) -> Result<Verdict, Answer> {
        match head.method {
            Method::Post => {
                // Requiring JSON makes browsers ask first (R-SEC-6).
                let is_usual = head.content_type == Some(b"application/json");
                let is_json = |value| core::str::from_utf8(value).is_ok_and(is_json);
                if !is_usual && !head.content_type.is_some_and(is_json) {
                    return Err(Answer::of_refusal(Refused::MediaType));
                }
                if !accepts_both(head) {
                    return Err(Answer::of_refusal(Refused::NotAcceptable));
                }
                Ok(Verdict::Post)
            }
            // A client of the stateless revision has no use for the others (R-ST-29).
            Method::Get | Method::Delete if self.config.carriers.sessions && !needs_claim(head.protocol_version) => {
                // It could be a request in disguise: what follows a GET may wait until the stream is over.
                if head.framing != Framing::None {
                    return Err(Answer::new(Status::BadRequest, "a GET or DELETE of the endpoint has no body"));
                }
                let session = self.session_of(head).map_err(Answer::of_refusal)?;
                if head.method == Method::Delete {
                    return Ok(Verdict::EndSession(session));
                }
                let Some(part) = self.config.carriers.listening else {
                    return Err(Answer::of_refusal(Refused::Method).with(allowed(&self.config).0));
                };
                if !head.accepts(|accept| check_get_accept(accept).is_ok()) {
                    return Err(Answer::of_refusal(Refused::NotAcceptable));
                }
                match head.last_event_id {
                    Field::Absent => Ok(Verdict::Listen(session, None, part)),
                    Field::Once(id) => match EventId::parse(part, id) {
                        Some(id) => Ok(Verdict::Listen(session, Some(id), part)),
                        None => Err(Answer::of_refusal(Refused::EventUnknown)),
                    },
                    Field::Repeated => Err(Answer::of_refusal(Refused::EventUnknown)),
                }
            }
            _ => Err(Answer::of_refusal(Refused::Method).with(allowed(&self.config).0)),
        }
    }

    /// The session that a request names (R-SH-48 to R-SH-50), when its version header is one that is served (R-SH-60).
    pub(super) fn session_of(&self, head: &Head<'_, '_>) -> Result<Key, Refused> {
        let Field::Once(token) = head.session_id else { return Err(Refused::SessionMissing) };
        let found = self.sessions.find(token, head.authorization, CarrierKind::Streams);
        let key = found.map_err(|_| Refused::SessionUnknown)?;
        let negotiated = self.sessions.get(key).map(|session| session.state.version());
        version_of(head.protocol_version, negotiated, &ProtocolVersion::WITH_HANDSHAKE)?;
        Ok(key)
    }

    /// A POST with its body.
    pub(super) fn post(&mut self, conn: Key, now: Instant, terms: &Terms, head: &Head<'_, '_>, body: &[u8]) {
        let post = Post { conn, now, terms, head };
        let payload = match jsonrpc::decode(body, &self.config.messages) {
            Ok(payload) => payload,
            Err(fault) => {
                let error = ErrorObject::new(fault.code(), alloc::string::ToString::to_string(&fault));
                return self.reject(&post, &fault.id, &error);
            }
        };
        let Payload::Message(message) = payload else { return self.session_post(&post, payload) };
        match &message {
            Message::Request(request) => match Claim::of(request.params) {
                Ok(Some(claim)) if self.config.carriers.stateless => self.stateless(&post, request, &claim),
                Ok(None) if self.has_to_claim(head, &request.method) => {
                    self.reject(&post, &request.id.as_borrowed().into(), &ClaimFault::NoVersion.error());
                }
                Ok(_) if request.method == McpMethod::Initialize.name() => self.initialize(&post, message),
                Ok(_) => self.session_post(&post, Payload::Message(message)),
                Err(fault) => self.reject(&post, &request.id.as_borrowed().into(), &fault.error()),
            },
            // None means anything there (R-ST-12, R-ST-13).
            Message::Notification(notification)
                if head.session_id == Field::Absent && self.stands_alone(head, notification.params) =>
            {
                self.accept_post(&post);
            }
            _ => self.session_post(&post, Payload::Message(message)),
        }
    }

    /// Whether a request without a claim should have one: its header says so, its method exists nowhere else, or nothing else
    /// is served.
    fn has_to_claim(&self, head: &Head<'_, '_>, method: &str) -> bool {
        let is_new = || {
            let known = McpMethod::from_name(method);
            known.is_some_and(|method| {
                !ProtocolVersion::WITH_HANDSHAKE.into_iter().any(|version| method.exists_in(version))
            })
        };
        let only_initialize_helps = || !self.config.carriers.sessions && method != McpMethod::Initialize.name();
        self.config.carriers.stateless && (needs_claim(head.protocol_version) || is_new() || only_initialize_helps())
    }

    /// Whether a notification without a session is one of the stateless era.
    fn stands_alone(&self, head: &Head<'_, '_>, params: Option<&RawValue>) -> bool {
        let claims = || !matches!(Claim::of(params), Ok(None));
        self.config.carriers.stateless
            && (needs_claim(head.protocol_version) || !self.config.carriers.sessions || claims())
    }

    /// 202 without a body: the messages were notifications or responses (R-SH-8, R-ST-22).
    pub(super) fn accept_post(&mut self, post: &Post<'_, '_>) {
        let response = Response::text(Status::Accepted, "", post.terms.persistence);
        self.respond(post.conn, post.now, post.terms, response);
    }

    /// Answers with a JSON-RPC error and the status for it: what was posted is no request that is served.
    pub(super) fn reject(&mut self, post: &Post<'_, '_>, id: &ErrorId<'_>, error: &ErrorObject<'_>) {
        let status = Status::from_code(status_of(error.code)).unwrap_or(Status::Ok);
        self.reject_with(post, status, id, error);
    }

    pub(super) fn reject_with(
        &mut self,
        post: &Post<'_, '_>,
        status: Status,
        id: &ErrorId<'_>,
        error: &ErrorObject<'_>,
    ) {
        self.respond_error(post.conn, post.now, post.terms, status, id, error);
    }

    /// Answers with a status and a JSON-RPC error as its body: readable by programs and people.
    pub(super) fn respond_error(
        &mut self,
        conn: Key,
        now: Instant,
        terms: &Terms,
        status: Status,
        id: &ErrorId<'_>,
        error: &ErrorObject<'_>,
    ) {
        log::debug!("message refused: {}", error.message);
        let mut body = Vec::new();
        jsonrpc::write_error(&mut body, id, error);
        let fields = if status == Status::ServiceUnavailable { "Retry-After: 1\r\n" } else { "" };
        let response = Response {
            content_type: "application/json",
            body: &body,
            fields,
            ..Response::text(status, "", terms.persistence)
        };
        self.respond(conn, now, terms, response);
    }

    /// Refuses what was posted, without reading on (R-SH, section J).
    pub(super) fn refuse_post(&mut self, post: &Post<'_, '_>, id: &ErrorId<'_>, refused: Refused) {
        let error = refused.error();
        self.reject_with(post, status(refused), id, &error.as_object());
    }

    /// An answer to `requests` requests, of which nothing is written yet.
    pub(super) fn writing(&self, statuses: Statuses, requests: u32) -> Writing {
        Writing::new(self.config.sole, statuses, requests)
    }
}

/// What the endpoint serves, for `Allow`.
pub(super) fn allowed(config: &Config) -> (&'static str, &'static str) {
    use mcp_core::http::session::{ALLOWED, ALLOWED_STATELESS};
    match config.carriers {
        Carriers { sessions: false, .. } => ("Allow: POST\r\n", ALLOWED_STATELESS),
        Carriers { listening: None, .. } => ("Allow: POST, DELETE\r\n", "POST, DELETE"),
        _ => ("Allow: GET, POST, DELETE\r\n", ALLOWED),
    }
}

/// Whether the client reads both kinds of answers, by one `Accept` or by several lines of it.
fn accepts_both(head: &Head<'_, '_>) -> bool {
    // What official clients send is not taken apart each time.
    const USUAL: [&[u8]; 2] = [b"application/json, text/event-stream", b"application/json,text/event-stream"];
    head.field("Accept").is_some_and(|accept| USUAL.contains(&accept))
        || head.accepts(|accept| check_post_accept(accept).is_ok())
        || (head.accepts(accepts_json) && head.accepts(accepts_event_stream))
}

pub(super) fn status(refused: Refused) -> Status {
    Status::from_code(refused.status()).unwrap_or(Status::BadRequest)
}
