//! From an address to a session.

mod ask;
mod detect;
mod early;
mod found;
mod greeting;
mod http_sse;
mod lines;
mod opening;
mod plain;
pub(crate) mod streamable;
mod verdicts;

use std::sync::Arc;

use mcp_core::http::Url;

use crate::builder::{Common, HttpOptions, Transport};
use crate::client::Client;
use crate::error::Error;
use crate::transport::http::{Http, Settings};

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
    let insight = common.insight.of_client();
    let settings = Settings { insight: Arc::clone(insight), ..options.settings(&url)? };
    insight.secret_headers(&settings.headers);
    insight.secret_url(url.path_and_query());
    insight.secret_url(options.message_url.as_deref().unwrap_or_default());
    let http = Http::new(settings);
    if options.transport == Transport::Plain {
        return plain::connect(&url, http, &options, common);
    }
    detect::connect(&url, http, &options, common)
}
