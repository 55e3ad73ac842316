//! The client and its messages: what the answer to a POST means, which replies count, what the server may ask.

use std::time::{Duration, Instant};

use mcp_core::Limits;
use mcp_core::limits::Limit;
use mcp_sse_blocking::{Builder, CallOptions, Client, Delivery, Error, PeerError, Reconnect, Transport};
use mcp_tests::random::Random;
use mcp_tests::scripted_peer::{BOUND, Peer};
use serde_json::{Value, json};

fn builder(url: &str) -> Builder {
    Client::builder(url)
        .transport(Transport::HttpSse)
        .endpoint_timeout(Duration::from_secs(5))
        .call_timeout(Duration::from_secs(5))
}

fn connect(url: &str) -> Client {
    builder(url).connect().expect("it connects")
}

#[test]
fn any_success_takes_a_message_over_and_its_body_means_nothing() {
    let answers = [
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 202 Accepted\r\nContent-Length: 8\r\n\r\nAccepted",
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nAcc\r\n5\r\nepted\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 47\r\n\r\n{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"content\":[]}}",
        "HTTP/1.1 202 Accepted\r\nConnection: close\r\n\r\nAccepted",
    ];
    let peer = Peer::run(move |peer| {
        let mut stream = peer.handshake();
        for answer in answers {
            let call = peer.request();
            call.answer(answer);
            if answer.contains("close") {
                call.hang_up();
            }
            stream.reply_text(&call, answer);
        }
    });
    let client = connect(&peer.url("/sse"));
    for answer in answers {
        assert_eq!(client.call("echo", &()).unwrap().all_text(), answer);
    }
    peer.finish();
}

#[test]
fn a_long_body_of_an_answer_costs_the_connection_but_not_the_call() {
    let peer = Peer::run(|peer| {
        let mut stream = peer.handshake();
        let call = peer.request();
        call.answer("HTTP/1.1 202 Accepted\r\nContent-Length: 1000000000\r\n\r\n");
        call.answer(vec![b'x'; 200_000]);
        peer.wait_closed(call.connection);
        stream.reply_text(&call, "hi");
    });
    assert_eq!(connect(&peer.url("/sse")).call("echo", &()).unwrap().all_text(), "hi");
    peer.finish();
}

#[test]
fn a_body_that_never_comes_holds_up_neither_a_reply_nor_a_deadline() {
    let peer = Peer::run(|peer| {
        let mut stream = peer.handshake();
        let head = "HTTP/1.1 202 Accepted\r\nContent-Length: 8\r\n\r\n";
        for _ in 0..3 {
            let call = peer.request();
            call.answer(head);
            stream.reply_text(&call, "done");
        }
        // Three calls and, each on another thread than the next call, three cancellations.
        for _ in 0..6 {
            peer.request().answer(head);
        }
    });
    let client = connect(&peer.url("/sse"));
    // The best of three, for a machine that is busy.
    let fastest = |call: &dyn Fn()| {
        let timed = |_| {
            let start = Instant::now();
            call();
            start.elapsed()
        };
        (0..3).map(timed).min().unwrap()
    };
    let replied = fastest(&|| assert_eq!(client.call("echo", &()).unwrap().all_text(), "done"));
    assert!(replied < Duration::from_millis(700), "{replied:?}");
    let options = || CallOptions::new().timeout(Duration::from_millis(50));
    let expired = fastest(&|| assert!(matches!(client.call_with("slow", &(), options()), Err(Error::Timeout(_)))));
    assert!(expired < Duration::from_millis(700), "{expired:?}");
    peer.finish();
}

#[test]
fn an_event_stream_in_the_answer_to_a_message_is_not_waited_for() {
    let peer = Peer::run(|peer| {
        let mut stream = peer.handshake();
        let call = peer.request();
        call.answer("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n: nothing\n\n");
        peer.wait_closed(call.connection);
        stream.reply_text(&call, "hi");
    });
    assert_eq!(connect(&peer.url("/sse")).call("echo", &()).unwrap().all_text(), "hi");
    peer.finish();
}

#[test]
fn a_reply_may_come_before_the_answer_to_its_post() {
    let peer = Peer::run(|peer| {
        let mut stream = peer.handshake();
        for size in [10, 3_000_000] {
            let call = peer.request();
            // Larger than the buffers of both sockets: somebody has to read the stream while the POST hangs.
            stream.reply_text(&call, &"x".repeat(size));
            call.accepted();
        }
    });
    let client = connect(&peer.url("/sse"));
    assert_eq!(client.call("echo", &()).unwrap().all_text().len(), 10);
    assert_eq!(client.call("echo", &()).unwrap().all_text().len(), 3_000_000);
    peer.finish();
}

#[test]
fn a_reply_counts_although_its_post_is_never_answered() {
    let peer = Peer::run(|peer| {
        let mut stream = peer.handshake();
        let call = peer.request();
        stream.reply_text(&call, "hi");
        peer.wait_closed(call.connection);
    });
    let client = builder(&peer.url("/sse")).call_timeout(BOUND * 3).connect().unwrap();
    assert_eq!(client.call("echo", &()).unwrap().all_text(), "hi");
    peer.finish();
}

#[test]
fn a_refused_message_fails_alone() {
    let refusals = [
        ("400 Bad Request", "Could not parse message"),
        ("401 Unauthorized", ""),
        ("403 Forbidden", ""),
        ("413 Payload Too Large", "too large"),
        ("415 Unsupported Media Type", ""),
        ("500 Internal Server Error", "oh\x1b[31m"),
        ("503 Service Unavailable", ""),
    ];
    let peer = Peer::run(move |peer| {
        let mut stream = peer.handshake();
        for (status, body) in refusals {
            peer.request().status(status, body);
        }
        let call = peer.request();
        call.accepted();
        stream.reply_text(&call, "hi");
    });
    let client = connect(&peer.url("/sse"));
    for (expected, body) in refusals {
        let error = client.call("echo", &()).unwrap_err();
        let Error::Status(status) = &error else { panic!("{error:?}") };
        assert!(expected.starts_with(&status.code.to_string()), "{error}");
        assert_eq!(status.excerpt, body.replace('\x1b', "\u{fffd}"));
        assert_eq!(error.delivery(), None);
    }
    assert_eq!(client.call("echo", &()).unwrap().all_text(), "hi");
    peer.finish();
}

#[test]
fn an_unknown_session_ends_everything_in_flight_and_the_client_that_opens_no_other() {
    for (status, body) in [
        ("404 Not Found", "Could not find session"),
        ("410 Gone", ""),
        ("400 Bad Request", "No transport found for sessionId"),
    ] {
        let peer = Peer::run(move |peer| {
            let stream = peer.handshake();
            let first = peer.request();
            first.accepted();
            peer.request().status(status, body);
            peer.wait_closed(stream.connection);
        });
        let client = builder(&peer.url("/sse")).reconnect(Reconnect::never()).connect().unwrap();
        let job = client.start("slow", &()).unwrap();
        let error = client.call("echo", &()).unwrap_err();
        assert!(matches!(&error, Error::SessionGone(_)), "{error:?}");
        assert!(matches!(job.result(), Err(Error::SessionGone(_))));
        assert!(matches!(client.call("echo", &()), Err(Error::SessionGone(_))));
        assert!(!client.is_connected());
        peer.finish();
    }
}

/// R-SSE-28. TypeScript's server repeats what it cannot read, C# and its like say with the same status that the session is gone.
#[test]
fn a_refused_message_that_speaks_of_a_session_fails_its_own_call_only() {
    let peer = Peer::run(|peer| {
        let mut stream = peer.handshake();
        let slow = peer.request();
        slow.accepted();
        for before in ["Invalid message: ", "", "Unknown tool: no_session "] {
            let refused = peer.request();
            refused.status("400 Bad Request", &format!("{before}{}", refused.json()));
        }
        stream.reply_text(&slow, "done");
        let last = peer.request();
        last.accepted();
        stream.reply_text(&last, "hi");
    });
    let client = connect(&peer.url("/sse"));
    let job = client.start("slow", &()).unwrap();
    for _ in 0..3 {
        let error = client.call("no_session", &json!({"why": "session not found"})).unwrap_err();
        let Error::Status(status) = &error else { panic!("{error:?}") };
        assert_eq!(status.code, 400);
    }
    assert_eq!(job.result().unwrap().all_text(), "done");
    assert_eq!(client.call("echo", &()).unwrap().all_text(), "hi");
    peer.finish();
}

#[test]
fn a_redirected_post_is_sent_again_only_when_the_method_is_kept_and_within_the_origin() {
    let peer = Peer::run(|peer| {
        let mut stream = peer.handshake();
        for status in [307, 308] {
            let call = peer.request();
            call.answer(format!(
                "HTTP/1.1 {status} Moved\r\nLocation: /messages/?sessionId=hidden\r\nContent-Length: 0\r\n\r\n"
            ));
            let again = peer.request();
            assert_eq!(again.target, "/messages/?sessionId=hidden");
            assert_eq!(again.body, call.body);
            assert_eq!(again.header("content-type"), Some("application/json"));
            again.accepted();
            stream.reply_text(&again, "hi");
        }
        for status in [301, 302, 303] {
            peer.request().answer(format!("HTTP/1.1 {status} Moved\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n"));
        }
        peer.request().answer("HTTP/1.1 307 Moved\r\nLocation: http://evil.example/\r\nContent-Length: 0\r\n\r\n");
        for _ in 0..6 {
            peer.request().answer("HTTP/1.1 307 Moved\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n");
        }
        assert!(peer.is_quiet());
    });
    let client = connect(&peer.url("/sse"));
    assert_eq!(client.call("echo", &()).unwrap().all_text(), "hi");
    assert_eq!(client.call("echo", &()).unwrap().all_text(), "hi");
    for _ in 0..3 {
        assert!(matches!(client.call("echo", &()), Err(Error::Status(_))));
    }
    assert!(matches!(client.call("echo", &()), Err(Error::Peer(PeerError::Endpoint(_)))));
    assert!(matches!(client.call("echo", &()), Err(Error::Peer(PeerError::TooManyRedirects))));
    assert!(client.is_connected());
    peer.finish();
}

#[test]
fn a_post_on_a_connection_that_went_stale_is_sent_again() {
    let peer = Peer::run(|peer| {
        let mut stream = peer.handshake();
        let call = peer.request();
        call.accepted();
        // As a server does that has had enough of an idle connection.
        call.hang_up();
        stream.reply_text(&call, "one");
        let again = peer.request();
        assert_ne!(again.connection, call.connection);
        again.accepted();
        stream.reply_text(&again, "two");
        assert!(peer.is_quiet(), "it is sent once");
    });
    let client = connect(&peer.url("/sse"));
    assert_eq!(client.call("echo", &()).unwrap().all_text(), "one");
    assert_eq!(client.call("echo", &()).unwrap().all_text(), "two");
    peer.finish();
}

/// RFC 9110, section 9.2.2: a POST that does more when it is done twice is not repeated by itself. Whoever read it may have passed
/// it on, as a proxy does that ends before it can answer; the session, and its stream, may stand all the same.
#[test]
fn a_call_that_a_kept_connection_may_have_carried_is_not_sent_again_unless_that_does_no_harm() {
    let peer = Peer::run(|peer| {
        let mut stream = peer.handshake();
        let mut kept = peer.request();
        kept.accepted();
        stream.reply_text(&kept, "kept");
        let read = peer.request();
        assert_eq!(read.connection, kept.connection);
        read.hang_up();
        kept = peer.request();
        assert_eq!(kept.message_method(), "tools/call");
        kept.accepted();
        stream.reply_text(&kept, "kept");
        let read = peer.request();
        assert_eq!(read.connection, kept.connection);
        read.hang_up();
        let again = peer.request();
        assert_ne!(again.connection, read.connection);
        assert_eq!(again.id(), read.id());
        again.accepted();
        stream.reply_text(&again, "again");
        assert!(peer.is_quiet(), "it is sent once more");
    });
    let client = connect(&peer.url("/sse"));
    assert_eq!(client.call("add", &()).unwrap().all_text(), "kept");
    let error = client.call("add", &()).unwrap_err();
    assert!(matches!(&error, Error::Transport(_)), "{error:?}");
    assert_eq!(error.delivery(), Some(Delivery::Sent));
    assert_eq!(client.call("add", &()).unwrap().all_text(), "kept");
    let harmless = CallOptions::new().idempotent();
    assert_eq!(client.call_with("look", &(), harmless).unwrap().all_text(), "again");
    peer.finish();
}

#[test]
fn a_post_is_not_sent_again_once_an_answer_has_begun_or_on_a_fresh_connection() {
    let peer = Peer::run(|peer| {
        let mut stream = peer.handshake();
        // An answer that breaks off, on a connection that was used before.
        let call = peer.request();
        call.answer("HTTP/1.1 202 Acc");
        call.hang_up();
        // A fresh connection that is closed without an answer.
        let call = peer.request();
        call.hang_up();
        let call = peer.request();
        call.accepted();
        stream.reply_text(&call, "hi");
    });
    let client = connect(&peer.url("/sse"));
    for _ in 0..2 {
        let error = client.call("echo", &()).unwrap_err();
        assert!(matches!(&error, Error::Transport(_)), "{error:?}");
        assert_eq!(error.delivery(), Some(Delivery::Sent));
    }
    assert_eq!(client.call("echo", &()).unwrap().all_text(), "hi");
    peer.finish();
}

#[test]
fn only_the_reply_with_the_id_of_the_request_counts() {
    let peer = Peer::run(|peer| {
        let mut stream = peer.handshake();
        let call = peer.request();
        call.accepted();
        let reply = |id: &str, text: &str| {
            format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"content":[{{"type":"text","text":"{text}"}}]}}}}"#)
        };
        for id in [format!("\"{}\"", call.id()), "999".into(), "-1".into(), "1.5".into(), "null".into(), "\"\"".into()]
        {
            stream.message(&reply(&id, "wrong"));
        }
        stream.message(r#"{"jsonrpc":"2.0","error":{"code":-32700,"message":"what?"}}"#);
        stream.message(r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"what?"}}"#);
        stream.reply_text(&call, "right");
        stream.reply_text(&call, "twice");
        let call = peer.request();
        call.accepted();
        stream.reply_text(&call, "next");
    });
    let client = connect(&peer.url("/sse"));
    assert_eq!(client.call("echo", &()).unwrap().all_text(), "right");
    assert_eq!(client.call("echo", &()).unwrap().all_text(), "next");
    peer.finish();
}

