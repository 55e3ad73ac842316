//! The command line `mcp`: the code that it ends with, and Ctrl-C.
// In helpers too a panic is the report.
#![allow(clippy::unwrap_used)]

use std::net::TcpListener;

use mcp_tests::command_line::{code, echo_server, ended, printed, run, scripted, serve, serve_results, start};

#[test]
fn a_tool_that_fails_is_1() {
    let (_server, url) = echo_server();
    assert_eq!(run(&["call", &url, "fail"]), printed(1, "", "mcp: the tool `fail` failed: this tool always fails"));
    let listed = "mcp: the server lists no tool `nothing`, it lists echo, slow, progress, fail, big";
    let refused = "mcp: the server answered error -32602: unknown tool: nothing";
    assert_eq!(run(&["call", &url, "nothing"]), printed(1, "", &format!("{listed}\n{refused}")));
}

#[test]
fn a_command_line_that_cannot_be_used_is_2() {
    let lines: [&[&str]; 9] = [
        &[],
        &["tools"],
        &["call", "http://127.0.0.1:1/sse"],
        &["call", "http://127.0.0.1:1/sse", "echo", "text"],
        &["call", "http://127.0.0.1:1/sse", "echo", "--json", "[]"],
        &["tools", "localhost:8000/sse"],
        &["tools", "http://127.0.0.1:1/sse", "--timeout", "0"],
        &["tools", "http://127.0.0.1:1/sse", "--transport", "pigeon"],
        &["tools", "http://127.0.0.1:1/sse", "-H", "Content-Length: 1"],
    ];
    for line in lines {
        let ended = run(line);
        assert_eq!((ended.code, ended.out.len()), (Some(2), 0), "{line:?}: {ended:?}");
        assert!(!ended.err.is_empty(), "{line:?}");
    }
}

#[test]
fn no_connection_is_3() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let ended = run(&["tools", &format!("http://{free}/sse")]);
    assert_eq!((ended.code, ended.out.len()), (Some(3), 0));
    assert!(ended.err[0].starts_with(&format!("mcp: sending a message to http://{free}: ")), "{ended:?}");
    assert!(ended.err.iter().any(|line| line.contains("is the server running?")), "no advice: {ended:?}");
    let (_server, url) = echo_server();
    let ended = run(&["tools", &url.replace("http://", "https://")]);
    assert_eq!((ended.code, ended.out.len()), (Some(3), 0));
    assert!(ended.err.iter().any(|line| line.contains("does not speak TLS")), "no advice: {ended:?}");
    let ended = run(&["tools", "--stdio", "--", "/nonexistent/server"]);
    assert_eq!((ended.code, ended.out.len()), (Some(3), 0));
    assert!(ended.err[0].starts_with("mcp: starting the server server: "), "{ended:?}");
}

#[test]
fn nothing_at_the_url_is_3_whatever_is_asked_for() {
    let advised = |line: &[&str], advice: &str| {
        let ended = run(line);
        assert_eq!(ended.code, Some(3), "{ended:?}");
        assert!(ended.err.iter().any(|line| line == advice), "no advice: {ended:?}");
    };
    let (_server, url) = echo_server();
    advised(
        &["tools", url.strip_suffix("/sse").unwrap()],
        "     most servers are at a path that ends with /mcp or /sse",
    );
    advised(&["tools", &url, "--transport=http"], "     without --transport it is found out what the server speaks");
}

#[test]
fn a_stream_that_is_lost_is_3() {
    let peer = scripted(|peer, mut stream| {
        peer.request().accepted();
        stream.cut();
    });
    assert_eq!(code(&["call", &peer.url("/sse"), "--transport=sse", "t", "--json={}"]), 3);
    peer.finish();
}

#[test]
fn a_session_that_the_server_forgot_is_3() {
    let peer = scripted(|peer, _stream| peer.request().status("404 Not Found", "no such session"));
    assert_eq!(code(&["call", &peer.url("/sse"), "--transport=sse", "t", "--json={}"]), 3);
    peer.finish();
}

#[test]
fn a_page_in_place_of_a_stream_is_4() {
    let page = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 4\r\n\r\n<p>a";
    let peer = serve(move |peer| peer.request().answer(page));
    assert_eq!(code(&["tools", &peer.url("/sse"), "--transport=sse"]), 4);
    peer.finish();
}

#[test]
fn an_endpoint_elsewhere_is_4() {
    let peer = serve(|peer| peer.stream().event("endpoint", "http://elsewhere.example/messages"));
    assert_eq!(code(&["tools", &peer.url("/sse"), "--transport=sse"]), 4);
    peer.finish();
}

#[test]
fn a_result_of_another_shape_is_4() {
    let peer = serve_results(&[r#"{"content":"text"}"#]);
    assert_eq!(code(&["call", &peer.url("/sse"), "--transport=sse", "t", "--json={}"]), 4);
    peer.finish();
}

#[test]
fn a_deadline_is_5() {
    let (_server, url) = echo_server();
    let ended = run(&["call", &url, "slow", "ms=60000", "--timeout", "0.2"]);
    assert_eq!((ended.code, ended.out.len()), (Some(5), 0));
    assert!(ended.err.iter().any(|line| line.contains("--timeout")), "no advice: {ended:?}");
}

#[test]
fn a_server_that_is_silent_before_it_names_an_endpoint_is_5() {
    let peer = serve(|peer| {
        let stream = peer.stream();
        peer.wait_closed(stream.connection);
    });
    assert_eq!(code(&["tools", &peer.url("/sse"), "--transport=sse", "--timeout", "0.2"]), 5);
    peer.finish();
}

#[test]
fn an_interrupt_is_130_and_the_server_is_told() {
    let peer = scripted(|peer, mut stream| {
        let call = peer.request();
        call.accepted();
        let token = &call.json()["params"]["_meta"]["progressToken"];
        let progress = format!(r#"{{"progressToken":{token},"progress":1}}"#);
        stream.message(&format!(r#"{{"jsonrpc":"2.0","method":"notifications/progress","params":{progress}}}"#));
        let cancelled = peer.request();
        cancelled.accepted();
        assert_eq!(cancelled.message_method(), "notifications/cancelled");
        assert_eq!(cancelled.json()["params"]["requestId"], call.json()["id"]);
    });
    let process = start(&["call", &peer.url("/sse"), "--transport=sse", "t", "--json={}"]);
    assert_eq!(process.error_line().as_deref(), Some("mcp: progress 1"));
    process.signal("INT");
    assert_eq!(ended(process), printed(130, "", "mcp: interrupted"));
    peer.finish();
}

#[test]
fn an_interrupt_before_there_is_a_call_is_130_too() {
    let (asked, was_asked) = crossbeam_channel::bounded(1);
    let peer = serve(move |peer| {
        let stream = peer.stream();
        asked.send(()).unwrap();
        peer.wait_closed(stream.connection);
    });
    let process = start(&["tools", &peer.url("/sse"), "--transport=sse"]);
    was_asked.recv_timeout(mcp_tests::process::BOUND).unwrap();
    process.signal("INT");
    assert_eq!(ended(process).code, Some(130));
    peer.finish();
}

/// The server holds the standard error that it was given: it ends only when the server has ended.
#[cfg(unix)]
#[test]
fn an_interrupt_leaves_no_server_behind_that_was_started() {
    // One that never says anything, and does not end with its input.
    let process = start(&["tools", "--stdio", "--", "sh", "-c", "echo started >&2; exec sleep 1000"]);
    assert_eq!(process.error_line().as_deref(), Some("started"));
    process.signal("INT");
    assert_eq!(ended(process).code, Some(130));
}
