//! The handshake (R-LM-20 to R-LM-23), in revisions that have one.

use alloc::borrow::ToOwned;
use alloc::string::String;

use serde::{Deserialize, Serialize};

use super::capabilities::{ClientCapabilities, ServerCapabilities};
use super::implementation::Implementation;
use super::meta::JsonObject;
use super::tolerance::null_is_default;
use crate::revision::ProtocolVersion;

/// What a client says first (R-LM-21).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InitializeParams {
    /// The revision that it offers. A string: a server may meet one that it does not know.
    pub protocol_version: String,
    /// What it offers.
    #[serde(default, deserialize_with = "null_is_default")]
    pub capabilities: ClientCapabilities,
    /// Who it is.
    pub client_info: Implementation,
}

/// What a server answers (R-LM-22).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct InitializeResult {
    /// The revision that both follow from now on.
    pub protocol_version: String,
    /// What it offers.
    #[serde(default, deserialize_with = "null_is_default")]
    pub capabilities: ServerCapabilities,
    /// Who it is.
    pub server_info: Implementation,
    /// How to use it, for a model. Untrusted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instructions: Option<String>,
    /// Metadata.
    #[serde(rename = "_meta", default, skip_serializing_if = "Option::is_none")]
    pub meta: Option<JsonObject>,
    /// What the protocol does not name.
    #[serde(flatten)]
    pub other: JsonObject,
}

impl InitializeResult {
    /// A server that speaks this revision, offers this, and says no more.
    pub fn new(version: ProtocolVersion, capabilities: ServerCapabilities, server_info: Implementation) -> Self {
        Self {
            protocol_version: version.as_str().to_owned(),
            capabilities,
            server_info,
            instructions: None,
            meta: None,
            other: JsonObject::new(),
        }
    }
}
