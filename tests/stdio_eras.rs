//! Which era a child process is of: what it is asked, in which order, and what comes of each answer.
//!
//! The child records what it gets, so that each test sees the whole sequence.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::path::PathBuf;
use std::time::{Duration, Instant};

use mcp_sse_blocking::mcp_core::revision::ProtocolVersion;
use mcp_sse_blocking::{Client, Command, Error};
use serde_json::json;

/// A file for the record of one test; removed at its end.
struct Record(PathBuf);

impl Record {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("mcp-stdio-eras-{}-{name}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        Self(path)
    }

    fn peer(&self, args: &[&str]) -> Command {
        Command::new(env!("CARGO_BIN_EXE_stdio_peer")).args(args).arg(format!("record={}", self.0.display()))
    }

    fn lines(&self) -> Vec<String> {
        std::fs::read_to_string(&self.0).unwrap_or_default().lines().map(str::to_owned).collect()
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

const HANDSHAKE: [&str; 2] = ["initialize", "notifications/initialized"];

fn legacy(name: &str, args: &[&str], before: &[&str]) {
    let record = Record::new(name);
    let command = record.peer(args).probe_timeout(Duration::from_millis(300));
    let client = Client::spawn(command).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert!(client.protocol_version().has_handshake(), "{name}");
    client.ping().unwrap_or_else(|error| panic!("{name}: {error}"));
    let expected = [before, &HANDSHAKE[..], &["ping"]].concat();
    assert_eq!(record.lines(), expected, "{name}");
}

// R-IO-20, R-IO-35: the fallback depends on no error code.
#[test]
fn whatever_an_older_server_answers_to_the_probe_it_is_greeted() {
    for code in ["-32601", "-32602", "-32000", "0", "-32700", "-32600"] {
        legacy(code, &[&format!("discover={code}")], &["start", "server/discover"]);
    }
    legacy("silence", &["discover=silence"], &["start", "server/discover"]);
    legacy("noise", &["discover=noise"], &["start", "server/discover"]);
    legacy("supported", &["discover=supported:2025-06-18,2025-11-25"], &["start", "server/discover"]);
    // R-ST-71: names nothing that has no handshake.
}

// R-IO-35
#[test]
fn a_server_that_ends_because_of_the_probe_is_started_once_more() {
    legacy("exit", &["discover=exit"], &["start", "server/discover", "start"]);
    legacy("exit later", &["after_probe=exit"], &["start", "server/discover", "initialize", "start"]);
}

#[test]
fn a_server_that_ends_whatever_it_is_asked_is_started_twice_at_most() {
    let record = Record::new("ends");
    let command = record.peer(&["discover=exit", "initialize=exit", "last_words=no licence"]);
    let error = Client::spawn(command).unwrap_err();
    assert!(matches!(&error, Error::Exited(exited) if exited.code == Some(5)), "{error}");
    assert!(error.to_string().contains("no licence"), "{error}");
    assert_eq!(record.lines(), ["start", "server/discover", "start", "initialize"]);
}

#[test]
fn a_server_of_the_stateless_era_gets_no_handshake() {
    let record = Record::new("stateless");
    let client = Client::spawn(record.peer(&["discover=result"])).unwrap();
    assert_eq!(client.protocol_version(), ProtocolVersion::V2026_07_28);
    assert_eq!(client.server_info().name, "peer");
    assert_eq!(client.instructions(), Some("a peer"));
    assert_eq!(client.call("echo", &json!({"text": "x"})).unwrap().all_text(), "x");
    assert_eq!(record.lines(), ["start", "server/discover", "tools/call"]);
}

// R-ST-26, rule 7: asked again once, never in circles.
#[test]
fn a_server_that_refuses_the_revision_that_it_lists_is_asked_twice() {
    let record = Record::new("circle");
    let error = Client::spawn(record.peer(&["discover=supported:2026-07-28"])).unwrap_err();
    assert!(matches!(error, Error::Peer(_) | Error::Rpc(_)), "{error}");
    assert_eq!(record.lines(), ["start", "server/discover", "server/discover"]);
    let record = Record::new("none");
    let error = Client::spawn(record.peer(&["discover=supported:2031-01-01"])).unwrap_err();
    assert_eq!(record.lines(), ["start", "server/discover"], "{error}");
}

#[test]
fn a_pinned_revision_is_not_asked_for() {
    let record = Record::new("pinned");
    let builder = Client::spawn_builder(record.peer(&[])).protocol_version(ProtocolVersion::V2025_06_18);
    let client = builder.connect().unwrap();
    assert_eq!(client.protocol_version(), ProtocolVersion::V2025_06_18);
    client.ping().unwrap();
    assert_eq!(record.lines(), ["start", "initialize", "notifications/initialized", "ping"]);
}

#[test]
fn a_pinned_stateless_revision_is_not_given_up() {
    let record = Record::new("pinned stateless");
    let builder = Client::spawn_builder(record.peer(&[])).protocol_version(ProtocolVersion::V2026_07_28);
    let error = builder.connect().unwrap_err();
    assert!(matches!(error, Error::Peer(_) | Error::Rpc(_)), "{error}");
    assert_eq!(record.lines(), ["start", "server/discover"]);
}

#[test]
fn a_server_that_never_greets_is_given_up_in_time() {
    let cases = [("silence", "deadline"), ("error", "not today"), ("exit", "exit code 5"), ("half", "exit code 6")];
    for (initialize, expected) in cases {
        let command = Command::new(env!("CARGO_BIN_EXE_stdio_peer")).arg(format!("initialize={initialize}"));
        let start = Instant::now();
        let builder = Client::spawn_builder(command).call_timeout(Duration::from_millis(700));
        let error = builder.connect().unwrap_err();
        assert!(error.to_string().contains(expected), "{initialize}: {error}");
        assert!(start.elapsed() < Duration::from_secs(5), "{initialize}: {:?}", start.elapsed());
    }
}

// R-IO-17
#[test]
fn a_server_that_ended_is_started_again_by_the_next_call_without_a_probe() {
    let record = Record::new("again");
    let client = Client::spawn(record.peer(&[])).unwrap();
    let first = client.call("pid", &()).unwrap().all_text();
    let error = client.call("exit", &json!({"code": 1})).unwrap_err();
    assert!(matches!(error, Error::Exited(_)), "{error}");
    assert_ne!(client.call("pid", &()).unwrap().all_text(), first);
    assert!(client.is_connected());
    let twice = [&["start", "server/discover"], &HANDSHAKE[..], &["tools/call", "tools/call", "start"], &HANDSHAKE[..]];
    assert_eq!(record.lines(), [&twice.concat()[..], &["tools/call"]].concat());
}

// R-IO-17
#[test]
fn a_stateless_server_that_ended_is_started_again_and_asked_at_once() {
    let record = Record::new("stateless again");
    let client = Client::spawn(record.peer(&["discover=result"])).unwrap();
    client.call("exit", &json!({"code": 1})).unwrap_err();
    client.call("echo", &json!({"text": "x"})).unwrap();
    assert_eq!(record.lines(), ["start", "server/discover", "tools/call", "start", "tools/call"]);
}

#[test]
fn without_restarts_a_client_ends_with_its_server() {
    let record = Record::new("no restarts");
    let client = Client::spawn(record.peer(&[]).restarts(0)).unwrap();
    client.call("exit", &json!({"code": 9})).unwrap_err();
    let error = client.ping().unwrap_err();
    assert!(matches!(&error, Error::Exited(exited) if exited.code == Some(9)), "{error}");
    assert!(!client.is_connected());
    assert_eq!(record.lines().iter().filter(|line| *line == "start").count(), 1);
}

// The server is behind a shell.
#[cfg(unix)]
#[test]
fn a_server_that_ends_again_and_again_is_not_started_for_ever() {
    let record = Record::new("crashes");
    let program = format!(
        "if [ -e {0} ]; then echo crash >> {0}; exit 3; fi; exec {1} record={0}",
        record.0.display(),
        env!("CARGO_BIN_EXE_stdio_peer")
    );
    let client = Client::spawn(Command::new("sh").arg("-c").arg(program).restarts(2)).unwrap();
    client.call("exit", &json!({"code": 1})).unwrap_err();
    for _ in 0..5 {
        let error = client.ping().unwrap_err();
        assert!(matches!(error, Error::Exited(_)), "{error}");
        assert_eq!(error.delivery(), Some(mcp_sse_blocking::Delivery::NotSent), "{error}");
    }
    assert_eq!(record.lines().iter().filter(|line| *line == "crash").count(), 2);
}

#[test]
fn many_threads_find_a_server_gone_and_start_one() {
    let record = Record::new("many");
    let client = Client::spawn(record.peer(&[])).unwrap();
    client.call("exit", &json!({"code": 1})).unwrap_err();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| client.call("echo", &json!({"text": "x"})).unwrap());
        }
    });
    assert_eq!(record.lines().iter().filter(|line| *line == "start").count(), 2);
}

