//! `mcp call`: runs a tool.

use clap::Args;
use mcp_core::types::{CallToolResult, Tool};
use mcp_sse_blocking::{Client, Error};

use crate::exit::{Exit, Failure};
use crate::output::{self, Output};
use crate::session::Context;
use crate::target::Target;
use crate::values::{self, Object};

/// Calls a tool and prints its result
#[derive(Debug, Args)]
#[command(override_usage = "mcp call [OPTIONS] URL TOOL [KEY=VALUE]...\n       \
    mcp call [OPTIONS] --stdio TOOL [KEY=VALUE]... -- COMMAND [ARGUMENT]...")]
pub(crate) struct Call {
    /// Where the server is, unless it is started with --stdio; then the name of the tool, and its arguments: strings, unless
    /// it describes the parameter as a number, a boolean or other JSON
    #[arg(value_name = "URL TOOL [KEY=VALUE]", hide_possible_values = true)]
    words: Vec<String>,
    /// Arguments of the tool as one JSON object, sent as they are; KEY=VALUE adds to them
    #[arg(long, value_name = "OBJECT", value_parser = object)]
    json: Option<Object>,
    #[command(flatten)]
    target: Target,
}

/// What was given as KEY=VALUE, in order.
type Pairs = Vec<(String, String)>;

impl Call {
    pub(crate) fn run(&self, context: &Context) -> Result<Exit, Failure> {
        let (server, words) = self.target.split(&self.words)?;
        let (tool, pairs) = tool(words).map_err(Failure::Usage)?;
        context.session(server, |client| {
            let result = self.result(client, tool, &pairs, context)?;
            if result.is_error {
                output::failure(tool, &result);
                return Ok(Exit::ToolFailed);
            }
            Output::new().result(&result)?;
            Ok(Exit::Done)
        })
    }

    fn result(
        &self,
        client: &Client,
        name: &str,
        pairs: &[(String, String)],
        context: &Context,
    ) -> Result<CallToolResult, Failure> {
        let mut arguments = self.json.clone().unwrap_or_default();
        if !pairs.is_empty() || self.json.is_none() {
            let tool = find(client, name)?;
            values::add(&mut arguments, pairs, tool.as_ref(), output::say).map_err(Failure::Usage)?;
        }
        let mut job = client.start(name, &arguments)?;
        context.interrupt.cancels(job.canceller());
        for progress in &mut job {
            output::progress(&progress);
        }
        Ok(job.result()?)
    }
}

/// The name of the tool and what was given as KEY=VALUE.
///
/// # Errors
/// What is wrong with the words, in words.
fn tool(words: &[String]) -> Result<(&str, Pairs), String> {
    let (tool, pairs) = words.split_first().ok_or("the name of a tool is missing; `mcp call --help` shows where")?;
    Ok((tool, pairs.iter().map(|word| pair(word)).collect::<Result<_, _>>()?))
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

fn pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or_else(|| format!("an argument is written KEY=VALUE, not `{text}`"))?;
    if key.is_empty() { Err(format!("there is no key before `=` in `{text}`")) } else { Ok((key.into(), value.into())) }
}

/// Its errors do not repeat what was given: `clap` shows it in front of them.
fn object(text: &str) -> Result<Object, String> {
    serde_json::from_str(text).map_err(|error| format!("no JSON object: {error}"))
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
        for bad in ["--json=[1]", "--json={"] {
            assert_eq!(parse(&["call", "http://h/sse", "tool", bad]).unwrap_err().exit_code(), 2, "{bad}");
        }
    }

    #[test]
    fn a_number_of_any_length_comes_through_json() {
        let json = call(&["call", "u", "t", "--json", r#"{"n": 123456789012345678901234567890, "x": 0.10}"#]).json;
        let json = json.unwrap();
        assert_eq!(json["n"].get(), "123456789012345678901234567890");
        assert_eq!(json["x"].get(), "0.10");
    }
}
