//! A program without `std`: its own allocator, its own panic handler, and the crates under test.
//!
//! `main` is what a device would do with bytes from its line, and gives 0 when all of it came out right or else the number
//! of the step that did not.
#![no_std]

extern crate alloc;

use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;
use core::panic::PanicInfo;
use core::ptr;
use core::sync::atomic::{AtomicUsize, Ordering};

mod core_steps;
mod server_steps;

/// Hands out one block of memory front to back and takes nothing back.
struct Arena {
    memory: UnsafeCell<[u8; SIZE]>,
    used: AtomicUsize,
}

const SIZE: usize = 256 * 1024;

// SAFETY: `used` gives each caller bytes of its own, and nothing else touches `memory`.
unsafe impl Sync for Arena {}

// SAFETY: a block is inside `memory`, aligned as asked for, and given to one caller only, since `used` never shrinks.
unsafe impl GlobalAlloc for Arena {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let asked = layout.size() + layout.align() - 1;
        let start = self.used.fetch_add(asked, Ordering::Relaxed);
        if start + asked > SIZE {
            return ptr::null_mut();
        }
        let first = self.memory.get().cast::<u8>().wrapping_add(start);
        first.wrapping_add(first.align_offset(layout.align()))
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}

#[global_allocator]
static MEMORY: Arena = Arena { memory: UnsafeCell::new([0; SIZE]), used: AtomicUsize::new(0) };

/// With `std` in the tree there are two of these, which the compiler refuses: `duplicate lang item panic_impl`.
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    loop {
        core::hint::spin_loop();
    }
}

/// Named by the unwind tables of the precompiled `core` and `alloc`; never called, since panics do not unwind here.
#[unsafe(no_mangle)]
pub extern "C" fn rust_eh_personality() {}

/// Runs every step; 0 when all came out right.
#[unsafe(no_mangle)]
pub extern "C" fn main() -> i32 {
    match core_steps::run() {
        0 => server_steps::run(),
        step => step,
    }
}
