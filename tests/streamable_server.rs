//! The server over Streamable HTTP, clause by clause: its engine, under a clock that the test moves.

use std::time::Duration;

use mcp_server_tiny::{Call, Server, Tool};
use mcp_tests::raw_engine::RawEngine;
use mcp_tests::raw_streamable::{Streamed, call, initialize, post, request, stateless};
use serde_json::{Value, json};

fn server() -> Server {
    Server::new("test", "1.0.0")
        .tool(Tool::new("echo").param::<String>("text", "what"), |call: &mut Call<'_>| {
            Ok(call.arg::<&str>("text")?.to_owned())
        })
        .tool(Tool::new("steps"), |call: &mut Call<'_>| {
            for step in 1..=3 {
                call.progress(f64::from(step), Some(3.0), None);
            }
            Ok("done")
        })
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| panic!("no JSON: {text:?}"))
}

#[test]
fn a_request_that_stands_alone_is_answered_with_json_on_a_connection_that_stays() {
    // R-ST-14, R-ST-21, R-ST-66
    let mut engine = RawEngine::new(server());
    let conn = engine.connect();
    for id in [json!(1), json!("1"), json!(-7), json!("ü\"\\")] {
        let arguments = json!({ "name": "echo", "arguments": { "text": "hello" } });
        let answer = engine.ask(conn, stateless(id.clone(), "tools/call", arguments));
        assert_eq!((answer.status, answer.field("Content-Type")), (200, Some("application/json")), "{answer:?}");
        let body = json(&answer.body);
        assert_eq!(body["id"], id);
        assert_eq!(body["result"]["content"][0]["text"], "hello");
        assert_eq!(body["result"]["resultType"], "complete");
        assert_eq!(body["result"]["_meta"]["io.modelcontextprotocol/serverInfo"]["name"], "test");
        assert_eq!(answer.field("Mcp-Session-Id"), None, "R-ST-4");
    }
    assert_eq!(engine.engine.sessions(), 0);
}

#[test]
fn a_session_begins_with_initialize_and_answers_with_json() {
    // R-SH-9, R-SH-45, R-SH-47, R-SH-8
    for version in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] {
        let mut engine = RawEngine::new(server());
        let session = engine.session(version);
        assert!(session.id.bytes().all(|byte| (0x21..=0x7e).contains(&byte)), "{}", session.id);
        let arguments = json!({ "name": "echo", "arguments": { "text": "hello" } });
        let answer = engine.post_to(&session, &call(1, "tools/call", arguments));
        assert_eq!((answer.status, answer.field("Content-Type")), (200, Some("application/json")), "{answer:?}");
        let body = json(&answer.body);
        assert_eq!((&body["id"], &body["result"]["content"][0]["text"]), (&json!(1), &json!("hello")));
        assert_eq!(body["result"].get("resultType"), None, "no member of a later revision");
        assert_eq!(engine.engine.sessions(), 1);
    }
}

#[test]
fn what_a_handler_reports_makes_the_answer_an_event_stream() {
    // R-ST-14, R-ST-15, R-ST-17, R-ST-18, R-ST-20, R-SH-12, R-SH-13, R-SH-15
    let mut engine = RawEngine::new(server());
    let conn = engine.connect();
    let params = json!({ "name": "steps", "_meta": {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
        "progressToken": "p",
    }});
    for _ in 0..2 {
        engine.send(conn, stateless(5, "tools/call", params.clone()));
        let streamed = engine.streamed(conn);
        assert!(streamed.head.contains("text/event-stream") && streamed.head.contains("X-Accel-Buffering: no"));
        assert!(streamed.is_over, "the stream ends and the connection stays");
        let messages = streamed.messages();
        assert_eq!(messages.len(), 4, "{messages:?}");
        for (step, message) in (1..=3).zip(&messages) {
            assert_eq!(message["method"], "notifications/progress");
            assert_eq!(message["params"], json!({ "progressToken": "p", "progress": f64::from(step), "total": 3.0 }));
        }
        assert_eq!((&messages[3]["id"], &messages[3]["result"]["content"][0]["text"]), (&json!(5), &json!("done")));
        assert!(streamed.events.iter().all(|event| event.id.is_none()), "R-ST-20");
    }
    assert_eq!(engine.engine.connections(), 1);
}

