//! Tools: how they are described, called and answered, in each revision.

use mcp_core::types::{CallToolResult, ContentBlock, LoggingLevel, ResourceContents};
use mcp_server_tiny::service::{Outcome, Service};
use mcp_server_tiny::tool::Tool;
use mcp_server_tiny::{Call, Error, FromArgument, IntoToolResult, Json, Later, Schema, Server, ToolError, Type};
use mcp_tests::random::Random;
use mcp_tests::raw_service::{RawService, SESSION};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

const REVISIONS: [&str; 4] = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"];
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
    with_tool(version, Tool::new("t"), handler).call("t", json!({}))["result"].take()
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

// Results.

#[test]
fn each_simple_type_is_one_text() {
    assert_eq!(result(|_| Ok("static")), text("static"));
    assert_eq!(result(|_| Ok(String::from("a \"b\"\n\u{1}é"))), text("a \"b\"\n\u{1}é"));
    assert_eq!(result(|_| Ok(std::borrow::Cow::Borrowed("cow"))), text("cow"));
    assert_eq!(result(|_| Ok(-5_i64)), text("-5"));
    assert_eq!(result(|_| Ok(2.5)), text("2.5"));
    assert_eq!(result(|_| Ok(true)), text("true"));
    assert_eq!(result(|_| Ok(Some("some"))), text("some"));
}

#[test]
fn nothing_is_a_result_without_content() {
    // `content` is required, also when it is empty (features, section C).
    assert_eq!(result(|_| Ok(())), json!({"content": []}));
    assert_eq!(result(|_| Ok(None::<String>)), json!({"content": []}));
}

