//! The server at one end of a stream of lines (R-IO): what it answers to each line, and when it stops.
// In helpers too a panic is the report.
#![allow(clippy::unwrap_used)]

use std::io::{Read, Write};
use std::sync::mpsc;
use std::time::Duration;

use mcp_core::time::Instant;
use mcp_server_tiny::types::Change;
use mcp_server_tiny::{Call, Pipe, Server, Tool};
use mcp_tests::schema_judge::{Side, here};
use serde_json::{Value, json};

const META: &str =
    r#"{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#;

fn server() -> Server {
    Server::new("lines", "1.0.0")
        .tool(Tool::new("echo").param::<String>("text", "what"), |call: &mut Call<'_>| {
            Ok(call.arg::<&str>("text")?.to_owned())
        })
        .tool(Tool::new("change"), |call: &mut Call<'_>| {
            call.announce(Change::Tools);
            Ok("changed")
        })
        .tool(Tool::new("held").on_worker(), |call: &mut Call<'_>| {
            call.sleep(Duration::from_secs(60))?;
            Ok("too late")
        })
        .tool(Tool::new("soon").on_worker(), |_| Ok("from a worker"))
}

/// The messages that a pipe sends because of `input`, judged by the schema of their revision.
fn sent(pipe: &mut Pipe, input: &str) -> Vec<Value> {
    input.lines().for_each(|line| here(|judge| judge.overheard(Side::Client, line.as_bytes())));
    pipe.received(Instant::ZERO, input.as_bytes()).unwrap();
    taken(pipe)
}

fn taken(pipe: &mut Pipe) -> Vec<Value> {
    let output = String::from_utf8(pipe.output().to_vec()).unwrap();
    pipe.sent(output.len());
    assert!(output.is_empty() || output.ends_with('\n'), "{output:?}");
    output.lines().for_each(|line| here(|judge| judge.sent(Side::Server, line.as_bytes())));
    output.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn initialize(version: &str) -> String {
    let params = json!({"protocolVersion": version, "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}});
    format!("{}\n", json!({"jsonrpc": "2.0", "id": "hello", "method": "initialize", "params": params}))
}

fn opened(version: &str) -> Pipe {
    let mut pipe = server().pipe().unwrap();
    let answer = sent(&mut pipe, &initialize(version));
    assert_eq!(answer[0]["result"]["protocolVersion"], version);
    let initialized = "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}\n";
    assert_eq!(sent(&mut pipe, initialized), [Value::Null; 0]);
    pipe
}

fn call(id: i64, tool: &str, arguments: Value) -> String {
    format!(
        "{}\n",
        json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": {"name": tool, "arguments": arguments}})
    )
}

fn alone(id: Value, method: &str, mut params: Value) -> String {
    params["_meta"] = serde_json::from_str(META).unwrap();
    format!("{}\n", json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}))
}

#[test]
fn a_session_is_opened_by_its_handshake_and_each_line_is_answered_by_a_line() {
    // R-IO-2, R-IO-9
    for version in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] {
        let mut pipe = opened(version);
        let answer = sent(&mut pipe, &call(7, "echo", json!({"text": "a\nb\u{2028}c\r"})));
        assert_eq!(answer.len(), 1);
        assert_eq!(
            (&answer[0]["id"], &answer[0]["result"]["content"][0]["text"]),
            (&json!(7), &json!("a\nb\u{2028}c\r"))
        );
    }
}

#[test]
fn input_may_be_cut_anywhere_and_lines_may_end_as_on_windows() {
    // R-IO-26
    let whole = format!("\r\n \n{}", call(1, "echo", json!({"text": "x"})).replace('\n', "\r\n"));
    for at in 0..whole.len() {
        let mut pipe = opened("2025-11-25");
        let (before, after) = whole.split_at(at);
        let mut answers = sent(&mut pipe, before);
        answers.extend(sent(&mut pipe, after));
        assert_eq!(answers.len(), 1, "cut at {at}");
    }
}

