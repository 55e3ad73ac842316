//! Why there are no credentials.

use std::fmt;

/// There are no credentials to be had, from where and why. Neither holds a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialsError {
    source: String,
    problem: Problem,
    /// The status with which the server had refused earlier ones.
    after_rejection: Option<u16>,
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
        Self { source: source.into(), problem: Problem::Other(problem.into()), after_rejection: None }
    }

    /// The request's own time was over first: it fails with [`Error::Timeout`](crate::Error::Timeout).
    pub fn out_of_time(source: impl Into<String>) -> Self {
        Self { source: source.into(), problem: Problem::OutOfTime, after_rejection: None }
    }

    /// [`Ask::is_stopped`](super::Ask::is_stopped).
    pub fn stopped(source: impl Into<String>) -> Self {
        Self { source: source.into(), problem: Problem::Stopped, after_rejection: None }
    }

    /// Where they should have come from.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether the server had refused earlier ones.
    pub fn is_after_rejection(&self) -> bool {
        self.after_rejection.is_some()
    }

    pub(super) fn after_rejection(self, status: u16) -> Self {
        Self { after_rejection: Some(status), ..self }
    }

    /// The same, after `clear` took secrets out of what it says.
    pub(crate) fn cleared(mut self, clear: impl FnOnce(&mut String)) -> Self {
        if let Problem::Other(problem) = &mut self.problem {
            clear(problem);
        }
        self
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
        match self.after_rejection {
            Some(status) => write!(f, "the server refused the credentials ({status}), and there are no others")?,
            None => f.write_str("no credentials")?,
        }
        write!(f, " from {}: ", self.source)?;
        match &self.problem {
            Problem::OutOfTime => f.write_str("the time for the request is over"),
            Problem::Stopped => f.write_str("the request is not wanted any more"),
            Problem::Other(problem) => f.write_str(problem),
        }
    }
}

impl std::error::Error for CredentialsError {}
