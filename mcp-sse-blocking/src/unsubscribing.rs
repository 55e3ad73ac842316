//! Resources that nobody listens to any more: the server is told, and nobody waits for it.
//!
//! The thread `mcp-unsubscribe` does it, one resource after the other. There is one for each client, and it ends when nothing is left
//! to be told: a server that answers subscriptions and withholds the rest would otherwise have a thread for each.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mcp_core::types::{Method, subscriptions};

use crate::engine::Engine;
use crate::log_target;
use crate::pending::Want;

/// How long the server is given to hear that nobody listens to a resource any more.
const UNSUBSCRIBE_TIME: Duration = Duration::from_secs(10);

/// Resources that wait. 1024: as many as a session may be subscribed to. What is dropped beyond that a server goes on to tell of.
const WAITING: usize = 1024;

/// What the server has to be told.
#[derive(Debug, Default)]
pub(crate) struct Unsubscribing(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    uris: VecDeque<String>,
    /// There is a thread that takes them.
    is_told: bool,
}

/// What became of resources to be given up.
#[derive(Debug, PartialEq, Eq)]
struct Added {
    /// A thread is to be started.
    begins: bool,
    dropped: usize,
}

impl Unsubscribing {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, uris: Vec<String>) -> Added {
        let mut state = self.state();
        let mut dropped = 0;
        for uri in uris {
            if state.uris.contains(&uri) {
                continue;
            }
            if state.uris.len() == WAITING {
                dropped += 1;
            } else {
                state.uris.push_back(uri);
            }
        }
        let begins = !state.is_told && !state.uris.is_empty();
        state.is_told |= begins;
        Added { begins, dropped }
    }

    /// The next one; without one the thread ends.
    fn next(&self) -> Option<String> {
        let mut state = self.state();
        let next = state.uris.pop_front();
        state.is_told = next.is_some();
        next
    }

    fn end(&self) {
        *self.state() = State::default();
    }
}

impl Engine {
    /// Tells the server that nobody listens to these resources any more, on a thread for it: whoever drops a subscription does not
    /// wait for a server.
    pub(crate) fn unsubscribe_soon(&self, uris: Vec<String>) {
        let Some(engine) = self.arc().filter(|engine| engine.ended().is_none()) else { return };
        let Added { begins, dropped } = self.features.unsubscribing.add(uris);
        if dropped > 0 {
            self.warn(format_args!("{dropped} resources stay subscribed to: {WAITING} wait to be given up already"));
        }
        if !begins {
            return;
        }
        let spawned = self.background.spawn("mcp-unsubscribe", move || {
            while let Some(uri) = engine.features.unsubscribing.next() {
                if engine.ended().is_some() {
                    return engine.features.unsubscribing.end();
                }
                engine.unsubscribe(&uri);
            }
        });
        if let Err(error) = spawned {
            self.features.unsubscribing.end();
            log::error!(target: log_target::CLIENT, "no thread to unsubscribe on: {error}");
        }
    }

    fn unsubscribe(&self, uri: &str) {
        // Somebody may have subscribed again meanwhile.
        if self.features.is_watched(uri) {
            return;
        }
        let want = Want::within(Some(UNSUBSCRIBE_TIME));
        if let Err(error) = self.subscribe(Method::ResourcesUnsubscribe, uri, &want) {
            log::debug!(target: log_target::CLIENT, "a resource could not be unsubscribed from: {error}");
        }
        self.subscribe_again(uri, &want);
    }

    /// Somebody may have subscribed to a resource while it was being given up, and the server may have taken the two in either
    /// order: it is asked once more, and the resource counts as changed.
    fn subscribe_again(&self, uri: &str, want: &Want) {
        if !self.features.is_watched(uri) {
            return;
        }
        match self.subscribe(Method::ResourcesSubscribe, uri, want) {
            Ok(()) => self.features.changed(&subscriptions::Change::Resource(uri.into())),
            Err(error) => self.warn(format_args!("a resource could not be subscribed to again: {error}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uris(numbers: std::ops::Range<usize>) -> Vec<String> {
        numbers.map(|number| number.to_string()).collect()
    }

    #[test]
    fn one_thread_takes_what_waits_and_the_next_begins_when_it_has_ended() {
        let unsubscribing = Unsubscribing::default();
        assert_eq!(unsubscribing.add(Vec::new()), Added { begins: false, dropped: 0 });
        assert_eq!(unsubscribing.add(uris(0..2)), Added { begins: true, dropped: 0 });
        assert_eq!(unsubscribing.add(uris(1..3)), Added { begins: false, dropped: 0 });
        let taken: Vec<String> = std::iter::from_fn(|| unsubscribing.next()).collect();
        assert_eq!(taken, ["0", "1", "2"]);
        assert_eq!(unsubscribing.add(uris(0..1)), Added { begins: true, dropped: 0 });
    }

    #[test]
    fn what_waits_is_bounded() {
        let unsubscribing = Unsubscribing::default();
        assert_eq!(unsubscribing.add(uris(0..WAITING)).dropped, 0);
        assert_eq!(unsubscribing.add(uris(0..WAITING + 1)), Added { begins: false, dropped: 1 });
        assert_eq!(unsubscribing.state().uris.len(), WAITING);
    }
}