#[test]
fn the_last_line_needs_no_end() {
    let mut pipe = opened("2025-11-25");
    assert_eq!(sent(&mut pipe, call(1, "echo", json!({"text": "x"})).trim_end()), [Value::Null; 0]);
    pipe.ended(Instant::ZERO).unwrap();
    assert_eq!(taken(&mut pipe)[0]["id"], 1);
}

#[test]
fn a_line_that_is_no_message_is_answered_and_the_next_one_is_served() {
    // R-IO-28
    let mut pipe = opened("2025-11-25");
    let answers =
        sent(&mut pipe, &format!("not json\n{{\"jsonrpc\":\"2.0\"}}\n{}", call(1, "echo", json!({"text": "x"}))));
    assert_eq!(answers[0]["error"]["code"], -32700);
    assert_eq!(answers[0]["id"], Value::Null);
    assert_eq!(answers[1]["error"]["code"], -32600);
    assert_eq!(answers[2]["id"], 1);
}

#[test]
fn a_line_without_end_passes_a_limit_that_is_named() {
    // R-IO-29
    let mut pipe = server().message_limits(|limits| limits.message_bytes = 100).pipe().unwrap();
    let refused = pipe.received(Instant::ZERO, &[b'x'; 101]).unwrap_err();
    assert!(refused.to_string().contains("message_bytes"), "{refused}");
    assert!(pipe.received(Instant::ZERO, b"\n").is_err(), "where the next line begins is unknown");
}

#[test]
fn batches_are_lines_in_2025_03_26_only() {
    // R-IO-8
    let batch = format!(
        "[{},{}]\n",
        call(1, "echo", json!({"text": "a"})).trim(),
        call(2, "echo", json!({"text": "b"})).trim()
    );
    let answers = sent(&mut opened("2025-03-26"), &batch);
    assert_eq!((&answers[0]["id"], &answers[1]["id"]), (&json!(1), &json!(2)));
    for version in ["2024-11-05", "2025-06-18", "2025-11-25"] {
        assert_eq!(sent(&mut opened(version), &batch)[0]["error"]["code"], -32600, "{version}");
    }
}

#[test]
fn requests_stand_alone_beside_a_session_and_without_one() {
    // R-IO-14, R-IO-19
    for mut pipe in [server().pipe().unwrap(), opened("2025-11-25")] {
        let answer =
            sent(&mut pipe, &alone(json!("a"), "tools/call", json!({"name": "echo", "arguments": {"text": "x"}})));
        assert_eq!(answer[0]["result"]["resultType"], "complete");
        assert_eq!(answer[0]["id"], "a");
        let found = &sent(&mut pipe, &alone(json!(1), "server/discover", json!({})))[0]["result"];
        assert!(found["supportedVersions"].as_array().unwrap().contains(&json!("2026-07-28")), "{found}");
        assert!(found["capabilities"]["tools"].is_object());
    }
}

#[test]
fn what_a_request_that_stands_alone_lacks_is_named() {
    let mut pipe = server().pipe().unwrap();
    let bare = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"server/discover\"}\n";
    assert_eq!(sent(&mut pipe, bare)[0]["error"]["code"], -32602, "no claim");
    let listed = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}\n";
    assert_eq!(sent(&mut pipe, listed)[0]["error"]["code"], -32600, "no handshake");
    for method in ["ping", "initialize", "logging/setLevel", "resources/subscribe", "unknown/method"] {
        assert_eq!(sent(&mut pipe, &alone(json!(1), method, json!({})))[0]["error"]["code"], -32601, "{method}");
    }
    let other = alone(json!(1), "tools/list", json!({})).replace("2026-07-28", "2099-01-01");
    let error = &sent(&mut pipe, &other)[0]["error"];
    assert_eq!((&error["code"], &error["data"]["requested"]), (&json!(-32022), &json!("2099-01-01")));
    assert!(error["data"]["supported"].as_array().unwrap().contains(&json!("2026-07-28")));
}

