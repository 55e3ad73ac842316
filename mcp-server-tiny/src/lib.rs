//! The server.
#![cfg_attr(not(feature = "std"), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod call;
pub mod config;
mod conn;
#[cfg(feature = "std")]
pub mod deferred;
pub mod engine;
mod error;
#[cfg(feature = "std")]
mod handle;
pub mod http1;
#[cfg(feature = "std")]
mod poll;
pub mod result;
pub mod schema;
mod server;
pub mod service;
mod sessions;
mod slab;
mod timers;
pub mod tool;
#[cfg(feature = "std")]
mod worker;

pub use call::{Call, FromArgument};
#[cfg(feature = "std")]
pub use deferred::Deferred;
pub use engine::Engine;
pub use error::Error;
#[cfg(feature = "std")]
pub use handle::Handle;
/// What handlers return and log with: content blocks, whole results, log levels.
pub use mcp_core::types;
#[cfg(feature = "std")]
pub use poll::Bound;
pub use result::{IntoToolResult, Json, Later, ToolError, ToolResult};
pub use schema::{Schema, Type};
pub use server::Server;
pub use tool::Tool;
