//! The programs that a newcomer runs first, run as a newcomer does.
// In helpers too a panic is the report.
#![allow(clippy::unwrap_used)]

use std::process::Command;

use mcp_tests::peers::{self, Peer};
use mcp_tests::process::Process;

#[test]
fn the_quickstart_shows_what_clients_and_servers_do_and_ends_by_itself() {
    let (mut process, lines) = run(Command::new(peers::example("quickstart")).args::<[&str; 0], _>([]));
    for expected in [
        "  divide   Divides a by b",
        "  42",
        "  the tool failed: division by zero",
        "  the server asks: Which tea? The user says: green",
        "  2 of 3: a cup is ready",
        "  3 cups of green tea",
        "  tea://menu: black, green, mint",
        "  toast: Praise Ada, over a cup of tea.",
    ] {
        assert!(lines.iter().any(|line| line == expected), "no line `{expected}`: {}", process.log());
    }
    assert_eq!(process.error_line(), None, "{}", process.log());
    assert!(process.wait().success());
}

#[test]
fn the_quickstart_shows_what_goes_both_ways() {
    let (mut process, _) = run(Command::new(peers::example("quickstart")).arg("-v"));
    let wire: Vec<String> = std::iter::from_fn(|| process.error_line()).collect();
    for expected in [
        r#"    --> {"jsonrpc":"2.0","id":1,"method":"server/discover""#,
        r#"    <-- {"jsonrpc":"2.0","id":1,"result":"#,
    ] {
        assert!(wire.iter().any(|line| line.starts_with(expected)), "no line `{expected}`: {}", process.log());
    }
    assert!(process.wait().success());
}

#[test]
fn an_event_stream_is_served_and_read_without_mcp() {
    let program = peers::example("event-stream");
    let (_server, address) = Process::start_server(Command::new(&program).args(["serve", "127.0.0.1:0"]));
    let reader = Process::start(Command::new(&program).args(["read", &format!("{address}/mcp-sse")]));
    assert_eq!(reader.line().as_deref(), Some("message: Update 0"));
    assert_eq!(reader.line().as_deref(), Some("message: Update 1"));
}

/// The stream of a Flask generator, and one of every odd shape.
#[test]
fn event_streams_of_others_are_read_to_their_end() {
    let Some((_server, address)) = peers::plain_stream(&["--every", "0.01", "--count", "2"]) else { return };
    let read = |path| run(Command::new(peers::example("event-stream")).args(["read", &format!("{address}{path}")]));
    let (mut process, lines) = read("/mcp-sse");
    assert_eq!(lines, ["message: Update 0", "message: Update 1"]);
    assert_eq!(process.error_line().as_deref(), Some("the stream ended"));
    assert!(process.wait().success());
    let (_, lines) = read("/shapes");
    assert_eq!(lines, ["message: one", "second: two", "message:", "message:  three", "message: ümläut", "message: 🦀"]);
    let (mut process, lines) = read("/nothing");
    assert_eq!(lines.len(), 0);
    assert!(process.error_line().unwrap().starts_with("event-stream: the server answered `HTTP/1.0 404"));
    assert_eq!(process.wait().code(), Some(1));
}

#[test]
fn the_calendar_is_asked_and_ends_when_it_is_told_to() {
    let server = peers::example("calendar-server");
    let (mut server, address) = Process::start_server(Command::new(server).args(["--listen", "127.0.0.1:0"]));
    for (path, found) in
        [("mcp", "Streamable HTTP, stateless, revision 2026-07-28"), ("sse", "HTTP+SSE, revision 2025-11-25")]
    {
        let (mut client, lines) = run(Command::new(peers::example("calendar-client")).arg(format!("{address}/{path}")));
        assert!(lines[0].contains(found), "{}", client.log());
        assert!(lines.contains(&"  There are no events scheduled for 2025-05-05".to_owned()), "{}", client.log());
        assert!(lines.contains(&"  It is Mom's birthday tomorrow".to_owned()), "{}", client.log());
        assert!(client.wait().success());
    }
    server.signal("INT");
    assert_eq!(server.wait().code(), Some(0), "{}", server.log());
}

/// Agno, CrewAI and others have the Python SDK underneath.
#[test]
fn the_calendar_is_asked_by_python() {
    let server = peers::example("calendar-server");
    let (_server, address) = Process::start_server(Command::new(server).args(["--listen", "127.0.0.1:0"]));
    for peer in [Peer::Python1, Peer::Python2] {
        let Some(mut client) = peer.script("calendar_client.py") else { return };
        let (client, lines) = run(client.arg(format!("{address}/sse")));
        let answers = ["There are no events scheduled for 2025-05-05", "It is Mom's birthday tomorrow"];
        assert_eq!(lines, ["get_events get_birthdays_this_week", answers[0], answers[1]], "{}", client.log());
    }
}

#[test]
fn the_echo_server_ends_with_0_on_both_signals_also_in_mid_call() {
    for signal in ["TERM", "INT"] {
        let server = peers::example("echo-server");
        let (mut server, address) = Process::start_server(Command::new(server).args(["--listen", "127.0.0.1:0"]));
        let arguments = ["call", &format!("{address}/sse"), "progress", "steps=100000", "ms=5"];
        let mut caller = Process::start(Command::new(peers::program("mcp")).args(arguments));
        assert_eq!(caller.error_line().as_deref(), Some("mcp: progress 1/100000 step 1"));
        server.signal(signal);
        assert_eq!(server.wait().code(), Some(0), "{}", server.log());
        assert_eq!(caller.wait().code(), Some(3), "{}", caller.log());
    }
}

#[test]
fn a_server_says_how_it_is_used_and_why_it_cannot_listen() {
    for name in ["echo-server", "calendar-server", "asking-server"] {
        let program = peers::example(name);
        let (mut process, _) = run(Command::new(&program).arg("--port"));
        assert_eq!(process.wait().code(), Some(2), "{}", process.log());
        let (mut process, _) = run(Command::new(&program).args(["--listen", "256.0.0.1:1"]));
        assert!(process.error_line().unwrap().starts_with(&format!("{name}: 256.0.0.1:1: ")));
        assert_eq!(process.wait().code(), Some(1));
    }
}

/// Runs a program to the end of its output.
fn run(command: &mut Command) -> (Process, Vec<String>) {
    let process = Process::start(command);
    let lines = std::iter::from_fn(|| process.line()).collect();
    (process, lines)
}
