//! A server of a file, checked: what it takes to connect to it.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use mcp_core::http::Url;

use super::filter::ToolFilter;
use crate::builder::{Builder, Transport};
use crate::client::Client;
use crate::error::Error;
use crate::reconnect::Reconnect;
use crate::spawn::Command;

/// A server of a configuration file.
///
/// `Debug` shows no secret: neither values of headers and variables nor arguments, and of a URL the origin only.
#[derive(Clone)]
pub struct ServerConfig {
    pub(super) name: String,
    pub(super) place: String,
    pub(super) way: Way,
    pub(super) tools: ToolFilter,
    pub(super) timeouts: Timeouts,
    pub(super) reconnection: Reconnection,
}

/// How a server is reached.
#[derive(Clone)]
pub(super) enum Way {
    Program { program: String, args: Vec<String>, env: BTreeMap<String, String>, directory: Option<String> },
    Http { url: Url, message_url: Option<Url>, transport: Transport, headers: Vec<(String, String)> },
}

/// The deadlines that the file sets.
#[derive(Debug, Clone, Default)]
pub(super) struct Timeouts {
    pub(super) connect: Option<Duration>,
    pub(super) endpoint: Option<Duration>,
    pub(super) call: Option<Duration>,
    pub(super) idle: Option<Duration>,
}

/// What the file says about connecting again. One of the two is enough for the client to do so by itself.
#[derive(Debug, Clone, Default)]
pub(super) struct Reconnection {
    pub(super) interval: Option<Duration>,
    pub(super) most: Option<u32>,
}

/// How long pauses between attempts grow: as long as they do by default.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

impl ServerConfig {
    /// Its name, unique in the file.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it stands in the file, such as `mcpServers.github` or `mcps[2]`.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Which of its tools are used. [`builder`](Self::builder) knows nothing of it: who calls tools asks
    /// [`ToolFilter::permits`].
    pub fn tools(&self) -> &ToolFilter {
        &self.tools
    }

    /// How it is spoken to: `stdio`, `http` (any revision of Streamable HTTP, and HTTP+SSE where that fails), `sse` or `plain`.
    pub fn transport(&self) -> &'static str {
        match &self.way {
            Way::Program { .. } => "stdio",
            Way::Http { transport: Transport::HttpSse, .. } => "sse",
            Way::Http { transport: Transport::Plain, .. } => "plain",
            Way::Http { .. } => "http",
        }
    }

    /// What it is, for people: the name of its program, or the origin of its URL. Paths and queries may hold secrets and are
    /// left out.
    pub fn address(&self) -> String {
        match &self.way {
            Way::Program { program, .. } => Command::new(program).name(),
            Way::Http { url, .. } => url.origin().to_string(),
        }
    }

    /// The settings for connecting to it, to which others may be added. Nothing is connected or started.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] when the file asks for what this build of the library cannot do.
    pub fn builder(&self) -> Result<Builder, Error> {
        let builder = match &self.way {
            Way::Program { program, args, env, directory } => {
                let mut command = Command::new(program).args(args);
                for (name, value) in env {
                    command = command.env(name, value);
                }
                if let Some(directory) = directory {
                    command = command.current_dir(directory);
                }
                if let Some(most) = self.reconnection.most {
                    command = command.restarts(most);
                }
                Client::spawn_builder(command)
            }
            Way::Http { url, message_url, transport, headers } => {
                let mut builder = Client::builder(url.as_str()).transport(*transport);
                if let Some(url) = message_url {
                    builder = builder.message_url(url.as_str());
                }
                headers.iter().fold(builder, |builder, (name, value)| builder.header(name, value))
            }
        };
        Ok(self.reconnection.apply(self.timeouts.apply(builder)))
    }
}

impl Timeouts {
    fn apply(&self, mut builder: Builder) -> Builder {
        if let Some(connect) = self.connect {
            builder = builder.connect_timeout(connect);
        }
        if let Some(endpoint) = self.endpoint {
            builder = builder.endpoint_timeout(endpoint);
        }
        if let Some(call) = self.call {
            builder = builder.call_timeout(call);
        }
        if let Some(idle) = self.idle {
            builder = builder.idle_timeout(idle);
        }
        builder
    }
}

impl Reconnection {
    fn apply(&self, builder: Builder) -> Builder {
        let Self { interval, most } = *self;
        match (interval, most) {
            (None, None) => builder,
            (_, Some(0)) => builder.reconnect(Reconnect::never()),
            (interval, most) => {
                let interval = interval.unwrap_or(Duration::from_secs(1));
                let policy = Reconnect::new().interval(interval).longest(interval.max(LONGEST_PAUSE));
                builder.reconnect(policy.attempts(most))
            }
        }
    }
}

impl fmt::Debug for ServerConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("ServerConfig");
        shown.field("name", &self.name).field("transport", &self.transport()).field("address", &self.address());
        match &self.way {
            Way::Program { args, env, .. } => {
                shown.field("args", &args.len()).field("env", &env.keys().collect::<Vec<_>>())
            }
            Way::Http { headers, .. } => {
                shown.field("headers", &headers.iter().map(|(name, _)| name).collect::<Vec<_>>())
            }
        };
        shown
            .field("tools", &self.tools)
            .field("timeouts", &self.timeouts)
            .field("reconnection", &self.reconnection)
            .finish()
    }
}
