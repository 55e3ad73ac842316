//! What a server tells without being asked, on its way to whom it concerns.

use std::collections::{BTreeSet, VecDeque};
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

/// Pages that are remembered, and bytes of the id of each.
const PAGES: usize = 1024;
const PAGE_ID: usize = 1024;

/// Which session was sent to which page: who else hears that it is done learns of it.
#[derive(Debug, Default)]
pub(super) struct Pages(Mutex<VecDeque<(String, u64)>>);

#[derive(Deserialize)]
struct Page {
    #[serde(rename = "elicitationId")]
    id: String,
}

impl Pages {
    /// A session is asked with these parameters.
    pub(super) fn asked(&self, session: u64, params: Option<&RawValue>) {
        if let Some(page) = params.and_then(|params| serde_json::from_str(params.get()).ok()) {
            self.sent(session, page);
        }
    }

    /// A session is refused with this, until its user has been there.
    pub(super) fn refused(&self, session: u64, data: Option<&RawValue>) {
        #[derive(Deserialize)]
        struct Required {
            elicitations: Vec<Page>,
        }
        let required = data.and_then(|data| serde_json::from_str::<Required>(data.get()).ok());
        for page in required.into_iter().flat_map(|required| required.elicitations) {
            self.sent(session, page);
        }
    }

    fn sent(&self, session: u64, page: Page) {
        if page.id.len() > PAGE_ID {
            return;
        }
        let mut pages = lock(&self.0);
        pages.retain(|(id, _)| *id != page.id);
        if pages.len() >= PAGES {
            pages.pop_front();
        }
        pages.push_back((page.id, session));
    }

    /// Whose page is done.
    fn done(&self, params: Option<&RawValue>) -> Option<u64> {
        let Page { id } = params.and_then(|params| serde_json::from_str(params.get()).ok())?;
        let mut pages = lock(&self.0);
        let at = pages.iter().position(|(known, _)| *known == id)?;
        pages.remove(at).map(|(_, session)| session)
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
                    let session = match &self.scope {
                        Scope::Session(session) => Some(*session),
                        Scope::Everybody => self.pages.done(params),
                        Scope::Alone(_) => None,
                    };
                    match session {
                        Some(session) => self.notify_session(session, method, params),
                        None => log::debug!("`{}` is dropped: nobody knows whose it is", method.name()),
                    }
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
    fn only_who_was_sent_to_a_page_hears_that_it_is_done() {
        let pages = Pages::default();
        let json = |text: &str| RawValue::from_string(text.into()).unwrap();
        pages.asked(1, Some(&json(r#"{"mode":"url","elicitationId":"a","url":"https://a.example"}"#)));
        pages.asked(1, Some(&json(r#"{"message":"a form"}"#)));
        pages.refused(2, Some(&json(r#"{"elicitations":[{"elicitationId":"b"},{"elicitationId":"c"}]}"#)));
        let done = |id: &str| pages.done(Some(&json(&format!(r#"{{"elicitationId":"{id}"}}"#))));
        assert_eq!(["a", "b", "c", "d", "a"].map(done), [Some(1), Some(2), Some(2), None, None]);
        assert_eq!(pages.done(None), None);
        for number in 0..=PAGES {
            pages.sent(3, Page { id: number.to_string() });
        }
        assert_eq!((done("0"), done("1")), (None, Some(3)), "the oldest is forgotten");
    }

    #[test]
    fn the_id_of_a_subscription_stays_where_it_was_given() {
        let taken = |text: &str| own(&RawValue::from_string(text.into()).unwrap()).get().to_owned();
        let id = "io.modelcontextprotocol/subscriptionId";
        assert_eq!(taken(&format!(r#"{{"uri":"a:b","_meta":{{"{id}":1}}}}"#)), r#"{"uri":"a:b"}"#);
        assert_eq!(taken(&format!(r#"{{"_meta":{{"{id}":1,"own/k":2}}}}"#)), r#"{"_meta":{"own/k":2}}"#);
        assert_eq!(taken(r#"{"_meta": {"own/k":2}}"#), r#"{"_meta": {"own/k":2}}"#);
    }
}
