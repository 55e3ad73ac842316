//! Servers that speak JSON without JSON-RPC: a stream of plain events, and requests that are answered in the body of their
//! POST. The two servers here answer exactly as the FastAPI and the Node sketch of the source documents do.
// In helpers too a panic is the report.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use mcp_sse_blocking::events::{EventFilter, Heard};
use mcp_sse_blocking::{Builder, Client, Error, Events, Transport, Via};
use mcp_tests::scripted_peer::{BOUND, Peer, Request, Stream};
use mcp_tests::streamable_peer::StreamableRequest as _;
use serde_json::{Value, json};

const TOOLS: &str = r#"{"tools":[{"name":"get_data","description":"Gets data","inputSchema":{"type":"object","properties":{"id":{"type":"string"}}}}]}"#;
const UPDATE: &str = r#"{"timestamp": 12.3, "event": "data_update", "payload": {"value": 42}}"#;

fn stream_only(url: &str) -> Builder {
    Client::builder(url)
        .transport(Transport::Plain)
        .connect_timeout(Duration::from_secs(5))
        .call_timeout(Duration::from_secs(5))
}

fn builder(url: &str) -> Builder {
    stream_only(url).message_url("/mcp/rpc")
}

/// What the handler of the FastAPI sketch returns, which is sent as JSON with status 200.
fn fastapi(call: &Value) -> String {
    match call["method"].as_str() {
        Some("tools/list") => TOOLS.into(),
        Some("tools/call") => {
            let text = format!("Result for {}", call["params"]["arguments"]["id"]);
            json!({"content": [{"type": "text", "text": text}]}).to_string()
        }
        _ => r#"{"error":"Method not found"}"#.into(),
    }
}

fn answer_as_fastapi(request: &Request) {
    assert_eq!((&*request.method, &*request.target), ("POST", "/mcp/rpc"));
    request.json_status("200 OK", "", &fastapi(&request.json()));
}

/// The answer to `GET /mcp/sse` in both sketches.
fn open_as_fastapi(get: &Request) -> Stream {
    assert_eq!((&*get.method, &*get.target), ("GET", "/mcp/sse"));
    assert_eq!(get.header("accept"), Some("text/event-stream"));
    get.open_with("cache-control: no-cache\r\nconnection: keep-alive\r\naccess-control-allow-origin: *\r\n")
}

