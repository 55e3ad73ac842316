//! Handing on as JSON: requests with their metadata, questions that are answered from any thread, and what a server tells in its order.
#![allow(clippy::unwrap_used)]

use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use mcp_core::jsonrpc::Error as RpcError;
use mcp_core::revision::ProtocolVersion;
use mcp_core::types::{ClientCapabilities, LoggingLevel, Method, RootsCapability};
use mcp_sse_blocking::{Builder, Client, Error, Question, Told};
use mcp_tests::raw_http::PATIENCE;
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// A server of both eras that answers with what it was asked, and does as its tool is called.
#[derive(Default)]
struct Server {
    /// The call that waits for an answer.
    waiting: Value,
    heard: Arc<Mutex<Vec<Value>>>,
}

impl Server {
    fn step(&mut self, input: &[u8], output: &mut Vec<u8>) {
        for line in input.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let message: Value = serde_json::from_slice(line).unwrap();
            for said in self.answers(&message) {
                output.extend(said.bytes());
                output.push(b'\n');
            }
            self.heard.lock().unwrap().push(message);
        }
    }

    fn answers(&mut self, message: &Value) -> Vec<String> {
        let (id, params) = (&message["id"], &message["params"]);
        let result = |id: &Value, result: &str| format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#);
        let notification =
            |method: &str, params: Value| json!({"jsonrpc": "2.0", "method": method, "params": params}).to_string();
        let question = || json!({"jsonrpc": "2.0", "id": "q", "method": "roots/list"}).to_string();
        match (message["method"].as_str(), params["name"].as_str().unwrap_or_default()) {
            (Some("initialize"), _) => {
                let server = r#""serverInfo":{"name":"s","version":"1"},"capabilities":{"tools":{},"logging":{}}"#;
                vec![result(id, &format!(r#"{{"protocolVersion":"2025-11-25",{server}}}"#))]
            }
            (Some("server/discover"), _) => {
                vec![result(id, r#"{"supportedVersions":["2026-07-28"],"capabilities":{"tools":{}}}"#)]
            }
            (Some("tools/call"), "echo") => vec![result(id, &format!(r#"{{"own":1.50,"asked":{params}}}"#))],
            (Some("tools/call"), "input") => {
                vec![result(id, r#"{"resultType":"input_required","requestState":"s\u00e4"}"#)]
            }
            (Some("tools/call"), "told") => vec![
                notification("notifications/message", json!({"level": "error", "logger": "part", "data": [1]})),
                notification("notifications/own", json!({"x": 1})),
                result(id, "{}"),
            ],
            (Some("tools/call"), "ask") => {
                self.waiting = id.clone();
                vec![question()]
            }
            (Some("tools/call"), "take_back") => {
                vec![question(), notification("notifications/cancelled", json!({"requestId": "q"})), result(id, "{}")]
            }
            (None, _) if !self.waiting.is_null() => {
                let answer = message.get("result").or_else(|| message.get("error")).unwrap();
                vec![result(&std::mem::take(&mut self.waiting), &format!(r#"{{"answered":{answer}}}"#))]
            }
            _ => Vec::new(),
        }
    }
}

/// What the server heard.
type Heard = Arc<Mutex<Vec<Value>>>;

fn builder(version: ProtocolVersion) -> (Builder, Heard) {
    let mut server = Server::default();
    let heard = Arc::clone(&server.heard);
    let mut capabilities = ClientCapabilities::default();
    capabilities.roots = Some(RootsCapability::default());
    let step = move |input: &[u8], output: &mut Vec<u8>| server.step(input, output);
    (Client::around_builder(step).protocol_version(version).capabilities(capabilities), heard)
}

fn client(version: ProtocolVersion) -> (Client, Heard) {
    let (builder, heard) = builder(version);
    (builder.connect().unwrap(), heard)
}

/// A client whose questions come to the test.
fn asked() -> (Client, Receiver<Question>) {
    let (sender, questions) = channel();
    let sender = Mutex::new(sender);
    let (builder, _) = builder(ProtocolVersion::LATEST_HANDSHAKE);
    let builder = builder.on_question(move |question| sender.lock().unwrap().send(question).unwrap());
    (builder.connect().unwrap(), questions)
}

fn raw(value: Value) -> Box<RawValue> {
    RawValue::from_string(value.to_string()).unwrap()
}

fn relay(client: &Client, tool: &str) -> Result<Box<RawValue>, Error> {
    client.relay("tools/call").run(Some(&raw(json!({"name": tool}))), |_| {})
}

#[test]
fn parameters_and_results_go_through_and_the_protocols_own_metadata_does_not() {
    for version in [ProtocolVersion::LATEST_HANDSHAKE, ProtocolVersion::LATEST] {
        let (client, _) = client(version);
        let meta = json!({"progressToken": "theirs", "com.example/k": 1,
            "io.modelcontextprotocol/protocolVersion": "1999-01-01", "io.modelcontextprotocol/logLevel": "debug"});
        let params = raw(json!({"name": "echo", "own": [1], "_meta": meta}));
        let result = client.relay("tools/call").run(Some(&params), |_| {}).unwrap();
        assert!(result.get().contains(r#""own":1.50"#), "{result}");
        let asked = serde_json::from_str::<Value>(result.get()).unwrap()["asked"].clone();
        assert_eq!((&asked["own"], &asked["_meta"]["com.example/k"]), (&json!([1]), &json!(1)));
        assert!(asked["_meta"].get("progressToken").is_none(), "{asked}");
        assert!(asked["_meta"].get("io.modelcontextprotocol/logLevel").is_none());
        let revision = &asked["_meta"]["io.modelcontextprotocol/protocolVersion"];
        assert_eq!(revision.as_str(), (!version.has_handshake()).then_some(version.as_str()));
    }
}

#[test]
fn a_result_that_asks_for_input_comes_as_it_is() {
    let (client, _) = client(ProtocolVersion::LATEST);
    let result = relay(&client, "input").unwrap();
    assert_eq!(result.get(), r#"{"resultType":"input_required","requestState":"s\u00e4"}"#);
}

#[test]
fn a_request_is_cancelled_before_it_is_made_and_while_it_is_waited_for() {
    let (client, heard) = client(ProtocolVersion::LATEST_HANDSHAKE);
    let calls = || heard.lock().unwrap().iter().filter(|message| message["method"] == "tools/call").count();
    let early = client.relay("tools/call");
    early.canceller().cancel("too early");
    assert!(matches!(early.run(Some(&raw(json!({"name": "never"}))), |_| {}), Err(Error::Cancelled(_))));
    assert_eq!(calls(), 0);
    let relay = client.relay("tools/call");
    let canceller = relay.canceller();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| relay.run(Some(&raw(json!({"name": "never"}))), |_| {}));
        let start = Instant::now();
        while calls() == 0 {
            assert!(start.elapsed() < PATIENCE, "it is not made");
            std::thread::yield_now();
        }
        assert!(canceller.cancel("enough"));
        assert!(matches!(waiting.join().unwrap(), Err(Error::Cancelled(_))));
    });
    assert!(!canceller.cancel("again"), "it is over");
    client.close();
    let told = heard.lock().unwrap().iter().any(|message| message["method"] == "notifications/cancelled");
    assert!(told, "the server is told");
}

#[test]
fn a_request_has_a_deadline_of_its_own() {
    let (client, _) = client(ProtocolVersion::LATEST_HANDSHAKE);
    let relay = client.relay("tools/call").timeout(Some(Duration::from_millis(20)));
    let error = relay.run(Some(&raw(json!({"name": "never"}))), |_| {}).unwrap_err();
    assert!(matches!(error, Error::Timeout(_)), "{error}");
}

#[test]
fn a_question_is_answered_from_any_thread() {
    let (client, questions) = asked();
    for (answer, seen) in [
        (Ok(raw(json!({"roots": [], "own": 1}))), json!({"roots": [], "own": 1})),
        (Err(RpcError::new(-1, "no")), json!({"code": -1, "message": "no"})),
    ] {
        std::thread::scope(|scope| {
            let call = scope.spawn(|| relay(&client, "ask"));
            let question = questions.recv_timeout(PATIENCE).unwrap();
            assert_eq!((question.method(), question.params().map(RawValue::get)), (Method::RootsList, None));
            question.answer(answer);
            let result = call.join().unwrap().unwrap();
            assert_eq!(serde_json::from_str::<Value>(result.get()).unwrap()["answered"], seen);
        });
    }
}

#[test]
fn a_question_that_nobody_keeps_is_refused() {
    let (client, questions) = asked();
    std::thread::scope(|scope| {
        let call = scope.spawn(|| relay(&client, "ask"));
        drop(questions.recv_timeout(PATIENCE).unwrap());
        assert!(call.join().unwrap().unwrap().get().contains("-32603"));
    });
}

#[test]
fn that_a_question_is_taken_back_is_heard_once() {
    let (client, questions) = asked();
    relay(&client, "take_back").unwrap();
    let question = questions.recv_timeout(PATIENCE).unwrap();
    let (sender, taken_back) = channel();
    // It was before: heard at once.
    question.on_withdraw(move || sender.send(()).unwrap());
    taken_back.recv_timeout(PATIENCE).unwrap();
    // And nothing is sent any more.
    question.answer(Ok(raw(json!({"roots": []}))));
    assert!(relay(&client, "echo").is_ok());
}

#[test]
fn what_a_server_tells_is_handed_on_before_the_answer_that_follows() {
    let told: Arc<Mutex<Vec<String>>> = Arc::default();
    let (builder, _) = builder(ProtocolVersion::LATEST_HANDSHAKE);
    let seen = Arc::clone(&told);
    let client = builder
        .on_told(move |message| {
            seen.lock().unwrap().push(match message {
                Told::Log { level: LoggingLevel::Error, logger, data } => {
                    format!("{} {data}", logger.unwrap_or_default())
                }
                Told::Notification { method, params } => format!("{method} {}", params.map_or("", RawValue::get)),
                other => format!("{other:?}"),
            });
        })
        .connect()
        .unwrap();
    for _ in 0..100 {
        told.lock().unwrap().clear();
        relay(&client, "told").unwrap();
        assert_eq!(*told.lock().unwrap(), ["part [1]", r#"notifications/own {"x":1}"#]);
    }
}

#[test]
fn a_handler_that_panics_harms_nobody() {
    let (builder, _) = builder(ProtocolVersion::LATEST_HANDSHAKE);
    let client = builder.on_question(|_| panic!("of the test")).on_told(|_| panic!("of the test")).connect().unwrap();
    relay(&client, "told").unwrap();
    assert!(relay(&client, "ask").unwrap().get().contains("-32603"));
}
