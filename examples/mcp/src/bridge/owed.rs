//! What a server has to be told and was not yet: the level of log messages, and that roots have changed.
//!
//! Clients may say it as often as they like. Of each kind the newest is kept, and one thread at a time tells it.

use mcp_core::types::{LoggingLevel, Method};
use mcp_sse_blocking::Client;
use serde_json::value::RawValue;

use super::upstream::{Scope, Upstream, lock};

/// What the server has to be told and was not yet: of each kind the newest, however often its client says it.
#[derive(Debug, Default)]
pub(super) struct Owed {
    level: Option<LoggingLevel>,
    /// The roots have changed, which was told with these parameters.
    pub(super) roots: Option<Option<Box<RawValue>>>,
    is_being_paid: bool,
}

impl Owed {
    /// A client wants log messages of this level. Of several clients the lowest counts.
    pub(super) fn wants(&mut self, level: LoggingLevel, is_shared: bool) {
        self.level = Some(self.level.filter(|known| is_shared && *known < level).unwrap_or(level));
    }
}

impl Upstream {
    /// Notes what the server has to be told. True when nobody is about to: then somebody has to [`pay`](Self::pay).
    pub(super) fn owe(&self, note: impl FnOnce(&mut Owed)) -> bool {
        let mut owed = lock(&self.owed);
        note(&mut owed);
        !std::mem::replace(&mut owed.is_being_paid, true)
    }

    /// Tells the server what is noted, until nothing is.
    pub(super) fn pay(&self) {
        loop {
            let mut owed = lock(&self.owed);
            let (level, roots) = (owed.level.take(), owed.roots.take());
            if level.is_none() && roots.is_none() {
                owed.is_being_paid = false;
                return;
            }
            drop(owed);
            if let Some(level) = level {
                self.set_level(level);
            }
            if let Some(params) = roots {
                self.notify(Method::NotificationsRootsListChanged, params.as_deref());
            }
        }
    }

    /// Nobody could be found to tell it: with the next that comes it is tried again.
    pub(super) fn stop_paying(&self) {
        lock(&self.owed).is_being_paid = false;
    }

    /// The client of a session set the level of log messages. Where there are several, the lowest that anybody wants is asked for.
    fn set_level(&self, level: LoggingLevel) {
        let mut known = lock(&self.level);
        if self.scope == Scope::Everybody && known.is_some_and(|known| known <= level) {
            return;
        }
        *known = Some(level);
        drop(known);
        if let Some(client) = self.open() {
            self.ask_for_level(&client);
        }
    }

    /// One of several clients wants log messages of this level: the lowest that anybody wants is asked for.
    pub(super) fn lower_level(&self, client: &Client, level: LoggingLevel) {
        let mut known = lock(&self.level);
        if known.is_none_or(|known| level < known) {
            *known = Some(level);
            drop(known);
            self.ask_for_level(client);
        }
    }

    /// Asks for the level that is wanted, until that is the one that was asked for: others may ask at the same time, and the last word
    /// has to be the newest.
    pub(super) fn ask_for_level(&self, client: &Client) {
        let mut asked = None;
        loop {
            let wanted = *lock(&self.level);
            let Some(level) = wanted.filter(|_| wanted != asked && client.capabilities().logging.is_some()) else {
                return;
            };
            if let Err(error) = client.set_log_level(level) {
                log::info!("the level of log messages could not be set: {error}");
            }
            asked = wanted;
        }
    }

    /// Hands on what a client told.
    fn notify(&self, method: Method, params: Option<&RawValue>) {
        let Some(client) = self.open() else { return };
        let sent = match params {
            Some(params) => client.notify(method.name(), params),
            None => client.notify(method.name(), &()),
        };
        if let Err(error) = sent {
            log::info!("`{}` was not handed on: {error}", method.name());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_clients_the_lowest_level_is_owed_and_of_one_the_newest() {
        for (is_shared, last) in [(true, LoggingLevel::Debug), (false, LoggingLevel::Error)] {
            let mut owed = Owed::default();
            for level in [LoggingLevel::Warning, LoggingLevel::Debug, LoggingLevel::Error] {
                owed.wants(level, is_shared);
            }
            assert_eq!(owed.level, Some(last));
        }
    }
}
