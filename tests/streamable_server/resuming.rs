//! Streams that are cut off, on purpose or not, and what their clients get when they come back (R-SH, sections D to G).

use super::*;

/// A call in a session whose answer has become a stream; with the events sent so far.
fn streaming(engine: &mut RawEngine, session: &McpSession) -> Streamed {
    engine.send(session.conn, session.post(&call(1, "tools/call", tool("later"))));
    engine.pass(Duration::from_millis(1100));
    engine.streamed(session.conn)
}

#[test]
fn events_of_a_session_have_ids_and_the_first_is_empty_where_clients_know_that() {
    // R-SH-29, R-SH-30, R-SH-38, R-SH-43
    for (version, has_priming) in [("2025-03-26", false), ("2025-06-18", false), ("2025-11-25", true)] {
        let mut engine = RawEngine::new(server());
        let session = engine.session(version);
        let mut ids = Vec::new();
        for id in [7, 8] {
            let params = tool_with_progress("steps", json!({}));
            engine.send(session.conn, session.post(&call(id, "tools/call", params)));
            let streamed = engine.streamed(session.conn);
            assert!(streamed.head.contains(&format!("Mcp-Session-Id: {}", session.id)));
            assert!(streamed.is_over);
            let first = &streamed.events[0];
            assert_eq!(first.data.is_empty(), has_priming, "{version}: {first:?}");
            assert_eq!(streamed.messages().len(), 4);
            ids.extend(streamed.events.into_iter().map(|event| event.id.expect("every event has an id")));
        }
        let count = ids.len();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), count, "unique over all streams of the session");
    }
}

#[test]
fn a_session_of_the_oldest_revision_has_no_ids() {
    // R-SSE-38
    let mut engine = RawEngine::new(server());
    let session = engine.session("2024-11-05");
    engine.send(session.conn, session.post(&call(1, "tools/call", tool_with_progress("steps", json!({})))));
    assert!(engine.streamed(session.conn).events.iter().all(|event| event.id.is_none()));
}

#[test]
fn an_answer_is_resumed_from_any_event_on() {
    // R-SH-31 to R-SH-36
    let mut engine = RawEngine::new(server());
    let session = engine.session("2025-11-25");
    let mut streams = Vec::new();
    for id in [1, 2] {
        let params = tool_with_progress("steps", json!({}));
        let conn = engine.connect();
        engine.send(conn, session.post(&call(id, "tools/call", params)));
        streams.push(engine.streamed(conn));
    }
    for streamed in &streams {
        for (at, event) in streamed.events.iter().enumerate() {
            let conn = engine.listen(&session, event.id.as_deref());
            let rest = engine.streamed(conn);
            assert_eq!(rest.events, streamed.events[at + 1..], "each once, in order, and none of another stream");
            assert!(rest.is_over);
        }
    }
    for id in ["", "x", "1", "9-1", "01-1", "0-1", "-1-1", "1-"] {
        let conn = engine.listen(&session, Some(id));
        assert_eq!(engine.answer(conn).status, 400, "{id:?}");
    }
    let other = engine.session("2025-11-25");
    let conn = engine.listen(&other, streams[0].events[0].id.as_deref());
    assert_eq!(engine.answer(conn).status, 400, "an id is one of its session's");
    engine.pass(Duration::from_secs(61));
    let conn = engine.listen(&session, streams[0].events[0].id.as_deref());
    assert_eq!(engine.answer(conn).status, 400, "`timeouts.replay` is over");
}

#[test]
fn who_lost_the_connection_of_a_call_gets_the_answer_on_another() {
    // R-SH-16, R-SH-33, R-SH-34, R-SH-23
    let (mut engine, held) = with_later();
    let session = engine.session("2025-11-25");
    let begun = streaming(&mut engine, &session);
    let id = begun.events.last().unwrap().id.clone().unwrap();
    engine.engine.closed(session.conn);
    let deferred = first(&held);
    assert!(!deferred.is_cancelled());

    // Before the answer: the stream goes on.
    let conn = engine.listen(&session, Some(&id));
    assert!(engine.streamed(conn).head.starts_with("HTTP/1.1 200 OK"));
    engine.end(conn);
    deferred.answer(Ok("found again"));
    deliver(&mut engine);
    // After it: it is sent again, as often as it is asked for.
    for _ in 0..2 {
        let conn = engine.listen(&session, Some(&id));
        let rest = engine.streamed(conn);
        assert!(rest.is_over);
        assert_eq!((&rest.messages()[0]["id"], text(&rest.messages()[0])), (&json!(1), "found again"));
    }
}

