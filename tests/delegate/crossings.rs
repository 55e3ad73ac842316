//! What a delegate and a client do at the same moment, and what piles up while the loop is busy.

use std::sync::{Barrier, Weak};

use super::*;

/// Asks in the revision without sessions, as often as `questions` says. The request that goes on with it.
fn parked(wired: &mut Wired, questions: usize) -> (DelegatedCall, Value) {
    let (id, call) = wired.begin(json!({"name": "t"}));
    for _ in 0..questions {
        call.ask(Method::RootsList, None, |_| ());
    }
    let asked = wired.raw.wait_for(id)[0]["result"].clone();
    let responses: serde_json::Map<String, Value> =
        asked["inputRequests"].as_object().unwrap().keys().map(|key| (key.clone(), json!({"roots": []}))).collect();
    (call, json!({"name": "t", "requestState": asked["requestState"], "inputResponses": responses}))
}

#[test]
fn an_answer_that_comes_as_the_client_comes_back_reaches_it() {
    let mut wired = Wired::new("2026-07-28", all_of_them());
    for round in 0..300 {
        let (call, again) = parked(&mut wired, 16);
        let start = Arc::new(Barrier::new(2));
        let started = Arc::clone(&start);
        let answering = std::thread::spawn(move || {
            started.wait();
            // Earlier and later than the request, so that it meets every part of it.
            for _ in 0..round * 20 {
                std::hint::spin_loop();
                let _ = call.open_questions();
            }
            call.answer(Ok(json_text(r#"{"content":[]}"#)));
        });
        start.wait();
        let id = wired.raw.begin("tools/call", again);
        let sent = wired.raw.wait_for(id);
        assert_eq!(sent[0]["result"]["resultType"], "complete", "{round}");
        answering.join().unwrap();
    }
}

#[test]
fn a_question_that_comes_as_the_client_comes_back_is_asked() {
    let mut wired = Wired::new("2026-07-28", all_of_them());
    for round in 0..300 {
        let (call, again) = parked(&mut wired, 15);
        let start = Arc::new(Barrier::new(2));
        let started = Arc::clone(&start);
        let asking = std::thread::spawn(move || {
            started.wait();
            for _ in 0..round * 20 {
                std::hint::spin_loop();
                let _ = call.open_questions();
            }
            call.ask(Method::RootsList, None, |_| ());
            call
        });
        start.wait();
        let id = wired.raw.begin("tools/call", again);
        let sent = wired.raw.wait_for(id);
        assert_eq!(sent[0]["result"]["resultType"], "input_required", "{round}");
        drop(asking.join().unwrap());
    }
}

/// Looks at the call when it goes.
struct Looks(Weak<DelegatedCall>, Sender<bool>);

impl Drop for Looks {
    fn drop(&mut self) {
        let is_cancelled = self.0.upgrade().is_some_and(|call| call.is_cancelled());
        let _ = self.1.send(is_cancelled);
    }
}

#[test]
fn what_hooks_and_questions_hold_may_look_at_the_call_when_it_goes() {
    let mut wired = Wired::new("2026-07-28", all_of_them());
    let (id, call) = wired.begin(json!({"name": "t"}));
    let call = Arc::new(call);
    let (sender, gone) = channel();
    let held = Looks(Arc::downgrade(&call), sender.clone());
    call.ask(Method::RootsList, None, move |_| drop(held));
    let held = Looks(Arc::downgrade(&call), sender);
    call.on_cancel(move || drop(held));
    wired.raw.wait_for(id);
    // No client waits. On a thread, so that a call that never ends is seen.
    std::thread::spawn(move || call.answer(Ok(json_text(r#"{"content":[]}"#))));
    assert_eq!([gone.recv_timeout(PATIENCE), gone.recv_timeout(PATIENCE)], [Ok(false), Ok(false)]);
}

#[test]
fn questions_are_bounded_before_the_loop_hears_of_them() {
    for version in ["2025-11-25", "2026-07-28"] {
        let mut wired = Wired::new(version, all_of_them());
        let (_, call) = wired.begin(json!({"name": "t"}));
        let answers = Answers::default();
        for _ in 0..20 {
            call.ask(Method::RootsList, None, hear(&answers));
        }
        assert_eq!((call.open_questions(), answers.lock().unwrap().len()), (16, 4), "{version}");
        let told = answers.lock().unwrap()[0].clone().unwrap_err();
        assert!(told.message.contains("too many questions"), "{told}");
    }
}

#[test]
fn questions_that_are_taken_back_at_once_do_not_fill_the_mailbox() {
    for version in ["2025-11-25", "2026-07-28"] {
        let mut wired = Wired::new(version, all_of_them());
        let (_, call) = wired.begin(json!({"name": "t"}));
        for _ in 0..1000 {
            let question = call.ask(Method::RootsList, None, |_| ());
            question.withdraw();
            question.withdraw();
        }
        let letters = wired.raw.deliver();
        assert!(letters <= 32, "{version}: {letters}");
        // They count no more, and the next is asked.
        assert_eq!(call.open_questions(), 0, "{version}");
        wired.raw.sent();
        call.ask(Method::RootsList, None, |_| ());
        assert_eq!((wired.raw.deliver(), call.open_questions(), wired.raw.sent().len()), (1, 1, 1), "{version}");
    }
}

#[test]
fn a_question_whose_client_gave_up_before_it_was_asked_counts_no_more() {
    let mut wired = Wired::new("2025-11-25", all_of_them());
    let (id, call) = wired.begin(json!({"name": "t"}));
    call.ask(Method::RootsList, None, |_| ());
    assert_eq!(call.open_questions(), 1);
    let cancel = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": id}});
    assert_eq!(wired.raw.send(&cancel), Outcome::Answered);
    wired.raw.deliver();
    assert_eq!((call.open_questions(), wired.raw.sent()), (0, Vec::new()));
}
