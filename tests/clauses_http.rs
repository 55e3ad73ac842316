//! Clauses about HTTP that hold for every carrier of the server at once: who may send, as whom, and what a request may rest on.

#![allow(clippy::unwrap_used)] // a panic is the report

use mcp_core::types::{CacheScope, LoggingLevel};
use mcp_server_tiny::engine::ConnId;
use mcp_server_tiny::prompt::Prompt;
use mcp_server_tiny::resource::Resource;
use mcp_server_tiny::types::Change;
use mcp_server_tiny::types::{ElicitParams, RequestedSchema, ResourceContents, StringSchema};
use mcp_server_tiny::{Call, Deferred, Later, Server, Tool};
use mcp_tests::raw_engine::RawEngine;
use mcp_tests::raw_http::RawAnswer;
use mcp_tests::raw_streamable::{McpSession, Streamed, call, initialize, meta, post, stateless};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::Duration;

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
fn what_belongs_to_a_request_is_told_on_its_own_stream_and_on_no_other() {
    // R-ST-15, R-ST-42, R-LM-91, R-LM-83: also when all of them chose the same token.
    let held = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&held);
    let server = Server::new("later", "1").tool(Tool::new("later"), move |call: &mut Call<'_>| {
        kept.lock().unwrap().push(call.defer());
        Ok(Later)
    });
    let mut engine = RawEngine::new(server);
    let level = "io.modelcontextprotocol/logLevel";
    let mut loud = meta(json!({}));
    (loud["progressToken"], loud[level]) = (json!("p"), json!("debug"));
    let mut quiet = meta(json!({}));
    quiet["progressToken"] = json!("p");
    let listening = engine.connect();
    let filter = json!({ "notifications": { "toolsListChanged": true }, "_meta": loud });
    engine.send(listening, stateless("l", "subscriptions/listen", filter));
    engine.taken(listening);
    let session = engine.session("2025-11-25");
    let own = engine.listen(&session, None);
    engine.taken(own);
    let conns = [&loud, &quiet].map(|meta| {
        let conn = engine.connect();
        engine.send(conn, stateless(1, "tools/call", json!({ "name": "later", "_meta": meta })));
        conn
    });
    let in_session = json!({ "name": "later", "_meta": { "progressToken": "p" } });
    engine.send(session.conn, session.post(&call(1, "tools/call", in_session)));
    let calls: Vec<Deferred> = held.lock().unwrap().drain(..).collect();
    for (number, call) in (1u32..).zip(&calls) {
        call.progress(f64::from(number), None, None);
        call.log(LoggingLevel::Error, &number);
    }
    for call in calls {
        call.answer(Ok("done"));
    }
    let now = engine.now();
    while engine.engine.deliver_replies(now) {}
    engine.settle();
    for ((number, conn), logs) in (1u32..).zip([conns[0], conns[1], session.conn]).zip([true, false, true]) {
        let messages = engine.streamed(conn).messages();
        let told = |method: &str, member: &str| -> Vec<Value> {
            let of_method = messages.iter().filter(|message| message["method"] == method);
            of_method.map(|message| message["params"][member].clone()).collect()
        };
        assert_eq!(told("notifications/progress", "progress"), [json!(f64::from(number))], "{number}: {messages:?}");
        let expected = if logs { vec![json!(number)] } else { Vec::new() };
        assert_eq!(told("notifications/message", "data"), expected, "{number}: {messages:?}");
        assert_eq!(messages.last().unwrap()["id"], 1);
    }
    assert_eq!((engine.taken(listening), engine.taken(own)), (String::new(), String::new()));
}

