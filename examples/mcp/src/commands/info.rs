//! `mcp info`: who the server is, what it can do, and how it is spoken to.

use clap::Args;
use mcp_core::types::ServerCapabilities;
use mcp_sse_blocking::Client;
use serde_json::{Value, json};

use crate::exit::{Exit, Failure};
use crate::output::{self, Output, Style, View, harmless, one_line};
use crate::session::Context;
use crate::target::Target;

/// Shows who a server is, what it offers and how it is spoken to
#[derive(Debug, Args)]
#[command(override_usage = "mcp info [OPTIONS] URL\n       \
    mcp info [OPTIONS] --config FILE --server NAME\n       \
    mcp info [OPTIONS] --stdio -- COMMAND [ARGUMENT]...")]
pub(crate) struct Info {
    /// Where the server is, unless --config or --stdio says it
    #[arg(value_name = "URL")]
    words: Vec<String>,
    #[command(flatten)]
    target: Target,
}

impl Info {
    pub(crate) fn run(&self, context: &Context) -> Result<Exit, Failure> {
        context.session(self.target.alone(&self.words)?, |client| {
            let mut output = Output::new();
            if context.wants_json() {
                output.document(&document(client))?;
                return Ok(Exit::Done);
            }
            let text = told(client, output.view());
            output.print(&text)?;
            Ok(Exit::Done)
        })
    }
}

/// A document of this program's own: what servers say of themselves comes in another result in each revision.
fn document(client: &Client) -> Value {
    let connection = client.connection();
    json!({
        "serverInfo": client.server_info(),
        "protocolVersion": client.protocol_version().as_str(),
        "capabilities": client.capabilities(),
        "instructions": client.instructions(),
        "connection": {
            "transport": connection.via.to_string(),
            "place": connection.place,
            "requests": connection.requests,
        },
    })
}

fn told(client: &Client, view: View) -> String {
    let info = client.server_info();
    let title = info.title.as_deref().map(|title| format!(" ({})", one_line(title))).unwrap_or_default();
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        text += &format!("{}  {value}\n", view.paint(Style::Strong, &format!("{name:12}")));
    };
    line("server", &format!("{} {}{title}", one_line(&info.name), one_line(&info.version)));
    if let Some(about) = &info.description {
        line("description", &output::first_line(Some(about)));
    }
    if let Some(site) = &info.website_url {
        line("website", &one_line(site));
    }
    line("connection", &one_line(&client.connection().to_string()));
    line("offers", &offers(client.capabilities()));
    if let Some(instructions) = client.instructions() {
        line("instructions", &harmless(instructions.trim()).replace('\n', "\n              "));
    }
    text
}

/// What a server can do, in words.
fn offers(capabilities: &ServerCapabilities) -> String {
    let mut all = Vec::new();
    let mut offer = |name: &str, more: &[(bool, &str)]| {
        let more: Vec<&str> = more.iter().filter(|(is_so, _)| *is_so).map(|(_, words)| *words).collect();
        all.push(if more.is_empty() { name.to_owned() } else { format!("{name} ({})", more.join(", ")) });
    };
    if let Some(tools) = &capabilities.tools {
        offer("tools", &[(tools.list_changed, "tells of changes")]);
    }
    if let Some(resources) = &capabilities.resources {
        offer(
            "resources",
            &[(resources.list_changed, "tells of changes"), (resources.subscribe, "can be subscribed to")],
        );
    }
    if let Some(prompts) = &capabilities.prompts {
        offer("prompts", &[(prompts.list_changed, "tells of changes")]);
    }
    for (name, is_offered) in [
        ("completions", capabilities.completions.is_some()),
        ("logs", capabilities.logging.is_some()),
        ("tasks", capabilities.tasks.is_some()),
    ] {
        if is_offered {
            offer(name, &[]);
        }
    }
    for extension in capabilities.extensions.iter().flat_map(|extensions| extensions.keys()) {
        offer(&one_line(extension), &[]);
    }
    if all.is_empty() { "nothing that it tells of".to_owned() } else { all.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_offers_is_told_in_words() {
        let offered = |capabilities| offers(&serde_json::from_value(capabilities).unwrap());
        assert_eq!(
            offered(json!({"tools": {"listChanged": true}, "resources": {"subscribe": true}, "logging": {}})),
            "tools (tells of changes), resources (can be subscribed to), logs"
        );
        assert_eq!(offered(json!({})), "nothing that it tells of");
    }
}
