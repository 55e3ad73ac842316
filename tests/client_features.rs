//! What a client asks for: lists, resources, prompts, completion; what it keeps of them; and what a caller may add to a call.

use std::time::Duration;

use mcp_core::revision::ProtocolVersion;
use mcp_core::types::{CompletionReference, LoggingLevel};
use mcp_sse_blocking::{Builder, CacheSize, CallOptions, Client, Error, PeerError, memory::End};
use mcp_tests::scripted_lines::{Script, Server};
use serde_json::{Value, json};

const NEWEST: ProtocolVersion = ProtocolVersion::V2026_07_28;
const HANDSHAKE: ProtocolVersion = ProtocolVersion::V2025_11_25;

fn builder(end: End) -> Builder {
    Client::over_memory_builder(end).call_timeout(Duration::from_secs(5))
}

fn everything() -> Value {
    json!({"tools": {"listChanged": true}, "resources": {"listChanged": true, "subscribe": true}, "prompts": {},
        "completions": {}, "logging": {}})
}

fn connected<T: Send + 'static>(
    version: ProtocolVersion,
    script: impl FnOnce(&mut Server) -> T + Send + 'static,
) -> (Script<T>, Client) {
    let (script, end) = Script::run(version, everything(), script);
    (script, builder(end).connect().expect("it connects"))
}

fn tool(name: &str) -> Value {
    json!({"name": name, "inputSchema": {"type": "object"}})
}

fn names(client: &Client) -> Vec<String> {
    client.tools().map(|tool| tool.expect("a tool").name).collect()
}

/// A page of tools that is fresh for a minute, or not at all.
fn page(tools: &[&str], next: Option<&str>, ttl: i64) -> Value {
    let tools: Vec<Value> = tools.iter().map(|name| tool(name)).collect();
    let mut page = json!({"tools": tools, "resultType": "complete", "ttlMs": ttl, "cacheScope": "private"});
    if let Some(next) = next {
        page["nextCursor"] = next.into();
    }
    page
}

const MINUTE: i64 = 60_000;

#[test]
fn every_list_is_read_page_after_page_and_an_empty_cursor_is_a_cursor() {
    // R-LM-85, R-LM-86
    for version in [HANDSHAKE, NEWEST] {
        let (script, client) = connected(version, |server| {
            let lists = [
                ("resources/list", "resources", json!({"uri": "file:///a", "name": "a"})),
                ("resources/templates/list", "resourceTemplates", json!({"uriTemplate": "file:///{x}", "name": "a"})),
                ("prompts/list", "prompts", json!({"name": "a"})),
            ];
            for (method, member, entry) in lists {
                let first = server.expect(method);
                assert!(first["params"].get("cursor").is_none(), "{first}");
                server.result(&first, json!({member: [entry], "nextCursor": ""}));
                let second = server.expect(method);
                assert_eq!(second["params"]["cursor"], "");
                server.result(&second, json!({member: [entry], "nextCursor": null}));
            }
        });
        assert_eq!(client.resources().map(|it| it.unwrap().uri).collect::<Vec<_>>(), ["file:///a"; 2]);
        assert_eq!(
            client.resource_templates().map(|it| it.unwrap().uri_template).collect::<Vec<_>>(),
            ["file:///{x}"; 2]
        );
        assert_eq!(client.prompts().map(|it| it.unwrap().name).collect::<Vec<_>>(), ["a"; 2]);
        script.finish();
    }
}

#[test]
fn a_list_that_goes_in_circles_or_has_no_end_ends_with_an_error() {
    // R-LM-87
    let (script, client) = connected(NEWEST, |server| {
        for cursor in ["a", "b", "a"] {
            let request = server.expect("prompts/list");
            server.result(&request, json!({"prompts": [], "nextCursor": cursor}));
        }
    });
    let error = client.prompts().next().unwrap().unwrap_err();
    assert!(matches!(error, Error::Peer(PeerError::RepeatedCursor)), "{error}");
    script.finish();

    let (script, end) = Script::run(NEWEST, everything(), |server| {
        for cursor in ["a", "b"] {
            let request = server.expect("resources/list");
            server.result(&request, json!({"resources": [], "nextCursor": cursor}));
        }
    });
    let mut limits = mcp_core::Limits::default();
    limits.list_pages = 2;
    let client = builder(end).limits(limits).connect().unwrap();
    let error = client.resources().next().unwrap().unwrap_err();
    assert!(error.to_string().contains("list_pages"), "{error}");
    script.finish();
}

