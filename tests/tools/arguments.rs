//! Arguments: declared, checked and read.

use super::*;

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
            if version >= NEWEST {
                assert_eq!(plain(answer["result"].clone()), failure(message));
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
