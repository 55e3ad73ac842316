//! Our client against the official servers, the official clients against our server, over HTTP+SSE.
//!
//! The peers are programs under `tests/interop`; what each does differently from the others is written at its head.

use mcp_tests::peers::{self, Peer};

/// What every client checks, ours and theirs.
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

/// Where this fails, a failure below says nothing about us.
#[test]
fn the_peers_pass_their_checks_against_each_other() {
    for (client, server) in
        [(Peer::Python1, Peer::TypeScript), (Peer::Python2, Peer::Python1), (Peer::TypeScript, Peer::Python2)]
    {
        let Some((_server, address)) = server.sse_server() else { return };
        let Some(mut client) = client.sse_client(&format!("{address}/sse")) else { return };
        peers::checks(&mut client, &CHECKS);
    }
}
