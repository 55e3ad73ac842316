//! What a server offers comes and goes while it runs.

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use mcp_core::revision::ProtocolVersion;
use mcp_core::types::{ElicitParams, RequestedSchema, StringSchema};
use mcp_server_tiny::service::{Outcome, Service};
use mcp_server_tiny::{Call, Handle, Offers, Prompt, Resource, ResourceTemplate, Server, Tool, ToolError};
use mcp_sse_blocking::{Change, Client, Error, Filter, Subscription, Transport};
use mcp_tests::raw_http::RunningServer;
use mcp_tests::raw_service::RawService;
use serde_json::{Value, json};

/// How long a test waits for anything.
const BOUND: Duration = Duration::from_secs(10);
const HANDSHAKE: &str = "2025-11-25";
const STATELESS: &str = "2026-07-28";

fn names(client: &Client) -> Vec<String> {
    client.tools().map(|tool| tool.expect("a tool").name.clone()).collect()
}

fn next(changes: &mut Subscription) -> Change {
    changes.next_within(BOUND).expect("no failure").expect("a change")
}

/// Each era over each carrier that has it.
const PATHS: [(Transport, &str); 3] =
    [(Transport::HttpSse, "/sse"), (Transport::StreamableHttp, "/mcp"), (Transport::Stateless, "/mcp")];

#[test]
fn a_tool_that_is_added_or_removed_while_clients_listen_is_told_listed_and_called() {
    // R-FS-11
    for (transport, path) in PATHS {
        let running = RunningServer::start(Server::new("lamp", "1").tool(Tool::new("old"), |_| Ok("old")));
        let client = Client::builder(&format!("http://{}{path}", running.address)).transport(transport);
        let client = client.connect().expect("it connects");
        let mut changes = client.listen(Filter::new().tools()).expect("it is told of changes");
        assert_eq!(names(&client), ["old"]);
        assert!(running.handle.edit(|offers| {
            offers.tool(Tool::new("new"), |_| Ok("new")).expect("it is fine");
            assert!(offers.remove_tool("old"));
            assert!(!offers.remove_tool("old"), "it is gone already");
        }));
        assert_eq!(next(&mut changes), Change::Tools, "{transport:?}");
        assert_eq!(names(&client), ["new"], "{transport:?}");
        assert_eq!(client.call("new", &()).expect("it is there").all_text(), "new");
        let gone = client.call("old", &()).expect_err("it is not there");
        assert!(matches!(&gone, Error::Rpc(error) if error.code == -32602), "{gone}");
    }
}

#[test]
fn prompts_resources_and_templates_come_and_go_as_well() {
    let server = Server::new("library", "1").declare_prompts().declare_resources();
    let running = RunningServer::start(server);
    let client = Client::connect(&format!("http://{}/mcp", running.address)).expect("it connects");
    let mut changes = client.listen(Filter::new().prompts().resources()).expect("it is told of changes");
    // What is declared may be empty.
    assert_eq!((client.prompts().count(), client.resources().count()), (0, 0));
    assert!(running.handle.edit(|offers| {
        offers.prompt(Prompt::new("toast"), |_| Ok("To Ada!")).expect("it is fine");
    }));
    assert_eq!(next(&mut changes), Change::Prompts);
    assert_eq!(client.get_prompt("toast", &()).expect("it is there").messages.len(), 1);
    assert!(running.handle.edit(|offers| {
        offers.resource(Resource::text("book://1", "one", "once upon")).expect("it is fine");
        let template = ResourceTemplate::new("page://{number}", "pages");
        offers.resource_template(template, |call| call.arg::<String>("number")).expect("it is fine");
    }));
    assert_eq!(next(&mut changes), Change::Resources);
    let text = |uri: &str| client.read_resource(uri).map(|read| read.contents[0].text.clone());
    assert_eq!(text("book://1").expect("it is there").as_deref(), Some("once upon"));
    assert_eq!(text("page://7").expect("it is there").as_deref(), Some("7"));
    assert!(running.handle.edit(|offers| {
        assert!(offers.remove_prompt("toast") && offers.remove_resource("book://1"));
        assert!(offers.remove_resource_template("page://{number}"));
        assert!(!offers.remove_prompt("toast") && !offers.remove_resource("book://1"));
    }));
    let told = [next(&mut changes), next(&mut changes)];
    assert!(told.contains(&Change::Prompts) && told.contains(&Change::Resources), "{told:?}");
    assert!(client.get_prompt("toast", &()).is_err() && text("book://1").is_err() && text("page://7").is_err());
    assert_eq!(client.resource_templates().count(), 0);
}

#[test]
fn a_tool_may_add_another_one_and_take_itself_out() {
    let server = Server::new("lamp", "1").tool(Tool::new("switch_on"), |call| {
        let taken = call.edit(|offers| {
            assert!(offers.remove_tool("switch_on"));
            offers.tool(Tool::new("dim").on_worker(), |_| Ok("dim")).expect("it is fine");
        });
        Ok(taken.to_string())
    });
    let client = Client::around(server.in_process().expect("a server")).expect("it connects");
    assert_eq!(client.call("switch_on", &()).expect("it is there").all_text(), "true");
    assert_eq!(names(&client), ["dim"]);
    assert_eq!(client.call("dim", &()).expect("it is there").all_text(), "dim");
}

