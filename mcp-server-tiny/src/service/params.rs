//! What a request for a tool or a prompt says: the same members.

use alloc::borrow::Cow;

use mcp_core::jsonrpc::{pick, text_of};
use mcp_core::types::ProgressToken;
use serde_json::value::RawValue;

use crate::call::Arguments;

/// The parameters of `tools/call` and `prompts/get`, borrowed from the request. Not those of `mcp_core::types`: these are
/// found without parsing again what the request's JSON was parsed for.
pub(super) struct Params<'a> {
    /// Which one.
    pub(super) name: Cow<'a, str>,
    pub(super) arguments: Arguments<'a>,
    /// Under which token progress is to be reported.
    pub(super) token: Option<ProgressToken<'a>>,
    /// Answers to what was asked (R-LM-67).
    pub(super) responses: Option<&'a RawValue>,
    /// What was given along with the questions (R-LM-68).
    pub(super) state: Option<Cow<'a, str>>,
}

impl<'a> Params<'a> {
    /// `None` when they are not what the method needs.
    pub(super) fn read(params: Option<&'a RawValue>) -> Option<Self> {
        let names = ["name", "arguments", "_meta", "inputResponses", "requestState"];
        let [name, arguments, meta, responses, state] = pick(params?.get(), names).ok()?;
        let [token] = meta.map_or(Ok([None]), |meta| pick(meta, ["progressToken"])).ok()?;
        Some(Self {
            name: text_of(name?)?,
            arguments: Arguments::parse(arguments)?,
            token: token.map(serde_json::from_str).transpose().ok()?,
            responses: responses.map(serde_json::from_str).transpose().ok()?,
            // A text that is none makes the whole malformed.
            state: state.map(|state| text_of(state).ok_or(())).transpose().ok()?,
        })
    }
}
