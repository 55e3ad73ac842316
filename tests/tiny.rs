//! The server over HTTP+SSE, row by row of the transport: its engine, under a clock that the test moves.

use std::time::Duration;

use mcp_server_tiny::Server;
use mcp_server_tiny::engine::Next;
use mcp_tests::raw_engine::RawEngine;
use mcp_tests::raw_http::{INITIALIZE, INITIALIZED, post};

const PING: &str = r#"{"jsonrpc":"2.0","id":7,"method":"ping"}"#;

fn server() -> Server {
    Server::new("test", "1.0.0")
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")
}

/// The status of a request sent on a connection of its own.
fn status(engine: &mut RawEngine, request: &str) -> u16 {
    let conn = engine.connect();
    engine.ask(conn, request).status
}

#[test]
fn a_stream_begins_with_its_headers_and_the_endpoint() {
    // R-SSE-1, R-SSE-2, R-SSE-21, R-SSE-23, R-SSE-34
    let mut engine = RawEngine::new(server());
    let conn = engine.connect();
    engine.send(conn, get("/sse"));
    let text = engine.taken(conn);
    let (head, stream) = text.split_once("\r\n\r\n").unwrap();
    let mut lines = head.lines();
    assert_eq!(lines.next(), Some("HTTP/1.1 200 OK"));
    let fields: Vec<_> = lines.map(str::to_ascii_lowercase).collect();
    assert!(fields.contains(&"content-type: text/event-stream".into()), "{head}");
    assert!(fields.contains(&"cache-control: no-cache, no-transform".into()), "{head}");
    assert!(fields.contains(&"x-accel-buffering: no".into()), "{head}");
    assert!(!fields.iter().any(|field| field.starts_with("content-length")), "{head}");
    assert_eq!(
        stream, "event: endpoint\ndata: /messages?sessionId=0000000000000000000000000000000000000001\n\n",
        "a path-absolute reference, first and once"
    );
    assert_eq!(engine.engine.sessions(), 1);
}

#[test]
fn http_1_0_gets_a_stream_as_well() {
    let mut engine = RawEngine::new(server());
    let conn = engine.connect();
    engine.send(conn, "GET /sse HTTP/1.0\r\n\r\n");
    assert!(engine.taken(conn).contains("event: endpoint\n"));
}

#[test]
fn answers_go_to_the_stream_as_message_events_and_posts_get_202() {
    // R-SSE-4, R-SSE-24, R-SSE-25, R-SSE-45, R-SSE-46
    let mut engine = RawEngine::new(server());
    let session = engine.open();
    let answer = engine.post(&session, INITIALIZE);
    assert_eq!((answer.status, answer.body.as_str()), (202, "Accepted"));
    let event = engine.taken(session.stream);
    assert!(event.starts_with("event: message\ndata: {\"jsonrpc\":\"2.0\",\"id\":0,\"result\":{"), "{event}");
    assert!(event.ends_with("}\n\n") && event.matches('\n').count() == 3, "one data line: {event}");
    assert_eq!(engine.post(&session, INITIALIZED).status, 202);
    assert_eq!(engine.taken(session.stream), "", "a notification has no answer (R-LM-7)");
    engine.post(&session, PING);
    assert_eq!(engine.taken(session.stream), "event: message\ndata: {\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{}}\n\n");
}

#[test]
fn sessions_are_told_apart_and_messages_keep_their_order() {
    // R-SSE-8, R-SSE-47
    let mut engine = RawEngine::new(server());
    let (a, b) = (engine.initialized(), engine.initialized());
    assert_ne!(a.endpoint, b.endpoint);
    let requests: String =
        (1..=50).map(|id| post(&a.endpoint, &format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"ping"}}"#))).collect();
    engine.send(a.posts, requests);
    let expected: String = (1..=50)
        .map(|id| format!("event: message\ndata: {{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{{}}}}\n\n"))
        .collect();
    assert_eq!(engine.taken(a.stream), expected);
    assert_eq!(engine.taken(b.stream), "");
}

