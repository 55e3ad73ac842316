//! What a server offers: the same for everybody, in pages, and with a word on how long it may be kept.

#![allow(clippy::unwrap_used)] // a panic is the report

use std::time::Duration;

use mcp_core::types::CacheScope;
use mcp_server_tiny::prompt::Prompt;
use mcp_server_tiny::resource::Resource;
use mcp_server_tiny::types::{ElicitParams, RequestedSchema, ResourceContents, StringSchema};
use mcp_server_tiny::{Call, Server, Tool};
use mcp_tests::raw_engine::RawEngine;
use mcp_tests::raw_http::RawAnswer;
use mcp_tests::raw_streamable::{call, meta, stateless};
use serde_json::{Value, json};

fn body(answer: &RawAnswer) -> Value {
    serde_json::from_str(&answer.body).unwrap_or_else(|_| panic!("no JSON: {answer:?}"))
}

/// The status of an answer and the code of the error in it.
fn verdict(answer: &RawAnswer) -> (u16, i64) {
    let code = serde_json::from_str::<Value>(&answer.body).ok().and_then(|body| body["error"]["code"].as_i64());
    (answer.status, code.unwrap_or(0))
}

/// Three tools, three prompts and three resources, two to a page, each resource of two parts.
fn shelf() -> Server {
    let mut server = Server::new("shelf", "1").page_size(2).cache(Duration::from_secs(9), CacheScope::Public);
    for name in ["c", "a", "b"] {
        server = server
            .tool(Tool::new(name), |_: &mut Call<'_>| Ok("done"))
            .prompt(Prompt::new(name), |_: &mut Call<'_>| Ok("say it"))
            .resource_with(Resource::new(format!("shelf:{name}"), name), |call: &mut Call<'_>| {
                let part = |number: u32| ResourceContents::text(format!("{}/{number}", call.name()), "text");
                Ok(vec![part(1), part(2)])
            });
    }
    server
}

/// All pages of a list, and what they say of how long they may be kept.
fn pages(engine: &mut RawEngine, method: &str) -> Vec<Value> {
    let (mut pages, mut params) = (Vec::new(), json!({}));
    loop {
        let answer = engine.connect_and_ask(&stateless(1, method, params));
        let page = body(&answer)["result"].take();
        let cursor = page.get("nextCursor").cloned();
        pages.push(page);
        let Some(cursor) = cursor else { return pages };
        params = json!({ "cursor": cursor });
    }
}

#[test]
fn lists_are_the_same_for_everybody_whatever_was_asked_before() {
    // R-LM-62, R-LM-63, R-FS-10
    let mut engine = RawEngine::new(shelf());
    for (method, member) in [("tools/list", "tools"), ("prompts/list", "prompts"), ("resources/list", "resources")] {
        let first = pages(&mut engine, method);
        let names: Vec<&str> = first
            .iter()
            .flat_map(|page| page[member].as_array().unwrap())
            .filter_map(|it| it["name"].as_str())
            .collect();
        assert_eq!((first.len(), names), (2, vec!["c", "a", "b"]), "{method}");
        for page in &first {
            assert_eq!((&page["ttlMs"], &page["cacheScope"]), (&json!(9000), &json!("public")), "{method}: {page}");
        }
        // Calls, sessions, and a page that is wrong change nothing.
        engine.connect_and_ask(&stateless(1, "tools/call", json!({ "name": "a" })));
        engine.session("2025-11-25");
        let wrong = engine.connect_and_ask(&stateless(1, method, json!({ "cursor": "nobody's" })));
        assert_eq!(verdict(&wrong), (400, -32602));
        assert_eq!(pages(&mut engine, method), first, "{method}");
    }
}

#[test]
fn one_read_may_give_several_contents() {
    // R-FS-26
    let mut engine = RawEngine::new(shelf());
    let session = engine.session("2024-11-05");
    let read = json!({ "uri": "shelf:a" });
    for answer in [
        engine.connect_and_ask(&stateless(1, "resources/read", read.clone())),
        engine.post_to(&session, &call(1, "resources/read", read)),
    ] {
        let contents = body(&answer)["result"]["contents"].take();
        let uris: Vec<&str> = contents.as_array().unwrap().iter().filter_map(|part| part["uri"].as_str()).collect();
        assert_eq!(uris, ["shelf:a/1", "shelf:a/2"], "{answer:?}");
    }
}

#[test]
fn what_may_be_kept_says_so_in_all_six_results_and_in_no_question() {
    // R-LM-57
    let form = || RequestedSchema::new().required("name", StringSchema::new());
    let server = shelf().resource_with(Resource::new("shelf:who", "who"), move |call: &mut Call<'_>| {
        call.elicit("user", ElicitParams::form("Who are you?", form()))?;
        Ok("it is you")
    });
    let mut engine = RawEngine::new(server);
    for (method, params) in [
        ("server/discover", json!({})),
        ("tools/list", json!({})),
        ("prompts/list", json!({})),
        ("resources/list", json!({})),
        ("resources/templates/list", json!({})),
        ("resources/read", json!({ "uri": "shelf:a" })),
    ] {
        let result = body(&engine.connect_and_ask(&stateless(1, method, params)))["result"].take();
        let hints = (result["ttlMs"].as_u64().is_some(), result["cacheScope"].as_str());
        assert!(matches!(hints, (true, Some("public" | "private"))), "{method}: {result}");
    }
    let params = json!({ "uri": "shelf:who", "_meta": meta(json!({ "elicitation": {} })) });
    let asked = body(&engine.connect_and_ask(&stateless(1, "resources/read", params)))["result"].take();
    assert_eq!(asked["resultType"], "input_required");
    assert!(asked.get("ttlMs").is_none() && asked.get("cacheScope").is_none(), "{asked}");
    let called = body(&engine.connect_and_ask(&stateless(1, "tools/call", json!({ "name": "a" }))))["result"].take();
    assert!(called.get("ttlMs").is_none() && called.get("cacheScope").is_none(), "{called}");
}