#[test]
fn escapes_make_no_other_request_of_it() {
    // R-LM-46, R-ST-58: PHP writes every slash as `\/`; what is hidden from a search is not hidden from the reader.
    let mut engine = RawEngine::new(shelf());
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

/// What a connection was sent of messages with this method, each with the URI in it.
fn told(engine: &mut RawEngine, conn: ConnId, chunked: bool, method: &str) -> Vec<String> {
    let messages = Streamed::parse(&engine.taken(conn), chunked).messages();
    let of_method = messages.iter().filter(|message| message["method"] == method);
    of_method.map(|message| message["params"]["uri"].as_str().unwrap_or("-").to_owned()).collect()
}

#[test]
fn a_changed_resource_is_told_to_who_watches_it_on_every_carrier_and_to_nobody_else() {
    // R-FS-25, R-FS-29, R-SH-22, R-ST-43
    const UPDATED: &str = "notifications/resources/updated";
    let mut engine = RawEngine::new(shelf());
    let over_sse = engine.initialized();
    let [watching, other] = [(); 2].map(|()| engine.session("2025-06-18"));
    let streams = [&watching, &other].map(|session| engine.listen(session, None));
    let alone = engine.connect();
    let filter = json!({ "notifications": { "resourceSubscriptions": ["shelf:a"] } });
    engine.send(alone, stateless("l", "subscriptions/listen", filter));
    engine.post(&over_sse, &call(1, "resources/subscribe", json!({ "uri": "shelf:a" })));
    let answer = engine.post_to(&watching, &call(1, "resources/subscribe", json!({ "uri": "shelf:a" })));
    assert_eq!(body(&answer)["result"], json!({}));
    engine.post_to(&other, &call(1, "resources/subscribe", json!({ "uri": "shelf:b" })));
    for conn in [over_sse.stream, streams[0], streams[1], alone] {
        engine.taken(conn);
    }
    let announce = |engine: &mut RawEngine, uri: &'static str| {
        engine.engine.announce(Change::Resource(uri.into()));
        let now = engine.now();
        while engine.engine.deliver_replies(now) {}
        engine.settle();
        [(over_sse.stream, false), (streams[0], false), (streams[1], false), (alone, true)]
            .map(|(conn, chunked)| told(engine, conn, chunked, UPDATED))
    };
    let only = |uri: &str| vec![uri.to_owned()];
    assert_eq!(announce(&mut engine, "shelf:a"), [only("shelf:a"), only("shelf:a"), vec![], only("shelf:a")]);
    assert_eq!(announce(&mut engine, "shelf:a/1"), [only("shelf:a/1"), only("shelf:a/1"), vec![], only("shelf:a/1")]);
    assert_eq!(announce(&mut engine, "shelf:b"), [vec![], vec![], only("shelf:b"), vec![]]);
    assert_eq!(announce(&mut engine, "shelf:ab"), [const { Vec::<String>::new() }; 4]);
    engine.post_to(&watching, &call(2, "resources/unsubscribe", json!({ "uri": "shelf:a" })));
    engine.post(&over_sse, &call(2, "resources/unsubscribe", json!({ "uri": "shelf:a" })));
    assert_eq!(announce(&mut engine, "shelf:a"), [vec![], vec![], vec![], only("shelf:a")]);
}

#[test]
fn nobody_is_told_of_changes_before_the_handshake_is_over() {
    // R-LM-25, R-LM-31
    const CHANGED: &str = "notifications/tools/list_changed";
    let ready = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
    let announce = |engine: &mut RawEngine| {
        engine.engine.announce(Change::Tools);
        let now = engine.now();
        while engine.engine.deliver_replies(now) {}
        engine.settle();
    };
    let mut engine = RawEngine::new(shelf());
    let over_sse = engine.open();
    announce(&mut engine);
    engine.post(&over_sse, &initialize("2025-03-26", json!({})));
    announce(&mut engine);
    assert_eq!(told(&mut engine, over_sse.stream, false, CHANGED), [""; 0]);
    engine.post(&over_sse, ready);
    announce(&mut engine);
    assert_eq!(told(&mut engine, over_sse.stream, false, CHANGED), ["-"]);

    // Who never says so is ready with its first request (R-LM-31).
    let silent = engine.open();
    engine.post(&silent, &initialize("2025-03-26", json!({})));
    engine.post(&silent, &call(1, "tools/list", json!({})));
    announce(&mut engine);
    assert_eq!(told(&mut engine, silent.stream, false, CHANGED), ["-"]);

    let conn = engine.connect();
    let hello = engine.ask(conn, post(&[], &initialize("2025-11-25", json!({}))));
    let id = hello.field("Mcp-Session-Id").unwrap().to_owned();
    let session = McpSession { conn, id, version: "2025-11-25".into() };
    let stream = engine.listen(&session, None);
    announce(&mut engine);
    assert_eq!(told(&mut engine, stream, false, CHANGED), [""; 0]);
    assert_eq!(engine.post_to(&session, ready).status, 202);
    announce(&mut engine);
    assert_eq!(told(&mut engine, stream, false, CHANGED), ["-"]);
}

#[test]
fn a_level_holds_for_the_session_that_set_it() {
    // R-LM-88, R-LM-90, R-LM-91
    let server = Server::new("logs", "1").tool(Tool::new("log"), |call: &mut Call<'_>| {
        call.log(LoggingLevel::Info, "heard?");
        Ok("logged")
    });
    let mut engine = RawEngine::new(server);
    let [quiet, loud] = [(); 2].map(|()| engine.session("2025-06-18"));
    for (session, level) in [(&quiet, "error"), (&loud, "debug")] {
        let set = engine.post_to(session, &call(1, "logging/setLevel", json!({ "level": level })));
        assert_eq!(body(&set)["result"], json!({}));
        let wrong = engine.post_to(session, &call(2, "logging/setLevel", json!({ "level": "loud" })));
        assert_eq!(verdict(&wrong), (200, -32602));
    }
    let request = call(3, "tools/call", json!({ "name": "log" }));
    engine.send(loud.conn, loud.post(&request));
    let streamed = engine.streamed(loud.conn).messages();
    assert_eq!(
        (&streamed[0]["method"], &streamed[0]["params"]["data"]),
        (&json!("notifications/message"), &json!("heard?"))
    );
    assert_eq!(body(&engine.post_to(&quiet, &request))["id"], 3, "nothing came before it, so that it is JSON");
    // A request that stands alone says so itself, whatever sessions there are.
    let answer = engine.connect_and_ask(&stateless(1, "tools/call", json!({ "name": "log" })));
    assert_eq!(answer.field("Content-Type"), Some("application/json"));
}
