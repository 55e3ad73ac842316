//! The command line `mcp` at a terminal: tables, colours, progress bars, Ctrl-C.
// In helpers too a panic is the report.
#![allow(clippy::unwrap_used)]
#![cfg(unix)]

use mcp_tests::command_line::{command, echo_server, scripted, serve_results};
use mcp_tests::terminal::{Terminal, plain};

fn at_terminal(arguments: &[&str], columns: u16) -> Terminal {
    Terminal::start(&mut command(arguments), columns)
}

#[test]
fn tools_are_a_table_that_fits_the_terminal() {
    let (_server, url) = echo_server();
    let (code, shown) = at_terminal(&["tools", &url], 60).end();
    assert_eq!(code, Some(0), "{shown}");
    // Headings stand out.
    assert!(shown.contains("\x1b[1mTOOL\x1b[0m"), "{shown:?}");
    let expected = "\
TOOL      PARAMETERS                DESCRIPTION
echo      text                      Gives the text back
slow      ms=integer                Answers after a while
progress  steps=integer [ms=integ…  Reports each of its ste…
fail                                Always fails
big       bytes=integer             Answers with that many…
";
    assert_eq!(plain(&shown).replace("\n\n", "\n").trim_start(), expected);
}

#[test]
fn no_color_and_a_dumb_terminal_are_heeded() {
    let (_server, url) = echo_server();
    for (name, value) in [("NO_COLOR", "1"), ("TERM", "dumb")] {
        let mut command = command(&["tools", &url]);
        let terminal = Terminal::start_with(&mut command, 80, &[(name, value)]);
        let (code, shown) = terminal.end();
        assert_eq!(code, Some(0));
        assert!(shown.contains("TOOL") && !shown.contains("\x1b[1m"), "{name}: {shown:?}");
    }
}

#[test]
fn a_call_that_tells_its_progress_has_a_bar_which_is_gone_in_the_end() {
    let (_server, url) = echo_server();
    let mut terminal = at_terminal(&["call", &url, "progress", "steps=3", "ms=150"], 80);
    terminal.wait_for("1/3");
    let (code, shown) = terminal.end();
    assert_eq!(code, Some(0), "{shown}");
    let shown = plain(&shown);
    assert!(shown.contains("[==========>") && shown.contains("step 2"), "{shown}");
    assert_eq!(shown.trim_end().lines().last(), Some("3 steps"));
}

#[test]
fn a_call_that_takes_long_has_something_that_turns() {
    let (_server, url) = echo_server();
    let mut terminal = at_terminal(&["call", &url, "slow", "ms=900"], 80);
    terminal.wait_for("slow");
    let (code, shown) = terminal.end();
    assert_eq!((code, plain(&shown).trim_end().lines().last()), (Some(0), Some("slept 900 ms")));
}

#[test]
fn a_call_that_is_interrupted_says_so_below_its_bar() {
    let (_server, url) = echo_server();
    let mut terminal = at_terminal(&["call", &url, "progress", "steps=1000", "ms=100"], 80);
    terminal.wait_for("2/1000");
    terminal.interrupt();
    let (code, shown) = terminal.end();
    let shown = plain(&shown);
    assert_eq!(code, Some(130), "{shown}");
    let mut last = shown.trim_end().lines().rev();
    assert_eq!(last.next(), Some("mcp: interrupted"), "{shown}");
    assert!(last.any(|line| line.contains("cancelled")), "{shown}");
}

#[test]
fn log_messages_stand_above_the_bar_with_their_level() {
    let peer = scripted(|peer, mut stream| {
        let call = peer.request();
        call.accepted();
        let token = &call.json()["params"]["_meta"]["progressToken"];
        let progress = format!(r#"{{"progressToken":{token},"progress":1,"total":2,"message":"half\u001b[2J"}}"#);
        stream.message(&format!(r#"{{"jsonrpc":"2.0","method":"notifications/progress","params":{progress}}}"#));
        let log = r#"{"level":"error","logger":"disk","data":"full\u001b[2J"}"#;
        stream.message(&format!(r#"{{"jsonrpc":"2.0","method":"notifications/message","params":{log}}}"#));
        stream.reply_text(&call, "done\u{1b}[31m");
    });
    let (code, shown) = at_terminal(&["call", &peer.url("/sse"), "--transport=sse", "t", "--json={}"], 80).end();
    assert_eq!(code, Some(0), "{shown}");
    assert!(shown.contains("mcp: server \x1b[1;31merror\x1b[0m disk: full[2J"), "{shown:?}");
    // Nothing of the server's moves the cursor or colours anything.
    assert!(!shown.contains("\x1b[2J") && !shown.contains("\x1b[31m"), "{shown:?}");
    assert!(shown.contains("done[31m"), "{shown:?}");
    peer.finish();
}

#[test]
fn json_at_a_terminal_is_the_same_json_without_what_a_terminal_acts_on() {
    let peer = serve_results(&["{\"content\":[],\"x\":\"\u{9b}2J\"}"]);
    let line = ["call", &peer.url("/sse"), "--transport=sse", "t", "--json={}", "-o", "json"];
    let (code, shown) = at_terminal(&line, 80).end();
    assert_eq!(code, Some(0), "{shown}");
    assert!(plain(&shown).contains(r#"{"content":[],"x":"\u009b2J"}"#), "{shown:?}");
    peer.finish();
}

#[test]
fn a_second_interrupt_ends_at_once() {
    // It takes the call over, and then nothing any more: neither a cancellation nor an end.
    let (called, was_called) = crossbeam_channel::bounded(1);
    let (done, wait) = crossbeam_channel::bounded::<()>(1);
    let peer = scripted(move |peer, _stream| {
        peer.request().accepted();
        called.send(()).unwrap();
        let _ = wait.recv_timeout(mcp_tests::process::BOUND);
    });
    let terminal = at_terminal(&["call", &peer.url("/sse"), "--transport=sse", "t", "--json={}"], 80);
    was_called.recv_timeout(mcp_tests::process::BOUND).unwrap();
    terminal.interrupt();
    terminal.interrupt();
    let (code, shown) = terminal.end();
    assert_eq!(code, Some(130), "{shown}");
    drop(done);
    peer.finish();
}
