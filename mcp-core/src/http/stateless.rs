//! Requests of the stateless revision over HTTP, as a server judges them: do the headers say what the body says, is the revision
//! served, and which status has an error?
//!
//! The body decides and the headers are held against it. The order of the checks is that of R-ST-64, so that a client which
//! contradicts itself is told so before anything else:
//!
//! | Check | Where | Error | Status |
//! | --- | --- | --- | --- |
//! | JSON, and one request | [`jsonrpc::decode`](crate::jsonrpc::decode) | -32700, -32600 | 400 |
//! | what `_meta` must have | [`session::Claim`](crate::session), [`needs_claim`] | -32602 | 400 |
//! | headers against body | [`MirrorHeaders::check`] | -32020 | 400 |
//! | the revision | [`serve`] | -32022 | 400 |
//! | the method | [`session`](crate::session) | -32601 | 404 |
//! | arguments that are repeated in headers | [`ParamHeaders::check`](super::ParamHeaders::check) | -32020 | 400 |
//! | parameters, capabilities | whoever handles the method | -32602, -32021 | 400 |
//!
//! A tool's own headers come later than the rest of the second line of R-ST-64, for the tool has to be found first.

use alloc::borrow::Cow;
use alloc::string::ToString;
use core::fmt;

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::headers::{Field, MCP_METHOD, MCP_NAME, MCP_PROTOCOL_VERSION};
use super::mismatch::{HeaderFault, HeaderMismatch};
use super::{excerpt, value};
use crate::jsonrpc::{Error, code, pick, text_of};
use crate::revision::ProtocolVersion;
use crate::types::Method;

/// Whether a request that claims no revision in its `_meta` should have done so, because its header names one without a
/// handshake. It is answered with error -32602 and status 400 (R-ST-23). Without the header it belongs to a handshake's session.
pub fn needs_claim(version: Field<'_>) -> bool {
    let named = version.once().and_then(|version| core::str::from_utf8(version.trim_ascii()).ok());
    named.and_then(ProtocolVersion::from_wire).is_some_and(|version| !version.has_handshake())
}

/// The headers of a request that repeat its body.
#[derive(Debug, Clone, Copy, Default)]
pub struct MirrorHeaders<'a> {
    /// `MCP-Protocol-Version` (R-ST-7).
    pub version: Field<'a>,
    /// `Mcp-Method` (R-ST-8).
    pub method: Field<'a>,
    /// `Mcp-Name` (R-ST-9).
    pub name: Field<'a>,
}

/// What a request says in its body.
#[derive(Debug, Clone, Copy)]
pub struct Mirrored<'a> {
    /// The revision that it claims in its `_meta`.
    pub version: &'a str,
    /// Its method.
    pub method: &'a str,
    /// What [`Claim::mirrored_name`](crate::session::Claim::mirrored_name) finds in its parameters.
    pub name: Option<&'a str>,
}

impl MirrorHeaders<'_> {
    /// Holds the headers against the body (R-ST-58, R-ST-59). Methods and revisions compare as bytes, a name as what it says
    /// (R-ST-10, R-ST-55). `Mcp-Name` is not looked at where the method has none.
    ///
    /// Only requests have these rules: for notifications none are defined (R-ST-12).
    ///
    /// # Errors
    ///
    /// The first [`HeaderMismatch`], to be answered with error -32020 and status 400 (R-ST-24).
    pub fn check(&self, body: &Mirrored<'_>) -> Result<(), HeaderMismatch<'static>> {
        let mismatch = |header| move |fault| HeaderMismatch { header, fault };
        same_bytes(self.version, body.version).map_err(mismatch(MCP_PROTOCOL_VERSION))?;
        same_bytes(self.method, body.method).map_err(mismatch(MCP_METHOD))?;
        if mirrored_member(body.method).is_none() {
            return Ok(());
        }
        match (self.name, body.name) {
            (Field::Absent, None) => Ok(()),
            (Field::Absent, Some(_)) => Err(HeaderFault::Missing),
            (Field::Repeated, _) => Err(HeaderFault::Repeated),
            (Field::Once(_), None) => Err(HeaderFault::Unexpected),
            (Field::Once(header), Some(name)) => match value::decode(header) {
                Ok(text) if text == name => Ok(()),
                Ok(_) => Err(HeaderFault::Differs),
                Err(error) => Err(HeaderFault::Value(error)),
            },
        }
        .map_err(mismatch(MCP_NAME))
    }
}

