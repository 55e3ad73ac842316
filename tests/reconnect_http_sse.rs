//! HTTP+SSE when its stream is lost: what the client does, what becomes of the calls, and what its states say.
//!
//! Pauses are tiny and waits are for events. `R-SSE-28`, `R-SSE-39`: everything in flight fails, and a new session begins with a
//! new handshake.

#![allow(clippy::unwrap_used)] // a panic is the report

use std::iter;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, unbounded};
use mcp_core::types::LoggingLevel;
use mcp_server_tiny::{Call, Server, Tool};
use mcp_sse_blocking::{
    Builder, CallOptions, Change, Client, Delivery, Error, Filter, Missed, Reconnect, State, Transport,
};
use mcp_tests::door::Door;
use mcp_tests::raw_http::RunningServer;
use mcp_tests::scripted_peer::{BOUND, Peer, Request, Stream};
use serde_json::json;

mod reconnect_http_sse {
    mod calls;
    mod sessions;
}

/// The shortest pauses that there are.
fn soon() -> Reconnect {
    Reconnect::new().interval(Duration::ZERO).longest(Duration::from_millis(100))
}

fn builder(url: &str) -> Builder {
    Client::builder(url).transport(Transport::HttpSse).endpoint_timeout(BOUND).call_timeout(BOUND)
}

fn connect(url: &str, policy: Reconnect) -> Client {
    builder(url).reconnect(policy).connect().expect("it connects")
}

/// A client, and its states from the first on.
fn watched(builder: Builder) -> (Client, Receiver<String>) {
    let (told, states) = unbounded();
    let client = builder.on_state(move |state| drop(told.send(state.to_string()))).connect().expect("it connects");
    (client, states)
}

/// The next state, in words.
#[track_caller]
fn next(states: &Receiver<String>) -> String {
    states.recv_timeout(BOUND).expect("another state")
}

/// Asserts that these states follow, and nothing in between.
#[track_caller]
fn assert_states(states: &Receiver<String>, expected: &[&str]) {
    let seen: Vec<String> = expected.iter().map(|_| next(states)).collect();
    assert_eq!(seen, expected);
}

const DISCONNECTED: &str = "disconnected, to be connected again by the next request";

/// The next session, under another endpoint than the others.
fn session(peer: &mut Peer, number: usize) -> Stream {
    let mut stream = peer.stream();
    stream.event("endpoint", &endpoint(number));
    peer.shake(&mut stream);
    stream
}

fn endpoint(number: usize) -> String {
    format!("/messages?sessionId=hidden-{number}")
}

/// The next request, which must be this one, in this session.
fn expect(peer: &mut Peer, number: usize, method: &str) -> Request {
    let request = peer.request();
    assert_eq!(request.message_method(), method, "{request:?}");
    assert_eq!(request.target, endpoint(number), "{request:?}");
    request
}

/// The first session, which ends after one call.
fn cut_off(peer: &mut Peer) {
    let mut stream = session(peer, 1);
    serve(peer, 1, &mut stream, "first");
    stream.cut();
}

/// A client that has made its one call in the first session.
fn after_one_call(builder: Builder) -> (Client, Receiver<String>) {
    let (client, states) = watched(builder);
    client.call("echo", &()).expect("the first session serves one");
    assert_states(&states, &["connecting", "ready"]);
    (client, states)
}

/// Takes a call over and answers it.
fn serve(peer: &mut Peer, number: usize, stream: &mut Stream, text: &str) -> String {
    let call = expect(peer, number, "tools/call");
    call.accepted();
    stream.reply_text(&call, text);
    call.id()
}

