//! The program `mcp` as its user runs it, for the tests of its parts: `cli*.rs`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::peers;
use crate::process::Process;
use crate::scripted_peer::{Peer, Running, Stream};

/// What a run printed, line by line, and how it ended.
#[derive(Debug, PartialEq)]
pub struct Ended {
    /// Its exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub out: Vec<String>,
    /// Standard error.
    pub err: Vec<String>,
}

/// Where the program is; it is built first.
pub fn mcp() -> &'static Path {
    static MCP: OnceLock<PathBuf> = OnceLock::new();
    MCP.get_or_init(|| peers::program("mcp"))
}

/// `mcp` with these arguments.
pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(mcp());
    command.args(arguments);
    command
}

/// Starts it.
pub fn start(arguments: &[&str]) -> Process {
    Process::start(&mut command(arguments))
}

/// Runs it to its end.
pub fn run(arguments: &[&str]) -> Ended {
    ended(start(arguments))
}

/// The exit code of a run that says why on standard error, and has nothing for standard output.
///
/// # Panics
/// When it is another run.
pub fn code(arguments: &[&str]) -> i32 {
    let ended = run(arguments);
    assert!(ended.out.is_empty() && !ended.err.is_empty(), "{ended:?}");
    ended.code.expect("an exit code")
}

/// Waits for its end.
pub fn ended(mut process: Process) -> Ended {
    let out = std::iter::from_fn(|| process.line()).collect();
    let err = std::iter::from_fn(|| process.error_line()).collect();
    Ended { code: process.wait().code(), out, err }
}

/// What a run should have printed.
pub fn printed(code: i32, out: &str, err: &str) -> Ended {
    let lines = |text: &str| text.lines().map(str::to_owned).collect();
    Ended { code: Some(code), out: lines(out), err: lines(err) }
}

/// A server of the examples at a free port: its process and its URL for HTTP+SSE.
pub fn example(name: &str) -> (Process, String) {
    let server = peers::example(name);
    let (server, address) = Process::start_server(Command::new(server).args(["--listen", "127.0.0.1:0"]));
    (server, format!("{address}/sse"))
}

/// The server with a tool for each thing that a transport can do.
pub fn echo_server() -> (Process, String) {
    static SERVER: OnceLock<PathBuf> = OnceLock::new();
    let server = SERVER.get_or_init(|| peers::example("echo-server"));
    let (server, address) = Process::start_server(Command::new(server).args(["--listen", "127.0.0.1:0"]));
    (server, format!("{address}/sse"))
}

/// A server that does as it is told. Its script waits for no longer than a run takes, so the program is built before it starts.
pub fn serve<T: Send + 'static>(script: impl FnOnce(&mut Peer) -> T + Send + 'static) -> Running<T> {
    mcp();
    Peer::run(script)
}

/// The same, once it has shaken hands.
pub fn scripted(script: impl FnOnce(&mut Peer, Stream) + Send + 'static) -> Running<()> {
    serve(move |peer| {
        let stream = peer.handshake();
        script(peer, stream);
    })
}

/// A server that answers one request after the other with these results.
pub fn serve_results(results: &'static [&'static str]) -> Running<Vec<serde_json::Value>> {
    serve(move |peer| {
        let mut stream = peer.handshake();
        let answer = |result: &&str| {
            let request = peer.request();
            request.accepted();
            // Data of an event ends with its line.
            stream.reply(&request, &result.replace('\n', " "));
            request.json()
        };
        results.iter().map(answer).collect()
    })
}
