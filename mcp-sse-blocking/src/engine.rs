//! What the handles, threads and calls of one client share: the session, the calls in flight, and where messages go.
//!
//! Locks: each guards one thing, is held for no longer than it takes to look at it or change it, and never while a peer or
//! a caller's code is waited for. None is taken while another is held, except a slot's own state under the roles
//! ([`reader`](crate::reader)). The lock of the stream is held by whoever has the role of the reader.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use mcp_core::Limits;
use mcp_core::http::{Url, resolve_endpoint};
use mcp_core::jsonrpc::{self, DecodeError, ErrorId, ErrorObject, Fault, Message, Payload, code};
use mcp_core::session::{ApiMisuse, ClientEvent, ClientSession, HandshakeError, RequestOptions};
use mcp_core::text::Excerpt;
use mcp_core::time::{Cause, Deadline};
use mcp_core::types::InitializeParams;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::background::Background;
use crate::clock;
use crate::error::{Delivery, Error, PeerError};
use crate::pending::{Pending, Want};
use crate::reader::Roles;
use crate::slot::{Outcome, Progress, Slot, Waiter};
use crate::transport::exchange::Stop;
use crate::transport::http::{Http, Target};
use crate::transport::http_sse::EventStream;

/// Shared by everything that belongs to one client.
pub(crate) struct Engine {
    me: Weak<Engine>,
    pub(crate) http: Http,
    pub(crate) limits: Limits,
    pub(crate) call_timeout: Option<Duration>,
    /// Where the event stream was found: the base of `endpoint` events.
    stream_url: Url,
    target: Mutex<MessageTarget>,
    table: Mutex<Table>,
    pub(crate) stream: Mutex<Option<EventStream>>,
    pub(crate) roles: Roles,
    pub(crate) background: Background,
}

/// Where messages go.
pub(crate) struct MessageTarget {
    pub(crate) target: Arc<Target>,
    /// Set by the caller: `endpoint` events change nothing.
    pub(crate) fixed: bool,
}

