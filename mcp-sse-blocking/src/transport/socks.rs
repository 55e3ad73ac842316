//! Tunnels through SOCKS proxies: version 5 (RFC 1928, RFC 1929), and version 4 with its extension 4a.
//!
//! Every answer has a length that is known or at most 262 bytes, so there is nothing here that a proxy could make grow.

use std::io;
use std::net::SocketAddr;

use super::proxy::Proxy;
use super::stream::{Stream, read_exact};

/// Where to be connected to.
#[derive(Debug, Clone, Copy)]
pub(super) enum Goal<'a> {
    Address(SocketAddr),
    /// A name that the proxy looks up.
    Name(&'a str, u16),
}

impl Goal<'_> {
    fn port(&self) -> [u8; 2] {
        match self {
            Self::Address(address) => address.port(),
            Self::Name(_, port) => *port,
        }
        .to_be_bytes()
    }
}

/// Asks a proxy of version 4 for a connection; with a name, of version 4a.
///
/// # Errors
/// Those of the stream; a refusal; an answer that is none; an IPv6 address, which this version has no place for.
pub(super) fn open_4(stream: &mut dyn Stream, proxy: &Proxy, goal: Goal<'_>) -> io::Result<()> {
    let mut request = vec![4, 1];
    request.extend(goal.port());
    match goal {
        Goal::Address(SocketAddr::V4(address)) => request.extend(address.ip().octets()),
        Goal::Address(SocketAddr::V6(_)) => {
            let problem = "speaks SOCKS 4, which has no IPv6 addresses: a proxy of version 5 (`socks5`) is needed";
            return Err(proxy.told(io::ErrorKind::InvalidInput, problem));
        }
        // An address that nobody has: a name follows.
        Goal::Name(..) => request.extend([0, 0, 0, 1]),
    }
    // There is no password in this version; the user stands for itself.
    request.extend(proxy.credentials().map_or("", |(user, _)| user).bytes().chain([0]));
    if let Goal::Name(name, _) = goal {
        request.extend(name.bytes().chain([0]));
    }
    stream.write_all(&request)?;
    let mut answer = [0; 8];
    read_exact(stream, &mut answer)?;
    match answer {
        [0, 90, ..] => Ok(()),
        [0, 91, ..] => Err(refused(proxy, "refuses the connection, or it failed")),
        [0, 92 | 93, ..] => Err(refused(proxy, "refuses this user")),
        _ => Err(not_socks(proxy, 4)),
    }
}

/// Asks a proxy of version 5 for a connection.
///
/// # Errors
/// Those of the stream; a refusal; an answer that is none; a name or credentials of more than 255 bytes.
pub(super) fn open_5(stream: &mut dyn Stream, proxy: &Proxy, goal: Goal<'_>) -> io::Result<()> {
    greet(stream, proxy)?;
    let mut request = vec![5, 1, 0];
    match goal {
        Goal::Address(SocketAddr::V4(address)) => {
            request.push(1);
            request.extend(address.ip().octets());
        }
        Goal::Address(SocketAddr::V6(address)) => {
            request.push(4);
            request.extend(address.ip().octets());
        }
        Goal::Name(name, _) => {
            request.push(3);
            push_short(&mut request, name, proxy, "the name of a server")?;
        }
    }
    request.extend(goal.port());
    stream.write_all(&request)?;
    let mut answer = [0; 4];
    read_exact(stream, &mut answer[..2])?;
    if answer[0] != 5 {
        return Err(not_socks(proxy, 5));
    }
    if answer[1] != 0 {
        return Err(refused(proxy, failure(answer[1])));
    }
    // The address that the proxy connects from follows; nobody here wants to know.
    read_exact(stream, &mut answer[2..])?;
    let length = match answer[3] {
        1 => 4,
        4 => 16,
        3 => {
            let mut length = [0];
            read_exact(stream, &mut length)?;
            usize::from(length[0])
        }
        _ => return Err(not_socks(proxy, 5)),
    };
    read_exact(stream, &mut [0; 255 + 2][..length + 2])
}

/// Agrees on a way to log in, and does.
fn greet(stream: &mut dyn Stream, proxy: &Proxy) -> io::Result<()> {
    let credentials = proxy.credentials();
    // Without a password always, with one where there is one.
    stream.write_all(if credentials.is_some() { &[5, 2, 0, 2] } else { &[5, 1, 0] })?;
    let mut choice = [0; 2];
    read_exact(stream, &mut choice)?;
    match (choice, credentials) {
        ([5, 0], _) => Ok(()),
        ([5, 2], Some((user, password))) => {
            let mut login = vec![1];
            push_short(&mut login, user, proxy, "a user")?;
            push_short(&mut login, password, proxy, "a password")?;
            stream.write_all(&login)?;
            read_exact(stream, &mut choice)?;
            if choice[1] == 0 { Ok(()) } else { Err(denied(proxy, "does not accept the credentials in its URL")) }
        }
        ([5, 0xff], None) => {
            Err(denied(proxy, "wants credentials: its URL has none, as in `socks5://user:password@host:port`"))
        }
        ([5, 0xff], Some(_)) => Err(denied(proxy, "wants another way to log in than user and password")),
        _ => Err(not_socks(proxy, 5)),
    }
}

/// Its length in one byte, then the text.
fn push_short(request: &mut Vec<u8>, text: &str, proxy: &Proxy, what: &str) -> io::Result<()> {
    let too_long = |_| proxy.told(io::ErrorKind::InvalidInput, format!("takes no {what} of more than 255 bytes"));
    request.push(u8::try_from(text.len()).map_err(too_long)?);
    request.extend(text.bytes());
    Ok(())
}

/// What a code of RFC 1928, section 6, means.
fn failure(code: u8) -> &'static str {
    match code {
        2 => "does not allow the connection",
        3 => "cannot reach the server's network",
        4 => "cannot reach the server",
        5 => "was refused by the server",
        6 => "cannot reach the server in time",
        7 => "opens no connections",
        8 => "knows no such addresses",
        _ => "cannot open the connection",
    }
}

fn refused(proxy: &Proxy, problem: &str) -> io::Error {
    proxy.told(io::ErrorKind::ConnectionRefused, problem)
}

fn denied(proxy: &Proxy, problem: &str) -> io::Error {
    proxy.told(io::ErrorKind::PermissionDenied, problem)
}

fn not_socks(proxy: &Proxy, version: u8) -> io::Error {
    proxy.told(io::ErrorKind::InvalidData, format!("does not answer in SOCKS {version}"))
}
