//! Settings of staying connected.

use std::fmt;

use super::Builder;
use crate::error::Error;
use crate::reconnect::Reconnect;
use crate::state::{State, Watch};

/// The settings of staying connected.
#[derive(Default)]
pub(crate) struct ReconnectOptions {
    pub(crate) policy: Reconnect,
    pub(crate) on_state: Option<StateHandler>,
    /// Whether what tools say of themselves is believed.
    pub(crate) trusts_annotations: bool,
    /// Where the states of the client are published.
    pub(crate) watch: Watch,
}

pub(crate) type StateHandler = Box<dyn FnMut(&State) + Send>;

impl ReconnectOptions {
    /// From now on the handler is told.
    ///
    /// # Errors
    /// [`Error::Usage`] when there is no thread for it.
    pub(crate) fn begin(&mut self) -> Result<Watch, Error> {
        if let Some(handler) = self.on_state.take() {
            let told = self.watch.tell(handler);
            told.map_err(|error| Error::Usage(format!("a thread cannot be started: {error}")))?;
        }
        Ok(self.watch.clone())
    }
}

impl Builder {
    /// What the client does when it loses its server. [`Reconnect::on_demand`] by default.
    ///
    /// What was given as a reader and a writer, a pipe in memory or a server in this process cannot be opened again: its end
    /// closes the client.
    pub fn reconnect(mut self, policy: Reconnect) -> Self {
        self.common.reconnect.policy = policy;
        self
    }

    /// Runs `handler` on each [`State`] of the client, the first being [`State::Connecting`] and the last [`State::Closed`], also
    /// when connecting fails. It runs on a thread of its own, `mcp-state`, one state at a time, with no lock held. Of a handler
    /// that is slow the last 64 states wait, the older ones are left out.
    ///
    /// Closing waits for it, a second at most. It is not given the client: [`Client::watch`](crate::Client::watch) is for those
    /// who have one.
    pub fn on_state(mut self, handler: impl FnMut(&State) + Send + 'static) -> Self {
        self.common.reconnect.on_state = Some(Box::new(handler));
        self
    }

    /// Believes what the tools of this server say of themselves: calls of one whose annotations say `readOnlyHint` or
    /// `idempotentHint` are made again when their answer was lost, as if each were
    /// [`idempotent`](crate::CallOptions::idempotent).
    ///
    /// For servers that you trust: annotations are no promise (R-FS-20). What counts is the newest page of the list of tools
    /// that this client fetched; a tool that was never listed is not repeated.
    pub fn trust_tool_annotations(mut self) -> Self {
        self.common.reconnect.trusts_annotations = true;
        self
    }
}

impl fmt::Debug for ReconnectOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReconnectOptions").field("policy", &self.policy).finish_non_exhaustive()
    }
}
