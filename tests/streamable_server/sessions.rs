//! Sessions over Streamable HTTP: how one begins, what belongs to it, how it ends (R-SH, sections B and H to J).

use super::*;

const PING: &str = r#"{"jsonrpc":"2.0","id":7,"method":"ping"}"#;

#[test]
fn a_session_begins_with_initialize_and_answers_with_json() {
    // R-SH-8, R-SH-9, R-SH-45, R-SH-47
    for version in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] {
        let mut engine = RawEngine::new(server());
        let session = engine.session(version);
        assert!(session.id.bytes().all(|byte| (0x21..=0x7e).contains(&byte)), "{}", session.id);
        let arguments = json!({ "name": "echo", "arguments": { "text": "hello" } });
        let answer = engine.post_to(&session, &call(1, "tools/call", arguments));
        assert_eq!((answer.status, answer.field("Content-Type")), (200, Some("application/json")), "{answer:?}");
        let body = json(&answer.body);
        assert_eq!((&body["id"], text(&body)), (&json!(1), "hello"));
        assert_eq!(body["result"].get("resultType"), None, "no member of a later revision");
        assert_eq!(engine.engine.sessions(), 1);
    }
}

#[test]
fn a_handshake_that_fails_opens_no_session() {
    // R-LM-21, R-LM-30
    let mut engine = RawEngine::new(server());
    let answer = engine.connect_and_ask(&post(&[], &call(0, "initialize", json!({ "capabilities": {} }))));
    assert_eq!((verdict(&answer), answer.field("Mcp-Session-Id")), ((400, -32602), None));
    assert_eq!(engine.engine.sessions(), 0);
    let session = engine.session("2025-11-25");
    let again = engine.post_to(&session, &initialize("2025-11-25", json!({})));
    assert_eq!(verdict(&again).1, -32600, "a second one in a session");
    assert_eq!(engine.engine.sessions(), 1);
}

#[test]
fn errors_of_a_session_travel_with_status_200() {
    // R-SH, section J; R-LM-4
    let mut engine = RawEngine::new(server());
    let session = engine.session("2025-11-25");
    for (body, code) in [
        (call(1, "tools/call", tool("none")), -32602),
        (call(1, "unknown", json!({})), -32601),
        (call(1, "server/discover", json!({})), -32602),
    ] {
        let answer = engine.post_to(&session, &body);
        let status = if code == -32602 && body.contains("discover") { 400 } else { 200 };
        assert_eq!(verdict(&answer), (status, code), "{body}");
        assert_eq!(json(&answer.body)["id"], 1);
    }
}

#[test]
fn a_session_is_ended_by_its_client_and_then_unknown() {
    // R-SH-48, R-SH-49, R-SH-50, R-SH-52
    let mut engine = RawEngine::new(server());
    let session = engine.session("2025-11-25");
    let stream = engine.listen(&session, None);
    assert_eq!(engine.post_to(&session, PING).status, 200);
    assert_eq!(engine.ask(session.conn, post(&[], PING)).status, 400, "no session named");
    assert_eq!(engine.ask(session.conn, session.delete()).status, 204);
    assert!(engine.is_closed(stream));
    assert_eq!(engine.engine.sessions(), 0);
    for gone in [session.post(PING), session.get(None), session.delete()] {
        assert_eq!(engine.ask(session.conn, gone).status, 404);
    }
    for method in ["GET", "DELETE"] {
        assert_eq!(engine.ask(session.conn, request(method, &[("Accept", "*/*")], "")).status, 400);
    }
    let answer = engine.ask(session.conn, request("PUT", &[], ""));
    assert_eq!((answer.status, answer.field("Allow")), (405, Some("GET, POST, DELETE")));
}

