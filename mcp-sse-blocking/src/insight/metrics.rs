//! What was counted of one client, as the program reads it.

use std::time::Duration;

/// What a client has done so far, at one moment: [`Client::metrics`](crate::Client::metrics).
///
/// Counters begin with the client and never fall. They are read one after the other while the client works on, so that two of
/// them may be a call apart.
///
/// ```
/// # fn serve(input: &[u8], output: &mut Vec<u8>) {
/// #     for line in input.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
/// #         let message: serde_json::Value = serde_json::from_slice(line).unwrap();
/// #         let result = match message["method"].as_str().unwrap_or_default() {
/// #             "server/discover" => r#"{"supportedVersions":["2026-07-28"],"capabilities":{"tools":{}}}"#,
/// #             _ => r#"{"content":[{"type":"text","text":"done"}]}"#,
/// #         };
/// #         output.extend(format!("{{\"jsonrpc\":\"2.0\",\"id\":{},\"result\":{result}}}\n", message["id"]).bytes());
/// #     }
/// # }
/// let client = mcp_sse_blocking::Client::around(serve)?;
/// client.call("echo", &())?;
/// let metrics = client.metrics();
/// assert_eq!((metrics.calls.ok, metrics.calls.in_flight), (1, 0));
/// assert!(metrics.calls.times.unwrap().p99 >= metrics.calls.times.unwrap().min);
/// // For whoever collects it: OpenMetrics text.
/// assert!(metrics.to_openmetrics().contains("mcp_client_calls_total"));
/// # Ok::<(), mcp_sse_blocking::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Metrics {
    /// With whom: a URL without its query, or the name of a program.
    pub server: String,
    /// A name for the client, for a label of its own in OpenMetrics text. The client has none to give: it is for the program
    /// to set.
    pub name: Option<String>,
    /// How often there came to be a session: the first, and each one after a loss.
    pub connects: u64,
    /// Those of them after a loss: another session in the place of one that the server had forgotten, a stream that was opened
    /// again, a child process that was started again, a server that is reached again.
    pub reconnects: u64,
    /// How often the session was lost, or the server out of reach, for whatever reason but that this program closed the client.
    pub losses: u64,
    /// Event streams over Streamable HTTP that broke and whose rest was had on another.
    pub resumptions: u64,
    /// How long the session that stands now has stood; `None` when there is none.
    pub connected: Option<Duration>,
    /// How long there was a session, in all.
    pub connected_total: Duration,
    /// Connections that were opened: TCP connections, child processes, and 1 for a pipe.
    pub connections: u64,
    /// Those that are open now; idle ones that are kept count as well.
    pub open_connections: u64,
    /// Events of event streams, of whatever type. Comments are none.
    pub events: u64,
    /// Messages that were written: requests, notifications and answers. One that is sent again counts again.
    pub messages_sent: u64,
    /// Messages that came: replies, notifications and questions. A batch is one.
    pub messages_received: u64,
    /// Bytes that went out: on sockets what the system took, heads of HTTP and TLS included; over lines the lines.
    pub bytes_sent: u64,
    /// Bytes that came in, counted likewise, before anything is decompressed. What the server wrote to standard error is not
    /// among them.
    pub bytes_received: u64,
    /// Calls of tools, started ones included. One that needed several requests is one.
    pub calls: CallCounts,
    /// Whatever else this program asked of the server: pages of lists, resources, prompts, pings, and so on. Subscriptions are
    /// not among them, nor is what the client asks by itself, such as the handshake.
    pub requests: CallCounts,
    /// Calls of tools that took as long as [`Builder::slow_call`](crate::Builder::slow_call) says, or longer.
    pub slow_calls: u64,
    /// What calls and requests failed with; each once, when the program was told.
    pub errors: ErrorCounts,
}