#[test]
fn the_session_of_a_post_is_missing_malformed_unknown_or_over() {
    // R-SSE-27, R-SSE-37
    let mut engine = RawEngine::new(server());
    let session = engine.initialized();
    for (target, expected) in [
        ("/messages", 400),
        ("/messages?", 400),
        ("/messages?sessionId=", 400),
        ("/messages?session_id=1", 400),
        ("/messages?sessionId=nonsense", 400),
        ("/messages?sessionId=00000000000000000000000000000000000000001", 400),
        ("/messages?sessionId=0000000000000000000000000000000000000002", 404),
        ("/messages?sessionId=ffffffff00000000000000000000000000000001", 404),
        ("/messages?other=1&sessionId=0000000000000000000000000000000000000001", 202),
    ] {
        assert_eq!(status(&mut engine, &post(target, PING)), expected, "{target}");
    }
    engine.end(session.stream);
    assert!(engine.is_closed(session.stream));
    assert_eq!(engine.engine.sessions(), 0);
    assert_eq!(engine.post(&session, PING).status, 404);
    let next = engine.open();
    assert_eq!(engine.post(&session, PING).status, 404, "the row of the table is used again, the token is not");
    assert_eq!(engine.post(&next, PING).status, 202);
}

#[test]
fn a_session_that_ends_while_a_body_comes_is_unknown() {
    // R-SSE-37
    let mut engine = RawEngine::new(server());
    let session = engine.initialized();
    let request = post(&session.endpoint, PING);
    let (first, second) = request.split_at(request.len() - 3);
    engine.send(session.posts, first);
    engine.end(session.stream);
    assert_eq!(engine.ask(session.posts, second).status, 404);
}

