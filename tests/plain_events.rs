//! The stream of a server that does not speak JSON-RPC: missing, ended, limited, refused; and how it comes back.
// In helpers too a panic is the report.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use mcp_sse_blocking::credentials::{self, Credential};
use mcp_sse_blocking::events::{EventErrorKind, EventFilter, Heard};
use mcp_sse_blocking::{Builder, Client, Error, Event, Events, Missed, Reconnect, Transport};
use mcp_tests::scripted_peer::{BOUND, Peer};
use mcp_tests::streamable_peer::{StreamableRequest as _, end_stream};
use serde_json::json;

const TOOLS: &str = r#"{"tools":[{"name":"get_data","inputSchema":{"type":"object"}}]}"#;
const FINE: &str = r#"{"content":[{"type":"text","text":"fine"}]}"#;

fn builder(url: &str) -> Builder {
    Client::builder(url)
        .transport(Transport::Plain)
        .message_url("/mcp/rpc")
        .connect_timeout(Duration::from_secs(5))
        .call_timeout(Duration::from_secs(5))
}

/// The next event, which comes soon.
fn event(events: &mut Events) -> Event {
    match events.next_within(BOUND).unwrap() {
        Some(Heard::Event(event)) => event,
        other => panic!("{other:?}"),
    }
}

/// The stream was opened again.
fn reconnected(events: &mut Events) {
    let heard = events.next_within(BOUND).unwrap();
    assert!(matches!(heard, Some(Heard::Missed(Missed::Reconnected))), "{heard:?}");
}

