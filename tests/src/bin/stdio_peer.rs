//! A server on standard input and output that behaves as its arguments say, well or badly.
//!
//! | Argument | Effect |
//! | --- | --- |
//! | `discover=CODE` | answers `server/discover` with this error; -32601 when nothing is said |
//! | `discover=result` | answers it as a server of 2026-07-28 |
//! | `discover=supported:A,B` | answers it with -32022 and these revisions |
//! | `discover=silence` / `exit` / `noise` | does not, ends, answers what is no message |
//! | `initialize=silence` / `exit` / `error` / `half` | the same for `initialize`; `half` writes half an answer and ends |
//! | `after_probe=exit` | ends when `initialize` follows `server/discover` |
//! | `noise` | writes lines that are no messages around each answer |
//! | `ignore_eof` | stays when its input ends |
//! | `grandchild` | starts a process that would stay for long, and says its number on standard error |
//! | `grandchild=ADDRESS` | starts another of these with `hold=ADDRESS`, which has its output as well |
//! | `hold=ADDRESS` | is no server: connects there and stays until the other end closes |
//! | `farewell=BYTES` | writes so much to standard output when its input has ended, and records `end` |
//! | `last_words=TEXT` | writes this to standard error before it ends by itself |
//! | `flood=BYTES` | writes so much to standard error before it answers anything |
//! | `record=PATH` | appends each method it gets to this file, one a line, after `start` |
//!
//! What it gets is judged by the schema of its revision: it ends with 70 when it is wrong, with 71 when it is no
//! JSON in UTF-8, and says why in the record.
//!
//! Its tools: `echo` (gives `text` back), `large` (a text of `bytes` bytes), `exit` (ends with `code`), `pid`, `env` (the
//! names of its variables), `flood` (`bytes` to standard error, `lines` of no message to standard output, then a result),
//! `never` (no answer), `later` (no answer until the next call; then both), `nap` (reads nothing for `ms`, then answers),
//! `abort` (ends by a signal).

#![allow(clippy::print_stderr, reason = "standard error is a part of what is tested")]

use std::cell::RefCell;
use std::fs::OpenOptions;
use std::io::{BufRead, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio, exit};

use mcp_tests::schema_judge::{Case, Conversation, Side};
use serde_json::{Value, json};

struct Peer {
    args: Vec<String>,
    discovered: bool,
    kept: Option<Value>,
    conversation: RefCell<Conversation>,
}

fn main() {
    let mut peer = Peer {
        args: std::env::args().skip(1).collect(),
        discovered: false,
        kept: None,
        conversation: RefCell::default(),
    };
    if let Some(address) = peer.setting("hold") {
        let mut held = TcpStream::connect(address).expect("somebody listens");
        let _ = held.read(&mut [0]);
        return;
    }
    peer.record("start");
    if let Some(address) = peer.setting("grandchild") {
        let own = std::env::current_exe().expect("a program has a path");
        #[allow(clippy::zombie_processes, reason = "it outlives this process: that is what is tested")]
        let _ = Command::new(own)
            .arg(format!("hold={address}"))
            .stdin(Stdio::null())
            .spawn()
            .expect("it was started before");
    }
    if peer.has("grandchild") {
        #[allow(clippy::zombie_processes, reason = "it outlives this process: that is what is tested")]
        let child = Command::new("sleep").arg("600").stdin(Stdio::null()).spawn().expect("there is a `sleep`");
        eprintln!("grandchild {}", child.id());
    }
    if let Some(bytes) = peer.setting("flood") {
        flood_stderr(bytes.parse().expect("a number"));
    }
    for line in std::io::stdin().lock().lines() {
        // A line that is not UTF-8, or not JSON, is a fault of the client's (R-IO-3, R-IO-5).
        let Some(message) = line.ok().and_then(|line| serde_json::from_str::<Value>(&line).ok()) else {
            peer.record("what is no message");
            exit(71);
        };
        let cases = peer.conversation.borrow_mut().cases(Side::Client, message.clone());
        peer.handle(&message);
        // After the answer: the client's deadlines run.
        if let Err(fault) = cases.iter().try_for_each(Case::judge) {
            peer.record(&fault);
            eprintln!("{fault}");
            exit(70);
        }
    }
    if let Some(bytes) = peer.setting("farewell") {
        let last = vec![b'x'; bytes.parse().expect("a number")];
        let mut out = std::io::stdout().lock();
        out.write_all(&last).and_then(|()| out.flush()).expect("somebody reads it");
        peer.record("end");
    }
    if peer.has("ignore_eof") {
        loop {
            std::thread::park();
        }
    }
}

impl Peer {
    fn has(&self, name: &str) -> bool {
        self.args.iter().any(|arg| arg == name)
    }

    fn setting(&self, name: &str) -> Option<&str> {
        self.args.iter().find_map(|arg| arg.strip_prefix(name)?.strip_prefix('='))
    }

    fn record(&self, line: &str) {
        let Some(path) = self.setting("record") else { return };
        let mut file = OpenOptions::new().create(true).append(true).open(path).expect("the record can be written");
        writeln!(file, "{line}").expect("the record can be written");
    }

    fn exit(&self, code: i32) -> ! {
        if let Some(words) = self.setting("last_words") {
            eprintln!("{words}");
        }
        exit(code)
    }

