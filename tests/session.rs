//! Sessions as a pair under a clock that the test moves: lifecycle, requests in flight, ping, progress, cancellation, logging.
#![allow(clippy::unwrap_used)]

use core::time::Duration;

use mcp_core::Limits;
use mcp_core::jsonrpc::ErrorObject;
use mcp_core::limits::Limit;
use mcp_core::revision::ProtocolVersion;
use mcp_core::session::{
    ApiMisuse, ClientEvent, ClientSession, HandshakeError, IgnoredByClient, IgnoredByServer, Phase, RequestKey,
    RequestOptions, ServerEvent,
};
use mcp_core::time::{Cause, Deadline};
use mcp_core::types::{Implementation, InitializeParams, LoggingLevel, Method, Progress};
use mcp_tests::pair::{Pair, message};
use serde_json::{Value, json};

const PLAIN: RequestOptions<'static> = RequestOptions::PLAIN;

fn hello(version: &str) -> InitializeParams {
    InitializeParams {
        protocol_version: version.to_owned(),
        capabilities: Default::default(),
        client_info: Implementation::new("test", "1"),
    }
}

fn value(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap()
}

/// Sends a `tools/call` over and gives both sides' names for it.
fn call(pair: &mut Pair, options: RequestOptions<'_>) -> (u64, RequestKey) {
    let mut line = Vec::new();
    let id = pair.client.request("tools/call", &json!({"name": "a"}), options, &mut line).unwrap();
    let mut admitted = None;
    pair.to_server(&line, |event| {
        let ServerEvent::Request { key, method: Method::ToolsCall, .. } = event else { panic!("{event:?}") };
        admitted = Some(key);
    });
    (id, admitted.unwrap())
}

// The handshake: R-LM-20 to R-LM-31, R-SSE-9, R-SSE-40.

#[test]
fn the_handshake_tells_each_side_of_the_other() {
    let pair = Pair::operating("2024-11-05");
    assert_eq!(pair.client.version(), Some(ProtocolVersion::V2024_11_05));
    assert_eq!(pair.server.version(), ProtocolVersion::V2024_11_05);
    let server = pair.client.server().unwrap();
    assert_eq!(server.server_info.name, "pair");
    assert_eq!(server.instructions.as_deref(), Some("be brief"));
    assert!(server.capabilities.tools.is_some());
    assert_eq!((pair.client.phase(), pair.server.phase()), (Phase::Operating, Phase::Operating));
}

#[test]
fn every_handshake_revision_is_served_as_offered_and_any_other_offer_gets_the_newest() {
    for version in ProtocolVersion::ALL {
        let expected = if version.has_handshake() { version } else { ProtocolVersion::LATEST_HANDSHAKE };
        assert_eq!(Pair::operating(version.as_str()).server.version(), expected);
    }
    assert_eq!(Pair::operating("1999-12-31").server.version(), ProtocolVersion::LATEST_HANDSHAKE);
}

#[test]
fn a_client_refuses_an_answer_with_a_revision_that_it_does_not_know() {
    for version in ["2026-07-28", "2031-01-01", ""] {
        let mut client = ClientSession::new(Limits::default());
        client.initialize(&hello("2025-11-25"), None, &mut Vec::new()).unwrap();
        let answer = json!({"jsonrpc": "2.0", "id": 1, "result": {
            "protocolVersion": version, "capabilities": {}, "serverInfo": {"name": "s", "version": "1"}}})
        .to_string();
        let mut out = Vec::new();
        let event = client.handle_message(message(answer.as_bytes()), &mut out);
        let ClientEvent::HandshakeFailed(error @ HandshakeError::UnsupportedVersion(_)) = event else { panic!() };
        assert!(error.to_string().contains("supported are 2024-11-05 to 2025-11-25"), "{error}");
        assert!(out.is_empty(), "`initialized` is not sent");
    }
}

