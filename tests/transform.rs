//! The hook that payloads go through before they are read: over every carrier, before there is a session and in it.
// In helpers too a panic is the report.
#![allow(clippy::unwrap_used)]

use std::borrow::Cow;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mcp_sse_blocking::events::{EventFilter, Heard, Payload, PayloadForm, TransformError};
use mcp_sse_blocking::mcp_core::revision::ProtocolVersion;
use mcp_sse_blocking::{Builder, Client, Error, Limits, Transport};
use mcp_tests::scripted_lines::Script;
use mcp_tests::scripted_peer::{BOUND, INITIALIZE_RESULT, Peer};
use mcp_tests::streamable_peer::{StreamablePeer as _, StreamableRequest as _, end_stream};
use serde_json::json;

fn builder(url: &str, transport: Transport) -> Builder {
    Client::builder(url)
        .transport(transport)
        .connect_timeout(Duration::from_secs(5))
        .call_timeout(Duration::from_secs(5))
}

/// What stands for a cipher: JSON backwards behind a mark. What has no mark is left as it is.
fn turned(text: &str) -> String {
    format!("~{}", text.chars().rev().collect::<String>())
}

fn turn_back<'a>(bytes: &'a [u8], _: &Payload<'_>) -> Result<Cow<'a, [u8]>, TransformError> {
    let Some(turned) = bytes.strip_prefix(b"~") else { return Ok(Cow::Borrowed(bytes)) };
    if turned == b"spoiled" {
        return Err("the seal of the payload is broken".into());
    }
    Ok(Cow::Owned(std::str::from_utf8(turned)?.chars().rev().collect::<String>().into_bytes()))
}

fn result(id: &str, text: &str) -> String {
    let content = json!([{"type": "text", "text": text}]);
    format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"content":{content}}}}}"#)
}

const PROGRESS: &str = r#"{"jsonrpc":"2.0","method":"notifications/odd","params":{"n":1}}"#;

