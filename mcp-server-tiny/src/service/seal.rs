//! The `requestState` of the stateless revision: what a call knows from earlier rounds, travelling by way of its client
//! (R-LM-72).
//!
//! It is readable and cannot be changed: HMAC-SHA256 binds it to what is called, with which arguments, and to whom the
//! caller showed itself as. It is good for a while only. Which members a client writes in which order, and how it escapes
//! strings, does not matter: arguments are compared as JSON.
//!
//! Within that time the same caller may send it again for the same request: whoever must not do a thing twice sees to that
//! in the handler.
//!
//! A key that is random per process comes with the clock of the carrier, since both end with the process. A key that is
//! given may outlive it and may be shared, so it comes with the time of day, where there is one.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use hmac_sha256::HMAC;
use mcp_core::base64;
use mcp_core::jsonrpc::code;
use mcp_core::time::Instant;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use super::input::Inputs;
use super::offer::OfferKind;
use super::{Left, Origin};
use crate::call::{Given, Memory};
use crate::result::ToolError;

/// Bytes of the key, and of what proves the rest.
const MAC_BYTES: usize = 32;

/// A state that a client sent back, with what it takes to open it: on another thread, too.
pub(crate) struct Sealed {
    state: Box<str>,
    /// `None`: nothing was ever sealed.
    key: Option<[u8; MAC_BYTES]>,
    millis: u64,
    credential: Option<Box<[u8]>>,
}

impl Sealed {
    pub(super) fn new(inputs: &Inputs, origin: &Origin<'_>, state: &str) -> Self {
        let millis = inputs.millis(origin.now);
        Self { state: state.into(), key: inputs.key, millis, credential: origin.credential.map(Into::into) }
    }

    /// How much of a client's it holds.
    #[cfg(feature = "std")]
    pub(crate) fn bytes(&self) -> usize {
        self.state.len()
    }
}

impl Inputs {
    /// The time that states are stamped with.
    fn millis(&self, now: Instant) -> u64 {
        let elapsed = || u64::try_from(now.since(Instant::ZERO).as_millis()).unwrap_or(u64::MAX);
        self.time_of_day.map_or_else(elapsed, |time| time())
    }

    /// When a state that is sealed now is too old.
    fn expiry(&self, now: Instant) -> u64 {
        let lifetime = u64::try_from(self.state_lifetime.as_millis()).unwrap_or(u64::MAX);
        self.millis(now).saturating_add(lifetime)
    }

    /// The key, drawn at its first use unless it was given.
    fn key(&mut self) -> Option<&[u8; MAC_BYTES]> {
        #[cfg(feature = "std")]
        if self.key.is_none() {
            let mut key = [0; MAC_BYTES];
            getrandom::fill(&mut key).ok()?;
            self.key = Some(key);
        }
        self.key.as_ref()
    }
}

/// What travels.
#[derive(Serialize, Deserialize)]
struct State<'a> {
    /// Milliseconds of the clock.
    expires: u64,
    rounds: usize,
    #[serde(borrow)]
    answers: BTreeMap<Cow<'a, str>, Cow<'a, RawValue>>,
    #[serde(borrow)]
    kept: BTreeMap<Cow<'a, str>, Cow<'a, RawValue>>,
}

/// Seals what a call knows. `None` without a key.
pub(super) fn seal(
    inputs: &mut Inputs,
    origin: &Origin<'_>,
    kind: OfferKind,
    name: &str,
    left: &Left,
) -> Option<String> {
    let memory = &left.memory;
    let answers = memory.answers.iter();
    let state = State {
        expires: inputs.expiry(origin.now),
        rounds: memory.rounds,
        // A client that cannot answer does not make the request again, so there are no errors among them.
        answers: answers
            .filter_map(|(key, answer)| Some((Cow::Borrowed(&**key), Cow::Borrowed(&**answer.as_ref().ok()?))))
            .collect(),
        kept: memory.kept.iter().map(|(key, value)| (Cow::Borrowed(&**key), Cow::Borrowed(&**value))).collect(),
    };
    write(inputs.key()?, &About { noun: kind.noun(), name, arguments: &left.arguments }, origin.credential, &state)
}

/// What a state is for.
#[derive(Clone, Copy)]
pub(super) struct About<'a> {
    pub(super) noun: &'a str,
    pub(super) name: &'a str,
    pub(super) arguments: &'a str,
}

fn write(key: &[u8; MAC_BYTES], about: &About<'_>, credential: Option<&[u8]>, state: &State<'_>) -> Option<String> {
    let state = serde_json::to_vec(state).ok()?;
    let mac = mac(key, about, credential, &state);
    let mut bytes = Vec::with_capacity(MAC_BYTES + state.len());
    bytes.extend_from_slice(&mac);
    bytes.extend_from_slice(&state);
    let mut text = String::new();
    base64::encode(&bytes, &mut text);
    Some(text)
}

