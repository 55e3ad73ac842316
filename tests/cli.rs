//! The command line `mcp`: what `tools` and `call` print where.
//!
//! Against the echo-server where a decent server is wanted, against scripted ones for everything else.
// In helpers too a panic is the report.
#![allow(clippy::unwrap_used)]

use std::process::Stdio;

use mcp_tests::command_line::{command, echo_server, printed, run, serve, serve_results};
use mcp_tests::peers;

#[test]
fn tools_are_listed_with_their_parameters() {
    let (_server, url) = echo_server();
    let expected = "\
echo  Gives the text back
    text  string  required  what to give back
slow  Answers after a while
    ms  integer  required  after how many milliseconds
progress  Reports each of its steps
    steps  integer  required  how many
    ms     integer            milliseconds before each of them; none if absent
fail  Always fails
big  Answers with that many bytes
    bytes  integer  required  how many";
    assert_eq!(run(&["tools", &url]), printed(0, expected, ""));
}

#[test]
fn the_result_is_on_standard_output_and_nothing_else_is() {
    let (_server, url) = echo_server();
    assert_eq!(run(&["call", &url, "echo", "text=a=b c"]), printed(0, "a=b c", ""));
    let progress = "mcp: progress 1/2 step 1\nmcp: progress 2/2 step 2";
    assert_eq!(run(&["call", &url, "progress", "steps=2", "ms=1"]), printed(0, "2 steps", progress));
}

#[test]
fn values_are_sent_as_the_tool_describes_them() {
    let (_server, url) = echo_server();
    assert_eq!(run(&["call", &url, "slow", "ms=1"]), printed(0, "slept 1 ms", ""));
    assert_eq!(run(&["call", &url, "echo", "text=1"]), printed(0, "1", ""));
    assert_eq!(run(&["call", &url, "echo", "--json", r#"{"text": "x"}"#]), printed(0, "x", ""));
    let ended = run(&["call", &url, "slow", "ms=soon"]);
    assert_eq!((ended.code, ended.err[0].as_str()), (Some(2), "mcp: `ms` has to be an integer, not `soon`"));
    // And what helps.
    assert!(ended.err[1].contains("`mcp tools ... slow`"), "{ended:?}");
}

#[test]
fn a_name_that_the_tool_does_not_describe_is_sent_with_a_warning() {
    let (_server, url) = echo_server();
    let warning = "mcp: `echo` has no parameter `txt` (did you mean `text`?), it has text; it is sent all the same";
    assert_eq!(run(&["call", &url, "echo", "text=a", "txt=b"]), printed(0, "a", warning));
    // `fail` says that it takes none.
    let ended = run(&["call", &url, "fail", "a=b"]);
    assert_eq!((ended.code, ended.err[0].as_str()), (Some(2), "mcp: `fail` has no parameter `a`, it has none"));
}

#[test]
fn a_pipe_gets_every_byte_and_what_is_no_text_is_described() {
    let peer = serve_results(&[
        r#"{"content":[{"type":"text","text":"\u001b[31mred"},{"type":"image","data":"aGVsbG8=","mimeType":"image/png"}]}"#,
    ]);
    assert_eq!(
        run(&["call", &peer.url("/sse"), "--transport=sse", "t", "--json={}"]),
        printed(0, "\x1b[31mred\n[image, image/png, 5 bytes]", "")
    );
    peer.finish();
}

#[test]
fn what_a_server_logs_is_on_standard_error_without_control_characters() {
    let peer = serve(|peer| {
        let mut stream = peer.handshake();
        let call = peer.request();
        call.accepted();
        let data = r#"{"level":"warning","logger":"disk","data":"nearly\u001b[2J full"}"#;
        stream.message(&format!(r#"{{"jsonrpc":"2.0","method":"notifications/message","params":{data}}}"#));
        stream.reply_text(&call, "done");
    });
    let ended = run(&["call", &peer.url("/sse"), "--transport=sse", "t", "--json={}"]);
    assert_eq!(ended, printed(0, "done", "mcp: server warning disk: nearly[2J full"));
    peer.finish();
}

#[test]
fn how_the_server_was_found_is_told_to_who_wants_to_know() {
    let (_server, sse) = echo_server();
    let http = sse.replace("/sse", "/mcp");
    for (url, option, found) in [
        (&http, "--transport=auto", "Streamable HTTP, stateless, revision 2026-07-28, found in 1 request"),
        (&http, "--transport=http", "Streamable HTTP, revision 2025-11-25, found in 1 request"),
        (&sse, "--transport=auto", "HTTP+SSE, revision 2025-11-25, found in 3 requests"),
    ] {
        let ended = run(&["tools", url, option, "-v"]);
        assert_eq!(ended.code, Some(0));
        let lines = &ended.err;
        assert!(lines.contains(&format!("mcp: {url}: {found}")), "{lines:#?}");
        // All that was tried is on the wire.
        let asked = lines.iter().filter(|line| line.starts_with("--> ") && line.contains("\"id\":1,")).count();
        assert!(asked >= if found.ends_with("3 requests") { 3 } else { 1 }, "{lines:#?}");
    }
}

#[test]
fn any_revision_can_be_asked_for() {
    let (_server, sse) = echo_server();
    let http = sse.replace("/sse", "/mcp");
    for (url, revision, found) in [
        (&sse, "2024-11-05", "HTTP+SSE, revision 2024-11-05"),
        (&sse, "2025-11-25", "HTTP+SSE, revision 2025-11-25"),
        (&http, "2025-03-26", "Streamable HTTP, revision 2025-03-26"),
        (&http, "2025-06-18", "Streamable HTTP, revision 2025-06-18"),
        (&http, "2025-11-25", "Streamable HTTP, revision 2025-11-25"),
        (&http, "2026-07-28", "Streamable HTTP, stateless, revision 2026-07-28"),
    ] {
        let ended = run(&["tools", url, "--revision", revision, "-v"]);
        assert_eq!((ended.code, ended.out.len()), (Some(0), 10), "{ended:?}");
        assert!(ended.err.iter().any(|line| line.contains(found)), "{ended:?}");
    }
}

#[test]
fn a_server_is_started_called_and_ended() {
    let server = peers::example("echo-server");
    let server = server.to_str().unwrap();
    assert_eq!(run(&["call", "--stdio", "echo", "text=a", "--", server, "--stdio"]), printed(0, "a", ""));
    let ended = run(&["tools", "--stdio", "-v", "--", server, "--stdio"]);
    let found = "mcp: echo-server: lines, stateless, revision 2026-07-28, found in 1 request";
    assert!(ended.err.iter().any(|line| line == found), "{ended:?}");
    let ended = run(&["tools", "--stdio", "--", server, "--nonsense"]);
    assert_eq!((ended.code, ended.out.len()), (Some(3), 0));
    assert!(ended.err.iter().any(|line| line.starts_with("usage: echo-server")), "{ended:?}");
}

#[test]
fn help_and_version_are_no_errors() {
    for option in ["--help", "--version"] {
        let ended = run(&[option]);
        assert_eq!((ended.code, ended.err.len()), (Some(0), 0));
        assert!(!ended.out.is_empty());
    }
}

/// `mcp call URL big bytes=3000000 | head -c 10`
#[test]
fn it_ends_quietly_when_nobody_reads_the_result() {
    let (_server, url) = echo_server();
    let mut child = command(&["call", &url, "big", "bytes=3000000"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));
}
