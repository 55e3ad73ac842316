//! Bytes to and from servers.
//!
//! [`http`] makes the requests and [`event_stream`] reads the answers that stay open; what stands below is this crate's side of
//! ureq: the [socket] with its [buffers], the [resolver], and the [exchange] in which both sides meet. [`http_sse`] makes a
//! carrier of them. Nothing here knows JSON-RPC.

mod buffers;
pub(crate) mod event_stream;
pub(crate) mod exchange;
pub(crate) mod http;
pub(crate) mod http_sse;
mod resolver;
mod socket;
