//! Prompts, and the completion of arguments.

use std::collections::BTreeMap;

use mcp_core::types::{
    CompleteParams, CompleteResult, Completion, CompletionArgument, CompletionContext, CompletionReference,
    GetPromptParams, GetPromptResult, Method,
};
use serde::Serialize;

use crate::ask::Attempt;
use crate::client::{Client, raw, read};
use crate::error::Error;
use crate::list::Prompts;
use crate::options::CallOptions;
use crate::pending::{Repeat, Want};

impl Client {
    /// The prompts of the server, page after page, each fetched when the one before is used up.
    pub fn prompts(&self) -> Prompts<'_> {
        Prompts::new(self)
    }

    /// Gets a prompt with its arguments filled in. They serialize to a JSON object of texts (R-FS-34); `()` stands for none.
    ///
    /// ```no_run
    /// use mcp_sse_blocking::Client;
    ///
    /// let client = Client::connect("http://localhost:8000/mcp")?;
    /// let prompt = client.get_prompt("greeting", &serde_json::json!({"name": "Ada"}))?;
    /// println!("{} messages", prompt.messages.len());
    /// # Ok::<(), mcp_sse_blocking::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call); [`Error::Rpc`] when there is no such prompt or an argument is missing (R-FS-33).
    pub fn get_prompt<A: Serialize + ?Sized>(&self, name: &str, arguments: &A) -> Result<GetPromptResult, Error> {
        self.get_prompt_with(name, arguments, CallOptions::new())
    }

    /// As [`get_prompt`](Self::get_prompt), with a deadline of its own, with progress, or otherwise.
    ///
    /// # Errors
    ///
    /// As [`get_prompt`](Self::get_prompt).
    pub fn get_prompt_with<A: Serialize + ?Sized>(
        &self,
        name: &str,
        arguments: &A,
        mut options: CallOptions<'_>,
    ) -> Result<GetPromptResult, Error> {
        let want = options.want(self.engine())?;
        let mut tell = |progress| {
            if let Some(tell) = &mut options.on_progress {
                tell(progress);
            }
        };
        let mut params = GetPromptParams::new(name);
        params.arguments = texts(arguments)?;
        let read = |result: &_, _: Attempt| read(Method::PromptsGet.name(), result);
        self.engine().converse(Method::PromptsGet, &params, &want, Some(&mut tell), read)
    }

    /// Proposals for an argument of a prompt or of a resource template, of which `typed` is there already. `filled_in` are the
    /// arguments before it, as for [`get_prompt`](Self::get_prompt): servers since 2025-06-18 take them into account (R-FS-37).
    ///
    /// ```no_run
    /// use mcp_sse_blocking::Client;
    /// use mcp_sse_blocking::mcp_core::types::CompletionReference;
    ///
    /// let client = Client::connect("http://localhost:8000/mcp")?;
    /// let prompt = CompletionReference::prompt("review");
    /// let before = serde_json::json!({"language": "python"});
    /// for framework in client.complete(prompt, "framework", "fl", &before)?.values {
    ///     println!("{framework}");
    /// }
    /// # Ok::<(), mcp_sse_blocking::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call); [`Error::Rpc`] when the server does not know the argument or completes nothing (R-FS-35).
    pub fn complete<A: Serialize + ?Sized>(
        &self,
        reference: CompletionReference,
        argument: &str,
        typed: &str,
        filled_in: &A,
    ) -> Result<Completion, Error> {
        let filled_in = texts(filled_in)?;
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

/// Arguments that are texts; `null` stands for none.
fn texts<A: Serialize + ?Sized>(arguments: &A) -> Result<BTreeMap<String, String>, Error> {
    let arguments = raw(arguments)?;
    let texts = serde_json::from_str::<Option<BTreeMap<String, String>>>(arguments.get());
    texts.map(Option::unwrap_or_default).map_err(|_| {
        Error::Usage("the arguments of a prompt must serialize to a JSON object whose members are texts".into())
    })
}
