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
//! Clients of every revision, 2024-11-05 to 2026-07-28, connect to `http://127.0.0.1:8000/mcp`, or to `/sse` where they speak
//! HTTP+SSE alone. Any number of them is served by the thread that called [`run`](Bound::run): a session costs a row in a table
//! and less than a kilobyte, not a thread, and a client without a session leaves nothing behind. With
//! [`serve_stdio`](Server::serve_stdio) in place of `bind` and `run` the same server is a program that its client starts.
//!
//! A handler runs on the thread of the loop and holds up everybody while it does; one that takes its time belongs
//! [on a worker](Tool::on_worker) or answers [later](Call::defer).
//!
//! # What it can offer
//!
//! ```
//! use mcp_server_tiny::{Prompt, Resource, ResourceTemplate, Server, Tool};
//!
//! let add = Tool::new("add").param::<f64>("a", "one").param::<f64>("b", "the other");
//! let note = ResourceTemplate::new("note:{name}", "note").mime_type("text/plain");
//! let review = Prompt::new("review").argument("file", "which one");
//!
//! let server = Server::new("desk", "1.0.0")
//!     .tool(add, |call| Ok(call.arg::<f64>("a")? + call.arg::<f64>("b")?))
//!     .resource(Resource::text("desk://about", "about", "A desk with notes on it.").mime_type("text/plain"))
//!     .resource_template(note, |call| match call.arg::<&str>("name")? {
//!         "shopping" => Ok(Some("milk, bread")),
//!         _ => Ok(None), // there is no such resource
//!     })
//!     .prompt(review, |call| Ok(format!("Review {}, please.", call.arg::<&str>("file")?)));
//!
//! // The server as bytes in and bytes out, for a client in the same process or a test.
//! let mut server = server.in_process()?;
//! let mut ask = |method: &str, params: &str| {
//!     let mut said = Vec::new();
//!     let meta = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#;
//!     let request = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{{{params},{meta}}}}}"#);
//!     server(format!("{request}\n").as_bytes(), &mut said);
//!     String::from_utf8(said).unwrap()
//! };
//! assert!(ask("tools/call", r#""name":"add","arguments":{"a":1,"b":2}"#).contains(r#""text":"3""#));
//! assert!(ask("resources/read", r#""uri":"note:shopping""#).contains(r#""text":"milk, bread""#));
//! assert!(ask("resources/read", r#""uri":"note:travel""#).contains("resource not found"));
//! assert!(ask("prompts/get", r#""name":"review","arguments":{"file":"a.rs"}"#).contains("Review a.rs, please."));
//! # Ok::<(), mcp_server_tiny::Error>(())
//! ```
//!
//! | For | See |
//! | --- | --- |
//! | tools | [`Server::tool`], [`Tool`], [`Call`], [`IntoToolResult`], [`Json`] |
//! | resources | [`Server::resource`], [`Server::resource_with`], [`Server::resource_template`], [`IntoContents`] |
//! | prompts, completion | [`Server::prompt`], [`Prompt::complete`], [`ResourceTemplate::complete`] |
//! | questions to the client | [`Call::elicit`], [`Call::sample`], [`Call::roots`], [`Call::offers`] |
//! | progress, logs, cancellation | [`Call::progress`], [`Call::log`], [`Call::is_cancelled`] |
//! | changes | [`Handle`], [`Call::announce`] |
//! | requests that somebody else answers | [`Server::delegate`], [`delegate`] |
//! | carriers | [`Server::bind`], [`Server::serve_stdio`], [`Server::serve`], [`Server::in_process`], [`Server::engine`], [`Server::pipe`] |
//!
//! # Asking for input
//!
//! A handler asks its client with `?`, the same in every revision: the question leaves the handler, and with the answer **the
//! handler runs again from its start**. Ask first, act afterwards; nothing waits in between.
//!
//! ```
//! use mcp_server_tiny::types::{ElicitParams, RequestedSchema, StringSchema};
//! use mcp_server_tiny::{Call, Server, Tool, ToolError};
//!
//! #[derive(serde::Deserialize)]
//! struct Signature {
//!     name: String,
//! }
//!
//! fn sign(call: &mut Call<'_>) -> Result<String, ToolError> {
//!     let form = RequestedSchema::new().required("name", StringSchema::new());
//!     let answer = call.elicit("signature", ElicitParams::form("Your name, please", form))?;
//!     Ok(match answer.accepted()? {
//!         Some(Signature { name }) => format!("signed by {name}"), // what is accepted fits the form
//!         None => "it is not signed".to_owned(),
//!     })
//! }
//!
//! let mut server = Server::new("notary", "1.0.0").tool(Tool::new("sign"), sign).in_process()?;
//! let capabilities = r#"{"elicitation":{"form":{}}}"#;
//! let meta = format!(r#"{{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{capabilities}}}"#);
//! let call = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"sign","_meta":{meta}}}}}"#);
//! let mut said = Vec::new();
//! server(format!("{call}\n").as_bytes(), &mut said);
//! let said = String::from_utf8(said).unwrap();
//! assert!(said.contains(r#""resultType":"input_required""#) && said.contains("Your name, please"));
//! # Ok::<(), mcp_server_tiny::Error>(())
//! ```
//!
//! # Layers
//!
//! | Module | Job | Needs `std` |
//! | --- | --- | --- |
//! | [`http1`] | HTTP/1.1 as bytes in and bytes out | no |
//! | [`service`], [`tool`], [`resource`], [`prompt`], [`completion`], [`call`], [`result`], [`schema`] | what is offered, and carrying out calls | no |
//! | [`engine`] | connections, sessions and deadlines of all carriers of HTTP; for whoever owns the bytes | no |
//! | [`pipe`] | one client at the other end of a stream of lines; for whoever owns the bytes | no |
//! | [`Bound`] | sockets and the loop; [`turn`](Bound::turn) for whoever owns the loop | yes |
//! | [`Server::serve_stdio`], [`Server::serve`] | the loop for a reader and a writer | yes |
//! | [`deferred`] and workers | answers from other threads | yes |
//! | [`delegate`] | all requests answered by somebody else, as a bridge does | yes |
//!
//! Without the default feature `std` the crate is `no_std` with `alloc`.
//!
//! Two more features are on by default and leave code out where they are not, for devices with little flash: `http-sse` is that
//! carrier, `listening` is what clients learn of without asking (streams opened by a GET and their resumption,
//! `subscriptions/listen`). The interface is the same with and without them.
//!
//! # What keeps it safe
//!
//! On loopback only loopback names and pages are served ([`Server::allow_host`], [`Server::allow_origin`]); a token can be demanded
//! ([`Server::bearer`]). Whatever a peer can make grow or last has a bound in [`config::Limits`] or
//! [`config::Timeouts`]; who passes one is refused with a sentence that names it, and nobody else notices. What travels by way of
//! a client while it is asked is sealed: it can be read there, and neither changed nor used for another call
//! ([`Server::state_key`]).
//!
//! # What is not here
//!
//! Tasks, and OAuth beyond comparing tokens. No TLS: that is the work of a reverse proxy ([`Server::public_prefix`]). No HTTP/2, no
//! compression.
#![cfg_attr(not(feature = "std"), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod call;
pub mod completion;
pub mod config;
mod conn;
#[cfg(feature = "std")]
pub mod deferred;
#[cfg(feature = "std")]
pub mod delegate;
pub mod engine;
mod error;
#[cfg(feature = "std")]
mod handle;
pub mod http1;
#[cfg(feature = "std")]
mod in_process;
mod mistake;
mod offers;
mod parts;
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
pub use offers::Offers;
pub use pipe::Pipe;
#[cfg(feature = "std")]
pub use poll::Bound;
pub use prompt::{IntoPrompt, Prompt};
pub use resource::{IntoContents, Resource, ResourceTemplate};
pub use result::{IntoToolResult, Json, Later, ToolError, ToolResult};
pub use schema::{Schema, Type};
pub use server::Server;
pub use tool::Tool;
