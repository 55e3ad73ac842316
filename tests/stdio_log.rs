//! What a child process writes to standard error reaches the log, within bounds. A program of its own, because a program has
//! one logger.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::env::consts::EXE_SUFFIX;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use log::{LevelFilter, Log, Metadata, Record};
use mcp_sse_blocking::{Client, Command, Stderr, log_target};
use serde_json::json;

struct Kept(Mutex<Vec<String>>);

static KEPT: Kept = Kept(Mutex::new(Vec::new()));

impl Kept {
    fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Log for Kept {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == log_target::SERVER
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            let line = format!("{} {}", record.level(), record.args());
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        }
    }

    fn flush(&self) {}
}

// R-IO-7, R-IO-31
#[test]
fn standard_error_is_logged_line_by_line_and_a_flood_of_it_is_counted() {
    log::set_logger(&KEPT).unwrap();
    log::set_max_level(LevelFilter::Info);
    let peer = || Command::new(env!("CARGO_BIN_EXE_stdio_peer"));
    let client = Client::spawn(peer().arg("last_words=a \u{1b}[31mred end").restarts(0)).unwrap();
    // Ten thousand lines of a kilobyte.
    client.call("flood", &json!({"bytes": 10 << 20, "lines": 0})).unwrap();
    let flooded = KEPT.lines();
    assert!(
        flooded.iter().all(|line| line.starts_with(&format!("INFO stdio_peer{EXE_SUFFIX}: "))),
        "{:?}",
        flooded.first()
    );
    assert!(flooded.len() < 3000, "{}", flooded.len());
    // What was left out is counted as soon as there is room for another line.
    let until = Instant::now() + Duration::from_secs(20);
    while !KEPT.lines().iter().any(|line| line.contains("lines left out")) {
        assert!(Instant::now() < until, "nothing says how much was left out");
        client.call("flood", &json!({"bytes": 1, "lines": 0})).unwrap();
    }
    client.call("exit", &json!({"code": 1})).unwrap_err();
    let last = KEPT.lines().pop().unwrap();
    assert_eq!(last, format!("INFO stdio_peer{EXE_SUFFIX}: a \u{FFFD}[31mred end"));
    let before = KEPT.lines().len();
    let client = Client::spawn(peer().arg("flood=100000").stderr(Stderr::Discard)).unwrap();
    client.ping().unwrap();
    drop(client);
    assert_eq!(KEPT.lines().len(), before);
}
