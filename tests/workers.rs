//! Answers from other threads: workers and deferred replies, their reports, and how they end.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use mcp_core::Limits;
use mcp_core::jsonrpc::{Payload, decode};
use mcp_core::session::{ServerEvent, ServerSession};
use mcp_core::types::LoggingLevel;
use mcp_server_tiny::service::{Origin, Outcome, Service, WhenBusy};
use mcp_server_tiny::tool::Tool;
use mcp_server_tiny::{Call, Deferred, Later, Server, ToolError};
use mcp_tests::raw_engine::RawEngine;
use mcp_tests::raw_http::PATIENCE;
use mcp_tests::raw_service::{RawService, SESSION};
use serde_json::{Value, json};

const NEWEST: &str = "2025-11-25";

/// Lets a handler on a worker wait for the test, and the test for it.
struct Gate {
    entered: Receiver<()>,
    open: Sender<()>,
}

/// A gate and the handler's side of it.
fn gate() -> (Gate, impl Fn() + Send + Sync + 'static) {
    let (enter, entered) = channel();
    let (open, opened) = channel();
    let opened = Mutex::new(opened);
    let pass = move || {
        enter.send(()).expect("the test runs");
        // The lock is held while waiting: one passes after the other.
        let _ = opened.lock().expect("nobody panics with it").recv_timeout(PATIENCE);
    };
    (Gate { entered, open }, pass)
}

impl Gate {
    fn wait_until_entered(&self) {
        self.entered.recv_timeout(PATIENCE).expect("a handler runs");
    }

    fn open(&self) {
        self.open.send(()).expect("the handler lives");
    }
}

fn slow() -> Tool {
    Tool::new("slow").on_worker()
}

fn text(text: &str) -> Value {
    json!({"content": [{"type": "text", "text": text}]})
}

/// Waits until something on another thread is so.
fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < end, "{what}");
        thread::yield_now();
    }
}

#[test]
fn a_tool_on_a_worker_answers_later_and_the_loop_goes_on() {
    let (gate, pass) = gate();
    let mut service = Service::new("test", "1");
    service.tool(slow().param::<String>("text", ""), move |call: &mut Call<'_>| {
        pass();
        let name = thread::current().name().unwrap_or_default().to_owned();
        Ok(format!("{} {name}", call.arg::<&str>("text")?))
    });
    service.tool(Tool::new("quick"), |_| Ok("quick"));
    let mut client = RawService::new(service, NEWEST);
    let id = client.begin_call("slow", json!({"text": "a\nb"}));
    gate.wait_until_entered();
    assert_eq!(client.call("quick", json!({}))["result"], text("quick"));
    assert_eq!((client.service.later_calls(), client.session.in_flight()), (1, 1));
    gate.open();
    assert_eq!(client.wait_for(id)[0]["result"], text("a\nb mcp-worker"));
    assert_eq!((client.service.later_calls(), client.session.in_flight()), (0, 0));
}

#[test]
fn arguments_that_do_not_fit_take_no_worker() {
    let mut service = Service::new("test", "1");
    service.tool(slow().param::<String>("text", ""), |_| -> Result<(), ToolError> { panic!("called") });
    let mut client = RawService::new(service, NEWEST);
    assert_eq!(client.call("slow", json!({}))["result"]["isError"], true);
}

#[test]
fn reports_of_a_worker_come_in_order_and_before_its_result() {
    // R-LM-83
    let mut service = Service::new("test", "1");
    service.tool(slow(), |call: &mut Call<'_>| {
        for step in 1..=3 {
            call.progress(f64::from(step), Some(3.0), Some("step"));
            call.log(LoggingLevel::Info, &step);
            call.log(LoggingLevel::Debug, "not wanted");
        }
        call.progress(2.0, None, None);
        Ok("done")
    });
    let mut client = RawService::new(service, NEWEST);
    let id = client.begin_call("slow", json!({}));
    let sent: Vec<Value> = client
        .wait_for(id)
        .into_iter()
        .map(|message| match message["method"].as_str() {
            Some("notifications/progress") => message["params"]["progress"].clone(),
            Some(_) => json!({"logged": message["params"]["data"]}),
            None => message["result"].clone(),
        })
        .collect();
    let expected = [
        json!(1.0),
        json!({"logged": 1}),
        json!(2.0),
        json!({"logged": 2}),
        json!(3.0),
        json!({"logged": 3}),
        text("done"),
    ];
    assert_eq!(sent, expected);
}

