//! The smallest client: it lists the tools of a server, and calls one. What `c_sizes.sh` weighs.

use std::env;
use std::error::Error;

use mcp_sse_blocking::Client;
use serde_json::Value;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let client = Client::connect(&arguments.next().ok_or("usage: small-client URL [TOOL [ARGUMENTS]]")?)?;
    let Some(tool) = arguments.next() else {
        for tool in client.tools() {
            println!("{}", tool?.name);
        }
        return Ok(());
    };
    let values: Value = arguments.next().as_deref().map_or(Ok(Value::Null), serde_json::from_str)?;
    println!("{}", client.call(&tool, &values)?.all_text());
    Ok(())
}
