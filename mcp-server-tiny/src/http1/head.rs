//! One request head: found, checked, and taken apart in one pass (RFC 9112 sections 2 to 3 and 6).
//!
//! [`Scan`] looks for the blank line and sees each byte once, however the bytes arrive; only a whole head is parsed. So a
//! peer that sends one byte at a time costs no more than one that sends a head at once, and both get the same answer.

use core::mem::MaybeUninit;

use mcp_core::http::Field;

use super::{Framing, Persistence, Refusal, Status};

/// Fields that one head may have; more is 431. 100: proxies add a dozen to the dozen of a browser.
pub const FIELDS: usize = 100;

/// Room for the fields of one head, to be made on the stack: `&mut [const { MaybeUninit::uninit() }; FIELDS]`.
pub type Fields<'a> = [MaybeUninit<httparse::Header<'a>>; FIELDS];

/// The bounds of a head and of the body it announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeadLimits {
    /// Bytes of the head with its blank line; more is 431, or 414 when not even the request line fits.
    pub head_bytes: usize,
    /// Bytes that a body may announce; more is 413.
    pub body_bytes: usize,
}

/// Finds the end of a head in bytes that arrive in pieces.
#[derive(Debug, Clone, Copy, Default)]
pub struct Scan {
    /// All bytes before this one were looked at.
    scanned: usize,
    /// Where the line that holds `scanned` begins.
    line: usize,
    /// Whether the request line was seen.
    started: bool,
}

impl Scan {
    /// Looks for the blank line that ends the head. `input` begins where the head begins and has at least the bytes of
    /// the call before; `Some` is the length of the head with its blank line, `None` asks for more input.
    ///
    /// # Errors
    ///
    /// A line that ends in a bare LF, a first byte that begins no request, more bytes than `limits.head_bytes`.
    pub fn head_end(&mut self, input: &[u8], limits: &HeadLimits) -> Result<Option<usize>, Refusal> {
        let window = &input[..input.len().min(limits.head_bytes)];
        if self.scanned == 0 && window.first().is_some_and(|byte| !begins_request(*byte)) {
            return Err(Refusal::bad_request(NOT_HTTP));
        }
        while let Some(found) = memchr::memchr(b'\n', &window[self.scanned..]) {
            let at = self.scanned + found;
            if at == 0 || window[at - 1] != b'\r' {
                return Err(Refusal::bad_request("a line of the head does not end in CR LF"));
            }
            let blank = at - 1 == self.line;
            (self.scanned, self.line) = (at + 1, at + 1);
            // Empty lines before the request line are left over from the request before (RFC 9112 section 2.2).
            if blank && self.started {
                return Ok(Some(at + 1));
            }
            self.started |= !blank;
        }
        self.scanned = window.len();
        if input.len() <= limits.head_bytes {
            return Ok(None);
        }
        Err(match self.line {
            0 => Refusal::new(Status::UriTooLong, "the request line is longer than `head_bytes` allows"),
            _ => Refusal::new(Status::HeadersTooLarge, "the head is longer than `head_bytes` allows"),
        })
    }
}

const NOT_HTTP: &str = "this is not an HTTP request; this port speaks plain HTTP, without TLS";

/// A method is a token; an empty line may stand before it.
fn begins_request(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || matches!(byte, b'\r' | b'\n')
}

/// The methods this server tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Method {
    /// GET
    Get,
    /// HEAD: answered as the same request with GET would be, without the body.
    Head,
    /// POST
    Post,
    /// DELETE
    Delete,
    /// OPTIONS
    Options,
    /// Any other; methods are case-sensitive, so `get` is one of these.
    Other,
}

impl Method {
    fn of(name: &str) -> Self {
        match name {
            "GET" => Self::Get,
            "POST" => Self::Post,
            "OPTIONS" => Self::Options,
            "DELETE" => Self::Delete,
            "HEAD" => Self::Head,
            _ => Self::Other,
        }
    }
}

