//! Log messages from a server (R-LM-88 to R-LM-92).

use alloc::borrow::Cow;
use core::fmt;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// How bad it is, rising, as in RFC 5424.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
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

impl fmt::Display for LoggingLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Notice => "notice",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Critical => "critical",
            Self::Alert => "alert",
            Self::Emergency => "emergency",
        })
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
