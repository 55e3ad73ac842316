//! Up to 2025-11-25: the question is a request to the client, and the call waits for its answer.

use super::*;
use mcp_tests::raw_service::SESSION;

/// The question that was sent, with its id.
fn question(client: &mut RawService) -> (Value, Value) {
    let sent = client.sent();
    assert_eq!(sent.len(), 1, "{sent:?}");
    (sent[0]["id"].clone(), sent[0]["params"].clone())
}

fn reply(client: &mut RawService, id: &Value, result: Value) -> Outcome {
    client.send(&json!({"jsonrpc": "2.0", "id": id, "result": result}))
}

#[test]
fn the_call_waits_without_a_thread_and_others_are_served() {
    let mut client = client(service(), HANDSHAKE);
    let id = client.begin("tools/call", call("greet"));
    let (asked, _) = question(&mut client);
    assert_eq!((client.service.waiting_calls(), client.service.later_calls()), (1, 0));
    let other = client.begin("tools/call", call("greet"));
    let (asked_too, _) = question(&mut client);
    assert_ne!(asked, asked_too);
    assert_eq!(reply(&mut client, &asked_too, json!({"action": "cancel"})), Outcome::Answered);
    assert_eq!(client.sent()[0]["id"], other);
    assert_eq!(reply(&mut client, &asked, ada()), Outcome::Answered);
    let answer = client.sent().remove(0);
    assert_eq!((&answer["id"], text(&answer)), (&json!(id), "Hello, Ada!"));
    assert_eq!(client.service.waiting_calls(), 0);
}

#[test]
fn an_answer_twice_or_to_nothing_changes_nothing() {
    // R-LM-79
    let mut client = client(service(), HANDSHAKE);
    client.begin("tools/call", call("greet"));
    let (asked, _) = question(&mut client);
    let _outcome = reply(&mut client, &json!(999), ada());
    let _outcome = reply(&mut client, &json!("1"), ada());
    assert!(client.sent().is_empty());
    let _outcome = reply(&mut client, &asked, ada());
    assert_eq!(client.sent().len(), 1);
    let _outcome = reply(&mut client, &asked, ada());
    assert!(client.sent().is_empty());
}

#[test]
fn an_error_of_the_client_is_for_the_handler_to_look_at() {
    // R-FC-13: -1 when the user refused.
    let mut service = service();
    service.tool(Tool::new("careful"), |call: &mut Call<'_>| {
        match call.sample("s", CreateMessageParams::text("x", 1)) {
            Err(error) if error.refusal().is_some_and(|refusal| refusal.code == -1) => Ok("refused".to_owned()),
            other => Ok(other?.model),
        }
    });
    let mut client = client(service, HANDSHAKE);
    let refused = json!({"code": -1, "message": "User rejected sampling request"});
    let (answer, _) = client.converse("tools/call", call("careful"), |_, _| Err(refused.clone()));
    assert_eq!((text(&answer), answer["result"].get("isError")), ("refused", None));
    let (answer, _) = client.converse("tools/call", call("greet"), |_, _| Err(refused.clone()));
    assert_eq!(answer["result"]["isError"], true);
    assert!(text(&answer).contains("the client refused `user`"), "{answer}");
    let (answer, _) = client.converse("tools/call", call("greet"), |_, _| Ok(json!({"action": 7})));
    assert!(text(&answer).contains("no result of `elicitation/create`"), "{answer}");
}

#[test]
fn a_cancelled_call_takes_its_questions_back() {
    // R-LM-77, R-LM-78
    let mut client = client(service(), HANDSHAKE);
    let id = client.begin("tools/call", call("greet"));
    let (asked, _) = question(&mut client);
    let cancelled = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": id}});
    let _outcome = client.send(&cancelled);
    let sent = client.sent();
    assert_eq!(sent.len(), 1, "no answer to what was cancelled: {sent:?}");
    assert_eq!((&sent[0]["method"], &sent[0]["params"]["requestId"]), (&json!("notifications/cancelled"), &asked));
    assert_eq!((client.service.waiting_calls(), client.session.asked()), (0, 0));
    let _outcome = reply(&mut client, &asked, ada());
    assert!(client.sent().is_empty());
}

#[test]
fn a_session_that_ends_leaves_nothing_behind() {
    let mut client = client(service(), HANDSHAKE);
    client.begin("tools/call", call("greet"));
    let keys: Vec<_> = client.session.close().collect();
    keys.into_iter().for_each(|key| client.service.cancel(SESSION, key));
    assert_eq!(client.service.waiting_calls(), 0);
    assert!(client.service.next_timeout().is_none());
}

