//! Progress of a request that is being worked on (R-LM-82 to R-LM-84).

use alloc::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::jsonrpc::RequestId;

/// Says which request a progress notification belongs to: a string or an integer chosen by the requester.
pub type ProgressToken<'a> = RequestId<'a>;

/// Parameters of `notifications/progress`, borrowed from it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Progress<'a> {
    /// Which request.
    #[serde(borrow)]
    pub progress_token: ProgressToken<'a>,
    /// How far; rises from one notification to the next, and may have a fraction.
    pub progress: f64,
    /// How far there is to go, when that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<f64>,
    /// What is being done; since 2025-03-26.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub message: Option<Cow<'a, str>>,
}
