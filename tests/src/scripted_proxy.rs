//! A proxy that does what a test says: HTTP with CONNECT and whole URLs, SOCKS, or something else than either.
//!
//! Whatever name it is asked for, it connects to the one server that the test gave it. So tests use names that nobody can look up,
//! and a client that finds its server went through the proxy.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

/// What a proxy does.
#[derive(Debug, Clone)]
pub enum Manner {
    /// HTTP as it should be.
    Http {
        /// The server.
        to: SocketAddr,
        /// The value of `Proxy-Authorization` that it wants.
        wants: Option<&'static str>,
    },
    /// Whatever is asked: this, and the end.
    Answers(&'static str),
    /// This for ever.
    Repeats(&'static str),
    /// Nothing, for ever.
    Silent,
    /// SOCKS 4 or 5 as it should be.
    Socks {
        /// The server.
        to: SocketAddr,
        /// User and password that it wants, in version 5.
        wants: Option<(&'static str, &'static str)>,
    },
    /// Reads so many bytes and answers with these, in turn; then the end.
    Bytes(Vec<(usize, &'static [u8])>),
}

/// A running proxy.
pub struct ScriptedProxy {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    stopping: Arc<AtomicBool>,
    acceptor: Option<JoinHandle<()>>,
}

impl ScriptedProxy {
    /// Starts a proxy.
    pub fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("its address");
        let (stopping, asked) = (Arc::new(AtomicBool::new(false)), Arc::<Mutex<Vec<String>>>::default());
        let (stop, heads) = (Arc::clone(&stopping), Arc::clone(&asked));
        let acceptor = thread::spawn(move || {
            // Kept open until the proxy ends: hanging up would be an answer.
            let mut held = Vec::new();
            while let Ok((client, _)) = listener.accept() {
                if stop.load(Ordering::Acquire) {
                    break;
                }
                held.extend(client.try_clone());
                let (manner, heads) = (manner.clone(), Arc::clone(&heads));
                // Whatever becomes of a connection, its client tells.
                thread::spawn(move || drop(serve(client, &manner, &heads)));
            }
            for client in held {
                let _ = client.shutdown(Shutdown::Both);
            }
        });
        Self { address, asked, stopping, acceptor: Some(acceptor) }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its URL with this scheme.
    pub fn url(&self, scheme: &str) -> String {
        format!("{scheme}://{}", self.address)
    }

    /// Its URL with this scheme and these credentials.
    pub fn url_of(&self, scheme: &str, credentials: &str) -> String {
        format!("{scheme}://{credentials}@{}", self.address)
    }

    /// What it was asked so far: heads of requests, goals of SOCKS.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for ScriptedProxy {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Release);
        let _ = TcpStream::connect(self.address);
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
    }
}

type Asked = Mutex<Vec<String>>;

fn note(asked: &Asked, what: String) {
    asked.lock().unwrap_or_else(PoisonError::into_inner).push(what);
}

fn serve(mut client: TcpStream, manner: &Manner, asked: &Asked) -> std::io::Result<()> {
    client.set_nodelay(true)?;
    match manner {
        Manner::Http { to, wants } => serve_http(&mut client, *to, *wants, asked),
        Manner::Answers(answer) => {
            note(asked, read_head(&mut client)?);
            client.write_all(answer.as_bytes())?;
            client.shutdown(Shutdown::Both)
        }
        Manner::Repeats(words) => {
            note(asked, read_head(&mut client)?);
            loop {
                client.write_all(words.as_bytes())?;
            }
        }
        Manner::Silent => Ok(()),
        Manner::Socks { to, wants } => serve_socks(&mut client, *to, *wants, asked),
        Manner::Bytes(turns) => {
            for (read, answer) in turns {
                client.read_exact(&mut vec![0; *read])?;
                client.write_all(answer)?;
            }
            client.shutdown(Shutdown::Both)
        }
    }
}

fn serve_http(client: &mut TcpStream, to: SocketAddr, wants: Option<&str>, asked: &Asked) -> std::io::Result<()> {
    let mut server: Option<TcpStream> = None;
    loop {
        let head = read_head(client)?;
        note(asked, head.clone());
        if wants.is_some() && field(&head, "proxy-authorization") != wants {
            return client.write_all(
                b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"x\"\r\n\
                  Content-Length: 0\r\n\r\n",
            );
        }
        if head.starts_with("CONNECT ") {
            client.write_all(b"HTTP/1.1 200 Connection established\r\nVia: scripted\r\n\r\n")?;
            return carry(client, TcpStream::connect(to)?);
        }
        // What is read of a request here is its own: a client waits for the answer before the next.
        let mut body = vec![0; field(&head, "content-length").and_then(|length| length.parse().ok()).unwrap_or(0)];
        client.read_exact(&mut body)?;
        let server = match &mut server {
            Some(server) => server,
            none => {
                let connected = TcpStream::connect(to)?;
                let (mut from, mut back) = (connected.try_clone()?, client.try_clone()?);
                thread::spawn(move || {
                    let _ = std::io::copy(&mut from, &mut back);
                    let _ = back.shutdown(Shutdown::Both);
                });
                none.insert(connected)
            }
        };
        let (line, rest) = head.split_once("\r\n").unwrap_or((&head, ""));
        let Some((method, after)) = line.split_once(" http://") else {
            return client.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
        };
        let path = &after[after.find('/').unwrap_or(0)..];
        let rest: Vec<&str> = rest.split("\r\n").filter(|line| !line.starts_with("Proxy-Authorization")).collect();
        server.write_all(format!("{method} {path}\r\n{}", rest.join("\r\n")).as_bytes())?;
        server.write_all(&body)?;
    }
}

fn serve_socks(
    client: &mut TcpStream,
    to: SocketAddr,
    wants: Option<(&str, &str)>,
    asked: &Asked,
) -> std::io::Result<()> {
    let version = byte(client)?;
    let goal = if version == 4 {
        let [_, high, low, a, b, c, d] = bytes(client)?;
        let port = u16::from_be_bytes([high, low]);
        let user = text_until_zero(client)?;
        let host = if [a, b, c] == [0, 0, 0] { text_until_zero(client)? } else { format!("{a}.{b}.{c}.{d}") };
        client.write_all(&[0, 90, 0, 0, 0, 0, 0, 0])?;
        format!("4 {user}|{host}:{port}")
    } else {
        let methods = short(client)?;
        let method = if wants.is_some() { 2 } else { 0 };
        if !methods.contains(&method) {
            return client.write_all(&[5, 0xff]);
        }
        client.write_all(&[5, method])?;
        let mut login = String::new();
        if let Some((user, password)) = wants {
            let _ = byte(client)?;
            let (given, secret) = (short(client)?, short(client)?);
            login = String::from_utf8_lossy(&given).into_owned();
            let is_right = given == user.as_bytes() && secret == password.as_bytes();
            client.write_all(&[1, u8::from(!is_right)])?;
            if !is_right {
                return Ok(());
            }
        }
        let [_, _, _, kind] = bytes(client)?;
        let host = match kind {
            1 => std::net::Ipv4Addr::from(bytes::<4>(client)?).to_string(),
            4 => std::net::Ipv6Addr::from(bytes::<16>(client)?).to_string(),
            _ => String::from_utf8_lossy(&short(client)?).into_owned(),
        };
        let port = u16::from_be_bytes(bytes(client)?);
        // It connects from a name: an address of a length that is not known before.
        client.write_all(b"\x05\x00\x00\x03\x04here\x00\x01")?;
        format!("5 {login}|{host}:{port}")
    };
    note(asked, goal);
    carry(client, TcpStream::connect(to)?)
}

/// Both ways, until either side ends.
fn carry(client: &mut TcpStream, mut server: TcpStream) -> std::io::Result<()> {
    server.set_nodelay(true)?;
    let (mut from, mut to) = (client.try_clone()?, server.try_clone()?);
    thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Both);
    });
    let copied = std::io::copy(&mut server, client);
    let _ = client.shutdown(Shutdown::Both);
    copied.map(drop)
}

/// A head with its empty line, read byte by byte: what follows is not for the proxy.
fn read_head(client: &mut impl Read) -> std::io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(byte(client)?);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = head.split("\r\n").filter_map(|line| line.split_once(": "));
    lines.find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

fn byte(client: &mut impl Read) -> std::io::Result<u8> {
    bytes::<1>(client).map(|[byte]| byte)
}

fn bytes<const N: usize>(client: &mut impl Read) -> std::io::Result<[u8; N]> {
    let mut bytes = [0; N];
    client.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// Its length in one byte, then so many.
fn short(client: &mut impl Read) -> std::io::Result<Vec<u8>> {
    let mut text = vec![0; byte(client)?.into()];
    client.read_exact(&mut text)?;
    Ok(text)
}

fn text_until_zero(client: &mut impl Read) -> std::io::Result<String> {
    let mut text = Vec::new();
    loop {
        match byte(client)? {
            0 => return Ok(String::from_utf8_lossy(&text).into_owned()),
            byte => text.push(byte),
        }
    }
}