/// Reads what a client gave along: the state of earlier rounds and the answers of this one.
pub(crate) fn open(kind: OfferKind, name: &str, arguments: &str, given: Given<'_>) -> Result<Memory, ToolError> {
    let mut memory = match &given.sealed {
        Some(sealed) => unseal(kind, name, arguments, sealed)?,
        None => Memory::default(),
    };
    if let Some(responses) = &given.responses {
        let responses: BTreeMap<String, Box<RawValue>> = serde_json::from_str(responses.get())
            .map_err(|_| ToolError::protocol(code::INVALID_PARAMS, "`inputResponses` is no object"))?;
        memory.fresh = responses.into_iter().collect();
    }
    Ok(memory)
}

fn unseal(kind: OfferKind, name: &str, arguments: &str, sealed: &Sealed) -> Result<Memory, ToolError> {
    read(&About { noun: kind.noun(), name, arguments }, sealed)
}

/// Seals one text under a name, for a request that nobody here has read.
#[cfg(feature = "std")]
pub(super) fn seal_note(
    inputs: &mut Inputs,
    origin: &Origin<'_>,
    about: &About<'_>,
    rounds: usize,
    (name, note): (&str, &RawValue),
) -> Option<String> {
    let kept = BTreeMap::from([(Cow::Borrowed(name), Cow::Borrowed(note))]);
    let state = State { expires: inputs.expiry(origin.now), rounds, answers: BTreeMap::new(), kept };
    write(inputs.key()?, about, origin.credential, &state)
}

/// Reads what [`seal_note`] sealed: rounds, name and text.
#[cfg(feature = "std")]
pub(super) fn open_note(
    inputs: &Inputs,
    origin: &Origin<'_>,
    about: &About<'_>,
    state: &str,
) -> Result<(usize, Box<str>, Box<RawValue>), ToolError> {
    let memory = read(about, &Sealed::new(inputs, origin, state))?;
    match memory.kept.into_iter().next() {
        Some((name, note)) => Ok((memory.rounds, name, note)),
        None => Err(ToolError::protocol(code::INVALID_PARAMS, FOREIGN)),
    }
}

// Not which of them it is: whoever forges one learns nothing.
const FOREIGN: &str = "`requestState` is not what this server gave to this caller for this request";

fn read(about: &About<'_>, sealed: &Sealed) -> Result<Memory, ToolError> {
    let refused = |text| Err(ToolError::protocol(code::INVALID_PARAMS, text));
    let Some(bytes) = base64::decode(sealed.state.as_bytes()) else { return refused(FOREIGN) };
    let (Some(key), Some((proof, state))) = (&sealed.key, bytes.split_at_checked(MAC_BYTES)) else {
        return refused(FOREIGN);
    };
    let expected = mac(key, about, sealed.credential.as_deref(), state);
    if !mcp_core::http::is_same_secret(proof, &expected) {
        return refused(FOREIGN);
    }
    // It was written here.
    let Ok(state) = serde_json::from_slice::<State<'_>>(state) else { return refused(FOREIGN) };
    if state.expires <= sealed.millis {
        return refused("`requestState` is too old; make the request again without it");
    }
    let owned = |(key, value): (Cow<'_, str>, Cow<'_, RawValue>)| (key.into_owned(), value.into_owned());
    let answers = state.answers.into_iter().map(owned).map(|(key, value)| (key, Ok(value))).collect();
    let kept = state.kept.into_iter().map(owned).map(|(key, value)| (key.into(), value)).collect();
    Ok(Memory { rounds: state.rounds, answers, kept, fresh: Vec::new() })
}

/// What proves that a state is of this server, for this request of this caller.
fn mac(key: &[u8; MAC_BYTES], about: &About<'_>, credential: Option<&[u8]>, state: &[u8]) -> [u8; MAC_BYTES] {
    let arguments = canonical(about.arguments);
    let mut mac = HMAC::new(key);
    // The form of the state: another one gets another word.
    mac.update(b"mcp-request-state-1");
    // Each with its length, so that no two different lists of parts are the same bytes.
    let caller: &[&[u8]] = if let Some(credential) = &credential { &[credential] } else { &[] };
    let parts = [about.noun.as_bytes(), about.name.as_bytes(), arguments.as_bytes(), state];
    for part in parts.iter().chain(caller) {
        mac.update((part.len() as u64).to_le_bytes());
        mac.update(part);
    }
    mac.finalize()
}

/// The same text for the same JSON: members by name, no white space, one way to escape.
fn canonical(json: &str) -> Cow<'_, str> {
    match serde_json::from_str::<Value>(json) {
        Ok(value) => Cow::Owned(value.to_string()),
        // Such as a number beyond what a float holds: then it has to be the same text.
        Err(_) => Cow::Borrowed(json),
    }
}
