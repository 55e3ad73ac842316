//! Calls: several at once, with progress, cancelled, out of time; and what handlers may do.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::bounded;
use mcp_core::time::Cause;
use mcp_core::types::LoggingLevel;
use mcp_sse_blocking::{Builder, CallOptions, Client, Delivery, Error, Transport};
use mcp_tests::scripted_peer::{BOUND, Peer, Request, Stream};
use serde_json::json;

fn builder(url: &str) -> Builder {
    Client::builder(url)
        .transport(Transport::HttpSse)
        .endpoint_timeout(Duration::from_secs(5))
        .call_timeout(Duration::from_secs(5))
}

fn connect(url: &str) -> Client {
    builder(url).connect().expect("it connects")
}

/// Answers every request with the text it was asked to echo until the client closes the stream.
fn echo_all(peer: &mut Peer, stream: &mut Stream) {
    loop {
        let post = peer.request();
        post.accepted();
        match post.message_method().as_str() {
            "tools/call" => {
                let text = post.json()["params"]["arguments"]["text"].as_str().unwrap_or_default().to_owned();
                if text == "last" {
                    return stream.reply_text(&post, "last");
                }
                stream.reply_text(&post, &text);
            }
            "ping" => stream.reply(&post, "{}"),
            _ => {}
        }
    }
}

fn progress(call: &Request, progress: u32) -> String {
    let token = &call.json()["params"]["_meta"]["progressToken"];
    format!(
        r#"{{"jsonrpc":"2.0","method":"notifications/progress","params":{{"progressToken":{token},"progress":{progress},"total":9,"message":"step"}}}}"#
    )
}

#[test]
fn several_threads_call_at_once_and_replies_may_come_in_any_order() {
    const CALLS: usize = 8;
    let peer = Peer::run(|peer| {
        let mut stream = peer.handshake();
        for _ in 0..5 {
            let mut calls: Vec<Request> = (0..CALLS).map(|_| peer.request()).collect();
            calls.iter().for_each(Request::accepted);
            calls.reverse();
            for call in &calls {
                let text = call.json()["params"]["arguments"]["text"].as_str().unwrap().to_owned();
                stream.reply_text(call, &text);
            }
        }
    });
    let client = connect(&peer.url("/sse"));
    for _ in 0..5 {
        thread::scope(|scope| {
            for index in 0..CALLS {
                let client = &client;
                scope.spawn(move || {
                    let text = format!("call {index}");
                    assert_eq!(client.call("echo", &json!({"text": text})).unwrap().all_text(), text);
                });
            }
        });
    }
    peer.finish();
}

#[test]
fn a_slow_call_does_not_hold_up_the_others() {
    let peer = Peer::run(|peer| {
        let mut stream = peer.handshake();
        let mut slow = None;
        for _ in 0..101 {
            let call = peer.request();
            call.accepted();
            match call.json()["params"]["name"].as_str() {
                Some("slow") => slow = Some(call),
                _ => stream.reply_text(&call, ""),
            }
        }
        stream.reply_text(&slow.unwrap(), "slow");
    });
    let client = connect(&peer.url("/sse"));
    let (begun, wait) = bounded(1);
    thread::scope(|scope| {
        let slow = scope.spawn(|| {
            begun.send(()).unwrap();
            client.call("slow", &()).unwrap().all_text()
        });
        wait.recv().unwrap();
        for _ in 0..100 {
            client.call("echo", &()).unwrap();
        }
        assert_eq!(slow.join().unwrap(), "slow");
    });
    peer.finish();
}

#[test]
fn progress_is_told_in_order_and_may_call_the_client_again() {
    let peer = Peer::run(|peer| {
        let mut stream = peer.handshake();
        let call = peer.request();
        call.accepted();
        for step in 1..=3 {
            stream.message(&progress(&call, step));
            let ping = peer.request();
            assert_eq!(ping.message_method(), "ping");
            ping.accepted();
            stream.reply(&ping, "{}");
        }
        stream.reply_text(&call, "done");
    });
    let client = connect(&peer.url("/sse"));
    let mut steps = Vec::new();
    let options = CallOptions::new().on_progress(|progress| {
        client.ping().unwrap();
        steps.push((progress.progress, progress.total, progress.message));
    });
    assert_eq!(client.call_with("index", &(), options).unwrap().all_text(), "done");
    let step = |at: f64| (at, Some(9.0), Some("step".to_owned()));
    assert_eq!(steps, [step(1.0), step(2.0), step(3.0)]);
    peer.finish();
}

