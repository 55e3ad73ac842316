//! One `tools/call` after the other over HTTP+SSE: the time a caller waits, beside bare sockets doing the same exchange
//! with the same server in the same run.
//!
//! ```text
//! cargo bench -p mcp-sse-blocking --bench latency
//! cargo bench -p mcp-sse-blocking --bench latency -- counts         what a call costs, with valgrind and strace
//! ```
//!
//! The server is the floor server of `mcp-server-tiny/benches/http_sse`, so that its share is small and the same for
//! both. It runs as a child process, once on a CPU of its own and once on the client's: the first is how two programs
//! usually meet, the second leaves out what waking another CPU costs and shows the client's own work most plainly.

#![allow(clippy::print_stdout, reason = "a bench prints its figures")]

#[path = "../harness/asking.rs"]
mod asking;
#[path = "../../../mcp-server-tiny/benches/harness/counts.rs"]
mod counts;
#[path = "../../../mcp-server-tiny/benches/http_sse/floor.rs"]
mod floor;
#[path = "../../../mcp-server-tiny/benches/harness/process.rs"]
#[allow(dead_code, reason = "the server's benches use more of it")]
mod process;
#[path = "../../../mcp-server-tiny/benches/harness/report.rs"]
mod report;
#[path = "../../../mcp-server-tiny/benches/http_sse/wire.rs"]
mod wire;

mod bare;

use std::error::Error;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Instant;

use bare::Bare;
use counts::Counts;
use mcp_sse_blocking::mcp_core::types::ContentBlock;
use mcp_sse_blocking::{Client, Transport};
use process::Server;
use report::{Table, median};
use serde_json::json;

const BATCHES: usize = 15;
const CALLS: usize = 2000;

/// The limit first, then what is measured against it.
const CLIENTS: [&str; 2] = ["bare sockets", "mcp-sse-blocking"];

fn main() -> Result<(), Box<dyn Error>> {
    if process::role().is_some() {
        floor::serve(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), |address| {
            println!("{}{address}", process::LISTENING);
        })?;
        return Ok(());
    }
    if let Some(words) = asking::words() {
        return ask(&words);
    }
    if asking::is_to_count() {
        return count();
    }
    match process::two_cpus() {
        Some((serving, asking)) => {
            measure("client and server each on a CPU", Some((serving, asking)))?;
            measure("client and server on one CPU", Some((serving, serving)))?;
        }
        None => measure("not pinned: fewer than two CPUs, or no `taskset`", None)?,
    }
    println!("target: at most 1.15 of the limit, each on a CPU; every answer was checked\n");
    Ok(())
}

/// Prints a table for the server on the first of `cpus` and the client on the second.
fn measure(title: &str, cpus: Option<(usize, usize)>) -> Result<(), Box<dyn Error>> {
    let server = Server::start("floor", cpus.map(|(serving, _)| serving))?;
    if let Some((_, asking)) = cpus {
        // Before the client exists, so that its threads inherit the place.
        process::pin_self(asking)?;
    }
    let [mut bare, mut ours] = [caller(CLIENTS[0], server.address)?, caller(CLIENTS[1], server.address)?];
    let mut rounds = Vec::new();
    for _ in 0..=BATCHES {
        rounds.push([batch(&mut bare)?, batch(&mut ours)?]);
    }
    // The first batches warm caches, branches and congestion windows.
    rounds.remove(0);

    println!("\none tools/call after the other over HTTP+SSE, {BATCHES} interleaved batches of {CALLS}; {title}");
    let mut table = Table::new(&["client", "median us", "of limit", "99th percentile us", "us CPU/call"]);
    for (place, name) in CLIENTS.into_iter().enumerate() {
        table.row(&[
            name.to_owned(),
            format!("{:.1}", median(rounds.iter().map(|round| round[place].median))),
            format!("{:.2}", median(rounds.iter().map(|round| round[place].median / round[0].median))),
            format!("{:.1}", median(rounds.iter().map(|round| round[place].slow))),
            format!("{:.1}", median(rounds.iter().map(|round| round[place].cpu))),
        ]);
    }
    table.print();
    Ok(())
}

/// Prints a table of what is counted.
fn count() -> Result<(), Box<dyn Error>> {
    let server = Server::start("floor", None)?;
    let address = server.address.to_string();
    let count = |name| {
        let calls = |counting: &[&str], calls: u32| asking::counted(counting, &[name, &address, &calls.to_string()]);
        Ok((name, Counts::of(calls)?))
    };
    counts::print("HTTP+SSE", &CLIENTS.into_iter().map(count).collect::<io::Result<Vec<_>>>()?);
    Ok(())
}

/// Makes the calls that are counted.
fn ask(words: &[String]) -> Result<(), Box<dyn Error>> {
    let [client, address, calls] = words else { return Err("a client, an address and a number".into()) };
    let mut call = caller(client, address.parse()?)?;
    (0..calls.parse()?).try_for_each(|_: u32| call())
}

type Call = Box<dyn FnMut() -> Result<(), Box<dyn Error>>>;

/// What makes one call by the client called `name`.
fn caller(name: &str, server: SocketAddr) -> Result<Call, Box<dyn Error>> {
    if name == CLIENTS[0] {
        let mut bare = Bare::open(server, floor::TEXT)?;
        return Ok(Box::new(move || Ok(bare.call()?)));
    }
    let client = Client::builder(&format!("http://{server}/sse")).transport(Transport::HttpSse).connect()?;
    let arguments = json!({"text": floor::TEXT});
    Ok(Box::new(move || {
        let result = client.call("echo", &arguments)?;
        match result.content.as_slice() {
            [ContentBlock::Text { text, .. }] if text == floor::TEXT => Ok(()),
            _ => Err(format!("unexpected result: {result:?}").into()),
        }
    }))
}

/// Microseconds of one batch.
struct Batch {
    median: f64,
    /// 99 of a hundred calls were faster.
    slow: f64,
    /// CPU time of this process, all its threads, for a call.
    cpu: f64,
}

fn batch(mut call: impl FnMut() -> Result<(), Box<dyn Error>>) -> Result<Batch, Box<dyn Error>> {
    let mut times = Vec::with_capacity(CALLS);
    let cpu_before = process::own_cpu_time();
    for _ in 0..CALLS {
        let start = Instant::now();
        call()?;
        times.push(start.elapsed().as_secs_f64() * 1e6);
    }
    let cpu = (process::own_cpu_time() - cpu_before).as_secs_f64() / CALLS as f64 * 1e6;
    times.sort_by(f64::total_cmp);
    Ok(Batch { median: times[CALLS / 2], slow: times[CALLS - CALLS / 100], cpu })
}
