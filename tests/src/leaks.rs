//! Threads and sockets of this process, counted from the outside. Meaningful in a test binary that does one thing at a time.

use std::fs;
use std::time::{Duration, Instant};

/// What a process holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Names of its threads, sorted.
    pub threads: Vec<String>,
    /// How many sockets are open.
    pub sockets: usize,
}

/// What this process holds now.
pub fn held() -> Held {
    let mut threads: Vec<String> = fs::read_dir("/proc/self/task")
        .expect("Linux")
        .filter_map(|task| fs::read_to_string(task.ok()?.path().join("comm")).ok())
        .map(|name| name.trim().to_owned())
        .collect();
    threads.sort();
    let sockets = fs::read_dir("/proc/self/fd")
        .expect("Linux")
        .filter_map(|fd| fs::read_link(fd.ok()?.path()).ok())
        .filter(|target| target.to_string_lossy().starts_with("socket:"))
        .count();
    Held { threads, sockets }
}

/// Threads of the client, by their names.
pub fn client_threads() -> Vec<String> {
    held().threads.into_iter().filter(|name| name.starts_with("mcp-")).collect()
}

/// Waits until `is` holds of what this process holds, at most five seconds, and gives it back.
///
/// The kernel takes an ended thread off its list a moment after it was joined.
pub fn held_once(is: impl Fn(&Held) -> bool) -> Held {
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        let now = held();
        if is(&now) || Instant::now() > deadline {
            return now;
        }
        std::thread::yield_now();
    }
}
