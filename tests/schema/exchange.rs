//! Both sides wired to each other without sockets, every message between them judged.

use mcp_core::Limits;
use mcp_core::jsonrpc::Message;
use mcp_core::revision::ProtocolVersion;
use mcp_core::session::{Claim, ClientEvent, ClientProfile, ClientSession, RequestOptions, ServerEvent, ServerSession};
use mcp_core::time::Instant;
use mcp_core::types::subscriptions::Change;
use mcp_core::types::*;
use mcp_server_tiny::service::{Origin, Outcome, Service, notify};
use mcp_tests::pair::message;
use mcp_tests::schema_judge::{Conversation, Side};
use serde::Serialize;
use serde_json::{Value, json};

/// Both sides of a session, or of requests that stand alone, and what was seen between them.
pub(super) struct Exchange {
    judge: Conversation,
    client: ClientSession,
    server: ServerSession,
    service: Service,
    /// Every message that was judged.
    seen: Vec<Value>,
}

impl Exchange {
    /// A session after the handshake, whose three messages were judged.
    pub(super) fn with_handshake(version: ProtocolVersion, service: Service) -> Self {
        let mut it = Self::of(ClientSession::new(Limits::default()), service);
        let mut client_info = Implementation::new("client", "1.0.0");
        client_info.title = Some("Client".into());
        let capabilities = serde_json::from_value(offers(version)).unwrap();
        let hello = InitializeParams { protocol_version: version.as_str().to_owned(), capabilities, client_info };
        let mut line = Vec::new();
        it.client.initialize(&hello, None, &mut line).unwrap();
        it.carry_to_server(&line);
        assert_eq!((it.client.version(), it.server.version()), (Some(version), version));
        it
    }

    /// A client and a server of 2026-07-28, which have no session.
    pub(super) fn stateless(service: Service) -> Self {
        let capabilities = serde_json::from_value(offers(ProtocolVersion::LATEST)).unwrap();
        let profile = ClientProfile { info: &Implementation::new("client", "1.0.0"), capabilities: &capabilities };
        let mut client = ClientSession::stateless(Limits::default(), ProtocolVersion::LATEST, &profile).unwrap();
        client.set_level(Some(LoggingLevel::Debug));
        Self::of(client, service)
    }

    fn of(client: ClientSession, service: Service) -> Self {
        assert_eq!(service.check(), Ok(()));
        Self { judge: Conversation::default(), client, server: ServerSession::new(), service, seen: vec![] }
    }

    pub(super) fn seen(&self) -> impl Iterator<Item = &Value> {
        self.seen.iter()
    }

    pub(super) fn last(&self) -> &Value {
        self.seen.last().unwrap()
    }

    pub(super) fn has_seen(&self, method: &str) -> bool {
        self.seen().any(|message| message["method"] == method)
    }

    fn see(&mut self, side: Side, bytes: &[u8]) -> Value {
        let message: Value = serde_json::from_slice(bytes).unwrap();
        self.judge.sent(side, bytes);
        self.seen.push(message.clone());
        message
    }

    /// Carries a message of the client over, and whatever comes of it back and forth. Gives the last thing the server said.
    fn carry_to_server(&mut self, line: &[u8]) -> Option<Value> {
        self.see(Side::Client, line);
        let mut out = Vec::new();
        if let (Message::Request(request), false) = (message(line), self.client.version().is_none_or(has_handshake)) {
            let claim = Claim::of(request.params).unwrap().unwrap();
            let (mut server, key) = ServerSession::stateless(claim.revision().unwrap(), &request.id, &claim);
            let method = Method::from_name(&request.method).unwrap();
            let origin = Origin::new(1, key, Instant::ZERO);
            let outcome = self.service.handle(&mut server, &origin, method, request.params, &mut out);
            assert_eq!(outcome, Outcome::Answered);
            return self.carry_all_to_client(&out);
        }
        let profile = self.service.profile();
        match self.server.handle_message(&profile, &Limits::default(), message(line), &mut out) {
            ServerEvent::Request { key, method, params } => {
                let origin = Origin::new(1, key, Instant::ZERO);
                let outcome = self.service.handle(&mut self.server, &origin, method, params, &mut out);
                assert_ne!(outcome, Outcome::Busy);
            }
            ServerEvent::Reply { ask, outcome } => {
                let key = self.service.asker(1, ask);
                let origin = key.map(|key| Origin::new(1, key, Instant::ZERO));
                if let Some(origin) = origin {
                    let outcome = self.service.resume(&mut self.server, &origin, ask, outcome, &mut out);
                    assert_ne!(outcome, Outcome::Busy);
                }
            }
            ServerEvent::Cancelled { key, .. } => self.service.cancel(1, key),
            _ => {}
        }
        self.carry_all_to_client(&out)
    }

