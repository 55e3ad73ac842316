//! Bodies of the JSON-RPC fuzz targets: ordinary functions that the tests call as well.

use mcp_core::Limits;
use mcp_core::jsonrpc::{
    DecodeError, ErrorId, Message, Payload, decode, ndjson, write_error, write_notification, write_request,
    write_result,
};
use mcp_core::session::RequestOptions;
use serde_json::Value;

use crate::pair::Pair;

/// Any bytes decode or fail without a panic. A message that decodes is written on one line, decodes again, and means the same.
///
/// # Panics
///
/// If it does not.
pub fn decode_and_write_back(bytes: &[u8]) {
    let limits = Limits::default();
    match decode(bytes, &limits) {
        Ok(Payload::Message(message)) => check(&message, &limits),
        Ok(Payload::Batch(batch)) => {
            for message in batch {
                match message {
                    Ok(message) => check(&message, &limits),
                    Err(error) => assert!(!error.to_string().is_empty()),
                }
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// Any lines are taken in by a session of either side, which sends at most one message for each and never more than it was asked.
///
/// # Panics
///
/// If one does not.
pub fn sessions(bytes: &[u8]) {
    let mut pair = Pair::operating("2025-03-26");
    let mut asked = Vec::new();
    let asking = RequestOptions { progress: true, ..RequestOptions::PLAIN };
    assert!(pair.client.request("tools/call", &(), asking, &mut asked).is_ok());
    for line in bytes.split(|byte| *byte == b'\n') {
        let Ok(Payload::Message(message)) = decode(line, &Limits::default()) else { continue };
        let may_answer = matches!(message, Message::Request(_));
        for out in [pair.to_server(line, |_| {}), pair.to_client(line, |_| {})] {
            assert!(
                out.is_empty() || (may_answer && matches!(decode(&out, &Limits::default()), Ok(Payload::Message(_))))
            );
        }
    }
}

/// Any bytes give the same lines, whole or byte by byte.
///
/// # Panics
///
/// If they do not.
pub fn lines_do_not_depend_on_pieces(bytes: &[u8]) {
    let split = |size: usize| {
        let mut decoder = ndjson::Decoder::new(&Limits::SMALL);
        let mut lines: Vec<Vec<u8>> = Vec::new();
        for piece in bytes.chunks(size.max(1)) {
            if decoder.push(piece).is_err() {
                return (lines, true);
            }
            loop {
                match decoder.next_message() {
                    Ok(Some(line)) => lines.push(line.to_vec()),
                    Ok(None) => break,
                    Err(_) => return (lines, true),
                }
            }
        }
        (lines, false)
    };
    assert_eq!(split(bytes.len()), split(1));
}

fn check(message: &Message<'_>, limits: &Limits) {
    let mut line = Vec::new();
    write(&mut line, message);
    assert!(!line.contains(&b'\n') && !line.contains(&b'\r'), "one line");
    match decode(&line, limits) {
        Ok(Payload::Message(again)) => assert_eq!(meaning(message), meaning(&again)),
        // Escapes may be written longer than they came.
        Err(DecodeError { fault, .. }) => assert!(matches!(fault, mcp_core::jsonrpc::Fault::Limit(_)), "{fault}"),
        Ok(Payload::Batch(_)) => panic!("a message became a batch"),
    }
}

#[expect(clippy::expect_used, reason = "raw JSON and strings serialize; a failure is what the caller looks for")]
fn write(out: &mut Vec<u8>, message: &Message<'_>) {
    match message {
        Message::Request(it) => write_request(out, &it.id, &it.method, &it.params).expect("raw JSON"),
        Message::Notification(it) => write_notification(out, &it.method, &it.params).expect("raw JSON"),
        Message::Response(it) => write_result(out, &it.id, it.result).expect("raw JSON"),
        Message::Error(it) => write_error(out, &it.id, &it.error),
    }
}

/// A message with its raw JSON parsed, so that white space does not matter.
fn meaning(message: &Message<'_>) -> (String, Option<ErrorId<'static>>, String, Option<Value>) {
    let parsed = |raw: &serde_json::value::RawValue| serde_json::from_str::<Value>(raw.get()).ok();
    match message {
        Message::Request(it) => (
            "request".into(),
            Some(it.id.clone().into_owned().into()),
            it.method.to_string(),
            it.params.and_then(parsed),
        ),
        Message::Notification(it) => ("notification".into(), None, it.method.to_string(), it.params.and_then(parsed)),
        Message::Response(it) => {
            ("response".into(), Some(it.id.clone().into_owned().into()), String::new(), parsed(it.result))
        }
        Message::Error(it) => (
            format!("error {}", it.error.code),
            Some(it.id.clone().into_owned()),
            it.error.message.to_string(),
            it.error.data.and_then(parsed),
        ),
    }
}
