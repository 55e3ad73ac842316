//! `null` where the schemas have something else or nothing.
//!
//! Peers write it for what is empty or not set: Go for a list without elements, Java and Python for optional members. A session
//! should not fail for that.

use serde::{Deserialize, Deserializer};

/// Reads `null` as what an absent member means. For `deserialize_with`; `Option` does this by itself.
pub(super) fn null_is_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}
