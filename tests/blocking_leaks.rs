//! Closing the client in every state: bounded time, no thread and no socket left behind.
//!
//! A binary of its own, and one test in it, because it counts what the whole process holds.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a panic is the report, in the helpers too")]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use crossbeam_channel::{Sender, bounded};
use mcp_sse_blocking::{Builder, Client, Delivery, Error, Reconnect, Transport};
use mcp_tests::leaks::{client_threads, held, held_once};
use mcp_tests::scripted_peer::{BOUND, ENDPOINT, INITIALIZE_RESULT, Peer, Running};

/// What closing may take: a second, as promised, and some for a machine that does other things as well.
const SOON: Duration = Duration::from_millis(1500);

fn connect<T>(peer: &Running<T>) -> Client {
    builder(peer).connect().expect("it connects")
}

fn builder<T>(peer: &Running<T>) -> Builder {
    // Deadlines that cannot be what ends anything here.
    Client::builder(&peer.url("/sse"))
        .transport(Transport::HttpSse)
        .endpoint_timeout(BOUND * 6)
        .call_timeout(BOUND * 6)
        .idle_timeout(None)
        .on_log(|_, _| {})
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

/// A client whose handler has begun and ends only when what comes last is dropped.
fn held_in_a_handler() -> (Running<()>, Client, Sender<()>) {
    let peer = Peer::run(|peer| {
        let mut stream = peer.handshake();
        stream.message(r#"{"jsonrpc":"2.0","method":"notifications/x"}"#);
        peer.wait_closed(stream.connection);
    });
    let (inside, entered) = bounded(1);
    let (leave, left) = bounded::<()>(0);
    let client = Client::builder(&peer.url("/sse"))
        .transport(Transport::HttpSse)
        .on_notification(move |_, _| {
            inside.send(()).unwrap();
            let _ = left.recv_timeout(BOUND);
        })
        .connect()
        .unwrap();
    entered.recv_timeout(BOUND).unwrap();
    (peer, client, leave)
}

#[test]
fn closing_takes_a_second_at_most_and_leaves_no_thread_and_no_socket() {
    // Whatever the first use of a library sets up for good.
    warm_up();

    leaves_nothing("at rest", || {
        let peer = Peer::run(|peer| {
            let stream = peer.handshake();
            peer.wait_closed(stream.connection);
        });
        let client = connect(&peer);
        // A new thread gives itself its name.
        held_once(|_| client_threads().len() == 2);
        assert_eq!(client_threads(), ["mcp-events", "mcp-read"]);
        close(client);
        peer.finish();
    });

    leaves_nothing("while a call waits for its reply", || {
        let peer = Peer::run(|peer| {
            let stream = peer.handshake();
            peer.request().accepted();
            stream.connection
        });
        let client = connect(&peer);
        let (other, (begun, wait)) = (client.clone(), bounded(1));
        let call = std::thread::spawn(move || {
            begun.send(()).unwrap();
            other.call("slow", &())
        });
        wait.recv_timeout(BOUND).unwrap();
        peer.finish();
        close(client);
        let error = call.join().unwrap().unwrap_err();
        assert!(matches!(&error, Error::Closed(_)), "{error:?}");
    });

    leaves_nothing("while a POST waits for its answer", || {
        let peer = Peer::run(|peer| {
            peer.handshake();
            peer.request();
        });
        let client = connect(&peer);
        let other = client.clone();
        let call = std::thread::spawn(move || other.call("slow", &()));
        peer.finish();
        close(client);
        assert!(matches!(call.join().unwrap(), Err(Error::Closed(Delivery::Sent))));
    });

    leaves_nothing("while a POST is being written to a server that does not read", || {
        let peer = Peer::run(|peer| {
            let mut stream = peer.handshake();
            // The thread that reads requests stops taking bytes when its connection is not read any more.
            let call = peer.request();
            call.accepted();
            stream.reply_text(&call, "");
            call.stop_reading();
        });
        let client = connect(&peer);
        client.call("echo", &()).unwrap();
        peer.finish();
        let other = client.clone();
        let (begun, wait) = bounded(1);
        let call = std::thread::spawn(move || {
            let text = "x".repeat(50 << 20);
            begun.send(()).unwrap();
            other.call("echo", &serde_json::json!({"text": text}))
        });
        wait.recv_timeout(BOUND).unwrap();
        close(client);
        assert!(matches!(call.join().unwrap(), Err(Error::Closed(_))));
    });

    leaves_nothing("with a job and an unanswered cancellation", || {
        let peer = Peer::run(|peer| {
            peer.handshake();
            peer.request().accepted();
            // The cancellation is never answered.
            peer.request();
        });
        let client = connect(&peer);
        let job = client.start("slow", &()).unwrap();
        job.canceller().cancel("enough");
        peer.finish();
        close(client);
        assert!(matches!(job.result(), Err(Error::Cancelled(_))));
    });

    leaves_nothing("when the server is gone", || {
        let peer = Peer::run(|peer| {
            let mut stream = peer.handshake();
            stream.cut();
        });
        // One that may be connected again keeps a thread, and no socket.
        let client = builder(&peer).reconnect(Reconnect::never()).connect().unwrap();
        peer.finish();
        // The end of the stream ends its threads and frees its sockets, also while handles are still held.
        held_once(|_| client_threads().is_empty());
        assert_eq!(client_threads(), [""; 0]);
        assert!(!client.is_connected());
        close(client);
    });

    leaves_nothing("when the endpoint never comes", || {
        let peer = Peer::run(|peer| {
            let stream = peer.stream();
            peer.wait_closed(stream.connection);
        });
        let result = Client::builder(&peer.url("/sse"))
            .transport(Transport::HttpSse)
            .endpoint_timeout(Duration::from_millis(50))
            .connect();
        assert!(matches!(result, Err(Error::Timeout(_))));
        peer.finish();
    });

    leaves_nothing("when the handshake fails", || {
        let peer = Peer::run(|peer| {
            let mut stream = peer.stream();
            stream.event("endpoint", ENDPOINT);
            peer.request().status("500 Internal Server Error", "");
            peer.wait_closed(stream.connection);
        });
        assert!(Client::builder(&peer.url("/sse")).transport(Transport::HttpSse).connect().is_err());
        peer.finish();
    });

    leaves_nothing("when a TLS handshake is never answered", || {
        let peer = Peer::run(|_| {});
        let url = peer.url("/sse").replace("http:", "https:");
        let start = Instant::now();
        let error = Client::builder(&url).connect_timeout(Duration::from_millis(100)).connect().unwrap_err();
        assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
        assert_eq!(error.to_string(), "the connect deadline passed after 100ms (setting `connect_timeout`)");
        peer.finish();
    });

    leaves_nothing("when the last handle is dropped in a handler", || {
        let (peer, client, leave) = held_in_a_handler();
        drop(client);
        drop(leave);
        peer.finish();
    });

    leaves_nothing("while a connection is being opened", || {
        let messages = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = messages.local_addr().unwrap();
        let (bodies, posted) = bounded(10);
        let server = std::thread::spawn(move || {
            // One connection is served, and its third POST never answered; no other is ever accepted.
            let (mut socket, _) = messages.accept().unwrap();
            for answer in [&b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"[..]; 2].iter().chain([&&b""[..]]) {
                bodies.send(read_post(&mut socket)).unwrap();
                socket.write_all(answer).unwrap();
            }
            let mut queued = Vec::new();
            while let Ok(connection) = TcpStream::connect_timeout(&address, Duration::from_millis(100)) {
                queued.push(connection);
            }
            bodies.send(String::new()).unwrap();
            // Until the client has closed its connection.
            let _ = socket.read_to_end(&mut Vec::new());
        });
        let (forward, initialize) = bounded::<String>(1);
        let peer = Peer::run(move |peer| {
            let mut stream = peer.stream();
            let initialize: serde_json::Value = serde_json::from_str(&initialize.recv_timeout(BOUND).unwrap()).unwrap();
            stream.message(&format!(r#"{{"jsonrpc":"2.0","id":{},"result":{INITIALIZE_RESULT}}}"#, initialize["id"]));
            peer.wait_closed(stream.connection);
        });
        let url = peer.url("/sse");
        let connecting = std::thread::spawn(move || {
            let builder = Client::builder(&url).message_url(&format!("http://{address}/m"));
            builder.connect_timeout(BOUND * 6).call_timeout(BOUND * 6).connect().unwrap()
        });
        forward.send(posted.recv_timeout(BOUND).unwrap()).unwrap();
        let client = connecting.join().unwrap();
        let call = |client: &Client| {
            let (other, (begun, wait)) = (client.clone(), bounded(1));
            let call = std::thread::spawn(move || {
                begun.send(()).unwrap();
                other.call("slow", &())
            });
            wait.recv_timeout(BOUND).unwrap();
            call
        };
        let first = call(&client);
        // `initialized`, the first call, and then that the queue is full.
        while !posted.recv_timeout(BOUND).unwrap().is_empty() {}
        let calls = [first, call(&client)];
        close(client);
        for call in calls {
            assert!(matches!(call.join().unwrap(), Err(Error::Closed(_))));
        }
        server.join().unwrap();
        peer.finish();
    });

    leaves_nothing("when a handler does not return", || {
        let (peer, client, leave) = held_in_a_handler();
        let start = Instant::now();
        client.close();
        assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
        assert_eq!(client_threads(), ["mcp-events"], "only the one that cannot be ended");
        peer.finish();
        drop(leave);
    });

    leaves_nothing("a hundred clients one after the other", || {
        let peer = Peer::run(|peer| {
            for _ in 0..100 {
                let stream = peer.handshake();
                peer.wait_closed(stream.connection);
            }
        });
        for _ in 0..100 {
            drop(connect(&peer));
        }
        peer.finish();
    });
}

fn warm_up() {
    let peer = Peer::run(|peer| {
        let stream = peer.handshake();
        peer.wait_closed(stream.connection);
    });
    drop(connect(&peer));
    peer.finish();
    held_once(|now| now.threads.len() <= 2);
}

/// The body of the next POST on a connection.
fn read_post(socket: &mut TcpStream) -> String {
    let mut input = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&input);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if length.is_some_and(|length| length.parse() == Ok(body.len())) {
                return body.to_owned();
            }
        }
        let mut bytes = [0; 4096];
        let read = socket.read(&mut bytes).expect("the rest of a POST");
        assert_ne!(read, 0, "the rest of a POST");
        input.extend_from_slice(&bytes[..read]);
    }
}
