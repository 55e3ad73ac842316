//! The protocol's data: what is read is tolerant, what is written leaves out what is absent.
#![allow(clippy::unwrap_used)]

use mcp_core::types::{
    CallToolParams, CallToolResult, ClientCapabilities, ContentBlock, Implementation, InitializeResult,
    ListToolsResult, LoggingLevel, PaginatedParams, ResourceContents, ServerCapabilities, StructuredError, Tool,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

#[track_caller]
fn round_trip<T: Serialize + DeserializeOwned>(json: Value) -> T {
    let typed: T = serde_json::from_value(json.clone()).unwrap();
    assert_eq!(serde_json::to_value(&typed).unwrap(), json);
    typed
}

#[test]
fn every_content_block_survives_a_round_trip() {
    for block in [
        json!({"type": "text", "text": "a"}),
        json!({"type": "text", "text": "a", "annotations": {"audience": ["user"], "priority": 0.5}, "_meta": {"k": 1}}),
        json!({"type": "image", "data": "aGk=", "mimeType": "image/png"}),
        json!({"type": "audio", "data": "aGk=", "mimeType": "audio/wav"}),
        json!({"type": "resource", "resource": {"uri": "file:///a", "mimeType": "text/plain", "text": "t"}}),
        json!({"type": "resource", "resource": {"uri": "file:///a", "blob": "aGk="}}),
        json!({"type": "resource_link", "uri": "file:///a", "name": "a", "size": 3, "mimeType": "text/plain"}),
    ] {
        let typed: ContentBlock = round_trip(block.clone());
        assert!(!matches!(typed, ContentBlock::Unknown(_)), "{block}");
    }
}

#[test]
fn content_of_an_unknown_type_is_kept_beside_content_of_a_known_one() {
    // R-FS-6
    let result: CallToolResult = round_trip(json!({"content": [
        {"type": "hologram", "data": [1, 2]}, {"type": "text", "text": "a"}, {"type": "image", "data": "no type"}]}));
    assert!(matches!(&result.content[0], ContentBlock::Unknown(raw) if raw["data"][1] == 2));
    assert_eq!(result.all_text(), "a");
    assert!(matches!(result.content[2], ContentBlock::Unknown(_)));
}

#[test]
fn a_result_without_content_or_with_null_members_is_read() {
    // R-FS-23
    let result: CallToolResult = serde_json::from_value(json!({"structuredContent": {"a": 1}})).unwrap();
    assert!(result.content.is_empty() && !result.is_error);
    let result: CallToolResult = serde_json::from_value(json!({"content": [], "structuredContent": null})).unwrap();
    assert_eq!(result.structured_content, None);
}

#[test]
fn constructors_write_what_the_schema_says() {
    let written = |block: ContentBlock| serde_json::to_value(block).unwrap();
    assert_eq!(written(ContentBlock::text("a")), json!({"type": "text", "text": "a"}));
    assert_eq!(written(ContentBlock::image("aA==", "image/png"))["mimeType"], "image/png");
    assert_eq!(written(ContentBlock::audio("aA==", "audio/wav"))["type"], "audio");
    assert_eq!(
        written(ContentBlock::resource(ResourceContents::text("a:b", "t").mime_type("text/x"))),
        json!({"type": "resource", "resource": {"uri": "a:b", "mimeType": "text/x", "text": "t"}})
    );
    assert_eq!(
        written(ContentBlock::resource_link("a:b", "n")),
        json!({"type": "resource_link", "uri": "a:b", "name": "n"})
    );
    let failed = serde_json::to_value(CallToolResult::error("no")).unwrap();
    assert_eq!(failed, json!({"content": [{"type": "text", "text": "no"}], "isError": true}));
    let structured = serde_json::to_value(CallToolResult::from_structured(json!({"a": 1}))).unwrap();
    // R-FS-16: the same for clients that know only text.
    assert_eq!(structured, json!({"content": [{"type": "text", "text": "{\"a\":1}"}], "structuredContent": {"a": 1}}));
}

#[test]
fn a_result_is_read_as_a_type_from_structured_content_or_a_single_text() {
    #[derive(serde::Deserialize, Debug, PartialEq)]
    struct Sum {
        sum: i64,
    }
    let both = CallToolResult::from_structured(json!({"sum": 3}));
    assert_eq!(both.structured(), Ok(Sum { sum: 3 }));
    assert_eq!(CallToolResult::text(r#"{"sum":4}"#).structured(), Ok(Sum { sum: 4 }));
    assert_eq!(CallToolResult::text("5").structured(), Ok(5));
    for wrong in [CallToolResult::text("no JSON"), CallToolResult::from_structured(json!([]))] {
        assert!(matches!(wrong.structured::<Sum>(), Err(StructuredError::Shape(_))));
    }
    for absent in [CallToolResult::default(), CallToolResult::new(vec![ContentBlock::image("aA==", "image/png")])] {
        assert_eq!(absent.structured::<Sum>(), Err(StructuredError::Absent));
    }
}

#[test]
fn a_tool_is_read_with_everything_or_with_the_least() {
    let page: ListToolsResult = round_trip(json!({"tools": [{
        "name": "a", "title": "A", "description": "d", "inputSchema": {"type": "object", "properties": {"x": {"type": "string"}}},
        "outputSchema": {"type": "object"}, "annotations": {"title": "AA", "readOnlyHint": true},
        "icons": [{"src": "https://x/y.png", "sizes": ["48x48"]}], "_meta": {"k": 1}}], "nextCursor": ""}));
    assert_eq!(page.next_cursor.as_deref(), Some(""), "an empty cursor is a cursor (R-LM-85)");
    let last: ListToolsResult = serde_json::from_value(json!({"tools": [], "nextCursor": null})).unwrap();
    assert_eq!(last.next_cursor, None);
    round_trip::<Tool>(json!({"name": "a", "inputSchema": {"type": "object"}}));
}

#[test]
fn the_name_to_show_is_the_title_then_the_annotated_title_then_the_name() {
    // R-FS-1
    let mut tool: Tool =
        serde_json::from_value(json!({"name": "n", "title": "t", "inputSchema": {}, "annotations": {"title": "a"}}))
            .unwrap();
    assert_eq!(tool.display_name(), "t");
    tool.title = None;
    assert_eq!(tool.display_name(), "a");
    tool.annotations = None;
    assert_eq!(tool.display_name(), "n");
}

#[test]
fn capabilities_are_present_or_absent_and_unknown_ones_are_ignored() {
    // R-LM-32
    let server: ServerCapabilities =
        serde_json::from_value(json!({"tools": {}, "logging": {}, "resources": {"subscribe": true}, "new": {"a": 1}}))
            .unwrap();
    assert!(server.tools.is_some() && server.logging.is_some() && server.prompts.is_none());
    assert!(server.resources.unwrap().subscribe);
    let client: ClientCapabilities = serde_json::from_value(json!({"roots": {"listChanged": true}, "x": 1})).unwrap();
    assert!(client.roots.unwrap().list_changed && client.sampling.is_none());
    assert_eq!(serde_json::to_value(ClientCapabilities::default()).unwrap(), json!({}));
}

#[test]
fn a_server_that_says_little_of_itself_is_understood() {
    let result: InitializeResult =
        serde_json::from_value(json!({"protocolVersion": "2024-11-05", "serverInfo": {"name": "s"}})).unwrap();
    assert_eq!(result.server_info.version, "");
    round_trip::<Implementation>(json!({"name": "s", "version": "1", "title": "S", "websiteUrl": "https://x"}));
}

#[test]
fn parameters_of_a_call_are_borrowed() {
    let json = r#"{"name":"echo","arguments":{"a" : 1},"_meta":{"progressToken":"t","other":{}}}"#;
    let params: CallToolParams<'_> = serde_json::from_str(json).unwrap();
    assert!(json.as_bytes().as_ptr_range().contains(&params.name.as_ptr()));
    assert_eq!(params.arguments.unwrap().get(), r#"{"a" : 1}"#);
    assert_eq!(params.meta.unwrap().progress_token, Some("t".into()));
    let bare: CallToolParams<'_> = serde_json::from_str(r#"{"name":"a","arguments":null}"#).unwrap();
    assert!(bare.arguments.is_none());
}

#[test]
fn the_first_page_is_asked_for_without_a_cursor() {
    assert_eq!(serde_json::to_value(PaginatedParams::default()).unwrap(), json!({}));
    assert_eq!(serde_json::to_value(PaginatedParams { cursor: Some("".into()) }).unwrap(), json!({"cursor": ""}));
}

#[test]
fn log_levels_rise_in_the_order_of_the_specification() {
    // R-LM-89
    let names = ["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"];
    let levels: Vec<LoggingLevel> = names.iter().map(|name| serde_json::from_value(json!(name)).unwrap()).collect();
    assert!(levels.is_sorted_by(|a, b| a < b));
    assert_eq!(levels.iter().map(ToString::to_string).collect::<Vec<_>>(), names);
}
