//! `prompts/list` and `prompts/get` (R-FS, section E).

use alloc::boxed::Box;
use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;

use mcp_core::jsonrpc::code;
use mcp_core::revision::ProtocolVersion;
use mcp_core::session::{Reply, RequestKey, ServerProfile, ServerSession};
use mcp_core::text::Excerpt;
use mcp_core::types::{CacheHints, GetPromptResult, JsonObject, Method, PromptArgument, PromptsCapability, Role};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::details::{Details, DetailsIn};
use super::list::{ListRequest, Listed, Pages};
use super::offer::{Family, Offer, OfferKind, Output, Respond, Route};
use super::params::Params;
use super::run::{Task, Which, answer, respond};
use super::{Origin, Outbox, Outcome, Service, profile, refuse};
use crate::call::{Call, Round};
use crate::completion::Completers;
use crate::mistake::{Fault, RegistrationError};
use crate::prompt::{IntoPrompt, Prompt, PromptResult};
use crate::result::{Block, ToolError};
use crate::schema::{Parameter, Type};

/// The prompts of a server.
pub(crate) struct Prompts {
    pub(super) route: Route,
    pub(super) family: Family<Listing>,
    pub(super) pages: Pages,
}

/// What lists say of a prompt.
pub(super) struct Listing {
    pub(super) arguments: Vec<PromptArgument>,
    pub(super) completers: Completers,
    details: Details,
}

impl Service {
    /// Registers a prompt. The handler is called when all arguments are there that it cannot do without; see [`Call`] for
    /// where it runs. A mistake is kept for [`check`](Self::check), and the prompt is left out.
    pub fn prompt<R, F>(&mut self, prompt: Prompt, handler: F)
    where
        R: IntoPrompt,
        F: Fn(&mut Call<'_>) -> Result<R, ToolError> + Send + Sync + 'static,
    {
        let added = self.add_prompt(prompt, handler);
        self.note(added);
    }

    pub(crate) fn add_prompt<R, F>(&mut self, prompt: Prompt, handler: F) -> Result<(), RegistrationError>
    where
        R: IntoPrompt,
        F: Fn(&mut Call<'_>) -> Result<R, ToolError> + Send + Sync + 'static,
    {
        let Prompt { name, arguments, details, place, completers } = prompt;
        let fault = |fault| RegistrationError::new(OfferKind::Prompt, &name, fault);
        let names = || arguments.iter().map(|argument| argument.name.as_str());
        if name.is_empty() {
            return Err(fault(Fault::NoName));
        }
        if let Some((_, twice)) = names().enumerate().find(|(at, name)| names().take(*at).any(|other| other == *name)) {
            return Err(fault(Fault::DuplicateParameter(twice.to_string())));
        }
        if let Some(stray) = completers.stray(|name| names().any(|known| known == name)) {
            return Err(fault(Fault::NoParameter(stray.to_string())));
        }
        let duplicate = fault(Fault::Duplicate);
        let parameter = |argument: &PromptArgument| Parameter {
            name: argument.name.clone(),
            kind: Type::String,
            required: argument.required,
        };
        let parameters = arguments.iter().map(parameter).collect();
        let offer = Offer { parameters, place, ..Offer::new(OfferKind::Prompt, name) };
        let route = completers.route;
        let listing = Listing { arguments, completers, details };
        let handler = move |call: &mut Call<'_>| {
            let PromptResult(result) = handler(call).and_then(R::into_prompt)?;
            Ok(Output::Other(Box::new(Got(result)) as Box<dyn Respond>))
        };
        let prompts = self.declare_prompts();
        if !prompts.family.insert(offer, listing, handler) {
            return Err(duplicate);
        }
        prompts.pages.forget();
        self.completes(route);
        Ok(())
    }

    pub(crate) fn remove_prompt(&mut self, name: &str) -> bool {
        let Some(prompts) = &mut self.prompts else { return false };
        prompts.pages.forget();
        prompts.family.remove(name)
    }

    /// Says that there are prompts, also while there are none.
    pub(crate) fn declare_prompts(&mut self) -> &mut Prompts {
        self.capabilities.prompts.get_or_insert_with(PromptsCapability::default).list_changed = self.tells;
        self.prompts
            .get_or_insert_with(|| Box::new(Prompts { route: carry_out, family: Family::new(), pages: Pages::new() }))
    }

    /// Completion is declared once something can be completed (R-FS-35).
    pub(super) fn completes(&mut self, route: Option<Route>) {
        if let Some(route) = route {
            self.completion = Some(route);
            self.capabilities.completions.get_or_insert_with(JsonObject::new);
        }
    }
}

fn carry_out(
    service: &mut Service,
    session: &mut ServerSession,
    origin: &Origin<'_>,
    method: Method,
    params: Option<&RawValue>,
    outbox: &mut dyn Outbox,
) -> Outcome {
    if method == Method::PromptsGet {
        return get(service, session, origin, params, outbox);
    }
    let Some(prompts) = &mut service.prompts else { return Outcome::Answered };
    let profile = profile(&service.info, &service.capabilities, service.instructions.as_deref());
    let list = ListRequest { profile: &profile, hints: service.hints, size: service.page_size, params };
    list.answer(session, origin, &mut prompts.pages, prompts.family.entries(), outbox)
}

fn get(
    service: &mut Service,
    session: &mut ServerSession,
    origin: &Origin<'_>,
    params: Option<&RawValue>,
    outbox: &mut dyn Outbox,
) -> Outcome {
    let malformed = "`prompts/get` needs a `name`; `arguments`, if any, are an object of strings";
    let read = Params::read(params).filter(|params| params.arguments.are_texts());
    let Some(Params { name, arguments, token, responses, state }) = read else {
        return refuse(session, origin.key, code::INVALID_PARAMS, malformed, outbox);
    };
    let Some(prompt) = service.prompts.as_ref().and_then(|prompts| prompts.family.find(&name)) else {
        // R-FS-33
        let text = format!("unknown prompt: {}", Excerpt::new(&name, 64));
        return refuse(session, origin.key, code::INVALID_PARAMS, &text, outbox);
    };
    let (number, offer) = (prompt.number, &prompt.offer);
    if let Err(error) = arguments.check(&offer.name, &offer.parameters) {
        return answer(session, &service.profile(), origin.key, offer, service.hints, &Err(error), outbox);
    }
    let round = Round::given(service.given(session, origin, responses, state));
    let task =
        Task { which: Which::Prompt(number), subject: None, arguments: &arguments, token: token.as_ref(), round };
    service.carry_out(session, origin, task, outbox)
}

impl Listed for Listing {
    const MEMBER: &'static str = "prompts";

