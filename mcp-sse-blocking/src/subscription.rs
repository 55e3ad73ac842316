//! Changes of the server, behind one iterator in every revision.
//!
//! | Revision | Lists | Resources |
//! | --- | --- | --- |
//! | with a handshake | notifications that servers send to all sessions | `resources/subscribe`, once for each URI |
//! | 2026-07-28 | `subscriptions/listen`: a request whose answer is a stream (R-ST-39) | the same |
//!
//! A stream of changes that breaks is asked for again, at growing intervals, and the subscription then says that changes may
//! have been missed (R-ST-45).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use mcp_core::jsonrpc::code;
use mcp_core::time::{Cause, Deadline};
use mcp_core::types::{JsonObject, Method, SubscribeParams, SubscriptionFilter, SubscriptionsListenParams};
use serde_json::value::RawValue;

use crate::backoff::Backoff;
use crate::client::{Client, raw};
use crate::clock;
use crate::engine::Engine;
use crate::error::{Delivery, Error, Timeout};
use crate::feed::{Change, End, EndedBy, Feed, Found};
use crate::log_target;
use crate::pending::{Pending, Repeat, Want};

/// What a [subscription](Client::listen) is about.
///
/// ```
/// use mcp_sse_blocking::Filter;
///
/// let filter = Filter::new().tools().resource("file:///home/ada/notes.txt");
/// # drop(filter);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter(SubscriptionFilter);

impl Filter {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Changes of the list of tools.
    pub fn tools(mut self) -> Self {
        self.0.tools_list_changed = true;
        self
    }

    /// Changes of the list of prompts.
    pub fn prompts(mut self) -> Self {
        self.0.prompts_list_changed = true;
        self
    }

    /// Changes of the lists of resources and templates.
    pub fn resources(mut self) -> Self {
        self.0.resources_list_changed = true;
        self
    }

    /// Changes of one resource, or of what is inside of it (R-FS-29). May be called several times.
    pub fn resource(mut self, uri: impl Into<String>) -> Self {
        let uri = uri.into();
        if !self.0.resource_subscriptions.contains(&uri) {
            self.0.resource_subscriptions.push(uri);
        }
        self
    }
}

impl From<SubscriptionFilter> for Filter {
    fn from(filter: SubscriptionFilter) -> Self {
        Self(filter)
    }
}

/// Changes of the server, as they are told: an iterator that waits for the next one.
///
/// It ends when the server ends it or the client is closed; an error is the last item. What is not looked at waits: each
/// change once, 1024 of them, and [`Change::Missed`] says how many were dropped. Dropping it ends the subscription; it keeps
/// the client open.
pub struct Subscription {
    feed: Arc<Feed>,
    way: Way,
    client: Client,
}

/// How the server was asked.
enum Way {
    /// By one request, whose thread ends with it.
    Request { _job: Pending },
    /// By one request for each of these resources, and for lists not at all.
    Session { uris: Vec<String> },
}

impl Client {
    /// Asks the server to tell of changes. Blocks until the server has said what it will tell of, for `call_timeout` at most.
    ///
    /// Several subscriptions may be open at once. Over Streamable HTTP each has a connection: with a handshake all share the
    /// one of the session, in 2026-07-28 each has its own and a thread that reads it.
    ///
    /// ```no_run
    /// use mcp_sse_blocking::{Change, Client, Filter};
    ///
    /// let client = Client::connect("http://localhost:8000/mcp")?;
    /// for change in client.listen(Filter::new().tools())? {
    ///     match change? {
    ///         Change::Tools | Change::Missed(_) => println!("{} tools now", client.tools().count()),
    ///         _ => {}
    ///     }
    /// }
    /// # Ok::<(), mcp_sse_blocking::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Rpc`] when the server refuses; [`Error::Timeout`] when it does not say in time what it will tell of;
    /// [`Error::Usage`] for a filter that asks for nothing.
    pub fn listen(&self, filter: impl Into<Filter>) -> Result<Subscription, Error> {
        let Filter(filter) = filter.into();
        if filter.is_empty() {
            return Err(Error::Usage("a subscription to nothing would never have anything to tell".into()));
        }
        let by_session = self.protocol_version().has_handshake();
        let ended_by = if by_session { EndedBy::Session } else { EndedBy::Request };
        let feed = Arc::new(Feed::new(filter.clone(), self.engine().limits.uri_bytes, ended_by));
        self.engine().features.listen(&feed);
        if by_session { self.subscribe(feed, filter) } else { self.open(feed, filter) }
    }

    /// By `subscriptions/listen`.
    fn open(&self, feed: Arc<Feed>, filter: SubscriptionFilter) -> Result<Subscription, Error> {
        let engine = self.engine();
        let params = raw(&SubscriptionsListenParams { notifications: filter })?;
        let want = Want { feed: Some(Arc::clone(&feed)), ..Want::within(None) };
        let own = Arc::clone(&feed);
        let job = engine.start(want, move |engine, want| {
            own.end(keep_listening(engine, want, &own, &params));
            Ok(RawValue::NULL.to_owned())
        })?;
        let timeout = engine.call_timeout;
        let deadline = timeout.map(|timeout| Deadline::after(clock::now(), timeout, Cause::Call));
        match feed.wait_acknowledged(deadline) {
            Some(acknowledged) => acknowledged?,
            None => {
                feed.end(End::Over);
                let (cause, delivery) = (Cause::Call, Delivery::Sent);
                return Err(Error::Timeout(Timeout { cause, after: timeout, delivery }));
            }
        }
        Ok(Subscription { feed, way: Way::Request { _job: job }, client: self.clone() })
    }

