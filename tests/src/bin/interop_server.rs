//! Our server as the clients of the interop tests meet it: what the servers of the other implementations offer, written once
//! for every carrier and every revision.
//!
//! ```text
//! interop_server              at http://127.0.0.1:PORT/mcp, and /sse; says `listening on http://127.0.0.1:PORT` on stderr
//! interop_server --stdio
//! ```

#![allow(clippy::print_stderr, reason = "that is how it says where it listens")]

use std::time::Duration;

use mcp_server_tiny::types::{ElicitParams, RequestedSchema, StringSchema};
use mcp_server_tiny::{Call, Prompt, Resource, Server, Tool, ToolError};

fn main() -> Result<(), mcp_server_tiny::Error> {
    if std::env::args().any(|argument| argument == "--stdio") {
        return server().serve_stdio();
    }
    let bound = server().bind("127.0.0.1:0")?;
    eprintln!("listening on http://{}", bound.local_addr());
    bound.run()
}

fn server() -> Server {
    let tool = |name: &str, description: &str| Tool::new(name).description(description);
    Server::new("ours", env!("CARGO_PKG_VERSION"))
        .instructions("Tools that show what a transport can do.")
        .workers(64, 1024)
        .tool(tool("echo", "Gives the text back.").param::<String>("text", "what"), |call| call.arg::<String>("text"))
        .tool(
            tool("slow", "Answers after a while.").param::<u64>("ms", "after how many milliseconds").on_worker(),
            |call: &mut Call<'_>| {
                let ms = call.arg("ms")?;
                call.sleep(Duration::from_millis(ms))?;
                Ok(format!("slept {ms} ms"))
            },
        )
        .tool(
            tool("progress", "Tells of each step, with `ms` between them.")
                .param::<u32>("steps", "how many")
                .optional_param::<u64>("ms", "milliseconds")
                .progress_rate(u32::MAX)
                .on_worker(),
            progress,
        )
        .tool(tool("fail", "Always fails."), |_| Err::<(), _>(ToolError::new("this tool always fails")))
        .tool(tool("big", "Answers with that many bytes.").param::<usize>("bytes", "how many"), |call| {
            Ok("x".repeat(call.arg::<usize>("bytes")?.min(1 << 20)))
        })
        .tool(tool("ask", "Asks for a name."), ask)
        .resource(Resource::text("memo://greeting", "greeting", "Good morning.").mime_type("text/plain"))
        .prompt(Prompt::new("greet").description("Greets somebody.").argument("name", "whom"), |call: &mut Call<'_>| {
            Ok(format!("Greet {}.", call.arg::<&str>("name")?))
        })
}

fn progress(call: &mut Call<'_>) -> Result<String, ToolError> {
    let (steps, ms) = (call.arg::<u32>("steps")?, call.arg::<Option<u64>>("ms")?.unwrap_or(0));
    for step in 1..=steps {
        call.progress(f64::from(step), Some(f64::from(steps)), Some(&format!("step {step}")));
        call.sleep(Duration::from_millis(ms))?;
    }
    Ok(format!("{steps} steps"))
}

fn ask(call: &mut Call<'_>) -> Result<String, ToolError> {
    let form = RequestedSchema::new().required("name", StringSchema::new());
    let answer = call.elicit("name", ElicitParams::form("What is your name?", form))?;
    let name = answer.content.as_ref().and_then(|content| content["name"].as_str());
    Ok(name.map_or("nobody".into(), |name| format!("Hello, {name}.")))
}
