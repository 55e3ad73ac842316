//! Calls that ask their client: the question goes out, the call is put aside, and run again with the answer.
//!
//! From 2026-07-28 on nothing is put aside here: what a call knows travels with its question (`seal`). Before, the
//! question is a request to the client and the call waits in a bounded table, without a thread.
//!
//! None of this is in a program whose handlers ask nothing: it is reached through [`Left::leave`] only.

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use mcp_core::jsonrpc::{ErrorObject, code};
use mcp_core::session::{AskKey, InputRequired, RequestKey, ServerSession};
use mcp_core::time::Instant;
use mcp_core::types::{JsonObject, Method, ProgressToken};
use serde::{Serialize, Serializer};
use serde_json::value::{RawValue, to_raw_value};

use super::run::{Task, Which, answer, no_longer_offered};
use super::{Kind, Origin, Outbox, Outcome, Service, seal};
use crate::call::{Arguments, Memory, Question, Round};
use crate::result::ToolError;

/// Calls that may wait for their clients. 1024: each waits for a person.
const CALLS: usize = 1024;
/// Of one session. 64: a person answers one after the other.
const CALLS_OF_SESSION: usize = 64;
/// Bytes of arguments and answers of calls that wait. 16 MiB: four of the largest messages.
const BYTES: usize = 16 << 20;

/// A call that was left with a question.
pub(crate) struct Left {
    pub(super) which: Which,
    /// For whoever gets it from a worker.
    #[cfg(feature = "std")]
    pub(super) leave: Leave,
    /// What was asked for, when that is not the name of the offer.
    pub(super) subject: Option<Box<str>>,
    pub(super) arguments: Box<str>,
    pub(super) token: Option<ProgressToken<'static>>,
    pub(super) memory: Box<Memory>,
    pub(super) questions: Vec<Question>,
    pub(super) progress: Option<f64>,
    #[cfg(feature = "std")]
    pub(super) credential: Option<Box<[u8]>>,
}

/// Asks what a call was left with. A function that the first question brings along, so that only programs with one
/// contain what it takes.
pub(crate) type Leave = fn(&mut Service, &mut ServerSession, &Origin<'_>, Box<Left>, &mut dyn Outbox) -> Outcome;

/// Settings of questions, and the calls that wait for answers.
pub(super) struct Inputs {
    /// Of `requestState`.
    pub(super) key: Option<[u8; 32]>,
    /// Milliseconds since 1970, for a key that was given.
    pub(super) time_of_day: Option<fn() -> u64>,
    pub(super) state_lifetime: Duration,
    pub(super) timeout: Duration,
    waiting: Option<Box<Waiting>>,
}

impl Inputs {
    pub(super) const fn new() -> Self {
        Self {
            key: None,
            time_of_day: None,
            state_lifetime: Duration::from_secs(10 * 60),
            timeout: Duration::from_secs(5 * 60),
            waiting: None,
        }
    }
}

struct Waiting {
    calls: Vec<WaitingCall>,
    /// Of all of them.
    bytes: usize,
    /// For whoever does not know whether there is any: see [`Leave`].
    resume: fn(&mut Service, &mut ServerSession, &Origin<'_>, Reply<'_>, &mut dyn Outbox) -> Outcome,
    give_up: fn(&mut Service, &mut ServerSession, WaitingCall, Why, &mut dyn Outbox),
}

struct WaitingCall {
    session: u64,
    key: RequestKey,
    deadline: Instant,
    /// What is not answered yet, with the keys of the handler.
    asked: Vec<(AskKey, String)>,
    bytes: usize,
    then: Then,
}

/// What is to be done with the answers.
enum Then {
    /// The handler that left runs again.
    Again(Box<Left>),
    /// Whoever asked goes on by itself.
    #[cfg(feature = "std")]
    Tell(Asker),
}

/// Whoever asked without leaving: see [`delegate`](crate::delegate).
#[cfg(feature = "std")]
pub(super) struct Asker {
    /// The question among those of its call.
    pub(super) question: u64,
    /// Hears the answer, once. Never blocks.
    pub(super) hear: crate::delegate::Hear,
}

/// What a client answered.
struct Reply<'a> {
    ask: AskKey,
    outcome: Result<&'a RawValue, ErrorObject<'a>>,
}

/// Why a call waits no longer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Why {
    Cancelled,
    Overdue,
}

