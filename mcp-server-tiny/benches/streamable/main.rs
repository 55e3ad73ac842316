//! The server over Streamable HTTP beside the least that any server could do, in one run:
//!
//! ```text
//! cargo bench -p mcp-server-tiny --bench streamable                  all
//! cargo bench -p mcp-server-tiny --bench streamable -- throughput
//! cargo bench -p mcp-server-tiny --bench streamable -- memory
//! cargo bench -p mcp-server-tiny --bench streamable -- counts       what a call costs, with valgrind and strace
//! ```
//!
//! Each server is this program again, started with `--serve NAME`: a process of its own, whose CPU time and memory are
//! nobody else's.

#![allow(clippy::print_stdout, reason = "a bench prints its figures")]

mod case;
mod counts;
mod floor;
#[path = "../harness/mod.rs"]
mod harness;
mod memory;
mod throughput;

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
        // Once: after this process has moved to one of them it is allowed no other.
        let cpus = process::two_cpus();
        for case in case::Case::ALL {
            throughput::run(&SERVERS, case, cpus)?;
        }
    }
    Ok(())
}

fn serve(role: &str) -> Result<(), Box<dyn Error>> {
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let ready = |address: SocketAddr| println!("{}{address}", process::LISTENING);
    match role {
        "floor" => floor::serve(listen, ready)?,
        "mcp-server-tiny" => {
            let echo = || Tool::new(case::ECHO).param::<String>("text", "what to say");
            let report = || Tool::new(case::REPORT).param::<String>("text", "what to say").progress_rate(u32::MAX);
            let server = Server::new("bench", "0")
                .tool(echo(), |call| Ok(call.arg::<&str>("text")?.to_owned()))
                .tool(report(), |call| {
                    call.progress(1.0, None, None);
                    Ok(call.arg::<&str>("text")?.to_owned())
                })
                .bind(listen)?;
            ready(server.local_addr());
            server.run()?;
        }
        _ => return Err(format!("no server is called `{role}`").into()),
    }
    Ok(())
}
