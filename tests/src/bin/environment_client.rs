//! A client that goes the way that its environment says: calls `echo` at the URL that it is given, and says what came of it.

#![allow(clippy::print_stdout)] // what it is for

use std::time::Duration;

use mcp_sse_blocking::{Client, Error};
use serde_json::json;

fn main() {
    let url = std::env::args().nth(1).expect("a URL");
    match echo(&url) {
        Ok(text) => println!("{text}"),
        Err(error) => println!("{error}"),
    }
}

fn echo(url: &str) -> Result<String, Error> {
    let client = Client::builder(url).call_timeout(Duration::from_secs(10)).connect()?;
    Ok(client.call("echo", &json!({"text": "hello"}))?.all_text())
}
