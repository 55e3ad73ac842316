//! One line to what it asks for, and where answers go.

use alloc::string::ToString;
use alloc::vec::Vec;

use mcp_core::Limits;
use mcp_core::http::stateless::serve;
use mcp_core::jsonrpc::{self, DecodeError, ErrorId, ErrorObject, Message, Payload, Request, RequestId, code};
use mcp_core::session::{Claim, ClaimFault, RequestKey, ServerEvent, ServerSession, requested_method};
use mcp_core::time::Instant;
use mcp_core::types::{CancelledParams, Change, Method};

use crate::config::Config;
use crate::service::{Kind, Origin, Outbox, Outcome, Service, notify};
use crate::subscription::Listener;

/// The number of the session that a handshake opens. Requests that stand alone have higher ones.
const HANDSHAKE: u64 = 0;

/// Replies delivered at a time, so that a worker that reports without end does not keep the pipe.
#[cfg(feature = "std")]
const MAIL_A_TURN: usize = 256;

/// Who sits behind the lines: the session of the handshake, and the requests that stand alone.
pub(super) struct Desk {
    pub(super) service: Service,
    pub(super) out: Vec<u8>,
    pub(super) output_bytes: usize,
    limits: Limits,
    session: ServerSession,
    /// Requests that stand alone and are not answered yet, oldest first.
    alone: Vec<Alone>,
    listeners: Vec<Listener>,
    /// The number of the next of them.
    next: u64,
    subscriptions: usize,
    /// Whether requests that stand alone are served.
    stateless: bool,
    /// Whether the client will send nothing more.
    pub(super) has_ended: bool,
}

/// A request that stands alone.
struct Alone {
    number: u64,
    key: RequestKey,
    id: RequestId<'static>,
    session: ServerSession,
}

impl Desk {
    pub(super) fn new(config: &Config, service: Service) -> Self {
        Self {
            service,
            out: Vec::new(),
            output_bytes: config.limits.output_bytes,
            limits: config.messages.clone(),
            session: ServerSession::new(),
            alone: Vec::new(),
            listeners: Vec::new(),
            next: HANDSHAKE + 1,
            subscriptions: config.limits.subscriptions,
            stateless: config.carriers.stateless,
            has_ended: false,
        }
    }

    pub(super) fn in_flight(&self) -> usize {
        let waiting = if self.has_ended { self.service.waiting_calls() } else { 0 };
        (self.session.in_flight() + self.alone.len()).saturating_sub(waiting)
    }

    /// Takes in one line.
    pub(super) fn take(&mut self, now: Instant, line: &[u8]) {
        let limits = self.limits.clone();
        match jsonrpc::decode(line, &limits) {
            Ok(Payload::Message(message)) => self.message(now, message),
            Ok(Payload::Batch(batch)) if self.session.version().allows_batches() => {
                for message in batch {
                    match message {
                        Ok(message) => self.message(now, message),
                        Err(fault) => self.refuse_line(&fault),
                    }
                }
            }
            Ok(Payload::Batch(_)) => {
                self.error(&ErrorId::Null, &ErrorObject::new(code::INVALID_REQUEST, "this revision has no batches"));
            }
            Err(fault) => self.refuse_line(&fault),
        }
        self.tell_changes();
    }

    /// R-IO-28; what can only be a notification or an answer gets none.
    fn refuse_line(&mut self, fault: &DecodeError<'_>) {
        log::debug!("line refused: {fault}");
        if let Some(id) = fault.answer_id() {
            self.error(&id, &ErrorObject::new(fault.code(), fault.to_string()));
        }
    }

    fn error(&mut self, id: &ErrorId<'_>, error: &ErrorObject<'_>) {
        self.out.message(Kind::Answer, &mut |out| {
            jsonrpc::write_error(out, id, error);
            true
        });
    }

