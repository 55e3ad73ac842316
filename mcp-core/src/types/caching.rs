//! How long a result may be kept (R-LM-57 to R-LM-62), since 2026-07-28.

use core::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::tolerance::unreadable_is_default;

/// The hints on a result that may be cached. Results of earlier revisions have none, and what makes no sense counts as absent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CacheHints {
    /// Milliseconds for which it is fresh. See [`time_to_live`](Self::time_to_live).
    #[serde(default, deserialize_with = "unreadable_is_default", skip_serializing_if = "Option::is_none")]
    pub ttl_ms: Option<i64>,
    /// Who may share it. See [`scope`](Self::scope).
    #[serde(default, deserialize_with = "unreadable_is_default", skip_serializing_if = "Option::is_none")]
    pub cache_scope: Option<CacheScope>,
}

impl CacheHints {
    /// Fresh for this many milliseconds, for those of this scope.
    pub fn new(ttl_ms: u32, cache_scope: CacheScope) -> Self {
        Self { ttl_ms: Some(ttl_ms.into()), cache_scope: Some(cache_scope) }
    }

    /// The hints of a result, whatever else it is; the default when it has none.
    pub fn of(result: &RawValue) -> Self {
        serde_json::from_str(result.get()).unwrap_or_default()
    }

    /// For how long the result is fresh after it came; zero for what was stale from the start: an absent or negative time
    /// (R-LM-58).
    pub fn time_to_live(&self) -> Duration {
        Duration::from_millis(self.ttl_ms.and_then(|ttl| u64::try_from(ttl).ok()).unwrap_or(0))
    }

    /// Who may share it. Private when the server does not say.
    pub fn scope(&self) -> CacheScope {
        self.cache_scope.unwrap_or(CacheScope::Private)
    }
}

/// Who may share a result that is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CacheScope {
    /// Everybody who asks the same.
    Public,
    /// Only who asked, with the same authorization (R-LM-59).
    Private,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_is_fresh_only_for_a_positive_time() {
        let ttl =
            |json: &str| serde_json::from_str::<CacheHints>(json).map(|hints| hints.time_to_live().as_millis()).ok();
        assert_eq!(ttl(r#"{"ttlMs":1500}"#), Some(1500));
        for stale in [r#"{"ttlMs":0}"#, r#"{"ttlMs":-1}"#, "{}", r#"{"ttlMs":null}"#, r#"{"ttlMs":"1"}"#] {
            assert_eq!(ttl(stale), Some(0), "{stale}");
        }
    }

    #[test]
    fn an_unknown_scope_is_the_careful_one() {
        let scope = |json: &str| serde_json::from_str::<CacheHints>(json).map(|hints| hints.scope()).ok();
        assert_eq!(scope(r#"{"cacheScope":"public"}"#), Some(CacheScope::Public));
        assert_eq!(scope(r#"{"cacheScope":"shared"}"#), Some(CacheScope::Private));
        assert_eq!(scope("{}"), Some(CacheScope::Private));
    }
}
