//! Streamable HTTP with sessions (2025-03-26 to 2025-11-25): what is posted to one, and how it begins and ends (R-SH, sections B,
//! C and H).

use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::vec::Vec;

use mcp_core::http::session::Refused;
use mcp_core::http::stateless::UnsupportedVersion;
use mcp_core::jsonrpc::{self, ErrorId, ErrorObject, Message, Payload, code};
use mcp_core::session::{AskKey, Phase as Lifecycle, RequestKey, ServerEvent, ServerSession};
use mcp_core::time::Instant;
use serde_json::value::RawValue;

use super::Engine;
use super::admission::token;
use super::answer::{AnswerOutbox, Statuses, Writing, error_code};
use super::endpoint::Post;
use super::exchange::{Asked, Owner, remember};
use crate::conn::Terms;
use crate::http1::{Response, Status};
use crate::service::{Kind, Origin, Outbox, Outcome, WhenBusy};
use crate::sessions::{Carrier, Secret, Session};
use crate::slab::Key;

/// What came of one message.
enum Done<'m> {
    /// Nothing more is to come of it.
    Over,
    /// Its answer comes later.
    Later(RequestKey),
    /// There is no worker for it.
    Busy,
    /// A request that came before was given up.
    Cancelled(RequestKey),
    /// The client answered a question.
    Reply(AskKey, Result<&'m RawValue, ErrorObject<'m>>),
}

impl Engine {
    /// `initialize` without a session: opens one (R-SH-45). A handshake that fails leaves nothing behind.
    pub(super) fn initialize(&mut self, post: &Post<'_, '_>, message: Message<'_>) {
        let Message::Request(request) = &message else { return };
        let id = ErrorId::from(request.id.clone());
        if !self.config.carriers.sessions {
            // It names what is served instead (rule 9 of the negotiation).
            let error = UnsupportedVersion { supported: self.service.versions(), requested: "initialize" }.error();
            return self.reject(post, &id, &error.as_object());
        }
        if post.head.session_id != mcp_core::http::Field::Absent {
            return self.session_post(post, Payload::Message(message));
        }
        if self.sessions.len() >= self.config.limits.sessions && !self.make_room_for_session(post.now) {
            return self.refuse_post(post, &id, Refused::TooManySessions);
        }
        let mut state = ServerSession::new();
        let mut body = Vec::new();
        let _ = state.handle_message(&self.service.profile(), &self.config.messages, message, &mut body);
        let mut response = Response {
            content_type: "application/json",
            body: &body,
            ..Response::text(Status::Ok, "", post.terms.persistence)
        };
        if state.phase() == Lifecycle::New {
            response.status = Status::BadRequest;
            return self.respond(post.conn, post.now, post.terms, response);
        }
        let mut secret = Secret::default();
        if !(self.entropy)(&mut secret) {
            log::error!("no random bits for a session");
            let error = ErrorObject::new(code::INTERNAL_ERROR, "the system has no random bits for a session");
            return self.reject_with(post, Status::ServiceUnavailable, &id, &error);
        }
        // Sessions that are gone have left their deadlines behind.
        if self.session_timers.len() > 64 + 4 * self.sessions.len() {
            let sessions = &self.sessions;
            let armed = |key| sessions.get(key).and_then(Session::streams).map(|streams| streams.armed);
            self.session_timers.retain(|at, key| armed(key).is_some_and(|armed| armed.is(at)));
        }
        let carrier = Carrier::Streams(Box::default());
        let key = self.sessions.open(post.now, state, carrier, secret, post.head.authorization);
        log::debug!("session {} open", key.slot);
        self.arm_session(key);
        let Some(line) = self.sessions.get(key).map(|session| session.token(key).line()) else { return };
        response.fields = line.as_str();
        self.respond(post.conn, post.now, post.terms, response);
    }

