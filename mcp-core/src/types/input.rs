//! Input that a server asks for in the middle of a request, in the form of 2026-07-28 (R-LM-64 to R-LM-73).
//!
//! The request is answered with an [`InputRequiredResult`]; the client makes the same request again with the answers. In
//! earlier revisions the same questions travel as requests of the server.

use alloc::borrow::{Cow, ToOwned};
use alloc::collections::BTreeMap;
use alloc::string::String;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::meta::JsonObject;
use super::raw_json::RawJson;
use super::tolerance::null_is_default;

/// One question: a request without an id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputRequest {
    /// `elicitation/create`, `sampling/createMessage` or `roots/list` (R-LM-66).
    pub method: String,
    /// Its parameters, as the type of the method reads them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub params: Option<RawJson>,
}

/// Questions under the keys that the server chose.
pub type InputRequests = BTreeMap<String, InputRequest>;

/// Answers under the keys of the questions: results, not yet read.
pub type InputResponses = BTreeMap<String, RawJson>;

/// A result that is none yet: the server asks back. Has at least one of its first two members (R-LM-65).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct InputRequiredResult {
    /// What the server wants to know. Without a question the request is to be made again at once (R-LM-70).
    #[serde(default, deserialize_with = "null_is_default", skip_serializing_if = "BTreeMap::is_empty")]
    pub input_requests: InputRequests,
    /// To be given back byte for byte, or not at all when it is absent (R-LM-68).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_state: Option<String>,
    /// Metadata.
    #[serde(rename = "_meta", default, skip_serializing_if = "Option::is_none")]
    pub meta: Option<JsonObject>,
}

impl InputRequiredResult {
    /// The `resultType` of such a result. It is written by whoever writes the answer, as with every result.
    pub const RESULT_TYPE: &'static str = "input_required";
}

/// The members that carry the answers in the parameters of the second attempt (R-LM-67), whatever the method. Borrowed.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InputResponseParams<'a> {
    /// The answers, as [`InputResponses`].
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub input_responses: Option<&'a RawValue>,
    /// What the server gave along with its questions.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub request_state: Option<Cow<'a, str>>,
}

impl InputResponseParams<'_> {
    /// Whether the request is a second attempt: neither its answer may be cached, nor it answered from a cache (R-LM-59).
    pub fn is_retry(&self) -> bool {
        self.input_responses.is_some() || self.request_state.is_some()
    }
}

/// What kind of result it is, by its `resultType`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResultKind {
    /// The result of the method. Also when the member is absent: earlier revisions have none (R-LM-56).
    Complete,
    /// An [`InputRequiredResult`].
    InputRequired,
    /// Another word: of an extension that was not negotiated, or no word at all. The response is invalid (R-LM-56).
    Unknown(String),
}

impl ResultKind {
    /// Reads `resultType` and nothing else.
    pub fn of(result: &RawValue) -> Self {
        #[derive(Deserialize)]
        struct Typed<'a> {
            #[serde(rename = "resultType", borrow, default)]
            kind: Option<&'a RawValue>,
        }
        // What is no object fails as the result of its method.
        let Ok(Typed { kind: Some(kind) }) = serde_json::from_str(result.get()) else { return Self::Complete };
        match kind.get() {
            "\"complete\"" => Self::Complete,
            "\"input_required\"" => Self::InputRequired,
            other => match serde_json::from_str::<Cow<'_, str>>(other) {
                Ok(word) if word == "complete" => Self::Complete,
                Ok(word) if word == InputRequiredResult::RESULT_TYPE => Self::InputRequired,
                Ok(word) => Self::Unknown(word.into_owned()),
                Err(_) => Self::Unknown(other.to_owned()),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_without_a_type_is_complete_and_an_unknown_type_is_told() {
        let kind = |json: &str| serde_json::from_str::<&RawValue>(json).map(ResultKind::of).ok();
        for complete in ["{}", r#"{"resultType":"complete","a":[1]}"#, r#"{"resultType":null}"#, "[]", "null"] {
            assert_eq!(kind(complete), Some(ResultKind::Complete), "{complete}");
        }
        assert_eq!(kind(r#"{"a":{"resultType":"x"},"resultType":"input_required"}"#), Some(ResultKind::InputRequired));
        assert_eq!(kind(r#"{"resultType":"input\u005frequired"}"#), Some(ResultKind::InputRequired));
        assert_eq!(kind(r#"{"resultType":"task"}"#), Some(ResultKind::Unknown("task".into())));
        assert_eq!(kind(r#"{"resultType":7}"#), Some(ResultKind::Unknown("7".into())));
    }
}