    fn write(&self, message: &Value) {
        self.conversation.borrow_mut().overheard(Side::Server, message.to_string().as_bytes());
        let mut out = std::io::stdout().lock();
        let noise = if self.has("noise") { "Listening on stdio\n\n{\"not\": \"a message\"}\r\n[1,\n" } else { "" };
        if write!(out, "{noise}{message}\n{noise}").and_then(|()| out.flush()).is_err() {
            exit(7);
        }
    }

    fn result(&self, id: &Value, result: &Value) {
        self.write(&json!({"jsonrpc": "2.0", "id": id, "result": result}));
    }

    fn error(&self, id: &Value, error: &Value) {
        self.write(&json!({"jsonrpc": "2.0", "id": id, "error": error}));
    }

    fn handle(&mut self, message: &Value) {
        let method = message["method"].as_str().unwrap_or("(no method)");
        self.record(method);
        let (id, params) = (&message["id"], &message["params"]);
        match method {
            "server/discover" => {
                self.discovered = true;
                self.discover(id);
            }
            "initialize" => self.initialize(id, params),
            "ping" => self.result(id, &json!({})),
            "tools/list" => self.result(id, &tools_page()),
            "tools/call" => self.call(id, params),
            method if !id.is_null() => self.error(id, &json!({"code": -32601, "message": format!("no {method}")})),
            _ => {}
        }
    }

    fn discover(&self, id: &Value) {
        match self.setting("discover").unwrap_or("-32601") {
            "result" => self.result(
                id,
                &json!({
                    "resultType": "complete", "supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}},
                    "ttlMs": 60000, "cacheScope": "public", "instructions": "a peer",
                    "_meta": {"io.modelcontextprotocol/serverInfo": {"name": "peer", "version": "2"}},
                }),
            ),
            "silence" => {}
            "exit" => self.exit(3),
            "noise" => println_raw("what is that?"),
            other => match other.strip_prefix("supported:") {
                Some(list) => {
                    let supported: Vec<&str> = list.split(',').collect();
                    let data = json!({"supported": supported, "requested": "2026-07-28"});
                    self.error(id, &json!({"code": -32022, "message": "unsupported", "data": data}));
                }
                None => {
                    let code: i64 = other.parse().expect("a code");
                    self.error(id, &json!({"code": code, "message": "no"}));
                }
            },
        }
    }

    fn initialize(&self, id: &Value, params: &Value) {
        if self.discovered && self.setting("after_probe") == Some("exit") {
            self.exit(4);
        }
        match self.setting("initialize") {
            Some("silence") => {}
            Some("exit") => self.exit(5),
            Some("error") => self.error(id, &json!({"code": -32603, "message": "not today"})),
            Some("half") => {
                let mut out = std::io::stdout().lock();
                let _ = write!(out, "{{\"jsonrpc\":\"2.0\",\"id\":{id},\"res").and_then(|()| out.flush());
                self.exit(6);
            }
            _ => self.result(
                id,
                &json!({
                    "protocolVersion": params["protocolVersion"], "capabilities": {"tools": {}},
                    "serverInfo": {"name": "peer", "version": "1"},
                }),
            ),
        }
    }

    fn call(&mut self, id: &Value, params: &Value) {
        let arguments = &params["arguments"];
        let text = |text: &str| json!({"resultType": "complete", "content": [{"type": "text", "text": text}]});
        match params["name"].as_str().unwrap_or_default() {
            "echo" => self.result(id, &text(arguments["text"].as_str().unwrap_or_default())),
            "large" => {
                let bytes = usize::try_from(arguments["bytes"].as_u64().unwrap_or(0)).expect("it fits");
                self.result(id, &text(&"x".repeat(bytes)));
            }
            "exit" => self.exit(arguments["code"].as_i64().and_then(|code| i32::try_from(code).ok()).unwrap_or(1)),
            "pid" => self.result(id, &text(&std::process::id().to_string())),
            "env" => {
                let names: Vec<String> = std::env::vars_os().map(|(name, _)| name.to_string_lossy().into()).collect();
                self.result(id, &text(&names.join(" ")));
            }
            "flood" => {
                flood_stderr(usize::try_from(arguments["bytes"].as_u64().unwrap_or(0)).expect("it fits"));
                for _ in 0..arguments["lines"].as_u64().unwrap_or(0) {
                    println_raw(&"no message ".repeat(100));
                }
                self.result(id, &text("flooded"));
            }
            "never" => {}
            "abort" => std::process::abort(),
            "nap" => {
                std::thread::sleep(std::time::Duration::from_millis(arguments["ms"].as_u64().unwrap_or(0)));
                self.result(id, &text("awake"));
            }
            "later" => match self.kept.replace(id.clone()) {
                None => {}
                Some(first) => {
                    self.result(id, &text("second"));
                    self.result(&first, &text("first"));
                    self.kept = None;
                }
            },
            name => self.error(id, &json!({"code": -32602, "message": format!("unknown tool {name}")})),
        }
    }
}

fn tools_page() -> Value {
    let tools: Vec<Value> =
        ["echo", "large"].iter().map(|name| json!({"name": name, "inputSchema": {"type": "object"}})).collect();
    json!({"resultType": "complete", "tools": tools, "ttlMs": 0, "cacheScope": "private"})
}

fn println_raw(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

fn flood_stderr(bytes: usize) {
    let mut err = std::io::stderr().lock();
    let line = [b'e'; 1023];
    for _ in 0..bytes.div_ceil(1024) {
        let _ = err.write_all(&line).and_then(|()| err.write_all(b"\n"));
    }
}
