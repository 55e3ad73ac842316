//! `resources/list`, `resources/templates/list`, `resources/read` and, in revisions with a handshake, subscriptions (R-FS,
//! section D).

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use mcp_core::jsonrpc::code;
use mcp_core::revision::ProtocolVersion;
use mcp_core::session::{Reply, RequestKey, ServerProfile, ServerSession};
use mcp_core::types::{
    Annotations, CacheHints, JsonObject, Method, ReadResourceParams, ReadResourceResult, ResourceContents,
    ResourcesCapability, SubscribeParams,
};
use serde::Serialize;
use serde_json::value::RawValue;

use super::details::{Details, DetailsIn};
use super::list::{ListRequest, Listed, Pages};
use super::offer::{Family, Offer, OfferKind, Output, Respond, Route};
use super::run::{Task, Which, answer, guard, respond};
use super::{Kind, Origin, Outbox, Outcome, Service, profile, refuse};
use crate::call::{Arguments, Call, Round};
use crate::completion::Completers;
use crate::mistake::{Fault, RegistrationError};
use crate::resource::{Contents, IntoContents, Lister, Pattern, Resource, ResourceKind, ResourceTemplate, not_found};
use crate::result::ToolError;

/// The resources of a server.
pub(crate) struct Resources {
    pub(super) route: Route,
    pub(super) fixed: Family<Fixed>,
    pub(super) templates: Family<Template>,
    fixed_pages: Pages,
    template_pages: Pages,
}

/// What lists say of a resource.
pub(super) struct Fixed {
    name: String,
    size: Option<u64>,
    details: Details,
    kind: ResourceKind,
}

/// What lists say of a template, and what fits it.
pub(super) struct Template {
    name: String,
    pub(super) pattern: Pattern,
    pub(super) completers: Completers,
    list: Option<Box<Lister>>,
    details: Details,
    kind: ResourceKind,
}

impl Resources {
    pub(super) fn forget(&mut self) {
        self.fixed_pages.forget();
        self.template_pages.forget();
    }

    /// What templates name of their resources now.
    fn provided(&self) -> Result<Vec<(String, Fixed)>, ToolError> {
        let mut provided = Vec::new();
        for entry in self.templates.entries() {
            let Some(list) = &entry.listing.list else { continue };
            let resources = guard("list of", &entry.offer.name, || Ok(list()))?;
            provided.extend(
                resources
                    .into_iter()
                    .map(|Resource { uri, name, size, kind, details, .. }| (uri, Fixed { name, size, details, kind })),
            );
        }
        Ok(provided)
    }

    /// Where a URI is found: among the resources, else the first template that it fits, with its variables.
    fn find(&self, uri: &str) -> Option<(Which, JsonObject)> {
        if let Some(entry) = self.fixed.find(uri) {
            return Some((Which::Resource(entry.number), JsonObject::new()));
        }
        self.templates.entries().iter().find_map(|entry| {
            let variables = entry.listing.pattern.variables(uri)?;
            let variables = variables.into_iter().map(|(name, value)| (name.to_string(), value.into()));
            Some((Which::Template(entry.number), variables.collect()))
        })
    }
}

impl Service {
    /// Registers a resource that is always the same ([`Resource::text`], [`Resource::bytes`]). A mistake is kept for
    /// [`check`](Self::check), and the resource is left out.
    pub fn resource(&mut self, resource: Resource) {
        let added = self.add_resource(resource);
        self.note(added);
    }

    pub(crate) fn add_resource(&mut self, mut resource: Resource) -> Result<(), RegistrationError> {
        let Some(body) = resource.contents.take() else {
            let why = "it has no contents; `resource_with` takes a handler that gives them";
            return Err(RegistrationError::new(OfferKind::Resource, &resource.uri, Fault::Resource(why)));
        };
        self.add_resource_with(resource, move |_| Ok(Contents::of_body(body.clone())))
    }

