//! From the command line to a session with the server, and its end.

use std::ops::Deref;

use mcp_core::types::{Method, Tool};
use mcp_sse_blocking::config::{ServerConfig, ToolFilter};
use mcp_sse_blocking::{Builder, CallOptions, Client, Command as Child, Error, PeerError, Stderr};
use serde_json::value::RawValue;

use crate::configured;
use crate::exit::{Exit, Failure};
use crate::interrupt::Interrupt;
use crate::options::{Form, Options, Settings};
use crate::output::{self, Watched, json, one_line};
use crate::target::Server;

/// Pages that a list may have; the same as the bound of the library for lists that it reads.
const PAGES: usize = 1000;

/// What every command is run with.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) options: Options,
    pub(crate) interrupt: Interrupt,
}

/// A client, and what its configuration says beside how to connect.
pub(crate) struct Session {
    client: Client,
    filter: ToolFilter,
}

impl Context {
    /// Connects, does `work`, and closes the session whatever came of it. An error gets advice that fits the server.
    pub(crate) fn session(
        &self,
        server: Server<'_>,
        work: impl FnOnce(&Session) -> Result<Exit, Failure>,
    ) -> Result<Exit, Failure> {
        self.session_with(server, Ok, work)
    }

    /// As [`session`](Self::session), with further settings.
    pub(crate) fn session_with(
        &self,
        server: Server<'_>,
        settings: impl FnOnce(Builder) -> Result<Builder, Failure>,
        work: impl FnOnce(&Session) -> Result<Exit, Failure>,
    ) -> Result<Exit, Failure> {
        let done = self.opened(server).and_then(|(builder, filter)| {
            let builder = settings(builder)?;
            let connecting = Watched::start("connecting");
            let session = Session { client: builder.connect()?, filter };
            drop(connecting);
            self.interrupt.closes(&session);
            if self.options.verbose > 0 {
                output::say(session.connection().to_string());
            }
            let done = self.ask_for_logs(&session).and_then(|()| work(&session));
            // Not by dropping it: what the server logged before its answer is still to be shown.
            session.close();
            self.interrupt.ends();
            done
        });
        done.map_err(|failure| failure.advised(server, self.options.transport))
    }

    /// The settings of a client for this server, and which of its tools may be used.
    fn opened(&self, server: Server<'_>) -> Result<(Builder, ToolFilter), Failure> {
        let builder = match server {
            Server::At(url) => Client::builder(url),
            Server::Program([program, arguments @ ..]) => {
                // Whoever runs a program in a terminal expects to see what it complains of.
                Client::spawn_builder(Child::new(program).args(arguments).pass_all_env().stderr(Stderr::Inherit))
            }
            Server::Program([]) => return Err(Failure::Usage("there is no command after `--`".into())),
            Server::Configured { file, name } => {
                let server = configured::server(file, name)?;
                return Ok((self.configured(&server)?, server.tools().clone()));
            }
        };
        Ok((self.settled(builder, Settings::Ours)?, ToolFilter::default()))
    }

    /// The settings of a client for a server of a configuration file.
    ///
    /// # Errors
    ///
    /// [`Failure::Usage`]: what cannot be used.
    pub(crate) fn configured(&self, server: &ServerConfig) -> Result<Builder, Failure> {
        self.settled(server.builder()?, Settings::OfFile)
    }

    fn settled(&self, builder: Builder, others: Settings) -> Result<Builder, Failure> {
        Ok(self.options.apply(builder, others)?.on_log(|_, message| output::log(message)))
    }

    pub(crate) fn wants_json(&self) -> bool {
        self.options.output == Form::Json
    }

    /// Says on standard error why there is no result.
    pub(crate) fn tell(&self, failure: &Failure) {
        if self.wants_json() {
            if let Some(document) = failure.document() {
                output::write(format!("{document}\n").as_bytes());
            }
        } else if let Some(message) = failure.message() {
            output::complain(&message);
        }
    }

    fn ask_for_logs(&self, client: &Client) -> Result<(), Failure> {
        let Some(level) = self.options.log_level else { return Ok(()) };
        match client.set_log_level(level) {
            Err(Error::Rpc(error)) => {
                output::say(format!("the server takes no --log-level: {error}"));
                Ok(())
            }
            set => Ok(set?),
        }
    }
}

impl Session {
    /// The tools that may be used, all pages.
    pub(crate) fn permitted_tools(&self) -> Result<Vec<Tool>, Error> {
        let tools =
            self.client.tools().filter(|tool| tool.as_ref().map_or(true, |tool| self.filter.permits(&tool.name)));
        tools.collect()
    }

    /// The same as they came.
    pub(crate) fn exact_tools(&self) -> Result<Box<RawValue>, Failure> {
        self.pages(Method::ToolsList, "tools", |tool| {
            let name = json::Members::of(tool).and_then(|tool| tool.text("name"));
            name.is_none_or(|name| self.filter.permits(&name))
        })
    }

    /// # Errors
    ///
    /// [`Failure::Usage`]: the configuration does not let this tool be used.
    pub(crate) fn permit(&self, tool: &str) -> Result<(), Failure> {
        if self.filter.permits(tool) {
            return Ok(());
        }
        Err(Failure::Usage(format!(
            "the configuration file does not permit the tool `{}` of this server",
            one_line(tool)
        )))
    }

    /// All pages of a list as they came, put together.
    pub(crate) fn all_pages(&self, method: Method, member: &str) -> Result<Box<RawValue>, Failure> {
        self.pages(method, member, |_| true)
    }

    fn pages(&self, method: Method, member: &str, keep: impl Fn(&RawValue) -> bool) -> Result<Box<RawValue>, Failure> {
        let mut pages: Vec<Box<RawValue>> = Vec::new();
        let mut cursors: Vec<String> = Vec::new();
        loop {
            let params = match cursors.last() {
                None => serde_json::json!({}),
                Some(cursor) => serde_json::json!({"cursor": cursor}),
            };
            pages.push(self.client.request_with(method, &params, CallOptions::new().idempotent())?);
            let next = pages.last().and_then(|page| json::Members::of(page)?.text("nextCursor"));
            let Some(cursor) = next else { return Ok(json::joined(&pages, member, keep)) };
            if cursors.contains(&cursor) || pages.len() == PAGES {
                return Err(Error::Peer(PeerError::RepeatedCursor).into());
            }
            cursors.push(cursor);
        }
    }
}

impl Deref for Session {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}
