//! Who may use a bridge.

use super::super::*;
use mcp_sse_blocking::Error;

fn with_token(options: &[&str], token: &str) -> Bridge {
    let mut command =
        command_line::command(&[&["bridge", "--listen", "127.0.0.1:0"], options, &["--", &upstream()]].concat());
    command.env("BRIDGE_TOKEN", token);
    Bridge::run(command)
}

#[test]
fn beyond_loopback_a_token_is_needed() {
    for address in ["0.0.0.0:0", "[::]:0"] {
        let ended = command_line::run(&["bridge", "--listen", address, "--", &upstream()]);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.err.join("\n").contains("--token-env or --token-file"), "{ended:?}");
    }
    let mut command =
        command_line::command(&["bridge", "--listen", "0.0.0.0:0", "--token-env", "BRIDGE_TOKEN", "--", &upstream()]);
    command.env("BRIDGE_TOKEN", "secret-1");
    let mut bridge = Bridge::run(command);
    assert!(bridge.origin.starts_with("http://0.0.0.0:"));
    bridge.origin = bridge.origin.replace("0.0.0.0", "127.0.0.1");
    let client = bridge.builder(ProtocolVersion::LATEST).bearer("secret-1").connect().unwrap();
    assert_eq!(call(&client, "log", json!({})), "logged");
}

#[test]
fn a_token_is_demanded_from_every_client_and_kept_from_the_server() {
    let bridge = with_token(&["--token-env", "BRIDGE_TOKEN"], "secret-1");
    for version in ProtocolVersion::ALL {
        for builder in [bridge.builder(version), bridge.builder(version).bearer("secret-2")] {
            let refused = builder.connect().unwrap_err();
            assert!(matches!(&refused, Error::Status(status) if status.code == 401), "{version}: {refused}");
        }
        let client = bridge.builder(version).bearer("secret-1").connect().unwrap();
        let seen = call(&client, "seen", json!({"name": "BRIDGE_TOKEN"}));
        assert_eq!(serde_json::from_str::<Value>(&seen).unwrap()["variable"], "", "{version}");
    }
    // Below the line that says how it was started.
    assert!(!bridge.process.log().lines().skip(1).any(|line| line.contains("secret-1")));
}

#[test]
fn clients_with_different_tokens_do_not_share_a_process() {
    let file = std::env::temp_dir().join(format!("bridge-tokens-{}", std::process::id()));
    std::fs::write(&file, "# whose they are\nof-ada\n\nof-bob\n").unwrap();
    let bridge = Bridge::start(&["--token-file", file.to_str().unwrap()]);
    let [ada, bob] =
        ["of-ada", "of-bob"].map(|token| bridge.builder(ProtocolVersion::LATEST).bearer(token).connect().unwrap());
    assert_eq!(call(&ada, "note", json!({"text": "private"})), "null");
    assert_eq!(call(&bob, "note", json!({})), "null");
    assert_eq!(call(&ada, "note", json!({})), "\"private\"");
    std::fs::remove_file(file).unwrap();
}

#[test]
fn what_nobody_demands_starts_no_process_of_its_own() {
    use mcp_sse_blocking::{Change, Filter};
    let bridge = Bridge::start(&[]);
    let clients =
        ["x1", "x2", "x3"].map(|token| bridge.builder(ProtocolVersion::LATEST).bearer(token).connect().unwrap());
    let mut listening = clients.each_ref().map(|client| client.listen(Filter::new().tools()).unwrap());
    let pids: std::collections::BTreeSet<_> = clients.iter().map(|client| call(client, "pid", json!({}))).collect();
    assert_eq!((pids.len(), bridge.children().len()), (1, 1));
    // Who listens is told all the same, whatever it sends.
    call(&clients[0], "changed", json!({}));
    for changes in &mut listening {
        assert_eq!(changes.next_within(BOUND).unwrap(), Some(Change::Tools));
    }
}

#[test]
fn a_token_that_is_not_there_is_told_of_without_being_shown() {
    let nowhere = ["--token-file", "/nowhere/at/all"];
    for options in [&nowhere[..], &["--token-env", "NOT_SET_ANYWHERE"]] {
        let ended = command_line::run(&[&["bridge", "--listen", ":0"], options, &["--", "true"]].concat());
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.err.join("\n").contains(options[0]), "{ended:?}");
    }
    let mut command = command_line::command(&["bridge", "--listen", ":0", "--token-env", "BRIDGE_TOKEN", "--", "true"]);
    command.env("BRIDGE_TOKEN", "with a space");
    let ended = command_line::ended(Process::start(&mut command));
    assert!(ended.code == Some(2) && !ended.err.join("\n").contains("with a space"), "{ended:?}");
}
