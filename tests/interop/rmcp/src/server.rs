//! What every peer's server offers: tools, one resource, one prompt, one tool that asks its user.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rmcp::model::*;
use rmcp::service::RequestContext;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use rmcp::{ErrorData, RoleServer, ServerHandler, ServiceExt};
use serde_json::{Value, json};

pub async fn run(arguments: &[String]) {
    let server = Peer::default();
    if arguments.iter().any(|argument| argument == "--stdio") {
        let running = server.serve(rmcp::transport::stdio()).await.expect("a client says hello");
        running.waiting().await.expect("the session ends");
        return;
    }
    let service: StreamableHttpService<Peer, LocalSessionManager> = StreamableHttpService::new(
        move || Ok(server.clone()),
        Default::default(),
        StreamableHttpServerConfig::default(),
    );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    eprintln!("listening on http://{}", listener.local_addr().expect("it is bound"));
    loop {
        let (stream, _) = listener.accept().await.expect("a connection");
        // Left on, every second streamed answer waits 40 ms for the peer's acknowledgement.
        let _ = stream.set_nodelay(true);
        let service = hyper_util::service::TowerToHyperService::new(service.clone());
        let io = hyper_util::rt::TokioIo::new(stream);
        tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(io, service));
    }
}

#[derive(Clone, Default)]
struct Peer {
    stopped_early: Arc<AtomicU32>,
}

fn said(text: impl Into<String>) -> CallToolResult {
    CallToolResult::success(vec![ContentBlock::text(text)])
}

fn failed(text: impl Into<String>) -> CallToolResult {
    CallToolResult::error(vec![ContentBlock::text(text)])
}

fn tool(name: &'static str, description: &'static str, properties: Value) -> Tool {
    let required: Vec<_> = properties.as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect();
    let schema = json!({"type": "object", "properties": properties, "required": required});
    Tool::new(name, description, serde_json::from_value::<JsonObject>(schema).expect("an object"))
}

fn tools() -> Vec<Tool> {
    let (text, number) = (json!({"type": "string"}), json!({"type": "number"}));
    vec![
        tool("echo", "Gives the text back.", json!({"text": text})),
        tool("add", "Adds two numbers.", json!({"a": number, "b": number})),
        tool("slow", "Answers after a while.", json!({"ms": number})),
        tool("progress", "Tells of each step, with `ms` between them.", json!({"steps": number, "ms": number})),
        tool("fail", "Always fails.", json!({})),
        tool("big", "Answers with that many bytes.", json!({"bytes": number})),
        tool("cancelled", "How many calls of `slow` and `progress` were cancelled.", json!({})),
        tool("ask", "Asks for a name.", json!({})),
    ]
}

impl Peer {
    /// Waits, unless the request is cancelled: then counts it and gives up.
    async fn wait(&self, ms: u64, context: &RequestContext<RoleServer>) -> Result<(), ErrorData> {
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(ms)) => Ok(()),
            () = context.ct.cancelled() => {
                self.stopped_early.fetch_add(1, Ordering::SeqCst);
                Err(ErrorData::internal_error("cancelled", None))
            }
        }
    }

    async fn progress(&self, steps: u64, ms: u64, context: &RequestContext<RoleServer>) -> Result<(), ErrorData> {
        for step in 1..=steps {
            if let Some(token) = context.meta.get_progress_token() {
                let progress = ProgressNotificationParam::new(token, step as f64)
                    .with_total(steps as f64)
                    .with_message(format!("step {step}"));
                // Fails only when the client has left.
                let _ = context.peer.notify_progress(progress).await;
            }
            self.wait(ms, context).await?;
        }
        Ok(())
    }
}

fn question() -> ElicitRequestParams {
    let schema = json!({"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]});
    ElicitRequestParams::FormElicitationParams {
        meta: None,
        message: "What is your name?".into(),
        requested_schema: serde_json::from_value(schema).expect("a schema"),
    }
}

/// Asks in the middle of the call, or by an input-required result, as the era has it.
async fn ask(
    request: CallToolRequestParams,
    context: &RequestContext<RoleServer>,
) -> Result<CallToolResponse, ErrorData> {
    let stateless = context.protocol_version().is_some_and(|version| version >= ProtocolVersion::V_2026_07_28);
    let answer = if !stateless {
        let answer = context.peer.create_elicitation(question()).await;
        let answer = answer.map_err(|error| ErrorData::internal_error(error.to_string(), None))?;
        serde_json::to_value(answer).expect("it serializes")
    } else if let Some(answer) = request.input_responses.as_ref().and_then(|answers| answers.get("name")) {
        if request.request_state.as_deref() != Some("asked") {
            return Err(ErrorData::invalid_params("another state", None));
        }
        serde_json::to_value(answer).expect("it serializes")
    } else {
        let mut requests = InputRequests::new();
        requests.insert("name".into(), InputRequest::Elicitation(ElicitRequest::new(question())));
        return Ok(InputRequiredResult::new(Some(requests), Some("asked".into())).into());
    };
    let name = answer["content"]["name"].as_str().filter(|_| answer["action"] == "accept");
    Ok(said(name.map_or("nobody".into(), |name| format!("Hello, {name}."))).into())
}

impl ServerHandler for Peer {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder().enable_tools().enable_resources().enable_prompts().build();
        let mut info = ServerConfig::new(capabilities);
        info.server_info = Implementation::new("rmcp", "3.8.0");
        info.instructions = Some("Tools that show what a transport can do.".into());
        info
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(tools()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let arguments = Value::Object(request.arguments.clone().unwrap_or_default());
        let number = |name: &str| arguments[name].as_u64().unwrap_or(0);
        Ok(match &*request.name {
            "echo" => match arguments["text"].as_str() {
                Some(text) => said(text),
                None => failed("text is not a string"),
            },
            "add" => {
                let sum = number("a") + number("b");
                let mut result = CallToolResult::structured(json!({"sum": sum}));
                result.content = vec![ContentBlock::text(sum.to_string())];
                result
            }
            "slow" => {
                self.wait(number("ms"), &context).await?;
                said(format!("slept {} ms", number("ms")))
            }
            "progress" => {
                self.progress(number("steps"), number("ms"), &context).await?;
                said(format!("{} steps", number("steps")))
            }
            "fail" => failed("this tool always fails"),
            "big" => said("x".repeat(number("bytes") as usize)),
            "cancelled" => said(self.stopped_early.load(Ordering::SeqCst).to_string()),
            "ask" => return ask(request, &context).await,
            unknown => return Err(ErrorData::invalid_params(format!("unknown tool: {unknown}"), None)),
        }
        .into())
    }

    async fn list_resources(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        let greeting = Resource::new("memo://greeting", "greeting").with_mime_type("text/plain");
        Ok(ListResourcesResult::with_all_items(vec![greeting]))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        if request.uri != "memo://greeting" {
            return Err(ErrorData::resource_not_found("no such resource", Some(json!({"uri": request.uri}))));
        }
        Ok(ReadResourceResult::new(vec![ResourceContents::text("Good morning.", request.uri)]).into())
    }

    async fn list_prompts(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        let name = PromptArgument::new("name").with_description("Whom").with_required(true);
        Ok(ListPromptsResult::with_all_items(vec![Prompt::new("greet", Some("Greets somebody."), Some(vec![name]))]))
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        let arguments = json!(request.arguments);
        let name = arguments["name"].as_str().unwrap_or_default();
        Ok(GetPromptResult::new(vec![PromptMessage::new_text(Role::User, format!("Greet {name}."))]).into())
    }
}
