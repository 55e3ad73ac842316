//! What differs between the eras as sessions see it: requests that stand alone, questions of servers, who watches what.

// In helpers too a panic is the report.
#![allow(clippy::unwrap_used)]

use mcp_core::Limits;
use mcp_core::jsonrpc::{ErrorObject, Message, Request, RequestId, code};
use mcp_core::revision::ProtocolVersion;
use mcp_core::session::{
    ApiMisuse, AskKey, AskedKey, Claim, ClientEvent, ClientProfile, ClientSession, IgnoredByClient, InputRequired,
    Reply, RequestOptions, ServerEvent, ServerProfile, ServerSession, requested_method,
};
use mcp_core::types::{
    CacheHints, CacheScope, ClientCapabilities, Implementation, InitializeParams, JsonObject, LoggingLevel, Method,
    ServerCapabilities,
};
use mcp_tests::pair::{Pair, message};
use serde_json::{Value, json};

const LATEST: ProtocolVersion = ProtocolVersion::LATEST;

fn capabilities(json: Value) -> ClientCapabilities {
    serde_json::from_value(json).unwrap()
}

fn object(json: Value) -> JsonObject {
    json.as_object().unwrap().clone()
}

fn stateless_client(offers: Value) -> ClientSession {
    let info = Implementation::new("alone", "2.0.0");
    let capabilities = capabilities(offers);
    let profile = ClientProfile { info: &info, capabilities: &capabilities };
    ClientSession::stateless(Limits::default(), LATEST, &profile).unwrap()
}

fn json(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap()
}

fn request(bytes: &[u8]) -> Request<'_> {
    let Message::Request(request) = message(bytes) else { panic!("no request") };
    request
}

/// What a server's session answers to one request that stands alone.
fn answered(bytes: &[u8], answer: impl FnOnce(&mut ServerSession, &ServerProfile<'_>, &mut Vec<u8>)) -> Value {
    let (info, capabilities) = (Implementation::new("lone-server", "1.0.0"), ServerCapabilities::default());
    let profile = ServerProfile { info: &info, capabilities: &capabilities, instructions: None };
    let request = request(bytes);
    let claim = Claim::of(request.params).unwrap().unwrap();
    let (mut session, _) = ServerSession::stateless(claim.revision().unwrap(), &request.id, &claim);
    let mut out = Vec::new();
    answer(&mut session, &profile, &mut out);
    json(&out)
}

#[test]
fn a_request_that_stands_alone_says_who_asks_and_what_it_can_be_asked() {
    // R-LM-46, R-LM-47, R-LM-48, R-LM-33
    let mut client = stateless_client(json!({"sampling": {}}));
    let mut out = Vec::new();
    client.request("tools/call", &json!({"name": "x"}), RequestOptions::PLAIN, &mut out).unwrap();
    let meta = &json(&out)["params"]["_meta"];
    assert_eq!(
        *meta,
        json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientInfo": {"name": "alone", "version": "2.0.0"},
            "io.modelcontextprotocol/clientCapabilities": {"sampling": {}},
        })
    );
}

#[test]
fn a_level_is_said_with_each_request_and_the_caller_s_own_members_stand_beside() {
    // R-LM-49, R-LM-45, R-LM-82
    let mut client = stateless_client(json!({}));
    client.set_level(Some(LoggingLevel::Warning));
    let own = object(json!({"traceparent": "00-1-2-01", "io.modelcontextprotocol/protocolVersion": "forged"}));
    let options = RequestOptions { progress: true, meta: Some(&own), ..RequestOptions::PLAIN };
    let mut out = Vec::new();
    let id = client.request("tools/list", &(), options, &mut out).unwrap();
    let meta = &json(&out)["params"]["_meta"];
    assert_eq!(meta["io.modelcontextprotocol/logLevel"], "warning");
    assert_eq!(meta["io.modelcontextprotocol/protocolVersion"], "2026-07-28");
    assert_eq!(meta["traceparent"], "00-1-2-01");
    assert_eq!(meta["progressToken"], id);

    out.clear();
    let options = RequestOptions { level: Some(LoggingLevel::Debug), ..RequestOptions::PLAIN };
    client.request("tools/list", &(), options, &mut out).unwrap();
    assert_eq!(json(&out)["params"]["_meta"]["io.modelcontextprotocol/logLevel"], "debug");
}

