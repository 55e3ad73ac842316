//! Variables in strings: `${NAME}`, `${NAME:-default}`, `${env:NAME}`, `${input:id}` and the few that editors define.
//!
//! The systems differ; where they do, this module is on the side of telling. Claude Code leaves an unset variable as it stands
//! and VS Code makes it empty, here it is a fault. As in Claude Code a default stands for what is unset, not for what is
//! empty. None of the systems has an escape, so that a literal `${` is written as the default of nothing: `${NONE:-$}{`.
//! `$NAME` without braces means nothing, as everywhere but in Gemini CLI. What a variable brings in is not looked at again.

use std::path::{MAIN_SEPARATOR_STR, Path, PathBuf};

use super::fault::shown;
use super::inputs::Inputs;

/// Bytes that all strings of a file may have together once variables are filled in: 4 times the longest file.
const MAX_EXPANDED: usize = 4 << 20;

/// Where values come from.
pub(super) struct Variables {
    pub(super) lookup: Lookup,
    pub(super) inputs: Inputs,
    /// What `${workspaceFolder}` stands for; the current directory when not set.
    pub(super) workspace: Option<PathBuf>,
    expanded: usize,
}

/// The value of a variable, unless it is not set.
pub(super) type Lookup = Box<dyn Fn(&str) -> Option<String> + Send>;

impl Variables {
    pub(super) fn new(lookup: Lookup, inputs: Inputs, workspace: Option<PathBuf>) -> Self {
        Self { lookup, inputs, workspace, expanded: 0 }
    }

    /// The text with its variables filled in.
    ///
    /// # Errors
    /// Each thing that is wrong with it, without values.
    pub(super) fn expand(&mut self, text: &str) -> Result<String, Vec<String>> {
        let mut expanded = String::with_capacity(text.len());
        let mut problems = Vec::new();
        let mut rest = text;
        while let Some(start) = rest.find("${") {
            expanded.push_str(&rest[..start]);
            let inside = &rest[start + 2..];
            let Some(end) = inside.find('}') else {
                problems.push("a `${` is never closed".to_owned());
                rest = "";
                break;
            };
            match self.value(&inside[..end]) {
                Ok(value) => expanded.push_str(&value),
                Err(problem) => problems.push(problem),
            }
            rest = &inside[end + 1..];
            if self.expanded + expanded.len() > MAX_EXPANDED {
                problems.push(format!("the file has more than {MAX_EXPANDED} bytes with its variables filled in"));
                return Err(problems);
            }
        }
        expanded.push_str(rest);
        self.expanded += expanded.len();
        if problems.is_empty() { Ok(expanded) } else { Err(problems) }
    }

    /// The value of what stands between `${` and `}`.
    fn value(&mut self, inside: &str) -> Result<String, String> {
        let (reference, default) = match inside.split_once(":-") {
            Some((reference, default)) => (reference, Some(default)),
            None => (inside, None),
        };
        if default.is_some_and(|default| default.contains("${")) {
            return Err(format!("the default of {} has a variable of its own", named(reference)));
        }
        if let Some(id) = reference.strip_prefix("input:") {
            return self.inputs.answer(id, &self.lookup);
        }
        let name = match reference.split_once(':') {
            Some(("env", name)) => name,
            Some((kind, _)) => return Err(unknown_kind(kind)),
            None => match self.defined_by_editors(reference) {
                Some(value) => return value,
                None => reference,
            },
        };
        if !is_name(name) {
            return Err("what stands between `${` and `}` is no name of a variable".to_owned());
        }
        let value = (self.lookup)(name).or_else(|| default.map(str::to_owned));
        value.ok_or_else(|| format!("the variable `{}` is not set and has no default", shown(name)))
    }

    /// The variables of VS Code and Cursor that mean something without an editor.
    fn defined_by_editors(&self, name: &str) -> Option<Result<String, String>> {
        let value = match name {
            "workspaceFolder" | "workspaceRoot" => self.workspace().and_then(|folder| text(&folder)),
            "workspaceFolderBasename" => {
                self.workspace().and_then(|folder| folder.file_name().and_then(|name| text(Path::new(name))))
            }
            "userHome" => (self.lookup)("HOME").or_else(|| (self.lookup)("USERPROFILE")),
            "pathSeparator" | "/" => Some(MAIN_SEPARATOR_STR.to_owned()),
            _ => return None,
        };
        Some(value.ok_or_else(|| format!("`{name}` is not known here")))
    }