#[test]
fn a_fresh_list_is_not_fetched_again_until_the_server_says_that_it_changed() {
    // R-LM-58, R-LM-61
    let (script, client) = connected(NEWEST, |server| {
        let first = server.expect("tools/list");
        server.result(&first, page(&["a"], Some("2"), MINUTE));
        let second = server.expect("tools/list");
        server.result(&second, page(&["b"], None, MINUTE));
        // Nothing comes for the second and the third time. Then:
        let call = server.expect("tools/call");
        server.notify("notifications/tools/list_changed", json!({}));
        server.result(&call, json!({"content": []}));
        let again = server.expect("tools/list");
        server.result(&again, page(&["c"], None, 0));
        let stale = server.expect("tools/list");
        server.result(&stale, page(&["d"], None, -1));
    });
    for _ in 0..3 {
        assert_eq!(names(&client), ["a", "b"]);
    }
    client.call("a", &()).unwrap();
    assert_eq!(names(&client), ["c"]);
    assert_eq!(names(&client), ["d"]);
    script.finish();
}

#[test]
fn a_resource_is_kept_by_its_uri_and_dropped_when_it_is_updated() {
    // R-LM-59, R-LM-61
    let (script, client) = connected(NEWEST, |server| {
        for text in ["one", "two", "three"] {
            let read = server.expect("resources/read");
            let contents = json!([{"uri": read["params"]["uri"], "text": text}]);
            server.result(&read, json!({"contents": contents, "ttlMs": MINUTE, "cacheScope": "private", "extra": 7}));
            if text == "two" {
                server.notify("notifications/resources/updated", json!({"uri": "file:///a"}));
            }
        }
    });
    let text = |uri: &str| {
        let result = client.read_resource(uri).unwrap();
        // Unknown members stay available.
        assert_eq!(result.other["extra"], 7);
        serde_json::to_value(&result.contents[0]).unwrap()["text"].as_str().unwrap().to_owned()
    };
    assert_eq!(text("file:///a"), "one");
    assert_eq!(text("file:///a"), "one");
    assert_eq!(text("file:///b"), "two");
    assert_eq!(text("file:///b"), "two");
    // The notification came after "two" on the same stream; a ping would be a request. It is read with the next reply at the
    // latest, so that this asks until it is.
    let deadline = std::time::Instant::now() + Duration::from_secs(5);
    while text("file:///a") != "three" {
        assert!(std::time::Instant::now() < deadline, "the notification is read");
        std::thread::yield_now();
    }
    assert_eq!(text("file:///b"), "two");
    script.finish();
}

#[test]
fn nothing_is_kept_where_there_are_no_hints_where_it_is_off_and_with_metadata_of_the_callers() {
    // R-LM-58, R-LM-59
    let serve = |server: &mut Server| {
        for name in ["a", "b"] {
            let list = server.expect("tools/list");
            server.result(&list, page(&[name], None, MINUTE));
        }
    };
    let (script, client) = connected(HANDSHAKE, serve);
    assert_eq!([names(&client), names(&client)], [["a"], ["b"]]);
    script.finish();
    let (script, end) = Script::run(NEWEST, everything(), serve);
    let client = builder(end).cache(CacheSize::OFF).connect().unwrap();
    assert_eq!([names(&client), names(&client)], [["a"], ["b"]]);
    script.finish();

    let (script, client) = connected(NEWEST, |server| {
        for tenant in ["north", "south"] {
            let read = server.expect("resources/read");
            assert_eq!(read["params"]["_meta"]["com.example/tenant"], tenant);
            server.result(&read, json!({"contents": [], "ttlMs": MINUTE, "cacheScope": "private"}));
        }
    });
    for tenant in ["north", "south"] {
        client.read_resource_with("file:///a", CallOptions::new().meta("com.example/tenant", tenant)).unwrap();
    }
    script.finish();
}