/// A request head that passed every check of this module. Borrowed from the input; nothing is decoded or copied.
#[derive(Debug)]
pub struct Head<'h, 'a> {
    /// The method.
    pub method: Method,
    /// The path of the target, as sent: percent-encoding is kept, the query is cut off. `*` for `OPTIONS *`.
    pub path: &'a str,
    /// The query of the target without its question mark.
    pub query: Option<&'a str>,
    /// Whether the version is 1.0, which knows neither `chunked` nor `100-continue`.
    pub http_1_0: bool,
    /// The authority this request was sent to: the target's when it is in absolute form, else `Host`
    /// (RFC 9112 section 3.2.2). `None` only in HTTP/1.0.
    pub host: Option<&'a str>,
    /// `Origin`, sent by browsers (R-SEC-1).
    pub origin: Option<&'a [u8]>,
    /// `Authorization`. A secret: never logged.
    pub authorization: Option<&'a [u8]>,
    /// `Content-Type` with its parameters.
    pub content_type: Option<&'a [u8]>,
    /// `Access-Control-Request-Method`: with it an OPTIONS is a preflight.
    pub preflight_method: Option<&'a [u8]>,
    /// `MCP-Protocol-Version` (R-SH-58, R-ST-7).
    pub protocol_version: Field<'a>,
    /// `Mcp-Session-Id` (R-SH-48). A secret: never logged.
    pub session_id: Field<'a>,
    /// `Mcp-Method` (R-ST-8).
    pub mcp_method: Field<'a>,
    /// `Mcp-Name` (R-ST-9).
    pub mcp_name: Field<'a>,
    /// `Last-Event-ID` (R-SH-33).
    pub last_event_id: Field<'a>,
    /// How the body is delimited.
    pub framing: Framing,
    /// Whether another request may follow on the connection.
    pub persistence: Persistence,
    /// Whether the peer holds its body back until it sees `100 Continue` (RFC 9110 section 10.1.1).
    pub expects_continue: bool,
    has_accept: bool,
    fields: &'h [httparse::Header<'a>],
}

impl<'h, 'a> Head<'h, 'a> {
    /// Parses one whole head, as [`Scan::head_end`] found it.
    ///
    /// # Errors
    ///
    /// The refusals of the module: 400 for what is malformed or ambiguous, 413 for a length above `limits.body_bytes`,
    /// 417, 431 for more than [`FIELDS`] fields, 501 for a transfer coding other than `chunked`, 505.
    pub fn parse(head: &'a [u8], limits: &HeadLimits, fields: &'h mut Fields<'a>) -> Result<Self, Refusal> {
        let mut request = httparse::Request::new(&mut []);
        let status = request.parse_with_uninit_headers(head, fields).map_err(|error| refusal(error, head))?;
        let (true, Some(method), Some(target), Some(version)) =
            (status.is_complete(), request.method, request.path, request.version)
        else {
            return Err(Refusal::bad_request("the head ends in the middle of a line"));
        };
        let fields: &'h [httparse::Header<'a>] = request.headers;