    pub(super) fn workspace(&self) -> Option<PathBuf> {
        self.workspace.clone().or_else(|| std::env::current_dir().ok())
    }
}

fn text(path: &Path) -> Option<String> {
    path.to_str().map(str::to_owned)
}

fn unknown_kind(kind: &str) -> String {
    match is_name(kind) {
        true => format!("variables of the kind `{}` are not known here", shown(kind)),
        false => "variables of this kind are not known here".to_owned(),
    }
}

/// A name, to be shown. What is none may be a piece of a password that happens to have a `${`.
pub(super) fn named(name: &str) -> String {
    if is_name(name) { format!("`{}`", shown(name)) } else { "this".to_owned() }
}

/// Windows has variables such as `ProgramFiles(x86)`.
fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '(' | ')'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables() -> Variables {
        let lookup = |name: &str| match name {
            "TOKEN" => Some("t".to_owned()),
            "EMPTY" => Some(String::new()),
            "NESTED" => Some("${TOKEN}".to_owned()),
            "HOME" => Some("/home/ada".to_owned()),
            "LONG" => Some("x".repeat(100_000)),
            _ => None,
        };
        Variables::new(Box::new(lookup), Inputs::default(), Some("/srv/project".into()))
    }

    #[track_caller]
    fn assert_expands(text: &str, expected: &str) {
        assert_eq!(variables().expand(text).as_deref(), Ok(expected), "{text}");
    }

    #[track_caller]
    fn assert_refused(text: &str, expected: &[&str]) {
        let problems = variables().expand(text).unwrap_err();
        assert_eq!(problems, expected, "{text}");
    }

    #[test]
    fn each_form_is_filled_in() {
        assert_expands("Bearer ${TOKEN}", "Bearer t");
        assert_expands("${env:TOKEN}${TOKEN}", "tt");
        assert_expands("${NONE:-a b}|${env:NONE:-}|${TOKEN:-d}", "a b||t");
        assert_expands(
            "${workspaceFolder}${/}${workspaceFolderBasename} ${userHome}",
            &format!("/srv/project{MAIN_SEPARATOR_STR}project /home/ada"),
        );
        assert_expands("no $TOKEN, no $(TOKEN), no {TOKEN}, $$ $", "no $TOKEN, no $(TOKEN), no {TOKEN}, $$ $");
    }

    #[test]
    fn a_default_stands_for_what_is_unset_and_not_for_what_is_empty() {
        assert_expands("[${EMPTY:-d}]", "[]");
    }

    #[test]
    fn what_a_variable_brings_in_is_not_looked_at_again() {
        assert_expands("${NESTED}", "${TOKEN}");
    }

    #[test]
    fn a_literal_dollar_and_brace_is_the_default_of_nothing() {
        assert_expands("${NONE:-$}{TOKEN}", "${TOKEN}");
    }

    #[test]
    fn everything_that_is_wrong_is_said() {
        assert_refused(
            "${A} ${env:B} ${TOKEN} ${",
            &[
                "the variable `A` is not set and has no default",
                "the variable `B` is not set and has no default",
                "a `${` is never closed",
            ],
        );
        assert_refused("${}", &["what stands between `${` and `}` is no name of a variable"]);
        assert_refused("${a b}", &["what stands between `${` and `}` is no name of a variable"]);
        assert_refused("${a b:c}", &["variables of this kind are not known here"]);
        assert_refused("${A:-${B}}", &["the default of `A` has a variable of its own"]);
        assert_refused("${config:x}", &["variables of the kind `config` are not known here"]);
        assert_refused("${input:key}", &["the input `key` is not declared under `inputs`"]);
    }

    #[test]
    fn what_variables_bring_in_is_bounded() {
        let text = "${LONG}".repeat(100);
        let problems = variables().expand(&text).unwrap_err();
        assert_eq!(problems, ["the file has more than 4194304 bytes with its variables filled in"]);
        let mut variables = variables();
        let most = (0..1000).take_while(|_| variables.expand("${LONG}").is_ok()).count();
        assert_eq!(most, MAX_EXPANDED / 100_000);
    }
}