    fn carry_all_to_client(&mut self, lines: &[u8]) -> Option<Value> {
        let lines = lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        lines.map(|line| self.carry_to_client(line)).last()
    }

    /// Carries a message of the server over, and what the client says to it back. Gives the last thing the server said.
    pub(super) fn carry_to_client(&mut self, line: &[u8]) -> Value {
        let said = self.see(Side::Server, line);
        let mut out = Vec::new();
        if let ClientEvent::Request { key, method, .. } = self.client.handle_message(message(line), &mut out) {
            assert_eq!(self.client.respond(key, &answer(method), &mut out), Ok(true));
        }
        if out.is_empty() { said } else { self.carry_to_server(&out).unwrap_or(said) }
    }

    /// Makes a request, again with answers as long as the server asks back, and gives what it came to.
    pub(super) fn ask(&mut self, method: &str, params: &impl Serialize) -> Value {
        let mut params = serde_json::to_value(params).unwrap();
        loop {
            let mut line = Vec::new();
            let options = RequestOptions { progress: true, ..RequestOptions::PLAIN };
            self.client.request(method, &params, options, &mut line).unwrap();
            let answered = self.carry_to_server(&line).unwrap_or_else(|| panic!("{method} was not answered"));
            if answered["result"]["resultType"] != InputRequiredResult::RESULT_TYPE {
                return answered;
            }
            let wanted: InputRequiredResult = serde_json::from_value(answered["result"].clone()).unwrap();
            let answers = wanted
                .input_requests
                .iter()
                .map(|(key, question)| (key.clone(), answer(Method::from_name(&question.method).unwrap())));
            params["inputResponses"] = Value::Object(answers.collect());
            params["requestState"] = json!(wanted.request_state);
        }
    }

    /// Lists everything, page by page. How many there are.
    pub(super) fn pages(&mut self, method: &str, member: &str) -> usize {
        let mut page = PaginatedParams::default();
        let mut count = 0;
        loop {
            let result = self.ask(method, &page)["result"].take();
            count += result[member].as_array().unwrap().len();
            let Some(cursor) = result["nextCursor"].as_str() else { return count };
            page.cursor = Some(cursor.to_owned().into());
        }
    }

    pub(super) fn call(&mut self, tool: &str) -> Value {
        self.ask("tools/call", &CallToolParams::new(tool, None))
    }

    /// Lets the server ask something, and gives what the client answered.
    pub(super) fn ask_client(&mut self, method: Method, params: &impl Serialize) -> Value {
        let mut line = Vec::new();
        self.server.ask(&Limits::default(), method, params, &mut line).unwrap();
        self.carry_to_client(&line);
        self.last().clone()
    }

    /// Lets the server tell of every kind of change.
    pub(super) fn announce_everything(&mut self) {
        for change in [Change::Tools, Change::Prompts, Change::Resources, Change::Resource("file:///a".into())] {
            let mut line = Vec::new();
            assert!(notify(&change, &self.server, &mut line), "{change:?}");
            self.carry_to_client(&line);
        }
    }

    /// Lets the client give up a request before it is sent.
    pub(super) fn cancel(&mut self, method: &str) {
        let mut line = Vec::new();
        let id = self.client.request(method, &(), RequestOptions::PLAIN, &mut line).unwrap();
        line.clear();
        assert!(self.client.cancel(id, Some("changed my mind"), &mut line));
        self.carry_to_server(&line);
    }

    pub(super) fn say_that_roots_changed(&mut self) {
        let mut line = Vec::new();
        self.client.notify(Method::NotificationsRootsListChanged.name(), &(), &mut line).unwrap();
        self.carry_to_server(&line);
    }
}

fn has_handshake(version: ProtocolVersion) -> bool {
    version.has_handshake()
}

/// What the client answers to whatever it is asked.
fn answer(method: Method) -> Value {
    let answer = match method {
        Method::RootsList => serde_json::to_value(ListRootsResult::new(vec![Root::new("file:///a").name("a")])),
        Method::SamplingCreateMessage => serde_json::to_value(CreateMessageResult::text("m", "four")),
        Method::ElicitationCreate => serde_json::to_value(ElicitResult::decline()),
        method => panic!("nobody asks for {method:?}"),
    };
    answer.unwrap()
}

/// The capabilities of a client that has everything that a revision has.
fn offers(version: ProtocolVersion) -> Value {
    let mut offers = json!({"roots": {}, "sampling": {}});
    if version.has_handshake() {
        offers["roots"] = json!({"listChanged": true});
    }
    if version.has_elicitation() {
        offers["elicitation"] = json!({});
    }
    if version.has_url_elicitation() {
        offers["elicitation"] = json!({"form": {}, "url": {}});
    }
    if version.has_sampling_tools() {
        offers["sampling"] = json!({"tools": {}, "context": {}});
    }
    offers
}
