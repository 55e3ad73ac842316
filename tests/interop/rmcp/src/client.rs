//! The checks that every peer's client makes, over Streamable HTTP or stdio.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rmcp::model::*;
use rmcp::service::{NotificationContext, PeerRequestOptions, RequestContext, RequestHandle, RunningService};
use rmcp::transport::{StreamableHttpClientTransport, TokioChildProcess};
use rmcp::{ClientHandler, ClientLifecycleMode, ClientServiceExt, ErrorData, RoleClient};
use serde_json::{Value, json};

const BOUND: Duration = Duration::from_secs(20);

pub async fn run(arguments: &[String]) -> ExitCode {
    let mut rest = arguments.iter();
    let (mut era, mut gone) = ("auto", false);
    let handler = Handler::default();
    let client = loop {
        let argument = rest.next().expect("an address or --stdio").as_str();
        let preferred_versions = vec![ProtocolVersion::V_2026_07_28];
        let lifecycle = match era {
            "initialize" => ClientLifecycleMode::Initialize,
            "discover" => ClientLifecycleMode::Discover { preferred_versions },
            _ => ClientLifecycleMode::Auto { preferred_versions, legacy_version: None },
        };
        match argument {
            "--era" => era = rest.next().expect("an era"),
            "--gone" => gone = true,
            "--stdio" => {
                let mut command = tokio::process::Command::new(rest.next().expect("a program"));
                command.args(rest);
                let transport = TokioChildProcess::new(command).expect("it starts");
                break handler.clone().serve_with_lifecycle(transport, lifecycle).await;
            }
            url => {
                let transport = StreamableHttpClientTransport::from_uri(url);
                break handler.clone().serve_with_lifecycle(transport, lifecycle).await;
            }
        }
    };
    let client = client.expect("the server says hello");
    let mut report = Report { failures: 0 };
    if gone {
        server_gone(&client, &handler, &mut report).await;
    } else {
        checks(&client, &handler, &mut report).await;
    }
    client.cancel().await.expect("it closes");
    report.check("close", true, "");
    ExitCode::from(u8::from(report.failures > 0))
}

struct Report {
    failures: u32,
}

impl Report {
    fn check(&mut self, check: &str, ok: bool, detail: impl ToString) {
        self.failures += u32::from(!ok);
        let detail: String = detail.to_string().chars().take(400).collect();
        println!("{}", json!({"check": check, "ok": ok, "detail": detail}));
    }
}

/// Counts every progress notification on the wire, also those of calls that are over, and answers what it is asked.
#[derive(Clone, Default)]
struct Handler {
    progress: Arc<AtomicU32>,
    moved: Arc<tokio::sync::Notify>,
}

impl ClientHandler for Handler {
    fn get_info(&self) -> ClientConfig {
        let capabilities = ClientCapabilities::builder().enable_elicitation().build();
        ClientConfig::new(capabilities, Implementation::new("interop", "1.0.0"))
    }

    async fn create_elicitation(
        &self,
        _: ElicitRequestParams,
        _: RequestContext<RoleClient>,
    ) -> Result<ElicitResult, ErrorData> {
        Ok(ElicitResult::new(ElicitationAction::Accept).with_content(json!({"name": "Ferris"})))
    }

    async fn on_progress(&self, _: ProgressNotificationParam, _: NotificationContext<RoleClient>) {
        self.progress.fetch_add(1, Ordering::SeqCst);
        self.moved.notify_one();
    }
}

type Client = RunningService<RoleClient, Handler>;

fn request(name: &str, arguments: Value) -> CallToolRequestParams {
    let arguments: JsonObject = serde_json::from_value(arguments).expect("an object");
    CallToolRequestParams::new(name.to_owned()).with_arguments(arguments)
}

fn text(result: &CallToolResult) -> String {
    result.content.iter().filter_map(|block| block.as_text()).map(|block| block.text.as_str()).collect()
}

async fn call(client: &Client, name: &str, arguments: Value) -> CallToolResult {
    let answer = tokio::time::timeout(BOUND, client.call_tool(request(name, arguments))).await;
    answer.unwrap_or_else(|_| panic!("`{name}` is not answered")).unwrap_or_else(|error| panic!("`{name}`: {error}"))
}

/// Starts a long call and waits until it is under way.
async fn long_call(client: &Client, handler: &Handler, steps: u32) -> RequestHandle<RoleClient> {
    let call = CallToolRequest::new(request("progress", json!({"steps": steps, "ms": 20})));
    let options = PeerRequestOptions::no_options();
    let before = handler.progress.load(Ordering::SeqCst);
    let started = client.send_cancellable_request(ClientRequest::CallToolRequest(call), options).await;
    let under_way = async {
        while handler.progress.load(Ordering::SeqCst) == before {
            handler.moved.notified().await;
        }
    };
    tokio::time::timeout(BOUND, under_way).await.expect("the call makes progress");
    started.expect("the call is sent")
}