/// A call whose client did not answer in time.
#[must_use = "its client waits for an answer"]
pub struct Overdue {
    call: WaitingCall,
    give_up: fn(&mut Service, &mut ServerSession, WaitingCall, Why, &mut dyn Outbox),
}

impl Overdue {
    /// The number of the session it is of ([`Origin::session`]).
    pub fn session(&self) -> u64 {
        self.call.session
    }

    /// Which of its requests it is.
    pub fn key(&self) -> RequestKey {
        self.call.key
    }
}

impl core::fmt::Debug for Overdue {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Overdue").field("session", &self.call.session).finish_non_exhaustive()
    }
}

/// Questions to clients, in revisions where they are requests. What waits for an answer is a row of a bounded table.
impl Service {
    /// Which request waits for the answer to a question. `None` for one that nobody waits for any more.
    pub fn asker(&self, session: u64, ask: AskKey) -> Option<RequestKey> {
        let waiting = self.inputs.waiting.as_deref()?;
        waiting.calls.iter().find(|call| call.waits_for(session, ask)).map(|call| call.key)
    }

    /// Takes in what a client answered to a question
    /// ([`ServerEvent::Reply`](mcp_core::session::ServerEvent::Reply)). `origin` is that of the request that
    /// [waits for it](Self::asker), and `outbox` the one of that request. Once all its questions are answered, its handler
    /// runs again before this returns.
    pub fn resume(
        &mut self,
        session: &mut ServerSession,
        origin: &Origin<'_>,
        ask: AskKey,
        outcome: Result<&RawValue, ErrorObject<'_>>,
        outbox: &mut dyn Outbox,
    ) -> Outcome {
        match &self.inputs.waiting {
            Some(waiting) => (waiting.resume)(self, session, origin, Reply { ask, outcome }, outbox),
            None => Outcome::Later,
        }
    }

    /// A client gave up a request ([`ServerEvent::Cancelled`](mcp_core::session::ServerEvent::Cancelled)). Tells its
    /// handler, and takes back what the client was asked for it.
    pub fn cancelled(&mut self, session: &mut ServerSession, number: u64, key: RequestKey, outbox: &mut dyn Outbox) {
        self.withdraw_all(session, number, key, outbox);
        self.cancel(number, key);
    }

    /// Takes back whatever a client was asked for a request.
    pub(super) fn withdraw_all(
        &mut self,
        session: &mut ServerSession,
        number: u64,
        key: RequestKey,
        outbox: &mut dyn Outbox,
    ) {
        while let Some(waiting) = &mut self.inputs.waiting
            && let Some(call) = waiting.take(|call| call.session == number && call.key == key)
        {
            let give_up = waiting.give_up;
            give_up(self, session, call, Why::Cancelled, outbox);
        }
    }

    /// When to ask for [overdue](Self::overdue) calls next.
    pub fn next_timeout(&self) -> Option<Instant> {
        let waiting = self.inputs.waiting.iter().flat_map(|waiting| &waiting.calls).map(|call| call.deadline).min();
        #[cfg(feature = "std")]
        if let Some(parked) = self.seam.as_ref().and_then(|seam| seam.next_expiry()) {
            return Some(waiting.map_or(parked, |waiting| waiting.min(parked)));
        }
        waiting
    }

    /// A call whose client has not answered in time, to be [given up](Self::give_up) with the outbox of its request. To be
    /// asked until there is none.
    pub fn overdue(&mut self, now: Instant) -> Option<Overdue> {
        #[cfg(feature = "std")]
        if let Some(seam) = &self.seam {
            seam.expire(Some(now));
        }
        let waiting = self.inputs.waiting.as_mut()?;
        let give_up = waiting.give_up;
        waiting.take(|call| call.deadline <= now).map(|call| Overdue { call, give_up })
    }

    /// Answers an overdue call with an error, and takes its questions back.
    pub fn give_up(&mut self, overdue: Overdue, session: &mut ServerSession, outbox: &mut dyn Outbox) {
        (overdue.give_up)(self, session, overdue.call, Why::Overdue, outbox);
    }

    /// How many calls wait for their clients.
    pub fn waiting_calls(&self) -> usize {
        self.inputs.waiting.as_ref().map_or(0, |waiting| waiting.calls.len())
    }

