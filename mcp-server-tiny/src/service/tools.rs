//! `tools/list` and `tools/call`.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::format;

use mcp_core::jsonrpc::code;
use mcp_core::session::ServerSession;
use mcp_core::text::Excerpt;
use serde_json::value::RawValue;

use super::params::Params;
use super::run::{Task, Which, answer};
use super::{Origin, Outbox, Outcome, Sealed, Service, profile, refuse};
use crate::call::{Given, Round};

impl Service {
    pub(super) fn list_tools(
        &mut self,
        session: &mut ServerSession,
        origin: &Origin<'_>,
        params: Option<&RawValue>,
        outbox: &mut dyn Outbox,
    ) -> Outcome {
        let profile = profile(&self.info, &self.capabilities, self.instructions.as_deref());
        let list = super::ListRequest { profile: &profile, hints: self.hints, size: self.page_size, params };
        list.answer(session, origin, &mut self.tool_pages, self.tools.entries(), outbox)
    }

    pub(super) fn call_tool(
        &mut self,
        session: &mut ServerSession,
        origin: &Origin<'_>,
        params: Option<&RawValue>,
        outbox: &mut dyn Outbox,
    ) -> Outcome {
        let malformed = "`tools/call` needs a `name`; `arguments`, if any, are an object";
        let Some(Params { name, arguments, token, responses, state }) = Params::read(params) else {
            return refuse(session, origin.key, code::INVALID_PARAMS, malformed, outbox);
        };
        let Some(tool) = self.tools.find(&name) else {
            let text = format!("unknown tool: {}", Excerpt::new(&name, 64));
            return refuse(session, origin.key, code::INVALID_PARAMS, &text, outbox);
        };
        let (number, offer) = (tool.number, &tool.offer);
        if let Err(error) = arguments.check(&offer.name, &offer.parameters) {
            return answer(session, &self.profile(), origin.key, offer, self.hints, &Err(error), outbox);
        }
        let round = Round::given(self.given(session, origin, responses, state));
        let task =
            Task { which: Which::Tool(number), subject: None, arguments: &arguments, token: token.as_ref(), round };
        self.carry_out(session, origin, task, outbox)
    }

    /// What a client sent along with a request that it makes again (R-LM-67). Up to 2025-11-25 such members mean nothing.
    pub(super) fn given<'a>(
        &self,
        session: &ServerSession,
        origin: &Origin<'_>,
        responses: Option<&'a RawValue>,
        state: Option<Cow<'_, str>>,
    ) -> Option<Given<'a>> {
        if responses.is_none() && state.is_none() || session.version().has_server_requests() {
            return None;
        }
        let sealed = state.map(|state| Box::new(Sealed::new(&self.inputs, origin, &state)));
        Some(Given { responses: responses.map(Cow::Borrowed), sealed })
    }
}
