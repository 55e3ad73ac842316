//! Requests over Streamable HTTP that are not answered at once: calls on workers, deferred ones, subscriptions.
//!
//! Each is a row that knows the connection its answer goes to and how far the answer is. In the stateless era the row is all
//! there is of the request, and ends with its connection (R-ST-35). In the handshake eras the request belongs to a session; it
//! goes on without the connection (R-SH-16), and its client may come back for the answer (R-SH-33).

use alloc::boxed::Box;
use alloc::vec::Vec;

use mcp_core::jsonrpc::ErrorObject;
use mcp_core::session::{AskKey, RequestKey, ServerSession};
use mcp_core::time::Instant;
use serde_json::value::RawValue;

use super::Engine;
use super::answer::{AnswerOutbox, Form, Memory, Writing, write_comment};
use super::endpoint::Post;
use super::outbox::EventOutbox;
use super::replay::Room;
use crate::config::Config;
use crate::conn::{Conn, Phase, Terms};
use crate::http1::Persistence;
use crate::parts::Listening;
use crate::service::{Origin, Outbox, Service};
use crate::sessions::{Carrier, Session, Streams};
use crate::slab::Key;
use crate::subscription::Listener;

/// One request, or batch of requests, whose answer is not complete.
#[derive(Debug)]
pub(crate) struct Exchange {
    /// The connection that carries the answer, if its client is still there.
    pub(super) conn: Option<Key>,
    pub(super) terms: Terms,
    pub(super) writing: Writing,
    pub(super) asked: Asked,
}

/// What was asked.
#[derive(Debug)]
pub(super) enum Asked {
    /// A request that stands alone.
    #[cfg_attr(not(feature = "std"), expect(dead_code, reason = "answers come later from other threads only"))]
    Alone(Box<ServerSession>, RequestKey),
    /// To be told of changes, by a request that stands alone.
    Subscription(Box<Listener>, Listening),
    /// Requests of this session.
    InSession(Key),
}

/// Who a request belongs to, as a number for the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    Session(Key),
    /// Nobody but itself: the row of its exchange, should it need one.
    Request(Key),
}

impl Owner {
    /// Keys use 63 bits.
    const REQUEST: u64 = 1 << 63;

    pub(super) fn to_bits(self) -> u64 {
        match self {
            Self::Session(key) => key.to_bits(),
            Self::Request(key) => key.to_bits() | Self::REQUEST,
        }
    }

    pub(super) fn from_bits(bits: u64) -> Self {
        let key = Key::from_bits(bits & !Self::REQUEST);
        if bits & Self::REQUEST == 0 { Self::Session(key) } else { Self::Request(key) }
    }
}

impl Engine {
    /// The answer to a request is complete: the connection goes on to the next one, or ends.
    pub(super) fn end_answer(&mut self, conn: Key, now: Instant, persistence: Persistence) {
        let limit = self.config.limits.output_bytes;
        let Some(row) = self.conns.get_mut(conn) else { return };
        let is_deaf = row.stalled.is_some() && row.unsent().len() > limit;
        let was_answering = matches!(row.phase, Phase::Answering(_));
        self.touch(conn);
        if is_deaf {
            log::info!("a connection dropped: its answers are not read; `output_bytes` bounds what waits");
            self.enter(conn, now, Phase::Dead);
        } else if persistence == Persistence::Close || (was_answering && self.stopping.is_some()) {
            self.enter(conn, now, Phase::Lingering { half_closed: false });
        } else if was_answering {
            self.enter(conn, now, Phase::Idle);
            self.resumed.push_back(conn);
        }
    }

    /// Goes on with requests that came while the one before them was being answered. Not done where that answer ends: the next
    /// one may end another, and so on without end.
    pub(super) fn resume_input(&mut self, now: Instant) {
        while let Some(key) = self.resumed.pop_front() {
            if self.conns.get(key).is_some_and(Conn::waits_for_room) {
                self.take_input(key, now, &[]);
                if self.conns.get(key).is_some_and(|conn| conn.has_ended) {
                    self.take_end(key, now);
                }
                self.arm(key);
            }
        }
    }

    /// Keeps a request whose answer is not complete; `exchange` is the row that was promised it.
    pub(super) fn hold(&mut self, post: &Post<'_, '_>, writing: Writing, asked: Asked) -> Key {
        let exchange = Exchange { conn: Some(post.conn), terms: post.terms.clone(), writing, asked };
        let key = self.exchanges.insert(exchange);
        self.enter(post.conn, post.now, Phase::Answering(key));
        self.answer_grew(key, post.now);
        key
    }

    /// To be called when something may have been written to the answer of an exchange.
    pub(super) fn answer_grew(&mut self, key: Key, now: Instant) {
        let Some(exchange) = self.exchanges.get(key) else { return };
        if exchange.writing.is_complete() {
            self.finish_exchange(key, now);
        } else if exchange.writing.form == Form::Away {
            self.release(key, now);
        } else if let Some(conn) = exchange.conn {
            self.stream_grew(conn, now);
        }
    }

