//! What both sides send, against the official JSON schema of the revision that they agreed on.
//!
//! The client is the session of the core, the server a service without sockets. Each message is judged three times: as a
//! JSON-RPC message, as what its method says it is, and as something that its sender may send at all.

#![allow(clippy::unwrap_used)] // a panic is the report

use mcp_core::jsonrpc::{ErrorId, ErrorObject, code, write_error};
use mcp_core::revision::ProtocolVersion;
use mcp_core::types::{
    CacheHints, CacheScope, CallToolParams, CallToolResult, CompleteParams, CompletionArgument, CompletionReference,
    ContentBlock, CreateMessageParams, ElicitParams, GetPromptParams, GetPromptResult, JsonObject, LoggingLevel,
    Method, MultiSelectSchema, PromptMessage, ReadResourceParams, ReadResourceResult, RequestedSchema,
    ResourceContents, SetLevelParams, SingleSelectSchema, StringSchema, SubscribeParams,
};
use mcp_server_tiny::service::Service;
use mcp_server_tiny::tool::Tool;
use mcp_server_tiny::{Prompt, Resource, ResourceTemplate, ToolError};
use mcp_tests::schema_judge::{Side, assert_valid, faults};
use serde_json::{Value, json};

use exchange::Exchange;

#[path = "schema/exchange.rs"]
mod exchange;
#[path = "schema/families.rs"]
mod families;

/// A service with everything that a service can have.
fn service() -> Service {
    let mut service = Service::new("everything", "1.0.0");
    let info = service.info_mut();
    info.title = Some("Everything".into());
    info.website_url = Some("https://example.org/".into());
    service.set_instructions("call what you like");
    service.set_page_size(3);
    service.set_cache(CacheHints::new(1000, CacheScope::Public));
    tools(&mut service);
    askers(&mut service);

    service.resource(Resource::text("file:///a", "a", "text").title("A").mime_type("text/plain"));
    service.resource(Resource::bytes("file:///b", "b", [0, 255]).description("bytes").size(2));
    service.resource_with(Resource::new("file:///c", "c"), |_| {
        let mut result = ReadResourceResult::new(vec![ResourceContents::text("file:///c", "computed")]);
        (result.cache, result.other) = (CacheHints::new(7, CacheScope::Private), other());
        Ok(result)
    });
    service.resource_with(Resource::new("file:///d", "d"), |_| Err::<String, _>(ToolError::new("gone")));
    let template = ResourceTemplate::new("file:///t/{name}", "t")
        .title("T")
        .complete("name", |typed| Ok(typed.matching(["Ada", "Alan"])));
    service.resource_template(template, |call| call.arg::<String>("name"));

    let prompt = Prompt::new("greet").title("Greet").description("says hello").argument("name", "whom");
    let prompt = prompt.optional_argument("style", "how").complete("style", |_| Ok(vec!["kind".to_owned(); 200]));
    service.prompt(prompt, |call| Ok([PromptMessage::user(ContentBlock::text(call.arg::<String>("name")?))]));
    service.prompt(Prompt::new("blocks"), |_| {
        let mut result = GetPromptResult::new(blocks().into_iter().map(PromptMessage::assistant).collect());
        (result.description, result.other) = (Some("one of each".into()), other());
        Ok(result)
    });
    service
}

/// What the protocol does not name.
fn other() -> JsonObject {
    json!({"example.org": [1]}).as_object().unwrap().clone()
}

/// Tools that return everything that a tool can return.
fn tools(service: &mut Service) {
    let described = Tool::new("text").title("Text").description("a text").param::<i64>("times", "how often");
    service.tool(described.read_only_hint(true), |_| Ok("a text"));
    service.tool(Tool::new("nothing"), |_| Ok(()));
    let sum = Tool::new("sum").output_schema(json!({"type": "object", "properties": {"sum": {"type": "integer"}}}));
    service.tool(sum, |_| Ok(json!({"sum": 3})));
    service.tool(Tool::new("array"), |_| Ok(CallToolResult::from_structured(json!([1, 2]))));
    service.tool(Tool::new("null"), |_| Ok(CallToolResult::from_structured(Value::Null)));
    service.tool(Tool::new("blocks"), |_| Ok(blocks()));
    service.tool(Tool::new("more"), |_| {
        let mut result = CallToolResult::text("a");
        result.meta = json!({"example.org/a": 1}).as_object().cloned();
        result.other = other();
        Ok(result)
    });
    service.tool(Tool::new("fails"), |_| Err::<String, _>(ToolError::new("no such day")));
    service.tool(Tool::new("refuses"), |_| Err::<String, _>(ToolError::protocol(-1, "not now")));
    service.tool(Tool::new("reports"), |call| {
        call.progress(0.5, None, None);
        call.progress(1.0, Some(2.0), Some("half"));
        call.log(LoggingLevel::Warning, "careful");
        call.log(LoggingLevel::Error, &json!({"code": 7}));
        Ok("done")
    });
}

