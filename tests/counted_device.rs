//! A server on memory that is counted by the allocator: for `tests/device.rs`, and for `tests/no_std_probe`, whose server is built
//! as a device's is.
//!
//! Only what the server asks for is counted, on the thread of the test. Growing a block counts the old one and
//! the new one at once, as on a device, where it is copied. How a heap is fragmented is not counted; `device_arena.rs` and
//! `device_qemu.rs` run on real ones.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use mcp_core::time::Instant;
use mcp_server_tiny::Server;
use mcp_server_tiny::engine::{ConnId, Engine, Next};

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[derive(Clone, Copy)]
pub(crate) struct Count {
    pub(crate) held: usize,
    pub(crate) peak: usize,
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

/// What is held, and what ever was, since the device was made.
pub(crate) fn count() -> Count {
    COUNT.get()
}

/// Counts what `work` asks for and gives back.
pub(crate) fn counted<T>(work: impl FnOnce() -> T) -> T {
    COUNTS.set(true);
    let done = work();
    COUNTS.set(false);
    done
}

/// An engine whose memory is counted, with what it offers.
pub(crate) struct Device {
    pub(crate) engine: Engine,
    pub(crate) now: Instant,
}

impl Device {
    pub(crate) fn of(make: impl FnOnce() -> Server) -> Self {
        COUNT.set(NONE);
        let mut drawn = 0u128;
        let entropy = move |secret: &mut [u8; 16]| {
            drawn += 1;
            *secret = drawn.to_be_bytes();
            true
        };
        let engine = counted(|| make().engine(entropy)).unwrap();
        Self { engine, now: Instant::ZERO }
    }

    pub(crate) fn connect(&mut self) -> Option<ConnId> {
        counted(|| self.engine.accept(self.now))
    }

    /// Sends bytes, and gives what all connections were sent.
    pub(crate) fn send(&mut self, conn: ConnId, bytes: impl AsRef<[u8]>) -> Vec<u8> {
        counted(|| self.engine.received(conn, self.now, bytes.as_ref()));
        self.sent()
    }

    pub(crate) fn sent(&mut self) -> Vec<u8> {
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

    pub(crate) fn close(&mut self, conn: ConnId) {
        counted(|| self.engine.closed(conn));
    }
}