        let mut seen = Seen::default();
        for field in fields {
            seen.field(field)?;
        }
        let http_1_0 = version == 0;
        let (authority, path, query) = split_target(target)?;
        let host = seen.host(http_1_0)?;
        Ok(Self {
            method: Method::of(method),
            path,
            query,
            http_1_0,
            host: authority.or(host),
            origin: seen.origin,
            authorization: seen.authorization,
            content_type: seen.content_type,
            preflight_method: seen.preflight_method,
            protocol_version: seen.protocol_version,
            session_id: seen.session_id,
            mcp_method: seen.mcp_method,
            mcp_name: seen.mcp_name,
            last_event_id: seen.last_event_id,
            framing: seen.framing(http_1_0, limits)?,
            persistence: seen.persistence(http_1_0),
            expects_continue: seen.expects_continue(http_1_0)?,
            has_accept: seen.accept,
            fields,
        })
    }

    /// The first field called `name`, in any case. For the fields that have no member of their own.
    pub fn field(&self, name: &str) -> Option<&'a [u8]> {
        self.fields.iter().find(|field| field.name.eq_ignore_ascii_case(name)).map(|field| field.value)
    }

    /// The field called `name`, in any case, when it may stand once only. For `Mcp-Param-*`, whose names a tool chooses
    /// (R-ST-47).
    pub fn single(&self, name: &str) -> Field<'a> {
        let lines = self.fields.iter().filter(|field| field.name.eq_ignore_ascii_case(name));
        lines.map(|field| field.value).collect()
    }

    /// All fields, in their order: name and value.
    pub fn fields(&self) -> impl Iterator<Item = (&'a str, &'a [u8])> + 'h {
        self.fields.iter().map(|field| (field.name, field.value))
    }

    /// Whether the peer reads bodies of `kind`, as `takes` judges one `Accept`; without the field it reads anything (RFC
    /// 9110 section 12.5.1). A list may be spread over several lines.
    pub fn accepts(&self, takes: impl Fn(Option<&str>) -> bool) -> bool {
        if !self.has_accept {
            return takes(None);
        }
        let lines = self.fields.iter().filter(|field| field.name.eq_ignore_ascii_case("accept"));
        lines.filter_map(|field| core::str::from_utf8(field.value).ok()).any(|line| takes(Some(line)))
    }
}

fn refusal(error: httparse::Error, head: &[u8]) -> Refusal {
    use httparse::Error;
    match error {
        // `GET /a b HTTP/1.1` is no version either.
        Error::Version if !names_a_version(head) => Refusal::bad_request("the request line is malformed"),
        Error::TooManyHeaders => Refusal::new(Status::HeadersTooLarge, "the head has more than 100 fields"),
        Error::Version => Refusal::new(Status::VersionNotSupported, "this server speaks HTTP/1.0 and HTTP/1.1"),
        Error::HeaderName => Refusal::bad_request("a field name is malformed, folded or followed by white space"),
        Error::HeaderValue => Refusal::bad_request("a field value holds a byte that is not allowed in one"),
        Error::NewLine => Refusal::bad_request("a CR in the head is not followed by LF"),
        _ => Refusal::bad_request("the request line is malformed"),
    }
}

/// Whether the request line has three words of which the last is some version of HTTP.
fn names_a_version(head: &[u8]) -> bool {
    let head = head.trim_ascii_start();
    let line = &head[..memchr::memchr(b'\r', head).unwrap_or(head.len())];
    let mut words = line.split(|byte| *byte == b' ');
    words.nth(2).is_some_and(|word| word.starts_with(b"HTTP/")) && words.next().is_none()
}

/// The fields that decide something, as they were found.
#[derive(Default)]
struct Seen<'a> {
    host: Option<&'a [u8]>,
    origin: Option<&'a [u8]>,
    authorization: Option<&'a [u8]>,
    content_type: Option<&'a [u8]>,
    content_length: Option<&'a [u8]>,
    preflight_method: Option<&'a [u8]>,
    expect: Option<&'a [u8]>,
    protocol_version: Field<'a>,
    session_id: Field<'a>,
    mcp_method: Field<'a>,
    mcp_name: Field<'a>,
    last_event_id: Field<'a>,
    accept: bool,
    coding: Coding,
    close: bool,
    keep_alive: bool,
}

/// The transfer codings named so far, in their order.
#[derive(Default, PartialEq, Eq)]
enum Coding {
    #[default]
    Absent,
    Chunked,
    /// Codings of which `chunked` is not one.
    Unknown,
    /// Others and then `chunked` as the last.
    UnknownThenChunked,
    /// Something after `chunked`, or nothing at all: where the body ends cannot be told.
    Ambiguous,
}

