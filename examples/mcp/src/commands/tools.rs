//! `mcp tools`: which tools there are.

use clap::Args;
use mcp_core::types::Tool;

use crate::exit::{Exit, Failure};
use crate::output::{self, Output, Style, Table, View, first_line, harmless, one_line};
use crate::schema::{self, Parameter};
use crate::session::Context;
use crate::target::Target;

/// Lists the tools of a server, or shows one of them
#[derive(Debug, Args)]
#[command(
    after_help = "On a terminal a table; elsewhere a line that does not begin with a space is a tool, its name first, and the \
        lines below it are its parameters.",
    override_usage = "mcp tools [OPTIONS] URL [TOOL]\n       \
    mcp tools [OPTIONS] --config FILE --server NAME [TOOL]\n       \
    mcp tools [OPTIONS] --stdio [TOOL] -- COMMAND [ARGUMENT]..."
)]
pub(crate) struct Tools {
    /// Where the server is, such as http://localhost:8000/mcp, unless --config or --stdio says it; then the name of a tool to
    /// show in full
    #[arg(value_name = "URL [TOOL]", num_args = 0..=2)]
    words: Vec<String>,
    #[command(flatten)]
    target: Target,
}

impl Tools {
    pub(crate) fn run(&self, context: &Context) -> Result<Exit, Failure> {
        let (server, wanted) = self.target.split(&self.words)?;
        let wanted = match wanted {
            [] => None,
            [name] => Some(name.as_str()),
            [_, word, ..] => return Err(Failure::Usage(format!("one word too many: `{word}`"))),
        };
        context.session(server, |client| {
            if context.wants_json() && wanted.is_none() {
                Output::new().json(&client.exact_tools()?)?;
                return Ok(Exit::Done);
            }
            let tools = client.permitted_tools()?;
            let Some(name) = wanted else {
                let mut output = Output::new();
                let text = listed(&tools, output.view());
                output.print(&text)?;
                return Ok(Exit::Done);
            };
            let Some(tool) = tools.iter().find(|tool| tool.name == name) else {
                let names: Vec<String> = tools.into_iter().map(|tool| tool.name).collect();
                output::not_listed("tool", name, &names);
                return Ok(Exit::ToolFailed);
            };
            let mut output = Output::new();
            if context.wants_json() {
                let all = client.exact_tools()?;
                output.json(output::json::named(&all, "tools", name).unwrap_or(&all))?;
                return Ok(Exit::Done);
            }
            let text = if output.view().is_terminal() { in_full(tool, output.view()) } else { lines(tool) };
            output.print(&text)?;
            Ok(Exit::Done)
        })
    }
}

fn listed(tools: &[Tool], view: View) -> String {
    if !view.is_terminal() {
        return tools.iter().map(lines).collect();
    }
    if tools.is_empty() {
        return "The server has no tools.\n".to_owned();
    }
    let mut table = Table::new(["TOOL", "PARAMETERS", "DESCRIPTION"]);
    for tool in tools {
        let schema = tool.input_schema.to_value();
        let parameters: Vec<String> = schema::parameters(&schema).iter().map(in_brief).collect();
        let about = match first_line(tool.description.as_deref()) {
            about if about.is_empty() && tool.display_name() != tool.name => one_line(tool.display_name()),
            about => about,
        };
        table.row([one_line(&tool.name), parameters.join(" "), about]);
    }
    table.render(view)
}

/// As it is given: `day=string [hours=integer]`.
fn in_brief(parameter: &Parameter<'_>) -> String {
    let name = one_line(parameter.name);
    let text = if parameter.kinds.takes_text() { name } else { format!("{name}={}", parameter.kinds) };
    if parameter.required { text } else { format!("[{text}]") }
}

/// A line for a tool and one for each of its parameters.
fn lines(tool: &Tool) -> String {
    let mut text = one_line(&tool.name);
    if tool.display_name() != tool.name {
        text += &format!(" ({})", one_line(tool.display_name()));
    }
    let about = first_line(tool.description.as_deref());
    if !about.is_empty() {
        text += &format!("  {about}");
    }
    text.push('\n');
    let schema = tool.input_schema.to_value();
    let parameters = schema::parameters(&schema);
    let rows: Vec<[String; 3]> = parameters
        .iter()
        .map(|parameter| {
            let required = if parameter.required { "required" } else { "" };
            [one_line(parameter.name), parameter.kinds.to_string(), required.to_owned()]
        })
        .collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths = [width(0), width(1), width(2)];
    for (row, parameter) in rows.iter().zip(&parameters) {
        let [name, kind, required] = row;
        let [a, b, c] = widths;
        let about = first_line(parameter.description);
        let line = format!("    {name:a$}  {kind:b$}  {required:c$}  {about}");
        text += line.trim_end();
        text.push('\n');
    }
    text
}