#[test]
fn a_text_is_written_without_detours() {
    let mut client = with_tool(NEWEST, Tool::new("t"), |_| Ok("x"));
    let _outcome = client.send_text(r#"{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"name":"t"}}"#);
    let expected = "{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"result\":{\"content\":[{\"type\":\"text\",\"text\":\"x\"}]}}\n";
    assert_eq!(client.sent_text(), expected);
}

#[test]
fn an_object_is_structured_content_and_text_where_the_revision_has_it() {
    // R-FS-16, R-FS-17
    #[derive(Serialize)]
    struct Sum {
        sum: i32,
    }
    let both = json!({"content": [{"type": "text", "text": "{\"sum\":3}"}], "structuredContent": {"sum": 3}});
    for version in ["2025-06-18", "2025-11-25"] {
        assert_eq!(result_in(version, |_| Ok(Json(Sum { sum: 3 }))), both);
        assert_eq!(result_in(version, |_| Ok(json!({"sum": 3}))), both);
    }
    for version in ["2024-11-05", "2025-03-26"] {
        assert_eq!(result_in(version, |_| Ok(Json(Sum { sum: 3 }))), text("{\"sum\":3}"));
        assert_eq!(result_in(version, |_| Ok(CallToolResult::from_structured(json!({"sum": 3})))), text("{\"sum\":3}"));
    }
}

#[test]
fn other_json_is_text_only_until_a_revision_allows_more() {
    // R-FS-17: up to 2025-11-25 structured content is an object.
    for value in [json!([1, 2]), json!("a"), json!(false), json!(0), json!(null)] {
        let (one, two, written) = (value.clone(), value.clone(), value.to_string());
        assert_eq!(result(move |_| Ok(Json(one.clone()))), text(&written));
        assert_eq!(result(move |_| Ok(CallToolResult::from_structured(two.clone()))), text(&written));
    }
}

#[test]
fn content_blocks_go_out_as_they_are() {
    let image = json!({"type": "image", "data": "AAAA", "mimeType": "image/png"});
    assert_eq!(result(|_| Ok(ContentBlock::image("AAAA", "image/png"))), json!({"content": [image]}));
    let blocks = || vec![ContentBlock::text("a"), ContentBlock::resource(ResourceContents::text("file:///a", "b"))];
    let expected = json!([
        {"type": "text", "text": "a"},
        {"type": "resource", "resource": {"uri": "file:///a", "text": "b"}},
    ]);
    assert_eq!(result(move |_| Ok(blocks()))["content"], expected);
}

#[test]
fn content_that_a_revision_does_not_know_becomes_text_that_says_what_it_is() {
    // R-FS-6
    let blocks = || {
        let mut link = ContentBlock::resource_link("file:///a", "a");
        if let ContentBlock::ResourceLink { description, .. } = &mut link {
            *description = Some("all of it".into());
        }
        vec![ContentBlock::audio("AAAA", "audio/wav"), link, ContentBlock::text("x")]
    };
    let kinds = |version| {
        let content = result_in(version, move |_| Ok(blocks()))["content"].take();
        let Value::Array(content) = content else { panic!() };
        content.iter().map(|block| block["type"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(kinds("2024-11-05"), ["text", "text", "text"]);
    assert_eq!(kinds("2025-03-26"), ["audio", "text", "text"]);
    assert_eq!(kinds("2025-06-18"), ["audio", "resource_link", "text"]);
    let old = result_in("2024-11-05", move |_| Ok(blocks()));
    assert_eq!(old["content"][0]["text"], "[audio, audio/wav, 4 bytes of Base64]");
    assert_eq!(old["content"][1]["text"], "[resource a at file:///a: all of it]");
}

#[test]
fn binary_content_that_no_client_could_decode_is_an_internal_error() {
    // R-FS-5
    let good = ["", "AA==", "AAA=", "AAAA", "+/9zZ0=="];
    let bad = ["A", "AA", "AAA", "AA=", "====", "A===", "AA==AA==", "AA-_", "AA A", "A\nAA", "\u{e9}\u{e9}"];
    for (base64, is_good) in good.map(|text| (text, true)).into_iter().chain(bad.map(|text| (text, false))) {
        let answer =
            |block: ContentBlock| with_tool(NEWEST, Tool::new("t"), move |_| Ok(block.clone())).call("t", json!({}));
        let blob = ContentBlock::resource(ResourceContents::blob("file:///a", base64));
        for block in [ContentBlock::image(base64, "image/png"), ContentBlock::audio(base64, "audio/wav"), blob] {
            let answer = answer(block);
            assert_eq!(answer["result"].is_object(), is_good, "{base64}: {answer}");
            assert_eq!(answer["error"]["code"] == -32603, !is_good, "{base64}: {answer}");
        }
    }
    let mut untyped = with_tool(NEWEST, Tool::new("t"), |_| Ok(ContentBlock::image("AAAA", "")));
    assert_eq!(untyped.call("t", json!({}))["error"]["code"], -32603);
}

#[test]
fn a_whole_result_keeps_its_error_flag_and_metadata() {
    let handler = |_: &mut Call<'_>| {
        let mut result = CallToolResult::error("no");
        result.meta = json!({"example.com/a": 1}).as_object().cloned();
        Ok(result)
    };
    let expected = json!({"content": [{"type": "text", "text": "no"}], "isError": true, "_meta": {"example.com/a": 1}});
    assert_eq!(result(handler), expected);
}

#[test]
fn a_value_that_is_no_json_is_an_internal_error_and_nothing_of_it_is_sent() {
    let mut client = with_tool(NEWEST, Tool::new("t"), |_| {
        Ok(Json([([1], 2)].into_iter().collect::<std::collections::BTreeMap<_, _>>()))
    });
    let answer = client.call("t", json!({}));
    assert_eq!(answer["error"]["code"], -32603);
}

// Errors.

#[test]
fn any_error_and_any_text_is_a_result_that_says_so() {
    // R-FS-18: failures of the tool are results.
    for version in REVISIONS {
        assert_eq!(result_in::<()>(version, |_| Err("no luck".into())), failure("no luck"));
        assert_eq!(result_in::<()>(version, |_| Err(format!("no {}", "luck").into())), failure("no luck"));
        let parsed = |_: &mut Call<'_>| Ok("x".parse::<i32>()?);
        assert_eq!(result_in(version, parsed), failure("invalid digit found in string"));
        let boxed = |_: &mut Call<'_>| {
            let error: Box<dyn std::error::Error> = "boxed".into();
            Err::<(), _>(error.into())
        };
        assert_eq!(result_in(version, boxed), failure("boxed"));
    }
}

#[test]
fn a_handler_can_answer_with_an_error_of_the_protocol() {
    let mut client = with_tool(NEWEST, Tool::new("t"), |_| Err::<(), _>(ToolError::protocol(-1, "rejected")));
    assert_eq!(client.call("t", json!({}))["error"], json!({"code": -1, "message": "rejected"}));
}

#[test]
fn an_unknown_tool_is_an_error_that_names_it_cut() {
    // R-FS-18
    let mut client = with_tool(NEWEST, Tool::new("t"), |_| Ok(()));
    for (name, shown) in
        [("u", "u".to_owned()), ("T", "T".to_owned()), ("", String::new()), (&"x".repeat(500), "x".repeat(64) + "...")]
    {
        let error = client.call(name, json!({}))["error"].take();
        assert_eq!(error, json!({"code": -32602, "message": format!("unknown tool: {shown}")}));
    }
}

#[test]
fn a_call_that_is_malformed_is_an_error() {
    // R-FS-18
    let mut client = with_tool(NEWEST, Tool::new("t"), |_| Ok(()));
    for params in
        [json!({}), json!({"name": 1}), json!({"name": "t", "arguments": [1]}), json!({"name": "t", "arguments": "a"})]
    {
        assert_eq!(client.ask("tools/call", params.clone())["error"]["code"], -32602, "{params}");
    }
    assert_eq!(client.session.in_flight(), 0);
    let without = json!({"jsonrpc": "2.0", "id": 99, "method": "tools/call"});
    let _outcome = client.send(&without);
    assert_eq!(client.sent()[0]["error"]["code"], -32602);
}

#[test]
fn methods_of_features_that_are_not_offered_do_not_exist() {
    let mut client = with_tool(NEWEST, Tool::new("t"), |_| Ok(()));
    for method in ["resources/list", "resources/read", "prompts/list", "completion/complete"] {
        assert_eq!(client.ask(method, json!({}))["error"]["code"], -32601, "{method}");
    }
}

#[test]
fn a_panic_ends_the_call_and_its_text_stays_inside() {
    // R-FS-18, R-LM-92
    let mut client = with_tool(NEWEST, Tool::new("t").param::<bool>("panic", ""), |call| {
        call.log(LoggingLevel::Info, "begun");
        assert!(!call.arg::<bool>("panic")?, "the password is 1234");
        Ok("fine")
    });
    let sent = client.ask_all("tools/call", json!({"name": "t", "arguments": {"panic": true}}));
    assert_eq!(sent[0]["params"]["data"], "begun", "what was said before it is sent");
    assert_eq!(sent[1]["result"], failure("`t` failed: internal error"));
    assert_eq!(
        client.ask_all("tools/call", json!({"name": "t", "arguments": {"panic": false}}))[1]["result"],
        text("fine")
    );
    assert_eq!(client.session.in_flight(), 0);
}

#[test]
fn a_value_that_panics_while_it_is_written_leaves_no_half_message() {
    struct Bomb;
    impl Serialize for Bomb {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            use serde::ser::SerializeSeq;
            let mut sequence = serializer.serialize_seq(None)?;
            sequence.serialize_element("begun")?;
            panic!("in the middle")
        }
    }
    let mut service = service();
    service.tool(Tool::new("log"), |call| {
        call.log(LoggingLevel::Error, &Bomb);
        Ok(())
    });
    service.tool(Tool::new("result"), |_| Ok(Json(Bomb)));
    let mut client = RawService::new(service, NEWEST);
    for tool in ["log", "result"] {
        assert_eq!(client.call(tool, json!({}))["result"], failure(&format!("`{tool}` failed: internal error")));
    }
}

#[test]
fn later_without_a_deferred_reply_is_an_internal_error() {
    let mut client = with_tool(NEWEST, Tool::new("t"), |_| Ok(Later));
    assert_eq!(client.call("t", json!({}))["error"]["code"], -32603);
}

// Arguments.

/// What a handler that reads `name` as a `T` gets.
fn read<T>(arguments: Value) -> Value
where
    T: for<'a> FromArgument<'a> + Serialize,
{
    with_tool(NEWEST, Tool::new("t"), |call| Ok(Json(json!({"read": call.arg::<T>("a")?}))))
        .call("t", arguments)["result"]
        .take()
}

#[test]
fn arguments_are_read_as_the_types_that_are_asked_for() {
    let value = |result: Value| result["structuredContent"]["read"].clone();
    assert_eq!(value(read::<String>(json!({"a": "x\"\n\u{e9}"}))), "x\"\n\u{e9}");
    assert_eq!(value(read::<bool>(json!({"a": true}))), true);
    assert_eq!(value(read::<u8>(json!({"a": 255}))), 255);
    assert_eq!(value(read::<i64>(json!({"a": i64::MIN}))), json!(i64::MIN));
    assert_eq!(value(read::<u64>(json!({"a": u64::MAX}))), json!(u64::MAX));
    assert_eq!(value(read::<i32>(json!({"a": 3.0}))), 3, "an integer written with a point, as some languages do");
    assert_eq!(value(read::<f64>(json!({"a": 2}))), 2.0);
    assert_eq!(value(read::<Vec<String>>(json!({"a": ["x", "y"]}))), json!(["x", "y"]));
    assert_eq!(value(read::<Value>(json!({"a": {"b": [1]}}))), json!({"b": [1]}));
    assert_eq!(value(read::<Option<u8>>(json!({"a": 1}))), 1);
    assert_eq!(value(read::<Option<u8>>(json!({"a": null}))), Value::Null);
    assert_eq!(value(read::<Option<u8>>(json!({}))), Value::Null);
}

#[test]
fn what_does_not_fit_is_named_with_what_is_expected() {
    let cases = [
        (read::<u8>(json!({"a": 256})), "argument `a` of `t` has to be an integer from 0 to 255, not a number"),
        (read::<u8>(json!({"a": 1.5})), "argument `a` of `t` has to be an integer from 0 to 255, not a number"),
        (read::<String>(json!({"a": 1})), "argument `a` of `t` has to be a string, not a number"),
        (read::<bool>(json!({"a": "true"})), "argument `a` of `t` has to be a boolean, not a string"),
        (read::<f64>(json!({"a": [1]})), "argument `a` of `t` has to be a number, not an array"),
        (read::<String>(json!({})), "`t` needs the argument `a`: a string"),
        (read::<Option<u8>>(json!({"a": "x"})), "argument `a` of `t` has to be an integer from 0 to 255, not a string"),
    ];
    for (result, message) in cases {
        assert_eq!(result, failure(message));
    }
}

#[test]
fn text_is_borrowed_from_the_request_unless_it_has_escapes() {
    let mut client = with_tool(NEWEST, Tool::new("t").param::<String>("a", ""), |call| {
        let text = call.arg::<&str>("a")?;
        let raw = call.raw_arguments();
        let range = raw.as_bytes().as_ptr_range();
        // The call can be used while its text is held.
        call.progress(1.0, None, None);
        Ok(format!("{text} {}", range.contains(&text.as_ptr())))
    });
    assert_eq!(client.call("t", json!({"a": "plain"}))["result"], text("plain true"));
    assert_eq!(client.call("t", json!({"a": "line\nend"}))["result"], text("line\nend false"));
    let lone = r#"{"jsonrpc":"2.0","id":9,"method":"tools/call","params":{"name":"t","arguments":{"a":"\ud800"}}}"#;
    let _outcome = client.send_text(lone);
    let message = "argument `a` of `t` has to be a string, not a string that is no text";
    assert_eq!(client.sent()[0]["result"], failure(message));
}

#[test]
fn of_an_argument_given_twice_the_last_counts() {
    let mut client = with_tool(NEWEST, Tool::new("t"), |call| call.arg::<i32>("a"));
    let _outcome = client
        .send_text(r#"{"jsonrpc":"2.0","id":9,"method":"tools/call","params":{"name":"t","arguments":{"a":1,"a":2}}}"#);
    assert_eq!(client.sent()[0]["result"], text("2"));
}

#[test]
fn arguments_can_be_read_as_one_structure() {
    #[derive(Deserialize)]
    struct Point<'a> {
        x: i32,
        label: &'a str,
    }
    let mut client = with_tool(NEWEST, Tool::new("t"), |call| {
        let Point { x, label } = call.arguments()?;
        Ok(format!("{label}{x}"))
    });
    assert_eq!(client.call("t", json!({"x": 1, "label": "p"}))["result"], text("p1"));
    let wrong = client.call("t", json!({"x": "1", "label": "p"}))["result"].take();
    assert_eq!(wrong["isError"], true);
    assert!(wrong["content"][0]["text"].as_str().unwrap().starts_with("the arguments of `t` do not fit: invalid type"));
}

#[test]
fn absent_and_null_arguments_are_an_empty_object() {
    // R-FS-23
    let mut client = with_tool(NEWEST, Tool::new("t"), |call| Ok(call.raw_arguments().to_owned()));
    for params in [json!({"name": "t"}), json!({"name": "t", "arguments": null}), json!({"name": "t", "arguments": {}})]
    {
        assert_eq!(client.ask("tools/call", params)["result"], text("{}"));
    }
}

#[test]
fn arguments_that_do_not_fit_never_reach_the_handler() {
    // R-FS-18, R-FS-21: an error up to 2025-06-18, since then a result that a model can learn from.
    let tool = || {
        Tool::new("t")
            .param::<String>("text", "")
            .optional_param::<u32>("count", "")
            .optional_one_of("unit", "", &["a", "b"])
            .optional_param::<Vec<i32>>("list", "")
    };
    let cases = [
        (json!({}), "`t` needs the argument `text`: a string"),
        (json!({"text": null}), "argument `text` of `t` has to be a string, not null"),
        (
            json!({"text": "", "count": -1}),
            "argument `count` of `t` has to be an integer that is not negative, not a number",
        ),
        (json!({"text": "", "unit": "c"}), "argument `unit` of `t` has to be one of `a`, `b`, not a string"),
        (
            json!({"text": "", "list": [1, "2"]}),
            "argument `list` of `t` has to be an array whose elements are each an integer, not an array",
        ),
    ];
    for version in REVISIONS {
        let mut client = with_tool(version, tool(), |_| -> Result<(), ToolError> { panic!("called") });
        for (arguments, message) in &cases {
            let answer = client.call("t", arguments.clone());
            if version == NEWEST {
                assert_eq!(answer["result"], failure(message));
            } else {
                assert_eq!(answer["error"], json!({"code": -32602, "message": message}));
            }
        }
    }
    let mut client = with_tool(NEWEST, tool(), |_| Ok("called"));
    let fits = json!({"text": "", "count": null, "unit": "b", "list": [1.0, 2], "unknown": {}});
    assert_eq!(client.call("t", fits)["result"], text("called"));
}

#[test]
fn a_raw_schema_is_checked_at_its_root() {
    let schema = json!({"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]});
    let mut client = with_tool(NEWEST, Tool::new("t").input_schema(&schema), |_| Ok("called"));
    assert_eq!(client.call("t", json!({}))["result"], failure("`t` needs the argument `n`: an integer"));
    assert_eq!(client.call("t", json!({"n": 1}))["result"], text("called"));
}

#[test]
fn a_type_of_the_programs_own_can_be_a_parameter() {
    #[derive(Debug, PartialEq)]
    enum Unit {
        Celsius,
        Fahrenheit,
    }
    impl Schema for Unit {
        fn schema() -> Type {
            Type::one_of(&["celsius", "fahrenheit"])
        }
    }
    impl<'a> FromArgument<'a> for Unit {
        fn from_argument(argument: &'a mcp_server_tiny::call::Argument<'a>) -> Option<Self> {
            match argument.as_str()? {
                "celsius" => Some(Self::Celsius),
                "fahrenheit" => Some(Self::Fahrenheit),
                _ => None,
            }
        }

        fn expected() -> std::borrow::Cow<'static, str> {
            "a unit".into()
        }
    }
    let mut client = with_tool(NEWEST, Tool::new("t").param::<Unit>("unit", "of it"), |call| {
        Ok(format!("{:?}", call.arg::<Unit>("unit")?))
    });
    assert_eq!(client.call("t", json!({"unit": "celsius"}))["result"], text("Celsius"));
    let schema = client.ask("tools/list", json!({}))["result"]["tools"][0]["inputSchema"].take();
    assert_eq!(
        schema["properties"]["unit"],
        json!({"type": "string", "enum": ["celsius", "fahrenheit"], "description": "of it"})
    );
}

// The list.

fn tools(client: &mut RawService, params: Value) -> Value {
    client.ask("tools/list", params)["result"].take()
}

#[test]
fn a_server_without_tools_answers_with_an_empty_list() {
    // R-FS-9
    let mut client = RawService::new(service(), NEWEST);
    assert_eq!(tools(&mut client, json!({})), json!({"tools": []}));
    let _outcome = client.send(&json!({"jsonrpc": "2.0", "id": 99, "method": "tools/list"}));
    assert_eq!(client.sent()[0]["result"], json!({"tools": []}), "parameters may be absent");
}

#[test]
fn parameters_are_listed_in_order_with_their_types() {
    // R-FS-14
    let mut client = with_tool(
        NEWEST,
        Tool::new("t")
            .description("Does things")
            .param::<String>("zeta", "first")
            .optional_param::<u8>("alpha", "second")
            .param::<Vec<f64>>("mid", "")
            .one_of("unit", "fourth", &["a", "b"]),
        |_| Ok(()),
    );
    client.begin("tools/list", json!({}));
    let expected = r#""inputSchema":{"type":"object","properties":{"zeta":{"description":"first","type":"string"},"alpha":{"description":"second","minimum":0,"type":"integer"},"mid":{"items":{"type":"number"},"type":"array"},"unit":{"description":"fourth","enum":["a","b"],"type":"string"}},"required":["zeta","mid","unit"]}"#;
    let sent = client.sent_text();
    assert!(sent.contains(expected), "{sent}");
}

#[test]
fn a_tool_without_parameters_says_so() {
    // R-FS-14
    let mut client = with_tool(NEWEST, Tool::new("t"), |_| Ok(()));
    let expected = json!({"tools": [{"name": "t", "inputSchema": {"type": "object", "additionalProperties": false}}]});
    assert_eq!(tools(&mut client, json!({})), expected);
}

#[test]
fn a_raw_schema_is_passed_on_as_it_is_on_one_line() {
    // R-SSE-45
    let schema = "{\n  \"type\": \"object\",\n  \"z\": 1,\n  \"a\": 2\n}";
    let mut client = with_tool(NEWEST, Tool::new("t").input_schema(schema), |_| Ok(()));
    client.begin("tools/list", json!({}));
    let sent = client.sent_text();
    assert_eq!(sent.matches('\n').count(), 1);
    assert!(sent.contains(&schema.replace('\n', " ")), "{sent}");
}

#[test]
fn each_revision_sees_the_members_that_it_knows() {
    let tool = || {
        Tool::new("t")
            .title("A title")
            .read_only_hint(false)
            .destructive_hint(false)
            .idempotent_hint(true)
            .open_world_hint(false)
            .output_schema(json!({"type": "object"}))
    };
    let hints =
        json!({"readOnlyHint": false, "destructiveHint": false, "idempotentHint": true, "openWorldHint": false});
    let with = |members: &[(&str, Value)]| {
        let mut tool = json!({"name": "t", "inputSchema": {"type": "object", "additionalProperties": false}});
        members.iter().for_each(|(name, value)| tool[*name] = value.clone());
        tool
    };
    let listed = |version| {
        let mut client = with_tool(version, tool(), |_| Ok(Json(json!({}))));
        tools(&mut client, json!({}))["tools"][0].take()
    };
    assert_eq!(listed("2024-11-05"), with(&[]));
    let mut titled = hints.clone();
    titled["title"] = json!("A title");
    assert_eq!(listed("2025-03-26"), with(&[("annotations", titled)]), "where titles were before they had a place");
    let all = with(&[("title", json!("A title")), ("annotations", hints), ("outputSchema", json!({"type": "object"}))]);
    assert_eq!(listed("2025-06-18"), all);
    assert_eq!(listed("2025-11-25"), all);
}

#[test]
fn a_long_list_comes_in_pages_of_the_same_order() {
    // R-LM-85, R-LM-86, R-FS-10
    let mut service = service();
    let names: Vec<String> = (0..7).map(|n| format!("tool-{}", (n * 5) % 7)).collect();
    for name in &names {
        service.tool(Tool::new(name), |_| Ok(()));
    }
    for (size, pages) in [(1, 7), (3, 3), (6, 2), (7, 1), (8, 1), (0, 7)] {
        service.set_page_size(size);
        let mut client = RawService::new(service, NEWEST);
        let (mut seen, mut params, mut count) = (Vec::new(), json!({}), 0);
        loop {
            let page = tools(&mut client, params);
            seen.extend(page["tools"].as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap().to_owned()));
            count += 1;
            let Some(cursor) = page.get("nextCursor") else { break };
            params = json!({"cursor": cursor});
        }
        assert_eq!((count, &seen), (pages, &names));
        service = client.service;
    }
}

#[test]
fn a_cursor_that_was_never_given_out_is_an_error() {
    // R-LM-86
    let mut service = service();
    for name in ["a", "b", "c"] {
        service.tool(Tool::new(name), |_| Ok(()));
    }
    service.set_page_size(2);
    let mut client = RawService::new(service, NEWEST);
    assert_eq!(tools(&mut client, json!({"cursor": "2"}))["tools"][0]["name"], "c");
    assert_eq!(tools(&mut client, json!({"cursor": null}))["tools"][0]["name"], "a");
    for cursor in
        [json!(""), json!("0"), json!("1"), json!("4"), json!("+2"), json!("02"), json!("-2"), json!("x"), json!(2)]
    {
        assert_eq!(client.ask("tools/list", json!({"cursor": cursor}))["error"]["code"], -32602, "{cursor}");
    }
}

#[test]
fn what_is_offered_is_declared() {
    // R-FS-9, R-LM-88
    let declared = |service: &Service| serde_json::to_value(service.profile().capabilities).unwrap();
    let mut with_all = service();
    assert_eq!(declared(&with_all), json!({"logging": {}}));
    with_all.tool(Tool::new("t"), |_| Ok(()));
    assert_eq!(declared(&with_all), json!({"logging": {}, "tools": {}}));
    with_all.disable_logging();
    assert_eq!(declared(&with_all), json!({"tools": {}}));
}

// Mistakes.

#[test]
fn names_have_1_to_128_characters_of_an_alphabet() {
    // R-FS-12
    let good = ["a".to_owned(), "get_user.v-2".to_owned(), "X".repeat(128)];
    let bad =
        [String::new(), "X".repeat(129), "a b".to_owned(), "a,b".to_owned(), "caf\u{e9}".to_owned(), "a/b".to_owned()];
    for (name, is_good) in good.map(|name| (name, true)).into_iter().chain(bad.map(|name| (name, false))) {
        let mut service = service();
        service.tool(Tool::new(&name), |_| Ok(()));
        assert_eq!(service.check().is_ok(), is_good, "{name}");
    }
}

#[test]
fn a_mistake_in_a_tool_is_reported_with_its_name_when_the_server_starts() {
    let schema = |schema: &'static str| Tool::new("t").input_schema(schema);
    let cases = [
        (Tool::new("a b"), "tool `a b`: a name has 1 to 128 characters of A-Z a-z 0-9 _ - ."),
        (Tool::new("taken"), "tool `taken`: there is another tool of this name"),
        (Tool::new("t").param::<u8>("a", "").param::<u8>("a", ""), "tool `t`: there is another parameter `a`"),
        (schema("{}").param::<u8>("a", ""), "tool `t`: it has parameters and an input schema; one of them is enough"),
        (schema("null"), "tool `t`: its input schema is no object"),
        (schema("{\"type\":\"string\"}"), "tool `t`: its input schema does not say `\"type\": \"object\"`"),
        (schema("{"), "tool `t`: its input schema is no JSON: EOF while parsing an object at line 1 column 1"),
        (Tool::new("t").output_schema("[]"), "tool `t`: its output schema is no object"),
    ];
    for (tool, message) in cases {
        let server = Server::new("test", "1").tool(Tool::new("taken"), |_| Ok(())).tool(tool, |_| Ok(()));
        let error = server.engine(|_| true).unwrap_err();
        assert!(matches!(&error, Error::Setting(text) if **text == *message), "{error}");
    }
}

// Reports.

#[test]
fn progress_goes_out_only_to_whom_wants_it_and_only_rising() {
    // R-LM-82, R-LM-83
    let handler = |call: &mut Call<'_>| {
        for (done, message) in [(1.0, Some("one")), (1.0, None), (0.5, None), (f64::NAN, None), (2.5, None)] {
            call.progress(done, Some(4.0), message);
        }
        Ok("done")
    };
    let mut client = with_tool(NEWEST, Tool::new("t"), handler);
    assert_eq!(client.call("t", json!({}))["result"], text("done"), "and no progress: no token");
    for token in [json!("p"), json!(9_007_199_254_740_993_u64)] {
        let sent = client.ask_all("tools/call", json!({"name": "t", "_meta": {"progressToken": token}}));
        let expected = [
            json!({"progressToken": token, "progress": 1.0, "total": 4.0, "message": "one"}),
            json!({"progressToken": token, "progress": 2.5, "total": 4.0}),
        ];
        assert_eq!(sent.len(), 3);
        for (sent, expected) in sent.iter().zip(&expected) {
            assert_eq!(sent["method"], "notifications/progress");
            assert_eq!(&sent["params"], expected);
        }
    }
    let mut old = with_tool("2024-11-05", Tool::new("t"), handler);
    let sent = old.ask_all("tools/call", json!({"name": "t", "_meta": {"progressToken": 1}}));
    assert_eq!(
        sent[0]["params"],
        json!({"progressToken": 1, "progress": 1.0, "total": 4.0}),
        "no message before 2025-03-26"
    );
}

