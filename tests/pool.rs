//! How many connections a client has, and which requests share them.

#![allow(clippy::unwrap_used)] // a panic is the report

use std::collections::HashSet;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use mcp_core::time::Cause;
use mcp_sse_blocking::{Builder, CallOptions, Client, Delivery, Error, Filter, Transport};
use mcp_tests::scripted_peer::{Peer, Running};
use mcp_tests::streamable_peer::{StreamablePeer as _, StreamableRequest as _, end_stream};
use serde_json::json;

/// How long a test waits for anything.
const BOUND: Duration = Duration::from_secs(10);

fn builder<T>(peer: &Running<T>) -> Builder {
    Client::builder(&peer.url("/mcp")).transport(Transport::StreamableHttp).connect_timeout(BOUND).call_timeout(BOUND)
}

/// Takes requests until the session ends and answers each call; says which connections the calls came on.
fn answer_all(peer: &mut Peer) -> Vec<u64> {
    let mut connections = Vec::new();
    loop {
        let request = peer.request();
        match request.method.as_str() {
            "DELETE" => {
                request.status("200 OK", "");
                return connections;
            }
            "GET" => request.status("405 Method Not Allowed", ""),
            _ => {
                connections.push(request.connection);
                request.json_text("done");
            }
        }
    }
}

#[test]
fn connections_that_nobody_uses_are_kept_as_the_caller_wants() {
    for (most, fewest_connections) in [(None, 1), (Some(1), 1), (Some(0), 3)] {
        let peer = Peer::run(|peer| {
            peer.shake_streamable();
            answer_all(peer)
        });
        let mut builder = builder(&peer);
        if let Some(most) = most {
            builder = builder.max_idle_connections(most);
        }
        let client = builder.connect().unwrap();
        for _ in 0..3 {
            client.call("echo", &()).unwrap();
        }
        client.close();
        let connections: HashSet<u64> = peer.finish().into_iter().collect();
        assert_eq!(connections.len(), fewest_connections, "{most:?}");
    }
}

#[test]
fn of_connections_that_come_free_at_once_no_more_are_kept_than_wanted() {
    let peer = Peer::run(|peer| {
        peer.shake_streamable();
        let three: Vec<_> = (0..3).map(|_| peer.expect("tools/call")).collect();
        let used: HashSet<u64> = three.iter().map(|call| call.connection).collect();
        assert_eq!(used.len(), 3);
        for call in &three {
            call.json_text("done");
        }
        // Two are closed while the client lives.
        let closed = HashSet::from([peer.closed(), peer.closed()]);
        assert!(closed.is_subset(&used), "{closed:?} {used:?}");
        let call = peer.expect("tools/call");
        assert!(used.contains(&call.connection) && !closed.contains(&call.connection));
        call.json_text("done");
    });
    let client = builder(&peer).max_idle_connections(1).connect().unwrap();
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| client.call("echo", &()).unwrap());
        }
    });
    client.call("echo", &()).unwrap();
    peer.finish();
}

#[test]
fn requests_beyond_the_limit_wait_and_share_what_is_there() {
    const THREADS: usize = 6;
    for (transport, most) in [(Transport::StreamableHttp, 1), (Transport::StreamableHttp, 2), (Transport::HttpSse, 2)] {
        let peer = Peer::run(move |peer| {
            let mut stream = (transport == Transport::HttpSse).then(|| peer.handshake());
            if stream.is_none() {
                peer.shake_streamable();
            }
            let mut connections = HashSet::new();
            for _ in 0..THREADS * 5 {
                let call = peer.request();
                connections.insert(call.connection);
                match &mut stream {
                    Some(stream) => {
                        call.accepted();
                        stream.reply_text(&call, "done");
                    }
                    None => call.json_text("done"),
                }
            }
            connections.len()
        });
        let path = if transport == Transport::HttpSse { "/sse" } else { "/mcp" };
        let client = Client::builder(&peer.url(path))
            .transport(transport)
            .call_timeout(BOUND)
            .max_connections(most)
            .connect()
            .unwrap();
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| (0..5).for_each(|_| assert_eq!(client.call("a", &()).unwrap().all_text(), "done")));
            }
        });
        let connections = peer.finish();
        assert!(connections <= most, "{transport:?}: {connections} connections");
    }
}

