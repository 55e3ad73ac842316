//! The client and the event stream: opening it, the endpoint, redirects, what comes over it and how it ends.

use std::thread;
use std::time::{Duration, Instant};

use mcp_core::time::Cause;
use mcp_sse_blocking::{Builder, Client, Delivery, Error, Limits, PeerError, Reconnect, Transport};
use mcp_tests::scripted_peer::{ENDPOINT, INITIALIZE_RESULT, Peer, Stream};
use serde_json::json;

/// Settings under which a test that hangs fails soon.
fn builder(url: &str) -> Builder {
    Client::builder(url)
        .transport(Transport::HttpSse)
        .connect_timeout(Duration::from_secs(5))
        .endpoint_timeout(Duration::from_secs(5))
        .call_timeout(Duration::from_secs(5))
}

fn refused(url: &str) -> Error {
    builder(url).connect().expect_err("this must not connect")
}

#[test]
fn a_session_is_opened_used_and_closed() {
    let peer = Peer::run(|peer| {
        let get = peer.request();
        assert_eq!((get.method.as_str(), get.target.as_str()), ("GET", "/sse?key=1"));
        assert_eq!(get.header("accept"), Some("text/event-stream"));
        assert_eq!(get.header("accept-encoding"), None);
        assert_eq!(get.header("x-tenant"), Some("a"));
        assert_eq!(get.header("authorization"), Some("Bearer hidden"));
        let mut stream = get.open();
        stream.event("endpoint", ENDPOINT);
        let initialize = peer.request();
        assert_eq!((initialize.method.as_str(), initialize.target.as_str()), ("POST", ENDPOINT));
        assert_eq!(initialize.header("content-type"), Some("application/json"));
        assert_eq!(initialize.header("x-tenant"), Some("a"));
        assert_eq!(initialize.header("authorization"), Some("Bearer hidden"));
        assert_ne!(initialize.connection, get.connection, "a POST never queues behind the GET (R-SSE-44)");
        let message = initialize.json();
        assert_eq!(message["method"], "initialize");
        assert_eq!(message["params"]["protocolVersion"], "2025-11-25");
        assert_eq!(message["params"]["clientInfo"]["name"], "tester");
        initialize.accepted();
        stream.reply(&initialize, INITIALIZE_RESULT);
        let initialized = peer.request();
        assert_eq!(initialized.json(), json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
        initialized.accepted();
        let call = peer.request();
        assert_eq!(call.json()["params"], json!({"name": "echo", "arguments": {"text": "hi"}}));
        assert_eq!(call.connection, initialize.connection, "connections are used again");
        call.accepted();
        stream.reply_text(&call, "hi");
        peer.wait_closed(stream.connection);
    });
    let client = builder(&peer.url("/sse?key=1"))
        .header("X-Tenant", "a")
        .bearer("hidden")
        .client_info(mcp_core::types::Implementation::new("tester", "1"))
        .connect()
        .unwrap();
    assert_eq!(client.server_info().name, "scripted");
    assert_eq!(client.protocol_version().as_str(), "2024-11-05");
    assert!(client.capabilities().tools.is_some());
    let result = client.call("echo", &json!({"text": "hi"})).unwrap();
    assert_eq!(result.all_text(), "hi");
    assert!(client.is_connected());
    client.close();
    assert!(!client.is_connected());
    assert!(matches!(client.call("echo", &()), Err(Error::Closed(Delivery::NotSent))));
    peer.finish();
}

#[test]
fn credentials_and_session_tokens_are_in_no_debug_output_and_no_error() {
    let peer = Peer::run(|peer| {
        let mut stream = peer.stream();
        // The token of a session may be a segment of the path as well (R-SSE-14).
        stream.event("endpoint", "/messages/hidden?sessionId=hidden");
        peer.shake(&mut stream);
        let call = peer.request();
        call.hang_up();
        stream.cut();
    });
    let builder = builder(&peer.url("/sse?key=hidden")).bearer("hidden");
    assert!(!format!("{builder:?}").contains("hidden"), "{builder:?}");
    let client = builder.connect().unwrap();
    assert!(!format!("{client:?}").contains("hidden"), "{client:?}");
    let error = client.call("echo", &()).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("hidden"), "{error} {error:?}");
    peer.finish();
}

