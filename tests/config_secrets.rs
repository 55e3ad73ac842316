//! What stands in configuration files and must not be shown: no `Debug`, no `Display` and no log has a value of a header or
//! variable, an argument, or the query of a URL, whether the file is right or wrong.
//!
//! In a program of its own, since a program has one logger.

#![allow(clippy::unwrap_used)] // a panic is the report

use std::sync::Mutex;

use log::{LevelFilter, Log, Metadata, Record};
use mcp_sse_blocking::config::{Config, Input, Reader};

static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());

struct Collector;

impl Log for Collector {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        LINES.lock().unwrap().push(format!("{} {}", record.target(), record.args()));
    }

    fn flush(&self) {}
}

/// Variables and inputs are canaries, as is what the texts hold.
fn reader() -> Reader {
    let variable = |name: &str| (name != "UNSET").then(|| "canary-variable".to_owned());
    Config::reader().variables(variable).inputs(|_: &Input| Some("canary-input".to_owned()))
}

const RIGHT: [&str; 3] = [
    r#"{"mcpServers": {
        "program": {"command": "/opt/canary-directory/server", "args": ["--token=canary-argument", "${SECRET}"],
            "env": {"TOKEN": "canary-value", "OTHER": "${SECRET}"}, "cwd": "/home/canary-directory"},
        "url": {"url": "http://127.0.0.1:9/canary-path?key=canary-query&other=${SECRET}",
            "headers": {"Authorization": "Bearer canary-header", "X-Other": "${SECRET}", "Content-Type": "canary-header"},
            "timeout": 0.5, "oauth": {"clientSecret": "canary-oauth"}, "comand": "canary-misspelt"}}}"#,
    r#"{"inputs": [{"id": "key", "type": "promptString", "description": "Key", "password": true, "default": "canary-default"}],
        "servers": {"url": {"type": "http", "url": "http://127.0.0.1:9/?key=${input:key}", "timeout": 0.5,
            "headers": {"X-Key": "${input:key}", "X-Default": "${UNSET:-canary-default}"}}}}"#,
    "mcps:\n  - name: one\n    transport: sse\n    url: http://127.0.0.1:9/sse?key=canary-query\n    headers:\n      Authorization: Bearer ${SECRET}\n    timeout: 0.5\n    max_reconnects: 0\n",
];

const WRONG: [&str; 13] = [
    r#"{"mcpServers": {"a": {"url": "canary-scheme://canary-host/?canary-query", "headers": {"X-A": "canary-header\n", "X-B": ["canary-list"]}}}}"#,
    r#"{"mcpServers": {"a": {"url": "http://canary-user:canary-password@host/"}, "b": {"url": "http://host:canary-port/"}}}"#,
    r#"{"mcpServers": {"a": {"type": "canary-1-transport", "command": "a", "args": "canary-argument", "env": {"A": ["canary"]}}}}"#,
    r#"{"mcpServers": {"a": {"type": "${SECRET}", "command": "a", "timeout": "canary-timeout", "cwd": {"canary-key": 1}}}}"#,
    r#"{"mcpServers": {"a": {"command": "${SECRET}${UNSET}", "env": {"A": "canary-value${UNSET}", "B": "${UNSET:-${canary}}"}}}}"#,
    r#"{"mcpServers": {"a": {"url": "${SECRET}", "max_reconnects": "${SECRET}", "disabled": "canary-text"}}}"#,
    r#"{"mcpServers": {"a": {"command": "a", "env": {"A": "canary-value}}}}"#,
    r#"{"mcpServers": {"a": {"command": "a", "env": {"A": canary-value}}}}"#,
    r#"{"mcpServers": {"a": {"command": "a", "envFile": "/canary-directory/canary.env"}}}"#,
    r#"{"mcpServers": {"a": {"command": "a", "env": {"A": "x${canary password}", "B": "${canary word:x}", "C": "${input:canary word}"}}}}"#,
    "mcps:\n  - name: one\n    transport: sse\n    url: canary://?canary\n    headers: Bearer canary-header\n    timeout: canary-timeout\n",
    "mcps:\n  - name: one\n    headers:\n      Authorization: \"Bearer canary-header\n",
    "mcps:\n  - name: one\n    headers: {Authorization: *canary}\n   canary: x",
];

#[test]
fn no_value_of_a_file_is_shown_or_logged() {
    log::set_logger(&Collector).unwrap();
    log::set_max_level(LevelFilter::Trace);
    let mut shown = Vec::new();
    for text in RIGHT {
        let config = reader().text(text).unwrap_or_else(|error| panic!("{error}"));
        shown.extend([format!("{config:?}"), format!("{config:#?}")]);
        for warning in config.warnings() {
            shown.extend([format!("{warning}"), format!("{warning:?}")]);
        }
        for server in config.servers() {
            let builder = server.builder().unwrap();
            shown.extend([format!("{server:?}"), server.address()]);
            // Nobody listens there, and there is no such program; what that leads to is shown as well.
            if server.transport() != "stdio" {
                let error = builder.connect().unwrap_err();
                shown.extend([format!("{error}"), format!("{error:?}")]);
            }
        }
    }
    for text in WRONG {
        let error = reader().text(text).expect_err(text);
        shown.extend([format!("{error}"), format!("{error:?}"), format!("{error:#?}")]);
    }
    let input = Mutex::new(Vec::new());
    let ask = |input: &Input| format!("{input:?}");
    let text = RIGHT[1].replace("\"canary-default\"}]", "\"canary-default\", \"options\": [\"canary-option\"]}]");
    let (sender, asked) = std::sync::mpsc::channel();
    let reader = Config::reader().inputs(move |input| {
        sender.send(ask(input)).unwrap();
        None
    });
    reader.text(&text).unwrap();
    input.lock().unwrap().extend(asked.try_iter());
    shown.extend(input.into_inner().unwrap());
    shown.extend(LINES.lock().unwrap().iter().filter(|line| !line.starts_with("ureq")).cloned());

    let leaks: Vec<&String> = shown.iter().filter(|line| line.contains("canary")).collect();
    assert!(leaks.is_empty(), "{leaks:#?}");
    assert!(shown.len() > 40, "there is something to look at");
}