    fn message(&mut self, now: Instant, message: Message<'_>) {
        if let Message::Request(request) = &message {
            let claim = match Claim::of(request.params) {
                // Turned off: as if nobody here had ever heard of them, so that clients shake hands.
                _ if !self.stateless => Ok(None),
                // A method without a claim that exists only with one.
                Ok(None) if request.method == Method::ServerDiscover.name() => Err(ClaimFault::NoVersion),
                claim => claim,
            };
            match claim {
                Ok(None) => {}
                Ok(Some(claim)) => return self.request_alone(now, request, &claim),
                Err(fault) => return self.error(&request.id.clone().into(), &fault.error()),
            }
        }
        if let Message::Notification(notification) = &message
            && notification.method == Method::NotificationsCancelled.name()
            && let Some(params) = notification.params
            && let Ok(cancelled) = serde_json::from_str::<CancelledParams<'_>>(params.get())
            && self.cancel_alone(&cancelled.request_id)
        {
            return;
        }
        self.in_session(now, message);
    }

    /// A message of the session that a handshake opens, or has to.
    fn in_session(&mut self, now: Instant, message: Message<'_>) {
        let Self { service, session, out, limits, .. } = self;
        let start = out.len();
        let event = session.handle_message(&service.profile(), limits, message, out);
        if out.len() > start {
            out.push(b'\n');
        }
        #[cfg(feature = "std")]
        service.heard(session, HANDSHAKE, &event);
        match event {
            ServerEvent::Request { key, method, params } => {
                let origin = Origin::new(HANDSHAKE, key, now);
                let _: Outcome = service.handle(session, &origin, method, params, out);
            }
            ServerEvent::Cancelled { key, .. } => service.cancelled(session, HANDSHAKE, key, out),
            ServerEvent::Reply { ask, outcome } => {
                if let Some(key) = service.asker(HANDSHAKE, ask) {
                    let origin = Origin::new(HANDSHAKE, key, now);
                    let _: Outcome = service.resume(session, &origin, ask, outcome, out);
                }
            }
            ServerEvent::Ignored(why) => log::debug!("message ignored: {why}"),
            _ => {}
        }
    }

    /// A request of a revision without a handshake.
    fn request_alone(&mut self, now: Instant, request: &Request<'_>, claim: &Claim<'_>) {
        let id = || ErrorId::from(request.id.clone());
        let version = match serve(&claim.version, self.service.versions()) {
            Ok(version) => version,
            Err(unsupported) => return self.error(&id(), &unsupported.error().as_object()),
        };
        let Some(method) = requested_method(version, &request.method) else {
            return self.error(&id(), &ErrorObject::new(code::METHOD_NOT_FOUND, "method not found"));
        };
        let is_in_flight = self.alone.iter().map(|alone| &alone.id).chain(self.listeners.iter().map(Listener::id));
        if is_in_flight.into_iter().any(|id| *id == request.id) {
            return self.error(&id(), &ErrorObject::new(code::INVALID_REQUEST, "a request with this id is in flight"));
        }
        if self.alone.len() >= self.limits.requests_in_flight {
            return self.error(&id(), &ErrorObject::new(code::INTERNAL_ERROR, "too many requests in flight"));
        }
        if method == Method::SubscriptionsListen {
            return self.listen(request);
        }
        let (mut session, key) = ServerSession::stateless(version, &request.id, claim);
        let number = self.next;
        self.next += 1;
        let origin = Origin::new(number, key, now);
        let outcome = self.service.handle(&mut session, &origin, method, request.params, &mut self.out);
        if outcome == Outcome::Later {
            self.alone.push(Alone { number, key, id: request.id.clone().into_owned(), session });
        }
    }

    fn listen(&mut self, request: &Request<'_>) {
        if self.listeners.len() >= self.subscriptions {
            let text = "there are as many subscriptions as `limits.subscriptions` allows";
            return self.error(&request.id.clone().into(), &ErrorObject::new(code::INTERNAL_ERROR, text));
        }
        match Listener::open(&self.service.profile(), &self.limits, &request.id, request.params) {
            Err(error) => self.error(&request.id.clone().into(), &error),
            Ok(listener) => {
                #[cfg(feature = "std")]
                let listener = listener.watched(&mut self.service, None);
                self.out.message(Kind::Report, &mut |out| {
                    listener.acknowledge(out);
                    true
                });
                self.listeners.push(listener);
            }
        }
    }

