//! `mcp call`: runs a tool.

use clap::Args;
use mcp_core::types::{CallToolResult, Tool};
use mcp_sse_blocking::{Error, Job};
use serde_json::value::RawValue;

use crate::ask::Answers;
use crate::exit::{Exit, Failure};
use crate::files;
use crate::output::{self, Output, Watched};
use crate::session::{Context, Session};
use crate::target::Target;
use crate::values::{self, Object, Pairs};

/// Bytes of a file or of standard input that are read as arguments: more than any server takes.
const ARGUMENTS: u64 = 64 << 20;

/// Calls a tool and prints its result
#[derive(Debug, Args)]
#[command(override_usage = "mcp call [OPTIONS] URL TOOL [KEY=VALUE]...\n       \
    mcp call [OPTIONS] --config FILE --server NAME TOOL [KEY=VALUE]...\n       \
    mcp call [OPTIONS] --stdio TOOL [KEY=VALUE]... -- COMMAND [ARGUMENT]...")]
pub(crate) struct Call {
    /// Where the server is, unless --config or --stdio says it; then the name of the tool, and its arguments: strings, unless
    /// it describes the parameter as a number, a boolean or other JSON. Elements of an array are given one by one,
    /// tag=a tag=b, and members of an object with a point, address.city=Paris
    #[arg(value_name = "URL TOOL [KEY=VALUE]", hide_possible_values = true)]
    words: Vec<String>,
    /// Arguments of the tool as one JSON object, sent as they are; @FILE reads them from a file, @- from standard input.
    /// KEY=VALUE adds to them
    #[arg(long, value_name = "OBJECT")]
    json: Option<String>,
    #[command(flatten)]
    answers: Answers,
    #[command(flatten)]
    target: Target,
}

impl Call {
    pub(crate) fn run(&self, context: &Context) -> Result<Exit, Failure> {
        let (server, words) = self.target.split(&self.words)?;
        let (tool, pairs) = tool(words).map_err(Failure::Usage)?;
        let json = self.json.as_deref().map(object).transpose().map_err(Failure::Usage)?;
        context.session_with(
            server,
            |builder| self.answers.apply(builder),
            |client| {
                client.permit(tool)?;
                let arguments = arguments(client, tool, &pairs, json)?;
                let mut watched = Watched::start(tool);
                let mut job = client.start(tool, &arguments)?;
                context.interrupt.cancels(job.canceller());
                for progress in &mut job {
                    watched.show(&progress);
                }
                let answer = if context.wants_json() { Answer::exact(job) } else { Answer::read(job) };
                match &answer {
                    Err(Error::Cancelled(_)) => watched.abandon("cancelled"),
                    _ => drop(watched),
                }
                answer?.print(tool)
            },
        )
    }
}

/// What came back.
enum Answer {
    /// For people.
    Read(CallToolResult),
    /// For programs.
    Exact(Box<RawValue>),
}

impl Answer {
    fn read(job: Job) -> Result<Self, Error> {
        job.result().map(Self::Read)
    }

    fn exact(job: Job) -> Result<Self, Error> {
        job.json().map(Self::Exact)
    }

    fn print(&self, tool: &str) -> Result<Exit, Failure> {
        match self {
            Self::Read(result) if result.is_error => {
                output::failure(tool, result);
                Ok(Exit::ToolFailed)
            }
            Self::Read(result) => {
                Output::new().untrusted(&output::text_of(result))?;
                Ok(Exit::Done)
            }
            // Printed whatever it says, also when it says that the tool failed.
            Self::Exact(result) => {
                Output::new().json(result)?;
                let failed =
                    output::json::Members::of(result).and_then(|result| Some(result.named("isError")?.get() == "true"));
                Ok(if failed == Some(true) { Exit::ToolFailed } else { Exit::Done })
            }
        }
    }
}

/// The name of the tool and what was given as KEY=VALUE.
///
/// # Errors
/// What is wrong with the words, in words.
fn tool(words: &[String]) -> Result<(&str, Pairs), String> {
    let (tool, pairs) = words.split_first().ok_or("the name of a tool is missing; `mcp tools` lists them")?;
    Ok((tool, pairs.iter().map(|word| values::pair(word)).collect::<Result<_, _>>()?))
}

