//! What servers ask of the program while they work: its user, its model, where they may work.

use std::ffi::{c_char, c_void};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mcp_core::types::{
    CreateMessageResult, ElicitAction, ElicitResult, Implementation, ListRootsResult, Method, RequestedSchema, Root,
};
use mcp_sse_blocking::{Builder, Refusal};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::border::enter;
use crate::callback::{Userdata, shown};
use crate::error::{ErrorInfo, Fault, Status};
use crate::handles::Shelf;
use crate::text::{Input, Out};

static QUESTIONS: Shelf<Asked> = Shelf::new("a question");

/// Something that a server asks, while its callback runs. A number: 0 is none.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Question {
    /// The number.
    pub id: u64,
}

/// Answers what a server asks. `question` is good until it returns, on any thread: it may hand it to another
/// one and wait for that. Exactly one of `mcp_question_reply`, `_accept`, `_decline`, `_cancel` and `_fail`
/// is to be called before it returns; without any an elicitation is dismissed, and anything else fails.
///
/// With a handshake (up to 2025-11-25) it runs on the thread `mcp-requests` of the client, one question at a
/// time; in 2026-07-28 on the thread `mcp-call` of a call, or the one that makes the request, so that several
/// may run at once. The time that it takes is part of the call's. It may use the client, but a call from
/// within that is asked again waits for itself.
pub type OnQuestion = Option<extern "C" fn(userdata: *mut c_void, question: Question)>;

/// The same where there is one.
type Ask = extern "C" fn(userdata: *mut c_void, question: Question);

/// A question while its callback runs.
struct Asked {
    method: Method,
    server: String,
    params: String,
    kind: Kind,
    answer: Mutex<Option<Answer>>,
}

/// What has to be known of a question to judge its answers.
enum Kind {
    Form(Box<RequestedSchema>),
    Page,
    Sampling,
    Roots,
}

enum Answer {
    Elicited(ElicitResult),
    Sampled(Box<CreateMessageResult>),
    Roots(Vec<Root>),
    Refused(Refusal),
}

/// What is asked: `elicitation/create`, `sampling/createMessage` or `roots/list`. Good until the callback
/// returns.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_question_method(question: Question, method: *mut *const c_char, length: *mut usize) -> Status {
    lend(question, method, length, |asked| asked.method.name())
}

/// Who the server says it is, a JSON object with `name` and `version`; to be shown to the user, and not to be
/// trusted. `null` for roots. Good until the callback returns.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_question_server(question: Question, json: *mut *const c_char, length: *mut usize) -> Status {
    lend(question, json, length, |asked| &asked.server)
}

/// The parameters, a JSON object as the protocol has it: of an elicitation `message` and `requestedSchema`,
/// or with `mode` `url` the page in `url`; of sampling `messages`, `maxTokens` and so on; of roots nothing.
/// Good until the callback returns.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_question_params(question: Question, json: *mut *const c_char, length: *mut usize) -> Status {
    lend(question, json, length, |asked| &asked.params)
}

/// Answers with a whole result, a JSON object as the protocol has it: of an elicitation `action` and
/// `content`, of sampling `role`, `content` and `model`, of roots `roots`. `MCP_STATUS_JSON` for anything
/// else, and for content that does not fit the form; the question then still wants an answer.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_question_reply(
    question: Question,
    json: *const c_char,
    length: usize,
    error: *mut ErrorInfo,
) -> Status {
    enter(Out(error), || {
        let json = Input { what: "the result", data: json, length };
        answer(question, |asked| {
            Ok(match &asked.kind {
                Kind::Form(_) | Kind::Page => Answer::Elicited(asked.fitting(read(&json)?)?),
                Kind::Sampling => Answer::Sampled(Box::new(read(&json)?)),
                Kind::Roots => Answer::Roots(read::<ListRootsResult>(&json)?.roots),
            })
        })
    })
}

/// Accepts an elicitation: a form with this content, a JSON object, or with NULL as it is before anybody
/// fills it in; of a page it is the consent to visit it, and the content is NULL. `MCP_STATUS_JSON` for
/// content that does not fit the form.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_question_accept(
    question: Question,
    content: *const c_char,
    length: usize,
    error: *mut ErrorInfo,
) -> Status {
    enter(Out(error), || {
        let content = Input { what: "the content", data: content, length };
        answer(question, |asked| {
            let result = match &asked.kind {
                Kind::Form(schema) if content.optional()?.is_none() => ElicitResult::accept(schema.defaults()),
                Kind::Form(_) => ElicitResult::accept(read(&content)?),
                Kind::Page => ElicitResult::consent(),
                Kind::Sampling | Kind::Roots => {
                    return Err(Fault::new(Status::Usage, "what is accepted is an elicitation"));
                }
            };
            Ok(Answer::Elicited(asked.fitting(result)?))
        })
    })
}

/// The user does not want it.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_question_decline(question: Question) -> Status {
    without(question, |asked| match asked.kind {
        Kind::Form(_) | Kind::Page => Answer::Elicited(ElicitResult::decline()),
        Kind::Sampling | Kind::Roots => Answer::Refused(Refusal::Rejected),
    })
}

/// The user looked away: an elicitation is dismissed without a choice. For anything else the same as
/// `mcp_question_decline`.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_question_cancel(question: Question) -> Status {
    without(question, |asked| match asked.kind {
        Kind::Form(_) | Kind::Page => Answer::Elicited(ElicitResult::cancel()),
        Kind::Sampling | Kind::Roots => Answer::Refused(Refusal::Rejected),
    })
}