    /// Whatever else is posted: it belongs to the session that its header names.
    pub(super) fn session_post(&mut self, post: &Post<'_, '_>, payload: Payload<'_>) {
        let id = match &payload {
            Payload::Message(Message::Request(request)) => request.id.clone().into(),
            _ => ErrorId::Null,
        };
        if !self.config.carriers.sessions {
            let error = ErrorObject::new(code::INVALID_REQUEST, "a POST is one request or notification here");
            return self.reject(post, &id, &error);
        }
        let key = match self.session_of(post.head) {
            Ok(key) => key,
            Err(refused) => return self.refuse_post(post, &id, refused),
        };
        self.note_receipt(post.conn, key);
        let Some(session) = self.sessions.get_mut(key) else { return };
        session.active = post.now;
        match payload {
            Payload::Message(message) => {
                let requests = u32::from(matches!(message, Message::Request(_)));
                self.session_messages(post, key, requests, &mut core::iter::once(Ok(message)));
            }
            Payload::Batch(_) if !session.state.version().allows_batches() => {
                let error = ErrorObject::new(code::INVALID_REQUEST, "this revision has no batches");
                self.reject(post, &id, &error);
            }
            Payload::Batch(batch) => {
                let messages: Vec<_> = batch.into_iter().collect();
                let wants_answer = |message: &&Result<Message<'_>, jsonrpc::DecodeError<'_>>| match message {
                    Ok(message) => matches!(message, Message::Request(_)),
                    Err(fault) => fault.answer_id().is_some(),
                };
                // At most `batch_messages`, which fits.
                let requests = messages.iter().filter(wants_answer).count() as u32;
                self.session_messages(post, key, requests, &mut messages.into_iter());
            }
        }
    }

