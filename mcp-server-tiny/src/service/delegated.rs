//! Requests for a delegate: on their way to it, and what it says on its way to clients.
//!
//! None of this is in a program without a delegate: it is reached through [`Seam`], which [`Service::delegate`] makes.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};

use mcp_core::jsonrpc::{Error, ErrorObject, Members, code};
use mcp_core::revision::ProtocolVersion;
use mcp_core::session::{ClientOffers, InputRequired, RequestKey, ServerEvent, ServerSession};
use mcp_core::time::Instant;
use mcp_core::types::meta::RequestMeta;
use mcp_core::types::{LoggingLevel, Method, SubscriptionFilter};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::{RawValue, to_raw_value};

use super::input::{Asker, ask_beside, withdraw_beside};
use super::offer::{Offer, OfferKind};
use super::run::guard;
use super::seal::{About, open_note, seal_note};
use super::{Kind, Origin, Outbox, Outcome, Service, refuse};
use crate::call::{Question, Reporter};
use crate::deferred::{Act, LaterCall, Mailbox};
use crate::delegate::{Announced, Caller, Clients, Delegate, DelegatedCall, Open, Shared};
use crate::result::{SentAs, ToolError};

mod notice;
mod passed;

pub use notice::Notice;

/// Calls that wait for another request of a client without a session. 1024: each waits for a person.
const PARKED: usize = 1024;
/// Progress notifications of one call in a row, and in a second after that: whoever makes them has bounded them.
const PROGRESS_RATE: u32 = 100;
/// What is told between two looks of the loop.
const NOTICES: usize = 1024;
/// Bytes of it. 16 MiB: four of the largest messages.
const NOTICE_BYTES: usize = 16 << 20;
/// The names under which a sealed state holds the number of a call, and the state of somebody else.
const CALL: &str = "call";
const STATE: &str = "state";

/// What a service needs of its delegate.
pub(super) trait Seam: Send {
    fn handle(
        &mut self,
        service: &mut Service,
        session: &mut ServerSession,
        origin: &Origin<'_>,
        asked: (Method, Option<&RawValue>),
        outbox: &mut dyn Outbox,
    ) -> Outcome;
    fn heard(&mut self, session: &ServerSession, number: u64, event: &ServerEvent<'_>);
    fn session_ended(&mut self, number: u64);
    fn listening(&mut self, listener: &Caller, filter: &SubscriptionFilter) -> Option<Box<dyn Send>>;
    fn next_notice(&self) -> Option<Notice>;
    fn next_expiry(&self) -> Option<Instant>;
    /// Gives up the calls whose clients did not come back; all of them without a time.
    fn expire(&self, now: Option<Instant>);
}

/// A delegate, and what is known of its calls.
struct Delegated<D> {
    delegate: D,
    hub: Arc<Hub>,
    /// Of sessions that set another than they began with.
    levels: BTreeMap<u64, LoggingLevel>,
}

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
struct Parked {
    call: Arc<Shared>,
    deadline: Instant,
}

impl Hub {
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

    fn next_notice(&self) -> Option<Notice> {
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

    fn parked(&self) -> MutexGuard<'_, BTreeMap<Box<str>, Parked>> {
        lock(&self.parked)
    }
}

/// With `std`: a delegate in place of what is registered.
impl Service {
    /// Has all requests answered by the delegate that `make` makes, and says of itself what `announced` says. See
    /// [`delegate`](crate::delegate).
    pub fn delegate<D: Delegate + 'static>(&mut self, announced: Announced, make: impl FnOnce(Clients) -> D) {
        let Announced { info, capabilities, instructions } = announced;
        (self.info, self.instructions) = (info, instructions);
        self.capabilities = capabilities;
        (self.capabilities.tasks, self.capabilities.extensions) = (None, None);
        let offer = Offer { progress_rate: PROGRESS_RATE, ..Offer::new(OfferKind::Resource, "delegate".into()) };
        let hub = Arc::new(Hub {
            mailbox: self.later.mailbox().clone(),
            offer: Arc::new(offer),
            parked: Mutex::default(),
            notices: Mutex::default(),
            notice_bytes: AtomicUsize::new(0),
            has_notices: AtomicBool::new(false),
        });
        let delegate = make(Clients::new(Arc::clone(&hub)));
        self.seam = Some(Box::new(Delegated { delegate, hub, levels: BTreeMap::new() }));
    }