#[test]
fn a_refused_or_malformed_handshake_is_a_typed_error() {
    for (answer, refused) in [
        (r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"Unsupported protocol version"}}"#, true),
        (r#"{"jsonrpc":"2.0","id":1,"result":{}}"#, false),
    ] {
        let mut client = ClientSession::new(Limits::default());
        client.initialize(&hello("2025-11-25"), None, &mut Vec::new()).unwrap();
        let event = client.handle_message(message(answer.as_bytes()), &mut Vec::new());
        match event {
            ClientEvent::HandshakeFailed(HandshakeError::Refused(error)) => assert!(refused && error.code == -32602),
            ClientEvent::HandshakeFailed(HandshakeError::Malformed(_)) => assert!(!refused),
            other => panic!("{other:?}"),
        }
    }
}

/// R-SEC-25: the parser quotes what it did not expect, however long that is.
#[test]
fn the_error_of_a_malformed_handshake_is_short() {
    let mut client = ClientSession::new(Limits::default());
    client.initialize(&hello("2025-11-25"), None, &mut Vec::new()).unwrap();
    let answer = json!({"jsonrpc": "2.0", "id": 1, "result": "\u{202E}x".repeat(100_000)}).to_string();
    let event = client.handle_message(message(answer.as_bytes()), &mut Vec::new());
    let ClientEvent::HandshakeFailed(error @ HandshakeError::Malformed(_)) = event else { panic!("{event:?}") };
    let shown = error.to_string();
    assert!(shown.len() < 500 && shown.ends_with("...") && !shown.contains('\u{202E}'), "{shown}");
}

#[test]
fn a_client_sends_nothing_but_ping_before_the_handshake() {
    let mut client = ClientSession::new(Limits::default());
    let mut out = Vec::new();
    assert!(matches!(client.request("tools/list", &(), PLAIN, &mut out), Err(ApiMisuse::Phase(_))));
    assert!(out.is_empty());
    assert!(client.request("ping", &(), PLAIN, &mut out).is_ok());
    client.initialize(&hello("2025-11-25"), None, &mut out).unwrap();
    assert!(matches!(client.request("tools/list", &(), PLAIN, &mut out), Err(ApiMisuse::Phase(_))));
    assert!(matches!(client.initialize(&hello("2025-11-25"), None, &mut out), Err(ApiMisuse::Phase(_))));
}

/// R-LM-24
#[test]
fn a_client_sends_no_notification_before_the_handshake() {
    let mut client = ClientSession::new(Limits::default());
    let mut out = Vec::new();
    let method = Method::NotificationsRootsListChanged.name();
    assert!(matches!(client.notify(method, &(), &mut out), Err(ApiMisuse::Phase(_))));
    client.initialize(&hello("2025-11-25"), None, &mut Vec::new()).unwrap();
    assert!(matches!(client.notify(method, &(), &mut out), Err(ApiMisuse::Phase(_))));
    assert!(out.is_empty());

    let mut pair = Pair::default();
    pair.to_server(br#"{"jsonrpc":"2.0","method":"notifications/roots/list_changed"}"#, |event| {
        assert!(matches!(event, ServerEvent::Ignored(IgnoredByServer::Violation(_))), "{event:?}");
    });
    let mut pair = Pair::operating("2025-11-25");
    pair.client.notify(method, &(), &mut out).unwrap();
    pair.to_server(&out, |event| {
        assert!(matches!(event, ServerEvent::Notification { method: Method::NotificationsRootsListChanged, .. }));
    });
}

