//! What a delegate tells clients without being asked.

use std::fmt;
use std::sync::Arc;

use mcp_core::session::ServerSession;
use mcp_core::types::{Change, LoggingLevel, Method};
use serde_json::value::RawValue;

/// A message that belongs to no request, for a session or for those who listen.
pub struct Notice {
    to: To,
    what: What,
}

enum To {
    Session(u64),
    /// Those with this credential.
    Listeners(Option<Arc<[u8]>>),
}

enum What {
    Notification(Method, Box<RawValue>),
    Log(LoggingLevel, Option<Box<str>>, Box<RawValue>),
    Change(Change<'static>),
}

impl Notice {
    pub(crate) fn notification(session: u64, method: Method, params: Option<Box<RawValue>>) -> Self {
        let params = params.unwrap_or_else(|| RawValue::NULL.to_owned());
        Self { to: To::Session(session), what: What::Notification(method, params) }
    }

    pub(crate) fn log(session: u64, level: LoggingLevel, logger: Option<&str>, data: Box<RawValue>) -> Self {
        Self { to: To::Session(session), what: What::Log(level, logger.map(Into::into), data) }
    }

    pub(crate) fn change(credential: Option<Arc<[u8]>>, change: Change<'static>) -> Self {
        Self { to: To::Listeners(credential), what: What::Change(change) }
    }

    pub(crate) fn bytes(&self) -> usize {
        match &self.what {
            What::Notification(_, params) => params.get().len(),
            What::Log(_, logger, data) => data.get().len() + logger.as_ref().map_or(0, |logger| logger.len()),
            What::Change(Change::Resource(uri)) => uri.len(),
            What::Change(_) => 0,
        }
    }

    /// The session that it is for, by its number. `None`: it is for those who listen.
    pub fn session(&self) -> Option<u64> {
        if let To::Session(number) = &self.to { Some(*number) } else { None }
    }

    /// Appends it for the client of its session. False when the client's revision does not have it, or does not want it: then
    /// nothing is to be sent.
    pub fn write(&self, session: &ServerSession, out: &mut Vec<u8>) -> bool {
        match &self.what {
            What::Notification(method, params) => session.notify(*method, &**params, out),
            What::Log(level, logger, data) => session.log(*level, logger.as_deref(), data, out) == Ok(true),
            What::Change(_) => false,
        }
    }

    /// The change that those who listen with this credential are told of.
    pub(crate) fn change_for(&self, credential: Option<&[u8]>) -> Option<&Change<'static>> {
        match (&self.to, &self.what) {
            (To::Listeners(own), What::Change(change)) if own.as_deref() == credential => Some(change),
            _ => None,
        }
    }
}

impl fmt::Debug for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notice").field("session", &self.session()).finish_non_exhaustive()
    }
}