#[test]
fn an_id_that_is_not_exact_is_unknown() {
    // R-SH-46, R-SEC-9, R-SEC-10
    let mut engine = RawEngine::new(server());
    let session = engine.session("2025-11-25");
    let over_sse = engine.initialized();
    let of_sse = over_sse.endpoint.split_once('=').unwrap().1;
    let longer = format!("{}0", session.id);
    let other = format!("{}f", &session.id[..session.id.len() - 1]);
    let upper = session.id.replace('1', "A");
    for id in ["", "x", "\u{e4}", &longer, &other, &upper, of_sse] {
        let answer = engine.connect_and_ask(&post(&[("Mcp-Session-Id", id)], PING));
        assert_eq!(answer.status, 404, "{id:?}");
    }
    let twice = [("Mcp-Session-Id", session.id.as_str()), ("Mcp-Session-Id", session.id.as_str())];
    assert_eq!(engine.connect_and_ask(&post(&twice, PING)).status, 400);
    let answer = engine.post(
        &mcp_tests::raw_engine::EngineSession { endpoint: format!("/messages?sessionId={}", session.id), ..over_sse },
        PING,
    );
    assert_eq!(answer.status, 404, "and the other way round");
}

#[test]
fn a_session_belongs_to_the_credential_that_opened_it() {
    // R-SEC-10
    let mut engine = RawEngine::new(server().bearer("a").bearer("b"));
    let with = |token: &'static str| ("Authorization", token);
    let answer = engine.connect_and_ask(&post(&[with("Bearer a")], &initialize("2025-11-25", json!({}))));
    let id = answer.field("Mcp-Session-Id").unwrap().to_owned();
    for (token, status) in [("Bearer a", 200), ("Bearer b", 404), ("Bearer c", 401)] {
        let request = post(&[with(token), ("Mcp-Session-Id", &id)], PING);
        assert_eq!(engine.connect_and_ask(&request).status, status, "{token}");
    }
}

#[test]
fn the_version_header_is_one_that_is_served_or_absent() {
    // R-SH-58, R-SH-59, R-SH-60
    for version in SESSIONS {
        let mut engine = RawEngine::new(server());
        let session = engine.session(version);
        for (sent, status) in [
            (None, 200),
            (Some(version), 200),
            (Some("2024-11-05"), 200),
            (Some("2025-06-18"), 200),
            (Some("2024-01-01"), 400),
            (Some("garbage"), 400),
            (Some(""), 400),
            (Some("2026-07-28"), 400),
        ] {
            let mut fields = vec![("Mcp-Session-Id", session.id.as_str())];
            fields.extend(sent.map(|sent| ("MCP-Protocol-Version", sent)));
            assert_eq!(engine.connect_and_ask(&post(&fields, PING)).status, status, "{version} {sent:?}");
        }
    }
}

