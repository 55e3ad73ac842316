//! The program's clock, as the core counts time.

use std::sync::LazyLock;
use std::time;

use mcp_core::time::Instant;

/// Every instant of this crate counts from here, so that instants of different clients and threads may be compared.
static ORIGIN: LazyLock<time::Instant> = LazyLock::new(time::Instant::now);

/// Now.
pub(crate) fn now() -> Instant {
    Instant::from_elapsed(ORIGIN.elapsed())
}
