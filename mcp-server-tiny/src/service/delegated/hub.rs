//! What the calls and clients of a delegate share: where calls wait for their clients, and what is to be told.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};

use mcp_core::jsonrpc::Members;
use mcp_core::session::ServerSession;
use mcp_core::time::Instant;
use mcp_core::types::ProgressToken;
use serde_json::value::RawValue;

use super::super::offer::{Offer, OfferKind};
use super::super::{Changes, Origin, Outbox, Outcome, Service};
use super::{Notice, asking, key, passed};
use crate::call::Reporter;
use crate::deferred::{LaterCall, Mailbox};
use crate::delegate::Shared;

/// Progress notifications of one call in a row, and in a second after that: whoever makes them has bounded them.
const PROGRESS_RATE: u32 = 100;
/// What is told between two looks of the loop.
const NOTICES: usize = 1024;
/// Bytes of it. 16 MiB: four of the largest messages.
const NOTICE_BYTES: usize = 16 << 20;

/// What a delegate's calls and clients share.
pub(crate) struct Hub {
    mailbox: Mailbox,
    /// What the machine for calls has to know of one.
    offer: Arc<Offer>,
    parked: Mutex<BTreeMap<Box<str>, Parked>>,
    notices: Mutex<VecDeque<Notice>>,
    notice_bytes: AtomicUsize,
    has_notices: AtomicBool,
}

/// A call whose client was asked and makes its request again.
pub(super) struct Parked {
    pub(super) call: Arc<Shared>,
    pub(super) deadline: Instant,
}

impl Hub {
    /// Wakes the loop of this mailbox.
    pub(super) fn new(mailbox: Mailbox) -> Self {
        let offer = Offer { progress_rate: PROGRESS_RATE, ..Offer::new(OfferKind::Resource, "delegate".into()) };
        Self {
            mailbox,
            offer: Arc::new(offer),
            parked: Mutex::default(),
            notices: Mutex::default(),
            notice_bytes: AtomicUsize::new(0),
            has_notices: AtomicBool::new(false),
        }
    }

    pub(crate) fn post(&self, notice: Notice) {
        let mut notices = lock(&self.notices);
        let bytes = notice.bytes();
        let held = self.notice_bytes.load(Ordering::Relaxed);
        let is_full = notices.len() >= NOTICES || held > 0 && held.saturating_add(bytes) > NOTICE_BYTES;
        if is_full {
            return log::warn!(
                "a message was not sent: {NOTICES} others, or {NOTICE_BYTES} bytes of them, wait for the loop"
            );
        }
        self.notice_bytes.fetch_add(bytes, Ordering::Relaxed);
        notices.push_back(notice);
        self.has_notices.store(true, Ordering::Release);
        drop(notices);
        self.mailbox.wake();
    }

    pub(super) fn next_notice(&self) -> Option<Notice> {
        if !self.has_notices.load(Ordering::Acquire) {
            return None;
        }
        let mut notices = lock(&self.notices);
        let notice = notices.pop_front();
        if let Some(notice) = &notice {
            self.notice_bytes.fetch_sub(notice.bytes(), Ordering::Relaxed);
        }
        if notices.is_empty() {
            self.has_notices.store(false, Ordering::Release);
        }
        notice
    }

    pub(super) fn parked(&self) -> MutexGuard<'_, BTreeMap<Box<str>, Parked>> {
        lock(&self.parked)
    }
}

impl Hub {
    pub(super) fn link(
        &self,
        session: &ServerSession,
        origin: &Origin<'_>,
        token: Option<&ProgressToken<'_>>,
        progress: Option<f64>,
    ) -> Arc<LaterCall> {
        Arc::new(LaterCall {
            session: origin.session,
            key: origin.key,
            version: session.version(),
            token: token.map(|token| token.clone().into_owned()),
            level: session.level(),
            offers: session.offers(),
            offer: Arc::clone(&self.offer),
            changes: Changes::default(),
            cancelled: AtomicBool::new(false),
            deferred: AtomicBool::new(true),
            reporter: Mutex::new(Reporter::new(self.offer.progress_rate).after(progress)),
            cancellation: Condvar::new(),
            mailbox: self.mailbox.clone(),
            watcher: OnceLock::new(),
        })
    }

    /// The client of a parked call makes its request again.
    pub(super) fn go_on(
        &self,
        service: &mut Service,
        session: &mut ServerSession,
        origin: &Origin<'_>,
        (call, link): (Arc<Shared>, Arc<LaterCall>),
        responses: Option<&RawValue>,
        outbox: &mut dyn Outbox,
    ) -> Outcome {
        let responses = responses.and_then(Members::of).unwrap_or_default();
        watch(&call, &link);
        let mut state = call.state();
        if let Some(outcome) = state.outcome.take() {
            drop(state);
            return passed::answer(service, session, origin, &call, outcome, outbox);
        }
        let (mut answered, mut open) = (Vec::new(), Vec::new());
        for question in std::mem::take(&mut state.questions) {
            match responses.get(&key(question.number)) {
                Some(response) => answered.push((question.hear, response)),
                None => open.push(question),
            }
        }
        let is_open = !open.is_empty();
        state.questions = open;
        // Under the lock under which it was seen that there is no outcome: one that came in between would be kept for a client
        // that waits already, and a question for its next request. The loop is here, so nothing is delivered before the link is
        // known to the service.
        state.attach(&link);
        drop(state);
        service.later.register(Arc::clone(&link));
        for (hear, response) in answered {
            hear(Ok(response.to_owned()));
        }
        if is_open {
            asking::park(service, session, origin.now, (&call, &link), outbox);
        }
        Outcome::Later
    }
}

/// From now on a request of a client waits for the call.
pub(super) fn attach(call: &Arc<Shared>, link: &Arc<LaterCall>) {
    watch(call, link);
    call.state().attach(link);
}

/// A call hears when the request of its client is cancelled.
fn watch(call: &Arc<Shared>, link: &Arc<LaterCall>) {
    let watched = Arc::downgrade(call);
    let _ = link.watcher.set(Box::new(move || {
        if let Some(call) = watched.upgrade() {
            call.cancel();
        }
    }));
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
