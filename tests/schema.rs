//! What both sides send, against the official JSON schema of the revision that they agreed on.
//!
//! The client is the session of the core, the server a service without sockets. Each message is judged three times: as a
//! JSON-RPC message, as what its method says it is, and as something that its sender may send at all.

#![allow(clippy::unwrap_used)] // a panic is the report

use mcp_core::Limits;
use mcp_core::jsonrpc::{ErrorId, ErrorObject, code, write_error};
use mcp_core::revision::ProtocolVersion;
use mcp_core::session::{ClientEvent, ClientSession, RequestOptions, ServerEvent, ServerSession};
use mcp_core::types::{
    CallToolParams, CallToolResult, ContentBlock, CreateMessageParams, CreateMessageResult, ElicitParams, ElicitResult,
    Implementation, InitializeParams, ListRootsResult, LoggingLevel, Method, PaginatedParams, RequestedSchema,
    ResourceContents, Root, SetLevelParams, StringSchema,
};
use mcp_server_tiny::ToolError;
use mcp_server_tiny::service::{Origin, Outcome, Service, WhenBusy};
use mcp_server_tiny::tool::Tool;
use mcp_tests::pair::message;
use mcp_tests::schema_judge::{Conversation, Side, assert_valid, faults};
use serde::Serialize;
use serde_json::{Value, json};

#[path = "schema/families.rs"]
mod families;

const REVISIONS: [ProtocolVersion; 4] = [
    ProtocolVersion::V2024_11_05,
    ProtocolVersion::V2025_03_26,
    ProtocolVersion::V2025_06_18,
    ProtocolVersion::V2025_11_25,
];

/// Both sides of a session and what was seen between them.
struct Exchange {
    judge: Conversation,
    client: ClientSession,
    server: ServerSession,
    service: Service,
    /// Every message that was judged.
    seen: Vec<Value>,
}

impl Exchange {
    /// A session after the handshake, whose three messages were judged.
    fn new(version: ProtocolVersion, service: Service) -> Self {
        assert_eq!(service.check(), Ok(()));
        let client = ClientSession::new(Limits::default());
        let mut it =
            Self { judge: Conversation::default(), client, server: ServerSession::new(), service, seen: vec![] };
        let mut client_info = Implementation::new("client", "1.0.0");
        client_info.title = Some("Client".into());
        let hello = InitializeParams {
            protocol_version: version.as_str().to_owned(),
            capabilities: serde_json::from_value(offers(version)).unwrap(),
            client_info,
        };
        let mut line = Vec::new();
        it.client.initialize(&hello, None, &mut line).unwrap();
        it.carry_to_server(&line);
        assert_eq!((it.client.version(), it.server.version()), (Some(version), version));
        it
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
        let profile = self.service.profile();
        match self.server.handle_message(&profile, &Limits::default(), message(line), &mut out) {
            ServerEvent::Request { key, method, params } => {
                let origin = Origin { session: 1, key, when_busy: WhenBusy::Answer };
                let outcome = self.service.handle(&mut self.server, &origin, method, params, &mut out);
                assert_eq!(outcome, Outcome::Answered);
            }
            ServerEvent::Cancelled { key, .. } => self.service.cancel(1, key),
            _ => {}
        }
        let mut last = None;
        for line in out.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            last = Some(self.carry_to_client(line));
        }
        last
    }

    /// Carries a message of the server over, and what the client says to it back.
    fn carry_to_client(&mut self, line: &[u8]) -> Value {
        let said = self.see(Side::Server, line);
        let mut out = Vec::new();
        if let ClientEvent::Request { key, method, .. } = self.client.handle_message(message(line), &mut out) {
            let answered = match method {
                Method::RootsList => {
                    self.client.respond(key, &ListRootsResult::new(vec![Root::new("file:///a").name("a")]), &mut out)
                }
                Method::SamplingCreateMessage => {
                    self.client.respond(key, &CreateMessageResult::text("m", "four"), &mut out)
                }
                Method::ElicitationCreate => self.client.respond(key, &ElicitResult::decline(), &mut out),
                method => panic!("nobody asks for {method:?}"),
            };
            assert_eq!(answered, Ok(true));
        }
        if !out.is_empty() {
            if said.get("method").is_some() {
                self.see(Side::Client, &out);
            } else {
                self.carry_to_server(&out);
            }
        }
        said
    }

    /// Makes a request and gives what the server answered.
    fn ask(&mut self, method: &str, params: &impl Serialize, progress: bool) -> Value {
        let mut line = Vec::new();
        self.client.request(method, params, RequestOptions { progress, ..RequestOptions::PLAIN }, &mut line).unwrap();
        self.carry_to_server(&line).unwrap_or_else(|| panic!("{method} was not answered"))
    }

    /// Lets the server ask something, and gives what the client answered.
    fn ask_client(&mut self, method: Method, params: &impl Serialize) -> Value {
        let mut line = Vec::new();
        self.server.ask(&Limits::default(), method, params, &mut line).unwrap();
        self.carry_to_client(&line);
        self.seen.last().unwrap().clone()
    }

    fn call(&mut self, tool: &str) -> Value {
        let params = CallToolParams::new(tool, None);
        self.ask("tools/call", &params, true)
    }
}

