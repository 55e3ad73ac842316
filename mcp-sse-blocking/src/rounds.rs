//! What a result means that may ask for input first (R-LM-64 to R-LM-74), and the parameters of the next attempt.
//!
//! In 2026-07-28 a server does not ask in the middle of a request: it answers with its questions, and the client makes the
//! same request again with the answers. This module decides; who asks the handlers and sends is [`Client`](crate::Client).

use std::collections::BTreeMap;
use std::time::Duration;

use mcp_core::limits::{Limit, LimitExceeded, Limits};
use mcp_core::text::Excerpt;
use mcp_core::types::{InputRequest, Method, ResultKind};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::error::{Error, PeerError};

/// The first pause before a request is made again that the server answered without a question: it sheds load (R-LM-70).
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest such pause. The sum of all is bounded by [`Limits::input_rounds`] and the call's deadline.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Questions that a server may ask at once. 64: more than a person answers.
const QUESTIONS: usize = 64;

/// How often one call was made.
#[derive(Debug)]
pub(crate) struct Rounds {
    method: Method,
    bound: usize,
    done: usize,
    pause: Duration,
}

/// What a result means.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// It is the result of its method.
    Complete,
    /// The request is to be made again.
    Again(Questions),
}

/// What a server wants before it answers.
#[derive(Debug)]
pub(crate) struct Questions {
    /// Under the keys that the server chose; none when the request is merely to be made again.
    pub(crate) asked: BTreeMap<String, InputRequest>,
    /// How long to wait before the next attempt.
    pub(crate) pause: Duration,
    /// A JSON string, as its text: it is given back as it came (R-LM-68).
    state: Option<Box<RawValue>>,
}

impl Rounds {
    pub(crate) fn new(method: Method, limits: &Limits) -> Self {
        Self { method, bound: limits.input_rounds, done: 0, pause: FIRST_PAUSE }
    }

    /// Looks at what came back.
    ///
    /// # Errors
    ///
    /// [`Error::Peer`]: a type of result that nobody agreed on (R-LM-56), or questions where none may be (R-LM-64) or without
    /// form (R-LM-65). [`Error::Limit`]: it asks once more than [`Limits::input_rounds`].
    pub(crate) fn judge(&mut self, result: &RawValue) -> Result<Verdict, Error> {
        match ResultKind::of(result) {
            ResultKind::Complete => return Ok(Verdict::Complete),
            ResultKind::Unknown(word) => {
                return Err(self.broken(format!("unknown `resultType` `{}`", Excerpt::new(&word, 64))));
            }
            ResultKind::InputRequired => {}
        }
        if !self.method.may_ask_for_input() {
            return Err(self.broken("it asks for input, which this method must not".into()));
        }
        let InputRequired { asked, state } = serde_json::from_str(result.get())
            .map_err(|error| self.broken(Excerpt::new(&error.to_string(), 256).to_string()))?;
        if asked.is_none() && state.is_none() {
            return Err(self.broken("it asks for input but has neither `inputRequests` nor `requestState`".into()));
        }
        if asked.as_ref().is_some_and(|asked| asked.len() > QUESTIONS) {
            return Err(self.broken(format!("it asks for more than {QUESTIONS} inputs at once")));
        }
        if state.is_some_and(|state| !state.get().starts_with('"')) {
            return Err(self.broken("`requestState` is no string".into()));
        }
        if self.done == self.bound {
            return Err(LimitExceeded { limit: Limit::InputRounds, bound: self.bound }.into());
        }
        self.done += 1;
        let asked = asked.unwrap_or_default();
        let pause = if asked.is_empty() { self.next_pause() } else { Duration::ZERO };
        Ok(Verdict::Again(Questions { asked, pause, state: state.map(ToOwned::to_owned) }))
    }

    fn next_pause(&mut self) -> Duration {
        let next = (self.pause * 2).min(LONGEST_PAUSE);
        std::mem::replace(&mut self.pause, next)
    }

    fn broken(&self, problem: String) -> Error {
        PeerError::Result { method: self.method.name().to_owned(), problem }.into()
    }
}

