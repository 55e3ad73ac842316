//! A service and one client of it, without sockets: lines in, JSON out. In each revision, and judged by its schema.

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, channel};

use mcp_core::Limits;
use mcp_core::jsonrpc::{Message, Payload, Request, decode, write_error};
use mcp_core::revision::ProtocolVersion;
use mcp_core::session::{Claim, RequestKey, ServerEvent, ServerSession, requested_method};
use mcp_core::time::Instant;
use mcp_core::types::meta;
use mcp_server_tiny::service::{Kind, Origin, Outbox as _, Outcome, Service, WhenBusy};
use serde_json::{Value, json};

use crate::raw_http::PATIENCE;
use crate::schema_judge::{Side, assert_valid};

/// The number of the session in [`RawService`]; requests that stand alone have higher ones.
pub const SESSION: u64 = 7;

/// A service whose only client is the test.
pub struct RawService {
    /// The service itself.
    pub service: Service,
    /// The client's session, in revisions with a handshake.
    pub session: ServerSession,
    /// What the next busy call is to do.
    pub when_busy: WhenBusy,
    /// The time, which stands still until the test moves it.
    pub now: Instant,
    /// What the client authenticates with.
    pub credential: Option<Vec<u8>>,
    /// What the client says it can be asked, with every request that stands alone.
    pub capabilities: Value,
    /// The lowest level of log messages that it wants, with every request that stands alone.
    pub level: Option<&'static str>,
    version: ProtocolVersion,
    /// Requests that stand alone and are not answered yet.
    alone: Vec<Alone>,
    out: Vec<u8>,
    woken: Receiver<()>,
    next_id: u64,
    /// Which method was asked under an id, as JSON.
    asked: HashMap<String, String>,
}

struct Alone {
    number: u64,
    key: RequestKey,
    session: ServerSession,
}

impl RawService {
    /// A client that speaks `version` and can be asked nothing.
    pub fn new(service: Service, version: &str) -> Self {
        Self::with(service, version, json!({}))
    }

    /// A client that speaks `version` and has these capabilities.
    ///
    /// # Panics
    ///
    /// When there is no such revision.
    pub fn with(mut service: Service, version: &str, capabilities: Value) -> Self {
        let (wake, woken) = channel();
        service.wake_with(move || {
            // The test may be over.
            let _ = wake.send(());
        });
        let mut raw = Self {
            service,
            session: ServerSession::new(),
            when_busy: WhenBusy::Answer,
            now: Instant::ZERO,
            credential: None,
            capabilities,
            level: None,
            version: ProtocolVersion::from_wire(version).expect("a revision"),
            alone: Vec::new(),
            out: Vec::new(),
            woken,
            next_id: 1,
            asked: HashMap::new(),
        };
        if raw.version.has_handshake() {
            let info = json!({"name": "test", "version": "1"});
            let hello = json!({"protocolVersion": version, "capabilities": raw.capabilities, "clientInfo": info});
            raw.ask("initialize", hello);
            assert_eq!(raw.session.version().as_str(), version);
            let _nothing = raw.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
        }
        raw
    }

    /// The revision that the client speaks.
    pub fn version(&self) -> ProtocolVersion {
        self.version
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
        if let Message::Request(request) = &message {
            let id = serde_json::to_string(&request.id).expect("an id is JSON");
            self.asked.insert(id, request.method.to_string());
            if !self.version.has_handshake() {
                return match Claim::of(request.params) {
                    Ok(claim) => self.handle_alone(request, &claim.expect("the test claims a revision")),
                    // What carriers do.
                    Err(fault) => {
                        write_error(&mut self.out, &request.id.as_borrowed().into(), &fault.error());
                        self.out.push(b'\n');
                        Outcome::Answered
                    }
                };
            }
        }
        let before = self.out.len();
        let event = self.session.handle_message(&self.service.profile(), &limits, message, &mut self.out);
        if self.out.len() > before {
            self.out.push(b'\n');
        }
        let origin = |key| Origin {
            when_busy: self.when_busy,
            credential: self.credential.as_deref(),
            ..Origin::new(SESSION, key, self.now)
        };
        self.service.heard(&self.session, SESSION, &event);
        match event {
            ServerEvent::Request { key, method, params } => {
                self.service.handle(&mut self.session, &origin(key), method, params, &mut self.out)
            }
            ServerEvent::Cancelled { key, .. } => {
                self.service.cancelled(&mut self.session, SESSION, key, &mut self.out);
                Outcome::Answered
            }
            ServerEvent::Reply { ask, outcome } => match self.service.asker(SESSION, ask) {
                Some(key) => self.service.resume(&mut self.session, &origin(key), ask, outcome, &mut self.out),
                None => Outcome::Answered,
            },
            _ => Outcome::Answered,
        }
    }

    fn handle_alone(&mut self, request: &Request<'_>, claim: &Claim<'_>) -> Outcome {
        let method = requested_method(self.version, &request.method).expect("a method of the revision");
        let (mut session, key) = ServerSession::stateless(self.version, &request.id, claim);
        let number = SESSION + self.next_id;
        let origin = Origin {
            when_busy: self.when_busy,
            credential: self.credential.as_deref(),
            ..Origin::new(number, key, self.now)
        };
        let outcome = self.service.handle(&mut session, &origin, method, request.params, &mut self.out);
        if outcome == Outcome::Later {
            self.alone.push(Alone { number, key, session });
        }
        outcome
    }

    /// The client hangs up on what it asked without a session.
    pub fn hang_up(&mut self) {
        for Alone { number, key, .. } in self.alone.drain(..) {
            self.service.cancel(number, key);
        }
    }

