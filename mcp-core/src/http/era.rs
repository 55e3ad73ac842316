//! Which era does this server belong to? Found by asking, as a state machine fed with what was answered.
//!
//! Implements "Client detection order on HTTP" and "Client detection on stdio" of the specification's rules on versions (R-IO-20,
//! R-IO-35, R-SH-63, R-ST-71, rule 7 of the negotiation). The machine says what to try next and takes what came of it; what it
//! asks for, the shell does:
//!
//! | [`Probe`] | over HTTP | over stdio |
//! | --- | --- | --- |
//! | [`Discover`](Probe::Discover) | POST `server/discover` with the headers of its revision | write it |
//! | [`Initialize`](Probe::Initialize) | POST `initialize` without session and version header | write it, to a new process where the old one is gone |
//! | [`OpenStream`](Probe::OpenStream) | GET, and wait for the first event | |
//!
//! The verdict belongs to the server and not to a request: a connection that was found to be of an era stays with it, whatever
//! its later requests are answered. Where to remember it is the shell's affair.
//!
//! ```
//! use mcp_core::http::era::{Detection, Era, Finding, Next, Probe};
//! use mcp_core::revision::ProtocolVersion;
//!
//! let mut detection = Detection::http();
//! assert_eq!(detection.next(), &Next::Try(Probe::Discover(ProtocolVersion::V2026_07_28)));
//! detection.handle(Finding::Status(404));
//! assert_eq!(detection.next(), &Next::Try(Probe::Initialize));
//! detection.handle(Finding::Status(405));
//! assert_eq!(detection.next(), &Next::Try(Probe::OpenStream));
//! detection.handle(Finding::FirstEvent("endpoint"));
//! assert_eq!(detection.next(), &Next::Found(Era::HttpSse));
//! ```

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::excerpt;
use crate::jsonrpc::{ErrorObject, code};
use crate::revision::ProtocolVersion;

/// How a server is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Era {
    /// Without a handshake: each request stands alone and claims this revision.
    Stateless(ProtocolVersion),
    /// With a handshake, over Streamable HTTP or stdio. `initialize` was sent already, and its answer says the revision.
    Handshake,
    /// With a handshake, over HTTP+SSE. The stream is open, and its first event was the endpoint.
    HttpSse,
}

/// What to try.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Probe {
    /// `server/discover`, claiming this revision.
    Discover(ProtocolVersion),
    /// `initialize`, offering the newest revision with a handshake.
    Initialize,
    /// A GET that takes an event stream.
    OpenStream,
}

/// What came of a [`Probe`].
#[derive(Debug)]
pub enum Finding<'a> {
    /// A JSON-RPC result, with a success or on an event stream.
    Result(&'a RawValue),
    /// A JSON-RPC error, with this status; 200 on an event stream and over stdio.
    Error(u16, &'a ErrorObject<'a>),
    /// A status, without a JSON-RPC message in the body.
    Status(u16),
    /// The type of the first event of the stream that [`Probe::OpenStream`] opened.
    FirstEvent(&'a str),
    /// Over stdio: no answer within the time for it.
    Silence,
    /// Over stdio: the process ended.
    Exit,
    /// There was no connection, or it was lost, or a deadline passed; in the words of the error.
    Failure(&'a str),
}

/// Where the detection stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Try this, and tell what came of it.
    Try(Probe),
    /// 401 or 403: no evidence of an era. Whoever can authorize does so and makes the same attempt again; otherwise that is
    /// the error.
    Authorize {
        /// The attempt that needs it.
        probe: Probe,
        /// The status.
        status: u16,
    },
    /// This is how to speak to the server.
    Found(Era),
    /// There is no way to speak to it.
    Failed(Undetected),
}

/// The ways that are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Allowed {
    stateless: bool,
    handshake: bool,
    http_sse: bool,
}

/// Finds out the era of one server. Feed [`Detection::handle`] until [`Detection::next`] is no attempt any more.
#[derive(Debug, Clone)]
pub struct Detection {
    next: Next,
    allowed: Allowed,
    /// Over stdio silence and the end of a process are evidence; over HTTP they are failures.
    is_stdio: bool,
    /// Whether the server has refused a revision before: it is asked again once (rule 7).
    is_second: bool,
    attempts: Vec<Attempt>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Attempt {
    probe: Probe,
    outcome: String,
}

impl Detection {
    /// Over HTTP, any era: `server/discover`, then `initialize`, then a GET.
    pub fn http() -> Self {
        Self::new(Allowed { stateless: true, handshake: true, http_sse: true })
    }

    /// Over HTTP, the eras with a handshake only: `initialize`, then a GET.
    pub fn http_handshake() -> Self {
        Self::new(Allowed { stateless: false, handshake: true, http_sse: true })
    }

