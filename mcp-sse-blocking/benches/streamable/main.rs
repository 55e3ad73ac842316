//! One `tools/call` after the other over Streamable HTTP: the time a caller waits, beside a bare socket doing the same exchange
//! with the same server in the same run.
//!
//! ```text
//! cargo bench -p mcp-sse-blocking --bench streamable
//! ```
//!
//! The server is the floor server of `mcp-server-tiny/benches/streamable`, so that its share is small and the same for both. It
//! runs as a child process, once on a CPU of its own and once on the client's: the first is how two programs usually meet,
//! the second leaves out what waking another CPU costs and shows the client's own work most plainly.

#![allow(clippy::print_stdout, reason = "a bench prints its figures")]

#[path = "../../../mcp-server-tiny/benches/streamable/floor.rs"]
mod floor;
#[path = "../../../mcp-server-tiny/benches/harness/process.rs"]
#[allow(dead_code, reason = "the server's benches use more of it")]
mod process;
#[path = "../../../mcp-server-tiny/benches/harness/report.rs"]
mod report;

mod bare;
mod case {
    //! What is sent and answered.

    /// The text of every call and every answer.
    pub(crate) const TEXT: &str = "hello, is anybody there? this is a text of an ordinary length";
}

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Instant;

use bare::Bare;
use case::TEXT;
use mcp_sse_blocking::mcp_core::types::ContentBlock;
use mcp_sse_blocking::{Client, Transport};
use process::Server;
use report::{Table, median};
use serde_json::json;

const BATCHES: usize = 15;
const CALLS: usize = 2000;

fn main() -> Result<(), Box<dyn Error>> {
    if process::role().is_some() {
        floor::serve(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), |address| {
            println!("{}{address}", process::LISTENING);
        })?;
        return Ok(());
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
    println!(
        "\none tools/call after the other over Streamable HTTP, {BATCHES} interleaved batches of {CALLS}; {title}"
    );
    let mut table = Table::new(&["answer", "client", "median us", "of limit", "99th percentile us", "us CPU/call"]);
    for (answer, tool) in [("JSON", "echo"), ("event stream", "report")] {
        let mut bare = Bare::open(server.address, tool)?;
        let url = format!("http://{}/mcp", server.address);
        let client = Client::builder(&url).transport(Transport::StreamableHttp).connect()?;
        let arguments = json!({"text": TEXT});
        let mut ours = || {
            let result = client.call(tool, &arguments)?;
            match result.content.as_slice() {
                [ContentBlock::Text { text, .. }] if text == TEXT => Ok(()),
                _ => Err(format!("unexpected result: {result:?}").into()),
            }
        };
        let mut rounds = Vec::new();
        for _ in 0..=BATCHES {
            rounds.push([batch(|| Ok(bare.call()?))?, batch(&mut ours)?]);
        }
        // The first batches warm caches, branches and congestion windows.
        rounds.remove(0);
        for (place, name) in ["bare socket", "mcp-sse-blocking"].into_iter().enumerate() {
            table.row(&[
                answer.to_owned(),
                name.to_owned(),
                format!("{:.1}", median(rounds.iter().map(|round| round[place].median))),
                format!("{:.2}", median(rounds.iter().map(|round| round[place].median / round[0].median))),
                format!("{:.1}", median(rounds.iter().map(|round| round[place].slow))),
                format!("{:.1}", median(rounds.iter().map(|round| round[place].cpu))),
            ]);
        }
    }
    table.print();
    Ok(())
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
