//! Clauses that are small, and that no other file proves.

#![allow(clippy::unwrap_used)] // a panic is the report

use std::collections::BTreeSet;
use std::time::Duration;

use mcp_server_tiny::{Call, Server, Tool};
use mcp_sse_blocking::{Client, Error, Transport};
use mcp_tests::raw_engine::RawEngine;
use mcp_tests::raw_http::{INITIALIZE, RawSession, RunningServer};
use mcp_tests::scripted_peer::{ENDPOINT, INITIALIZE_RESULT, Peer};

fn server() -> Server {
    Server::new("test", "1.0.0")
}

/// R-LM-9: where batches are taken at all, `initialize` in one changes nothing, and an empty one is no message.
#[test]
fn a_batch_that_is_empty_or_opens_a_session_is_refused() {
    let mut engine = RawEngine::new(server());
    let session = engine.open();
    let initialize = INITIALIZE.replace("2024-11-05", "2025-03-26");
    assert_eq!(engine.post(&session, &format!("[{initialize}]")).status, 400, "no revision is agreed on yet");
    assert_eq!(engine.taken(session.stream), "");

    assert_eq!(engine.post(&session, &initialize).status, 202);
    assert!(engine.taken(session.stream).contains("\"protocolVersion\":\"2025-03-26\""));
    let empty = engine.post(&session, "[]");
    assert_eq!(empty.status, 400);
    assert!(empty.body.contains("-32600"), "{}", empty.body);
    let again = initialize.replace("2025-03-26", "2025-11-25").replace("\"id\":0", "\"id\":5");
    assert_eq!(engine.post(&session, &format!("[{again}]")).status, 202);
    let answer = engine.taken(session.stream);
    assert!(answer.contains("-32600") && !answer.contains("protocolVersion"), "{answer}");
}

/// R-LM-25
#[test]
fn a_server_says_nothing_by_itself_before_the_client_is_ready() {
    let mut engine = RawEngine::new(server());
    let session = engine.open();
    engine.post(&session, INITIALIZE);
    engine.taken(session.stream);
    engine.pass(Duration::from_secs(150));
    let said = engine.taken(session.stream);
    assert!(said.lines().all(|line| line.is_empty() || line.starts_with(':')), "more than comments: {said}");
}

/// R-SSE-48: nothing can overtake `initialized`, for nobody has a client before the server took it over.
#[test]
fn initialized_is_taken_over_before_anything_else_is_sent() {
    let peer = Peer::run(|peer| {
        let mut stream = peer.stream();
        stream.event("endpoint", ENDPOINT);
        let initialize = peer.request();
        initialize.accepted();
        stream.reply(&initialize, INITIALIZE_RESULT);
        assert_eq!(peer.request().message_method(), "notifications/initialized");
        // It is never answered.
        peer.wait_closed(stream.connection);
        assert!(peer.is_quiet());
    });
    let error = Client::builder(&peer.url("/sse"))
        .transport(Transport::HttpSse)
        .call_timeout(Duration::from_millis(200))
        .connect()
        .unwrap_err();
    assert!(matches!(&error, Error::Timeout(_)), "{error:?}");
    peer.finish();
}

/// R-LM-15: also when it has a code and a text that some client uses for its own failures.
#[test]
fn an_error_of_the_server_is_never_taken_for_one_of_our_own() {
    let errors = [(-32000, "Connection closed"), (-32001, "Request timed out"), (408, "timeout"), (0, "closed")];
    let peer = Peer::run(move |peer| {
        let mut stream = peer.handshake();
        for (code, message) in errors {
            let call = peer.request();
            call.accepted();
            stream.message(&format!(
                r#"{{"jsonrpc":"2.0","id":{},"error":{{"code":{code},"message":"{message}"}}}}"#,
                call.id()
            ));
        }
    });
    let client = Client::builder(&peer.url("/sse")).transport(Transport::HttpSse).connect().unwrap();
    for (code, message) in errors {
        let error = client.call("echo", &()).unwrap_err();
        assert!(matches!(&error, Error::Rpc(it) if it.code == code && it.message == message), "{error:?}");
    }
    peer.finish();
}

