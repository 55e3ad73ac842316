//! What the server asks in the middle of things, in revisions whose servers send requests (R-LM-11).
//!
//! The thread that reads a question does not answer it: an answer may take as long as a person needs. The thread
//! `mcp-requests` starts with the first question, asks whoever offered to answer, and sends what comes of it: over
//! Streamable HTTP by a POST of its own (R-SH-17). One question is answered after the other.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use mcp_core::jsonrpc::{self, code};
use mcp_core::session::AskedKey;
use mcp_core::time::{Cause, Deadline};
use mcp_core::types::Method;
use serde_json::value::RawValue;

use crate::background::POST_TIME;
use crate::clock;
use crate::engine::Engine;
use crate::log_target;
use crate::pending::Repeat;

/// Questions that wait. 16: more than a person answers.
const WAITING: usize = 16;
/// Bytes of the parameters of all questions that have no answer yet, those that were handed on among them. 16 MiB: four of the
/// largest messages. A single one may have more, where the limits allow such messages.
const BYTES: usize = 16 << 20;

/// One question.
pub(crate) struct Question {
    /// The number of the session in which it was asked.
    session: u64,
    key: AskedKey,
    method: Method,
    params: Option<Box<RawValue>>,
    /// Until it is answered.
    _weight: Weight,
}

/// The way to the thread that answers.
#[derive(Default)]
pub(crate) struct Questions {
    queue: Mutex<Queue>,
    /// Bytes of those without an answer.
    bytes: Arc<AtomicUsize>,
}

/// What a question weighs, as long as it is kept.
#[derive(Debug)]
pub(crate) struct Weight {
    bytes: usize,
    all: Arc<AtomicUsize>,
}

impl Drop for Weight {
    fn drop(&mut self) {
        self.all.fetch_sub(self.bytes, Ordering::AcqRel);
    }
}

#[derive(Default)]
enum Queue {
    /// Nothing was asked yet.
    #[default]
    Idle,
    Open(Sender<Question>),
    Ended,
}

impl Questions {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Room for one more question of so many bytes, unless there are too many already.
    fn weigh(&self, bytes: usize) -> Option<Weight> {
        let before = self.bytes.fetch_add(bytes, Ordering::AcqRel);
        let weight = Weight { bytes, all: Arc::clone(&self.bytes) };
        (before == 0 || before + bytes <= BYTES).then_some(weight)
    }

    /// Lets the thread run out.
    pub(crate) fn end(&self) {
        *self.queue() = Queue::Ended;
    }
}

impl Engine {
    /// Has a question answered soon.
    pub(crate) fn take_question(&self, key: AskedKey, method: Method, params: Option<&RawValue>) {
        let Some(weight) = self.questions.weigh(params.map_or(0, |params| params.get().len())) else {
            return self.refuse_question(key, format_args!("{BYTES} bytes of others wait already"));
        };
        let weight = match self.relay_question(key, method, params, weight) {
            Ok(()) => return,
            Err(weight) => weight,
        };
        let (session, params) = (self.carrier.number(), params.map(ToOwned::to_owned));
        let question = Question { session, key, method, params, _weight: weight };
        let mut queue = self.questions.queue();
        if let Queue::Idle = *queue {
            let Some(engine) = self.arc() else { return };
            let (sender, receiver) = bounded(WAITING);
            match self.background.spawn("mcp-requests", move || engine.answer_all(&receiver)) {
                Ok(()) => *queue = Queue::Open(sender),
                Err(error) => log::error!(target: log_target::CLIENT, "no thread to answer the server on: {error}"),
            }
        }
        let refused = match &*queue {
            Queue::Open(sender) => match sender.try_send(question) {
                Ok(()) | Err(TrySendError::Disconnected(_)) => return,
                Err(TrySendError::Full(question)) => question,
            },
            Queue::Ended => return,
            Queue::Idle => question,
        };
        drop(queue);
        self.refuse_question(refused.key, format_args!("{WAITING} wait already"));
    }

    fn refuse_question(&self, key: AskedKey, why: fmt::Arguments<'_>) {
        self.warn(format_args!("refused a question of the server: {why}"));
        let error = jsonrpc::Error::new(code::INTERNAL_ERROR, format!("too many requests wait already: {why}"));
        let mut out = Vec::new();
        if self.table().session.respond_error(key, &error.as_object(), &mut out) {
            self.background.post(self, out);
        }
    }

    /// The one loop of `mcp-requests`.
    fn answer_all(&self, questions: &Receiver<Question>) {
        for question in questions {
            let answer = self.features.answer(question.method, question.params.as_deref());
            let mut out = Vec::new();
            let mut table = self.table();
            let is_wanted = match &answer {
                Ok(result) => table.session.respond(question.key, result, &mut out).unwrap_or(false),
                Err(error) => table.session.respond_error(question.key, &error.as_object(), &mut out),
            };
            drop(table);
            if !is_wanted {
                log::debug!(target: log_target::CLIENT, "the answer to `{}` is not wanted any more", question.method.name());
                continue;
            }
            let deadline = Deadline::after(clock::now(), POST_TIME, Cause::Response);
            if let Err(error) = self.post(&out, Some(question.session), Some(deadline), None, Repeat::Safe) {
                log::debug!(target: log_target::CLIENT, "an answer did not reach the server: {error}");
            }
            if self.carrier.is_shut_down() {
                return;
            }
        }
    }
}