    /// Gives up a request that stands alone: nothing more is sent for it (R-IO-15, R-IO-16).
    fn cancel_alone(&mut self, id: &RequestId<'_>) -> bool {
        if let Some(at) = self.listeners.iter().position(|one| one.id() == id) {
            self.listeners.remove(at);
            return true;
        }
        let Some(at) = self.alone.iter().position(|alone| alone.id == *id) else { return false };
        let alone = self.alone.remove(at);
        self.service.cancel(alone.number, alone.key);
        true
    }

    /// Tells everybody who wants to know what has changed.
    fn tell_changes(&mut self) {
        let Self { service, session, listeners, out, .. } = self;
        while let Some(change) = service.next_change() {
            tell(&change, session, listeners, out);
        }
        #[cfg(feature = "std")]
        while let Some(notice) = service.next_notice() {
            match notice.session() {
                Some(HANDSHAKE) => out.message(Kind::Report, &mut |out| notice.write(session, out)),
                Some(_) => {}
                None => listeners.iter().for_each(|listener| {
                    out.message(Kind::Report, &mut |out| listener.hear(&notice, out));
                }),
            }
        }
    }

    pub(super) fn handle_timeouts(&mut self, now: Instant) {
        while let Some(overdue) = self.service.overdue(now) {
            let (number, key) = (overdue.session(), overdue.key());
            if number == HANDSHAKE {
                self.service.give_up(overdue, &mut self.session, &mut self.out);
            } else if let Some(at) = self.alone.iter().position(|alone| (alone.number, alone.key) == (number, key)) {
                let mut alone = self.alone.remove(at);
                self.service.give_up(overdue, &mut alone.session, &mut self.out);
            }
        }
    }

    #[cfg(feature = "std")]
    pub(super) fn deliver_replies(&mut self, now: Instant) -> bool {
        for _ in 0..MAIL_A_TURN {
            let Some(mail) = self.service.next_mail() else {
                self.tell_changes();
                return false;
            };
            let number = mail.session();
            if number == HANDSHAKE {
                self.service.deliver(now, mail, &mut self.session, &mut self.out);
            } else if let Some(at) = self.alone.iter().position(|alone| alone.number == number) {
                let alone = &mut self.alone[at];
                self.service.deliver(now, mail, &mut alone.session, &mut self.out);
                if alone.session.in_flight() == 0 {
                    self.alone.remove(at);
                }
            }
        }
        self.tell_changes();
        true
    }

    pub(super) fn stop(&mut self) {
        for listener in core::mem::take(&mut self.listeners) {
            // On a stream that carries others' messages as well the end is announced before it comes.
            let cancelled = CancelledParams { request_id: listener.id().as_borrowed(), reason: None };
            self.out.message(Kind::Report, &mut |out| {
                jsonrpc::write_notification(out, Method::NotificationsCancelled.name(), &cancelled).is_ok()
            });
            let profile = self.service.profile();
            self.out.message(Kind::Answer, &mut |out| {
                listener.finish(&profile, out);
                true
            });
        }
        for alone in core::mem::take(&mut self.alone) {
            self.service.cancel(alone.number, alone.key);
        }
        for key in self.session.close() {
            self.service.cancel(HANDSHAKE, key);
        }
        #[cfg(feature = "std")]
        self.service.session_ended(HANDSHAKE);
    }
}

fn tell(change: &Change<'_>, session: &ServerSession, listeners: &[Listener], out: &mut Vec<u8>) {
    out.message(Kind::Report, &mut |out| notify(change, session, out));
    for listener in listeners {
        out.message(Kind::Report, &mut |out| listener.notify(change, out));
    }
}
