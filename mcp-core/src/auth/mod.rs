//! OAuth as MCP uses it, without I/O: where the metadata are, whether they may be believed, what is asked for, and whether the
//! answer is to be trusted (R-AU; OAuth 2.1, RFC 8414, RFC 8707, RFC 9207, RFC 9728).
//!
//! Nothing here opens a connection, reads a clock or draws a random number. A client goes through it in this order, and each step
//! has one file:
//!
//! | File | Question |
//! | --- | --- |
//! | [`challenge`] | what does the server ask for? |
//! | [`place`] | where are the metadata, and may that URL be used at all? |
//! | [`metadata`] | whom does the server trust, and what can that one do? |
//! | [`scope`] | which scopes are asked for? |
//! | [`registration`] | as whom? |
//! | [`authorization`] | where is the person sent, and is that what comes back from there? |
//! | [`token`] | how is a token asked for, and what came? |
//!
//! What a peer sends is bounded before it comes here: a document has [`MAX_DOCUMENT_BYTES`] at most.
//!
//! ```
//! use mcp_core::auth::{AuthorizationServer, Challenge, ProtectedResource, place};
//! use mcp_core::http::Url;
//!
//! let endpoint = Url::parse("https://calendar.example/mcp")?;
//! let challenges = Challenge::parse([r#"Bearer scope="read""#]);
//! let places = place::of_resource(&endpoint, challenges[0].parameter("resource_metadata"))?;
//! assert_eq!(places[0].as_str(), "https://calendar.example/.well-known/oauth-protected-resource/mcp");
//!
//! let document = br#"{"resource": "https://calendar.example", "authorization_servers": ["https://login.example"]}"#;
//! let resource = ProtectedResource::read(document, &endpoint)?;
//! let issuer = &resource.authorization_servers[0];
//! let places = place::of_issuer(issuer, &endpoint)?;
//! assert_eq!(places[0].as_str(), "https://login.example/.well-known/oauth-authorization-server");
//!
//! let another = br#"{"issuer": "https://evil.example"}"#;
//! assert!(AuthorizationServer::read(another, issuer).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod authorization;
pub mod challenge;
mod error;
mod form;
pub mod metadata;
pub mod place;
pub mod registration;
pub mod scope;
pub mod token;

pub use authorization::{Authorization, Entropy};
pub use challenge::Challenge;
pub use error::AuthError;
pub use metadata::{AuthorizationServer, ProtectedResource};
pub use registration::{AuthMethod, Registration};
pub use scope::Scopes;
pub use token::{TokenRequest, Tokens};

/// Bytes of a metadata document, of the answer to a registration and of one with tokens. 64 KiB: those of large providers have
/// ten.
pub const MAX_DOCUMENT_BYTES: usize = 64 << 10;
