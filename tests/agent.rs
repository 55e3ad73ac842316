//! The agent of the examples, run as its user runs it, against an endpoint that says what the test wants: the tools go out, a call
//! is asked for, its result goes back, the answer comes out; and what models and endpoints do wrong.

#![allow(clippy::unwrap_used)] // a panic is the report

use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::JoinHandle;

use mcp_server_tiny::{Handle, Server, Tool, ToolError};
use mcp_tests::peers;
use mcp_tests::process::Process;
use mcp_tests::scripted_peer::{Peer, Request};
use serde_json::{Value, json};

const KEY: &str = "sk-canary-key";

/// A server with the tools that the model may use, and a file that names it and one that is down.
struct Calendar {
    /// The agent. Building it may take longer than a scripted endpoint waits.
    agent: PathBuf,
    file: PathBuf,
    stop: Handle,
    running: Option<JoinHandle<()>>,
}

impl Calendar {
    fn start(test: &str) -> Self {
        let agent = peers::example("agent");
        let events =
            Tool::new("get_events").description("Events of a day").param::<String>("day", "such as 2025-05-05");
        let bound = Server::new("calendar", "1.0.0")
            .tool(events, |call| {
                let day = call.arg::<String>("day")?;
                if day == "2025-05-05" { Ok("Dentist at 9".to_owned()) } else { Err(ToolError::new("no such day")) }
            })
            .tool(Tool::new("long"), |_| Ok("x".repeat(100_000)))
            .tool(Tool::new("delete_all"), |_| Ok("everything is gone"))
            .bind("127.0.0.1:0")
            .unwrap();
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("agent_{test}.json"));
        let servers = json!({"mcpServers": {
            "calendar": {"url": format!("http://{}/mcp", bound.local_addr()), "excludeTools": ["delete_*"]},
            "down": {"command": "/no/such/program"},
        }});
        std::fs::write(&file, servers.to_string()).unwrap();
        let stop = bound.handle();
        Self { agent, file, stop, running: Some(std::thread::spawn(move || bound.run().unwrap())) }
    }

    /// Runs the agent with these tools and the endpoint at `url`.
    fn agent(&self, url: &str) -> Run {
        run(Command::new(&self.agent).arg(&self.file).arg("What is on the fifth of May?").envs([
            ("OPENAI_BASE_URL", url),
            ("OPENAI_MODEL", "scripted"),
            ("OPENAI_API_KEY", KEY),
        ]))
    }
}

impl Drop for Calendar {
    fn drop(&mut self) {
        self.stop.stop();
        self.running.take().map(JoinHandle::join);
    }
}

/// What a run of the agent printed and how it ended.
struct Run {
    answer: Vec<String>,
    said: Vec<String>,
    code: Option<i32>,
}

fn run(command: &mut Command) -> Run {
    let mut process = Process::start(command);
    let answer = std::iter::from_fn(|| process.line()).collect();
    let said = std::iter::from_fn(|| process.error_line()).collect();
    let code = process.wait().code();
    // Shown with `--nocapture`.
    eprintln!("{}", process.log());
    Run { answer, said, code }
}

impl Run {
    #[track_caller]
    fn assert_fails(&self, expected: &str) {
        let last = self.said.last().unwrap();
        assert_eq!((last.as_str(), self.code), (expected, Some(1)));
        assert!(!self.said.iter().any(|line| line.contains(KEY)), "{:?}", self.said);
    }
}

fn reply(request: &Request, message: &Value) {
    let body = json!({"id": "chatcmpl-1", "object": "chat.completion", "choices": [{"index": 0, "message": message}]});
    ok(request, &body.to_string());
}

fn ok(request: &Request, body: &str) {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n", body.len());
    request.answer(head + body);
}

/// The model asks for calls: the names of functions and the texts of their arguments.
fn ask_for(calls: &[(&str, &str)]) -> Value {
    let call = |(number, (name, arguments)): (usize, &(&str, &str))| json!({"id": format!("call_{number}"), "type": "function", "function": {"name": name, "arguments": arguments}});
    let calls: Vec<Value> = calls.iter().enumerate().map(call).collect();
    json!({"role": "assistant", "content": null, "tool_calls": calls, "reasoning_content": "kept as it came"})
}

fn answer(text: &str) -> Value {
    json!({"role": "assistant", "content": text})
}

