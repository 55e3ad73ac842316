//! What has to hold of an engine whatever its peers do: found out by doing much of it, in any order.

use alloc::format;
use alloc::string::String;
use alloc::vec;
use core::time::Duration;

use super::*;
use crate::server::Server;

/// A cheap generator; its seed is the number of the run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 33) as usize % bound
    }
}

struct World {
    engine: Engine,
    random: Random,
    now: Instant,
    conns: Vec<(ConnId, bool)>,
    endpoints: Vec<String>,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut count = 0u128;
        let server = Server::new("test", "1")
            .limits(|limits| {
                limits.connections = 12;
                limits.sessions = 4;
                limits.head_bytes = 400;
                limits.body_bytes = 300;
                limits.buffered_bytes = 600;
                limits.output_bytes = 2000;
                limits.unsent_bytes = 3000;
            })
            .timeouts(|timeouts| {
                timeouts.session_idle = Some(Duration::from_secs(40));
                if seed.is_multiple_of(2) {
                    // Every deadline may be the longest or the shortest, and no comments wake the engine anyhow.
                    let mut seconds = Random((seed + 1).wrapping_mul(0x2545_f491_4f6c_dd1d));
                    let mut seconds = || Duration::from_secs([1, 5, 30, 200][seconds.below(4)]);
                    timeouts.keep_alive = None;
                    timeouts.session_idle = Some(seconds());
                    timeouts.handshake = seconds();
                    (timeouts.head, timeouts.body) = (seconds(), seconds());
                    (timeouts.idle, timeouts.write) = (seconds(), seconds());
                }
            });
        let entropy = move |secret: &mut Secret| {
            count += 1;
            *secret = count.to_le_bytes();
            // Now and then there are none.
            !count.is_multiple_of(17)
        };
        let engine = server.engine(entropy).unwrap();
        let random = Random(0x9e37_79b9_7f4a_7c15 ^ (seed + 1).wrapping_mul(0x2545_f491_4f6c_dd1d));
        Self { engine, random, now: Instant::ZERO, conns: Vec::new(), endpoints: vec!["/messages".into()] }
    }

    fn request(&mut self) -> String {
        let endpoint = self.endpoints[self.random.below(self.endpoints.len())].clone();
        let messages = [
            r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-03-26","capabilities":{},"clientInfo":{"name":"t","version":"0"}}}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#,
            r#"{"jsonrpc":"2.0","id":2,"method":"tools/list"}"#,
            r#"[{"jsonrpc":"2.0","id":3,"method":"ping"},4]"#,
            "nonsense",
        ];
        let body = messages[self.random.below(messages.len())];
        let length = body.len();
        let post = "Host: localhost\r\nContent-Type: application/json\r\n";
        match self.random.below(8) {
            0 => "GET /sse HTTP/1.1\r\nHost: localhost\r\n\r\n".into(),
            1 => "GET /nowhere HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost\r\n\r\n".into(),
            2 => format!(
                "POST {endpoint} HTTP/1.1\r\n{post}Transfer-Encoding: chunked\r\n\r\n{length:x}\r\n{body}\r\n0\r\n\r\n"
            ),
            3 => format!(
                "POST {endpoint} HTTP/1.1\r\n{post}Expect: 100-continue\r\nContent-Length: {length}\r\n\r\n{body}"
            ),
            4 => format!("POST /sse HTTP/1.0\r\nContent-Length: {length}\r\n\r\n{body}"),
            5 => "POST /messages HTTP/1.1\r\nHost: localhost\r\nContent-Length: 301\r\n\r\n".into(),
            _ => format!("POST {endpoint} HTTP/1.1\r\n{post}Content-Length: {length}\r\n\r\n{body}"),
        }
    }

    fn act(&mut self) {
        match self.random.below(20) {
            0 => {
                if let Some(id) = self.engine.accept(self.now) {
                    self.conns.push((id, true));
                }
            }
            1 if !self.conns.is_empty() => {
                let (id, _) = self.conns[self.random.below(self.conns.len())];
                if self.random.below(2) == 0 {
                    self.engine.ended(id, self.now);
                } else {
                    self.engine.closed(id);
                    self.conns.retain(|(open, _)| *open != id);
                }
            }
            2 if !self.conns.is_empty() => {
                let index = self.random.below(self.conns.len());
                self.conns[index].1 ^= true;
                self.flush(self.conns[index].0);
            }
            3 => {
                self.now = self.now + Duration::from_millis(self.random.below(20_000) as u64);
                self.engine.handle_timeouts(self.now);
            }
            _ if !self.conns.is_empty() => {
                let (id, _) = self.conns[self.random.below(self.conns.len())];
                let request = self.request();
                let bytes = request.as_bytes();
                let from = if self.random.below(4) == 0 { self.random.below(bytes.len()) } else { 0 };
                let to =
                    if self.random.below(3) == 0 { from + self.random.below(bytes.len() - from) } else { bytes.len() };
                self.engine.received(id, self.now, &bytes[from..to]);
            }
            _ => {}
        }
        while let Some(id) = self.engine.next_ready() {
            self.flush(id);
        }
    }

    fn flush(&mut self, id: ConnId) {
        let Some((_, reads)) = self.conns.iter().find(|(open, _)| *open == id) else { return };
        let output = self.engine.output(id);
        let text = String::from_utf8_lossy(output);
        if let Some((_, rest)) = text.split_once("event: endpoint\ndata: ") {
            let endpoint = rest.lines().next().unwrap_or_default().into();
            self.endpoints.push(endpoint);
        }
        let count = if *reads { output.len() } else { output.len().min(10) };
        self.engine.sent(id, self.now, count);
        match self.engine.next(id) {
            Next::Wait => {}
            Next::HalfClose => self.engine.half_closed(id),
            Next::Close => {
                self.engine.closed(id);
                self.conns.retain(|(open, _)| *open != id);
            }
        }
    }

    fn check(&self) {
        let engine = &self.engine;
        let held: usize = engine.conns.keys().filter_map(|key| engine.conns.get(key)).map(Conn::held).sum();
        assert_eq!(engine.held, held, "what is held is counted");
        assert!(held <= 600 + 400, "and bounded: {held}");
        assert!(engine.conns.len() <= 12 + TURNED_AWAY && engine.sessions.len() <= 4);
        let unsent: usize =
            engine.conns.keys().filter_map(|key| engine.conns.get(key)).map(|conn| conn.output.len()).sum();
        assert_eq!(engine.unsent, unsent, "what is unsent is counted");
        assert!(unsent <= 3000 + 1000, "and bounded: {unsent}");
        let mut streams = 0;
        for key in engine.conns.keys() {
            let conn = engine.conns.get(key).unwrap();
            assert!(conn.unsent().len() < 2000 + 1000, "output is bounded: {}", conn.unsent().len());
            assert!(conn.output.capacity() == 0 || !conn.unsent().is_empty(), "an idle connection holds no buffer");
            if let Phase::Stream(session) = conn.phase {
                streams += 1;
                assert_eq!(engine.sessions.get(session).and_then(|session| session.stream()), Some(key));
            }
            let due = engine.due(conn);
            assert!(due.is_none_or(|due| conn.armed.covers(due)), "what is due comes up: {conn:?}");
            assert!(due.is_none_or(|due| engine.next_wake().is_some_and(|wake| wake <= due)));
        }
        assert_eq!(streams, engine.sessions.len(), "a session has its stream and a stream its session");
    }
}

