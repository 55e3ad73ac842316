//! The trace of the wire: what it says on every carrier, what becomes of it when its writer fails, and what it must not say.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::io::{self, Write};
use std::sync::{Arc, Mutex, Once, PoisonError};
use std::time::Duration;

use log::{LevelFilter, Log, Metadata, Record};
use mcp_server_tiny::{Call, Server, Tool};
use mcp_sse_blocking::{Builder, Client, Command, Error, Transport};
use mcp_tests::scripted_peer::Peer;
use mcp_tests::streamable_peer::StreamablePeer as _;
use serde_json::json;

#[path = "trace/secrets.rs"]
mod secrets;

const BOUND: Duration = Duration::from_secs(20);

/// What was traced.
#[derive(Clone, Default)]
struct Traced(Arc<Mutex<Vec<u8>>>);

impl Traced {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()).unwrap()
    }

    fn lines(&self) -> Vec<String> {
        self.text().lines().map(str::to_owned).collect()
    }

    /// The first line that contains all of this.
    fn line(&self, parts: &[&str]) -> String {
        let lines = self.lines();
        let found = lines.iter().find(|line| parts.iter().all(|part| line.contains(part)));
        found.unwrap_or_else(|| panic!("no line with {parts:?} in\n{}", self.text())).clone()
    }
}

impl Write for Traced {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Every line of the client's log.
static LOG: Mutex<Vec<String>> = Mutex::new(Vec::new());

struct Collector;

impl Log for Collector {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        if record.target().starts_with("mcp::") {
            let line = format!("{} {}: {}", record.level(), record.target(), record.args());
            LOG.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        }
    }

    fn flush(&self) {}
}

fn collect_log() {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        log::set_logger(&Collector).unwrap();
        log::set_max_level(LevelFilter::Trace);
    });
}

fn logged() -> Vec<String> {
    LOG.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

fn server() -> Server {
    Server::new("traced", "1.0.0")
        .tool(Tool::new("echo").param::<String>("text", "what to say"), |call: &mut Call<'_>| {
            Ok(call.arg::<&str>("text")?.to_owned())
        })
}

fn builder(url: &str, transport: Transport) -> Builder {
    Client::builder(url).transport(transport).connect_timeout(BOUND).call_timeout(BOUND)
}