/// The next event, which comes at once.
fn event(events: &mut Events) -> mcp_sse_blocking::Event {
    match events.next_within(BOUND).unwrap() {
        Some(Heard::Event(event)) => event,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_fastapi_sketch_is_called_and_heard_as_any_other_server() {
    let peer = Peer::run_plain(|peer| {
        for _ in 0..3 {
            answer_as_fastapi(&peer.request());
        }
        let mut stream = open_as_fastapi(&peer.request());
        stream.raw(format!("data: {UPDATE}\n\n"));
        // Calls go on beside it.
        answer_as_fastapi(&peer.request());
        peer.wait_closed(stream.connection);
    });
    let client = builder(&peer.url("/mcp/sse")).connect().unwrap();
    assert_eq!(client.connection().via, Via::Plain);
    assert_eq!(client.connection().requests, 0, "nothing is asked to connect");
    let tools: Vec<_> = client.tools().map(Result::unwrap).collect();
    assert_eq!((tools.len(), &*tools[0].name), (1, "get_data"));
    let result = client.call("get_data", &json!({"id": "7"})).unwrap();
    assert_eq!(result.all_text(), "Result for \"7\"");
    let refused = client.ping().unwrap_err();
    assert!(matches!(&refused, Error::Rpc(error) if error.code == -32601), "{refused}");
    assert_eq!(refused.to_string(), "the server answered error -32601: Method not found");

    let mut events = client.events("data_update");
    let update = event(&mut events);
    assert_eq!((update.name(), update.event_type(), update.id()), ("data_update", "message", None));
    assert_eq!(update.payload::<Value>().unwrap(), json!({"value": 42}));
    assert_eq!(update.json::<Value>().unwrap()["timestamp"], 12.3);
    assert_eq!(client.call("get_data", &json!({"id": 1})).unwrap().all_text(), "Result for 1");
    drop((events, client));
    peer.finish();
}

#[test]
fn the_node_sketch_says_by_status_500_what_went_wrong() {
    let peer = Peer::run_plain(|peer| {
        let call = peer.request();
        call.json_status("500 Internal Server Error", "X-Powered-By: Express\r\n", r#"{"error":"Tool exploded"}"#);
        let call = peer.request();
        call.json_status("500 Internal Server Error", "", r#"{"error":{"code":"RATE_LIMITED","message":"slow down"}}"#);
        // A page of somebody's who knows nothing of all that.
        let call = peer.request();
        call.answer("HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>");
        peer.request().json_status("401 Unauthorized", "", r#"{"error":"who are you"}"#);
        peer.request().json_status("404 Not Found", "", r#"{"detail":"Not Found"}"#);
        peer.request().json_status("200 OK", "", r#"{"content":[{"type":"text","text":"fine"}]}"#);
    });
    let client = builder(&peer.url("/mcp/sse")).connect().unwrap();
    let call = || client.call("get_data", &json!({})).map(|result| result.all_text());
    assert_eq!(call().unwrap_err().to_string(), "the server answered error -32603: Tool exploded");
    let limited = call().unwrap_err();
    let Error::Rpc(limited) = limited else { panic!("{limited}") };
    assert_eq!(limited.message, "RATE_LIMITED: slow down");
    assert_eq!(limited.data.unwrap().get(), r#"{"code":"RATE_LIMITED","message":"slow down"}"#);
    for code in [502, 401, 404] {
        let refused = call().unwrap_err();
        assert!(matches!(&refused, Error::Status(status) if status.code == code), "{refused}");
    }
    assert_eq!(call().unwrap(), "fine", "the session goes on");
    peer.finish();
}

#[test]
fn a_request_is_sent_without_envelope_and_nothing_else_is_sent() {
    let peer = Peer::run_plain(|peer| {
        let list = peer.request();
        assert_eq!(list.json(), json!({"method": "tools/list"}));
        assert_eq!(list.header("content-type"), Some("application/json"));
        assert_eq!(list.header("authorization"), Some("Bearer hidden"));
        assert_eq!((list.header("mcp-session-id"), list.header("mcp-protocol-version")), (None, None));
        list.json_status("200 OK", "", r#"{"tools":[]}"#);
        let call = peer.request();
        assert_eq!(call.json(), json!({"method": "tools/call", "params": {"name": "slow", "arguments": {"n": 1}}}));
        // No answer: the caller gives up, and there is nobody to tell.
        let last = peer.request();
        assert_eq!(last.json()["params"]["name"], "last");
        last.json_status("200 OK", "", r#"{"content":[]}"#);
        peer.wait_closed(last.connection);
        assert!(peer.is_quiet(), "neither a notification nor a goodbye");
    });
    let client = builder(&peer.url("/mcp/sse")).bearer("hidden").connect().unwrap();
    assert_eq!(client.tools().count(), 0);
    client.notify("notifications/roots/list_changed", &()).unwrap();
    let soon = mcp_sse_blocking::CallOptions::new().timeout(Duration::from_millis(50));
    let late = client.call_with("slow", &json!({"n": 1}), soon).unwrap_err();
    assert!(matches!(late, Error::Timeout(_)), "{late}");
    client.call("last", &json!({})).unwrap();
    drop(client);
    peer.finish();
}

#[test]
fn started_calls_and_tools_without_a_schema_work_as_well() {
    let peer = Peer::run_plain(|peer| {
        peer.request().json_status("200 OK", "", r#"{"tools":[{"name":"bare","description":"says nothing"}]}"#);
        let (one, two) = (peer.request(), peer.request());
        for call in [two, one] {
            let text = call.json()["params"]["arguments"]["n"].to_string();
            call.json_status("200 OK", "", &json!({"content": [{"type": "text", "text": text}]}).to_string());
        }
    });
    let client = builder(&peer.url("/mcp/sse")).connect().unwrap();
    let tool = client.tools().next().unwrap().unwrap();
    assert_eq!(tool.input_schema.get(), r#"{"type":"object"}"#);
    let jobs = [1, 2].map(|n| client.start("bare", &json!({"n": n})).unwrap());
    let texts = jobs.map(|job| job.result().unwrap().all_text());
    assert_eq!(texts, ["1", "2"]);
    peer.finish();
}

#[test]
fn an_answer_that_is_none_is_told_as_such() {
    let peer = Peer::run_plain(|peer| {
        peer.request().json_status("200 OK", "", "{not json");
        peer.request().json_status("200 OK", "", r#"{"content":"none"}"#);
        peer.request().answer("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 0\r\n\r\n");
        peer.request().taken();
    });
    let client = builder(&peer.url("/mcp/sse")).connect().unwrap();
    let mut told = (0..4).map(|_| client.call("x", &json!({})).unwrap_err().to_string());
    assert!(told.next().unwrap().starts_with("the server's answer is no JSON-RPC message: "), "no JSON");
    assert!(told.next().unwrap().starts_with("the result of `tools/call` cannot be read: "), "no result");
    assert_eq!(told.next().unwrap(), "the server answers with an event stream, where JSON was expected");
    assert_eq!(told.next().unwrap(), "the server took the request over but its answer is no reply to it");
    peer.finish();
}

/// A Flask generator, as in the documents: no JSON, no requests.
#[test]
fn a_stream_of_text_without_any_requests_is_heard() {
    let peer = Peer::run_plain(|peer| {
        let mut stream = peer.request().open_unframed();
        for n in 0..3 {
            stream.raw(format!("data: Update {n}\n\n"));
        }
        peer.wait_closed(stream.connection);
    });
    let client = stream_only(&peer.url("/mcp-sse")).connect().unwrap();
    let mut events = client.events(EventFilter::new());
    for n in 0..3 {
        let update = event(&mut events);
        assert_eq!((&*update.text(), update.name()), (&*format!("Update {n}"), "message"));
    }
    let error = client.call("x", &json!({})).unwrap_err();
    assert!(matches!(&error, Error::Usage(problem) if problem.contains("`message_url`")), "{error}");
    drop((events, client));
    peer.finish();
}

#[test]
fn what_cannot_be_with_such_a_server_is_refused_at_once() {
    let refused = |builder: Builder| match builder.connect() {
        Err(Error::Usage(problem)) => problem,
        other => panic!("{other:?}"),
    };
    let url = "http://127.0.0.1:9/mcp/sse";
    assert!(refused(stream_only(url).message_url("ftp://x/")).starts_with("`message_url`: "));
    let version = mcp_sse_blocking::mcp_core::revision::ProtocolVersion::LATEST;
    assert!(refused(builder(url).protocol_version(version)).contains("`Transport::Plain`"));
}