#[test]
fn a_mistake_is_told_to_who_made_it_and_changes_nothing() {
    let running = RunningServer::start(Server::new("lamp", "1").tool(Tool::new("on"), |_| Ok("on")));
    let (tell, told) = channel();
    assert!(running.handle.edit(move |offers| {
        let twice = offers.tool(Tool::new("on"), |_| Ok("another")).map_err(|mistake| mistake.to_string());
        let nameless = offers.tool(Tool::new(""), |_| Ok("")).map_err(|mistake| mistake.to_string());
        tell.send([twice, nameless]).expect("the test waits");
    }));
    let [twice, nameless] = told.recv_timeout(BOUND).expect("it is made");
    assert_eq!(twice.expect_err("a name is given once"), "tool `on`: there is another tool of this name");
    assert!(nameless.is_err());
    let client = Client::connect(&format!("http://{}/mcp", running.address)).expect("it connects");
    assert_eq!(client.call("on", &()).expect("it is there").all_text(), "on");
}

#[test]
fn a_change_that_panics_harms_nobody() {
    let running = RunningServer::start(Server::new("lamp", "1").tool(Tool::new("on"), |_| Ok("on")));
    assert!(running.handle.edit(|_| panic!("on purpose")));
    assert!(running.handle.edit(|offers| offers.tool(Tool::new("off"), |_| Ok("off")).expect("it is fine")));
    let client = Client::connect(&format!("http://{}/mcp", running.address)).expect("it connects");
    assert_eq!(names(&client), ["on", "off"]);
}

#[test]
fn changes_that_nobody_makes_do_not_pile_up() {
    // It never runs, so that they wait.
    let bound = Server::new("lamp", "1").bind("127.0.0.1:0").expect("loopback has a free port");
    let handle = bound.handle();
    let taken = (0..3000).filter(|_| handle.edit(|_| {})).count();
    assert_eq!(taken, 1024);
}

#[test]
fn a_server_that_has_ended_takes_no_change_and_keeps_none() {
    let held = Arc::new(());
    let hold = || {
        let held = Arc::clone(&held);
        move |_: &mut Offers<'_>| drop(held)
    };
    let bound = Server::new("lamp", "1").bind("127.0.0.1:0").expect("loopback has a free port");
    let handle = bound.handle();
    let (itself, waits) = (handle.clone(), hold());
    assert!(handle.edit(move |offers| {
        let _ = itself.is_stopping();
        waits(offers);
    }));
    drop(bound);
    assert_eq!(Arc::strong_count(&held), 1, "what waited went with the server, though it held a handle of it");
    assert!(!handle.edit(hold()));
    assert_eq!(Arc::strong_count(&held), 1);
}

#[test]
fn a_change_that_is_refused_may_use_the_handle_while_it_is_dropped() {
    /// Another change, when it goes.
    struct Going(Handle);
    impl Drop for Going {
        fn drop(&mut self) {
            let _refused_too = self.0.edit(|_| {});
        }
    }
    let bound = Server::new("lamp", "1").bind("127.0.0.1:0").expect("loopback has a free port");
    let handle = bound.handle();
    while handle.edit(|_| {}) {}
    let (tell, told) = channel();
    thread::spawn(move || {
        let going = Going(handle.clone());
        tell.send(handle.edit(move |_| drop(going)))
    });
    assert_eq!(told.recv_timeout(BOUND), Ok(false));
}

#[test]
fn a_handler_that_panics_when_it_is_removed_leaves_the_others_in_order() {
    struct Bad;
    impl Drop for Bad {
        fn drop(&mut self) {
            panic!("on purpose");
        }
    }
    let bad = Bad;
    let server = Server::new("lamp", "1").tool(Tool::new("a"), move |_| {
        let _held = &bad;
        Ok("a")
    });
    let running = RunningServer::start(server.tool(Tool::new("b"), |_| Ok("b")).tool(Tool::new("c"), |_| Ok("c")));
    assert!(running.handle.edit(|offers| {
        offers.remove_tool("a");
    }));
    let client = Client::connect(&format!("http://{}/mcp", running.address)).expect("it connects");
    assert_eq!(names(&client), ["b", "c"]);
    assert_eq!(client.call("c", &()).expect("it is there").all_text(), "c");
}

/// Asks one question.
fn greet(call: &mut Call<'_>) -> Result<String, ToolError> {
    let form = RequestedSchema::new().required("name", StringSchema::new());
    let answer = call.elicit("user", ElicitParams::form("Who are you?", form))?;
    Ok(format!("Hello, {}!", answer.content.map_or(Value::Null, |content| content["name"].clone())))
}

fn asking(version: &str) -> RawService {
    let mut service = Service::new("test", "1");
    service.tool(Tool::new("greet"), greet);
    RawService::with(service, version, json!({"elicitation": {"form": {}}}))
}

