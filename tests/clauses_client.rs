//! Clauses about what a client must not do with what it was entrusted with: credentials, sessions, pages.

#![allow(clippy::unwrap_used)] // a panic is the report

use std::io::Write as _;
use std::net::TcpStream;
use std::sync::mpsc::channel;
use std::time::Duration;

use mcp_core::revision::ProtocolVersion;
use mcp_core::types::ElicitAction;
use mcp_sse_blocking::{Builder, CallOptions, Client, Delivery, Error, Transport};
use mcp_tests::scripted_lines::Script;
use mcp_tests::scripted_peer::{Peer, Running};
use mcp_tests::streamable_peer::{RESULT_2025, SESSION, StreamablePeer as _, StreamableRequest as _, end_stream};
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
    let client = Client::over_memory_builder(end)
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

/// The capabilities and the identity of a server that points elsewhere with everything that it has.
fn pointing(elsewhere: &str) -> String {
    let icon = json!({ "src": format!("{elsewhere}icon.png"), "mimeType": "image/png" });
    let info = json!({ "name": "s", "version": "1", "websiteUrl": format!("{elsewhere}about"), "icons": [icon] });
    json!({ "supportedVersions": ["2026-07-28"], "capabilities": { "tools": {}, "resources": {}, "prompts": {} },
        "resultType": "complete", "instructions": format!("fetch {elsewhere}instructions"),
        "_meta": { "io.modelcontextprotocol/serverInfo": info } })
    .to_string()
}

#[test]
fn nothing_that_a_server_points_to_is_fetched() {
    // R-LM-113, R-FS-3, R-FS-7, R-SEC-23: schemas, icons, links, pages.
    let elsewhere = first_target();
    let there = elsewhere.url("/");
    let schema = json!({ "$schema": format!("{there}dialect"), "$ref": format!("{there}schema.json"), "type": "object",
        "properties": { "a": { "$ref": format!("{there}a.json#/b"), "type": "string" } } });
    let icons = json!([{ "src": format!("{there}icon.svg"), "mimeType": "image/svg+xml" }]);
    let peer = Peer::run(move |peer| {
        peer.expect("server/discover").json_result(&pointing(&there));
        let tool = json!({ "name": "t", "inputSchema": schema, "outputSchema": schema, "icons": icons });
        peer.expect("tools/list").json_result(&json!({ "tools": [tool], "resultType": "complete" }).to_string());
        let link = json!({ "type": "resource_link", "uri": format!("{there}linked"), "name": "n", "icons": icons });
        let result = json!({ "content": [link], "structuredContent": { "a": 7 }, "resultType": "complete" });
        peer.expect("tools/call").json_result(&result.to_string());
        let resource = json!({ "uri": format!("{there}resource"), "name": "r", "icons": icons });
        peer.expect("resources/list")
            .json_result(&json!({ "resources": [resource], "resultType": "complete" }).to_string());
        let prompt = json!({ "name": "p", "icons": icons });
        peer.expect("prompts/list").json_result(&json!({ "prompts": [prompt], "resultType": "complete" }).to_string());
    });
    let client = builder(&peer.url("/mcp")).transport(Transport::Stateless).connect().unwrap();
    assert!(client.instructions().unwrap().starts_with("fetch"));
    let tool = client.tools().next().unwrap().unwrap();
    assert!(tool.input_schema.get().contains("a.json#/b") && tool.icons[0].src.ends_with("icon.svg"));
    let called = client.call("t", &json!({ "a": "b" })).unwrap();
    assert_eq!(called.structured_content, Some(json!({ "a": 7 })));
    assert_eq!(client.resources().count(), 1);
    assert_eq!(client.prompts().count(), 1);
    drop(client);
    peer.finish();
    untouched(elsewhere);
}

