//! An MCP server on a microcontroller without an operating system: HTTP over its serial line. See README.md.
//!
//! One thread of control, no interrupt handlers: an interrupt wakes the processor and means nothing else, since the loop
//! looks at everything each time it is awake.
#![no_std]
#![no_main]

extern crate alloc;

mod board;
mod clock;
mod heap;
mod line;
mod offers;
mod register;
mod start;
mod uart;

use crate::board::Board;
use crate::clock::Clock;
use crate::line::Line;
use crate::uart::Uart;

/// What is read from the line at a time.
const READ_BYTES: usize = 64;

/// Called once the memory is as the compiler expects it.
#[unsafe(no_mangle)]
extern "C" fn main() -> ! {
    heap::init();
    Board::init();
    let mut clock = Clock::start();
    let uart = Uart::MCP;
    uart.init();
    let Ok(engine) = offers::server().engine(board::entropy) else { start::restart("the settings do not work") };
    let mut line = Line::new(engine);
    loop {
        // In this order: what comes in after this look at the line wakes the processor from the sleep below.
        board::forget_interrupts();
        let now = clock.now();
        let mut bytes = [0; READ_BYTES];
        let count = uart.read(&mut bytes);
        if count > 0 {
            board::stir(clock.cycles());
            line.heard(now, &bytes[..count]);
        }
        line.turn(now, &uart);
        if count == 0 {
            board::sleep();
        }
    }
}
