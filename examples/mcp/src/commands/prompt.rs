//! `mcp prompt`: a prompt with its arguments filled in.

use std::collections::BTreeMap;

use clap::Args;
use mcp_core::types::{GetPromptParams, GetPromptResult, Method, Role};
use mcp_sse_blocking::CallOptions;

use crate::ask::Answers;
use crate::exit::{Exit, Failure};
use crate::output::{self, Output, Style, View};
use crate::session::Context;
use crate::target::Target;
use crate::values;

/// Gets a prompt with its arguments filled in, and prints its messages
#[derive(Debug, Args)]
#[command(override_usage = "mcp prompt [OPTIONS] URL PROMPT [KEY=VALUE]...\n       \
    mcp prompt [OPTIONS] --config FILE --server NAME PROMPT [KEY=VALUE]...\n       \
    mcp prompt [OPTIONS] --stdio PROMPT [KEY=VALUE]... -- COMMAND [ARGUMENT]...")]
pub(crate) struct Prompt {
    /// Where the server is, unless --config or --stdio says it; then the name of the prompt, and its arguments
    #[arg(value_name = "URL PROMPT [KEY=VALUE]")]
    words: Vec<String>,
    #[command(flatten)]
    answers: Answers,
    #[command(flatten)]
    target: Target,
}

impl Prompt {
    pub(crate) fn run(&self, context: &Context) -> Result<Exit, Failure> {
        let (server, words) = self.target.split(&self.words)?;
        let (name, pairs) = words
            .split_first()
            .ok_or_else(|| Failure::Usage("the name of a prompt is missing; `mcp prompts` lists them".into()))?;
        let arguments = texts(pairs).map_err(Failure::Usage)?;
        context.session_with(
            server,
            |builder| self.answers.apply(builder),
            |client| {
                if context.wants_json() {
                    let mut params = GetPromptParams::new(name);
                    params.arguments = arguments;
                    Output::new().json(&client.request_with(Method::PromptsGet, &params, CallOptions::new())?)?;
                    return Ok(Exit::Done);
                }
                let prompt = client.get_prompt(name, &arguments)?;
                let mut output = Output::new();
                let text = messages(&prompt, output.view());
                output.untrusted_lines(&text)?;
                Ok(Exit::Done)
            },
        )
    }
}

/// Arguments that are all texts.
///
/// # Errors
///
/// In words.
pub(super) fn texts(pairs: &[String]) -> Result<BTreeMap<String, String>, String> {
    let mut texts = BTreeMap::new();
    for pair in pairs {
        let (key, value) = values::pair(pair)?;
        if let Some(_twice) = texts.insert(key.clone(), value) {
            return Err(format!("`{key}` is given twice"));
        }
    }
    Ok(texts)
}

/// The text of each message, under its role.
fn messages(prompt: &GetPromptResult, view: View) -> Vec<(String, String)> {
    let role = |role: &Role| if matches!(role, Role::User) { "user:" } else { "assistant:" };
    let texts = prompt.messages.iter().map(|message| {
        let mut text = String::new();
        output::describe(&message.content, &mut text);
        (view.paint(Style::Strong, role(&message.role)), text)
    });
    texts.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_of_prompts_are_texts_given_once() {
        let pairs = |pairs: &[&str]| texts(&pairs.iter().map(|pair| (*pair).to_owned()).collect::<Vec<_>>());
        assert_eq!(
            pairs(&["a=1", "b=x=y"]).unwrap().into_iter().collect::<Vec<_>>(),
            [("a".to_owned(), "1".to_owned()), ("b".to_owned(), "x=y".to_owned())]
        );
        assert_eq!(pairs(&["a=1", "a=2"]), Err("`a` is given twice".into()));
        assert!(pairs(&["a"]).unwrap_err().contains("KEY=VALUE"));
    }
}