#[test]
fn over_http_sse_everything_but_the_endpoint_is_transformed_also_before_there_is_one() {
    let peer = Peer::run(|peer| {
        let mut stream = peer.stream();
        stream.message(&turned(PROGRESS));
        stream.event("endpoint", mcp_tests::scripted_peer::ENDPOINT);
        let initialize = peer.request();
        initialize.accepted();
        let answer = format!(r#"{{"jsonrpc":"2.0","id":{},"result":{INITIALIZE_RESULT}}}"#, initialize.id());
        stream.message(&turned(&answer));
        peer.request().accepted();
        let call = peer.request();
        call.accepted();
        stream.event("tick", &turned("tock"));
        stream.message(&turned("not for us").replace('~', "~spoiled"));
        stream.message("~spoiled");
        stream.message(&turned(&result(&call.id(), "in the clear")));
        let call = peer.request();
        call.accepted();
        stream.reply_text(&call, "never hidden");
        peer.wait_closed(stream.connection);
    });
    let (tell, told) = std::sync::mpsc::channel();
    let client = builder(&peer.url("/sse"), Transport::HttpSse)
        .transform(turn_back)
        .on_event("notifications/odd", move |_, event| tell.send(event.text().into_owned()).unwrap())
        .connect()
        .unwrap();
    assert_eq!(told.recv_timeout(BOUND).unwrap(), PROGRESS);
    let mut events = client.events("tick");
    // A payload that cannot be read is left out: nobody knows whose it was.
    assert_eq!(client.call("x", &json!({})).unwrap().all_text(), "in the clear");
    assert_eq!(client.call("x", &json!({})).unwrap().all_text(), "never hidden");
    let Some(Heard::Event(tick)) = events.next_within(BOUND).unwrap() else { panic!() };
    assert_eq!(tick.text(), "tock");
    drop((events, client));
    peer.finish();
}

#[test]
fn over_streamable_http_bodies_and_events_are_transformed_from_the_first_answer_on() {
    let peer = Peer::run(|peer| {
        let initialize = peer.expect("initialize");
        let answer = format!(
            r#"{{"jsonrpc":"2.0","id":{},"result":{}}}"#,
            initialize.id(),
            mcp_tests::streamable_peer::RESULT_2025
        );
        let mut stream = initialize.open();
        stream.message(&turned(PROGRESS));
        stream.message(&turned(&answer));
        end_stream(&initialize);
        peer.expect("notifications/initialized").taken();
        let call = peer.expect("tools/call");
        call.json_status("200 OK", "", &turned(&result(&call.id(), "a body")));
        let call = peer.expect("tools/call");
        let mut stream = call.open();
        stream.message(&turned(PROGRESS));
        stream.message(&turned(&result(&call.id(), "an event")));
        end_stream(&call);
        let call = peer.expect("tools/call");
        let refused = format!(r#"{{"jsonrpc":"2.0","id":{},"error":{{"code":-32602,"message":"no"}}}}"#, call.id());
        call.json_status("400 Bad Request", "", &turned(&refused));
    });
    let client = builder(&peer.url("/mcp"), Transport::StreamableHttp).transform(turn_back).connect().unwrap();
    let call = || client.call("x", &json!({})).map(|result| result.all_text());
    assert_eq!(call().unwrap(), "a body");
    assert_eq!(call().unwrap(), "an event");
    let refused = call().unwrap_err();
    assert!(matches!(&refused, Error::Rpc(error) if error.code == -32602), "{refused}");
    peer.finish();
}

#[test]
fn over_lines_each_line_is_transformed_from_the_first_on() {
    for version in [ProtocolVersion::V2025_06_18, ProtocolVersion::V2026_07_28] {
        let (script, end) = Script::run(version, json!({"tools": {}}), |server| {
            let call = server.expect("tools/call");
            server.notify("notifications/odd", json!({}));
            server.result(&call, json!({"content": [], "resultType": "complete"}));
            while server.try_next().is_some() {}
        });
        let lines = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&lines);
        let client = Client::over_memory_builder(end)
            .call_timeout(Duration::from_secs(5))
            .transform(move |bytes, payload| {
                seen.lock().unwrap().push((payload.form, payload.event_type.to_owned()));
                // The same in other words.
                Ok(Cow::Owned([b" ", bytes].concat()))
            })
            .connect()
            .unwrap();
        let mut events = client.events(EventFilter::new());
        client.call("x", &json!({})).unwrap();
        let Some(Heard::Event(odd)) = events.next_within(BOUND).unwrap() else { panic!() };
        assert!(odd.text().starts_with(" {"), "{odd:?}");
        let lines = lines.lock().unwrap().clone();
        let greeting = if version.has_handshake() { 2 } else { 1 };
        assert_eq!(lines, vec![(PayloadForm::Line, "message".to_owned()); greeting + 2]);
        drop((events, client));
        script.finish();
    }
}

#[test]
fn a_refused_answer_fails_its_call_and_names_the_hook() {
    let peer = Peer::run(|peer| {
        peer.shake_streamable();
        peer.expect("tools/call").json_status("200 OK", "", "~spoiled");
        let call = peer.expect("tools/call");
        call.open().message("~spoiled");
        // Beside a status that says enough, it is shown as it came, and never taken for a message.
        peer.expect("tools/call").json_status("500 Internal Server Error", "", "~spoiled");
        peer.expect("tools/call").json_text("the session goes on");
    });
    let client = builder(&peer.url("/mcp"), Transport::StreamableHttp).transform(turn_back).connect().unwrap();
    let call = || client.call("x", &json!({})).map(|result| result.all_text());
    for form in ["body", "event"] {
        let error = call().unwrap_err();
        assert!(matches!(error, Error::Transform(_)), "{error:?}");
        let told = format!("the hook of `transform` refused the {form}: the seal of the payload is broken");
        assert_eq!(error.to_string(), told);
    }
    let failed = call().unwrap_err().to_string();
    assert!(failed.starts_with("HTTP status 500") && failed.ends_with(": ~spoiled"), "{failed}");
    assert_eq!(call().unwrap(), "the session goes on");
    peer.finish();
}

#[test]
fn a_hook_that_makes_too_much_or_panics_fails_the_call_and_no_more() {
    let peer = Peer::run(|peer| {
        peer.shake_streamable();
        for text in ["make much of me", "panic", "fine"] {
            peer.expect("tools/call").json_text(text);
        }
    });
    let mut limits = Limits::default();
    limits.message_bytes = 10_000;
    let client = builder(&peer.url("/mcp"), Transport::StreamableHttp)
        .limits(limits)
        .transform(|bytes, _| match String::from_utf8_lossy(bytes) {
            text if text.contains("panic") => panic!("as some hooks do"),
            text if text.contains("make much") => Ok(Cow::Owned([bytes, &[b' '; 10_000]].concat())),
            _ => Ok(Cow::Borrowed(bytes)),
        })
        .connect()
        .unwrap();
    let call = || client.call("x", &json!({})).map(|result| result.all_text());
    let much = call().unwrap_err().to_string();
    assert_eq!(much, "the hook of `transform` made more of the body than 10000 bytes (limit `message_bytes`)");
    assert_eq!(call().unwrap_err().to_string(), "the hook of `transform` panicked at the body");
    assert_eq!(call().unwrap(), "fine");
    peer.finish();
}

#[test]
fn connecting_fails_with_what_the_hook_says_of_the_first_answer() {
    let peer = Peer::run(|peer| {
        peer.expect("initialize").json_status("200 OK", "", "~spoiled");
    });
    let refused = builder(&peer.url("/mcp"), Transport::StreamableHttp).transform(turn_back).connect();
    let told = refused.unwrap_err().to_string();
    assert_eq!(told, "the hook of `transform` refused the body: the seal of the payload is broken");
    peer.finish();
}

#[test]
fn each_payload_goes_through_the_hook_once() {
    let peer = Peer::run(|peer| {
        let mut stream = peer.handshake();
        for _ in 0..3 {
            let call = peer.request();
            call.accepted();
            stream.event("tick", "tock");
            stream.reply_text(&call, "done");
        }
        peer.wait_closed(stream.connection);
    });
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    let client = builder(&peer.url("/sse"), Transport::HttpSse)
        .transform(move |bytes, payload| {
            assert_eq!(payload.form, PayloadForm::Event);
            counted.fetch_add(1, Ordering::Relaxed);
            Ok(Cow::Borrowed(bytes))
        })
        .connect()
        .unwrap();
    for _ in 0..3 {
        client.call("x", &json!({})).unwrap();
    }
    assert_eq!(count.load(Ordering::Relaxed), 1 + 2 * 3);
    drop(client);
    peer.finish();
}
