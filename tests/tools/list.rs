//! The list of tools: pages, and what each revision knows of a tool.

use super::*;

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
    assert_eq!(declared(&with_all), json!({"logging": {}, "tools": {"listChanged": true}}));
    with_all.disable_logging();
    assert_eq!(declared(&with_all), json!({"tools": {"listChanged": true}}));
}
