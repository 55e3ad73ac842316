//! The server over HTTP+SSE beside the least that any server could do, in one run:
//!
//! ```text
//! cargo bench -p mcp-server-tiny --bench http_sse                  both
//! cargo bench -p mcp-server-tiny --bench http_sse -- throughput
//! cargo bench -p mcp-server-tiny --bench http_sse -- memory
//! cargo bench -p mcp-server-tiny --bench http_sse -- counts        what a call costs, with valgrind and strace
//! ```
//!
//! Each server is this program again, started with `--serve NAME`: a process of its own, whose CPU time and memory are
//! nobody else's.

#![allow(clippy::print_stdout, reason = "a bench prints its figures")]

mod counts;
mod floor;
#[path = "../harness/mod.rs"]
mod harness;
mod memory;
mod throughput;
mod wire;

use std::env;
use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};

use harness::process;
use mcp_server_tiny::{Server, Tool};

/// The limit first, then what is measured against it.
const SERVERS: [&str; 2] = ["floor", "mcp-server-tiny"];

fn main() -> Result<(), Box<dyn Error>> {
    if let Some(role) = process::role() {
        return serve(&role);
    }
    process::raise_open_files();
    let wanted: Vec<String> = env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    if wanted.iter().any(|argument| argument == "counts") {
        return Ok(counts::run(&SERVERS)?);
    }
    let asked = |name: &str| wanted.is_empty() || wanted.iter().any(|argument| argument == name);
    if asked("memory") {
        memory::run(&SERVERS)?;
    }
    if asked("throughput") {
        throughput::run(&SERVERS)?;
    }
    Ok(())
}

fn serve(role: &str) -> Result<(), Box<dyn Error>> {
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let ready = |address: SocketAddr| println!("{}{address}", process::LISTENING);
    match role {
        "floor" => floor::serve(listen, ready)?,
        "mcp-server-tiny" => {
            let echo = Tool::new("echo").param::<String>("text", "what to say");
            let server =
                Server::new("bench", "0").tool(echo, |call| Ok(call.arg::<&str>("text")?.to_owned())).bind(listen)?;
            ready(server.local_addr());
            server.run()?;
        }
        _ => return Err(format!("no server is called `{role}`").into()),
    }
    Ok(())
}
