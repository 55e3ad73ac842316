//! Elicitation: a server asks the client's user (R-FC, section C), since 2025-06-18.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use serde::de::{Error as _, IgnoredAny};
use serde::{Deserialize, Deserializer, Serialize};

use super::meta::JsonObject;
use super::raw_json::RawJson;
use super::requested_schema::RequestedSchema;

/// Parameters of `elicitation/create`. A missing `mode` means a form (R-FC-19), and forms are written without it, as
/// 2025-06-18 has them.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum ElicitParams {
    /// The user fills in a form.
    Form(ElicitFormParams),
    /// The user visits a page; since 2025-11-25.
    Url(ElicitUrlParams),
}

impl ElicitParams {
    /// Asks for what the schema describes. Never for secrets (R-FC-20).
    pub fn form(message: impl Into<String>, requested_schema: RequestedSchema) -> Self {
        Self::Form(ElicitFormParams { message: message.into(), requested_schema, meta: None })
    }

    /// Asks the user to visit a page. The URL must not hold secrets or personal data (R-FC-26).
    pub fn url(message: impl Into<String>, url: impl Into<String>) -> Self {
        Self::Url(ElicitUrlParams {
            mode: UrlMode::Url,
            message: message.into(),
            url: url.into(),
            elicitation_id: None,
            meta: None,
        })
    }

    /// What the user is told.
    pub fn message(&self) -> &str {
        match self {
            Self::Form(form) => &form.message,
            Self::Url(url) => &url.message,
        }
    }
}

impl<'de> Deserialize<'de> for ElicitParams {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Mode<'a> {
            #[serde(borrow, default)]
            mode: Option<Cow<'a, str>>,
        }
        // As text, because the form keeps its fields in their order.
        let params = RawJson::deserialize(deserializer)?;
        let Mode { mode } = params.read().map_err(D::Error::custom)?;
        match mode.as_deref() {
            None | Some("form") => params.read().map(Self::Form).map_err(D::Error::custom),
            Some("url") => params.read().map(Self::Url).map_err(D::Error::custom),
            // R-FC-18
            Some(_) => Err(D::Error::custom("the mode of an elicitation is `form` or `url`")),
        }
    }
}

/// Parameters of an elicitation by form.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ElicitFormParams {
    /// What the user is told.
    pub message: String,
    /// What the form asks for.
    pub requested_schema: RequestedSchema,
    /// Metadata of the request; not in 2026-07-28.
    #[serde(rename = "_meta", default, skip_serializing_if = "Option::is_none")]
    pub meta: Option<JsonObject>,
}

/// Parameters of an elicitation by URL. A client neither fetches nor opens it without the user's consent (R-FC-24), and shows
/// it in full (R-FC-25).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ElicitUrlParams {
    mode: UrlMode,
    /// What the user is told.
    pub message: String,
    /// Where to go.
    pub url: String,
    /// Identifies it, for `notifications/elicitation/complete`; required in 2025-11-25, and in no other revision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub elicitation_id: Option<String>,
    /// Metadata of the request; not in 2026-07-28.
    #[serde(rename = "_meta", default, skip_serializing_if = "Option::is_none")]
    pub meta: Option<JsonObject>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum UrlMode {
    Url,
}

/// Result of `elicitation/create`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ElicitResult {
    /// What the user did.
    pub action: ElicitAction,
    /// What was filled in; only of a form that was accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<JsonObject>,
    /// Metadata.
    #[serde(rename = "_meta", default, skip_serializing_if = "Option::is_none")]
    pub meta: Option<JsonObject>,
    /// What the protocol does not name.
    #[serde(flatten)]
    pub other: JsonObject,
    #[serde(default, skip_serializing)]
    result_type: IgnoredAny,
}

impl ElicitResult {
    /// A form that was filled in.
    pub fn accept(content: JsonObject) -> Self {
        Self { content: Some(content), ..Self::new(ElicitAction::Accept) }
    }

    /// Consent to visit a page: it does not say that anything was done there (R-FC-27).
    pub fn consent() -> Self {
        Self::new(ElicitAction::Accept)
    }

    /// An explicit no.
    pub fn decline() -> Self {
        Self::new(ElicitAction::Decline)
    }

    /// The question was dismissed.
    pub fn cancel() -> Self {
        Self::new(ElicitAction::Cancel)
    }

    /// What was filled in, as `T`; `None` when the form was declined or dismissed.
    ///
    /// ```
    /// use mcp_core::types::{ElicitAction, ElicitResult};
    /// use serde::Deserialize;
    ///
    /// #[derive(Deserialize)]
    /// struct Wish<'a> {
    ///     guests: u8,
    ///     seats: Option<&'a str>,
    /// }
    ///
    /// let answer: ElicitResult = serde_json::from_str(r#"{"action": "accept", "content": {"guests": 4}}"#)?;
    /// let wish: Wish = answer.accepted()?.expect("it was accepted");
    /// assert_eq!((wish.guests, wish.seats), (4, None));
    /// assert!(ElicitResult::decline().accepted::<Wish>()?.is_none());
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// When it is no `T`. Where the content was checked against its form before, as servers of `mcp-server-tiny` do, that is a
    /// `T` that wants something else than the form.
    pub fn accepted<'a, T: Deserialize<'a>>(&'a self) -> Result<Option<T>, serde_json::Error> {
        match (self.action, &self.content) {
            (ElicitAction::Accept, Some(content)) => T::deserialize(content).map(Some),
            // A form of which nothing was required.
            (ElicitAction::Accept, None) => T::deserialize(serde_json::Map::new()).map(Some),
            (ElicitAction::Decline | ElicitAction::Cancel, _) => Ok(None),
        }
    }

    fn new(action: ElicitAction) -> Self {
        Self { action, content: None, meta: None, other: JsonObject::new(), result_type: IgnoredAny }
    }
}

/// What the user did. None of them is an error (R-FC-23).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ElicitAction {
    /// Agreed.
    Accept,
    /// Said no.
    Decline,
    /// Dismissed the question.
    Cancel,
}

/// Parameters of `notifications/elicitation/complete`, in 2025-11-25 (R-FC-27).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ElicitationCompleteParams<'a> {
    /// Which elicitation.
    #[serde(borrow)]
    pub elicitation_id: Cow<'a, str>,
}

/// `data` of error -32042, in 2025-11-25: what the user has to do before the request can be made again (R-FC-28).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UrlElicitationRequired {
    /// Pages to visit, each with its id.
    pub elicitations: Vec<ElicitUrlParams>,
}
