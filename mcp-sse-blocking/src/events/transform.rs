//! A hook that each payload goes through before it is read, for servers that encrypt, or wrap, what they send.

use std::borrow::Cow;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use mcp_core::Limits;
use mcp_core::sse;
use mcp_core::text::Excerpt;

use super::MESSAGE;
use crate::error::Error;

/// Characters that are shown of what a hook says.
const PROBLEM_CHARACTERS: usize = 256;

/// Why a hook did not take a payload. A string becomes one by `into`, as any error does by `?`.
pub type TransformError = Box<dyn std::error::Error + Send + Sync>;

/// What is known of a payload before it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Payload<'a> {
    /// How it came.
    pub form: PayloadForm,
    /// The type of the event that it is the data of; `message` where the event says none, and in the other forms.
    pub event_type: &'a str,
}

/// How a payload came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PayloadForm {
    /// The data of an event of an event stream.
    Event,
    /// The JSON body of an answer.
    Body,
    /// A line, without its end.
    Line,
}

impl fmt::Display for PayloadForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Event => "event",
            Self::Body => "body",
            Self::Line => "line",
        })
    }
}

/// What the application gives.
pub(crate) type Hook = dyn for<'a> Fn(&'a [u8], &Payload<'_>) -> Result<Cow<'a, [u8]>, TransformError> + Send + Sync;

/// A hook with the bounds of what it may give.
#[derive(Clone)]
pub(crate) struct Transformer {
    hook: Arc<Hook>,
    event_bytes: usize,
    message_bytes: usize,
}

impl Transformer {
    pub(crate) fn new(hook: Arc<Hook>, limits: &Limits) -> Self {
        Self { hook, event_bytes: limits.event_bytes, message_bytes: limits.message_bytes }
    }

    /// The data of an event, as the hook makes it where there is one.
    pub(crate) fn through<'a>(hook: Option<&Self>, event: &sse::Event<'a>) -> Result<Cow<'a, [u8]>, Error> {
        hook.map_or(Ok(Cow::Borrowed(event.data)), |hook| hook.event(event))
    }

    /// The data of an event.
    pub(crate) fn event<'a>(&self, event: &sse::Event<'a>) -> Result<Cow<'a, [u8]>, Error> {
        self.apply(event.data, &Payload { form: PayloadForm::Event, event_type: &event.event_str() })
    }

    /// A body or a line.
    pub(crate) fn whole<'a>(&self, form: PayloadForm, bytes: &'a [u8]) -> Result<Cow<'a, [u8]>, Error> {
        self.apply(bytes, &Payload { form, event_type: MESSAGE })
    }

    /// # Errors
    /// [`Error::Transform`]: the hook said no, panicked, or gave too much.
    fn apply<'a>(&self, bytes: &'a [u8], payload: &Payload<'_>) -> Result<Cow<'a, [u8]>, Error> {
        let form = payload.form;
        let problem = match catch_unwind(AssertUnwindSafe(|| (self.hook)(bytes, payload))) {
            Ok(Ok(transformed)) => {
                let (bound, setting) = match form {
                    PayloadForm::Event => (self.event_bytes, "event_bytes"),
                    PayloadForm::Body | PayloadForm::Line => (self.message_bytes, "message_bytes"),
                };
                if transformed.len() <= bound {
                    return Ok(transformed);
                }
                format!("made more of the {form} than {bound} bytes (limit `{setting}`)")
            }
            Ok(Err(error)) => format!("refused the {form}: {}", Excerpt::new(&error.to_string(), PROBLEM_CHARACTERS)),
            Err(_) => format!("panicked at the {form}"),
        };
        Err(Error::Transform(problem))
    }
}

impl fmt::Debug for Transformer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transformer").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transformer(
        hook: impl for<'a> Fn(&'a [u8], &Payload<'_>) -> Result<Cow<'a, [u8]>, TransformError> + Send + Sync + 'static,
    ) -> Transformer {
        let mut limits = Limits::default();
        (limits.message_bytes, limits.event_bytes) = (8, 4);
        Transformer::new(Arc::new(hook), &limits)
    }

    fn event<'a>(event_type: &'a str, data: &'a [u8]) -> sse::Event<'a> {
        sse::Event { event: event_type.as_bytes(), data, id: b"" }
    }

    #[test]
    fn a_payload_that_is_left_as_it_is_is_not_copied() {
        let unchanged = transformer(|bytes, _| Ok(Cow::Borrowed(bytes)));
        assert!(matches!(unchanged.whole(PayloadForm::Body, b"12345678"), Ok(Cow::Borrowed(b"12345678"))));
    }

    #[test]
    fn a_hook_is_told_how_a_payload_came() {
        let named = transformer(|_, payload| Ok(Cow::Owned(payload.event_type.as_bytes()[..4].to_owned())));
        assert_eq!(*named.event(&event("tick-tock", b"")).unwrap(), *b"tick");
        assert_eq!(*named.whole(PayloadForm::Body, b"").unwrap(), *b"mess");
    }

    #[test]
    fn what_a_hook_makes_is_bounded_as_what_came_is() {
        let longer = transformer(|bytes, _| Ok(Cow::Owned([bytes, b"!"].concat())));
        assert!(longer.whole(PayloadForm::Line, b"1234567").is_ok());
        let error = longer.whole(PayloadForm::Line, b"12345678").unwrap_err().to_string();
        assert_eq!(error, "the hook of `transform` made more of the line than 8 bytes (limit `message_bytes`)");
        assert!(longer.event(&event("message", b"123")).is_ok());
        assert!(longer.event(&event("message", b"1234")).unwrap_err().to_string().ends_with("(limit `event_bytes`)"));
    }

    #[test]
    fn a_hook_that_refuses_or_panics_is_named() {
        let refuses = transformer(|_, _| Err("no key fits\n".into()));
        let error = refuses.whole(PayloadForm::Body, b"x").unwrap_err().to_string();
        assert!(error.starts_with("the hook of `transform` refused the body: no key fits"), "{error}");
        assert!(!error.contains('\n'), "{error}");
        let panics = transformer(|_, _| panic!("at once"));
        let error = panics.whole(PayloadForm::Body, b"x").unwrap_err().to_string();
        assert_eq!(error, "the hook of `transform` panicked at the body");
    }
}
