//! Which headers a request of Streamable HTTP needs, in every revision (R-SH, sections B, D, H and I; R-ST, section B).
//!
//! The headers that repeat arguments of a tool are [`ParamHeaders`](super::ParamHeaders)'s; those of the caller's own and of the
//! connection are the shell's.
//!
//! ```
//! use mcp_core::http::RequestHead;
//! use mcp_core::revision::ProtocolVersion;
//!
//! let head = RequestHead { version: Some(ProtocolVersion::V2026_07_28), session: None };
//! let params = serde_json::from_str(r#"{"name": "größe"}"#)?;
//! let headers: Vec<_> = head.post("tools/call", Some(params)).collect();
//! assert_eq!(headers[2..], [
//!     ("MCP-Protocol-Version", "2026-07-28".into()),
//!     ("Mcp-Method", "tools/call".into()),
//!     ("Mcp-Name", "=?base64?Z3LDtsOfZQ==?=".into()),
//! ]);
//! # Ok::<(), serde_json::Error>(())
//! ```

use alloc::borrow::Cow;

use serde_json::value::RawValue;

use super::headers::{
    ACCEPT, CACHE_CONTROL, CONTENT_TYPE, EVENT_STREAM, JSON, JSON_OR_EVENT_STREAM, LAST_EVENT_ID, MCP_METHOD, MCP_NAME,
    MCP_PROTOCOL_VERSION, MCP_SESSION_ID,
};
use super::session::SessionId;
use super::stateless::mirrored_name;
use super::value;
use crate::revision::ProtocolVersion;

/// A header with its value.
pub type Header<'a> = (&'static str, Cow<'a, str>);

/// What the requests of one client to one server have in common.
#[derive(Debug, Clone, Copy, Default)]
pub struct RequestHead<'a> {
    /// The revision that was agreed on, or that the requests claim. `None` for `initialize`, which is what asks for one
    /// (R-SH-61).
    pub version: Option<ProtocolVersion>,
    /// The session, where the server opened one (R-SH-48). `None` for `initialize` (R-SH-51).
    pub session: Option<&'a SessionId>,
}

impl<'a> RequestHead<'a> {
    /// The headers of the POST of a request or notification (R-SH-5, R-SH-6, R-SH-11, R-ST-5 to R-ST-9). Notifications of the
    /// stateless revision have those of a request, of which no server complains (R-ST-12).
    pub fn post(&self, method: &'a str, params: Option<&'a RawValue>) -> impl Iterator<Item = Header<'a>> + use<'a> {
        let is_stateless = self.version.is_some_and(|version| !version.has_handshake());
        let mirrored = is_stateless.then_some((MCP_METHOD, Cow::Borrowed(method)));
        let name = if is_stateless { mirrored_name(method, params) } else { None };
        self.post_response().chain(mirrored).chain(name.map(|name| (MCP_NAME, encoded(name))))
    }

    /// The headers of the POST of a response to something that the server asked (R-SH-17), or of a batch.
    pub fn post_response(&self) -> impl Iterator<Item = Header<'a>> + use<'a> {
        let own = [(ACCEPT, JSON_OR_EVENT_STREAM.into()), (CONTENT_TYPE, JSON.into())];
        own.into_iter().chain(self.common())
    }

    /// The headers of the GET of a stream (R-SH-19, R-SH-20); with the id of the last event to resume one (R-SH-33). An empty id
    /// is none (R-EV-31), and neither is one that no header can hold (R-SEC-28).
    pub fn get(&self, last_event_id: Option<&'a str>) -> impl Iterator<Item = Header<'a>> + use<'a> {
        let own = [(ACCEPT, EVENT_STREAM.into()), (CACHE_CONTROL, "no-store".into())];
        let id = last_event_id.filter(|id| !id.is_empty() && super::headers::is_valid_value(id));
        own.into_iter().chain(self.common()).chain(id.map(|id| (LAST_EVENT_ID, id.into())))
    }

    /// The headers of the DELETE that ends the session (R-SH-52).
    pub fn delete(&self) -> impl Iterator<Item = Header<'a>> + use<'a> {
        self.common()
    }

