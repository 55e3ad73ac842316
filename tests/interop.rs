//! Our client against the official servers, the official clients against our server, over every carrier and in both eras.
//!
//! The peers are programs under `tests/interop`; what each does differently from the others is written at its head.

// In helpers too a panic is the report.
#![allow(clippy::unwrap_used)]

use mcp_tests::peers::{self, Opening, Peer};
use mcp_tests::process::Process;

#[path = "interop/client_checks.rs"]
mod client_checks;
#[path = "interop/our_client.rs"]
mod our_client;
#[path = "interop/our_client_http.rs"]
mod our_client_http;
#[path = "interop/our_client_stdio.rs"]
mod our_client_stdio;
#[path = "interop/our_server.rs"]
mod our_server;
#[path = "interop/our_server_newer.rs"]
mod our_server_newer;

/// What every client checks over HTTP+SSE, ours and theirs.
const CHECKS: [&str; 13] = [
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

/// What every client checks over Streamable HTTP and stdio. There is no `ping` in 2026-07-28.
const NEWER_CHECKS: [&str; 15] = [
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

/// What the programs that are shaped like agent frameworks check.
const AGENT_CHECKS: [&str; 8] =
    ["connect", "call", "several sessions", "start", "call from another thread", "stop", "with", "left"];

/// Where these fail, a failure further down says nothing about us.
mod between_peers {
    use super::*;

    #[test]
    fn they_pass_their_checks_against_each_other() {
        for (client, server) in
            [(Peer::Python1, Peer::TypeScript1), (Peer::Python2, Peer::Python1), (Peer::TypeScript1, Peer::Python2)]
        {
            let Some((_server, address)) = server.sse_server() else { return };
            all_checks(client, &address);
        }
    }

    #[test]
    fn they_pass_their_checks_over_streamable_http() {
        for (client, opening, server) in [
            (Peer::Python1, Opening::Initialize, Peer::TypeScript1),
            (Peer::TypeScript1, Opening::Initialize, Peer::Python2),
            (Peer::TypeScript2, Opening::Initialize, Peer::Python1),
            (Peer::Rmcp, Opening::Auto, Peer::TypeScript1),
            (Peer::Rmcp, Opening::Discover, Peer::TypeScript2),
            (Peer::TypeScript2, Opening::Discover, Peer::Python2),
            (Peer::Python2, Opening::Auto, Peer::Rmcp),
        ] {
            let Some((_server, address)) = server.http_server() else { return };
            if let Some(mut client) = client.http_client(opening, &format!("{address}/mcp")) {
                peers::checks(&mut client, &NEWER_CHECKS);
            }
        }
    }

    #[test]
    fn they_pass_their_checks_over_stdio() {
        for (client, opening, server) in [
            (Peer::Python1, Opening::Initialize, Peer::TypeScript1),
            (Peer::TypeScript1, Opening::Initialize, Peer::Python1),
            (Peer::Rmcp, Opening::Discover, Peer::TypeScript2),
            (Peer::TypeScript2, Opening::Auto, Peer::Python2),
            (Peer::Python2, Opening::Discover, Peer::Rmcp),
        ] {
            let Some(server) = server.stdio_server() else { return };
            if let Some(mut client) = client.stdio_client(opening, &server) {
                peers::checks(&mut client, &NEWER_CHECKS);
            }
        }
    }

    #[test]
    fn a_client_is_told_that_its_server_is_gone() {
        let Some((server, address)) = Peer::TypeScript1.sse_server() else { return };
        gone(Peer::Python1, server, &address);
    }
}

/// Runs every check of a peer's client against a server.
fn all_checks(client: Peer, address: &str) {
    if let Some(mut client) = client.sse_client(&format!("{address}/sse")) {
        peers::checks(&mut client, &CHECKS);
    }
}

/// Kills a server under a call and expects its client to be told.
fn gone(client: Peer, mut server: Process, address: &str) {
    let Some(client) = in_flight(client, address) else { return };
    server.kill();
    told(client);
}

/// A client with one call under way.
fn in_flight(client: Peer, address: &str) -> Option<Process> {
    let client = Process::start(client.sse_client(&format!("{address}/sse"))?.arg("--gone"));
    let check = peers::next_check(&client).unwrap_or_else(|| panic!("no call in flight: {}", client.log()));
    assert_eq!((check.check.as_str(), check.ok), ("in_flight", true), "{}", client.log());
    Some(client)
}

/// The client of [`in_flight`] must learn that its server is gone, and end.
fn told(mut client: Process) {
    let check = peers::next_check(&client).unwrap_or_else(|| panic!("the client was told nothing: {}", client.log()));
    assert_eq!((check.check.as_str(), check.ok), ("gone", true), "{}", client.log());
    assert!(client.wait().success(), "{}", client.log());
}
