//! What a peer can make grow or wait, and what becomes of it: the engine under a clock that the test moves.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use mcp_server_tiny::http1::head::FIELDS;
use mcp_server_tiny::{Later, Server, Tool};
use mcp_tests::raw_engine::RawEngine;
use mcp_tests::raw_http::{INITIALIZE, post};

const PING: &str = r#"{"jsonrpc":"2.0","id":7,"method":"ping"}"#;
const SECOND: Duration = Duration::from_secs(1);
const TICK: Duration = Duration::from_millis(1);

fn server() -> Server {
    Server::new("test", "1.0.0")
}

#[test]
fn a_slow_head_is_answered_408_and_the_time_does_not_start_again_with_each_byte() {
    // R-SEC-7
    let mut engine = RawEngine::new(server().timeouts(|timeouts| timeouts.head = 10 * SECOND));
    let conn = engine.connect();
    for byte in "GET /ss".bytes() {
        engine.send(conn, [byte]);
        engine.pass(SECOND);
    }
    engine.pass(3 * SECOND - TICK);
    assert_eq!(engine.taken(conn), "");
    engine.pass(TICK);
    let answer = engine.answer(conn);
    assert_eq!(answer.status, 408);
    assert!(answer.body.contains("`timeouts.head`"), "{}", answer.body);
    assert!(engine.is_half_closed(conn));
    engine.pass(2 * SECOND);
    assert!(engine.is_closed(conn), "who does not hang up is hung up on");
}

#[test]
fn a_slow_body_is_answered_408() {
    // R-SEC-7
    let mut engine = RawEngine::new(server());
    let session = engine.initialized();
    for framing in ["Content-Length: 100", "Transfer-Encoding: chunked"] {
        let conn = engine.connect();
        let head = post(&session.endpoint, "").replace("Content-Length: 0", framing);
        engine.send(conn, head);
        for _ in 0..59 {
            engine.pass(SECOND);
            engine.send(conn, if framing.contains("chunked") { "1\r\na\r\n" } else { "a" });
        }
        engine.pass(SECOND - TICK);
        assert_eq!(engine.taken(conn), "");
        engine.pass(TICK);
        assert_eq!(engine.answer(conn).status, 408);
    }
    assert_eq!(engine.engine.sessions(), 1, "the session has nothing to do with it");
}

