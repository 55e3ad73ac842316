//! Answers that take their time, in both eras: JSON or an event stream, and what the end of the connection means (R-ST, sections
//! C and D; R-SH, section C).

use super::*;

/// A request for the tool `name` in some era, and who reads the answer.
fn eras(engine: &mut RawEngine, name: &str) -> [(ConnId, String); 2] {
    let session = engine.session("2025-11-25");
    let conn = engine.connect();
    [(conn, stateless(1, "tools/call", tool(name))), (session.conn, session.post(&call(1, "tools/call", tool(name))))]
}

#[test]
fn what_a_handler_reports_makes_the_answer_an_event_stream() {
    // R-ST-14, R-ST-15, R-ST-17, R-ST-18, R-ST-20
    let mut engine = RawEngine::new(server());
    let conn = engine.connect();
    for _ in 0..2 {
        engine.send(conn, stateless(5, "tools/call", tool_with_progress("steps", meta(json!({})))));
        let streamed = engine.streamed(conn);
        assert!(streamed.head.contains("text/event-stream") && streamed.head.contains("X-Accel-Buffering: no"));
        assert!(streamed.is_over, "the stream ends and the connection stays");
        let messages = streamed.messages();
        assert_eq!(messages.len(), 4, "{messages:?}");
        for (step, message) in (1..=3).zip(&messages) {
            assert_eq!(message["method"], "notifications/progress");
            assert_eq!(message["params"], json!({ "progressToken": "p", "progress": f64::from(step), "total": 3.0 }));
        }
        assert_eq!((&messages[3]["id"], text(&messages[3])), (&json!(5), "done"));
        assert!(streamed.events.iter().all(|event| event.id.is_none()), "R-ST-20");
    }
    assert_eq!(engine.engine.connections(), 1);
}

#[test]
fn a_server_may_answer_with_event_streams_only() {
    // R-SH-9, R-ST-14
    let mut engine = RawEngine::new(server().always_event_streams());
    let conn = engine.connect();
    engine.send(conn, stateless(1, "tools/list", json!({})));
    let streamed = engine.streamed(conn);
    assert!(streamed.is_over && streamed.messages().len() == 1);
    let session = engine.session("2025-06-18");
    engine.send(session.conn, session.post(&call(1, "ping", json!({}))));
    assert_eq!(engine.streamed(session.conn).messages(), [json!({ "jsonrpc": "2.0", "id": 1, "result": {} })]);
    // An error before the stream began has its status still (R-ST-21).
    let answer = engine.ask(conn, stateless(1, "unknown", json!({})));
    assert_eq!(verdict(&answer), (404, -32601));
}

#[test]
fn http_1_0_gets_a_stream_that_ends_with_its_connection() {
    let mut engine = RawEngine::new(server());
    let conn = engine.connect();
    let request = stateless(1, "tools/call", tool_with_progress("steps", meta(json!({}))));
    engine.send(conn, request.replace("HTTP/1.1", "HTTP/1.0"));
    let sent = engine.taken(conn);
    assert!(!sent.contains("chunked") && sent.contains("Connection: close"), "{sent}");
    assert_eq!(Streamed::parse(&sent, false).messages().len(), 4);
    assert!(engine.is_half_closed(conn));
}

