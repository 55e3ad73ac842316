//! What a delegate tells clients without being asked.

use std::fmt;
use std::sync::Arc;

use mcp_core::session::ServerSession;
use mcp_core::types::{Change, LoggingLevel, Method};
use serde_json::value::RawValue;

/// A message that belongs to no request, for a session or for those who listen.
pub struct Notice {
    bytes: usize,
    what: What,
}

/// Writes a message for a session. A function that whoever tells something brings along, so that only programs with a delegate
/// contain it.
type Write = dyn Fn(&ServerSession, &mut Vec<u8>) -> bool + Send;

enum What {
    Message(u64, Box<Write>),
    /// For those who listen with this credential.
    Change(Option<Arc<[u8]>>, Change<'static>),
}

impl Notice {
    pub(crate) fn notification(session: u64, method: Method, params: Option<Box<RawValue>>) -> Self {
        let params = params.unwrap_or_else(|| RawValue::NULL.to_owned());
        let bytes = params.get().len();
        Self::message(session, bytes, move |session, out| session.notify(method, &*params, out))
    }

    pub(crate) fn log(session: u64, level: LoggingLevel, logger: Option<&str>, data: Box<RawValue>) -> Self {
        let logger: Option<Box<str>> = logger.map(Into::into);
        let bytes = data.get().len() + logger.as_ref().map_or(0, |logger| logger.len());
        Self::message(session, bytes, move |session, out| session.log(level, logger.as_deref(), &data, out) == Ok(true))
    }

    fn message(
        session: u64,
        bytes: usize,
        write: impl Fn(&ServerSession, &mut Vec<u8>) -> bool + Send + 'static,
    ) -> Self {
        Self { bytes, what: What::Message(session, Box::new(write)) }
    }

    pub(crate) fn change(credential: Option<Arc<[u8]>>, change: Change<'static>) -> Self {
        let bytes = if let Change::Resource(uri) = &change { uri.len() } else { 0 };
        Self { bytes, what: What::Change(credential, change) }
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The session that it is for, by its number. `None`: it is for those who listen.
    pub fn session(&self) -> Option<u64> {
        if let What::Message(number, _) = &self.what { Some(*number) } else { None }
    }

    /// Appends it for the client of its session. False when the client's revision does not have it, or does not want it: then
    /// nothing is to be sent.
    pub fn write(&self, session: &ServerSession, out: &mut Vec<u8>) -> bool {
        if let What::Message(_, write) = &self.what { write(session, out) } else { false }
    }

    /// The change that those who listen with this credential are told of.
    pub(crate) fn change_for(&self, credential: Option<&[u8]>) -> Option<&Change<'static>> {
        match &self.what {
            What::Change(own, change) if own.as_deref() == credential => Some(change),
            _ => None,
        }
    }
}

impl fmt::Debug for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notice").field("session", &self.session()).finish_non_exhaustive()
    }
}
