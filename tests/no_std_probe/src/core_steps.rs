//! A client and a server, joined by event streams in memory: handshake, one call, one cancellation.

use alloc::string::String;
use alloc::vec::Vec;

use mcp_core::jsonrpc::{self, Message, Payload};
use mcp_core::revision::ProtocolVersion;
use mcp_core::session::{ClientEvent, ClientSession, Reply, RequestOptions, ServerEvent, ServerProfile, ServerSession};
use mcp_core::types::{CallToolParams, ClientCapabilities, Implementation, InitializeParams, ServerCapabilities};
use mcp_core::{Limits, sse};

/// 0 when all came out right, else the number of the step that did not.
pub(crate) fn run() -> i32 {
    match steps() {
        Ok(()) => 0,
        Err(step) => step,
    }
}

fn steps() -> Result<(), i32> {
    let limits = Limits::default();
    let (info, capabilities) = (Implementation::new("probe", "0"), ServerCapabilities::default());
    let profile = ServerProfile { info: &info, capabilities: &capabilities, instructions: None };
    let mut client = ClientSession::new(limits.clone());
    let mut server = ServerSession::new();
    let mut to_server = sse::Decoder::new(&limits);
    let mut to_client = sse::Decoder::new(&limits);
    let (mut asked, mut answered) = (Vec::new(), Vec::new());

    let hello = InitializeParams {
        protocol_version: String::from(ProtocolVersion::V2024_11_05.as_str()),
        capabilities: ClientCapabilities::default(),
        client_info: Implementation::new("probe", "0"),
    };
    client.initialize(&hello, None, &mut asked).map_err(|_| 1)?;
    let answer = receive(&mut to_server, &asked, &limits, |message| {
        server.handle_message(&profile, &limits, message, &mut answered);
    });
    answer.ok_or(2)?;
    asked.clear();
    let initialized = receive(&mut to_client, &answered, &limits, |message| {
        matches!(client.handle_message(message, &mut asked), ClientEvent::Initialized)
    });
    (initialized == Some(true)).then_some(()).ok_or(3)?;
    let ready = receive(&mut to_server, &asked, &limits, |message| {
        matches!(server.handle_message(&profile, &limits, message, &mut answered), ServerEvent::Initialized)
    });
    (ready == Some(true)).then_some(()).ok_or(4)?;

    asked.clear();
    answered.clear();
    let call = CallToolParams::new("echo", None);
    let id = client.request("tools/call", &call, RequestOptions::PLAIN, &mut asked).map_err(|_| 5)?;
    let key = receive(&mut to_server, &asked, &limits, |message| {
        match server.handle_message(&profile, &limits, message, &mut answered) {
            ServerEvent::Request { key, .. } => Some(key),
            _ => None,
        }
    });
    let key = key.flatten().ok_or(6)?;
    server.respond(&profile, key, &Reply::new("hi"), &mut answered).map_err(|_| 7)?;
    let result = receive(&mut to_client, &answered, &limits, |message| {
        let event = client.handle_message(message, &mut asked);
        matches!(event, ClientEvent::Response { id: of, result } if of == id && result.get() == "\"hi\"")
    });
    (result == Some(true)).then_some(()).ok_or(8)?;

    asked.clear();
    let id = client.request("tools/call", &call, RequestOptions::PLAIN, &mut asked).map_err(|_| 9)?;
    receive(&mut to_server, &asked, &limits, |message| {
        server.handle_message(&profile, &limits, message, &mut answered);
    });
    asked.clear();
    client.cancel(id, None, &mut asked).then_some(()).ok_or(10)?;
    let cancelled = receive(&mut to_server, &asked, &limits, |message| {
        matches!(server.handle_message(&profile, &limits, message, &mut answered), ServerEvent::Cancelled { .. })
    });
    (cancelled == Some(true)).then_some(()).ok_or(11)
}

/// Sends one message as an event and gives what `handle` makes of it; `None` when it does not arrive as it was sent.
fn receive<T>(
    stream: &mut sse::Decoder,
    message: &[u8],
    limits: &Limits,
    handle: impl FnOnce(Message<'_>) -> T,
) -> Option<T> {
    let mut wire = Vec::new();
    sse::encode::event(&mut wire, "message", message).ok()?;
    stream.push(&wire).ok()?;
    let event = stream.next_event().ok()??;
    match jsonrpc::decode(event.data, limits) {
        Ok(Payload::Message(message)) => Some(handle(message)),
        _ => None,
    }
}
