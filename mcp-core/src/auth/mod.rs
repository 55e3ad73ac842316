//! OAuth as MCP uses it (R-AU).

pub mod challenge;

pub use challenge::Challenge;
