//! A server over a pipe in memory that does what its script says: for what a client does in the words of the protocol, whatever
//! carries them. Every message of the client's is held against the schema of the revision that is spoken.
//!
//! ```no_run
//! use mcp_core::revision::ProtocolVersion;
//! use mcp_tests::scripted_lines::Script;
//! use serde_json::json;
//!
//! let (script, end) = Script::run(ProtocolVersion::V2026_07_28, json!({"tools": {}}), |server| {
//!     let list = server.expect("tools/list");
//!     server.result(&list, json!({"tools": []}));
//! });
//! // ... a client over `end` ...
//! script.finish();
//! ```

use std::io::{BufRead, BufReader, Write};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, bounded};
use mcp_core::revision::ProtocolVersion;
use mcp_sse_blocking::memory::{self, End};
use serde_json::{Value, json};

use crate::schema_judge::{Conversation, Side};

/// How long the end of a script is waited for.
const BOUND: Duration = Duration::from_secs(10);

/// A running script.
pub struct Script<T> {
    done: Receiver<thread::Result<T>>,
}

/// The script's side of the pipe.
pub struct Server {
    version: ProtocolVersion,
    reader: BufReader<End>,
    writer: End,
    heard: Conversation,
}

impl<T: Send + 'static> Script<T> {
    /// Starts a server that speaks `version` only and offers `capabilities`: it is greeted, then `script` goes on. Also gives
    /// the client's end.
    pub fn run(
        version: ProtocolVersion,
        capabilities: Value,
        script: impl FnOnce(&mut Server) -> T + Send + 'static,
    ) -> (Self, End) {
        let (here, there) = memory::pair();
        let (sender, done) = bounded(1);
        thread::spawn(move || {
            let reader = BufReader::new(there.clone());
            let mut server = Server { version, reader, writer: there, heard: Conversation::default() };
            let run = std::panic::AssertUnwindSafe(|| {
                server.greet(&capabilities);
                script(&mut server)
            });
            let _ = sender.send(std::panic::catch_unwind(run));
        });
        (Self { done }, here)
    }

    /// Waits for the end of the script; a panic in it is one of the test.
    pub fn finish(self) -> T {
        match self.done.recv_timeout(BOUND).expect("the script ends") {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}

impl Server {
    fn greet(&mut self, capabilities: &Value) {
        let info = json!({"name": "scripted", "version": "1"});
        if !self.version.has_handshake() {
            let discover = self.expect("server/discover");
            let meta = json!({"io.modelcontextprotocol/serverInfo": info});
            let versions = [self.version.as_str()];
            return self.result(
                &discover,
                json!({"supportedVersions": versions, "capabilities": capabilities, "_meta": meta,
                    "resultType": "complete", "ttlMs": 0, "cacheScope": "private"}),
            );
        }
        let mut greeting = self.message();
        while greeting["method"] == "server/discover" {
            self.error(&greeting, -32601, "no such method");
            greeting = self.message();
        }
        assert_eq!(greeting["method"], "initialize");
        let result =
            json!({"protocolVersion": self.version.as_str(), "capabilities": capabilities, "serverInfo": info});
        self.result(&greeting, result);
        self.expect("notifications/initialized");
    }

    /// What is spoken.
    pub fn version(&self) -> ProtocolVersion {
        self.version
    }

    /// The next message of the client.
    ///
    /// # Panics
    ///
    /// When there is none, or it is not what the schema says.
    pub fn message(&mut self) -> Value {
        self.try_next().expect("another message")
    }

    /// The same; `None` when the client has closed its end.
    pub fn try_next(&mut self) -> Option<Value> {
        let mut line = String::new();
        if self.reader.read_line(&mut line).expect("a line") == 0 {
            return None;
        }
        self.heard.sent(Side::Client, line.trim_end().as_bytes());
        Some(serde_json::from_str(&line).expect("JSON"))
    }

    /// The next message of the client, which must be this one.
    ///
    /// # Panics
    ///
    /// When it is another.
    pub fn expect(&mut self, method: &str) -> Value {
        let message = self.message();
        assert_eq!(message["method"], method, "{message}");
        message
    }

    /// Answers a request.
    pub fn result(&mut self, request: &Value, result: Value) {
        self.send(json!({"jsonrpc": "2.0", "id": request["id"], "result": result}));
    }

    /// Refuses a request.
    pub fn error(&mut self, request: &Value, code: i64, message: &str) {
        let error = json!({"code": code, "message": message});
        self.send(json!({"jsonrpc": "2.0", "id": request["id"], "error": error}));
    }

    /// Sends a notification.
    pub fn notify(&mut self, method: &str, params: Value) {
        self.send(json!({"jsonrpc": "2.0", "method": method, "params": params}));
    }

    /// Sends any message. A client that is gone is no failure of the script.
    pub fn send(&mut self, message: Value) {
        let line = message.to_string();
        self.heard.overheard(Side::Server, line.as_bytes());
        let _ = writeln!(self.writer, "{line}").and_then(|()| self.writer.flush());
    }
}
