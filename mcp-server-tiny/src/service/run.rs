//! Carrying out calls: a handler is run, here or on a worker, and what it returns is answered.

use alloc::borrow::Cow;
use alloc::boxed::Box;

use mcp_core::jsonrpc::{ErrorObject, code};
use mcp_core::session::{Reply, RequestKey, ServerProfile, ServerSession};
use mcp_core::types::ProgressToken;
use serde::Serialize;

use super::offer::{Handler, Number, Offer, OfferKind, Output};
use super::{Kind, Left, Origin, Outbox, Outcome, Service, profile};
use crate::call::{Arguments, Call, Here, Link, Question, Reporter, Round};
use crate::result::{Failed, SentAs, ToolError};

/// Something to carry out. Its arguments were checked.
pub(super) struct Task<'a> {
    pub(super) which: Which,
    /// What was asked for, when that is not the name of the offer.
    pub(super) subject: Option<Cow<'a, str>>,
    pub(super) arguments: &'a Arguments<'a>,
    pub(super) token: Option<&'a ProgressToken<'a>>,
    pub(super) round: Round<'a>,
}

/// Where an offer is: its family and its number there.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Which {
    Tool(Number),
    Prompt(Number),
    Resource(Number),
    Template(Number),
}

impl Service {
    /// Runs a handler, or gives it to a worker.
    pub(super) fn carry_out(
        &mut self,
        session: &mut ServerSession,
        origin: &Origin<'_>,
        task: Task<'_>,
        outbox: &mut dyn Outbox,
    ) -> Outcome {
        let Some((shared, handler)) = self.offered(task.which) else {
            return no_longer_offered(session, origin.key, outbox);
        };
        let logs = self.capabilities.logging.is_some();
        #[cfg(feature = "std")]
        if let super::offer::Place::Worker(make) = shared.place {
            let work = super::later::Work::new(shared, handler, session, origin, task, logs);
            return match self.later.submit(work, &self.changes, make) {
                Ok(()) => Outcome::Later,
                Err(busy) => busy.answer(session, origin, outbox),
            };
        }
        let offer: &Offer = shared;
        let Task { which, subject, arguments, token, round } = task;
        let here = Here {
            session,
            number: origin.session,
            key: origin.key,
            token,
            logs,
            reporter: Reporter::new(offer.progress_rate).after(round.progress),
            outbox,
            #[cfg(feature = "std")]
            mailbox: self.later.mailbox(),
            #[cfg(feature = "std")]
            deferred: None,
            #[cfg(feature = "std")]
            shared,
            changes: &self.changes,
        };
        let name = subject.as_deref().unwrap_or(&offer.name);
        let mut call = Call::new(offer, name, arguments, round, Link::Here(here));
        let mut result = run(&**handler, &mut call);
        let is_later = result.as_ref().is_ok_and(Output::is_later);
        #[cfg(feature = "std")]
        if let Some(deferred) = call.deferred() {
            if is_later {
                self.later.register(deferred);
                return Outcome::Later;
            }
            // The handler answers after all.
            deferred.cancel();
        }
        let round = call.finish();
        if is_later {
            result = Err(never_answered(offer));
        }
        if let Some(leave) = round.leave.filter(|_| result.as_ref().is_err_and(ToolError::is_question)) {
            let left = Left {
                which,
                #[cfg(feature = "std")]
                leave,
                subject: subject.as_deref().map(Into::into),
                arguments: arguments.raw().into(),
                token: token.map(|token| token.clone().into_owned()),
                memory: round.memory.unwrap_or_default(),
                questions: round.questions,
                progress: round.progress,
                #[cfg(feature = "std")]
                credential: origin.credential.map(Into::into),
            };
            return leave(self, session, origin, Box::new(left), outbox);
        }
        note_lost(&round.questions, offer);
        let profile = profile(&self.info, &self.capabilities, self.instructions.as_deref());
        answer(session, &profile, origin.key, offer, self.hints, &result, outbox)
    }
}

