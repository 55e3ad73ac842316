//! What is bridged: how to connect to it, again and again.

use std::ffi::OsString;
use std::time::Duration;

use mcp_core::Limits;
use mcp_core::revision::ProtocolVersion;
use mcp_core::types::ClientCapabilities;
use mcp_sse_blocking::{Builder, Client, Command, Stderr};

use crate::exit::Failure;
use crate::options::{Options, Settings};

/// How to connect to the server behind the bridge.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) place: Place,
    pub(super) options: Options,
    /// Variables that are not for the server: they hold the bridge's own token.
    pub(super) hidden: Option<String>,
    pub(super) max_message: usize,
    pub(super) call_timeout: Duration,
    /// The revision that was found at first: nobody has to find it again.
    pub(super) version: Option<ProtocolVersion>,
}

#[derive(Debug)]
pub(super) enum Place {
    Program(Vec<OsString>),
    Url(String),
}

impl Source {
    /// The settings of one more connection, which declares `capabilities`.
    ///
    /// # Errors
    ///
    /// [`Failure::Usage`]: what cannot be used.
    pub(super) fn builder(&self, capabilities: ClientCapabilities) -> Result<Builder, Failure> {
        let builder = match &self.place {
            Place::Url(url) => Client::builder(url),
            Place::Program(words) => {
                let (program, arguments) =
                    words.split_first().ok_or_else(|| Failure::Usage("there is no command after `--`".into()))?;
                let mut command = Command::new(program).args(arguments).pass_all_env().stderr(Stderr::Inherit);
                if let Some(variable) = &self.hidden {
                    command = command.env(variable, "");
                }
                Client::spawn_builder(command)
            }
        };
        let mut limits = Limits::default();
        limits.message_bytes = self.max_message;
        limits.event_bytes = limits.event_bytes.max(self.max_message);
        limits.line_bytes = limits.line_bytes.max(self.max_message);
        limits.buffered_bytes = limits.buffered_bytes.max(limits.event_bytes + limits.line_bytes);
        let builder = self.options.apply(builder, Settings::Ours)?.limits(limits).capabilities(capabilities);
        Ok(match self.version.filter(|_| self.options.revision.is_none()) {
            Some(version) => builder.protocol_version(version),
            None => builder,
        })
    }
}
