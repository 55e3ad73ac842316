//! The calls whose handlers left the loop: on workers, or with deferred replies.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use core::time::Duration;
use std::sync::{Condvar, Mutex, OnceLock};

use mcp_core::jsonrpc::{ErrorObject, code};
use mcp_core::session::{RequestKey, ServerSession};
use mcp_core::time::Instant;

use super::changes::{Changes, Notifier};
use super::offer::{Handler, Offer, Output};
use super::run::{Task, Which, answer, never_answered, note_lost, run};
use super::{Kind, Left, Origin, Outbox, Outcome, Service, WhenBusy, refuse};
use crate::call::{Arguments, Call, Link, Reporter, Round};
use crate::deferred::{LaterCall, Letter, Mail, Mailbox};
use crate::result::ToolError;
use crate::worker::{Admission, Busy, PoolSize, Workers};

/// Of the pool, without [`Service::set_workers`]. 4 threads: they wait more than they compute. 64 calls in the queue:
/// who is behind so many has waited long enough to be told.
const POOL: PoolSize = PoolSize { threads: 4, queue: 64 };

/// Bytes of arguments, and of what comes along with them, that may be with workers or wait for one. 16 MiB: four of the largest messages, or very many of the
/// usual ones.
const ARGUMENT_BYTES: usize = 16 << 20;

/// How long a service that is dropped waits for its workers.
const DROPPED: Duration = Duration::from_secs(1);

#[derive(Default)]
pub(super) struct LaterCalls {
    /// By session and request; for each session at most as many as it may have requests in flight.
    calls: BTreeMap<(u64, RequestKey), Arc<LaterCall>>,
    mailbox: Mailbox,
    size: Option<PoolSize>,
    workers: Option<Box<dyn Workers>>,
    /// Bytes of arguments with workers.
    held: Arc<AtomicUsize>,
    stopped: bool,
}

/// A call for a worker.
pub(super) struct Work {
    call: LaterCall,
    handler: Arc<Handler>,
    admission: Admission,
    job: Job,
}

/// What a worker needs beside the handler.
struct Job {
    which: Which,
    subject: Option<Box<str>>,
    arguments: Box<str>,
    round: Round<'static>,
    credential: Option<Box<[u8]>>,
}

impl Job {
    /// What of it a client may make large.
    fn bytes(&self) -> usize {
        self.arguments.len() + self.round.bytes()
    }
}

impl Work {
    pub(super) fn new(
        offer: &Arc<Offer>,
        handler: &Arc<Handler>,
        session: &ServerSession,
        origin: &Origin<'_>,
        task: Task<'_>,
        logs: bool,
    ) -> Self {
        let call = LaterCall {
            session: origin.session,
            key: origin.key,
            version: session.version(),
            offers: session.offers(),
            token: task.token.map(|token| token.clone().into_owned()),
            level: session.level().filter(|_| logs),
            reporter: Mutex::new(Reporter::new(offer.progress_rate).after(task.round.progress)),
            offer: Arc::clone(offer),
            cancelled: AtomicBool::new(false),
            cancellation: Condvar::default(),
            deferred: AtomicBool::new(false),
            // Those of the service, given by `submit`.
            mailbox: Mailbox::default(),
            changes: Changes::default(),
            watcher: OnceLock::new(),
        };
        let admission = if task.round.memory.is_some() { Admission::Again } else { Admission::New };
        let job = Job {
            which: task.which,
            subject: task.subject.map(|subject| subject.into_owned().into()),
            arguments: task.arguments.raw().into(),
            round: task.round.into_owned(),
            credential: origin.credential.map(Into::into),
        };
        Self { call, handler: Arc::clone(handler), admission, job }
    }
}

/// Bytes of arguments with a worker, given back when it is done with them.
struct Held {
    bytes: usize,
    all: Arc<AtomicUsize>,
}