#[test]
fn with_a_handshake_only_what_the_caller_adds_is_in_the_meta() {
    let mut pair = Pair::operating("2025-11-25");
    let mut out = Vec::new();
    pair.client.set_level(Some(LoggingLevel::Debug));
    pair.client.request("tools/list", &(), RequestOptions::PLAIN, &mut out).unwrap();
    assert_eq!(json(&out)["params"], Value::Null);
    out.clear();
    let own = object(json!({"com.example/x": 1}));
    let options = RequestOptions { meta: Some(&own), ..RequestOptions::PLAIN };
    pair.client.request("tools/list", &(), options, &mut out).unwrap();
    assert_eq!(json(&out)["params"], json!({"_meta": {"com.example/x": 1}}));
}

#[test]
fn a_result_says_its_type_its_server_and_how_long_it_is_fresh() {
    // R-LM-50, R-LM-55, R-LM-57
    let mut client = stateless_client(json!({}));
    let mut out = Vec::new();
    client.request("tools/list", &(), RequestOptions::PLAIN, &mut out).unwrap();
    let own = object(json!({"com.example/x": 1, "io.modelcontextprotocol/serverInfo": "forged"}));
    let hints = CacheHints::new(5000, CacheScope::Public);
    let answer = answered(&out, |session, profile, out| {
        let (result, key) = (json!({"tools": []}), in_flight(session));
        let reply = Reply { result: &result, meta: Some(&own), hints: Some(hints) };
        assert!(session.respond(profile, key, &reply, out).unwrap());
        assert_eq!(session.in_flight(), 0);
    });
    assert_eq!(
        answer["result"],
        json!({
            "resultType": "complete", "ttlMs": 5000, "cacheScope": "public", "tools": [],
            "_meta": {"com.example/x": 1, "io.modelcontextprotocol/serverInfo": {"name": "lone-server", "version": "1.0.0"}},
        })
    );
}

/// The key of the one request in flight: the first that a session gives out.
fn in_flight(session: &ServerSession) -> mcp_core::session::RequestKey {
    assert_eq!(session.in_flight(), 1);
    let id = RequestId::from(1);
    let text = r#"{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}"#;
    let params = serde_json::from_str(text).unwrap();
    ServerSession::stateless(LATEST, &id, &Claim::of(Some(params)).unwrap().unwrap()).1
}

#[test]
fn a_handshake_s_result_has_none_of_it() {
    let mut pair = Pair::operating("2025-11-25");
    let mut out = Vec::new();
    pair.client.request("tools/list", &(), RequestOptions::PLAIN, &mut out).unwrap();
    let mut key = None;
    pair.to_server(&out, |event| {
        let ServerEvent::Request { key: of, .. } = event else { panic!() };
        key = Some(of);
    });
    let (result, own) = (json!({"tools": []}), object(json!({"com.example/x": 1})));
    let reply = Reply { result: &result, meta: Some(&own), hints: Some(CacheHints::default()) };
    let mut answer = Vec::new();
    let profile = ServerProfile { info: &pair.info, capabilities: &pair.capabilities, instructions: None };
    assert!(pair.server.respond(&profile, key.unwrap(), &reply, &mut answer).unwrap());
    assert_eq!(json(&answer)["result"], json!({"tools": [], "_meta": {"com.example/x": 1}}));
}