#[test]
fn a_cursor_of_a_kept_page_that_is_not_valid_any_more_begins_the_list_anew_without_repeating_itself() {
    // R-LM-62
    let (script, client) = connected(NEWEST, |server| {
        let first = server.expect("tools/list");
        server.result(&first, page(&["a", "b"], Some("old"), MINUTE));
        let second = server.expect("tools/list");
        server.result(&second, page(&["c"], None, 0));
        // The second time: the first page is kept, and its cursor has become invalid.
        let second = server.expect("tools/list");
        assert_eq!(second["params"]["cursor"], "old");
        server.error(&second, -32602, "no such cursor");
        let first = server.expect("tools/list");
        assert!(first["params"].get("cursor").is_none(), "{first}");
        server.result(&first, page(&["b", "x"], Some("new"), 0));
        let second = server.expect("tools/list");
        assert_eq!(second["params"]["cursor"], "new");
        server.result(&second, page(&["c", "a"], None, 0));
    });
    assert_eq!(names(&client), ["a", "b", "c"]);
    assert_eq!(names(&client), ["a", "b", "x", "c"]);
    script.finish();
}

#[test]
fn a_list_whose_cursors_are_never_valid_is_begun_anew_once() {
    // R-LM-62
    let (script, client) = connected(NEWEST, |server| {
        let first = server.expect("tools/list");
        server.result(&first, page(&["a"], Some("x"), MINUTE));
        let second = server.expect("tools/list");
        server.error(&second, -32602, "no such cursor");
        let first = server.expect("tools/list");
        assert!(first["params"].get("cursor").is_none(), "{first}");
        server.result(&first, page(&["a"], Some("x"), MINUTE));
        let second = server.expect("tools/list");
        server.error(&second, -32602, "no such cursor");
        assert_eq!(server.try_next(), None);
    });
    // Only the first page, so that it is kept when all of them are wanted.
    assert_eq!(client.tools().next().unwrap().unwrap().name, "a");
    let listed: Vec<_> = client.tools().collect();
    assert!(matches!(&listed[..], [Ok(_), Err(Error::Rpc(_))]), "{listed:?}");
    drop(client);
    script.finish();
}

#[test]
fn a_bad_cursor_that_was_just_given_is_the_servers_fault() {
    // R-LM-86
    let (script, client) = connected(NEWEST, |server| {
        let first = server.expect("tools/list");
        server.result(&first, page(&["a"], Some("x"), 0));
        let second = server.expect("tools/list");
        server.error(&second, -32602, "no such cursor");
    });
    let listed: Vec<_> = client.tools().collect();
    assert!(matches!(&listed[..], [Ok(_), Err(Error::Rpc(error))] if error.code == -32602), "{listed:?}");
    script.finish();
}

#[test]
fn prompts_are_filled_in_and_arguments_completed() {
    // R-FS-33 to R-FS-37
    for version in [ProtocolVersion::V2024_11_05, HANDSHAKE, NEWEST] {
        let (script, client) = connected(version, move |server| {
            let get = server.expect("prompts/get");
            assert_eq!(get["params"]["arguments"], json!({"name": "Ada"}));
            let message = json!({"role": "user", "content": {"type": "text", "text": "Hello Ada"}});
            server.result(&get, json!({"messages": [message], "description": "d"}));
            let complete = server.expect("completion/complete");
            assert_eq!(complete["params"]["ref"], json!({"type": "ref/prompt", "name": "review"}));
            assert_eq!(complete["params"]["argument"], json!({"name": "framework", "value": "fl"}));
            let context = json!({"arguments": {"language": "python"}});
            let expected = if version.has_completion_context() { context } else { Value::Null };
            assert_eq!(complete["params"]["context"], expected);
            server.result(&complete, json!({"completion": {"values": ["flask"], "total": 1, "hasMore": false}}));
        });
        let prompt = client.get_prompt("greeting", &json!({"name": "Ada"})).unwrap();
        assert_eq!(prompt.messages[0].content.as_text(), Some("Hello Ada"));
        let completion = client
            .complete(CompletionReference::prompt("review"), "framework", "fl", &json!({"language": "python"}))
            .unwrap();
        assert_eq!((completion.values.as_slice(), completion.has_more), (&["flask".to_owned()][..], Some(false)));
        // R-FS-34: nothing is sent that is no text.
        for arguments in [json!({"name": 7}), json!(["Ada"]), json!("Ada")] {
            assert!(matches!(client.get_prompt("greeting", &arguments), Err(Error::Usage(_))), "{arguments}");
        }
        script.finish();
    }
}

