//! `mcp bridge` as its user runs it: a server of one carrier, used by our client over all the others.
#![allow(clippy::unwrap_used)]

use std::process::Command;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use mcp_core::revision::ProtocolVersion;
use mcp_core::types::{ElicitResult, Root};
use mcp_sse_blocking::{Builder, CallOptions, Client, Job, Transport};
use mcp_tests::command_line;
use mcp_tests::process::{BOUND, Process};
use serde_json::{Value, json};

mod bridge {
    mod ends;
    mod passing;
    mod questions;
    mod sharing;
    mod stdio;
    mod tokens;
}

/// A bridge, and where it listens.
struct Bridge {
    process: Process,
    origin: String,
}

/// The server of these tests, to stand behind a bridge.
fn upstream() -> String {
    env!("CARGO_BIN_EXE_bridge_upstream").to_owned()
}

impl Bridge {
    /// Before the server of these tests.
    fn start(options: &[&str]) -> Self {
        Self::before(options, &[&upstream()])
    }

    /// Before another.
    fn before(options: &[&str], program: &[&str]) -> Self {
        Self::run(command_line::command(&[&["bridge", "--listen", "127.0.0.1:0"], options, &["--"], program].concat()))
    }

    fn run(mut command: Command) -> Self {
        let process = Process::start(&mut command);
        loop {
            let Some(line) = process.error_line() else { panic!("it does not listen: {}", process.log()) };
            if let Some((_, rest)) = line.split_once("listening at ") {
                let origin = rest.split_once("/mcp").unwrap().0.to_owned();
                return Self { process, origin };
            }
        }
    }

    /// A client that speaks this revision, over the carrier that the revision has.
    fn client(&self, version: ProtocolVersion) -> Client {
        self.builder(version).connect().unwrap_or_else(|error| panic!("{version}: {error}\n{}", self.process.log()))
    }

    fn builder(&self, version: ProtocolVersion) -> Builder {
        let (path, transport) = match (version.has_streamable_http(), version.has_handshake()) {
            (false, _) => ("sse", Transport::HttpSse),
            (true, true) => ("mcp", Transport::StreamableHttp),
            (true, false) => ("mcp", Transport::Stateless),
        };
        Client::builder(&format!("{}/{path}", self.origin)).transport(transport).protocol_version(version)
    }

    /// The processes that it has started and that run.
    fn children(&self) -> Vec<u32> {
        let listed =
            std::fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        listed.filter(|pid| parent(*pid) == Some(self.process.id())).collect()
    }
}

/// The parent of a process that runs; not of one that nobody has waited for yet.
fn parent(pid: u32) -> Option<u32> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = status.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    (state != "Z").then(|| fields.next()?.parse().ok())?
}

/// Waits until something is so.
fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < BOUND, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Calls a tool, and gives the text of its result.
fn call(client: &Client, tool: &str, arguments: Value) -> String {
    client.call(tool, &arguments).unwrap_or_else(|error| panic!("{tool}: {error}")).all_text()
}

/// Starts a call that is never answered, and waits until the server has it.
fn start_waiting(client: &Client) -> Job {
    let before = seen(client)["never"].as_u64();
    let job = client.start("never", &()).unwrap();
    wait_until("the call arrives", || seen(client)["never"].as_u64() > before);
    job
}

/// What the server has seen of its client.
fn seen(client: &Client) -> Value {
    serde_json::from_str(&call(client, "seen", json!({}))).unwrap()
}

/// What a user answers who is asked for a name.
fn accepted(name: &str) -> ElicitResult {
    ElicitResult::accept(serde_json::Map::from_iter([("name".to_owned(), name.into())]))
}
