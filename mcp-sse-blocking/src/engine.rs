//! What the handles, threads and calls of one client share: the session, the calls in flight, and where messages go.
//!
//! Locks: each guards one thing, is held for no longer than it takes to look at it or change it, and never while a peer or
//! a caller's code is waited for. None is taken while another is held, except a slot's own state under the roles
//! ([`reader`](crate::reader)). The lock of the stream is held by whoever has the role of the reader.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use mcp_core::Limits;
use mcp_core::session::{ApiMisuse, ClientSession, RequestOptions};
use mcp_core::time::Deadline;
use mcp_core::types::InitializeParams;
use serde::Serialize;

use crate::background::Background;
use crate::backoff::Losses;
use crate::carrier::{Carrier, Unsent};
use crate::clock;
use crate::error::{Delivery, Error};
use crate::features::Features;
use crate::hints::Hints;
use crate::log_target;
use crate::params::AnnotatedTools;
use crate::pending::{Pending, Repeat, Want};
use crate::questions::Questions;
use crate::reader::Roles;
use crate::slot::{Outcome, Slot, Waiter};
use crate::standing::Standing;
use crate::transport::exchange::Stop;

/// Shared by everything that belongs to one client.
pub(crate) struct Engine {
    me: Weak<Engine>,
    pub(crate) carrier: Carrier,
    pub(crate) limits: Limits,
    pub(crate) call_timeout: Option<Duration>,
    table: Mutex<Table>,
    pub(crate) param_headers: AnnotatedTools,
    pub(crate) roles: Roles,
    pub(crate) background: Background,
    pub(crate) features: Features,
    pub(crate) questions: Questions,
    warnings: Warnings,
    losses: Mutex<Losses>,
    pub(crate) standing: Standing,
    pub(crate) hints: Hints,
}

/// What a request is registered in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Session {
    /// A session that stands.
    Standing,
    /// Whatever there is.
    Opening,
}

/// What is wrong with a server is said at level warn this often, then at level debug: it must not fill a log.
const WARNINGS: u64 = 16;

/// How often the server was warned of.
#[derive(Debug, Default)]
struct Warnings(AtomicU64);

/// The session and who waits for what.
pub(crate) struct Table {
    pub(crate) session: ClientSession,
    pub(crate) slots: HashMap<u64, Arc<Slot>>,
    /// Why the session is over.
    ended: Option<Error>,
    /// The request that opens the session, and what must be sent when it has succeeded.
    pub(crate) handshake: Option<u64>,
    pub(crate) initialized: Vec<u8>,
}

impl Engine {
    #[allow(clippy::too_many_arguments, reason = "called in one place, with one value for each field")]
    pub(crate) fn new(
        carrier: Carrier,
        session: ClientSession,
        limits: Limits,
        call_timeout: Option<Duration>,
        background: Background,
        features: Features,
        standing: Standing,
        hints: Hints,
    ) -> Arc<Self> {
        Arc::new_cyclic(|me| Self {
            me: me.clone(),
            carrier,
            call_timeout,
            table: Mutex::new(Table {
                session,
                slots: HashMap::new(),
                ended: None,
                handshake: None,
                initialized: Vec::new(),
            }),
            limits,
            param_headers: AnnotatedTools::default(),
            roles: Roles::default(),
            background,
            features,
            questions: Questions::default(),
            warnings: Warnings::default(),
            losses: Mutex::new(Losses::new(clock::now())),
            standing,
            hints,
        })
    }

    /// Logs what the server did wrong.
    pub(crate) fn warn(&self, what: fmt::Arguments<'_>) {
        log::log!(target: log_target::CLIENT, self.warnings.level(), "{what}");
    }

    pub(crate) fn table(&self) -> MutexGuard<'_, Table> {
        // Nothing that runs under this lock can panic half-way: see `begin` for what is kept out of it.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `None` when the last handle is gone and nothing may be started any more.
    pub(crate) fn arc(&self) -> Option<Arc<Self>> {
        self.me.upgrade()
    }

    /// Why the session is over, if it is.
    pub(crate) fn ended(&self) -> Option<Error> {
        self.table().ended.clone()
    }

    /// The session was opened anew in place of one that the server lost.
    pub(crate) fn adopt(&self, opened: ClientSession) {
        self.table().session.adopt(opened);
    }

    /// Looks at what the server said of itself.
    pub(crate) fn session<R>(&self, look: impl FnOnce(&ClientSession) -> R) -> R {
        look(&self.table().session)
    }

