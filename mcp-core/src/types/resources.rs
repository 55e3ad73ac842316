//! Resources: what a server has for reading.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::caching::CacheHints;
use super::content::{Annotations, ContentBlock, ResourceContents};
use super::implementation::Icon;
use super::meta::{JsonObject, RequestMeta};
use super::pagination::list_result;
use super::subscriptions::NotificationMeta;
use super::tolerance::{null_is_default, unreadable_is_default};

/// A resource as a server lists it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Resource {
    /// Where it is; identifies it within its server.
    pub uri: String,
    /// Its name for programs.
    pub name: String,
    /// Its name for people; since 2025-06-18. See [`display_name`](Self::display_name).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What it is, for a model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Its media type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mime_type: Option<String>,
    /// Its size in bytes, before Base64.
    #[serde(default, deserialize_with = "unreadable_is_default", skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Pictures; since 2025-11-25.
    #[serde(default, deserialize_with = "unreadable_is_default", skip_serializing_if = "Vec::is_empty")]
    pub icons: Vec<Icon>,
    /// Hints for whoever shows it.
    #[serde(default, deserialize_with = "unreadable_is_default", skip_serializing_if = "Option::is_none")]
    pub annotations: Option<Annotations>,
    /// Metadata.
    #[serde(rename = "_meta", default, skip_serializing_if = "Option::is_none")]
    pub meta: Option<JsonObject>,
}

impl Resource {
    /// A resource of which only the place and the name are known.
    pub fn new(uri: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            uri: uri.into(),
            name: name.into(),
            title: None,
            description: None,
            mime_type: None,
            size: None,
            icons: Vec::new(),
            annotations: None,
            meta: None,
        }
    }

    /// The name to show: `title`, else `name` (R-FS-1).
    pub fn display_name(&self) -> &str {
        self.title.as_deref().unwrap_or(&self.name)
    }
}

/// As a `resource_link`.
impl From<Resource> for ContentBlock {
    fn from(resource: Resource) -> Self {
        let Resource { uri, name, title, description, mime_type, size, icons, annotations, meta } = resource;
        Self::ResourceLink { uri, name, title, description, mime_type, size, icons, annotations, meta }
    }
}

/// Resources that follow a pattern.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ResourceTemplate {
    /// The pattern of their URIs, as in RFC 6570.
    pub uri_template: String,
    /// Its name for programs.
    pub name: String,
    /// Its name for people; since 2025-06-18. See [`display_name`](Self::display_name).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What they are, for a model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Their media type, when all have the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mime_type: Option<String>,
    /// Pictures; since 2025-11-25.
    #[serde(default, deserialize_with = "unreadable_is_default", skip_serializing_if = "Vec::is_empty")]
    pub icons: Vec<Icon>,
    /// Hints for whoever shows it.
    #[serde(default, deserialize_with = "unreadable_is_default", skip_serializing_if = "Option::is_none")]
    pub annotations: Option<Annotations>,
    /// Metadata.
    #[serde(rename = "_meta", default, skip_serializing_if = "Option::is_none")]
    pub meta: Option<JsonObject>,
}

impl ResourceTemplate {
    /// A template of which only the pattern and the name are known.
    pub fn new(uri_template: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            uri_template: uri_template.into(),
            name: name.into(),
            title: None,
            description: None,
            mime_type: None,
            icons: Vec::new(),
            annotations: None,
            meta: None,
        }
    }

    /// The name to show: `title`, else `name` (R-FS-1).
    pub fn display_name(&self) -> &str {
        self.title.as_deref().unwrap_or(&self.name)
    }
}

list_result! {
    /// Result of `resources/list`: one page.
    ListResourcesResult,
    /// The resources of this page.
    resources: Resource
}

list_result! {
    /// Result of `resources/templates/list`: one page.
    ListResourceTemplatesResult,
    /// The templates of this page.
    resource_templates: ResourceTemplate
}

/// Parameters of `resources/read`, borrowed from the request.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReadResourceParams<'a> {
    /// Which resource.
    #[serde(borrow)]
    pub uri: Cow<'a, str>,
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

impl<'a> ReadResourceParams<'a> {
    /// Reads one resource, without metadata.
    pub fn new(uri: impl Into<Cow<'a, str>>) -> Self {
        Self { uri: uri.into(), ..Self::default() }
    }
}

/// Result of `resources/read`. One resource may have several contents, as a directory has (R-FS-26).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ReadResourceResult {
    /// What was read.
    #[serde(deserialize_with = "null_is_default")]
    pub contents: Vec<ResourceContents>,
    /// How long it may be kept.
    #[serde(flatten)]
    pub cache: CacheHints,
    /// Metadata.
    #[serde(rename = "_meta", default, skip_serializing_if = "Option::is_none")]
    pub meta: Option<JsonObject>,
    /// What the protocol does not name.
    #[serde(flatten)]
    pub other: JsonObject,
    #[serde(default, skip_serializing)]
    result_type: IgnoredAny,
}

impl ReadResourceResult {
    /// A result of these contents.
    pub fn new(contents: Vec<ResourceContents>) -> Self {
        Self { contents, ..Self::default() }
    }
}

/// Parameters of `resources/subscribe`, up to 2025-11-25.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SubscribeParams<'a> {
    /// Which resource.
    #[serde(borrow)]
    pub uri: Cow<'a, str>,
}

/// Parameters of `resources/unsubscribe`, up to 2025-11-25.
pub type UnsubscribeParams<'a> = SubscribeParams<'a>;

/// Parameters of `notifications/resources/updated`, borrowed from it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ResourceUpdatedParams<'a> {
    /// What changed: the resource that was subscribed to, or one inside of it (R-FS-29).
    #[serde(borrow)]
    pub uri: Cow<'a, str>,
    /// Which subscription it belongs to; since 2026-07-28.
    #[serde(rename = "_meta", borrow, default, skip_serializing_if = "Option::is_none")]
    pub meta: Option<NotificationMeta<'a>>,
}
