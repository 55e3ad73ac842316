//! What the benches of the server share: child processes on CPUs of their own, and tables.

pub(crate) mod process;
pub(crate) mod report;
