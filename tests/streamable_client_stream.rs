//! The client over Streamable HTTP: the session's own stream, and what servers ask (R-SH, sections D and H).

use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use mcp_sse_blocking::{Builder, Client, Error, Transport};
use mcp_tests::scripted_peer::{BOUND, Peer, Request};
use mcp_tests::streamable_peer::{
    RESULT_2025, SESSION, StreamablePeer as _, StreamableRequest as _, end_stream, primed,
};
use serde_json::json;

fn builder(url: &str) -> Builder {
    Client::builder(url)
        .transport(Transport::StreamableHttp)
        .connect_timeout(Duration::from_secs(5))
        .call_timeout(Duration::from_secs(5))
}

/// Settings with somebody to hear, and what was heard.
fn listening(url: &str) -> (Builder, Receiver<String>) {
    let (tell, told) = channel();
    let builder = builder(url).on_notification(move |_, notification| drop(tell.send(notification.method.clone())));
    (builder, told)
}

fn expect_listening(peer: &mut Peer) -> Request {
    let get = peer.request();
    assert_eq!(get.method, "GET", "{get:?}");
    assert_eq!(get.header("accept"), Some("text/event-stream"));
    assert_eq!(get.header("mcp-protocol-version"), Some("2025-11-25"));
    get
}

const CHANGED: &str = r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#;

/// R-SH-19 to R-SH-22: opened when somebody wants to hear, before the first call.
#[test]
fn the_sessions_own_stream_is_open_before_the_first_call() {
    let peer = Peer::run(|peer| {
        peer.shake_streamable();
        let get = expect_listening(peer);
        assert_eq!(get.header("mcp-session-id"), Some(SESSION));
        assert_eq!(get.header("last-event-id"), None);
        let mut stream = primed(&get, "s-0");
        stream.message(CHANGED);
        let call = peer.expect("tools/call");
        assert_ne!(call.connection, get.connection);
        call.json_text("hi");
        peer.request().taken();
        peer.wait_closed(get.connection);
    });
    let (builder, told) = listening(&peer.url("/mcp"));
    let client = builder.connect().unwrap();
    assert_eq!(told.recv_timeout(BOUND).unwrap(), "notifications/tools/list_changed");
    client.call("echo", &()).unwrap();
    drop(client);
    peer.finish();
}

/// R-SH-25: servers need not offer it, and the session is as good without.
#[test]
fn a_server_without_the_stream_is_as_good() {
    for status in
        ["405 Method Not Allowed", "404 Not Found", "400 Bad Request", "501 Not Implemented", "406 Not Acceptable"]
    {
        let peer = Peer::run(move |peer| {
            peer.shake_streamable();
            expect_listening(peer).json_status(status, "", "{}");
            peer.expect("tools/call").json_text("hi");
            let delete = peer.request();
            assert_eq!(delete.method, "DELETE", "it is not asked for again");
            delete.taken();
        });
        let client = listening(&peer.url("/mcp")).0.connect().unwrap();
        client.call("echo", &()).unwrap();
        drop(client);
        peer.finish();
    }
    for media in ["application/json", "text/html"] {
        let peer = Peer::run(move |peer| {
            peer.shake_streamable();
            let get = expect_listening(peer);
            get.answer(format!("HTTP/1.1 200 OK\r\nContent-Type: {media}\r\nContent-Length: 2\r\n\r\n{{}}"));
            peer.expect("tools/call").json_text("hi");
        });
        let client = listening(&peer.url("/mcp")).0.connect().unwrap();
        client.call("echo", &()).unwrap();
        peer.finish();
    }
}

/// A server that sends the head of the stream only with its first event delays nobody for long.
#[test]
fn a_head_that_does_not_come_delays_connecting_by_a_second_at_most() {
    let peer = Peer::run(|peer| {
        peer.shake_streamable_as("", RESULT_2025);
        let get = expect_listening(peer);
        peer.expect("tools/call").json_text("hi");
        let mut stream = get.open();
        stream.message(CHANGED);
        peer.wait_closed(get.connection);
    });
    let begun = Instant::now();
    let (builder, told) = listening(&peer.url("/mcp"));
    let client = builder.connect().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    client.call("echo", &()).unwrap();
    assert_eq!(told.recv_timeout(BOUND).unwrap(), "notifications/tools/list_changed");
    drop(client);
    peer.finish();
}

