//! HTTP+SSE: a GET opens a session and its stream, posts speak to it, the end of either is that of both (R-SSE-2, R-SSE-37).

use alloc::boxed::Box;
use alloc::string::ToString;

use mcp_core::jsonrpc::{self, DecodeError, ErrorId, ErrorObject, Message, Payload};
use mcp_core::session::{ServerEvent, ServerSession};
use mcp_core::sse;
use mcp_core::time::Instant;

use super::Engine;
use super::admission::{Answer, token};
use super::exchange::Owner;
use super::outbox::EventOutbox;
use crate::conn::{Phase, Terms};
use crate::http1::stream::write_event_stream_head;
use crate::http1::{Delimiter, Response, Status};
use crate::parts::HttpSse;
use crate::service::{Origin, Outcome, WhenBusy};
use crate::sessions::{Carrier, Secret, Session};
use crate::slab::Key;

impl Engine {
    /// Makes a connection the stream of a new session. The `endpoint` event comes first and once (R-SSE-23).
    pub(super) fn open_stream(
        &mut self,
        key: Key,
        now: Instant,
        terms: &Terms,
        credential: Option<Box<[u8]>>,
        part: HttpSse,
    ) {
        if self.sessions.len() >= self.config.limits.sessions {
            let answer = Answer::busy("the server has as many sessions as `limits.sessions` allows");
            return self.answer(key, now, terms, &answer);
        }
        let mut secret = Secret::default();
        if !(self.entropy)(&mut secret) {
            log::error!("no random bits for a session");
            let answer = Answer::busy("the system has no random bits for a session");
            return self.answer(key, now, terms, &answer);
        }
        let carrier = Carrier::Stream(key, part);
        let session = self.sessions.open(now, ServerSession::new(), carrier, secret, credential.as_deref());
        log::debug!("session {} open", session.slot);
        let Some(conn) = self.conns.get_mut(key) else { return };
        let out = conn.writer(&mut self.buffers);
        write_event_stream_head(out, &[terms.cors.as_deref().unwrap_or_default()], Delimiter::Close);
        let mark = sse::begin(out, "endpoint");
        // A path and not a URL: proxies change scheme and host (R-SSE-21).
        out.extend_from_slice(self.config.public_prefix.as_bytes());
        out.extend_from_slice(self.config.message_path.as_bytes());
        out.extend_from_slice(b"?sessionId=");
        self.sessions.write_token(session, out);
        sse::finish(out, mark);
        self.enter(key, now, Phase::Stream(session, part));
        self.touch(key);
    }

    /// One POST to a session: accepted with 202, or refused before anything came of it (R-SSE-29, R-SSE-52).
    pub(super) fn message(&mut self, key: Key, now: Instant, session: Key, terms: &Terms, body: &[u8]) {
        let Some(row) = self.sessions.get_mut(session) else {
            // It ended while the body came.
            let answer = Answer::new(Status::NotFound, "there is no such session; it ended with its event stream");
            return self.answer(key, now, terms, &answer);
        };
        row.active = now;
        let batches = row.state.version().allows_batches();
        let payload = match jsonrpc::decode(body, &self.config.messages) {
            Ok(Payload::Batch(_)) if !batches => {
                let error = ErrorObject::new(jsonrpc::code::INVALID_REQUEST, "this revision has no batches");
                return self.respond_error(key, now, terms, Status::BadRequest, &ErrorId::Null, &error);
            }
            Ok(payload) => payload,
            Err(fault) => {
                let error = ErrorObject::new(fault.code(), fault.to_string());
                return self.respond_error(key, now, terms, Status::BadRequest, &fault.id, &error);
            }
        };
        let accepted = match payload {
            Payload::Message(message) => self.handle(session, now, message, WhenBusy::Refuse) != Outcome::Busy,
            Payload::Batch(batch) => {
                batch.into_iter().for_each(|message| self.handle_in_batch(session, now, message));
                true
            }
        };
        // Sent before the event, though made after it: the client waits for this before it looks at the stream.
        if accepted {
            self.respond(key, now, terms, Response::text(Status::Accepted, "Accepted", terms.persistence));
        } else {
            // R-SSE-49: refused here rather than queued without end.
            self.answer(
                key,
                now,
                terms,
                &Answer::busy("all workers are taken and the queue is full; the setting `workers` sizes both"),
            );
        }
        self.after_output(session, now);
    }

