//! The options that every command with a server takes, and the settings of a client that they stand for.

mod oauth;
mod parse;
mod tls;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{ArgAction, Args, ValueEnum};
use mcp_core::revision::ProtocolVersion;
use mcp_core::types::{Implementation, LoggingLevel};
use mcp_sse_blocking::credentials::{BearerToken, Secret};
use mcp_sse_blocking::{Builder, Command, Compression, Stderr};

use crate::exit::Failure;
use crate::output;
use oauth::Login;
pub(crate) use parse::{Header, seconds};
use tls::Tls;

/// Headings of `--help`.
const CONNECTING: &str = "Connecting";
const TRUST: &str = "Credentials and trust";
const SHOWN: &str = "What is shown";

/// What every command takes.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// How to talk to the server
    #[arg(help_heading = CONNECTING, long, value_enum, default_value_t, global = true)]
    pub(crate) transport: Transport,
    /// The revision to speak, such as 2025-11-25; the newest that the server speaks unless given
    #[arg(help_heading = CONNECTING, long, value_name = "DATE", value_parser = parse::revision, global = true)]
    pub(crate) revision: Option<ProtocolVersion>,
    /// With --transport plain: where requests are POSTed; URL is that of the event stream. With sse: where messages are POSTed, whatever
    /// the server says
    #[arg(help_heading = CONNECTING, long, value_name = "URL", global = true)]
    message_url: Option<String>,
    /// How long connecting, and each request, may take; 60 unless given here or in the file of --config
    #[arg(help_heading = CONNECTING, long, value_name = "SECONDS", value_parser = parse::seconds, global = true)]
    timeout: Option<Duration>,
    /// Let servers compress their answers, for slow networks
    #[arg(help_heading = CONNECTING, long, global = true)]
    compressed: bool,
    /// Go through this proxy, whatever HTTPS_PROXY, HTTP_PROXY and NO_PROXY say: http://, https://, socks4a:// or socks5h://
    #[arg(help_heading = CONNECTING, long, value_name = "URL", value_parser = parse::secret, global = true)]
    proxy: Option<Secret>,
    /// A header for every request; may be repeated. Its value is shown nowhere
    #[arg(help_heading = TRUST, short = 'H', long = "header", value_name = "NAME: VALUE", value_parser = parse::header, global = true)]
    pub(crate) headers: Vec<Header>,
    /// The bearer token is the value of this variable
    #[arg(help_heading = TRUST, long, value_name = "VARIABLE", global = true, conflicts_with = "token_command")]
    bearer_env: Option<String>,
    /// The bearer token is what this command prints; it is run by a shell, and again when the server refuses the token
    #[arg(help_heading = TRUST, long, value_name = "COMMAND", global = true)]
    token_command: Option<String>,
    #[command(flatten)]
    login: Login,
    #[command(flatten)]
    tls: Tls,
    /// What is printed: text for people, or exactly what the server sent as one JSON document (of `watch` one a line); an error is then the
    /// last line of standard error, as JSON
    #[arg(help_heading = SHOWN, short, long, value_enum, default_value_t, value_name = "FORM", global = true)]
    pub(crate) output: Form,
    /// Ask the server for log messages of this level and above; they go to standard error
    #[arg(help_heading = SHOWN, long, value_name = "LEVEL", value_parser = parse::level, global = true)]
    pub(crate) log_level: Option<LoggingLevel>,
    /// Write what goes over the wire to this file, credentials masked; - is standard error
    #[arg(help_heading = SHOWN, long, value_name = "FILE", global = true)]
    trace: Option<PathBuf>,
    /// Show the messages on the wire; -vv shows what the client does as well
    #[arg(help_heading = SHOWN, short, long, action = ArgAction::Count, global = true)]
    pub(crate) verbose: u8,
}

/// The form of what is printed on standard output.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    #[default]
    Human,
    Json,
}

/// A carrier of messages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Transport {
    // Plain comments here: described values would spread `--help` over three screens.
    // Whatever the server speaks, the newest first.
    #[default]
    Auto,
    // Streamable HTTP without a handshake: 2026-07-28.
    Stateless,
    // Streamable HTTP with a handshake: 2025-03-26 to 2025-11-25.
    Http,
    // HTTP+SSE: 2024-11-05.
    Sse,
    // Plain JSON without JSON-RPC: no MCP, but some servers speak so.
    Plain,
}

/// Where other settings come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Settings {
    /// From nowhere: what is not given is as this program does it.
    Ours,
    /// From a file: what is not given is as it says.
    OfFile,
}

