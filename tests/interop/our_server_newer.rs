//! Their clients, our server, over Streamable HTTP and stdio, however each opens.

use std::process::Command;

use mcp_tests::peers::{self, Opening, Peer};
use mcp_tests::process::Process;

use super::{NEWER_CHECKS, told};

#[test]
fn serves_python_1_over_http() {
    over_http(Peer::Python1);
}

#[test]
fn serves_python_2_over_http() {
    over_http(Peer::Python2);
}

#[test]
fn serves_typescript_1_over_http() {
    over_http(Peer::TypeScript1);
}

#[test]
fn serves_typescript_2_over_http() {
    over_http(Peer::TypeScript2);
}

#[test]
fn serves_rmcp_over_http() {
    over_http(Peer::Rmcp);
}

/// One server, every client in every era, and those that speak HTTP+SSE as well.
#[test]
fn serves_all_of_them_at_once() {
    let (_server, address) = server();
    std::thread::scope(|scope| {
        for peer in Peer::ALL {
            for &opening in peer.openings() {
                let address = &address;
                scope.spawn(move || checks_over_http(peer, opening, address));
            }
        }
        for peer in Peer::WITH_SSE {
            let address = &address;
            scope.spawn(move || super::all_checks(peer, address));
        }
    });
}

#[test]
fn serves_python_1_over_stdio() {
    over_stdio(Peer::Python1);
}

#[test]
fn serves_python_2_over_stdio() {
    over_stdio(Peer::Python2);
}

#[test]
fn serves_typescript_1_over_stdio() {
    over_stdio(Peer::TypeScript1);
}

#[test]
fn serves_typescript_2_over_stdio() {
    over_stdio(Peer::TypeScript2);
}

#[test]
fn serves_rmcp_over_stdio() {
    over_stdio(Peer::Rmcp);
}

#[test]
fn is_missed_when_it_is_gone() {
    std::thread::scope(|scope| {
        for peer in Peer::ALL {
            for &opening in peer.openings() {
                // It connects anew for longer than anybody waits; see its head.
                if (peer, opening) != (Peer::Rmcp, Opening::Initialize) {
                    scope.spawn(move || gone(peer, opening));
                }
            }
        }
    });
}

fn server() -> (Process, String) {
    Process::start_server(&mut Command::new(env!("CARGO_BIN_EXE_interop_server")))
}

fn over_http(peer: Peer) {
    for &opening in peer.openings() {
        let (_server, address) = server();
        checks_over_http(peer, opening, &address);
    }
}

fn checks_over_http(peer: Peer, opening: Opening, address: &str) {
    if let Some(mut client) = peer.http_client(opening, &format!("{address}/mcp")) {
        peers::checks(&mut client, &NEWER_CHECKS);
    }
}

fn over_stdio(peer: Peer) {
    let mut server = Command::new(env!("CARGO_BIN_EXE_interop_server"));
    server.arg("--stdio");
    for &opening in peer.openings() {
        if let Some(mut client) = peer.stdio_client(opening, &server) {
            peers::checks(&mut client, &NEWER_CHECKS);
        }
    }
}

fn gone(peer: Peer, opening: Opening) {
    let (mut server, address) = server();
    let Some(mut client) = peer.client_left_waiting(opening, &format!("{address}/mcp")) else { return };
    let client = Process::start(&mut client);
    let check = peers::next_check(&client).unwrap_or_else(|| panic!("no call in flight: {}", client.log()));
    assert_eq!((check.check.as_str(), check.ok), ("in_flight", true), "{}", client.log());
    server.kill();
    told(client);
}
