//! What VS Code asks its user for: `inputs`, which strings refer to as `${input:id}`.

use std::collections::BTreeMap;
use std::fmt;

use super::fault::shown;
use super::variables::{Lookup, named};

/// What the environment variables begin with that answer inputs.
const VARIABLE: &str = "MCP_INPUT_";

/// Something that VS Code asks its user for.
///
/// `Debug` does not show the default, which may be a secret.
#[derive(Clone)]
#[non_exhaustive]
pub struct Input {
    /// What `${input:id}` refers to.
    pub id: String,
    /// The question. May be empty.
    pub description: String,
    /// Whether the answer is not to be shown while it is typed.
    pub is_password: bool,
    /// The answer when the user gives none.
    pub default: Option<String>,
    /// What the user may choose from; empty when anything may be typed.
    pub options: Vec<String>,
}

/// Asks somebody; `None` when there is no answer.
pub(super) type Ask = Box<dyn FnMut(&Input) -> Option<String> + Send>;

/// The inputs of a file, and what was answered.
#[derive(Default)]
pub(super) struct Inputs {
    pub(super) ask: Option<Ask>,
    declared: BTreeMap<String, Declared>,
}

struct Declared {
    input: Input,
    /// What was answered, once it was asked for.
    answer: Option<Option<String>>,
}

impl Inputs {
    pub(super) fn new(ask: Option<Ask>) -> Self {
        Self { ask, declared: BTreeMap::new() }
    }

    /// Whether it is the first of its name.
    pub(super) fn declare(&mut self, input: Input) -> bool {
        let id = input.id.clone();
        self.declared.insert(id, Declared { input, answer: None }).is_none()
    }

    /// The answer: of whoever is asked, of the environment, or the default.
    ///
    /// # Errors
    /// Why there is none, in words.
    pub(super) fn answer(&mut self, id: &str, lookup: &Lookup) -> Result<String, String> {
        let Some(Declared { input, answer }) = self.declared.get_mut(id) else {
            return Err(format!("the input {} is not declared under `inputs`", named(id)));
        };
        let variable = variable(id);
        let answer = answer.get_or_insert_with(|| {
            let asked = self.ask.as_mut().and_then(|ask| ask(input));
            asked.or_else(|| lookup(&variable)).or_else(|| input.default.clone())
        });
        let unanswered =
            || format!("the input `{}` has no answer; the variable `{}` can give it", shown(id), shown(&variable));
        answer.clone().ok_or_else(unanswered)
    }
}

/// The environment variable that answers an input: `MCP_INPUT_GITHUB_TOKEN` for `github-token`.
fn variable(id: &str) -> String {
    let upper = id.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' });
    VARIABLE.chars().chain(upper).collect()
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Input")
            .field("id", &self.id)
            .field("description", &self.description)
            .field("is_password", &self.is_password)
            .finish_non_exhaustive()
    }
}
