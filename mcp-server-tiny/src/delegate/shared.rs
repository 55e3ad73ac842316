//! A delegated call as its holder and the loop share it.
//!
//! While a client waits it has a link to the client's request. While the client of the revision without sessions thinks about a
//! question it has none, and an answer that comes then is kept for when the client asks again.

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use mcp_core::jsonrpc::{self, Error, code};
use mcp_core::revision::ProtocolVersion;
use mcp_core::session::ClientOffers;
use mcp_core::types::{LoggingLevel, Method};
use serde_json::value::RawValue;

use crate::deferred::{LaterCall, Letter};
use crate::service::{Hub, delegated};

/// Hears what a client answered.
pub(crate) type Hear = Box<dyn FnOnce(Outcome) + Send>;

/// A result, or an error in its place.
pub(crate) type Outcome = Result<Box<RawValue>, jsonrpc::Error>;

/// Questions of one call that may be open at a time. 16: as many as official servers ask at once, and more than a person answers.
const QUESTIONS: usize = 16;

/// A question without an answer.
pub(crate) struct Open {
    pub(crate) number: u64,
    pub(crate) method: Method,
    pub(crate) params: Option<Box<RawValue>>,
    pub(crate) hear: Hear,
}

impl Open {
    pub(crate) fn refuse(self, code: i64, why: &str) {
        (self.hear)(Err(Error::new(code, why)));
    }
}

/// One delegated call.
pub(crate) struct Shared {
    pub(crate) method: Method,
    /// What was asked for, to which a sealed state is bound. Only in the revision where state travels.
    pub(crate) subject: Box<str>,
    /// What the caller authenticated with.
    pub(crate) credential: Option<Arc<[u8]>>,
    pub(crate) hub: Weak<Hub>,
    state: Mutex<State>,
}

#[derive(Default)]
pub(crate) struct State {
    /// The request of the client that waits now.
    pub(crate) link: Option<Arc<LaterCall>>,
    /// What the client can be asked, and how.
    pub(crate) asked_in: Option<(ProtocolVersion, ClientOffers)>,
    /// Questions that travel by way of answers; those that are requests wait in the service.
    pub(crate) questions: Vec<Open>,
    /// Those that are requests, from when they are asked to when nobody waits for an answer any more.
    requested: Vec<Requested>,
    /// The loop is to answer the request of the client with the questions, and has not come to it.
    asks_back: bool,
    newest: u64,
    /// Came while nobody waited.
    pub(crate) outcome: Option<Outcome>,
    pub(crate) is_over: bool,
    is_cancelled: bool,
    on_cancel: Vec<Box<dyn FnOnce() + Send>>,
    /// How often its client was asked.
    pub(crate) rounds: usize,
    /// How far it has said it is.
    pub(crate) progress: Option<f64>,
}

/// A question that is a request.
struct Requested {
    number: u64,
    is_withdrawn: bool,
}

/// Counts a question that is a request for as long as anybody holds what hears its answer: the mailbox, then the service.
struct Counted {
    call: Weak<Shared>,
    number: u64,
}

impl Drop for Counted {
    fn drop(&mut self) {
        if let Some(call) = self.call.upgrade() {
            call.state().requested.retain(|asked| asked.number != self.number);
        }
    }
}

impl State {
    /// From now on a request of a client waits for the call.
    pub(crate) fn attach(&mut self, link: &Arc<LaterCall>) {
        (self.link, self.asked_in) = (Some(Arc::clone(link)), Some((link.version, link.offers)));
        // What was to be done for another request is not done for this one.
        self.asks_back = false;
    }

    fn open_questions(&self) -> usize {
        self.questions.len() + self.requested.len()
    }
}

impl Shared {
    pub(crate) fn new(method: Method, subject: Box<str>, credential: Option<Arc<[u8]>>, hub: Weak<Hub>) -> Self {
        Self { method, subject, credential, hub, state: Mutex::default() }
    }

