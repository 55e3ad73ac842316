//! From 2026-07-28 on: the call ends with a question and comes again with the answer, and nothing is kept meanwhile.

use super::*;

fn again(tool: &str, responses: Value, state: &str) -> Value {
    json!({"name": tool, "arguments": {}, "inputResponses": responses, "requestState": state})
}

#[test]
fn nothing_is_kept_between_the_rounds() {
    // R-LM-72: not even by the same process.
    let mut first = Service::new("test", "1.0.0");
    first.tool(Tool::new("greet"), greet);
    first.set_state_key([7; 32]);
    let (_, state) = questions(&mut client(first, STATELESS), "tools/call", call("greet"));
    let mut second = Service::new("test", "1.0.0");
    second.tool(Tool::new("greet"), greet);
    second.set_state_key([7; 32]);
    let answer = client(second, STATELESS).ask("tools/call", again("greet", json!({"user": ada()}), &state));
    assert_eq!(text(&answer), "Hello, Ada!");
    // Another process with a key of its own takes it for forged.
    let answer = client(service(), STATELESS).ask("tools/call", again("greet", json!({"user": ada()}), &state));
    assert_eq!(answer["error"]["code"], -32602);
}

#[test]
fn a_state_that_was_changed_is_refused() {
    // R-LM-72
    let mut client = client(service(), STATELESS);
    let (_, state) = questions(&mut client, "tools/call", call("greet"));
    let swapped = |at: usize| {
        let mut bytes = state.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        String::from_utf8(bytes).unwrap()
    };
    let mut forged =
        vec![format!("{state}x"), format!("{state}AAAA"), state[4..].to_owned(), String::new(), "no".into()];
    forged.extend((0..state.len()).step_by(7).map(swapped));
    for forged in forged {
        for responses in [json!({"user": ada()}), json!({})] {
            let answer = client.ask("tools/call", again("greet", responses, &forged));
            assert_eq!(answer["error"]["code"], -32602, "{forged}");
        }
    }
    assert_eq!(text(&client.ask("tools/call", again("greet", json!({"user": ada()}), &state))), "Hello, Ada!");
}

#[test]
fn a_state_belongs_to_one_request_of_one_caller() {
    // R-LM-72: method, parameters and caller.
    let mut service = service();
    service.tool(Tool::new("other").optional_param::<String>("x", ""), greet);
    service.prompt(Prompt::new("other").optional_argument("x", ""), greet);
    let mut client = client(service, STATELESS);
    client.credential = Some(b"token of Ada".to_vec());
    let (_, state) = questions(&mut client, "tools/call", json!({"name": "other", "arguments": {"x": "1"}}));
    let retry = |name: &str, arguments: Value| json!({"name": name, "arguments": arguments, "inputResponses": {"user": ada()}, "requestState": state});
    let code =
        |client: &mut RawService, method: &str, params: Value| client.ask(method, params)["error"]["code"].clone();
    assert_eq!(code(&mut client, "tools/call", retry("greet", json!({"x": "1"}))), -32602);
    assert_eq!(code(&mut client, "tools/call", retry("other", json!({"x": "2"}))), -32602);
    assert_eq!(code(&mut client, "tools/call", retry("other", json!({}))), -32602);
    assert_eq!(code(&mut client, "prompts/get", retry("other", json!({"x": "1"}))), -32602, "a prompt of that name");
    for credential in [None, Some(b"token of Bob".to_vec()), Some(Vec::new())] {
        client.credential = credential;
        assert_eq!(code(&mut client, "tools/call", retry("other", json!({"x": "1"}))), -32602);
    }
    client.credential = Some(b"token of Ada".to_vec());
    let answer = client.ask("tools/call", retry("other", json!({"x": "1"})));
    assert_eq!(text(&answer), "Hello, Ada!");
}

#[test]
fn how_a_client_writes_the_same_arguments_does_not_matter() {
    let mut service = Service::new("test", "1.0.0");
    service.tool(Tool::new("t").optional_param::<String>("a", "").optional_param::<String>("b", ""), greet);
    let mut client = client(service, STATELESS);
    let (_, state) = questions(&mut client, "tools/call", json!({"name": "t", "arguments": {"a": "\u{e4}", "b": "2"}}));
    let meta = r#""_meta":{"progressToken":9,"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"elicitation":{}}}"#;
    let _outcome = client.send_text(&format!(
        r#"{{"jsonrpc":"2.0","id":"x","method":"tools/call","params":{{ "requestState":"{state}","inputResponses":{{"user":{}}},
            "arguments":{{ "b" : "\u0032", "a":"\u00E4" }}, {meta}, "name":"t" }}}}"#,
        ada()
    ).replace('\n', " "));
    assert_eq!(text(&client.sent()[0]), "Hello, Ada!");
}

#[test]
fn a_state_is_good_for_a_while() {
    // R-LM-72: short expiry.
    let mut service = service();
    service.set_state_lifetime(Duration::from_secs(60));
    let mut client = client(service, STATELESS);
    let (_, state) = questions(&mut client, "tools/call", call("greet"));
    client.now = Instant::from_elapsed(Duration::from_secs(59));
    assert_eq!(text(&client.ask("tools/call", again("greet", json!({"user": ada()}), &state))), "Hello, Ada!");
    client.now = Instant::from_elapsed(Duration::from_secs(60));
    let error = client.ask("tools/call", again("greet", json!({"user": ada()}), &state))["error"].clone();
    assert_eq!(error["code"], -32602);
    assert!(error["message"].as_str().unwrap().contains("too old"), "{error}");
}