    /// Registers a resource whose contents a handler gives; see [`Call`] for where it runs. A mistake is kept for
    /// [`check`](Self::check), and the resource is left out.
    pub fn resource_with<R, F>(&mut self, resource: Resource, handler: F)
    where
        R: IntoContents,
        F: Fn(&mut Call<'_>) -> Result<R, ToolError> + Send + Sync + 'static,
    {
        let added = self.add_resource_with(resource, handler);
        self.note(added);
    }

    pub(crate) fn add_resource_with<R, F>(&mut self, resource: Resource, handler: F) -> Result<(), RegistrationError>
    where
        R: IntoContents,
        F: Fn(&mut Call<'_>) -> Result<R, ToolError> + Send + Sync + 'static,
    {
        let Resource { uri, name, size, kind, details, place, .. } = resource;
        let mistake = |fault| RegistrationError::new(OfferKind::Resource, &uri, fault);
        if !is_absolute(&uri) {
            return Err(mistake(Fault::Resource("its URI is not absolute, as `scheme:rest` is")));
        }
        let duplicate = mistake(Fault::Duplicate);
        let offer = Offer { place, ..Offer::new(OfferKind::Resource, uri) };
        let handler = reads(handler, kind.clone());
        let listing = Fixed { name, size, details, kind };
        let resources = self.declare_resources();
        resources.forget();
        if resources.fixed.insert(offer, listing, handler) { Ok(()) } else { Err(duplicate) }
    }

    pub(crate) fn remove_resource(&mut self, uri: &str) -> bool {
        let Some(resources) = &mut self.resources else { return false };
        resources.forget();
        resources.fixed.remove(uri)
    }

    /// Registers resources whose contents a handler gives by the variables of their pattern, which are its arguments. Of
    /// several templates that a URI fits the first is taken, and a [resource](Self::resource_with) of that URI before any.
    /// A mistake is kept for [`check`](Self::check), and the template is left out.
    pub fn resource_template<R, F>(&mut self, template: ResourceTemplate, handler: F)
    where
        R: IntoContents,
        F: Fn(&mut Call<'_>) -> Result<R, ToolError> + Send + Sync + 'static,
    {
        let added = self.add_resource_template(template, handler);
        self.note(added);
    }

    pub(crate) fn add_resource_template<R, F>(
        &mut self,
        template: ResourceTemplate,
        handler: F,
    ) -> Result<(), RegistrationError>
    where
        R: IntoContents,
        F: Fn(&mut Call<'_>) -> Result<R, ToolError> + Send + Sync + 'static,
    {
        let ResourceTemplate { pattern: text, name, kind, details, place, completers, list } = template;
        let mistake = |fault| RegistrationError::new(OfferKind::Resource, &text, fault);
        let pattern = match Pattern::parse(&text) {
            Ok(pattern) if is_absolute(&text) => pattern,
            Ok(_) => return Err(mistake(Fault::Resource("its template does not begin with a scheme"))),
            Err(why) => return Err(mistake(Fault::Resource(why))),
        };
        if let Some(stray) = completers.stray(|name| pattern.has_variable(name)) {
            return Err(mistake(Fault::NoParameter(stray.to_string())));
        }
        let duplicate = mistake(Fault::Duplicate);
        let offer = Offer { place, ..Offer::new(OfferKind::Resource, text) };
        let handler = reads(handler, kind.clone());
        let route = completers.route;
        let listing = Template { name, pattern, completers, list, details, kind };
        let resources = self.declare_resources();
        resources.forget();
        if !resources.templates.insert(offer, listing, handler) {
            return Err(duplicate);
        }
        self.completes(route);
        Ok(())
    }

    pub(crate) fn remove_resource_template(&mut self, pattern: &str) -> bool {
        let Some(resources) = &mut self.resources else { return false };
        resources.forget();
        resources.templates.remove(pattern)
    }

    /// Says that there are resources, also while there are none.
    pub(crate) fn declare_resources(&mut self) -> &mut Resources {
        let capability = self.capabilities.resources.get_or_insert_with(ResourcesCapability::default);
        (capability.subscribe, capability.list_changed) = (true, true);
        self.resources.get_or_insert_with(|| {
            Box::new(Resources {
                route: carry_out,
                fixed: Family::new(),
                templates: Family::new(),
                fixed_pages: Pages::new(),
                template_pages: Pages::new(),
            })
        })
    }
}

/// A handler that gives contents as one whose output answers `resources/read`.
fn reads<R, F>(
    handler: F,
    kind: ResourceKind,
) -> impl Fn(&mut Call<'_>) -> Result<Output, ToolError> + Send + Sync + 'static
where
    R: IntoContents,
    F: Fn(&mut Call<'_>) -> Result<R, ToolError> + Send + Sync + 'static,
{
    move |call| {
        let contents = handler(call).and_then(R::into_contents)?;
        match contents.into_result(call.name(), &kind) {
            Some(result) => Ok(Output::Other(Box::new(Read(result)))),
            None => Err(not_found(call.version(), call.name())),
        }
    }
}

/// R-FS-30: it begins with a scheme.
fn is_absolute(uri: &str) -> bool {
    let Some((scheme, rest)) = uri.split_once(':') else { return false };
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    let has_letter = scheme.starts_with(|first: char| first.is_ascii_alphabetic());
    has_letter && scheme.bytes().all(is_plain) && !rest.is_empty() && !uri.chars().any(char::is_whitespace)
}

fn carry_out(
    service: &mut Service,
    session: &mut ServerSession,
    origin: &Origin<'_>,
    method: Method,
    params: Option<&RawValue>,
    outbox: &mut dyn Outbox,
) -> Outcome {
    match method {
        Method::ResourcesRead => return read(service, session, origin, params, outbox),
        Method::ResourcesSubscribe | Method::ResourcesUnsubscribe => {
            return watch(service, session, origin, method, params, outbox);
        }
        _ => {}
    }
    let Some(resources) = &mut service.resources else { return Outcome::Answered };
    let profile = profile(&service.info, &service.capabilities, service.instructions.as_deref());
    let list = ListRequest { profile: &profile, hints: service.hints, size: service.page_size, params };
    if method == Method::ResourcesTemplatesList {
        return list.answer(session, origin, &mut resources.template_pages, resources.templates.entries(), outbox);
    }
    let fixed = resources.fixed.entries();
    if resources.templates.entries().iter().all(|entry| entry.listing.list.is_none()) {
        return list.answer(session, origin, &mut resources.fixed_pages, fixed, outbox);
    }
    match resources.provided() {
        Ok(provided) => {
            let fixed = fixed.iter().map(|entry| (entry.offer.name.as_str(), &entry.listing));
            let all: Vec<_> = fixed.chain(provided.iter().map(|(uri, listing)| (uri.as_str(), listing))).collect();
            list.answer_fresh(session, origin, &all, outbox)
        }
        Err(error) => fail(service, session, origin, &error, outbox),
    }
}

fn read(
    service: &mut Service,
    session: &mut ServerSession,
    origin: &Origin<'_>,
    params: Option<&RawValue>,
    outbox: &mut dyn Outbox,
) -> Outcome {
    let params = params.and_then(|params| serde_json::from_str::<ReadResourceParams<'_>>(params.get()).ok());
    let Some(params) = params.filter(|params| params.uri.len() <= service.limits.uri_bytes) else {
        let malformed = "`resources/read` needs a `uri`, of at most `uri_bytes`";
        return refuse(session, origin.key, code::INVALID_PARAMS, malformed, outbox);
    };
    let uri = &*params.uri;
    let found = service.resources.as_ref().and_then(|resources| resources.find(uri));
    let variables = found.as_ref().and_then(|(_, variables)| serde_json::to_string(variables).ok());
    let raw = variables.as_deref().and_then(|text| serde_json::from_str::<&RawValue>(text).ok());
    let (Some((which, _)), Some(arguments)) = (&found, Arguments::parse(raw)) else {
        return fail(service, session, origin, &not_found(session.version(), uri), outbox);
    };
    let token = params.meta.as_ref().and_then(|meta| meta.progress_token.as_ref());
    let round = Round::given(service.given(session, origin, params.input_responses, params.request_state));
    let task = Task { which: *which, subject: Some(uri.into()), arguments: &arguments, token, round };
    service.carry_out(session, origin, task, outbox)
}

/// Subscribes a session to a resource that there is, or ends that.
fn watch(
    service: &mut Service,
    session: &mut ServerSession,
    origin: &Origin<'_>,
    method: Method,
    params: Option<&RawValue>,
    outbox: &mut dyn Outbox,
) -> Outcome {
    let params = params.and_then(|params| serde_json::from_str::<SubscribeParams<'_>>(params.get()).ok());
    let Some(SubscribeParams { uri }) = params else {
        return refuse(session, origin.key, code::INVALID_PARAMS, "it needs a `uri`", outbox);
    };
    if method == Method::ResourcesUnsubscribe {
        session.unsubscribe(&uri);
    } else {
        let is_too_long = uri.len() > service.limits.uri_bytes;
        if !is_too_long && service.resources.as_ref().and_then(|resources| resources.find(&uri)).is_none() {
            return fail(service, session, origin, &not_found(session.version(), &uri), outbox);
        }
        if let Err(exceeded) = session.subscribe(&service.limits, &uri) {
            return refuse(session, origin.key, code::INVALID_PARAMS, &exceeded.to_string(), outbox);
        }
    }
    let profile = service.profile();
    let nothing = JsonObject::new();
    outbox.message(Kind::Answer, &mut |out| respond(session, &profile, origin.key, &Reply::new(&nothing), out));
    Outcome::Answered
}

fn fail(
    service: &Service,
    session: &mut ServerSession,
    origin: &Origin<'_>,
    error: &ToolError,
    outbox: &mut dyn Outbox,
) -> Outcome {
    let nowhere = Offer::new(OfferKind::Resource, String::new());
    answer(session, &service.profile(), origin.key, &nowhere, service.hints, &Err(error.clone()), outbox)
}

/// The members that resources and templates have in common.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Common<'a> {
    name: &'a str,
    #[serde(flatten)]
    details: DetailsIn<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mime_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    annotations: Option<Annotations>,
}

impl<'a> Common<'a> {
    fn new(name: &'a str, details: &'a Details, kind: &'a ResourceKind, version: ProtocolVersion) -> Self {
        let mut annotations = kind.annotations.clone();
        if let Some(annotations) = annotations.as_mut().filter(|_| !version.has_titles()) {
            // It came with titles.
            annotations.last_modified = None;
        }
        Self { name, details: details.known_in(version), mime_type: kind.mime_type.as_deref(), annotations }
    }
}

impl Listed for Fixed {
    const MEMBER: &'static str = "resources";

    fn listed<'a>(&'a self, version: ProtocolVersion, uri: &'a str) -> impl Serialize + 'a {
        #[derive(Serialize)]
        struct Listed<'a> {
            uri: &'a str,
            #[serde(flatten)]
            common: Common<'a>,
            #[serde(skip_serializing_if = "Option::is_none")]
            size: Option<u64>,
        }
        Listed { uri, common: Common::new(&self.name, &self.details, &self.kind, version), size: self.size }
    }
}

impl Listed for Template {
    const MEMBER: &'static str = "resourceTemplates";

    fn listed<'a>(&'a self, version: ProtocolVersion, pattern: &'a str) -> impl Serialize + 'a {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Listed<'a> {
            uri_template: &'a str,
            #[serde(flatten)]
            common: Common<'a>,
        }
        Listed { uri_template: pattern, common: Common::new(&self.name, &self.details, &self.kind, version) }
    }
}

/// What was read, as the answer to its request.
struct Read(ReadResourceResult);

impl Respond for Read {
    fn respond(
        &self,
        session: &mut ServerSession,
        profile: &ServerProfile<'_>,
        key: RequestKey,
        hints: CacheHints,
        out: &mut Vec<u8>,
    ) -> bool {
        #[derive(Serialize)]
        struct Result<'a> {
            contents: &'a [ResourceContents],
            #[serde(flatten)]
            other: &'a JsonObject,
        }
        let ReadResourceResult { contents, cache, meta, other, .. } = &self.0;
        let hints = if *cache == CacheHints::default() { hints } else { *cache };
        let reply = Reply { result: &Result { contents, other }, meta: meta.as_ref(), hints: Some(hints) };
        respond(session, profile, key, &reply, out)
    }
}
