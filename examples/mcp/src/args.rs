//! What the command line says.
//!
//! `clap` reads it: completions and man pages can be made from the same description, and a program that people type deserves its
//! errors. It costs this program some crates; the libraries know nothing of it.

use std::convert::Infallible;
use std::ffi::OsString;
use std::fmt;
use std::time::Duration;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use mcp_core::revision::ProtocolVersion;

use crate::values::Object;

/// What stands below the options in `--help`.
const AFTER_HELP: &str = "\
Examples:
  mcp tools http://localhost:8000/mcp
  mcp call http://localhost:8000/sse get_events day=2025-05-05
  mcp call --stdio get_events day=2025-05-05 -- python calendar.py

Result text goes to standard output, everything else to standard error.

Exit codes:
    0  done
    1  the tool, or the server in its place, answered with an error
    2  the command line cannot be used
    3  no connection, no session, or the stream was lost
    4  the server broke the protocol or passed a limit
    5  a deadline passed
  130  interrupted; the server was told that nobody waits any more";

/// Lists and calls the tools of a Model Context Protocol server.
#[derive(Debug, Parser)]
#[command(name = "mcp", version, disable_help_subcommand = true, after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Lists the tools of a server
    ///
    /// A line that does not begin with a space is a tool, its name first. The lines below it are its parameters.
    Tools(Tools),
    /// Calls a tool and prints its result
    #[command(override_usage = "mcp call [OPTIONS] URL TOOL [KEY=VALUE]...\n       \
        mcp call [OPTIONS] --stdio TOOL [KEY=VALUE]... -- COMMAND [ARGUMENT]...")]
    Call(Call),
}

#[derive(Debug, Args)]
#[command(override_usage = "mcp tools [OPTIONS] URL\n       mcp tools [OPTIONS] --stdio -- COMMAND [ARGUMENT]...")]
pub(crate) struct Tools {
    /// Where the server is, such as http://localhost:8000/mcp or http://localhost:8000/sse
    #[arg(required_unless_present = "stdio", conflicts_with = "stdio")]
    url: Option<String>,
    #[command(flatten)]
    child: Child,
}

#[derive(Debug, Args)]
pub(crate) struct Call {
    /// Where the server is, unless it is started with --stdio; then the name of the tool, and its arguments: strings, unless
    /// it describes the parameter as a number, a boolean or other JSON
    #[arg(value_name = "URL TOOL [KEY=VALUE]", required = true, hide_possible_values = true)]
    words: Vec<String>,
    /// Arguments of the tool as one JSON object, sent as they are; KEY=VALUE adds to them
    #[arg(long, value_name = "OBJECT", value_parser = object)]
    pub(crate) json: Option<Object>,
    #[command(flatten)]
    child: Child,
}

/// A server that this program starts.
#[derive(Debug, Args)]
struct Child {
    /// Start COMMAND and talk to it over its standard input and output
    #[arg(long, requires = "program")]
    stdio: bool,
    /// The server to start, with its arguments
    #[arg(last = true, requires = "stdio", value_name = "COMMAND")]
    program: Vec<OsString>,
}

/// What was given as KEY=VALUE, in order.
type Pairs = Vec<(String, String)>;

/// Which server it is about.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Server<'a> {
    /// One that runs already.
    At(&'a str),
    /// A program and its arguments.
    Program(&'a [OsString]),
}

impl Tools {
    pub(crate) fn server(&self) -> Server<'_> {
        server(self.url.as_deref().unwrap_or_default(), &self.child)
    }
}

impl Call {
    pub(crate) fn server(&self) -> Server<'_> {
        server(&self.words[0], &self.child)
    }

    /// The name of the tool and what was given as KEY=VALUE.
    ///
    /// # Errors
    /// What is wrong with the words, in words.
    pub(crate) fn tool(&self) -> Result<(&str, Pairs), String> {
        let words = if self.child.stdio { &self.words[..] } else { &self.words[1..] };
        let (tool, pairs) =
            words.split_first().ok_or("the name of a tool is missing; `mcp call --help` shows where")?;
        Ok((tool, pairs.iter().map(|word| pair(word)).collect::<Result<_, _>>()?))
    }
}

fn server<'a>(url: &'a str, child: &'a Child) -> Server<'a> {
    if child.stdio { Server::Program(&child.program) } else { Server::At(url) }
}

/// What every command takes.
#[derive(Debug, Args)]
pub(crate) struct Connection {
    /// How to talk to the server
    #[arg(long, value_enum, default_value_t, global = true)]
    pub(crate) transport: Transport,
    /// The revision to speak, such as 2025-11-25; the newest that the server speaks unless given
    #[arg(long, value_name = "DATE", value_parser = revision, global = true)]
    pub(crate) revision: Option<ProtocolVersion>,
    /// A header for every request; may be repeated. Its value is shown nowhere
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE", value_parser = header, global = true)]
    pub(crate) headers: Vec<Header>,
    /// How long connecting, and each request, may take
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = seconds, global = true)]
    pub(crate) timeout: Duration,
    /// Show the messages on the wire; -vv shows what the client does as well
    #[arg(short, long, action = ArgAction::Count, global = true)]
    pub(crate) verbose: u8,
}

