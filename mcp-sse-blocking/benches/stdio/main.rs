//! One `tools/call` after the other to a child process: the time a caller waits, beside bare pipes doing the same exchange
//! with the same program in the same run.
//!
//! ```text
//! cargo bench -p mcp-sse-blocking --bench stdio
//! cargo bench -p mcp-sse-blocking --bench stdio -- counts           what a call costs, with valgrind and strace
//! ```
//!
//! The child answers from a prepared text, so that its share is small and the same for all. It runs once on a CPU of its own
//! and once on the client's: the first is how two programs usually meet, the second leaves out what waking another CPU costs
//! and shows the client's own work most plainly.

#![allow(clippy::print_stdout, reason = "a bench prints its figures")]

#[path = "../harness/asking.rs"]
mod asking;
#[path = "../../../mcp-server-tiny/benches/harness/counts.rs"]
mod counts;
#[path = "../../../mcp-server-tiny/benches/harness/process.rs"]
#[allow(dead_code, reason = "the server's benches use more of it")]
mod process;
#[path = "../../../mcp-server-tiny/benches/harness/report.rs"]
mod report;

mod bare;
mod floor;

use std::error::Error;
use std::io;
use std::time::Instant;

use bare::{Bare, Waits};
use counts::Counts;
use mcp_sse_blocking::mcp_core::types::ContentBlock;
use mcp_sse_blocking::{Client, Command};
use report::{Table, median};
use serde_json::json;

const BATCHES: usize = 15;
const CALLS: usize = 2000;

/// The limits first, then what is measured against them.
const CLIENTS: [&str; 3] = ["bare pipes", "bare pipes, with a timeout", "mcp-sse-blocking"];

fn main() -> Result<(), Box<dyn Error>> {
    if process::role().is_some() {
        floor::serve()?;
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

/// Prints a table for children on the first of `cpus` and the client on the second.
fn measure(title: &str, cpus: Option<(usize, usize)>) -> Result<(), Box<dyn Error>> {
    if let Some((_, asking)) = cpus {
        // Before the client exists, so that its threads inherit the place.
        process::pin_self(asking)?;
    }
    let child = child(cpus.map(|(serving, _)| serving))?;
    let mut callers = CLIENTS.into_iter().map(|name| caller(name, &child)).collect::<Result<Vec<_>, _>>()?;
    let mut rounds = Vec::new();
    for _ in 0..=BATCHES {
        rounds.push(callers.iter_mut().map(batch).collect::<Result<Vec<_>, _>>()?);
    }
    // The first batches warm caches and branches.
    rounds.remove(0);

    println!("\none tools/call after the other through pipes, {BATCHES} interleaved batches of {CALLS}; {title}");
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
    let count = |name| {
        let calls = |counting: &[&str], calls: u32| asking::counted(counting, &[name, &calls.to_string()]);
        Ok((name, Counts::of(calls)?))
    };
    counts::print("pipes", &CLIENTS.into_iter().map(count).collect::<io::Result<Vec<_>>>()?);
    Ok(())
}

/// Makes the calls that are counted.
fn ask(words: &[String]) -> Result<(), Box<dyn Error>> {
    let [client, calls] = words else { return Err("a client and a number".into()) };
    let mut call = caller(client, &child(None)?)?;
    (0..calls.parse()?).try_for_each(|_: u32| call())
}

type Call = Box<dyn FnMut() -> Result<(), Box<dyn Error>>>;

/// What makes one call by the client called `name`, to a child with this command line.
fn caller(name: &str, child: &[String]) -> Result<Call, Box<dyn Error>> {
    let waits = [Waits::ForEver, Waits::WithTimeout];
    if let Some((_, waits)) = CLIENTS.into_iter().zip(waits).find(|(limit, _)| *limit == name) {
        let mut bare = Bare::start(child, waits)?;
        return Ok(Box::new(move || Ok(bare.call()?)));
    }
    let client = Client::spawn(Command::new(&child[0]).args(&child[1..]))?;
    let arguments = json!({"text": floor::TEXT});
    Ok(Box::new(move || {
        let result = client.call("echo", &arguments)?;
        match result.content.as_slice() {
            [ContentBlock::Text { text, .. }] if text == floor::TEXT => Ok(()),
            _ => Err(format!("unexpected result: {result:?}").into()),
        }
    }))
}

/// The command line of a child, on `cpu` alone when one is given.
fn child(cpu: Option<usize>) -> Result<Vec<String>, Box<dyn Error>> {
    let program = std::env::current_exe()?.to_str().ok_or("the program has an odd path")?.to_owned();
    let mut words = match cpu {
        Some(cpu) => vec!["taskset".to_owned(), "-c".to_owned(), cpu.to_string()],
        None => Vec::new(),
    };
    words.extend([program, process::SERVE.to_owned(), "floor".to_owned()]);
    Ok(words)
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
