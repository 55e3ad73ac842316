//! Raw to typed: what our types make of what real peers send, and what goes on the wire.

#![allow(clippy::unwrap_used)] // a panic is the report

use std::collections::BTreeSet;

use mcp_core::Limits;
use mcp_core::revision::ProtocolVersion;
use mcp_core::session::{ApiMisuse, ClientEvent, ClientSession, RequestOptions};
use mcp_core::types::{
    CallToolParams, CallToolResult, CompleteResult, ContentBlock, CreateMessageParams, CreateMessageResult,
    DiscoverResult, ElicitResult, ElicitationCapability, GetPromptResult, Icon, Implementation, InitializeParams,
    InitializeResult, JsonObject, ListPromptsResult, ListResourceTemplatesResult, ListResourcesResult, ListRootsResult,
    ListToolsResult, LoggingLevel, PaginatedParams, Progress, RawJson, ReadResourceResult, ResourceContents,
    ServerCapabilities, StructuredError, Tool,
};
use mcp_tests::pair::{Pair, message};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

#[path = "typed_data/anything.rs"]
mod anything;
#[path = "typed_data/forms.rs"]
mod forms;
#[path = "typed_data/sampling.rs"]
mod sampling;

const PLAIN: RequestOptions<'static> = RequestOptions::PLAIN;

fn read<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

/// What is known beside the thing itself is a hint, and a number of things may be written as a float.
#[test]
fn an_odd_number_does_not_cost_what_it_stands_beside() {
    for (size, read_as) in [(json!(-1), None), (json!(12.5), None), (json!("12"), None), (json!(12), Some(12))] {
        let link = read::<ContentBlock>(json!({"type": "resource_link", "uri": "u", "name": "n", "size": size}));
        assert!(matches!(link, ContentBlock::ResourceLink { size, .. } if size == read_as), "{link:?}");
    }
    for (total, has_more) in [(json!(-1), json!("yes")), (json!(1.5), json!(1)), (json!("many"), json!(null))] {
        let values = json!({"values": ["a"], "total": total, "hasMore": has_more});
        let result = read::<CompleteResult>(json!({ "completion": values }));
        assert_eq!((result.completion.values.len(), result.completion.total), (1, None));
    }
    for (tokens, expected) in [(json!(100), Some(100)), (json!(100.0), Some(100)), (json!(0), Some(0))] {
        let params = serde_json::from_value::<CreateMessageParams>(json!({"messages": [], "maxTokens": tokens}));
        assert_eq!(params.ok().map(|params| params.max_tokens), expected);
    }
    for tokens in [json!(-1), json!(-1.0), json!(1.5), json!(1e300), json!("1"), json!(null)] {
        let params = json!({"messages": [], "maxTokens": tokens});
        assert!(serde_json::from_value::<CreateMessageParams>(params).is_err(), "{tokens}");
    }
}

#[track_caller]
fn round_trip<T: Serialize + DeserializeOwned>(json: Value) -> T {
    let typed: T = serde_json::from_value(json.clone()).unwrap();
    assert_eq!(serde_json::to_value(&typed).unwrap(), json);
    typed
}

fn written(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap()
}

/// R-LM-3: neither an answer nor a cancellation nor a failed send makes an id free again.
#[test]
fn a_client_never_uses_an_id_twice() {
    let mut pair = Pair::operating("2025-11-25");
    let mut seen = BTreeSet::new();
    for turn in 0..300 {
        let id = match pair.client.request("tools/list", &(), PLAIN, &mut Vec::new()) {
            Ok(id) => id,
            Err(error) => panic!("{error}"),
        };
        assert!(seen.insert(id), "{id} came twice");
        match turn % 3 {
            0 => {
                let answer = json!({"jsonrpc": "2.0", "id": id, "result": {}}).to_string();
                pair.to_client(answer.as_bytes(), |event| assert!(matches!(event, ClientEvent::Response { .. })));
            }
            1 => assert!(pair.client.cancel(id, None, &mut Vec::new())),
            _ => assert!(pair.client.forget(id)),
        }
        // A map with keys that are no strings cannot be written.
        let unwritable = std::collections::BTreeMap::from([((1, 2), 3)]);
        let failed = pair.client.request("tools/list", &unwritable, PLAIN, &mut Vec::new());
        assert!(matches!(failed, Err(ApiMisuse::Encode(_))));
    }
}

