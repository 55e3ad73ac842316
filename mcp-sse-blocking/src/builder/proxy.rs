//! Settings of the way to a server: proxies, and how many connections.

use std::sync::Arc;

use super::Builder;
use crate::error::Error;
use crate::transport::pool::Counts;
use crate::transport::proxies::{self, Proxies};
use crate::transport::proxy::Proxy;
use crate::transport::resolver::Names;

/// Idle connections that are kept by default: more only help who calls from more threads at once.
const IDLE_CONNECTIONS: usize = 8;

/// The way to a server, as these settings have it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Way {
    pub(crate) proxies: Arc<Proxies>,
    /// What is known of names, from one connect of a client to the next.
    pub(crate) names: Arc<Names>,
    pub(crate) counts: Counts,
}

/// The settings of the way to a server.
pub(crate) struct ProxyOptions {
    choice: Choice,
    max_connections: Option<usize>,
    max_idle_connections: usize,
}

/// Which proxy is gone through.
#[derive(Default)]
enum Choice {
    /// What the environment names.
    #[default]
    Environment,
    Direct,
    Url(String),
}

impl Default for ProxyOptions {
    fn default() -> Self {
        Self { choice: Choice::default(), max_connections: None, max_idle_connections: IDLE_CONNECTIONS }
    }
}

impl Builder {
    /// Goes to every server through this proxy, whatever the environment says, and to this machine as well:
    /// `http://[user:password@]host[:port]`, `https://..` for TLS on the way to the proxy, and with the feature `socks`
    /// `socks5://..`, `socks4://..`, or `socks5h://..`, `socks4a://..` where the proxy is to look names up. User and password are
    /// percent-encoded, and are in no log and no error.
    ///
    /// An HTTP proxy is asked for a tunnel (`CONNECT`) to servers of https, so that it hears nothing; requests of plain http are
    /// made through it, with their whole URL in the first line, for most proxies open no tunnel to other ports than 443. A
    /// proxy of plain http reads what is said, tokens included.
    ///
    /// Without this and [`no_proxy`](Self::no_proxy) the environment decides at [`connect`](Self::connect), as for curl:
    /// `http_proxy` for http, `https_proxy` for https, `all_proxy` for either, the same in capitals after them, but for servers in
    /// `no_proxy`: names with all that is below them, addresses, networks such as `10.0.0.0/8`, each with a port or without,
    /// or `*`. In two ways it is more careful than curl. Servers on this machine (`localhost`, 127.0.0.0/8, `[::1]`) are
    /// always gone to directly: a proxy elsewhere would look for them on itself. And `HTTP_PROXY` in capitals means nothing
    /// in a CGI program (where `REQUEST_METHOD` is set), whose clients choose it. What desktop systems keep as their
    /// settings is not read.
    ///
    /// The time for reaching a proxy and for its answer is that of [`connect_timeout`](Self::connect_timeout).
    pub fn proxy(mut self, url: &str) -> Self {
        self.http.proxy.choice = Choice::Url(url.to_owned());
        self
    }

    /// Goes to servers directly, whatever the environment says.
    pub fn no_proxy(mut self) -> Self {
        self.http.proxy.choice = Choice::Direct;
        self
    }

    /// How many requests may have a connection at once. What comes beyond waits for room within its own deadline, and then
    /// fails with [`Error::Timeout`] of the cause [`Room`](mcp_core::time::Cause::Room), unsent. A request has its connection
    /// until its answer is read to the end, be that a stream of minutes.
    ///
    /// Without bound by default: each request in flight is a thread of the program's, which bounds them already, and
    /// a bound that nobody asked for would make those wait that run side by side today.
    ///
    /// Not counted, for they must not wait for what may wait for them: notifications, answers to what the server asks, event
    /// streams and [subscriptions](crate::Client::listen), which stay open, and the end of the session.
    pub fn max_connections(mut self, most: usize) -> Self {
        self.http.proxy.max_connections = Some(most);
        self
    }

    /// How many connections are kept for later requests while nobody uses them, for up to 15 s; 8 by default. 0 keeps none: each
    /// request opens its own.
    pub fn max_idle_connections(mut self, most: usize) -> Self {
        self.http.proxy.max_idle_connections = most;
        self
    }
}

impl ProxyOptions {
    /// What these settings come to, with what the environment says.
    ///
    /// # Errors
    /// [`Error::Usage`]: what the caller gave is no proxy, or no number. What the environment gives is judged once it is needed.
    pub(super) fn way(&self) -> Result<Way, Error> {
        if self.max_connections == Some(0) {
            return Err(Error::Usage("`max_connections` is 0: no request could ever be made".into()));
        }
        let choice = match &self.choice {
            Choice::Environment => proxies::Choice::Environment,
            Choice::Direct => proxies::Choice::Direct,
            Choice::Url(url) => proxies::Choice::Url(
                Proxy::parse(url).map_err(|problem| Error::Usage(format!("`proxy` cannot be used: {problem}")))?,
            ),
        };
        let proxies = Arc::new(Proxies::new(&choice, |name| std::env::var(name).ok()));
        let counts = Counts { open: self.max_connections, idle: self.max_idle_connections };
        Ok(Way { proxies, names: Arc::default(), counts })
    }
}
