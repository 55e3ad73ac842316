//! A delegate answers everything in place of what is registered: in each revision, from any thread, with questions to the client
//! in between. What is sent is judged by the schema of the revision.
#![allow(clippy::unwrap_used)]

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mcp_core::jsonrpc::Error;
use mcp_core::revision::ProtocolVersion;
use mcp_core::time::Instant;
use mcp_core::types::{
    Change, Implementation, LoggingLevel, Method, ResourcesCapability, ServerCapabilities, SubscriptionFilter,
    ToolsCapability,
};
use mcp_server_tiny::Server;
use mcp_server_tiny::delegate::{Announced, Caller, Clients, Delegate, DelegatedCall};
use mcp_server_tiny::service::{Outcome, Service};
use mcp_tests::raw_http::PATIENCE;
use mcp_tests::raw_service::{RawService, SESSION};
use serde_json::value::RawValue;
use serde_json::{Value, json};

#[path = "delegate/carriers.rs"]
mod carriers;
#[path = "delegate/crossings.rs"]
mod crossings;
#[path = "delegate/questions.rs"]
mod questions;

/// What reaches a delegate.
#[derive(Debug)]
enum Heard {
    Call(DelegatedCall),
    Told(u64, Method),
    Level(u64, LoggingLevel),
    Ended(u64),
    Listens(Caller, SubscriptionFilter),
    ListensNoMore,
}

/// Hands everything to the test.
struct ToTest(Sender<Heard>);

struct Gone(Sender<Heard>);

impl Drop for Gone {
    fn drop(&mut self) {
        let _ = self.0.send(Heard::ListensNoMore);
    }
}

impl Delegate for ToTest {
    fn handle(&mut self, call: DelegatedCall) {
        let _ = self.0.send(Heard::Call(call));
    }

    fn notified(&mut self, session: u64, method: Method, _: Option<&RawValue>) {
        let _ = self.0.send(Heard::Told(session, method));
    }

    fn level_set(&mut self, session: u64, level: LoggingLevel) {
        let _ = self.0.send(Heard::Level(session, level));
    }

    fn session_ended(&mut self, session: u64) {
        let _ = self.0.send(Heard::Ended(session));
    }

    fn listening(&mut self, listener: &Caller, filter: &SubscriptionFilter) -> Option<Box<dyn Send>> {
        let _ = self.0.send(Heard::Listens(listener.clone(), filter.clone()));
        Some(Box::new(Gone(self.0.clone())))
    }
}

fn announced() -> Announced {
    let mut capabilities = ServerCapabilities::default();
    capabilities.tools = Some(ToolsCapability::default());
    capabilities.tools.as_mut().unwrap().list_changed = true;
    capabilities.resources = Some(ResourcesCapability::default());
    capabilities.resources.as_mut().unwrap().subscribe = true;
    capabilities.logging = Some(serde_json::Map::new());
    let mut announced = Announced::new(Implementation::new("upstream", "9"), capabilities);
    announced.instructions = Some("ask nicely".into());
    announced
}

struct Wired {
    raw: RawService,
    heard: Receiver<Heard>,
    clients: Clients,
}

impl Wired {
    fn new(version: &str, capabilities: Value) -> Self {
        let (sender, heard) = channel();
        let mut service = Service::new("unused", "0");
        let mut clients = None;
        service.delegate(announced(), |handle| {
            clients = Some(handle);
            ToTest(sender)
        });
        Self { raw: RawService::with(service, version, capabilities), heard, clients: clients.unwrap() }
    }

    fn call(&self) -> DelegatedCall {
        loop {
            if let Heard::Call(call) = self.heard.recv_timeout(PATIENCE).unwrap() {
                return call;
            }
        }
    }

    /// Begins a call of a tool, and gives it with its id.
    fn begin(&mut self, params: Value) -> (u64, DelegatedCall) {
        let id = self.raw.begin("tools/call", params);
        (id, self.call())
    }
}

fn json_text(text: &str) -> Box<RawValue> {
    RawValue::from_string(text.to_owned()).unwrap()
}

fn all_of_them() -> Value {
    json!({"elicitation": {"form": {}, "url": {}}, "sampling": {}, "roots": {"listChanged": true}})
}

const VERSIONS: [&str; 5] = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"];

/// What a channel hears of answers to questions.
type Answers = Arc<Mutex<Vec<Result<Value, Error>>>>;

fn hear(answers: &Answers) -> impl FnOnce(Result<Box<RawValue>, Error>) + Send + 'static {
    let answers = Arc::clone(answers);
    move |answer| {
        let answer = answer.map(|answer| serde_json::from_str(answer.get()).unwrap());
        answers.lock().unwrap().push(answer);
    }
}

