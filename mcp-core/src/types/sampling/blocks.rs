//! What is said in a message: text, pictures, sound, uses of tools and what came of them.

use alloc::string::String;
use alloc::vec::Vec;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::types::content::{Annotations, ContentBlock};
use crate::types::meta::JsonObject;
use crate::types::tolerance::{null_is_default, present, unreadable_is_default};

/// Blocks of a message. On the wire one block is an object and several are an array; both are read in every revision
/// (R-FC-16). Before 2025-11-25 there has to be exactly one.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SamplingContent(pub Vec<SamplingBlock>);

impl SamplingContent {
    /// The blocks, one after the other.
    pub fn iter(&self) -> core::slice::Iter<'_, SamplingBlock> {
        self.0.iter()
    }

    /// How many blocks there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The texts, joined by line ends.
    pub fn all_text(&self) -> String {
        let texts: Vec<&str> = self.iter().filter_map(SamplingBlock::as_text).collect();
        texts.join("\n")
    }

    pub(super) fn tool_uses(&self) -> Vec<&str> {
        let ids = self.iter().filter_map(|block| match block {
            SamplingBlock::ToolUse { id, .. } => Some(id.as_str()),
            _ => None,
        });
        ids.collect()
    }

    pub(super) fn tool_results(&self) -> Vec<&str> {
        let ids = self.iter().filter_map(|block| match block {
            SamplingBlock::ToolResult { tool_use_id, .. } => Some(tool_use_id.as_str()),
            _ => None,
        });
        ids.collect()
    }
}

impl From<SamplingBlock> for SamplingContent {
    fn from(block: SamplingBlock) -> Self {
        Self(alloc::vec![block])
    }
}

impl From<Vec<SamplingBlock>> for SamplingContent {
    fn from(blocks: Vec<SamplingBlock>) -> Self {
        Self(blocks)
    }
}

impl Serialize for SamplingContent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.as_slice() {
            [block] => block.serialize(serializer),
            blocks => blocks.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for SamplingContent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Array(blocks) => {
                blocks.into_iter().map(SamplingBlock::deserialize).collect::<Result<_, _>>().map(Self)
            }
            block => SamplingBlock::deserialize(block).map(Self::from),
        }
        .map_err(D::Error::custom)
    }
}

/// One block of a message: in the schema `SamplingMessageContentBlock`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", rename_all_fields = "camelCase")]
#[non_exhaustive]
pub enum SamplingBlock {
    /// Text.
    Text {
        /// The text.
        text: String,
        /// Hints for whoever shows it.
        #[serde(default, deserialize_with = "unreadable_is_default", skip_serializing_if = "Option::is_none")]
        annotations: Option<Annotations>,
        /// Metadata.
        #[serde(rename = "_meta", default, skip_serializing_if = "Option::is_none")]
        meta: Option<JsonObject>,
    },
    /// A picture.
    Image {
        /// The picture in Base64.
        data: String,
        /// Its media type.
        mime_type: String,
        /// Hints for whoever shows it.
        #[serde(default, deserialize_with = "unreadable_is_default", skip_serializing_if = "Option::is_none")]
        annotations: Option<Annotations>,
        /// Metadata.
        #[serde(rename = "_meta", default, skip_serializing_if = "Option::is_none")]
        meta: Option<JsonObject>,
    },
    /// Sound; since 2025-03-26.
    Audio {
        /// The sound in Base64.
        data: String,
        /// Its media type.
        mime_type: String,
        /// Hints for whoever plays it.
        #[serde(default, deserialize_with = "unreadable_is_default", skip_serializing_if = "Option::is_none")]
        annotations: Option<Annotations>,
        /// Metadata.
        #[serde(rename = "_meta", default, skip_serializing_if = "Option::is_none")]
        meta: Option<JsonObject>,
    },
    /// The model wants to use a tool; since 2025-11-25.
    ToolUse {
        /// Identifies this use.
        id: String,
        /// Which tool.
        name: String,
        /// Its arguments.
        input: JsonObject,
        /// Metadata.
        #[serde(rename = "_meta", default, skip_serializing_if = "Option::is_none")]
        meta: Option<JsonObject>,
    },
    /// What came of it; since 2025-11-25.
    ToolResult {
        /// Which use.
        tool_use_id: String,
        /// What the tool returned, for people and models.
        content: Vec<ContentBlock>,
        /// What it returned, for programs: an object, and since 2026-07-28 any JSON.
        #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
        structured_content: Option<Value>,
        /// The tool failed.
        #[serde(default, deserialize_with = "null_is_default", skip_serializing_if = "core::ops::Not::not")]
        is_error: bool,
        /// Metadata.
        #[serde(rename = "_meta", default, skip_serializing_if = "Option::is_none")]
        meta: Option<JsonObject>,
    },
    /// A type that this library does not know, or a known one that lacks something: kept as it came (R-FS-6).
    #[serde(untagged)]
    Unknown(Value),
}

impl SamplingBlock {
    /// Text without annotations.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text { text: text.into(), annotations: None, meta: None }
    }

    /// A use of a tool.
    pub fn tool_use(id: impl Into<String>, name: impl Into<String>, input: JsonObject) -> Self {
        Self::ToolUse { id: id.into(), name: name.into(), input, meta: None }
    }

    /// What came of the use with this id.
    pub fn tool_result(tool_use_id: impl Into<String>, content: Vec<ContentBlock>) -> Self {
        let tool_use_id = tool_use_id.into();
        Self::ToolResult { tool_use_id, content, structured_content: None, is_error: false, meta: None }
    }

    /// The text, when it is text.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text { text, .. } => Some(text),
            _ => None,
        }
    }
}
