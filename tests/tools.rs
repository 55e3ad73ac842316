//! Tools: how they are described, called and answered, in each revision.

use mcp_core::types::{CallToolResult, ContentBlock, LoggingLevel, ResourceContents};
use mcp_server_tiny::service::{Outcome, Service};
use mcp_server_tiny::tool::Tool;
use mcp_server_tiny::{Call, Error, FromArgument, IntoToolResult, Json, Later, Schema, Server, ToolError, Type};
use mcp_tests::random::Random;
use mcp_tests::raw_service::{RawService, SESSION};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[path = "tools/anything.rs"]
mod anything;
#[path = "tools/arguments.rs"]
mod arguments;
#[path = "tools/describe.rs"]
mod describe;
#[path = "tools/errors.rs"]
mod errors;
#[path = "tools/list.rs"]
mod list;
#[path = "tools/mistakes.rs"]
mod mistakes;
#[path = "tools/reports.rs"]
mod reports;
#[path = "tools/results.rs"]
mod results;

const REVISIONS: [&str; 5] = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"];
const NEWEST: &str = "2025-11-25";

fn service() -> Service {
    Service::new("test", "1.0.0")
}

/// A client of a service with one tool.
fn with_tool<R, F>(version: &str, tool: Tool, handler: F) -> RawService
where
    R: IntoToolResult,
    F: Fn(&mut Call<'_>) -> Result<R, ToolError> + Send + Sync + 'static,
{
    let mut service = service();
    service.tool(tool, handler);
    assert_eq!(service.check(), Ok(()));
    RawService::new(service, version)
}

/// What a client of a revision gets from a tool `t` that returns what `handler` does.
fn result_in<R: IntoToolResult>(
    version: &str,
    handler: impl Fn(&mut Call<'_>) -> Result<R, ToolError> + Send + Sync + 'static,
) -> Value {
    plain(with_tool(version, Tool::new("t"), handler).call("t", json!({}))["result"].take())
}

/// A result without what stands beside its own members since 2026-07-28 (R-LM-50, R-LM-55).
fn plain(mut result: Value) -> Value {
    let Some(members) = result.as_object_mut() else { return result };
    if members.remove("resultType").is_some() {
        let server =
            members["_meta"].as_object_mut().and_then(|meta| meta.remove("io.modelcontextprotocol/serverInfo"));
        assert_eq!(server.expect("who the server is")["name"], "test");
        if members["_meta"] == json!({}) {
            members.remove("_meta");
        }
    }
    result
}

fn result<R: IntoToolResult>(handler: impl Fn(&mut Call<'_>) -> Result<R, ToolError> + Send + Sync + 'static) -> Value {
    result_in(NEWEST, handler)
}

fn text(text: &str) -> Value {
    json!({"content": [{"type": "text", "text": text}]})
}

fn failure(text: &str) -> Value {
    json!({"content": [{"type": "text", "text": text}], "isError": true})
}
