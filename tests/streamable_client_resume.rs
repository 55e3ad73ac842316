//! The client over Streamable HTTP when a stream ends before the reply: resumption and polling (R-SH, sections F and G).

use std::time::{Duration, Instant};

use mcp_core::time::Cause;
use mcp_sse_blocking::{Builder, CallOptions, Client, Delivery, Error, Transport};
use mcp_tests::scripted_peer::{Peer, Request};
use mcp_tests::streamable_peer::{
    RESULT_2025, SESSION, StreamablePeer as _, StreamableRequest as _, end_stream, primed,
};

fn builder(url: &str) -> Builder {
    Client::builder(url)
        .transport(Transport::StreamableHttp)
        .connect_timeout(Duration::from_secs(5))
        .call_timeout(Duration::from_secs(5))
}

/// The GET that asks for what came after this event.
fn expect_resumption(peer: &mut Peer, id: &str) -> Request {
    let get = peer.request();
    assert_eq!(get.method, "GET", "{get:?}");
    assert_eq!(get.header("last-event-id"), Some(id));
    assert_eq!(get.header("accept"), Some("text/event-stream"));
    assert_eq!(get.header("mcp-session-id"), Some(SESSION));
    assert_eq!(get.header("mcp-protocol-version"), Some("2025-11-25"));
    get
}

/// R-SH-29 to R-SH-35: the stream is cut after each event; every message arrives once, in order.
#[test]
fn a_stream_that_is_cut_after_any_event_goes_on_with_a_get() {
    // The events of the answer: two notifications of progress and the reply.
    for cut_after in 0..3 {
        let peer = Peer::run(move |peer| {
            peer.shake_streamable();
            let call = peer.expect("tools/call");
            let token = call.json()["params"]["_meta"]["progressToken"].clone();
            let event = |n: usize| match n {
                3 => format!(
                    r#"id: e3{}data: {{"jsonrpc":"2.0","id":{},"result":{{"content":[]}}}}{}"#,
                    '\n',
                    call.id(),
                    "\n\n"
                ),
                n => format!(
                    "id: e{n}\ndata: {{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{{\"progressToken\":{token},\"progress\":{n}}}}}\n\n"
                ),
            };
            let mut stream = primed(&call, "e0");
            stream.raw("retry: 1\n\n");
            for n in 1..=cut_after {
                stream.raw(event(n));
            }
            stream.raw("id: e9\ndata: half an ev");
            stream.cut();
            let get = expect_resumption(peer, &format!("e{cut_after}"));
            let mut stream = get.open();
            for n in cut_after + 1..=3 {
                stream.raw(event(n));
            }
            end_stream(&get);
        });
        let client = builder(&peer.url("/mcp")).connect().unwrap();
        let mut seen = Vec::new();
        let options = CallOptions::new().on_progress(|progress| seen.push(progress.progress));
        client.call_with("index", &(), options).unwrap();
        assert_eq!(seen, [1.0, 2.0], "cut after {cut_after}");
        peer.finish();
    }
}

/// R-SH-38 to R-SH-42, R-SH-44: a server that lets its client poll, and the pause that it asks for.
#[test]
fn the_pause_that_a_server_asks_for_is_kept() {
    let peer = Peer::run(|peer| {
        peer.shake_streamable();
        let call = peer.expect("tools/call");
        let mut stream = primed(&call, "a-0");
        stream.raw("retry: 300\n\n");
        end_stream(&call);
        let mut ended = Instant::now();
        for round in 1..=3 {
            let get = expect_resumption(peer, &format!("a-{}", round - 1));
            assert!(ended.elapsed() >= Duration::from_millis(300), "{:?}", ended.elapsed());
            let mut stream = get.open();
            stream.raw(format!("id: a-{round}\ndata:\n\n"));
            if round == 3 {
                stream.reply_text(&call, "polled");
                // R-SH-18: it is never ended.
                return;
            }
            end_stream(&get);
            ended = Instant::now();
        }
    });
    let client = builder(&peer.url("/mcp")).connect().unwrap();
    assert_eq!(client.call("index", &()).unwrap().all_text(), "polled");
    peer.finish();
}

/// R-SH-37: without an id there is nothing to go on with, and the call is not made again.
#[test]
fn a_stream_without_ids_is_lost_with_its_reply() {
    let peer = Peer::run(|peer| {
        peer.shake_streamable_as("", RESULT_2025);
        let call = peer.expect("tools/call");
        call.open();
        end_stream(&call);
        let call = peer.expect("tools/call");
        call.open().cut();
        peer.expect("tools/call").json_text("the session stands");
    });
    let client = builder(&peer.url("/mcp")).connect().unwrap();
    let error = client.call("index", &()).unwrap_err();
    assert!(matches!(error, Error::StreamEnded(Delivery::Sent)), "{error}");
    let error = client.call("index", &()).unwrap_err();
    assert_eq!(error.delivery(), Some(Delivery::Sent), "{error}");
    assert!(matches!(error, Error::StreamEnded(_) | Error::Transport(_)), "{error}");
    assert_eq!(client.call("index", &()).unwrap().all_text(), "the session stands");
    peer.finish();
}

