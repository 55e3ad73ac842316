//! Lists and resources that were fetched and are still fresh (R-LM-57 to R-LM-62).
//!
//! A server of 2026-07-28 says with each list and each resource for how long it may be kept. Within that time the client
//! answers from here; a notification that something changed ends it at once. Nothing here knows the time or a thread: the
//! caller passes the time in, and holds the lock.
//!
//! A cache belongs to one client: what a server shows to one user is never shown to another (R-LM-59).

use std::collections::HashMap;
use std::sync::Arc;

use mcp_core::time::Instant;
use mcp_core::types::subscriptions::{Change, is_same_or_inside};
use mcp_core::types::{CacheHints, Method};
use serde_json::value::RawValue;

/// How much a client keeps of the lists and resources that it fetched. See [`Builder::cache`](crate::Builder::cache).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheSize {
    /// How many pages and resources. 256 by default: a program looks at a few lists of a few pages.
    pub entries: usize,
    /// Bytes of their JSON in all. 16 MiB by default: four of the largest messages.
    pub bytes: usize,
}

impl CacheSize {
    /// Keeps nothing: each list and each resource is fetched whenever it is asked for.
    pub const OFF: Self = Self { entries: 0, bytes: 0 };
}

impl Default for CacheSize {
    fn default() -> Self {
        Self { entries: 256, bytes: 16 << 20 }
    }
}

/// What was asked: the method, and the parameters that its answer depends on (R-LM-59).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    method: Method,
    /// The cursor of a page, or the URI of a resource. An empty cursor is a cursor (R-LM-85).
    about: Option<Box<str>>,
}

impl Key {
    /// A page of a list.
    pub(crate) fn page(method: Method, cursor: Option<&str>) -> Self {
        Self { method, about: cursor.map(Into::into) }
    }

    /// The contents of a resource.
    pub(crate) fn resource(uri: &str) -> Self {
        Self { method: Method::ResourcesRead, about: Some(uri.into()) }
    }

    fn bytes(&self) -> usize {
        self.about.as_ref().map_or(0, |about| about.len())
    }
}

/// Says that nothing had changed yet when a request was made: its result may be kept only if that is still so when it comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ticket(u64);

/// Results by what was asked.
#[derive(Debug)]
pub(crate) struct Cache {
    size: CacheSize,
    entries: HashMap<Key, Entry>,
    /// Of the JSON and the keys of all entries.
    bytes: usize,
    /// Counts uses, so that the entry that was not used for longest goes first.
    uses: u64,
    /// Counts invalidations, whatever they were of: they are rare, and a result that is not kept costs one more request.
    changes: u64,
}

#[derive(Debug)]
struct Entry {
    result: Arc<RawValue>,
    stale_at: Instant,
    used: u64,
}

impl Cache {
    pub(crate) fn new(size: CacheSize) -> Self {
        Self { size, entries: HashMap::new(), bytes: 0, uses: 0, changes: 0 }
    }

    /// The result, while it is fresh: before the very instant at which its time is over (R-LM-58).
    pub(crate) fn find(&mut self, key: &Key, now: Instant) -> Option<Arc<RawValue>> {
        let entry = self.entries.get_mut(key)?;
        if now >= entry.stale_at {
            self.remove(key);
            return None;
        }
        self.uses += 1;
        entry.used = self.uses;
        Some(Arc::clone(&entry.result))
    }

    /// To be taken before the request is sent.
    pub(crate) fn ticket(&self) -> Ticket {
        Ticket(self.changes)
    }

    /// Keeps a result that came at `received`, if its server allows it and nothing changed since `ticket` was taken.
    pub(crate) fn keep(&mut self, ticket: Ticket, key: Key, result: &RawValue, received: Instant) {
        let time_to_live = CacheHints::of(result).time_to_live();
        let bytes = key.bytes() + result.get().len();
        self.remove(&key);
        if ticket != self.ticket() || time_to_live.is_zero() || self.size.entries == 0 || bytes > self.size.bytes {
            return;
        }
        while self.entries.len() >= self.size.entries || self.bytes + bytes > self.size.bytes {
            self.make_room(received);
        }
        self.uses += 1;
        self.bytes += bytes;
        let entry = Entry { result: Arc::from(result.to_owned()), stale_at: received + time_to_live, used: self.uses };
        self.entries.insert(key, entry);
    }

    /// Something changed on the server: what was kept of it is stale at once (R-LM-61).
    pub(crate) fn invalidate(&mut self, change: &Change<'_>) {
        self.changes += 1;
        self.drop_all(|key| match change {
            Change::Tools => key.method == Method::ToolsList,
            Change::Prompts => key.method == Method::PromptsList,
            Change::Resources => matches!(key.method, Method::ResourcesList | Method::ResourcesTemplatesList),
            // Of a directory both its own contents and those of what is in it may be another's part (R-FS-29).
            Change::Resource(uri) => {
                let about = key.about.as_deref().unwrap_or_default();
                key.method == Method::ResourcesRead && (is_same_or_inside(uri, about) || is_same_or_inside(about, uri))
            }
        });
    }