#[test]
fn a_client_that_does_not_answer_in_time_is_told_so() {
    let mut service = service();
    service.set_input_timeout(Duration::from_secs(60));
    let mut client = client(service, HANDSHAKE);
    client.now = Instant::from_elapsed(Duration::from_secs(5));
    let id = client.begin("tools/call", call("greet"));
    let (asked, _) = question(&mut client);
    assert_eq!(client.service.next_timeout(), Some(Instant::from_elapsed(Duration::from_secs(65))));
    client.pass_to(Instant::from_elapsed(Duration::from_secs(64)));
    assert!(client.sent().is_empty());
    client.pass_to(Instant::from_elapsed(Duration::from_secs(65)));
    let sent = client.sent();
    assert_eq!((&sent[0]["method"], &sent[0]["params"]["requestId"]), (&json!("notifications/cancelled"), &asked));
    assert_eq!((&sent[1]["id"], &sent[1]["result"]["isError"]), (&json!(id), &json!(true)));
    assert!(text(&sent[1]).contains("did not answer `user` within 60 s (`input_timeout`)"), "{sent:?}");
    assert!(client.service.next_timeout().is_none());
    let _outcome = reply(&mut client, &asked, ada());
    assert!(client.sent().is_empty());
}

#[test]
fn nothing_is_asked_before_the_handshake_is_over() {
    // R-LM-24, R-LM-25: a call that comes too early is no call.
    let mut raw = RawService::new(service(), HANDSHAKE);
    raw.session = mcp_core::session::ServerSession::new();
    let error = raw.ask("tools/call", call("greet"))["error"].clone();
    assert_eq!(error["code"], -32600);
}

#[test]
fn progress_and_logs_of_both_runs_go_out() {
    // R-LM-74
    for (version, wanted) in [(HANDSHAKE, 2), (STATELESS, 1)] {
        let mut service = Service::new("test", "1.0.0");
        service.tool(Tool::new("t"), |call: &mut Call<'_>| {
            call.progress(1.0, None, None);
            let user = call.elicit("user", form("Who?"))?;
            call.progress(2.0, None, None);
            Ok(format!("{:?}", user.action))
        });
        let mut client = client(service, version);
        let params = json!({"name": "t", "_meta": {"progressToken": "p"}});
        client.begin("tools/call", params);
        let sent = client.sent();
        let progress = sent.iter().filter(|message| message["method"] == "notifications/progress").count();
        assert_eq!((progress, sent.len()), (1, 2), "{version}: {sent:?}");
        if wanted == 2 {
            let asked = sent[1]["id"].clone();
            let _outcome = reply(&mut client, &asked, ada());
            let sent = client.sent();
            // It rises from one to the next (R-LM-83), so what the first run said is not said again.
            let progress: Vec<_> = sent.iter().filter_map(|message| message["params"]["progress"].as_f64()).collect();
            assert!(progress.iter().all(|progress| *progress > 1.0), "{sent:?}");
        }
    }
}

#[test]
fn a_call_on_a_worker_is_cancelled_while_it_waits() {
    let mut client = client(service(), HANDSHAKE);
    let id = client.begin("tools/call", call("greet_on_worker"));
    while client.service.waiting_calls() == 0 {
        client.wait_for_mail();
    }
    let (asked, _) = question(&mut client);
    let _outcome =
        client.send(&json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": id}}));
    let sent = client.sent();
    assert_eq!((sent.len(), &sent[0]["params"]["requestId"]), (1, &asked), "{sent:?}");
    assert_eq!((client.service.waiting_calls(), client.service.later_calls()), (0, 0));
}

#[test]
fn who_has_answered_is_not_turned_away_for_want_of_a_worker() {
    let (release, released) = std::sync::mpsc::channel::<()>();
    let released = std::sync::Mutex::new(released);
    let mut service = service();
    service.set_workers(1, 0);
    service.tool(Tool::new("slow").on_worker(), move |_| {
        // Until the test ends it, or is over.
        let _ = released.lock().expect("nobody panics with it").recv();
        Ok("done")
    });
    let mut client = client(service, HANDSHAKE);
    let id = client.begin("tools/call", call("greet_on_worker"));
    while client.service.waiting_calls() == 0 {
        client.wait_for_mail();
    }
    let (asked, _) = question(&mut client);
    let slow = client.begin("tools/call", call("slow"));
    assert_eq!(client.ask("tools/call", call("greet_on_worker"))["error"]["code"], -32603, "all seats are taken");
    assert_eq!(reply(&mut client, &asked, ada()), Outcome::Later);
    drop(release);
    let mut sent = client.wait_for(id);
    if !sent.iter().any(|message| message["id"] == slow) {
        sent.extend(client.wait_for(slow));
    }
    let answer = sent.iter().find(|message| message["id"] == id).expect("it was answered");
    assert_eq!(text(answer), "Hello, Ada!");
}

#[test]
fn a_client_without_a_session_that_hangs_up_ends_its_call() {
    let mut service = Service::new("test", "1.0.0");
    let (tell, told) = std::sync::mpsc::channel();
    service.tool(Tool::new("t").on_worker(), move |call: &mut Call<'_>| {
        tell.send(false).expect("the test waits");
        let ended = call.sleep(Duration::from_secs(60)).is_err();
        tell.send(ended).expect("the test waits");
        Ok(())
    });
    let mut client = client(service, STATELESS);
    client.begin("tools/call", call("t"));
    assert_eq!(told.recv_timeout(mcp_tests::raw_http::PATIENCE), Ok(false), "it runs");
    client.hang_up();
    assert_eq!(told.recv_timeout(mcp_tests::raw_http::PATIENCE), Ok(true));
    assert_eq!(client.service.later_calls(), 0);
}
