//! The table of methods: who sends them, in which revisions, what they need and how they may be answered.

use super::capabilities::{ClientCapabilities, ServerCapabilities};
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

/// What a side has to declare before the other may count on it (R-LM-26).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[expect(missing_docs, reason = "each is named as the member of the capabilities that declares it")]
pub enum Capability {
    Tools,
    ToolsListChanged,
    Resources,
    ResourcesListChanged,
    ResourcesSubscribe,
    Prompts,
    PromptsListChanged,
    Completions,
    Logging,
    Roots,
    RootsListChanged,
    Sampling,
    Elicitation,
    ElicitationUrl,
}

impl Capability {
    /// Whether a server declares it. No server declares what only clients have.
    pub fn is_declared_by_server(self, capabilities: &ServerCapabilities) -> bool {
        let ServerCapabilities { tools, resources, prompts, completions, logging, .. } = capabilities;
        match self {
            Self::Tools => tools.is_some(),
            Self::ToolsListChanged => tools.as_ref().is_some_and(|tools| tools.list_changed),
            Self::Resources => resources.is_some(),
            Self::ResourcesListChanged => resources.as_ref().is_some_and(|resources| resources.list_changed),
            Self::ResourcesSubscribe => resources.as_ref().is_some_and(|resources| resources.subscribe),
            Self::Prompts => prompts.is_some(),
            Self::PromptsListChanged => prompts.as_ref().is_some_and(|prompts| prompts.list_changed),
            Self::Completions => completions.is_some(),
            Self::Logging => logging.is_some(),
            Self::Roots | Self::RootsListChanged | Self::Sampling | Self::Elicitation | Self::ElicitationUrl => false,
        }
    }

    /// Whether a client declares it. No client declares what only servers have.
    pub fn is_declared_by_client(self, capabilities: &ClientCapabilities) -> bool {
        let ClientCapabilities { roots, sampling, elicitation, .. } = capabilities;
        match self {
            Self::Roots => roots.is_some(),
            Self::RootsListChanged => roots.as_ref().is_some_and(|roots| roots.list_changed),
            Self::Sampling => sampling.is_some(),
            Self::Elicitation => elicitation.is_some(),
            Self::ElicitationUrl => elicitation.as_ref().is_some_and(|elicitation| elicitation.has_url()),
            _ => false,
        }
    }
}

/// A module of [`types`](crate::types): where the parameters and the result of a method are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[expect(missing_docs, reason = "each is named as its module")]
pub enum Family {
    Initialize,
    /// No parameters, and an empty result or none.
    Empty,
    Discover,
    Tools,
    Resources,
    Prompts,
    Completion,
    Logging,
    Subscriptions,
    Roots,
    Sampling,
    Elicitation,
    Cancelled,
    Progress,
}

/// A row of the table.
#[derive(Debug, Clone, Copy)]
struct Row {
    method: Method,
    name: &'static str,
    sender: Sender,
    /// First and last revision that has it as a message of its own.
    revisions: (ProtocolVersion, ProtocolVersion),
    family: Family,
    /// Of a request: what who serves it has to declare. Of a notification: what who sends it has to declare.
    capability: Option<Capability>,
    /// Its answer may ask for input.
    is_resumable: bool,
    /// It may stand in an answer that asks for input, in revisions where it is no message of its own.
    is_input: bool,
    /// Its result may be kept.
    is_cacheable: bool,
    /// The member of its parameters that a header repeats.
    mirrored: Option<&'static str>,
}

impl Row {
    const fn needs(mut self, capability: Capability) -> Self {
        self.capability = Some(capability);
        self
    }

    const fn resumable(mut self) -> Self {
        self.is_resumable = true;
        self
    }

    const fn input(mut self) -> Self {
        self.is_input = true;
        self
    }

    const fn cacheable(mut self) -> Self {
        self.is_cacheable = true;
        self
    }

    const fn mirrors(mut self, member: &'static str) -> Self {
        self.mirrored = Some(member);
        self
    }
}

type Revisions = (ProtocolVersion, ProtocolVersion);

const fn row(method: Method, name: &'static str, sender: Sender, revisions: Revisions, family: Family) -> Row {
    Row {
        method,
        name,
        sender,
        revisions,
        family,
        capability: None,
        is_resumable: false,
        is_input: false,
        is_cacheable: false,
        mirrored: None,
    }
}

