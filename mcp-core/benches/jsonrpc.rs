//! How fast a message is found in its bytes, beside the least that `serde` does for it.
//!
//! `cargo bench -p mcp-core --bench jsonrpc`
//!
//! The limit is a derived struct that borrows the same members, with parameters as raw JSON: no bounds, no presence of `null`, no
//! classification. The message is a `tools/call` of 1 KB with the mixture of strings, numbers and objects that arguments have.

use std::hint::black_box;

use mcp_core::Limits;
use mcp_core::jsonrpc::{Message, Payload, RequestId, decode, write_request};
use serde::Deserialize;
use serde_json::value::RawValue;

mod harness;

use harness::{Case, Target, compare};

fn main() {
    for (name, message) in [("tools/call of 1 KB", call(1024)), ("tools/call of 200 bytes", call(200))] {
        let case = Case { name, bytes: message.len(), items: 1, target: Target::TimeAtMost(1.1) };
        let limits = Limits::default();
        compare(
            &case,
            || match decode(black_box(&message), &limits) {
                Ok(Payload::Message(Message::Request(request))) => size(&request.method, request.params),
                other => panic!("{other:?}"),
            },
            || match serde_json::from_slice::<Borrowed<'_>>(black_box(&message)) {
                Ok(message) => size(message.method, Some(message.params)) + message.jsonrpc.len() - 3,
                Err(error) => panic!("{error}"),
            },
        );
    }
}

#[derive(Deserialize)]
struct Borrowed<'a> {
    jsonrpc: &'a str,
    #[expect(dead_code, reason = "it is read, as ours is")]
    id: u64,
    method: &'a str,
    #[serde(borrow)]
    params: &'a RawValue,
}

fn size(method: &str, params: Option<&RawValue>) -> usize {
    method.len() + params.map_or(0, |params| params.get().len())
}

/// A call whose bytes are as many as asked for, within one row.
fn call(bytes: usize) -> Vec<u8> {
    let mut rows: Vec<serde_json::Value> = Vec::new();
    loop {
        let params = serde_json::json!({"name": "store", "arguments": {"table": "measurements", "rows": rows}});
        let mut message = Vec::new();
        write_request(&mut message, &RequestId::from(42), "tools/call", &params).expect("plain values serialize");
        if message.len() >= bytes {
            return message;
        }
        rows.push(serde_json::json!({
            "sensor": format!("roof-{}", rows.len()), "value": 21.5, "valid": true, "note": "read by the \"north\" gateway"}));
    }
}
