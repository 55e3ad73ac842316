//! The agent of ureq that a client makes its requests with, over [connections of our own](super::connector).

use std::sync::Arc;

use ureq::config::{AutoHeaderValue, Config};
use ureq::http::{Request, Response, Uri};
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;
use ureq::{AsSendBody, Body, Error};

use super::connector::ClientConnector;
use super::dial::Dialer;
use super::http::Settings;
use super::pool::Pool;
use super::resolver::Names;

/// Bytes of an answer's head. 16 KiB: twice what servers usually accept of a request's.
const HEAD_BYTES: usize = 16 << 10;

/// What makes the requests of one client.
#[derive(Debug)]
pub(super) struct Agent {
    agent: ureq::Agent,
    pool: Arc<Pool>,
    names: Arc<Names>,
}

impl Agent {
    pub(super) fn new(settings: &Settings) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            // All these are the connector's.
            .proxy(None)
            .max_idle_connections(0)
            .max_idle_connections_per_host(0)
            .accept(AutoHeaderValue::None)
            // Without one, a server may not compress: a decoder would have to be bounded as well.
            .accept_encoding(AutoHeaderValue::None)
            .user_agent(AutoHeaderValue::None)
            .max_response_header_size(HEAD_BYTES)
            .timeout_await_100(None)
            .build();
        let (pool, names) = (Pool::new(settings.way.counts), Arc::clone(&settings.way.names));
        names.doubt_all();
        let connector = ClientConnector {
            timeout: settings.connect_timeout,
            pool: Arc::clone(&pool),
            names: Arc::clone(&names),
            proxies: Arc::clone(&settings.way.proxies),
            tls: Arc::clone(&settings.tls),
            dialer: Dialer::default(),
            insight: Arc::clone(&settings.insight),
        };
        Self { agent: ureq::Agent::with_parts(config, connector, NoResolver), pool, names }
    }

    /// Makes one request, in the [exchange](super::exchange) of this thread.
    pub(super) fn run(&self, request: Request<impl AsSendBody>) -> Result<Response<Body>, Error> {
        self.agent.run(request)
    }

    /// Ends every exchange, on whatever thread it runs, and refuses new ones.
    pub(super) fn shut_down(&self) {
        self.agent.clone().shutdown();
        self.pool.close();
    }

    /// Looks the names of servers up again when connections to them are opened.
    pub(super) fn look_up_again(&self) {
        self.names.doubt_all();
    }

    /// How many connections are kept while nobody uses them.
    pub(super) fn most_idle(&self) -> usize {
        self.pool.most_idle()
    }
}

/// ureq looks names up before every request, also when an open connection will carry it, or a proxy will look. So it is told
/// nothing, and the connector [looks up](Names) what it needs.
#[derive(Debug)]
struct NoResolver;

impl Resolver for NoResolver {
    fn resolve(&self, _: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        Ok(self.empty())
    }
}
