//! What both sides send, against the official JSON schema of the revision that they agreed on.
//!
//! The client is the session of the core, the server a service without sockets. Each message is judged three times: as a
//! JSON-RPC message, as what its method says it is, and as something that its sender may send at all.

#![allow(clippy::unwrap_used)] // a panic is the report

use std::collections::HashMap;

use jsonschema::Validator;
use mcp_core::Limits;
use mcp_core::jsonrpc::{ErrorId, ErrorObject, code, write_error};
use mcp_core::revision::ProtocolVersion;
use mcp_core::session::{ClientSession, RequestOptions, ServerEvent, ServerSession};
use mcp_core::types::{
    CallToolParams, CallToolResult, ContentBlock, Implementation, InitializeParams, LoggingLevel, PaginatedParams,
    ResourceContents, SetLevelParams,
};
use mcp_server_tiny::ToolError;
use mcp_server_tiny::service::{Origin, Outcome, Service, WhenBusy};
use mcp_server_tiny::tool::Tool;
use mcp_tests::pair::message;
use serde::Serialize;
use serde_json::{Value, json};

const REVISIONS: [ProtocolVersion; 4] = [
    ProtocolVersion::V2024_11_05,
    ProtocolVersion::V2025_03_26,
    ProtocolVersion::V2025_06_18,
    ProtocolVersion::V2025_11_25,
];

/// Who sent a message, as the schemas name its kind of messages.
#[derive(Debug, Clone, Copy)]
enum Sender {
    Client,
    Server,
}

/// The schema of one revision. Validators are built when they are first needed.
struct Judge {
    version: ProtocolVersion,
    schema: Value,
    /// The member that holds the definitions.
    keyword: &'static str,
    /// The name of the definition of an error response.
    error: &'static str,
    validators: HashMap<String, Validator>,
}

impl Judge {
    fn new(version: ProtocolVersion) -> Self {
        let (text, keyword, error) = match version {
            ProtocolVersion::V2024_11_05 => {
                (include_str!("schema/2024-11-05.schema.json"), "definitions", "JSONRPCError")
            }
            ProtocolVersion::V2025_03_26 => {
                (include_str!("schema/2025-03-26.schema.json"), "definitions", "JSONRPCError")
            }
            ProtocolVersion::V2025_06_18 => {
                (include_str!("schema/2025-06-18.schema.json"), "definitions", "JSONRPCError")
            }
            _ => (include_str!("schema/2025-11-25.schema.json"), "$defs", "JSONRPCErrorResponse"),
        };
        let schema = serde_json::from_str(text).unwrap();
        Self { version, schema, keyword, error, validators: HashMap::new() }
    }

    /// What is wrong with `value` as a `definition`; nothing if it is one.
    fn faults(&mut self, definition: &str, value: &Value) -> Vec<String> {
        let validator = self.validators.entry(definition.to_owned()).or_insert_with(|| {
            let mut schema = json!({"$ref": format!("#/{}/{definition}", self.keyword)});
            schema["$schema"] = self.schema["$schema"].clone();
            schema[self.keyword] = self.schema[self.keyword].clone();
            jsonschema::validator_for(&schema).unwrap_or_else(|error| panic!("{definition}: {error}"))
        });
        validator.iter_errors(value).map(|error| format!("{error} at `{}`", error.instance_path())).collect()
    }

    #[track_caller]
    fn check(&mut self, definition: &str, value: &Value) {
        let faults = self.faults(definition, value);
        assert!(faults.is_empty(), "{value} is no {definition} of {}: {faults:?}", self.version);
    }

    /// The definition of the request or notification with this method.
    fn definition_of(&self, method: &str) -> String {
        let definitions = self.schema[self.keyword].as_object().unwrap();
        let found = definitions.iter().find(|(_, definition)| definition["properties"]["method"]["const"] == method);
        found.unwrap_or_else(|| panic!("{} has no method {method}", self.version)).0.clone()
    }

    /// Judges a message; `asked` is the method of the request that it may be the answer to.
    #[track_caller]
    fn judge(&mut self, sender: Sender, message: &Value, asked: Option<&str>) {
        self.check("JSONRPCMessage", message);
        if let Some(method) = message["method"].as_str() {
            self.check(&self.definition_of(method), message);
            let kind = if message.get("id").is_some() { "Request" } else { "Notification" };
            self.check(&format!("{sender:?}{kind}"), message);
        } else if message.get("error").is_some() {
            self.check(self.error, message);
        } else {
            let definition = match asked.unwrap() {
                "initialize" => "InitializeResult",
                "tools/list" => "ListToolsResult",
                "tools/call" => "CallToolResult",
                "ping" | "logging/setLevel" => "EmptyResult",
                method => panic!("nobody asked for {method}"),
            };
            self.check(definition, &message["result"]);
            self.check(&format!("{sender:?}Result"), &message["result"]);
        }
    }
}

