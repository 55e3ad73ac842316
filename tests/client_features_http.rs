//! The features of the client where HTTP makes a difference: which tools are listed, rounds of input over exchanges, and changes
//! on the streams of a session.

use std::time::Duration;

use mcp_core::types::{ElicitAction, LoggingLevel, Root};
use mcp_sse_blocking::{
    Builder, CallOptions, Change, Client, Delivery, Error, Filter, FormRequest, Missed, Subscription, Transport,
};
use mcp_tests::scripted_peer::{Peer, Request, Running};
use mcp_tests::streamable_peer::{SESSION, StreamablePeer as _, StreamableRequest as _, end_stream};
use serde_json::{Value, json};

const SUBSCRIBABLE: &str = r#"{"protocolVersion":"2025-11-25","capabilities":{"tools":{"listChanged":true},"resources":{"subscribe":true}},"serverInfo":{"name":"scripted","version":"1"}}"#;

fn stateless(url: &str) -> Builder {
    Client::builder(url).transport(Transport::Stateless).call_timeout(Duration::from_secs(5))
}

fn with_session(url: &str) -> Builder {
    Client::builder(url).transport(Transport::StreamableHttp).call_timeout(Duration::from_secs(5))
}

/// A server of 2026-07-28 that was found.
fn discovered<T: Send + 'static>(script: impl FnOnce(&mut Peer) -> T + Send + 'static) -> Running<T> {
    Peer::run(|peer| {
        let found = json!({"supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}, "resources": {}},
            "resultType": "complete", "ttlMs": 0, "cacheScope": "private"});
        peer.expect("server/discover").json_result(&found.to_string());
        script(peer)
    })
}

fn asks(key: &str, request: Value, state: &str) -> String {
    json!({"resultType": "input_required", "inputRequests": {key: request}, "requestState": state}).to_string()
}

fn next(subscription: &mut Subscription) -> Change {
    subscription.next_within(Duration::from_secs(5)).expect("no failure").expect("a change")
}

#[test]
fn a_tool_whose_annotations_break_a_rule_is_left_out_and_the_others_are_called_with_their_headers() {
    // R-ST-48 to R-ST-50
    let tools = json!({"tools": [
        {"name": "right", "inputSchema": {"type": "object", "properties": {"region": {"type": "string", "x-mcp-header": "Region"}}}},
        {"name": "number", "inputSchema": {"type": "object", "properties": {"a": {"type": "number", "x-mcp-header": "A"}}}},
        {"name": "twice", "inputSchema": {"type": "object", "properties": {"a": {"type": "string", "x-mcp-header": "A"},
            "b": {"type": "string", "x-mcp-header": "a"}}}},
        {"name": "plain", "inputSchema": {"type": "object"}}],
        "resultType": "complete", "ttlMs": 60000, "cacheScope": "private"});
    let peer = discovered(move |peer| {
        peer.expect("tools/list").json_result(&tools.to_string());
        let call = peer.expect("tools/call");
        assert_eq!(call.header("mcp-param-region"), Some("north"));
        call.json_text("done");
    });
    let client = stateless(&peer.url("/mcp")).connect().unwrap();
    // The second time they come from what was kept.
    for _ in 0..2 {
        assert_eq!(client.tools().map(|tool| tool.unwrap().name).collect::<Vec<_>>(), ["right", "plain"]);
    }
    client.call("right", &json!({"region": "north"})).unwrap();
    peer.finish();
}

#[test]
fn annotations_mean_nothing_in_a_session() {
    // R-ST-49: other transports may ignore them.
    let peer = Peer::run(|peer| {
        peer.shake_streamable();
        let schema = json!({"type": "object", "properties": {"a": {"type": "number", "x-mcp-header": "A"}}});
        let tools = json!({"tools": [{"name": "number", "inputSchema": schema}]});
        peer.expect("tools/list").json_result(&tools.to_string());
        peer.request().taken();
    });
    let client = with_session(&peer.url("/mcp")).connect().unwrap();
    assert_eq!(client.tools().count(), 1);
    drop(client);
    peer.finish();
}

