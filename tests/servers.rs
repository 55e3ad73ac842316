//! Many servers as one: connected at once, tools under one name each, and what is missing said.

#![allow(clippy::unwrap_used)] // a panic is the report

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use mcp_server_tiny::{Server, Tool};
use mcp_sse_blocking::config::ToolFilter;
use mcp_sse_blocking::{Builder, Client, Error, Functions, Problem, Servers, ServersBuilder};
use mcp_tests::leaks;
use mcp_tests::raw_http::RunningServer;
use mcp_tests::scripted_peer::Peer;
use serde_json::{Value, json};

/// How long a test waits for anything.
const BOUND: Duration = Duration::from_secs(10);

/// A server whose tools say its name and theirs.
fn server(name: &'static str, tools: &[&'static str]) -> RunningServer {
    let mut server = Server::new(name, "1");
    for &tool in tools {
        server = server
            .tool(Tool::new(tool).description(format!("{tool} of {name}")), move |_| Ok(format!("{name}: {tool}")));
    }
    RunningServer::start(server)
}

fn at(server: &RunningServer) -> impl Fn() -> Builder + Send + Sync + 'static {
    let url = format!("http://{}/mcp", server.address);
    move || Client::builder(&url).call_timeout(BOUND)
}

/// A server that refuses connections.
fn dead() -> impl Fn() -> Builder + Send + Sync + 'static {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    move || Client::builder(&url).call_timeout(BOUND)
}

fn names(servers: &Servers) -> Vec<String> {
    servers.tools().iter().map(|tool| tool.name.clone()).collect()
}

fn text(servers: &Servers, tool: &str) -> String {
    servers.call(tool, &json!({})).unwrap().all_text()
}

fn usage(error: Error) -> String {
    match error {
        Error::Usage(problem) => problem,
        error => panic!("{error:?}"),
    }
}