/// Both sides of a session and what was seen between them.
struct Exchange {
    judge: Judge,
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
        let mut it = Self { judge: Judge::new(version), client, server: ServerSession::new(), service, seen: vec![] };
        let mut client_info = Implementation::new("client", "1.0.0");
        client_info.title = Some("Client".into());
        let hello = InitializeParams {
            protocol_version: version.as_str().to_owned(),
            capabilities: serde_json::from_value(json!({"roots": {"listChanged": true}, "sampling": {}})).unwrap(),
            client_info,
        };
        let mut line = Vec::new();
        it.client.initialize(&hello, None, &mut line).unwrap();
        it.carry_to_server(&line);
        assert_eq!((it.client.version(), it.server.version()), (Some(version), version));
        it
    }

    fn see(&mut self, sender: Sender, bytes: &[u8], asked: Option<&str>) -> Value {
        let message: Value = serde_json::from_slice(bytes).unwrap();
        self.judge.judge(sender, &message, asked);
        self.seen.push(message.clone());
        message
    }

    /// Carries a message of the client over, and whatever comes of it back and forth. Gives the last thing the server said.
    fn carry_to_server(&mut self, line: &[u8]) -> Option<Value> {
        let asked = self.see(Sender::Client, line, None)["method"].as_str().map(str::to_owned);
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
            last = Some(self.carry_to_client(line, asked.as_deref()));
        }
        last
    }

    /// Carries a message of the server over, and what the client says to it back.
    fn carry_to_client(&mut self, line: &[u8], asked: Option<&str>) -> Value {
        let said = self.see(Sender::Server, line, asked);
        let mut out = Vec::new();
        self.client.handle_message(message(line), &mut out);
        if !out.is_empty() {
            if said.get("method").is_some() {
                self.see(Sender::Client, &out, said["method"].as_str());
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

    fn call(&mut self, tool: &str) -> Value {
        let params = CallToolParams::new(tool, None);
        self.ask("tools/call", &params, true)
    }
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
        for (method, kind) in [("ping", "result"), ("roots/list", "error")] {
            it.carry_to_client(json!({"jsonrpc": "2.0", "id": "s", "method": method}).to_string().as_bytes(), None);
            assert!(it.seen.last().unwrap().get(kind).is_some(), "{method}");
        }

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
    Judge::new(ProtocolVersion::V2025_11_25).judge(Sender::Server, &error, None);
    // Before, the schemas have no such error at all; what most servers send is `null` (R-LM-6).
    assert!(!Judge::new(ProtocolVersion::V2025_06_18).faults("JSONRPCError", &error).is_empty());
}

/// Without this the tests above could pass for having no teeth.
#[test]
fn what_a_revision_does_not_have_is_found_out() {
    let audio = json!({"content": [{"type": "audio", "data": "AAAA", "mimeType": "audio/wav"}]});
    assert!(!Judge::new(ProtocolVersion::V2024_11_05).faults("CallToolResult", &audio).is_empty());
    assert!(Judge::new(ProtocolVersion::V2025_03_26).faults("CallToolResult", &audio).is_empty());
    let array = json!({"content": [], "structuredContent": [1]});
    assert!(!Judge::new(ProtocolVersion::V2025_11_25).faults("CallToolResult", &array).is_empty());
    for version in REVISIONS {
        let mut judge = Judge::new(version);
        for (definition, wrong) in [
            ("JSONRPCMessage", json!({"jsonrpc": "1.0", "method": "ping"})),
            ("InitializeResult", json!({"protocolVersion": "x", "capabilities": {}})),
            ("ProgressNotification", json!({"method": "notifications/progress", "params": {"progressToken": 1}})),
            ("ServerNotification", json!({"jsonrpc": "2.0", "method": "notifications/initialized"})),
            ("ListToolsResult", json!({"tools": [{"name": "a", "inputSchema": {}}]})),
        ] {
            assert!(!judge.faults(definition, &wrong).is_empty(), "{definition} in {version}");
        }
    }
}