#[test]
fn a_cancelled_request_is_answered_by_nothing() {
    // R-IO-15, R-IO-16, R-IO-36
    let mut pipe = opened("2025-11-25");
    for input in [alone(json!("slow"), "tools/call", json!({"name": "held"})), call(9, "held", json!({}))] {
        assert_eq!(sent(&mut pipe, &input), [Value::Null; 0]);
    }
    assert_eq!(pipe.in_flight(), 2);
    let again = sent(&mut pipe, &alone(json!("slow"), "tools/list", json!({})));
    assert_eq!(again[0]["error"]["code"], -32600, "its id is taken");
    for id in [json!("slow"), json!(9), json!("nobody's")] {
        let cancelled = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": id}});
        assert_eq!(sent(&mut pipe, &format!("{cancelled}\n")), [Value::Null; 0]);
    }
    assert_eq!(pipe.in_flight(), 0);
    pipe.deliver_replies(Instant::ZERO);
    assert_eq!(taken(&mut pipe), [Value::Null; 0]);
}

#[test]
fn requests_that_stand_alone_are_bounded_while_they_have_no_answer() {
    // R-SEC-7
    let mut pipe = server().message_limits(|limits| limits.requests_in_flight = 1).pipe().unwrap();
    let held = |id: i64| alone(json!(id), "tools/call", json!({"name": "held"}));
    assert_eq!(sent(&mut pipe, &held(1)), [Value::Null; 0]);
    assert_eq!(sent(&mut pipe, &held(2))[0]["error"]["code"], -32603);
    let cancelled = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}});
    sent(&mut pipe, &format!("{cancelled}\n"));
    assert_eq!(sent(&mut pipe, &held(3)), [Value::Null; 0]);
}

#[test]
fn subscriptions_are_acknowledged_told_apart_and_ended() {
    // R-IO-12, R-IO-13, R-IO-15, R-ST-40, R-ST-41, R-ST-45, R-LM-51
    let mut pipe = server().pipe().unwrap();
    let wanted = json!({"notifications": {"toolsListChanged": true}});
    for id in [json!(1), json!("1"), json!(2)] {
        let first = sent(&mut pipe, &alone(id.clone(), "subscriptions/listen", wanted.clone()));
        assert_eq!(first[0]["method"], "notifications/subscriptions/acknowledged");
        assert_eq!(first[0]["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"], id);
    }
    let cancelled = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 2}});
    assert_eq!(sent(&mut pipe, &format!("{cancelled}\n")), [Value::Null; 0]);

    let told = sent(&mut pipe, &alone(json!(3), "tools/call", json!({"name": "change"})));
    let ids: Vec<&Value> = told
        .iter()
        .filter(|message| message["method"] == "notifications/tools/list_changed")
        .map(|message| &message["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"])
        .collect();
    assert_eq!(ids, [&json!(1), &json!("1")]);

    pipe.stop();
    let end = taken(&mut pipe);
    assert_eq!(end[0]["method"], "notifications/cancelled");
    assert_eq!((&end[1]["id"], &end[1]["result"]["resultType"]), (&json!(1), &json!("complete")));
    assert_eq!(end.len(), 4);
}

#[test]
fn subscriptions_are_bounded() {
    let mut pipe = server().limits(|limits| limits.subscriptions = 1).pipe().unwrap();
    let wanted = json!({"notifications": {"toolsListChanged": true}});
    sent(&mut pipe, &alone(json!(1), "subscriptions/listen", wanted.clone()));
    assert_eq!(sent(&mut pipe, &alone(json!(2), "subscriptions/listen", wanted))[0]["error"]["code"], -32603);
    assert_eq!(sent(&mut pipe, &alone(json!(3), "subscriptions/listen", json!({})))[0]["error"]["code"], -32603);
}