#[test]
fn no_progress_token_is_sent_unless_progress_is_wanted() {
    let peer = Peer::run(|peer| {
        let mut stream = peer.handshake();
        let call = peer.request();
        assert_eq!(call.json()["params"], json!({"name": "a", "arguments": {}}));
        call.accepted();
        stream.reply_text(&call, "");
    });
    connect(&peer.url("/sse")).call("a", &()).unwrap();
    peer.finish();
}

#[test]
fn a_job_is_an_iterator_over_its_progress_and_then_has_a_result() {
    let peer = Peer::run(|peer| {
        let mut stream = peer.handshake();
        let call = peer.request();
        call.accepted();
        for step in 1..=3 {
            stream.message(&progress(&call, step));
        }
        stream.reply_text(&call, "done");
    });
    let client = connect(&peer.url("/sse"));
    let mut job = client.start("index", &json!({})).unwrap();
    let steps: Vec<f64> = job.by_ref().map(|progress| progress.progress).collect();
    assert_eq!(steps, [1.0, 2.0, 3.0]);
    assert_eq!(job.result().unwrap().all_text(), "done");
    peer.finish();
}

#[test]
fn a_job_whose_progress_nobody_takes_keeps_the_last_and_counts_the_rest() {
    let (ready, wait) = bounded(1);
    let peer = Peer::run(move |peer| {
        let mut stream = peer.handshake();
        let call = peer.request();
        call.accepted();
        for step in 1..=1000 {
            stream.message(&progress(&call, step));
        }
        // Once the pong is here the client has read all of it.
        stream.message(r#"{"jsonrpc":"2.0","id":"p","method":"ping"}"#);
        peer.request().accepted();
        ready.send(()).unwrap();
        stream.reply_text(&call, "done");
    });
    let client = connect(&peer.url("/sse"));
    let mut job = client.start("index", &json!({})).unwrap();
    wait.recv_timeout(BOUND).unwrap();
    let first = job.next().unwrap();
    assert_eq!((first.progress, first.dropped), (937.0, 936));
    assert_eq!(job.by_ref().last().unwrap().progress, 1000.0);
    assert_eq!(job.result().unwrap().all_text(), "done");
    peer.finish();
}

#[test]
fn cancelling_from_another_thread_frees_the_caller_at_once_and_tells_the_server() {
    let peer = Peer::run(|peer| {
        let mut stream = peer.handshake();
        let call = peer.request();
        call.accepted();
        // The cancellation goes out on another thread than the next call.
        for post in [peer.request(), peer.request()] {
            post.accepted();
            if post.message_method() == "tools/call" {
                // A server that answers what was cancelled disturbs nobody (R-LM-79).
                stream.reply_text(&call, "late");
                stream.reply_text(&post, "next");
            } else {
                assert_eq!(post.message_method(), "notifications/cancelled");
                assert_eq!(post.json()["params"]["requestId"].to_string(), call.id());
                assert_eq!(post.json()["params"]["reason"], "enough");
            }
        }
    });
    let client = connect(&peer.url("/sse"));
    let job = client.start("slow", &json!({})).unwrap();
    let canceller = job.canceller();
    let waiting = thread::spawn(move || job.result());
    assert!(canceller.cancel("enough"));
    assert!(matches!(waiting.join().unwrap(), Err(Error::Cancelled(Delivery::Sent))));
    assert!(!canceller.cancel("twice"), "it is over");
    assert_eq!(client.call("echo", &()).unwrap().all_text(), "next");
    peer.finish();
}

#[test]
fn a_cancellation_leaves_before_the_client_does() {
    for round in 0..10 {
        let peer = Peer::run(|peer| {
            let _stream = peer.handshake();
            let call = peer.request();
            call.accepted();
            let cancelled = peer.request();
            assert_eq!(cancelled.json()["params"]["requestId"].to_string(), call.id());
            cancelled.accepted();
        });
        let client = connect(&peer.url("/sse"));
        let job = client.start("slow", &json!({})).unwrap();
        // Either way of closing: by hand, or by dropping the last handle.
        if round % 2 == 0 {
            assert!(job.canceller().cancel("enough"));
            client.close();
        } else {
            drop(job);
            drop(client);
        }
        peer.finish();
    }
}

#[test]
fn what_the_server_logged_before_a_result_reaches_its_handler_although_the_client_is_dropped() {
    let peer = Peer::run(|peer| {
        let mut stream = peer.handshake();
        let call = peer.request();
        for line in 0..20 {
            let log =
                json!({"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": line}});
            stream.message(&log.to_string());
        }
        call.accepted();
        stream.reply_text(&call, "done");
        peer.wait_closed(stream.connection);
    });
    let heard = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&heard);
    let client = builder(&peer.url("/sse"))
        .on_log(move |_, _| {
            counter.fetch_add(1, Ordering::SeqCst);
        })
        .connect()
        .unwrap();
    client.call("talk", &json!({})).unwrap();
    drop(client);
    assert_eq!(heard.load(Ordering::SeqCst), 20);
    peer.finish();
}

