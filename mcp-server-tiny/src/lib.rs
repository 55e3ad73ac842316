//! A Model Context Protocol server on one thread: tools by closure, one readiness loop, no async runtime.
//!
//! ```no_run
//! use mcp_server_tiny::{Call, Server, Tool};
//!
//! let greet = Tool::new("greet").description("Says hello").param::<String>("name", "whom to greet");
//! Server::new("greeter", "1.0.0")
//!     .tool(greet, |call: &mut Call<'_>| Ok(format!("Hello, {}!", call.arg::<&str>("name")?)))
//!     .bind("127.0.0.1:8000")?
//!     .run()?;
//! # Ok::<(), mcp_server_tiny::Error>(())
//! ```
//!
//! Clients connect to `http://127.0.0.1:8000/sse`. Any number of them is served by the thread that called
//! [`run`](Bound::run): a session costs a row in a table and less than a kilobyte, not a thread. A handler runs on that thread and holds
//! up everybody while it does; one that takes its time belongs [on a worker](Tool::on_worker) or answers
//! [later](Call::defer).
//!
//! # Layers
//!
//! | Module | Job | Needs `std` |
//! | --- | --- | --- |
//! | [`http1`] | HTTP/1.1 as bytes in and bytes out | no |
//! | [`service`], [`tool`], [`call`], [`result`], [`schema`] | tools, and carrying out calls | no |
//! | [`engine`] | connections, sessions and deadlines; for whoever owns the bytes | no |
//! | [`pipe`] | one client at the other end of a stream of lines; for whoever owns the bytes | no |
//! | [`Bound`] | sockets and the loop; [`turn`](Bound::turn) for whoever owns the loop | yes |
//! | [`deferred`] and workers | answers from other threads | yes |
//!
//! Without the default feature `std` the crate is `no_std` with `alloc`.
//!
//! # What keeps it safe
//!
//! On loopback only loopback names and pages are served ([`Server::allow_host`], [`Server::allow_origin`]); a token can be demanded
//! ([`Server::bearer`]). Whatever a peer can make grow or last has a bound in [`config::Limits`] or
//! [`config::Timeouts`]; who passes one is refused with a sentence that names it, and nobody else notices.
//!
//! # What is not here
//!
//! Only the HTTP+SSE transport (2024-11-05) so far, and of the protocol's offers only tools, progress, logging and cancellation. No
//! TLS: that is the work of a reverse proxy ([`Server::public_prefix`]). No HTTP/2, no compression.
#![cfg_attr(not(feature = "std"), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod call;
pub mod completion;
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
mod in_process;
pub mod pipe;
#[cfg(feature = "std")]
mod poll;
pub mod prompt;
pub mod resource;
pub mod result;
pub mod schema;
#[cfg(feature = "std")]
mod serve;
mod server;
pub mod service;
mod sessions;
mod slab;
mod subscription;
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
pub use pipe::Pipe;
#[cfg(feature = "std")]
pub use poll::Bound;
pub use prompt::{IntoPrompt, Prompt};
pub use resource::{IntoContents, Resource, ResourceTemplate};
pub use result::{IntoToolResult, Json, Later, ToolError, ToolResult};
pub use schema::{Schema, Type};
pub use server::Server;
pub use tool::Tool;