#[test]
fn a_missing_stream_is_told_to_those_who_listen_and_breaks_no_call() {
    for (answer, told) in [
        ("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "HTTP status 404"),
        (
            "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>",
            "HTTP status 200, the server offers no stream: <html>",
        ),
    ] {
        let peer = Peer::run_plain(move |peer| {
            peer.request().answer(answer);
            peer.request().json_status("200 OK", "", TOOLS);
            // Whoever listens later asks again.
            let mut stream = peer.request().open();
            stream.raw("data: back\n\n");
            peer.wait_closed(stream.connection);
        });
        let client = builder(&peer.url("/mcp/sse")).connect().unwrap();
        let mut events = client.events(EventFilter::new());
        let why = events.next().unwrap().unwrap_err().to_string();
        assert!(why.starts_with(told), "{why}");
        assert!(events.next().is_none() && events.is_over());
        assert_eq!(client.tools().count(), 1);
        let mut again = client.events(EventFilter::new());
        assert_eq!(event(&mut again).text(), "back");
        drop((again, events, client));
        peer.finish();
    }
}

#[test]
fn a_stream_that_ends_is_opened_again_and_says_that_something_may_be_missing() {
    let peer = Peer::run_plain(|peer| {
        let mut stream = peer.request().open();
        stream.raw("retry: 1\nid: e-1\ndata: one\n\n");
        stream.end();
        peer.request().status("503 Service Unavailable", "");
        let get = peer.request();
        assert_eq!(get.header("last-event-id"), Some("e-1"));
        let mut stream = get.open();
        stream.raw("data: two\n\n");
        peer.wait_closed(stream.connection);
    });
    let client = builder(&peer.url("/mcp/sse")).connect().unwrap();
    let mut events = client.events(EventFilter::new());
    let first = event(&mut events);
    assert_eq!((&*first.text(), first.id()), ("one", Some("e-1")));
    reconnected(&mut events);
    assert_eq!(event(&mut events).text(), "two");
    drop((events, client));
    peer.finish();
}

#[test]
fn a_server_that_limits_is_left_alone_for_as_long_as_it_says() {
    let wait = Duration::from_millis(400);
    let peer = Peer::run_plain(move |peer| {
        let mut stream = peer.request().open();
        let limited = r#"{"event":"error","error":{"code":"RATE_LIMITED","message":"slow down","retry_after":0.4}}"#;
        stream.raw(format!("retry: 1\ndata: {limited}\n\n"));
        stream.end();
        let since = Instant::now();
        let mut stream = peer.request().open();
        stream.raw("data: back\n\n");
        peer.wait_closed(stream.connection);
        // It had begun to wait before the stream ended here.
        assert!(since.elapsed() > wait / 2, "{:?}", since.elapsed());
    });
    let client = builder(&peer.url("/mcp/sse")).connect().unwrap();
    let mut events = client.events(["error", "message"]);
    let error = event(&mut events).error().unwrap();
    assert_eq!(error.kind, EventErrorKind::RateLimited { wait });
    assert_eq!((&*error.code, &*error.message), ("RATE_LIMITED", "slow down"));
    reconnected(&mut events);
    assert_eq!(event(&mut events).text(), "back");
    drop((events, client));
    peer.finish();
}

#[test]
fn a_handler_hears_the_stream_without_anybody_who_listens() {
    let peer = Peer::run_plain(|peer| {
        let mut stream = peer.request().open();
        stream.raw("data: {\"event\":\"data_update\"}\n\ndata: other\n\n");
        stream.raw("data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}\n\n");
        peer.wait_closed(stream.connection);
    });
    let (tell, told) = std::sync::mpsc::channel();
    let client = builder(&peer.url("/mcp/sse"))
        .on_event(["data_update", "notifications/tools/list_changed"], move |_, event| {
            tell.send(event.name().to_owned()).unwrap();
        })
        .connect()
        .unwrap();
    assert_eq!(told.recv_timeout(BOUND).unwrap(), "data_update");
    assert_eq!(told.recv_timeout(BOUND).unwrap(), "notifications/tools/list_changed");
    drop(client);
    peer.finish();
}

#[test]
fn closing_ends_a_silent_stream_within_a_second_and_leaves_nothing() {
    let peer = Peer::run_plain(|peer| {
        let stream = peer.request().open();
        peer.wait_closed(stream.connection);
    });
    let client = builder(&peer.url("/mcp/sse")).connect().unwrap();
    let mut events = client.events(EventFilter::new());
    let begun = Instant::now();
    client.close();
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    assert!(events.next().is_none());
    peer.finish();
}

#[test]
fn credentials_that_the_stream_says_are_not_taken_any_more_are_asked_for_again() {
    let failed = r#"{"event":"error","error":{"code":"AUTHENTICATION_FAILED","message":"expired"}}"#;
    let peer = Peer::run_plain(move |peer| {
        let get = peer.request();
        assert_eq!(get.header("authorization"), Some("Bearer token-0"));
        let mut stream = get.open();
        stream.raw(format!("retry: 1\nid: 7\ndata: {failed}\n\ndata: not read any more\n\n"));
        let get = peer.request();
        assert_eq!(get.header("authorization"), Some("Bearer token-1"));
        assert_eq!(get.header("last-event-id"), Some("7"));
        let mut stream = get.open();
        stream.raw("data: back\n\n");
        let call = peer.request();
        assert_eq!(call.header("authorization"), Some("Bearer token-1"), "for calls as well");
        call.json_status("200 OK", "", FINE);
        peer.wait_closed(stream.connection);
    });
    let renewals = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&renewals);
    let provider = credentials::from_fn(move |ask| {
        if ask.rejected().is_some() {
            counted.fetch_add(1, Ordering::Relaxed);
        }
        Ok(Some(Credential::bearer(format!("token-{}", counted.load(Ordering::Relaxed)))))
    });
    let client = builder(&peer.url("/mcp/sse")).credentials(provider).connect().unwrap();
    let mut events = client.events(EventFilter::new());
    assert_eq!(event(&mut events).error().unwrap().kind, EventErrorKind::AuthenticationFailed);
    reconnected(&mut events);
    assert_eq!(event(&mut events).text(), "back");
    assert_eq!(client.call("get_data", &json!({})).unwrap().all_text(), "fine");
    assert_eq!(renewals.load(Ordering::Relaxed), 1);
    drop((events, client));
    peer.finish();
}