/// R-SH-24, R-SH-33, R-SH-41: either side may close it; it goes on after the last event, no sooner than asked.
#[test]
fn the_stream_is_opened_again_where_it_ended() {
    let (opened, again) = channel();
    let peer = Peer::run(move |peer| {
        peer.shake_streamable_as("", RESULT_2025);
        let get = expect_listening(peer);
        let mut stream = primed(&get, "s-0");
        stream.raw("retry: 200\n\n");
        end_stream(&get);
        let ended = Instant::now();
        let get = expect_listening(peer);
        assert!(ended.elapsed() >= Duration::from_millis(200), "{:?}", ended.elapsed());
        assert_eq!(get.header("last-event-id"), Some("s-0"));
        let mut stream = get.open();
        stream.raw(format!("id: s-1\ndata: {CHANGED}\n\n"));
        stream.cut();
        let get = expect_listening(peer);
        assert_eq!(get.header("last-event-id"), Some("s-1"));
        let stream = get.open();
        opened.send(()).unwrap();
        peer.wait_closed(stream.connection);
    });
    let (builder, told) = listening(&peer.url("/mcp"));
    let client = builder.connect().unwrap();
    assert_eq!(told.recv_timeout(BOUND).unwrap(), "notifications/tools/list_changed");
    again.recv_timeout(BOUND).unwrap();
    drop(client);
    peer.finish();
}

/// R-SH-51: ids belong to a session; a new one has a stream of its own.
#[test]
fn a_new_session_has_a_new_stream() {
    let peer = Peer::run(|peer| {
        peer.shake_streamable();
        let get = expect_listening(peer);
        let mut stream = primed(&get, "s-0");
        stream.raw("retry: 1\n\n");
        peer.expect("tools/call").status("404 Not Found", "");
        peer.shake_streamable_as("Mcp-Session-Id: second\r\n", RESULT_2025);
        let call = peer.expect("tools/call");
        end_stream(&get);
        let get = expect_listening(peer);
        assert_eq!(get.header("mcp-session-id"), Some("second"));
        assert_eq!(get.header("last-event-id"), None);
        get.open();
        call.json_text("hi");
    });
    let client = listening(&peer.url("/mcp")).0.connect().unwrap();
    assert_eq!(client.call("echo", &()).unwrap().all_text(), "hi");
    peer.finish();
}

/// R-SH-51: whoever only listens learns of the loss from the stream.
#[test]
fn a_listener_opens_a_new_session_when_its_stream_says_that_the_old_one_is_lost() {
    let peer = Peer::run(|peer| {
        peer.shake_streamable();
        let get = expect_listening(peer);
        primed(&get, "s-0").raw("retry: 1\n\n");
        end_stream(&get);
        for last_id in [Some("s-0"), None] {
            let get = expect_listening(peer);
            assert_eq!(get.header("last-event-id"), last_id);
            get.status("404 Not Found", "");
        }
        peer.shake_streamable_as("Mcp-Session-Id: second\r\n", RESULT_2025);
        let get = expect_listening(peer);
        assert_eq!(get.header("mcp-session-id"), Some("second"));
        get.open().message(CHANGED);
    });
    let (builder, told) = listening(&peer.url("/mcp"));
    let client = builder.connect().unwrap();
    assert_eq!(told.recv_timeout(BOUND).unwrap(), "notifications/tools/list_changed");
    peer.finish();
    drop(client);
}

/// R-SH-51: however many threads find the session lost, it is opened anew once.
#[test]
fn many_threads_open_one_new_session() {
    const THREADS: usize = 4;
    let peer = Peer::run(|peer| {
        peer.shake_streamable();
        let calls: Vec<Request> = (0..THREADS).map(|_| peer.expect("tools/call")).collect();
        for call in &calls {
            assert_eq!(call.header("mcp-session-id"), Some(SESSION));
            call.status("404 Not Found", "");
        }
        peer.shake_streamable_as("Mcp-Session-Id: second\r\n", RESULT_2025);
        for _ in 0..THREADS {
            let call = peer.expect("tools/call");
            assert_eq!(call.header("mcp-session-id"), Some("second"));
            call.json_text("hi");
        }
    });
    let client = builder(&peer.url("/mcp")).connect().unwrap();
    let calls: Vec<_> = (0..THREADS)
        .map(|_| {
            let client = client.clone();
            thread::spawn(move || client.call("echo", &()).unwrap().all_text())
        })
        .collect();
    for call in calls {
        assert_eq!(call.join().unwrap(), "hi");
    }
    peer.finish();
}

const ASKS: &str = r#"{"jsonrpc":"2.0","id":"q1","method":"elicitation/create","params":{"message":"who?","requestedSchema":{"type":"object","properties":{"name":{"type":"string","default":"nobody"}}}}}"#;

