//! The calls whose handlers left the loop: on workers, or with deferred replies.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use core::sync::atomic::AtomicBool;
use core::time::Duration;
use std::sync::{Condvar, Mutex};

use mcp_core::jsonrpc::{ErrorObject, code};
use mcp_core::session::{RequestKey, ServerSession};
use mcp_core::types::ProgressToken;
use serde_json::value::RawValue;

use super::run::{Handler, run};
use super::{Kind, Origin, Outbox, Outcome, Registered, Service, WhenBusy, answer, never_answered, refuse};
use crate::call::{Arguments, Call, Link, Reporter};
use crate::deferred::{LaterCall, Letter, Mail, Mailbox};
use crate::result::{ToolError, ToolResult};
use crate::worker::{Busy, PoolSize, Workers};

/// Of the pool, without [`Service::set_workers`]. 4 threads: they wait more than they compute. 64 calls in the queue:
/// who is behind so many has waited long enough to be told.
const POOL: PoolSize = PoolSize { threads: 4, queue: 64 };

/// How long a service that is dropped waits for its workers.
const DROPPED: Duration = Duration::from_secs(1);

#[derive(Default)]
pub(super) struct LaterCalls {
    /// By session and request; for each session at most as many as it may have requests in flight.
    calls: BTreeMap<(u64, RequestKey), Arc<LaterCall>>,
    mailbox: Mailbox,
    size: Option<PoolSize>,
    workers: Option<Box<dyn Workers>>,
    stopped: bool,
}

/// A call for a worker. Its arguments were checked.
pub(super) struct Work<'a> {
    pub(super) tool: &'a Registered,
    pub(super) session: &'a ServerSession,
    pub(super) origin: &'a Origin,
    pub(super) token: Option<&'a ProgressToken<'a>>,
    pub(super) logs: bool,
    pub(super) arguments: &'a str,
}

impl LaterCalls {
    pub(super) fn mailbox(&self) -> &Mailbox {
        &self.mailbox
    }

    pub(super) fn register(&mut self, call: Arc<LaterCall>) {
        self.calls.insert((call.session, call.key), call);
    }

    /// Gives a call to a worker of the pool that `make` makes when it is first needed.
    pub(super) fn submit(&mut self, work: &Work<'_>, make: fn(PoolSize) -> Box<dyn Workers>) -> Result<(), Busy> {
        if self.stopped {
            return Err(Busy);
        }
        let Work { tool, session, origin, token, logs, arguments } = *work;
        let definition = Arc::clone(&tool.definition);
        let call = Arc::new(LaterCall {
            session: origin.session,
            key: origin.key,
            version: session.version(),
            token: token.map(|token| token.clone().into_owned()),
            level: session.level().filter(|_| logs),
            reporter: Mutex::new(Reporter::new(definition.progress_rate)),
            definition,
            cancelled: AtomicBool::new(false),
            cancellation: Condvar::default(),
            deferred: AtomicBool::new(false),
            mailbox: self.mailbox.clone(),
        });
        let (job, handler, arguments) = (Arc::clone(&call), Arc::clone(&tool.handler), Box::<str>::from(arguments));
        let size = self.size.unwrap_or(POOL);
        self.workers.get_or_insert_with(|| make(size)).submit(Box::new(move |seat| {
            if job.is_cancelled() {
                return;
            }
            let result = carry_out(&job, &*handler, &arguments);
            drop(seat);
            finish(&job, result);
        }))?;
        self.register(call);
        Ok(())
    }

    pub(super) fn cancel(&mut self, session: u64, key: RequestKey) {
        if let Some(call) = self.calls.remove(&(session, key)) {
            call.cancel();
        }
    }

    fn stop(&mut self, bound: Duration) {
        self.calls.values().for_each(|call| call.cancel());
        self.stopped = true;
        if let Some(mut workers) = self.workers.take() {
            workers.stop(bound);
        }
    }
}

impl Drop for LaterCalls {
    fn drop(&mut self) {
        self.stop(DROPPED);
        self.mailbox.close();
    }
}