#[test]
fn what_is_no_message_is_ignored() {
    let peer = Peer::run(|peer| {
        let mut stream = peer.handshake();
        let call = peer.request();
        call.accepted();
        for data in [
            "Update 0",
            "{",
            "{}",
            "[]",
            "5",
            "null",
            r#"{"jsonrpc":"1.0","id":1,"result":{}}"#,
            r#"{"jsonrpc":"2.0"}"#,
        ] {
            stream.message(data);
        }
        stream.raw("event: ping\ndata: x\n\nevent: message\n\ndata:\n\nid: 7\n\nretry: 5\n\n");
        stream.raw("event: other\ndata: {\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{}}\n\n");
        // No event type, CRLF, several data lines, no space after the colon.
        stream.raw(format!(
            "data:{{\"jsonrpc\":\"2.0\",\r\ndata: \"id\":{},\r\ndata:\"result\":{{\"content\":[]}}}}\r\n\r\n",
            call.id()
        ));
    });
    assert!(connect(&peer.url("/sse")).call("echo", &()).unwrap().content.is_empty());
    peer.finish();
}

#[test]
fn ill_formed_utf8_is_replaced_and_the_reply_still_counts() {
    let peer = Peer::run(|peer| {
        let mut stream = peer.handshake();
        let call = peer.request();
        call.accepted();
        let mut event =
            format!(r#"data: {{"jsonrpc":"2.0","id":{},"result":{{"content":[{{"type":"text","text":"a"#, call.id())
                .into_bytes();
        event.extend_from_slice(b"\xff\xfe\"}]}}\n\n");
        stream.raw(event);
    });
    assert_eq!(connect(&peer.url("/sse")).call("echo", &()).unwrap().all_text(), "a\u{fffd}\u{fffd}");
    peer.finish();
}

#[test]
fn an_error_of_the_server_keeps_its_code_and_data() {
    let peer = Peer::run(|peer| {
        let mut stream = peer.handshake();
        let call = peer.request();
        call.accepted();
        stream.message(&format!(
            r#"{{"jsonrpc":"2.0","id":{},"error":{{"code":-32602,"message":"Unknown tool","data":[1]}}}}"#,
            call.id()
        ));
    });
    let error = connect(&peer.url("/sse")).call("nope", &()).unwrap_err();
    let Error::Rpc(error) = &error else { panic!("{error:?}") };
    assert_eq!((error.code, error.message.as_str()), (-32602, "Unknown tool"));
    assert_eq!(error.data.as_ref().unwrap().get(), "[1]");
    peer.finish();
}

#[test]
fn a_failed_tool_is_a_result_and_an_odd_result_is_the_peers_fault() {
    let peer = Peer::run(|peer| {
        let mut stream = peer.handshake();
        for result in [
            r#"{"content":[{"type":"text","text":"no"}],"isError":true}"#,
            r#"{"content":[{"type":"hologram","data":"x"}],"structuredContent":{"a":1}}"#,
            r#"{"structuredContent":{"a":1}}"#,
            r#"{"content":"text"}"#,
        ] {
            let call = peer.request();
            call.accepted();
            stream.reply(&call, result);
        }
    });
    let client = connect(&peer.url("/sse"));
    assert!(client.call("a", &()).unwrap().is_error);
    assert_eq!(client.call("b", &()).unwrap().content.len(), 1);
    assert_eq!(client.call("c", &()).unwrap().structured_content, Some(json!({"a": 1})));
    let error = client.call("d", &()).unwrap_err();
    assert!(matches!(&error, Error::Peer(PeerError::Result { method, .. }) if method == "tools/call"), "{error:?}");
    peer.finish();
}

#[test]
fn an_odd_result_is_shown_cut_and_without_control_characters() {
    let peer = Peer::run(|peer| {
        let mut stream = peer.handshake();
        let call = peer.request();
        call.accepted();
        stream.reply(&call, &format!(r#"{{"content":"\u001b[2J{}"}}"#, "x".repeat(100_000)));
    });
    let problem = connect(&peer.url("/sse")).call("echo", &()).unwrap_err().to_string();
    assert!(problem.len() < 500 && !problem.contains('\x1b'), "{} bytes", problem.len());
    peer.finish();
}

#[test]
fn the_server_may_ping_and_ask_for_what_there_is_not_at_any_time() {
    let peer = Peer::run(|peer| {
        let mut stream = peer.handshake();
        let call = peer.request();
        call.accepted();
        stream.message(r#"{"jsonrpc":"2.0","id":"p","method":"ping"}"#);
        let pong = peer.request();
        assert_eq!(pong.json(), json!({"jsonrpc": "2.0", "id": "p", "result": {}}));
        pong.accepted();
        stream.message(r#"{"jsonrpc":"2.0","id":9007199254740993,"method":"roots/list"}"#);
        let refusal = peer.request();
        assert_eq!(refusal.json()["error"]["code"], -32601);
        assert_eq!(refusal.json()["id"].to_string(), "9007199254740993", "ids are echoed to the digit (R-LM-12)");
        refusal.accepted();
        stream.reply_text(&call, "hi");
        // And when nobody calls.
        stream.message(r#"{"jsonrpc":"2.0","id":7,"method":"ping"}"#);
        let pong = peer.request();
        assert_eq!(pong.json()["id"], 7);
        pong.accepted();
    });
    let client = connect(&peer.url("/sse"));
    assert_eq!(client.call("echo", &()).unwrap().all_text(), "hi");
    peer.finish();
}

#[test]
fn a_server_that_asks_and_never_takes_an_answer_does_not_disturb_calls() {
    let peer = Peer::run(|peer| {
        let mut stream = peer.handshake();
        for id in 0..500 {
            stream.message(&format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"ping"}}"#));
        }
        // The first answer hangs; the call gets through beside it.
        loop {
            let post = peer.request();
            if post.message_method() == "tools/call" {
                post.accepted();
                return stream.reply_text(&post, "hi");
            }
        }
    });
    let client = connect(&peer.url("/sse"));
    assert_eq!(client.call("echo", &()).unwrap().all_text(), "hi");
    client.close();
    peer.finish();
}

#[test]
fn batches_count_only_where_the_revision_has_them() {
    for (version, expected) in [("2025-03-26", true), ("2024-11-05", false)] {
        let peer = Peer::run(move |peer| {
            let mut stream = peer.stream();
            stream.event("endpoint", "/m");
            let initialize = peer.request();
            initialize.accepted();
            stream.reply(
                &initialize,
                &format!(
                    r#"{{"protocolVersion":"{version}","capabilities":{{}},"serverInfo":{{"name":"x","version":"1"}}}}"#
                ),
            );
            peer.request().accepted();
            let call = peer.request();
            call.accepted();
            stream.message(&format!(
                r#"[{{"jsonrpc":"2.0","method":"notifications/message","params":{{"level":"info","data":1}}}},{{"jsonrpc":"2.0","id":{},"result":{{"content":[]}}}}]"#,
                call.id()
            ));
            if !expected {
                let refusal = peer.request();
                refusal.accepted();
                assert_eq!(refusal.json()["error"]["code"], -32600);
                stream.reply_text(&call, "alone");
            }
        });
        let result = connect(&peer.url("/sse")).call("echo", &()).unwrap();
        assert_eq!(result.content.is_empty(), expected);
        peer.finish();
    }
}

#[test]
fn tools_are_listed_page_after_page() {
    let tool = |name: &str| format!(r#"{{"name":"{name}","inputSchema":{{"type":"object"}}}}"#);
    let pages = [
        (None, format!(r#"{{"tools":[{},{}],"nextCursor":""}}"#, tool("a"), tool("b"))),
        (Some(""), r#"{"tools":[],"nextCursor":"c/2"}"#.to_owned()),
        (Some("c/2"), format!(r#"{{"tools":[{}],"nextCursor":null}}"#, tool("c"))),
    ];
    let peer = Peer::run(move |peer| {
        let mut stream = peer.handshake();
        for (cursor, page) in pages {
            let list = peer.request();
            assert_eq!(list.message_method(), "tools/list");
            assert_eq!(list.json()["params"]["cursor"].as_str(), cursor);
            list.accepted();
            stream.reply(&list, &page);
        }
    });
    let client = connect(&peer.url("/sse"));
    let names: Vec<String> = client.tools().map(|tool| tool.unwrap().name).collect();
    assert_eq!(names, ["a", "b", "c"]);
    peer.finish();
}

#[test]
fn a_list_that_goes_in_circles_or_has_no_end_is_ended() {
    let peer = Peer::run(|peer| {
        let mut stream = peer.handshake();
        for page in 0.. {
            let list = peer.request();
            if list.message_method() == "ping" {
                list.accepted();
                return stream.reply(&list, "{}");
            }
            list.accepted();
            let cursor = if page < 2 { "same".to_owned() } else { page.to_string() };
            stream.reply(
                &list,
                &format!(r#"{{"tools":[{{"name":"t{page}","inputSchema":{{}}}}],"nextCursor":"{cursor}"}}"#),
            );
        }
    });
    let mut limits = Limits::default();
    limits.list_pages = 5;
    let client = builder(&peer.url("/sse")).limits(limits).connect().unwrap();
    let items: Vec<_> = client.tools().collect();
    assert_eq!(items.len(), 3);
    assert!(matches!(&items[2], Err(Error::Peer(PeerError::RepeatedCursor))), "{items:?}");
    let items: Vec<_> = client.tools().collect();
    assert_eq!(items.len(), 6);
    assert!(matches!(&items[5], Err(Error::Limit(exceeded)) if exceeded.limit == Limit::ListPages), "{items:?}");
    client.ping().unwrap();
    peer.finish();
}

#[test]
fn other_requests_and_notifications_can_be_made() {
    let peer = Peer::run(|peer| {
        let mut stream = peer.handshake();
        let request = peer.request();
        assert_eq!(request.json()["params"], json!({"level": "warning"}));
        assert_eq!(request.message_method(), "logging/setLevel");
        request.accepted();
        stream.reply(&request, "{}");
        let request = peer.request();
        assert_eq!((request.message_method().as_str(), request.json().get("params")), ("x/y", None));
        request.accepted();
        stream.reply(&request, r#"{"a":1}"#);
        let notification = peer.request();
        assert_eq!(notification.json(), json!({"jsonrpc": "2.0", "method": "notifications/x", "params": {"b": 2}}));
        notification.status("404 Not Found", "");
    });
    let client = builder(&peer.url("/sse")).reconnect(Reconnect::never()).connect().unwrap();
    client.set_log_level(mcp_core::types::LoggingLevel::Warning).unwrap();
    assert_eq!(client.request::<_, Value>("x/y", &()).unwrap(), json!({"a": 1}));
    assert!(matches!(client.notify("notifications/x", &json!({"b": 2})), Err(Error::SessionGone(_))));
    assert!(matches!(client.request::<_, Value>("x/y", &[1]), Err(Error::Usage(_)) | Err(Error::SessionGone(_))));
    peer.finish();
}

#[test]
fn arguments_must_be_an_object() {
    let peer = Peer::run(|peer| {
        peer.handshake();
    });
    let client = connect(&peer.url("/sse"));
    for arguments in [json!([1]), json!("text"), json!(5)] {
        assert!(matches!(client.call("echo", &arguments), Err(Error::Usage(_))), "{arguments}");
    }
    peer.finish();
}

#[test]
fn garbage_on_the_stream_neither_panics_nor_hangs_nor_hides_a_reply() {
    const ROUNDS: u64 = 200;
    let peer = Peer::run(|peer| {
        let mut stream = peer.handshake();
        for seed in 0..ROUNDS {
            let mut random = Random::new(seed);
            let call = peer.request();
            call.accepted();
            for _ in 0..20 {
                stream.raw(garbage(&mut random, &call.id()));
            }
            // An empty line ends whatever event the garbage had begun.
            stream.raw("\n\n");
            stream.reply_text(&call, "hi");
        }
    });
    let client = connect(&peer.url("/sse"));
    for round in 0..ROUNDS {
        assert_eq!(client.call("echo", &()).unwrap().all_text(), "hi", "round {round}");
    }
    peer.finish();
}

/// Pieces of streams and messages, in no order. None of them answers the call `id`.
fn garbage(random: &mut Random, id: &str) -> Vec<u8> {
    let wrong_id = format!("\"{id}\"");
    let pieces = [
        "data: ",
        "data:",
        "event: message\n",
        "event: x\n",
        "id: 1\n",
        "retry: 1\n",
        ":",
        "\n",
        "\r",
        "\r\n",
        "\u{feff}",
        "{\"jsonrpc\":\"2.0\",",
        "\"id\":",
        &wrong_id,
        "-1",
        "null",
        ",\"result\":{}}",
        ",\"error\":{\"code\":1,\"message\":\"m\"}}",
        "\"method\":\"notifications/progress\"",
        ",\"params\":{\"progressToken\":",
        "[",
        "]",
        "{",
        "}",
        "\"",
        "\\u0000",
    ];
    let mut out = Vec::new();
    // At least one byte: an empty chunk would end the stream.
    for _ in 0..=random.below(12) {
        if random.below(8) == 0 {
            let length = 1 + random.below(20);
            out.extend(random.bytes(length));
        } else {
            out.extend_from_slice(random.pick(&pieces).as_bytes());
        }
    }
    out
}

#[test]
fn an_answer_that_is_none_fails_its_call_at_once() {
    let peer = Peer::run(|peer| {
        let mut stream = peer.handshake();
        for (version, rest) in [
            ("2.0", ""),
            ("1.0", r#","result":{}"#),
            ("2.0", r#","error":{"code":"no number","message":5}"#),
            ("2.0", r#","error":"text""#),
            ("2.0", r#","result":{},"error":{"code":1,"message":"both"}"#),
        ] {
            let call = peer.request();
            call.accepted();
            stream.message(&format!(r#"{{"jsonrpc":"{version}","id":{}{rest}}}"#, call.id()));
        }
        // A malformed request of the server's may have the same number; it is no answer.
        let call = peer.request();
        call.accepted();
        stream.message(&format!(r#"{{"jsonrpc":"2.0","id":{},"method":"ping","params":5}}"#, call.id()));
        let refusal = peer.request();
        assert_eq!((refusal.json()["error"]["code"].as_i64(), refusal.id()), (Some(-32600), call.id()));
        refusal.accepted();
        stream.reply_text(&call, "hi");
    });
    let client = connect(&peer.url("/sse"));
    for _ in 0..5 {
        let error = client.call("echo", &()).unwrap_err();
        assert!(matches!(&error, Error::Peer(PeerError::Message(_))), "{error:?}");
    }
    assert_eq!(client.call("echo", &()).unwrap().all_text(), "hi");
    peer.finish();
}

#[test]
fn a_large_message_that_is_refused_before_it_was_read_says_why() {
    use std::io::{Read, Write};
    let messages = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let message_url = format!("http://{}/m", messages.local_addr().unwrap());
    let peer = Peer::run(|peer| {
        let stream = peer.stream();
        peer.wait_closed(stream.connection);
    });
    let server = std::thread::spawn(move || {
        let (mut socket, _) = messages.accept().unwrap();
        // A little of it, then no.
        socket.read_exact(&mut [0; 100]).unwrap();
        socket.write_all(b"HTTP/1.1 413 Payload Too Large\r\nContent-Length: 7\r\n\r\ntoo big").unwrap();
        socket.shutdown(std::net::Shutdown::Write).unwrap();
        // Bytes that nobody reads would reset the connection and take the answer with them.
        let _ = socket.set_read_timeout(Some(BOUND));
        let _ = socket.read_to_end(&mut Vec::new());
    });
    let info = mcp_core::types::Implementation::new("x".repeat(3 << 20), "1");
    let error = builder(&peer.url("/sse")).message_url(&message_url).client_info(info).connect().unwrap_err();
    assert!(matches!(&error, Error::Status(status) if status.code == 413 && status.excerpt == "too big"), "{error:?}");
    server.join().unwrap();
    peer.finish();
}

#[test]
fn a_notification_that_is_not_taken_over_ends_with_its_deadline() {
    let peer = Peer::run(|peer| {
        let _stream = peer.handshake();
        let notification = peer.request();
        peer.wait_closed(notification.connection);
    });
    let client = builder(&peer.url("/sse")).call_timeout(Duration::from_millis(300)).connect().unwrap();
    let error = client.notify("notifications/x", &()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the response deadline passed after 300ms (setting `call_timeout`); the request had been sent"
    );
    assert!(client.is_connected());
    peer.finish();
}
