//! What passes over a connection, given to the judge of messages: for the helpers of tests that speak HTTP by hand.
//!
//! A [`Wire`] is one connection between a test and the part that is tested. It finds the messages in requests, in answers and in event
//! streams, and gives them to the [`Conversation`] of their session. Of a test's own bytes it only takes what it can read; whatever our
//! side sends is judged, when somebody asks ([`Sessions::assert_sound`]): bytes often pass on another thread than the test's, and
//! while a deadline runs.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::schema_judge::{Case, Conversation, Side};

/// What is said in one session, on however many connections.
type Shared = Arc<Mutex<Conversation>>;

/// Which sides of a connection are ours, and judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ours {
    /// One of them; the other is a test or somebody else's program.
    One(Side),
    /// Both.
    Both,
}

impl From<Side> for Ours {
    fn from(side: Side) -> Self {
        Self::One(side)
    }
}

/// The sessions of one server. Clones are the same sessions.
#[derive(Debug, Clone, Default)]
pub struct Sessions {
    /// By what names them on the wire: the target of their posts, or the header of Streamable HTTP.
    named: Arc<Mutex<HashMap<String, Shared>>>,
    cases: Arc<Mutex<Vec<Case>>>,
}

impl Sessions {
    /// The sessions of the server at this address.
    pub fn at(address: SocketAddr) -> Self {
        static SERVERS: Mutex<BTreeMap<SocketAddr, Sessions>> = Mutex::new(BTreeMap::new());
        locked(&SERVERS).entry(address).or_default().clone()
    }

    /// A new connection.
    pub fn wire(&self, ours: impl Into<Ours>) -> Wire {
        Wire {
            sessions: self.clone(),
            ours: ours.into(),
            own: Shared::default(),
            current: None,
            requests: Vec::new(),
            answers: Vec::new(),
        }
    }

    /// Fails the test when something that our side sent was not what the schema says.
    ///
    /// # Panics
    ///
    /// With all that was wrong; not while the test fails already.
    #[track_caller]
    pub fn assert_sound(&self) {
        if !std::thread::panicking() {
            let faults = self.faults();
            assert!(faults.is_empty(), "messages are not what the schema says: {faults:#?}");
        }
    }

    /// What was wrong since this was asked last.
    pub fn faults(&self) -> Vec<String> {
        let cases = std::mem::take(&mut *locked(&self.cases));
        cases.iter().filter_map(|case| case.judge().err()).collect()
    }

    fn named(&self, name: &str) -> Option<Shared> {
        locked(&self.named).get(name).cloned()
    }
}

/// The sessions of one server, for a helper that owns them: dropping it tells the faults.
#[derive(Debug, Default)]
pub struct Verdict(Sessions);

impl Verdict {
    /// On the server at this address.
    pub fn at(address: SocketAddr) -> Self {
        Self(Sessions::at(address))
    }
}

impl std::ops::Deref for Verdict {
    type Target = Sessions;

    fn deref(&self) -> &Sessions {
        &self.0
    }
}

impl Drop for Verdict {
    fn drop(&mut self) {
        self.0.assert_sound();
    }
}

/// One connection.
#[derive(Debug)]
pub struct Wire {
    sessions: Sessions,
    ours: Ours,
    /// For what belongs to no session with a name.
    own: Shared,
    /// The session that the last request was for.
    current: Option<Shared>,
    /// Bytes of the client that are no whole request yet.
    requests: Vec<u8>,
    /// Bytes of the server that are no whole line yet.
    answers: Vec<u8>,
}

impl Wire {
    /// The client sent these bytes.
    pub fn requested(&mut self, bytes: &[u8]) {
        self.requests.extend_from_slice(bytes);
        while let Some((head, body)) = take_request(&mut self.requests) {
            self.enter(&head);
            self.pass(Side::Client, body.as_bytes());
        }
    }

    /// The client sent a request with this target, these fields and this body.
    pub fn request(&mut self, head: &str, body: &[u8]) {
        self.enter(head);
        self.pass(Side::Client, body);
    }

    /// The server sent these bytes.
    pub fn answered(&mut self, bytes: &[u8]) {
        let mut answers = std::mem::take(&mut self.answers);
        // What was searched before has no line end.
        let mut searched = answers.len();
        answers.extend_from_slice(bytes);
        let mut begin = 0;
        while let Some(found) = answers[searched..].iter().position(|byte| *byte == b'\n') {
            self.line(answers[begin..searched + found].trim_ascii());
            begin = searched + found + 1;
            searched = begin;
        }
        // The body of an answer has no line end.
        let body = &answers[begin..];
        if body.starts_with(b"{") && body.ends_with(b"}") && is_json(body) {
            self.pass(Side::Server, body);
            begin = answers.len();
        }
        answers.drain(..begin);
        self.answers = answers;
    }

    fn line(&mut self, line: &[u8]) {
        let data = line.strip_prefix(b"data:").map(<[u8]>::trim_ascii_start);
        if let Some(message) = data.or(Some(line)).filter(|text| text.starts_with(b"{") || text.starts_with(b"[")) {
            return self.pass(Side::Server, message);
        }
        let Ok(text) = str::from_utf8(line) else { return };
        // The path for the posts of HTTP+SSE, or the name that a session of Streamable HTTP was given.
        let endpoint = data.and_then(|data| str::from_utf8(data).ok()).filter(|target| target.starts_with('/'));
        if let Some(name) = endpoint.or_else(|| field(text, "mcp-session-id")) {
            let mut named = locked(&self.sessions.named);
            let session = Arc::clone(named.entry(name.to_owned()).or_insert_with(|| Arc::clone(self.session())));
            drop(named);
            // A name may be used again; what follows on this connection is said in that session.
            self.own = session;
        }
    }

