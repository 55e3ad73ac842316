//! What handlers return: results, errors, and how both look on the wire in each revision.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use mcp_core::jsonrpc::{self, code};
use mcp_core::revision::ProtocolVersion;
use mcp_core::session::{Reply, RequestKey, ServerProfile, ServerSession};
use mcp_core::types::{CallToolResult, ContentBlock, JsonObject};
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

use crate::service::{OfferKind, respond};

/// What a handler may return: strings, numbers, [`Json`], content blocks, a whole [`CallToolResult`], or nothing.
pub trait IntoToolResult {
    /// The result it stands for.
    ///
    /// # Errors
    ///
    /// [`ToolError`] when it cannot be written as JSON.
    fn into_tool_result(self) -> Result<ToolResult, ToolError>;
}

/// A result, ready to be written. For handlers whose branches return different types.
#[derive(Debug, Clone)]
pub struct ToolResult(Repr);

#[derive(Debug, Clone)]
enum Repr {
    /// The usual one: it is written straight to the socket's buffer.
    Text(Cow<'static, str>),
    /// Goes out as structured content and as text (R-FS-16).
    Json(Box<RawValue>),
    Full(Box<CallToolResult>, Respond),
    Later,
}

/// JSON of a value: as structured content where the revision has it, up to 2025-11-25 for objects only (R-FS-17), and in any
/// case as text (R-FS-16). Also reads an argument of any type that deserializes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Json<T>(pub T);

/// Says that the answer comes from the [`Deferred`](crate::deferred::Deferred) that the handler took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Later;

/// Why a call failed. Any error, and any text, turns into one with `?` or `into()`: the client then gets a result
/// with `isError` and that text, which is meant for the model that made the call (R-FS-18). Do not put secrets into
/// it.
#[derive(Debug, Clone)]
pub struct ToolError(Failure);

#[derive(Debug, Clone)]
enum Failure {
    Tool(String),
    InvalidArguments(String),
    /// An answer of the client is of the wrong shape.
    InvalidInput(String),
    Protocol(Box<jsonrpc::Error>),
    /// The client answered a question with an error.
    Refused(Box<(String, jsonrpc::Error)>),
    /// No failure: the handler is to be run again once its questions are answered.
    Question,
}

impl ToolError {
    /// The tool failed, and this tells the model why.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Failure::Tool(text.into()))
    }

    /// The arguments are wrong in a way that their types do not tell. From 2025-11-25 on a result with `isError`, so
    /// that a model can correct itself; before that error -32602 (R-FS-18).
    pub fn invalid_arguments(text: impl Into<String>) -> Self {
        Self(Failure::InvalidArguments(text.into()))
    }

    /// An error of the protocol instead of a result: for what is not the tool's failure. Codes of your own lie
    /// outside of -32768 to -32000 (R-LM-14).
    pub fn protocol(code: i64, message: impl Into<String>) -> Self {
        Self::of_protocol(jsonrpc::Error::new(code, message))
    }

    /// Adds what programs may need to know of an error of the [protocol](Self::protocol): its `data`. Results have no place for
    /// it, so it is left out of them.
    pub fn data<T: Serialize + ?Sized>(mut self, data: &T) -> Self {
        if let Failure::Protocol(error) = &mut self.0 {
            match to_raw_value(data) {
                Ok(data) => error.data = Some(data),
                Err(error) => log::error!("the data of an error cannot be written as JSON: {error}"),
            }
        }
        self
    }

    /// What it says.
    pub fn message(&self) -> &str {
        match &self.0 {
            Failure::Tool(text) | Failure::InvalidArguments(text) | Failure::InvalidInput(text) => text,
            Failure::Protocol(error) => &error.message,
            Failure::Refused(refusal) => &refusal.0,
            Failure::Question => "the client is asked first",
        }
    }

    /// The client's error, when it is what a question was answered with: -1 when its user refused to sample (R-FC-13).
    pub fn refusal(&self) -> Option<&jsonrpc::Error> {
        if let Failure::Refused(refusal) = &self.0 { Some(&refusal.1) } else { None }
    }

