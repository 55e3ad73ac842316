//! What servers ask: by requests where the revision has them, and by results that ask for input where it has those.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crossbeam_channel::bounded;
use mcp_core::revision::ProtocolVersion;
use mcp_core::types::{CreateMessageResult, ElicitAction, ElicitResult, Root};
use mcp_sse_blocking::{
    Builder, CallOptions, Client, Error, FormRequest, InputError, PeerError, Refusal, Unanswered, memory::End,
};
use mcp_tests::scripted_lines::{Script, Server};
use serde_json::{Value, json};

const NEWEST: ProtocolVersion = ProtocolVersion::V2026_07_28;
const WITH_HANDSHAKE: [ProtocolVersion; 4] = [
    ProtocolVersion::V2024_11_05,
    ProtocolVersion::V2025_03_26,
    ProtocolVersion::V2025_06_18,
    ProtocolVersion::V2025_11_25,
];

fn builder(end: End) -> Builder {
    Client::over_memory_builder(end).call_timeout(Duration::from_secs(5))
}

fn everything() -> Value {
    json!({"tools": {}, "resources": {}, "prompts": {}})
}

/// A client with all handlers, in a session of `version`.
fn answering<T: Send + 'static>(
    version: ProtocolVersion,
    script: impl FnOnce(&mut Server) -> T + Send + 'static,
) -> (Script<T>, Client) {
    let (script, end) = Script::run(version, everything(), script);
    let builder = builder(end)
        .roots([Root::new("file:///work")])
        .on_elicitation(FormRequest::accept_defaults)
        .on_url_elicitation(|_| ElicitAction::Accept)
        .on_sampling(|asked| Ok(CreateMessageResult::text("model", asked.params.messages[0].content.all_text())));
    (script, builder.connect().expect("it connects"))
}

fn form() -> Value {
    json!({"message": "who?", "requestedSchema": {"type": "object", "required": ["name"],
        "properties": {"name": {"type": "string", "default": "Ada"}}}})
}

fn question() -> Value {
    json!({"messages": [{"role": "user", "content": {"type": "text", "text": "2+2"}}], "maxTokens": 5})
}

fn text(text: &str) -> Value {
    json!({"content": [{"type": "text", "text": text}]})
}

/// A result that asks; `state` may be absent.
fn asks(requests: Value, state: Option<&str>) -> Value {
    let mut result = json!({"resultType": "input_required"});
    if !requests.is_null() {
        result["inputRequests"] = requests;
    }
    if let Some(state) = state {
        result["requestState"] = state.into();
    }
    result
}

