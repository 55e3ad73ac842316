//! The revisions of the protocol, and every difference between them as a question with a name.
//!
//! This is the one module that compares revisions: elsewhere ask a predicate. A new revision is a variant here, its entries in
//! [`types::method`](crate::types::method), and the tests of both.

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

    /// The oldest revision: what a session is held to before the handshake says more.
    pub const OLDEST: Self = Self::V2024_11_05;

    /// The newest revision that begins with a handshake.
    pub const LATEST_HANDSHAKE: Self = Self::V2025_11_25;

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

    /// Whether a session begins with `initialize`.
    pub fn has_handshake(self) -> bool {
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
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_version_is_read_as_it_is_written() {
        for version in ProtocolVersion::ALL {
            assert_eq!(ProtocolVersion::from_wire(version.as_str()), Some(version));
        }
        assert_eq!(ProtocolVersion::from_wire("2024-11-5"), None);
    }

    #[test]
    fn a_version_that_is_not_served_is_answered_with_the_newest_of_the_handshake() {
        assert_eq!(ProtocolVersion::negotiate("2024-11-05"), ProtocolVersion::V2024_11_05);
        for offered in ["2026-07-28", "2099-01-01", "", "latest"] {
            assert_eq!(ProtocolVersion::negotiate(offered), ProtocolVersion::LATEST_HANDSHAKE, "{offered}");
        }
    }
}