#[test]
fn notifications_and_responses_are_accepted_without_a_body() {
    // R-SH-8
    let mut engine = RawEngine::new(server());
    let session = engine.session("2025-06-18");
    for body in [
        r#"{"jsonrpc":"2.0","method":"notifications/roots/list_changed"}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/unknown"}"#,
        r#"{"jsonrpc":"2.0","id":99,"result":{}}"#,
        r#"{"jsonrpc":"2.0","id":99,"error":{"code":-1,"message":"no"}}"#,
    ] {
        let answer = engine.post_to(&session, body);
        assert_eq!(
            (answer.status, answer.body.as_str(), answer.field("Content-Length")),
            (202, "", Some("0")),
            "{body}"
        );
    }
    for (body, code) in [("{", -32700), ("7", -32600), (r#"{"jsonrpc":"2.0","id":1}"#, -32600)] {
        assert_eq!(verdict(&engine.post_to(&session, body)), (400, code), "{body}");
    }
}

#[test]
fn batches_are_answered_where_the_revision_has_them() {
    // R-SH-7, R-SH-12, R-LM-9, R-LM-10
    let batch = format!(
        "[{},{},{PING},4]",
        call(1, "tools/call", json!({ "name": "echo", "arguments": { "text": "a" } })),
        r#"{"jsonrpc":"2.0","method":"notifications/unknown"}"#
    );
    for version in SESSIONS {
        let mut engine = RawEngine::new(server());
        let session = engine.session(version);
        engine.send(session.conn, session.post(&batch));
        if version != "2025-03-26" {
            assert_eq!(verdict(&engine.answer(session.conn)), (400, -32600), "{version}");
            continue;
        }
        let streamed = engine.streamed(session.conn);
        assert!(streamed.is_over);
        let messages = streamed.messages();
        assert_eq!(messages.len(), 3, "one for each request, and one for what is no message: {messages:?}");
        assert_eq!((text(&messages[0]), &messages[1]["result"]), ("a", &json!({})));
        assert_eq!(messages[2]["error"]["code"], -32600);
        let only_notes = r#"[{"jsonrpc":"2.0","method":"notifications/unknown"},{"jsonrpc":"2.0","id":5,"result":{}}]"#;
        assert_eq!(engine.post_to(&session, only_notes).status, 202);
        assert_eq!(verdict(&engine.post_to(&session, "[]")), (400, -32600));
        let hello = format!("[{}]", initialize(version, json!({})));
        assert_eq!(engine.connect_and_ask(&post(&[], &hello)).status, 400, "`initialize` in a batch");
    }
}

#[test]
fn a_batch_whose_calls_take_their_time_ends_with_the_last_of_them() {
    // R-SH-12, R-SH-15
    let (mut engine, held) = with_later();
    let session = engine.session("2025-03-26");
    let body = format!("[{},{}]", call("a", "tools/call", tool("later")), call("b", "tools/call", tool("later")));
    engine.send(session.conn, session.post(&body));
    let (a, b) = (first(&held), first(&held));
    b.answer(Ok("second"));
    deliver(&mut engine);
    let streamed = engine.streamed(session.conn);
    assert!(!streamed.is_over);
    assert_eq!(streamed.messages()[0]["id"], "b");
    a.answer(Ok("first"));
    deliver(&mut engine);
    let streamed = engine.streamed(session.conn);
    assert!(streamed.is_over);
    assert_eq!(streamed.messages()[0]["id"], "a");
}

#[test]
fn a_batch_that_finds_no_worker_still_gives_up_what_it_gives_up() {
    // R-LM-78: what is refused is the request beside it.
    let server = server().workers(1, 0).tool(Tool::new("sleep").on_worker(), |call: &mut Call<'_>| {
        call.sleep(Duration::from_secs(60))?;
        Ok("rested")
    });
    let mut engine = RawEngine::new(server);
    let session = engine.session("2025-03-26");
    engine.send(session.conn, session.post(&call("a", "tools/call", tool("sleep"))));
    let cancel = r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"a"}}"#;
    let batch = format!("[{cancel},{}]", call("b", "tools/call", tool("sleep")));
    let answer = engine.connect_and_ask(&session.post(&batch));
    assert_eq!((answer.status, json(&answer.body)["id"].as_str()), (503, Some("b")));
    assert!(engine.streamed(session.conn).is_over);
    assert_eq!(engine.post_to(&session, PING).status, 200, "the connection stays");
}

#[test]
fn a_request_that_is_given_up_has_no_response_and_its_stream_ends() {
    // R-SH-16, R-LM-78
    let (mut engine, held) = with_later();
    let session = engine.session("2025-11-25");
    for wait in [0, 2] {
        engine.send(session.conn, session.post(&call("x", "tools/call", tool("later"))));
        engine.pass(Duration::from_secs(wait));
        let cancel = r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"x"}}"#;
        assert_eq!(engine.connect_and_ask(&session.post(cancel)).status, 202);
        let streamed = engine.streamed(session.conn);
        assert!(streamed.is_over && streamed.messages().is_empty(), "{streamed:?}");
        let deferred = first(&held);
        assert!(deferred.is_cancelled());
        deferred.answer(Ok("too late"));
        deliver(&mut engine);
        assert_eq!(engine.taken(session.conn), "");
        assert_eq!(engine.post_to(&session, PING).status, 200, "the connection stays");
    }
}