// The server is behind a shell.
#[cfg(unix)]
#[test]
fn closing_ends_a_restart() {
    let record = Record::new("close");
    // The second time it greets nobody.
    let program = format!(
        "if [ -e {0} ]; then exec {1} initialize=silence record={0}; fi; exec {1} record={0}",
        record.0.display(),
        env!("CARGO_BIN_EXE_stdio_peer")
    );
    let command = Command::new("sh").arg("-c").arg(program).grace(Duration::from_millis(200));
    let client = Client::spawn(command).unwrap();
    client.call("exit", &json!({"code": 1})).unwrap_err();
    std::thread::scope(|scope| {
        let call = scope.spawn(|| client.ping().unwrap_err());
        let until = Instant::now() + Duration::from_secs(20);
        while record.lines().iter().filter(|line| *line == "initialize").count() < 2 {
            assert!(Instant::now() < until, "{:?}", record.lines());
            std::thread::sleep(Duration::from_millis(5));
        }
        let start = Instant::now();
        client.close();
        let error = call.join().unwrap();
        assert!(matches!(error, Error::Closed(_)), "{error}");
        assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    });
}

// The server is behind a shell.
#[cfg(unix)]
#[test]
fn a_restart_has_the_deadline_of_the_call_that_needs_it() {
    let record = Record::new("late");
    let program = format!(
        "if [ -e {0} ]; then exec {1} initialize=silence record={0}; fi; exec {1} record={0}",
        record.0.display(),
        env!("CARGO_BIN_EXE_stdio_peer")
    );
    let client = Client::spawn(Command::new("sh").arg("-c").arg(program)).unwrap();
    client.call("exit", &json!({"code": 1})).unwrap_err();
    let start = Instant::now();
    let options = mcp_sse_blocking::CallOptions::new().timeout(Duration::from_millis(300));
    let error = client.call_with("echo", &json!({"text": "x"}), options).unwrap_err();
    assert!(matches!(error, Error::Timeout(_)), "{error}");
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

// The server is behind a shell.
#[cfg(unix)]
#[test]
fn a_server_that_is_slow_to_start_and_knows_no_handshake_is_still_found() {
    let peer = env!("CARGO_BIN_EXE_stdio_peer");
    let program = format!("sleep 0.6; exec {peer} discover=result initialize=error");
    let command = Command::new("sh").arg("-c").arg(program).probe_timeout(Duration::from_millis(100));
    let client = Client::spawn(command).unwrap();
    assert_eq!(client.protocol_version(), ProtocolVersion::V2026_07_28);
    assert_eq!(client.call("echo", &json!({"text": "x"})).unwrap().all_text(), "x");
}

// R-IO-17: what left no byte is sent to the next one, and what does no harm twice is repeated.
#[cfg(unix)]
#[test]
fn a_request_that_a_dead_server_did_not_get_goes_to_the_next_one() {
    let client = Client::spawn(Command::new(env!("CARGO_BIN_EXE_stdio_peer"))).unwrap();
    for _ in 0..10 {
        let id = client.call("pid", &()).unwrap().all_text();
        let killed = std::process::Command::new("kill").args(["-KILL", &id]).status().unwrap();
        assert!(killed.success());
        // Whether it is noticed before, while or after the request is written.
        let tools = client.tools().filter(Result::is_ok).count();
        assert_eq!(tools, 2);
    }
}