fn same_bytes(header: Field<'_>, body: &str) -> Result<(), HeaderFault> {
    match header {
        Field::Absent => Err(HeaderFault::Missing),
        Field::Repeated => Err(HeaderFault::Repeated),
        Field::Once(value) if value.trim_ascii() == body.as_bytes() => Ok(()),
        Field::Once(_) => Err(HeaderFault::Differs),
    }
}

/// The member of a method's parameters that `Mcp-Name` repeats; `None` for the methods that have no such header (R-ST-9).
pub fn mirrored_member(method: &str) -> Option<&'static str> {
    match method {
        // Of the extension `io.modelcontextprotocol/tasks`, whose methods are in no revision.
        "tasks/get" | "tasks/update" | "tasks/cancel" => Some("taskId"),
        _ => Method::from_name(method)?.mirrored_member(),
    }
}

/// What `Mcp-Name` has to say for a request: the text of that member. `None` for a method without the header, and for
/// parameters in which the member is missing, no string, or there twice; those do not fit their method anyway.
///
/// A server that has the [`Claim`](crate::session::Claim) of the request asks [that](crate::session::Claim::mirrored_name).
pub fn mirrored_name<'a>(method: &str, params: Option<&'a RawValue>) -> Option<Cow<'a, str>> {
    let [text] = pick(params?.get(), [mirrored_member(method)?]).ok()?;
    text_of(text?)
}

/// The revision of a claim when it is one of `served`.
///
/// # Errors
///
/// [`UnsupportedVersion`], also for a word that is no revision at all (R-ST-26).
pub fn serve<'a>(claimed: &'a str, served: &'a [ProtocolVersion]) -> Result<ProtocolVersion, UnsupportedVersion<'a>> {
    let known =
        ProtocolVersion::from_wire(claimed).filter(|version| !version.has_handshake() && served.contains(version));
    known.ok_or(UnsupportedVersion { supported: served, requested: claimed })
}

/// A revision that is not served. As JSON it is the data of error -32022: `{"supported": [...], "requested": "..."}`.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct UnsupportedVersion<'a> {
    /// What is served, so that the client can choose (rule 7 of the negotiation).
    #[serde(serialize_with = "dates")]
    pub supported: &'a [ProtocolVersion],
    /// What was claimed.
    pub requested: &'a str,
}

fn dates<S: Serializer>(versions: &&[ProtocolVersion], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(versions.iter().map(|version| version.as_str()))
}

impl UnsupportedVersion<'_> {
    /// The error that answers the request, with status 400 (R-ST-26).
    pub fn error(&self) -> Error {
        let data = serde_json::value::to_raw_value(self).ok();
        debug_assert!(data.is_some(), "two texts serialize");
        Error { code: code::UNSUPPORTED_PROTOCOL_VERSION, message: self.to_string(), data }
    }
}

impl fmt::Display for UnsupportedVersion<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "revision `{}` is not served", excerpt(self.requested))
    }
}

impl core::error::Error for UnsupportedVersion<'_> {}

/// The error for a request that needs a capability which the client did not declare in it, with status 400 (R-ST-25).
/// `required` serializes to the `ClientCapabilities` that would do, such as `{"sampling":{}}`.
pub fn missing_capability<C: Serialize + ?Sized>(required: &C) -> Error {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Data<'a, C: ?Sized> {
        required_capabilities: &'a C,
    }
    let data = serde_json::value::to_raw_value(&Data { required_capabilities: required }).ok();
    let message = "the request needs a client capability that it does not declare";
    Error { code: code::MISSING_CLIENT_CAPABILITY, message: message.into(), data }
}

