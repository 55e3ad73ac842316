//! Name lookup, once per client.
//!
//! ureq looks the name up before every request, also when an open connection will carry it. A session lives on one server,
//! so the addresses of the first lookup serve all of its connections; it also keeps a name that changes its address
//! between two requests (DNS rebinding) from moving the session elsewhere.

use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};
use std::time::Duration;
use std::{io, thread};

use mcp_core::time::Cause;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::http::uri::{Authority, Scheme};
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;
use ureq::{Error, Timeout};

use super::exchange;

/// Addresses that are kept of one name; ureq has room for 16.
const ADDRESSES: usize = 16;

/// The addresses of the name that was looked up last.
type Known = Option<(Scheme, Authority, Vec<SocketAddr>)>;

/// Looks a name up once.
#[derive(Debug)]
pub(super) struct OnceResolver {
    known: Mutex<Known>,
    timeout: Option<Duration>,
}

impl OnceResolver {
    pub(super) fn new(timeout: Option<Duration>) -> Self {
        Self { known: Mutex::new(None), timeout }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Resolver for OnceResolver {
    fn resolve(&self, uri: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        let (Some(scheme), Some(authority)) = (uri.scheme(), uri.authority()) else {
            return Err(Error::BadUri("no scheme or no host".into()));
        };
        let mut result = self.empty();
        if let Some((known_scheme, known_authority, addresses)) = &*self.known()
            && known_scheme == scheme
            && known_authority == authority
        {
            addresses.iter().for_each(|address| result.push(*address));
            return Ok(result);
        }
        // With no lock held: each exchange waits for it with its own deadline.
        let port = authority.port_u16().unwrap_or(if *scheme == Scheme::HTTPS { 443 } else { 80 });
        exchange::connecting(self.timeout);
        let addresses = look_up(authority.host(), port)?;
        if addresses.is_empty() {
            return Err(Error::HostNotFound);
        }
        addresses.iter().for_each(|address| result.push(*address));
        *self.known() = Some((scheme.clone(), authority.clone(), addresses));
        Ok(result)
    }
}

fn look_up(host: &str, port: u16) -> Result<Vec<SocketAddr>, Error> {
    let literal = host.trim_start_matches('[').trim_end_matches(']');
    if let Ok(address) = literal.parse() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let left = exchange::left().map_err(|_| Error::Timeout(Timeout::Resolve))?;
    let name = (host.to_owned(), port);
    let Some(left) = left else { return Ok(name.to_socket_addrs()?.take(ADDRESSES).collect()) };
    // The system's lookup cannot be interrupted, so it gets a thread of its own that is left behind when it hangs.
    let (found, answer) = mpsc::sync_channel(1);
    thread::Builder::new().name("mcp-lookup".into()).spawn(move || {
        let _ = found.send(name.to_socket_addrs().map(|addresses| addresses.take(ADDRESSES).collect()));
    })?;
    match answer.recv_timeout(left) {
        Ok(addresses) => addresses.map_err(not_found),
        Err(_) => {
            exchange::expire(Cause::Connect);
            Err(Error::Timeout(Timeout::Resolve))
        }
    }
}

/// What `getaddrinfo` says comes as an error without a kind.
fn not_found(error: io::Error) -> Error {
    Error::Io(io::Error::new(io::ErrorKind::NotFound, format!("the host is not known: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literal_addresses_are_not_looked_up() {
        for (host, address) in
            [("127.0.0.1", "127.0.0.1:80"), ("[::1]", "[::1]:80"), ("[::ffff:7f00:1]", "[::ffff:127.0.0.1]:80")]
        {
            assert_eq!(look_up(host, 80).unwrap(), [address.parse().unwrap()]);
        }
    }
}
