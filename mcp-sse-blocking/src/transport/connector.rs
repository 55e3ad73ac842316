//! From the address of a server to a connection with it: an idle one, or a new one by way of a proxy and TLS.
//!
//! ureq asks for a connection before each request, with whatever [`exchange`] it runs in: its deadlines, whether it may be
//! stopped, whether it counts among those that are bounded.

use std::fmt;
use std::io;
use std::net::TcpStream;
use std::sync::{Arc, Weak};
use std::time::Duration;

use mcp_core::time::Cause;
use ureq::Error;
use ureq::unversioned::transport::{ConnectionDetails, Connector, ShutdownHandle};

use super::absolute_form::AbsoluteForm;
use super::connection::{Carried, Connection};
use super::dial::Dialer;
use super::exchange;
use super::place::Place;
use super::pool::Pool;
use super::proxies::Proxies;
use super::proxy::{Kind, Proxy};
use super::resolver::Names;
use super::socket::Socket;
use super::stream::Stream;
use super::tls::Tls;
use super::tunnel;
#[cfg(feature = "socks")]
use super::{
    proxy::Lookup,
    socks::{self, Goal},
};
use crate::insight::Insight;

/// Makes the connections of one client.
pub(super) struct ClientConnector {
    pub(super) timeout: Option<Duration>,
    pub(super) pool: Arc<Pool>,
    pub(super) names: Arc<Names>,
    pub(super) proxies: Arc<Proxies>,
    pub(super) tls: Arc<Tls>,
    pub(super) dialer: Dialer,
    pub(super) insight: Arc<Insight>,
}

impl Connector<()> for ClientConnector {
    type Out = Connection;

    fn connect(&self, details: &ConnectionDetails<'_>, _: Option<()>) -> Result<Option<Connection>, Error> {
        let place = match exchange::place() {
            Some(place) => place,
            None => Arc::new(Place::of(details.uri)?),
        };
        let (permit, idle) = self.pool.enter(&place, exchange::room())?;
        Ok(Some(match idle {
            Some(carried) => Connection::reused(permit, place, carried),
            None => {
                let carried = self.open(&place, details)?;
                exchange::connected();
                Connection::opened(permit, place, carried)
            }
        }))
    }
}

impl ClientConnector {
    /// Opens a connection, within the time for connecting.
    fn open(&self, place: &Place, details: &ConnectionDetails<'_>) -> io::Result<Carried> {
        let (mut stream, form) = match self.proxies.to(place)? {
            None => {
                exchange::connecting(self.timeout, Cause::Connect);
                (self.dial(place, details)?, None)
            }
            Some(proxy) => {
                exchange::connecting(self.timeout, Cause::Proxy);
                let through = self.through(proxy, place, details).map_err(|error| proxy.failed(error))?;
                exchange::past_proxy();
                through
            }
        };
        if place.is_https {
            stream = self.tls.with_server(stream, place)?;
        }
        Ok(Carried::new(stream, form))
    }

    /// A connection to the proxy from which on it is as one to the server, but for the form of requests.
    fn through(
        &self,
        proxy: &Proxy,
        place: &Place,
        details: &ConnectionDetails<'_>,
    ) -> io::Result<(Box<dyn Stream>, Option<AbsoluteForm>)> {
        let mut stream = self.dial(proxy.place(), details)?;
        if proxy.place().is_https {
            stream = self.tls.with_proxy(stream, proxy.place())?;
        }
        match proxy.kind() {
            Kind::Http if !place.is_https => return Ok((stream, Some(AbsoluteForm::new(proxy, place)))),
            Kind::Http => tunnel::open(&mut *stream, proxy, place)?,
            #[cfg(feature = "socks")]
            Kind::Socks5(Lookup::ByProxy) => socks::open_5(&mut *stream, proxy, by_name(place))?,
            #[cfg(feature = "socks")]
            Kind::Socks5(Lookup::Here) => {
                let address = self.addresses_for(proxy, place)?[0];
                socks::open_5(&mut *stream, proxy, Goal::Address(address))?;
            }
            #[cfg(feature = "socks")]
            Kind::Socks4(Lookup::ByProxy) => socks::open_4(&mut *stream, proxy, by_name(place))?,
            #[cfg(feature = "socks")]
            Kind::Socks4(Lookup::Here) => {
                let addresses = self.addresses_for(proxy, place)?;
                let address = addresses.iter().find(|address| address.is_ipv4()).unwrap_or(&addresses[0]);
                socks::open_4(&mut *stream, proxy, Goal::Address(*address))?;
            }
        }
        Ok((stream, None))
    }