/// The capabilities of a client that has everything that a revision has.
fn offers(version: ProtocolVersion) -> Value {
    let mut offers = json!({"roots": {"listChanged": true}, "sampling": {}});
    if version.has_elicitation() {
        offers["elicitation"] = json!({});
    }
    if version.has_url_elicitation() {
        offers["elicitation"] = json!({"form": {}, "url": {}});
        offers["sampling"] = json!({"tools": {}, "context": {}});
    }
    offers
}

/// A service whose tools return everything that a tool can return.
fn service() -> Service {
    let mut service = Service::new("everything", "1.0.0");
    let info = service.info_mut();
    info.title = Some("Everything".into());
    info.website_url = Some("https://example.org/".into());
    service.set_instructions("call what you like");
    service.set_page_size(3);
    let described = Tool::new("text").title("Text").description("a text").param::<i64>("times", "how often");
    service.tool(described.read_only_hint(true), |_| Ok("a text"));
    service.tool(Tool::new("nothing"), |_| Ok(()));
    let sum = Tool::new("sum").output_schema(json!({"type": "object", "properties": {"sum": {"type": "integer"}}}));
    service.tool(sum, |_| Ok(json!({"sum": 3})));
    service.tool(Tool::new("array"), |_| Ok(CallToolResult::from_structured(json!([1, 2]))));
    service.tool(Tool::new("blocks"), |_| Ok(blocks()));
    service.tool(Tool::new("fails"), |_| Err::<String, _>(ToolError::new("no such day")));
    service.tool(Tool::new("refuses"), |_| Err::<String, _>(ToolError::protocol(-1, "not now")));
    service.tool(Tool::new("reports"), |call| {
        call.progress(0.5, None, None);
        call.progress(1.0, Some(2.0), Some("half"));
        call.log(LoggingLevel::Warning, "careful");
        call.log(LoggingLevel::Error, &json!({"code": 7}));
        Ok("done")
    });
    service
}

/// One of each kind of content, with and without what may be left out.
fn blocks() -> Vec<ContentBlock> {
    let mut link = ContentBlock::resource_link("file:///a", "a");
    if let ContentBlock::ResourceLink { title, description, mime_type, size, .. } = &mut link {
        (*title, *description) = (Some("A".into()), Some("all of it".into()));
        (*mime_type, *size) = (Some("text/plain".into()), Some(3));
    }
    let mut hinted = ContentBlock::text("hinted");
    if let ContentBlock::Text { annotations, meta, .. } = &mut hinted {
        let hints = json!({"audience": ["user", "assistant"], "priority": 0.5, "lastModified": "2025-01-12T15:00:58Z"});
        *annotations = Some(serde_json::from_value(hints).unwrap());
        *meta = json!({"example.org/a": 1}).as_object().cloned();
    }
    vec![
        ContentBlock::text("plain"),
        hinted,
        ContentBlock::image("AAAA", "image/png"),
        ContentBlock::audio("AAAA", "audio/wav"),
        ContentBlock::resource(ResourceContents::text("file:///a", "a").mime_type("text/plain")),
        ContentBlock::resource(ResourceContents::blob("file:///b", "AAAA")),
        ContentBlock::resource_link("file:///c", "c"),
        link,
    ]
}

