//! From the command line to a session with the server, and its end.

use mcp_sse_blocking::{Builder, Client, Command as Child, Stderr};

use crate::exit::{Exit, Failure};
use crate::interrupt::Interrupt;
use crate::options::Options;
use crate::output;
use crate::target::Server;

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
            let client = settings(builder).connect()?;
            if self.options.verbose > 0 {
                output::say(client.connection().to_string());
            }
            let done = work(&client);
            // Not by dropping it: what the server logged before its answer is still to be shown.
            client.close();
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
}