    /// The messages of one POST, of which `requests` have to be answered.
    fn session_messages<'m>(
        &mut self,
        post: &Post<'_, '_>,
        key: Key,
        requests: u32,
        messages: &mut dyn Iterator<Item = Result<Message<'m>, jsonrpc::DecodeError<'m>>>,
    ) {
        let mut writing = self.writing(Statuses::Ok, requests);
        let when_busy = if requests > 1 { WhenBusy::Answer } else { WhenBusy::Refuse };
        let (mut cancelled, mut later, mut busy) = (Vec::new(), Vec::new(), None);
        for message in messages {
            let Some(session) = self.sessions.get_mut(key) else { return };
            let Some((state, memory)) = remember(key, session, &self.config, &mut self.replayed) else { return };
            let Some(conn) = self.conns.get_mut(post.conn) else { return };
            let out = conn.writer(&mut self.buffers);
            let mut outbox =
                AnswerOutbox { out, writing: &mut writing, terms: post.terms, memory: Some(memory), now: post.now };
            let message = match message {
                Ok(message) => message,
                Err(fault) => {
                    let Some(id) = fault.answer_id() else {
                        log::debug!("message ignored: {fault}");
                        continue;
                    };
                    let error = ErrorObject::new(fault.code(), fault.to_string());
                    outbox.message(Kind::Answer, &mut |out| {
                        jsonrpc::write_error(out, &id, &error);
                        true
                    });
                    continue;
                }
            };
            let id = match &message {
                Message::Request(request) => request.id.clone().into(),
                _ => ErrorId::Null,
            };
            let done = {
                let mut answer = core::mem::take(&mut self.scratch);
                let event = state.handle_message(&self.service.profile(), &self.config.messages, message, &mut answer);
                if !answer.is_empty() {
                    // All that a session refuses with this code: its client asks more at a time than `requests_in_flight` allows.
                    if requests == 1 && error_code(&answer) == Some(code::INTERNAL_ERROR) {
                        outbox.writing.statuses = Statuses::TooManyRequests;
                    }
                    outbox.message(Kind::Answer, &mut |out| {
                        out.extend_from_slice(&answer);
                        true
                    });
                    answer.clear();
                }
                self.scratch = answer;
                #[cfg(feature = "std")]
                self.service.heard(state, Owner::Session(key).to_bits(), &event);
                match event {
                    ServerEvent::Request { key: request, method, params } => {
                        let session = Owner::Session(key).to_bits();
                        let credential = post.head.authorization.map(token);
                        let origin = Origin { when_busy, credential, ..Origin::new(session, request, post.now) };
                        match self.service.handle(state, &origin, method, params, &mut outbox) {
                            Outcome::Answered => Done::Over,
                            Outcome::Later => Done::Later(request),
                            Outcome::Busy => Done::Busy,
                        }
                    }
                    ServerEvent::Cancelled { key: request, .. } => Done::Cancelled(request),
                    ServerEvent::Reply { ask, outcome } => Done::Reply(ask, outcome),
                    ServerEvent::Ignored(why) => {
                        log::debug!("message ignored: {why}");
                        Done::Over
                    }
                    _ => Done::Over,
                }
            };
            match done {
                Done::Over => {}
                // The only request there is.
                Done::Busy => busy = Some(id),
                Done::Later(request) => later.push(request),
                Done::Cancelled(request) => cancelled.push(request),
                Done::Reply(ask, outcome) => {
                    self.take_reply(key, post.now, ask, outcome, post.head.authorization.map(token));
                }
            }
        }
        if let Some(id) = busy {
            let error = ErrorObject::new(code::INTERNAL_ERROR, "all workers are taken, try again later");
            self.reject_with(post, Status::ServiceUnavailable, &id, &error);
        } else if requests == 0 {
            self.accept_post(post);
        } else if writing.is_complete() {
            self.note_answered(post.conn, key, &writing);
            self.end_answer(post.conn, post.now, writing.persistence(post.terms));
        } else {
            let row = self.hold(post, writing, Asked::InSession(key));
            if later.is_empty() {
                self.end_unanswered(row, post.now);
            } else if let Some(streams) = self.sessions.get_mut(key).and_then(|session| session.streams_mut()) {
                streams.calls.extend(later.into_iter().map(|request| (request, row)));
            }
        }
        cancelled.into_iter().for_each(|request| self.give_up(key, request, post.now));
        self.arm_session(key);
    }

    /// The answer on a connection is complete, and was a stream that its client may want again.
    pub(super) fn note_answered(&mut self, conn: Key, session: Key, writing: &Writing) {
        let newest = writing.newest.filter(|_| !writing.awaited);
        if let (Some(newest), Some(conn)) = (newest, self.conns.get_mut(conn)) {
            conn.answered = Some((session, newest.stream));
        }
    }

    /// Who sends its next request on a connection has read the answer to the one before: nobody will ask for that again, and
    /// a busy server keeps little.
    fn note_receipt(&mut self, conn: Key, session: Key) {
        let Some(conn) = self.conns.get_mut(conn).filter(|conn| conn.unsent().is_empty()) else { return };
        let Some((_, stream)) = conn.answered.take().filter(|(of, _)| *of == session) else { return };
        if let Some(streams) = self.sessions.get_mut(session).and_then(Session::streams_mut) {
            streams.replay.forget_oldest(stream, &mut self.replayed);
        }
    }

    /// A client gave up a request: there will be no response (R-LM-78).
    fn give_up(&mut self, session: Key, request: RequestKey, now: Instant) {
        let number = Owner::Session(session).to_bits();
        self.for_request(session, request, now, |service, state, outbox| {
            service.cancelled(state, number, request, outbox);
        });
        let Some(streams) = self.sessions.get_mut(session).and_then(|session| session.streams_mut()) else { return };
        let Some(row) = streams.exchange(request) else { return };
        streams.calls.retain(|(key, _)| *key != request);
        let Some(exchange) = self.exchanges.get_mut(row) else { return };
        exchange.writing.unanswered = exchange.writing.unanswered.saturating_sub(1);
        if exchange.writing.unanswered == 0 {
            self.end_unanswered(row, now);
        }
    }

    /// Ends a session because its client says so (R-SH-52).
    pub(super) fn end_session_by(&mut self, conn: Key, now: Instant, terms: &Terms, session: Key) {
        self.end_session(session, now);
        self.respond(conn, now, terms, Response::text(Status::NoContent, "", terms.persistence));
    }

    /// Ends the session that nobody has used for longest, so that another can be opened; its client will open another itself
    /// when it comes back (R-SH-51). False when all are in use.
    fn make_room_for_session(&mut self, now: Instant) -> bool {
        let unused_since = |key: Key| {
            let session = self.sessions.get(key)?;
            let is_unused = !self.is_attended(session.streams()?) && now.since(session.active) >= EVICTABLE_AFTER;
            is_unused.then_some((session.active, key))
        };
        let Some((_, key)) = self.sessions.keys().filter_map(unused_since).min() else { return false };
        log::info!("session {} ended to make room for another; `limits.sessions` bounds them", key.slot);
        self.end_session(key, now);
        true
    }
}

/// How long nobody uses a session before it may have to make room for another. 10 seconds: the client is not between its
/// handshake and its first request.
const EVICTABLE_AFTER: core::time::Duration = core::time::Duration::from_secs(10);
