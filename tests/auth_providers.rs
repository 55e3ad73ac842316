//! Tokens from where people keep them: a variable, a file, a command.
#![cfg(unix)]
#![allow(clippy::unwrap_used)] // a panic is the report

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use mcp_core::time::Cause;
use mcp_server_tiny::Server;
use mcp_sse_blocking::credentials::{self, BearerToken, Credential};
use mcp_sse_blocking::{Builder, CallOptions, Client, Command, Delivery, Error, Transport};
use mcp_tests::raw_http::RunningServer;
use mcp_tests::scripted_peer::{BOUND, Peer, Request, Running};
use mcp_tests::streamable_peer::{StreamablePeer as _, StreamableRequest as _};

const DISCOVERED: &str = r#"{"supportedVersions":["2026-07-28"],"capabilities":{"tools":{}},"resultType":"complete"}"#;

fn builder(url: &str, token: BearerToken) -> Builder {
    let builder = Client::builder(url).transport(Transport::Stateless).credentials(token);
    builder.connect_timeout(Duration::from_secs(5)).call_timeout(Duration::from_secs(20))
}

/// A client that was told so much of the server, and the server, whose script goes on from there.
fn connect<T: Send + 'static>(
    token: BearerToken,
    script: impl FnOnce(&mut Peer) -> T + Send + 'static,
) -> (Running<T>, Client) {
    let peer = Peer::run(|peer| {
        peer.expect("server/discover").json_result(DISCOVERED);
        script(peer)
    });
    let client = builder(&peer.url("/mcp"), token).connect().unwrap();
    (peer, client)
}

/// The error of connecting with this token, of which no byte reached the server.
fn refused(token: BearerToken) -> Error {
    let peer = Peer::run(|peer| assert!(peer.is_quiet()));
    let error = builder(&peer.url("/mcp"), token).connect().unwrap_err();
    peer.finish();
    assert_eq!(error.delivery(), Some(Delivery::NotSent));
    for shown in [error.to_string(), format!("{error:?}")] {
        assert!(!shown.contains("hidden"), "{shown}");
    }
    error
}

fn authorization(request: &Request) -> &str {
    request.header("authorization").unwrap_or_default()
}

fn refuse(request: &Request) {
    request.json_status("401 Unauthorized", "WWW-Authenticate: Bearer\r\n", "{}");
}

/// A directory of a test's own, gone with it.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("mcp-auth-{name}-{}", process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, content).unwrap();
        path
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn shell(script: &str) -> Command {
    Command::new("/bin/sh").arg("-c").arg(script)
}

/// A command that gives `token-1`, `token-2` and so on, and how often it was run.
fn counting(directory: &Directory) -> (Command, PathBuf) {
    let runs = directory.0.join("runs");
    let script = r#"echo run >> "$RUNS"; echo "token-$(wc -l < "$RUNS" | tr -d ' ')""#;
    (shell(script).env("RUNS", &runs), runs)
}

fn runs(path: &Path) -> usize {
    fs::read_to_string(path).unwrap_or_default().lines().count()
}

/// In a process of its own, which has the variables.
#[test]
fn a_variable_is_looked_up() {
    if std::env::var_os("MCP_AUTH_TOKEN").is_none() {
        let mut own = process::Command::new(std::env::current_exe().unwrap());
        own.args(["a_variable_is_looked_up", "--exact"]).env("MCP_AUTH_TOKEN", " token-1\n").env("MCP_AUTH_EMPTY", "");
        own.env("MCP_AUTH_BINARY", std::ffi::OsStr::from_bytes(b"hidden\xff"));
        let output = own.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        return;
    }
    let (peer, client) = connect(BearerToken::from_env("MCP_AUTH_TOKEN"), |peer| {
        let call = peer.expect("tools/call");
        assert_eq!(authorization(&call), "Bearer token-1");
        refuse(&call);
        assert!(peer.is_quiet(), "the same is not sent again");
    });
    assert!(matches!(client.call("echo", &()), Err(Error::Status(status)) if status.code == 401));
    peer.finish();
    for (name, problem) in [
        ("MCP_AUTH_MISSING", "it is not set"),
        ("MCP_AUTH_EMPTY", "what it gives is an empty token"),
        ("MCP_AUTH_BINARY", "it is no UTF-8"),
    ] {
        let error = refused(BearerToken::from_env(name));
        assert_eq!(error.to_string(), format!("no credentials from the variable `{name}`: {problem}"));
    }
}

#[test]
fn a_file_is_read_with_each_request() {
    let directory = Directory::new("file");
    let path = directory.file("token", " token-1\r\n");
    let (renewed, again) = (path.clone(), path.clone());
    let (peer, client) = connect(BearerToken::from_file(&path), move |peer| {
        let call = peer.expect("tools/call");
        assert_eq!(authorization(&call), "Bearer token-1");
        // It was renewed while the request was on its way.
        fs::write(&renewed, "token-2\n").unwrap();
        refuse(&call);
        let call = peer.expect("tools/call");
        assert_eq!(authorization(&call), "Bearer token-2");
        call.json_text("hi");
        let call = peer.expect("tools/call");
        assert_eq!(authorization(&call), "Bearer token-3");
        call.json_text("hi");
    });
    client.call("echo", &()).unwrap();
    fs::write(&again, "token-3").unwrap();
    client.call("echo", &()).unwrap();
    peer.finish();
}

