//! From reset to `main`, and what happens when something is badly wrong.

use core::panic::PanicInfo;

use crate::register::Register;
use crate::uart::Uart;

// SAFETY: the application interrupt and reset control register.
const AIRCR: Register = unsafe { Register::at(0xE000_ED0C) };

// Written in assembler because nothing that Rust has works before memory is set up: the stack is filled with a mark by which
// its highest use is found, initialized data comes from flash, the rest is zeroed. Interrupts stay off for good: then they
// wake the processor and nothing else. All exceptions are faults.
#[cfg(target_arch = "arm")]
core::arch::global_asm!(
    "
    .section .vectors, \"a\"
    .word __stack_end
    .word reset
    .rept 14
    .word fault
    .endr

    .section .text.reset, \"ax\"
    .global reset
    .type reset, %function
    .thumb_func
reset:
    cpsid i
    ldr r0, =__stack_start
    mov r1, sp
    ldr r2, =0xA5A5A5A5
1:  cmp r0, r1
    bhs 2f
    str r2, [r0], #4
    b 1b
2:  ldr r0, =__data_start
    ldr r1, =__data_end
    ldr r2, =__data_load
3:  cmp r0, r1
    bhs 4f
    ldr r3, [r2], #4
    str r3, [r0], #4
    b 3b
4:  ldr r0, =__bss_start
    ldr r1, =__bss_end
    movs r2, #0
5:  cmp r0, r1
    bhs 6f
    str r2, [r0], #4
    b 5b
6:  bl main

    .type fault, %function
    .thumb_func
fault:
    mov r0, sp
    ldr r1, =__stack_end
    mov sp, r1
    bl on_fault
    .pool
    "
);

/// How many bytes of the stack there are, and how many of them were ever used.
pub(crate) fn stack() -> (usize, usize) {
    unsafe extern "C" {
        static __stack_start: u32;
        static __stack_end: u32;
    }
    let (start, end) = (&raw const __stack_start, &raw const __stack_end);
    let bytes = end as usize - start as usize;
    let mut unused = 0;
    // SAFETY: whole words between the two symbols of the linker script, which are all in RAM; volatile, as what lies there is
    // nobody's value.
    while unused < bytes && unsafe { start.byte_add(unused).read_volatile() } == 0xA5A5_A5A5 {
        unused += 4;
    }
    (bytes, bytes - unused)
}

/// Says why on the second line and starts the device anew.
pub(crate) fn restart(why: &str) -> ! {
    let log = Uart::LOG;
    log.init();
    log.write(b"mcp-firmware: ");
    log.write(why.as_bytes());
    log.write(b"; starting anew\n");
    log.drained();
    AIRCR.write(0x05FA_0004);
    loop {
        core::hint::spin_loop();
    }
}

/// A fault of the processor: memory is exhausted, the stack has overflown, or a panic, which is an undefined instruction here.
/// `frame` is where the stack was, on which the processor has put eight registers.
#[unsafe(no_mangle)]
extern "C" fn on_fault(frame: usize) -> ! {
    let mut why = *b"fault at 0x--------";
    // The place of the program counter in the frame. A stack that has overflown has none.
    let place = frame + 24;
    if (0x2000_0000..0x2000_FFFC).contains(&place) && place.is_multiple_of(4) {
        // SAFETY: an aligned word of RAM.
        let place = unsafe { core::ptr::read_volatile(place as *const u32) };
        for (digit, at) in why[11..].iter_mut().zip(0..8) {
            *digit = b"0123456789abcdef"[(place >> (28 - 4 * at)) as usize & 15];
        }
    }
    restart(core::str::from_utf8(&why).unwrap_or("fault"))
}

/// For builds whose panics are not undefined instructions at once.
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    restart("panic")
}
