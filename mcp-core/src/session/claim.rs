//! What a request of the stateless revision says of itself, in the `_meta` of its parameters (R-LM-46 to R-LM-52).

use alloc::borrow::Cow;
use core::fmt;

use serde_json::value::RawValue;

use super::offers::ClientOffers;
use crate::http::stateless::mirrored_member;
use crate::jsonrpc::{ErrorObject, Unclear, code, members, pick, text_of};
use crate::revision::ProtocolVersion;
use crate::types::method::Sender;
use crate::types::{LoggingLevel, Method, ProgressToken, meta};

/// What a request says of its revision and its client. All that a server knows of either: nothing is inferred from earlier
/// requests (R-ST-66).
#[derive(Debug, Clone)]
pub struct Claim<'a> {
    /// The revision, as the client wrote it.
    pub version: Cow<'a, str>,
    /// What the client can be asked, in this request (R-LM-33).
    pub offers: ClientOffers,
    /// The lowest level of log messages that it wants; none unless it says so (R-LM-91).
    pub level: Option<LoggingLevel>,
    /// Under which token it wants to hear of progress.
    pub progress_token: Option<ProgressToken<'a>>,
    /// The members that a header may repeat ([`MIRRORED`]), as JSON.
    mirrored: [Option<&'a str>; MIRRORED.len()],
}

/// The members that [`mirrored_member`] may name.
const MIRRORED: [&str; 3] = ["name", "uri", "taskId"];

/// A claim that cannot be taken: error -32602 (R-LM-52).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClaimFault {
    /// `_meta` is not there, or says no revision.
    NoVersion,
    /// `_meta` says no capabilities.
    NoCapabilities,
    /// The capabilities are no object of objects.
    Capabilities,
    /// There is no such log level.
    LogLevel,
    /// `_meta` is no object, another of its members is of the wrong type, or a member is there twice.
    Malformed,
}

impl ClaimFault {
    /// The same in words, for an error to the peer.
    pub fn reason(self) -> &'static str {
        match self {
            Self::NoVersion => "`_meta` needs `io.modelcontextprotocol/protocolVersion`",
            Self::NoCapabilities => "`_meta` needs `io.modelcontextprotocol/clientCapabilities`",
            Self::Capabilities => "`io.modelcontextprotocol/clientCapabilities` in `_meta` is no ClientCapabilities",
            Self::LogLevel => "`io.modelcontextprotocol/logLevel` in `_meta` is no log level",
            Self::Malformed => "the parameters or their `_meta` are malformed",
        }
    }

    /// The error that answers the request.
    pub fn error(self) -> ErrorObject<'static> {
        ErrorObject::new(code::INVALID_PARAMS, self.reason())
    }
}

impl fmt::Display for ClaimFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason())
    }
}

impl<'a> Claim<'a> {
    /// The claim of a request with these parameters. `None` when it makes none: it belongs to a revision with a handshake, or
    /// lacks what it needs ([`ClaimFault::NoVersion`]); which of the two, its header or its method tells.
    ///
    /// # Errors
    ///
    /// [`ClaimFault`] when it claims a revision but cannot be taken.
    pub fn of(params: Option<&'a RawValue>) -> Result<Option<Self>, ClaimFault> {
        let Some(params) = params else { return Ok(None) };
        // Cheaper than to parse what a handshake's session will parse anyway. PHP and others write the slash as `\/`: who
        // escapes anything is read in full.
        if !may_claim(params.get().as_bytes()) {
            return Ok(None);
        }
        let params = params.get();
        let [name, uri, task_id] = MIRRORED;
        let read = || {
            let [meta, mirrored @ ..] = pick(params, ["_meta", name, uri, task_id])?;
            let Some(meta) = meta else { return Ok(None) };
            let names = [meta::PROTOCOL_VERSION, meta::CLIENT_CAPABILITIES, meta::LOG_LEVEL, "progressToken"];
            Ok::<_, Unclear>(Some((pick(meta, names)?, mirrored)))
        };
        let ([version, capabilities, level, token], mirrored) = match read() {
            Ok(Some(found)) => found,
            Err(Unclear) if names_revision(params) => return Err(ClaimFault::Malformed),
            // Whatever is wrong with it, its session is to say.
            Ok(None) | Err(Unclear) => return Ok(None),
        };
        let Some(version) = version else { return Ok(None) };
        let version = text_of(version).ok_or(ClaimFault::Malformed)?;
        let progress_token = token.map(serde_json::from_str).transpose().map_err(|_| ClaimFault::Malformed)?;
        let capabilities = capabilities.ok_or(ClaimFault::NoCapabilities)?;
        Ok(Some(Self {
            version,
            offers: serde_json::from_str(capabilities).map_err(|_| ClaimFault::Capabilities)?,
            level: level.map(serde_json::from_str).transpose().map_err(|_| ClaimFault::LogLevel)?,
            progress_token,
            mirrored,
        }))
    }

