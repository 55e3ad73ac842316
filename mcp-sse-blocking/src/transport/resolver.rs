//! Names, and the addresses that they had.
//!
//! A session lives on one server, so the addresses of the first lookup serve all of its connections; it also keeps a name that
//! changes its address between two requests (DNS rebinding) from moving the session elsewhere. A name is looked up again when
//! none of its addresses could be connected to, and when a session is opened anew: servers do move.
//!
//! **DNS rebinding.** Whoever owns a name may then answer with an address that only this machine can reach, and have the client
//! send requests there. So a name that led to the public internet when it was first looked up does, for the life of this client,
//! not lead to this machine or its networks: such addresses are left out.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, MutexGuard, PoisonError};

use mcp_core::http::Host;

use super::lookup::{ADDRESSES, look_up};
use super::place::Place;
use crate::log_target;

/// Names that are remembered. 64: a program names a few, and a server may name others, such as those of who gives tokens.
const NAMES: usize = 64;
/// Of them, those that were looked up first: the server's and the proxy's, which are never forgotten.
const FIRST_NAMES: usize = 8;

/// Looks names up, and remembers.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// One for each name: the server's, the proxy's.
    known: Mutex<Vec<Known>>,
}

#[derive(Debug)]
struct Known {
    place: Place,
    addresses: Vec<SocketAddr>,
    /// Whether the first lookup gave public addresses only.
    is_public: bool,
    /// To be looked up again.
    is_stale: bool,
}

/// The addresses of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) addresses: Vec<SocketAddr>,
    /// They are from an earlier lookup.
    pub(super) remembered: bool,
}

impl Names {
    fn known(&self) -> MutexGuard<'_, Vec<Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The addresses of `place`.
    pub(super) fn addresses(&self, place: &Place) -> io::Result<Found> {
        self.addresses_by(place, look_up)
    }

    /// The same with this for the system's lookup.
    pub(super) fn addresses_by(
        &self,
        place: &Place,
        look_up: impl FnOnce(&str, u16) -> io::Result<Vec<SocketAddr>>,
    ) -> io::Result<Found> {
        match place.host() {
            Host::V4(address) => return Ok(literal(address.into(), place.port)),
            Host::V6(address) => return Ok(literal(address.into(), place.port)),
            Host::Name(_) => {}
        }
        if let Some(known) = self.known().iter().find(|known| known.place == *place && !known.is_stale) {
            return Ok(Found { addresses: known.addresses.clone(), remembered: true });
        }
        // With no lock held: each exchange waits for it with its own deadline.
        let mut addresses = look_up(&place.host, place.port)?;
        addresses.truncate(ADDRESSES);
        let mut all = self.known();
        if let Some(known) = all.iter_mut().find(|known| known.place == *place) {
            if known.is_public {
                leave_out_local(&place.host, &mut addresses)?;
            }
            known.addresses.clone_from(&addresses);
            known.is_stale = addresses.is_empty();
        } else if !addresses.is_empty() {
            let is_public = addresses.iter().all(|address| is_public(address.ip()));
            if all.len() == NAMES {
                all.remove(FIRST_NAMES);
            }
            all.push(Known { place: place.clone(), addresses: addresses.clone(), is_public, is_stale: false });
        }
        drop(all);
        if addresses.is_empty() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "the host is not known: it has no address"));
        }
        Ok(Found { addresses, remembered: false })
    }

    /// None of the addresses of `place` could be connected to: the next who asks looks it up again.
    pub(super) fn doubt(&self, place: &Place) {
        for known in self.known().iter_mut().filter(|known| known.place == *place) {
            known.is_stale = true;
        }
    }

    /// A session is opened anew: all names are looked up again.
    pub(super) fn doubt_all(&self) {
        for known in self.known().iter_mut() {
            known.is_stale = true;
        }
    }
}

fn literal(address: IpAddr, port: u16) -> Found {
    Found { addresses: vec![SocketAddr::new(address, port)], remembered: false }
}

/// A name that was public leads nowhere else now.
fn leave_out_local(host: &str, addresses: &mut Vec<SocketAddr>) -> io::Result<()> {
    let all = addresses.len();
    addresses.retain(|address| is_public(address.ip()));
    if addresses.len() < all {
        log::warn!(target: log_target::CLIENT, "`{host}` had public addresses only and now has others: they are not used");
    }
    if addresses.is_empty() && all > 0 {
        let problem =
            format!("`{host}` had public addresses and now has local ones only, which only a new client goes to");
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, problem));
    }
    Ok(())
}

