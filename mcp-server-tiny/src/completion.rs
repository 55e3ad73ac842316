//! Proposing values for arguments of prompts and variables of templates while somebody types them (R-FS, section F).

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use mcp_core::types::{Completion, CompletionContext};

use crate::result::ToolError;
use crate::service::{Route, complete};

/// What was typed so far.
#[derive(Debug, Clone, Copy)]
pub struct Typed<'a> {
    pub(crate) value: &'a str,
    pub(crate) context: Option<&'a CompletionContext>,
}

impl<'a> Typed<'a> {
    /// The beginning of the value, perhaps empty.
    pub fn value(&self) -> &'a str {
        self.value
    }

    /// Another argument of the same prompt or template, when it was filled in before and the client says so; clients from
    /// 2025-06-18 on do (R-FS-37).
    pub fn earlier(&self, argument: &str) -> Option<&'a str> {
        self.context?.arguments.get(argument).map(String::as_str)
    }

    /// Those of `values` that begin with what was typed, whatever the case.
    pub fn matching<'v, S: AsRef<str> + ?Sized + 'v>(&self, values: impl IntoIterator<Item = &'v S>) -> Vec<String> {
        let typed = self.value.to_lowercase();
        let begins = |value: &&'v S| value.as_ref().to_lowercase().starts_with(&typed);
        values.into_iter().filter(begins).map(|value| value.as_ref().into()).collect()
    }
}

/// What a completion may give: a list of texts, a [`Completion`] that knows how many there are in all, or an error.
pub trait IntoCompletion {
    /// The completion it stands for.
    ///
    /// # Errors
    ///
    /// [`ToolError`] when there is none.
    fn into_completion(self) -> Result<Completion, ToolError>;
}

impl IntoCompletion for Completion {
    fn into_completion(mut self) -> Result<Completion, ToolError> {
        if self.values.len() > Self::MAX_VALUES {
            // R-FS-35
            self.total = self.total.or(u64::try_from(self.values.len()).ok());
            self.values.truncate(Self::MAX_VALUES);
            self.has_more = Some(true);
        }
        Ok(self)
    }
}

impl<T: Into<String>> IntoCompletion for Vec<T> {
    fn into_completion(self) -> Result<Completion, ToolError> {
        Ok(Completion::new(self))
    }
}

impl<T: Into<String>, const N: usize> IntoCompletion for [T; N] {
    fn into_completion(self) -> Result<Completion, ToolError> {
        Ok(Completion::new(self))
    }
}

impl<T: IntoCompletion> IntoCompletion for Result<T, ToolError> {
    fn into_completion(self) -> Result<Completion, ToolError> {
        self.and_then(T::into_completion)
    }
}

/// Proposes values for one argument.
type Completer = dyn Fn(&Typed<'_>) -> Result<Completion, ToolError> + Send + Sync;

/// The completions of one prompt or template, by argument.
#[derive(Default)]
pub(crate) struct Completers {
    by_argument: Vec<(String, Box<Completer>)>,
    /// Carries the method out. Set by the first one, so that only programs with one contain it.
    pub(crate) route: Option<Route>,
}

impl Completers {
    pub(crate) fn add<C, F>(&mut self, argument: String, complete_with: F)
    where
        C: IntoCompletion,
        F: Fn(&Typed<'_>) -> C + Send + Sync + 'static,
    {
        self.route = Some(complete);
        let completer = move |typed: &Typed<'_>| complete_with(typed).into_completion();
        self.by_argument.push((argument, Box::new(completer)));
    }

    /// Runs the completion of an argument. Without one there are no proposals.
    pub(crate) fn run(&self, argument: &str, typed: &Typed<'_>) -> Result<Completion, ToolError> {
        let completer = self.by_argument.iter().find(|(name, _)| name == argument);
        completer.map_or_else(|| Vec::<String>::new().into_completion(), |(_, completer)| completer(typed))
    }

    /// The first argument that is not among those of its owner.
    pub(crate) fn stray(&self, is_known: impl Fn(&str) -> bool) -> Option<&str> {
        self.by_argument.iter().map(|(name, _)| name.as_str()).find(|name| !is_known(name))
    }
}

impl fmt::Debug for Completers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.by_argument.iter().map(|(name, _)| name)).finish()
    }
}
