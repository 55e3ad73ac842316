//! The HTTP rules of MCP as functions over the heads of requests and answers.
//!
//! Nothing here opens a connection, reads a body or builds a request: the shells do that, and ask here what a head
//! means and whether to go on. Each file has one question:
//!
//! | File | Question | Side |
//! | --- | --- | --- |
//! | [`authority`] | which host is that, and is it this machine? | both |
//! | [`url`] | what does this reference mean here? | client |
//! | [`endpoint`] | where do the messages go, and may they go there? | client |
//! | [`era`] | how is this server to be spoken to? | client |
//! | [`request`] | which headers does a request need? | client |
//! | [`exchange`] | what is this answer? | client |
//! | [`unknown_session`] | does this 400 end the session? | client |
//! | [`retry_after`](mod@retry_after) | how long does this server want to be left alone? | client |
//! | [`date`] | which moment is that? | both |
//! | [`plain`] | what does a body say that is no JSON-RPC? | client |
//! | [`accept`] | may this request be served? | server |
//! | [`cors`] | what does a browser have to be told? | server |
//! | [`headers`] | which headers are there, and what may stand in one? | both |
//! | [`value`] | what stands in a header that repeats the body? | both |
//! | [`session`] | which session, which revision, may this request be served in it? | both |
//! | [`stateless`] | does a request of 2026-07-28 contradict itself, and which status has its error? | server |
//! | [`resume`] | what to do when a stream ended before the reply? | client |
//! | [`event_id`] | which event of which stream is that? | server |
//! | [`params`] | which arguments of a tool are repeated in headers, and are they the same there? | both |
//! | [`mismatch`] | which header contradicts the body, and how? | server |
//! | [`media`] | which media type is that? | both |
//! | [`secret`] | is that the same secret? | both |
//!
//! ```
//! use mcp_core::http::{Url, resolve_endpoint};
//!
//! let stream = Url::parse("http://localhost:8000/sse")?;
//! let endpoint = resolve_endpoint(&stream, "/messages?sessionId=6f1c")?;
//! assert_eq!(endpoint.as_str(), "http://localhost:8000/messages?sessionId=6f1c");
//! assert_eq!(endpoint.to_string(), "http://localhost:8000/messages?..."); // the query is a secret
//! assert!(resolve_endpoint(&stream, "https://elsewhere.example/messages").is_err());
//! # Ok::<(), mcp_core::http::EndpointError>(())
//! ```

pub mod accept;
pub mod authority;
pub mod cors;
pub mod date;
pub mod endpoint;
pub mod era;
pub mod event_id;
pub mod exchange;
pub mod headers;
pub mod media;
pub mod mismatch;
pub mod params;
pub mod plain;
pub mod request;
pub mod resume;
pub mod retry_after;
pub mod secret;
pub mod session;
pub mod stateless;
pub mod unknown_session;
pub mod url;
pub mod value;

pub use accept::{HostPolicy, OriginPolicy, Refusal};
pub use authority::{Authority, Host, Origin};
pub use date::Date;
pub use endpoint::{EndpointError, resolve_endpoint, resolve_message_url, resolve_redirect};
pub use event_id::EventId;
pub use exchange::{Answer, Carried, may_hold_error};
pub use headers::Field;
pub use media::{accepts_event_stream, accepts_json, is_event_stream, is_json};
pub use mismatch::{HeaderFault, HeaderMismatch};
pub use params::{AnnotationError, ParamHeaders};
pub use request::RequestHead;
pub use retry_after::retry_after;
pub use secret::is_same_secret;
pub use session::SessionId;
pub use unknown_session::says_unknown_session;
pub use url::{Url, resolve};

use alloc::string::{String, ToString as _};

/// A value of a peer as our errors show it.
fn excerpt(text: &str) -> String {
    crate::text::Excerpt::new(text, 80).to_string()
}
