//! The limit of a client: the same exchange on one bare blocking socket. One write of the POST, one read of its answer;
//! nothing allocated, parsed or locked on the way.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use crate::case::TEXT;

/// A connection whose requests and answers are known beforehand but for the digits of their id.
pub(crate) struct Bare {
    socket: TcpStream,
    id: u32,
    request: Vec<u8>,
    request_id: usize,
    answer: Vec<u8>,
    answer_id: usize,
    input: Vec<u8>,
}

impl Bare {
    /// Opens the connection and makes a first call of `tool`, from whose answer the later ones are known.
    pub(crate) fn open(host: SocketAddr, tool: &str) -> io::Result<Self> {
        let mut socket = TcpStream::connect(host)?;
        socket.set_nodelay(true)?;
        let id = 10_000_000;
        let body = format!(
            r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"{tool}","arguments":{{"text":"{TEXT}"}}}}}}"#
        );
        let request = format!(
            "POST /mcp HTTP/1.1\r\nHost: {host}\r\nAccept: application/json, text/event-stream\r\n\
             Content-Type: application/json\r\nMCP-Protocol-Version: 2025-11-25\r\nMcp-Session-Id: 0123456789abcdef\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes();
        let mut input = vec![0; 16 * 1024];
        socket.write_all(&request)?;
        let read = socket.read(&mut input)?;
        let answer = input[..read].to_owned();
        let find = |bytes: &[u8]| {
            let found = bytes.windows(8).position(|window| window == b"10000000");
            found.ok_or_else(|| io::Error::other(format!("no id in {:?}", String::from_utf8_lossy(bytes))))
        };
        let (request_id, answer_id) = (find(&request)?, find(&answer)?);
        Ok(Self { socket, id, request, request_id, answer, answer_id, input })
    }

    /// One `tools/call`, judged by comparing bytes.
    pub(crate) fn call(&mut self) -> io::Result<()> {
        self.id += 1;
        write_digits(&mut self.request[self.request_id..self.request_id + 8], self.id);
        write_digits(&mut self.answer[self.answer_id..self.answer_id + 8], self.id);
        self.socket.write_all(&self.request)?;
        let mut filled = 0;
        while filled < self.answer.len() {
            match self.socket.read(&mut self.input[filled..])? {
                0 => return Err(io::Error::other("the server closed the connection")),
                count => filled += count,
            }
        }
        if self.input[..filled] == self.answer { Ok(()) } else { Err(io::Error::other("another answer")) }
    }
}

fn write_digits(place: &mut [u8], mut number: u32) {
    for digit in place.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}