#[test]
fn progress_is_bounded_and_the_newest_is_not_lost() {
    // R-LM-84
    let mut client = with_tool(NEWEST, Tool::new("t"), |call| {
        (1..=100_000).for_each(|step| call.progress(f64::from(step), None, None));
        Ok(())
    });
    let sent = client.ask_all("tools/call", json!({"name": "t", "_meta": {"progressToken": 1}}));
    let steps: Vec<f64> = sent.iter().filter_map(|message| message["params"]["progress"].as_f64()).collect();
    assert!((21..100).contains(&steps.len()), "{}", steps.len());
    assert!(steps.is_sorted() && steps[..20].iter().copied().eq((1..=20).map(f64::from)));
    assert_eq!(steps.last(), Some(&100_000.0));
}

#[test]
fn a_token_that_is_none_is_refused() {
    let mut client = with_tool(NEWEST, Tool::new("t"), |_| Ok(()));
    for token in [json!(1.5), json!([]), json!(true)] {
        let params = json!({"name": "t", "_meta": {"progressToken": token}});
        assert_eq!(client.ask("tools/call", params)["error"]["code"], -32602, "{token}");
    }
    assert_eq!(
        client.ask("tools/call", json!({"name": "t", "_meta": {"progressToken": null}}))["result"],
        json!({"content": []})
    );
}