#[test]
fn what_one_subscription_names_has_a_bound_in_bytes() {
    // R-SEC-7
    let text = |_: &mut Call<'_>| Ok(Some("x"));
    let server = server().resource_template(mcp_server_tiny::ResourceTemplate::new("a:{+x}", "a"), text);
    let mut pipe = server.pipe().unwrap();
    let mut listen = |count: usize| {
        let uris: Vec<String> = (0..count).map(|number| format!("a:{number:08190}")).collect();
        let wanted = json!({"notifications": {"resourceSubscriptions": uris}});
        sent(&mut pipe, &alone(json!(count), "subscriptions/listen", wanted)).remove(0)
    };
    let refused = listen(9);
    assert_eq!(refused["error"]["code"], -32602, "{refused}");
    assert!(refused["error"]["message"].to_string().contains("subscription_bytes"));
    assert_eq!(listen(8)["method"], "notifications/subscriptions/acknowledged");
}

#[test]
fn a_session_is_told_of_changes_once_it_is_open() {
    let mut pipe = opened("2025-06-18");
    let told = sent(&mut pipe, &call(1, "change", json!({})));
    assert!(told.iter().any(|message| message["method"] == "notifications/tools/list_changed"), "{told:?}");
}

const ANSWER: usize = 100_000;

/// A server whose answers are long beside what it lets wait.
fn wordy() -> Server {
    let large = |_: &mut Call<'_>| Ok("x".repeat(ANSWER));
    server().tool(Tool::new("large"), large).limits(|limits| limits.output_bytes = 2 * ANSWER)
}

#[test]
fn lines_that_come_at_once_have_no_more_answers_at_once_than_may_wait() {
    // R-SEC-7
    let mut pipe = wordy().pipe().unwrap();
    let lines: String = (0..100).map(|id| alone(json!(id), "tools/call", json!({"name": "large"}))).collect();
    pipe.received(Instant::ZERO, lines.as_bytes()).unwrap();
    let mut answered = 0;
    loop {
        assert!(pipe.output().len() <= 4 * ANSWER, "{} bytes", pipe.output().len());
        answered += taken(&mut pipe).len();
        if pipe.next_wake() != Some(Instant::ZERO) {
            break;
        }
        pipe.handle_timeouts(Instant::ZERO);
    }
    assert_eq!(answered, 100);
}

#[test]
fn lines_that_waited_for_room_are_served_before_more_is_read() {
    let (input, reader) = mpsc::channel();
    let (writer, output) = mpsc::channel();
    let serving = std::thread::spawn(move || wordy().serve(Channel(reader, Vec::new()), Sent(writer)));
    let lines: String = (0..100).map(|id| alone(json!(id), "tools/call", json!({"name": "large"}))).collect();
    input.send(lines.into_bytes()).unwrap();
    let mut answered = 0;
    while answered < 100 {
        let bytes = output.recv_timeout(SOON).expect("an answer to each");
        answered += bytes.iter().filter(|byte| **byte == b'\n').count();
    }
    drop(input);
    serving.join().unwrap().unwrap();
}

/// A reader that gives what is sent to it and ends when the sender is dropped.
struct Channel(mpsc::Receiver<Vec<u8>>, Vec<u8>);

impl Read for Channel {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.1.is_empty() {
            self.1 = self.0.recv().unwrap_or_default();
        }
        let count = self.1.len().min(buffer.len());
        buffer[..count].copy_from_slice(&self.1[..count]);
        self.1.drain(..count);
        Ok(count)
    }
}

/// A writer that passes on what it is given.
struct Sent(mpsc::Sender<Vec<u8>>);

