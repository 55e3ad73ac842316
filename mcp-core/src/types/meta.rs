//! `_meta`, the place for metadata in parameters, results and most objects (R-LM-40).

use alloc::string::String;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::progress::ProgressToken;

/// A JSON object whose members the protocol leaves open.
pub type JsonObject = Map<String, Value>;

/// What this library reads and writes in the `_meta` of a request's parameters.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestMeta<'a> {
    /// Present when the sender wants to hear of progress (R-LM-82).
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub progress_token: Option<ProgressToken<'a>>,
}