#[test]
fn what_a_delegate_announces_is_what_clients_are_told() {
    let wired = Wired::new("2025-11-25", json!({}));
    let profile = wired.raw.service.profile();
    assert_eq!((profile.info.name.as_str(), profile.instructions), ("upstream", Some("ask nicely")));
    assert!(profile.capabilities.resources.as_ref().unwrap().subscribe);
    let mut wired = Wired::new("2026-07-28", json!({}));
    let answer = wired.raw.ask("server/discover", json!({}));
    assert_eq!(answer["result"]["capabilities"]["resources"], json!({"subscribe": true}));
    assert_eq!(answer["result"]["instructions"], "ask nicely");
    assert_eq!(answer["result"]["_meta"]["io.modelcontextprotocol/serverInfo"]["name"], "upstream");
}

#[test]
fn requests_of_every_kind_go_out_as_they_came_and_results_come_back_as_they_are() {
    for version in VERSIONS {
        let mut wired = Wired::new(version, json!({}));
        let asked = [
            ("tools/list", json!({"cursor": "opaque=="}), r#"{"tools":[],"nextCursor":"more==","own":[1.50]}"#),
            ("tools/call", json!({"name": "t", "arguments": {"n": 1}}), r#"{"content":[],"own":{"deep":1.50}}"#),
            ("resources/list", json!({}), r#"{"resources":[]}"#),
            ("resources/templates/list", json!({}), r#"{"resourceTemplates":[]}"#),
            ("resources/read", json!({"uri": "a:b"}), r#"{"contents":[]}"#),
            ("prompts/list", json!({}), r#"{"prompts":[]}"#),
            ("prompts/get", json!({"name": "p"}), r#"{"messages":[]}"#),
            (
                "completion/complete",
                json!({"ref": {"type": "ref/prompt", "name": "p"}, "argument": {"name": "a", "value": ""}}),
                r#"{"completion":{"values":[]}}"#,
            ),
        ];
        for (method, params, result) in asked {
            let id = wired.raw.begin(method, params.clone());
            let call = wired.call();
            assert_eq!(call.method().name(), method);
            let mut came: Value = serde_json::from_str(call.params().unwrap().get()).unwrap();
            came.as_object_mut().unwrap().remove("_meta");
            assert_eq!(came, params, "{version}");
            call.answer(Ok(json_text(result)));
            wired.raw.wait_for_mail();
            let sent = wired.raw.sent_text();
            // Digit by digit: 1.50 is not 1.5.
            assert!(sent.contains(result.trim_start_matches('{')), "{version}: {sent}");
            assert!(sent.contains(&format!("\"id\":{id}")));
        }
    }
}

#[test]
fn errors_come_back_with_code_message_and_data() {
    for version in VERSIONS {
        let mut wired = Wired::new(version, json!({}));
        let (id, call) = wired.begin(json!({"name": "t"}));
        let mut error = Error::new(-31999, "out of paper");
        error.data = Some(json_text(r#"{"tray":2.50}"#));
        call.answer(Err(error));
        let sent = wired.raw.wait_for(id);
        assert_eq!(sent[0]["error"], json!({"code": -31999, "message": "out of paper", "data": {"tray": 2.5}}));
    }
}

#[test]
fn members_of_one_revision_are_there_where_the_clients_has_them_and_nowhere_else() {
    let newer = r#"{"resultType":"complete","ttlMs":70,"cacheScope":"public","_meta":{"own/key":1.50},"tools":[]}"#;
    for version in VERSIONS {
        let mut wired = Wired::new(version, json!({}));
        let id = wired.raw.begin("tools/list", json!({}));
        wired.call().answer(Ok(json_text(newer)));
        let result = wired.raw.wait_for(id)[0]["result"].clone();
        assert_eq!(result["_meta"]["own/key"], 1.5);
        if version == "2026-07-28" {
            assert_eq!((&result["ttlMs"], &result["cacheScope"]), (&json!(70), &json!("public")));
            assert_eq!(result["resultType"], "complete");
        } else {
            let has = |member| result.get(member).is_some();
            assert!(!has("ttlMs") && !has("cacheScope") && !has("resultType"), "{version}: {result}");
        }
    }
}

#[test]
fn content_that_an_older_client_does_not_know_is_told_in_words() {
    // R-FS-6
    let result = r#"{"content":[{"type":"resource_link","uri":"a:b","name":"link"}],"own":1}"#;
    for (version, kind) in [("2024-11-05", "text"), ("2025-03-26", "text"), ("2025-06-18", "resource_link")] {
        let mut wired = Wired::new(version, json!({}));
        let (id, call) = wired.begin(json!({"name": "t"}));
        call.answer(Ok(json_text(result)));
        let result = wired.raw.wait_for(id)[0]["result"].clone();
        assert_eq!((&result["content"][0]["type"], &result["own"]), (&json!(kind), &json!(1)), "{version}");
    }
}

#[test]
fn progress_and_logs_travel_in_the_name_of_the_call_before_its_answer() {
    for version in VERSIONS {
        let mut wired = Wired::new(version, json!({}));
        wired.raw.level = Some("warning");
        if version != "2026-07-28" {
            wired.raw.ask("logging/setLevel", json!({"level": "warning"}));
        }
        let (id, call) = wired.begin(json!({"name": "t", "_meta": {"progressToken": "mine"}}));
        assert!(call.wants_progress());
        call.progress(1.0, Some(2.0), None);
        call.log(LoggingLevel::Info, Some("upstream.part"), &json_text("\"not wanted\""));
        call.log(LoggingLevel::Error, Some("upstream.part"), &json_text(r#"{"why":1.50}"#));
        call.answer(Ok(json_text(r#"{"content":[]}"#)));
        let sent = wired.raw.wait_for(id);
        let methods: Vec<_> = sent.iter().map(|message| message["method"].as_str().unwrap_or("answer")).collect();
        assert_eq!(methods, ["notifications/progress", "notifications/message", "answer"], "{version}");
        assert_eq!(sent[0]["params"]["progressToken"], "mine");
        assert_eq!(
            (&sent[1]["params"]["logger"], &sent[1]["params"]["level"]),
            (&json!("upstream.part"), &json!("error"))
        );
    }
}

#[test]
fn who_gives_a_call_up_is_heard_of() {
    for version in VERSIONS {
        let mut wired = Wired::new(version, json!({}));
        let (id, call) = wired.begin(json!({"name": "t"}));
        let (sender, cancelled) = channel();
        call.on_cancel(move || sender.send(()).unwrap());
        if version == "2026-07-28" {
            wired.raw.hang_up();
        } else {
            let params = json!({"requestId": id});
            let cancel = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params});
            assert_eq!(wired.raw.send(&cancel), Outcome::Answered);
        }
        cancelled.recv_timeout(PATIENCE).unwrap();
        assert!(call.is_cancelled());
        call.answer(Ok(json_text(r#"{"content":[]}"#)));
        wired.raw.deliver();
        assert_eq!(wired.raw.sent(), Vec::<Value>::new(), "{version}");
        let (sender, at_once) = channel();
        call.on_cancel(move || sender.send(()).unwrap());
        at_once.try_recv().unwrap();
    }
}

#[test]
fn a_call_that_is_dropped_is_answered_all_the_same() {
    let mut wired = Wired::new("2025-11-25", json!({}));
    let (id, call) = wired.begin(json!({"name": "t"}));
    drop(call);
    assert_eq!(wired.raw.wait_for(id)[0]["error"]["code"], -32603);
}

#[test]
fn levels_notifications_and_what_belongs_to_no_request_reach_the_other_side() {
    let mut wired = Wired::new("2025-11-25", all_of_them());
    wired.raw.ask("logging/setLevel", json!({"level": "error"}));
    assert!(matches!(wired.heard.try_recv(), Ok(Heard::Level(SESSION, LoggingLevel::Error))));
    let _nothing = wired.raw.send(&json!({"jsonrpc": "2.0", "method": "notifications/roots/list_changed"}));
    assert!(matches!(wired.heard.try_recv(), Ok(Heard::Told(SESSION, Method::NotificationsRootsListChanged))));
    let _list = wired.raw.begin("tools/list", json!({}));
    wired.call().answer(Ok(json_text(r#"{"tools":[]}"#)));
    wired.raw.wait_for_mail();
    wired.raw.sent();
    wired.clients.tell(SESSION, Method::NotificationsToolsListChanged, Some(json_text(r#"{"_meta":{"own/k":1.50}}"#)));
    wired.clients.tell(SESSION + 1, Method::NotificationsToolsListChanged, None);
    wired.clients.log(SESSION, LoggingLevel::Info, None, json_text("\"too little\""));
    wired.clients.log(SESSION, LoggingLevel::Error, Some("part"), json_text("\"enough\""));
    wired.raw.deliver();
    let sent = wired.raw.sent();
    let methods: Vec<_> = sent.iter().map(|message| message["method"].as_str().unwrap()).collect();
    assert_eq!(methods, ["notifications/tools/list_changed", "notifications/message"]);
    assert_eq!(sent[0]["params"]["_meta"]["own/k"], 1.5);
}

#[test]
fn what_waits_for_the_loop_is_bounded() {
    let mut wired = Wired::new("2025-11-25", json!({}));
    let _list = wired.raw.begin("tools/list", json!({}));
    wired.call().answer(Ok(json_text(r#"{"tools":[]}"#)));
    wired.raw.wait_for_mail();
    wired.raw.sent();
    for _ in 0..1030 {
        wired.clients.tell(SESSION, Method::NotificationsToolsListChanged, None);
    }
    wired.raw.deliver();
    assert_eq!(wired.raw.sent().len(), 1024);
}
