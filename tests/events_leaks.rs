//! Listening leaves nothing behind, whatever the server does. One test, because threads and sockets are counted for the whole
//! process.
#![cfg(target_os = "linux")]
// In helpers too a panic is the report.
#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use mcp_sse_blocking::events::EventFilter;
use mcp_sse_blocking::{Builder, Client, Reconnect, Transport};
use mcp_tests::leaks::{client_threads, held, held_once};
use mcp_tests::scripted_peer::{Peer, Running};

/// Closing has a second; the rest is for a machine that is busy with something else.
const SOON: Duration = Duration::from_millis(1500);

fn builder<T>(peer: &Running<T>) -> Builder {
    Client::builder(&peer.url("/mcp/sse"))
        .transport(Transport::Plain)
        .message_url("/mcp/rpc")
        .call_timeout(None)
        .idle_timeout(None)
        .on_event("never", |_, _| {})
}

/// Runs `scene`, then checks that it left nothing behind.
fn leaves_nothing(name: &str, scene: impl FnOnce()) {
    let before = held();
    scene();
    let after = held_once(|now| *now == before);
    assert_eq!(after, before, "{name}");
    assert_eq!(client_threads(), [""; 0], "{name}");
}

fn close(client: Client) {
    let start = Instant::now();
    client.close();
    drop(client);
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
}

#[test]
fn whoever_listened_leaves_no_thread_and_no_socket() {
    leaves_nothing("a silent stream with handlers and listeners, one of them on a thread of its own", || {
        let peer = Peer::run_plain(|peer| {
            let stream = peer.request().open();
            peer.wait_closed(stream.connection);
        });
        let client = builder(&peer).connect().unwrap();
        let mut events = client.events(EventFilter::new());
        let batches = client.events("tick").batches(10, Duration::from_secs(3600));
        let waiting = std::thread::spawn(move || batches.count());
        close(client);
        assert!(events.next().is_none());
        assert_eq!(waiting.join().unwrap(), 0);
        drop(events);
        peer.finish();
    });
    leaves_nothing("a server that accepts and says nothing", || {
        let peer = Peer::run_plain(|peer| {
            let get = peer.request();
            peer.wait_closed(get.connection);
        });
        // Waits a second for the head of the stream, and no longer.
        let client = builder(&peer).connect().unwrap();
        close(client);
        peer.finish();
    });
    leaves_nothing("between two streams", || {
        let peer = Peer::run_plain(|peer| {
            peer.request().open().end();
        });
        let hour = Reconnect::new().interval(Duration::from_secs(3600)).longest(Duration::from_secs(3600));
        let client = builder(&peer).reconnect(hour).connect().unwrap();
        peer.finish();
        close(client);
    });
    leaves_nothing("a stream that is missing, asked for again and again", || {
        let peer = Peer::run_plain(|peer| {
            for _ in 0..20 {
                peer.request().status("404 Not Found", "");
            }
        });
        let client = builder(&peer).connect().unwrap();
        for _ in 1..20 {
            assert!(client.events(EventFilter::new()).next().unwrap().is_err());
        }
        peer.finish();
        close(client);
    });
    leaves_nothing("the last handle is that of a listener", || {
        let peer = Peer::run_plain(|peer| {
            let stream = peer.request().open();
            peer.wait_closed(stream.connection);
        });
        let client = builder(&peer).connect().unwrap();
        let events = client.events(EventFilter::new());
        drop(client);
        assert!(!events.is_over(), "it keeps the client open");
        drop(events);
        peer.finish();
    });
}
