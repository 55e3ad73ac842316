//! Child processes that end: what the policy makes of it, and what the states say.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::env::consts::EXE_SUFFIX;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, unbounded};
use mcp_sse_blocking::{Builder, CallOptions, Client, Command, Delivery, Error, Reconnect, State};
use serde_json::json;

const BOUND: Duration = Duration::from_secs(20);

/// The shortest pauses that there are.
fn soon() -> Reconnect {
    Reconnect::new().interval(Duration::ZERO).longest(Duration::from_millis(100))
}

fn peer() -> Command {
    Command::new(env!("CARGO_BIN_EXE_stdio_peer")).arg("discover=result")
}

/// A client, and its states from the first on.
fn watched(builder: Builder) -> (Client, Receiver<String>) {
    let (told, states) = unbounded();
    let builder = builder.on_state(move |state| drop(told.send(state.to_string())));
    (builder.connect().expect("it connects"), states)
}

#[track_caller]
fn assert_states(states: &Receiver<String>, expected: &[&str]) {
    let seen: Vec<String> = expected.iter().map(|_| states.recv_timeout(BOUND).expect("another state")).collect();
    assert_eq!(seen, expected);
}

fn exit(client: &Client) -> Error {
    let error = client.call("exit", &json!({"code": 1})).unwrap_err();
    assert!(matches!(&error, Error::Exited(_)), "{error}");
    assert_eq!(error.delivery(), Some(Delivery::Sent), "{error}");
    error
}

#[test]
fn by_default_the_next_request_starts_it_again() {
    let (client, states) = watched(Client::spawn_builder(peer()));
    exit(&client);
    assert_states(&states, &["connecting", "ready", "disconnected, to be connected again by the next request"]);
    assert!(!client.is_connected());
    client.ping().unwrap();
    assert_states(&states, &["reconnecting, attempt 1", "ready"]);
    client.close();
    assert_states(&states, &["closed: the client was closed"]);
}

#[test]
fn with_an_explicit_policy_it_is_started_again_by_itself() {
    // How often the next request may start it does not matter then.
    let (client, states) = watched(Client::spawn_builder(peer().restarts(0)).reconnect(soon()));
    assert_states(&states, &["connecting", "ready"]);
    for _ in 0..3 {
        exit(&client);
        assert_states(&states, &["reconnecting, attempt 1", "ready"]);
        // It is of use.
        client.ping().unwrap();
    }
}

#[test]
fn a_client_that_may_not_reconnect_ends_with_it() {
    let (client, states) = watched(Client::spawn_builder(peer()).reconnect(Reconnect::never()));
    exit(&client);
    assert_states(&states, &["connecting", "ready"]);
    let closed = format!("closed: the server stdio_peer{EXE_SUFFIX} ended with exit code 1");
    assert!(states.recv_timeout(BOUND).unwrap().starts_with(&closed));
    assert!(matches!(client.ping(), Err(Error::Exited(_))));
}

/// A server that lives once: from then on it ends before it says anything.
fn lives_once(name: &str) -> (Command, impl Drop) {
    struct Remove(std::path::PathBuf);
    impl Drop for Remove {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.0);
        }
    }
    let path = std::env::temp_dir().join(format!("mcp-reconnect-{}-{name}", std::process::id()));
    let _ = std::fs::remove_file(&path);
    let script = format!(
        "if [ -e {0} ]; then exit 3; fi; touch {0}; exec {1}",
        path.display(),
        env!("CARGO_BIN_EXE_stdio_peer")
    );
    (Command::new("sh").arg("-c").arg(script), Remove(path))
}

// The server is behind a shell.
#[cfg(unix)]
#[test]
fn when_the_attempts_are_used_up_the_client_is_closed_and_says_why() {
    let (command, _remove) = lives_once("used-up");
    let builder = Client::spawn_builder(command)
        .protocol_version(mcp_sse_blocking::mcp_core::revision::ProtocolVersion::V2025_11_25);
    let (client, states) = watched(builder.reconnect(soon().attempts(2)));
    exit(&client);
    assert_states(&states, &["connecting", "ready", "reconnecting, attempt 1", "reconnecting, attempt 2"]);
    assert!(states.recv_timeout(BOUND).unwrap().starts_with("closed: the server sh ended with exit code 3"));
    assert!(matches!(client.state(), State::Closed { why: Error::Exited(exited) } if exited.code == Some(3)));
    let begun = Instant::now();
    let error = client.ping().unwrap_err();
    assert_eq!(error.delivery(), Some(Delivery::NotSent));
    assert!(begun.elapsed() < Duration::from_secs(1));
}

#[test]
fn an_idempotent_call_in_flight_is_made_again_but_not_for_ever() {
    // It ends the server each time.
    for (policy, lives) in [(Reconnect::on_demand(), 2), (soon(), 4)] {
        let path = std::env::temp_dir().join(format!("mcp-reconnect-{}-lives-{lives}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let command = peer().arg(format!("record={}", path.display()));
        let client = Client::spawn_builder(command).reconnect(policy).connect().unwrap();
        let options = CallOptions::new().idempotent().no_timeout();
        let error = client.call_with("exit", &json!({"code": 1}), options).unwrap_err();
        assert!(matches!(&error, Error::Exited(exited) if exited.delivery == Delivery::Sent), "{error}");
        client.close();
        let record = std::fs::read_to_string(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert_eq!(record.lines().filter(|line| *line == "tools/call").count(), lives, "{record}");
    }
}

#[test]
fn closing_ends_a_pause_at_once() {
    let hour = Duration::from_secs(3600);
    let client =
        Client::spawn_builder(peer()).reconnect(Reconnect::new().interval(hour).longest(hour)).connect().unwrap();
    exit(&client);
    let other = client.clone();
    let waiting = thread::spawn(move || other.call_with("pid", &(), CallOptions::new().no_timeout()));
    let begun = Instant::now();
    client.close();
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    assert!(matches!(waiting.join().unwrap(), Err(Error::Closed(Delivery::NotSent))));
}

#[test]
fn what_cannot_be_opened_again_ends_the_client_whatever_the_policy_says() {
    let (near, far) = mcp_sse_blocking::memory::pair();
    drop(far);
    let error = Client::over_memory_builder(near).reconnect(soon()).connect().unwrap_err();
    assert!(matches!(error, Error::StreamEnded(_)), "{error}");
}
