//! Asks the calendar of `calendar-server`, or any other server with the same two tools, whatever revision it speaks.
//!
//! ```text
//! cargo run --example calendar-client -- [URL]     http://127.0.0.1:8000/mcp unless told otherwise
//! ```
// What it prints is what it is for.
#![allow(clippy::print_stdout)]

use std::process::ExitCode;
use std::time::Duration;

use mcp_sse_blocking::mcp_core::types::CallToolResult;
use mcp_sse_blocking::{Client, Error};
use serde_json::json;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let url = match &arguments[..] {
        [] => "http://127.0.0.1:8000/mcp",
        [url] if !url.starts_with('-') => url,
        _ => {
            eprintln!("usage: calendar-client [URL]");
            return ExitCode::from(2);
        }
    };
    env_logger::init();
    match ask(url) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("calendar-client: {url}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn ask(url: &str) -> Result<(), Error> {
    let calendar = Client::builder(url).call_timeout(Duration::from_secs(10)).connect()?;
    println!("found {}", calendar.connection());
    println!("tools of {}:", calendar.server_info().name);
    for tool in calendar.tools() {
        let tool = tool?;
        println!("  {:<24} {}", tool.name, tool.description.unwrap_or_default());
    }
    for day in ["2025-05-05", "Monday"] {
        println!("get_events({day:?})\n  {}", answer(&calendar.call("get_events", &json!({"day": day}))?));
    }
    println!("get_birthdays_this_week()\n  {}", answer(&calendar.call("get_birthdays_this_week", &())?));
    Ok(())
}

/// A tool that fails says so in its result.
fn answer(result: &CallToolResult) -> String {
    if result.is_error { format!("failed: {}", result.all_text()) } else { result.all_text() }
}