/// Says that a handler returned something else than the question it asked: then nobody is asked.
pub(super) fn note_lost(questions: &[Question], offer: &Offer) {
    if let Some(question) = questions.first() {
        log::warn!("`{}` asked `{}` and did not pass the question on with `?`", offer.name, question.key);
    }
}

/// Runs a handler so that its failure is no one else's ([`guard`]).
pub(super) fn run(handler: &Handler, call: &mut Call<'_>) -> Result<Output, ToolError> {
    let offer = call.offer();
    guard(offer.kind.noun(), &offer.name, || handler(call))
}

/// Runs what a program gave. With `std` a panic ends the call and nothing else: the client is told that it failed, the text of
/// the panic stays in the log, since it may speak of the program's insides (R-LM-92). Programs built with `panic = "abort"`
/// end, as they asked for.
pub(super) fn guard<R>(noun: &str, name: &str, run: impl FnOnce() -> Result<R, ToolError>) -> Result<R, ToolError> {
    #[cfg(feature = "std")]
    {
        // What a handler shares with other calls is behind locks of its own choice; the call itself is not used after
        // a panic, except for what was reported before it.
        std::panic::catch_unwind(core::panic::AssertUnwindSafe(run)).unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<&str>().copied();
            let text = text.or_else(|| panic.downcast_ref::<alloc::string::String>().map(|text| &**text));
            log::error!("{noun} `{name}` panicked: {}", text.unwrap_or("no text"));
            Err(ToolError::new(alloc::format!("`{name}` failed: internal error")))
        })
    }
    #[cfg(not(feature = "std"))]
    {
        let _ = (noun, name);
        run()
    }
}

/// Answers with a result or an error, as the session's revision has it.
pub(super) fn answer(
    session: &mut ServerSession,
    profile: &ServerProfile<'_>,
    key: RequestKey,
    offer: &Offer,
    hints: mcp_core::types::CacheHints,
    result: &Result<Output, ToolError>,
    outbox: &mut dyn Outbox,
) -> Outcome {
    let version = session.version();
    match result {
        Ok(Output::Tool(result)) => {
            if offer.promise.holds_in(version) && !result.is_structured(version) {
                log::warn!("tool `{}` has an output schema but returned no structured result", offer.name);
            }
            outbox.message(Kind::Answer, &mut |out| result.respond(session, profile, key, out));
        }
        Ok(Output::Other(result)) => {
            outbox.message(Kind::Answer, &mut |out| result.respond(session, profile, key, hints, out));
        }
        Err(error) => outbox.message(Kind::Answer, &mut |out| match error.sent_as(offer.kind, version) {
            SentAs::Result(text) => respond(session, profile, key, &Reply::new(&Failed::new(text)), out),
            SentAs::Error(object) => session.respond_error(key, &object, out),
        }),
    }
    Outcome::Answered
}

/// Writes a result, or an error when it cannot be written.
pub(crate) fn respond<R: Serialize + ?Sized>(
    session: &mut ServerSession,
    profile: &ServerProfile<'_>,
    key: RequestKey,
    reply: &Reply<'_, R>,
    out: &mut alloc::vec::Vec<u8>,
) -> bool {
    session.respond(profile, key, reply, out).unwrap_or_else(|error| {
        log::error!("a result could not be written: {error}");
        session.respond_error(key, &ErrorObject::new(code::INTERNAL_ERROR, "the result cannot be written"), out)
    })
}

/// What was called is gone: it was taken out while the call waited for its client.
pub(super) fn no_longer_offered(session: &mut ServerSession, key: RequestKey, outbox: &mut dyn Outbox) -> Outcome {
    super::refuse(session, key, code::INVALID_PARAMS, "it is no longer offered", outbox)
}

/// A handler promised an answer by a deferred reply that it did not take.
pub(super) fn never_answered(offer: &Offer) -> ToolError {
    log::error!("the handler of `{}` returned `Later` without `Call::defer`", offer.name);
    let text = if offer.kind == OfferKind::Tool { "the tool gave no answer" } else { "there was no answer" };
    ToolError::protocol(code::INTERNAL_ERROR, text)
}
