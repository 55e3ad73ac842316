//! `mcp bridge`: a server of one carrier for clients of the others.
//!
//! `--listen ADDRESS -- COMMAND` starts a server that speaks on its standard input and output, and serves it over HTTP to clients of
//! every revision: HTTP+SSE, Streamable HTTP with sessions, and the stateless 2026-07-28. `--stdio URL` is the other way round, for
//! hosts that only start programs. Both are a server of `mcp-server-tiny` in front, whose requests a delegate answers ([`desk`]), and
//! clients of `mcp-sse-blocking` behind ([`upstream`]); what goes through stays the JSON that it is.
//!
//! # Who shares what
//!
//! Each session has a process, or a connection, of its own: what the server keeps for one client no other sees. Clients without
//! sessions share one for each token, and one if there are no tokens. `--shared` has one for everybody. A process starts with the
//! first request that needs it, ends with its session or when nobody used it for `--idle`, and is started again after it died; the
//! calls that it took along fail with an error that says so.
//!
//! # What is carried
//!
//! Requests, results and errors with all their members; progress under the client's own token; log messages; cancellation, in both
//! directions; changes of lists and of resources that were subscribed to; cursors, and `_meta` but for what belongs to one side; and
//! questions of the server, to its client's user, model and roots, in whatever way the revision of the client has them.
//! A process does not say for which call it asks or logs. Of one session's it goes to the newest call that can be asked; of a shared
//! one's only when all calls that it works on are of one client, those included that were given up since it was started: it may
//! still be busy with them. Otherwise the question is refused and the log message dropped:
//! nobody is shown what belongs to somebody else.
//!
//! # What is not
//!
//! Tasks, extensions and what is experimental, which are not announced; who the client is, which a server behind sees as `mcp`;
//! batches, which are taken apart; `Mcp-Param-*` headers, which are not compared with the arguments. What a server offers is asked
//! once, when the bridge starts. Capabilities that a client must have are declared to the process of a session as that session's
//! client has them; to a shared one all are, and who then cannot be asked is refused.
//!
//! # How it ends
//!
//! On SIGTERM, SIGINT and SIGHUP calls are given two seconds, then everything is closed: the input of each process first, then it is
//! told to terminate, then it is killed, with what it started as far as that stayed in its process group. When the bridge itself is
//! killed nobody can do this; the processes then find their input at its end, at which a server has to end by itself (R-IO-23).

mod announce;
mod calls;
mod desk;
mod link;
mod outcome;
mod owed;
mod rounds;
mod serve;
mod source;
mod tokens;
mod told;
mod upstream;
mod watch;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::exit::{Exit, Failure};
use crate::options::seconds;
use crate::session::Context;

/// Serves a server to clients that cannot reach it or do not speak as it does
///
/// With --listen a program that is a server on its standard input and output is served over HTTP, at /mcp, and at /sse for clients of
/// HTTP+SSE. With --stdio a server at a URL is served on standard input and output.
#[derive(Debug, Args)]
#[command(override_usage = "mcp bridge [OPTIONS] --listen ADDRESS -- COMMAND [ARGUMENT]...\n       \
    mcp bridge [OPTIONS] --stdio URL")]
pub(crate) struct BridgeArgs {
    /// Where to listen: HOST:PORT, or :PORT for this machine alone; port 0 lets the system choose
    #[arg(long, value_name = "ADDRESS", required_unless_present = "url", requires = "program")]
    listen: Option<String>,
    /// Serve the server at URL on standard input and output
    #[arg(long = "stdio", value_name = "URL", conflicts_with_all = ["listen", "program"])]
    url: Option<String>,
    /// One process for everybody, instead of one for each session
    #[arg(long, requires = "listen")]
    shared: bool,
    /// Demand the token that this variable holds from every client, as a bearer token; a token is needed beyond loopback
    #[arg(long, value_name = "VARIABLE", requires = "listen", conflicts_with = "token_file")]
    token_env: Option<String>,
    /// Demand one of the tokens in this file, one a line
    #[arg(long, value_name = "FILE", requires = "listen")]
    token_file: Option<PathBuf>,
    /// Serve requests to this host as well: its name, or NAME:PORT; needed behind a reverse proxy. May be repeated
    #[arg(long, value_name = "HOST", requires = "listen")]
    allow_host: Vec<String>,
    /// Let pages of this origin use the server, such as `https://app.example`; may be repeated
    #[arg(long, value_name = "ORIGIN", requires = "listen")]
    allow_origin: Vec<String>,
    /// How many sessions there may be at a time, and with them processes
    #[arg(long, value_name = "COUNT", default_value_t = 64, requires = "listen")]
    max_sessions: usize,
    /// How many requests may be worked on at a time, those of them that wait for an answer of their client among them
    #[arg(long, value_name = "COUNT", default_value_t = 256)]
    max_calls: usize,
    /// How large a message may be, in either direction
    #[arg(long, value_name = "BYTES", default_value_t = 4 << 20)]
    max_message: usize,
    /// How long a session that nobody uses is kept, and a process without one
    #[arg(long, value_name = "SECONDS", default_value = "1800", value_parser = seconds)]
    idle: Duration,
    /// How long a request may take, with the questions that are asked in between
    #[arg(long, value_name = "SECONDS", default_value = "600", value_parser = seconds)]
    call_timeout: Duration,
    /// The server to start, with its arguments
    #[arg(last = true, value_name = "COMMAND")]
    program: Vec<OsString>,
}

impl BridgeArgs {
    /// Serves until it is told to stop, or its client is gone.
    pub(crate) fn run(&self, context: &Context) -> Result<Exit, Failure> {
        serve::run(self, context)
    }
}