/// There is nothing that a new stream could do better.
#[test]
fn without_other_credentials_the_stream_is_read_on() {
    let failed = r#"{"event":"error","error":{"code":"AUTHENTICATION_FAILED"}}"#;
    let run = |builder: fn(Builder) -> Builder| {
        let peer = Peer::run_plain(move |peer| {
            let mut stream = peer.request().open();
            stream.raw(format!("data: {failed}\n\ndata: still here\n\n"));
            peer.wait_closed(stream.connection);
        });
        let client = builder(self::builder(&peer.url("/mcp/sse"))).connect().unwrap();
        let mut events = client.events(EventFilter::new());
        assert!(event(&mut events).error().is_some());
        assert_eq!(event(&mut events).text(), "still here");
        drop((events, client));
        peer.finish();
    };
    run(|builder| builder);
    run(|builder| builder.credentials(credentials::from_fn(|_| Ok(Some(Credential::bearer("only-one"))))));
}

#[test]
fn a_policy_says_whether_the_stream_is_opened_again_and_calls_go_on() {
    let soon = Reconnect::new().interval(Duration::from_millis(50)).longest(Duration::from_millis(50));
    for (policy, attempts) in [(Reconnect::never(), 0), (soon.attempts(Some(2)), 2)] {
        let peer = Peer::run_plain(move |peer| {
            let get = peer.request();
            get.open().raw("data: one\n\n");
            // Its connection stays open: whether a call may be repeated on another is not what this is about.
            end_stream(&get);
            for _ in 0..attempts {
                peer.request().status("503 Service Unavailable", "");
            }
            let call = peer.request();
            assert_eq!(call.method, "POST", "no more attempts than that");
            call.json_status("200 OK", "", FINE);
        });
        let client = builder(&peer.url("/mcp/sse")).reconnect(policy).connect().unwrap();
        let mut events = client.events(EventFilter::new());
        assert_eq!(event(&mut events).text(), "one");
        let why = events.next().unwrap().unwrap_err();
        match attempts {
            0 => assert!(matches!(why, Error::StreamEnded(_)), "{why}"),
            _ => assert!(matches!(&why, Error::Status(status) if status.code == 503), "{why}"),
        }
        assert!(events.next().is_none());
        assert_eq!(client.call("get_data", &json!({})).unwrap().all_text(), "fine");
        peer.finish();
    }
}

#[test]
fn an_event_that_passes_a_limit_costs_the_stream_and_not_the_client() {
    let mut limits = mcp_sse_blocking::Limits::default();
    (limits.line_bytes, limits.event_bytes) = (100, 100);
    let peer = Peer::run_plain(|peer| {
        let mut stream = peer.request().open();
        stream.raw(format!("data: {}\n\n", "x".repeat(200)));
        let mut stream = peer.request().open();
        stream.raw("data: small\n\n");
        peer.wait_closed(stream.connection);
    });
    let soon = Reconnect::new().interval(Duration::from_millis(50));
    let client = builder(&peer.url("/mcp/sse")).limits(limits).reconnect(soon).connect().unwrap();
    let mut events = client.events(EventFilter::new());
    reconnected(&mut events);
    assert_eq!(event(&mut events).text(), "small");
    drop((events, client));
    peer.finish();
}

#[test]
fn a_stream_whose_head_does_not_come_is_asked_for_again() {
    let peer = Peer::run_plain(|peer| {
        let silent = peer.request();
        let mut stream = peer.request().open();
        stream.raw("data: at last\n\n");
        peer.wait_closed(silent.connection);
        peer.wait_closed(stream.connection);
    });
    let soon = Reconnect::new().interval(Duration::from_millis(50));
    let client =
        builder(&peer.url("/mcp/sse")).idle_timeout(Duration::from_millis(300)).reconnect(soon).connect().unwrap();
    let mut events = client.events(EventFilter::new());
    assert_eq!(event(&mut events).text(), "at last");
    drop((events, client));
    peer.finish();
}