#[test]
fn logs_go_out_from_the_level_that_is_wanted() {
    // R-LM-89, R-LM-90
    let mut client = with_tool(NEWEST, Tool::new("t"), |call| {
        call.log(LoggingLevel::Debug, "d");
        call.log(LoggingLevel::Info, &json!({"a": 1}));
        call.log(LoggingLevel::Error, "e");
        Ok(())
    });
    let logged = |client: &mut RawService| -> Vec<Value> {
        let mut sent = client.ask_all("tools/call", json!({"name": "t"}));
        sent.pop();
        sent.iter_mut().map(|message| message["params"].take()).collect()
    };
    let info = json!({"level": "info", "logger": "t", "data": {"a": 1}});
    let error = json!({"level": "error", "logger": "t", "data": "e"});
    assert_eq!(logged(&mut client), [info.clone(), error.clone()]);
    client.ask("logging/setLevel", json!({"level": "warning"}));
    assert_eq!(logged(&mut client), std::slice::from_ref(&error));
    client.ask("logging/setLevel", json!({"level": "debug"}));
    let debug = json!({"level": "debug", "logger": "t", "data": "d"});
    assert_eq!(logged(&mut client), [debug, info, error]);
}

#[test]
fn logs_are_bounded_and_can_be_turned_off() {
    // R-LM-88, R-LM-92
    let mut quiet = service();
    quiet.disable_logging();
    let mut loud = service();
    for service in [&mut quiet, &mut loud] {
        service.tool(Tool::new("t"), |call| {
            (0..10_000).for_each(|_| call.log(LoggingLevel::Emergency, "fire"));
            Ok(())
        });
    }
    assert_eq!(RawService::new(quiet, NEWEST).ask_all("tools/call", json!({"name": "t"})).len(), 1);
    let sent = RawService::new(loud, NEWEST).ask_all("tools/call", json!({"name": "t"})).len() - 1;
    assert!((100..1000).contains(&sent), "{sent}");
}

