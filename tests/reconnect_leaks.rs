//! What losing sessions leaves behind: no thread, no socket, however often, and wherever the client was when it was closed.
//!
//! A binary of its own, and one test in it, because it counts what the whole process holds.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a panic is the report, in the helpers too")]

use std::time::{Duration, Instant};

use crossbeam_channel::bounded;
use mcp_server_tiny::{Call, Server, Tool};
use mcp_sse_blocking::{Builder, Client, Reconnect, Transport};
use mcp_tests::door::Door;
use mcp_tests::leaks::{Held, client_threads, held, held_once};
use mcp_tests::raw_http::RunningServer;
use mcp_tests::scripted_peer::{BOUND, Peer};
use serde_json::json;

/// What closing may take: a second, as promised, and some for a machine that does other things as well.
const SOON: Duration = Duration::from_millis(1500);

fn soon() -> Reconnect {
    Reconnect::new().interval(Duration::ZERO).longest(Duration::from_millis(100))
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

fn await_state(client: &Client, wanted: &str) {
    let mut states = client.watch();
    while !states.next_within(BOUND).expect("another state").to_string().starts_with(wanted) {}
}

fn call(client: &Client) {
    let result = client.call("echo", &json!({"text": "x"})).unwrap();
    assert_eq!(result.all_text(), "x");
}

/// Breaks all connections again and again; the client has these threads afterwards.
fn many_breaks(server: &RunningServer, path: &str, threads: &[&str], builder: impl FnOnce(Builder) -> Builder) {
    let mut door = Door::to(server.address);
    door.open();
    let client = builder(Client::builder(&door.url(path)).reconnect(soon())).call_timeout(BOUND).connect().unwrap();
    call(&client);
    for _ in 0..5 {
        door.shut();
        // Over Streamable HTTP a call finds out.
        let waiting = std::thread::scope(|scope| {
            let waiting = scope.spawn(|| client.call("echo", &json!({"text": "x"})));
            await_state(&client, "reconnecting");
            door.open();
            waiting.join().unwrap()
        });
        drop(waiting);
        await_state(&client, "ready");
        call(&client);
    }
    // The thread that reconnected ends a moment after it did.
    let now = held_once(|_| client_threads() == threads);
    assert_eq!(client_threads(), threads, "{now:?}");
    close(client);
}

#[test]
fn nothing_is_left_behind_by_lost_sessions() {
    let echo = Tool::new("echo").param::<String>("text", "given back");
    let server =
        RunningServer::start(Server::new("echo", "1").tool(echo, |call: &mut Call<'_>| call.arg::<String>("text")));
    // What the server needs once is there from here on.
    call(&Client::connect(&format!("http://{}/mcp", server.address)).unwrap());
    let idle = held_once(|now: &Held| now.sockets == 1 && client_threads().is_empty());
    assert_eq!((idle.sockets, client_threads()), (1, Vec::new()), "the server listens: {idle:?}");

    leaves_nothing("many breaks of HTTP+SSE", || {
        many_breaks(&server, "/sse", &["mcp-read", "mcp-state"], |builder| {
            builder.transport(Transport::HttpSse).on_state(|_| {})
        });
    });
    leaves_nothing("many breaks of Streamable HTTP", || {
        many_breaks(&server, "/mcp", &[], |builder| builder.transport(Transport::StreamableHttp));
    });
    leaves_nothing("closed in a pause", || {
        let mut door = Door::to(server.address);
        door.open();
        let hour = Duration::from_secs(3600);
        let policy = Reconnect::new().interval(hour).longest(hour);
        let client =
            Client::builder(&door.url("/sse")).transport(Transport::HttpSse).reconnect(policy).connect().unwrap();
        door.shut();
        await_state(&client, "reconnecting");
        close(client);
    });
    leaves_nothing("closed while a stream is asked for", || {
        let (asked, was_asked) = bounded(1);
        let peer = Peer::run(move |peer| {
            let mut stream = peer.handshake();
            stream.cut();
            let get = peer.request();
            asked.send(()).unwrap();
            peer.wait_closed(get.connection);
        });
        let builder = Client::builder(&peer.url("/sse")).transport(Transport::HttpSse);
        let client = builder.endpoint_timeout(BOUND * 6).call_timeout(BOUND * 6).reconnect(soon()).connect().unwrap();
        was_asked.recv_timeout(BOUND).unwrap();
        close(client);
        peer.finish();
    });
    leaves_nothing("closed in the middle of a handshake", || {
        let (asked, was_asked) = bounded(1);
        let peer = Peer::run(move |peer| {
            peer.handshake().cut();
            let mut stream = peer.stream();
            stream.event("endpoint", "/messages?sessionId=second");
            peer.request().accepted();
            asked.send(()).unwrap();
            peer.wait_closed(stream.connection);
        });
        let builder = Client::builder(&peer.url("/sse")).transport(Transport::HttpSse);
        let client = builder.call_timeout(BOUND * 6).reconnect(soon()).connect().unwrap();
        was_asked.recv_timeout(BOUND).unwrap();
        close(client);
        peer.finish();
    });
    leaves_nothing("closed by its policy", || {
        let mut door = Door::to(server.address);
        door.open();
        let builder = Client::builder(&door.url("/sse")).transport(Transport::HttpSse);
        let client = builder.reconnect(soon().attempts(2)).on_state(|_| {}).connect().unwrap();
        door.shut();
        await_state(&client, "closed");
        close(client);
    });
    leaves_nothing("never connected", || {
        let door = Door::to(server.address);
        let builder = Client::builder(&door.url("/sse")).reconnect(soon().attempts(2));
        assert!(builder.on_state(|_| {}).connect().is_err());
    });
    leaves_nothing("connected again by a request", || {
        let mut door = Door::to(server.address);
        door.open();
        let client = Client::builder(&door.url("/sse")).transport(Transport::HttpSse).connect().unwrap();
        for _ in 0..3 {
            call(&client);
            door.shut();
            await_state(&client, "disconnected");
            door.open();
        }
        call(&client);
        close(client);
    });
}
