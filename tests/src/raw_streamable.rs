//! Requests of Streamable HTTP as text, in both eras, and answers to them taken apart.

use serde_json::{Value, json};

use crate::raw_engine::RawEngine;
use crate::raw_http::RawAnswer;
use mcp_server_tiny::engine::ConnId;

/// A request to the endpoint with header lines and a body.
pub fn request(method: &str, fields: &[(&str, &str)], body: &str) -> String {
    let mut text = format!("{method} /mcp HTTP/1.1\r\nHost: localhost\r\n");
    for (name, value) in fields {
        text += &format!("{name}: {value}\r\n");
    }
    if !body.is_empty() {
        text += &format!("Content-Length: {}\r\n", body.len());
    }
    text + "\r\n" + body
}

/// What every POST carries.
pub const JSON: [(&str, &str); 2] =
    [("Content-Type", "application/json"), ("Accept", "application/json, text/event-stream")];

/// A POST with these header lines beside the usual ones.
pub fn post(fields: &[(&str, &str)], body: &str) -> String {
    request("POST", &[&JSON, fields].concat(), body)
}

/// `_meta` of a request of 2026-07-28 whose client declares `capabilities`.
pub fn meta(capabilities: Value) -> Value {
    json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": { "name": "t", "version": "0" },
        "io.modelcontextprotocol/clientCapabilities": capabilities,
    })
}

/// A POST of 2026-07-28: complete `_meta` unless `params` has one, and the headers that fit the body.
pub fn stateless(id: impl Into<Value>, method: &str, params: Value) -> String {
    let Value::Object(mut params) = params else { panic!("parameters are an object") };
    params.entry("_meta").or_insert_with(|| meta(json!({})));
    let name = params.get("name").or(params.get("uri")).and_then(Value::as_str).map(str::to_owned);
    let body = json!({ "jsonrpc": "2.0", "id": id.into(), "method": method, "params": params }).to_string();
    let mut fields = vec![("MCP-Protocol-Version", "2026-07-28"), ("Mcp-Method", method)];
    if let Some(name) = &name {
        fields.push(("Mcp-Name", name));
    }
    post(&fields, &body)
}

/// The body of a request.
pub fn call(id: impl Into<Value>, method: &str, params: Value) -> String {
    json!({ "jsonrpc": "2.0", "id": id.into(), "method": method, "params": params }).to_string()
}

/// The body of `initialize`.
pub fn initialize(version: &str, capabilities: Value) -> String {
    let info = json!({ "name": "t", "version": "0" });
    let params = json!({ "protocolVersion": version, "capabilities": capabilities, "clientInfo": info });
    call(0, "initialize", params)
}

/// One event of a stream.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Event {
    /// Its `id`, if it has one.
    pub id: Option<String>,
    /// Its `event`, if it has one.
    pub event: Option<String>,
    /// Its data lines.
    pub data: String,
    /// Its `retry`, if it has one.
    pub retry: Option<u64>,
}

impl Event {
    /// Its data as JSON.
    ///
    /// # Panics
    ///
    /// When it is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.data).unwrap_or_else(|_| panic!("no JSON: {:?}", self.data))
    }
}

/// What a connection was sent of an event stream so far.
#[derive(Debug, Clone, Default)]
pub struct Streamed {
    /// The head, if it was among it.
    pub head: String,
    /// The events that are complete.
    pub events: Vec<Event>,
    /// Comments.
    pub comments: usize,
    /// Whether the empty chunk came.
    pub is_over: bool,
}

