//! Clauses about HTTP that hold for every carrier of the server at once: who may send, as whom, and what a request may rest on.

#![allow(clippy::unwrap_used)] // a panic is the report

use mcp_server_tiny::types::{ElicitParams, RequestedSchema, StringSchema};
use mcp_server_tiny::{Call, Server, Tool};
use mcp_tests::raw_engine::RawEngine;
use mcp_tests::raw_http::RawAnswer;
use mcp_tests::raw_streamable::{call, initialize, meta, post, stateless};
use serde_json::{Value, json};

const PING: &str = r#"{"jsonrpc":"2.0","id":7,"method":"ping"}"#;

fn server() -> Server {
    let form = || RequestedSchema::new().required("name", StringSchema::new());
    Server::new("clauses", "1.0.0").tool(Tool::new("ask"), move |call: &mut Call<'_>| {
        call.elicit("user", ElicitParams::form("Who are you?", form()))?;
        Ok("asked")
    })
}

fn body(answer: &RawAnswer) -> Value {
    serde_json::from_str(&answer.body).unwrap_or_else(|_| panic!("no JSON: {answer:?}"))
}

/// The status of an answer and the code of the error in it.
fn verdict(answer: &RawAnswer) -> (u16, i64) {
    let code = serde_json::from_str::<Value>(&answer.body).ok().and_then(|body| body["error"]["code"].as_i64());
    (answer.status, code.unwrap_or(0))
}

/// The same request from another host, or with further header lines.
fn from(request: &str, host: &str, more: &str) -> String {
    request.replacen("Host: localhost\r\n", &format!("Host: {host}\r\n{more}"), 1)
}

#[test]
fn no_carrier_serves_a_foreign_page_or_host_whatever_is_asked() {
    // R-SH-2, R-ST-2, R-ST-28, R-SEC-1, R-SEC-2, R-SEC-3
    let mut engine = RawEngine::new(server().allow_host("mcp.example").allow_origin("https://app.example"));
    let over_sse = engine.initialized();
    let session = engine.session("2025-11-25");
    let stream = "GET /sse HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n".to_owned();
    let message = PING.replace('7', "8");
    let length = message.len();
    let posted = format!(
        "POST {} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{message}",
        over_sse.endpoint
    );
    let requests = [
        ("HTTP+SSE, stream", stream, 200),
        ("HTTP+SSE, message", posted, 202),
        ("alone", stateless(1, "tools/list", json!({})), 200),
        ("handshake", post(&[], &initialize("2025-11-25", json!({}))), 200),
        ("session, message", session.post(PING), 200),
        ("session, stream", session.get(None), 200),
        ("session, end", session.delete(), 204),
    ];
    let refused = [
        ("evil.example", ""),
        ("localhost.evil.example", ""),
        ("evil.example", "Origin: http://localhost:6274\r\n"),
        ("localhost", "Origin: null\r\n"),
        ("localhost", "Origin: \r\n"),
        ("localhost", "Origin: garbage\r\n"),
        ("localhost", "Origin: http://evil.example\r\n"),
        ("localhost", "Origin: http://localhost.evil.example\r\n"),
        ("localhost", "Origin: https://app.example.evil.example\r\n"),
        ("localhost", "Origin: https://app.example:8443\r\n"),
        ("localhost", "Origin: http://app.example\r\n"),
        ("localhost", "Origin: https://xapp.example\r\n"),
    ];
    let before = engine.engine.sessions();
    for (title, request, _) in &requests {
        for (host, more) in refused {
            let answer = engine.connect_and_ask(&from(request, host, more));
            assert_eq!(answer.status, 403, "{title} from {host} {more:?}: {answer:?}");
            assert_eq!(answer.field("Access-Control-Allow-Origin"), None, "{title}: the page learns nothing");
        }
    }
    assert_eq!(engine.engine.sessions(), before, "nothing was opened and nothing was ended");
    let served = [
        ("localhost", "Origin: https://app.example\r\n"),
        ("mcp.example", ""),
        ("[::1]:8000", "Origin: http://127.0.0.1:3000\r\n"),
        ("localhost", ""),
    ];
    for (title, request, status) in &requests {
        // A session ends and opens its stream once.
        for (host, more) in if title.starts_with("session,") { &served[..1] } else { &served[..] } {
            let conn = engine.connect();
            engine.send(conn, from(request, host, more));
            let sent = engine.taken(conn);
            assert!(sent.starts_with(&format!("HTTP/1.1 {status} ")), "{title} from {host} {more:?}: {sent}");
            engine.end(conn);
        }
    }
}

