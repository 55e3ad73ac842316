//! What comes unasked, over every carrier: who hears of it, in which order, and what happens to the slow.
// In helpers too a panic is the report.
#![allow(clippy::unwrap_used)]

use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use mcp_sse_blocking::events::{EventFilter, Heard};
use mcp_sse_blocking::mcp_core::revision::ProtocolVersion;
use mcp_sse_blocking::{Builder, Client, Error, Event, Events, Missed, Reconnect, Transport};
use mcp_tests::scripted_lines::Script;
use mcp_tests::scripted_peer::{BOUND, ENDPOINT, INITIALIZE_RESULT, Peer};
use mcp_tests::streamable_peer::{StreamablePeer as _, StreamableRequest as _, end_stream, primed};
use serde_json::{Value, json};

const CHANGED: &str = r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#;

fn builder(url: &str, transport: Transport) -> Builder {
    Client::builder(url)
        .transport(transport)
        .connect_timeout(Duration::from_secs(5))
        .call_timeout(Duration::from_secs(5))
}

fn log(text: &str) -> String {
    json!({"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": text}}).to_string()
}

/// The next thing, which comes at once or is there.
fn next(events: &mut Events) -> Heard {
    events.next_within(BOUND).unwrap().expect("something")
}

fn event(events: &mut Events) -> Event {
    match next(events) {
        Heard::Event(event) => event,
        other => panic!("{other:?}"),
    }
}

/// Names and data of what is there already.
fn waiting(events: &mut Events) -> Vec<String> {
    let mut all = Vec::new();
    while let Some(heard) = events.next_within(Duration::ZERO).unwrap() {
        all.push(match heard {
            Heard::Event(event) => format!("{}|{}", event.name(), event.text()),
            Heard::Missed(missed) => format!("{missed:?}"),
            other => panic!("{other:?}"),
        });
    }
    all
}

#[test]
fn who_listens_from_the_beginning_hears_what_came_before_the_client_was_there() {
    let peer = Peer::run(|peer| {
        let mut stream = peer.stream();
        // Before the handshake, in the middle of it and after it.
        stream.message(&log("early"));
        stream.event("endpoint", ENDPOINT);
        let initialize = peer.request();
        initialize.accepted();
        stream.message(&log("meanwhile"));
        stream.reply(&initialize, INITIALIZE_RESULT);
        peer.request().accepted();
        stream.message(&log("at once"));
        stream
    });
    let (told, taken_in) = channel();
    let builder = builder(&peer.url("/sse"), Transport::HttpSse).events(EventFilter::new());
    let client = builder.on_log(move |_, message| told.send(message.text()).unwrap()).connect().unwrap();
    // However late it is taken.
    while taken_in.recv_timeout(BOUND).unwrap() != "at once" {}
    let mut late = client.events(EventFilter::new());
    let mut events = client.first_events().unwrap();
    let said = ["early", "meanwhile", "at once"].map(|text| format!("notifications/message|{}", log(text)));
    assert_eq!(waiting(&mut events), said);
    assert!(client.first_events().is_none(), "there is one");
    assert!(waiting(&mut late).is_empty());
    client.close();
    drop(peer.finish());
    assert!(events.next_within(BOUND).unwrap().is_none() && events.is_over());
}

#[test]
fn over_http_sse_notifications_logs_raw_events_and_plain_json_are_heard_in_their_order() {
    let peer = Peer::run(|peer| {
        let mut stream = peer.handshake();
        let call = peer.request();
        call.accepted();
        stream.message(CHANGED);
        stream.raw("event: tick\nid: 7\ndata: first\ndata: second\n\n");
        stream.raw("data: {\"event\":\"data_update\",\"payload\":{\"value\":42}}\n\n");
        stream.raw("data: no JSON at all\n\n");
        stream.message(&log("hello"));
        // None of these is an event: an id alone, an endpoint, progress, a question, an answer to nobody.
        stream.raw("id: 8\n\n: comment\n\nid: 9\ndata:\n\n");
        stream.event("endpoint", mcp_tests::scripted_peer::ENDPOINT);
        stream.message(
            r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,"progress":1}}"#,
        );
        stream.message(r#"{"jsonrpc":"2.0","id":99,"result":{}}"#);
        stream.reply_text(&call, "done");
        peer.wait_closed(stream.connection);
    });
    let client = builder(&peer.url("/sse"), Transport::HttpSse).connect().unwrap();
    let mut all = client.events(EventFilter::new());
    let mut some = client.events(["data_update", "notifications/message"]);
    let mut ticks = client.events("tick");
    client.call("x", &json!({})).unwrap();
    assert_eq!(
        waiting(&mut all),
        [
            format!("notifications/tools/list_changed|{CHANGED}"),
            "tick|first\nsecond".into(),
            r#"data_update|{"event":"data_update","payload":{"value":42}}"#.into(),
            "message|no JSON at all".into(),
            format!("notifications/message|{}", log("hello")),
        ]
    );
    let names: Vec<String> = (0..2).map(|_| event(&mut some).name().to_owned()).collect();
    assert_eq!(names, ["data_update", "notifications/message"]);
    assert!(waiting(&mut some).is_empty());
    let tick = event(&mut ticks);
    assert_eq!((tick.event_type(), tick.id(), tick.method()), ("tick", Some("7"), None));
    drop((all, some, ticks, client));
    peer.finish();
}

