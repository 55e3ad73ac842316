//! Cancellation of a request that was sent earlier in the same direction (R-LM-77).

use alloc::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::jsonrpc::RequestId;

/// Parameters of `notifications/cancelled`, borrowed from it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CancelledParams<'a> {
    /// The id of the request.
    #[serde(borrow)]
    pub request_id: RequestId<'a>,
    /// Why, for logs.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Cow<'a, str>>,
}
