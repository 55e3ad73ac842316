//! What a server offers, and who carries it out.
//!
//! The engine calls [`Service::request`] for each request that the session admitted. The service answers through the session,
//! each message through the [`Outbox`], or later with a [`Reply`].

use mcp_core::jsonrpc::{ErrorObject, code};
use mcp_core::session::{RequestKey, ServerProfile, ServerSession};
use mcp_core::types::{Implementation, Method, ServerCapabilities};
use serde_json::value::RawValue;

use crate::engine::Outbox;
use crate::sessions::SessionKey;

/// A request to carry out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Incoming<'a> {
    /// Whose it is.
    pub(crate) session: SessionKey,
    /// Names it within the session.
    pub(crate) request: RequestKey,
    /// What is wanted.
    pub(crate) method: Method,
    /// Its parameters.
    pub(crate) params: Option<&'a RawValue>,
}

/// What a server offers.
pub(crate) struct Service {
    info: Implementation,
    capabilities: ServerCapabilities,
}

impl Service {
    pub(crate) fn new(name: &str, version: &str) -> Self {
        Self { info: Implementation::new(name, version), capabilities: ServerCapabilities::default() }
    }

    /// What the server says of itself.
    pub(crate) fn profile(&self) -> ServerProfile<'_> {
        ServerProfile { info: &self.info, capabilities: &self.capabilities, instructions: None }
    }

    /// Carries a request out, or begins to: then its [`Reply`] comes later.
    pub(crate) fn request(&mut self, incoming: Incoming<'_>, session: &mut ServerSession, outbox: &mut Outbox<'_>) {
        let error = ErrorObject::new(code::METHOD_NOT_FOUND, "method not found");
        outbox.message(|out| session.respond_error(incoming.request, &error, out));
    }

    /// The client gave a request up, or its session is over: nobody waits for the answer.
    pub(crate) fn cancelled(&mut self, session: SessionKey, request: RequestKey) {
        let _ = (session, request);
    }

    /// The next of what workers and deferred replies have to say.
    pub(crate) fn next_reply(&mut self) -> Option<Reply> {
        None
    }

    /// Sets what to call, from any thread, when there is a reply.
    #[cfg(feature = "std")]
    pub(crate) fn set_waker(&mut self, wake: std::sync::Arc<dyn Fn() + Send + Sync>) {
        let _ = wake;
    }
}

/// Something that a worker or a deferred reply has to say to a client.
#[derive(Debug)]
pub(crate) struct Reply {
    session: SessionKey,
}

impl Reply {
    /// To whom.
    pub(crate) fn session(&self) -> SessionKey {
        self.session
    }

    /// Writes it, unless its request is no longer in flight.
    pub(crate) fn write(self, session: &mut ServerSession, outbox: &mut Outbox<'_>) {
        let _ = (session, outbox);
    }
}
