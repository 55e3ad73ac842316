//! What a server can be told: paths, who may use it, every bound and every deadline, each with its reason.
//!
//! The bounds on messages are those of the core, [`mcp_core::Limits`]; here stand those on connections, sessions and bytes.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::IpAddr;
use core::time::Duration;

use mcp_core::http::accept::InvalidSetting;
use mcp_core::http::{HostPolicy, OriginPolicy};

use crate::http1::HeadLimits;

/// The bounds of a server. Whoever passes one is refused or dropped, and nobody else notices (R-SEC-7).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Connections open at a time; for one more those close that have waited longest for a next request. If none waits,
    /// a few are answered 503 and the next ones closed. 16 384: a stream and a connection for its posts
    /// for each session. The system's bound on open files is often lower; it is met without harm.
    pub connections: usize,
    /// Sessions open at a time; one more is answered 503. 8 192: half of the connections, so that streams can never take
    /// all of them and leave none for posts.
    pub sessions: usize,
    /// Bytes of a request head; more is 431. 16 KiB: what other servers take.
    pub head_bytes: usize,
    /// Bytes of a request body; more is 413 (R-SSE-29). 4 MiB: what the official servers take.
    pub body_bytes: usize,
    /// Bytes of all requests together that have arrived in part; who needs more is answered 503. 256 MiB: 64 of the
    /// largest bodies at the same moment.
    pub buffered_bytes: usize,
    /// Bytes that wait until the client of one session reads them (R-SSE-49). From half of it on, posts to the session
    /// are answered 503; past it the session is dropped. One message may be larger when nothing else waits. The same goes
    /// for answers on any other connection: past it the connection is closed. 8 MiB: two of the largest messages.
    pub output_bytes: usize,
    /// Bytes that wait in all, whoever they are for. Past it connections that do not read are closed, the largest backlog
    /// first. 256 MiB: 32 full backlogs at the same moment.
    pub unsent_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 16 * 1024,
            sessions: 8 * 1024,
            head_bytes: 16 << 10,
            body_bytes: 4 << 20,
            buffered_bytes: 256 << 20,
            output_bytes: 8 << 20,
            unsent_bytes: 256 << 20,
        }
    }
}

impl Limits {
    pub(crate) fn head(&self) -> HeadLimits {
        HeadLimits { head_bytes: self.head_bytes, body_bytes: self.body_bytes }
    }
}

/// The deadlines of a server. Each ends in an answer, a closed connection, or a comment on a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timeouts {
    /// From the first byte of a head to its last; then 408. 10 seconds: a head is one packet or two.
    pub head: Duration,
    /// From the end of a head to the end of its body; then 408. 60 seconds: the largest body over a slow line.
    pub body: Duration,
    /// For a connection on which no request has begun. 75 seconds: longer than clients keep theirs for reuse.
    pub idle: Duration,
    /// For a peer that has bytes to read and reads none of them, and for the last bytes of a stream that has ended; then
    /// it is dropped. 30 seconds.
    pub write: Duration,
    /// Between the last event of a stream and a comment that keeps proxies from closing it (R-SSE-30). `None` sends no
    /// comments; a client that vanished without a word is then found by the next event only. 15 seconds.
    pub keep_alive: Option<Duration>,
    /// For a session to be initialized. 5 minutes: nobody takes longer who means to.
    pub handshake: Duration,
    /// For a session without a post and without a call in flight. `None`: a session lives as long as its stream, as an editor may be idle for days.
    pub session_idle: Option<Duration>,
    /// For requests in flight when the server is told to stop; then they are cancelled, and what is unsent after another
    /// `linger` is lost. 5 seconds.
    pub stop: Duration,
    /// For a refused peer to read its answer and hang up, so that the answer is not lost to a reset. 2 seconds.
    pub linger: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(10),
            body: Duration::from_secs(60),
            idle: Duration::from_secs(75),
            write: Duration::from_secs(30),
            keep_alive: Some(Duration::from_secs(15)),
            handshake: Duration::from_secs(300),
            session_idle: None,
            stop: Duration::from_secs(5),
            linger: Duration::from_secs(2),
        }
    }
}

