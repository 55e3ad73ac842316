//! Programs that are no servers: each is a clear error in bounded time, and none is left behind.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]
#![cfg(unix)]

use std::time::{Duration, Instant};

use mcp_sse_blocking::{Client, Command, Error};

/// What comes of a program that is started as a server. The marker is an argument by which its processes are found.
fn connect(script: &str, marker: &str) -> Error {
    connect_within(Duration::from_secs(1), script, marker)
}

fn connect_within(timeout: Duration, script: &str, marker: &str) -> Error {
    let command = Command::new("sh").args(["-c", script, marker]);
    let command = command.probe_timeout(Duration::from_millis(200)).grace(Duration::from_millis(200));
    let start = Instant::now();
    let error = Client::spawn_builder(command).call_timeout(timeout).connect().unwrap_err();
    let took = start.elapsed();
    assert!(took < Duration::from_secs(30), "{script}: {took:?}, {error}");
    let left = processes_with(marker);
    assert!(left.is_empty(), "{script} left {left:?}");
    error
}

/// The command lines that have this word in them.
fn processes_with(marker: &str) -> Vec<String> {
    let Ok(processes) = std::fs::read_dir("/proc") else { return Vec::new() };
    let lines = processes.filter_map(|entry| std::fs::read_to_string(entry.ok()?.path().join("cmdline")).ok());
    lines.filter(|line| line.contains(marker)).collect()
}

#[test]
fn a_program_that_ends_at_once_is_named_with_its_last_words() {
    let error = connect("echo 'usage: server PORT' >&2; exit 2", "stranger-usage");
    assert!(matches!(&error, Error::Exited(exited) if exited.code == Some(2)), "{error}");
    assert!(error.to_string().contains("usage: server PORT"), "{error}");
    let error = connect("exit 0", "stranger-zero");
    assert!(matches!(&error, Error::Exited(exited) if exited.code == Some(0)), "{error}");
}

#[test]
fn a_program_that_says_nothing_is_out_of_time() {
    let error = connect("sleep 600", "stranger-silent");
    assert!(matches!(error, Error::Timeout(_)), "{error}");
}

#[test]
fn a_program_that_gives_back_what_it_gets_is_no_server() {
    let error = connect("cat", "stranger-echo");
    assert!(matches!(error, Error::Rpc(_) | Error::Timeout(_) | Error::Peer(_)), "{error}");
}

// R-IO-27, R-IO-29
#[test]
fn a_program_that_never_stops_talking_is_given_up() {
    let error = connect("yes no message", "stranger-yes");
    assert!(matches!(error, Error::Timeout(_)), "{error}");
    let error = connect("yes ''", "stranger-blank");
    assert!(matches!(error, Error::Timeout(_)), "{error}");
    let error = connect("cat /dev/zero", "stranger-zeros");
    assert!(matches!(error, Error::Limit(_)), "{error}");
    let error = connect("cat /dev/urandom", "stranger-random");
    assert!(matches!(error, Error::Timeout(_) | Error::Limit(_)), "{error}");
}

#[test]
fn a_program_that_closes_its_output_and_stays_is_ended() {
    let error = connect_within(Duration::from_secs(5), "exec 1>&-; sleep 600", "stranger-closed");
    assert!(matches!(&error, Error::Exited(exited) if exited.is_running), "{error}");
}

#[test]
fn a_program_that_sends_half_of_itself_away_is_ended_with_that() {
    // What stays holds the output open: only a look at the process tells.
    let script = "sh -c 'sleep 600' stranger-away & exit 3";
    let error = connect_within(Duration::from_secs(5), script, "stranger-away");
    assert!(matches!(&error, Error::Exited(exited) if exited.code == Some(3)), "{error}");
}
