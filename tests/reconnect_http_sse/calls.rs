//! What becomes of calls: those that were in flight, those that are made meanwhile, and those that nobody can tell about.

use super::super::*;

#[test]
fn a_call_in_flight_fails_and_says_that_it_was_sent_and_one_that_is_idempotent_is_made_again() {
    for policy in [Reconnect::on_demand(), soon()] {
        let peer = Peer::run(|peer| {
            let mut stream = session(peer, 1);
            let ids: Vec<String> = (0..2)
                .map(|_| {
                    let call = expect(peer, 1, "tools/call");
                    call.accepted();
                    call.id()
                })
                .collect();
            stream.cut();
            let mut stream = session(peer, 2);
            let again = expect(peer, 2, "tools/call");
            assert_eq!(again.json()["params"]["name"], "set");
            assert!(!ids.contains(&again.id()), "ids are not given out again");
            again.accepted();
            stream.reply_text(&again, "set");
        });
        let client = connect(&peer.url("/sse"), policy);
        let other = client.clone();
        let adding = thread::spawn(move || other.call("add", &()));
        let set = client.call_with("set", &(), CallOptions::new().idempotent()).unwrap();
        assert_eq!(set.all_text(), "set");
        let error = adding.join().unwrap().unwrap_err();
        assert_eq!(error.delivery(), Some(Delivery::Sent), "{error}");
        assert!(matches!(error, Error::StreamEnded(_) | Error::Transport(_)), "{error}");
        peer.finish();
    }
}

#[test]
fn a_started_call_that_is_idempotent_is_made_again_as_well() {
    let peer = Peer::run(|peer| {
        let mut stream = session(peer, 1);
        expect(peer, 1, "tools/call").accepted();
        stream.cut();
        let mut stream = session(peer, 2);
        serve(peer, 2, &mut stream, "indexed");
    });
    let client = connect(&peer.url("/sse"), soon());
    let job = client.start_with("index", &(), CallOptions::new().idempotent()).unwrap();
    assert_eq!(job.result().unwrap().all_text(), "indexed");
    peer.finish();
}

// R-FS-20
#[test]
fn what_a_tool_says_of_itself_counts_where_it_is_trusted() {
    const TOOLS: &str =
        r#"{"tools":[{"name":"read","inputSchema":{"type":"object"},"annotations":{"readOnlyHint":true}}]}"#;
    for is_trusted in [false, true] {
        let peer = Peer::run(move |peer| {
            let mut stream = session(peer, 1);
            let list = expect(peer, 1, "tools/list");
            list.accepted();
            stream.reply(&list, TOOLS);
            expect(peer, 1, "tools/call").accepted();
            stream.cut();
            let mut stream = session(peer, 2);
            serve(peer, 2, &mut stream, "read");
        });
        let builder = builder(&peer.url("/sse")).reconnect(soon());
        let builder = if is_trusted { builder.trust_tool_annotations() } else { builder };
        let client = builder.connect().unwrap();
        assert_eq!(client.tools().count(), 1);
        let called = client.call("read", &());
        assert_eq!(called.is_ok(), is_trusted, "{called:?}");
        if !is_trusted {
            client.call("read", &()).unwrap();
        }
        peer.finish();
    }
}

#[test]
fn calls_made_meanwhile_wait_within_their_own_deadline_and_then_say_what_they_waited_for() {
    let (go, gone) = unbounded::<()>();
    let peer = Peer::run(move |peer| {
        cut_off(peer);
        let get = peer.request();
        gone.recv_timeout(BOUND).unwrap();
        let mut stream = get.open();
        stream.event("endpoint", &endpoint(2));
        peer.shake(&mut stream);
        serve(peer, 2, &mut stream, "worth the wait");
    });
    let (client, states) = after_one_call(builder(&peer.url("/sse")).reconnect(soon()));
    assert_states(&states, &["reconnecting, attempt 1"]);
    let patient = client.clone();
    let waiting = thread::spawn(move || patient.call("echo", &()));
    let error = client.call_with("echo", &(), CallOptions::new().timeout(Duration::from_millis(150))).unwrap_err();
    let text = error.to_string();
    assert!(
        text.starts_with("there was no session within 150ms (setting `call_timeout`): reconnecting, attempt 1"),
        "{text}"
    );
    assert!(matches!(&error, Error::NotConnected(waited) if waited.attempt == 1), "{error:?}");
    assert_eq!(error.delivery(), Some(Delivery::NotSent));
    go.send(()).unwrap();
    assert_eq!(waiting.join().unwrap().unwrap().all_text(), "worth the wait");
    peer.finish();
}

