//! `mcp complete`: what an argument could be.

use clap::{Args, ValueEnum};
use mcp_core::types::{CompleteParams, CompletionArgument, CompletionContext, CompletionReference, Method};
use mcp_sse_blocking::CallOptions;

use crate::exit::{Exit, Failure};
use crate::output::{self, Output, one_line};
use crate::session::Context;
use crate::target::Target;
use crate::values;

/// Proposes values for an argument of a prompt or of a resource template
#[derive(Debug, Args)]
#[command(override_usage = "mcp complete [OPTIONS] URL PROMPT|TEMPLATE ARGUMENT=BEGINNING [KEY=VALUE]...\n       \
    mcp complete [OPTIONS] --config FILE --server NAME PROMPT|TEMPLATE ARGUMENT=BEGINNING [KEY=VALUE]...\n       \
    mcp complete [OPTIONS] --stdio PROMPT|TEMPLATE ARGUMENT=BEGINNING [KEY=VALUE]... -- COMMAND [ARGUMENT]...")]
pub(crate) struct Complete {
    /// Where the server is, unless --config or --stdio says it; then the name of a prompt or a URI template, the argument and
    /// what is typed of it so far, and the arguments that are filled in already
    #[arg(value_name = "URL PROMPT|TEMPLATE ARGUMENT=BEGINNING [KEY=VALUE]")]
    words: Vec<String>,
    /// What PROMPT|TEMPLATE is; a template if it has :// or { in it, unless this says otherwise
    #[arg(long = "as", value_enum, value_name = "KIND")]
    kind: Option<Kind>,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    Prompt,
    Template,
}

impl Complete {
    pub(crate) fn run(&self, context: &Context) -> Result<Exit, Failure> {
        let (server, words) = self.target.split(&self.words)?;
        let [reference, argument, filled_in @ ..] = words else {
            return Err(Failure::Usage(
                "a prompt or a template is wanted, and an argument of it: `mcp complete URL PROMPT ARGUMENT=BEGINNING`"
                    .into(),
            ));
        };
        let (argument, typed) = values::pair(argument).map_err(Failure::Usage)?;
        let filled_in = super::prompt::texts(filled_in).map_err(Failure::Usage)?;
        let reference = self.reference(reference);
        context.session(server, |client| {
            if context.wants_json() {
                let has_context = client.protocol_version().has_completion_context() && !filled_in.is_empty();
                let params = CompleteParams {
                    reference,
                    argument: CompletionArgument { name: argument, value: typed },
                    context: has_context.then_some(CompletionContext { arguments: filled_in }),
                };
                let options = CallOptions::new().idempotent();
                Output::new().json(&client.request_with(Method::CompletionComplete, &params, options)?)?;
                return Ok(Exit::Done);
            }
            let proposed = client.complete(reference, &argument, &typed, &filled_in)?;
            let mut output = Output::new();
            for value in &proposed.values {
                output.print(&format!("{}\n", one_line(value)))?;
            }
            let more = proposed.total.map(|total| total.saturating_sub(proposed.values.len() as u64));
            match (more, proposed.has_more) {
                (Some(more @ 1..), _) => output::say(format!("{more} more are not shown")),
                (_, Some(true)) => output::say("there are more"),
                _ => {}
            }
            Ok(Exit::Done)
        })
    }

    fn reference(&self, reference: &str) -> CompletionReference {
        let looks_like =
            if reference.contains("://") || reference.contains('{') { Kind::Template } else { Kind::Prompt };
        match self.kind.unwrap_or(looks_like) {
            Kind::Prompt => CompletionReference::prompt(reference),
            Kind::Template => CompletionReference::resource(reference),
        }
    }
}
