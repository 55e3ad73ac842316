//! Questions on the terminal.

use std::io::{self, BufRead};

use console::Term;
use mcp_core::types::{ElicitAction, ElicitResult};
use mcp_sse_blocking::config::Input;
use mcp_sse_blocking::{FormRequest, UrlRequest};

use super::form::{self, Field};
use crate::output::{self, Style, View, one_line};
use crate::values::Pairs;

/// How often a field is asked for before the form is dismissed.
const TRIES: usize = 3;

/// Shows a form, asks for each field that `answers` do not fill in, and for consent to send it (R-FC-21).
pub(super) fn form(request: &FormRequest, answers: &Pairs) -> ElicitResult {
    let _quiet = output::pause();
    let view = View::of_stderr();
    let server = one_line(&request.server.name);
    tell(&format!("{} {}", view.paint(Style::Strong, &format!("{server} asks:")), output::harmless(request.message())));
    let mut content = request.defaults();
    let fields = form::fields(request.schema());
    for field in &fields {
        let given = answers.iter().find(|(name, _)| name == field.name).map(|(_, value)| value.as_str());
        let Some(value) = fill(field, given) else {
            tell("dismissed");
            return ElicitResult::cancel();
        };
        match value {
            Filled::With(value) => drop(content.insert(field.name.to_owned(), value)),
            Filled::Not => {}
        }
    }
    if !fields.is_empty() {
        tell("This will be sent:");
        for (name, value) in &content {
            tell(&format!("  {} = {}", one_line(name), one_line(&value.to_string())));
        }
    }
    match line("Send it? [Y/n] ").map(|answer| answer.to_lowercase()).as_deref() {
        None => ElicitResult::cancel(),
        Some("" | "y" | "yes") => ElicitResult::accept(content),
        Some(_) => ElicitResult::decline(),
    }
}

/// What came of asking for a field.
enum Filled {
    With(serde_json::Value),
    /// It is left as it is: with its default or without anything.
    Not,
}

/// `None`: the user does not want to.
fn fill(field: &Field<'_>, given: Option<&str>) -> Option<Filled> {
    let mut given = given.map(str::to_owned);
    for _ in 0..TRIES {
        let typed = match given.take() {
            Some(given) => given,
            None => {
                for (number, choice) in field.choices().iter().enumerate() {
                    tell(&format!("  {} {choice}", number + 1));
                }
                line(&format!("  {}: ", field.question()))?
            }
        };
        if typed.is_empty() && (!field.required || field.has_default()) {
            return Some(Filled::Not);
        }
        match field.read(&typed) {
            Ok(value) => return Some(Filled::With(value)),
            Err(problem) => tell(&format!("  {problem}")),
        }
    }
    None
}

/// Asks whether the user agrees to visit a page, which this program does not open (R-FC-24, R-FC-25).
pub(super) fn url(request: &UrlRequest) -> ElicitAction {
    let _quiet = output::pause();
    let view = View::of_stderr();
    let Some(host) = request.host() else {
        tell("declined: the server wants its user to visit what is no web page");
        return ElicitAction::Decline;
    };
    let server = one_line(&request.server.name);
    tell(&format!("{} {}", view.paint(Style::Strong, &format!("{server} asks:")), output::harmless(request.message())));
    tell(&format!("  It wants you to visit this page of {}:", view.paint(Style::Strong, &one_line(&host))));
    tell(&format!("  {}", output::harmless(request.url())));
    if request.has_lookalikes() {
        tell(&view.paint(Style::Warning, "  Its name has letters that may look like others."));
    }
    match line("Visit it in a browser, or refuse. Do you agree? [y/N] ").map(|answer| answer.to_lowercase()).as_deref()
    {
        Some("y" | "yes") => ElicitAction::Accept,
        Some(_) => ElicitAction::Decline,
        None => ElicitAction::Cancel,
    }
}

/// Asks for what a configuration file leaves to its user. `None` when nobody sits there.
pub(crate) fn input(input: &Input) -> Option<String> {
    use std::io::IsTerminal;
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return None;
    }
    let _quiet = output::pause();
    let about = if input.description.is_empty() { &input.id } else { &input.description };
    let choices = if input.options.is_empty() {
        String::new()
    } else {
        format!(" (one of {})", one_line(&input.options.join(", ")))
    };
    let question = format!("{}{choices}: ", one_line(about));
    let typed = if input.is_password {
        output::write(question.as_bytes());
        Term::stderr().read_secure_line().ok()
    } else {
        line(&question)
    };
    typed.filter(|typed| !typed.is_empty())
}

fn tell(text: &str) {
    output::write(format!("{text}\n").as_bytes());
}

/// A line from the terminal, without its end. `None` at the end of input, which Ctrl-D is.
fn line(question: &str) -> Option<String> {
    output::write(question.as_bytes());
    let mut line = String::new();
    match io::stdin().lock().read_line(&mut line) {
        Ok(1..) => Some(line.trim().to_owned()),
        Ok(0) | Err(_) => {
            output::write(b"\n");
            None
        }
    }
}
