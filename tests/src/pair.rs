//! A client's and a server's session wired to each other, under a clock that the test moves.

use core::time::Duration;

use mcp_core::Limits;
use mcp_core::jsonrpc::{Message, Payload, decode};
use mcp_core::session::{ClientEvent, ClientSession, Reply, RequestKey, ServerEvent, ServerProfile, ServerSession};
use mcp_core::time::Instant;
use mcp_core::types::{Implementation, InitializeParams, JsonObject, ServerCapabilities, ToolsCapability};
use serde_json::Value;

use crate::schema_judge::{Conversation, Side};

/// Both sides of one session, without any bytes moving by themselves: the test carries each message over.
#[derive(Debug)]
pub struct Pair {
    /// The client's side.
    pub client: ClientSession,
    /// The server's side.
    pub server: ServerSession,
    /// What the server says of itself.
    pub info: Implementation,
    /// What the server offers.
    pub capabilities: ServerCapabilities,
    /// The bounds of both.
    pub limits: Limits,
    /// The time.
    pub now: Instant,
    conversation: Conversation,
}

impl Default for Pair {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}

impl Pair {
    /// Two sessions in which nothing was said.
    pub fn new(limits: Limits) -> Self {
        let mut capabilities = ServerCapabilities::default();
        capabilities.tools = Some(ToolsCapability::default());
        capabilities.logging = Some(JsonObject::new());
        Self {
            client: ClientSession::new(limits.clone()),
            server: ServerSession::new(),
            info: Implementation::new("pair", "1.0.0"),
            capabilities,
            limits,
            now: Instant::ZERO,
            conversation: Conversation::default(),
        }
    }

    /// Two sessions after the handshake, in which the client offered `version`.
    ///
    /// # Panics
    ///
    /// If the handshake fails.
    pub fn operating(version: &str) -> Self {
        let mut pair = Self::default();
        let mut line = Vec::new();
        let hello = InitializeParams {
            protocol_version: version.to_owned(),
            capabilities: Default::default(),
            client_info: Implementation::new("pair-client", "1.0.0"),
        };
        assert!(pair.client.initialize(&hello, None, &mut line).is_ok());
        let answer = pair.to_server(&line, |event| assert!(matches!(event, ServerEvent::Answered)));
        let initialized = pair.to_client(&answer, |event| assert!(matches!(event, ClientEvent::Initialized)));
        let nothing = pair.to_server(&initialized, |event| assert!(matches!(event, ServerEvent::Initialized)));
        assert!(nothing.is_empty());
        pair
    }

    /// Moves the clock.
    pub fn advance(&mut self, by: Duration) {
        self.now = self.now + by;
    }

    /// Carries bytes to the server, shows what they meant to it, and gives what it sends because of them, which is judged.
    pub fn to_server(&mut self, bytes: &[u8], check: impl FnOnce(ServerEvent<'_>)) -> Vec<u8> {
        let mut out = Vec::new();
        let profile =
            ServerProfile { info: &self.info, capabilities: &self.capabilities, instructions: Some("be brief") };
        check(self.server.handle_message(&profile, &self.limits, message(bytes), &mut out));
        self.judge(Side::Server, bytes, &out);
        out
    }

    /// Answers a request of the client's; false when nobody waits for it.
    pub fn respond(&mut self, key: RequestKey, result: &Value, out: &mut Vec<u8>) -> bool {
        let profile =
            ServerProfile { info: &self.info, capabilities: &self.capabilities, instructions: Some("be brief") };
        self.server.respond(&profile, key, &Reply::new(result), out).is_ok_and(|answered| answered)
    }

    /// Carries bytes to the client, shows what they meant to it, and gives what it sends because of them, which is judged.
    pub fn to_client(&mut self, bytes: &[u8], check: impl FnOnce(ClientEvent<'_>)) -> Vec<u8> {
        let mut out = Vec::new();
        check(self.client.handle_message(message(bytes), &mut out));
        self.judge(Side::Client, bytes, &out);
        out
    }

    /// Judges what a side sends because of what it was sent. The other side's words are a test's own.
    fn judge(&mut self, side: Side, heard: &[u8], sent: &[u8]) {
        self.conversation.overheard(side.other(), heard);
        if !sent.is_empty() {
            self.conversation.sent(side, sent);
        }
    }
}

/// The one message in `bytes`.
///
/// # Panics
///
/// If there is none, or a batch.
pub fn message(bytes: &[u8]) -> Message<'_> {
    match decode(bytes, &Limits::default()) {
        Ok(Payload::Message(message)) => message,
        other => panic!("no message: {other:?} in {}", String::from_utf8_lossy(bytes)),
    }
}
