//! Writing responses: head and body into one buffer, so that one write sends both.
//!
//! There is no `Date`: the machine has no clock (RFC 9110 section 6.6.1 allows that).

use alloc::vec::Vec;

/// The statuses this server answers with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Status {
    /// 200
    Ok,
    /// 202
    Accepted,
    /// 204
    NoContent,
    /// 400
    BadRequest,
    /// 401
    Unauthorized,
    /// 403
    Forbidden,
    /// 404
    NotFound,
    /// 405
    MethodNotAllowed,
    /// 406
    NotAcceptable,
    /// 408
    RequestTimeout,
    /// 409
    Conflict,
    /// 413
    ContentTooLarge,
    /// 414
    UriTooLong,
    /// 415
    UnsupportedMediaType,
    /// 417
    ExpectationFailed,
    /// 429
    TooManyRequests,
    /// 431
    HeadersTooLarge,
    /// 500
    InternalServerError,
    /// 501
    NotImplemented,
    /// 503
    ServiceUnavailable,
    /// 505
    VersionNotSupported,
}

impl Status {
    /// All of them.
    const ALL: [Self; 21] = [
        Self::Ok,
        Self::Accepted,
        Self::NoContent,
        Self::BadRequest,
        Self::Unauthorized,
        Self::Forbidden,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::NotAcceptable,
        Self::RequestTimeout,
        Self::Conflict,
        Self::ContentTooLarge,
        Self::UriTooLong,
        Self::UnsupportedMediaType,
        Self::ExpectationFailed,
        Self::TooManyRequests,
        Self::HeadersTooLarge,
        Self::InternalServerError,
        Self::NotImplemented,
        Self::ServiceUnavailable,
        Self::VersionNotSupported,
    ];

    /// The number.
    pub fn code(self) -> u16 {
        let line = self.line().as_bytes();
        line[9..12].iter().fold(0, |code, digit| code * 10 + u16::from(digit - b'0'))
    }

    /// The status with this number, if this server answers with it.
    pub fn from_code(code: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.code() == code)
    }

    /// The status line with its CR LF.
    fn line(self) -> &'static str {
        match self {
            Self::Ok => "HTTP/1.1 200 OK\r\n",
            Self::Accepted => "HTTP/1.1 202 Accepted\r\n",
            Self::NoContent => "HTTP/1.1 204 No Content\r\n",
            Self::BadRequest => "HTTP/1.1 400 Bad Request\r\n",
            Self::Unauthorized => "HTTP/1.1 401 Unauthorized\r\n",
            Self::Forbidden => "HTTP/1.1 403 Forbidden\r\n",
            Self::NotFound => "HTTP/1.1 404 Not Found\r\n",
            Self::MethodNotAllowed => "HTTP/1.1 405 Method Not Allowed\r\n",
            Self::NotAcceptable => "HTTP/1.1 406 Not Acceptable\r\n",
            Self::RequestTimeout => "HTTP/1.1 408 Request Timeout\r\n",
            Self::Conflict => "HTTP/1.1 409 Conflict\r\n",
            Self::ContentTooLarge => "HTTP/1.1 413 Content Too Large\r\n",
            Self::UriTooLong => "HTTP/1.1 414 URI Too Long\r\n",
            Self::UnsupportedMediaType => "HTTP/1.1 415 Unsupported Media Type\r\n",
            Self::ExpectationFailed => "HTTP/1.1 417 Expectation Failed\r\n",
            Self::TooManyRequests => "HTTP/1.1 429 Too Many Requests\r\n",
            Self::HeadersTooLarge => "HTTP/1.1 431 Request Header Fields Too Large\r\n",
            Self::InternalServerError => "HTTP/1.1 500 Internal Server Error\r\n",
            Self::NotImplemented => "HTTP/1.1 501 Not Implemented\r\n",
            Self::ServiceUnavailable => "HTTP/1.1 503 Service Unavailable\r\n",
            Self::VersionNotSupported => "HTTP/1.1 505 HTTP Version Not Supported\r\n",
        }
    }
}

/// Whether the connection goes on after an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Persistence {
    /// It is closed after the answer.
    Close,
    /// Another request may follow: what HTTP/1.1 means when it says nothing.
    KeepAlive,
    /// Another request may follow because an HTTP/1.0 peer asked for it; the answer has to confirm that.
    KeepAliveHttp10,
}

