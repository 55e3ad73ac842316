//! Bytes to and from servers.
//!
//! [`http`] makes the requests and [`http_sse`] reads the one that stays open; what stands below it is this crate's side of ureq: the [socket] with its
//! [buffers], the [resolver], and the [exchange] in which both sides meet. Nothing here knows JSON-RPC.

mod buffers;
pub(crate) mod exchange;
pub(crate) mod http;
pub(crate) mod http_sse;
mod resolver;
mod socket;