/// How long connecting, and each request, may take.
const TIMEOUT: Duration = Duration::from_secs(60);

impl Options {
    /// Sets in `builder` what was asked for.
    ///
    /// # Errors
    ///
    /// [`Failure::Usage`]: an option that cannot be used.
    pub(crate) fn apply(&self, mut builder: Builder, others: Settings) -> Result<Builder, Failure> {
        builder = builder.client_info(Implementation::new("mcp", env!("CARGO_PKG_VERSION")));
        if others == Settings::Ours {
            // Each request has its deadline; how silent the stream is meanwhile does not matter.
            builder = builder.idle_timeout(None);
        }
        if others == Settings::Ours || self.transport != Transport::Auto {
            builder = builder.transport(self.transport.into());
        }
        // Who logs in takes the time of the request that needs it.
        let usual = if self.login.is_wanted() { oauth::LOGIN + TIMEOUT } else { TIMEOUT };
        if let Some(timeout) = self.timeout.or((others == Settings::Ours).then_some(usual)) {
            builder = builder.connect_timeout(timeout).endpoint_timeout(timeout).call_timeout(timeout);
        }
        if self.compressed {
            builder = builder.compression(Compression::Accept);
        }
        if let Some(proxy) = &self.proxy {
            builder = builder.proxy(proxy.expose());
        }
        if let Some(url) = &self.message_url {
            builder = builder.message_url(url);
        }
        for header in &self.headers {
            let (name, value) =
                header.parts().ok_or_else(|| Failure::Usage("a header is written 'NAME: VALUE'".into()))?;
            builder = builder.header(name, value);
        }
        if let Some(token) = self.token() {
            builder = builder.credentials(token);
        }
        if let Some(oauth) = self.login.provider()? {
            builder = builder.credentials(oauth);
        }
        if let Some(revision) = self.revision {
            builder = builder.protocol_version(revision);
        }
        builder = match self.trace.as_deref() {
            None => builder,
            Some(path) if path == Path::new("-") => builder.trace(output::StandardError),
            Some(path) => builder.trace_file(path),
        };
        self.tls.apply(builder)
    }

    fn token(&self) -> Option<BearerToken> {
        if let Some(variable) = &self.bearer_env {
            return Some(BearerToken::from_env(variable));
        }
        // People write what they would type: pipes, variables and quotes.
        let (shell, option) = if cfg!(windows) { ("cmd", "/C") } else { ("sh", "-c") };
        let command = Command::new(shell).arg(option).arg(self.token_command.as_ref()?);
        Some(BearerToken::from_command(command.pass_all_env().stderr(Stderr::Inherit)))
    }
}

impl From<Transport> for mcp_sse_blocking::Transport {
    fn from(transport: Transport) -> Self {
        match transport {
            Transport::Auto => Self::Detect,
            Transport::Stateless => Self::Stateless,
            Transport::Http => Self::StreamableHttp,
            Transport::Sse => Self::HttpSse,
            Transport::Plain => Self::Plain,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Arguments;
    use clap::Parser;
    use clap::error::ErrorKind;

    fn parse(line: &[&str]) -> Result<Arguments, clap::Error> {
        Arguments::try_parse_from(std::iter::once(&"mcp").chain(line))
    }

    #[test]
    fn options_stand_before_and_after_the_command() {
        for line in [["-v", "tools", "http://h/sse", "-H", "A: b"], ["tools", "-H", "A: b", "http://h/sse", "-v"]] {
            let options = parse(&line).unwrap().options;
            assert_eq!(options.verbose, 1);
            assert_eq!(options.headers[0].parts(), Some(("A", "b")));
            assert_eq!(options.timeout, None);
            assert_eq!(options.transport, Transport::Auto);
        }
    }

    #[test]
    fn what_an_option_does_not_take_is_refused() {
        for bad in ["--timeout=0", "--timeout=-1", "--timeout=NaN", "--transport=pigeon", "--revision=2024"] {
            let error = parse(&["tools", "http://h/sse", bad]).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{bad}");
            assert!(
                error.kind() == ErrorKind::ValueValidation || error.kind() == ErrorKind::InvalidValue,
                "{bad}: {error}"
            );
        }
    }

    #[test]
    fn a_header_shows_its_name_and_never_its_value() {
        for given in ["Authorization: Bearer hidden", "hidden"] {
            let arguments = parse(&["tools", "http://h/sse", "-H", given]).unwrap();
            assert!(!format!("{arguments:?}").contains("hidden"));
        }
    }
}
