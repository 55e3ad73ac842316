//! What a device needs: bytes on the heap of a server at the peak, counted by the allocator, for bounds that are stated here.
//!
//! Only what the server asks for is counted, on the thread of the test. Growing a block counts the old one and
//! the new one at once, as on a device, where it is copied. How a heap is fragmented is not counted; `device_arena.rs` and
//! `device_qemu.rs` run on real ones.
#![allow(clippy::unwrap_used)] // a panic is the report
// An allocator cannot be written without it.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::Duration;

use mcp_core::Limits;
use mcp_core::time::Instant;
use mcp_server_tiny::engine::{ConnId, Engine, Next};
use mcp_server_tiny::types::{ElicitAction, ElicitParams, RequestedSchema};
use mcp_server_tiny::{Call, Resource, Server, Tool};
use mcp_tests::raw_http::RawAnswer;
use mcp_tests::raw_streamable::{call, initialize, post, stateless};
use serde_json::json;

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[derive(Clone, Copy)]
struct Count {
    held: usize,
    peak: usize,
}

const NONE: Count = Count { held: 0, peak: 0 };

thread_local! {
    static COUNT: Cell<Count> = const { Cell::new(NONE) };
    static COUNTS: Cell<bool> = const { Cell::new(false) };
}

// SAFETY: memory is the system's; this only counts, in cells that need no memory themselves.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if COUNTS.get() {
            let mut count = COUNT.get();
            count.held += layout.size();
            count.peak = count.peak.max(count.held);
            COUNT.set(count);
        }
        // SAFETY: the layout is the caller's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if COUNTS.get() {
            let count = COUNT.get();
            // Less than nothing would be a block that was not counted: a mistake in the test.
            COUNT.set(Count { held: count.held.wrapping_sub(layout.size()), ..count });
        }
        // SAFETY: the block is the system's, of this layout.
        unsafe { System.dealloc(block, layout) }
    }
}

/// Counts what `work` asks for and gives back.
fn counted<T>(work: impl FnOnce() -> T) -> T {
    COUNTS.set(true);
    let done = work();
    COUNTS.set(false);
    done
}

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

/// An engine whose memory is counted.
struct Device {
    engine: Engine,
    now: Instant,
}

impl Device {
    fn new() -> Self {
        Self::of(small_server())
    }

    fn of(server: Server) -> Self {
        COUNT.set(NONE);
        let mut drawn = 0u128;
        let entropy = move |secret: &mut [u8; 16]| {
            drawn += 1;
            *secret = drawn.to_be_bytes();
            true
        };
        let engine = counted(|| server.engine(entropy)).unwrap();
        Self { engine, now: Instant::ZERO }
    }

    fn connect(&mut self) -> Option<ConnId> {
        counted(|| self.engine.accept(self.now))
    }

    /// Sends bytes, and gives what all connections were sent.
    fn send(&mut self, conn: ConnId, bytes: impl AsRef<[u8]>) -> Vec<u8> {
        counted(|| self.engine.received(conn, self.now, bytes.as_ref()));
        self.sent()
    }

    fn sent(&mut self) -> Vec<u8> {
        let mut sent = Vec::new();
        while let Some(conn) = counted(|| self.engine.next_ready()) {
            let output = self.engine.output(conn);
            sent.extend_from_slice(output);
            let count = output.len();
            counted(|| self.engine.sent(conn, self.now, count));
            if self.engine.next(conn) != Next::Wait {
                counted(|| self.engine.closed(conn));
            }
        }
        sent
    }

    fn ask(&mut self, conn: ConnId, bytes: impl AsRef<[u8]>) -> RawAnswer {
        let mut sent = self.send(conn, bytes);
        RawAnswer::take_from(&mut sent).unwrap()
    }

    fn close(&mut self, conn: ConnId) {
        counted(|| self.engine.closed(conn));
    }

    fn pass(&mut self, time: Duration) {
        self.now = self.now + time;
        counted(|| self.engine.handle_timeouts(self.now));
        self.sent();
    }
}

fn a_call(number: usize) -> String {
    match number % 4 {
        0 => stateless(number, "tools/call", json!({ "name": "read_sensor", "arguments": {} })),
        1 => stateless(number, "tools/call", json!({ "name": "set_led", "arguments": { "on": true } })),
        2 => stateless(number, "tools/list", json!({})),
        _ => stateless(number, "resources/read", json!({ "uri": "device://memory" })),
    }
}

#[test]
fn ten_thousand_requests_leave_nothing_behind() {
    let mut device = Device::new();
    let at_rest = COUNT.get().held;
    let mut after_a_few = 0;
    for client in 0..1000 {
        let conn = device.connect().unwrap();
        for number in 0..10 {
            assert_eq!(device.ask(conn, a_call(10 * client + number)).status, 200);
        }
        // Every tenth leaves in the middle of a request.
        if client % 10 == 0 {
            device.send(conn, &a_call(client)[..200]);
        }
        device.close(conn);
        device.pass(Duration::from_secs(1));
        if client == 100 {
            after_a_few = COUNT.get().held;
        }
    }
    let Count { held, peak } = COUNT.get();
    eprintln!("10 000 requests: {at_rest} bytes at rest, {held} afterwards, {peak} at the peak");
    assert_eq!(held, after_a_few);
    assert!(peak < PEAK, "{peak} bytes");
}

#[test]
fn past_each_bound_there_is_a_refusal_and_no_growth() {
    let mut device = Device::new();
    let ask_alone = |device: &mut Device, request: &str| {
        let conn = device.connect().unwrap();
        let answer = device.ask(conn, request);
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

    let peak = COUNT.get().peak;
    eprintln!("past each bound: {peak} bytes at the peak");
    assert!(peak < PEAK, "{peak} bytes");
}

#[test]
fn a_session_that_asks_too_much_at_a_time_is_told_so_and_takes_no_more_memory() {
    // A call that waits for its client is in flight also when the connection of its answer is gone (R-SH-16).
    let asking = small_server().tool(Tool::new("confirm"), |call: &mut Call<'_>| {
        let question = ElicitParams::form("Really?", RequestedSchema::new());
        Ok(if call.elicit("sure", question)?.action == ElicitAction::Accept { "done" } else { "not done" })
    });
    let mut device = Device::of(asking);
    let conn = device.connect().unwrap();
    let hello = post(&[], &initialize("2025-11-25", json!({ "elicitation": {} })));
    let session = device.ask(conn, hello).field("Mcp-Session-Id").unwrap().to_owned();
    device.close(conn);
    let mut ask = |id: usize| {
        let conn = device.connect().unwrap();
        let body = call(id, "tools/call", json!({ "name": "confirm" }));
        let answer = device.send(conn, post(&[("Mcp-Session-Id", &session)], &body));
        device.close(conn);
        (String::from_utf8(answer).unwrap(), COUNT.get().held)
    };
    for id in 0..Limits::SMALL.requests_in_flight {
        let (asked, _) = ask(id);
        assert!(asked.starts_with("HTTP/1.1 200 ") && asked.contains("elicitation/create"), "{asked}");
    }
    let mut after_a_few = 0;
    for id in 100..1000 {
        let (refused, held) = ask(id);
        assert!(refused.starts_with("HTTP/1.1 429 ") && refused.contains("too many requests in flight"), "{refused}");
        if id == 400 {
            // Deadlines of connections that are gone are kept for a while.
            after_a_few = held;
        }
        assert!(id <= 400 || held <= after_a_few, "{held} bytes after {id} requests, {after_a_few} after 400");
    }
    assert!(COUNT.get().peak < PEAK, "{} bytes", COUNT.get().peak);
}