    /// By the means of a session: of what it did not declare a server is not asked (R-LM-26).
    fn subscribe(&self, feed: Arc<Feed>, filter: SubscriptionFilter) -> Result<Subscription, Error> {
        let engine = self.engine();
        engine.want_stream();
        let honoured = filter.honoured_by(self.capabilities());
        let uris = honoured.resource_subscriptions.clone();
        let new: Vec<String> = uris.iter().filter(|uri| engine.features.watch(uri)).cloned().collect();
        // From here on, dropping it takes back what was asked.
        let subscription = Subscription { feed, way: Way::Session { uris }, client: self.clone() };
        for uri in &new {
            engine.subscribe(Method::ResourcesSubscribe, uri, &Want::within(engine.call_timeout))?;
        }
        subscription.feed.acknowledge(honoured);
        Ok(subscription)
    }
}

impl Subscription {
    /// What the server said it will tell of: what was asked for, or a part of it (R-ST-44). Empty when it will say nothing.
    pub fn acknowledged(&self) -> SubscriptionFilter {
        self.feed.acknowledged().unwrap_or_default()
    }

    /// The next change, if it comes within `timeout`. `None` also when the subscription is over: see
    /// [`is_over`](Self::is_over).
    ///
    /// # Errors
    ///
    /// Why the subscription failed, once.
    pub fn next_within(&mut self, timeout: Duration) -> Result<Option<Change>, Error> {
        match self.feed.wait(Some(Deadline::after(clock::now(), timeout, Cause::Call))) {
            Found::Change(change) => Ok(Some(change)),
            Found::Nothing => Ok(None),
            Found::End(end) => end.map(|()| None),
        }
    }

    /// Whether nothing more comes but what waits already.
    pub fn is_over(&self) -> bool {
        self.feed.has_ended()
    }

    /// A way to end it from another thread: whoever waits for the next change finds that it is over.
    pub fn stopper(&self) -> Stopper {
        Stopper(Arc::clone(&self.feed))
    }
}

/// Ends a [`Subscription`] from another thread. Keeps neither it nor the client.
#[derive(Clone)]
pub struct Stopper(Arc<Feed>);

impl Stopper {
    /// Ends it: what waits already is still told, and nothing after that. The server hears of it when the subscription is dropped.
    pub fn stop(&self) {
        self.0.end(End::Over);
    }
}

impl fmt::Debug for Stopper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stopper").finish_non_exhaustive()
    }
}

impl Iterator for Subscription {
    type Item = Result<Change, Error>;

    /// Waits for the next change; `None` when the subscription is over.
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.feed.wait(None) {
                Found::Change(change) => return Some(Ok(change)),
                Found::End(Ok(())) => return None,
                Found::End(Err(error)) => return Some(Err(error)),
                // There is no deadline.
                Found::Nothing => {}
            }
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.feed.end(End::Over);
        if let Way::Session { uris } = &mut self.way {
            let last: Vec<String> = {
                let features = &self.client.engine().features;
                uris.drain(..).filter(|uri| features.unwatch(uri)).collect()
            };
            self.client.engine().unsubscribe_soon(last);
        }
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").field("acknowledged", &self.acknowledged()).finish_non_exhaustive()
    }
}

impl Engine {
    /// Asks for a resource to be watched, or not any more.
    pub(crate) fn subscribe(&self, method: Method, uri: &str, want: &Want) -> Result<(), Error> {
        let want = Want { repeat: Repeat::Safe, ..want.clone() };
        let params = SubscribeParams { uri: uri.into() };
        self.request(method.name(), &params, &want, None, |result| {
            crate::client::read::<JsonObject>(method.name(), result).map(drop)
        })
    }
}

/// The one loop of a subscription by request: asks, and asks again when the stream breaks.
fn keep_listening(engine: &Engine, want: &Want, feed: &Feed, params: &RawValue) -> End {
    let mut backoff = Backoff::default();
    loop {
        let (before, begun) = (feed.acknowledgements(), clock::now());
        let outcome = engine.request(Method::SubscriptionsListen.name(), params, want, None, |_| Ok(()));
        let Err(error) = outcome else { return End::Over };
        if feed.has_ended() || matches!(error, Error::Closed(_)) {
            return End::Over;
        }
        let acknowledged = feed.acknowledgements();
        let stood = (acknowledged > before).then(|| clock::now().since(begun));
        let next = backoff.after(stood).filter(|_| acknowledged > 0 && is_passing(&error) && engine.ended().is_none());
        let Some(pause) = next else { return End::Failed(error) };
        // What changes until the stream stands again is not told.
        engine.features.cache().clear();
        log::debug!(target: log_target::CLIENT, "a stream of changes broke; asking for it again in {pause:?}: {error}");
        if !feed.pause(pause) {
            return End::Over;
        }
    }
}

/// Whether it may be otherwise the next time.
fn is_passing(error: &Error) -> bool {
    match error {
        Error::StreamEnded(_) | Error::Transport(_) | Error::Timeout(_) | Error::Exited(_) => true,
        Error::Status(status) => matches!(status.code, 408 | 425 | 429 | 500..),
        // What a server says that has too many streams open (R-ST-46).
        Error::Rpc(error) => error.code == code::INTERNAL_ERROR,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_is_asked_for_once() {
        let Filter(filter) = Filter::new().resource("file:///a").resource("file:///b").resource("file:///a");
        assert_eq!(filter.resource_subscriptions, ["file:///a", "file:///b"]);
    }
}
