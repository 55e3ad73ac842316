//! The Model Context Protocol on the command line: what a server has, and using it.
//!
//! `mcp --help` says how. One file a concern: [`args`] the command line and its [`commands`], [`options`] what all of them take,
//! [`target`] which server, [`session`] connecting to it, [`values`] and [`schema`] the arguments of a tool, [`output`] what is
//! printed, [`verbose`] what `-v` shows, [`interrupt`] Ctrl-C, [`exit`] how it ends.

mod args;
mod ask;
mod bridge;
mod commands;
mod configured;
mod exit;
mod files;
mod interrupt;
mod options;
mod output;
mod schema;
mod session;
mod suggest;
mod target;
mod values;
mod verbose;

use std::process::ExitCode;

use clap::Parser;

use args::Arguments;
use interrupt::Interrupt;
use session::Context;

fn main() -> ExitCode {
    // Ends the program by itself for `--help`, and with code 2 for what cannot be read.
    let Arguments { command, options } = Arguments::parse();
    verbose::start(options.verbose, &options.headers);
    let context = Context { options, interrupt: Interrupt::new() };
    let exit = command.run(&context).unwrap_or_else(|failure| {
        context.tell(&failure);
        failure.exit()
    });
    exit.into()
}