    /// One message of a batch. The others are accepted, so it is answered even if it cannot be read or carried out; notifications
    /// and responses never are (R-LM-7).
    fn handle_in_batch(&mut self, key: Key, now: Instant, message: Result<Message<'_>, DecodeError<'_>>) {
        match message {
            Ok(message) => drop(self.handle(key, now, message, WhenBusy::Answer)),
            Err(fault) => {
                let Some(id) = fault.answer_id() else { return log::debug!("message ignored: {fault}") };
                let error = ErrorObject::new(fault.code(), fault.to_string());
                let conn = self.sessions.get(key).and_then(|session| self.conns.get_mut(session.stream()?));
                let Some(conn) = conn else { return };
                EventOutbox::new(conn.writer(&mut self.buffers)).event(|out| jsonrpc::write_error(out, &id, &error));
            }
        }
    }

    /// One message of a client. What it brings about at once is in the output of the stream afterwards.
    fn handle(&mut self, key: Key, now: Instant, message: Message<'_>, when_busy: WhenBusy) -> Outcome {
        let Some(Session { state, carrier: Carrier::Stream(conn, _), credential, .. }) = self.sessions.get_mut(key)
        else {
            return Outcome::Answered;
        };
        let Some(conn) = self.conns.get_mut(*conn) else { return Outcome::Answered };
        let mut outbox = EventOutbox::new(conn.writer(&mut self.buffers));
        let event =
            outbox.event(|out| state.handle_message(&self.service.profile(), &self.config.messages, message, out));
        let number = Owner::Session(key).to_bits();
        #[cfg(feature = "std")]
        self.service.heard(state, number, &event);
        match event {
            ServerEvent::Request { key: request, method, params } => {
                let credential = credential.as_deref().map(token);
                let origin = Origin { when_busy, credential, ..Origin::new(number, request, now) };
                return self.service.handle(state, &origin, method, params, &mut outbox);
            }
            ServerEvent::Cancelled { key: request, .. } => {
                self.service.cancelled(state, number, request, &mut outbox);
            }
            ServerEvent::Reply { ask, outcome } => {
                let credential = credential.clone();
                self.take_reply(key, now, ask, outcome, credential.as_deref().map(token));
            }
            ServerEvent::Ignored(why) => log::debug!("message ignored: {why}"),
            _ => {}
        }
        Outcome::Answered
    }

    /// To be called when something may have been written to the stream of a session.
    pub(super) fn after_output(&mut self, key: Key, now: Instant) {
        let Some(conn) = self.sessions.get(key).and_then(Session::stream) else { return };
        self.stream_grew(conn, now);
        if self.stopping.is_some() && self.sessions.get(key).is_some_and(|session| session.state.in_flight() == 0) {
            return self.end_session(key, now);
        }
        // A handshake or a call that is over may have been all that kept the session from expiring soon.
        self.arm(conn);
    }

    /// Ends a session in order: what is written is still sent.
    pub(super) fn end_session(&mut self, key: Key, now: Instant) {
        if let Some(conn) = self.forget_session(key, now) {
            self.enter(conn, now, Phase::Ending);
        }
    }

    /// Ends a session whose client does not read.
    pub(super) fn drop_session(&mut self, key: Key, now: Instant) {
        if let Some(conn) = self.forget_session(key, now) {
            self.enter(conn, now, Phase::Dead);
        }
    }

    /// Drops connections whose peers do not read until what waits in all is within its bound. Those with most to read go
    /// first: it takes few of them, and a peer that is behind by an event or two is none of them.
    pub(super) fn shed(&mut self, now: Instant) {
        while self.unsent > self.config.limits.unsent_bytes {
            let stalled =
                |key: &Key| self.conns.get(*key).filter(|conn| conn.stalled.is_some()).map(|conn| conn.counted);
            let Some(key) = self.conns.keys().filter(|key| stalled(key).is_some()).max_by_key(stalled) else {
                // All of it is new; who does not take it will have stalled by the next look.
                return;
            };
            log::info!(
                "a connection dropped: its peer does not read, and more waits in all than `unsent_bytes` allows"
            );
            self.detach(key, now);
            self.enter(key, now, Phase::Dead);
        }
    }

    /// Removes a session and cancels its requests in flight. Gives the connection of its one stream, over HTTP+SSE; those of
    /// Streamable HTTP end here.
    pub(super) fn forget_session(&mut self, key: Key, now: Instant) -> Option<Key> {
        let mut session = self.sessions.remove(key)?;
        for request in session.state.close() {
            self.service.cancel(Owner::Session(key).to_bits(), request);
        }
        #[cfg(feature = "std")]
        self.service.session_ended(Owner::Session(key).to_bits());
        log::debug!("session {} over", key.slot);
        match session.carrier {
            Carrier::Stream(conn, _) => Some(conn),
            Carrier::Streams(mut streams) => {
                streams.replay.forget(|_| true, &mut self.replayed);
                for (_, row) in streams.calls {
                    self.end_unanswered(row, now);
                }
                if let Some(conn) = streams.listener.conn {
                    self.enter(conn, now, Phase::Ending);
                }
                None
            }
        }
    }
}
