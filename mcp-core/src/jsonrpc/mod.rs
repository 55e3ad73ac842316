//! JSON-RPC 2.0 as MCP uses it: bytes to messages and messages to bytes.
//!
//! [`decode`] reads one message, or one batch, without judging whether it may come now: that is the work of
//! [`session`](crate::session). A [`Message`] borrows from the bytes it was read from; parameters, results and error data stay
//! raw JSON until somebody knows their type. The `write_*` functions append one message on one line to a buffer of the
//! caller's, ready for an event, a body or a line of stdio.
//!
//! ```
//! use mcp_core::jsonrpc::{self, Message, Payload};
//! use mcp_core::Limits;
//!
//! let bytes = br#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"echo"}}"#;
//! let Payload::Message(Message::Request(request)) = jsonrpc::decode(bytes, &Limits::default())? else { panic!() };
//! assert_eq!(request.method, "tools/call");
//! assert_eq!(request.params.unwrap().get(), r#"{"name":"echo"}"#); // a slice of `bytes`
//!
//! let mut out = Vec::new();
//! jsonrpc::write_result(&mut out, &request.id, &serde_json::json!({"ok": true})).unwrap();
//! assert_eq!(out, br#"{"jsonrpc":"2.0","id":7,"result":{"ok":true}}"#);
//! # Ok::<(), mcp_core::jsonrpc::DecodeError>(())
//! ```
//!
//! Requirements: R-LM-1 to R-LM-12; <https://modelcontextprotocol.io/specification/2025-11-25/basic>.

mod depth;
mod encode;
mod error;
mod fault;
mod id;
mod member;
mod members;
mod message;
pub mod ndjson;
mod wire;

pub use encode::{
    EncodeError, write_error, write_notification, write_request, write_request_with_meta, write_result,
    write_result_with,
};
pub(crate) use encode::{json, write_result_after};
pub use error::{Error, ErrorObject, code};
pub use fault::{DecodeError, Fault};
pub use id::{ErrorId, RequestId};
pub use member::{Unclear, members, pick, text_of};
pub use members::Members;
pub use message::{ErrorResponse, Message, Notification, Request, Response};
pub(crate) use wire::borrow_str;
pub use wire::{Batch, BatchMessages, Payload, decode};
