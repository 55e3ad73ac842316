//! Our client, their servers, over HTTP+SSE.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use mcp_sse_blocking::{CallOptions, Client, Error};
use mcp_tests::peers::Peer;
use mcp_tests::process::{BOUND, Process};
use serde_json::json;

use super::client_checks::{call, every_check, server_gone};

#[test]
fn uses_python_1() {
    let Some((_server, address)) = Peer::Python1.sse_server() else { return };
    uses(&format!("{address}/sse"), "python");
}

/// Behind a prefix the endpoint that the server names must be taken as it is.
#[test]
fn uses_python_1_mounted_under_a_prefix() {
    let Some((_server, address)) = Peer::Python1.sse_server() else { return };
    uses(&format!("{address}/prefix/sse"), "python-prefixed");
}

#[test]
fn uses_python_2() {
    let Some((_server, address)) = Peer::Python2.sse_server() else { return };
    uses(&format!("{address}/sse"), "python");
    uses(&format!("{address}/prefix/sse"), "python-prefixed");
}

#[test]
fn uses_typescript() {
    let Some((_server, address)) = Peer::TypeScript1.sse_server() else { return };
    uses(&format!("{address}/sse"), "typescript");
}

#[test]
fn learns_that_python_1_is_gone() {
    gone(Peer::Python1);
}

#[test]
fn learns_that_python_2_is_gone() {
    gone(Peer::Python2);
}

#[test]
fn learns_that_typescript_is_gone() {
    gone(Peer::TypeScript1);
}

/// A server that still holds its connections but does nothing any more: each wait ends at its deadline, closing does not wait.
#[test]
fn is_not_held_up_by_a_server_that_hangs() {
    let Some((server, address)) = Peer::TypeScript1.sse_server() else { return };
    let client = connect(&format!("{address}/sse"));
    let job = client.start("slow", &json!({"ms": 60_000})).unwrap();
    server.signal("STOP");

    let options = CallOptions::new().timeout(Duration::from_millis(300));
    match client.call_with("echo", &json!({"text": "anyone?"}), options) {
        Err(Error::Timeout(timeout)) => assert_eq!(timeout.setting(), "call_timeout"),
        other => panic!("{other:?}"),
    }
    let started = Instant::now();
    drop((job, client));
    assert!(started.elapsed() < Duration::from_millis(1500), "closing took {:?}", started.elapsed());
}

/// The Python server sends a comment every so often; here each second, so that some come in mid-call.
#[test]
fn is_not_disturbed_by_comments() {
    let Some(mut server) = Peer::Python1.script("sse_server.py") else { return };
    let (_server, address) = Process::start_server(server.args(["0", "--ping", "1"]));
    let client = connect(&format!("{address}/sse"));
    assert_eq!(call(&client, "slow", json!({"ms": 2500})), "slept 2500 ms");
}

/// A plain event stream has no `endpoint` event; the client says which deadline that passed.
#[test]
fn names_the_deadline_that_a_plain_event_stream_lets_pass() {
    let Some((_server, address)) = mcp_tests::peers::plain_stream(&["--every", "0.2", "--count", "100"]) else {
        return;
    };
    let connected =
        Client::builder(&format!("{address}/mcp-sse")).endpoint_timeout(Duration::from_millis(500)).connect();
    match connected {
        Err(Error::Timeout(timeout)) => assert_eq!(timeout.setting(), "endpoint_timeout"),
        other => panic!("{other:?}"),
    }
}

fn connect(url: &str) -> Client {
    Client::builder(url)
        .call_timeout(BOUND)
        .connect()
        .unwrap_or_else(|error| panic!("cannot connect to {url}: {error}"))
}

fn uses(url: &str, name: &str) {
    let (logged, logs) = mpsc::channel();
    let client = Client::builder(url)
        .call_timeout(BOUND)
        .header("Authorization", "Bearer not-a-secret")
        .on_log(move |_, message| logged.send(message.data.to_string()).unwrap())
        .connect()
        .unwrap();
    assert_eq!(client.server_info().name, name);
    every_check(client, &logs);
}

fn gone(peer: Peer) {
    let Some((mut server, address)) = peer.sse_server() else { return };
    let client = connect(&format!("{address}/sse"));
    server_gone(&client, Duration::from_secs(5), || server.kill());
    assert!(!client.is_connected());
    client.close();
}