/// What the model is told came of its calls, of the last messages of a request.
fn results(request: &Request, count: usize) -> Vec<String> {
    let json = request.json();
    let messages = json["messages"].as_array().unwrap();
    let results = messages[messages.len() - count..].iter().enumerate().map(|(number, message)| {
        assert_eq!((&message["role"], &message["tool_call_id"]), (&json!("tool"), &json!(format!("call_{number}"))));
        message["content"].as_str().unwrap().to_owned()
    });
    results.collect()
}

#[test]
fn the_model_calls_a_tool_and_answers_with_what_it_gave() {
    let calendar = Calendar::start("answers");
    let endpoint = Peer::run_plain(|peer| {
        let first = peer.request();
        assert_eq!((first.method.as_str(), first.target.as_str()), ("POST", "/v1/chat/completions"));
        assert_eq!(first.header("authorization"), Some("Bearer sk-canary-key"));
        let json = first.json();
        assert_eq!(json["model"], "scripted");
        assert_eq!(json["messages"], json!([{"role": "user", "content": "What is on the fifth of May?"}]));
        // The denied tool is not among them, and neither are those of the server that is down.
        let tools = json["tools"].as_array().unwrap();
        let names: Vec<&Value> = tools.iter().map(|tool| &tool["function"]["name"]).collect();
        assert_eq!(names, ["calendar__get_events", "calendar__long"]);
        assert_eq!(tools[0]["type"], "function");
        assert_eq!(tools[0]["function"]["description"], "Events of a day");
        assert_eq!(tools[0]["function"]["parameters"]["required"], json!(["day"]));
        let call = ask_for(&[("calendar__get_events", r#"{"day":"2025-05-05"}"#)]);
        reply(&first, &call);

        let second = peer.request();
        assert_eq!(second.json()["messages"][1], call, "what the model said goes back as it came");
        assert_eq!(results(&second, 1), ["Dentist at 9"]);
        reply(&second, &answer("You are at the dentist's at nine.\u{1b}[2J"));
    });
    let run = calendar.agent(&endpoint.url("/v1/"));
    assert_eq!(run.answer, ["You are at the dentist's at nine.\u{FFFD}[2J"], "nothing that a terminal would obey");
    assert_eq!(run.code, Some(0));
    assert!(run.said[0].starts_with("left out: the server `down`: "), "{:?}", run.said);
    assert_eq!(
        run.said[1..],
        [
            "tools: calendar__get_events, calendar__long",
            r#"[1] calendar__get_events {"day":"2025-05-05"}"#,
            "[1] = Dentist at 9",
        ]
    );
    endpoint.finish();
}

#[test]
fn what_goes_wrong_with_a_call_is_told_to_the_model() {
    let calendar = Calendar::start("wrong_calls");
    let endpoint = Peer::run_plain(|peer| {
        reply(
            &peer.request(),
            &ask_for(&[
                ("calendar__get_weather", "{}"),
                ("calendar__delete_all", "{}"),
                ("calendar__get_events", r#"{"day": "2025-05-05""#),
                ("calendar__get_events", "[1]"),
                ("calendar__get_events", ""),
                ("calendar__get_events", r#"{"day":"2025-05-06"}"#),
                ("calendar__long", ""),
            ]),
        );
        let second = peer.request();
        let results = results(&second, 7);
        assert_eq!(results[0], "error: there is no tool `calendar__get_weather`");
        assert_eq!(results[1], "error: there is no tool `calendar__delete_all`");
        assert!(results[2].starts_with("error: the arguments are no JSON object: EOF"), "{}", results[2]);
        assert!(results[3].starts_with("error: the arguments are no JSON object: invalid type"), "{}", results[3]);
        // The server says what is missing; how it says it is its matter.
        assert!(results[4].contains("day"), "{}", results[4]);
        assert_eq!(results[5], "the tool failed: no such day");
        assert_eq!(results[6], "x".repeat(64 << 10) + "\n[the rest is cut off]");
        reply(&second, &answer("I cannot say."));
    });
    let run = calendar.agent(&endpoint.url("/v1"));
    assert_eq!((run.answer, run.code), (vec!["I cannot say.".to_owned()], Some(0)));
    assert_eq!(run.said.last().unwrap(), &format!("[1] = {}...", "x".repeat(200)));
    endpoint.finish();
}

#[test]
fn a_model_that_asks_for_too_much_is_ended() {
    let calendar = Calendar::start("too_much");
    let endpoint = Peer::run_plain(|peer| {
        let many = vec![("calendar__get_events", r#"{"day":"2025-05-05"}"#); 17];
        reply(&peer.request(), &ask_for(&many));
        let second = peer.request();
        assert_eq!(results(&second, 17)[15..], ["Dentist at 9", "not called: there may be 16 calls at once"]);
        reply(&second, &ask_for(&many[..1]));
        for _ in 2..10 {
            reply(&peer.request(), &ask_for(&many[..1]));
        }
    });
    calendar.agent(&endpoint.url("/v1")).assert_fails("agent: the model asked for calls 10 times and gave no answer");
    endpoint.finish();

    let endpoint = Peer::run_plain(|peer| {
        let request = peer.request();
        request.answer("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{\"choices\": \"");
        request.answer(vec![b' '; 5 << 20]);
        request.hang_up();
    });
    calendar
        .agent(&endpoint.url("/v1"))
        .assert_fails("agent: the endpoint cannot be asked: the response body is larger than request limit: 4194304");
    endpoint.finish();
}

#[test]
fn an_endpoint_that_refuses_says_why_and_the_key_is_not_shown() {
    let calendar = Calendar::start("refused");
    for (status, body, expected) in [
        (
            "401 Unauthorized",
            format!(
                r#"{{"error": {{"message": "Incorrect API key provided: {KEY}.", "type": "invalid_request_error"}}}}"#
            ),
            "the endpoint refuses the key; see OPENAI_API_KEY (HTTP status 401): Incorrect API key provided: ***.",
        ),
        (
            "404 Not Found",
            r#"{"error": "model \"scripted\" not found"}"#.to_owned(),
            "the endpoint or the model is not there; see OPENAI_BASE_URL and OPENAI_MODEL (HTTP status 404): model \"scripted\" not found",
        ),
        (
            "429 Too Many Requests",
            String::new(),
            "the endpoint has had too many requests or too little money (HTTP status 429)",
        ),
        ("307 Temporary Redirect", String::new(), "the endpoint is elsewhere; see OPENAI_BASE_URL (HTTP status 307)"),
        ("500 Internal Server Error", "<html>".to_owned(), "the endpoint failed (HTTP status 500): <html>"),
    ] {
        let endpoint = Peer::run_plain(move |peer| {
            let location = "Location: http://127.0.0.1:9/elsewhere";
            let length = body.len();
            peer.request().answer(format!("HTTP/1.1 {status}\r\n{location}\r\nContent-Length: {length}\r\n\r\n{body}"));
        });
        calendar.agent(&endpoint.url("/v1")).assert_fails(&format!("agent: {expected}"));
        endpoint.finish();
    }
}

#[test]
fn an_endpoint_that_talks_nonsense_is_named() {
    let calendar = Calendar::start("nonsense");
    for (body, expected) in [
        ("hello", "it is no JSON"),
        ("{}", "it has no message"),
        (r#"{"choices": []}"#, "it has no message"),
        (r#"{"choices": [{"message": "text"}]}"#, "it has no message"),
        (r#"{"choices": [{"message": {"content": null}}]}"#, "it has neither text nor a call"),
        (r#"{"choices": [{"message": {"tool_calls": [{"function": {}}]}}]}"#, "it has a call without an id or a name"),
    ] {
        let endpoint = Peer::run_plain(move |peer| ok(&peer.request(), body));
        calendar
            .agent(&endpoint.url("/v1"))
            .assert_fails(&format!("agent: the endpoint's answer cannot be used: {expected}"));
        endpoint.finish();
    }
}

#[test]
fn what_is_missing_is_said_before_anything_is_asked() {
    let program = peers::example("agent");
    let none = || {
        let mut command = Command::new(&program);
        command.env_remove("OPENAI_MODEL").env_remove("OPENAI_API_KEY").env_remove("OPENAI_BASE_URL");
        command
    };
    let usage = run(&mut none());
    assert_eq!((usage.said[0].as_str(), usage.code), ("usage: agent FILE QUESTION", Some(2)));
    run(none().args(["mcp.json", "?"])).assert_fails("agent: OPENAI_MODEL says which model to ask, and is not set");
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/config/broken_vscode.json");
    let broken = run(none().env("OPENAI_MODEL", "m").arg(&file).arg("?"));
    assert_eq!(broken.code, Some(1));
    assert_eq!(broken.said.len(), 8, "every fault of the file: {:?}", broken.said);
}
