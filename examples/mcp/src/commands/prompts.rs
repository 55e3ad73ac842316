//! `mcp prompts`: which prompts there are.

use clap::Args;
use mcp_core::types::{Method, Prompt};

use crate::exit::{Exit, Failure};
use crate::output::{Output, Table, View, first_line, one_line};
use crate::session::Context;
use crate::target::Target;

/// Lists the prompts of a server
#[derive(Debug, Args)]
#[command(
    after_help = "On a terminal a table; elsewhere a line that does not begin with a space is a prompt, its name first, and the \
        lines below it are its arguments.",
    override_usage = "mcp prompts [OPTIONS] URL\n       \
    mcp prompts [OPTIONS] --config FILE --server NAME\n       \
    mcp prompts [OPTIONS] --stdio -- COMMAND [ARGUMENT]..."
)]
pub(crate) struct Prompts {
    /// Where the server is, unless --config or --stdio says it
    #[arg(value_name = "URL")]
    words: Vec<String>,
    #[command(flatten)]
    target: Target,
}

impl Prompts {
    pub(crate) fn run(&self, context: &Context) -> Result<Exit, Failure> {
        context.session(self.target.alone(&self.words)?, |client| {
            if context.wants_json() {
                Output::new().json(&client.all_pages(Method::PromptsList, "prompts")?)?;
                return Ok(Exit::Done);
            }
            let prompts: Vec<Prompt> = client.prompts().collect::<Result<_, _>>()?;
            let mut output = Output::new();
            let text = listed(&prompts, output.view());
            output.print(&text)?;
            Ok(Exit::Done)
        })
    }
}

fn listed(prompts: &[Prompt], view: View) -> String {
    if !view.is_terminal() {
        return prompts.iter().map(lines).collect();
    }
    if prompts.is_empty() {
        return "The server has no prompts.\n".to_owned();
    }
    let mut table = Table::new(["PROMPT", "ARGUMENTS", "DESCRIPTION"]);
    for prompt in prompts {
        let arguments: Vec<String> = prompt
            .arguments
            .iter()
            .map(|argument| match (one_line(&argument.name), argument.required) {
                (name, true) => name,
                (name, false) => format!("[{name}]"),
            })
            .collect();
        let about = first_line(prompt.description.as_deref().or(prompt.title.as_deref()));
        table.row([one_line(&prompt.name), arguments.join(" "), about]);
    }
    table.render(view)
}

/// A line for a prompt and one for each of its arguments.
fn lines(prompt: &Prompt) -> String {
    let about = first_line(prompt.description.as_deref());
    let mut text = format!("{}  {about}", one_line(&prompt.name)).trim_end().to_owned();
    text.push('\n');
    let names: Vec<String> = prompt.arguments.iter().map(|argument| one_line(&argument.name)).collect();
    let width = names.iter().map(|name| name.chars().count()).max().unwrap_or_default();
    for (name, argument) in names.iter().zip(&prompt.arguments) {
        let required = if argument.required { "required" } else { "" };
        let about = first_line(argument.description.as_deref());
        text += format!("    {name:width$}  {required:8}  {about}").trim_end();
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::Colour;
    use serde_json::json;

    #[test]
    fn prompts_are_listed_with_their_arguments() {
        let prompt = json!({"name": "greet", "description": "Says hello.\nLoudly.", "arguments": [
            {"name": "who", "required": true, "description": "whom"}, {"name": "language"}]});
        let prompts = [serde_json::from_value(prompt).unwrap()];
        assert_eq!(listed(&prompts, View::Piped), "greet  Says hello.\n    who       required  whom\n    language\n");
        let terminal = View::Terminal { columns: 80, colour: Colour::Off };
        assert_eq!(
            listed(&prompts, terminal),
            "PROMPT  ARGUMENTS       DESCRIPTION\ngreet   who [language]  Says hello.\n"
        );
    }
}