    /// The stream of an answer goes on without its connection, which is free for the next request (R-SH-39).
    fn release(&mut self, key: Key, now: Instant) {
        let Some(exchange) = self.exchanges.get_mut(key) else { return };
        let persistence = exchange.writing.persistence(&exchange.terms);
        let Some(conn) = exchange.conn.take() else { return };
        let session = if let Asked::InSession(session) = exchange.asked { Some(session) } else { None };
        self.end_answer(conn, now, persistence);
        if let Some(session) = session {
            self.leave_session(session, now);
        }
    }

    /// The answer of an exchange is complete.
    pub(super) fn finish_exchange(&mut self, key: Key, now: Instant) {
        let Some(exchange) = self.exchanges.remove(key) else { return };
        if let Some(conn) = exchange.conn {
            if let Asked::InSession(session) = exchange.asked {
                self.note_answered(conn, session, &exchange.writing);
            }
            self.end_answer(conn, now, exchange.writing.persistence(&exchange.terms));
        }
        match exchange.asked {
            Asked::Alone(..) => {}
            Asked::Subscription(..) => self.subscriptions.retain(|row| *row != key),
            Asked::InSession(session) => self.call_over(session, key, now),
        }
    }

    /// A session no longer waits for an exchange.
    fn call_over(&mut self, key: Key, exchange: Key, now: Instant) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        session.active = now;
        let in_flight = session.state.in_flight();
        if let Some(streams) = session.streams_mut() {
            streams.calls.retain(|(_, row)| *row != exchange);
            if streams.calls.is_empty() {
                // Most sessions are idle most of the time.
                streams.calls = Vec::new();
            }
        }
        if self.stopping.is_some() && in_flight == 0 {
            self.end_session(key, now);
        } else {
            self.arm_session(key);
        }
    }

    /// There will be no response, or no more of them: the answer ends as it is. One of which nothing is written becomes an event
    /// stream without events, which says just that.
    pub(super) fn end_unanswered(&mut self, key: Key, now: Instant) {
        let Some(exchange) = self.exchanges.get_mut(key) else { return };
        let conn = exchange.conn.and_then(|conn| self.conns.get_mut(conn));
        let mut nobody = Vec::new();
        let out = conn.map_or(&mut nobody, |conn| conn.writer(&mut self.buffers));
        let Exchange { terms, writing, .. } = exchange;
        let mut outbox = AnswerOutbox { out, writing, terms, memory: None, now };
        outbox.end();
        self.finish_exchange(key, now);
    }

    /// The connection of an exchange is gone. In the stateless era that cancels the request (R-ST-35), in the others it does
    /// not (R-SH-16).
    pub(super) fn lose_client(&mut self, key: Key, now: Instant) {
        let Some(exchange) = self.exchanges.get_mut(key) else { return };
        if let Asked::InSession(session) = exchange.asked {
            exchange.conn = None;
            return self.leave_session(session, now);
        }
        let Some(exchange) = self.exchanges.remove(key) else { return };
        match exchange.asked {
            Asked::Alone(_, request) => {
                log::debug!("a request cancelled: its client is gone");
                self.service.cancel(Owner::Request(key).to_bits(), request);
            }
            Asked::Subscription(..) => self.subscriptions.retain(|row| *row != key),
            Asked::InSession(_) => {}
        }
    }

    /// A connection of a session is gone or free; from now on it may be that nobody uses the session.
    pub(super) fn leave_session(&mut self, session: Key, now: Instant) {
        if let Some(session) = self.sessions.get_mut(session) {
            session.active = now;
        }
        self.arm_session(session);
    }

    /// What a connection carried loses its client; the connection itself is still to be closed.
    pub(super) fn detach(&mut self, conn: Key, now: Instant) {
        match self.conns.get(conn).map(|conn| &conn.phase) {
            Some(Phase::Stream(session, _)) => {
                let session = *session;
                self.forget_session(session, now);
            }
            Some(Phase::Listening(session, _)) => {
                let session = *session;
                self.stop_listening(session, conn, now);
            }
            Some(Phase::Answering(exchange)) => {
                let exchange = *exchange;
                self.lose_client(exchange, now);
            }
            _ => {}
        }
    }

    /// To be called when something may have been written to a stream: one whose client does not read is dropped.
    pub(super) fn stream_grew(&mut self, key: Key, now: Instant) {
        let Some(conn) = self.conns.get_mut(key) else { return };
        let unsent = conn.unsent().len();
        if unsent == 0 {
            conn.note_sent(now, 0, &mut self.buffers);
        } else if unsent > self.config.limits.output_bytes && conn.stalled.is_some() {
            log::info!("a stream dropped: its client does not read; `output_bytes` bounds what waits");
            self.detach(key, now);
            self.enter(key, now, Phase::Dead);
        } else {
            conn.since = now;
            self.touch(key);
            self.arm(key);
        }
    }

    /// The time for an answer as JSON is over: it becomes a stream, on which comments show that somebody is still there.
    pub(super) fn begin_stream(&mut self, key: Key, now: Instant) {
        let Some(exchange) = self.exchanges.get_mut(key) else { return };
        let Some(conn) = exchange.conn.and_then(|conn| self.conns.get_mut(conn)) else { return };
        let Exchange { terms, writing, asked, .. } = exchange;
        let session = match asked {
            Asked::InSession(session) => {
                let key = *session;
                self.sessions.get_mut(key).and_then(|session| remember(key, session, &self.config, &mut self.replayed))
            }
            _ => None,
        };
        let (_, memory) = session.unzip();
        let out = conn.writer(&mut self.buffers);
        let mut outbox = AnswerOutbox { out, writing, terms, memory, now };
        let delimiter = outbox.open_stream();
        if writing.newest.is_none() {
            write_comment(out, delimiter);
        }
        self.answer_grew(key, now);
    }

    /// Sends what a worker or a deferred reply has to say.
    #[cfg(feature = "std")]
    pub(super) fn deliver(&mut self, now: Instant, mail: crate::service::Mail) {
        match Owner::from_bits(mail.session()) {
            Owner::Request(key) => {
                let Some(Exchange { conn, terms, writing, asked: Asked::Alone(session, _) }) =
                    self.exchanges.get_mut(key)
                else {
                    return;
                };
                let Some(conn) = conn.and_then(|conn| self.conns.get_mut(conn)) else { return };
                let out = conn.writer(&mut self.buffers);
                let mut outbox = AnswerOutbox { out, writing, terms, memory: None, now };
                self.service.deliver(now, mail, session, &mut outbox);
                self.answer_grew(key, now);
            }
            Owner::Session(session) => {
                let request = mail.request();
                self.for_request(session, request, now, |service, state, outbox| {
                    service.deliver(now, mail, state, outbox);
                });
            }
        }
    }

    /// Does something that may add to what is sent in the name of a request of a session, over either carrier.
    pub(super) fn for_request(
        &mut self,
        key: Key,
        request: RequestKey,
        now: Instant,
        act: impl FnOnce(&mut Service, &mut ServerSession, &mut dyn Outbox),
    ) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        session.active = now;
        match &session.carrier {
            Carrier::Stream(conn, _) => {
                let Some(conn) = self.conns.get_mut(*conn) else { return };
                let mut outbox = EventOutbox::new(conn.writer(&mut self.buffers));
                act(&mut self.service, &mut session.state, &mut outbox);
                self.after_output(key, now);
            }
            Carrier::Streams(streams) => {
                let Some(row) = streams.exchange(request) else { return };
                let Some(Exchange { conn, terms, writing, .. }) = self.exchanges.get_mut(row) else { return };
                let Some((state, memory)) = remember(key, session, &self.config, &mut self.replayed) else { return };
                let mut nobody = Vec::new();
                let out = match conn.and_then(|conn| self.conns.get_mut(conn)) {
                    Some(conn) => conn.writer(&mut self.buffers),
                    None => &mut nobody,
                };
                let mut outbox = AnswerOutbox { out, writing, terms, memory: Some(memory), now };
                act(&mut self.service, state, &mut outbox);
                self.answer_grew(row, now);
                self.arm_session(key);
            }
        }
    }

    /// Takes in what a client answered to a question: the request that waits for it may go on (R-SH-17).
    pub(super) fn take_reply(
        &mut self,
        key: Key,
        now: Instant,
        ask: AskKey,
        outcome: Result<&RawValue, ErrorObject<'_>>,
        credential: Option<&[u8]>,
    ) {
        let number = Owner::Session(key).to_bits();
        let Some(request) = self.service.asker(number, ask) else { return log::debug!("an answer came too late") };
        let origin = Origin { credential, ..Origin::new(number, request, now) };
        self.for_request(key, request, now, |service, state, outbox| {
            // Whatever comes of it is in the outbox, or comes later.
            let _outcome = service.resume(state, &origin, ask, outcome, outbox);
        });
    }

    /// Answers calls whose clients have not answered in time.
    pub(super) fn give_up_overdue(&mut self, now: Instant) {
        while let Some(overdue) = self.service.overdue(now) {
            // Only sessions can be asked.
            if let Owner::Session(key) = Owner::from_bits(overdue.session()) {
                let request = overdue.key();
                self.for_request(key, request, now, |service, state, outbox| service.give_up(overdue, state, outbox));
            }
        }
    }
}

/// A session over Streamable HTTP, and what it adds to its answers.
pub(super) fn remember<'a>(
    key: Key,
    session: &'a mut Session,
    config: &'a Config,
    replayed: &'a mut usize,
) -> Option<(&'a mut ServerSession, Memory<'a>)> {
    let token = session.token(key);
    let version = session.state.version();
    // Who may not come back with a GET has no use for it.
    let resumes = config.carriers.listening.filter(|_| version.has_resumption() && config.limits.replay_bytes > 0);
    let Session { state, carrier, .. } = session;
    let Carrier::Streams(streams) = carrier else { return None };
    let room = Room { limits: &config.limits, in_all: replayed };
    let streams: &mut Streams = streams;
    Some((state, Memory { streams, room, token, resumes, primes: resumes.is_some() && version.has_polling() }))
}