/// A carrier of messages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Transport {
    // Plain comments here: described values would spread `--help` over three screens.
    // Whatever the server speaks, the newest first.
    #[default]
    Auto,
    // Streamable HTTP without a handshake: 2026-07-28.
    Stateless,
    // Streamable HTTP with a handshake: 2025-03-26 to 2025-11-25.
    Http,
    // HTTP+SSE: 2024-11-05.
    Sse,
}

/// A header as it was given: a name, a colon and a value, which is a secret.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Header(String);

impl Header {
    /// Name and value. `None` when there is no colon.
    pub(crate) fn parts(&self) -> Option<(&str, &str)> {
        let (name, value) = self.0.split_once(':')?;
        Some((name.trim(), value.trim()))
    }
}

impl fmt::Debug for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ***", self.parts().map_or("?", |(name, _)| name))
    }
}

/// Never fails: `clap` would show what was given, and with it the secret. [`Header::parts`] is looked at later.
fn header(text: &str) -> Result<Header, Infallible> {
    Ok(Header(text.to_owned()))
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or_else(|| format!("an argument is written KEY=VALUE, not `{text}`"))?;
    if key.is_empty() { Err(format!("there is no key before `=` in `{text}`")) } else { Ok((key.into(), value.into())) }
}

/// Its errors, and those of the next two, do not repeat what was given: `clap` shows it in front of them.
fn object(text: &str) -> Result<Object, String> {
    serde_json::from_str(text).map_err(|error| format!("no JSON object: {error}"))
}

fn revision(text: &str) -> Result<ProtocolVersion, String> {
    ProtocolVersion::from_wire(text).ok_or_else(|| {
        let known = ProtocolVersion::ALL.map(ProtocolVersion::as_str);
        format!("one of {}", known.join(", "))
    })
}

fn seconds(text: &str) -> Result<Duration, String> {
    // A year: more would only overflow somebody's clock.
    let seconds = text.parse().ok().filter(|seconds| (0.001..=31_536_000.0).contains(seconds));
    seconds.map(Duration::from_secs_f64).ok_or_else(|| "a number of seconds, 0.001 or more".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;
    use clap::error::ErrorKind;

    fn parse(line: &[&str]) -> Result<Arguments, clap::Error> {
        Arguments::try_parse_from(std::iter::once(&"mcp").chain(line))
    }

    fn call(line: &[&str]) -> Call {
        match parse(&[&["call", "http://h/sse", "tool"], line].concat()).unwrap().command {
            Command::Call(call) => call,
            Command::Tools(_) => panic!(),
        }
    }

    #[test]
    fn the_description_of_the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn options_stand_before_and_after_the_command() {
        for line in [["-v", "tools", "http://h/sse", "-H", "A: b"], ["tools", "-H", "A: b", "http://h/sse", "-v"]] {
            let arguments = parse(&line).unwrap();
            assert_eq!(arguments.connection.verbose, 1);
            assert_eq!(arguments.connection.headers[0].parts(), Some(("A", "b")));
            assert_eq!(arguments.connection.timeout, Duration::from_secs(60));
            assert_eq!(arguments.connection.transport, Transport::Auto);
        }
    }

    #[test]
    fn only_the_first_equals_sign_divides_key_and_value() {
        assert_eq!(
            call(&["a=b=c", "d=", "e=-1"]).tool().unwrap().1,
            [("a", "b=c"), ("d", ""), ("e", "-1")].map(|(k, v)| (k.into(), v.into()))
        );
    }

    #[test]
    fn a_server_that_is_started_stands_behind_two_dashes() {
        let line = ["call", "--stdio", "tool", "a=b", "--", "python", "-u", "server.py"];
        let Command::Call(call) = parse(&line).unwrap().command else { panic!() };
        assert_eq!(call.tool().unwrap(), ("tool", vec![("a".into(), "b".into())]));
        assert!(matches!(call.server(), Server::Program([first, _, last]) if first == "python" && last == "server.py"));
        for bad in
            [&["tools", "--stdio"][..], &["tools", "--", "x"], &["tools"], &["tools", "http://h", "--stdio", "--", "x"]]
        {
            assert_eq!(parse(bad).unwrap_err().exit_code(), 2, "{bad:?}");
        }
    }

    #[test]
    fn what_is_no_argument_is_refused() {
        for bad in ["text", "=text"] {
            assert!(call(&[bad]).tool().unwrap_err().contains(bad));
        }
        for bad in [
            "--json=[1]",
            "--json={",
            "--timeout=0",
            "--timeout=-1",
            "--timeout=NaN",
            "--transport=pigeon",
            "--revision=2024",
        ] {
            let error = parse(&["call", "http://h/sse", "tool", bad]).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{bad}");
            assert!(
                error.kind() == ErrorKind::ValueValidation || error.kind() == ErrorKind::InvalidValue,
                "{bad}: {error}"
            );
        }
    }

    #[test]
    fn a_number_of_any_length_comes_through_json() {
        let json = call(&["--json", r#"{"n": 123456789012345678901234567890, "x": 0.10}"#]).json.unwrap();
        assert_eq!(json["n"].get(), "123456789012345678901234567890");
        assert_eq!(json["x"].get(), "0.10");
    }

    #[test]
    fn a_header_shows_its_name_and_never_its_value() {
        for given in ["Authorization: Bearer secret", "secret"] {
            let arguments = parse(&["tools", "http://h/sse", "-H", given]).unwrap();
            assert!(!format!("{arguments:?}").contains("secret"));
        }
    }
}