#[test]
fn where_servers_send_no_requests_input_is_asked_for_in_a_result() {
    // R-LM-65
    let mut client = stateless_client(json!({}));
    let mut out = Vec::new();
    client.request("tools/call", &json!({"name": "x"}), RequestOptions::PLAIN, &mut out).unwrap();
    let answer = answered(&out, |session, profile, out| {
        let questions = json!({"who": {"method": "roots/list"}});
        let wanted = InputRequired { input_requests: Some(&questions), request_state: Some("sealed") };
        assert!(session.respond_input_required(profile, in_flight(session), &wanted, out).unwrap());
    });
    let result = &answer["result"];
    assert_eq!((&result["resultType"], &result["requestState"]), (&json!("input_required"), &json!("sealed")));
    assert_eq!(result["inputRequests"], json!({"who": {"method": "roots/list"}}));
}

#[test]
fn a_request_without_a_log_level_gets_no_log_messages() {
    // R-LM-91
    let mut client = stateless_client(json!({}));
    for (level, sent) in [(None, false), (Some(LoggingLevel::Error), false), (Some(LoggingLevel::Info), true)] {
        let mut out = Vec::new();
        client.set_level(level);
        client.request("tools/call", &json!({"name": "x"}), RequestOptions::PLAIN, &mut out).unwrap();
        let request = request(&out);
        let claim = Claim::of(request.params).unwrap().unwrap();
        let (session, _) = ServerSession::stateless(LATEST, &request.id, &claim);
        assert_eq!(session.log(LoggingLevel::Info, None, "hello", &mut Vec::new()), Ok(sent), "{level:?}");
    }
}

#[test]
fn a_stateless_client_answers_no_request_of_a_server() {
    // R-ST-6, R-ST-16, R-IO-11
    let mut client = stateless_client(json!({"roots": {}, "sampling": {}}));
    for method in ["roots/list", "ping", "unheard/of"] {
        let text = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}"}}"#);
        let mut out = Vec::new();
        let event = client.handle_message(message(text.as_bytes()), &mut out);
        assert!(matches!(event, ClientEvent::Ignored(IgnoredByClient::RequestInStateless)), "{method}");
        assert!(out.is_empty());
    }
}