#[test]
fn what_is_no_message_is_refused_before_acceptance() {
    // R-SSE-29, R-SSE-52, R-SSE-12, R-LM-10
    let mut engine = RawEngine::new(server());
    let session = engine.initialized();
    for (body, code) in [
        ("", -32700),
        ("{", -32700),
        ("not json", -32700),
        ("\"text\"", -32600),
        ("{}", -32600),
        (r#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#, -32600),
        (r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, -32600),
        ("[]", -32600),
        (r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#, -32600),
    ] {
        let answer = engine.post(&session, body);
        assert_eq!(answer.status, 400, "{body}");
        assert_eq!(answer.field("content-type"), Some("application/json"), "{body}");
        assert!(answer.body.contains(&format!("\"code\":{code}")), "{body}: {}", answer.body);
    }
    assert_eq!(engine.taken(session.stream), "");
    assert_eq!(engine.post(&session, PING).status, 202, "the connection and the session go on");
}

#[test]
fn batches_are_accepted_under_2025_03_26_only() {
    // R-SSE-12, R-LM-9
    let batch = r#"[{"jsonrpc":"2.0","id":1,"method":"ping"},{"jsonrpc":"2.0","method":"notifications/initialized"},7,{"jsonrpc":"2.0","id":"2","method":"ping"}]"#;
    for (version, expected) in [("2024-11-05", 400), ("2025-03-26", 202), ("2025-06-18", 400), ("2025-11-25", 400)] {
        let mut engine = RawEngine::new(server());
        let session = engine.open();
        engine.post(&session, &INITIALIZE.replace("2024-11-05", version));
        let answer = engine.taken(session.stream);
        assert!(answer.contains(&format!("\"protocolVersion\":\"{version}\"")), "{answer}");
        assert_eq!(engine.post(&session, batch).status, expected, "{version}");
        if expected == 202 {
            let events = engine.taken(session.stream);
            assert_eq!(events.matches("event: message\n").count(), 3, "two answers and an error: {events}");
            assert!(events.contains("\"id\":1,\"result\"") && events.contains("\"id\":\"2\",\"result\""), "{events}");
            assert!(events.contains("-32600"), "{events}");
        }
    }
}

#[test]
fn of_what_is_wrong_in_a_batch_only_requests_are_answered() {
    // R-LM-6, R-LM-7
    let mut engine = RawEngine::new(server());
    let session = engine.open();
    engine.post(&session, &INITIALIZE.replace("2024-11-05", "2025-03-26"));
    engine.taken(session.stream);
    let notification = r#"{"jsonrpc":"2.0","method":"notifications/initialized","params":[1]}"#;
    let response = r#"{"jsonrpc":"2.0","id":1,"result":{},"error":{"code":1,"message":"m"}}"#;
    let request = r#"{"jsonrpc":"2.0","id":2,"method":"ping","params":[1]}"#;
    assert_eq!(engine.post(&session, &format!("[{notification},{response},{request},7]")).status, 202);
    let events = engine.taken(session.stream);
    assert_eq!(events.matches("event: message\n").count(), 2, "{events}");
    assert!(events.contains("\"id\":2,\"error\"") && events.contains("\"id\":null,\"error\""), "{events}");
}

#[test]
fn the_stateless_revision_is_never_offered() {
    // R-SSE-40
    let mut engine = RawEngine::new(server());
    let session = engine.open();
    engine.post(&session, &INITIALIZE.replace("2024-11-05", "2026-07-28"));
    assert!(engine.taken(session.stream).contains("\"protocolVersion\":\"2025-11-25\""));
}

#[test]
fn a_message_is_json_by_its_content_type() {
    // R-SSE-15, R-SEC-6
    let mut engine = RawEngine::new(server());
    let session = engine.initialized();
    for (content_type, expected) in [
        ("application/json", 202),
        ("Application/JSON; charset=utf-8", 202),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("text/plain; application/json", 415),
    ] {
        let request = post(&session.endpoint, PING).replace("application/json", content_type);
        assert_eq!(status(&mut engine, &request), expected, "{content_type}");
    }
    let without = post(&session.endpoint, PING).replace("Content-Type: application/json\r\n", "");
    assert_eq!(status(&mut engine, &without), 415);
}

#[test]
fn other_methods_are_answered_405_with_what_is_allowed() {
    // R-SSE-29, R-SSE-51
    let mut engine = RawEngine::new(server());
    for (method, path, allow) in [
        ("HEAD", "/sse", "GET"),
        ("OPTIONS", "/sse", "GET"),
        ("POST", "/sse", "GET"),
        ("DELETE", "/sse", "GET"),
        ("PUT", "/sse", "GET"),
        ("GET", "/messages", "POST"),
        ("HEAD", "/messages", "POST"),
        ("OPTIONS", "/messages", "POST"),
    ] {
        let conn = engine.connect();
        engine.send(conn, format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        let text = engine.taken(conn);
        assert!(text.starts_with("HTTP/1.1 405 "), "{method} {path}: {text}");
        assert!(text.contains(&format!("\r\nAllow: {allow}\r\n")), "{method} {path}: {text}");
        assert_eq!(text.ends_with("\r\n\r\n"), method == "HEAD", "HEAD has no body: {text}");
    }
    assert_eq!(engine.engine.sessions(), 0);
}

#[test]
fn other_paths_are_not_found() {
    let mut engine = RawEngine::new(server());
    for path in ["/", "/mcp2", "/sses", "/sse/x", "//sse", "/sse//", "/SSE", "/%73se", "*", "/messages/x"] {
        assert_eq!(status(&mut engine, &get(path)), 404, "{path}");
    }
}

#[test]
fn both_paths_are_served_with_and_without_a_slash_at_their_end() {
    // R-SSE-50
    for (stream, messages) in [("/sse", "/messages"), ("/sse/", "/messages/"), ("/", "/m")] {
        let mut engine = RawEngine::new(server().paths(stream, messages));
        let session = engine.open_at(stream);
        assert!(session.endpoint.starts_with(&format!("{messages}?sessionId=")), "as configured: {}", session.endpoint);
        for target in [messages.trim_end_matches('/').to_owned(), format!("{}/", messages.trim_end_matches('/'))] {
            let (_, query) = session.endpoint.split_once('?').unwrap();
            assert_eq!(status(&mut engine, &post(&format!("{target}?{query}"), PING)), 202, "{target}");
        }
    }
    let mut engine = RawEngine::new(server());
    engine.open_at("/sse/");
    engine.open_at("/sse?x=1");
    assert_eq!(engine.engine.sessions(), 2);
}

#[test]
fn a_public_prefix_is_announced_and_served_stripped_or_not() {
    // R-SSE-22
    let mut engine = RawEngine::new(server().public_prefix("/tools/a"));
    for path in ["/sse", "/tools/a/sse"] {
        let session = engine.open_at(path);
        assert!(session.endpoint.starts_with("/tools/a/messages?sessionId="), "{}", session.endpoint);
        assert_eq!(engine.post(&session, PING).status, 202, "as announced");
        let stripped = session.endpoint.replacen("/tools/a", "", 1);
        assert_eq!(status(&mut engine, &post(&stripped, PING)), 202, "as the proxy passes it on");
    }
    assert_eq!(status(&mut engine, &get("/tools/sse")), 404);
}

#[test]
fn settings_that_cannot_work_are_errors_of_their_own() {
    let fails = |server: Server, what: &str| {
        let error = server.engine(|_| true).unwrap_err().to_string();
        assert!(error.contains(what), "{error}");
    };
    fails(server().paths("sse", "/messages"), "paths");
    fails(server().paths("/sse?x", "/messages"), "paths");
    fails(server().paths("/x", "/x/"), "paths");
    fails(server().public_prefix("tools"), "public_prefix");
    fails(server().public_prefix("/tools/"), "public_prefix");
    fails(server().allow_host("http://example.com"), "allow_host");
    fails(server().allow_origin("example.com"), "allow_origin");
    fails(server().bearer(""), "bearer");
    fails(server().limits(|limits| limits.sessions = limits.connections), "connections");
}

#[test]
fn hosts_and_origins_are_checked_on_every_request() {
    // R-SSE-5, R-SSE-43, R-SEC-1, R-SEC-2, R-SEC-3
    let mut engine = RawEngine::new(server().allow_host("mcp.example").allow_origin("https://app.example"));
    let session = engine.initialized();
    let sources = [
        ("localhost", None, true),
        ("127.0.0.1:8000", None, true),
        ("[::1]:8000", None, true),
        ("mcp.example:443", None, true),
        ("evil.example", None, false),
        ("localhost.evil.example", None, false),
        ("", None, false),
        ("localhost", Some("http://localhost:3000"), true),
        ("localhost", Some("https://app.example"), true),
        ("localhost", Some("https://app.example.evil.example"), false),
        ("localhost", Some("https://evil.example"), false),
        ("localhost", Some("null"), false),
    ];
    for (host, origin, allowed) in sources {
        let origin = origin.map_or(String::new(), |origin| format!("Origin: {origin}\r\n"));
        let from_there = |request: String| request.replace("Host: localhost\r\n", &format!("Host: {host}\r\n{origin}"));
        let requests = [
            (from_there(get("/sse")), 200),
            (from_there(post(&session.endpoint, PING)), 202),
            (from_there(get("/nowhere")), 404),
        ];
        for (request, usual) in requests {
            let conn = engine.connect();
            let answer = engine.ask(conn, &request);
            assert_eq!(answer.status, if allowed { usual } else { 403 }, "{request}");
            if !allowed {
                let names = ["allow_host", "allow_origin", "cannot be told"];
                assert!(names.iter().any(|name| answer.body.contains(name)), "{}", answer.body);
            }
        }
    }
}

#[test]
fn the_host_of_an_absolute_target_is_the_one_that_counts() {
    // RFC 9112 3.2.2: else `Host: localhost` would hide where the request was sent.
    let mut engine = RawEngine::new(server());
    assert_eq!(status(&mut engine, "GET http://evil.example/sse HTTP/1.1\r\nHost: localhost\r\n\r\n"), 403);
}

#[test]
fn pages_of_an_allowed_origin_are_told_so_and_nobody_else_is() {
    // R-SEC-6, R-SSE-51
    let mut engine = RawEngine::new(server().allow_origin("https://app.example"));
    let session = engine.initialized();
    let from_page = |request: String| request.replace("\r\n\r\n", "\r\nOrigin: https://app.example\r\n\r\n");

    let conn = engine.connect();
    engine.send(conn, from_page(get("/sse")));
    let text = engine.taken(conn);
    assert!(text.contains("\r\nAccess-Control-Allow-Origin: https://app.example\r\n"), "{text}");
    assert!(text.contains("\r\nVary: Origin\r\n"), "{text}");

    for (request, expected) in [
        (post(&session.endpoint, PING), 202),
        (post("/messages?sessionId=0000000000000000000000000000000000000009", PING), 404),
        (post(&session.endpoint, "nonsense"), 400),
    ] {
        let conn = engine.connect();
        let answer = engine.ask(conn, from_page(request.clone()));
        assert_eq!(answer.status, expected);
        assert_eq!(answer.field("access-control-allow-origin"), Some("https://app.example"), "{request}");
        let plain = engine.connect();
        assert_eq!(engine.ask(plain, request).field("access-control-allow-origin"), None);
    }

    for (path, methods) in [("/sse", "GET"), ("/messages", "POST")] {
        let preflight = format!(
            "OPTIONS {path} HTTP/1.1\r\nHost: localhost\r\nOrigin: https://app.example\r\n\
             Access-Control-Request-Method: {methods}\r\nAccess-Control-Request-Headers: content-type, x-tenant\r\n\r\n"
        );
        let conn = engine.connect();
        let answer = engine.ask(conn, &preflight);
        assert_eq!(answer.status, 204);
        assert_eq!(answer.field("access-control-allow-origin"), Some("https://app.example"));
        assert_eq!(answer.field("access-control-allow-methods"), Some(methods));
        assert_eq!(answer.field("access-control-allow-headers"), Some("content-type, x-tenant"));
        assert_eq!(answer.head.matches("Access-Control-Allow-Origin").count(), 1);
        assert_eq!(status(&mut engine, &preflight.replace("app.example", "evil.example")), 403);
        let no_preflight = preflight.replace("Access-Control-Request-Method", "X-Other");
        assert_eq!(status(&mut engine, &no_preflight), 405);
    }
}

#[test]
fn a_bearer_token_is_demanded_when_one_is_set() {
    // R-SSE-7
    let mut engine = RawEngine::new(server().bearer("one").bearer("two"));
    for (authorization, expected) in [
        ("", 401),
        ("Authorization: Bearer three\r\n", 401),
        ("Authorization: Bearer \r\n", 401),
        ("Authorization: Basic one\r\n", 401),
        ("Authorization: one\r\n", 401),
        ("Authorization: Bearer onetwo\r\n", 401),
        ("Authorization: Bearer one\r\n", 200),
        ("Authorization: bearer two\r\n", 200),
    ] {
        let conn = engine.connect();
        let request = get("/sse").replace("\r\n\r\n", &format!("\r\n{authorization}\r\n"));
        let answer = engine.ask(conn, request);
        assert_eq!(answer.status, expected, "{authorization}");
        assert_eq!(answer.field("www-authenticate"), (expected == 401).then_some("Bearer"));
    }
    assert_eq!(engine.engine.sessions(), 2);
}

#[test]
fn another_credential_does_not_find_the_session() {
    // R-SSE-36
    let mut engine = RawEngine::new(server());
    let stream = engine.connect();
    engine.send(stream, "GET /sse HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer a\r\n\r\n");
    let text = engine.taken(stream);
    let endpoint = text.split_once("data: ").unwrap().1.lines().next().unwrap();
    let with = |credential: &str| {
        post(endpoint, PING).replace("\r\n\r\n", &format!("\r\nAuthorization: {credential}\r\n\r\n"))
    };
    assert_eq!(status(&mut engine, &with("Bearer b")), 404);
    assert_eq!(status(&mut engine, &post(endpoint, PING)), 404);
    assert_eq!(status(&mut engine, &with("Bearer a")), 202);
}

#[test]
fn the_version_header_of_posts_makes_no_difference() {
    // R-SSE-41
    let mut engine = RawEngine::new(server());
    let session = engine.initialized();
    for version in ["2024-11-05", "2025-11-25", "nonsense"] {
        let request =
            post(&session.endpoint, PING).replace("\r\n\r\n", &format!("\r\nMCP-Protocol-Version: {version}\r\n\r\n"));
        assert_eq!(status(&mut engine, &request), 202);
    }
}

#[test]
fn a_resumed_stream_is_a_new_session() {
    // R-SSE-38, R-SSE-39
    let mut engine = RawEngine::new(server());
    let first = engine.initialized();
    let conn = engine.connect();
    engine.send(conn, get("/sse").replace("\r\n\r\n", "\r\nLast-Event-ID: 7\r\n\r\n"));
    let text = engine.taken(conn);
    assert!(text.contains("event: endpoint\n") && !text.contains(&first.endpoint), "{text}");
    assert!(!text.contains("\nid:"), "there are no event ids: {text}");
}

#[test]
fn a_silent_stream_gets_a_comment_every_15_seconds() {
    // R-SSE-30
    let mut engine = RawEngine::new(server());
    let session = engine.initialized();
    engine.pass(Duration::from_millis(14_999));
    assert_eq!(engine.taken(session.stream), "");
    engine.pass(Duration::from_millis(1));
    assert_eq!(engine.taken(session.stream), ": ping\n\n");
    engine.pass(Duration::from_secs(10));
    engine.post(&session, PING);
    engine.taken(session.stream);
    engine.pass(Duration::from_millis(14_999));
    assert_eq!(engine.taken(session.stream), "", "an event is as good as a comment");
    engine.pass(Duration::from_millis(1));
    assert_eq!(engine.taken(session.stream), ": ping\n\n");
    engine.pass(Duration::from_secs(150));
    assert_eq!(engine.taken(session.stream), ": ping\n\n".repeat(10));
}

#[test]
fn comments_can_be_turned_off() {
    let mut engine = RawEngine::new(server().keep_alive(None));
    let session = engine.initialized();
    engine.pass(Duration::from_secs(24 * 3600));
    assert_eq!(engine.taken(session.stream), "");
    assert_eq!(engine.engine.sessions(), 1, "an initialized session may be idle for a day");
}

#[test]
fn requests_before_the_handshake_are_errors_on_the_stream() {
    // R-SSE-9, R-LM-30, R-SSE-52
    let mut engine = RawEngine::new(server());
    let session = engine.open();
    assert_eq!(engine.post(&session, r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#).status, 202);
    assert!(engine.taken(session.stream).contains("\"code\":-32600"));
    engine.post(&session, PING);
    assert!(engine.taken(session.stream).contains("\"result\":{}"), "a ping is welcome at any time");
}

#[test]
fn connections_are_kept_or_closed_as_the_peer_asks() {
    let mut engine = RawEngine::new(server());
    let session = engine.initialized();
    let request = post(&session.endpoint, PING);

    let kept = engine.connect();
    for _ in 0..3 {
        assert_eq!(engine.ask(kept, &request).status, 202);
    }
    assert_eq!(engine.engine.next(kept), Next::Wait);

    let closing = engine.connect();
    let answer = engine.ask(closing, request.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"));
    assert_eq!((answer.status, answer.field("connection")), (202, Some("close")));
    assert!(engine.is_half_closed(closing));
    engine.end(closing);
    assert!(engine.is_closed(closing));

    let old = engine.connect();
    let answer = engine.ask(old, request.replace("HTTP/1.1", "HTTP/1.0"));
    assert_eq!((answer.status, answer.field("connection")), (202, Some("close")));

    let old_kept = engine.connect();
    let request = request.replace("HTTP/1.1", "HTTP/1.0").replace("\r\n\r\n", "\r\nConnection: keep-alive\r\n\r\n");
    assert_eq!(engine.ask(old_kept, &request).field("connection"), Some("keep-alive"));
    assert_eq!(engine.ask(old_kept, &request).status, 202);
}

#[test]
fn a_peer_that_sends_a_request_and_ends_its_side_is_answered() {
    let mut engine = RawEngine::new(server());
    let session = engine.initialized();
    engine.send(session.posts, post(&session.endpoint, PING));
    engine.end(session.posts);
    assert_eq!(engine.answer(session.posts).status, 202);
    assert!(engine.is_closed(session.posts));
}

#[test]
fn who_waits_for_100_continue_gets_it_or_the_refusal() {
    // RFC 9110 10.1.1
    let mut engine = RawEngine::new(server());
    let session = engine.initialized();
    let request = post(&session.endpoint, PING).replace("Content-Type", "Expect: 100-continue\r\nContent-Type");
    let (head, body) = request.split_at(request.len() - PING.len());

    let patient = engine.connect();
    engine.send(patient, head);
    assert_eq!(engine.taken(patient), "HTTP/1.1 100 Continue\r\n\r\n");
    assert_eq!(engine.ask(patient, body).status, 202);

    let hasty = engine.connect();
    assert_eq!(engine.ask(hasty, &request).status, 202, "the body came along");

    let refused = engine.connect();
    assert_eq!(engine.ask(refused, head.replace("/messages", "/nowhere")).status, 404);
    assert!(engine.is_half_closed(refused), "whether the body comes cannot be known");

    let too_large = engine.connect();
    let head = head.replace(&format!("Length: {}", PING.len()), "Length: 99999999");
    assert_eq!(engine.ask(too_large, head).status, 413);
}

#[test]
fn the_body_of_a_refused_request_is_read_past() {
    let mut engine = RawEngine::new(server());
    let session = engine.initialized();
    let conn = engine.connect();
    let mut requests = post("/nowhere", PING) + &post("/messages", PING);
    requests += "POST /sse HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    requests += &post(&session.endpoint, PING);
    engine.send(conn, &requests);
    let statuses: Vec<_> = (0..4).map(|_| engine.answer(conn).status).collect();
    assert_eq!(statuses, [404, 400, 405, 202]);
    for piece in requests.as_bytes().chunks(1) {
        engine.send(conn, piece);
    }
    let statuses: Vec<_> = (0..4).map(|_| engine.answer(conn).status).collect();
    assert_eq!(statuses, [404, 400, 405, 202], "byte by byte");
}

#[test]
fn requests_are_served_the_same_however_they_are_cut() {
    let mut engine = RawEngine::new(server());
    let session = engine.initialized();
    let chunked = format!(
        "POST {} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n\
         5\r\n{}\r\n{:x}\r\n{}\r\n0\r\n\r\n",
        session.endpoint,
        &PING[..5],
        PING.len() - 5,
        &PING[5..]
    );
    let requests = post(&session.endpoint, PING) + &chunked + &post(&session.endpoint, PING);
    let conn = engine.connect();
    for at in 0..=requests.len() {
        let (first, second) = requests.split_at(at);
        engine.send(conn, first);
        engine.send(conn, second);
        for _ in 0..3 {
            assert_eq!(engine.answer(conn).status, 202, "split at {at}");
        }
        assert_eq!(engine.taken(session.stream).matches("\"result\":{}").count(), 3, "split at {at}");
    }
}

#[test]
fn input_on_an_event_stream_means_nothing() {
    let mut engine = RawEngine::new(server());
    let session = engine.initialized();
    engine.send(session.stream, get("/sse"));
    engine.send(session.stream, [0xff; 1000]);
    assert_eq!(engine.taken(session.stream), "");
    assert_eq!(engine.engine.sessions(), 1);
}

#[test]
fn a_stop_ends_streams_and_idle_connections_and_refuses_new_ones() {
    // R-SSE-10
    let mut engine = RawEngine::new(server());
    let session = engine.initialized();
    let incomplete = engine.connect();
    engine.send(incomplete, "POST /mess");
    let now = engine.now();
    engine.engine.stop(now);
    engine.settle();
    assert!(engine.is_closed(session.stream) && engine.is_closed(session.posts));
    assert_eq!(engine.answer(incomplete).status, 503);
    assert!(engine.try_connect().is_none());
    assert!(!engine.engine.is_stopped());
    engine.end(incomplete);
    assert!(engine.engine.is_stopped());
}

#[test]
fn who_wants_the_connection_closed_is_not_waited_for_to_send_the_rest() {
    // RFC 9112 section 9.6
    let mut engine = RawEngine::new(server());
    let conn = engine.connect();
    engine.send(conn, "POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 9\r\n\r\nx");
    assert_eq!(engine.answer(conn).status, 404);
    assert!(engine.is_half_closed(conn));
}

#[test]
fn tokens_are_in_no_debug_output() {
    // R-SSE-35
    let server = server().bearer("hunter2");
    assert!(!format!("{server:?}").contains("hunter2"));
    let mut engine = RawEngine::new(server);
    let conn = engine.connect();
    engine.send(conn, get("/sse").replace("\r\n\r\n", "\r\nAuthorization: Bearer hunter2\r\n\r\n"));
    assert_eq!(engine.engine.sessions(), 1);
    let shown = format!("{:?}", engine.engine);
    assert!(!shown.contains("hunter2") && !shown.contains("000001"), "{shown}");
}
