//! Bare sockets that speak HTTP as a test wants it, and a server that runs beside a test.
//!
//! Every wait has a bound of [`PATIENCE`]: a test that would hang fails instead.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use mcp_server_tiny::{Handle, Server};

use crate::schema_judge::Side;
use crate::wire_judge::{Verdict, Wire};

/// How long a test waits for what has to happen. Far more than it takes, so that a busy machine fails nothing.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// An answer of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawAnswer {
    /// The status code.
    pub status: u16,
    /// The head with its status line and blank line.
    pub head: String,
    /// The body, as long as `Content-Length` says.
    pub body: String,
}

impl RawAnswer {
    /// The value of the header field `name`.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (known, value) = line.split_once(':')?;
            known.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// Takes the first answer out of `bytes`; `None` when it is incomplete.
    ///
    /// # Panics
    ///
    /// When the bytes are no HTTP answer.
    pub fn take_from(bytes: &mut Vec<u8>) -> Option<Self> {
        let end = find(bytes, b"\r\n\r\n")? + 4;
        let head = String::from_utf8(bytes[..end].to_vec()).expect("a head is text");
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a head has a status");
        let mut answer = Self { status, head, body: String::new() };
        let length = answer.field("Content-Length").map_or(0, |digits| digits.parse().expect("a length is a number"));
        let body = bytes.get(end..end + length)?.to_vec();
        answer.body = String::from_utf8(body).expect("bodies of tests are text");
        bytes.drain(..end + length);
        Some(answer)
    }
}

/// One connection of a test to a server.
#[derive(Debug)]
pub struct RawPeer {
    socket: TcpStream,
    received: Vec<u8>,
    wire: Wire,
    /// What the server sends is judged; the test fails when the connection is dropped.
    _verdict: Verdict,
}

impl RawPeer {
    /// Connects to `address`.
    ///
    /// # Panics
    ///
    /// When nobody listens there.
    pub fn connect(address: SocketAddr) -> Self {
        let socket = TcpStream::connect(address).expect("the server listens");
        socket.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
        socket.set_nodelay(true).expect("delays can be turned off");
        let verdict = Verdict::at(address);
        Self { socket, received: Vec::new(), wire: verdict.wire(Side::Server), _verdict: verdict }
    }

    /// Sends bytes as they are.
    ///
    /// # Panics
    ///
    /// When the connection is gone.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.wire.requested(bytes.as_ref());
        self.socket.write_all(bytes.as_ref()).expect("the server reads");
    }

    /// Sends bytes to a server that may be closing already.
    pub fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.wire.requested(bytes.as_ref());
        self.socket.write_all(bytes.as_ref()).is_ok()
    }

    /// Says that no more will be sent.
    pub fn finish(&mut self) {
        // A connection that is gone already has nothing to say.
        let _ = self.socket.shutdown(Shutdown::Write);
    }

    /// The next answer.
    ///
    /// # Panics
    ///
    /// When the connection ends or [`PATIENCE`] passes before it is complete.
    pub fn answer(&mut self) -> RawAnswer {
        loop {
            if let Some(answer) = RawAnswer::take_from(&mut self.received) {
                return answer;
            }
            assert!(self.read() > 0, "the connection ended within an answer: {:?}", self.text());
        }
    }

    /// Sends a request and gives its answer.
    pub fn ask(&mut self, request: impl AsRef<[u8]>) -> RawAnswer {
        self.send(request);
        self.answer()
    }

    /// Everything up to and with `mark`.
    ///
    /// # Panics
    ///
    /// When the connection ends or [`PATIENCE`] passes first.
    pub fn until(&mut self, mark: &str) -> String {
        // Where the search goes on: what was searched is not searched again, which matters for megabytes.
        let mut searched = 0;
        loop {
            if let Some(found) = find(&self.received[searched..], mark.as_bytes()) {
                let at = searched + found;
                let bytes: Vec<u8> = self.received.drain(..at + mark.len()).collect();
                return String::from_utf8_lossy(&bytes).into_owned();
            }
            searched = self.received.len().saturating_sub(mark.len() - 1);
            assert!(self.read() > 0, "the connection ended before {mark:?}: {:?}", self.text());
        }
    }

    /// The data of the next event that is no comment.
    pub fn event(&mut self) -> String {
        loop {
            let event = self.until("\n\n");
            if let Some(data) = event.lines().find_map(|line| line.strip_prefix("data: ")) {
                return data.to_owned();
            }
        }
    }

    /// Everything up to the end of the connection.
    ///
    /// # Panics
    ///
    /// When [`PATIENCE`] passes first.
    pub fn rest(&mut self) -> String {
        while self.read() > 0 {}
        let text = self.text();
        self.received.clear();
        text
    }

    /// The socket, for what has no method here.
    pub fn socket(&self) -> &TcpStream {
        &self.socket
    }

    /// Bytes received and not yet taken, as text.
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.received).into_owned()
    }

    /// 0 at the end, also when it is a reset.
    fn read(&mut self) -> usize {
        let mut bytes = [0; 64 * 1024];
        match self.socket.read(&mut bytes) {
            Ok(n) => {
                self.received.extend_from_slice(&bytes[..n]);
                self.wire.answered(&bytes[..n]);
                n
            }
            Err(error) if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {
                panic!("nothing came for {PATIENCE:?} after {:?}", self.text());
            }
            Err(_) => 0,
        }
    }
}