/// How calls ended.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
#[non_exhaustive]
pub struct CallCounts {
    /// With a result.
    pub ok: u64,
    /// With a result that says the tool failed.
    pub tool_error: u64,
    /// The server did not do it: an error of JSON-RPC, or an HTTP status.
    pub refused: u64,
    /// A deadline passed.
    pub timed_out: u64,
    /// This program gave the call up, or closed the client.
    pub cancelled: u64,
    /// The connection, the session or the server was lost, or not there; the server may have acted or not.
    pub lost: u64,
    /// What came is no answer, or passes a limit.
    pub broken: u64,
    /// The server asked for input and nobody gave it.
    pub unanswered: u64,
    /// It could not be sent: it is no request as it was, or there are no credentials for it.
    pub unusable: u64,
    /// Calls that are being made now.
    pub in_flight: u64,
    /// How long they took, whatever their outcome; `None` before the first has ended.
    pub times: Option<CallTimes>,
}

/// How long calls took, from their start until their outcome was there. Of a started call that nobody waited for, until then
/// as well, not until its result was taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallTimes {
    /// The shortest.
    pub min: Duration,
    /// The sum of all by their number.
    pub mean: Duration,
    /// The longest.
    pub max: Duration,
    /// What half of them did not exceed. Percentiles are off by 1/64 (1.6 %) at most, or by 32 ns below 2 µs; what took more
    /// than 73 minutes counts as that.
    pub p50: Duration,
    /// What 90 of 100 did not exceed.
    pub p90: Duration,
    /// What 99 of 100 did not exceed.
    pub p99: Duration,
    /// All of them together.
    pub sum: Duration,
    /// How many there were.
    pub count: u64,
}

/// Errors by the variant of [`Error`](crate::Error).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ErrorCounts {
    /// [`Error::Usage`](crate::Error::Usage).
    pub usage: u64,
    /// [`Error::Rpc`](crate::Error::Rpc).
    pub rpc: u64,
    /// [`Error::Peer`](crate::Error::Peer).
    pub peer: u64,
    /// [`Error::Limit`](crate::Error::Limit).
    pub limit: u64,
    /// [`Error::Status`](crate::Error::Status).
    pub status: u64,
    /// [`Error::SessionGone`](crate::Error::SessionGone).
    pub session_gone: u64,
    /// [`Error::Timeout`](crate::Error::Timeout).
    pub timeout: u64,
    /// [`Error::Transport`](crate::Error::Transport).
    pub transport: u64,
    /// [`Error::StreamEnded`](crate::Error::StreamEnded).
    pub stream_ended: u64,
    /// [`Error::Exited`](crate::Error::Exited).
    pub exited: u64,
    /// [`Error::Input`](crate::Error::Input).
    pub input: u64,
    /// [`Error::Cancelled`](crate::Error::Cancelled).
    pub cancelled: u64,
    /// [`Error::Closed`](crate::Error::Closed).
    pub closed: u64,
    /// [`Error::Credentials`](crate::Error::Credentials).
    pub credentials: u64,
    /// [`Error::NotConnected`](crate::Error::NotConnected).
    pub not_connected: u64,
    /// What has no counter of its own yet.
    pub other: u64,
}

impl CallCounts {
    /// How many have ended.
    pub fn ended(&self) -> u64 {
        self.by_outcome().map(|(_, count)| count).iter().sum()
    }

    /// The counts, each with the name of its outcome.
    pub fn by_outcome(&self) -> [(&'static str, u64); 9] {
        [
            ("ok", self.ok),
            ("tool_error", self.tool_error),
            ("refused", self.refused),
            ("timed_out", self.timed_out),
            ("cancelled", self.cancelled),
            ("lost", self.lost),
            ("broken", self.broken),
            ("unanswered", self.unanswered),
            ("unusable", self.unusable),
        ]
    }
}

impl ErrorCounts {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.by_kind().map(|(_, count)| count).iter().sum()
    }

    /// The counts, each with the name of its kind.
    pub fn by_kind(&self) -> [(&'static str, u64); 16] {
        [
            ("usage", self.usage),
            ("rpc", self.rpc),
            ("peer", self.peer),
            ("limit", self.limit),
            ("status", self.status),
            ("session_gone", self.session_gone),
            ("timeout", self.timeout),
            ("transport", self.transport),
            ("stream_ended", self.stream_ended),
            ("exited", self.exited),
            ("input", self.input),
            ("cancelled", self.cancelled),
            ("closed", self.closed),
            ("credentials", self.credentials),
            ("not_connected", self.not_connected),
            ("other", self.other),
        ]
    }
}
