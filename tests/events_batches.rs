//! Events by the batch: so many of them, or what came in a time. No test waits for a time to pass that could be short: where
//! the size is to end a batch its time is an hour, and where its time is, nothing more comes.
// In helpers too a panic is the report.
#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use mcp_sse_blocking::events::{Batch, EventFilter};
use mcp_sse_blocking::{Client, Error, Missed, Transport};
use mcp_tests::scripted_peer::{BOUND, Peer, Running, Stream};
use serde_json::json;

const HOUR: Duration = Duration::from_secs(3600);

/// A server that writes by `write` before it answers the first call, and its client.
fn with_stream(write: impl FnOnce(&mut Stream) + Send + 'static) -> (Running<()>, Client) {
    let peer = Peer::run(|peer| {
        let mut stream = peer.handshake();
        let call = peer.request();
        call.accepted();
        write(&mut stream);
        stream.reply_text(&call, "written");
        peer.wait_closed(stream.connection);
    });
    let client = Client::builder(&peer.url("/sse"))
        .transport(Transport::HttpSse)
        .call_timeout(Duration::from_secs(5))
        .connect()
        .unwrap();
    (peer, client)
}

fn ticks(stream: &mut Stream, numbers: std::ops::Range<u32>) {
    for n in numbers {
        stream.event("tick", &n.to_string());
    }
}

fn texts(batch: &Batch) -> String {
    let texts: Vec<_> = batch.events.iter().map(|event| event.text().into_owned()).collect();
    texts.join(" ")
}

#[test]
fn a_batch_is_given_when_it_has_its_size_whatever_its_time() {
    let (peer, client) = with_stream(|stream| ticks(stream, 0..7));
    let events = client.events("tick");
    client.call("x", &json!({})).unwrap();
    let mut batches = events.batches(3, HOUR);
    for expected in ["0 1 2", "3 4 5"] {
        let batch = batches.next().unwrap().unwrap();
        assert_eq!((&*texts(&batch), batch.missed), (expected, None));
    }
    // The end gives what is left of an hour's batch.
    client.close();
    assert_eq!(texts(&batches.next().unwrap().unwrap()), "6");
    assert!(batches.next().is_none() && batches.next().is_none() && batches.is_over());
    drop((batches, client));
    peer.finish();
}

#[test]
fn a_batch_is_given_when_its_time_has_passed_since_its_first_event() {
    let (peer, client) = with_stream(|stream| ticks(stream, 0..2));
    let events = client.events("tick");
    client.call("x", &json!({})).unwrap();
    let time = Duration::from_millis(50);
    let mut batches = events.batches(1000, time);
    let begun = Instant::now();
    assert_eq!(texts(&batches.next().unwrap().unwrap()), "0 1");
    assert!(begun.elapsed() >= time);
    let waited = batches.next_within(Duration::from_millis(1)).unwrap();
    assert!(waited.is_none(), "an empty batch is none");
    drop((batches, client));
    peer.finish();
}

/// The time of a batch does not begin before there is something in it.
#[test]
fn the_time_of_a_batch_begins_with_its_first_event() {
    let (peer, client) = with_stream(|stream| ticks(stream, 0..3));
    let mut batches = client.events("tick").batches(3, HOUR);
    let caller = std::thread::spawn({
        let client = client.clone();
        move || client.call("x", &json!({})).map(drop)
    });
    // Whoever waits for the first event has this long; then the batch has its hour, and is full at once.
    assert_eq!(texts(&batches.next_within(BOUND).unwrap().unwrap()), "0 1 2");
    caller.join().unwrap().unwrap();
    let nothing = Client::events(&client, "never").batches(1, Duration::ZERO).next_within(Duration::ZERO).unwrap();
    assert!(nothing.is_none());
    drop((batches, client));
    peer.finish();
}

#[test]
fn a_batch_says_what_is_missing_before_it() {
    let (peer, client) = with_stream(|stream| ticks(stream, 0..10));
    let events = client.events(EventFilter::from("tick").queue(4, usize::MAX));
    client.call("x", &json!({})).unwrap();
    let mut batches = events.batches(3, HOUR);
    let batch = batches.next().unwrap().unwrap();
    assert_eq!((&*texts(&batch), batch.missed), ("6 7 8", Some(Missed::Dropped(6))));
    client.close();
    let batch = batches.next().unwrap().unwrap();
    assert_eq!((&*texts(&batch), batch.missed), ("9", None));
    drop((batches, client));
    peer.finish();
}

#[test]
fn a_batch_holds_no_more_bytes_than_may_wait() {
    let (peer, client) = with_stream(|stream| {
        for letter in ["a", "b", "c"] {
            stream.event("tick", &letter.repeat(1000));
        }
    });
    let events = client.events(EventFilter::from("tick").queue(1000, 2200));
    client.call("x", &json!({})).unwrap();
    // Two are too many for the queue: the newest is there, and one more comes before the batch is as large as the queue.
    let mut batches = events.batches(1000, HOUR);
    client.close();
    let batch = batches.next().unwrap().unwrap();
    assert_eq!((batch.events.len(), batch.missed), (1, Some(Missed::Dropped(2))));
    drop((batches, client));
    peer.finish();
}

#[test]
fn a_size_of_nothing_is_one_and_a_time_of_nothing_takes_what_is_there() {
    let (peer, client) = with_stream(|stream| ticks(stream, 0..4));
    let (one, all) = (client.events("tick"), client.events("tick"));
    client.call("x", &json!({})).unwrap();
    let mut one = one.batches(0, HOUR);
    assert_eq!(texts(&one.next().unwrap().unwrap()), "0");
    let mut all = all.batches(10, Duration::ZERO);
    // What waits is taken before the time is looked at.
    assert_eq!(texts(&all.next().unwrap().unwrap()), "0 1 2 3");
    drop((one, all, client));
    peer.finish();
}

#[test]
fn the_batch_before_a_failure_comes_before_it() {
    let (script, end) = mcp_tests::scripted_lines::Script::run(
        mcp_sse_blocking::mcp_core::revision::ProtocolVersion::V2025_06_18,
        json!({"tools": {}}),
        |server| {
            let call = server.expect("tools/call");
            server.notify("notifications/odd", json!({"n": 1}));
            server.result(&call, json!({"content": []}));
        },
    );
    let client = Client::over_memory_builder(end).call_timeout(Duration::from_secs(5)).connect().unwrap();
    let events = client.events("notifications/odd");
    client.call("x", &json!({})).unwrap();
    script.finish();
    let mut batches = events.batches(10, HOUR);
    assert_eq!(batches.next().unwrap().unwrap().events.len(), 1);
    assert!(matches!(batches.next(), Some(Err(Error::StreamEnded(_)))));
    assert!(batches.next().is_none());
}
