//! Settings of the way to a server: proxies, and how many connections.

use super::Builder;

/// Idle connections that are kept by default: more only help who calls from more threads at once.
const IDLE_CONNECTIONS: usize = 8;

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