#[test]
fn a_token_is_demanded_by_every_carrier_and_whatever_is_asked() {
    // R-SH-3, R-ST-3, R-SEC-5, R-SSE-7
    let mut engine = RawEngine::new(server().bearer("hidden"));
    let hello = post(&[("Authorization", "Bearer hidden")], &initialize("2025-11-25", json!({})));
    let id = engine.connect_and_ask(&hello).field("Mcp-Session-Id").unwrap().to_owned();
    let of_session = |method: &str, body: &str| {
        let text = post(&[("Mcp-Session-Id", &id)], body);
        text.replacen("POST", method, 1)
    };
    for (title, request) in [
        ("HTTP+SSE", "GET /sse HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned()),
        ("alone", stateless(1, "tools/list", json!({}))),
        ("discover", stateless(1, "server/discover", json!({}))),
        ("handshake", post(&[], &initialize("2025-11-25", json!({})))),
        ("message", of_session("POST", PING)),
        ("stream", of_session("GET", "")),
        ("end", of_session("DELETE", "")),
    ] {
        for token in ["", "Authorization: Bearer other\r\n", "Authorization: Basic hidden\r\n"] {
            let answer = engine.connect_and_ask(&from(&request, "localhost", token));
            assert_eq!(answer.status, 401, "{title} {token:?}: {answer:?}");
            assert!(answer.field("WWW-Authenticate").is_some_and(|it| it.starts_with("Bearer")), "{title}: {answer:?}");
        }
        let right = from(&request, "localhost", "Authorization: Bearer hidden\r\n");
        let conn = engine.connect();
        engine.send(conn, right);
        let sent = engine.taken(conn);
        assert!(sent.starts_with("HTTP/1.1 20"), "{title}: {sent}");
        engine.end(conn);
    }
    assert_eq!(engine.engine.sessions(), 1, "the one of the second handshake; the first was ended by who may");
}

#[test]
fn a_body_that_is_not_utf8_is_no_message() {
    // R-SH-4, R-LM-1
    let mut engine = RawEngine::new(server());
    let session = engine.session("2025-11-25");
    for request in [stateless("x-1", "tools/list", json!({})), session.post(&PING.replace('7', "\"x-1\""))] {
        // The id, which is kept as it is.
        let bytes: Vec<u8> = request.bytes().collect();
        let at = bytes.windows(5).rposition(|window| window == b"\"x-1\"").unwrap();
        for wrong in [&b"\xff"[..], b"\xc3", b"\xed\xa0\x80"] {
            let mut bytes = bytes.clone();
            bytes[at + 1..at + 1 + wrong.len()].copy_from_slice(wrong);
            let conn = engine.connect();
            engine.send(conn, &bytes);
            let answer = engine.answer(conn);
            assert_eq!(verdict(&answer), (400, -32700), "{wrong:?}: {answer:?}");
        }
    }
}

#[test]
fn what_one_request_declared_means_nothing_to_the_next_on_its_connection() {
    // R-ST-66, R-LM-33, R-ST-25
    let mut engine = RawEngine::new(server());
    let conn = engine.connect();
    let ask = |capabilities: Value| stateless(1, "tools/call", json!({ "name": "ask", "_meta": meta(capabilities) }));
    for _ in 0..2 {
        let asked = engine.ask(conn, ask(json!({ "elicitation": { "form": {} } })));
        assert_eq!(body(&asked)["result"]["resultType"], "input_required");
        let refused = engine.ask(conn, ask(json!({})));
        assert_eq!(verdict(&refused), (400, -32021), "{refused:?}");
        let required = &body(&refused)["error"]["data"]["requiredCapabilities"];
        assert_eq!(*required, json!({ "elicitation": { "form": {} } }));
    }
    // Nor does a session on the same connection.
    let conn = engine.session_with("2025-11-25", json!({ "elicitation": {} })).conn;
    assert_eq!(verdict(&engine.ask(conn, ask(json!({})))), (400, -32021));
}

#[test]
fn a_feature_that_is_not_offered_has_no_methods_in_either_era() {
    // R-ST-27, R-FS-25, R-FS-32, R-FS-35
    let mut engine = RawEngine::new(server());
    let session = engine.session("2025-11-25");
    let reference = json!({ "type": "ref/prompt", "name": "p" });
    for (method, params) in [
        ("prompts/list", json!({})),
        ("prompts/get", json!({ "name": "p" })),
        ("resources/list", json!({})),
        ("resources/templates/list", json!({})),
        ("resources/read", json!({ "uri": "a:b" })),
        ("completion/complete", json!({ "ref": reference, "argument": { "name": "a", "value": "" } })),
    ] {
        let answer = engine.connect_and_ask(&stateless(1, method, params.clone()));
        assert_eq!(verdict(&answer), (404, -32601), "{method}");
        let answer = engine.post_to(&session, &call(1, method, params));
        assert_eq!(verdict(&answer), (200, -32601), "{method}");
    }
}

#[test]
fn nobody_goes_on_with_the_stream_of_somebody_else() {
    // R-SEC-10, R-SEC-13, R-SH-35: the session and its owner are looked at before the event.
    let mut engine = RawEngine::new(server().bearer("ada").bearer("bob"));
    let open = |engine: &mut RawEngine, token: &'static str| {
        let hello = post(&[("Authorization", token)], &initialize("2025-11-25", json!({})));
        engine.connect_and_ask(&hello).field("Mcp-Session-Id").unwrap().to_owned()
    };
    let (of_ada, of_bob) = (open(&mut engine, "Bearer ada"), open(&mut engine, "Bearer bob"));
    let get = |token: &str, session: &str, event: &str| {
        format!(
            "GET /mcp HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\nAuthorization: {token}\r\n\
             Mcp-Session-Id: {session}\r\n{event}\r\n"
        )
    };
    let conn = engine.connect();
    engine.send(conn, get("Bearer ada", &of_ada, ""));
    let begun = engine.taken(conn);
    let event =
        begun.lines().find(|line| line.starts_with("id: ")).unwrap().replace("id: ", "Last-Event-ID: ") + "\r\n";
    engine.end(conn);
    assert_eq!(engine.connect_and_ask(&get("Bearer bob", &of_ada, &event)).status, 404, "the session of Ada");
    assert_eq!(engine.connect_and_ask(&get("Bearer eve", &of_ada, &event)).status, 401);
    let other = engine.connect();
    engine.send(other, get("Bearer bob", &of_bob, &event));
    let sent = engine.taken(other);
    assert!(!sent.starts_with("HTTP/1.1 200") || !sent.contains("data: {"), "nothing of Ada's: {sent}");
    for (method, body) in [("POST", PING), ("DELETE", "")] {
        let fields = [("Authorization", "Bearer bob"), ("Mcp-Session-Id", of_ada.as_str())];
        let request = post(&fields, body).replacen("POST", method, 1);
        assert_eq!(engine.connect_and_ask(&request).status, 404, "{method}");
    }
    assert_eq!(engine.engine.sessions(), 2);
}