#[test]
fn rounds_are_exchanges_whose_answers_may_be_json_or_streams() {
    // R-LM-67 to R-LM-69, R-LM-74
    let form = json!({"message": "sure?", "requestedSchema": {"type": "object",
        "properties": {"confirmed": {"type": "boolean", "default": true}}}});
    let serve = move |peer: &mut Peer| {
        let first = peer.expect("tools/call");
        first.json_result(&asks("sure", json!({"method": "elicitation/create", "params": form}), "{\"a\": 1}"));
        let second = peer.expect("tools/call");
        assert_ne!(first.id(), second.id());
        let params = &second.json()["params"];
        assert_eq!(params["inputResponses"], json!({"sure": {"action": "accept", "content": {"confirmed": true}}}));
        assert_eq!(params["requestState"], "{\"a\": 1}");
        assert_eq!(second.header("mcp-name"), Some("x"));
        let mut stream = second.open();
        let token = &params["_meta"]["progressToken"];
        let progress = json!({"progressToken": token, "progress": 1});
        if !token.is_null() {
            stream.message(
                &json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": progress}).to_string(),
            );
        }
        stream.reply(&second, &asks("where", json!({"method": "roots/list"}), "2"));
        end_stream(&second);
        let third = peer.expect("tools/call");
        assert_eq!(third.json()["params"]["inputResponses"], json!({"where": {"roots": [{"uri": "file:///w"}]}}));
        third.json_text("done");
    };
    let again = serve.clone();
    let peer = discovered(move |peer| {
        serve(peer);
        again(peer);
    });
    let client = stateless(&peer.url("/mcp"))
        .on_elicitation(FormRequest::accept_defaults)
        .on_url_elicitation(|_| ElicitAction::Cancel)
        .roots([Root::new("file:///w")])
        .connect()
        .unwrap();
    assert_eq!(client.call("x", &()).unwrap().all_text(), "done");
    // A started call has progress of its attempts.
    let mut job = client.start("x", &()).unwrap();
    assert_eq!(job.next().unwrap().progress, 1.0);
    assert_eq!(job.result().unwrap().all_text(), "done");
    peer.finish();
}