#[test]
fn every_message_of_an_exchange_is_what_the_schema_of_its_revision_says() {
    for version in REVISIONS {
        let mut it = Exchange::new(version, service());
        assert_eq!(it.ask("ping", &(), false)["result"], json!({}));
        let set = SetLevelParams { level: LoggingLevel::Debug };
        assert_eq!(it.ask("logging/setLevel", &set, false)["result"], json!({}));

        let mut page = PaginatedParams::default();
        let mut tools = 0;
        loop {
            let result = it.ask("tools/list", &page, false)["result"].take();
            tools += result["tools"].as_array().unwrap().len();
            let Some(cursor) = result["nextCursor"].as_str() else { break };
            page.cursor = Some(cursor.to_owned().into());
        }
        assert_eq!(tools, 8);

        for tool in ["nothing", "sum", "array", "blocks", "fails", "reports"] {
            assert!(it.call(tool).get("result").is_some(), "{tool}");
        }
        let arguments = serde_json::value::to_raw_value(&json!({"times": 2})).unwrap();
        let params = CallToolParams::new("text", Some(&arguments));
        assert!(it.ask("tools/call", &params, false).get("result").is_some());
        it.call("text");

        assert_eq!(it.call("refuses")["error"]["code"], -1);
        assert_eq!(it.call("no such tool")["error"]["code"], code::INVALID_PARAMS);
        assert_eq!(it.ask("tools/list", &json!({"cursor": "x"}), false)["error"]["code"], code::INVALID_PARAMS);

        // The server's requests are answered, also those that nobody can carry out.
        assert_eq!(it.ask_client(Method::Ping, &())["result"], json!({}));
        assert_eq!(it.ask_client(Method::RootsList, &())["result"]["roots"][0]["name"], "a");
        let question = CreateMessageParams::text("two and two?", 10);
        assert_eq!(it.ask_client(Method::SamplingCreateMessage, &question)["result"]["role"], "assistant");
        if version.has_elicitation() {
            let form = RequestedSchema::new().required("name", StringSchema::new().title("Name"));
            let form = ElicitParams::form("who?", form);
            assert_eq!(it.ask_client(Method::ElicitationCreate, &form)["result"]["action"], "decline");
        }
        it.carry_to_client(json!({"jsonrpc": "2.0", "id": "s", "method": "x/y"}).to_string().as_bytes());
        assert!(it.seen.last().unwrap().get("error").is_some());

        let mut line = Vec::new();
        let options = RequestOptions::PLAIN;
        let id = it.client.request("tools/list", &(), options, &mut line).unwrap();
        line.clear();
        assert!(it.client.cancel(id, Some("changed my mind"), &mut line));
        it.carry_to_server(&line);

        let methods = ["notifications/initialized", "notifications/cancelled", "notifications/message"];
        for method in methods.into_iter().chain(["notifications/progress"]) {
            assert!(it.seen.iter().any(|message| message["method"] == method), "{method} in {version}");
        }
    }
}

#[test]
fn an_error_without_a_request_is_what_the_newest_schema_says() {
    let mut out = Vec::new();
    write_error(&mut out, &ErrorId::Absent, &ErrorObject::new(code::PARSE_ERROR, "not JSON"));
    let error = serde_json::from_slice(&out).unwrap();
    assert_valid(ProtocolVersion::V2025_11_25, Side::Server, None, &error);
    // Before, the schemas have no such error at all; what most servers send is `null` (R-LM-6).
    assert!(!faults(ProtocolVersion::V2025_06_18, "JSONRPCError", &error).is_empty());
}

/// Without this the tests above could pass for having no teeth.
#[test]
fn what_a_revision_does_not_have_is_found_out() {
    let audio = json!({"content": [{"type": "audio", "data": "AAAA", "mimeType": "audio/wav"}]});
    assert!(!faults(ProtocolVersion::V2024_11_05, "CallToolResult", &audio).is_empty());
    assert!(faults(ProtocolVersion::V2025_03_26, "CallToolResult", &audio).is_empty());
    let array = json!({"content": [], "structuredContent": [1]});
    assert!(!faults(ProtocolVersion::V2025_11_25, "CallToolResult", &array).is_empty());
    for version in REVISIONS {
        for (definition, wrong) in [
            ("JSONRPCMessage", json!({"jsonrpc": "1.0", "method": "ping"})),
            ("InitializeResult", json!({"protocolVersion": "x", "capabilities": {}})),
            ("ProgressNotification", json!({"method": "notifications/progress", "params": {"progressToken": 1}})),
            ("ServerNotification", json!({"jsonrpc": "2.0", "method": "notifications/initialized"})),
            ("ListToolsResult", json!({"tools": [{"name": "a", "inputSchema": {}}]})),
        ] {
            assert!(!faults(version, definition, &wrong).is_empty(), "{definition} in {version}");
        }
    }
}