    /// Nobody is left to ask or to answer.
    pub(super) fn forget_waiting(&mut self, session: u64, key: RequestKey) {
        if let Some(waiting) = &mut self.inputs.waiting {
            while waiting.take(|call| call.session == session && call.key == key).is_some() {}
        }
    }
}

impl Waiting {
    fn take(&mut self, which: impl Fn(&WaitingCall) -> bool) -> Option<WaitingCall> {
        let at = self.calls.iter().position(which)?;
        let call = self.calls.swap_remove(at);
        self.bytes -= call.bytes;
        Some(call)
    }

    /// Whether there is room for one more.
    fn admits(&self, session: u64, bytes: usize) -> bool {
        let of_session = self.calls.iter().filter(|call| call.session == session).count();
        // Whatever a message may hold can wait when nothing else does.
        let fits = self.calls.is_empty() || self.bytes.saturating_add(bytes) <= BYTES;
        self.calls.len() < CALLS && of_session < CALLS_OF_SESSION && fits
    }
}

impl WaitingCall {
    fn waits_for(&self, session: u64, ask: AskKey) -> bool {
        self.session == session && self.asked.iter().any(|(asked, _)| *asked == ask)
    }
}

/// Asks what a call was left with, as its revision has it.
pub(crate) fn leave(
    service: &mut Service,
    session: &mut ServerSession,
    origin: &Origin<'_>,
    mut left: Box<Left>,
    outbox: &mut dyn Outbox,
) -> Outcome {
    left.memory.rounds += 1;
    let bound = service.limits.input_rounds;
    if left.memory.rounds > bound {
        let text = format!("it asks for input more often than {bound} times (limit `input_rounds`)");
        return fail(service, session, origin.key, left.which, &ToolError::new(text), outbox);
    }
    if session.version().has_server_requests() {
        ask_client(service, session, origin, left, outbox)
    } else {
        ask_in_result(service, session, origin, &left, outbox)
    }
}

/// The call is over, and its client is told that it asks back (R-LM-64).
fn ask_in_result(
    service: &mut Service,
    session: &mut ServerSession,
    origin: &Origin<'_>,
    left: &Left,
    outbox: &mut dyn Outbox,
) -> Outcome {
    let Some((offer, _)) = service.offered(left.which) else { return no_longer_offered(session, origin.key, outbox) };
    let (kind, name) = (offer.kind, left.subject.as_deref().unwrap_or(&offer.name).to_owned());
    let Some(state) = seal::seal(&mut service.inputs, origin, kind, &name, left) else {
        log::error!("a question cannot be asked: there is no `state_key` and no randomness for one");
        let error = ToolError::protocol(code::INTERNAL_ERROR, "the question cannot be asked");
        return fail(service, session, origin.key, left.which, &error, outbox);
    };
    let questions = Questions(&left.questions);
    let wanted = InputRequired { input_requests: Some(&questions), request_state: Some(&state) };
    let profile = super::profile(&service.info, &service.capabilities, service.instructions.as_deref());
    outbox.message(Kind::Answer, &mut |out| {
        session.respond_input_required(&profile, origin.key, &wanted, out).unwrap_or_else(|error| {
            log::error!("a question could not be written: {error}");
            let error = ErrorObject::new(code::INTERNAL_ERROR, "the question cannot be written");
            session.respond_error(origin.key, &error, out)
        })
    });
    Outcome::Answered
}

/// The call is put aside, and its client is asked.
fn ask_client(
    service: &mut Service,
    session: &mut ServerSession,
    origin: &Origin<'_>,
    mut left: Box<Left>,
    outbox: &mut dyn Outbox,
) -> Outcome {
    let questions = core::mem::take(&mut left.questions);
    let texts: usize = questions.iter().map(|question| question.params.get().len()).sum();
    let bytes = texts + left.arguments.len() + left.memory.bytes();
    let deadline = origin.now + service.inputs.timeout;
    let waiting = service
        .inputs
        .waiting
        .get_or_insert_with(|| Box::new(Waiting { calls: Vec::new(), bytes: 0, resume, give_up }));
    if !waiting.admits(origin.session, bytes) {
        let error = ToolError::new("too many calls wait for answers of their clients, try again later");
        return fail(service, session, origin.key, left.which, &error, outbox);
    }
    let which = left.which;
    let then = Then::Again(left);
    let mut call = WaitingCall { session: origin.session, key: origin.key, deadline, asked: Vec::new(), bytes, then };
    for question in questions {
        let Question { key, method, params } = question;
        let params =
            with_id(session, method, params, || format!("{}-{:x}", origin.session, service.next_elicitation()));
        let (limits, mut asked) = (&service.limits, None);
        outbox.message(Kind::Report, &mut |out| match session.ask(limits, method, &*params, out) {
            Ok(ask) => {
                asked = Some(ask);
                true
            }
            Err(error) => {
                log::warn!("a question cannot be asked: {error}");
                false
            }
        });
        let Some(ask) = asked else {
            withdraw(session, &call.asked, "another question could not be asked", outbox);
            let error = ToolError::new(format!("the client cannot be asked for `{key}`"));
            return fail(service, session, origin.key, which, &error, outbox);
        };
        call.asked.push((ask, key));
    }
    if let Some(waiting) = &mut service.inputs.waiting {
        waiting.bytes += call.bytes;
        waiting.calls.push(call);
    }
    Outcome::Later
}

