//! What a `tools/call` costs the server, counted. One connection, one call after the other: each has a turn of the loop to itself.

use std::io;

use crate::case::{Case, exchange};
use crate::harness::counts::{self, Counts};
use crate::harness::process::Server;

/// Prints a table for each kind of call. The first of `servers` is the limit.
pub(crate) fn run(servers: &[&'static str]) -> io::Result<()> {
    for case in Case::ALL {
        let count = |role: &&'static str| Ok((*role, Counts::of(|tool, calls| serve(tool, role, case, calls))?));
        counts::print(case.title(), &servers.iter().map(count).collect::<io::Result<Vec<_>>>()?);
    }
    Ok(())
}

fn serve(tool: &[&str], role: &str, case: Case, calls: u32) -> io::Result<String> {
    let server = Server::counted(tool, role)?;
    let (mut socket, request) = case.open(server.address, 10_000_000)?;
    for _ in 0..calls {
        exchange(&mut socket, &request)?;
    }
    server.end()
}