#[test]
fn the_name_in_the_head_is_that_of_a_tool_a_prompt_or_a_resource() {
    // R-ST-9, R-ST-58, R-ST-59
    let mut engine = RawEngine::new(shelf());
    for (method, params, name, other) in [
        ("tools/call", json!({ "name": "a" }), "a", "b"),
        ("prompts/get", json!({ "name": "a" }), "a", "b"),
        ("resources/read", json!({ "uri": "shelf:a" }), "shelf:a", "shelf:b"),
    ] {
        let good = stateless(1, method, params);
        let line = format!("Mcp-Name: {name}\r\n");
        assert!(good.contains(&line), "{good}");
        assert_eq!(engine.connect_and_ask(&good).status, 200, "{method}");
        for wrong in
            [String::new(), format!("Mcp-Name: {other}\r\n"), format!("Mcp-Name: {name}\r\nMcp-Name: {name}\r\n")]
        {
            let answer = engine.connect_and_ask(&good.replace(&line, &wrong));
            assert_eq!(verdict(&answer), (400, -32020), "{method} with {wrong:?}");
        }
    }
    // Elsewhere it is not defined, and means nothing.
    let list = stateless(1, "tools/list", json!({})).replacen("Host:", "Mcp-Name: x\r\nHost:", 1);
    assert_eq!(engine.connect_and_ask(&list).status, 200);
}

#[test]
fn what_belongs_to_features_that_are_not_offered_changes_nothing() {
    // R-LM-8, R-LM-32, R-LM-34: tasks and extensions of clients that know more.
    let mut engine = RawEngine::new(shelf());
    let session = engine.session_with("2025-11-25", json!({ "tasks": { "list": {} }, "experimental": { "x": {} } }));
    let params = json!({ "name": "a", "task": { "ttl": 1000 }, "unheard": [1] });
    let answer = engine.post_to(&session, &call(1, "tools/call", params.clone()));
    assert_eq!(body(&answer)["result"]["content"][0]["text"], "done", "no task");
    let mut with_extension = params;
    with_extension["_meta"] = meta(json!({ "extensions": { "io.modelcontextprotocol/tasks": {} }, "unheard": {} }));
    let answer = engine.connect_and_ask(&stateless(1, "tools/call", with_extension));
    assert_eq!(body(&answer)["result"]["resultType"], "complete", "{answer:?}");
    for method in ["tasks/get", "tasks/result", "tasks/list", "tasks/cancel"] {
        let answer = engine.post_to(&session, &call(1, method, json!({ "taskId": "t" })));
        assert_eq!(verdict(&answer), (200, -32601), "{method}");
    }
}
