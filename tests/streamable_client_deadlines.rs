//! Every wait of the client over Streamable HTTP has a deadline, and the error names it.

use std::time::{Duration, Instant};

use mcp_core::time::Cause;
use mcp_sse_blocking::{Builder, Client, Delivery, Error, Transport};
use mcp_tests::scripted_peer::{Peer, Running};
use mcp_tests::streamable_peer::{RESULT_2025, StreamablePeer as _, StreamableRequest as _, end_stream, primed};

const SHORT: Duration = Duration::from_millis(200);

/// What a server does, and what it is called.
type Scene = (&'static str, fn(&mut Peer));

fn builder(peer: &Running<()>) -> Builder {
    Client::builder(&peer.url("/mcp")).transport(Transport::StreamableHttp).call_timeout(SHORT)
}

/// Whether this is the deadline of `cause`, soon after it began.
fn check(error: &Error, cause: Cause, begun: Instant, scene: &str) {
    let Error::Timeout(timeout) = error else { panic!("{scene}: {error}") };
    assert_eq!((timeout.cause, timeout.delivery), (cause, Delivery::Sent), "{scene}");
    assert!(timeout.after.is_some(), "{scene}: {error}");
    assert!(begun.elapsed() < Duration::from_secs(3), "{scene}: {:?}", begun.elapsed());
}

#[test]
fn connecting_waits_for_nothing_without_a_deadline() {
    let scenes: [Scene; 4] = [
        ("no answer to `initialize`", |peer| {
            let initialize = peer.expect("initialize");
            peer.wait_closed(initialize.connection);
        }),
        ("half an answer", |peer| {
            let initialize = peer.expect("initialize");
            initialize.answer("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{");
            peer.wait_closed(initialize.connection);
        }),
        ("a stream without the answer", |peer| {
            let initialize = peer.expect("initialize");
            let mut stream = initialize.open();
            while stream.raw(": wait\n\n") {}
        }),
        ("no answer to `notifications/initialized`", |peer| {
            peer.expect("initialize").json_result(RESULT_2025);
            let initialized = peer.expect("notifications/initialized");
            peer.wait_closed(initialized.connection);
        }),
    ];
    for (scene, script) in scenes {
        let peer = Peer::run(script);
        let begun = Instant::now();
        let error = builder(&peer).connect().unwrap_err();
        check(&error, Cause::Initialize, begun, scene);
        peer.finish();
    }
}

#[test]
fn a_call_waits_for_nothing_beyond_its_deadline() {
    let scenes: [Scene; 6] = [
        ("no head", |peer| drop(peer.expect("tools/call"))),
        ("half a body", |peer| {
            peer.expect("tools/call")
                .answer("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{");
        }),
        ("a stream of comments", |peer| {
            let mut stream = peer.expect("tools/call").open();
            while stream.raw(": wait\n\n") {}
        }),
        ("a stream of progress", |peer| {
            let call = peer.expect("tools/call");
            let mut stream = call.open();
            let progress = format!(
                r#"{{"jsonrpc":"2.0","method":"notifications/progress","params":{{"progressToken":{},"progress":1}}}}"#,
                call.id()
            );
            while stream.raw(format!("data: {progress}\n\n")) {}
        }),
        ("no head of the rest", |peer| {
            let call = peer.expect("tools/call");
            primed(&call, "1").raw("retry: 1\n\n");
            end_stream(&call);
            assert_eq!(peer.request().method, "GET");
        }),
        ("no rest", |peer| {
            let call = peer.expect("tools/call");
            primed(&call, "1").raw("retry: 1\n\n");
            end_stream(&call);
            peer.request().open();
        }),
    ];
    for (scene, script) in scenes {
        let peer = Peer::run(move |peer| {
            peer.shake_streamable_as("", RESULT_2025);
            script(peer);
            while peer.request().message_method() != "notifications/cancelled" {}
        });
        let client = builder(&peer).connect().unwrap();
        let begun = Instant::now();
        let error = client.call("slow", &()).unwrap_err();
        check(&error, Cause::Call, begun, scene);
        peer.finish();
        client.close();
    }
}

/// The session is lost, and the server that lost it does not open another.
#[test]
fn opening_a_session_anew_is_a_part_of_the_call_that_needs_it() {
    let peer = Peer::run(|peer| {
        peer.shake_streamable();
        peer.expect("tools/call").status("404 Not Found", "");
        let initialize = peer.expect("initialize");
        peer.wait_closed(initialize.connection);
    });
    let client = builder(&peer).connect().unwrap();
    let begun = Instant::now();
    let error = client.call("slow", &()).unwrap_err();
    assert!(matches!(error, Error::Timeout(_)), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(3));
    peer.finish();
}

/// R-SSE-31 for streams that answer: silence ends them, and without an id that is the end of the call.
#[test]
fn a_silent_stream_has_a_deadline_of_its_own() {
    let peer = Peer::run(|peer| {
        peer.shake_streamable_as("", RESULT_2025);
        let call = peer.expect("tools/call");
        call.open();
        peer.wait_closed(call.connection);
    });
    let client = builder(&peer).call_timeout(Duration::from_secs(5)).idle_timeout(SHORT).connect().unwrap();
    let begun = Instant::now();
    let error = client.call("slow", &()).unwrap_err();
    check(&error, Cause::IdleRead, begun, "silence");
    assert!(error.to_string().contains("idle_timeout"), "{error}");
    peer.finish();
}

#[test]
fn a_notification_is_not_waited_for_beyond_its_deadline() {
    let peer = Peer::run(|peer| {
        peer.shake_streamable_as("", RESULT_2025);
        let posted = peer.expect("notifications/x");
        peer.wait_closed(posted.connection);
    });
    let client = builder(&peer).connect().unwrap();
    let begun = Instant::now();
    let error = client.notify("notifications/x", &()).unwrap_err();
    check(&error, Cause::Response, begun, "a notification");
    peer.finish();
}
