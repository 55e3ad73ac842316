//! The bridge between other implementations: stdio servers of the official SDKs, used by clients that speak something else, and their
//! HTTP servers, used by hosts that only start programs.
#![allow(clippy::unwrap_used)]

use std::process::Command;

use mcp_tests::command_line;
use mcp_tests::peers::{self, Opening, Peer};
use mcp_tests::process::Process;

/// What every client checks over HTTP+SSE.
const SSE_CHECKS: [&str; 13] = [
    "initialize",
    "ping",
    "list",
    "call",
    "large result",
    "large call",
    "tool error",
    "unknown tool",
    "progress",
    "cancel",
    "50 calls in parallel",
    "slow calls beside a quick one",
    "close",
];

/// What every client checks over Streamable HTTP and stdio.
const CHECKS: [&str; 15] = [
    "initialize",
    "list",
    "call",
    "large result",
    "large call",
    "tool error",
    "unknown tool",
    "progress",
    "cancel",
    "50 calls in parallel",
    "slow calls beside a quick one",
    "resource",
    "prompt",
    "elicitation",
    "close",
];

/// A bridge before a peer's server on standard input and output, and where it listens.
fn before(server: &Command) -> (Process, String) {
    let mut command = command_line::command(&["bridge", "--listen", "127.0.0.1:0", "--"]);
    command.arg(server.get_program()).args(server.get_args());
    command.envs(server.get_envs().filter_map(|(name, value)| Some((name, value?))));
    if let Some(directory) = server.get_current_dir() {
        command.current_dir(directory);
    }
    let process = Process::start(&mut command);
    loop {
        let Some(line) = process.error_line() else { panic!("it does not listen: {}", process.log()) };
        if let Some((_, rest)) = line.split_once("listening at ") {
            let origin = rest.split_once("/mcp").unwrap().0.to_owned();
            return (process, origin);
        }
    }
}

/// Ends a bridge, which succeeds only when its processes have ended.
fn end(mut bridge: Process) {
    assert!(bridge.terminate().success(), "{}", bridge.log());
}

#[test]
fn the_python_stdio_server_is_used_by_the_typescript_sse_client_and_by_clients_of_2026() {
    for server in [Peer::Python1, Peer::Python2] {
        let Some(command) = server.stdio_server() else { continue };
        let (bridge, origin) = before(&command);
        if let Some(mut client) = Peer::TypeScript1.sse_client(&format!("{origin}/sse")) {
            peers::checks(&mut client, &SSE_CHECKS);
        }
        for client in Peer::STATELESS {
            if let Some(mut client) = client.http_client(Opening::Discover, &format!("{origin}/mcp")) {
                peers::checks(&mut client, &CHECKS);
            }
        }
        end(bridge);
    }
}

#[test]
fn stdio_servers_are_used_by_clients_of_sessions() {
    for (server, client) in [
        (Peer::Python1, Peer::TypeScript1),
        (Peer::TypeScript1, Peer::Python1),
        (Peer::TypeScript2, Peer::Python1),
        (Peer::Rmcp, Peer::TypeScript1),
        (Peer::Python2, Peer::Rmcp),
    ] {
        let Some(command) = server.stdio_server() else { continue };
        let (bridge, origin) = before(&command);
        if let Some(mut client) = client.http_client(Opening::Initialize, &format!("{origin}/mcp")) {
            peers::checks(&mut client, &CHECKS);
        }
        end(bridge);
    }
}

#[test]
fn stdio_servers_of_either_era_are_used_by_clients_without_sessions() {
    for (server, client) in
        [(Peer::TypeScript1, Peer::TypeScript2), (Peer::TypeScript2, Peer::Python2), (Peer::Rmcp, Peer::TypeScript2)]
    {
        let Some(command) = server.stdio_server() else { continue };
        let (bridge, origin) = before(&command);
        if let Some(mut client) = client.http_client(Opening::Discover, &format!("{origin}/mcp")) {
            peers::checks(&mut client, &CHECKS);
        }
        end(bridge);
    }
}

#[test]
fn hosts_that_start_programs_use_servers_over_http() {
    for (host, opening, server) in [
        (Peer::Python1, Opening::Initialize, Peer::TypeScript2),
        (Peer::TypeScript1, Opening::Initialize, Peer::Python2),
        (Peer::TypeScript2, Opening::Discover, Peer::Python1),
        (Peer::Python2, Opening::Discover, Peer::TypeScript2),
        (Peer::Rmcp, Opening::Initialize, Peer::Python2),
    ] {
        let Some((_server, address)) = server.http_server() else { continue };
        let bridge = command_line::command(&["bridge", "--stdio", &format!("{address}/mcp")]);
        if let Some(mut host) = host.stdio_client(opening, &bridge) {
            peers::checks(&mut host, &CHECKS);
        }
    }
}
