//! A server on raw sockets that does exactly what its script says, for everything that a decent server would not do.
//!
//! The script is a closure that runs on a thread of its own and speaks in steps: take the next request, answer it with
//! these bytes, write those bytes on the stream. Requests are read by one thread for each connection, so that the script
//! sees them in the order in which they come, whichever connection carries them. Nothing sleeps; every wait is for an event
//! and has [`BOUND`].
//!
//! ```no_run
//! use mcp_tests::scripted_peer::Peer;
//!
//! let peer = Peer::run(|peer| {
//!     let mut stream = peer.handshake();
//!     let call = peer.request();
//!     call.accepted();
//!     stream.reply(&call, r#"{"content":[]}"#);
//! });
//! // ... connect to `peer.url("/sse")` and call a tool ...
//! peer.finish();
//! ```

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use serde_json::Value;

use crate::schema_judge::Side;
use crate::wire_judge::{Sessions, Verdict, Wire, locked};

/// How long a script waits for anything.
pub const BOUND: Duration = Duration::from_secs(10);

/// The endpoint that [`Peer::handshake`] announces.
pub const ENDPOINT: &str = "/messages?sessionId=hidden";

/// Any free port of the loopback interface.
const ANY: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// A running script.
pub struct Running<T> {
    address: SocketAddr,
    done: Receiver<thread::Result<T>>,
    stopping: Arc<AtomicBool>,
    acceptor: Option<JoinHandle<()>>,
    /// What the client sends is judged; the test fails when the peer is dropped.
    _verdict: Verdict,
}

/// The script's side of the network.
pub struct Peer {
    address: SocketAddr,
    requests: Receiver<Request>,
    closed: Receiver<u64>,
}

/// A request as it came.
#[derive(Clone)]
pub struct Request {
    /// `GET` or `POST`.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// Names in lower case, in their order.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// Which connection carried it, counted from 0.
    pub connection: u64,
    socket: Arc<TcpStream>,
    paused: Arc<AtomicBool>,
    wire: Arc<Mutex<Wire>>,
}

/// An open event stream.
pub struct Stream {
    socket: Arc<TcpStream>,
    wire: Arc<Mutex<Wire>>,
    chunked: bool,
    /// Which connection carries it.
    pub connection: u64,
}

impl Peer {
    /// Starts `script` on a free port of the loopback interface.
    pub fn run<T: Send + 'static>(script: impl FnOnce(&mut Peer) -> T + Send + 'static) -> Running<T> {
        Self::run_at(ANY, script)
    }

    /// Starts `script` at this address.
    pub fn run_at<T: Send + 'static>(
        address: SocketAddr,
        script: impl FnOnce(&mut Peer) -> T + Send + 'static,
    ) -> Running<T> {
        let verdict = Verdict::default();
        let sessions = verdict.clone();
        Self::run_in(address, sessions, verdict, script)
    }

    /// The same for a server that does not speak JSON-RPC: what the client sends is not judged.
    pub fn run_plain<T: Send + 'static>(script: impl FnOnce(&mut Peer) -> T + Send + 'static) -> Running<T> {
        Self::run_in(ANY, Sessions::default(), Verdict::default(), script)
    }

    fn run_in<T: Send + 'static>(
        address: SocketAddr,
        sessions: Sessions,
        verdict: Verdict,
        script: impl FnOnce(&mut Peer) -> T + Send + 'static,
    ) -> Running<T> {
        let listener = TcpListener::bind(address).expect("a free port");
        let address = listener.local_addr().expect("its address");
        let (requests, incoming) = unbounded();
        let (closing, closed) = unbounded();
        let stopping = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&stopping);
        let acceptor = thread::spawn(move || {
            for connection in 0.. {
                let Ok((socket, _)) = listener.accept() else { return };
                if stop.load(Ordering::Acquire) {
                    return;
                }
                socket.set_nodelay(true).expect("TCP_NODELAY");
                let (requests, closing) = (requests.clone(), closing.clone());
                let wire = Arc::new(Mutex::new(sessions.wire(Side::Client)));
                thread::spawn(move || {
                    read_requests(connection, &Arc::new(socket), &requests, &wire);
                    let _ = closing.send(connection);
                });
            }
        });
        let (done, result) = bounded(1);
        thread::spawn(move || {
            let mut peer = Peer { address, requests: incoming, closed };
            let script = std::panic::AssertUnwindSafe(|| script(&mut peer));
            let _ = done.send(std::panic::catch_unwind(script));
        });
        Running { address, done: result, stopping, acceptor: Some(acceptor), _verdict: verdict }
    }

    /// The next request, on whatever connection.
    pub fn request(&mut self) -> Request {
        self.requests.recv_timeout(BOUND).expect("another request")
    }

    /// Whether there is no request at this moment.
    pub fn is_quiet(&self) -> bool {
        self.requests.is_empty()
    }

    /// Waits until the client has closed a connection, and says which.
    pub fn closed(&mut self) -> u64 {
        self.closed.recv_timeout(BOUND).expect("a connection that the client closes")
    }

    /// Waits until the client has closed this connection.
    pub fn wait_closed(&mut self, connection: u64) {
        while self.closed() != connection {}
    }

    /// Takes the GET and opens the stream; no event yet.
    pub fn stream(&mut self) -> Stream {
        let get = self.request();
        assert_eq!(get.method, "GET");
        get.open()
    }

    /// Opens the stream, announces [`ENDPOINT`] and shakes hands.
    pub fn handshake(&mut self) -> Stream {
        let mut stream = self.stream();
        stream.event("endpoint", ENDPOINT);
        self.shake(&mut stream);
        stream
    }

    /// The handshake, after the endpoint was announced.
    pub fn shake(&mut self, stream: &mut Stream) {
        let initialize = self.request();
        initialize.accepted();
        stream.reply(&initialize, INITIALIZE_RESULT);
        let initialized = self.request();
        assert_eq!(initialized.json()["method"], "notifications/initialized");
        initialized.accepted();
    }

    /// `http://127.0.0.1:PORT`.
    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// What [`Peer::shake`] answers to `initialize`.
