//! Clauses about what a client must not do with what it was entrusted with: credentials, sessions, pages.

#![allow(clippy::unwrap_used)] // a panic is the report

use std::io::Write as _;
use std::net::TcpStream;
use std::sync::mpsc::channel;
use std::time::Duration;

use mcp_core::revision::ProtocolVersion;
use mcp_core::types::ElicitAction;
use mcp_sse_blocking::{Builder, Client, Transport};
use mcp_tests::scripted_lines::Script;
use mcp_tests::scripted_peer::{Peer, Running};
use mcp_tests::streamable_peer::{SESSION, StreamablePeer as _, StreamableRequest as _};
use serde_json::json;

fn builder(url: &str) -> Builder {
    Client::builder(url)
        .connect_timeout(Duration::from_secs(5))
        .call_timeout(Duration::from_secs(5))
        .bearer("hidden")
        .header("X-Api-Key", "hidden too")
}

const DISCOVERED: &str = r#"{"supportedVersions":["2026-07-28"],"capabilities":{"tools":{}},"resultType":"complete"}"#;

/// A server that says what the first request was for.
fn first_target() -> Running<String> {
    Peer::run(|peer| {
        let request = peer.request();
        request.status("200 OK", "");
        request.target
    })
}

/// Nobody was there before this.
fn untouched(elsewhere: Running<String>) {
    let mut own = TcpStream::connect(elsewhere.address()).unwrap();
    own.write_all(b"GET /mine HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    assert_eq!(elsewhere.finish(), "/mine");
}

#[test]
fn nothing_follows_a_redirect_to_another_origin() {
    // R-SEC-26, R-SH-54: at the first request, at a call, at the stream of a session, and at its end.
    for status in
        ["301 Moved Permanently", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent Redirect"]
    {
        let elsewhere = first_target();
        let redirect = format!("HTTP/1.1 {status}\r\nLocation: {}\r\nContent-Length: 0\r\n\r\n", elsewhere.url("/mcp"));

        let answer = redirect.clone();
        let peer = Peer::run(move |peer| peer.expect("server/discover").answer(&answer));
        builder(&peer.url("/mcp")).transport(Transport::Stateless).connect().unwrap_err();
        peer.finish();

        let answer = redirect.clone();
        let peer = Peer::run(move |peer| peer.expect("initialize").answer(&answer));
        builder(&peer.url("/mcp")).transport(Transport::StreamableHttp).connect().unwrap_err();
        peer.finish();

        let answer = redirect.clone();
        let peer = Peer::run(move |peer| {
            peer.expect("server/discover").json_result(DISCOVERED);
            peer.expect("tools/call").answer(&answer);
        });
        let client = builder(&peer.url("/mcp")).transport(Transport::Stateless).connect().unwrap();
        client.call("echo", &()).unwrap_err();
        peer.finish();

        let answer = redirect;
        let peer = Peer::run(move |peer| {
            peer.shake_streamable();
            let get = peer.request();
            assert_eq!((get.method.as_str(), get.header("mcp-session-id")), ("GET", Some(SESSION)));
            get.answer(&answer);
            peer.expect("tools/call").answer(&answer);
            let delete = peer.request();
            assert_eq!(delete.method, "DELETE");
            delete.answer(&answer);
        });
        let client = builder(&peer.url("/mcp"))
            .transport(Transport::StreamableHttp)
            .on_notification(|_, _| ())
            .connect()
            .unwrap();
        client.call("echo", &()).unwrap_err();
        drop(client);
        peer.finish();

        untouched(elsewhere);
    }
}

#[test]
fn a_page_is_not_looked_at_and_its_host_is_told_when_there_is_one_to_go_to() {
    // R-FC-24, R-FC-25, R-SEC-19
    let elsewhere = first_target();
    let page = elsewhere.url("/pay?order=1");
    let pages = [
        (page.clone(), Some("127.0.0.1"), false),
        ("https://example.com/in".to_owned(), Some("example.com"), false),
        ("https://xn--pple-43d.com/in".to_owned(), Some("xn--pple-43d.com"), true),
        ("javascript:alert(1)".to_owned(), None, false),
        ("data:text/html,x".to_owned(), None, false),
        ("file:///etc/passwd".to_owned(), None, false),
        ("vbscript:x".to_owned(), None, false),
        ("https://example.com@evil.example/".to_owned(), None, false),
    ];
    let asked = pages.clone();
    let (script, end) = Script::run(ProtocolVersion::V2026_07_28, json!({ "tools": {} }), move |server| {
        for (url, _, _) in asked {
            let call = server.expect("tools/call");
            let params = json!({ "mode": "url", "message": "please", "url": url });
            let page = json!({ "page": { "method": "elicitation/create", "params": params } });
            server.result(&call, json!({ "resultType": "input_required", "inputRequests": page }));
            let again = server.expect("tools/call");
            assert_eq!(again["params"]["inputResponses"]["page"], json!({ "action": "accept" }), "{again}");
            server.result(&again, json!({ "content": [], "resultType": "complete" }));
        }
    });
    let (tell, told) = channel();
    let client = Client::memory_builder(end)
        .call_timeout(Duration::from_secs(5))
        .on_url_elicitation(move |page| {
            let _ = tell.send((page.url().to_owned(), page.host(), page.has_lookalikes()));
            ElicitAction::Accept
        })
        .connect()
        .unwrap();
    for (url, host, has_lookalikes) in pages {
        client.call("x", &()).unwrap();
        assert_eq!(told.recv().unwrap(), (url, host.map(str::to_owned), has_lookalikes));
    }
    drop(client);
    script.finish();
    untouched(elsewhere);
}