#[test]
fn escapes_make_no_other_request_of_it() {
    // R-LM-46, R-ST-58: PHP writes every slash as `\/`; what is hidden from a search is not hidden from the reader.
    let mut engine = RawEngine::new(server().tool(Tool::new("a"), |_| Ok("done")));
    let plain = stateless(1, "tools/call", json!({ "name": "a" }));
    for (piece, written) in [
        ("io.modelcontextprotocol/", r"io.modelcontextprotocol\/"),
        ("protocolVersion\"", r#"protocol\u0056ersion""#),
        ("clientCapabilities\"", r#"client\u0043apabilities""#),
        ("\"_meta\"", r#""\u005fmeta""#),
        ("\"name\":\"a\"", r#""n\u0061me":"\u0061""#),
        ("2026-07-28\"", r#"2026\u002d07-28""#),
        ("\"tools/call\"", r#""tools\/call""#),
    ] {
        assert!(plain.contains(piece), "{piece} in {plain}");
        let (head, body) = plain.split_once("\r\n\r\n").unwrap();
        let request = with_length(&format!("{head}\r\n\r\n{}", body.replace(piece, written)));
        let answer = engine.connect_and_ask(&request);
        assert_eq!(answer.status, 200, "{written}: {answer:?}");
        assert_eq!(self::body(&answer)["result"]["resultType"], "complete", "{written}");
    }
    // Members that come twice say nothing that two readers would agree on.
    let twice = plain.replace("\"_meta\":{", "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2025-11-25\",");
    assert_eq!(verdict(&engine.connect_and_ask(&with_length(&twice))), (400, -32602));
    assert_eq!(engine.engine.sessions(), 0);
}

/// The request with the length that its body has.
fn with_length(request: &str) -> String {
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let head: Vec<&str> = head.lines().filter(|line| !line.starts_with("Content-Length")).collect();
    format!("{}\r\nContent-Length: {}\r\n\r\n{body}", head.join("\r\n"), body.len())
}

#[test]
fn a_revision_that_is_not_served_is_refused_whatever_is_asked_of_the_session() {
    // R-SH-58, R-SH-60
    let mut engine = RawEngine::new(server());
    let session = engine.session("2025-11-25");
    for version in ["garbage", "", "1.0", "2024-10-07"] {
        let of = |request: String| request.replacen(": 2025-11-25", &format!(": {version}"), 1);
        for (title, request) in [("POST", session.post(PING)), ("GET", session.get(None)), ("DELETE", session.delete())]
        {
            let answer = engine.connect_and_ask(&of(request));
            assert_eq!(answer.status, 400, "{title} in {version:?}: {answer:?}");
        }
    }
    assert_eq!(engine.engine.sessions(), 1);
    assert_eq!(engine.connect_and_ask(&session.post(PING)).status, 200);
}

#[test]
fn no_random_bits_mean_no_session_and_no_bits_come_twice() {
    // R-SH-46, R-SEC-9
    let hello = post(&[], &initialize("2025-11-25", json!({})));
    let now = mcp_core::time::Instant::ZERO;
    let mut without = server().engine(|_| false).unwrap();
    let conn = without.accept(now).unwrap();
    without.received(conn, now, hello.as_bytes());
    assert!(without.output(conn).starts_with(b"HTTP/1.1 503 "));
    assert_eq!(without.sessions(), 0);
    // What stands alone needs none.
    let conn = without.accept(now).unwrap();
    without.received(conn, now, stateless(1, "tools/list", json!({})).as_bytes());
    assert!(without.output(conn).starts_with(b"HTTP/1.1 200 "));

    let mut engine = RawEngine::new(server());
    let mut ids: Vec<String> = (0..20).map(|_| engine.session("2025-11-25").id).collect();
    for id in &ids {
        let answer = engine.connect_and_ask(&post(&[("Mcp-Session-Id", id)], &initialize("2025-11-25", json!({}))));
        assert_eq!(verdict(&answer).1, -32600, "an id that a client brings begins nothing");
    }
    let chosen = engine.connect_and_ask(&post(&[("Mcp-Session-Id", "mine")], &initialize("2025-11-25", json!({}))));
    assert_ne!(chosen.field("Mcp-Session-Id"), Some("mine"));
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 20);
}
