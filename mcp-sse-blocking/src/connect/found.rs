//! How a server is spoken to, as it was found out.

use std::fmt;

use mcp_core::revision::ProtocolVersion;

/// How a client speaks to its server.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Connection {
    /// What carries the messages.
    pub via: Via,
    /// The revision that was agreed on.
    pub version: ProtocolVersion,
    /// How many requests it took to find that out; 1 when the first was the right one.
    pub requests: usize,
    /// With whom: a URL without its query, or the name of a program.
    pub place: String,
}

/// What carries the messages of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Via {
    /// HTTP+SSE: one event stream, and a POST for each message.
    HttpSse,
    /// Streamable HTTP: each request is an exchange of its own.
    StreamableHttp,
    /// Lines over a pipe: stdio, or what the caller gave.
    Lines,
    /// No transport of MCP: JSON over HTTP without JSON-RPC, and a stream of plain events.
    Plain,
}

impl fmt::Display for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { via, version, requests, place } = self;
        let session = if version.has_handshake() { "" } else { ", stateless" };
        let plural = if *requests == 1 { "" } else { "s" };
        write!(f, "{place}: {via}{session}, revision {version}, found in {requests} request{plural}")
    }
}

impl fmt::Display for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::HttpSse => "HTTP+SSE",
            Self::StreamableHttp => "Streamable HTTP",
            Self::Lines => "lines",
            Self::Plain => "plain JSON over HTTP",
        })
    }
}