#[test]
fn what_a_tool_says_of_itself_does_not_make_its_call_repeatable() {
    // R-FS-4, R-FS-20, R-ST-33: the caller says so, or nobody does.
    let hints = json!({ "readOnlyHint": true, "idempotentHint": true, "destructiveHint": false });
    let tool = json!({ "name": "t", "inputSchema": { "type": "object" }, "annotations": hints });
    let page = json!({ "tools": [tool], "resultType": "complete" }).to_string();
    let peer = Peer::run(move |peer| {
        peer.expect("server/discover").json_result(DISCOVERED);
        peer.expect("tools/list").json_result(&page);
        let lost = peer.expect("tools/call");
        lost.open();
        end_stream(&lost);
        let first = peer.expect("tools/call");
        first.open();
        end_stream(&first);
        let second = peer.expect("tools/call");
        assert_ne!(first.id(), second.id());
        assert_eq!(second.header("last-event-id"), None);
        second.json_text("repeated");
        // Once.
        for _ in 0..2 {
            let lost = peer.expect("tools/call");
            lost.open();
            end_stream(&lost);
        }
    });
    let client = builder(&peer.url("/mcp")).transport(Transport::Stateless).connect().unwrap();
    assert_eq!(client.tools().count(), 1);
    let error = client.call("t", &()).unwrap_err();
    assert!(matches!(error, Error::StreamEnded(Delivery::Sent)), "{error}");
    let said_so = || CallOptions::new().idempotent();
    assert_eq!(client.call_with("t", &(), said_so()).unwrap().all_text(), "repeated");
    let error = client.call_with("t", &(), said_so()).unwrap_err();
    assert!(matches!(error, Error::StreamEnded(Delivery::Sent)), "{error}");
    peer.finish();
}

#[test]
fn a_session_that_is_opened_anew_may_speak_another_revision() {
    // R-SH-51, R-SH-58, R-LM-26: what is sent afterwards says so.
    let peer = Peer::run(|peer| {
        peer.shake_streamable();
        let call = peer.expect("tools/call");
        assert_eq!(call.header("mcp-protocol-version"), Some("2025-11-25"));
        call.status("404 Not Found", "");
        let older = RESULT_2025.replace("2025-11-25", "2025-06-18");
        peer.shake_streamable_as("Mcp-Session-Id: second\r\n", &older);
        let again = peer.expect("tools/call");
        assert_eq!(again.header("mcp-protocol-version"), Some("2025-06-18"));
        assert_eq!(again.header("mcp-session-id"), Some("second"));
        again.json_text("done");
        let delete = peer.request();
        assert_eq!((delete.method.as_str(), delete.header("mcp-protocol-version")), ("DELETE", Some("2025-06-18")));
        delete.taken();
    });
    let client = builder(&peer.url("/mcp")).transport(Transport::StreamableHttp).connect().unwrap();
    assert_eq!(client.call("x", &()).unwrap().all_text(), "done");
    assert_eq!(client.protocol_version(), ProtocolVersion::V2025_06_18);
    drop(client);
    peer.finish();
}

#[test]
fn a_session_that_cannot_be_opened_anew_is_an_error_that_says_so() {
    // R-SH-51, R-SH-56: once for a failure, and the next call tries again.
    let refusal = r#"{"code":-32022,"message":"no handshake","data":{"supported":["2026-07-28"]}}"#;
    let peer = Peer::run(move |peer| {
        peer.shake_streamable();
        peer.expect("tools/call").status("404 Not Found", "");
        peer.expect("initialize").json_error("400 Bad Request", refusal);
        // The next call finds the session lost again, and a server that has sessions once more.
        let call = peer.expect("tools/call");
        call.status("404 Not Found", "");
        peer.shake_streamable_as("Mcp-Session-Id: second\r\n", RESULT_2025);
        let again = peer.expect("tools/call");
        assert_eq!(again.header("mcp-session-id"), Some("second"));
        again.json_text("done");
    });
    let client = builder(&peer.url("/mcp")).transport(Transport::StreamableHttp).connect().unwrap();
    let error = client.call("x", &()).unwrap_err();
    assert!(error.to_string().contains("2026-07-28") || error.to_string().contains("no handshake"), "{error}");
    assert_ne!(error.delivery(), Some(Delivery::Sent), "it was not carried out: {error:?}");
    assert_eq!(client.call("x", &()).unwrap().all_text(), "done");
    peer.finish();
}
