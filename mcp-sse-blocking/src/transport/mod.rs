//! Bytes to and from servers.
//!
//! [`http`] makes the requests and [`event_stream`] reads the answers that stay open; what stands below is this crate's side of
//! ureq: the [socket] with its [buffers], the [resolver], and the [exchange] in which both sides meet. [`http_sse`] and
//! [`streamable_http`] make carriers of them. Nothing here knows JSON-RPC.

mod agent;
pub(crate) mod answer;
mod buffers;
pub(crate) mod event_stream;
pub(crate) mod exchange;
pub(crate) mod http;
pub(crate) mod http_sse;
pub(crate) mod line;
pub(crate) mod line_direct;
pub(crate) mod line_link;
pub mod line_memory;
#[cfg(unix)]
mod line_pipes;
pub(crate) mod line_threads;
pub(crate) mod output_of;
mod resolver;
mod socket;
pub(crate) mod stdio;
mod stdio_stderr;
#[cfg_attr(not(unix), path = "stdio_threads.rs")]
mod stdio_streams;
pub(crate) mod streamable_http;