#[test]
fn a_job_that_is_dropped_is_cancelled() {
    let peer = Peer::run(|peer| {
        let _stream = peer.handshake();
        let call = peer.request();
        call.accepted();
        let cancelled = peer.request();
        assert_eq!(cancelled.json()["params"]["requestId"].to_string(), call.id());
        cancelled.accepted();
    });
    let client = connect(&peer.url("/sse"));
    drop(client.start("slow", &json!({})).unwrap());
    peer.finish();
}

#[test]
fn a_deadline_frees_the_caller_names_itself_and_cancels() {
    let peer = Peer::run(|peer| {
        let _stream = peer.handshake();
        // A cancellation goes out on another thread than the next call.
        let (mut calls, mut cancelled) = (Vec::new(), Vec::new());
        for _ in 0..4 {
            let post = peer.request();
            post.accepted();
            match post.message_method().as_str() {
                "tools/call" => calls.push(post.id()),
                _ => cancelled.push(post.json()["params"]["requestId"].to_string()),
            }
        }
        assert_eq!(calls, cancelled);
    });
    let client = builder(&peer.url("/sse")).call_timeout(Duration::from_millis(50)).connect().unwrap();
    let start = Instant::now();
    let error = client.call("slow", &()).unwrap_err();
    assert!(start.elapsed() >= Duration::from_millis(50) && start.elapsed() < Duration::from_secs(2));
    assert_eq!(
        error.to_string(),
        "the call deadline passed after 50ms (setting `call_timeout`); the request had been sent"
    );
    // The other way of waiting.
    let error = client.start("slow", &json!({})).unwrap().result().unwrap_err();
    assert!(matches!(error, Error::Timeout(timeout) if timeout.cause == Cause::Call));
    assert!(client.is_connected());
    peer.finish();
}

#[test]
fn a_post_that_is_never_answered_ends_with_the_deadline_of_its_call() {
    let peer = Peer::run(|peer| {
        let _stream = peer.handshake();
        let call = peer.request();
        let cancelled = peer.request();
        assert_eq!(cancelled.json()["params"]["requestId"].to_string(), call.id());
        cancelled.accepted();
    });
    let client = builder(&peer.url("/sse")).call_timeout(Duration::from_millis(50)).connect().unwrap();
    let error = client.call("slow", &()).unwrap_err();
    assert!(
        matches!(&error, Error::Timeout(timeout) if timeout.cause == Cause::Call && timeout.delivery == Delivery::Sent)
    );
    peer.finish();
}

#[test]
fn progress_does_not_extend_a_deadline() {
    let peer = Peer::run(|peer| {
        let mut stream = peer.handshake();
        let call = peer.request();
        call.accepted();
        let mut step = 0;
        while peer.is_quiet() {
            step += 1;
            stream.message(&progress(&call, step));
        }
        assert_eq!(peer.request().message_method(), "notifications/cancelled");
    });
    let client = connect(&peer.url("/sse"));
    let options = CallOptions::new().timeout(Duration::from_millis(100)).on_progress(|_| {});
    let start = Instant::now();
    assert!(matches!(client.call_with("slow", &(), options), Err(Error::Timeout(_))));
    assert!(start.elapsed() < Duration::from_secs(2));
    peer.finish();
}