#[test]
fn a_server_refuses_requests_before_the_handshake_and_a_second_handshake() {
    let mut pair = Pair::default();
    let early = pair.to_server(br#"{"jsonrpc":"2.0","id":"e","method":"tools/list"}"#, |_| {});
    assert_eq!(value(&early)["error"]["code"], -32600);
    assert_eq!(value(&early)["id"], "e");
    let ping = pair.to_server(br#"{"jsonrpc":"2.0","id":2,"method":"ping"}"#, |_| {});
    assert_eq!(value(&ping), json!({"jsonrpc": "2.0", "id": 2, "result": {}}));

    let mut pair = Pair::operating("2025-11-25");
    let mut line = Vec::new();
    ClientSession::new(Limits::default()).initialize(&hello("2024-11-05"), None, &mut line).unwrap();
    let second = pair.to_server(&line, |_| {});
    assert_eq!(value(&second)["error"]["code"], -32600);
    assert_eq!(pair.server.version(), ProtocolVersion::V2025_11_25, "the revision stands");
}

#[test]
fn a_handshake_without_its_parameters_is_refused_and_may_be_repeated() {
    let mut pair = Pair::default();
    for params in [
        r#"{}"#,
        r#"{"protocolVersion":"2025-11-25","capabilities":{}}"#,
        r#"{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":"a name"}"#,
        r#"{"protocolVersion":"2025-11-25","capabilities":[],"clientInfo":{"name":"c","version":"1"}}"#,
        r#"{"protocolVersion":20251125,"capabilities":{},"clientInfo":{"name":"c","version":"1"}}"#,
    ] {
        let line = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"initialize","params":{params}}}"#);
        let refused = pair.to_server(line.as_bytes(), |_| {});
        assert_eq!(value(&refused)["error"]["code"], -32602, "{params}");
        assert_eq!(pair.server.phase(), Phase::New);
    }
}

#[test]
fn a_server_serves_clients_that_skip_initialized_or_send_it_twice() {
    let mut pair = Pair::default();
    let mut line = Vec::new();
    pair.client.initialize(&hello("2025-11-25"), None, &mut line).unwrap();
    pair.to_server(&line, |_| {});
    pair.to_server(br#"{"jsonrpc":"2.0","id":9,"method":"tools/list"}"#, |event| {
        assert!(matches!(event, ServerEvent::Request { method: Method::ToolsList, .. }));
    });
    for _ in 0..2 {
        let out = pair.to_server(br#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#, |event| {
            assert!(matches!(event, ServerEvent::Initialized));
        });
        assert!(out.is_empty());
    }
}

// Requests and answers: R-LM-3, R-LM-4, R-LM-34, R-LM-79.

#[test]
fn answers_find_their_requests_in_any_order() {
    let mut pair = Pair::operating("2025-11-25");
    let calls: Vec<_> = (0..3).map(|_| call(&mut pair, PLAIN)).collect();
    for (id, key) in calls.into_iter().rev() {
        let mut line = Vec::new();
        assert!(pair.respond(key, &json!({"n": id}), &mut line));
        pair.to_client(&line, |event| {
            let ClientEvent::Response { id: answered, result } = event else { panic!("{event:?}") };
            assert_eq!(answered, id);
            assert_eq!(result.get(), format!("{{\"n\":{id}}}"));
        });
    }
    assert_eq!(pair.server.in_flight(), 0);
}

#[test]
fn ids_match_by_type_and_value_and_only_once() {
    let mut pair = Pair::operating("2025-11-25");
    let (id, _) = call(&mut pair, PLAIN);
    let answer = |id: Value| json!({"jsonrpc": "2.0", "id": id, "result": {}}).to_string();
    let ignored = |event: ClientEvent<'_>| {
        assert!(matches!(event, ClientEvent::Ignored(IgnoredByClient::UnknownResponse(_))), "{event:?}");
    };
    pair.to_client(answer(json!(id.to_string())).as_bytes(), ignored);
    pair.to_client(answer(json!(id + 1)).as_bytes(), ignored);
    pair.to_client(answer(json!(-1)).as_bytes(), ignored);
    pair.to_client(answer(json!(id)).as_bytes(), |event| assert!(matches!(event, ClientEvent::Response { .. })));
    pair.to_client(answer(json!(id)).as_bytes(), ignored);
}