impl Write for Sent {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.send(bytes.to_vec()).map_err(|_| std::io::ErrorKind::BrokenPipe)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

const SOON: Duration = Duration::from_secs(20);

#[test]
fn a_worker_s_answer_is_written_while_input_is_waited_for() {
    let (input, reader) = mpsc::channel();
    let (writer, output) = mpsc::channel();
    let serving = std::thread::spawn(move || server().serve(Channel(reader, Vec::new()), Sent(writer)));
    input.send(alone(json!(1), "tools/call", json!({"name": "soon"})).into_bytes()).unwrap();
    let line: Value = serde_json::from_slice(&output.recv_timeout(SOON).unwrap()).unwrap();
    assert_eq!(line["result"]["content"][0]["text"], "from a worker");
    drop(input);
    serving.join().unwrap().unwrap();
}

#[test]
fn the_end_of_input_ends_the_server_once_what_is_in_flight_is_answered() {
    // R-IO-23
    let (input, reader) = mpsc::channel();
    let (writer, output) = mpsc::channel();
    let serving = std::thread::spawn(move || server().serve(Channel(reader, Vec::new()), Sent(writer)));
    input.send(alone(json!(1), "tools/call", json!({"name": "soon"})).into_bytes()).unwrap();
    drop(input);
    serving.join().unwrap().unwrap();
    let line: Value = serde_json::from_slice(&output.recv_timeout(SOON).unwrap()).unwrap();
    assert_eq!(line["id"], 1);
    assert!(output.recv_timeout(SOON).is_err(), "its writer is gone");
}

#[test]
fn a_question_that_nobody_can_answer_any_more_holds_nothing_up() {
    // R-IO-23: input is over, and with it the way for an answer.
    let (input, reader) = mpsc::channel();
    let (writer, output) = mpsc::channel();
    let server = server().timeouts(|timeouts| timeouts.stop = Duration::from_secs(600));
    let server = server.tool(Tool::new("ask"), |call: &mut Call<'_>| Ok(call.roots("roots")?.roots.len().to_string()));
    let (done, ended) = mpsc::channel();
    std::thread::spawn(move || done.send(server.serve(Channel(reader, Vec::new()), Sent(writer))));
    let hello = initialize("2025-11-25").replace("\"capabilities\":{}", "\"capabilities\":{\"roots\":{}}");
    let lines = [hello, call(1, "ask", json!({}))].concat();
    input.send(lines.into_bytes()).unwrap();
    drop(input);
    ended.recv_timeout(SOON).expect("it ends").unwrap();
    let said: Vec<u8> = output.iter().flatten().collect();
    assert!(String::from_utf8(said).unwrap().contains("roots/list"), "it was asked");
}

#[test]
fn what_takes_too_long_at_the_end_is_cancelled() {
    let (input, reader) = mpsc::channel();
    let (writer, output) = mpsc::channel();
    let server = server().timeouts(|timeouts| timeouts.stop = Duration::from_millis(50));
    let serving = std::thread::spawn(move || server.serve(Channel(reader, Vec::new()), Sent(writer)));
    input.send(alone(json!(1), "tools/call", json!({"name": "held"})).into_bytes()).unwrap();
    drop(input);
    serving.join().unwrap().unwrap();
    assert!(output.recv_timeout(SOON).is_err(), "nothing was said for it");
}

#[test]
fn nobody_works_for_a_client_that_does_not_take_answers_any_more() {
    // R-IO-34: found out by the answer of another call, while input is waited for.
    let (input, reader) = mpsc::channel();
    let (writer, output) = mpsc::channel();
    drop(output);
    let (saw, seen) = mpsc::channel();
    let server = server().tool(Tool::new("watch").on_worker(), move |call: &mut Call<'_>| {
        let slept = call.sleep(Duration::from_secs(60));
        saw.send(slept.is_err())?;
        Ok("awake")
    });
    let serving = std::thread::spawn(move || server.serve(Channel(reader, Vec::new()), Sent(writer)));
    for (id, name) in [(1, "watch"), (2, "soon")] {
        input.send(alone(json!(id), "tools/call", json!({ "name": name })).into_bytes()).unwrap();
    }
    assert!(seen.recv_timeout(SOON).expect("it is told"));
    drop(input);
    serving.join().unwrap().unwrap();
}

#[test]
fn a_client_that_is_gone_ends_the_server_without_an_error() {
    // R-IO-34
    let (input, reader) = mpsc::channel();
    let (writer, output) = mpsc::channel();
    drop(output);
    let serving = std::thread::spawn(move || server().serve(Channel(reader, Vec::new()), Sent(writer)));
    input.send(alone(json!(1), "tools/list", json!({})).into_bytes()).unwrap();
    serving.join().unwrap().unwrap();
}
