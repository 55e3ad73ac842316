//! What an event of the stream means, and to whom it goes.
//!
//! Called by whoever has the role of the [reader](crate::reader). What must be sent because of it is sent by another
//! thread: a reader never waits for a POST.

use std::borrow::Cow;
use std::sync::Arc;

use mcp_core::jsonrpc::{self, DecodeError, ErrorId, ErrorObject, Fault, Message, Payload, code};
use mcp_core::session::{ClientEvent, HandshakeError};
use mcp_core::sse::Event;
use mcp_core::text::Excerpt;
use mcp_core::types::LoggingMessage;
use mcp_core::types::Method;
use serde_json::value::RawValue;

use crate::carrier::Incoming;
use crate::engine::Engine;
use crate::error::{Error, PeerError};
use crate::events::{self, Envelope, PayloadForm};
use crate::log_target;
use crate::relay::Told;
use crate::slot::{Outcome, Progress, Slot, Waiter};

/// What a stream brings.
#[derive(Debug, Clone, Copy)]
enum Brings {
    /// The replies to all requests.
    All,
    /// The reply to the reader's own call, if it has one.
    One,
}

/// What a message from the server meant to the thread that read it.
pub(crate) enum Taken<'a> {
    /// The reply to the reader's own call.
    Reply(&'a RawValue),
    /// Its error.
    Refused(jsonrpc::Error),
    /// Something else for the reader's own call is at its slot.
    Mine,
    /// The reply to a call whose thread could read the stream itself.
    ForCaller,
    /// Anything else.
    Other,
}

