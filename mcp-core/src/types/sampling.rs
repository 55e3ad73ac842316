//! Sampling: a server asks the client's model (R-FC, section B).

mod blocks;

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::content::Role;
use super::meta::JsonObject;
use super::tolerance::{null_is_default, unreadable_is_default, whole_number};
use super::tools::Tool;
pub use blocks::{SamplingBlock, SamplingContent};

/// Parameters of `sampling/createMessage`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct CreateMessageParams {
    /// The conversation so far. See [`check`](Self::check).
    pub messages: Vec<SamplingMessage>,
    /// How many tokens to sample at most (R-FC-7).
    #[serde(deserialize_with = "whole_number")]
    pub max_tokens: u64,
    /// Which model would be best.
    #[serde(default, deserialize_with = "unreadable_is_default", skip_serializing_if = "Option::is_none")]
    pub model_preferences: Option<ModelPreferences>,
    /// What the server would like the model to be told first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system_prompt: Option<String>,
    /// Of which servers the client should add what it knows. `none` when absent.
    #[serde(default, deserialize_with = "unreadable_is_default", skip_serializing_if = "Option::is_none")]
    pub include_context: Option<IncludeContext>,
    /// How much chance there should be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// Texts that end the answer.
    #[serde(default, deserialize_with = "null_is_default", skip_serializing_if = "Vec::is_empty")]
    pub stop_sequences: Vec<String>,
    /// For the maker of the model, in a form of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<JsonObject>,
    /// What the model may use; since 2025-11-25, with the capability `sampling.tools` (R-FC-9).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tools: Option<Vec<Tool>>,
    /// Whether it has to; since 2025-11-25.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_choice: Option<ToolChoice>,
    /// Metadata of the request; not in 2026-07-28.
    #[serde(rename = "_meta", default, skip_serializing_if = "Option::is_none")]
    pub meta: Option<JsonObject>,
}

impl CreateMessageParams {
    /// Asks for at most so many tokens that go on from these messages.
    pub fn new(messages: Vec<SamplingMessage>, max_tokens: u64) -> Self {
        Self { messages, max_tokens, ..Self::default() }
    }

    /// Asks one question.
    pub fn text(question: impl Into<String>, max_tokens: u64) -> Self {
        Self::new(alloc::vec![SamplingMessage::user(SamplingBlock::text(question))], max_tokens)
    }

    /// Whether the client needs the capability `sampling.tools` for it (R-FC-9).
    pub fn uses_tools(&self) -> bool {
        self.tools.is_some() || self.tool_choice.is_some()
    }

    /// Whether the messages keep to the order that tools need.
    ///
    /// # Errors
    ///
    /// Which rule is broken (R-FC-11, R-FC-12). A client answers with error -32602 (R-FC-13).
    pub fn check(&self) -> Result<(), SamplingFault> {
        for (at, message) in self.messages.iter().enumerate() {
            let results =
                message.content.iter().filter(|block| matches!(block, SamplingBlock::ToolResult { .. })).count();
            if message.role == Role::User && results > 0 && results < message.content.len() {
                return Err(SamplingFault::MixedResults);
            }
            let before = at.checked_sub(1).and_then(|before| self.messages.get(before));
            let asked = before.filter(|before| before.role == Role::Assistant);
            let asked = asked.map(|before| before.content.tool_uses()).unwrap_or_default();
            let answered = if message.role == Role::User { message.content.tool_results() } else { Vec::new() };
            // Without an order, and each as often as it was asked.
            if !is_permutation(asked, answered) {
                return Err(SamplingFault::UnmatchedResults);
            }
        }
        match self.messages.last() {
            Some(last) if last.role == Role::Assistant && !last.content.tool_uses().is_empty() => {
                Err(SamplingFault::UnmatchedResults)
            }
            _ => Ok(()),
        }
    }
}

fn is_permutation(mut left: Vec<&str>, mut right: Vec<&str>) -> bool {
    left.sort_unstable();
    right.sort_unstable();
    left == right
}

