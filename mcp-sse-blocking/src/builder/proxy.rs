//! Settings of the way to a server: proxies, and how many connections.

use std::sync::Arc;

use super::Builder;
use crate::error::Error;
use crate::transport::pool::Counts;
use crate::transport::proxy::{self, Proxies, Proxy};
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
    /// Goes through this proxy, whatever the environment says: `http://[user:password@]host:port`, `https://..`, and with the
    /// feature `socks` `socks5://..`, `socks5h://..`, `socks4://..` and `socks4a://..`. User and password are
    /// percent-encoded, and in no log and no error.
    pub fn proxy(mut self, url: &str) -> Self {
        self.http.proxy.choice = Choice::Url(url.to_owned());
        self
    }

    /// Goes to servers directly, whatever the environment says.
    pub fn no_proxy(mut self) -> Self {
        self.http.proxy.choice = Choice::Direct;
        self
    }

    /// How many requests may have a connection at once; none by default. What comes beyond waits for room, within its own
    /// deadline.
    pub fn max_connections(mut self, most: usize) -> Self {
        self.http.proxy.max_connections = Some(most);
        self
    }

    /// How many connections are kept for later requests while nobody uses them; 8 by default. 0 keeps none.
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
            Choice::Environment => proxy::Choice::Environment,
            Choice::Direct => proxy::Choice::Direct,
            Choice::Url(url) => proxy::Choice::Url(
                Proxy::parse(url).map_err(|problem| Error::Usage(format!("`proxy` cannot be used: {problem}")))?,
            ),
        };
        let proxies = Arc::new(Proxies::new(&choice, |name| std::env::var(name).ok()));
        let counts = Counts { open: self.max_connections, idle: self.max_idle_connections };
        Ok(Way { proxies, names: Arc::default(), counts })
    }
}
