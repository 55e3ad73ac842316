//! Handlers for events: their order, their thread, and what happens when one is slow or panics.
// In helpers too a panic is the report.
#![allow(clippy::unwrap_used)]

use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use mcp_sse_blocking::events::EventFilter;
use mcp_sse_blocking::{Builder, Client, Event, Transport};
use mcp_tests::scripted_peer::{BOUND, Peer};
use serde_json::json;

fn builder(url: &str) -> Builder {
    Client::builder(url)
        .transport(Transport::HttpSse)
        .connect_timeout(Duration::from_secs(5))
        .call_timeout(Duration::from_secs(5))
}

fn log(text: &str) -> String {
    json!({"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": text}}).to_string()
}

/// Settings with handlers, and what they were given.
fn handled(builder: Builder) -> (Builder, Receiver<String>) {
    let (tell, told) = channel();
    let say = |name: &'static str| {
        let tell = tell.clone();
        move |_: &Client, event: &Event| drop(tell.send(format!("{name}: {}", event.text())))
    };
    let panics = |_: &Client, _: &Event| panic!("as some handlers do");
    let urgent = EventFilter::new().name("tick").matching(|event| event.text() != "dull");
    let builder = builder.on_event("tick", panics).on_event("tick", say("tick")).on_event(urgent, say("urgent"));
    (builder.on_event(["tock", "notifications/message"], say("tock")), told)
}

#[test]
fn handlers_get_their_events_in_order_whatever_another_one_does() {
    let peer = Peer::run(|peer| {
        let mut stream = peer.handshake();
        stream.event("tick", "one");
        stream.event("nothing", "to anybody");
        stream.event("tick", "dull");
        stream.event("tock", "three");
        stream.message(&log("four"));
        let call = peer.request();
        assert_eq!(call.message_method(), "ping", "the handler may use the client");
        call.accepted();
        stream.reply(&call, "{}");
        stream.event("tick", "five");
        peer.wait_closed(stream.connection);
    });
    let (builder, told) = handled(builder(&peer.url("/sse")));
    let client = builder.on_event("tock", |client, _| client.ping().unwrap()).connect().unwrap();
    let told: Vec<String> = (0..7).map(|_| told.recv_timeout(BOUND).unwrap()).collect();
    assert_eq!(
        told,
        [
            "tick: one".to_owned(),
            "urgent: one".into(),
            "tick: dull".into(),
            "tock: three".into(),
            format!("tock: {}", log("four")),
            "tick: five".into(),
            "urgent: five".into(),
        ]
    );
    drop(client);
    peer.finish();
}

#[test]
fn handlers_that_are_too_slow_lose_the_newest_events() {
    let peer = Peer::run(|peer| {
        let mut stream = peer.handshake();
        stream.event("tick", "first");
        let call = peer.request();
        call.accepted();
        for n in 0..2000 {
            stream.event("tick", &n.to_string());
        }
        stream.reply_text(&call, "done");
        peer.wait_closed(stream.connection);
    });
    let (tell, told) = channel();
    let (go, gate) = channel::<()>();
    let client = builder(&peer.url("/sse"))
        .on_event("tick", move |_, event| {
            tell.send(event.text().into_owned()).unwrap();
            // At the first one until the test says so.
            let _ = gate.recv();
        })
        .connect()
        .unwrap();
    assert_eq!(told.recv_timeout(BOUND).unwrap(), "first");
    // All 2000 have come when this returns: the handler holds nobody up.
    client.call("x", &json!({})).unwrap();
    drop(go);
    let mut rest = Vec::new();
    // 1024 wait for a handler.
    while rest.len() < 1024 {
        rest.push(told.recv_timeout(BOUND).unwrap());
    }
    assert_eq!((&*rest[0], &*rest[1023]), ("0", "1023"));
    client.close();
    assert!(told.recv().is_err(), "and nothing more");
    peer.finish();
}
