//! The smallest server worth running: one tool, at `http://127.0.0.1:8000/mcp` and `/sse` or the port given.
//!
//! ```text
//! cargo run --release --example one-tool -- 8000
//! ```
//!
//! `tests/measure/sizes.sh` tells what it weighs.

use std::env;
use std::error::Error;
use std::net::Ipv4Addr;

use mcp_server_tiny::{Server, Tool};

fn main() -> Result<(), Box<dyn Error>> {
    let port: u16 = env::args().nth(1).map_or(Ok(8000), |port| port.parse())?;
    let echo = Tool::new("echo").description("Says the same again").param::<String>("text", "what to say");
    Server::new("one-tool", "1.0.0")
        .tool(echo, |call| Ok(call.arg::<&str>("text")?.to_owned()))
        .bind((Ipv4Addr::LOCALHOST, port))?
        .run()?;
    Ok(())
}
