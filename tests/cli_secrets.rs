//! The command line `mcp` and credentials: where they come from, and that they are shown nowhere.
// In helpers too a panic is the report.
#![allow(clippy::unwrap_used)]

use mcp_tests::command_line::{command, echo_server, ended, run, serve};
use mcp_tests::process::Process;
use mcp_tests::scripted_peer::Running;
use mcp_tests::tls_front::TlsFront;

const SECRET: &str = "c2VjcmV0LXRva2Vu";

#[test]
fn headers_are_sent_with_every_request_and_shown_nowhere() {
    let peer = serve(|peer| {
        let get = peer.request();
        let mut stream = get.open();
        stream.event("endpoint", "/messages?sessionId=1");
        peer.shake(&mut stream);
        let call = peer.request();
        call.accepted();
        // A server that repeats what it was sent.
        let told = call.header("authorization").unwrap().to_owned();
        stream.message(&format!(r#"{{"jsonrpc":"2.0","method":"notifications/x","params":{{"seen":"{told}"}}}}"#));
        stream.reply_text(&call, "done");
        (get.header("authorization").map(str::to_owned), told)
    });
    let header = format!("Authorization: Bearer {SECRET}");
    let ended = run(&["call", &peer.url("/sse"), "--transport=sse", "t", "--json={}", "-vv", "-H", &header]);
    assert_eq!((ended.code, &ended.out[..]), (Some(0), &["done".to_owned()][..]));
    let shown = ended.err.join("\n");
    assert!(shown.contains(r#"<-- {"jsonrpc":"2.0","method":"notifications/x","params":{"seen":"***"}}"#), "{shown}");
    assert!(shown.contains(r#"--> {"jsonrpc":"2.0","id":1,"method":"initialize""#), "{shown}");
    assert!(!shown.contains(SECRET) && !shown.contains("sessionId"), "{shown}");
    let value = format!("Bearer {SECRET}");
    assert_eq!(peer.finish(), (Some(value.clone()), value));
}

#[test]
fn a_header_that_cannot_be_sent_is_not_repeated() {
    for header in [SECRET.to_owned(), format!("Authorization {SECRET}"), format!("A: {SECRET}\nB: c")] {
        let ended = run(&["tools", "http://127.0.0.1:1/sse", "-H", &header]);
        assert_eq!(ended.code, Some(2));
        assert!(!ended.err.join("\n").contains(SECRET), "{ended:?}");
    }
}

/// A server that wants this token, and answers the first that it does not want with 401.
fn wants(token: &'static str) -> Running<Vec<Option<String>>> {
    serve(move |peer| {
        let mut given = Vec::new();
        loop {
            let request = peer.request();
            given.push(request.header("authorization").map(str::to_owned));
            if given.last().unwrap().as_deref() == Some(format!("Bearer {token}").as_str()) {
                let mut stream = request.open();
                stream.event("endpoint", "/messages?sessionId=1");
                peer.shake(&mut stream);
                let list = peer.request();
                list.accepted();
                given.push(list.header("authorization").map(str::to_owned));
                stream.reply(&list, r#"{"tools":[]}"#);
                return given;
            }
            request.answer("HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer\r\nContent-Length: 0\r\n\r\n");
        }
    })
}

#[test]
fn a_token_comes_from_a_variable() {
    let peer = wants(SECRET);
    let mut mcp = command(&["tools", &peer.url("/sse"), "--transport=sse", "--bearer-env", "CLI_TOKEN", "-vv"]);
    let ended = ended(Process::start(mcp.env("CLI_TOKEN", SECRET)));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(!ended.err.join("\n").contains(SECRET), "{ended:?}");
    let value = Some(format!("Bearer {SECRET}"));
    assert_eq!(peer.finish(), [value.clone(), value]);
    let unset = run(&["tools", "http://127.0.0.1:1/sse", "--bearer-env", "NOT_SET_ANYWHERE"]);
    assert_ne!(unset.code, Some(0));
    assert!(unset.err[0].contains("NOT_SET_ANYWHERE"), "{unset:?}");
}

#[test]
fn a_token_comes_from_a_command_which_is_asked_again_when_it_is_refused() {
    let peer = wants("second-token");
    let file = std::env::temp_dir().join(format!("mcp-cli-token-{}", std::process::id()));
    let command =
        format!("if [ -e {0} ]; then echo second-token; else touch {0}; echo first-token; fi", file.display());
    let ended = run(&["tools", &peer.url("/sse"), "--transport=sse", "--token-command", &command, "-vv"]);
    std::fs::remove_file(&file).unwrap();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let shown = ended.err.join("\n");
    assert!(!shown.contains("first-token") && !shown.contains("second-token"), "{shown}");
    let given: Vec<String> = peer.finish().into_iter().flatten().collect();
    assert_eq!(given, ["Bearer first-token", "Bearer second-token", "Bearer second-token"]);
}

#[test]
fn a_server_that_wants_a_token_is_met_with_advice() {
    let peer = serve(|peer| peer.request().answer("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"));
    let ended = run(&["tools", &peer.url("/sse"), "--transport=sse"]);
    assert_eq!(ended.code, Some(3));
    assert!(ended.err.iter().any(|line| line.contains("--bearer-env VARIABLE")), "{ended:?}");
    peer.finish();
}

#[test]
fn certificates_are_checked_unless_told_otherwise() {
    let (_server, url) = echo_server();
    let address = url.strip_prefix("http://").unwrap().split('/').next().unwrap().parse().unwrap();
    let front = TlsFront::start(address, &["localhost"]);
    let file = std::env::temp_dir().join(format!("mcp-cli-ca-{}.pem", std::process::id()));
    std::fs::write(&file, front.certificate()).unwrap();
    let https = front.url("/sse");
    let refused = run(&["tools", &https]);
    assert_eq!(refused.code, Some(3), "{refused:?}");
    assert!(refused.err.iter().any(|line| line.contains("--ca FILE")), "no advice: {refused:?}");
    assert_eq!(run(&["tools", &https, "--ca", file.to_str().unwrap()]).code, Some(0));
    assert_eq!(run(&["tools", &https, "--pin", file.to_str().unwrap()]).code, Some(0));
    let insecure = run(&["tools", &https, "--insecure"]);
    assert_eq!(insecure.code, Some(0), "{insecure:?}");
    assert!(insecure.err[0].starts_with("mcp: WARNING: --insecure: "), "{insecure:?}");
    for (line, said) in [
        (&["--cert", "/nonexistent"][..], "--cert needs --key"),
        (&["--key", "/nonexistent"], "--key needs --cert"),
        (&["--ca", "/nonexistent"], "--ca: /nonexistent: "),
    ] {
        let ended = run(&[&["tools", &https], line].concat());
        assert_eq!(ended.code, Some(2));
        assert!(ended.err[0].contains(said), "{ended:?}");
    }
    std::fs::remove_file(&file).unwrap();
}

#[test]
fn a_trace_has_what_goes_over_the_wire_and_no_secret() {
    let (_server, url) = echo_server();
    let file = std::env::temp_dir().join(format!("mcp-cli-trace-{}", std::process::id()));
    let header = format!("Authorization: Bearer {SECRET}");
    let call = |trace: &str| run(&["call", &url, "echo", "text=hello", "--trace", trace, "-H", &header]);
    assert_eq!(call(file.to_str().unwrap()).code, Some(0));
    let written = std::fs::read_to_string(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    let shown = call("-").err.join("\n");
    for trace in [written, shown] {
        assert!(
            trace.contains("--> ") && trace.contains("tools/call") && trace.contains("authorization: ***"),
            "{trace}"
        );
        assert!(!trace.contains(SECRET), "{trace}");
    }
}

#[test]
fn the_password_of_a_proxy_is_not_shown() {
    let proxy = format!("http://ada:{SECRET}@127.0.0.1:1");
    for line in [&["tools", "http://127.0.0.1:1/mcp", "-vv", "--proxy", &proxy][..], &["tools", "--proxy", &proxy]] {
        let ended = run(line);
        assert!(matches!(ended.code, Some(2 | 3)), "{ended:?}");
        assert!(!ended.err.join("\n").contains(SECRET), "{ended:?}");
    }
}

#[test]
fn compression_is_offered_when_it_is_asked_for() {
    for (option, offered) in [("--compressed", true), ("-v", false)] {
        let peer = serve(|peer| {
            let request = peer.request();
            request.status("503 Service Unavailable", "later");
            request.header("accept-encoding").is_some_and(|encodings| encodings.contains("gzip"))
        });
        assert_eq!(run(&["tools", &peer.url("/sse"), "--transport=sse", option]).code, Some(3));
        assert_eq!(peer.finish(), offered, "{option}");
    }
}
