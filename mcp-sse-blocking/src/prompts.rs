//! Prompts, and the completion of arguments.

use std::collections::BTreeMap;

use mcp_core::types::{
    CompleteParams, CompleteResult, Completion, CompletionArgument, CompletionContext, CompletionReference,
    GetPromptParams, GetPromptResult, Method,
};

use crate::ask::Attempt;
use crate::client::{Client, read};
use crate::error::Error;
use crate::list::Prompts;
use crate::options::CallOptions;
use crate::pending::{Repeat, Want};

impl Client {
    /// The prompts of the server, page after page, each fetched when the one before is used up.
    pub fn prompts(&self) -> Prompts<'_> {
        Prompts::new(self)
    }

    /// Gets a prompt with its arguments filled in. All of them are texts (R-FS-34).
    ///
    /// ```no_run
    /// use mcp_sse_blocking::Client;
    ///
    /// let client = Client::connect("http://localhost:8000/mcp")?;
    /// let prompt = client.get_prompt("greeting", [("name", "Ada")])?;
    /// println!("{} messages", prompt.messages.len());
    /// # Ok::<(), mcp_sse_blocking::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call); [`Error::Rpc`] when there is no such prompt or an argument is missing (R-FS-33).
    pub fn get_prompt<K: Into<String>, V: Into<String>>(
        &self,
        name: &str,
        arguments: impl IntoIterator<Item = (K, V)>,
    ) -> Result<GetPromptResult, Error> {
        self.get_prompt_with(name, arguments, CallOptions::new())
    }

    /// As [`get_prompt`](Self::get_prompt), with a deadline of its own, with progress, or otherwise.
    ///
    /// # Errors
    ///
    /// As [`get_prompt`](Self::get_prompt).
    pub fn get_prompt_with<K: Into<String>, V: Into<String>>(
        &self,
        name: &str,
        arguments: impl IntoIterator<Item = (K, V)>,
        mut options: CallOptions<'_>,
    ) -> Result<GetPromptResult, Error> {
        let want = options.want(self.engine())?;
        let mut tell = |progress| {
            if let Some(tell) = &mut options.on_progress {
                tell(progress);
            }
        };
        let mut params = GetPromptParams::new(name);
        params.arguments = arguments.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        let read = |result: &_, _: Attempt| read(Method::PromptsGet.name(), result);
        self.engine().converse(Method::PromptsGet, &params, &want, Some(&mut tell), read)
    }

    /// Proposals for an argument of a prompt or of a resource template, of which `typed` is there already. `filled_in` are the
    /// arguments before it, which a server since 2025-06-18 takes into account (R-FS-37); there may be none.
    ///
    /// ```no_run
    /// use mcp_sse_blocking::Client;
    /// use mcp_sse_blocking::mcp_core::types::CompletionReference;
    ///
    /// let client = Client::connect("http://localhost:8000/mcp")?;
    /// let prompt = CompletionReference::prompt("review");
    /// for framework in client.complete(prompt, "framework", "fl", [("language", "python")])?.values {
    ///     println!("{framework}");
    /// }
    /// # Ok::<(), mcp_sse_blocking::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call); [`Error::Rpc`] when the server does not know the argument or completes nothing (R-FS-35).
    pub fn complete<K: Into<String>, V: Into<String>>(
        &self,
        reference: CompletionReference,
        argument: &str,
        typed: &str,
        filled_in: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Completion, Error> {
        let filled_in: BTreeMap<String, String> =
            filled_in.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        let has_context = self.protocol_version().has_completion_context() && !filled_in.is_empty();
        let params = CompleteParams {
            reference,
            argument: CompletionArgument { name: argument.into(), value: typed.into() },
            context: has_context.then_some(CompletionContext { arguments: filled_in }),
        };
        let want = Want { repeat: Repeat::Safe, ..Want::within(self.engine().call_timeout) };
        let method = Method::CompletionComplete;
        self.engine().converse(method, &params, &want, None, |result, _| {
            read::<CompleteResult>(method.name(), result).map(|result| result.completion)
        })
    }
}