    fn listed<'a>(&'a self, version: ProtocolVersion, name: &'a str) -> impl Serialize + 'a {
        #[derive(Serialize)]
        struct Listed<'a> {
            name: &'a str,
            #[serde(flatten)]
            details: DetailsIn<'a>,
            #[serde(skip_serializing_if = "Vec::is_empty")]
            arguments: Vec<PromptArgument>,
        }
        let mut arguments = self.arguments.clone();
        if !version.has_titles() {
            arguments.iter_mut().for_each(|argument| argument.title = None);
        }
        Listed { name, details: self.details.known_in(version), arguments }
    }
}

/// A prompt as the answer to its request.
struct Got(Box<GetPromptResult>);

impl Respond for Got {
    fn respond(
        &self,
        session: &mut ServerSession,
        profile: &ServerProfile<'_>,
        key: RequestKey,
        _: CacheHints,
        out: &mut Vec<u8>,
    ) -> bool {
        let result = Messages { result: &self.0, version: session.version() };
        respond(session, profile, key, &Reply { result: &result, meta: self.0.meta.as_ref(), hints: None }, out)
    }
}

struct Messages<'a> {
    result: &'a GetPromptResult,
    version: ProtocolVersion,
}

impl Serialize for Messages<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Message<'a> {
            role: Role,
            content: Block<'a>,
        }
        let mut map = serializer.serialize_map(None)?;
        if let Some(description) = &self.result.description {
            map.serialize_entry("description", description)?;
        }
        let messages: Vec<Message<'_>> = self
            .result
            .messages
            .iter()
            .map(|message| Message {
                role: message.role,
                content: Block { block: &message.content, version: self.version },
            })
            .collect();
        map.serialize_entry("messages", &messages)?;
        for (name, value) in &self.result.other {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}