    /// Whether it stands for a question that has no answer yet. It has to be what the handler returns.
    pub fn is_question(&self) -> bool {
        matches!(self.0, Failure::Question)
    }

    pub(crate) fn of_protocol(error: jsonrpc::Error) -> Self {
        Self(Failure::Protocol(Box::new(error)))
    }

    pub(crate) fn question() -> Self {
        Self(Failure::Question)
    }

    pub(crate) fn refused(key: &str, error: &jsonrpc::Error) -> Self {
        Self(Failure::Refused(Box::new((format!("the client refused `{key}`: {error}"), error.clone()))))
    }

    pub(crate) fn invalid_input(text: impl Into<String>) -> Self {
        Self(Failure::InvalidInput(text.into()))
    }

    /// The client does not offer what a question needs: `required` is what it would have to declare.
    pub(crate) fn missing_capability(version: ProtocolVersion, name: &str, required: &str) -> Self {
        let text = format!("the client does not offer `{name}`, which is needed here");
        if version.has_server_requests() {
            return Self::new(text);
        }
        let data = RawValue::from_string(format!(r#"{{"requiredCapabilities":{required}}}"#)).ok();
        Self::of_protocol(jsonrpc::Error { code: code::MISSING_CLIENT_CAPABILITY, message: text, data })
    }

    /// How a client of a revision gets to know of what came of a tool, a prompt or a resource.
    pub(crate) fn sent_as(&self, kind: OfferKind, version: ProtocolVersion) -> SentAs<'_> {
        let error = |code, text| SentAs::Error(jsonrpc::ErrorObject::new(code, text));
        match &self.0 {
            Failure::Protocol(error) => SentAs::Error(error.as_object()),
            Failure::InvalidArguments(text)
                if kind != OfferKind::Tool || !version.reports_invalid_arguments_as_result() =>
            {
                error(code::INVALID_PARAMS, text.as_str())
            }
            // R-LM-73
            Failure::InvalidInput(text) if !version.has_server_requests() => error(code::INVALID_PARAMS, text.as_str()),
            _ if kind == OfferKind::Tool => SentAs::Result(self.message()),
            // Only tools have results that are failures.
            _ => error(code::INTERNAL_ERROR, self.message()),
        }
    }
}

/// The two ways to fail.
pub(crate) enum SentAs<'a> {
    /// A result with `isError`.
    Result(&'a str),
    /// A JSON-RPC error.
    Error(jsonrpc::ErrorObject<'a>),
}

impl<E: fmt::Display> From<E> for ToolError {
    fn from(error: E) -> Self {
        Self::new(error.to_string())
    }
}

impl ToolResult {
    /// Whether the answer is left to a [`Deferred`](crate::deferred::Deferred).
    pub(crate) fn is_later(&self) -> bool {
        matches!(self.0, Repr::Later)
    }

    /// Its `_meta`.
    /// Appends it as the answer to a request. False when that is no longer in flight.
    pub(crate) fn respond(
        &self,
        session: &mut ServerSession,
        profile: &ServerProfile<'_>,
        key: RequestKey,
        out: &mut Vec<u8>,
    ) -> bool {
        match &self.0 {
            Repr::Full(result, respond) => respond(result, session, profile, key, out),
            _ => {
                let answer = Answer { result: self, version: session.version() };
                respond(session, profile, key, &Reply::new(&answer), out)
            }
        }
    }

    /// Whether a client that was promised structured content gets it.
    pub(crate) fn is_structured(&self, version: ProtocolVersion) -> bool {
        match &self.0 {
            Repr::Json(json) => version.has_any_structured_content() || json.get().starts_with('{'),
            Repr::Full(result, _) => result.structured_content.is_some() || result.is_error,
            Repr::Text(_) | Repr::Later => false,
        }
    }
}

/// A result other than a [`FullAnswer`], as a revision has it.
struct Answer<'a> {
    result: &'a ToolResult,
    version: ProtocolVersion,
}

impl Serialize for Answer<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match &self.result.0 {
            Repr::Text(text) => map.serialize_entry("content", &[Text::new(text)])?,
            Repr::Json(json) => {
                map.serialize_entry("content", &[Text::new(json.get())])?;
                // Up to 2025-11-25 it is an object (R-FS-17); other values are in the text.
                let fits = self.version.has_any_structured_content()
                    || self.version.has_structured_content() && json.get().starts_with('{');
                if fits {
                    map.serialize_entry("structuredContent", json)?;
                }
            }
            // The former by its own function.
            Repr::Full(..) | Repr::Later => map.serialize_entry::<str, [Text<'_>]>("content", &[])?,
        }
        map.end()
    }
}