    /// What `Mcp-Name` has to say for the request, whose method this is: see
    /// [`http::stateless::mirrored_name`](crate::http::stateless::mirrored_name) (R-ST-9). Found on the way to the claim,
    /// for parameters may be long.
    pub fn mirrored_name(&self, method: &str) -> Option<Cow<'a, str>> {
        let member = mirrored_member(method)?;
        let place = MIRRORED.iter().position(|name| *name == member)?;
        text_of(self.mirrored[place]?)
    }

    /// The revision, when this library serves it without a handshake. `None` is answered with error -32022 (R-ST-26).
    pub fn revision(&self) -> Option<ProtocolVersion> {
        ProtocolVersion::from_wire(&self.version).filter(|version| !version.has_handshake())
    }
}

/// The method of this name that a client may request in a revision. `None` is answered with error -32601 (R-LM-34).
pub fn requested_method(version: ProtocolVersion, name: &str) -> Option<Method> {
    let method = Method::from_name(name)?;
    let is_request = !method.is_notification() && method.may_come_from(Sender::Client);
    (is_request && method.exists_in(version)).then_some(method)
}

/// Whether the key of the revision, or an escape in which it may hide, is anywhere in the text. Looks for the key by its one
/// capital letter, which is rare in JSON: preparing a search for all of it takes longer than this search.
fn may_claim(text: &[u8]) -> bool {
    const BEFORE: &[u8] = b"io.modelcontextprotocol/protocol";
    memchr::memchr2_iter(b'V', b'\\', text)
        .any(|at| text[at] == b'\\' || (text[..at].ends_with(BEFORE) && text[at..].starts_with(b"Version")))
}

