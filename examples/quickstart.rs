//! A server and a client in one program, talking over HTTP+SSE on a free port of this machine.
//!
//! ```text
//! cargo run --release --example quickstart            add `-- -v` to see every message
//! ```
// What it prints is what it is for.
#![allow(clippy::print_stdout)]

use std::error::Error;
use std::io::Write;
use std::thread;
use std::time::{Duration, Instant};

use mcp_server_tiny::{Call, Server, Tool, ToolError};
use mcp_sse_blocking::{Client, log_target};
use serde_json::json;

fn main() -> Result<(), Box<dyn Error>> {
    let start = Instant::now();
    if std::env::args().any(|argument| argument == "-v") {
        show_messages();
    }

    // A server. A tool is a description and a closure; its arguments are checked before the closure runs.
    let add = Tool::new("add").description("Adds two numbers").param::<f64>("a", "one").param::<f64>("b", "the other");
    let divide =
        Tool::new("divide").description("Divides a by b").param::<f64>("a", "dividend").param::<f64>("b", "divisor");
    // This one takes its time, so it runs on a worker. The server itself has one thread for all its clients.
    let brew = Tool::new("brew").description("Makes tea").param::<u32>("cups", "how many").on_worker();

    let server = Server::new("quickstart", "1.0.0")
        .tool(add, |call| Ok(call.arg::<f64>("a")? + call.arg::<f64>("b")?))
        .tool(divide, |call| match (call.arg::<f64>("a")?, call.arg::<f64>("b")?) {
            (_, 0.0) => Err(ToolError::new("division by zero")),
            (a, b) => Ok(a / b),
        })
        .tool(brew, brew_tea)
        .bind("127.0.0.1:0")?;
    let url = format!("http://{}/sse", server.local_addr());
    let stop = server.handle();
    let serving = thread::spawn(move || server.run());
    println!("A server listens at {url}");

    // A client. Everything it does happens on this thread, and nothing waits longer than its deadline.
    let client = Client::connect(&url)?;
    let info = client.server_info();
    println!("A client is connected to {} {}, protocol {}\n", info.name, info.version, client.protocol_version());

    println!("Its tools:");
    for tool in client.tools() {
        let tool = tool?;
        println!("  {:<8} {}", tool.name, tool.description.unwrap_or_default());
    }

    println!("\nadd 2 and 40");
    let sum: f64 = client.call("add", &json!({"a": 2, "b": 40}))?.structured()?;
    println!("  {sum}");

    println!("brew 3 cups");
    let mut job = client.start("brew", &json!({"cups": 3}))?;
    for progress in &mut job {
        println!("  {} of 3: {}", progress.progress, progress.message.unwrap_or_default());
    }
    println!("  {}", job.result()?.all_text());

    println!("divide 1 by 0");
    let failed = client.call("divide", &json!({"a": 1, "b": 0}))?;
    assert!(failed.is_error);
    println!("  the tool failed: {}", failed.all_text());

    // Dropping the client closes its connections and ends its threads; the server ends its streams and returns.
    drop(client);
    stop.stop();
    serving.join().map_err(|_| "the server panicked")??;
    println!("\nBoth have ended, after {:.1} s.", start.elapsed().as_secs_f64());
    Ok(())
}

fn brew_tea(call: &mut Call<'_>) -> Result<String, ToolError> {
    let cups: u32 = call.arg("cups")?;
    for cup in 1..=cups {
        // Wakes up early, and gives up, when the client does.
        call.sleep(Duration::from_millis(200))?;
        call.progress(cup.into(), Some(cups.into()), Some("a cup is ready"));
    }
    Ok(format!("{cups} cups of tea"))
}

/// Prints the log of both crates: `-->` is a message that the client posts, `<--` one that the server sends on its event stream.
fn show_messages() {
    let mut logger = env_logger::Builder::new();
    logger.filter_module("mcp", log::LevelFilter::Trace).filter_module("mcp_server_tiny", log::LevelFilter::Debug);
    logger.format(|out, record| match record.target() {
        log_target::WIRE => writeln!(out, "    {}", record.args()),
        target => writeln!(out, "    {}: {}", target.split("::").next().unwrap_or(target), record.args()),
    });
    logger.init();
}
