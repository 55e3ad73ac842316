//! What is measured: one kind of request and its answer, on bare blocking sockets until it is known byte for byte.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// The tool that is answered as JSON.
pub(crate) const ECHO: &str = "echo";
/// The tool that reports progress first, so that it is answered with an event stream.
pub(crate) const REPORT: &str = "report";
/// The text that each call is answered with.
pub(crate) const TEXT: &str = "hello";

/// No answer of a server under test takes this long.
const PATIENCE: Duration = Duration::from_secs(10);

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Case {
    Stateless,
    Session,
    SessionEvents,
}

impl Case {
    pub(crate) const ALL: [Self; 3] = [Self::Stateless, Self::Session, Self::SessionEvents];

    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Stateless => "2026-07-28, JSON answer",
            Self::Session => "2025-11-25, JSON answer",
            Self::SessionEvents => "2025-11-25, event stream: priming event, progress, result",
        }
    }

    pub(crate) fn target(self) -> &'static str {
        match self {
            Self::Stateless => "at least 0.75 of the limit, at most 7 us where the limit takes 5.1",
            Self::Session => "at least 0.75 of the limit",
            Self::SessionEvents => "at least 0.65 of the limit",
        }
    }

    /// Whether the answer is an event stream: chunks whose event ids differ from call to call.
    pub(crate) fn is_events(self) -> bool {
        self == Self::SessionEvents
    }

    /// Opens what a client needs before its first call, on a connection of its own, and gives the request of a call.
    pub(crate) fn open(self, host: SocketAddr, id: u32) -> io::Result<(TcpStream, Vec<u8>)> {
        let mut socket = connect(host)?;
        if self == Self::Stateless {
            let meta = concat!(
                r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","#,
                r#""io.modelcontextprotocol/clientInfo":{"name":"bench","version":"0"},"#,
                r#""io.modelcontextprotocol/clientCapabilities":{}}"#
            );
            let fields = format!("MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\nMcp-Name: {ECHO}\r\n");
            return Ok((socket, post(host, &fields, &call(id, ECHO, meta))));
        }
        let session = open_session(&mut socket, host)?;
        let fields = format!("MCP-Protocol-Version: 2025-11-25\r\nMcp-Session-Id: {session}\r\n");
        let tool = if self.is_events() { REPORT } else { ECHO };
        Ok((socket, post(host, &fields, &call(id, tool, r#""_meta":{"progressToken":"bench"}"#))))
    }
}

/// The handshake: `initialize`, and `notifications/initialized`. Gives the session's id.
pub(crate) fn open_session(socket: &mut TcpStream, host: SocketAddr) -> io::Result<String> {
    let body = concat!(
        r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","#,
        r#""capabilities":{},"clientInfo":{"name":"bench","version":"0"}}}"#
    );
    let answer = exchange(socket, &post(host, "", body))?;
    let head = String::from_utf8_lossy(&answer).into_owned();
    let line = head.lines().find(|line| line.to_ascii_lowercase().starts_with("mcp-session-id:"));
    let session = line.and_then(|line| line.split_once(':')).map(|(_, value)| value.trim().to_owned());
    let session = session.ok_or_else(|| unexpected("answer to initialize", &answer))?;
    let fields = format!("MCP-Protocol-Version: 2025-11-25\r\nMcp-Session-Id: {session}\r\n");
    exchange(socket, &post(host, &fields, r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#))?;
    Ok(session)
}

pub(crate) fn connect(host: SocketAddr) -> io::Result<TcpStream> {
    let socket = TcpStream::connect(host)?;
    socket.set_nodelay(true)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    Ok(socket)
}

fn post(host: SocketAddr, fields: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "POST /mcp HTTP/1.1\r\nHost: {host}\r\nAccept: application/json, text/event-stream\r\n\
         Content-Type: application/json\r\n{fields}Content-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

fn call(id: u32, tool: &str, meta: &str) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"{tool}","arguments":{{"text":"{TEXT}"}},{meta}}}}}"#
    )
}

/// Sends a request and gives all bytes of its answer.
pub(crate) fn exchange(socket: &mut TcpStream, request: &[u8]) -> io::Result<Vec<u8>> {
    socket.write_all(request)?;
    let mut answer = Vec::new();
    loop {
        if let Some(body) = answer.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4) {
            let head = String::from_utf8_lossy(&answer[..body]).to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
            let is_whole = match length.and_then(|length| length.trim().parse::<usize>().ok()) {
                Some(length) => answer.len() >= body + length,
                None => answer.ends_with(LAST_CHUNK),
            };
            if is_whole {
                return Ok(answer);
            }
        }
        let mut buffer = [0; 4096];
        match socket.read(&mut buffer)? {
            0 => return Err(unexpected("end of the connection", &answer)),
            count => answer.extend_from_slice(&buffer[..count]),
        }
    }
}

/// How a chunked body ends. Sizes may be written with leading zeros.
pub(crate) const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// An error that quotes what came.
pub(crate) fn unexpected(what: &str, bytes: &[u8]) -> io::Error {
    let quote = String::from_utf8_lossy(&bytes[..bytes.len().min(600)]).into_owned();
    io::Error::new(io::ErrorKind::InvalidData, format!("unexpected {what}: {quote:?}"))
}
