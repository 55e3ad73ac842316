//! The answer to a POST over Streamable HTTP: one JSON object when nothing comes before the response, else an event stream.
//!
//! Which of the two is settled by the first message: a response makes it JSON, written behind its head with one copy and sent with
//! one write; a report makes it a stream (R-SH-9, R-ST-14). Nothing is kept of an answer that is complete when its
//! handler returns.

use alloc::vec::Vec;
use core::time::Duration;

use mcp_core::http::stateless::status_of;
use mcp_core::sse;
use mcp_core::time::Instant;

use super::replay::{EventId, Room};
use crate::conn::Terms;
use crate::http1::stream::{write_end, write_event_stream_head};
use crate::http1::{Chunk, Delimiter, OpenAnswer, Persistence, Status};
use crate::parts::Listening;
use crate::service::{Kind, Outbox};
use crate::sessions::{Streams, Token};

/// How far an answer is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Writing {
    pub(crate) form: Form,
    pub(crate) sole: Sole,
    /// Requests whose response is still to come: more than one in a batch.
    pub(crate) unanswered: u32,
    pub(crate) statuses: Statuses,
    /// How its end is told, when it is an event stream.
    delimiter: Option<Delimiter>,
    /// The last event, of a stream that can be resumed.
    pub(crate) newest: Option<EventId>,
    /// Whether the stream was closed for its client to come back, and it has not come yet.
    pub(crate) awaited: bool,
}

/// What was written of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Nothing yet.
    Open,
    /// An event stream that goes on.
    Events(Delimiter),
    /// An event stream that goes on without a connection: its client comes back for the rest (R-SH-39).
    Away,
    /// All of it.
    Complete,
}

/// Which form a response has that nothing came before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sole {
    /// JSON.
    Json,
    /// An event stream, like any other answer.
    Events,
}

/// Which status an answer has that is a JSON-RPC error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Statuses {
    /// 200: in the handshake eras an error is a response like any other.
    Ok,
    /// The one of its code (R-ST-21 to R-ST-27).
    ByCode,
    /// 429: the session has as many requests in flight as it may have.
    TooManyRequests,
}

impl Writing {
    /// An answer of which nothing is written, to `unanswered` requests.
    pub(crate) fn new(sole: Sole, statuses: Statuses, unanswered: u32) -> Self {
        Self { form: Form::Open, sole, unanswered, statuses, delimiter: None, newest: None, awaited: false }
    }

    /// It goes on as an event stream on a connection of its own.
    pub(super) fn go_on(&mut self, delimiter: Delimiter) {
        (self.form, self.delimiter, self.awaited) = (Form::Events(delimiter), Some(delimiter), false);
    }

    /// Whether another request may follow on its connection: not when only the end of that ends the answer.
    pub(super) fn persistence(&self, terms: &Terms) -> Persistence {
        if self.delimiter == Some(Delimiter::Close) { Persistence::Close } else { terms.persistence }
    }

    pub(crate) fn is_complete(&self) -> bool {
        self.form == Form::Complete
    }
}

/// What a session adds to its answers.
#[derive(Debug)]
pub(super) struct Memory<'a> {
    pub(super) streams: &'a mut Streams,
    pub(super) room: Room<'a>,
    pub(super) token: Token,
    /// Whether events have ids.
    pub(super) resumes: Option<Listening>,
    /// Whether streams begin with an event without data, for their id (R-SH-38, R-SH-43).
    pub(super) primes: bool,
}

/// Where the messages of one answer go.
#[derive(Debug)]
pub(super) struct AnswerOutbox<'a> {
    pub(super) out: &'a mut Vec<u8>,
    pub(super) writing: &'a mut Writing,
    pub(super) terms: &'a Terms,
    pub(super) memory: Option<Memory<'a>>,
    pub(super) now: Instant,
}