/// R-SH-36: busy and failing servers are asked again, one that refuses is not.
#[test]
fn a_resumption_that_is_refused_for_good_ends_the_call() {
    let peer = Peer::run(|peer| {
        peer.shake_streamable();
        let call = peer.expect("tools/call");
        let mut stream = primed(&call, "e0");
        stream.raw("retry: 1\n\n");
        end_stream(&call);
        expect_resumption(peer, "e0").status("409 Conflict", "");
        expect_resumption(peer, "e0").status("503 Service Unavailable", "");
        let get = expect_resumption(peer, "e0");
        let mut stream = get.open();
        stream.reply_text(&call, "at last");
        end_stream(&get);
        for status in ["400 Bad Request", "405 Method Not Allowed", "404 Not Found"] {
            let call = peer.expect("tools/call");
            let mut stream = primed(&call, "f0");
            stream.raw("retry: 1\n\n");
            end_stream(&call);
            expect_resumption(peer, "f0").status(status, "");
        }
    });
    let client = builder(&peer.url("/mcp")).connect().unwrap();
    assert_eq!(client.call("index", &()).unwrap().all_text(), "at last");
    for _ in 0..3 {
        let error = client.call("index", &()).unwrap_err();
        assert!(matches!(error, Error::StreamEnded(Delivery::Sent)), "{error}");
    }
    peer.finish();
}

/// R-SH-44: attempts that bring nothing are counted.
#[test]
fn a_server_that_never_goes_on_is_given_up() {
    let peer = Peer::run(|peer| {
        peer.shake_streamable();
        let call = peer.expect("tools/call");
        let mut stream = primed(&call, "e0");
        stream.raw("retry: 1\n\n");
        end_stream(&call);
        let mut gets = 0;
        loop {
            let request = peer.request();
            if request.method != "GET" {
                request.json_text("next");
                return gets;
            }
            gets += 1;
            request.open();
            end_stream(&request);
        }
    });
    let client = builder(&peer.url("/mcp")).connect().unwrap();
    let error = client.call("index", &()).unwrap_err();
    assert!(matches!(error, Error::StreamEnded(Delivery::Sent)), "{error}");
    client.call("index", &()).unwrap();
    assert_eq!(peer.finish(), 5);
}

/// The deadline of the call holds while it waits to resume, and so does closing.
#[test]
fn waiting_to_resume_ends_with_the_deadline_and_with_the_client() {
    for closes in [false, true] {
        let peer = Peer::run(move |peer| {
            peer.shake_streamable();
            let call = peer.expect("tools/call");
            let mut stream = primed(&call, "e0");
            stream.raw("retry: 3600000\n\n");
            end_stream(&call);
            let next = peer.request();
            let expected = if closes { "DELETE" } else { "POST" };
            assert_eq!(next.method, expected);
            next.taken();
        });
        let client = builder(&peer.url("/mcp")).connect().unwrap();
        let (other, (tell, told)) = (client.clone(), std::sync::mpsc::channel());
        let call = std::thread::spawn(move || {
            tell.send(()).unwrap();
            let options = CallOptions::new();
            let options = if closes { options } else { options.timeout(Duration::from_millis(200)) };
            other.call_with("index", &(), options)
        });
        told.recv().unwrap();
        let begun = Instant::now();
        if closes {
            // The call is under way, or fails at once: both end.
            std::thread::sleep(Duration::from_millis(100));
            client.close();
        }
        let error = call.join().unwrap().unwrap_err();
        match &error {
            Error::Closed(_) if closes => {}
            Error::Timeout(timeout) if !closes => assert_eq!(timeout.cause, Cause::Call),
            error => panic!("{error}"),
        }
        assert!(begun.elapsed() < Duration::from_secs(3));
        peer.finish();
    }
}

/// R-SH-41: idle streams have a deadline of their own; what it cuts off can be resumed.
#[test]
fn a_stream_that_is_silent_for_too_long_is_resumed() {
    let peer = Peer::run(|peer| {
        peer.shake_streamable();
        let call = peer.expect("tools/call");
        let mut stream = primed(&call, "e0");
        stream.raw("retry: 1\n\n");
        // Nothing more comes on it.
        let get = expect_resumption(peer, "e0");
        let mut stream = get.open();
        stream.reply_text(&call, "here");
        end_stream(&get);
    });
    let client = builder(&peer.url("/mcp")).idle_timeout(Duration::from_millis(100)).connect().unwrap();
    assert_eq!(client.call("index", &()).unwrap().all_text(), "here");
    peer.finish();
}