    /// Over stdio, both eras: `server/discover`, then `initialize`.
    pub fn stdio() -> Self {
        let allowed = Allowed { stateless: true, handshake: true, http_sse: false };
        Self { is_stdio: true, ..Self::new(allowed) }
    }

    /// Only this era, for those who know: nothing else is tried, over either carrier.
    pub fn pinned(era: Era) -> Self {
        let allowed = Allowed {
            stateless: matches!(era, Era::Stateless(_)),
            handshake: era == Era::Handshake,
            http_sse: era == Era::HttpSse,
        };
        let mut detection = Self::new(allowed);
        if let Era::Stateless(version) = era {
            detection.next = Next::Try(Probe::Discover(version));
        }
        detection
    }

    fn new(allowed: Allowed) -> Self {
        let first = match allowed {
            Allowed { stateless: true, .. } => Probe::Discover(ProtocolVersion::LATEST),
            Allowed { handshake: true, .. } => Probe::Initialize,
            _ => Probe::OpenStream,
        };
        Self { next: Next::Try(first), allowed, is_stdio: false, is_second: false, attempts: Vec::new() }
    }

    /// Where it stands.
    pub fn next(&self) -> &Next {
        &self.next
    }

    /// How many attempts were made.
    pub fn attempts(&self) -> usize {
        self.attempts.len()
    }

    /// Takes what came of the attempt that [`Detection::next`] asked for. Once it is found or failed, nothing changes any more.
    pub fn handle(&mut self, finding: Finding<'_>) {
        let probe = match self.next {
            Next::Try(probe) | Next::Authorize { probe, .. } => probe,
            Next::Found(_) | Next::Failed(_) => return,
        };
        self.attempts.push(Attempt { probe, outcome: finding.to_string() });
        if let Finding::Status(status @ (401 | 403)) | Finding::Error(status @ (401 | 403), _) = finding {
            self.attempts.pop();
            self.next = Next::Authorize { probe, status };
            return;
        }
        self.next = match probe {
            Probe::Discover(_) => self.after_discover(&finding),
            Probe::Initialize => self.after_initialize(&finding),
            Probe::OpenStream => match finding {
                Finding::FirstEvent("endpoint") => Next::Found(Era::HttpSse),
                _ => self.failed(None),
            },
        };
    }

    fn after_discover(&mut self, finding: &Finding<'_>) -> Next {
        match finding {
            Finding::Result(result) => match supported(Some(result), "supportedVersions") {
                Some(versions) => self.choose(&versions, Why::Listed),
                // Servers that answer everything with some result know nothing of this method.
                None => self.initialize(),
            },
            Finding::Error(_, error) if error.code == code::UNSUPPORTED_PROTOCOL_VERSION => {
                match supported(error.data, "supported") {
                    Some(versions) => self.choose(&versions, Why::Refused),
                    None => self.failed(Some("the server refuses the revision and names no other".into())),
                }
            }
            // It is of this era, and has no ear for how we speak it: asking in another way would hide that.
            Finding::Error(_, error) if is_modern(error) => {
                self.failed(Some(format!("the server refuses the request: {error}")))
            }
            Finding::Silence | Finding::Exit if self.is_stdio => self.initialize(),
            Finding::Error(status, _) | Finding::Status(status) if !self.is_stdio && is_no_evidence(*status) => {
                self.failed(None)
            }
            Finding::Error(..) | Finding::Status(_) => self.initialize(),
            Finding::FirstEvent(_) | Finding::Silence | Finding::Exit | Finding::Failure(_) => self.failed(None),
        }
    }

    fn after_initialize(&self, finding: &Finding<'_>) -> Next {
        match finding {
            Finding::Result(_) => Next::Found(Era::Handshake),
            Finding::Error(_, error) if is_modern(error) => self.failed(Some(refused_handshake(error))),
            // The session says why it failed; to look elsewhere would hide that.
            Finding::Error(200..=299, _) => Next::Found(Era::Handshake),
            // 2025-03-26 and 2025-06-18 say any 4xx, 2025-11-25 says 400, 404 and 405: the older servers are the ones that have
            // to be found. A success that is no MCP is what some web servers answer to everything.
            Finding::Error(status @ 400..=499, _) | Finding::Status(status @ (200..=299 | 400..=499))
                if self.allowed.http_sse && !is_no_evidence(*status) =>
            {
                Next::Try(Probe::OpenStream)
            }
            _ => self.failed(None),
        }
    }

