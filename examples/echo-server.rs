//! A server with tools that show what a transport can do; for measuring and for trying clients.
//!
//! ```text
//! cargo run --release --example echo-server -- [--listen ADDRESS]     at http://127.0.0.1:8000/mcp and /sse unless told otherwise
//! cargo run --release --example echo-server -- --stdio                over standard input and output
//! ```
//!
//! | Tool | Does |
//! | --- | --- |
//! | `echo(text)` | gives the text back |
//! | `slow(ms)` | answers after so many milliseconds |
//! | `progress(steps, ms)` | reports each step, one every `ms` milliseconds; of thousands at once the server drops some |
//! | `fail()` | always fails |
//! | `big(bytes)` | answers with that many bytes |
//!
//! Listening, it prints `listening on http://ADDRESS` on standard error when it is ready, then nothing unless `RUST_LOG` asks for it,
//! and ends with code 0 on SIGINT and SIGTERM. Port 0 takes a free port. Over standard input and output it ends with its input.

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use mcp_server_tiny::{Call, Server, Tool, ToolError};

const USAGE: &str = "usage: echo-server [--listen ADDRESS | --stdio]";

/// The place of a server that does not listen.
const STDIO: &str = "standard input and output";

/// What `big` gives at most: more than any client takes, and less than this program would choke on.
const BIG: usize = 64 << 20;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let place = match arguments[..] {
        [] => "127.0.0.1:8000",
        ["--listen", address] => address,
        ["--stdio"] => STDIO,
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    env_logger::init();
    let served = if place == STDIO { server().serve_stdio().map_err(Into::into) } else { listen(place) };
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("echo-server: {place}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn listen(address: &str) -> Result<(), Box<dyn Error>> {
    let server = server().bind(address)?;
    let handle = server.handle();
    ctrlc::set_handler(move || handle.stop())?;
    eprintln!("listening on http://{}", server.local_addr());
    server.run()?;
    Ok(())
}

fn server() -> Server {
    Server::new("echo", env!("CARGO_PKG_VERSION"))
        // Slow calls wait on threads of their own, which start when they are needed.
        .workers(64, 1024)
        .tool(
            Tool::new("echo").description("Gives the text back").param::<String>("text", "what to give back"),
            |call| call.arg::<String>("text"),
        )
        .tool(
            Tool::new("slow")
                .description("Answers after a while")
                .param::<u64>("ms", "after how many milliseconds")
                .on_worker(),
            slow,
        )
        .tool(
            Tool::new("progress")
                .description("Reports each of its steps")
                .param::<u32>("steps", "how many")
                .optional_param::<u64>("ms", "milliseconds before each of them; none if absent")
                // Every step, however quickly they come: who measures wants to see them all.
                .progress_rate(u32::MAX)
                .on_worker(),
            progress,
        )
        .tool(Tool::new("fail").description("Always fails"), |_| Err::<(), _>(ToolError::new("this tool always fails")))
        .tool(
            Tool::new("big").description("Answers with that many bytes").param::<usize>("bytes", "how many"),
            |call| match call.arg("bytes")? {
                bytes @ ..=BIG => Ok("x".repeat(bytes)),
                bytes => Err(ToolError::new(format!("{bytes} bytes are more than {BIG}"))),
            },
        )
}

fn slow(call: &mut Call<'_>) -> Result<String, ToolError> {
    let ms = call.arg("ms")?;
    // Ends at once, with an error, when nobody waits for the answer any more.
    call.sleep(Duration::from_millis(ms))?;
    Ok(format!("slept {ms} ms"))
}

fn progress(call: &mut Call<'_>) -> Result<String, ToolError> {
    let (steps, ms) = (call.arg::<u32>("steps")?, call.arg::<Option<u64>>("ms")?.unwrap_or(0));
    for step in 1..=steps {
        call.sleep(Duration::from_millis(ms))?;
        call.progress(f64::from(step), Some(f64::from(steps)), Some(&format!("step {step}")));
    }
    Ok(format!("{steps} steps"))
}
