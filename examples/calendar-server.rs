//! A calendar that agents can ask: `get_events(day)` and `get_birthdays_this_week()`.
//!
//! ```text
//! cargo run --example calendar-server -- [--listen ADDRESS]     at 127.0.0.1:8000 unless told otherwise
//! cargo run --example calendar-client -- [URL]
//! ```
//!
//! Clients of any revision find it at `/mcp`, those that speak HTTP+SSE alone at `/sse`. Ctrl-C ends it: streams are closed,
//! and the program returns 0. `RUST_LOG=debug` shows what it does.

use std::error::Error;
use std::process::ExitCode;

use mcp_server_tiny::{Server, Tool};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let address = match arguments[..] {
        [] => "127.0.0.1:8000",
        ["--listen", address] => address,
        _ => {
            eprintln!("usage: calendar-server [--listen ADDRESS]");
            return ExitCode::from(2);
        }
    };
    env_logger::init();
    match serve(address) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("calendar-server: {address}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve(address: &str) -> Result<(), Box<dyn Error>> {
    let server = Server::new("calendar", env!("CARGO_PKG_VERSION"))
        .instructions("Knows the events of each day and who has a birthday this week.")
        .tool(
            Tool::new("get_events")
                .description("Get the events of a day")
                .param::<String>("day", "the day, as 2025-05-05 or as Monday")
                .read_only_hint(true),
            |call| call.arg::<&str>("day").map(events),
        )
        .tool(
            Tool::new("get_birthdays_this_week").description("Get the birthdays of this week").read_only_hint(true),
            |_| Ok("It is Mom's birthday tomorrow"),
        )
        .bind(address)?;
    let handle = server.handle();
    ctrlc::set_handler(move || handle.stop())?;
    eprintln!("listening on http://{}", server.local_addr());
    server.run()?;
    Ok(())
}

/// Here a real calendar would be asked.
fn events(day: &str) -> String {
    format!("There are no events scheduled for {day}")
}
