//! `mcp config check`: whether a configuration file can be used, and all that is wrong with it.

use std::path::PathBuf;
use std::thread;

use clap::{Args, Subcommand};
use mcp_core::text::Excerpt;
use mcp_sse_blocking::config::{Config, ConfigError, Fault, Input, ServerConfig, ToolFilter};
use serde_json::{Value, json};

use crate::ask;
use crate::exit::{Exit, Failure};
use crate::output::{self, Output, Table, View, one_line};
use crate::session::Context;

/// Characters of an error that a table shows.
const ERROR: usize = 300;

/// Looks at configuration files
#[derive(Debug, Args)]
#[command(help_template = "{about-with-newline}\n{usage-heading} mcp config COMMAND\n\nCommands:\n{subcommands}")]
pub(crate) struct ConfigCommand {
    #[command(subcommand)]
    command: Sub,
}

#[derive(Debug, Subcommand)]
enum Sub {
    Check(Check),
}

/// Lists the servers of a configuration file, or all of its faults
#[derive(Debug, Args)]
#[command(
    after_help = "Files of Claude Desktop, Claude Code, Cursor and others (\"mcpServers\"), of VS Code (\"servers\" with \
        \"inputs\") and of CrewAI (\"mcps\" in YAML). Each fault is a line: file, line, column, place and what is \
        wrong there. Exit code 1 says that there are faults, or with --connect that a server cannot be used."
)]
struct Check {
    /// The file
    file: PathBuf,
    /// Only this server
    #[arg(long, value_name = "NAME")]
    server: Option<String>,
    /// Also connect to each server, all at once, and say what came of it
    #[arg(long)]
    connect: bool,
}

impl ConfigCommand {
    pub(crate) fn run(&self, context: &Context) -> Result<Exit, Failure> {
        let Sub::Check(check) = &self.command;
        check.run(context)
    }
}

impl Check {
    fn run(&self, context: &Context) -> Result<Exit, Failure> {
        // Nobody is asked for anything unless it is needed.
        let mut reader = Config::reader();
        reader = if self.connect { reader.inputs(ask::input) } else { reader.inputs(stand_in) };
        if let Some(name) = &self.server {
            reader = reader.only(name);
        }
        match reader.file(&self.file) {
            Err(error) => self.faults(context, &error),
            Ok(config) => self.servers(context, &config),
        }
    }

    fn faults(&self, context: &Context, error: &ConfigError) -> Result<Exit, Failure> {
        let mut output = Output::new();
        if context.wants_json() {
            let faults: Vec<Value> = error.faults().iter().map(fault).collect();
            output.document(&json!({"file": self.file.display().to_string(), "faults": faults}))?;
        } else {
            output.untrusted(&format!("{error}\n"))?;
            let plural = if error.faults().len() == 1 { "" } else { "s" };
            output::say(format!("{} fault{plural}", error.faults().len()));
        }
        Ok(Exit::ToolFailed)
    }

    fn servers(&self, context: &Context, config: &Config) -> Result<Exit, Failure> {
        let is_wanted = |server: &&ServerConfig| self.server.as_deref().is_none_or(|name| name == server.name());
        let on: Vec<&ServerConfig> = config.servers().iter().filter(is_wanted).collect();
        let off: Vec<&ServerConfig> = config.disabled().iter().filter(is_wanted).collect();
        if let (Some(name), true, true) = (&self.server, on.is_empty(), off.is_empty()) {
            return Err(Failure::Usage(format!("{} names no server `{}`", self.file.display(), one_line(name))));
        }
        let states = if self.connect { connect_all(context, &on) } else { Vec::new() };
        let has_failed = states.iter().any(Result::is_err);
        if context.wants_json() {
            Output::new().document(&self.document(config, &on, &off, &states))?;
        } else {
            let mut output = Output::new();
            let text = listed(&on, &off, &states, output.view());
            output.print(&text)?;
            for warning in config.warnings() {
                output::say(format!("{}: {warning}", self.file.display()));
            }
        }
        Ok(if has_failed { Exit::ToolFailed } else { Exit::Done })
    }

    fn document(
        &self,
        config: &Config,
        on: &[&ServerConfig],
        off: &[&ServerConfig],
        states: &[Result<String, String>],
    ) -> Value {
        let server = |server: &ServerConfig, is_off: bool, state: Option<&Result<String, String>>| {
            let mut document = json!({
                "name": server.name(),
                "place": server.place(),
                "transport": server.transport(),
                "address": server.address(),
                "disabled": is_off,
                "tools": {"allow": server.tools().allow, "deny": server.tools().deny},
            });
            match state {
                Some(Ok(found)) => document["connection"] = Value::from(found.as_str()),
                Some(Err(problem)) => document["error"] = Value::from(problem.as_str()),
                None => {}
            }
            document
        };
        let mut servers: Vec<Value> = on.iter().enumerate().map(|(at, it)| server(it, false, states.get(at))).collect();
        servers.extend(off.iter().map(|it| server(it, true, None)));
        json!({
            "file": self.file.display().to_string(),
            "format": config.format().to_string(),
            "servers": servers,
            "faults": [],
            "warnings": config.warnings().iter().map(fault).collect::<Vec<_>>(),
        })
    }
}

