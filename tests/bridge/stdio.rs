//! `mcp bridge --stdio URL`: a host that starts programs uses a server over HTTP.

use super::super::*;
use mcp_sse_blocking::Command as Child;

/// Our server over HTTP, of every revision.
fn server() -> (Process, String) {
    let (server, origin) = Process::start_server(&mut Command::new(env!("CARGO_BIN_EXE_interop_server")));
    (server, format!("{origin}/mcp"))
}

fn host(options: &[&str], url: &str) -> Builder {
    let command = Child::new(command_line::mcp()).args(["bridge", "--stdio", url]).args(options);
    Client::spawn_builder(command)
}

/// What the front speaks, and what the server behind.
fn pairs() -> impl Iterator<Item = (ProtocolVersion, ProtocolVersion)> {
    [ProtocolVersion::V2025_06_18, ProtocolVersion::LATEST_HANDSHAKE, ProtocolVersion::LATEST]
        .into_iter()
        .flat_map(|front| [ProtocolVersion::LATEST_HANDSHAKE, ProtocolVersion::LATEST].map(|behind| (front, behind)))
}

#[test]
fn a_host_of_either_era_uses_a_server_of_either_era() {
    let (_server, url) = server();
    for (front, behind) in pairs() {
        let client = host(&["--revision", behind.as_str()], &url)
            .protocol_version(front)
            .on_elicitation(|_| accepted("Ada"))
            .connect()
            .unwrap();
        let what = format!("{front} before {behind}");
        assert_eq!((client.server_info().name.as_str(), client.protocol_version()), ("ours", front), "{what}");
        assert_eq!(client.tools().count(), 6, "{what}");
        assert_eq!(call(&client, "echo", json!({"text": "\u{2028} ümläut"})), "\u{2028} ümläut");
        assert_eq!(call(&client, "ask", json!({})), "Hello, Ada.", "{what}");
        let mut steps = Vec::new();
        let options = CallOptions::new().on_progress(|progress| steps.push(progress.progress));
        client.call_with("progress", &json!({"steps": 3}), options).unwrap();
        assert_eq!(steps, [1.0, 2.0, 3.0], "{what}");
        assert_eq!(client.read_resource("memo://greeting").unwrap().contents.len(), 1);
        let greeting = client.get_prompt("greet", &json!({"name": "Ada"})).unwrap();
        assert_eq!(greeting.messages.len(), 1);
        client.close();
    }
}

#[test]
fn a_host_that_cannot_be_asked_is_not_asked() {
    let (_server, url) = server();
    for (front, behind) in pairs() {
        let client = host(&["--revision", behind.as_str()], &url).protocol_version(front).connect().unwrap();
        // The server is told what its client can be asked, and makes of it what it likes.
        match client.call("ask", &()) {
            Ok(result) => assert!(result.is_error, "{front} before {behind}: {}", result.all_text()),
            Err(error) => assert!(error.to_string().contains("elicitation"), "{front} before {behind}: {error}"),
        }
    }
}

#[test]
fn the_bridge_ends_with_its_input() {
    let (_server, url) = server();
    let client = host(&[], &url).connect().unwrap();
    assert_eq!(call(&client, "echo", json!({"text": "x"})), "x");
    let start = Instant::now();
    client.close();
    // Not by force: that comes after two seconds.
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
}

#[test]
fn a_server_that_is_not_there_ends_the_bridge_with_a_reason() {
    let ended = command_line::run(&["bridge", "--stdio", "http://127.0.0.1:9/mcp"]);
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.err.join("\n").contains("refused"), "{ended:?}");
}

#[test]
fn a_server_that_goes_away_is_told_of() {
    let (mut server, url) = server();
    let client = host(&[], &url).connect().unwrap();
    assert_eq!(call(&client, "echo", json!({"text": "x"})), "x");
    server.kill();
    let error = client.call("echo", &json!({"text": "x"})).unwrap_err();
    assert!(error.to_string().contains("behind the bridge"), "{error}");
}
