//! Closing a client over Streamable HTTP is quick whatever the server does, and leaves nothing behind. One test, because
//! threads and sockets are counted for the whole process.

#![cfg(target_os = "linux")]

use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::bounded;
use mcp_sse_blocking::mcp_core::types::CallToolResult;
use mcp_sse_blocking::{Client, Error, Transport};
use mcp_tests::leaks::{client_threads, held, held_once};
use mcp_tests::scripted_peer::{BOUND, Peer, Running};
use mcp_tests::streamable_peer::{RESULT_2025, StreamablePeer as _, StreamableRequest as _, end_stream, primed};

/// Closing has a second; the rest is for a machine that is busy with something else.
const SOON: Duration = Duration::from_millis(1500);

const DISCOVERED: &str = r#"{"supportedVersions":["2026-07-28"],"capabilities":{}}"#;

fn connect<T>(peer: &Running<T>) -> Client {
    Client::builder(&peer.url("/mcp"))
        .transport(Transport::StreamableHttp)
        .call_timeout(None)
        .idle_timeout(None)
        .connect()
        .expect("it connects")
}

/// With somebody to hear.
fn connect_listening<T>(peer: &Running<T>) -> Client {
    Client::builder(&peer.url("/mcp"))
        .transport(Transport::StreamableHttp)
        .call_timeout(None)
        .idle_timeout(None)
        .on_log(|_, _| {})
        .connect()
        .expect("it connects")
}

/// Runs `scene`, then checks that it left nothing behind.
fn leaves_nothing(name: &str, scene: impl FnOnce()) {
    let before = held();
    scene();
    let after = held_once(|now| *now == before);
    assert_eq!(after, before, "{name}");
    assert_eq!(client_threads(), [""; 0], "{name}");
}

/// Closes `client` and checks how long that takes.
fn close(client: Client) {
    let start = Instant::now();
    client.close();
    drop(client);
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
}

/// A call on another thread.
fn call(client: &Client) -> JoinHandle<Result<CallToolResult, Error>> {
    let client = client.clone();
    thread::spawn(move || client.call("slow", &()))
}

