//! Servers that are child processes: what they are told, how calls go, and what becomes of calls when they misbehave.
//!
//! The child is `src/bin/stdio_peer.rs`, which behaves as its arguments say.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::env::consts::EXE_SUFFIX;
use std::time::{Duration, Instant};

#[cfg(unix)]
use mcp_sse_blocking::mcp_core::revision::ProtocolVersion;
use mcp_sse_blocking::{CallOptions, Client, Command, Delivery, Error};
use serde_json::json;

fn peer(args: &[&str]) -> Command {
    Command::new(env!("CARGO_BIN_EXE_stdio_peer")).args(args)
}

fn connect(args: &[&str]) -> Client {
    Client::spawn(peer(args)).unwrap()
}

fn echo(client: &Client, text: &str) -> Result<String, Error> {
    client.call("echo", &json!({ "text": text })).map(|result| result.all_text())
}

// R-IO-1
#[test]
fn a_child_process_is_called() {
    let client = connect(&[]);
    assert_eq!(client.server_info().name, "peer");
    assert_eq!(echo(&client, "hello").unwrap(), "hello");
    let names: Vec<String> = client.tools().map(|tool| tool.unwrap().name).collect();
    assert_eq!(names, ["echo", "large"]);
    client.ping().unwrap();
}

// R-IO-2, R-IO-3, R-IO-5: the peer ends at the first line that is no JSON in UTF-8.
#[test]
fn line_ends_in_text_do_not_end_a_message() {
    let client = connect(&[]);
    for text in ["a\nb", "a\r\nb", "\r", "a\u{2028}b\u{2029}c", "\u{85}", "\u{FEFF}", "\0", "", "ä€😀"] {
        assert_eq!(echo(&client, text).unwrap(), text, "{text:?}");
    }
}

// R-IO-4, R-IO-27
#[test]
fn what_is_no_message_between_messages_is_skipped() {
    let client = connect(&["noise"]);
    for round in 0..20 {
        let text = round.to_string();
        assert_eq!(echo(&client, &text).unwrap(), text);
    }
}

#[test]
fn many_threads_call_one_child() {
    let client = connect(&[]);
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let client = &client;
            scope.spawn(move || {
                for round in 0..50 {
                    let text = format!("{thread} {round} {}", "x".repeat(thread * 1000));
                    assert_eq!(echo(client, &text).unwrap(), text);
                }
            });
        }
    });
}

// R-IO-31
#[test]
fn large_messages_go_both_ways_at_once() {
    let mut limits = mcp_sse_blocking::Limits::default();
    limits.message_bytes = 16 << 20;
    let client = Client::spawn_builder(peer(&[])).limits(limits).connect().unwrap();
    let text = "x".repeat(10 << 20);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| assert!(echo(&client, &text).unwrap() == text));
        }
    });
}

// R-IO-31
#[test]
fn a_child_that_floods_both_outputs_while_it_is_written_to_blocks_nobody() {
    let client = connect(&["flood=10000000"]);
    std::thread::scope(|scope| {
        scope.spawn(|| client.call("flood", &json!({"bytes": 10_000_000, "lines": 10_000})).unwrap());
        let text = "x".repeat(1 << 20);
        for _ in 0..10 {
            assert!(echo(&client, &text).unwrap() == text);
        }
    });
}

// R-IO-29
#[test]
fn a_line_without_end_is_a_typed_error_that_names_its_limit() {
    let client = connect(&[]);
    let error = client.call("large", &json!({"bytes": 5 << 20})).unwrap_err();
    assert!(matches!(error, Error::Limit(_)), "{error}");
    assert!(error.to_string().contains("message_bytes"), "{error}");
}

// R-IO-32
#[test]
fn a_child_gets_no_variables_but_those_it_needs() {
    // The variables of this test are those of cargo.
    assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some());
    let client = Client::spawn(peer(&[]).env("GIVEN", "1").pass_env("CARGO_PKG_NAME")).unwrap();
    let names = client.call("env", &()).unwrap().all_text();
    let names: Vec<&str> = names.split(' ').collect();
    assert!(names.contains(&"GIVEN") && names.contains(&"CARGO_PKG_NAME") && names.contains(&"PATH"), "{names:?}");
    assert!(!names.contains(&"CARGO_MANIFEST_DIR"), "{names:?}");
    let client = Client::spawn(peer(&[]).pass_all_env()).unwrap();
    assert!(client.call("env", &()).unwrap().all_text().contains("CARGO_MANIFEST_DIR"));
}

#[test]
fn a_program_that_does_not_exist_is_named() {
    let error = Client::spawn(Command::new("/nowhere/no-such-server").arg("--token=secret")).unwrap_err();
    assert!(matches!(error, Error::Transport(_)), "{error}");
    let text = error.to_string();
    assert!(text.contains("no-such-server") && !text.contains("secret"), "{text}");
    assert_eq!(error.delivery(), Some(Delivery::NotSent));
}

// R-IO-17
#[test]
fn a_child_that_ends_in_a_call_says_how_and_its_last_words() {
    let client = connect(&["last_words=out of luck"]);
    let error = client.call("exit", &json!({"code": 42})).unwrap_err();
    let Error::Exited(exited) = &error else { panic!("{error}") };
    assert_eq!((exited.code, exited.delivery), (Some(42), Delivery::Sent));
    assert_eq!(exited.stderr, ["out of luck"]);
    assert_eq!(
        error.to_string(),
        format!(
            "the server stdio_peer{EXE_SUFFIX} ended with exit code 42; the request had been sent; its last words: out of luck"
        )
    );
}

