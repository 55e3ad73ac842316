//! A server with one tool on one connection: a client with a session, then a call that stands alone. Bytes in, bytes out.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use mcp_core::time::Instant;
use mcp_server_tiny::engine::{ConnId, Engine};
use mcp_server_tiny::{Server, Tool};

const INITIALIZE: &str = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25",
"capabilities":{},"clientInfo":{"name":"probe","version":"0"}}}"#;
const INITIALIZED: &str = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
const CALL: &str =
    r#"{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"echo","arguments":{"text":"hi there"}}}"#;
const CALL_ALONE: &str = r#"{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"echo","arguments":{"text":"hi again"},
"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}"#;
const ALONE: &str = "MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\nMcp-Name: echo\r\n";

/// 0 when all came out right, else the number of the step that did not.
pub(crate) fn run() -> i32 {
    match steps() {
        Ok(()) => 0,
        Err(step) => step,
    }
}

fn steps() -> Result<(), i32> {
    let echo = Tool::new("echo").param::<String>("text", "what to give back");
    let server = Server::new("probe", "0").tool(echo, |call| call.arg::<String>("text"));
    let mut engine = server.engine(|secret| {
        *secret = [7; 16];
        true
    });
    let engine = engine.as_mut().map_err(|_| 101)?;

    let conn = engine.accept(Instant::ZERO).ok_or(102)?;
    let hello = post(engine, conn, "", INITIALIZE);
    hello.contains("\"serverInfo\":{\"name\":\"probe\"").then_some(()).ok_or(103)?;
    let rest = hello.split("Mcp-Session-Id: ").nth(1).ok_or(104)?;
    let id = rest.split('\r').next().ok_or(105)?;
    let session = format!("Mcp-Session-Id: {id}\r\nMCP-Protocol-Version: 2025-11-25\r\n");
    post(engine, conn, &session, INITIALIZED).starts_with("HTTP/1.1 202 ").then_some(()).ok_or(106)?;
    post(engine, conn, &session, CALL).contains("hi there").then_some(()).ok_or(107)?;
    post(engine, conn, ALONE, CALL_ALONE).contains("hi again").then_some(()).ok_or(108)?;

    engine.stop(Instant::ZERO);
    engine.closed(conn);
    engine.is_stopped().then_some(()).ok_or(109)
}

/// Posts a message with these further fields, and gives the answer.
fn post(engine: &mut Engine, conn: ConnId, fields: &str, body: &str) -> String {
    let length = body.len();
    let request = format!(
        "POST /mcp HTTP/1.1\r\nHost: localhost\r\nAccept: application/json, text/event-stream\r\n{fields}\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    engine.received(conn, Instant::ZERO, request.as_bytes());
    sent(engine, conn)
}

/// Takes what the engine has to send on a connection.
fn sent(engine: &mut Engine, id: ConnId) -> String {
    let mut sent = Vec::new();
    while !engine.output(id).is_empty() {
        sent.extend_from_slice(engine.output(id));
        let count = engine.output(id).len();
        engine.sent(id, Instant::ZERO, count);
    }
    String::from_utf8(sent).unwrap_or_default()
}
