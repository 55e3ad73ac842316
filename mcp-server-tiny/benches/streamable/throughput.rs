//! `tools/call` over Streamable HTTP on 64 kept connections at once, each with one call in flight. One thread of load on one
//! CPU, the server alone on another.
//!
//! The load is made cheaper than any server: requests are written beforehand but for the digits of their id. A JSON answer is
//! right when it equals, byte for byte, the connection's first answer with the new id in it; an event stream, whose event ids
//! differ, when it is whole and has the id in it. The first answer is judged in full.

use std::io::{self, Read as _, Write as _};
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use crate::case::{Case, LAST_CHUNK, TEXT, exchange, unexpected};
use crate::harness::process::{Server, own_cpu_time, pin_self};
use crate::harness::report::{Table, median};

const CONNECTIONS: u32 = 64;
/// Many short rounds: what else a machine does then falls on both servers alike.
const ROUNDS: usize = 31;
const WARM_UP: Duration = Duration::from_millis(100);
const MEASURED: Duration = Duration::from_millis(400);

/// Measures each of `servers` in turn, round after round, and prints the medians. The first one is the limit.
pub(crate) fn run(servers: &[&str], case: Case, cpus: Option<(usize, usize)>) -> io::Result<()> {
    if let Some((_, asking)) = cpus {
        pin_self(asking)?;
    }
    let mut rounds: Vec<Vec<Round>> = servers.iter().map(|_| Vec::new()).collect();
    let children: Vec<Server> =
        servers.iter().map(|role| Server::start(role, cpus.map(|(serving, _)| serving))).collect::<io::Result<_>>()?;
    for _ in 0..ROUNDS {
        for (server, rounds) in children.iter().zip(&mut rounds) {
            rounds.push(Load::open(server, case)?.measure(server)?);
        }
    }

    println!("\ntools/call, {}", case.title());
    println!("{CONNECTIONS} kept connections, {ROUNDS} interleaved rounds of {MEASURED:?}, medians");
    if cpus.is_none() {
        println!("not pinned: fewer than two CPUs, or no `taskset`");
    }
    let mut table = Table::new(&["server", "calls/s", "of limit", "us CPU/call", "server busy", "load busy"]);
    for (role, own) in servers.iter().zip(&rounds) {
        // Of the pairs of one round, not of the medians: what disturbs the machine disturbs both of a pair.
        let ratio = median(own.iter().zip(&rounds[0]).map(|(own, limit)| own.rate / limit.rate));
        table.row(&[
            (*role).to_owned(),
            format!("{:.0}", median(own.iter().map(|round| round.rate))),
            format!("{ratio:.2}"),
            format!("{:.1}", median(own.iter().map(|round| round.cpu_per_call))),
            format!("{:.0} %", median(own.iter().map(|round| round.server_busy * 100.0))),
            format!("{:.0} %", median(own.iter().map(|round| round.load_busy * 100.0))),
        ]);
    }
    table.print();
    println!("target: {}; every answer was checked\n", case.target());
    Ok(())
}

struct Round {
    rate: f64,
    /// Microseconds of the server's CPU.
    cpu_per_call: f64,
    server_busy: f64,
    load_busy: f64,
}

struct Load {
    poll: Poll,
    connections: Vec<Connection>,
    calls: u64,
}

/// One call in flight, always.
struct Connection {
    case: Case,
    socket: TcpStream,
    id: u32,
    request: Vec<u8>,
    /// Where the id's digits are in `request`.
    request_id: usize,
    /// A JSON answer, with the id that is waited for; of an event stream nothing is foretold.
    answer: Vec<u8>,
    answer_id: usize,
    /// What has come for this call.
    came: Vec<u8>,
}

impl Load {
    fn open(server: &Server, case: Case) -> io::Result<Self> {
        let poll = Poll::new()?;
        let mut connections = Vec::new();
        for index in 0..CONNECTIONS {
            let mut connection = Connection::open(server, case, index)?;
            poll.registry().register(&mut connection.socket, Token(index as usize), Interest::READABLE)?;
            connections.push(connection);
        }
        Ok(Self { poll, connections, calls: 0 })
    }

