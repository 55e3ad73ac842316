//! What the log must say, and what it must not, over Streamable HTTP in both eras. A program has one logger, so that these tests
//! have a program of their own; see also `secrets.rs`.

#![allow(clippy::unwrap_used)] // a panic is the report

use std::sync::Mutex;
use std::time::Duration;

use log::{LevelFilter, Log, Metadata, Record};
use mcp_server_tiny::{Call, Server, Tool};
use mcp_sse_blocking::{CallOptions, Client, Transport};
use mcp_tests::scripted_peer::Peer;
use mcp_tests::streamable_peer::{RESULT_2025, StreamablePeer as _, StreamableRequest as _};
use serde_json::json;

/// Every line of ours.
static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());

struct Collector;

impl Log for Collector {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        if record.target().starts_with("mcp") {
            let line = format!("{} {}: {}", record.level(), record.target(), record.args());
            LINES.lock().unwrap().push(line);
        }
    }

    fn flush(&self) {}
}

fn listening_to_the_log() {
    // The first test sets it.
    let _ = log::set_logger(&Collector);
    log::set_max_level(LevelFilter::Trace);
}

fn lines() -> Vec<String> {
    LINES.lock().unwrap().clone()
}

#[test]
fn a_tool_that_is_left_out_is_named_with_the_reason() {
    // R-ST-48, R-ST-49: one tool for each way to be wrong, and two that are right.
    listening_to_the_log();
    let leaf = |kind: &str, mark: serde_json::Value| json!({ "type": kind, "x-mcp-header": mark });
    let with = |properties: serde_json::Value| json!({ "type": "object", "properties": properties });
    let broken = [
        ("wrong_type", with(json!({ "a": leaf("number", json!("A")) }))),
        ("no_text", with(json!({ "a": leaf("string", json!(7)) }))),
        ("empty", with(json!({ "a": leaf("string", json!("")) }))),
        ("no_token", with(json!({ "a": leaf("string", json!("A B")) }))),
        ("control", with(json!({ "a": leaf("string", json!("A\r\nX: 1")) }))),
        ("twice", with(json!({ "a": leaf("string", json!("A")), "b": leaf("integer", json!("a")) }))),
        ("in_items", with(json!({ "a": { "type": "array", "items": leaf("string", json!("A")) } }))),
        ("in_one_of", with(json!({ "a": { "oneOf": [leaf("string", json!("A"))] } }))),
    ];
    let right = [
        ("nested", with(json!({ "a": with(json!({ "b": leaf("boolean", json!("Method")) })) }))),
        ("plain", json!({ "type": "object" })),
    ];
    let names: Vec<&str> = broken.iter().map(|(name, _)| *name).collect();
    let tools: Vec<_> =
        broken.iter().chain(&right).map(|(name, schema)| json!({ "name": name, "inputSchema": schema })).collect();
    let page = json!({ "tools": tools, "resultType": "complete", "ttlMs": 0, "cacheScope": "private" }).to_string();
    let peer = Peer::run(move |peer| {
        let found = r#"{"supportedVersions":["2026-07-28"],"capabilities":{"tools":{}},"resultType":"complete"}"#;
        peer.expect("server/discover").json_result(found);
        peer.expect("tools/list").json_result(&page);
    });
    let builder = Client::builder(&peer.url("/mcp")).transport(Transport::Stateless);
    let client = builder.call_timeout(Duration::from_secs(5)).connect().unwrap();
    let listed: Vec<String> = client.tools().map(|tool| tool.unwrap().name).collect();
    assert_eq!(listed, ["nested", "plain"]);
    peer.finish();
    for name in names {
        let said: Vec<String> = lines()
            .into_iter()
            .filter(|line| line.starts_with("WARN") && line.contains(&format!("`{name}`")))
            .collect();
        assert!(said.len() == 1 && said[0].contains("left out: ") && !said[0].contains('\r'), "{name}: {said:?}");
    }
}

#[test]
fn a_tool_that_cannot_be_read_costs_no_other_and_is_told() {
    listening_to_the_log();
    let tools = r#"{"tools":[{"name":"a","inputSchema":{}},{"name":"strange one","inputSchema":{},"title":7},{"name":"c","inputSchema":{}}]}"#;
    let peer = Peer::run(move |peer| {
        peer.shake_streamable_as("", RESULT_2025);
        peer.expect("tools/list").json_result(tools);
    });
    let builder = Client::builder(&peer.url("/mcp")).transport(Transport::StreamableHttp);
    let client = builder.call_timeout(Duration::from_secs(5)).connect().unwrap();
    let listed: Vec<String> = client.tools().map(|tool| tool.unwrap().name).collect();
    assert_eq!(listed, ["a", "c"]);
    peer.finish();
    let is_told = |line: &String| line.starts_with("WARN") && line.contains("`tools/list`: 1 entry left out");
    assert_eq!(lines().iter().filter(|line| is_told(line)).count(), 1);
}

