//! What the benches of the server share: child processes on CPUs of their own, what is counted of them, and tables.

pub(crate) mod counts;
pub(crate) mod process;
pub(crate) mod report;
