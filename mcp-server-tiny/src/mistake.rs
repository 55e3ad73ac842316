//! Why something cannot be registered.

use alloc::borrow::ToOwned;
use alloc::string::String;
use core::fmt;

use mcp_core::http::AnnotationError;
use mcp_core::text::Excerpt;

use crate::service::OfferKind;

/// Something cannot be registered. Reported when the server is bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistrationError {
    kind: OfferKind,
    name: String,
    fault: Fault,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    Name,
    NoName,
    Duplicate,
    DuplicateParameter(String),
    NoParameter(String),
    TwoInputSchemas,
    InputSchema(String),
    OutputSchema(String),
    Header(AnnotationError),
    /// Of a resource or a template, with what is wrong.
    Resource(&'static str),
}

impl RegistrationError {
    pub(crate) fn new(kind: OfferKind, name: &str, fault: Fault) -> Self {
        Self { kind, name: name.to_owned(), fault }
    }

    /// The name of the tool or prompt, the URI or template of the resource.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for RegistrationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let noun = self.kind.noun();
        write!(f, "{noun} `{}`: ", Excerpt::new(&self.name, 128))?;
        match &self.fault {
            Fault::Name => f.write_str("a name has 1 to 128 characters of A-Z a-z 0-9 _ - ."),
            Fault::NoName => f.write_str("it has no name"),
            Fault::Duplicate => write!(f, "there is another {noun} of this name"),
            Fault::DuplicateParameter(name) => write!(f, "there is another parameter `{name}`"),
            Fault::NoParameter(name) => match self.kind {
                OfferKind::Tool => write!(f, "there is no parameter `{name}`; declare it first"),
                OfferKind::Prompt => write!(f, "there is no argument `{name}`; declare it first"),
                OfferKind::Resource => write!(f, "its pattern has no variable `{name}`"),
            },
            Fault::TwoInputSchemas => f.write_str("it has parameters and an input schema; one of them is enough"),
            Fault::InputSchema(why) => write!(f, "its input schema {why}"),
            Fault::OutputSchema(why) => write!(f, "its output schema {why}"),
            Fault::Header(error) => write!(f, "{error}"),
            Fault::Resource(why) => f.write_str(why),
        }
    }
}

impl core::error::Error for RegistrationError {}
