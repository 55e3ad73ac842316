//! What happens because time passed, and the orderly end.

use alloc::vec::Vec;
use core::time::Duration;

use mcp_core::session::Phase as Lifecycle;
use mcp_core::time::Instant;

use super::Engine;
use super::answer::{Form, write_comment};
use super::exchange::Asked;
use crate::conn::{Action, Conn, Phase};
use crate::http1::{Delimiter, Refusal, Status};
use crate::sessions::{Session, Streams};
use crate::slab::Key;

impl Engine {
    /// Makes sure that a connection is looked at when something is due. To be called when a deadline may have moved
    /// earlier; one that moves later is found out when the entry comes up.
    pub(super) fn arm(&mut self, key: Key) {
        let Some(due) = self.conns.get(key).and_then(|conn| self.due(conn)) else { return };
        if let Some(conn) = self.conns.get_mut(key) {
            self.timers.arm(key, &mut conn.armed, due);
        }
    }

    pub(super) fn fire(&mut self, now: Instant) {
        while let Some((at, key)) = self.timers.pop(now) {
            let Some(conn) = self.conns.get_mut(key).filter(|conn| conn.armed.is(at)) else { continue };
            conn.armed.disarm();
            if self.conns.get(key).and_then(|conn| self.due(conn)).is_some_and(|due| due <= now) {
                self.act(key, now);
            }
            self.arm(key);
        }
        while let Some((at, key)) = self.session_timers.pop(now) {
            let Some(streams) = self.sessions.get_mut(key).and_then(Session::streams_mut) else { continue };
            if streams.armed.is(at) {
                streams.armed.disarm();
                self.look_at_session(key, now);
            }
        }
        if self.stopping.is_some_and(|until| until <= now) {
            self.force_stop(now);
        }
    }

    /// Makes sure that a session over Streamable HTTP is looked at when something is due.
    pub(super) fn arm_session(&mut self, key: Key) {
        let timeouts = &self.config.timeouts;
        let Some(session) = self.sessions.get(key) else { return };
        let Some(streams) = session.streams() else { return };
        let unused = (!self.is_attended(streams)).then(|| session.active + timeouts.session_unused);
        let old = (!streams.replay.is_empty()).then(|| streams.replay.newest() + timeouts.replay);
        let Some(due) = [unused, old].into_iter().flatten().min() else { return };
        if let Some(streams) = self.sessions.get_mut(key).and_then(Session::streams_mut) {
            self.session_timers.arm(key, &mut streams.armed, due);
        }
    }

    /// Whether a client is connected that listens or waits for an answer.
    pub(super) fn is_attended(&self, streams: &Streams) -> bool {
        let is_connected = |row: Key| self.exchanges.get(row).is_some_and(|exchange| exchange.conn.is_some());
        streams.listener.conn.is_some() || streams.calls.iter().any(|(_, row)| is_connected(*row))
    }

    /// Something may be due at a session over Streamable HTTP: nobody uses it, or nobody came back for what it keeps.
    fn look_at_session(&mut self, key: Key, now: Instant) {
        let timeouts = &self.config.timeouts;
        let Some(session) = self.sessions.get(key) else { return };
        let Some(streams) = session.streams() else { return };
        if session.active + timeouts.session_unused <= now && !self.is_attended(streams) {
            log::info!("session {} has expired; `timeouts.session_unused` bounds how long nobody uses one", key.slot);
            return self.end_session(key, now);
        }
        if streams.replay.newest() + timeouts.replay <= now
            && let Some(streams) = self.sessions.get_mut(key).and_then(Session::streams_mut)
        {
            streams.replay.forget(|_| true, &mut self.replayed);
        }
        self.arm_session(key);
    }