/// How the messages of a request for sampling break the rules of tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SamplingFault {
    /// A message of the user has results of tools and something else (R-FC-11).
    MixedResults,
    /// Results of tools do not fit to the uses in the message before (R-FC-12).
    UnmatchedResults,
}

impl fmt::Display for SamplingFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MixedResults => "a message with tool results has other content as well",
            Self::UnmatchedResults => "tool uses and tool results do not match",
        })
    }
}

impl core::error::Error for SamplingFault {}

/// One message of the conversation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SamplingMessage {
    /// Who says it.
    pub role: Role,
    /// What is said.
    pub content: SamplingContent,
    /// Metadata; since 2025-11-25.
    #[serde(rename = "_meta", default, skip_serializing_if = "Option::is_none")]
    pub meta: Option<JsonObject>,
}

impl SamplingMessage {
    /// Said by the person.
    pub fn user(content: impl Into<SamplingContent>) -> Self {
        Self { role: Role::User, content: content.into(), meta: None }
    }

    /// Said by the model.
    pub fn assistant(content: impl Into<SamplingContent>) -> Self {
        Self { role: Role::Assistant, content: content.into(), meta: None }
    }
}

/// Result of `sampling/createMessage`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct CreateMessageResult {
    /// Who says it.
    pub role: Role,
    /// What was sampled.
    pub content: SamplingContent,
    /// The model that was used.
    pub model: String,
    /// Why it ended: `endTurn`, `stopSequence`, `maxTokens`, `toolUse`, or another word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_reason: Option<String>,
    /// Metadata.
    #[serde(rename = "_meta", default, skip_serializing_if = "Option::is_none")]
    pub meta: Option<JsonObject>,
    /// What the protocol does not name.
    #[serde(flatten)]
    pub other: JsonObject,
    #[serde(default, skip_serializing)]
    result_type: IgnoredAny,
}

impl CreateMessageResult {
    /// What this model said.
    pub fn new(model: impl Into<String>, content: impl Into<SamplingContent>) -> Self {
        Self {
            role: Role::Assistant,
            content: content.into(),
            model: model.into(),
            stop_reason: None,
            meta: None,
            other: JsonObject::new(),
            result_type: IgnoredAny,
        }
    }

    /// What this model said, and that it was done.
    pub fn text(model: impl Into<String>, text: impl Into<String>) -> Self {
        Self { stop_reason: Some("endTurn".into()), ..Self::new(model, SamplingBlock::text(text)) }
    }
}

/// Which model would be best. Hints weigh more than the numbers, and the client decides (R-FC-8).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ModelPreferences {
    /// Parts of names, the best first.
    #[serde(default, deserialize_with = "null_is_default", skip_serializing_if = "Vec::is_empty")]
    pub hints: Vec<ModelHint>,
    /// How much a low price matters, from 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_priority: Option<f64>,
    /// How much speed matters, from 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speed_priority: Option<f64>,
    /// How much capability matters, from 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intelligence_priority: Option<f64>,
}

impl ModelPreferences {
    /// The first model that the first matching hint is a part of (R-FC-8).
    pub fn choose<'m>(&self, models: &[&'m str]) -> Option<&'m str> {
        let names = self.hints.iter().filter_map(|hint| hint.name.as_deref());
        names.filter(|name| !name.is_empty()).find_map(|name| models.iter().copied().find(|model| model.contains(name)))
    }
}

/// A part of the name of a model.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelHint {
    /// The part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// Of which servers the client adds what it knows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum IncludeContext {
    /// Of none.
    #[default]
    None,
    /// Of the one that asks. Not without the capability `sampling.context` (R-FC-10).
    ThisServer,
    /// Of all. Not without the capability `sampling.context` (R-FC-10).
    AllServers,
}

/// Whether the model uses tools.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolChoice {
    /// Absent is `auto`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<ToolChoiceMode>,
}

/// When a model uses tools.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ToolChoiceMode {
    /// When it likes to.
    #[default]
    Auto,
    /// At least once.
    Required,
    /// Never.
    None,
}