#[test]
fn requests_of_the_server_are_answered_while_a_call_waits() {
    // R-FC-1, R-FC-6, R-FC-22
    for version in WITH_HANDSHAKE {
        let (script, client) = answering(version, move |server| {
            let call = server.expect("tools/call");
            let mut ask = |id: u32, method: &str, params: Value| {
                server.send(json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
                let answer = server.message();
                assert_eq!(answer["id"], id, "{answer}");
                answer
            };
            assert_eq!(ask(1, "roots/list", json!({}))["result"], json!({"roots": [{"uri": "file:///work"}]}));
            let sampled = ask(2, "sampling/createMessage", question());
            assert_eq!(sampled["result"]["content"], json!({"type": "text", "text": "2+2"}));
            let elicited = ask(3, "elicitation/create", form());
            if version.has_elicitation() {
                assert_eq!(elicited["result"], json!({"action": "accept", "content": {"name": "Ada"}}));
            } else {
                // R-LM-34
                assert_eq!(elicited["error"]["code"], -32601);
            }
            server.result(&call, text("done"));
        });
        assert_eq!(client.call("slow", &()).unwrap().all_text(), "done");
        script.finish();
    }
}

#[test]
fn refusals_and_failures_reach_the_server_as_errors() {
    // R-FC-3, R-FC-13, R-FC-18
    let (script, end) = Script::run(ProtocolVersion::V2025_11_25, everything(), |server| {
        let call = server.expect("tools/call");
        let url = json!({"mode": "url", "message": "?", "url": "https://example.com", "elicitationId": "1"});
        let questions = [
            ("sampling/createMessage", question(), -1),
            ("elicitation/create", url, -32602),
            ("elicitation/create", form(), -32603),
            ("roots/list", json!({}), -32601),
        ];
        for (method, params, code) in questions {
            server.send(json!({"jsonrpc": "2.0", "id": method, "method": method, "params": params}));
            let answer = server.message();
            assert_eq!(answer["error"]["code"], code, "{answer}");
        }
        server.result(&call, text("done"));
    });
    let builder = builder(end)
        .on_sampling(|_| Err(Refusal::Rejected))
        .on_elicitation(|_| ElicitResult::accept(serde_json::Map::new()));
    builder.connect().unwrap().call("slow", &()).unwrap();
    script.finish();
}

#[test]
fn changed_roots_are_told_where_the_revision_has_a_notification_for_that() {
    // R-FC-2
    let (script, client) = answering(ProtocolVersion::V2025_11_25, |server| {
        server.expect("notifications/roots/list_changed");
        server.send(json!({"jsonrpc": "2.0", "id": 1, "method": "roots/list"}));
        server.message()["result"].clone()
    });
    client.set_roots([Root::new("file:///new")]).unwrap();
    assert_eq!(script.finish(), json!({"roots": [{"uri": "file:///new"}]}));

    let (script, client) = answering(NEWEST, |server| {
        let call = server.expect("tools/call");
        server.result(&call, asks(json!({"r": {"method": "roots/list"}}), None));
        let call = server.expect("tools/call");
        server.result(&call, text("done"));
        call["params"]["inputResponses"].clone()
    });
    client.set_roots([Root::new("file:///new")]).unwrap();
    client.call("x", &()).unwrap();
    assert_eq!(script.finish(), json!({"r": {"roots": [{"uri": "file:///new"}]}}));

    let (script, end) = Script::run(ProtocolVersion::V2025_11_25, everything(), |_| ());
    let error = builder(end).connect().unwrap().set_roots([]).unwrap_err();
    assert!(matches!(error, Error::Usage(_)), "{error}");
    script.finish();
}

#[test]
fn a_call_is_made_again_with_the_answers_under_a_new_id() {
    // R-LM-66 to R-LM-69, R-FC, section C of 2026-07-28
    let (script, client) = answering(NEWEST, |server| {
        let first = server.expect("tools/call");
        let requests = json!({
            "who": {"method": "elicitation/create", "params": form()},
            "page": {"method": "elicitation/create", "params": {"mode": "url", "message": "?", "url": "https://example.com"}},
            "what": {"method": "sampling/createMessage", "params": question()},
            "where": {"method": "roots/list"},
        });
        server.result(&first, asks(requests, Some(r#"{"a":"ä\n"}"#)));
        let second = server.expect("tools/call");
        assert_ne!(first["id"], second["id"]);
        let params = &second["params"];
        assert_eq!(params["arguments"], json!({"a": [1, 2.5]}));
        assert_eq!(params["requestState"], r#"{"a":"ä\n"}"#);
        let sampled = json!({"role": "assistant", "content": {"type": "text", "text": "2+2"}, "model": "model",
            "stopReason": "endTurn"});
        assert_eq!(
            params["inputResponses"],
            json!({"who": {"action": "accept", "content": {"name": "Ada"}}, "page": {"action": "accept"}, "what": sampled,
                "where": {"roots": [{"uri": "file:///work"}]}})
        );
        // The second time without state: what was before is not in it.
        server.result(&second, asks(json!({"again": {"method": "roots/list"}}), None));
        let third = server.expect("tools/call");
        assert!(third["params"].get("requestState").is_none(), "{third}");
        assert_eq!(third["params"]["inputResponses"].as_object().unwrap().len(), 1);
        server.result(&third, text("done"));
        // What is unrelated has no trace of it (R-LM-69).
        let other = server.expect("tools/call");
        assert!(other["params"].get("inputResponses").is_none() && other["params"].get("requestState").is_none());
        server.result(&other, json!({"content": [], "resultType": "complete"}));
    });
    assert_eq!(client.call("x", &json!({"a": [1, 2.5]})).unwrap().all_text(), "done");
    client.call("y", &()).unwrap();
    script.finish();
}

#[test]
fn prompts_and_resources_may_ask_too_and_a_started_call_answers_by_itself() {
    // R-LM-64
    let (script, client) = answering(NEWEST, |server| {
        let rounds = [
            ("prompts/get", json!({"messages": []})),
            ("resources/read", json!({"contents": [], "ttlMs": 60000, "cacheScope": "private"})),
            // What was asked about is not kept (R-LM-59): it is read again.
            ("resources/read", json!({"contents": [], "ttlMs": 60000, "cacheScope": "private"})),
            ("tools/call", text("done")),
        ];
        for (method, result) in rounds {
            let first = server.expect(method);
            server.result(&first, asks(json!({"r": {"method": "roots/list"}}), Some("s")));
            let second = server.expect(method);
            assert_eq!(second["params"]["requestState"], "s");
            server.result(&second, result);
        }
    });
    client.get_prompt("p", &json!({"a": "b"})).unwrap();
    client.read_resource("file:///a").unwrap();
    client.read_resource("file:///a").unwrap();
    let job = client.start("x", &()).unwrap();
    assert_eq!(job.result().unwrap().all_text(), "done");
    script.finish();
}

#[test]
fn a_refusal_of_the_user_stops_the_call_and_says_what_was_asked() {
    // R-LM-71, R-FC-13
    type Set = fn(Builder) -> Builder;
    type Expected = fn(&Unanswered) -> bool;
    let cases: [(&str, Value, Set, Expected); 6] = [
        (
            "sampling/createMessage",
            question(),
            |builder| builder.on_sampling(|_| Err(Refusal::Rejected)),
            |why| matches!(why, Unanswered::Refused),
        ),
        ("sampling/createMessage", question(), |builder| builder, |why| matches!(why, Unanswered::NotOffered)),
        (
            "roots/list",
            json!({}),
            |builder| builder.on_roots(|| Err(Refusal::Failed("no disk".into()))),
            |why| matches!(why, Unanswered::Failed(why) if why == "no disk"),
        ),
        (
            "elicitation/create",
            form(),
            |builder| builder.on_elicitation(|_| ElicitResult::accept(serde_json::Map::new())),
            |why| matches!(why, Unanswered::Unfit(_)),
        ),
        (
            "elicitation/create",
            form(),
            |builder| builder.on_url_elicitation(|_| ElicitAction::Accept),
            |why| matches!(why, Unanswered::Invalid(_)),
        ),
        ("tools/list", json!({}), |builder| builder.roots([]), |why| matches!(why, Unanswered::NotOffered)),
    ];
    for (method, params, set, is_expected) in cases {
        let (script, end) = Script::run(NEWEST, everything(), move |server| {
            let call = server.expect("tools/call");
            server.result(&call, asks(json!({"the key": {"method": method, "params": params}}), Some("s")));
            // Nothing follows but the end.
            assert_eq!(server.try_next(), None);
        });
        let client = set(builder(end)).connect().unwrap();
        let error = client.call("x", &()).unwrap_err();
        let Error::Input(input) = &error else { panic!("{error}") };
        let InputError::Unanswered { method: asked, key, why } = &**input else { panic!("{error}") };
        assert_eq!((asked.as_str(), key.as_str()), (method, "the key"));
        assert!(is_expected(why), "{error}");
        drop(client);
        script.finish();
    }
}

#[test]
fn declining_a_form_is_an_answer() {
    // R-LM-71, R-FC-23
    for (answer, action) in [(ElicitResult::decline(), "decline"), (ElicitResult::cancel(), "cancel")] {
        let (script, end) = Script::run(NEWEST, everything(), |server| {
            let call = server.expect("tools/call");
            server.result(&call, asks(json!({"who": {"method": "elicitation/create", "params": form()}}), None));
            let call = server.expect("tools/call");
            server.result(&call, text("done"));
            call["params"]["inputResponses"]["who"].clone()
        });
        let client = builder(end).on_elicitation(move |_| answer.clone()).connect().unwrap();
        client.call("x", &()).unwrap();
        assert_eq!(script.finish(), json!({"action": action}));
    }
}

#[test]
fn a_type_of_result_that_nobody_agreed_on_is_the_peers_fault() {
    // R-LM-56, R-LM-64
    let (script, client) = answering(NEWEST, |server| {
        let call = server.expect("tools/call");
        server.result(&call, json!({"resultType": "task", "taskId": "1"}));
        let list = server.expect("tools/list");
        server.result(&list, asks(Value::Null, Some("s")));
        let call = server.expect("tools/call");
        server.result(&call, text("after"));
    });
    for error in [client.call("x", &()).unwrap_err(), client.tools().next().unwrap().unwrap_err()] {
        assert!(matches!(&error, Error::Peer(PeerError::Result { .. })), "{error}");
    }
    assert_eq!(client.call("x", &()).unwrap().all_text(), "after");
    script.finish();
}

#[test]
fn a_server_that_only_sheds_load_is_asked_again_and_rounds_are_bounded() {
    // R-LM-70
    let (script, end) = Script::run(NEWEST, everything(), |server| {
        for round in 0..4 {
            let call = server.expect("tools/call");
            assert!(call["params"].get("inputResponses").is_none(), "{call}");
            server.result(&call, asks(Value::Null, Some(&round.to_string())));
        }
        let call = server.expect("tools/call");
        server.result(&call, text("fresh"));
    });
    let mut limits = mcp_core::Limits::default();
    limits.input_rounds = 3;
    let client = builder(end).limits(limits).connect().unwrap();
    let error = client.call("x", &()).unwrap_err();
    assert!(matches!(error, Error::Limit(_)) && error.to_string().contains("input_rounds"), "{error}");
    assert_eq!(client.call("x", &()).unwrap().all_text(), "fresh");
    script.finish();
}

#[test]
fn all_rounds_together_have_the_one_deadline_of_the_call() {
    // R-LM-29
    let (script, client) = answering(NEWEST, |server| {
        let mut rounds = 0;
        while let Some(call) = server.try_next() {
            if call["method"] == "tools/call" {
                rounds += 1;
                server.result(&call, asks(Value::Null, Some("s")));
            }
        }
        rounds
    });
    let begun = Instant::now();
    let error = client.call_with("x", &(), CallOptions::new().timeout(Duration::from_millis(500))).unwrap_err();
    assert!(matches!(error, Error::Timeout(timeout) if timeout.after == Some(Duration::from_millis(500))), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(3));
    drop(client);
    // Pauses of 100, 200 and 400 ms do not fit into half a second.
    assert!((2..=4).contains(&script.finish()));
}

#[test]
fn a_started_call_can_be_cancelled_in_a_later_round() {
    // R-LM-77
    let (seen, second) = bounded(1);
    let (script, client) = answering(NEWEST, move |server| {
        let call = server.expect("tools/call");
        server.result(&call, asks(Value::Null, Some("s")));
        let again = server.expect("tools/call");
        assert_eq!(again["params"]["requestState"], "s");
        seen.send(()).unwrap();
        // The cancellation leaves in the background, so that the next call may overtake it.
        let mut cancelled = false;
        for message in [server.message(), server.message()] {
            if message["method"] == "tools/call" {
                server.result(&message, text("after"));
            } else {
                assert_eq!(message["params"]["requestId"], again["id"], "{message}");
                cancelled = true;
            }
        }
        cancelled
    });
    let job = client.start("x", &()).unwrap();
    second.recv_timeout(Duration::from_secs(5)).unwrap();
    assert!(job.canceller().cancel("changed my mind"));
    assert!(matches!(job.result(), Err(Error::Cancelled(_))));
    assert_eq!(client.call("y", &()).unwrap().all_text(), "after");
    assert!(script.finish());
}

#[test]
fn pages_that_have_to_be_visited_first_are_told_by_a_typed_error() {
    // R-FC-28
    let (script, client) = answering(ProtocolVersion::V2025_11_25, |server| {
        for _ in 0..2 {
            let call = server.expect("tools/call");
            let page =
                json!({"mode": "url", "elicitationId": "e1", "url": "https://example.com/pay", "message": "pay"});
            let error = json!({"code": -32042, "message": "visit a page", "data": {"elicitations": [page]}});
            server.send(json!({"jsonrpc": "2.0", "id": call["id"], "error": error}));
        }
    });
    let started = client.start("x", &()).unwrap().result().unwrap_err();
    assert!(matches!(started, Error::Input(_)), "{started}");
    let error = client.call("x", &()).unwrap_err();
    let Error::Input(input) = &error else { panic!("{error}") };
    let InputError::UrlRequired { elicitations, .. } = &**input else { panic!("{error}") };
    assert_eq!(
        (elicitations[0].url.as_str(), elicitations[0].elicitation_id.as_deref()),
        ("https://example.com/pay", Some("e1"))
    );
    script.finish();
}

#[test]
fn a_handler_that_panics_harms_nobody_else() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let handler = move |form: &FormRequest| match count.fetch_add(1, Ordering::Relaxed) {
        0 => panic!("on purpose"),
        _ => form.accept_defaults(),
    };
    let (script, end) = Script::run(ProtocolVersion::V2025_11_25, everything(), |server| {
        let call = server.expect("tools/call");
        for expected in ["error", "result"] {
            server.send(json!({"jsonrpc": "2.0", "id": expected, "method": "elicitation/create", "params": form()}));
            assert!(server.message().get(expected).is_some());
        }
        server.result(&call, text("done"));
    });
    builder(end).on_elicitation(handler).connect().unwrap().call("x", &()).unwrap();
    assert_eq!(asked.load(Ordering::Relaxed), 2);
    script.finish();
}

#[test]
fn a_handler_is_told_who_asks() {
    // R-FC-21
    for version in [ProtocolVersion::V2025_11_25, NEWEST] {
        let who = Arc::new(Mutex::new(String::new()));
        let told = Arc::clone(&who);
        let (script, end) = Script::run(version, everything(), move |server| {
            let call = server.expect("tools/call");
            if version.has_server_requests() {
                server.send(json!({"jsonrpc": "2.0", "id": 1, "method": "elicitation/create", "params": form()}));
                server.message();
                return server.result(&call, text("done"));
            }
            server.result(&call, asks(json!({"who": {"method": "elicitation/create", "params": form()}}), None));
            let call = server.expect("tools/call");
            server.result(&call, text("done"));
        });
        let client = builder(end)
            .on_elicitation(move |form| {
                told.lock().unwrap().push_str(&form.server.name);
                form.accept_defaults()
            })
            .connect()
            .unwrap();
        client.call("x", &()).unwrap();
        assert_eq!(*who.lock().unwrap(), "scripted", "{version}");
        script.finish();
    }
}
