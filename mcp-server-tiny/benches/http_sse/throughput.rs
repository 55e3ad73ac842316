//! `tools/call` over HTTP+SSE from 64 sessions at once, each with one open event stream, one kept connection for its
//! POSTs and one call in flight. One thread of load on one CPU, the server alone on another.
//!
//! The load is made cheaper than any server: requests are written beforehand but for the digits of their id, and an
//! answer is right when it equals, byte for byte, the session's first answer with the new id in it. That first answer
//! is parsed and judged in full.

use std::io::{self, Read as _, Write as _};
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use serde_json::{Value, json};

use crate::floor::TEXT;
use crate::harness::process::{Server, own_cpu_time, pin_self, two_cpus};
use crate::harness::report::{Table, median};
use crate::wire::{EventStream, Incoming, call, post, unexpected};

const SESSIONS: u32 = 64;
/// Many short rounds: what else a machine does then falls on both servers alike.
const ROUNDS: usize = 31;
const WARM_UP: Duration = Duration::from_millis(100);
const MEASURED: Duration = Duration::from_millis(400);

/// Measures each of `servers` in turn, round after round, and prints the medians. The first one is the limit.
pub(crate) fn run(servers: &[&str]) -> io::Result<()> {
    let cpus = two_cpus();
    if let Some((_, asking)) = cpus {
        pin_self(asking)?;
    }
    let mut rounds: Vec<Vec<Round>> = servers.iter().map(|_| Vec::new()).collect();
    let children: Vec<Server> =
        servers.iter().map(|role| Server::start(role, cpus.map(|(serving, _)| serving))).collect::<io::Result<_>>()?;
    for _ in 0..ROUNDS {
        for (server, rounds) in children.iter().zip(&mut rounds) {
            rounds.push(Load::open(server)?.measure(server)?);
        }
    }

    println!("\ntools/call over HTTP+SSE, {SESSIONS} sessions, {ROUNDS} interleaved rounds of {MEASURED:?}, medians");
    match cpus {
        Some((serving, asking)) => println!("server on CPU {serving}, load on CPU {asking}"),
        None => println!("not pinned: fewer than two CPUs, or no `taskset`"),
    }
    let mut table =
        Table::new(&["server", "calls/s", "of limit", "best round", "us CPU/call", "server busy", "load busy"]);
    for (role, own) in servers.iter().zip(&rounds) {
        // Of the pairs of one round, not of the medians: what disturbs the machine disturbs both of a pair.
        let ratio = median(own.iter().zip(&rounds[0]).map(|(own, limit)| own.rate / limit.rate));
        table.row(&[
            (*role).to_owned(),
            format!("{:.0}", median(own.iter().map(|round| round.rate))),
            format!("{ratio:.2}"),
            format!("{:.0}", own.iter().map(|round| round.rate).fold(0.0, f64::max)),
            format!("{:.1}", median(own.iter().map(|round| round.cpu_per_call))),
            format!("{:.0} %", median(own.iter().map(|round| round.server_busy * 100.0))),
            format!("{:.0} %", median(own.iter().map(|round| round.load_busy * 100.0))),
        ]);
    }
    table.print();
    if rounds.iter().any(|own| median(own.iter().map(|round| round.server_busy)) < 0.9) {
        println!(
            "a server's CPU was not busy all the time: something else runs here, trust the us CPU/call and the best rounds"
        );
    }
    println!(
        "target: at least 0.80 of the limit, at most 10.5 us where the limit takes 7.9; every answer was checked\n"
    );
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
    sessions: Vec<Session>,
    input: Vec<u8>,
    calls: u64,
}

/// One call in flight, always.
struct Session {
    posts: TcpStream,
    stream: TcpStream,
    id: u32,
    request: Vec<u8>,
    /// Where the id's digits are in `request`.
    request_id: usize,
    event: Vec<u8>,
    /// Where the id's digits are in `event`.
    event_id: usize,
    /// How much of `event` has come for this call.
    event_read: usize,
    accepted: usize,
    /// How much of the `accepted` bytes of a 202 has come for this call.
    accepted_read: usize,
}

impl Load {
    fn open(server: &Server) -> io::Result<Self> {
        let poll = Poll::new()?;
        let mut sessions = Vec::new();
        for index in 0..SESSIONS {
            let mut session = Session::open(server, index)?;
            let token = index as usize * 2;
            poll.registry().register(&mut session.posts, Token(token), Interest::READABLE)?;
            poll.registry().register(&mut session.stream, Token(token + 1), Interest::READABLE)?;
            sessions.push(session);
        }
        Ok(Self { poll, sessions, input: vec![0; 16 * 1024], calls: 0 })
    }

