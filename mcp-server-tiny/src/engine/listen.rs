//! GET at the endpoint: the stream of a session that belongs to no request, and the rest of a stream that was cut off (R-SH, sections
//! D to F).

use mcp_core::http::session::Refused;
use mcp_core::session::ServerSession;
use mcp_core::sse;
use mcp_core::time::Instant;

use super::Engine;
use super::admission::Answer;
use super::answer::{Memory, write_priming};
use super::exchange::remember;
use super::replay::EventId;
use crate::conn::{Phase, Terms};
use crate::http1::stream::{write_end, write_event_stream_head};
use crate::http1::{Chunk, Delimiter, Persistence};
use crate::parts::Listening;
use crate::sessions::Session;
use crate::slab::Key;

/// The number of the stream that belongs to no request.
const LISTENER: u32 = 0;

impl Engine {
    /// Opens a stream of a session, or goes on with the one on which `after` was sent.
    pub(super) fn listen(
        &mut self,
        conn: Key,
        now: Instant,
        terms: &Terms,
        session: (Key, Listening),
        after: Option<EventId>,
    ) {
        let outcome = match after {
            Some(after) if after.stream != LISTENER => self.resume_answer(conn, now, terms, session.0, after),
            _ => self.open_listener(conn, now, terms, session, after),
        };
        if let Err(why) = outcome {
            self.answer(conn, now, terms, &Answer::of_refusal(why));
        }
    }

    fn open_listener(
        &mut self,
        conn: Key,
        now: Instant,
        terms: &Terms,
        (key, part): (Key, Listening),
        after: Option<EventId>,
    ) -> Result<(), Refused> {
        let session = self.sessions.get_mut(key).ok_or(Refused::SessionUnknown)?;
        session.active = now;
        let (_, memory) = remember(key, session, &self.config, &mut self.replayed).ok_or(Refused::SessionUnknown)?;
        let listener = &mut memory.streams.listener;
        // Who names an event of it has had it and lost it, perhaps without our knowing: the old connection gives way.
        match (after, listener.newest) {
            (None, _) if listener.conn.is_some() => return Err(Refused::StreamTaken),
            (Some(after), newest) if newest.is_none_or(|newest| after.number > newest) => {
                return Err(Refused::EventUnknown);
            }
            _ => {}
        }
        let before = listener.conn.replace(conn);
        let newest = *listener.newest.get_or_insert(0);
        let row = self.conns.get_mut(conn).ok_or(Refused::SessionUnknown)?;
        let out = row.writer(&mut self.buffers);
        let (cors, line) = (terms.cors.as_deref().unwrap_or_default(), memory.token.line());
        write_event_stream_head(out, &[cors, line.as_str()], Delimiter::Close);
        match after {
            Some(after) => memory.streams.replay.write_after(after, out, |out, event| out.extend_from_slice(event)),
            None if memory.primes => write_priming(out, EventId::new(part, LISTENER, newest), Delimiter::Close),
            None => {}
        }
        self.enter(conn, now, Phase::Listening(key, part));
        self.touch(conn);
        if let Some(before) = before {
            self.enter(before, now, Phase::Ending);
        }
        Ok(())
    }

    /// Sends the rest of an answer on another connection (R-SH-33 to R-SH-36).
    fn resume_answer(
        &mut self,
        conn: Key,
        now: Instant,
        terms: &Terms,
        key: Key,
        after: EventId,
    ) -> Result<(), Refused> {
        let session = self.sessions.get_mut(key).ok_or(Refused::SessionUnknown)?;
        session.active = now;
        let (_, memory) = remember(key, session, &self.config, &mut self.replayed).ok_or(Refused::SessionUnknown)?;
        let Memory { streams, token, .. } = memory;
        let running = streams.calls.iter().find_map(|(_, row)| {
            let newest = self.exchanges.get(*row).and_then(|exchange| exchange.writing.newest)?;
            (newest.stream == after.stream).then_some((*row, newest))
        });
        let is_known = match running {
            Some((_, newest)) => after.number <= newest.number,
            None => streams.replay.has(after.stream),
        };
        if !is_known {
            return Err(Refused::EventUnknown);
        }
        let row = self.conns.get_mut(conn).ok_or(Refused::SessionUnknown)?;
        let out = row.writer(&mut self.buffers);
        let delimiter = Delimiter::of(terms.persistence);
        let (cors, line) = (terms.cors.as_deref().unwrap_or_default(), token.line());
        write_event_stream_head(out, &[cors, line.as_str()], delimiter);
        streams.replay.write_after(after, out, |out, event| {
            let chunk = Chunk::begin(out, delimiter);
            out.extend_from_slice(event);
            chunk.finish(out);
        });
        let Some((running, _)) = running else {
            write_end(out, delimiter);
            row.answered = Some((key, after.stream));
            let persistence = if delimiter == Delimiter::Close { Persistence::Close } else { terms.persistence };
            self.end_answer(conn, now, persistence);
            return Ok(());
        };
        let Some(exchange) = self.exchanges.get_mut(running) else { return Ok(()) };
        let before = exchange.conn.replace(conn);
        exchange.terms = terms.clone();
        exchange.writing.go_on(delimiter);
        self.enter(conn, now, Phase::Answering(running));
        self.touch(conn);
        if let Some(before) = before {
            // It is cut off in the middle of an answer: nothing else can follow there.
            self.enter(before, now, Phase::Dead);
        }
        Ok(())
    }

    /// Sends a message of the session's own accord, which belongs to no request (R-SH-22, R-SH-27). Nobody hears it when nobody
    /// ever listened.
    pub(super) fn tell_session(
        &mut self,
        key: Key,
        now: Instant,
        write: impl FnOnce(&mut ServerSession, &mut alloc::vec::Vec<u8>) -> bool,
    ) {
        let Some(part) = self.config.carriers.listening else { return };
        let Some(session) = self.sessions.get_mut(key) else { return };
        let Some((state, mut memory)) = remember(key, session, &self.config, &mut self.replayed) else { return };
        let Some(newest) = memory.streams.listener.newest else { return };
        let conn = memory.streams.listener.conn;
        if conn.is_none() && memory.resumes.is_none() {
            return;
        }
        let mut nobody = alloc::vec::Vec::new();
        let out = match conn.and_then(|conn| self.conns.get_mut(conn)) {
            Some(conn) => conn.writer(&mut self.buffers),
            None => &mut nobody,
        };
        let start = out.len();
        let id = EventId::new(part, LISTENER, newest).next();
        if memory.resumes.is_some() {
            id.write(out);
        }
        let mark = sse::begin(out, "message");
        if !write(state, out) {
            out.truncate(start);
            if let Some(conn) = conn.and_then(|conn| self.conns.get_mut(conn)) {
                conn.give_back(&mut self.buffers);
            }
            return;
        }
        sse::finish(out, mark);
        memory.streams.listener.newest = Some(id.number);
        if memory.resumes.is_some() {
            memory.streams.replay.keep(now, id, &out[start..], &mut memory.room);
        }
        match conn {
            Some(conn) => self.stream_grew(conn, now),
            None => self.arm_session(key),
        }
    }

    /// The connection of the stream that belongs to no request is gone; the session is not.
    pub(super) fn stop_listening(&mut self, session: Key, conn: Key, now: Instant) {
        if let Some(streams) = self.sessions.get_mut(session).and_then(Session::streams_mut)
            && streams.listener.conn == Some(conn)
        {
            streams.listener.conn = None;
        }
        self.leave_session(session, now);
    }
}
