//! The server's loop on loopback: what only sockets and threads can show.

use std::io::Write as _;
use std::net::TcpStream;
use std::sync::mpsc;
use std::time::Duration;

use mcp_server_tiny::{Call, Server, Tool};
use mcp_tests::raw_http::{INITIALIZE, PATIENCE, RawPeer, RawSession, RunningServer, post};

fn server() -> Server {
    Server::new("test", "1.0.0")
        .tool(Tool::new("echo").param::<String>("text", "said back"), |call: &mut Call<'_>| {
            Ok(call.arg::<&str>("text")?.to_owned())
        })
        .tool(Tool::new("big").param::<u32>("bytes", "how many"), |call: &mut Call<'_>| {
            Ok("x".repeat(call.arg::<u32>("bytes")? as usize))
        })
}

fn call(id: u32, tool: &str, arguments: &str) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"{tool}","arguments":{arguments}}}}}"#
    )
}

#[test]
fn a_tool_is_called_from_one_end_to_the_other() {
    // R-SSE-1 to R-SSE-4
    let server = RunningServer::start(server());
    let mut session = RawSession::initialized(server.address);
    let answer = session.post(&call(1, "echo", r#"{"text":"hi"}"#));
    assert_eq!((answer.status, answer.body.as_str()), (202, "Accepted"));
    assert_eq!(
        session.stream.event(),
        r#"{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"hi"}]}}"#
    );
}

#[test]
fn a_thousand_calls_one_after_the_other_take_no_delays() {
    // With Nagle's algorithm on, each would take 40 ms: 40 s in all, more than the patience of one wait but not by much,
    // so the whole is held against the clock.
    let server = RunningServer::start(server());
    let mut session = RawSession::initialized(server.address);
    let begun = std::time::Instant::now();
    for id in 0..1000 {
        session.post(&call(id, "echo", r#"{"text":"hi"}"#));
        assert!(session.stream.event().contains(&format!("\"id\":{id},")));
    }
    assert!(begun.elapsed() < PATIENCE, "{:?}", begun.elapsed());
}

#[test]
fn many_sessions_on_one_thread() {
    // R-SSE-8, R-SSE-44
    let server = RunningServer::start(server());
    let mut sessions: Vec<_> = (0..100).map(|_| RawSession::initialized(server.address)).collect();
    for round in 0..5 {
        for (index, session) in sessions.iter_mut().enumerate() {
            let message = call(round, "echo", &format!("{{\"text\":\"{index}\"}}"));
            session.posts.send(post(&session.endpoint, &message));
        }
        for (index, session) in sessions.iter_mut().enumerate() {
            assert_eq!(session.posts.answer().status, 202);
            assert!(session.stream.event().contains(&format!("\"text\":\"{index}\"")));
        }
    }
}

#[test]
fn a_result_larger_than_every_buffer_arrives_whole() {
    let server = RunningServer::start(server());
    let mut session = RawSession::initialized(server.address);
    let size = 20 << 20;
    session.post(&call(1, "big", &format!("{{\"bytes\":{size}}}")));
    let event = session.stream.event();
    assert_eq!(
        event.len(),
        r#"{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":""}]}}"#.len() + size
    );
    session.post(&call(2, "echo", r#"{"text":"after"}"#));
    assert!(session.stream.event().contains("after"));
}

#[test]
fn a_large_body_arrives_whole_and_byte_by_byte_as_well() {
    let server = RunningServer::start(server());
    let mut session = RawSession::initialized(server.address);
    let text = "y".repeat(3 << 20);
    assert_eq!(session.post(&call(1, "echo", &format!("{{\"text\":\"{text}\"}}"))).status, 202);
    assert!(session.stream.event().contains(&text));
    for byte in post(&session.endpoint, &call(2, "echo", r#"{"text":"slow"}"#)).bytes() {
        session.posts.send([byte]);
    }
    assert_eq!(session.posts.answer().status, 202);
    assert!(session.stream.event().contains("slow"));
}

#[test]
fn the_end_of_a_stream_is_the_end_of_its_session() {
    // R-SSE-10, R-SSE-37
    let server = RunningServer::start(server());
    let session = RawSession::initialized(server.address);
    let (endpoint, mut posts) = (session.endpoint, session.posts);
    drop(session.stream);
    // The two connections are independent, so the end of the one may be noticed after a post on the other.
    let gone = (0..).find(|_| posts.ask(post(&endpoint, INITIALIZE)).status == 404);
    assert!(gone.is_some());
}

#[test]
fn a_peer_that_does_not_read_is_dropped_and_others_never_notice() {
    // R-SSE-49, R-SEC-7
    let server = server().limits(|limits| limits.output_bytes = 1 << 20);
    let server = RunningServer::start(server.timeouts(|timeouts| timeouts.write = Duration::from_millis(300)));
    let (mut deaf, mut other) = (RawSession::initialized(server.address), RawSession::initialized(server.address));
    // Fill what the system buffers for the stream until the server itself is full; in the end the session is gone. That it
    // says 503 before depends on the time here, and is shown under the clock of a test (`tiny_limits`).
    let mut statuses = Vec::new();
    loop {
        let status = deaf.post(&call(1, "big", "{\"bytes\":400000}")).status;
        other.post(&call(2, "echo", r#"{"text":"hi"}"#));
        assert!(other.stream.event().contains("hi"));
        statuses.push(status);
        if status == 404 {
            break;
        }
    }
    let accepted = statuses.iter().filter(|status| **status == 202).count();
    assert!((2..100).contains(&accepted), "{accepted} answers of 400 kB were taken in");
}

#[test]
fn who_sends_half_a_request_delays_nobody() {
    // R-SEC-7
    let server = RunningServer::start(server().timeouts(|timeouts| timeouts.head = Duration::from_millis(200)));
    let mut slow: Vec<_> = (0..50).map(|_| RawPeer::connect(server.address)).collect();
    slow.iter_mut().for_each(|peer| peer.send("GET /sse HTTP/1.1\r\nHo"));
    let mut session = RawSession::initialized(server.address);
    session.post(&call(1, "echo", r#"{"text":"hi"}"#));
    assert!(session.stream.event().contains("hi"));
    for peer in &mut slow {
        assert_eq!(peer.answer().status, 408);
        assert_eq!(peer.rest(), "", "and the connection ends");
    }
}

#[test]
fn a_refused_peer_that_is_still_sending_can_read_why() {
    // Closing a socket with unread input resets it, and the reset would overtake the answer.
    let server = RunningServer::start(server());
    let session = RawSession::initialized(server.address);
    for _ in 0..20 {
        let mut peer = RawPeer::connect(server.address);
        let head = post(&session.endpoint, "").replace("Length: 0", "Length: 99999999");
        peer.send(head);
        // It may find the door closed: that is what is wanted.
        peer.try_send(vec![b'x'; 200_000]);
        assert_eq!(peer.answer().status, 413);
    }
}

#[test]
fn a_connection_too_many_is_told_so() {
    // R-SEC-7
    let server = RunningServer::start(server().limits(|limits| {
        limits.connections = 3;
        limits.sessions = 1;
    }));
    let _session = RawSession::initialized(server.address);
    let mut third = RawPeer::connect(server.address);
    assert_eq!(third.ask("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").status, 404);
    let mut fourth = RawPeer::connect(server.address);
    let answer = fourth.answer();
    assert_eq!((answer.status, answer.field("retry-after")), (503, Some("1")));
    assert!(answer.body.contains("limits"), "{}", answer.body);
    assert_eq!(fourth.rest(), "");
}

#[test]
fn a_stop_ends_streams_in_order_and_run_returns() {
    // R-SSE-10
    let server = RunningServer::start(server());
    let mut sessions: Vec<_> = (0..10).map(|_| RawSession::initialized(server.address)).collect();
    let mut idle = RawPeer::connect(server.address);
    assert_eq!(idle.ask("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").status, 404);
    server.handle.stop();
    for session in &mut sessions {
        assert_eq!(session.stream.rest(), "");
    }
    assert_eq!(idle.rest(), "");
    server.join();
    assert!(TcpStream::connect(server.address).is_err(), "nobody listens any more");
}

#[test]
fn a_stop_waits_for_answers_in_flight() {
    let (finish, wait) = mpsc::channel::<()>();
    let (tell, started) = mpsc::channel();
    let wait = std::sync::Mutex::new(wait);
    let server =
        RunningServer::start(Server::new("test", "1").tool(Tool::new("slow").on_worker(), move |_: &mut Call<'_>| {
            tell.send(()).expect("the test waits");
            wait.lock().expect("one at a time").recv_timeout(PATIENCE).expect("the test says when");
            Ok("done")
        }));
    let mut session = RawSession::initialized(server.address);
    let mut other = RawSession::initialized(server.address);
    session.post(&call(1, "slow", "{}"));
    started.recv_timeout(PATIENCE).expect("the call begins");
    server.handle.stop();
    assert_eq!(other.stream.rest(), "", "a session without requests ends at once");
    finish.send(()).expect("the call waits");
    assert!(session.stream.event().contains("done"));
    assert_eq!(session.stream.rest(), "");
    server.join();
}

#[test]
fn a_stop_does_not_wait_for_ever() {
    let (tell, started) = mpsc::channel();
    let (finish, wait) = mpsc::channel::<()>();
    let wait = std::sync::Mutex::new(wait);
    let server = Server::new("test", "1").timeouts(|timeouts| timeouts.stop = Duration::from_millis(100)).tool(
        Tool::new("stuck").on_worker(),
        move |_: &mut Call<'_>| {
            tell.send(()).expect("the test waits");
            // Ends when the test does.
            let _ = wait.lock().expect("one at a time").recv_timeout(PATIENCE);
            Ok("late")
        },
    );
    let server = RunningServer::start(server);
    let mut session = RawSession::initialized(server.address);
    session.post(&call(1, "stuck", "{}"));
    started.recv_timeout(PATIENCE).expect("the call begins");
    server.handle.stop();
    assert_eq!(session.stream.rest(), "", "the stream ends without the answer");
    drop(finish);
    server.join();
}

#[test]
fn who_owns_the_loop_takes_turns() {
    let mut bound = server().bind("127.0.0.1:0").unwrap();
    bound.turn(Some(Duration::ZERO)).unwrap();
    let mut socket = TcpStream::connect(bound.local_addr()).unwrap();
    socket.write_all(b"GET /sse HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    for _ in 0..1000 {
        if bound.sessions() == 1 {
            break;
        }
        bound.turn(Some(Duration::from_secs(1))).unwrap();
    }
    assert_eq!((bound.sessions(), bound.connections()), (1, 1));
    bound.handle().stop();
    while !bound.is_stopped() {
        bound.turn(None).unwrap();
    }
    bound.turn(Some(Duration::ZERO)).unwrap();
    assert_eq!(bound.connections(), 0);
}

#[test]
fn a_local_server_is_on_loopback_only() {
    // R-SSE-6, R-SEC-4
    let bound = server().bind_local(0).unwrap();
    assert!(bound.local_addr().ip().is_loopback() && bound.local_addr().port() != 0);
}

#[test]
fn an_address_that_is_taken_is_an_error() {
    let first = server().bind("127.0.0.1:0").unwrap();
    let error = server().bind(first.local_addr()).unwrap_err();
    assert!(matches!(error, mcp_server_tiny::Error::Io(_)), "{error}");
    let nowhere: &[std::net::SocketAddr] = &[];
    assert!(server().bind(nowhere).is_err());
}

#[test]
fn a_handler_is_told_when_the_session_of_its_call_ends() {
    // R-SSE-37
    let (tell, told) = mpsc::channel();
    let server = RunningServer::start(Server::new("test", "1").tool(
        Tool::new("patient").on_worker(),
        move |call: &mut Call<'_>| {
            tell.send(false).expect("the test waits");
            let slept = call.sleep(PATIENCE);
            tell.send(slept.is_err() && call.is_cancelled()).expect("the test waits");
            Ok("nobody hears this")
        },
    ));
    let mut session = RawSession::initialized(server.address);
    session.post(&call(1, "patient", "{}"));
    assert_eq!(told.recv_timeout(PATIENCE), Ok(false), "the call begins");
    drop(session);
    assert_eq!(told.recv_timeout(PATIENCE), Ok(true), "long before it would have woken by itself");
}

#[test]
fn a_worker_that_reports_without_end_delays_nobody() {
    let server = server().tool(Tool::new("chatter").on_worker(), |call: &mut Call<'_>| {
        while !call.is_cancelled() {
            call.log(mcp_core::types::LoggingLevel::Error, "again");
        }
        Ok("quiet")
    });
    let server = RunningServer::start(server);
    let mut chatter = RawSession::initialized(server.address);
    chatter.post(&call(1, "chatter", "{}"));
    // Nobody reads the reports, so its stream fills up and the session is dropped in the end, or is when the test ends.
    let mut other = RawSession::initialized(server.address);
    for id in 0..200 {
        other.post(&call(id, "echo", r#"{"text":"hi"}"#));
        assert!(other.stream.event().contains("hi"));
    }
}