#[test]
fn a_panic_on_a_worker_ends_the_call_and_not_the_worker() {
    let mut service = Service::new("test", "1");
    service.set_workers(1, 1);
    service.tool(slow().param::<bool>("panic", ""), |call: &mut Call<'_>| {
        assert!(!call.arg::<bool>("panic")?, "the password is 1234");
        Ok(format!("{:?}", thread::current().id()))
    });
    let mut client = RawService::new(service, NEWEST);
    let mut call = |panic: bool| {
        let id = client.begin_call("slow", json!({"panic": panic}));
        client.wait_for(id)[0]["result"].take()
    };
    let before = call(false);
    let failed = json!({"content": [{"type": "text", "text": "`slow` failed: internal error"}], "isError": true});
    assert_eq!(call(true), failed);
    assert_eq!(call(false), before, "the same thread");
}

#[test]
fn a_call_for_which_there_is_neither_worker_nor_place_is_busy() {
    // R-SSE-49
    let (gate, pass) = gate();
    let mut service = Service::new("test", "1");
    service.set_workers(1, 2);
    service.tool(slow(), move |_: &mut Call<'_>| {
        pass();
        Ok("done")
    });
    let mut client = RawService::new(service, NEWEST);
    let taken: Vec<u64> = (0..3).map(|_| client.begin_call("slow", json!({}))).collect();
    gate.wait_until_entered();
    // Answered, for carriers that cannot refuse.
    assert_eq!(client.call("slow", json!({}))["error"]["code"], -32603);
    // Refused: nothing is sent, and the id is free again.
    client.when_busy = WhenBusy::Refuse;
    let call = json!({"jsonrpc": "2.0", "id": "again", "method": "tools/call", "params": {"name": "slow"}});
    assert_eq!(client.send(&call), Outcome::Busy);
    assert_eq!(client.sent(), Vec::<Value>::new());
    assert_eq!(client.session.in_flight(), 3);
    for id in taken {
        gate.open();
        client.wait_for(id);
    }
    assert_eq!(client.send(&call), Outcome::Later, "who has an answer finds its place free");
    gate.open();
}

#[test]
fn threads_start_as_they_are_needed_and_not_beyond_their_number() {
    let (gate, pass) = gate();
    let running = Arc::new(AtomicUsize::new(0));
    let most = Arc::new(AtomicUsize::new(0));
    let mut service = Service::new("test", "1");
    service.set_workers(3, 10);
    let (now, peak) = (Arc::clone(&running), Arc::clone(&most));
    service.tool(slow(), move |_: &mut Call<'_>| {
        peak.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        pass();
        now.fetch_sub(1, Ordering::SeqCst);
        Ok("done")
    });
    let mut client = RawService::new(service, NEWEST);
    let ids: Vec<u64> = (0..9).map(|_| client.begin_call("slow", json!({}))).collect();
    (0..3).for_each(|_| gate.wait_until_entered());
    assert_eq!(running.load(Ordering::SeqCst), 3);
    (0..9).for_each(|_| gate.open());
    while client.session.in_flight() > 0 {
        client.wait_for_mail();
    }
    let answers = client.sent().iter().filter(|message| message["result"] == text("done")).count();
    assert_eq!(answers, ids.len());
    assert_eq!(most.load(Ordering::SeqCst), 3);
}

#[test]
fn a_cancelled_worker_sees_it_and_nothing_of_it_is_sent() {
    // R-LM-78
    let (gate, pass) = gate();
    let saw = Arc::new(AtomicBool::new(false));
    let mut service = Service::new("test", "1");
    let seen = Arc::clone(&saw);
    service.tool(slow(), move |call: &mut Call<'_>| {
        pass();
        wait_until("cancelled", || call.is_cancelled());
        seen.store(true, Ordering::SeqCst);
        call.progress(1.0, None, None);
        call.log(LoggingLevel::Error, "too late");
        Ok("too late")
    });
    let mut client = RawService::new(service, NEWEST);
    let id = client.begin_call("slow", json!({}));
    gate.wait_until_entered();
    gate.open();
    let cancel = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": id}});
    let _outcome = client.send(&cancel);
    assert_eq!((client.service.later_calls(), client.session.in_flight()), (0, 0));
    wait_until("seen", || saw.load(Ordering::SeqCst));
    client.service.stop(PATIENCE);
    client.deliver();
    assert_eq!(client.sent(), Vec::<Value>::new());
}