#[test]
fn a_file_that_has_no_token_is_named() {
    let directory = Directory::new("no-token");
    let pipe = directory.0.join("pipe");
    assert!(process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for (path, problem) in [
        (directory.0.join("missing"), "No such file or directory (os error 2)"),
        (directory.0.clone(), "it is no regular file"),
        // Opening it would wait for somebody who writes.
        (pipe, "it is no regular file"),
        (directory.file("empty", "\n"), "what it gives is an empty token"),
        (
            directory.file("two", "hidden\nhidden\n"),
            "what it gives is a token with a line end or another control character",
        ),
        (directory.file("words", "hidden hidden"), "what it gives is a token with a space or a character beyond ASCII"),
        (directory.file("binary", b"hidden\xff"), "it is no UTF-8"),
        (directory.file("large", vec![b'x'; (64 << 10) + 1]), "it has more than 65536 bytes"),
    ] {
        let error = refused(BearerToken::from_file(&path)).to_string();
        assert_eq!(error, format!("no credentials from the file `{}`: {problem}", path.display()));
    }
}

#[test]
fn a_command_is_run_once_and_again_after_a_401() {
    let directory = Directory::new("command");
    let (command, path) = counting(&directory);
    let (peer, client) = connect(BearerToken::from_command(command), |peer| {
        for _ in 0..3 {
            let call = peer.expect("tools/call");
            assert_eq!(authorization(&call), "Bearer token-1");
            call.json_text("hi");
        }
        refuse(&peer.expect("tools/call"));
        for _ in 0..2 {
            let call = peer.expect("tools/call");
            assert_eq!(authorization(&call), "Bearer token-2");
            call.json_text("hi");
        }
    });
    for _ in 0..5 {
        client.call("echo", &()).unwrap();
    }
    assert_eq!(runs(&path), 2);
    peer.finish();
}

#[test]
fn fifty_threads_run_a_command_once_and_once_more_when_all_are_refused() {
    const THREADS: usize = 50;
    let directory = Directory::new("fifty");
    let (command, path) = counting(&directory);
    // The handshake would have run it before.
    let token = std::sync::Arc::new(BearerToken::from_command(command));
    let peer = Peer::run(|peer| {
        let calls: Vec<_> = (0..THREADS).map(|_| peer.expect("server/discover")).collect();
        for call in &calls {
            assert_eq!(authorization(call), "Bearer token-1");
            refuse(call);
        }
        for _ in 0..THREADS {
            let call = peer.expect("server/discover");
            assert_eq!(authorization(&call), "Bearer token-2");
            call.json_result(DISCOVERED);
        }
    });
    // Each a client of its own: what is shared is the token.
    thread::scope(|scope| {
        for _ in 0..THREADS {
            let token = std::sync::Arc::clone(&token);
            let url = peer.url("/mcp");
            scope.spawn(move || {
                Client::builder(&url).transport(Transport::Stateless).credentials(token).connect().unwrap();
            });
        }
    });
    peer.finish();
    assert_eq!(runs(&path), 2);
}

#[test]
fn a_command_that_fails_says_how_and_shows_nothing_of_what_it_said() {
    for (command, problem) in [
        (shell("echo hidden; echo hidden >&2; exit 3"), "it ended with exit code 3"),
        (shell("kill -9 $$"), "it ended with signal 9"),
        (shell("exit 0"), "what it gives is an empty token"),
        (shell("echo hidden; echo hidden"), "what it gives is a token with a line end or another control character"),
        (shell("printf 'hidden\\377'"), "its output is no UTF-8"),
        (shell("cat /dev/zero"), "its output has more than 65536 bytes"),
        // Nobody is asked anything.
        (shell("read hidden && echo $hidden"), "it ended with exit code 1"),
    ] {
        let error = refused(BearerToken::from_command(command.arg("hidden")));
        assert_eq!(error.to_string(), format!("no credentials from the command `sh`: {problem}"));
    }
    let error = refused(BearerToken::from_command(Command::new("/no/such/program").arg("hidden"))).to_string();
    let expected =
        "no credentials from the command `program`: it cannot be started: No such file or directory (os error 2)";
    assert_eq!(error, expected);
}

#[test]
fn a_command_that_fails_after_a_401_is_the_error_and_is_run_again_by_the_next_request() {
    let directory = Directory::new("fails-later");
    let runs = directory.0.join("runs");
    // Every second run fails.
    let script = r#"echo run >> "$RUNS"; n=$(wc -l < "$RUNS" | tr -d ' '); test "$n" != 2 || exit 4; echo "token-$n""#;
    let (peer, client) = connect(BearerToken::from_command(shell(script).env("RUNS", &runs)), |peer| {
        refuse(&peer.expect("tools/call"));
        let call = peer.expect("tools/call");
        assert_eq!(authorization(&call), "Bearer token-3");
        call.json_text("hi");
    });
    let error = client.call("echo", &()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the server refused the credentials (401), and there are no others from the command `sh`: it ended with exit code 4"
    );
    client.call("echo", &()).unwrap();
    peer.finish();
}

/// The processes whose command line has `mark` in it.
#[cfg(target_os = "linux")]
fn alive(mark: &str) -> usize {
    let all = fs::read_dir("/proc").unwrap().flatten();
    let lines = all.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    lines.filter(|line| String::from_utf8_lossy(line).contains(mark)).count()
}

#[cfg(target_os = "linux")]
fn nothing_is_left(mark: &str) {
    let until = Instant::now() + BOUND;
    while alive(mark) > 0 {
        assert!(Instant::now() < until, "a process is still there");
        thread::yield_now();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_command_that_takes_too_long_is_ended_with_what_it_started() {
    let slow = || shell("sleep 90001 & sleep 90001; echo hidden");
    let token = BearerToken::from_command(slow()).command_timeout(Duration::from_millis(100));
    let error = refused(token).to_string();
    let expected =
        "no credentials from the command `sh`: it took longer than 100ms and was ended (setting `command_timeout`)";
    assert_eq!(error, expected);
    nothing_is_left("sleep\090001");

    // The deadline of the request comes first.
    let peer = Peer::run(|peer| assert!(peer.is_quiet()));
    let builder = builder(&peer.url("/mcp"), BearerToken::from_command(slow()));
    let error = builder.call_timeout(Duration::from_millis(100)).connect().unwrap_err();
    let Error::Timeout(timeout) = &error else { panic!("{error:?}") };
    assert_eq!((timeout.cause, timeout.delivery), (Cause::Initialize, Delivery::NotSent));
    peer.finish();
    nothing_is_left("sleep\090001");
}

#[cfg(target_os = "linux")]
#[test]
fn a_call_that_is_cancelled_and_a_client_that_is_closed_end_the_command() {
    let directory = Directory::new("cancelled");
    let runs_path = directory.0.join("runs");
    // Slow from the second run on.
    let script = r#"echo run >> "$RUNS"; test "$(wc -l < "$RUNS" | tr -d ' ')" = 1 || sleep 90002; echo token"#;
    let (peer, client) = connect(BearerToken::from_command(shell(script).env("RUNS", &runs_path)), |peer| {
        refuse(&peer.expect("tools/call"));
        refuse(&peer.expect("tools/call"));
        assert!(peer.is_quiet());
    });
    let is_running = |number: usize| {
        let until = Instant::now() + BOUND;
        while runs(&runs_path) < number || alive("sleep\090002") == 0 {
            assert!(Instant::now() < until, "it is not run");
            thread::yield_now();
        }
    };
    let job = client.start("echo", &()).unwrap();
    is_running(2);
    assert!(job.canceller().cancel("enough"));
    assert!(matches!(job.result(), Err(Error::Cancelled(_))));
    nothing_is_left("sleep\090002");
    thread::scope(|scope| {
        let call = scope.spawn(|| client.call("echo", &()));
        is_running(3);
        client.close();
        assert!(matches!(call.join().unwrap(), Err(Error::Closed(_))));
    });
    nothing_is_left("sleep\090002");
    peer.finish();
}

#[cfg(target_os = "linux")]
#[test]
fn what_a_command_leaves_behind_is_ended_and_not_waited_for() {
    let started = Instant::now();
    let (peer, client) = connect(BearerToken::from_command(shell("sleep 90003 & echo token")), |peer| {
        let call = peer.expect("tools/call");
        assert_eq!(authorization(&call), "Bearer token");
        call.json_text("hi");
    });
    let short = CallOptions::new().timeout(Duration::from_secs(10));
    client.call_with("echo", &(), short).unwrap();
    assert!(started.elapsed() < BOUND);
    nothing_is_left("sleep\090003");
    peer.finish();
}

#[test]
fn a_provider_that_panics_fails_its_request_and_no_other() {
    let server = RunningServer::start(Server::new("auth", "1"));
    let panics = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&panics);
    let provider = credentials::from_fn(move |_| {
        assert!(!asked.load(Ordering::SeqCst), "on purpose");
        Ok(Some(Credential::bearer("token")))
    });
    let client = Client::builder(&format!("http://{}/mcp", server.address)).credentials(provider).connect().unwrap();
    panics.store(true, Ordering::SeqCst);
    let error = client.ping().unwrap_err();
    assert!(matches!(&error, Error::Credentials(_)) && error.to_string().contains("it panicked"), "{error}");
    panics.store(false, Ordering::SeqCst);
    client.ping().unwrap();
}
