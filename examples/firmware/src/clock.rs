//! The time since the start, from the processor's own timer.

use core::sync::atomic::{AtomicU32, Ordering};
use core::time::Duration;

use mcp_core::time::Instant;

use crate::register::Register;

/// The processor's clock after a reset is of 12.5 MHz in QEMU; on the chip itself it is an oscillator of about 12 MHz.
const CYCLES_IN_TWO_MICROS: u64 = 25;

/// The timer wakes the processor ten times a second.
const PERIOD: u32 = 1_250_000;

// SAFETY: the system timer.
const CONTROL: Register = unsafe { Register::at(0xE000_E010) };
// SAFETY: the same.
const RELOAD: Register = unsafe { Register::at(0xE000_E014) };
// SAFETY: the same.
const CURRENT: Register = unsafe { Register::at(0xE000_E018) };

/// For handlers, which are not given the time.
static MILLIS: AtomicU32 = AtomicU32::new(0);

/// Adds up how far the timer has run. It has to be asked once in a period, or that period is lost: nothing here takes as long.
pub(crate) struct Clock {
    cycles: u64,
    last: u32,
}

impl Clock {
    /// Starts the timer.
    pub(crate) fn start() -> Self {
        RELOAD.write(PERIOD - 1);
        CURRENT.write(0);
        CONTROL.write(0b111);
        Self { cycles: 0, last: PERIOD - 1 }
    }

    /// The time.
    pub(crate) fn now(&mut self) -> Instant {
        // It counts down. Before its first step it may read 0.
        let current = CURRENT.read();
        let run = if current <= self.last { self.last - current } else { self.last + PERIOD - current };
        (self.cycles, self.last) = (self.cycles + u64::from(run), current);
        let micros = self.cycles * 2 / CYCLES_IN_TWO_MICROS;
        MILLIS.store((micros / 1000) as u32, Ordering::Relaxed);
        Instant::from_elapsed(Duration::from_micros(micros))
    }

    /// What differs each time it is asked.
    pub(crate) fn cycles(&self) -> u32 {
        self.cycles as u32
    }
}

/// Milliseconds since the start, as of the last look at the clock; from 0 again after 49 days.
pub(crate) fn uptime_millis() -> u32 {
    MILLIS.load(Ordering::Relaxed)
}