/// The session and who waits for what.
struct Table {
    session: ClientSession,
    slots: HashMap<u64, Arc<Slot>>,
    /// Why the session is over.
    ended: Option<Error>,
    /// The request that opens the session, and what must be sent when it has succeeded.
    handshake: Option<u64>,
    initialized: Vec<u8>,
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
    pub(crate) fn new(
        http: Http,
        limits: Limits,
        call_timeout: Option<Duration>,
        stream: EventStream,
        target: MessageTarget,
        background: Background,
    ) -> Arc<Self> {
        Arc::new_cyclic(|me| Self {
            me: me.clone(),
            http,
            call_timeout,
            stream_url: stream.url().clone(),
            target: Mutex::new(target),
            table: Mutex::new(Table {
                session: ClientSession::new(limits.clone()),
                slots: HashMap::new(),
                ended: None,
                handshake: None,
                initialized: Vec::new(),
            }),
            limits,
            stream: Mutex::new(Some(stream)),
            roles: Roles::default(),
            background,
        })
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // Nothing that runs under this lock can panic half-way: see `begin` for what is kept out of it.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `None` when the last handle is gone and nothing may be started any more.
    pub(crate) fn arc(&self) -> Option<Arc<Self>> {
        self.me.upgrade()
    }

    /// Where the next message goes.
    pub(crate) fn target(&self) -> Arc<Target> {
        Arc::clone(&self.target.lock().unwrap_or_else(PoisonError::into_inner).target)
    }

    /// Why the session is over, if it is.
    pub(crate) fn ended(&self) -> Option<Error> {
        self.table().ended.clone()
    }

    /// Looks at what the server said of itself.
    pub(crate) fn session<R>(&self, look: impl FnOnce(&ClientSession) -> R) -> R {
        look(&self.table().session)
    }

    /// Registers the request that opens the session.
    pub(crate) fn begin_handshake(
        &self,
        params: &InitializeParams,
        timeout: Option<Duration>,
    ) -> Result<Pending, Error> {
        let deadline = timeout.map(|timeout| Deadline::after(clock::now(), timeout, Cause::Initialize));
        let want = Want { waiter: Waiter::Caller, timeout, progress: false };
        self.register(want, deadline, |table, out| {
            let id = table.session.initialize(params, None, out)?;
            table.handshake = Some(id);
            Ok(id)
        })
    }

    /// Takes `notifications/initialized`, once the handshake is done.
    pub(crate) fn take_initialized(&self) -> Vec<u8> {
        std::mem::take(&mut self.table().initialized)
    }

    /// Registers a request before it is sent: its reply may overtake the answer to its POST (R-SSE-26).
    ///
    /// `params` must not run code of the caller: pass what it serialized to. It is written under the lock of the session.
    pub(crate) fn begin<P: Serialize + ?Sized>(&self, method: &str, params: &P, want: Want) -> Result<Pending, Error> {
        let deadline = want.timeout.map(|timeout| Deadline::after(clock::now(), timeout, Cause::Call));
        self.register(want, deadline, |table, out| {
            let options = RequestOptions { deadline: None, progress: want.progress };
            table.session.request(method, params, options, out)
        })
    }

    fn register(
        &self,
        want: Want,
        deadline: Option<Deadline>,
        write: impl FnOnce(&mut Table, &mut Vec<u8>) -> Result<u64, ApiMisuse>,
    ) -> Result<Pending, Error> {
        let engine = self.arc().ok_or(Error::Closed(Delivery::NotSent))?;
        let mut message = Vec::with_capacity(256);
        let mut table = self.table();
        if let Some(ended) = &table.ended {
            return Err(ended.clone().with_delivery(Delivery::NotSent));
        }
        let id = write(&mut table, &mut message).map_err(misuse)?;
        let slot = Arc::new(Slot::new(id, want.waiter));
        table.slots.insert(id, Arc::clone(&slot));
        drop(table);
        if want.waiter == Waiter::Job {
            self.roles.job_began();
        }
        Ok(Pending::new(engine, slot, deadline, want.timeout, message))
    }

    /// Writes a notification of the caller's.
    pub(crate) fn notification<P: Serialize + ?Sized>(&self, method: &str, params: &P) -> Result<Vec<u8>, Error> {
        let mut message = Vec::new();
        let mut table = self.table();
        if let Some(ended) = &table.ended {
            return Err(ended.clone().with_delivery(Delivery::NotSent));
        }
        table.session.notify(method, params, &mut message).map_err(misuse)?;
        Ok(message)
    }

    /// Sends one message and judges the answer for the session as a whole.
    pub(crate) fn post(
        &self,
        message: &[u8],
        deadline: Option<Deadline>,
        stop: Option<Arc<dyn Stop>>,
    ) -> Result<(), Error> {
        log::trace!(target: WIRE, "--> {}", Excerpt::new(&String::from_utf8_lossy(message), WIRE_CHARACTERS));
        let target = self.target();
        self.http.post(&target, message, deadline, stop).map_err(|error| match error {
            Error::SessionGone(_) => {
                self.end(error.clone());
                error
            }
            // Sockets are shut down after the end of the session, whatever ended it.
            Error::Closed(delivery) => self.ended().unwrap_or(error).with_delivery(delivery),
            error => error,
        })
    }

    /// Gives a call up, telling the server in the background (R-LM-77). False when it is not in flight any more.
    pub(crate) fn cancel(&self, id: u64, reason: &str, outcome: Option<Outcome>) -> bool {
        let mut message = Vec::new();
        let mut table = self.table();
        let cancelled = table.session.cancel(id, Some(reason), &mut message);
        let slot = table.slots.remove(&id);
        drop(table);
        if cancelled && !message.is_empty() {
            self.background.post(self, message);
        }
        if let (Some(slot), Some(outcome)) = (slot, outcome) {
            self.deliver(&slot, outcome);
        }
        cancelled
    }

    /// Forgets a call that the server has not seen.
    pub(crate) fn forget(&self, id: u64) {
        let mut table = self.table();
        table.session.forget(id);
        table.slots.remove(&id);
    }

    /// Ends the session for everybody: calls in flight get `error`, later ones as well, sockets are shut down.
    pub(crate) fn end(&self, error: Error) {
        let mut table = self.table();
        if table.ended.is_some() {
            return;
        }
        table.ended = Some(error.clone());
        let _ = table.session.close().count();
        let slots = std::mem::take(&mut table.slots);
        drop(table);
        match &error {
            Error::Closed(_) => log::debug!(target: LOG, "closed"),
            error => log::debug!(target: LOG, "the session is over: {error}"),
        }
        for slot in slots.values() {
            self.deliver(slot, Err(error.clone().with_delivery(Delivery::Sent)));
        }
        self.roles.end();
        self.background.end();
        self.http.shut_down();
    }

    fn deliver(&self, slot: &Slot, outcome: Outcome) {
        if slot.waiter == Waiter::Caller {
            // Before the outcome, so that the role is not handed to somebody who is about to leave.
            self.roles.leave(slot);
        }
        slot.settle(outcome);
    }

    /// Takes in one event of the stream. `own` is the call of the thread that read it.
    pub(crate) fn take_event<'a>(&self, event: &mcp_core::sse::Event<'a>, own: Option<u64>) -> Taken<'a> {
        if event.event == b"endpoint" {
            self.handle_endpoint(&event.data_str());
            return Taken::Other;
        }
        if !event.carries_message() {
            log::debug!(target: LOG, "ignored an event of type `{}`", Excerpt::new(&event.event_str(), 64));
            return Taken::Other;
        }
        self.take_data(event.data, own)
    }

    /// Takes in the data of one `message` event.
    pub(crate) fn take_data<'a>(&self, data: &'a [u8], own: Option<u64>) -> Taken<'a> {
        log::trace!(target: WIRE, "<-- {}", Excerpt::new(&String::from_utf8_lossy(data), WIRE_CHARACTERS));
        match jsonrpc::decode(data, &self.limits) {
            Ok(Payload::Message(message)) => self.take_message(message, own),
            Ok(Payload::Batch(batch)) => {
                if !self.session(|session| session.version().is_some_and(|version| version.allows_batches())) {
                    log::warn!(target: LOG, "refused a batch, which the negotiated revision does not have (R-LM-10)");
                    let mut answer = Vec::new();
                    let error = ErrorObject::new(code::INVALID_REQUEST, "batches are not part of this revision");
                    jsonrpc::write_error(&mut answer, &ErrorId::Null, &error);
                    self.background.post(self, answer);
                    return Taken::Other;
                }
                // Replies in a batch go through their slots: the reader looks at its own when all are there.
                let mut served = false;
                for message in batch {
                    match message {
                        Ok(message) => served |= matches!(self.take_message(message, None), Taken::ForCaller),
                        Err(error) => log::warn!(target: LOG, "ignored a part of a batch: {error}"),
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
                std::borrow::Cow::Owned(text) => match jsonrpc::decode(text.as_bytes(), &self.limits) {
                    // The reply cannot be borrowed from the stream's buffer: through the slot as well.
                    Ok(Payload::Message(message)) => match self.take_message(message, None) {
                        Taken::ForCaller if own.is_none() => Taken::ForCaller,
                        _ if own.is_some() => Taken::Mine,
                        _ => Taken::Other,
                    },
                    _ => self.take_malformed(&error),
                },
                std::borrow::Cow::Borrowed(_) => self.take_malformed(&error),
            },
        }
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
                        message: progress.message.map(std::borrow::Cow::into_owned),
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
            ClientEvent::Answered => {
                drop(table);
                self.background.post(self, out);
                Taken::Other
            }
            ClientEvent::Log(message) => {
                drop(table);
                self.background.log(&message);
                Taken::Other
            }
            ClientEvent::Notification(notification) => {
                drop(table);
                self.background.notification(&notification);
                Taken::Other
            }
            ClientEvent::Ignored(why) => {
                drop(table);
                log::debug!(target: LOG, "ignored {why}");
                Taken::Other
            }
            _ => Taken::Other,
        }
    }

    /// What is no message disturbs nobody. But when it can only be an answer, and says to which request, there is no use in
    /// waiting for a better one.
    fn take_malformed(&self, error: &DecodeError<'_>) -> Taken<'static> {
        log::warn!(target: LOG, "ignored what is no message: {error}");
        let (Fault::InvalidErrorObject | Fault::NoMessage, ErrorId::Known(id)) = (&error.fault, &error.id) else {
            return Taken::Other;
        };
        let Some(id) = id.as_u64() else { return Taken::Other };
        let mut table = self.table();
        table.session.forget(id);
        let slot = table.slots.remove(&id);
        drop(table);
        self.hand_on(slot, Err(PeerError::Message(error.to_string()).into()));
        Taken::Mine
    }

    fn hand_on(&self, slot: Option<Arc<Slot>>, outcome: Outcome) -> Taken<'static> {
        let Some(slot) = slot else { return Taken::Other };
        self.deliver(&slot, outcome);
        if slot.waiter == Waiter::Caller { Taken::ForCaller } else { Taken::Other }
    }

    /// An `endpoint` event after the first: checked as the first was, then messages go there (R-SSE-33).
    fn handle_endpoint(&self, data: &str) {
        let new = match resolve_endpoint(&self.stream_url, data).map_err(PeerError::Endpoint) {
            Ok(url) => Target::new(url),
            Err(error) => Err(error.into()),
        };
        let mut target = self.target.lock().unwrap_or_else(PoisonError::into_inner);
        match new {
            _ if target.fixed => log::debug!(target: LOG, "ignored an `endpoint` event: `message_url` is set"),
            Ok(new) => {
                log::debug!(target: LOG, "messages go to {} from now on", new.url);
                target.target = Arc::new(new);
            }
            Err(error) => {
                drop(target);
                self.end(error);
            }
        }
    }
}

/// Where this crate's lines in the log stand.
pub(crate) const LOG: &str = "mcp::client";
/// Where both wires stand, at level trace. Messages are cut; they may hold what the caller sends to its tools.
const WIRE: &str = "mcp::wire";
const WIRE_CHARACTERS: usize = 4096;

pub(crate) fn misuse(error: ApiMisuse) -> Error {
    match error {
        ApiMisuse::Limit(exceeded) => Error::Limit(exceeded),
        error => Error::Usage(error.to_string()),
    }
}

fn handshake_failure(error: HandshakeError) -> Error {
    match error {
        HandshakeError::Refused(error) => Error::Rpc(error),
        HandshakeError::UnsupportedVersion(version) => {
            PeerError::ProtocolVersion(Excerpt::new(&version, 32).to_string()).into()
        }
        error => PeerError::Result { method: "initialize".into(), problem: error.to_string() }.into(),
    }
}
