//! A request that may be asked back: the one loop of the rounds (R-LM-64 to R-LM-74).
//!
//! Runs on the thread that waits for the result: the caller's, or that of a started call. What a result means is decided by
//! [`rounds`](crate::rounds); here it is sent, and the handlers are asked.

use std::collections::BTreeMap;
use std::time::Duration;

use mcp_core::jsonrpc::{self, code};
use mcp_core::text::Excerpt;
use mcp_core::time::{Cause, Deadline};
use mcp_core::types::{ElicitUrlParams, Method};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::clock;
use crate::engine::Engine;
use crate::error::{Delivery, Error, PeerError, Timeout};
use crate::input::{InputError, Unanswered};
use crate::pending::Want;
use crate::request::{Params, reborrow};
use crate::rounds::{Questions, Rounds, Verdict};
use crate::slot::Progress;

/// Characters of a method or key that are shown.
const SHOWN: usize = 64;

/// Which of the attempts brought the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Attempt {
    First,
    /// One that carried answers or state: its result is for this call alone (R-LM-59).
    Answered,
}

impl Engine {
    /// Makes a request, and makes it again with what the server asks for, all within the one deadline of `want`.
    ///
    /// # Errors
    ///
    /// As [`Engine::request`]; [`Error::Input`] when a question has no answer, [`Error::Limit`] when there are too many.
    pub(crate) fn converse<P: Serialize + ?Sized, R>(
        &self,
        method: Method,
        first: &P,
        want: &Want,
        on_progress: Option<&mut dyn FnMut(Progress)>,
        mut decode: impl FnMut(&RawValue, Attempt) -> Result<R, Error>,
    ) -> Result<R, Error> {
        let mut decoded = None;
        let mut decode = |result: &RawValue, attempt| {
            decoded = Some(decode(result, attempt)?);
            Ok(())
        };
        let rounds = || self.in_rounds(method, &first, want, on_progress, &mut decode);
        // Whoever calls a tool counts that: it has a name, and its result may say that it failed.
        if method == Method::ToolsCall { rounds() } else { self.insight().measure(rounds) }?;
        // It was decoded, or there is an error.
        decoded.ok_or_else(|| PeerError::NoAnswer.into())
    }

    /// The same for parameters and results of every type.
    fn in_rounds(
        &self,
        method: Method,
        first: &dyn Params,
        want: &Want,
        mut on_progress: Option<&mut dyn FnMut(Progress)>,
        decode: &mut dyn FnMut(&RawValue, Attempt) -> Result<(), Error>,
    ) -> Result<(), Error> {
        // Where servers send requests they ask by them, and no result has a type.
        if self.session(|session| session.version().is_none_or(|version| version.has_server_requests())) {
            let mut decode = |result: &RawValue| decode(result, Attempt::First);
            let carried_out = self.carry_out(method.name(), first, want, on_progress, &mut decode);
            return carried_out.map_err(|error| self.explain(error));
        }
        let mut rounds = Rounds::new(method, &self.limits);
        // What the result asks, if it does.
        let mut asked = None;
        let mut judge = |result: &RawValue, attempt, asked: &mut Option<Questions>| match rounds.judge(result)? {
            Verdict::Complete => decode(result, attempt),
            Verdict::Again(questions) => {
                *asked = Some(questions);
                Ok(())
            }
        };
        self.carry_out(method.name(), first, want, reborrow(&mut on_progress), &mut |result| {
            judge(result, Attempt::First, &mut asked)
        })?;
        while let Some(questions) = asked.take() {
            let answers = self.answers(&questions)?;
            self.rest(questions.pause, want)?;
            let params = questions.params(&first.as_json()?, &answers);
            self.carry_out(method.name(), &&*params, want, reborrow(&mut on_progress), &mut |result| {
                judge(result, Attempt::Answered, &mut asked)
            })?;
        }
        Ok(())
    }

    /// Asks the handlers everything that the server wants to know.
    fn answers(&self, questions: &Questions) -> Result<BTreeMap<String, Box<RawValue>>, Error> {
        let version = self.session(|session| session.version());
        let mut answers = BTreeMap::new();
        for (key, question) in &questions.asked {
            let known = Method::from_name(&question.method);
            // R-LM-66
            let method = known.filter(|method| version.is_some_and(|version| method.is_input_request_in(version)));
            let params = question.params.as_ref().map(|params| params.as_raw());
            let answer = match method {
                Some(method) => self.features.ask(method, params),
                None => Err(Unanswered::NotOffered),
            };
            let answer = answer.map_err(|why| {
                let method = Excerpt::new(&question.method, SHOWN).to_string();
                let key = Excerpt::new(key, SHOWN).to_string();
                Error::Input(Box::new(InputError::Unanswered { method, key, why }))
            })?;
            answers.insert(key.clone(), answer);
        }
        Ok(answers)
    }

    /// Lets the server rest before the next attempt (R-LM-70), but not beyond the deadline.
    fn rest(&self, pause: Duration, want: &Want) -> Result<(), Error> {
        let until = Deadline::after(clock::now(), pause, Cause::Call);
        if let Some(deadline) = want.deadline.filter(|deadline| deadline.at <= until.at) {
            let (cause, delivery) = (deadline.cause, Delivery::Sent);
            return Err(Error::Timeout(Timeout { cause, after: want.timeout, delivery }));
        }
        if !pause.is_zero() {
            match &want.job {
                Some(job) => job.slot.wait_settled(until),
                None => drop(self.features.pause(pause)),
            }
        }
        // A started call that was cancelled meanwhile is refused by the next attempt.
        self.ended().map_or(Ok(()), |ended| Err(ended.with_delivery(Delivery::Sent)))
    }

    /// Makes a refusal for want of a visited page one that names the pages (R-FC-28).
    pub(crate) fn explain(&self, error: Error) -> Error {
        let has_code =
            |version: mcp_core::revision::ProtocolVersion| Method::NotificationsElicitationComplete.exists_in(version);
        match error {
            Error::Rpc(error) if self.session(|session| session.version().is_some_and(has_code)) => url_required(error),
            error => error,
        }
    }
}

/// The pages that have to be visited, when the error says so and names them.
fn url_required(error: jsonrpc::Error) -> Error {
    #[derive(Deserialize)]
    struct Data {
        elicitations: Vec<ElicitUrlParams>,
    }
    if error.code != code::URL_ELICITATION_REQUIRED {
        return Error::Rpc(error);
    }
    match error.data.as_ref().map(|data| serde_json::from_str::<Data>(data.get())) {
        Some(Ok(Data { elicitations })) => Error::Input(Box::new(InputError::UrlRequired { elicitations, error })),
        _ => Error::Rpc(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(code: i64, data: &str) -> jsonrpc::Error {
        let mut error = jsonrpc::Error::new(code, "visit these");
        error.data = RawValue::from_string(data.into()).ok();
        error
    }

    #[test]
    fn a_refusal_that_names_pages_is_typed_and_any_other_stays_as_it_is() {
        // R-FC-28
        let pages =
            r#"{"elicitations":[{"mode":"url","elicitationId":"1","url":"https://example.com","message":"?"}]}"#;
        let Error::Input(input) = url_required(refusal(-32042, pages)) else { panic!() };
        let InputError::UrlRequired { elicitations, .. } = *input else { panic!() };
        assert_eq!(elicitations[0].url, "https://example.com");
        for (code, data) in [(-32042, "{}"), (-32042, r#"{"elicitations":[{"mode":"form"}]}"#), (-32041, pages)] {
            assert!(matches!(url_required(refusal(code, data)), Error::Rpc(error) if error.code == code));
        }
    }
}
