//! Results that ask for input, for clients that are asked by requests (R-LM-64 to R-LM-70).

use std::collections::BTreeMap;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use mcp_core::Limits;
use mcp_core::jsonrpc::{Error as RpcError, Members, code};
use mcp_core::text::Excerpt;
use mcp_core::types::{InputRequest, Method};
use mcp_server_tiny::delegate::DelegatedCall;
use serde::Deserialize;
use serde_json::value::{RawValue, to_raw_value};

use super::{announce, outcome};

/// The first pause before a request that is merely to be made again; the next are twice as long each, two seconds at most.
const PAUSE: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(2);

#[derive(Deserialize)]
struct InputRequired<'a> {
    #[serde(rename = "resultType", default)]
    kind: Option<String>,
    #[serde(rename = "inputRequests", default)]
    asked: Option<BTreeMap<String, InputRequest>>,
    #[serde(rename = "requestState", borrow, default)]
    state: Option<&'a RawValue>,
}

/// Whether a result asks for input.
pub(super) fn asks(result: &RawValue) -> bool {
    #[derive(Deserialize)]
    struct Kind {
        #[serde(rename = "resultType", default)]
        kind: Option<String>,
    }
    let is_kind = |kind: Kind| kind.kind.as_deref() == Some(mcp_core::types::InputRequiredResult::RESULT_TYPE);
    // Most results do not even have the word.
    result.get().contains("resultType") && serde_json::from_str::<Kind>(result.get()).is_ok_and(is_kind)
}

/// The result as it is, when its client can be asked what it asks; for a client of the revision that has such results.
pub(super) fn admitted(call: &DelegatedCall, result: Box<RawValue>) -> Result<Box<RawValue>, RpcError> {
    let required: InputRequired<'_> = read(&result)?;
    let offers = call.caller().offers;
    let refused = required.asked.iter().flatten().find(|(_, asked)| {
        let params = asked.params.as_ref().map(|params| params.as_raw().get());
        !announce::admits(offers, &asked.method, params.is_some_and(is_url))
    });
    let Some((_, asked)) = refused else { return Ok(result) };
    let text = format!("the server needs `{}`, which the client does not offer", Excerpt::new(&asked.method, 64));
    let mut error = RpcError::new(code::MISSING_CLIENT_CAPABILITY, text);
    let required = match Method::from_name(&asked.method) {
        Some(Method::ElicitationCreate)
            if asked.params.as_ref().is_some_and(|params| is_url(params.as_raw().get())) =>
        {
            r#"{"requiredCapabilities":{"elicitation":{"url":{}}}}"#
        }
        Some(Method::ElicitationCreate) => r#"{"requiredCapabilities":{"elicitation":{"form":{}}}}"#,
        Some(Method::SamplingCreateMessage) => r#"{"requiredCapabilities":{"sampling":{}}}"#,
        Some(Method::RootsList) => r#"{"requiredCapabilities":{"roots":{}}}"#,
        _ => return Err(error),
    };
    error.data = RawValue::from_string(required.to_owned()).ok();
    Err(error)
}

