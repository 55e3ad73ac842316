//! The headers that MCP uses, and what may stand in one.

/// `Accept`: what the client reads.
pub const ACCEPT: &str = "Accept";
/// `Allow`: the methods of a resource, in a 405.
pub const ALLOW: &str = "Allow";
/// `Authorization`: a credential.
pub const AUTHORIZATION: &str = "Authorization";
/// `Cache-Control`.
pub const CACHE_CONTROL: &str = "Cache-Control";
/// `Content-Type`: the media type of a body.
pub const CONTENT_TYPE: &str = "Content-Type";
/// `Host`: by which name the server was reached.
pub const HOST: &str = "Host";
/// `Last-Event-ID`: where to resume a stream (R-EV-31). Has no meaning over HTTP+SSE (R-SSE-38).
pub const LAST_EVENT_ID: &str = "Last-Event-ID";
/// `Location`: where a redirect leads.
pub const LOCATION: &str = "Location";
/// `Mcp-Method`: the method of the request in the body; since 2026-07-28 (R-ST-8).
pub const MCP_METHOD: &str = "Mcp-Method";
/// `Mcp-Name`: what the request in the body is about; since 2026-07-28 (R-ST-9).
pub const MCP_NAME: &str = "Mcp-Name";
/// What the headers that repeat arguments of a tool begin with; since 2026-07-28 (R-ST-47).
pub const MCP_PARAM: &str = "Mcp-Param-";
/// `MCP-Protocol-Version`: the negotiated revision, or since 2026-07-28 that of the request. Optional over HTTP+SSE (R-SSE-41).
pub const MCP_PROTOCOL_VERSION: &str = "MCP-Protocol-Version";
/// `Mcp-Session-Id`: the session of stateful Streamable HTTP.
pub const MCP_SESSION_ID: &str = "Mcp-Session-Id";
/// `Origin`: which page made the browser send the request.
pub const ORIGIN: &str = "Origin";
/// `Retry-After`: how long to wait before asking again.
pub const RETRY_AFTER: &str = "Retry-After";
/// `Vary`: on which request headers the answer depends.
pub const VARY: &str = "Vary";
/// `WWW-Authenticate`: which credential is asked for, in a 401 or 403.
pub const WWW_AUTHENTICATE: &str = "WWW-Authenticate";
/// `X-Accel-Buffering`: asks a proxy not to hold events back.
pub const X_ACCEL_BUFFERING: &str = "X-Accel-Buffering";

/// The media type of event streams.
pub const EVENT_STREAM: &str = "text/event-stream";
/// The media type of messages.
pub const JSON: &str = "application/json";

/// What a client of Streamable HTTP accepts as the answer to a POST (R-SH-6, R-ST-5).
pub const JSON_OR_EVENT_STREAM: &str = "application/json, text/event-stream";

/// What a client sends with the GET of an event stream (R-SSE-15, R-EV-27).
pub const STREAM_REQUEST: [(&str, &str); 2] = [(ACCEPT, EVENT_STREAM), (CACHE_CONTROL, "no-store")];
/// What a client sends with each POST of a message (R-SSE-15).
pub const MESSAGE_REQUEST: [(&str, &str); 1] = [(CONTENT_TYPE, JSON)];
/// What a server answers with an event stream (R-SSE-34): no length, no copy in a cache, no waiting in a proxy.
pub const STREAM_ANSWER: [(&str, &str); 3] =
    [(CONTENT_TYPE, EVENT_STREAM), (CACHE_CONTROL, "no-cache, no-transform"), (X_ACCEL_BUFFERING, "no")];

/// A header that means something only when a head has it once. Readers disagree on which of two counts, and a proxy may have
/// looked at the other one (R-ST-65).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Field<'a> {
    /// It is not there.
    #[default]
    Absent,
    /// Its value.
    Once(&'a [u8]),
    /// It is there more than once.
    Repeated,
}

