//! The other implementations that the interop tests meet: the official Python and TypeScript SDKs, pinned.
//!
//! `tests/interop/install.sh` puts them in place. Where they are missing a test says so on standard error and passes,
//! unless `MCP_INTEROP=required` is set, as CI does: then it fails.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::Process;

/// A peer's language and version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// PyPI `mcp` 1.x: what most deployed servers and agents run.
    Python1,
    /// PyPI `mcp` 2.x.
    Python2,
    /// npm `@modelcontextprotocol/sdk` 1.x.
    TypeScript,
}

impl Peer {
    /// Every peer.
    pub const ALL: [Self; 3] = [Self::Python1, Self::Python2, Self::TypeScript];

    /// A server over HTTP+SSE with the tools of the interop tests; `None` where the peer is not installed.
    pub fn sse_server(self) -> Option<(Process, String)> {
        let script = if self == Self::TypeScript { "sse-server.mjs" } else { "sse_server.py" };
        Some(Process::start_server(self.script(script)?.arg("0")))
    }

    /// The peer's client, which checks the server at `url` and prints a line of JSON for each check; see
    /// [`checks`]. `None` where the peer is not installed.
    pub fn sse_client(self, url: &str) -> Option<Command> {
        let script = if self == Self::TypeScript { "sse-client.mjs" } else { "sse_client.py" };
        let mut command = self.script(script)?;
        command.arg(url);
        Some(command)
    }

    /// A program of `tests/interop` in this peer's environment; `None` where it is not installed.
    ///
    /// # Panics
    /// When it is not installed and `MCP_INTEROP=required` is set.
    pub fn script(self, name: &str) -> Option<Command> {
        let (program, present) = match self {
            Self::Python1 => python("mcp-1"),
            Self::Python2 => python("mcp-2"),
            Self::TypeScript => (PathBuf::from("node"), folder().join("node_modules/made-from").is_file()),
        };
        if !present {
            missing(self);
            return None;
        }
        let mut command = Command::new(program);
        command.arg(folder().join(name)).current_dir(folder());
        // Only loopback is spoken to; a proxy of the environment must not come between.
        for proxy in ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
            command.env_remove(proxy);
        }
        command.env("PYTHONDONTWRITEBYTECODE", "1");
        Some(command)
    }
}

/// A plain event stream, made by the Python interpreter of the machine alone; `None` where there is none.
pub fn plain_stream(arguments: &[&str]) -> Option<(Process, String)> {
    let mut command = Peer::Python1.script("plain_stream.py")?;
    Some(Process::start_server(command.arg("0").args(arguments)))
}

/// One check of a peer's client.
#[derive(Clone, Debug, serde::Deserialize)]
pub struct Check {
    /// What was looked at.
    pub check: String,
    /// Whether it held.
    pub ok: bool,
    /// What was seen.
    pub detail: String,
}

/// The next check that `client` prints; nothing after its last.
///
/// # Panics
/// When it prints something else.
pub fn next_check(client: &Process) -> Option<Check> {
    let line = client.line()?;
    match serde_json::from_str(&line) {
        Ok(check) => Some(check),
        Err(error) => panic!("not a check ({error}): {}", client.log()),
    }
}

/// Runs a peer's client to its end.
///
/// # Panics
/// When a check failed, the client ended badly, or one of `wanted` was never made.
pub fn checks(command: &mut Command, wanted: &[&str]) {
    let mut client = Process::start(command);
    let mut made = Vec::new();
    while let Some(check) = next_check(&client) {
        assert!(check.ok, "`{}` failed: {}\n{}", check.check, check.detail, client.log());
        made.push(check.check);
    }
    assert!(client.wait().success(), "the client ended badly: {}", client.log());
    for check in wanted {
        assert!(made.iter().any(|name| name == check), "`{check}` was never checked: {}", client.log());
    }
}

/// The path of a program of the `examples` package, built if it is not yet.
///
/// It is built as `cargo test --workspace` builds it, so that nothing is compiled twice, and cargo is asked where it is: the
/// target directory may be set in the environment or in a configuration file.
///
/// # Panics
/// When it does not build.
pub fn example(name: &str) -> PathBuf {
    built("--example", name)
}

/// The same for a program of another package of the workspace, such as `mcp`.
///
/// # Panics
/// When it does not build.
pub fn program(name: &str) -> PathBuf {
    built("--bin", name)
}

fn built(kind: &str, name: &str) -> PathBuf {
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .args(["build", "--quiet", "--locked", "--workspace", kind, name, "--message-format=json"])
        .args(if cfg!(debug_assertions) { None } else { Some("--release") })
        .current_dir(env!("CARGO_MANIFEST_DIR"));
    // What cargo told this test of its own package is not for the other: build scripts that watch these variables (ring's)
    // would run again, here and then in the next build, and each time everything above them would be compiled anew.
    for (variable, _) in std::env::vars_os() {
        let told = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_", "CARGO_PRIMARY_PACKAGE"];
        if variable.to_str().is_some_and(|variable| told.iter().any(|beginning| variable.starts_with(beginning))) {
            cargo.env_remove(variable);
        }
    }
    let output = cargo.output().unwrap_or_else(|error| panic!("cannot run cargo: {error}"));
    let messages = String::from_utf8_lossy(&output.stdout);
    let messages = || messages.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let executable = messages().find_map(|message| message["executable"].as_str().map(PathBuf::from));
    executable.unwrap_or_else(|| {
        let rendered = messages().filter_map(|message| message["message"]["rendered"].as_str().map(str::to_owned));
        let errors = String::from_utf8_lossy(&output.stderr);
        panic!("`{name}` does not build: {errors}\n{}", rendered.collect::<String>())
    })
}

fn python(environment: &str) -> (PathBuf, bool) {
    let environment = folder().join(".venv").join(environment);
    (environment.join("bin/python"), environment.join("made-from").is_file())
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("interop")
}

fn missing(peer: Peer) {
    let required = std::env::var("MCP_INTEROP").is_ok_and(|value| value == "required");
    assert!(!required, "{peer:?} is not installed, and MCP_INTEROP=required is set: run tests/interop/install.sh");
    eprintln!("skipped: {peer:?} is not installed; tests/interop/install.sh installs it");
}