/// In the place of the tool that asked there is another one.
fn replace(client: &mut RawService) {
    let mut offers = client.service.offers();
    assert!(offers.remove_tool("greet"));
    offers.tool(Tool::new("other"), |_| Ok("of another tool")).expect("it is fine");
}

#[test]
fn a_call_that_waits_for_its_client_ends_with_an_error_when_its_tool_is_removed() {
    let mut client = asking(HANDSHAKE);
    let id = client.begin_call("greet", json!({}));
    let asked = client.sent().remove(0);
    assert_eq!(asked["method"], "elicitation/create");
    replace(&mut client);
    let answer = json!({"action": "accept", "content": {"name": "Ada"}});
    let _outcome = client.send(&json!({"jsonrpc": "2.0", "id": asked["id"], "result": answer}));
    let sent = client.sent();
    assert_eq!((&sent[0]["id"], &sent[0]["error"]["code"]), (&json!(id), &json!(-32602)), "{sent:?}");
}

#[test]
fn a_call_that_comes_again_with_the_answer_is_refused_when_its_tool_is_removed() {
    let mut client = asking(STATELESS);
    let first = client.ask("tools/call", json!({"name": "greet", "arguments": {}}));
    let state = first["result"]["requestState"].clone();
    assert!(state.is_string(), "{first}");
    replace(&mut client);
    let answer = json!({"user": {"action": "accept", "content": {"name": "Ada"}}});
    let params = json!({"name": "greet", "arguments": {}, "requestState": state, "inputResponses": answer});
    let again = client.ask("tools/call", params);
    assert_eq!(again["error"]["code"], -32602, "{again}");
}

#[test]
fn a_call_on_a_worker_goes_on_when_its_tool_is_removed() {
    let (tell, told) = channel();
    let (go_on, wait) = channel::<()>();
    let (tell, wait) = (std::sync::Mutex::new(tell), std::sync::Mutex::new(wait));
    let mut service = Service::new("test", "1");
    service.tool(Tool::new("slow").on_worker(), move |_| {
        tell.lock().expect("no panic").send(()).expect("the test waits");
        wait.lock().expect("no panic").recv_timeout(BOUND).map_err(|_| ToolError::new("nobody let it go on"))?;
        Ok("done")
    });
    let mut client = RawService::new(service, HANDSHAKE);
    let id = client.begin_call("slow", json!({}));
    told.recv_timeout(BOUND).expect("it has begun");
    assert!(client.service.offers().remove_tool("slow"));
    go_on.send(()).expect("it waits");
    let sent = client.wait_for(id);
    assert_eq!(sent.last().expect("an answer")["result"]["content"][0]["text"], "done");
}

#[test]
fn what_is_declared_before_there_is_any_is_in_the_handshake_and_listed_as_empty() {
    let server = Server::new("empty", "1").declare_tools().declare_prompts().declare_resources();
    let builder = Client::around_builder(server.in_process().expect("a server"));
    let client = builder.protocol_version(ProtocolVersion::V2025_11_25).connect().expect("it connects");
    let capabilities = client.capabilities();
    assert!(capabilities.tools.as_ref().is_some_and(|tools| tools.list_changed));
    assert!(capabilities.prompts.as_ref().is_some_and(|prompts| prompts.list_changed));
    assert!(capabilities.resources.as_ref().is_some_and(|resources| resources.list_changed && resources.subscribe));
    assert_eq!((names(&client).len(), client.prompts().count(), client.resource_templates().count()), (0, 0, 0));
}

#[test]
fn many_tools_that_come_and_go_leave_the_others_where_they_are() {
    let mut client = RawService::new(Service::new("test", "1"), HANDSHAKE);
    for round in 0..200 {
        let mut offers = client.service.offers();
        offers.tool(Tool::new(format!("t{round}")), move |_| Ok(round.to_string())).expect("it is fine");
        // Leaves those whose number is divisible by seven.
        if round >= 3 && (round - 3) % 7 != 0 {
            assert!(offers.remove_tool(&format!("t{}", round - 3)));
        }
    }
    while client.service.next_change().is_some() {}
    let listed = client.ask("tools/list", json!({}));
    let listed: Vec<&str> = listed["result"]["tools"]
        .as_array()
        .expect("tools")
        .iter()
        .map(|tool| tool["name"].as_str().expect("a name"))
        .collect();
    let expected: Vec<String> = (0..200).filter(|n| n % 7 == 0 || *n > 196).map(|n| format!("t{n}")).collect();
    assert_eq!(listed, expected);
    for name in listed.into_iter().map(str::to_owned).collect::<Vec<_>>() {
        assert_eq!(client.call(&name, json!({}))["result"]["content"][0]["text"], name[1..]);
    }
    assert_eq!(client.call("t1", json!({}))["error"]["code"], -32602);
    assert!(matches!(client.send(&json!({"jsonrpc": "2.0", "id": 9999, "method": "ping"})), Outcome::Answered));
}