impl Engine {
    /// Takes in what came on a shared stream. `own` is the call of the thread that read it.
    pub(crate) fn take_incoming<'a>(&self, incoming: Incoming<'a>, own: Option<u64>) -> Taken<'a> {
        let data = match incoming {
            Incoming::Event(event, peer) if event.event == b"endpoint" => {
                self.handle_endpoint(peer, &event.data_str());
                return Taken::Other;
            }
            Incoming::Event(event, _) => return self.take(&event, own, Brings::All),
            Incoming::Message(data) => data,
            Incoming::Kept(data) => {
                self.take_kept(data);
                return Taken::Other;
            }
        };
        match &self.features.events.transformer {
            None => self.take_data(data, own),
            Some(transformer) => {
                self.insight().received(data);
                let data = transformer.whole(PayloadForm::Line, data);
                self.take_transformed(data, Envelope::NONE, own, Brings::All)
            }
        }
    }

    /// Takes in one event of a stream of its own: the answer to the request `own`, or the session's.
    pub(crate) fn take_event<'a>(&self, event: &Event<'a>, own: Option<u64>) -> Taken<'a> {
        self.take(event, own, Brings::One)
    }

    fn take<'a>(&self, event: &Event<'a>, own: Option<u64>, brings: Brings) -> Taken<'a> {
        // It only carries an id, or it means something over HTTP+SSE alone.
        if event.data.is_empty() || event.event == b"endpoint" {
            return Taken::Other;
        }
        if event.carries_message() {
            // As it came, before any transformation.
            self.insight().received(event.data);
        }
        let envelope = Envelope { event_type: event.event, id: event.id };
        match &self.features.events.transformer {
            None => self.take_payload(event.data, envelope, own),
            Some(transformer) => self.take_transformed(transformer.event(event), envelope, own, brings),
        }
    }

    /// Takes in what a hook made of a payload.
    fn take_transformed<'a>(
        &self,
        data: Result<Cow<'a, [u8]>, Error>,
        envelope: Envelope<'_>,
        own: Option<u64>,
        brings: Brings,
    ) -> Taken<'a> {
        match (data, own) {
            (Ok(Cow::Borrowed(data)), _) => self.take_payload(data, envelope, own),
            (Ok(Cow::Owned(data)), _) => self.take_copy(&data, envelope, own),
            // It can be for nobody else.
            (Err(error), Some(id)) if matches!(brings, Brings::One) => {
                let mut table = self.table();
                table.session.forget(id);
                let slot = table.slots.remove(&id);
                drop(table);
                self.hand_on(slot, Err(error));
                Taken::Mine
            }
            (Err(error), _) => {
                self.warn(format_args!("left out what came: {error}"));
                Taken::Other
            }
        }
    }

    /// The same for data that is gone afterwards: a reply goes through its slot.
    fn take_copy(&self, data: &[u8], envelope: Envelope<'_>, own: Option<u64>) -> Taken<'static> {
        match self.take_payload(data, envelope, None) {
            Taken::ForCaller if own.is_none() => Taken::ForCaller,
            _ if own.is_some() => Taken::Mine,
            _ => Taken::Other,
        }
    }

    /// Takes in the data of an event of any type, or a message from elsewhere.
    fn take_payload<'a>(&self, data: &'a [u8], envelope: Envelope<'_>, own: Option<u64>) -> Taken<'a> {
        if envelope.event_type == events::MESSAGE.as_bytes() {
            return self.take_enveloped(data, envelope, own);
        }
        if !self.announce(envelope, None, data) {
            let event_type = String::from_utf8_lossy(envelope.event_type);
            log::debug!(target: log_target::CLIENT, "ignored an event of type `{}`", Excerpt::new(&event_type, 64));
        }
        Taken::Other
    }

    /// Tells those who want to hear of it. False when there are none.
    fn announce(&self, envelope: Envelope<'_>, method: Option<&str>, data: &[u8]) -> bool {
        let events = &self.features.events;
        if !events.has_listeners() && !self.background.has_event_handlers() {
            return false;
        }
        let event = events::Event::heard(envelope, method, data);
        self.background.event(&event);
        events.offer(&event);
        true
    }

    /// Takes in one message, as it stands after any transformation.
    pub(crate) fn take_data<'a>(&self, data: &'a [u8], own: Option<u64>) -> Taken<'a> {
        self.insight().received(data);
        self.take_enveloped(data, Envelope::NONE, own)
    }

    /// Takes in one message that was seen when it came, and kept.
    pub(crate) fn take_kept(&self, data: &[u8]) {
        self.take_enveloped(data, Envelope::NONE, None);
    }

    fn take_enveloped<'a>(&self, data: &'a [u8], envelope: Envelope<'_>, own: Option<u64>) -> Taken<'a> {
        match jsonrpc::decode(data, &self.limits) {
            Ok(Payload::Message(message)) => {
                self.announce_message(&message, envelope, data);
                self.take_message(message, own)
            }
            Ok(Payload::Batch(batch)) => {
                if !self.session(|session| session.version().is_some_and(|version| version.allows_batches())) {
                    self.warn(format_args!("refused a batch, which the negotiated revision does not have (R-LM-10)"));
                    let mut answer = Vec::new();
                    let error = ErrorObject::new(code::INVALID_REQUEST, "batches are not part of this revision");
                    jsonrpc::write_error(&mut answer, &ErrorId::Null, &error);
                    self.reply(answer);
                    return Taken::Other;
                }
                // Replies in a batch go through their slots: the reader looks at its own when all are there.
                let mut served = false;
                for message in batch {
                    match message {
                        Ok(message) => {
                            self.announce_message(&message, envelope, b"");
                            served |= matches!(self.take_message(message, None), Taken::ForCaller);
                        }
                        Err(error) => self.warn(format_args!("ignored a part of a batch: {error}")),
                    }
                }
                match own {
                    Some(_) => Taken::Mine,
                    None if served => Taken::ForCaller,
                    None => Taken::Other,
                }
            }
            Err(error) => match String::from_utf8_lossy(data) {
                // Ill-formed UTF-8 is replaced, not refused (R-EV-3).
                Cow::Owned(text) => match jsonrpc::decode(text.as_bytes(), &self.limits) {
                    // The reply cannot be borrowed from the stream's buffer: through the slot as well.
                    Ok(Payload::Message(message)) => {
                        self.announce_message(&message, envelope, text.as_bytes());
                        match self.take_message(message, None) {
                            Taken::ForCaller if own.is_none() => Taken::ForCaller,
                            _ if own.is_some() => Taken::Mine,
                            _ => Taken::Other,
                        }
                    }
                    _ => self.take_other(&error, envelope, data),
                },
                Cow::Borrowed(_) => self.take_other(&error, envelope, data),
            },
        }
    }

    /// Tells of a notification, before it is acted on. Progress belongs to its call.
    fn announce_message(&self, message: &Message<'_>, envelope: Envelope<'_>, data: &[u8]) {
        let Message::Notification(notification) = message else { return };
        if Method::from_name(&notification.method) == Some(Method::NotificationsProgress) {
            return;
        }
        if !data.is_empty() {
            self.announce(envelope, Some(&notification.method), data);
            return;
        }
        // A part of a batch, which is not at hand as it came.
        let mut message = Vec::new();
        match notification.params {
            Some(params) => jsonrpc::write_notification(&mut message, &notification.method, params),
            None => jsonrpc::write_notification(&mut message, &notification.method, &()),
        }
        .map(|()| self.announce(envelope, Some(&notification.method), &message))
        .ok();
    }

    /// What is no message may be what somebody listens for: plain JSON or text. What names a request is taken for a spoiled
    /// message, unless it is plain JSON whose `id` means something else.
    fn take_other(&self, error: &DecodeError<'_>, envelope: Envelope<'_>, data: &[u8]) -> Taken<'static> {
        let is_plain = error.fault == Fault::WrongVersion && events::has_name(data);
        if (is_plain || !matches!(error.id, ErrorId::Known(_))) && self.announce(envelope, None, data) {
            return Taken::Other;
        }
        self.take_malformed(error)
    }

    fn take_message<'a>(&self, message: Message<'a>, own: Option<u64>) -> Taken<'a> {
        let mut out = Vec::new();
        let mut table = self.table();
        match table.session.handle_message(message, &mut out) {
            ClientEvent::Response { id, result } => {
                let slot = table.slots.remove(&id);
                drop(table);
                if own == Some(id) { Taken::Reply(result) } else { self.hand_on(slot, Ok(result.to_owned())) }
            }
            ClientEvent::Error { id, error } => {
                let slot = table.slots.remove(&id);
                drop(table);
                let error = error.to_owned();
                if own == Some(id) { Taken::Refused(error) } else { self.hand_on(slot, Err(Error::Rpc(error))) }
            }
            ClientEvent::Progress { id, progress } => {
                let slot = table.slots.get(&id).cloned();
                drop(table);
                if let Some(slot) = slot {
                    slot.progress(Progress {
                        progress: progress.progress,
                        total: progress.total,
                        message: progress.message.map(Cow::into_owned),
                        dropped: 0,
                    });
                }
                if own == Some(id) { Taken::Mine } else { Taken::Other }
            }
            ClientEvent::Initialized => {
                table.initialized = out;
                let slot = table.handshake.take().and_then(|id| table.slots.remove(&id));
                drop(table);
                self.hand_on(slot, Ok(RawValue::NULL.to_owned()));
                Taken::Mine
            }
            ClientEvent::HandshakeFailed(error) => {
                let slot = table.handshake.take().and_then(|id| table.slots.remove(&id));
                drop(table);
                self.hand_on(slot, Err(handshake_failure(error)));
                Taken::Mine
            }
            ClientEvent::Request { key, method, params } => {
                drop(table);
                self.take_question(key, method, params);
                Taken::Other
            }
            ClientEvent::Withdrawn { key } => {
                drop(table);
                self.withdraw_question(key);
                Taken::Other
            }
            ClientEvent::Ended { id } => {
                let slot = table.slots.remove(&id);
                drop(table);
                let taken = self.hand_on(slot, Ok(RawValue::NULL.to_owned()));
                if own == Some(id) { Taken::Mine } else { taken }
            }
            ClientEvent::Answered => {
                drop(table);
                self.background.post(self, out);
                Taken::Other
            }
            ClientEvent::Log(message) => {
                drop(table);
                let LoggingMessage { level, logger, data, .. } = &message;
                self.relay_told(Told::Log { level: *level, logger: logger.as_deref(), data });
                self.background.log(&message);
                Taken::Other
            }
            ClientEvent::Notification(notification) => {
                drop(table);
                self.features.notified(&notification, |id| self.table().slots.get(&id)?.feed().cloned());
                self.relay_told(Told::Notification { method: &notification.method, params: notification.params });
                self.background.notification(&notification);
                Taken::Other
            }
            ClientEvent::Ignored(why) => {
                drop(table);
                log::debug!(target: log_target::CLIENT, "ignored {why}");
                Taken::Other
            }
            _ => Taken::Other,
        }
    }

    /// What is no message disturbs nobody. But when it can only be an answer, and says to which request, there is no use in
    /// waiting for a better one; and a request that is wrong is told so under its id.
    fn take_malformed(&self, error: &DecodeError<'_>) -> Taken<'static> {
        self.warn(format_args!("ignored what is no message: {error}"));
        let ErrorId::Known(id) = &error.id else { return Taken::Other };
        // Without method, result and error it is as likely an answer, and only an answer is waited for.
        let is_answer = error.answer_id().is_none() || error.fault == Fault::NoMessage;
        if !is_answer {
            let mut refusal = Vec::new();
            jsonrpc::write_error(&mut refusal, &error.id, &ErrorObject::new(error.code(), error.to_string()));
            self.reply(refusal);
            return Taken::Other;
        }
        let Some(id) = id.as_u64() else { return Taken::Other };
        let mut table = self.table();
        table.session.forget(id);
        let slot = table.slots.remove(&id);
        drop(table);
        self.hand_on(slot, Err(PeerError::Message(error.to_string()).into()));
        Taken::Mine
    }

    /// Answers in the background what cannot be read; a revision whose servers ask nothing has no such answers (R-ST-6).
    fn reply(&self, message: Vec<u8>) {
        if self.session(|session| session.version().is_none_or(|version| version.has_server_requests())) {
            self.background.post(self, message);
        }
    }

    fn hand_on(&self, slot: Option<Arc<Slot>>, outcome: Outcome) -> Taken<'static> {
        let Some(slot) = slot else { return Taken::Other };
        self.deliver(&slot, outcome);
        if slot.waiter == Waiter::Caller { Taken::ForCaller } else { Taken::Other }
    }

    /// An `endpoint` event after the first, of this peer: what it says is checked as the first was (R-SSE-33).
    fn handle_endpoint(&self, peer: u64, data: &str) {
        let moved = self.carrier.shared().map_or(Ok(()), |shared| shared.sink().handle_endpoint(peer, data));
        if let Err(error) = moved {
            self.end(error);
        }
    }
}

pub(crate) fn handshake_failure(error: HandshakeError) -> Error {
    match error {
        HandshakeError::Refused(error) => Error::Rpc(error),
        HandshakeError::UnsupportedVersion(version) => {
            PeerError::ProtocolVersion(Excerpt::new(&version, 32).to_string()).into()
        }
        error => PeerError::Result { method: "initialize".into(), problem: error.to_string() }.into(),
    }
}
