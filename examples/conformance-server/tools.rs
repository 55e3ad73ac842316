//! Tools that answer without asking anybody: each kind of content, a failure, progress, logging, and two schemas.

use std::time::Duration;

use mcp_server_tiny::types::{ContentBlock, LoggingLevel, ResourceContents};
use mcp_server_tiny::{Call, Server, Tool, ToolError};
use serde_json::json;

use super::PNG;

/// One millisecond of silence.
const WAV: &str = "UklGRiwAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQgAAACAgICAgICAgA==";

/// Between steps that a test watches.
const STEP: Duration = Duration::from_millis(50);

pub(crate) fn offer(server: Server) -> Server {
    server
        // The first of the list: it must succeed without arguments.
        .tool(Tool::new("test_simple_text").description("Answers with a text"), |_| Ok("A simple text."))
        .tool(Tool::new("test_image_content").description("Answers with an image"), |_| Ok(image()))
        .tool(Tool::new("test_audio_content").description("Answers with a sound"), |_| {
            Ok(ContentBlock::audio(WAV, "audio/wav"))
        })
        .tool(Tool::new("test_embedded_resource").description("Answers with a resource"), |_| {
            let text = ResourceContents::text("test://embedded-resource", "An embedded resource.");
            Ok(ContentBlock::resource(text.mime_type("text/plain")))
        })
        .tool(
            Tool::new("test_multiple_content_types").description("Answers with a text, an image and a resource"),
            |_| {
                let mixed = ResourceContents::text("test://mixed-content-resource", r#"{"mixed":true}"#);
                Ok(vec![
                    ContentBlock::text("A text, an image and a resource:"),
                    image(),
                    ContentBlock::resource(mixed.mime_type("application/json")),
                ])
            },
        )
        .tool(Tool::new("test_error_handling").description("Always fails"), |_| {
            Err::<(), _>(ToolError::new("this tool always fails"))
        })
        .tool(Tool::new("test_tool_with_progress").description("Reports three steps").on_worker(), progress)
        .tool(Tool::new("test_tool_with_logging").description("Logs three messages").on_worker(), logging)
        .tool(Tool::new("test_logging_tool").description("Logs a message"), |call: &mut Call<'_>| {
            call.log(LoggingLevel::Info, "a message");
            Ok("It was logged.")
        })
        .tool(
            Tool::new("json_schema_2020_12_tool").description("Takes a contact").input_schema(contact_schema()),
            |_| Ok("A fine contact."),
        )
        .tool(
            Tool::new("test_header_tool").description("Takes a region, which a header repeats").input_schema(json!({
                "type": "object",
                "properties": {"region": {"type": "string", "x-mcp-header": "Region"}},
                "required": ["region"]
            })),
            |call: &mut Call<'_>| Ok(format!("In {}.", call.arg::<&str>("region")?)),
        )
}

fn image() -> ContentBlock {
    ContentBlock::image(PNG, "image/png")
}

fn progress(call: &mut Call<'_>) -> Result<&'static str, ToolError> {
    for done in [0.0, 50.0, 100.0] {
        call.progress(done, Some(100.0), Some("working"));
        call.sleep(STEP)?;
    }
    Ok("All steps are done.")
}

fn logging(call: &mut Call<'_>) -> Result<&'static str, ToolError> {
    for message in ["started", "at work", "done"] {
        call.log(LoggingLevel::Info, message);
        call.sleep(STEP)?;
    }
    Ok("Three messages were logged.")
}

/// Everything of JSON Schema 2020-12 that a server must hand on unchanged.
fn contact_schema() -> serde_json::Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "$defs": {
            "address": {
                "$anchor": "addressDef",
                "type": "object",
                "properties": {"street": {"type": "string"}, "city": {"type": "string"}}
            }
        },
        "properties": {
            "name": {"type": "string"},
            "address": {"$ref": "#/$defs/address"},
            "contactMethod": {"type": "string", "enum": ["phone", "email"]},
            "phone": {"type": "string"},
            "email": {"type": "string"}
        },
        "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
        "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
        "then": {"required": ["phone"]},
        "else": {"required": ["email"]},
        "additionalProperties": false
    })
}
