//! Tools: what a server can do for a model.

use alloc::borrow::Cow;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use super::content::ContentBlock;
use super::implementation::Icon;
use super::meta::{JsonObject, RequestMeta};
use super::pagination::list_result;
use super::raw_json::RawJson;
use super::tolerance::{null_is_default, present, unreadable_is_default};
use crate::revision::ProtocolVersion;
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
    /// The JSON Schema of its arguments: an object, as the server wrote it.
    pub input_schema: RawJson,
    /// The JSON Schema of its structured result, as the server wrote it; since 2025-06-18.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_schema: Option<RawJson>,
    /// Hints about its behaviour; since 2025-03-26.
    #[serde(default, deserialize_with = "unreadable_is_default", skip_serializing_if = "Option::is_none")]
    pub annotations: Option<ToolAnnotations>,
    /// Pictures; since 2025-11-25.
    #[serde(default, deserialize_with = "unreadable_is_default", skip_serializing_if = "Vec::is_empty")]
    pub icons: Vec<Icon>,
    /// How it is carried out; in 2025-11-25.
    #[serde(default, deserialize_with = "unreadable_is_default", skip_serializing_if = "Option::is_none")]
    pub execution: Option<ToolExecution>,
    /// Metadata.
    #[serde(rename = "_meta", default, skip_serializing_if = "Option::is_none")]
    pub meta: Option<JsonObject>,
}

/// How a tool is carried out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ToolExecution {
    /// Whether it can be a task: `forbidden`, which is the default, `optional` or `required`. This library has no tasks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_support: Option<String>,
}

impl Tool {
    /// A tool of which only the name and the arguments are known.
    pub fn new(name: impl Into<String>, input_schema: RawJson) -> Self {
        Self {
            name: name.into(),
            title: None,
            description: None,
            input_schema,
            output_schema: None,
            annotations: None,
            icons: Vec::new(),
            execution: None,
            meta: None,
        }
    }

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

list_result! {
    /// Result of `tools/list`: one page.
    ListToolsResult,
    /// The tools of this page.
    tools: Tool
}

/// Parameters of `tools/call`, borrowed from the request.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CallToolParams<'a> {
    /// Which tool.
    #[serde(borrow)]
    pub name: Cow<'a, str>,
    /// Its arguments: an object; absent is `{}` (R-FS-23).
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub arguments: Option<&'a RawValue>,
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

impl<'a> CallToolParams<'a> {
    /// Calls one tool, without metadata.
    pub fn new(name: impl Into<Cow<'a, str>>, arguments: Option<&'a RawValue>) -> Self {
        Self { name: name.into(), arguments, ..Self::default() }
    }
}

/// Result of `tools/call`. A tool that fails says so here, with [`is_error`](Self::is_error) (R-FS-18).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct CallToolResult {
    /// What it returned, for people and models. Servers that leave it out beside `structuredContent` are tolerated.
    #[serde(default, deserialize_with = "null_is_default")]
    pub content: Vec<ContentBlock>,
    /// What it returned, for programs: an object since 2025-06-18, any JSON since 2026-07-28. There, `null` is a value and not
    /// the same as an absent member (R-FS-17).
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub structured_content: Option<Value>,
    /// The tool failed; the content says why.
    #[serde(default, deserialize_with = "null_is_default", skip_serializing_if = "core::ops::Not::not")]
    pub is_error: bool,
    /// Metadata.
    #[serde(rename = "_meta", default, skip_serializing_if = "Option::is_none")]
    pub meta: Option<JsonObject>,
    /// What the protocol does not name.
    #[serde(flatten)]
    pub other: JsonObject,
    #[serde(default, skip_serializing)]
    result_type: IgnoredAny,
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
        let text = match self.content.as_slice() {
            [block] => block.as_text(),
            _ => None,
        };
        let read = match (&self.structured_content, text) {
            // Peers of earlier revisions write `null` for what is absent.
            (Some(Value::Null), Some(text)) => T::deserialize(&Value::Null).or_else(|_| serde_json::from_str(text)),
            (Some(value), _) => T::deserialize(value),
            (None, Some(text)) => serde_json::from_str(text),
            (None, None) => return Err(StructuredError::Absent),
        };
        read.map_err(|error| StructuredError::Shape(parser_message(&error)))
    }

    /// It as a client of a revision understands it: where structured content is an object, `null` is what peers write for
    /// what is absent.
    pub fn read_in(mut self, version: ProtocolVersion) -> Self {
        if !version.has_any_structured_content() && self.structured_content == Some(Value::Null) {
            self.structured_content = None;
        }
        self
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
