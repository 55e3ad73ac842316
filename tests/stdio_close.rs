//! How a child process is ended: by the end of its input, or by force, in bounded time, with all that it started.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]
#![cfg(unix)]

use std::path::Path;
use std::time::{Duration, Instant};

use mcp_sse_blocking::{Client, Command, Error};
use serde_json::json;

const PEER: &str = env!("CARGO_BIN_EXE_stdio_peer");

/// Whether a process of this number is there, a zombie included.
fn exists(id: u32) -> bool {
    std::process::Command::new("kill")
        .args(["-0", &id.to_string()])
        .stderr(std::process::Stdio::null())
        .status()
        .unwrap()
        .success()
}

/// Waits until it is gone: what a child leaves behind is reaped by the system in its own time.
fn await_gone(id: u32) {
    let until = Instant::now() + Duration::from_secs(10);
    while exists(id) && !is_zombie(id) {
        assert!(Instant::now() < until, "process {id} is still there");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A process that has ended and whose parent, not us, has not looked yet.
fn is_zombie(id: u32) -> bool {
    let stat = std::fs::read_to_string(Path::new("/proc").join(id.to_string()).join("stat")).unwrap_or_default();
    stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('Z'))
}

fn id_of(client: &Client) -> u32 {
    client.call("pid", &()).unwrap().all_text().parse().unwrap()
}

/// Closes and says how long that took.
fn close(client: Client) -> Duration {
    let start = Instant::now();
    drop(client);
    start.elapsed()
}

// R-IO-22, R-IO-23
#[test]
fn a_child_that_ends_with_its_input_is_closed_at_once_and_leaves_no_zombie() {
    let client = Client::spawn(Command::new(PEER)).unwrap();
    let id = id_of(&client);
    let took = close(client);
    assert!(took < Duration::from_secs(1), "{took:?}");
    assert!(!exists(id));
}

// R-IO-22
#[test]
fn a_child_that_ignores_the_end_of_its_input_is_terminated() {
    let grace = Duration::from_millis(300);
    let client = Client::spawn(Command::new(PEER).arg("ignore_eof").grace(grace)).unwrap();
    let id = id_of(&client);
    let took = close(client);
    assert!(took >= grace && took < grace + Duration::from_secs(2), "{took:?}");
    assert!(!exists(id));
}

// R-IO-22
#[test]
fn a_child_that_ignores_everything_is_killed() {
    let grace = Duration::from_millis(300);
    // Signals that are ignored stay ignored in what is executed.
    let command = Command::new("sh").arg("-c").arg(format!("trap '' TERM; exec {PEER} ignore_eof")).grace(grace);
    let client = Client::spawn(command).unwrap();
    let id = id_of(&client);
    let took = close(client);
    assert!(took >= 2 * grace && took < 2 * grace + Duration::from_secs(3), "{took:?}");
    assert!(!exists(id));
}

// R-IO-25
#[test]
fn what_a_child_started_ends_with_it() {
    for args in [&["grandchild"][..], &["grandchild", "ignore_eof"]] {
        let command = Command::new(PEER).args(args).grace(Duration::from_millis(300));
        let client = Client::spawn(command.restarts(0)).unwrap();
        let id = id_of(&client);
        let error = client.call("exit", &json!({"code": 1})).unwrap_err();
        let Error::Exited(exited) = error else { panic!("{error}") };
        let grandchild: u32 = exited.stderr[0].strip_prefix("grandchild ").unwrap().parse().unwrap();
        assert!(exists(grandchild));
        let took = close(client);
        assert!(took < Duration::from_secs(5), "{took:?}");
        assert!(!exists(id));
        await_gone(grandchild);
    }
}

#[test]
fn a_child_behind_a_shell_ends_with_it() {
    let command =
        Command::new("sh").arg("-c").arg(format!("{PEER} ignore_eof; true")).grace(Duration::from_millis(300));
    let client = Client::spawn(command).unwrap();
    let id = id_of(&client);
    let took = close(client);
    assert!(took < Duration::from_secs(4), "{took:?}");
    await_gone(id);
}

#[test]
fn closing_frees_a_call_that_waits() {
    let client = Client::spawn(Command::new(PEER).arg("ignore_eof").grace(Duration::from_millis(500))).unwrap();
    std::thread::scope(|scope| {
        let other = client.clone();
        let (waits, waiting) = crossbeam_channel::bounded(0);
        let call = scope.spawn(move || {
            let job = other.start("never", &()).unwrap();
            waits.send(()).unwrap();
            let error = job.result().unwrap_err();
            (error, Instant::now())
        });
        waiting.recv().unwrap();
        let start = Instant::now();
        client.close();
        let (error, at) = call.join().unwrap();
        assert!(matches!(error, Error::Closed(_)), "{error}");
        assert!(at.duration_since(start) < Duration::from_millis(400), "before the child is gone");
        assert!(matches!(client.ping().unwrap_err(), Error::Closed(_)));
    });
}

#[test]
fn a_failed_connection_leaves_no_process() {
    let command = Command::new(PEER).args(["initialize=silence", "grandchild"]).grace(Duration::from_millis(200));
    let builder = Client::spawn_builder(command).call_timeout(Duration::from_millis(500));
    builder.connect().unwrap_err();
    let left: Vec<_> = children().into_iter().filter(|command| command.contains("initialize=silence")).collect();
    assert_eq!(left, [""; 0]);
}

/// The command lines of the children of this process; other tests have some at the same time.
fn children() -> Vec<String> {
    let own = std::process::id();
    let Ok(processes) = std::fs::read_dir("/proc") else { return Vec::new() };
    processes
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let stat = std::fs::read_to_string(path.join("stat")).ok()?;
            let parent: u32 = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()?;
            (parent == own).then(|| std::fs::read_to_string(path.join("cmdline")).unwrap_or_default())
        })
        .collect()
}

#[test]
fn threads_end_with_their_client() {
    let name = |path: std::path::PathBuf| std::fs::read_to_string(path.join("comm")).unwrap_or_default();
    let threads = || -> Vec<String> {
        let Ok(tasks) = std::fs::read_dir("/proc/self/task") else { return Vec::new() };
        tasks.filter_map(|task| Some(name(task.ok()?.path()))).filter(|name| name.starts_with("mcp-stderr")).collect()
    };
    // Other tests of this program have clients too, so that only growth tells.
    for _ in 0..20 {
        drop(Client::spawn(Command::new(PEER)).unwrap());
    }
    let until = Instant::now() + Duration::from_secs(10);
    while threads().len() > 8 {
        assert!(Instant::now() < until, "{:?}", threads());
        std::thread::sleep(Duration::from_millis(5));
    }
}
