//! What a client counts of itself: connections, messages, bytes, calls by outcome and how long they took.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use log::{LevelFilter, Log, Metadata, Record};
use mcp_core::revision::ProtocolVersion;
use mcp_server_tiny::{Call, Server, Tool, ToolError};
use mcp_sse_blocking::mcp_core::types::Method;
use mcp_sse_blocking::{Builder, CallOptions, Client, Error, Metrics, Transport};
use mcp_tests::scripted_lines::Script;
use mcp_tests::scripted_peer::Peer;
use mcp_tests::streamable_peer::{StreamablePeer as _, StreamableRequest as _};
use serde_json::json;

#[path = "insight/sessions.rs"]
mod sessions;

/// For whatever must happen, but not at a certain time.
const BOUND: Duration = Duration::from_secs(20);

fn server() -> Server {
    Server::new("counted", "1.0.0")
        .tool(Tool::new("echo").param::<String>("text", "what to say"), |call: &mut Call<'_>| {
            Ok(call.arg::<&str>("text")?.to_owned())
        })
        .tool(Tool::new("fails"), |_: &mut Call<'_>| -> Result<&str, ToolError> { Err("it went wrong".into()) })
}

fn inside() -> Builder {
    Client::around_builder(server().in_process().unwrap())
}

fn streamable(url: &str) -> Builder {
    Client::builder(url).transport(Transport::StreamableHttp).connect_timeout(BOUND).call_timeout(BOUND)
}

/// Looks until the metrics are as they should be: some are counted on another thread, or a moment after the call.
fn await_metrics(client: &Client, wanted: impl Fn(&Metrics) -> bool) -> Metrics {
    let until = std::time::Instant::now() + BOUND;
    loop {
        let metrics = client.metrics();
        if wanted(&metrics) {
            return metrics;
        }
        assert!(std::time::Instant::now() < until, "{metrics:#?}");
        thread::yield_now();
    }
}

#[test]
fn calls_are_counted_by_how_they_ended() {
    let client = inside().connect().unwrap();
    assert_eq!(client.metrics().calls.times, None, "nothing was called yet");
    for text in ["a", "b", "c"] {
        client.call("echo", &json!({ "text": text })).unwrap();
    }
    assert!(client.call("fails", &()).unwrap().is_error);
    client.call("no such tool", &()).unwrap_err();
    // What cannot be sent at all is no call.
    client.call("echo", &[1]).unwrap_err();
    assert_eq!(client.tools().count(), 2);
    client.ping().unwrap();
    client.request::<_, serde_json::Value>("no/such/method", &()).unwrap_err();

    let metrics = client.metrics();
    let calls = metrics.calls;
    assert_eq!((calls.ok, calls.tool_error, calls.refused, calls.in_flight), (3, 1, 1, 0), "{metrics:#?}");
    assert_eq!((calls.ended(), calls.times.unwrap().count), (5, 5));
    assert_eq!((metrics.requests.ok, metrics.requests.refused, metrics.requests.ended()), (2, 1, 3), "{metrics:#?}");
    assert_eq!((metrics.errors.rpc, metrics.errors.total()), (2, 2));
    assert_eq!((metrics.connects, metrics.reconnects, metrics.losses, metrics.connections), (1, 0, 0, 1));
    assert!(metrics.connected.unwrap() <= metrics.connected_total);
    assert_eq!(metrics.slow_calls, 0, "that is off by default");
}

#[test]
fn times_are_those_of_the_calls() {
    let client = inside().connect().unwrap();
    for _ in 0..100 {
        client.call("echo", &json!({"text": "x"})).unwrap();
    }
    let times = client.metrics().calls.times.unwrap();
    assert!(Duration::ZERO < times.min && times.min <= times.mean && times.mean <= times.max, "{times:?}");
    assert!(times.min <= times.p50 && times.p50 <= times.p90 && times.p90 <= times.p99 && times.p99 <= times.max);
    assert_eq!(times.count, 100);
    assert_eq!(times.mean, Duration::from_nanos(u64::try_from(times.sum.as_nanos()).unwrap() / 100));
}

