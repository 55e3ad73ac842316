//! `subscriptions/listen`, and telling clients of every era what has changed (R-ST-39 to R-ST-46, R-SH-22, R-SH-27).

use alloc::boxed::Box;
use alloc::vec::Vec;

use mcp_core::jsonrpc::{ErrorObject, Request, code};
use mcp_core::session::ServerSession;
use mcp_core::time::Instant;
use mcp_core::types::Change;

use super::Engine;
use super::answer::{AnswerOutbox, Statuses};
use super::endpoint::Post;
#[cfg(feature = "std")]
use super::exchange::Owner;
use super::exchange::{Asked, Exchange};
use super::outbox::EventOutbox;
use crate::parts::Listening;
use crate::service::{Kind, Outbox, notify};
use crate::sessions::{Carrier, Session};
use crate::slab::Key;
use crate::subscription::Listener;

impl Engine {
    /// Begins an answer that tells of changes. The acknowledgement comes first (R-ST-40).
    pub(super) fn subscribe(&mut self, post: &Post<'_, '_>, request: &Request<'_>, part: Listening) {
        let listener = match self.listener(post, request) {
            Ok(listener) => listener,
            Err(error) => return self.reject(post, &request.id.as_borrowed().into(), &error),
        };
        let mut writing = self.writing(Statuses::ByCode, 1);
        let Some(conn) = self.conns.get_mut(post.conn) else { return };
        let out = conn.writer(&mut self.buffers);
        let mut outbox = AnswerOutbox { out, writing: &mut writing, terms: post.terms, memory: None, now: post.now };
        outbox.message(Kind::Report, &mut |out| {
            listener.acknowledge(out);
            true
        });
        let row = self.hold(post, writing, Asked::Subscription(Box::new(listener), part));
        // Unless its client does not even read this.
        if self.exchanges.get(row).is_some() {
            self.subscriptions.push(row);
        }
    }

    fn listener(&mut self, post: &Post<'_, '_>, request: &Request<'_>) -> Result<Listener, ErrorObject<'static>> {
        if self.subscriptions.len() >= self.config.limits.subscriptions || self.stopping.is_some() {
            let text = "the server has as many subscriptions as `limits.subscriptions` allows, or is being stopped";
            return Err(ErrorObject::new(code::INTERNAL_ERROR, text));
        }
        let listener = Listener::open(&self.service.profile(), &self.config.messages, &request.id, request.params)?;
        #[cfg(feature = "std")]
        let listener = listener.watched(&mut self.service, post.head.authorization.map(super::admission::token));
        #[cfg(not(feature = "std"))]
        let _ = post;
        Ok(listener)
    }

    /// Tells everybody who wants to know what has changed.
    pub(super) fn tell_changes(&mut self, now: Instant) {
        while let Some(change) = self.service.next_change() {
            self.tell_subscribers(now, &change);
            let sessions: Vec<Key> = self.sessions.keys().collect();
            sessions
                .into_iter()
                .for_each(|key| self.tell_session_of(key, now, |state, out| notify(&change, state, out)));
        }
        #[cfg(feature = "std")]
        while let Some(notice) = self.service.next_notice() {
            match notice.session().map(Owner::from_bits) {
                Some(Owner::Session(key)) => self.tell_session_of(key, now, |state, out| notice.write(state, out)),
                Some(Owner::Request(_)) => {}
                None => self.tell_each_subscriber(now, |listener, out| listener.hear(&notice, out)),
            }
        }
    }

    fn tell_session_of(&mut self, key: Key, now: Instant, write: impl Fn(&ServerSession, &mut Vec<u8>) -> bool) {
        let Some(Session { state, carrier, .. }) = self.sessions.get_mut(key) else { return };
        let Carrier::Stream(conn, _) = carrier else {
            return self.tell_session(key, now, |state, out| write(state, out));
        };
        let Some(conn) = self.conns.get_mut(*conn) else { return };
        let mut outbox = EventOutbox::new(conn.writer(&mut self.buffers));
        outbox.message(Kind::Report, &mut |out| write(state, out));
        self.after_output(key, now);
    }

    fn tell_subscribers(&mut self, now: Instant, change: &Change<'_>) {
        self.tell_each_subscriber(now, |listener, out| listener.notify(change, out));
    }

    fn tell_each_subscriber(&mut self, now: Instant, write: impl Fn(&Listener, &mut Vec<u8>) -> bool) {
        // By index: one that is dropped meanwhile leaves the list.
        let mut at = 0;
        while let Some(row) = self.subscriptions.get(at).copied() {
            self.write_to_subscriber(row, now, Kind::Report, &write);
            at += usize::from(self.subscriptions.get(at) == Some(&row));
        }
    }

    /// Ends all subscriptions in order (R-ST-45).
    pub(super) fn end_subscriptions(&mut self, now: Instant) {
        while let Some(row) = self.subscriptions.pop() {
            let Some(Exchange { conn, terms, writing, asked: Asked::Subscription(listener, _) }) =
                self.exchanges.get_mut(row)
            else {
                continue;
            };
            let Some(conn) = conn.and_then(|conn| self.conns.get_mut(conn)) else { continue };
            let out = conn.writer(&mut self.buffers);
            let profile = self.service.profile();
            AnswerOutbox { out, writing, terms, memory: None, now }.message(Kind::Answer, &mut |out| {
                listener.finish(&profile, out);
                true
            });
            self.answer_grew(row, now);
        }
    }

    fn write_to_subscriber(
        &mut self,
        row: Key,
        now: Instant,
        kind: Kind,
        write: impl Fn(&Listener, &mut Vec<u8>) -> bool,
    ) {
        let Some(Exchange { conn, terms, writing, asked: Asked::Subscription(listener, _) }) =
            self.exchanges.get_mut(row)
        else {
            return;
        };
        let Some(conn) = conn.and_then(|conn| self.conns.get_mut(conn)) else { return };
        let before = conn.output.len();
        let out = conn.writer(&mut self.buffers);
        AnswerOutbox { out, writing, terms, memory: None, now }.message(kind, &mut |out| write(listener, out));
        if conn.output.len() == before {
            // Nothing was wanted, and a buffer may have been taken for nothing.
            conn.give_back(&mut self.buffers);
        } else {
            self.answer_grew(row, now);
        }
    }
}
