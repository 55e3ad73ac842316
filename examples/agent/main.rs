//! An agent: a model behind any OpenAI-compatible endpoint that uses the tools of the servers in a configuration file.
//!
//! ```text
//! export OPENAI_API_KEY=...                      none for most endpoints on this machine
//! export OPENAI_BASE_URL=http://localhost:11434/v1           https://api.openai.com/v1 unless set
//! export OPENAI_MODEL=qwen3
//! cargo run --release --example agent -- mcp.json "What is on Monday?"
//! ```
//!
//! The answer goes to standard output, what happens on the way to standard error. Tools are called without asking anybody:
//! allow and deny lists in the file (`includeTools`, `excludeTools`) say which may be.
// What it prints is what it is for.
#![allow(clippy::print_stdout)]

mod chat;
mod conversation;
mod tools;

use std::process::ExitCode;

use mcp_sse_blocking::Servers;

use self::chat::Endpoint;
use self::conversation::Conversation;
use self::tools::Tools;

const USAGE: &str = "usage: agent FILE QUESTION
FILE has the servers: mcpServers of Claude or Cursor, servers of VS Code, mcps of CrewAI.
Environment: OPENAI_MODEL, OPENAI_API_KEY, OPENAI_BASE_URL";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file, question] = &arguments[..] else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    match run(file, question) {
        Ok(answer) => {
            println!("{answer}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("agent: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(file: &str, question: &str) -> Result<String, Box<dyn std::error::Error>> {
    let endpoint = Endpoint::from_environment()?;
    let servers = Servers::from_file(file)?.connect()?;
    let tools = Tools::list(&servers)?;
    let answer = Conversation::new(&endpoint, &tools).ask(question);
    servers.close_all();
    Ok(answer?)
}

/// Text of a server or a model, fit for a terminal: without control characters, which could write anything anywhere.
fn plain(text: &str) -> String {
    let is_plain = |c: char| c == '\n' || c == '\t' || !c.is_control();
    text.chars().map(|c| if is_plain(c) { c } else { '\u{FFFD}' }).collect()
}
