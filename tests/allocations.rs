//! What a call takes of the allocator, and that it gives all of it back: client and server in one process, over each carrier, in
//! steady state. One test, because the allocator is the whole process's.

// A test reports by panicking.
#![allow(clippy::unwrap_used)]
// An allocator cannot be written without it.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::thread;

use mcp_server_tiny::{Server, Tool};
use mcp_sse_blocking::mcp_core::revision::ProtocolVersion;
use mcp_sse_blocking::{Client, Transport};
use serde_json::json;

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Blocks that were asked for, moved to more room included.
static BLOCKS: AtomicU64 = AtomicU64::new(0);
/// Bytes that were not given back.
static HELD: AtomicI64 = AtomicI64::new(0);

// SAFETY: memory is the system's; this only counts.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        BLOCKS.fetch_add(1, Relaxed);
        HELD.fetch_add(layout.size() as i64, Relaxed);
        // SAFETY: the layout is the caller's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size() as i64, Relaxed);
        // SAFETY: the block is the system's, of this layout.
        unsafe { System.dealloc(block, layout) }
    }
}

/// Calls until every buffer and table has the size that it keeps.
const WARM_UP: u32 = 500;
/// Calls that are counted. What each of them left behind would be seen at once: one byte a call is more than [`SLACK`].
const CALLS: u32 = 8_000;
/// What a thread may be holding at the moment of counting: the other end is in the middle of its turn.
const SLACK: i64 = 4096;

struct Carrier {
    name: &'static str,
    path: &'static str,
    transport: Transport,
    revision: ProtocolVersion,
}

#[test]
fn calls_leave_nothing_behind_and_take_no_more_blocks_than_they_are_known_to() {
    let carriers = [
        ("stateless", "/mcp", Transport::Stateless, ProtocolVersion::V2026_07_28, 80),
        ("in a session", "/mcp", Transport::StreamableHttp, ProtocolVersion::V2025_11_25, 52),
        ("HTTP+SSE", "/sse", Transport::HttpSse, ProtocolVersion::V2025_11_25, 52),
    ];
    // Blocks that one call may take of both ends: about a tenth above what it takes.
    for (name, path, transport, revision, most) in carriers {
        let (held, blocks) = costs(&Carrier { name, path, transport, revision });
        assert!(held.abs() <= SLACK, "{name}: {CALLS} calls left {held} bytes");
        assert!(blocks <= most, "{name}: {blocks} blocks a call, at most {most} so far");
    }
}

/// Bytes that [`CALLS`] calls left behind, and blocks of one.
fn costs(carrier: &Carrier) -> (i64, u64) {
    let echo = Tool::new("echo").param::<String>("text", "what to say");
    let bound =
        Server::new("measured", "1").tool(echo, |call| Ok(call.arg::<&str>("text")?.to_owned())).bind_local(0).unwrap();
    let url = format!("http://{}{}", bound.local_addr(), carrier.path);
    let handle = bound.handle();
    let serving = thread::spawn(move || bound.run());
    let builder = Client::builder(&url).transport(carrier.transport).protocol_version(carrier.revision);
    let client = builder.connect().unwrap();
    let arguments = json!({"text": "hello"});
    let call = || assert_eq!(client.call("echo", &arguments).unwrap().all_text(), "hello", "{}", carrier.name);
    (0..WARM_UP).for_each(|_| call());
    let (held, blocks) = (HELD.load(Relaxed), BLOCKS.load(Relaxed));
    (0..CALLS).for_each(|_| call());
    let costs = (HELD.load(Relaxed) - held, (BLOCKS.load(Relaxed) - blocks) / u64::from(CALLS));
    drop(client);
    handle.stop();
    serving.join().unwrap().unwrap();
    costs
}
