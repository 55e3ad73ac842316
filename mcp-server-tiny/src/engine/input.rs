//! Bytes of a connection to requests, and requests to what they ask for.

use core::mem::MaybeUninit;

use alloc::boxed::Box;
use alloc::vec::Vec;

use mcp_core::time::Instant;

use super::Engine;
use super::admission::{Answer, Verdict};
use super::exchange::Asked;
use crate::conn::{Action, Pending, Phase, Terms};
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
            self.keep(key, now, &bytes[used..]);
            return;
        }
        let mut input = core::mem::take(&mut conn.input);
        self.held -= input.len();
        input.extend_from_slice(bytes);
        let used = self.advance(key, now, &input);
        if used > 0 {
            self.keep(key, now, &input[used..]);
            self.buffers.give(input);
        } else if let Some(conn) = self.conns.get_mut(key) {
            self.held += input.len();
            conn.input = input;
            self.bound_input(key, now);
        }
    }

    /// The peer will send no more.
    pub(super) fn take_end(&mut self, key: Key, now: Instant) {
        if let Some(conn) = self.conns.get_mut(key) {
            conn.has_ended = conn.waits_for_room();
            if conn.has_ended {
                return;
            }
        }
        match self.conns.get(key).map(|conn| &conn.phase) {
            None => {}
            // Nobody who closes one direction still reads the other; a proxy passes on exactly this.
            Some(Phase::Stream(..) | Phase::Listening(..)) => {
                self.detach(key, now);
                self.enter(key, now, Phase::Dead);
            }
            Some(Phase::Answering(exchange)) => {
                let exchange = *exchange;
                if self.outlives_connection(exchange) {
                    return;
                }
                self.detach(key, now);
                self.enter(key, now, Phase::Dead);
            }
            Some(_) => self.enter(key, now, Phase::Ending),
        }
    }

    /// Whether an answer is still worth sending after its client closed its side; nothing follows it then.
    fn outlives_connection(&mut self, exchange: Key) -> bool {
        let Some(exchange) = self.exchanges.get_mut(exchange) else { return false };
        exchange.terms.persistence = Persistence::Close;
        matches!(exchange.asked, Asked::InSession(_))
    }

    /// Keeps the beginning of a head, or requests that wait for the answer to the one before them.
    fn keep(&mut self, key: Key, now: Instant, rest: &[u8]) {
        let Some(conn) = self.conns.get_mut(key) else { return };
        if rest.is_empty() || matches!(conn.phase, Phase::Dead) {
            return;
        }
        conn.input.extend_from_slice(rest);
        self.held += rest.len();
        self.bound_input(key, now);
    }

    /// Who sends more while it waits for an answer than two requests can be is cut off: there is no place for a refusal in the middle of
    /// an answer.
    fn bound_input(&mut self, key: Key, now: Instant) {
        let Some(conn) = self.conns.get(key) else { return };
        let limits = &self.config.limits;
        let bound = limits.head_bytes.saturating_add(limits.body_bytes).saturating_mul(2);
        let is_full = conn.input.len() > bound || self.held > limits.buffered_bytes;
        if is_full && conn.may_hold_requests() {
            log::info!(
                "a connection dropped: more requests wait behind its answer than `body_bytes` or `buffered_bytes` allows"
            );
            self.detach(key, now);
            self.enter(key, now, Phase::Dead);
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
        // Short requests may have long answers, and one read may give many: first the answers go out. Who does not read them
        // is dropped after a while.
        let has_much_to_send = conn.unsent().len() > self.config.limits.output_bytes;
        match &mut conn.phase {
            Phase::Idle if has_much_to_send => Ok(0),
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
                Ok(end + self.request(key, now, &head, &input[..end], &input[end..])?)
            }
            Phase::Body(pending) => {
                let before = pending.kept.len();
                let mut sink = match pending.action {
                    Action::Message(..) | Action::Post(_) => {
                        Sink::Keep(&mut pending.kept, self.config.limits.body_bytes)
                    }
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
            // Its turn comes when the answer is complete.
            Phase::Answering(_) => Ok(0),
            Phase::Stream(..) | Phase::Listening(..) | Phase::Ending | Phase::Lingering { .. } | Phase::Dead => {
                Ok(input.len())
            }
        }
    }

    /// A request with `after`, what there is of the input after its head. Says how much of that belongs to it.
    fn request(
        &mut self,
        key: Key,
        now: Instant,
        head: &Head<'_, '_>,
        head_bytes: &[u8],
        after: &[u8],
    ) -> Result<usize, Refusal> {
        let (terms, verdict) = self.judge(head);
        match &verdict {
            Verdict::Message(..) | Verdict::Post => {}
            Verdict::OpenStream(credential, part) => {
                let credential = credential.clone();
                self.open_stream(key, now, &terms, credential, *part);
                return self.skip(key, now, terms, head, after);
            }
            Verdict::Listen(session, from, part) => {
                self.listen(key, now, &terms, (*session, *part), *from);
                return self.skip(key, now, terms, head, after);
            }
            Verdict::EndSession(session) => {
                self.end_session_by(key, now, &terms, *session);
                return self.skip(key, now, terms, head, after);
            }
            Verdict::Answer(answer) => {
                self.answer(key, now, &terms, answer);
                return self.skip(key, now, terms, head, after);
            }
        }
        // The usual case: the whole body is here and is read where it lies.
        if let Framing::Sized(length) = head.framing
            && let Some(body) = after.get(..length)
        {
            match verdict {
                Verdict::Message(session, _) => self.message(key, now, session, &terms, body),
                _ => self.post(key, now, &terms, head, body),
            }
            return Ok(length);
        }
        if head.expects_continue && after.is_empty() && head.framing != Framing::None {
            let Some(conn) = self.conns.get_mut(key) else { return Ok(0) };
            write_continue(conn.writer(&mut self.buffers));
            self.touch(key);
        }
        let action = match verdict {
            Verdict::Message(session, part) => Action::Message(session, part),
            _ => Action::Post(head_bytes.into()),
        };
        self.await_body(key, now, terms, action, head.framing);
        // The head is kept with the body.
        if self.held > self.config.limits.buffered_bytes { Err(FULL) } else { Ok(0) }
    }

    /// Reads past the body of a request that is answered, so that the next request is found. Who waits for permission to
    /// send a body may send it or not: then nobody knows where the next request begins.
    fn skip(
        &mut self,
        key: Key,
        now: Instant,
        terms: Terms,
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
        self.await_body(key, now, terms, Action::Skip, head.framing);
        Ok(0)
    }

    fn await_body(&mut self, key: Key, now: Instant, terms: Terms, action: Action, framing: Framing) {
        let pending = Pending { terms, action, body: Body::new(framing), kept: Vec::new() };
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
        self.held -= pending.held();
        let Pending { terms, action, kept, .. } = *pending;
        match action {
            Action::Message(session, _) => self.message(key, now, session, &terms, &kept),
            Action::Post(head) => {
                let mut fields = [const { MaybeUninit::uninit() }; FIELDS];
                // It was parsed once before, within the same limits.
                if let Ok(head) = Head::parse(&head, &self.config.limits.head(), &mut fields) {
                    self.post(key, now, &terms, &head, &kept);
                }
            }
            Action::Skip => {}
        }
    }

    /// Answers a request from its head alone.
    pub(super) fn answer(&mut self, key: Key, now: Instant, terms: &Terms, answer: &Answer) {
        log::debug!("request refused: {} {}", answer.status.code(), answer.text);
        let response = Response {
            fields: &answer.fields,
            content_type: answer.content_type,
            ..Response::text(answer.status, &answer.text, terms.persistence)
        };
        self.respond(key, now, terms, response);
    }

    /// Writes a response; the connection ends after it if the exchange says so, or at once when its peer asks and does not
    /// read: requests may be pipelined, and each answer is several times as long as the shortest request.
    pub(super) fn respond(&mut self, key: Key, now: Instant, terms: &Terms, response: Response<'_>) {
        let Some(conn) = self.conns.get_mut(key) else { return };
        let response = Response { head_only: terms.head_only, ..response };
        match &terms.cors {
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
        } else if terms.persistence == Persistence::Close {
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
        if !matches!(phase, Phase::Head | Phase::Idle | Phase::Answering(_)) {
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
