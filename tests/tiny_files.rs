//! A server that runs out of open files: it goes on with what it has and does not spin (R-SEC-7).
//!
//! The bound belongs to a whole process, so the test starts itself again under a small one.

use std::env;
use std::net::TcpStream;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use mcp_server_tiny::Server;
use mcp_tests::raw_http::{RawPeer, RawSession, post};

const AGAIN: &str = "MCP_TEST_FEW_FILES";
const PING: &str = r#"{"jsonrpc":"2.0","id":7,"method":"ping"}"#;

#[test]
fn without_open_files_sessions_go_on_and_new_connections_wait() {
    if env::var_os(AGAIN).is_some() {
        return run_out_of_files();
    }
    again("without_open_files_sessions_go_on_and_new_connections_wait");
}

/// Runs a test again, in a process that may have 64 files open.
fn again(test: &str) {
    let this = env::current_exe().expect("the test has a path");
    let status = Command::new("sh")
        .args(["-c", "ulimit -n 64 && exec \"$0\" --exact \"$1\""])
        .args([this.as_os_str(), test.as_ref()])
        .env(AGAIN, "1")
        .status()
        .expect("there is a shell");
    assert!(status.success(), "{status}");
}

/// In the same process under a small bound: a server that left a file behind would leave the next ones none.
#[test]
fn a_server_that_ended_leaves_no_file_open() {
    const SERVERS: usize = 300;
    if env::var_os(AGAIN).is_none() {
        return again("a_server_that_ended_leaves_no_file_open");
    }
    for _ in 0..SERVERS {
        let mut bound = Server::new("test", "1.0.0").bind("127.0.0.1:0").expect("there are files");
        bound.handle().stop();
        while !bound.is_stopped() {
            bound.turn(None).expect("the loop goes on");
        }
    }
}

fn run_out_of_files() {
    let mut bound = Server::new("test", "1.0.0").bind("127.0.0.1:0").expect("a free port");
    let (address, handle) = (bound.local_addr(), bound.handle());
    let turns = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&turns);
    let running = thread::spawn(move || {
        while !bound.is_stopped() {
            bound.turn(None).expect("the loop goes on");
            counter.fetch_add(1, Ordering::Relaxed);
        }
    });

    let mut session = RawSession::initialized(address);
    // Both ends are in this process, so no more can be opened here when none can be taken in there.
    let opened: Vec<TcpStream> = std::iter::from_fn(|| TcpStream::connect(address).ok()).collect();
    assert!((10..64).contains(&opened.len()), "{} connections", opened.len());

    let before = turns.load(Ordering::Relaxed);
    for _ in 0..100 {
        assert_eq!(session.post(PING).status, 202);
        assert!(session.stream.event().contains("\"result\":{}"));
    }
    let made = turns.load(Ordering::Relaxed) - before;
    assert!(made < 2000, "{made} turns for a hundred calls: it tries to take connections in all the time");

    drop(opened);
    let mut next = RawPeer::connect(address);
    assert_eq!(next.ask(post(&session.endpoint, PING)).status, 202, "there are files again");
    assert!(session.stream.event().contains("\"result\":{}"));
    handle.stop();
    running.join().expect("the loop ends");
}
