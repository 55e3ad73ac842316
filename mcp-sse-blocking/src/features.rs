//! What the features of a client share across its threads: what was kept, who listens, and who answers.
//!
//! Called by whoever reads a stream. Each lock guards one thing and is held only to look at it or change it; none is taken
//! while another is held, and none while a peer or a caller's code is waited for.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use mcp_core::jsonrpc::{self, Notification};
use mcp_core::revision::ProtocolVersion;
use mcp_core::types::subscriptions::{Change, NotificationMeta};
use mcp_core::types::{Implementation, LoggingLevel, Method, ResourceUpdatedParams, SubscriptionsAcknowledgedParams};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::cache::{Cache, CacheSize};
use crate::error::Error;
use crate::events::Hub;
use crate::feed::Feed;
use crate::input::{InputHandlers, Unanswered};
use crate::insight::Insight;
use crate::log_target;
use crate::retelling::Retelling;
use crate::unsubscribing::Unsubscribing;

/// Shared by everything that belongs to one client.
pub(crate) struct Features {
    pub(crate) input: InputHandlers,
    /// Who hears what comes unasked.
    pub(crate) events: Hub,
    /// What is seen of the client.
    pub(crate) insight: Arc<Insight>,
    /// Who asks, and in which revision, once that is known.
    server: OnceLock<(Implementation, ProtocolVersion)>,
    /// The level of log messages that was asked for, for sessions that follow.
    level: Mutex<Option<LoggingLevel>>,
    cache: Mutex<Cache>,
    /// Who listens. Subscriptions that are gone are left out the next time somebody looks.
    feeds: Mutex<Vec<Weak<Feed>>>,
    /// How many subscriptions there are to a resource, where each is a request of its own.
    watched: Mutex<HashMap<String, usize>>,
    /// Resources to be given up.
    pub(crate) unsubscribing: Unsubscribing,
    /// Whether a new session is being told what the lost one knew.
    pub(crate) retelling: Retelling,
    over: Mutex<bool>,
    ended: Condvar,
}

impl Features {
    pub(crate) fn new(input: InputHandlers, cache: CacheSize) -> Self {
        Self {
            input,
            events: Hub::default(),
            insight: Arc::default(),
            server: OnceLock::new(),
            level: Mutex::default(),
            cache: Mutex::new(Cache::new(cache)),
            feeds: Mutex::default(),
            watched: Mutex::default(),
            unsubscribing: Unsubscribing::default(),
            retelling: Retelling::default(),
            over: Mutex::default(),
            ended: Condvar::new(),
        }
    }

    /// The same; who listens is told of by this.
    pub(crate) fn told_by(self, events: Hub) -> Self {
        Self { events, ..self }
    }

    /// The same; what the client does is seen by this.
    pub(crate) fn seen_by(self, insight: Arc<Insight>) -> Self {
        Self { insight, ..self }
    }

    /// The session is open: this is who asks from now on.
    pub(crate) fn opened(&self, server: &Implementation, version: ProtocolVersion) {
        let _ = self.server.set((server.clone(), version));
    }

