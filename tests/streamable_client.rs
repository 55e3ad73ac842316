//! The client over Streamable HTTP with a handshake: requests, answers, sessions.

use std::time::Duration;

use mcp_core::time::Cause;
use mcp_sse_blocking::{Builder, CallOptions, Client, Delivery, Error, PeerError, Transport};
use mcp_tests::scripted_peer::Peer;
use mcp_tests::streamable_peer::{RESULT_2025, SESSION, StreamablePeer as _, StreamableRequest as _, end_stream};
use serde_json::json;

/// Settings under which a test that hangs fails soon.
fn builder(url: &str) -> Builder {
    Client::builder(url)
        .transport(Transport::StreamableHttp)
        .connect_timeout(Duration::from_secs(5))
        .call_timeout(Duration::from_secs(5))
}

/// R-SH-5, R-SH-6, R-SH-11, R-SH-48, R-SH-58, R-SH-61: what each request carries.
#[test]
fn a_session_is_opened_used_and_ended() {
    let peer = Peer::run(|peer| {
        let initialize = peer.expect("initialize");
        assert_eq!(initialize.target, "/mcp?key=1");
        assert_eq!(initialize.header("accept"), Some("application/json, text/event-stream"));
        assert_eq!(initialize.header("content-type"), Some("application/json"));
        assert_eq!(initialize.header("authorization"), Some("Bearer hidden"));
        assert_eq!(initialize.header("mcp-session-id"), None);
        assert_eq!(initialize.header("mcp-protocol-version"), None);
        assert_eq!(initialize.json()["params"]["protocolVersion"], "2025-11-25");
        let body = format!(r#"{{"jsonrpc":"2.0","id":{},"result":{RESULT_2025}}}"#, initialize.id());
        initialize.json_status("200 OK", &format!("Mcp-Session-Id: {SESSION}\r\n"), &body);
        let initialized = peer.expect("notifications/initialized");
        assert_eq!(initialized.header("mcp-session-id"), Some(SESSION));
        assert_eq!(initialized.header("mcp-protocol-version"), Some("2025-11-25"));
        initialized.taken();
        let call = peer.expect("tools/call");
        assert_eq!(call.header("mcp-session-id"), Some(SESSION));
        assert_eq!(call.header("mcp-protocol-version"), Some("2025-11-25"));
        assert_eq!(call.header("authorization"), Some("Bearer hidden"));
        assert_eq!(call.json()["params"], json!({"name": "echo", "arguments": {"text": "hi"}}));
        assert_eq!(call.connection, initialize.connection, "one connection carries them all");
        call.json_text("hi");
        let delete = peer.request();
        assert_eq!((delete.method.as_str(), delete.target.as_str()), ("DELETE", "/mcp?key=1"));
        assert_eq!(delete.header("mcp-session-id"), Some(SESSION));
        assert_eq!(delete.header("mcp-protocol-version"), Some("2025-11-25"));
        delete.status("405 Method Not Allowed", "");
    });
    let client = builder(&peer.url("/mcp?key=1")).bearer("hidden").connect().unwrap();
    assert_eq!(client.server_info().name, "scripted");
    assert_eq!(client.protocol_version().as_str(), "2025-11-25");
    assert_eq!(client.call("echo", &json!({"text": "hi"})).unwrap().all_text(), "hi");
    assert!(!format!("{client:?}").contains("hidden"), "{client:?}");
    client.close();
    assert!(matches!(client.call("echo", &()), Err(Error::Closed(Delivery::NotSent))));
    peer.finish();
}

/// R-SH-10: JSON and event streams, request by request; R-SH-18: what follows the reply is ignored.
#[test]
fn a_reply_may_come_on_an_event_stream_after_other_messages() {
    let peer = Peer::run(|peer| {
        peer.shake_streamable();
        let call = peer.expect("tools/call");
        let token = call.json()["params"]["_meta"]["progressToken"].clone();
        let mut stream = call.open();
        stream.raw(": comment\n\n");
        stream.message(&format!(
            r#"{{"jsonrpc":"2.0","method":"notifications/progress","params":{{"progressToken":{token},"progress":1}}}}"#
        ));
        stream.raw("data: {\"jsonrpc\":\"2.0\",\"id\":\"p\",\"method\":\"ping\"}\n\n");
        let pong = peer.request();
        assert_eq!(pong.json(), json!({"jsonrpc": "2.0", "id": "p", "result": {}}), "a further POST (R-SH-17)");
        assert_eq!(pong.header("mcp-session-id"), Some(SESSION));
        pong.taken();
        stream.reply_text(&call, "one");
        stream.message(r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#);
        end_stream(&call);
        let call = peer.expect("tools/call");
        call.json_text("two");
    });
    let client = builder(&peer.url("/mcp")).connect().unwrap();
    let mut seen = Vec::new();
    let options = CallOptions::new().on_progress(|progress| seen.push(progress.progress));
    assert_eq!(client.call_with("echo", &(), options).unwrap().all_text(), "one");
    assert_eq!(seen, [1.0]);
    assert_eq!(client.call("echo", &()).unwrap().all_text(), "two");
    peer.finish();
    drop(client);
}

/// R-SH-18: a server that never ends its streams costs a connection, not the call.
#[test]
fn a_stream_that_never_ends_does_not_hold_up_its_reply() {
    let peer = Peer::run(|peer| {
        peer.shake_streamable();
        for n in 0..5 {
            let call = peer.expect("tools/call");
            let mut stream = call.open();
            stream.reply_text(&call, &n.to_string());
            peer.wait_closed(stream.connection);
        }
    });
    let client = builder(&peer.url("/mcp")).connect().unwrap();
    for n in 0..5 {
        assert_eq!(client.call("echo", &()).unwrap().all_text(), n.to_string());
    }
    peer.finish();
    drop(client);
}

/// R-SH-57: a server without sessions.
#[test]
fn without_a_session_id_none_is_sent_and_nothing_is_deleted() {
    let peer = Peer::run(|peer| {
        peer.shake_streamable_as("", RESULT_2025);
        let call = peer.expect("tools/call");
        assert_eq!(call.header("mcp-session-id"), None);
        call.json_text("hi");
        peer.wait_closed(call.connection);
        assert!(peer.is_quiet());
    });
    let client = builder(&peer.url("/mcp")).connect().unwrap();
    assert_eq!(client.call("echo", &()).unwrap().all_text(), "hi");
    drop(client);
    peer.finish();
}

/// R-SH-58, R-SH-61: the revision of 2025-03-26 has no header.
#[test]
fn the_version_header_is_sent_from_the_revision_on_that_has_it() {
    let peer = Peer::run(|peer| {
        peer.shake_streamable_as("", &RESULT_2025.replace("2025-11-25", "2025-06-18"));
        let call = peer.expect("tools/call");
        assert_eq!(call.header("mcp-protocol-version"), Some("2025-06-18"));
        call.json_text("hi");
    });
    let client = builder(&peer.url("/mcp")).connect().unwrap();
    client.call("echo", &()).unwrap();
    peer.finish();
    drop(client);
}

/// R-SH-47: an id that cannot be a header's value, or should not.
#[test]
fn a_session_id_with_other_than_visible_characters_is_refused() {
    for id in ["with space", "tab\tinside", "höher"] {
        let peer = Peer::run(move |peer| {
            let initialize = peer.expect("initialize");
            let body = format!(r#"{{"jsonrpc":"2.0","id":{},"result":{RESULT_2025}}}"#, initialize.id());
            initialize.json_status("200 OK", &format!("Mcp-Session-Id: {id}\r\n"), &body);
        });
        let error = builder(&peer.url("/mcp")).connect().unwrap_err();
        assert!(matches!(error, Error::Peer(PeerError::Http(_))), "{error}");
        peer.finish();
    }
}

/// R-SH-50, R-SH-51: the session is opened anew once, without the old id, and the call made again.
#[test]
fn a_lost_session_is_opened_anew_and_the_call_made_again() {
    let peer = Peer::run(|peer| {
        peer.shake_streamable();
        let call = peer.expect("tools/call");
        call.json_status(
            "404 Not Found",
            "",
            r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32001,"message":"Session not found"}}"#,
        );
        peer.shake_streamable_as("Mcp-Session-Id: second\r\n", RESULT_2025);
        let again = peer.expect("tools/call");
        assert_eq!(again.header("mcp-session-id"), Some("second"));
        assert_ne!(again.id(), call.id(), "another request has another id");
        again.json_text("hi");
        // The second loss in a row is an error of that call.
        let call = peer.expect("tools/call");
        call.status("404 Not Found", "");
        peer.shake_streamable_as("Mcp-Session-Id: third\r\n", RESULT_2025);
        let call = peer.expect("tools/call");
        call.status("404 Not Found", "");
    });
    let client = builder(&peer.url("/mcp")).connect().unwrap();
    assert_eq!(client.call("echo", &()).unwrap().all_text(), "hi");
    let error = client.call("echo", &()).unwrap_err();
    assert!(matches!(error, Error::SessionGone(_)), "{error}");
    peer.finish();
}

/// R-SH-51, R-SH-58: the server was exchanged for an older one.
#[test]
fn the_new_session_may_be_of_another_revision() {
    let peer = Peer::run(|peer| {
        peer.shake_streamable();
        peer.expect("tools/call").status("404 Not Found", "");
        let older = RESULT_2025.replace("2025-11-25", "2025-06-18");
        peer.shake_streamable_as("Mcp-Session-Id: second\r\n", &older);
        let call = peer.expect("tools/call");
        assert_eq!(call.header("mcp-protocol-version"), Some("2025-06-18"));
        call.json_text("hi");
    });
    let client = builder(&peer.url("/mcp")).connect().unwrap();
    assert_eq!(client.protocol_version().as_str(), "2025-11-25");
    assert_eq!(client.call("echo", &()).unwrap().all_text(), "hi");
    assert_eq!(client.protocol_version().as_str(), "2025-06-18");
    peer.finish();
}

/// R-SH-51, for what is no request.
#[test]
fn a_notification_goes_into_the_new_session() {
    let peer = Peer::run(|peer| {
        peer.shake_streamable();
        peer.expect("notifications/x").status("404 Not Found", "");
        peer.shake_streamable_as("Mcp-Session-Id: second\r\n", RESULT_2025);
        let again = peer.expect("notifications/x");
        assert_eq!(again.header("mcp-session-id"), Some("second"));
        again.taken();
        // R-SH-8: not accepted is an error.
        peer.expect("notifications/x").status("400 Bad Request", "no");
    });
    let client = builder(&peer.url("/mcp")).connect().unwrap();
    client.notify("notifications/x", &()).unwrap();
    assert!(matches!(client.notify("notifications/x", &()), Err(Error::Status(_))));
    peer.finish();
}

/// R-SH-56: without a session id, a 404 is no loss of one.
#[test]
fn a_404_without_a_session_is_a_status() {
    let peer = Peer::run(|peer| {
        peer.shake_streamable_as("", RESULT_2025);
        peer.expect("tools/call").status("404 Not Found", "no such path");
    });
    let client = builder(&peer.url("/mcp")).connect().unwrap();
    let error = client.call("echo", &()).unwrap_err();
    let Error::Status(status) = &error else { panic!("{error}") };
    assert_eq!((status.code, status.excerpt.as_str()), (404, "no such path"));
    peer.finish();
    drop(client);
}

/// R-ST-32: the body is read at any status; 401 and 403 keep their challenge.
#[test]
fn an_error_of_the_server_is_read_whatever_the_status() {
    let peer = Peer::run(|peer| {
        peer.shake_streamable();
        let error = r#"{"code":-32602,"message":"no such tool"}"#;
        peer.expect("tools/call").json_error("400 Bad Request", error);
        peer.expect("tools/call").json_error("200 OK", error);
        let without_id = format!(r#"{{"jsonrpc":"2.0","id":null,"error":{error}}}"#);
        peer.expect("tools/call").json_status("400 Bad Request", "", &without_id);
        let challenge = "WWW-Authenticate: Bearer realm=\"x\"\r\n";
        peer.expect("tools/call").json_status("401 Unauthorized", challenge, &without_id);
        peer.expect("tools/call").status("503 Service Unavailable", "later");
    });
    let client = builder(&peer.url("/mcp")).connect().unwrap();
    for _ in 0..3 {
        let error = client.call("echo", &()).unwrap_err();
        assert!(matches!(&error, Error::Rpc(error) if error.code == -32602), "{error}");
    }
    let Err(Error::Status(status)) = client.call("echo", &()) else { panic!("a status") };
    assert_eq!((status.code, status.www_authenticate), (401, vec!["Bearer realm=\"x\"".to_owned()]));
    let Err(Error::Status(status)) = client.call("echo", &()) else { panic!("a status") };
    assert_eq!(status.code, 503);
    peer.finish();
    drop(client);
}

/// A connection that the server closed while it was idle is replaced; one that dies under a call is told, because the call may
/// have been carried out, and lists are asked for again.
#[test]
fn a_call_is_sent_once_whatever_becomes_of_its_connection() {
    let (closed, wait) = std::sync::mpsc::channel();
    let peer = Peer::run(move |peer| {
        peer.shake_streamable();
        let call = peer.expect("tools/call");
        call.json_text("one");
        call.hang_up();
        closed.send(()).unwrap();
        let call = peer.expect("tools/call");
        assert_eq!(call.json()["params"]["name"], "second");
        call.json_text("two");
        peer.expect("tools/call").hang_up();
        let call = peer.expect("tools/call");
        assert_eq!(call.json()["params"]["name"], "fourth");
        call.json_text("four");
        peer.expect("tools/list").hang_up();
        peer.expect("tools/list").json_result(r#"{"tools":[]}"#);
    });
    let client = builder(&peer.url("/mcp")).connect().unwrap();
    client.call("first", &()).unwrap();
    wait.recv().unwrap();
    assert_eq!(client.call("second", &()).unwrap().all_text(), "two");
    let error = client.call("third", &()).unwrap_err();
    assert!(matches!(&error, Error::Transport(error) if error.delivery == Delivery::Sent), "{error}");
    assert_eq!(client.call("fourth", &()).unwrap().all_text(), "four");
    assert_eq!(client.tools().map(Result::unwrap).count(), 0);
    peer.finish();
}

/// R-SH-16: what is given up is cancelled by a message, not by the end of the connection.
#[test]
fn a_call_that_takes_too_long_is_cancelled_by_a_message() {
    for on_stream in [false, true] {
        let peer = Peer::run(move |peer| {
            peer.shake_streamable();
            let call = peer.expect("tools/call");
            let _stream = on_stream.then(|| call.open());
            let cancelled = peer.expect("notifications/cancelled");
            assert_eq!(cancelled.json()["params"]["requestId"].to_string(), call.id());
            cancelled.taken();
        });
        let client = builder(&peer.url("/mcp")).connect().unwrap();
        let options = CallOptions::new().timeout(Duration::from_millis(100));
        let error = client.call_with("echo", &(), options).unwrap_err();
        let Error::Timeout(timeout) = &error else { panic!("{error}") };
        assert_eq!((timeout.cause, timeout.delivery), (Cause::Call, Delivery::Sent));
        peer.finish();
        drop(client);
    }
}

#[test]
fn a_job_has_a_thread_of_its_own_and_can_be_cancelled() {
    let peer = Peer::run(|peer| {
        peer.shake_streamable();
        let call = peer.expect("tools/call");
        let token = call.json()["params"]["_meta"]["progressToken"].clone();
        let mut stream = call.open();
        for step in 1..=3 {
            stream.message(&format!(
                r#"{{"jsonrpc":"2.0","method":"notifications/progress","params":{{"progressToken":{token},"progress":{step}}}}}"#
            ));
        }
        stream.reply_text(&call, "done");
        end_stream(&call);
        let call = peer.expect("tools/call");
        let cancelled = peer.expect("notifications/cancelled");
        assert_eq!(cancelled.json()["params"]["requestId"].to_string(), call.id());
        cancelled.taken();
    });
    let client = builder(&peer.url("/mcp")).connect().unwrap();
    let mut job = client.start("index", &()).unwrap();
    let steps: Vec<f64> = job.by_ref().map(|progress| progress.progress).collect();
    assert_eq!(steps, [1.0, 2.0, 3.0]);
    assert_eq!(job.result().unwrap().all_text(), "done");
    let job = client.start("index", &()).unwrap();
    // The request has left when the cancellation finds it in flight.
    let canceller = job.canceller();
    std::thread::spawn(move || while !canceller.cancel("changed my mind") {});
    assert!(matches!(job.result(), Err(Error::Cancelled(_))));
    drop(peer);
    drop(client);
}

#[test]
fn closing_frees_a_call_on_another_thread() {
    let peer = Peer::run(|peer| {
        peer.shake_streamable_as("", RESULT_2025);
        let call = peer.expect("tools/call");
        let _stream = call.open();
        let second = peer.expect("tools/call");
        peer.wait_closed(second.connection);
    });
    let client = builder(&peer.url("/mcp")).connect().unwrap();
    let (on_stream, on_head) = (client.clone(), client.clone());
    let calls =
        [std::thread::spawn(move || on_stream.call("one", &())), std::thread::spawn(move || on_head.call("two", &()))];
    while client.is_connected() && calls.iter().any(|call| call.is_finished()) {}
    std::thread::sleep(Duration::from_millis(50));
    client.close();
    for call in calls {
        let error = call.join().unwrap().unwrap_err();
        assert!(matches!(error, Error::Closed(_)), "{error}");
    }
    peer.finish();
}
