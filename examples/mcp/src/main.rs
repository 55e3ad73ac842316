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
use mcp_sse_blocking::{Client, Error};

use args::{Arguments, Call, Command, Connection};
use exit::{Exit, Failure};
use interrupt::Interrupt;
use output::Output;

fn main() -> ExitCode {
    // Ends the program by itself for `--help`, and with code 2 for what cannot be read.
    let Arguments { command, connection } = Arguments::parse();
    verbose::start(connection.verbose, &connection.headers);
    let done = match &command {
        Command::Tools { url } => tools(url, &connection),
        Command::Call(call) => self::call(call, &connection),
    };
    let exit = done.unwrap_or_else(|failure| {
        let (Command::Tools { url } | Command::Call(Call { url, .. })) = &command;
        if let Some(message) = failure.message(url) {
            output::say(message);
        }
        failure.exit()
    });
    exit.into()
}

fn tools(url: &str, connection: &Connection) -> Result<Exit, Failure> {
    let _interrupt = Interrupt::new();
    let client = connect(url, connection)?;
    let mut output = Output::new();
    for tool in client.tools() {
        output.tool(&tool?)?;
    }
    Ok(Exit::Done)
}

fn call(call: &Call, connection: &Connection) -> Result<Exit, Failure> {
    let interrupt = Interrupt::new();
    let client = connect(&call.url, connection)?;
    let result = result(&client, call, &interrupt);
    // Not by dropping it: what the server logged before its answer is still to be shown.
    client.close();
    let result = result?;
    if result.is_error {
        output::failure(&call.tool, &result);
        return Ok(Exit::ToolFailed);
    }
    Output::new().result(&result)?;
    Ok(Exit::Done)
}

fn result(client: &Client, call: &Call, interrupt: &Interrupt) -> Result<CallToolResult, Failure> {
    let mut arguments = call.json.clone().unwrap_or_default();
    if !call.pairs.is_empty() || call.json.is_none() {
        let tool = find(client, &call.tool)?;
        values::add(&mut arguments, &call.pairs, tool.as_ref(), output::say).map_err(Failure::Usage)?;
    }
    let mut job = client.start(&call.tool, &arguments)?;
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

fn connect(url: &str, connection: &Connection) -> Result<Client, Failure> {
    let timeout = connection.timeout;
    let mut builder = Client::builder(url)
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
    Ok(builder.connect()?)
}
