//! Answers that come later, from any thread, and how they reach the loop.
//!
//! A `LaterCall` is what a call leaves behind when its handler leaves the loop's thread. Whatever is said in its
//! name goes through one `Mailbox` to the loop, in order. The mailbox is bounded: reports beyond the bound are
//! dropped, and there are never more answers than requests in flight, which the sessions bound.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use core::{fmt, mem};
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};

use mcp_core::jsonrpc::code;
use mcp_core::revision::ProtocolVersion;
use mcp_core::session::{ClientOffers, RequestKey, ServerSession};
use mcp_core::time::Instant;
use mcp_core::types::{LoggingLevel, ProgressToken};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use crate::call::{Note, Reporter};
use crate::result::{IntoToolResult, ToolError};
use crate::service::{Changes, Left, Offer, OfferKind, Outbox, Output, Service};

/// Reports that may wait for the loop. 1024: it empties the mailbox each time it wakes, and further reports say
/// little that the next ones will not.
const REPORTS: usize = 1024;

/// A call that is answered later, from any thread, with what a handler could have returned. Dropped without an
/// answer, it answers with an internal error.
///
/// ```
/// use mcp_server_tiny::call::Call;
/// use mcp_server_tiny::result::{Later, ToolError};
///
/// fn index(call: &mut Call<'_>) -> Result<Later, ToolError> {
///     let reply = call.defer();
///     std::thread::spawn(move || {
///         reply.progress(1.0, Some(2.0), Some("half way"));
///         reply.answer(Ok("done"));
///     });
///     Ok(Later)
/// }
/// ```
#[must_use = "dropping it answers the call with an error"]
pub struct Deferred {
    call: Arc<LaterCall>,
    answered: bool,
}

impl Deferred {
    pub(crate) fn new(call: Arc<LaterCall>) -> Self {
        Self { call, answered: false }
    }

    /// Answers the call. Nothing is sent when the client gave it up. Does not block.
    pub fn answer<R: IntoToolResult>(mut self, result: Result<R, ToolError>) {
        self.answered = true;
        // Anything else promises a result of another kind.
        let result = if self.call.offer.kind == OfferKind::Tool {
            result.and_then(R::into_tool_result)
        } else {
            Err(not_a_tool())
        };
        self.call.answer(result.map(Output::Tool));
    }

    /// Answers the call with an error.
    pub fn fail(self, error: impl Into<ToolError>) {
        self.answer::<()>(Err(error.into()));
    }

    /// Whether the client gave the call up, its session ended or the server stops: an answer is then sent to nobody.
    pub fn is_cancelled(&self) -> bool {
        self.call.is_cancelled()
    }

    /// As [`Call::sleep`](crate::call::Call::sleep).
    ///
    /// # Errors
    ///
    /// When the call is cancelled.
    pub fn sleep(&self, duration: Duration) -> Result<(), ToolError> {
        self.call.sleep(duration)
    }

    /// As [`Call::progress`](crate::call::Call::progress).
    pub fn progress(&self, done: f64, total: Option<f64>, message: Option<&str>) {
        self.call.progress(done, total, message);
    }

    /// As [`Call::log`](crate::call::Call::log).
    pub fn log<D: Serialize + ?Sized>(&self, level: LoggingLevel, data: &D) {
        self.call.log(level, data);
    }
}

impl Drop for Deferred {
    fn drop(&mut self) {
        if !self.answered && !self.call.is_cancelled() {
            log::warn!("a deferred reply of `{}` was dropped without an answer", self.call.offer.name);
            self.call.answer(Err(ToolError::protocol(code::INTERNAL_ERROR, "the tool gave no answer")));
        }
    }
}

impl fmt::Debug for Deferred {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deferred").field("name", &self.call.offer.name).finish_non_exhaustive()
    }
}

fn not_a_tool() -> ToolError {
    ToolError::protocol(code::INTERNAL_ERROR, "only a tool can be answered by a deferred reply")
}

/// A call whose handler left the loop's thread.
pub(crate) struct LaterCall {
    pub(crate) session: u64,
    pub(crate) key: RequestKey,
    pub(crate) version: ProtocolVersion,
    pub(crate) token: Option<ProgressToken<'static>>,
    /// The lowest level that was wanted when the call began; `None` when the server does not log.
    pub(crate) level: Option<LoggingLevel>,
    pub(crate) offers: ClientOffers,
    pub(crate) offer: Arc<Offer>,
    pub(crate) changes: Changes,
    pub(crate) cancelled: AtomicBool,
    /// Whether the handler took it along.
    pub(crate) deferred: AtomicBool,
    pub(crate) reporter: Mutex<Reporter>,
    /// It was cancelled. Waits with the lock of `reporter`.
    pub(crate) cancellation: Condvar,
    pub(crate) mailbox: Mailbox,
    /// Hears of it when the call is cancelled: see [`delegate`](crate::delegate).
    pub(crate) watcher: OnceLock<Watcher>,
}

/// Hears of a cancellation. Never blocks.
pub(crate) type Watcher = Box<dyn Fn() + Send + Sync>;

