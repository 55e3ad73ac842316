//! A server whose one tool asks its user: `book_table(day)` shows a form and books what was filled in.
//!
//! ```text
//! cargo run --release --example asking-server -- [--listen ADDRESS]     at http://127.0.0.1:8000/mcp and /sse unless told otherwise
//! cargo run --release --example asking-server -- --stdio                over standard input and output
//! cargo run --release --example asking-server -- --table                asks itself, in every revision over every carrier
//! ```
//!
//! The tool is in `booking.rs` and knows nothing of revisions and carriers. How its question travels differs: up to 2025-11-25
//! it is a request of the server in the middle of the call, in 2026-07-28 a result that asks back.

use std::error::Error;
use std::process::ExitCode;

mod booking;
mod table;

const USAGE: &str = "usage: asking-server [--listen ADDRESS | --stdio | --table]";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    env_logger::init();
    let done = match arguments[..] {
        [] => listen("127.0.0.1:8000"),
        ["--listen", address] => listen(address),
        ["--stdio"] => booking::server().serve_stdio().map_err(Into::into),
        ["--table"] => table::print(),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("asking-server: {error}");
            ExitCode::FAILURE
        }
    }
}

fn listen(address: &str) -> Result<(), Box<dyn Error>> {
    let server = booking::server().bind(address).map_err(|error| format!("{address}: {error}"))?;
    let handle = server.handle();
    ctrlc::set_handler(move || handle.stop())?;
    eprintln!("listening on http://{}", server.local_addr());
    server.run()?;
    Ok(())
}
