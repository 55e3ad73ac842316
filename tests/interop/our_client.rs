//! Our client, their servers.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use mcp_sse_blocking::{CallOptions, Client, Error};
use mcp_tests::peers::Peer;
use mcp_tests::process::{BOUND, Process};
use serde_json::json;

#[test]
fn uses_python_1() {
    let Some((_server, address)) = Peer::Python1.sse_server() else { return };
    every_check(&format!("{address}/sse"), "python");
}

/// Behind a prefix the endpoint that the server names must be taken as it is.
#[test]
fn uses_python_1_mounted_under_a_prefix() {
    let Some((_server, address)) = Peer::Python1.sse_server() else { return };
    every_check(&format!("{address}/prefix/sse"), "python-prefixed");
}

#[test]
fn uses_python_2() {
    let Some((_server, address)) = Peer::Python2.sse_server() else { return };
    every_check(&format!("{address}/sse"), "python");
    every_check(&format!("{address}/prefix/sse"), "python-prefixed");
}

#[test]
fn uses_typescript() {
    let Some((_server, address)) = Peer::TypeScript1.sse_server() else { return };
    every_check(&format!("{address}/sse"), "typescript");
}

#[test]
fn learns_that_python_1_is_gone() {
    server_gone(Peer::Python1);
}

#[test]
fn learns_that_python_2_is_gone() {
    server_gone(Peer::Python2);
}