/// The status of an answer that is one JSON object, by the code of its error (R-ST-21 to R-ST-27, R-ST-30). An error after an
/// event stream was begun has 200 like the stream.
///
/// Of -32602 the specification ties only a missing `_meta` to a status, 400. Any other one has 400 here too, as at Python, Go and
/// rmcp (TypeScript: 200): one rule for one code, and a proxy sees that the request was wrong. Clients read the body at any
/// status (R-ST-32).
pub fn status_of(code: i64) -> u16 {
    match code {
        code::PARSE_ERROR | code::INVALID_REQUEST | code::INVALID_PARAMS => 400,
        code::HEADER_MISMATCH | code::MISSING_CLIENT_CAPABILITY | code::UNSUPPORTED_PROTOCOL_VERSION => 400,
        code::METHOD_NOT_FOUND => 404,
        _ => 200,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    const VERSION: &str = "2026-07-28";

    fn headers<'a>(version: Field<'a>, method: Field<'a>, name: Field<'a>) -> MirrorHeaders<'a> {
        MirrorHeaders { version, method, name }
    }

    fn once(value: &str) -> Field<'_> {
        Field::Once(value.as_bytes())
    }

    /// README, "Server: choosing the era".
    #[test]
    fn a_header_of_the_stateless_revision_needs_a_claim_in_the_body() {
        assert!(needs_claim(once("2026-07-28")) && needs_claim(once(" 2026-07-28 ")));
        for other in
            [once("2025-11-25"), once("v999.0.0"), once(""), Field::Once(b"\xff"), Field::Absent, Field::Repeated]
        {
            assert!(!needs_claim(other), "{other:?}");
        }
    }

    /// R-ST-7, R-ST-8, R-ST-9, R-ST-10, R-ST-24, R-ST-58, R-ST-59, R-ST-65
    #[test]
    fn headers_are_held_against_the_body_in_a_fixed_order() {
        use HeaderFault::{Differs, Missing, Repeated, Unexpected, Value};
        let (version, list, call) = (once(VERSION), once("tools/list"), once("tools/call"));
        let (absent, repeated) = (Field::Absent, Field::Repeated);
        for (headers, method, name, expected) in [
            (headers(version, list, absent), "tools/list", None, Ok(())),
            // Not defined for this method.
            (headers(version, list, once("x")), "tools/list", None, Ok(())),
            (headers(version, list, repeated), "tools/list", None, Ok(())),
            (headers(once(" 2026-07-28\t"), once("\ttools/list "), absent), "tools/list", None, Ok(())),
            (headers(absent, absent, absent), "tools/list", None, Err((MCP_PROTOCOL_VERSION, Missing))),
            (headers(repeated, list, absent), "tools/list", None, Err((MCP_PROTOCOL_VERSION, Repeated))),
            (headers(once("2025-11-25"), list, absent), "tools/list", None, Err((MCP_PROTOCOL_VERSION, Differs))),
            (headers(once(""), list, absent), "tools/list", None, Err((MCP_PROTOCOL_VERSION, Differs))),
            (headers(version, absent, absent), "tools/list", None, Err((MCP_METHOD, Missing))),
            (headers(version, repeated, absent), "tools/list", None, Err((MCP_METHOD, Repeated))),
            (headers(version, once("tools/List"), absent), "tools/list", None, Err((MCP_METHOD, Differs))),
            (headers(version, call, absent), "tools/list", None, Err((MCP_METHOD, Differs))),
            (headers(version, call, once("add")), "tools/call", Some("add"), Ok(())),
            (headers(version, call, once(" add ")), "tools/call", Some("add"), Ok(())),
            (headers(version, call, once("=?base64?YWRk?=")), "tools/call", Some("add"), Ok(())),
            (headers(version, call, once("=?base64?w6Q=?=")), "tools/call", Some("ä"), Ok(())),
            // The parameters are wrong in another way.
            (headers(version, call, absent), "tools/call", None, Ok(())),
            (headers(version, call, absent), "tools/call", Some("add"), Err((MCP_NAME, Missing))),
            (headers(version, call, repeated), "tools/call", Some("add"), Err((MCP_NAME, Repeated))),
            (headers(version, call, once("add")), "tools/call", None, Err((MCP_NAME, Unexpected))),
            (headers(version, call, once("Add")), "tools/call", Some("add"), Err((MCP_NAME, Differs))),
            (headers(version, call, once("=?base64?YWRk?")), "tools/call", Some("add"), Err((MCP_NAME, Differs))),
            (
                headers(version, call, once("=?base64?YWR?=")),
                "tools/call",
                Some("add"),
                Err((MCP_NAME, Value(value::ValueError::Base64))),
            ),
        ] {
            let body = Mirrored { version: VERSION, method, name };
            let outcome = headers.check(&body).map_err(|mismatch| (mismatch.header, mismatch.fault));
            assert_eq!(outcome, expected, "{headers:?} {body:?}");
        }
    }

    /// R-ST-9
    #[test]
    fn the_name_of_a_request_is_a_member_of_its_parameters() {
        for (method, params, expected) in [
            ("tools/call", r#"{"name":"add","arguments":{"name":"other"}}"#, Some("add")),
            ("tools/call", r#"{"_meta":{},"n\u0061me":"\u00e4"}"#, Some("ä")),
            ("prompts/get", r#"{"name":""}"#, Some("")),
            ("resources/read", r#"{"uri":"file:///a%20b","name":"n"}"#, Some("file:///a%20b")),
            ("tasks/get", r#"{"taskId":"t"}"#, Some("t")),
            ("tools/call", r#"{"name":7}"#, None),
            ("tools/call", r#"{"name":"a","name":"a"}"#, None),
            ("tools/call", "{}", None),
            ("tools/list", r#"{"name":"a"}"#, None),
            ("resources/subscribe", r#"{"uri":"u"}"#, None),
        ] {
            let params: &RawValue = serde_json::from_str(params).unwrap();
            assert_eq!(mirrored_name(method, Some(params)).as_deref(), expected, "{method} {params}");
        }
        assert_eq!(mirrored_name("tools/call", None), None);
    }

    /// R-ST-26
    #[test]
    fn a_revision_that_is_not_served_is_answered_with_those_that_are() {
        let served = [ProtocolVersion::V2026_07_28];
        assert_eq!(serve(VERSION, &served).unwrap(), ProtocolVersion::V2026_07_28);
        assert!(serve(VERSION, &[]).is_err());
        assert!(serve("2025-11-25", &ProtocolVersion::ALL).is_err(), "it begins with a handshake");
        let error = serve("v999.0.0", &served).unwrap_err().error();
        assert_eq!((error.code, status_of(error.code)), (-32022, 400));
        assert_eq!(error.data.unwrap().get(), r#"{"supported":["2026-07-28"],"requested":"v999.0.0"}"#);
        assert_eq!(error.message, "revision `v999.0.0` is not served");
    }

    /// R-ST-25
    #[test]
    fn a_missing_capability_is_named_as_an_object() {
        let error = missing_capability(&serde_json::json!({"sampling": {}}));
        assert_eq!((error.code, status_of(error.code)), (-32021, 400));
        assert_eq!(error.data.unwrap().get(), r#"{"requiredCapabilities":{"sampling":{}}}"#);
    }

    /// R-ST-21, R-ST-23, R-ST-24, R-ST-27, R-ST-30
    #[test]
    fn an_error_has_the_status_of_its_code() {
        for (status, codes) in [
            (400, &[-32700, -32600, -32602, -32020, -32021, -32022][..]),
            (404, &[-32601]),
            (200, &[-32603, -32002, -32042, -32000, 0, 1, -1, i64::MAX]),
        ] {
            for code in codes {
                assert_eq!(status_of(*code), status, "{code}");
            }
        }
    }

    #[test]
    fn a_mismatch_says_which_header_and_no_value() {
        let body = Mirrored { version: VERSION, method: "tools/call", name: Some("secret") };
        let mismatch = headers(once(VERSION), once("tools/call"), once("other")).check(&body).unwrap_err();
        assert_eq!(format!("{mismatch}"), "header `Mcp-Name` says something else than the body");
        assert_eq!(mismatch.error().code, -32020);
    }
}