    /// What a client said, for a delegate that wants to know of it: to be called with whatever
    /// [`ServerSession::handle_message`] gave, before it is acted on. `number` is that of the session.
    pub fn heard(&mut self, session: &ServerSession, number: u64, event: &ServerEvent<'_>) {
        if let Some(seam) = &mut self.seam {
            seam.heard(session, number, event);
        }
    }

    /// A session is over: to be called once its requests are cancelled.
    pub fn session_ended(&mut self, number: u64) {
        if let Some(seam) = &mut self.seam {
            seam.session_ended(number);
        }
    }

    /// The next message of a delegate that belongs to no request, for the client that it names. To be asked as
    /// [`next_change`](Self::next_change) is.
    pub fn next_notice(&mut self) -> Option<Notice> {
        self.seam.as_ref()?.next_notice()
    }

    /// Somebody listens in the revision without sessions. What is given back is to be dropped when nobody does any more.
    pub(crate) fn listening(
        &mut self,
        credential: Option<&[u8]>,
        filter: &SubscriptionFilter,
    ) -> Option<Box<dyn Send>> {
        let seam = self.seam.as_mut()?;
        let (version, offers, credential) = (ProtocolVersion::LATEST, ClientOffers::NONE, credential.map(Into::into));
        seam.listening(&Caller { session: None, version, offers, level: None, credential }, filter)
    }

    pub(crate) fn has_delegate(&self) -> bool {
        self.seam.is_some()
    }

    /// Hands a request to the delegate.
    pub(super) fn hand_over(
        &mut self,
        session: &mut ServerSession,
        origin: &Origin<'_>,
        asked: (Method, Option<&RawValue>),
        outbox: &mut dyn Outbox,
    ) -> Outcome {
        let Some(mut seam) = self.seam.take() else { return Outcome::Later };
        let outcome = seam.handle(self, session, origin, asked, outbox);
        self.seam = Some(seam);
        outcome
    }
}

impl<D: Delegate> Seam for Delegated<D> {
    fn handle(
        &mut self,
        service: &mut Service,
        session: &mut ServerSession,
        origin: &Origin<'_>,
        (method, params): (Method, Option<&RawValue>),
        outbox: &mut dyn Outbox,
    ) -> Outcome {
        let given = match params.map(|params| serde_json::from_str::<Given<'_>>(params.get())) {
            None => Given::default(),
            Some(Ok(given)) => given,
            Some(Err(_)) => {
                let text = "the parameters, or their `_meta`, are malformed";
                return refuse(session, origin.key, code::INVALID_PARAMS, text, outbox);
            }
        };
        let version = session.version();
        let token = given.meta.and_then(|meta| meta.progress_token);
        let link = |progress| self.hub.link(session, origin, token.as_ref(), progress);
        let mut passed = params.map(ToOwned::to_owned);
        let mut subject = Box::default();
        let mut rounds = 0;
        if !version.has_server_requests() {
            subject = self::subject(params);
            if let Some(state) = &given.state {
                let about = about(method, &subject);
                match open_note(&service.inputs, origin, &about, state) {
                    Err(error) => return fail(session, origin.key, &error, outbox),
                    Ok((_, name, number)) if &*name == CALL => {
                        let number: String = serde_json::from_str(number.get()).unwrap_or_default();
                        let Some(parked) = self.hub.parked().remove(&*number) else {
                            let text = "the call that this goes on with is over; make the request again without `requestState`";
                            return refuse(session, origin.key, code::INVALID_PARAMS, text, outbox);
                        };
                        let link = link(parked.call.state().progress);
                        return self.hub.go_on(service, session, origin, (parked.call, link), given.responses, outbox);
                    }
                    Ok((asked, _, theirs)) => {
                        rounds = asked;
                        passed = passed.map(|params| with_state(&params, &theirs));
                    }
                }
            }
        }
        let credential: Option<Arc<[u8]>> = origin.credential.map(Into::into);
        let caller = Caller {
            session: version.has_handshake().then_some(origin.session),
            version,
            offers: session.offers(),
            level: session.level().filter(|_| service.capabilities.logging.is_some()),
            credential: credential.clone(),
        };
        let shared = Arc::new(Shared::new(method, subject, credential, Arc::downgrade(&self.hub)));
        shared.state().rounds = rounds;
        let link = link(None);
        attach(&shared, &link);
        let call = DelegatedCall::new(shared, passed, caller, token.is_some());
        service.later.register(link);
        // One that panics drops the call, which is answered so.
        let _ = guard("the delegate for", method.name(), || {
            self.delegate.handle(call);
            Ok(())
        });
        Outcome::Later
    }

