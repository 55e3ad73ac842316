//! What a message is, once it was read.

use alloc::borrow::Cow;

use serde_json::value::RawValue;

use super::error::ErrorObject;
use super::id::{ErrorId, RequestId};

/// One JSON-RPC message, borrowed from the bytes it was read from.
#[derive(Debug, Clone)]
pub enum Message<'a> {
    /// Wants an answer.
    Request(Request<'a>),
    /// Wants none and must get none (R-LM-7).
    Notification(Notification<'a>),
    /// The answer to a request that succeeded.
    Response(Response<'a>),
    /// The answer to a request that failed.
    Error(ErrorResponse<'a>),
}

/// A request: it has an id and a method (R-LM-2).
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// Chosen by the sender; the answer carries it back.
    pub id: RequestId<'a>,
    /// The name of the method.
    pub method: Cow<'a, str>,
    /// The parameters: an object, as raw JSON. `null` counts as absent.
    pub params: Option<&'a RawValue>,
}

/// A notification: a method without an id.
#[derive(Debug, Clone)]
pub struct Notification<'a> {
    /// The name of the method.
    pub method: Cow<'a, str>,
    /// The parameters: an object, as raw JSON. `null` counts as absent.
    pub params: Option<&'a RawValue>,
}

/// The answer to a request that succeeded.
#[derive(Debug, Clone)]
pub struct Response<'a> {
    /// The id of the request, with its type (R-LM-4).
    pub id: RequestId<'a>,
    /// The result as raw JSON.
    pub result: &'a RawValue,
}

/// The answer to a request that failed.
#[derive(Debug, Clone)]
pub struct ErrorResponse<'a> {
    /// The id of the request, as far as its receiver could read it.
    pub id: ErrorId<'a>,
    /// What went wrong.
    pub error: ErrorObject<'a>,
}
