//! Our client, their servers, over stdio.

use std::path::PathBuf;
use std::time::Duration;

use mcp_core::revision::ProtocolVersion;
use mcp_sse_blocking::{Client, Command};
use mcp_tests::peers::Peer;
use mcp_tests::process::BOUND;

use super::client_checks::{
    Cancelling, answers_what_is_asked, checks_of_tools, closes_within, reads_and_gets, server_gone, with_a_user,
};

/// In the newest era that each speaks, which is found out.
#[test]
fn uses_each_as_it_finds_it() {
    std::thread::scope(|scope| {
        for peer in Peer::ALL {
            scope.spawn(move || uses(peer, None));
        }
    });
}

#[test]
fn uses_those_of_both_eras_with_a_handshake() {
    std::thread::scope(|scope| {
        for peer in Peer::STATELESS {
            scope.spawn(move || uses(peer, Some(ProtocolVersion::V2025_11_25)));
        }
    });
}

#[test]
fn learns_that_each_is_gone() {
    std::thread::scope(|scope| {
        for peer in Peer::ALL {
            scope.spawn(move || {
                let Some((command, number)) = killable(peer) else { return };
                let client = Client::spawn_builder(command.restarts(0)).call_timeout(BOUND).connect().unwrap();
                server_gone(&client, Duration::from_secs(2), || kill(&number));
            });
        }
    });
}

fn uses(peer: Peer, version: Option<ProtocolVersion>) {
    let Some(command) = peer.stdio_server() else { return };
    let mut builder = with_a_user(Client::spawn_builder(ours(&command))).call_timeout(BOUND);
    if let Some(version) = version {
        builder = builder.protocol_version(version);
    }
    let client = builder.connect().unwrap_or_else(|error| panic!("{peer:?}: {error}"));
    let is_stateless = version.is_none() && Peer::STATELESS.contains(&peer);
    assert_eq!(client.protocol_version().has_handshake(), !is_stateless, "{peer:?}: {}", client.connection());
    checks_of_tools(&client, Cancelling::Works);
    reads_and_gets(&client);
    answers_what_is_asked(&client);
    // A server that is at work when its input ends may not look at it; it is terminated after 2 s (R-IO-22).
    closes_within(Duration::from_secs(4), client);
}

/// What the standard library would start, as this library starts it.
fn ours(command: &std::process::Command) -> Command {
    let mut ours = Command::new(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            ours = ours.env(name, value);
        }
    }
    match command.get_current_dir() {
        Some(directory) => ours.current_dir(directory),
        None => ours,
    }
}

/// A server that has written its number into a file before it begins.
fn killable(peer: Peer) -> Option<(Command, PathBuf)> {
    let server = peer.stdio_server()?;
    let number = std::env::temp_dir().join(format!("interop-{}-{peer:?}", std::process::id()));
    let mut command = std::process::Command::new("sh");
    command.args(["-c", r#"echo $$ >"$0"; exec "$@""#]).arg(&number).arg(server.get_program()).args(server.get_args());
    command.envs(server.get_envs().filter_map(|(name, value)| Some((name, value?))));
    if let Some(directory) = server.get_current_dir() {
        command.current_dir(directory);
    }
    Some((ours(&command), number))
}

fn kill(number: &PathBuf) {
    let process = std::fs::read_to_string(number).unwrap();
    std::fs::remove_file(number).unwrap();
    assert!(std::process::Command::new("kill").args(["-KILL", process.trim()]).status().unwrap().success());
}