#[test]
fn the_endpoint_may_come_late_and_after_comments_and_messages() {
    let peer = Peer::run(|peer| {
        let mut stream = peer.stream();
        stream.raw(": one\n\n: two\r\n\r\n:\n");
        stream.message(r#"{"jsonrpc":"2.0","id":"early","method":"ping"}"#);
        assert!(peer.is_quiet(), "nothing is sent before the endpoint is known (R-SSE-17)");
        stream.raw("event: endpo");
        stream.raw(format!("int\ndata: {ENDPOINT}\n\n"));
        // The early ping is answered, in no particular order with the handshake.
        let (mut pong, mut initialized) = (None, false);
        while pong.is_none() || !initialized {
            let post = peer.request();
            post.accepted();
            match post.message_method().as_str() {
                "initialize" => stream.reply(&post, INITIALIZE_RESULT),
                "notifications/initialized" => initialized = true,
                _ => pong = Some(post),
            }
        }
        assert_eq!(pong.unwrap().json(), json!({"jsonrpc": "2.0", "id": "early", "result": {}}));
    });
    let client = builder(&peer.url("/sse")).connect().unwrap();
    peer.finish();
    drop(client);
}

#[test]
fn an_endpoint_that_never_comes_ends_with_its_own_deadline() {
    let peer = Peer::run(|peer| {
        let mut stream = peer.stream();
        // Comments prove that somebody is there; they do not extend the deadline.
        while stream.raw(": still here\n\n") {
            if peer.is_quiet() {
                std::thread::yield_now()
            }
        }
    });
    let error = builder(&peer.url("/sse")).endpoint_timeout(Duration::from_millis(200)).connect().unwrap_err();
    let Error::Timeout(timeout) = &error else { panic!("{error}") };
    assert_eq!((timeout.cause, timeout.delivery), (Cause::Endpoint, Delivery::NotSent));
    assert_eq!(error.to_string(), "the endpoint deadline passed after 200ms (setting `endpoint_timeout`)");
    peer.finish();
}

#[test]
fn a_stream_of_something_else_is_told_from_one_of_mcp() {
    let peer = Peer::run(|peer| {
        let mut stream = peer.stream();
        for update in 0.. {
            if !stream.raw(format!("data: Update {update}\n\n")) {
                return;
            }
        }
    });
    let error = refused(&peer.url("/mcp-sse"));
    assert!(matches!(&error, Error::Peer(PeerError::NoEndpoint)), "{error}");
    peer.finish();
}

#[test]
fn a_server_that_accepts_and_stays_silent_ends_with_the_endpoint_deadline() {
    let peer = Peer::run(|peer| {
        let get = peer.request();
        peer.wait_closed(get.connection);
    });
    let error = builder(&peer.url("/sse")).endpoint_timeout(Duration::from_millis(100)).connect().unwrap_err();
    assert!(matches!(&error, Error::Timeout(timeout) if timeout.cause == Cause::Endpoint), "{error}");
    peer.finish();
}

#[test]
fn an_endpoint_elsewhere_or_nowhere_is_refused_and_nothing_is_sent() {
    for endpoint in [
        "http://evil.example/m",
        "//evil.example/m",
        "https://127.0.0.1/m",
        "",
        "   ",
        "ftp://127.0.0.1/",
        "http://u:p@127.0.0.1/m",
    ] {
        let peer = Peer::run(move |peer| {
            let mut stream = peer.stream();
            // An event without data is none, so that an empty value has a line of its own.
            stream.raw(format!("event: endpoint\ndata: {endpoint}\n\n"));
            peer.wait_closed(stream.connection);
            assert!(peer.is_quiet());
        });
        let error = builder(&peer.url("/sse")).endpoint_timeout(Duration::from_secs(2)).connect().unwrap_err();
        assert!(matches!(&error, Error::Peer(PeerError::Endpoint(_))), "{endpoint:?}: {error}");
        peer.finish();
    }
}

#[test]
fn an_endpoint_is_resolved_against_the_stream_and_kept_byte_for_byte() {
    for (stream, endpoint, target) in [
        ("/mcp/sse", "/messages/?session_id=1", "/messages/?session_id=1"),
        ("/mcp/sse", "messages?x", "/mcp/messages?x"),
        ("/mcp/sse", "?x=%2F%2f", "/mcp/sse?x=%2F%2f"),
        ("/a/b/sse", "../m;p?q=a/b", "/a/m;p?q=a/b"),
    ] {
        let peer = Peer::run(move |peer| {
            let mut stream = peer.stream();
            stream.event("endpoint", endpoint);
            let initialize = peer.request();
            assert_eq!(initialize.target, target);
            initialize.hang_up();
        });
        assert!(builder(&peer.url(stream)).connect().is_err());
        peer.finish();
    }
}

#[test]
fn an_absolute_endpoint_of_the_same_origin_is_used() {
    let peer = Peer::run(|peer| {
        let mut stream = peer.stream();
        stream.event("endpoint", &format!("{}/m?sessionId=1", peer.origin()));
        let initialize = peer.request();
        assert_eq!(initialize.target, "/m?sessionId=1");
        initialize.hang_up();
    });
    refused(&peer.url("/sse"));
    peer.finish();
}

#[test]
fn a_second_endpoint_replaces_the_first_and_a_foreign_one_ends_the_session() {
    let peer = Peer::run(|peer| {
        let mut stream = peer.handshake();
        let call = peer.request();
        call.accepted();
        stream.event("endpoint", "/elsewhere?sessionId=2");
        stream.reply_text(&call, "one");
        let call = peer.request();
        assert_eq!(call.target, "/elsewhere?sessionId=2");
        call.accepted();
        stream.event("endpoint", "http://evil.example/");
        peer.wait_closed(stream.connection);
    });
    let client = builder(&peer.url("/sse")).connect().unwrap();
    assert_eq!(client.call("echo", &()).unwrap().all_text(), "one");
    let error = client.call("echo", &()).unwrap_err();
    assert!(matches!(&error, Error::Peer(PeerError::Endpoint(_))), "{error}");
    assert!(!client.is_connected());
    peer.finish();
}

#[test]
fn a_message_url_of_the_caller_wins_over_every_endpoint() {
    let peer = Peer::run(|peer| {
        let mut stream = peer.stream();
        stream.event("endpoint", "http://evil.example/");
        let initialize = peer.request();
        assert_eq!(initialize.target, "/public/messages");
        initialize.accepted();
        stream.reply(&initialize, INITIALIZE_RESULT);
        peer.request().accepted();
        peer.wait_closed(stream.connection);
    });
    drop(builder(&peer.url("/sse")).message_url("/public/messages").connect().unwrap());
    peer.finish();
}

#[test]
fn what_is_no_event_stream_is_named_and_shown() {
    let peer = Peer::run(|peer| {
        peer.request().answer(
            "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 21\r\n\r\n<h1>\x1b[2JWelcome</h1>\r\n",
        );
    });
    let error = refused(&peer.url("/sse"));
    let Error::Peer(PeerError::NotAnEventStream { found, excerpt }) = &error else { panic!("{error}") };
    assert!(found.contains("text/html"), "{found}");
    assert_eq!(excerpt, "<h1>\u{fffd}[2JWelcome</h1>");
    peer.finish();
}

#[test]
fn a_long_or_endless_error_page_is_cut() {
    let peer = Peer::run(|peer| {
        let get = peer.request();
        get.answer("HTTP/1.1 500 Internal Server Error\r\nContent-Type: text/plain\r\n\r\n");
        get.answer(vec![b'x'; 100_000]);
        peer.wait_closed(get.connection);
    });
    let Error::Status(status) = refused(&peer.url("/sse")) else { panic!() };
    assert_eq!((status.code, status.excerpt.len()), (500, 512));
    peer.finish();
}

#[test]
fn a_refusal_keeps_what_it_says_about_authentication() {
    let peer = Peer::run(|peer| {
        peer.request().answer(
            "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer resource_metadata=\"https://h/m\"\r\nContent-Length: 0\r\n\r\n",
        );
    });
    let Error::Status(status) = refused(&peer.url("/sse")) else { panic!() };
    assert_eq!(status.code, 401);
    assert_eq!(status.www_authenticate, ["Bearer resource_metadata=\"https://h/m\""]);
    peer.finish();
}

#[test]
fn a_head_without_end_is_refused() {
    let peer = Peer::run(|peer| {
        let get = peer.request();
        get.answer("HTTP/1.1 200 OK\r\n");
        // Until the client hangs up; the connection takes some of it in advance.
        for _ in 0..1000 {
            get.answer(format!("X-Filler: {}\r\n", "x".repeat(1000)));
        }
        peer.wait_closed(get.connection);
    });
    let error = refused(&peer.url("/sse"));
    assert!(matches!(&error, Error::Peer(PeerError::Http(problem)) if problem.contains("16384")), "{error}");
    peer.finish();
}

#[test]
fn the_framing_of_a_chunk_without_end_is_refused() {
    let peer = Peer::run(|peer| {
        let get = peer.request();
        get.answer("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n5;");
        for _ in 0..200 {
            get.answer(vec![b'x'; 1000]);
        }
        peer.wait_closed(get.connection);
    });
    let error = refused(&peer.url("/sse"));
    assert!(matches!(&error, Error::Peer(PeerError::Http(_))), "{error}");
    peer.finish();
}

#[test]
fn a_compressed_stream_that_nobody_asked_for_is_refused() {
    let peer = Peer::run(|peer| {
        peer.request().answer(
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n\x1f\x1f",
        );
    });
    let error = refused(&peer.url("/sse"));
    assert!(matches!(&error, Error::Peer(PeerError::Http(_))), "{error}");
    peer.finish();
}

#[test]
fn redirects_of_the_stream_are_followed_within_the_origin_and_move_the_base_of_the_endpoint() {
    for status in [301, 302, 303, 307, 308] {
        let peer = Peer::run(move |peer| {
            let get = peer.request();
            get.answer(format!("HTTP/1.1 {status} Moved\r\nLocation: /deep/er/sse\r\nContent-Length: 0\r\n\r\n"));
            let get = peer.request();
            assert_eq!((get.method.as_str(), get.target.as_str()), ("GET", "/deep/er/sse"));
            assert_eq!(get.header("authorization"), Some("Bearer hidden"));
            get.open().event("endpoint", "m?x");
            let initialize = peer.request();
            assert_eq!(initialize.target, "/deep/er/m?x");
            initialize.hang_up();
        });
        assert!(builder(&peer.url("/sse")).bearer("hidden").connect().is_err());
        peer.finish();
    }
}

#[test]
fn a_redirect_to_another_origin_is_refused_and_nothing_is_sent_there() {
    let elsewhere = Peer::run(|peer| assert!(peer.is_quiet()));
    let there = elsewhere.url("/sse");
    let peer = Peer::run(move |peer| {
        peer.request().answer(format!("HTTP/1.1 307 Moved\r\nLocation: {there}\r\nContent-Length: 0\r\n\r\n"));
    });
    let error = refused(&peer.url("/sse"));
    assert!(matches!(&error, Error::Peer(PeerError::Endpoint(_))), "{error}");
    peer.finish();
    elsewhere.finish();
}

#[test]
fn redirects_in_a_circle_end() {
    let peer = Peer::run(|peer| {
        for _ in 0..6 {
            peer.request().answer("HTTP/1.1 302 Found\r\nLocation: /sse\r\nContent-Length: 0\r\n\r\n");
        }
        assert!(peer.is_quiet());
    });
    let error = refused(&peer.url("/sse"));
    assert!(matches!(&error, Error::Peer(PeerError::TooManyRedirects)), "{error}");
    peer.finish();
}

#[test]
fn what_cannot_be_used_is_the_callers_fault_and_opens_no_connection() {
    let peer = Peer::run(|peer| assert!(peer.is_quiet()));
    let url = peer.url("/sse");
    for builder in [
        Client::builder("localhost:8000/sse"),
        Client::builder("ftp://localhost/sse"),
        Client::builder("http://user:pass@localhost/sse"),
        Client::builder(&url).header("X-Evil", "a\r\nX-More: b"),
        Client::builder(&url).header("X-Evil", "a\0"),
        Client::builder(&url).header("X Evil", "a"),
        Client::builder(&url).header("Content-Length", "5"),
        Client::builder(&url).bearer("a\nb"),
        Client::builder(&url).bearer("a\u{2026}"),
        Client::builder(&url).message_url("ftp://h/"),
        Client::builder(&url).root_certificates_pem(b"no certificate"),
        Client::builder(&url)
            .transport(Transport::HttpSse)
            .protocol_version(mcp_core::revision::ProtocolVersion::V2026_07_28),
    ] {
        let error = builder.connect().unwrap_err();
        assert!(matches!(error, Error::Usage(_)), "{error}");
        assert_eq!(error.delivery(), Some(Delivery::NotSent));
    }
    peer.finish();
}

/// R-SEC-17, R-SEC-26: credentials go where this program says, and not in the clear after a stream that was encrypted.
#[test]
fn a_message_url_in_the_clear_beside_a_stream_of_https_is_refused_before_anything_is_sent() {
    let peer = Peer::run(|peer| assert!(peer.is_quiet()));
    let url = peer.url("/sse").replace("http://", "https://");
    for transport in [Transport::Detect, Transport::HttpSse, Transport::Plain] {
        let builder = Client::builder(&url).transport(transport).bearer("hunter2-hunter2");
        let error = builder.message_url("http://messages.example/m?token=hidden").connect().unwrap_err();
        let Error::Usage(problem) = &error else { panic!("{error:?}") };
        let expected = "`message_url`: messages and credentials would go to http://messages.example in the clear, \
                        although the stream is at https://127.0.0.1:";
        assert!(problem.starts_with(expected), "{problem}");
        assert!(!problem.contains("hidden") && !problem.contains("hunter2"), "{problem}");
        assert_eq!(error.delivery(), Some(Delivery::NotSent));
    }
    peer.finish();
}

#[test]
fn nobody_there_is_a_transport_error() {
    let address = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let error = refused(&format!("http://{address}/sse"));
    let Error::Transport(transport) = &error else { panic!("{error}") };
    assert_eq!((transport.kind, transport.delivery), (std::io::ErrorKind::ConnectionRefused, Delivery::NotSent));
    assert!(error.to_string().starts_with(&format!("opening the event stream at http://{address}: ")), "{error}");
}

#[test]
fn a_handshake_that_fails_says_why() {
    type Is = fn(&Error) -> bool;
    let cases: [(&str, Is); 3] = [
        (
            r#""error":{"code":-32602,"message":"Unsupported protocol version","data":{"supported":["1"]}}"#,
            |error| matches!(error, Error::Rpc(error) if error.code == -32602 && error.data.is_some()),
        ),
        (
            r#""result":{"protocolVersion":"2026-07-28","capabilities":{},"serverInfo":{"name":"x","version":"1"}}"#,
            |error| matches!(error, Error::Peer(PeerError::ProtocolVersion(version)) if version == "2026-07-28"),
        ),
        (
            r#""result":{}"#,
            |error| matches!(error, Error::Peer(PeerError::Result { method, .. }) if method == "initialize"),
        ),
    ];
    for (answer, is) in cases {
        let peer = Peer::run(move |peer| {
            let mut stream = peer.stream();
            stream.event("endpoint", ENDPOINT);
            let initialize = peer.request();
            initialize.accepted();
            stream.message(&format!(r#"{{"jsonrpc":"2.0","id":{},{answer}}}"#, initialize.id()));
            peer.wait_closed(stream.connection);
            assert!(peer.is_quiet(), "there is no `initialized` after a failed handshake");
        });
        let error = refused(&peer.url("/sse"));
        assert!(is(&error), "{error:?}");
        peer.finish();
    }
}

#[test]
fn a_handshake_without_an_answer_ends_with_its_deadline_and_is_not_cancelled() {
    let peer = Peer::run(|peer| {
        let mut stream = peer.stream();
        stream.event("endpoint", ENDPOINT);
        peer.request().accepted();
        peer.wait_closed(stream.connection);
        assert!(peer.is_quiet(), "`initialize` must not be cancelled (R-LM-27)");
    });
    let error = builder(&peer.url("/sse")).call_timeout(Duration::from_millis(100)).connect().unwrap_err();
    assert!(matches!(&error, Error::Timeout(timeout) if timeout.cause == Cause::Initialize), "{error}");
    peer.finish();
}

#[test]
fn the_whole_handshake_has_one_deadline() {
    // Time itself is the stimulus: two thirds of the deadline go by before the first half of the handshake is answered. A deadline
    // of its own for the second half would end after five seconds; there is a second's room on each side.
    let timeout = Duration::from_secs(3);
    let peer = Peer::run(move |peer| {
        let mut stream = peer.stream();
        stream.event("endpoint", ENDPOINT);
        let initialize = peer.request();
        initialize.accepted();
        thread::sleep(timeout * 2 / 3);
        stream.reply(&initialize, INITIALIZE_RESULT);
        // Never taken over.
        assert_eq!(peer.request().message_method(), "notifications/initialized");
        peer.wait_closed(stream.connection);
    });
    let start = Instant::now();
    let error = builder(&peer.url("/sse")).call_timeout(timeout).connect().unwrap_err();
    assert!(matches!(&error, Error::Timeout(timeout) if timeout.cause == Cause::Initialize), "{error}");
    assert!(start.elapsed() < timeout * 4 / 3, "{:?}", start.elapsed());
    peer.finish();
}

/// Connects, begins a call, lets the peer do something to the stream, and gives what became of the call.
fn call_that_meets(limits: Limits, event: impl FnOnce(&mut Peer, &mut Stream) + Send + 'static) -> Error {
    let peer = Peer::run(move |peer| {
        let mut stream = peer.handshake();
        peer.request().accepted();
        event(peer, &mut stream);
    });
    let client =
        builder(&peer.url("/sse")).limits(limits).reconnect(Reconnect::never()).connect().expect("it connects");
    let error = client.call("echo", &()).expect_err("the stream is over");
    assert!(!client.is_connected());
    let later = client.call("echo", &()).expect_err("it stays over");
    assert_eq!(std::mem::discriminant(&later), std::mem::discriminant(&error), "later calls get the same error");
    peer.finish();
    error
}

#[test]
fn the_end_of_the_stream_fails_calls_in_flight_quickly() {
    let ends: [fn(&mut Peer, &mut Stream); 3] = [
        |_, stream| stream.end(),
        |_, stream| stream.cut(),
        |_, stream| {
            stream.raw("event: message\ndata: {\"jsonrpc\":\"2.0\",");
            stream.cut();
        },
    ];
    for end in ends {
        let error = call_that_meets(Limits::default(), end);
        assert!(matches!(&error, Error::StreamEnded(Delivery::Sent) | Error::Transport(_)), "{error:?}");
        assert_eq!(error.delivery(), Some(Delivery::Sent));
    }
}

#[test]
fn a_line_or_an_event_without_end_passes_a_limit_that_is_named() {
    let mut limits = Limits::default();
    limits.line_bytes = 10_000;
    limits.event_bytes = 20_000;
    let error =
        call_that_meets(limits.clone(), |peer, stream| while stream.raw("x".repeat(1000)) && peer.is_quiet() {});
    assert!(matches!(&error, Error::Limit(exceeded) if exceeded.limit.name() == "line_bytes"), "{error:?}");
    let error =
        call_that_meets(
            limits,
            |peer, stream| {
                while stream.raw(format!("data: {}\n", "x".repeat(1000))) && peer.is_quiet() {}
            },
        );
    assert!(matches!(&error, Error::Limit(exceeded) if exceeded.limit.name() == "event_bytes"), "{error:?}");
}

#[test]
fn a_silent_stream_ends_with_the_idle_deadline() {
    let peer = Peer::run(|peer| {
        let stream = peer.handshake();
        peer.request().accepted();
        peer.wait_closed(stream.connection);
    });
    let client = builder(&peer.url("/sse")).idle_timeout(Duration::from_millis(200)).connect().unwrap();
    let error = client.call("echo", &()).unwrap_err();
    let Error::Timeout(timeout) = &error else { panic!("{error}") };
    assert_eq!((timeout.cause, timeout.after), (Cause::IdleRead, Some(Duration::from_millis(200))));
    assert_eq!(timeout.delivery, Delivery::Sent);
    assert!(!client.is_connected());
    peer.finish();
}

#[test]
fn a_silent_stream_ends_with_the_idle_deadline_when_nobody_calls_as_well() {
    let peer = Peer::run(|peer| {
        let stream = peer.handshake();
        peer.wait_closed(stream.connection);
    });
    let client = builder(&peer.url("/sse"))
        .idle_timeout(Duration::from_millis(100))
        .reconnect(Reconnect::never())
        .connect()
        .unwrap();
    // The client has closed the stream by itself.
    peer.finish();
    let error = client.call("echo", &()).unwrap_err();
    assert!(matches!(&error, Error::Timeout(timeout) if timeout.cause == Cause::IdleRead), "{error:?}");
    assert_eq!(error.delivery(), Some(Delivery::NotSent));
}

#[test]
fn comments_keep_a_stream_alive_but_do_not_extend_a_call() {
    let peer = Peer::run(|peer| {
        let mut stream = peer.handshake();
        let call = peer.request();
        call.accepted();
        // Endless comments, until the call was cancelled because its deadline passed.
        loop {
            stream.raw(": ping\n\n");
            if !peer.is_quiet() {
                break;
            }
        }
        // The cancellation goes out on another thread than the next call.
        let mut cancelled = false;
        for post in [peer.request(), peer.request()] {
            post.accepted();
            if post.message_method() == "notifications/cancelled" {
                cancelled = post.json()["params"]["requestId"] == call.json()["id"];
            } else {
                stream.reply_text(&post, "still here");
            }
        }
        assert!(cancelled);
    });
    let client = builder(&peer.url("/sse")).idle_timeout(Duration::from_secs(2)).connect().unwrap();
    let options = mcp_sse_blocking::CallOptions::new().timeout(Duration::from_millis(200));
    let error = client.call_with("slow", &(), options).unwrap_err();
    assert!(matches!(&error, Error::Timeout(timeout) if timeout.cause == Cause::Call), "{error}");
    assert_eq!(error.delivery(), Some(Delivery::Sent));
    assert_eq!(client.call("echo", &()).unwrap().all_text(), "still here");
    peer.finish();
}

#[test]
fn a_stream_without_http_framing_is_read_until_its_connection_ends() {
    let peer = Peer::run(|peer| {
        let mut stream = peer.request().open_unframed();
        stream.event("endpoint", ENDPOINT);
        peer.shake(&mut stream);
        let call = peer.request();
        call.accepted();
        stream.reply_text(&call, "hi");
        let call = peer.request();
        call.accepted();
        stream.cut();
    });
    let client = builder(&peer.url("/sse")).connect().unwrap();
    assert_eq!(client.call("echo", &()).unwrap().all_text(), "hi");
    assert!(matches!(client.call("echo", &()), Err(Error::StreamEnded(Delivery::Sent))));
    peer.finish();
}