#[test]
fn neither_sessions_nor_credentials_are_logged_at_any_level() {
    // R-SH-54, R-SEC-9, R-SEC-28: whole sessions, calls that stand alone, refusals and losses.
    listening_to_the_log();
    let server = Server::new("secrets", "1.0.0").bearer("hunter2").tool(Tool::new("steps"), |call: &mut Call<'_>| {
        call.progress(1.0, None, None);
        Ok("done")
    });
    let bound = server.bind("127.0.0.1:0").unwrap();
    let (url, handle) = (format!("http://{}/mcp?key=hunter2", bound.local_addr()), bound.handle());
    let running = std::thread::spawn(move || bound.run());
    let builder = |url: &str, transport| {
        let builder = Client::builder(url).transport(transport).header("X-Api-Key", "hunter2");
        builder.on_notification(|_, _| ()).call_timeout(Duration::from_secs(10))
    };
    for transport in [Transport::StreamableHttp, Transport::Stateless] {
        let client = builder(&url, transport).bearer("hunter2").connect().unwrap();
        client.ping().unwrap();
        let mut steps = 0;
        client.call_with("steps", &(), CallOptions::new().on_progress(|_| steps += 1)).unwrap();
        assert_eq!(steps, 1);
        assert!(client.call("no such tool", &json!({})).is_err());
        assert!(!format!("{client:?}").contains("hunter"), "{client:?}");
        client.close();
        let refused = builder(&url, transport).bearer("hunter3").connect().unwrap_err();
        assert!(!format!("{refused} {refused:?}").contains("hunter"), "{refused:?}");
    }
    handle.stop();
    running.join().unwrap().unwrap();

    // A session that is lost, and an id that no header could hold.
    let peer = Peer::run(|peer| {
        peer.shake_streamable_as("Mcp-Session-Id: hunter-session\r\n", RESULT_2025);
        peer.request().status("405 Method Not Allowed", "");
        peer.expect("tools/call").status("404 Not Found", "no session hunter-session");
        peer.shake_streamable_as("Mcp-Session-Id: hunter-again\r\n", RESULT_2025);
        let mut next = peer.request();
        while next.method == "GET" {
            next.status("405 Method Not Allowed", "");
            next = peer.request();
        }
        next.json_text("done");
        let delete = peer.request();
        assert_eq!(delete.header("mcp-session-id"), Some("hunter-again"));
        delete.taken();
    });
    let client = builder(&peer.url("/mcp"), Transport::StreamableHttp).connect().unwrap();
    client.call("x", &()).unwrap();
    drop(client);
    peer.finish();
    let peer = Peer::run(|peer| {
        let initialize = peer.expect("initialize");
        let body = format!(r#"{{"jsonrpc":"2.0","id":{},"result":{RESULT_2025}}}"#, initialize.id());
        initialize.json_status("200 OK", "Mcp-Session-Id: hunter two\r\n", &body);
    });
    let refused = builder(&peer.url("/mcp"), Transport::StreamableHttp).connect().unwrap_err();
    assert!(!format!("{refused} {refused:?}").contains("hunter"), "{refused:?}");
    peer.finish();

    let lines = lines();
    assert!(lines.iter().any(|line| line.contains("mcp_server_tiny")), "the server logs: {lines:#?}");
    assert!(lines.iter().any(|line| line.contains(" mcp::")), "the client logs: {lines:#?}");
    // Ids of this server's sessions have 40 hexadecimal digits.
    let shows_id = |line: &str| line.split(|it: char| !it.is_ascii_hexdigit()).any(|run| run.len() >= 32);
    let shown: Vec<_> = lines.iter().filter(|line| line.contains("hunter") || shows_id(line)).collect();
    assert!(shown.is_empty(), "secrets in the log: {shown:#?}");
}

#[test]
fn a_handler_that_keeps_its_question_to_itself_is_named() {
    // R-LM-64: it never goes out, and what the handler returned instead is all that its author sees otherwise.
    listening_to_the_log();
    let mut service = mcp_server_tiny::service::Service::new("test", "1.0.0");
    let turned = |call: &mut Call<'_>| {
        let roots = call.roots("roots").map_err(|error| error.message().to_owned())?;
        Ok(roots.roots.len())
    };
    let dropped = |call: &mut Call<'_>| Ok(call.roots("roots").map_or(0, |roots| roots.roots.len()));
    service.tool(Tool::new("turns_it_into_another_error"), turned);
    service.tool(Tool::new("turns_it_on_a_worker").on_worker(), turned);
    service.tool(Tool::new("does_without_an_answer"), dropped);
    service.tool(Tool::new("asks_well"), |call: &mut Call<'_>| Ok(call.roots("roots")?.roots.len()));
    let mut client = mcp_tests::raw_service::RawService::with(service, "2026-07-28", json!({ "roots": {} }));
    for tool in ["turns_it_into_another_error", "turns_it_on_a_worker", "does_without_an_answer", "asks_well"] {
        let id = client.begin_call(tool, json!({}));
        let answer = client.wait_for(id).remove(0);
        assert_eq!(answer["result"]["resultType"] == "input_required", tool == "asks_well", "{answer}");
        let is_named = lines().iter().any(|line| line.starts_with("WARN") && line.contains(&format!("`{tool}`")));
        assert_eq!(is_named, tool != "asks_well", "{tool}: {:?}", lines());
    }
}