/// Tools that ask the client, each for something else.
fn askers(service: &mut Service) {
    service.tool(Tool::new("asks_form"), |call| {
        let size = SingleSelectSchema::new([("s", "Small"), ("l", "Large")]).default_option("l");
        let form = RequestedSchema::new().required("name", StringSchema::new().title("Name").default_text("Ada"));
        let form = form.optional("mail", StringSchema::email()).optional("size", size);
        let answer = call.elicit("form", ElicitParams::form("who?", form))?;
        Ok(format!("{:?}", answer.action))
    });
    service.tool(Tool::new("asks_several"), |call| {
        let form = RequestedSchema::new().optional("some", MultiSelectSchema::new(["a", "b"]).default_options(["a"]));
        Ok(format!("{:?}", call.elicit("form", ElicitParams::form("which?", form))?.action))
    });
    service.tool(Tool::new("asks_page"), |call| {
        Ok(format!("{:?}", call.elicit("page", ElicitParams::url("visit", "https://example.org/"))?.action))
    });
    service.tool(Tool::new("asks_model"), |call| {
        Ok(call.sample("model", CreateMessageParams::text("two and two?", 10))?.content.all_text())
    });
    service.tool(Tool::new("asks_roots"), |call| Ok(call.roots("roots")?.roots.len().to_string()));
}

/// One of each kind of content, with and without what may be left out.
fn blocks() -> Vec<ContentBlock> {
    let mut link = ContentBlock::resource_link("file:///a", "a");
    if let ContentBlock::ResourceLink { title, description, mime_type, size, .. } = &mut link {
        (*title, *description) = (Some("A".into()), Some("all of it".into()));
        (*mime_type, *size) = (Some("text/plain".into()), Some(3));
    }
    let mut hinted = ContentBlock::text("hinted");
    if let ContentBlock::Text { annotations, meta, .. } = &mut hinted {
        let hints = json!({"audience": ["user", "assistant"], "priority": 0.5, "lastModified": "2025-01-12T15:00:58Z"});
        *annotations = Some(serde_json::from_value(hints).unwrap());
        *meta = json!({"example.org/a": 1}).as_object().cloned();
    }
    vec![
        ContentBlock::text("plain"),
        hinted,
        ContentBlock::image("AAAA", "image/png"),
        ContentBlock::audio("AAAA", "audio/wav"),
        ContentBlock::resource(ResourceContents::text("file:///a", "a").mime_type("text/plain")),
        ContentBlock::resource(ResourceContents::blob("file:///b", "AAAA")),
        ContentBlock::resource_link("file:///c", "c"),
        link,
    ]
}

/// Everything that a client can ask of the service, in whatever revision.
fn use_everything(it: &mut Exchange, version: ProtocolVersion) {
    for (method, member, count) in
        [("tools/list", "tools", 15), ("resources/list", "resources", 4), ("prompts/list", "prompts", 2)]
    {
        assert_eq!(it.pages(method, member), count, "{method}");
    }
    assert_eq!(it.pages("resources/templates/list", "resourceTemplates"), 1);

    for tool in ["nothing", "sum", "array", "null", "blocks", "more", "fails", "reports"] {
        assert!(it.call(tool).get("result").is_some(), "{tool}");
    }
    let arguments = serde_json::value::to_raw_value(&json!({"times": 2})).unwrap();
    let params = CallToolParams::new("text", Some(&arguments));
    assert!(it.ask("tools/call", &params).get("result").is_some());
    it.call("text");
    // R-LM-8, R-LM-40: what a handler puts beside its content goes out as it is.
    let more = it.call("more")["result"].take();
    assert_eq!((&more["example.org"], &more["_meta"]["example.org/a"]), (&json!([1]), &json!(1)));
    // R-FS-17
    let null = it.call("null")["result"].take();
    assert_eq!(null.get("structuredContent"), version.has_any_structured_content().then_some(&Value::Null));
    assert_eq!(it.call("refuses")["error"]["code"], -1);
    assert_eq!(it.call("no such tool")["error"]["code"], code::INVALID_PARAMS);
    assert_eq!(it.ask("tools/list", &json!({"cursor": "x"}))["error"]["code"], code::INVALID_PARAMS);

    for uri in ["file:///a", "file:///b", "file:///t/Ada"] {
        assert!(it.ask("resources/read", &ReadResourceParams::new(uri)).get("result").is_some(), "{uri}");
    }
    let computed = it.ask("resources/read", &ReadResourceParams::new("file:///c"))["result"].take();
    assert_eq!(computed["example.org"], json!([1]));
    assert_eq!(computed.get("ttlMs"), version.has_result_type().then_some(&json!(7)));
    for uri in ["file:///d", "file:///missing"] {
        assert!(it.ask("resources/read", &ReadResourceParams::new(uri)).get("error").is_some(), "{uri}");
    }
    let mut greet = GetPromptParams::new("greet");
    assert!(it.ask("prompts/get", &greet).get("error").is_some());
    greet.arguments.insert("name".into(), "Ada".into());
    assert!(it.ask("prompts/get", &greet).get("result").is_some());
    let got = it.ask("prompts/get", &GetPromptParams::new("blocks"));
    assert_eq!(got["result"]["example.org"], json!([1]), "{got}");
    for (reference, name) in
        [(CompletionReference::prompt("greet"), "style"), (CompletionReference::resource("file:///t/{name}"), "name")]
    {
        let argument = CompletionArgument { name: name.into(), value: String::new() };
        let answer = it.ask("completion/complete", &CompleteParams { reference, argument, context: None });
        assert!(answer.get("result").is_some(), "{answer}");
    }

    assert_eq!(it.call("asks_model")["result"]["content"][0]["text"], "four");
    assert_eq!(it.call("asks_roots")["result"]["content"][0]["text"], "1");
    let forms = ["asks_form", "asks_several", "asks_page"];
    for (tool, has) in
        forms.into_iter().zip([version.has_elicitation(), version.has_url_elicitation(), version.has_url_elicitation()])
    {
        let answer = it.call(tool);
        let answered = answer["result"]["content"][0]["text"] == "Decline";
        assert_eq!(answered, has, "{tool} in {version}: {answer}");
    }
    for method in ["notifications/message", "notifications/progress"] {
        assert!(it.has_seen(method), "{method} in {version}");
    }
}