impl<'a> Field<'a> {
    /// The value of a header that is there once.
    pub fn once(self) -> Option<&'a [u8]> {
        match self {
            Self::Once(value) => Some(value),
            Self::Absent | Self::Repeated => None,
        }
    }

    /// Takes in another line of the header.
    pub fn add(&mut self, value: &'a [u8]) {
        *self = if *self == Self::Absent { Self::Once(value) } else { Self::Repeated };
    }
}

impl<'a> FromIterator<&'a [u8]> for Field<'a> {
    /// All values that a head has for one name.
    fn from_iter<I: IntoIterator<Item = &'a [u8]>>(values: I) -> Self {
        let mut field = Self::Absent;
        values.into_iter().for_each(|value| field.add(value));
        field
    }
}

/// Whether `name` can be the name of a header: a token of RFC 9110, section 5.6.2.
pub fn is_valid_name(name: &str) -> bool {
    let is_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    !name.is_empty() && name.bytes().all(is_token)
}

/// Whether `value` can stand in a header: no CR, LF or NUL, which would start another header or request (R-SEC-28),
/// and no other control character but the tab. Text beyond ASCII passes; not every peer reads it.
pub fn is_valid_value(value: &str) -> bool {
    value.bytes().all(|b| b == b'\t' || !b.is_ascii_control())
}

/// Whether a header belongs to the transport, so that a caller who sets it would break the framing of the request, what the
/// transport promises about it, or what the protocol says with it: of a session, a revision, or a value of the body.
pub fn is_transport_header(name: &str) -> bool {
    const NAMES: [&str; 17] = [
        "Host",
        "Content-Length",
        "Content-Type",
        "Transfer-Encoding",
        "Connection",
        "Keep-Alive",
        "Proxy-Connection",
        "Upgrade",
        "TE",
        "Trailer",
        "Expect",
        ACCEPT,
        LAST_EVENT_ID,
        MCP_METHOD,
        MCP_NAME,
        MCP_PROTOCOL_VERSION,
        MCP_SESSION_ID,
    ];
    let is_mirrored = name.get(..MCP_PARAM.len()).is_some_and(|start| start.eq_ignore_ascii_case(MCP_PARAM));
    is_mirrored || NAMES.iter().any(|own| own.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_with_a_line_end_or_another_control_character_is_refused() {
        for value in ["", "Bearer abc", "a\tb", "größe"] {
            assert!(is_valid_value(value), "{value:?}");
        }
        for value in ["a\r\nX-Evil: 1", "a\n", "\r", "a\0", "\x7f", "\x1b[2J"] {
            assert!(!is_valid_value(value), "{value:?}");
        }
    }

    #[test]
    fn a_header_of_two_lines_is_neither_of_them() {
        assert_eq!(Field::from_iter([]), Field::Absent);
        assert_eq!(Field::from_iter([&b"a"[..]]), Field::Once(b"a"));
        assert_eq!(Field::from_iter([&b"a"[..], b"a", b"a"]), Field::Repeated);
        assert_eq!(Field::Repeated.once(), None);
    }

    #[test]
    fn a_name_is_a_token() {
        assert!(is_valid_name("X-Tenant"));
        for name in ["", "X Tenant", "X:", "X\r\n", "größe", "(x)"] {
            assert!(!is_valid_name(name), "{name:?}");
        }
    }

    #[test]
    fn headers_that_frame_a_request_are_the_transport_s_own() {
        for own in ["content-length", "mcp-session-id", "Mcp-Protocol-Version", "mcp-param-region", "last-event-id"] {
            assert!(is_transport_header(own), "{own}");
        }
        for other in ["Authorization", "X-Tenant", "Mcp-Param", "Mcp", "ä-------------"] {
            assert!(!is_transport_header(other), "{other}");
        }
    }

    #[test]
    fn every_name_and_value_of_ours_is_valid() {
        for (name, value) in STREAM_REQUEST.iter().chain(&MESSAGE_REQUEST).chain(&STREAM_ANSWER) {
            assert!(is_valid_name(name) && is_valid_value(value), "{name}: {value}");
        }
    }
}
