//! Bytes to messages.
//!
//! One pass of `serde_json` over the bytes finds the members of the envelope and leaves `params`, `result` and `data` as slices.
//! What the members mean together is decided afterwards (R-LM-8), so that a message that is wrong is still answered under its id.

use alloc::borrow::Cow;
use alloc::string::ToString;
use alloc::vec::{self, Vec};
use core::fmt;

use serde::de::{self, Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::depth;
use super::error::ErrorObject;
use super::fault::{DecodeError, Fault};
use super::id::{ErrorId, RequestId};
use super::member::text_of;
use super::message::{ErrorResponse, Message, Notification, Request, Response};
use crate::limits::{Limit, LimitExceeded, Limits};

/// What one body, event or line holds.
#[derive(Debug, Clone)]
pub enum Payload<'a> {
    /// One message: the usual case, and the only one outside 2025-03-26.
    Message(Message<'a>),
    /// Several messages. Whether they are welcome is a matter of the revision (R-LM-9, R-LM-10).
    Batch(Batch<'a>),
}

/// A batch: at least one message and at most [`Limits::batch_messages`]. The messages are read one by one.
#[derive(Debug, Clone)]
pub struct Batch<'a> {
    messages: Vec<&'a RawValue>,
    limits: Limits,
}

impl Batch<'_> {
    /// How many messages there are.
    #[expect(clippy::len_without_is_empty, reason = "a batch is never empty")]
    pub fn len(&self) -> usize {
        self.messages.len()
    }
}

impl<'a> IntoIterator for Batch<'a> {
    type Item = Result<Message<'a>, DecodeError<'a>>;
    type IntoIter = BatchMessages<'a>;

    fn into_iter(self) -> BatchMessages<'a> {
        BatchMessages { messages: self.messages.into_iter(), limits: self.limits }
    }
}

/// The messages of a [`Batch`]. One that is wrong does not spoil the others.
#[derive(Debug)]
pub struct BatchMessages<'a> {
    messages: vec::IntoIter<&'a RawValue>,
    limits: Limits,
}

impl<'a> Iterator for BatchMessages<'a> {
    type Item = Result<Message<'a>, DecodeError<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        let message = self.messages.next()?.get();
        Some(if message.starts_with('[') {
            Err(Fault::NotAnObject.into())
        } else {
            decode_message(message, &self.limits)
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.messages.size_hint()
    }
}

/// Reads one message or one batch from exactly `bytes`; white space around it is allowed.
///
/// # Errors
///
/// [`DecodeError`] says what is wrong, and whether, under which id and with which code to answer.
pub fn decode<'a>(bytes: &'a [u8], limits: &Limits) -> Result<Payload<'a>, DecodeError<'a>> {
    if bytes.len() > limits.message_bytes {
        return Err(LimitExceeded { limit: Limit::MessageBytes, bound: limits.message_bytes }.into());
    }
    if depth::exceeds(bytes, limits.depth) {
        return Err(LimitExceeded { limit: Limit::Depth, bound: limits.depth }.into());
    }
    // Once for the whole message: then nothing below checks it again, and the JSON parser is built for one kind of input.
    let text = core::str::from_utf8(bytes).map_err(|error| Fault::NotJson(error.to_string()))?;
    match text.bytes().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'[') => decode_batch(text, limits).map(Payload::Batch),
        _ => decode_message(text, limits).map(Payload::Message),
    }
}

fn decode_batch<'a>(text: &'a str, limits: &Limits) -> Result<Batch<'a>, DecodeError<'a>> {
    let mut parser = serde_json::Deserializer::from_str(text);
    let read = parser.deserialize_seq(BatchVisitor { bound: limits.batch_messages });
    let messages = read.and_then(|messages| parser.end().map(|()| messages)).map_err(Fault::not_json)?;
    let Some(messages) = messages else {
        return Err(LimitExceeded { limit: Limit::BatchMessages, bound: limits.batch_messages }.into());
    };
    if messages.is_empty() {
        return Err(Fault::EmptyBatch.into());
    }
    Ok(Batch { messages, limits: limits.clone() })
}

/// The messages of a batch, or `None` when there are more than `bound`. Those beyond it are read, for a batch that is no JSON is
/// another fault, but not remembered: where each of them is would take eight times the memory of `[1,1,1,...]`.
struct BatchVisitor {
    bound: usize,
}

impl<'de> Visitor<'de> for BatchVisitor {
    type Value = Option<Vec<&'de RawValue>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON-RPC batch")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut batch: A) -> Result<Self::Value, A::Error> {
        let mut messages = Vec::new();
        while messages.len() < self.bound {
            let Some(message) = batch.next_element()? else { return Ok(Some(messages)) };
            messages.push(message);
        }
        let mut beyond = 0_usize;
        while batch.next_element::<IgnoredAny>()?.is_some() {
            beyond += 1;
        }
        Ok((beyond == 0).then_some(messages))
    }
}

