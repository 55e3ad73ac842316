//! Why there are no credentials.

use std::fmt;

/// There are no credentials to be had, from where and why. Neither holds a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialsError {
    source: String,
    problem: Problem,
    after_rejection: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Problem {
    OutOfTime,
    Stopped,
    Other(String),
}

impl CredentialsError {
    /// None from this `source`, such as `the variable TOKEN`, because of this problem. Both are shown to people and written to
    /// logs.
    pub fn new(source: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { source: source.into(), problem: Problem::Other(problem.into()), after_rejection: false }
    }

    /// The request's own time was over first: it fails with [`Error::Timeout`](crate::Error::Timeout).
    pub fn out_of_time(source: impl Into<String>) -> Self {
        Self { source: source.into(), problem: Problem::OutOfTime, after_rejection: false }
    }

    /// [`Ask::is_stopped`](super::Ask::is_stopped).
    pub fn stopped(source: impl Into<String>) -> Self {
        Self { source: source.into(), problem: Problem::Stopped, after_rejection: false }
    }

    /// Where they should have come from.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether the server had refused earlier ones.
    pub fn is_after_rejection(&self) -> bool {
        self.after_rejection
    }

    pub(super) fn after_rejection(self) -> Self {
        Self { after_rejection: true, ..self }
    }

    /// Whether the time for the request was over.
    pub(crate) fn is_out_of_time(&self) -> bool {
        self.problem == Problem::OutOfTime
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.problem == Problem::Stopped
    }
}

impl fmt::Display for CredentialsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.after_rejection {
            "the server refused the credentials (401), and there are no others"
        } else {
            "no credentials"
        };
        write!(f, "{what} from {}: ", self.source)?;
        match &self.problem {
            Problem::OutOfTime => f.write_str("the time for the request is over"),
            Problem::Stopped => f.write_str("the request is not wanted any more"),
            Problem::Other(problem) => f.write_str(problem),
        }
    }
}

impl std::error::Error for CredentialsError {}
