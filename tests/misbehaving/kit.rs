//! What a case is, how it is run, and the table of what came of all.

use std::fmt;
use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use mcp_sse_blocking::{Builder, Client, Error, Transport};
use mcp_tests::leaks::{Held, held, held_once};
use mcp_tests::scripted_peer::{Peer, Request, Running, Stream};

/// No deadline of a client here is later than this: a caller who would wait for ever fails the test instead.
pub(super) const PATIENT: Duration = Duration::from_secs(10);
/// A deadline that is to pass.
pub(super) const SHORT: Duration = Duration::from_millis(200);
/// How much of this machine's other work a case may have to wait for.
const BUSY: Duration = Duration::from_secs(3);
/// What the process may grow by while a case runs, both sides together: several of the largest messages that either side may
/// hold, and what the allocator keeps.
const MEMORY: usize = 96 << 20;

/// One way to misbehave.
pub(super) struct Case {
    pub(super) name: &'static str,
    /// What the caller sees: the text of an error after `error: `, or what came. `SERVER` stands for the address.
    pub(super) seen: &'static str,
    /// The deadline that ends it, or as good as nothing.
    pub(super) within: Duration,
    pub(super) scene: fn() -> String,
}

/// What came of the cases.
#[derive(Default)]
pub(super) struct Table {
    rows: Vec<Row>,
}

struct Row {
    name: &'static str,
    seen: String,
    took: Duration,
    left: (usize, usize),
    memory: usize,
    faults: Vec<String>,
}

/// Runs the script of a server, and what the caller does, who is given the server's origin. The address is `SERVER` in what the
/// caller saw.
pub(super) fn meet<T: Send + 'static>(
    script: impl FnOnce(&mut Peer) -> T + Send + 'static,
    act: impl FnOnce(&str) -> String,
) -> String {
    let peer: Running<T> = Peer::run(script);
    let seen = act(&peer.url(""));
    let address = peer.address().to_string();
    peer.finish();
    seen.replace(&address, "SERVER")
}

/// A session of HTTP+SSE with one call in flight, then whatever `rest` does.
pub(super) fn in_a_call(rest: fn(&mut Peer, &mut Stream, &Request)) -> impl FnOnce(&mut Peer) + Send + 'static {
    move |peer| {
        let mut stream = peer.handshake();
        let call = peer.request();
        call.accepted();
        rest(peer, &mut stream, &call);
    }
}

/// A client of HTTP+SSE at `/sse`, whose deadlines end nothing unless a case says so.
pub(super) fn sse(origin: &str) -> Builder {
    patient(&format!("{origin}/sse")).transport(Transport::HttpSse)
}

/// A client of Streamable HTTP with a handshake at `/mcp`.
pub(super) fn http(origin: &str) -> Builder {
    patient(&format!("{origin}/mcp")).transport(Transport::StreamableHttp)
}

/// A client that finds out by itself what is spoken at the origin. Verdicts are remembered by URL, and the system gives ports
/// again: each has a path of its own.
pub(super) fn finding_out(origin: &str) -> Builder {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    patient(&format!("{origin}/mcp/{}", COUNT.fetch_add(1, Ordering::Relaxed)))
}

fn patient(url: &str) -> Builder {
    Client::builder(url).connect_timeout(PATIENT).endpoint_timeout(PATIENT).call_timeout(PATIENT).idle_timeout(PATIENT)
}

/// What connecting came to.
pub(super) fn connecting(builder: Builder) -> String {
    match builder.connect() {
        Ok(client) => format!("connected: {}", client.server_info().name),
        Err(error) => said(&error),
    }
}

/// What a call of `echo` came to.
pub(super) fn calling(client: &Client) -> String {
    match client.call("echo", &()) {
        Ok(result) => result.all_text(),
        Err(error) => said(&error),
    }
}

/// What connecting and a call of `echo` came to.
pub(super) fn call(builder: Builder) -> String {
    match builder.connect() {
        Ok(client) => calling(&client),
        Err(error) => format!("no connection, {}", said(&error)),
    }
}

/// The error as a caller shows it.
pub(super) fn said(error: &Error) -> String {
    format!("error: {error}")
}

impl Table {
    /// Runs a case between two looks at what the process holds.
    pub(super) fn run(&mut self, case: &Case) {
        let before = held();
        let (resident, start) = (peak_from_now(), Instant::now());
        let seen = (case.scene)();
        let took = start.elapsed();
        let memory = peak().saturating_sub(resident);
        let after = held_once(|now| is_no_more_than(now, &before));
        let left =
            (after.threads.len().saturating_sub(before.threads.len()), after.sockets.saturating_sub(before.sockets));
        let mut faults = Vec::new();
        if seen != case.seen {
            faults.push(format!("the caller was to see\n    {}\nand saw\n    {seen}", case.seen));
        }
        if took > case.within + BUSY {
            faults.push(format!("it took {took:?} instead of {:?}", case.within));
        }
        if left != (0, 0) {
            faults.push(format!("left behind: {after:?}, before: {before:?}"));
        }
        if memory > MEMORY {
            faults.push(format!("it took {} MiB", memory >> 20));
        }
        self.rows.push(Row { name: case.name, seen, took, left, memory, faults });
    }

    /// Fails with all that was wrong.
    pub(super) fn check(&self) {
        let faults: Vec<String> =
            self.rows.iter().flat_map(|row| row.faults.iter().map(|fault| format!("{}: {fault}", row.name))).collect();
        assert!(faults.is_empty(), "{}", faults.join("\n"));
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "| The server | The caller got | Time | Threads, sockets left | Memory |\n| --- | --- | --- | --- | --- |"
        )?;
        for row in &self.rows {
            let Row { name, seen, took, left, memory, .. } = row;
            let seen = seen.replace('|', "\\|").replace('\n', " ");
            let (ms, kib) = (took.as_millis(), memory >> 10);
            writeln!(f, "| {name} | {seen} | {ms} ms | {}, {} | {kib} KiB |", left.0, left.1)?;
        }
        Ok(())
    }
}

fn is_no_more_than(now: &Held, before: &Held) -> bool {
    now.threads.len() <= before.threads.len() && now.sockets <= before.sockets
}

/// Sets the highest mark of resident memory back and says where it stands now, in bytes.
fn peak_from_now() -> usize {
    fs::write("/proc/self/clear_refs", "5").expect("Linux");
    peak()
}

/// The most memory that was resident since then, in bytes.
fn peak() -> usize {
    let status = fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a line with the peak");
    line.trim().trim_end_matches("kB").trim().parse::<usize>().expect("a number") * 1024
}