fn decode_message<'a>(text: &'a str, limits: &Limits) -> Result<Message<'a>, DecodeError<'a>> {
    if !text.trim_ascii_start().starts_with('{') {
        // JSON of another type is well-formed, hence an invalid request rather than a parse error.
        serde_json::from_str::<IgnoredAny>(text).map_err(Fault::not_json)?;
        return Err(DecodeError { fault: Fault::NotAnObject, id: ErrorId::Absent, is_answered: true });
    }
    let envelope: Envelope<'_> = serde_json::from_str(text).map_err(Fault::not_json)?;
    envelope.classify(limits)
}

/// The members of a message before anybody asked whether they belong together. `null` and absent are told apart.
#[derive(Default)]
struct Envelope<'a> {
    fault: Option<Fault>,
    version: Option<&'a RawValue>,
    id: Option<&'a RawValue>,
    method: Option<&'a RawValue>,
    params: Option<&'a RawValue>,
    result: Option<&'a RawValue>,
    error: Option<&'a RawValue>,
}

impl<'a> Envelope<'a> {
    fn classify(self, limits: &Limits) -> Result<Message<'a>, DecodeError<'a>> {
        let is_response = self.method.is_none() && (self.result.is_some() || self.error.is_some());
        let is_notification = self.method.is_some() && self.id.is_none();
        let is_answered = !is_response && !is_notification;
        let wrong = |fault, id| Err(DecodeError { fault, id, is_answered });
        let id = match self.id {
            None => ErrorId::Absent,
            Some(raw) if raw.get() == "null" => ErrorId::Null,
            Some(raw) => match RequestId::from_json(raw.get(), limits) {
                Ok(Some(id)) => ErrorId::Known(id),
                Ok(None) => return wrong(Fault::InvalidId, ErrorId::Null),
                Err(exceeded) => return wrong(Fault::Limit(exceeded), ErrorId::Null),
            },
        };
        if let Some(fault) = self.fault {
            return wrong(fault, id);
        }
        if self.version.is_none_or(|raw| raw.get() != "\"2.0\"") {
            return wrong(Fault::WrongVersion, id);
        }
        let params = self.params.filter(|raw| raw.get() != "null");
        if params.is_some_and(|raw| !raw.get().starts_with('{')) {
            return wrong(Fault::ParamsNotAnObject, id);
        }
        // Servers that write both members and leave one of them `null` mean the other.
        let is_null = |member: Option<&RawValue>| member.is_some_and(|raw| raw.get() == "null");
        let (result, error) = match (self.result, self.error) {
            (result @ Some(_), error) if is_null(error) && !is_null(result) => (result, None),
            (result, error @ Some(_)) if is_null(result) && !is_null(error) => (None, error),
            both => both,
        };
        match (self.method, result, error) {
            (Some(method), None, None) => {
                let Some(method) = borrow_str(method) else { return wrong(Fault::MethodNotAString, id) };
                match id {
                    ErrorId::Known(id) => Ok(Message::Request(Request { id, method, params })),
                    ErrorId::Absent => Ok(Message::Notification(Notification { method, params })),
                    ErrorId::Null => wrong(Fault::InvalidId, id),
                }
            }
            (None, Some(result), None) => match id {
                ErrorId::Known(id) => Ok(Message::Response(Response { id, result })),
                id => wrong(Fault::ResponseWithoutId, id),
            },
            (None, None, Some(error)) => match ErrorObject::of_json(error) {
                Some(error) => Ok(Message::Error(ErrorResponse { id, error })),
                None => wrong(Fault::InvalidErrorObject, id),
            },
            (None, None, None) => wrong(Fault::NoMessage, id),
            _ => wrong(Fault::AmbiguousMessage, id),
        }
    }
}

/// The string of a JSON text: a slice of it unless it has escapes.
pub(crate) fn borrow_str(raw: &RawValue) -> Option<Cow<'_, str>> {
    text_of(raw.get())
}

impl<'de> Deserialize<'de> for Envelope<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EnvelopeVisitor)
    }
}

struct EnvelopeVisitor;

impl<'de> Visitor<'de> for EnvelopeVisitor {
    type Value = Envelope<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON-RPC message")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Envelope<'de>, A::Error> {
        let mut envelope = Envelope::default();
        while let Some(member) = map.next_key::<Member>()? {
            let slot = match member {
                Member::Unknown => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
                Member::Version => &mut envelope.version,
                Member::Id => &mut envelope.id,
                Member::Method => &mut envelope.method,
                Member::Params => &mut envelope.params,
                Member::Result => &mut envelope.result,
                Member::Error => &mut envelope.error,
            };
            // Two members of one name: readers disagree on which counts, which is how filters are deceived.
            if slot.replace(map.next_value()?).is_some() {
                envelope.fault = Some(Fault::RepeatedMember);
            }
        }
        Ok(envelope)
    }
}

/// The members of an envelope that mean something.
enum Member {
    Version,
    Id,
    Method,
    Params,
    Result,
    Error,
    Unknown,
}

impl<'de> Deserialize<'de> for Member {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_identifier(MemberVisitor)
    }
}

struct MemberVisitor;

impl Visitor<'_> for MemberVisitor {
    type Value = Member;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member's name")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<Member, E> {
        Ok(match name {
            "jsonrpc" => Member::Version,
            "id" => Member::Id,
            "method" => Member::Method,
            "params" => Member::Params,
            "result" => Member::Result,
            "error" => Member::Error,
            _ => Member::Unknown,
        })
    }
}