/// All settings of a server, set through the methods of [`Server`](crate::Server). Not to be shown: there are tokens among
/// them.
pub(crate) struct Config {
    /// Where a GET opens an event stream (R-SSE-13). `/sse`.
    pub(crate) sse_path: String,
    /// Where messages are posted. `/messages`. With and without a slash at its end (R-SSE-50).
    pub(crate) message_path: String,
    /// What a reverse proxy puts before both paths; it goes into the `endpoint` event whether or not the proxy strips it
    /// (R-SSE-22). Empty.
    pub(crate) public_prefix: String,
    /// Hosts served beside those of loopback, as `host` or `host:port` (R-SEC-3).
    pub(crate) allowed_hosts: Vec<String>,
    /// Origins whose pages may use the server, beside those of loopback when it listens there (R-SEC-2).
    pub(crate) allowed_origins: Vec<String>,
    /// Tokens of which a request has to carry one as `Authorization: Bearer` (R-SSE-7). None: no authentication.
    pub(crate) bearer_tokens: Vec<String>,
    /// Bounds on connections, sessions and bytes.
    pub(crate) limits: Limits,
    /// Bounds on messages.
    pub(crate) messages: mcp_core::Limits,
    /// Deadlines.
    pub(crate) timeouts: Timeouts,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            sse_path: "/sse".to_owned(),
            message_path: "/messages".to_owned(),
            public_prefix: String::new(),
            allowed_hosts: Vec::new(),
            allowed_origins: Vec::new(),
            bearer_tokens: Vec::new(),
            limits: Limits::default(),
            messages: mcp_core::Limits::default(),
            timeouts: Timeouts::default(),
        }
    }
}

/// Who may use a server that listens at one address: [`Config`] made into checks.
#[derive(Debug, Clone)]
pub(crate) struct Access {
    pub(crate) hosts: HostPolicy,
    pub(crate) origins: OriginPolicy,
}

impl Config {
    /// The checks for a listener at `address`.
    pub(crate) fn access(&self, address: IpAddr) -> Result<Access, InvalidSetting> {
        let mut hosts = HostPolicy::for_listener(address);
        let mut origins = OriginPolicy::for_listener(address);
        self.allowed_hosts.iter().try_for_each(|host| hosts.allow(host))?;
        self.allowed_origins.iter().try_for_each(|origin| origins.allow(origin))?;
        Ok(Access { hosts, origins })
    }

    /// The first setting that cannot work, with what it needs.
    pub(crate) fn fault(&self) -> Option<&'static str> {
        let is_path = |path: &str| path.starts_with('/') && is_plain(path);
        if !is_path(&self.sse_path) || !is_path(&self.message_path) {
            return Some("`paths` begin with a slash and hold no white space, `?` or `#`");
        }
        if trim_slash(&self.sse_path) == trim_slash(&self.message_path) {
            return Some("`paths` are two different ones");
        }
        if !self.public_prefix.is_empty() && (!is_path(&self.public_prefix) || self.public_prefix.ends_with('/')) {
            return Some("`public_prefix` begins with a slash and does not end with one");
        }
        if self.limits.sessions >= self.limits.connections {
            return Some("`limits.connections` is larger than `limits.sessions`: posts need connections of their own");
        }
        if self.timeouts.keep_alive.is_some_and(|every| every.is_zero()) {
            return Some("`keep_alive` needs some time between two comments; `None` sends none");
        }
        if self.bearer_tokens.iter().any(|token| token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()))
        {
            return Some("`bearer` needs a token of visible ASCII characters");
        }
        None
    }
}

fn is_plain(path: &str) -> bool {
    path.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#'))
}

/// A path without one slash at its end; `/` stays.
pub(crate) fn trim_slash(path: &str) -> &str {
    path.strip_suffix('/').filter(|rest| !rest.is_empty()).unwrap_or(path)
}
