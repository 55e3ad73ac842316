//! What the messages of one connection mean, in order (R-LM, sections C, F to K).
//!
//! A revision with a handshake has a session around all requests. Without one each request [claims](Claim) its revision and
//! its client's capabilities itself; to a client that is a session which operates at once, to a server a session with one
//! request in it.
//!
//! [`ClientSession`] and [`ServerSession`] take in messages, and say what happened. Neither has a clock, a lock or a buffer of its
//! own:
//!
//! * `handle_message(message, out)` takes in one message; a server's also takes what all its sessions share. Whatever has to be sent because of it, at most one message,
//!   is appended to `out`; the event that is returned borrows from the message.
//! * Commands (`request`, `cancel`, `respond`, ...) append the one message that they send to `out`.
//! * A client's `handle_timeout(now)` gives the requests whose deadline passed, and `next_timeout()` when to ask again.
//!
//! What may happen when is one table without roles, in [`lifecycle`]; requests in flight are one bounded table, in [`pending`].
//!
//! ```
//! use mcp_core::jsonrpc::{decode, Message, Payload};
//! use mcp_core::session::{ClientEvent, ClientSession, ServerEvent, ServerProfile, ServerSession};
//! use mcp_core::time::Instant;
//! use mcp_core::types::{Implementation, InitializeParams, ServerCapabilities};
//! use mcp_core::Limits;
//!
//! fn message(bytes: &[u8]) -> Message<'_> {
//!     let Ok(Payload::Message(message)) = decode(bytes, &Limits::default()) else { panic!() };
//!     message
//! }
//!
//! let now = Instant::ZERO;
//! let mut client = ClientSession::new(Limits::default());
//! let mut server = ServerSession::new();
//! let info = Implementation::new("calendar", "1.0.0");
//! let capabilities = ServerCapabilities::default();
//! let profile = ServerProfile { info: &info, capabilities: &capabilities, instructions: None };
//!
//! let (mut to_server, mut to_client) = (Vec::new(), Vec::new());
//! let hello = InitializeParams {
//!     protocol_version: "2025-11-25".into(),
//!     capabilities: Default::default(),
//!     client_info: Implementation::new("doc", "1"),
//! };
//! client.initialize(&hello, None, &mut to_server)?;
//! let event = server.handle_message(&profile, &Limits::default(), message(&to_server), &mut to_client);
//! assert!(matches!(event, ServerEvent::Answered));
//!
//! to_server.clear();
//! let event = client.handle_message(message(&to_client), &mut to_server);
//! assert!(matches!(event, ClientEvent::Initialized));
//! assert_eq!(client.server().unwrap().server_info.name, "calendar");
//! assert_eq!(to_server, br#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#);
//! # Ok::<(), mcp_core::session::ApiMisuse>(())
//! ```

mod claim;
pub mod client;
mod error;
pub mod lifecycle;
mod offers;
pub mod pending;
pub mod server;

pub use claim::{Claim, ClaimFault, requested_method};
pub use client::{AskedKey, ClientEvent, ClientProfile, ClientSession, IgnoredByClient, RequestOptions};
pub use error::{ApiMisuse, HandshakeError};
pub use lifecycle::Phase;
pub use offers::ClientOffers;
pub use server::{
    AskKey, IgnoredByServer, InputRequired, Reply, RequestKey, ServerEvent, ServerProfile, ServerSession,
};