#[test]
fn tools_of_all_servers_are_listed_and_called_under_the_names_of_their_servers() {
    let (a, b) = (server("a", &["x", "y"]), server("b", &["x"]));
    let servers = Servers::builder().server("a", at(&a)).server("b", at(&b)).connect().unwrap();
    assert_eq!(names(&servers), ["a__x", "a__y", "b__x"]);
    assert!(servers.tools().problems().is_empty());
    assert_eq!(text(&servers, "a__y"), "a: y");
    assert_eq!(text(&servers, "b__x"), "b: x");
    assert_eq!(servers.names().collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(servers.get("b").unwrap().server_info().name, "b");
    assert!(servers.get("c").is_none());
    let tools = servers.tools();
    assert_eq!(tools.get("b__x").unwrap().tool.description.as_deref(), Some("x of b"));
}

#[test]
fn a_tool_can_be_called_before_anything_was_listed() {
    let a = server("a", &["x"]);
    let servers = Servers::builder().server("a", at(&a)).connect().unwrap();
    assert_eq!(text(&servers, "a__x"), "a: x");
}

#[test]
fn a_dead_server_is_reported_and_harmless_and_can_be_tried_again() {
    let a = server("a", &["x"]);
    // Refused at first; then it is the same as `a`.
    let (is_up, alive, refusing) = (Arc::new(AtomicBool::new(false)), at(&a), dead());
    let up = Arc::clone(&is_up);
    let late = move || if up.load(Ordering::SeqCst) { alive() } else { refusing() };
    let servers = Servers::builder().server("late", late).server("a", at(&a)).connect().unwrap();

    let failures = servers.failures();
    assert_eq!(failures.len(), 1);
    assert_eq!(failures[0].0, "late");
    assert!(matches!(failures[0].1, Error::Transport(_)), "{:?}", failures[0]);
    assert!(servers.get("late").is_none());
    assert_eq!(names(&servers), ["a__x"]);
    let tools = servers.tools();
    let [Problem::Server { server, .. }] = tools.problems() else { panic!("{:?}", tools.problems()) };
    assert_eq!(server, "late");
    let problem = usage(servers.call("late__x", &json!({})).unwrap_err());
    assert!(
        problem.starts_with("no server has a tool that is called `late__x` here; the server `late`: "),
        "{problem}"
    );
    assert_eq!(servers.connect_missing().len(), 1);

    is_up.store(true, Ordering::SeqCst);
    assert!(servers.connect_missing().is_empty());
    assert_eq!(text(&servers, "late__x"), "a: x");
}

#[test]
fn servers_are_connected_to_at_the_same_time() {
    // Each waits with its answer until both have been asked: one after the other, the first would never be done.
    let asked = Arc::new(AtomicUsize::new(0));
    let start = || {
        let asked = Arc::clone(&asked);
        Peer::run(move |peer| {
            let request = peer.request();
            asked.fetch_add(1, Ordering::SeqCst);
            while asked.load(Ordering::SeqCst) < 2 {
                std::thread::yield_now();
            }
            request.status("404 Not Found", "");
            loop {
                let request = peer.request();
                request.status("404 Not Found", "");
                if request.method == "GET" {
                    return;
                }
            }
        })
    };
    let (a, b) = (start(), start());
    let make = |url: String| move || Client::builder(&url).call_timeout(BOUND).endpoint_timeout(BOUND);
    let servers =
        Servers::builder().server("a", make(a.url("/mcp"))).server("b", make(b.url("/mcp"))).connect().unwrap();
    assert_eq!(asked.load(Ordering::SeqCst), 2);
    assert_eq!(servers.failures().len(), 2);
}

#[test]
fn two_tools_of_one_name_are_refused_and_all_others_work() {
    let (a, b) = (server("a", &["same", "own"]), server("b", &["same"]));
    let servers = Servers::builder().server("a", at(&a)).server("b", at(&b)).without_prefix().connect().unwrap();
    assert_eq!(names(&servers), ["own"]);
    let tools = servers.tools();
    let [problem] = tools.problems() else { panic!("{:?}", tools.problems()) };
    assert_eq!(problem.to_string(), "2 tools would be called `same`: `same` of `a`, `same` of `b`");
    assert_eq!(usage(servers.call("same", &json!({})).unwrap_err()), problem.to_string());
    assert_eq!(text(&servers, "own"), "a: own");
}

#[test]
fn a_prefix_that_runs_into_the_name_of_a_tool_is_a_collision_too() {
    let (a, b) = (server("a", &["b__x"]), server("b", &["x"]));
    let servers = Servers::builder().server("a", at(&a)).server("a__b", at(&b)).connect().unwrap();
    assert!(names(&servers).is_empty());
    assert!(matches!(servers.tools().problems(), [Problem::Collision { name, .. }] if name == "a__b__x"));
}

#[test]
fn names_can_be_made_otherwise() {
    let a = server("a", &["x"]);
    let slash = Servers::builder().server("a", at(&a)).separator("/").connect().unwrap();
    assert_eq!(text(&slash, "a/x"), "a: x");
    let own = Servers::builder()
        .server("a", at(&a))
        .naming(|server, tool| format!("{}-from-{server}", tool.name.to_uppercase()))
        .connect()
        .unwrap();
    assert_eq!(text(&own, "X-from-a"), "a: x");
}

#[test]
fn a_filtered_tool_is_neither_listed_nor_called() {
    let a = server("a", &["read", "write", "drop"]);
    let filter = ToolFilter::default().allowing(["read", "drop"]).denying(["drop"]);
    let servers = Servers::builder().server_with("a", filter, at(&a)).connect().unwrap();
    assert_eq!(names(&servers), ["a__read"]);
    for refused in ["a__write", "a__drop"] {
        assert!(matches!(servers.call(refused, &json!({})), Err(Error::Usage(_))), "{refused}");
    }
}

#[test]
fn names_of_servers_are_given_once_and_not_empty() {
    let connect = |servers: ServersBuilder| usage(servers.connect().unwrap_err());
    let twice = Servers::builder().server("a", dead()).server("a", dead());
    assert_eq!(connect(twice), "there are two servers of the name `a`");
    assert_eq!(connect(Servers::builder().server("", dead())), "a server has an empty name");
}

#[test]
fn a_lost_server_is_a_problem_of_its_own_tools() {
    let (a, b) = (server("a", &["x"]), server("b", &["x"]));
    let servers = Servers::builder().server("a", at(&a)).server("b", at(&b)).connect().unwrap();
    assert_eq!(names(&servers), ["a__x", "b__x"]);
    drop(b);
    assert_eq!(names(&servers), ["a__x"]);
    assert!(matches!(servers.tools().problems(), [Problem::Server { server, .. }] if server == "b"));
    assert_eq!(text(&servers, "a__x"), "a: x");
}

#[test]
fn closing_all_closes_for_everybody_and_leaves_nothing() {
    let (a, b) = (server("a", &["x"]), server("b", &["x"]));
    let before = leaks::client_threads();
    let servers = Servers::builder().server("a", at(&a)).server("b", at(&b)).connect().unwrap();
    let kept = servers.get("a").unwrap();
    servers.close_all();
    assert!(matches!(kept.call("x", &json!({})), Err(Error::Closed(_))));
    assert!(matches!(servers.call("b__x", &json!({})), Err(Error::Usage(_) | Error::Closed(_))));
    drop((kept, servers));
    leaks::held_once(|_| leaks::client_threads().len() <= before.len());
}

#[test]
fn a_server_whose_client_was_closed_is_missing_and_can_be_connected_to_again() {
    let a = server("a", &["x"]);
    let servers = Servers::builder().server("a", at(&a)).connect().unwrap();
    servers.get("a").unwrap().close();
    let failures = servers.failures();
    assert!(matches!(&failures[..], [(name, Error::Closed(_))] if name == "a"), "{failures:?}");
    assert!(servers.get("a").is_none());
    assert!(servers.connect_missing().is_empty());
    assert_eq!(text(&servers, "a__x"), "a: x");
}

#[test]
fn dropping_keeps_the_sessions_of_handles_that_others_have() {
    let a = server("a", &["x"]);
    let servers = Servers::builder().server("a", at(&a)).connect().unwrap();
    let kept = servers.get("a").unwrap();
    drop(servers);
    assert_eq!(kept.call("x", &json!({})).unwrap().all_text(), "a: x");
}

#[test]
fn the_tools_are_functions_for_every_kind_of_model_and_lead_back() {
    let a = server("a", &["get.events"]);
    let servers = Servers::builder().server("a", at(&a)).connect().unwrap();
    let tools = servers.tools();
    let functions = Functions::of(&*tools).unwrap();
    let name = functions.names().next().unwrap();
    assert!(name.starts_with("a__get_events_"), "{name}");
    let schema = json!({"type": "object", "properties": {}});
    let (description, read) = ("get.events of a", |raw: Box<serde_json::value::RawValue>| -> Value {
        serde_json::from_str(raw.get()).unwrap()
    });
    let parameters = read(functions.openai())[0]["function"]["parameters"].clone();
    assert_eq!((&parameters["type"], &parameters["properties"]), (&schema["type"], &schema["properties"]));
    let declaration = json!({"name": name, "description": description, "parameters": parameters});
    assert_eq!(read(functions.openai()), json!([{"type": "function", "function": declaration}]));
    let flat = json!({"type": "function", "name": name, "description": description, "parameters": parameters, "strict": false});
    assert_eq!(read(functions.openai_responses()), json!([flat]));
    let anthropic = json!({"name": name, "description": description, "input_schema": parameters});
    assert_eq!(read(functions.anthropic()), json!([anthropic]));
    let gemini = json!({"name": name, "description": description, "parametersJsonSchema": parameters});
    assert_eq!(read(functions.gemini()), json!([{"functionDeclarations": [gemini]}]));

    // What the model then wants to call.
    assert_eq!(text(&servers, functions.tool(name).unwrap()), "a: get.events");
    assert_eq!(functions.tool("get.events"), None);
}

#[test]
fn functions_of_one_name_are_refused() {
    let a = server("a", &["x"]);
    let servers = Servers::builder().server("a", at(&a)).connect().unwrap();
    let tools = servers.tools();
    let tool = tools.get("a__x").unwrap();
    let problem = usage(Functions::of([tool, tool]).unwrap_err());
    assert_eq!(problem, "the tools `a__x` and `a__x` would both be the function `a__x`");
}