#[test]
fn a_call_that_is_cancelled_in_the_queue_never_runs() {
    let (gate, pass) = gate();
    let runs = Arc::new(AtomicUsize::new(0));
    let mut service = Service::new("test", "1");
    service.set_workers(1, 5);
    let count = Arc::clone(&runs);
    service.tool(slow(), move |_: &mut Call<'_>| {
        count.fetch_add(1, Ordering::SeqCst);
        pass();
        Ok("done")
    });
    let mut client = RawService::new(service, NEWEST);
    let first = client.begin_call("slow", json!({}));
    gate.wait_until_entered();
    let second = client.begin_call("slow", json!({}));
    let cancel = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": second}});
    let _outcome = client.send(&cancel);
    gate.open();
    client.wait_for(first);
    client.service.stop(PATIENCE);
    assert_eq!(runs.load(Ordering::SeqCst), 1);
}

#[test]
fn stopping_tells_the_workers_and_waits_no_longer_than_it_may() {
    let mut service = Service::new("test", "1");
    let ended = Arc::new(AtomicBool::new(false));
    let end = Arc::clone(&ended);
    let (begin, begun) = channel();
    service.tool(Tool::new("obedient").on_worker(), move |call: &mut Call<'_>| {
        begin.send(())?;
        wait_until("cancelled", || call.is_cancelled());
        end.store(true, Ordering::SeqCst);
        Ok(())
    });
    let mut client = RawService::new(service, NEWEST);
    client.begin_call("obedient", json!({}));
    begun.recv_timeout(PATIENCE).unwrap();
    client.service.stop(PATIENCE);
    assert!(ended.load(Ordering::SeqCst), "joined");
    client.when_busy = WhenBusy::Refuse;
    let call = json!({"jsonrpc": "2.0", "id": "a", "method": "tools/call", "params": {"name": "obedient"}});
    assert_eq!(client.send(&call), Outcome::Busy, "it takes nothing in any more");

    let (gate, pass) = gate();
    let mut service = Service::new("test", "1");
    service.tool(Tool::new("deaf").on_worker(), move |_: &mut Call<'_>| {
        pass();
        Ok(())
    });
    let mut client = RawService::new(service, NEWEST);
    client.begin_call("deaf", json!({}));
    gate.wait_until_entered();
    let begun = Instant::now();
    client.service.stop(Duration::from_millis(50));
    assert!(begun.elapsed() < PATIENCE / 2, "left to itself");
    drop(client);
    assert!(begun.elapsed() < PATIENCE / 2, "also when it is dropped");
    gate.open();
}

#[test]
fn a_sleeping_handler_wakes_when_its_call_is_cancelled() {
    // R-LM-78
    let (begin, begun) = channel();
    let (end, ended) = channel();
    let mut service = Service::new("test", "1");
    service.tool(slow(), move |call: &mut Call<'_>| {
        call.sleep(Duration::from_millis(1))?;
        begin.send(())?;
        let slept = call.sleep(PATIENCE * 100);
        end.send(slept.is_err())?;
        slept?;
        Ok(())
    });
    let mut client = RawService::new(service, NEWEST);
    let id = client.begin_call("slow", json!({}));
    begun.recv_timeout(PATIENCE).unwrap();
    let cancel = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": id}});
    let _outcome = client.send(&cancel);
    assert_eq!(ended.recv_timeout(PATIENCE), Ok(true));
}

#[test]
fn a_tool_may_report_more_often() {
    let mut service = Service::new("test", "1");
    let handler = |call: &mut Call<'_>| {
        (1..=300).for_each(|step| call.progress(f64::from(step), None, None));
        Ok(())
    };
    service.tool(Tool::new("here").progress_rate(300), handler);
    service.tool(Tool::new("there").progress_rate(300).on_worker(), handler);
    let mut client = RawService::new(service, NEWEST);
    for tool in ["here", "there"] {
        let id = client.begin_call(tool, json!({}));
        assert_eq!(client.wait_for(id).len(), 301);
    }
}

