//! What a server is and speaks, asked without a session (2026-07-28).

use alloc::string::String;
use alloc::vec::Vec;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::caching::CacheHints;
use super::capabilities::ServerCapabilities;
use super::implementation::Implementation;
use super::meta::{JsonObject, SERVER_INFO};
use super::tolerance::null_is_default;

/// Result of `server/discover`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct DiscoverResult {
    /// The revisions that it speaks. Strings: a client may meet some that it does not know.
    pub supported_versions: Vec<String>,
    /// What it offers.
    #[serde(default, deserialize_with = "null_is_default")]
    pub capabilities: ServerCapabilities,
    /// How to use it, for a model. Untrusted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instructions: Option<String>,
    /// How long it may be kept.
    #[serde(flatten)]
    pub cache: CacheHints,
    /// Metadata; says who the server is. See [`server_info`](Self::server_info).
    #[serde(rename = "_meta", default, skip_serializing_if = "Option::is_none")]
    pub meta: Option<JsonObject>,
    /// What the protocol does not name.
    #[serde(flatten)]
    pub other: JsonObject,
    #[serde(default, skip_serializing)]
    result_type: IgnoredAny,
}

impl DiscoverResult {
    /// A server that speaks these revisions and offers this.
    pub fn new(supported_versions: Vec<String>, capabilities: ServerCapabilities) -> Self {
        Self { supported_versions, capabilities, ..Self::default() }
    }

    /// Who the server is, when it says so (R-LM-50).
    pub fn server_info(&self) -> Option<Implementation> {
        Implementation::deserialize(self.meta.as_ref()?.get(SERVER_INFO)?).ok()
    }
}
