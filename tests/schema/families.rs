//! Each type of the core, filled with everything that it has, against the definition of its name in every revision that has
//! one; and read back into what it was.

use core::fmt::Debug;

use mcp_core::revision::ProtocolVersion;
use mcp_core::types::*;
use mcp_tests::schema_judge::{Side, assert_is, assert_valid, faults};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use ProtocolVersion::{V2025_03_26, V2025_06_18, V2025_11_25, V2026_07_28};

fn since(first: ProtocolVersion) -> impl Iterator<Item = ProtocolVersion> {
    ProtocolVersion::ALL.into_iter().filter(move |version| *version >= first)
}

fn object(value: Value) -> JsonObject {
    value.as_object().unwrap().clone()
}

/// What is written of `it` is read as `it`, from text and from a tree.
#[track_caller]
fn survives<T: Serialize + DeserializeOwned + PartialEq + Debug>(it: &T) -> Value {
    let text = serde_json::to_string(it).unwrap();
    assert_eq!(&serde_json::from_str::<T>(&text).unwrap(), it, "{text}");
    let value = serde_json::to_value(it).unwrap();
    // A tree has no order of members.
    let again = serde_json::from_value::<T>(value.clone()).unwrap();
    assert_eq!(serde_json::to_value(again).unwrap(), value);
    value
}

/// A request with these parameters is one of the client's in each of the revisions.
#[track_caller]
fn is_request(versions: impl Iterator<Item = ProtocolVersion>, side: Side, method: Method, params: &impl Serialize) {
    for version in versions {
        let mut message = json!({"jsonrpc": "2.0", "id": 1, "method": method.name(), "params": params});
        if !version.has_handshake() {
            let meta = &mut message["params"]["_meta"];
            meta[meta::PROTOCOL_VERSION] = json!(version.as_str());
            meta[meta::CLIENT_CAPABILITIES] = json!({});
        }
        assert_valid(version, side, None, &message);
    }
}

#[track_caller]
fn is_notification(
    versions: impl Iterator<Item = ProtocolVersion>,
    side: Side,
    method: Method,
    params: &impl Serialize,
) {
    for version in versions {
        let message = json!({"jsonrpc": "2.0", "method": method.name(), "params": params});
        assert_valid(version, side, None, &message);
    }
}

/// A result is one of this method in each of the revisions, beside what the exchange adds to it.
#[track_caller]
fn is_result<T: Serialize + DeserializeOwned + PartialEq + Debug>(
    versions: impl Iterator<Item = ProtocolVersion>,
    side: Side,
    method: Method,
    result: &T,
) {
    let result = survives(result);
    for version in versions {
        let mut result = result.clone();
        if side == Side::Client && !version.has_server_requests() {
            // The answer to a part of an answer: no message of its own.
            assert_is(version, "InputResponse", &result);
            continue;
        }
        if version.has_result_type() {
            result["resultType"] = json!("complete");
            // It is not kept: whoever writes the result writes it.
            let read = serde_json::from_value::<T>(result.clone()).unwrap();
            assert_eq!(serde_json::to_value(read).unwrap().get("resultType"), None);
        }
        assert_valid(version, side, Some(method.name()), &json!({"jsonrpc": "2.0", "id": 1, "result": result}));
    }
}

fn icons() -> Vec<Icon> {
    let mut icon = Icon::new("https://example.org/a.png");
    (icon.mime_type, icon.theme) = (Some("image/png".into()), Some("dark".into()));
    icon.sizes = vec!["48x48".into(), "any".into()];
    vec![icon]
}

fn annotations() -> Option<Annotations> {
    let hints = json!({"audience": ["user", "assistant"], "priority": 0.5, "lastModified": "2025-01-12T15:00:58Z"});
    serde_json::from_value(hints).unwrap()
}

fn meta_object() -> Option<JsonObject> {
    Some(object(json!({"example.org/a": {"b": 1}})))
}

fn other() -> JsonObject {
    object(json!({"example.org": {"x": [1, null]}}))
}

fn hints() -> CacheHints {
    CacheHints::new(1500, CacheScope::Private)
}