#[test]
fn a_session_that_nobody_uses_expires_and_one_with_a_stream_or_a_call_does_not() {
    // R-SH-50
    let (mut engine, held) = with_later();
    let [listening, calling, unused] = [(); 3].map(|()| engine.session("2025-11-25"));
    let _stream = engine.listen(&listening, None);
    engine.send(calling.conn, calling.post(&call(1, "tools/call", tool("later"))));
    let hour = Duration::from_secs(3600);
    engine.pass(hour);
    assert_eq!(engine.engine.sessions(), 2);
    assert_eq!(engine.connect_and_ask(&unused.post(PING)).status, 404);
    assert_eq!(engine.connect_and_ask(&listening.post(PING)).status, 200);
    first(&held).answer(Ok("at last"));
    deliver(&mut engine);
    engine.pass(Duration::from_secs(29 * 60));
    assert_eq!(engine.connect_and_ask(&calling.post(PING)).status, 200, "half an hour begins with the end of the call");
    engine.pass(hour);
    assert_eq!(engine.engine.sessions(), 1);
}

#[test]
fn a_session_whose_client_is_gone_expires_with_its_calls() {
    // R-SH-50, R-SH-16: long after the connection, not with it.
    let (mut engine, held) = with_later();
    let session = engine.session("2025-11-25");
    engine.send(session.conn, session.post(&call(1, "tools/call", tool("later"))));
    engine.pass(Duration::from_secs(3600));
    engine.engine.closed(session.conn);
    engine.pass(Duration::from_secs(29 * 60));
    assert!(!held.lock().unwrap()[0].is_cancelled());
    engine.pass(Duration::from_secs(2 * 60));
    assert!(first(&held).is_cancelled() && engine.engine.sessions() == 0);
}

#[test]
fn sessions_are_bounded_and_the_one_longest_unused_makes_room() {
    // R-SEC-7, R-SH-51
    let mut engine = RawEngine::new(server().limits(|limits| limits.sessions = 2));
    let old = engine.session("2025-11-25");
    engine.pass(Duration::from_secs(1));
    let new = engine.session("2025-11-25");
    let answer = engine.connect_and_ask(&post(&[], &initialize("2025-11-25", json!({}))));
    assert_eq!((verdict(&answer), answer.field("Retry-After")), ((503, -32603), Some("1")), "both are new");
    engine.pass(Duration::from_secs(20));
    let next = engine.session("2025-11-25");
    assert_eq!(engine.connect_and_ask(&old.post(PING)).status, 404);
    for session in [new, next] {
        assert_eq!(engine.connect_and_ask(&session.post(PING)).status, 200);
        engine.listen(&session, None);
    }
    engine.pass(Duration::from_secs(60));
    assert_eq!(engine.connect_and_ask(&post(&[], &initialize("2025-11-25", json!({})))).status, 503, "both are in use");
}

#[test]
fn a_call_may_end_its_own_session() {
    // R-SH-14, R-SH-50
    let (mut engine, held) = with_later();
    let session = engine.session("2025-11-25");
    engine.send(session.conn, session.post(&call(1, "tools/call", tool("later"))));
    assert_eq!(engine.connect_and_ask(&session.delete()).status, 204);
    assert!(first(&held).is_cancelled());
    let streamed = engine.streamed(session.conn);
    assert!(streamed.is_over && streamed.messages().is_empty());
    assert_eq!(engine.ask(session.conn, session.post(PING)).status, 404);
}

#[test]
fn all_carriers_share_one_port_and_each_can_be_turned_off() {
    // R-SH-62
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n");
    let list = stateless(1, "tools/list", json!({}));
    let hello = post(&[], &initialize("2025-11-25", json!({})));
    let mut engine = RawEngine::new(server());
    engine.initialized();
    engine.session("2025-11-25");
    assert_eq!(engine.connect_and_ask(&list).status, 200);

    let mut engine = RawEngine::new(server().without_http_sse());
    assert_eq!(engine.connect_and_ask(&get("/sse")).status, 404);
    assert_eq!(engine.connect_and_ask(&list).status, 200);
    let mut engine = RawEngine::new(server().without_sessions().without_stateless());
    assert_eq!(engine.connect_and_ask(&list).status, 404);
    engine.initialized();
    let mut engine = RawEngine::new(server().mcp_path("/tools"));
    assert_eq!(engine.connect_and_ask(&list).status, 404);
    assert_eq!(engine.connect_and_ask(&hello.replace("/mcp", "/tools/")).status, 200);
    for wrong in [
        server().mcp_path("mcp"),
        server().mcp_path("/sse/"),
        server().without_http_sse().without_sessions().without_stateless(),
    ] {
        assert!(wrong.engine(|_| true).is_err());
    }
}

