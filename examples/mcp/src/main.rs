//! The Model Context Protocol on the command line: lists the tools of a server and calls them.
//!
//! `mcp --help` says how. One file a concern: [`args`] the command line, [`values`] and [`schema`] the arguments of a tool, [`output`] what is
//! printed, [`verbose`] what `-v` shows, [`interrupt`] Ctrl-C, [`exit`] how it ends.

mod args;
mod exit;
mod interrupt;
mod output;
mod schema;
mod values;
mod verbose;

use std::process::ExitCode;

use clap::Parser;
use mcp_core::types::{CallToolResult, Implementation, Tool};
use mcp_sse_blocking::{Client, Command as Child, Error, Stderr};

use args::{Arguments, Call, Command, Connection, Server, Transport};
use exit::{Exit, Failure};
use interrupt::Interrupt;
use output::Output;
use values::Object;

fn main() -> ExitCode {
    // Ends the program by itself for `--help`, and with code 2 for what cannot be read.
    let Arguments { command, connection } = Arguments::parse();
    verbose::start(connection.verbose, &connection.headers);
    let done = match &command {
        Command::Tools(tools) => self::tools(tools.server(), &connection),
        Command::Call(call) => self::call(call, &connection),
    };
    let exit = done.unwrap_or_else(|failure| {
        let server = match &command {
            Command::Tools(tools) => tools.server(),
            Command::Call(call) => call.server(),
        };
        if let Some(message) = failure.message(server, connection.transport) {
            output::say(message);
        }
        failure.exit()
    });
    exit.into()
}

fn tools(server: Server<'_>, connection: &Connection) -> Result<Exit, Failure> {
    let _interrupt = Interrupt::new();
    let client = connect(server, connection)?;
    let mut output = Output::new();
    for tool in client.tools() {
        output.tool(&tool?)?;
    }
    Ok(Exit::Done)
}

fn call(call: &Call, connection: &Connection) -> Result<Exit, Failure> {
    let interrupt = Interrupt::new();
    let (tool, pairs) = call.tool().map_err(Failure::Usage)?;
    let client = connect(call.server(), connection)?;
    let result = result(&client, tool, &pairs, call.json.as_ref(), &interrupt);
    // Not by dropping it: what the server logged before its answer is still to be shown.
    client.close();
    let result = result?;
    if result.is_error {
        output::failure(tool, &result);
        return Ok(Exit::ToolFailed);
    }
    Output::new().result(&result)?;
    Ok(Exit::Done)
}

fn result(
    client: &Client,
    name: &str,
    pairs: &[(String, String)],
    json: Option<&Object>,
    interrupt: &Interrupt,
) -> Result<CallToolResult, Failure> {
    let mut arguments = json.cloned().unwrap_or_default();
    if !pairs.is_empty() || json.is_none() {
        let tool = find(client, name)?;
        values::add(&mut arguments, pairs, tool.as_ref(), output::say).map_err(Failure::Usage)?;
    }
    let mut job = client.start(name, &arguments)?;
    interrupt.cancels(job.canceller());
    for progress in &mut job {
        output::progress(&progress);
    }
    Ok(job.result()?)
}

/// What the server says of a tool: its schema decides what `key=value` means. `None` when it does not list it; it is called all the
/// same, for the server to judge.
fn find(client: &Client, name: &str) -> Result<Option<Tool>, Failure> {
    let mut names = Vec::new();
    for tool in client.tools() {
        match tool {
            Ok(tool) if tool.name == name => return Ok(Some(tool)),
            Ok(tool) => names.push(tool.name),
            // A server may have tools and no list of them.
            Err(Error::Rpc(_)) => return Ok(None),
            Err(error) => return Err(error.into()),
        }
    }
    output::not_listed(name, &names);
    Ok(None)
}

fn connect(server: Server<'_>, connection: &Connection) -> Result<Client, Failure> {
    let timeout = connection.timeout;
    let mut builder = match server {
        Server::At(url) => Client::builder(url),
        Server::Program([program, arguments @ ..]) => {
            // Whoever runs a program in a terminal expects to see what it complains of.
            Client::spawn_builder(Child::new(program).args(arguments).pass_all_env().stderr(Stderr::Inherit))
        }
        Server::Program([]) => return Err(Failure::Usage("there is no command after `--`".into())),
    };
    builder = builder
        .transport(connection.transport.into())
        .client_info(Implementation::new("mcp", env!("CARGO_PKG_VERSION")))
        .connect_timeout(timeout)
        .endpoint_timeout(timeout)
        .call_timeout(timeout)
        // Each request has its deadline; how silent the stream is meanwhile does not matter.
        .idle_timeout(None)
        .on_log(|_, message| output::log(message));
    for header in &connection.headers {
        let (name, value) = header.parts().ok_or_else(|| Failure::Usage("a header is written 'NAME: VALUE'".into()))?;
        builder = builder.header(name, value);
    }
    if let Some(revision) = connection.revision {
        builder = builder.protocol_version(revision);
    }
    let client = builder.connect()?;
    if connection.verbose > 0 {
        output::say(client.connection().to_string());
    }
    Ok(client)
}

impl From<Transport> for mcp_sse_blocking::Transport {
    fn from(transport: Transport) -> Self {
        match transport {
            Transport::Auto => Self::Detect,
            Transport::Stateless => Self::Stateless,
            Transport::Http => Self::StreamableHttp,
            Transport::Sse => Self::HttpSse,
        }
    }
}
