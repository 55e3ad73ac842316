//! Subscriptions to changes, in the form of 2026-07-28: one request whose answer is a stream (R-ST-39 to R-ST-46).

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::capabilities::ServerCapabilities;
use super::method::Method;
use super::tolerance::null_is_default;
use crate::jsonrpc::RequestId;

/// Which changes somebody wants to hear of; what is absent is not wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SubscriptionFilter {
    /// Of the list of tools.
    #[serde(default, deserialize_with = "null_is_default", skip_serializing_if = "core::ops::Not::not")]
    pub tools_list_changed: bool,
    /// Of the list of prompts.
    #[serde(default, deserialize_with = "null_is_default", skip_serializing_if = "core::ops::Not::not")]
    pub prompts_list_changed: bool,
    /// Of the list of resources.
    #[serde(default, deserialize_with = "null_is_default", skip_serializing_if = "core::ops::Not::not")]
    pub resources_list_changed: bool,
    /// Of these resources: their URIs.
    #[serde(default, deserialize_with = "null_is_default", skip_serializing_if = "Vec::is_empty")]
    pub resource_subscriptions: Vec<String>,
}

impl SubscriptionFilter {
    /// Whether the change was asked for.
    pub fn admits(&self, change: &Change<'_>) -> bool {
        match change {
            Change::Tools => self.tools_list_changed,
            Change::Prompts => self.prompts_list_changed,
            Change::Resources => self.resources_list_changed,
            Change::Resource(uri) => self.resource_subscriptions.iter().any(|asked| is_same_or_inside(uri, asked)),
        }
    }

    /// The part of it that a server with these capabilities can honour: what its acknowledgement says (R-ST-40).
    pub fn honoured_by(mut self, capabilities: &ServerCapabilities) -> Self {
        self.tools_list_changed &= capabilities.tools.as_ref().is_some_and(|tools| tools.list_changed);
        self.prompts_list_changed &= capabilities.prompts.as_ref().is_some_and(|prompts| prompts.list_changed);
        let resources = capabilities.resources.as_ref();
        self.resources_list_changed &= resources.is_some_and(|resources| resources.list_changed);
        if !resources.is_some_and(|resources| resources.subscribe) {
            self.resource_subscriptions.clear();
        }
        self
    }

    /// Whether nothing is wanted.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A change that a server tells of.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Change<'a> {
    /// The list of tools.
    Tools,
    /// The list of prompts.
    Prompts,
    /// The list of resources or of templates.
    Resources,
    /// One resource, by its URI.
    Resource(Cow<'a, str>),
}

impl Change<'_> {
    /// The notification that tells of it.
    pub fn method(&self) -> Method {
        match self {
            Self::Tools => Method::NotificationsToolsListChanged,
            Self::Prompts => Method::NotificationsPromptsListChanged,
            Self::Resources => Method::NotificationsResourcesListChanged,
            Self::Resource(_) => Method::NotificationsResourcesUpdated,
        }
    }
}

/// Whether a resource is the one that was subscribed to or one inside of it (R-FS-29), by the borders that URIs have.
pub fn is_same_or_inside(uri: &str, subscribed: &str) -> bool {
    match uri.strip_prefix(subscribed) {
        Some("") => true,
        Some(rest) => !subscribed.is_empty() && (subscribed.ends_with('/') || rest.starts_with(['/', '?', '#'])),
        None => false,
    }
}

/// Parameters of `subscriptions/listen`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubscriptionsListenParams {
    /// What is wanted.
    pub notifications: SubscriptionFilter,
}

/// Parameters of `notifications/subscriptions/acknowledged`, the first message of the stream (R-ST-40).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubscriptionsAcknowledgedParams<'a> {
    /// The part of it that the server will tell of.
    pub notifications: SubscriptionFilter,
    /// Which subscription.
    #[serde(rename = "_meta", borrow, default, skip_serializing_if = "Option::is_none")]
    pub meta: Option<NotificationMeta<'a>>,
}

/// What this library reads and writes in the `_meta` of a notification's parameters and of the last answer on a stream.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotificationMeta<'a> {
    /// The id of the `subscriptions/listen` that it belongs to, of the same JSON type (R-ST-41).
    #[serde(
        rename = "io.modelcontextprotocol/subscriptionId",
        borrow,
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub subscription_id: Option<RequestId<'a>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subscription_covers_what_lies_inside() {
        for inside in ["file:///a", "file:///a/b", "file:///a#x", "file:///a?x"] {
            assert!(is_same_or_inside(inside, "file:///a"), "{inside}");
        }
        assert!(is_same_or_inside("file:///a/b", "file:///a/"));
        for outside in ["file:///ab", "file:///", "file:///A", ""] {
            assert!(!is_same_or_inside(outside, "file:///a"), "{outside}");
        }
        assert!(!is_same_or_inside("file:///a", ""));
    }
}