/// Whether it is an address that anybody can reach, rather than one of this machine or its networks.
fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let [first, second, ..] = address.octets();
            !(address.is_private()
                || address.is_loopback()
                || address.is_link_local()
                || address.is_unspecified()
                || address.is_broadcast()
                // This network, and that of a provider's customers (RFC 6598).
                || first == 0
                || (first == 100 && (64..128).contains(&second)))
        }
        IpAddr::V6(address) => {
            !(address.is_loopback()
                || address.is_unspecified()
                || address.is_unique_local()
                || address.is_unicast_link_local())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(host: &str) -> Place {
        Place { is_https: false, host: host.into(), port: 80 }
    }

    /// What `names` says of `h` when the system says `answer`; "not asked" when it is not asked.
    fn asked(names: &Names, answer: &[&str]) -> Result<Vec<String>, String> {
        let mut was_asked = false;
        let found = names.addresses_by(&place("h"), |_, port| {
            was_asked = true;
            Ok(answer.iter().map(|address| SocketAddr::new(address.parse().unwrap(), port)).collect())
        });
        let found = found.map_err(|error| error.to_string())?;
        assert_eq!(found.remembered, !was_asked);
        Ok(found.addresses.iter().map(|address| address.ip().to_string()).collect())
    }

    #[test]
    fn literal_addresses_are_not_looked_up() {
        for (host, address) in
            [("127.0.0.1", "127.0.0.1:80"), ("[::1]", "[::1]:80"), ("[::ffff:7f00:1]", "[::ffff:127.0.0.1]:80")]
        {
            let found = Names::default().addresses_by(&place(host), |_, _| unreachable!("{host} is looked up"));
            assert_eq!(found.unwrap().addresses, [address.parse().unwrap()]);
        }
    }

    #[test]
    fn a_name_is_looked_up_once_and_again_when_it_is_doubted() {
        let names = Names::default();
        assert_eq!(asked(&names, &["192.0.2.1"]).unwrap(), ["192.0.2.1"]);
        assert_eq!(asked(&names, &["192.0.2.2"]).unwrap(), ["192.0.2.1"]);
        names.doubt(&place("h"));
        assert_eq!(asked(&names, &["192.0.2.2"]).unwrap(), ["192.0.2.2"]);
        assert_eq!(asked(&names, &["192.0.2.3"]).unwrap(), ["192.0.2.2"]);
        names.doubt(&place("other"));
        assert_eq!(asked(&names, &["192.0.2.3"]).unwrap(), ["192.0.2.2"]);
        names.doubt_all();
        assert_eq!(asked(&names, &["192.0.2.3"]).unwrap(), ["192.0.2.3"]);
    }

    #[test]
    fn a_name_that_was_public_does_not_become_local() {
        let locals = [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.0.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "::1",
            "fd00::1",
            "fe80::1",
            "::ffff:127.0.0.1",
        ];
        for local in locals {
            let names = Names::default();
            asked(&names, &["192.0.2.1"]).unwrap();
            names.doubt_all();
            let error = asked(&names, &[local]).unwrap_err();
            assert!(error.contains("`h` had public addresses and now has local ones only"), "{local}: {error}");
            assert_eq!(asked(&names, &[local, "192.0.2.2"]).unwrap(), ["192.0.2.2"], "{local} is left out");
        }
    }

    #[test]
    fn a_name_that_was_local_from_the_start_may_move() {
        let names = Names::default();
        asked(&names, &["10.0.0.1", "192.0.2.1"]).unwrap();
        names.doubt_all();
        assert_eq!(asked(&names, &["10.0.0.2"]).unwrap(), ["10.0.0.2"]);
        names.doubt_all();
        assert_eq!(asked(&names, &["192.0.2.2"]).unwrap(), ["192.0.2.2"]);
    }

    #[test]
    fn names_are_bounded_and_the_first_are_never_forgotten() {
        let names = Names::default();
        for number in 0..10 * NAMES {
            let host = format!("h{number}");
            names.addresses_by(&place(&host), |_, port| Ok(vec![SocketAddr::from(([192, 0, 2, 1], port))])).unwrap();
        }
        let known: Vec<String> = names.known().iter().map(|known| known.place.host.clone()).collect();
        assert_eq!(known.len(), NAMES);
        assert_eq!(
            (&*known[0], &*known[FIRST_NAMES - 1], known.last().map(String::as_str)),
            ("h0", "h7", Some("h639"))
        );
    }

    #[test]
    fn a_name_without_an_address_is_not_known() {
        let names = Names::default();
        assert!(asked(&names, &[]).unwrap_err().starts_with("the host is not known"));
        assert_eq!(asked(&names, &["192.0.2.1"]).unwrap(), ["192.0.2.1"]);
    }
}
