//! A server on standard input and output for the tests of the bridge: a handshake of 2025-11-25, and tools that show what goes through.
//!
//! | Tool | Does |
//! | --- | --- |
//! | `echo` | gives its parameters back, in a result with members that nobody knows |
//! | `fail` | answers with an error that has data |
//! | `pid`, `note` | its process; what `text` was noted before, if anything |
//! | `die`, `never` | ends with 3; answers nothing |
//! | `ask`, `roots`, `sample` | asks its client, and answers with what it was answered |
//! | `visit`, `visited` | sends its user to the page `id`, and answers with what it was answered; tells that somebody was there |
//! | `withdraw` | asks, takes the question back, and answers |
//! | `progress`, `log` | tells three steps; logs an error and something for nobody |
//! | `changed`, `update` | tells that the tools have changed, or the resource `uri` if somebody subscribed |
//! | `seen` | what it knows of its client: capabilities, level, subscriptions, calls of `never`, cancellations, changed roots, the variable `name` |
//!
//! While the file that its argument names exists, it does not answer who subscribes to a resource, and writes `asked` into it.
//!
//! It asks for the roots of its client at once when the client is ready, as official servers do, and waits for nothing.

use std::collections::BTreeSet;
use std::io::{BufRead, Write};
use std::process::exit;

use serde_json::{Value, json};

#[derive(Default)]
struct Upstream {
    note: Value,
    capabilities: Value,
    level: Value,
    subscribed: BTreeSet<String>,
    never: usize,
    cancelled: Vec<Value>,
    roots: Value,
    roots_changed: usize,
    /// Questions without an answer: the id of the question, and of the call that waits for it.
    asked: Vec<(String, Value)>,
    questions: usize,
}

fn main() {
    let mut upstream = Upstream::default();
    for line in std::io::stdin().lock().lines() {
        let Some(message) = line.ok().and_then(|line| serde_json::from_str::<Value>(&line).ok()) else { exit(71) };
        upstream.handle(&message);
    }
}

/// The file that is there when nothing is to be said of subscriptions.
fn silenced() -> Option<String> {
    std::env::args().nth(1).filter(|file| std::fs::exists(file).is_ok_and(|exists| exists))
}

fn write(message: &Value) {
    write_text(&message.to_string());
}

fn write_text(text: &str) {
    let mut out = std::io::stdout().lock();
    if writeln!(out, "{text}").and_then(|()| out.flush()).is_err() {
        exit(7);
    }
}

fn result(id: &Value, result: &Value) {
    write(&json!({"jsonrpc": "2.0", "id": id, "result": result}));
}

fn text(id: &Value, text: impl std::fmt::Display) {
    result(id, &json!({"content": [{"type": "text", "text": text.to_string()}]}));
}

fn notify(method: &str, params: &Value) {
    write(&json!({"jsonrpc": "2.0", "method": method, "params": params}));
}

impl Upstream {
    fn handle(&mut self, message: &Value) {
        let (id, params) = (&message["id"], &message["params"]);
        match message["method"].as_str() {
            None => self.answered(message),
            Some("initialize") => {
                self.capabilities = params["capabilities"].clone();
                let capabilities = json!({"tools": {"listChanged": true}, "logging": {}, "completions": {}, "prompts": {},
                    "resources": {"subscribe": true, "listChanged": true}, "tasks": {}, "experimental": {"own": {}}});
                let info = json!({"name": "upstream", "version": "7.0.0", "title": "Up"});
                let answer = json!({"protocolVersion": "2025-11-25", "capabilities": capabilities, "serverInfo": info,
                    "instructions": "Ask nicely."});
                result(id, &answer);
            }
            Some("notifications/initialized") if self.capabilities.get("roots").is_some() => {
                write(&json!({"jsonrpc": "2.0", "id": "first", "method": "roots/list"}));
            }
            Some("notifications/cancelled") => self.cancelled.push(params["requestId"].clone()),
            Some("notifications/roots/list_changed") => self.roots_changed += 1,
            Some("tools/list") => {
                // Two pages, with cursors that only this server understands.
                let tool = |name: &str| json!({"name": name, "inputSchema": {"type": "object"}, "own": 1.5});
                match params["cursor"].as_str() {
                    None => result(id, &json!({"tools": [tool("echo")], "nextCursor": "a/b+c=="})),
                    Some("a/b+c==") => result(id, &json!({"tools": [tool("note")]})),
                    Some(_) => self.error(id, -32602, "no such cursor"),
                }
            }
            Some("tools/call") => self.call(id, params),
            Some("resources/list") => result(id, &json!({"resources": [{"uri": "a:b", "name": "b"}]})),
            Some("resources/read") => result(id, &json!({"contents": [{"uri": params["uri"], "text": "read"}]})),
            Some("prompts/get") => result(id, &json!({"messages": []})),
            Some("completion/complete") => result(id, &json!({"completion": {"values": ["completed"]}})),
            Some("resources/subscribe") if silenced().is_some_and(|file| std::fs::write(file, "asked").is_ok()) => {}
            Some("resources/subscribe") => {
                self.subscribed.insert(params["uri"].as_str().unwrap_or_default().into());
                result(id, &json!({}));
            }
            Some("resources/unsubscribe") => {
                self.subscribed.remove(params["uri"].as_str().unwrap_or_default());
                result(id, &json!({}));
            }
            Some("logging/setLevel") => {
                self.level = params["level"].clone();
                result(id, &json!({}));
            }
            Some("ping") => result(id, &json!({})),
            Some(method) if !id.is_null() => self.error(id, -32601, &format!("no `{method}` here")),
            Some(_) => {}
        }
    }

