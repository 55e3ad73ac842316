//! Our client, their servers, over Streamable HTTP: with a handshake, without one, and left to find out.

use std::time::{Duration, Instant};

use mcp_sse_blocking::{Client, Transport, Via};
use mcp_tests::peers::Peer;
use mcp_tests::process::BOUND;

use super::client_checks::{
    Cancelling, answers_what_is_asked, checks_of_tools, closes_at_once, reads_and_gets, server_gone, with_a_user,
};

#[test]
fn uses_python_1() {
    uses(Peer::Python1, Transport::StreamableHttp);
}

#[test]
fn uses_python_2() {
    uses(Peer::Python2, Transport::StreamableHttp);
}

#[test]
fn uses_python_2_without_a_handshake() {
    uses(Peer::Python2, Transport::Stateless);
}

#[test]
fn uses_typescript_1() {
    uses(Peer::TypeScript1, Transport::StreamableHttp);
}

#[test]
fn uses_typescript_2() {
    uses(Peer::TypeScript2, Transport::StreamableHttp);
}

#[test]
fn uses_typescript_2_without_a_handshake() {
    uses(Peer::TypeScript2, Transport::Stateless);
}

#[test]
fn uses_rmcp() {
    uses(Peer::Rmcp, Transport::StreamableHttp);
}

#[test]
fn uses_rmcp_without_a_handshake() {
    uses(Peer::Rmcp, Transport::Stateless);
}

/// The newest era that each of them speaks is found, in one request where it is the newest of all.
#[test]
fn finds_the_era_of_each() {
    for peer in Peer::ALL {
        let Some((_server, address)) = peer.http_server() else { return };
        let client = connect(&address, Transport::Detect);
        let connection = client.connection();
        assert_eq!(connection.via, Via::StreamableHttp, "{peer:?}: {connection}");
        let is_stateless = !connection.version.has_handshake();
        assert_eq!(is_stateless, Peer::STATELESS.contains(&peer), "{peer:?}: {connection}");
        assert!(connection.requests <= if is_stateless { 1 } else { 2 }, "{peer:?}: {connection}");
        answers_what_is_asked(&client);
    }
}

/// A server that speaks nothing but HTTP+SSE is found as well, at the URL of its stream.
#[test]
fn finds_that_a_server_speaks_http_sse() {
    for peer in Peer::WITH_SSE {
        let Some((_server, address)) = peer.sse_server() else { return };
        let client = Client::connect(&format!("{address}/sse")).unwrap();
        assert_eq!(client.connection().via, Via::HttpSse, "{peer:?}: {}", client.connection());
    }
}

#[test]
fn learns_that_each_is_gone() {
    std::thread::scope(|scope| {
        for peer in Peer::ALL {
            // What is left of an answer is asked for again (R-SH-33), five times with the pauses that the server wants and
            // longer ones: with the 3 s of rmcp longer than a call may take.
            if peer != Peer::Rmcp {
                scope.spawn(move || gone(peer, Transport::StreamableHttp, Duration::from_secs(20)));
            }
        }
        for peer in Peer::STATELESS {
            scope.spawn(move || gone(peer, Transport::Stateless, Duration::from_secs(2)));
        }
    });
}

fn uses(peer: Peer, transport: Transport) {
    let Some((_server, address)) = peer.http_server() else { return };
    let client = connect(&address, transport);
    assert_eq!(client.protocol_version().has_handshake(), transport == Transport::StreamableHttp);
    // Of the handshake revisions it has the requests, but no sessions: it neither hears of a cancellation nor can ask.
    let is_half = peer == Peer::TypeScript2 && transport == Transport::StreamableHttp;
    checks_of_tools(&client, if is_half { Cancelling::IsNotHeard } else { Cancelling::Works });
    reads_and_gets(&client);
    if !is_half {
        answers_what_is_asked(&client);
    }
    closes_at_once(client);
}

fn gone(peer: Peer, transport: Transport, bound: Duration) {
    let Some((mut server, address)) = peer.http_server() else { return };
    let client = connect(&address, transport);
    let started = Instant::now();
    server_gone(&client, bound, || server.kill());
    assert!(started.elapsed() < bound + bound, "{peer:?}");
}

fn connect(address: &str, transport: Transport) -> Client {
    let url = format!("{address}/mcp");
    let builder = with_a_user(Client::builder(&url)).call_timeout(BOUND).transport(transport);
    builder.connect().unwrap_or_else(|error| panic!("cannot connect to {url}: {error}"))
}
