//! Resources whose URIs follow a pattern, and what they name of themselves.
//!
//! Reached by way of [`OfTemplates`] alone, which the first template brings along: so only programs with one contain this.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use mcp_core::revision::ProtocolVersion;
use mcp_core::session::ServerSession;
use mcp_core::types::{JsonObject, Method};
use serde::Serialize;
use serde_json::value::RawValue;

use super::super::offer::Route;
use super::super::run::guard;
use super::{
    Common, Details, Fault, Fixed, Found, ListRequest, Listed, Offer, OfferKind, Origin, Outbox, Outcome,
    RegistrationError, Resources, Service, Which, fail, is_absolute, profile, reads,
};
use crate::call::Call;
use crate::completion::Completers;
use crate::resource::{IntoContents, Lister, Pattern, Resource, ResourceKind, ResourceTemplate};
use crate::result::ToolError;

/// What lists say of a template, and what fits it.
pub(in crate::service) struct Template {
    name: String,
    pub(in crate::service) pattern: Pattern,
    pub(in crate::service) completers: Completers,
    list: Option<Box<Lister>>,
    details: Details,
    kind: ResourceKind,
}

/// What a server does only when it has templates.
#[derive(Clone, Copy)]
pub(super) struct OfTemplates {
    /// The first template that a URI fits, with its variables as JSON.
    pub(super) find: fn(&Resources, &str) -> Option<Found>,
    /// The lists of resources and of templates.
    pub(super) list: Route,
}

impl Service {
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
        let ResourceTemplate { pattern: text, name, kind, details, place, completers, list: lister } = template;
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
        let listing = Template { name, pattern, completers, list: lister, details, kind };
        let resources = self.declare_resources();
        resources.of_templates = Some(OfTemplates { find, list });
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
}

fn find(resources: &Resources, uri: &str) -> Option<Found> {
    resources.templates.entries().iter().find_map(|entry| {
        let variables = entry.listing.pattern.variables(uri)?;
        let variables = variables.into_iter().map(|(name, value)| (name.to_string(), value.into()));
        let variables = serde_json::to_string(&variables.collect::<JsonObject>()).ok()?;
        Some((Which::Template(entry.number), Some(variables)))
    })
}

fn list(
    service: &mut Service,
    session: &mut ServerSession,
    origin: &Origin<'_>,
    method: Method,
    params: Option<&RawValue>,
    outbox: &mut dyn Outbox,
) -> Outcome {
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
    match provided(resources) {
        Ok(provided) => {
            let fixed = fixed.iter().map(|entry| (entry.offer.name.as_str(), &entry.listing));
            let all: Vec<_> = fixed.chain(provided.iter().map(|(uri, listing)| (uri.as_str(), listing))).collect();
            list.answer_fresh(session, origin, &all, outbox)
        }
        Err(error) => fail(service, session, origin, &error, outbox),
    }
}

/// What templates name of their resources now.
fn provided(resources: &Resources) -> Result<Vec<(String, Fixed)>, ToolError> {
    let mut provided = Vec::new();
    for entry in resources.templates.entries() {
        let Some(list) = &entry.listing.list else { continue };
        let named = guard("list of", &entry.offer.name, || Ok(list()))?;
        provided.extend(
            named
                .into_iter()
                .map(|Resource { uri, name, size, kind, details, .. }| (uri, Fixed { name, size, details, kind })),
        );
    }
    Ok(provided)
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
