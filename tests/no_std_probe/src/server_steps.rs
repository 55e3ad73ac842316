//! A server with one tool on a connection for its stream and one for messages: bytes in, bytes out.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use mcp_core::time::Instant;
use mcp_server_tiny::engine::{ConnId, Engine};
use mcp_server_tiny::{Server, Tool};

const INITIALIZE: &str = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2024-11-05",
"capabilities":{},"clientInfo":{"name":"probe","version":"0"}}}"#;
const INITIALIZED: &str = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
const CALL: &str =
    r#"{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"echo","arguments":{"text":"hi there"}}}"#;

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

    let stream = engine.accept(Instant::ZERO).ok_or(102)?;
    engine.received(
        stream,
        Instant::ZERO,
        b"GET /sse HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n",
    );
    let head = sent(engine, stream);
    let endpoint = head.split("data: ").nth(1).and_then(|rest| rest.split('\n').next()).ok_or(103)?;

    let posts = engine.accept(Instant::ZERO).ok_or(104)?;
    post(engine, posts, endpoint, INITIALIZE).ok_or(105)?;
    sent(engine, stream).contains("\"serverInfo\":{\"name\":\"probe\"").then_some(()).ok_or(106)?;
    post(engine, posts, endpoint, INITIALIZED).ok_or(107)?;
    post(engine, posts, endpoint, CALL).ok_or(108)?;
    sent(engine, stream).contains("hi there").then_some(()).ok_or(109)?;

    engine.stop(Instant::ZERO);
    engine.closed(stream);
    engine.closed(posts);
    engine.is_stopped().then_some(()).ok_or(110)
}

/// Posts a message and wants it accepted.
fn post(engine: &mut Engine, posts: ConnId, endpoint: &str, body: &str) -> Option<()> {
    let length = body.len();
    let request = format!(
        "POST {endpoint} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    engine.received(posts, Instant::ZERO, request.as_bytes());
    sent(engine, posts).starts_with("HTTP/1.1 202 ").then_some(())
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
