//! A service and one session with it, without sockets: lines in, JSON out.

use std::sync::mpsc::{Receiver, channel};

use mcp_core::Limits;
use mcp_core::jsonrpc::{Payload, decode};
use mcp_core::session::{ServerEvent, ServerSession};
use mcp_core::time::Instant;
use mcp_server_tiny::service::{Origin, Outcome, Service, WhenBusy};
use serde_json::{Value, json};

use crate::raw_http::PATIENCE;
use crate::schema_judge::{Conversation, Side};

/// The number of the session in [`RawService`].
pub const SESSION: u64 = 7;

/// A service whose only client is the test.
pub struct RawService {
    /// The service itself.
    pub service: Service,
    /// The client's session.
    pub session: ServerSession,
    /// What the next busy call is to do.
    pub when_busy: WhenBusy,
    /// The time, which stands still until the test moves it.
    pub now: Instant,
    out: Vec<u8>,
    woken: Receiver<()>,
    next_id: u64,
    conversation: Conversation,
}

impl RawService {
    /// A session that agreed on `version`.
    pub fn new(mut service: Service, version: &str) -> Self {
        let (wake, woken) = channel();
        service.wake_with(move || {
            // The test may be over.
            let _ = wake.send(());
        });
        let session = ServerSession::new();
        let mut raw = Self {
            service,
            session,
            when_busy: WhenBusy::Answer,
            now: Instant::ZERO,
            out: Vec::new(),
            woken,
            next_id: 1,
            conversation: Conversation::default(),
        };
        let info = json!({"name": "test", "version": "1"});
        raw.ask("initialize", json!({"protocolVersion": version, "capabilities": {}, "clientInfo": info}));
        assert_eq!(raw.session.version().as_str(), version);
        raw
    }

    /// Sends one message as the client would. Requests get what became of them.
    ///
    /// # Panics
    ///
    /// When it is no message.
    pub fn send(&mut self, message: &Value) -> Outcome {
        let text = message.to_string();
        self.send_text(&text)
    }

    /// As [`send`](Self::send), for a message written by hand.
    ///
    /// # Panics
    ///
    /// When it is no message.
    pub fn send_text(&mut self, text: &str) -> Outcome {
        let limits = Limits::default();
        let Ok(Payload::Message(message)) = decode(text.as_bytes(), &limits) else { panic!("no message: {text}") };
        self.conversation.overheard(Side::Client, text.as_bytes());
        let before = self.out.len();
        let event = self.session.handle_message(&self.service.profile(), &limits, message, &mut self.out);
        if self.out.len() > before {
            self.out.push(b'\n');
        }
        match event {
            ServerEvent::Request { key, method, params } => {
                let origin = Origin { when_busy: self.when_busy, ..Origin::new(SESSION, key, self.now) };
                self.service.handle(&mut self.session, &origin, method, params, &mut self.out)
            }
            ServerEvent::Cancelled { key, .. } => {
                self.service.cancel(SESSION, key);
                Outcome::Answered
            }
            _ => Outcome::Answered,
        }
    }

    /// Everything that was sent to the client so far.
    ///
    /// # Panics
    ///
    /// When a line is no JSON.
    pub fn sent(&mut self) -> Vec<Value> {
        let text = self.sent_text();
        text.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect()
    }

    /// Everything that was sent to the client so far, as it was written.
    ///
    /// # Panics
    ///
    /// When it is no text.
    pub fn sent_text(&mut self) -> String {
        let text = String::from_utf8(std::mem::take(&mut self.out)).expect("JSON is text");
        text.lines().for_each(|line| self.conversation.sent(Side::Server, line.as_bytes()));
        text
    }

    /// Sends a request and gives all that is sent because of it at once; the answer comes last.
    ///
    /// # Panics
    ///
    /// When it is answered later.
    pub fn ask_all(&mut self, method: &str, params: Value) -> Vec<Value> {
        let id = self.begin(method, params);
        let sent = self.sent();
        assert_eq!(sent.last().map(|answer| &answer["id"]), Some(&json!(id)), "{sent:?}");
        sent
    }

    /// Sends a request and gives the answer, to which nothing else was sent.
    ///
    /// # Panics
    ///
    /// When there is none or more.
    pub fn ask(&mut self, method: &str, params: Value) -> Value {
        let mut sent = self.ask_all(method, params);
        assert_eq!(sent.len(), 1, "{sent:?}");
        sent.remove(0)
    }

    /// Calls a tool and gives its answer.
    pub fn call(&mut self, tool: &str, arguments: Value) -> Value {
        self.ask("tools/call", json!({"name": tool, "arguments": arguments}))
    }

    /// Sends a request and gives its id.
    pub fn begin(&mut self, method: &str, params: Value) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        let _outcome = self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        id
    }

    /// Begins a call that wants progress under the token `"p"`.
    pub fn begin_call(&mut self, tool: &str, arguments: Value) -> u64 {
        let params = json!({"name": tool, "arguments": arguments, "_meta": {"progressToken": "p"}});
        self.begin("tools/call", params)
    }

    /// Delivers all mail there is. How many pieces there were.
    pub fn deliver(&mut self) -> usize {
        let mut count = 0;
        while let Some(mail) = self.service.next_mail() {
            assert_eq!(mail.session(), SESSION);
            self.service.deliver(self.now, mail, &mut self.session, &mut self.out);
            count += 1;
        }
        count
    }

    /// Waits until the service wakes its loop, and delivers all mail.
    ///
    /// # Panics
    ///
    /// When it does not.
    pub fn wait_for_mail(&mut self) {
        self.woken.recv_timeout(PATIENCE).expect("the service wakes its loop");
        self.deliver();
    }

    /// Waits until the answer to `id` was sent and gives all that was sent up to it.
    ///
    /// # Panics
    ///
    /// When it does not come.
    pub fn wait_for(&mut self, id: u64) -> Vec<Value> {
        let mut sent = self.sent();
        loop {
            if sent.iter().any(|message| message["id"] == id) {
                return sent;
            }
            self.wait_for_mail();
            sent.extend(self.sent());
        }
    }
}