#[test]
fn a_request_that_waits_for_room_too_long_says_which_setting_matters() {
    let (taken, is_taken) = mpsc::channel();
    let (go, gone) = mpsc::channel();
    let peer = Peer::run(move |peer| {
        peer.shake_streamable();
        let call = peer.expect("tools/call");
        taken.send(()).unwrap();
        gone.recv_timeout(BOUND).unwrap();
        assert!(peer.is_quiet(), "what waited was not sent");
        call.json_text("first");
        peer.expect("tools/call").json_text("third");
    });
    let client = builder(&peer).max_connections(1).connect().unwrap();
    thread::scope(|scope| {
        let first = scope.spawn(|| client.call("first", &()).unwrap().all_text());
        is_taken.recv_timeout(BOUND).unwrap();
        let limit = Duration::from_millis(100);
        let error = client.call_with("second", &(), CallOptions::new().timeout(limit)).unwrap_err();
        assert!(matches!(&error, Error::Timeout(timeout) if timeout.cause == Cause::Room), "{error:?}");
        assert_eq!(error.to_string(), "no connection came free within 100ms (setting `max_connections`)");
        assert_eq!(error.delivery(), Some(Delivery::NotSent));
        go.send(()).unwrap();
        assert_eq!(first.join().unwrap(), "first");
    });
    assert_eq!(client.call("third", &()).unwrap().all_text(), "third");
    peer.finish();
}

/// The call that has the one connection would wait for them for ever.
#[test]
fn what_a_server_waits_for_does_not_wait_for_room() {
    let peer = Peer::run(|peer| {
        peer.shake_streamable();
        let call = peer.expect("tools/call");
        let mut stream = call.open();
        stream.raw("data: {\"jsonrpc\":\"2.0\",\"id\":\"p\",\"method\":\"ping\"}\n\n");
        let pong = peer.request();
        assert_eq!(pong.json(), json!({"jsonrpc": "2.0", "id": "p", "result": {}}));
        pong.taken();
        stream.reply_text(&call, "after");
        end_stream(&call);
        let call = peer.expect("tools/call");
        peer.expect("notifications/cancelled").taken();
        call.json_text("late");
    });
    let client = builder(&peer).max_connections(1).connect().unwrap();
    assert_eq!(client.call("asks", &()).unwrap().all_text(), "after");
    let limit = Duration::from_millis(100);
    client.call_with("slow", &(), CallOptions::new().timeout(limit)).unwrap_err();
    peer.finish();
}

#[test]
fn streams_that_stay_open_do_not_count() {
    let peer = Peer::run(|peer| {
        let capabilities = r#"{"tools":{"listChanged":true}}"#;
        let discovered =
            format!(r#"{{"supportedVersions":["2026-07-28"],"capabilities":{capabilities},"resultType":"complete"}}"#);
        peer.expect("server/discover").json_result(&discovered);
        let listen = peer.expect("subscriptions/listen");
        let mut stream = listen.open();
        stream.message(&format!(
            r#"{{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{{"notifications":{{"toolsListChanged":true}},"_meta":{{"io.modelcontextprotocol/subscriptionId":{}}}}}}}"#,
            listen.id()
        ));
        for _ in 0..2 {
            let done = r#"{"resultType":"complete","content":[{"type":"text","text":"done"}]}"#;
            peer.expect("tools/call").json_result(done);
        }
    });
    let client = Client::builder(&peer.url("/mcp"))
        .transport(Transport::Stateless)
        .call_timeout(BOUND)
        .max_connections(1)
        .connect()
        .unwrap();
    let subscription = client.listen(Filter::new().tools()).unwrap();
    for _ in 0..2 {
        assert_eq!(client.call("echo", &()).unwrap().all_text(), "done");
    }
    drop(subscription);
    peer.finish();
}

#[test]
fn closing_and_cancelling_end_a_wait_for_room() {
    let (taken, is_taken) = mpsc::channel();
    let peer = Peer::run(move |peer| {
        peer.shake_streamable();
        let call = peer.expect("tools/call");
        taken.send(()).unwrap();
        peer.wait_closed(call.connection);
    });
    let client = builder(&peer).max_connections(1).connect().unwrap();
    let first = client.start("first", &()).unwrap();
    is_taken.recv_timeout(BOUND).unwrap();
    let cancelled = client.start("second", &()).unwrap();
    let closed = client.start("third", &()).unwrap();
    let start = Instant::now();
    assert!(cancelled.canceller().cancel("not wanted any more"));
    assert!(matches!(cancelled.result(), Err(Error::Cancelled(_))));
    client.close();
    assert!(matches!(first.result(), Err(Error::Closed(_))));
    let error = closed.result().unwrap_err();
    assert!(matches!(error, Error::Closed(_)), "{error:?}");
    assert!(start.elapsed() < BOUND / 2);
    peer.finish();
}

#[test]
fn no_room_at_all_is_the_callers_fault() {
    let error = Client::builder("http://localhost:1/mcp").max_connections(0).connect().unwrap_err();
    assert!(
        matches!(&error, Error::Usage(problem) if problem == "`max_connections` is 0: no request could ever be made"),
        "{error}"
    );
}