fn resource() -> Resource {
    let mut it = Resource::new("file:///a", "a");
    (it.title, it.description) = (Some("A".into()), Some("all of it".into()));
    (it.mime_type, it.size) = (Some("text/plain".into()), Some(3));
    (it.icons, it.annotations, it.meta) = (icons(), annotations(), meta_object());
    it
}

#[test]
fn resources() {
    let mut page = ListResourcesResult::default();
    (page.resources, page.next_cursor) = (vec![resource(), Resource::new("file:///b", "b")], Some(String::new()));
    (page.cache, page.meta, page.other) = (hints(), meta_object(), other());
    is_result(ProtocolVersion::ALL.into_iter(), Side::Server, Method::ResourcesList, &page);

    let mut template = ResourceTemplate::new("file:///{name}", "files");
    (template.title, template.description) = (Some("Files".into()), Some("each".into()));
    template.mime_type = Some("text/plain".into());
    (template.icons, template.annotations, template.meta) = (icons(), annotations(), meta_object());
    let mut page = ListResourceTemplatesResult::default();
    (page.resource_templates, page.next_cursor) = (vec![template], Some("2".into()));
    (page.cache, page.meta, page.other) = (hints(), meta_object(), other());
    is_result(ProtocolVersion::ALL.into_iter(), Side::Server, Method::ResourcesTemplatesList, &page);

    let mut text = ResourceContents::text("file:///a", "a").mime_type("text/plain");
    text.meta = meta_object();
    let mut read = ReadResourceResult::new(vec![text, ResourceContents::blob("file:///b", "AAAA")]);
    (read.cache, read.meta, read.other) = (hints(), meta_object(), other());
    is_result(ProtocolVersion::ALL.into_iter(), Side::Server, Method::ResourcesRead, &read);

    is_request(
        ProtocolVersion::ALL.into_iter(),
        Side::Client,
        Method::ResourcesRead,
        &ReadResourceParams::new("file:///a"),
    );
    let subscribe = SubscribeParams { uri: "file:///a".into() };
    for method in [Method::ResourcesSubscribe, Method::ResourcesUnsubscribe] {
        is_request(
            ProtocolVersion::ALL.into_iter().filter(|version| method.exists_in(*version)),
            Side::Client,
            method,
            &subscribe,
        );
    }
    let subscription = NotificationMeta { subscription_id: Some(7.into()) };
    let updated = ResourceUpdatedParams { uri: "file:///a".into(), meta: Some(subscription) };
    is_notification(ProtocolVersion::ALL.into_iter(), Side::Server, Method::NotificationsResourcesUpdated, &updated);
    assert_eq!(serde_json::to_value(ContentBlock::from(resource())).unwrap()["type"], "resource_link");
    assert_is(V2025_11_25, "ResourceLink", &serde_json::to_value(ContentBlock::from(resource())).unwrap());
}

#[test]
fn prompts() {
    let mut prompt = Prompt::new("greet");
    (prompt.title, prompt.description) = (Some("Greet".into()), Some("says hello".into()));
    let mut name = PromptArgument::required("name");
    (name.title, name.description) = (Some("Name".into()), Some("whom".into()));
    prompt.arguments = vec![name, PromptArgument::optional("style")];
    (prompt.icons, prompt.meta) = (icons(), meta_object());
    let mut page = ListPromptsResult::default();
    (page.prompts, page.next_cursor) = (vec![prompt, Prompt::new("bare")], Some("x".into()));
    (page.cache, page.meta, page.other) = (hints(), meta_object(), other());
    is_result(ProtocolVersion::ALL.into_iter(), Side::Server, Method::PromptsList, &page);

    let mut params = GetPromptParams::new("greet");
    params.arguments.insert("name".into(), "Ada".into());
    is_request(ProtocolVersion::ALL.into_iter(), Side::Client, Method::PromptsGet, &params);

    let embedded = ContentBlock::resource(ResourceContents::text("file:///a", "a"));
    let messages = vec![PromptMessage::user(ContentBlock::text("hello")), PromptMessage::assistant(embedded)];
    let mut result = GetPromptResult::new(messages);
    (result.description, result.meta, result.other) = (Some("a greeting".into()), meta_object(), other());
    is_result(ProtocolVersion::ALL.into_iter(), Side::Server, Method::PromptsGet, &result);
    result.messages.push(PromptMessage::user(ContentBlock::audio("AAAA", "audio/wav")));
    is_result(since(V2025_03_26), Side::Server, Method::PromptsGet, &result);
}