    fn heard(&mut self, session: &ServerSession, number: u64, event: &ServerEvent<'_>) {
        match event {
            ServerEvent::Notification { method, params } => self.delegate.notified(number, *method, *params),
            ServerEvent::Answered => {
                let Some(level) = session.level() else { return };
                let before = self.levels.get(&number).copied().unwrap_or(LoggingLevel::Info);
                if level != before {
                    self.levels.insert(number, level);
                    self.delegate.level_set(number, level);
                }
            }
            _ => {}
        }
    }

    fn session_ended(&mut self, number: u64) {
        self.levels.remove(&number);
        self.delegate.session_ended(number);
    }

    fn listening(&mut self, listener: &Caller, filter: &SubscriptionFilter) -> Option<Box<dyn Send>> {
        self.delegate.listening(listener, filter)
    }

    fn next_notice(&self) -> Option<Notice> {
        self.hub.next_notice()
    }

    fn next_expiry(&self) -> Option<Instant> {
        self.hub.parked().values().map(|parked| parked.deadline).min()
    }

    fn expire(&self, now: Option<Instant>) {
        let is_due = |parked: &Parked| now.is_none_or(|now| parked.deadline <= now);
        let mut parked = self.hub.parked();
        let (due, left) = std::mem::take(&mut *parked).into_iter().partition(|(_, parked)| is_due(parked));
        *parked = left;
        drop(parked);
        let due: BTreeMap<Box<str>, Parked> = due;
        for (_, parked) in due {
            log::debug!("a call is given up: its client did not come back with an answer");
            parked.call.cancel();
        }
    }
}

impl<D> Drop for Delegated<D> {
    fn drop(&mut self) {
        for (_, parked) in std::mem::take(&mut *self.hub.parked()) {
            parked.call.cancel();
        }
    }
}

/// What is looked at of the parameters of any request.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Given<'a> {
    #[serde(rename = "_meta", borrow, default)]
    meta: Option<RequestMeta<'a>>,
    #[serde(rename = "inputResponses", borrow, default)]
    responses: Option<&'a RawValue>,
    #[serde(rename = "requestState", borrow, default)]
    state: Option<std::borrow::Cow<'a, str>>,
}

/// What a request asks for, without what changes when it is made again.
fn subject(params: Option<&RawValue>) -> Box<str> {
    let Some(mut members) = params.and_then(Members::of) else { return Box::default() };
    for member in ["_meta", "inputResponses", "requestState"] {
        members.take(member);
    }
    serde_json::to_string(&members).unwrap_or_default().into()
}

fn with_state(params: &RawValue, state: &RawValue) -> Box<RawValue> {
    let members = Members::of(params).map(|mut members| {
        members.put("requestState", state);
        to_raw_value(&members)
    });
    members.and_then(Result::ok).unwrap_or_else(|| params.to_owned())
}

fn about(method: Method, subject: &str) -> About<'_> {
    About { noun: "delegated", name: method.name(), arguments: subject }
}

fn fail(session: &mut ServerSession, key: RequestKey, error: &ToolError, outbox: &mut dyn Outbox) -> Outcome {
    let version = session.version();
    outbox.message(Kind::Answer, &mut |out| match error.sent_as(OfferKind::Resource, version) {
        SentAs::Error(object) => session.respond_error(key, &object, out),
        SentAs::Result(text) => session.respond_error(key, &ErrorObject::new(code::INTERNAL_ERROR, text), out),
    });
    Outcome::Answered
}

