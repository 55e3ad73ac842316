//! The server over Streamable HTTP, clause by clause: its engine, under a clock that the test moves.

#[path = "streamable_server/answers.rs"]
mod answers;
#[path = "streamable_server/changes.rs"]
mod changes;
#[path = "streamable_server/resuming.rs"]
mod resuming;
#[path = "streamable_server/sessions.rs"]
mod sessions;
#[path = "streamable_server/stateless.rs"]
mod stateless;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use mcp_server_tiny::engine::ConnId;
use mcp_server_tiny::types::{ElicitParams, LoggingLevel, RequestedSchema, StringSchema};
use mcp_server_tiny::{Call, Deferred, Later, Server, Tool, ToolError};
use mcp_tests::raw_engine::RawEngine;
use mcp_tests::raw_http::RawAnswer;
use mcp_tests::raw_streamable::{McpSession, Streamed, call, initialize, meta, post, request, stateless};
use serde_json::{Value, json};

/// The revisions that have Streamable HTTP and a handshake.
const SESSIONS: [&str; 3] = ["2025-03-26", "2025-06-18", "2025-11-25"];

/// Calls of `later` that wait for the test to answer them.
type Held = Arc<Mutex<Vec<Deferred>>>;

fn server() -> Server {
    let form = || RequestedSchema::new().required("name", StringSchema::new());
    Server::new("test", "1.0.0")
        .tool(Tool::new("echo").param::<String>("text", "what"), |call: &mut Call<'_>| {
            Ok(call.arg::<&str>("text")?.to_owned())
        })
        .tool(Tool::new("steps"), |call: &mut Call<'_>| {
            for step in 1..=3 {
                call.progress(f64::from(step), Some(3.0), None);
            }
            Ok("done")
        })
        .tool(Tool::new("ask"), move |call: &mut Call<'_>| {
            let user = call.elicit("user", ElicitParams::form("Who are you?", form()))?;
            let name = user.content.and_then(|content| content["name"].as_str().map(String::from));
            Ok(format!("hello, {}", name.unwrap_or_default()))
        })
        .tool(Tool::new("poll"), |call: &mut Call<'_>| {
            call.progress(1.0, None, None);
            call.close_stream(Some(Duration::from_millis(300)));
            call.progress(2.0, None, None);
            Ok("polled")
        })
}

/// A server whose tool `later` is answered by the test.
fn with_later() -> (RawEngine, Held) {
    let held = Held::default();
    let kept = Arc::clone(&held);
    let server = server().tool(Tool::new("later"), move |call: &mut Call<'_>| {
        kept.lock().expect("nobody panics with it").push(call.defer());
        Ok(Later)
    });
    (RawEngine::new(server), held)
}

/// The call that was held first.
fn first(held: &Held) -> Deferred {
    held.lock().expect("nobody panics with it").remove(0)
}

/// Gives the engine what handlers had to say.
fn deliver(engine: &mut RawEngine) {
    let now = engine.now();
    while engine.engine.deliver_replies(now) {}
    engine.settle();
}

fn tool(name: &str) -> Value {
    json!({ "name": name })
}

/// The same for a client that wants to hear of progress.
fn tool_with_progress(name: &str, mut meta: Value) -> Value {
    meta["progressToken"] = json!("p");
    json!({ "name": name, "_meta": meta })
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| panic!("no JSON: {text:?}"))
}

/// The status of an answer and the code of the error in it.
fn verdict(answer: &RawAnswer) -> (u16, i64) {
    let code = if answer.body.is_empty() { 0 } else { json(&answer.body)["error"]["code"].as_i64().unwrap_or(0) };
    (answer.status, code)
}

/// The text of a result.
fn text(message: &Value) -> &str {
    message["result"]["content"][0]["text"].as_str().unwrap_or_else(|| panic!("no text in {message}"))
}