#[test]
fn whatever_peers_do_all_is_counted_bounded_and_comes_to_an_end() {
    let mut sessions = 0;
    for seed in 0..300 {
        let mut world = World::new(seed);
        for _ in 0..300 {
            world.act();
            world.check();
        }
        sessions += world.endpoints.len() - 1;
        world.engine.stop(world.now);
        while let Some(id) = world.engine.next_ready() {
            world.flush(id);
        }
        // Five seconds for requests in flight, two for what is unsent.
        for _ in 0..8 {
            world.now = world.now + Duration::from_secs(1);
            world.engine.handle_timeouts(world.now);
            while let Some(id) = world.engine.next_ready() {
                world.flush(id);
            }
        }
        assert!(world.engine.is_stopped(), "run {seed}: {:?}", world.engine);
        assert_eq!((world.engine.held, world.engine.unsent, world.engine.sessions()), (0, 0, 0));
    }
    assert!(sessions > 300, "the runs get far enough: {sessions} sessions");
}

#[test]
fn connections_that_are_gone_leave_nothing_behind() {
    let mut engine = Server::new("test", "1").engine(|_| true).unwrap();
    let kept = engine.accept(Instant::ZERO).unwrap();
    for _ in 0..10_000 {
        let id = engine.accept(Instant::ZERO).unwrap();
        engine.received(id, Instant::ZERO, b"GET /sse HTTP/1.1\r\nHost: localhost\r\n\r\n");
        assert_eq!(engine.next_ready(), Some(id));
        engine.closed(id);
    }
    assert!(engine.timers.len() < 100, "{} deadlines", engine.timers.len());
    engine.handle_timeouts(Instant::from_elapsed(Duration::from_secs(75)));
    assert_eq!(engine.next_ready(), Some(kept), "the deadline of who stayed still comes up");
}
