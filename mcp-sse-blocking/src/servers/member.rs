//! One server of several: how to connect to it, and what became of that.

use std::sync::{Mutex, MutexGuard, PoisonError};

use mcp_core::types::Tool;

use super::naming::Naming;
use super::tool_set::ServerTool;
use crate::builder::Builder;
use crate::client::Client;
use crate::config::ToolFilter;
use crate::error::{Delivery, Error};
use crate::state::State;

/// Makes the settings of a connection.
pub(super) type Make = Box<dyn Fn() -> Result<Builder, Error> + Send + Sync>;

/// One server.
pub(super) struct Member {
    name: String,
    make: Make,
    filter: ToolFilter,
    client: Mutex<Result<Client, Error>>,
}

/// What a server gave when it was asked for its tools.
pub(super) struct Listed {
    pub(super) server: String,
    pub(super) tools: Result<Vec<ServerTool>, Error>,
}

impl Member {
    pub(super) fn new(name: &str, make: Make, filter: ToolFilter) -> Self {
        Self { name: name.to_owned(), make, filter, client: Mutex::new(Err(Error::Closed(Delivery::NotSent))) }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The connection, or why there is none (any more).
    pub(super) fn client(&self) -> Result<Client, Error> {
        let client = self.held().clone()?;
        match client.state() {
            State::Closed { why } => Err(why),
            _ => Ok(client),
        }
    }

    /// Connects, unless there is a connection.
    pub(super) fn connect(&self) {
        if self.client().is_ok() {
            return;
        }
        // With no lock held: it may take long.
        let connected = (self.make)().and_then(Builder::connect);
        match &connected {
            Ok(client) => log::debug!(target: crate::log_target::CLIENT, "{}: {}", self.name, client.connection()),
            Err(error) => log::warn!(target: crate::log_target::CLIENT, "{} is not connected: {error}", self.name),
        }
        let before = {
            let mut held = self.held();
            // Somebody else may have connected meanwhile.
            if held.as_ref().is_ok_and(|client| !client.state().is_closed()) {
                return;
            }
            std::mem::replace(&mut *held, connected)
        };
        // Closing takes its time, and needs no lock.
        drop(before);
    }

    /// The tools that may be used, under their names here.
    pub(super) fn tools(&self, naming: &Naming) -> Listed {
        let permitted = |tool: &Tool| self.filter.permits(&tool.name);
        let named = |tool| ServerTool { name: naming.name(&self.name, &tool), server: self.name.clone(), tool };
        let list = |client: Client| -> Result<Vec<Tool>, Error> { client.tools().collect() };
        let listed = self.client().and_then(list);
        let tools = listed.map(|tools| tools.into_iter().filter(permitted).map(named).collect());
        Listed { server: self.name.clone(), tools }
    }

    pub(super) fn close(&self) {
        if let Ok(client) = self.client() {
            client.close();
        }
    }

    /// Drops the handle.
    pub(super) fn let_go(&self) {
        let held = std::mem::replace(&mut *self.held(), Err(Error::Closed(Delivery::NotSent)));
        drop(held);
    }

    fn held(&self) -> MutexGuard<'_, Result<Client, Error>> {
        self.client.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
