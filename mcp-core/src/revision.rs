//! The revisions of the protocol, and every difference between them as a question with a name.
//!
//! This is the one module that compares revisions: elsewhere ask a predicate. What a new revision takes is listed in the
//! [`manual`](crate::manual#adding-a-revision).

use core::fmt;

/// A revision of the protocol, in the order of their publication.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProtocolVersion {
    /// HTTP+SSE and stdio; the first published revision.
    V2024_11_05,
    /// Streamable HTTP, batches, tool annotations, audio.
    V2025_03_26,
    /// Structured results, elicitation, resource links; no batches.
    V2025_06_18,
    /// Icons, polling, input errors as tool results.
    V2025_11_25,
    /// Stateless: no handshake, no sessions.
    V2026_07_28,
}

impl ProtocolVersion {
    /// All revisions, oldest first.
    pub const ALL: [Self; 5] =
        [Self::V2024_11_05, Self::V2025_03_26, Self::V2025_06_18, Self::V2025_11_25, Self::V2026_07_28];

    /// Those that begin with a handshake, oldest first.
    pub const WITH_HANDSHAKE: [Self; 4] = [Self::V2024_11_05, Self::V2025_03_26, Self::V2025_06_18, Self::V2025_11_25];

    /// Those whose requests stand alone.
    pub const STATELESS: [Self; 1] = [Self::V2026_07_28];

    /// The oldest revision: what a session is held to before the handshake says more.
    pub const OLDEST: Self = Self::V2024_11_05;

    /// The newest revision that begins with a handshake.
    pub const LATEST_HANDSHAKE: Self = Self::V2025_11_25;

    /// The newest revision.
    pub const LATEST: Self = Self::V2026_07_28;

    /// What a request over Streamable HTTP is held to that names no revision (R-SH-59).
    pub const UNNAMED: Self = Self::V2025_03_26;