#[test]
fn a_deferred_reply_may_outlive_its_server() {
    let alive = Arc::new(());
    let witness = Arc::downgrade(&alive);
    let (give, taken) = channel();
    let mut service = Service::new("test", "1");
    service.tool(Tool::new("later"), move |call: &mut Call<'_>| {
        let _held = &alive;
        give.send(call.defer())?;
        Ok(Later)
    });
    let mut client = RawService::new(service, NEWEST);
    client.begin_call("later", json!({}));
    client.begin_call("later", json!({}));
    let replies: [Deferred; 2] = [taken.try_recv().unwrap(), taken.try_recv().unwrap()];
    let [before, after] = replies;
    before.answer(Ok("nobody takes it out"));
    drop(client);
    assert!(after.is_cancelled());
    after.answer(Ok("to nobody"));
    assert!(witness.upgrade().is_none(), "the handler is gone with its server");
}

/// A service with a tool `later` that hands its deferred reply to the test.
fn deferring() -> (RawService, Receiver<Deferred>) {
    let (give, taken) = channel();
    let mut service = Service::new("test", "1");
    service.tool(Tool::new("later"), move |call: &mut Call<'_>| {
        call.progress(1.0, None, Some("before"));
        give.send(call.defer())?;
        call.progress(2.0, None, Some("through the mail"));
        Ok(Later)
    });
    (RawService::new(service, NEWEST), taken)
}

#[test]
fn a_deferred_reply_answers_from_any_thread_after_its_reports() {
    let (mut client, taken) = deferring();
    let id = client.begin_call("later", json!({}));
    let reply = taken.try_recv().unwrap();
    assert_eq!(client.service.later_calls(), 1);
    let thread = thread::spawn(move || {
        reply.progress(1.5, None, None);
        reply.progress(3.0, None, None);
        reply.log(LoggingLevel::Notice, "almost");
        reply.answer(Ok("done"));
    });
    let sent = client.wait_for(id);
    thread.join().unwrap();
    let progress: Vec<f64> = sent.iter().filter_map(|message| message["params"]["progress"].as_f64()).collect();
    assert_eq!(progress, [1.0, 2.0, 3.0], "rising over both ways");
    assert_eq!(sent[3]["params"]["data"], "almost");
    assert_eq!(sent[4]["result"], text("done"));
    assert_eq!((client.service.later_calls(), client.session.in_flight()), (0, 0));
}

#[test]
fn a_deferred_reply_fails_as_a_handler_does() {
    let (mut client, taken) = deferring();
    let id = client.begin_call("later", json!({}));
    taken.try_recv().unwrap().fail("no luck");
    let answer = client.wait_for(id).pop().unwrap();
    assert_eq!(answer["result"], json!({"content": [{"type": "text", "text": "no luck"}], "isError": true}));
}

#[test]
fn a_deferred_reply_that_is_dropped_is_an_internal_error() {
    let (mut client, taken) = deferring();
    let id = client.begin_call("later", json!({}));
    drop(taken.try_recv().unwrap());
    let answer = client.wait_for(id).pop().unwrap();
    assert_eq!(answer["error"], json!({"code": -32603, "message": "the tool gave no answer"}));
}

#[test]
fn a_cancelled_deferred_reply_sees_it_and_sends_nothing() {
    // R-LM-78
    let (mut client, taken) = deferring();
    let id = client.begin_call("later", json!({}));
    let reply = taken.try_recv().unwrap();
    client.deliver();
    client.sent();
    assert!(!reply.is_cancelled());
    let cancel = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": id}});
    let _outcome = client.send(&cancel);
    assert!(reply.is_cancelled());
    reply.progress(9.0, None, None);
    reply.answer(Ok("too late"));
    client.deliver();
    assert_eq!(client.sent(), Vec::<Value>::new());
}

#[test]
fn what_a_handler_returns_counts_even_if_it_took_a_deferred_reply() {
    let (give, taken) = channel();
    let mut service = Service::new("test", "1");
    let handler = move |call: &mut Call<'_>| {
        give.send(call.defer())?;
        Ok("at once")
    };
    let one = Arc::new(handler);
    let other = Arc::clone(&one);
    service.tool(Tool::new("here"), move |call: &mut Call<'_>| one(call));
    service.tool(Tool::new("there").on_worker(), move |call: &mut Call<'_>| other(call));
    let mut client = RawService::new(service, NEWEST);
    for tool in ["here", "there"] {
        let id = client.begin_call(tool, json!({}));
        assert_eq!(client.wait_for(id)[0]["result"], text("at once"));
        let reply: Deferred = taken.recv_timeout(PATIENCE).unwrap();
        reply.answer(Ok("once more"));
        client.deliver();
        assert_eq!(client.sent(), Vec::<Value>::new());
    }
}

#[test]
fn a_handler_on_a_worker_can_defer_its_answer_as_well() {
    let (give, taken) = channel();
    let mut service = Service::new("test", "1");
    service.tool(slow(), move |call: &mut Call<'_>| {
        give.send(call.defer())?;
        Ok(Later)
    });
    let mut client = RawService::new(service, NEWEST);
    let id = client.begin_call("slow", json!({}));
    let reply: Deferred = taken.recv_timeout(PATIENCE).unwrap();
    reply.answer(Ok("done"));
    assert_eq!(client.wait_for(id)[0]["result"], text("done"));
}

