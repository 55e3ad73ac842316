//! What newer revisions know of a tool: pictures, metadata, schemas of any value, arguments repeated in headers.

use super::*;

fn listed(version: &str, tool: Tool) -> Value {
    let mut client = with_tool(version, tool, |_| Ok(()));
    client.ask("tools/list", json!({}))["result"]["tools"][0].take()
}

#[test]
fn pictures_and_metadata_go_to_revisions_that_have_them() {
    for version in REVISIONS {
        let icon = serde_json::from_value(json!({"src": "https://example.com/i.png", "sizes": ["48x48"]})).unwrap();
        let tool = listed(version, Tool::new("t").icon(icon).meta("com.example/k", json!({"a": [1]})));
        assert_eq!(tool.get("icons").is_some(), version >= "2025-11-25", "{version}");
        assert_eq!(tool.get("_meta").is_some(), version >= "2025-06-18", "{version}");
        if version >= "2025-11-25" {
            assert_eq!(tool["icons"], json!([{"src": "https://example.com/i.png", "sizes": ["48x48"]}]));
            assert_eq!(tool["_meta"], json!({"com.example/k": {"a": [1]}}));
        }
    }
}

#[test]
fn an_output_schema_of_other_values_is_for_2026_only() {
    // R-FS-17
    for version in REVISIONS {
        let numbers = listed(version, Tool::new("t").output_schema(json!({"type": "array"})));
        assert_eq!(numbers.get("outputSchema").is_some(), version == "2026-07-28", "{version}");
        let object = listed(version, Tool::new("t").output_schema(json!({"type": "object"})));
        assert_eq!(object.get("outputSchema").is_some(), version >= "2025-06-18", "{version}");
    }
}

#[test]
fn any_json_is_structured_content_in_2026() {
    // R-FS-16, R-FS-17: there, `null` is a value.
    for value in [json!([1, 2]), json!("text"), json!(7), json!(false), Value::Null, json!({"a": 1})] {
        let (given, whole) = (value.clone(), CallToolResult::from_structured(value.clone()));
        for result in [
            result_in("2026-07-28", move |_| Ok(Json(given.clone()))),
            result_in("2026-07-28", move |_| Ok(whole.clone())),
        ] {
            assert_eq!(result.get("structuredContent"), Some(&value));
            assert_eq!(result["content"][0]["text"], value.to_string());
        }
        let given = value.clone();
        let before = result_in(NEWEST, move |_| Ok(Json(given.clone())));
        assert_eq!(before.get("structuredContent").is_some(), value.is_object());
        assert_eq!(before["content"][0]["text"], value.to_string());
    }
}

#[test]
fn arguments_that_headers_repeat_are_known_by_the_name_of_the_tool() {
    // R-ST-47, R-ST-48
    let mut service = service();
    let declared = Tool::new("declared")
        .param::<String>("region", "where")
        .optional_param::<u32>("size", "")
        .param_header("region", "Region")
        .param_header("size", "Size");
    service.tool(declared, |_| Ok(()));
    let schema = json!({"type": "object", "properties": {
        "place": {"type": "object", "properties": {"city": {"type": "string", "x-mcp-header": "City"}}}
    }});
    service.tool(Tool::new("nested").input_schema(&schema), |_| Ok(()));
    service.tool(Tool::new("plain"), |_| Ok(()));
    assert_eq!(service.check(), Ok(()));
    let values = |tool: &str, arguments: Value| {
        let text = arguments.to_string();
        let headers = service.param_headers(tool).expect("a tool");
        let values = headers.values(Some(serde_json::from_str(&text).unwrap())).unwrap();
        values.into_iter().map(|(name, value)| format!("{name}: {value}")).collect::<Vec<_>>()
    };
    assert_eq!(values("declared", json!({"region": "us", "size": 7})), ["Mcp-Param-Region: us", "Mcp-Param-Size: 7"]);
    assert_eq!(values("nested", json!({"place": {"city": "Rome"}})), ["Mcp-Param-City: Rome"]);
    assert!(service.param_headers("plain").is_some_and(|headers| headers.is_empty()));
    assert!(service.param_headers("nothing").is_none());
    let mut client = RawService::new(service, "2026-07-28");
    let tools = client.ask("tools/list", json!({}))["result"]["tools"].clone();
    assert_eq!(tools[0]["inputSchema"]["properties"]["region"]["x-mcp-header"], "Region");
    assert_eq!(tools[1]["inputSchema"], schema);
}

#[test]
fn an_annotation_that_breaks_a_rule_is_a_mistake() {
    // R-ST-48
    let mistake = |tool: Tool| {
        let mut service = service();
        service.tool(tool, |_| Ok(()));
        service.check().expect_err("a mistake").to_string()
    };
    for tool in [
        Tool::new("t").param::<f64>("n", "").param_header("n", "N"),
        Tool::new("t").param::<String>("n", "").param_header("n", "no token"),
        Tool::new("t").param::<String>("n", "").param_header("n", ""),
        Tool::new("t").param::<String>("n", "").param::<String>("m", "").param_header("n", "X").param_header("m", "x"),
        Tool::new("t").input_schema(json!({"type": "object", "x-mcp-header": "Root"})),
    ] {
        let mistake = mistake(tool);
        assert!(mistake.starts_with("tool `t`: ") && mistake.contains("x-mcp-header"), "{mistake}");
    }
    assert_eq!(mistake(Tool::new("t").param_header("n", "N")), "tool `t`: there is no parameter `n`; declare it first");
}
