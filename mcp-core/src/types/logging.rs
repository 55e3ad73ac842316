//! Log messages from a server (R-LM-88 to R-LM-92).

use alloc::borrow::Cow;
use core::fmt;

use serde::de::{self, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

/// How bad it is, rising, as in RFC 5424.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LoggingLevel {
    /// For whoever debugs the server.
    Debug,
    /// What it does.
    Info,
    /// Worth a look.
    Notice,
    /// Something is not right.
    Warning,
    /// Something failed.
    Error,
    /// A part failed.
    Critical,
    /// Somebody must act.
    Alert,
    /// Unusable.
    Emergency,
}

impl LoggingLevel {
    const ALL: [Self; 8] = [
        Self::Debug,
        Self::Info,
        Self::Notice,
        Self::Warning,
        Self::Error,
        Self::Critical,
        Self::Alert,
        Self::Emergency,
    ];

    /// Its word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Notice => "notice",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Critical => "critical",
            Self::Alert => "alert",
            Self::Emergency => "emergency",
        }
    }
}

impl fmt::Display for LoggingLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for LoggingLevel {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// By hand: what is derived for an enum is a kilobyte in a program that reads nothing else so.
impl<'de> Deserialize<'de> for LoggingLevel {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Word;
        impl Visitor<'_> for Word {
            type Value = LoggingLevel;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a log level")
            }

            fn visit_str<E: de::Error>(self, word: &str) -> Result<LoggingLevel, E> {
                let level = LoggingLevel::ALL.into_iter().find(|level| level.as_str() == word);
                level.ok_or_else(|| E::invalid_value(Unexpected::Str(word), &self))
            }
        }
        deserializer.deserialize_str(Word)
    }
}

/// Parameters of `notifications/message`, borrowed from it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LoggingMessage<'a> {
    /// How bad it is.
    pub level: LoggingLevel,
    /// Which part of the server says it.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub logger: Option<Cow<'a, str>>,
    /// What it says: any JSON, often a string.
    #[serde(borrow)]
    pub data: &'a RawValue,
}

/// Parameters of `logging/setLevel`: this level and above are wanted (R-LM-90).
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct SetLevelParams {
    /// The lowest level that is wanted.
    pub level: LoggingLevel,
}
