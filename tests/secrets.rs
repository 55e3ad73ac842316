//! What must not be shown: neither side writes a credential or a session token to its log, at any level.
//!
//! That holds for lines of ours, under `mcp` and `mcp_...`. The HTTP library below the client is not ours: at level debug `ureq`
//! shows the URL of each request, and with it the session's token, at level trace every byte. A program that hands on
//! everything it logs leaves out `ureq` and `ureq_proto`.
//!
//! One test in a program of its own, since a program has one logger.

#![allow(clippy::unwrap_used)] // a panic is the report

use std::sync::Mutex;
use std::time::Duration;

use log::{LevelFilter, Log, Metadata, Record};
use mcp_server_tiny::Server;
use mcp_sse_blocking::Client;
use serde_json::json;

/// Every line of ours, with the name it was logged under.
static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());

struct Collector;

impl Log for Collector {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        if record.target().starts_with("mcp") {
            let line = format!("{} {}: {}", record.level(), record.target(), record.args());
            LINES.lock().unwrap().push(line);
        }
    }

    fn flush(&self) {}
}

/// R-SSE-35, R-SEC-9: a whole session, a refused one and a lost one, logged at the most talkative level.
#[test]
fn neither_tokens_nor_credentials_are_logged_at_any_level() {
    log::set_logger(&Collector).unwrap();
    log::set_max_level(LevelFilter::Trace);

    let bound = Server::new("secrets", "1.0.0").bearer("hunter2").bind("127.0.0.1:0").unwrap();
    let (url, handle) = (format!("http://{}/sse?key=hunter2", bound.local_addr()), bound.handle());
    let server = std::thread::spawn(move || bound.run());

    let builder = || Client::builder(&url).header("X-Api-Key", "hunter2").call_timeout(Duration::from_secs(10));
    let client = builder().bearer("hunter2").connect().unwrap();
    client.ping().unwrap();
    assert!(client.call("no such tool", &json!({})).is_err());
    // With a token in the path of the message URL, as some servers have it; it leads nowhere here.
    let error = builder().bearer("hunter2").message_url("/messages/hunter2").connect().unwrap_err();
    assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
    assert!(builder().bearer("hunter3").connect().is_err());

    handle.stop();
    server.join().unwrap().unwrap();
    // The stream is over; what the client says to that is logged as well.
    let _ = client.ping();
    client.close();

    let lines = LINES.lock().unwrap();
    assert!(lines.iter().any(|line| line.contains("mcp::client")), "the client logs: {lines:#?}");
    assert!(lines.iter().any(|line| line.contains("mcp_server_tiny")), "the server logs: {lines:#?}");
    // Tokens of this server have 40 hexadecimal digits.
    let shows_token = |line: &str| {
        let runs = line.split(|c: char| !c.is_ascii_hexdigit());
        runs.into_iter().any(|run| run.len() >= 32)
    };
    let shown: Vec<_> = lines.iter().filter(|line| line.contains("hunter") || shows_token(line)).collect();
    assert!(shown.is_empty(), "secrets in the log: {shown:#?}");
}
