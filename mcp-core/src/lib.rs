//! The Model Context Protocol without I/O.
//!
//! It speaks every revision of the protocol, 2024-11-05 to 2026-07-28, on both sides, and the HTTP rules of each. This crate
//! decides and moves nothing: bytes, messages and the time go in; bytes, messages and the next time to wake come out.
//! There is no clock, thread, lock, socket or source of randomness inside, so that it fits a blocking program, any event loop
//! and a device without an operating system, and so that every rule is tested without one of them. `mcp-sse-blocking` and
//! `mcp-server-tiny` are the client and the server built on it.
//!
//! | Module | Answers |
//! | --- | --- |
//! | [`sse`] | Which events are in these bytes? How is an event written? Knows nothing of MCP. |
//! | [`jsonrpc`] | Which message is this? How is one written? |
//! | [`types`] | What do parameters and results mean? Which methods are there? |
//! | [`revision`] | What differs between the revisions of the protocol? |
//! | [`session`] | What may happen now, whose answer is this, what has to be answered? |
//! | [`http`] | Where may a message go, may this request be served, what is this answer? |
//! | [`auth`] | Who is asked for a token, how, and is the answer to be trusted? |
//! | [`limits`], [`time`], [`text`], [`base64`] | What is the bound, what time is it, how is a peer's text shown, how are bytes written as text? |
//!
//! The way of the data at a client: bytes are read straight into the [`sse::Decoder`]'s buffer, an event is a slice of it, the
//! [`jsonrpc::Message`] in the event borrows from the slice, and [`session::ClientSession`] says what the message means.
//!
//! ```
//! use mcp_core::Limits;
//! use mcp_core::jsonrpc::{self, Message, Payload};
//! use mcp_core::sse::Decoder;
//!
//! let mut decoder = Decoder::new(&Limits::default());
//! decoder.push(b"event: endpoint\ndata: /messages?sessionId=1\n\n")?;
//! decoder.push(b"data: {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"tools\":[]}}\n\n")?;
//!
//! let endpoint = decoder.next_event()?.unwrap();
//! assert_eq!((endpoint.event, endpoint.data), (&b"endpoint"[..], &b"/messages?sessionId=1"[..]));
//!
//! let event = decoder.next_event()?.unwrap();
//! let Ok(Payload::Message(Message::Response(response))) = jsonrpc::decode(event.data, &Limits::default()) else { panic!() };
//! assert_eq!(response.result.get(), r#"{"tools":[]}"#); // still in the decoder's buffer
//! # Ok::<(), mcp_core::limits::LimitExceeded>(())
//! ```
//!
//! The newest revision has no handshake: each request stands alone, says in its `_meta` which revision it is of and what its
//! client can do, and its result may ask for input. A [`session::ClientSession`] writes such requests from the start, and a
//! [`session::ServerSession`] lives for one of them:
//!
//! ```
//! use mcp_core::Limits;
//! use mcp_core::jsonrpc::{self, Message, Payload};
//! use mcp_core::revision::ProtocolVersion;
//! use mcp_core::session::{Claim, ClientProfile, ClientSession, RequestOptions};
//! use mcp_core::types::{ClientCapabilities, Implementation};
//!
//! let (info, capabilities) = (Implementation::new("doc", "1"), ClientCapabilities::default());
//! let profile = ClientProfile { info: &info, capabilities: &capabilities };
//! let mut client = ClientSession::stateless(Limits::default(), ProtocolVersion::LATEST, &profile)?;
//! let mut line = Vec::new();
//! client.request("tools/list", &(), RequestOptions::PLAIN, &mut line)?; // no handshake before it
//!
//! let Ok(Payload::Message(Message::Request(request))) = jsonrpc::decode(&line, &Limits::default()) else { panic!() };
//! let claim = Claim::of(request.params).expect("it is well formed").expect("it stands alone");
//! assert_eq!(claim.version, "2026-07-28");
//! # Ok::<(), mcp_core::session::ApiMisuse>(())
//! ```
//!
//! Clauses of the specification are cited by numbers such as R-SSE-18; `tests/requirements.md` in the repository lists them with the
//! tests that prove them. Decisions and their reasons are in the [`manual`].
//!
//! # Features
//!
//! * `std` (off by default): scans bytes with the widest instructions that the processor turns out to have, and writes JSON
//!   without a buffer in between. It changes no result.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod auth;
pub mod base64;
pub mod http;
pub mod jsonrpc;
pub mod limits;
pub mod manual;
pub mod revision;
pub mod session;
pub mod sse;
pub mod text;
pub mod time;
pub mod types;

pub use limits::Limits;
