//! The body of an answer without its `Content-Encoding`.
//!
//! Only with the feature `compression`, and only where it was [asked for](Encodings), may an answer be compressed. What comes out
//! is bounded where it is read, as a plain body is: nothing is decoded ahead of that.

use std::io::{self, Read};

use mcp_core::text::Excerpt;
use ureq::http::Response;
use ureq::http::header::{CONTENT_ENCODING, HeaderMap};
use ureq::{Body, BodyReader};

#[cfg(feature = "compression")]
use super::inflate::Inflate;
use crate::error::{Error, PeerError};

/// What answers may be compressed with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Encodings {
    pub(crate) gzip: bool,
    pub(crate) deflate: bool,
}

/// One way to compress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    Gzip,
    /// The data of zlib (RFC 9110, section 8.4.1.2), or without its frame, as some servers send it.
    Deflate,
}

/// The body of an answer, as it was before it was compressed, if it was.
pub(crate) enum Decoded<R> {
    Plain(R),
    #[cfg(feature = "compression")]
    Compressed(Box<Inflate<R>>),
}

impl Encodings {
    /// As `Accept-Encoding` says it.
    pub(crate) fn header(self) -> Option<&'static str> {
        match (self.gzip, self.deflate) {
            (true, true) => Some("gzip, deflate"),
            (true, false) => Some("gzip"),
            (false, true) => Some("deflate"),
            (false, false) => None,
        }
    }

    /// The body of `response`. A server that compresses in the other of two ways when it was asked for one is forgiven.
    ///
    /// # Errors
    /// [`PeerError::Http`] when it is compressed unasked, or in a way that is not known here.
    pub(super) fn body(self, response: Response<Body>) -> Result<Decoded<BodyReader<'static>>, Error> {
        let coding = coding(response.headers())?;
        if coding.is_some() && self == Self::default() {
            let problem = "the answer is compressed, unasked (feature and setting `compression`)";
            return Err(PeerError::Http(problem.into()).into());
        }
        Ok(Decoded::new(coding, response.into_body().into_reader()))
    }
}

impl<R: Read> Decoded<R> {
    #[cfg(feature = "compression")]
    fn new(coding: Option<Coding>, body: R) -> Self {
        match coding {
            None => Self::Plain(body),
            Some(coding) => Self::Compressed(Box::new(Inflate::new(coding, body))),
        }
    }

    #[cfg(not(feature = "compression"))]
    fn new(_: Option<Coding>, body: R) -> Self {
        Self::Plain(body)
    }
}

impl<R: Read> Read for Decoded<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(body) => body.read(out),
            #[cfg(feature = "compression")]
            Self::Compressed(body) => body.read(out),
        }
    }
}

/// The body of a refusal, asked for or not: only its beginning is looked at. `None` when it cannot be read.
pub(super) fn refusal(response: &mut Response<Body>) -> Option<Decoded<BodyReader<'_>>> {
    let coding = coding(response.headers()).ok()?;
    if coding.is_some() && !cfg!(feature = "compression") {
        return None;
    }
    Some(Decoded::new(coding, response.body_mut().as_reader()))
}

/// Whether a read failed because the source ended within compressed data.
#[cfg(feature = "compression")]
pub(super) fn is_truncated(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<super::inflate::Truncated>())
}

/// Nothing is.
#[cfg(not(feature = "compression"))]
pub(super) fn is_truncated(_: &io::Error) -> bool {
    false
}

/// How an answer with these headers is compressed.
fn coding(headers: &HeaderMap) -> Result<Option<Coding>, PeerError> {
    let values = headers.get_all(CONTENT_ENCODING).into_iter().map(|value| value.to_str().unwrap_or("?"));
    let names = values.flat_map(|value| value.split(',')).map(str::trim);
    let mut found = None;
    for name in names.filter(|name| !name.is_empty() && !name.eq_ignore_ascii_case("identity")) {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        let coding = if is("gzip") || is("x-gzip") {
            Coding::Gzip
        } else if is("deflate") {
            Coding::Deflate
        } else {
            let name = Excerpt::new(name, 40);
            return Err(PeerError::Http(format!("the answer is compressed with `{name}`, which is not read here")));
        };
        if found.replace(coding).is_some() {
            return Err(PeerError::Http("the answer is compressed more than once, which is not read here".into()));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[&str]) -> Result<Option<Coding>, String> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(CONTENT_ENCODING, value.parse().unwrap());
        }
        coding(&headers).map_err(|error| error.to_string())
    }

    #[test]
    fn an_answer_is_compressed_once_or_not_at_all() {
        assert_eq!(of(&[]), Ok(None));
        assert_eq!(of(&["identity", " , "]), Ok(None));
        assert_eq!(of(&["GZip"]), Ok(Some(Coding::Gzip)));
        assert_eq!(of(&["x-gzip, identity"]), Ok(Some(Coding::Gzip)));
        assert_eq!(of(&["deflate"]), Ok(Some(Coding::Deflate)));
        for twice in [&["gzip, gzip"][..], &["gzip", "deflate"]] {
            assert!(of(twice).unwrap_err().ends_with("compressed more than once, which is not read here"));
        }
        for other in ["br", "gzip, zstd", "g zip"] {
            assert!(of(&[other]).unwrap_err().ends_with("which is not read here"), "{other}");
        }
    }

    #[test]
    fn what_is_asked_for_is_said() {
        let said = |gzip, deflate| Encodings { gzip, deflate }.header();
        assert_eq!(said(true, true), Some("gzip, deflate"));
        assert_eq!((said(true, false), said(false, true)), (Some("gzip"), Some("deflate")));
        assert_eq!(said(false, false), None);
    }
}
