//! The core's parsers with 4 KiB of memory, fragmentation included: whatever they ask for comes out of an arena of that size,
//! in which the first hole that is large enough is taken. That is how the heap of a small device works, and what the
//! firmware's does.
//!
//! A request that does not fit ends the process, as it would end the device: the tests pass when everything did.
#![allow(clippy::unwrap_used)] // a panic is the report
// An allocator cannot be written without it.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::{Cell, RefCell, UnsafeCell};
use std::ptr;

use mcp_core::jsonrpc::{self, Message, Payload, ndjson};
use mcp_core::{Limits, sse};

const ARENA_BYTES: usize = 4096;

/// What blocks are laid out by; also what the note before each of them takes, which says how long it is.
const GRAIN: usize = 8;

/// The map of the memory. That of a device lies in the holes themselves; this one lies outside, and each block pays for its
/// note all the same.
struct Arena {
    /// Blocks in use: where each begins, with its note, and where it ends. Sorted, and so many at most as there is room for.
    blocks: [(usize, usize); ARENA_BYTES / (2 * GRAIN)],
    count: usize,
    peak: usize,
}

impl Arena {
    const fn new() -> Self {
        Self { blocks: [(0, 0); ARENA_BYTES / (2 * GRAIN)], count: 0, peak: 0 }
    }

    /// Takes of the first hole that is large enough. Gives where the block begins, behind its note.
    fn take(&mut self, layout: Layout) -> Option<usize> {
        assert!(layout.align() <= GRAIN, "an alignment that no parser needs");
        let length = GRAIN + layout.size().max(1).next_multiple_of(GRAIN);
        let used = &self.blocks[..self.count];
        let holes = (0..=self.count).map(|at| {
            let start = at.checked_sub(1).map_or(0, |before| used[before].1);
            (at, start, used.get(at).map_or(ARENA_BYTES, |block| block.0))
        });
        let (at, start, _) = { holes }.find(|(_, start, end)| end - start >= length)?;
        self.blocks.copy_within(at..self.count, at + 1);
        self.blocks[at] = (start, start + length);
        self.count += 1;
        self.peak = self.peak.max(self.blocks[..self.count].iter().map(|(start, end)| end - start).sum());
        Some(start + GRAIN)
    }

    /// Takes a block back.
    fn give(&mut self, block: usize) {
        let found = self.blocks[..self.count].binary_search_by_key(&block, |block| block.0 + GRAIN);
        let Ok(at) = found else { return };
        self.blocks.copy_within(at + 1..self.count, at);
        self.count -= 1;
    }
}

#[repr(align(8))]
struct Memory(UnsafeCell<[u8; ARENA_BYTES]>);

thread_local! {
    static MEMORY: Memory = const { Memory(UnsafeCell::new([0; ARENA_BYTES])) };
    static ARENA: RefCell<Arena> = const { RefCell::new(Arena::new()) };
    static IN_ARENA: Cell<bool> = const { Cell::new(false) };
}

struct FirstFit;

#[global_allocator]
static ALLOCATOR: FirstFit = FirstFit;

// SAFETY: a block of the arena is given to one caller until it is given back, and lies in memory that lives as long as its
// thread; all others are the system's. Growing is the default's: a new block, a copy, and the old block back.
unsafe impl GlobalAlloc for FirstFit {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if IN_ARENA.get() {
            let taken = ARENA.with_borrow_mut(|arena| arena.take(layout));
            // The report that there is no room needs some.
            IN_ARENA.set(taken.is_some());
            return taken.map_or(ptr::null_mut(), |at| memory().wrapping_add(at));
        }
        // SAFETY: the layout is the caller's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let at = (block as usize).wrapping_sub(memory() as usize);
        if at < ARENA_BYTES {
            return ARENA.with_borrow_mut(|arena| arena.give(at));
        }
        // SAFETY: the block is the system's, of this layout.
        unsafe { System.dealloc(block, layout) }
    }
}

fn memory() -> *mut u8 {
    MEMORY.with(|memory| memory.0.get().cast())
}

/// Does `work` with no other memory than the arena's.
fn in_arena<T>(work: impl FnOnce() -> T) -> T {
    IN_ARENA.set(true);
    let done = work();
    IN_ARENA.set(false);
    done
}

/// What is in use, and the most that ever was, with what each block costs.
fn usage() -> (usize, usize) {
    ARENA.with_borrow(|arena| (arena.count, arena.peak))
}

/// Messages of at most 512 bytes: a buffer grows to 2 KiB for them, and while it does there are the half of it and a message's id.
fn limits() -> Limits {
    let mut limits = Limits::SMALL;
    (limits.line_bytes, limits.event_bytes, limits.buffered_bytes) = (512, 512, 1024);
    limits.message_bytes = 512;
    limits
}