impl<'a> Seen<'a> {
    /// Field names are told apart by length first: one comparison for most of them.
    fn field(&mut self, field: &httparse::Header<'a>) -> Result<(), Refusal> {
        let (name, value) = (field.name.as_bytes(), field.value);
        let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        match name.len() {
            4 if is("host") => once(&mut self.host, value, "there is more than one `Host`"),
            6 if is("origin") => once(&mut self.origin, value, "there is more than one `Origin`"),
            6 if is("expect") => once(&mut self.expect, value, "there is more than one `Expect`"),
            6 if is("accept") => {
                self.accept = true;
                Ok(())
            }
            8 if is("mcp-name") => added(&mut self.mcp_name, value),
            10 if is("mcp-method") => added(&mut self.mcp_method, value),
            10 if is("connection") => {
                for token in tokens(value) {
                    self.close |= token.eq_ignore_ascii_case(b"close");
                    self.keep_alive |= token.eq_ignore_ascii_case(b"keep-alive");
                }
                Ok(())
            }
            12 if is("content-type") => once(&mut self.content_type, value, "there is more than one `Content-Type`"),
            13 if is("authorization") => once(&mut self.authorization, value, "there is more than one `Authorization`"),
            13 if is("last-event-id") => added(&mut self.last_event_id, value),
            14 if is("mcp-session-id") => added(&mut self.session_id, value),
            14 if is("content-length") => {
                once(&mut self.content_length, value, "there is more than one `Content-Length`")
            }
            17 if is("transfer-encoding") => {
                self.transfer_encoding(value);
                Ok(())
            }
            20 if is("mcp-protocol-version") => added(&mut self.protocol_version, value),
            29 if is("access-control-request-method") => {
                once(&mut self.preflight_method, value, "there is more than one `Access-Control-Request-Method`")
            }
            _ => Ok(()),
        }
    }

    fn transfer_encoding(&mut self, value: &[u8]) {
        let mut any = false;
        for token in tokens(value) {
            any = true;
            let chunked = token.eq_ignore_ascii_case(b"chunked");
            self.coding = match (&self.coding, chunked) {
                (Coding::Absent, true) => Coding::Chunked,
                (Coding::Unknown, true) => Coding::UnknownThenChunked,
                (Coding::Absent | Coding::Unknown, false) => Coding::Unknown,
                _ => Coding::Ambiguous,
            };
        }
        if !any {
            self.coding = Coding::Ambiguous;
        }
    }

    fn host(&self, http_1_0: bool) -> Result<Option<&'a str>, Refusal> {
        let Some(value) = self.host else {
            return if http_1_0 { Ok(None) } else { Err(Refusal::bad_request("`Host` is missing")) };
        };
        authority(value).map(Some).ok_or(Refusal::bad_request("`Host` is not a name or address with an optional port"))
    }

    fn framing(&self, http_1_0: bool, limits: &HeadLimits) -> Result<Framing, Refusal> {
        match (&self.coding, self.content_length) {
            (Coding::Absent, None) => Ok(Framing::None),
            (Coding::Absent, Some(digits)) => {
                let length = content_length(digits)?;
                match usize::try_from(length) {
                    Ok(length) if length <= limits.body_bytes => Ok(Framing::Sized(length)),
                    _ => Err(TOO_LARGE),
                }
            }
            (_, Some(_)) => Err(Refusal::bad_request("`Content-Length` and `Transfer-Encoding` contradict each other")),
            // A recipient of 1.0 that does not know the field would take the chunks for the next request.
            _ if http_1_0 => Err(Refusal::bad_request("HTTP/1.0 has no `Transfer-Encoding`")),
            (Coding::Chunked, None) => Ok(Framing::Chunked),
            (Coding::Ambiguous, None) => Err(Refusal::bad_request("`chunked` is not the last transfer coding")),
            (Coding::Unknown | Coding::UnknownThenChunked, None) => {
                Err(Refusal::new(Status::NotImplemented, "the only transfer coding understood is `chunked`"))
            }
        }
    }

    fn persistence(&self, http_1_0: bool) -> Persistence {
        match (self.close, http_1_0) {
            (true, _) => Persistence::Close,
            (false, false) => Persistence::KeepAlive,
            (false, true) if self.keep_alive => Persistence::KeepAliveHttp10,
            (false, true) => Persistence::Close,
        }
    }

    fn expects_continue(&self, http_1_0: bool) -> Result<bool, Refusal> {
        match self.expect {
            None => Ok(false),
            // RFC 9110 section 10.1.1: in a 1.0 message it must be ignored.
            Some(_) if http_1_0 => Ok(false),
            Some(value) if value.eq_ignore_ascii_case(b"100-continue") => Ok(true),
            Some(_) => {
                Err(Refusal::new(Status::ExpectationFailed, "the only expectation understood is `100-continue`"))
            }
        }
    }
}

