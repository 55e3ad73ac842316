//! What the front says of the server behind, and what the server is told of its client.

use mcp_core::revision::ProtocolVersion;
use mcp_core::session::ClientOffers;
use mcp_core::types::{
    ClientCapabilities, ElicitationCapability, JsonObject, Method, RootsCapability, SamplingCapability,
};
use mcp_server_tiny::delegate::Announced;
use mcp_sse_blocking::Client;

/// What the server says of itself, without what cannot be carried.
pub(super) fn announced(server: &Client) -> Announced {
    let mut capabilities = server.capabilities().clone();
    (capabilities.tasks, capabilities.extensions, capabilities.experimental) = (None, None, None);
    let mut announced = Announced::new(server.server_info().clone(), capabilities);
    announced.instructions = server.instructions().map(str::to_owned);
    announced
}

/// What a client can be asked, as it is declared to a server of its own.
pub(super) fn declared(offers: ClientOffers) -> ClientCapabilities {
    let when = |is_there: bool| is_there.then(JsonObject::new);
    let mut capabilities = ClientCapabilities::default();
    if offers.roots {
        let mut roots = RootsCapability::default();
        roots.list_changed = offers.roots_list_changed;
        capabilities.roots = Some(roots);
    }
    if offers.sampling {
        let mut sampling = SamplingCapability::default();
        (sampling.tools, sampling.context) = (when(offers.sampling_tools), when(offers.sampling_context));
        capabilities.sampling = Some(sampling);
    }
    if offers.elicitation_form || offers.elicitation_url {
        let mut elicitation = ElicitationCapability::default();
        (elicitation.form, elicitation.url) = (when(offers.elicitation_form), when(offers.elicitation_url));
        capabilities.elicitation = Some(elicitation);
    }
    capabilities
}

/// What is declared to a server of many clients: everything that one of them may have.
pub(super) fn everything() -> ClientOffers {
    let mut offers = ClientOffers::NONE;
    (offers.roots, offers.roots_list_changed) = (true, true);
    (offers.sampling, offers.sampling_tools, offers.sampling_context) = (true, true, true);
    (offers.elicitation_form, offers.elicitation_url) = (true, true);
    offers
}

/// What a client of a revision can be asked in it: who speaks an older one may declare what it does not have.
pub(super) fn offers_in(offers: ClientOffers, version: ProtocolVersion) -> ClientOffers {
    let mut offers = offers;
    let has_elicitation = version.has_elicitation();
    offers.elicitation_form &= has_elicitation;
    offers.elicitation_url &= has_elicitation && version.has_url_elicitation();
    offers.sampling_tools &= version.has_sampling_tools();
    offers.sampling_context &= version.has_sampling_tools();
    offers
}

/// Whether a client can be asked this.
pub(super) fn admits(offers: ClientOffers, method: &str, mode_is_url: bool) -> bool {
    match Method::from_name(method) {
        Some(Method::ElicitationCreate) if mode_is_url => offers.elicitation_url,
        Some(Method::ElicitationCreate) => offers.elicitation_form,
        Some(method) => method != Method::Ping && offers.admits(method),
        None => false,
    }
}
