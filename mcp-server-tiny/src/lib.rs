//! The server.
#![cfg_attr(not(feature = "std"), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod config;
mod conn;
pub mod engine;
mod error;
#[cfg(feature = "std")]
mod handle;
pub mod http1;
#[cfg(feature = "std")]
mod poll;
mod server;
mod service;
mod sessions;
mod slab;
mod timers;

pub use engine::Engine;
pub use error::Error;
#[cfg(feature = "std")]
pub use handle::Handle;
#[cfg(feature = "std")]
pub use poll::Bound;
pub use server::Server;
pub use sessions::SessionKey;