/// Asks the client of a session for somebody who does not leave, and hears the answer.
///
/// # Errors
///
/// Whoever was to hear it, when the client cannot be asked; with why.
#[cfg(feature = "std")]
pub(super) fn ask_beside(
    service: &mut Service,
    session: &mut ServerSession,
    origin: &Origin<'_>,
    question: Question,
    asker: Asker,
    outbox: &mut dyn Outbox,
) -> Result<(), (Asker, &'static str)> {
    let Question { key, method, params } = question;
    let deadline = origin.now + service.inputs.timeout;
    let params = with_id(session, method, params, || format!("{}-{:x}", origin.session, service.next_elicitation()));
    let bytes = params.get().len();
    let waiting = service
        .inputs
        .waiting
        .get_or_insert_with(|| Box::new(Waiting { calls: Vec::new(), bytes: 0, resume, give_up }));
    if !waiting.admits(origin.session, bytes) {
        return Err((asker, "too many calls wait for answers of their clients"));
    }
    let (limits, mut asked) = (&service.limits, None);
    outbox.message(Kind::Report, &mut |out| match session.ask(limits, method, &*params, out) {
        Ok(ask) => {
            asked = Some(ask);
            true
        }
        Err(error) => {
            log::debug!("a question cannot be asked: {error}");
            false
        }
    });
    let Some(ask) = asked else { return Err((asker, "the client cannot be asked this")) };
    waiting.bytes += bytes;
    let asked = Vec::from([(ask, key)]);
    let then = Then::Tell(asker);
    waiting.calls.push(WaitingCall { session: origin.session, key: origin.key, deadline, asked, bytes, then });
    Ok(())
}

/// Takes one such question back. False when it was answered.
#[cfg(feature = "std")]
pub(super) fn withdraw_beside(
    service: &mut Service,
    session: &mut ServerSession,
    origin: &Origin<'_>,
    question: u64,
    outbox: &mut dyn Outbox,
) -> bool {
    let Some(waiting) = &mut service.inputs.waiting else { return false };
    let is_it = |call: &WaitingCall| {
        let is_asked = matches!(&call.then, Then::Tell(asker) if asker.question == question);
        call.session == origin.session && call.key == origin.key && is_asked
    };
    let Some(call) = waiting.take(is_it) else { return false };
    withdraw(session, &call.asked, "it is not wanted any more", outbox);
    true
}

