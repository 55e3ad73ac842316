//! From the command line to a session with the server, and its end.

use mcp_core::types::Method;
use mcp_sse_blocking::{Builder, CallOptions, Client, Command as Child, Error, PeerError, Stderr};
use serde_json::value::RawValue;

use crate::exit::{Exit, Failure};
use crate::interrupt::Interrupt;
use crate::options::{Form, Options};
use crate::output::{self, Watched, json};
use crate::target::Server;

/// Pages that a list may have; the same as the bound of the library for lists that it reads.
const PAGES: usize = 1000;

/// What every command is run with.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) options: Options,
    pub(crate) interrupt: Interrupt,
}

impl Context {
    /// Connects, does `work`, and closes the session whatever came of it. An error gets advice that fits the server.
    pub(crate) fn session(
        &self,
        server: Server<'_>,
        work: impl FnOnce(&Client) -> Result<Exit, Failure>,
    ) -> Result<Exit, Failure> {
        self.session_with(server, |builder| builder, work)
    }

    /// As [`session`](Self::session), with further settings.
    pub(crate) fn session_with(
        &self,
        server: Server<'_>,
        settings: impl FnOnce(Builder) -> Builder,
        work: impl FnOnce(&Client) -> Result<Exit, Failure>,
    ) -> Result<Exit, Failure> {
        let done = self.builder(server).and_then(|builder| {
            let connecting = Watched::start("connecting");
            let client = settings(builder).connect()?;
            drop(connecting);
            self.interrupt.closes(&client);
            if self.options.verbose > 0 {
                output::say(client.connection().to_string());
            }
            let done = self.ask_for_logs(&client).and_then(|()| work(&client));
            // Not by dropping it: what the server logged before its answer is still to be shown.
            client.close();
            self.interrupt.ends();
            done
        });
        done.map_err(|failure| failure.advised(server, self.options.transport))
    }

    /// The settings of a client for this server.
    ///
    /// # Errors
    ///
    /// [`Failure::Usage`]: what cannot be used.
    pub(crate) fn builder(&self, server: Server<'_>) -> Result<Builder, Failure> {
        let builder = match server {
            Server::At(url) => Client::builder(url),
            Server::Program([program, arguments @ ..]) => {
                // Whoever runs a program in a terminal expects to see what it complains of.
                Client::spawn_builder(Child::new(program).args(arguments).pass_all_env().stderr(Stderr::Inherit))
            }
            Server::Program([]) => return Err(Failure::Usage("there is no command after `--`".into())),
            Server::Configured { .. } => return Err(Failure::Usage("--config cannot be read yet".into())),
        };
        Ok(self.options.apply(builder)?.on_log(|_, message| output::log(message)))
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

/// All pages of a list as they came, put together.
pub(crate) fn all_pages(client: &Client, method: Method, member: &str) -> Result<Box<RawValue>, Failure> {
    let mut pages: Vec<Box<RawValue>> = Vec::new();
    let mut cursors: Vec<String> = Vec::new();
    loop {
        let params = match cursors.last() {
            None => serde_json::json!({}),
            Some(cursor) => serde_json::json!({"cursor": cursor}),
        };
        pages.push(client.request_with(method, &params, CallOptions::new().idempotent())?);
        let next = pages.last().and_then(|page| json::Members::of(page)?.text("nextCursor"));
        let Some(cursor) = next else { return Ok(json::joined(&pages, member)) };
        if cursors.contains(&cursor) || pages.len() == PAGES {
            return Err(Error::Peer(PeerError::RepeatedCursor).into());
        }
        cursors.push(cursor);
    }
}
