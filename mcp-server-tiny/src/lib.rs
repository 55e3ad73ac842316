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
//! Clients connect to `http://127.0.0.1:8000/mcp` (Streamable HTTP, with or without sessions) or `/sse` (HTTP+SSE), in any
//! revision of the protocol; [`Server::serve_stdio`] serves the one that started the program. Any number of clients is served by
//! the thread that called [`run`](Bound::run): one that is connected costs a row in a table, not a thread. A handler runs on that
//! thread and holds up everybody while it does; one that takes its time belongs [on a worker](Tool::on_worker) or answers
//! [later](Call::defer).
//!
//! # What a server offers
//!
//! Everything is registered with a builder and a closure, and which capabilities are declared follows from it:
//!
//! ```
//! use mcp_server_tiny::{Call, Prompt, Resource, ResourceTemplate, Server, Tool};
//! use mcp_server_tiny::types::{ElicitParams, RequestedSchema, StringSchema};
//!
//! let book = Tool::new("book").param::<String>("room", "which one");
//! let review = Prompt::new("review").argument("file", "which one");
//! Server::new("office", "1.0.0")
//!     .resource(Resource::text("office://rules", "rules", "Be kind.").mime_type("text/plain"))
//!     .resource_template(ResourceTemplate::new("office://rooms/{name}", "room"), |call| {
//!         let name = call.arg::<&str>("name")?;
//!         Ok((name == "attic").then_some("A desk and a window"))
//!     })
//!     .prompt(review, |call| Ok(format!("Review {}", call.arg::<&str>("file")?)))
//!     .tool(book, |call: &mut Call<'_>| {
//!         // The first time this leaves the handler; it runs again with the answer, in every revision.
//!         let form = RequestedSchema::new().required("day", StringSchema::date());
//!         let answer = call.elicit("day", ElicitParams::form("For which day?", form))?;
//!         let Some(content) = answer.content else { return Ok("Not booked".to_owned()) };
//!         Ok(format!("{} is booked for {}", call.arg::<&str>("room")?, content["day"]))
//!     });
//! ```
//!
//! | Wanted | Where |
//! | --- | --- |
//! | tools, with arguments checked before the handler runs | [`Server::tool`], [`Tool`] |
//! | resources: fixed, computed, by a pattern of URIs | [`Server::resource`], [`Server::resource_with`], [`Server::resource_template`] |
//! | prompts | [`Server::prompt`] |
//! | completion of their arguments and of variables in patterns | [`Prompt::complete`], [`ResourceTemplate::complete`] |
//! | progress and log messages | [`Call::progress`], [`Call::log`] |
//! | asking the client's user, model or file system | [`Call::elicit`], [`Call::sample`], [`Call::roots`] |
//! | telling clients that something changed | [`Call::announce`], [`service::Notifier`] from any thread |
//!
//! # Layers
//!
//! | Module | Job | Needs `std` |
//! | --- | --- | --- |
//! | [`http1`] | HTTP/1.1 as bytes in and bytes out | no |
//! | [`service`] | what is offered, and carrying it out | no |
//! | [`tool`], [`resource`], [`prompt`], [`completion`] | describing what is offered | no |
//! | [`call`], [`result`], [`schema`] | what handlers see and return | no |
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
//! No tasks (2025-11-25) and no extensions. Results are not checked against output schemas, nor arguments against more of an
//! input schema than the types at its root. A deferred reply answers tools only and cannot ask. No TLS: that is the work of a
//! reverse proxy ([`Server::public_prefix`]). No HTTP/2, no compression.
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
mod mistake;
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