/// It cannot be answered now, for a reason that the server is told. An elicitation has no such answer: it is
/// dismissed, and the log of this program has the reason.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_question_fail(question: Question, text: *const c_char, length: usize) -> Status {
    enter(Out(std::ptr::null_mut()), || {
        let text = Input { what: "the text", data: text, length };
        let why = text.required()?.to_owned();
        answer(question, |_| Ok(Answer::Refused(Refusal::Failed(why))))
    })
}

/// Has forms answered by a callback.
pub(crate) fn answer_forms(builder: Builder, ask: Ask, userdata: Userdata) -> Builder {
    builder.on_elicitation(move |form| {
        let schema = Kind::Form(Box::new(form.schema().clone()));
        elicited(run(ask, &userdata, Method::ElicitationCreate, Some(&form.server), &form.params, schema))
    })
}

/// Has pages to visit answered by a callback.
pub(crate) fn answer_pages(builder: Builder, ask: Ask, userdata: Userdata) -> Builder {
    builder.on_url_elicitation(move |page| {
        elicited(run(ask, &userdata, Method::ElicitationCreate, Some(&page.server), &page.params, Kind::Page)).action
    })
}

/// Has sampling answered by a callback.
pub(crate) fn answer_sampling(builder: Builder, ask: Ask, userdata: Userdata) -> Builder {
    builder.on_sampling(move |asked| {
        let method = Method::SamplingCreateMessage;
        match run(ask, &userdata, method, Some(&asked.server), &asked.params, Kind::Sampling) {
            Some(Answer::Sampled(sampled)) => Ok(*sampled),
            other => Err(refusal(other)),
        }
    })
}

/// Has roots answered by a callback.
pub(crate) fn answer_roots(builder: Builder, ask: Ask, userdata: Userdata) -> Builder {
    builder.on_roots(move || {
        let nothing = serde_json::Map::new();
        match run(ask, &userdata, Method::RootsList, None, &nothing, Kind::Roots) {
            Some(Answer::Roots(roots)) => Ok(roots),
            other => Err(refusal(other)),
        }
    })
}

/// Puts a question to a callback; `None` when it gave no answer.
fn run(
    ask: Ask,
    userdata: &Userdata,
    method: Method,
    server: Option<&Implementation>,
    params: &impl Serialize,
    kind: Kind,
) -> Option<Answer> {
    // What was read can be written.
    let server = serde_json::to_string(&server).unwrap_or_default();
    let params = serde_json::to_string(params).unwrap_or_default();
    let id = QUESTIONS.put(Asked { method, server, params, kind, answer: Mutex::new(None) });
    ask(userdata.pointer(), Question { id });
    let asked: Arc<Asked> = QUESTIONS.take(id).ok()?;
    asked.answer().take()
}

fn elicited(answer: Option<Answer>) -> ElicitResult {
    match answer {
        Some(Answer::Elicited(result)) => result,
        other => {
            // All that can be said of it to the server.
            log::error!(target: "mcp::c", "an elicitation is dismissed: {}", why(&refusal(other)));
            ElicitResult::cancel()
        }
    }
}

fn refusal(answer: Option<Answer>) -> Refusal {
    match answer {
        Some(Answer::Refused(refusal)) => refusal,
        _ => Refusal::Failed("the callback gave no answer".into()),
    }
}

fn why(refusal: &Refusal) -> &str {
    match refusal {
        Refusal::Rejected => "the user refused",
        Refusal::Failed(why) => why,
    }
}

impl Asked {
    fn answer(&self) -> MutexGuard<'_, Option<Answer>> {
        self.answer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The answer to an elicitation, if it is one to this.
    fn fitting(&self, result: ElicitResult) -> Result<ElicitResult, Fault> {
        if let (Kind::Form(schema), ElicitAction::Accept) = (&self.kind, result.action) {
            let nothing = serde_json::Map::new();
            let checked = schema.check(result.content.as_ref().unwrap_or(&nothing));
            checked.map_err(|fault| Fault::new(Status::Json, format!("the content does not fit the form: {fault}")))?;
        }
        Ok(result)
    }
}

fn without(question: Question, refuse: impl FnOnce(&Asked) -> Answer) -> Status {
    enter(Out(std::ptr::null_mut()), || answer(question, |asked| Ok(refuse(asked))))
}

fn answer(question: Question, make: impl FnOnce(&Asked) -> Result<Answer, Fault>) -> Result<(), Fault> {
    let asked = QUESTIONS.get(question.id)?;
    let mut place = asked.answer();
    if place.is_some() {
        return Err(Fault::new(Status::State, "the question was answered already"));
    }
    *place = Some(make(&asked)?);
    Ok(())
}

fn read<T: DeserializeOwned>(json: &Input) -> Result<T, Fault> {
    Ok(serde_json::from_str(json.required()?)?)
}

fn lend(question: Question, text: *mut *const c_char, length: *mut usize, part: impl FnOnce(&Asked) -> &str) -> Status {
    enter(Out(std::ptr::null_mut()), || {
        let places = (Out(text), Out(length));
        places.0.required("the text")?;
        places.1.required("the length")?;
        // It is on its shelf until the callback returns, and does not change there.
        let asked = QUESTIONS.get(question.id)?;
        let (text, length) = shown(part(&asked));
        places.0.set(text);
        places.1.set(length);
        Ok(())
    })
}
