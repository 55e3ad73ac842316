//! A header that contradicts the body of its request: error -32020 (R-ST-24).

use alloc::string::ToString;
use core::fmt;

use super::value::ValueError;
use crate::jsonrpc::{Error, code};

/// Which header says something else than the body, and how (R-ST-24, R-ST-58). Neither value is shown: it may be a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeaderMismatch<'a> {
    /// The name of the header.
    pub header: &'a str,
    /// What is wrong with it.
    pub fault: HeaderFault,
}

/// What is wrong with a header that repeats the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum HeaderFault {
    /// The body has a value, and there is no such header (R-ST-59).
    Missing,
    /// There is such a header, and the body has no value, or `null` (R-ST-59).
    Unexpected,
    /// There is more than one (R-ST-65), or the body has the value more than once: readers disagree on which counts.
    Repeated,
    /// It cannot be read (R-ST-56).
    Value(ValueError),
    /// It says something else.
    Differs,
}

impl HeaderMismatch<'_> {
    /// The error that answers the request, with status 400.
    pub fn error(&self) -> Error {
        Error::new(code::HEADER_MISMATCH, self.to_string())
    }
}

impl fmt::Display for HeaderMismatch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "header `{}` ", self.header)?;
        f.write_str(match self.fault {
            HeaderFault::Missing => "is missing",
            HeaderFault::Unexpected => "has no counterpart in the body",
            HeaderFault::Repeated => "or its counterpart in the body is there more than once",
            HeaderFault::Value(error) => return error.fmt(f),
            HeaderFault::Differs => "says something else than the body",
        })
    }
}

impl core::error::Error for HeaderMismatch<'_> {}