    /// The revision is named in every era: 2025-03-26 does not know the header and is not hurt by it (R-SH-58, R-SH-61).
    fn common(&self) -> impl Iterator<Item = Header<'a>> + use<'a> {
        let version = self.version.map(|version| (MCP_PROTOCOL_VERSION, version.as_str().into()));
        let session = self.session.map(|session| (MCP_SESSION_ID, session.as_str().into()));
        version.into_iter().chain(session)
    }
}

fn encoded(name: Cow<'_, str>) -> Cow<'_, str> {
    match name {
        Cow::Borrowed(name) => value::encode(name),
        Cow::Owned(name) => value::encode(&name).into_owned().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;
    use alloc::vec::Vec;

    fn all<'a>(headers: impl Iterator<Item = Header<'a>>) -> Vec<(&'static str, String)> {
        headers.map(|(name, value)| (name, value.into_owned())).collect()
    }

    fn owned(headers: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
        headers.iter().map(|(name, value)| (*name, String::from(*value))).collect()
    }

    const POST: [(&str, &str); 2] =
        [(ACCEPT, "application/json, text/event-stream"), (CONTENT_TYPE, "application/json")];

    /// R-SH-6, R-SH-11, R-SH-51, R-SH-61
    #[test]
    fn initialize_names_neither_revision_nor_session() {
        let head = RequestHead::default();
        assert_eq!(all(head.post("initialize", None)), owned(&POST));
    }

    /// R-SH-48, R-SH-58
    #[test]
    fn every_later_request_names_both() {
        let session = SessionId::parse(b"6f1c").unwrap();
        let common = [(MCP_PROTOCOL_VERSION, "2025-11-25"), (MCP_SESSION_ID, "6f1c")];
        let head = RequestHead { version: Some(ProtocolVersion::V2025_11_25), session: Some(&session) };
        let params = serde_json::from_str(r#"{"name":"add"}"#).unwrap();
        assert_eq!(all(head.post("tools/call", Some(params))), owned(&[POST, common].concat()));
        assert_eq!(all(head.post_response()), owned(&[POST, common].concat()));
        assert_eq!(all(head.delete()), owned(&common));
        let get = [(ACCEPT, "text/event-stream"), (CACHE_CONTROL, "no-store")];
        assert_eq!(all(head.get(None)), owned(&[get, common].concat()));
    }

    /// R-SH-33, R-EV-31, R-SEC-28
    #[test]
    fn a_stream_is_resumed_by_an_id_that_a_header_can_hold() {
        let id = |id| all(RequestHead::default().get(Some(id))).into_iter().find(|(name, _)| *name == LAST_EVENT_ID);
        assert_eq!(id("3-17"), Some((LAST_EVENT_ID, "3-17".into())));
        for unfit in ["", "a\r\nX-Evil: 1", "a\0"] {
            assert_eq!(id(unfit), None, "{unfit:?}");
        }
    }

    /// R-ST-5, R-ST-7, R-ST-8, R-ST-9, R-ST-53
    #[test]
    fn a_stateless_request_repeats_what_its_body_says() {
        let head = RequestHead { version: Some(ProtocolVersion::V2026_07_28), session: None };
        let mirrored = |method: &'static str, params: &str| {
            let params = serde_json::from_str(params).unwrap();
            let headers = all(head.post(method, Some(params)));
            assert_eq!(headers[..2], owned(&POST));
            headers[2..].to_vec()
        };
        let version = (MCP_PROTOCOL_VERSION, "2026-07-28");
        assert_eq!(mirrored("tools/list", "{}"), owned(&[version, (MCP_METHOD, "tools/list")]));
        for (method, params, name) in [
            ("tools/call", r#"{"name":"my-hyphenated-tool"}"#, "my-hyphenated-tool"),
            ("tools/call", r#"{"name":" \u00e4"}"#, "=?base64?IMOk?="),
            ("prompts/get", r#"{"name":"p"}"#, "p"),
            ("resources/read", r#"{"uri":"file:///a%20b"}"#, "file:///a%20b"),
        ] {
            assert_eq!(mirrored(method, params), owned(&[version, (MCP_METHOD, method), (MCP_NAME, name)]));
        }
    }
}
