//! Which server a command is about: one at a URL, one of a configuration file, or one that is started.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::exit::Failure;

/// Heading of `--help`.
const SERVER: &str = "Which server";

/// How a server is named where it is not named by its URL.
#[derive(Debug, Args)]
pub(crate) struct Target {
    /// A file that names servers: of Claude Desktop, Cursor, VS Code, or YAML with `mcps:`; instead of a URL
    #[arg(help_heading = SERVER, long, value_name = "FILE", conflicts_with = "stdio")]
    config: Option<PathBuf>,
    /// Which server of the file; needed when it names several
    #[arg(help_heading = SERVER, long, value_name = "NAME", requires = "config")]
    server: Option<String>,
    /// Start COMMAND and talk to it over its standard input and output; instead of a URL
    #[arg(help_heading = SERVER, long, requires = "program")]
    stdio: bool,
    /// The server to start, with its arguments
    #[arg(last = true, requires = "stdio", value_name = "COMMAND")]
    program: Vec<OsString>,
}

/// Which server it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Server<'a> {
    /// One that runs already.
    At(&'a str),
    /// A program and its arguments.
    Program(&'a [OsString]),
    /// One that a file names.
    Configured {
        /// The file.
        file: &'a Path,
        /// Its name there; the only one unless given.
        name: Option<&'a str>,
    },
}

impl Target {
    /// The server, and the words that are not its URL.
    ///
    /// # Errors
    ///
    /// [`Failure::Usage`]: no server is named.
    pub(crate) fn split<'a>(&'a self, words: &'a [String]) -> Result<(Server<'a>, &'a [String]), Failure> {
        if self.stdio {
            return Ok((Server::Program(&self.program), words));
        }
        if let Some(file) = &self.config {
            return Ok((Server::Configured { file, name: self.server.as_deref() }, words));
        }
        let (url, rest) = words.split_first().ok_or_else(|| Failure::Usage(NO_SERVER.into()))?;
        Ok((Server::At(url), rest))
    }

    /// The server, where nothing but its URL may stand.
    ///
    /// # Errors
    ///
    /// As [`split`](Self::split), and for a word too many.
    pub(crate) fn alone<'a>(&'a self, words: &'a [String]) -> Result<Server<'a>, Failure> {
        match self.split(words)? {
            (server, []) => Ok(server),
            (Server::At(_), [word, ..]) => Err(Failure::Usage(format!("one word too many: `{word}`"))),
            (_, [word, ..]) => Err(Failure::Usage(format!(
                "the server is named already, by --config or --stdio: what is `{word}` for?"
            ))),
        }
    }
}

const NO_SERVER: &str = "which server? Give its URL, or --config FILE --server NAME, or --stdio ... -- COMMAND";