#[test]
fn closing_takes_a_second_at_most_and_leaves_no_thread_and_no_socket() {
    // Whatever the first use of a library sets up for good.
    let peer = Peer::run(|peer| peer.shake_streamable_as("", RESULT_2025));
    drop(connect(&peer));
    peer.finish();
    held_once(|now| now.threads.len() <= 2);

    leaves_nothing("at rest there is no thread", || {
        let peer = Peer::run(|peer| {
            peer.shake_streamable();
            let delete = peer.request();
            assert_eq!(delete.method, "DELETE");
            delete.taken();
            peer.wait_closed(delete.connection);
        });
        let client = connect(&peer);
        assert_eq!(client_threads(), [""; 0]);
        close(client);
        peer.finish();
    });

    leaves_nothing("a server that does not answer the DELETE", || {
        let peer = Peer::run(|peer| {
            peer.shake_streamable();
            let delete = peer.request();
            assert_eq!(delete.method, "DELETE");
            peer.wait_closed(delete.connection);
        });
        close(connect(&peer));
        peer.finish();
    });

    leaves_nothing("with the session's own stream open, or about to be opened again", || {
        for ends in [false, true] {
            let (opened, open) = bounded(1);
            let peer = Peer::run(move |peer| {
                peer.shake_streamable_as("", RESULT_2025);
                let get = peer.request();
                let mut stream = get.open();
                if ends {
                    stream.raw("retry: 3600000\n\n");
                    end_stream(&get);
                }
                opened.send(()).unwrap();
                peer.wait_closed(get.connection);
            });
            let client = connect_listening(&peer);
            open.recv_timeout(BOUND).unwrap();
            held_once(|_| client_threads().len() == 2);
            assert_eq!(client_threads(), ["mcp-events", "mcp-listen"]);
            close(client);
            peer.finish();
        }
    });

    leaves_nothing("while calls wait for a head, for the rest of a body, and for an event", || {
        let (begun, all) = bounded(1);
        let peer = Peer::run(move |peer| {
            peer.shake_streamable_as("", RESULT_2025);
            peer.expect("tools/call");
            let body = peer.expect("tools/call");
            body.answer("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{");
            let event = peer.expect("tools/call");
            event.open();
            begun.send(()).unwrap();
            peer.wait_closed(event.connection);
        });
        let client = connect(&peer);
        let calls = [call(&client), call(&client), call(&client)];
        all.recv_timeout(BOUND).unwrap();
        close(client);
        for call in calls {
            let error = call.join().unwrap().unwrap_err();
            assert!(matches!(error, Error::Closed(_)), "{error}");
        }
        peer.finish();
    });

    leaves_nothing("while a call waits to ask for the rest of its stream", || {
        let (begun, waits) = bounded(1);
        let peer = Peer::run(move |peer| {
            peer.shake_streamable_as("", RESULT_2025);
            let call = peer.expect("tools/call");
            primed(&call, "1").raw("retry: 3600000\n\n");
            end_stream(&call);
            begun.send(()).unwrap();
            peer.wait_closed(call.connection);
        });
        let client = connect(&peer);
        let waiting = call(&client);
        waits.recv_timeout(BOUND).unwrap();
        close(client);
        let error = waiting.join().unwrap().unwrap_err();
        assert!(matches!(error, Error::Closed(_)), "{error}");
        peer.finish();
    });

    leaves_nothing("while started calls run, and when they were dropped", || {
        let (begun, all) = bounded(1);
        let peer = Peer::run(move |peer| {
            peer.shake_streamable_as("", RESULT_2025);
            peer.expect("tools/call");
            let call = peer.expect("tools/call");
            call.open();
            begun.send(()).unwrap();
            peer.expect("notifications/cancelled").taken();
            peer.wait_closed(call.connection);
        });
        let client = connect(&peer);
        let (kept, dropped) = (client.start("slow", &()).unwrap(), client.start("slow", &()).unwrap());
        all.recv_timeout(BOUND).unwrap();
        drop(dropped);
        close(client);
        assert!(matches!(kept.result(), Err(Error::Closed(_))));
        drop(peer);
    });

    leaves_nothing("while a new session is being opened", || {
        let (begun, opens) = bounded(1);
        let peer = Peer::run(move |peer| {
            peer.shake_streamable();
            peer.expect("tools/call").status("404 Not Found", "");
            let initialize = peer.expect("initialize");
            begun.send(()).unwrap();
            peer.wait_closed(initialize.connection);
        });
        let client = connect(&peer);
        let calling = call(&client);
        opens.recv_timeout(BOUND).unwrap();
        close(client);
        let error = calling.join().unwrap().unwrap_err();
        assert!(matches!(error, Error::Closed(_)), "{error}");
        peer.finish();
    });

    leaves_nothing("when connecting fails at any of its attempts", || {
        for attempts in 0..4 {
            let peer = Peer::run(move |peer| {
                for attempt in 0..attempts {
                    let request = peer.request();
                    match attempt {
                        0 | 1 => request.status("404 Not Found", ""),
                        _ => request.status("500 Internal Server Error", ""),
                    }
                }
                // What meets a connection that was used before is sent once more on another.
                for _ in 0..[1, 2, 2, 0][attempts] {
                    peer.request().hang_up();
                }
            });
            let error = Client::builder(&peer.url("/mcp")).call_timeout(BOUND).connect().unwrap_err();
            assert!(matches!(error, Error::Transport(_) | Error::Peer(_)), "{attempts}: {error}");
            peer.finish();
        }
    });

    leaves_nothing("when the session's own stream never finds the server that knows its session", || {
        let peer = Peer::run(|peer| {
            peer.shake_streamable();
            let get = peer.request();
            get.open();
            end_stream(&get);
            let mut sessions = 0;
            loop {
                let request = peer.request();
                match request.method.as_str() {
                    "GET" => request.status("404 Not Found", ""),
                    "DELETE" => break request.taken(),
                    _ if request.message_method() == "initialize" => {
                        sessions += 1;
                        let body = format!(r#"{{"jsonrpc":"2.0","id":{},"result":{RESULT_2025}}}"#, request.id());
                        request.json_status("200 OK", "Mcp-Session-Id: another\r\n", &body);
                    }
                    _ => request.taken(),
                }
            }
            sessions
        });
        let client = connect_listening(&peer);
        // It is given up after some seconds, and the session left to those who call.
        for _ in 0..3 {
            held_once(|_| client_threads() == ["mcp-events"]);
        }
        assert_eq!(client_threads(), ["mcp-events"]);
        close(client);
        assert_eq!(peer.finish(), 3);
    });

    leaves_nothing("a stateless client, which ends no session", || {
        let peer = Peer::run(|peer| {
            let discover = peer.expect("server/discover");
            discover.json_result(DISCOVERED);
            peer.wait_closed(discover.connection);
            assert!(peer.is_quiet());
        });
        let client = Client::builder(&peer.url("/mcp")).transport(Transport::Stateless).connect().unwrap();
        close(client);
        peer.finish();
    });
}