impl Held {
    fn new(bytes: usize, all: &Arc<AtomicUsize>, admission: Admission) -> Result<Self, Busy> {
        // Counted up by the loop alone. Whatever a message may hold can be called when nothing else waits.
        let held = all.load(Ordering::Relaxed);
        let is_full = held > 0 && held.saturating_add(bytes) > ARGUMENT_BYTES;
        if is_full && admission == Admission::New {
            return Err(Busy);
        }
        all.fetch_add(bytes, Ordering::Relaxed);
        Ok(Self { bytes, all: Arc::clone(all) })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.all.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

impl LaterCalls {
    pub(super) fn mailbox(&self) -> &Mailbox {
        &self.mailbox
    }

    pub(super) fn register(&mut self, call: Arc<LaterCall>) {
        self.calls.insert((call.session, call.key), call);
    }

    /// Gives a call to a worker of the pool that `make` makes when it is first needed.
    pub(super) fn submit(
        &mut self,
        work: Work,
        changes: &Changes,
        make: fn(PoolSize) -> Box<dyn Workers>,
    ) -> Result<(), Busy> {
        let Work { mut call, handler, admission, job } = work;
        let size = self.size.unwrap_or(POOL);
        let may_be_refused = admission == Admission::New;
        if self.stopped || may_be_refused && !self.is_fair(size, (call.session, call.key)) {
            return Err(Busy);
        }
        let held = Held::new(job.bytes(), &self.held, admission)?;
        (call.mailbox, call.changes) = (self.mailbox.clone(), changes.clone());
        let call = Arc::new(call);
        let later = Arc::clone(&call);
        let run = Box::new(move |seat| {
            let _held = held;
            if later.is_cancelled() {
                return;
            }
            let (result, left) = carry_out(&later, &*handler, job);
            drop(seat);
            finish(&later, result, left);
        });
        self.workers.get_or_insert_with(|| make(size)).submit(run, admission)?;
        self.register(call);
        Ok(())
    }

    /// Whether a session may have one more seat, for its newest request: the last quarter of them is for sessions that have
    /// less than a quarter, so that one that floods the queue does not shut the others out.
    fn is_fair(&self, size: PoolSize, newest: (u64, RequestKey)) -> bool {
        let seats = size.threads.saturating_add(size.queue);
        let quarter = seats / 4;
        let taken = self.workers.as_ref().map_or(0, |workers| workers.taken());
        if taken < seats - quarter {
            return true;
        }
        // Keys of a session rise.
        let of_session = self.calls.range(..newest).rev().take_while(|((session, _), _)| *session == newest.0);
        of_session.filter(|(_, call)| !call.is_deferred()).take(quarter).count() < quarter
    }

    /// Forgets a call without cancelling it.
    pub(super) fn release(&mut self, session: u64, key: RequestKey) {
        self.calls.remove(&(session, key));
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

/// Runs a handler on a worker. With what it left behind when it asks something.
fn carry_out(call: &Arc<LaterCall>, handler: &Handler, job: Job) -> (Result<Output, ToolError>, Option<Box<Left>>) {
    let Job { which, subject, arguments: text, round, credential } = job;
    // They were read once before, on the loop.
    let Some(arguments) = Arguments::parse(Some(&text)) else {
        return (Err(ToolError::invalid_arguments("no object")), None);
    };
    let name = subject.as_deref().unwrap_or(&call.offer.name);
    let mut run_of = Call::new(&call.offer, name, &arguments, round, Link::Away(call));
    let result = run(handler, &mut run_of);
    let round = run_of.finish();
    let Some(leave) = round.leave.filter(|_| result.as_ref().is_err_and(ToolError::is_question)) else {
        note_lost(&round.questions, &call.offer);
        return (result, None);
    };
    let left = Left {
        which,
        leave,
        subject: subject.clone(),
        arguments: text.clone(),
        token: call.token.clone(),
        memory: round.memory.unwrap_or_default(),
        questions: round.questions,
        progress: round.progress,
        credential,
    };
    (result, Some(Box::new(left)))
}

/// Posts what a handler on a worker returned, unless it left the answer to a deferred reply.
fn finish(call: &Arc<LaterCall>, result: Result<Output, ToolError>, left: Option<Box<Left>>) {
    if let Some(left) = left {
        call.ask(left);
        call.cancel();
    } else if !result.as_ref().is_ok_and(Output::is_later) {
        call.answer(result);
        // A deferred reply that was taken all the same is void.
        call.cancel();
    } else if !call.is_deferred() {
        call.answer(Err(never_answered(&call.offer)));
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
    pub fn deliver(&mut self, now: Instant, mail: Mail, session: &mut ServerSession, outbox: &mut dyn Outbox) {
        let Mail { call, letter } = mail;
        // Cancelled, or answered by its handler after all. Without a session the next request may have its number by now:
        // what was said for one caller must not reach another.
        let known = self.later.calls.get(&(call.session, call.key));
        if !known.is_some_and(|known| Arc::ptr_eq(known, &call)) {
            return;
        }
        let name = &call.offer.name;
        match letter {
            Letter::Progress(note) => {
                let Some(token) = &call.token else { return };
                outbox.message(Kind::Report, &mut |out| session.progress(call.key, &note.under(token), out));
            }
            Letter::Log(level, data) => {
                outbox.message(Kind::Report, &mut |out| session.log(level, Some(name), &data, out) == Ok(true));
            }
            Letter::CloseStream(retry) => outbox.close_stream(retry),
            Letter::Act(act) | Letter::Report(act) => act(self, now, session, outbox),
            Letter::Question(left) => {
                self.later.calls.remove(&(call.session, call.key));
                let credential = left.credential.clone();
                let origin = Origin { credential: credential.as_deref(), ..Origin::new(call.session, call.key, now) };
                let _outcome = (left.leave)(self, session, &origin, left, outbox);
            }
            Letter::Answer(result) => {
                self.later.calls.remove(&(call.session, call.key));
                let _answered = answer(session, &self.profile(), call.key, &call.offer, self.hints, &result, outbox);
            }
        }
    }

    /// Tells clients of changes, from any thread.
    pub fn notifier(&self) -> Notifier {
        Notifier(self.changes.clone())
    }

    /// How many calls are with workers or deferred.
    pub fn later_calls(&self) -> usize {
        self.later.calls.len()
    }

    /// Tells all handlers on workers, and holders of deferred replies, to give up, and waits for the workers, at most
    /// for `bound`. A handler that does not end by then is left to itself on its thread, with a line in the log. From
    /// then on tools on workers are busy. Also done on drop, with a bound of one second.
    pub fn stop(&mut self, bound: Duration) {
        if let Some(seam) = &self.seam {
            seam.expire(None);
        }
        self.later.stop(bound);
    }
}

impl Busy {
    /// Tells the client, or leaves that to the carrier.
    pub(super) fn answer(self, session: &mut ServerSession, origin: &Origin<'_>, outbox: &mut dyn Outbox) -> Outcome {
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
