//! A client and servers whose HTTP is anything: every call ends in time, nothing panics, and the next good answer counts.

#![allow(clippy::unwrap_used)] // a panic is the report

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use mcp_sse_blocking::{CallOptions, Client, Transport};
use mcp_tests::random::Random;
use mcp_tests::scripted_peer::{Peer, Request};
use mcp_tests::streamable_peer::{RESULT_2025, StreamableRequest as _};
use serde_json::json;

/// The bytes of an odd answer.
fn odd(random: &mut Random, request: &Request) -> Vec<u8> {
    let id = if request.body.is_empty() { "null".to_owned() } else { request.id() };
    let result = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"content":[{{"type":"text","text":"odd"}}]}}}}"#);
    if random.below(6) == 0 {
        let length = result.len();
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json";
        return format!("{head}\r\nContent-Length: {length}\r\n\r\n{result}").into_bytes();
    }
    let error = format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":-32020,"message":"no"}}}}"#);
    let statuses = [
        "200 OK",
        "202 Accepted",
        "204 No Content",
        "301 Moved Permanently",
        "307 Temporary Redirect",
        "400 Bad Request",
        "401 Unauthorized",
        "404 Not Found",
        "405 Method Not Allowed",
        "409 Conflict",
        "429 Too Many Requests",
        "500 Internal Server Error",
        "503 Service Unavailable",
        "599 What",
    ];
    let types = ["application/json", "text/event-stream", "text/html", "", "application/json; charset=utf-16", "\u{1}"];
    let events = [
        format!("data: {result}\n\n"),
        format!("id: 1\nretry: 0\ndata: {result}"),
        "id: 1\nretry: 0\ndata:\n\n".to_owned(),
        "id: a\u{0}b\ndata\n\nretry: 99999999999999999999\n\n: comment\n\n".to_owned(),
        "event: endpoint\ndata: /messages\n\n".to_owned(),
        format!("event: message\ndata: {error}\n\nevent: message\ndata: {result}\n\n"),
        "data: [\n\ndata: 7\n\ndata: {}\n\n".to_owned(),
    ];
    let bodies =
        [result.clone(), error, "{}".into(), "[]".into(), "<html>".into(), String::new(), format!("[{result}]")];
    let body = if random.below(2) == 0 { random.pick(&events).clone() } else { random.pick(&bodies).clone() };
    let status = if random.below(2) == 0 { "200 OK" } else { *random.pick(&statuses) };
    let media = types[if random.below(2) == 0 { random.below(2) } else { random.below(types.len()) }];
    let more = [
        "",
        "Location: /mcp\r\n",
        "Location: /mcp/again\r\n",
        "Location: http://[\r\n",
        "Retry-After: 0\r\n",
        "Retry-After: never\r\n",
        "Mcp-Session-Id: another\r\n",
        "Mcp-Session-Id: \r\n",
        "WWW-Authenticate: Bearer\r\nWWW-Authenticate: ,,=\r\n",
        "Connection: close\r\n",
        "Content-Encoding: gzip\r\n",
    ];
    let more = random.pick(&more);
    let framed = match random.below(8) {
        0 => format!("Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n", body.len()),
        1 => format!("Transfer-Encoding: chunked\r\n\r\nzz\r\n{body}"),
        2 => format!("Content-Length: {}\r\n\r\n{body}", body.len() + 7),
        3 => format!("Content-Length: 18446744073709551616\r\n\r\n{body}"),
        _ => format!("Content-Length: {}\r\n\r\n{body}", body.len()),
    };
    let mut bytes = format!("HTTP/1.1 {status}\r\nContent-Type: {media}\r\n{more}{framed}").into_bytes();
    match random.below(8) {
        0 => bytes.truncate(random.below(bytes.len())),
        1 => {
            let at = random.below(bytes.len());
            bytes[at] = random.byte();
        }
        2 => bytes.splice(0..0, *b"HTTP/1.1 100 Continue\r\n\r\n").for_each(drop),
        _ => {}
    }
    bytes
}

