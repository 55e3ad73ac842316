//! What clients of child processes leave behind: no descriptor, no thread, no child. The only test of its program, so that
//! nobody else opens or closes anything meanwhile.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]
#![cfg(target_os = "linux")]

use std::time::{Duration, Instant};

use mcp_sse_blocking::{Client, Command};
use serde_json::json;

fn count(path: &str) -> usize {
    std::fs::read_dir(path).unwrap().count()
}

fn children() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let lists = tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("children")).ok());
    lists.map(|list| list.split_whitespace().count()).sum()
}

#[test]
fn neither_descriptors_nor_threads_nor_children_remain() {
    let peer = || Command::new(env!("CARGO_BIN_EXE_stdio_peer"));
    let before = (count("/proc/self/fd"), count("/proc/self/task"), children());
    for round in 0..12 {
        let client = Client::spawn(peer()).unwrap();
        client.ping().unwrap();
        if round % 3 == 0 {
            client.call("exit", &json!({"code": 1})).unwrap_err();
            client.ping().unwrap();
        }
        let _ = Client::spawn_builder(peer().arg("initialize=exit")).connect().unwrap_err();
    }
    // Threads end a moment after what they did is done.
    let until = Instant::now() + Duration::from_secs(10);
    loop {
        let now = (count("/proc/self/fd"), count("/proc/self/task"), children());
        if now == before {
            return;
        }
        assert!(Instant::now() < until, "descriptors, threads, children: {before:?} before, {now:?} now");
        std::thread::sleep(Duration::from_millis(5));
    }
}
