//! What handlers answer.

use mcp_core::types::{CallToolResult, GetPromptResult, ReadResourceResult};
use mcp_server_tiny::prompt::PromptResult;
use mcp_server_tiny::resource::Contents;
use mcp_server_tiny::result::ToolResult;
use mcp_server_tiny::{IntoContents, IntoPrompt, IntoToolResult, Json, Later, ToolError};
use serde_json::value::RawValue;

use crate::error::{Fault, Status};
use crate::text::Input;

/// What is asked for by a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Tool,
    Prompt,
    Resource,
}

/// What a handler said.
pub(crate) enum Reply {
    Text(String),
    Json(Box<RawValue>),
    Bytes(Vec<u8>),
    /// No such resource.
    Missing,
    Tool(Box<CallToolResult>),
    Prompt(Box<GetPromptResult>),
    Resource(Box<ReadResourceResult>),
    /// It was deferred.
    Later,
}

impl Reply {
    pub(crate) fn text(text: &Input) -> Result<Self, Fault> {
        Ok(Self::Text(text.required()?.to_owned()))
    }

    pub(crate) fn json(json: &Input) -> Result<Self, Fault> {
        Ok(Self::Json(RawValue::from_string(json.required()?.to_owned())?))
    }

    /// A whole result of the kind that is asked for.
    pub(crate) fn result(kind: Kind, json: &Input) -> Result<Self, Fault> {
        let json = json.required()?;
        Ok(match kind {
            Kind::Tool => Self::Tool(Box::new(serde_json::from_str(json)?)),
            Kind::Prompt => Self::Prompt(Box::new(serde_json::from_str(json)?)),
            Kind::Resource => Self::Resource(Box::new(serde_json::from_str(json)?)),
        })
    }

    pub(crate) fn bytes(kind: Kind, bytes: &[u8]) -> Result<Self, Fault> {
        only_resources(kind, "bytes are in resources only").map(|()| Self::Bytes(bytes.to_owned()))
    }

    pub(crate) fn missing(kind: Kind) -> Result<Self, Fault> {
        only_resources(kind, "only a resource can be missing").map(|()| Self::Missing)
    }
}

fn only_resources(kind: Kind, problem: &str) -> Result<(), Fault> {
    if kind == Kind::Resource { Ok(()) } else { Err(Fault::new(Status::Usage, problem)) }
}

/// What `Reply` is made for one kind only is answered for that kind.
fn of_another_kind() -> ToolError {
    ToolError::new("the handler answered with the result of something else")
}

impl IntoToolResult for Reply {
    fn into_tool_result(self) -> Result<ToolResult, ToolError> {
        match self {
            Self::Text(text) => text.into_tool_result(),
            Self::Json(json) => Json(json).into_tool_result(),
            Self::Tool(result) => result.into_tool_result(),
            Self::Later => Later.into_tool_result(),
            Self::Bytes(_) | Self::Missing | Self::Prompt(_) | Self::Resource(_) => Err(of_another_kind()),
        }
    }
}

impl IntoPrompt for Reply {
    fn into_prompt(self) -> Result<PromptResult, ToolError> {
        match self {
            Self::Text(text) => text.into_prompt(),
            Self::Json(json) => json.get().to_owned().into_prompt(),
            Self::Prompt(result) => result.into_prompt(),
            _ => Err(of_another_kind()),
        }
    }
}

impl IntoContents for Reply {
    fn into_contents(self) -> Result<Contents, ToolError> {
        match self {
            Self::Text(text) => text.into_contents(),
            Self::Json(json) => Json(json).into_contents(),
            Self::Bytes(bytes) => bytes.into_contents(),
            Self::Missing => Ok(Contents::MISSING),
            Self::Resource(result) => result.into_contents(),
            _ => Err(of_another_kind()),
        }
    }
}
