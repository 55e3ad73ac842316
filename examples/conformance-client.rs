//! The client that the official conformance suite is run against: it does with a server whatever can be done with it.
//!
//! ```text
//! conformance-client URL
//! ```
//!
//! | Variable | Says |
//! | --- | --- |
//! | `MCP_CONFORMANCE_PROTOCOL_VERSION` | the revision to speak; what the server speaks unless set |
//! | `MCP_CONFORMANCE_CONTEXT` | JSON; the calls to make (`toolCalls`), or every tool is called with arguments made up from its schema; as whom (`client_id`, `client_secret`, `issuer`), or the client registers itself |
//!
//! Where it has to log in it is the person and the browser as well: it opens the page, which says yes by itself, and follows
//! where that leads.
//!
//! It lists tools, resources and prompts, calls, reads and gets each of them, and answers what it is asked. It ends with 0
//! when all of that succeeded. `tests/conformance/run.sh` runs the suite; what the suite looks at it sees on the wire, so that
//! this program need not know what is right.

use std::collections::BTreeMap;
use std::error::Error;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use mcp_core::revision::ProtocolVersion;
use mcp_core::types::{CreateMessageResult, ElicitResult, PrimitiveSchema, Tool};
use mcp_sse_blocking::credentials::OAuth;
use mcp_sse_blocking::{Client, FormRequest, Transport};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// The suite gives up after 30 s and then kills nothing but its own shell.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// The document about this client, which nobody fetches.
const CLIENT_METADATA: &str = "https://conformance-test.local/client-metadata.json";

fn main() -> ExitCode {
    env_logger::init();
    let Some(url) = std::env::args().nth(1) else {
        eprintln!("usage: conformance-client URL");
        return ExitCode::from(2);
    };
    match run(&url) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("conformance-client: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What a scenario tells beside the address.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Context {
    #[serde(rename = "toolCalls")]
    tool_calls: Option<Vec<ToolCall>>,
    client_id: Option<String>,
    client_secret: Option<String>,
    issuer: Option<String>,
}

#[derive(Deserialize)]
struct ToolCall {
    name: String,
    arguments: Map<String, Value>,
}

fn run(url: &str) -> Result<(), Box<dyn Error>> {
    let context = match std::env::var("MCP_CONFORMANCE_CONTEXT") {
        Ok(text) => serde_json::from_str(&text)?,
        Err(_) => Context::default(),
    };
    let client = connect(url, &context)?;
    let offers = client.capabilities().clone();
    if offers.tools.is_some() {
        let tools = client.tools().collect::<Result<Vec<_>, _>>()?;
        for ToolCall { name, arguments } in context.tool_calls.unwrap_or_else(|| calls(&tools)) {
            client.call(&name, &arguments)?;
        }
    }
    if offers.resources.is_some() {
        for resource in client.resources() {
            client.read_resource(&resource?.uri)?;
        }
    }
    if offers.prompts.is_some() {
        for prompt in client.prompts() {
            let prompt = prompt?;
            let arguments: BTreeMap<_, _> = prompt.arguments.iter().map(|argument| (&argument.name, "text")).collect();
            client.get_prompt(&prompt.name, &arguments)?;
        }
    }
    client.close();
    Ok(())
}

fn connect(url: &str, context: &Context) -> Result<Client, Box<dyn Error>> {
    let mut builder = Client::builder(url)
        .call_timeout(CALL_TIMEOUT)
        .credentials(oauth(context))
        .on_elicitation(fill_in)
        .on_sampling(|_| Ok(CreateMessageResult::text("no-model", "There is no model here.")))
        .roots([]);
    if let Ok(date) = std::env::var("MCP_CONFORMANCE_PROTOCOL_VERSION") {
        let version = ProtocolVersion::from_wire(&date).ok_or_else(|| format!("an unknown revision: {date}"))?;
        let transport = if version.has_handshake() { Transport::StreamableHttp } else { Transport::Stateless };
        builder = builder.protocol_version(version).transport(transport);
    }
    Ok(builder.connect()?)
}

/// As whom the client logs in.
fn oauth(context: &Context) -> OAuth {
    let mut oauth = OAuth::new()
        .client_name("conformance-client")
        .client_metadata_url(CLIENT_METADATA)
        .login_timeout(CALL_TIMEOUT)
        .open_with(|url| browse(url).map_err(|error| error.to_string()));
    if let Some(id) = &context.client_id {
        oauth = oauth.client_id(id);
    }
    if let Some(secret) = &context.client_secret {
        oauth = oauth.client_secret(secret.as_str());
    }
    match &context.issuer {
        Some(issuer) => oauth.issuer(issuer),
        None => oauth,
    }
}

/// Opens a page, and the one that it leads to on a thread of its own, as the browser's own process would.
fn browse(url: &str) -> Result<(), Box<dyn Error>> {
    let agent = ureq::Agent::config_builder()
        .max_redirects(0)
        .max_redirects_will_error(false)
        .timeout_global(Some(CALL_TIMEOUT))
        .proxy(None)
        .build()
        .new_agent();
    let page = agent.get(url).call()?;
    let location = page.headers().get("location").ok_or("the page leads nowhere")?.to_str()?.to_owned();
    thread::spawn(move || agent.get(&location).call().map_err(|error| eprintln!("{location}: {error}")));
    Ok(())
}

/// Accepts a form as it is, with every box ticked that has no default.
fn fill_in(form: &FormRequest) -> ElicitResult {
    let mut content = form.defaults();
    for (name, field) in form.schema().properties.iter() {
        if matches!(field, PrimitiveSchema::Boolean(_)) {
            content.entry(name).or_insert(true.into());
        }
    }
    ElicitResult::accept(content)
}

/// A call of every tool whose arguments can be made up.
fn calls(tools: &[Tool]) -> Vec<ToolCall> {
    tools
        .iter()
        .filter_map(|tool| Some(ToolCall { name: tool.name.clone(), arguments: arguments(tool, tools)? }))
        .collect()
}

/// A value for each argument that a tool cannot do without; `None` where its schema does not say the type, as with a
/// reference to another document, which is not followed.
fn arguments(tool: &Tool, tools: &[Tool]) -> Option<Map<String, Value>> {
    let schema = tool.input_schema.to_value();
    let required = schema["required"].as_array().map_or(&[][..], Vec::as_slice);
    let names = required.iter().filter_map(Value::as_str);
    names
        .map(|name| {
            let value = match schema["properties"][name]["type"].as_str()? {
                "string" => json!("text"),
                "integer" | "number" => json!(7),
                "boolean" => json!(true),
                "array" => json!([]),
                // One that somebody else wrote: the schema of the first tool.
                "object" => tools[0].input_schema.to_value(),
                _ => return None,
            };
            Some((name.to_owned(), value))
        })
        .collect()
}
