//! The least a single-threaded HTTP+SSE server can do: one `epoll` loop, canned replies, and just enough parsing to
//! put the right id on the right stream. Whatever a real server costs above this is its own work.
//!
//! It is no server to deploy: it checks nothing, bounds nothing and trusts its peer.

use std::io::{self, Read as _, Write as _};
use std::net::SocketAddr;

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};

/// The text that each `tools/call` is answered with.
pub(crate) const TEXT: &str = "hello";

const ACCEPTED: &[u8] = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n";
const STREAM_HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\n\r\n";
const INITIALIZED: &str =
    r#"{"protocolVersion":"2024-11-05","capabilities":{"tools":{}},"serverInfo":{"name":"floor","version":"0"}}"#;
const TOOLS: &str = r#"{"tools":[{"name":"echo","inputSchema":{"type":"object"}}]}"#;

const LISTENER: Token = Token(usize::MAX);

/// Serves until the process is killed. `ready` is told the address once connections are accepted.
pub(crate) fn serve(listen: SocketAddr, ready: impl FnOnce(SocketAddr)) -> io::Result<()> {
    let mut poll = Poll::new()?;
    let mut listener = TcpListener::bind(listen)?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    ready(listener.local_addr()?);

    let mut floor = Floor { connections: Vec::new(), free: Vec::new(), input: vec![0; 16 * 1024], event: Vec::new() };
    let mut events = Events::with_capacity(256);
    loop {
        if let Err(error) = poll.poll(&mut events, None) {
            if error.kind() == io::ErrorKind::Interrupted {
                continue;
            }
            return Err(error);
        }
        for event in &events {
            match event.token() {
                LISTENER => floor.accept(&listener, &poll)?,
                Token(index) => floor.readable(index),
            }
        }
    }
}

struct Floor {
    /// A connection's place here is its token, and the session id of the stream that it may become.
    connections: Vec<Option<Connection>>,
    free: Vec<usize>,
    input: Vec<u8>,
    event: Vec<u8>,
}

struct Connection {
    socket: TcpStream,
    /// The start of a request whose end has not come yet. Empty, and without memory, in the usual case.
    unfinished: Vec<u8>,
}