#[test]
fn every_call_of_many_threads_is_counted_once() {
    let client = inside().connect().unwrap();
    thread::scope(|scope| {
        for thread in 0..4 {
            let client = client.clone();
            scope.spawn(move || {
                for round in 0..50 {
                    let tool = if (thread + round) % 2 == 0 { "echo" } else { "fails" };
                    client.call(tool, &json!({"text": "x"})).unwrap();
                }
            });
        }
        // Reading in between is never wrong by more than what is on its way.
        for _ in 0..50 {
            let calls = client.metrics().calls;
            assert!(calls.ended() <= 200 && calls.in_flight <= 4, "{calls:?}");
        }
    });
    let calls = client.metrics().calls;
    assert_eq!((calls.ok, calls.tool_error, calls.in_flight, calls.times.unwrap().count), (100, 100, 0, 200));
}

#[test]
fn bytes_and_messages_over_lines_are_those_that_went_over_them() {
    let (taken, given) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (lines_in, lines_out) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let counters = [&taken, &given, &lines_in, &lines_out].map(Arc::clone);
    let mut step = server().in_process().unwrap();
    let count = |bytes: &[u8]| bytes.iter().filter(|byte| **byte == b'\n').count();
    let client = Client::around_builder(move |input: &[u8], output: &mut Vec<u8>| {
        let before = output.len();
        step(input, output);
        let added = &output[before..];
        counters[0].fetch_add(input.len(), Ordering::Relaxed);
        counters[1].fetch_add(added.len(), Ordering::Relaxed);
        counters[2].fetch_add(count(input), Ordering::Relaxed);
        counters[3].fetch_add(count(added), Ordering::Relaxed);
    })
    .connect()
    .unwrap();
    client.call("echo", &json!({"text": "x".repeat(100_000)})).unwrap();
    client.ping().unwrap();
    let metrics = client.metrics();
    assert_eq!(metrics.bytes_sent, taken.load(Ordering::Relaxed) as u64);
    assert_eq!(metrics.bytes_received, given.load(Ordering::Relaxed) as u64);
    assert_eq!(metrics.messages_sent, lines_in.load(Ordering::Relaxed) as u64);
    assert_eq!(metrics.messages_received, lines_out.load(Ordering::Relaxed) as u64);
    assert_eq!(metrics.events, 0, "lines are no events");
}

/// Passes bytes on and counts them.
struct Relay {
    address: SocketAddr,
    /// Bytes of the client, bytes of the server, connections.
    counts: Arc<[AtomicUsize; 3]>,
    pumps: Arc<Mutex<Vec<JoinHandle<()>>>>,
}

impl Relay {
    fn start(behind: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let counts = Arc::new([const { AtomicUsize::new(0) }; 3]);
        let pumps = Arc::new(Mutex::new(Vec::new()));
        let (all, workers) = (Arc::clone(&counts), Arc::clone(&pumps));
        // Ends with the program: nobody waits for a thread that waits for a connection.
        thread::spawn(move || {
            for client in listener.incoming() {
                let (client, server) = (client.unwrap(), TcpStream::connect(behind).unwrap());
                all[2].fetch_add(1, Ordering::Relaxed);
                let ways = [(client.try_clone().unwrap(), server.try_clone().unwrap(), 0), (server, client, 1)];
                for (from, to, which) in ways {
                    let all = Arc::clone(&all);
                    workers.lock().unwrap().push(thread::spawn(move || pump(from, to, &all[which])));
                }
            }
        });
        Self { address, counts, pumps }
    }

    /// Waits until all connections are closed; then the counts stand.
    fn finish(&self) -> [u64; 3] {
        let pumps = std::mem::take(&mut *self.pumps.lock().unwrap());
        pumps.into_iter().for_each(|pump| pump.join().unwrap());
        self.counts.each_ref().map(|count| count.load(Ordering::Relaxed) as u64)
    }
}

fn pump(mut from: TcpStream, mut to: TcpStream, count: &AtomicUsize) {
    let mut buffer = [0; 4096];
    while let Ok(n @ 1..) = from.read(&mut buffer) {
        count.fetch_add(n, Ordering::Relaxed);
        if to.write_all(&buffer[..n]).is_err() {
            break;
        }
    }
    let _ = (to.shutdown(Shutdown::Both), from.shutdown(Shutdown::Both));
}

