//! What has to hold of an engine whatever its peers do: found out by doing much of it, in any order.

use alloc::format;
use alloc::string::String;
use alloc::vec;
use core::time::Duration;

use std::sync::{Arc, Mutex};

use super::exchange::Asked;
use super::*;
use crate::call::Call;
use crate::deferred::Deferred;
use crate::parts::{HttpSse, Listening};
use crate::result::Later;
use crate::server::Server;
use crate::sessions::Carrier;
use crate::tool::Tool;

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
    /// Ids of sessions over Streamable HTTP, and of events, that were seen.
    sessions: Vec<String>,
    events: Vec<String>,
    held: Arc<Mutex<Vec<Deferred>>>,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut count = 0u128;
        let held = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&held);
        let server = Server::new("test", "1")
            .tool(Tool::new("quick"), |call: &mut Call<'_>| {
                call.progress(1.0, None, None);
                call.announce(Change::Tools);
                Ok("x")
            })
            .tool(Tool::new("poll"), |call: &mut Call<'_>| {
                call.close_stream(None);
                Ok("x")
            })
            .tool(Tool::new("ask"), |call: &mut Call<'_>| Ok(call.roots("roots")?.roots.len()))
            .tool(Tool::new("later"), move |call: &mut Call<'_>| {
                kept.lock().unwrap().push(call.defer());
                Ok(Later)
            })
            .limits(|limits| {
                limits.connections = 12;
                limits.sessions = 4;
                limits.head_bytes = 400;
                limits.body_bytes = 300;
                limits.buffered_bytes = 600;
                limits.output_bytes = 2000;
                limits.unsent_bytes = 3000;
                (limits.replay_bytes, limits.replay_bytes_in_all) = (1000, 2000);
                limits.subscriptions = 2;
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
                    (timeouts.session_unused, timeouts.replay) = (seconds(), seconds());
                    timeouts.json_answer = seconds();
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
        Self {
            engine,
            random,
            now: Instant::ZERO,
            conns: Vec::new(),
            endpoints: vec!["/messages".into()],
            sessions: vec!["none".into()],
            events: vec!["0-0".into()],
            held,
        }
    }

    /// Mostly the last of them: older ones are seldom good for anything.
    fn recent(&mut self, seen: &[String]) -> String {
        let newest = seen.len() - 1;
        let at = if self.random.below(4) == 0 { self.random.below(seen.len()) } else { newest };
        seen[at].clone()
    }

    /// A request to the endpoint of Streamable HTTP.
    fn streamable(&mut self) -> String {
        const META: &str = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{},"progressToken":1}"#;
        let session = self.recent(&self.sessions.clone());
        let event = self.recent(&self.events.clone());
        let version = ["2025-03-26", "2025-11-25"][self.random.below(2)];
        let name = ["quick", "later", "poll", "ask"][self.random.below(4)];
        let host = "Host: localhost\r\nAccept: application/json, text/event-stream\r\n";
        let post = |fields: &str, body: &str| {
            let length = body.len();
            format!(
                "POST /mcp HTTP/1.1\r\n{host}Content-Type: application/json\r\n{fields}Content-Length: {length}\r\n\r\n{body}"
            )
        };
        let alone = |method: &str, fields: &str, params: &str| {
            let fields = format!("MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: {method}\r\n{fields}");
            post(&fields, &format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{{{params}{META}}}}}"#))
        };
        let of_session = format!("Mcp-Session-Id: {session}\r\n");
        let call = format!(
            r#"{{"jsonrpc":"2.0","id":{},"method":"tools/call","params":{{"name":"{name}","_meta":{{"progressToken":1}}}}}}"#,
            self.random.below(5)
        );
        match self.random.below(12) {
            0 | 1 => post(
                "",
                &format!(
                    r#"{{"jsonrpc":"2.0","id":0,"method":"initialize","params":{{"protocolVersion":"{version}","capabilities":{{"roots":{{}}}},"clientInfo":{{"name":"t","version":"0"}}}}}}"#
                ),
            ),
            2 => post(&of_session, r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#),
            3 | 4 => post(&of_session, &call),
            5 => post(&of_session, &format!("[{call},{call}]")),
            6 => post(&of_session, r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#),
            7 => post(&of_session, r#"{"jsonrpc":"2.0","id":1,"result":{"roots":[]}}"#),
            8 => format!("GET /mcp HTTP/1.1\r\n{host}{of_session}\r\n"),
            9 => format!("GET /mcp HTTP/1.1\r\n{host}{of_session}Last-Event-ID: {event}\r\n\r\n"),
            10 if self.random.below(3) == 0 => format!("DELETE /mcp HTTP/1.1\r\n{host}{of_session}\r\n"),
            10 => alone("subscriptions/listen", "", r#""notifications":{"toolsListChanged":true},"#),
            _ => alone("tools/call", &format!("Mcp-Name: {name}\r\n"), &format!(r#""name":"{name}","#)),
        }
    }

    /// A call that takes its time goes on.
    fn work(&mut self) {
        let mut held = self.held.lock().unwrap();
        if held.is_empty() {
            return;
        }
        let at = self.random.below(held.len());
        if self.random.below(2) == 0 {
            held[at].progress(self.random.below(100) as f64, None, None);
        } else {
            held.remove(at).answer(Ok("late"));
        }
        drop(held);
        while self.engine.deliver_replies(self.now) {}
    }

    fn request(&mut self) -> String {
        if self.random.below(2) == 0 {
            return self.streamable();
        }
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
            0 | 6 | 7 => {
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
            4 | 5 => self.work(),
            3 => {
                self.now = self.now + Duration::from_millis(self.random.below(20_000) as u64);
                self.engine.handle_timeouts(self.now);
            }
            _ if !self.conns.is_empty() => {
                let (id, _) = self.conns[self.random.below(self.conns.len())];
                let request = self.request();
                let bytes = request.as_bytes();
                let from = if self.random.below(12) == 0 { self.random.below(bytes.len()) } else { 0 };
                let to =
                    if self.random.below(8) == 0 { from + self.random.below(bytes.len() - from) } else { bytes.len() };
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
        for line in text.lines() {
            if let Some(session) = line.strip_prefix("Mcp-Session-Id: ") {
                self.sessions.push(session.into());
            } else if let Some(event) = line.strip_prefix("id: ") {
                self.events.push(event.into());
            }
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
        assert!(engine.conns.len() <= 12 + 32 && engine.sessions.len() <= 4);
        let unsent: usize =
            engine.conns.keys().filter_map(|key| engine.conns.get(key)).map(|conn| conn.output.len()).sum();
        assert_eq!(engine.unsent, unsent, "what is unsent is counted");
        assert!(unsent <= 3000 + 1000, "and bounded: {unsent}");
        let mut streams = 0;
        for key in engine.conns.keys() {
            let conn = engine.conns.get(key).unwrap();
            assert!(conn.unsent().len() < 2000 + 1000, "output is bounded: {}", conn.unsent().len());
            assert!(conn.output.capacity() == 0 || !conn.unsent().is_empty(), "an idle connection holds no buffer");
            if let Phase::Stream(session, _) = conn.phase {
                streams += 1;
                assert_eq!(engine.sessions.get(session).and_then(|session| session.stream()), Some(key));
            }
            let due = engine.due(conn);
            assert!(due.is_none_or(|due| conn.armed.covers(due)), "what is due comes up: {conn:?}");
            assert!(due.is_none_or(|due| engine.next_wake().is_some_and(|wake| wake <= due)));
        }
        let sessions = || engine.sessions.keys().map(|key| (key, engine.sessions.get(key).unwrap()));
        let over_sse = sessions().filter(|(_, session)| session.stream().is_some()).count();
        assert_eq!(streams, over_sse, "a session has its stream and a stream its session");
        let mut replayed = 0;
        for (key, session) in sessions() {
            let Carrier::Streams(streams) = &session.carrier else { continue };
            replayed += streams.replay.bytes();
            if let Some(conn) = streams.listener.conn {
                assert!(matches!(engine.conns.get(conn).unwrap().phase, Phase::Listening(of, _) if of == key));
            }
            for (_, row) in &streams.calls {
                let exchange = engine.exchanges.get(*row).expect("a call waits for a row");
                assert!(matches!(exchange.asked, Asked::InSession(of) if of == key));
            }
            if !engine.is_attended(streams) {
                let due = session.active + engine.config.timeouts.session_unused;
                assert!(streams.armed.covers(due), "an unused session expires");
            }
        }
        assert_eq!(engine.replayed, replayed, "what is kept is counted");
        assert!(replayed <= 2000, "and bounded: {replayed}");
        let mut subscriptions = 0;
        for row in engine.exchanges.keys() {
            let exchange = engine.exchanges.get(row).unwrap();
            if let Some(conn) = exchange.conn {
                let conn = engine.conns.get(conn).expect("its connection is open");
                assert!(matches!(conn.phase, Phase::Answering(of) if of == row), "{conn:?}");
            }
            match &exchange.asked {
                Asked::Alone(..) => assert!(exchange.conn.is_some(), "it ends with its connection"),
                Asked::Subscription(..) => {
                    subscriptions += 1;
                    assert!(exchange.conn.is_some() && engine.subscriptions.contains(&row));
                }
                Asked::InSession(session) => {
                    let streams = engine.sessions.get(*session).unwrap().streams().unwrap();
                    assert!(streams.calls.iter().any(|(_, of)| *of == row), "its end is that of its calls");
                }
            }
            assert!(!exchange.writing.is_complete());
        }
        assert!(subscriptions == engine.subscriptions.len() && subscriptions <= 2);
        for key in engine.conns.keys() {
            match engine.conns.get(key).unwrap().phase {
                Phase::Answering(row) => assert_eq!(engine.exchanges.get(row).unwrap().conn, Some(key)),
                Phase::Listening(session, _) => {
                    let streams = engine.sessions.get(session).unwrap().streams().unwrap();
                    assert_eq!(streams.listener.conn, Some(key));
                }
                _ => {}
            }
        }
        assert!(engine.resumed.is_empty(), "nothing is left to do");
    }
}

#[test]
fn whatever_peers_do_all_is_counted_bounded_and_comes_to_an_end() {
    let (mut sessions, mut over_http, mut events) = (0, 0, 0);
    for seed in 0..300 {
        let mut world = World::new(seed);
        for _ in 0..300 {
            world.act();
            world.check();
        }
        sessions += world.endpoints.len() - 1;
        over_http += world.sessions.len() - 1;
        events += world.events.len() - 1;
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
        assert_eq!((world.engine.exchanges.len(), world.engine.replayed), (0, 0));
        assert!(world.held.lock().unwrap().iter().all(Deferred::is_cancelled), "nobody works in vain");
    }
    let has_events = Listening::BUILT.is_none() || events > 1000;
    assert!(over_http > 1000 && has_events, "{over_http} sessions and {events} events over Streamable HTTP");
    assert!(HttpSse::BUILT.is_none() || sessions > 300, "the runs get far enough: {sessions} sessions");
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

#[test]
fn sessions_that_are_gone_leave_nothing_behind() {
    let mut secret = 0u128;
    let mut engine = Server::new("test", "1")
        .engine(move |bytes| {
            secret += 1;
            *bytes = secret.to_be_bytes();
            true
        })
        .unwrap();
    let body = r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"0"}}}"#;
    let hello = format!(
        "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let conn = engine.accept(Instant::ZERO).unwrap();
    for _ in 0..2000 {
        engine.received(conn, Instant::ZERO, hello.as_bytes());
        let answer = String::from_utf8(engine.output(conn).to_vec()).unwrap();
        engine.sent(conn, Instant::ZERO, answer.len());
        let id = answer.split_once("Mcp-Session-Id: ").unwrap().1.lines().next().unwrap();
        let goodbye = format!("DELETE /mcp HTTP/1.1\r\nHost: localhost\r\nMcp-Session-Id: {id}\r\n\r\n");
        engine.received(conn, Instant::ZERO, goodbye.as_bytes());
        engine.sent(conn, Instant::ZERO, engine.output(conn).len());
    }
    assert_eq!(engine.sessions(), 0);
    assert!(engine.session_timers.len() < 100, "{} deadlines", engine.session_timers.len());
}

#[test]
fn an_idle_session_with_its_stream_costs_less_than_a_kilobyte() {
    let timers = 2 * size_of::<(Instant, Key)>() * 2;
    let size =
        size_of::<Conn>() + size_of::<crate::sessions::Session>() + size_of::<crate::sessions::Streams>() + timers;
    assert!(size <= 1024, "{size} bytes, and no buffer while it waits");
}
