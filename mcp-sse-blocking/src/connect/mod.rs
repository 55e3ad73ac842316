//! From an address to a session.

mod ask;
mod detect;
mod early;
mod found;
mod greeting;
mod http_sse;
mod lines;
mod opening;
pub(crate) mod streamable;
mod verdicts;

use mcp_core::http::Url;

use crate::builder::{Common, HttpOptions, Transport};
use crate::client::Client;
use crate::error::Error;
use crate::transport::http::Http;

pub use found::{Connection, Via};
pub use lines::Streams;
pub(crate) use opening::Opening;

/// Connects to the server at `url`.
pub(crate) fn to_url(url: &str, mut options: HttpOptions, common: Common) -> Result<Client, Error> {
    let url = Url::parse(url).map_err(|error| Error::Usage(error.to_string()))?;
    if options.message_url.is_some() && options.transport == Transport::Detect {
        // Only HTTP+SSE has one.
        options.transport = Transport::HttpSse;
    }
    let http = Http::new(options.settings()?);
    detect::connect(&url, http, &options, common)
}