impl Questions {
    /// The parameters of the next attempt: those of the first, with the answers under the keys of the questions, and what the
    /// server gave along (R-LM-67, R-LM-68). Answers and state belong to this attempt only, so they are added to the parameters
    /// of the first (R-LM-69).
    pub(crate) fn params(&self, first: &RawValue, answers: &BTreeMap<String, Box<RawValue>>) -> Box<RawValue> {
        let mut members = Vec::with_capacity(2);
        if !answers.is_empty() {
            // Keys are texts and answers are JSON: this cannot fail.
            let answers = serde_json::to_string(answers).unwrap_or_default();
            members.push(format!(r#""inputResponses":{answers}"#));
        }
        if let Some(state) = &self.state {
            members.push(format!(r#""requestState":{state}"#));
        }
        with_members(first, &members)
    }
}

/// A JSON object with further members; what is no object, `null` most often, counts as one without members.
fn with_members(object: &RawValue, members: &[String]) -> Box<RawValue> {
    let inner = object.get().strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or_default().trim();
    let separator = if inner.is_empty() || members.is_empty() { "" } else { "," };
    let text = format!("{{{inner}{separator}{}}}", members.join(","));
    RawValue::from_string(text).unwrap_or_else(|_| object.to_owned())
}

#[derive(Deserialize)]
struct InputRequired<'a> {
    #[serde(rename = "inputRequests", default)]
    asked: Option<BTreeMap<String, InputRequest>>,
    #[serde(rename = "requestState", borrow, default)]
    state: Option<&'a RawValue>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.into()).unwrap()
    }

    fn rounds() -> Rounds {
        Rounds::new(Method::ToolsCall, &Limits::default())
    }

    fn again(rounds: &mut Rounds, text: &str) -> Questions {
        match rounds.judge(&json(text)).unwrap() {
            Verdict::Again(questions) => questions,
            Verdict::Complete => panic!("{text}"),
        }
    }

    fn answers(answers: &[(&str, &str)]) -> BTreeMap<String, Box<RawValue>> {
        answers.iter().map(|(key, answer)| ((*key).to_owned(), json(answer))).collect()
    }

    #[test]
    fn a_result_is_complete_when_it_says_so_or_says_nothing() {
        // R-LM-56
        for complete in [r#"{"content":[]}"#, r#"{"resultType":"complete","content":[]}"#, "{}"] {
            assert!(matches!(rounds().judge(&json(complete)), Ok(Verdict::Complete)), "{complete}");
        }
    }

    #[test]
    fn an_unknown_type_of_result_is_the_peers_fault() {
        // R-LM-56
        for unknown in [r#"{"resultType":"task","taskId":"1"}"#, r#"{"resultType":7}"#] {
            let error = rounds().judge(&json(unknown)).unwrap_err();
            assert!(matches!(&error, Error::Peer(PeerError::Result { .. })), "{error}");
            assert!(error.to_string().contains("resultType"), "{error}");
        }
    }

    #[test]
    fn questions_without_form_are_the_peers_fault() {
        // R-LM-65
        for broken in [
            r#"{"resultType":"input_required"}"#,
            r#"{"resultType":"input_required","requestState":7}"#,
            r#"{"resultType":"input_required","requestState":null,"inputRequests":null}"#,
            r#"{"resultType":"input_required","inputRequests":[]}"#,
            r#"{"resultType":"input_required","inputRequests":{"a":{}}}"#,
        ] {
            assert!(matches!(rounds().judge(&json(broken)), Err(Error::Peer(_))), "{broken}");
        }
    }

    #[test]
    fn questions_are_bounded() {
        for (count, is_taken) in [(QUESTIONS, true), (QUESTIONS + 1, false)] {
            let asked: BTreeMap<_, _> =
                (0..count).map(|key| (key, serde_json::json!({"method": "roots/list"}))).collect();
            let asks = serde_json::json!({"resultType": "input_required", "inputRequests": asked}).to_string();
            assert_eq!(rounds().judge(&json(&asks)).is_ok(), is_taken, "{count}");
        }
    }

    #[test]
    fn only_three_methods_may_ask() {
        // R-LM-64
        let asks = json(r#"{"resultType":"input_required","requestState":"s"}"#);
        for method in Method::all().filter(|method| !method.is_notification()) {
            let may = matches!(method, Method::ToolsCall | Method::PromptsGet | Method::ResourcesRead);
            let judged = Rounds::new(method, &Limits::default()).judge(&asks);
            assert_eq!(judged.is_ok(), may, "{}", method.name());
        }
    }

    #[test]
    fn the_next_attempt_has_the_same_parameters_and_the_answers_under_their_keys() {
        // R-LM-67
        let asks = r#"{"resultType":"input_required","requestState":"s",
            "inputRequests":{"who":{"method":"elicitation/create","params":{"message":"?"}},"roots":{"method":"roots/list"}}}"#;
        let questions = again(&mut rounds(), asks);
        assert_eq!(questions.asked.keys().collect::<Vec<_>>(), ["roots", "who"]);
        assert_eq!(questions.pause, Duration::ZERO);
        let first = json(r#"{"name":"x","arguments":{"b":1,"a":1.50}}"#);
        let params =
            questions.params(&first, &answers(&[("who", r#"{"action":"decline"}"#), ("roots", r#"{"roots":[]}"#)]));
        assert_eq!(
            params.get(),
            r#"{"name":"x","arguments":{"b":1,"a":1.50},"inputResponses":{"roots":{"roots":[]},"who":{"action":"decline"}},"requestState":"s"}"#
        );
        // What belonged to an earlier attempt is not in a later one (R-LM-69).
        let later =
            again(&mut rounds(), r#"{"resultType":"input_required","inputRequests":{"n":{"method":"roots/list"}}}"#);
        let params = later.params(&first, &answers(&[("n", r#"{"roots":[]}"#)]));
        assert_eq!(params.get(), r#"{"name":"x","arguments":{"b":1,"a":1.50},"inputResponses":{"n":{"roots":[]}}}"#);
    }

    #[test]
    fn the_state_goes_back_byte_for_byte_and_only_when_there_was_one() {
        // R-LM-68. Escapes stay as the server wrote them, even those that no text has.
        for state in [r#""""#, r#""{\"a\":\"\u00e4\/\"}""#, r#""\ud800""#, r#""ä \n""#] {
            let asks = format!(r#"{{"resultType":"input_required","requestState":{state}}}"#);
            let params = again(&mut rounds(), &asks).params(&json("{}"), &BTreeMap::new());
            assert_eq!(params.get(), format!(r#"{{"requestState":{state}}}"#));
        }
        let asks = r#"{"resultType":"input_required","inputRequests":{}}"#;
        assert_eq!(again(&mut rounds(), asks).params(&json("null"), &BTreeMap::new()).get(), "{}");
    }

    #[test]
    fn a_server_that_asks_nothing_is_asked_again_after_pauses_that_grow() {
        // R-LM-70
        let mut rounds = rounds();
        let pauses: Vec<_> = (0..7)
            .map(|_| again(&mut rounds, r#"{"resultType":"input_required","requestState":"s"}"#).pause.as_millis())
            .collect();
        assert_eq!(pauses, [100, 200, 400, 800, 1600, 2000, 2000]);
    }

    #[test]
    fn rounds_are_bounded_and_the_error_names_the_bound() {
        // R-LM-70
        for bound in [0, 1, 3] {
            let mut limits = Limits::default();
            limits.input_rounds = bound;
            let mut rounds = Rounds::new(Method::ToolsCall, &limits);
            for _ in 0..bound {
                again(&mut rounds, r#"{"resultType":"input_required","requestState":"s"}"#);
            }
            let error = rounds.judge(&json(r#"{"resultType":"input_required","requestState":"s"}"#)).unwrap_err();
            assert!(matches!(error, Error::Limit(exceeded) if exceeded.bound == bound), "{error}");
            assert!(error.to_string().contains("input_rounds"), "{error}");
            // A result is one, however many rounds there were.
            assert!(matches!(rounds.judge(&json("{}")), Ok(Verdict::Complete)));
        }
    }
}
