//! `subscriptions/listen`: an answer that tells of changes until its client or the server ends it (R-ST-39 to R-ST-46).

use alloc::boxed::Box;

use mcp_core::jsonrpc::{ErrorObject, Request, RequestId, code, write_notification};
use mcp_core::session::{Reply, RequestKey, ServerSession};
use mcp_core::time::Instant;
use mcp_core::types::subscriptions::{
    Change, NotificationMeta, SubscriptionFilter, SubscriptionsAcknowledgedParams, SubscriptionsListenParams,
};
use mcp_core::types::{JsonObject, Method};
use serde::Serialize;

use super::Engine;
use super::answer::{AnswerOutbox, Statuses};
use super::endpoint::Post;
use super::exchange::{Asked, Exchange};
use crate::service::{Kind, Outbox};
use crate::slab::Key;

/// Who wants to hear of what.
#[derive(Debug)]
pub(super) struct Subscription {
    session: ServerSession,
    key: RequestKey,
    id: RequestId<'static>,
    filter: SubscriptionFilter,
}

/// Parameters of a notification on such an answer (R-ST-41).
#[derive(Serialize)]
struct Params<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    uri: Option<&'a str>,
    #[serde(rename = "_meta")]
    meta: NotificationMeta<'a>,
}

impl Engine {
    /// Begins an answer that tells of changes. The acknowledgement comes first (R-ST-40).
    pub(super) fn subscribe(
        &mut self,
        post: &Post<'_, '_>,
        request: &Request<'_>,
        session: ServerSession,
        key: RequestKey,
    ) {
        let filter = match self.filter(request) {
            Ok(filter) => filter,
            Err(error) => return self.reject(post, &request.id.as_borrowed().into(), &error),
        };
        let filter = filter.honoured_by(self.service.profile().capabilities);
        let mut writing = self.writing(Statuses::ByCode, 1);
        let Some(conn) = self.conns.get_mut(post.conn) else { return };
        let out = conn.writer(&mut self.buffers);
        let mut outbox = AnswerOutbox { out, writing: &mut writing, terms: post.terms, memory: None, now: post.now };
        let id = request.id.clone().into_owned();
        let params = SubscriptionsAcknowledgedParams { notifications: filter.clone(), meta: Some(meta(&id)) };
        outbox.message(Kind::Report, &mut |out| {
            write_notification(out, Method::NotificationsSubscriptionsAcknowledged.name(), &params).is_ok()
        });
        drop(params);
        let subscription = Subscription { session, key, id, filter };
        let row = self.hold(post, writing, Asked::Subscription(Box::new(subscription)));
        self.subscriptions.push(row);
    }

    fn filter(&self, request: &Request<'_>) -> Result<SubscriptionFilter, ErrorObject<'static>> {
        if self.subscriptions.len() >= self.config.limits.subscriptions {
            let text = "the server has as many subscriptions as `limits.subscriptions` allows";
            return Err(ErrorObject::new(code::INTERNAL_ERROR, text));
        }
        let params = request.params.map(|params| serde_json::from_str::<SubscriptionsListenParams>(params.get()));
        let Some(Ok(params)) = params else {
            let text = "`subscriptions/listen` needs `notifications`, an object";
            return Err(ErrorObject::new(code::INVALID_PARAMS, text));
        };
        let uris = &params.notifications.resource_subscriptions;
        if uris.iter().map(|uri| uri.len()).sum::<usize>() > self.config.limits.subscription_bytes
            || uris.len() > self.config.messages.subscriptions
        {
            let text = "more resources than `limits.subscription_bytes` or `subscriptions` allows";
            return Err(ErrorObject::new(code::INVALID_PARAMS, text));
        }
        Ok(params.notifications)
    }

    /// Tells all who asked for it of a change.
    pub(super) fn tell_subscribers(&mut self, now: Instant, change: &Change<'_>) {
        // By index: one that is dropped meanwhile leaves the list.
        let mut at = 0;
        while let Some(row) = self.subscriptions.get(at).copied() {
            self.write_to_subscriber(row, now, Kind::Report, |subscription, out| {
                if !subscription.filter.admits(change) {
                    return false;
                }
                let uri = if let Change::Resource(uri) = change { Some(&**uri) } else { None };
                let params = Params { uri, meta: meta(&subscription.id) };
                write_notification(out, change.method().name(), &params).is_ok()
            });
            at += usize::from(self.subscriptions.get(at) == Some(&row));
        }
    }

    /// Ends all subscriptions in order (R-ST-45).
    pub(super) fn end_subscriptions(&mut self, now: Instant) {
        while let Some(row) = self.subscriptions.pop() {
            let info = self.service.profile().info.clone();
            let capabilities = Default::default();
            let profile =
                mcp_core::session::ServerProfile { info: &info, capabilities: &capabilities, instructions: None };
            self.write_to_subscriber(row, now, Kind::Answer, |subscription, out| {
                let id = serde_json::to_value(meta(&subscription.id)).unwrap_or_default();
                let meta: JsonObject = id.as_object().cloned().unwrap_or_default();
                let reply = Reply { result: &JsonObject::new(), meta: Some(&meta), hints: None };
                subscription.session.respond(&profile, subscription.key, &reply, out).unwrap_or(false)
            });
        }
    }

    fn write_to_subscriber(
        &mut self,
        row: Key,
        now: Instant,
        kind: Kind,
        write: impl Fn(&mut Subscription, &mut alloc::vec::Vec<u8>) -> bool,
    ) {
        let Some(Exchange { conn, terms, writing, asked: Asked::Subscription(subscription) }) =
            self.exchanges.get_mut(row)
        else {
            return;
        };
        let Some(conn) = conn.and_then(|conn| self.conns.get_mut(conn)) else { return };
        let before = conn.output.len();
        let out = conn.writer(&mut self.buffers);
        let mut outbox = AnswerOutbox { out, writing, terms, memory: None, now };
        outbox.message(kind, &mut |out| write(subscription, out));
        if conn.output.len() != before {
            self.answer_grew(row, now);
        }
    }
}

fn meta<'a>(id: &'a RequestId<'_>) -> NotificationMeta<'a> {
    let mut meta = NotificationMeta::default();
    meta.subscription_id = Some(id.as_borrowed());
    meta
}
