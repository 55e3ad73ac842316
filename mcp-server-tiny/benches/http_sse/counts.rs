//! What a `tools/call` costs the server, counted. One session, one call after the other: each has a turn of the loop to itself.

use std::io;

use crate::floor::TEXT;
use crate::harness::counts::{self, Counts};
use crate::harness::process::Server;
use crate::wire::{EventStream, Incoming, call, post};

/// Prints a table. The first of `servers` is the limit.
pub(crate) fn run(servers: &[&'static str]) -> io::Result<()> {
    let count = |role: &&'static str| Ok((*role, Counts::of(|tool, calls| serve(tool, role, calls))?));
    counts::print("HTTP+SSE", &servers.iter().map(count).collect::<io::Result<Vec<_>>>()?);
    Ok(())
}

fn serve(tool: &[&str], role: &str, calls: u32) -> io::Result<String> {
    let server = Server::counted(tool, role)?;
    let host = server.address;
    let mut stream = EventStream::open(host)?;
    let mut posts = Incoming::connect(host)?;
    stream.initialize(&mut posts, host)?;
    let request = post(host, &stream.endpoint, &call(10_000_000, TEXT));
    for _ in 0..calls {
        posts.exchange(&request)?;
        stream.event()?;
    }
    server.end()
}