#[test]
fn an_error_answers_its_request_and_one_without_an_id_answers_none() {
    let mut pair = Pair::operating("2025-11-25");
    let (id, key) = call(&mut pair, PLAIN);
    let mut line = Vec::new();
    assert!(pair.server.respond_error(key, &ErrorObject::new(-32602, "unknown tool"), &mut line));
    for orphan in [r#""id":null,"#, ""] {
        let orphan = format!(r#"{{"jsonrpc":"2.0",{orphan}"error":{{"code":-32700,"message":"m"}}}}"#);
        pair.to_client(orphan.as_bytes(), |event| {
            assert!(matches!(event, ClientEvent::Ignored(IgnoredByClient::ErrorWithoutRequest(_))));
        });
    }
    pair.to_client(&line, |event| {
        let ClientEvent::Error { id: failed, error } = event else { panic!("{event:?}") };
        assert_eq!((failed, error.code, &*error.message), (id, -32602, "unknown tool"));
    });
}

#[test]
fn a_server_echoes_ids_with_their_type_and_refuses_one_that_is_in_flight() {
    let mut pair = Pair::operating("2025-11-25");
    for id in [json!(7), json!("7"), json!(""), json!(-3), json!(9_007_199_254_740_993_u64)] {
        let line = json!({"jsonrpc": "2.0", "id": id, "method": "tools/list"}).to_string();
        let mut admitted = None;
        pair.to_server(line.as_bytes(), |event| {
            let ServerEvent::Request { key, .. } = event else { panic!("{event:?}") };
            admitted = Some(key);
        });
        let repeated = pair.to_server(line.as_bytes(), |event| assert!(matches!(event, ServerEvent::Answered)));
        assert_eq!(value(&repeated)["error"]["code"], -32600);
        let mut out = Vec::new();
        assert!(pair.respond(admitted.unwrap(), &json!({}), &mut out));
        assert_eq!(value(&out)["id"], id);
    }
}

#[test]
fn requests_in_flight_are_bounded_on_both_sides() {
    let mut limits = Limits::default();
    limits.requests_in_flight = 2;
    let mut pair = Pair::operating("2025-11-25");
    pair.limits = limits.clone();
    for id in 1..=3 {
        let line = json!({"jsonrpc": "2.0", "id": id, "method": "tools/list"}).to_string();
        let out = pair.to_server(line.as_bytes(), |_| {});
        assert_eq!(out.is_empty(), id < 3);
    }
    let mut client = ClientSession::new(limits);
    let mut out = Vec::new();
    for _ in 0..3 {
        // What could not be written takes no place.
        assert!(matches!(client.request("ping", "no object", PLAIN, &mut out), Err(ApiMisuse::Encode(_))));
    }
    for _ in 0..2 {
        client.request("ping", &(), PLAIN, &mut out).unwrap();
    }
    out.clear();
    let Err(ApiMisuse::Limit(exceeded)) = client.request("ping", &(), PLAIN, &mut out) else { panic!() };
    assert_eq!(exceeded.limit, Limit::RequestsInFlight);
    assert!(out.is_empty());
}

#[test]
fn each_method_is_known_to_a_server_exactly_where_the_table_says() {
    for version in ProtocolVersion::ALL.into_iter().filter(|version| version.has_handshake()) {
        for method in Method::all().filter(|method| !method.is_notification()) {
            let mut pair = Pair::operating(version.as_str());
            let line =
                json!({"jsonrpc": "2.0", "id": 1, "method": method.name(), "params": {"level": "info"}}).to_string();
            let out = pair.to_server(line.as_bytes(), |_| {});
            let unknown = !out.is_empty() && value(&out)["error"]["code"] == -32601;
            let served = method.exists_in(version) && method.sender() != mcp_core::types::method::Sender::Server;
            assert_eq!(unknown, !served, "{} in {version}", method.name());
        }
        let mut pair = Pair::operating(version.as_str());
        let out = pair.to_server(br#"{"jsonrpc":"2.0","id":1,"method":"no/such"}"#, |_| {});
        assert_eq!(value(&out)["error"]["code"], -32601);
    }
}

#[test]
fn a_server_knows_the_notifications_that_a_client_may_send_in_its_revision_and_no_others() {
    for version in ProtocolVersion::ALL.into_iter().filter(|version| version.has_handshake()) {
        let mut pair = Pair::operating(version.as_str());
        for method in Method::all().filter(|method| method.is_notification()) {
            let line = json!({"jsonrpc": "2.0", "method": method.name()}).to_string();
            let known = method.exists_in(version) && method.sender() != mcp_core::types::method::Sender::Server;
            pair.to_server(line.as_bytes(), |event| {
                let unknown = matches!(event, ServerEvent::Ignored(IgnoredByServer::UnknownNotification));
                assert_eq!(unknown, !known, "{} in {version}: {event:?}", method.name());
            });
        }
    }
}

#[test]
fn a_notification_gets_no_answer_whatever_it_is() {
    let mut pair = Pair::operating("2025-11-25");
    for method in ["no/such", "notifications/no_such", "tools/list", "initialize", "notifications/message"] {
        let line = json!({"jsonrpc": "2.0", "method": method}).to_string();
        assert!(pair.to_server(line.as_bytes(), |_| {}).is_empty(), "{method}");
        assert!(pair.to_client(line.as_bytes(), |_| {}).is_empty(), "{method}");
    }
}

// Ping and other requests of the server: R-LM-34, R-LM-75.

#[test]
fn a_client_answers_a_ping_also_before_the_handshake_is_done_and_refuses_what_it_does_not_offer() {
    let mut client = ClientSession::new(Limits::default());
    client.initialize(&hello("2025-11-25"), None, &mut Vec::new()).unwrap();
    let mut out = Vec::new();
    client.handle_message(message(br#"{"jsonrpc":"2.0","id":"p1","method":"ping"}"#), &mut out);
    assert_eq!(value(&out), json!({"jsonrpc": "2.0", "id": "p1", "result": {}}));
    for method in ["roots/list", "sampling/createMessage", "elicitation/create", "tools/call", "no/such"] {
        let mut out = Vec::new();
        let line = json!({"jsonrpc": "2.0", "id": 5, "method": method, "params": {}}).to_string();
        let event = client.handle_message(message(line.as_bytes()), &mut out);
        assert!(matches!(event, ClientEvent::Answered));
        assert_eq!((&value(&out)["id"], &value(&out)["error"]["code"]), (&json!(5), &json!(-32601)), "{method}");
    }
}

// Cancellation: R-LM-27, R-LM-77 to R-LM-79.

#[test]
fn a_cancelled_request_stops_at_the_server_and_its_late_answer_is_ignored() {
    let mut pair = Pair::operating("2025-11-25");
    let (id, key) = call(&mut pair, PLAIN);
    let mut answer = Vec::new();
    // The answer crosses the cancellation.
    let mut line = Vec::new();
    assert!(pair.client.cancel(id, Some("changed my mind"), &mut line));
    assert!(!pair.client.cancel(id, None, &mut Vec::new()), "once");
    assert!(pair.respond(key, &json!({}), &mut answer));
    pair.to_client(&answer, |event| assert!(matches!(event, ClientEvent::Ignored(_))));
    pair.to_server(&line, |event| {
        assert!(matches!(event, ServerEvent::Ignored(IgnoredByServer::UnknownCancellation)));
    });

    let (id, key) = call(&mut pair, PLAIN);
    let mut line = Vec::new();
    pair.client.cancel(id, Some("changed my mind"), &mut line);
    assert_eq!(value(&line)["params"], json!({"requestId": id, "reason": "changed my mind"}));
    let out = pair.to_server(&line, |event| {
        let ServerEvent::Cancelled { key: cancelled, reason } = event else { panic!("{event:?}") };
        assert_eq!((cancelled, reason.as_deref()), (key, Some("changed my mind")));
    });
    assert!(out.is_empty());
    let mut out = Vec::new();
    assert!(!pair.respond(key, &json!({}), &mut out), "no answer after a cancellation");
    assert!(out.is_empty());
}

#[test]
fn malformed_and_unknown_cancellations_are_ignored() {
    let mut pair = Pair::operating("2025-11-25");
    let (_, key) = call(&mut pair, PLAIN);
    for params in [json!({}), json!({"requestId": null}), json!({"requestId": 99}), json!({"requestId": "1"})] {
        let line = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params}).to_string();
        let out = pair.to_server(line.as_bytes(), |event| {
            assert!(matches!(event, ServerEvent::Ignored(IgnoredByServer::UnknownCancellation)), "{event:?}");
        });
        assert!(out.is_empty());
    }
    assert!(pair.respond(key, &json!({}), &mut Vec::new()));
}

#[test]
fn giving_up_the_handshake_tells_the_server_nothing() {
    let mut client = ClientSession::new(Limits::default());
    let id = client.initialize(&hello("2025-11-25"), None, &mut Vec::new()).unwrap();
    let mut out = Vec::new();
    assert!(client.cancel(id, None, &mut out));
    assert!(out.is_empty());
}

#[test]
fn a_handshake_that_could_not_be_sent_may_be_repeated() {
    let mut client = ClientSession::new(Limits::default());
    let id = client.initialize(&hello("2025-11-25"), None, &mut Vec::new()).unwrap();
    assert!(client.forget(id));
    assert_eq!(client.phase(), Phase::New);
    let again = client.initialize(&hello("2025-11-25"), None, &mut Vec::new()).unwrap();
    assert_ne!(id, again, "R-LM-3");
}

// Deadlines: R-LM-29, R-SSE-11.

#[test]
fn a_request_times_out_at_its_deadline_and_names_it() {
    let mut pair = Pair::operating("2025-11-25");
    let deadline = |pair: &Pair, seconds| Deadline::after(pair.now, Duration::from_secs(seconds), Cause::Call);
    let (late, soon) = (deadline(&pair, 20), deadline(&pair, 10));
    let (second, _) = call(&mut pair, RequestOptions { deadline: Some(late), ..RequestOptions::PLAIN });
    let (first, _) = call(&mut pair, RequestOptions { deadline: Some(soon), ..RequestOptions::PLAIN });
    call(&mut pair, PLAIN);
    assert_eq!(pair.client.next_timeout(), Some(soon.at));

    pair.advance(Duration::from_millis(9_999));
    assert_eq!(pair.client.handle_timeout(pair.now), None);
    pair.advance(Duration::from_millis(1));
    assert_eq!(pair.client.handle_timeout(pair.now), Some((first, soon)));
    assert_eq!(pair.client.handle_timeout(pair.now), None, "each deadline passes once");
    assert!(pair.client.cancel(first, Some("timed out"), &mut Vec::new()), "the server is told");

    assert_eq!(pair.client.next_timeout(), Some(late.at));
    pair.advance(Duration::from_secs(60));
    assert_eq!(pair.client.handle_timeout(pair.now), Some((second, late)));
    assert_eq!(pair.client.next_timeout(), None);
}

// Progress: R-LM-82 to R-LM-84.

#[test]
fn progress_reaches_the_request_that_asked_for_it_until_it_is_answered() {
    let mut pair = Pair::operating("2025-11-25");
    let (id, key) = call(&mut pair, RequestOptions { progress: true, ..RequestOptions::PLAIN });
    let step = Progress { progress_token: id.into(), progress: 1.5, total: Some(3.0), message: Some("half".into()) };
    let mut line = Vec::new();
    assert!(pair.server.progress(key, &step, &mut line));
    pair.to_client(&line, |event| {
        let ClientEvent::Progress { id: moved, progress } = event else { panic!("{event:?}") };
        assert_eq!((moved, progress.progress, progress.total), (id, 1.5, Some(3.0)));
        assert_eq!(progress.message.as_deref(), Some("half"));
    });
    let mut answer = Vec::new();
    pair.respond(key, &json!({}), &mut answer);
    assert!(!pair.server.progress(key, &step, &mut Vec::new()), "nothing after the answer");
    pair.to_client(&answer, |_| {});
    pair.to_client(&line, |event| {
        assert!(matches!(event, ClientEvent::Ignored(IgnoredByClient::UnknownProgress)));
    });
}

#[test]
fn progress_that_was_not_asked_for_or_is_malformed_is_ignored() {
    let mut pair = Pair::operating("2025-11-25");
    let (id, _) = call(&mut pair, PLAIN);
    for params in [
        json!({"progressToken": id, "progress": 1}),
        json!({"progressToken": id.to_string(), "progress": 1}),
        json!({"progressToken": id}),
        json!({"progressToken": 1.5, "progress": 1}),
    ] {
        let line = json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": params}).to_string();
        pair.to_client(line.as_bytes(), |event| assert!(matches!(event, ClientEvent::Ignored(_)), "{event:?}"));
    }
}

#[test]
fn the_oldest_revision_gets_progress_without_a_message() {
    let mut pair = Pair::operating("2024-11-05");
    let (id, key) = call(&mut pair, RequestOptions { progress: true, ..RequestOptions::PLAIN });
    let step = Progress { progress_token: id.into(), progress: 1.0, total: None, message: Some("m".into()) };
    let mut line = Vec::new();
    pair.server.progress(key, &step, &mut line);
    assert_eq!(value(&line)["params"], json!({"progressToken": id, "progress": 1.0}));
}

/// JSON has no such numbers; `null` would go out in their place.
#[test]
fn progress_that_is_no_number_is_not_sent() {
    let mut pair = Pair::operating("2025-11-25");
    let (id, key) = call(&mut pair, RequestOptions { progress: true, ..RequestOptions::PLAIN });
    let step = |progress, total| Progress { progress_token: id.into(), progress, total, message: None };
    let mut line = Vec::new();
    for nothing in [f64::NAN, f64::INFINITY] {
        assert!(!pair.server.progress(key, &step(nothing, None), &mut line));
        assert!(line.is_empty());
    }
    assert!(pair.server.progress(key, &step(0.5, Some(f64::NAN)), &mut line));
    assert_eq!(value(&line)["params"], json!({"progressToken": id, "progress": 0.5}));
}

// Logging: R-LM-88 to R-LM-90.

#[test]
fn log_messages_come_from_the_level_that_the_client_set() {
    let mut pair = Pair::operating("2025-11-25");
    let set = |pair: &mut Pair, level: &str| {
        let line =
            json!({"jsonrpc": "2.0", "id": 1, "method": "logging/setLevel", "params": {"level": level}}).to_string();
        value(&pair.to_server(line.as_bytes(), |_| {}))
    };
    assert_eq!(set(&mut pair, "warning")["result"], json!({}));
    assert_eq!(set(&mut pair, "loud")["error"]["code"], -32602);
    let mut line = Vec::new();
    assert!(!pair.server.log(LoggingLevel::Notice, None, "quiet", &mut line).unwrap());
    assert!(line.is_empty());
    assert!(pair.server.log(LoggingLevel::Warning, Some("db"), &json!({"n": 1}), &mut line).unwrap());
    pair.to_client(&line, |event| {
        let ClientEvent::Log(log) = event else { panic!("{event:?}") };
        assert_eq!(
            (log.level, log.logger.as_deref(), log.data.get()),
            (LoggingLevel::Warning, Some("db"), "{\"n\":1}")
        );
    });
}

#[test]
fn a_server_that_does_not_log_does_not_know_the_method() {
    let mut pair = Pair::operating("2025-11-25");
    pair.capabilities.logging = None;
    let line = br#"{"jsonrpc":"2.0","id":1,"method":"logging/setLevel","params":{"level":"info"}}"#;
    assert_eq!(value(&pair.to_server(line, |_| {}))["error"]["code"], -32601);
}

// The end: R-LM-28.

#[test]
fn closing_gives_up_all_requests_and_refuses_what_comes_after() {
    let mut pair = Pair::operating("2025-11-25");
    let calls: Vec<_> = (0..3).map(|_| call(&mut pair, PLAIN)).collect();
    let lost: Vec<u64> = pair.client.close().collect();
    assert_eq!(lost, calls.iter().map(|(id, _)| *id).collect::<Vec<_>>());
    let abandoned: Vec<_> = pair.server.close().collect();
    assert_eq!(abandoned, calls.iter().map(|(_, key)| *key).collect::<Vec<_>>());
    assert!(pair.client.request("ping", &(), PLAIN, &mut Vec::new()).is_err());
    let mut out = Vec::new();
    assert!(!pair.respond(calls[0].1, &json!({}), &mut out));
    assert!(out.is_empty());
}