#[test]
fn a_resource_that_is_not_there_is_told_by_either_code() {
    // R-FS-27, R-FS-28
    for (version, code) in [(HANDSHAKE, -32002), (NEWEST, -32602), (NEWEST, -32002)] {
        let (script, client) = connected(version, move |server| {
            let read = server.expect("resources/read");
            server.error(&read, code, "not there");
        });
        let error = client.read_resource("file:///a").unwrap_err();
        assert!(error.is_resource_not_found(), "{error}");
        script.finish();
    }
}

#[test]
fn the_log_level_is_told_once_with_a_handshake_and_in_every_request_without() {
    // R-LM-90, R-LM-91
    let (script, client) = connected(HANDSHAKE, |server| {
        let set = server.expect("logging/setLevel");
        assert_eq!(set["params"], json!({"level": "warning"}));
        server.result(&set, json!({}));
        let call = server.expect("tools/call");
        assert!(call["params"].get("_meta").is_none(), "{call}");
        server.result(&call, json!({"content": []}));
    });
    client.set_log_level(LoggingLevel::Warning).unwrap();
    client.call("a", &()).unwrap();
    script.finish();

    const LEVEL: &str = "io.modelcontextprotocol/logLevel";
    let (script, client) = connected(NEWEST, |server| {
        for level in [Value::Null, "debug".into(), "warning".into(), "error".into()] {
            let call = server.expect("tools/call");
            assert_eq!(call["params"]["_meta"][LEVEL], level, "{call}");
            server.result(&call, json!({"content": []}));
        }
    });
    client.call("a", &()).unwrap();
    client.call_with("a", &(), CallOptions::new().log_level(LoggingLevel::Debug)).unwrap();
    client.set_log_level(LoggingLevel::Warning).unwrap();
    client.call("a", &()).unwrap();
    client.call_with("a", &(), CallOptions::new().log_level(LoggingLevel::Error)).unwrap();
    script.finish();
}

#[test]
fn a_sign_of_life_is_a_ping_where_there_is_one() {
    // R-LM-75, R-LM-76
    for (version, method) in [(HANDSHAKE, "ping"), (NEWEST, "server/discover")] {
        let (script, client) = connected(version, move |server| {
            let ping = server.expect(method);
            let found = json!({"supportedVersions": ["2026-07-28"], "capabilities": {}});
            server.result(&ping, if method == "ping" { json!({}) } else { found });
        });
        client.ping().unwrap();
        script.finish();
    }
}

#[test]
fn metadata_of_the_callers_travels_beside_that_of_the_protocol() {
    // R-LM-43, R-LM-45
    for version in [HANDSHAKE, NEWEST] {
        let (script, client) = connected(version, move |server| {
            let call = server.expect("tools/call");
            let meta = &call["params"]["_meta"];
            assert_eq!(meta["com.example/tenant"], json!({"id": 7}));
            assert_eq!(meta["traceparent"], "00-x-y-01");
            assert!(version.has_handshake() != meta.get("io.modelcontextprotocol/protocolVersion").is_some());
            server.result(&call, json!({"content": []}));
        });
        let options = CallOptions::new().meta("com.example/tenant", json!({"id": 7})).meta("traceparent", "00-x-y-01");
        client.call_with("a", &(), options).unwrap();
        for key in ["progressToken", "io.modelcontextprotocol/clientInfo", "not a key"] {
            let error = client.call_with("a", &(), CallOptions::new().meta(key, 1)).unwrap_err();
            assert!(matches!(error, Error::Usage(_)), "{error}");
        }
        script.finish();
    }
}

#[test]
fn structured_content_may_be_null_only_where_the_revision_says_so() {
    // R-FS-17
    for (version, expected) in [(HANDSHAKE, None), (NEWEST, Some(Value::Null))] {
        let (script, client) = connected(version, |server| {
            let call = server.expect("tools/call");
            server.result(&call, json!({"content": [], "structuredContent": null, "x": 1}));
        });
        let result = client.call("a", &()).unwrap();
        assert_eq!((result.structured_content, result.other["x"].as_u64()), (expected, Some(1)));
        script.finish();
    }
}