impl Floor {
    fn accept(&mut self, listener: &TcpListener, poll: &Poll) -> io::Result<()> {
        loop {
            let mut socket = match listener.accept() {
                Ok((socket, _)) => socket,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            socket.set_nodelay(true)?;
            let index = self.free.pop().unwrap_or(self.connections.len());
            poll.registry().register(&mut socket, Token(index), Interest::READABLE)?;
            let connection = Some(Connection { socket, unfinished: Vec::new() });
            if index == self.connections.len() {
                self.connections.push(connection);
            } else {
                self.connections[index] = connection;
            }
        }
    }

    /// Readiness is edge-triggered: reading goes on until a read comes back short, which means that it took all.
    fn readable(&mut self, index: usize) {
        loop {
            let Some(connection) = &mut self.connections[index] else { return };
            let count = match connection.socket.read(&mut self.input) {
                Ok(0) => return self.close(index),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => return self.close(index),
            };
            self.bytes(index, count);
            if count < self.input.len() {
                return;
            }
        }
    }

    fn bytes(&mut self, index: usize, count: usize) {
        let Some(connection) = &mut self.connections[index] else { return };
        let mut unfinished = std::mem::take(&mut connection.unfinished);
        if unfinished.is_empty() {
            // Lent out for the loop, so that the usual request is answered from where it was read to.
            let input = std::mem::take(&mut self.input);
            let used = self.requests(index, &input[..count]);
            if used < count
                && let Some(connection) = &mut self.connections[index]
            {
                connection.unfinished = input[used..count].to_vec();
            }
            self.input = input;
        } else {
            unfinished.extend_from_slice(&self.input[..count]);
            let used = self.requests(index, &unfinished);
            unfinished.drain(..used);
            if !unfinished.is_empty()
                && let Some(connection) = &mut self.connections[index]
            {
                connection.unfinished = unfinished;
            }
        }
    }

    /// Answers each whole request in `input` and says how many bytes they took.
    fn requests(&mut self, index: usize, input: &[u8]) -> usize {
        let mut used = 0;
        while let Some(head) = find(&input[used..], b"\r\n\r\n") {
            let body_at = used + head + 4;
            let head = &input[used..body_at];
            if head.starts_with(b"GET") {
                self.open_stream(index);
                used = body_at;
                continue;
            }
            let body_end = body_at + content_length(head);
            let Some(body) = input.get(body_at..body_end) else { break };
            let session = find(head, b"sessionId=").map_or(0, |at| number(&head[at + 10..]));
            self.message(index, session, body);
            used = body_end;
        }
        used
    }

    fn open_stream(&mut self, index: usize) {
        self.event.clear();
        // Writing into a `Vec` cannot fail.
        let _ = write!(self.event, "{STREAM_HEAD}event: endpoint\ndata: /messages?sessionId={index}\n\n");
        self.send_event(index);
    }

    fn message(&mut self, index: usize, session: usize, body: &[u8]) {
        if let Some(connection) = &mut self.connections[index] {
            // A full send buffer cannot happen to a client that waits for each answer.
            let _ = connection.socket.write(ACCEPTED);
        }
        // Only a request has an id, and then it comes before the parameters.
        let Some(id_at) = find(body, b"\"id\":") else { return };
        let id = &body[id_at + 5..];
        let id = &id[..id.iter().position(|&byte| byte == b',' || byte == b'}').unwrap_or(id.len())];
        self.event.clear();
        self.event.extend_from_slice(b"event: message\ndata: {\"jsonrpc\":\"2.0\",\"id\":");
        self.event.extend_from_slice(id);
        self.event.extend_from_slice(b",\"result\":");
        match find(body, b"\"method\":\"").map_or(&b""[..], |at| &body[at + 10..]) {
            method if method.starts_with(b"initialize\"") => self.event.extend_from_slice(INITIALIZED.as_bytes()),
            method if method.starts_with(b"tools/list\"") => self.event.extend_from_slice(TOOLS.as_bytes()),
            _ => {
                self.event.extend_from_slice(b"{\"content\":[{\"type\":\"text\",\"text\":\"");
                self.event.extend_from_slice(TEXT.as_bytes());
                self.event.extend_from_slice(b"\"}]}");
            }
        }
        self.event.extend_from_slice(b"}\n\n");
        self.send_event(session);
    }

    fn send_event(&mut self, index: usize) {
        if let Some(Some(connection)) = self.connections.get_mut(index) {
            let _ = connection.socket.write(&self.event);
        }
    }

    fn close(&mut self, index: usize) {
        self.connections[index] = None;
        self.free.push(index);
    }
}

/// Where `needle` first begins. The first byte is searched for, the rest compared: heads and bodies are short here.
fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    let mut from = 0;
    while let Some(at) = memchr::memchr(needle[0], &haystack[from..]) {
        if haystack[from + at..].starts_with(needle) {
            return Some(from + at);
        }
        from += at + 1;
    }
    None
}

fn content_length(head: &[u8]) -> usize {
    const NAME: &[u8] = b"content-length:";
    let mut from = 0;
    while let Some(at) = memchr::memchr(b'\n', &head[from..]) {
        from += at + 1;
        let line = &head[from..];
        if line.len() > NAME.len() && line[..NAME.len()].eq_ignore_ascii_case(NAME) {
            return number(line[NAME.len()..].trim_ascii_start());
        }
    }
    0
}

fn number(digits: &[u8]) -> usize {
    digits.iter().take_while(|byte| byte.is_ascii_digit()).fold(0, |sum, byte| sum * 10 + usize::from(byte - b'0'))
}
