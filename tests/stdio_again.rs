//! What a client keeps when its child process ends and is started again: what it listens to, in both eras.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::time::Duration;

use mcp_core::revision::ProtocolVersion;
use mcp_sse_blocking::{Change, Client, Command, Error, Filter, Subscription};

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
