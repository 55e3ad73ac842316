//! Bytes of a connection to requests, and requests to what they ask for.

use core::mem::MaybeUninit;

use alloc::boxed::Box;
use alloc::vec::Vec;

use mcp_core::time::Instant;

use super::Engine;
use super::admission::{Answer, Verdict};
use crate::conn::{Action, Exchange, Pending, Phase};
use crate::http1::body::Sink;
use crate::http1::head::FIELDS;
use crate::http1::response::write_continue;
use crate::http1::{Body, Framing, Head, Persistence, Refusal, Response, Scan, Status};
use crate::slab::Key;

impl Engine {
    /// Input is used where it lies; only when a head is incomplete are its bytes copied.
    pub(super) fn take_input(&mut self, key: Key, now: Instant, bytes: &[u8]) {
        let Some(conn) = self.conns.get_mut(key) else { return };
        if conn.input.is_empty() {
            let used = self.advance(key, now, bytes);
            self.keep(key, &bytes[used..]);
            return;
        }
        let mut input = core::mem::take(&mut conn.input);
        self.held -= input.len();
        input.extend_from_slice(bytes);
        let used = self.advance(key, now, &input);
        if used > 0 {
            self.keep(key, &input[used..]);
            self.buffers.give(input);
        } else if let Some(conn) = self.conns.get_mut(key) {
            self.held += input.len();
            conn.input = input;
        }
    }

    /// The peer will send no more.
    pub(super) fn take_end(&mut self, key: Key, now: Instant) {
        let Some(conn) = self.conns.get_mut(key) else { return };
        if let Phase::Stream(session) = conn.phase {
            // Nobody who closes one direction still reads the other; a proxy passes on exactly this.
            self.forget_session(session);
            self.enter(key, now, Phase::Dead);
            return;
        }
        self.enter(key, now, Phase::Ending);
    }

    /// Keeps the beginning of a head.
    fn keep(&mut self, key: Key, rest: &[u8]) {
        let Some(conn) = self.conns.get_mut(key) else { return };
        if !rest.is_empty() {
            conn.input.extend_from_slice(rest);
            self.held += rest.len();
        }
    }

    /// Goes through `input` request by request and says how much of it was used; the rest is an incomplete head.
    fn advance(&mut self, key: Key, now: Instant, input: &[u8]) -> usize {
        let mut used = 0;
        while used < input.len() {
            let step = self.step(key, now, &input[used..]);
            match step {
                Ok(0) => break,
                Ok(n) => used += n,
                Err(refusal) => {
                    self.refuse(key, now, refusal);
                    return input.len();
                }
            }
        }
        used
    }

    /// Takes in one head with as much of its body as there is, or more of a body. 0: the head is incomplete.
    fn step(&mut self, key: Key, now: Instant, input: &[u8]) -> Result<usize, Refusal> {
        let Some(conn) = self.conns.get_mut(key) else { return Ok(input.len()) };
        match &mut conn.phase {
            Phase::Idle | Phase::Head => {
                let limits = self.config.limits.head();
                let Some(end) = conn.scan.head_end(input, &limits)? else {
                    if matches!(conn.phase, Phase::Idle) {
                        self.enter(key, now, Phase::Head);
                    }
                    // Heads count among what is held as well; each has its own bound.
                    return if self.held > self.config.limits.buffered_bytes { Err(FULL) } else { Ok(0) };
                };
                conn.scan = Scan::default();
                (conn.phase, conn.since) = (Phase::Idle, now);
                let mut fields = [const { MaybeUninit::uninit() }; FIELDS];
                let head = Head::parse(&input[..end], &limits, &mut fields)?;
                Ok(end + self.request(key, now, &head, &input[end..])?)
            }
            Phase::Body(pending) => {
                let before = pending.kept.len();
                let mut sink = match pending.action {
                    Action::Message(_) => Sink::Keep(&mut pending.kept, self.config.limits.body_bytes),
                    Action::Skip => Sink::Drop,
                };
                let taken = pending.body.take(input, &mut sink);
                self.held += pending.kept.len() - before;
                let taken = taken?;
                if taken.complete {
                    self.complete(key, now);
                } else if self.held > self.config.limits.buffered_bytes {
                    return Err(FULL);
                }
                Ok(taken.used)
            }
            Phase::Stream(_) | Phase::Ending | Phase::Lingering { .. } | Phase::Dead => Ok(input.len()),
        }
    }

    /// A request with `after`, what there is of the input after its head. Says how much of that belongs to it.
    fn request(&mut self, key: Key, now: Instant, head: &Head<'_, '_>, after: &[u8]) -> Result<usize, Refusal> {
        let (exchange, verdict) = self.judge(head);
        let session = match verdict {
            Verdict::Message(session) => session,
            Verdict::OpenStream(credential) => {
                self.open_stream(key, now, &exchange, credential);
                return if head.framing == Framing::None { Ok(0) } else { self.skip(key, now, exchange, head, after) };
            }
            Verdict::Answer(answer) => {
                self.answer(key, now, &exchange, &answer);
                return self.skip(key, now, exchange, head, after);
            }
        };
        // The usual case: the whole body is here and is read where it lies.
        if let Framing::Sized(length) = head.framing
            && let Some(body) = after.get(..length)
        {
            self.message(key, now, session, &exchange, body);
            return Ok(length);
        }
        if head.expects_continue && after.is_empty() && head.framing != Framing::None {
            let Some(conn) = self.conns.get_mut(key) else { return Ok(0) };
            write_continue(conn.writer(&mut self.buffers));
            self.touch(key);
        }
        self.await_body(key, now, exchange, Action::Message(session), head.framing);
        Ok(0)
    }

