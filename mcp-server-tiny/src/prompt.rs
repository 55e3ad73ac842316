//! Describing a prompt, and what getting it gives.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use mcp_core::types::{ContentBlock, GetPromptResult, PromptArgument, PromptMessage};

use crate::completion::{Completers, IntoCompletion, Typed};
use crate::result::{ToolError, check_block};
use crate::service::{Details, Place, describe};

/// A prompt as it is registered: a name and what may be filled in.
///
/// ```
/// use mcp_server_tiny::prompt::Prompt;
///
/// let review = Prompt::new("review")
///     .description("Asks for a review of a file")
///     .argument("file", "which one")
///     .optional_argument("focus", "what to look for")
///     .complete("focus", |typed| typed.matching(["speed", "style", "safety"]));
/// ```
#[derive(Debug)]
pub struct Prompt {
    pub(crate) name: String,
    pub(crate) arguments: Vec<PromptArgument>,
    pub(crate) details: Details,
    pub(crate) place: Place,
    pub(crate) completers: Completers,
}

impl Prompt {
    /// A prompt in which nothing is filled in.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            arguments: Vec::new(),
            details: Details::default(),
            place: Place::Loop,
            completers: Completers::default(),
        }
    }

    /// Declares an argument that the prompt cannot do without. It is a text (R-FS-34), and there when the handler runs.
    pub fn argument(mut self, name: impl Into<String>, description: impl Into<String>) -> Self {
        let mut argument = PromptArgument::required(name);
        argument.description = Some(description.into());
        self.arguments.push(argument);
        self
    }

    /// Declares an argument that may be left out. Read it as an `Option`.
    pub fn optional_argument(mut self, name: impl Into<String>, description: impl Into<String>) -> Self {
        let mut argument = PromptArgument::optional(name);
        argument.description = Some(description.into());
        self.arguments.push(argument);
        self
    }

    /// The name for people of the argument that was declared last, for clients from 2025-06-18 on.
    pub fn argument_title(mut self, title: impl Into<String>) -> Self {
        if let Some(argument) = self.arguments.last_mut() {
            argument.title = Some(title.into());
        }
        self
    }

    /// Proposes values for an argument while somebody types it. `complete` runs on the thread of the loop. Of more than 100
    /// values the first are sent (R-FS-35), so the best come first.
    pub fn complete<C, F>(mut self, argument: impl Into<String>, complete: F) -> Self
    where
        C: IntoCompletion,
        F: Fn(&Typed<'_>) -> C + Send + Sync + 'static,
    {
        self.completers.add(argument.into(), complete);
        self
    }

    describe!();
}

/// What a prompt may be: a text or a block that the user says, messages, or a whole [`GetPromptResult`].
pub trait IntoPrompt {
    /// The prompt it stands for.
    ///
    /// # Errors
    ///
    /// [`ToolError`] when it cannot be sent, such as a picture that is no Base64 (R-FS-5).
    fn into_prompt(self) -> Result<PromptResult, ToolError>;
}

/// Messages, ready to be written. For handlers whose branches return different types.
#[derive(Debug, Clone)]
pub struct PromptResult(pub(crate) Box<GetPromptResult>);

impl IntoPrompt for PromptResult {
    fn into_prompt(self) -> Result<PromptResult, ToolError> {
        Ok(self)
    }
}

impl IntoPrompt for GetPromptResult {
    fn into_prompt(self) -> Result<PromptResult, ToolError> {
        self.messages.iter().try_for_each(|message| check_block(&message.content))?;
        Ok(PromptResult(Box::new(self)))
    }
}

macro_rules! into_prompt {
    ($($ty:ty: |$value:ident| $messages:expr;)*) => {
        $(impl IntoPrompt for $ty {
            fn into_prompt(self) -> Result<PromptResult, ToolError> {
                let $value = self;
                GetPromptResult::new($messages).into_prompt()
            }
        })*
    };
}

into_prompt! {
    Vec<PromptMessage>: |messages| messages;
    PromptMessage: |message| alloc::vec![message];
    ContentBlock: |block| alloc::vec![PromptMessage::user(block)];
    String: |text| alloc::vec![PromptMessage::user(ContentBlock::text(text))];
    &'static str: |text| alloc::vec![PromptMessage::user(ContentBlock::text(text))];
    Cow<'static, str>: |text| alloc::vec![PromptMessage::user(ContentBlock::text(text))];
}

impl<const N: usize> IntoPrompt for [PromptMessage; N] {
    fn into_prompt(self) -> Result<PromptResult, ToolError> {
        Vec::from(self).into_prompt()
    }
}