/// A whole result as a revision has it, without its `_meta`.
pub(crate) struct FullAnswer<'a> {
    pub(crate) result: &'a CallToolResult,
    pub(crate) version: ProtocolVersion,
}

impl Serialize for FullAnswer<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { result, version } = *self;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("content", &Content { blocks: &result.content, version })?;
        let fits = |value: &&Value| {
            version.has_any_structured_content() || version.has_structured_content() && value.is_object()
        };
        if let Some(structured) = result.structured_content.as_ref().filter(fits) {
            map.serialize_entry("structuredContent", structured)?;
        }
        if result.is_error {
            map.serialize_entry("isError", &true)?;
        }
        for (name, value) in &result.other {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// Answers a request with a whole result. The result brings this function along, so that only programs with such results
/// contain what writes content of every kind.
type Respond = fn(&CallToolResult, &mut ServerSession, &ServerProfile<'_>, RequestKey, &mut Vec<u8>) -> bool;

fn respond_full(
    result: &CallToolResult,
    session: &mut ServerSession,
    profile: &ServerProfile<'_>,
    key: RequestKey,
    out: &mut Vec<u8>,
) -> bool {
    let answer = FullAnswer { result, version: session.version() };
    respond(session, profile, key, &Reply { result: &answer, meta: result.meta.as_ref(), hints: None }, out)
}

/// A failure as a result.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Failed<'a> {
    content: [Text<'a>; 1],
    is_error: bool,
}

impl<'a> Failed<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { content: [Text::new(text)], is_error: true }
    }
}

#[derive(Serialize)]
struct Text<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    text: &'a str,
}

impl<'a> Text<'a> {
    fn new(text: &'a str) -> Self {
        Self { kind: "text", text }
    }
}

/// Content blocks as a revision has them.
struct Content<'a> {
    blocks: &'a [ContentBlock],
    version: ProtocolVersion,
}

impl Serialize for Content<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.blocks.iter().map(|block| Block { block, version: self.version }))
    }
}

/// A content block; one that a revision does not know is a text that says what it is (R-FS-6).
pub(crate) struct Block<'a> {
    pub(crate) block: &'a ContentBlock,
    pub(crate) version: ProtocolVersion,
}

impl Serialize for Block<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.block {
            ContentBlock::Audio { data, mime_type, .. } if !self.version.has_audio() => {
                Text::new(&format!("[audio, {mime_type}, {} bytes of Base64]", data.len())).serialize(serializer)
            }
            ContentBlock::ResourceLink { uri, name, description, .. } if !self.version.has_resource_links() => {
                let about = description.as_deref().map(|text| format!(": {text}")).unwrap_or_default();
                Text::new(&format!("[resource {name} at {uri}{about}]")).serialize(serializer)
            }
            block => block.serialize(serializer),
        }
    }
}

impl IntoToolResult for ToolResult {
    fn into_tool_result(self) -> Result<ToolResult, ToolError> {
        Ok(self)
    }
}

macro_rules! into_tool_result {
    ($($ty:ty: |$value:ident| $repr:expr;)*) => {
        $(impl IntoToolResult for $ty {
            fn into_tool_result(self) -> Result<ToolResult, ToolError> {
                let $value = self;
                Ok(ToolResult($repr))
            }
        })*
    };
}