    /// Of the revisions that the server lists, the newest that we speak.
    fn choose(&mut self, listed: &[Cow<'_, str>], why: Why) -> Next {
        let ours = || {
            ProtocolVersion::ALL.into_iter().rev().filter(|ours| listed.iter().any(|listed| *listed == ours.as_str()))
        };
        let stateless = ours().find(|version| !version.has_handshake()).filter(|_| self.allowed.stateless);
        match (stateless, why) {
            (Some(version), Why::Listed) => Next::Found(Era::Stateless(version)),
            // Also when it is the one that was refused: some servers refuse a first request whatever it says.
            (Some(version), Why::Refused) if !self.is_second => {
                self.is_second = true;
                Next::Try(Probe::Discover(version))
            }
            (Some(version), Why::Refused) => {
                self.failed(Some(format!("the server refuses revision {version} and lists it as supported")))
            }
            // R-ST-71
            (None, _) if ours().next().is_some() && self.allows_legacy() => self.initialize(),
            (None, _) => {
                let listed: Vec<&str> = listed.iter().take(8).map(|version| &**version).collect();
                self.failed(Some(match listed.as_slice() {
                    [] => "the server names no revision that it speaks".into(),
                    _ => format!("the server speaks {}, none of which can be used", excerpt(&listed.join(", "))),
                }))
            }
        }
    }

    fn allows_legacy(&self) -> bool {
        self.allowed.handshake || self.allowed.http_sse
    }

    fn initialize(&self) -> Next {
        if self.allowed.handshake { Next::Try(Probe::Initialize) } else { self.failed(None) }
    }

    fn failed(&self, reason: Option<String>) -> Next {
        Next::Failed(Undetected { attempts: self.attempts.clone(), reason })
    }
}

/// Where a list of revisions comes from.
#[derive(Clone, Copy)]
enum Why {
    /// The result of `server/discover`.
    Listed,
    /// Error -32022.
    Refused,
}

/// Errors that only servers of the stateless era make.
fn is_modern(error: &ErrorObject<'_>) -> bool {
    matches!(error.code, code::UNSUPPORTED_PROTOCOL_VERSION | code::MISSING_CLIENT_CAPABILITY | code::HEADER_MISMATCH)
}

/// Statuses that say how the server is, not what it is: too busy, failed, or in the way. A redirect that was not followed too.
fn is_no_evidence(status: u16) -> bool {
    matches!(status, 408 | 429 | 300..=399 | 500..) || status < 200
}

fn refused_handshake(error: &ErrorObject<'_>) -> String {
    match supported(error.data, "supported") {
        Some(versions) => format!("the server begins with no handshake and speaks {}", excerpt(&versions.join(", "))),
        None => format!("the server begins with no handshake: {error}"),
    }
}

/// The list of revisions in the data of an error or in a result. `None` when there is none.
fn supported<'a>(object: Option<&'a RawValue>, member: &str) -> Option<Vec<Cow<'a, str>>> {
    #[derive(Deserialize)]
    struct Lists<'a> {
        #[serde(borrow, default)]
        supported: Option<&'a RawValue>,
        #[serde(borrow, default, rename = "supportedVersions")]
        supported_versions: Option<&'a RawValue>,
    }
    let lists: Lists<'a> = serde_json::from_str(object?.get()).ok()?;
    let list = if member == "supported" { lists.supported } else { lists.supported_versions };
    let texts: Vec<&'a RawValue> = serde_json::from_str(list?.get()).ok()?;
    Some(texts.into_iter().filter_map(crate::jsonrpc::borrow_str).collect())
}

impl fmt::Display for Finding<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Result(_) => f.write_str("a result"),
            Self::Error(200, error) => error.fmt(f),
            Self::Error(status, error) => write!(f, "status {status} with {error}"),
            Self::Status(status @ 200..=299) => write!(f, "status {status} without a message of MCP"),
            Self::Status(status) => write!(f, "status {status}"),
            Self::FirstEvent(event) => write!(f, "a stream that begins with event `{}`", excerpt(event)),
            Self::Silence => f.write_str("no answer"),
            Self::Exit => f.write_str("the process ended"),
            Self::Failure(error) => f.write_str(&excerpt(error)),
        }
    }
}

/// No way was found to speak to a server; its `Display` says what was tried and what came of each attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undetected {
    attempts: Vec<Attempt>,
    reason: Option<String>,
}

impl fmt::Display for Undetected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.reason {
            Some(reason) => f.write_str(reason)?,
            None => f.write_str("no MCP server was found")?,
        }
        for (index, Attempt { probe, outcome }) in self.attempts.iter().enumerate() {
            f.write_str(if index == 0 { " (" } else { "; " })?;
            write!(f, "{probe}: {outcome}")?;
        }
        f.write_str(if self.attempts.is_empty() { "" } else { ")" })
    }
}

impl core::error::Error for Undetected {}

impl fmt::Display for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Discover(version) => write!(f, "`server/discover` of {version}"),
            Self::Initialize => f.write_str("`initialize`"),
            Self::OpenStream => f.write_str("an event stream"),
        }
    }
}

impl fmt::Display for Era {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stateless(version) => write!(f, "stateless ({version})"),
            Self::Handshake => f.write_str("with a handshake"),
            Self::HttpSse => f.write_str("HTTP+SSE"),
        }
    }
}

#[cfg(test)]
#[path = "era_tests.rs"]
mod tests;
