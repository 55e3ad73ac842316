//! What the server asks in the middle of things, in revisions whose servers send requests (R-LM-11).
//!
//! The thread that reads a question does not answer it: an answer may take as long as a person needs. The thread
//! `mcp-requests` starts with the first question, asks whoever offered to answer, and sends what comes of it: over
//! Streamable HTTP by a POST of its own (R-SH-17). One question is answered after the other.

use std::sync::{Mutex, MutexGuard, PoisonError};

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

/// One question.
pub(crate) struct Question {
    /// The number of the session in which it was asked.
    session: u64,
    key: AskedKey,
    method: Method,
    params: Option<Box<RawValue>>,
}

/// The way to the thread that answers.
#[derive(Default)]
pub(crate) struct Questions(Mutex<Queue>);

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
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets the thread run out.
    pub(crate) fn end(&self) {
        *self.queue() = Queue::Ended;
    }
}

impl Engine {
    /// Has a question answered soon.
    pub(crate) fn take_question(&self, key: AskedKey, method: Method, params: Option<&RawValue>) {
        if self.relay_question(key, method, params) {
            return;
        }
        let question = Question { session: self.carrier.number(), key, method, params: params.map(ToOwned::to_owned) };
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
        self.warn(format_args!("refused a question of the server: {WAITING} wait already"));
        let error = jsonrpc::Error::new(code::INTERNAL_ERROR, "too many requests wait already");
        let mut out = Vec::new();
        if self.table().session.respond_error(refused.key, &error.as_object(), &mut out) {
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
