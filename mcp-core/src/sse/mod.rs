//! The event-stream grammar (server-sent events), both ways.
//!
//! [`Decoder`] turns bytes, cut anywhere, into [`Event`]s; [`encode`] writes events. Neither knows anything of MCP: a plain
//! stream such as `data: Update 0` is read and written through the same types. Neither reads or writes a socket, keeps
//! time or reconnects: that is the shells' work.
//!
//! The grammar is that of the [WHATWG HTML Standard][standard]. What it leaves open is decided here: lines, events,
//! ids and the buffer have bounds ([`Limits`](crate::Limits)), and bytes stay bytes until somebody asks for text.
//!
//! # Reading
//!
//! ```
//! use mcp_core::{Limits, sse};
//!
//! let mut decoder = sse::Decoder::new(&Limits::default());
//! let mut updates = Vec::new();
//! // The pieces are what `read` happened to return.
//! for piece in ["data: Upda", "te 0\n", "\ndata: Update 1\n\n: bye\n"] {
//!     decoder.push(piece.as_bytes())?;
//!     while let Some(event) = decoder.next_event()? {
//!         assert_eq!(event.event, b"message");
//!         updates.push(event.data_str().into_owned());
//!     }
//! }
//! decoder.finish();
//! assert_eq!(updates, ["Update 0", "Update 1"]);
//! # Ok::<(), mcp_core::limits::LimitExceeded>(())
//! ```
//!
//! A reader lands straight in the decoder's buffer, without a copy between:
//!
//! ```
//! use std::io::Read;
//! use mcp_core::{Limits, sse};
//!
//! let mut socket: &[u8] = b"event: endpoint\ndata: /messages?sessionId=7\n\n";
//! let mut decoder = sse::Decoder::new(&Limits::default());
//! loop {
//!     let n = socket.read(decoder.space(4096)?)?;
//!     if n == 0 {
//!         break;
//!     }
//!     decoder.filled(n);
//!     while let Some(event) = decoder.next_event()? {
//!         assert_eq!((event.event, event.data), (&b"endpoint"[..], &b"/messages?sessionId=7"[..]));
//!     }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Writing
//!
//! ```
//! use mcp_core::sse;
//!
//! let mut out = Vec::new();
//! sse::encode::event(&mut out, "", "Update 0")?;
//! sse::encode::comment(&mut out, "keep-alive");
//! assert_eq!(out, b"data: Update 0\n\n: keep-alive\n\n");
//! # Ok::<(), sse::EncodeError>(())
//! ```
//!
//! [standard]: https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream

mod decoder;
pub mod encode;
mod line;

pub use decoder::{Decoder, Event};
pub use encode::{EncodeError, Mark, begin, discard, finish};