#[test]
fn answers_that_are_missing_are_asked_for_again_and_unknown_ones_ignored() {
    // R-LM-73
    let mut client = client(service(), STATELESS);
    let (asked, state) = questions(&mut client, "tools/call", call("greet"));
    for responses in [json!({}), json!({"wrong": ada()}), Value::Null] {
        let (asked_again, _) = questions(&mut client, "tools/call", again("greet", responses, &state));
        assert_eq!(asked_again, asked);
    }
    let both = json!({"user": ada(), "more": ada(), "even more": 7});
    assert_eq!(text(&client.ask("tools/call", again("greet", both, &state))), "Hello, Ada!");
}

#[test]
fn answers_of_the_wrong_shape_are_errors() {
    // R-LM-73
    let mut client = client(service(), STATELESS);
    let (_, state) = questions(&mut client, "tools/call", call("greet"));
    for wrong in [json!(12345), Value::Null, json!("Ada"), json!([]), json!({}), json!({"action": "maybe"})] {
        let answer = client.ask("tools/call", again("greet", json!({"user": wrong}), &state));
        assert_eq!(answer["error"]["code"], -32602, "{wrong}");
    }
    for wrong in [json!([]), json!("user"), json!(1), json!(true)] {
        let answer = client.ask("tools/call", again("greet", wrong.clone(), &state));
        assert_eq!(answer["error"]["code"], -32602, "{wrong}");
    }
}

#[test]
fn answers_without_a_state_are_those_of_a_first_round() {
    let mut client = client(service(), STATELESS);
    let params = json!({"name": "greet", "inputResponses": {"user": ada()}});
    assert_eq!(text(&client.ask("tools/call", params)), "Hello, Ada!");
}

#[test]
fn each_round_has_a_state_of_its_own_and_answers_are_carried_along() {
    let mut service = Service::new("test", "1.0.0");
    service.tool(Tool::new("t"), |call: &mut Call<'_>| {
        let first = call.elicit("first", form("1"))?.content;
        let second = call.elicit("second", form("2"))?.content;
        Ok(format!("{first:?} {second:?}").contains("Ada"))
    });
    let mut client = client(service, STATELESS);
    let (_, first) = questions(&mut client, "tools/call", call("t"));
    let (asked, second) = questions(&mut client, "tools/call", again("t", json!({"first": ada()}), &first));
    assert!(asked.get("second").is_some() && asked.get("first").is_none());
    assert_ne!(first, second);
    assert_eq!(text(&client.ask("tools/call", again("t", json!({"second": ada()}), &second))), "true");
    // The answer of the first round is not there with the state of before it.
    let (asked, _) = questions(&mut client, "tools/call", again("t", json!({"second": ada()}), &first));
    assert!(asked.get("first").is_some());
}

#[test]
fn a_tool_that_asks_nothing_does_not_care_what_comes_along() {
    let mut service = Service::new("test", "1.0.0");
    service.tool(Tool::new("t"), |_| Ok("done"));
    let mut client = client(service, STATELESS);
    assert_eq!(text(&client.ask("tools/call", again("t", json!({"x": 1}), "forged"))), "done");
}

#[test]
fn before_2026_such_members_mean_nothing() {
    let mut client = client(service(), HANDSHAKE);
    client.begin("tools/call", again("greet", json!({"user": ada()}), "forged"));
    assert_eq!(client.sent()[0]["method"], "elicitation/create");
}

#[test]
fn what_was_answered_is_not_said_in_clear_to_others() {
    // The state is readable for its client alone, who gave the answers: it holds no token.
    let mut client = client(service(), STATELESS);
    client.credential = Some(b"s3cr3t".to_vec());
    let (_, state) = questions(&mut client, "tools/call", call("greet"));
    let bytes = mcp_core::base64::decode(state.as_bytes()).expect("Base64");
    assert!(!bytes.windows(6).any(|window| window == b"s3cr3t"));
}

#[test]
fn a_key_that_was_given_goes_by_the_time_of_day() {
    // It may outlive the process and its clock.
    let with_key = |lifetime: Duration| {
        let mut service = service();
        service.set_state_key([3; 32]);
        service.set_state_lifetime(lifetime);
        client(service, STATELESS)
    };
    let mut long = with_key(Duration::from_secs(3600));
    let (_, state) = questions(&mut long, "tools/call", call("greet"));
    long.now = Instant::from_elapsed(Duration::from_secs(7200));
    assert_eq!(text(&long.ask("tools/call", again("greet", json!({"user": ada()}), &state))), "Hello, Ada!");
    let mut over = with_key(Duration::ZERO);
    let (_, state) = questions(&mut over, "tools/call", call("greet"));
    let error = over.ask("tools/call", again("greet", json!({"user": ada()}), &state))["error"].clone();
    assert!(error["message"].as_str().is_some_and(|message| message.contains("too old")), "{error}");
}
