//! The least a single-threaded Streamable HTTP server can do: one `epoll` loop, canned replies, and just enough parsing to
//! put the right id into them. Whatever a real server costs above this is its own work.
//!
//! It is no server to deploy: it checks nothing, bounds nothing and trusts its peer.

use std::io::{self, Read as _, Write as _};
use std::net::SocketAddr;

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};

use crate::case::TEXT;

const JSON_HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ";
const EVENTS_HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n";
const STREAM_HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\n\r\n";
const ACCEPTED: &str = "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n";
const INITIALIZED: &str =
    r#"{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"floor","version":"0"}}"#;
const PROGRESS: &str =
    r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"bench","progress":1.0}}"#;

const LISTENER: Token = Token(usize::MAX);

/// Serves until the process is killed. `ready` is told the address once connections are accepted.
pub(crate) fn serve(listen: SocketAddr, ready: impl FnOnce(SocketAddr)) -> io::Result<()> {
    let mut poll = Poll::new()?;
    let mut listener = TcpListener::bind(listen)?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    ready(listener.local_addr()?);
    let mut connections: Vec<Option<TcpStream>> = Vec::new();
    let mut free = Vec::new();
    let (mut input, mut output, mut body) = (vec![0; 16 * 1024], Vec::new(), Vec::new());
    let mut events = Events::with_capacity(256);
    loop {
        poll.poll(&mut events, None)?;
        for event in &events {
            let Token(index) = event.token();
            if event.token() == LISTENER {
                while let Ok((mut socket, _)) = listener.accept() {
                    socket.set_nodelay(true)?;
                    let index = free.pop().unwrap_or(connections.len());
                    poll.registry().register(&mut socket, Token(index), Interest::READABLE)?;
                    if index == connections.len() {
                        connections.push(Some(socket));
                    } else {
                        connections[index] = Some(socket);
                    }
                }
                continue;
            }
            let Some(socket) = &mut connections[index] else { continue };
            match socket.read(&mut input) {
                Ok(0) | Err(_) => {
                    connections[index] = None;
                    free.push(index);
                }
                Ok(count) => {
                    // One request a read: clients of this bench wait for each answer and write each request at once.
                    output.clear();
                    answer(&input[..count], &mut body, &mut output);
                    let _ = socket.write(&output);
                }
            }
        }
    }
}

fn answer(request: &[u8], body: &mut Vec<u8>, output: &mut Vec<u8>) {
    if request.starts_with(b"GET") {
        return output.extend_from_slice(STREAM_HEAD.as_bytes());
    }
    let Some(id) = find(request, b"\"id\":").map(|at| &request[at + 5..]) else {
        return output.extend_from_slice(ACCEPTED.as_bytes());
    };
    let id = &id[..id.iter().position(|&byte| byte == b',' || byte == b'}').unwrap_or(id.len())];
    let method = find(request, b"\"method\":\"").map_or(&b""[..], |at| &request[at + 10..]);
    body.clear();
    body.extend_from_slice(b"{\"jsonrpc\":\"2.0\",\"id\":");
    body.extend_from_slice(id);
    body.extend_from_slice(b",\"result\":");
    let mut session = "";
    if method.starts_with(b"initialize\"") {
        session = "Mcp-Session-Id: 0123456789abcdef\r\n";
        body.extend_from_slice(INITIALIZED.as_bytes());
    } else {
        // Writing into a `Vec` cannot fail.
        let _ = write!(body, "{{\"content\":[{{\"type\":\"text\",\"text\":\"{TEXT}\"}}]}}");
    }
    body.push(b'}');
    if find(method, b"\"name\":\"report\"").is_some() {
        output.extend_from_slice(EVENTS_HEAD.as_bytes());
        chunk(output, "id: 1-1\ndata: \n\n".as_bytes());
        chunk(output, format!("id: 1-2\ndata: {PROGRESS}\n\n").as_bytes());
        let event = [b"id: 1-3\ndata: ", &body[..], b"\n\n"].concat();
        chunk(output, &event);
        return output.extend_from_slice(b"0\r\n\r\n");
    }
    let _ = write!(output, "{JSON_HEAD}{}\r\n{session}\r\n", body.len());
    output.extend_from_slice(body);
}

fn chunk(output: &mut Vec<u8>, bytes: &[u8]) {
    let _ = write!(output, "{:x}\r\n", bytes.len());
    output.extend_from_slice(bytes);
    output.extend_from_slice(b"\r\n");
}

/// Where `needle` first begins.
fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    memchr::memmem::find(haystack, needle)
}
