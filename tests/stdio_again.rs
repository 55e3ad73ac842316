//! What a client keeps when its child process ends and is started again: what it listens to, in both eras.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::time::{Duration, Instant};

use mcp_core::revision::ProtocolVersion;
use mcp_sse_blocking::{CallOptions, Change, Client, Command, Error, Filter, Subscription};

const BOUND: Duration = Duration::from_secs(20);

fn child() -> Command {
    Command::new(env!("CARGO_BIN_EXE_stdio_server"))
}

fn await_change(subscription: &mut Subscription, wanted: impl Fn(&Change) -> bool) {
    let until = std::time::Instant::now() + BOUND;
    loop {
        let left = until.saturating_duration_since(std::time::Instant::now());
        let change = subscription.next_within(left).unwrap();
        let change = change.unwrap_or_else(|| panic!("nothing came; over: {}", subscription.is_over()));
        if wanted(&change) {
            return;
        }
    }
}

// R-IO-18
#[test]
fn subscriptions_are_asked_for_again_after_a_restart() {
    for version in [None, Some(ProtocolVersion::V2025_11_25)] {
        let builder = Client::spawn_builder(child());
        let client = match version {
            Some(version) => builder.protocol_version(version),
            None => builder,
        }
        .connect()
        .unwrap();
        assert_eq!(client.protocol_version(), version.unwrap_or(ProtocolVersion::LATEST));
        let first = client.call("pid", &()).unwrap().all_text();
        let mut subscription = client.listen(Filter::new().resource("memo://a")).unwrap();
        client.call("change", &()).unwrap();
        await_change(&mut subscription, |change| matches!(change, Change::Resource(uri) if uri == "memo://a"));

        let error = client.call("exit", &()).unwrap_err();
        assert!(matches!(error, Error::Exited(_)), "{error}");
        // Nobody calls: who listens is enough to start it.
        await_change(&mut subscription, |change| matches!(change, Change::Missed(_)));
        assert_ne!(client.call("pid", &()).unwrap().all_text(), first);
        // Subscribing again may still be on its way: one of these changes comes after it.
        let told = (0..200).any(|_| {
            client.call("change", &()).unwrap();
            let change = subscription.next_within(Duration::from_millis(100)).unwrap();
            matches!(change, Some(Change::Resource(uri)) if uri == "memo://a")
        });
        assert!(told, "{version:?}");
    }
}

#[test]
fn our_own_server_is_called_as_a_child_process() {
    let client = Client::spawn(child()).unwrap();
    let names: Vec<String> = client.tools().map(|tool| tool.unwrap().name).collect();
    assert_eq!(names, ["change", "exit", "pid"]);
    let text = client.read_resource("memo://a").unwrap();
    assert_eq!(text.contents.len(), 1);
}

/// A program in the words of a shell.
fn shell(script: &str) -> Command {
    Command::new("sh").arg("-c").arg(script)
}

// R-IO-17
// The server is behind a shell.
#[cfg(unix)]
#[test]
fn a_call_does_not_wait_beyond_its_deadline_for_the_end_of_the_server_before() {
    // It answers the probe, then writes a line that is too long, and stays.
    let script = r#"trap '' TERM; read -r probe
        echo '{"jsonrpc":"2.0","id":1,"result":{"supportedVersions":["2026-07-28"],"capabilities":{}}}'
        read -r call; head -c 5000000 /dev/zero | tr '\0' 'x'; while :; do sleep 1; done"#;
    let client = Client::spawn(shell(script).grace(Duration::from_secs(2))).unwrap();
    let error = client.call("long", &()).unwrap_err();
    assert!(matches!(error, Error::Limit(_)), "{error}");
    let begun = Instant::now();
    let error = client.call_with("late", &(), CallOptions::new().timeout(Duration::from_millis(100))).unwrap_err();
    assert!(matches!(error, Error::Timeout(_)), "{error}");
    assert!(begun.elapsed() < Duration::from_millis(1500), "{:?}", begun.elapsed());
}

// The server is behind a shell.
#[cfg(unix)]
#[test]
fn a_server_that_ends_again_and_again_is_started_less_and_less_often_while_nobody_calls() {
    // Each life is greeted and subscribed at, says something, and ends.
    let script = r#"id() { sed 's/.*"id":\([0-9]*\).*/\1/'; }
        read -r hello
        case "$hello" in *server/discover*)
            echo "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32601,\"message\":\"what?\"}}"; read -r hello;;
        esac
        n=$(echo "$hello" | id)
        echo "{\"jsonrpc\":\"2.0\",\"id\":$n,\"result\":{\"protocolVersion\":\"2025-11-25\",\"capabilities\":{\"resources\":{\"subscribe\":true}},\"serverInfo\":{\"name\":\"x\",\"version\":\"1\"}}}"
        read -r initialized; read -r subscribe
        n=$(echo "$subscribe" | id)
        echo "{\"jsonrpc\":\"2.0\",\"id\":$n,\"result\":{}}""#;
    let client = Client::spawn(shell(script)).unwrap();
    let begun = Instant::now();
    let mut subscription = client.listen(Filter::new().resource("memo://a")).unwrap();
    // One for each new life.
    for _ in 0..4 {
        await_change(&mut subscription, |change| matches!(change, Change::Missed(_)));
    }
    assert!(begun.elapsed() > Duration::from_millis(1800), "{:?}", begun.elapsed());
}
