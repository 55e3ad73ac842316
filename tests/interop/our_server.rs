//! Their clients, our server.

use std::process::Command;
use std::time::{Duration, Instant};

use mcp_sse_blocking::Client;
use mcp_tests::peers::{self, Peer};
use mcp_tests::process::Process;

use super::{AGENT_CHECKS, all_checks, gone, in_flight, told};

#[test]
fn serves_python_1() {
    let (_server, address) = echo_server();
    all_checks(Peer::Python1, &address);
}

#[test]
fn serves_python_2() {
    let (_server, address) = echo_server();
    all_checks(Peer::Python2, &address);
}

#[test]
fn serves_typescript() {
    let (_server, address) = echo_server();
    all_checks(Peer::TypeScript1, &address);
}

/// Agno and CrewAI use the Python client behind a synchronous handle, with headers and two time-outs.
#[test]
fn serves_python_as_agent_frameworks_use_it() {
    let (_server, address) = echo_server();
    for peer in [Peer::Python1, Peer::Python2] {
        let Some(mut agent) = peer.script("agent_client.py") else { return };
        peers::checks(agent.arg(format!("{address}/sse")), &AGENT_CHECKS);
    }
}

#[test]
fn serves_all_of_them_at_once() {
    let (_server, address) = echo_server();
    std::thread::scope(|scope| {
        for peer in Peer::WITH_SSE {
            let address = &address;
            scope.spawn(move || all_checks(peer, address));
        }
    });
}

#[test]
fn is_missed_by_python_1_when_it_is_gone() {
    let (server, address) = echo_server();
    gone(Peer::Python1, server, &address);
}

#[test]
fn is_missed_by_python_2_when_it_is_gone() {
    let (server, address) = echo_server();
    gone(Peer::Python2, server, &address);
}

#[test]
fn is_missed_by_typescript_when_it_is_gone() {
    let (server, address) = echo_server();
    gone(Peer::TypeScript1, server, &address);
}

/// Asked to stop in mid-call, it gives the call the time that it promises, then ends every stream properly: the client is
/// told, and the program ends with 0.
#[test]
fn ends_its_streams_when_asked_to_stop() {
    std::thread::scope(|scope| {
        for peer in Peer::WITH_SSE {
            scope.spawn(move || {
                let (mut server, address) = echo_server();
                let Some(client) = in_flight(peer, &address) else { return };
                assert_eq!(server.terminate().code(), Some(0), "{}", server.log());
                told(client);
            });
        }
    });
}

/// With an open stream and nothing in flight there is nothing to wait for.
#[test]
fn ends_at_once_when_nothing_is_in_flight() {
    for signal in ["TERM", "INT"] {
        let (mut server, address) = echo_server();
        let client = Client::connect(&format!("{address}/sse")).unwrap();
        let started = Instant::now();
        server.signal(signal);
        assert_eq!(server.wait().code(), Some(0), "{}", server.log());
        assert!(started.elapsed() < Duration::from_secs(2), "SIG{signal} took {:?}", started.elapsed());
        assert!(client.ping().is_err());
    }
}

fn echo_server() -> (Process, String) {
    Process::start_server(Command::new(peers::example("echo-server")).args(["--listen", "127.0.0.1:0"]))
}