#[test]
fn a_started_call_that_waits_for_a_session_can_be_cancelled() {
    let (go, gone) = unbounded::<()>();
    let peer = Peer::run(move |peer| {
        cut_off(peer);
        let _get = peer.request();
        gone.recv_timeout(BOUND).unwrap();
    });
    let (client, states) = after_one_call(builder(&peer.url("/sse")).reconnect(soon()));
    assert_states(&states, &["reconnecting, attempt 1"]);
    let job = client.start_with("index", &(), CallOptions::new().idempotent()).unwrap();
    assert!(job.canceller().cancel("enough"));
    assert!(matches!(job.result(), Err(Error::Cancelled(_))));
    go.send(()).unwrap();
    peer.finish();
}

#[test]
fn fifty_threads_call_through_breaks_and_each_gets_its_own_reply() {
    const THREADS: usize = 50;
    const CALLS: usize = 40;
    let echo = Tool::new("echo").param::<String>("text", "given back");
    let server =
        RunningServer::start(Server::new("echo", "1").tool(echo, |call: &mut Call<'_>| call.arg::<String>("text")));
    let mut door = Door::to(server.address);
    door.open();
    let patient = builder(&door.url("/sse")).reconnect(soon()).call_timeout(Duration::from_secs(60));
    let (client, states) = watched(patient);
    assert_states(&states, &["connecting", "ready"]);
    let done = Arc::new(AtomicUsize::new(0));
    let threads: Vec<_> = (0..THREADS)
        .map(|thread| {
            let (client, done) = (client.clone(), Arc::clone(&done));
            thread::spawn(move || {
                for call in 0..CALLS {
                    let text = format!("{thread}/{call}");
                    let options = CallOptions::new().idempotent();
                    let result = client.call_with("echo", &json!({ "text": text }), options).expect("it is made again");
                    assert_eq!(result.all_text(), text);
                    done.fetch_add(1, Ordering::SeqCst);
                }
            })
        })
        .collect();
    for _ in 0..3 {
        // So many that some of them were begun in this session, which is of use by that.
        let (begun, wanted) = (Instant::now(), done.load(Ordering::SeqCst) + 2 * THREADS);
        while done.load(Ordering::SeqCst) < wanted {
            assert!(begun.elapsed() < BOUND * 3, "{} calls", done.load(Ordering::SeqCst));
            thread::yield_now();
        }
        door.shut();
        assert_eq!(next(&states), "reconnecting, attempt 1");
        door.open();
        // It may have knocked at the shut door before.
        while next(&states) != "ready" {}
    }
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(done.load(Ordering::SeqCst), THREADS * CALLS);
}

/// It may have been acted on, whatever a second try would be answered, and in whichever session.
#[test]
fn a_call_that_was_sent_on_a_connection_that_broke_is_not_made_again_in_a_new_session() {
    let peer = Peer::run(|peer| {
        let stream = peer.handshake();
        peer.request().hang_up();
        let next = peer.request();
        assert_eq!(next.message_method(), "ping", "the call is not sent again");
        next.status("404 Not Found", "");
        peer.wait_closed(stream.connection);
        let mut stream = peer.handshake();
        let next = peer.request();
        assert_eq!(next.message_method(), "ping", "nor made again");
        next.accepted();
        stream.reply(&next, "{}");
    });
    let client = builder(&peer.url("/sse")).connect().unwrap();
    let error = client.call("echo", &()).unwrap_err();
    assert_eq!(error.delivery(), Some(Delivery::Sent), "{error}");
    assert!(matches!(error, Error::Transport(_)), "{error}");
    client.ping().unwrap();
    peer.finish();
}

/// What the second try is answered says nothing of what became of the first.
#[test]
fn a_call_that_is_harmless_and_was_sent_twice_is_not_taken_for_one_that_nobody_has_seen() {
    let peer = Peer::run(|peer| {
        let stream = peer.handshake();
        peer.request().hang_up();
        let again = peer.request();
        assert_eq!(again.message_method(), "tools/call");
        again.status("404 Not Found", "");
        peer.wait_closed(stream.connection);
    });
    let client = builder(&peer.url("/sse")).reconnect(Reconnect::never()).connect().unwrap();
    let error = client.call_with("echo", &(), CallOptions::new().idempotent()).unwrap_err();
    assert!(matches!(error, Error::SessionGone(_)), "{error}");
    assert_eq!(error.delivery(), Some(Delivery::Sent), "{error}");
    peer.finish();
}