into_tool_result! {
    String: |text| Repr::Text(Cow::Owned(text));
    &'static str: |text| Repr::Text(Cow::Borrowed(text));
    Cow<'static, str>: |text| Repr::Text(text);
    bool: |value| Repr::Text(Cow::Borrowed(if value { "true" } else { "false" }));
    (): |_nothing| Repr::Full(Box::default(), respond_full);
    Later: |_later| Repr::Later;
}

impl IntoToolResult for CallToolResult {
    fn into_tool_result(self) -> Result<ToolResult, ToolError> {
        self.content.iter().try_for_each(check_block)?;
        Ok(ToolResult(Repr::Full(Box::new(self), respond_full)))
    }
}

/// Whether a block can be sent (R-FS-5).
pub(crate) fn check_block(block: &ContentBlock) -> Result<(), ToolError> {
    fault(block).map_or(Ok(()), |fault| {
        log::error!("a result cannot be sent: {fault}");
        Err(ToolError::protocol(code::INTERNAL_ERROR, fault))
    })
}

impl IntoToolResult for ContentBlock {
    fn into_tool_result(self) -> Result<ToolResult, ToolError> {
        CallToolResult::new(alloc::vec![self]).into_tool_result()
    }
}

impl IntoToolResult for Vec<ContentBlock> {
    fn into_tool_result(self) -> Result<ToolResult, ToolError> {
        CallToolResult::new(self).into_tool_result()
    }
}

/// What keeps a block from being sent (R-FS-5). Clients that decode it would fail the whole answer.
fn fault(block: &ContentBlock) -> Option<&'static str> {
    let (base64, has_type) = match block {
        ContentBlock::Image { data, mime_type, .. } | ContentBlock::Audio { data, mime_type, .. } => {
            (data.as_str(), mime_type.contains('/'))
        }
        ContentBlock::Resource { resource, .. } => (resource.blob.as_deref()?, true),
        _ => return None,
    };
    if !has_type {
        Some("an image or a sound has no media type")
    } else if !is_base64(base64) {
        Some("binary content is no Base64")
    } else {
        None
    }
}

/// Whether a text is Base64 of the usual alphabet, with its padding (RFC 4648, section 4).
fn is_base64(text: &str) -> bool {
    let digits = text.strip_suffix("==").or_else(|| text.strip_suffix('=')).unwrap_or(text);
    text.len().is_multiple_of(4)
        && digits.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'))
}

macro_rules! numbers {
    ($($ty:ty),*) => {
        $(impl IntoToolResult for $ty {
            fn into_tool_result(self) -> Result<ToolResult, ToolError> {
                self.to_string().into_tool_result()
            }
        })*
    };
}

numbers!(i8, i16, i32, i64, i128, isize, u8, u16, u32, u64, u128, usize, f32, f64);

impl<T: Serialize> IntoToolResult for Json<T> {
    fn into_tool_result(self) -> Result<ToolResult, ToolError> {
        // Not the handler's text for the model: a value that is no JSON is a fault of the program.
        let json = to_raw_value(&self.0).map_err(|error| {
            log::error!("a result cannot be written as JSON: {error}");
            ToolError::protocol(code::INTERNAL_ERROR, "the result cannot be written as JSON")
        })?;
        Ok(ToolResult(Repr::Json(json)))
    }
}

impl IntoToolResult for Value {
    fn into_tool_result(self) -> Result<ToolResult, ToolError> {
        Json(self).into_tool_result()
    }
}

impl IntoToolResult for JsonObject {
    fn into_tool_result(self) -> Result<ToolResult, ToolError> {
        Json(self).into_tool_result()
    }
}

/// `None` is a result without content.
impl<T: IntoToolResult> IntoToolResult for Option<T> {
    fn into_tool_result(self) -> Result<ToolResult, ToolError> {
        match self {
            Some(value) => value.into_tool_result(),
            None => ().into_tool_result(),
        }
    }
}