    /// The date that stands for the revision on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V2024_11_05 => "2024-11-05",
            Self::V2025_03_26 => "2025-03-26",
            Self::V2025_06_18 => "2025-06-18",
            Self::V2025_11_25 => "2025-11-25",
            Self::V2026_07_28 => "2026-07-28",
        }
    }

    /// The revision with exactly this date.
    pub fn from_wire(date: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|version| version.as_str() == date)
    }

    /// The revision with exactly this date, when it begins with a handshake: the only ones that `initialize` and HTTP+SSE may
    /// name (R-SSE-40).
    pub fn from_handshake(date: &str) -> Option<Self> {
        Self::from_wire(date).filter(|version| version.has_handshake())
    }

    /// What a server answers to the date that a client offered: the same when it is served, else the newest (rule 2 of the
    /// handshake: another version, not an error).
    pub fn negotiate(offered: &str) -> Self {
        Self::from_handshake(offered).unwrap_or(Self::LATEST_HANDSHAKE)
    }

    /// Whether it lies between two revisions, or is one of them.
    pub(crate) fn is_within(self, first: Self, last: Self) -> bool {
        (first..=last).contains(&self)
    }

    /// Whether a session begins with `initialize`. Without one each request stands alone and says in its `_meta` what a
    /// handshake would have said (R-LM-46 to R-LM-48).
    pub fn has_handshake(self) -> bool {
        self < Self::V2026_07_28
    }

    /// Whether its HTTP transport is the one endpoint of Streamable HTTP, rather than the two of HTTP+SSE.
    pub fn has_streamable_http(self) -> bool {
        self >= Self::V2025_03_26
    }

    /// Whether a server may send requests (R-LM-11). Where it may not, it asks in a result (R-LM-64).
    pub fn has_server_requests(self) -> bool {
        self < Self::V2026_07_28
    }

    /// Whether every result says its type (R-LM-55), who the server is (R-LM-50), and lists how long they are fresh (R-LM-57).
    pub fn has_result_type(self) -> bool {
        self >= Self::V2026_07_28
    }

    /// Whether the end of the connection is the cancellation of what was asked on it (R-SH-16, R-ST-35).
    pub fn disconnect_cancels(self) -> bool {
        self >= Self::V2026_07_28
    }

    /// Whether every request after the handshake names its revision in a header (R-SH-58, R-ST-7).
    pub fn has_version_header(self) -> bool {
        self >= Self::V2025_06_18
    }

    /// Whether a server may close the connection of a stream and let the client poll for the rest (R-SH-38 to R-SH-44).
    pub fn has_polling(self) -> bool {
        self == Self::V2025_11_25
    }

    /// Whether streams can be resumed by the id of their last event (R-SH-29, R-ST-20).
    pub fn has_resumption(self) -> bool {
        self.has_streamable_http() && self.has_handshake()
    }

    /// Whether things have a `title` beside their name (R-FS, section A).
    pub fn has_titles(self) -> bool {
        self >= Self::V2025_06_18
    }

    /// Whether things have `icons`, and implementations a description and a website.
    pub fn has_icons(self) -> bool {
        self >= Self::V2025_11_25
    }

    /// Whether objects have `_meta`: tools, resources, contents, prompts, roots (R-LM-40).
    pub fn has_object_meta(self) -> bool {
        self >= Self::V2025_06_18
    }

    /// Whether servers declare that they complete arguments; before, the method needed no capability.
    pub fn has_completions_capability(self) -> bool {
        self >= Self::V2025_03_26
    }

    /// Whether arguments are completed with regard to those before them (R-FS-37).
    pub fn has_completion_context(self) -> bool {
        self >= Self::V2025_06_18
    }

    /// Whether a client's user can be asked (R-FC, section C).
    pub fn has_elicitation(self) -> bool {
        self >= Self::V2025_06_18
    }

    /// Whether a client's user can be sent to a URL, and forms have defaults and titled choices.
    pub fn has_url_elicitation(self) -> bool {
        self >= Self::V2025_11_25
    }

    /// Whether an elicitation by URL has an id, by which its end can be told (R-FC-27).
    pub fn has_elicitation_ids(self) -> bool {
        self == Self::V2025_11_25
    }

    /// Whether a model can be given tools when it is sampled from (R-FC-9).
    pub fn has_sampling_tools(self) -> bool {
        self >= Self::V2025_11_25
    }

    /// Whether `structuredContent` may be any JSON value, `null` among them, and an output schema any schema (R-FS-17).
    pub fn has_any_structured_content(self) -> bool {
        self >= Self::V2026_07_28
    }

    /// Whether a resource that is not there has a code of its own, -32002; later it is -32602 (R-FS-27).
    pub fn has_resource_not_found_code(self) -> bool {
        self < Self::V2026_07_28
    }

    /// Whether several messages may travel in one array (R-LM-9, R-LM-10).
    pub fn allows_batches(self) -> bool {
        self == Self::V2025_03_26
    }

    /// Whether `notifications/progress` has a `message` (R-LM-83).
    pub fn has_progress_message(self) -> bool {
        self >= Self::V2025_03_26
    }

    /// Whether content may be audio (R-FS, section B).
    pub fn has_audio(self) -> bool {
        self >= Self::V2025_03_26
    }

    /// Whether tools have `annotations`.
    pub fn has_tool_annotations(self) -> bool {
        self >= Self::V2025_03_26
    }

    /// Whether content may be a `resource_link`.
    pub fn has_resource_links(self) -> bool {
        self >= Self::V2025_06_18
    }

    /// Whether results have `structuredContent`, and tools an `outputSchema`.
    pub fn has_structured_content(self) -> bool {
        self >= Self::V2025_06_18
    }

    /// Whether arguments that do not fit the tool's schema are a result with `isError`, rather than error -32602
    /// (R-FS-18).
    pub fn reports_invalid_arguments_as_result(self) -> bool {
        self >= Self::V2025_11_25
    }
}

impl fmt::Display for ProtocolVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn every_version_is_read_as_it_is_written() {
        for version in ProtocolVersion::ALL {
            assert_eq!(ProtocolVersion::from_wire(version.as_str()), Some(version));
        }
        assert_eq!(ProtocolVersion::from_wire("2024-11-5"), None);
    }

    #[test]
    fn a_revision_has_a_handshake_or_is_stateless() {
        let (with, without): (Vec<_>, Vec<_>) =
            ProtocolVersion::ALL.into_iter().partition(|version| version.has_handshake());
        assert_eq!(
            (with.as_slice(), without.as_slice()),
            (&ProtocolVersion::WITH_HANDSHAKE[..], &ProtocolVersion::STATELESS[..])
        );
        assert_eq!(ProtocolVersion::ALL.first(), Some(&ProtocolVersion::OLDEST));
        assert_eq!(with.last(), Some(&ProtocolVersion::LATEST_HANDSHAKE));
        assert_eq!(ProtocolVersion::ALL.last(), Some(&ProtocolVersion::LATEST));
    }

    #[test]
    fn a_version_that_is_not_served_is_answered_with_the_newest_of_the_handshake() {
        assert_eq!(ProtocolVersion::negotiate("2024-11-05"), ProtocolVersion::V2024_11_05);
        for offered in ["2026-07-28", "2099-01-01", "", "latest"] {
            assert_eq!(ProtocolVersion::negotiate(offered), ProtocolVersion::LATEST_HANDSHAKE, "{offered}");
        }
    }
}
