//! HTTP/1.1 as bytes in and bytes out: request heads, request bodies, and the writing of responses (RFC 9112).
//!
//! Nothing here owns a connection or knows a path. [`head`] finds and checks one head, [`body`] takes a body out of the
//! bytes after it, [`response`] and [`stream`] write into a buffer of the caller. What a request that is ambiguous or too large gets is a
//! [`Refusal`]: a status and a sentence. After one the position in the byte stream is in doubt (R-SEC-8), so the connection
//! is closed once the answer is out; nothing after it is read as a request.
//!
//! Refused, because two readers of the same bytes could disagree about them: `Content-Length` beside
//! `Transfer-Encoding`, more than one `Content-Length` or one that is not plain digits, a coding after `chunked`, a line
//! that ends in a bare LF, a header folded over lines, white space before a colon, a missing or repeated `Host`.
//! Not done: pipelined requests are served one after the other, there is no upgrade, no compression and no range.

pub mod body;
pub mod head;
pub mod response;
pub mod stream;

pub use body::{Body, Framing};
pub use head::{Head, HeadLimits, Method, Scan};
pub use response::{OpenAnswer, Persistence, Response, Status};
pub use stream::{Chunk, Delimiter};

use core::fmt;

/// Why a request is not served: the status for it and a sentence for whoever reads the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// The status of the answer.
    pub status: Status,
    /// What was wrong, and which setting matters if one does. Plain ASCII on one line; never a value from the request.
    pub why: &'static str,
}

impl Refusal {
    /// A refusal with `status`, explained by `why`.
    pub const fn new(status: Status, why: &'static str) -> Self {
        Self { status, why }
    }

    /// 400 explained by `why`.
    pub const fn bad_request(why: &'static str) -> Self {
        Self::new(Status::BadRequest, why)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.status.code(), self.why)
    }
}

impl core::error::Error for Refusal {}
