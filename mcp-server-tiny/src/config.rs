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

use crate::engine::answer::Sole;
use crate::http1::HeadLimits;
use crate::parts::{HttpSse, Listening};

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
    /// Bytes of events kept for one session of Streamable HTTP, to be sent again to a client that lost its connection
    /// (R-SH-34); the oldest go first. 0: streams cannot be resumed. 256 KiB: minutes of what a session says, and all
    /// but the largest results.
    pub replay_bytes: usize,
    /// Bytes of events kept in all, for the same purpose. Past it nothing more is kept until some grow old
    /// ([`Timeouts::replay`]). 64 MiB: 256 sessions with as much as one may have.
    pub replay_bytes_in_all: usize,
    /// Answers to `subscriptions/listen` open at a time; one more is answered with error -32603 (R-ST-46). 1024: they are
    /// held by few clients, each for long, and every change is written to all of them.
    pub subscriptions: usize,
    /// Bytes that wait in all, whoever they are for. Past it connections that do not read are closed, the largest backlog
    /// first. 256 MiB: 32 full backlogs at the same moment.
    pub unsent_bytes: usize,
    /// Connections beyond `connections` that are told so at a time, with 503; the next ones are closed without a word. They live as long
    /// as [`Timeouts::linger`] at most. 32: a burst of clients that come again.
    pub turned_away: usize,
    /// Bytes of buffers that nobody needs at the moment, kept for the next answers. 0: each answer allocates. 256 KiB: what one turn
    /// of a busy loop has in use.
    pub spare_bytes: usize,
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
            replay_bytes: 256 << 10,
            replay_bytes_in_all: 64 << 20,
            subscriptions: 1024,
            unsent_bytes: 256 << 20,
            turned_away: 32,
            spare_bytes: 256 << 10,
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
    /// For a session of Streamable HTTP that nobody uses: no request, no stream, no call whose client is connected and waits.
    /// 30 minutes: its client may have gone without a word (R-SH-50), and one that comes back opens another (R-SH-51).
    pub session_unused: Duration,
    /// From a request to its answer as JSON. What takes longer is answered with an event stream, on which comments
    /// show that somebody is still there. One second: shorter than the patience of any proxy.
    pub json_answer: Duration,
    /// For a client to fetch what it missed of a stream, from the last event of its session on. 60 seconds: clients try again
    /// within a few.
    pub replay: Duration,
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
            session_unused: Duration::from_secs(30 * 60),
            json_answer: Duration::from_secs(1),
            replay: Duration::from_secs(60),
            stop: Duration::from_secs(5),
            linger: Duration::from_secs(2),
        }
    }
}

/// The ways in which a server can be spoken to over HTTP; all of them on one port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Carriers {
    /// HTTP+SSE (2024-11-05).
    pub(crate) http_sse: Option<HttpSse>,
    /// Streamable HTTP with a handshake and sessions (2025-03-26 to 2025-11-25).
    pub(crate) sessions: bool,
    /// Streamable HTTP without (2026-07-28).
    pub(crate) stateless: bool,
    /// The stream that a session of Streamable HTTP opens with a GET (R-SH-19).
    pub(crate) listening: Option<Listening>,
}

impl Carriers {
    /// Whether the one endpoint is there.
    pub(crate) fn streamable_http(self) -> bool {
        self.sessions || self.stateless
    }
}

/// All settings of a server, set through the methods of [`Server`](crate::Server). Not to be shown: there are tokens among
/// them.
pub(crate) struct Config {
    /// Which carriers there are.
    pub(crate) carriers: Carriers,
    /// The one endpoint of Streamable HTTP (R-SH-1, R-ST-1). `/mcp`. With and without a slash at its end.
    pub(crate) mcp_path: String,
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
    /// The form of an answer that nothing came before.
    pub(crate) sole: Sole,
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
            carriers: Carriers {
                http_sse: HttpSse::BUILT,
                sessions: true,
                stateless: true,
                listening: Listening::BUILT,
            },
            mcp_path: "/mcp".to_owned(),
            sse_path: "/sse".to_owned(),
            message_path: "/messages".to_owned(),
            public_prefix: String::new(),
            allowed_hosts: Vec::new(),
            allowed_origins: Vec::new(),
            bearer_tokens: Vec::new(),
            sole: Sole::Json,
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
        let paths = [&self.sse_path, &self.message_path, &self.mcp_path];
        if !paths.into_iter().all(|path| is_path(path)) {
            return Some("`paths` and `mcp_path` begin with a slash and hold no white space, `?` or `#`");
        }
        let paths = paths.map(|path| trim_slash(path));
        if paths[0] == paths[1] || paths[0] == paths[2] || paths[1] == paths[2] {
            return Some("`paths` and `mcp_path` are different ones");
        }
        if self.carriers.http_sse.is_none() && !self.carriers.streamable_http() {
            return Some("all carriers are turned off");
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
