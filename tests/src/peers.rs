//! The other implementations that the interop tests meet: the official Python, TypeScript and Rust SDKs, pinned.
//!
//! `tests/interop/install.sh` puts them in place. Where they are missing a test says so on standard error and passes,
//! unless `MCP_INTEROP=required` is set, as CI does: then it fails.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::process::Process;

/// A peer's language and version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// PyPI `mcp` 1.x: what most deployed servers and agents run. Handshake revisions only.
    Python1,
    /// PyPI `mcp` 2.x. Both eras; over HTTP+SSE as well.
    Python2,
    /// npm `@modelcontextprotocol/sdk` 1.x. Handshake revisions only.
    TypeScript1,
    /// npm `@modelcontextprotocol/server` and `client` 2.x. Both eras, no HTTP+SSE.
    TypeScript2,
    /// crates.io `rmcp` 3.x. Both eras, no HTTP+SSE.
    Rmcp,
}

/// How a peer's client opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// With the handshake, up to 2025-11-25.
    Initialize,
    /// With `server/discover`, and nothing else.
    Discover,
    /// With `server/discover`, and the handshake where that is refused.
    Auto,
}

impl Peer {
    /// Every peer.
    pub const ALL: [Self; 5] = [Self::Python1, Self::Python2, Self::TypeScript1, Self::TypeScript2, Self::Rmcp];

    /// Those that still speak HTTP+SSE.
    pub const WITH_SSE: [Self; 3] = [Self::Python1, Self::Python2, Self::TypeScript1];

    /// Those that speak 2026-07-28.
    pub const STATELESS: [Self; 3] = [Self::Python2, Self::TypeScript2, Self::Rmcp];

    /// How the peer's client can open.
    pub const fn openings(self) -> &'static [Opening] {
        match self {
            Self::Python1 | Self::TypeScript1 => &[Opening::Initialize],
            Self::Python2 | Self::TypeScript2 | Self::Rmcp => &[Opening::Initialize, Opening::Discover, Opening::Auto],
        }
    }

    /// A server over HTTP+SSE, at `/sse`, with the tools of the interop tests; `None` where the peer is not installed.
    pub fn sse_server(self) -> Option<(Process, String)> {
        let script = if self == Self::TypeScript1 { "sse-server.mjs" } else { "sse_server.py" };
        Some(Process::start_server(self.script(script)?.arg("0")))
    }

    /// The peer's client over HTTP+SSE, which checks the server at `url` and prints a line of JSON for each check; see
    /// [`checks`]. `None` where the peer is not installed.
    pub fn sse_client(self, url: &str) -> Option<Command> {
        let script = if self == Self::TypeScript1 { "sse-client.mjs" } else { "sse_client.py" };
        let mut command = self.script(script)?;
        command.arg(url);
        Some(command)
    }

    /// A server over Streamable HTTP, at `/mcp`, of every revision that the peer speaks there, with the tools of the interop
    /// tests, the resource `memo://greeting`, the prompt `greet` and the tool `ask`, which asks its user for a name.
    pub fn http_server(self) -> Option<(Process, String)> {
        Some(Process::start_server(&mut self.server()?))
    }

    /// The same over stdio, to be started by a client.
    pub fn stdio_server(self) -> Option<Command> {
        let mut command = self.server()?;
        command.arg("--stdio");
        Some(command)
    }

    /// The peer's client over Streamable HTTP, as [`Peer::sse_client`] is over HTTP+SSE.
    pub fn http_client(self, opening: Opening, url: &str) -> Option<Command> {
        let mut command = self.client(opening)?;
        command.arg(url);
        Some(command)
    }

    /// The same client, which leaves a call in flight, says so (`in_flight`), and expects to be told when its server is gone.
    pub fn client_left_waiting(self, opening: Opening, url: &str) -> Option<Command> {
        let mut command = self.client(opening)?;
        command.args(["--gone", url]);
        Some(command)
    }

    /// The peer's client over stdio, which starts `server`.
    pub fn stdio_client(self, opening: Opening, server: &Command) -> Option<Command> {
        let mut command = self.client(opening)?;
        command.arg("--stdio");
        if matches!(self, Self::TypeScript1 | Self::TypeScript2) {
            command.arg("--");
        }
        command.arg(server.get_program()).args(server.get_args());
        Some(command)
    }

    fn server(self) -> Option<Command> {
        match self {
            Self::Python1 | Self::Python2 => self.script("http_server.py"),
            Self::TypeScript1 => self.script("http-server.mjs"),
            Self::TypeScript2 => self.script("modern-server.mjs"),
            Self::Rmcp => self.script("server"),
        }
    }

    fn client(self, opening: Opening) -> Option<Command> {
        let mut command = match self {
            Self::Python1 | Self::Python2 => self.script("http_client.py")?,
            Self::TypeScript1 => self.script("http-client.mjs")?,
            Self::TypeScript2 => self.script("modern-client.mjs")?,
            Self::Rmcp => self.script("client")?,
        };
        // A client of one era has no such choice.
        if self.openings().len() > 1 {
            command.args(["--era", opening.name()]);
        }
        Some(command)
    }

    /// A program of `tests/interop` in this peer's environment, or a subcommand of `rmcp-peer`; `None` where the peer is not
    /// installed.
    ///
    /// # Panics
    /// When it is not installed and `MCP_INTEROP=required` is set.
    pub fn script(self, name: &str) -> Option<Command> {
        let (program, present) = match self {
            Self::Python1 => python("mcp-1"),
            Self::Python2 => python("mcp-2"),
            Self::TypeScript1 | Self::TypeScript2 => {
                (PathBuf::from("node"), folder().join("node_modules/made-from").is_file())
            }
            Self::Rmcp => {
                let program = folder().join("rmcp/target/debug/rmcp-peer");
                let present = program.is_file();
                (program, present)
            }
        };
        if !present {
            missing(self);
            return None;
        }
        let mut command = Command::new(program);
        match self {
            Self::Rmcp => command.arg(name),
            // By its whole path: a client in another folder may start it.
            _ => command.arg(folder().join(name)),
        };
        command.current_dir(folder());
        // Only loopback is spoken to; a proxy of the environment must not come between.
        for proxy in ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
            command.env_remove(proxy);
        }
        command.env("PYTHONDONTWRITEBYTECODE", "1");
        Some(command)
    }
}