    /// Moves the time, and gives up the calls whose client did not answer by then.
    pub fn pass_to(&mut self, now: Instant) {
        self.now = now;
        while let Some(overdue) = self.service.overdue(now) {
            assert_eq!(overdue.session(), SESSION, "only sessions wait");
            self.service.give_up(overdue, &mut self.session, &mut self.out);
        }
    }

    /// Everything that was sent to the client so far. Each message is as the schema of the revision has it.
    ///
    /// # Panics
    ///
    /// When a line is no JSON, or not what the schema says.
    pub fn sent(&mut self) -> Vec<Value> {
        let text = String::from_utf8(std::mem::take(&mut self.out)).expect("JSON is text");
        let sent: Vec<Value> =
            text.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect();
        for message in &sent {
            let asked = message.get("method").is_none().then(|| self.asked.get(&message["id"].to_string())).flatten();
            assert_valid(self.version, Side::Server, asked.map(String::as_str), message);
        }
        sent
    }

    /// Everything that was sent to the client so far, as it was written.
    ///
    /// # Panics
    ///
    /// When it is no text.
    pub fn sent_text(&mut self) -> String {
        String::from_utf8(std::mem::take(&mut self.out)).expect("JSON is text")
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
        let _outcome = self.begin_as(json!(id), method, params);
        id
    }

    /// As [`begin`](Self::begin), with an id of the test's choice.
    pub fn begin_as(&mut self, id: Value, method: &str, mut params: Value) -> Outcome {
        if !self.version.has_handshake() {
            let meta = &mut params["_meta"];
            meta[meta::PROTOCOL_VERSION] = self.version.as_str().into();
            meta[meta::CLIENT_CAPABILITIES] = self.capabilities.clone();
            meta[meta::CLIENT_INFO] = json!({"name": "test", "version": "1"});
            if let Some(level) = self.level {
                meta[meta::LOG_LEVEL] = level.into();
            }
        }
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}))
    }

    /// Makes a request, answers what the server asks for it, and gives its last answer, in every revision: `reply` gets the
    /// method and the parameters of a question. How many rounds it took comes along.
    ///
    /// # Panics
    ///
    /// When there is no end to it.
    pub fn converse(
        &mut self,
        method: &str,
        params: Value,
        mut reply: impl FnMut(&str, &Value) -> Result<Value, Value>,
    ) -> (Value, usize) {
        let mut id = self.begin(method, params.clone());
        for round in 0..20 {
            let sent = self.wait_for_turn(id);
            let answer = sent.iter().find(|message| message["id"] == id && message.get("method").is_none());
            match answer {
                None => {
                    for question in
                        sent.iter().filter(|message| message.get("method").is_some() && message.get("id").is_some())
                    {
                        let replied = reply(question["method"].as_str().expect("a method"), &question["params"]);
                        let (member, value) =
                            replied.map_or_else(|error| ("error", error), |result| ("result", result));
                        let _outcome = self.send(&json!({"jsonrpc": "2.0", "id": question["id"], member: value}));
                    }
                }
                Some(answer) if answer["result"]["resultType"] == "input_required" => {
                    let mut again = params.clone();
                    let questions = answer["result"]["inputRequests"].as_object().expect("questions").clone();
                    for (key, question) in questions {
                        let replied = reply(question["method"].as_str().expect("a method"), &question["params"]);
                        again["inputResponses"][key] = replied.expect("without a handshake there are no errors");
                    }
                    again["requestState"] = answer["result"]["requestState"].clone();
                    id = self.begin(method, again);
                }
                Some(answer) => return (answer.clone(), round),
            }
        }
        panic!("the server asks without end");
    }

    /// What is sent until the request is answered or something is asked for it.
    fn wait_for_turn(&mut self, id: u64) -> Vec<Value> {
        let mut sent = self.sent();
        while !sent.iter().any(|message| message["id"] == id || message.get("id").is_some()) {
            self.wait_for_mail();
            sent.extend(self.sent());
        }
        sent
    }

    /// Begins a call that wants progress under the token `"p"`.
    pub fn begin_call(&mut self, tool: &str, arguments: Value) -> u64 {
        let params = json!({"name": tool, "arguments": arguments, "_meta": {"progressToken": "p"}});
        self.begin("tools/call", params)
    }

    /// Delivers all mail there is. How many pieces there were.
    pub fn deliver(&mut self) -> usize {
        let mut count = 0;
        while let Some(notice) = self.service.next_notice() {
            if notice.session() == Some(SESSION) {
                self.out.message(Kind::Report, &mut |out| notice.write(&self.session, out));
            }
        }
        while let Some(mail) = self.service.next_mail() {
            count += 1;
            if mail.session() == SESSION {
                self.service.deliver(self.now, mail, &mut self.session, &mut self.out);
            } else if let Some(alone) = self.alone.iter_mut().find(|alone| alone.number == mail.session()) {
                assert_eq!(mail.request(), alone.key);
                self.service.deliver(self.now, mail, &mut alone.session, &mut self.out);
            }
        }
        count
    }

    /// Waits until the service wakes its loop, and delivers all mail.
    ///
    /// # Panics
    ///
    /// When it does not.
    pub fn wait_for_mail(&mut self) {
        self.wait_for_wake();
        self.deliver();
    }

    /// Waits until the service wakes its loop.
    ///
    /// # Panics
    ///
    /// When it does not.
    pub fn wait_for_wake(&mut self) {
        self.woken.recv_timeout(PATIENCE).expect("the service wakes its loop");
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
