//! The agent of ureq that a client makes its requests with: sockets, TLS, proxies, and the connections that are kept.

use std::sync::Arc;

use ureq::Agent;
use ureq::config::AutoHeaderValue;
use ureq::tls::TlsConfig;
use ureq::unversioned::transport::{Connector, RustlsConnector};

use super::http::Settings;
use super::resolver::OnceResolver;
use super::socket::{Observer, SocketConnector};

/// Bytes of an answer's head. 16 KiB: twice what servers usually accept of a request's.
const HEAD_BYTES: usize = 16 << 10;
/// Idle connections for POSTs that are kept: more only help who calls from more threads at once.
pub(super) const IDLE_CONNECTIONS: usize = 8;

/// An agent for one client.
pub(super) fn new(settings: &Settings) -> Agent {
    let tls = match &settings.roots {
        None => TlsConfig::default(),
        Some(roots) => TlsConfig::builder().root_certs(roots.clone()).build(),
    };
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .proxy(None)
        .accept(AutoHeaderValue::None)
        // Without one, a server may not compress: a decoder would have to be bounded as well.
        .accept_encoding(AutoHeaderValue::None)
        .user_agent(AutoHeaderValue::None)
        .max_response_header_size(HEAD_BYTES)
        .max_idle_connections(IDLE_CONNECTIONS)
        .max_idle_connections_per_host(IDLE_CONNECTIONS)
        .timeout_await_100(None)
        .tls_config(tls)
        .build();
    let connector = SocketConnector::new(settings.connect_timeout, Arc::clone(&settings.insight)).chain(RustlsConnector::default()).chain(Observer);
    let resolver = OnceResolver::new(settings.connect_timeout);
    Agent::with_parts(config, connector, resolver)
}
