//! The Model Context Protocol without I/O.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod http;
pub mod jsonrpc;
pub mod limits;
pub mod revision;
pub mod session;
pub mod sse;
pub mod text;
pub mod time;
pub mod types;

pub use limits::Limits;