impl Hub {
    fn link(
        &self,
        session: &ServerSession,
        origin: &Origin<'_>,
        token: Option<&mcp_core::types::ProgressToken<'_>>,
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
            changes: super::Changes::default(),
            cancelled: AtomicBool::new(false),
            deferred: AtomicBool::new(true),
            reporter: Mutex::new(Reporter::new(self.offer.progress_rate).after(progress)),
            cancellation: Condvar::new(),
            mailbox: self.mailbox.clone(),
            watcher: OnceLock::new(),
        })
    }

    /// The client of a parked call makes its request again.
    fn go_on(
        &self,
        service: &mut Service,
        session: &mut ServerSession,
        origin: &Origin<'_>,
        (call, link): (Arc<Shared>, Arc<LaterCall>),
        responses: Option<&RawValue>,
        outbox: &mut dyn Outbox,
    ) -> Outcome {
        let responses = responses.and_then(Members::of).unwrap_or_default();
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
        drop(state);
        attach(&call, &link);
        service.later.register(Arc::clone(&link));
        for (hear, response) in answered {
            hear(Ok(response.to_owned()));
        }
        if is_open {
            park(service, session, origin.now, (&call, &link), outbox);
        }
        Outcome::Later
    }
}

/// From now on a request of a client waits for the call.
fn attach(call: &Arc<Shared>, link: &Arc<LaterCall>) {
    let watched = Arc::downgrade(call);
    let _ = link.watcher.set(Box::new(move || {
        if let Some(call) = watched.upgrade() {
            call.cancel();
        }
    }));
    let mut state = call.state();
    (state.link, state.asked_in) = (Some(Arc::clone(link)), Some((link.version, link.offers)));
}

/// The key of a question.
fn key(number: u64) -> String {
    format!("q{number}")
}

/// Answers the request of a client.
pub(crate) fn settle(link: Arc<LaterCall>, call: Arc<Shared>, outcome: Result<Box<RawValue>, Error>) -> Box<Act> {
    Box::new(move |service, now, session, outbox| {
        service.withdraw_all(session, link.session, link.key, outbox);
        service.later.release(link.session, link.key);
        let credential = call.credential.clone();
        let origin = Origin { credential: credential.as_deref(), ..Origin::new(link.session, link.key, now) };
        let _answered = passed::answer(service, session, &origin, &call, outcome, outbox);
    })
}

/// Sends a log message.
pub(crate) fn log(level: LoggingLevel, logger: Option<Box<str>>, data: Box<RawValue>) -> Box<Act> {
    Box::new(move |service, _, session, outbox| {
        if service.capabilities.logging.is_some() {
            outbox.message(Kind::Report, &mut |out| session.log(level, logger.as_deref(), &data, out) == Ok(true));
        }
    })
}

/// Asks the client what waits to be asked, in the answer to its request.
pub(crate) fn ask_back(call: Arc<Shared>, link: Arc<LaterCall>) -> Box<Act> {
    Box::new(move |service, now, session, outbox| park(service, session, now, (&call, &link), outbox))
}

/// Asks the client by a request.
pub(crate) fn ask(call: Arc<Shared>, link: Arc<LaterCall>, open: Open) -> Box<Act> {
    Box::new(move |service, now, session, outbox| {
        let Open { number, method, params, hear } = open;
        let counted = Arc::downgrade(&call);
        let heard = Box::new(move |outcome| {
            if let Some(call) = counted.upgrade() {
                call.state().requested -= 1;
            }
            hear(outcome);
        });
        call.state().requested += 1;
        let params = params.unwrap_or_else(|| RawValue::NULL.to_owned());
        let question = Question { key: method.name().into(), method, params };
        let origin = Origin::new(link.session, link.key, now);
        let asker = Asker { question: number, hear: heard };
        if let Err((asker, why)) = ask_beside(service, session, &origin, question, asker, outbox) {
            (asker.hear)(Err(Error::new(code::INTERNAL_ERROR, why)));
        }
    })
}

/// Takes a question back.
pub(crate) fn withdraw(link: Arc<LaterCall>, call: Arc<Shared>, question: u64) -> Box<Act> {
    Box::new(move |service, now, session, outbox| {
        let origin = Origin::new(link.session, link.key, now);
        if withdraw_beside(service, session, &origin, question, outbox) {
            call.state().requested -= 1;
        }
    })
}