#[test]
fn progress_that_comes_faster_than_it_is_told_does_not_extend_a_deadline() {
    let flood = || {
        Peer::run(|peer| {
            let mut stream = peer.handshake();
            let call = peer.request();
            call.accepted();
            let mut step = 0;
            while peer.is_quiet() {
                step += 1;
                stream.message(&progress(&call, step));
            }
            let cancelled = peer.request();
            assert_eq!(cancelled.message_method(), "notifications/cancelled");
            cancelled.accepted();
        })
    };
    let start = Instant::now();
    let slow_listener = |_| {
        assert!(start.elapsed() < BOUND, "the call goes on as long as there is progress");
        // Long enough for another thread to read the stream meanwhile.
        thread::sleep(Duration::from_millis(50));
    };
    let options = || CallOptions::new().timeout(Duration::from_millis(200));

    let peer = flood();
    let called = connect(&peer.url("/sse")).call_with("slow", &(), options().on_progress(slow_listener));
    assert!(matches!(called, Err(Error::Timeout(_))));
    peer.finish();

    // The other way of waiting.
    let peer = flood();
    let mut job = connect(&peer.url("/sse")).start_with("slow", &(), options()).unwrap();
    job.by_ref().for_each(slow_listener);
    assert!(matches!(job.result(), Err(Error::Timeout(_))));
    peer.finish();
}

#[test]
fn logs_and_notifications_reach_their_handlers_in_order_and_these_may_call_the_client() {
    let peer = Peer::run(|peer| {
        let mut stream = peer.handshake();
        for index in 0..3 {
            stream.message(&format!(
                r#"{{"jsonrpc":"2.0","method":"notifications/message","params":{{"level":"warning","logger":"db","data":"line {index}"}}}}"#
            ));
        }
        stream.message(r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#);
        stream.message(r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"what"}}"#);
        echo_all(peer, &mut stream);
    });
    let (sender, heard) = bounded(10);
    let other = sender.clone();
    let client = builder(&peer.url("/sse"))
        .on_log(move |client, message| {
            assert_eq!((message.level, message.logger.as_deref()), (LoggingLevel::Warning, Some("db")));
            let echoed = client.call("echo", &json!({"text": message.text()})).unwrap();
            sender.send(echoed.all_text()).unwrap();
        })
        .on_notification(move |client, notification| {
            client.ping().unwrap();
            other.send(notification.method.clone()).unwrap();
        })
        .connect()
        .unwrap();
    let all: Vec<String> = (0..4).map(|_| heard.recv_timeout(BOUND).unwrap()).collect();
    assert_eq!(all, ["line 0", "line 1", "line 2", "notifications/tools/list_changed"]);
    client.call("echo", &json!({"text": "last"})).unwrap();
    peer.finish();
}

#[test]
fn a_handler_that_panics_does_not_take_the_others_with_it() {
    let peer = Peer::run(|peer| {
        let mut stream = peer.handshake();
        for index in 0..2 {
            stream.message(&format!(
                r#"{{"jsonrpc":"2.0","method":"notifications/message","params":{{"level":"info","data":{index}}}}}"#
            ));
        }
        echo_all(peer, &mut stream);
    });
    let (sender, heard) = bounded(10);
    let client = builder(&peer.url("/sse"))
        .on_log(move |_, message| {
            assert_ne!(message.text(), "0", "this panic is part of the test");
            sender.send(()).unwrap();
        })
        .connect()
        .unwrap();
    heard.recv_timeout(BOUND).unwrap();
    client.call("echo", &json!({"text": "last"})).unwrap();
    peer.finish();
}

#[test]
fn a_handler_that_is_slower_than_its_server_holds_nobody_up() {
    let (go, wait) = bounded::<()>(0);
    let peer = Peer::run(|peer| {
        let mut stream = peer.handshake();
        for index in 0..5000 {
            stream.message(&format!(
                r#"{{"jsonrpc":"2.0","method":"notifications/message","params":{{"level":"info","data":{index}}}}}"#
            ));
        }
        echo_all(peer, &mut stream);
    });
    let client = builder(&peer.url("/sse")).on_log(move |_, _| if wait.recv().is_ok() {}).connect().unwrap();
    assert_eq!(client.call("echo", &json!({"text": "last"})).unwrap().all_text(), "last");
    drop(go);
    client.close();
    peer.finish();
}

