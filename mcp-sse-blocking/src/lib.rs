//! A client for the Model Context Protocol on plain threads: no async runtime.

mod background;
mod call;
mod client;
mod clock;
mod config;
mod engine;
mod error;
mod reader;
mod slot;
mod tools;
mod transport;

pub use background::{LogMessage, Notification};
pub use call::{CallOptions, Canceller, Job};
pub use client::Client;
pub use config::Builder;
pub use error::{Delivery, Error, PeerError, Status, Timeout, TransportError};
pub use mcp_core;
pub use mcp_core::Limits;
pub use slot::Progress;
pub use tools::Tools;
