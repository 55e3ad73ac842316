//! Handlers that ask their client and are run again with the answer, in every revision.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mcp_core::time::Instant;
use mcp_core::types::{
    CreateMessageParams, ElicitAction, ElicitParams, RequestedSchema, ResourceContents, SamplingBlock, SamplingMessage,
    StringSchema,
};
use mcp_server_tiny::prompt::Prompt;
use mcp_server_tiny::resource::ResourceTemplate;
use mcp_server_tiny::service::{Outcome, Service};
use mcp_server_tiny::{Call, Tool, ToolError};
use mcp_tests::raw_service::RawService;
use serde_json::{Value, json};

#[path = "inputs/anything.rs"]
mod anything;
#[path = "inputs/bounds.rs"]
mod bounds;
#[path = "inputs/handshake.rs"]
mod handshake;
#[path = "inputs/questions.rs"]
mod questions;
#[path = "inputs/stateless.rs"]
mod stateless;

const REVISIONS: [&str; 5] = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"];
/// Those that have elicitation.
const ELICITING: [&str; 3] = ["2025-06-18", "2025-11-25", "2026-07-28"];
const STATELESS: &str = "2026-07-28";
const HANDSHAKE: &str = "2025-11-25";

/// A form with one field.
fn form(message: &str) -> ElicitParams {
    ElicitParams::form(message, RequestedSchema::new().required("name", StringSchema::new()))
}

/// Asks one question: the tool of the issue, written once.
fn greet(call: &mut Call<'_>) -> Result<String, ToolError> {
    let answer = call.elicit("user", form("Who are you?"))?;
    match (answer.action, answer.content) {
        (ElicitAction::Accept, Some(content)) => Ok(format!("Hello, {}!", content["name"].as_str().unwrap_or("you"))),
        (action, _) => Ok(format!("{action:?}")),
    }
}

fn service() -> Service {
    let mut service = Service::new("test", "1.0.0");
    service.tool(Tool::new("greet"), greet);
    service.tool(Tool::new("greet_on_worker").on_worker(), greet);
    service
}

/// A client that can be asked anything.
fn client(service: Service, version: &str) -> RawService {
    assert_eq!(service.check(), Ok(()));
    let elicitation = if version == "2025-06-18" { json!({}) } else { json!({"form": {}, "url": {}}) };
    RawService::with(service, version, json!({"elicitation": elicitation, "sampling": {}, "roots": {}}))
}

fn call(tool: &str) -> Value {
    json!({"name": tool, "arguments": {}})
}

fn ada() -> Value {
    json!({"action": "accept", "content": {"name": "Ada"}})
}

fn text(answer: &Value) -> &str {
    answer["result"]["content"][0]["text"].as_str().unwrap_or_else(|| panic!("no text: {answer}"))
}

/// The first answer to a request in the stateless revision: one that asks back.
fn questions(client: &mut RawService, method: &str, params: Value) -> (Value, String) {
    let answer = client.ask(method, params);
    assert_eq!(answer["result"]["resultType"], "input_required", "{answer}");
    let state = answer["result"]["requestState"].as_str().expect("a state").to_owned();
    (answer["result"]["inputRequests"].clone(), state)
}