    /// Reads past the body of a request that is answered, so that the next request is found. Who waits for permission to
    /// send a body may send it or not: then nobody knows where the next request begins.
    fn skip(
        &mut self,
        key: Key,
        now: Instant,
        exchange: Exchange,
        head: &Head<'_, '_>,
        after: &[u8],
    ) -> Result<usize, Refusal> {
        let ends = !matches!(self.conns.get(key).map(|conn| &conn.phase), Some(Phase::Idle));
        if head.framing == Framing::None || ends {
            return Ok(0);
        }
        if head.expects_continue && after.is_empty() {
            self.enter(key, now, Phase::Lingering { half_closed: false });
            return Ok(0);
        }
        self.await_body(key, now, exchange, Action::Skip, head.framing);
        Ok(0)
    }

    fn await_body(&mut self, key: Key, now: Instant, exchange: Exchange, action: Action, framing: Framing) {
        let pending = Pending { exchange, action, body: Body::new(framing), kept: Vec::new() };
        let complete = pending.body.is_complete();
        self.enter(key, now, Phase::Body(Box::new(pending)));
        if complete {
            self.complete(key, now);
        }
    }

    /// The body of the pending request is complete.
    fn complete(&mut self, key: Key, now: Instant) {
        let Some(conn) = self.conns.get_mut(key) else { return };
        let Phase::Body(pending) = core::mem::replace(&mut conn.phase, Phase::Idle) else { return };
        conn.since = now;
        self.held -= pending.kept.len();
        let Pending { exchange, action, kept, .. } = *pending;
        match action {
            Action::Message(session) => self.message(key, now, session, &exchange, &kept),
            Action::Skip => {}
        }
    }

    /// Answers a request from its head alone.
    pub(super) fn answer(&mut self, key: Key, now: Instant, exchange: &Exchange, answer: &Answer) {
        log::debug!("request refused: {} {}", answer.status.code(), answer.text);
        let response =
            Response { fields: &answer.fields, ..Response::text(answer.status, &answer.text, exchange.persistence) };
        self.respond(key, now, exchange, response);
    }

    /// Writes a response; the connection ends after it if the exchange says so, or at once when its peer asks and does not
    /// read: requests may be pipelined, and each answer is several times as long as the shortest request.
    pub(super) fn respond(&mut self, key: Key, now: Instant, exchange: &Exchange, response: Response<'_>) {
        let Some(conn) = self.conns.get_mut(key) else { return };
        let response = Response { head_only: exchange.head_only, ..response };
        match &exchange.cors {
            None => response.write(conn.writer(&mut self.buffers)),
            Some(cors) => {
                let fields = &[response.fields, cors].concat();
                Response { fields, ..response }.write(conn.writer(&mut self.buffers));
            }
        }
        let is_deaf = conn.stalled.is_some() && conn.unsent().len() > self.config.limits.output_bytes;
        self.touch(key);
        if is_deaf {
            log::info!("a connection dropped: its answers are not read; `output_bytes` bounds what waits");
            self.enter(key, now, Phase::Dead);
        } else if exchange.persistence == Persistence::Close {
            self.enter(key, now, Phase::Lingering { half_closed: false });
        }
    }

    /// The position in the byte stream is lost, or the peer is not served any longer: answer and close.
    pub(super) fn refuse(&mut self, key: Key, now: Instant, refusal: Refusal) {
        log::debug!("request refused: {refusal}");
        let Some(conn) = self.conns.get_mut(key) else { return };
        // Answered already: the rest of its body turned out to be malformed.
        let answered = matches!(&conn.phase, Phase::Body(pending) if pending.action == Action::Skip);
        if !answered {
            let fields = if refusal.status == Status::ServiceUnavailable { "Retry-After: 1\r\n" } else { "" };
            let response = Response { fields, ..Response::text(refusal.status, refusal.why, Persistence::Close) };
            response.write(conn.writer(&mut self.buffers));
        }
        self.enter(key, now, Phase::Lingering { half_closed: false });
    }

    /// Puts a connection into another phase; what it held of the old one is given back.
    pub(super) fn enter(&mut self, key: Key, now: Instant, phase: Phase) {
        let Some(conn) = self.conns.get_mut(key) else { return };
        self.held -= conn.held();
        if !matches!(phase, Phase::Head) {
            conn.input = Vec::new();
        }
        (conn.phase, conn.since) = (phase, now);
        if matches!(conn.phase, Phase::Dead) {
            conn.discard_output();
        }
        self.held += conn.held();
        let is_over = matches!(conn.phase, Phase::Ending | Phase::Lingering { .. } | Phase::Dead);
        self.arm(key);
        if is_over {
            self.touch(key);
        }
    }
}

/// Answered before anything was asked.
pub(super) const TOO_MANY: Refusal =
    Refusal::new(Status::ServiceUnavailable, "the server has as many connections as `limits.connections` allows");

const FULL: Refusal =
    Refusal::new(Status::ServiceUnavailable, "the server holds as many incomplete requests as `buffered_bytes` allows");
