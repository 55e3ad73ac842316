//! Lists in pages (R-LM-85).

use alloc::borrow::Cow;

use serde::{Deserialize, Serialize};

/// Parameters of every list method.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct PaginatedParams<'a> {
    /// Where to go on: opaque, from the page before. An empty string is a cursor like any other.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Cow<'a, str>>,
}