#[test]
fn over_streamable_http_the_streams_of_answers_and_the_sessions_own_are_heard() {
    let peer = Peer::run(|peer| {
        peer.shake_streamable();
        // Opened because somebody listens.
        let own = peer.request();
        assert_eq!(own.method, "GET");
        let mut own = primed(&own, "s-0");
        own.raw("event: tick\ndata: on the session's own\n\n");
        let call = peer.expect("tools/call");
        let mut stream = call.open();
        stream.raw("event: tick\ndata: on that of an answer\n\n");
        stream.message(&log("working"));
        stream.reply_text(&call, "done");
        end_stream(&call);
        peer.request().taken();
        peer.wait_closed(own.connection);
    });
    let client = builder(&peer.url("/mcp"), Transport::StreamableHttp).connect().unwrap();
    let mut events = client.events(EventFilter::new());
    assert_eq!(event(&mut events).text(), "on the session's own");
    client.call("x", &json!({})).unwrap();
    assert_eq!(event(&mut events).text(), "on that of an answer");
    let logged = event(&mut events);
    assert_eq!(logged.payload::<Value>().unwrap()["data"], "working");
    drop((events, client));
    peer.finish();
}

#[test]
fn over_lines_notifications_of_both_eras_are_heard() {
    for version in [ProtocolVersion::V2025_06_18, ProtocolVersion::V2026_07_28] {
        let (script, end) = Script::run(version, json!({"tools": {}}), |server| {
            let call = server.expect("tools/call");
            server.notify("notifications/tools/list_changed", json!({}));
            server.notify("notifications/odd", json!({"a": 1}));
            server.result(&call, json!({"content": [], "resultType": "complete"}));
            while server.try_next().is_some() {}
        });
        let client = Client::over_memory_builder(end).call_timeout(Duration::from_secs(5)).connect().unwrap();
        let mut events = client.events(EventFilter::new());
        client.call("x", &json!({})).unwrap();
        let first = event(&mut events);
        assert_eq!((first.name(), first.event_type()), ("notifications/tools/list_changed", "message"));
        assert_eq!(event(&mut events).payload::<Value>().unwrap(), json!({"a": 1}));
        drop((events, client));
        script.finish();
    }
}

#[test]
fn the_parts_of_a_batch_are_heard_one_by_one() {
    let (script, end) = Script::run(ProtocolVersion::V2025_03_26, json!({"tools": {}}), |server| {
        let call = server.expect("tools/call");
        server.send(json!([
            {"jsonrpc": "2.0", "method": "notifications/a", "params": {"n": 1}},
            {"jsonrpc": "2.0", "method": "notifications/b"},
            {"jsonrpc": "2.0", "id": call["id"], "result": {"content": []}},
        ]));
        while server.try_next().is_some() {}
    });
    let client = Client::over_memory_builder(end).call_timeout(Duration::from_secs(5)).connect().unwrap();
    let mut events = client.events(EventFilter::new());
    client.call("x", &json!({})).unwrap();
    let first = event(&mut events);
    assert_eq!(
        first.json::<Value>().unwrap(),
        json!({"jsonrpc": "2.0", "method": "notifications/a", "params": {"n": 1}})
    );
    assert_eq!(event(&mut events).method(), Some("notifications/b"));
    drop((events, client));
    script.finish();
}