#[test]
fn learns_that_typescript_is_gone() {
    server_gone(Peer::TypeScript1);
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

fn every_check(url: &str, name: &str) {
    let (logged, logs) = mpsc::channel();
    let client = Client::builder(url)
        .call_timeout(BOUND)
        .header("Authorization", "Bearer not-a-secret")
        .on_log(move |_, message| logged.send(message.data.to_string()).unwrap())
        .connect()
        .unwrap();
    assert_eq!(client.server_info().name, name);
    assert_eq!(client.instructions(), Some("Tools that show what a transport can do."));
    client.ping().unwrap();

    lists_tools(&client);
    calls_tools(&client);
    reports_failures(&client);
    reports_progress(&client);
    hands_on_logs(&client, &logs);
    cancels(&client);
    gives_up_at_a_deadline(&client);
    calls_in_parallel(&client);
    is_quick_beside_slow_calls(&client);

    closes_at_once(client);
}

fn lists_tools(client: &Client) {
    let tools: Vec<_> = client.tools().collect::<Result<_, _>>().unwrap();
    for name in ["echo", "add", "slow", "progress", "fail", "big", "logs", "cancelled"] {
        assert!(tools.iter().any(|tool| tool.name == name), "`{name}` is not among {tools:?}");
    }
    let echo = tools.iter().find(|tool| tool.name == "echo").unwrap();
    assert_eq!(echo.description.as_deref(), Some("Gives the text back."));
    assert_eq!(echo.input_schema.to_value()["properties"]["text"]["type"], "string");
}

fn calls_tools(client: &Client) {
    let words = "plain, \"quoted\", line\nbreak, \u{fc}ml\u{e4}ut, \u{2028}, \u{1f980}";
    assert_eq!(call(client, "echo", json!({"text": words})), words);
    assert_eq!(call(client, "add", json!({"a": 19, "b": 23})), "42");
    // Python gives `{"result": 42}`, TypeScript what its program says.
    let structured = client.call("add", &json!({"a": 19, "b": 23})).unwrap().structured_content.unwrap();
    assert!(structured == json!({"result": 42}) || structured == json!({"sum": 42}), "{structured}");
    assert_eq!(call(client, "big", json!({"bytes": 300_000})).len(), 300_000);
    let long = "y".repeat(300_000);
    assert_eq!(call(client, "echo", json!({"text": long})), long);
}

fn reports_failures(client: &Client) {
    let failed = client.call("fail", &()).unwrap();
    assert!(failed.is_error);
    assert!(failed.all_text().contains("this tool always fails"), "{failed:?}");
    // All three give these as results, not as JSON-RPC errors.
    assert!(client.call("no_such_tool", &()).unwrap().is_error);
    assert!(client.call("echo", &json!({"text": 1})).unwrap().is_error);
    // And a method that they do not have as a JSON-RPC error.
    match client.request::<_, serde_json::Value>("no/such/method", &()) {
        Err(Error::Rpc(error)) => assert!(error.code < 0, "{error}"),
        other => panic!("{other:?}"),
    }
}

/// The callback calls the client again, on the thread that calls.
fn reports_progress(client: &Client) {
    let mut seen = Vec::new();
    let options = CallOptions::new().on_progress(|progress| {
        client.ping().unwrap();
        seen.push((progress.progress, progress.total, progress.message));
    });
    let result = client.call_with("progress", &json!({"steps": 5, "ms": 10}), options).unwrap();
    assert_eq!(result.all_text(), "5 steps");
    let wanted: Vec<_> = (1..=5).map(|step| (f64::from(step), Some(5.0), Some(format!("step {step}")))).collect();
    assert_eq!(seen, wanted);

    let job = client.start("progress", &json!({"steps": 5, "ms": 10})).unwrap();
    assert_eq!(job.count(), 5);
}

fn hands_on_logs(client: &Client, logs: &mpsc::Receiver<String>) {
    assert_eq!(call(client, "logs", json!({"count": 3})), "3 logs");
    let seen: Vec<_> = (0..3).map(|_| logs.recv_timeout(BOUND).unwrap()).collect();
    assert_eq!(seen, ["\"log 1\"", "\"log 2\"", "\"log 3\""]);
}

fn cancels(client: &Client) {
    let before = cancelled(client);

    let mut job = client.start("progress", &json!({"steps": 6000, "ms": 20})).unwrap();
    job.next().expect("the call is under way");
    let canceller = job.canceller();
    let cancelling = std::thread::spawn(move || {
        assert!(canceller.cancel("the user stopped"));
        Instant::now()
    });
    let result = job.result();
    let freed = Instant::now();
    assert!(matches!(result, Err(Error::Cancelled(_))), "{result:?}");
    let waited = freed.saturating_duration_since(cancelling.join().unwrap());
    assert!(waited < Duration::from_secs(1), "freed {waited:?} after the cancellation");
    until_cancelled(client, before + 1);

    let mut job = client.start("progress", &json!({"steps": 6000, "ms": 20})).unwrap();
    job.next().expect("the call is under way");
    drop(job);
    until_cancelled(client, before + 2);
}

fn gives_up_at_a_deadline(client: &Client) {
    let before = cancelled(client);
    let options = CallOptions::new().timeout(Duration::from_millis(200));
    match client.call_with("slow", &json!({"ms": 60_000}), options) {
        Err(Error::Timeout(_)) => {}
        other => panic!("{other:?}"),
    }
    until_cancelled(client, before + 1);
}

fn calls_in_parallel(client: &Client) {
    std::thread::scope(|scope| {
        for number in 0..50 {
            scope.spawn(move || {
                let text = format!("call {number}");
                assert_eq!(call(client, "echo", json!({"text": text})), text);
            });
        }
    });
}

fn is_quick_beside_slow_calls(client: &Client) {
    let slow: Vec<_> = (0..3).map(|_| client.start("slow", &json!({"ms": 300})).unwrap()).collect();
    assert_eq!(call(client, "echo", json!({"text": "quick"})), "quick");
    for job in slow {
        assert_eq!(job.result().unwrap().all_text(), "slept 300 ms");
    }
}

fn closes_at_once(client: Client) {
    let job = client.start("slow", &json!({"ms": 60_000})).unwrap();
    let started = Instant::now();
    client.close();
    assert!(started.elapsed() < Duration::from_secs(1), "closing took {:?}", started.elapsed());
    assert!(matches!(job.result(), Err(Error::Closed(_))));
    assert!(!client.is_connected());
}

fn server_gone(peer: Peer) {
    let Some((mut server, address)) = peer.sse_server() else { return };
    let client = connect(&format!("{address}/sse"));
    let mut job = client.start("progress", &json!({"steps": 6000, "ms": 20})).unwrap();
    job.next().expect("the call is under way");
    let waiting = std::thread::spawn({
        let client = client.clone();
        move || client.call("slow", &json!({"ms": 60_000}))
    });

    server.kill();
    let started = Instant::now();
    let result = job.result();
    assert!(matches!(result, Err(Error::StreamEnded(_) | Error::Transport(_))), "{result:?}");
    let result = waiting.join().unwrap();
    assert!(matches!(result, Err(Error::StreamEnded(_) | Error::Transport(_))), "{result:?}");
    assert!(started.elapsed() < Duration::from_secs(5), "told after {:?}", started.elapsed());
    assert!(!client.is_connected());
    assert!(client.call("echo", &json!({"text": "anyone?"})).is_err());
    client.close();
}

/// Calls a tool that must not fail and gives its text.
fn call(client: &Client, tool: &str, arguments: serde_json::Value) -> String {
    let result = client.call(tool, &arguments).unwrap_or_else(|error| panic!("`{tool}` failed: {error}"));
    assert!(!result.is_error, "`{tool}` reports {result:?}");
    result.all_text()
}

/// How many calls the server has seen cancelled.
fn cancelled(client: &Client) -> u32 {
    call(client, "cancelled", json!({})).parse().unwrap()
}

/// The notification goes out in the background: asks until the server has seen it.
fn until_cancelled(client: &Client, wanted: u32) {
    let deadline = Instant::now() + BOUND;
    while cancelled(client) < wanted {
        assert!(Instant::now() < deadline, "the server was not told of the cancellation");
    }
    assert_eq!(cancelled(client), wanted);
}