/// An event stream with the path for its posts.
#[derive(Debug)]
pub struct RawSession {
    /// The connection of the stream.
    pub stream: RawPeer,
    /// The data of the `endpoint` event.
    pub endpoint: String,
    /// A connection for posts.
    pub posts: RawPeer,
}

impl RawSession {
    /// Opens `/sse` and waits for the endpoint.
    pub fn open(address: SocketAddr) -> Self {
        let mut stream = RawPeer::connect(address);
        stream.send("GET /sse HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n");
        stream.until("\r\n\r\n");
        let endpoint = stream.event();
        Self { stream, endpoint, posts: RawPeer::connect(address) }
    }

    /// Opens `/sse` and shakes hands.
    pub fn initialized(address: SocketAddr) -> Self {
        let mut session = Self::open(address);
        session.post(INITIALIZE);
        session.stream.event();
        session.post(INITIALIZED);
        session
    }

    /// Posts one message and gives the answer to the post.
    pub fn post(&mut self, message: &str) -> RawAnswer {
        let request = post(&self.endpoint, message);
        self.posts.ask(request)
    }
}

/// The bytes of a POST of JSON.
pub fn post(target: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST {target} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

/// The first message of a session.
pub const INITIALIZE: &str = r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2024-11-05","capabilities":{},"clientInfo":{"name":"t","version":"0"}}}"#;
/// The second.
pub const INITIALIZED: &str = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;

/// A server on a free port of loopback, on a thread of its own; stopped and joined when dropped.
#[derive(Debug)]
pub struct RunningServer {
    /// Where it listens.
    pub address: SocketAddr,
    /// What stops it.
    pub handle: Handle,
    ended: mpsc::Receiver<bool>,
}

impl RunningServer {
    /// Starts `server`.
    ///
    /// # Panics
    ///
    /// When it cannot be bound.
    pub fn start(server: Server) -> Self {
        let bound = server.bind("127.0.0.1:0").expect("loopback has a free port");
        let (address, handle) = (bound.local_addr(), bound.handle());
        let (tell, ended) = mpsc::channel();
        thread::spawn(move || tell.send(bound.run().is_ok()));
        Self { address, handle, ended }
    }

    /// Waits until `run` has returned.
    ///
    /// # Panics
    ///
    /// When it fails, or does not return within [`PATIENCE`].
    pub fn join(&self) {
        assert_eq!(self.ended.recv_timeout(PATIENCE), Ok(true), "run() returns without an error");
    }
}

impl Drop for RunningServer {
    fn drop(&mut self) {
        self.handle.stop();
        // A test that fails already must not abort on a second panic.
        let _ = self.ended.recv_timeout(PATIENCE);
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}