#[test]
fn by_default_the_next_request_opens_a_new_session() {
    let peer = Peer::run(|peer| {
        let mut stream = session(peer, 1);
        let first = serve(peer, 1, &mut stream, "one");
        stream.cut();
        let mut stream = session(peer, 2);
        let second = serve(peer, 2, &mut stream, "two");
        assert_ne!(first, second, "ids are not given out again");
    });
    let client = builder(&peer.url("/sse")).connect().unwrap();
    let mut states = client.watch();
    let mut next = || states.next_within(BOUND).expect("another state").to_string();
    assert_eq!(client.call("echo", &()).unwrap().all_text(), "one");
    assert_eq!([next(), next()], ["ready", DISCONNECTED]);
    assert!(!client.is_connected());
    assert_eq!(client.call("echo", &()).unwrap().all_text(), "two");
    assert!(client.is_connected());
    assert_eq!([next(), next()], ["reconnecting, attempt 1", "ready"]);
    client.close();
    assert_eq!(next(), "closed: the client was closed");
    assert!(states.next().is_none() && states.is_over());
    peer.finish();
}

#[test]
fn where_somebody_listens_the_client_reconnects_without_a_call() {
    let peer = Peer::run(|peer| {
        cut_off(peer);
        // Once in vain.
        peer.request().status("503 Service Unavailable", "");
        let mut stream = session(peer, 2);
        stream.message(r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#);
        stream
    });
    let builder = builder(&peer.url("/sse"));
    let client = builder.connect().unwrap();
    let mut changes = client.listen(Filter::new().tools()).unwrap();
    client.call("echo", &()).unwrap();
    // What came at once may be told before that.
    while changes.next_within(BOUND).unwrap().expect("another change") != Change::Missed(Missed::Reconnected) {}
    peer.finish();
}

#[test]
fn a_client_that_may_not_reconnect_is_closed_with_its_stream() {
    let peer = Peer::run(|peer| {
        let mut stream = session(peer, 1);
        serve(peer, 1, &mut stream, "first");
        stream.cut();
        peer.wait_closed(stream.connection);
        assert!(peer.is_quiet());
    });
    let (client, states) = after_one_call(builder(&peer.url("/sse")).reconnect(Reconnect::never()));
    let end = next(&states);
    assert!(end.starts_with("closed: "), "{end}");
    let begun = Instant::now();
    let error = client.call("echo", &()).unwrap_err();
    assert_eq!(error.delivery(), Some(Delivery::NotSent), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(1));
    peer.finish();
}

#[test]
fn with_an_explicit_policy_the_client_reconnects_at_once_and_by_itself() {
    let peer = Peer::run(|peer| {
        for number in 1..=3 {
            let mut stream = session(peer, number);
            serve(peer, number, &mut stream, "served");
            stream.cut();
        }
        session(peer, 4)
    });
    let (client, states) = watched(builder(&peer.url("/sse")).reconnect(soon()));
    assert_states(&states, &["connecting", "ready"]);
    for _ in 1..=3 {
        client.call("echo", &()).unwrap();
        // Nobody calls meanwhile.
        assert_states(&states, &["reconnecting, attempt 1", "ready"]);
    }
    let stream = peer.finish();
    client.close();
    drop(stream);
    // Closing waits for the handler.
    assert_eq!(states.try_recv().unwrap(), "closed: the client was closed");
    assert!(states.is_empty());
}

#[test]
fn a_server_is_left_alone_for_as_long_as_its_stream_asked() {
    let peer = Peer::run(|peer| {
        let mut stream = session(peer, 1);
        stream.raw("retry: 400\n\n");
        stream.cut();
        let cut = Instant::now();
        let stream = session(peer, 2);
        (cut.elapsed(), stream)
    });
    let (_client, states) = watched(builder(&peer.url("/sse")).reconnect(soon()));
    assert_states(&states, &["connecting", "ready", "reconnecting, attempt 1", "ready"]);
    let (took, _stream) = peer.finish();
    assert!(took >= Duration::from_millis(400), "{took:?}");
}

#[test]
fn a_server_that_refuses_is_left_alone_for_as_long_as_it_asks() {
    let peer = Peer::run(|peer| {
        cut_off(peer);
        let get = peer.request();
        get.answer("HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n");
        let refused = Instant::now();
        let stream = session(peer, 2);
        (refused.elapsed(), stream)
    });
    let (_client, states) = after_one_call(builder(&peer.url("/sse")).reconnect(soon()));
    assert_states(&states, &["reconnecting, attempt 1", "reconnecting, attempt 2", "ready"]);
    let (took, _stream) = peer.finish();
    assert!(took >= Duration::from_millis(950), "{took:?}");
}

#[test]
fn when_the_attempts_are_used_up_the_client_is_closed_and_says_why() {
    let peer = Peer::run(|peer| {
        cut_off(peer);
        for _ in 0..2 {
            let get = peer.request();
            assert_eq!(get.method, "GET");
            get.status("503 Service Unavailable", "moving house");
        }
    });
    let (client, states) = after_one_call(builder(&peer.url("/sse")).reconnect(soon().attempts(2)));
    assert_states(&states, &["reconnecting, attempt 1", "reconnecting, attempt 2"]);
    assert!(next(&states).starts_with("closed: "));
    let State::Closed { why: Error::Status(status) } = client.state() else { panic!("{:?}", client.state()) };
    assert_eq!((status.code, status.excerpt.as_str()), (503, "moving house"));
    let begun = Instant::now();
    for _ in 0..3 {
        assert!(matches!(client.call("echo", &()), Err(Error::Status(status)) if status.code == 503));
    }
    assert!(begun.elapsed() < Duration::from_secs(1));
    peer.finish();
}

#[test]
fn the_count_begins_again_after_a_success() {
    let peer = Peer::run(|peer| {
        for number in 1..=4 {
            let mut stream = session(peer, number);
            serve(peer, number, &mut stream, "of use");
            stream.cut();
        }
        session(peer, 5)
    });
    let (client, states) = watched(builder(&peer.url("/sse")).reconnect(soon().attempts(1)));
    assert_states(&states, &["connecting", "ready"]);
    for _ in 1..=4 {
        client.call("echo", &()).unwrap();
        assert_states(&states, &["reconnecting, attempt 1", "ready"]);
    }
    peer.finish();
}

#[test]
fn sessions_that_are_of_no_use_count_as_attempts_in_vain() {
    let peer = Peer::run(|peer| {
        cut_off(peer);
        for number in 2..=3 {
            session(peer, number).cut();
        }
    });
    let (client, states) = after_one_call(builder(&peer.url("/sse")).reconnect(soon().attempts(2)));
    // They are over as soon as they are open, so that nobody may be told that they were.
    let told = iter::repeat_with(|| next(&states)).take_while(|state| !state.starts_with("closed: "));
    let told: Vec<String> = told.filter(|state| state != "ready").collect();
    peer.finish();
    assert!(client.state().is_closed());
    assert!(told.len() >= 2);
    assert!(told.iter().all(|state| state.ends_with("attempt 1") || state.ends_with("attempt 2")), "{told:?}");
}

#[test]
fn a_server_that_lets_this_client_in_no_more_is_not_asked_again() {
    let peer = Peer::run(|peer| {
        cut_off(peer);
        let get = peer.request();
        get.answer("HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer\r\nContent-Length: 0\r\n\r\n");
    });
    let (client, states) = after_one_call(builder(&peer.url("/sse")).reconnect(soon()));
    assert_states(&states, &["reconnecting, attempt 1"]);
    assert!(next(&states).starts_with("closed: "));
    assert!(matches!(client.state(), State::Closed { why: Error::Status(status) } if status.code == 401));
    peer.finish();
}

#[test]
fn an_attempt_whose_handshake_fails_is_followed_by_another() {
    let peer = Peer::run(|peer| {
        cut_off(peer);
        // A stream that ends before the reply, one whose reply is an error, and one that goes on without a handshake.
        let mut stream = peer.stream();
        stream.event("endpoint", &endpoint(2));
        expect(peer, 2, "initialize").accepted();
        stream.cut();
        let mut stream = peer.stream();
        stream.event("endpoint", &endpoint(3));
        let initialize = expect(peer, 3, "initialize");
        initialize.accepted();
        stream.message(&format!(
            r#"{{"jsonrpc":"2.0","id":{},"error":{{"code":-32603,"message":"still starting"}}}}"#,
            initialize.id()
        ));
        // It is given up, with its connections.
        peer.wait_closed(stream.connection);
        let mut stream = session(peer, 4);
        serve(peer, 4, &mut stream, "at last");
    });
    let (client, states) = after_one_call(builder(&peer.url("/sse")).reconnect(soon()));
    let attempts = ["reconnecting, attempt 1", "reconnecting, attempt 2", "reconnecting, attempt 3", "ready"];
    assert_states(&states, &attempts);
    assert_eq!(client.call("echo", &()).unwrap().all_text(), "at last");
    peer.finish();
}

#[test]
fn closing_ends_a_pause_and_an_attempt_at_once() {
    // In the pause.
    let peer = Peer::run(cut_off);
    let hour = Duration::from_secs(3600);
    let policy = Reconnect::new().interval(hour).longest(hour);
    let (client, states) = after_one_call(builder(&peer.url("/sse")).reconnect(policy));
    assert_states(&states, &["reconnecting, attempt 1"]);
    close_quickly(&client);
    peer.finish();
    // In the attempt.
    let (go, gone) = unbounded::<()>();
    let peer = Peer::run(move |peer| {
        cut_off(peer);
        let get = peer.request();
        go.send(()).unwrap();
        peer.wait_closed(get.connection);
    });
    let (client, _states) = after_one_call(builder(&peer.url("/sse")).reconnect(soon()));
    gone.recv_timeout(BOUND).unwrap();
    close_quickly(&client);
    peer.finish();
}

/// Closes while a call waits for a session.
#[track_caller]
fn close_quickly(client: &Client) {
    let other = client.clone();
    let waiting = thread::spawn(move || other.call_with("echo", &(), CallOptions::new().no_timeout()));
    let begun = Instant::now();
    client.close();
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    let error = waiting.join().unwrap().unwrap_err();
    assert!(matches!(error, Error::Closed(Delivery::NotSent)), "{error}");
}

#[test]
fn a_server_that_cannot_serve_now_is_asked_again_when_it_says_so_and_there_is_time() {
    let refuse =
        |wait: u32| format!("HTTP/1.1 503 Service Unavailable\r\nRetry-After: {wait}\r\nContent-Length: 4\r\n\r\nbusy");
    let peer = Peer::run(move |peer| {
        let mut stream = session(peer, 1);
        let call = expect(peer, 1, "tools/call");
        call.answer(refuse(1));
        let refused = Instant::now();
        serve(peer, 1, &mut stream, "served");
        let took = refused.elapsed();
        expect(peer, 1, "tools/call").answer(refuse(60));
        (took, stream)
    });
    let client = connect(&peer.url("/sse"), soon());
    assert_eq!(client.call("echo", &()).unwrap().all_text(), "served");
    let begun = Instant::now();
    let error = client.call("echo", &()).unwrap_err();
    assert!(matches!(&error, Error::Status(status) if status.wait() == Some(Duration::from_secs(60))), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(5), "it does not fit into the deadline: {:?}", begun.elapsed());
    let (took, _stream) = peer.finish();
    assert!(took >= Duration::from_millis(950), "{took:?}");
}

#[test]
fn connecting_waits_for_a_server_that_opens_its_stream_and_cannot_take_the_handshake_yet() {
    let refuse = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n";
    let peer = Peer::run(move |peer| {
        let mut stream = peer.stream();
        stream.event("endpoint", &endpoint(1));
        for _ in 0..2 {
            expect(peer, 1, "initialize").answer(refuse);
        }
        peer.shake(&mut stream);
        peer.wait_closed(stream.connection);
        let mut stream = peer.stream();
        stream.event("endpoint", &endpoint(1));
        expect(peer, 1, "initialize").answer(refuse);
        peer.wait_closed(stream.connection);
    });
    drop(connect(&peer.url("/sse"), soon()));
    let error = builder(&peer.url("/sse")).connect().unwrap_err();
    assert!(matches!(&error, Error::Status(status) if status.code == 503), "{error}");
    peer.finish();
}
