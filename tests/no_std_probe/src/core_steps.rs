//! An event with a call in it is read, decoded, answered, and the answer written as an event.

use alloc::vec::Vec;

use mcp_core::Limits;
use mcp_core::jsonrpc::{self, Message, Payload};
use mcp_core::sse;

const CALL: &[u8] =
    br#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"echo","arguments":{"text":"hi"}}}"#;

/// 0 when all came out right, else the number of the step that did not.
pub(crate) fn run() -> i32 {
    let limits = Limits::default();

    let mut wire = Vec::new();
    if sse::encode::event(&mut wire, "message", CALL).is_err() {
        return 1;
    }
    let mut decoder = sse::Decoder::new(&limits);
    if decoder.push(&wire).is_err() {
        return 2;
    }
    let Ok(Some(event)) = decoder.next_event() else { return 3 };
    let Ok(Payload::Message(Message::Request(request))) = jsonrpc::decode(event.data, &limits) else { return 4 };
    if request.method != "tools/call" || request.params.is_none() {
        return 5;
    }

    let mut answer = Vec::new();
    let mark = sse::begin(&mut answer, "message");
    if jsonrpc::write_result(&mut answer, &request.id, &"hi").is_err() {
        return 6;
    }
    sse::finish(&mut answer, mark);
    let wanted = b"event: message\ndata: {\"jsonrpc\":\"2.0\",\"id\":7,\"result\":\"hi\"}\n\n";
    if answer != wanted { 7 } else { 0 }
}