#[test]
fn the_last_handle_may_be_dropped_in_a_handler() {
    let peer = Peer::run(|peer| {
        let mut stream = peer.handshake();
        stream.message(r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":1}}"#);
        peer.wait_closed(stream.connection);
    });
    let (inside, entered) = bounded(1);
    let (dropped, leave) = bounded::<()>(0);
    let client = builder(&peer.url("/sse"))
        .on_log(move |client, _| {
            let own = client.clone();
            inside.send(()).unwrap();
            let _ = leave.recv_timeout(BOUND);
            assert!(own.is_connected());
        })
        .connect()
        .unwrap();
    entered.recv_timeout(BOUND).unwrap();
    // The handler holds the last handle now.
    drop(client);
    drop(dropped);
    peer.finish();
}

#[test]
fn the_client_that_a_handler_is_lent_does_not_keep_the_session_open() {
    let peer = Peer::run(|peer| {
        let mut stream = peer.handshake();
        stream.message(r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":1}}"#);
        peer.wait_closed(stream.connection);
    });
    let (inside, entered) = bounded(1);
    let (go, wait) = bounded::<()>(0);
    let client = builder(&peer.url("/sse"))
        .on_log(move |_, _| {
            inside.send(()).unwrap();
            let _ = wait.recv();
        })
        .connect()
        .unwrap();
    entered.recv_timeout(BOUND).unwrap();
    let start = Instant::now();
    drop(client);
    assert!(start.elapsed() < Duration::from_secs(2));
    // The handler hangs all the while.
    peer.finish();
    drop(go);
}

#[test]
fn a_handler_may_close_the_client() {
    let peer = Peer::run(|peer| {
        let mut stream = peer.handshake();
        stream.message(r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":1}}"#);
        peer.wait_closed(stream.connection);
    });
    let (closed, heard) = bounded(1);
    let client = builder(&peer.url("/sse"))
        .on_log(move |client, _| {
            client.close();
            closed.send(()).unwrap();
        })
        .connect()
        .unwrap();
    heard.recv_timeout(BOUND).unwrap();
    assert!(!client.is_connected());
    peer.finish();
}

#[test]
fn clones_are_handles_to_one_session() {
    let peer = Peer::run(|peer| {
        let mut stream = peer.handshake();
        echo_all(peer, &mut stream);
    });
    let client = connect(&peer.url("/sse"));
    let other = client.clone();
    drop(client);
    let shared = Arc::new(other);
    let moved = Arc::clone(&shared);
    thread::spawn(move || moved.call("echo", &json!({"text": "a"})).unwrap()).join().unwrap();
    shared.call("echo", &json!({"text": "last"})).unwrap();
    peer.finish();
}

#[test]
fn there_is_a_bound_on_calls_in_flight() {
    let peer = Peer::run(|peer| {
        let _stream = peer.handshake();
        for _ in 0..4 {
            peer.request().accepted();
        }
    });
    let mut limits = mcp_core::Limits::default();
    limits.requests_in_flight = 2;
    let client = builder(&peer.url("/sse")).limits(limits).connect().unwrap();
    let first = client.start("slow", &()).unwrap();
    let second = client.start("slow", &()).unwrap();
    let error = client.start("slow", &()).unwrap_err();
    assert!(matches!(&error, Error::Limit(exceeded) if exceeded.limit.name() == "requests_in_flight"), "{error}");
    drop((first, second));
    peer.finish();
}

#[test]
fn a_progress_callback_that_panics_leaves_the_client_usable() {
    let peer = Peer::run(|peer| {
        let mut stream = peer.handshake();
        let call = peer.request();
        call.accepted();
        stream.message(&progress(&call, 1));
        echo_all(peer, &mut stream);
    });
    let client = connect(&peer.url("/sse"));
    let options = CallOptions::new().on_progress(|_| panic!("this panic is part of the test"));
    let call = std::panic::AssertUnwindSafe(|| client.call_with("index", &(), options));
    assert!(std::panic::catch_unwind(call).is_err());
    assert_eq!(client.call("echo", &json!({"text": "last"})).unwrap().all_text(), "last");
    peer.finish();
}

#[test]
fn arguments_may_call_the_client_while_they_are_written() {
    struct Nosy<'a>(&'a Client);
    impl serde::Serialize for Nosy<'_> {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            self.0.ping().expect("a ping");
            serde::Serialize::serialize(&json!({"text": "last"}), serializer)
        }
    }
    let peer = Peer::run(|peer| {
        let mut stream = peer.handshake();
        echo_all(peer, &mut stream);
    });
    let client = connect(&peer.url("/sse"));
    assert_eq!(client.call("echo", &Nosy(&client)).unwrap().all_text(), "last");
    peer.finish();
}