impl Opening {
    const fn name(self) -> &'static str {
        match self {
            Self::Initialize => "initialize",
            Self::Discover => "discover",
            Self::Auto => "auto",
        }
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

/// The library of C programs, `libmcp.a` or `libmcp.so`, built if it is not yet.
///
/// # Panics
/// When it does not build.
pub fn c_library(file: &str) -> PathBuf {
    let messages = build(&["--lib"]);
    let files = messages.iter().filter_map(|message| message["filenames"].as_array()).flatten();
    let found = files.filter_map(Value::as_str).map(PathBuf::from).find(|path| path.ends_with(file));
    found.unwrap_or_else(|| panic!("there is no {file}"))
}

/// Whether a program can be found where programs are.
pub fn is_installed(program: &str) -> bool {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&folders).any(|folder| folder.join(program).is_file())
}

/// Whether it is a failure that something is not installed.
pub fn are_required() -> bool {
    std::env::var("MCP_INTEROP").is_ok_and(|value| value == "required")
}

/// With `MCP_PROGRAMS` they are in that folder already: for tests that run where their compiler does not, on another system.
fn built(kind: &str, name: &str) -> PathBuf {
    if let Some(folder) = std::env::var_os("MCP_PROGRAMS") {
        let folder = if kind == "--example" { PathBuf::from(folder).join("examples") } else { folder.into() };
        return folder.join(name).with_extension(std::env::consts::EXE_EXTENSION);
    }
    let messages = build(&[kind, name]);
    let executable = messages.iter().find_map(|message| message["executable"].as_str().map(PathBuf::from));
    executable.unwrap_or_else(|| panic!("`{name}` makes no program"))
}

/// Builds something as `cargo test --workspace` builds it, and gives what cargo says of it.
fn build(what: &[&str]) -> Vec<Value> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .args(["build", "--quiet", "--locked", "--workspace", "--message-format=json"])
        .args(what)
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
    let messages: Vec<Value> = messages.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    if !output.status.success() {
        let rendered = messages.iter().filter_map(|message| message["message"]["rendered"].as_str());
        let errors = String::from_utf8_lossy(&output.stderr);
        panic!("{what:?} does not build: {errors}\n{}", rendered.collect::<String>());
    }
    messages
}

fn python(environment: &str) -> (PathBuf, bool) {
    let environment = folder().join(".venv").join(environment);
    (environment.join("bin/python"), environment.join("made-from").is_file())
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("interop")
}

fn missing(peer: Peer) {
    assert!(
        !are_required(),
        "{peer:?} is not installed, and MCP_INTEROP=required is set: run tests/interop/install.sh"
    );
    eprintln!("skipped: {peer:?} is not installed; tests/interop/install.sh installs it");
}
