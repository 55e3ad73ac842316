//! What a server tells without being asked, on its way to whom it concerns.

use std::collections::BTreeSet;
use std::sync::Mutex;

use mcp_core::jsonrpc::Members;
use mcp_core::types::{Change, JsonObject, Method, meta::SUBSCRIPTION_ID};
use mcp_sse_blocking::Told;
use serde::Deserialize;
use serde_json::value::{RawValue, to_raw_value};

use super::calls::{Nobody, Purpose};
use super::upstream::{Scope, Upstream, lock};
use super::watch::Watcher;

/// The sessions of the front, for what concerns all of them.
#[derive(Debug, Default)]
pub(super) struct Audience(Mutex<BTreeSet<u64>>);

impl Audience {
    pub(super) fn enter(&self, session: u64) {
        lock(&self.0).insert(session);
    }

    pub(super) fn leave(&self, session: u64) {
        lock(&self.0).remove(&session);
    }

    pub(super) fn is_empty(&self) -> bool {
        lock(&self.0).is_empty()
    }

    fn all(&self) -> Vec<u64> {
        lock(&self.0).iter().copied().collect()
    }
}

impl Upstream {
    /// Hands on what the server tells. Runs on the thread that reads it.
    pub(super) fn tell(&self, told: Told<'_>) {
        match told {
            Told::Log { level, logger, data } => match (self.calls.meant(Purpose::Tell), &self.scope) {
                (Ok((_, call)), _) => call.log(level, logger, data),
                (Err(Nobody::NoCall), Scope::Session(session)) => {
                    self.common.clients.log(*session, level, logger, data.to_owned());
                }
                (Err(_), _) => log::debug!("a log message is dropped: nobody knows whose it is"),
            },
            Told::Notification { method, params } => match Method::from_name(method) {
                Some(Method::NotificationsResourcesUpdated) => self.tell_of_resource(params),
                Some(method @ Method::NotificationsToolsListChanged) => {
                    self.tell_of_list(method, Change::Tools, params)
                }
                Some(method @ Method::NotificationsPromptsListChanged) => {
                    self.tell_of_list(method, Change::Prompts, params);
                }
                Some(method @ Method::NotificationsResourcesListChanged) => {
                    self.tell_of_list(method, Change::Resources, params);
                }
                Some(method @ Method::NotificationsElicitationComplete) => {
                    self.sessions().into_iter().for_each(|session| self.notify_session(session, method, params));
                }
                _ => log::debug!("`{method}` is not handed on"),
            },
            _ => {}
        }
    }

    fn tell_of_list(&self, method: Method, change: Change<'static>, params: Option<&RawValue>) {
        self.sessions().into_iter().for_each(|session| self.notify_session(session, method, params));
        for credential in self.watches.credentials() {
            self.common.clients.tell_listeners(credential, change.clone());
        }
    }

    fn tell_of_resource(&self, params: Option<&RawValue>) {
        #[derive(Deserialize)]
        struct Updated {
            uri: String,
        }
        let Some(Updated { uri }) = params.and_then(|params| serde_json::from_str(params.get()).ok()) else { return };
        let (mut sessions, mut credentials) = (BTreeSet::new(), BTreeSet::new());
        for watcher in self.watches.of(&uri) {
            match watcher {
                Watcher::Session(session) => drop(sessions.insert(session)),
                Watcher::Listener(_, credential) => drop(credentials.insert(credential)),
            }
        }
        for session in sessions {
            self.notify_session(session, Method::NotificationsResourcesUpdated, params);
        }
        for credential in credentials {
            self.common.clients.tell_listeners(credential, Change::Resource(uri.clone().into()));
        }
    }

    /// The sessions that what the server tells concerns.
    fn sessions(&self) -> Vec<u64> {
        match &self.scope {
            Scope::Session(session) => vec![*session],
            Scope::Everybody => self.common.audience.all(),
            Scope::Alone(_) => Vec::new(),
        }
    }

    fn notify_session(&self, session: u64, method: Method, params: Option<&RawValue>) {
        self.common.clients.tell(session, method, params.map(own));
    }
}

/// Without the id of the subscription, which is one between the bridge and the server.
fn own(params: &RawValue) -> Box<RawValue> {
    if !params.get().contains(SUBSCRIPTION_ID) {
        return params.to_owned();
    }
    let Some(mut members) = Members::of(params) else { return params.to_owned() };
    let meta = members.take("_meta").and_then(|meta| serde_json::from_str::<JsonObject>(meta.get()).ok());
    let meta = meta.map(|mut meta| {
        meta.remove(SUBSCRIPTION_ID);
        meta
    });
    let meta = meta.filter(|meta| !meta.is_empty()).and_then(|meta| to_raw_value(&meta).ok());
    if let Some(meta) = &meta {
        members.put("_meta", meta);
    }
    to_raw_value(&members).unwrap_or_else(|_| params.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_of_a_subscription_stays_where_it_was_given() {
        let taken = |text: &str| own(&RawValue::from_string(text.into()).unwrap()).get().to_owned();
        let id = "io.modelcontextprotocol/subscriptionId";
        assert_eq!(taken(&format!(r#"{{"uri":"a:b","_meta":{{"{id}":1}}}}"#)), r#"{"uri":"a:b"}"#);
        assert_eq!(taken(&format!(r#"{{"_meta":{{"{id}":1,"own/k":2}}}}"#)), r#"{"_meta":{"own/k":2}}"#);
        assert_eq!(taken(r#"{"_meta": {"own/k":2}}"#), r#"{"_meta": {"own/k":2}}"#);
    }
}