    /// Finds the session that a request is for.
    fn enter(&mut self, head: &str) {
        let target = head.split(' ').nth(1).unwrap_or_default();
        let name = head.lines().find_map(|line| field(line, "mcp-session-id")).unwrap_or(target);
        self.current = self.sessions.named(name);
    }

    fn session(&self) -> &Shared {
        self.current.as_ref().unwrap_or(&self.own)
    }

    fn pass(&mut self, side: Side, message: &[u8]) {
        let mut conversation = locked(self.session());
        if self.ours == Ours::One(side.other()) {
            conversation.overheard(side, message);
        } else if let Ok(message) = serde_json::from_slice(message) {
            let cases = conversation.cases(side, message);
            locked(&self.sessions.cases).extend(cases);
        }
    }
}

fn is_json(text: &[u8]) -> bool {
    serde_json::from_slice::<serde::de::IgnoredAny>(text).is_ok()
}

/// Also after a test failed while it was held.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The value of a header line, when it has this name.
fn field<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let (known, value) = line.split_once(':')?;
    known.eq_ignore_ascii_case(name).then(|| value.trim())
}

/// Takes the head and the body of the first request out of `bytes`. What is no request at all is forgotten.
fn take_request(bytes: &mut Vec<u8>) -> Option<(String, String)> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let length =
        head.lines().find_map(|line| field(line, "content-length")).map_or(Some(0), |digits| digits.parse().ok());
    let Some(length) = length else {
        bytes.clear();
        return None;
    };
    let length: usize = length;
    let body = bytes.get(end..end.checked_add(length)?)?;
    let body = String::from_utf8_lossy(body).into_owned();
    bytes.drain(..end + length);
    Some((head, body))
}

#[cfg(test)]
mod tests {
    use super::*;

    const INITIALIZE: &str = r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2024-11-05","capabilities":{},"clientInfo":{"name":"t","version":"0"}}}"#;
    const INITIALIZED: &str = r#"{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"2024-11-05","capabilities":{},"serverInfo":{"name":"s","version":"0"}}}"#;
    const LIST: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;
    const GOOD: &str = r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[]}}"#;
    const BAD: &str = r#"{"jsonrpc":"2.0","id":1,"result":{"tools":{}}}"#;

    fn post(target: &str, headers: &str, body: &str) -> Vec<u8> {
        format!("POST {target} HTTP/1.1\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
    }

    /// A server's answers over HTTP+SSE, with the posts on another connection and all bytes one by one.
    fn over_sse(answer: &str) -> Vec<String> {
        let sessions = Sessions::default();
        let (mut stream, mut posts) = (sessions.wire(Side::Server), sessions.wire(Side::Server));
        stream.requested(b"GET /sse HTTP/1.1\r\n\r\n");
        stream.answered(b"HTTP/1.1 200 OK\r\n\r\nevent: endpoint\ndata: /messages?s=1\n\n");
        for (question, answer) in [(INITIALIZE, INITIALIZED), (LIST, answer)] {
            post("/messages?s=1", "", question).iter().for_each(|byte| posts.requested(&[*byte]));
            posts.answered(b"HTTP/1.1 202 Accepted\r\nContent-Length: 8\r\n\r\nAccepted");
            format!("event: message\ndata: {answer}\n\n").bytes().for_each(|byte| stream.answered(&[byte]));
        }
        sessions.faults()
    }

    /// The same over Streamable HTTP, each request on a connection of its own, answered as JSON and in chunks.
    fn over_streamable(answer: &str) -> Vec<String> {
        let sessions = Sessions::default();
        let mut first = sessions.wire(Side::Server);
        first.requested(&post("/mcp", "", INITIALIZE));
        first.answered(
            format!("HTTP/1.1 200 OK\r\nMcp-Session-Id: a\r\nContent-Length: 1\r\n\r\n{INITIALIZED}").as_bytes(),
        );
        let mut second = sessions.wire(Side::Server);
        second.requested(&post("/mcp", "mcp-session-id: a\r\n", LIST));
        let event = format!("event: message\ndata: {answer}\n\n");
        second.answered(format!("HTTP/1.1 200 OK\r\n\r\n{:x}\r\n{event}\r\n0\r\n\r\n", event.len()).as_bytes());
        sessions.faults()
    }

    #[test]
    fn what_does_not_fit_its_question_is_found_on_whatever_connection_it_comes() {
        assert_eq!((over_sse(GOOD), over_streamable(GOOD)), (vec![], vec![]));
        for faults in [over_sse(BAD), over_streamable(BAD)] {
            assert!(faults.len() == 1 && faults[0].contains("no ListToolsResult of 2024-11-05"), "{faults:?}");
        }
    }

    #[test]
    fn what_a_test_sends_is_not_judged() {
        let sessions = Sessions::default();
        let mut wire = sessions.wire(Side::Server);
        wire.requested(&post("/mcp", "", r#"{"jsonrpc":"1.0","method":7}"#));
        wire.requested(&post("/mcp", "", "no JSON"));
        wire.requested(b"nonsense\r\nContent-Length: x\r\n\r\n");
        assert!(sessions.faults().is_empty());
    }

    #[test]
    #[should_panic(expected = "no JSONRPCMessage")]
    fn a_fault_is_told_when_the_helper_is_dropped() {
        let verdict = Verdict::default();
        verdict.wire(Side::Server).answered(br#"{"jsonrpc":"2.0","result":7}"#);
    }
}