    /// The addresses of `place`, for a proxy that looks nothing up.
    #[cfg(feature = "socks")]
    fn addresses_for(&self, proxy: &Proxy, place: &Place) -> io::Result<Vec<std::net::SocketAddr>> {
        let found = self.names.addresses(place).map_err(|error| {
            let problem = format!("is to be given an address, which `socks5h` and `socks4a` need not: {error}");
            proxy.told(error.kind(), problem)
        })?;
        Ok(found.addresses)
    }

    /// A TCP connection to `place`, which the agent can shut down.
    fn dial(&self, place: &Place, details: &ConnectionDetails<'_>) -> io::Result<Box<dyn Stream>> {
        let stream = Arc::new(reach(&self.dialer, &self.names, place)?);
        stream.set_nodelay(true)?;
        // Two lines, because the coercion to a trait object needs a place of its own.
        let handle: Weak<TcpStream> = Arc::downgrade(&stream);
        let handle: Weak<dyn ShutdownHandle> = handle;
        (details.register_shutdown)(handle).map_err(Error::into_io)?;
        Ok(Box::new(Socket::new(stream, self.insight.wire())))
    }
}

/// A TCP connection to `place`, whose addresses are looked up again when they lead nowhere.
fn reach(dialer: &Dialer, names: &Names, place: &Place) -> io::Result<TcpStream> {
    let found = names.addresses(place)?;
    let error = match dialer.dial(&found.addresses) {
        Ok(stream) => return Ok(stream),
        Err(error) => error,
    };
    names.doubt(place);
    if !found.remembered || exchange::left().is_err() {
        return Err(error);
    }
    let again = names.addresses(place)?;
    if again.addresses == found.addresses {
        return Err(error);
    }
    dialer.dial(&again.addresses).inspect_err(|_| names.doubt(place))
}

/// The proxy is to look the name up; an address is one as it is.
#[cfg(feature = "socks")]
fn by_name(place: &Place) -> Goal<'_> {
    match place.bare_host().parse() {
        Ok(address) => Goal::Address(std::net::SocketAddr::new(address, place.port)),
        Err(_) => Goal::Name(&place.host, place.port),
    }
}

impl fmt::Debug for ClientConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientConnector")
            .field("proxies", &self.proxies)
            .field("tls", &self.tls)
            .finish_non_exhaustive()
    }
}

// Other systems have one address of their own only.
#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr, TcpListener};

    use super::*;

    #[test]
    fn a_server_that_moved_is_found_in_the_same_exchange() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let place = Place { is_https: false, host: "localhost".into(), port };
        // Where it was nobody listens any more.
        let former = SocketAddr::from(([127, 9, 9, 9], port));
        let (dialer, names) = (Dialer::default(), Names::default());
        names.addresses_by(&place, |_, _| Ok(vec![former])).unwrap();
        exchange::run(exchange::Bounds::default(), || {
            let stream = reach(&dialer, &names, &place).unwrap();
            assert_eq!(stream.peer_addr().unwrap(), listener.local_addr().unwrap());
            let now = names.addresses(&place).unwrap();
            assert!(now.remembered && !now.addresses.contains(&former));
            drop(listener);
            assert_eq!(reach(&dialer, &names, &place).unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
        });
    }
}
