//! Where the browser comes back to: a port of this machine, for one answer (R-AU-34; RFC 8252, section 7.3).
//!
//! No web server: it reads the first line of a request, bounded in bytes and in time, from a few connections at once, since
//! browsers open some that they never use. What does not carry our `state` changes nothing: a page that knows the port could end
//! the login otherwise.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use mcp_core::http::{Authority, Url};
use mcp_core::time::{Deadline, Instant};

use crate::clock;
use crate::transport::exchange::Stop;

/// How often it is looked whether something came. 20 ms: a person does not notice.
const NAP: Duration = Duration::from_millis(20);
/// Connections at once; the oldest goes first.
const MOST_CONNECTIONS: usize = 16;
/// Bytes of a request's head. 16 KiB: codes of some providers have two.
const HEAD_BYTES: usize = 16 << 10;
/// How long a connection may take to say what it wants.
const HEAD_TIME: Duration = Duration::from_secs(10);
/// How long writing the page may take.
const WRITE_TIME: Duration = Duration::from_secs(1);

const DONE: &str = "<!doctype html><meta charset=utf-8><title>Done</title><p>This is done. You may close this page.";
const NOT_OURS: &str = "<!doctype html><meta charset=utf-8><title>Not found</title><p>Nothing is waiting for this.";

/// A port on which the answer is waited for.
pub(super) struct Listener {
    socket: TcpListener,
    redirect_uri: String,
    path: String,
    connections: Vec<Connection>,
    /// Requests to the right place that were none of ours.
    strangers: u32,
}

struct Connection {
    stream: TcpStream,
    read: Vec<u8>,
    since: Instant,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum NoAnswer {
    OutOfTime { strangers: u32 },
    Stopped,
    Broken(io::Error),
}

impl Listener {
    /// Listens on `port`, or when that is 0 on that of the URI `before`, if it is free, or on any.
    pub(super) fn bind(host: Ipv4Addr, port: u16, path: &str, before: Option<&str>) -> io::Result<Self> {
        let before = before.and_then(|uri| Url::parse(uri).ok()).map(|url| url.port()).filter(|_| port == 0);
        let again = before.and_then(|port| TcpListener::bind((host, port)).ok());
        let socket = again.map_or_else(|| TcpListener::bind((host, port)), Ok)?;
        socket.set_nonblocking(true)?;
        let redirect_uri = format!("http://{}{path}", socket.local_addr()?);
        Ok(Self { socket, redirect_uri, path: path.to_owned(), connections: Vec::new(), strangers: 0 })
    }

    pub(super) fn redirect_uri(&self) -> &str {
        &self.redirect_uri
    }

    /// The query of the first request for which `is_ours` holds.
    pub(super) fn wait(
        &mut self,
        is_ours: impl Fn(&str) -> bool,
        until: Deadline,
        stop: &dyn Stop,
    ) -> Result<String, NoAnswer> {
        loop {
            let now = clock::now();
            if stop.is_stopped() {
                return Err(NoAnswer::Stopped);
            }
            if until.has_passed(now) {
                return Err(NoAnswer::OutOfTime { strangers: self.strangers });
            }
            self.accept(now).map_err(NoAnswer::Broken)?;
            if let Some(query) = self.look(&is_ours, now) {
                return Ok(query);
            }
            thread::sleep(NAP.min(until.at.since(now)));
        }
    }

    fn accept(&mut self, now: Instant) -> io::Result<()> {
        // As many as there is room for: the next look comes soon.
        for _ in 0..MOST_CONNECTIONS {
            match self.socket.accept() {
                Ok((stream, _)) => {
                    if self.connections.len() == MOST_CONNECTIONS {
                        self.connections.remove(0);
                    }
                    // A system may hand its mode on from the listener, or not.
                    if stream.set_nonblocking(true).is_ok() {
                        self.connections.push(Connection { stream, read: Vec::new(), since: now });
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                // The peer was gone before it was accepted.
                Err(error) if matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::Interrupted) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Reads what came, and answers it.
    fn look(&mut self, is_ours: &impl Fn(&str) -> bool, now: Instant) -> Option<String> {
        let mut at = 0;
        while at < self.connections.len() {
            let connection = &mut self.connections[at];
            let head = match connection.head() {
                Ok(None) if now.since(connection.since) < HEAD_TIME => {
                    at += 1;
                    continue;
                }
                head => head.ok().flatten(),
            };
            let connection = self.connections.remove(at);
            let Some(head) = head else { continue };
            match query(&head, &self.path, self.socket.local_addr().ok()) {
                Some(query) if is_ours(&query) => {
                    connection.answer("200 OK", DONE);
                    return Some(query);
                }
                Some(_) => {
                    self.strangers = self.strangers.saturating_add(1);
                    connection.answer("400 Bad Request", NOT_OURS);
                }
                None => connection.answer("404 Not Found", NOT_OURS),
            }
        }
        None
    }
}

/// The query of a GET for `path`, sent to this machine under a name that it has (R-SEC-3).
fn query(head: &str, path: &str, address: Option<SocketAddr>) -> Option<String> {
    let mut lines = head.split("\r\n");
    let target = lines.next()?.strip_prefix("GET ")?.split(' ').next()?;
    let host = lines.find_map(|line| line.split_once(':').filter(|(name, _)| name.eq_ignore_ascii_case("host")));
    let host = Authority::parse(host?.1.trim())?;
    if !host.host.is_loopback() || host.port != address.map(|address| address.port()) {
        return None;
    }
    let (found, query) = target.split_once('?').unwrap_or((target, ""));
    (found == path).then(|| query.to_owned())
}

impl Connection {
    /// The head of the request, once it is there.
    fn head(&mut self) -> io::Result<Option<String>> {
        let mut chunk = [0; 2 << 10];
        loop {
            if let Some(end) = self.read.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                self.read.truncate(end);
                let head = String::from_utf8(std::mem::take(&mut self.read));
                return head.map(Some).map_err(|_| ErrorKind::InvalidData.into());
            }
            if self.read.len() > HEAD_BYTES {
                return Err(ErrorKind::InvalidData.into());
            }
            match self.stream.read(&mut chunk) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(n) => self.read.extend_from_slice(&chunk[..n]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Shows a page, as far as that goes: the answer counts whether anybody sees it or not.
    fn answer(mut self, status: &str, page: &str) {
        let answer = format!(
            "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\nCache-Control: no-store\r\n\
             Content-Security-Policy: default-src 'none'\r\nReferrer-Policy: no-referrer\r\nConnection: close\r\n\r\n{page}",
            page.len()
        );
        let _ = self.stream.set_nonblocking(false);
        let _ = self.stream.set_write_timeout(Some(WRITE_TIME));
        let _ = self.stream.write_all(answer.as_bytes());
        let _ = self.stream.shutdown(Shutdown::Write);
    }
}

impl NoAnswer {
    pub(super) fn describe(&self, timeout: Duration) -> String {
        match self {
            Self::OutOfTime { strangers: 0 } => {
                format!("nobody came back from the browser within {timeout:?} (setting `login_timeout`)")
            }
            Self::OutOfTime { strangers } => format!(
                "nobody came back from the browser within {timeout:?} (setting `login_timeout`); {strangers} answers had not \
                 the `state` that was sent there and did not count"
            ),
            Self::Stopped => "it is not wanted any more".into(),
            Self::Broken(error) => format!("waiting for the browser failed: {error}"),
        }
    }
}
