//! Requests that stand alone: what is served, what is refused and how (R-ST, sections A to C and G).

use super::*;

#[test]
fn a_request_that_stands_alone_is_answered_with_json_on_a_connection_that_stays() {
    // R-ST-1, R-ST-14, R-ST-21, R-ST-4
    let mut engine = RawEngine::new(server());
    let conn = engine.connect();
    for id in [json!(1), json!("1"), json!(-7), json!("ü\"\\"), json!(1_795_171_200_000_u64)] {
        let arguments = json!({ "name": "echo", "arguments": { "text": "hello" } });
        let answer = engine.ask(conn, stateless(id.clone(), "tools/call", arguments));
        assert_eq!((answer.status, answer.field("Content-Type")), (200, Some("application/json")), "{answer:?}");
        let body = json(&answer.body);
        assert_eq!((&body["id"], text(&body)), (&id, "hello"));
        assert_eq!(body["result"]["resultType"], "complete");
        assert_eq!(body["result"]["_meta"]["io.modelcontextprotocol/serverInfo"]["name"], "test");
        assert_eq!(answer.field("Mcp-Session-Id"), None, "no session is made");
    }
    assert_eq!((engine.engine.sessions(), engine.engine.connections()), (0, 1));
}

#[test]
fn a_stale_session_and_event_id_mean_nothing_to_a_request_that_stands_alone() {
    // R-ST-4
    let mut engine = RawEngine::new(server());
    let request = stateless(1, "tools/list", json!({}));
    let request = request.replacen("Host:", "Mcp-Session-Id: gone\r\nLast-Event-ID: 7-7\r\nHost:", 1);
    let answer = engine.connect_and_ask(&request);
    assert_eq!((answer.status, answer.field("Mcp-Session-Id")), (200, None));
}

#[test]
fn discover_names_the_revisions_of_both_eras() {
    // R-ST-69
    let mut engine = RawEngine::new(server());
    let answer = engine.connect_and_ask(&stateless("d", "server/discover", json!({})));
    let body = json(&answer.body);
    assert_eq!(answer.status, 200);
    let versions = body["result"]["supportedVersions"].as_array().unwrap();
    assert!(versions.contains(&json!("2026-07-28")) && versions.contains(&json!("2025-11-25")), "{body}");
    assert_eq!(body["result"].get("serverInfo"), None);
    let mut engine = RawEngine::new(server().without_sessions());
    let answer = engine.connect_and_ask(&stateless("d", "server/discover", json!({})));
    assert_eq!(json(&answer.body)["result"]["supportedVersions"], json!(["2026-07-28"]));
}