/// Whether any `_meta` of parameters that cannot be read has a revision.
fn names_revision(params: &str) -> bool {
    let mut of_meta = members(params).filter(|(name, _)| name == "_meta").flat_map(|(_, meta)| members(meta));
    of_meta.any(|(name, version)| name == meta::PROTOCOL_VERSION && version != "null")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(params: &str) -> Result<Option<Claim<'_>>, ClaimFault> {
        Claim::of(Some(serde_json::from_str(params).unwrap()))
    }

    #[test]
    fn a_request_with_a_revision_in_its_meta_is_stateless() {
        let text = r#"{"name":"x","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",
            "io.modelcontextprotocol/clientCapabilities":{"sampling":{}},"progressToken":7,
            "io.modelcontextprotocol/logLevel":"warning","com.example/own":[1]}}"#;
        let claim = claim(text).unwrap().unwrap();
        assert_eq!(claim.revision(), Some(ProtocolVersion::V2026_07_28));
        assert!(claim.offers.sampling && !claim.offers.roots);
        assert_eq!(claim.level, Some(LoggingLevel::Warning));
        assert_eq!(claim.progress_token.and_then(|token| token.as_u64()), Some(7));
    }

    #[test]
    fn a_key_may_be_written_with_escapes() {
        let text = r#"{"_meta":{"io.modelcontextprotocol\/protocolVersion":"2026-07-28",
            "io.modelcontextprotocol\u002fclientCapabilities":{}}}"#;
        assert_eq!(claim(text).unwrap().unwrap().revision(), Some(ProtocolVersion::V2026_07_28));
    }

    #[test]
    fn a_request_without_it_is_none() {
        for text in ["{}", r#"{"_meta":{}}"#, r#"{"_meta":{"io.modelcontextprotocol/clientCapabilities":{}}}"#] {
            assert!(claim(text).unwrap().is_none(), "{text}");
        }
        let elsewhere = r#"{"arguments":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}"#;
        assert!(claim(elsewhere).unwrap().is_none());
        assert!(Claim::of(None).unwrap().is_none());
    }

    /// What makes no claim belongs to a session, which judges it: an escape in an argument is no reason to judge it here.
    #[test]
    fn parameters_that_claim_nothing_are_not_judged() {
        for meta in [
            r#"{"progressToken":1.5}"#,
            r#"{"progressToken":{}}"#,
            r#"{"progressToken":1,"progressToken":2}"#,
            r#"{"io.modelcontextprotocol/protocolVersion":null}"#,
            r#"{"io.modelcontextprotocol/logLevel":"loud"}"#,
            "[]",
            "7",
            "null",
            r#"{},"_meta":[]"#,
        ] {
            for argument in ["plain", "a\\nb"] {
                let text = alloc::format!(r#"{{"arguments":{{"t":"{argument}"}},"_meta":{meta}}}"#);
                assert_eq!(claim(&text).map(|claim| claim.is_none()), Ok(true), "{text}");
            }
        }
    }

    /// Two readers may each take another one, of which a proxy has seen only the first.
    #[test]
    fn a_claim_that_is_made_twice_is_refused() {
        let one = r#""io.modelcontextprotocol/protocolVersion":"2026-07-28""#;
        let rest = r#""io.modelcontextprotocol/clientCapabilities":{}"#;
        for params in [
            alloc::format!(r#"{{"_meta":{{{one},{rest}}},"_meta":{{{one},{rest}}}}}"#),
            alloc::format!(r#"{{"_meta":{{{one},{rest}}},"_meta":{{}}}}"#),
            alloc::format!(r#"{{"_meta":null,"_meta":{{{one},{rest}}}}}"#),
            alloc::format!(r#"{{"_meta":{{{one},{rest},{one}}}}}"#),
            alloc::format!(r#"{{"_meta":{{{one},{rest},"io.modelcontextprotocol\/protocolVersion":"2025-11-25"}}}}"#),
            alloc::format!(r#"{{"_meta":{{{one},{rest},{rest}}}}}"#),
        ] {
            assert_eq!(claim(&params).map(|_| ()), Err(ClaimFault::Malformed), "{params}");
        }
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        // R-LM-52, R-LM-91
        let with = |rest: &str| {
            let text =
                alloc::format!(r#"{{"_meta":{{"io.modelcontextprotocol/protocolVersion":"2026-07-28"{rest}}}}}"#);
            claim(&text).map(|_| ()).unwrap_err()
        };
        assert_eq!(with(""), ClaimFault::NoCapabilities);
        assert_eq!(with(r#","io.modelcontextprotocol/clientCapabilities":[]"#), ClaimFault::Capabilities);
        let capabilities = r#","io.modelcontextprotocol/clientCapabilities":{}"#;
        let level = alloc::format!(r#"{capabilities},"io.modelcontextprotocol/logLevel":"loud""#);
        assert_eq!(with(&level), ClaimFault::LogLevel);
        let token = alloc::format!(r#"{capabilities},"progressToken":{{}}"#);
        assert_eq!(with(&token), ClaimFault::Malformed);
    }

    /// R-ST-9; a member that is there twice is read differently by different readers.
    #[test]
    fn a_claim_knows_what_the_headers_repeat() {
        const META: &str = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",
            "io.modelcontextprotocol/clientCapabilities":{}}"#;
        let text = alloc::format!(r#"{{"name":"\u00e4","arguments":{{"name":"b"}},"uri":"u:",{META}}}"#);
        let all = claim(&text).unwrap().unwrap();
        assert_eq!(all.mirrored_name("tools/call").as_deref(), Some("ä"));
        assert_eq!(all.mirrored_name("resources/read").as_deref(), Some("u:"));
        assert_eq!(all.mirrored_name("tasks/get"), None);
        assert_eq!(all.mirrored_name("tools/list"), None);
        let twice = alloc::format!(r#"{{"name":"a",{META},"name":"b"}}"#);
        assert_eq!(claim(&twice).unwrap_err(), ClaimFault::Malformed);
    }

    #[test]
    fn a_revision_with_a_handshake_cannot_be_claimed() {
        let text = r#"{"_meta":{"io.modelcontextprotocol/protocolVersion":"2025-11-25",
            "io.modelcontextprotocol/clientCapabilities":{}}}"#;
        assert_eq!(claim(text).unwrap().unwrap().revision(), None);
    }
}