#[test]
fn bytes_over_http_are_those_of_the_sockets_with_heads_and_all() {
    let bound = server().bind("127.0.0.1:0").unwrap();
    let (behind, handle) = (bound.local_addr(), bound.handle());
    let running = thread::spawn(move || bound.run());
    let relay = Relay::start(behind);
    let client = Client::builder(&format!("http://{}/mcp", relay.address))
        .protocol_version(ProtocolVersion::V2026_07_28)
        .call_timeout(BOUND)
        .connect()
        .unwrap();
    for size in [0, 10, 10_000, 300_000] {
        client.call("echo", &json!({"text": "x".repeat(size)})).unwrap();
    }
    client.close();
    let metrics = client.metrics();
    assert_eq!([metrics.bytes_sent, metrics.bytes_received, metrics.connections], relay.finish());
    assert!(metrics.bytes_sent > 310_010);
    assert_eq!((metrics.connected, metrics.losses, metrics.open_connections), (None, 0, 0), "closed, not lost");
    assert!(metrics.connected_total > Duration::ZERO);
    handle.stop();
    running.join().unwrap().unwrap();
}

#[test]
fn a_call_is_in_flight_until_its_answer_is_here() {
    let (started, arrived) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let peer = Peer::run(move |peer| {
        peer.shake_streamable();
        let call = peer.expect("tools/call");
        started.send(()).unwrap();
        released.recv_timeout(BOUND).unwrap();
        call.json_text("done");
    });
    let client = streamable(&peer.url("/mcp")).connect().unwrap();
    let caller = client.clone();
    let calling = thread::spawn(move || caller.call("slow", &()).unwrap());
    arrived.recv_timeout(BOUND).unwrap();
    // The call waits, and nobody who looks waits for it.
    let calls = client.metrics().calls;
    assert_eq!((calls.in_flight, calls.ended(), calls.times), (1, 0, None));
    release.send(()).unwrap();
    calling.join().unwrap();
    let calls = client.metrics().calls;
    assert_eq!((calls.in_flight, calls.ok), (0, 1));
    client.close();
    peer.finish();
}

#[test]
fn what_is_given_up_or_late_or_garbled_is_counted_as_that() {
    for version in [ProtocolVersion::V2025_11_25, ProtocolVersion::V2026_07_28] {
        let (script, end) = Script::run(version, json!({"tools": {}}), |server| {
            while let Some(message) = server.try_next() {
                match message["params"]["name"].as_str() {
                    Some("answers") => server.result(&message, json!({"content": [], "resultType": "complete"})),
                    Some("garbled") => server.result(&message, json!({"content": 1, "resultType": "complete"})),
                    Some("refused") => server.error(&message, -32602, "no"),
                    // The others wait for ever.
                    _ => {}
                }
            }
        });
        let client = Client::over_memory_builder(end).protocol_version(version).call_timeout(BOUND).connect().unwrap();
        let late = client.call_with("silent", &(), CallOptions::new().timeout(Duration::from_millis(1))).unwrap_err();
        assert!(matches!(late, Error::Timeout(_)), "{late}");
        client.call("garbled", &()).unwrap_err();
        client.start("answers", &()).unwrap().result().unwrap();
        client.start("refused", &()).unwrap().result().unwrap_err();
        let cancelled = client.start("silent", &()).unwrap();
        assert!(cancelled.canceller().cancel("not wanted"));
        cancelled.result().unwrap_err();
        drop(client.start("silent", &()).unwrap());
        client
            .request_with(Method::ToolsCall, &json!({"name": "answers", "arguments": {}}), CallOptions::new())
            .unwrap();

        let metrics = client.metrics();
        let calls = metrics.calls;
        assert_eq!((calls.timed_out, calls.broken, calls.refused, calls.ok), (1, 1, 1, 2), "{version} {metrics:#?}");
        assert_eq!((calls.cancelled, calls.in_flight, calls.ended()), (2, 0, 7), "{version} {metrics:#?}");
        assert_eq!((metrics.errors.timeout, metrics.errors.peer, metrics.errors.rpc), (1, 1, 1), "{version}");
        assert_eq!(metrics.errors.cancelled, 1, "who drops a call is told nothing");
        client.close();
        script.finish();
    }
}