/// R-LM-23: in the same breath, before anything else can be sent.
#[test]
fn initialized_follows_the_answer_to_initialize() {
    let mut client = ClientSession::new(Limits::default());
    let hello: InitializeParams = read(json!({
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "c", "version": "1"}}));
    client.initialize(&hello, None, &mut Vec::new()).unwrap();
    let answer = json!({"jsonrpc": "2.0", "id": 1, "result": {
        "protocolVersion": "2024-11-05", "capabilities": {}, "serverInfo": {"name": "s", "version": "1"}}});
    let mut out = Vec::new();
    client.handle_message(message(answer.to_string().as_bytes()), &mut out);
    assert_eq!(written(&out), json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
}

/// R-LM-21, R-LM-22: the members and their names.
#[test]
fn the_handshake_has_the_members_of_the_schema() {
    let mut client = ClientSession::new(Limits::default());
    let hello = json!({
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "c", "version": "1"}});
    let mut out = Vec::new();
    client.initialize(&read::<InitializeParams>(hello.clone()), None, &mut out).unwrap();
    assert_eq!(written(&out)["params"], hello);

    let mut pair = Pair::default();
    let answer = written(&pair.to_server(&out, |_| {}));
    assert_eq!(
        answer["result"],
        json!({"protocolVersion": "2025-11-25", "capabilities": {"tools": {}, "logging": {}},
            "serverInfo": {"name": "pair", "version": "1.0.0"}, "instructions": "be brief"})
    );
}

/// R-LM-32
#[test]
fn an_empty_capability_is_support_an_absent_one_is_none_and_unknown_ones_are_ignored() {
    let result: InitializeResult = read(json!({
        "protocolVersion": "2024-11-05", "serverInfo": {"name": "s", "version": "1", "mood": "fine"},
        "capabilities": {"tools": {}, "prompts": null, "experimental": {}, "telepathy": {"range": 3},
            "resources": {"listChanged": true, "subscribe": false, "more": 1}}}));
    let ServerCapabilities { tools, prompts, resources, logging, .. } = result.capabilities;
    assert!(tools.is_some_and(|tools| !tools.list_changed));
    assert!(prompts.is_none() && logging.is_none());
    assert!(resources.is_some_and(|resources| resources.list_changed && !resources.subscribe));
    assert_eq!(serde_json::to_value(ServerCapabilities::default()).unwrap(), json!({}));
}

/// Peers whose language has `null` for what is empty or not set (Go's nil slices, Java's and Python's optional members).
#[test]
fn null_is_read_as_absent_wherever_something_may_be_left_out() {
    let result: InitializeResult = read(json!({
        "protocolVersion": "2024-11-05", "serverInfo": {"name": "s", "version": null, "icons": null},
        "capabilities": {"tools": {"listChanged": null}, "resources": {"subscribe": null, "listChanged": null},
            "prompts": {"listChanged": null}, "logging": null}, "instructions": null}));
    assert!(result.capabilities.tools.is_some() && result.server_info.version.is_empty());
    let result: InitializeResult = read(json!({
        "protocolVersion": "2024-11-05", "serverInfo": {"name": "s", "version": "1"}, "capabilities": null}));
    assert_eq!(result.capabilities, ServerCapabilities::default());
    assert!(read::<ListToolsResult>(json!({"tools": null})).tools.is_empty());
    let failed: CallToolResult = read(json!({"content": null, "isError": null}));
    assert_eq!(failed, CallToolResult::default());
    let tool: Tool =
        read(json!({"name": "a", "inputSchema": {}, "icons": null, "annotations": {"readOnlyHint": null}}));
    assert!(tool.icons.is_empty());
    let block: ContentBlock =
        read(json!({"type": "text", "text": "a", "annotations": {"audience": null}, "_meta": null}));
    assert_eq!(block.as_text(), Some("a"));
    let link: ContentBlock =
        read(json!({"type": "resource_link", "uri": "a:b", "name": "n", "icons": null, "size": null}));
    assert!(matches!(link, ContentBlock::ResourceLink { .. }));
}