/// R-SSE-14: whatever the core takes for a URL can be requested, so that no endpoint is refused for a reason of another
/// library.
#[test]
fn every_url_that_is_one_can_be_requested() {
    for character in '!'..='~' {
        let url = format!("http://127.0.0.1:9/a{character}b?c{character}d");
        let is_url = mcp_core::http::Url::parse(&url).is_ok();
        let peer = Peer::run(|peer| peer.stream().cut());
        let error = Client::builder(&peer.url("/sse")).message_url(&url).connect().unwrap_err();
        // Where it is a URL, another origin than that of the stream is the caller's right.
        assert_eq!(!matches!(error, Error::Usage(_)), is_url, "{character}: {error}");
        if is_url {
            peer.finish();
        }
    }
}

/// R-EV-27, R-SSE-38: nothing of an earlier stream is asked for, neither from a cache nor from where it broke off.
#[test]
fn a_stream_is_asked_for_anew() {
    let peer = Peer::run(|peer| {
        for _ in 0..2 {
            let get = peer.request();
            assert_eq!(
                (get.header("accept"), get.header("cache-control")),
                (Some("text/event-stream"), Some("no-store"))
            );
            assert_eq!(get.header("last-event-id"), None);
            let mut stream = get.open();
            stream.raw(format!("id: 7\nevent: endpoint\ndata: {ENDPOINT}\n\n"));
            let initialize = peer.request();
            assert_eq!((initialize.method.as_str(), initialize.header("last-event-id")), ("POST", None));
            initialize.hang_up();
            stream.cut();
        }
    });
    for _ in 0..2 {
        Client::builder(&peer.url("/sse")).transport(Transport::HttpSse).connect().unwrap_err();
    }
    peer.finish();
}

/// R-EV-29
#[test]
fn no_content_is_the_end_and_not_asked_for_again() {
    let peer = Peer::run(|peer| {
        let get = peer.request();
        get.answer("HTTP/1.1 204 No Content\r\n\r\n");
        assert!(peer.is_quiet());
    });
    let error = Client::builder(&peer.url("/sse")).transport(Transport::HttpSse).connect().unwrap_err();
    assert!(error.to_string().contains("there is no stream"), "{error}");
    peer.finish();
}

/// R-SSE-35, R-SEC-9: what is secret in a token comes from the system, and is another for each session.
#[test]
fn each_session_of_a_running_server_has_a_secret_of_its_own() {
    const SECRET_DIGITS: usize = 32;
    let server = RunningServer::start(server());
    let sessions: Vec<RawSession> = (0..20).map(|_| RawSession::open(server.address)).collect();
    let secrets: BTreeSet<&str> = sessions
        .iter()
        .map(|session| session.endpoint.rsplit_once("sessionId=").unwrap().1)
        .map(|token| &token[token.len() - SECRET_DIGITS..])
        .collect();
    assert_eq!(secrets.len(), sessions.len());
    // Bits that are the same in all of twenty random numbers: 128 times one in half a million.
    let numbers = secrets.iter().map(|secret| u128::from_str_radix(secret, 16).unwrap());
    let (all, any) = numbers.fold((u128::MAX, 0), |(all, any), number| (all & number, any | number));
    assert!((any & !all).count_ones() > 120, "too many bits never change");
}

/// R-SSE-49: what waits may pass the bound by one answer, when nothing else waits; beyond that the session is dropped.
#[test]
fn a_session_whose_answers_pass_its_bound_is_dropped_at_once() {
    let big = |call: &mut Call<'_>| Ok("x".repeat(call.arg("bytes")?));
    let server = server()
        .limits(|limits| limits.output_bytes = 10_000)
        .tool(Tool::new("big").param::<usize>("bytes", "how many"), big);
    let mut engine = RawEngine::new(server);
    let (deaf, other) = (engine.initialized(), engine.initialized());
    engine.reads(deaf.stream, false);
    let call = |bytes: usize| {
        format!(
            r#"{{"jsonrpc":"2.0","id":{bytes},"method":"tools/call","params":{{"name":"big","arguments":{{"bytes":{bytes}}}}}}}"#
        )
    };
    assert_eq!(engine.post(&other, &call(100_000)).status, 202);
    assert!(engine.taken(other.stream).contains(&"x".repeat(100_000)), "one answer may be larger");
    assert_eq!(engine.post(&deaf, &call(4_000)).status, 202);
    assert!(!engine.is_closed(deaf.stream));
    assert_eq!(engine.post(&deaf, &call(20_000)).status, 202);
    assert!(engine.is_closed(deaf.stream));
    assert_eq!(engine.post(&deaf, &call(1)).status, 404);
    assert_eq!(engine.post(&other, &call(1)).status, 202);
}
