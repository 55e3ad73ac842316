//! The server that the official conformance suite is run against, over every revision at once.
//!
//! ```text
//! cargo run --release --example conformance-server -- [--listen ADDRESS]     at http://127.0.0.1:8000/mcp unless told otherwise
//! ```
//!
//! It offers what the suite's scenarios look for: tools of every kind of content, tools that ask, resources, prompts and
//! completion. `tests/conformance/run.sh` runs the suite. It prints `listening on http://ADDRESS` on standard error when it
//! is ready, and ends with code 0 on SIGINT and SIGTERM. Port 0 takes a free port.

use std::error::Error;
use std::process::ExitCode;

use mcp_server_tiny::Server;

mod asks;
mod rest;
mod tools;

const USAGE: &str = "usage: conformance-server [--listen ADDRESS]";

/// One red pixel.
const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR42mP4z8AAAAMBAQD3A0FDAAAAAElFTkSuQmCC";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let address = match arguments[..] {
        [] => "127.0.0.1:8000",
        ["--listen", address] => address,
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    env_logger::init();
    match serve(address) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("conformance-server: {address}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve(address: &str) -> Result<(), Box<dyn Error>> {
    let server = Server::new("conformance", env!("CARGO_PKG_VERSION"))
        // Steps that a test can watch wait on threads of their own.
        .workers(8, 64);
    let server = rest::offer(asks::offer(tools::offer(server))).bind(address)?;
    let handle = server.handle();
    ctrlc::set_handler(move || handle.stop())?;
    eprintln!("listening on http://{}", server.local_addr());
    server.run()?;
    Ok(())
}
