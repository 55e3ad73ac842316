//! The tools of all servers, as the model sees and calls them.

use mcp_core::types::{CallToolResult, ContentBlock};
use mcp_sse_blocking::{Error, Functions, Servers};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::chat::FunctionCall;
use super::plain;

/// Bytes of a result that the model sees.
const RESULT: usize = 64 << 10;

/// The tools, and the way to them.
pub(crate) struct Tools<'a> {
    servers: &'a Servers,
    functions: Functions,
    declarations: Option<Box<RawValue>>,
}

impl<'a> Tools<'a> {
    /// Lists the tools of all servers. A server that cannot be had is left out, and named.
    pub(crate) fn list(servers: &'a Servers) -> Result<Self, Error> {
        let tools = servers.tools();
        for problem in tools.problems() {
            eprintln!("left out: {}", plain(&problem.to_string()));
        }
        let functions = Functions::of(&*tools)?;
        let names: Vec<&str> = functions.names().collect();
        eprintln!("tools: {}", if names.is_empty() { "none".to_owned() } else { names.join(", ") });
        // Endpoints refuse an empty list.
        let declarations = (!names.is_empty()).then(|| functions.openai());
        Ok(Self { servers, functions, declarations })
    }

    /// What the endpoint is told of them.
    pub(crate) fn declarations(&self) -> Option<&RawValue> {
        self.declarations.as_deref()
    }

    /// Makes a call. What goes wrong is for the model to read, which may try something else.
    pub(crate) fn call(&self, call: &FunctionCall) -> String {
        let Some(tool) = self.functions.tool(&call.name) else {
            return format!("error: there is no tool `{}`", call.name);
        };
        // Models leave it empty where nothing is asked for.
        let given = if call.arguments.trim().is_empty() { "{}" } else { &call.arguments };
        let arguments: Map<String, Value> = match serde_json::from_str(given) {
            Ok(arguments) => arguments,
            Err(error) => return format!("error: the arguments are no JSON object: {error}"),
        };
        let text = match self.servers.call(tool, &arguments) {
            Ok(result) if result.is_error => format!("the tool failed: {}", text(&result)),
            Ok(result) => text(&result),
            Err(error) => format!("error: {error}"),
        };
        cut(text)
    }
}

/// A result in words. Models behind this kind of endpoint read text only.
fn text(result: &CallToolResult) -> String {
    if let (true, Some(structured)) = (result.content.is_empty(), &result.structured_content) {
        return structured.to_string();
    }
    let blocks: Vec<String> = result.content.iter().map(block).collect();
    blocks.join("\n")
}

fn block(block: &ContentBlock) -> String {
    match block {
        ContentBlock::Text { text, .. } => text.clone(),
        ContentBlock::Image { mime_type, .. } | ContentBlock::Audio { mime_type, .. } => format!("[{mime_type}]"),
        ContentBlock::ResourceLink { uri, name, .. } => format!("[{name}: {uri}]"),
        other => serde_json::to_string(other).unwrap_or_default(),
    }
}

fn cut(mut text: String) -> String {
    if text.len() > RESULT {
        let end = (0..=RESULT).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
        text.truncate(end);
        text.push_str("\n[the rest is cut off]");
    }
    text
}