/// What a good server answers.
fn good(request: &Request) {
    if request.method != "POST" {
        return request.status("405 Method Not Allowed", "");
    }
    match request.message_method().as_str() {
        "server/discover" => request
            .json_result(r#"{"supportedVersions":["2026-07-28"],"capabilities":{"tools":{}},"resultType":"complete"}"#),
        "initialize" => {
            let body = format!(r#"{{"jsonrpc":"2.0","id":{},"result":{RESULT_2025}}}"#, request.id());
            request.json_status("200 OK", "Mcp-Session-Id: hidden\r\n", &body);
        }
        "tools/call" => request.json_text("good"),
        _ if request.json().get("id").is_none() => request.taken(),
        _ => request.json_result(r#"{"tools":[]}"#),
    }
}

#[test]
fn every_call_ends_whatever_http_a_server_speaks_and_a_good_answer_counts_afterwards() {
    // R-SEC-27, R-SH-44, R-SH-51, R-SH-56, R-ST-33
    for (seed, transport) in (1..).zip([Transport::Stateless, Transport::StreamableHttp]) {
        let is_odd = Arc::new(AtomicBool::new(false));
        let odd_now = Arc::clone(&is_odd);
        let peer = Peer::run(move |peer| {
            let mut random = Random::new(seed);
            loop {
                let request = peer.request();
                if odd_now.load(Ordering::Relaxed) {
                    request.answer(odd(&mut random, &request));
                    if random.below(2) == 0 {
                        request.hang_up();
                    }
                } else {
                    good(&request);
                }
            }
        });
        let client = Client::builder(&peer.url("/mcp"))
            .transport(transport)
            .connect_timeout(Duration::from_secs(5))
            .call_timeout(Duration::from_secs(10))
            .on_notification(|_, _| ())
            .connect()
            .unwrap();
        let (mut refused, mut taken) = (0, 0);
        for round in 0..60 {
            is_odd.store(true, Ordering::Relaxed);
            for _ in 0..4 {
                let begun = Instant::now();
                let options = CallOptions::new().timeout(Duration::from_millis(100));
                match client.call_with("t", &json!({ "round": round }), options) {
                    // A byte of it may be another.
                    Ok(_) => taken += 1,
                    Err(error) => {
                        let text = error.to_string();
                        assert!(text.len() < 2000 && !text.chars().any(|it| it.is_control() && it != '\n'), "{text:?}");
                        refused += 1;
                    }
                }
                assert!(
                    begun.elapsed() < Duration::from_secs(5),
                    "{transport:?}, round {round}: {:?}",
                    begun.elapsed()
                );
            }
            is_odd.store(false, Ordering::Relaxed);
            // What the odd server did to the session may take one call to be found out.
            let again = client.call("t", &()).or_else(|_| client.call("t", &()));
            let answer = again.unwrap_or_else(|error| panic!("{transport:?}, round {round}: {error}"));
            assert_eq!(answer.all_text(), "good", "{transport:?}, round {round}");
        }
        assert!(refused > 50 && taken > 5, "{transport:?}: {refused} {taken}");
        let begun = Instant::now();
        client.close();
        assert!(begun.elapsed() < Duration::from_secs(5));
    }
}

#[test]
fn an_answer_without_end_ends_at_a_bound_or_with_the_deadline() {
    // R-SEC-27, R-EV-42, R-ST-37: whatever it is that never ends.
    const FOUND: &str = r#"{"supportedVersions":["2026-07-28"],"capabilities":{"tools":{}},"resultType":"complete"}"#;
    let chunked =
        |media: &str| format!("HTTP/1.1 200 OK\r\nContent-Type: {media}\r\nTransfer-Encoding: chunked\r\n\r\n");
    let chunk = |data: &str| format!("{:x}\r\n{data}\r\n", data.len());
    let log = r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":1}}"#;
    let (json, stream) = (chunked("application/json"), chunked("text/event-stream"));
    for (title, first, again) in [
        ("interim answers", String::new(), "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n".repeat(100)),
        ("headers", "HTTP/1.1 200 OK\r\n".into(), "X-A: b\r\n".repeat(100)),
        ("blanks", json.clone(), chunk(&" ".repeat(10_000))),
        ("an extension of a chunk", format!("{json}5;"), "a=b;".repeat(1000)),
        ("small chunks", json.clone(), chunk(" ").repeat(1000)),
        ("trailers", format!("{json}0\r\n"), "X-A: b\r\n".repeat(1000)),
        ("a refusal", json.replace("200 OK", "500 No"), chunk(&"x".repeat(10_000))),
        ("comments", stream.clone(), chunk(&": a\n\n\n".repeat(1000))),
        ("ids", stream.clone(), chunk(&"id: 1234\n\n".repeat(1000))),
        ("a line", stream.clone(), chunk(&"data: x".repeat(1000))),
        ("an event", stream.clone(), chunk(&"data: x\n".repeat(1000))),
        ("messages", stream.clone(), chunk(&format!("data: {log}\n\n").repeat(20))),
    ] {
        let peer = Peer::run(move |peer| {
            peer.request().json_result(FOUND);
            let call = peer.request();
            call.answer(first);
            let begun = Instant::now();
            while begun.elapsed() < Duration::from_secs(2) {
                call.answer(&again);
            }
        });
        let builder = Client::builder(&peer.url("/mcp")).transport(Transport::Stateless);
        let client = builder.call_timeout(Duration::from_secs(10)).connect().unwrap();
        let begun = Instant::now();
        let options = CallOptions::new().timeout(Duration::from_millis(300));
        let error = client.call_with("t", &(), options).unwrap_err();
        assert!(begun.elapsed() < Duration::from_secs(2), "{title}: {:?}", begun.elapsed());
        assert!(error.to_string().len() < 2000, "{title}: {error}");
        drop(client);
    }
}
