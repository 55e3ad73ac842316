//! What is wrong with a message that could not be read, and whether and how to answer it.

use alloc::string::{String, ToString};
use core::fmt;

use super::error::code;
use super::id::ErrorId;
use crate::limits::LimitExceeded;

/// What is wrong with a message, and how to answer it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecodeError<'a> {
    /// What is wrong.
    pub fault: Fault,
    /// The id of the message, as far as it could be read.
    pub id: ErrorId<'a>,
    /// It is neither a notification nor a response.
    pub(super) is_answered: bool,
}

impl<'a> DecodeError<'a> {
    /// The id to answer under: `null` where none could be read, as JSON-RPC has it. `None` for what is never answered, however
    /// wrong it is: notifications (R-LM-7), and responses, where an error under the same id would hit a request of the sender's.
    pub fn answer_id(&self) -> Option<ErrorId<'a>> {
        match &self.id {
            _ if !self.is_answered => None,
            ErrorId::Absent => Some(ErrorId::Null),
            id => Some(id.clone()),
        }
    }

    /// The code to answer with.
    pub fn code(&self) -> i64 {
        match self.fault {
            Fault::NotJson(_) => code::PARSE_ERROR,
            _ => code::INVALID_REQUEST,
        }
    }

    /// The same error without the borrow.
    pub fn into_owned(self) -> DecodeError<'static> {
        DecodeError { id: self.id.into_owned(), fault: self.fault, is_answered: self.is_answered }
    }
}

impl From<Fault> for DecodeError<'_> {
    fn from(fault: Fault) -> Self {
        Self { fault, id: ErrorId::Null, is_answered: true }
    }
}

impl From<LimitExceeded> for DecodeError<'_> {
    fn from(exceeded: LimitExceeded) -> Self {
        Fault::Limit(exceeded).into()
    }
}

impl fmt::Display for DecodeError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fault.fmt(f)
    }
}

impl core::error::Error for DecodeError<'_> {}

/// Why bytes are no JSON-RPC message.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// Not JSON; with what the parser says and where.
    NotJson(String),
    /// JSON, but no object.
    NotAnObject,
    /// No member `jsonrpc` with the value `"2.0"` (R-LM-1).
    WrongVersion,
    /// An `id` that is neither an integer nor a string, or `null` on a request (R-LM-2).
    InvalidId,
    /// A `method` that is no string.
    MethodNotAString,
    /// `params` that are no object.
    ParamsNotAnObject,
    /// A member of the envelope that occurs twice.
    RepeatedMember,
    /// A `result` without an id.
    ResponseWithoutId,
    /// An `error` that has no integer `code` or no string `message` (R-LM-5).
    InvalidErrorObject,
    /// More than one of `method`, `result` and `error` (R-LM-4).
    AmbiguousMessage,
    /// None of `method`, `result` and `error`.
    NoMessage,
    /// A batch without messages (R-LM-9).
    EmptyBatch,
    /// A bound was passed.
    Limit(LimitExceeded),
}

impl Fault {
    pub(super) fn not_json(error: serde_json::Error) -> Self {
        Self::NotJson(error.to_string())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotJson(error) => return write!(f, "not JSON: {error}"),
            Self::Limit(exceeded) => return exceeded.fmt(f),
            Self::NotAnObject => "the message is no JSON object",
            Self::WrongVersion => "member `jsonrpc` is not \"2.0\"",
            Self::InvalidId => "member `id` is neither an integer nor a string",
            Self::MethodNotAString => "member `method` is no string",
            Self::ParamsNotAnObject => "member `params` is no object",
            Self::RepeatedMember => "a member of the message occurs twice",
            Self::ResponseWithoutId => "a response has no id",
            Self::InvalidErrorObject => "member `error` has no integer `code` or no string `message`",
            Self::AmbiguousMessage => "the message has more than one of `method`, `result` and `error`",
            Self::NoMessage => "the message has none of `method`, `result` and `error`",
            Self::EmptyBatch => "the batch has no messages",
        })
    }
}
