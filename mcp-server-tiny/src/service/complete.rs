//! `completion/complete` (R-FS, section F).

use mcp_core::jsonrpc::code;
use mcp_core::session::{Reply, ServerSession};
use mcp_core::types::{CompleteParams, Completion, CompletionReference, Method};
use serde::Serialize;
use serde_json::value::RawValue;

use super::offer::{Offer, OfferKind};
use super::run::{answer, guard, respond};
use super::{Kind, Origin, Outbox, Outcome, Service, refuse};
use crate::completion::{Completers, Typed};

/// Proposes values for an argument that is being typed.
pub(crate) fn complete(
    service: &mut Service,
    session: &mut ServerSession,
    origin: &Origin<'_>,
    _: Method,
    params: Option<&RawValue>,
    outbox: &mut dyn Outbox,
) -> Outcome {
    let params = params.and_then(|params| serde_json::from_str::<CompleteParams>(params.get()).ok());
    let Some(params) = params else {
        let malformed = "`completion/complete` needs a `ref` and an `argument`";
        return refuse(session, origin.key, code::INVALID_PARAMS, malformed, outbox);
    };
    let Some(completers) = completers(service, &params.reference, &params.argument.name) else {
        return refuse(session, origin.key, code::INVALID_PARAMS, "unknown reference or argument", outbox);
    };
    let typed = Typed { value: &params.argument.value, context: params.context.as_ref() };
    let profile = service.profile();
    let argument = params.argument.name;
    match guard("completion of", &argument, || completers.run(&argument, &typed)) {
        Ok(completion) => {
            #[derive(Serialize)]
            struct Result {
                completion: Completion,
            }
            let result = Result { completion };
            outbox.message(Kind::Answer, &mut |out| respond(session, &profile, origin.key, &Reply::new(&result), out));
            Outcome::Answered
        }
        Err(error) => {
            let offer = Offer::new(OfferKind::Prompt, argument);
            answer(session, &profile, origin.key, &offer, service.hints, &Err(error), outbox)
        }
    }
}

/// The completions of what is referred to, when it has such an argument.
fn completers<'a>(service: &'a Service, reference: &CompletionReference, argument: &str) -> Option<&'a Completers> {
    match reference {
        CompletionReference::Prompt { name, .. } => {
            let listing = &service.prompts.as_ref()?.family.find(name)?.listing;
            listing.arguments.iter().any(|known| known.name == argument).then_some(&listing.completers)
        }
        CompletionReference::Resource { uri } => {
            if uri.len() > service.limits.uri_bytes {
                return None;
            }
            // The template itself, or a URI that fits it.
            let templates = &service.resources.as_ref()?.templates;
            let fits = || templates.entries().iter().find(|entry| entry.listing.pattern.variables(uri).is_some());
            let listing = &templates.find(uri).or_else(fits)?.listing;
            listing.pattern.has_variable(argument).then_some(&listing.completers)
        }
    }
}
