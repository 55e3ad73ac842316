//! The client over https, against a scripted peer behind TLS.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use mcp_core::time::Cause;
use mcp_sse_blocking::{Builder, CallOptions, Client, Error, PeerError, Transport};
use mcp_tests::scripted_peer::{Peer, Running};
use mcp_tests::streamable_peer::{StreamablePeer as _, StreamableRequest as _};
use mcp_tests::tls_front::TlsFront;

fn front<T>(peer: &Running<T>) -> TlsFront {
    TlsFront::start(peer.address(), &["localhost"])
}

fn builder(front: &TlsFront) -> Builder {
    Client::builder(&front.url("/sse"))
        .transport(Transport::HttpSse)
        .root_certificates_pem(front.certificate().as_bytes())
        .endpoint_timeout(Duration::from_secs(5))
        .call_timeout(Duration::from_secs(5))
}

#[test]
fn a_session_goes_over_tls() {
    let peer = Peer::run(|peer| {
        let mut stream = peer.handshake();
        for size in [2, 1_000_000] {
            let call = peer.request();
            call.accepted();
            stream.reply_text(&call, &"x".repeat(size));
        }
        let call = peer.request();
        assert!(call.body.len() > 300_000);
        call.accepted();
        stream.reply_text(&call, "");
        peer.wait_closed(stream.connection);
    });
    let front = front(&peer);
    let client = builder(&front).bearer("hidden").connect().unwrap();
    for size in [2, 1_000_000] {
        assert_eq!(client.call("echo", &()).unwrap().all_text().len(), size);
    }
    client.call("echo", &serde_json::json!({"text": "x".repeat(300_000)})).unwrap();
    drop(client);
    peer.finish();
}

#[test]
fn a_certificate_of_nobody_we_trust_is_refused_before_anything_is_said() {
    let peer = Peer::run(|peer| assert!(peer.is_quiet()));
    let front = front(&peer);
    let error =
        Client::builder(&front.url("/sse")).transport(Transport::HttpSse).bearer("hidden").connect().unwrap_err();
    assert!(matches!(&error, Error::Transport(_)), "{error:?}");
    assert_eq!(front.decrypted(), 0);
    peer.finish();
}

#[test]
fn a_certificate_for_another_name_is_refused_before_anything_is_said() {
    let peer = Peer::run(|peer| assert!(peer.is_quiet()));
    let front = TlsFront::start(peer.address(), &["elsewhere.example"]);
    let error = builder(&front).connect().unwrap_err();
    assert!(matches!(&error, Error::Transport(_)), "{error:?}");
    assert_eq!(front.decrypted(), 0);
    peer.finish();
}

#[test]
fn messages_do_not_go_from_https_to_http() {
    let peer = Peer::run(|peer| {
        let mut stream = peer.stream();
        stream.event("endpoint", "http://localhost/messages");
        peer.wait_closed(stream.connection);
    });
    let front = front(&peer);
    let error = builder(&front).connect().unwrap_err();
    assert!(matches!(&error, Error::Peer(PeerError::Endpoint(_))), "{error:?}");
    peer.finish();
}

#[test]
fn a_read_that_ran_into_a_deadline_can_be_repeated() {
    let peer = Peer::run(|peer| {
        let mut stream = peer.handshake();
        let call = peer.request();
        call.accepted();
        // Half an event, so that the reader's deadline passes in the middle of one.
        stream.raw("event: message\ndata: {\"jsonrpc\":\"2.0\",");
        // The cancellation goes out on another thread than the next call.
        let posts = [peer.request(), peer.request()];
        stream.raw("\"method\":\"notifications/x\"}\n\n");
        for post in posts {
            post.accepted();
            if post.message_method() == "tools/call" {
                stream.reply_text(&post, "next");
            }
        }
    });
    let front = front(&peer);
    let client = builder(&front).connect().unwrap();
    let error = client.call_with("slow", &(), CallOptions::new().timeout(Duration::from_millis(100))).unwrap_err();
    assert!(matches!(&error, Error::Timeout(timeout) if timeout.cause == Cause::Call), "{error:?}");
    assert_eq!(client.call("echo", &()).unwrap().all_text(), "next");
    peer.finish();
}

#[test]
fn a_connection_that_went_stale_is_replaced() {
    let peer = Peer::run(|peer| {
        let mut stream = peer.handshake();
        let call = peer.request();
        call.accepted();
        call.hang_up();
        stream.reply_text(&call, "one");
        let again = peer.request();
        assert_ne!(again.connection, call.connection);
        again.accepted();
        stream.reply_text(&again, "two");
    });
    let front = front(&peer);
    let client = builder(&front).connect().unwrap();
    assert_eq!(client.call("echo", &()).unwrap().all_text(), "one");
    assert_eq!(client.call("echo", &()).unwrap().all_text(), "two");
    peer.finish();
}

/// A call is not sent a second time: its connection has to be seen to be closed before.
#[test]
fn a_connection_that_the_server_closed_with_a_word_is_not_used_for_a_call() {
    let (answered, was_answered) = mpsc::channel();
    let peer = Peer::run(move |peer| {
        peer.shake_streamable();
        for text in ["one", "two", "three"] {
            let call = peer.expect("tools/call");
            call.json_text(text);
            was_answered.recv_timeout(Duration::from_secs(5)).unwrap();
            call.hang_up();
        }
    });
    let front = front(&peer);
    let client = Client::builder(&front.url("/mcp"))
        .transport(Transport::StreamableHttp)
        .root_certificates_pem(front.certificate().as_bytes())
        .call_timeout(Duration::from_secs(5))
        .connect()
        .unwrap();
    for (before, text) in ["one", "two", "three"].into_iter().enumerate() {
        front.wait_closed(before);
        assert_eq!(client.call("echo", &()).unwrap().all_text(), text);
        answered.send(()).unwrap();
    }
    peer.finish();
}

#[test]
fn closing_ends_a_blocked_read() {
    let peer = Peer::run(|peer| {
        let stream = peer.handshake();
        peer.request().accepted();
        peer.wait_closed(stream.connection);
    });
    let front = front(&peer);
    let client = builder(&front).connect().unwrap();
    let job = client.start("slow", &()).unwrap();
    let start = Instant::now();
    client.close();
    assert!(start.elapsed() < Duration::from_millis(1500));
    assert!(matches!(job.result(), Err(Error::Closed(_))));
    peer.finish();
}

#[test]
fn closing_ends_a_blocked_handshake() {
    let peer = Peer::run(|peer| peer.shake_streamable());
    let front = front(&peer);
    let address = front.address();
    let client = Client::builder(&front.url("/mcp"))
        .transport(Transport::StreamableHttp)
        .root_certificates_pem(front.certificate().as_bytes())
        .max_idle_connections(0)
        .connect_timeout(Duration::from_secs(20))
        .call_timeout(Duration::from_secs(20))
        .connect()
        .unwrap();
    peer.finish();
    drop(front);
    let silent = std::net::TcpListener::bind(address).unwrap();
    let job = client.start("slow", &()).unwrap();
    let (_held, _) = silent.accept().unwrap();
    let start = Instant::now();
    client.close();
    assert!(matches!(job.result(), Err(Error::Closed(_))));
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_handshake_that_is_never_answered_ends_with_the_connect_deadline() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://localhost:{}/sse", silent.local_addr().unwrap().port());
    let error = Client::builder(&url).connect_timeout(Duration::from_millis(100)).connect().unwrap_err();
    assert!(matches!(&error, Error::Timeout(timeout) if timeout.cause == Cause::Connect), "{error:?}");
}