#[test]
fn who_comes_back_before_its_old_connection_is_known_to_be_gone_takes_its_place() {
    // R-SH-27, R-SH-36: the two ends of a broken connection do not learn of it at the same time.
    let (mut engine, held) = with_later();
    let session = engine.session("2025-11-25");
    let begun = streaming(&mut engine, &session);
    let conn = engine.listen(&session, begun.events[0].id.as_deref());
    assert!(engine.is_closed(session.conn));
    first(&held).answer(Ok("here"));
    deliver(&mut engine);
    assert_eq!(text(&engine.streamed(conn).messages()[0]), "here");
    assert_eq!(engine.taken(session.conn), "", "each message on exactly one stream");
    engine.send(conn, session.post(&call(9, "ping", json!({}))));
    assert_eq!(engine.answer(conn).status, 200, "the connection is good for more");
}

#[test]
fn an_event_that_was_never_sent_ends_no_stream() {
    // R-SH-36
    let (mut engine, held) = with_later();
    let session = engine.session("2025-11-25");
    let begun = streaming(&mut engine, &session);
    let deferred = first(&held);
    deferred.log(LoggingLevel::Error, "kept");
    deliver(&mut engine);
    let id = begun.events[0].id.as_deref().expect("it can be resumed");
    let ahead = id.replace("-0", "-999");
    assert_ne!(id, ahead);
    let conn = engine.listen(&session, Some(&ahead));
    assert_eq!(engine.answer(conn).status, 400);
    deferred.answer(Ok("here"));
    deliver(&mut engine);
    let messages = engine.streamed(session.conn).messages();
    assert_eq!(text(messages.last().expect("the stream went on")), "here");
}

#[test]
fn a_handler_may_have_its_stream_closed_and_the_client_polls() {
    // R-SH-38 to R-SH-42
    let mut engine = RawEngine::new(server());
    let session = engine.session("2025-11-25");
    let params = tool_with_progress("poll", json!({}));
    engine.send(session.conn, session.post(&call(1, "tools/call", params.clone())));
    let streamed = engine.streamed(session.conn);
    assert!(streamed.is_over, "the connection is free");
    let [priming, progress, last] = &streamed.events[..] else { panic!("{streamed:?}") };
    assert_eq!((priming.data.as_str(), last.data.as_str(), last.retry), ("", "", Some(300)));
    assert_eq!(progress.json()["params"]["progress"], 1.0);
    assert_eq!(last.id, progress.id, "nothing is skipped");
    assert_eq!(engine.post_to(&session, &call(2, "ping", json!({}))).status, 200, "who waits may do something else");
    let conn = engine.listen(&session, last.id.as_deref());
    let rest = engine.streamed(conn);
    assert!(rest.is_over);
    assert_eq!(rest.messages()[0]["params"]["progress"], 2.0);
    assert_eq!(text(&rest.messages()[1]), "polled");

    // Elsewhere the stream stays, for its client would not come back (R-SH-14).
    for version in ["2025-03-26", "2025-06-18"] {
        let session = engine.session(version);
        engine.send(session.conn, session.post(&call(1, "tools/call", params.clone())));
        let streamed = engine.streamed(session.conn);
        assert!(streamed.is_over && streamed.events.iter().all(|event| event.retry.is_none()));
        assert_eq!(streamed.messages().len(), 3);
    }
    let conn = engine.connect();
    engine.send(conn, stateless(1, "tools/call", tool_with_progress("poll", meta(json!({})))));
    assert_eq!(engine.streamed(conn).messages().len(), 3);
}

