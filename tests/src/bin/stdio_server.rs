//! Our own server on standard input and output, in every era, with something that changes and a way to end unexpectedly.
//!
//! Its tools: `change` (tells that the resource `memo://a` changed), `exit` (ends with 1 and answers nothing), `pid`.

use mcp_core::types::Change;
use mcp_server_tiny::{Call, Error, Resource, Server, Tool};

fn main() -> Result<(), Error> {
    Server::new("child", "1.0.0")
        .resource(Resource::text("memo://a", "a", "something"))
        .tool(Tool::new("change"), |call: &mut Call<'_>| {
            call.announce(Change::Resource("memo://a".into()));
            Ok("changed")
        })
        .tool(Tool::new("exit"), |_: &mut Call<'_>| -> Result<&str, _> { std::process::exit(1) })
        .tool(Tool::new("pid"), |_: &mut Call<'_>| Ok(std::process::id().to_string()))
        .serve_stdio()
}