#[test]
fn a_server_ends_a_subscription_by_a_cancellation() {
    // R-LM-81, and the conflict about it: a cancellation or a result, in any order.
    let mut client = stateless_client(json!({}));
    let mut out = Vec::new();
    let id = client.request("subscriptions/listen", &json!({}), RequestOptions::PLAIN, &mut out).unwrap();
    let text = format!(r#"{{"jsonrpc":"2.0","method":"notifications/cancelled","params":{{"requestId":{id}}}}}"#);
    let event = client.handle_message(message(text.as_bytes()), &mut Vec::new());
    assert!(matches!(event, ClientEvent::Ended { id: of } if of == id));
    let again = client.handle_message(message(text.as_bytes()), &mut Vec::new());
    assert!(matches!(again, ClientEvent::Ignored(IgnoredByClient::Cancellation)));
}

#[test]
fn only_methods_of_the_revision_can_be_requested() {
    // R-LM-34, R-ST-27
    for name in ["initialize", "ping", "logging/setLevel", "resources/subscribe", "unknown/method", "roots/list"] {
        assert_eq!(requested_method(LATEST, name), None, "{name}");
    }
    assert_eq!(requested_method(LATEST, "notifications/cancelled"), None);
    assert_eq!(requested_method(LATEST, "server/discover"), Some(Method::ServerDiscover));
    assert_eq!(requested_method(ProtocolVersion::V2025_11_25, "ping"), Some(Method::Ping));
}

/// A pair whose client offers `offers`.
fn pair_with(version: &str, offers: Value) -> Pair {
    let mut pair = Pair::default();
    let hello = InitializeParams {
        protocol_version: version.to_owned(),
        capabilities: capabilities(offers),
        client_info: Implementation::new("pair-client", "1.0.0"),
    };
    let mut line = Vec::new();
    pair.client.initialize(&hello, None, &mut line).unwrap();
    let answer = pair.to_server(&line, |_| ());
    let initialized = pair.to_client(&answer, |_| ());
    pair.to_server(&initialized, |event| assert!(matches!(event, ServerEvent::Initialized)));
    pair
}

fn ask(pair: &mut Pair, method: Method, params: Value) -> (AskKey, Vec<u8>) {
    let mut line = Vec::new();
    let key = pair.server.ask(&Limits::default(), method, &params, &mut line).unwrap();
    (key, line)
}

/// Carries a question to the client and gives the key under which it is to be answered.
fn asked(pair: &mut Pair, line: &[u8]) -> AskedKey {
    let mut asked = None;
    let nothing = pair.to_client(line, |event| {
        let ClientEvent::Request { key, .. } = event else { panic!("{event:?}") };
        asked = Some(key);
    });
    assert!(nothing.is_empty());
    asked.unwrap()
}

#[test]
fn a_question_finds_its_way_and_its_answer_back() {
    // R-LM-11
    let mut pair = pair_with("2025-06-18", json!({"sampling": {}, "elicitation": {}}));
    assert!(pair.server.offers().elicitation_form && !pair.server.offers().roots);
    let (first, question) = ask(&mut pair, Method::SamplingCreateMessage, json!({"maxTokens": 1, "messages": []}));
    let (second, refused) = ask(&mut pair, Method::ElicitationCreate, json!({"message": "?"}));
    assert_eq!(json(&question)["method"], "sampling/createMessage");
    let (key, other) = (asked(&mut pair, &question), asked(&mut pair, &refused));

    let mut answer = Vec::new();
    assert!(pair.client.respond_error(other, &ErrorObject::new(-1, "no"), &mut answer));
    pair.to_server(&answer, |event| match event {
        ServerEvent::Reply { ask, outcome: Err(error) } => assert_eq!((ask, error.code), (second, -1)),
        other => panic!("{other:?}"),
    });
    let mut answer = Vec::new();
    assert!(pair.client.respond(key, &json!({"model": "m"}), &mut answer).unwrap());
    assert!(!pair.client.respond(key, &json!({}), &mut Vec::new()).unwrap(), "answered once");
    pair.to_server(&answer, |event| match event {
        ServerEvent::Reply { ask, outcome: Ok(result) } => assert_eq!((ask, result.get()), (first, r#"{"model":"m"}"#)),
        other => panic!("{other:?}"),
    });
    pair.to_server(&answer, |event| assert!(matches!(event, ServerEvent::Ignored(_)), "an answer counts once"));
    assert_eq!(pair.server.asked(), 0);
}

#[test]
fn only_what_was_offered_can_be_asked() {
    // R-LM-26, R-FC-3
    let mut pair = pair_with("2025-06-18", json!({"roots": {}}));
    for method in [Method::SamplingCreateMessage, Method::ElicitationCreate, Method::ToolsCall] {
        let refused = pair.server.ask(&Limits::default(), method, &json!({}), &mut Vec::new());
        assert_eq!(refused, Err(ApiMisuse::NotOffered(method)));
    }
    let uninvited = br#"{"jsonrpc":"2.0","id":"q","method":"sampling/createMessage","params":{}}"#;
    let answer = pair.to_client(uninvited, |event| assert!(matches!(event, ClientEvent::Answered)));
    assert_eq!(json(&answer)["error"]["code"], code::METHOD_NOT_FOUND);

    let mut old = pair_with("2025-03-26", json!({"elicitation": {}}));
    let refused = old.server.ask(&Limits::default(), Method::ElicitationCreate, &json!({}), &mut Vec::new());
    assert_eq!(refused, Err(ApiMisuse::NotOffered(Method::ElicitationCreate)), "a method of a later revision");
}

#[test]
fn nothing_is_asked_before_the_handshake() {
    // R-LM-25
    let mut server = ServerSession::new();
    assert!(server.ask(&Limits::default(), Method::Ping, &(), &mut Vec::new()).is_err());
    assert!(!server.notify(Method::NotificationsToolsListChanged, &(), &mut Vec::new()));
}

#[test]
fn a_question_that_is_taken_back_is_not_answered() {
    // R-LM-77, R-LM-78
    let mut pair = pair_with("2025-11-25", json!({"roots": {}}));
    let (key, question) = ask(&mut pair, Method::RootsList, Value::Null);
    let held = asked(&mut pair, &question);
    let mut withdrawal = Vec::new();
    assert!(pair.server.withdraw(key, Some("gone"), &mut withdrawal));
    assert!(!pair.server.withdraw(key, None, &mut Vec::new()));
    pair.to_client(&withdrawal, |event| {
        assert!(matches!(event, ClientEvent::Withdrawn { key } if key == held));
    });
    let mut late = Vec::new();
    assert!(!pair.client.respond(held, &json!({}), &mut late).unwrap());
    assert!(late.is_empty());
}

#[test]
fn questions_without_answers_are_bounded_on_both_sides() {
    let mut limits = Limits::default();
    limits.requests_in_flight = 2;
    let mut pair = pair_with("2025-11-25", json!({"roots": {}}));
    for _ in 0..2 {
        pair.server.ask(&limits, Method::RootsList, &(), &mut Vec::new()).unwrap();
    }
    assert!(matches!(pair.server.ask(&limits, Method::RootsList, &(), &mut Vec::new()), Err(ApiMisuse::Limit(_))));

    let same = br#"{"jsonrpc":"2.0","id":9,"method":"roots/list"}"#;
    asked(&mut pair, same);
    let answer = pair.to_client(same, |event| assert!(matches!(event, ClientEvent::Answered)));
    assert_eq!(json(&answer)["error"]["code"], code::INVALID_REQUEST, "one id, two questions");
}

#[test]
fn a_session_watches_what_it_subscribed_to_and_what_lies_within() {
    // R-FS-29
    let mut limits = Limits::default();
    (limits.subscriptions, limits.uri_bytes) = (2, 32);
    let mut session = ServerSession::new();
    session.subscribe(&limits, "file:///a").unwrap();
    session.subscribe(&limits, "file:///a").unwrap();
    session.subscribe(&limits, "file:///b/").unwrap();
    assert!(session.subscribe(&limits, "file:///c").is_err(), "one too many");
    assert!(session.subscribe(&limits, &"x".repeat(33)).is_err(), "too long");
    for (uri, watched) in
        [("file:///a", true), ("file:///a/1", true), ("file:///ab", false), ("file:///b/x", true), ("file:///b", false)]
    {
        assert_eq!(session.watches(uri), watched, "{uri}");
    }
    assert!(session.unsubscribe("file:///a") && !session.unsubscribe("file:///a"));
    assert!(!session.watches("file:///a"));
}

#[test]
fn what_a_session_watches_has_a_bound_in_bytes() {
    // R-SEC-7: many sessions with as many of the longest URIs as each may have would be gigabytes.
    let limits = Limits::default();
    let mut session = ServerSession::new();
    let uri = |number: usize| format!("{number:08192}");
    (0..8).for_each(|number| session.subscribe(&limits, &uri(number)).unwrap());
    let passed = session.subscribe(&limits, &uri(8)).unwrap_err();
    assert!(passed.to_string().contains("subscription_bytes"), "{passed}");
    session.subscribe(&limits, &uri(7)).expect("it has this one");
    assert!(session.unsubscribe(&uri(7)));
    session.subscribe(&limits, &uri(8)).unwrap();
}

#[test]
fn notifications_go_out_in_revisions_that_have_them() {
    let pair = Pair::operating("2025-06-18");
    let mut out = Vec::new();
    assert!(pair.server.notify(Method::NotificationsToolsListChanged, &(), &mut out));
    assert_eq!(json(&out), json!({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"}));
    assert!(!pair.server.notify(Method::NotificationsElicitationComplete, &(), &mut Vec::new()));
    assert!(!pair.server.notify(Method::ToolsList, &(), &mut Vec::new()), "no notification");
}
