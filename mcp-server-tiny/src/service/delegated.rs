//! Requests for a delegate: on their way to it, and what it says on its way to clients.
//!
//! None of this is in a program without a delegate: it is reached through [`Seam`], which [`Service::delegate`] makes.

use std::collections::BTreeMap;
use std::sync::Arc;

use mcp_core::jsonrpc::{ErrorObject, Members, code};
use mcp_core::revision::ProtocolVersion;
use mcp_core::session::{ClientOffers, RequestKey, ServerEvent, ServerSession};
use mcp_core::time::Instant;
use mcp_core::types::meta::RequestMeta;
use mcp_core::types::{LoggingLevel, Method, SubscriptionFilter};
use serde::Deserialize;
use serde_json::value::{RawValue, to_raw_value};

use super::offer::OfferKind;
use super::run::guard;
use super::seal::{About, open_note, seal_note};
use super::{Kind, Origin, Outbox, Outcome, Service, refuse};
use crate::delegate::{Announced, Caller, Clients, Delegate, DelegatedCall, Shared};
use crate::result::{SentAs, ToolError};

mod asking;
mod hub;
mod notice;
mod passed;

pub(crate) use asking::{ask, ask_back, log, settle, unasked, withdraw};
pub(crate) use hub::Hub;
use hub::{Parked, attach};
pub use notice::Notice;

/// Calls that wait for another request of a client without a session. 1024: each waits for a person.
const PARKED: usize = 1024;
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

/// With `std`: a delegate in place of what is registered.
impl Service {
    /// Has all requests answered by the delegate that `make` makes, and says of itself what `announced` says. See
    /// [`delegate`](crate::delegate).
    pub fn delegate<D: Delegate + 'static>(&mut self, announced: Announced, make: impl FnOnce(Clients) -> D) {
        let Announced { info, capabilities, instructions } = announced;
        (self.info, self.instructions) = (info, instructions);
        self.capabilities = capabilities;
        (self.capabilities.tasks, self.capabilities.extensions) = (None, None);
        let hub = Arc::new(Hub::new(self.later.mailbox().clone()));
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

/// The key of a question.
fn key(number: u64) -> String {
    format!("q{number}")
}
