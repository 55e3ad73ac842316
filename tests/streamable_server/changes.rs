//! What a server says without being asked: changes, in every era, and questions to clients (R-ST, section E; R-SH, sections D and E).

use super::*;
use mcp_server_tiny::Resource;
use mcp_server_tiny::types::method::Method;
use mcp_server_tiny::types::subscriptions::Change;

/// A tool that says that the tools are others now.
fn announcing() -> Server {
    server().tool(Tool::new("change"), |call: &mut Call<'_>| {
        call.announce(Change::Tools);
        Ok("changed")
    })
}

fn listen(id: impl Into<Value>, wanted: Value) -> String {
    stateless(id, "subscriptions/listen", json!({ "notifications": wanted }))
}

fn subscription(message: &Value) -> &Value {
    &message["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"]
}

#[test]
fn a_subscription_is_acknowledged_first_and_then_told_what_it_asked_for() {
    // R-ST-39 to R-ST-43
    let mut engine = RawEngine::new(announcing());
    for id in [json!(1_795_171_200_000_u64), json!("1"), json!(1)] {
        let conn = engine.connect();
        engine.send(conn, listen(id.clone(), json!({ "toolsListChanged": true, "promptsListChanged": true })));
        let begun = engine.streamed(conn);
        assert!(begun.head.contains("text/event-stream"), "{begun:?}");
        let acknowledged = &begun.messages()[0];
        assert_eq!(acknowledged["method"], "notifications/subscriptions/acknowledged");
        assert_eq!(
            acknowledged["params"]["notifications"],
            json!({ "toolsListChanged": true }),
            "there are no prompts"
        );
        assert_eq!(subscription(acknowledged), &id, "same JSON type");
        engine.connect_and_ask(&stateless(2, "tools/call", tool("change")));
        let told = engine.streamed(conn).messages();
        assert_eq!(told.len(), 1);
        assert_eq!(
            (&told[0]["method"], subscription(&told[0])),
            (&json!(Method::NotificationsToolsListChanged.name()), &id)
        );
        assert!(engine.engine.connections() >= 1);
    }
}

#[test]
fn who_asked_for_something_else_is_told_nothing() {
    // R-ST-42
    let mut engine = RawEngine::new(announcing());
    let conn = engine.connect();
    engine.send(conn, listen(1, json!({ "promptsListChanged": true })));
    engine.taken(conn);
    engine.connect_and_ask(&stateless(2, "tools/call", tool("change")));
    assert_eq!(engine.taken(conn), "");
    engine.pass(Duration::from_secs(46));
    assert_eq!(engine.streamed(conn).comments, 3, "R-ST-19");
}

#[test]
fn subscriptions_end_with_their_connection_or_with_a_result() {
    // R-ST-34, R-ST-45
    let mut engine = RawEngine::new(announcing());
    let (gone, stays) = (engine.connect(), engine.connect());
    for conn in [gone, stays] {
        engine.send(conn, listen("l", json!({ "toolsListChanged": true })));
        engine.taken(conn);
    }
    engine.end(gone);
    assert!(engine.is_closed(gone));
    let now = engine.now();
    engine.engine.stop(now);
    engine.settle();
    let rest = engine.streamed(stays);
    assert!(rest.is_over);
    let result = &rest.messages()[0];
    assert_eq!(result["id"], "l");
    assert_eq!(result["result"]["resultType"], "complete");
    assert_eq!(result["result"]["_meta"]["io.modelcontextprotocol/subscriptionId"], "l");
    engine.end(stays);
    assert!(engine.engine.is_stopped());
}

#[test]
fn subscriptions_are_bounded() {
    // R-ST-46, R-SEC-7
    let server = announcing().resource(Resource::text("a:b", "b", "c")).limits(|limits| limits.subscriptions = 2);
    let mut engine = RawEngine::new(server.message_limits(|limits| limits.subscription_bytes = 500));
    let conns = [(); 2].map(|()| {
        let conn = engine.connect();
        engine.send(conn, listen(1, json!({ "toolsListChanged": true })));
        conn
    });
    let refused = engine.connect_and_ask(&listen(3, json!({})));
    assert_eq!(verdict(&refused), (200, -32603));
    engine.end(conns[0]);
    let long = json!({ "resourceSubscriptions": ["a".repeat(501)] });
    assert_eq!(verdict(&engine.connect_and_ask(&listen(3, long))), (400, -32602));
    let conn = engine.connect();
    engine.send(conn, listen(3, json!({})));
    assert_eq!(engine.streamed(conn).messages().len(), 1);
    let without = stateless(4, "subscriptions/listen", json!({}));
    engine.end(conn);
    assert_eq!(verdict(&engine.connect_and_ask(&without)), (400, -32602));
}

#[test]
fn a_change_is_told_once_to_each_session_on_its_own_stream() {
    // R-SH-22, R-SH-23, R-SH-27
    let mut engine = RawEngine::new(announcing());
    let over_sse = engine.initialized();
    let [listening, deaf] = [(); 2].map(|()| engine.session("2025-11-25"));
    let stream = engine.listen(&listening, None);
    engine.taken(stream);
    let answer = engine.post_to(&listening, &call(1, "tools/call", tool("change")));
    assert_eq!(text(&json(&answer.body)), "changed", "not on the stream of the call");
    let told = Streamed::parse(&engine.taken(stream), false);
    let changed = json!({ "jsonrpc": "2.0", "method": "notifications/tools/list_changed", "params": {} });
    assert_eq!(told.messages(), std::slice::from_ref(&changed));
    assert_eq!(Streamed::parse(&engine.taken(over_sse.stream), false).messages(), [changed]);
    let late = engine.listen(&deaf, None);
    assert!(Streamed::parse(&engine.taken(late), false).messages().is_empty(), "nobody listened then");
}