/// A body above the bound, whether announced or counted.
pub(super) const TOO_LARGE: Refusal =
    Refusal::new(Status::ContentTooLarge, "the body is longer than `body_bytes` allows");

fn once<'a>(slot: &mut Option<&'a [u8]>, value: &'a [u8], again: &'static str) -> Result<(), Refusal> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(Refusal::bad_request(again)),
    }
}

fn added<'a>(field: &mut Field<'a>, value: &'a [u8]) -> Result<(), Refusal> {
    field.add(value);
    Ok(())
}

/// The elements of a comma-separated list; empty ones are skipped (RFC 9110 section 5.6.1).
fn tokens(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|byte| *byte == b',').map(|token| token.trim_ascii()).filter(|token| !token.is_empty())
}

/// Digits and nothing else: `+5`, `5, 5` and `0x5` each have two readings in the wild. Too many digits are too large.
fn content_length(digits: &[u8]) -> Result<u64, Refusal> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(Refusal::bad_request("`Content-Length` is not a number"));
    }
    digits
        .iter()
        .try_fold(0u64, |value, digit| value.checked_mul(10)?.checked_add(u64::from(digit - b'0')))
        .ok_or(TOO_LARGE)
}

/// Target in origin form, absolute form or `*` as (authority, path, query).
fn split_target(target: &str) -> Result<(Option<&str>, &str, Option<&str>), Refusal> {
    const MALFORMED: Refusal = Refusal::bad_request("the request target is neither a path nor an http URL");
    if !target.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(MALFORMED);
    }
    if target.starts_with('/') || target == "*" {
        let (path, query) = split_query(target);
        return Ok((None, path, query));
    }
    let rest = strip_prefix_ignore_case(target, "http://")
        .or_else(|| strip_prefix_ignore_case(target, "https://"))
        .ok_or(MALFORMED)?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (name, rest) = rest.split_at(end);
    let name = authority(name.as_bytes()).filter(|name| !name.is_empty()).ok_or(MALFORMED)?;
    let (path, query) = split_query(rest);
    Ok((Some(name), if path.is_empty() { "/" } else { path }, query))
}

fn split_query(target: &str) -> (&str, Option<&str>) {
    match memchr::memchr(b'?', target.as_bytes()) {
        Some(at) => (&target[..at], Some(&target[at + 1..])),
        None => (target, None),
    }
}

fn strip_prefix_ignore_case<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (head, rest) = text.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then_some(rest)
}

/// `name`, `name:port`, `[v6]` or `[v6]:port`; empty is a valid `Host`. User names are not: `a@b` fools readers.
fn authority(value: &[u8]) -> Option<&str> {
    let text = core::str::from_utf8(value).ok()?;
    let (name, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (address, port) = rest.split_once(']')?;
            let address = address.bytes().all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.'));
            (address, if port.is_empty() { "" } else { port.strip_prefix(':')? })
        }
        None => {
            let end = memchr::memchr(b':', value).unwrap_or(value.len());
            let (name, port) = (&text[..end], text.get(end + 1..).unwrap_or(""));
            let name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+;=".contains(&byte));
            (name, port)
        }
    };
    (name && port.len() <= 5 && port.bytes().all(|byte| byte.is_ascii_digit())).then_some(text)
}
