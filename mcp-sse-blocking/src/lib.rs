//! A client for the Model Context Protocol on plain threads: no async runtime, one to three threads a session, few crates.
//!
//! It speaks HTTP+SSE, the transport of 2024-11-05 that most deployed servers have at a path such as `/sse`, over http and
//! https, and agrees on any revision up to 2025-11-25 there. Streamable HTTP, stdio and the stateless 2026-07-28 are not
//! here yet; nor are OAuth, proxies and compressed answers.
//!
//! ```
//! use mcp_sse_blocking::{CallOptions, Client, Error};
//!
//! fn use_tools(url: &str) -> Result<(), Error> {
//!     let client = Client::connect(url)?;
//!     for tool in client.tools() {
//!         println!("{}", tool?.name);
//!     }
//!     let result = client.call("echo", &serde_json::json!({"text": "hello"}))?;
//!     println!("{}", result.all_text());
//!     // A slow one, with its progress.
//!     let tell = CallOptions::new().on_progress(|progress| println!("{} done", progress.progress));
//!     client.call_with("index", &(), tell)?;
//!     // And one that runs beside this thread.
//!     let job = client.start("index", &())?;
//!     job.canceller().cancel("changed my mind");
//!     assert!(matches!(job.result(), Err(Error::Cancelled(_))));
//!     Ok(())
//! }
//!
//! // Nobody listens here.
//! assert!(matches!(use_tools("http://127.0.0.1:9/sse"), Err(Error::Transport(_))));
//! ```
//!
//! # What it promises
//!
//! * **Every wait has a deadline**, named in the error when it passes: see [`Builder`] for the four of them. A call's deadline
//!   is for all of it; neither progress nor pings nor comments extend it.
//! * **Whatever a server can make grow has a bound**: lines, events, messages, batches, pages of a list ([`Limits`]); heads of
//!   answers (16 KiB), redirects (5), what is read of an answer to a POST (64 KiB) or shown of an error page (512 bytes);
//!   progress kept for a call (64 and 1 MiB, the oldest is dropped), notifications kept for handlers (1024 and 16 MiB, the
//!   newest is dropped), messages before the endpoint (64 and 4 MiB).
//! * **Closing takes a second at most**, whatever the server does, and leaves no thread and no socket. Dropping the last
//!   handle closes. What nothing can interrupt is left behind: a handler of yours and the system's name lookup, when they
//!   hang, and a TCP connection that is being opened, whose thread ends by itself within one attempt (750 ms as a rule).
//! * **Credentials go to one origin only**: the endpoint a server announces and every redirect must be of the origin of the
//!   URL that was given, unless the caller sets another [message URL](Builder::message_url). They are in no error and no `Debug`.
//!
//! # How it works
//!
//! A call is registered, POSTed on the calling thread, and then that thread reads the event stream until its reply comes,
//! handing other replies to whom they belong. When nobody calls, the thread `mcp-read` reads, so that pings are answered
//! and the end of the stream is noticed: right away while it reads, up to 40 ms later just after a call. A thread
//! `mcp-post` starts with the first answer or cancellation to be sent, and `mcp-events` runs handlers, if there are any. The
//! modules `reader` and `background` of the source say more.
//!
//! A POST that meets a connection that its server closed in the same moment is sent once more on another; the module
//! `transport::http` has the rule and why it is safe.
//!
//! # Logs
//!
//! Through the crate `log`: `mcp::client` (what was ignored, dropped or refused, and why; of what a
//! server does wrong the first 16 at level warn), `mcp::http` (redirects, second
//! tries), and `mcp::wire` at level trace: each message on both wires, cut to 4096 characters. Messages may hold what you
//! send to tools. ureq logs as well, under `ureq` and `ureq_proto`: whole URLs, and at level trace every byte. Who keeps logs
//! of others leaves those two out.

mod ask;
mod background;
mod cache;
mod call;
mod carrier;
mod client;
mod clock;
mod config;
mod connect;
mod engine;
mod error;
mod features;
mod feed;
mod input;
mod intake;
mod job;
mod kept;
mod list;
mod listen;
pub mod log_target;
mod options;
mod params;
mod pending;
mod prompts;
mod questions;
mod reader;
mod request;
mod resources;
mod rounds;
mod slot;
mod spawn;
mod streamable;
mod subscription;
mod tools;
mod transport;

pub use background::{LogMessage, Notification};
pub use cache::CacheSize;
pub use call::{Canceller, Job};
pub use client::Client;
pub use config::{Builder, Transport};
pub use connect::{Connection, Streams, Via};
pub use error::{Delivery, Error, PeerError, Status, Timeout, TransportError};
pub use feed::{Change, Missed};
pub use input::{FormRequest, InputError, Refusal, SamplingRequest, Unanswered, UrlRequest};
pub use list::{List, Listed, Prompts, ResourceTemplates, Resources, Tools};
pub use mcp_core;
pub use mcp_core::Limits;
pub use options::CallOptions;
pub use slot::Progress;
pub use spawn::{Command, Exited, Stderr};
pub use subscription::{Filter, Subscription};
pub use transport::line_memory as memory;