/// A response with a known body.
#[derive(Debug, Clone, Copy)]
pub struct Response<'a> {
    /// The status.
    pub status: Status,
    /// `Content-Type` of the body; ignored when there is no body.
    pub content_type: &'a str,
    /// The body.
    pub body: &'a [u8],
    /// More fields, whole lines each with its CR LF. The caller vouches that no value holds CR, LF or NUL (R-SEC-28).
    pub fields: &'a str,
    /// Whether the connection goes on.
    pub persistence: Persistence,
    /// Whether this answers a HEAD: the length is told and the body is not sent.
    pub head_only: bool,
}

impl<'a> Response<'a> {
    /// `status` with a body of plain text.
    pub fn text(status: Status, body: &'a str, persistence: Persistence) -> Self {
        let content_type = "text/plain; charset=utf-8";
        Self { status, content_type, body: body.as_bytes(), fields: "", persistence, head_only: false }
    }

    /// Appends the response to `out`.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.reserve(160 + self.fields.len() + self.body.len());
        out.extend_from_slice(self.status.line().as_bytes());
        // 204 has no body and must not have a length (RFC 9110 section 8.6).
        if self.status != Status::NoContent {
            if !self.body.is_empty() {
                write_field(out, "Content-Type", self.content_type);
            }
            out.extend_from_slice(b"Content-Length: ");
            write_decimal(out, self.body.len());
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(self.fields.as_bytes());
        end_head(out, self.persistence);
        if !self.head_only && self.status != Status::NoContent {
            out.extend_from_slice(self.body);
        }
    }
}

/// Appends the interim answer to `Expect: 100-continue`: the body may come.
pub fn write_continue(out: &mut Vec<u8>) {
    out.extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
}

/// A JSON answer whose body is written straight behind its head, and whose length is filled in once it is known: nothing
/// is copied, and one write sends both.
#[derive(Debug)]
#[must_use = "an answer that is not finished has no length"]
pub struct OpenAnswer {
    start: usize,
    /// Where the digits of the length end.
    length: usize,
    body: usize,
}

/// Room for the digits of a length, filled from the right: white space before a value means nothing (RFC 9112 section 5.1),
/// while leading zeros are a question to some readers. Ten digits are more than any body has.
const LENGTH: &[u8] = b"          ";

impl OpenAnswer {
    /// Appends the head of an answer with status 200; its body is what is appended from here to [`finish`](Self::finish).
    /// `fields` are whole lines, as in [`Response`].
    pub fn begin(out: &mut Vec<u8>, fields: &[&str], persistence: Persistence) -> Self {
        let start = out.len();
        out.extend_from_slice(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length:");
        out.extend_from_slice(LENGTH);
        let length = out.len();
        out.extend_from_slice(b"\r\n");
        fields.iter().for_each(|lines| out.extend_from_slice(lines.as_bytes()));
        end_head(out, persistence);
        Self { start, length, body: out.len() }
    }

    /// Where the body begins.
    pub fn body(&self) -> usize {
        self.body
    }

    /// Ends the answer, with a status that may have turned out to be another.
    pub fn finish(self, out: &mut Vec<u8>, status: Status) {
        let mut rest = out.len() - self.body;
        let digits = &mut out[self.length - LENGTH.len()..self.length];
        for digit in digits.iter_mut().rev() {
            // A remainder of ten fits a byte.
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        if status != Status::Ok {
            let line = self.start..self.start + Status::Ok.line().len();
            out.splice(line, status.line().bytes());
        }
    }

    /// Takes the answer back, with all that was appended since.
    pub fn discard(self, out: &mut Vec<u8>) {
        out.truncate(self.start);
    }
}

/// The last lines of a head.
pub(super) fn end_head(out: &mut Vec<u8>, persistence: Persistence) {
    out.extend_from_slice(match persistence {
        Persistence::Close => b"Connection: close\r\n\r\n".as_slice(),
        Persistence::KeepAlive => b"\r\n",
        Persistence::KeepAliveHttp10 => b"Connection: keep-alive\r\n\r\n",
    });
}

fn write_field(out: &mut Vec<u8>, name: &str, value: &str) {
    for part in [name, ": ", value, "\r\n"] {
        out.extend_from_slice(part.as_bytes());
    }
}

fn write_decimal(out: &mut Vec<u8>, mut value: usize) {
    // 20 digits hold the largest 64-bit number.
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        // A remainder of ten fits a byte.
        digits[at] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}
