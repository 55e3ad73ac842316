//! What `NO_PROXY` says: servers that are gone to directly.
//!
//! There is no standard for it. What most programs agree on is understood here: names with everything below them, with or without
//! a dot or `*.` before them; addresses; networks in CIDR notation; a port after either; `*` for everything. Between entries
//! stand commas or white space.

use std::net::IpAddr;

use mcp_core::http::{Authority, Host};

use super::place::Place;

/// A list of servers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct NoProxy(Vec<Entry>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Entry {
    All,
    /// In lower case, without a dot at either end.
    Name(String, Option<u16>),
    Network(IpAddr, u8, Option<u16>),
}

impl NoProxy {
    /// Reads a list. Entries that mean nothing match nothing.
    pub(super) fn parse(list: &str) -> Self {
        let entries = list.split(|c: char| c == ',' || c.is_ascii_whitespace()).filter(|entry| !entry.is_empty());
        Self(entries.filter_map(Entry::parse).collect())
    }

    /// Whether the server at `place` is in it.
    pub(super) fn matches(&self, place: &Place) -> bool {
        self.0.iter().any(|entry| entry.matches(place))
    }
}

impl Entry {
    fn parse(entry: &str) -> Option<Self> {
        if entry == "*" {
            return Some(Self::All);
        }
        // An IPv6 address without brackets, and a network of such.
        if let Some((address, bits)) = network(entry) {
            return Some(Self::Network(address, bits, None));
        }
        let entry = entry.strip_prefix('*').unwrap_or(entry);
        let Authority { host, port } = Authority::parse(entry.trim_start_matches('.'))?;
        Some(match host {
            Host::V4(address) => Self::Network(address.into(), 32, port),
            Host::V6(address) => Self::Network(address.into(), 128, port),
            Host::Name(name) => Self::Name(name.trim_end_matches('.').to_ascii_lowercase(), port),
        })
    }

    fn matches(&self, place: &Place) -> bool {
        let fits = |port: &Option<u16>| port.is_none_or(|port| port == place.port);
        match self {
            Self::All => true,
            Self::Name(name, port) => {
                let host = place.host.trim_end_matches('.');
                let below = host.strip_suffix(name.as_str());
                fits(port) && below.is_some_and(|above| above.is_empty() || above.ends_with('.'))
            }
            Self::Network(network, bits, port) => match place.host() {
                Host::V4(address) => fits(port) && is_within(address.into(), *network, *bits),
                Host::V6(address) => fits(port) && is_within(address.into(), *network, *bits),
                Host::Name(_) => false,
            },
        }
    }
}

/// `10.0.0.0/8`, `fd00::/8`, `::1`.
fn network(entry: &str) -> Option<(IpAddr, u8)> {
    let (address, bits) = entry.split_once('/').map_or((entry, None), |(address, bits)| (address, Some(bits)));
    let address: IpAddr = address.trim_start_matches('[').trim_end_matches(']').parse().ok()?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let bits = bits.map_or(Some(most), |bits| bits.parse().ok().filter(|bits| *bits <= most))?;
    Some((address, bits))
}

fn is_within(address: IpAddr, network: IpAddr, bits: u8) -> bool {
    // An IPv4 address may be written as an IPv6 one, with 96 bits before it.
    let is_mapped = network.is_ipv6() && network.to_canonical().is_ipv4();
    let bits = u32::from(if is_mapped { bits.saturating_sub(96) } else { bits });
    match (address.to_canonical(), network.to_canonical()) {
        (IpAddr::V4(address), IpAddr::V4(network)) => {
            (u32::from(address) ^ u32::from(network)).checked_shr(32 - bits).unwrap_or(0) == 0
        }
        (IpAddr::V6(address), IpAddr::V6(network)) => {
            (u128::from(address) ^ u128::from(network)).checked_shr(128 - bits).unwrap_or(0) == 0
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(host: &str, port: u16) -> Place {
        Place { is_https: true, host: host.into(), port }
    }

    #[test]
    fn an_entry_matches_what_most_programs_take_it_to() {
        for (list, inside, outside) in [
            (
                "example.com",
                &["example.com", "example.com.", "a.example.com", "a.b.example.com"][..],
                &["badexample.com", "example.org", "com"][..],
            ),
            (".example.com", &["example.com", "a.example.com"], &["badexample.com"]),
            ("*.example.com", &["example.com", "a.example.com"], &["badexample.com"]),
            ("EXAMPLE.com.", &["example.com"], &["example.co"]),
            ("*", &["example.com", "10.0.0.1", "[::1]"], &[]),
            (
                "10.0.0.0/8",
                &["10.0.0.1", "10.255.255.255", "[::ffff:10.1.2.3]"],
                &["11.0.0.1", "10.example.com", "[::a]"],
            ),
            ("192.0.2.7", &["192.0.2.7"], &["192.0.2.77", "192.0.2.70"]),
            ("0.0.0.0/0", &["192.0.2.7"], &["[2001:db8::1]", "example.com"]),
            ("fd00::/8", &["[fd12::1]"], &["[fe80::1]", "10.0.0.1"]),
            ("::/0", &["[fd12::1]"], &["example.com"]),
            ("2001:db8::1", &["[2001:db8::1]"], &["[2001:db8::2]"]),
            ("[2001:db8::1]", &["[2001:db8::1]"], &["[2001:db8::2]"]),
            ("a.example, b.example c.example,,", &["a.example", "b.example", "c.example"], &["d.example"]),
            ("10.0.0.0/33, /, :, [", &[], &["10.0.0.0", "example.com"]),
            ("", &[], &["example.com"]),
        ] {
            let list_of = NoProxy::parse(list);
            for host in inside {
                assert!(list_of.matches(&place(host, 443)), "{list} has {host}");
            }
            for host in outside {
                assert!(!list_of.matches(&place(host, 443)), "{list} has not {host}");
            }
        }
    }

    #[test]
    fn an_entry_with_a_port_matches_that_port() {
        let list = NoProxy::parse("a.example:8443,10.0.0.1:8443,[::1]:8443");
        for host in ["a.example", "b.a.example", "10.0.0.1", "[::1]"] {
            assert!(list.matches(&place(host, 8443)) && !list.matches(&place(host, 443)), "{host}");
        }
    }
}