/// R-FS-4: a text is not lost, and a list of tools not refused, for what only says how to show them.
#[test]
fn hints_that_cannot_be_read_are_left_out() {
    let hints = json!({"audience": ["tool"], "priority": "high"});
    let block: ContentBlock = read(json!({"type": "text", "text": "a", "annotations": hints}));
    assert!(matches!(&block, ContentBlock::Text { text, annotations: None, .. } if text == "a"), "{block:?}");
    let page: ListToolsResult = read(json!({"tools": [
        {"name": "a", "inputSchema": {}, "annotations": {"readOnlyHint": "yes"}, "icons": "https://x/y.png"},
        {"name": "b", "inputSchema": {}, "annotations": {"readOnlyHint": true}, "icons": [{"src": "data:,"}]}]}));
    let [a, b] = &page.tools[..] else { panic!() };
    assert!(a.annotations.is_none() && a.icons.is_empty());
    assert_eq!((b.annotations.as_ref().unwrap().read_only_hint, b.icons.len()), (Some(true), 1));
}

/// R-LM-40: also unknown keys, also in results and content.
#[test]
fn metadata_is_kept() {
    let meta = json!({"example.org/trace": [1, {"a": null}], "plain": true});
    let result = json!({"content": [{"type": "text", "text": "a", "_meta": meta}], "_meta": meta});
    let read: CallToolResult = read(result.clone());
    assert_eq!(serde_json::to_value(&read).unwrap(), result);
}

/// R-LM-45, R-LM-82: the token is the id, which no other request has.
#[test]
fn progress_is_asked_for_with_a_token_of_its_own() {
    let mut pair = Pair::operating("2025-11-25");
    let mut tokens = BTreeSet::new();
    for _ in 0..3 {
        let mut out = Vec::new();
        let options = RequestOptions { progress: true, ..RequestOptions::PLAIN };
        let id = pair.client.request("tools/call", &json!({"name": "a"}), options, &mut out).unwrap();
        let request = written(&out);
        assert_eq!(request["params"], json!({"name": "a", "_meta": {"progressToken": id}}));
        assert!(tokens.insert(id));
    }
    let mut out = Vec::new();
    pair.client.request("tools/call", &json!({"name": "a"}), PLAIN, &mut out).unwrap();
    assert_eq!(written(&out)["params"].get("_meta"), None);
}