#[test]
fn a_connection_without_a_request_is_closed_without_a_word() {
    let mut engine = RawEngine::new(server());
    let (never, once) = (engine.connect(), engine.connect());
    engine.pass(70 * SECOND);
    engine.ask(once, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    engine.pass(5 * SECOND);
    assert!(engine.is_closed(never) && !engine.is_closed(once));
    engine.pass(70 * SECOND);
    assert!(engine.is_closed(once));
    assert_eq!(engine.taken(never) + &engine.taken(once), "");
}

#[test]
fn a_session_that_is_never_initialized_expires_and_others_do_not() {
    let mut engine = RawEngine::new(server());
    let (idle, used) = (engine.open(), engine.open());
    engine.post(&used, INITIALIZE);
    engine.pass(300 * SECOND - TICK);
    assert_eq!(engine.engine.sessions(), 2);
    engine.pass(15 * SECOND);
    assert_eq!(engine.engine.sessions(), 1);
    assert!(engine.is_closed(idle.stream), "the stream ends in order");
    engine.pass(24 * 3600 * SECOND);
    assert_eq!(engine.engine.sessions(), 1);
}

#[test]
fn a_session_without_a_post_expires_if_that_is_wanted() {
    let mut engine = RawEngine::new(server().timeouts(|timeouts| timeouts.session_idle = Some(100 * SECOND)));
    let session = engine.initialized();
    engine.pass(90 * SECOND);
    assert_eq!(engine.connect_and_ask(&post(&session.endpoint, PING)).status, 202);
    engine.pass(100 * SECOND - TICK);
    assert_eq!(engine.engine.sessions(), 1);
    engine.pass(15 * SECOND);
    assert_eq!(engine.engine.sessions(), 0);
    assert_eq!(engine.connect_and_ask(&post(&session.endpoint, PING)).status, 404);
}

#[test]
fn what_nobody_reads_is_bounded_for_all_together_and_the_largest_backlog_goes_first() {
    // R-SEC-7, R-SSE-49
    const BOUND: usize = 100 * 1024;
    let mut engine = RawEngine::new(server().limits(|limits| {
        limits.output_bytes = 64 * 1024;
        limits.unsent_bytes = BOUND;
    }));
    let (other, slow) = (engine.initialized(), engine.initialized());
    engine.reads(slow.stream, false);
    engine.post(&slow, PING);
    let deaf: Vec<_> = (0..5).map(|_| engine.initialized()).collect();
    for session in &deaf {
        engine.reads(session.stream, false);
        while engine.post(session, PING).status == 202 {
            let all = deaf.iter().map(|session| session.stream).chain([slow.stream]);
            let waiting: usize = all.map(|id| engine.engine.output(id).len()).sum();
            assert!(waiting <= BOUND, "{waiting} bytes wait");
        }
    }
    let gone = deaf.iter().filter(|session| engine.is_closed(session.stream)).count();
    assert_eq!(gone, 2, "there is room for three that are half full");
    assert!(!engine.is_closed(slow.stream));
    assert_eq!(engine.post(&other, PING).status, 202);
    assert!(engine.taken(other.stream).contains("\"result\":{}"));
}

#[test]
fn a_session_expires_in_time_without_comments_that_wake_the_server_anyhow() {
    let mut engine = RawEngine::new(server().keep_alive(None).timeouts(|timeouts| {
        timeouts.session_idle = Some(10 * SECOND);
    }));
    engine.initialized();
    engine.pass(10 * SECOND - TICK);
    assert_eq!(engine.engine.sessions(), 1);
    engine.pass(TICK);
    assert_eq!(engine.engine.sessions(), 0);
}

#[test]
fn a_connection_is_idle_from_the_end_of_its_request_on() {
    let mut engine = RawEngine::new(server().timeouts(|timeouts| timeouts.idle = 5 * SECOND));
    let conn = engine.connect();
    engine.send(conn, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n1");
    engine.pass(6 * SECOND);
    engine.send(conn, "2");
    engine.pass(5 * SECOND - TICK);
    assert!(!engine.is_closed(conn));
    engine.pass(TICK);
    assert!(engine.is_closed(conn));
}

#[test]
fn a_call_that_took_longer_than_a_session_may_be_idle_does_not_end_its_session() {
    let replies = Arc::new(Mutex::new(Vec::new()));
    let later = Arc::clone(&replies);
    let server = server().keep_alive(None).tool(Tool::new("later"), move |call| {
        later.lock().unwrap().push(call.defer());
        Ok(Later)
    });
    let mut engine = RawEngine::new(server.timeouts(|timeouts| timeouts.session_idle = Some(100 * SECOND)));
    let session = engine.initialized();
    engine.post(&session, r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"later"}}"#);
    engine.pass(250 * SECOND);
    replies.lock().unwrap().pop().expect("it was called").answer(Ok("done"));
    let now = engine.now();
    engine.engine.deliver_replies(now);
    engine.settle();
    assert!(engine.taken(session.stream).contains("done"));
    engine.pass(100 * SECOND - TICK);
    assert_eq!(engine.engine.sessions(), 1, "it is idle since the answer");
    engine.pass(TICK);
    assert_eq!(engine.engine.sessions(), 0);
}

#[test]
fn comments_without_a_pause_between_them_are_a_setting_that_cannot_work() {
    let fault = server().keep_alive(Some(Duration::ZERO)).engine(|_| true).unwrap_err();
    assert!(fault.to_string().contains("keep_alive"), "{fault}");
}

#[test]
fn ten_thousand_posts_to_a_session_that_does_not_read_are_bounded_and_hurt_nobody() {
    // R-SSE-49
    let mut engine = RawEngine::new(server().limits(|limits| limits.output_bytes = 64 * 1024));
    let (deaf, other) = (engine.initialized(), engine.initialized());
    engine.reads(deaf.stream, false);
    let mut statuses = Vec::new();
    for _ in 0..10_000 {
        let answer = engine.post(&deaf, PING);
        if answer.status == 503 {
            assert_eq!(answer.field("retry-after"), Some("1"));
            assert!(answer.body.contains("output_bytes"), "{}", answer.body);
        }
        statuses.push(answer.status);
    }
    let accepted = statuses.iter().take_while(|status| **status == 202).count();
    assert!(statuses[accepted..].iter().all(|status| *status == 503));
    let waiting = engine.engine.output(deaf.stream).len();
    assert!((32 * 1024..33 * 1024).contains(&waiting), "{waiting} bytes wait after {accepted} posts");

    assert_eq!(engine.post(&other, PING).status, 202);
    assert!(engine.taken(other.stream).contains("\"result\":{}"));

    engine.reads(deaf.stream, true);
    assert_eq!(engine.post(&deaf, PING).status, 202, "who reads again is served again");
}

#[test]
fn answers_to_pipelined_requests_are_bounded_while_nobody_reads_them() {
    // R-SEC-7
    const BOUND: usize = 64 * 1024;
    let mut engine = RawEngine::new(server().limits(|limits| limits.output_bytes = BOUND));
    let other = engine.initialized();
    let requests = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(1000);
    let eager = engine.connect();
    for _ in 0..10 {
        engine.send(eager, &requests);
        assert!(!engine.is_closed(eager), "who reads may have asked for any number before");
        assert!(engine.taken(eager).len() > BOUND);
    }

    let deaf = engine.connect();
    engine.reads(deaf, false);
    engine.send(deaf, &requests[..requests.len() / 1000]);
    let mut largest = 0;
    let closed = requests.as_bytes().chunks(1000).find(|requests| {
        engine.send(deaf, requests);
        largest = largest.max(engine.engine.output(deaf).len());
        engine.is_closed(deaf)
    });
    assert!(closed.is_some() && largest <= BOUND, "{largest} bytes wait");
    assert!(largest > BOUND - 10_000, "{largest} bytes are too few to be dropped for");
    assert_eq!(engine.post(&other, PING).status, 202);
}

#[test]
fn a_session_that_does_not_read_is_dropped_in_time() {
    // R-SSE-49
    let mut engine = RawEngine::new(server());
    let (deaf, slow, other) = (engine.initialized(), engine.initialized(), engine.initialized());
    engine.reads(deaf.stream, false);
    engine.reads(slow.stream, false);
    engine.post(&deaf, PING);
    engine.post(&slow, PING);
    engine.pass(30 * SECOND - TICK);
    engine.reads(slow.stream, true);
    assert!(!engine.is_closed(deaf.stream));
    engine.pass(TICK);
    assert!(engine.is_closed(deaf.stream) && !engine.is_closed(slow.stream));
    assert_eq!(engine.connect_and_ask(&post(&deaf.endpoint, PING)).status, 404);
    assert_eq!(engine.engine.sessions(), 2);
    assert_eq!(engine.post(&other, PING).status, 202);
}

#[test]
fn who_reads_slowly_is_not_dropped_for_it() {
    // R-SSE-49
    let mut engine = RawEngine::new(server());
    let slow = engine.initialized();
    engine.reads(slow.stream, false);
    engine.post(&slow, PING);
    for _ in 0..10 {
        engine.pass(29 * SECOND);
        let now = engine.now();
        engine.engine.sent(slow.stream, now, 1);
    }
    assert!(!engine.is_closed(slow.stream), "it reads a byte now and then");
}

#[test]
fn comments_do_not_pile_up_behind_what_nobody_reads() {
    // R-SSE-30, R-SSE-49
    let mut engine = RawEngine::new(server().keep_alive(Some(SECOND)));
    let deaf = engine.initialized();
    engine.reads(deaf.stream, false);
    engine.post(&deaf, PING);
    let waiting = engine.engine.output(deaf.stream).len();
    engine.pass(10 * SECOND);
    assert_eq!(engine.engine.output(deaf.stream).len(), waiting);
}

#[test]
fn a_connection_whose_answer_is_not_read_yet_does_not_make_room() {
    let mut engine = RawEngine::new(server().limits(|limits| {
        limits.connections = 2;
        limits.sessions = 1;
    }));
    let (slow, idle) = (engine.connect(), engine.connect());
    engine.reads(slow, false);
    engine.send(slow, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    engine.pass(10 * SECOND);
    engine.connect();
    engine.settle();
    assert!(engine.is_closed(idle) && !engine.is_closed(slow));
}

#[test]
fn an_answer_that_nobody_reads_does_not_keep_a_connection_open() {
    let mut engine = RawEngine::new(server());
    let conn = engine.connect();
    engine.reads(conn, false);
    engine.send(conn, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    engine.pass(30 * SECOND);
    assert!(engine.is_closed(conn));
}

#[test]
fn connections_are_bounded() {
    // R-SEC-7
    let mut engine = RawEngine::new(server().limits(|limits| {
        limits.connections = 3;
        limits.sessions = 2;
    }));
    let first = engine.connect();
    engine.connect();
    engine.connect();
    let turned_away: Vec<_> = std::iter::from_fn(|| engine.try_connect()).collect();
    assert_eq!(turned_away.len(), 32, "some are told so, and no more");
    for id in turned_away {
        engine.settle();
        let answer = engine.answer(id);
        assert_eq!((answer.status, answer.field("retry-after")), (503, Some("1")));
        assert!(answer.body.contains("`limits.connections`"), "{}", answer.body);
        engine.send(id, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
        assert_eq!(engine.taken(id), "", "what they ask is not looked at");
    }
    engine.pass(2 * SECOND);
    assert_eq!(engine.engine.connections(), 3);
    engine.end(first);
    let next = engine.connect();
    assert_eq!(engine.ask(next, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").status, 404, "there is room again");
}

#[test]
fn idle_connections_make_room_for_new_ones_and_streams_do_not() {
    // R-SEC-7
    let mut engine = RawEngine::new(server().limits(|limits| {
        limits.connections = 4;
        limits.sessions = 2;
    }));
    let session = engine.initialized();
    engine.pass(SECOND);
    let (busy, fresh) = (engine.connect(), engine.connect());
    engine.send(busy, "GET / HTTP/1.1\r\n");
    let next = engine.connect();
    engine.settle();
    assert!(engine.is_closed(session.posts), "it has waited for a second");
    assert!(![session.stream, busy, fresh, next].into_iter().any(|id| engine.is_closed(id)));
    let refused = engine.connect();
    engine.settle();
    assert_eq!(engine.answer(refused).status, 503, "none has waited long enough");
    engine.pass(SECOND);
    let accepted = engine.connect();
    assert_eq!(engine.ask(accepted, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").status, 404);
    assert_eq!(engine.engine.sessions(), 1);
}

#[test]
fn sessions_are_bounded_below_connections_so_that_posts_get_through() {
    // R-SEC-7
    let mut engine = RawEngine::new(server().limits(|limits| limits.sessions = 2));
    let (a, _b) = (engine.initialized(), engine.initialized());
    let answer = engine.connect_and_ask("GET /sse HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!((answer.status, answer.field("retry-after")), (503, Some("1")));
    assert_eq!(engine.post(&a, PING).status, 202);
    engine.end(a.stream);
    engine.open();
}

#[test]
fn what_is_too_large_is_refused_at_its_bound() {
    // R-SSE-29, R-SEC-7
    let mut engine = RawEngine::new(server().limits(|limits| {
        limits.head_bytes = 512;
        limits.body_bytes = 256;
    }));
    let session = engine.initialized();
    let padded = |size: usize| format!("{PING}{}", " ".repeat(size - PING.len()));
    for (size, expected) in [(255, 202), (256, 202), (257, 413)] {
        assert_eq!(engine.connect_and_ask(&post(&session.endpoint, &padded(size))).status, expected);
        let chunked = format!("{size:x}\r\n{}\r\n0\r\n\r\n", padded(size));
        let request = post(&session.endpoint, &chunked)
            .replace(&format!("Content-Length: {}", chunked.len()), "Transfer-Encoding: chunked");
        assert_eq!(engine.connect_and_ask(&request).status, expected, "chunked");
    }
    let head = |size: usize| {
        let head = "GET /x HTTP/1.1\r\nHost: localhost\r\nX: ";
        format!("{head}{}\r\n\r\n", "x".repeat(size - head.len() - 4))
    };
    for (size, expected) in [(511, 404), (512, 404), (513, 431)] {
        assert_eq!(engine.connect_and_ask(&head(size)).status, expected);
    }
    let fields = |count: usize| format!("GET /x HTTP/1.1\r\nHost: localhost\r\n{}\r\n", "a:\r\n".repeat(count - 1));
    for (count, expected) in [(FIELDS - 1, 404), (FIELDS, 404), (FIELDS + 1, 431)] {
        assert_eq!(engine.connect_and_ask(&fields(count)).status, expected);
    }
    assert_eq!(engine.connect_and_ask(&format!("GET /{} HTTP/1.1\r\n", "x".repeat(512))).status, 414);
}

#[test]
fn incomplete_requests_are_bounded_together() {
    // R-SEC-7
    let mut engine = RawEngine::new(server().limits(|limits| limits.buffered_bytes = 2900));
    let session = engine.initialized();
    let body = format!("{PING}{}", " ".repeat(2000 - PING.len()));
    let request = post(&session.endpoint, &body);
    let (first, last) = request.split_at(request.len() - 500);
    let (a, b) = (engine.connect(), engine.connect());
    engine.send(a, first);
    let answer = engine.ask(b, first);
    assert_eq!(answer.status, 503);
    assert!(answer.body.contains("buffered_bytes"), "{}", answer.body);
    assert_eq!(engine.ask(a, last).status, 202, "who came first is served");
    let c = engine.connect();
    assert_eq!(engine.ask(c, &request).status, 202, "there is room again");
    for _ in 0..10 {
        let gone = engine.connect();
        engine.send(gone, first);
        engine.end(gone);
    }
    engine.send(c, first);
    assert_eq!(engine.ask(c, last).status, 202, "what was incomplete is given back with its connection");
}

#[test]
fn deep_json_is_refused() {
    // R-SEC-7
    let mut engine = RawEngine::new(server());
    let session = engine.initialized();
    let deep = |depth: usize| {
        let params = format!("{}{}", "{\"a\":".repeat(depth), "1".to_owned() + &"}".repeat(depth));
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"ping","params":{params}}}"#)
    };
    assert_eq!(engine.post(&session, &deep(127)).status, 202);
    assert_eq!(engine.post(&session, &deep(128)).status, 400);
    assert_eq!(engine.post(&session, &deep(500_000)).status, 400);
}

#[test]
fn no_random_bits_means_no_session() {
    // R-SSE-35
    let mut engine = server().engine(|_| false).unwrap();
    let now = mcp_core::time::Instant::ZERO;
    let conn = engine.accept(now).unwrap();
    engine.received(conn, now, b"GET /sse HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert!(engine.output(conn).starts_with(b"HTTP/1.1 503 "));
    assert_eq!(engine.sessions(), 0);
}

#[test]
fn a_stop_waits_for_the_answer_of_a_call_and_no_longer() {
    let replies = Arc::new(Mutex::new(Vec::new()));
    let later = Arc::clone(&replies);
    let mut engine = RawEngine::new(server().tool(Tool::new("later"), move |call| {
        later.lock().unwrap().push(call.defer());
        Ok(Later)
    }));
    let session = engine.initialized();
    engine.post(&session, r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"later"}}"#);
    let now = engine.now();
    engine.engine.stop(now);
    engine.settle();
    assert!(!engine.is_closed(session.stream));
    replies.lock().unwrap().pop().expect("it was called").answer(Ok("done"));
    engine.engine.deliver_replies(now);
    engine.settle();
    assert!(engine.taken(session.stream).contains("done"));
    assert!(engine.is_closed(session.stream) && engine.engine.is_stopped());
}

#[test]
fn replies_are_delivered_some_at_a_time() {
    let replies = Arc::new(Mutex::new(Vec::new()));
    let later = Arc::clone(&replies);
    let mut engine = RawEngine::new(server().tool(Tool::new("later"), move |call| {
        later.lock().unwrap().push(call.defer());
        Ok(Later)
    }));
    let session = engine.initialized();
    for id in 0..300 {
        let call = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"later"}}}}"#);
        engine.post(&session, &call);
    }
    replies.lock().unwrap().drain(..).for_each(|reply| reply.answer(Ok("done")));
    let now = engine.now();
    assert!(engine.engine.deliver_replies(now), "others have their turn in between");
    assert!(!engine.engine.deliver_replies(now));
    engine.settle();
    assert_eq!(engine.taken(session.stream).matches("done").count(), 300);
}

#[test]
fn a_stop_gives_up_calls_that_are_never_answered_and_then_peers_that_do_not_read() {
    let replies = Arc::new(Mutex::new(Vec::new()));
    let later = Arc::clone(&replies);
    let mut engine = RawEngine::new(server().tool(Tool::new("later"), move |call| {
        later.lock().unwrap().push(call.defer());
        Ok(Later)
    }));
    let session = engine.initialized();
    engine.reads(session.stream, false);
    engine.post(&session, PING);
    engine.post(&session, r#"{"jsonrpc":"2.0","id":8,"method":"tools/call","params":{"name":"later"}}"#);
    let now = engine.now();
    engine.engine.stop(now);
    engine.pass(5 * SECOND - TICK);
    assert!(!replies.lock().unwrap()[0].is_cancelled());
    engine.pass(TICK);
    assert!(replies.lock().unwrap()[0].is_cancelled());
    engine.pass(2 * SECOND - TICK);
    assert!(!engine.engine.is_stopped(), "what is unsent has its time");
    engine.pass(TICK);
    assert!(engine.engine.is_stopped());
}

#[test]
fn a_stop_is_over_in_time_whatever_peers_do() {
    let mut engine = RawEngine::new(server());
    let (idle, deaf, silent) = (engine.initialized(), engine.initialized(), engine.connect());
    engine.reads(deaf.stream, false);
    engine.post(&deaf, PING);
    engine.send(silent, "GET /");
    let now = engine.now();
    engine.engine.stop(now);
    engine.settle();
    assert!(engine.is_closed(idle.stream) && !engine.is_closed(deaf.stream) && engine.is_half_closed(silent));
    engine.pass(5 * SECOND - TICK);
    assert!(!engine.engine.is_stopped(), "what is unsent has its time");
    engine.pass(TICK);
    assert!(engine.engine.is_stopped());
}