/// R-FS-34
#[test]
fn a_prompt_takes_nothing_but_texts() {
    assert!(serde_json::from_str::<GetPromptParams<'_>>(r#"{"name":"a","arguments":{"b":1}}"#).is_err());
    let none: GetPromptParams<'_> = serde_json::from_str(r#"{"name":"a","arguments":null}"#).unwrap();
    assert!(none.arguments.is_empty());
}

#[test]
fn completion() {
    let argument = CompletionArgument { name: "name".into(), value: "A".into() };
    let context = CompletionContext { arguments: [("style".to_owned(), "kind".to_owned())].into() };
    for reference in [CompletionReference::prompt("greet"), CompletionReference::resource("file:///{name}")] {
        let params = CompleteParams { reference, argument: argument.clone(), context: Some(context.clone()) };
        survives(&params);
        is_request(ProtocolVersion::ALL.into_iter(), Side::Client, Method::CompletionComplete, &params);
    }
    let mut result = CompleteResult::new(Completion::new(["Ada", "Alan"]));
    (result.meta, result.other) = (meta_object(), other());
    is_result(ProtocolVersion::ALL.into_iter(), Side::Server, Method::CompletionComplete, &result);
}

/// R-FS-35
#[test]
fn an_answer_has_at_most_a_hundred_proposals_and_says_that_there_are_more() {
    for (count, sent, more) in [(0, 0, false), (100, 100, false), (101, 100, true), (250, 100, true)] {
        let completion = Completion::new((0..count).map(|number: u64| number.to_string()));
        assert_eq!((completion.values.len(), completion.total, completion.has_more), (sent, Some(count), Some(more)));
    }
}

#[test]
fn sampling() {
    let image = serde_json::from_value(json!({"type": "image", "data": "AAAA", "mimeType": "image/png"})).unwrap();
    let mut params = CreateMessageParams::new(
        vec![
            SamplingMessage::user(SamplingBlock::text("hello")),
            SamplingMessage::assistant(SamplingContent::from(vec![image])),
        ],
        100,
    );
    params.model_preferences = serde_json::from_value(
        json!({"hints": [{"name": "small"}, {}], "costPriority": 0.1, "speedPriority": 0.5, "intelligencePriority": 1.0}),
    )
    .unwrap();
    (params.system_prompt, params.temperature) = (Some("be brief".into()), Some(0.5));
    params.include_context = Some(IncludeContext::ThisServer);
    params.stop_sequences = vec!["end".into()];
    params.metadata = Some(object(json!({"maker": {"x": 1}})));
    survives(&params);
    let sessions = || ProtocolVersion::ALL.into_iter().filter(|version| version.has_server_requests());
    is_request(sessions(), Side::Server, Method::SamplingCreateMessage, &params);

    let use_and_result = [
        SamplingMessage::assistant(vec![
            SamplingBlock::text("let me look"),
            SamplingBlock::tool_use("u1", "look", object(json!({"at": 1}))),
        ]),
        SamplingMessage::user(SamplingBlock::tool_result("u1", vec![ContentBlock::text("nothing")])),
    ];
    params.messages.extend(use_and_result);
    let schema = RawJson::from_text(r#"{"type":"object"}"#).unwrap();
    params.tools = Some(vec![Tool::new("look", schema)]);
    params.tool_choice = Some(ToolChoice { mode: Some(ToolChoiceMode::Required) });
    survives(&params);
    assert_eq!(params.check(), Ok(()));
    is_request(
        sessions().filter(|version| version.has_sampling_tools()),
        Side::Server,
        Method::SamplingCreateMessage,
        &params,
    );
    is_input(Method::SamplingCreateMessage, &params);

    let mut result = CreateMessageResult::text("small-1", "four");
    is_result(ProtocolVersion::ALL.into_iter(), Side::Client, Method::SamplingCreateMessage, &result);
    (result.meta, result.other) = (meta_object(), other());
    is_result(ProtocolVersion::ALL.into_iter(), Side::Client, Method::SamplingCreateMessage, &result);
    result.content.0.push(SamplingBlock::tool_use("u2", "look", JsonObject::new()));
    is_result(since(V2025_11_25), Side::Client, Method::SamplingCreateMessage, &result);
    assert!(!faults(V2025_06_18, "CreateMessageResult", &serde_json::to_value(&result).unwrap()).is_empty());
}

/// The question as part of an answer of 2026-07-28.
#[track_caller]
fn is_input(method: Method, params: &impl Serialize) {
    let request = InputRequest { method: method.name().into(), params: RawJson::from_value(params).ok() };
    let mut result = InputRequiredResult::default();
    (result.request_state, result.meta) = (Some("sealed".into()), meta_object());
    result.input_requests.insert("q1".into(), request);
    let mut result = survives(&result);
    result["resultType"] = json!(InputRequiredResult::RESULT_TYPE);
    let message = json!({"jsonrpc": "2.0", "id": 1, "result": result});
    assert_valid(V2026_07_28, Side::Server, Some("tools/call"), &message);
}

#[test]
fn elicitation() {
    let form = RequestedSchema::new()
        .required("name", StringSchema::new().title("Name").description("yours").length(1, 80).default_text("Ada"))
        .optional("mail", StringSchema::email())
        .optional("page", StringSchema::uri())
        .optional("born", StringSchema::date())
        .optional("at", StringSchema::date_time())
        .required("age", NumberSchema::integer().title("Age").minimum(0).maximum(150).default_number(30))
        .optional("share", NumberSchema::number().minimum(0).maximum(1).default_number(0.5))
        .optional("agrees", BooleanSchema::new().description("to it").default_value(true))
        .optional("colour", SingleSelectSchema::new(["red", "green"]).default_option("red"))
        .optional("size", SingleSelectSchema::new([("s", "Small"), ("l", "Large")]).default_option("l"))
        .optional("old", SingleSelectSchema::new([("a", "One"), ("b", "Two")]).legacy());
    let choices = form
        .clone()
        .optional("some", MultiSelectSchema::new(["a", "b"]).items(1, 2).default_options(["a"]))
        .optional("more", MultiSelectSchema::new([("a", "One"), ("b", "Two")]).title("More"));
    for version in [V2025_06_18, V2025_11_25] {
        is_request(
            [version].into_iter(),
            Side::Server,
            Method::ElicitationCreate,
            &ElicitParams::form("who?", form.clone()),
        );
    }
    let mut params = ElicitParams::form("who?", choices);
    survives(&params);
    is_request([V2025_11_25].into_iter(), Side::Server, Method::ElicitationCreate, &params);
    is_input(Method::ElicitationCreate, &params);
    // R-FC-19: without a mode, as 2025-06-18 has it.
    assert_eq!(serde_json::to_value(&params).unwrap().get("mode"), None);
    if let ElicitParams::Form(form) = &mut params {
        form.meta = Some(object(json!({"progressToken": 1})));
    }
    is_request([V2025_11_25].into_iter(), Side::Server, Method::ElicitationCreate, &params);

    let mut url = ElicitParams::url("visit", "https://example.org/");
    survives(&url);
    is_input(Method::ElicitationCreate, &url);
    if let ElicitParams::Url(url) = &mut url {
        url.elicitation_id = Some("e1".into());
    }
    survives(&url);
    is_request([V2025_11_25].into_iter(), Side::Server, Method::ElicitationCreate, &url);

    let complete = ElicitationCompleteParams { elicitation_id: "e1".into() };
    is_notification([V2025_11_25].into_iter(), Side::Server, Method::NotificationsElicitationComplete, &complete);

    let content = object(json!({"name": "Ada", "age": 1, "share": 0.5, "agrees": false}));
    let mut accepted = ElicitResult::accept(content);
    for result in [accepted.clone(), ElicitResult::consent(), ElicitResult::decline(), ElicitResult::cancel()] {
        is_result(since(V2025_06_18), Side::Client, Method::ElicitationCreate, &result);
    }
    accepted.content.as_mut().unwrap().insert("some".into(), json!(["a"]));
    (accepted.meta, accepted.other) = (meta_object(), other());
    is_result(since(V2025_11_25), Side::Client, Method::ElicitationCreate, &accepted);
}

#[test]
fn roots() {
    let mut root = Root::new("file:///a").name("a");
    root.meta = meta_object();
    let mut result = ListRootsResult::new(vec![root, Root::new("file:///b")]);
    is_result(ProtocolVersion::ALL.into_iter(), Side::Client, Method::RootsList, &result);
    (result.meta, result.other) = (meta_object(), other());
    is_result(ProtocolVersion::ALL.into_iter(), Side::Client, Method::RootsList, &result);
    is_input(Method::RootsList, &json!({}));
}

/// R-LM-65, R-LM-67
#[test]
fn the_second_attempt_carries_answers_and_state() {
    let mut answers = InputResponses::new();
    answers.insert("q1".into(), RawJson::from_value(&ElicitResult::decline()).unwrap());
    answers.insert("q2".into(), RawJson::from_value(&ListRootsResult::new(vec![])).unwrap());
    let answers = RawJson::from_value(&answers).unwrap();
    let answers = answers.as_raw();
    let state = Some("sealed".into());
    let newest = || [V2026_07_28].into_iter();

    let mut call = CallToolParams::new("a", None);
    (call.input_responses, call.request_state) = (Some(answers), state.clone());
    is_request(newest(), Side::Client, Method::ToolsCall, &call);
    let mut read = ReadResourceParams::new("file:///a");
    (read.input_responses, read.request_state) = (Some(answers), state.clone());
    is_request(newest(), Side::Client, Method::ResourcesRead, &read);
    let mut prompt = GetPromptParams::new("a");
    (prompt.input_responses, prompt.request_state) = (Some(answers), state);
    is_request(newest(), Side::Client, Method::PromptsGet, &prompt);

    let text = serde_json::to_string(&call).unwrap();
    let members: InputResponseParams<'_> = serde_json::from_str(&text).unwrap();
    assert!(members.is_retry());
    assert_eq!(members.input_responses.unwrap().get(), answers.get());
    let first: InputResponseParams<'_> = serde_json::from_str(r#"{"name":"a","arguments":{}}"#).unwrap();
    assert!(!first.is_retry());
}

#[test]
fn discovery_and_subscriptions() {
    let mut capabilities = ServerCapabilities::default();
    capabilities.tools = serde_json::from_value(json!({"listChanged": true})).unwrap();
    capabilities.resources = serde_json::from_value(json!({"subscribe": true, "listChanged": true})).unwrap();
    capabilities.prompts = serde_json::from_value(json!({"listChanged": true})).unwrap();
    (capabilities.logging, capabilities.completions) = (Some(JsonObject::new()), Some(JsonObject::new()));
    capabilities.experimental = Some(object(json!({"x": {}})));
    capabilities.extensions = Some(object(json!({"io.modelcontextprotocol/ui": {}})));
    let mut result = DiscoverResult::new(vec!["2026-07-28".into(), "2099-01-01".into()], capabilities.clone());
    result.instructions = Some("be brief".into());
    (result.cache, result.other) = (hints(), other());
    let me = Implementation::new("s", "1");
    result.meta = Some(object(json!({meta::SERVER_INFO: serde_json::to_value(&me).unwrap()})));
    is_result([V2026_07_28].into_iter(), Side::Server, Method::ServerDiscover, &result);
    assert_eq!(result.server_info(), Some(me));

    let mut filter = SubscriptionFilter::default();
    assert!(filter.is_empty());
    (filter.tools_list_changed, filter.prompts_list_changed, filter.resources_list_changed) = (true, true, true);
    filter.resource_subscriptions = vec!["file:///a".into()];
    let listen = SubscriptionsListenParams { notifications: filter.clone() };
    survives(&listen);
    is_request([V2026_07_28].into_iter(), Side::Client, Method::SubscriptionsListen, &listen);
    for id in [7.into(), "7".into()] {
        let meta = Some(NotificationMeta { subscription_id: Some(id) });
        let acknowledged = SubscriptionsAcknowledgedParams { notifications: filter.clone(), meta };
        let method = Method::NotificationsSubscriptionsAcknowledged;
        is_notification([V2026_07_28].into_iter(), Side::Server, method, &acknowledged);
        let text = serde_json::to_string(&acknowledged).unwrap();
        assert_eq!(serde_json::from_str::<SubscriptionsAcknowledgedParams<'_>>(&text).unwrap(), acknowledged);
    }

    // R-ST-40: the part that can be honoured.
    assert_eq!(filter.clone().honoured_by(&capabilities), filter);
    capabilities.resources = serde_json::from_value(json!({"listChanged": true})).unwrap();
    capabilities.prompts = Some(PromptsCapability::default());
    let honoured = filter.honoured_by(&capabilities);
    assert!(honoured.admits(&Change::Tools) && honoured.admits(&Change::Resources));
    assert!(!honoured.admits(&Change::Prompts) && !honoured.admits(&Change::Resource("file:///a".into())));
}

#[test]
fn tools() {
    let schema = RawJson::from_text(r#"{"type":"object","properties":{"z":{"type":"string"},"a":{"type":"integer"}}}"#);
    let mut tool = Tool::new("look", schema.unwrap());
    (tool.title, tool.description) = (Some("Look".into()), Some("looks".into()));
    tool.output_schema = RawJson::from_text(r#"{"type":"object"}"#).ok();
    tool.annotations = serde_json::from_value(json!({"title": "L", "readOnlyHint": true, "destructiveHint": false,
        "idempotentHint": true, "openWorldHint": false}))
    .unwrap();
    tool.execution = serde_json::from_value(json!({"taskSupport": "optional"})).unwrap();
    (tool.icons, tool.meta) = (icons(), meta_object());
    let mut page = ListToolsResult::default();
    (page.tools, page.next_cursor) = (vec![tool], Some("x".into()));
    (page.cache, page.meta, page.other) = (hints(), meta_object(), other());
    is_result(ProtocolVersion::ALL.into_iter(), Side::Server, Method::ToolsList, &page);

    let mut result = CallToolResult::from_structured(json!({"a": 1}));
    (result.is_error, result.meta, result.other) = (true, meta_object(), other());
    is_result(ProtocolVersion::ALL.into_iter(), Side::Server, Method::ToolsCall, &result);
    // R-FS-17: any value, and null is one.
    for value in [json!([1]), json!("a"), json!(1.5), json!(false), Value::Null] {
        let result = CallToolResult::from_structured(value.clone());
        is_result([V2026_07_28].into_iter(), Side::Server, Method::ToolsCall, &result);
        assert_eq!(survives(&result).get("structuredContent"), Some(&value));
    }
}

#[test]
fn capabilities_and_implementations() {
    let client: ClientCapabilities = serde_json::from_value(json!({
        "roots": {"listChanged": true}, "sampling": {"tools": {}, "context": {}}, "elicitation": {"form": {}, "url": {}},
        "tasks": {"list": {}}, "experimental": {"x": {}}, "extensions": {"io.modelcontextprotocol/ui": {}}}))
    .unwrap();
    let client = survives(&client);
    let mut me = Implementation::new("a", "1");
    (me.title, me.description) = (Some("A".into()), Some("does".into()));
    (me.website_url, me.icons) = (Some("https://example.org/".into()), icons());
    let me = survives(&me);
    for version in ProtocolVersion::ALL {
        assert_is(version, "ClientCapabilities", &client);
        assert_is(version, "Implementation", &me);
    }
}
