//! `mcp completions` and `mcp man`: what a shell and `man` need to know of this program, made from the description of the command
//! line.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::args::Arguments;
use crate::exit::{Exit, Failure};
use crate::output::Output;

/// Prints completions for a shell
#[derive(Debug, Args)]
#[command(
    after_help = "For bash: mcp completions bash > ~/.local/share/bash-completion/completions/mcp",
    help_template = "{about-with-newline}\n{usage-heading} mcp completions SHELL\n\n{positionals}{after-help}"
)]
pub(crate) struct Completions {
    /// Which shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Prints the man page, or writes those of all commands
#[derive(Debug, Args)]
#[command(
    help_template = "{about-with-newline}\n{usage-heading} mcp man [--dir DIRECTORY]\n\n\
        Options:\n      --dir DIRECTORY  Write a page for each command into this directory, as mcp-call.1{after-help}",
    after_help = "To read it: mcp man | man -l -"
)]
pub(crate) struct Man {
    /// Write a page for each command into this directory, as mcp-call.1
    #[arg(long, value_name = "DIRECTORY")]
    dir: Option<PathBuf>,
}

impl Completions {
    pub(crate) fn run(&self) -> Result<Exit, Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Arguments::command(), "mcp", &mut script);
        Output::new().bytes(&script)?;
        Ok(Exit::Done)
    }
}

impl Man {
    pub(crate) fn run(&self) -> Result<Exit, Failure> {
        let command = Arguments::command();
        if let Some(directory) = &self.dir {
            let write = || {
                std::fs::create_dir_all(directory)?;
                clap_mangen::generate_to(command, directory)
            };
            write().map_err(|error: io::Error| Failure::Usage(format!("{}: {error}", directory.display())))?;
            return Ok(Exit::Done);
        }
        let mut page = Vec::new();
        clap_mangen::Man::new(command).render(&mut page)?;
        page.flush()?;
        Output::new().bytes(&page)?;
        Ok(Exit::Done)
    }
}
