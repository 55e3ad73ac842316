//! Which resources somebody wants to hear of, and the subscriptions to them.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex};

use mcp_core::types::SubscriptionFilter;
use mcp_core::types::subscriptions::is_same_or_inside;
use mcp_sse_blocking::{Client, Error, Filter, Subscription};

use super::upstream::lock;

/// Resources that one connection may be subscribed to. As many as a session of the front may be.
const RESOURCES: usize = 1024;

/// Who wants to hear.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Watcher {
    Session(u64),
    /// One that listens without a session, by its number, and what it authenticated with.
    Listener(u64, Option<Arc<[u8]>>),
}

/// The subscriptions of one connection.
#[derive(Debug, Default)]
pub(super) struct Watches {
    resources: Mutex<Resources>,
    /// To the lists, where each subscription is a request of its own.
    lists: Mutex<Option<Subscription>>,
}

#[derive(Debug, Default)]
struct Resources {
    watched: HashMap<String, Watched>,
    /// Who is there to hear, also of nothing but lists. Under the same lock: nothing is added for whoever was forgotten.
    listeners: BTreeSet<Watcher>,
}

#[derive(Debug)]
struct Watched {
    watchers: BTreeSet<Watcher>,
    /// What it tells is heard elsewhere, as it comes: held, it goes on.
    _subscription: Subscription,
}

impl Watches {
    /// A connection was made, perhaps in place of another.
    pub(super) fn begin(&self, client: &Client) {
        if !client.protocol_version().has_handshake() {
            *lock(&self.lists) = listen_to_lists(client);
        }
        let uris: Vec<String> = lock(&self.resources).watched.keys().cloned().collect();
        for uri in uris {
            match client.listen(Filter::new().resource(&uri)) {
                Ok(subscription) => {
                    if let Some(watched) = lock(&self.resources).watched.get_mut(&uri) {
                        watched._subscription = subscription;
                    }
                }
                Err(error) => log::info!("a resource could not be subscribed to again: {error}"),
            }
        }
    }

    /// Subscribes to a resource, unless somebody did.
    pub(super) fn add(&self, client: &Client, uri: String, watcher: Watcher) -> Result<(), Error> {
        let gone = || Error::Usage("nobody listens any more".into());
        let mut resources = lock(&self.resources);
        if !resources.listeners.contains(&watcher) {
            return Err(gone());
        }
        if let Some(watched) = resources.watched.get_mut(&uri) {
            watched.watchers.insert(watcher);
            return Ok(());
        }
        if resources.watched.len() >= RESOURCES {
            return Err(Error::Usage(format!("the bridge is subscribed to {RESOURCES} resources already")));
        }
        drop(resources);
        let subscription = client.listen(Filter::new().resource(&uri))?;
        let mut resources = lock(&self.resources);
        if !resources.listeners.contains(&watcher) {
            drop(resources);
            return Err(gone());
        }
        // Somebody else may have been faster: two are as good as one.
        let mut watchers = resources.watched.remove(&uri).map(|watched| watched.watchers).unwrap_or_default();
        watchers.insert(watcher);
        resources.watched.insert(uri, Watched { watchers, _subscription: subscription });
        Ok(())
    }

    /// Somebody does not want to hear of a resource any more.
    pub(super) fn remove(&self, uri: &str, watcher: &Watcher) {
        let mut resources = lock(&self.resources);
        let Some(watched) = resources.watched.get_mut(uri) else { return };
        watched.watchers.remove(watcher);
        let last = if watched.watchers.is_empty() { resources.watched.remove(uri) } else { None };
        drop(resources);
        drop(last);
    }

    /// Somebody does not want to hear of anything any more.
    pub(super) fn forget(&self, watcher: &Watcher) {
        let mut resources = lock(&self.resources);
        resources.listeners.remove(watcher);
        let uris: Vec<String> = resources.watched.keys().cloned().collect();
        drop(resources);
        uris.iter().for_each(|uri| self.remove(uri, watcher));
    }

    /// Somebody is there to hear, until it is [forgotten](Self::forget).
    pub(super) fn listens(&self, watcher: Watcher) {
        lock(&self.resources).listeners.insert(watcher);
    }

    /// Whether it is there.
    pub(super) fn knows(&self, watcher: &Watcher) -> bool {
        lock(&self.resources).listeners.contains(watcher)
    }

    /// Who wants to hear of a change of this resource.
    pub(super) fn of(&self, uri: &str) -> BTreeSet<Watcher> {
        let resources = lock(&self.resources);
        let about = resources.watched.iter().filter(|(watched, _)| is_same_or_inside(uri, watched));
        about.flat_map(|(_, watched)| watched.watchers.iter().cloned()).collect()
    }

    /// What those authenticated with who listen without a session, each once.
    pub(super) fn credentials(&self) -> BTreeSet<Option<Arc<[u8]>>> {
        let resources = lock(&self.resources);
        let credentials = resources.listeners.iter().filter_map(|listener| match listener {
            Watcher::Listener(_, credential) => Some(credential.clone()),
            Watcher::Session(_) => None,
        });
        credentials.collect()
    }

    /// Whether nobody wants to hear of anything.
    pub(super) fn is_empty(&self) -> bool {
        let resources = lock(&self.resources);
        resources.listeners.is_empty() && resources.watched.is_empty()
    }

    /// The connection is over.
    pub(super) fn clear(&self) {
        let (resources, lists) = (std::mem::take(&mut lock(&self.resources).watched), lock(&self.lists).take());
        drop((resources, lists));
    }
}

/// Asks to hear of changes of the lists that the server says it tells of.
fn listen_to_lists(client: &Client) -> Option<Subscription> {
    let mut filter = SubscriptionFilter::default();
    (filter.tools_list_changed, filter.prompts_list_changed, filter.resources_list_changed) = (true, true, true);
    let filter = filter.honoured_by(client.capabilities());
    if filter.is_empty() {
        return None;
    }
    client.listen(filter).map_err(|error| log::info!("nothing will be told of changes of lists: {error}")).ok()
}
