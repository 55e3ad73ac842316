//! Event ids of our own streams: which stream, and which event of it (R-SH-30, R-SH-31).
//!
//! ```
//! use mcp_core::http::EventId;
//!
//! let id = EventId { stream: 3, event: 17 };
//! assert_eq!(id.to_string(), "3-17");
//! assert_eq!(EventId::parse(b"3-17"), Some(id));
//! ```

use core::fmt;

/// The id of an event: unique within its session, and all that is needed to go on after it. It is a cursor, no secret: the
/// session is checked before it is looked at (R-SEC-13).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId {
    /// The stream, by a number that its session gives out once.
    pub stream: u64,
    /// The event, counted within the stream.
    pub event: u64,
}

impl EventId {
    /// Reads what [`Display`](fmt::Display) writes, and nothing else: a `Last-Event-ID` in any other form is none of ours
    /// (R-SH-36), and two ids of one event would let a stream be taken twice.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let (stream, event) = core::str::from_utf8(text).ok()?.split_once('-')?;
        Some(Self { stream: number(stream)?, event: number(event)? })
    }
}

/// Digits without a sign and without zeros before them.
fn number(text: &str) -> Option<u64> {
    let is_canonical = text == "0" || text.starts_with(|first: char| matches!(first, '1'..='9'));
    text.parse().ok().filter(|_| is_canonical)
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.stream, self.event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    /// R-SH-30, R-SH-31
    #[test]
    fn an_id_is_read_back_as_it_was_written() {
        for (stream, event) in [(0, 0), (1, 0), (0, 1), (12, 345), (u64::MAX, u64::MAX)] {
            let id = EventId { stream, event };
            assert_eq!(EventId::parse(id.to_string().as_bytes()), Some(id));
        }
    }

    /// R-SH-35, R-SH-36
    #[test]
    fn no_other_text_is_an_id() {
        for text in [
            "",
            "-",
            "1",
            "1-",
            "-1",
            "1-2-3",
            "01-2",
            "1-02",
            "+1-2",
            "1-+2",
            " 1-2",
            "1-2 ",
            "1_2",
            "1--2",
            "a-1",
            "1-a",
            "00-0",
            "18446744073709551616-0",
            "0-18446744073709551616",
            "١-٢",
        ] {
            assert_eq!(EventId::parse(text.as_bytes()), None, "{text:?}");
        }
        assert_eq!(EventId::parse(b"1-\xff"), None);
    }
}