#[test]
fn a_slow_listener_is_told_how_many_events_it_lost_and_holds_nobody_up() {
    let peer = Peer::run(|peer| {
        let mut stream = peer.handshake();
        let call = peer.request();
        call.accepted();
        for n in 0..100 {
            stream.raw(format!("event: tick\ndata: {n}\n\n"));
        }
        stream.reply_text(&call, "done");
        peer.wait_closed(stream.connection);
    });
    let client = builder(&peer.url("/sse"), Transport::HttpSse).connect().unwrap();
    let mut few = client.events(EventFilter::from("tick").queue(3, usize::MAX));
    let mut small = client.events(EventFilter::from("tick").queue(usize::MAX, 1));
    let mut all = client.events("tick");
    client.call("x", &json!({})).unwrap();
    assert_eq!(waiting(&mut few), ["Dropped(97)", "tick|97", "tick|98", "tick|99"]);
    assert_eq!(waiting(&mut small), ["Dropped(100)"], "no event is as small as that");
    let ticks = waiting(&mut all);
    assert_eq!((ticks.len(), &*ticks[0], &*ticks[99]), (100, "tick|0", "tick|99"));
    drop((few, small, all, client));
    peer.finish();
}

#[test]
fn predicates_run_where_the_events_are_taken() {
    let peer = Peer::run(|peer| {
        let mut stream = peer.handshake();
        let call = peer.request();
        call.accepted();
        for priority in [1, 9, 2, 8] {
            stream.raw(format!("data: {{\"event\":\"alert\",\"priority\":{priority}}}\n\n"));
        }
        stream.reply_text(&call, "done");
        peer.wait_closed(stream.connection);
    });
    let client = builder(&peer.url("/sse"), Transport::HttpSse).connect().unwrap();
    let here = std::thread::current().id();
    let urgent = EventFilter::from("alert").matching(move |event| {
        assert_eq!(std::thread::current().id(), here);
        event.priority().unwrap() > 5.0
    });
    let mut events = client.events(urgent);
    client.call("x", &json!({})).unwrap();
    let priorities: Vec<f64> = (0..2).map(|_| event(&mut events).priority().unwrap()).collect();
    assert_eq!(priorities, [9.0, 8.0]);
    assert!(waiting(&mut events).is_empty());
    drop((events, client));
    peer.finish();
}

#[test]
fn events_of_a_stream_that_is_opened_again_come_after_word_of_the_break() {
    let peer = Peer::run(|peer| {
        peer.shake_streamable();
        let own = peer.request();
        let mut stream = primed(&own, "s-0");
        stream.raw("retry: 1\nid: s-1\nevent: tick\ndata: before\n\n");
        stream.cut();
        let own = peer.request();
        assert_eq!(own.header("last-event-id"), Some("s-1"));
        let mut stream = own.open();
        stream.raw("event: tick\ndata: after\n\n");
        peer.request().taken();
        peer.wait_closed(own.connection);
    });
    let client = builder(&peer.url("/mcp"), Transport::StreamableHttp).connect().unwrap();
    let mut events = client.events("tick");
    assert_eq!(event(&mut events).text(), "before");
    assert!(matches!(next(&mut events), Heard::Missed(Missed::Reconnected)));
    assert_eq!(event(&mut events).text(), "after");
    drop((events, client));
    peer.finish();
}

#[test]
fn closing_ends_every_listener_and_a_lost_session_says_why() {
    let peer = Peer::run(|peer| {
        let mut stream = peer.handshake();
        stream.event("tick", "last");
        peer.request().accepted();
        peer.wait_closed(stream.connection);
    });
    let client = builder(&peer.url("/sse"), Transport::HttpSse).connect().unwrap();
    let mut events = client.events(EventFilter::new());
    let listener = std::thread::spawn({
        let mut events = client.events("never");
        move || events.next().is_none()
    });
    client.notify("notifications/roots/list_changed", &()).unwrap();
    client.close();
    assert!(listener.join().unwrap(), "whoever waits is woken");
    // What came before is still there, if it came before.
    let rest: Vec<_> = events.by_ref().map(Result::unwrap).collect();
    assert!(rest.len() <= 1, "{rest:?}");
    assert!(events.is_over() && client.events("x").next().is_none());
    peer.finish();

    let (script, end) = Script::run(ProtocolVersion::V2025_06_18, json!({}), |server| {
        server.notify("notifications/odd", json!({}));
    });
    let client = Client::over_memory_builder(end).call_timeout(Duration::from_secs(5)).connect().unwrap();
    script.finish();
    let mut events = client.events(EventFilter::new());
    // The notification may have come before anybody listened.
    let why = events.find_map(Result::err).expect("why the session ended");
    assert!(matches!(why, Error::StreamEnded(_)), "{why}");
    assert!(events.next().is_none(), "once");
    let late = client.events(EventFilter::new()).next();
    assert!(matches!(late, Some(Err(Error::StreamEnded(_)))), "{late:?}");
}