    /// The level of log messages that was asked for.
    pub(crate) fn level(&self) -> MutexGuard<'_, Option<LoggingLevel>> {
        lock(&self.level)
    }

    /// The session is over: whoever pauses goes on, and whoever listens hears why.
    pub(crate) fn end(&self, error: &Error) {
        *lock(&self.over) = true;
        self.ended.notify_all();
        for feed in self.feeds() {
            feed.session_ended(error);
        }
        self.events.end(error);
    }

    /// Waits, unless the session is over. False then.
    pub(crate) fn pause(&self, pause: Duration) -> bool {
        let over = lock(&self.over);
        let waited = self.ended.wait_timeout_while(over, pause, |over| !*over);
        !*waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// Answers what the server asks. Runs code of the caller's.
    ///
    /// # Errors
    ///
    /// What the server is told instead.
    pub(crate) fn answer(&self, method: Method, params: Option<&RawValue>) -> Result<Box<RawValue>, jsonrpc::Error> {
        self.ask(method, params).map_err(|why| {
            log::debug!(target: log_target::CLIENT, "`{}` is not answered: {why}", method.name());
            why.to_error()
        })
    }

    /// Asks the handlers.
    ///
    /// # Errors
    ///
    /// Why there is no answer.
    pub(crate) fn ask(&self, method: Method, params: Option<&RawValue>) -> Result<Box<RawValue>, Unanswered> {
        let nobody = (Implementation::new("", ""), ProtocolVersion::OLDEST);
        let (server, version) = self.server.get().unwrap_or(&nobody);
        self.input.answer(server, *version, method, params)
    }

    /// What was kept.
    pub(crate) fn cache(&self) -> MutexGuard<'_, Cache> {
        lock(&self.cache)
    }

    /// Takes in a notification that may tell of a change. `feed_of` gives the subscription that a request in flight is for.
    pub(crate) fn notified(&self, notification: &Notification<'_>, feed_of: impl FnOnce(u64) -> Option<Arc<Feed>>) {
        let params = notification.params.map_or("{}", |params| params.get());
        if Method::from_name(&notification.method) == Some(Method::NotificationsSubscriptionsAcknowledged) {
            let Ok(params) = serde_json::from_str::<SubscriptionsAcknowledgedParams<'_>>(params) else { return };
            if let Some(feed) = subscription_of(params.meta).and_then(feed_of) {
                feed.acknowledge(params.notifications);
            }
            return;
        }
        let Some((change, meta)) = change(&notification.method, params) else { return };
        self.cache().invalidate(&change);
        // Those with an id belong to one subscription, of several that may ask for the same (R-ST-41).
        match meta.as_ref().and_then(|meta| meta.subscription_id.as_ref()) {
            Some(id) => {
                if let Some(feed) = id.as_u64().and_then(feed_of) {
                    feed.offer(&change);
                }
            }
            None => self.tell(&change),
        }
    }

    /// Something may have changed: what is kept of it is stale, and all who asked for it are told.
    pub(crate) fn changed(&self, change: &Change<'_>) {
        self.cache().invalidate(change);
        self.tell(change);
    }

    fn tell(&self, change: &Change<'_>) {
        self.feeds().iter().for_each(|feed| feed.offer(change));
    }

    /// A stream of changes was lost and opened again: whatever is kept may be stale, and all who listen are told.
    pub(crate) fn missed(&self) {
        self.cache().clear();
        self.feeds().iter().for_each(|feed| feed.missed());
        self.events.missed();
    }

    /// Lets a subscription hear of changes.
    pub(crate) fn listen(&self, feed: &Arc<Feed>) {
        let mut feeds = lock(&self.feeds);
        feeds.retain(|feed| feed.strong_count() > 0);
        feeds.push(Arc::downgrade(feed));
    }

    fn feeds(&self) -> Vec<Arc<Feed>> {
        lock(&self.feeds).iter().filter_map(Weak::upgrade).collect()
    }

    /// Whether a subscription hears of changes as long as there is a session; others ask by a request of their own.
    pub(crate) fn has_feeds(&self) -> bool {
        self.feeds().iter().any(|feed| feed.is_of_session())
    }

    /// One more subscription to a resource. True when it is the first.
    pub(crate) fn watch(&self, uri: &str) -> bool {
        let mut watched = lock(&self.watched);
        let count = watched.entry(uri.to_owned()).or_default();
        *count += 1;
        *count == 1
    }

    /// One subscription to a resource less. True when it was the last.
    pub(crate) fn unwatch(&self, uri: &str) -> bool {
        let mut watched = lock(&self.watched);
        let Some(count) = watched.get_mut(uri) else { return false };
        *count -= 1;
        let was_last = *count == 0;
        if was_last {
            watched.remove(uri);
        }
        was_last
    }

    /// Whether somebody is subscribed to a resource.
    pub(crate) fn is_watched(&self, uri: &str) -> bool {
        lock(&self.watched).contains_key(uri)
    }

    /// The resources that somebody is subscribed to.
    pub(crate) fn watched(&self) -> Vec<String> {
        lock(&self.watched).keys().cloned().collect()
    }
}

/// The change that a notification tells of.
fn change<'a>(method: &str, params: &'a str) -> Option<(Change<'a>, Option<NotificationMeta<'a>>)> {
    #[derive(Deserialize, Default)]
    struct Bare<'a> {
        #[serde(rename = "_meta", borrow, default)]
        meta: Option<NotificationMeta<'a>>,
    }
    let change = match Method::from_name(method)? {
        Method::NotificationsToolsListChanged => Change::Tools,
        Method::NotificationsPromptsListChanged => Change::Prompts,
        Method::NotificationsResourcesListChanged => Change::Resources,
        Method::NotificationsResourcesUpdated => {
            let params: ResourceUpdatedParams<'a> = serde_json::from_str(params).ok()?;
            return Some((Change::Resource(params.uri), params.meta));
        }
        _ => return None,
    };
    // That something changed is said by the method alone.
    let Bare { meta } = serde_json::from_str(params).unwrap_or_default();
    Some((change, meta))
}

