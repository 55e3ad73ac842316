//! Memory for what has no fixed size, with a count of how much of it was ever in use.

use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;
use core::ptr::{self, NonNull};

use linked_list_allocator::Heap;

struct Shared(UnsafeCell<Counted>);

struct Counted {
    heap: Heap,
    peak: usize,
}

#[global_allocator]
static HEAP: Shared = Shared(UnsafeCell::new(Counted { heap: Heap::empty(), peak: 0 }));

// SAFETY: there is one thread, and no interrupt handler that could come between.
unsafe impl Sync for Shared {}

impl Shared {
    fn with<T>(&self, work: impl FnOnce(&mut Counted) -> T) -> T {
        // SAFETY: one thread, and `work`, which is below, never comes here again.
        work(unsafe { &mut *self.0.get() })
    }
}

// SAFETY: blocks are those of `Heap`, which hands out each byte once.
unsafe impl GlobalAlloc for Shared {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.with(|counted| {
            let block = counted.heap.allocate_first_fit(layout);
            counted.peak = counted.peak.max(counted.heap.used());
            block.map_or(ptr::null_mut(), NonNull::as_ptr)
        })
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let Some(block) = NonNull::new(block) else { return };
        // SAFETY: the caller has it from `alloc`, with this layout.
        self.with(|counted| unsafe { counted.heap.deallocate(block, layout) });
    }
}

/// Gives the heap what the linker script leaves it. To be called once, before anything else.
pub(crate) fn init() {
    unsafe extern "C" {
        static mut __heap_start: u8;
        static mut __heap_end: u8;
    }
    let (start, end) = (&raw mut __heap_start, &raw mut __heap_end);
    // SAFETY: RAM that the linker script gives to nobody else, and it is given once.
    HEAP.with(|counted| unsafe { counted.heap.init(start, end as usize - start as usize) });
}

/// How much memory there is, how much is in use, and how much ever was.
pub(crate) struct Use {
    pub(crate) bytes: usize,
    pub(crate) used: usize,
    pub(crate) peak: usize,
}

/// The use of the heap.
pub(crate) fn usage() -> Use {
    HEAP.with(|counted| Use { bytes: counted.heap.size(), used: counted.heap.used(), peak: counted.peak })
}