#[test]
fn reports_beyond_what_the_mailbox_holds_are_dropped_and_the_answers_are_not() {
    let (mut client, taken) = deferring();
    let ids: Vec<u64> = (0..200).map(|_| client.begin_call("later", json!({}))).collect();
    client.sent();
    let replies: Vec<Deferred> = taken.try_iter().collect();
    for reply in replies {
        (3..=20).for_each(|step| reply.progress(f64::from(step), None, None));
        reply.answer(Ok("done"));
    }
    let pieces = client.deliver();
    assert_eq!(pieces, 1024 + ids.len());
    let answers = client.sent().iter().filter(|message| message["result"] == text("done")).count();
    assert_eq!(answers, ids.len());
}

#[test]
fn the_loop_is_woken_once_until_it_has_looked() {
    let wakes = Arc::new(AtomicUsize::new(0));
    let mut service = Service::new("test", "1");
    let count = Arc::clone(&wakes);
    service.wake_with(move || {
        count.fetch_add(1, Ordering::SeqCst);
    });
    let (give, taken) = channel();
    service.tool(Tool::new("later"), move |call: &mut Call<'_>| {
        give.send(call.defer())?;
        Ok(Later)
    });
    let mut client = RawService::new(service, NEWEST);
    for round in 1..=3 {
        let ids: Vec<u64> = (0..5).map(|_| client.begin_call("later", json!({}))).collect();
        taken.try_iter().for_each(|reply: Deferred| reply.answer(Ok(())));
        assert_eq!(wakes.load(Ordering::SeqCst), round);
        assert_eq!(client.deliver(), ids.len());
    }
}

#[test]
fn a_busy_server_answers_503_and_says_when_to_come_back() {
    // R-SSE-49
    let (gate, pass) = gate();
    let server = Server::new("test", "1").workers(1, 0).tool(slow(), move |_: &mut Call<'_>| {
        pass();
        Ok("done")
    });
    let mut engine = RawEngine::new(server);
    let session = engine.initialized();
    let call = |id: u32| format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"slow"}}}}"#);
    assert_eq!(engine.post(&session, &call(1)).status, 202);
    gate.wait_until_entered();
    let refused = engine.post(&session, &call(2));
    assert_eq!((refused.status, refused.field("Retry-After")), (503, Some("1")));
    assert_eq!(engine.taken(session.stream), "", "and nothing on the stream");
    gate.open();
}

#[test]
fn the_end_of_a_session_cancels_its_calls() {
    // R-SSE-37
    let (gate, pass) = gate();
    let saw = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&saw);
    let server = Server::new("test", "1").tool(slow(), move |call: &mut Call<'_>| {
        pass();
        wait_until("cancelled", || call.is_cancelled());
        seen.store(true, Ordering::SeqCst);
        Ok(())
    });
    let mut engine = RawEngine::new(server);
    let session = engine.initialized();
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"slow"}}"#;
    assert_eq!(engine.post(&session, call).status, 202);
    gate.wait_until_entered();
    gate.open();
    engine.end(session.stream);
    wait_until("seen", || saw.load(Ordering::SeqCst));
}