#[test]
fn every_message_of_an_exchange_is_what_the_schema_of_its_revision_says() {
    for version in ProtocolVersion::ALL.into_iter().filter(|version| version.has_handshake()) {
        let mut it = Exchange::with_handshake(version, service());
        assert_eq!(it.ask("ping", &())["result"], json!({}));
        let set = SetLevelParams { level: LoggingLevel::Debug };
        assert_eq!(it.ask("logging/setLevel", &set)["result"], json!({}));
        use_everything(&mut it, version);

        // The server's requests are answered, also those that nobody can carry out.
        assert_eq!(it.ask_client(Method::Ping, &())["result"], json!({}));
        it.carry_to_client(json!({"jsonrpc": "2.0", "id": "s", "method": "x/y"}).to_string().as_bytes());
        assert!(it.last().get("error").is_some());

        let watched = SubscribeParams { uri: "file:///a".into() };
        assert_eq!(it.ask("resources/subscribe", &watched)["result"], json!({}));
        it.announce_everything();
        assert_eq!(it.ask("resources/unsubscribe", &watched)["result"], json!({}));
        it.cancel("tools/list");
        it.say_that_roots_changed();
        for method in [
            "notifications/initialized",
            "notifications/cancelled",
            "notifications/roots/list_changed",
            "notifications/tools/list_changed",
            "notifications/prompts/list_changed",
            "notifications/resources/list_changed",
            "notifications/resources/updated",
        ] {
            assert!(it.has_seen(method), "{method} in {version}");
        }
    }
}

#[test]
fn every_message_of_requests_that_stand_alone_is_what_the_newest_schema_says() {
    let mut it = Exchange::stateless(service());
    let discovered = it.ask("server/discover", &());
    assert_eq!(discovered["result"]["supportedVersions"][0], ProtocolVersion::LATEST.as_str());
    use_everything(&mut it, ProtocolVersion::LATEST);
    assert!(it.seen().any(|message| message["result"]["resultType"] == "input_required"));
}

#[test]
fn an_error_without_a_request_is_what_the_newest_schema_says() {
    let mut out = Vec::new();
    write_error(&mut out, &ErrorId::Absent, &ErrorObject::new(code::PARSE_ERROR, "not JSON"));
    let error = serde_json::from_slice(&out).unwrap();
    assert_valid(ProtocolVersion::V2025_11_25, Side::Server, None, &error);
    // Before, the schemas have no such error at all; what most servers send is `null` (R-LM-6).
    assert!(!faults(ProtocolVersion::V2025_06_18, "JSONRPCError", &error).is_empty());
}

/// Without this the tests above could pass for having no teeth.
#[test]
fn what_a_revision_does_not_have_is_found_out() {
    let audio = json!({"content": [{"type": "audio", "data": "AAAA", "mimeType": "audio/wav"}]});
    assert!(!faults(ProtocolVersion::V2024_11_05, "CallToolResult", &audio).is_empty());
    assert!(faults(ProtocolVersion::V2025_03_26, "CallToolResult", &audio).is_empty());
    let array = json!({"content": [], "structuredContent": [1]});
    assert!(!faults(ProtocolVersion::V2025_11_25, "CallToolResult", &array).is_empty());
    for version in ProtocolVersion::ALL.into_iter().filter(|version| version.has_handshake()) {
        for (definition, wrong) in [
            ("JSONRPCMessage", json!({"jsonrpc": "1.0", "method": "ping"})),
            ("InitializeResult", json!({"protocolVersion": "x", "capabilities": {}})),
            ("ProgressNotification", json!({"method": "notifications/progress", "params": {"progressToken": 1}})),
            ("ServerNotification", json!({"jsonrpc": "2.0", "method": "notifications/initialized"})),
            ("ListToolsResult", json!({"tools": [{"name": "a", "inputSchema": {}}]})),
        ] {
            assert!(!faults(version, definition, &wrong).is_empty(), "{definition} in {version}");
        }
    }
}
