//! The examples of plain servers, run as a newcomer does, and against a server that is not theirs.
// In helpers too a panic is the report.
#![allow(clippy::unwrap_used)]

use std::process::Command;

use mcp_tests::peers;
use mcp_tests::process::Process;
use mcp_tests::scripted_peer::Peer;
use mcp_tests::streamable_peer::StreamableRequest as _;

/// Of the specification of Fernet.
const KEY: &str = "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=";
/// `{"value": 42}` under it, made by `cryptography` 48 of Python.
const TOKEN: &str =
    "gAAAAABrAFiTNtuxHvf8JAAgG4YynGaFTYs04YaHN5o9QxiILR5sLhSHbwsnXavt5phlWP5IIE3abddZ6lED8aBPtQnBIKPIVw==";
/// `{"value": 43}` under another key.
const FOREIGN: &str =
    "gAAAAABrAFiTsLPQgO8Kj2WDcuwe9r0Na7gXLHWdiACQBIeaz1IvPrWA5YtWNq6VavluvEDMnpQ1q9FpnakCBqBQXe_jDYdR1A==";

/// Runs a program to its end.
fn run(command: &mut Command) -> (Process, Vec<String>) {
    let process = Process::start(command);
    let lines = std::iter::from_fn(|| process.line()).collect();
    (process, lines)
}

#[test]
fn an_encrypted_payload_is_read_as_if_it_were_not() {
    let program = peers::example("decrypt");
    let (mut process, lines) = run(&mut Command::new(&program));
    assert_eq!(lines, [r#"data_update: {"value":42}"#, r#"data_update: "in the clear""#], "{}", process.log());
    assert!(process.wait().success());
}

#[test]
fn a_payload_that_python_encrypted_is_read_and_what_has_another_key_is_left_out() {
    let program = peers::example("decrypt");
    let peer = Peer::run_plain(|peer| {
        let mut stream = peer.request().open();
        for token in [FOREIGN, TOKEN] {
            stream.raw(format!("data: {{\"event\":\"data_update\",\"encrypted_payload\":\"{token}\"}}\n\n"));
        }
        stream.raw("data: {\"event\":\"last\",\"payload\":null}\n\n");
        peer.wait_closed(stream.connection);
    });
    let mut reader = Command::new(&program);
    let reader = Process::start(reader.arg(peer.url("/mcp/sse")).env("FERNET_KEY", KEY));
    assert_eq!(reader.line().as_deref(), Some(r#"data_update: {"value":42}"#));
    assert_eq!(reader.line().as_deref(), Some("last: null"));
    drop(reader);
    peer.finish();

    let (mut process, _) = run(Command::new(&program).arg("http://127.0.0.1:9/").env("FERNET_KEY", "too short"));
    assert!(process.error_line().unwrap().contains("no key of Fernet"));
    assert_eq!(process.wait().code(), Some(1));
}

#[test]
fn a_server_without_json_rpc_is_called_by_the_example_and_heard_in_batches() {
    let (mut process, lines) = run(&mut Command::new(peers::example("plain-rpc")));
    let log = process.log();
    for expected in [
        "plain JSON over HTTP",
        "  get_data: Gets data by its id",
        "a call: data \"7\"",
        "a method that it does not have: the server answered error -32601: Method not found",
    ] {
        assert!(lines.iter().any(|line| line == expected), "no line `{expected}`: {log}");
    }
    assert!(lines.last().unwrap().starts_with("10 events: "), "{log}");
    assert!(process.wait().success());
}

#[test]
fn the_example_calls_the_server_of_somebody_else_and_says_what_went_wrong() {
    let peer = Peer::run_plain(|peer| {
        // The stream, which the example has a handler for, and the first request, in either order.
        for _ in 0..2 {
            let request = peer.request();
            match &*request.method {
                "GET" => {
                    request.open().raw(
                        "data: {\"event\":\"error\",\"error\":{\"code\":\"RATE_LIMITED\",\"message\":\"slow down\"}}\n\n",
                    );
                }
                _ => request.json_status("500 Internal Server Error", "", r#"{"error":"out of order"}"#),
            }
        }
    });
    let (mut process, _) = run(Command::new(peers::example("plain-rpc")).arg(peer.url("")));
    let told: Vec<String> = std::iter::from_fn(|| process.error_line()).collect();
    let failure = "plain-rpc: the server answered error -32603: out of order";
    assert!(told.iter().any(|line| line == failure), "{told:?}");
    assert_eq!(process.wait().code(), Some(1));
    peer.finish();
}