/// Why the client cannot be asked this, if it cannot.
pub(crate) fn unasked(version: ProtocolVersion, offers: ClientOffers, open: &Open) -> Option<&'static str> {
    #[derive(Default, Deserialize)]
    struct Looked<'a> {
        #[serde(borrow, default)]
        mode: Option<std::borrow::Cow<'a, str>>,
        #[serde(borrow, default)]
        tools: Option<&'a RawValue>,
    }
    let exists = open.method.exists_in(version) || open.method.is_input_request_in(version);
    if !exists || !offers.admits(open.method) {
        return Some("the client does not offer this");
    }
    let looked = open.params.as_deref().and_then(|params| serde_json::from_str::<Looked<'_>>(params.get()).ok());
    let looked = looked.unwrap_or_default();
    let is_url = looked.mode.is_some_and(|mode| mode == "url");
    let lacks = match open.method {
        Method::ElicitationCreate if is_url => !offers.elicitation_url || !version.has_url_elicitation(),
        Method::ElicitationCreate => !offers.elicitation_form,
        Method::SamplingCreateMessage if looked.tools.is_some() => {
            !offers.sampling_tools || !version.has_sampling_tools()
        }
        _ => false,
    };
    lacks.then_some("the client does not offer this way of it")
}

/// Answers the request of a client without a session with the questions of its call, which goes on without it until the client
/// makes its request again.
fn park(
    service: &mut Service,
    session: &mut ServerSession,
    now: Instant,
    (call, link): (&Arc<Shared>, &Arc<LaterCall>),
    outbox: &mut dyn Outbox,
) {
    let Some(hub) = call.hub.upgrade() else { return };
    let mut state = call.state();
    let is_linked = state.link.as_ref().is_some_and(|current| Arc::ptr_eq(current, link));
    // Answered meanwhile: that is on its way.
    if state.is_over || !is_linked || state.questions.is_empty() {
        return;
    }
    state.rounds += 1;
    let origin = Origin { credential: call.credential.as_deref(), ..Origin::new(link.session, link.key, now) };
    let why = if state.rounds > service.limits.input_rounds {
        Some("its client was asked as often as `input_rounds` allows".to_owned())
    } else if hub.parked().len() >= PARKED {
        Some(format!("{PARKED} calls wait for their clients already"))
    } else {
        None
    };
    let sealed = why.is_none().then(|| seal_call(service, &origin, call, state.rounds)).flatten();
    let Some((number, sealed)) = sealed else {
        let questions = std::mem::take(&mut state.questions);
        drop(state);
        let why = why.unwrap_or_else(|| "the question cannot be asked: there is no randomness".to_owned());
        questions.into_iter().for_each(|open| open.refuse(code::INTERNAL_ERROR, &why));
        return;
    };
    {
        let questions = Questions(&state.questions);
        let wanted = InputRequired { input_requests: Some(&questions), request_state: Some(&sealed) };
        passed::ask_in_result(service, session, link.key, &wanted, outbox);
    }
    service.later.release(link.session, link.key);
    (state.link, state.progress) = (None, link.last_progress());
    let deadline = now + service.inputs.state_lifetime;
    hub.parked().insert(number.into(), Parked { call: Arc::clone(call), deadline });
}

/// A number for a call that nobody can guess, and the state that brings it back.
fn seal_call(service: &mut Service, origin: &Origin<'_>, call: &Shared, rounds: usize) -> Option<(String, String)> {
    let mut bits = [0; 16];
    getrandom::fill(&mut bits).ok()?;
    let number = format!("{:032x}", u128::from_le_bytes(bits));
    let note = to_raw_value(&number).ok()?;
    let about = about(call.method, &call.subject);
    let sealed = seal_note(&mut service.inputs, origin, &about, rounds, (CALL, &note))?;
    Some((number, sealed))
}

/// Questions as the members of an `input_required` result (R-LM-66).
struct Questions<'a>(&'a [Open]);

impl Serialize for Questions<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Asked<'a> {
            method: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            params: Option<&'a RawValue>,
        }
        serializer.collect_map(self.0.iter().map(|open| {
            let params = open.params.as_deref().filter(|params| params.get() != "null");
            (key(open.number), Asked { method: open.method.name(), params })
        }))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