/// R-LM-83
#[test]
fn progress_may_have_a_fraction_and_a_token_of_either_type() {
    for (token, text) in [("7", "7"), ("\"7\"", "\"7\"")] {
        let line = format!(r#"{{"progressToken":{token},"progress":0.25,"total":1,"more":[]}}"#);
        let progress: Progress<'_> = serde_json::from_str(&line).unwrap();
        assert_eq!(serde_json::to_string(&progress.progress_token).unwrap(), text);
        assert_eq!((progress.progress, progress.total), (0.25, Some(1.0)));
    }
}

/// R-LM-85
#[test]
fn an_empty_cursor_is_a_cursor_and_null_is_the_end() {
    let page = |cursor: Value| read::<ListToolsResult>(json!({"tools": [], "nextCursor": cursor})).next_cursor;
    assert_eq!(page(json!("")), Some(String::new()));
    assert_eq!(page(json!("a/b=")), Some("a/b=".to_owned()));
    assert_eq!(page(Value::Null), None);
    assert_eq!(read::<ListToolsResult>(json!({"tools": []})).next_cursor, None);
    let asked = PaginatedParams { cursor: Some("".into()) };
    assert_eq!(serde_json::to_value(asked).unwrap(), json!({"cursor": ""}));
}

/// R-LM-89
#[test]
fn there_are_eight_levels_in_rising_order() {
    const NAMES: [&str; 8] = ["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"];
    let levels = NAMES.map(|name| read::<LoggingLevel>(json!(name)));
    assert!(levels.is_sorted() && BTreeSet::from(NAMES).len() == 8);
    assert_eq!(levels.map(|level| level.to_string()), NAMES);
    assert!(serde_json::from_value::<LoggingLevel>(json!("Warning")).is_err());
}

/// R-FS-1
#[test]
fn a_tool_is_shown_by_its_title_then_by_that_of_its_annotations_then_by_its_name() {
    let shown = |tool: Value| read::<Tool>(tool).display_name().to_owned();
    let schema = json!({"type": "object"});
    assert_eq!(shown(json!({"name": "n", "inputSchema": schema, "title": "T", "annotations": {"title": "A"}})), "T");
    assert_eq!(shown(json!({"name": "n", "inputSchema": schema, "annotations": {"title": "A"}})), "A");
    assert_eq!(shown(json!({"name": "n", "inputSchema": schema, "annotations": {}})), "n");
}

/// R-FS-6, R-FS-7
#[test]
fn every_kind_of_content_survives_and_an_unknown_one_is_kept_as_it_came() {
    let content = json!([
        {"type": "text", "text": "a", "annotations": {"audience": ["user", "assistant"], "priority": 0.5}},
        {"type": "image", "data": "AA==", "mimeType": "image/png"},
        {"type": "audio", "data": "AA==", "mimeType": "audio/wav"},
        {"type": "resource", "resource": {"uri": "file:///a", "mimeType": "text/plain", "text": "t"}},
        {"type": "resource", "resource": {"uri": "file:///b", "blob": "AA=="}},
        {"type": "resource_link", "uri": "file:///nowhere", "name": "n", "size": 3},
        {"type": "hologram", "layers": [1, 2], "text": "not a text"},
        {"type": "text"},
        {"no": "type"},
    ]);
    let result: CallToolResult = read(json!({"content": content}));
    let unknown = result.content.iter().filter(|block| matches!(block, ContentBlock::Unknown(_))).count();
    assert_eq!(unknown, 3);
    assert_eq!(serde_json::to_value(&result).unwrap()["content"], content);
    assert_eq!(result.all_text(), "a");
}

/// R-FS-16
#[test]
fn a_structured_result_says_the_same_as_text() {
    for value in [json!({"sum": 3}), json!([1, "a"]), json!(false), json!(0), Value::Null] {
        let result = CallToolResult::from_structured(value.clone());
        assert_eq!(serde_json::from_str::<Value>(&result.all_text()).unwrap(), value);
        assert_eq!(result.structured_content, Some(value));
    }
}

/// R-FS-17: since 2026-07-28 `null` is a value; before, it is what peers write for none.
#[test]
fn structured_content_that_is_null_is_not_the_same_as_none() {
    let null: CallToolResult = round_trip(json!({"content": [], "structuredContent": null}));
    assert_eq!(null.structured_content, Some(Value::Null));
    assert_eq!(null.structured::<Option<u8>>(), Ok(None));
    let none: CallToolResult = round_trip(json!({"content": []}));
    assert_eq!(none.structured_content, None);
    for version in ProtocolVersion::ALL {
        let kept = version == ProtocolVersion::V2026_07_28;
        assert_eq!(null.clone().read_in(version).structured_content.is_some(), kept, "{version}");
    }
    let beside: CallToolResult =
        read(json!({"content": [{"type": "text", "text": "{\"sum\":3}"}], "structuredContent": null}));
    assert_eq!(beside.structured::<JsonObject>().unwrap()["sum"], 3);
}

/// R-LM-8, R-LM-55: what a result has beside its own members stays; its type does not, it belongs to the exchange.
#[test]
fn unknown_members_of_results_are_kept_and_their_type_is_not() {
    let more = json!({"weather": {"sky": [1.5, null]}, "x": -1});
    for (known, check) in [
        (json!({"content": []}), keeps::<CallToolResult> as fn(Value, Value)),
        (json!({"tools": [], "ttlMs": 1, "cacheScope": "public"}), keeps::<ListToolsResult>),
        (json!({"resources": [], "nextCursor": ""}), keeps::<ListResourcesResult>),
        (json!({"resourceTemplates": []}), keeps::<ListResourceTemplatesResult>),
        (json!({"contents": [], "ttlMs": 0}), keeps::<ReadResourceResult>),
        (json!({"prompts": []}), keeps::<ListPromptsResult>),
        (json!({"messages": []}), keeps::<GetPromptResult>),
        (json!({"completion": {"values": []}}), keeps::<CompleteResult>),
        (json!({"roots": []}), keeps::<ListRootsResult>),
        (json!({"action": "cancel"}), keeps::<ElicitResult>),
        (json!({"role": "user", "content": [], "model": "m"}), keeps::<CreateMessageResult>),
        (json!({"supportedVersions": [], "capabilities": {}}), keeps::<DiscoverResult>),
    ] {
        check(known, more.clone());
    }
    // It has no `resultType`: its revisions do not.
    round_trip::<InitializeResult>(json!({"protocolVersion": "2025-11-25", "capabilities": {},
        "serverInfo": {"name": "s", "version": "1"}, "weather": 1, "_meta": {"a": 1}}));
}

#[track_caller]
fn keeps<T: Serialize + DeserializeOwned>(mut known: Value, more: Value) {
    known.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    known["_meta"] = json!({"a": {}});
    round_trip::<T>(known.clone());
    let mut typed = known.clone();
    typed["resultType"] = json!("complete");
    assert_eq!(serde_json::to_value(read::<T>(typed)).unwrap(), known);
}

/// Models read the parameters of a tool in the order in which its server wrote them, and numbers keep their digits.
#[test]
fn schemas_of_tools_stay_as_they_were_written() {
    let schema =
        r#"{"type":"object", "properties":{"z":{"maximum":123456789012345678901234567890},"a":{"default":1.10}}}"#;
    let page = format!(r#"{{"tools":[{{"name":"t","inputSchema":{schema},"outputSchema":{schema},"x":1}}],"y":2}}"#);
    let page: ListToolsResult = serde_json::from_str(&page).unwrap();
    let tool = &page.tools[0];
    assert_eq!(tool.input_schema.get(), schema);
    assert_eq!(tool.output_schema.as_ref().unwrap().get(), schema);
    assert_eq!(tool.input_schema.to_value()["properties"]["a"]["default"], 1.1);
    assert!(serde_json::to_string(tool).unwrap().contains(schema));
    // From a tree as well, where the order is gone.
    let value = serde_json::to_value(tool).unwrap();
    assert_eq!(read::<Tool>(value).input_schema.to_value(), tool.input_schema.to_value());
    assert!(RawJson::from_text("{").is_err());
}

/// Servers write one size as a text, as a draft had it.
#[test]
fn the_sizes_of_an_icon_may_be_one_text() {
    let sizes = |sizes: Value| read::<Icon>(json!({"src": "data:,", "sizes": sizes})).sizes;
    assert_eq!(sizes(json!("48x48")), ["48x48"]);
    assert_eq!(sizes(json!(["any", "48x48"])), ["any", "48x48"]);
    assert_eq!(sizes(json!(["any", 7])), ["any"]);
    for none in [json!(null), json!([]), json!(7)] {
        assert!(sizes(none.clone()).is_empty(), "{none}");
    }
}

/// R-FC-17
#[test]
fn elicitation_without_a_mode_is_a_form() {
    for (json, form, url) in [
        (json!({}), true, false),
        (json!({"form": {}}), true, false),
        (json!({"url": {}}), false, true),
        (json!({"form": {}, "url": {}}), true, true),
    ] {
        let offered: ElicitationCapability = round_trip(json.clone());
        assert_eq!((offered.has_form(), offered.has_url()), (form, url), "{json}");
    }
}

/// R-FS-18: both are results; which one it is stands in `isError`.
#[test]
fn a_failed_tool_is_a_result_that_says_so() {
    let failed = serde_json::to_value(CallToolResult::error("no such day")).unwrap();
    assert_eq!(failed, json!({"content": [{"type": "text", "text": "no such day"}], "isError": true}));
    assert!(!read::<CallToolResult>(json!({"content": []})).is_error);
}

/// R-FS-23
#[test]
fn arguments_and_content_may_be_missing() {
    let params: CallToolParams<'_> = serde_json::from_str(r#"{"name":"a"}"#).unwrap();
    assert!(params.arguments.is_none());
    let result: CallToolResult = read(json!({"structuredContent": {"sum": 3}}));
    assert!(result.content.is_empty());
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
    let long = CallToolResult::from_structured(json!("x".repeat(100_000)));
    assert!(long.structured::<Sum>().unwrap_err().to_string().len() < 500);
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
