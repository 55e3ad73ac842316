//! `mcp tools`: which tools there are.

use clap::Args;

use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::session::Context;
use crate::target::Target;

/// Lists the tools of a server
///
/// A line that does not begin with a space is a tool, its name first. The lines below it are its parameters.
#[derive(Debug, Args)]
#[command(override_usage = "mcp tools [OPTIONS] URL\n       mcp tools [OPTIONS] --stdio -- COMMAND [ARGUMENT]...")]
pub(crate) struct Tools {
    /// Where the server is, such as http://localhost:8000/mcp or http://localhost:8000/sse
    #[arg(value_name = "URL")]
    words: Vec<String>,
    #[command(flatten)]
    target: Target,
}

impl Tools {
    pub(crate) fn run(&self, context: &Context) -> Result<Exit, Failure> {
        context.session(self.target.alone(&self.words)?, |client| {
            let mut output = Output::new();
            for tool in client.tools() {
                output.tool(&tool?)?;
            }
            Ok(Exit::Done)
        })
    }
}