#[test]
fn a_stream_for_http_1_0_ends_its_connection_even_when_that_was_to_stay() {
    // HTTP/1.0 has no chunks: only the end of the connection tells its client that there is no more to come.
    let (mut engine, held) = with_later();
    for (conn, request) in eras(&mut engine, "later") {
        let old = request.replacen("HTTP/1.1\r\n", "HTTP/1.0\r\nConnection: keep-alive\r\n", 1);
        engine.send(conn, &old);
        first(&held).answer(Ok("soon"));
        deliver(&mut engine);
        let answer = engine.answer(conn);
        assert_eq!((answer.field("Connection"), answer.status), (Some("keep-alive"), 200));
        assert!(!engine.is_half_closed(conn), "JSON has a length");
        engine.send(conn, &old);
        engine.pass(Duration::from_secs(2));
        first(&held).answer(Ok("late"));
        deliver(&mut engine);
        let sent = engine.taken(conn);
        assert!(sent.contains("late") && sent.contains("Connection: close"), "{sent}");
        assert!(engine.is_half_closed(conn));
    }
    let mut engine = RawEngine::new(server());
    for (conn, request) in eras(&mut engine, "steps") {
        let request = request.replacen("HTTP/1.1\r\n", "HTTP/1.0\r\nConnection: keep-alive\r\n", 1);
        let request = request.replacen("\"_meta\":{", "\"_meta\":{\"progressToken\":1,", 1);
        let grown = request.len() - request.find("\r\n\r\n").expect("a head ends") - 4;
        let (before, after) = request.split_once("Content-Length: ").expect("it has a length");
        let after = after.split_once("\r\n").expect("a line ends").1;
        engine.send(conn, format!("{before}Content-Length: {grown}\r\n{after}"));
        let sent = engine.taken(conn);
        assert_eq!(engine.is_half_closed(conn), sent.contains("text/event-stream"), "{sent}");
    }
}

#[test]
fn what_a_handler_left_behind_is_not_sent_to_who_comes_next() {
    // R-ST-15, R-ST-66: its request is over, and nothing said in its name is anybody else's.
    let held = Held::default();
    let kept = Arc::clone(&held);
    let server = server()
        .tool(Tool::new("both"), |call: &mut Call<'_>| {
            let reply = call.defer();
            reply.log(LoggingLevel::Error, "of the first");
            reply.answer(Ok("of the first"));
            Err::<Later, _>(ToolError::new("at once"))
        })
        .tool(Tool::new("later"), move |call: &mut Call<'_>| {
            kept.lock().expect("nobody panics with it").push(call.defer());
            Ok(Later)
        });
    let mut engine = RawEngine::new(server);
    let mut logged = meta(json!({}));
    logged["io.modelcontextprotocol/logLevel"] = json!("debug");
    let request = |name: &str| stateless(1, "tools/call", json!({ "name": name, "_meta": logged }));
    let answer = engine.connect_and_ask(&request("both"));
    assert_eq!(text(&json(&answer.body)), "at once");
    let next = engine.connect();
    engine.send(next, request("later"));
    deliver(&mut engine);
    assert_eq!(engine.taken(next), "");
    first(&held).answer(Ok("of the second"));
    deliver(&mut engine);
    assert_eq!(text(&json(&engine.answer(next).body)), "of the second");
}

#[test]
fn an_answer_that_comes_in_time_is_json_and_a_later_one_a_stream() {
    // R-ST-14, R-ST-19
    let (mut engine, held) = with_later();
    for (conn, request) in eras(&mut engine, "later") {
        engine.send(conn, &request);
        engine.pass(Duration::from_millis(900));
        assert_eq!(engine.taken(conn), "", "nothing is said yet");
        first(&held).answer(Ok("soon"));
        deliver(&mut engine);
        let answer = engine.answer(conn);
        assert_eq!((answer.field("Content-Type"), text(&json(&answer.body))), (Some("application/json"), "soon"));

        engine.send(conn, &request);
        engine.pass(Duration::from_millis(1100));
        let begun = engine.streamed(conn);
        assert!(begun.head.contains("text/event-stream") && !begun.is_over);
        assert!(begun.comments > 0 || begun.events[0].data.is_empty(), "something that means nothing is sent at once");
        engine.pass(Duration::from_secs(46));
        assert_eq!(engine.streamed(conn).comments, 3, "a comment every 15 seconds");
        first(&held).answer(Ok("late"));
        deliver(&mut engine);
        let rest = engine.streamed(conn);
        assert!(rest.is_over);
        assert_eq!(text(&rest.messages()[0]), "late");
        engine.send(conn, request.replace("\"later\"", "\"steps\"").replace("Mcp-Name: later", "Mcp-Name: steps"));
        assert_eq!(engine.answer(conn).status, 200, "the connection stays");
    }
}