use Capability as Cap;
use Family as F;
use Method as M;
use ProtocolVersion::{V2024_11_05 as V24_11, V2025_06_18 as V25_06, V2025_11_25 as V25_11, V2026_07_28 as V26_07};
use Sender::{Client as C, Either as E, Server as S};

/// In every revision.
const ALL: Revisions = (V24_11, V26_07);
/// In those that begin with a handshake.
const SESSIONS: Revisions = (V24_11, V25_11);
/// In those that do not.
const STATELESS: Revisions = (V26_07, V26_07);

/// Ordered as [`Method`] is, so that a method is its own index.
const TABLE: [Row; 29] = [
    row(M::Initialize, "initialize", C, SESSIONS, F::Initialize),
    row(M::Ping, "ping", E, SESSIONS, F::Empty),
    row(M::ServerDiscover, "server/discover", C, STATELESS, F::Discover).cacheable(),
    row(M::ToolsList, "tools/list", C, ALL, F::Tools).needs(Cap::Tools).cacheable(),
    row(M::ToolsCall, "tools/call", C, ALL, F::Tools).needs(Cap::Tools).resumable().mirrors("name"),
    row(M::ResourcesList, "resources/list", C, ALL, F::Resources).needs(Cap::Resources).cacheable(),
    row(M::ResourcesTemplatesList, "resources/templates/list", C, ALL, F::Resources).needs(Cap::Resources).cacheable(),
    row(M::ResourcesRead, "resources/read", C, ALL, F::Resources)
        .needs(Cap::Resources)
        .resumable()
        .cacheable()
        .mirrors("uri"),
    row(M::ResourcesSubscribe, "resources/subscribe", C, SESSIONS, F::Resources).needs(Cap::ResourcesSubscribe),
    row(M::ResourcesUnsubscribe, "resources/unsubscribe", C, SESSIONS, F::Resources).needs(Cap::ResourcesSubscribe),
    row(M::PromptsList, "prompts/list", C, ALL, F::Prompts).needs(Cap::Prompts).cacheable(),
    row(M::PromptsGet, "prompts/get", C, ALL, F::Prompts).needs(Cap::Prompts).resumable().mirrors("name"),
    row(M::CompletionComplete, "completion/complete", C, ALL, F::Completion).needs(Cap::Completions),
    row(M::LoggingSetLevel, "logging/setLevel", C, SESSIONS, F::Logging).needs(Cap::Logging),
    row(M::SubscriptionsListen, "subscriptions/listen", C, STATELESS, F::Subscriptions),
    // What a server asks a client is a request of its own up to 2025-11-25, and part of an answer in 2026-07-28.
    row(M::RootsList, "roots/list", S, SESSIONS, F::Roots).needs(Cap::Roots).input(),
    row(M::SamplingCreateMessage, "sampling/createMessage", S, SESSIONS, F::Sampling).needs(Cap::Sampling).input(),
    row(M::ElicitationCreate, "elicitation/create", S, (V25_06, V25_11), F::Elicitation)
        .needs(Cap::Elicitation)
        .input(),
    row(M::NotificationsInitialized, "notifications/initialized", C, SESSIONS, F::Empty),
    row(M::NotificationsCancelled, "notifications/cancelled", E, ALL, F::Cancelled),
    row(M::NotificationsProgress, "notifications/progress", E, ALL, F::Progress),
    row(M::NotificationsMessage, "notifications/message", S, ALL, F::Logging).needs(Cap::Logging),
    row(M::NotificationsRootsListChanged, "notifications/roots/list_changed", C, SESSIONS, F::Empty)
        .needs(Cap::RootsListChanged),
    row(M::NotificationsToolsListChanged, "notifications/tools/list_changed", S, ALL, F::Empty)
        .needs(Cap::ToolsListChanged),
    row(M::NotificationsPromptsListChanged, "notifications/prompts/list_changed", S, ALL, F::Empty)
        .needs(Cap::PromptsListChanged),
    row(M::NotificationsResourcesListChanged, "notifications/resources/list_changed", S, ALL, F::Empty)
        .needs(Cap::ResourcesListChanged),
    row(M::NotificationsResourcesUpdated, "notifications/resources/updated", S, ALL, F::Resources)
        .needs(Cap::ResourcesSubscribe),
    row(M::NotificationsElicitationComplete, "notifications/elicitation/complete", S, (V25_11, V25_11), F::Elicitation),
    row(
        M::NotificationsSubscriptionsAcknowledged,
        "notifications/subscriptions/acknowledged",
        S,
        STATELESS,
        F::Subscriptions,
    ),
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

    /// Where its parameters and its result are.
    pub fn family(self) -> Family {
        self.row().family
    }

    /// What has to be declared in a revision: for a request by who serves it, for a notification by who sends it.
    ///
    /// Roots, sampling and elicitation are the client's, the others the server's, but for the notification of changed roots.
    pub fn capability(self, version: ProtocolVersion) -> Option<Capability> {
        // The method is older than its capability (R-FS-35).
        let is_without = self == Self::CompletionComplete && !version.has_completions_capability();
        self.row().capability.filter(|_| !is_without)
    }

    /// Whether its answer may ask for input, in revisions that have such answers (R-LM-64).
    pub fn may_ask_for_input(self) -> bool {
        self.row().is_resumable
    }

    /// Whether it may stand in an answer that asks for input (R-LM-66): what a server asks a client, where it is no request.
    pub fn is_input_request_in(self, version: ProtocolVersion) -> bool {
        self.row().is_input && !version.has_server_requests()
    }

    /// Whether its result may be kept, in revisions that have hints for that (R-LM-57).
    pub fn is_cacheable(self) -> bool {
        self.row().is_cacheable
    }

    /// The member of its parameters that the header `Mcp-Name` repeats (R-ST-9), in revisions that have the header.
    pub fn mirrored_member(self) -> Option<&'static str> {
        self.row().mirrored
    }

    fn row(self) -> &'static Row {
        &TABLE[self as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

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

    #[test]
    fn a_side_declares_only_what_is_its_own() {
        let mut server = ServerCapabilities::default();
        assert!(!Capability::Tools.is_declared_by_server(&server));
        server.tools = Some(crate::types::ToolsCapability::default());
        assert!(Capability::Tools.is_declared_by_server(&server));
        assert!(!Capability::ToolsListChanged.is_declared_by_server(&server));
        let elicitation = Some(crate::types::ElicitationCapability::default());
        let client = ClientCapabilities { elicitation, ..ClientCapabilities::default() };
        // R-FC-17: `{}` is a form only.
        assert!(Capability::Elicitation.is_declared_by_client(&client));
        assert!(!Capability::ElicitationUrl.is_declared_by_client(&client));
        assert!(!Capability::Tools.is_declared_by_client(&client));
    }

    #[test]
    fn completion_is_older_than_its_capability() {
        let needed = |version| Method::CompletionComplete.capability(version);
        assert_eq!(needed(ProtocolVersion::V2024_11_05), None);
        assert_eq!(needed(ProtocolVersion::V2025_03_26), Some(Capability::Completions));
    }

    #[test]
    fn what_servers_ask_is_a_request_or_part_of_an_answer_and_never_both() {
        let asked = [Method::RootsList, Method::SamplingCreateMessage, Method::ElicitationCreate];
        for version in ProtocolVersion::ALL {
            for method in asked {
                assert!(!(method.exists_in(version) && method.is_input_request_in(version)), "{method:?} in {version}");
            }
            let inputs = Method::all().filter(|method| method.is_input_request_in(version)).count();
            assert_eq!(inputs, if version.has_server_requests() { 0 } else { 3 });
        }
    }

    /// R-LM-57, R-LM-64, R-ST-9.
    #[test]
    fn three_methods_may_ask_for_input_and_six_results_may_be_kept() {
        let names =
            |is: fn(Method) -> bool| Method::all().filter(|method| is(*method)).map(Method::name).collect::<Vec<_>>();
        assert_eq!(names(Method::may_ask_for_input), ["tools/call", "resources/read", "prompts/get"]);
        assert_eq!(names(|method| method.mirrored_member().is_some()), names(Method::may_ask_for_input));
        assert_eq!(names(Method::is_cacheable).len(), 6);
    }
}
