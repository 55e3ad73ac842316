//! What is done for a delegated call on the thread of the loop: its answer, its logs, its questions.

use std::borrow::Cow;
use std::sync::Arc;

use mcp_core::jsonrpc::{Error, code};
use mcp_core::revision::ProtocolVersion;
use mcp_core::session::{ClientOffers, InputRequired, ServerSession};
use mcp_core::time::Instant;
use mcp_core::types::{LoggingLevel, Method};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::{RawValue, to_raw_value};

use super::super::input::{Asker, ask_beside, withdraw_beside};
use super::super::{Kind, Origin, Outbox, Service};
use super::{CALL, PARKED, Parked, about, key, passed, seal_note};
use crate::call::Question;
use crate::deferred::{Act, LaterCall};
use crate::delegate::{Open, Shared};

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
    Box::new(move |service, now, session, outbox| {
        // Before it looks at the questions: one that comes after that has to tell the loop again.
        call.asks_back();
        park(service, session, now, (&call, &link), outbox);
    })
}

/// Asks the client by a request.
pub(crate) fn ask(link: Arc<LaterCall>, open: Open) -> Box<Act> {
    Box::new(move |service, now, session, outbox| {
        let Open { number, method, params, hear } = open;
        let params = params.unwrap_or_else(|| RawValue::NULL.to_owned());
        let question = Question { key: method.name().into(), method, params };
        let origin = Origin::new(link.session, link.key, now);
        let asker = Asker { question: number, hear };
        if let Err((asker, why)) = ask_beside(service, session, &origin, question, asker, outbox) {
            (asker.hear)(Err(Error::new(code::INTERNAL_ERROR, why)));
        }
    })
}

/// Takes a question back.
pub(crate) fn withdraw(link: Arc<LaterCall>, question: u64) -> Box<Act> {
    Box::new(move |service, now, session, outbox| {
        let origin = Origin::new(link.session, link.key, now);
        withdraw_beside(service, session, &origin, question, outbox);
    })
}

/// Why the client cannot be asked this, if it cannot.
pub(crate) fn unasked(version: ProtocolVersion, offers: ClientOffers, open: &Open) -> Option<&'static str> {
    #[derive(Default, Deserialize)]
    struct Looked<'a> {
        #[serde(borrow, default)]
        mode: Option<Cow<'a, str>>,
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
pub(super) fn park(
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