    fn measure(mut self, server: &Server) -> io::Result<Round> {
        for connection in &mut self.connections {
            connection.ask()?;
        }
        self.run_for(WARM_UP)?;
        self.calls = 0;
        let (server_before, load_before, start) = (server.cpu_time(), own_cpu_time(), Instant::now());
        self.run_for(MEASURED)?;
        let elapsed = start.elapsed().as_secs_f64();
        let server_time = (server.cpu_time() - server_before).as_secs_f64();
        let load_time = (own_cpu_time() - load_before).as_secs_f64();
        if self.calls == 0 {
            return Err(io::Error::other("no answer in a whole round"));
        }
        let calls = self.calls as f64;
        Ok(Round {
            rate: calls / elapsed,
            cpu_per_call: server_time / calls * 1e6,
            server_busy: server_time / elapsed,
            load_busy: load_time / elapsed,
        })
    }

    fn run_for(&mut self, time: Duration) -> io::Result<()> {
        let end = Instant::now() + time;
        let mut events = Events::with_capacity(256);
        while Instant::now() < end {
            // Without sleeping: waking a thread on another CPU is paid for by whoever wakes it, and a server that is a
            // little slower than the load would pay it more often.
            self.poll.poll(&mut events, Some(Duration::ZERO))?;
            for event in &events {
                let connection = &mut self.connections[event.token().0];
                if connection.read()? {
                    self.calls += 1;
                    connection.next()?;
                }
            }
        }
        Ok(())
    }
}

impl Connection {
    /// Opens the connection and makes its first call, from whose answer the later ones are known.
    fn open(server: &Server, case: Case, index: u32) -> io::Result<Self> {
        // Always eight digits, and a range of its own for each connection: an answer to the wrong one is seen.
        let id = 10_000_000 + index * 1_000_000;
        let (mut socket, request) = case.open(server.address, id)?;
        let answer = exchange(&mut socket, &request)?;
        let text = format!(r#""content":[{{"type":"text","text":"{TEXT}"}}]"#);
        let is_right = answer.starts_with(b"HTTP/1.1 200 ") && find(&answer, text.as_bytes()).is_some();
        let events = find(&answer, b"text/event-stream").is_some();
        if !is_right || events != case.is_events() {
            return Err(unexpected("answer to the first call", &answer));
        }
        let digits = id.to_string();
        let request_id = find(&request, digits.as_bytes()).ok_or_else(|| unexpected("request", &request))?;
        let answer_id = find(&answer, digits.as_bytes()).ok_or_else(|| unexpected("answer", &answer))?;
        socket.set_nonblocking(true)?;
        let socket = TcpStream::from_std(socket);
        Ok(Self { case, socket, id, request, request_id, answer, answer_id, came: Vec::new() })
    }

    fn ask(&mut self) -> io::Result<()> {
        self.came.clear();
        let written = self.socket.write(&self.request)?;
        if written == self.request.len() { Ok(()) } else { Err(io::Error::other("a request was not taken whole")) }
    }

    /// Reads what is there; true when the answer is whole.
    fn read(&mut self) -> io::Result<bool> {
        let start = self.came.len();
        self.came.resize(start + 4096, 0);
        let count = match self.socket.read(&mut self.came[start..]) {
            Ok(0) => return Err(io::Error::other("the server closed a connection")),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            Err(error) => return Err(error),
        };
        self.came.truncate(start + count);
        if self.case.is_events() {
            let is_whole = self.came.ends_with(LAST_CHUNK);
            if is_whole && find(&self.came, &self.request[self.request_id..self.request_id + 8]).is_none() {
                return Err(unexpected("event stream", &self.came));
            }
            return Ok(is_whole);
        }
        if !self.answer.starts_with(&self.came) {
            return Err(unexpected("answer", &self.came));
        }
        Ok(self.came.len() == self.answer.len())
    }

    fn next(&mut self) -> io::Result<()> {
        self.id += 1;
        write_digits(&mut self.request[self.request_id..self.request_id + 8], self.id);
        write_digits(&mut self.answer[self.answer_id..self.answer_id + 8], self.id);
        self.ask()
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    memchr::memmem::find(haystack, needle)
}

fn write_digits(place: &mut [u8], mut number: u32) {
    for digit in place.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}