#[test]
fn a_page_of_an_allowed_origin_may_use_the_endpoint() {
    // R-SH-2, R-SEC-6
    let mut engine = RawEngine::new(server());
    let preflight =
        request("OPTIONS", &[("Origin", "http://localhost:6274"), ("Access-Control-Request-Method", "DELETE")], "");
    let answer = engine.connect_and_ask(&preflight);
    assert_eq!((answer.status, answer.field("Access-Control-Allow-Methods")), (204, Some("GET, POST, DELETE")));
    let origin = ("Origin", "http://localhost:6274");
    let answer = engine.connect_and_ask(&post(&[origin], &initialize("2025-11-25", json!({}))));
    assert_eq!((answer.status, answer.field("Access-Control-Allow-Origin")), (200, Some(origin.1)));
    assert!(answer.field("Access-Control-Expose-Headers").unwrap().contains("Mcp-Session-Id"));
    let conn = engine.connect();
    engine.send(
        conn,
        stateless(1, "tools/call", tool_with_progress("steps", meta(json!({})))).replacen(
            "Host:",
            "Origin: http://localhost:6274\r\nHost:",
            1,
        ),
    );
    assert!(engine.streamed(conn).head.contains("Access-Control-Allow-Origin: http://localhost:6274"));
    for origin in ["http://evil.example", "null", "garbage"] {
        assert_eq!(engine.connect_and_ask(&post(&[("Origin", origin)], PING)).status, 403, "{origin}");
    }
}

#[test]
fn hosts_and_origins_are_checked_before_anything_happens() {
    // R-SH-2, R-ST-2, R-SEC-1, R-SEC-2, R-SEC-3
    let (mut engine, held) = with_later();
    let session = engine.session("2025-11-25");
    let requests = [
        post(&[], &initialize("2025-11-25", json!({}))),
        session.post(&call(1, "tools/call", tool("later"))),
        stateless(1, "tools/call", tool("later")),
        session.get(None),
        session.delete(),
    ];
    let sources = [
        "Host: evil.example.com",
        "Host: localhost.evil.example",
        "Host: localhost\r\nOrigin: http://evil.example.com",
        "Host: localhost\r\nOrigin: http://localhost.evil.example",
        "Host: localhost\r\nOrigin: null",
    ];
    for request in &requests {
        for source in sources {
            let answer = engine.connect_and_ask(&request.replacen("Host: localhost", source, 1));
            assert_eq!(answer.status, 403, "{source}: {request}");
        }
    }
    assert!(held.lock().unwrap().is_empty() && engine.engine.sessions() == 1);
    for source in ["Host: 127.0.0.1:8000\r\nOrigin: http://127.0.0.1:8000", "Host: [::1]"] {
        let answer = engine.connect_and_ask(&requests[0].replacen("Host: localhost", source, 1));
        assert_eq!(answer.status, 200, "{source}");
    }
}

#[test]
fn without_random_bits_there_is_no_session() {
    // R-SH-46
    let mut engine = server().engine(|_| false).unwrap();
    let now = mcp_core::time::Instant::ZERO;
    let conn = engine.accept(now).unwrap();
    engine.received(conn, now, post(&[], &initialize("2025-11-25", json!({}))).as_bytes());
    let answer = String::from_utf8_lossy(engine.output(conn)).into_owned();
    assert!(answer.starts_with("HTTP/1.1 503 ") && !answer.contains("Mcp-Session-Id"), "{answer}");
    assert_eq!(engine.sessions(), 0);
}
