//! How a call is to be made.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use mcp_core::types::meta;
use mcp_core::types::{JsonObject, LoggingLevel};
use serde::Serialize;

use crate::engine::Engine;
use crate::error::Error;
use crate::pending::{Repeat, Want};
use crate::slot::Progress;

/// How a call is to be made.
///
/// ```
/// use std::time::Duration;
/// use mcp_sse_blocking::CallOptions;
///
/// let options = CallOptions::new()
///     .timeout(Duration::from_secs(5))
///     .idempotent()
///     .meta("com.example/tenant", "north")
///     .on_progress(|progress| println!("{} done", progress.progress));
/// # drop(options);
/// ```
#[derive(Default)]
pub struct CallOptions<'a> {
    timeout: OwnTimeout,
    repeat: Option<Repeat>,
    level: Option<LoggingLevel>,
    meta: JsonObject,
    unusable: Option<String>,
    pub(crate) on_progress: Option<Box<dyn FnMut(Progress) + 'a>>,
}

/// A timeout that a call may have of its own.
#[derive(Debug, Clone, Copy, Default)]
enum OwnTimeout {
    #[default]
    Inherited,
    Own(Option<Duration>),
}

impl<'a> CallOptions<'a> {
    /// As `call` does it.
    pub fn new() -> Self {
        Self::default()
    }

    /// How long the call may take in all, instead of the client's `call_timeout`. Neither progress nor a ping extends it, nor
    /// that the server asks for input in between.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = OwnTimeout::Own(Some(timeout));
        self
    }

    /// No deadline: the call waits until the server answers or the stream ends.
    pub fn no_timeout(mut self) -> Self {
        self.timeout = OwnTimeout::Own(None);
        self
    }

    /// Asks for progress and runs `tell` on it, on the thread that calls, with no lock held: it may use the client. The stream
    /// is read by another thread meanwhile. A [`Job`](crate::Job) does not use this: it is an iterator over its progress.
    pub fn on_progress(mut self, tell: impl FnMut(Progress) + 'a) -> Self {
        self.on_progress = Some(Box::new(tell));
        self
    }

    /// Making the call twice is as good as making it once: it may be made again when its answer was lost on the way (R-ST-33).
    /// For you to say: what a tool says of itself, in its annotations, is not to be trusted (R-FS-20).
    pub fn idempotent(mut self) -> Self {
        self.repeat = Some(Repeat::Safe);
        self
    }

    /// Asks for log messages of this level and above while the call is worked on, where each request says so: in 2026-07-28
    /// (R-LM-91). Elsewhere the level is one for the session; see [`Client::set_log_level`](crate::Client::set_log_level).
    pub fn log_level(mut self, level: LoggingLevel) -> Self {
        self.level = Some(level);
        self
    }

    /// Adds a member to the `_meta` of the request: one of your own, with a prefix such as `com.example/` (R-LM-43), or
    /// `traceparent`, `tracestate` and `baggage` (R-LM-45). May be called several times.
    ///
    /// A key that is malformed or belongs to the protocol, and a value that cannot be written as JSON, is refused when the call
    /// is made.
    pub fn meta(mut self, key: &str, value: impl Serialize) -> Self {
        const TRACING: [&str; 3] = ["traceparent", "tracestate", "baggage"];
        if !meta::is_key(key) || (meta::is_reserved(key) && !TRACING.contains(&key)) {
            self.unusable = Some(format!("`{}` can be no key of your own in `_meta`", key.escape_debug()));
            return self;
        }
        match serde_json::to_value(value) {
            Ok(value) => drop(self.meta.insert(key.to_owned(), value)),
            Err(error) => self.unusable = Some(format!("the value of `{key}` cannot be written as JSON: {error}")),
        }
        self
    }

    /// The same as the engine takes it. The time begins to run.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`]: metadata that cannot be used.
    pub(crate) fn want(&self, engine: &Engine) -> Result<Want, Error> {
        if let Some(problem) = &self.unusable {
            return Err(Error::Usage(problem.clone()));
        }
        let timeout = match self.timeout {
            OwnTimeout::Inherited => engine.call_timeout,
            OwnTimeout::Own(timeout) => timeout,
        };
        Ok(Want {
            progress: self.on_progress.is_some(),
            repeat: self.repeat.unwrap_or(Repeat::Never),
            level: self.level,
            meta: (!self.meta.is_empty()).then(|| Arc::new(self.meta.clone())),
            ..Want::within(timeout)
        })
    }
}

impl fmt::Debug for CallOptions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallOptions")
            .field("timeout", &self.timeout)
            .field("repeat", &self.repeat)
            .field("level", &self.level)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_the_protocol_and_what_is_no_key_are_refused() {
        // R-LM-41 to R-LM-45
        let refused = |key: &str| CallOptions::new().meta(key, 1).unusable.is_some();
        for key in ["com.example/tenant", "traceparent", "tracestate", "baggage", "own"] {
            assert!(!refused(key), "{key}");
        }
        for key in ["progressToken", "io.modelcontextprotocol/logLevel", "com.mcp.tools/x", "a b", "-a"] {
            assert!(refused(key), "{key}");
        }
    }
}
