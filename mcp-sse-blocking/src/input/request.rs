//! What the handlers are asked.

use mcp_core::http::Url;
use mcp_core::types::{
    CreateMessageParams, ElicitFormParams, ElicitResult, ElicitUrlParams, Implementation, JsonObject, RequestedSchema,
};

/// Why a handler does not answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The user does not want it: error -1 to the server (R-FC-13).
    Rejected,
    /// It cannot be done now, for this reason, which the server is told: error -32603.
    Failed(String),
}

/// A server wants a model to go on with a conversation (R-FC, section B).
///
/// Somebody should be able to see, change and refuse both the conversation and what the model says (R-FC-6).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SamplingRequest {
    /// Who the server says it is. Untrusted.
    pub server: Implementation,
    /// What it wants. At most [`max_tokens`](CreateMessageParams::max_tokens) may be sampled (R-FC-7).
    pub params: CreateMessageParams,
}

/// A server asks the user to fill in a form (R-FC, section C).
///
/// Show who asks, let the user look at the answers before they leave, and let them decline and dismiss it (R-FC-21).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct FormRequest {
    /// Who the server says it is. Untrusted.
    pub server: Implementation,
    /// What it asks for.
    pub params: ElicitFormParams,
}

/// A server asks the user to visit a page, for what must not pass through this program (R-FC-20).
///
/// Nothing has been fetched, and nothing may be before the user agrees (R-FC-24). Show the whole URL and its host, and open it
/// where neither this program nor a model sees what is entered (R-FC-25).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct UrlRequest {
    /// Who the server says it is. Untrusted.
    pub server: Implementation,
    /// Where to, and why.
    pub params: ElicitUrlParams,
}

impl FormRequest {
    /// What the user is to be told.
    pub fn message(&self) -> &str {
        &self.params.message
    }

    /// The fields of the form.
    pub fn schema(&self) -> &RequestedSchema {
        &self.params.requested_schema
    }

    /// The form as it is before anybody does anything: the fields that have a default.
    pub fn defaults(&self) -> JsonObject {
        self.schema().defaults()
    }

    /// The form accepted with its defaults and nothing else, for programs without a user. Refused later when a field is
    /// required and has no default.
    pub fn accept_defaults(&self) -> ElicitResult {
        ElicitResult::accept(self.defaults())
    }
}

impl UrlRequest {
    /// What the user is to be told.
    pub fn message(&self) -> &str {
        &self.params.message
    }

    /// Where to go. To be shown in full (R-FC-25).
    pub fn url(&self) -> &str {
        &self.params.url
    }

    /// The host that the user would be sent to, to be shown with emphasis (R-FC-25). `None` for what is no http or https URL, or
    /// has a user name in it: nothing to be opened.
    pub fn host(&self) -> Option<String> {
        Url::parse(self.url()).ok().map(|url| url.host().to_string())
    }

    /// Whether the host has letters that may look like others: a label in Punycode, or beyond ASCII. Warn of it (R-FC-25).
    pub fn has_lookalikes(&self) -> bool {
        let is_suspect = |label: &str| !label.is_ascii() || label.to_ascii_lowercase().starts_with("xn--");
        self.host().map_or(!self.url().is_ascii(), |host| host.split('.').any(is_suspect))
    }
}
