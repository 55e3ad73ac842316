//! A conformance suite for HTTP+SSE, which has no official one: what a server has to do, as a table that reads like a document.
//!
//! `http_sse_suite/suite.md` has a row for each thing that can be seen from outside. Every row is run against our server, which
//! must keep all of them, and against the official Python and TypeScript servers, which proves that the suite asks for what
//! exists: where they do otherwise, `http_sse_suite/deviations.md` says what they do instead and why. A deviation that is not
//! listed fails, and so does a listed one that is none any more.

#![allow(clippy::unwrap_used)] // a panic is the report

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use mcp_server_tiny::{Call, Server, Tool, ToolError};
use mcp_tests::peers::Peer;
use mcp_tests::process::Process;
use mcp_tests::raw_http::RunningServer;

#[path = "http_sse_suite/run.rs"]
mod run;
#[path = "http_sse_suite/table.rs"]
mod table;
#[path = "http_sse_suite/wire.rs"]
mod wire;

/// Our server with the tools that the servers of `tests/interop` have.
fn ours() -> Server {
    Server::new("suite", "1.0.0")
        .workers(4, 16)
        .keep_alive(Some(Duration::from_secs(1)))
        .tool(Tool::new("echo").param::<String>("text", "given back"), |call: &mut Call<'_>| call.arg::<String>("text"))
        .tool(Tool::new("fail"), |_: &mut Call<'_>| Err::<(), _>(ToolError::new("this tool always fails")))
        .tool(Tool::new("slow").param::<u64>("ms", "how long").on_worker(), |call: &mut Call<'_>| {
            call.sleep(Duration::from_millis(call.arg("ms")?))?;
            Ok("slept")
        })
        .tool(Tool::new("big").param::<usize>("bytes", "how many"), |call: &mut Call<'_>| {
            Ok("x".repeat(call.arg::<usize>("bytes")?.min(1 << 20)))
        })
        .tool(Tool::new("progress").param::<u32>("steps", "how many"), |call: &mut Call<'_>| {
            let steps = call.arg::<u32>("steps")?;
            for step in 1..=steps {
                call.progress(f64::from(step), Some(f64::from(steps)), None);
            }
            Ok("done")
        })
}

#[test]
fn our_server_keeps_every_row() {
    let server = RunningServer::start(ours());
    compare("ours", server.address);
}

#[test]
fn python_1_deviates_as_listed() {
    peer("Python 1", Peer::Python1);
}

#[test]
fn python_2_deviates_as_listed() {
    peer("Python 2", Peer::Python2);
}

#[test]
fn typescript_deviates_as_listed() {
    peer("TypeScript", Peer::TypeScript1);
}

fn peer(name: &str, peer: Peer) {
    let is_python = peer != Peer::TypeScript1;
    let Some(mut command) = peer.script(if is_python { "sse_server.py" } else { "sse-server.mjs" }) else { return };
    command.arg("0").args(if is_python { &["--ping", "1"][..] } else { &[] });
    let (_server, address) = Process::start_server(&mut command);
    compare(name, address.strip_prefix("http://").unwrap().parse().unwrap());
}

/// Runs every row and compares what came of it with the list.
fn compare(server: &str, address: SocketAddr) {
    let listed = table::deviations();
    let (mut kept, mut deviating, mut wrong) = (0, 0, Vec::new());
    for row in table::rows() {
        let listed = listed.iter().find(|deviation| deviation.server == server && deviation.row == row.name);
        match (run::run(address, &row), listed) {
            (Ok(()), None) => kept += 1,
            (Err(seen), Some(listed)) if seen == listed.seen => deviating += 1,
            (Ok(()), Some(listed)) => wrong.push(format!("{}: kept, yet listed as `{}`", row.name, listed.seen)),
            (Err(seen), listed) => {
                let instead =
                    listed.map_or(String::new(), |listed| format!(" instead of the listed `{}`", listed.seen));
                wrong.push(format!("{} ({}): {seen}{instead}", row.name, row.clauses.join(", ")));
            }
        }
    }
    assert!(wrong.is_empty(), "{server}:\n  {}", wrong.join("\n  "));
    eprintln!("{server}: {kept} rows kept, {deviating} deviations as listed");
}

#[test]
fn each_deviation_is_of_a_row_and_a_server_and_ours_has_none() {
    let rows: Vec<&str> = table::rows().iter().map(|row| row.name).collect();
    assert_eq!(rows.iter().collect::<BTreeSet<_>>().len(), rows.len(), "a name is there twice");
    let mut seen = BTreeSet::new();
    for deviation in table::deviations() {
        assert!(rows.contains(&deviation.row), "no row `{}`", deviation.row);
        assert!(["Python 1", "Python 2", "TypeScript"].contains(&deviation.server), "server `{}`", deviation.server);
        assert!(deviation.reason.len() > 10, "{}: no reason", deviation.row);
        assert!(seen.insert((deviation.server, deviation.row)), "{deviation:?} is there twice");
    }
}
