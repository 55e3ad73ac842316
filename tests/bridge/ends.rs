//! How processes end, and the bridge.

use super::super::*;
use mcp_sse_blocking::Error;

#[test]
fn a_process_that_dies_is_told_of_and_started_again() {
    let bridge = Bridge::start(&[]);
    for version in ProtocolVersion::ALL {
        let client = bridge.client(version);
        let before = call(&client, "pid", json!({}));
        let other = start_waiting(&client);
        for lost in [client.call("die", &()).map(drop), other.result().map(drop)] {
            let Err(Error::Rpc(error)) = lost else { panic!("{version}") };
            assert!(
                error.message.contains("behind the bridge: the server bridge_upstream ended"),
                "{version}: {error}"
            );
        }
        assert_ne!(call(&client, "pid", json!({})), before, "{version}");
    }
}

#[test]
fn subscriptions_outlive_a_process_that_dies() {
    use mcp_sse_blocking::{Change, Filter};
    let bridge = Bridge::start(&[]);
    for version in ProtocolVersion::ALL {
        let client = bridge.client(version);
        let mut changes = client.listen(Filter::new().resource("a:b")).unwrap();
        wait_until("the subscription", || seen(&client)["subscribed"] == json!(["a:b"]));
        assert!(client.call("die", &()).is_err());
        wait_until("it is there again", || seen(&client)["subscribed"] == json!(["a:b"]));
        call(&client, "update", json!({"uri": "a:b"}));
        assert_eq!(changes.next_within(BOUND).unwrap(), Some(Change::Resource("a:b".into())), "{version}");
    }
}

#[test]
fn a_bridge_that_is_told_to_end_leaves_no_process() {
    for signal in ["TERM", "INT", "HUP"] {
        let mut bridge = Bridge::start(&[]);
        let clients = ProtocolVersion::ALL.map(|version| bridge.client(version));
        for client in &clients {
            call(client, "pid", json!({}));
        }
        let children = bridge.children();
        assert_eq!(children.len(), 5);
        let waiting = clients.each_ref().map(start_waiting);
        bridge.process.signal(signal);
        assert!(bridge.process.wait().success(), "SIG{signal}: {}", bridge.process.log());
        assert!(children.iter().all(|child| parent(*child).is_none()), "SIG{signal}");
        for job in waiting {
            assert!(job.result().is_err());
        }
    }
}

#[test]
fn a_bridge_that_is_killed_takes_the_input_of_its_processes_along() {
    let mut bridge = Bridge::start(&[]);
    let client = bridge.client(ProtocolVersion::LATEST_HANDSHAKE);
    let child = call(&client, "pid", json!({})).parse().unwrap();
    assert!(parent(child).is_some());
    bridge.process.kill();
    wait_until("the process has ended", || parent(child).is_none());
}

#[test]
fn a_process_that_ignores_the_end_of_its_input_is_ended_all_the_same() {
    let program = env!("CARGO_BIN_EXE_stdio_peer");
    let mut bridge = Bridge::before(&[], &[program, "discover=result", "ignore_eof"]);
    let client = bridge.client(ProtocolVersion::LATEST_HANDSHAKE);
    let child = call(&client, "pid", json!({})).parse().unwrap();
    assert!(parent(child).is_some());
    assert!(bridge.process.terminate().success());
    assert!(parent(child).is_none());
}

#[test]
fn a_server_that_does_not_get_ready_holds_nobody_up() {
    let marker = std::env::temp_dir().join(format!("bridge-once-{}", std::process::id()));
    // The first is asked what it is, those after it never answer.
    let script = r#"if [ -e "$0" ]; then exec sleep 1000; else : > "$0"; exec "$1"; fi"#;
    let program = ["sh", "-c", script, marker.to_str().unwrap(), &upstream()];
    let mut bridge = Bridge::before(&["--call-timeout", "0.3"], &program);
    let client = bridge.client(ProtocolVersion::LATEST_HANDSHAKE);
    let first = client.start("pid", &()).unwrap();
    wait_until("it is being started", || !bridge.children().is_empty());
    let child = bridge.children()[0];
    // Who waits for it waits no longer than for anything else: whose call made it start, and who came later.
    for waited in [first.result().map(drop), client.call("pid", &()).map(drop)] {
        let Err(Error::Rpc(error)) = waited else { panic!("{waited:?}") };
        assert!(error.message.contains("deadline"), "{error}");
    }
    // A call that its client gives up goes at once, and with it its room.
    let given_up = client.start("pid", &()).unwrap();
    given_up.canceller().cancel("enough");
    assert!(given_up.result().is_err());
    assert_eq!(bridge.children(), [child]);
    let start = Instant::now();
    assert!(bridge.process.terminate().success(), "{}", bridge.process.log());
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    assert!(parent(child).is_none());
    std::fs::remove_file(marker).unwrap();
}

#[test]
fn a_server_that_cannot_be_started_ends_the_bridge_with_a_reason() {
    for (program, reason) in [("/nowhere/at/all", "/nowhere/at/all"), ("false", "false")] {
        let ended = command_line::run(&["bridge", "--listen", ":0", "--", program]);
        assert_eq!(ended.code, Some(3), "{ended:?}");
        assert!(ended.err.iter().any(|line| line.contains(reason.rsplit('/').next().unwrap())), "{ended:?}");
    }
}