#[test]
fn a_stream_that_was_closed_on_purpose_goes_on_while_its_client_is_away() {
    // R-SH-39, R-SH-42
    let held = Held::default();
    let kept = Arc::clone(&held);
    let server = server().tool(Tool::new("away"), move |call: &mut Call<'_>| {
        call.close_stream(None);
        kept.lock().unwrap().push(call.defer());
        Ok(Later)
    });
    let mut engine = RawEngine::new(server);
    let session = engine.session("2025-11-25");
    engine.send(session.conn, session.post(&call(1, "tools/call", tool_with_progress("away", json!({})))));
    let streamed = engine.streamed(session.conn);
    assert!(streamed.is_over && streamed.messages().is_empty());
    assert_eq!(streamed.events.last().unwrap().retry, Some(1000));
    let deferred = first(&held);
    deferred.progress(1.0, None, None);
    deliver(&mut engine);
    let conn = engine.listen(&session, streamed.events[0].id.as_deref());
    assert_eq!(engine.streamed(conn).messages().len(), 1);
    deferred.answer(Ok("back"));
    deliver(&mut engine);
    let rest = engine.streamed(conn);
    assert!(rest.is_over);
    assert_eq!(text(&rest.messages()[0]), "back");
}

#[test]
fn what_is_kept_is_bounded_and_the_answer_is_kept_longest() {
    // R-SEC-7
    let mut engine = RawEngine::new(server().limits(|limits| limits.replay_bytes = 400));
    let session = engine.session("2025-11-25");
    engine.send(session.conn, session.post(&call(1, "tools/call", tool_with_progress("steps", json!({})))));
    let streamed = engine.streamed(session.conn);
    let conn = engine.listen(&session, streamed.events[0].id.as_deref());
    let rest = engine.streamed(conn);
    assert!(rest.events.len() < 4 && rest.is_over);
    assert_eq!(text(rest.messages().last().unwrap()), "done");

    let mut engine = RawEngine::new(server().limits(|limits| limits.replay_bytes = 0));
    let session = engine.session("2025-11-25");
    engine.send(session.conn, session.post(&call(1, "tools/call", tool_with_progress("steps", json!({})))));
    assert!(engine.streamed(session.conn).events.iter().all(|event| event.id.is_none() && !event.data.is_empty()));
}

#[test]
fn an_answer_is_kept_until_its_connection_brings_the_next_request() {
    // Who sends it has read the answer.
    let mut engine = RawEngine::new(server());
    let session = engine.session("2025-11-25");
    let steps = session.post(&call(1, "tools/call", tool_with_progress("steps", json!({}))));
    engine.send(session.conn, &steps);
    let streamed = engine.streamed(session.conn);
    let first = streamed.events[0].id.as_deref();
    assert_eq!(engine.connect_and_ask(&session.post(&call(2, "ping", json!({})))).status, 200);
    let conn = engine.listen(&session, first);
    assert_eq!(engine.streamed(conn).messages().len(), 4, "a request on another connection says nothing");
    engine.send(session.conn, session.post(&call(3, "ping", json!({}))));
    let conn = engine.listen(&session, first);
    assert_eq!(engine.answer(conn).status, 400);
}

#[test]
fn a_session_has_one_stream_of_its_own() {
    // R-SH-19, R-SH-20, R-SH-21, R-SH-24, R-SH-28
    let mut engine = RawEngine::new(server());
    let session = engine.session("2025-11-25");
    let conn = engine.listen(&session, None);
    let sent = engine.taken(conn);
    assert!(sent.starts_with("HTTP/1.1 200 OK") && sent.contains("Content-Type: text/event-stream"));
    assert_eq!(Streamed::parse(&sent, false).events[0].data, "");
    let second = engine.listen(&session, None);
    assert_eq!(engine.answer(second).status, 409);
    engine.end(conn);
    assert!(engine.is_closed(conn));
    assert_eq!(engine.engine.sessions(), 1, "the session goes on");
    let third = engine.listen(&session, None);
    assert!(engine.taken(third).starts_with("HTTP/1.1 200 OK"));
    engine.pass(Duration::from_secs(46));
    assert_eq!(Streamed::parse(&engine.taken(third), false).comments, 3, "a comment every 15 seconds");
    let unread = request("GET", &[("Mcp-Session-Id", &session.id), ("Accept", "application/json")], "");
    assert_eq!(engine.connect_and_ask(&unread).status, 406);
    let with_body = request("GET", &[("Mcp-Session-Id", &session.id), ("Accept", "*/*")], "GET / HTTP/1.1\r\n\r\n");
    assert_eq!(engine.connect_and_ask(&with_body).status, 400, "what follows a stream is no request in disguise");
}