impl Streamed {
    /// Takes apart what a test has taken from a connection that carries an event stream.
    ///
    /// # Panics
    ///
    /// When it is no such stream.
    pub fn parse(text: &str, chunked: bool) -> Self {
        let (head, rest) = match text.strip_prefix("HTTP/1.1 ") {
            Some(_) => text.split_once("\r\n\r\n").expect("a head ends"),
            None => ("", text),
        };
        let mut streamed = Self { head: head.to_owned(), ..Self::default() };
        let chunked = if head.is_empty() { chunked } else { head.contains("Transfer-Encoding: chunked") };
        let body = if chunked { streamed.chunks(rest) } else { rest.to_owned() };
        for block in body.split_terminator("\n\n") {
            let mut event = Event::default();
            let mut is_event = false;
            for line in block.lines() {
                let Some((name, value)) = line.split_once(": ").or_else(|| line.split_once(':')) else { continue };
                is_event |= !name.is_empty();
                match name {
                    "id" => event.id = Some(value.into()),
                    "event" => event.event = Some(value.into()),
                    "data" => event.data += value,
                    "retry" => event.retry = value.parse().ok(),
                    "" => streamed.comments += 1,
                    other => panic!("an unknown field {other:?}"),
                }
            }
            if is_event {
                streamed.events.push(event);
            }
        }
        streamed
    }

    fn chunks(&mut self, mut rest: &str) -> String {
        let mut body = String::new();
        while !rest.is_empty() {
            assert!(!self.is_over, "nothing follows the last chunk: {rest:?}");
            let (size, after) = rest.split_once("\r\n").expect("a chunk has a size");
            let size = usize::from_str_radix(size, 16).expect("a size is hexadecimal");
            let (chunk, after) = after.split_at(size);
            rest = after.strip_prefix("\r\n").expect("a chunk ends with CR LF");
            body += chunk;
            self.is_over = size == 0;
        }
        body
    }

    /// The data of its events as JSON, without those that have none.
    pub fn messages(&self) -> Vec<Value> {
        self.events.iter().filter(|event| !event.data.is_empty()).map(Event::json).collect()
    }
}

/// A session over Streamable HTTP in an engine.
#[derive(Debug, Clone)]
pub struct McpSession {
    /// A connection for its posts.
    pub conn: ConnId,
    /// Its id.
    pub id: String,
    /// Its revision.
    pub version: String,
}

impl RawEngine {
    /// Takes what `id` was sent of an event stream.
    pub fn streamed(&mut self, id: ConnId) -> Streamed {
        Streamed::parse(&self.taken(id), true)
    }

    /// Opens a session and shakes hands.
    ///
    /// # Panics
    ///
    /// When the server opens none.
    pub fn session(&mut self, version: &str) -> McpSession {
        self.session_with(version, json!({}))
    }

    /// The same for a client with these capabilities.
    ///
    /// # Panics
    ///
    /// When the server opens none.
    pub fn session_with(&mut self, version: &str, capabilities: Value) -> McpSession {
        let conn = self.connect();
        let answer = self.ask(conn, post(&[], &initialize(version, capabilities)));
        assert_eq!(answer.status, 200, "{answer:?}");
        let id = answer.field("Mcp-Session-Id").expect("a session has an id").to_owned();
        let session = McpSession { conn, id, version: version.to_owned() };
        let answer = self.post_to(&session, r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#);
        assert_eq!((answer.status, answer.body.as_str()), (202, ""));
        session
    }

    /// Posts a message to a session and takes the answer.
    pub fn post_to(&mut self, session: &McpSession, body: &str) -> RawAnswer {
        self.ask(session.conn, session.post(body))
    }

    /// Opens the stream of a session that belongs to no request, or resumes one.
    pub fn listen(&mut self, session: &McpSession, last: Option<&str>) -> ConnId {
        let conn = self.connect();
        self.send(conn, session.get(last));
        conn
    }
}

impl McpSession {
    fn fields(&self) -> [(&str, &str); 2] {
        [("Mcp-Session-Id", &self.id), ("MCP-Protocol-Version", &self.version)]
    }

    /// The bytes of a POST to it.
    pub fn post(&self, body: &str) -> String {
        post(&self.fields(), body)
    }

    /// The bytes of a GET of it.
    pub fn get(&self, last: Option<&str>) -> String {
        let mut fields = self.fields().to_vec();
        fields.push(("Accept", "text/event-stream"));
        fields.extend(last.map(|last| ("Last-Event-ID", last)));
        request("GET", &fields, "")
    }

    /// The bytes of its DELETE.
    pub fn delete(&self) -> String {
        request("DELETE", &self.fields(), "")
    }
}