#[test]
fn each_error_has_its_status_and_the_id_of_its_request() {
    // R-ST-21 to R-ST-30, R-ST-23, R-ST-26, R-ST-27
    let version = "io.modelcontextprotocol/protocolVersion";
    let capabilities = "io.modelcontextprotocol/clientCapabilities";
    let fields = [("MCP-Protocol-Version", "2026-07-28"), ("Mcp-Method", "server/discover")];
    let discover = |meta: Value| post(&fields, &call(9, "server/discover", json!({ "_meta": meta })));
    let v999 = json!({ version: "v999.0.0", capabilities: {} });
    let both_v999 = [("MCP-Protocol-Version", "v999.0.0"), ("Mcp-Method", "server/discover")];
    let cases = [
        ("without `_meta`", post(&fields, &call(9, "server/discover", json!({}))), (400, -32602)),
        ("without parameters", post(&fields, r#"{"jsonrpc":"2.0","id":9,"method":"server/discover"}"#), (400, -32602)),
        ("without version", discover(json!({ capabilities: {} })), (400, -32602)),
        ("without capabilities", discover(json!({ version: "2026-07-28" })), (400, -32602)),
        ("unknown version", post(&both_v999, &call(9, "server/discover", json!({ "_meta": v999 }))), (400, -32022)),
        ("mismatch precedes version", discover(v999.clone()), (400, -32020)),
        ("no header", post(&[], &call(9, "tools/list", json!({ "_meta": meta(json!({})) }))), (400, -32020)),
        ("unknown method", stateless(9, "unknown/method", json!({})), (404, -32601)),
        ("unknown tool", stateless(9, "tools/call", tool("none")), (400, -32602)),
        ("missing capability", stateless(9, "tools/call", tool("ask")), (400, -32021)),
    ];
    for (title, request, expected) in cases {
        let answer = RawEngine::new(server()).connect_and_ask(&request);
        assert_eq!(verdict(&answer), expected, "{title}: {answer:?}");
        assert_eq!(json(&answer.body)["id"], 9, "{title}");
    }
    let answer = RawEngine::new(server())
        .connect_and_ask(&post(&both_v999, &call(9, "server/discover", json!({ "_meta": v999 }))));
    let data = &json(&answer.body)["error"]["data"];
    assert_eq!(data["requested"], "v999.0.0");
    assert!(data["supported"].as_array().unwrap().contains(&json!("2026-07-28")));
}

#[test]
fn methods_of_the_handshake_are_unknown_to_a_request_that_stands_alone() {
    // README, choosing the era: `_meta` decides, not the method.
    let mut engine = RawEngine::new(server());
    let methods =
        ["initialize", "ping", "logging/setLevel", "resources/subscribe", "resources/unsubscribe", "roots/list"];
    for method in methods {
        let answer =
            engine.connect_and_ask(&stateless("x", method, json!({ "uri": "a:b" })).replace("Mcp-Name: a:b\r\n", ""));
        assert_eq!(verdict(&answer), (404, -32601), "{method}");
    }
    assert_eq!(engine.engine.sessions(), 0);
}

#[test]
fn headers_that_contradict_the_body_are_refused() {
    // R-ST-7 to R-ST-10, R-ST-58, R-ST-65; the table itself is tested in the core
    let good = stateless(1, "tools/call", json!({ "name": "echo", "arguments": { "text": "a" } }));
    let cases = [
        ("as it is", good.clone(), 200),
        ("names in another case", good.replace("Mcp-Method", "mcp-METHOD").replace("Mcp-Name", "mCP-nAME"), 200),
        ("blanks around the value", good.replace("Mcp-Name: echo", "Mcp-Name:   echo\t"), 200),
        ("wrapped", good.replace("Mcp-Name: echo", "Mcp-Name: =?base64?ZWNobw==?="), 200),
        ("another method", good.replace("Mcp-Method: tools/call", "Mcp-Method: tools/list"), 400),
        ("another case", good.replace("Mcp-Method: tools/call", "Mcp-Method: Tools/Call"), 400),
        ("no method", good.replace("Mcp-Method: tools/call\r\n", ""), 400),
        ("another name", good.replace("Mcp-Name: echo", "Mcp-Name: steps"), 400),
        ("no name", good.replace("Mcp-Name: echo\r\n", ""), 400),
        ("two names", good.replace("Mcp-Name: echo\r\n", "Mcp-Name: echo\r\nMcp-Name: echo\r\n"), 400),
        ("two versions", good.replace("Mcp-Name", "MCP-Protocol-Version: 2026-07-28\r\nMcp-Name"), 400),
        ("bad padding", good.replace("Mcp-Name: echo", "Mcp-Name: =?base64?ZWNobw?="), 400),
    ];
    for (title, request, status) in cases {
        let answer = RawEngine::new(server()).connect_and_ask(&request);
        assert_eq!(verdict(&answer), (status, if status == 200 { 0 } else { -32020 }), "{title}: {answer:?}");
    }
}

#[test]
fn arguments_that_a_tool_wants_repeated_in_headers_are_held_against_them() {
    // R-ST-47, R-ST-58, R-ST-59, R-ST-60
    let schema = json!({ "type": "object", "properties": {
        "region": { "type": "string", "x-mcp-header": "Region" },
        "count": { "type": "integer", "x-mcp-header": "Count" },
    }});
    let server = || Server::new("t", "1").tool(Tool::new("route").input_schema(schema.clone()), |_| Ok("routed"));
    let with = |arguments: Value, fields: &str| {
        let request = stateless(1, "tools/call", json!({ "name": "route", "arguments": arguments }));
        request.replacen("Host:", &format!("{fields}Host:"), 1)
    };
    let region = json!({ "region": "us west" });
    for (title, request, expected) in [
        ("as it is", with(region.clone(), "mcp-param-region: us west\r\n"), (200, 0)),
        ("missing", with(region.clone(), ""), (400, -32020)),
        ("another value", with(region.clone(), "Mcp-Param-Region: eu\r\n"), (400, -32020)),
        ("twice", with(region.clone(), "Mcp-Param-Region: us west\r\nMcp-Param-Region: us west\r\n"), (400, -32020)),
        ("not in the body", with(json!({}), "Mcp-Param-Region: us west\r\n"), (400, -32020)),
        ("null", with(json!({ "region": null }), ""), (200, 0)),
        ("a number", with(json!({ "count": 42 }), "Mcp-Param-Count: 42.0\r\n"), (200, 0)),
        ("a header of nobody", with(json!({}), "Mcp-Param-Other: 1\r\n"), (200, 0)),
    ] {
        let answer = RawEngine::new(server()).connect_and_ask(&request);
        assert_eq!(verdict(&answer), expected, "{title}: {answer:?}");
    }
}

#[test]
fn what_is_posted_is_one_request_or_one_notification() {
    // R-ST-6, R-ST-12, R-ST-13, R-ST-22, R-ST-30
    let mut engine = RawEngine::new(server().without_sessions());
    let modern = [("MCP-Protocol-Version", "2026-07-28")];
    let mut status = |body: &str| engine.connect_and_ask(&post(&modern, body));
    let accepted = status(r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#);
    assert_eq!((accepted.status, accepted.body.as_str()), (202, ""));
    assert_eq!(accepted.field("Content-Type"), None);
    let claiming = json!({ "jsonrpc": "2.0", "method": "notifications/x", "params": { "_meta": meta(json!({})) } });
    let accepted = RawEngine::new(server()).connect_and_ask(&post(&[], &claiming.to_string()));
    assert_eq!(accepted.status, 202, "its body tells as well");
    assert_eq!(verdict(&status("{")), (400, -32700));
    assert_eq!(verdict(&status("\"text\"")), (400, -32600));
    assert_eq!(verdict(&status(r#"{"jsonrpc":"2.0","id":1,"result":{}}"#)), (400, -32600));
    assert_eq!(verdict(&status(&format!("[{}]", call(1, "tools/list", json!({}))))), (400, -32600));
    assert_eq!(verdict(&status("[]")), (400, -32600));
}

#[test]
fn only_posts_are_served_where_every_request_stands_alone() {
    // R-ST-4, R-ST-29, R-ST-31
    let mut alone = RawEngine::new(server().without_sessions());
    let mut both = RawEngine::new(server());
    for method in ["GET", "DELETE", "PUT"] {
        let answer = alone.connect_and_ask(&request(method, &[("Accept", "text/event-stream")], ""));
        assert_eq!((answer.status, answer.field("Allow")), (405, Some("POST")), "{method}");
        let modern = [("Accept", "text/event-stream"), ("MCP-Protocol-Version", "2026-07-28")];
        assert_eq!(both.connect_and_ask(&request(method, &modern, "")).status, 405, "{method}");
    }
    let list = call(1, "tools/list", json!({ "_meta": meta(json!({})) }));
    for (fields, status) in [
        (vec![("Content-Type", "text/plain"), ("Accept", "*/*")], 415),
        (vec![("Accept", "*/*")], 415),
        (vec![("Content-Type", "application/json"), ("Accept", "text/html")], 406),
        (vec![("Content-Type", "application/json"), ("Accept", "application/json")], 406),
    ] {
        assert_eq!(alone.connect_and_ask(&request("POST", &fields, &list)).status, status, "{fields:?}");
    }
    let huge = format!(
        "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        5 << 20
    );
    assert_eq!(alone.connect_and_ask(&huge).status, 413);
    let elsewhere = stateless(1, "tools/list", json!({}))
        .replace("Host: localhost", "Host: localhost\r\nOrigin: http://evil.example");
    assert_eq!(alone.connect_and_ask(&elsewhere).status, 403, "R-ST-2, R-ST-28");
}

#[test]
fn a_server_without_sessions_names_its_revisions_to_who_wants_one() {
    // README, rule 9 of the negotiation
    let mut engine = RawEngine::new(server().without_sessions());
    let answer = engine.connect_and_ask(&post(&[], &initialize("2025-11-25", json!({}))));
    assert_eq!(verdict(&answer), (400, -32022));
    assert_eq!(json(&answer.body)["error"]["data"]["supported"], json!(["2026-07-28"]));
}

#[test]
fn a_server_without_the_stateless_era_looks_like_one_that_never_heard_of_it() {
    // README, client detection: a client has to fall back to `initialize`.
    let mut engine = RawEngine::new(server().without_stateless());
    let answer = engine.connect_and_ask(&stateless(1, "server/discover", json!({})));
    assert_eq!(answer.status, 400);
    assert!(![-32022, -32021, -32020].contains(&verdict(&answer).1), "{answer:?}");
    engine.session("2025-11-25");
}

#[test]
fn a_body_that_comes_in_pieces_or_chunks_is_one_request() {
    let request = stateless(1, "tools/call", json!({ "name": "echo", "arguments": { "text": "a" } }));
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let head = head.lines().filter(|line| !line.starts_with("Content-Length")).collect::<Vec<_>>().join("\r\n");
    let chunked = format!("{head}\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    for request in [request, chunked] {
        for at in 1..request.len() {
            let mut engine = RawEngine::new(server());
            let conn = engine.connect();
            engine.send(conn, &request[..at]);
            let answer = engine.ask(conn, &request[at..]);
            assert_eq!(text(&json(&answer.body)), "a", "split at {at}");
        }
    }
}
