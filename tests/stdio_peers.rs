//! Child processes of other implementations: the official Python, TypeScript and Rust SDKs, as a user would start them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::time::{Duration, Instant};

use mcp_sse_blocking::{Client, Command};
use mcp_tests::peers::Peer;

/// How long a server may take to end with its input before it is told to; on a busy machine none needs more.
const GRACE: Duration = Duration::from_secs(20);

/// What the standard library would start, as this library starts it.
fn ours(command: &std::process::Command) -> Command {
    // However long they take to start on a busy machine: their era is what is looked at.
    let ours = Command::new(command.get_program()).args(command.get_args());
    let mut ours = ours.probe_timeout(Duration::from_secs(60));
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            ours = ours.env(name, value);
        }
    }
    let ours = ours.grace(GRACE);
    match command.get_current_dir() {
        Some(directory) => ours.current_dir(directory),
        None => ours,
    }
}

// R-IO-1, R-IO-20, R-IO-23: pipes, an environment of six variables, and the end of input are enough for all of them.
#[test]
fn the_official_servers_are_started_called_and_closed() {
    for peer in Peer::ALL {
        let Some(command) = peer.stdio_server() else { continue };
        let client = Client::spawn(ours(&command)).unwrap_or_else(|error| panic!("{peer:?}: {error}"));
        let is_stateless = !client.protocol_version().has_handshake();
        assert_eq!(is_stateless, Peer::STATELESS.contains(&peer), "{peer:?}: {}", client.protocol_version());
        let tools: Vec<String> = client.tools().map(|tool| tool.unwrap().name).collect();
        assert!(tools.len() > 2, "{peer:?}: {tools:?}");
        let start = Instant::now();
        drop(client);
        let took = start.elapsed();
        assert!(took < GRACE, "{peer:?} does not end with its input: {took:?}");
    }
}
