//! Values of options, read.

use std::convert::Infallible;
use std::fmt;
use std::time::Duration;

use mcp_core::revision::ProtocolVersion;
use mcp_core::types::LoggingLevel;
use mcp_sse_blocking::credentials::Secret;

/// A header as it was given: a name, a colon and a value, which is a secret.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Header(String);

impl Header {
    /// Name and value. `None` when there is no colon.
    pub(crate) fn parts(&self) -> Option<(&str, &str)> {
        let (name, value) = self.0.split_once(':')?;
        Some((name.trim(), value.trim()))
    }
}

impl fmt::Debug for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ***", self.parts().map_or("?", |(name, _)| name))
    }
}

/// Never fails: `clap` would show what was given, and with it the secret. [`Header::parts`] is looked at later.
pub(super) fn header(text: &str) -> Result<Header, Infallible> {
    Ok(Header(text.to_owned()))
}

/// Never fails, for the same reason: the URL of a proxy may have a password in it.
pub(super) fn secret(text: &str) -> Result<Secret, Infallible> {
    Ok(Secret::new(text))
}

/// Its errors, and those of the next, do not repeat what was given: `clap` shows it in front of them.
pub(super) fn revision(text: &str) -> Result<ProtocolVersion, String> {
    ProtocolVersion::from_wire(text).ok_or_else(|| {
        let known = ProtocolVersion::ALL.map(ProtocolVersion::as_str);
        format!("one of {}", known.join(", "))
    })
}

pub(super) fn level(text: &str) -> Result<LoggingLevel, String> {
    let level = serde_json::from_value(serde_json::Value::from(text.to_lowercase()));
    level.map_err(|_| "one of debug, info, notice, warning, error, critical, alert, emergency".into())
}

pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    // A year: more would only overflow somebody's clock.
    let seconds = text.parse().ok().filter(|seconds| (0.001..=31_536_000.0).contains(seconds));
    seconds.map(Duration::from_secs_f64).ok_or_else(|| "a number of seconds, 0.001 or more".into())
}
