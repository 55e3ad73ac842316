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
use super::run::{Task, Which, answer, respond};
use super::{Kind, Origin, Outbox, Outcome, Service, profile, refuse};
use crate::call::{Arguments, Call, Round};
use crate::mistake::{Fault, RegistrationError};
use crate::resource::{Contents, IntoContents, Resource, ResourceKind, not_found};
use crate::result::ToolError;

mod templates;

use templates::OfTemplates;
pub(super) use templates::Template;

/// The resources of a server.
pub(crate) struct Resources {
    pub(super) route: Route,
    pub(super) fixed: Family<Fixed>,
    pub(super) templates: Family<Template>,
    /// What only templates need.
    of_templates: Option<OfTemplates>,
    fixed_pages: Pages,
    template_pages: Pages,
}

/// What a URI names, with the variables as JSON when it is a template.
type Found = (Which, Option<String>);

/// What lists say of a resource.
pub(super) struct Fixed {
    name: String,
    size: Option<u64>,
    details: Details,
    kind: ResourceKind,
}

impl Resources {
    pub(super) fn forget(&mut self) {
        self.fixed_pages.forget();
        self.template_pages.forget();
    }

    /// Where a URI is found: among the resources, else the first template that it fits.
    fn find(&self, uri: &str) -> Option<Found> {
        match self.fixed.find(uri) {
            Some(entry) => Some((Which::Resource(entry.number), None)),
            None => (self.of_templates?.find)(self, uri),
        }
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

    /// Says that there are resources, also while there are none.
    pub(crate) fn declare_resources(&mut self) -> &mut Resources {
        let capability = self.capabilities.resources.get_or_insert_with(ResourcesCapability::default);
        (capability.subscribe, capability.list_changed) = (self.tells, self.tells);
        self.resources.get_or_insert_with(|| {
            Box::new(Resources {
                route: carry_out,
                fixed: Family::new(),
                templates: Family::new(),
                of_templates: None,
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
    if let Some(of_templates) = resources.of_templates {
        return (of_templates.list)(service, session, origin, method, params, outbox);
    }
    let profile = profile(&service.info, &service.capabilities, service.instructions.as_deref());
    let list = ListRequest { profile: &profile, hints: service.hints, size: service.page_size, params };
    if method == Method::ResourcesTemplatesList {
        // Also without templates: an empty list.
        return list.answer_none("resourceTemplates", session, origin, outbox);
    }
    list.answer(session, origin, &mut resources.fixed_pages, resources.fixed.entries(), outbox)
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
    let variables = found.as_ref().and_then(|(_, variables)| variables.as_deref());
    let (Some((which, _)), Some(arguments)) = (&found, Arguments::parse(variables)) else {
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
