//! `mcp bridge`: a server of one carrier for clients of the others.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

use crate::exit::{Exit, Failure};
use crate::session::Context;

/// Serves a server to clients that cannot reach it or do not speak as it does
#[derive(Debug, Args)]
#[command(
    override_usage = "mcp bridge [OPTIONS] --listen ADDRESS -- COMMAND [ARGUMENT]...\n       mcp bridge [OPTIONS] --stdio URL"
)]
pub(crate) struct BridgeArgs {
    /// Serve COMMAND, a server on standard input and output, at this address over HTTP: 127.0.0.1:8000, or :8000 for the same;
    /// at /mcp, and at /sse for clients of HTTP+SSE
    #[arg(long, value_name = "ADDRESS", required_unless_present = "url", requires = "program")]
    listen: Option<String>,
    /// Serve the server at URL on standard input and output
    #[arg(long = "stdio", value_name = "URL", conflicts_with_all = ["listen", "program"])]
    url: Option<String>,
    /// One process for all sessions, instead of one for each
    #[arg(long, requires = "listen")]
    shared: bool,
    /// Demand the token that this variable holds from every client; needed beyond loopback
    #[arg(long, value_name = "VARIABLE", requires = "listen", conflicts_with = "token_file")]
    token_env: Option<String>,
    /// Demand one of the tokens in this file, one a line, from every client
    #[arg(long, value_name = "FILE", requires = "listen")]
    token_file: Option<PathBuf>,
    /// How many sessions there may be, and with them processes
    #[arg(long, value_name = "COUNT", default_value_t = 64)]
    max_sessions: usize,
    /// The server to start, with its arguments
    #[arg(last = true, value_name = "COMMAND")]
    program: Vec<OsString>,
}

impl BridgeArgs {
    /// Serves until it is told to stop, or its client is gone.
    pub(crate) fn run(&self, _: &Context) -> Result<Exit, Failure> {
        Err(Failure::Usage("the bridge is not built yet".into()))
    }
}
