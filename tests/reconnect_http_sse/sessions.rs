//! What belongs to one session and what to the client: a session that the server does not know, what is asked for again, and what
//! must not reach the next one.

use super::super::*;

// R-SSE-28
#[test]
fn a_session_that_the_server_does_not_know_is_given_up_and_the_call_goes_into_the_next() {
    for policy in [Reconnect::on_demand(), soon()] {
        let (begun, has_begun) = unbounded();
        let peer = Peer::run(move |peer| {
            let stream = session(peer, 1);
            expect(peer, 1, "tools/call").accepted();
            begun.send(()).unwrap();
            expect(peer, 1, "tools/call").status("404 Not Found", "Could not find session");
            peer.wait_closed(stream.connection);
            let mut stream = session(peer, 2);
            serve(peer, 2, &mut stream, "found");
            stream
        });
        let client = connect(&peer.url("/sse"), policy);
        let job = client.start("slow", &()).unwrap();
        has_begun.recv_timeout(BOUND).unwrap();
        assert_eq!(client.call("echo", &()).unwrap().all_text(), "found");
        // It may have been acted on: it does not go into the next session.
        let error = job.result().unwrap_err();
        assert!(matches!(error, Error::SessionGone(_)), "{error}");
        assert_eq!(error.delivery(), Some(Delivery::Sent));
        assert!(client.is_connected());
        peer.finish();
    }
}

#[test]
fn the_log_level_and_the_subscriptions_are_asked_for_again() {
    const WITH_RESOURCES: &str = r#"{"protocolVersion":"2024-11-05","capabilities":{"tools":{},"logging":{},"resources":{"subscribe":true}},"serverInfo":{"name":"scripted","version":"1"}}"#;
    let peer = Peer::run(|peer| {
        let greet = |peer: &mut Peer, number: usize| {
            let mut stream = peer.stream();
            stream.event("endpoint", &endpoint(number));
            let initialize = expect(peer, number, "initialize");
            initialize.accepted();
            stream.reply(&initialize, WITH_RESOURCES);
            expect(peer, number, "notifications/initialized").accepted();
            stream
        };
        let mut stream = greet(peer, 1);
        for number in 1..=2 {
            for method in ["logging/setLevel", "resources/subscribe"] {
                let request = expect(peer, number, method);
                request.accepted();
                stream.reply(&request, "{}");
            }
            if number == 1 {
                stream.cut();
                stream = greet(peer, 2);
            }
        }
        stream.message(r#"{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"memo://a"}}"#);
        stream
    });
    let client = connect(&peer.url("/sse"), soon());
    client.set_log_level(LoggingLevel::Warning).unwrap();
    let mut changes = client.listen(Filter::new().resource("memo://a")).unwrap();
    assert_eq!(changes.next_within(BOUND).unwrap(), Some(Change::Missed(Missed::Reconnected)));
    assert_eq!(changes.next_within(BOUND).unwrap(), Some(Change::Resource("memo://a".into())));
    peer.finish();
}

#[test]
fn the_answer_to_a_question_of_the_old_session_does_not_reach_the_new_one() {
    let (go, gone) = unbounded::<()>();
    let (asked, was_asked) = unbounded::<()>();
    let peer = Peer::run(move |peer| {
        let mut stream = session(peer, 1);
        stream.message(r#"{"jsonrpc":"2.0","id":"q","method":"roots/list"}"#);
        was_asked.recv_timeout(BOUND).unwrap();
        stream.cut();
        let mut stream = session(peer, 2);
        // The person answers only now.
        go.send(()).unwrap();
        // Were the answer sent, it would come before the call.
        serve(peer, 2, &mut stream, "served");
        stream
    });
    let answered = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&answered);
    let client = builder(&peer.url("/sse")).reconnect(soon()).on_roots(move || {
        asked.send(()).unwrap();
        gone.recv_timeout(BOUND).unwrap();
        count.fetch_add(1, Ordering::SeqCst);
        Ok(Vec::new())
    });
    let (client, states) = watched(client);
    assert_states(&states, &["connecting", "ready", "reconnecting, attempt 1", "ready"]);
    let begun = Instant::now();
    while answered.load(Ordering::SeqCst) == 0 {
        assert!(begun.elapsed() < BOUND);
        thread::yield_now();
    }
    assert_eq!(client.call("echo", &()).unwrap().all_text(), "served");
    peer.finish();
}
