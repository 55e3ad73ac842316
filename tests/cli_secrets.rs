//! The command line `mcp` and credentials: where they come from, and that they are shown nowhere.
// In helpers too a panic is the report.
#![allow(clippy::unwrap_used)]

use mcp_tests::command_line::{run, serve};

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
