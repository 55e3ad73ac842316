//! Settings of the way to a server: proxies, and how many connections.

/// The settings of the way to a server.
#[derive(Default)]
pub(crate) struct ProxyOptions {}
