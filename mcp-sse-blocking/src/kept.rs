//! Lists and resources through the cache: answered from it while they are fresh, kept in it when they come.

use mcp_core::types::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::ask::Attempt;
use crate::builder::Builder;
use crate::cache::{CacheSize, Key};
use crate::client::read;
use crate::clock;
use crate::engine::Engine;
use crate::error::Error;
use crate::pending::Want;

/// Where a result comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    Server,
    Kept,
}

impl Builder {
    /// How much is kept of lists and resources while it is fresh, in revisions whose servers say for how long that is:
    /// 2026-07-28 (R-LM-58). [`CacheSize::OFF`] fetches them whenever they are asked for.
    ///
    /// What was kept goes when the server says that it changed (R-LM-61), which it does on a
    /// [subscription](crate::Client::listen).
    pub fn cache(mut self, size: CacheSize) -> Self {
        self.common.cache = size;
        self
    }
}

impl Engine {
    /// Fetches a list or a resource, unless it is fresh.
    pub(crate) fn fetch<P: Serialize + ?Sized, R: DeserializeOwned>(
        &self,
        method: Method,
        key: Key,
        params: &P,
        want: &Want,
    ) -> Result<(R, Source), Error> {
        // Metadata of the caller's may make the answer another one.
        let has_hints = self.session(|session| session.version().is_some_and(|version| version.has_result_type()));
        let may_keep = has_hints && want.meta.is_none() && method.is_cacheable();
        let (kept, ticket) = {
            let mut cache = self.features.cache();
            (may_keep.then(|| cache.find(&key, clock::now())).flatten(), cache.ticket())
        };
        if let Some(kept) = kept {
            return Ok((read(method.name(), &kept)?, Source::Kept));
        }
        let result = self.converse(method, params, want, None, |result, attempt| {
            let read = read(method.name(), result)?;
            // R-LM-59
            if may_keep && attempt == Attempt::First {
                self.features.cache().keep(ticket, key.clone(), result, clock::now());
            }
            Ok(read)
        })?;
        Ok((result, Source::Server))
    }
}
