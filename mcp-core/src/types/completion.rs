//! Completion of arguments while somebody types them.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::meta::JsonObject;
use super::tolerance::{null_is_default, unreadable_is_default};

/// Parameters of `completion/complete`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CompleteParams {
    /// Whose argument it is.
    #[serde(rename = "ref")]
    pub reference: CompletionReference,
    /// Which argument, and what was typed so far.
    pub argument: CompletionArgument,
    /// What was filled in before (R-FS-37); since 2025-06-18.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<CompletionContext>,
}

/// Whose argument is being completed: `ref` in the parameters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum CompletionReference {
    /// A prompt.
    #[serde(rename = "ref/prompt")]
    Prompt {
        /// Its name.
        name: String,
        /// Its name for people; since 2025-06-18.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        title: Option<String>,
    },
    /// A resource or a template.
    #[serde(rename = "ref/resource")]
    Resource {
        /// Its URI, or its template.
        uri: String,
    },
}

impl CompletionReference {
    /// The prompt with this name.
    pub fn prompt(name: impl Into<String>) -> Self {
        Self::Prompt { name: name.into(), title: None }
    }

    /// The resource with this URI or template.
    pub fn resource(uri: impl Into<String>) -> Self {
        Self::Resource { uri: uri.into() }
    }
}

/// An argument that is being typed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompletionArgument {
    /// Its name.
    pub name: String,
    /// What was typed so far.
    pub value: String,
}

/// What is known besides the argument that is being typed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompletionContext {
    /// The arguments that were filled in before.
    #[serde(default, deserialize_with = "null_is_default", skip_serializing_if = "BTreeMap::is_empty")]
    pub arguments: BTreeMap<String, String>,
}

/// Result of `completion/complete`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct CompleteResult {
    /// The proposals.
    pub completion: Completion,
    /// Metadata.
    #[serde(rename = "_meta", default, skip_serializing_if = "Option::is_none")]
    pub meta: Option<JsonObject>,
    /// What the protocol does not name.
    #[serde(flatten)]
    pub other: JsonObject,
    #[serde(default, skip_serializing)]
    result_type: IgnoredAny,
}

impl CompleteResult {
    /// A result of these proposals.
    pub fn new(completion: Completion) -> Self {
        Self { completion, ..Self::default() }
    }
}

/// Proposals, the best first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Completion {
    /// What the argument may be: at most [`MAX_VALUES`](Self::MAX_VALUES).
    #[serde(deserialize_with = "null_is_default")]
    pub values: Vec<String>,
    /// How many there are in all, when that is known.
    #[serde(default, deserialize_with = "unreadable_is_default", skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// There are more than these. Absent when the server does not know.
    #[serde(default, deserialize_with = "unreadable_is_default", skip_serializing_if = "Option::is_none")]
    pub has_more: Option<bool>,
}

impl Completion {
    /// How many proposals an answer may have (R-FS-35).
    pub const MAX_VALUES: usize = 100;

    /// These proposals; of more than [`MAX_VALUES`](Self::MAX_VALUES) the first, and the answer says that there are more.
    pub fn new<T: Into<String>>(values: impl IntoIterator<Item = T>) -> Self {
        let mut all = values.into_iter();
        let values: Vec<String> = all.by_ref().take(Self::MAX_VALUES).map(Into::into).collect();
        let more = all.count();
        let total = values.len().saturating_add(more);
        Self { values, total: u64::try_from(total).ok(), has_more: Some(more > 0) }
    }
}
