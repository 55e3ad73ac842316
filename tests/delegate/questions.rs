//! What a delegate asks its clients: by requests, and in answers of calls that go on meanwhile.

use super::*;

#[test]
fn a_question_is_a_request_to_clients_with_a_handshake_and_a_result_to_the_others() {
    for version in ["2025-06-18", "2025-11-25", "2026-07-28"] {
        let mut wired = Wired::new(version, all_of_them());
        let Wired { raw, heard, .. } = &mut wired;
        let params = json!({"name": "t", "arguments": {"b": 1, "a": 2}});
        std::thread::scope(|scope| {
            // Answers with what was answered to it.
            scope.spawn(move || {
                let Ok(Heard::Call(call)) = heard.recv_timeout(PATIENCE) else { panic!("no call") };
                let ask = |method, params| {
                    let (told, said) = channel();
                    call.ask(method, params, move |answer| told.send(answer).unwrap());
                    said.recv_timeout(PATIENCE).unwrap().unwrap()
                };
                let form = r#"{"message":"Who?","requestedSchema":{"type":"object","properties":{}}}"#;
                let answer = ask(Method::ElicitationCreate, Some(json_text(form)));
                let roots = ask(Method::RootsList, None);
                call.answer(Ok(json_text(&format!(r#"{{"content":[],"who":{answer},"roots":{roots}}}"#))));
            });
            let (answer, rounds) = raw.converse("tools/call", params, |method, asked| match method {
                "elicitation/create" => {
                    assert_eq!(asked["message"], "Who?");
                    Ok(json!({"action": "accept", "content": {"name": "Ada"}}))
                }
                _ => Ok(json!({"roots": []})),
            });
            assert_eq!(answer["result"]["who"], json!({"action": "accept", "content": {"name": "Ada"}}), "{version}");
            assert_eq!((&answer["result"]["roots"], rounds), (&json!({"roots": []}), 2));
        });
    }
}

#[test]
fn an_error_of_the_client_and_what_it_does_not_offer_are_told_to_who_asked() {
    let mut wired = Wired::new("2025-11-25", json!({"elicitation": {}}));
    let (id, call) = wired.begin(json!({"name": "t"}));
    let answers = Answers::default();
    call.ask(Method::SamplingCreateMessage, Some(json_text("{}")), hear(&answers));
    let url = json_text(r#"{"mode":"url","url":"https://a.example","message":"m","elicitationId":"1"}"#);
    call.ask(Method::ElicitationCreate, Some(url), hear(&answers));
    let form = json_text(r#"{"message":"m","requestedSchema":{"type":"object","properties":{}}}"#);
    call.ask(Method::ElicitationCreate, Some(form), hear(&answers));
    wired.raw.wait_for_mail();
    let codes = |answers: &Answers| {
        answers.lock().unwrap().iter().map(|answer| answer.as_ref().unwrap_err().code).collect::<Vec<_>>()
    };
    assert_eq!(codes(&answers), [-32601, -32601]);
    let asked = wired.raw.sent();
    assert_eq!((asked.len(), call.open_questions()), (1, 1));
    let refused = json!({"code": -1, "message": "no"});
    let _nothing = wired.raw.send(&json!({"jsonrpc": "2.0", "id": asked[0]["id"], "error": refused}));
    assert_eq!((codes(&answers), call.open_questions()), (vec![-32601, -32601, -1], 0));
    call.answer(Ok(json_text(r#"{"content":[]}"#)));
    wired.raw.wait_for(id);
}

#[test]
fn a_question_that_is_withdrawn_or_whose_call_ends_is_taken_back() {
    let mut wired = Wired::new("2025-11-25", all_of_them());
    let (id, call) = wired.begin(json!({"name": "t"}));
    let answers = Answers::default();
    let first = call.ask(Method::RootsList, None, hear(&answers));
    call.ask(Method::RootsList, None, hear(&answers));
    wired.raw.wait_for_mail();
    let asked = wired.raw.sent();
    first.withdraw();
    wired.raw.wait_for_mail();
    let cancelled = wired.raw.sent();
    assert_eq!(cancelled[0]["params"]["requestId"], asked[0]["id"]);
    call.answer(Ok(json_text(r#"{"content":[]}"#)));
    let sent = wired.raw.wait_for(id);
    assert_eq!(
        (&sent[0]["method"], &sent[0]["params"]["requestId"]),
        (&json!("notifications/cancelled"), &asked[1]["id"])
    );
    assert_eq!(sent[1]["id"], id);
    assert_eq!(answers.lock().unwrap().len(), 1, "of the call that ended; what is withdrawn is not heard");
}

#[test]
fn a_client_that_does_not_answer_in_time_is_told_so_to_who_asked() {
    let mut wired = Wired::new("2025-11-25", all_of_them());
    wired.raw.service.set_input_timeout(Duration::from_secs(30));
    let (_, call) = wired.begin(json!({"name": "t"}));
    let answers = Answers::default();
    call.ask(Method::RootsList, None, hear(&answers));
    wired.raw.wait_for_mail();
    wired.raw.pass_to(Instant::ZERO + Duration::from_secs(29));
    assert!(answers.lock().unwrap().is_empty());
    wired.raw.pass_to(Instant::ZERO + Duration::from_secs(30));
    let told = answers.lock().unwrap()[0].clone().unwrap_err();
    assert!(told.message.contains("input_timeout"), "{told}");
    assert!(!call.is_cancelled(), "it is for the delegate to say what comes of that");
}

#[test]
fn questions_that_come_at_once_go_to_a_stateless_client_together() {
    let mut wired = Wired::new("2026-07-28", all_of_them());
    let (id, call) = wired.begin(json!({"name": "t"}));
    let answers = Answers::default();
    // Both before the loop hears of the first.
    call.ask(Method::RootsList, None, hear(&answers));
    call.ask(Method::RootsList, None, hear(&answers));
    let asked = wired.raw.wait_for(id)[0]["result"].clone();
    let keys: Vec<_> = asked["inputRequests"].as_object().unwrap().keys().cloned().collect();
    assert_eq!((keys.len(), call.open_questions()), (2, 2));
    let mut retry = json!({"name": "t", "requestState": asked["requestState"]});
    for key in keys {
        retry["inputResponses"][key] = json!({"roots": []});
    }
    let id = wired.raw.begin("tools/call", retry);
    assert!(answers.lock().unwrap().len() == 2 && answers.lock().unwrap().iter().all(Result::is_ok));
    call.answer(Ok(json_text(r#"{"content":[]}"#)));
    assert_eq!(wired.raw.wait_for(id)[0]["result"]["resultType"], "complete");
}

/// Asks in the revision without sessions, and gives the answer that asks back.
fn parked(wired: &mut Wired, answers: &Answers) -> (DelegatedCall, Value) {
    let (id, call) = wired.begin(json!({"name": "t", "arguments": {"b": 1, "a": 2}}));
    call.ask(Method::RootsList, None, hear(answers));
    let sent = wired.raw.wait_for(id);
    assert_eq!(sent[0]["result"]["resultType"], "input_required");
    (call, sent[0]["result"].clone())
}

fn again(asked: &Value) -> Value {
    let key = asked["inputRequests"].as_object().unwrap().keys().next().unwrap();
    json!({"name": "t", "arguments": {"a": 2, "b": 1}, "requestState": asked["requestState"],
        "inputResponses": {key: {"roots": []}}})
}

#[test]
fn a_call_that_waits_for_a_stateless_client_is_found_by_nobody_else() {
    // R-LM-72
    let mut wired = Wired::new("2026-07-28", all_of_them());
    wired.raw.credential = Some(b"ada".to_vec());
    let answers = Answers::default();
    let (call, asked) = parked(&mut wired, &answers);
    let good = again(&asked);
    // Another caller; another tool; other arguments; another state.
    wired.raw.credential = Some(b"eve".to_vec());
    assert_eq!(wired.raw.ask("tools/call", good.clone())["error"]["code"], -32602);
    wired.raw.credential = Some(b"ada".to_vec());
    for (member, value) in [("name", json!("other")), ("arguments", json!({})), ("requestState", json!("AAAA"))] {
        let mut forged = good.clone();
        forged[member] = value;
        assert_eq!(wired.raw.ask("tools/call", forged)["error"]["code"], -32602, "{member}");
    }
    assert!(answers.lock().unwrap().is_empty() && !call.is_cancelled());
    let id = wired.raw.begin("tools/call", good.clone());
    assert_eq!(answers.lock().unwrap().len(), 1);
    call.answer(Ok(json_text(r#"{"content":[]}"#)));
    assert_eq!(wired.raw.wait_for(id)[0]["result"]["resultType"], "complete");
    // And once only.
    let late = wired.raw.ask("tools/call", good);
    assert!(late["error"]["message"].as_str().unwrap().contains("is over"), "{late}");
}

#[test]
fn an_answer_that_comes_while_the_client_thinks_waits_for_it() {
    let mut wired = Wired::new("2026-07-28", all_of_them());
    let answers = Answers::default();
    let (call, asked) = parked(&mut wired, &answers);
    call.answer(Ok(json_text(r#"{"content":[],"early":true}"#)));
    let answer = wired.raw.ask("tools/call", again(&asked));
    assert_eq!(answer["result"]["early"], true);
    assert!(answers.lock().unwrap().is_empty(), "nobody was to hear it any more");
}

#[test]
fn a_question_that_a_client_left_out_is_asked_again() {
    // R-LM-73
    let mut wired = Wired::new("2026-07-28", all_of_them());
    let answers = Answers::default();
    let (call, asked) = parked(&mut wired, &answers);
    let mut without = again(&asked);
    without["inputResponses"] = json!({"other": {}});
    let answer = wired.raw.ask("tools/call", without);
    assert_eq!(answer["result"]["resultType"], "input_required");
    assert_eq!(answer["result"]["inputRequests"], asked["inputRequests"]);
    assert_eq!(call.open_questions(), 1);
}

#[test]
fn a_call_whose_client_does_not_come_back_is_given_up() {
    let mut wired = Wired::new("2026-07-28", all_of_them());
    wired.raw.service.set_state_lifetime(Duration::from_secs(60));
    let (call, asked) = parked(&mut wired, &Answers::default());
    let given_up = Arc::new(Mutex::new(0));
    let count = Arc::clone(&given_up);
    call.on_cancel(move || *count.lock().unwrap() += 1);
    let due = wired.raw.service.next_timeout().unwrap();
    assert_eq!(due, Instant::ZERO + Duration::from_secs(60));
    wired.raw.pass_to(due);
    assert_eq!((*given_up.lock().unwrap(), call.is_cancelled()), (1, true));
    let late = wired.raw.ask("tools/call", again(&asked));
    assert_eq!(late["error"]["code"], -32602, "{late}");
    assert!(wired.raw.service.next_timeout().is_none());
}

#[test]
fn calls_that_wait_for_stateless_clients_are_bounded() {
    let mut wired = Wired::new("2026-07-28", all_of_them());
    let mut calls = Vec::new();
    for _ in 0..1024 {
        calls.push(parked(&mut wired, &Answers::default()).0);
    }
    let (_, call) = wired.begin(json!({"name": "t"}));
    let answers = Answers::default();
    call.ask(Method::RootsList, None, hear(&answers));
    wired.raw.wait_for_mail();
    let refused = answers.lock().unwrap()[0].clone().unwrap_err();
    assert!(refused.message.contains("1024"), "{refused}");
    assert!(!call.is_cancelled(), "it may go on without an answer");
}

#[test]
fn a_delegate_that_asks_in_its_result_gets_its_own_state_back() {
    let mut wired = Wired::new("2026-07-28", all_of_them());
    wired.raw.credential = Some(b"ada".to_vec());
    let (id, call) = wired.begin(json!({"name": "t"}));
    let theirs = r#"{"resultType":"input_required","requestState":"their\u00e4 state",
        "inputRequests":{"r":{"method":"roots/list"}}}"#;
    call.answer(Ok(json_text(theirs)));
    let asked = wired.raw.wait_for(id)[0]["result"].clone();
    assert_eq!(asked["inputRequests"], json!({"r": {"method": "roots/list"}}));
    let state = asked["requestState"].as_str().unwrap();
    assert!(!state.contains("their"), "it is sealed");
    let retry = json!({"name": "t", "requestState": state, "inputResponses": {"r": {"roots": []}}});
    wired.raw.credential = Some(b"eve".to_vec());
    assert_eq!(wired.raw.ask("tools/call", retry.clone())["error"]["code"], -32602);
    wired.raw.credential = Some(b"ada".to_vec());
    let (id, call) = wired.begin(retry);
    let params = call.params().unwrap().get();
    assert!(params.contains(r#""requestState":"their\u00e4 state""#), "byte for byte (R-LM-68): {params}");
    assert!(params.contains(r#""inputResponses":{"r":{"roots":[]}}"#));
    call.answer(Ok(json_text(r#"{"content":[]}"#)));
    wired.raw.wait_for(id);
}
