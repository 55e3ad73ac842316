//! Servers without JSON-RPC as others write them: Starlette under uvicorn, express under Node, and Python's own HTTP server.
// In helpers too a panic is the report.
#![allow(clippy::unwrap_used)]

use std::process::Command;
use std::time::Duration;

use mcp_sse_blocking::events::{EventFilter, Heard};
use mcp_sse_blocking::{Client, Error, Missed, Transport};
use mcp_tests::peers::{self, Peer};
use mcp_tests::process::{BOUND, Process};
use serde_json::{Value, json};

/// Starts a server; `None` where its language is not installed.
fn start(script: Option<Command>) -> Option<(Process, String)> {
    Some(Process::start_server(script?.arg("0")))
}

fn connect(origin: &str) -> Client {
    Client::builder(&format!("{origin}/mcp/sse"))
        .transport(Transport::Plain)
        .message_url("/mcp/rpc")
        .call_timeout(Duration::from_secs(10))
        .connect()
        .unwrap()
}

/// What every one of them does.
fn use_server(client: &Client) {
    let tools: Vec<_> = client.tools().map(Result::unwrap).collect();
    assert_eq!((tools.len(), &*tools[0].name), (1, "get_data"));
    let mut batches = client.events("data_update").batches(10, Duration::from_secs(3600));
    let batch = batches.next().unwrap().unwrap();
    assert_eq!((batch.events.len(), batch.missed), (10, None));
    for event in &batch.events {
        assert_eq!(event.payload::<Value>().unwrap(), json!({"value": 42}));
        assert!(event.json::<Value>().unwrap()["timestamp"].as_f64().unwrap() > 0.0);
    }
    for id in 0..20 {
        assert_eq!(client.call("get_data", &json!({"id": id})).unwrap().all_text(), format!("data {id}"));
    }
    let unknown = client.ping().unwrap_err();
    assert!(matches!(&unknown, Error::Rpc(error) if error.code == -32601), "{unknown}");
}

#[test]
fn starlette_is_called_and_heard() {
    let Some((_server, origin)) = start(Peer::Python1.script("plain_rpc.py")) else { return };
    let client = connect(&origin);
    use_server(&client);
    // What its handler does not expect is a page with status 500.
    let error = client.call("get_data", &json!({})).unwrap_err();
    assert!(matches!(&error, Error::Status(status) if status.code == 500), "{error}");
    assert_eq!(client.call("get_data", &json!({"id": "last"})).unwrap().all_text(), "data last");
}

#[test]
fn express_is_called_and_heard() {
    let Some((_server, origin)) = start(Peer::TypeScript1.script("plain-rpc.mjs")) else { return };
    let client = connect(&origin);
    use_server(&client);
    let error = client.call("no_such", &json!({"id": 1})).unwrap_err();
    assert_eq!(error.to_string(), "the server answered error -32603: Unknown tool: no_such");
}

/// Its streams end by themselves, and come back.
#[test]
fn a_generator_that_ends_is_heard_again() {
    let Some((_server, origin)) = peers::plain_stream(&["--every", "0.001", "--count", "3"]) else { return };
    let client = Client::builder(&format!("{origin}/mcp-sse")).transport(Transport::Plain).connect().unwrap();
    let mut events = client.events(EventFilter::new());
    let mut heard = || match events.next_within(BOUND).unwrap().unwrap() {
        Heard::Event(event) => event.text().into_owned(),
        Heard::Missed(Missed::Reconnected) => "again".into(),
        other => panic!("{other:?}"),
    };
    let heard: Vec<String> = (0..7).map(|_| heard()).collect();
    assert_eq!(heard, ["Update 0", "Update 1", "Update 2", "again", "Update 0", "Update 1", "Update 2"]);
}