#[test]
fn requests_that_come_at_once_have_no_more_answers_at_once_than_may_wait() {
    // R-SEC-7: short requests with long answers, many in what one read gives.
    const ANSWER: usize = 100_000;
    let large = Tool::new("large");
    let server = server().tool(large, |_: &mut Call<'_>| Ok("x".repeat(ANSWER)));
    let mut engine = RawEngine::new(server.limits(|limits| limits.output_bytes = 2 * ANSWER));
    let eras = eras(&mut engine, "large");
    // Who reads later gets all of it as well.
    for ((conn, request), reads) in eras.iter().cloned().zip([true; 2]).chain(eras.iter().cloned().zip([false; 2])) {
        let now = engine.now();
        engine.reads(conn, reads);
        engine.engine.received(conn, now, request.repeat(100).as_bytes());
        let waits = engine.engine.output(conn).len();
        assert!(waits <= 4 * ANSWER, "{waits} bytes");
        engine.settle();
        engine.reads(conn, true);
        for _ in 0..100 {
            let answer = engine.answer(conn);
            assert!(answer.status == 200 && answer.body.len() > ANSWER);
        }
        assert_eq!(engine.taken(conn), "");
        assert!(!engine.is_closed(conn));
    }
}

#[test]
fn requests_that_wait_for_room_are_answered_although_their_client_sends_no_more() {
    const ANSWER: usize = 100_000;
    let server = server().tool(Tool::new("large"), |_: &mut Call<'_>| Ok("x".repeat(ANSWER)));
    let mut engine = RawEngine::new(server.limits(|limits| limits.output_bytes = 2 * ANSWER));
    for (conn, request) in eras(&mut engine, "large") {
        let now = engine.now();
        engine.engine.received(conn, now, request.repeat(20).as_bytes());
        engine.engine.ended(conn, now);
        engine.settle();
        (0..20).for_each(|_| assert_eq!(engine.answer(conn).status, 200));
        assert!(engine.is_closed(conn));
    }
}

#[test]
fn requests_behind_one_that_takes_its_time_are_answered_after_it() {
    let (mut engine, held) = with_later();
    for (conn, request) in eras(&mut engine, "later") {
        let quick = request.replace("\"later\"", "\"steps\"").replace("Mcp-Name: later", "Mcp-Name: steps");
        let (head, tail) = quick.split_at(30);
        engine.send(conn, format!("{request}{quick}{head}"));
        assert_eq!(engine.taken(conn), "");
        first(&held).answer(Ok("first"));
        deliver(&mut engine);
        assert_eq!(text(&json(&engine.answer(conn).body)), "first");
        assert_eq!(text(&json(&engine.answer(conn).body)), "done");
        let third = engine.ask(conn, tail);
        assert_eq!(text(&json(&third.body)), "done");
    }
}

#[test]
fn who_sends_too_much_behind_an_answer_is_not_read_and_then_cut_off() {
    let held = Held::default();
    let kept = Arc::clone(&held);
    let server = server()
        .tool(Tool::new("later"), move |call: &mut Call<'_>| {
            kept.lock().unwrap().push(call.defer());
            Ok(Later)
        })
        .limits(|limits| (limits.head_bytes, limits.body_bytes) = (1000, 1000));
    let mut engine = RawEngine::new(server);
    let conn = engine.connect();
    engine.send(conn, stateless(1, "tools/call", tool("later")));
    assert!(engine.engine.wants_input(conn));
    engine.send(conn, "x".repeat(1000));
    assert!(!engine.engine.wants_input(conn), "more is to be left where it is");
    assert!(!first(&held).is_cancelled());
    engine.send(conn, stateless(1, "tools/call", tool("later")).repeat(10));
    assert!(engine.is_closed(conn));
}

#[test]
fn a_client_that_hangs_up_cancels_what_stands_alone_and_nothing_of_a_session() {
    // R-ST-34, R-ST-35, R-SH-16
    let (mut engine, held) = with_later();
    for gone_after in [Duration::ZERO, Duration::from_secs(2)] {
        let [(alone, request), (in_session, posted)] = eras(&mut engine, "later");
        engine.send(alone, request);
        engine.send(in_session, posted);
        engine.pass(gone_after);
        let (first, second) = (first(&held), first(&held));
        engine.taken(alone);
        engine.end(alone);
        engine.end(in_session);
        assert!(first.is_cancelled() && !second.is_cancelled());
        assert!(engine.is_closed(alone));
        first.answer(Ok("to nobody"));
        second.answer(Ok("to whom it may concern"));
        deliver(&mut engine);
        assert_eq!(engine.taken(alone), "", "nothing more is sent (R-ST-35)");
    }
    assert_eq!(engine.engine.sessions(), 2);
}

#[test]
fn a_connection_that_breaks_cancels_as_well() {
    // R-ST-36
    let (mut engine, held) = with_later();
    let conn = engine.connect();
    engine.send(conn, stateless(1, "tools/call", tool("later")));
    engine.engine.closed(conn);
    assert!(first(&held).is_cancelled());
}

#[test]
fn who_reads_no_answer_is_dropped_and_its_request_cancelled() {
    // R-SSE-49 for the newer carriers
    let (mut engine, held) = with_later();
    let conn = engine.connect();
    engine.send(conn, stateless(1, "tools/call", tool("later")));
    engine.reads(conn, false);
    engine.pass(Duration::from_millis(1500));
    engine.pass(Duration::from_secs(31));
    assert!(engine.is_closed(conn), "`timeouts.write`");
    assert!(first(&held).is_cancelled());
}

#[test]
fn a_call_for_which_there_is_no_worker_is_refused_with_503() {
    let (release, wait) = std::sync::mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    let server = server().workers(1, 0).tool(Tool::new("slow").on_worker(), move |_: &mut Call<'_>| {
        // Until the test lets go.
        let _ = wait.lock().unwrap().recv();
        Ok("done")
    });
    let mut engine = RawEngine::new(server);
    let [(alone, request), (in_session, posted)] = eras(&mut engine, "slow");
    let taken = engine.connect();
    engine.send(taken, &request);
    for (conn, request) in [(alone, request), (in_session, posted)] {
        let answer = engine.ask(conn, &request);
        assert_eq!((verdict(&answer), answer.field("Retry-After")), ((503, -32603), Some("1")), "{answer:?}");
        assert_eq!(json(&answer.body)["id"], 1);
    }
    drop(release);
}

#[test]
fn a_server_that_stops_answers_what_is_in_flight_and_then_ends() {
    // R-SH-24, R-ST-45
    let (mut engine, held) = with_later();
    let [(alone, request), (in_session, posted)] = eras(&mut engine, "later");
    engine.send(alone, &request);
    engine.send(in_session, posted);
    let cut_off = engine.connect();
    engine.send(cut_off, request);
    let now = engine.now();
    engine.engine.stop(now);
    engine.settle();
    first(&held).answer(Ok("still"));
    first(&held).answer(Ok("still"));
    deliver(&mut engine);
    for conn in [alone, in_session] {
        assert_eq!(text(&json(&engine.answer(conn).body)), "still");
        engine.end(conn);
        assert!(engine.is_closed(conn));
    }
    assert!(!engine.engine.is_stopped());
    let left = first(&held);
    engine.pass(Duration::from_secs(10));
    assert!(engine.engine.is_stopped() && left.is_cancelled());
}
