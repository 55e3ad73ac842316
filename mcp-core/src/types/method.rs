//! The table of methods: who sends them, and in which revisions.

use crate::revision::ProtocolVersion;

/// A method of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the table below says what each of them is")]
pub enum Method {
    Initialize,
    Ping,
    ServerDiscover,
    ToolsList,
    ToolsCall,
    ResourcesList,
    ResourcesTemplatesList,
    ResourcesRead,
    ResourcesSubscribe,
    ResourcesUnsubscribe,
    PromptsList,
    PromptsGet,
    CompletionComplete,
    LoggingSetLevel,
    SubscriptionsListen,
    RootsList,
    SamplingCreateMessage,
    ElicitationCreate,
    NotificationsInitialized,
    NotificationsCancelled,
    NotificationsProgress,
    NotificationsMessage,
    NotificationsRootsListChanged,
    NotificationsToolsListChanged,
    NotificationsPromptsListChanged,
    NotificationsResourcesListChanged,
    NotificationsResourcesUpdated,
    NotificationsElicitationComplete,
    NotificationsSubscriptionsAcknowledged,
}

/// Who may send a method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sender {
    /// The client.
    Client,
    /// The server.
    Server,
    /// Both.
    Either,
}

/// A row of the table.
#[derive(Debug, Clone, Copy)]
struct Row {
    method: Method,
    name: &'static str,
    sender: Sender,
    /// First and last revision that has it.
    revisions: (ProtocolVersion, ProtocolVersion),
}

const fn row(method: Method, name: &'static str, sender: Sender, first: ProtocolVersion, last: ProtocolVersion) -> Row {
    Row { method, name, sender, revisions: (first, last) }
}

use Method as M;
use ProtocolVersion::{V2024_11_05 as V24_11, V2025_06_18 as V25_06, V2025_11_25 as V25_11, V2026_07_28 as V26_07};
use Sender::{Client as C, Either as E, Server as S};

/// Ordered as [`Method`] is, so that a method is its own index.
const TABLE: [Row; 29] = [
    row(M::Initialize, "initialize", C, V24_11, V25_11),
    row(M::Ping, "ping", E, V24_11, V25_11),
    row(M::ServerDiscover, "server/discover", C, V26_07, V26_07),
    row(M::ToolsList, "tools/list", C, V24_11, V26_07),
    row(M::ToolsCall, "tools/call", C, V24_11, V26_07),
    row(M::ResourcesList, "resources/list", C, V24_11, V26_07),
    row(M::ResourcesTemplatesList, "resources/templates/list", C, V24_11, V26_07),
    row(M::ResourcesRead, "resources/read", C, V24_11, V26_07),
    row(M::ResourcesSubscribe, "resources/subscribe", C, V24_11, V25_11),
    row(M::ResourcesUnsubscribe, "resources/unsubscribe", C, V24_11, V25_11),
    row(M::PromptsList, "prompts/list", C, V24_11, V26_07),
    row(M::PromptsGet, "prompts/get", C, V24_11, V26_07),
    row(M::CompletionComplete, "completion/complete", C, V24_11, V26_07),
    row(M::LoggingSetLevel, "logging/setLevel", C, V24_11, V25_11),
    row(M::SubscriptionsListen, "subscriptions/listen", C, V26_07, V26_07),
    row(M::RootsList, "roots/list", S, V24_11, V25_11),
    row(M::SamplingCreateMessage, "sampling/createMessage", S, V24_11, V25_11),
    row(M::ElicitationCreate, "elicitation/create", S, V25_06, V25_11),
    row(M::NotificationsInitialized, "notifications/initialized", C, V24_11, V25_11),
    row(M::NotificationsCancelled, "notifications/cancelled", E, V24_11, V26_07),
    row(M::NotificationsProgress, "notifications/progress", E, V24_11, V26_07),
    row(M::NotificationsMessage, "notifications/message", S, V24_11, V26_07),
    row(M::NotificationsRootsListChanged, "notifications/roots/list_changed", C, V24_11, V25_11),
    row(M::NotificationsToolsListChanged, "notifications/tools/list_changed", S, V24_11, V26_07),
    row(M::NotificationsPromptsListChanged, "notifications/prompts/list_changed", S, V24_11, V26_07),
    row(M::NotificationsResourcesListChanged, "notifications/resources/list_changed", S, V24_11, V26_07),
    row(M::NotificationsResourcesUpdated, "notifications/resources/updated", S, V24_11, V26_07),
    row(M::NotificationsElicitationComplete, "notifications/elicitation/complete", S, V25_11, V25_11),
    row(M::NotificationsSubscriptionsAcknowledged, "notifications/subscriptions/acknowledged", S, V26_07, V26_07),
];

impl Method {
    /// The method with exactly this name, of whatever revision.
    pub fn from_name(name: &str) -> Option<Self> {
        TABLE.iter().find(|row| row.name == name).map(|row| row.method)
    }

    /// All methods.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|row| row.method)
    }

    /// Its name on the wire.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// Who may send it.
    pub fn sender(self) -> Sender {
        self.row().sender
    }

    /// Whether a side may send it; `Either` is no side.
    pub fn may_come_from(self, side: Sender) -> bool {
        self.sender() == side || self.sender() == Sender::Either
    }

    /// Whether it is a notification: it has no answer.
    pub fn is_notification(self) -> bool {
        self.name().starts_with("notifications/")
    }

    /// Whether it exists in a revision. Elsewhere it is as unknown as any other word (R-LM-34).
    pub fn exists_in(self, version: ProtocolVersion) -> bool {
        let (first, last) = self.row().revisions;
        version.is_within(first, last)
    }

    fn row(self) -> &'static Row {
        &TABLE[self as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_method_is_its_own_index_and_is_found_by_its_name() {
        for row in &TABLE {
            assert_eq!(row.method.name(), row.name);
            assert_eq!(Method::from_name(row.name), Some(row.method));
        }
    }

    #[test]
    fn methods_of_another_revision_do_not_exist() {
        assert!(Method::Ping.exists_in(ProtocolVersion::V2025_11_25));
        assert!(!Method::Ping.exists_in(ProtocolVersion::V2026_07_28));
        assert!(!Method::ElicitationCreate.exists_in(ProtocolVersion::V2025_03_26));
        assert!(!Method::ServerDiscover.exists_in(ProtocolVersion::V2025_11_25));
    }
}
