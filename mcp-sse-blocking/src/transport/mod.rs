//! Bytes to and from servers.
//!
//! [`http`] makes the requests, [`decode`] takes compression off their answers and [`event_stream`] reads those that stay open; what
//! stands below is this crate's side of ureq: the [connector] with the [pool], [names](resolver), proxies and TLS, the
//! [connection] with its [buffers] over a [stream], and the [exchange] in which both sides meet. [`http_sse`] and
//! [`streamable_http`] make carriers of them. Nothing here knows JSON-RPC.

mod absolute_form;
mod agent;
pub(crate) mod answer;
mod buffers;
mod connection;
mod connector;
pub(crate) mod decode;
mod dial;
pub(crate) mod event_stream;
pub(crate) mod exchange;
pub(crate) mod http;
pub(crate) mod http_sse;
#[cfg(feature = "compression")]
mod inflate;
pub(crate) mod line;
pub(crate) mod line_direct;
pub mod line_memory;
#[cfg(unix)]
mod line_pipes;
pub(crate) mod line_threads;
pub(crate) mod link;
mod lookup;
mod no_proxy;
pub(crate) mod output_of;
mod place;
pub(crate) mod pool;
#[cfg(windows)]
mod process_job;
pub(crate) mod proxies;
pub(crate) mod proxy;
pub(crate) mod resolver;
mod socket;
#[cfg(feature = "socks")]
mod socks;
pub(crate) mod stdio;
mod stdio_stderr;
#[cfg_attr(not(unix), path = "stdio_threads.rs")]
mod stdio_streams;
mod stream;
pub(crate) mod streamable_http;
#[cfg_attr(not(feature = "tls"), path = "tls_left_out.rs")]
pub(crate) mod tls;
mod tunnel;
