//! Why a call that asked for input came to nothing.

use std::fmt;

use mcp_core::jsonrpc;
use mcp_core::types::ElicitUrlParams;
use mcp_core::types::requested_schema::ContentFault;

/// A call needs input that it did not get.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum InputError {
    /// The server asked something that this program did not answer, so that the call was not made again (R-LM-71).
    Unanswered {
        /// What was asked: `sampling/createMessage`, `elicitation/create` or `roots/list`; or what the server wrote, cut.
        method: String,
        /// The key that the server gave to the question, cut.
        key: String,
        /// Why there is no answer.
        why: Unanswered,
    },
    /// The user has to visit these pages before the call can succeed: error -32042 of 2025-11-25 (R-FC-28). Make the call again
    /// when that is done.
    UrlRequired {
        /// The pages. Nothing was fetched (R-FC-24).
        elicitations: Vec<ElicitUrlParams>,
        /// What the server says.
        error: jsonrpc::Error,
    },
}

/// Why a question has no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unanswered {
    /// There is no handler for it: it was not declared.
    NotOffered,
    /// The handler said that the user does not want it.
    Refused,
    /// The question is malformed, or more than was declared.
    Invalid(String),
    /// The handler failed.
    Failed(String),
    /// The answer of the handler does not fit the form, and was not sent (R-FC-22).
    Unfit(ContentFault),
}

impl fmt::Display for InputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unanswered { method, key, why } => {
                write!(f, "the server asked for input by `{method}` (key `{key}`), but {why}")
            }
            Self::UrlRequired { elicitations, error } => {
                write!(f, "the user has to visit {} pages first: {error}", elicitations.len())
            }
        }
    }
}

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotOffered => f.write_str("there is no handler for it"),
            Self::Refused => f.write_str("the user refused"),
            Self::Invalid(why) => write!(f, "the question is invalid: {why}"),
            Self::Failed(why) => write!(f, "its handler failed: {why}"),
            Self::Unfit(fault) => write!(f, "the handler's answer does not fit: {fault}"),
        }
    }
}

impl std::error::Error for InputError {}
