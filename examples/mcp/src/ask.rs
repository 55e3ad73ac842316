//! What a server asks its user while it works: answered with `--answer`, or by whoever sits at the terminal.

mod form;
mod terminal;

use std::io::{self, IsTerminal};

use clap::Args;
use mcp_core::types::{ElicitAction, ElicitResult};
use mcp_sse_blocking::{Builder, FormRequest, UrlRequest};

use crate::exit::Failure;
use crate::output::{self, one_line};
use crate::values::{self, Pairs};
pub(crate) use terminal::input;

/// What is answered without asking.
#[derive(Debug, Args)]
pub(crate) struct Answers {
    /// Answers this field when the server asks its user to fill in a form; may be repeated. Without it whoever sits at the
    /// terminal is asked; where nobody does, the server is told that there is no user
    #[arg(long = "answer", value_name = "FIELD=VALUE")]
    answers: Vec<String>,
}

impl Answers {
    /// Answers what servers ask as far as somebody can: only that is declared.
    ///
    /// # Errors
    ///
    /// [`Failure::Usage`]: an answer without `=`.
    pub(crate) fn apply(&self, builder: Builder) -> Result<Builder, Failure> {
        let answers: Pairs =
            self.answers.iter().map(|pair| values::pair(pair)).collect::<Result<_, _>>().map_err(Failure::Usage)?;
        if io::stdin().is_terminal() && io::stderr().is_terminal() {
            let asked = move |form: &FormRequest| terminal::form(form, &answers);
            return Ok(builder.on_elicitation(asked).on_url_elicitation(terminal::url));
        }
        if answers.is_empty() {
            return Ok(builder);
        }
        Ok(builder.on_elicitation(move |form| from_answers(form, &answers)).on_url_elicitation(refuse))
    }
}

/// The form as far as answers fill it in; declined where they do not.
fn from_answers(request: &FormRequest, answers: &Pairs) -> ElicitResult {
    let fields = form::fields(request.schema());
    let mut content = request.defaults();
    for field in &fields {
        let given = answers.iter().find(|(name, _)| name == field.name);
        let read = given.map(|(_, value)| field.read(value));
        match read {
            Some(Ok(value)) => drop(content.insert(field.name.to_owned(), value)),
            Some(Err(problem)) => {
                output::say(format!("declined: {problem}"));
                return ElicitResult::decline();
            }
            None if field.required && !content.contains_key(field.name) => {
                let field = one_line(field.name);
                output::say(format!("declined: the server asks for `{field}`, and there is no --answer {field}=..."));
                return ElicitResult::decline();
            }
            None => {}
        }
    }
    ElicitResult::accept(content)
}

fn refuse(request: &UrlRequest) -> ElicitAction {
    output::say(format!("declined: the server wants its user to visit {}", one_line(request.url())));
    ElicitAction::Decline
}