    fn measure(mut self, server: &Server) -> io::Result<Round> {
        for session in &mut self.sessions {
            session.ask()?;
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
                let token = event.token().0;
                let session = &mut self.sessions[token / 2];
                if token % 2 == 0 {
                    session.read_accepted(&mut self.input)?;
                } else {
                    session.read_event(&mut self.input)?;
                }
                if session.answered() {
                    self.calls += 1;
                    session.next()?;
                }
            }
        }
        Ok(())
    }
}

impl Session {
    /// Opens the session and makes its first call, from whose answer the later ones are known.
    fn open(server: &Server, index: u32) -> io::Result<Self> {
        let host = server.address;
        let mut stream = EventStream::open(host)?;
        let mut posts = Incoming::connect(host)?;
        stream.initialize(&mut posts, host)?;

        // Always eight digits, and a range of its own for each session: an answer to the wrong session is seen.
        let id = 10_000_000 + index * 1_000_000;
        let request = post(host, &stream.endpoint, &call(id, TEXT));
        let accepted = posts.exchange(&request)?.len();
        let event = stream.event()?;
        check(&event, id)?;

        let digits = id.to_string();
        let find = |bytes: &[u8]| bytes.windows(digits.len()).position(|window| window == digits.as_bytes());
        let request_id = find(&request).ok_or_else(|| unexpected("request", &request))?;
        let event_id = find(&event).ok_or_else(|| unexpected("event", &event))?;
        let [posts, stream] = [posts.socket, stream.incoming.socket].map(|socket| {
            socket.set_nonblocking(true)?;
            Ok::<_, io::Error>(TcpStream::from_std(socket))
        });
        let (event_read, accepted_read) = (0, 0);
        Ok(Self {
            posts: posts?,
            stream: stream?,
            id,
            request,
            request_id,
            event,
            event_id,
            event_read,
            accepted,
            accepted_read,
        })
    }

    fn ask(&mut self) -> io::Result<()> {
        let written = self.posts.write(&self.request)?;
        if written == self.request.len() { Ok(()) } else { Err(io::Error::other("a request was not taken whole")) }
    }

    fn read_event(&mut self, input: &mut [u8]) -> io::Result<()> {
        let Some(bytes) = read(&mut self.stream, input)? else { return Ok(()) };
        let wanted = &self.event[self.event_read..];
        if !wanted.starts_with(bytes) {
            return Err(unexpected("answer on the stream", bytes));
        }
        self.event_read += bytes.len();
        Ok(())
    }

    /// A 202 may hold a date, so its length is compared and its first line.
    fn read_accepted(&mut self, input: &mut [u8]) -> io::Result<()> {
        let Some(bytes) = read(&mut self.posts, input)? else { return Ok(()) };
        if (self.accepted_read == 0 && !bytes.starts_with(b"HTTP/1.1 202"))
            || self.accepted_read + bytes.len() > self.accepted
        {
            return Err(unexpected("answer to a POST", bytes));
        }
        self.accepted_read += bytes.len();
        Ok(())
    }

    fn answered(&self) -> bool {
        self.event_read == self.event.len() && self.accepted_read == self.accepted
    }

    fn next(&mut self) -> io::Result<()> {
        self.id += 1;
        self.event_read = 0;
        self.accepted_read = 0;
        write_digits(&mut self.request[self.request_id..self.request_id + 8], self.id);
        write_digits(&mut self.event[self.event_id..self.event_id + 8], self.id);
        self.ask()
    }
}

/// One read: answers are far shorter than `input`, so it takes all there is.
fn read<'a>(socket: &mut TcpStream, input: &'a mut [u8]) -> io::Result<Option<&'a [u8]>> {
    match socket.read(input) {
        Ok(0) => Err(io::Error::other("the server closed a connection")),
        Ok(count) => Ok(Some(&input[..count])),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}

fn check(event: &[u8], id: u32) -> io::Result<()> {
    let text = String::from_utf8_lossy(event);
    let data = text.lines().find_map(|line| line.strip_prefix("data: ")).unwrap_or_default();
    let answer: Value = serde_json::from_str(data)?;
    let content = json!([{"type": "text", "text": TEXT}]);
    let right = answer["id"] == json!(id) && answer["result"]["content"] == content;
    if right { Ok(()) } else { Err(unexpected("answer to the first call", event)) }
}

fn write_digits(place: &mut [u8], mut number: u32) {
    for digit in place.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}
