//! What a server does for its clients: it lists its tools and carries out calls.
//!
//! A [`Service`] knows messages, not sockets. Whoever owns the bytes gives each
//! [`ServerEvent::Request`](mcp_core::session::ServerEvent::Request) of a session to [`Service::handle`], and each cancellation and each end of a
//! session to [`Service::cancel`] and [`Service::close_session`]. What is to be sent goes into an [`Outbox`].

mod outbox;

use alloc::string::String;

use mcp_core::jsonrpc::{ErrorObject, code};
use mcp_core::session::{RequestKey, ServerProfile, ServerSession};
use mcp_core::types::{Implementation, JsonObject, Method, ServerCapabilities};
use serde_json::value::RawValue;

pub use outbox::Outbox;

/// Which request it is that is being handled, so that an answer can find its way back later.
#[derive(Debug, Clone, Copy)]
pub struct Origin {
    /// The number of the session, chosen by whoever owns the sessions and never used twice. Not its secret id.
    pub session: u64,
    /// The request within its session, from the [`ServerEvent`](mcp_core::session::ServerEvent).
    pub key: RequestKey,
    /// What is to happen when all workers are taken.
    pub when_busy: WhenBusy,
}

/// What happens to a call for which no worker is free and the queue is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenBusy {
    /// It is taken out of flight unanswered, and [`Outcome::Busy`] is returned: the carrier refuses it, for example with status 503.
    Refuse,
    /// It is answered with an error: for a call that came in a batch, or by a carrier that cannot refuse.
    Answer,
}

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a request that is `Busy` has no answer"]
pub enum Outcome {
    /// Its answer is in the outbox.
    Answered,
    /// Its answer comes later, as mail (`Service::next_mail`).
    Later,
    /// All workers are taken and the queue is full. The request is no longer in flight and has no answer.
    Busy,
}

/// The tools of a server and the calls that are being carried out. One for all sessions.
pub struct Service {
    info: Implementation,
    capabilities: ServerCapabilities,
    instructions: Option<String>,
}

impl Service {
    /// A service without tools, by its name and version.
    pub fn new(name: impl Into<String>, version: impl Into<String>) -> Self {
        let mut capabilities = ServerCapabilities::default();
        capabilities.logging = Some(JsonObject::new());
        Self { info: Implementation::new(name, version), capabilities, instructions: None }
    }

    /// What the server says of itself in the handshake; for
    /// [`ServerSession::handle_message`](mcp_core::session::ServerSession::handle_message).
    pub fn profile(&self) -> ServerProfile<'_> {
        ServerProfile { info: &self.info, capabilities: &self.capabilities, instructions: self.instructions.as_deref() }
    }

    /// Carries out a request that the session has taken in. Handlers that are not on a worker run before this returns.
    pub fn handle(
        &mut self,
        session: &mut ServerSession,
        origin: &Origin,
        method: Method,
        params: Option<&RawValue>,
        outbox: &mut dyn Outbox,
    ) -> Outcome {
        let _ = (method, params);
        outbox.message(&mut |out| {
            session.respond_error(origin.key, &ErrorObject::new(code::METHOD_NOT_FOUND, "method not found"), out)
        });
        Outcome::Answered
    }

    /// The client gave a request up ([`ServerEvent::Cancelled`](mcp_core::session::ServerEvent::Cancelled)): tells its handler.
    pub fn cancel(&mut self, session: u64, key: RequestKey) {
        let _ = (session, key);
    }

    /// A session ended: tells the handlers that still work for it.
    pub fn close_session(&mut self, session: u64) {
        let _ = session;
    }
}

/// With `std`: answers that come later, from workers and deferred replies.
#[cfg(feature = "std")]
impl Service {
    /// Sets how the loop is woken when there is mail. `wake` is called on any thread, must not block, and is not called again before
    /// [`Service::next_mail`] has returned `None`. Without it the owner of the loop asks for mail now and then.
    pub fn wake_with(&mut self, wake: impl Fn() + Send + Sync + 'static) {
        let _ = wake;
    }

    /// The next message from a worker or a deferred reply. To be called until it returns `None` when the loop was woken.
    /// [`Mail::session`] says whose it is; mail for a session that is gone is dropped.
    pub fn next_mail(&mut self) -> Option<Mail> {
        None
    }

    /// Sends what a worker or a deferred reply had to say. Nothing is sent for a request that is no longer in flight.
    pub fn deliver(&mut self, mail: Mail, session: &mut ServerSession, outbox: &mut dyn Outbox) {
        let _ = (mail, session, outbox);
    }

    /// Tells all handlers on workers to give up and waits for them, at most for `bound`. A handler that does not end by then is
    /// left to itself on its thread, with a line in the log. Also done on drop, with a bound of one second.
    pub fn stop(&mut self, bound: core::time::Duration) {
        let _ = bound;
    }
}

/// A message from a worker or a deferred reply.
#[cfg(feature = "std")]
pub struct Mail {
    session: u64,
}

#[cfg(feature = "std")]
impl Mail {
    /// The number of the session it is for ([`Origin::session`]).
    pub fn session(&self) -> u64 {
        self.session
    }
}
