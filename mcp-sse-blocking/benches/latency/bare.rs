//! The limit of a client: the same exchange on two bare blocking sockets. One write of the POST, one read of its 202, one
//! read of the event; nothing allocated, parsed or locked on the way.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use crate::wire::{EventStream, Incoming, call, post, unexpected};

/// A session whose requests and answers are known beforehand but for the digits of their id.
pub(crate) struct Bare {
    posts: TcpStream,
    stream: TcpStream,
    id: u32,
    request: Vec<u8>,
    request_id: usize,
    accepted: usize,
    event: Vec<u8>,
    event_id: usize,
    input: Vec<u8>,
}

impl Bare {
    /// Opens the session and makes a first call, from whose answer the later ones are known.
    pub(crate) fn open(host: SocketAddr, text: &str) -> io::Result<Self> {
        let mut stream = EventStream::open(host)?;
        let mut posts = Incoming::connect(host)?;
        stream.initialize(&mut posts, host)?;
        let id = 10_000_000;
        let request = post(host, &stream.endpoint, &call(id, text));
        let accepted = posts.exchange(&request)?.len();
        let event = stream.event()?;
        let find = |bytes: &[u8]| bytes.windows(8).position(|window| window == b"10000000");
        let request_id = find(&request).ok_or_else(|| unexpected("request", &request))?;
        let event_id = find(&event).ok_or_else(|| unexpected("event", &event))?;
        let (posts, stream) = (posts.socket, stream.incoming.socket);
        Ok(Self { posts, stream, id, request, request_id, accepted, event, event_id, input: vec![0; 16 * 1024] })
    }

    /// One `tools/call`, judged by comparing bytes.
    pub(crate) fn call(&mut self) -> io::Result<()> {
        self.id += 1;
        write_digits(&mut self.request[self.request_id..self.request_id + 8], self.id);
        write_digits(&mut self.event[self.event_id..self.event_id + 8], self.id);
        self.posts.write_all(&self.request)?;
        read(&mut self.posts, &mut self.input, self.accepted)?;
        let event = read(&mut self.stream, &mut self.input, self.event.len())?;
        if event == self.event { Ok(()) } else { Err(unexpected("answer on the stream", event)) }
    }
}

/// Exactly `wanted` bytes, usually in one read: nothing else is on its way.
fn read<'a>(socket: &mut TcpStream, input: &'a mut [u8], wanted: usize) -> io::Result<&'a [u8]> {
    let mut filled = 0;
    while filled < wanted {
        match socket.read(&mut input[filled..])? {
            0 => return Err(io::Error::other("the server closed a connection")),
            count => filled += count,
        }
    }
    if filled == wanted { Ok(&input[..filled]) } else { Err(unexpected("length of an answer", &input[..filled])) }
}

fn write_digits(place: &mut [u8], mut number: u32) {
    for digit in place.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}