/// What takes the place of an answer while a file is merely looked at.
fn stand_in(input: &Input) -> Option<String> {
    let answer = input.default.clone().or_else(|| input.options.first().cloned());
    answer.or_else(|| Some("answer".to_owned()))
}

fn fault(fault: &Fault) -> Value {
    json!({
        "line": fault.line(),
        "column": fault.column(),
        "place": fault.place(),
        "server": fault.server(),
        "problem": fault.problem(),
    })
}

/// How each server was found, or why not; each in its own thread, so that one that is slow holds nobody up.
fn connect_all(context: &Context, servers: &[&ServerConfig]) -> Vec<Result<String, String>> {
    let _watched = output::Watched::start("connecting");
    thread::scope(|scope| {
        let running: Vec<_> = servers
            .iter()
            .map(|server| {
                scope.spawn(|| {
                    let client = context.configured(server).and_then(|builder| Ok(builder.connect()?));
                    client.map(|client| client.connection().to_string()).map_err(|failure| {
                        let why = failure.message().unwrap_or_default();
                        Excerpt::new(why.lines().next().unwrap_or_default(), ERROR).to_string()
                    })
                })
            })
            .collect();
        let joined = running.into_iter().map(|thread| thread.join());
        joined.map(|state| state.unwrap_or_else(|_| Err("this program failed".into()))).collect()
    })
}

fn listed(on: &[&ServerConfig], off: &[&ServerConfig], states: &[Result<String, String>], view: View) -> String {
    if on.is_empty() && off.is_empty() {
        return if view.is_terminal() { "The file names no server.\n".to_owned() } else { String::new() };
    }
    let rows = on.iter().enumerate().map(|(at, server)| {
        let state = states.get(at).map(|state| match state {
            Ok(found) => format!("ok: {}", one_line(found)),
            Err(problem) => format!("failed: {problem}"),
        });
        (server, state.unwrap_or_default())
    });
    let rows = rows.chain(off.iter().map(|server| (server, "turned off".to_owned())));
    let rows = rows.map(|(server, state)| {
        let cells = [one_line(server.name()), server.transport().to_owned(), one_line(&server.address())];
        let [name, transport, address] = cells;
        [name, transport, address, tools(server.tools()), state]
    });
    if view.is_terminal() {
        let mut table = Table::new(["SERVER", "TRANSPORT", "ADDRESS", "TOOLS", "STATE"]);
        rows.for_each(|row| table.row(row));
        return table.render(view);
    }
    rows.map(|row| row.iter().filter(|cell| !cell.is_empty()).cloned().collect::<Vec<_>>().join("  ") + "\n").collect()
}

/// Which tools may be used: nothing when all may.
fn tools(filter: &ToolFilter) -> String {
    let list = |names: &[String]| one_line(&names.join(", "));
    let allowed = filter
        .allow
        .as_deref()
        .map(|names| if names.is_empty() { "none".into() } else { format!("only {}", list(names)) });
    let denied = (!filter.deny.is_empty()).then(|| format!("not {}", list(&filter.deny)));
    allowed.into_iter().chain(denied).collect::<Vec<String>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::Colour;

    const FILE: &str = r#"{"mcpServers": {
        "files": {"command": "/opt/files", "args": ["--token=secret"]},
        "web": {"url": "https://example.com/secret/mcp?key=secret", "disabled": true}
    }}"#;

    #[test]
    fn servers_are_listed_without_secrets() {
        let config: Config = FILE.parse().unwrap();
        let on: Vec<&ServerConfig> = config.servers().iter().collect();
        let off: Vec<&ServerConfig> = config.disabled().iter().collect();
        let piped = listed(&on, &off, &[], View::Piped);
        assert_eq!(piped, "files  stdio  files\nweb  http  https://example.com  turned off\n");
        let terminal = listed(&on, &off, &[Err("no".into())], View::Terminal { columns: 80, colour: Colour::Off });
        assert!(terminal.starts_with("SERVER  TRANSPORT  ADDRESS"), "{terminal}");
        assert!(terminal.contains("failed: no") && !terminal.contains("secret"), "{terminal}");
    }

    #[test]
    fn what_tools_may_be_used_is_told_in_words() {
        assert_eq!(tools(&ToolFilter::default()), "");
        assert_eq!(tools(&ToolFilter::default().allowing([""; 0])), "none");
        assert_eq!(tools(&ToolFilter::default().allowing(["a", "b*"]).denying(["bc"])), "only a, b*; not bc");
    }
}
