//! What is kept of an authorization, and where.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mcp_core::auth::{Registration, Tokens};
use mcp_core::http::Url;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::credentials::Secret;

/// Where tokens and registrations are kept, so that nobody has to be asked again by the next run of a program: texts under names.
///
/// ```
/// use mcp_sse_blocking::credentials::{Secret, TokenMemory, TokenStore};
///
/// let store = TokenMemory::default();
/// store.save("tokens for https://h/mcp", Some(&Secret::new("{}")))?;
/// assert!(store.load("tokens for https://h/mcp")?.is_some());
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// Names are URLs with a word before; the texts are JSON and secrets. Called from any thread. What this does is not interrupted, and
/// requests to the same server wait for it.
pub trait TokenStore: Send + Sync {
    /// What is kept under `name`.
    ///
    /// # Errors
    /// When it cannot be read. The request that asked fails.
    fn load(&self, name: &str) -> io::Result<Option<Secret>>;

    /// Keeps `text` under `name`, in place of what was there; `None` forgets it.
    ///
    /// # Errors
    /// When it cannot be written. That is logged, and the tokens are used nevertheless.
    fn save(&self, name: &str, text: Option<&Secret>) -> io::Result<()>;
}

/// Keeps tokens until it is dropped.
#[derive(Debug, Default)]
pub struct TokenMemory(Mutex<HashMap<String, Secret>>);

impl TokenStore for TokenMemory {
    fn load(&self, name: &str) -> io::Result<Option<Secret>> {
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned())
    }

    fn save(&self, name: &str, text: Option<&Secret>) -> io::Result<()> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match text {
            Some(text) => kept.insert(name.to_owned(), text.clone()),
            None => kept.remove(name),
        };
        Ok(())
    }
}

impl<S: TokenStore + ?Sized> TokenStore for Arc<S> {
    fn load(&self, name: &str) -> io::Result<Option<Secret>> {
        (**self).load(name)
    }

    fn save(&self, name: &str, text: Option<&Secret>) -> io::Result<()> {
        (**self).save(name, text)
    }
}

/// What an authorization gave, and what it is good for: kept by the URL of the server.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Grant {
    /// Whose it is: never shown to another one (R-AU-25).
    pub(super) issuer: String,
    /// What it is for, as it was asked for.
    pub(super) resource: String,
    pub(super) client_id: String,
    pub(super) access_token: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) refresh_token: Option<String>,
    /// Seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) expires_at: Option<u64>,
    /// What was asked for.
    #[serde(default)]
    pub(super) scope: String,
}

impl Grant {
    pub(super) fn load(store: &dyn TokenStore, server: &Url) -> io::Result<Option<Self>> {
        load(store, &name("tokens for", server.as_str()))
    }

    pub(super) fn save(&self, store: &dyn TokenStore, server: &Url) -> io::Result<()> {
        save(store, &name("tokens for", server.as_str()), Some(self))
    }

    /// With what came, from now on.
    pub(super) fn with(self, tokens: Tokens) -> Self {
        let ends = tokens.expires_in.map(|time| SystemTime::now() + time);
        Self {
            access_token: tokens.access_token,
            refresh_token: tokens.refresh_token.or(self.refresh_token),
            expires_at: ends.and_then(|ends| ends.duration_since(UNIX_EPOCH).ok()).map(|time| time.as_secs()),
            ..self
        }
    }

    /// Whether it ends so soon, if that was said.
    pub(super) fn ends_within(&self, time: Duration, now: SystemTime) -> bool {
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        self.expires_at.is_some_and(|ends| ends <= (now + time).as_secs())
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ends_within(Duration::ZERO, SystemTime::now())
    }
}

/// As whom the client is registered: kept by the issuer (R-AU-25).
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Registered {
    pub(super) registration: Registration,
    pub(super) redirect_uri: String,
}

impl Registered {
    pub(super) fn load(store: &dyn TokenStore, issuer: &str) -> io::Result<Option<Self>> {
        load(store, &name("client at", issuer))
    }

    pub(super) fn save(&self, store: &dyn TokenStore, issuer: &str) -> io::Result<()> {
        save(store, &name("client at", issuer), Some(self))
    }

    pub(super) fn forget(store: &dyn TokenStore, issuer: &str) -> io::Result<()> {
        save::<Self>(store, &name("client at", issuer), None)
    }
}

fn name(what: &str, url: &str) -> String {
    format!("{what} {url}")
}

/// What cannot be understood is as good as nothing: another version of this may have written it.
fn load<T: DeserializeOwned>(store: &dyn TokenStore, name: &str) -> io::Result<Option<T>> {
    Ok(store.load(name)?.and_then(|text| serde_json::from_str(text.expose()).ok()))
}

fn save<T: Serialize>(store: &dyn TokenStore, name: &str, kept: Option<&T>) -> io::Result<()> {
    let text = kept.map(serde_json::to_string).transpose()?.map(Secret::from);
    store.save(name, text.as_ref())
}
