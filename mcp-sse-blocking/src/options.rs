//! How a call is to be made.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use mcp_core::text::Excerpt;
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
    /// Also when it was lost with its session, over every carrier: once, and with an explicit [policy](crate::Reconnect) three times
    /// at most.
    ///
    /// For you to say: what a tool says of itself, in its annotations, is not to be trusted (R-FS-20), unless you
    /// [do](crate::Builder::trust_tool_annotations).
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
    /// `traceparent`, `tracestate` and `baggage` (R-LM-45), whose values are passed on as they are; see
    /// [`traceparent`](Self::traceparent) for one that is checked. May be called several times.
    ///
    /// A key that is malformed or belongs to the protocol, and a value that cannot be written as JSON, is refused when the call
    /// is made.
    pub fn meta(mut self, key: &str, value: impl Serialize) -> Self {
        const TRACING: [&str; 3] = [TRACEPARENT, "tracestate", "baggage"];
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

    /// Passes the trace that this call is a part of on to the server: the value of a `traceparent` of
    /// [W3C Trace Context](https://www.w3.org/TR/trace-context/#traceparent-header), which goes into the `_meta` of the request
    /// (R-LM-45), in every revision. `tracestate` and `baggage` go beside it, with [`meta`](Self::meta).
    ///
    /// Refused when the call is made: what is no such value. In version 00 that is `00-`, 32 hexadecimal digits, `-`, 16, `-` and 2,
    /// in lower case, and neither of the first two all zeros.
    ///
    /// ```
    /// # use mcp_sse_blocking::CallOptions;
    /// let part_of = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    /// let options = CallOptions::new().traceparent(part_of).meta("tracestate", "vendor=opaque");
    /// # drop(options);
    /// ```
    pub fn traceparent(mut self, traceparent: &str) -> Self {
        match traceparent_problem(traceparent) {
            None => drop(self.meta.insert(TRACEPARENT.to_owned(), traceparent.into())),
            Some(problem) => {
                let shown = Excerpt::new(traceparent, TRACEPARENT_SHOWN);
                self.unusable = Some(format!("the traceparent `{shown}` cannot be used: {problem}"));
            }
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

/// The key of R-LM-45.
const TRACEPARENT: &str = "traceparent";

/// Characters of a value that is refused.
const TRACEPARENT_SHOWN: usize = 80;

/// What is wrong with the value of a `traceparent`. Of versions that are not known only the parts that all have in common count.
fn traceparent_problem(value: &str) -> Option<&'static str> {
    let mut parts = value.split('-');
    let [version, trace, parent, flags] = [(); 4].map(|()| parts.next().unwrap_or_default());
    let is_hex = |part: &str, digits: usize| {
        part.len() == digits && part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    let is_zero = |part: &str| part.bytes().all(|byte| byte == b'0');
    if !is_hex(version, 2) || version == "ff" {
        return Some("its version is not two hexadecimal digits in lower case, or is `ff`");
    }
    if !is_hex(trace, 32) || is_zero(trace) {
        return Some("its trace id is not 32 hexadecimal digits in lower case, or is all zeros");
    }
    if !is_hex(parent, 16) || is_zero(parent) {
        return Some("its parent id is not 16 hexadecimal digits in lower case, or is all zeros");
    }
    if !is_hex(flags, 2) {
        return Some("its flags are not two hexadecimal digits in lower case");
    }
    (version == "00" && parts.next().is_some()).then_some("version 00 has nothing after the flags")
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

    #[test]
    fn a_traceparent_is_one_of_w3c_trace_context() {
        let problem = |value: &str| CallOptions::new().traceparent(value).unusable;
        for good in [
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-ff",
            // A version that is yet to come may have more.
            "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what-the-future-brings",
        ] {
            assert_eq!(problem(good), None, "{good}");
        }
        for (bad, part) in [
            ("", "version"),
            ("0-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "version"),
            ("ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "version"),
            ("00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01", "trace id"),
            ("00-00000000000000000000000000000000-b7ad6b7169203331-01", "trace id"),
            ("00-0af7651916cd43dd8448eb211c80319-b7ad6b7169203331-01", "trace id"),
            ("00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01", "parent id"),
            ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b716920333-01", "parent id"),
            ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0x", "flags"),
            ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331", "flags"),
            ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-", "after the flags"),
        ] {
            let problem = problem(bad).unwrap_or_default();
            assert!(problem.contains(part) && problem.contains(bad), "{bad}: {problem}");
        }
    }
}