    fn error(&self, id: &Value, code: i64, text: &str) {
        write(&json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": text}}));
    }

    fn call(&mut self, id: &Value, params: &Value) {
        let arguments = &params["arguments"];
        match params["name"].as_str().unwrap_or_default() {
            "echo" => write_text(&format!(
                r#"{{"jsonrpc":"2.0","id":{id},"result":{{"content":[],"own":{{"digits":1.50}},"asked":{params},"_meta":{{"com.example/k":2.50}}}}}}"#
            )),
            "fail" => {
                let error = json!({"code": -31999, "message": "out of paper", "data": {"tray": 2}});
                write(&json!({"jsonrpc": "2.0", "id": id, "error": error}));
            }
            "pid" => text(id, std::process::id()),
            "note" => {
                let before = std::mem::replace(&mut self.note, arguments["text"].clone());
                text(id, before);
            }
            "die" => exit(3),
            "never" => self.never += 1,
            "ask" => {
                let properties = json!({"name": {"type": "string"}});
                let form = json!({"type": "object", "properties": properties, "required": ["name"]});
                self.ask(id, "elicitation/create", json!({"message": "Who?", "requestedSchema": form}));
            }
            "roots" => self.ask(id, "roots/list", Value::Null),
            "sample" => {
                let message = json!({"role": "user", "content": {"type": "text", "text": "hi"}});
                self.ask(id, "sampling/createMessage", json!({"messages": [message], "maxTokens": 5}));
            }
            "visit" => {
                let page = json!({"mode": "url", "message": "Go", "url": "https://pages.example/", "elicitationId": arguments["id"]});
                self.ask(id, "elicitation/create", page);
            }
            "visited" => {
                notify("notifications/elicitation/complete", &json!({"elicitationId": arguments["id"]}));
                text(id, "told");
            }
            "withdraw" => {
                self.ask(id, "roots/list", Value::Null);
                if let Some((question, _)) = self.asked.pop() {
                    notify("notifications/cancelled", &json!({"requestId": question, "reason": "never mind"}));
                }
                text(id, "taken back");
            }
            "progress" => {
                let token = &params["_meta"]["progressToken"];
                for step in 1..=3 {
                    let report = json!({"progressToken": token, "progress": step, "total": 3, "message": "on"});
                    notify("notifications/progress", &report);
                }
                text(id, token);
            }
            "log" => {
                notify("notifications/message", &json!({"level": "debug", "logger": "part", "data": "for nobody"}));
                notify("notifications/message", &json!({"level": "error", "logger": "part", "data": {"why": [1]}}));
                text(id, "logged");
            }
            "changed" => {
                notify("notifications/tools/list_changed", &json!({}));
                text(id, "told");
            }
            "update" => {
                let uri = arguments["uri"].as_str().unwrap_or_default();
                if self.subscribed.contains(uri) {
                    notify("notifications/resources/updated", &json!({"uri": uri}));
                }
                text(id, self.subscribed.len());
            }
            "seen" => {
                let variable = arguments["name"].as_str().and_then(|name| std::env::var(name).ok());
                let seen = json!({"capabilities": self.capabilities, "level": self.level, "subscribed": self.subscribed,
                    "cancelled": self.cancelled.len(), "roots": self.roots, "rootsChanged": self.roots_changed,
                    "variable": variable, "never": self.never});
                text(id, seen);
            }
            name => self.error(id, -32602, &format!("no tool `{name}`")),
        }
    }

    fn ask(&mut self, call: &Value, method: &str, params: Value) {
        self.questions += 1;
        let id = format!("q-{}", self.questions);
        let mut question = json!({"jsonrpc": "2.0", "id": id, "method": method});
        if !params.is_null() {
            question["params"] = params;
        }
        write(&question);
        self.asked.push((id, call.clone()));
    }

    fn answered(&mut self, message: &Value) {
        let answer = message.get("result").or_else(|| message.get("error")).cloned().unwrap_or_default();
        if message["id"] == "first" {
            self.roots = answer;
            return;
        }
        let at = self.asked.iter().position(|(question, _)| message["id"] == question.as_str());
        if let Some(at) = at {
            let (_, call) = self.asked.remove(at);
            text(&call, answer);
        }
    }
}