#[test]
fn next_within_comes_back_when_its_time_is_over() {
    let peer = Peer::run(|peer| {
        let stream = peer.handshake();
        peer.wait_closed(stream.connection);
    });
    let client = builder(&peer.url("/sse"), Transport::HttpSse).connect().unwrap();
    let mut events = client.events("tick");
    let begun = Instant::now();
    assert!(events.next_within(Duration::from_millis(30)).unwrap().is_none());
    assert!((Duration::from_millis(30)..BOUND).contains(&begun.elapsed()));
    assert!(!events.is_over());
    drop((events, client));
    peer.finish();
}

#[test]
fn plain_json_with_an_id_is_an_event_and_a_spoiled_answer_is_none() {
    let peer = Peer::run(|peer| {
        let mut stream = peer.handshake();
        let call = peer.request();
        call.accepted();
        // Plain JSON may have an id that means something else; a spoiled answer is told to its call.
        stream.message(&format!(r#"{{"event":"data_update","id":{}}}"#, call.id()));
        stream.message(&format!(r#"{{"jsonrpc":"2.0","id":{},"event":"data_update"}}"#, call.id()));
        peer.wait_closed(stream.connection);
    });
    let client = builder(&peer.url("/sse"), Transport::HttpSse).connect().unwrap();
    let mut events = client.events("data_update");
    let error = client.call("x", &json!({})).unwrap_err();
    assert!(error.to_string().starts_with("the server's answer is no JSON-RPC message"), "{error}");
    assert_eq!(waiting(&mut events).len(), 1);
    drop((events, client));
    peer.finish();
}

#[test]
fn a_listener_hears_of_a_lost_session_and_what_comes_in_the_next_one() {
    for policy in [Reconnect::new().interval(Duration::from_millis(50)), Reconnect::on_demand()] {
        let peer = Peer::run(|peer| {
            let mut stream = peer.handshake();
            stream.event("tick", "before");
            stream.cut();
            let mut stream = peer.handshake();
            stream.event("tick", "after");
            peer.wait_closed(stream.connection);
        });
        let (tell, told) = channel();
        let client = builder(&peer.url("/sse"), Transport::HttpSse)
            .reconnect(policy)
            .on_event("tick", move |_, event| tell.send(event.text().into_owned()).unwrap())
            .connect()
            .unwrap();
        let mut events = client.events("tick");
        // Whether somebody listened before the first one came is not what this is about.
        let mut texts = Vec::new();
        while texts.last().is_none_or(|text| text != "after") {
            match next(&mut events) {
                Heard::Event(event) => texts.push(event.text().into_owned()),
                Heard::Missed(missed) => texts.push(format!("{missed:?}")),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(texts[texts.len() - 2..], ["Reconnected", "after"]);
        assert_eq!([told.recv_timeout(BOUND).unwrap(), told.recv_timeout(BOUND).unwrap()], ["before", "after"]);
        drop((events, client));
        peer.finish();
    }
}

/// Whatever bytes a peer sends, all that can be asked of an event has an answer.
#[test]
fn no_data_is_too_odd_for_an_event() {
    let mut random = mcp_tests::random::Random::new(7);
    let pieces = [
        "{",
        "}",
        "[",
        "]",
        "\"event\"",
        "\"error\"",
        ":",
        ",",
        "\"priority\"",
        "1e999",
        "-7",
        "null",
        "\"\\ud800\"",
        "é",
        "\u{0}",
        "\"jsonrpc\":\"2.0\"",
        "\"method\":\"m\"",
        "\"params\":{}",
        "\"payload\"",
        "\"retry_after\"",
        "\"code\":\"RATE_LIMITED\"",
    ];
    for _ in 0..20_000 {
        let data: String = (0..random.below(12)).map(|_| pieces[random.below(pieces.len())]).collect();
        let mut data = data.into_bytes();
        if random.below(4) == 0 && !data.is_empty() {
            let at = random.below(data.len());
            data[at] = 0xff;
        }
        let event = Event::new("tick", "", &data);
        assert!(event.is(event.name()) && event.is("tick"));
        assert_eq!(event.data(), data);
        let _ = (
            event.priority(),
            event.error(),
            event.json::<Value>(),
            event.payload::<Value>(),
            event.text(),
            event.id(),
        );
    }
}
