//! From an address to a session.

mod http_sse;
mod lines;
mod opening;
pub(crate) mod streamable;

use mcp_core::http::Url;

use crate::client::Client;
use crate::config::{Common, HttpOptions, Transport};
use crate::error::Error;
use crate::transport::http::Http;

pub use lines::Streams;
pub(crate) use opening::Opening;

/// Connects to the server at `url`.
pub(crate) fn to_url(url: &str, options: HttpOptions, common: Common) -> Result<Client, Error> {
    let url = Url::parse(url).map_err(|error| Error::Usage(error.to_string()))?;
    if let Some(version) = common.version.filter(|version| !version.has_handshake()) {
        return Err(Error::Usage(format!("revision {version} has no handshake and no HTTP+SSE")));
    }
    let http = Http::new(options.settings()?);
    match options.transport {
        Transport::StreamableHttp => streamable::connect(&url, http, common),
        _ => http_sse::connect(&url, http, &options, common),
    }
}