    /// No code of others runs while it is held.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn is_over(&self) -> bool {
        let state = self.state();
        state.is_over || state.is_cancelled
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.state().is_cancelled
    }

    pub(super) fn open_questions(&self) -> usize {
        self.state().open_questions()
    }

    /// The loop is about to ask the client back.
    pub(crate) fn asks_back(&self) {
        self.state().asks_back = false;
    }

    fn link(&self) -> Option<Arc<LaterCall>> {
        self.state().link.clone()
    }

    pub(super) fn answer(self: &Arc<Self>, outcome: Outcome) {
        let mut state = self.state();
        if state.is_over || state.is_cancelled {
            return;
        }
        state.is_over = true;
        let (hooks, questions) = (mem::take(&mut state.on_cancel), mem::take(&mut state.questions));
        match state.link.take() {
            None => {
                state.outcome = Some(outcome);
                drop(state);
            }
            Some(link) => {
                drop(state);
                let act = delegated::settle(Arc::clone(&link), Arc::clone(self), outcome);
                link.finish(Letter::Act(act));
            }
        }
        // They may hold anything, this call among it, and look at it when they go: not under the lock.
        drop((hooks, questions));
    }

    pub(super) fn progress(&self, done: f64, total: Option<f64>, message: Option<&str>) {
        if let Some(link) = self.link() {
            link.progress(done, total, message);
        }
    }

    pub(super) fn log(&self, level: LoggingLevel, logger: Option<Box<str>>, data: Box<RawValue>) {
        if let Some(link) = self.link().filter(|link| !link.is_cancelled())
            && link.reporter().log()
        {
            link.send(Letter::Report(delegated::log(level, logger, data)));
        }
    }

    pub(super) fn ask(self: &Arc<Self>, method: Method, params: Option<Box<RawValue>>, hear: Hear) -> u64 {
        let mut state = self.state();
        state.newest += 1;
        let open = Open { number: state.newest, method, params, hear };
        let number = open.number;
        let why = if state.is_over || state.is_cancelled {
            Some("the call is over")
        } else if state.open_questions() >= QUESTIONS {
            Some("the call has too many questions without an answer")
        } else {
            None
        };
        if let Some(why) = why {
            drop(state);
            open.refuse(code::INTERNAL_ERROR, why);
            return number;
        }
        if let Some((version, offers)) = state.asked_in
            && let Some(why) = delegated::unasked(version, offers, &open)
        {
            drop(state);
            open.refuse(code::METHOD_NOT_FOUND, why);
            return number;
        }
        let Some(link) = state.link.clone() else {
            // With the next request of the client.
            state.questions.push(open);
            return number;
        };
        if link.version.has_server_requests() {
            // Here and not when the loop hears of it, which may be long after: until then its letter is in the mailbox.
            state.requested.push(Requested { number, is_withdrawn: false });
            drop(state);
            let counted = Counted { call: Arc::downgrade(self), number };
            let Open { number, method, params, hear } = open;
            let hear = Box::new(move |outcome| {
                drop(counted);
                hear(outcome);
            });
            let open = Open { number, method, params, hear };
            link.send(Letter::Act(delegated::ask(Arc::clone(&link), open)));
        } else {
            // Here and not when the loop hears of it: what was asked before may have ended the request by then.
            state.questions.push(open);
            let is_on_its_way = mem::replace(&mut state.asks_back, true);
            drop(state);
            if is_on_its_way {
                return number;
            }
            link.send(Letter::Act(delegated::ask_back(Arc::clone(self), Arc::clone(&link))));
        }
        number
    }

    pub(super) fn withdraw(self: &Arc<Self>, number: u64) {
        let mut state = self.state();
        if let Some(at) = state.questions.iter().position(|open| open.number == number) {
            let open = state.questions.remove(at);
            drop(state);
            return drop(open);
        }
        let Some(link) = state.link.clone() else { return };
        // Once: letters wait in the mailbox without a bound of their own.
        let is_asked = |asked: &&mut Requested| asked.number == number && !asked.is_withdrawn;
        if let Some(asked) = state.requested.iter_mut().find(is_asked) {
            asked.is_withdrawn = true;
            drop(state);
            link.send(Letter::Act(delegated::withdraw(Arc::clone(&link), number)));
        }
    }

    pub(super) fn on_cancel(&self, run: Box<dyn FnOnce() + Send>) {
        let mut state = self.state();
        if state.is_cancelled {
            drop(state);
            run();
        } else if !state.is_over {
            state.on_cancel.push(run);
        }
    }

    /// Nobody waits any more.
    pub(crate) fn cancel(&self) {
        let mut state = self.state();
        if state.is_over || mem::replace(&mut state.is_cancelled, true) {
            return;
        }
        let (link, questions, hooks) =
            (state.link.take(), mem::take(&mut state.questions), mem::take(&mut state.on_cancel));
        drop(state);
        hooks.into_iter().for_each(|run| run());
        drop((link, questions));
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("method", &self.method).finish_non_exhaustive()
    }
}
