//! Asking the client in the middle of a call: `?` leaves the handler, and the answer runs it again.

use alloc::borrow::{Cow, ToOwned};
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use mcp_core::jsonrpc;
use mcp_core::types::{
    CreateMessageParams, CreateMessageResult, ElicitAction, ElicitParams, ElicitResult, IncludeContext,
    ListRootsResult, Method,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::{RawValue, to_raw_value};

use super::Call;
use crate::result::ToolError;
use crate::service::{Leave, Sealed, leave, open};

/// Questions to the client's user, model and file system.
///
/// The first time, such a method gives an error that stands for the question: pass it on with `?`, as it is; one that is
/// turned into another error, or ignored, asks nobody, and the log says so. The handler is left,
/// the question goes out, and with the answer **the handler runs again from its start**; the same call then gives the
/// answer. So what a handler does before a question, it does again: ask first, act afterwards. How the question travels
/// is the protocol's business: as a request to the client up to 2025-11-25, as a result that asks back from 2026-07-28 on.
///
/// Keys tell the questions of one call apart: another question needs another key. Several questions go out in one round
/// when they are asked before the first `?`:
///
/// ```
/// use mcp_server_tiny::types::{ElicitParams, RequestedSchema, StringSchema};
/// use mcp_server_tiny::{Call, ToolError};
///
/// fn greet(call: &mut Call<'_>) -> Result<String, ToolError> {
///     let form = RequestedSchema::new().required("name", StringSchema::new());
///     let user = call.elicit("user", ElicitParams::form("Who are you?", form));
///     let roots = call.roots("roots");
///     let (user, roots) = (user?, roots?);
///     let name = user.content.and_then(|content| content["name"].as_str().map(String::from));
///     Ok(format!("Hello, {}, of {} roots", name.unwrap_or_default(), roots.roots.len()))
/// }
/// ```
///
/// From 2026-07-28 on a client may send its answers a second time, for the same call and within
/// [`Server::state_lifetime`](crate::Server::state_lifetime): what must not be done twice, the handler sees to.
///
/// A client that lacks the capability is told so with an error; [`Call::offers`] tells beforehand. A handler that took a
/// [`Deferred`](crate::Deferred) may not ask any more. A call that waits for its client longer than
/// [`Server::input_timeout`](crate::Server::input_timeout) fails.
impl Call<'_> {
    /// Asks the client's user, by a form or by a page to visit (R-FC, section C). Content that was accepted fits the form;
    /// `decline` and `cancel` are answers as well (R-FC-23). Not for secrets (R-FC-20).
    ///
    /// # Errors
    ///
    /// The question, to be passed on. Later: the client cannot do it, answered with an error
    /// ([`ToolError::refusal`]), or gave content that does not fit the form (R-FC-22).
    pub fn elicit(&mut self, key: &str, params: ElicitParams) -> Result<ElicitResult, ToolError> {
        let (version, offers) = (self.version(), self.offers());
        let (lacks, mode) = match &params {
            ElicitParams::Form(_) => (!version.has_elicitation() || !offers.elicitation_form, "form"),
            ElicitParams::Url(_) => (!version.has_url_elicitation() || !offers.elicitation_url, "url"),
        };
        if lacks {
            let required = format!(r#"{{"elicitation":{{"{mode}":{{}}}}}}"#);
            return Err(ToolError::missing_capability(version, &format!("elicitation.{mode}"), &required));
        }
        // A form has the words of the revision; what cannot be asked in it is a fault of the handler.
        let params = match params {
            ElicitParams::Form(mut form) => {
                form.requested_schema = form
                    .requested_schema
                    .written_in(version)
                    .map_err(|unknown| ToolError::new(format!("the question `{key}` cannot be asked: {unknown}")))?;
                ElicitParams::Form(form)
            }
            url => url,
        };
        let answer: ElicitResult = self.ask(key, Method::ElicitationCreate, &params)?;
        if let (ElicitParams::Form(form), ElicitAction::Accept) = (&params, answer.action) {
            let empty = serde_json::Map::new();
            form.requested_schema.check(answer.content.as_ref().unwrap_or(&empty)).map_err(|fault| {
                ToolError::invalid_input(format!("the answer to `{key}` does not fit its form: {fault}"))
            })?;
        }
        Ok(answer)
    }

    /// Samples from the client's model (R-FC, section B).
    ///
    /// # Errors
    ///
    /// The question, to be passed on. Later: the client cannot do it, or answered with an error, such as -1 when its user
    /// refused ([`ToolError::refusal`]). At once: messages whose tool results are out of order (R-FC-11, R-FC-12), or of
    /// several blocks in a revision where a message has one.
    pub fn sample(&mut self, key: &str, mut params: CreateMessageParams) -> Result<CreateMessageResult, ToolError> {
        let (version, offers) = (self.version(), self.offers());
        if !offers.sampling {
            return Err(ToolError::missing_capability(version, "sampling", r#"{"sampling":{}}"#));
        }
        if params.uses_tools() && !(offers.sampling_tools && version.has_sampling_tools()) {
            // R-FC-9
            return Err(ToolError::missing_capability(version, "sampling.tools", r#"{"sampling":{"tools":{}}}"#));
        }
        if !offers.sampling_context && params.include_context.is_some_and(|context| context != IncludeContext::None) {
            // R-FC-10: a hint, which is left out for clients that cannot use it.
            params.include_context = None;
        }
        params.check().map_err(|fault| ToolError::new(format!("the question `{key}` cannot be asked: {fault}")))?;
        if !version.has_sampling_tools() && params.messages.iter().any(|message| message.content.len() != 1) {
            let text = format!("the question `{key}` cannot be asked: in {version} a message is one block");
            return Err(ToolError::new(text));
        }
        self.ask(key, Method::SamplingCreateMessage, &params)
    }

    /// Asks for the directories that the client lets the server work in (R-FC, section A).
    ///
    /// # Errors
    ///
    /// The question, to be passed on. Later: the client cannot do it, or answered with an error
    /// ([`ToolError::refusal`]).
    pub fn roots(&mut self, key: &str) -> Result<ListRootsResult, ToolError> {
        if !self.offers().roots {
            return Err(ToolError::missing_capability(self.version(), "roots", r#"{"roots":{}}"#));
        }
        self.ask(key, Method::RootsList, &())
    }

    /// Keeps a value for when the handler runs again because of a question. Up to 2025-11-25 the server remembers it; from
    /// 2026-07-28 on it travels with the question, protected against change but **readable** for the client.
    ///
    /// # Errors
    ///
    /// When it cannot be written as JSON.
    pub fn keep<T: Serialize + ?Sized>(&mut self, key: &str, value: &T) -> Result<(), ToolError> {
        let value = to_raw_value(value)?;
        let memory = self.remember()?;
        match memory.kept.iter_mut().find(|(known, _)| **known == *key) {
            Some((_, kept)) => *kept = value,
            None => memory.kept.push((key.into(), value)),
        }
        Ok(())
    }

    /// What an earlier run of the handler [kept](Self::keep) for this call.
    ///
    /// # Errors
    ///
    /// When it is no `T`, or what the client sent back is not what it was given.
    pub fn kept<T: DeserializeOwned>(&mut self, key: &str) -> Result<Option<T>, ToolError> {
        let kept = self.remember()?.kept.iter().find(|(known, _)| **known == *key);
        Ok(kept.map(|(_, value)| serde_json::from_str(value.get())).transpose()?)
    }

    /// Asks, or gives the answer.
    fn ask<A: DeserializeOwned>(&mut self, key: &str, method: Method, params: &impl Serialize) -> Result<A, ToolError> {
        // Here and not where calls begin, so that only programs that ask contain what asking takes.
        self.round.leave = Some(leave);
        match self.remember()?.answer(key) {
            Some(Ok(answer)) => serde_json::from_str(answer.get()).map_err(|_| {
                ToolError::invalid_input(format!("the answer to `{key}` is no result of `{}`", method.name()))
            }),
            Some(Err(error)) => Err(ToolError::refused(key, error)),
            None => {
                if self.round.questions.iter().all(|question| question.key != key) {
                    let params = to_raw_value(params)?;
                    self.round.questions.push(Question { key: key.to_owned(), method, params });
                }
                Err(ToolError::question())
            }
        }
    }

    /// What is known from earlier runs of the handler. Reads what the client sent back, once.
    fn remember(&mut self) -> Result<&mut Memory, ToolError> {
        if let Some(given) = self.round.given.take() {
            let kind = self.offer.kind;
            match open(kind, self.subject, self.arguments.raw(), given) {
                Ok(memory) => self.round.memory = Some(Box::new(memory)),
                Err(error) => self.round.fault = Some(error),
            }
        }
        match &self.round.fault {
            Some(fault) => Err(fault.clone()),
            None => Ok(self.round.memory.get_or_insert_default()),
        }
    }
}

/// One run of a handler: what it knows from earlier ones, and what it asks.
#[derive(Default)]
pub(crate) struct Round<'a> {
    /// What came with the request, until somebody looks.
    pub(crate) given: Option<Given<'a>>,
    /// It was no good.
    fault: Option<ToolError>,
    pub(crate) memory: Option<Box<Memory>>,
    pub(crate) questions: Vec<Question>,
    /// What to do with the questions; set by the first one.
    pub(crate) leave: Option<Leave>,
    /// How far the call has said it is: the next run goes on from there (R-LM-83).
    pub(crate) progress: Option<f64>,
}

/// What a client gave along with a request of the stateless revision (R-LM-67).
pub(crate) struct Given<'a> {
    pub(crate) responses: Option<Cow<'a, RawValue>>,
    pub(crate) sealed: Option<Box<Sealed>>,
}

impl Given<'_> {
    #[cfg(feature = "std")]
    fn bytes(&self) -> usize {
        let responses = self.responses.as_ref().map_or(0, |responses| responses.get().len());
        responses + self.sealed.as_ref().map_or(0, |sealed| sealed.bytes())
    }

    #[cfg(feature = "std")]
    fn into_owned(self) -> Given<'static> {
        let responses = self.responses.map(|responses| Cow::Owned(responses.into_owned()));
        Given { responses, sealed: self.sealed }
    }
}

impl<'a> Round<'a> {
    /// The first run of a handler.
    pub(crate) fn given(given: Option<Given<'a>>) -> Self {
        Self { given, ..Self::default() }
    }

    /// A later one.
    pub(crate) fn again(memory: Box<Memory>, progress: Option<f64>) -> Self {
        Self { memory: Some(memory), progress, ..Self::default() }
    }

    /// How much of a client's it holds, about.
    #[cfg(feature = "std")]
    pub(crate) fn bytes(&self) -> usize {
        self.given.as_ref().map_or(0, Given::bytes) + self.memory.as_ref().map_or(0, |memory| memory.bytes())
    }

    /// For another thread.
    #[cfg(feature = "std")]
    pub(crate) fn into_owned(self) -> Round<'static> {
        let given = self.given.map(Given::into_owned);
        let Self { fault, memory, questions, leave, progress, .. } = self;
        Round { given, fault, memory, questions, leave, progress }
    }
}

/// What a call knows from the runs of its handler so far.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// Rounds of questions so far.
    pub(crate) rounds: usize,
    /// Answers that a handler asked for.
    pub(crate) answers: Vec<(String, Answer)>,
    pub(crate) kept: Vec<(Box<str>, Box<RawValue>)>,
    /// Answers that came with this request and that no handler has asked for. Those that none will are not carried on
    /// (R-LM-73).
    pub(crate) fresh: Vec<(String, Box<RawValue>)>,
}

/// A client's result, or its error.
pub(crate) type Answer = Result<Box<RawValue>, jsonrpc::Error>;

impl Memory {
    /// How much it holds, about.
    pub(crate) fn bytes(&self) -> usize {
        let answers = self.answers.iter().map(|(_, answer)| answer.as_ref().map_or(0, |answer| answer.get().len()));
        answers.chain(self.kept.iter().map(|(_, value)| value.get().len())).sum()
    }

    fn answer(&mut self, key: &str) -> Option<&Answer> {
        let at = match self.answers.iter().position(|(known, _)| known == key) {
            Some(at) => at,
            None => {
                let fresh = self.fresh.iter().position(|(known, _)| known == key)?;
                let (key, answer) = self.fresh.swap_remove(fresh);
                self.answers.push((key, Ok(answer)));
                self.answers.len() - 1
            }
        };
        Some(&self.answers[at].1)
    }
}

/// A question that a handler asked.
#[derive(Debug)]
pub(crate) struct Question {
    pub(crate) key: String,
    pub(crate) method: Method,
    pub(crate) params: Box<RawValue>,
}
