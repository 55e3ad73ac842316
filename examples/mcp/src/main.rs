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
    // Ends the program for `--help`, and with code 2 for what cannot be read.
    let Arguments { command, options } = Arguments::try_parse().unwrap_or_else(|error| refuse(&error));
    verbose::start(options.verbose, &options.headers);
    let context = Context { options, interrupt: Interrupt::new() };
    let exit = command.run(&context).unwrap_or_else(|failure| {
        context.tell(&failure);
        failure.exit()
    });
    exit.into()
}

/// Shows what is wrong with the command line, or the help that was asked for, and ends the program.
fn refuse(error: &clap::Error) -> ! {
    // Nobody is left to tell when it cannot be shown.
    let _ = error.print();
    if let Some(tip) = args::tip(error) {
        output::write(format!("\n  tip: {tip}\n").as_bytes());
    }
    std::process::exit(error.exit_code())
}