impl LaterCall {
    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    pub(crate) fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
        // Taken once, so that nobody is between the look at the flag and the wait.
        drop(self.reporter());
        self.cancellation.notify_all();
        if let Some(watcher) = self.watcher.get() {
            watcher();
        }
    }

    pub(crate) fn sleep(&self, duration: Duration) -> Result<(), ToolError> {
        let awake = |_: &mut Reporter| !self.is_cancelled();
        let slept = self.cancellation.wait_timeout_while(self.reporter(), duration, awake);
        drop(slept.unwrap_or_else(PoisonError::into_inner));
        if self.is_cancelled() { Err(ToolError::new("the call was cancelled")) } else { Ok(()) }
    }

    pub(crate) fn reporter(&self) -> MutexGuard<'_, Reporter> {
        self.reporter.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn last_progress(&self) -> Option<f64> {
        self.reporter().last()
    }

    pub(crate) fn is_deferred(&self) -> bool {
        self.deferred.load(Ordering::Relaxed)
    }

    pub(crate) fn set_deferred(&self) {
        self.deferred.store(true, Ordering::Relaxed);
    }

    pub(crate) fn progress(self: &Arc<Self>, done: f64, total: Option<f64>, message: Option<&str>) {
        if self.token.is_none() || self.is_cancelled() {
            return;
        }
        // Sent under the lock: two threads that report must not overtake each other between the check and the mailbox.
        let mut reporter = self.reporter();
        if let Some(note) = reporter.progress(done, total, message) {
            self.send(Letter::Progress(note));
        }
    }

    pub(crate) fn log<D: Serialize + ?Sized>(self: &Arc<Self>, level: LoggingLevel, data: &D) {
        if self.level.is_none_or(|wanted| level < wanted) || self.is_cancelled() {
            return;
        }
        if !self.reporter().log() {
            return;
        }
        if let Ok(data) = to_raw_value(data) {
            self.send(Letter::Log(level, data));
        }
    }

    /// The last thing to be said in the name of a call. Nothing when it was cancelled.
    pub(crate) fn answer(self: &Arc<Self>, result: Result<Output, ToolError>) {
        self.finish(Letter::Answer(result));
    }

    /// The handler wants to know something first.
    pub(crate) fn ask(self: &Arc<Self>, left: Box<Left>) {
        self.finish(Letter::Question(left));
    }

    pub(crate) fn close_stream(self: &Arc<Self>, retry: Option<Duration>) {
        if !self.is_cancelled() {
            self.send(Letter::CloseStream(retry));
        }
    }

    /// Sends the last thing in the name of a call, and before it the progress that is left.
    pub(crate) fn finish(self: &Arc<Self>, letter: Letter) {
        if self.is_cancelled() {
            return;
        }
        let rest = self.reporter().rest();
        if let Some(note) = rest {
            self.send(Letter::Progress(note));
        }
        self.send(letter);
    }

    pub(crate) fn send(self: &Arc<Self>, letter: Letter) {
        self.mailbox.post(Mail { call: Arc::clone(self), letter });
    }
}

/// A message from a worker or a deferred reply to the loop.
pub struct Mail {
    pub(crate) call: Arc<LaterCall>,
    pub(crate) letter: Letter,
}

pub(crate) enum Letter {
    Progress(Note),
    Log(LoggingLevel, Box<RawValue>),
    CloseStream(Option<Duration>),
    Question(Box<Left>),
    Answer(Result<Output, ToolError>),
    /// Whatever else is to be done for a call, on the thread of the loop. Behind a pointer, so that only programs that need it
    /// contain it.
    Act(Box<Act>),
    /// The same, when it may be dropped.
    Report(Box<Act>),
}

/// Something to be done for a call that is in flight.
pub(crate) type Act = dyn FnOnce(&mut Service, Instant, &mut ServerSession, &mut dyn Outbox) + Send;

impl Mail {
    /// Whether it may be dropped when there is too much.
    fn is_report(&self) -> bool {
        matches!(self.letter, Letter::Progress(_) | Letter::Log(..) | Letter::CloseStream(_) | Letter::Report(_))
    }

    /// The number of the session it is for ([`Origin::session`](crate::service::Origin::session)).
    pub fn session(&self) -> u64 {
        self.call.session
    }

    /// The request of that session that it belongs to.
    pub fn request(&self) -> RequestKey {
        self.call.key
    }
}

impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mail").field("session", &self.call.session).finish_non_exhaustive()
    }
}

/// Between the threads that have something to say and the loop; one for all calls of a service.
#[derive(Clone, Default)]
pub(crate) struct Mailbox(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    wake: OnceLock<Box<dyn Fn() + Send + Sync>>,
}

#[derive(Default)]
struct State {
    mail: VecDeque<Mail>,
    /// Reports among the mail.
    reports: usize,
    /// Whether the loop was woken and has not found the mailbox empty since: no need to wake it again.
    woken: bool,
    /// The service is gone: nobody will look.
    closed: bool,
}

impl Mailbox {
    /// Only the first `wake` counts.
    pub(crate) fn wake_with(&self, wake: Box<dyn Fn() + Send + Sync>) {
        let _ = self.0.wake.set(wake);
    }

    pub(crate) fn next(&self) -> Option<Mail> {
        let mut state = self.lock();
        let mail = state.mail.pop_front();
        match &mail {
            Some(mail) if mail.is_report() => state.reports -= 1,
            Some(_) => {}
            None => {
                state.woken = false;
                // A burst is over: its memory goes back.
                state.mail = VecDeque::new();
            }
        }
        mail
    }

    /// Drops all mail, now and from now on: each piece holds its call, and that the mailbox.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        let left = mem::take(&mut state.mail);
        drop(state);
        drop(left);
    }

    /// Wakes the loop, unless it was woken already or is gone.
    pub(crate) fn wake(&self) {
        let state = self.lock();
        if !state.closed {
            self.woken(state);
        }
    }

    fn post(&self, mail: Mail) {
        let mut state = self.lock();
        if state.closed {
            return;
        }
        if mail.is_report() {
            if state.reports >= REPORTS {
                return;
            }
            state.reports += 1;
        }
        state.mail.push_back(mail);
        self.woken(state);
    }

    fn woken(&self, mut state: MutexGuard<'_, State>) {
        let was_woken = mem::replace(&mut state.woken, true);
        drop(state);
        if !was_woken && let Some(wake) = self.0.wake.get() {
            wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