/// A message whose length follows no pattern, and whose parts are of every kind: ids that are numbers, plain and escaped
/// texts, errors, batches.
fn message(number: usize) -> String {
    let text = "x".repeat(number * 619 % 400);
    match number % 6 {
        0 => format!(r#"{{"jsonrpc":"2.0","id":{number},"method":"m","params":{{"t":"{text}"}}}}"#),
        1 => format!(r#"{{"jsonrpc":"2.0","id":"id \u00e4 {number}","method":"m\u002fn","params":{{"t":"{text}"}}}}"#),
        2 => format!(r#"{{"jsonrpc":"2.0","method":"n","params":{{"t":"{text}"}}}}"#),
        3 => format!(r#"{{"jsonrpc":"2.0","id":{number},"error":{{"code":-32000,"message":"no\n","data":"{text}"}}}}"#),
        4 => format!(r#"[{{"jsonrpc":"2.0","id":"a","result":{{}}}},{{"jsonrpc":"2.0","method":"{text}"}},7]"#),
        _ => format!(r#"{{"jsonrpc":"2.0","id":[],"method":"{text}""#),
    }
}

/// Reads a message as a device would, and says how many there were and how many of what should be one were none.
fn read(bytes: &[u8], limits: &Limits) -> (usize, usize) {
    match jsonrpc::decode(bytes, limits) {
        Ok(Payload::Message(message)) => {
            // A device keeps the id until it answers.
            let kept = if let Message::Request(request) = message { Some(request.id.into_owned()) } else { None };
            drop(kept);
            (1, 0)
        }
        Ok(Payload::Batch(batch)) => batch.into_iter().fold((0, 0), |(good, bad), message| match message {
            Ok(_) => (good + 1, bad),
            Err(_) => (good, bad + 1),
        }),
        Err(error) => {
            drop(error);
            (0, 1)
        }
    }
}

const MESSAGES: usize = 12_000;
/// Of six messages one is malformed, and one is a batch of three of which one is.
const READ: (usize, usize) = (MESSAGES, MESSAGES / 3);

#[test]
fn an_event_stream_of_changing_sizes_is_read_to_its_end() {
    let limits = limits();
    let mut decoder = in_arena(|| sse::Decoder::new(&limits));
    let mut total = (0, 0);
    for number in 0..MESSAGES {
        let name = "n".repeat(number * 31 % 60);
        let id = "i".repeat(number * 17 % 120);
        let event = format!("id: {id}{number}\nevent: {name}\ndata: {}\n\n: a comment\n", message(number));
        for piece in event.as_bytes().chunks(1 + number * 7 % 97) {
            in_arena(|| {
                decoder.push(piece).unwrap();
                while let Some(event) = decoder.next_event().unwrap() {
                    let (good, bad) = read(event.data, &limits);
                    total = (total.0 + good, total.1 + bad);
                }
            });
        }
    }
    assert_eq!(total, READ);
    let (_, peak) = usage();
    eprintln!("{MESSAGES} events of up to 512 bytes: {peak} of {ARENA_BYTES} bytes at the peak");
    // A line without end is an error, and not a buffer without end.
    let refused = in_arena(|| (0..1000).any(|_| decoder.push(&[b'x'; 64]).is_err() || decoder.next_event().is_err()));
    assert!(refused);
    in_arena(|| drop(decoder));
    assert_eq!(usage().0, 0, "blocks are left");
}

#[test]
fn lines_of_changing_sizes_are_read_to_their_end() {
    let limits = limits();
    let mut decoder = in_arena(|| ndjson::Decoder::new(&limits));
    let mut total = (0, 0);
    for number in 0..MESSAGES {
        let line = format!("{}\r\n\n", message(number));
        for piece in line.as_bytes().chunks(1 + number * 11 % 97) {
            in_arena(|| {
                decoder.push(piece).unwrap();
                while let Some(message) = decoder.next_message().unwrap() {
                    let (good, bad) = read(message, &limits);
                    total = (total.0 + good, total.1 + bad);
                }
            });
        }
    }
    assert_eq!(total, READ);
    let (_, peak) = usage();
    eprintln!("{MESSAGES} lines of up to 512 bytes: {peak} of {ARENA_BYTES} bytes at the peak");
    let refused = in_arena(|| (0..1000).any(|_| decoder.push(&[b'x'; 64]).is_err() || decoder.next_message().is_err()));
    assert!(refused);
    in_arena(|| drop(decoder));
    assert_eq!(usage().0, 0, "blocks are left");
}

#[test]
fn the_arena_refuses_what_fits_no_hole_although_so_much_is_free() {
    let block = |bytes| Layout::from_size_align(bytes, 1).unwrap();
    let mut arena = Arena::new();
    let blocks: Vec<_> = (0..8).map(|_| arena.take(block(504)).unwrap()).collect();
    assert!(arena.take(block(1)).is_none());
    blocks.iter().step_by(2).for_each(|taken| arena.give(*taken));
    assert!(arena.take(block(505)).is_none(), "2 KiB are free, in four holes");
    assert_eq!(arena.take(block(100)), Some(blocks[0]), "the first hole");
    arena.give(blocks[1]);
    assert_eq!(arena.take(block(900)), Some(blocks[0] + 112), "two holes side by side are one");
}
