//! The board: a lamp, a sensor, sleep, and something like chance.

use core::sync::atomic::{AtomicU32, Ordering};

use crate::register::Register;

/// Names a register of the data sheet.
macro_rules! registers {
    ($($name:ident = $address:literal;)*) => {
        // SAFETY: registers of the chip, none of which moves memory.
        $(const $name: Register = unsafe { Register::at($address) };)*
    };
}

registers! {
    // Clocks of the peripherals: 0 for ADC, 1 for UARTs and timers, 2 for ports.
    RCGC0 = 0x400F_E100;
    RCGC1 = 0x400F_E104;
    RCGC2 = 0x400F_E108;
    // Port F; bit 0, masked by the address, is the lamp.
    LAMP_DATA = 0x4002_5004;
    PORT_DIRECTION = 0x4002_5400;
    PORT_ENABLE = 0x4002_551C;
    // The ADC's fourth sequencer, which takes one sample.
    ADC_ACTIVE = 0x4003_8000;
    ADC_TRIGGER = 0x4003_8014;
    ADC_EMPTY = 0x4003_80AC;
    ADC_SAMPLE = 0x4003_80A8;
    ADC_CONTROL = 0x4003_80A4;
    // Timer 0, which starts it.
    TIMER_CONFIG = 0x4003_0000;
    TIMER_MODE = 0x4003_0004;
    TIMER_CONTROL = 0x4003_000C;
    TIMER_LOAD = 0x4003_0028;
    // Interrupts: enabled, pending, and the pending system timer.
    NVIC_ENABLE = 0xE000_E100;
    NVIC_PENDING_CLEAR = 0xE000_E280;
    INTERRUPT_STATE = 0xE000_ED04;
}

/// UART0 among the interrupts.
const UART0: u32 = 1 << 5;

/// What is on the board.
pub(crate) struct Board;

impl Board {
    /// Turns on what is used.
    pub(crate) fn init() {
        RCGC0.set(1 << 16);
        RCGC1.set(1 << 16 | 0b11);
        RCGC2.set(1 << 5);
        PORT_DIRECTION.set(1);
        PORT_ENABLE.set(1);
        // One sample of the temperature sensor, when the timer says so.
        ADC_ACTIVE.write(0);
        ADC_TRIGGER.write(5 << 12);
        ADC_CONTROL.write(0b1010);
        ADC_ACTIVE.write(1 << 3);
        NVIC_ENABLE.write(UART0);
    }

    /// Turns the lamp on or off, and says how it is now.
    pub(crate) fn set_lamp(on: bool) -> bool {
        LAMP_DATA.write(u32::from(on));
        LAMP_DATA.read() != 0
    }

    /// The chip's temperature in tenths of a degree, by the formula of the data sheet. `None` when there is no sample in time.
    pub(crate) fn temperature() -> Option<i32> {
        TIMER_CONTROL.write(0);
        TIMER_CONFIG.write(0);
        TIMER_MODE.write(1);
        TIMER_LOAD.write(100);
        // Enabled, and to trigger.
        TIMER_CONTROL.write(1 | 1 << 5);
        const PATIENCE: u32 = 1_000_000;
        let is_there = (0..PATIENCE).any(|_| ADC_EMPTY.read() & 1 << 8 == 0);
        is_there.then(|| 1475 - 2250 * (ADC_SAMPLE.read() & 0x3FF) as i32 / 1024)
    }
}

/// Forgets interrupts that came: they have done their work, which is to wake the processor.
pub(crate) fn forget_interrupts() {
    NVIC_PENDING_CLEAR.write(UART0);
    INTERRUPT_STATE.write(1 << 25);
}

/// Sleeps until the next interrupt.
pub(crate) fn sleep() {
    // SAFETY: waits, and changes nothing.
    #[cfg(target_arch = "arm")]
    unsafe {
        core::arch::asm!("wfi", options(nomem, nostack, preserves_flags));
    }
}

/// What the times were at which bytes came.
static STIRRED: [AtomicU32; 4] = [const { AtomicU32::new(0) }; 4];

/// Adds when something came from outside to what [`entropy`] draws from.
pub(crate) fn stir(cycles: u32) {
    let mut carried = cycles;
    for word in &STIRRED {
        let mixed = (word.load(Ordering::Relaxed).rotate_left(13) ^ carried).wrapping_mul(0x9E37_79B1);
        word.store(mixed, Ordering::Relaxed);
        carried = mixed ^ (mixed >> 15);
    }
}

/// Bits for names of sessions. NOT for a product: the chip has no source of chance, and when bytes arrive can be guessed by
/// somebody who watches closely. A product takes a chip that has one.
pub(crate) fn entropy(secret: &mut [u8; 16]) -> bool {
    for (place, word) in secret.chunks_exact_mut(4).zip(&STIRRED) {
        place.copy_from_slice(&word.load(Ordering::Relaxed).to_le_bytes());
    }
    stir(u32::from_le_bytes([secret[0], secret[5], secret[10], secret[15]]));
    // Before the first byte there was nothing to draw from.
    secret.iter().any(|byte| *byte != 0)
}