#[cfg(unix)]
#[test]
fn a_child_that_is_killed_says_by_which_signal() {
    let client = connect(&[]);
    let error = client.call("abort", &()).unwrap_err();
    assert!(matches!(&error, Error::Exited(exited) if exited.signal == Some(6) && exited.code.is_none()), "{error}");
}

// R-IO-34
#[cfg(unix)]
#[test]
fn a_child_that_closes_its_input_is_an_error_of_whoever_writes_to_it() {
    let script = r#"
        read line; id=$(printf %s "$line" | sed 's/.*"id":\([0-9]*\).*/\1/')
        info='"capabilities":{},"serverInfo":{"name":"sh","version":"1"}'
        echo '{"jsonrpc":"2.0","id":'$id',"result":{"protocolVersion":"2025-11-25",'$info'}}'
        read line; exec 0<&-; sleep 60"#;
    let command = Command::new("sh").args(["-c", script]).restarts(0).grace(Duration::from_millis(100));
    let builder = Client::spawn_builder(command).protocol_version(ProtocolVersion::V2025_11_25);
    let client = builder.call_timeout(Duration::from_secs(20)).connect().unwrap();
    // Shorter than what it takes to find out.
    let soon = || CallOptions::new().timeout(Duration::from_millis(50));
    let error = loop {
        // What is written before it closes is never answered.
        match client.call_with("any", &(), soon()).unwrap_err() {
            Error::Timeout(_) => {}
            error => break error,
        }
    };
    assert!(matches!(&error, Error::Exited(exited) if exited.is_running), "{error}");
    assert_eq!(error.delivery(), Some(Delivery::NotSent));
}

#[test]
fn a_call_that_is_never_answered_ends_with_its_deadline_and_the_next_one_goes_on() {
    let client = Client::spawn_builder(peer(&[])).call_timeout(Duration::from_millis(300)).connect().unwrap();
    let start = Instant::now();
    let error = client.call("never", &()).unwrap_err();
    assert!(matches!(error, Error::Timeout(_)), "{error}");
    assert!(start.elapsed() < Duration::from_secs(2));
    assert_eq!(echo(&client, "still here").unwrap(), "still here");
}

#[test]
fn answers_in_another_order_reach_their_callers() {
    let client = connect(&[]);
    let first = client.start("later", &()).unwrap();
    let second = client.start("later", &()).unwrap();
    assert_eq!(second.result().unwrap().all_text(), "second");
    assert_eq!(first.result().unwrap().all_text(), "first");
}

// R-IO-15
#[test]
fn a_call_that_is_cancelled_is_cancelled_at_the_child_and_others_go_on() {
    let record = std::env::temp_dir().join(format!("mcp-stdio-cancel-{}", std::process::id()));
    let client = connect(&[&format!("record={}", record.display())]);
    let job = client.start("never", &()).unwrap();
    assert!(job.canceller().cancel("changed my mind"));
    assert!(matches!(job.result(), Err(Error::Cancelled(_))));
    assert_eq!(echo(&client, "after").unwrap(), "after");
    // What was posted before closing is sent.
    drop(client);
    let methods = std::fs::read_to_string(&record).unwrap();
    let _ = std::fs::remove_file(&record);
    assert_eq!(methods.matches("notifications/cancelled").count(), 1, "{methods}");
}

// R-IO-30: the next message must not become a part of one that was given up.
#[test]
fn a_message_that_was_given_up_half_way_is_finished_before_the_next_one() {
    let client = connect(&[]);
    let nap = client.start("nap", &json!({"ms": 700})).unwrap();
    let options = CallOptions::new().timeout(Duration::from_millis(200));
    // More than a pipe holds, to a child that reads nothing.
    let error = client.call_with("echo", &json!({"text": "x".repeat(1 << 20)}), options).unwrap_err();
    assert!(matches!(&error, Error::Timeout(timeout) if timeout.delivery == Delivery::Sent), "{error}");
    let options = CallOptions::new().timeout(Duration::from_millis(100));
    let error = client.call_with("echo", &json!({"text": "y"}), options).unwrap_err();
    assert!(matches!(&error, Error::Timeout(timeout) if timeout.delivery == Delivery::NotSent), "{error}");
    assert_eq!(echo(&client, "z").unwrap(), "z");
    assert_eq!(nap.result().unwrap().all_text(), "awake");
}

#[test]
fn closing_ends_a_call_whose_message_is_stuck() {
    let client = Client::spawn(peer(&[]).grace(Duration::from_millis(100))).unwrap();
    let _nap = client.start("nap", &json!({"ms": 60_000})).unwrap();
    std::thread::scope(|scope| {
        let stuck = scope.spawn(|| echo(&client, &"x".repeat(1 << 20)).unwrap_err());
        let behind = scope.spawn(|| echo(&client, "behind it").unwrap_err());
        // Long enough as a rule for both to be stuck; what is asserted holds at any time.
        std::thread::sleep(Duration::from_millis(100));
        let start = Instant::now();
        client.close();
        assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
        for call in [stuck, behind] {
            let error = call.join().unwrap();
            assert!(matches!(error, Error::Closed(_)), "{error}");
        }
    });
}