#[test]
fn a_call_that_may_be_made_twice_is_made_again_when_its_answer_was_lost() {
    // R-ST-33
    let peer = discovered(|peer| {
        let first = peer.expect("tools/call");
        first.open().cut();
        let again = peer.expect("tools/call");
        assert_ne!(first.id(), again.id());
        again.json_text("done");
        // Any other is not.
        peer.expect("tools/call").open().cut();
        peer.expect("tools/list").json_result(r#"{"tools":[]}"#);
    });
    let client = stateless(&peer.url("/mcp")).connect().unwrap();
    let result = client.call_with("x", &(), CallOptions::new().idempotent()).unwrap();
    assert_eq!(result.all_text(), "done");
    let error = client.call("x", &()).unwrap_err();
    assert_eq!(error.delivery(), Some(Delivery::Sent), "{error}");
    assert_eq!(client.tools().count(), 0);
    peer.finish();
}

fn get(peer: &mut Peer) -> Request {
    let get = peer.request();
    assert_eq!(get.method, "GET", "{get:?}");
    get
}

#[test]
fn in_a_session_changes_come_on_its_own_stream_and_one_that_broke_says_so() {
    // R-SH-19, R-FS-29
    let peer = Peer::run(|peer| {
        peer.shake_streamable_as(&format!("Mcp-Session-Id: {SESSION}\r\n"), SUBSCRIBABLE);
        // Opened because somebody listens, before anything is asked for.
        let mut stream = get(peer).open();
        let subscribe = peer.expect("resources/subscribe");
        subscribe.json_result("{}");
        stream.message(r#"{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"file:///a"}}"#);
        stream.cut();
        let mut stream = get(peer).open();
        stream.message(r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#);
        peer.expect("resources/unsubscribe").json_result("{}");
    });
    let client = with_session(&peer.url("/mcp")).connect().unwrap();
    let mut subscription = client.listen(Filter::new().tools().resource("file:///a")).unwrap();
    assert_eq!(next(&mut subscription), Change::Resource("file:///a".into()));
    assert_eq!(next(&mut subscription), Change::Missed(Missed::Reconnected));
    assert_eq!(next(&mut subscription), Change::Tools);
    drop(subscription);
    peer.finish();
}

#[test]
fn a_new_session_is_told_what_the_lost_one_was_told() {
    // R-SH-51, R-SH-24, R-LM-90
    let peer = Peer::run(|peer| {
        peer.shake_streamable_as(&format!("Mcp-Session-Id: {SESSION}\r\n"), SUBSCRIBABLE);
        get(peer).status("405 Method Not Allowed", "");
        peer.expect("resources/subscribe").json_result("{}");
        peer.expect("logging/setLevel").json_result("{}");
        peer.expect("tools/call").status("404 Not Found", "");
        peer.shake_streamable_as("Mcp-Session-Id: another\r\n", SUBSCRIBABLE);
        // In any order: the call, the stream that is tried once more, and what is subscribed to again.
        let mut seen = Vec::new();
        while seen.len() < 3 {
            let request = peer.request();
            match (request.method.as_str(), request.message_method_or_empty().as_str()) {
                ("GET", _) => request.status("405 Method Not Allowed", ""),
                ("POST", "tools/call") => {
                    seen.push("call");
                    request.json_text("done");
                }
                ("POST", "logging/setLevel") => {
                    assert_eq!(request.json()["params"], json!({"level": "debug"}));
                    seen.push("level");
                    request.json_result("{}");
                }
                ("POST", "resources/subscribe") => {
                    assert_eq!(request.header("mcp-session-id"), Some("another"));
                    seen.push("subscribe");
                    request.json_result("{}");
                }
                other => panic!("{other:?}"),
            }
        }
    });
    let client = with_session(&peer.url("/mcp")).connect().unwrap();
    let mut subscription = client.listen(Filter::new().resource("file:///a")).unwrap();
    client.set_log_level(LoggingLevel::Debug).unwrap();
    assert_eq!(client.call("x", &()).unwrap().all_text(), "done");
    assert_eq!(next(&mut subscription), Change::Missed(Missed::Reconnected));
    peer.finish();
}

/// What a request with a body says, and a request without says nothing.
trait MessageMethod {
    fn message_method_or_empty(&self) -> String;
}

impl MessageMethod for Request {
    fn message_method_or_empty(&self) -> String {
        if self.body.is_empty() { String::new() } else { self.message_method() }
    }
}

#[test]
fn a_call_that_closing_ends_says_so_though_its_server_ends_its_stream_first() {
    // The TypeScript SDK ends the streams of a session when it is told that the session ends (R-SH-52).
    let peer = Peer::run(|peer| {
        peer.shake_streamable();
        let call = peer.expect("tools/call");
        let mut stream = call.open();
        let progress = json!({"progressToken": call.json()["params"]["_meta"]["progressToken"], "progress": 1});
        stream.message(&json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": progress}).to_string());
        let mut goodbye = peer.request();
        while goodbye.method != "DELETE" {
            goodbye.taken();
            goodbye = peer.request();
        }
        stream.end();
        goodbye.answer("HTTP/1.1 204 No Content\r\n\r\n");
    });
    let (begun, told) = crossbeam_channel::bounded(1);
    let client = with_session(&peer.url("/mcp")).connect().unwrap();
    let caller = client.clone();
    let calling = std::thread::spawn(move || {
        caller.call_with("slow", &(), CallOptions::new().on_progress(|_| begun.send(()).unwrap()))
    });
    told.recv_timeout(Duration::from_secs(5)).unwrap();
    client.close();
    assert!(matches!(calling.join().unwrap(), Err(Error::Closed(_))));
    peer.finish();
}