#[test]
fn lines_are_traced_both_ways_with_their_number_and_the_time() {
    let traced = Traced::default();
    let client = Client::around_builder(server().in_process().unwrap()).trace(traced.clone()).connect().unwrap();
    client.call("echo", &json!({"text": "two\nlines and a \u{1b}[2J"})).unwrap();
    traced.line(&[" #1 --> opened: "]);
    traced.line(&[" #1 --> ", r#""method":"tools/call""#]);
    traced.line(&[" #1 <-- ", r#""result""#, r"two\nlines"]);
    let mut before = 0.0;
    for line in traced.lines() {
        assert!(!line.contains('\u{1b}'), "{line}");
        let seconds: f64 = line.trim_start().split(' ').next().unwrap().parse().unwrap();
        assert!(seconds >= before, "{line}");
        before = seconds;
    }
}

#[test]
fn an_exchange_over_http_is_traced_under_one_number_from_its_head_to_its_last_event() {
    let traced = Traced::default();
    let peer = Peer::run(|peer| {
        peer.shake_streamable();
        let call = peer.expect("tools/call");
        let mut stream = call.open();
        stream.message(
            r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"at work"}}"#,
        );
        stream.reply_text(&call, "done");
        mcp_tests::streamable_peer::end_stream(&call);
        peer.expect("tools/call").status("503 Service Unavailable", "come back later");
    });
    let client = builder(&peer.url("/mcp"), Transport::StreamableHttp).trace(traced.clone()).connect().unwrap();
    client.call("echo", &()).unwrap();
    client.call("echo", &()).unwrap_err();
    client.close();
    peer.finish();
    traced.line(&["--> POST http://127.0.0.1", "/mcp | ", "content-type: application/json", "mcp-session-id: ***"]);
    let call = traced.line(&["-->", r#""method":"tools/call""#]);
    let number = call.split(' ').find(|word| word.starts_with('#')).unwrap();
    traced.line(&[number, "--> POST http", "mcp-protocol-version: 2025-11-25"]);
    traced.line(&[number, "<-- HTTP/1.1 200 OK on connection 1 | ", "content-type: text/event-stream"]);
    traced.line(&[number, "<-- event message: ", "at work"]);
    traced.line(&[number, "<-- event message: ", "done"]);
    traced.line(&["<-- HTTP/1.1 503 Service Unavailable"]);
    traced.line(&["<-- come back later"]);
}

#[test]
fn a_request_without_an_answer_is_traced_with_what_became_of_it() {
    let traced = Traced::default();
    let peer = Peer::run(|peer| {
        peer.shake_streamable();
        peer.expect("tools/call").hang_up();
    });
    let client = builder(&peer.url("/mcp"), Transport::StreamableHttp).trace(traced.clone()).connect().unwrap();
    client.call("echo", &()).unwrap_err();
    traced.line(&["<-- nothing: sending a message to http://127.0.0.1"]);
    client.close();
    peer.finish();
}

#[test]
fn a_child_that_is_started_again_has_another_number() {
    let traced = Traced::default();
    let child = Command::new(env!("CARGO_BIN_EXE_stdio_server"));
    let client = Client::spawn_builder(child).call_timeout(BOUND).trace(traced.clone()).connect().unwrap();
    client.call("exit", &()).unwrap_err();
    client.call("pid", &()).unwrap();
    traced.line(&[" #1 --> ", r#""name":"exit""#]);
    traced.line(&[" #2 --> opened: ", "stdio_server"]);
    traced.line(&[" #2 --> ", r#""name":"pid""#]);
    traced.line(&[" #2 <-- ", r#""result""#]);
}

#[test]
fn a_long_line_is_cut_with_a_note_of_its_length() {
    let traced = Traced::default();
    let client = Client::around_builder(server().in_process().unwrap()).trace(traced.clone()).connect().unwrap();
    client.call("echo", &json!({"text": "x".repeat(1_000_000)})).unwrap();
    let request = traced.line(&["-->", "xxx", "... (cut; 100"]);
    assert!(request.ends_with(" bytes in all)"), "{}", &request[request.len() - 40..]);
    assert!(traced.lines().iter().all(|line| line.chars().count() < 4096 + 64));
}

type Fault = fn() -> io::Result<usize>;

/// Fails, panics or works, after so many lines.
struct Faulty {
    lines: usize,
    fault: Fault,
    asked: Arc<Mutex<usize>>,
}

impl Write for Faulty {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        *self.asked.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        if self.lines == 0 {
            return (self.fault)();
        }
        self.lines -= 1;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_writer_that_fails_or_panics_is_left_alone_with_one_warning() {
    collect_log();
    let faults: [(&str, Fault); 3] = [
        ("the disk of this test is full", || Err(io::Error::other("the disk of this test is full"))),
        ("its writer panicked", || panic!("a writer that panics, on purpose")),
        ("failed to write whole buffer", || Ok(0)),
    ];
    for (said, fault) in faults {
        for lines in [0, 3] {
            let before = logged().len();
            let asked = Arc::new(Mutex::new(0));
            let writer = Faulty { lines, fault, asked: Arc::clone(&asked) };
            let client = Client::around_builder(server().in_process().unwrap()).trace(writer).connect().unwrap();
            for _ in 0..5 {
                client.call("echo", &json!({"text": "x"})).unwrap();
            }
            assert_eq!(*asked.lock().unwrap(), lines + 1, "{said}: it is not asked again");
            let lines = logged().split_off(before);
            let warnings =
                lines.iter().filter(|line| line.contains("the trace of the wire is off") && line.contains(said));
            assert_eq!(warnings.filter(|line| line.starts_with("WARN mcp::client")).count(), 1, "{said}: {lines:#?}");
        }
    }
}

/// Uses the client that it is the writer of.
struct Curious {
    client: Arc<Mutex<Option<Client>>>,
    answered: Arc<Mutex<usize>>,
}

impl Write for Curious {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let client = self.client.lock().unwrap().take();
        if let Some(client) = client {
            client.ping().unwrap();
            *self.answered.lock().unwrap() += 1;
            *self.client.lock().unwrap() = Some(client);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_writer_that_uses_its_client_does_not_wait_for_itself() {
    let (client, answered) = (Arc::default(), Arc::default());
    let writer = Curious { client: Arc::clone(&client), answered: Arc::clone(&answered) };
    let bound = server().bind("127.0.0.1:0").unwrap();
    let (url, handle) = (format!("http://{}/mcp", bound.local_addr()), bound.handle());
    let running = std::thread::spawn(move || bound.run());
    let own = Client::builder(&url).call_timeout(BOUND).trace(writer).connect().unwrap();
    *client.lock().unwrap() = Some(own.clone());
    own.call("echo", &json!({"text": "x"})).unwrap();
    assert!(*answered.lock().unwrap() > 0, "it did ask");
    client.lock().unwrap().take();
    own.close();
    handle.stop();
    running.join().unwrap().unwrap();
}

#[test]
fn a_file_is_appended_to_and_is_its_owners_alone() {
    let directory = std::env::temp_dir().join(format!("mcp-trace-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let path = directory.join("trace.txt");
    for _ in 0..2 {
        let client = Client::around_builder(server().in_process().unwrap()).trace_file(&path).connect().unwrap();
        client.call("echo", &json!({"text": "x"})).unwrap();
    }
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text.matches("opened: ").count(), 2, "{text}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    // A directory is no file, and says so before anything is connected to.
    let refused = Client::builder("http://127.0.0.1:9/mcp").trace_file(&directory).connect().unwrap_err();
    assert!(matches!(&refused, Error::Usage(problem) if problem.contains("trace")), "{refused}");
    std::fs::remove_dir_all(&directory).unwrap();
}