pub const INITIALIZE_RESULT: &str = r#"{"protocolVersion":"2024-11-05","capabilities":{"tools":{},"logging":{}},"serverInfo":{"name":"scripted","version":"1"}}"#;

impl Request {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a JSON body")
    }

    /// The method of the message in the body.
    pub fn message_method(&self) -> String {
        self.json()["method"].as_str().unwrap_or_default().to_owned()
    }

    /// The id of the message in the body, as it is written.
    pub fn id(&self) -> String {
        self.json()["id"].to_string()
    }

    /// Writes these bytes as the answer, or a part of it. A client that is gone is no failure of the script.
    pub fn answer(&self, bytes: impl AsRef<[u8]>) {
        locked(&self.wire).answered(bytes.as_ref());
        let _ = (&*self.socket).write_all(bytes.as_ref());
    }

    /// Answers with a status line such as `404 Not Found` and a text.
    pub fn status(&self, status: &str, body: &str) {
        self.answer(format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
    }

    /// 202, as the official servers say it.
    pub fn accepted(&self) {
        self.status("202 Accepted", "Accepted");
    }

    /// Answers a GET with a stream in chunks.
    pub fn open(&self) -> Stream {
        self.open_with("")
    }

    /// The same with more header lines.
    pub fn open_with(&self, headers: &str) -> Stream {
        let framing = "Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n";
        self.answer(format!("HTTP/1.1 200 OK\r\n{framing}{headers}\r\n"));
        self.body_in_chunks()
    }

    /// What follows a head that says that its body is in chunks.
    pub fn body_in_chunks(&self) -> Stream {
        Stream {
            socket: Arc::clone(&self.socket),
            wire: Arc::clone(&self.wire),
            chunked: true,
            connection: self.connection,
        }
    }

    /// Answers a GET with a stream that ends with its connection.
    pub fn open_unframed(&self) -> Stream {
        self.answer("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n\r\n");
        Stream {
            socket: Arc::clone(&self.socket),
            wire: Arc::clone(&self.wire),
            chunked: false,
            connection: self.connection,
        }
    }

    /// Takes no more bytes off the connection, as a server that hangs.
    pub fn stop_reading(&self) {
        self.paused.store(true, Ordering::Release);
    }

    /// Ends the connection without an answer.
    pub fn hang_up(&self) {
        let _ = self.socket.shutdown(Shutdown::Both);
    }
}

