//! Connecting to servers that are not there yet, staying connected over Streamable HTTP, and starting and stopping by hand.

#![allow(clippy::unwrap_used)] // a panic is the report

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, unbounded};
use mcp_server_tiny::{Call, Server, Tool};
use mcp_sse_blocking::{Builder, CallOptions, Client, Connector, Delivery, Error, Reconnect, State, Transport};
use mcp_tests::door::Door;
use mcp_tests::raw_http::RunningServer;
use mcp_tests::scripted_peer::{BOUND, Peer};
use mcp_tests::streamable_peer::{RESULT_2025, StreamablePeer, StreamableRequest};
use serde_json::json;

/// The shortest pauses that there are.
fn soon() -> Reconnect {
    Reconnect::new().interval(Duration::ZERO).longest(Duration::from_millis(100))
}

fn echo() -> RunningServer {
    let echo = Tool::new("echo").param::<String>("text", "given back");
    RunningServer::start(Server::new("echo", "1").tool(echo, |call: &mut Call<'_>| call.arg::<String>("text")))
}

/// A client, and its states from the first on.
fn watched(builder: Builder) -> (Client, Receiver<String>) {
    let (told, states) = unbounded();
    let builder = builder.call_timeout(BOUND * 3).on_state(move |state| drop(told.send(state.to_string())));
    (builder.connect().expect("it connects"), states)
}

#[track_caller]
fn next(states: &Receiver<String>) -> String {
    states.recv_timeout(BOUND).expect("another state")
}

#[track_caller]
fn assert_states(states: &Receiver<String>, expected: &[&str]) {
    let seen: Vec<String> = expected.iter().map(|_| next(states)).collect();
    assert_eq!(seen, expected);
}

/// A trace that says when something is written to it.
struct Noticed(Sender<()>);

impl Write for Noticed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.0.send(());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The carriers over HTTP, by the path at which our server speaks them.
const HTTP: [(&str, Transport); 3] =
    [("/sse", Transport::HttpSse), ("/mcp", Transport::StreamableHttp), ("/mcp", Transport::Stateless)];

#[test]
fn connecting_waits_for_a_server_that_is_not_up_yet_where_the_policy_says_so() {
    let server = echo();
    for (path, transport) in HTTP {
        let mut door = Door::to(server.address);
        let builder = || Client::builder(&door.url(path)).transport(transport).call_timeout(BOUND * 3);
        for impatient in [Reconnect::on_demand(), Reconnect::never(), soon().attempts(0)] {
            let error = builder().reconnect(impatient).connect().unwrap_err();
            assert!(matches!(&error, Error::Transport(error) if error.delivery == Delivery::NotSent), "{error}");
        }
        let (tried, trying) = unbounded();
        let patient = builder().reconnect(soon()).trace(Noticed(tried));
        let connecting = thread::spawn(move || patient.connect());
        trying.recv_timeout(BOUND).unwrap();
        door.open();
        let client = connecting.join().unwrap().unwrap();
        assert_eq!(client.call("echo", &json!({"text": "up"})).unwrap().all_text(), "up");
    }
}

#[test]
fn connecting_gives_up_after_so_many_attempts_or_when_the_deadline_comes_first() {
    let door = Door::to(([127, 0, 0, 1], 9).into());
    let builder = || Client::builder(&door.url("/mcp"));
    let (told, states) = unbounded();
    let error = builder()
        .reconnect(soon().attempts(2))
        .on_state(move |state| drop(told.send(state.clone())))
        .connect()
        .unwrap_err();
    assert!(matches!(error, Error::Transport(_)), "{error}");
    // The handler has been told by then.
    let states: Vec<State> = states.try_iter().collect();
    assert!(matches!(&states[..], [State::Connecting, State::Closed { why: Error::Transport(_) }]), "{states:?}");
    let begun = Instant::now();
    let error = builder().reconnect(soon()).call_timeout(Duration::from_millis(300)).connect().unwrap_err();
    assert!(matches!(error, Error::Transport(_)), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
}

#[test]
fn connecting_waits_as_long_as_a_server_asks_that_cannot_serve_yet_but_not_beyond_the_deadline() {
    let refuse =
        |wait: u32| format!("HTTP/1.1 503 Service Unavailable\r\nRetry-After: {wait}\r\nContent-Length: 0\r\n\r\n");
    let peer = Peer::run(move |peer| {
        peer.request().answer(refuse(1));
        let refused = Instant::now();
        peer.shake_streamable();
        let took = refused.elapsed();
        assert_eq!(peer.request().method, "DELETE");
        // The second client, and one without a policy.
        peer.request().answer(refuse(3600));
        peer.request().answer(refuse(1));
        took
    });
    let builder = || {
        Client::builder(&peer.url("/mcp")).transport(Transport::StreamableHttp).call_timeout(BOUND).reconnect(soon())
    };
    drop(builder().connect().unwrap());
    for (policy, asked) in [(soon(), 3600), (Reconnect::on_demand(), 1)] {
        let begun = Instant::now();
        let error = builder().reconnect(policy).connect().unwrap_err();
        let Error::Status(status) = &error else { panic!("{error}") };
        assert_eq!((status.code, status.wait()), (503, Some(Duration::from_secs(asked))));
        assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    }
    assert!(peer.finish() >= Duration::from_millis(950));
}

#[test]
fn a_server_that_is_restarted_costs_nothing_over_streamable_http_where_the_policy_says_so() {
    let server = echo();
    for transport in [Transport::StreamableHttp, Transport::Stateless] {
        let mut door = Door::to(server.address);
        door.open();
        let (client, states) = watched(Client::builder(&door.url("/mcp")).transport(transport).reconnect(soon()));
        client.call("echo", &json!({"text": "before"})).unwrap();
        assert_states(&states, &["connecting", "ready"]);
        door.shut();
        let other = client.clone();
        let waiting = thread::spawn(move || other.call("echo", &json!({"text": "after"})));
        assert_eq!(next(&states), "reconnecting, attempt 1");
        assert!(!client.is_connected());
        // A sign of life is asked for at the shut door.
        assert_eq!(next(&states), "reconnecting, attempt 2");
        door.open();
        while next(&states) != "ready" {}
        assert_eq!(waiting.join().unwrap().unwrap().all_text(), "after");
        client.close();
        assert_states(&states, &["closed: the client was closed"]);
    }
}

#[test]
fn a_server_that_cannot_be_reached_fails_a_call_at_once_where_nothing_is_said() {
    let server = echo();
    let mut door = Door::to(server.address);
    door.open();
    let (client, states) = watched(Client::builder(&door.url("/mcp")).transport(Transport::StreamableHttp));
    assert_states(&states, &["connecting", "ready"]);
    door.shut();
    let error = client.call("echo", &json!({"text": "x"})).unwrap_err();
    assert_eq!(error.delivery(), Some(Delivery::NotSent), "{error}");
    door.open();
    client.call("echo", &json!({"text": "x"})).unwrap();
    assert!(states.is_empty());
}

#[test]
fn a_server_that_does_not_come_back_closes_the_client() {
    let server = echo();
    let mut door = Door::to(server.address);
    door.open();
    let builder = Client::builder(&door.url("/mcp")).transport(Transport::StreamableHttp);
    let (client, states) = watched(builder.reconnect(soon().attempts(2)));
    door.shut();
    let error = client.call("echo", &json!({"text": "x"})).unwrap_err();
    assert!(matches!(&error, Error::Transport(error) if error.delivery == Delivery::NotSent), "{error}");
    assert_states(&states, &["connecting", "ready", "reconnecting, attempt 1", "reconnecting, attempt 2"]);
    assert!(next(&states).starts_with("closed: "));
    let begun = Instant::now();
    assert!(client.call("echo", &()).is_err() && client.notify("notifications/x", &()).is_err());
    assert!(begun.elapsed() < Duration::from_secs(1));
}

// R-SH-51
#[test]
fn a_session_that_is_opened_anew_is_a_change_of_state() {
    for policy in [Reconnect::on_demand(), soon()] {
        let peer = Peer::run(|peer| {
            peer.shake_streamable();
            peer.expect("tools/call").status("404 Not Found", "");
            peer.shake_streamable_as("Mcp-Session-Id: second\r\n", RESULT_2025);
            let call = peer.expect("tools/call");
            assert_eq!(call.header("mcp-session-id"), Some("second"));
            call.json_text("found");
            peer.request().taken();
        });
        let builder = Client::builder(&peer.url("/mcp")).transport(Transport::StreamableHttp).reconnect(policy);
        let (client, states) = watched(builder);
        assert_eq!(client.call("echo", &()).unwrap().all_text(), "found");
        client.close();
        let closed = "closed: the client was closed";
        assert_states(&states, &["connecting", "ready", "reconnecting, attempt 1", "ready", closed]);
        peer.finish();
    }
}

#[test]
fn a_session_that_cannot_be_opened_anew_leaves_the_state_in_doubt_until_something_works() {
    let peer = Peer::run(|peer| {
        peer.shake_streamable();
        peer.expect("tools/call").status("404 Not Found", "");
        peer.expect("initialize").status("500 Internal Server Error", "");
        peer.expect("tools/call").json_text("found after all");
        peer.request().taken();
    });
    let (client, states) = watched(Client::builder(&peer.url("/mcp")).transport(Transport::StreamableHttp));
    assert!(client.call("echo", &()).is_err());
    assert!(!client.is_connected());
    assert_eq!(client.call("echo", &()).unwrap().all_text(), "found after all");
    assert!(client.is_connected());
    let in_doubt = "disconnected, to be connected again by the next request";
    assert_states(&states, &["connecting", "ready", "reconnecting, attempt 1", in_doubt, "ready"]);
    client.close();
    peer.finish();
}

#[test]
fn a_lost_session_is_the_end_of_a_client_that_may_not_reconnect() {
    let peer = Peer::run(|peer| {
        peer.shake_streamable();
        peer.expect("tools/call").status("404 Not Found", "");
    });
    let builder = Client::builder(&peer.url("/mcp")).transport(Transport::StreamableHttp);
    let client = builder.reconnect(Reconnect::never()).connect().unwrap();
    for _ in 0..2 {
        assert!(matches!(client.call("echo", &()), Err(Error::SessionGone(_))));
    }
    assert!(matches!(client.state(), State::Closed { why: Error::SessionGone(_) }));
    peer.finish();
}

#[test]
fn a_call_that_was_refused_for_now_is_made_again_over_streamable_http() {
    let refuse = |code: &str| format!("HTTP/1.1 {code}\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n");
    let peer = Peer::run(move |peer| {
        peer.shake_streamable();
        let ids: Vec<String> = ["429 Too Many Requests", "503 Service Unavailable"]
            .map(|code| {
                let call = peer.expect("tools/call");
                call.answer(refuse(code));
                call.id()
            })
            .into();
        let call = peer.expect("tools/call");
        assert!(!ids.contains(&call.id()));
        call.json_text("served");
        // Another one, which may be refused only once more.
        for _ in 0..3 {
            peer.expect("tools/call").answer(refuse("503 Service Unavailable"));
        }
        peer.request().taken();
    });
    let builder = Client::builder(&peer.url("/mcp")).transport(Transport::StreamableHttp);
    let (client, states) = watched(builder.reconnect(soon().attempts(2)));
    assert_eq!(client.call("echo", &()).unwrap().all_text(), "served");
    assert!(matches!(client.call("echo", &()), Err(Error::Status(status)) if status.code == 503));
    // The server is there.
    assert_states(&states, &["connecting", "ready"]);
    assert!(states.is_empty());
    client.close();
    peer.finish();
}

#[test]
fn a_notification_that_nobody_has_taken_is_sent_again_where_the_policy_says_so() {
    let refuse = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n";
    let peer = Peer::run(move |peer| {
        peer.shake_streamable();
        for _ in 0..2 {
            peer.expect("notifications/x").answer(refuse);
        }
        peer.expect("notifications/x").taken();
        peer.request().taken();
    });
    let builder = Client::builder(&peer.url("/mcp")).transport(Transport::StreamableHttp);
    let client = builder.reconnect(soon()).connect().unwrap();
    client.notify("notifications/x", &()).unwrap();
    client.close();
    peer.finish();
}

#[test]
fn a_server_that_cannot_serve_says_so_also_in_the_middle_of_finding_out_what_it_speaks() {
    let peer = Peer::run(|peer| {
        peer.expect("server/discover").status("400 Bad Request", "what?");
        peer.expect("initialize").status("503 Service Unavailable", "starting");
        // The second client, which is patient.
        peer.expect("server/discover").status("400 Bad Request", "what?");
        peer.expect("initialize").status("503 Service Unavailable", "starting");
        peer.expect("server/discover").status("400 Bad Request", "what?");
        peer.shake_streamable();
        peer.request().taken();
    });
    let error = Client::builder(&peer.url("/mcp")).connect().unwrap_err();
    assert!(matches!(&error, Error::Status(status) if status.code == 503), "{error}");
    drop(Client::builder(&peer.url("/mcp")).reconnect(soon()).connect().unwrap());
    peer.finish();
}

#[test]
fn fifty_threads_call_through_breaks_over_streamable_http() {
    const THREADS: usize = 50;
    const CALLS: usize = 40;
    let server = echo();
    let mut door = Door::to(server.address);
    door.open();
    let builder = Client::builder(&door.url("/mcp")).transport(Transport::StreamableHttp).reconnect(soon());
    let (client, states) = watched(builder);
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
    assert_states(&states, &["connecting", "ready"]);
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
        while next(&states) != "ready" {}
    }
    for thread in threads {
        thread.join().unwrap();
    }
}

#[test]
fn a_connector_starts_and_stops_as_often_as_it_is_told() {
    let server = echo();
    let url = format!("http://{}/mcp", server.address);
    let made = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&made);
    let connector = Connector::new(move || {
        count.fetch_add(1, Ordering::SeqCst);
        Client::builder(&url)
    });
    assert!(!connector.is_connected() && connector.state().is_none());
    assert!(matches!(connector.client(), Err(Error::Closed(Delivery::NotSent))));
    connector.stop();
    for round in 1..=3 {
        let client = connector.start().unwrap();
        connector.start().unwrap();
        assert_eq!(made.load(Ordering::SeqCst), round, "a second start does nothing");
        assert!(connector.is_connected());
        connector.client().unwrap().call("echo", &json!({"text": "x"})).unwrap();
        connector.stop();
        connector.stop();
        assert!(!connector.is_connected() && connector.state().is_none());
        assert!(matches!(client.call("echo", &()), Err(Error::Closed(Delivery::NotSent))), "it is closed for all");
    }
    let client = connector.start().unwrap();
    drop(connector);
    assert!(client.state().is_closed());
}

#[test]
fn a_connector_whose_client_is_over_makes_another() {
    let server = echo();
    let mut door = Door::to(server.address);
    door.open();
    let url = door.url("/sse");
    let connector = Connector::new(move || Client::builder(&url).reconnect(Reconnect::never()));
    let first = connector.start().unwrap();
    door.shut();
    assert!(first.watch().any(|state| state.is_closed()));
    assert!(!connector.is_connected());
    assert!(connector.start().is_err(), "the server is away");
    door.open();
    let second = connector.start().unwrap();
    second.call("echo", &json!({"text": "x"})).unwrap();
    assert!(connector.is_connected() && first.state().is_closed());
}

#[test]
fn a_connector_that_is_stopped_while_it_starts_does_not_wait_and_stays_stopped() {
    let (go, gone) = unbounded::<()>();
    let peer = Peer::run(move |peer| {
        let initialize = peer.expect("initialize");
        gone.recv_timeout(BOUND).unwrap();
        let body = format!(r#"{{"jsonrpc":"2.0","id":{},"result":{RESULT_2025}}}"#, initialize.id());
        initialize.json_status("200 OK", "", &body);
        peer.expect("notifications/initialized").taken();
        peer.wait_closed(initialize.connection);
    });
    let url = peer.url("/mcp");
    let (asked, asking) = unbounded();
    let connector = Arc::new(Connector::new(move || {
        let asked = asked.clone();
        Client::builder(&url).transport(Transport::StreamableHttp).trace(Noticed(asked))
    }));
    let other = Arc::clone(&connector);
    let starting = thread::spawn(move || other.start());
    asking.recv_timeout(BOUND).unwrap();
    let begun = Instant::now();
    connector.stop();
    assert!(begun.elapsed() < Duration::from_secs(1));
    go.send(()).unwrap();
    assert!(matches!(starting.join().unwrap(), Err(Error::Closed(Delivery::NotSent))));
    assert!(!connector.is_connected());
    peer.finish();
}
