//! `mcp resources`: what can be read, and the templates of what else can.

use clap::Args;
use mcp_core::jsonrpc::code;
use mcp_core::types::{Method, Resource, ResourceTemplate};
use mcp_sse_blocking::Error;
use serde_json::value::RawValue;

use crate::exit::{Exit, Failure};
use crate::output::{Output, Table, View, first_line, json, one_line};
use crate::session::{Context, Session};
use crate::target::Target;

/// Lists the resources of a server and the templates of resources
#[derive(Debug, Args)]
#[command(
    after_help = "Elsewhere than on a terminal a line is a resource, its URI first; lines that begin with \"template \" are \
        templates. As JSON both lists are one document: {\"resources\":[..],\"resourceTemplates\":[..]}.",
    override_usage = "mcp resources [OPTIONS] URL\n       \
    mcp resources [OPTIONS] --config FILE --server NAME\n       \
    mcp resources [OPTIONS] --stdio -- COMMAND [ARGUMENT]..."
)]
pub(crate) struct Resources {
    /// Where the server is, unless --config or --stdio says it
    #[arg(value_name = "URL")]
    words: Vec<String>,
    #[command(flatten)]
    target: Target,
}

impl Resources {
    pub(crate) fn run(&self, context: &Context) -> Result<Exit, Failure> {
        context.session(self.target.alone(&self.words)?, |client| {
            if context.wants_json() {
                Output::new().json(&exact(client)?)?;
                return Ok(Exit::Done);
            }
            let resources: Vec<Resource> = client.resources().collect::<Result<_, _>>()?;
            let templates = match client.resource_templates().collect::<Result<_, _>>() {
                // Servers without templates need not know that there are such lists.
                Err(Error::Rpc(error)) if error.code == code::METHOD_NOT_FOUND => Vec::new(),
                templates => templates?,
            };
            let mut output = Output::new();
            let text = listed(&resources, &templates, output.view());
            output.print(&text)?;
            Ok(Exit::Done)
        })
    }
}

fn exact(client: &Session) -> Result<Box<RawValue>, Failure> {
    let resources = client.all_pages(Method::ResourcesList, "resources")?;
    let templates = match client.all_pages(Method::ResourcesTemplatesList, "resourceTemplates") {
        Err(Failure::Client(Error::Rpc(error), _)) if error.code == code::METHOD_NOT_FOUND => None,
        templates => Some(templates?),
    };
    let list = |result: Option<&RawValue>, member: &str| {
        let list = result.and_then(|result| json::Members::of(result)?.named(member));
        list.map_or_else(|| "[]".to_owned(), |list| list.get().to_owned())
    };
    Ok(json::object([
        ("resources", list(Some(&resources), "resources")),
        ("resourceTemplates", list(templates.as_deref(), "resourceTemplates")),
    ]))
}

fn listed(resources: &[Resource], templates: &[ResourceTemplate], view: View) -> String {
    let resources = resources.iter().map(|it| {
        let size = it.size.map(|size| format!("{size} bytes")).unwrap_or_default();
        let name = it.title.as_deref().unwrap_or(&it.name);
        (&it.uri, name, it.mime_type.as_deref().unwrap_or_default(), size, first_line(it.description.as_deref()))
    });
    let templates = templates.iter().map(|it| {
        let name = it.title.as_deref().unwrap_or(&it.name);
        (&it.uri_template, name, it.mime_type.as_deref().unwrap_or_default(), first_line(it.description.as_deref()))
    });
    let mut text = String::new();
    if !view.is_terminal() {
        let mut line = |cells: &[&str]| {
            let cells: Vec<&str> = cells.iter().copied().filter(|cell| !cell.is_empty()).collect();
            text += &cells.join("  ");
            text.push('\n');
        };
        for (uri, name, kind, size, about) in resources {
            line(&[&one_line(uri), &one_line(name), &one_line(kind), &size, &about]);
        }
        for (uri, name, kind, about) in templates {
            line(&[&format!("template {}", one_line(uri)), &one_line(name), &one_line(kind), &about]);
        }
        return text;
    }
    let mut table = Table::new(["RESOURCE", "NAME", "TYPE", "SIZE", "DESCRIPTION"]);
    for (uri, name, kind, size, about) in resources {
        table.row([one_line(uri), one_line(name), one_line(kind), size, about]);
    }
    let mut parts = Table::new(["TEMPLATE", "NAME", "TYPE", "DESCRIPTION"]);
    for (uri, name, kind, about) in templates {
        parts.row([one_line(uri), one_line(name), one_line(kind), about]);
    }
    match (table.is_empty(), parts.is_empty()) {
        (true, true) => "The server has no resources.\n".to_owned(),
        (false, true) => table.render(view),
        (true, false) => parts.render(view),
        (false, false) => format!("{}\n{}", table.render(view), parts.render(view)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::Colour;
    use serde_json::json;

    #[test]
    fn resources_and_templates_are_told_apart() {
        let resource = json!({"uri": "file:///a", "name": "a", "title": "A\n", "size": 7, "mimeType": "text/plain"});
        let template = json!({"uriTemplate": "file:///{p}", "name": "p", "description": "Any file."});
        let resources = [serde_json::from_value(resource).unwrap()];
        let templates = [serde_json::from_value(template).unwrap()];
        assert_eq!(
            listed(&resources, &templates, View::Piped),
            "file:///a  A\u{FFFD}  text/plain  7 bytes\ntemplate file:///{p}  p  Any file.\n"
        );
        let terminal = View::Terminal { columns: 80, colour: Colour::Off };
        let expected = "RESOURCE   NAME  TYPE        SIZE\nfile:///a  A\u{FFFD}    text/plain  7 bytes\n\n\
                        TEMPLATE     NAME  DESCRIPTION\nfile:///{p}  p     Any file.\n";
        assert_eq!(listed(&resources, &templates, terminal), expected);
        assert_eq!(listed(&[], &[], terminal), "The server has no resources.\n");
    }
}
