//! A client's side of the exchange on bare blocking sockets: enough HTTP and SSE to open a session with a well-behaved
//! server and to learn, byte for byte, what its answers look like.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// No answer of a server under test takes this long.
const PATIENCE: Duration = Duration::from_secs(10);

/// An open event stream, past its `endpoint` event.
pub(crate) struct EventStream {
    pub(crate) incoming: Incoming,
    /// Where the server wants this session's messages.
    pub(crate) endpoint: String,
    chunked: bool,
}

impl EventStream {
    /// Connects, asks for the stream and reads up to the end of the `endpoint` event.
    pub(crate) fn open(address: SocketAddr) -> io::Result<Self> {
        let mut incoming = Incoming::connect(address)?;
        let request = format!("GET /sse HTTP/1.1\r\nHost: {address}\r\nAccept: text/event-stream\r\n\r\n");
        incoming.socket.write_all(request.as_bytes())?;
        let head = incoming.through(b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
        if !head.starts_with("http/1.1 200 ") {
            return Err(unexpected("answer to the GET", head.as_bytes()));
        }
        let chunked = head.contains("transfer-encoding: chunked");
        let mut stream = Self { incoming, endpoint: String::new(), chunked };
        let event = stream.event()?;
        let text = String::from_utf8_lossy(&event);
        let data = text.lines().find_map(|line| line.strip_prefix("data: "));
        stream.endpoint = data.ok_or_else(|| unexpected("endpoint event", &event))?.to_owned();
        Ok(stream)
    }

    /// The bytes of the next event as they came, with the chunk around them where there is one.
    pub(crate) fn event(&mut self) -> io::Result<Vec<u8>> {
        if !self.chunked {
            return self.incoming.through(b"\n\n");
        }
        let mut bytes = self.incoming.through(b"\r\n")?;
        let size = std::str::from_utf8(bytes.trim_ascii_end()).ok().and_then(|hex| usize::from_str_radix(hex, 16).ok());
        let size = size.ok_or_else(|| unexpected("chunk size", &bytes))?;
        bytes.extend(self.incoming.exactly(size + 2)?);
        Ok(bytes)
    }

    /// The handshake: `initialize`, its answer, `notifications/initialized`.
    pub(crate) fn initialize(&mut self, posts: &mut Incoming, host: SocketAddr) -> io::Result<()> {
        let body = concat!(
            r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2024-11-05","#,
            r#""capabilities":{},"clientInfo":{"name":"bench","version":"0"}}}"#
        );
        posts.exchange(&post(host, &self.endpoint, body))?;
        self.event()?;
        let body = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
        posts.exchange(&post(host, &self.endpoint, body))?;
        Ok(())
    }
}

/// A POST as one piece of bytes.
pub(crate) fn post(host: SocketAddr, target: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "POST {target} HTTP/1.1\r\nHost: {host}\r\nAccept: application/json, text/event-stream\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// A `tools/call` of `echo`.
pub(crate) fn call(id: u32, text: &str) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"echo","arguments":{{"text":"{text}"}}}}}}"#
    )
}

/// A socket and what was read from it too early.
pub(crate) struct Incoming {
    pub(crate) socket: TcpStream,
    early: Vec<u8>,
}

impl Incoming {
    pub(crate) fn connect(address: SocketAddr) -> io::Result<Self> {
        let socket = TcpStream::connect(address)?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { socket, early: Vec::new() })
    }

    /// Sends a POST and gives the bytes of its answer, which must be a 202 with a `Content-Length`.
    pub(crate) fn exchange(&mut self, request: &[u8]) -> io::Result<Vec<u8>> {
        self.socket.write_all(request)?;
        let mut answer = self.through(b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(&answer).to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
        match length.and_then(|length| length.trim().parse().ok()) {
            Some(length) if head.starts_with("http/1.1 202") => {
                let body = self.exactly(length)?;
                answer.extend(body);
                Ok(answer)
            }
            _ => Err(unexpected("answer to a POST", &answer)),
        }
    }

    fn through(&mut self, end: &[u8]) -> io::Result<Vec<u8>> {
        loop {
            if let Some(at) = self.early.windows(end.len()).position(|window| window == end) {
                return Ok(self.early.drain(..at + end.len()).collect());
            }
            self.more()?;
        }
    }

    fn exactly(&mut self, count: usize) -> io::Result<Vec<u8>> {
        while self.early.len() < count {
            self.more()?;
        }
        Ok(self.early.drain(..count).collect())
    }

    fn more(&mut self) -> io::Result<()> {
        let mut buffer = [0; 4096];
        match self.socket.read(&mut buffer)? {
            0 => Err(unexpected("end of the connection", &self.early)),
            count => {
                self.early.extend_from_slice(&buffer[..count]);
                Ok(())
            }
        }
    }
}

/// An error that quotes what came.
pub(crate) fn unexpected(what: &str, bytes: &[u8]) -> io::Error {
    let quote = String::from_utf8_lossy(&bytes[..bytes.len().min(300)]).into_owned();
    io::Error::new(io::ErrorKind::InvalidData, format!("unexpected {what}: {quote:?}"))
}