/// Asks the client what the result asks, and gives the parameters of the next attempt.
pub(super) fn answered(
    call: &DelegatedCall,
    result: &RawValue,
    done: usize,
    until: Instant,
) -> Result<Box<RawValue>, RpcError> {
    let InputRequired { asked, state, .. } = read(result)?;
    let bound = Limits::default().input_rounds;
    if done >= bound {
        return Err(outcome::failed(format_args!("the server asks for input more often than {bound} times")));
    }
    let asked = asked.unwrap_or_default();
    let (sender, answers) = channel();
    for (key, question) in &asked {
        let method = Method::from_name(&question.method);
        let method = method.filter(|method| method.may_come_from(mcp_core::types::method::Sender::Server));
        let Some(method) = method.filter(|method| !method.is_notification() && *method != Method::Ping) else {
            let method = Excerpt::new(&question.method, 64);
            return Err(outcome::failed(format_args!("the server asks `{method}`, which nobody answers")));
        };
        let (sender, key) = (sender.clone(), key.clone());
        let params = question.params.as_ref().map(|params| params.as_raw().to_owned());
        call.ask(method, params, move |answer| {
            // Nobody may wait any more.
            let _ = sender.send((key, answer));
        });
    }
    drop(sender);
    let mut responses = BTreeMap::new();
    while responses.len() < asked.len() {
        match answers.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok((key, Ok(answer))) => drop(responses.insert(key, answer)),
            Ok((key, Err(error))) => {
                let key = Excerpt::new(&key, 64);
                return Err(RpcError {
                    message: format!("the client did not answer `{key}`: {}", error.message),
                    ..error
                });
            }
            Err(RecvTimeoutError::Timeout) => return Err(outcome::failed("the client did not answer in time")),
            Err(RecvTimeoutError::Disconnected) => return Err(outcome::failed("the request was given up")),
        }
    }
    if asked.is_empty() {
        rest(call, done, until)?;
    }
    next(call.params(), &responses, state)
}

/// Lets the server rest before the next attempt (R-LM-70); a request that is given up meanwhile ends it.
fn rest(call: &DelegatedCall, done: usize, until: Instant) -> Result<(), RpcError> {
    let pause = PAUSE.saturating_mul(1 << done.min(8)).min(LONGEST);
    let (sender, given_up) = channel::<()>();
    call.on_cancel(move || {
        let _ = sender.send(());
    });
    match given_up.recv_timeout(pause.min(until.saturating_duration_since(Instant::now()))) {
        Err(_) => Ok(()),
        Ok(()) => Err(outcome::failed("the request was given up")),
    }
}

/// The parameters of the first attempt with answers and state, which is given back byte for byte (R-LM-67, R-LM-68).
fn next(
    first: Option<&RawValue>,
    responses: &BTreeMap<String, Box<RawValue>>,
    state: Option<&RawValue>,
) -> Result<Box<RawValue>, RpcError> {
    let responses = to_raw_value(responses).map_err(outcome::failed)?;
    let mut members = first.and_then(Members::of).unwrap_or_default();
    members.take("inputResponses");
    members.take("requestState");
    if responses.get() != "{}" {
        members.put("inputResponses", &responses);
    }
    if let Some(state) = state {
        members.put("requestState", state);
    }
    to_raw_value(&members).map_err(outcome::failed)
}

fn read(result: &RawValue) -> Result<InputRequired<'_>, RpcError> {
    let required: InputRequired<'_> = serde_json::from_str(result.get())
        .map_err(|_| outcome::failed("the server asks for input in a form that nobody knows"))?;
    debug_assert!(required.kind.is_some(), "its kind was looked at");
    Ok(required)
}

fn is_url(params: &str) -> bool {
    #[derive(Deserialize)]
    struct Mode {
        #[serde(default)]
        mode: Option<String>,
    }
    serde_json::from_str::<Mode>(params).is_ok_and(|mode| mode.mode.as_deref() == Some("url"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.into()).unwrap()
    }

    #[test]
    fn a_result_asks_only_when_it_says_so() {
        assert!(asks(&json(r#"{"resultType":"input_required","requestState":"s"}"#)));
        for other in [r#"{"content":[]}"#, r#"{"resultType":"complete"}"#, r#"{"content":["resultType"]}"#, "[]"] {
            assert!(!asks(&json(other)), "{other}");
        }
    }

    #[test]
    fn the_next_attempt_is_the_first_with_answers_and_state() {
        let first = json(r#"{"name":"x","n":1.50,"requestState":"old"}"#);
        let responses = BTreeMap::from([("k".to_owned(), json(r#"{"roots":[]}"#))]);
        let params = next(Some(&first), &responses, Some(&json(r#""s\u00e4""#))).unwrap();
        assert_eq!(
            params.get(),
            r#"{"name":"x","n":1.50,"inputResponses":{"k":{"roots":[]}},"requestState":"s\u00e4"}"#
        );
        assert_eq!(next(None, &BTreeMap::new(), None).unwrap().get(), "{}");
    }
}