/// All that a server says of a tool, for a terminal.
fn in_full(tool: &Tool, view: View) -> String {
    let mut text = view.paint(Style::Strong, &one_line(&tool.name));
    if tool.display_name() != tool.name {
        text += &format!("  {}", one_line(tool.display_name()));
    }
    text.push('\n');
    if let Some(hints) = hints(tool) {
        text += &view.paint(Style::Faint, &format!("says of itself: {hints}"));
        text.push('\n');
    }
    if let Some(about) = &tool.description {
        text += &format!("\n{}\n", harmless(about.trim()));
    }
    let schema = tool.input_schema.to_value();
    let mut table = Table::new(["PARAMETER", "TYPE", "REQUIRED", "DESCRIPTION"]);
    for parameter in schema::parameters(&schema) {
        let required = if parameter.required { "yes" } else { "" };
        let kind = match parameter.choices_in_brief() {
            Some(choices) => choices,
            None => parameter.kinds.to_string(),
        };
        table.row([one_line(parameter.name), kind, required.to_owned(), first_line(parameter.description)]);
    }
    if !table.is_empty() {
        text += &format!("\n{}", table.render(view));
    }
    text
}

/// What a tool says of itself, which nobody has to believe (R-FS-20).
fn hints(tool: &Tool) -> Option<String> {
    let hints = tool.annotations.as_ref()?;
    let all = [
        (hints.read_only_hint == Some(true), "only reads"),
        (hints.destructive_hint == Some(true) && hints.read_only_hint != Some(true), "may destroy"),
        (hints.idempotent_hint == Some(true), "idempotent"),
        (hints.open_world_hint == Some(true), "reaches beyond its server"),
    ];
    let said: Vec<&str> = all.into_iter().filter(|(is_said, _)| *is_said).map(|(_, words)| words).collect();
    (!said.is_empty()).then(|| said.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::Colour;
    use serde_json::{Value, json};

    const TERMINAL: View = View::Terminal { columns: 60, colour: Colour::Off };

    fn planner() -> Value {
        json!({
            "name": "plan",
            "title": "Planner",
            "description": "\nPlans a day.\nAnd more.",
            "annotations": {"readOnlyHint": true},
            "inputSchema": {
                "properties": {
                    "day": {"type": "string", "description": "which one\nreally"},
                    "hours": {"type": ["integer", "null"]},
                    "mood": {"enum": ["good", "bad"]},
                },
                "required": ["day"],
            },
        })
    }

    fn tool(value: Value) -> Tool {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_tool_and_its_parameters_are_listed_in_columns() {
        let expected = "plan (Planner)  Plans a day.\n    \
                        day    string           required  which one\n    \
                        hours  integer or null\n    \
                        mood   string\n";
        assert_eq!(listed(&[tool(planner())], View::Piped), expected);
    }

    #[test]
    fn a_terminal_gets_a_table() {
        let expected = "TOOL  PARAMETERS                           DESCRIPTION\n\
                        plan  day [hours=integer or null] [mood]   Plans a day.\n";
        let text = listed(&[tool(planner())], TERMINAL);
        assert_eq!(text.split_whitespace().collect::<Vec<_>>(), expected.split_whitespace().collect::<Vec<_>>());
        assert_eq!(listed(&[], TERMINAL), "The server has no tools.\n");
        assert_eq!(listed(&[], View::Piped), "");
    }

    #[test]
    fn one_tool_is_shown_in_full() {
        let expected = "\
plan  Planner
says of itself: only reads

Plans a day.
And more.

PARAMETER  TYPE             REQUIRED  DESCRIPTION
day        string           yes       which one
hours      integer or null
mood       \"good\" or \"bad\"
";
        assert_eq!(in_full(&tool(planner()), TERMINAL), expected);
    }

    #[test]
    fn a_server_cannot_add_lines_to_a_list() {
        let evil = json!({"name": "a\nb\u{1b}[2J", "inputSchema": {"properties": {"x\ny": {}}}});
        assert_eq!(lines(&tool(evil.clone())), "a\u{FFFD}b\u{FFFD}[2J\n    x\u{FFFD}y  any\n");
        assert_eq!(listed(&[tool(evil)], TERMINAL).lines().count(), 2);
    }
}