    /// Registers the request that opens the session.
    pub(crate) fn begin_handshake(
        &self,
        params: &InitializeParams,
        deadline: Option<Deadline>,
    ) -> Result<Pending, Error> {
        let want = Want { timeout: self.call_timeout, deadline, ..Want::within(None) };
        self.register(&want, Session::Opening, |table, out| {
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
    pub(crate) fn begin<P: Serialize + ?Sized>(&self, method: &str, params: &P, want: &Want) -> Result<Pending, Error> {
        loop {
            self.stand(want)?;
            match self.register_request(method, params, want) {
                // It was lost in between.
                Err(Error::StreamEnded(Delivery::NotSent)) if self.standing.is_lost() => {}
                registered => return registered,
            }
        }
    }

    /// Registers a request in the session that there is.
    pub(crate) fn register_request<P: Serialize + ?Sized>(
        &self,
        method: &str,
        params: &P,
        want: &Want,
    ) -> Result<Pending, Error> {
        // Over Streamable HTTP a server that cannot be reached has its session all the same.
        let session = if self.carrier.shared().is_some() { Session::Standing } else { Session::Opening };
        self.register(want, session, |table, out| {
            let meta = want.meta.as_deref();
            let options = RequestOptions { deadline: None, progress: want.progress, level: want.level, meta };
            table.session.request(method, params, options, out)
        })
    }

    fn register(
        &self,
        want: &Want,
        session: Session,
        write: impl FnOnce(&mut Table, &mut Vec<u8>) -> Result<u64, ApiMisuse>,
    ) -> Result<Pending, Error> {
        let engine = self.arc().ok_or(Error::Closed(Delivery::NotSent))?;
        let mut message = Vec::with_capacity(256);
        let mut table = self.table();
        if let Some(ended) = &table.ended {
            return Err(ended.clone().with_delivery(Delivery::NotSent));
        }
        // Under this lock: what is registered before a loss is found by it.
        if session == Session::Standing && self.standing.is_lost() {
            return Err(Error::StreamEnded(Delivery::NotSent));
        }
        let peer = self.carrier.shared().map_or(0, |shared| shared.sink().number());
        let losses = self.standing.losses();
        let id = write(&mut table, &mut message).map_err(misuse)?;
        if let Some(stopped) = want.job.as_ref().and_then(|job| job.enter(id).err()) {
            table.session.forget(id);
            return Err(stopped);
        }
        let slot = Arc::new(Slot::new(id, want.waiter).feeding(want.feed.clone()).at(peer));
        table.slots.insert(id, Arc::clone(&slot));
        drop(table);
        if want.waiter == Waiter::Job {
            self.roles.job_began();
        }
        Ok(Pending::new(engine, slot, want, message).with_peer(peer, losses))
    }

    /// Writes a notification of the caller's.
    pub(crate) fn notification<P: Serialize + ?Sized>(&self, method: &str, params: &P) -> Result<Vec<u8>, Error> {
        let mut message = Vec::new();
        let mut table = self.table();
        if let Some(ended) = &table.ended {
            return Err(ended.clone().with_delivery(Delivery::NotSent));
        }
        // The session that follows a lost one is not open yet: the notification is for it.
        if let Err(error) = table.session.notify(method, params, &mut message)
            && !self.standing.is_lost()
        {
            return Err(misuse(error));
        }
        Ok(message)
    }

    /// Sends one message and judges the answer for the session as a whole. `peer` is the [number](Carrier::number) of the session
    /// that it belongs to, if it belongs to one; it reaches no other. `repeat` says whether it may be sent once more when it was lost
    /// on its way.
    pub(crate) fn post(
        &self,
        message: &[u8],
        peer: Option<u64>,
        deadline: Option<Deadline>,
        stop: Option<Arc<dyn Stop>>,
        repeat: Repeat,
    ) -> Result<(), Error> {
        self.insight().sent(message);
        let posted = match &self.carrier {
            Carrier::Shared(shared) => {
                // A peer that is busy writing takes nothing until somebody reads it (R-IO-31), and this thread does not now.
                let is_large = message.len() > AT_ONCE;
                if is_large {
                    self.roles.job_began();
                }
                let posted = shared.sink().post(message, peer, deadline, stop, repeat);
                if is_large {
                    self.roles.job_ended();
                }
                posted
            }
            Carrier::Streamable(_) if peer.is_some_and(|peer| peer != self.carrier.number()) => {
                return Err(Error::StreamEnded(Delivery::NotSent));
            }
            Carrier::Streamable(streamable) => {
                return streamable.post(message, &self.mirrored(message)?, deadline, stop, repeat);
            }
        };
        posted.map_err(|Unsent { peer, error }| match error {
            Error::SessionGone(_) => {
                self.session_gone(peer, &error);
                error
            }
            // Sockets are shut down after the end of the session, whatever ended it.
            Error::Closed(delivery) => self.ended().unwrap_or(error).with_delivery(delivery),
            error => error,
        })
    }

    /// The server does not know this session of HTTP+SSE any more, as a POST was told (R-SSE-28): its stream is of no use.
    fn session_gone(&self, peer: u64, error: &Error) {
        let Some(shared) = self.carrier.shared() else { return };
        self.lose(peer, error, None);
        shared.sink().give_up(peer, error);
    }

    /// Gives a call up, telling the server in the background (R-LM-77). False when it is not in flight any more.
    pub(crate) fn cancel(&self, id: u64, reason: &str, outcome: Option<Outcome>) -> bool {
        let mut message = Vec::new();
        let mut table = self.table();
        let cancelled = table.session.cancel(id, Some(reason), &mut message);
        let slot = table.slots.remove(&id);
        // Where the end of the connection says it, nothing else does (R-ST-34).
        let is_told = matches!(self.carrier, Carrier::Streamable(_))
            && table.session.version().is_some_and(|version| version.disconnect_cancels());
        drop(table);
        if cancelled && !message.is_empty() && !is_told {
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
        self.end_after(error, || {});
    }

    /// The same, with a last thing to do before the sockets are shut down.
    pub(crate) fn end_after(&self, error: Error, last: impl FnOnce()) {
        let mut table = self.table();
        if table.ended.is_some() {
            return;
        }
        table.ended = Some(error.clone());
        self.insight().disconnected(&error);
        let _ = table.session.close().count();
        let slots = std::mem::take(&mut table.slots);
        drop(table);
        match &error {
            Error::Closed(_) => log::debug!(target: log_target::CLIENT, "closed"),
            error => log::debug!(target: log_target::CLIENT, "the session is over: {error}"),
        }
        self.standing.end(&error);
        for slot in slots.values() {
            self.deliver(slot, Err(error.clone().with_delivery(Delivery::Sent)));
        }
        self.roles.end();
        self.features.end(&error);
        self.background.end();
        self.questions.end();
        last();
        self.carrier.shut_down();
    }

    /// What is in flight in the session with this number, which is forgotten with whatever the server asked; `None` when the client
    /// is closed. The next session may have begun meanwhile: what is in flight in that is left alone.
    pub(crate) fn take_in_flight(&self, peer: u64) -> Option<Vec<Arc<Slot>>> {
        let mut table = self.table();
        if table.ended.is_some() {
            return None;
        }
        let lost: Vec<Arc<Slot>> = table.slots.extract_if(|_, slot| slot.peer == peer).map(|(_, slot)| slot).collect();
        for slot in &lost {
            table.session.forget(slot.id);
        }
        if self.carrier.shared().is_some_and(|shared| shared.sink().number() == peer) {
            table.session.withdraw_questions();
        }
        Some(lost)
    }

    /// From now on nothing was said in the session: another handshake follows.
    pub(crate) fn blank_session(&self) {
        let mut table = self.table();
        table.session = table.session.anew();
        table.handshake = None;
        table.initialized.clear();
    }

    /// The pause after a loss that only those who listen mind.
    pub(crate) fn pause_after_loss(&self) -> Duration {
        self.losses.lock().unwrap_or_else(PoisonError::into_inner).after(clock::now())
    }

    /// Gives a call its outcome.
    pub(crate) fn deliver(&self, slot: &Slot, outcome: Outcome) {
        if slot.waiter == Waiter::Caller {
            // Before the outcome, so that the role is not handed to somebody who is about to leave.
            self.roles.leave(slot);
        }
        slot.settle(outcome);
    }
}

impl Warnings {
    /// The level of the next one.
    fn level(&self) -> log::Level {
        if self.0.fetch_add(1, Ordering::Relaxed) < WARNINGS { log::Level::Warn } else { log::Level::Debug }
    }
}

pub(crate) const WIRE_CHARACTERS: usize = 4096;

/// Bytes of a message that is written in one piece as a rule. 32 KiB: half of what an empty pipe takes.
const AT_ONCE: usize = 32 << 10;

pub(crate) fn misuse(error: ApiMisuse) -> Error {
    match error {
        ApiMisuse::Limit(exceeded) => Error::Limit(exceeded),
        error => Error::Usage(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_cannot_fill_the_log_with_warnings() {
        let warnings = Warnings::default();
        let loud = (0..1000).filter(|_| warnings.level() == log::Level::Warn).count();
        assert_eq!(loud as u64, WARNINGS);
    }
}