/// Takes an answer in, and runs the handler again once it is the last.
fn resume(
    service: &mut Service,
    session: &mut ServerSession,
    origin: &Origin<'_>,
    reply: Reply<'_>,
    outbox: &mut dyn Outbox,
) -> Outcome {
    let Some(waiting) = &mut service.inputs.waiting else { return Outcome::Later };
    let mine = |call: &WaitingCall| call.waits_for(origin.session, reply.ask);
    let Some(mut call) = waiting.take(mine) else { return Outcome::Later };
    let Some(at) = call.asked.iter().position(|(asked, _)| *asked == reply.ask) else { return Outcome::Later };
    let (_, key) = call.asked.swap_remove(at);
    let answer = match reply.outcome {
        Ok(result) => Ok(result.to_owned()),
        Err(error) => Err(error.to_owned()),
    };
    call.bytes += answer.as_ref().map_or(0, |answer| answer.get().len());
    #[cfg_attr(
        not(feature = "std"),
        expect(clippy::infallible_destructuring_match, reason = "with `std` there is another")
    )]
    let mut left = match call.then {
        Then::Again(left) => left,
        #[cfg(feature = "std")]
        Then::Tell(asker) => {
            (asker.hear)(answer);
            return Outcome::Later;
        }
    };
    left.memory.answers.push((key, answer));
    if waiting.bytes > 0 && waiting.bytes.saturating_add(call.bytes) > BYTES {
        let error = ToolError::new("too much is held for calls that wait for their clients, try again later");
        withdraw(session, &call.asked, "the call failed", outbox);
        return fail(service, session, call.key, left.which, &error, outbox);
    }
    if !call.asked.is_empty() {
        waiting.bytes += call.bytes;
        waiting.calls.push(WaitingCall { then: Then::Again(left), ..call });
        return Outcome::Later;
    }
    let left = *left;
    // They were read before.
    let Some(arguments) = Arguments::parse(Some(&left.arguments)) else { return Outcome::Answered };
    let task = Task {
        which: left.which,
        subject: left.subject.as_deref().map(Into::into),
        arguments: &arguments,
        token: left.token.as_ref(),
        round: Round::again(left.memory, left.progress),
    };
    let origin = Origin { key: call.key, ..*origin };
    service.carry_out(session, &origin, task, outbox)
}

/// A call waits no longer.
fn give_up(service: &mut Service, session: &mut ServerSession, call: WaitingCall, why: Why, outbox: &mut dyn Outbox) {
    let reason = if why == Why::Overdue { "no answer in time" } else { "the call was cancelled" };
    withdraw(session, &call.asked, reason, outbox);
    let waited = service.inputs.timeout.as_secs();
    let keys: Vec<&str> = call.asked.iter().map(|(_, key)| key.as_str()).collect();
    let text = format!("the client did not answer `{}` within {waited} s (`input_timeout`)", keys.join("`, `"));
    match call.then {
        Then::Again(left) if why == Why::Overdue => {
            let _answered = fail(service, session, call.key, left.which, &ToolError::new(text), outbox);
        }
        Then::Again(_) => {}
        #[cfg(feature = "std")]
        Then::Tell(asker) => {
            let text = if why == Why::Overdue { text } else { "the call was cancelled".into() };
            (asker.hear)(Err(mcp_core::jsonrpc::Error::new(code::INTERNAL_ERROR, text)));
        }
    }
}

fn withdraw(session: &mut ServerSession, asked: &[(AskKey, String)], reason: &str, outbox: &mut dyn Outbox) {
    for (ask, _) in asked {
        outbox.message(Kind::Report, &mut |out| session.withdraw(*ask, Some(reason), out));
    }
}

fn fail(
    service: &Service,
    session: &mut ServerSession,
    key: RequestKey,
    which: Which,
    error: &ToolError,
    outbox: &mut dyn Outbox,
) -> Outcome {
    let Some((offer, _)) = service.offered(which) else { return no_longer_offered(session, key, outbox) };
    answer(session, &service.profile(), key, offer, service.hints, &Err(error.clone()), outbox)
}

/// The parameters of a question with an `elicitationId`, where the revision wants one and the handler gave none; without
/// one where the revision has none.
fn with_id(
    session: &ServerSession,
    method: Method,
    params: Box<RawValue>,
    id: impl FnOnce() -> String,
) -> Box<RawValue> {
    const ID: &str = "elicitationId";
    if method != Method::ElicitationCreate {
        return params;
    }
    let Ok(mut object) = serde_json::from_str::<JsonObject>(params.get()) else { return params };
    let wants_id = object.get("mode").is_some_and(|mode| mode == "url") && session.version().has_elicitation_ids();
    match (wants_id, object.contains_key(ID)) {
        (true, false) => drop(object.insert(ID.into(), id().into())),
        (false, true) => drop(object.remove(ID)),
        _ => return params,
    }
    to_raw_value(&object).unwrap_or(params)
}

/// Questions as the members of an `input_required` result (R-LM-66).
struct Questions<'a>(&'a [Question]);

impl Serialize for Questions<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Asked<'a> {
            method: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            params: Option<&'a RawValue>,
        }
        serializer.collect_map(self.0.iter().map(|Question { key, method, params }| {
            let params = Some(&**params).filter(|params| params.get() != "null");
            (key, Asked { method: method.name(), params })
        }))
    }
}