fn subscription_of(meta: Option<NotificationMeta<'_>>) -> Option<u64> {
    meta?.subscription_id?.as_u64()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use mcp_core::Limits;
    use mcp_core::jsonrpc::{Message, Payload, decode};
    use mcp_core::time::{Cause, Deadline, Instant};
    use serde_json::{Value, json};

    use super::*;
    use crate::cache::Key;
    use crate::feed::{self, Found};

    fn features() -> Features {
        Features::new(InputHandlers::default(), CacheSize::default())
    }

    fn feed() -> Arc<Feed> {
        let filter = json!({"toolsListChanged": true, "resourceSubscriptions": ["file:///a"]});
        Arc::new(Feed::new(serde_json::from_value(filter).unwrap(), 64, feed::EndedBy::Session))
    }

    fn notify(features: &Features, method: &str, params: Value, feeds: &[(u64, &Arc<Feed>)]) {
        let text = json!({"jsonrpc": "2.0", "method": method, "params": params}).to_string();
        let Ok(Payload::Message(Message::Notification(notification))) = decode(text.as_bytes(), &Limits::default())
        else {
            panic!("{text}")
        };
        let find = |id| feeds.iter().find(|(own, _)| *own == id).map(|(_, feed)| Arc::clone(feed));
        features.notified(&notification, find);
    }

    fn next(feed: &Feed) -> Option<feed::Change> {
        match feed.wait(Some(Deadline { at: Instant::ZERO, cause: Cause::Call })) {
            Found::Change(change) => Some(change),
            _ => None,
        }
    }

    #[test]
    fn a_notification_reaches_the_subscription_whose_id_it_has_and_no_other() {
        // R-ST-41, R-ST-44
        let (features, first, second) = (features(), feed(), feed());
        let feeds = [(1, &first), (2, &second)];
        for feed in [&first, &second] {
            features.listen(feed);
        }
        let id = |id: Value| json!({"_meta": {"io.modelcontextprotocol/subscriptionId": id}});
        notify(&features, "notifications/tools/list_changed", id(json!(2)), &feeds);
        assert_eq!((next(&first), next(&second)), (None, Some(feed::Change::Tools)));
        // Ids are compared with their type.
        notify(&features, "notifications/tools/list_changed", id(json!("2")), &feeds);
        notify(&features, "notifications/tools/list_changed", id(json!(3)), &feeds);
        assert_eq!((next(&first), next(&second)), (None, None));
    }

    #[test]
    fn a_notification_without_an_id_reaches_all_who_asked_for_it() {
        let (features, first, second) = (features(), feed(), feed());
        for feed in [&first, &second] {
            features.listen(feed);
        }
        notify(&features, "notifications/resources/updated", json!({"uri": "file:///a"}), &[]);
        let change = Some(feed::Change::Resource("file:///a".into()));
        assert_eq!((next(&first), next(&second)), (change.clone(), change));
        notify(&features, "notifications/resources/updated", json!({}), &[]);
        notify(&features, "notifications/prompts/list_changed", json!({}), &[]);
        assert_eq!((next(&first), next(&second)), (None, None));
    }

    #[test]
    fn an_acknowledgement_says_what_will_be_told() {
        // R-ST-40, R-ST-44
        let (features, feed) = (features(), feed());
        let params = json!({"notifications": {"toolsListChanged": true},
            "_meta": {"io.modelcontextprotocol/subscriptionId": 4}});
        notify(&features, "notifications/subscriptions/acknowledged", params, &[(4, &feed)]);
        let acknowledged = feed.acknowledged().unwrap();
        assert!(acknowledged.tools_list_changed && acknowledged.resource_subscriptions.is_empty());
    }

    #[test]
    fn a_change_makes_what_is_kept_stale_whether_or_not_somebody_listens() {
        // R-LM-61
        let features = features();
        let key = Key::page(Method::ToolsList, None);
        let keep = || {
            let ticket = features.cache().ticket();
            let page = serde_json::value::RawValue::from_string(r#"{"tools":[],"ttlMs":60000}"#.into()).unwrap();
            features.cache().keep(ticket, key.clone(), &page, Instant::ZERO);
            assert!(features.cache().find(&key, Instant::ZERO).is_some());
        };
        keep();
        notify(&features, "notifications/tools/list_changed", json!({}), &[]);
        assert!(features.cache().find(&key, Instant::ZERO).is_none());
        keep();
        features.missed();
        assert!(features.cache().find(&key, Instant::ZERO).is_none());
    }

    #[test]
    fn a_resource_is_watched_from_its_first_subscription_to_its_last() {
        let features = features();
        assert!(features.watch("a"));
        assert!(!features.watch("a"));
        assert_eq!(features.watched(), ["a"]);
        assert!(!features.unwatch("a"));
        assert!(features.unwatch("a"));
        assert!(!features.unwatch("a"));
        assert!(features.watched().is_empty());
    }

    #[test]
    fn subscriptions_that_are_gone_are_forgotten() {
        let features = features();
        for _ in 0..100 {
            features.listen(&feed());
        }
        assert!(lock(&features.feeds).len() <= 2);
    }
}
