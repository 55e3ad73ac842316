//! The official Rust SDK as a peer of the interop tests.
//!
//!     rmcp-peer server [--stdio]
//!     rmcp-peer client [--era initialize|discover|auto] [--gone] (URL | --stdio PROGRAM ARGUMENT ...)
//!
//! The server offers at /mcp (Streamable HTTP, every revision that the SDK knows) or over stdio what the other peers do; it
//! prints `listening on http://127.0.0.1:PORT` on stderr when ready. The client drives a server through the checks of the
//! other peers and prints one line of JSON for each: {"check", "ok", "detail"}. It ends with 0 when all held.
//!
//! What this peer does that others do not:
//!   * it gives an unknown tool as the program says, here as a JSON-RPC error with code -32602;
//!   * in the handshake eras it answers every POST as an event stream that begins with a priming event;
//!   * its client, handshake eras over HTTP: a call whose server is killed is not ended; it connects anew for longer than
//!     anybody waits.

mod client;
mod server;

#[tokio::main]
async fn main() -> std::process::ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.split_first() {
        Some((role, rest)) if role == "server" => server::run(rest).await,
        Some((role, rest)) if role == "client" => return client::run(rest).await,
        _ => panic!("rmcp-peer server|client ..."),
    }
    std::process::ExitCode::SUCCESS
}