#[test]
fn events_of_a_session_have_ids_and_the_first_is_empty_where_clients_know_that() {
    // R-SH-29, R-SH-30, R-SH-38, R-SH-43
    for (version, has_priming) in [("2025-03-26", false), ("2025-06-18", false), ("2025-11-25", true)] {
        let mut engine = RawEngine::new(server());
        let session = engine.session(version);
        let mut ids = Vec::new();
        for id in [7, 8] {
            let params = json!({ "name": "steps", "_meta": { "progressToken": id } });
            engine.send(session.conn, session.post(&call(id, "tools/call", params)));
            let streamed = engine.streamed(session.conn);
            assert!(streamed.head.contains(&format!("Mcp-Session-Id: {}", session.id)));
            assert!(streamed.is_over);
            let first = &streamed.events[0];
            assert_eq!(first.data.is_empty(), has_priming, "{version}: {first:?}");
            assert_eq!(streamed.messages().len(), 4);
            ids.extend(streamed.events.into_iter().map(|event| event.id.expect("every event has an id")));
        }
        let count = ids.len();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), count, "unique over all streams of the session");
    }
}

#[test]
fn an_answer_is_resumed_from_any_event_on() {
    // R-SH-31 to R-SH-36
    let mut engine = RawEngine::new(server());
    let session = engine.session("2025-11-25");
    let params = json!({ "name": "steps", "_meta": { "progressToken": 1 } });
    engine.send(session.conn, session.post(&call(1, "tools/call", params)));
    let streamed = engine.streamed(session.conn);
    for (at, event) in streamed.events.iter().enumerate() {
        let conn = engine.listen(&session, event.id.as_deref());
        let rest = engine.streamed(conn);
        assert_eq!(rest.events, streamed.events[at + 1..], "each once, in order, without those of other streams");
        assert!(rest.is_over);
    }
    for id in ["", "x", "1", "9-1", "1-1 ", "01-1", "0-1"] {
        let conn = engine.listen(&session, Some(id));
        let answer = engine.answer(conn);
        assert_eq!(answer.status, if id == "1-1 " { 200 } else { 400 }, "{id:?} {answer:?}");
    }
    engine.pass(Duration::from_secs(61));
    let conn = engine.listen(&session, streamed.events[0].id.as_deref());
    assert_eq!(engine.answer(conn).status, 400, "`timeouts.replay` is over");
}

#[test]
fn a_session_has_one_stream_of_its_own() {
    // R-SH-19, R-SH-21, R-SH-28, R-SH-24
    let mut engine = RawEngine::new(server());
    let session = engine.session("2025-11-25");
    let conn = engine.listen(&session, None);
    let streamed = engine.streamed(conn);
    assert!(streamed.head.starts_with("HTTP/1.1 200 OK") && streamed.head.contains("text/event-stream"));
    assert_eq!(streamed.events[0].data, "");
    let second = engine.listen(&session, None);
    assert_eq!(engine.answer(second).status, 409);
    engine.end(conn);
    assert!(engine.is_closed(conn));
    assert_eq!(engine.engine.sessions(), 1, "the session goes on");
    let third = engine.listen(&session, None);
    assert!(engine.streamed(third).head.starts_with("HTTP/1.1 200 OK"));
    engine.pass(Duration::from_secs(46));
    assert_eq!(Streamed::parse(&engine.taken(third), false).comments, 3, "a comment every 15 seconds");
}

#[test]
fn a_session_is_ended_by_its_client_and_then_unknown() {
    // R-SH-48, R-SH-49, R-SH-50, R-SH-52
    let mut engine = RawEngine::new(server());
    let session = engine.session("2025-11-25");
    let stream = engine.listen(&session, None);
    let ping = call(1, "ping", json!({}));
    assert_eq!(engine.post_to(&session, &ping).status, 200);
    assert_eq!(engine.ask(session.conn, post(&[], &ping)).status, 400, "no session named");
    assert_eq!(engine.ask(session.conn, session.delete()).status, 204);
    assert!(engine.is_closed(stream));
    assert_eq!(engine.engine.sessions(), 0);
    for gone in [session.post(&ping), session.get(None), session.delete()] {
        assert_eq!(engine.ask(session.conn, gone).status, 404);
    }
    assert_eq!(engine.ask(session.conn, request("GET", &[], "")).status, 400);
    assert_eq!(engine.ask(session.conn, request("DELETE", &[], "")).status, 400);
    assert_eq!(engine.ask(session.conn, request("PUT", &[], "")).status, 405);
    let _ = initialize;
}