/// Runs a handler on a worker.
fn carry_out(call: &Arc<LaterCall>, handler: &Handler, arguments: &str) -> Result<ToolResult, ToolError> {
    let raw = serde_json::from_str::<&RawValue>(arguments).ok();
    // They were read once before, on the loop.
    let Some(arguments) = Arguments::parse(raw) else { return Err(ToolError::invalid_arguments("no object")) };
    run(handler, &mut Call::new(&call.definition, &arguments, Link::Away(call)))
}

/// Posts what a handler on a worker returned, unless it left the answer to a deferred reply.
fn finish(call: &Arc<LaterCall>, result: Result<ToolResult, ToolError>) {
    if !result.as_ref().is_ok_and(ToolResult::is_later) {
        call.answer(result);
        // A deferred reply that was taken all the same is void.
        call.cancel();
    } else if !call.is_deferred() {
        call.answer(Err(never_answered(&call.definition)));
    }
}

/// With `std`: answers that come later, from workers and deferred replies.
impl Service {
    /// How many worker threads there are at most, and how many calls may wait for one; beyond that the answer is
    /// [`Outcome::Busy`]. Threads are started when they are first needed. Without it 4 and 64. Not to be called once
    /// calls came in.
    pub fn set_workers(&mut self, threads: usize, queue: usize) {
        self.later.size = Some(PoolSize { threads: threads.max(1), queue });
    }

    /// Sets how the loop is woken when there is mail; only the first call counts. `wake` is called on any thread,
    /// must not block, and is not called again before [`Service::next_mail`] has returned `None`. Without it the
    /// owner of the loop asks for mail now and then.
    pub fn wake_with(&mut self, wake: impl Fn() + Send + Sync + 'static) {
        self.later.mailbox.wake_with(Box::new(wake));
    }

    /// The next message from a worker or a deferred reply. To be called until it returns `None` when the loop was
    /// woken. [`Mail::session`] says whose it is; mail for a session that is gone is dropped.
    pub fn next_mail(&mut self) -> Option<Mail> {
        self.later.mailbox.next()
    }

    /// Sends what a worker or a deferred reply had to say. Nothing is sent for a request that is no longer in flight.
    pub fn deliver(&mut self, mail: Mail, session: &mut ServerSession, outbox: &mut dyn Outbox) {
        let Mail { call, letter } = mail;
        let name = &call.definition.name;
        match letter {
            Letter::Progress(note) => {
                let Some(token) = &call.token else { return };
                outbox.message(Kind::Report, &mut |out| session.progress(call.key, &note.under(token), out));
            }
            Letter::Log(level, data) => {
                outbox.message(Kind::Report, &mut |out| session.log(level, Some(name), &data, out) == Ok(true));
            }
            Letter::Answer(result) => {
                self.later.calls.remove(&(call.session, call.key));
                let _answered = answer(session, &self.profile(), call.key, &call.definition, &result, outbox);
            }
        }
    }

    /// How many calls are with workers or deferred.
    pub fn later_calls(&self) -> usize {
        self.later.calls.len()
    }

    /// Tells all handlers on workers, and holders of deferred replies, to give up, and waits for the workers, at most
    /// for `bound`. A handler that does not end by then is left to itself on its thread, with a line in the log. From
    /// then on tools on workers are busy. Also done on drop, with a bound of one second.
    pub fn stop(&mut self, bound: Duration) {
        self.later.stop(bound);
    }
}

impl Busy {
    /// Tells the client, or leaves that to the carrier.
    pub(super) fn answer(self, session: &mut ServerSession, origin: &Origin, outbox: &mut dyn Outbox) -> Outcome {
        match origin.when_busy {
            WhenBusy::Answer => {
                refuse(session, origin.key, code::INTERNAL_ERROR, "all workers are taken, try again later", outbox)
            }
            WhenBusy::Refuse => {
                // Taken out of flight; what it writes is taken back.
                outbox.message(Kind::Answer, &mut |out| {
                    session.respond_error(origin.key, &ErrorObject::new(code::INTERNAL_ERROR, "busy"), out);
                    false
                });
                Outcome::Busy
            }
        }
    }
}
