//! What the command line says: the commands, and below them what `--help` ends with.
//!
//! `clap` reads it: completions and the man page are made from the same description, and a program that people type deserves its
//! errors. It costs this program some crates; the libraries know nothing of it.

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Error, Parser, Subcommand};

use crate::bridge::BridgeArgs;
use crate::commands::call::Call;
use crate::commands::complete::Complete;
use crate::commands::completions::{Completions, Man};
use crate::commands::config::ConfigCommand;
use crate::commands::info::Info;
use crate::commands::ping::Ping;
use crate::commands::prompt::Prompt;
use crate::commands::prompts::Prompts;
use crate::commands::read::Read;
use crate::commands::resources::Resources;
use crate::commands::tools::Tools;
use crate::commands::watch::Watch;
use crate::exit::{Exit, Failure};
use crate::options::Options;
use crate::session::Context;

/// What stands below the options in `--help`.
const AFTER_HELP: &str = "\
Examples:
  mcp tools http://localhost:8000/mcp
  mcp call http://localhost:8000/sse get_events day=2025-05-05
  mcp call --stdio get_events day=2025-05-05 -- python calendar.py
  mcp tools --config ~/.cursor/mcp.json --server github

Result text goes to standard output, everything else to standard error.

Exit codes:
    0  done
    1  the tool, or the server in its place, answered with an error; of `config check`: there are faults
    2  the command line cannot be used
    3  no connection, no session, or the stream was lost
    4  the server broke the protocol or passed a limit
    5  a deadline passed
  130  interrupted; the server was told that nobody waits any more";

/// Uses the servers of the Model Context Protocol: their tools, resources and prompts.
#[derive(Debug, Parser)]
#[command(name = "mcp", version, disable_help_subcommand = true, after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) options: Options,
}

/// One variant a command; what each takes and does is in [`commands`](crate::commands).
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Tools(Tools),
    Call(Call),
    Resources(Resources),
    Read(Read),
    Prompts(Prompts),
    Prompt(Prompt),
    Complete(Complete),
    Ping(Ping),
    Info(Info),
    Watch(Watch),
    Config(ConfigCommand),
    Bridge(BridgeArgs),
    Completions(Completions),
    Man(Man),
}

impl Command {
    /// Does it.
    pub(crate) fn run(&self, context: &Context) -> Result<Exit, Failure> {
        match self {
            Self::Tools(tools) => tools.run(context),
            Self::Call(call) => call.run(context),
            Self::Resources(resources) => resources.run(context),
            Self::Read(read) => read.run(context),
            Self::Prompts(prompts) => prompts.run(context),
            Self::Prompt(prompt) => prompt.run(context),
            Self::Complete(complete) => complete.run(context),
            Self::Ping(ping) => ping.run(context),
            Self::Info(info) => info.run(context),
            Self::Watch(watch) => watch.run(context),
            Self::Config(config) => config.run(context),
            Self::Bridge(bridge) => bridge.run(context),
            Self::Completions(completions) => completions.run(),
            Self::Man(man) => man.run(),
        }
    }
}

/// What people mean who write this, where the parser does not know it.
pub(crate) fn tip(error: &Error) -> Option<String> {
    let given = error.context().find_map(|(kind, value)| match (kind, value) {
        (ContextKind::InvalidSubcommand | ContextKind::InvalidArg, ContextValue::String(given)) => Some(given.as_str()),
        _ => None,
    })?;
    match error.kind() {
        ErrorKind::InvalidSubcommand if given.contains("://") => {
            Some(format!("a command comes first, such as `mcp tools {given}`"))
        }
        ErrorKind::UnknownArgument => {
            let name = given.trim_start_matches('-');
            Some(format!("arguments of tools and prompts are written without dashes: {name}=VALUE"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_description_of_the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn who_leaves_out_the_command_or_writes_dashes_is_told() {
        let tip = |line: &[&str]| tip(&Arguments::try_parse_from(line).unwrap_err());
        assert_eq!(tip(&["mcp", "http://h/mcp"]).unwrap(), "a command comes first, such as `mcp tools http://h/mcp`");
        assert!(tip(&["mcp", "call", "http://h/mcp", "echo", "--text=a"]).unwrap().ends_with("text=VALUE"));
        assert_eq!(tip(&["mcp", "tols"]), None);
    }
}
