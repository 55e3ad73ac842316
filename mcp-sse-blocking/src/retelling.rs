//! What a session that was lost knew, told to the next one: the level of log messages and the subscriptions.
//!
//! The thread `mcp-subscribe` does it. There is one for each client, however fast sessions follow one another: what a server forgets
//! that it is told would otherwise be told by more and more threads, each of which makes it open sessions for all the others. A server
//! that forgets the session while it is told is left alone for longer and longer.

use std::sync::{Mutex, MutexGuard, PoisonError};

use mcp_core::types::{Method, SetLevelParams};

use crate::engine::Engine;
use crate::error::Error;
use crate::log_target;
use crate::pending::{Repeat, Want};

/// Whether a new session is being told.
#[derive(Debug, Default)]
pub(crate) struct Retelling(Mutex<Stage>);

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Idle,
    Telling,
    /// There is another session since that began.
    Outdated,
}

impl Retelling {
    fn stage(&self) -> MutexGuard<'_, Stage> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// There is a new session. True when a thread is to be started that tells it.
    fn begins(&self) -> bool {
        let mut stage = self.stage();
        let before = *stage;
        *stage = if before == Stage::Idle { Stage::Telling } else { Stage::Outdated };
        before == Stage::Idle
    }

    /// Whether what is told reaches a session that is not the newest any more.
    fn is_outdated(&self) -> bool {
        *self.stage() == Stage::Outdated
    }

    /// All was told. True when there is another session to be told all of it.
    fn goes_on(&self) -> bool {
        let mut stage = self.stage();
        *stage = if *stage == Stage::Outdated { Stage::Telling } else { Stage::Idle };
        *stage == Stage::Telling
    }

    fn ends(&self) {
        *self.stage() = Stage::Idle;
    }
}

/// What became of telling a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    All,
    /// Another session took its place meanwhile.
    InVain,
}

impl Engine {
    /// A new session took the place of a lost one: it is told what that knew, on a thread of its own, and all who listen are told
    /// that changes may have been missed.
    pub(crate) fn session_renewed(&self) {
        self.insight().reconnected();
        self.features.missed();
        let knew_something = self.features.level().is_some() || !self.features.watched().is_empty();
        let Some(engine) = self.arc().filter(|_| knew_something) else { return };
        if !self.features.retelling.begins() {
            return;
        }
        let spawned = self.background.spawn("mcp-subscribe", move || engine.retell());
        if let Err(error) = spawned {
            self.features.retelling.ends();
            log::error!(target: log_target::CLIENT, "no thread to subscribe again on: {error}");
        }
    }

    /// The one loop of `mcp-subscribe`.
    fn retell(&self) {
        loop {
            let told = self.retell_once();
            if !self.features.retelling.goes_on() {
                return;
            }
            if told == Told::InVain && !self.features.pause(self.pause_after_loss()) {
                return self.features.retelling.ends();
            }
        }
    }

    fn retell_once(&self) -> Told {
        let want = Want { repeat: Repeat::Safe, ..Want::within(self.call_timeout) };
        let level = *self.features.level();
        if let Some(level) = level {
            let params = SetLevelParams { level };
            let set = self.request(Method::LoggingSetLevel.name(), &params, &want, None, |_| Ok(()));
            self.not_told("the log level could not be set again", set);
        }
        for uri in self.features.watched() {
            if self.features.retelling.is_outdated() {
                return Told::InVain;
            }
            let subscribed = self.subscribe(Method::ResourcesSubscribe, &uri, &want);
            self.not_told("a resource could not be subscribed to again", subscribed);
        }
        if self.features.retelling.is_outdated() { Told::InVain } else { Told::All }
    }

    fn not_told(&self, what: &str, told: Result<(), Error>) {
        match told {
            Ok(()) | Err(Error::Closed(_)) => {}
            Err(error) => self.warn(format_args!("{what}: {error}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn however_many_sessions_follow_one_another_one_thread_tells_them() {
        let retelling = Retelling::default();
        assert!(retelling.begins());
        assert!(!retelling.is_outdated());
        for _ in 0..3 {
            assert!(!retelling.begins());
        }
        assert!(retelling.is_outdated());
        assert!(retelling.goes_on(), "once more, for the newest");
        assert!(!retelling.is_outdated() && !retelling.goes_on());
        assert!(retelling.begins(), "the next loss finds nobody at work");
    }
}
