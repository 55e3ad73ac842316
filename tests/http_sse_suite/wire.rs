//! HTTP as bare as the suite needs it: a request on a connection of its own, and a stream that is read as it comes.
//!
//! The servers of others send bodies in chunks, which the helpers for our own server do not read.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use mcp_core::Limits;
use mcp_core::sse::Decoder;

/// How long anything may take that has to happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A header field to be sent. An empty value leaves the field out that would be there otherwise.
pub(crate) type Field<'a> = (&'a str, &'a str);

#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// An event, and how many lines of data it was written in.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) kind: String,
    pub(crate) data: String,
    pub(crate) id: String,
}

/// Sends a request and reads its answer to the end.
pub(crate) fn ask(server: SocketAddr, method: &str, target: &str, fields: &[Field<'_>], body: &str) -> Answer {
    let mut connection = Connection::send(server, method, target, fields, Some(body));
    let mut answer = connection.head();
    connection.is_chunked(&answer);
    let length = answer.field("Content-Length").and_then(|digits| digits.parse().ok());
    let length = if method == "HEAD" { Some(0) } else { length };
    let deadline = Instant::now() + PATIENCE;
    while length.is_none_or(|length: usize| connection.body.len() < length) && !connection.is_over {
        assert!(connection.fill(deadline), "{method} {target}: the answer is not complete in time");
    }
    answer.body = String::from_utf8_lossy(&connection.body).into_owned();
    answer
}

/// An answer that is an event stream, as far as it has come.
#[derive(Debug)]
pub(crate) struct Stream {
    connection: Connection,
    decoder: Decoder,
    /// How much of the body the decoder has seen.
    decoded: usize,
    pub(crate) events: Vec<Event>,
}

impl Stream {
    /// Asks for a stream. What is no stream is read no further.
    pub(crate) fn open(server: SocketAddr, target: &str, fields: &[Field<'_>]) -> (Answer, Self) {
        let mut connection = Connection::send(server, "GET", target, fields, None);
        let answer = connection.head();
        connection.is_chunked(&answer);
        let decoder = Decoder::new(&Limits::default());
        let mut stream = Self { connection, decoder, decoded: 0, events: Vec::new() };
        if answer.status == 200 {
            stream.take();
        }
        (answer, stream)
    }

    /// Takes in what comes next. False when nothing has until the deadline, or nothing will any more.
    pub(crate) fn advance(&mut self, deadline: Instant) -> bool {
        let has_more = !self.connection.is_over && self.connection.fill(deadline);
        self.take();
        has_more
    }

    /// Takes the events out of what has come.
    fn take(&mut self) {
        self.decoder.push(&self.connection.body[self.decoded..]).expect("the stream keeps to the limits");
        self.decoded = self.connection.body.len();
        while let Some(event) = self.decoder.next_event().expect("the stream keeps to the limits") {
            let (kind, data, id) = (event.event_str().into(), event.data_str().into(), event.id_str().into());
            self.events.push(Event { kind, data, id });
        }
    }

    /// The text of the stream so far.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.connection.body).into_owned()
    }

    pub(crate) fn close(&self) {
        // It may be closed already.
        let _ = self.connection.socket.shutdown(Shutdown::Both);
    }
}

#[derive(Debug)]
struct Connection {
    socket: TcpStream,
    received: Vec<u8>,
    body: Vec<u8>,
    chunked: bool,
    is_over: bool,
}

impl Connection {
    fn send(server: SocketAddr, method: &str, target: &str, fields: &[Field<'_>], body: Option<&str>) -> Self {
        let mut socket = TcpStream::connect(server).expect("the server listens");
        let mut head = format!("{method} {target} HTTP/1.1\r\n");
        let host = server.to_string();
        let own = [("Host", host.as_str()), ("Accept", "text/event-stream"), ("Connection", "close")];
        let typed = [("Content-Type", "application/json")];
        let own = if body.is_some() { [&own[..], &typed].concat() } else { own[..1].into() };
        let is_given = |name: &str| fields.iter().any(|(given, _)| given.eq_ignore_ascii_case(name));
        let own = own.into_iter().filter(|(name, _)| !is_given(name));
        for (name, value) in own.chain(fields.iter().copied()).filter(|(_, value)| !value.is_empty()) {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if let Some(body) = body.filter(|body| !body.is_empty() || method != "GET") {
            head.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
        } else {
            head.push_str("\r\n");
        }
        // A server that refuses early closes while the body is on its way.
        let _ = socket.write_all(head.as_bytes());
        Self { socket, received: Vec::new(), body: Vec::new(), chunked: false, is_over: false }
    }

    fn head(&mut self) -> Answer {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(end) = self.received.windows(4).position(|window| window == b"\r\n\r\n") {
                let head: Vec<u8> = self.received.drain(..end + 4).collect();
                let head = String::from_utf8_lossy(&head).into_owned();
                let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status line");
                let fields = head.lines().skip(1).filter_map(|line| line.split_once(':'));
                let fields = fields.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect();
                return Answer { status, fields, body: String::new() };
            }
            assert!(self.read(deadline) && !self.is_over, "no answer: {:?}", String::from_utf8_lossy(&self.received));
        }
    }

    /// What came with the head belongs to the body.
    fn is_chunked(&mut self, answer: &Answer) {
        self.chunked = answer.field("Transfer-Encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked"));
        self.unpack();
    }

    /// Reads once. False when nothing has come until the deadline.
    fn fill(&mut self, deadline: Instant) -> bool {
        let has_read = self.read(deadline);
        self.unpack();
        has_read
    }

    fn read(&mut self, deadline: Instant) -> bool {
        let left = deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        self.socket.set_read_timeout(Some(left)).expect("a timeout can be set");
        let mut bytes = [0; 64 * 1024];
        match self.socket.read(&mut bytes) {
            Ok(0) => self.is_over = true,
            Ok(n) => self.received.extend_from_slice(&bytes[..n]),
            Err(error) if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {
                return false;
            }
            Err(_) => self.is_over = true,
        }
        true
    }

    /// Moves what was received into the body, out of its chunks.
    fn unpack(&mut self) {
        if !self.chunked {
            self.body.append(&mut self.received);
            return;
        }
        while let Some(end) = self.received.windows(2).position(|window| window == b"\r\n") {
            let size = String::from_utf8_lossy(&self.received[..end]).into_owned();
            let size = usize::from_str_radix(size.split(';').next().unwrap_or_default().trim(), 16)
                .expect("a chunk has a size");
            if self.received.len() < end + 2 + size + 2 {
                return;
            }
            self.body.extend_from_slice(&self.received[end + 2..end + 2 + size]);
            self.received.drain(..end + 2 + size + 2);
            self.is_over |= size == 0;
        }
    }
}