impl Outbox for AnswerOutbox<'_> {
    fn message(&mut self, kind: Kind, write: &mut dyn FnMut(&mut Vec<u8>) -> bool) {
        let is_sole_answer = kind == Kind::Answer && self.writing.unanswered <= 1;
        match (self.writing.form, self.writing.sole) {
            (Form::Complete, _) => {}
            (Form::Open, Sole::Json) if is_sole_answer => self.json(write),
            (Form::Open, _) => {
                let (start, newest) = (self.out.len(), self.writing.newest);
                let delimiter = self.open_stream();
                if !self.event(kind, delimiter, write) {
                    self.out.truncate(start);
                    (self.writing.form, self.writing.delimiter, self.writing.newest) = (Form::Open, None, newest);
                }
            }
            (Form::Events(delimiter), _) => {
                self.event(kind, delimiter, write);
            }
            (Form::Away, _) => {
                let start = self.out.len();
                self.event(kind, Delimiter::Close, write);
                self.out.truncate(start);
            }
        }
    }

    fn close_stream(&mut self, retry: Option<Duration>) {
        // Only who was told the id of an event can come back for the next one.
        if !self.memory.as_ref().is_some_and(|memory| memory.primes) {
            return;
        }
        let delimiter = match self.writing.form {
            Form::Open => self.open_stream(),
            Form::Events(delimiter) => delimiter,
            Form::Away | Form::Complete => return,
        };
        let Some(newest) = self.writing.newest else { return };
        let chunk = Chunk::begin(self.out, delimiter);
        newest.write(self.out);
        let retry = retry.unwrap_or(RETRY).as_millis();
        sse::encode::retry(self.out, u64::try_from(retry).unwrap_or(u64::MAX));
        self.out.extend_from_slice(b"data: \n\n");
        chunk.finish(self.out);
        write_end(self.out, delimiter);
        (self.writing.form, self.writing.awaited) = (Form::Away, true);
    }
}

/// How long a client is asked to wait before it comes back, unless the handler says so itself (R-SH-40).
const RETRY: Duration = Duration::from_secs(1);

impl AnswerOutbox<'_> {
    fn json(&mut self, write: &mut dyn FnMut(&mut Vec<u8>) -> bool) {
        let cors = self.terms.cors.as_deref().unwrap_or_default();
        let answer = OpenAnswer::begin(self.out, &[cors], self.terms.persistence);
        if !write(self.out) {
            return answer.discard(self.out);
        }
        let status = match self.writing.statuses {
            Statuses::Ok => Status::Ok,
            Statuses::TooManyRequests => Status::TooManyRequests,
            Statuses::ByCode => error_code(&self.out[answer.body()..]).map_or(Status::Ok, status_of_error),
        };
        answer.finish(self.out, status);
        self.writing.form = Form::Complete;
    }

    /// Makes the answer an event stream.
    pub(super) fn open_stream(&mut self) -> Delimiter {
        let delimiter = Delimiter::of(self.terms.persistence);
        let cors = self.terms.cors.as_deref().unwrap_or_default();
        let line = self.memory.as_ref().map(|memory| memory.token.line());
        let line = line.as_ref().map_or("", |line| line.as_str());
        write_event_stream_head(self.out, &[cors, line], delimiter);
        self.writing.go_on(delimiter);
        if let Some(memory) = &mut self.memory
            && let Some(part) = memory.resumes
        {
            let first = EventId::new(part, memory.streams.next(), 0);
            self.writing.newest = Some(first);
            if memory.primes {
                write_priming(self.out, first, delimiter);
            }
        }
        delimiter
    }

    /// Ends the answer as it is.
    pub(super) fn end(&mut self) {
        let delimiter = match self.writing.form {
            Form::Complete => return,
            Form::Open => self.open_stream(),
            Form::Events(delimiter) => delimiter,
            Form::Away => Delimiter::Close,
        };
        write_end(self.out, delimiter);
        self.writing.form = Form::Complete;
    }

    /// Sends one message as an event; false when there was none.
    fn event(&mut self, kind: Kind, delimiter: Delimiter, write: &mut dyn FnMut(&mut Vec<u8>) -> bool) -> bool {
        let chunk = Chunk::begin(self.out, delimiter);
        let start = self.out.len();
        let id = self.writing.newest.map(EventId::next);
        if let Some(id) = id {
            id.write(self.out);
        }
        let mark = sse::begin(self.out, "message");
        if !write(self.out) {
            chunk.discard(self.out);
            return false;
        }
        sse::finish(self.out, mark);
        if let (Some(id), Some(memory)) = (id, &mut self.memory) {
            self.writing.newest = Some(id);
            memory.streams.replay.keep(self.now, id, &self.out[start..], &mut memory.room);
        }
        chunk.finish(self.out);
        if kind == Kind::Answer {
            self.writing.unanswered = self.writing.unanswered.saturating_sub(1);
            if self.writing.unanswered == 0 {
                write_end(self.out, delimiter);
                self.writing.form = Form::Complete;
            }
        }
        true
    }
}