    /// When a connection is to be looked at.
    pub(super) fn due(&self, conn: &Conn) -> Option<Instant> {
        let timeouts = &self.config.timeouts;
        let by_phase = match &conn.phase {
            Phase::Idle => Some(conn.since + timeouts.idle),
            Phase::Head => Some(conn.since + timeouts.head),
            Phase::Body(_) => Some(conn.since + timeouts.body),
            Phase::Stream(session, _) => {
                let comment = timeouts.keep_alive.map(|every| conn.since + every);
                [comment, self.expiry(*session)].into_iter().flatten().min()
            }
            Phase::Listening(..) => timeouts.keep_alive.map(|every| conn.since + every),
            Phase::Answering(exchange) => match self.exchanges.get(*exchange).map(|exchange| exchange.writing.form) {
                Some(Form::Open) => Some(conn.since + timeouts.json_answer),
                _ => timeouts.keep_alive.map(|every| conn.since + every),
            },
            // What is still to be read may be long, and may be longer than a slow reader deserves.
            Phase::Ending => Some(conn.since + timeouts.write),
            Phase::Lingering { .. } => Some(conn.since + timeouts.linger),
            Phase::Dead => return None,
        };
        let by_stall = conn.stalled.map(|since| since + timeouts.write);
        [by_phase, by_stall].into_iter().flatten().min()
    }

    /// When a session is over although its stream is open.
    fn expiry(&self, key: Key) -> Option<Instant> {
        let session = self.sessions.get(key)?;
        match session.state.phase() {
            Lifecycle::New => Some(session.opened + self.config.timeouts.handshake),
            _ if session.state.in_flight() > 0 => None,
            _ => self.config.timeouts.session_idle.map(|idle| session.active + idle),
        }
    }

    /// Something is due at a connection.
    fn act(&mut self, key: Key, now: Instant) {
        let Some(conn) = self.conns.get_mut(key) else { return };
        let has_stalled = conn.stalled.is_some_and(|since| since + self.config.timeouts.write <= now);
        match &conn.phase {
            Phase::Stream(session, _) if has_stalled => {
                let session = *session;
                log::info!(
                    "session {} dropped: its client does not read; `timeouts.write` bounds how long",
                    session.slot
                );
                self.drop_session(session, now);
            }
            Phase::Stream(session, _) => {
                let session = *session;
                if self.expiry(session).is_some_and(|at| at <= now) {
                    log::info!("session {} has expired", session.slot);
                    return self.end_session(session, now);
                }
                self.comment(key, now, Delimiter::Close);
            }
            Phase::Listening(..) | Phase::Answering(_) if has_stalled => {
                log::info!("a stream dropped: its client does not read; `timeouts.write` bounds how long");
                self.detach(key, now);
                self.enter(key, now, Phase::Dead);
            }
            Phase::Listening(..) => self.comment(key, now, Delimiter::Close),
            Phase::Answering(exchange) => {
                let exchange = *exchange;
                match self.exchanges.get(exchange).map(|exchange| exchange.writing.form) {
                    Some(Form::Open) => self.begin_stream(exchange, now),
                    Some(Form::Events(delimiter)) => self.comment(key, now, delimiter),
                    _ => {}
                }
            }
            Phase::Head => self.refuse(key, now, SLOW_HEAD),
            Phase::Body(pending) if pending.action != Action::Skip && !has_stalled => self.refuse(key, now, SLOW_BODY),
            Phase::Idle | Phase::Body(_) | Phase::Ending | Phase::Lingering { .. } | Phase::Dead => {
                self.enter(key, now, Phase::Dead);
            }
        }
    }

    /// A line that means nothing, so that nobody takes the stream for dead (R-SSE-30). Not behind output that waits:
    /// then the peer has more than a comment to read.
    fn comment(&mut self, key: Key, now: Instant, delimiter: Delimiter) {
        let Some(conn) = self.conns.get_mut(key) else { return };
        conn.since = now;
        if conn.unsent().is_empty() {
            write_comment(conn.writer(&mut self.buffers), delimiter);
            self.touch(key);
        }
    }

