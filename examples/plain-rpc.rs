//! A server that speaks JSON without JSON-RPC, and a client that calls it as any other. Both are in this process.
//!
//! ```text
//! cargo run --example plain-rpc                 a server and its client
//! cargo run --example plain-rpc -- ORIGIN       somebody else's server: its stream at /mcp/sse, requests to /mcp/rpc
//! ```
//!
//! The server is the sketch that many begin with: `GET /mcp/sse` is a stream of plain events, `POST /mcp/rpc` takes
//! `{"method", "params"}` and answers in the body of the answer, with neither `jsonrpc` nor ids. That is not MCP, and nothing of it is
//! found out: whoever knows that a server is like this says [`Transport::Plain`] and where requests go.
// What it prints is what it is for.
#![allow(clippy::print_stdout)]

use std::error::Error;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use mcp_core::text::Excerpt;
use mcp_sse_blocking::{Client, Transport};
use serde_json::{Value, json};

fn main() -> ExitCode {
    let done = match std::env::args().nth(1) {
        Some(origin) => use_server(&origin),
        None => start_server().map_err(Box::from).and_then(|origin| use_server(&origin)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("plain-rpc: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The client.
fn use_server(origin: &str) -> Result<(), Box<dyn Error>> {
    let client = Client::builder(&format!("{origin}/mcp/sse"))
        .transport(Transport::Plain)
        .message_url("/mcp/rpc")
        // Runs beside everything else.
        .on_event("error", |_, event| {
            if let Some(error) = event.error() {
                eprintln!("the server says {}: {}", Excerpt::new(&error.code, 64), Excerpt::new(&error.message, 256));
            }
        })
        .connect()?;
    println!("{}", client.connection().via);

    println!("tools:");
    for tool in client.tools() {
        let tool = tool?;
        // A peer's text: no control character of it may reach a terminal.
        let about = tool.description.as_deref().unwrap_or("says nothing of itself");
        println!("  {}: {}", Excerpt::new(&tool.name, 64), Excerpt::new(about, 256));
    }
    let result = client.call("get_data", &json!({"id": "7"}))?;
    println!("a call: {}", Excerpt::new(&result.all_text(), 1024));
    if let Err(error) = client.ping() {
        println!("a method that it does not have: {error}");
    }

    // Ten at once, or what comes in a second.
    let batches = client.events("data_update").batches(10, Duration::from_secs(1));
    for batch in batches.take(1) {
        let batch = batch?;
        let values: Result<Vec<Value>, _> = batch.events.iter().map(|event| event.payload()).collect();
        let values: Vec<String> = values?.iter().map(|payload| payload["value"].to_string()).collect();
        println!("{} events: {}", values.len(), values.join(", "));
    }
    Ok(())
}

/// The server: a thread for each connection. Its origin.
fn start_server() -> io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let origin = format!("http://{}", listener.local_addr()?);
    thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            // A client that goes away ends its thread.
            thread::spawn(move || serve(socket));
        }
    });
    Ok(origin)
}

/// One connection: requests until there are no more, or a stream.
fn serve(mut socket: TcpStream) -> io::Result<()> {
    let mut input = BufReader::new(socket.try_clone()?);
    loop {
        let mut line = String::new();
        if input.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let is_stream = line.starts_with("GET /mcp/sse ");
        let mut length = 0;
        loop {
            let mut header = String::new();
            input.read_line(&mut header)?;
            match header.trim_end().split_once(':') {
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                    length = value.trim().parse().map_err(io::Error::other)?;
                }
                Some(_) => {}
                None => break,
            }
        }
        if is_stream {
            return updates(&mut socket);
        }
        // This server is its own client's: nobody else is to fill its memory.
        let mut body = vec![0; usize::min(length, 64 * 1024)];
        input.read_exact(&mut body)?;
        let answer = answer(&serde_json::from_slice(&body)?).to_string();
        let head = format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}", answer.len());
        write!(socket, "{head}\r\n\r\n{answer}")?;
    }
}

fn answer(call: &Value) -> Value {
    match call["method"].as_str() {
        Some("tools/list") => json!({"tools": [{"name": "get_data", "description": "Gets data by its id"}]}),
        Some("tools/call") => {
            let text = format!("data {}", call["params"]["arguments"]["id"]);
            json!({"content": [{"type": "text", "text": text}]})
        }
        _ => json!({"error": "Method not found"}),
    }
}

/// An event every few milliseconds, for as long as somebody reads.
fn updates(socket: &mut TcpStream) -> io::Result<()> {
    write!(socket, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\n\r\n")?;
    for value in 0u64.. {
        let event = json!({"event": "data_update", "payload": {"value": value}});
        write!(socket, "data: {event}\n\n")?;
        thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}