async fn checks(client: &Client, handler: &Handler, report: &mut Report) {
    let server = client.peer_info().expect("it is known");
    let name = server.server_info.as_ref().map_or("unnamed", |info| &info.name).to_owned();
    report.check("initialize", true, format!("{name}, {}", server.protocol_version));

    let tools = client.list_all_tools().await.expect("tools");
    let names: Vec<_> = tools.iter().map(|tool| tool.name.to_string()).collect();
    let wanted = ["echo", "slow", "progress", "fail", "big", "ask"];
    report.check("list", wanted.iter().all(|name| names.iter().any(|have| have == name)), names.join(" "));

    let words = "plain, \"quoted\", line\nbreak, \u{fc}ml\u{e4}ut, \u{2028}, \u{1f980}";
    let answer = call(client, "echo", json!({"text": words})).await;
    report.check("call", text(&answer) == words && answer.is_error != Some(true), text(&answer));

    let answer = call(client, "big", json!({"bytes": 300_000})).await;
    report.check("large result", text(&answer).len() == 300_000, text(&answer).len());
    let answer = call(client, "echo", json!({"text": "y".repeat(300_000)})).await;
    report.check("large call", text(&answer).len() == 300_000, text(&answer).len());

    let answer = call(client, "fail", json!({})).await;
    report.check("tool error", answer.is_error == Some(true), text(&answer));
    match client.call_tool(request("no_such_tool", json!({}))).await {
        Ok(answer) => report.check("unknown tool", answer.is_error == Some(true), text(&answer)),
        Err(error) => report.check("unknown tool", true, error),
    }

    let before = handler.progress.load(Ordering::SeqCst);
    let answer = call(client, "progress", json!({"steps": 5, "ms": 10})).await;
    let seen = handler.progress.load(Ordering::SeqCst) - before;
    report.check("progress", seen == 5 && answer.is_error != Some(true), seen);

    let long = long_call(client, handler, 400).await;
    long.cancel(Some("the user stopped".into())).await.expect("it is told");
    // When the answer to `slow` is here, the server has long seen the cancellation.
    call(client, "slow", json!({"ms": 200})).await;
    let before = handler.progress.load(Ordering::SeqCst);
    call(client, "slow", json!({"ms": 200})).await;
    let late = handler.progress.load(Ordering::SeqCst) - before;
    report.check("cancel", late == 0, format!("{late} progress after it"));

    let texts: Vec<_> = (0..50).map(|number| format!("call {number}")).collect();
    let running: Vec<_> = texts
        .iter()
        .map(|text| {
            let (peer, request) = (client.peer().clone(), request("echo", json!({"text": text})));
            tokio::spawn(async move { peer.call_tool(request).await })
        })
        .collect();
    let mut same = true;
    for (wanted, running) in texts.iter().zip(running) {
        same &= text(&running.await.expect("no panic").expect("an answer")) == *wanted;
    }
    report.check("50 calls in parallel", same, "");

    let slow = [1, 2, 3].map(|_| {
        let peer = client.peer().clone();
        tokio::spawn(async move { peer.call_tool(request("slow", json!({"ms": 200}))).await })
    });
    let started = Instant::now();
    let quick = call(client, "echo", json!({"text": "quick"})).await;
    report.check("slow calls beside a quick one", text(&quick) == "quick", format!("{:?}", started.elapsed()));
    for slow in slow {
        slow.await.expect("no panic").expect("an answer");
    }

    let resources = client.list_all_resources().await.expect("resources");
    let listed = resources.iter().any(|resource| resource.uri == "memo://greeting");
    let read = client.read_resource(ReadResourceRequestParams::new("memo://greeting")).await.expect("it is read");
    let contents = json!(read.contents)[0]["text"].clone();
    report.check("resource", listed && contents == "Good morning.", contents);

    let mut greet = GetPromptRequestParams::new("greet");
    greet.arguments = serde_json::from_value(json!({"name": "Ada"})).expect("an object");
    let prompt = client.get_prompt(greet).await.expect("a prompt");
    let said = json!(prompt.messages)[0]["content"]["text"].clone();
    report.check("prompt", said == "Greet Ada.", said);

    let answer = call(client, "ask", json!({})).await;
    report.check("elicitation", text(&answer) == "Hello, Ferris.", text(&answer));
}

async fn server_gone(client: &Client, handler: &Handler, report: &mut Report) {
    let long = long_call(client, handler, 6000).await;
    report.check("in_flight", true, "");
    match tokio::time::timeout(BOUND, long.await_response()).await {
        Ok(Ok(_)) => report.check("gone", false, "the call was answered"),
        Ok(Err(error)) => report.check("gone", true, error),
        Err(_) => report.check("gone", false, "no error in time"),
    }
}
