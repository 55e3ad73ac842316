//! What a server sends of its own accord: questions to the client, and notifications of change.

use alloc::boxed::Box;
use alloc::vec::Vec;

use serde::Serialize;
use serde_json::value::RawValue;

use super::{IgnoredByServer, ServerEvent, ServerSession};
use crate::jsonrpc::{ErrorObject, RequestId, write_notification, write_request};
use crate::limits::{Limit, LimitExceeded, Limits};
use crate::session::error::ApiMisuse;
use crate::session::lifecycle::{Phase, Violation};
use crate::types::subscriptions::is_same_or_inside;
use crate::types::{CancelledParams, Method};

/// Names a question to the client within its session; never given out twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AskKey(u64);

/// The resources that a session is subscribed to: few, and each once. A tree of them would be 3 KiB of code.
pub(super) type Watched = Vec<Box<str>>;

impl ServerSession {
    /// Asks the client, in revisions that have requests of servers: `sampling/createMessage`, `elicitation/create`,
    /// `roots/list`, `ping`. The answer comes as [`ServerEvent::Reply`]; how long to wait for it is the caller's business.
    /// Parameters serialize to an object, or to `null` for none.
    ///
    /// # Errors
    ///
    /// [`ApiMisuse`] when the client does not offer it or the session's revision does not have it, too many questions are
    /// unanswered, or the parameters cannot be written. Nothing is sent then.
    pub fn ask<P: Serialize + ?Sized>(
        &mut self,
        limits: &Limits,
        method: Method,
        params: &P,
        out: &mut Vec<u8>,
    ) -> Result<AskKey, ApiMisuse> {
        if !self.version.has_server_requests() || !method.exists_in(self.version) || !self.offers.admits(method) {
            return Err(ApiMisuse::NotOffered(method));
        }
        // Nothing but `ping` before the client is ready (R-LM-25). Over HTTP its `initialized` may be overtaken (R-LM-31).
        if !matches!(self.phase, Phase::Operating | Phase::Answered) {
            return Err(ApiMisuse::Phase(Violation::NotInitialized));
        }
        let key = self.asked.insert((), limits.requests_in_flight)?;
        if let Err(error) = write_request(out, &RequestId::from(key), method.name(), params) {
            self.asked.remove(key);
            return Err(error.into());
        }
        Ok(AskKey(key))
    }

    /// Takes a question back: its answer will be ignored, and the client is told (R-LM-77). False when it was answered.
    pub fn withdraw(&mut self, ask: AskKey, reason: Option<&str>, out: &mut Vec<u8>) -> bool {
        if self.asked.remove(ask.0).is_none() {
            return false;
        }
        let params = CancelledParams { request_id: ask.0.into(), reason: reason.map(Into::into) };
        let written = write_notification(out, Method::NotificationsCancelled.name(), &params);
        debug_assert!(written.is_ok(), "an id and a text serialize");
        true
    }

    /// How many questions are unanswered.
    pub fn asked(&self) -> usize {
        self.asked.len()
    }

    pub(super) fn handle_reply<'a>(
        &mut self,
        id: &RequestId<'_>,
        outcome: Result<&'a RawValue, ErrorObject<'a>>,
    ) -> ServerEvent<'a> {
        match id.as_u64().filter(|key| self.asked.remove(*key).is_some()) {
            Some(key) => ServerEvent::Reply { ask: AskKey(key), outcome },
            None => ServerEvent::Ignored(IgnoredByServer::UnknownResponse),
        }
    }

    /// Sends a notification of the server's own accord, such as a change of a list. False when the session's revision does
    /// not have it or the client is not ready for it (R-LM-25): then nothing is sent.
    pub fn notify<P: Serialize + ?Sized>(&self, method: Method, params: &P, out: &mut Vec<u8>) -> bool {
        self.phase == Phase::Operating
            && method.is_notification()
            && method.exists_in(self.version)
            && write_notification(out, method.name(), params).is_ok()
    }

    /// Subscribes the session to a resource (`resources/subscribe`). Twice is like once.
    ///
    /// # Errors
    ///
    /// [`LimitExceeded`] when the URI is too long, or the session is subscribed to too many or to too many bytes of them.
    pub fn subscribe(&mut self, limits: &Limits, uri: &str) -> Result<(), LimitExceeded> {
        if uri.len() > limits.uri_bytes {
            return Err(LimitExceeded { limit: Limit::UriBytes, bound: limits.uri_bytes });
        }
        if self.is_subscribed(uri) {
            return Ok(());
        }
        if self.watched.len() >= limits.subscriptions {
            return Err(LimitExceeded { limit: Limit::Subscriptions, bound: limits.subscriptions });
        }
        if self.watched.iter().map(|uri| uri.len()).sum::<usize>() + uri.len() > limits.subscription_bytes {
            return Err(LimitExceeded { limit: Limit::SubscriptionBytes, bound: limits.subscription_bytes });
        }
        self.watched.push(uri.into());
        Ok(())
    }

    fn is_subscribed(&self, uri: &str) -> bool {
        self.watched.iter().any(|watched| **watched == *uri)
    }

    /// Ends a subscription (`resources/unsubscribe`). False when there was none.
    pub fn unsubscribe(&mut self, uri: &str) -> bool {
        let before = self.watched.len();
        self.watched.retain(|watched| **watched != *uri);
        self.watched.len() < before
    }

    /// Whether the session is subscribed to a resource, or to one that contains it (R-FS-29).
    pub fn watches(&self, uri: &str) -> bool {
        self.watched.iter().any(|outer| is_same_or_inside(uri, outer))
    }
}
