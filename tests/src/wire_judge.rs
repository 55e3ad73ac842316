//! What passes over a connection, given to the judge of messages: for the helpers of tests that speak HTTP by hand.
//!
//! A [`Wire`] is one connection between a test and the part that is tested. It finds the messages in requests, in answers and in event
//! streams, and gives them to the [`Conversation`] of their session. Of a test's own bytes it only takes what it can read; whatever our
//! side sends is judged. Faults are kept, and told when somebody asks ([`Wire::assert_sound`]), because bytes often pass
//! on another thread than the test's.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::schema_judge::{Conversation, Side};

/// What is said in one session, on however many connections.
type Shared = Arc<Mutex<Conversation>>;

/// The sessions of one server. Clones are the same sessions.
#[derive(Debug, Clone, Default)]
pub struct Sessions {
    /// By what names them on the wire: the target of their posts, or the header of Streamable HTTP.
    named: Arc<Mutex<HashMap<String, Shared>>>,
    faults: Arc<Mutex<Vec<String>>>,
}

impl Sessions {
    /// A new connection; `ours` is the side that is judged.
    pub fn wire(&self, ours: Side) -> Wire {
        Wire {
            sessions: self.clone(),
            ours,
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
        let faults = std::mem::take(&mut *locked(&self.faults));
        assert!(faults.is_empty() || std::thread::panicking(), "messages are not what the schema says: {faults:#?}");
    }

    fn named(&self, name: &str) -> Option<Shared> {
        locked(&self.named).get(name).cloned()
    }
}

/// One connection.
#[derive(Debug)]
pub struct Wire {
    sessions: Sessions,
    ours: Side,
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
        self.answers.extend_from_slice(bytes);
        while let Some(end) = self.answers.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.answers.drain(..=end).collect();
            self.line(line.trim_ascii());
        }
        // The body of an answer has no line end.
        if self.answers.starts_with(b"{") && serde_json::from_slice::<serde::de::IgnoredAny>(&self.answers).is_ok() {
            let body = std::mem::take(&mut self.answers);
            self.pass(Side::Server, &body);
        }
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
            let session = Arc::clone(self.session());
            locked(&self.sessions.named).entry(name.to_owned()).or_insert(session);
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
        if side != self.ours {
            conversation.overheard(side, message);
        } else if serde_json::from_slice::<serde::de::IgnoredAny>(message).is_ok()
            && let Err(fault) = conversation.judge(side, message)
        {
            locked(&self.sessions.faults).push(fault);
        }
    }
}

/// Also after a test failed while it was held.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
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