fn arguments(
    client: &Session,
    name: &str,
    pairs: &[(String, String)],
    json: Option<Object>,
) -> Result<Object, Failure> {
    let is_given_whole = json.is_some();
    let mut arguments = json.unwrap_or_default();
    if !pairs.is_empty() || !is_given_whole {
        let tool = find(client, name)?;
        values::add(&mut arguments, pairs, tool.as_ref(), output::say).map_err(|problem| {
            Failure::Usage(format!(
                "{problem}\n     `mcp tools ... {name}` shows what it takes; --json sends an object as it is"
            ))
        })?;
    }
    Ok(arguments)
}

/// What the server says of a tool: its schema decides what `key=value` means. `None` when it does not list it; it is called all the
/// same, for the server to judge.
fn find(client: &Session, name: &str) -> Result<Option<Tool>, Failure> {
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
    output::not_listed("tool", name, &names);
    Ok(None)
}

/// A JSON object, or where one is.
///
/// # Errors
///
/// In words.
fn object(given: &str) -> Result<Object, String> {
    let text = match given.strip_prefix('@') {
        None => Ok(given.as_bytes().to_owned()),
        Some("-") => {
            files::all(std::io::stdin().lock(), ARGUMENTS).map_err(|error| format!("--json: standard input: {error}"))
        }
        Some(path) => files::read(path.as_ref(), ARGUMENTS).map_err(|error| format!("--json: {path}: {error}")),
    }?;
    // What was given may be long, and hold secrets.
    serde_json::from_slice(&text).map_err(|error| format!("--json: no JSON object: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{Arguments, Command};
    use crate::target::Server;
    use clap::Parser;

    fn parse(line: &[&str]) -> Result<Arguments, clap::Error> {
        Arguments::try_parse_from(std::iter::once(&"mcp").chain(line))
    }

    fn call(line: &[&str]) -> Call {
        match parse(line).unwrap().command {
            Command::Call(call) => call,
            other => panic!("{other:?}"),
        }
    }

    fn tool_of(line: &[&str]) -> Result<(String, Pairs), String> {
        let call = call(&[&["call", "http://h/sse", "tool"], line].concat());
        let (_, words) = call.target.split(&call.words).unwrap();
        tool(words).map(|(tool, pairs)| (tool.to_owned(), pairs))
    }

    #[test]
    fn only_the_first_equals_sign_divides_key_and_value() {
        assert_eq!(
            tool_of(&["a=b=c", "d=", "e=-1"]).unwrap().1,
            [("a", "b=c"), ("d", ""), ("e", "-1")].map(|(k, v)| (k.into(), v.into()))
        );
    }

    #[test]
    fn a_server_that_is_started_stands_behind_two_dashes() {
        let call = call(&["call", "--stdio", "tool", "a=b", "--", "python", "-u", "server.py"]);
        let (server, words) = call.target.split(&call.words).unwrap();
        assert_eq!(tool(words).unwrap(), ("tool", vec![("a".into(), "b".into())]));
        assert!(matches!(server, Server::Program([first, _, last]) if first == "python" && last == "server.py"));
        for bad in [&["tools", "--stdio"][..], &["tools", "--", "x"]] {
            assert_eq!(parse(bad).unwrap_err().exit_code(), 2, "{bad:?}");
        }
    }

    #[test]
    fn what_is_no_argument_is_refused() {
        for bad in ["text", "=text"] {
            assert!(tool_of(&[bad]).unwrap_err().contains(bad));
        }
        for bad in ["[1]", "{", "@/nonexistent/file"] {
            assert!(object(bad).unwrap_err().starts_with("--json: "), "{bad}");
        }
    }

    #[test]
    fn a_number_of_any_length_comes_through_json() {
        let json = object(r#"{"n": 123456789012345678901234567890, "x": 0.10}"#).unwrap();
        assert_eq!(json["n"].get(), "123456789012345678901234567890");
        assert_eq!(json["x"].get(), "0.10");
    }
}