#[test]
fn an_outcome_that_nobody_took_is_counted_as_what_it_is() {
    let (script, end) = Script::run(ProtocolVersion::V2025_11_25, json!({"tools": {}}), |server| {
        let first = server.expect("tools/call");
        server.result(&first, json!({"content": []}));
        let second = server.expect("tools/call");
        server.result(&second, json!({"content": []}));
    });
    let client = Client::over_memory_builder(end)
        .protocol_version(ProtocolVersion::V2025_11_25)
        .call_timeout(BOUND)
        .connect()
        .unwrap();
    let job = client.start("answers", &()).unwrap();
    // The second reply comes after the first, which so is here as well.
    client.call("answers", &()).unwrap();
    drop(job);
    let calls = client.metrics().calls;
    assert_eq!((calls.ok, calls.cancelled), (2, 0), "{calls:?}");
    client.close();
    script.finish();
}

/// Lines of the client's at level warn.
static WARNINGS: Mutex<Vec<String>> = Mutex::new(Vec::new());

struct Collector;

impl Log for Collector {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= log::Level::Warn
    }

    fn log(&self, record: &Record<'_>) {
        if record.target() == mcp_sse_blocking::log_target::CLIENT && self.enabled(record.metadata()) {
            WARNINGS.lock().unwrap().push(record.args().to_string());
        }
    }

    fn flush(&self) {}
}

#[test]
fn a_slow_call_is_warned_of_once_with_its_name_and_time() {
    // The only test in this program that looks at the log.
    log::set_logger(&Collector).unwrap();
    log::set_max_level(LevelFilter::Warn);
    let warnings = |tool: &str| {
        let lines = WARNINGS.lock().unwrap();
        lines.iter().filter(|line| line.contains(&format!("`{tool}`"))).cloned().collect::<Vec<_>>()
    };
    // Nothing is faster than no time at all.
    let client = inside().slow_call(Duration::ZERO).connect().unwrap();
    client.call("echo", &json!({"text": "x"})).unwrap();
    client.call("fails", &()).unwrap();
    client.start("unknown-and-started", &()).unwrap().result().unwrap_err();
    let name = format!("long{}", "g".repeat(1000));
    client.call(&name, &()).unwrap_err();
    client.ping().unwrap();
    assert_eq!(client.metrics().slow_calls, 4, "a ping is no call of a tool");
    for tool in ["echo", "fails", "unknown-and-started"] {
        let lines = warnings(tool);
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].contains("took") && lines[0].contains("slow_call"), "{lines:?}");
    }
    assert!(WARNINGS.lock().unwrap().iter().all(|line| line.len() < 300), "a name is cut");

    let client = inside().slow_call(Duration::from_secs(3600)).connect().unwrap();
    client.call("echo", &json!({"text": "x"})).unwrap();
    assert_eq!((client.metrics().slow_calls, warnings("echo").len()), (0, 1));
}

#[test]
fn the_trace_that_a_call_is_part_of_is_passed_on_in_every_revision() {
    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    for version in ProtocolVersion::ALL {
        let (script, end) = Script::run(version, json!({"tools": {}}), |server| {
            for _ in 0..2 {
                let call = server.expect("tools/call");
                let meta = &call["params"]["_meta"];
                assert_eq!((&meta["traceparent"], &meta["tracestate"]), (&json!(PARENT), &json!("a=b")), "{call}");
                server.result(&call, json!({"content": [], "resultType": "complete"}));
            }
        });
        let client = Client::over_memory_builder(end).protocol_version(version).call_timeout(BOUND).connect().unwrap();
        let options = || CallOptions::new().traceparent(PARENT).meta("tracestate", "a=b");
        client.call_with("echo", &(), options()).unwrap();
        client.start_with("echo", &(), options()).unwrap().result().unwrap();
        let error = client.call_with("echo", &(), CallOptions::new().traceparent("00-1-2-3")).unwrap_err();
        assert!(matches!(&error, Error::Usage(problem) if problem.contains("traceparent")), "{error}");
        client.close();
        script.finish();
    }
}
