//! Results of a delegate as the revision of the client has them.

use std::borrow::Cow;

use mcp_core::jsonrpc::{Error, ErrorObject, Members, code};
use mcp_core::revision::ProtocolVersion;
use mcp_core::session::{InputRequired, Reply, RequestKey, ServerSession};
use mcp_core::types::{CacheHints, CallToolResult, InputRequiredResult, JsonObject, Method};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use super::super::run::respond;
use super::super::{Kind, Origin, Outbox, Outcome, Service, profile};
use super::{STATE, about, seal_note};
use crate::delegate::Shared;
use crate::result::{FullAnswer, check_block};

/// Members of a result that belong to the revision of whoever wrote it.
const TYPE: &str = "resultType";
const HINTS: [&str; 2] = ["ttlMs", "cacheScope"];

/// Answers a request with what a delegate says.
pub(super) fn answer(
    service: &mut Service,
    session: &mut ServerSession,
    origin: &Origin<'_>,
    call: &Shared,
    outcome: Result<Box<RawValue>, Error>,
    outbox: &mut dyn Outbox,
) -> Outcome {
    let passed = outcome.and_then(|result| pass(service, session, origin, call, &result, outbox));
    if let Err(error) = passed {
        outbox.message(Kind::Answer, &mut |out| session.respond_error(origin.key, &error.as_object(), out));
    }
    Outcome::Answered
}

fn pass(
    service: &mut Service,
    session: &mut ServerSession,
    origin: &Origin<'_>,
    call: &Shared,
    result: &RawValue,
    outbox: &mut dyn Outbox,
) -> Result<(), Error> {
    let unfit = |text: &str| Error::new(code::INTERNAL_ERROR, text);
    let version = session.version();
    let Some(mut members) = Members::of(result) else { return Err(unfit("the result is no object")) };
    let kind = members.take(TYPE).and_then(|kind| serde_json::from_str::<Cow<'_, str>>(kind.get()).ok());
    if kind.is_some_and(|kind| kind == InputRequiredResult::RESULT_TYPE) {
        if version.has_server_requests() {
            return Err(unfit("the result asks for input in a way that this client does not know"));
        }
        return pass_questions(service, session, origin, call, &members, outbox);
    }
    let profile = profile(&service.info, &service.capabilities, service.instructions.as_deref());
    if !version.has_result_type() {
        HINTS.into_iter().for_each(|hint| {
            members.take(hint);
        });
        let fitting = fitting(call.method, result, version);
        outbox.message(Kind::Answer, &mut |out| match &fitting {
            Some(result) => respond(session, &profile, origin.key, &Reply::new(&**result), out),
            None => respond(session, &profile, origin.key, &Reply::new(&members), out),
        });
        return Ok(());
    }
    let own = CacheHints::of(result);
    HINTS.into_iter().for_each(|hint| {
        members.take(hint);
    });
    let meta = members.take("_meta").and_then(|meta| serde_json::from_str::<JsonObject>(meta.get()).ok());
    let hints = if own == CacheHints::default() { service.hints } else { own };
    let hints = call.method.is_cacheable().then_some(hints);
    let reply = Reply { result: &members, meta: meta.as_ref(), hints };
    outbox.message(Kind::Answer, &mut |out| respond(session, &profile, origin.key, &reply, out));
    Ok(())
}

/// Hands on a result that asks for input, with the state of whoever asks inside of ours.
fn pass_questions(
    service: &mut Service,
    session: &mut ServerSession,
    origin: &Origin<'_>,
    call: &Shared,
    members: &Members<'_>,
    outbox: &mut dyn Outbox,
) -> Result<(), Error> {
    let rounds = call.state().rounds + 1;
    if rounds > service.limits.input_rounds {
        let bound = service.limits.input_rounds;
        let text = format!("it asks for input more often than {bound} times (limit `input_rounds`)");
        return Err(Error::new(code::INTERNAL_ERROR, text));
    }
    let sealed = match members.get("requestState") {
        None => None,
        Some(state) => {
            let about = about(call.method, &call.subject);
            let sealed = seal_note(&mut service.inputs, origin, &about, rounds, (STATE, state));
            Some(sealed.ok_or_else(|| Error::new(code::INTERNAL_ERROR, "the question cannot be asked"))?)
        }
    };
    let wanted = InputRequired { input_requests: members.get("inputRequests"), request_state: sealed.as_deref() };
    ask_in_result(service, session, origin.key, &wanted, outbox);
    Ok(())
}

/// Answers a request by asking for input (R-LM-64).
pub(super) fn ask_in_result<Q: Serialize + ?Sized>(
    service: &Service,
    session: &mut ServerSession,
    key: RequestKey,
    wanted: &InputRequired<'_, Q>,
    outbox: &mut dyn Outbox,
) {
    let profile = service.profile();
    outbox.message(Kind::Answer, &mut |out| {
        session.respond_input_required(&profile, key, wanted, out).unwrap_or_else(|error| {
            log::error!("a question could not be written: {error}");
            let error = ErrorObject::new(code::INTERNAL_ERROR, "the question cannot be written");
            session.respond_error(key, &error, out)
        })
    });
}

/// The result of a tool in the words of an older revision, when it has content that the revision does not know (R-FS-6).
fn fitting(method: Method, result: &RawValue, version: ProtocolVersion) -> Option<Box<RawValue>> {
    let has = |word| memchr::memmem::find(result.get().as_bytes(), word).is_some();
    let is_newer =
        !version.has_audio() && has(b"\"audio\"") || !version.has_resource_links() && has(b"\"resource_link\"");
    if method != Method::ToolsCall || !is_newer {
        return None;
    }
    let result: CallToolResult = serde_json::from_str(result.get()).ok()?;
    result.content.iter().try_for_each(check_block).ok()?;
    to_raw_value(&FullAnswer { result: &result, version }).ok()
}