impl Stream {
    /// Writes bytes of the stream, as one chunk. False when the client is gone.
    pub fn raw(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        let bytes = bytes.as_ref();
        let mut out = Vec::new();
        if self.chunked {
            out.extend_from_slice(format!("{:x}\r\n", bytes.len()).as_bytes());
            out.extend_from_slice(bytes);
            out.extend_from_slice(b"\r\n");
        } else {
            out.extend_from_slice(bytes);
        }
        locked(&self.wire).answered(&out);
        (&*self.socket).write_all(&out).is_ok()
    }

    /// Writes one event.
    pub fn event(&mut self, event: &str, data: &str) {
        self.raw(format!("event: {event}\ndata: {data}\n\n"));
    }

    /// Writes one `message` event.
    pub fn message(&mut self, data: &str) {
        self.event("message", data);
    }

    /// Writes the reply to a request.
    pub fn reply(&mut self, request: &Request, result: &str) {
        self.message(&format!(r#"{{"jsonrpc":"2.0","id":{},"result":{result}}}"#, request.id()));
    }

    /// Writes a text result of a tool.
    pub fn reply_text(&mut self, request: &Request, text: &str) {
        let text = Value::from(text);
        self.reply(request, &format!(r#"{{"content":[{{"type":"text","text":{text}}}]}}"#));
    }

    /// Ends the connection in the middle of whatever was written.
    pub fn cut(&mut self) {
        let _ = self.socket.shutdown(Shutdown::Both);
    }

    /// Ends the stream as HTTP ends it.
    pub fn end(&mut self) {
        if self.chunked {
            let _ = (&*self.socket).write_all(b"0\r\n\r\n");
        }
        self.cut();
    }
}

impl<T> Running<T> {
    /// A URL on this server.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits for the end of the script; a panic in it is one of the test.
    pub fn finish(self) -> T {
        match self.done.recv_timeout(BOUND).expect("the script ends") {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}

impl<T> Drop for Running<T> {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Release);
        // One more connection, so that `accept` returns and the port is given back.
        let _ = TcpStream::connect(self.address);
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
    }
}

/// Reads requests off a connection until it ends.
fn read_requests(connection: u64, socket: &Arc<TcpStream>, requests: &Sender<Request>, wire: &Arc<Mutex<Wire>>) {
    let mut input = Vec::new();
    let paused = Arc::new(AtomicBool::new(false));
    loop {
        match parse(&input, connection, socket, &paused, wire) {
            Some((request, used)) => {
                input.drain(..used);
                if requests.send(request).is_err() {
                    return;
                }
            }
            None => {
                while paused.load(Ordering::Acquire) {
                    // Until the client is gone: a connection that was shut down becomes writable no more.
                    match socket.peek(&mut [0]) {
                        Ok(n) if n > 0 && socket.take_error().is_ok_and(|error| error.is_none()) => thread::yield_now(),
                        _ => return,
                    }
                }
                let mut chunk = [0; 16 * 1024];
                match (&**socket).read(&mut chunk) {
                    Ok(n) if n > 0 => {
                        locked(wire).requested(&chunk[..n]);
                        input.extend_from_slice(&chunk[..n]);
                    }
                    _ => return,
                }
            }
        }
    }
}

/// A request with a sized body or none, and its length; `None` when there is more to come.
fn parse(
    input: &[u8],
    connection: u64,
    socket: &Arc<TcpStream>,
    paused: &Arc<AtomicBool>,
    wire: &Arc<Mutex<Wire>>,
) -> Option<(Request, usize)> {
    let end = input.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(&input[..end]);
    let mut lines = head.lines();
    let mut words = lines.next()?.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length: usize = length.map_or(0, |(_, value)| value.parse().expect("a length"));
    let body = input.get(end..end + length)?.to_owned();
    Some((
        Request {
            method,
            target,
            headers,
            body,
            connection,
            socket: Arc::clone(socket),
            paused: Arc::clone(paused),
            wire: Arc::clone(wire),
        },
        end + length,
    ))
}

impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut text = String::new();
        let _ = write!(text, "{} {} {}", self.method, self.target, String::from_utf8_lossy(&self.body));
        f.write_str(&text)
    }
}