/// An event with an id and without data: from here on the client can come back (R-SH-38).
pub(super) fn write_priming(out: &mut Vec<u8>, id: EventId, delimiter: Delimiter) {
    let chunk = Chunk::begin(out, delimiter);
    id.write(out);
    out.extend_from_slice(b"data: \n\n");
    chunk.finish(out);
}

/// A comment on a stream that has been silent.
pub(super) fn write_comment(out: &mut Vec<u8>, delimiter: Delimiter) {
    let chunk = Chunk::begin(out, delimiter);
    sse::encode::comment(out, "ping");
    chunk.finish(out);
}

/// The code of a response that is an error. Responses are written here, in the order `jsonrpc`, `id`, then `result` or
/// `error` with its `code` first; so it is found without reading the message again.
pub(super) fn error_code(response: &[u8]) -> Option<i64> {
    let rest = response.strip_prefix(br#"{"jsonrpc":"2.0","id":"#)?;
    let end = match rest.strip_prefix(b"\"") {
        None => memchr::memchr(b',', rest)?,
        Some(text) => 2 + end_of_string(text)?,
    };
    let code = rest[end..].strip_prefix(br#","error":{"code":"#)?;
    let digits = &code[..code.iter().position(|byte| !matches!(byte, b'-' | b'0'..=b'9'))?];
    core::str::from_utf8(digits).ok()?.parse().ok()
}

/// Where the quotation mark stands that ends a JSON string.
fn end_of_string(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        at += memchr::memchr2(b'"', b'\\', &text[at..])?;
        if text[at] == b'"' {
            return Some(at);
        }
        at = text.len().min(at + 2);
    }
}

/// The status of an answer that is an error with this code.
pub(super) fn status_of_error(code: i64) -> Status {
    Status::from_code(status_of(code)).unwrap_or(Status::Ok)
}

#[cfg(test)]
mod tests {
    use super::*;
    use mcp_core::jsonrpc::{ErrorId, ErrorObject, RequestId, write_error, write_result};

    #[test]
    fn the_code_of_an_error_is_found_whatever_its_id() {
        let ids = [RequestId::from(7u64), "a".into(), r#"q"uo\te","error":{"code":1"#.into(), "".into(), "\\".into()];
        for id in ids {
            let mut out = Vec::new();
            write_error(&mut out, &ErrorId::Known(id.clone()), &ErrorObject::new(-32601, "no"));
            assert_eq!(error_code(&out), Some(-32601), "{}", alloc::string::String::from_utf8_lossy(&out));
            out.clear();
            let result = serde_json::json!({ "error": { "code": -32602 } });
            write_result(&mut out, &id, &result).unwrap();
            assert_eq!(error_code(&out), None);
        }
        assert_eq!(error_code(b"{}"), None);
    }
}