    /// Drops all pages of a list: one of its cursors is not valid any more (R-LM-62).
    pub(crate) fn drop_list(&mut self, method: Method) {
        self.changes += 1;
        self.drop_all(|key| key.method == method);
    }

    /// Drops everything: changes may have been missed.
    pub(crate) fn clear(&mut self) {
        self.changes += 1;
        self.drop_all(|_| true);
    }

    fn drop_all(&mut self, is_stale: impl Fn(&Key) -> bool) {
        let bytes = &mut self.bytes;
        self.entries.retain(|key, entry| {
            let stays = !is_stale(key);
            if !stays {
                *bytes -= key.bytes() + entry.result.get().len();
            }
            stays
        });
    }

    fn remove(&mut self, key: &Key) {
        if let Some(entry) = self.entries.remove(key) {
            self.bytes -= key.bytes() + entry.result.get().len();
        }
    }

    /// Drops what is stale; when nothing is, what was not used for longest. Looks at all entries, which are few.
    fn make_room(&mut self, now: Instant) {
        let before = self.entries.len();
        let bytes = &mut self.bytes;
        self.entries.retain(|key, entry| {
            let stays = now < entry.stale_at;
            if !stays {
                *bytes -= key.bytes() + entry.result.get().len();
            }
            stays
        });
        if self.entries.len() == before {
            let oldest = self.entries.iter().min_by_key(|(_, entry)| entry.used).map(|(key, _)| key.clone());
            if let Some(oldest) = oldest {
                self.remove(&oldest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const LIST: Method = Method::ToolsList;

    fn at(millis: u64) -> Instant {
        Instant::from_elapsed(Duration::from_millis(millis))
    }

    fn json(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.into()).unwrap()
    }

    fn lasting(millis: i64) -> Box<RawValue> {
        json(&format!(r#"{{"tools":[],"ttlMs":{millis},"cacheScope":"private"}}"#))
    }

    fn keep(cache: &mut Cache, key: Key, result: &RawValue, now: Instant) {
        let ticket = cache.ticket();
        cache.keep(ticket, key, result, now);
    }

    fn cache() -> Cache {
        Cache::new(CacheSize::default())
    }

    #[test]
    fn a_result_is_fresh_until_its_time_is_over_and_not_at_that_instant() {
        // R-LM-58
        let mut cache = cache();
        keep(&mut cache, Key::page(LIST, None), &lasting(1000), at(5));
        assert!(cache.find(&Key::page(LIST, None), at(1004)).is_some());
        assert!(cache.find(&Key::page(LIST, None), at(1005)).is_none());
        assert!(cache.entries.is_empty() && cache.bytes == 0);
    }

    #[test]
    fn what_is_stale_from_the_start_is_not_kept() {
        // R-LM-58
        let mut cache = cache();
        for result in [lasting(0), lasting(-1), json(r#"{"tools":[]}"#), json(r#"{"ttlMs":"1000"}"#)] {
            keep(&mut cache, Key::page(LIST, None), &result, at(0));
            assert!(cache.find(&Key::page(LIST, None), at(0)).is_none(), "{result}");
        }
    }

    #[test]
    fn a_stale_answer_takes_the_place_of_a_fresh_one() {
        let mut cache = cache();
        keep(&mut cache, Key::page(LIST, None), &lasting(1000), at(0));
        keep(&mut cache, Key::page(LIST, None), &lasting(0), at(1));
        assert!(cache.find(&Key::page(LIST, None), at(2)).is_none());
    }

    #[test]
    fn another_method_cursor_or_resource_is_another_question() {
        // R-LM-59; an empty cursor is a cursor (R-LM-85).
        let mut cache = cache();
        keep(&mut cache, Key::page(LIST, None), &lasting(1000), at(0));
        keep(&mut cache, Key::resource("file:///a"), &lasting(1000), at(0));
        for other in [
            Key::page(LIST, Some("")),
            Key::page(LIST, Some("2")),
            Key::page(Method::PromptsList, None),
            Key::resource("file:///A"),
            Key::page(LIST, Some("file:///a")),
        ] {
            assert!(cache.find(&other, at(1)).is_none(), "{other:?}");
        }
    }

    #[test]
    fn a_change_makes_what_it_is_about_stale_at_once_and_nothing_else() {
        // R-LM-61
        let about = [
            Key::page(Method::ToolsList, Some("2")),
            Key::page(Method::PromptsList, None),
            Key::page(Method::ResourcesList, None),
            Key::page(Method::ResourcesTemplatesList, None),
            Key::resource("file:///a"),
            Key::resource("file:///a/b"),
            Key::resource("file:///ab"),
        ];
        let after = |change: Change<'_>| {
            let mut cache = cache();
            for key in &about {
                keep(&mut cache, key.clone(), &lasting(1000), at(0));
            }
            cache.invalidate(&change);
            about.iter().map(|key| u8::from(cache.find(key, at(1)).is_some())).collect::<Vec<_>>()
        };
        assert_eq!(after(Change::Tools), [0, 1, 1, 1, 1, 1, 1]);
        assert_eq!(after(Change::Prompts), [1, 0, 1, 1, 1, 1, 1]);
        assert_eq!(after(Change::Resources), [1, 1, 0, 0, 1, 1, 1]);
        // A directory and what is in it belong together (R-FS-29).
        assert_eq!(after(Change::Resource("file:///a".into())), [1, 1, 1, 1, 0, 0, 1]);
        assert_eq!(after(Change::Resource("file:///a/b".into())), [1, 1, 1, 1, 0, 0, 1]);
    }

    #[test]
    fn a_result_that_was_on_its_way_when_something_changed_is_not_kept() {
        // R-LM-61: it may have been written before the change.
        let mut cache = cache();
        let ticket = cache.ticket();
        cache.invalidate(&Change::Tools);
        cache.keep(ticket, Key::page(LIST, None), &lasting(1000), at(0));
        assert!(cache.find(&Key::page(LIST, None), at(1)).is_none());
    }

    #[test]
    fn a_bad_cursor_drops_all_pages_of_its_list() {
        // R-LM-62
        let mut cache = cache();
        keep(&mut cache, Key::page(LIST, None), &lasting(1000), at(0));
        keep(&mut cache, Key::page(LIST, Some("2")), &lasting(1000), at(0));
        keep(&mut cache, Key::page(Method::PromptsList, None), &lasting(1000), at(0));
        cache.drop_list(LIST);
        assert!(cache.find(&Key::page(LIST, None), at(1)).is_none());
        assert!(cache.find(&Key::page(LIST, Some("2")), at(1)).is_none());
        assert!(cache.find(&Key::page(Method::PromptsList, None), at(1)).is_some());
    }

    #[test]
    fn at_its_bound_the_entry_that_was_not_used_for_longest_goes() {
        let mut cache = Cache::new(CacheSize { entries: 2, bytes: 1 << 20 });
        for page in ["1", "2"] {
            keep(&mut cache, Key::page(LIST, Some(page)), &lasting(1000), at(0));
        }
        assert!(cache.find(&Key::page(LIST, Some("1")), at(1)).is_some());
        keep(&mut cache, Key::page(LIST, Some("3")), &lasting(1000), at(2));
        assert!(cache.find(&Key::page(LIST, Some("2")), at(3)).is_none());
        assert!(cache.find(&Key::page(LIST, Some("1")), at(3)).is_some());
        assert!(cache.find(&Key::page(LIST, Some("3")), at(3)).is_some());
    }

    #[test]
    fn what_is_stale_makes_room_first() {
        let mut cache = Cache::new(CacheSize { entries: 2, bytes: 1 << 20 });
        keep(&mut cache, Key::page(LIST, Some("old")), &lasting(5000), at(0));
        keep(&mut cache, Key::page(LIST, Some("short")), &lasting(10), at(0));
        keep(&mut cache, Key::page(LIST, Some("new")), &lasting(5000), at(100));
        assert!(cache.find(&Key::page(LIST, Some("old")), at(101)).is_some());
        assert!(cache.find(&Key::page(LIST, Some("new")), at(101)).is_some());
    }

    #[test]
    fn bytes_are_bounded_too() {
        let result = lasting(1000);
        let size = result.get().len() + 1;
        for (bytes, kept) in [(size - 1, [false, false]), (2 * size - 1, [false, true]), (2 * size, [true, true])] {
            let mut cache = Cache::new(CacheSize { entries: 9, bytes });
            keep(&mut cache, Key::page(LIST, Some("1")), &result, at(0));
            keep(&mut cache, Key::page(LIST, Some("2")), &result, at(0));
            let found = ["1", "2"].map(|page| cache.find(&Key::page(LIST, Some(page)), at(1)).is_some());
            assert_eq!(found, kept, "{bytes}");
            assert!(cache.bytes <= bytes);
        }
    }

    #[test]
    fn a_cache_that_is_off_keeps_nothing() {
        let mut cache = Cache::new(CacheSize::OFF);
        keep(&mut cache, Key::page(LIST, None), &lasting(1000), at(0));
        assert!(cache.find(&Key::page(LIST, None), at(1)).is_none());
    }
}
