//! Prompts: messages that a server prepares for a model.

use alloc::borrow::Cow;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::content::{ContentBlock, Role};
use super::implementation::Icon;
use super::meta::{JsonObject, RequestMeta};
use super::pagination::list_result;
use super::tolerance::{null_is_default, unreadable_is_default};

/// A prompt as a server lists it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Prompt {
    /// Identifies it within its server.
    pub name: String,
    /// Its name for people; since 2025-06-18. See [`display_name`](Self::display_name).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What may be filled in.
    #[serde(default, deserialize_with = "null_is_default", skip_serializing_if = "Vec::is_empty")]
    pub arguments: Vec<PromptArgument>,
    /// Pictures; since 2025-11-25.
    #[serde(default, deserialize_with = "unreadable_is_default", skip_serializing_if = "Vec::is_empty")]
    pub icons: Vec<Icon>,
    /// Metadata.
    #[serde(rename = "_meta", default, skip_serializing_if = "Option::is_none")]
    pub meta: Option<JsonObject>,
}

impl Prompt {
    /// A prompt of which only the name is known.
    pub fn new(name: impl Into<String>) -> Self {
        let name = name.into();
        Self { name, title: None, description: None, arguments: Vec::new(), icons: Vec::new(), meta: None }
    }

    /// The name to show: `title`, else `name` (R-FS-1).
    pub fn display_name(&self) -> &str {
        self.title.as_deref().unwrap_or(&self.name)
    }
}

/// What may be filled in: a text (R-FS-34).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct PromptArgument {
    /// Identifies it within its prompt.
    pub name: String,
    /// Its name for people; since 2025-06-18.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The prompt cannot do without.
    #[serde(default, deserialize_with = "null_is_default", skip_serializing_if = "core::ops::Not::not")]
    pub required: bool,
}

impl PromptArgument {
    /// An argument that may be left out.
    pub fn optional(name: impl Into<String>) -> Self {
        Self { name: name.into(), title: None, description: None, required: false }
    }

    /// An argument that the prompt cannot do without.
    pub fn required(name: impl Into<String>) -> Self {
        Self { required: true, ..Self::optional(name) }
    }
}

list_result! {
    /// Result of `prompts/list`: one page.
    ListPromptsResult,
    /// The prompts of this page.
    prompts: Prompt
}

/// Parameters of `prompts/get`, borrowed from the request.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GetPromptParams<'a> {
    /// Which prompt.
    #[serde(borrow)]
    pub name: Cow<'a, str>,
    /// What is filled in. All values are texts; anything else makes the parameters invalid (R-FS-34).
    #[serde(default, deserialize_with = "null_is_default", skip_serializing_if = "BTreeMap::is_empty")]
    pub arguments: BTreeMap<String, String>,
    /// Answers to what the server asked for, as [`InputResponses`](super::InputResponses); since 2026-07-28.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub input_responses: Option<&'a RawValue>,
    /// What the server gave along with its questions, unchanged (R-LM-68); since 2026-07-28.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub request_state: Option<Cow<'a, str>>,
    /// Metadata of the request.
    #[serde(rename = "_meta", borrow, default, skip_serializing_if = "Option::is_none")]
    pub meta: Option<RequestMeta<'a>>,
}

impl<'a> GetPromptParams<'a> {
    /// Gets one prompt with nothing filled in.
    pub fn new(name: impl Into<Cow<'a, str>>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }
}

/// Result of `prompts/get`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct GetPromptResult {
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What to say to the model.
    #[serde(deserialize_with = "null_is_default")]
    pub messages: Vec<PromptMessage>,
    /// Metadata.
    #[serde(rename = "_meta", default, skip_serializing_if = "Option::is_none")]
    pub meta: Option<JsonObject>,
    /// What the protocol does not name.
    #[serde(flatten)]
    pub other: JsonObject,
    #[serde(default, skip_serializing)]
    result_type: IgnoredAny,
}

impl GetPromptResult {
    /// A result of these messages.
    pub fn new(messages: Vec<PromptMessage>) -> Self {
        Self { messages, ..Self::default() }
    }
}

/// One message of a prompt: always one block, never several.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PromptMessage {
    /// Who says it.
    pub role: Role,
    /// What is said.
    pub content: ContentBlock,
}

impl PromptMessage {
    /// Said by the person.
    pub fn user(content: ContentBlock) -> Self {
        Self { role: Role::User, content }
    }

    /// Said by the model.
    pub fn assistant(content: ContentBlock) -> Self {
        Self { role: Role::Assistant, content }
    }
}