    /// Closes connections between two requests: the one that has waited longest, and some that have waited nearly as
    /// long, so that the search is worth its time. Not those that have just become idle: their next request may be on
    /// its way.
    pub(super) fn evict(&mut self, now: Instant) -> bool {
        let idle_since = |conn: &Conn| {
            let is_idle = matches!(conn.phase, Phase::Idle) && conn.output.is_empty();
            (is_idle && now.since(conn.since) >= EVICTABLE_AFTER).then_some(conn.since)
        };
        let Some(oldest) = self.conns.keys().filter_map(|key| idle_since(self.conns.get(key)?)).min() else {
            return false;
        };
        let newest = oldest + now.since(oldest) / 8;
        let is_old = |conn: &Conn| idle_since(conn).is_some_and(|since| since <= newest);
        let old = self.conns.keys().filter(|key| self.conns.get(*key).is_some_and(is_old));
        let old: Vec<Key> = old.take(EVICTED_AT_ONCE).collect();
        log::debug!("{} idle connections closed to make room", old.len());
        old.into_iter().for_each(|key| self.enter(key, now, Phase::Dead));
        true
    }

    pub(super) fn begin_stop(&mut self, now: Instant) {
        if self.stopping.is_some() {
            return;
        }
        self.stopping = Some(now + self.config.timeouts.stop);
        let keys: Vec<Key> = self.conns.keys().collect();
        for key in keys {
            match self.conns.get(key).map(|conn| &conn.phase) {
                Some(Phase::Idle) => self.enter(key, now, Phase::Ending),
                Some(Phase::Head | Phase::Body(_)) => self.refuse(key, now, STOPPING),
                _ => {}
            }
        }
        self.end_subscriptions(now);
        self.end_all_sessions(now, |in_flight| in_flight == 0);
    }

    /// The time for requests in flight is over: their sessions end now. What is still unsent a moment later stays so.
    fn force_stop(&mut self, now: Instant) {
        if self.sessions.len() > 0 || self.exchanges.len() > 0 {
            self.cancel_all(now);
            self.stopping = Some(now + self.config.timeouts.linger);
            return self.end_all_sessions(now, |_| true);
        }
        self.stopping = Some(Instant::from_elapsed(Duration::MAX));
        let keys: Vec<Key> = self.conns.keys().collect();
        keys.into_iter().for_each(|key| self.enter(key, now, Phase::Dead));
    }

    /// Ends the requests that stand alone and are not answered: nobody is told more than that the connection ends.
    fn cancel_all(&mut self, now: Instant) {
        let rows: Vec<Key> = self.exchanges.keys().collect();
        for row in rows {
            let Some(exchange) = self.exchanges.get(row) else { continue };
            if let (Some(conn), Asked::Alone(..)) = (exchange.conn, &exchange.asked) {
                self.detach(conn, now);
                self.enter(conn, now, Phase::Dead);
            }
        }
    }

    /// Ends the sessions whose number of requests in flight is as wanted.
    fn end_all_sessions(&mut self, now: Instant, which: impl Fn(usize) -> bool) {
        let keys: Vec<Key> = self.sessions.keys().collect();
        for key in keys {
            if self.sessions.get(key).is_some_and(|session| which(session.state.in_flight())) {
                self.end_session(key, now);
            }
        }
    }
}

/// How long a connection waits for a request before it may have to make room for another.
const EVICTABLE_AFTER: Duration = Duration::from_secs(1);

/// How many connections make room at once, at most.
const EVICTED_AT_ONCE: usize = 64;

const SLOW_HEAD: Refusal =
    Refusal::new(Status::RequestTimeout, "the head of the request took longer than `timeouts.head` allows");
const SLOW_BODY: Refusal =
    Refusal::new(Status::RequestTimeout, "the body of the request took longer than `timeouts.body` allows");
const STOPPING: Refusal = Refusal::new(Status::ServiceUnavailable, "the server is being stopped");
