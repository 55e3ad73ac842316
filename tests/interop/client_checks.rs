//! What our client must do with each server of the interop tests.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use mcp_core::types::{CallToolResult, ElicitResult};
use mcp_sse_blocking::{Builder, CallOptions, Client, Error, FormRequest};
use mcp_tests::process::BOUND;
use serde_json::json;

/// Everything that a server of the interop tests must do for our client over HTTP+SSE, to its closing.
pub(crate) fn every_check(client: Client, logs: &mpsc::Receiver<String>) {
    checks_of_tools(&client, Cancelling::Works);
    hands_on_logs(&client, logs);
    closes_at_once(client);
}

/// Whether a server learns that a call is cancelled.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cancelling {
    Works,
    /// A server without sessions does not know which call a notification means.
    IsNotHeard,
}

/// What tools do, over any carrier and in any era.
pub(crate) fn checks_of_tools(client: &Client, cancelling: Cancelling) {
    assert_eq!(client.instructions(), Some("Tools that show what a transport can do."));
    if client.protocol_version().has_handshake() {
        client.ping().unwrap();
    }
    lists_tools(client);
    calls_tools(client);
    reports_failures(client);
    reports_progress(client);
    if cancelling == Cancelling::Works {
        cancels(client);
        gives_up_at_a_deadline(client);
    }
    calls_in_parallel(client);
    is_quick_beside_slow_calls(client);
}

/// The resource and the prompt that the newer servers have.
pub(crate) fn reads_and_gets(client: &Client) {
    let resources: Vec<_> = client.resources().collect::<Result<_, _>>().unwrap();
    assert!(resources.iter().any(|resource| resource.uri == "memo://greeting"), "{resources:?}");
    let read = client.read_resource("memo://greeting").unwrap();
    assert_eq!(read.contents[0].text.as_deref(), Some("Good morning."), "{read:?}");
    let missing = client.read_resource("memo://no-such-thing").unwrap_err();
    assert!(matches!(missing, Error::Rpc(_)), "{missing}");

    let prompts: Vec<_> = client.prompts().collect::<Result<_, _>>().unwrap();
    let greet = prompts.iter().find(|prompt| prompt.name == "greet").unwrap();
    assert_eq!((greet.arguments.len(), greet.arguments[0].name.as_str()), (1, "name"));
    let greeting = client.get_prompt("greet", &json!({"name": "Ada"})).unwrap();
    assert_eq!(greeting.messages[0].content.as_text(), Some("Greet Ada."), "{greeting:?}");
}

/// A tool asks for a name in the middle of its call, or has the call repeated with it, as the era has it.
pub(crate) fn answers_what_is_asked(client: &Client) {
    assert_eq!(call(client, "ask", json!({})), "Hello, Ferris.");
}

/// What the client says to [`answers_what_is_asked`].
pub(crate) fn with_a_user(builder: Builder) -> Builder {
    builder.on_elicitation(|form: &FormRequest| {
        assert_eq!(form.message(), "What is your name?");
        assert!(form.schema().properties.named("name").is_some());
        ElicitResult::accept(json!({"name": "Ferris"}).as_object().unwrap().clone())
    })
}

fn lists_tools(client: &Client) {
    let tools: Vec<_> = client.tools().collect::<Result<_, _>>().unwrap();
    for name in ["echo", "add", "slow", "progress", "fail", "big", "cancelled"] {
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
    // Most give these as results, not as JSON-RPC errors.
    assert!(failed_somehow(client.call("no_such_tool", &())));
    assert!(failed_somehow(client.call("echo", &json!({"text": 1}))));
    // And a method that they do not have as a JSON-RPC error.
    match client.request::<_, serde_json::Value>("no/such/method", &()) {
        Err(Error::Rpc(error)) => assert!(error.code < 0, "{error}"),
        other => panic!("{other:?}"),
    }
}

fn failed_somehow(answer: Result<CallToolResult, Error>) -> bool {
    match answer {
        Ok(result) => result.is_error,
        Err(Error::Rpc(error)) => error.code == -32602,
        Err(other) => panic!("{other}"),
    }
}

/// The callback calls the client again, on the thread that calls.
fn reports_progress(client: &Client) {
    let mut seen = Vec::new();
    let options = CallOptions::new().on_progress(|progress| {
        assert_eq!(call(client, "add", json!({"a": 1, "b": 1})), "2");
        seen.push((progress.progress, progress.total, progress.message));
    });
    let result = client.call_with("progress", &json!({"steps": 5, "ms": 10}), options).unwrap();
    assert_eq!(result.all_text(), "5 steps");
    let wanted: Vec<_> = (1..=5).map(|step| (f64::from(step), Some(5.0), Some(format!("step {step}")))).collect();
    assert_eq!(seen, wanted);

    let job = client.start("progress", &json!({"steps": 5, "ms": 10})).unwrap();
    assert_eq!(job.count(), 5);
}

pub(crate) fn hands_on_logs(client: &Client, logs: &mpsc::Receiver<String>) {
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

pub(crate) fn closes_at_once(client: Client) {
    closes_within(Duration::from_secs(1), client);
}

/// Closing does not wait for a call in flight, nor for a server longer than that.
pub(crate) fn closes_within(bound: Duration, client: Client) {
    let job = client.start("slow", &json!({"ms": 60_000})).unwrap();
    let started = Instant::now();
    client.close();
    assert!(started.elapsed() < bound, "closing took {:?}", started.elapsed());
    let result = job.result();
    assert!(matches!(result, Err(Error::Closed(_))), "{result:?}");
    assert!(!client.is_connected());
}

/// Two calls are under way when the server is killed: both are told so within `bound`.
pub(crate) fn server_gone(client: &Client, bound: Duration, kill: impl FnOnce()) {
    let mut job = client.start("progress", &json!({"steps": 6000, "ms": 20})).unwrap();
    job.next().expect("the call is under way");
    let waiting = std::thread::spawn({
        let client = client.clone();
        move || client.call("slow", &json!({"ms": 60_000}))
    });

    kill();
    let started = Instant::now();
    for result in [job.result(), waiting.join().unwrap()] {
        assert!(matches!(result, Err(Error::StreamEnded(_) | Error::Transport(_) | Error::Exited(_))), "{result:?}");
    }
    assert!(started.elapsed() < bound, "told after {:?}", started.elapsed());
    assert!(client.call("echo", &json!({"text": "anyone?"})).is_err());
    client.close();
}

/// Calls a tool that must not fail and gives its text.
pub(crate) fn call(client: &Client, tool: &str, arguments: serde_json::Value) -> String {
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
