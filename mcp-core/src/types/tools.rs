//! Tools: what a server can do for a model.

use alloc::borrow::Cow;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use super::content::ContentBlock;
use super::implementation::Icon;
use super::meta::{JsonObject, RequestMeta};
use super::tolerance::{null_is_default, unreadable_is_default};
use crate::text::parser_message;

/// A tool as a server describes it. Untrusted, like all that a server says of itself (R-FS-20).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Tool {
    /// Identifies it within its server.
    pub name: String,
    /// Its name for people; since 2025-06-18. See [`Tool::display_name`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What it does, for a model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The JSON Schema of its arguments: an object.
    pub input_schema: Value,
    /// The JSON Schema of its structured result; since 2025-06-18.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_schema: Option<Value>,
    /// Hints about its behaviour; since 2025-03-26.
    #[serde(default, deserialize_with = "unreadable_is_default", skip_serializing_if = "Option::is_none")]
    pub annotations: Option<ToolAnnotations>,
    /// Pictures; since 2025-11-25.
    #[serde(default, deserialize_with = "unreadable_is_default", skip_serializing_if = "Vec::is_empty")]
    pub icons: Vec<Icon>,
    /// Metadata.
    #[serde(rename = "_meta", default, skip_serializing_if = "Option::is_none")]
    pub meta: Option<JsonObject>,
}

impl Tool {
    /// The name to show: `title`, else the title of the annotations, else `name` (R-FS-1).
    pub fn display_name(&self) -> &str {
        let annotated = || self.annotations.as_ref()?.title.as_deref();
        self.title.as_deref().or_else(annotated).unwrap_or(&self.name)
    }
}

/// Hints about a tool's behaviour. An absent hint means what the method of its name returns by default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ToolAnnotations {
    /// Its name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// It changes nothing. Default: false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_only_hint: Option<bool>,
    /// It may destroy something. Default: true; meaningless when it is read-only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destructive_hint: Option<bool>,
    /// Calling it twice is like calling it once. Default: false; meaningless when it is read-only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotent_hint: Option<bool>,
    /// It deals with the world outside. Default: true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_world_hint: Option<bool>,
}

/// Result of `tools/list`: one page.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListToolsResult {
    /// The tools of this page.
    #[serde(deserialize_with = "null_is_default")]
    pub tools: Vec<Tool>,
    /// Where the next page begins; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// Parameters of `tools/call`, borrowed from the request.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CallToolParams<'a> {
    /// Which tool.
    #[serde(borrow)]
    pub name: Cow<'a, str>,
    /// Its arguments: an object; absent is `{}` (R-FS-23).
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub arguments: Option<&'a RawValue>,
    /// Metadata of the request.
    #[serde(rename = "_meta", borrow, default, skip_serializing_if = "Option::is_none")]
    pub meta: Option<RequestMeta<'a>>,
}

/// Result of `tools/call`. A tool that fails says so here, with [`is_error`](Self::is_error) (R-FS-18).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct CallToolResult {
    /// What it returned, for people and models. Servers that leave it out beside `structuredContent` are tolerated.
    #[serde(default, deserialize_with = "null_is_default")]
    pub content: Vec<ContentBlock>,
    /// What it returned, for programs; since 2025-06-18.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub structured_content: Option<Value>,
    /// The tool failed; the content says why.
    #[serde(default, deserialize_with = "null_is_default", skip_serializing_if = "core::ops::Not::not")]
    pub is_error: bool,
    /// Metadata.
    #[serde(rename = "_meta", default, skip_serializing_if = "Option::is_none")]
    pub meta: Option<JsonObject>,
}

impl CallToolResult {
    /// A result of these blocks.
    pub fn new(content: Vec<ContentBlock>) -> Self {
        Self { content, ..Self::default() }
    }

    /// A result of one text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::new(alloc::vec![ContentBlock::text(text)])
    }

    /// A failure, described for the model that made the call.
    pub fn error(text: impl Into<String>) -> Self {
        Self { is_error: true, ..Self::text(text) }
    }

    /// A result for programs, with the same as text for clients before 2025-06-18 (R-FS-16).
    pub fn from_structured(value: Value) -> Self {
        Self { structured_content: Some(value.clone()), ..Self::text(value.to_string()) }
    }

    /// The result as a type: from `structuredContent`, else from a single text that is JSON, which is how servers before
    /// 2025-06-18 return data (R-FS-16).
    ///
    /// # Errors
    ///
    /// When there is neither, or when it is of another shape. [`is_error`](Self::is_error) is not looked at.
    pub fn structured<T: DeserializeOwned>(&self) -> Result<T, StructuredError> {
        let read = match (&self.structured_content, self.content.as_slice()) {
            (Some(value), _) => T::deserialize(value),
            (None, [block]) => match block.as_text() {
                Some(text) => serde_json::from_str(text),
                None => return Err(StructuredError::Absent),
            },
            _ => return Err(StructuredError::Absent),
        };
        read.map_err(|error| StructuredError::Shape(parser_message(&error)))
    }

    /// The texts of the content, joined by line ends.
    pub fn all_text(&self) -> String {
        let texts: Vec<&str> = self.content.iter().filter_map(ContentBlock::as_text).collect();
        texts.join("\n")
    }
}

/// Why a result is not of the type that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum StructuredError {
    /// There is neither structured content nor a single text.
    Absent,
    /// It is of another shape; with what the parser says, cut.
    Shape(String),
}

impl fmt::Display for StructuredError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("the result has neither structured content nor a single text"),
            Self::Shape(error) => write!(f, "the result is not of the expected shape: {error}"),
        }
    }
}

impl core::error::Error for StructuredError {}
