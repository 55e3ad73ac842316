//! What a device needs: bytes on the heap of a server at the peak, counted by the allocator, for bounds that are stated here.
//!
//! With all parts of the server, and `std`; how ten thousand requests leave nothing behind without them is told by
//! `tests/no_std_probe/tests/memory.rs`, on the same harness.
#![allow(clippy::unwrap_used)] // a panic is the report
// An allocator cannot be written without it.
#![allow(unsafe_code)]

mod counted_device;

use mcp_core::Limits;
use mcp_server_tiny::engine::ConnId;
use mcp_server_tiny::types::{ElicitAction, ElicitParams, RequestedSchema};
use mcp_server_tiny::{Call, Resource, Server, Tool};
use mcp_tests::raw_http::RawAnswer;
use mcp_tests::raw_streamable::{call, initialize, post, stateless};
use serde_json::json;

use counted_device::{Device, count};

const MESSAGE_BYTES: usize = 2 * 1024;

/// Those of `examples/firmware`, but for two connections.
fn small_server() -> Server {
    let read_sensor = Tool::new("read_sensor").description("The temperature of the chip");
    let set_led = Tool::new("set_led").description("Turns the lamp on or off").param::<bool>("on", "whether it shines");
    Server::new("device", "1.0.0")
        .tool(read_sensor, |_| Ok("21.0 °C"))
        .tool(set_led, |call: &mut Call<'_>| Ok(if call.arg::<bool>("on")? { "on" } else { "off" }))
        .tool(Tool::new("uptime"), |_| Ok(5))
        .resource(Resource::text("device://memory", "memory", "none"))
        .without_http_sse()
        .without_listening()
        .without_logging()
        .keep_alive(None)
        .message_limits(|limits| *limits = Limits::SMALL)
        .limits(|limits| {
            limits.connections = 2;
            limits.sessions = 1;
            limits.turned_away = 1;
            limits.head_bytes = MESSAGE_BYTES;
            limits.body_bytes = MESSAGE_BYTES;
            limits.buffered_bytes = 2 * MESSAGE_BYTES;
            limits.output_bytes = 2 * MESSAGE_BYTES;
            limits.unsent_bytes = 4 * MESSAGE_BYTES;
            limits.spare_bytes = 0;
            limits.replay_bytes = 0;
            limits.replay_bytes_in_all = 0;
            limits.subscriptions = 0;
        })
}

/// What the server above may have on the heap at any time, whatever its clients do.
const PEAK: usize = 12 * 1024;

fn ask(device: &mut Device, conn: ConnId, bytes: impl AsRef<[u8]>) -> RawAnswer {
    let mut sent = device.send(conn, bytes);
    RawAnswer::take_from(&mut sent).unwrap()
}

#[test]
fn past_each_bound_there_is_a_refusal_and_no_growth() {
    let mut device = Device::of(small_server);
    let ask_alone = |device: &mut Device, request: &str| {
        let conn = device.connect().unwrap();
        let answer = ask(device, conn, request);
        device.close(conn);
        answer.status
    };
    assert_eq!(ask_alone(&mut device, &post(&[], &"x".repeat(MESSAGE_BYTES + 1))), 413);
    let long = "x".repeat(2 * MESSAGE_BYTES);
    assert_eq!(ask_alone(&mut device, &format!("POST /mcp HTTP/1.1\r\nX: {long}\r\n\r\n")), 431);

    // Connections: the third is told, the fourth is not even that.
    let (first, second) = (device.connect().unwrap(), device.connect().unwrap());
    let third = device.connect().unwrap();
    assert!(device.connect().is_none());
    assert!(device.sent().starts_with(b"HTTP/1.1 503 "));
    device.close(third);

    // Requests that have arrived in part: both are as large as may be, and together they are too large.
    let largest = post(&[], &"x".repeat(MESSAGE_BYTES));
    assert!(device.send(first, &largest[..largest.len() - 1]).is_empty());
    assert!(device.send(second, &largest[..largest.len() - 1]).starts_with(b"HTTP/1.1 503 "));
    device.close(first);
    device.close(second);

    // Sessions.
    let hello = post(&[], &initialize("2025-11-25", json!({})));
    assert_eq!(ask_alone(&mut device, &hello), 200);
    assert_eq!(ask_alone(&mut device, &hello), 503);

    // Subscriptions.
    let listen = stateless(1, "subscriptions/listen", json!({ "notifications": { "toolsListChanged": true } }));
    let conn = device.connect().unwrap();
    let refused = String::from_utf8(device.send(conn, listen)).unwrap();
    assert!(refused.contains("-32603"), "{refused}");
    device.close(conn);

    let peak = count().peak;
    eprintln!("past each bound: {peak} bytes at the peak");
    assert!(peak < PEAK, "{peak} bytes");
}

#[test]
fn a_session_that_asks_too_much_at_a_time_is_told_so_and_takes_no_more_memory() {
    // A call that waits for its client is in flight also when the connection of its answer is gone (R-SH-16).
    let asking = || {
        small_server().tool(Tool::new("confirm"), |call: &mut Call<'_>| {
            let question = ElicitParams::form("Really?", RequestedSchema::new());
            Ok(if call.elicit("sure", question)?.action == ElicitAction::Accept { "done" } else { "not done" })
        })
    };
    let mut device = Device::of(asking);
    let conn = device.connect().unwrap();
    let hello = post(&[], &initialize("2025-11-25", json!({ "elicitation": {} })));
    let session = ask(&mut device, conn, hello).field("Mcp-Session-Id").unwrap().to_owned();
    device.close(conn);
    let mut ask_to_confirm = |id: usize| {
        let conn = device.connect().unwrap();
        let body = call(id, "tools/call", json!({ "name": "confirm" }));
        let answer = device.send(conn, post(&[("Mcp-Session-Id", &session)], &body));
        device.close(conn);
        (String::from_utf8(answer).unwrap(), count().held)
    };
    for id in 0..Limits::SMALL.requests_in_flight {
        let (asked, _) = ask_to_confirm(id);
        assert!(asked.starts_with("HTTP/1.1 200 ") && asked.contains("elicitation/create"), "{asked}");
    }
    let mut after_a_few = 0;
    for id in 100..1000 {
        let (refused, held) = ask_to_confirm(id);
        assert!(refused.starts_with("HTTP/1.1 429 ") && refused.contains("too many requests in flight"), "{refused}");
        if id == 400 {
            // Deadlines of connections that are gone are kept for a while.
            after_a_few = held;
        }
        assert!(id <= 400 || held <= after_a_few, "{held} bytes after {id} requests, {after_a_few} after 400");
    }
    assert!(count().peak < PEAK, "{} bytes", count().peak);
}
