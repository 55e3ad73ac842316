//! A server and a client in one program, talking over HTTP on a free port of this machine.
//!
//! ```text
//! cargo run --release --example quickstart            add `-- -v` to see every message
//! ```
// What it prints is what it is for.
#![allow(clippy::print_stdout)]

use std::error::Error;
use std::io::Write;
use std::thread;
use std::time::{Duration, Instant};

use mcp_core::types::{ElicitParams, ElicitResult, RequestedSchema, SingleSelectSchema};
use mcp_server_tiny::{Call, Prompt, Resource, Server, Tool, ToolError};
use mcp_sse_blocking::{Client, FormRequest, log_target};
use serde::Deserialize;
use serde_json::json;

const TEAS: [&str; 3] = ["black", "green", "mint"];

fn main() -> Result<(), Box<dyn Error>> {
    let start = Instant::now();
    if std::env::args().any(|argument| argument == "-v") {
        show_messages();
    }
    let server = server().bind("127.0.0.1:0")?;
    let url = format!("http://{}/mcp", server.local_addr());
    let stop = server.handle();
    let serving = thread::spawn(move || server.run());
    println!("A server listens at {url}");

    let client = Client::builder(&url).on_elicitation(fill_in).connect()?;
    println!("A client found {}\n", client.connection());
    use_tools(&client)?;
    use_the_rest(&client)?;

    // Dropping the client closes its connections and ends its threads; the server ends its streams and returns.
    drop(client);
    stop.stop();
    serving.join().map_err(|_| "the server panicked")??;
    println!("\nBoth have ended, after {:.1} s.", start.elapsed().as_secs_f64());
    Ok(())
}

/// A tool is a description and a closure; its arguments are checked before the closure runs.
fn server() -> Server {
    let divide =
        Tool::new("divide").description("Divides a by b").param::<f64>("a", "dividend").param::<f64>("b", "divisor");
    // This one takes its time, so it runs on a worker. The server itself has one thread for all its clients.
    let brew = Tool::new("brew").description("Makes tea, and asks which").param::<u32>("cups", "how many").on_worker();
    let menu = Resource::text("tea://menu", "menu", TEAS.join(", ")).description("Which teas there are");
    let toast = Prompt::new("toast").description("Has a model praise somebody").argument("name", "whom");

    Server::new("quickstart", "1.0.0")
        .tool(divide, |call| match (call.arg::<f64>("a")?, call.arg::<f64>("b")?) {
            (_, 0.0) => Err(ToolError::new("division by zero")),
            (a, b) => Ok(a / b),
        })
        .tool(brew, brew_tea)
        .resource(menu)
        .prompt(toast, |call| Ok(format!("Praise {}, over a cup of tea.", call.arg::<&str>("name")?)))
}

#[derive(Deserialize)]
struct Choice<'a> {
    tea: &'a str,
}

fn brew_tea(call: &mut Call<'_>) -> Result<String, ToolError> {
    let cups: u32 = call.arg("cups")?;
    // The first time `?` leaves this function with the question. With the answer it runs again from its start.
    let form = RequestedSchema::new().required("tea", SingleSelectSchema::new(TEAS));
    let answer = call.elicit("tea", ElicitParams::form("Which tea?", form))?;
    let Some(Choice { tea }) = answer.accepted()? else { return Err(ToolError::new("nobody wants tea")) };
    for cup in 1..=cups {
        // Wakes up early, and gives up, when the client does.
        call.sleep(Duration::from_millis(150))?;
        call.progress(cup.into(), Some(cups.into()), Some("a cup is ready"));
    }
    Ok(format!("{cups} cups of {tea} tea"))
}

/// A client calls on this thread, and nothing waits longer than its deadline.
fn use_tools(client: &Client) -> Result<(), Box<dyn Error>> {
    println!("Its tools:");
    for tool in client.tools() {
        let tool = tool?;
        println!("  {:<8} {}", tool.name, tool.description.unwrap_or_default());
    }

    println!("\ndivide 84 by 2");
    let quotient: f64 = client.call("divide", &json!({"a": 84, "b": 2}))?.structured()?;
    println!("  {quotient}");
    println!("divide 1 by 0");
    let failed = client.call("divide", &json!({"a": 1, "b": 0}))?;
    assert!(failed.is_error);
    println!("  the tool failed: {}", failed.all_text());

    println!("brew 3 cups");
    let mut job = client.start("brew", &json!({"cups": 3}))?;
    for progress in &mut job {
        println!("  {} of 3: {}", progress.progress, progress.message.unwrap_or_default());
    }
    println!("  {}", job.result()?.all_text());
    Ok(())
}

/// Here a program with a user would show the form.
fn fill_in(form: &FormRequest) -> ElicitResult {
    println!("  the server asks: {} The user says: green", form.message());
    let mut content = form.defaults();
    content.insert("tea".into(), json!("green"));
    ElicitResult::accept(content)
}

fn use_the_rest(client: &Client) -> Result<(), Box<dyn Error>> {
    println!("\nIts resources:");
    for resource in client.resources() {
        let resource = resource?;
        let read = client.read_resource(&resource.uri)?;
        let text = read.contents.first().and_then(|contents| contents.text.as_deref());
        println!("  {}: {}", resource.uri, text.unwrap_or("not a text"));
    }
    println!("Its prompts:");
    for prompt in client.prompts() {
        let prompt = prompt?;
        let filled_in = client.get_prompt(&prompt.name, &json!({"name": "Ada"}))?;
        let text = filled_in.messages.first().and_then(|message| message.content.as_text());
        println!("  {}: {}", prompt.name, text.unwrap_or("not a text"));
    }
    Ok(())
}

/// Prints the log of both crates: `-->` is a message that the client posts, `<--` one that the server sends.
fn show_messages() {
    let mut logger = env_logger::Builder::new();
    logger.filter_module("mcp", log::LevelFilter::Trace).filter_module("mcp_server_tiny", log::LevelFilter::Debug);
    logger.format(|out, record| match record.target() {
        log_target::WIRE => writeln!(out, "    {}", record.args()),
        target => writeln!(out, "    {}: {}", target.split("::").next().unwrap_or(target), record.args()),
    });
    logger.init();
}