#[test]
fn a_handler_knows_its_tool_its_session_and_the_revision() {
    for version in REVISIONS {
        let mut client = with_tool(version, Tool::new("t"), |call| {
            assert!(!call.is_cancelled());
            Ok(format!("{} {} {}", call.tool(), call.session(), call.version()))
        });
        assert_eq!(client.call("t", json!({}))["result"], text(&format!("t {SESSION} {version}")));
    }
}

// Whatever comes.

#[test]
fn whatever_the_parameters_are_there_is_one_answer_and_no_panic() {
    // R-LM-4, R-FS-18
    let tool = Tool::new("t")
        .param::<String>("text", "")
        .optional_param::<u8>("small", "")
        .optional_param::<f64>("number", "")
        .optional_param::<Vec<Vec<i64>>>("lists", "")
        .optional_one_of("unit", "", &["a", "b"]);
    let mut client = with_tool(NEWEST, tool, |call| {
        let text = call.arg::<&str>("text")?.len();
        let small = call.arg::<Option<u8>>("small")?;
        let number = call.arg::<Option<f64>>("number")?;
        let lists = call.arg::<Option<Vec<Vec<i64>>>>("lists")?;
        let whole = call.arguments::<Value>()?;
        call.progress(number.unwrap_or_default(), number, Some("step"));
        Ok(format!("{text} {small:?} {lists:?} {whole}"))
    });
    let names = ["text", "small", "number", "lists", "unit", "te\\u0078t", ""];
    let values = [
        "\"\"",
        "\"a\"",
        "\"\\n\"",
        "\"\\ud800\"",
        "\"\\ud83d\\ude00\"",
        "\"b\"",
        "null",
        "true",
        "0",
        "-0",
        "-1",
        "255",
        "256",
        "1.5",
        "1e2",
        "1e999",
        "-1e-999",
        "0.0e0",
        "123456789012345678901234567890",
        "[]",
        "[[]]",
        "[[1],[2,3.0]]",
        "[[1.5]]",
        "[null]",
        "{}",
        "{\"text\":1}",
        " 1 ",
        "\t\"x\" ",
    ];
    let tokens =
        ["1", "\"p\"", "\"\\ud800\"", "null", "1.5", "{}", "12345678901234567890123456789012345678901234567890"];
    let mut random = Random::new(5);
    let (mut answers, mut errors) = (0, 0);
    for id in 1..=20_000 {
        let count = random.below(3);
        let arguments: Vec<String> =
            (0..count).map(|_| format!("\"{}\":{}", random.pick(&names), random.pick(&values))).collect();
        let meta = match random.below(3) {
            0 => format!(",\"_meta\":{{\"progressToken\":{}}}", random.pick(&tokens)),
            _ => String::new(),
        };
        let arguments = arguments.join(",");
        let params = format!("{{\"name\":\"t\",\"arguments\":{{{arguments}}}{meta}}}");
        let message = format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"method\":\"tools/call\",\"params\":{params}}}");
        assert_eq!(client.send_text(&message), Outcome::Answered);
        let sent = client.sent();
        let (answer, reports) = sent.split_last().unwrap();
        assert_eq!(answer["id"], id, "{message}");
        assert_ne!(answer.get("result").is_some(), answer.get("error").is_some(), "{message}");
        assert!(reports.iter().all(|report| report.get("id").is_none()), "{message}");
        assert_ne!(answer["result"], failure("`t` failed: internal error"), "{message}");
        let is_success = answer["result"].get("content").is_some() && answer["result"].get("isError").is_none();
        if is_success { answers += 1 } else { errors += 1 }
    }
    assert!(answers > 500 && errors > 500, "{answers} {errors}");
    assert_eq!(client.session.in_flight(), 0);
}
