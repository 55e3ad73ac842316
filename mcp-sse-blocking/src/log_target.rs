//! The targets of this crate's log, for programs that show some of it.

/// What was ignored, dropped or refused, and why.
pub const CLIENT: &str = "mcp::client";

/// Redirects and second tries.
pub const HTTP: &str = "mcp::http";

/// Each message on both wires, at level trace, cut to 4096 characters. They may hold what the program sends to its tools.
pub const WIRE: &str = "mcp::wire";

/// What servers that are child processes write to standard error, at level info. Untrusted text, made fit for a terminal.
pub const SERVER: &str = "mcp::server";
