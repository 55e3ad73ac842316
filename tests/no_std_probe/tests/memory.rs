//! What the server of `examples/firmware` needs, without the parts that it leaves out: bytes on the heap at the peak, counted by
//! the allocator, for a bound that is stated here; and what it says that it cannot do.
//!
//! The host has pointers of 64 bits, so it needs more than the device does; `tests/device_qemu.rs` asks that one itself.
#![allow(clippy::unwrap_used)] // a panic is the report
// An allocator cannot be written without it.
#![allow(unsafe_code)]

extern crate alloc;

#[path = "../../counted_device.rs"]
mod counted_device;
#[path = "../../../examples/firmware/src/offers.rs"]
mod offers;

use std::time::Duration;

use counted_device::{Count, Device, count, counted};
use mcp_core::time::Instant;
use mcp_server_tiny::types::Change;

// What the offers ask of a board.

mod board {
    pub(crate) struct Board;

    impl Board {
        pub(crate) fn temperature() -> Option<i32> {
            Some(210)
        }

        pub(crate) fn set_lamp(on: bool) -> bool {
            on
        }
    }
}

mod clock {
    pub(crate) fn uptime_millis() -> u32 {
        5
    }
}

mod heap {
    pub(crate) struct Use {
        pub(crate) bytes: usize,
        pub(crate) used: usize,
        pub(crate) peak: usize,
    }

    pub(crate) fn usage() -> Use {
        Use { bytes: 40_912, used: 2_000, peak: 7_000 }
    }
}

mod start {
    pub(crate) fn stack() -> (usize, usize) {
        (24_576, 13_000)
    }
}

/// What the server may have on the heap at any time.
const PEAK: usize = 8 * 1024;

const META: &str = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"t","version":"0"},"io.modelcontextprotocol/clientCapabilities":{}}"#;

fn post(fields: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Accept: application/json, text/event-stream\r\n{fields}Content-Length: {length}\r\n\r\n{body}"
    )
}

/// A request that stands alone; `params` ends with a comma unless it is empty.
fn stateless(id: usize, method: &str, name: &str, params: &str) -> String {
    let named = if name.is_empty() { String::new() } else { format!("Mcp-Name: {name}\r\n") };
    let fields = format!("MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: {method}\r\n{named}");
    post(&fields, &format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{{{params}{META}}}}}"#))
}

fn a_call(number: usize) -> String {
    let call = |name: &str, arguments: &str| {
        stateless(number, "tools/call", name, &format!(r#""name":"{name}","arguments":{{{arguments}}},"#))
    };
    match number % 5 {
        0 => call("read_sensor", ""),
        1 => call("set_led", r#""on":true"#),
        2 => call("uptime", ""),
        3 => stateless(number, "tools/list", "", ""),
        _ => stateless(number, "resources/read", "device://memory", r#""uri":"device://memory","#),
    }
}

/// Asks on a connection of its own.
fn ask(device: &mut Device, request: &str) -> String {
    let conn = device.connect().unwrap();
    let answer = String::from_utf8(device.send(conn, request)).unwrap();
    device.close(conn);
    answer
}

#[test]
fn ten_thousand_requests_leave_nothing_behind() {
    let mut device = Device::of(offers::server);
    let at_rest = count().held;
    let mut after_a_few = 0;
    for client in 0..1000 {
        let conn = device.connect().unwrap();
        for number in 0..10 {
            let answer = device.send(conn, a_call(10 * client + number));
            assert!(answer.starts_with(b"HTTP/1.1 200 ") && answer.ends_with(b"}}"), "{number}");
        }
        // Every tenth leaves in the middle of a request.
        if client % 10 == 0 {
            device.send(conn, &a_call(client)[..200]);
        }
        device.close(conn);
        device.now = device.now + Duration::from_secs(1);
        counted(|| device.engine.handle_timeouts(device.now));
        device.sent();
        if client == 100 {
            after_a_few = count().held;
        }
    }
    let Count { held, peak } = count();
    eprintln!("10 000 requests: {at_rest} bytes at rest, {held} afterwards, {peak} at the peak");
    assert_eq!(held, after_a_few);
    assert!(peak < PEAK, "{peak} bytes");
}

#[test]
fn what_clients_cannot_be_told_over_http_is_not_declared() {
    let mut device = Device::of(offers::server);
    let says = |answer: &str| ["listChanged", "\"subscribe\""].iter().any(|word| answer.contains(word));
    let found = ask(&mut device, &stateless(1, "server/discover", "", ""));
    assert!(found.contains("\"tools\":{}") && !says(&found), "{found}");
    let listen = stateless(2, "subscriptions/listen", "", r#""notifications":{"toolsListChanged":true},"#);
    let refused = ask(&mut device, &listen);
    assert!(refused.contains("-32601"), "{refused}");

    let hello = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"0"}}}"#;
    let greeted = ask(&mut device, &post("", hello));
    assert!(greeted.contains("\"tools\":{}") && !says(&greeted), "{greeted}");
    let session = greeted.lines().find(|line| line.to_ascii_lowercase().starts_with("mcp-session-id:")).unwrap();
    for method in ["resources/subscribe", "resources/unsubscribe"] {
        let body = format!(r#"{{"jsonrpc":"2.0","id":2,"method":"{method}","params":{{"uri":"device://memory"}}}}"#);
        let refused = ask(&mut device, &post(&format!("{session}\r\n"), &body));
        assert!(refused.contains("-32601") && refused.contains(method), "{refused}");
    }
    // What comes later declares nothing either, and what nobody is told is not kept.
    device.engine.offers().remove_tool("uptime");
    device.engine.announce(Change::Tools);
    let found = ask(&mut device, &stateless(3, "server/discover", "", ""));
    assert!(!says(&found), "{found}");
}

#[test]
fn over_a_pipe_clients_can_be_told_all_the_same() {
    let mut pipe = offers::server().pipe().unwrap();
    let mut ask = |request: &str| {
        pipe.received(Instant::ZERO, format!("{request}\n").as_bytes()).unwrap();
        let sent = String::from_utf8(pipe.output().to_vec()).unwrap();
        pipe.sent(sent.len());
        sent
    };
    let found = ask(&format!(r#"{{"jsonrpc":"2.0","id":1,"method":"server/discover","params":{{{META}}}}}"#));
    assert!(found.contains(r#""tools":{"listChanged":true}"#) && found.contains(r#""subscribe":true"#), "{found}");
    let hello = r#"{"jsonrpc":"2.0","id":2,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"0"}}}"#;
    assert!(ask(hello).contains(r#""subscribe":true"#));
    ask(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#);
    let watch = r#"{"jsonrpc":"2.0","id":3,"method":"resources/subscribe","params":{"uri":"device://memory"}}"#;
    assert!(ask(watch).contains(r#""result":{}"#));
    pipe.offers().remove_tool("uptime");
    pipe.received(Instant::ZERO, b"\n").unwrap();
    pipe.received(Instant::ZERO, b"{\"jsonrpc\":\"2.0\",\"id\":4,\"method\":\"ping\"}\n").unwrap();
    let told = String::from_utf8(pipe.output().to_vec()).unwrap();
    assert!(told.contains("notifications/tools/list_changed"), "{told}");
}