/// R-SH-17: on whichever stream a server asks, it is answered by a further POST, while the call waits.
#[test]
fn a_server_is_answered_on_whichever_stream_it_asks() {
    for on_own_stream in [false, true] {
        let peer = Peer::run(move |peer| {
            peer.shake_streamable();
            let get = expect_listening(peer);
            let mut own = get.open();
            let call = peer.expect("tools/call");
            let mut stream = call.open();
            if on_own_stream {
                own.message(ASKS)
            } else {
                stream.message(ASKS)
            }
            let answer = peer.request();
            assert_eq!(answer.header("mcp-session-id"), Some(SESSION));
            let said = answer.json();
            assert_eq!((&said["id"], &said["result"]["action"]), (&json!("q1"), &json!("accept")), "{said}");
            assert_eq!(said["result"]["content"], json!({"name": "nobody"}));
            answer.taken();
            stream.reply_text(&call, "asked");
            end_stream(&call);
        });
        let client = builder(&peer.url("/mcp")).on_elicitation(|request| request.accept_defaults()).connect().unwrap();
        assert_eq!(client.call("ask", &()).unwrap().all_text(), "asked");
        peer.finish();
    }
}

/// R-LM-78: a question that was taken back is not answered.
#[test]
fn a_question_that_is_taken_back_is_not_answered() {
    let (entered, inside) = channel();
    let (leave, left) = channel::<()>();
    let left = std::sync::Mutex::new(left);
    let (withdrew, withdrawn) = channel();
    let peer = Peer::run(move |peer| {
        peer.shake_streamable();
        let mut own = expect_listening(peer).open();
        own.message(ASKS);
        inside.recv_timeout(BOUND).unwrap();
        own.message(r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"q1"}}"#);
        // Taken in before this is answered: one stream, in order.
        own.message(r#"{"jsonrpc":"2.0","id":"p","method":"ping"}"#);
        let pong = peer.request();
        assert_eq!(pong.json()["id"], "p");
        pong.taken();
        leave.send(()).unwrap();
        withdrew.send(()).unwrap();
        let call = peer.expect("tools/call");
        call.json_text("hi");
    });
    let client = builder(&peer.url("/mcp"))
        .on_elicitation(move |request| {
            entered.send(()).unwrap();
            let _ = left.lock().unwrap().recv_timeout(BOUND);
            request.accept_defaults()
        })
        .connect()
        .unwrap();
    withdrawn.recv_timeout(BOUND).unwrap();
    client.call("echo", &()).unwrap();
    peer.finish();
}

/// A server that asks faster than it is answered does not grow this program.
#[test]
fn too_many_questions_are_refused() {
    let (saw, seen) = channel();
    let (leave, left) = channel::<()>();
    let left = std::sync::Mutex::new(left);
    let peer = Peer::run(move |peer| {
        peer.shake_streamable();
        let mut own = expect_listening(peer).open();
        for n in 0..40 {
            own.message(&ASKS.replace("q1", &format!("q{n}")));
        }
        let refused = peer.request();
        assert_eq!(refused.json()["error"]["code"], -32603, "{refused:?}");
        refused.taken();
        saw.send(()).unwrap();
        drop(leave);
        peer.wait_closed(own.connection);
    });
    let client = builder(&peer.url("/mcp"))
        .on_elicitation(move |request| {
            let _ = left.lock().unwrap().recv_timeout(BOUND);
            request.accept_defaults()
        })
        .connect()
        .unwrap();
    seen.recv_timeout(BOUND).unwrap();
    client.close();
    drop(peer);
}

/// Closing ends the stream, whatever it is doing, and every wait of its thread.
#[test]
fn closing_does_not_wait_for_the_stream() {
    // Open, waiting to be opened again, waiting for a head.
    for scene in 0..3 {
        let peer = Peer::run(move |peer| {
            peer.shake_streamable_as("", RESULT_2025);
            let get = expect_listening(peer);
            match scene {
                0 => drop(get.open()),
                1 => {
                    let mut stream = get.open();
                    stream.raw("retry: 3600000\n\nid: 1\ndata:\n\n");
                    end_stream(&get);
                }
                _ => {}
            }
            peer.wait_closed(get.connection);
        });
        let client = listening(&peer.url("/mcp")).0.connect().unwrap();
        let begun = Instant::now();
        client.close();
        assert!(begun.elapsed() < Duration::from_secs(1), "scene {scene}: {:?}", begun.elapsed());
        assert!(matches!(client.call("echo", &()), Err(Error::Closed(_))));
        peer.finish();
    }
}