#[test]
fn what_changed_while_the_stream_was_cut_off_is_told_to_who_comes_back() {
    // R-SH-33, R-SH-34
    let mut engine = RawEngine::new(announcing());
    let session = engine.session("2025-11-25");
    let stream = engine.listen(&session, None);
    let begun = Streamed::parse(&engine.taken(stream), false);
    engine.end(stream);
    engine.connect_and_ask(&stateless(1, "tools/call", tool("change")));
    let stream = engine.listen(&session, begun.events[0].id.as_deref());
    let told = Streamed::parse(&engine.taken(stream), false);
    assert_eq!(told.messages().len(), 1);
    engine.connect_and_ask(&stateless(1, "tools/call", tool("change")));
    assert_eq!(Streamed::parse(&engine.taken(stream), false).messages().len(), 1, "and it goes on");
    let again = engine.listen(&session, told.events[0].id.as_deref());
    assert!(engine.is_closed(stream), "who comes back takes the place of the old connection");
    assert_eq!(Streamed::parse(&engine.taken(again), false).messages().len(), 1);
    let unknown = engine.listen(&session, Some("0-99"));
    assert_eq!(engine.answer(unknown).status, 400);
}

#[test]
fn the_owner_of_the_bytes_may_announce_a_change() {
    let mut engine = RawEngine::new(announcing());
    let conn = engine.connect();
    engine.send(conn, listen(1, json!({ "toolsListChanged": true })));
    engine.taken(conn);
    engine.engine.announce(Change::Tools);
    engine.engine.announce(Change::Tools);
    deliver(&mut engine);
    assert_eq!(engine.streamed(conn).messages().len(), 1, "told once");
}

#[test]
fn a_question_goes_on_the_stream_of_its_call_and_the_answer_comes_as_a_post() {
    // R-SH-13, R-SH-17, R-SH-27
    for version in ["2025-06-18", "2025-11-25"] {
        let mut engine = RawEngine::new(server());
        let session = engine.session_with(version, json!({ "elicitation": {} }));
        let stream = engine.listen(&session, None);
        engine.taken(stream);
        engine.send(session.conn, session.post(&call(1, "tools/call", tool("ask"))));
        let asked = engine.streamed(session.conn);
        assert!(!asked.is_over);
        let question = asked.messages().remove(0);
        assert_eq!(question["method"], "elicitation/create", "{version}");
        let result = json!({ "action": "accept", "content": { "name": "Ada" } });
        let reply = json!({ "jsonrpc": "2.0", "id": question["id"], "result": result }).to_string();
        let accepted = engine.connect_and_ask(&session.post(&reply));
        assert_eq!((accepted.status, accepted.body.as_str()), (202, ""));
        let rest = engine.streamed(session.conn);
        assert!(rest.is_over);
        assert_eq!(text(&rest.messages()[0]), "hello, Ada");
        assert_eq!(engine.connect_and_ask(&session.post(&reply)).status, 202, "twice is harmless");
        assert_eq!(engine.taken(stream), "", "nothing of it on the other stream");
    }
}

#[test]
fn a_question_reaches_a_client_of_http_sse_as_well() {
    // R-SSE-25
    let mut engine = RawEngine::new(server());
    let session = engine.open();
    engine.post(&session, &initialize("2025-06-18", json!({ "elicitation": {} })));
    engine.post(&session, r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#);
    engine.taken(session.stream);
    engine.post(&session, &call(1, "tools/call", tool("ask")));
    let question = Streamed::parse(&engine.taken(session.stream), false).messages().remove(0);
    let result = json!({ "action": "accept", "content": { "name": "Ada" } });
    engine.post(&session, &json!({ "jsonrpc": "2.0", "id": question["id"], "result": result }).to_string());
    assert_eq!(text(&Streamed::parse(&engine.taken(session.stream), false).messages()[0]), "hello, Ada");
}

#[test]
fn a_question_that_is_not_answered_in_time_ends_its_call() {
    // R-LM-29
    let mut engine = RawEngine::new(server());
    let session = engine.session_with("2025-11-25", json!({ "elicitation": {} }));
    engine.send(session.conn, session.post(&call(1, "tools/call", tool("ask"))));
    engine.taken(session.conn);
    engine.pass(Duration::from_secs(301));
    let streamed = engine.streamed(session.conn);
    assert!(streamed.is_over, "{streamed:?}");
    let messages = streamed.messages();
    assert_eq!(messages.last().unwrap()["id"], 1);
}

#[test]
fn a_call_that_is_given_up_takes_its_question_back() {
    // R-LM-77, R-LM-78
    let mut engine = RawEngine::new(server());
    let session = engine.session_with("2025-11-25", json!({ "elicitation": {} }));
    engine.send(session.conn, session.post(&call(1, "tools/call", tool("ask"))));
    let question = engine.streamed(session.conn).messages().remove(0);
    let cancel = r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#;
    engine.connect_and_ask(&session.post(cancel));
    let streamed = engine.streamed(session.conn);
    assert!(streamed.is_over);
    let [withdrawn] = &streamed.messages()[..] else { panic!("{streamed:?}") };
    assert_eq!(
        (&withdrawn["method"], &withdrawn["params"]["requestId"]),
        (&json!("notifications/cancelled"), &question["id"])
    );
}
