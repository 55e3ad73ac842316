//! Registers of the chip.

use core::ptr;

/// A register of a peripheral, at an address of the data sheet.
#[derive(Clone, Copy)]
pub(crate) struct Register(usize);

impl Register {
    /// The register at `address`.
    ///
    /// # Safety
    ///
    /// There is a register of 32 bits, which no access can make change memory (so not one of a DMA controller).
    pub(crate) const unsafe fn at(address: usize) -> Self {
        Self(address)
    }

    /// What it says.
    pub(crate) fn read(self) -> u32 {
        // SAFETY: `at` promises a register there.
        unsafe { ptr::read_volatile(self.0 as *const u32) }
    }

    /// Sets it.
    pub(crate) fn write(self, value: u32) {
        // SAFETY: `at` promises a register there, and that memory stays as it is.
        unsafe { ptr::write_volatile(self.0 as *mut u32, value) }
    }

    /// Sets bits of it.
    pub(crate) fn set(self, bits: u32) {
        self.write(self.read() | bits);
    }
}
