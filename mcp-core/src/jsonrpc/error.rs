//! Error objects, borrowed and owned, and the codes that the protocol knows.

use alloc::borrow::{Cow, ToOwned};
use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::text::Excerpt;

/// Error codes of JSON-RPC and of MCP.
pub mod code {
    /// The bytes are no JSON.
    pub const PARSE_ERROR: i64 = -32700;
    /// The JSON is no request, or none that may come now.
    pub const INVALID_REQUEST: i64 = -32600;
    /// The method is unknown, or belongs to a capability that is not offered.
    pub const METHOD_NOT_FOUND: i64 = -32601;
    /// The parameters do not fit the method; also an unknown tool.
    pub const INVALID_PARAMS: i64 = -32602;
    /// The receiver failed.
    pub const INTERNAL_ERROR: i64 = -32603;
    /// There is no such resource; up to 2025-11-25.
    pub const RESOURCE_NOT_FOUND: i64 = -32002;
    /// A URL has to be visited first; 2025-11-25 only (R-FC-28).
    pub const URL_ELICITATION_REQUIRED: i64 = -32042;
    /// The headers of a request say something else than its body; from 2026-07-28 on (R-ST-24).
    pub const HEADER_MISMATCH: i64 = -32020;
    /// The request needs a capability that its client did not declare; from 2026-07-28 on (R-ST-25).
    pub const MISSING_CLIENT_CAPABILITY: i64 = -32021;
    /// The revision that a request asks for is not served; from 2026-07-28 on (R-ST-26).
    pub const UNSUPPORTED_PROTOCOL_VERSION: i64 = -32022;
}

/// The `error` member of a response, borrowed from the message (R-LM-5).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ErrorObject<'a> {
    /// What kind of error, see [`code`].
    pub code: i64,
    /// A short description.
    #[serde(borrow)]
    pub message: Cow<'a, str>,
    /// Whatever the sender adds, as raw JSON.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub data: Option<&'a RawValue>,
}

impl<'a> ErrorObject<'a> {
    /// An error without data.
    pub fn new(code: i64, message: impl Into<Cow<'a, str>>) -> Self {
        Self { code, message: message.into(), data: None }
    }

    /// The error that a JSON text is. Its code is read by hand: a number that may be anything brings 5 KiB of floating point into
    /// programs that have no other use for it.
    pub(super) fn of_json(error: &'a RawValue) -> Option<Self> {
        #[derive(Deserialize)]
        struct Members<'a> {
            #[serde(borrow)]
            code: &'a RawValue,
            #[serde(borrow)]
            message: Cow<'a, str>,
            #[serde(borrow, default)]
            data: Option<&'a RawValue>,
        }
        let Members { code, message, data } = serde_json::from_str(error.get()).ok()?;
        Some(Self { code: code.get().parse().ok()?, message, data })
    }

    /// The same error without the borrow.
    pub fn to_owned(&self) -> Error {
        Error { code: self.code, message: self.message.clone().into_owned(), data: self.data.map(ToOwned::to_owned) }
    }
}

impl fmt::Display for ErrorObject<'_> {
    /// The code and the message, cut to 256 characters: it may come from a peer.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error {}: {}", self.code, Excerpt::new(&self.message, 256))
    }
}

/// An error that a peer answered, or that is to be answered to one.
#[derive(Debug, Clone)]
pub struct Error {
    /// What kind of error, see [`code`].
    pub code: i64,
    /// A short description.
    pub message: String,
    /// Whatever the sender added, as raw JSON.
    pub data: Option<Box<RawValue>>,
}

impl Error {
    /// An error without data.
    pub fn new(code: i64, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), data: None }
    }

    /// The same error, borrowed.
    pub fn as_object(&self) -> ErrorObject<'_> {
        ErrorObject { code: self.code, message: Cow::Borrowed(&self.message), data: self.data.as_deref() }
    }
}

impl fmt::Display for Error {
    /// As [`ErrorObject`].
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_object().fmt(f)
    }
}

impl core::error::Error for Error {}
