//! The serial lines: PL011, without interrupt handlers.

use crate::register::Register;

/// A serial line.
pub(crate) struct Uart {
    data: Register,
    flags: Register,
    line_control: Register,
    control: Register,
    interrupts: Register,
}

/// Of the flags: nothing is received, no room to send, something is being sent.
const RECEIVE_EMPTY: u32 = 1 << 4;
const SEND_FULL: u32 = 1 << 5;
const BUSY: u32 = 1 << 3;

impl Uart {
    /// The line that clients are at.
    // SAFETY: UART0 of the chip.
    pub(crate) const MCP: Self = unsafe { Self::at(0x4000_C000) };

    /// The line on which the device says why it starts anew.
    // SAFETY: UART1 of the chip.
    pub(crate) const LOG: Self = unsafe { Self::at(0x4000_D000) };

    /// # Safety
    ///
    /// There is a PL011 at `base`.
    const unsafe fn at(base: usize) -> Self {
        // SAFETY: registers of a PL011.
        unsafe {
            Self {
                data: Register::at(base),
                flags: Register::at(base + 0x18),
                line_control: Register::at(base + 0x2C),
                control: Register::at(base + 0x30),
                interrupts: Register::at(base + 0x38),
            }
        }
    }

    /// 8 bits, no parity, with its queues; what is received interrupts. The rate is left alone: QEMU has none.
    pub(crate) fn init(&self) {
        self.control.write(0);
        self.line_control.write(0b111 << 4);
        // Received, and received a while ago.
        self.interrupts.write(1 << 4 | 1 << 6);
        self.control.write(1 << 9 | 1 << 8 | 1);
    }

    /// Takes what was received, at most as much as there is room for.
    pub(crate) fn read(&self, into: &mut [u8]) -> usize {
        let mut count = 0;
        for place in into {
            if self.flags.read() & RECEIVE_EMPTY != 0 {
                break;
            }
            *place = self.data.read() as u8;
            count += 1;
        }
        count
    }

    /// Sends all of it, and waits for room as long as it takes: a line without flow control always has some in the end.
    pub(crate) fn write(&self, bytes: &[u8]) {
        for byte in bytes {
            while self.flags.read() & SEND_FULL != 0 {}
            self.data.write(u32::from(*byte));
        }
    }

    /// Waits until all is sent.
    pub(crate) fn drained(&self) {
        while self.flags.read() & BUSY != 0 {}
    }
}