#[test]
fn the_last_quarter_of_the_seats_is_not_for_those_who_have_a_quarter() {
    // Two threads and six places: of eight seats, two are kept for sessions with less than two.
    let (_gate, wait) = gate();
    let mut service = Service::new("test", "1.0.0");
    service.set_workers(2, 6);
    service.tool(slow(), move |_| {
        wait();
        Ok("done")
    });
    let mut flood = RawService::new(service, NEWEST);
    flood.when_busy = WhenBusy::Refuse;
    let params = json!({"name": "slow", "arguments": {}});
    let begin = |client: &mut RawService, id: u64| client.begin_as(json!(id), "tools/call", params.clone());
    let outcomes: Vec<_> = (0..8).map(|id| begin(&mut flood, 100 + id)).collect();
    assert_eq!(outcomes, [vec![Outcome::Later; 6], vec![Outcome::Busy; 2]].concat());
    // Somebody else.
    let mut session = ServerSession::new();
    let hello = r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"x","version":"1"}}}"#;
    let mut out = Vec::new();
    let mut other = |line: &str, service: &mut Service| {
        let Ok(Payload::Message(message)) = decode(line.as_bytes(), &Limits::default()) else { panic!("no message") };
        match session.handle_message(&service.profile(), &Limits::default(), message, &mut out) {
            ServerEvent::Request { key, method, params } => {
                let origin = Origin {
                    when_busy: WhenBusy::Refuse,
                    ..Origin::new(SESSION + 1, key, mcp_core::time::Instant::ZERO)
                };
                Some(service.handle(&mut session, &origin, method, params, &mut out))
            }
            _ => None,
        }
    };
    assert_eq!(other(hello, &mut flood.service), None);
    let mut call = |id: u64, service: &mut Service| {
        other(&format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"slow"}}}}"#), service)
    };
    assert_eq!(call(1, &mut flood.service), Some(Outcome::Later));
    assert_eq!(call(2, &mut flood.service), Some(Outcome::Later));
    assert_eq!(call(3, &mut flood.service), Some(Outcome::Busy), "all seats are taken");
}

#[test]
fn arguments_that_wait_for_a_worker_have_a_bound_in_bytes() {
    let (gate, wait) = gate();
    let mut service = Service::new("test", "1.0.0");
    service.set_workers(1, 100);
    service.tool(slow().optional_param::<String>("x", ""), move |_| {
        wait();
        Ok("done")
    });
    let mut client = RawService::new(service, NEWEST);
    client.when_busy = WhenBusy::Refuse;
    let large = json!({"name": "slow", "arguments": {"x": "x".repeat(3 << 20)}});
    let outcomes: Vec<_> = (0..7).map(|id| client.begin_as(json!(id + 10), "tools/call", large.clone())).collect();
    assert_eq!(outcomes, [vec![Outcome::Later; 5], vec![Outcome::Busy; 2]].concat(), "16 MiB hold five of them");
    assert_eq!(
        client.begin_as(json!(99), "tools/call", json!({"name": "slow"})),
        Outcome::Later,
        "a small one still fits"
    );
    (0..10).for_each(|_| gate.open());
    client.wait_for(99);
    assert_eq!(client.begin_as(json!(100), "tools/call", large), Outcome::Later, "what was carried out holds nothing");
    client.wait_for(100);
}

#[test]
fn what_comes_along_with_arguments_counts_like_them() {
    // R-LM-67: answers and state of earlier rounds wait for a worker as well.
    for member in ["inputResponses", "requestState"] {
        let (_gate, wait) = gate();
        let mut service = Service::new("test", "1.0.0");
        service.set_workers(1, 100);
        service.tool(slow(), move |_| {
            wait();
            Ok("done")
        });
        let mut client = RawService::new(service, "2026-07-28");
        client.when_busy = WhenBusy::Refuse;
        let large = "x".repeat(3 << 20);
        let value = if member == "requestState" { json!(large) } else { json!({"x": large}) };
        let params = json!({"name": "slow", member: value});
        let outcomes: Vec<_> = (0..7).map(|id| client.begin_as(json!(id + 10), "tools/call", params.clone())).collect();
        assert_eq!(outcomes, [vec![Outcome::Later; 5], vec![Outcome::Busy; 2]].concat(), "{member}");
    }
}

#[test]
fn only_a_tool_is_answered_by_a_deferred_reply() {
    let mut service = Service::new("test", "1.0.0");
    let taken = Arc::new(Mutex::new(None));
    let shared = Arc::clone(&taken);
    service.prompt(mcp_server_tiny::Prompt::new("p"), move |call: &mut Call<'_>| {
        *shared.lock().unwrap() = Some(call.defer());
        Ok("from the handler")
    });
    let mut client = RawService::new(service, NEWEST);
    let answer = client.ask("prompts/get", json!({"name": "p"}));
    assert_eq!(answer["result"]["messages"][0]["content"]["text"], "from the handler");
    taken.lock().unwrap().take().expect("it was taken").answer(Ok("too late"));
    assert_eq!(client.deliver(), 0);
}
